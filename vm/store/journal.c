/* journal.c: see journal.h. Keys are packed into one integer so that a count is one row found by
 * its number, and all of an item lie together:
 *
 *   metric    63    item    32 31 kind 24 23 word 16 15 image 0
 *   waiting   63    step    36 35 image 20 19 hour since 1970 0                                  */
#include "vm/store/journal.h"

#include "vm/base/map.h"
#include "vm/store/internal.h"

enum { HOUR = 3600000, HOUR_BITS = 20, IMAGE_BITS = 16 };

struct journal { /* of the open transaction */
    struct map64 counts, waiting;
    int64_t last_at_ms; /* of the newest row */
};

const char *entry_text(enum entry_kind kind)
{
    switch (kind) {
#define ENTRY(number, name, word, what)                                                            \
    case ENTRY_##name:                                                                             \
        return word;
#define WORD(number, name, word, is_listed, what)
#include "vm/store/journal.def"
#undef ENTRY
#undef WORD
    }
    return "?";
}

const char *message_word_text(enum message_word message_word)
{
    switch (message_word) {
#define ENTRY(number, name, word, what)
#define WORD(number, name, word, is_listed, what)                                                  \
    case WORD_##name:                                                                              \
        return word;
#include "vm/store/journal.def"
#undef ENTRY
#undef WORD
    }
    return "?";
}

void journal_encode(struct buf *out, const struct journal_entry *entry)
{
    buf_byte(out, entry->kind);
    buf_byte(out, entry->word);
    buf_varint(out, entry->item);
    buf_varint(out, entry->image);
    buf_varint(out, entry->enrollment);
    buf_varint(out, entry->outbox);
    buf_bytes(out, entry->text);
}

bool journal_decode(struct reader *in, struct journal_entry *entry)
{
    *entry = (struct journal_entry){0};
    if (!reader_left(in))
        return false;
    entry->kind = read_byte(in);
    entry->word = read_byte(in);
    entry->item = read_varint32(in);
    entry->image = read_varint32(in);
    entry->enrollment = read_varint(in);
    entry->outbox = read_varint(in);
    entry->text = read_sized(in);
    return !in->failed;
}

enum status journal_open(struct store *store, struct journal **out)
{
    struct journal *journal = heap_alloc(sizeof *journal);
    *journal = (struct journal){.last_at_ms = INT64_MIN};
    *out = journal;
    return journal_forget(store, journal);
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    map64_free(&journal->counts);
    map64_free(&journal->waiting);
    heap_release(journal);
}

enum status journal_forget(struct store *store, struct journal *journal)
{
    map64_clear(&journal->counts);
    map64_clear(&journal->waiting);
    sqlite3_stmt *s = store_prepare(store, "SELECT at FROM journal ORDER BY id DESC LIMIT 1");
    if (!s)
        return store_failed(store, "journal");
    journal->last_at_ms = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : INT64_MIN;
    sqlite3_reset(s);
    return STATUS_OK;
}

static enum status change(struct store *store, const char *sql, uint64_t key, uint64_t by)
{
    sqlite3_stmt *s = store_prepare(store, sql);
    if (!s)
        return store_failed(store, "counts");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)key);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)by);
    int code = sqlite3_step(s);
    sqlite3_reset(s);
    return code == SQLITE_DONE ? STATUS_OK : store_failed(store, "counts");
}

enum status journal_write(struct store *store, struct journal *journal)
{
    static const char metric[] = "INSERT INTO metric (key, count) VALUES (?1, ?2) "
                                 "ON CONFLICT DO UPDATE SET count = count + ?2",
                      waiting[] = "INSERT INTO waiting (key, count) VALUES (?1, ?2) "
                                  "ON CONFLICT DO UPDATE SET count = count + ?2",
                      nobody[] = "DELETE FROM waiting WHERE key = ?1 AND count = 0 AND ?2 < 0";
    enum status status = STATUS_OK;
    uint64_t key, by;
    for (size_t i = 0; status == STATUS_OK && map64_next(&journal->counts, &i, &key, &by);)
        status = by ? change(store, metric, key, by) : STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && map64_next(&journal->waiting, &i, &key, &by);) {
        status = by ? change(store, waiting, key, by) : STATUS_OK;
        if (status == STATUS_OK && (int64_t)by < 0)
            status = change(store, nobody, key, by);
    }
    map64_clear(&journal->counts);
    map64_clear(&journal->waiting);
    return status;
}

