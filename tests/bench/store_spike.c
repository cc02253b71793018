/* store_spike.c: which form of the store serves all goals (PERFORMANCE.md 4)? Each candidate is
 * built on plain SQLite with our settings and driven by the same loads, each in a process of its
 * own, in turn; the table shows medians. vm/store/DESIGN.md says what follows.
 *
 *   index   a row a patient, keys SipHash, an index on due        (the "row upsert" of the goals)
 *   rows    the same without the index, due times in memory       (the first store)
 *   dense   rows by ascending number, a table from id to number, due times in memory
 *   log     spike_shelf.h, keys SipHash
 *   log-d   spike_shelf.h, keys by ascending number, a second shelf from id to number
 *
 * QUICK by default: 1e5 and 1e6 patients; FULL=1 adds 1e7 and other sizes of record. ROUNDS=5.
 * BYTES=, PATIENTS=, ONLY=name, GROUP=, PAUSE= (pages of a WAL checkpoint) and LAP_MB= narrow it.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/spike_shelf.h"
#include "vm/base/clock.h"
#include "vm/base/hash.h"
#include "vm/base/map.h"

enum { DAY_MS = 86400000, SPREAD_DAYS = 30, ID_BYTES = 9 };
enum kind { KIND_INDEX, KIND_ROWS, KIND_DENSE, KIND_LOG, KIND_LOG_DENSE, KIND_COUNT };
static const char *const kind_names[] = {"index", "rows", "dense", "log", "log-d"};
static const unsigned char hash_key[SIPHASH_KEY_BYTES] = "spike";
#define T0 1767225600000LL

struct figures {
    double checkpoints, scattered, wave, enroll, disk, memory, longest_ms, start_ms, load_s;
};

struct hour { /* far timers of one hour that are not rows yet */
    uint64_t number;
    struct buf entries;
};
struct spike {
    enum kind kind;
    sqlite3 *db;
    char path[64];
    sqlite3_stmt *get, *put, *map_get, *map_put, *due, *begin, *commit;
    struct heap timers;
    struct map64 dues; /* rows, dense */
    uint64_t count;
    /* log */
    struct shelf records, ids;
    struct buf log;
    uint64_t phase, lap_bytes, flushed;
    struct map64 hour_rows; /* hour → index + 1 into hours */
    struct hour *hours;
    uint32_t hour_count, hour_room;
    int64_t horizon; /* timers before it are in the heap */
    sqlite3_stmt *log_put, *log_drop, *timer_put, *timer_get;
    int64_t longest_ns;
};

static uint32_t random_state = 1;
static uint32_t random32(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    return random_state ^= random_state << 5;
}

static long number_of(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text && *text ? atol(text) : otherwise;
}

static bool is_log(const struct spike *s)
{
    return s->kind >= KIND_LOG;
}

static bool is_dense(const struct spike *s)
{
    return s->kind == KIND_DENSE || s->kind == KIND_LOG_DENSE;
}

static uint64_t hash_of(uint64_t number)
{
    char id[24];
    int len = snprintf(id, sizeof id, "p%08llu", (unsigned long long)number);
    return siphash(hash_key, (struct str){id, (size_t)len}) >> 1;
}

