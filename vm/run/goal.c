/* goal.c: goals: who converts, and until when (LANGUAGE.md S4, S5). A campaign has one goal at
 * most. */
#include "vm/base/zone.h"
#include "vm/run/internal.h"

static const struct image_goal *goal_of(const struct program *program,
                                        const struct image_campaign *campaign)
{
    return campaign->goals.count ? &program->image->goals[campaign->goals.first] : NULL;
}

static int64_t window_end_ms(const struct program *program, const struct image_goal *goal,
                             const struct zone *zone, int64_t anchor_ms)
{
    const struct image_constant *within = &program->image->constants[goal->within];
    struct value d = {.kind = VALUE_DURATION,
                      .i = within->number,
                      .months = (int32_t)within->months,
                      .days = (int16_t)within->days};
    return instant_step(zone, anchor_ms, d, 1);
}

/* The k-th anchor of the goal; false when there is none. */
static bool anchor_ms(const struct program *program, const struct image_goal *goal,
                      const struct enrollment *e, uint32_t k, int64_t *at_ms)
{
    if (goal->anchor == ANCHOR_ENTRY) {
        *at_ms = e->entered_at_ms;
        return true;
    }
    *at_ms = e->marks[k].handed_over_at_ms;
    return *at_ms != NEVER_MS && (goal->message == IMAGE_NONE ||
                                  e->marks[k].message == program->message_names[goal->message]);
}

static uint32_t anchor_count(const struct image_goal *goal, const struct enrollment *e)
{
    return goal->anchor == ANCHOR_ENTRY ? 1 : e->mark_count;
}

int64_t goal_end_ms(struct react *r, const struct program *program,
                    const struct image_campaign *campaign, struct enrollment *e)
{
    const struct image_goal *goal = goal_of(program, campaign);
    struct env env = react_env(r, program, e);
    int64_t last_ms = INT64_MIN, at_ms;
    for (uint32_t k = 0; goal && !e->is_converted && k < anchor_count(goal, e); k++)
        if (anchor_ms(program, goal, e, k, &at_ms)) {
            int64_t end_ms = window_end_ms(program, goal, env.zone, at_ms);
            last_ms = end_ms > last_ms ? end_ms : last_ms;
        }
    /* An event counts by its timestamp (T2), and may arrive that much later; after that it is
     * history, and past.c finds the enrollment in the journal. */
    bool may_be_late = last_ms != INT64_MIN && goal->event != IMAGE_NONE;
    return may_be_late ? last_ms + r->engine->options.late_after_ms : last_ms;
}

bool goal_may_begin(struct react *r, const struct enrollment *e)
{
    const struct program *program;
    uint32_t row;
    const struct image_campaign *campaign = react_campaign(r, e, &program, &row);
    const struct image_goal *goal = campaign ? goal_of(program, campaign) : NULL;
    bool is_drafted = false;
    if (!goal || goal->anchor == ANCHOR_ENTRY || e->is_converted)
        return false;
    for (uint32_t k = 0; k < e->mark_count; k++)
        is_drafted |= e->marks[k].is_drafted;
    return is_drafted && store_outbox_has_draft(r->engine->store, e->id);
}

static bool is_in_window(struct env *env, const struct image_goal *goal, int64_t at_ms)
{
    const struct enrollment *e = env->enrollment;
    int64_t from_ms;
    for (uint32_t k = 0; k < anchor_count(goal, e); k++)
        if (anchor_ms(env->program, goal, e, k, &from_ms) && at_ms >= from_ms &&
            at_ms < window_end_ms(env->program, goal, env->zone, from_ms))
            return true;
    return false;
}

bool goal_test(struct env *env, const struct program *program,
               const struct image_campaign *campaign)
{
    const struct image_goal *goal = goal_of(program, campaign);
    return goal && goal->event == IMAGE_NONE && machine_test(env, goal->condition);
}

void goal_begin(struct react *r, struct enrollment *e)
{
    const struct program *program;
    uint32_t row;
    const struct image_campaign *campaign = react_campaign(r, e, &program, &row);
    struct env env = react_env(r, program, e);
    e->is_goal_true = campaign && goal_test(&env, program, campaign);
}

