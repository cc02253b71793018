/* reaction.c: what one patient's change, or the passing of time, sets in motion, in the order of
 * LANGUAGE.md F1: segments, goals, exits, waits, triggers; campaigns by name, enrollments by entry.
 * What a step changes is reacted to before that enrollment's next step, so this calls itself, at
 * most CHAIN_MOST deep. */
#include <stdio.h>
#include <stdlib.h>

#include "vm/base/hash.h"
#include "vm/base/zone.h"
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

static void lose(struct react *r, enum status status)
{
    if (r->status == STATUS_OK)
        r->status = status;
}

static const struct image_campaign *campaign_of(const struct program *program, uint32_t number,
                                                uint32_t *row)
{
    for (uint32_t i = 0; i < program->image->campaign_count; i++)
        if (program->campaign_names[i] == number) {
            *row = i;
            return &program->image->campaigns[i];
        }
    return NULL;
}

/* The enrollment's program and campaign; NULL when its image is gone. */
static const struct image_campaign *look_up(struct react *r, const struct enrollment *e,
                                            const struct program **program, uint32_t *row)
{
    *program = engine_program_of(r->engine, e->image);
    return *program ? campaign_of(*program, e->campaign, row) : NULL;
}

static void tell(struct react *r, enum notice_kind kind, const struct program *program,
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

static struct entry *entry_of(struct react *r, uint32_t campaign, bool add)
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

/* Until when a goal of an ended enrollment can still be reached. */
static int64_t goal_end(const struct program *program, const struct image_campaign *campaign,
                        const struct enrollment *e, const struct zone *zone)
{
    int64_t last = INT64_MIN;
    for (uint32_t i = 0; i < campaign->goals.count && !e->is_converted; i++) {
        const struct image_goal *goal = &program->image->goals[campaign->goals.first + i];
        const struct image_constant *within = &program->image->constants[goal->within];
        struct value d = {.kind = VALUE_DURATION,
                          .i = within->number,
                          .months = (int32_t)within->months,
                          .days = (int16_t)within->days};
        if (goal->anchor == ANCHOR_ENTRY) {
            int64_t end = instant_step(zone, e->entered_at_ms, d, 1);
            last = end > last ? end : last;
        }
        for (uint32_t k = 0; k < e->mark_count && goal->anchor != ANCHOR_ENTRY; k++) {
            if (goal->message != IMAGE_NONE &&
                e->marks[k].message != program->message_names[goal->message])
                continue;
            int64_t end = e->marks[k].handed_over_at_ms == NEVER_MS
                              ? INT64_MIN
                              : instant_step(zone, e->marks[k].handed_over_at_ms, d, 1);
            last = end > last ? end : last;
        }
    }
    return last;
}

static void note_cancelled(void *context, uint32_t image, uint32_t message)
{
    engine_count_message(context, image, message, "cancelled");
}

static void end(struct react *r, struct enrollment *e, struct str reason, bool cancels)
{
    const struct program *program;
    uint32_t row;
    const struct image_campaign *campaign = look_up(r, e, &program, &row);
    struct entry *entry = entry_of(r, e->campaign, false);
    e->state = ENROLLMENT_ENDED;
    e->reason = reason;
    e->wake_at_ms = NEVER_MS;
    e->goal_until_ms = r->now_ms;
    if (entry)
        entry->left_at_ms = r->now_ms;
    if (cancels)
        lose(r, store_outbox_cancel(r->engine->store, e->id, r->now_ms, note_cancelled, r->engine));
    if (campaign) {
        struct env env = react_env(r, program, e);
        int64_t until = goal_end(program, campaign, e, env.zone);
        e->goal_until_ms = until > r->now_ms ? until : r->now_ms;
        struct notice notice = {.kind = NOTICE_ENDED,
                                .at_ms = r->now_ms,
                                .patient = r->patient->id,
                                .program = program,
                                .campaign = row,
                                .enrollment = e->id,
                                .is_holdout = e->is_holdout,
                                .is_early = cancels,
                                .text = reason};
        engine_notice(r->engine, &notice);
    }
}

static void deliver(struct react *r, const struct program *program, uint32_t campaign,
                    const struct enrollment *e, struct letter *letter)
{
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
        unsigned char digest[SHA256_BYTES];
        struct str name =
            arena_printf(&r->engine->slice, "%llu/%u/%lld", (unsigned long long)e->id,
                         program->message_names[letter->message], (long long)r->now_ms);
        sha256(name, digest);
        memcpy(row.key, digest, sizeof row.key);
        lose(r, store_outbox_add(r->engine->store, &row));
        notice.outbox = row.id;
    }
    engine_notice(r->engine, &notice);
}

