/* shelf.c: see shelf.h. */
#include "vm/store/internal.h"

#include "vm/base/hash.h"

/* A leaf of 4096 bytes holds one row of PAGE_BYTES without an overflow page; a cell takes 2 bytes
 * at least. */
enum {
    LIST_COUNT = 1 << 18,
    PAGE_BYTES = 4050,
    MERGE_MOST = 4096,
    CELLS_MOST = MERGE_MOST + PAGE_BYTES / 2,
    SEAL_BYTES = 8,
    LARGE = 0xffff /* as a length of cells: all that follows */
};

struct shelf_cell {
    uint64_t key;
    struct str data;
};

void sealed_begin(struct buf *out)
{
    buf_reset(out);
    buf_u64(out, 0);
}

void sealed_end(struct buf *out)
{
    uint64_t sum = checksum64(str_from(buf_view(out), SEAL_BYTES));
    for (size_t i = 0; i < SEAL_BYTES; i++)
        out->data[i] = (unsigned char)(sum >> (8 * i));
}

bool sealed_open(struct str sealed, struct str *bytes)
{
    struct reader in = reader_of(sealed);
    uint64_t sum = read_u64(&in);
    *bytes = str_from(sealed, SEAL_BYTES);
    return !in.failed && sum == checksum64(*bytes);
}

void shelf_init(struct shelf *shelf, struct store *store, uint32_t number, uint64_t max_key,
                bool has_filter)
{
    *shelf = (struct shelf){
        .store = store, .number = number, .max_key = max_key, .has_filter = has_filter};
    while (max_key >> shelf->shift >= LIST_COUNT)
        shelf->shift++;
    shelf->lists = heap_zeroed(LIST_COUNT * sizeof *shelf->lists);
    buf_init(&shelf->page, 0);
    buf_init(&shelf->old, 0);
    buf_init(&shelf->packed, 0);
}

void shelf_free(struct shelf *shelf)
{
    for (uint64_t i = 0; shelf->waiting_count && i < LIST_COUNT; i++)
        for (struct shelf_entry *e = shelf->lists[i], *next; e; e = next) {
            next = e->next;
            shelf->waiting_count--;
            heap_release(e);
        }
    for (uint32_t i = 0; i < shelf->filter.count; i++)
        heap_release(shelf->filter.words[i]);
    heap_release(shelf->lists);
    heap_release(shelf->cells);
    buf_free(&shelf->page);
    buf_free(&shelf->old);
    buf_free(&shelf->packed);
    *shelf = (struct shelf){0};
}

/* --- filter --- */

/* Keys of the first filter; each further one has room for twice as many. */
enum { FILTER_KEYS = 1 << 20, KEYS_A_WORD = 4 };

static uint64_t filter_words(uint32_t i)
{
    return ((uint64_t)FILTER_KEYS << i) / KEYS_A_WORD;
}

/* Four bits of a word, from other bits of the mixed key than the word's place. */
static uint64_t filter_bits(uint64_t mixed)
{
    return UINT64_C(1) << (mixed & 63) | UINT64_C(1) << (mixed >> 6 & 63) |
           UINT64_C(1) << (mixed >> 12 & 63) | UINT64_C(1) << (mixed >> 18 & 63);
}

static uint64_t filter_mix(uint64_t key)
{
    key *= 0x9e3779b97f4a7c15u;
    return key ^ key >> 32;
}

static void filter_add(struct shelf_filter *filter, uint64_t key)
{
    uint64_t mixed = filter_mix(key);
    bool is_full = filter->used >= (uint64_t)FILTER_KEYS << filter->count >> 1;
    if (!filter->count || (is_full && filter->count < ARRAY_COUNT(filter->words))) {
        filter->words[filter->count] =
            heap_zeroed(filter_words(filter->count) * sizeof **filter->words);
        filter->count++;
        filter->used = 0;
    }
    uint32_t last = filter->count - 1;
    filter->words[last][(mixed >> 24) % filter_words(last)] |= filter_bits(mixed);
    filter->used++;
}

