/* patients.c: patients, when they are due, and the ids of inputs, on shelves. Patients are numbered
 * as they come, so that those who come together lie together and wake together; a number is found
 * by 40 bits of the hash of the outside id, and the record says whether it is that id. */
#include "vm/core/patient.h"
#include "vm/store/internal.h"

enum { ID_SHIFT = 24, NOBODY = 0 }; /* NOBODY: the number of those who were erased */

enum status store_patient_get(struct store *store, uint64_t key, struct arena *arena,
                              struct str *record)
{
    struct str found;
    enum status status = shelf_get(&store->shelves[SHELF_RECORD], key, &found);
    if (status == STATUS_OK)
        *record = arena_str(arena, found);
    return status;
}

/* The patient of a hash; STATUS_MISSING when there is none. */
static enum status number_of(struct store *store, uint64_t hash, uint64_t *key)
{
    struct str found;
    enum status status = shelf_get(&store->shelves[SHELF_ID], hash, &found);
    struct reader in = reader_of(found);
    if (status == STATUS_OK)
        *key = read_varint(&in);
    return status == STATUS_OK && (in.failed || reader_left(&in)) ? store_corrupt(store, "an id")
                                                                  : status;
}

/* The hash under which the id's number stands, or would stand: the next one where another id was
 * first. *record: a view. */
static enum status find(struct store *store, struct str id, uint64_t *hash, uint64_t *key,
                        struct str *record)
{
    uint64_t most = store->shelves[SHELF_ID].max_key;
    for (*hash = siphash(store->key, id) >> ID_SHIFT;; *hash = *hash == most ? 0 : *hash + 1) {
        enum status status = number_of(store, *hash, key);
        if (status != STATUS_OK)
            return status;
        if (*key == NOBODY)
            continue;
        status = shelf_get(&store->shelves[SHELF_RECORD], *key, record);
        if (status != STATUS_OK)
            return status == STATUS_MISSING ? store_corrupt(store, "an id") : status;
        if (str_eq(patient_record_id(*record), id))
            return STATUS_OK;
    }
}

enum status store_patient_find(struct store *store, struct str id, struct arena *arena,
                               uint64_t *key, struct str *record, bool *found)
{
    uint64_t hash = siphash(store->key, id), place;
    struct hot_id *hot = &store->hot[hash % HOT_IDS];
    struct str view;
    enum status status = STATUS_MISSING;
    if (hot->hash == hash && hot->key && hot->key <= store->last_patient) {
        *key = hot->key;
        status = shelf_get(&store->shelves[SHELF_RECORD], *key, &view);
        if (status == STATUS_OK && !str_eq(patient_record_id(view), id))
            status = STATUS_MISSING;
    }
    if (status == STATUS_MISSING)
        status = find(store, id, &place, key, &view);
    *found = status == STATUS_OK;
    if (*found)
        *record = arena_str(arena, view);
    if (status == STATUS_MISSING)
        *key = store->last_patient + 1;
    *hot = (struct hot_id){hash, *key};
    return status == STATUS_MISSING ? STATUS_OK : status;
}

static void put_number(struct store *store, uint64_t hash, uint64_t key)
{
    unsigned char room[10];
    struct buf number = {.data = room, .cap = sizeof room, .limit = sizeof room};
    buf_varint(&number, key);
    shelf_put(&store->shelves[SHELF_ID], hash, buf_view(&number), true);
}

static enum status add_number(struct store *store, uint64_t key, struct str id)
{
    uint64_t hash, other;
    struct str record;
    enum status status = find(store, id, &hash, &other, &record);
    if (status != STATUS_MISSING)
        return status == STATUS_OK ? STATUS_INVALID : status;
    put_number(store, hash, key);
    store->last_patient = key;
    return STATUS_OK;
}

