/* journal.h: what happened, kept for ever: rows chained by patient, and their counts, both written
 * in the transaction of what they tell. */
#ifndef CAMP_VM_STORE_JOURNAL_H
#define CAMP_VM_STORE_JOURNAL_H

#include "vm/base/buf.h"
#include "vm/store/store.h"

enum entry_kind {
#define ENTRY(number, name, word, what) ENTRY_##name = number,
#define WORD(number, name, word, is_listed, what)
#include "vm/store/journal.def"
#undef ENTRY
#undef WORD
};
enum message_word {
#define ENTRY(number, name, word, what)
#define WORD(number, name, word, is_listed, what) WORD_##name = number,
#include "vm/store/journal.def"
#undef ENTRY
#undef WORD
};
const char *entry_text(enum entry_kind kind);
const char *message_word_text(enum message_word word);

/* One thing that happened. `item` is a number of the dictionary: the step of STEP, the message of
 * MESSAGE, else the campaign. */
struct journal_entry {
    uint8_t kind, word; /* word: of MESSAGE, else 0 */
    uint32_t item, image;
    uint64_t enrollment, outbox; /* 0 none */
    struct str text;             /* a reason, or empty; never a patient's data */
};
void journal_encode(struct buf *out, const struct journal_entry *entry);
/* False at the end, and when the bytes are broken. */
bool journal_decode(struct reader *in, struct journal_entry *entry);

struct store_journal {
    uint64_t id, patient, previous;
    int64_t at_ms; /* never before that of the row before */
    struct str data;
};
enum status store_journal_add(struct store *store, struct store_journal *row); /* sets id */
enum status store_journal_get(struct store *store, uint64_t id, struct arena *arena,
                              struct store_journal *row);
/* The first row after `cursor`; STATUS_MISSING at the end. */
enum status store_journal_next(struct store *store, uint64_t cursor, struct arena *arena,
                               struct store_journal *row);
/* The newest row's id; 0 when there is none. */
enum status store_journal_last(struct store *store, uint64_t *id);
/* The last row before at_ms; 0 when there is none. */
enum status store_journal_before(struct store *store, int64_t at_ms, uint64_t *id);
enum status store_journal_replace(struct store *store, uint64_t id, struct str data);

/* Counts of an item by entry, word and image. Added up in memory, written by the commit. */
void store_count(struct store *store, const struct journal_entry *entry, int64_t by);
enum status store_counts(struct store *store, uint32_t item,
                         void (*visit)(void *context, enum entry_kind kind, uint8_t word,
                                       uint32_t image, int64_t count),
                         void *context);
/* Who is parked at a step since this hour. */
void store_count_waiting(struct store *store, uint32_t step, uint32_t image, int64_t since_ms,
                         int64_t by);
enum status store_waiting(struct store *store, uint32_t step,
                          void (*visit)(void *context, uint32_t image, int64_t hour_ms,
                                        int64_t count),
                          void *context);

#endif
