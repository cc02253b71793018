/* lifecycle.c: see lifecycle.h. */
#include "vm/run/lifecycle.h"

#include <stdio.h>
#include <stdlib.h>

#include "vm/run/internal.h"

enum {
    PATIENTS_A_COMMIT = 512,
    MESSAGES_A_COMMIT = 512,
    PLAYED_MOST = 100000,
    HOUR_MS = 3600000,
    DAY_MS = 24 * HOUR_MS
};

static const char sweep_name[] = "sweep";

const char *campaign_state_word(enum campaign_state state)
{
    static const char *const words[] = {"", "deployed", "running", "paused", "draining", "stopped"};
    return (size_t)state < ARRAY_COUNT(words) ? words[state] : "";
}

enum status engine_campaign(struct engine *engine, struct str name, uint32_t *number,
                            const struct program **program, uint32_t *row)
{
    struct store_campaign kept;
    enum status status = store_name_find(engine->store, SPACE_CAMPAIGN, name, number);
    if (status == STATUS_OK)
        status = store_campaign_get(engine->store, *number, &kept);
    *program = status == STATUS_OK ? engine_program_of(engine, kept.image) : NULL;
    for (uint32_t i = 0; *program && i < (*program)->image->campaign_count; i++)
        if ((*program)->campaign_names[i] == *number) {
            *row = i;
            return STATUS_OK;
        }
    return status == STATUS_OK ? STATUS_MISSING : status;
}

/* --- sweeps --- */

static bool concerns(const struct patient *patient, uint32_t campaign)
{
    for (uint32_t i = 0; i < patient->enrollments_count; i++)
        if (patient->enrollments[i].campaign == campaign &&
            patient->enrollments[i].state != ENROLLMENT_ENDED)
            return true;
    return false;
}

static void stop_all(struct react *r, uint32_t campaign)
{
    for (uint32_t i = 0; i < r->patient->enrollments_count; i++) {
        struct enrollment *e = &r->patient->enrollments[i];
        if (e->campaign == campaign && is_inside_campaign(e))
            react_end(r, e, STR("stopped"), true);
    }
    for (uint32_t i = r->patient->enrollments_count; i-- > 0;) {
        struct enrollment *e = &r->patient->enrollments[i];
        if (e->campaign == campaign && e->state == ENROLLMENT_CANDIDATE)
            patient_remove_enrollment(r->patient, e);
    }
}

/* Who entered by the trigger since the sweep began does not enter by it, too. */
static bool has_entered_since(struct react *r, const struct sweep *sweep)
{
    const struct entry *entry = react_entry(r, sweep->campaign, false);
    return entry && entry->entered_at_ms != NEVER_MS && entry->entered_at_ms > sweep->now_ms;
}

static enum status sweep_patient(struct engine *engine, const struct sweep *sweep, uint64_t key,
                                 int64_t now_ms)
{
    struct react r;
    struct happening nothing = {0};
    enum status status = react_open(engine, (struct str){0}, key, now_ms, &r);
    if (status == STATUS_CORRUPT)
        return STATUS_OK; /* set aside, as its timers are */
    if (status != STATUS_OK)
        return status;
    switch ((enum sweep_kind)sweep->kind) {
    case SWEEP_SETTLE:
        if (!concerns(r.patient, sweep->campaign))
            return STATUS_OK;
        r.is_time = r.is_all = true;
        react_to(&r, &nothing);
        break;
    case SWEEP_DRAFTS:
    case SWEEP_PENDING:
    case SWEEP_RETRIES:
    case SWEEP_STOP:
        if (!concerns(r.patient, sweep->campaign))
            return STATUS_OK;
        stop_all(&r, sweep->campaign);
        break;
    case SWEEP_EXISTING:
        if (has_entered_since(&r, sweep) || !entry_existing(&r, sweep->campaign))
            return STATUS_OK;
        break;
    }
    return react_close(&r);
}

