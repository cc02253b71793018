/* patient.h: everything the machine knows of one patient, decoded from one packed record and
 * encoded back into it: attributes, subscriptions, segments, memories of events, objects, what was
 * sent, who entered what, and the enrollments with their frames. One record, one read, one write a
 * slice (vm/README.md draws it).
 *
 * Pointer-free on disk: names are numbers of the store's dictionary (never reused), values carry
 * their kind. Decoding distrusts every byte; what does not fit is STATUS_CORRUPT, never a crash.
 * Memory is the slice's arena. */
#ifndef CAMP_VM_CORE_PATIENT_H
#define CAMP_VM_CORE_PATIENT_H

#include "vm/base/arena.h"
#include "vm/base/buf.h"
#include "vm/code/image.h"
#include "vm/code/value.h"

#define NEVER_MS INT64_MAX

struct cell {      /* an attribute, or a field of an object */
    uint32_t name; /* dictionary number */
    struct value value;
};
struct subscription {
    uint32_t topic;
    bool is_subscribed;
    int64_t at_ms;
};
struct membership { /* of a segment, while it lasts */
    uint32_t segment;
    int64_t since_ms;
};
struct memory {   /* of a `did` term: the newest times, newest first */
    uint32_t did; /* dictionary number of its meaning */
    uint32_t count;
    int64_t *at_ms;
};
struct object {
    uint32_t object; /* dictionary number of its kind */
    struct str id;
    int64_t changed_at_ms;
    struct cell *cells;
    uint32_t cell_count;
};
struct sending { /* handed over for sending: what limits count (W3) */
    int64_t at_ms;
    uint32_t campaign, message;
    uint8_t channel;
    bool is_transactional;
};
struct entry { /* of a campaign, for its entry rule (S1) */
    uint32_t campaign;
    uint32_t count;
    int64_t entered_at_ms, left_at_ms; /* the last ones; NEVER_MS when there was none */
};
struct entry_key { /* once per visit.id */
    uint32_t campaign;
    uint64_t hash; /* SipHash of the value */
};
struct mark {                  /* what became of a message in this enrollment */
    uint32_t message;          /* dictionary number */
    int64_t handed_over_at_ms; /* the last one; NEVER_MS when none */
    bool is_received, is_opened, is_clicked;
    bool is_drafted; /* a draft of it was made: its goal may begin when it is approved */
};

struct approval { /* a draft approved outside its window: handed over when it opens (S6) */
    uint64_t outbox;
    int64_t at_ms;
};

enum enrollment_state {                          /* stored */
                        ENROLLMENT_READY = 1,    /* would run now: only inside a slice */
                        ENROLLMENT_PARKED = 2,   /* at wait `resume` */
                        ENROLLMENT_ENDED = 3,    /* kept while a goal's window runs */
                        ENROLLMENT_CANDIDATE = 4 /* audience … within: not entered yet */
};

/* A frame is this struct: all that is needed to go on. */
struct enrollment {
    uint64_t id;       /* by entry, ascending */
    uint32_t campaign; /* dictionary number */
    uint32_t image;    /* number of the image it is pinned to */
    uint8_t state;
    bool is_holdout, is_converted;
    bool is_goal_true; /* `goal when`, as it was at the last look */
    int64_t entered_at_ms;
    uint64_t event;        /* that triggered; 0 none */
    uint32_t pc;           /* READY: where it goes on */
    uint32_t resume;       /* PARKED: row of the image's waits */
    int64_t wait_began_ms; /* arrival at the wait */
    int64_t wait_first_ms; /* D3: the first T, for the year's bound; CANDIDATE: until when; else
                              NEVER_MS */
    int64_t wake_at_ms;    /* earliest instant at which time alone concerns it; NEVER_MS none */
    int64_t goal_until_ms; /* ENDED: kept until then */
    struct str reason;     /* ENDED */
    struct value *slots;
    uint32_t slot_count;
    struct mark *marks;
    uint32_t mark_count;
    /* not stored: within a reaction */
    uint32_t runs;   /* how often it went on */
    bool is_touched; /* when time concerns it next is to be found again */
};

/* Arrays grow by the functions of patient.c; all in `arena`. */
struct patient {
    struct arena *arena;
    struct str id;                     /* the outside one */
    uint64_t key;                      /* the store's */
    uint64_t last_event, last_journal; /* heads of the chains; 0 none */
    int64_t segments_at_ms;            /* next moment at which time alone can change a segment */
    int64_t objects_at_ms;             /* the same of the condition of an object trigger */
    int64_t dates_at_ms;               /* next moment of a date trigger */
    int64_t settled_at_ms; /* of the last reaction; kept while there are objects, else NEVER_MS */
    uint32_t image;        /* that the last reaction ran; 0 none */
    bool is_erased;
#define PATIENT_LISTS(X)                                                                           \
    X(cell, attributes)                                                                            \
    X(subscription, subscriptions)                                                                 \
    X(membership, memberships)                                                                     \
    X(memory, memories)                                                                            \
    X(object, objects)                                                                             \
    X(sending, sendings)                                                                           \
    X(entry, entries) X(entry_key, entry_keys) X(enrollment, enrollments) X(approval, approvals)
#define X(type, name)                                                                              \
    struct type *name;                                                                             \
    uint32_t name##_count;                                                                         \
    uint32_t name##_room;
    PATIENT_LISTS(X)
#undef X
};

void patient_init(struct patient *patient, struct arena *arena, struct str id, uint64_t key);
enum status patient_decode(struct patient *patient, struct arena *arena, uint64_t key,
                           struct str bytes);
/* due_ms: when time alone concerns the patient next, patient_due_ms() or later. */
void patient_encode(const struct patient *patient, int64_t due_ms, struct buf *out);
/* The head alone: id, image, moments, last event and attributes; all else stays as it is. For what
 * changes nothing else: a record of a thousand enrollments costs no more than one of none. */
struct patient_rest {
    struct str bytes; /* a view of the record */
    uint32_t bits;
    int64_t due_ms;
};
enum status patient_decode_head(struct patient *patient, struct arena *arena, uint64_t key,
                                struct str bytes, struct patient_rest *rest);
/* Only last_event and attributes may differ from what was decoded. */
void patient_encode_head(const struct patient *patient, const struct patient_rest *rest,
                         struct buf *out);
/* What the store asks of a record without decoding it: NEVER_MS and {0} when it is damaged. */
int64_t patient_record_due_ms(struct str record);
struct str patient_record_id(struct str record);
/* Earliest of all wake_at_ms, goal windows, segments_at_ms, objects_at_ms and dates_at_ms. */
int64_t patient_due_ms(const struct patient *patient);

/* NULL when the arena is full. The new element is zeroed; `patient_add_cell` and so on. */
#define X(type, name) struct type *patient_add_##type(struct patient *patient);
PATIENT_LISTS(X)
#undef X
/* Finders return NULL when there is none. */
struct value patient_attribute(const struct patient *patient, uint32_t name);
bool patient_set_attribute(struct patient *patient, uint32_t name,
                           struct value value); /* unknown removes; true: changed */
struct object *patient_object(struct patient *patient, uint32_t object, struct str id);
struct enrollment *patient_enrollment(struct patient *patient, uint64_t id);
void patient_remove_enrollment(struct patient *patient, struct enrollment *enrollment);
struct mark *enrollment_mark(struct patient *patient, struct enrollment *enrollment,
                             uint32_t message, bool add);

/* One value, self-describing; used by records and by event rows. */
void value_encode(struct buf *out, struct value value);
struct value value_decode(struct reader *in, struct arena *arena);

#endif
