/* store.h: durability, in verbs of the domain. One SQLite file, one connection that writes and
 * checkpoints, commits with synchronous=FULL; the caller groups many slices into one transaction.
 * ":memory:" is the same store without a file, for tests; "" is one in a file that nobody else
 * sees, without a journal, for simulation: memory stays small, nothing can be rolled back. A status
 * other than STATUS_OK means: roll back; store_error() says why in words. */
#ifndef CAMP_VM_STORE_STORE_H
#define CAMP_VM_STORE_STORE_H

#include "vm/base/arena.h"

struct store;

enum status store_open(struct store **store, const char *path, struct str *error,
                       struct arena *arena);
void store_close(struct store *store);
/* A copy of a database that may be in use: what is committed when it begins. The copy is marked;
 * store_is_restored says so when it is opened one day. */
enum status store_backup(const char *from_path, const char *to_path, char error[256]);
bool store_is_restored(struct store *store);
enum status store_forget_restored(struct store *store);
const char *store_error(const struct store *store);

enum status store_begin(struct store *store);
enum status store_commit(struct store *store);
void store_rollback(struct store *store);
bool store_in_transaction(const struct store *store);

/* Numbers of names, for ever: the same for equal kind and text. */
enum name_space {
    SPACE_ATTRIBUTE = 1,
    SPACE_EVENT,
    SPACE_OBJECT,
    SPACE_FIELD,
    SPACE_SEGMENT,
    SPACE_TOPIC,
    SPACE_DID,
    SPACE_CAMPAIGN,
    SPACE_MESSAGE,
    SPACE_STEP
};
enum status store_name(struct store *store, enum name_space space, struct str text,
                       uint32_t *number);
/* STATUS_MISSING when it has no number. */
enum status store_name_find(struct store *store, enum name_space space, struct str text,
                            uint32_t *number);
enum status store_name_text(struct store *store, uint32_t number, struct arena *arena,
                            struct str *text);

/* Patients are numbered from 1 as they come, so that those who come together lie together; a number
 * is found by the hash of the outside id, with which the record begins. found false: `key` is the
 * number it gets when its record is put first. */
enum status store_patient_find(struct store *store, struct str id, struct arena *arena,
                               uint64_t *key, struct str *record, bool *found);
enum status store_patient_get(struct store *store, uint64_t key, struct arena *arena,
                              struct str *record);
enum status store_patient_put(struct store *store, uint64_t key, struct str record);
/* The next patient due at or before to_ms, in order of (due, key); STATUS_MISSING when none is. */
enum status store_due(struct store *store, int64_t to_ms, int64_t *due_at_ms, uint64_t *key);
/* The timer that store_due found counts no more until the record is put again. */
void store_forget_due(struct store *store, uint64_t key);
/* Nothing is due before; INT64_MAX never. */
int64_t store_next_due_at(struct store *store);
/* The record goes, its number is never given again. `id`: its outside id. */
enum status store_patient_remove(struct store *store, uint64_t key, struct str id);
/* Erased patients: what still comes for them is dropped. */
enum status store_tombstone_put(struct store *store, struct str id, int64_t at_ms);
/* What was removed leaves the files too: pages are overwritten, the WAL is emptied. */
void store_scrub(struct store *store);
bool store_has_tombstone(struct store *store, struct str id);
/* Keys in ascending order after `cursor` (0 begins); STATUS_MISSING at the end. */
enum status store_patient_next(struct store *store, uint64_t *cursor);

/* Ids of inputs seen before, with a hash of their body. */
enum seen { SEEN_NEW, SEEN_SAME, SEEN_OTHER_BODY };
enum status store_is_seen(struct store *store, struct str id, struct str body, enum seen *seen);
enum status store_keep_seen(struct store *store, struct str id, struct str body);

struct store_event {
    uint64_t id, patient, previous;
    uint32_t name;
    int64_t at_ms, received_at_ms;
    struct str data;
};
enum status store_event_add(struct store *store, struct store_event *event); /* sets id */
enum status store_event_get(struct store *store, uint64_t id, struct arena *arena,
                            struct store_event *event);