enum status store_patient_remove(struct store *store, uint64_t key, struct str id)
{
    uint64_t hash, found;
    struct str record;
    enum status status = find(store, id, &hash, &found, &record);
    if (status != STATUS_OK || found != key)
        return status == STATUS_OK ? STATUS_INVALID : status;
    /* Others of the same hash stand behind this one: it stays, and points to nobody. */
    put_number(store, hash, NOBODY);
    shelf_put(&store->shelves[SHELF_RECORD], key, (struct str){0}, true);
    return STATUS_OK;
}

enum status store_patient_put(struct store *store, uint64_t key, struct str record)
{
    int64_t due_ms = patient_record_due_ms(record);
    if (key > store->last_patient) {
        enum status status = add_number(store, key, patient_record_id(record));
        if (status != STATUS_OK)
            return status;
    }
    shelf_put(&store->shelves[SHELF_RECORD], key, record, true);
    if (due_ms != NEVER_MS)
        timers_add(&store->timers, key, due_ms);
    return STATUS_OK;
}

/* Whether the timer still says what the record says. A record that cannot be read counts: who
 * reacts to it finds out. */
static bool is_current(struct store *store, const struct timer *timer)
{
    struct str record;
    enum status status = shelf_get(&store->shelves[SHELF_RECORD], timer->key, &record);
    return status == STATUS_OK ? patient_record_due_ms(record) == timer->at_ms
                               : status != STATUS_MISSING;
}

enum status store_due(struct store *store, int64_t to_ms, int64_t *due_at_ms, uint64_t *key)
{
    struct timer timer;
    enum status status;
    while ((status = timers_first(&store->timers, to_ms, &timer)) == STATUS_OK &&
           !is_current(store, &timer))
        timers_drop(&store->timers);
    *due_at_ms = timer.at_ms;
    *key = timer.key;
    return status;
}

void store_forget_due(struct store *store, uint64_t key)
{
    struct timer timer;
    if (timers_first(&store->timers, NEVER_MS - 1, &timer) == STATUS_OK && timer.key == key)
        timers_drop(&store->timers);
}

int64_t store_next_due_at(struct store *store)
{
    int64_t due_ms;
    uint64_t key;
    for (;;) {
        int64_t next_ms = timers_next_ms(&store->timers);
        /* What is near is asked for certain; what is far is not read before its time. */
        if (timers_is_far(&store->timers, next_ms) ||
            store_due(store, next_ms, &due_ms, &key) != STATUS_MISSING)
            return next_ms;
    }
}

enum status store_patient_next(struct store *store, uint64_t *cursor)
{
    struct str record = {0};
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !record.len && *cursor < store->last_patient) {
        status = shelf_get(&store->shelves[SHELF_RECORD], ++*cursor, &record);
        status = status == STATUS_MISSING ? STATUS_OK : status;
    }
    return status == STATUS_OK && !record.len ? STATUS_MISSING : status;
}

static uint64_t hash_of(struct store *store, struct str text)
{
    return siphash(store->key, text) >> 1;
}

/* With the id a part of the hash of the body is kept. */
enum status store_is_seen(struct store *store, struct str id, struct str body, enum seen *seen)
{
    struct str found;
    enum status status = shelf_get(&store->shelves[SHELF_SEEN], hash_of(store, id), &found);
    struct reader in = reader_of(found);
    *seen = SEEN_NEW;
    if (status == STATUS_OK)
        *seen = read_u32(&in) == (uint32_t)hash_of(store, body) ? SEEN_SAME : SEEN_OTHER_BODY;
    return status == STATUS_MISSING ? STATUS_OK : status;
}

enum status store_keep_seen(struct store *store, struct str id, struct str body)
{
    unsigned char room[4];
    struct buf part = {.data = room, .cap = sizeof room, .limit = sizeof room};
    buf_u32(&part, (uint32_t)hash_of(store, body));
    shelf_put(&store->shelves[SHELF_SEEN], hash_of(store, id), buf_view(&part), true);
    return STATUS_OK;
}
