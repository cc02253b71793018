/* engine.c: transactions, time, and what became of messages; images are images.c, inputs input.c,
 * what follows from them reaction.c. */
#include "vm/run/engine.h"

#include <stdio.h>

#include "vm/base/hash.h"
#include "vm/base/json.h"
#include "vm/base/log.h"
#include "vm/run/internal.h"

enum status engine_fail(struct engine *engine, enum status status, const char *what)
{
    snprintf(engine->error, sizeof engine->error, "%s: %s", what,
             store_error(engine->store)[0] ? store_error(engine->store) : status_text(status));
    return status;
}

static bool load_event(void *context, uint64_t id, struct arena *arena, struct event *event)
{
    struct engine *engine = context;
    struct store_event row;
    if (store_event_get(engine->store, id, arena, &row) != STATUS_OK)
        return false;
    *event = (struct event){id, row.previous, row.name, row.at_ms, row.received_at_ms, row.data};
    return true;
}

static struct str unsubscribe_url(void *context, struct arena *arena, const struct patient *patient,
                                  uint32_t topic)
{
    struct engine *engine = context;
    unsigned char digest[SHA256_BYTES], key[SIPHASH_KEY_BYTES] = "unsubscribe tok";
    struct str who = arena_printf(arena, "%llu/%u/%llx", (unsigned long long)patient->key, topic,
                                  (unsigned long long)siphash(key, patient->id));
    struct buf token;
    sha256(who, digest);
    buf_init(&token, 128);
    buf_base64url(&token, (struct str){(const char *)digest, 24});
    struct str url = arena_printf(arena, STR_FMT "/u/" STR_FMT, STR_ARG(engine->options.public_url),
                                  STR_ARG(buf_view(&token)));
    buf_free(&token);
    return url;
}

void engine_close(struct engine *engine)
{
    if (!engine)
        return;
    for (uint32_t i = 0; i < PROGRAM_ROOM; i++)
        if (engine->indexes[i])
            index_free(engine->indexes[i]);
    arena_free(&engine->slice);
    arena_free(&engine->arena);
    buf_free(&engine->journal);
    map64_free(&engine->campaign_states);
    heap_release(engine);
}

const char *engine_error(const struct engine *engine)
{
    return engine->error;
}

enum status engine_begin(struct engine *engine)
{
    enum status status = store_begin(engine->store);
    return status == STATUS_OK ? status : engine_fail(engine, status, "begin");
}

enum status engine_commit(struct engine *engine)
{
    struct str next = {(const char *)&engine->next_enrollment, 8};
    enum status status = store_meta_put(engine->store, "next enrollment", next);
    if (status == STATUS_OK)
        status = store_commit(engine->store);
    return status == STATUS_OK ? status : engine_fail(engine, status, "commit");
}

void engine_rollback(struct engine *engine)
{
    struct str next;
    store_rollback(engine->store);
    arena_reset(&engine->slice);
    if (store_meta_get(engine->store, "next enrollment", &engine->slice, &next) == STATUS_OK &&
        next.len == 8)
        memcpy(&engine->next_enrollment, next.at, 8);
    engine_forget_images(engine);
}

enum status engine_open(struct engine **out, struct store *store,
                        const struct engine_options *options)
{
    struct engine *engine = heap_alloc(sizeof *engine);
    *engine = (struct engine){.store = store, .options = *options, .next_enrollment = 1};
    arena_init(&engine->arena, 0);
    arena_init(&engine->slice, SLICE_BYTES);
    buf_init(&engine->journal, SLICE_BYTES);
    engine->host = (struct host){.context = engine,
                                 .event = load_event,
                                 .unsubscribe_url = unsubscribe_url,
                                 .chosen_arm = options->chosen_arm,
                                 .chooser = options->chooser,
                                 .work = &engine->work};
    struct str next;
    if (store_meta_get(store, "next enrollment", &engine->slice, &next) == STATUS_OK &&
        next.len == 8)
        memcpy(&engine->next_enrollment, next.at, 8);
    *out = engine;
    return engine_use_current(engine);
}

enum status engine_patient_id(struct engine *engine, uint64_t key, struct arena *arena,
                              struct str *id)
{
    struct str record;
    struct patient patient;
    arena_reset(&engine->slice);
    enum status status = store_patient_get(engine->store, key, &engine->slice, &record);
    if (status == STATUS_OK)
        status = patient_decode(&patient, &engine->slice, key, record);
    if (status == STATUS_OK)
        *id = arena_str(arena, patient.id);
    return status;
}

const struct program *engine_program(const struct engine *engine)
{
    return engine->current;
}

void engine_observe(struct engine *engine,
                    void (*observe)(void *context, const struct notice *notice), void *context)
{
    engine->observe = observe;
    engine->observer = context;
}

