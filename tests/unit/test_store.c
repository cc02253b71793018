/* test_store.c: the store against an oracle in memory: through rollbacks, laps of the log and
 * openings every patient has the record that was committed last, everybody who is due is found once
 * and in order, and a flipped bit in any stored page is found out. */
#include <sqlite3.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "vm/core/patient.h"
#include "vm/store/store.h"

enum { PATIENTS = 6000, COMMITS = 300, PUTS = 300, DAY_MS = 86400000 };
#define START_MS INT64_C(1772460000000)

static uint64_t chance = 7;
static char path[64];
static struct store *store;
static struct arena arena;

struct known { /* of a patient: what its record must hold */
    int64_t number, due_ms;
};
static struct known committed[PATIENTS], now[PATIENTS];

static void remove_files(void)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-lock"};
    for (size_t i = 0; i < ARRAY_COUNT(tails); i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, tails[i]);
        unlink(name);
    }
}

static enum status try_open(void)
{
    struct str error = {0};
    arena_reset(&arena);
    return store_open(&store, path, &error, &arena);
}

static void open_again(void)
{
    store_close(store);
    assert_int_equal(try_open(), STATUS_OK);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/camp-test-store.%d", (int)getpid());
    remove_files();
    arena_init(&arena, 0);
    memset(committed, 0, sizeof committed);
    memset(now, 0, sizeof now);
    return try_open() == STATUS_OK ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    store_close(store);
    arena_free(&arena);
    remove_files();
    return 0;
}

static struct str id_of(uint32_t i)
{
    return arena_printf(&arena, "patient-%u", i);
}

/* The record says whose it is, its number, and some text so that lengths differ. */
static void put(uint32_t i, int64_t number, int64_t due_ms)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
                                  "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    struct patient patient;
    struct str record;
    uint64_t key;
    bool found;
    struct buf out;
    arena_reset(&arena);
    assert_int_equal(store_patient_find(store, id_of(i), &arena, &key, &record, &found), STATUS_OK);
    assert_int_equal(found, now[i].number != 0);
    patient_init(&patient, &arena, id_of(i), key);
    *patient_add_cell(&patient) = (struct cell){1, value_int(number)};
    *patient_add_cell(&patient) =
        (struct cell){2, value_text((struct str){letters, (size_t)number % sizeof letters})};
    buf_init(&out, 0);
    patient_encode(&patient, due_ms, &out);
    assert_int_equal(store_patient_put(store, key, buf_view(&out)), STATUS_OK);
    buf_free(&out);
    now[i] = (struct known){number, due_ms};
}

static void check(uint32_t i)
{
    struct patient patient;
    struct str record;
    uint64_t key;
    bool found;
    arena_reset(&arena);
    assert_int_equal(store_patient_find(store, id_of(i), &arena, &key, &record, &found), STATUS_OK);
    assert_int_equal(found, now[i].number != 0);
    if (!found)
        return;
    assert_int_equal(patient_decode(&patient, &arena, key, record), STATUS_OK);
    assert_true(str_eq(patient.id, id_of(i)));
    assert_int_equal(patient_attribute(&patient, 1).i, now[i].number);
    assert_int_equal(patient_record_due_ms(record), now[i].due_ms);
}

static void check_all(void)
{
    for (uint32_t i = 0; i < PATIENTS; i++)
        check(i);
}

/* Some transaction, committed or not. */
static void some_transaction(int64_t *number)
{
    assert_int_equal(store_begin(store), STATUS_OK);
    for (uint64_t k = random_below(&chance, PUTS * 2); k; k--) {
        int64_t due_ms = START_MS + (int64_t)random_below(&chance, 40) * DAY_MS / 7;
        put((uint32_t)random_below(&chance, PATIENTS), ++*number,
            random_below(&chance, 3) ? due_ms : NEVER_MS);
    }
    if (random_below(&chance, 4)) {
        assert_int_equal(store_commit(store), STATUS_OK);
        memcpy(committed, now, sizeof now);
    } else {
        store_rollback(store);
        memcpy(now, committed, sizeof now);
    }
}

