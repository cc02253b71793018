/* admin.c: rows of the service's life: campaigns and their states, keys of the API. */
#include <string.h>

#include "vm/store/internal.h"

/* --- campaigns --- */

enum status store_campaign_put(struct store *store, const struct store_campaign *campaign)
{
    sqlite3_stmt *s = store_prepare(
        store, "INSERT INTO campaign (number, state, image, started) VALUES (?1, ?2, ?3, ?4) "
               "ON CONFLICT (number) DO UPDATE SET state = ?2, image = ?3, started = ?4");
    if (!s)
        return store_failed(store, "campaign");
    sqlite3_bind_int64(s, 1, campaign->number);
    sqlite3_bind_int(s, 2, campaign->state);
    sqlite3_bind_int64(s, 3, campaign->image);
    sqlite3_bind_int64(s, 4, campaign->started);
    return store_done(store, s, "campaign");
}

static enum status read_campaign(struct store *store, sqlite3_stmt *s,
                                 struct store_campaign *campaign)
{
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *campaign = (struct store_campaign){
            (uint32_t)sqlite3_column_int64(s, 0), sqlite3_column_int(s, 1),
            (uint32_t)sqlite3_column_int64(s, 2), (uint32_t)sqlite3_column_int64(s, 3)};
    sqlite3_reset(s);
    return code == SQLITE_ROW    ? STATUS_OK
           : code == SQLITE_DONE ? STATUS_MISSING
                                 : store_failed(store, "campaign");
}

enum status store_campaign_get(struct store *store, uint32_t number,
                               struct store_campaign *campaign)
{
    sqlite3_stmt *s = store_prepare(
        store, "SELECT number, state, image, started FROM campaign WHERE number = ?1");
    if (!s)
        return store_failed(store, "campaign");
    sqlite3_bind_int64(s, 1, number);
    return read_campaign(store, s, campaign);
}

enum status store_campaign_next(struct store *store, uint32_t cursor,
                                struct store_campaign *campaign)
{
    sqlite3_stmt *s = store_prepare(store, "SELECT number, state, image, started FROM campaign "
                                           "WHERE number > ?1 ORDER BY number LIMIT 1");
    if (!s)
        return store_failed(store, "campaign");
    sqlite3_bind_int64(s, 1, cursor);
    return read_campaign(store, s, campaign);
}

/* --- keys --- */

enum status store_key_put(struct store *store, const struct store_key *key)
{
    sqlite3_stmt *s =
        store_prepare(store, "INSERT INTO api_key (id, hash, scopes, created, expires, name) "
                             "VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    if (!s)
        return store_failed(store, "key");
    store_bind_text(s, 1, key->id);
    store_bind_blob(s, 2, (struct str){(const char *)key->hash, sizeof key->hash});
    sqlite3_bind_int64(s, 3, key->scopes);
    sqlite3_bind_int64(s, 4, key->created_at_ms);
    sqlite3_bind_int64(s, 5, key->expires_at_ms);
    store_bind_text(s, 6, key->name);
    return store_done(store, s, "key");
}

/* Texts are views until the next step. */
static bool read_key(sqlite3_stmt *s, struct store_key *key)
{
    *key = (struct store_key){
        .id = {(const char *)sqlite3_column_text(s, 0), (size_t)sqlite3_column_bytes(s, 0)},
        .scopes = (uint32_t)sqlite3_column_int64(s, 2),
        .created_at_ms = sqlite3_column_int64(s, 3),
        .expires_at_ms = sqlite3_column_int64(s, 4),
        .name = {(const char *)sqlite3_column_text(s, 5), (size_t)sqlite3_column_bytes(s, 5)}};
    if (sqlite3_column_bytes(s, 1) != sizeof key->hash)
        return false;
    memcpy(key->hash, sqlite3_column_blob(s, 1), sizeof key->hash);
    return true;
}

#define KEY_COLUMNS "id, hash, scopes, created, expires, name"

enum status store_key_get(struct store *store, struct str id, struct store_key *key)
{
    static const char sql[] = "SELECT " KEY_COLUMNS " FROM api_key WHERE id = ?1";
    sqlite3_stmt *s = store_prepare(store, sql);
    if (!s)
        return store_failed(store, "key");
    store_bind_text(s, 1, id);
    int code = sqlite3_step(s);
    bool is_whole = code == SQLITE_ROW && read_key(s, key);
    key->id = id;
    key->name = (struct str){0};
    sqlite3_reset(s);
    return is_whole ? STATUS_OK : code == SQLITE_DONE ? STATUS_MISSING : store_failed(store, "key");
}

enum status store_keys(struct store *store,
                       void (*visit)(void *context, const struct store_key *key), void *context)
{
    static const char sql[] = "SELECT " KEY_COLUMNS " FROM api_key ORDER BY created, id";
    sqlite3_stmt *s = store_prepare(store, sql);
    struct store_key key;
    if (!s)
        return store_failed(store, "key");
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW)
        if (read_key(s, &key))
            visit(context, &key);
    sqlite3_reset(s);
    return code == SQLITE_DONE ? STATUS_OK : store_failed(store, "key");
}

