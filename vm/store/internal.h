/* internal.h: what the files of the store share. */
#ifndef CAMP_VM_STORE_INTERNAL_H
#define CAMP_VM_STORE_INTERNAL_H

#include <sqlite3.h>

#include "vm/base/hash.h"
#include "vm/base/map.h"
#include "vm/store/shelf.h"
#include "vm/store/store.h"
#include "vm/store/timers.h"

enum { STATEMENTS_MOST = 160, SHELF_COUNT = 3, HOT_IDS = 1 << 16 };
enum shelf_number { SHELF_RECORD, SHELF_ID, SHELF_SEEN }; /* stored: never reused */

struct statement {
    const char *sql;
    sqlite3_stmt *prepared;
};
struct change { /* of a shelf, by the open transaction */
    struct shelf *shelf;
    struct shelf_entry *entry, *old;
};
struct log {                    /* see log.c */
    uint64_t last_id, first_id; /* of its rows */
    uint64_t lap, lap_start;    /* the first row of this lap */
    uint64_t kept_from;         /* rows before it may go */
    uint64_t lap_bytes, done_bytes;
};
struct store {
    sqlite3 *db;
    struct statement statements[STATEMENTS_MOST];
    uint32_t statement_count;
    bool in_transaction;
    bool is_private; /* nobody else can open it, nothing of it survives: no log */
    bool is_torn;    /* a commit failed half way: memory must be read again from the file */
    unsigned char key[SIPHASH_KEY_BYTES];
    uint64_t last_patient; /* the highest number given */
    uint64_t last_before;  /* the same, before the open transaction */
    struct hot_id {        /* patients met lately, by hash of their id: hints */
        uint64_t hash, key;
    } * hot;
    struct shelf shelves[SHELF_COUNT];
    struct change *changes;
    uint32_t change_count, change_room;
    struct log log;
    struct timers timers;
    struct buf scratch, body;
    enum { TOMBSTONES_UNKNOWN, TOMBSTONES_NONE, TOMBSTONES_SOME } tombstones;
    struct strmap names; /* a byte for the kind, text → number; of those asked for lately */
    struct arena known_names;
    struct journal *journal;
    int lock;
    int64_t outbox_bounds[4]; /* by channel; 0: not known */
    char error[256];
};

/* A kept statement with its values unbound; NULL when it cannot be prepared. `sql` is known by its
 * address. */
sqlite3_stmt *store_prepare(struct store *store, const char *sql);
/* The status of the connection's last error, its text kept. */
enum status store_failed(struct store *store, const char *what);
/* STATUS_CORRUPT, with words. */
enum status store_corrupt(struct store *store, const char *what);

/* Runs a statement that gives no rows that matter. */
enum status store_done(struct store *store, sqlite3_stmt *s, const char *what);
/* The bytes must live until the statement has run. */
static inline void store_bind_text(sqlite3_stmt *s, int index, struct str text)
{
    sqlite3_bind_text(s, index, text.at ? text.at : "", (int)text.len, SQLITE_STATIC);
}
static inline void store_bind_blob(sqlite3_stmt *s, int index, struct str bytes)
{
    sqlite3_bind_blob(s, index, bytes.at ? bytes.at : "", (int)bytes.len, SQLITE_STATIC);
}

/* Random bytes of this database, for hashes that nobody can guess. */
static inline struct str store_salt(const struct store *store)
{
    return (struct str){(const char *)store->key, sizeof store->key};
}

/* journal.c: the counts of the open transaction: written before the commit, forgotten at a
 * rollback. */
static inline struct journal *store_journal_of(struct store *store)
{
    return store->journal;
}
enum status journal_open(struct store *store, struct journal **journal);
void journal_close(struct journal *journal);
enum status journal_write(struct store *store, struct journal *journal);
enum status journal_forget(struct store *store, struct journal *journal);

/* A stable hash under the database's own key; positive. */
int64_t store_hash(const struct store *store, struct str bytes);
/* No PENDING or RETRY row of the channel is due before this; 0: not known. */
int64_t *store_outbox_bound(struct store *store, uint8_t channel);

/* log.c */
void log_open(struct store *store);
void log_close(struct store *store);
/* Reads everything that is not on pages yet back into memory. */
enum status log_replay(struct store *store);
/* One more change of the open transaction: 1 + its row. */
uint32_t log_change(struct store *store, struct shelf *shelf, struct shelf_entry *entry,
                    struct shelf_entry *old);
/* Within the commit: writes the changes and moves the hand. */
enum status log_write(struct store *store);
/* The commit has succeeded: nothing can be undone. */
void log_forget(struct store *store);
/* Merges everything, so that no log is left: what was removed is nowhere any more. */
enum status log_settle(struct store *store);
/* Undoes the changes, or reads all again when memory is torn. */
enum status log_rollback(struct store *store);

/* The schema's version, and whose file it is (PRAGMA user_version, application_id). */
enum { STORE_VERSION = 4, STORE_APPLICATION = 0x43414d50 };
/* backup.c: from `version` to STORE_VERSION, after a copy. */
enum status store_migrate(sqlite3 *db, const char *path, int64_t version, char error[256]);

#endif
