/* reaction.c: what one patient's change, or the passing of time, sets in motion, in the order of
 * LANGUAGE.md F1: segments, goals, exits, waits, triggers; campaigns by name, enrollments by entry.
 * What a step changes is reacted to before that enrollment's next step, so this calls itself, at
 * most CHAIN_MOST deep. */
#include <stdio.h>
#include <stdlib.h>

#include "vm/base/hash.h"
#include "vm/base/zone.h"
#include "vm/code/accept.h"
#include "vm/run/internal.h"

struct env react_env(struct react *r, const struct program *program, struct enrollment *enrollment)
{
    struct env env = {.program = program,
                      .patient = r->patient,
                      .enrollment = enrollment,
                      .host = &r->engine->host,
                      .arena = &r->engine->slice,
                      .now_ms = r->now_ms,
                      .fuel = 1 << 20};
    env_zone(&env);
    return env;
}

void react_lose(struct react *r, enum status status)
{
    if (r->status == STATUS_OK)
        r->status = status;
}

struct index *react_index(struct react *r)
{
    return r->engine->indexes[r->engine->current->number];
}

const struct image_campaign *react_campaign(struct react *r, const struct enrollment *e,
                                            const struct program **program, uint32_t *row)
{
    *program = engine_program_of(r->engine, e->image);
    const uint64_t *known =
        *program ? map64_get(&r->engine->indexes[e->image]->campaigns, e->campaign) : NULL;
    if (!known)
        return NULL;
    *row = (uint32_t)*known;
    return &(*program)->image->campaigns[*row];
}

void react_tell(struct react *r, enum notice_kind kind, const struct program *program,
                uint32_t campaign, const struct enrollment *e, struct str text)
{
    struct notice notice = {.kind = kind,
                            .at_ms = r->now_ms,
                            .patient = r->patient->id,
                            .program = program,
                            .campaign = campaign,
                            .enrollment = e ? e->id : 0,
                            .is_holdout = e && e->is_holdout,
                            .text = text};
    engine_notice(r->engine, &notice);
}

struct entry *react_entry(struct react *r, uint32_t campaign, bool add)
{
    for (uint32_t i = 0; i < r->patient->entries_count; i++)
        if (r->patient->entries[i].campaign == campaign)
            return &r->patient->entries[i];
    struct entry *entry = add ? patient_add_entry(r->patient) : NULL;
    if (entry)
        *entry =
            (struct entry){.campaign = campaign, .entered_at_ms = NEVER_MS, .left_at_ms = NEVER_MS};
    return entry;
}

struct cancelling {
    struct engine *engine;
    uint64_t enrollment;
    struct str reason;
};

static void note_cancelled(void *context, uint64_t outbox, uint32_t image, uint32_t message)
{
    const struct cancelling *c = context;
    engine_note_message(c->engine, image, message, WORD_CANCELLED, c->enrollment, outbox,
                        c->reason);
}

void react_end(struct react *r, struct enrollment *e, struct str reason, bool cancels)
{
    const struct program *program;
    uint32_t row;
    const struct image_campaign *campaign = react_campaign(r, e, &program, &row);
    struct entry *entry = react_entry(r, e->campaign, false);
    e->state = ENROLLMENT_ENDED;
    e->is_touched = true;
    e->reason = reason;
    e->wake_at_ms = NEVER_MS;
    e->goal_until_ms = r->now_ms;
    if (entry)
        entry->left_at_ms = r->now_ms;
    struct cancelling cancelling = {r->engine, e->id, reason};
    if (cancels)
        react_lose(r, store_outbox_cancel(r->engine->store, e->id, r->now_ms, note_cancelled,
                                          &cancelling));
    if (campaign) {
        int64_t until_ms = goal_end_ms(r, program, campaign, e);
        e->goal_until_ms = until_ms > r->now_ms ? until_ms : r->now_ms;
        struct notice notice = {.kind = NOTICE_ENDED,
                                .at_ms = r->now_ms,
                                .patient = r->patient->id,
                                .program = program,
                                .campaign = row,
                                .enrollment = e->id,
                                .is_holdout = e->is_holdout,
                                .is_early = cancels,
                                .exit_row =
                                    str_eq_c(reason, "exit") && cancels ? r->exit_row : IMAGE_NONE,
                                .text = reason};
        engine_notice(r->engine, &notice);
    }
}

