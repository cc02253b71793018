/* store.c: opening, transactions, and the tables that are plain rows. Statements are prepared once
 * and kept. Patients and ids seen are on shelves: patients.c. */
#include "vm/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "vm/base/log.h"
#include "vm/store/internal.h"
#include "vm/store/schema.sql.h"

enum { NAMES_KNOWN = 4096 };

static enum status failed(struct store *store, const char *what)
{
    int code = sqlite3_errcode(store->db) & 0xff;
    snprintf(store->error, sizeof store->error, "%s: %s", what, sqlite3_errmsg(store->db));
    return code == SQLITE_FULL                               ? STATUS_FULL
           : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? STATUS_CORRUPT
           : code == SQLITE_BUSY || code == SQLITE_LOCKED    ? STATUS_BUSY
                                                             : STATUS_IO;
}

/* The statement with its values unbound; literals are compared by address. */
static sqlite3_stmt *prepare(struct store *store, const char *sql)
{
    for (uint32_t i = 0; i < store->statement_count; i++)
        if (store->statements[i].sql == sql) {
            sqlite3_reset(store->statements[i].prepared);
            return store->statements[i].prepared;
        }
    sqlite3_stmt *prepared = NULL;
    ensure(store->statement_count < STATEMENTS_MOST);
    if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared, NULL) !=
        SQLITE_OK)
        return NULL;
    store->statements[store->statement_count++] = (struct statement){sql, prepared};
    return prepared;
}

static void bind_text(sqlite3_stmt *s, int index, struct str text)
{
    sqlite3_bind_text(s, index, text.at ? text.at : "", (int)text.len, SQLITE_STATIC);
}

static void bind_blob(sqlite3_stmt *s, int index, struct str bytes)
{
    sqlite3_bind_blob(s, index, bytes.at ? bytes.at : "", (int)bytes.len, SQLITE_STATIC);
}

static struct str column(sqlite3_stmt *s, int index, struct arena *arena)
{
    const char *at = sqlite3_column_blob(s, index);
    return arena_str(arena, (struct str){at, (size_t)sqlite3_column_bytes(s, index)});
}

static enum status done(struct store *store, sqlite3_stmt *s, const char *what)
{
    int code = s ? sqlite3_step(s) : SQLITE_ERROR;
    enum status status =
        code == SQLITE_DONE || code == SQLITE_ROW ? STATUS_OK : failed(store, what);
    if (s)
        sqlite3_reset(s);
    return status;
}

static enum status execute(struct store *store, const char *sql)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? STATUS_OK
                                                                       : failed(store, sql);
}

