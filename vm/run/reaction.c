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

void react_lose(struct react *r, enum status status)
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

const struct image_campaign *react_campaign(struct react *r, const struct enrollment *e,
                                            const struct program **program, uint32_t *row)
{
    *program = engine_program_of(r->engine, e->image);
    return *program ? campaign_of(*program, e->campaign, row) : NULL;
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

static void note_cancelled(void *context, uint32_t image, uint32_t message)
{
    engine_count_message(context, image, message, "cancelled");
}

void react_end(struct react *r, struct enrollment *e, struct str reason, bool cancels)
{
    const struct program *program;
    uint32_t row;
    const struct image_campaign *campaign = react_campaign(r, e, &program, &row);
    struct entry *entry = react_entry(r, e->campaign, false);
    e->state = ENROLLMENT_ENDED;
    e->reason = reason;
    e->wake_at_ms = NEVER_MS;
    e->goal_until_ms = r->now_ms;
    if (entry)
        entry->left_at_ms = r->now_ms;
    if (cancels)
        react_lose(
            r, store_outbox_cancel(r->engine->store, e->id, r->now_ms, note_cancelled, r->engine));
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
        react_lose(r, store_outbox_add(r->engine->store, &row));
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

void react_run(struct react *r, uint64_t id)
{
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

bool react_meets_exit(struct react *r, struct enrollment *e, const struct happening *h)
{
    const struct program *program;
    uint32_t row;
    const struct image_campaign *campaign = react_campaign(r, e, &program, &row);
    struct env env = react_env(r, program, e);
    for (uint32_t i = 0; campaign && i < campaign->exits.count; i++) {
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

static void review_wait(struct react *r, struct enrollment *e, const struct happening *h)
{
    const struct program *program;
    uint32_t row;
    if (e->state != ENROLLMENT_PARKED || !react_campaign(r, e, &program, &row))
        return;
    struct env env = react_env(r, program, e);
    env.event = h->event;
    bool goes_on = h->event && !h->is_history && h->event->id != e->event && wait_event(&env);
    env.event = NULL;
    if (!goes_on)
        goes_on = wait_review(&env);
    if (goes_on)
        react_run(r, e->id);
}

struct turn {
    struct str campaign;
    uint64_t id;
};

static int by_campaign_and_entry(const void *a, const void *b)
{
    const struct turn *x = a, *y = b;
    int order = str_cmp(x->campaign, y->campaign);
    return order ? order : x->id < y->id ? -1 : x->id > y->id;
}

/* The patient's enrollments by campaign name, then entry: the array moves while they run. */
static struct turn *in_order(struct react *r, uint32_t *count)
{
    struct patient *p = r->patient;
    struct turn *turns = arena_array(&r->engine->slice, p->enrollments_count + 1, sizeof *turns);
    *count = turns ? p->enrollments_count : 0;
    for (uint32_t i = 0; i < *count; i++) {
        const struct program *program;
        uint32_t row = 0;
        const struct image_campaign *campaign =
            react_campaign(r, &p->enrollments[i], &program, &row);
        turns[i] =
            (struct turn){campaign ? image_text(program->image, campaign->name) : (struct str){0},
                          p->enrollments[i].id};
    }
    if (*count > 1)
        qsort(turns, *count, sizeof *turns, by_campaign_and_entry);
    return turns;
}

static void answer(struct react *r, const struct happening *h)
{
    struct enrollment *latest = NULL;
    int64_t latest_at = INT64_MIN;
    for (uint32_t i = 0; i < r->patient->enrollments_count; i++) {
        struct enrollment *e = &r->patient->enrollments[i];
        const struct program *program;
        uint32_t row;
        if (e->state != ENROLLMENT_PARKED || !react_campaign(r, e, &program, &row) ||
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
        react_run(r, latest->id);
}

void react_to(struct react *r, const struct happening *h)
{
    struct turns turns = {0};
    uint32_t count;
    if (!r->engine->current || r->status != STATUS_OK)
        return;
    const struct program *program = r->engine->current;
    review_segments(r, &turns);
    const struct turn *order = in_order(r, &count);
    for (uint32_t i = 0; i < count; i++)
        goal_review(r, order[i].id, h);
    for (uint32_t i = 0; i < count; i++) {
        struct enrollment *e = patient_enrollment(r->patient, order[i].id);
        if (e && is_inside_campaign(e) && react_meets_exit(r, e, h))
            react_end(r, e, STR("exit"), true);
    }
    if (h->reply)
        answer(r, h);
    for (uint32_t i = 0; i < count; i++) {
        struct enrollment *e = patient_enrollment(r->patient, order[i].id);
        if (e)
            review_wait(r, e, h);
    }
    for (uint32_t row = 0; row < program->image->campaign_count; row++) {
        struct str name = image_text(program->image, program->image->campaigns[row].name);
        for (uint32_t i = 0; i < count; i++)
            if (str_eq(order[i].campaign, name))
                entry_review(r, order[i].id);
        entry_trigger(r, row, h, &turns);
    }
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
    if (e->state == ENROLLMENT_ENDED)
        e->wake_at_ms = NEVER_MS;
    if (e->state == ENROLLMENT_CANDIDATE) {
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

/* After everything: what has ended and can reach no goal goes; the rest knows when time alone
 * concerns it. */
void react_settle(struct react *r)
{
    struct patient *p = r->patient;
    for (uint32_t i = 0; i < p->enrollments_count;) {
        struct enrollment *e = &p->enrollments[i];
        if (e->state == ENROLLMENT_ENDED && e->goal_until_ms <= r->now_ms) {
            patient_remove_enrollment(p, e);
            continue;
        }
        find_wake(r, e);
        i++;
    }
    if (r->engine->current && p->dates_at_ms > r->now_ms)
        p->dates_at_ms = entry_next_date(r);
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
            react_lose(r, STATUS_LIMIT);
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
        react_lose(r, store_event_add(r->engine->store, &row));
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
        react_lose(r, status == STATUS_MISSING ? STATUS_OK : status);
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
    react_lose(r, store_outbox_move(r->engine->store, row.id, OUTBOX_DRAFT, to, r->now_ms));
    if (to != OUTBOX_PENDING) {
        engine_count_message(r->engine, row.image, row.message, outbox_word(to));
        return;
    }
    if (!letter_handed_over(&env, row.message)) {
        react_lose(r, STATUS_LIMIT);
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
