/* bench_import.c: goals 2 and 11: NDJSON through input_parse and engine_input into a file, a
 * thousand items a transaction, beside the bare insert that a program of its own would do. */
#include <sqlite3.h>

#include "tests/bench/bench.h"

/* `track` items; with is_enrolling each is of a new patient and starts a campaign, else they come
 * from a thousand patients and nothing reads them. */
static void make_lines(struct buf *lines, long count, bool is_enrolling)
{
    buf_reset(lines);
    for (long i = 0; i < count; i++)
        buf_printf(lines,
                   "{\"type\":\"track\",\"userId\":\"p%08ld\",\"event\":\"%s\","
                   "\"messageId\":\"m-%010ld\",\"timestamp\":\"2026-03-02T13:%02ld:%02ldZ\","
                   "\"properties\":{\"source\":\"web\",\"page\":\"/book/%ld\"}}\n",
                   is_enrolling ? i : i % 1000, is_enrolling ? "patient.registered" : "page.seen",
                   i, i * 60 / count, i * 3600 / count % 60, i % 97);
}

static double ours(struct str lines, long count)
{
    struct bench_house house;
    bench_open(&house, STR(BENCH_WELCOME));
    int64_t start = monotonic_ns();
    bench_import(&house, lines);
    double rate = (double)count / bench_since(start);
    bench_close(&house);
    return rate;
}

/* The same lines as rows: with_text stores the line (an event), else 24 bytes of state. */
static double bare(struct str lines, long count, bool with_text)
{
    sqlite3 *db;
    sqlite3_stmt *put;
    char path[256];
    bench_path(path, sizeof path, "bare");
    ensure(sqlite3_open(path, &db) == SQLITE_OK);
    ensure(sqlite3_exec(db,
                        "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;"
                        "PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;"
                        "PRAGMA wal_autocheckpoint = 16384;"
                        "CREATE TABLE run (id INTEGER PRIMARY KEY, due INTEGER, state BLOB)",
                        NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_prepare_v2(db, "INSERT INTO run (id, due, state) VALUES (?1, ?2, ?3)", -1, &put, NULL);
    int64_t start = monotonic_ns();
    for (long i = 0; i < count;) {
        sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
        for (int k = 0; k < ITEMS_A_COMMIT && i < count; k++, i++) {
            const char *end = memchr(lines.at, '\n', lines.len);
            struct str line = {lines.at, (size_t)(end - lines.at)};
            sqlite3_bind_int64(put, 1, i + 1);
            sqlite3_bind_int64(put, 2, BENCH_NOW_MS + i);
            sqlite3_bind_blob(put, 3, line.at, with_text ? (int)line.len : 24, SQLITE_STATIC);
            ensure(sqlite3_step(put) == SQLITE_DONE);
            sqlite3_reset(put);
            lines = str_from(lines, line.len + 1);
        }
        ensure(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
    }
    double rate = (double)count / bench_since(start);
    sqlite3_finalize(put);
    sqlite3_close(db);
    bench_unlink(path);
    return rate;
}

int main(void)
{
    long count = bench_number("ITEMS", 100000);
    int rounds = (int)bench_number("ROUNDS", ROUNDS);
    double all[4][16];
    struct buf enrolling, events;
    buf_init(&enrolling, 0);
    buf_init(&events, 0);
    make_lines(&enrolling, count, true);
    make_lines(&events, count, false);
    rounds = rounds > 16 ? 16 : rounds;
    for (int i = 0; i < rounds; i++) {
        all[0][i] = ours(buf_view(&enrolling), count);
        all[1][i] = bare(buf_view(&enrolling), count, false);
        all[2][i] = ours(buf_view(&events), count);
        all[3][i] = bare(buf_view(&events), count, true);
    }
    double m[4];
    for (int i = 0; i < 4; i++)
        m[i] = bench_median(all[i], rounds);
    printf("%ld items, %d a commit, %d rounds: enrollments %.0f/s, bare rows %.0f/s; events that "
           "nothing reads %.0f/s, their bare rows %.0f/s\n",
           count, ITEMS_A_COMMIT, rounds, m[0], m[1], m[2], m[3]);
    bench_goal(2, "enrollments/s by import, beside 60 % of the bare insert", m[0], 0.6 * m[1],
               false);
    bench_goal(11, "events/s by import, beside half of the plain insert", m[2], 0.5 * m[3], false);
    buf_free(&enrolling);
    buf_free(&events);
    return 0;
}