enum status store_event_remove(struct store *store, uint64_t id);

enum outbox_state {
#define STATE(number, name, word, is_live) OUTBOX_##name = number,
#define MOVE(from, to)
#include "vm/store/outbox.def"
#undef STATE
#undef MOVE
};
const char *outbox_word(enum outbox_state state);
bool outbox_may_move(enum outbox_state from, enum outbox_state to);

/* Of a webhook, `to` is the url, `subject` the method, `html` the headers, `text` the body. */
struct outbox_row {
    uint64_t id, patient, enrollment;
    uint32_t image, message; /* message: row of that image */
    uint8_t channel, state;
    uint8_t report;       /* what a provider has said of a row that could not take it yet, or 0 */
    uint8_t touched;      /* 1 opened, 2 a link was followed */
    uint32_t attempts;    /* claims so far */
    int64_t at_ms;        /* of its state */
    int64_t handed_at_ms; /* handed over for sending; a draft: not yet */
    int64_t try_at_ms;    /* not claimed before */
    int64_t expires_at_ms, draft_until_ms;
    unsigned char key[16]; /* stable: names files, idempotency keys, Message-IDs */
    struct str to, from, reply_to, subject, preheader, html, text;
};
enum status store_outbox_add(struct store *store, struct outbox_row *row); /* sets id */
enum status store_outbox_get(struct store *store, uint64_t id, struct arena *arena,
                             struct outbox_row *row);
/* STATUS_INVALID when the move is not one of outbox.def. */
enum status store_outbox_move(struct store *store, uint64_t id, enum outbox_state from,
                              enum outbox_state to, int64_t at_ms);
/* A draft becomes PENDING: handed over now. */
enum status store_outbox_hand_over(struct store *store, uint64_t id, int64_t at_ms);
/* PENDING or RETRY becomes CLAIMED: one attempt more. */
enum status store_outbox_claim(struct store *store, const struct outbox_row *row, int64_t at_ms);
/* To RETRY, and not claimed before try_at_ms. */
enum status store_outbox_retry(struct store *store, uint64_t id, enum outbox_state from,
                               int64_t at_ms, int64_t try_at_ms);
/* CLAIMED goes back to RETRY, as if it had not been claimed. */
enum status store_outbox_return(struct store *store, uint64_t id, int64_t at_ms);
/* PENDING or RETRY stays so and is not looked at before try_at_ms (INT64_MAX: until woken). */
enum status store_outbox_defer(struct store *store, const struct outbox_row *row,
                               int64_t try_at_ms);
/* What was deferred until woken is looked at again. */
enum status store_outbox_wake(struct store *store);
enum status store_outbox_touch(struct store *store, uint64_t id, uint8_t touched);
enum status store_outbox_report(struct store *store, uint64_t id, enum outbox_state report);
/* The first PENDING or RETRY row of a channel that may be tried at to_ms, in order of (try_at, id);
 * STATUS_MISSING when there is none. */
enum status store_outbox_due(struct store *store, uint8_t channel, int64_t to_ms,
                             struct arena *arena, struct outbox_row *row);
/* No row of the channel is due before; INT64_MAX: there is none. Kept in memory: asking is free. */
int64_t store_outbox_due_at(struct store *store, uint8_t channel);
/* Texts that went to this number, newest first; `skip` of them left out. */
enum status store_outbox_text(struct store *store, struct str phone, uint32_t skip,
                              struct arena *arena, struct outbox_row *row);
/* The first row of a live state, or HELD,  after `cursor`; STATUS_MISSING at the end. */
enum status store_outbox_next(struct store *store, enum outbox_state state, uint64_t cursor,
                              struct arena *arena, struct outbox_row *row);