static int64_t pragma(struct store *store, const char *sql)
{
    sqlite3_stmt *s = NULL;
    int64_t number = 0;
    if (sqlite3_prepare_v2(store->db, sql, -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        number = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return number;
}

static enum status create(struct store *store)
{
    /* In memory nobody can choose collisions, and the same input must give the same order. */
    if (!store->is_private)
        random_bytes(store->key, sizeof store->key);
    enum status status = execute(store, "BEGIN IMMEDIATE");
    if (status == STATUS_OK)
        status = execute(store, schema_sql);
    if (status == STATUS_OK)
        status = execute(store, "PRAGMA application_id = 1128353104; PRAGMA user_version = 4");
    if (status == STATUS_OK)
        status = store_meta_put(store, "hash key",
                                (struct str){(const char *)store->key, sizeof store->key});
    unsigned char secret[32] = {0};
    if (!store->is_private)
        random_bytes(secret, sizeof secret);
    if (status == STATUS_OK)
        status = store_meta_put(store, "secret", (struct str){(const char *)secret, sizeof secret});
    return status == STATUS_OK ? execute(store, "COMMIT") : status;
}

static enum status load(struct store *store, struct arena *arena)
{
    struct str key;
    enum status status = store_meta_get(store, "hash key", arena, &key);
    if (status != STATUS_OK || key.len != sizeof store->key)
        return status == STATUS_OK ? STATUS_CORRUPT : status;
    memcpy(store->key, key.at, key.len);
    return log_replay(store);
}

static enum status take_lock(struct store *store, const char *path)
{
    char name[4096];
    if (store->is_private)
        return STATUS_OK;
    snprintf(name, sizeof name, "%s-lock", path);
    FILE *file = fopen(name, "a");
    if (!file) {
        snprintf(store->error, sizeof store->error, "its lock file cannot be made beside it: %s",
                 strerror(errno));
        return STATUS_IO;
    }
    store->lock = dup(fileno(file));
    fclose(file);
    if (store->lock >= 0 && flock(store->lock, LOCK_EX | LOCK_NB) == 0)
        return STATUS_OK;
    snprintf(store->error, sizeof store->error, "another daemon runs on this file");
    return STATUS_BUSY;
}

static enum status open_file(struct store *store, const char *path, struct arena *arena)
{
    enum status status = take_lock(store, path);
    if (status != STATUS_OK)
        return status;
    /* No process of ours has threads; refused, without harm, when SQLite has begun already. */
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (sqlite3_open(path, &store->db) != SQLITE_OK)
        return failed(store, "cannot be opened");
    status = execute(
        store,
        !*path ? "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                 "PRAGMA cache_size = -65536"
               : "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                 "PRAGMA secure_delete = ON; PRAGMA cache_size = -65536;"
                 "PRAGMA wal_autocheckpoint = 2048");
    if (status != STATUS_OK)
        return failed(store, "is not a database of campd, or damaged");
    int64_t version = pragma(store, "PRAGMA user_version"),
            owner = pragma(store, "PRAGMA application_id");
    if (version == 0 && owner == 0 && pragma(store, "SELECT count(*) FROM sqlite_schema") == 0)
        status = create(store);
    else if (owner != STORE_APPLICATION || version > STORE_VERSION) {
        snprintf(store->error, sizeof store->error,
                 owner != STORE_APPLICATION ? "not a database of campd"
                                            : "made by a newer version of campd");
        return STATUS_INVALID;
    } else if (version < STORE_VERSION) {
        status = store_migrate(store->db, path, version, store->error);
    }
    if (status == STATUS_OK)
        status = journal_open(store, &store->journal);
    return status == STATUS_OK ? load(store, arena) : status;
}

enum status store_open(struct store **out, const char *path, struct str *error, struct arena *arena)
{
    struct store *store = heap_alloc(sizeof *store);
    *store = (struct store){.lock = -1, .is_private = !*path || strcmp(path, ":memory:") == 0};
    arena_init(&store->known_names, 0);
    store->hot = heap_zeroed(HOT_IDS * sizeof *store->hot);
    log_open(store);
    enum status status = open_file(store, path, arena);
    if (status != STATUS_OK) {
        *error = arena_printf(arena, "%s", store->error[0] ? store->error : status_text(status));
        store_close(store);
        store = NULL;
    }
    *out = store;
    return status;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    for (uint32_t i = 0; i < store->statement_count; i++)
        sqlite3_finalize(store->statements[i].prepared);
    sqlite3_close(store->db);
    log_close(store);
    heap_release(store->hot);
    strmap_free(&store->names);
    arena_free(&store->known_names);
    journal_close(store->journal);
    if (store->lock >= 0)
        close(store->lock);
    heap_release(store);
}

const char *store_error(const struct store *store)
{
    return store->error;
}

enum status store_begin(struct store *store)
{
    ensure(!store->in_transaction);
    store->last_before = store->last_patient;
    enum status status = done(store, prepare(store, "BEGIN IMMEDIATE"), "begin");
    store->in_transaction = status == STATUS_OK;
    return status;
}

enum status store_commit(struct store *store)
{
    ensure(store->in_transaction);
    enum status status = journal_write(store, store->journal);
    if (status == STATUS_OK)
        status = log_write(store);
    if (status == STATUS_OK)
        status = done(store, prepare(store, "COMMIT"), "commit");
    if (status == STATUS_OK) {
        log_forget(store);
        store->in_transaction = false;
    }
    return status;
}

static void forget_names(struct store *store)
{
    strmap_clear(&store->names);
    arena_reset(&store->known_names);
}

void store_rollback(struct store *store)
{
    if (!store->in_transaction)
        return;
    /* After some failures SQLite has rolled back by itself already. */
    if (!sqlite3_get_autocommit(store->db))
        done(store, prepare(store, "ROLLBACK"), "rollback");
    store->in_transaction = false;
    memset(store->outbox_bounds, 0, sizeof store->outbox_bounds);
    forget_names(store);
    if (log_rollback(store) != STATUS_OK)
        log_line(LOG_ERROR, "the store cannot be read again", "why", store->error, NULL);
    journal_forget(store, store->journal);
}

void store_scrub(struct store *store)
{
    ensure(!store->in_transaction);
    enum status status = store_begin(store);
    if (status == STATUS_OK)
        status = log_settle(store);
    if (status == STATUS_OK)
        status = done(store, prepare(store, "COMMIT"), "commit");
    if (status != STATUS_OK) {
        store_rollback(store);
        return;
    }
    log_forget(store);
    store->in_transaction = false;
    execute(store, "PRAGMA wal_checkpoint(TRUNCATE)");
}

bool store_in_transaction(const struct store *store)
{
    return store->in_transaction;
}

enum status store_name_find(struct store *store, enum name_space space, struct str text,
                            uint32_t *number)
{
    sqlite3_stmt *s = prepare(store, "SELECT number FROM name WHERE kind = ?1 AND text = ?2");
    if (!s)
        return failed(store, "name");
    sqlite3_bind_int(s, 1, (int)space);
    bind_text(s, 2, text);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *number = (uint32_t)sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return code == SQLITE_ROW    ? STATUS_OK
           : code == SQLITE_DONE ? STATUS_MISSING
                                 : failed(store, "name");
}

static enum status add_name(struct store *store, enum name_space space, struct str text,
                            uint32_t *number)
{
    enum status status = store_name_find(store, space, text, number);
    if (status != STATUS_MISSING)
        return status;
    sqlite3_stmt *s = prepare(store, "INSERT INTO name (kind, text) VALUES (?1, ?2)");
    if (!s)
        return failed(store, "name");
    sqlite3_bind_int(s, 1, (int)space);
    bind_text(s, 2, text);
    status = done(store, s, "name");
    *number = (uint32_t)sqlite3_last_insert_rowid(store->db);
    return status;
}

enum status store_name(struct store *store, enum name_space space, struct str text,
                       uint32_t *number)
{
    char room[320];
    struct str known = {room, text.len < sizeof room ? text.len + 1 : 0};
    room[0] = (char)space;
    if (known.len)
        memcpy(room + 1, text.at, text.len);
    const uint64_t *at = known.len ? strmap_get(&store->names, known) : NULL;
    enum status status = STATUS_OK;
    if (at)
        *number = (uint32_t)*at;
    else
        status = add_name(store, space, text, number);
    if (!at && status == STATUS_OK && known.len) {
        if (store->names.count == NAMES_KNOWN)
            forget_names(store);
        *strmap_put(&store->names, arena_str(&store->known_names, known), NULL) = *number;
    }
    return status;
}

enum status store_name_text(struct store *store, uint32_t number, struct arena *arena,
                            struct str *text)
{
    sqlite3_stmt *s = prepare(store, "SELECT text FROM name WHERE number = ?1");
    if (!s)
        return failed(store, "name");
    sqlite3_bind_int64(s, 1, number);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *text = column(s, 0, arena);
    sqlite3_reset(s);
    return code == SQLITE_ROW    ? STATUS_OK
           : code == SQLITE_DONE ? STATUS_MISSING
                                 : failed(store, "name");
}

enum status store_event_add(struct store *store, struct store_event *event)
{
    sqlite3_stmt *s =
        prepare(store, "INSERT INTO event (patient, previous, name, at, received, data) "
                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    if (!s)
        return failed(store, "event");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)event->patient);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)event->previous);
    sqlite3_bind_int64(s, 3, event->name);
    sqlite3_bind_int64(s, 4, event->at_ms);
    sqlite3_bind_int64(s, 5, event->received_at_ms);
    bind_blob(s, 6, event->data);
    enum status status = done(store, s, "event");
    event->id = (uint64_t)sqlite3_last_insert_rowid(store->db);
    return status;
}

