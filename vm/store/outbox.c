/* outbox.c: messages in their states (outbox.def). A move that is not in the list is refused; a row
 * is claimed and finished by moves alone. */
#include "vm/store/internal.h"

const char *outbox_word(enum outbox_state state)
{
    switch (state) {
#define STATE(number, name, word, is_live)                                                         \
    case OUTBOX_##name:                                                                            \
        return word;
#define MOVE(from, to)
#include "vm/store/outbox.def"
#undef STATE
#undef MOVE
    }
    return "?";
}

bool outbox_may_move(enum outbox_state from, enum outbox_state to)
{
    static const struct {
        enum outbox_state from, to;
    } moves[] = {
#define STATE(number, name, word, is_live)
#define MOVE(from, to) {OUTBOX_##from, OUTBOX_##to},
#include "vm/store/outbox.def"
#undef STATE
#undef MOVE
    };
    for (size_t i = 0; i < ARRAY_COUNT(moves); i++)
        if (moves[i].from == from && moves[i].to == to)
            return true;
    return false;
}

static void bind_text(sqlite3_stmt *s, int index, struct str text)
{
    if (text.at)
        sqlite3_bind_text(s, index, text.at, (int)text.len, SQLITE_STATIC);
    else
        sqlite3_bind_null(s, index);
}

enum status store_outbox_add(struct store *store, struct outbox_row *row)
{
    sqlite3_stmt *s =
        store_prepare(store, "INSERT INTO outbox (patient, enrollment, image, message, channel, "
                             "state, at, expires, draft_until, key, "
                             "address, sender, reply_to, subject, html, text) "
                             "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
                             "?15, ?16) RETURNING id");
    if (!s)
        return store_failed(store, "outbox");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)row->patient);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)row->enrollment);
    sqlite3_bind_int64(s, 3, row->image);
    sqlite3_bind_int64(s, 4, row->message);
    sqlite3_bind_int(s, 5, row->channel);
    sqlite3_bind_int(s, 6, row->state);
    sqlite3_bind_int64(s, 7, row->at_ms);
    sqlite3_bind_int64(s, 8, row->expires_at_ms);
    sqlite3_bind_int64(s, 9, row->draft_until_ms);
    sqlite3_bind_blob(s, 10, row->key, sizeof row->key, SQLITE_STATIC);
    bind_text(s, 11, row->to);
    bind_text(s, 12, row->from);
    bind_text(s, 13, row->reply_to);
    bind_text(s, 14, row->subject);
    bind_text(s, 15, row->html);
    bind_text(s, 16, row->text);
    bool is_added = sqlite3_step(s) == SQLITE_ROW;
    if (is_added)
        row->id = (uint64_t)sqlite3_column_int64(s, 0);
    enum status status =
        is_added && sqlite3_step(s) == SQLITE_DONE ? STATUS_OK : store_failed(store, "outbox");
    sqlite3_reset(s);
    return status;
}

static struct str text_column(sqlite3_stmt *s, int index, struct arena *arena)
{
    if (sqlite3_column_type(s, index) == SQLITE_NULL)
        return (struct str){0};
    const char *at = (const char *)sqlite3_column_text(s, index);
    return arena_str(arena, (struct str){at, (size_t)sqlite3_column_bytes(s, index)});
}

static void read_row(sqlite3_stmt *s, struct arena *arena, struct outbox_row *row)
{
    *row = (struct outbox_row){.id = (uint64_t)sqlite3_column_int64(s, 0),
                               .patient = (uint64_t)sqlite3_column_int64(s, 1),
                               .enrollment = (uint64_t)sqlite3_column_int64(s, 2),
                               .image = (uint32_t)sqlite3_column_int64(s, 3),
                               .message = (uint32_t)sqlite3_column_int64(s, 4),
                               .channel = (uint8_t)sqlite3_column_int(s, 5),
                               .state = (uint8_t)sqlite3_column_int(s, 6),
                               .at_ms = sqlite3_column_int64(s, 7),
                               .expires_at_ms = sqlite3_column_int64(s, 8),
                               .draft_until_ms = sqlite3_column_int64(s, 9)};
    if (sqlite3_column_bytes(s, 10) == (int)sizeof row->key)
        memcpy(row->key, sqlite3_column_blob(s, 10), sizeof row->key);
    row->to = text_column(s, 11, arena);
    row->from = text_column(s, 12, arena);
    row->reply_to = text_column(s, 13, arena);
    row->subject = text_column(s, 14, arena);
    row->html = text_column(s, 15, arena);
    row->text = text_column(s, 16, arena);
}