static void apply(struct react *r, const struct program *program, const struct change *change);

static void take_effects(struct react *r, const struct program *program, uint32_t campaign,
                         const struct enrollment *e)
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

/* Runs a READY enrollment until it parks or ends. */
static void run(struct react *r, uint64_t id)
{
    for (;;) {
        struct enrollment *e = patient_enrollment(r->patient, id);
        const struct program *program;
        uint32_t row;
        if (!e || e->state != ENROLLMENT_READY || r->status != STATUS_OK)
            return;
        const struct image_campaign *campaign = look_up(r, e, &program, &row);
        if (!campaign) {
            end(r, e, STR("image is gone"), true);
            return;
        }
        struct env env = react_env(r, program, e);
        struct slice slice = {.effects = &r->effects};
        enum slice_end how = machine_run(&env, &slice);
        take_effects(r, program, row, e);
        if (how == SLICE_CHANGE && ++r->chain > CHAIN_MOST) {
            how = SLICE_FAULT;
            snprintf(slice.fault, sizeof slice.fault, "R0007: over %d changes at one instant",
                     CHAIN_MOST);
        }
        if (how == SLICE_FAULT) {
            struct str what = arena_str(&r->engine->slice, str_of(slice.fault));
            tell(r, NOTICE_FAULT, program, row, e, what);
            end(r, e, what, true);
            return;
        }
        if (how == SLICE_ENDED) {
            end(r, e, slice.reason, false);
            return;
        }
        if (how == SLICE_PARKED)
            return;
        apply(r, program, &slice.change);
    }
}

static struct membership *membership_of(struct react *r, uint32_t segment)
{
    for (uint32_t i = 0; i < r->patient->memberships_count; i++)
        if (r->patient->memberships[i].segment == segment)
            return &r->patient->memberships[i];
    return NULL;
}

/* True: it really changed. */
bool react_set_membership(struct react *r, uint32_t segment, bool is_in)
{
    struct membership *membership = membership_of(r, segment);
    if ((membership != NULL) == is_in)
        return false;
    if (is_in) {
        struct membership *added = patient_add_membership(r->patient);
        if (added)
            *added = (struct membership){segment, r->now_ms};
    } else {
        *membership = r->patient->memberships[--r->patient->memberships_count];
    }
    return true;
}

struct turns { /* of segments: rows of the current image */
    uint32_t rows[64];
    bool entered[64];
    uint32_t count;
};

static void review_segments(struct react *r, struct turns *turns)
{
    const struct program *program = r->engine->current;
    int64_t flips = NEVER_MS;
    struct env env = react_env(r, program, NULL);
    env.flips_at_ms = &flips;
    bool is_stable = false;
    for (uint32_t round = 0; !is_stable && round <= program->image->segment_count; round++) {
        is_stable = true;
        for (uint32_t i = 0; i < program->image->segment_count; i++) {
            uint32_t code = program->image->segments[i].condition;
            if (code == IMAGE_NONE ||
                !react_set_membership(r, program->segment_names[i], machine_test(&env, code)))
                continue;
            is_stable = false;
            if (turns->count < ARRAY_COUNT(turns->rows)) {
                turns->rows[turns->count] = i;
                turns->entered[turns->count++] =
                    membership_of(r, program->segment_names[i]) != NULL;
            }
        }
    }
    r->patient->segments_at_ms = flips;
}

static bool is_in_goal_window(struct env *env, const struct image_goal *goal, int64_t at_ms)
{
    const struct program *program = env->program;
    const struct image_constant *within = &program->image->constants[goal->within];
    struct value d = {.kind = VALUE_DURATION,
                      .i = within->number,
                      .months = (int32_t)within->months,
                      .days = (int16_t)within->days};
    const struct enrollment *e = env->enrollment;
    if (goal->anchor == ANCHOR_ENTRY)
        return at_ms >= e->entered_at_ms && at_ms < instant_step(env->zone, e->entered_at_ms, d, 1);
    for (uint32_t i = 0; i < e->mark_count; i++) {
        const struct mark *mark = &e->marks[i];
        bool is_it = goal->anchor == ANCHOR_ANY_MESSAGE ||
                     mark->message == program->message_names[goal->message];
        if (is_it && mark->handed_over_at_ms != NEVER_MS && at_ms >= mark->handed_over_at_ms &&
            at_ms < instant_step(env->zone, mark->handed_over_at_ms, d, 1))
            return true;
    }
    return false;
}

