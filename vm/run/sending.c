/* sending.c: a message on its way out: the checks of the claim, what an attempt came to, what the
 * provider reports afterwards, what a person decides. Every move is one of outbox.def. */
#include "vm/base/zone.h"
#include "vm/run/internal.h"

enum { OPENED = 1, CLICKED = 2 }; /* of a row: touched */

/* Of the patient's enrollments, or an empty one when it is gone. */
static struct env env_of(struct react *r, const struct program *program, uint64_t enrollment,
                         struct enrollment *gone)
{
    struct enrollment *e = patient_enrollment(r->patient, enrollment);
    *gone = (struct enrollment){.id = enrollment};
    return react_env(r, program, e ? e : gone);
}

/* What was reported before the row could take it. */
static enum status apply_report(struct engine *engine, const struct outbox_row *row,
                                enum outbox_state from, int64_t now_ms);

static enum outbox_state state_after(enum verdict verdict)
{
    return verdict == VERDICT_SEND      ? OUTBOX_CLAIMED
           : verdict == VERDICT_EXPIRED ? OUTBOX_EXPIRED
           : verdict == VERDICT_SKIPPED ? OUTBOX_SKIPPED
           : verdict == VERDICT_CAPPED  ? OUTBOX_CAPPED
                                        : OUTBOX_CANCELLED;
}

/* The provider has told us of an earlier attempt already: it counts, and nothing is sent again. */
static enum status take_report(struct engine *engine, const struct outbox_row *row, int64_t now_ms,
                               enum outbox_state *became)
{
    struct outcome sent = {.state = OUTBOX_SENT};
    *became = (enum outbox_state)row->report;
    enum status status = store_outbox_claim(engine->store, row, now_ms);
    return status == STATUS_OK ? engine_sent(engine, row->id, &sent, now_ms) : status;
}

/* An exit cancels what is not claimed; what was claimed at that moment and comes back to be tried
 * again finds the exit in the journal, which holds few rows since it was handed over. */
static enum status find_exit(struct react *r, const struct outbox_row *row, bool *has_exited)
{
    struct arena arena;
    struct store_journal entries;
    enum status status = STATUS_OK;
    *has_exited = false;
    arena_init(&arena, 0);
    for (uint64_t id = r->patient->last_journal; id && status == STATUS_OK && !*has_exited;
         id = entries.previous) {
        struct journal_entry entry;
        arena_reset(&arena);
        status = store_journal_get(r->engine->store, id, &arena, &entries);
        if (status != STATUS_OK || entries.at_ms < row->handed_at_ms)
            break;
        struct reader in = reader_of(entries.data);
        while (!*has_exited && journal_decode(&in, &entry))
            *has_exited = entry.kind == ENTRY_EXITED && entry.enrollment == row->enrollment;
    }
    arena_free(&arena);
    return status == STATUS_MISSING ? STATUS_OK : status;
}

enum status engine_claim_row(struct engine *engine, const struct outbox_row *row, int64_t now_ms,
                             enum outbox_state *became)
{
    struct react r;
    struct enrollment gone;
    enum skip_reason skip;
    *became = (enum outbox_state)row->state;
    if (row->report)
        return take_report(engine, row, now_ms, became);
    const struct program *program = engine_program_of(engine, row->image);
    if (!program || row->message >= program->image->message_count)
        return STATUS_CORRUPT;
    const struct image_message *message = &program->image->messages[row->message];
    /* What stops the campaign will cancel it. */
    if (row->enrollment && engine_is_stopping(engine, program->campaign_names[message->campaign]))
        return store_outbox_defer(engine->store, row, NEVER_MS);
    enum status status = react_open(engine, (struct str){0}, row->patient, now_ms, &r);
    if (status != STATUS_OK)
        return status;
    if (!row->enrollment) { /* a test, to its author */
        *became = OUTBOX_CLAIMED;
        return store_outbox_claim(engine->store, row, now_ms);
    }
    uint32_t campaign = program->campaign_names[message->campaign];
    if (engine_state_of(engine, campaign) == CAMPAIGN_PAUSED)
        return store_outbox_defer(engine->store, row, NEVER_MS);
    struct env env = env_of(&r, program, row->enrollment, &gone);
    enum verdict verdict =
        letter_check(&env, row->message, row->to, row->expires_at_ms, row->handed_at_ms, &skip);
    bool has_exited = false;
    if (row->attempts)
        status = find_exit(&r, row, &has_exited);
    if (status != STATUS_OK)
        return status;
    if (has_exited)
        verdict = VERDICT_CANCELLED;
    bool may_wait = verdict == VERDICT_SEND || verdict == VERDICT_CAPPED;
    if (may_wait && !message->is_notice) {
        int64_t opens_ms = windows_open_ms(program->image, message->windows, env.zone, now_ms);
        /* At its expiry it is looked at again, so that it ends then and not when a window opens. */
        int64_t until_ms = row->expires_at_ms < opens_ms ? row->expires_at_ms + 1 : opens_ms;
        if (opens_ms > now_ms)
            return store_outbox_defer(engine->store, row, until_ms);
    }
    *became = state_after(verdict);
    if (*became == OUTBOX_CLAIMED)
        return store_outbox_claim(engine->store, row, now_ms);
    engine_note_row(engine, row, word_of_state(*became), (struct str){0});
    status =
        store_outbox_move(engine->store, row->id, (enum outbox_state)row->state, *became, now_ms);
    return status == STATUS_OK ? react_keep(&r) : status;
}