enum status react_open(struct engine *engine, struct str id, uint64_t key, int64_t now_ms,
                       struct react *r)
{
    struct str record;
    bool found = true;
    arena_reset(&engine->slice);
    buf_reset(&engine->journal);
    *r = (struct react){.engine = engine, .now_ms = now_ms, .effects = {.room = EFFECT_ROOM}};
    r->effects.items = arena_array(&engine->slice, EFFECT_ROOM, sizeof *r->effects.items);
    r->patient = arena_alloc(&engine->slice, sizeof *r->patient);
    ensure(r->effects.items && r->patient);
    enum status status =
        id.at ? store_patient_find(engine->store, id, &engine->slice, &key, &record, &found)
              : store_patient_get(engine->store, key, &engine->slice, &record);
    if (status != STATUS_OK)
        return status;
    if (!found) {
        patient_init(r->patient, &engine->slice, id, key);
        r->is_all = true;
        return STATUS_OK;
    }
    status = patient_decode(r->patient, &engine->slice, key, record);
    if (status == STATUS_OK && engine->options.counts)
        r->waiting = who_waits(r, &r->waiting_count);
    if (status == STATUS_OK && engine->current && r->patient->image != engine->current->number)
        react_rebase(r);
    return status;
}

enum status react_close(struct react *r)
{
    if (r->status != STATUS_OK)
        return r->status;
    react_settle(r);
    if (r->engine->options.counts)
        count_waiting(r);
    return react_keep(r);
}

enum status react_keep(struct react *r)
{
    struct buf record;
    if (r->engine->options.counts)
        react_journal(r);
    if (r->status != STATUS_OK)
        return r->status;
    buf_init(&record, SLICE_BYTES);
    patient_encode(r->patient, &record);
    int64_t due_ms = patient_due_ms(r->patient);
    /* Time that has run must not come again at the same instant. */
    due_ms = r->is_time && due_ms <= r->now_ms ? r->now_ms + 1 : due_ms;
    enum status status = STATUS_LIMIT;
    if (!record.failed)
        status = store_patient_put(r->engine->store, r->patient->key, due_ms, buf_view(&record));
    buf_free(&record);
    return r->status != STATUS_OK ? r->status : status;
}

uint64_t engine_work(const struct engine *engine)
{
    return engine->work;
}

int64_t engine_next_due_ms(struct engine *engine)
{
    return store_next_due_at(engine->store);
}

void react_time(struct react *r)
{
    struct happening nothing = {0};
    r->is_time = true;
    for (uint32_t i = 0; i < r->patient->approvals_count;) {
        struct approval approval = r->patient->approvals[i];
        if (approval.at_ms > r->now_ms) {
            i++;
            continue;
        }
        r->patient->approvals[i] = r->patient->approvals[--r->patient->approvals_count];
        react_hand_over(r, &approval);
    }
    react_to(r, &nothing);
}

enum status engine_advance(struct engine *engine, int64_t to_ms, bool is_included, uint32_t most,
                           bool *more)
{
    int64_t due_ms;
    uint64_t key;
    *more = false;
    for (uint32_t i = 0;; i++) {
        if (store_due(engine->store, is_included ? to_ms : to_ms - 1, &due_ms, &key) != STATUS_OK)
            return STATUS_OK;
        if (i == most) {
            *more = true;
            return STATUS_OK;
        }
        struct react r;
        int64_t now_ms = engine->options.is_virtual_time ? due_ms : to_ms;
        enum status status = react_open(engine, (struct str){0}, key, now_ms, &r);
        if (status == STATUS_CORRUPT || status == STATUS_MISSING) {
            /* One broken record must not hold up everybody's time. */
            log_line(LOG_ERROR, "a patient's record cannot be read and is set aside", NULL);
            store_forget_due(engine->store, key);
            continue;
        }
        if (status == STATUS_OK) {
            react_time(&r);
            status = react_close(&r);
        }
        if (status != STATUS_OK)
            return engine_fail(engine, status, "advance");
    }
}