static enum status read_one(struct store *store, sqlite3_stmt *s, struct arena *arena,
                            struct outbox_row *row)
{
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        read_row(s, arena, row);
    sqlite3_reset(s);
    return code == SQLITE_ROW    ? STATUS_OK
           : code == SQLITE_DONE ? STATUS_MISSING
                                 : store_failed(store, "outbox");
}

#define OUTBOX_COLUMNS                                                                             \
    "id, patient, enrollment, image, message, channel, state, at, expires, draft_until, key, "     \
    "address, sender, reply_to, "                                                                  \
    "subject, html, text"

enum status store_outbox_get(struct store *store, uint64_t id, struct arena *arena,
                             struct outbox_row *row)
{
    static const char sql[] = "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE id = ?1";
    sqlite3_stmt *s = store_prepare(store, sql);
    if (!s)
        return store_failed(store, "outbox");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    return read_one(store, s, arena, row);
}

enum status store_outbox_next(struct store *store, enum outbox_state state, uint64_t cursor,
                              struct arena *arena, struct outbox_row *row)
{
    static const char sql[] =
        "SELECT " OUTBOX_COLUMNS
        " FROM outbox WHERE state = ?1 AND state <= 4 AND id > ?2 ORDER BY id LIMIT 1";
    sqlite3_stmt *s = store_prepare(store, sql);
    if (!s)
        return store_failed(store, "outbox");
    sqlite3_bind_int(s, 1, (int)state);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)cursor);
    return read_one(store, s, arena, row);
}

static enum status changed(struct store *store, sqlite3_stmt *s, uint32_t *count)
{
    int code = sqlite3_step(s);
    uint32_t rows = 0;
    for (; code == SQLITE_ROW; code = sqlite3_step(s))
        rows++;
    sqlite3_reset(s);
    *count = rows;
    return code == SQLITE_DONE ? STATUS_OK : store_failed(store, "outbox");
}

enum status store_outbox_move(struct store *store, uint64_t id, enum outbox_state from,
                              enum outbox_state to, int64_t at_ms)
{
    uint32_t count;
    if (!outbox_may_move(from, to))
        return STATUS_INVALID;
    sqlite3_stmt *s = store_prepare(
        store, "UPDATE outbox SET state = ?3, at = ?4 WHERE id = ?1 AND state = ?2 RETURNING id");
    if (!s)
        return store_failed(store, "outbox");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    sqlite3_bind_int(s, 2, (int)from);
    sqlite3_bind_int(s, 3, (int)to);
    sqlite3_bind_int64(s, 4, at_ms);
    enum status status = changed(store, s, &count);
    return status == STATUS_OK && !count ? STATUS_INVALID : status;
}

enum status store_outbox_cancel(struct store *store, uint64_t enrollment, int64_t at_ms,
                                void (*visit)(void *context, uint64_t outbox, uint32_t image,
                                              uint32_t message),
                                void *context)
{
    /* DRAFT, PENDING and RETRY become CANCELLED: each a move of outbox.def. */
    sqlite3_stmt *s = store_prepare(store, "UPDATE outbox SET state = 13, at = ?2 WHERE enrollment "
                                           "= ?1 AND state <= 3 RETURNING id, image, message");
    if (!s)
        return store_failed(store, "outbox");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)enrollment);
    sqlite3_bind_int64(s, 2, at_ms);
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW)
        visit(context, (uint64_t)sqlite3_column_int64(s, 0), (uint32_t)sqlite3_column_int64(s, 1),
              (uint32_t)sqlite3_column_int64(s, 2));
    sqlite3_reset(s);
    return code == SQLITE_DONE ? STATUS_OK : store_failed(store, "outbox");
}

bool store_outbox_has_draft(struct store *store, uint64_t enrollment)
{
    sqlite3_stmt *s =
        store_prepare(store, "SELECT 1 FROM outbox WHERE enrollment = ?1 AND state <= 3 AND "
                             "state = 1 LIMIT 1");
    if (!s)
        return false;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)enrollment);
    bool has = sqlite3_step(s) == SQLITE_ROW;
    sqlite3_reset(s);
    return has;
}
