/* draft.c: drafts: approved, rejected, handed over when their window opens (LANGUAGE.md S6). */
#include "vm/run/internal.h"

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
    if (verdict == VERDICT_EXPIRED)
        to = OUTBOX_EXPIRED;
    else if (verdict == VERDICT_SKIPPED)
        to = OUTBOX_SKIPPED;
    else if (verdict == VERDICT_CAPPED)
        to = OUTBOX_CAPPED;
    else if (verdict != VERDICT_SEND)
        to = OUTBOX_CANCELLED;
    react_lose(r, to == OUTBOX_PENDING
                      ? store_outbox_hand_over(r->engine->store, row.id, r->now_ms)
                      : store_outbox_move(r->engine->store, row.id, OUTBOX_DRAFT, to, r->now_ms));
    if (to != OUTBOX_PENDING) {
        engine_note_row(r->engine, &row, word_of_state(to), (struct str){0});
        return;
    }
    if (!letter_handed_over(&env, row.message)) {
        react_lose(r, STATUS_LIMIT);
        return;
    }
    if (e && e->state == ENROLLMENT_ENDED) {
        /* The goal of an enrollment that has ended begins now. */
        uint32_t campaign_row = program->image->messages[row.message].campaign;
        int64_t until_ms = goal_end_ms(r, program, &program->image->campaigns[campaign_row], e);
        e->goal_until_ms = until_ms > r->now_ms ? until_ms : r->now_ms;
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
    react_messaged(r, program, row.message, row.enrollment);
    engine_notice(r->engine, &notice);
    struct happening touched = {.enrollment = row.enrollment};
    react_to(r, &touched);
}

enum status engine_approve(struct engine *engine, uint64_t draft, int64_t now_ms)
{
    struct outbox_row row;
    struct react r;
    arena_reset(&engine->slice);
    enum status status = store_outbox_get(engine->store, draft, &engine->slice, &row);
    if (status != STATUS_OK || row.state != OUTBOX_DRAFT)
        return status;
    if (row.draft_until_ms <= now_ms) {
        status = store_outbox_move(engine->store, draft, OUTBOX_DRAFT, OUTBOX_EXPIRED, now_ms);
        return status == STATUS_OK
                   ? engine_tell_of(engine, &row, WORD_EXPIRED, (struct str){0}, now_ms)
                   : status;
    }
    uint32_t message = row.message, image = row.image;
    status = react_open(engine, (struct str){0}, row.patient, now_ms, &r);
    const struct program *program = engine_program_of(engine, image);
    if (status != STATUS_OK || !program)
        return status;
    struct env env = react_env(&r, program, NULL);
    const struct image_message *m = &program->image->messages[message];
    int64_t opens_ms =
        m->is_notice ? now_ms : windows_open_ms(program->image, m->windows, env.zone, now_ms);
    struct approval approval = {draft, opens_ms};
    if (opens_ms <= now_ms) {
        react_hand_over(&r, &approval);
    } else {
        struct approval *added = patient_add_approval(r.patient);
        if (!added)
            return STATUS_LIMIT;
        *added = approval;
    }
    return react_close(&r);
}

enum status engine_reject_draft(struct engine *engine, uint64_t draft, struct str reason,
                                int64_t now_ms)
{
    struct outbox_row row;
    arena_reset(&engine->slice);
    enum status status = store_outbox_get(engine->store, draft, &engine->slice, &row);
    if (status != STATUS_OK || row.state != OUTBOX_DRAFT)
        return status;
    status = store_outbox_move(engine->store, draft, OUTBOX_DRAFT, OUTBOX_REJECTED, now_ms);
    return status == STATUS_OK ? engine_tell_of(engine, &row, WORD_REJECTED, reason, now_ms)
                               : status;
}