/* The key: the same when the slice runs again after a crash, another for every other message of
 * this or another deployment. */
static void name_letter(struct react *r, const struct program *program, const struct enrollment *e,
                        const struct letter *letter, unsigned char key[16])
{
    unsigned char digest[SHA256_BYTES];
    struct str name =
        arena_printf(&r->engine->slice, "message/%llu/%u/%lld/%llu/%u", (unsigned long long)e->id,
                     program->message_names[letter->message], (long long)r->now_ms,
                     (unsigned long long)r->patient->last_event, r->letter_count++);
    hmac_sha256((struct str){(const char *)r->engine->secret, sizeof r->engine->secret}, name,
                digest);
    memcpy(key, digest, 16);
}

static void deliver(struct react *r, const struct program *program, uint32_t campaign,
                    struct enrollment *e, struct letter *letter)
{
    struct mark *drafted = NULL;
    if (letter->verdict == VERDICT_DRAFT)
        drafted = enrollment_mark(r->patient, e, program->message_names[letter->message], true);
    if (drafted)
        drafted->is_drafted = true;
    struct outbox_row row = {.patient = r->patient->key,
                             .enrollment = e->id,
                             .image = program->number,
                             .message = letter->message,
                             .channel = letter->channel,
                             .at_ms = r->now_ms,
                             .expires_at_ms = letter->expires_at_ms,
                             .draft_until_ms = letter->draft_until_ms,
                             .to = letter->to,
                             .from = letter->from,
                             .reply_to = letter->reply_to,
                             .subject = letter->subject,
                             .preheader = letter->preheader,
                             .html = letter->html,
                             .text = letter->text};
    struct notice notice = {.kind = NOTICE_MESSAGE,
                            .at_ms = r->now_ms,
                            .patient = r->patient->id,
                            .program = program,
                            .campaign = campaign,
                            .enrollment = e->id,
                            .is_holdout = e->is_holdout,
                            .letter = letter};
    if (letter->verdict == VERDICT_SEND || letter->verdict == VERDICT_DRAFT) {
        row.state = letter->verdict == VERDICT_SEND ? OUTBOX_PENDING : OUTBOX_DRAFT;
        name_letter(r, program, e, letter, row.key);
        react_lose(r, store_outbox_add(r->engine->store, &row));
        notice.outbox = row.id;
    }
    if (letter->verdict == VERDICT_SEND)
        react_messaged(r, program, letter->message, e->id);
    engine_notice(r->engine, &notice);
}

static void apply(struct react *r, const struct program *program, const struct change *change);

static void take_effects(struct react *r, const struct program *program, uint32_t campaign,
                         struct enrollment *e)
{
    for (uint32_t i = 0; i < r->effects.count; i++) {
        const struct effect *effect = &r->effects.items[i];
        if (effect->kind == EFFECT_LETTER) {
            deliver(r, program, campaign, e, effect->letter);
        } else {
            struct notice notice = {.kind = NOTICE_STEP,
                                    .at_ms = r->now_ms,
                                    .patient = r->patient->id,
                                    .program = program,
                                    .campaign = campaign,
                                    .enrollment = e->id,
                                    .is_holdout = e->is_holdout,
                                    .step = effect->row};
            engine_notice(r->engine, &notice);
        }
    }
    r->effects.count = 0;
}

/* What became of its own messages may end an enrollment, or be its goal. */
static void review_self(struct react *r, uint64_t id)
{
    struct happening nothing = {0};
    goal_review(r, id, &nothing);
    struct enrollment *e = patient_enrollment(r->patient, id);
    if (e && is_inside_campaign(e) && react_meets_exit(r, e, &nothing))
        react_end(r, e, STR("exit"), true);
}

