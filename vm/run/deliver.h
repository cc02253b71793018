/* deliver.h: messages leave: claimed in a transaction that checks again, written, and the result
 * committed before the next claim of that row. To files: one .eml or .json each, put in place by an
 * atomic rename under the name of its key, so that a second try after a crash writes the same file
 * again. */
#ifndef CAMP_VM_RUN_DELIVER_H
#define CAMP_VM_RUN_DELIVER_H

#include "vm/run/engine.h"

struct delivery {
    struct engine *engine;
    struct store *store;
    const char *folder; /* for both channels */
    struct str sms_from, public_url;
    int64_t
        retry_at_ms; /* after a failure nothing is claimed before this, of the monotonic clock */
    int64_t backoff_ms;
};

/* Claims and writes at most `most` rows; *done of them. No transaction may be open. STATUS_OK also
 * when the folder cannot be written: the rows wait. */
enum status deliver(struct delivery *delivery, int64_t now_ms, uint32_t most, uint32_t *done);
/* After a restart: what was claimed and not finished goes out again under the same key. */
enum status deliver_recover(struct delivery *delivery, int64_t now_ms);

#endif
