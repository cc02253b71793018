/* internal.h: what engine and reactions share. */
#ifndef CAMP_VM_RUN_INTERNAL_H
#define CAMP_VM_RUN_INTERNAL_H

#include "vm/run/engine.h"

enum { SLICE_BYTES = 4 << 20, EFFECT_ROOM = 512, CHAIN_MOST = 100, PROGRAM_ROOM = 256 };

struct engine {
    struct store *store;
    struct engine_options options;
    struct arena arena;                     /* programs live as long as the engine */
    struct arena slice;                     /* of one patient's reaction */
    struct program *programs[PROGRAM_ROOM]; /* by number of the image */
    struct program *current;
    uint8_t *states; /* of campaigns, by row of the current image: enum campaign_state */
    uint64_t next_enrollment;
    void (*observe)(void *context, const struct notice *notice);
    void *observer;
    struct host host;
    char error[256];
};

struct waiting { /* a parked enrollment, for the counts */
    uint64_t enrollment;
    uint32_t campaign, image, resume;
};

/* The reaction of one patient at one instant (LANGUAGE.md F1). */
struct react {
    struct engine *engine;
    struct patient *patient;
    struct effects effects;
    int64_t now_ms;
    bool is_time;            /* what was due has run */
    uint32_t chain;          /* changes at this instant */
    struct waiting *waiting; /* as the patient was opened */
    uint32_t waiting_count;
    enum status status;
};
struct happening { /* what has changed, for the phases */
    const struct event *event;
    bool is_history;
    bool is_attribute, is_manual;
    uint32_t attribute; /* dictionary number */
    struct value before, after;
    const struct object *object; /* changed */
    uint8_t *object_was;         /* by row of campaigns: the trigger's condition before */
    struct str campaign;         /* is_manual */
    const struct str *reply;
};

struct turns { /* of segments: rows of the current image */
    uint32_t rows[64];
    bool entered[64];
    uint32_t count;
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

/* entry.c */
void entry_trigger(struct react *r, uint32_t row, const struct happening *h,
                   const struct turns *turns);
void entry_review(struct react *r, uint64_t id); /* a candidate */
void entry_dates(struct react *r);               /* date triggers that are due */
int64_t entry_next_date(struct react *r);        /* the next moment after now; NEVER_MS none */

/* goal.c */
void goal_begin(struct react *r, struct enrollment *e);
void goal_review(struct react *r, uint64_t id, const struct happening *h);
bool goal_test(struct env *env, const struct program *program,
               const struct image_campaign *campaign); /* `goal when` now */
/* Until when the goal of an enrollment that ends can still be reached; INT64_MIN: it cannot. */
int64_t goal_end_ms(struct react *r, const struct program *program,
                    const struct image_campaign *campaign, struct enrollment *e);

void react_settle(struct react *r);
void react_memorize(struct react *r, const struct event *event);
uint8_t *react_object_truths(struct react *r, const struct object *object);
/* True: it really changed. */
bool react_set_membership(struct react *r, uint32_t segment, bool is_in);
bool react_set_subscription(struct react *r, uint32_t topic, bool is_on);
/* What time alone has made due: approvals, reactions, date triggers. */
void react_time(struct react *r);
void react_hand_over(struct react *r, const struct approval *approval);
struct program *engine_program_of(struct engine *engine, uint32_t image);
/* A message of an image came to this: counted under the campaign. */
void engine_count_message(struct engine *engine, uint32_t image, uint32_t message,
                          const char *word);
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
struct env react_env(struct react *r, const struct program *program, struct enrollment *enrollment);

#endif