void react_run(struct react *r, uint64_t id)
{
    /* A chain is what follows from one enrollment; the next one begins its own. */
    if (!r->depth)
        r->chain = 0;
    for (;;) {
        struct enrollment *e = patient_enrollment(r->patient, id);
        const struct program *program;
        uint32_t row;
        if (!e || e->state != ENROLLMENT_READY || r->status != STATUS_OK)
            return;
        const struct image_campaign *campaign = react_campaign(r, e, &program, &row);
        if (!campaign) {
            react_end(r, e, STR("image is gone"), true);
            return;
        }
        e->runs++;
        e->is_touched = true;
        struct env env = react_env(r, program, e);
        env.stops_at_send = r->engine->indexes[program->number]->reads_messages[row];
        struct slice slice = {.effects = &r->effects};
        enum slice_end how = machine_run(&env, &slice);
        take_effects(r, program, row, e);
        if (how == SLICE_CHANGE && slice.change.kind == CHANGE_MESSAGE) {
            review_self(r, id);
            continue;
        }
        if (how == SLICE_CHANGE && ++r->chain > CHAIN_MOST) {
            how = SLICE_FAULT;
            snprintf(slice.fault, sizeof slice.fault, "R0007: over %d changes at one instant",
                     CHAIN_MOST);
        }
        if (how == SLICE_FAULT) {
            struct str what = arena_str(&r->engine->slice, str_of(slice.fault));
            react_tell(r, NOTICE_FAULT, program, row, e, what);
            react_end(r, e, what, true);
            return;
        }
        if (how == SLICE_ENDED) {
            react_end(r, e, slice.reason, false);
            return;
        }
        if (how == SLICE_PARKED)
            return;
        r->depth++;
        apply(r, program, &slice.change);
        r->depth--;
    }
}

bool react_meets_exit(struct react *r, struct enrollment *e, const struct happening *h)
{
    const struct program *program;
    uint32_t row;
    const struct image_campaign *campaign = react_campaign(r, e, &program, &row);
    struct env env = react_env(r, program, e);
    for (uint32_t i = 0; campaign && i < campaign->exits.count; i++) {
        r->exit_row = campaign->exits.first + i;
        const struct image_exit *exit = &program->image->exits[campaign->exits.first + i];
        if (exit->event == IMAGE_NONE) {
            env.event = NULL;
            if (machine_test(&env, exit->condition))
                return true;
        } else if (h && h->event && !h->is_history && h->event->id != e->event &&
                   program->event_names[exit->event] == h->event->name) {
            env.event = h->event;
            if (machine_test(&env, exit->condition))
                return true;
        }
    }
    return false;
}

/* --- the phases --- */

struct turn { /* an enrollment at its place in the order */
    struct str campaign;
    uint64_t id;
    uint32_t runs;
    bool is_due;
};

static bool add_key(struct react *r, struct work *work, uint64_t key)
{
    uint64_t *moved =
        arena_grow(&r->engine->slice, work->keys, work->key_count, &work->key_room, sizeof *moved);
    if (!moved) {
        react_lose(r, STATUS_LIMIT);
        return false;
    }
    work->keys = moved;
    work->keys[work->key_count++] = key;
    return true;
}

bool work_concerns(const struct work *work, const struct watch *watch)
{
    return work->is_all || watch_concerns(watch, work->keys, work->key_count);
}

static void begin_work(struct react *r, struct work *work, const struct happening *h)
{
    const struct index *index = react_index(r);
    *work = (struct work){.h = h, .is_all = r->is_all, .dates_from_ms = NEVER_MS};
    if (h->event)
        add_key(r, work, key_of(READ_EVENT, h->event->name));
    if (h->key)
        add_key(r, work, h->key);
    if (h->is_membership)
        add_key(r, work, key_of(READ_SEGMENT, h->segment));
    for (uint32_t i = 0; i < h->change_count; i++) {
        uint64_t key = key_of(READ_ATTRIBUTE, h->changes[i].attribute);
        const struct reach *reach = index_reach(index, key);
        add_key(r, work, key);
        /* Local days and clocks of everything move with the zone. */
        work->is_all |= h->changes[i].attribute == index->zone;
        r->is_date_time_stale |= reach && reach->is_date;
    }
    if (work->is_all)
        r->is_segment_time_stale = r->is_object_time_stale = r->is_date_time_stale = true;
    r->is_all = false;
    if (r->patient->objects_at_ms <= r->now_ms) {
        for (uint32_t i = 0; i < index->timed_objects.count; i++)
            react_truths(r, index->timed_objects.at[i]);
        r->patient->objects_at_ms = NEVER_MS;
        r->is_object_time_stale = work->is_object_time = true;
    }
    if (r->patient->dates_at_ms <= r->now_ms) {
        work->dates_from_ms = r->patient->dates_at_ms;
        r->patient->dates_at_ms = NEVER_MS;
        r->is_date_time_stale = work->is_date_time = true;
    }
}

