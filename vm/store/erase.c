/* erase.c: what leaves: patients, their events and texts, and the tombstones that stay; and what
 * was refused, which is where a patient's data also stand. */
#include "vm/store/internal.h"

#include "vm/base/hash.h"

enum { REJECTED_KEPT = 100000, REJECTED_SWEPT = 1000 };

static enum status remove_by(struct store *store, const char *sql, uint64_t id, const char *what)
{
    sqlite3_stmt *s = store_prepare(store, sql);
    if (!s)
        return store_failed(store, what);
    sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    return store_done(store, s, what);
}

enum status store_event_remove(struct store *store, uint64_t id)
{
    return remove_by(store, "DELETE FROM event WHERE id = ?1", id, "event");
}

enum status store_outbox_erase(struct store *store, uint64_t id)
{
    return remove_by(
        store,
        "UPDATE outbox SET address = NULL, sender = NULL, reply_to = NULL, "
        "subject = NULL, preheader = NULL, html = NULL, text = NULL, phone = NULL WHERE id = ?1",
        id, "outbox");
}

/* --- tombstones --- */

static void tombstone_of(struct store *store, struct str id, unsigned char hash[SHA256_BYTES])
{
    struct buf salted;
    buf_init(&salted, 0);
    buf_str(&salted, store_salt(store));
    buf_str(&salted, id);
    sha256(buf_view(&salted), hash);
    buf_free(&salted);
}

enum status store_tombstone_put(struct store *store, struct str id, int64_t at_ms)
{
    unsigned char hash[SHA256_BYTES];
    sqlite3_stmt *s = store_prepare(
        store, "INSERT INTO erased (hash, at) VALUES (?1, ?2) ON CONFLICT DO NOTHING");
    if (!s)
        return store_failed(store, "erased");
    tombstone_of(store, id, hash);
    store->tombstones = TOMBSTONES_SOME;
    store_bind_blob(s, 1, (struct str){(const char *)hash, sizeof hash});
    sqlite3_bind_int64(s, 2, at_ms);
    return store_done(store, s, "erased");
}

bool store_has_tombstone(struct store *store, struct str id)
{
    unsigned char hash[SHA256_BYTES];
    if (store->tombstones == TOMBSTONES_NONE)
        return false;
    sqlite3_stmt *s = store_prepare(store, "SELECT 1 FROM erased LIMIT 1");
    bool has_any = s && sqlite3_step(s) == SQLITE_ROW;
    if (s)
        sqlite3_reset(s);
    store->tombstones = has_any || !s ? TOMBSTONES_SOME : TOMBSTONES_NONE;
    s = has_any ? store_prepare(store, "SELECT 1 FROM erased WHERE hash = ?1") : NULL;
    if (!s)
        return false;
    tombstone_of(store, id, hash);
    store_bind_blob(s, 1, (struct str){(const char *)hash, sizeof hash});
    bool has_it = sqlite3_step(s) == SQLITE_ROW;
    sqlite3_reset(s);
    return has_it;
}

/* --- what was refused --- */

/* The newest REJECTED_KEPT stay: whoever sends nonsense for ever must not fill the disk. */
static enum status forget_old_rejected(struct store *store, int64_t newest)
{
    sqlite3_stmt *s = store_prepare(store, "DELETE FROM rejected WHERE id <= ?1");
    if (!s)
        return store_failed(store, "rejected");
    sqlite3_bind_int64(s, 1, newest - REJECTED_KEPT);
    return store_done(store, s, "rejected");
}

enum status store_reject(struct store *store, int64_t at_ms, uint64_t line, struct str field,
                         struct str reason, struct str raw)
{
    sqlite3_stmt *s = store_prepare(
        store, "INSERT INTO rejected (at, line, field, reason, data) VALUES (?1, ?2, ?3, ?4, ?5)");
    if (!s)
        return store_failed(store, "rejected");
    sqlite3_bind_int64(s, 1, at_ms);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)line);
    store_bind_text(s, 3, field);
    store_bind_text(s, 4, reason);
    store_bind_blob(s, 5, raw);
    sqlite3 *db = sqlite3_db_handle(s);
    enum status status = store_done(store, s, "rejected");
    int64_t id = sqlite3_last_insert_rowid(db);
    return status == STATUS_OK && id % REJECTED_SWEPT == 0 ? forget_old_rejected(store, id)
                                                           : status;
}

static struct str copy(sqlite3_stmt *s, int index, struct arena *arena)
{
    const char *at = sqlite3_column_blob(s, index);
    return arena_str(arena, (struct str){at, (size_t)sqlite3_column_bytes(s, index)});
}

enum status store_rejected_next(struct store *store, uint64_t cursor, struct arena *arena,
                                struct store_rejected *rejected)
{
    sqlite3_stmt *s = store_prepare(store, "SELECT id, line, at, field, reason, data FROM rejected "
                                           "WHERE id > ?1 ORDER BY id LIMIT 1");
    if (!s)
        return store_failed(store, "rejected");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)cursor);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *rejected = (struct store_rejected){(uint64_t)sqlite3_column_int64(s, 0),
                                            (uint64_t)sqlite3_column_int64(s, 1),
                                            sqlite3_column_int64(s, 2),
                                            copy(s, 3, arena),
                                            copy(s, 4, arena),
                                            copy(s, 5, arena)};
    sqlite3_reset(s);
    return code == SQLITE_ROW    ? STATUS_OK
           : code == SQLITE_DONE ? STATUS_MISSING
                                 : store_failed(store, "rejected");
}

/* Raw text that may not even be JSON: whatever has the id in it goes. */
enum status store_rejected_forget(struct store *store, struct str patient)
{
    sqlite3_stmt *s = store_prepare(store, "DELETE FROM rejected WHERE instr(data, ?1) > 0");
    if (!s)
        return store_failed(store, "rejected");
    store_bind_blob(s, 1, patient);
    return store_done(store, s, "rejected");
}