static void review_goal(struct react *r, struct enrollment *e, const struct happening *h)
{
    const struct program *program;
    uint32_t row;
    const struct image_campaign *campaign = look_up(r, e, &program, &row);
    if (!campaign || !h->event || h->is_history || h->event->id == e->event)
        return;
    struct env env = react_env(r, program, e);
    env.event = h->event;
    for (uint32_t i = 0; i < campaign->goals.count; i++) {
        const struct image_goal *goal = &program->image->goals[campaign->goals.first + i];
        if (goal->event == IMAGE_NONE || program->event_names[goal->event] != h->event->name ||
            !machine_test(&env, goal->condition))
            continue;
        if (!e->is_converted && is_in_goal_window(&env, goal, h->event->at_ms)) {
            e->is_converted = true;
            tell(r, NOTICE_GOAL, program, row, e, (struct str){0});
        }
        if (campaign->exit_on_goal && e->state != ENROLLMENT_ENDED)
            end(r, e, STR("goal"), true);
    }
}

static bool meets_exit(struct react *r, struct enrollment *e, const struct happening *h)
{
    const struct program *program;
    uint32_t row;
    const struct image_campaign *campaign = look_up(r, e, &program, &row);
    struct env env = react_env(r, program, e);
    for (uint32_t i = 0; campaign && i < campaign->exits.count; i++) {
        const struct image_exit *exit = &program->image->exits[campaign->exits.first + i];
        if (exit->event == IMAGE_NONE) {
            env.event = NULL;
            if (machine_test(&env, exit->condition))
                return true;
        } else if (h->event && !h->is_history && h->event->id != e->event &&
                   program->event_names[exit->event] == h->event->name) {
            env.event = h->event;
            if (machine_test(&env, exit->condition))
                return true;
        }
    }
    return false;
}

static void review_wait(struct react *r, struct enrollment *e, const struct happening *h)
{
    const struct program *program;
    uint32_t row;
    if (e->state != ENROLLMENT_PARKED || !look_up(r, e, &program, &row))
        return;
    struct env env = react_env(r, program, e);
    env.event = h->event;
    bool goes_on = h->event && !h->is_history && h->event->id != e->event && wait_event(&env);
    env.event = NULL;
    if (!goes_on)
        goes_on = wait_review(&env);
    if (goes_on)
        run(r, e->id);
}

static bool may_enter(struct react *r, const struct image_campaign *campaign, struct env *env,
                      uint64_t *key)
{
    const struct image *image = env->program->image;
    uint32_t number = env->enrollment->campaign;
    const struct entry *entry = entry_of(r, number, false);
    bool is_inside = false;
    for (uint32_t i = 0; i < r->patient->enrollments_count; i++)
        is_inside |= r->patient->enrollments[i].campaign == number &&
                     r->patient->enrollments[i].state != ENROLLMENT_ENDED;
    struct value since =
        campaign->enter_duration == IMAGE_NONE
            ? value_unknown()
            : (struct value){.kind = VALUE_DURATION,
                             .i = image->constants[campaign->enter_duration].number,
                             .months = (int32_t)image->constants[campaign->enter_duration].months,
                             .days = (int16_t)image->constants[campaign->enter_duration].days};
    int64_t from =
        since.kind == VALUE_DURATION ? instant_step(env->zone, r->now_ms, since, -1) : INT64_MIN;
    switch ((enum enter_kind)campaign->enter_kind) {
    case ENTER_ONCE:
        return !entry;
    case ENTER_ONCE_PER_DURATION:
        return !entry || entry->entered_at_ms <= from;
    case ENTER_ONCE_PER_KEY: {
        struct value v = machine_eval(env, campaign->enter_key);
        struct buf bytes;
        static const unsigned char salt[SIPHASH_KEY_BYTES];
        if (v.kind == VALUE_UNKNOWN)
            return false;
        buf_init(&bytes, 1 << 16);
        value_encode(&bytes, v);
        *key = siphash(salt, buf_view(&bytes));
        buf_free(&bytes);
        for (uint32_t i = 0; i < r->patient->entry_keys_count; i++)
            if (r->patient->entry_keys[i].campaign == number &&
                r->patient->entry_keys[i].hash == *key)
                return false;
        return true;
    }
    case ENTER_AGAIN:
        return !is_inside;
    case ENTER_AGAIN_AFTER:
        return !is_inside && (!entry || entry->left_at_ms == NEVER_MS || entry->left_at_ms <= from);
    case ENTER_ALWAYS:
        return true;
    }
    return false;
}