enum status engine_claim(struct engine *engine, uint64_t outbox, int64_t now_ms,
                         enum outbox_state *became)
{
    struct outbox_row row;
    struct react r;
    enum skip_reason skip;
    arena_reset(&engine->slice);
    enum status status = store_outbox_get(engine->store, outbox, &engine->slice, &row);
    if (status != STATUS_OK)
        return status;
    char address[512];
    size_t length = row.to.len < sizeof address ? row.to.len : 0;
    if (length)
        memcpy(address, row.to.at, length);
    struct str to = {address, length};
    uint64_t enrollment = row.enrollment;
    status = react_open(engine, (struct str){0}, row.patient, now_ms, &r);
    const struct program *program =
        status == STATUS_OK ? engine_program_of(engine, row.image) : NULL;
    if (!program)
        return status == STATUS_OK ? STATUS_MISSING : status;
    struct enrollment gone = {.id = enrollment};
    struct enrollment *e = patient_enrollment(r.patient, enrollment);
    struct env env = react_env(&r, program, e ? e : &gone);
    const struct image_message *message = &program->image->messages[row.message];
    enum verdict verdict = letter_check(&env, row.message, to, row.expires_at_ms, row.at_ms, &skip);
    if (!message->is_notice &&
        windows_open_ms(program->image, message->windows, env.zone, now_ms) > now_ms) {
        *became = (enum outbox_state)row.state;
        return STATUS_OK;
    }
    if (engine_state_of(engine, program->campaign_names[message->campaign]) == CAMPAIGN_PAUSED) {
        *became = (enum outbox_state)row.state;
        return STATUS_OK;
    }
    *became = verdict == VERDICT_SEND      ? OUTBOX_CLAIMED
              : verdict == VERDICT_EXPIRED ? OUTBOX_EXPIRED
              : verdict == VERDICT_SKIPPED ? OUTBOX_SKIPPED
              : verdict == VERDICT_CAPPED  ? OUTBOX_CAPPED
                                           : OUTBOX_CANCELLED;
    if (*became != OUTBOX_CLAIMED)
        engine_note_row(engine, &row, word_of_state(*became), (struct str){0});
    status =
        store_outbox_move(engine->store, outbox, (enum outbox_state)row.state, *became, now_ms);
    return status == STATUS_OK && *became != OUTBOX_CLAIMED ? react_keep(&r) : status;
}

enum status engine_answer(struct engine *engine, uint64_t outbox, struct str answer, int64_t now_ms)
{
    struct outbox_row row;
    struct react r;
    enum outbox_state state = answer.len ? OUTBOX_SENT : OUTBOX_FAILED;
    enum status status = engine_sent(engine, outbox, state, now_ms);
    if (status == STATUS_OK)
        status = store_outbox_get(engine->store, outbox, &engine->slice, &row);
    uint64_t enrollment = row.enrollment;
    uint32_t image = row.image, message = row.message;
    if (status == STATUS_OK)
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

enum status engine_sent(struct engine *engine, uint64_t outbox, enum outbox_state state,
                        int64_t now_ms)
{
    struct outbox_row row;
    arena_reset(&engine->slice);
    enum status status = store_outbox_get(engine->store, outbox, &engine->slice, &row);
    if (status == STATUS_OK)
        status = store_outbox_move(engine->store, outbox, OUTBOX_CLAIMED, state, now_ms);
    if (status == STATUS_OK)
        status = engine_tell_of(engine, &row, word_of_state(state), (struct str){0}, now_ms);
    return status;
}

enum status engine_touched(struct engine *engine, uint64_t outbox, bool is_click, int64_t now_ms)
{
    struct outbox_row row;
    struct react r;
    arena_reset(&engine->slice);
    enum status status = store_outbox_get(engine->store, outbox, &engine->slice, &row);
    uint64_t enrollment = row.enrollment;
    uint32_t message = row.message, image = row.image;
    struct happening touched = {.enrollment = enrollment};
    if (status == STATUS_OK)
        status = react_open(engine, (struct str){0}, row.patient, now_ms, &r);
    const struct program *program = status == STATUS_OK ? engine_program_of(engine, image) : NULL;
    if (!program)
        return status;
    struct enrollment *e = patient_enrollment(r.patient, enrollment);
    struct mark *mark =
        e ? enrollment_mark(r.patient, e, program->message_names[message], true) : NULL;
    if (mark) {
        if (!mark->is_opened)
            engine_note_message(engine, image, message, WORD_OPENED, enrollment, outbox,
                                (struct str){0});
        if (is_click && !mark->is_clicked)
            engine_note_message(engine, image, message, WORD_CLICKED, enrollment, outbox,
                                (struct str){0});
        mark->is_opened = true;
        mark->is_clicked |= is_click;
        react_to(&r, &touched);
    }
    return react_close(&r);
}

enum status engine_eval(struct engine *engine, struct str patient, uint32_t code, int64_t now_ms,
                        struct arena *arena, struct value *value)
{
    struct react r;
    enum status status = react_open(engine, patient, 0, now_ms, &r);
    if (status != STATUS_OK)
        return status;
    struct env env = react_env(&r, engine->current, NULL);
    env.arena = arena;
    struct value v = machine_eval(&env, code);
    if (v.kind == VALUE_TEXT)
        v.text = arena_str(arena, v.text);
    *value = v;
    return STATUS_OK;
}