static void run(struct spike *s, const char *sql)
{
    check_sql(s->db, sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

static void step(struct spike *s, sqlite3_stmt *statement)
{
    check_sql(s->db, sqlite3_step(statement));
    sqlite3_reset(statement);
}

/* ---- far timers of the log ------------------------------------------------------------------- */

static void timer_add(struct spike *s, uint64_t key, int64_t due)
{
    if (due < s->horizon) {
        heap_push(&s->timers, due, key);
        return;
    }
    uint64_t number = (uint64_t)due / HOUR_MS;
    uint64_t *row = map64_put(&s->hour_rows, number, NULL);
    if (!*row) {
        if (s->hour_count == s->hour_room) {
            s->hour_room = s->hour_room ? s->hour_room * 2 : 64;
            s->hours = heap_resize(s->hours, s->hour_room * sizeof *s->hours);
        }
        s->hours[s->hour_count] = (struct hour){.number = number};
        buf_init(&s->hours[s->hour_count].entries, 0);
        *row = ++s->hour_count;
    }
    struct buf *out = &s->hours[*row - 1].entries;
    uint32_t rest = (uint32_t)((uint64_t)due % HOUR_MS);
    unsigned char *at = buf_reserve(out, 11);
    size_t width = is_dense(s) ? 5 : 8;
    memcpy(at, &key, width);
    memcpy(at + width, &rest, 3);
    out->len += width + 3;
}

static int hour_order(const void *a, const void *b)
{
    uint64_t x = ((const struct hour *)a)->number, y = ((const struct hour *)b)->number;
    return (x > y) - (x < y);
}

static void timers_flush(struct spike *s)
{
    qsort(s->hours, s->hour_count, sizeof *s->hours, hour_order);
    for (uint32_t i = 0; i < s->hour_count; i++) {
        struct hour *hour = &s->hours[i];
        if (hour->entries.len) {
            sqlite3_bind_int64(s->timer_put, 1, (int64_t)hour->number);
            sqlite3_bind_int64(s->timer_put, 2, (int64_t)s->phase);
            sqlite3_bind_blob(s->timer_put, 3, hour->entries.data, (int)hour->entries.len,
                              SQLITE_STATIC);
            step(s, s->timer_put);
        }
        buf_free(&hour->entries);
    }
    s->hour_count = 0;
    map64_clear(&s->hour_rows);
    s->flushed = s->phase;
}

static void timers_take(struct spike *s, struct str data)
{
    size_t width = is_dense(s) ? 5 : 8;
    int64_t hour = s->horizon - HOUR_MS;
    for (size_t i = 0; i + width + 3 <= data.len; i += width + 3) {
        uint64_t key = 0;
        uint32_t rest = 0;
        memcpy(&key, data.at + i, width);
        memcpy(&rest, data.at + i + width, 3);
        heap_push(&s->timers, hour + rest, key);
    }
}

/* The next hour's timers into the heap. */
static void timers_near(struct spike *s)
{
    uint64_t number = (uint64_t)s->horizon / HOUR_MS;
    s->horizon += HOUR_MS;
    sqlite3_bind_int64(s->timer_get, 1, (int64_t)number);
    while (sqlite3_step(s->timer_get) == SQLITE_ROW)
        timers_take(s, (struct str){sqlite3_column_blob(s->timer_get, 0),
                                    (size_t)sqlite3_column_bytes(s->timer_get, 0)});
    sqlite3_reset(s->timer_get);
    uint64_t *row = map64_get(&s->hour_rows, number);
    if (row && *row) {
        timers_take(s, buf_view(&s->hours[*row - 1].entries));
        buf_free(&s->hours[*row - 1].entries);
    }
}

/* ---- verbs ----------------------------------------------------------------------------------- */

static void begin(struct spike *s)
{
    step(s, s->begin);
}

static void commit(struct spike *s)
{
    int64_t start = monotonic_ns();
    if (is_log(s) && s->log.len) {
        uint64_t from = s->phase, by = s->log.len * LAP / s->lap_bytes + 1;
        s->phase += by;
        sqlite3_bind_int64(s->log_put, 1, (int64_t)s->phase);
        sqlite3_bind_blob(s->log_put, 2, s->log.data, (int)s->log.len, SQLITE_STATIC);
        step(s, s->log_put);
        buf_reset(&s->log);
        struct shelf *shelves[] = {&s->records, is_dense(s) ? &s->ids : NULL};
        for (size_t i = 0; i < 2 && shelves[i]; i++) {
            uint64_t at = from % LAP, to = at + by;
            shelf_sweep(shelves[i], at, to > LAP ? LAP : to);
            if (to > LAP)
                shelf_sweep(shelves[i], 0, to - LAP);
        }
        if (s->phase - s->flushed > LAP / 2)
            timers_flush(s);
        if (s->phase > LAP) {
            sqlite3_bind_int64(s->log_drop, 1, (int64_t)(s->phase - LAP - LAP / 64));
            step(s, s->log_drop);
        }
    }
    step(s, s->commit);
    int64_t took = monotonic_ns() - start;
    if (took > s->longest_ns)
        s->longest_ns = took;
}

static void log_entry(struct spike *s, int shelf, uint64_t key, int64_t due, struct str data)
{
    buf_byte(&s->log, (unsigned char)shelf);
    buf_varint(&s->log, key);
    buf_varint(&s->log, (uint64_t)(due + 1));
    buf_bytes(&s->log, data);
}

static void put(struct spike *s, uint64_t key, int64_t due, struct str data)
{
    if (is_log(s)) {
        log_entry(s, 0, key, due, data);
        shelf_put(&s->records, key, due, data);
        timer_add(s, key, due);
        return;
    }
    sqlite3_bind_int64(s->put, 1, (int64_t)key);
    sqlite3_bind_int64(s->put, 2, due);
    sqlite3_bind_blob(s->put, 3, data.at, (int)data.len, SQLITE_STATIC);
    step(s, s->put);
    if (s->kind == KIND_INDEX)
        return;
    uint64_t *known = map64_put(&s->dues, key, NULL);
    if ((int64_t)*known != due) {
        *known = (uint64_t)due;
        heap_push(&s->timers, due, key);
    }
}

static bool get(struct spike *s, uint64_t key, int64_t *due, char *to, size_t *len)
{
    struct cell_view cell = {0};
    if (is_log(s)) {
        if (!shelf_get(&s->records, key, &cell))
            return false;
    } else {
        sqlite3_bind_int64(s->get, 1, (int64_t)key);
        if (sqlite3_step(s->get) == SQLITE_ROW)
            cell = (struct cell_view){
                key,
                sqlite3_column_int64(s->get, 0),
                {sqlite3_column_blob(s->get, 1), (size_t)sqlite3_column_bytes(s->get, 1)}};
    }
    if (cell.data.len)
        memcpy(to, cell.data.at, cell.data.len);
    *due = cell.due;
    *len = cell.data.len;
    if (!is_log(s))
        sqlite3_reset(s->get);
    return *len > 0;
}

/* A patient never seen before: looked for, then written. */
static void enroll(struct spike *s, int64_t due, struct str data)
{
    char old[1024];
    size_t len;
    int64_t old_due;
    uint64_t hash = hash_of(s->count++), key = is_dense(s) ? s->count : hash;
    struct cell_view cell;
    if (s->kind == KIND_LOG_DENSE) {
        ensure(!shelf_get(&s->ids, hash, &cell));
        log_entry(s, 1, hash, -1, (struct str){(char *)&key, 5});
        shelf_put(&s->ids, hash, -1, (struct str){(char *)&key, 5});
    } else if (is_dense(s)) {
        sqlite3_bind_int64(s->map_get, 1, (int64_t)hash);
        ensure(sqlite3_step(s->map_get) == SQLITE_DONE);
        sqlite3_reset(s->map_get);
        sqlite3_bind_int64(s->map_put, 1, (int64_t)hash);
        sqlite3_bind_int64(s->map_put, 2, (int64_t)key);
        step(s, s->map_put);
    } else {
        ensure(!get(s, key, &old_due, old, &len));
    }
    put(s, key, due, data);
}

static bool next_due(struct spike *s, struct timer *timer)
{
    if (s->kind == KIND_INDEX) {
        if (sqlite3_step(s->due) != SQLITE_ROW)
            return false;
        *timer = (struct timer){sqlite3_column_int64(s->due, 0),
                                (uint64_t)sqlite3_column_int64(s->due, 1)};
        sqlite3_reset(s->due);
        return true;
    }
    while (is_log(s) && !s->timers.count && s->horizon < T0 + 400LL * DAY_MS)
        timers_near(s);
    if (!s->timers.count)
        return false;
    *timer = heap_pop(&s->timers);
    return true;
}

/* ---- opening, loading -------------------------------------------------------------------------
 */

static void replay(struct spike *s)
{
    sqlite3_stmt *rows = sql_prepare(s->db, "SELECT id, data FROM log ORDER BY id");
    sqlite3_stmt *last = sql_prepare(s->db, "SELECT max(seq) FROM timer");
    if (sqlite3_step(last) == SQLITE_ROW)
        s->flushed = (uint64_t)sqlite3_column_int64(last, 0);
    sqlite3_finalize(last);
    while (sqlite3_step(rows) == SQLITE_ROW) {
        s->phase = (uint64_t)sqlite3_column_int64(rows, 0);
        const unsigned char *at = sqlite3_column_blob(rows, 1),
                            *end = at + sqlite3_column_bytes(rows, 1);
        while (at < end) {
            bool is_record = *at++ == 0;
            uint64_t key = varint(&at);
            int64_t due = (int64_t)varint(&at) - 1;
            size_t len = varint(&at);
            struct str data = {(const char *)at, len};
            at += len;
            shelf_put(is_record ? &s->records : &s->ids, key, due, data);
            if (is_record && s->phase > s->flushed)
                timer_add(s, key, due);
        }
    }
    sqlite3_finalize(rows);
}

static void open_spike(struct spike *s)
{
    char pragma[200];
    check_sql(NULL, sqlite3_open(s->path, &s->db));
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    snprintf(pragma, sizeof pragma,
             "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
             "PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = %ld",
             number_of("PAUSE", is_log(s) ? 2048 : 16384));
    run(s, pragma);
    run(s, "CREATE TABLE IF NOT EXISTS patient (key INTEGER PRIMARY KEY, due INTEGER, data BLOB);"
           "CREATE TABLE IF NOT EXISTS map (hash INTEGER PRIMARY KEY, key INTEGER);"
           "CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, data BLOB);"
           "CREATE TABLE IF NOT EXISTS timer (hour INTEGER, seq INTEGER, data BLOB,"
           " PRIMARY KEY (hour, seq))");
    if (s->kind == KIND_INDEX)
        run(s, "CREATE INDEX IF NOT EXISTS patient_due ON patient (due, key)");
    s->begin = sql_prepare(s->db, "BEGIN IMMEDIATE");
    s->commit = sql_prepare(s->db, "COMMIT");
    s->get = sql_prepare(s->db, "SELECT due, data FROM patient WHERE key = ?1");
    s->put = sql_prepare(s->db, "INSERT INTO patient (key, due, data) VALUES (?1, ?2, ?3) "
                                "ON CONFLICT (key) DO UPDATE SET due = ?2, data = ?3");
    s->map_get = sql_prepare(s->db, "SELECT key FROM map WHERE hash = ?1");
    s->map_put = sql_prepare(s->db, "INSERT INTO map (hash, key) VALUES (?1, ?2)");
    s->due = sql_prepare(s->db, "SELECT due, key FROM patient ORDER BY due, key LIMIT 1");
    s->log_put = sql_prepare(s->db, "INSERT INTO log (id, data) VALUES (?1, ?2)");
    s->log_drop = sql_prepare(s->db, "DELETE FROM log WHERE id < ?1");
    s->timer_put = sql_prepare(s->db, "INSERT INTO timer (hour, seq, data) VALUES (?1, ?2, ?3)");
    s->timer_get = sql_prepare(s->db, "SELECT data FROM timer WHERE hour = ?1");
    heap_init(&s->timers);
    map64_init(&s->dues);
    map64_init(&s->hour_rows);
    buf_init(&s->log, 0);
    s->horizon = T0 / HOUR_MS * HOUR_MS;
    s->phase = s->flushed = 0;
    s->hours = NULL;
    s->hour_count = s->hour_room = 0;
    if (is_log(s)) {
        shelf_open(&s->records, s->db, 0, is_dense(s));
        shelf_open(&s->ids, s->db, 1, false);
        s->records.max_key = is_dense(s) ? s->count : INT64_MAX;
        replay(s);
    } else if (s->kind != KIND_INDEX) {
        sqlite3_stmt *all = sql_prepare(s->db, "SELECT key, due FROM patient");
        while (sqlite3_step(all) == SQLITE_ROW) {
            uint64_t key = (uint64_t)sqlite3_column_int64(all, 0);
            *map64_put(&s->dues, key, NULL) = (uint64_t)sqlite3_column_int64(all, 1);
            heap_push(&s->timers, sqlite3_column_int64(all, 1), key);
        }
        sqlite3_finalize(all);
    }
}

static void close_spike(struct spike *s)
{
    if (is_log(s)) {
        shelf_close(&s->records);
        shelf_close(&s->ids);
    }
    sqlite3_stmt *statement;
    while ((statement = sqlite3_next_stmt(s->db, NULL)))
        sqlite3_finalize(statement);
    check_sql(NULL, sqlite3_close(s->db));
    heap_free(&s->timers);
    map64_free(&s->dues);
    map64_free(&s->hour_rows);
    for (uint32_t i = 0; i < s->hour_count; i++)
        buf_free(&s->hours[i].entries);
    heap_release(s->hours);
    buf_free(&s->log);
}

static int key_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void fill(char *data, size_t size)
{
    for (size_t i = 0; i + 4 <= size; i += 4) {
        uint32_t word = random32();
        memcpy(data + i, &word, 4);
    }
}

static int64_t far_due(void)
{
    return T0 + DAY_MS + (int64_t)((uint64_t)random32() * SPREAD_DAYS * DAY_MS >> 32);
}

/* Merges what was put in the order of keys from `from` to `to`. */
static void merge_all(struct shelf *shelf, uint64_t from, uint64_t to)
{
    uint64_t max = shelf->max_key;
    shelf->max_key = to;
    for (uint64_t list = from >> shelf->shift; shelf->pending; list++)
        while (shelf->lists[list])
            shelf_merge(shelf, shelf->lists[list]->key);
    shelf->max_key = max;
}

struct pair {
    uint64_t hash, key;
};

static void load_ids(struct spike *s, const uint64_t *hashes, uint64_t count)
{
    struct pair *pairs = heap_alloc(count * sizeof *pairs);
    for (uint64_t i = 0; i < count; i++)
        pairs[i] = (struct pair){hashes[i], i + 1};
    qsort(pairs, count, sizeof *pairs, key_order);
    for (uint64_t i = 0; i < count; i++)
        if (is_log(s)) {
            shelf_put(&s->ids, pairs[i].hash, -1, (struct str){(char *)&pairs[i].key, 5});
            if (i % 1000 == 999 || i + 1 == count)
                merge_all(&s->ids, pairs[i / 1000 * 1000].hash, pairs[i].hash);
        } else {
            sqlite3_bind_int64(s->map_put, 1, (int64_t)pairs[i].hash);
            sqlite3_bind_int64(s->map_put, 2, (int64_t)pairs[i].key);
            step(s, s->map_put);
        }
    heap_release(pairs);
}

/* Everybody parked, written in the order of keys: what a store at rest looks like. */
static void load(struct spike *s, uint64_t count, size_t size)
{
    char data[1024];
    fill(data, sizeof data);
    uint64_t *keys = heap_alloc(count * sizeof *keys);
    uint64_t *hashes = heap_alloc(count * sizeof *hashes);
    for (uint64_t i = 0; i < count; i++) {
        hashes[i] = hash_of(i);
        keys[i] = is_dense(s) ? i + 1 : hashes[i];
    }
    if (!is_dense(s))
        qsort(keys, count, sizeof *keys, key_order);
    run(s, "PRAGMA synchronous = OFF; BEGIN");
    for (uint64_t i = 0; i < count; i++) {
        fill(data, 16);
        put(s, keys[i], far_due(), (struct str){data, size});
        buf_reset(&s->log);
        if (is_log(s) && (i % 1000 == 999 || i + 1 == count))
            merge_all(&s->records, keys[i / 1000 * 1000], keys[i]);
        if (is_log(s) && i % 1000000 == 999999) {
            s->phase++;
            timers_flush(s);
        }
    }
    if (is_dense(s))
        load_ids(s, hashes, count);
    if (is_log(s)) {
        s->phase++;
        timers_flush(s);
    }
    run(s, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA synchronous = FULL");
    s->count = count;
    heap_release(keys);
    heap_release(hashes);
}

/* ---- loads ------------------------------------------------------------------------------------
 */

struct budget {
    uint64_t most, group;
    double seconds;
};

static uint64_t random_key(const struct spike *s, uint64_t count)
{
    uint64_t number = (uint64_t)random32() * count >> 32;
    return is_dense(s) ? number + 1 : hash_of(number);
}

static double rate_of(struct spike *s, struct budget budget, char what, size_t size, int64_t wave)
{
    char data[1024];
    fill(data, sizeof data);
    int64_t start = monotonic_ns(), due;
    uint64_t done = 0, stored = s->count;
    size_t len;
    struct timer timer;
    bool is_more = true;
    while (is_more && done < budget.most &&
           (double)(monotonic_ns() - start) < budget.seconds * 1e9) {
        begin(s);
        for (uint64_t i = 0; i < budget.group && is_more; i++) {
            if (what == 'c') {
                fill(data, 16);
                put(s, random_key(s, stored), far_due(), (struct str){data, size});
                done++;
            } else if (what == 'e') {
                enroll(s, wave + (int64_t)done / 300, (struct str){data, size});
                done++;
            } else if ((is_more = next_due(s, &timer))) {
                ensure(get(s, timer.key, &due, data, &len));
                if (due != timer.at_ms)
                    continue;
                data[0]++;
                put(s, timer.key, due + 40LL * DAY_MS, (struct str){data, len});
                done++;
            }
        }
        commit(s);
    }
    return (double)done * 1e9 / (double)(monotonic_ns() - start);
}

static double disk_of(struct spike *s)
{
    double pages = 0;
    const char *const pragmas[] = {"PRAGMA page_count", "PRAGMA freelist_count"};
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *q = sql_prepare(s->db, pragmas[i]);
        sqlite3_step(q);
        pages += (i ? -1 : 1) * sqlite3_column_double(q, 0);
        sqlite3_finalize(q);
    }
    return pages * 4096;
}

static double memory_of(void)
{
    struct mallinfo2 info = mallinfo2();
    return (double)(info.uordblks + info.hblkhd) - (double)sqlite3_memory_used();
}

static void measure(enum kind kind, uint64_t count, size_t size, struct figures *f)
{
    struct spike s = {.kind = kind};
    double before = memory_of(), seconds = count > 1000000 ? 4 : count > 100000 ? 0.6 : 0.3;
    uint64_t group = (uint64_t)number_of("GROUP", 1000);
    const char *directory = getenv("SPIKE_DIR");
    struct budget budget = {count * 4, group, seconds}, wave = {count / 4, group, seconds};
    snprintf(s.path, sizeof s.path, "%s/spike.%d", directory ? directory : "build", getpid());
    uint64_t bytes = count * (size + 16) / 8;
    s.lap_bytes = (uint64_t)number_of("LAP_MB", 0) << 20;
    if (!s.lap_bytes)
        s.lap_bytes = bytes < 16 << 20 ? 16 << 20 : bytes > 128 << 20 ? 128 << 20 : bytes;
    int64_t start = monotonic_ns();
    open_spike(&s);
    load(&s, count, size);
    f->load_s = (double)(monotonic_ns() - start) / 1e9;
    f->disk = disk_of(&s) / (double)count;
    /* A log is measured from its second lap on, when the hand finds what a lap has left. */
    if (is_log(&s)) {
        struct budget lap = {s.lap_bytes * 5 / 4 / (size + 16), group, 1e9};
        rate_of(&s, lap, 'c', size, 0);
        close_spike(&s);
        open_spike(&s);
    }
    s.longest_ns = 0;
    f->checkpoints = rate_of(&s, budget, 'c', size, 0);
    f->longest_ms = (double)s.longest_ns / 1e6;
    f->memory = (memory_of() - before) / (double)count;
    close_spike(&s);
    start = monotonic_ns();
    open_spike(&s);
    f->start_ms = (double)(monotonic_ns() - start) / 1e6;
    f->scattered = rate_of(&s, budget, 's', size, 0);
    f->enroll = rate_of(&s, wave, 'e', size, T0);
    f->wave = rate_of(&s, wave, 's', size, 0);
    close_spike(&s);
    unlink(s.path);
    const char *const tails[] = {"-wal", "-shm"};
    for (int i = 0; i < 2; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", s.path, tails[i]);
        unlink(name);
    }
}

static bool measure_apart(enum kind kind, uint64_t count, size_t size, struct figures *f)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        measure(kind, count, size, f);
        _exit(write(ends[1], f, sizeof *f) == (ssize_t)sizeof *f ? 0 : 1);
    }
    close(ends[1]);
    bool is_whole = read(ends[0], f, sizeof *f) == (ssize_t)sizeof *f;
    close(ends[0]);
    waitpid(child, NULL, 0);
    return is_whole;
}

