/* count.c: what happens, counted by campaign, step and message (INTERFACES.md 2, metrics). */
#include "vm/run/internal.h"

void engine_count_message(struct engine *engine, uint32_t image, uint32_t message, const char *word)
{
    const struct program *program = engine_program_of(engine, image);
    if (!engine->options.counts || !program || message >= program->image->message_count)
        return;
    const struct image_message *m = &program->image->messages[message];
    store_count(engine->store, program->campaign_names[m->campaign],
                arena_printf(&engine->slice, "message " STR_FMT " %s",
                             STR_ARG(image_text(program->image, m->name)), word),
                1);
}

static void count(struct engine *engine, const struct notice *n)
{
    static const char *const verdicts[] = {"",        "handed_over", "drafted", "",
                                           "skipped", "capped",      "expired", "cancelled",
                                           "failed",  "withheld"};
    uint32_t campaign = n->program->campaign_names[n->campaign];
    struct str name = {0};
    switch (n->kind) {
    case NOTICE_ENTERED:
        name = n->is_holdout ? STR("holdout") : STR("started");
        break;
    case NOTICE_TRIGGERED:
        name = STR("triggered");
        break;
    case NOTICE_FILTERED:
        name = STR("filtered_out");
        break;
    case NOTICE_GOAL:
        name = STR("converted");
        break;
    case NOTICE_ENDED:
        name = n->is_early ? STR("exited_early") : STR("completed");
        break;
    case NOTICE_FAULT:
        name = STR("faults");
        break;
    case NOTICE_STEP:
        name = arena_printf(
            &engine->slice, "step " STR_FMT,
            STR_ARG(image_text(n->program->image, n->program->image->steps[n->step].name)));
        break;
    case NOTICE_MESSAGE:
        if (n->letter->verdict != VERDICT_HOLD)
            engine_count_message(engine, n->program->number, n->letter->message,
                                 verdicts[n->letter->verdict]);
        return;
    }
    store_count(engine->store, campaign, name, 1);
}

void engine_notice(struct engine *engine, const struct notice *notice)
{
    if (engine->options.counts)
        count(engine, notice);
    if (engine->observe)
        engine->observe(engine->observer, notice);
}

static void count_wait(struct react *r, const struct waiting *w, int64_t by)
{
    const struct program *program = engine_program_of(r->engine, w->image);
    if (!program || w->resume >= program->image->wait_count)
        return;
    const struct image_step *step = &program->image->steps[program->image->waits[w->resume].step];
    store_count(r->engine->store, w->campaign,
                arena_printf(&r->engine->slice, "waiting " STR_FMT,
                             STR_ARG(image_text(program->image, step->name))),
                by);
}

struct waiting *who_waits(struct react *r, uint32_t *count)
{
    const struct patient *p = r->patient;
    struct waiting *list = arena_array(&r->engine->slice, p->enrollments_count + 1, sizeof *list);
    *count = 0;
    for (uint32_t i = 0; list && i < p->enrollments_count; i++) {
        const struct enrollment *e = &p->enrollments[i];
        if (e->state == ENROLLMENT_PARKED)
            list[(*count)++] = (struct waiting){e->id, e->campaign, e->image, e->resume};
    }
    return list;
}

void count_waiting(struct react *r)
{
    uint32_t count;
    const struct waiting *now = who_waits(r, &count);
    for (uint32_t i = 0; i < count; i++) {
        bool stayed = false;
        for (uint32_t k = 0; k < r->waiting_count && !stayed; k++) {
            struct waiting *was = &r->waiting[k];
            stayed = was->enrollment == now[i].enrollment && was->resume == now[i].resume &&
                     was->image == now[i].image;
            if (stayed)
                *was = r->waiting[--r->waiting_count];
        }
        if (!stayed)
            count_wait(r, &now[i], 1);
    }
    for (uint32_t k = 0; k < r->waiting_count; k++)
        count_wait(r, &r->waiting[k], -1);
}