/* Exit, stop: drafts and what is not claimed become cancelled; each is visited. */
enum status store_outbox_cancel(struct store *store, uint64_t enrollment, int64_t at_ms,
                                void (*visit)(void *context, uint64_t outbox, uint32_t image,
                                              uint32_t message),
                                void *context);

/* Has the enrollment a row that is still a draft? */
bool store_outbox_has_draft(struct store *store, uint64_t enrollment);
/* Address and content go, the row stays for what the provider may still say. */
enum status store_outbox_erase(struct store *store, uint64_t id);
/* Addresses that are never written to: who said stop. `reason` is a word of ours. */
enum status store_suppress(struct store *store, uint8_t channel, struct str address, int64_t at_ms,
                           const char *reason);
enum status store_unsuppress(struct store *store, uint8_t channel, struct str address);
enum status store_is_suppressed(struct store *store, uint8_t channel, struct str address,
                                bool *is_suppressed);
enum status store_suppressions(struct store *store,
                               void (*visit)(void *context, uint8_t channel, struct str address,
                                             struct str reason, int64_t at_ms),
                               void *context);

/* What was refused, or came again with another body: kept for inspection. */
struct store_rejected {
    uint64_t id, line; /* from 1: of its request */
    int64_t at_ms;
    struct str field, reason, data;
};
/* The first after `cursor`; STATUS_MISSING at the end. */
enum status store_rejected_next(struct store *store, uint64_t cursor, struct arena *arena,
                                struct store_rejected *rejected);
/* What tells of this patient. */
enum status store_rejected_forget(struct store *store, struct str patient);
enum status store_reject(struct store *store, int64_t at_ms, uint64_t line, struct str field,
                         struct str reason, struct str raw);

enum status store_image_put(struct store *store, const unsigned char id[32],
                            const unsigned char meaning[32], struct str bytes, uint32_t *number);
enum status store_image_get(struct store *store, uint32_t number, struct arena *arena,
                            struct str *bytes);
/* By the id that image_decode computed; STATUS_MISSING when there is none. */
enum status store_image_find(struct store *store, const unsigned char id[32], uint32_t *number);
/* A campaign ever deployed. `started`: the kind of its trigger when it was first started, 0 never.
 */
struct store_campaign {
    uint32_t number; /* of the dictionary */
    int state;
    uint32_t image; /* the last that had it */
    uint32_t started;
};
enum status store_campaign_put(struct store *store, const struct store_campaign *campaign);
enum status store_campaign_get(struct store *store, uint32_t number,
                               struct store_campaign *campaign);
/* The first with a higher number; STATUS_MISSING at the end. */
enum status store_campaign_next(struct store *store, uint32_t cursor,
                                struct store_campaign *campaign);

/* The first type that a name had: kept when it had none, else *was. */
enum status store_type_keep(struct store *store, struct str name, struct str type,
                            struct arena *arena, struct str *was);

/* What people did, and by which key. Texts are the project's and their own, never a patient's. */
struct store_act {
    uint64_t id;
    int64_t at_ms;
    struct str key, what, object, reason;
};
enum status store_act_add(struct store *store, const struct store_act *act);
/* The last before `cursor` (0: the newest); STATUS_MISSING at the end. */
enum status store_act_before(struct store *store, uint64_t cursor, struct arena *arena,
                             struct store_act *act);

/* Keys of the API: only a hash is stored. */
struct store_key {
    struct str id, name;
    unsigned char hash[32];
    uint32_t scopes;
    int64_t created_at_ms, expires_at_ms; /* INT64_MAX: never */
};
enum status store_key_put(struct store *store, const struct store_key *key);
enum status store_key_get(struct store *store, struct str id, struct store_key *key);
enum status store_keys(struct store *store,
                       void (*visit)(void *context, const struct store_key *key), void *context);
enum status store_key_remove(struct store *store, struct str id);

/* Small values: the next enrollment id, the clock's start, the deployment's id. */
enum status store_meta_put(struct store *store, const char *name, struct str value);
enum status store_meta_get(struct store *store, const char *name, struct arena *arena,
                           struct str *value);

#endif
