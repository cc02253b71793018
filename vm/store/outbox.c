/* outbox.c: messages in their states (outbox.def). A move that is not in the list is refused; a row
 * is claimed and finished by moves alone. */
#include "vm/code/image.h"
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

static void lower_bound(struct store *store, uint8_t channel, int64_t try_at_ms)
{
    int64_t *bound = store_outbox_bound(store, channel);
    *bound = try_at_ms < *bound ? try_at_ms : *bound;
}

enum status store_outbox_add(struct store *store, struct outbox_row *row)
{
    sqlite3_stmt *s = store_prepare(
        store,
        "INSERT INTO outbox (patient, enrollment, image, message, channel, state, at, "
        "handed, try_at, attempts, report, touched, expires, draft_until, key, phone, address, "
        "sender, reply_to, subject, preheader, html, text) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?7, 0, 0, 0, ?8, ?9, ?10, ?11, ?12, ?13, "
        "?14, ?15, ?16, ?17, ?18) RETURNING id");
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
    if (row->channel == CHANNEL_SMS)
        sqlite3_bind_int64(s, 11, store_hash(store, row->to));
    else
        sqlite3_bind_null(s, 11);
    const struct str texts[] = {row->to,        row->from, row->reply_to, row->subject,
                                row->preheader, row->html, row->text};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        bind_text(s, 12 + (int)i, texts[i]);
    bool is_added = sqlite3_step(s) == SQLITE_ROW;
    if (is_added)
        row->id = (uint64_t)sqlite3_column_int64(s, 0);
    enum status status =
        is_added && sqlite3_step(s) == SQLITE_DONE ? STATUS_OK : store_failed(store, "outbox");
    sqlite3_reset(s);
    if (row->state == OUTBOX_PENDING)
        lower_bound(store, row->channel, row->at_ms);
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
                               .handed_at_ms = sqlite3_column_int64(s, 8),
                               .try_at_ms = sqlite3_column_int64(s, 9),
                               .attempts = (uint32_t)sqlite3_column_int64(s, 10),
                               .report = (uint8_t)sqlite3_column_int(s, 11),
                               .touched = (uint8_t)sqlite3_column_int(s, 12),
                               .expires_at_ms = sqlite3_column_int64(s, 13),
                               .draft_until_ms = sqlite3_column_int64(s, 14)};
    if (sqlite3_column_bytes(s, 15) == (int)sizeof row->key)
        memcpy(row->key, sqlite3_column_blob(s, 15), sizeof row->key);
    struct str *const texts[] = {&row->to,        &row->from, &row->reply_to, &row->subject,
                                 &row->preheader, &row->html, &row->text};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        *texts[i] = text_column(s, 16 + (int)i, arena);
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
    "id, patient, enrollment, image, message, channel, state, at, handed, try_at, attempts, "      \
    "report, touched, expires, draft_until, key, address, sender, reply_to, subject, preheader, "  \
    "html, text"

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
    /* The terms of the partial indexes must stand in the query as they stand there. */
    static const char live[] =
        "SELECT " OUTBOX_COLUMNS
        " FROM outbox WHERE state = ?1 AND state <= 4 AND id > ?2 ORDER BY id LIMIT 1";
    static const char held[] =
        "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE state = 7 AND id > ?2 ORDER BY id LIMIT 1";
    ensure(state <= OUTBOX_CLAIMED || state == OUTBOX_HELD);
    sqlite3_stmt *s = store_prepare(store, state == OUTBOX_HELD ? held : live);
    if (!s)
        return store_failed(store, "outbox");
    if (state != OUTBOX_HELD)
        sqlite3_bind_int(s, 1, (int)state);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)cursor);
    return read_one(store, s, arena, row);
}

enum status store_outbox_due(struct store *store, uint8_t channel, int64_t to_ms,
                             struct arena *arena, struct outbox_row *row)
{
    static const char sql[] =
        "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE channel = ?1 AND state IN (2, 3) "
        "AND try_at <= ?2 ORDER BY try_at, id LIMIT 1";
    int64_t *bound = store_outbox_bound(store, channel);
    if (*bound > to_ms)
        return STATUS_MISSING;
    sqlite3_stmt *s = store_prepare(store, sql);
    if (!s)
        return store_failed(store, "outbox");
    sqlite3_bind_int(s, 1, channel);
    sqlite3_bind_int64(s, 2, to_ms);
    enum status status = read_one(store, s, arena, row);
    if (status != STATUS_MISSING)
        return status;
    s = store_prepare(store, "SELECT min(try_at) FROM outbox WHERE channel = ?1 AND state IN (2, "
                             "3) AND try_at > ?2");
    if (!s)
        return store_failed(store, "outbox");
    sqlite3_bind_int(s, 1, channel);
    sqlite3_bind_int64(s, 2, to_ms);
    if (sqlite3_step(s) == SQLITE_ROW)
        *bound = sqlite3_column_type(s, 0) == SQLITE_NULL ? INT64_MAX : sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return STATUS_MISSING;
}

int64_t store_outbox_due_at(struct store *store, uint8_t channel)
{
    return *store_outbox_bound(store, channel);
}