static enum status keep_sweep(struct engine *engine, const struct sweep *sweep)
{
    struct str bytes = {(const char *)sweep, sweep->kind ? sizeof *sweep : 0};
    return store_meta_put(engine->store, sweep_name, bytes);
}

static enum status cancel_message(struct engine *engine, const struct outbox_row *row,
                                  uint32_t campaign, int64_t now_ms)
{
    struct react r;
    struct outbox_row copy = *row; /* its texts end with the slice that react_open begins */
    const struct program *program = engine_program_of(engine, row->image);
    if (!program || row->message >= program->image->message_count ||
        program->campaign_names[program->image->messages[row->message].campaign] != campaign)
        return STATUS_OK;
    enum status status = react_open(engine, (struct str){0}, copy.patient, now_ms, &r);
    if (status == STATUS_OK)
        status = store_outbox_move(engine->store, copy.id, (enum outbox_state)copy.state,
                                   OUTBOX_CANCELLED, now_ms);
    if (status != STATUS_OK)
        return status;
    engine_note_row(engine, &copy, WORD_CANCELLED, STR("stopped"));
    return react_keep(&r);
}

/* Drafts and what is not claimed, also of those who have left by the end of their way. */
static enum status sweep_messages(struct engine *engine, struct sweep *sweep, int64_t now_ms)
{
    enum outbox_state from = sweep->kind == SWEEP_DRAFTS    ? OUTBOX_DRAFT
                             : sweep->kind == SWEEP_PENDING ? OUTBOX_PENDING
                                                            : OUTBOX_RETRY;
    for (uint32_t i = 0; i < MESSAGES_A_COMMIT; i++) {
        struct outbox_row row;
        arena_reset(&engine->slice);
        enum status status =
            store_outbox_next(engine->store, from, sweep->cursor, &engine->slice, &row);
        if (status == STATUS_MISSING) {
            sweep->cursor = 0;
            sweep->kind = from == OUTBOX_RETRY ? SWEEP_STOP : sweep->kind + 1;
            return STATUS_OK;
        }
        sweep->cursor = row.id;
        if (status == STATUS_OK)
            status = cancel_message(engine, &row, sweep->campaign, now_ms);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* A bounded part; the open transaction is the caller's. ->kind 0 afterwards: nobody is left. */
static enum status sweep_some(struct engine *engine, struct sweep *sweep, int64_t now_ms)
{
    enum status status = STATUS_OK;
    if (sweep->kind >= SWEEP_DRAFTS)
        return sweep_messages(engine, sweep, now_ms);
    for (uint32_t i = 0; i < PATIENTS_A_COMMIT && status == STATUS_OK; i++) {
        status = store_patient_next(engine->store, &sweep->cursor);
        if (status == STATUS_MISSING) {
            sweep->kind = 0;
            break;
        }
        if (status == STATUS_OK)
            status = sweep_patient(engine, sweep, sweep->cursor, now_ms);
    }
    return status == STATUS_MISSING ? STATUS_OK : status;
}

bool engine_is_sweeping(const struct engine *engine)
{
    return engine->sweep.kind != 0;
}

bool engine_is_stopping(const struct engine *engine, uint32_t campaign)
{
    const struct sweep *sweep = &engine->sweep;
    return (sweep->kind == SWEEP_STOP || sweep->kind >= SWEEP_DRAFTS) &&
           sweep->campaign == campaign;
}

enum status engine_sweep(struct engine *engine, int64_t now_ms)
{
    struct sweep sweep = engine->sweep;
    if (!sweep.kind)
        return STATUS_OK;
    enum status status = engine_begin(engine);
    engine->is_swept_early = true; /* its own patients are not to be swept before */
    if (status == STATUS_OK)
        status = sweep_some(engine, &sweep, now_ms);
    engine->is_swept_early = false;
    if (status == STATUS_OK)
        status = keep_sweep(engine, &sweep);
    if (status == STATUS_OK)
        status = engine_commit(engine);
    if (status == STATUS_OK)
        engine->sweep = sweep;
    else
        engine_rollback(engine);
    return status;
}

enum status engine_sweep_early(struct engine *engine, struct str id, uint64_t key, int64_t now_ms)
{
    const struct sweep *sweep = &engine->sweep;
    struct str record;
    bool found = true, is_by_message = sweep->kind >= SWEEP_DRAFTS;
    enum status status = STATUS_OK;
    if (!sweep->kind || sweep->kind == SWEEP_EXISTING || engine->is_swept_early ||
        !store_in_transaction(engine->store))
        return STATUS_OK;
    if (id.at)
        status = store_patient_find(engine->store, id, &engine->slice, &key, &record, &found);
    if (status != STATUS_OK || !found || (!is_by_message && key <= sweep->cursor))
        return status;
    engine->is_swept_early = true;
    status = sweep_patient(engine, sweep, key, now_ms);
    engine->is_swept_early = false;
    return status;
}

enum status engine_sweep_on(struct engine *engine)
{
    struct str kept;
    enum status status = store_meta_get(engine->store, sweep_name, &engine->slice, &kept);
    if (status == STATUS_OK && kept.len == sizeof engine->sweep)
        memcpy(&engine->sweep, kept.at, sizeof engine->sweep);
    return status == STATUS_MISSING ? STATUS_OK : status;
}

/* --- states --- */

static enum status put_state(struct engine *engine, uint32_t number, enum campaign_state to,
                             uint32_t started)
{
    struct store_campaign campaign;
    enum status status = store_campaign_get(engine->store, number, &campaign);
    if (status != STATUS_OK)
        return status;
    campaign.state = (int)to;
    if (!campaign.started)
        campaign.started = started;
    status = store_campaign_put(engine->store, &campaign);
    if (status != STATUS_OK)
        return status;
    /* What waited for the campaign to go on is looked at again. */
    if (engine_state_of(engine, number) == CAMPAIGN_PAUSED && to != CAMPAIGN_PAUSED)
        status = store_outbox_wake(engine->store);
    if (status != STATUS_OK)
        return status;
    *map64_put(&engine->campaign_states, number, NULL) = (uint64_t)to;
    const struct program *program = engine->current;
    for (uint32_t i = 0; program && i < program->image->campaign_count; i++)
        if (program->campaign_names[i] == number)
            engine->states[i] = (uint8_t)to;
    return STATUS_OK;
}

enum status engine_set_campaign(struct engine *engine, struct str name, enum campaign_state state)
{
    const struct program *program = engine->current;
    for (uint32_t i = 0; program && i < program->image->campaign_count; i++)
        if (str_eq(image_text(program->image, program->image->campaigns[i].name), name))
            return put_state(engine, program->campaign_names[i], state,
                             program->image->campaigns[i].trigger_kind);
    return STATUS_MISSING;
}

/* What concerns all patients is begun, and is then engine_sweep's. */
static enum status change(struct engine *engine, uint32_t number, enum campaign_state to,
                          uint32_t started, const struct sweep *sweep)
{
    ensure(!engine->sweep.kind);
    enum status status = engine_begin(engine);
    if (status == STATUS_OK)
        status = put_state(engine, number, to, started);
    /* What was put off while it was paused. */
    if (status == STATUS_OK && (to == CAMPAIGN_RUNNING || to == CAMPAIGN_DRAINING))
        status = store_outbox_wake(engine->store);
    if (status == STATUS_OK && sweep->kind)
        status = keep_sweep(engine, sweep);
    if (status == STATUS_OK)
        status = engine_commit(engine);
    if (status == STATUS_OK)
        engine->sweep = *sweep;
    else
        engine_rollback(engine);
    return status;
}

enum status engine_change_state(struct engine *engine, uint32_t number, enum campaign_state to,
                                int64_t now_ms)
{
    struct sweep sweep = {.campaign = number, .now_ms = now_ms};
    bool was_paused = engine_state_of(engine, number) == CAMPAIGN_PAUSED;
    if (to == CAMPAIGN_STOPPED)
        sweep.kind = SWEEP_DRAFTS;
    else if (to == CAMPAIGN_PAUSED || was_paused)
        sweep.kind = SWEEP_SETTLE;
    return change(engine, number, to, 0, &sweep);
}

enum status engine_pause_all(struct engine *engine, int64_t now_ms, uint32_t *count)
{
    struct store_campaign campaign = {.number = 0};
    enum status status;
    *count = 0;
    while ((status = store_campaign_next(engine->store, campaign.number, &campaign)) == STATUS_OK) {
        if (campaign.state != CAMPAIGN_RUNNING && campaign.state != CAMPAIGN_DRAINING)
            continue;
        status = engine_change_state(engine, campaign.number, CAMPAIGN_PAUSED, now_ms);
        while (status == STATUS_OK && engine->sweep.kind)
            status = engine_sweep(engine, now_ms);
        if (status != STATUS_OK)
            return status;
        ++*count;
    }
    return status == STATUS_MISSING ? STATUS_OK : status;
}

enum status engine_start(struct engine *engine, uint32_t row, bool existing, int64_t now_ms)
{
    const struct program *program = engine->current;
    struct sweep sweep = {.kind = existing ? SWEEP_EXISTING : 0,
                          .campaign = program->campaign_names[row],
                          .now_ms = now_ms};
    return change(engine, program->campaign_names[row], CAMPAIGN_RUNNING,
                  program->image->campaigns[row].trigger_kind, &sweep);
}

/* --- a campaign whose door is closed and that is empty --- */

static void add_inside(void *context, enum entry_kind kind, uint8_t word, uint32_t image,
                       int64_t count)
{
    int64_t *inside = context;
    (void)word;
    (void)image;
    if (kind == ENTRY_STARTED || kind == ENTRY_HELD_OUT)
        *inside += count;
    else if (kind == ENTRY_COMPLETED || kind == ENTRY_EXITED)
        *inside -= count;
}

static enum status end_one(struct engine *engine, uint32_t number)
{
    enum status status = engine_begin(engine);
    if (status == STATUS_OK)
        status = put_state(engine, number, CAMPAIGN_STOPPED, 0);
    if (status == STATUS_OK)
        status = engine_commit(engine);
    if (status != STATUS_OK)
        engine_rollback(engine);
    return status;
}

enum status engine_end_drained(struct engine *engine)
{
    struct store_campaign campaign = {.number = 0};
    enum status status;
    if (engine->sweep.kind)
        return STATUS_OK;
    while ((status = store_campaign_next(engine->store, campaign.number, &campaign)) == STATUS_OK) {
        int64_t inside = 0;
        if (campaign.state != CAMPAIGN_DRAINING)
            continue;
        status = store_counts(engine->store, campaign.number, add_inside, &inside);
        if (status == STATUS_OK && inside <= 0)
            status = end_one(engine, campaign.number);
        if (status != STATUS_OK)
            return status;
    }
    return status == STATUS_MISSING ? STATUS_OK : status;
}

/* --- the review --- */

struct playing {
    uint32_t campaign;
    struct outgoing count;
};

static void count_outgoing(void *context, const struct notice *notice)
{
    struct playing *playing = context;
    if (notice->kind != NOTICE_MESSAGE ||
        notice->program->campaign_names[notice->campaign] != playing->campaign)
        return;
    struct outgoing *count = &playing->count;
    count->draft_count += notice->letter->verdict == VERDICT_DRAFT;
    if (notice->letter->verdict != VERDICT_SEND)
        return;
    count->email_count += notice->letter->channel == CHANNEL_EMAIL;
    count->sms_count += notice->letter->channel == CHANNEL_SMS;
    count->webhook_count += notice->letter->channel == CHANNEL_WEBHOOK;
}

enum status engine_count_audience(struct engine *engine, uint32_t row, bool existing,
                                  int64_t now_ms, struct arena *arena, struct review *review,
                                  bool *is_counted)
{
    enum status status = STATUS_OK;
    *is_counted = false;
    for (uint32_t i = 0; i < PATIENTS_A_COMMIT; i++) {
        struct react r;
        status = store_patient_next(engine->store, &review->cursor);
        if (status != STATUS_OK)
            break;
        status = react_open(engine, (struct str){0}, review->cursor, now_ms, &r);
        if (status == STATUS_CORRUPT)
            continue;
        if (status != STATUS_OK)
            return status;
        review->patient_count++;
        if (!entry_may(&r, row, existing))
            continue;
        review->audience_count++;
        if (review->sample_count < REVIEW_SAMPLE)
            review->sample[review->sample_count++] = arena_str(arena, r.patient->id);
    }
    *is_counted = status == STATUS_MISSING;
    return status == STATUS_MISSING || status == STATUS_CORRUPT ? STATUS_OK : status;
}

static enum status play(struct engine *engine, int64_t to_ms, uint32_t *left, bool *is_partial)
{
    bool more = false;
    enum status status = engine_advance(engine, to_ms, true, *left, &more);
    *is_partial = more;
    *left = more ? 0 : *left;
    return status;
}

/* In a transaction that is taken back. */
static enum status play_start(struct engine *engine, uint32_t row, bool existing, int64_t now_ms,
                              struct review *review)
{
    struct sweep sweep = {existing ? SWEEP_EXISTING : 0, engine->current->campaign_names[row], 0,
                          now_ms};
    struct playing playing = {sweep.campaign, {0}};
    uint32_t left = PLAYED_MOST;
    bool was_virtual = engine->options.is_virtual_time;
    void (*observe)(void *, const struct notice *) = engine->observe;
    void *observer = engine->observer;
    engine->options.is_virtual_time = true;
    engine_observe(engine, count_outgoing, &playing);
    enum status status = put_state(engine, sweep.campaign, CAMPAIGN_RUNNING, 0);
    while (status == STATUS_OK && sweep.kind)
        status = sweep_some(engine, &sweep, now_ms);
    if (status == STATUS_OK)
        status = play(engine, now_ms + HOUR_MS, &left, &review->is_partial);
    review->hour = playing.count;
    if (status == STATUS_OK && left)
        status = play(engine, now_ms + DAY_MS, &left, &review->is_partial);
    review->day = playing.count;
    engine_observe(engine, observe, observer);
    engine->options.is_virtual_time = was_virtual;
    return status;
}

enum status engine_play(struct engine *engine, uint32_t row, bool existing, int64_t now_ms,
                        struct review *review)
{
    enum status status = engine_begin(engine);
    if (status == STATUS_OK)
        status = play_start(engine, row, existing, now_ms, review);
    engine_rollback(engine);
    return status;
}

/* --- a deploy --- */

/* Opening a patient whom another image has settled brings him up to the current one: terms,
 * segments and timers that are new to him. What follows from a definition that has changed is no
 * change of data, and triggers nothing. */
enum status engine_refresh(struct engine *engine, int64_t now_ms)
{
    uint64_t key = 0;
    enum status status;
    while ((status = store_patient_next(engine->store, &key)) == STATUS_OK) {
        struct react r;
        status = react_open(engine, (struct str){0}, key, now_ms, &r);
        if (status == STATUS_CORRUPT)
            continue;
        if (status == STATUS_OK)
            status = react_close(&r);
        if (status != STATUS_OK)
            return status;
    }
    return status == STATUS_MISSING ? STATUS_OK : status;
}
