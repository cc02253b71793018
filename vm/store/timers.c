/* timers.c: see timers.h. */
#include "vm/store/internal.h"

#include <stdlib.h>

enum { SLOT_BITS = 20, KEY_BITS = 44, ROW_BITS = 20 };
#define LATEST_MS (UINT64_C(1) << 50)
#define REST_MASK ((UINT64_C(1) << SLOT_BITS) - 1)
#define KEY_MASK ((UINT64_C(1) << KEY_BITS) - 1)
#define NEVER INT64_MAX
#define NOT_KNOWN INT64_MIN

static int64_t slot_begins_ms(uint64_t slot)
{
    return slot > LATEST_MS >> SLOT_BITS ? NEVER : (int64_t)(slot << SLOT_BITS);
}

void timers_init(struct timers *timers, struct store *store)
{
    *timers = (struct timers){.store = store, .far_ms = NOT_KNOWN};
}

static void slots_free(struct timer_slots *slots)
{
    for (uint32_t i = 0; i < slots->count; i++)
        heap_release(slots->slots[i].entries);
    heap_release(slots->slots);
    map64_free(&slots->rows);
    *slots = (struct timer_slots){0};
}

void timers_free(struct timers *timers)
{
    slots_free(&timers->filling);
    slots_free(&timers->flushing);
    heap_release(timers->near);
    heap_release(timers->popped);
    heap_free(&timers->late);
    *timers = (struct timers){0};
}

static struct timer_slot *slot_of(struct timer_slots *slots, uint64_t number)
{
    const uint64_t *row = map64_get(&slots->rows, number);
    return row ? &slots->slots[*row - 1] : NULL;
}

static void slots_add(struct timer_slots *slots, uint64_t number, uint64_t entry)
{
    uint64_t *row = map64_put(&slots->rows, number, NULL);
    if (!*row) {
        if (slots->count == slots->room) {
            slots->room = slots->room ? slots->room * 2 : 64;
            slots->slots = heap_resize(slots->slots, slots->room * sizeof *slots->slots);
        }
        slots->slots[slots->count] = (struct timer_slot){.number = number};
        *row = ++slots->count;
    }
    struct timer_slot *slot = &slots->slots[*row - 1];
    if (slot->count == slot->room) {
        slot->room = slot->room ? slot->room * 2 : 4;
        slot->entries = heap_resize(slot->entries, slot->room * sizeof *slot->entries);
    }
    slot->entries[slot->count++] = entry;
}

void timers_add(struct timers *timers, uint64_t key, int64_t at_ms)
{
    uint64_t instant = at_ms < 0 ? 0 : (uint64_t)at_ms;
    if (instant > LATEST_MS)
        return; /* in 35,000 years */
    uint64_t slot = instant >> SLOT_BITS;
    ensure(key <= KEY_MASK);
    slots_add(&timers->filling, slot, key << SLOT_BITS | (instant & REST_MASK));
    if (slot < timers->horizon)
        heap_push(&timers->late, (int64_t)instant, key);
    else if (timers->far_ms != NOT_KNOWN && (int64_t)instant < timers->far_ms)
        timers->far_ms = (int64_t)instant;
}

/* --- rows --- */

/* A row: pairs of (key's distance, rest), sorted by key. */
static void encode(struct buf *out, const uint64_t *entries, uint32_t count)
{
    uint64_t last = 0;
    sealed_begin(out);
    for (uint32_t i = 0; i < count; i++) {
        buf_varint(out, (entries[i] >> SLOT_BITS) - last);
        buf_varint(out, entries[i] & REST_MASK);
        last = entries[i] >> SLOT_BITS;
    }
    sealed_end(out);
}

struct near_list {
    uint64_t *entries;
    size_t count, room;
};

static void near_put(struct near_list *list, uint64_t key, uint64_t rest)
{
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 256;
        list->entries = heap_resize(list->entries, list->room * sizeof *list->entries);
    }
    list->entries[list->count++] = rest << KEY_BITS | key;
}

static bool decode(struct near_list *list, struct str sealed)
{
    struct str bytes;
    if (!sealed_open(sealed, &bytes))
        return false;
    struct reader in = reader_of(bytes);
    for (uint64_t key = 0; reader_left(&in);) {
        uint64_t distance = read_varint(&in), rest = read_varint(&in);
        if (in.failed || distance > KEY_MASK - key || rest > REST_MASK)
            return false;
        near_put(list, key += distance, rest);
    }
    return true;
}

static void take_slot(struct near_list *list, struct timer_slot *slot)
{
    for (uint32_t i = 0; slot && i < slot->count; i++)
        near_put(list, slot->entries[i] >> SLOT_BITS, slot->entries[i] & REST_MASK);
}