enum status store_outbox_text(struct store *store, struct str phone, uint32_t skip,
                              struct arena *arena, struct outbox_row *row)
{
    static const char sql[] = "SELECT " OUTBOX_COLUMNS
                              " FROM outbox WHERE phone = ?1 AND phone IS NOT NULL AND address = "
                              "?2 AND state NOT IN (1, 11, 12, 13, 14, 15) "
                              "ORDER BY handed DESC, id DESC LIMIT 1 OFFSET ?3";
    sqlite3_stmt *s = store_prepare(store, sql);
    if (!s)
        return store_failed(store, "outbox");
    sqlite3_bind_int64(s, 1, store_hash(store, phone));
    bind_text(s, 2, phone);
    sqlite3_bind_int64(s, 3, skip);
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

/* The one row that was in `from`; STATUS_INVALID when it was not. */
static enum status moved(struct store *store, sqlite3_stmt *s)
{
    uint32_t count;
    enum status status = changed(store, s, &count);
    return status == STATUS_OK && !count ? STATUS_INVALID : status;
}

enum status store_outbox_move(struct store *store, uint64_t id, enum outbox_state from,
                              enum outbox_state to, int64_t at_ms)
{
    /* These carry more with them and have verbs of their own. */
    ensure(to != OUTBOX_PENDING && to != OUTBOX_CLAIMED && to != OUTBOX_RETRY);
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
    return moved(store, s);
}

enum status store_outbox_hand_over(struct store *store, uint64_t id, int64_t at_ms)
{
    sqlite3_stmt *s =
        store_prepare(store, "UPDATE outbox SET state = 2, at = ?2, handed = ?2, try_at = ?2 "
                             "WHERE id = ?1 AND state = 1 RETURNING channel");
    if (!s)
        return store_failed(store, "outbox");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    sqlite3_bind_int64(s, 2, at_ms);
    for (uint8_t channel = 1; channel <= CHANNEL_WEBHOOK; channel++)
        lower_bound(store, channel, at_ms);
    return moved(store, s);
}

enum status store_outbox_claim(struct store *store, const struct outbox_row *row, int64_t at_ms)
{
    if (!outbox_may_move((enum outbox_state)row->state, OUTBOX_CLAIMED))
        return STATUS_INVALID;
    sqlite3_stmt *s =
        store_prepare(store, "UPDATE outbox SET state = 4, at = ?2, attempts = attempts + 1 "
                             "WHERE id = ?1 AND state = ?3 RETURNING id");
    if (!s)
        return store_failed(store, "outbox");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)row->id);
    sqlite3_bind_int64(s, 2, at_ms);
    sqlite3_bind_int(s, 3, row->state);
    return moved(store, s);
}

enum status store_outbox_retry(struct store *store, uint64_t id, enum outbox_state from,
                               int64_t at_ms, int64_t try_at_ms)
{
    if (!outbox_may_move(from, OUTBOX_RETRY))
        return STATUS_INVALID;
    sqlite3_stmt *s = store_prepare(store, "UPDATE outbox SET state = 3, at = ?2, try_at = ?3 "
                                           "WHERE id = ?1 AND state = ?4 RETURNING id");
    if (!s)
        return store_failed(store, "outbox");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    sqlite3_bind_int64(s, 2, at_ms);
    sqlite3_bind_int64(s, 3, try_at_ms);
    sqlite3_bind_int(s, 4, (int)from);
    for (uint8_t channel = 1; channel <= CHANNEL_WEBHOOK; channel++)
        lower_bound(store, channel, try_at_ms);
    return moved(store, s);
}

enum status store_outbox_return(struct store *store, uint64_t id, int64_t at_ms)
{
    sqlite3_stmt *s =
        store_prepare(store, "UPDATE outbox SET state = 3, at = ?2, try_at = min(try_at, ?2), "
                             "attempts = attempts - 1 WHERE id = ?1 AND state = 4 RETURNING id");
    if (!s)
        return store_failed(store, "outbox");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    sqlite3_bind_int64(s, 2, at_ms);
    for (uint8_t channel = 1; channel <= CHANNEL_WEBHOOK; channel++)
        lower_bound(store, channel, 0);
    return moved(store, s);
}

enum status store_outbox_defer(struct store *store, const struct outbox_row *row, int64_t try_at_ms)
{
    sqlite3_stmt *s = store_prepare(
        store, "UPDATE outbox SET try_at = ?2 WHERE id = ?1 AND state = ?3 RETURNING id");
    if (!s)
        return store_failed(store, "outbox");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)row->id);
    sqlite3_bind_int64(s, 2, try_at_ms);
    sqlite3_bind_int(s, 3, row->state);
    lower_bound(store, row->channel, try_at_ms);
    return moved(store, s);
}

enum status store_outbox_wake(struct store *store)
{
    uint32_t count;
    sqlite3_stmt *s = store_prepare(store, "UPDATE outbox SET try_at = handed WHERE state IN (2, "
                                           "3) AND channel IN (1, 2, 3) AND try_at = "
                                           "9223372036854775807 RETURNING id");
    for (uint8_t channel = 1; channel <= CHANNEL_WEBHOOK; channel++)
        *store_outbox_bound(store, channel) = 0;
    return s ? changed(store, s, &count) : store_failed(store, "outbox");
}

enum status store_outbox_touch(struct store *store, uint64_t id, uint8_t touched)
{
    sqlite3_stmt *s =
        store_prepare(store, "UPDATE outbox SET touched = ?2 WHERE id = ?1 RETURNING id");
    if (!s)
        return store_failed(store, "outbox");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    sqlite3_bind_int(s, 2, touched);
    return moved(store, s);
}

enum status store_outbox_report(struct store *store, uint64_t id, enum outbox_state report)
{
    sqlite3_stmt *s =
        store_prepare(store, "UPDATE outbox SET report = ?2 WHERE id = ?1 RETURNING id");
    if (!s)
        return store_failed(store, "outbox");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    sqlite3_bind_int(s, 2, (int)report);
    return moved(store, s);
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