enum status engine_claim(struct engine *engine, uint64_t outbox, int64_t now_ms,
                         enum outbox_state *became)
{
    struct arena arena;
    struct outbox_row row;
    arena_init(&arena, 0);
    enum status status = store_outbox_get(engine->store, outbox, &arena, &row);
    if (status == STATUS_OK)
        status = engine_claim_row(engine, &row, now_ms, became);
    arena_free(&arena);
    return status;
}

/* Moved and told of. A failure also means that it was not received (C2), which a condition may
 * read. */
static enum status finish(struct engine *engine, const struct outbox_row *row,
                          enum outbox_state from, enum outbox_state to, int64_t now_ms)
{
    struct react r;
    struct outbox_row copy = *row; /* its texts may end with the slice that react_open begins */
    enum status status = store_outbox_move(engine->store, row->id, from, to, now_ms);
    if (status == STATUS_OK)
        status = react_open(engine, (struct str){0}, copy.patient, now_ms, &r);
    if (status != STATUS_OK)
        return status;
    engine_note_row(engine, &copy, word_of_state(to), (struct str){0});
    const struct program *program = engine_program_of(engine, copy.image);
    struct enrollment *e = patient_enrollment(r.patient, copy.enrollment);
    struct mark *mark =
        program && e && copy.message < program->image->message_count
            ? enrollment_mark(r.patient, e, program->message_names[copy.message], false)
            : NULL;
    bool is_failure = to == OUTBOX_FAILED || to == OUTBOX_BOUNCED;
    if (!is_failure || !mark || !mark->is_received)
        return react_keep(&r);
    struct happening touched = {.enrollment = copy.enrollment};
    mark->is_received = false;
    react_to(&r, &touched);
    return react_close(&r);
}

/* To RETRY, told of. */
static enum status try_again(struct engine *engine, const struct outbox_row *row,
                             enum outbox_state from, int64_t now_ms, int64_t try_at_ms)
{
    enum status status = store_outbox_retry(engine->store, row->id, from, now_ms, try_at_ms);
    return status == STATUS_OK ? engine_tell_of(engine, row, WORD_RETRIED, (struct str){0}, now_ms)
                               : status;
}

static enum status apply_report(struct engine *engine, const struct outbox_row *row,
                                enum outbox_state from, int64_t now_ms)
{
    enum outbox_state to = (enum outbox_state)row->report;
    return to && outbox_may_move(from, to) ? finish(engine, row, from, to, now_ms) : STATUS_OK;
}

static enum status note_unknown(struct engine *engine, const struct outbox_row *row,
                                const struct outcome *outcome, int64_t now_ms)
{
    enum status status = finish(engine, row, OUTBOX_CLAIMED, OUTBOX_UNKNOWN, now_ms);
    if (status != STATUS_OK)
        return status;
    if (row->report)
        return apply_report(engine, row, OUTBOX_UNKNOWN, now_ms);
    if (outcome->holds_unknown)
        return finish(engine, row, OUTBOX_UNKNOWN, OUTBOX_HELD, now_ms);
    return try_again(engine, row, OUTBOX_UNKNOWN, now_ms, outcome->try_at_ms);
}

enum status engine_sent(struct engine *engine, uint64_t outbox, const struct outcome *outcome,
                        int64_t now_ms)
{
    struct outbox_row row;
    struct store *store = engine->store;
    arena_reset(&engine->slice);
    enum status status = store_outbox_get(store, outbox, &engine->slice, &row);
    if (status == STATUS_OK && outcome->is_opted_out)
        status = store_suppress(store, row.channel, row.to, now_ms, "opted out at the provider");
    if (status != STATUS_OK)
        return status;
    if (outcome->state == OUTBOX_RETRY)
        return try_again(engine, &row, OUTBOX_CLAIMED, now_ms, outcome->try_at_ms);
    if (outcome->state == OUTBOX_UNKNOWN)
        return note_unknown(engine, &row, outcome, now_ms);
    status = finish(engine, &row, OUTBOX_CLAIMED, outcome->state, now_ms);
    if (status == STATUS_OK && outcome->state == OUTBOX_SENT)
        status = apply_report(engine, &row, OUTBOX_SENT, now_ms);
    return status;
}