static void enter(struct react *r, uint32_t row, struct value trigger, uint64_t event)
{
    const struct program *program = r->engine->current;
    const struct image_campaign *campaign = &program->image->campaigns[row];
    struct enrollment fresh = {.id = r->engine->next_enrollment,
                               .campaign = program->campaign_names[row],
                               .image = program->number,
                               .state = ENROLLMENT_READY,
                               .entered_at_ms = r->now_ms,
                               .event = event,
                               .wait_began_ms = r->now_ms,
                               .wait_first_ms = NEVER_MS,
                               .wake_at_ms = NEVER_MS,
                               .goal_until_ms = NEVER_MS,
                               .slot_count = campaign->slot_count};
    struct happening nothing = {0};
    uint64_t key = 0;
    fresh.slots = arena_array(&r->engine->slice, fresh.slot_count, sizeof *fresh.slots);
    if (!fresh.slots) {
        lose(r, STATUS_LIMIT);
        return;
    }
    if (campaign->trigger_slot < fresh.slot_count)
        fresh.slots[campaign->trigger_slot] = trigger;
    struct env env = react_env(r, program, &fresh);
    tell(r, NOTICE_TRIGGERED, program, row, NULL, (struct str){0});
    if (!may_enter(r, campaign, &env, &key))
        return;
    if (!machine_test(&env, campaign->audience) || meets_exit(r, &fresh, &nothing)) {
        tell(r, NOTICE_FILTERED, program, row, NULL, (struct str){0});
        return;
    }
    fresh.is_holdout = !r->engine->options.without_holdout &&
                       share_of(r->patient->id, image_text(program->image, campaign->name),
                                STR("holdout")) < campaign->holdout;
    struct entry *entry = entry_of(r, fresh.campaign, true);
    struct entry_key *entry_key =
        campaign->enter_kind == ENTER_ONCE_PER_KEY ? patient_add_entry_key(r->patient) : NULL;
    struct enrollment *added = patient_add_enrollment(r->patient);
    if (!entry || !added) {
        lose(r, STATUS_LIMIT);
        return;
    }
    entry->count++;
    entry->entered_at_ms = r->now_ms;
    if (entry_key)
        *entry_key = (struct entry_key){fresh.campaign, key};
    *added = fresh;
    r->engine->next_enrollment++;
    tell(r, NOTICE_ENTERED, program, row, added, (struct str){0});
    run(r, fresh.id);
}

static bool changes(const struct happening *h)
{
    struct buf a, b;
    buf_init(&a, 0);
    buf_init(&b, 0);
    value_encode(&a, h->before);
    value_encode(&b, h->after);
    bool differs = !str_eq(buf_view(&a), buf_view(&b));
    buf_free(&a);
    buf_free(&b);
    return differs;
}