static int by_campaign_and_entry(const void *a, const void *b)
{
    const struct turn *x = a, *y = b;
    int order = str_cmp(x->campaign, y->campaign);
    return order ? order : x->id < y->id ? -1 : x->id > y->id;
}

/* The patient's enrollments by campaign name, then entry: the array moves while they run. Of the
 * heap: there is one for every change of a step, and all are of one transaction. */
static struct turn *in_order(struct react *r, uint32_t *count)
{
    struct patient *p = r->patient;
    struct turn *turns = heap_alloc((p->enrollments_count + 1) * sizeof *turns);
    *count = p->enrollments_count;
    for (uint32_t i = 0; i < *count; i++) {
        const struct enrollment *e = &p->enrollments[i];
        const struct program *program;
        uint32_t row = 0;
        const struct image_campaign *campaign = react_campaign(r, e, &program, &row);
        turns[i] =
            (struct turn){campaign ? image_text(program->image, campaign->name) : (struct str){0},
                          e->id, e->runs, e->wake_at_ms <= r->now_ms};
    }
    if (*count > 1)
        qsort(turns, *count, sizeof *turns, by_campaign_and_entry);
    return turns;
}

/* Is it for this enrollment's exits and goal? */
static bool ends_concerned(struct react *r, const struct work *work, const struct turn *turn,
                           struct enrollment *e)
{
    const struct program *program;
    uint32_t row;
    if (!react_campaign(r, e, &program, &row))
        return false;
    return turn->is_due || work->h->enrollment == e->id ||
           work_concerns(work, &r->engine->indexes[program->number]->ends[row]);
}

static bool wait_concerned(struct react *r, const struct work *work, const struct turn *turn,
                           const struct enrollment *e)
{
    const struct program *program = engine_program_of(r->engine, e->image);
    if (!program || e->resume >= program->image->wait_count)
        return false;
    return turn->is_due || work->h->enrollment == e->id ||
           work_concerns(work, &r->engine->indexes[program->number]->waits[e->resume]);
}

static void review_goals(struct react *r, const struct work *work, const struct turn *order,
                         uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct enrollment *e = patient_enrollment(r->patient, order[i].id);
        if (!e || !ends_concerned(r, work, &order[i], e))
            continue;
        r->engine->work++;
        e->is_touched = true;
        goal_review(r, e->id, work->h);
    }
}

static void review_exits(struct react *r, const struct work *work, const struct turn *order,
                         uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct enrollment *e = patient_enrollment(r->patient, order[i].id);
        if (e && is_inside_campaign(e) && ends_concerned(r, work, &order[i], e) &&
            react_meets_exit(r, e, work->h))
            react_end(r, e, STR("exit"), true);
    }
}

/* What came stays: an event ends its wait even now. Only time stands still. */
static bool is_paused(struct react *r, const struct enrollment *e)
{
    return engine_state_of(r->engine, e->campaign) == CAMPAIGN_PAUSED;
}

/* A wait that began after the event came, at the same instant, does not take it. */
static void review_wait(struct react *r, const struct work *work, const struct turn *turn)
{
    struct enrollment *e = patient_enrollment(r->patient, turn->id);
    const struct program *program;
    uint32_t row;
    if (!e || e->state != ENROLLMENT_PARKED || !react_campaign(r, e, &program, &row) ||
        !wait_concerned(r, work, turn, e))
        return;
    const struct happening *h = work->h;
    struct env env = react_env(r, program, e);
    r->engine->work++;
    e->is_touched = true;
    env.event = h->event;
    bool goes_on = h->event && !h->is_history && h->event->id != e->event &&
                   e->runs == turn->runs && wait_event(&env);
    env.event = NULL;
    if (!goes_on && !is_paused(r, e))
        goes_on = wait_review(&env);
    if (goes_on)
        react_run(r, e->id);
}

