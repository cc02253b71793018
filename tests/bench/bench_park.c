/* bench_park.c: what parked enrollments cost, from ten thousand to a million (BENCH_MOST=10000000:
 * ten): goals 4 to 9. Everything goes through the engine and the store as the service uses them.
 *
 * For each size a child imports everybody, due at random instants of 30 days, and is killed with
 * -9. Then the store is opened again: how soon does a new enrollment stand, how much memory is
 * there, how fast do checkpoints, wake-ups and a wave go. The peer is the plain design on the same
 * disk: a row a patient of 120 bytes with an index on when it is due. */
#include <malloc.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "tests/bench/bench.h"

enum { DAY = 86400000, SPREAD_DAYS = 30, BATCH = 1000, SIZES = 4, RUNS = 16 };

static uint64_t chance = 1;
static uint64_t random_below(uint64_t limit)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return chance % limit;
}

struct figures {
    double checkpoints, longest_ms, memory_bytes, parked_bytes, file_bytes, ready_s, scattered,
        wave, enroll;
};

/* New patients from `first` on, who enter and park; due at random, or all at one instant. */
static void park(struct bench_house *house, long first, long count, bool is_wave)
{
    struct input_answer answer;
    for (long i = 0; i < count;) {
        ensure(engine_begin(house->engine) == STATUS_OK);
        for (int k = 0; k < BATCH && i < count; k++, i++) {
            char id[24];
            int length = snprintf(id, sizeof id, "p%08ld", first + i);
            int64_t now_ms =
                BENCH_NOW_MS + (is_wave ? 0 : (int64_t)random_below(SPREAD_DAYS * (uint64_t)DAY));
            struct input input = {.kind = INPUT_TRACK,
                                  .patient = {id, (size_t)length},
                                  .at_ms = INT64_MIN,
                                  .name = STR("patient.registered"),
                                  .properties = STR("{}")};
            ensure(engine_input(house->engine, &input, now_ms, &answer) == STATUS_OK);
        }
        ensure(engine_commit(house->engine) == STATUS_OK);
    }
}

static void reopen(struct bench_house *house)
{
    struct str error = {0};
    struct engine_options options = bench_options();
    arena_init(&house->arena, 0);
    ensure(store_open(&house->store, house->path, &error, &house->arena) == STATUS_OK);
    ensure(engine_open(&house->engine, house->store, &options) == STATUS_OK);
}

