/* suppress.c: addresses that are never written to, found by a hash of channel and address. */
#include "vm/base/arena.h"
#include "vm/store/internal.h"

static int64_t key_of(const struct store *store, uint8_t channel, struct str address)
{
    char name[260];
    size_t length = address.len < sizeof name - 1 ? address.len : sizeof name - 1;
    name[0] = (char)('0' + channel);
    for (size_t i = 0; i < length; i++) {
        char c = address.at[i];
        name[i + 1] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    return store_hash(store, (struct str){name, length + 1});
}

enum status store_suppress(struct store *store, uint8_t channel, struct str address, int64_t at_ms,
                           const char *reason)
{
    sqlite3_stmt *s = store_prepare(
        store, "INSERT INTO suppressed (key, channel, at, reason, address) "
               "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key) DO UPDATE SET at = ?3, reason = ?4");
    if (!s)
        return store_failed(store, "suppression");
    sqlite3_bind_int64(s, 1, key_of(store, channel, address));
    sqlite3_bind_int(s, 2, channel);
    sqlite3_bind_int64(s, 3, at_ms);
    sqlite3_bind_text(s, 4, reason, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 5, address.at, (int)address.len, SQLITE_STATIC);
    int code = sqlite3_step(s);
    sqlite3_reset(s);
    return code == SQLITE_DONE ? STATUS_OK : store_failed(store, "suppression");
}

enum status store_unsuppress(struct store *store, uint8_t channel, struct str address)
{
    sqlite3_stmt *s = store_prepare(store, "DELETE FROM suppressed WHERE key = ?1");
    if (!s)
        return store_failed(store, "suppression");
    sqlite3_bind_int64(s, 1, key_of(store, channel, address));
    int code = sqlite3_step(s);
    sqlite3_reset(s);
    return code == SQLITE_DONE ? STATUS_OK : store_failed(store, "suppression");
}

enum status store_is_suppressed(struct store *store, uint8_t channel, struct str address,
                                bool *is_suppressed)
{
    sqlite3_stmt *s = store_prepare(store, "SELECT 1 FROM suppressed WHERE key = ?1");
    *is_suppressed = false;
    if (!s)
        return store_failed(store, "suppression");
    sqlite3_bind_int64(s, 1, key_of(store, channel, address));
    int code = sqlite3_step(s);
    *is_suppressed = code == SQLITE_ROW;
    sqlite3_reset(s);
    return code == SQLITE_ROW || code == SQLITE_DONE ? STATUS_OK
                                                     : store_failed(store, "suppression");
}

enum status store_suppressions(struct store *store,
                               void (*visit)(void *context, uint8_t channel, struct str address,
                                             struct str reason, int64_t at_ms),
                               void *context)
{
    sqlite3_stmt *s = store_prepare(
        store, "SELECT channel, address, reason, at FROM suppressed ORDER BY at, key LIMIT 10000");
    if (!s)
        return store_failed(store, "suppression");
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        struct str address = {(const char *)sqlite3_column_text(s, 1),
                              (size_t)sqlite3_column_bytes(s, 1)};
        struct str reason = {(const char *)sqlite3_column_text(s, 2),
                             (size_t)sqlite3_column_bytes(s, 2)};
        visit(context, (uint8_t)sqlite3_column_int(s, 0), address, reason,
              sqlite3_column_int64(s, 3));
    }
    sqlite3_reset(s);
    return code == SQLITE_DONE ? STATUS_OK : store_failed(store, "suppression");
}