enum status engine_report(struct engine *engine, uint64_t outbox, const unsigned char key[16],
                          enum outbox_state report, int64_t now_ms)
{
    struct outbox_row row;
    arena_reset(&engine->slice);
    enum status status = store_outbox_get(engine->store, outbox, &engine->slice, &row);
    if (status == STATUS_OK && memcmp(row.key, key, sizeof row.key) != 0)
        return STATUS_MISSING;
    if (status != STATUS_OK)
        return status;
    enum outbox_state state = (enum outbox_state)row.state;
    /* Before the answer to our own request, or of an attempt that is to be made again: kept. */
    if (state == OUTBOX_CLAIMED || state == OUTBOX_RETRY)
        return row.report == OUTBOX_BOUNCED ? STATUS_OK
                                            : store_outbox_report(engine->store, outbox, report);
    return outbox_may_move(state, report) ? finish(engine, &row, state, report, now_ms) : STATUS_OK;
}

enum status engine_decide(struct engine *engine, uint64_t outbox, enum outbox_state to,
                          int64_t now_ms)
{
    struct outbox_row row;
    arena_reset(&engine->slice);
    enum status status = store_outbox_get(engine->store, outbox, &engine->slice, &row);
    if (status != STATUS_OK)
        return status;
    if (row.state != OUTBOX_HELD || !outbox_may_move(OUTBOX_HELD, to))
        return STATUS_INVALID;
    if (to == OUTBOX_RETRY)
        return try_again(engine, &row, OUTBOX_HELD, now_ms, now_ms);
    return finish(engine, &row, OUTBOX_HELD, to, now_ms);
}

enum status engine_answer(struct engine *engine, uint64_t outbox, struct str answer, int64_t now_ms)
{
    struct outbox_row row;
    struct react r;
    struct outcome outcome = {.state = answer.len ? OUTBOX_SENT : OUTBOX_FAILED};
    enum status status = engine_sent(engine, outbox, &outcome, now_ms);
    arena_reset(&engine->slice);
    if (status == STATUS_OK)
        status = store_outbox_get(engine->store, outbox, &engine->slice, &row);
    if (status != STATUS_OK)
        return status;
    uint64_t enrollment = row.enrollment;
    uint32_t image = row.image, message = row.message;
    status = react_open(engine, (struct str){0}, row.patient, now_ms, &r);
    if (status != STATUS_OK)
        return status;
    const struct program *program = engine_program_of(engine, image);
    struct enrollment *e = patient_enrollment(r.patient, enrollment);
    if (program && e && e->state == ENROLLMENT_PARKED && e->image == image &&
        program->image->waits[e->resume].kind == WAIT_WEBHOOK &&
        program->image->waits[e->resume].message == message) {
        struct env env = react_env(&r, program, e);
        wait_answer(&env, e->resume,
                    answer.len ? (struct value){.kind = VALUE_JSON, .text = answer}
                               : value_unknown());
        react_run(&r, enrollment);
    }
    return react_close(&r);
}

enum status engine_touched(struct engine *engine, uint64_t outbox, bool is_click, int64_t now_ms)
{
    struct outbox_row row;
    struct react r;
    arena_reset(&engine->slice);
    enum status status = store_outbox_get(engine->store, outbox, &engine->slice, &row);
    uint8_t touched = is_click ? OPENED | CLICKED : OPENED;
    if (status == STATUS_OK)
        status = store_outbox_touch(engine->store, outbox, row.touched | touched);
    if (status == STATUS_OK)
        status = react_open(engine, (struct str){0}, row.patient, now_ms, &r);
    const struct program *program =
        status == STATUS_OK ? engine_program_of(engine, row.image) : NULL;
    if (!program)
        return status;
    if (!(row.touched & OPENED))
        engine_note_row(engine, &row, WORD_OPENED, (struct str){0});
    if (is_click && !(row.touched & CLICKED))
        engine_note_row(engine, &row, WORD_CLICKED, (struct str){0});
    struct enrollment *e = patient_enrollment(r.patient, row.enrollment);
    struct mark *mark =
        e ? enrollment_mark(r.patient, e, program->message_names[row.message], true) : NULL;
    if (!mark)
        return react_keep(&r);
    struct happening happening = {.enrollment = row.enrollment};
    mark->is_opened = true;
    mark->is_clicked |= is_click;
    react_to(&r, &happening);
    return react_close(&r);
}