static int double_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void table(uint64_t count, size_t size, int rounds)
{
    enum { FIGURES = sizeof(struct figures) / sizeof(double), MOST = 9 };
    static double all[KIND_COUNT][FIGURES][MOST];
    const char *only = getenv("ONLY");
    printf("\n%llu patients, records of %zu bytes, groups of %ld, %d round(s)\n%-6s %12s %11s %11s "
           "%11s %8s %8s %11s %9s\n",
           (unsigned long long)count, size, number_of("GROUP", 1000), rounds, "", "checkpoint/s",
           "scattered/s", "cohort/s", "enroll/s", "disk B", "memory B", "longest ms", "start ms");
    for (int round = 0; round < rounds; round++)
        for (int kind = 0; kind < KIND_COUNT; kind++) {
            struct figures f = {0};
            if (only && strcmp(only, kind_names[kind]) != 0)
                continue;
            ensure(measure_apart((enum kind)kind, count, size, &f));
            const double *at = &f.checkpoints;
            for (int i = 0; i < FIGURES; i++)
                all[kind][i][round] = at[i];
        }
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (only && strcmp(only, kind_names[kind]) != 0)
            continue;
        double m[FIGURES];
        for (int i = 0; i < FIGURES; i++) {
            qsort(all[kind][i], (size_t)rounds, sizeof(double), double_order);
            m[i] = all[kind][i][rounds / 2];
        }
        printf("%-6s %12.0f %11.0f %11.0f %11.0f %8.1f %8.1f %11.1f %9.1f\n", kind_names[kind],
               m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7]);
    }
    fflush(stdout);
}

int main(void)
{
    bool is_full = number_of("FULL", 0) == 1;
    long patients = number_of("PATIENTS", 0), bytes = number_of("BYTES", 0);
    static const size_t sizes[] = {120, 48, 300};
    for (uint64_t count = 100000; count <= (is_full ? 10000000 : 1000000); count *= 10)
        for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
            int rounds = (int)number_of("ROUNDS", count > 100000 ? 1 : 3);
            if (!patients && !bytes && (is_full || i == 0))
                table(count, sizes[i], rounds > 9 ? 9 : rounds);
        }
    if (patients || bytes)
        table(patients ? (uint64_t)patients : 1000000, bytes ? (size_t)bytes : 120,
              (int)number_of("ROUNDS", 1));
    return 0;
}
