/* internal.h: what the files of the store share. */
#ifndef CAMP_VM_STORE_INTERNAL_H
#define CAMP_VM_STORE_INTERNAL_H

#include <sqlite3.h>

#include "vm/store/store.h"

/* A kept statement with its values unbound; NULL when it cannot be prepared. */
sqlite3_stmt *store_prepare(struct store *store, const char *sql);
/* The status of the connection's last error, its text kept. */
enum status store_failed(struct store *store, const char *what);
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
struct str store_salt(const struct store *store);

/* journal.c: the counts of the open transaction: written before the commit, forgotten at a
 * rollback. */
struct journal;
struct journal *store_journal_of(struct store *store);
enum status journal_open(struct store *store, struct journal **journal);
void journal_close(struct journal *journal);
enum status journal_write(struct store *store, struct journal *journal);
enum status journal_forget(struct store *store, struct journal *journal);

/* A stable hash under the database's own key; positive. */
int64_t store_hash(const struct store *store, struct str bytes);
/* No PENDING or RETRY row of the channel is due before this; 0: not known. */
int64_t *store_outbox_bound(struct store *store, uint8_t channel);

#endif