enum status store_event_get(struct store *store, uint64_t id, struct arena *arena,
                            struct store_event *event)
{
    sqlite3_stmt *s = prepare(
        store, "SELECT patient, previous, name, at, received, data FROM event WHERE id = ?1");
    if (!s)
        return failed(store, "event");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *event = (struct store_event){id,
                                      (uint64_t)sqlite3_column_int64(s, 0),
                                      (uint64_t)sqlite3_column_int64(s, 1),
                                      (uint32_t)sqlite3_column_int64(s, 2),
                                      sqlite3_column_int64(s, 3),
                                      sqlite3_column_int64(s, 4),
                                      column(s, 5, arena)};
    sqlite3_reset(s);
    return code == SQLITE_ROW    ? STATUS_OK
           : code == SQLITE_DONE ? STATUS_MISSING
                                 : failed(store, "event");
}

enum status store_image_put(struct store *store, const unsigned char id[32],
                            const unsigned char meaning[32], struct str bytes, uint32_t *number)
{
    sqlite3_stmt *s = prepare(
        store,
        "INSERT INTO image (id, meaning, data) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO NOTHING");
    if (!s)
        return failed(store, "image");
    bind_blob(s, 1, (struct str){(const char *)id, 32});
    bind_blob(s, 2, (struct str){(const char *)meaning, 32});
    bind_blob(s, 3, bytes);
    enum status status = done(store, s, "image");
    s = status == STATUS_OK ? prepare(store, "SELECT number FROM image WHERE id = ?1") : NULL;
    if (!s)
        return status == STATUS_OK ? failed(store, "image") : status;
    bind_blob(s, 1, (struct str){(const char *)id, 32});
    if (sqlite3_step(s) == SQLITE_ROW)
        *number = (uint32_t)sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return STATUS_OK;
}