static enum status read_slot(struct timers *timers, uint64_t slot, struct near_list *list)
{
    sqlite3_stmt *s =
        store_prepare(timers->store, "SELECT data FROM timer WHERE id >= ?1 AND id < ?2");
    bool is_sound = true;
    int code = SQLITE_ERROR;
    if (!s)
        return store_failed(timers->store, "timers");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)(slot << ROW_BITS));
    sqlite3_bind_int64(s, 2, (sqlite3_int64)((slot + 1) << ROW_BITS));
    while (is_sound && (code = sqlite3_step(s)) == SQLITE_ROW)
        is_sound = decode(
            list, (struct str){sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0)});
    sqlite3_reset(s);
    take_slot(list, slot_of(&timers->flushing, slot));
    take_slot(list, slot_of(&timers->filling, slot));
    return !is_sound             ? store_corrupt(timers->store, "timers")
           : code == SQLITE_DONE ? STATUS_OK
                                 : store_failed(timers->store, "timers");
}

/* The first slot from the horizon on that has entries; UINT64_MAX none. */
static enum status next_slot(struct timers *timers, uint64_t *slot)
{
    const struct timer_slots *in_memory[] = {&timers->filling, &timers->flushing};
    *slot = UINT64_MAX;
    for (size_t k = 0; k < ARRAY_COUNT(in_memory); k++)
        for (uint32_t i = 0; i < in_memory[k]->count; i++) {
            const struct timer_slot *one = &in_memory[k]->slots[i];
            if (one->count && one->number >= timers->horizon && one->number < *slot)
                *slot = one->number;
        }
    sqlite3_stmt *s =
        store_prepare(timers->store, "SELECT id FROM timer WHERE id >= ?1 ORDER BY id LIMIT 1");
    if (!s)
        return store_failed(timers->store, "timers");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)(timers->horizon << ROW_BITS));
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW) {
        uint64_t stored = (uint64_t)sqlite3_column_int64(s, 0) >> ROW_BITS;
        *slot = stored < *slot ? stored : *slot;
    }
    sqlite3_reset(s);
    return code == SQLITE_ROW || code == SQLITE_DONE ? STATUS_OK
                                                     : store_failed(timers->store, "timers");
}

/* --- near --- */

/* By digits of 11 bits, those that are all equal left out. */
static void sort(struct near_list *list)
{
    enum { DIGIT = 11, VALUES = 1 << DIGIT };
    uint64_t *from = list->entries, *to = heap_alloc(list->count * sizeof *to);
    uint64_t differs = 0;
    for (size_t i = 1; i < list->count; i++)
        differs |= from[i] ^ from[0];
    for (unsigned shift = 0; shift < 64; shift += DIGIT) {
        size_t starts[VALUES] = {0}, sum = 0;
        if (!(differs >> shift & (VALUES - 1)))
            continue;
        for (size_t i = 0; i < list->count; i++)
            starts[from[i] >> shift & (VALUES - 1)]++;
        for (size_t v = 0; v < VALUES; v++) {
            size_t count = starts[v];
            starts[v] = sum;
            sum += count;
        }
        for (size_t i = 0; i < list->count; i++)
            to[starts[from[i] >> shift & (VALUES - 1)]++] = from[i];
        uint64_t *sorted = to;
        to = from;
        from = sorted;
    }
    heap_release(to);
    list->entries = from;
}

static int in_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Reads the next slot that has entries, when it begins at or before to_ms. */
static enum status read_next(struct timers *timers, int64_t to_ms, bool *is_read)
{
    uint64_t slot;
    struct near_list list = {0};
    *is_read = false;
    if (timers_next_ms(timers) > to_ms)
        return STATUS_OK;
    enum status status = next_slot(timers, &slot);
    if (status == STATUS_OK && slot == UINT64_MAX)
        return STATUS_OK;
    if (status == STATUS_OK)
        status = read_slot(timers, slot, &list);
    if (status != STATUS_OK) {
        heap_release(list.entries);
        return status;
    }
    if (list.count > 256)
        sort(&list);
    else if (list.count > 1)
        qsort(list.entries, list.count, sizeof *list.entries, in_order);
    heap_release(timers->near);
    timers->near = list.entries;
    timers->near_count = list.count;
    timers->near_at = 0;
    timers->near_slot = slot;
    timers->horizon = slot + 1;
    timers->far_ms = NOT_KNOWN;
    *is_read = true;
    return STATUS_OK;
}

static bool near_top(const struct timers *timers, struct timer *timer, bool *is_late)
{
    bool has_near = timers->near_at<timers->near_count, has_late = timers->late.count> 0;
    *is_late = has_late;
    if (has_late)
        *timer = heap_top(&timers->late);
    if (!has_near)
        return has_late;
    uint64_t entry = timers->near[timers->near_at];
    struct timer near = {slot_begins_ms(timers->near_slot) + (int64_t)(entry >> KEY_BITS),
                         entry & KEY_MASK};
    if (!has_late || near.at_ms < timer->at_ms ||
        (near.at_ms == timer->at_ms && near.key <= timer->key)) {
        *timer = near;
        *is_late = false;
    }
    return true;
}

