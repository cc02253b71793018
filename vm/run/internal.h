/* internal.h: what engine and reactions share. */
#ifndef CAMP_VM_RUN_INTERNAL_H
#define CAMP_VM_RUN_INTERNAL_H

#include "vm/base/map.h"
#include "vm/run/engine.h"
#include "vm/run/index.h"
#include "vm/run/lifecycle.h"
#include "vm/store/journal.h"

enum { SLICE_BYTES = 4 << 20, EFFECT_ROOM = 512, CHAIN_MOST = 100, PROGRAM_ROOM = 4096 };

enum sweep_kind {                     /* stored */
                  SWEEP_SETTLE = 1,   /* timers stand, or go on */
                  SWEEP_STOP = 2,     /* every enrollment ends */
                  SWEEP_EXISTING = 3, /* who is in the segment enters */
                  /* Before STOP: messages that have not left are cancelled, state by state. */
                  SWEEP_DRAFTS = 4,
                  SWEEP_PENDING = 5,
                  SWEEP_RETRIES = 6
};
struct sweep { /* stored while it is under way */
    uint32_t kind, campaign;
    uint64_t cursor;
    int64_t now_ms; /* when it began */
};

struct engine {
    struct store *store;
    struct engine_options options;
    struct arena arena;                     /* programs live as long as the engine */
    struct arena slice;                     /* of one patient's reaction */
    struct program *programs[PROGRAM_ROOM]; /* by number of the image */
    struct index *indexes[PROGRAM_ROOM];
    uint64_t work; /* codes run and rows looked at, ever */
    struct program *current;
    uint8_t *states; /* of campaigns, by row of the current image: enum campaign_state */
    struct map64 campaign_states; /* the same by number, also of those that it has no more */
    struct buf journal;           /* entries of the open reaction */
    struct buf record;            /* of a patient, on its way to the store */
    struct effect *effects;       /* room for those of a slice */
    struct map64 unread;          /* unread.c: which keys some image reads, of those asked for */
    bool has_all_images;          /* every stored image is loaded */
    struct sweep sweep;           /* under way; kind 0 none */
    bool is_swept_early;          /* a patient is being swept because somebody opens him */
    uint64_t next_enrollment;
    unsigned char secret[32]; /* of the deployment: keys of messages, tokens of links */
    void (*observe)(void *context, const struct notice *notice);
    void *observer;
    struct host host;
    char error[256];
};

struct waiting { /* a parked enrollment, for the counts */
    uint64_t enrollment;
    uint32_t image, resume;
    int64_t since_ms;
};

/* Of a campaign's object trigger: for which objects its condition held at the last look. */
struct truths {
    uint32_t row;
    uint8_t *held; /* by place in patient->objects; 1 held */
    uint32_t count;
    struct truths *next;
};

/* The reaction of one patient at one instant (LANGUAGE.md F1). */
struct react {
    struct engine *engine;
    struct patient *patient;
    struct effects effects;
    int64_t now_ms;
    bool is_time;  /* what was due has run */
    bool is_quiet; /* unread.c: nothing reads the change; only the head is decoded */
    struct patient_rest rest;
    bool is_all;           /* a new patient, image or zone: the next reaction looks at everything */
    uint32_t depth, chain; /* changes at this instant that follow from one enrollment's step */
    uint32_t exit_row;     /* of the image: the rule that react_meets_exit() found met */
    uint32_t letter_count; /* messages of this reaction so far: part of their keys */
    struct waiting *waiting; /* as the patient was opened */
    uint32_t waiting_count;
    struct truths *truths;
    /* To be found again when the reaction settles. */
    bool is_segment_time_stale, is_object_time_stale, is_date_time_stale;
    enum status status;
};
struct attribute_change {
    uint32_t attribute;         /* dictionary number */
    struct value before, after; /* as conditions see them: defaults applied */
};
struct happening { /* what has changed, for the phases */
    const struct event *event;
    bool is_history;
    const struct attribute_change *changes;
    uint32_t change_count;
    bool is_manual;
    struct str campaign; /* is_manual */
    const struct str *reply;
    bool is_membership, is_member; /* of a manual segment, and it really changed */
    uint32_t segment;
    uint64_t enrollment; /* what became of one of its messages; 0 none */
    uint64_t key;        /* object, topic: key_of(); 0 none */
    uint64_t replier;    /* the enrollment that the text goes to; 0: the patient's latest */
};