static void trigger(struct react *r, uint32_t row, const struct happening *h,
                    const struct turns *turns)
{
    const struct program *program = r->engine->current;
    const struct image_campaign *campaign = &program->image->campaigns[row];
    struct env env = react_env(r, program, NULL);
    if (r->engine->states[row] != CAMPAIGN_RUNNING)
        return;
    switch ((enum trigger_kind)campaign->trigger_kind) {
    case TRIGGER_EVENT:
        env.event = h->event;
        if (h->event && !h->is_history &&
            program->event_names[campaign->trigger_event] == h->event->name &&
            machine_test(&env, campaign->trigger_where))
            enter(r, row, (struct value){.kind = VALUE_EVENT, .i = (int64_t)h->event->id},
                  h->event->id);
        break;
    case TRIGGER_CHANGES:
    case TRIGGER_BECOMES: {
        if (!h->is_attribute ||
            program->attribute_names[campaign->trigger_attribute] != h->attribute || !changes(h))
            break;
        bool comparable;
        bool becomes = campaign->trigger_kind == TRIGGER_CHANGES;
        if (!becomes) {
            struct value wanted = machine_eval(&env, campaign->trigger_value);
            bool is_now = value_compare(&env, h->after, wanted, &comparable) == 0 && comparable;
            bool was = value_compare(&env, h->before, wanted, &comparable) == 0 && comparable;
            becomes = is_now && !was;
        }
        if (becomes && machine_test(&env, campaign->trigger_where))
            enter(r, row, value_unknown(), 0);
        break;
    }
    case TRIGGER_ENTERED:
    case TRIGGER_LEFT:
        for (uint32_t i = 0; i < turns->count; i++)
            if (turns->rows[i] == campaign->trigger_segment &&
                turns->entered[i] == (campaign->trigger_kind == TRIGGER_ENTERED))
                enter(r, row, value_unknown(), 0);
        break;
    case TRIGGER_OBJECT:
        env.object = h->object;
        if (h->object && program->object_names[campaign->trigger_object] == h->object->object &&
            !(h->object_was && h->object_was[row]) && machine_test(&env, campaign->trigger_where))
            enter(r, row,
                  (struct value){.kind = VALUE_OBJECT,
                                 .months = (int32_t)campaign->trigger_object,
                                 .text = h->object->id},
                  0);
        break;
    case TRIGGER_MANUAL:
        break;
    case TRIGGER_DATE:
        break;
    }
    if (h->is_manual && campaign->trigger_kind == TRIGGER_MANUAL &&
        str_eq(h->campaign, image_text(program->image, campaign->name)))
        enter(r, row, value_unknown(), 0);
}

/* Ids of the patient's enrollments by campaign name, then entry: the array moves while they run. */
static uint64_t *in_order(struct react *r, uint32_t *count)
{
    struct patient *p = r->patient;
    uint64_t *ids = arena_array(&r->engine->slice, p->enrollments_count + 1, sizeof *ids);
    *count = 0;
    if (!ids)
        return NULL;
    struct str last = {0};
    for (uint32_t done = 0; done < p->enrollments_count;) {
        const struct enrollment *best = NULL;
        struct str best_name = {0};
        for (uint32_t i = 0; i < p->enrollments_count; i++) {
            const struct enrollment *e = &p->enrollments[i];
            const struct program *program;
            uint32_t row = 0;
            const struct image_campaign *campaign = look_up(r, e, &program, &row);
            struct str name = campaign ? image_text(program->image, campaign->name) : STR("");
            bool is_after = !*count || str_cmp(name, last) > 0 ||
                            (str_eq(name, last) && e->id > ids[*count - 1]);
            if (is_after && (!best || str_cmp(name, best_name) < 0 ||
                             (str_eq(name, best_name) && e->id < best->id))) {
                best = e;
                best_name = name;
            }
        }
        if (!best)
            break;
        ids[(*count)++] = best->id;
        last = best_name;
        done++;
    }
    return ids;
}

static void answer(struct react *r, const struct happening *h)
{
    struct enrollment *latest = NULL;
    int64_t latest_at = INT64_MIN;
    for (uint32_t i = 0; i < r->patient->enrollments_count; i++) {
        struct enrollment *e = &r->patient->enrollments[i];
        const struct program *program;
        uint32_t row;
        if (e->state != ENROLLMENT_PARKED || !look_up(r, e, &program, &row) ||
            program->image->waits[e->resume].kind != WAIT_REPLY)
            continue;
        for (uint32_t k = 0; k < e->mark_count; k++)
            if (e->marks[k].handed_over_at_ms != NEVER_MS &&
                e->marks[k].handed_over_at_ms >= latest_at) {
                latest = e;
                latest_at = e->marks[k].handed_over_at_ms;
            }
    }
    if (!latest)
        return;
    struct env env = react_env(r, engine_program_of(r->engine, latest->image), latest);
    if (wait_reply(&env, *h->reply))
        run(r, latest->id);
}

