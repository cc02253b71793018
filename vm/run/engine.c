/* engine.c: transactions, time, and what became of messages; images are images.c, inputs input.c,
 * what follows from them reaction.c. */
#include "vm/run/engine.h"

#include <stdio.h>

#include "vm/base/hash.h"
#include "vm/base/json.h"
#include "vm/base/log.h"
#include "vm/run/internal.h"

enum { STUCK_MS = 60000 };

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

static struct str unsubscribe_url(void *context, const struct env *env, uint32_t topic)
{
    struct unsubscribe who = {.patient = env->patient->key,
                              .enrollment = env->enrollment ? env->enrollment->id : 0,
                              .topic = topic,
                              .image = env->program->number,
                              .message = (uint32_t)(env->message - env->program->image->messages)};
    return engine_unsubscribe_url(context, env->arena, &who);
}

static bool is_suppressed(void *context, uint32_t channel, struct str address)
{
    struct engine *engine = context;
    bool is_listed = true; /* nothing fails open */
    enum status status = store_is_suppressed(engine->store, (uint8_t)channel, address, &is_listed);
    return status != STATUS_OK || is_listed;
}

void engine_close(struct engine *engine)
{
    if (!engine)
        return;
    for (uint32_t i = 0; i < PROGRAM_ROOM; i++)
        if (engine->indexes[i])
            index_free(engine->indexes[i]);
    buf_free(&engine->record);
    map64_free(&engine->unread);
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
    buf_init(&engine->record, SLICE_BYTES);
    engine->effects = arena_array(&engine->arena, EFFECT_ROOM, sizeof *engine->effects);
    buf_init(&engine->journal, SLICE_BYTES);
    engine->host = (struct host){.context = engine,
                                 .event = load_event,
                                 .unsubscribe_url = unsubscribe_url,
                                 .is_suppressed = is_suppressed,
                                 .chosen_arm = options->chosen_arm,
                                 .chooser = options->chooser,
                                 .work = &engine->work};
    struct str next, secret;
    if (store_meta_get(store, "secret", &engine->slice, &secret) == STATUS_OK &&
        secret.len == sizeof engine->secret)
        memcpy(engine->secret, secret.at, sizeof engine->secret);
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
    enum status swept = engine_sweep_early(engine, id, key, now_ms);
    if (swept != STATUS_OK)
        return swept;
    arena_reset(&engine->slice);
    buf_reset(&engine->journal);
    *r = (struct react){.engine = engine, .now_ms = now_ms, .effects = {.room = EFFECT_ROOM}};
    r->effects.items = engine->effects;
    r->patient = arena_alloc(&engine->slice, sizeof *r->patient);
    ensure(r->patient);
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
    struct buf *record = &r->engine->record;
    if (r->engine->options.counts)
        react_journal(r);
    if (r->status != STATUS_OK)
        return r->status;
    buf_reset(record);
    int64_t due_ms = patient_due_ms(r->patient);
    if (r->is_time && due_ms <= r->now_ms) {
        /* Cannot be, but in a damaged record: it must not hold up everybody's time. */
        log_line(LOG_ERROR, "time does not move a patient on; tried again in a minute", NULL);
        due_ms = r->now_ms + STUCK_MS;
    }
    patient_encode(r->patient, due_ms, record);
    enum status status = STATUS_LIMIT;
    if (!record->failed)
        status = store_patient_put(r->engine->store, r->patient->key, buf_view(record));
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

enum status engine_eval(struct engine *engine, struct str patient, uint64_t enrollment,
                        uint32_t code, int64_t now_ms, struct arena *arena, struct value *value)
{
    struct react r;
    enum status status = react_open(engine, patient, 0, now_ms, &r);
    if (status != STATUS_OK)
        return status;
    struct env env = react_env(&r, engine->current, patient_enrollment(r.patient, enrollment));
    env.arena = arena;
    struct value v = machine_eval(&env, code);
    if (v.kind == VALUE_TEXT)
        v.text = arena_str(arena, v.text);
    *value = v;
    return STATUS_OK;
}