struct turn_of_segment {
    uint32_t row; /* of the current image */
    bool entered;
};
/* A happening with all that it reaches. */
struct work {
    const struct happening *h;
    uint64_t *keys;
    uint32_t key_count, key_room;
    struct turn_of_segment *turns;
    uint32_t turn_count, turn_room;
    bool is_all, is_object_time, is_date_time;
    int64_t dates_from_ms;
};

static inline bool is_inside_campaign(const struct enrollment *e)
{
    return e->state == ENROLLMENT_READY || e->state == ENROLLMENT_PARKED;
}

/* reaction.c */
void react_to(struct react *r, const struct happening *happening);
void react_lose(struct react *r, enum status status);
void react_tell(struct react *r, enum notice_kind kind, const struct program *program,
                uint32_t campaign, const struct enrollment *e, struct str text);
/* The enrollment's program and campaign; NULL when its image is gone. */
const struct image_campaign *react_campaign(struct react *r, const struct enrollment *e,
                                            const struct program **program, uint32_t *row);
struct entry *react_entry(struct react *r, uint32_t campaign, bool add);
/* Runs a READY enrollment until it parks or ends. */
void react_run(struct react *r, uint64_t id);
bool react_meets_exit(struct react *r, struct enrollment *e,
                      const struct happening *h); /* h NULL: conditions alone */
void react_end(struct react *r, struct enrollment *e, struct str reason, bool cancels);
struct env react_env(struct react *r, const struct program *program, struct enrollment *enrollment);
struct index *react_index(struct react *r);
/* Why the enrollment is not concerned by this work need not be asked: time, or a key it reads. */
bool work_concerns(const struct work *work, const struct watch *watch);

/* segments.c */
void review_segments(struct react *r, struct work *work);
/* Before what the key names is changed: what object triggers held. */
void react_look(struct react *r, uint64_t key);
struct truths *react_truths(struct react *r, uint32_t row);
/* True: it really changed. */
bool react_set_membership(struct react *r, uint32_t segment, bool is_in);
bool react_set_subscription(struct react *r, uint32_t topic, bool is_on);
/* True: it really changed, by what conditions see of it. */
bool react_set_attribute(struct react *r, const struct program *program, uint32_t row,
                         struct value value, struct attribute_change *change);
void react_memorize(struct react *r, const struct event *event);
/* The images besides the current one on which this patient's enrollments stay, each once:
 * `for (uint32_t i = 0; (program = react_other(r, &i));)` */
const struct program *react_other(struct react *r, uint32_t *cursor);
/* A patient whom another image, or none, has settled: terms and segments that are new to him are
 * filled in, and nothing is triggered by it. */
void react_rebase(struct react *r);
/* Finds segments_at_ms and objects_at_ms again, where that is needed. */
void react_find_flips(struct react *r);

/* Parked at a `wait for reply`; *texted_at_ms: when its last text was handed over. */
bool react_awaits_reply(struct react *r, const struct enrollment *e, int64_t *texted_at_ms);

/* unread.c. True: the patient is open for this input alone, which nothing reads. */
bool react_open_unread(struct engine *engine, const struct input *input, int64_t now_ms,
                       struct react *r);
enum status react_close_unread(struct react *r);

/* entry.c */
void entry_triggers(struct react *r, struct work *work, const uint64_t *candidates,
                    uint32_t candidate_count);
/* Who is in the segment that triggers the campaign of this number, and may enter, enters; false:
 * not this patient. */
bool entry_existing(struct react *r, uint32_t campaign);
/* What stands between this patient and an entry, without a trigger. */
void entry_ask(struct react *r, uint32_t row, bool *may_by_rule, bool *is_audience,
               bool *meets_exit, bool *is_in_segment);
/* Could this patient enter now? `existing`: is in the trigger's segment, too. */
bool entry_may(struct react *r, uint32_t row, bool existing);
int64_t entry_next_date(struct react *r); /* the next moment after now; NEVER_MS none */

/* goal.c */
void goal_begin(struct react *r, struct enrollment *e);
void goal_review(struct react *r, uint64_t id, const struct happening *h);
bool goal_test(struct env *env, const struct program *program,
               const struct image_campaign *campaign); /* `goal when` now */