enum status store_key_remove(struct store *store, struct str id)
{
    sqlite3_stmt *s = store_prepare(store, "DELETE FROM api_key WHERE id = ?1");
    if (!s)
        return store_failed(store, "key");
    store_bind_text(s, 1, id);
    enum status status = store_done(store, s, "key");
    return status == STATUS_OK && !sqlite3_changes(sqlite3_db_handle(s)) ? STATUS_MISSING : status;
}

/* --- types --- */

enum status store_type_keep(struct store *store, struct str name, struct str type,
                            struct arena *arena, struct str *was)
{
    sqlite3_stmt *s = store_prepare(store, "SELECT type FROM type WHERE name = ?1");
    *was = (struct str){0};
    if (!s)
        return store_failed(store, "type");
    store_bind_text(s, 1, name);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *was = arena_str(arena, (struct str){(const char *)sqlite3_column_text(s, 0),
                                             (size_t)sqlite3_column_bytes(s, 0)});
    sqlite3_reset(s);
    if (code != SQLITE_DONE)
        return code == SQLITE_ROW ? STATUS_OK : store_failed(store, "type");
    s = store_prepare(store, "INSERT INTO type (name, type) VALUES (?1, ?2)");
    if (!s)
        return store_failed(store, "type");
    store_bind_text(s, 1, name);
    store_bind_text(s, 2, type);
    return store_done(store, s, "type");
}

/* --- what people did --- */

enum status store_act_add(struct store *store, const struct store_act *act)
{
    sqlite3_stmt *s = store_prepare(
        store, "INSERT INTO act (at, key, what, object, reason) VALUES (?1, ?2, ?3, ?4, ?5)");
    if (!s)
        return store_failed(store, "act");
    sqlite3_bind_int64(s, 1, act->at_ms);
    store_bind_text(s, 2, act->key);
    store_bind_text(s, 3, act->what);
    store_bind_text(s, 4, act->object);
    store_bind_text(s, 5, act->reason);
    return store_done(store, s, "act");
}

static struct str copy_text(sqlite3_stmt *s, int index, struct arena *arena)
{
    const char *at = (const char *)sqlite3_column_text(s, index);
    return arena_str(arena, (struct str){at, (size_t)sqlite3_column_bytes(s, index)});
}

enum status store_act_before(struct store *store, uint64_t cursor, struct arena *arena,
                             struct store_act *act)
{
    sqlite3_stmt *s = store_prepare(store, "SELECT id, at, key, what, object, reason FROM act "
                                           "WHERE id < ?1 ORDER BY id DESC LIMIT 1");
    if (!s)
        return store_failed(store, "act");
    sqlite3_bind_int64(s, 1, cursor ? (sqlite3_int64)cursor : INT64_MAX);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *act = (struct store_act){(uint64_t)sqlite3_column_int64(s, 0),
                                  sqlite3_column_int64(s, 1),
                                  copy_text(s, 2, arena),
                                  copy_text(s, 3, arena),
                                  copy_text(s, 4, arena),
                                  copy_text(s, 5, arena)};
    sqlite3_reset(s);
    return code == SQLITE_ROW    ? STATUS_OK
           : code == SQLITE_DONE ? STATUS_MISSING
                                 : store_failed(store, "act");
}