static bool filter_may_have(const struct shelf_filter *filter, uint64_t key)
{
    uint64_t mixed = filter_mix(key), bits = filter_bits(mixed);
    if (key >= filter->until)
        return true;
    for (uint32_t i = 0; i < filter->count; i++)
        if ((filter->words[i][(mixed >> 24) % filter_words(i)] & bits) == bits)
            return true;
    return false;
}

/* Keys have outgrown the lists: two neighbours become one. */
static void widen(struct shelf *shelf)
{
    for (size_t i = 0; i < LIST_COUNT; i++) {
        struct shelf_entry *list = shelf->lists[i], **end = &shelf->lists[i / 2];
        shelf->lists[i] = NULL;
        while (*end && i % 2)
            end = &(*end)->next;
        *end = list;
    }
    shelf->shift++;
}

/* Where the key is, or would be. */
static struct shelf_entry **find(struct shelf *shelf, uint64_t key)
{
    struct shelf_entry **at = &shelf->lists[key >> shelf->shift];
    while (*at && (*at)->key < key)
        at = &(*at)->next;
    return at;
}

static struct shelf_entry *new_entry(uint64_t key, struct str data)
{
    struct shelf_entry *entry = heap_alloc(sizeof *entry + data.len);
    *entry = (struct shelf_entry){NULL, key, (uint32_t)data.len, 0};
    if (data.len)
        memcpy(entry->data, data.at, data.len);
    return entry;
}

void shelf_put(struct shelf *shelf, uint64_t key, struct str data, bool is_change)
{
    if (key > shelf->max_key)
        shelf->max_key = key;
    while (key >> shelf->shift >= LIST_COUNT)
        widen(shelf);
    struct shelf_entry **at = find(shelf, key);
    struct shelf_entry *old = *at && (*at)->key == key ? *at : NULL;
    if (!old && shelf->has_filter)
        filter_add(&shelf->filter, key);
    shelf->waiting_count += !old;
    shelf->waiting_bytes += data.len - (old ? old->len : 0);
    if (old && old->change && old->len == data.len) {
        memcpy(old->data, data.at, data.len);
        return;
    }
    struct shelf_entry *entry = new_entry(key, data);
    entry->next = old ? old->next : *at;
    *at = entry;
    if (old && old->change) {
        entry->change = old->change;
        shelf->store->changes[old->change - 1].entry = entry;
    } else if (is_change) {
        entry->change = log_change(shelf->store, shelf, entry, old);
        return; /* `old` is kept for undoing */
    }
    heap_release(old);
}

void shelf_undo(struct shelf *shelf, struct shelf_entry *entry, struct shelf_entry *old)
{
    struct shelf_entry **at = find(shelf, entry->key);
    ensure(*at == entry);
    if (old)
        old->next = entry->next;
    *at = old ? old : entry->next;
    shelf->waiting_count -= !old;
    shelf->waiting_bytes -= entry->len - (old ? old->len : 0);
    heap_release(entry);
}

/* --- pages --- */

static bool take_varint(const unsigned char **at, const unsigned char *end, uint64_t *number)
{
    *number = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        unsigned char byte = *(*at)++;
        *number |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return true;
    }
    return false;
}

/* The next cell; *key is the one before, and moves on. */
static bool take_cell(const unsigned char **at, const unsigned char *end, uint64_t *key,
                      struct str *data)
{
    uint64_t distance, length;
    if (!take_varint(at, end, &distance) || !take_varint(at, end, &length) ||
        length > (uint64_t)(end - *at) || distance > INT64_MAX - *key)
        return false;
    *key += distance;
    *data = (struct str){(const char *)*at, (size_t)length};
    *at += length;
    return true;
}

#define PER_SHELF(before, after)                                                                   \
    {                                                                                              \
        before "page_record" after, before "page_id" after, before "page_seen" after               \
    }

struct page {
    uint64_t first, until; /* keys that it may hold */
    struct str cells;
};

static bool open_page(struct str sealed, uint64_t first, struct page *page)
{
    struct str bytes;
    if (!sealed_open(sealed, &bytes))
        return false;
    struct reader in = reader_of(bytes);
    size_t size = read_u16(&in);
    uint64_t distance = read_varint(&in);
    bool is_large = size == LARGE;
    size = is_large ? reader_left(&in) : size;
    *page = (struct page){first, first + distance, read_bytes(&in, size)};
    return !in.failed && distance <= INT64_MAX - first;
}