/* Everybody who is due up to to_ms, once, in the order of time; each gets another time or none. */
static void run_due(int64_t to_ms, int64_t *number)
{
    int64_t due_ms, last_ms = 0;
    uint64_t key;
    assert_int_equal(store_begin(store), STATUS_OK);
    while (store_due(store, to_ms, &due_ms, &key) == STATUS_OK) {
        struct str record;
        assert_true(due_ms >= last_ms && due_ms <= to_ms);
        last_ms = due_ms;
        assert_int_equal(store_patient_get(store, key, &arena, &record), STATUS_OK);
        struct str id = patient_record_id(record);
        uint32_t i = (uint32_t)strtoul(id.at + 8, NULL, 10);
        assert_int_equal(now[i].due_ms, due_ms);
        put(i, ++*number, random_below(&chance, 2) ? due_ms + DAY_MS : NEVER_MS);
        /* One transaction after the other, some of them lost: their timers must come again. */
        if (random_below(&chance, 200))
            continue;
        if (random_below(&chance, 2)) {
            assert_int_equal(store_commit(store), STATUS_OK);
            memcpy(committed, now, sizeof now);
        } else {
            store_rollback(store);
            memcpy(now, committed, sizeof now);
            last_ms = 0;
        }
        assert_int_equal(store_begin(store), STATUS_OK);
    }
    assert_int_equal(store_commit(store), STATUS_OK);
    memcpy(committed, now, sizeof now);
    for (uint32_t i = 0; i < PATIENTS; i++)
        assert_true(now[i].due_ms > to_ms || !now[i].number);
}

static void against_an_oracle(void **state)
{
    int64_t number = 0;
    (void)state;
    for (int i = 0; i < COMMITS; i++) {
        some_transaction(&number);
        if (i % 60 == 59) {
            check_all();
            open_again();
            check_all();
        }
    }
}

static void who_is_due(void **state)
{
    int64_t number = 0, clock_ms = START_MS;
    (void)state;
    for (int i = 0; i < 90; i++) {
        for (int k = 0; k < 3; k++)
            some_transaction(&number);
        clock_ms += (int64_t)random_below(&chance, 8 * 3600000);
        run_due(clock_ms, &number);
        int64_t least_ms = NEVER_MS;
        for (uint32_t p = 0; p < PATIENTS; p++)
            if (now[p].number && now[p].due_ms < least_ms)
                least_ms = now[p].due_ms;
        assert_true(store_next_due_at(store) <= least_ms);
        if (i % 20 == 19)
            open_again();
    }
}

static void ids_seen(void **state)
{
    enum seen seen;
    (void)state;
    for (uint32_t i = 0; i < 200000; i += 1000) {
        assert_int_equal(store_begin(store), STATUS_OK);
        for (uint32_t k = i; k < i + 1000; k++) {
            arena_reset(&arena);
            assert_int_equal(store_is_seen(store, id_of(k), STR("a"), &seen), STATUS_OK);
            assert_int_equal(seen, SEEN_NEW);
            assert_int_equal(store_keep_seen(store, id_of(k), STR("a")), STATUS_OK);
        }
        assert_int_equal(store_commit(store), STATUS_OK);
    }
    open_again();
    for (uint32_t k = 0; k < 210000; k++) {
        arena_reset(&arena);
        assert_int_equal(store_is_seen(store, id_of(k), k % 2 ? STR("a") : STR("b"), &seen),
                         STATUS_OK);
        assert_int_equal(seen, k >= 200000 ? SEEN_NEW : k % 2 ? SEEN_SAME : SEEN_OTHER_BODY);
    }
}

