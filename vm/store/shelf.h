/* shelf.h: an ordered map from 63-bit keys to bytes, made for many small changes all over a large
 * map, where rewriting a page for each change is what costs.
 *
 *   put ──► lists in memory, by the top bits of the key      (durable by the store's log)
 *             │   the hand goes round the keys, a lap for so many bytes of log (log.c)
 *             ▼
 *           packed pages in the table: many changes for one page written
 *
 * A page is a row (first key it may hold, bytes): a checksum, the length of its cells, how far its
 * keys may go, then cells: distance from the key before, length, bytes. It fills one leaf of the
 * database, padded, so that writing it again moves nothing there. */
#ifndef CAMP_VM_STORE_SHELF_H
#define CAMP_VM_STORE_SHELF_H

#include "vm/base/buf.h"

struct store;
struct shelf_entry {
    struct shelf_entry *next; /* of its list, by key */
    uint64_t key;
    uint32_t len;
    uint32_t change; /* in the open transaction: 1 + row of the store's changes; else 0 */
    unsigned char data[];
};
/* Which keys there may be: "no" is certain. Bits in one word for a key; the last of them fills up.
 */
struct shelf_filter {
    uint64_t *words[6];
    uint32_t count;
    uint64_t used;  /* keys in the last one */
    uint64_t until; /* keys before it are all in: pages are read into it little by little */
};
struct shelf {
    struct store *store;
    uint32_t number;
    unsigned shift; /* the list of a key: key >> shift */
    struct shelf_entry **lists;
    uint64_t max_key; /* where a lap ends */
    uint64_t hand;    /* the next key to be merged */
    size_t waiting_count, waiting_bytes;
    struct buf page; /* cells of the one read last, checked: keys page_first to page_until */
    uint64_t page_first, page_until;
    bool has_page;
    struct shelf_cell *cells; /* room for merging */
    struct buf old, packed;
    bool has_filter;
    struct shelf_filter filter;
};

/* Keys up to max_key, which follows higher ones. Where keys are hashes, those that are not there
 * are asked for most: has_filter. */
void shelf_init(struct shelf *shelf, struct store *store, uint32_t number, uint64_t max_key,
                bool has_filter);
void shelf_free(struct shelf *shelf);
/* A view until the shelf's next call; STATUS_MISSING when there is none. */
enum status shelf_get(struct shelf *shelf, uint64_t key, struct str *data);
/* In memory alone; is_change: it can be undone and is logged (log.c). */
void shelf_put(struct shelf *shelf, uint64_t key, struct str data, bool is_change);
/* What shelf_put put in the place of `old` (NULL: nothing) goes, and `old` is back. */
void shelf_undo(struct shelf *shelf, struct shelf_entry *entry, struct shelf_entry *old);
/* Merges everything below `until` that the hand has not passed. */
enum status shelf_sweep(struct shelf *shelf, uint64_t until);
/* The highest key that is stored on a page; 0 when there is none. */
enum status shelf_last_key(struct shelf *shelf, uint64_t *key);

/* Reads some more pages into the filter. */
enum status shelf_learn(struct shelf *shelf, uint32_t pages);

/* Bytes with a checksum before them, as pages, log rows and timers are stored. */
void sealed_begin(struct buf *out);
void sealed_end(struct buf *out);
bool sealed_open(struct str sealed, struct str *bytes);

#endif