static double sql_number(const char *path, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    double number = -1;
    ensure(sqlite3_open(path, &db) == SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        number = sqlite3_column_double(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return number;
}

/* Heap in use, SQLite's page cache not counted. */
static double heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return (double)(info.uordblks + info.hblkhd);
}

/* A child parks everybody and dies in the middle of one more transaction. */
static void park_and_die(struct bench_house *house, long count, bool is_wave, double *rate)
{
    int ends[2];
    ensure(pipe(ends) == 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        bench_open(house, STR(BENCH_WELCOME));
        int64_t start = monotonic_ns();
        park(house, 0, count, is_wave);
        *rate = (double)count / bench_since(start);
        ensure(write(ends[1], house->path, sizeof house->path) == sizeof house->path);
        ensure(write(ends[1], rate, sizeof *rate) == sizeof *rate);
        ensure(engine_begin(house->engine) == STATUS_OK);
        kill(getpid(), SIGKILL);
    }
    close(ends[1]);
    ensure(read(ends[0], house->path, sizeof house->path) == sizeof house->path);
    ensure(read(ends[0], rate, sizeof *rate) == sizeof *rate);
    close(ends[0]);
    waitpid(child, NULL, 0);
}

/* Records of random patients written anew with another instant, as a slice does at its end; what a
 * slice reads before is in the wake-ups. */
static void measure_checkpoints(struct bench_house *house, long count, double seconds,
                                struct figures *f)
{
    struct arena arena;
    struct buf record;
    struct str bytes;
    struct patient patient;
    double done = 0;
    f->longest_ms = 0;
    arena_init(&arena, 0);
    buf_init(&record, 0);
    ensure(store_patient_get(house->store, 1, &arena, &bytes) == STATUS_OK);
    ensure(patient_decode(&patient, &arena, 1, bytes) == STATUS_OK);
    int64_t start = monotonic_ns();
    while (bench_since(start) < seconds) {
        int64_t begun = monotonic_ns();
        ensure(store_begin(house->store) == STATUS_OK);
        for (int i = 0; i < BATCH; i++, done++) {
            char id[24];
            patient.key = 1 + random_below((uint64_t)count);
            snprintf(id, sizeof id, "p%08llu", (unsigned long long)patient.key - 1);
            patient.id = str_of(id);
            for (uint32_t e = 0; e < patient.enrollments_count; e++)
                patient.enrollments[e].wake_at_ms =
                    BENCH_NOW_MS + DAY + (int64_t)random_below(SPREAD_DAYS * (uint64_t)DAY);
            buf_reset(&record);
            patient_encode(&patient, patient_due_ms(&patient), &record);
            ensure(store_patient_put(house->store, patient.key, buf_view(&record)) == STATUS_OK);
        }
        ensure(store_commit(house->store) == STATUS_OK);
        double took_ms = bench_since(begun) * 1e3;
        f->longest_ms = took_ms > f->longest_ms ? took_ms : f->longest_ms;
    }
    f->checkpoints = done / bench_since(start);
    buf_free(&record);
    arena_free(&arena);
}

/* Wake-ups in the order of time, BATCH a commit. */
static double wake(struct bench_house *house, double seconds)
{
    double done = 0;
    bool more = true;
    int64_t start = monotonic_ns();
    while (more && bench_since(start) < seconds) {
        ensure(engine_begin(house->engine) == STATUS_OK);
        ensure(engine_advance(house->engine, BENCH_NOW_MS + 400LL * DAY, true, BATCH, &more) ==
               STATUS_OK);
        ensure(engine_commit(house->engine) == STATUS_OK);
        done += more ? BATCH : 0;
    }
    return done / bench_since(start);
}

static void measure(long count, double seconds, struct figures *f)
{
    struct bench_house house;
    double ignored;
    park_and_die(&house, count, false, &f->enroll);
    double heap_before = heap_bytes();
    int64_t start = monotonic_ns();
    reopen(&house);
    park(&house, count, 1, false);
    f->ready_s = bench_since(start);
    f->memory_bytes = heap_bytes() - heap_before;
    measure_checkpoints(&house, count, seconds, f);
    f->scattered = wake(&house, seconds);
    engine_close(house.engine);
    store_close(house.store);
    arena_free(&house.arena);
    bench_unlink(house.path);
    park_and_die(&house, count, true, &ignored);
    f->parked_bytes = sql_number(house.path, "SELECT sum(pgsize) FROM dbstat WHERE name IN "
                                             "('page_record', 'page_id', 'timer', 'log')");
    f->file_bytes = sql_number(house.path, "SELECT sum(pgsize) FROM dbstat");
    reopen(&house);
    f->wave = wake(&house, seconds);
    bench_close(&house);
}

/* ---- the peer: a row a patient, an index on when it is due -------------------------------------
 */

struct row_design {
    sqlite3 *db;
    sqlite3_stmt *put, *due;
};

static void run_sql(sqlite3 *db, const char *sql)
{
    ensure(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

static void put_row(struct row_design *rows, int64_t key, int64_t due_ms)
{
    static char data[120];
    memcpy(data, &chance, sizeof chance);
    sqlite3_bind_int64(rows->put, 1, key);
    sqlite3_bind_int64(rows->put, 2, due_ms);
    sqlite3_bind_blob(rows->put, 3, data, sizeof data, SQLITE_STATIC);
    ensure(sqlite3_step(rows->put) == SQLITE_DONE);
    sqlite3_reset(rows->put);
}

static int64_t some_due(void)
{
    return BENCH_NOW_MS + DAY + (int64_t)random_below(SPREAD_DAYS * (uint64_t)DAY);
}

/* Random upserts, then wake-ups: the earliest row gets another instant. */
static void measure_rows(long count, double seconds, double *upserts, double *wakes)
{
    char path[256];
    struct row_design rows;
    bench_path(path, sizeof path, "rows");
    ensure(sqlite3_open(path, &rows.db) == SQLITE_OK);
    run_sql(rows.db, "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = "
                     "OFF; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 16384;"
                     "CREATE TABLE run (key INTEGER PRIMARY KEY, due INTEGER, data BLOB)");
    sqlite3_prepare_v2(rows.db,
                       "INSERT INTO run (key, due, data) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO "
                       "UPDATE SET due = ?2, data = ?3",
                       -1, &rows.put, NULL);
    run_sql(rows.db, "BEGIN");
    for (long i = 0; i < count; i++)
        put_row(&rows, i + 1, some_due());
    run_sql(rows.db, "COMMIT; CREATE INDEX run_due ON run (due, key); PRAGMA synchronous = FULL");
    sqlite3_prepare_v2(rows.db, "SELECT key, due FROM run ORDER BY due, key LIMIT 1", -1, &rows.due,
                       NULL);
    for (int kind = 0; kind < 2; kind++) {
        double done = 0;
        int64_t start = monotonic_ns();
        while (bench_since(start) < seconds) {
            run_sql(rows.db, "BEGIN");
            for (int i = 0; i < BATCH; i++, done++) {
                int64_t key = 1 + (int64_t)random_below((uint64_t)count), due_ms = some_due();
                if (kind) {
                    ensure(sqlite3_step(rows.due) == SQLITE_ROW);
                    key = sqlite3_column_int64(rows.due, 0);
                    due_ms = sqlite3_column_int64(rows.due, 1) + 40LL * DAY;
                    sqlite3_reset(rows.due);
                }
                put_row(&rows, key, due_ms);
            }
            run_sql(rows.db, "COMMIT");
        }
        *(kind ? wakes : upserts) = done / bench_since(start);
    }
    sqlite3_finalize(rows.put);
    sqlite3_finalize(rows.due);
    sqlite3_close(rows.db);
    bench_unlink(path);
}

int main(void)
{
    static double all[11][RUNS];
    double m[SIZES][11];
    long most = bench_number("BENCH_MOST", 1000000), sizes[SIZES];
    int count = 0, last_rounds = 1;
    for (long n = bench_number("BENCH_LEAST", 10000); n <= most && count < SIZES; n *= 10)
        sizes[count++] = n;
    printf("%10s %10s %9s %9s %9s %8s %8s %8s %9s %9s | %9s %9s\n", "parked", "checkpt/s",
           "longestms", "scatter/s", "wave/s", "park B", "file B", "heap MB", "ready s", "enroll/s",
           "upsert/s", "row wake");
    for (int i = 0; i < count; i++) {
        double seconds = sizes[i] > 1000000 ? 4 : 1;
        last_rounds = (int)bench_number("ROUNDS", sizes[i] > 1000000  ? 1
                                                  : sizes[i] > 100000 ? 3
                                                                      : ROUNDS);
        for (int r = 0; r < last_rounds && r < RUNS; r++) {
            struct figures f;
            double upserts, wakes;
            measure(sizes[i], seconds, &f);
            measure_rows(sizes[i], seconds, &upserts, &wakes);
            const double row[11] = {f.checkpoints,  f.longest_ms, f.scattered,    f.wave,
                                    f.parked_bytes, f.file_bytes, f.memory_bytes, f.ready_s,
                                    f.enroll,       upserts,      wakes};
            for (int k = 0; k < 11; k++)
                all[k][r] = row[k];
        }
        for (int k = 0; k < 11; k++)
            m[i][k] = bench_median(all[k], last_rounds);
        printf("%10ld %10.0f %9.1f %9.0f %9.0f %8.1f %8.1f %8.1f %9.3f %9.0f | %9.0f %9.0f\n",
               sizes[i], m[i][0], m[i][1], m[i][2], m[i][3], m[i][4] / (double)sizes[i],
               m[i][5] / (double)sizes[i], m[i][6] / 1e6, m[i][7], m[i][8], m[i][9], m[i][10]);
        fflush(stdout);
    }
    int last = count - 1, base = count > 1 ? 1 : 0;
    double n = (double)sizes[last];
    char at[64], what[160];
    snprintf(at, sizeof at, "%ld parked, %d round(s)", sizes[last], last_rounds);
#define GOAL(number, words, ours, limit, less)                                                     \
    snprintf(what, sizeof what, "%s (%s)", words, at);                                             \
    bench_goal(number, what, ours, limit, less)
    GOAL(4, "checkpoints/s, random, beside 50 x the row upsert", m[last][0], 50 * m[last][9],
         false);
    GOAL(4, "longest commit of 1000, ms", m[last][1], 50, true);
    snprintf(what, sizeof what, "checkpoints/s at %ld beside half of those at %ld", sizes[last],
             sizes[base]);
    bench_goal(5, what, m[last][0], m[base][0] / 2, false);
    GOAL(6, "bytes of memory a parked enrollment, all of the heap", m[last][6] / n, 64, true);
    GOAL(6, "MB of memory, page cache aside", m[last][6] / 1e6, 200, true);
    GOAL(7, "bytes of disk a parked enrollment: record, number, timer, log", m[last][4] / n, 64,
         true);
    GOAL(8, "seconds from kill -9 to the next enrollment", m[last][7],
         sizes[last] > 1000000 ? 3 : 0.2, true);
    GOAL(9, "wake-ups/s, a wave", m[last][3], 300000, false);
    GOAL(9, "wake-ups/s, scattered, beside 20 x the row design", m[last][2], 20 * m[last][10],
         false);
    return 0;
}