enum status timers_first(struct timers *timers, int64_t to_ms, struct timer *timer)
{
    bool is_read = true, is_late;
    while (!near_top(timers, timer, &is_late) && is_read) {
        enum status status = read_next(timers, to_ms, &is_read);
        if (status != STATUS_OK)
            return status;
    }
    return near_top(timers, timer, &is_late) && timer->at_ms <= to_ms ? STATUS_OK : STATUS_MISSING;
}

void timers_drop(struct timers *timers)
{
    struct timer timer;
    bool is_late;
    if (!near_top(timers, &timer, &is_late))
        return;
    if (is_late)
        heap_pop(&timers->late);
    else
        timers->near_at++;
    if (timers->popped_count == timers->popped_room) {
        timers->popped_room = timers->popped_room ? timers->popped_room * 2 : 64;
        timers->popped = heap_resize(timers->popped, timers->popped_room * sizeof *timers->popped);
    }
    timers->popped[timers->popped_count++] = timer;
}

void timers_rollback(struct timers *timers)
{
    for (size_t i = 0; i < timers->popped_count; i++)
        heap_push(&timers->late, timers->popped[i].at_ms, timers->popped[i].key);
    timers->popped_count = 0;
}

int64_t timers_next_ms(struct timers *timers)
{
    struct timer timer;
    struct near_list list = {0};
    bool is_late;
    uint64_t slot;
    if (near_top(timers, &timer, &is_late))
        return timer.at_ms;
    if (timers->far_ms != NOT_KNOWN)
        return timers->far_ms;
    if (next_slot(timers, &slot) != STATUS_OK)
        return NEVER;
    int64_t first_ms = slot == UINT64_MAX ? NEVER : slot_begins_ms(slot);
    if (slot != UINT64_MAX && read_slot(timers, slot, &list) == STATUS_OK) {
        uint64_t least = REST_MASK;
        for (size_t i = 0; i < list.count; i++)
            if (list.entries[i] >> KEY_BITS < least)
                least = list.entries[i] >> KEY_BITS;
        first_ms += (int64_t)least;
    }
    heap_release(list.entries);
    timers->far_ms = first_ms;
    return first_ms;
}

bool timers_is_far(const struct timers *timers, int64_t at_ms)
{
    return at_ms >= slot_begins_ms(timers->horizon);
}

/* --- flushing --- */

static enum status write_slot(struct timers *timers, struct timer_slot *slot)
{
    struct store *store = timers->store;
    sqlite3_stmt *s = store_prepare(
        store, "INSERT INTO timer (id, data) VALUES ((SELECT coalesce(max(id) + 1, ?1) FROM timer "
               "WHERE id >= ?1 AND id < ?2), ?3)");
    if (!s)
        return store_failed(store, "timers");
    qsort(slot->entries, slot->count, sizeof *slot->entries, in_order);
    encode(&store->scratch, slot->entries, slot->count);
    sqlite3_bind_int64(s, 1, (sqlite3_int64)(slot->number << ROW_BITS));
    sqlite3_bind_int64(s, 2, (sqlite3_int64)((slot->number + 1) << ROW_BITS));
    store_bind_blob(s, 3, buf_view(&store->scratch));
    enum status status = store_done(store, s, "timers");
    if (status != STATUS_OK)
        return status;
    heap_release(slot->entries);
    slot->entries = NULL;
    slot->count = slot->room = 0;
    return STATUS_OK;
}

enum status timers_flush(struct timers *timers, uint64_t part, uint64_t whole)
{
    struct timer_slots *slots = &timers->flushing;
    uint64_t until = part >= whole ? slots->count : slots->count * part / whole;
    /* Before this, all that was due has run and is committed. */
    uint64_t over = timers->near_at < timers->near_count ? timers->near_slot : timers->horizon;
    enum status status = STATUS_OK;
    if (timers->late.count) {
        uint64_t late = (uint64_t)heap_top(&timers->late).at_ms >> SLOT_BITS;
        over = late < over ? late : over;
    }
    timers->popped_count = 0;
    for (; slots->flushed < until && status == STATUS_OK; slots->flushed++) {
        struct timer_slot *slot = &slots->slots[slots->flushed];
        if (slot->count && slot->number >= over)
            status = write_slot(timers, slot);
    }
    if (status != STATUS_OK || over <= timers->removed)
        return status;
    sqlite3_stmt *s = store_prepare(timers->store, "DELETE FROM timer WHERE id < ?1");
    if (!s)
        return store_failed(timers->store, "timers");
    sqlite3_bind_int64(s, 1, (sqlite3_int64)(over << ROW_BITS));
    timers->removed = over;
    return store_done(timers->store, s, "timers");
}

void timers_turn(struct timers *timers)
{
    slots_free(&timers->flushing);
    timers->flushing = timers->filling;
    timers->filling = (struct timer_slots){0};
}
