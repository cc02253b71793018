/* internal.h: what the files of the store share. */
#ifndef CAMP_VM_STORE_INTERNAL_H
#define CAMP_VM_STORE_INTERNAL_H

#include <sqlite3.h>

#include "vm/store/store.h"

/* A kept statement with its values unbound; NULL when it cannot be prepared. */
sqlite3_stmt *store_prepare(struct store *store, const char *sql);
/* The status of the connection's last error, its text kept. */
enum status store_failed(struct store *store, const char *what);

#endif