void react_to(struct react *r, const struct happening *h)
{
    struct turns turns = {0};
    uint32_t count;
    uint64_t *ids;
    if (!r->engine->current || r->status != STATUS_OK)
        return;
    review_segments(r, &turns);
    ids = in_order(r, &count);
    for (uint32_t i = 0; ids && i < count; i++) {
        struct enrollment *e = patient_enrollment(r->patient, ids[i]);
        if (e && (e->state != ENROLLMENT_ENDED || r->now_ms < e->goal_until_ms))
            review_goal(r, e, h);
    }
    for (uint32_t i = 0; ids && i < count; i++) {
        struct enrollment *e = patient_enrollment(r->patient, ids[i]);
        if (e && e->state != ENROLLMENT_ENDED && meets_exit(r, e, h))
            end(r, e, STR("exit"), true);
    }
    if (h->reply)
        answer(r, h);
    for (uint32_t i = 0; ids && i < count; i++) {
        struct enrollment *e = patient_enrollment(r->patient, ids[i]);
        if (e)
            review_wait(r, e, h);
    }
    for (uint32_t row = 0; row < r->engine->current->image->campaign_count; row++)
        trigger(r, row, h, &turns);
}

/* After everything: what has ended and can reach no goal goes; the rest knows when time alone
 * concerns it. */
void react_settle(struct react *r)
{
    struct patient *p = r->patient;
    for (uint32_t i = 0; i < p->enrollments_count;) {
        struct enrollment *e = &p->enrollments[i];
        if (e->state == ENROLLMENT_ENDED && e->goal_until_ms <= r->now_ms) {
            memmove(e, e + 1, (p->enrollments_count - i - 1) * sizeof *e);
            p->enrollments_count--;
            continue;
        }
        i++;
        const struct program *program;
        uint32_t row;
        const struct image_campaign *campaign =
            e->state == ENROLLMENT_PARKED ? look_up(r, e, &program, &row) : NULL;
        if (!campaign)
            continue;
        int64_t flips = NEVER_MS;
        struct env env = react_env(r, program, e);
        env.flips_at_ms = &flips;
        for (uint32_t k = 0; k < campaign->exits.count; k++) {
            const struct image_exit *exit = &program->image->exits[campaign->exits.first + k];
            if (exit->event == IMAGE_NONE)
                machine_test(&env, exit->condition);
        }
        if (flips < e->wake_at_ms)
            e->wake_at_ms = flips;
    }
}

void react_memorize(struct react *r, const struct event *event)
{
    const struct program *program = r->engine->current;
    struct env env = react_env(r, program, NULL);
    env.event = event;
    for (uint32_t i = 0; i < program->image->did_count; i++) {
        const struct image_did *did = &program->image->dids[i];
        if (did->walks || program->event_names[did->event] != event->name ||
            !machine_test(&env, did->where))
            continue;
        struct memory *memory = NULL;
        for (uint32_t k = 0; k < r->patient->memories_count; k++)
            if (r->patient->memories[k].did == program->did_names[i])
                memory = &r->patient->memories[k];
        if (!memory && (memory = patient_add_memory(r->patient)))
            memory->did = program->did_names[i];
        int64_t *times =
            arena_array(&r->engine->slice, (memory ? memory->count : 0) + 1, sizeof *times);
        if (!memory || !times) {
            lose(r, STATUS_LIMIT);
            return;
        }
        uint32_t at = 0;
        while (at < memory->count && memory->at_ms[at] >= event->at_ms)
            at++;
        if (at)
            memcpy(times, memory->at_ms, at * sizeof *times);
        times[at] = event->at_ms;
        if (memory->count > at)
            memcpy(times + at + 1, memory->at_ms + at, (memory->count - at) * sizeof *times);
        memory->at_ms = times;
        memory->count = memory->count + 1 > did->at_least ? did->at_least : memory->count + 1;
    }
}

uint8_t *react_object_truths(struct react *r, const struct object *object)
{
    const struct program *program = r->engine->current;
    uint8_t *truths = arena_alloc(&r->engine->slice, program->image->campaign_count + 1);
    struct env env = react_env(r, program, NULL);
    env.object = object;
    for (uint32_t i = 0; truths && object && i < program->image->campaign_count; i++) {
        const struct image_campaign *campaign = &program->image->campaigns[i];
        truths[i] = campaign->trigger_kind == TRIGGER_OBJECT &&
                    program->object_names[campaign->trigger_object] == object->object &&
                    machine_test(&env, campaign->trigger_where);
    }
    return truths;
}