/* Until when the goal of an enrollment that ends can still be reached; INT64_MIN: it cannot. */
int64_t goal_end_ms(struct react *r, const struct program *program,
                    const struct image_campaign *campaign, struct enrollment *e);
/* An ended enrollment with drafts whose goal begins when one is approved. */
bool goal_may_begin(struct react *r, const struct enrollment *e);
/* Does the goal of some image go by this event? */
bool goal_reads(struct react *r, uint32_t event);
/* The same as goal_review for an enrollment that the record has no more. */
void goal_review_gone(struct react *r, struct enrollment *e, const struct happening *h);

/* past.c: a late event, and the goals of enrollments that are gone: from the journal. */
void past_goals(struct react *r, const struct happening *h);

/* raw.c: kept as it came, until an image declares it. */
enum status react_keep_event(struct react *r, struct str name, struct str data, int64_t at_ms);
enum status react_keep_raw(struct react *r, const struct input *input, int64_t at_ms);
bool react_has_undeclared(struct react *r, struct str properties, const struct strmap *declared);
/* What the current image declares and `before` (NULL: none) did not, from what was kept. */
void react_replay(struct react *r, const struct program *before);
/* input.c: the object of a kept item, where its kind is new. */
void react_replay_object(struct react *r, const struct program *before, const struct input *input,
                         int64_t at_ms);

/* input.c: a text of the patient: an event, and the answer of the enrollment `replier` (0: the one
 * texted last). */
#define EVENT_REPLIED "message.replied"
static const uint64_t NOBODY = UINT64_MAX;
enum status react_text(struct react *r, const char *event, struct str text, uint64_t replier);
/* input.c: an event of an appointment changes the object before anything reacts. */
enum status react_change_appointment(struct react *r, const struct event *event, struct str name,
                                     struct happening *happening);

void react_settle(struct react *r);
/* What time alone has made due: approvals, reactions, date triggers. */
void react_time(struct react *r);
void react_hand_over(struct react *r, const struct approval *approval);
struct program *engine_program_of(struct engine *engine, uint32_t image);
/* images.c: what the store says is deployed; after a rollback it may not know the newest images and
 * states. */
enum status engine_use_current(struct engine *engine);
void engine_forget_images(struct engine *engine);
const char *engine_trigger_word(uint32_t kind);
/* lifecycle.c: the patient's part of what is under way for all, before anything else happens to
 * him: nobody meets half a change. In a transaction; else nothing is done. */
enum status engine_sweep_early(struct engine *engine, struct str id, uint64_t key, int64_t now_ms);
/* The campaign is being stopped: nothing of it leaves any more. */
bool engine_is_stopping(const struct engine *engine, uint32_t campaign);
/* The patients meet the current image. */
enum status engine_refresh(struct engine *engine, int64_t now_ms);

/* journal.c. Belongs to the open reaction: it is written by react_close or react_keep. */
void engine_note(struct engine *engine, const struct journal_entry *entry);
void engine_note_message(struct engine *engine, uint32_t image, uint32_t message,
                         enum message_word word, uint64_t enrollment, uint64_t outbox,
                         struct str text);
void engine_note_row(struct engine *engine, const struct outbox_row *row, enum message_word word,
                     struct str text);
/* The same where no reaction is open. */
enum status engine_tell_of(struct engine *engine, const struct outbox_row *row,
                           enum message_word word, struct str text, int64_t now_ms);
enum message_word word_of_state(enum outbox_state state);
void react_journal(struct react *r);
/* A message is handed over: the first of its enrollment makes it one that was messaged. */
void react_messaged(struct react *r, const struct program *program, uint32_t message,
                    uint64_t enrollment);
void engine_notice(struct engine *engine, const struct notice *notice);
/* Keeps why for engine_error(); returns the status. */
enum status engine_fail(struct engine *engine, enum status status, const char *what);
struct waiting *who_waits(struct react *r, uint32_t *count);
/* Who waits at which step now, against when the patient was opened. */
void count_waiting(struct react *r);
/* Loads or begins the patient; afterwards react_close writes it back. */
enum status react_open(struct engine *engine, struct str id, uint64_t key, int64_t now_ms,
                       struct react *r);
enum status react_close(struct react *r);
/* The same where nothing about time can have changed: only the journal, a mark, a list. */
enum status react_keep(struct react *r);

#endif