/* The page that may hold `key`, a view; STATUS_MISSING: there is no page yet. The caller resets *s.
 */
static enum status read_page(struct shelf *shelf, uint64_t key, struct page *page, sqlite3_stmt **s)
{
    static const char *const sql[] =
        PER_SHELF("SELECT first, data FROM ", " WHERE first <= ?1 ORDER BY first DESC LIMIT 1");
    struct str sealed;
    *s = store_prepare(shelf->store, sql[shelf->number]);
    if (!*s)
        return store_failed(shelf->store, "page");
    sqlite3_bind_int64(*s, 1, (sqlite3_int64)key);
    int code = sqlite3_step(*s);
    if (code != SQLITE_ROW)
        return code == SQLITE_DONE ? STATUS_MISSING : store_failed(shelf->store, "page");
    sealed.at = sqlite3_column_blob(*s, 1);
    sealed.len = (size_t)sqlite3_column_bytes(*s, 1);
    return open_page(sealed, (uint64_t)sqlite3_column_int64(*s, 0), page)
               ? STATUS_OK
               : store_corrupt(shelf->store, "a page");
}

static enum status load_page(struct shelf *shelf, uint64_t key)
{
    sqlite3_stmt *s;
    struct page page;
    enum status status = read_page(shelf, key, &page, &s);
    shelf->has_page = status == STATUS_OK;
    if (shelf->has_page) {
        buf_reset(&shelf->page);
        buf_str(&shelf->page, page.cells);
        shelf->page_first = page.first;
        shelf->page_until = page.until;
    }
    if (s)
        sqlite3_reset(s);
    return status;
}

enum status shelf_get(struct shelf *shelf, uint64_t key, struct str *data)
{
    uint64_t list = key >> shelf->shift;
    struct shelf_entry *e = list < LIST_COUNT ? shelf->lists[list] : NULL;
    *data = (struct str){0};
    while (e && e->key < key)
        e = e->next;
    if (e && e->key == key) {
        *data = (struct str){(const char *)e->data, e->len};
        return STATUS_OK;
    }
    if (shelf->has_filter && !filter_may_have(&shelf->filter, key))
        return STATUS_MISSING;
    if (!shelf->has_page || key < shelf->page_first || key > shelf->page_until) {
        enum status status = load_page(shelf, key);
        if (status != STATUS_OK)
            return status;
    }
    const unsigned char *at = shelf->page.data, *end = at + shelf->page.len;
    uint64_t at_key = shelf->page_first;
    struct str found;
    while (at < end) {
        if (!take_cell(&at, end, &at_key, &found))
            return store_corrupt(shelf->store, "a page");
        if (at_key > key)
            break;
        if (at_key == key) {
            *data = found;
            return STATUS_OK;
        }
    }
    return STATUS_MISSING;
}

enum status shelf_last_key(struct shelf *shelf, uint64_t *key)
{
    enum status status = load_page(shelf, INT64_MAX);
    const unsigned char *at = shelf->page.data, *end = at + shelf->page.len;
    struct str data;
    *key = status == STATUS_OK ? shelf->page_first : 0;
    while (status == STATUS_OK && at < end)
        if (!take_cell(&at, end, key, &data))
            return store_corrupt(shelf->store, "a page");
    return status == STATUS_MISSING ? STATUS_OK : status;
}