bool react_set_subscription(struct react *r, uint32_t topic, bool is_on)
{
    for (uint32_t i = 0; i < r->patient->subscriptions_count; i++)
        if (r->patient->subscriptions[i].topic == topic) {
            bool differs = r->patient->subscriptions[i].is_subscribed != is_on;
            r->patient->subscriptions[i].is_subscribed = is_on;
            r->patient->subscriptions[i].at_ms = r->now_ms;
            return differs;
        }
    struct subscription *added = patient_add_subscription(r->patient);
    if (added)
        *added = (struct subscription){topic, is_on, r->now_ms};
    return true;
}

/* What a step changes, with all that follows from it. */
static void apply(struct react *r, const struct program *program, const struct change *change)
{
    struct happening h = {0};
    struct event event;
    switch (change->kind) {
    case CHANGE_NONE:
        return;
    case CHANGE_ATTRIBUTE:
        h.is_attribute = true;
        h.attribute = program->attribute_names[change->row];
        h.before = patient_attribute(r->patient, h.attribute);
        if (!patient_set_attribute(r->patient, h.attribute,
                                   change->is_on ? change->value : value_unknown()))
            return;
        h.after = patient_attribute(r->patient, h.attribute);
        break;
    case CHANGE_SEGMENT:
        if (!react_set_membership(r, program->segment_names[change->row], change->is_on))
            return;
        break;
    case CHANGE_SUBSCRIPTION:
        react_set_subscription(r, program->topic_names[change->row], change->is_on);
        break;
    case CHANGE_EMIT: {
        struct store_event row = {.patient = r->patient->key,
                                  .previous = r->patient->last_event,
                                  .name = program->event_names[change->row],
                                  .at_ms = r->now_ms,
                                  .received_at_ms = r->now_ms,
                                  .data = change->properties};
        lose(r, store_event_add(r->engine->store, &row));
        event = (struct event){row.id, row.previous, row.name, row.at_ms, row.at_ms, row.data};
        r->patient->last_event = row.id;
        react_memorize(r, &event);
        h.event = &event;
        break;
    }
    }
    react_to(r, &h);
}

void react_hand_over(struct react *r, const struct approval *approval)
{
    struct outbox_row row;
    enum status status =
        store_outbox_get(r->engine->store, approval->outbox, &r->engine->slice, &row);
    const struct program *program =
        status == STATUS_OK ? engine_program_of(r->engine, row.image) : NULL;
    if (status != STATUS_OK || !program || row.state != OUTBOX_DRAFT) {
        lose(r, status == STATUS_MISSING ? STATUS_OK : status);
        return;
    }
    struct enrollment *e = patient_enrollment(r->patient, row.enrollment);
    struct enrollment gone = {.id = row.enrollment};
    struct env env = react_env(r, program, e ? e : &gone);
    enum skip_reason skip;
    enum outbox_state to = OUTBOX_PENDING;
    enum verdict verdict =
        letter_check(&env, row.message, row.to, row.expires_at_ms, NEVER_MS, &skip);
    if (row.draft_until_ms <= r->now_ms || verdict == VERDICT_EXPIRED)
        to = OUTBOX_EXPIRED;
    else if (verdict == VERDICT_SKIPPED)
        to = OUTBOX_SKIPPED;
    else if (verdict == VERDICT_CAPPED)
        to = OUTBOX_CAPPED;
    else if (verdict != VERDICT_SEND)
        to = OUTBOX_CANCELLED;
    lose(r, store_outbox_move(r->engine->store, row.id, OUTBOX_DRAFT, to, r->now_ms));
    if (to != OUTBOX_PENDING) {
        engine_count_message(r->engine, row.image, row.message, outbox_word(to));
        return;
    }
    if (!letter_handed_over(&env, row.message)) {
        lose(r, STATUS_LIMIT);
        return;
    }
    uint32_t campaign = 0;
    const struct image_message *message = &program->image->messages[row.message];
    campaign = message->campaign;
    struct letter letter = {.message = row.message,
                            .channel = row.channel,
                            .verdict = VERDICT_SEND,
                            .to = row.to,
                            .subject = row.subject,
                            .html = row.html,
                            .text = row.text};
    struct notice notice = {.kind = NOTICE_MESSAGE,
                            .at_ms = r->now_ms,
                            .patient = r->patient->id,
                            .program = program,
                            .campaign = campaign,
                            .enrollment = row.enrollment,
                            .letter = &letter,
                            .outbox = row.id};
    engine_notice(r->engine, &notice);
}