/* When the enrollment's last SMS was handed over; INT64_MIN: it has sent none. */
static int64_t last_sms_ms(const struct program *program, const struct image_campaign *campaign,
                           const struct enrollment *e)
{
    int64_t last_ms = INT64_MIN;
    for (uint32_t k = 0; k < e->mark_count; k++)
        for (uint32_t i = 0; i < campaign->messages.count; i++) {
            uint32_t row = campaign->messages.first + i;
            if (program->message_names[row] == e->marks[k].message &&
                program->image->messages[row].channel == CHANNEL_SMS &&
                e->marks[k].handed_over_at_ms != NEVER_MS &&
                e->marks[k].handed_over_at_ms > last_ms)
                last_ms = e->marks[k].handed_over_at_ms;
        }
    return last_ms;
}

bool react_awaits_reply(struct react *r, const struct enrollment *e, int64_t *sms_at_ms)
{
    const struct program *program;
    uint32_t row;
    const struct image_campaign *campaign = e->state == ENROLLMENT_PARKED && !e->is_holdout
                                                ? react_campaign(r, e, &program, &row)
                                                : NULL;
    if (!campaign || program->image->waits[e->resume].kind != WAIT_REPLY)
        return false;
    *sms_at_ms = last_sms_ms(program, campaign, e);
    return *sms_at_ms != INT64_MIN;
}

static uint64_t who_answers(struct react *r)
{
    uint64_t latest = 0;
    int64_t latest_ms = INT64_MIN, at_ms;
    for (uint32_t i = 0; i < r->patient->enrollments_count; i++) {
        const struct enrollment *e = &r->patient->enrollments[i];
        if (react_awaits_reply(r, e, &at_ms) && at_ms >= latest_ms) {
            latest = e->id;
            latest_ms = at_ms;
        }
    }
    return latest;
}

/* An incoming text goes to one enrollment only (F4). */
static void answer(struct react *r, const struct happening *h)
{
    struct enrollment *e = patient_enrollment(r->patient, h->replier ? h->replier : who_answers(r));
    if (!e || text_is_opt_out(*h->reply))
        return;
    struct env env = react_env(r, engine_program_of(r->engine, e->image), e);
    if (wait_reply(&env, *h->reply))
        react_run(r, e->id);
}

void react_to(struct react *r, const struct happening *h)
{
    struct work work;
    uint32_t count, candidate_count = 0;
    if (!r->engine->current || r->status != STATUS_OK || r->is_quiet)
        return;
    begin_work(r, &work, h);
    review_segments(r, &work);
    for (uint32_t i = 0; i < work.turn_count; i++)
        add_key(r, &work,
                key_of(READ_SEGMENT, r->engine->current->segment_names[work.turns[i].row]));
    struct turn *order = in_order(r, &count);
    uint64_t *candidates = heap_alloc((count + 1) * sizeof *candidates);
    review_goals(r, &work, order, count);
    past_goals(r, h);
    review_exits(r, &work, order, count);
    if (h->reply)
        answer(r, h);
    for (uint32_t i = 0; i < count; i++)
        review_wait(r, &work, &order[i]);
    for (uint32_t i = 0; i < count; i++) {
        const struct enrollment *e = patient_enrollment(r->patient, order[i].id);
        if (e && e->state == ENROLLMENT_CANDIDATE)
            candidates[candidate_count++] = e->id;
    }
    heap_release(order);
    entry_triggers(r, &work, candidates, candidate_count);
    heap_release(candidates);
}