enum status shelf_learn(struct shelf *shelf, uint32_t pages)
{
    static const char *const sql[] =
        PER_SHELF("SELECT first, data FROM ", " WHERE first >= ?1 ORDER BY first LIMIT ?2");
    struct shelf_filter *filter = &shelf->filter;
    int code = SQLITE_DONE;
    uint32_t count = 0;
    bool is_sound = true;
    if (!shelf->has_filter || filter->until > INT64_MAX)
        return STATUS_OK;
    sqlite3_stmt *s = store_prepare(shelf->store, sql[shelf->number]);
    if (!s)
        return store_failed(shelf->store, "page");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)filter->until);
    sqlite3_bind_int(s, 2, (int)pages);
    for (; is_sound && (code = sqlite3_step(s)) == SQLITE_ROW; count++) {
        struct page page;
        struct str data;
        uint64_t key = (uint64_t)sqlite3_column_int64(s, 0);
        struct str sealed = {sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1)};
        is_sound = open_page(sealed, key, &page);
        struct reader in = reader_of(is_sound ? page.cells : (struct str){0});
        while (in.at < in.end && (is_sound = take_cell(&in.at, in.end, &key, &data)))
            filter_add(filter, key);
        filter->until = is_sound ? page.until + 1 : filter->until;
    }
    sqlite3_reset(s);
    /* No key lies between pages, but in memory, and those are in. */
    if (is_sound && code == SQLITE_DONE && count < pages)
        filter->until = UINT64_MAX;
    return !is_sound             ? store_corrupt(shelf->store, "a page")
           : code == SQLITE_DONE ? STATUS_OK
                                 : store_failed(shelf->store, "page");
}

static enum status write_page(struct shelf *shelf, uint64_t first, uint64_t until,
                              const struct shelf_cell *cells, size_t count)
{
    static const char *const sql[] =
        PER_SHELF("INSERT OR REPLACE INTO ", " (first, data) VALUES (?1, ?2)");
    sqlite3_stmt *s = store_prepare(shelf->store, sql[shelf->number]);
    struct buf *out = &shelf->packed;
    uint64_t last = first;
    sealed_begin(out);
    buf_u16(out, 0);
    buf_varint(out, until - first);
    size_t head = out->len;
    for (size_t i = 0; i < count; i++) {
        buf_varint(out, cells[i].key - last);
        buf_bytes(out, cells[i].data);
        last = cells[i].key;
    }
    size_t size = out->len - head < LARGE ? out->len - head : LARGE;
    out->data[SEAL_BYTES] = (unsigned char)size;
    out->data[SEAL_BYTES + 1] = (unsigned char)(size >> 8);
    if (out->len > PAGE_BYTES / 2 && out->len < PAGE_BYTES) {
        size_t padding = PAGE_BYTES - out->len;
        memset(buf_reserve(out, padding), 0, padding);
        out->len += padding;
    }
    sealed_end(out);
    if (!s)
        return store_failed(shelf->store, "page");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)first);
    store_bind_blob(s, 2, buf_view(out));
    return store_done(shelf->store, s, "page");
}

/* At most this many bytes as a cell that follows `last`. */
static size_t cell_bytes(const struct shelf_cell *cell, uint64_t last)
{
    size_t bytes = cell->data.len + (cell->data.len < 128 ? 1 : 5);
    for (uint64_t distance = cell->key - last; distance; distance >>= 7)
        bytes++;
    return bytes + (cell->key == last);
}

/* The cells, in order, onto pages for the keys from `first` to `until`. The end of the map is
 * filled up (what comes next comes behind it); elsewhere a page that is too full is cut into even
 * parts. */
static enum status pack(struct shelf *shelf, uint64_t first, uint64_t until,
                        const struct shelf_cell *cells, size_t count)
{
    enum { HEAD = SEAL_BYTES + 2 + 9, ROOM = PAGE_BYTES - HEAD };
    bool is_last = until == INT64_MAX;
    size_t total = 0, begin = 0, bytes = 0;
    uint64_t last = first;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count; last = cells[i++].key)
        total += cell_bytes(&cells[i], last);
    size_t parts = total / ROOM + 1, goal = is_last || parts == 1 ? ROOM : total / parts + 1;
    last = first;
    for (size_t i = 0; i < count && status == STATUS_OK; last = cells[i++].key) {
        size_t more = cell_bytes(&cells[i], last);
        if (i > begin && (bytes >= goal || bytes + more > ROOM)) {
            status = write_page(shelf, first, cells[i].key - 1, cells + begin, i - begin);
            begin = i;
            first = last = cells[i].key;
            bytes = 0;
            more = cell_bytes(&cells[i], last);
        }
        bytes += more;
    }
    return status == STATUS_OK ? write_page(shelf, first, until, cells + begin, count - begin)
                               : status;
}

