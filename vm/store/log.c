/* log.c: what makes the shelves durable. A commit is one row: all that it changed. Behind it the
 * hand moves round the keys of each shelf, a lap for `lap_bytes` of log, and merges what it passes
 * into pages, in the same commit.
 *
 *      rows:  │ lap n-1 …            │ lap n …         ▲ now
 *             ▲ kept_from            ▲ lap_start
 *
 * In lap n the hand passes every key, so at its end all of lap n-1 is on pages and its rows may go,
 * a few with each commit: no phases, no pauses. A row begins with where lap and hands stand after
 * it. */
#include "vm/core/patient.h"
#include "vm/store/internal.h"

enum {
    DROP_ROWS = 4,
    LEARN_PAGES = 64,
    LAP_LEAST_BYTES = 4 << 20,
    LAP_MOST_BYTES = 24 << 20,
    BYTES_A_PATIENT = 8
};
#define ID_KEYS ((UINT64_C(1) << 40) - 1)

void log_open(struct store *store)
{
    static const uint64_t max_keys[] = {0, ID_KEYS, INT64_MAX};
    for (uint32_t i = 0; i < SHELF_COUNT; i++)
        shelf_init(&store->shelves[i], store, i, max_keys[i], i != SHELF_RECORD);
    timers_init(&store->timers, store);
    buf_init(&store->scratch, 0);
    buf_init(&store->body, 0);
    store->log = (struct log){.first_id = 1, .lap_start = 1, .kept_from = 1};
}

static void forget_changes(struct store *store)
{
    for (uint32_t i = 0; i < store->change_count; i++)
        heap_release(store->changes[i].old);
    store->change_count = 0;
}

void log_close(struct store *store)
{
    forget_changes(store);
    heap_release(store->changes);
    store->changes = NULL;
    store->change_room = 0;
    for (uint32_t i = 0; i < SHELF_COUNT; i++)
        shelf_free(&store->shelves[i]);
    timers_free(&store->timers);
    buf_free(&store->scratch);
    buf_free(&store->body);
}

uint32_t log_change(struct store *store, struct shelf *shelf, struct shelf_entry *entry,
                    struct shelf_entry *old)
{
    if (store->change_count == store->change_room) {
        store->change_room = store->change_room ? store->change_room * 2 : 256;
        store->changes = heap_resize(store->changes, store->change_room * sizeof *store->changes);
    }
    store->changes[store->change_count++] = (struct change){shelf, entry, old};
    return store->change_count;
}

/* --- reading --- */

static void begin_lap(struct store *store, uint64_t id)
{
    uint64_t bytes = store->last_patient * BYTES_A_PATIENT;
    struct log *log = &store->log;
    log->kept_from = log->lap_start;
    log->lap_start = id;
    log->done_bytes = 0;
    uint64_t most = store->is_private ? LAP_LEAST_BYTES : LAP_MOST_BYTES;
    log->lap_bytes = bytes < LAP_LEAST_BYTES ? LAP_LEAST_BYTES : bytes > most ? most : bytes;
}

static bool replay_row(struct store *store, uint64_t id, struct str sealed)
{
    struct log *log = &store->log;
    struct str bytes;
    if (!sealed_open(sealed, &bytes))
        return false;
    struct reader in = reader_of(bytes);
    uint64_t lap = read_varint(&in);
    if (lap != log->lap)
        begin_lap(store, id);
    log->lap = lap;
    log->last_id = id;
    log->done_bytes = read_varint(&in);
    log->lap_bytes = read_varint(&in);
    for (uint32_t i = 0; i < SHELF_COUNT; i++)
        store->shelves[i].hand = read_varint(&in);
    while (reader_left(&in)) {
        uint8_t shelf = read_byte(&in);
        uint64_t key = read_varint(&in);
        struct str data = read_sized(&in);
        if (in.failed || shelf >= SHELF_COUNT || key > INT64_MAX)
            return false;
        shelf_put(&store->shelves[shelf], key, data, false);
        int64_t due_ms = shelf == SHELF_RECORD ? patient_record_due_ms(data) : NEVER_MS;
        if (due_ms != NEVER_MS)
            timers_add(&store->timers, key, due_ms);
    }
    return !in.failed && log->lap_bytes;
}

enum status log_replay(struct store *store)
{
    struct log *log = &store->log;
    bool is_sound = true;
    int code = SQLITE_ERROR;
    uint64_t last;
    enum status status = shelf_last_key(&store->shelves[SHELF_RECORD], &last);
    if (status != STATUS_OK)
        return status;
    sqlite3_stmt *s = store_prepare(store, "SELECT id, data FROM log ORDER BY id");
    if (!s)
        return store_failed(store, "log");
    begin_lap(store, 1);
    while (is_sound && (code = sqlite3_step(s)) == SQLITE_ROW) {
        uint64_t id = (uint64_t)sqlite3_column_int64(s, 0);
        struct str sealed = {sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1)};
        if (!log->last_id)
            log->first_id = log->lap_start = log->kept_from = id;
        is_sound = replay_row(store, id, sealed);
    }
    sqlite3_reset(s);
    struct shelf *records = &store->shelves[SHELF_RECORD];
    records->max_key = last > records->max_key ? last : records->max_key;
    store->last_patient = store->last_before = records->max_key;
    return !is_sound             ? store_corrupt(store, "the log")
           : code == SQLITE_DONE ? STATUS_OK
                                 : store_failed(store, "log");
}