/* Laps of the log, so that everything else is on pages. */
static void make_laps(void)
{
    static char text[1 << 16];
    struct buf out;
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 160; i++) {
        struct patient patient;
        patient_init(&patient, &arena, id_of(PATIENTS), 1);
        struct str record;
        uint64_t key;
        bool found;
        assert_int_equal(store_patient_find(store, id_of(PATIENTS), &arena, &key, &record, &found),
                         STATUS_OK);
        *patient_add_cell(&patient) = (struct cell){1, value_text((struct str){text, sizeof text})};
        buf_init(&out, 0);
        patient_encode(&patient, NEVER_MS, &out);
        assert_int_equal(store_begin(store), STATUS_OK);
        assert_int_equal(store_patient_put(store, key, buf_view(&out)), STATUS_OK);
        assert_int_equal(store_commit(store), STATUS_OK);
        buf_free(&out);
        arena_reset(&arena);
    }
}

/* Flips one bit of a row of `table`, the nth; false when there is no such row. */
static bool flip(const char *table, uint64_t nth)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    char sql[120];
    bool is_done = false;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    snprintf(sql, sizeof sql, "SELECT rowid, data FROM %s LIMIT 1 OFFSET %llu", table,
             (unsigned long long)nth);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    if (sqlite3_step(s) == SQLITE_ROW) {
        size_t size = (size_t)sqlite3_column_bytes(s, 1);
        sqlite3_int64 id = sqlite3_column_int64(s, 0);
        unsigned char *bytes = arena_copy(&arena, sqlite3_column_blob(s, 1), size);
        bytes[random_below(&chance, size)] ^= (unsigned char)(1 << random_below(&chance, 8));
        sqlite3_finalize(s);
        snprintf(sql, sizeof sql, "UPDATE %s SET data = ?1 WHERE rowid = ?2", table);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
        sqlite3_bind_blob(s, 1, bytes, (int)size, SQLITE_STATIC);
        sqlite3_bind_int64(s, 2, id);
        is_done = sqlite3_step(s) == SQLITE_DONE;
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
    return is_done;
}

/* Looks at everything: was damage told? */
static bool finds_damage(void)
{
    bool is_found = try_open() == STATUS_CORRUPT;
    for (uint32_t i = 0; store && !is_found && i < PATIENTS; i++) {
        struct str record;
        uint64_t key;
        bool found;
        arena_reset(&arena);
        is_found =
            store_patient_find(store, id_of(i), &arena, &key, &record, &found) == STATUS_CORRUPT;
    }
    int64_t due_ms;
    uint64_t key;
    if (store && !is_found) {
        assert_int_equal(store_begin(store), STATUS_OK);
        enum status status;
        while ((status = store_due(store, START_MS + 400LL * DAY_MS, &due_ms, &key)) == STATUS_OK)
            store_forget_due(store, key);
        is_found = status == STATUS_CORRUPT;
        store_rollback(store);
    }
    store_close(store);
    store = NULL;
    return is_found;
}

static void flipped_bits(void **state)
{
    static const char *const tables[] = {"page_record", "page_id", "log", "timer"};
    int64_t number = 0;
    (void)state;
    for (int i = 0; i < COMMITS; i++)
        some_transaction(&number);
    make_laps();
    store_close(store);
    store = NULL;
    for (size_t t = 0; t < ARRAY_COUNT(tables); t++)
        for (int i = 0; i < 6; i++) {
            char command[400];
            snprintf(command, sizeof command, "cp %s %s-lock", path, path);
            assert_int_equal(system(command), 0);
            assert_true(flip(tables[t], random_below(&chance, 10)));
            assert_true(finds_damage());
            snprintf(command, sizeof command, "mv %s-lock %s && rm -f %s-wal %s-shm", path, path,
                     path, path);
            assert_int_equal(system(command), 0);
        }
    assert_int_equal(try_open(), STATUS_OK);
    check_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(against_an_oracle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_due, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ids_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flipped_bits, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