/* When time alone concerns a parked enrollment, a candidate, or one whose goal can still come. */
static void find_wake(struct react *r, struct enrollment *e)
{
    const struct program *program;
    uint32_t row;
    const struct image_campaign *campaign = react_campaign(r, e, &program, &row);
    int64_t flips = NEVER_MS;
    if (!campaign)
        return;
    struct env env = react_env(r, program, e);
    env.flips_at_ms = &flips;
    if (e->state == ENROLLMENT_ENDED || is_paused(r, e))
        e->wake_at_ms = NEVER_MS;
    if (e->state == ENROLLMENT_CANDIDATE && !is_paused(r, e)) {
        machine_test(&env, campaign->audience);
        e->wake_at_ms = e->wait_first_ms;
    }
    for (uint32_t k = 0; e->state == ENROLLMENT_PARKED && k < campaign->exits.count; k++) {
        const struct image_exit *exit = &program->image->exits[campaign->exits.first + k];
        if (exit->event == IMAGE_NONE)
            machine_test(&env, exit->condition);
    }
    if (e->state != ENROLLMENT_CANDIDATE)
        goal_test(&env, program, campaign);
    if (flips < e->wake_at_ms)
        e->wake_at_ms = flips;
}

/* What no limit looks back to any more is forgotten, now and then. */
static void forget_sendings(struct react *r)
{
    enum { FEW = 32 };
    struct patient *p = r->patient;
    int64_t from_ms = r->now_ms - react_index(r)->longest_limit_ms;
    uint32_t kept = 0;
    if (p->sendings_count <= FEW)
        return;
    for (uint32_t i = 0; i < p->sendings_count; i++)
        if (p->sendings[i].at_ms >= from_ms)
            p->sendings[kept++] = p->sendings[i];
    p->sendings_count = kept;
}

/* After everything: what has ended and can reach no goal goes; the rest knows when time alone
 * concerns it. */
void react_settle(struct react *r)
{
    struct patient *p = r->patient;
    for (uint32_t i = 0; i < p->enrollments_count;) {
        struct enrollment *e = &p->enrollments[i];
        bool is_over = e->state == ENROLLMENT_ENDED &&
                       (e->goal_until_ms <= r->now_ms || e->goal_until_ms == NEVER_MS);
        if (is_over && (r->engine->options.keeps_ended || goal_may_begin(r, e))) {
            e->goal_until_ms = NEVER_MS;
        } else if (is_over) {
            patient_remove_enrollment(p, e);
            continue;
        }
        if (e->is_touched)
            find_wake(r, e);
        i++;
    }
    if (!r->engine->current)
        return;
    react_find_flips(r);
    forget_sendings(r);
    if (r->is_date_time_stale)
        p->dates_at_ms = entry_next_date(r);
    p->settled_at_ms = r->now_ms;
    p->image = r->engine->current->number;
}

/* What a step changes, with all that follows from it. */
static void apply(struct react *r, const struct program *program, const struct change *change)
{
    struct happening h = {0};
    struct attribute_change changed;
    struct event event;
    switch (change->kind) {
    case CHANGE_NONE:
    case CHANGE_MESSAGE:
        return;
    case CHANGE_ATTRIBUTE:
        if (!react_set_attribute(r, program, change->row,
                                 change->is_on ? change->value : value_unknown(), &changed))
            return;
        h.changes = &changed;
        h.change_count = 1;
        break;
    case CHANGE_SEGMENT:
        h.segment = program->segment_names[change->row];
        h.is_membership = true;
        h.is_member = change->is_on;
        if (!react_set_membership(r, h.segment, change->is_on))
            return;
        break;
    case CHANGE_SUBSCRIPTION:
        h.key = key_of(READ_TOPIC, program->topic_names[change->row]);
        if (!react_set_subscription(r, program->topic_names[change->row], change->is_on))
            return;
        break;
    case CHANGE_EMIT: {
        uint32_t name = program->event_names[change->row];
        struct store_event row = {.patient = r->patient->key,
                                  .previous = r->patient->last_event,
                                  .name = name,
                                  .at_ms = r->now_ms,
                                  .received_at_ms = r->now_ms,
                                  .data = change->properties};
        react_look(r, key_of(READ_EVENT, name));
        react_lose(r, store_event_add(r->engine->store, &row));
        event = (struct event){row.id, row.previous, row.name, row.at_ms, row.at_ms, row.data};
        r->patient->last_event = row.id;
        h.event = &event;
        react_lose(r,
                   react_change_appointment(
                       r, &event,
                       image_text(program->image, program->image->events[change->row].name), &h));
        react_memorize(r, &event);
        break;
    }
    }
    react_to(r, &h);
}