/* --- writing --- */

static uint64_t hand_after(const struct shelf *shelf, const struct log *log)
{
    double part = (double)log->done_bytes / (double)log->lap_bytes;
    return part >= 1 ? shelf->max_key : (uint64_t)((double)shelf->max_key * part);
}

static enum status put_row(struct store *store, uint64_t id)
{
    sqlite3_stmt *s = store_prepare(store, "INSERT INTO log (id, data) VALUES (?1, ?2)");
    if (!s)
        return store_failed(store, "log");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    store_bind_blob(s, 2, buf_view(&store->scratch));
    return store_done(store, s, "log");
}

static enum status drop_rows(struct store *store)
{
    struct log *log = &store->log;
    if (log->first_id >= log->kept_from)
        return STATUS_OK;
    uint64_t until = log->first_id + DROP_ROWS;
    log->first_id = until < log->kept_from ? until : log->kept_from;
    sqlite3_stmt *s = store_prepare(store, "DELETE FROM log WHERE id < ?1");
    if (!s)
        return store_failed(store, "log");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)log->first_id);
    return store_done(store, s, "log");
}

/* The changes as they are logged; from here on they cannot be undone one by one. */
static void encode_changes(struct store *store)
{
    struct buf *body = &store->body;
    buf_reset(body);
    for (uint32_t i = 0; i < store->change_count; i++) {
        struct shelf_entry *entry = store->changes[i].entry;
        buf_byte(body, (unsigned char)store->changes[i].shelf->number);
        buf_varint(body, entry->key);
        buf_bytes(body, (struct str){(const char *)entry->data, entry->len});
        entry->change = 0;
    }
}

static enum status move_hands(struct store *store, const uint64_t *hands)
{
    struct log *log = &store->log;
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < SHELF_COUNT && status == STATUS_OK; i++) {
        status = shelf_learn(&store->shelves[i], LEARN_PAGES);
        if (status == STATUS_OK)
            status = shelf_sweep(&store->shelves[i], hands[i]);
    }
    if (status == STATUS_OK)
        status = timers_flush(&store->timers, log->done_bytes, log->lap_bytes);
    return status;
}

enum status log_write(struct store *store)
{
    struct log *log = &store->log;
    uint64_t hands[SHELF_COUNT], id = log->last_id + 1;
    store->is_torn = true;
    if (!store->change_count)
        return timers_flush(&store->timers, log->done_bytes, log->lap_bytes);
    encode_changes(store);
    log->done_bytes += store->body.len;
    bool is_over = log->done_bytes >= log->lap_bytes;
    sealed_begin(&store->scratch);
    buf_varint(&store->scratch, log->lap + is_over);
    buf_varint(&store->scratch, is_over ? 0 : log->done_bytes);
    buf_varint(&store->scratch, log->lap_bytes);
    for (uint32_t i = 0; i < SHELF_COUNT; i++) {
        /* `until` of a sweep is not included: a lap's end is one more. */
        hands[i] = hand_after(&store->shelves[i], log) + is_over;
        buf_varint(&store->scratch, is_over ? 0 : hands[i]);
    }
    buf_str(&store->scratch, buf_view(&store->body));
    sealed_end(&store->scratch);
    enum status status = store->is_private ? STATUS_OK : put_row(store, id);
    if (status == STATUS_OK)
        status = move_hands(store, hands);
    if (status == STATUS_OK && is_over) {
        begin_lap(store, id);
        log->lap++;
        timers_turn(&store->timers);
        for (uint32_t i = 0; i < SHELF_COUNT; i++)
            store->shelves[i].hand = 0;
    }
    log->last_id = id;
    return status == STATUS_OK ? drop_rows(store) : status;
}

enum status log_settle(struct store *store)
{
    struct log *log = &store->log;
    enum status status = STATUS_OK;
    store->is_torn = true;
    for (uint32_t i = 0; i < SHELF_COUNT && status == STATUS_OK; i++) {
        store->shelves[i].hand = 0;
        status = shelf_sweep(&store->shelves[i], store->shelves[i].max_key + 1);
        store->shelves[i].hand = 0;
    }
    for (int i = 0; i < 2 && status == STATUS_OK; i++) {
        status = timers_flush(&store->timers, 1, 1);
        timers_turn(&store->timers);
    }
    log->lap++;
    log->first_id = log->last_id + 1;
    begin_lap(store, log->last_id + 1);
    log->kept_from = log->lap_start;
    sqlite3_stmt *s = store_prepare(store, "DELETE FROM log");
    return status != STATUS_OK ? status
           : s                 ? store_done(store, s, "log")
                               : store_failed(store, "log");
}

void log_forget(struct store *store)
{
    store->is_torn = false;
    forget_changes(store);
}

enum status log_rollback(struct store *store)
{
    store->last_patient = store->last_before;
    if (store->is_torn) {
        store->is_torn = false;
        log_close(store);
        log_open(store);
        /* Nothing of a private store can be read again. */
        return store->is_private ? STATUS_IO : log_replay(store);
    }
    while (store->change_count) {
        struct change *change = &store->changes[--store->change_count];
        shelf_undo(change->shelf, change->entry, change->old);
    }
    store->shelves[SHELF_RECORD].max_key = store->last_patient;
    timers_rollback(&store->timers);
    return STATUS_OK;
}
