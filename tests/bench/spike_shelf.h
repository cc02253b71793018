/* spike_shelf.h: the store's third candidate, as far as measuring needs it: a log with packed
 * pages.
 *
 * A shelf is an ordered map from 63-bit keys to (due, bytes). New versions stay in memory, in lists
 * by the top bits of the key, and in one log blob a commit. A hand goes round the key space, one
 * lap for every `lap_bytes` of log, and merges what it passes into packed pages of one leaf each.
 * So a log row older than one lap is merged and can go: no phases, no pauses. Far timers are kept
 * by hour, in memory for half a lap, then as rows. */
#ifndef CAMP_TESTS_BENCH_SPIKE_SHELF_H
#define CAMP_TESTS_BENCH_SPIKE_SHELF_H

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "vm/base/arena.h"
#include "vm/base/buf.h"
#include "vm/base/heap.h"

/* A leaf of 4096 bytes holds one cell of this size without an overflow page. */
enum { PAGE_BYTES = 4050, MERGE_MOST = 4096, HOUR_MS = 3600000 };
#define LAP (1ULL << 32)

struct entry {
    struct entry *next;
    uint64_t key;
    int64_t due;
    uint32_t len;
    unsigned char data[];
};
struct shelf {
    sqlite3 *db;
    int number, shift; /* list of a key: key >> shift */
    struct entry **lists;
    uint64_t list_count, max_key;
    size_t pending, pending_bytes;
    uint64_t pages_written;
    sqlite3_stmt *find, *after, *put;
};

static inline void check_sql(sqlite3 *db, int code)
{
    if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
        fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(db));
        ensure(false);
    }
}

static inline sqlite3_stmt *sql_prepare(sqlite3 *db, const char *text)
{
    sqlite3_stmt *s = NULL;
    check_sql(db, sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL));
    return s;
}

static inline void shelf_open(struct shelf *shelf, sqlite3 *db, int number, bool is_dense)
{
    char sql[200];
    *shelf = (struct shelf){.db = db, .number = number, .shift = is_dense ? 5 : 45};
    snprintf(sql, sizeof sql,
             "CREATE TABLE IF NOT EXISTS page%d (first INTEGER PRIMARY KEY, data BLOB)", number);
    check_sql(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
    snprintf(sql, sizeof sql,
             "SELECT first, data FROM page%d WHERE first <= ?1 ORDER BY first DESC LIMIT 1",
             number);
    shelf->find = sql_prepare(db, sql);
    snprintf(sql, sizeof sql, "SELECT first FROM page%d WHERE first > ?1 ORDER BY first LIMIT 1",
             number);
    shelf->after = sql_prepare(db, sql);
    snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO page%d (first, data) VALUES (?1, ?2)",
             number);
    shelf->put = sql_prepare(db, sql);
    if (!is_dense)
        shelf->max_key = INT64_MAX;
    shelf->list_count = is_dense ? 1 << 16 : 1 << 18;
    shelf->lists = heap_alloc(shelf->list_count * sizeof *shelf->lists);
    memset(shelf->lists, 0, shelf->list_count * sizeof *shelf->lists);
}

static inline void shelf_close(struct shelf *shelf)
{
    for (uint64_t i = 0; i < shelf->list_count; i++)
        for (struct entry *e = shelf->lists[i], *next; e; e = next) {
            next = e->next;
            heap_release(e);
        }
    heap_release(shelf->lists);
    sqlite3_finalize(shelf->find);
    sqlite3_finalize(shelf->after);
    sqlite3_finalize(shelf->put);
}