enum status store_journal_add(struct store *store, struct store_journal *row)
{
    struct journal *journal = store_journal_of(store);
    sqlite3_stmt *s = store_prepare(
        store, "INSERT INTO journal (patient, previous, at, data) VALUES (?1, ?2, ?3, ?4)");
    if (!s)
        return store_failed(store, "journal");
    if (row->at_ms < journal->last_at_ms)
        row->at_ms = journal->last_at_ms;
    journal->last_at_ms = row->at_ms;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)row->patient);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)row->previous);
    sqlite3_bind_int64(s, 3, row->at_ms);
    sqlite3_bind_blob(s, 4, row->data.at, (int)row->data.len, SQLITE_STATIC);
    int code = sqlite3_step(s);
    row->id = (uint64_t)sqlite3_last_insert_rowid(sqlite3_db_handle(s));
    sqlite3_reset(s);
    return code == SQLITE_DONE ? STATUS_OK : store_failed(store, "journal");
}

static enum status read_one(struct store *store, sqlite3_stmt *s, struct arena *arena,
                            struct store_journal *row)
{
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW) {
        struct str data = {sqlite3_column_blob(s, 4), (size_t)sqlite3_column_bytes(s, 4)};
        *row = (struct store_journal){(uint64_t)sqlite3_column_int64(s, 0),
                                      (uint64_t)sqlite3_column_int64(s, 1),
                                      (uint64_t)sqlite3_column_int64(s, 2),
                                      sqlite3_column_int64(s, 3), arena_str(arena, data)};
    }
    sqlite3_reset(s);
    return code == SQLITE_ROW    ? STATUS_OK
           : code == SQLITE_DONE ? STATUS_MISSING
                                 : store_failed(store, "journal");
}

enum status store_journal_get(struct store *store, uint64_t id, struct arena *arena,
                              struct store_journal *row)
{
    sqlite3_stmt *s =
        store_prepare(store, "SELECT id, patient, previous, at, data FROM journal WHERE id = ?1");
    if (!s)
        return store_failed(store, "journal");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    return read_one(store, s, arena, row);
}

enum status store_journal_next(struct store *store, uint64_t cursor, struct arena *arena,
                               struct store_journal *row)
{
    sqlite3_stmt *s = store_prepare(store, "SELECT id, patient, previous, at, data FROM journal "
                                           "WHERE id > ?1 ORDER BY id LIMIT 1");
    if (!s)
        return store_failed(store, "journal");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)cursor);
    return read_one(store, s, arena, row);
}

enum status store_journal_last(struct store *store, uint64_t *id)
{
    sqlite3_stmt *s = store_prepare(store, "SELECT coalesce(max(id), 0) FROM journal");
    if (!s)
        return store_failed(store, "journal");
    bool is_read = sqlite3_step(s) == SQLITE_ROW;
    *id = is_read ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
    sqlite3_reset(s);
    return is_read ? STATUS_OK : store_failed(store, "journal");
}

/* By halving: times never go back from row to row. Rows up to `low` are before, from `high` on not.
 */
enum status store_journal_before(struct store *store, int64_t at_ms, uint64_t *id)
{
    sqlite3_stmt *s =
        store_prepare(store, "SELECT id, at FROM journal WHERE id <= ?1 ORDER BY id DESC LIMIT 1");
    sqlite3_int64 low = 0, high = INT64_MAX;
    if (!s)
        return store_failed(store, "journal");
    while (low + 1 < high) {
        sqlite3_int64 middle = low + (high - low) / 2;
        sqlite3_bind_int64(s, 1, middle);
        int code = sqlite3_step(s);
        sqlite3_int64 found = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
        bool is_before = code != SQLITE_ROW || sqlite3_column_int64(s, 1) < at_ms;
        sqlite3_reset(s);
        if (code != SQLITE_ROW && code != SQLITE_DONE)
            return store_failed(store, "journal");
        if (is_before)
            low = middle;
        else
            high = found;
    }
    *id = (uint64_t)low;
    return STATUS_OK;
}