/* Has the goal's event come, or has its condition become true? */
static bool has_come(struct env *env, const struct image_goal *goal, const struct happening *h)
{
    if (goal->event != IMAGE_NONE) {
        env->event = h->event;
        return h->event && h->event->id != env->enrollment->event &&
               env->program->event_names[goal->event] == h->event->name &&
               machine_test(env, goal->condition);
    }
    bool was_true = env->enrollment->is_goal_true;
    env->enrollment->is_goal_true = machine_test(env, goal->condition);
    return env->enrollment->is_goal_true && !was_true;
}

/* The message whose window it was: the latest before the goal. */
static void note_message(struct react *r, struct env *env, const struct image_goal *goal,
                         int64_t at_ms)
{
    const struct enrollment *e = env->enrollment;
    const struct mark *latest = NULL;
    int64_t from_ms;
    for (uint32_t k = 0; goal->anchor != ANCHOR_ENTRY && k < e->mark_count; k++)
        if (anchor_ms(env->program, goal, e, k, &from_ms) && from_ms <= at_ms &&
            (!latest || from_ms > latest->handed_over_at_ms))
            latest = &e->marks[k];
    struct journal_entry entry = {.kind = ENTRY_MESSAGE,
                                  .word = WORD_CONVERTED,
                                  .item = latest ? latest->message : 0,
                                  .image = env->program->number,
                                  .enrollment = e->id};
    if (latest && !e->is_holdout)
        engine_note(r->engine, &entry);
}

static void convert(struct react *r, struct env *env, const struct image_goal *goal,
                    uint32_t campaign, int64_t at_ms)
{
    struct enrollment *e = env->enrollment;
    if (e->is_converted || !is_in_window(env, goal, at_ms))
        return;
    e->is_converted = true;
    note_message(r, env, goal, at_ms);
    react_tell(r, NOTICE_GOAL, env->program, campaign, e, (struct str){0});
}

void goal_review(struct react *r, uint64_t id, const struct happening *h)
{
    const struct program *program;
    uint32_t row;
    struct enrollment *e = patient_enrollment(r->patient, id);
    if (!e || e->state == ENROLLMENT_CANDIDATE ||
        (e->state == ENROLLMENT_ENDED && r->now_ms >= e->goal_until_ms))
        return;
    const struct image_campaign *campaign = react_campaign(r, e, &program, &row);
    const struct image_goal *goal = campaign ? goal_of(program, campaign) : NULL;
    struct env env = react_env(r, program, e);
    if (!goal || !has_come(&env, goal, h))
        return;
    int64_t at_ms = goal->event == IMAGE_NONE ? r->now_ms : h->event->at_ms;
    convert(r, &env, goal, row, at_ms);
    bool is_history = goal->event != IMAGE_NONE && h->is_history;
    if (campaign->exit_on_goal && is_inside_campaign(e) && !is_history)
        react_end(r, e, STR("goal"), true);
}

/* --- enrollments that are gone --- */

bool goal_reads(struct react *r, uint32_t event)
{
    for (uint32_t i = 0; i < PROGRAM_ROOM; i++) {
        const struct program *program = r->engine->programs[i];
        for (uint32_t k = 0; program && k < program->image->goal_count; k++)
            if (program->image->goals[k].event != IMAGE_NONE &&
                program->event_names[program->image->goals[k].event] == event)
                return true;
    }
    return false;
}

void goal_review_gone(struct react *r, struct enrollment *e, const struct happening *h)
{
    const struct program *program;
    uint32_t row;
    const struct image_campaign *campaign = react_campaign(r, e, &program, &row);
    const struct image_goal *goal = campaign ? goal_of(program, campaign) : NULL;
    struct env env = react_env(r, program, e);
    if (goal && goal->event != IMAGE_NONE && has_come(&env, goal, h))
        convert(r, &env, goal, row, h->event->at_ms);
}