enum status store_image_get(struct store *store, uint32_t number, struct arena *arena,
                            struct str *bytes)
{
    sqlite3_stmt *s = prepare(store, "SELECT data FROM image WHERE number = ?1");
    if (!s)
        return failed(store, "image");
    sqlite3_bind_int64(s, 1, number);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *bytes = column(s, 0, arena);
    sqlite3_reset(s);
    return code == SQLITE_ROW    ? STATUS_OK
           : code == SQLITE_DONE ? STATUS_MISSING
                                 : failed(store, "image");
}

enum status store_image_find(struct store *store, const unsigned char id[32], uint32_t *number)
{
    sqlite3_stmt *s = prepare(store, "SELECT number FROM image WHERE id = ?1");
    if (!s)
        return failed(store, "image");
    bind_blob(s, 1, (struct str){(const char *)id, 32});
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *number = (uint32_t)sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return code == SQLITE_ROW    ? STATUS_OK
           : code == SQLITE_DONE ? STATUS_MISSING
                                 : failed(store, "image");
}

enum status store_meta_put(struct store *store, const char *name, struct str value)
{
    sqlite3_stmt *s = prepare(store, "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT "
                                     "(name) DO UPDATE SET value = ?2");
    if (!s)
        return failed(store, "meta");
    bind_text(s, 1, str_of(name));
    bind_blob(s, 2, value);
    return done(store, s, "meta");
}

enum status store_meta_get(struct store *store, const char *name, struct arena *arena,
                           struct str *value)
{
    sqlite3_stmt *s = prepare(store, "SELECT value FROM meta WHERE name = ?1");
    if (!s)
        return failed(store, "meta");
    bind_text(s, 1, str_of(name));
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *value = column(s, 0, arena);
    sqlite3_reset(s);
    return code == SQLITE_ROW    ? STATUS_OK
           : code == SQLITE_DONE ? STATUS_MISSING
                                 : failed(store, "meta");
}

enum status store_done(struct store *store, sqlite3_stmt *s, const char *what)
{
    return done(store, s, what);
}

sqlite3_stmt *store_prepare(struct store *store, const char *sql)
{
    return prepare(store, sql);
}

enum status store_failed(struct store *store, const char *what)
{
    return failed(store, what);
}

int64_t store_hash(const struct store *store, struct str bytes)
{
    return (int64_t)(siphash(store->key, bytes) >> 1);
}

int64_t *store_outbox_bound(struct store *store, uint8_t channel)
{
    ensure(channel < ARRAY_COUNT(store->outbox_bounds));
    return &store->outbox_bounds[channel];
}

enum status store_corrupt(struct store *store, const char *what)
{
    snprintf(store->error, sizeof store->error, "%s is damaged", what);
    return STATUS_CORRUPT;
}