static inline void shelf_put(struct shelf *shelf, uint64_t key, int64_t due, struct str data)
{
    uint64_t list = key >> shelf->shift;
    if (list >= shelf->list_count) {
        uint64_t room = shelf->list_count * 2 > list ? shelf->list_count * 2 : list + 1;
        shelf->lists = heap_resize(shelf->lists, room * sizeof *shelf->lists);
        memset(shelf->lists + shelf->list_count, 0,
               (room - shelf->list_count) * sizeof *shelf->lists);
        shelf->list_count = room;
    }
    if (key > shelf->max_key)
        shelf->max_key = key;
    struct entry **at = &shelf->lists[list];
    while (*at && (*at)->key != key)
        at = &(*at)->next;
    struct entry *old = *at;
    if (!old || old->len != data.len) {
        struct entry *new = heap_alloc(sizeof *new + data.len);
        *new = (struct entry){old ? old->next : NULL, key, due, (uint32_t)data.len};
        *at = new;
        shelf->pending += !old;
        shelf->pending_bytes += data.len - (old ? old->len : 0);
        heap_release(old);
        old = new;
    }
    old->due = due;
    memcpy(old->data, data.at, data.len);
}

struct cell_view {
    uint64_t key;
    int64_t due;
    struct str data;
};

static inline uint64_t varint(const unsigned char **at)
{
    uint64_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
        unsigned char byte = *(*at)++;
        number |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return number;
    }
}

/* Keys are differences, dues as they are (+1): 0 for none. */
static inline bool cell_next(const unsigned char **at, const unsigned char *end, uint64_t *key,
                             struct cell_view *cell)
{
    if (*at >= end)
        return false;
    *key += varint(at);
    cell->key = *key;
    cell->due = (int64_t)varint(at) - 1;
    size_t len = varint(at);
    cell->data = (struct str){(const char *)*at, len};
    *at += len;
    return true;
}

static inline void cell_put(struct buf *out, uint64_t *last, const struct cell_view *cell)
{
    buf_varint(out, cell->key - *last);
    buf_varint(out, (uint64_t)(cell->due + 1));
    buf_bytes(out, cell->data);
    *last = cell->key;
}

static inline bool shelf_page(struct shelf *shelf, uint64_t key, uint64_t *first, struct str *data)
{
    sqlite3_reset(shelf->find);
    sqlite3_bind_int64(shelf->find, 1, (int64_t)key);
    if (sqlite3_step(shelf->find) != SQLITE_ROW)
        return false;
    *first = (uint64_t)sqlite3_column_int64(shelf->find, 0);
    const char *at = sqlite3_column_blob(shelf->find, 1);
    *data = (struct str){at, (size_t)sqlite3_column_bytes(shelf->find, 1)};
    return true;
}

/* The view lives until the shelf's next call. */
static inline bool shelf_get(struct shelf *shelf, uint64_t key, struct cell_view *cell)
{
    uint64_t list = key >> shelf->shift, at_key;
    for (struct entry *e = list < shelf->list_count ? shelf->lists[list] : NULL; e; e = e->next)
        if (e->key == key) {
            *cell = (struct cell_view){key, e->due, {(const char *)e->data, e->len}};
            return true;
        }
    struct str page;
    if (!shelf_page(shelf, key, &at_key, &page))
        return false;
    const unsigned char *at = (const unsigned char *)page.at, *end = at + page.len;
    while (cell_next(&at, end, &at_key, cell))
        if (cell->key >= key)
            return cell->key == key;
    return false;
}

static inline void shelf_write(struct shelf *shelf, uint64_t first, struct str data)
{
    sqlite3_reset(shelf->put);
    sqlite3_bind_int64(shelf->put, 1, (int64_t)first);
    sqlite3_bind_blob(shelf->put, 2, data.at, (int)data.len, SQLITE_STATIC);
    check_sql(shelf->db, sqlite3_step(shelf->put));
    sqlite3_reset(shelf->put);
    shelf->pages_written++;
}

/* Cells in order, onto pages that begin at `first`; the last page of all is filled, others are cut
 * into even parts. */
static inline void shelf_pack(struct shelf *shelf, uint64_t first, const struct cell_view *cells,
                              size_t count, bool is_last, size_t total_bytes)
{
    static struct buf out = {.limit = SIZE_MAX};
    size_t parts = (total_bytes + PAGE_BYTES - 1) / PAGE_BYTES;
    size_t goal = is_last || parts < 2 ? PAGE_BYTES : total_bytes / parts + 1;
    uint64_t last = first;
    buf_reset(&out);
    for (size_t i = 0; i < count; i++) {
        size_t most = cells[i].data.len + 20;
        if (out.len && (out.len >= goal || out.len + most > PAGE_BYTES)) {
            shelf_write(shelf, first, buf_view(&out));
            buf_reset(&out);
            first = last = cells[i].key;
        }
        cell_put(&out, &last, &cells[i]);
    }
    shelf_write(shelf, first, buf_view(&out));
}