/* Takes what waits with a key from `first` to *until out of the lists: chained, in order. At most
 * MERGE_MOST: then *until comes down to the last one. */
static struct shelf_entry *take_waiting(struct shelf *shelf, uint64_t first, uint64_t *until)
{
    struct shelf_entry *head = NULL, **end = &head;
    size_t count = 0;
    for (uint64_t i = first >> shelf->shift; i <= *until >> shelf->shift && i < LIST_COUNT; i++) {
        struct shelf_entry **at = &shelf->lists[i];
        while (*at && (*at)->key < first)
            at = &(*at)->next;
        while (*at && (*at)->key <= *until) {
            struct shelf_entry *e = *at;
            *at = e->next;
            *end = e;
            end = &e->next;
            if (++count == MERGE_MOST)
                *until = e->key;
        }
    }
    *end = NULL;
    return head;
}

/* Both in order, into ->cells; of equal keys the waiting one. False: the page is damaged. */
static bool merge_cells(struct shelf *shelf, uint64_t first, const struct shelf_entry *waiting,
                        size_t *count)
{
    const unsigned char *at = shelf->old.data, *end = at + shelf->old.len;
    struct shelf_cell cell = {.key = first};
    bool has = at < end, is_sound = !has || take_cell(&at, end, &cell.key, &cell.data);
    *count = 0;
    while (is_sound && (has || waiting) && *count < CELLS_MOST) {
        bool is_waiting = waiting && (!has || waiting->key <= cell.key);
        bool takes_cell = has && (!is_waiting || waiting->key == cell.key);
        if (is_waiting) {
            struct str data = {(const char *)waiting->data, waiting->len};
            shelf->cells[(*count)++] = (struct shelf_cell){waiting->key, data};
            waiting = waiting->next;
        } else {
            shelf->cells[(*count)++] = cell;
        }
        if (takes_cell && (has = at < end))
            is_sound = take_cell(&at, end, &cell.key, &cell.data);
    }
    return is_sound && !has && !waiting;
}

/* Merges what waits for the page that may hold `key`; *done: the last key that is. */
static enum status merge(struct shelf *shelf, uint64_t key, uint64_t *done)
{
    sqlite3_stmt *s;
    struct page page = {0, INT64_MAX, {0}};
    size_t count;
    enum status status = read_page(shelf, key, &page, &s);
    buf_reset(&shelf->old);
    if (status == STATUS_OK)
        buf_str(&shelf->old, page.cells);
    if (s)
        sqlite3_reset(s);
    if (status != STATUS_OK && status != STATUS_MISSING)
        return status;
    *done = page.until;
    if (!shelf->cells)
        shelf->cells = heap_alloc(CELLS_MOST * sizeof *shelf->cells);
    struct shelf_entry *waiting = take_waiting(shelf, page.first, done);
    status = merge_cells(shelf, page.first, waiting, &count)
                 ? pack(shelf, page.first, page.until, shelf->cells, count)
                 : store_corrupt(shelf->store, "a page");
    for (struct shelf_entry *next; waiting; waiting = next) {
        next = waiting->next;
        shelf->waiting_count--;
        shelf->waiting_bytes -= waiting->len;
        heap_release(waiting);
    }
    return status;
}

enum status shelf_sweep(struct shelf *shelf, uint64_t until)
{
    enum status status = STATUS_OK;
    shelf->has_page = false;
    while (status == STATUS_OK && shelf->hand < until) {
        uint64_t list = shelf->hand >> shelf->shift;
        if (list >= LIST_COUNT)
            break;
        const struct shelf_entry *e = shelf->lists[list];
        while (e && e->key < shelf->hand)
            e = e->next;
        if (e && e->key < until) {
            uint64_t done = INT64_MAX;
            status = merge(shelf, e->key, &done);
            shelf->hand = done < INT64_MAX ? done + 1 : until;
        } else {
            shelf->hand = e ? until : (list + 1) << shelf->shift;
        }
    }
    if (shelf->hand < until)
        shelf->hand = until;
    return status;
}