enum status store_journal_replace(struct store *store, uint64_t id, struct str data)
{
    sqlite3_stmt *s = store_prepare(store, "UPDATE journal SET data = ?2 WHERE id = ?1");
    if (!s)
        return store_failed(store, "journal");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    sqlite3_bind_blob(s, 2, data.at, (int)data.len, SQLITE_STATIC);
    int code = sqlite3_step(s);
    sqlite3_reset(s);
    return code == SQLITE_DONE ? STATUS_OK : store_failed(store, "journal");
}

void store_count(struct store *store, const struct journal_entry *entry, int64_t by)
{
    uint64_t key = (uint64_t)entry->item << 32 | (uint64_t)entry->kind << 24 |
                   (uint64_t)entry->word << 16 | (entry->image & 0xffff);
    *map64_put(&store_journal_of(store)->counts, key, NULL) += (uint64_t)by;
}

void store_count_waiting(struct store *store, uint32_t step, uint32_t image, int64_t since_ms,
                         int64_t by)
{
    uint64_t hour = since_ms > 0 ? (uint64_t)(since_ms / HOUR) : 0;
    uint64_t key = (uint64_t)step << (HOUR_BITS + IMAGE_BITS) |
                   (uint64_t)(image & 0xffff) << HOUR_BITS | (hour & ((1u << HOUR_BITS) - 1));
    *map64_put(&store_journal_of(store)->waiting, key, NULL) += (uint64_t)by;
}

enum status store_counts(struct store *store, uint32_t item,
                         void (*visit)(void *context, enum entry_kind kind, uint8_t word,
                                       uint32_t image, int64_t count),
                         void *context)
{
    sqlite3_stmt *s =
        store_prepare(store, "SELECT key, count FROM metric WHERE key BETWEEN ?1 AND ?2");
    if (!s)
        return store_failed(store, "counts");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)((uint64_t)item << 32));
    sqlite3_bind_int64(s, 2, (sqlite3_int64)((uint64_t)item << 32 | UINT32_MAX));
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        uint64_t key = (uint64_t)sqlite3_column_int64(s, 0);
        visit(context, (enum entry_kind)(key >> 24 & 255), key >> 16 & 255, key & 0xffff,
              sqlite3_column_int64(s, 1));
    }
    sqlite3_reset(s);
    return code == SQLITE_DONE ? STATUS_OK : store_failed(store, "counts");
}

enum status store_waiting(struct store *store, uint32_t step,
                          void (*visit)(void *context, uint32_t image, int64_t hour_ms,
                                        int64_t count),
                          void *context)
{
    sqlite3_stmt *s = store_prepare(
        store, "SELECT key, count FROM waiting WHERE key BETWEEN ?1 AND ?2 AND count > 0");
    uint64_t first = (uint64_t)step << (HOUR_BITS + IMAGE_BITS);
    if (!s)
        return store_failed(store, "waiting");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)first);
    sqlite3_bind_int64(s, 2,
                       (sqlite3_int64)(first | ((UINT64_C(1) << (HOUR_BITS + IMAGE_BITS)) - 1)));
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        uint64_t key = (uint64_t)sqlite3_column_int64(s, 0);
        visit(context, (uint32_t)(key >> HOUR_BITS & 0xffff),
              (int64_t)(key & ((1u << HOUR_BITS) - 1)) * HOUR, sqlite3_column_int64(s, 1));
    }
    sqlite3_reset(s);
    return code == SQLITE_DONE ? STATUS_OK : store_failed(store, "waiting");
}