static inline int entry_order(const void *a, const void *b)
{
    uint64_t x = (*(struct entry *const *)a)->key, y = (*(struct entry *const *)b)->key;
    return (x > y) - (x < y);
}

/* Merges what waits for the page that holds `key`, at most MERGE_MOST; returns where that ends. */
static inline uint64_t shelf_merge(struct shelf *shelf, uint64_t key)
{
    static struct entry *waiting[MERGE_MOST + 64];
    static struct cell_view cells[MERGE_MOST * 2];
    static struct buf old = {.limit = SIZE_MAX};
    uint64_t first = 0, until = shelf->max_key;
    struct str page = {0};
    buf_reset(&old);
    if (shelf_page(shelf, key, &first, &page))
        buf_str(&old, page);
    sqlite3_reset(shelf->find);
    sqlite3_reset(shelf->after);
    sqlite3_bind_int64(shelf->after, 1, (int64_t)first);
    bool is_last = sqlite3_step(shelf->after) != SQLITE_ROW;
    if (!is_last)
        until = (uint64_t)sqlite3_column_int64(shelf->after, 0) - 1;
    sqlite3_reset(shelf->after);
    size_t count = 0, merged = 0;
    for (uint64_t i = first >> shelf->shift; i <= until >> shelf->shift && i < shelf->list_count;
         i++) {
        if (count > MERGE_MOST - 64) {
            until = (i << shelf->shift) - 1;
            break;
        }
        for (struct entry **at = &shelf->lists[i]; *at && count < ARRAY_COUNT(waiting);)
            if ((*at)->key >= first && (*at)->key <= until) {
                waiting[count++] = *at;
                *at = (*at)->next;
            } else {
                at = &(*at)->next;
            }
    }
    qsort(waiting, count, sizeof *waiting, entry_order);
    const unsigned char *at = old.data, *end = at ? at + old.len : at;
    uint64_t at_key = first;
    struct cell_view cell;
    bool has = cell_next(&at, end, &at_key, &cell);
    size_t total = 0;
    for (size_t i = 0; has || i < count;) {
        struct entry *e = i < count ? waiting[i] : NULL;
        if (e && (!has || e->key <= cell.key)) {
            if (has && e->key == cell.key)
                has = cell_next(&at, end, &at_key, &cell);
            cells[merged++] = (struct cell_view){e->key, e->due, {(const char *)e->data, e->len}};
            i++;
        } else {
            cells[merged++] = cell;
            has = cell_next(&at, end, &at_key, &cell);
        }
        total += cells[merged - 1].data.len + 14;
    }
    if (count)
        shelf_pack(shelf, first, cells, merged, is_last, total);
    for (size_t i = 0; i < count; i++) {
        shelf->pending_bytes -= waiting[i]->len;
        heap_release(waiting[i]);
    }
    shelf->pending -= count;
    return until;
}

/* The hand goes from `from` to `to`, parts of a lap of LAP. */
static inline void shelf_sweep(struct shelf *shelf, uint64_t from, uint64_t to)
{
    uint64_t key = (uint64_t)((double)from / (double)LAP * (double)shelf->max_key),
             end = (uint64_t)((double)to / (double)LAP * (double)shelf->max_key);
    if (end > shelf->max_key || to == LAP)
        end = shelf->max_key;
    for (uint64_t i = key >> shelf->shift; i <= end >> shelf->shift && i < shelf->list_count; i++)
        while (shelf->lists[i]) {
            uint64_t done = shelf_merge(shelf, shelf->lists[i]->key);
            if (done >> shelf->shift > i)
                i = (done >> shelf->shift) - 1;
        }
}

#endif
