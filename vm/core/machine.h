/* machine.h: one slice of one enrollment, and the value of one expression. Pure: no I/O, no clock,
 * no allocation outside the slice's arena; what the world must do is appended to `effects`. Run
 * again with the same input it gives the same bytes.
 *
 * The instruction that ends a slice leaves the operand stack empty, so a frame is a pc (or a wait)
 * and slots. A step that changes data (set, emit, subscribe, …) also returns: the reactions
 * (vm/run) come before the next step (F1). */
#ifndef CAMP_VM_CORE_MACHINE_H
#define CAMP_VM_CORE_MACHINE_H

#include "vm/code/builtin.h"
#include "vm/code/image.h"
#include "vm/core/patient.h"

struct zone;

/* An image bound to a store's dictionary: row of the image → number for ever. */
struct program {
    const struct image *image;
    uint32_t number; /* of the image in this store */
    const struct builtins *builtins;
    const struct builtin **functions; /* by row of the image's builtins */
    const uint32_t *attribute_names, *event_names, *object_names, *field_names, *segment_names,
        *topic_names, *did_names, *campaign_names, *message_names, *step_names;
    const struct zone *clinic_zone;
};

struct event { /* an event row, its fields read by the image's types */
    uint64_t id;
    uint64_t previous; /* of the same patient; 0 none */
    uint32_t name;     /* dictionary number */
    int64_t at_ms, received_at_ms;
    struct str properties; /* JSON object as it came */
};

/* What the machine may ask of the outside while it computes; all reads, all repeatable. */
struct env;
struct host {
    void *context;
    bool (*event)(void *context, uint64_t id, struct arena *arena, struct event *event);
    /* message.unsubscribe_url: https://…/u/{token} for this patient, message and topic */
    struct str (*unsubscribe_url)(void *context, const struct env *env, uint32_t topic);
    /* NULL, or: is this address one that must never be written to? */
    bool (*is_suppressed)(void *context, uint32_t channel, struct str address);
    /* NULL, or for tests: the arm of a split, or `holdout`, is chosen instead of drawn. */
    bool (*chosen_arm)(void *chooser, struct str campaign, struct str split, struct str *arm);
    void *chooser;
    uint64_t *work; /* NULL, or counts the codes that were run: what a change costs */
};

struct failure { /* why a template was not rendered, and where */
    const char *what;
    uint32_t code, pc;
};

struct env {
    const struct program *program;
    struct patient *patient;
    struct enrollment *enrollment;       /* NULL where there is none */
    const struct event *event;           /* being tested; NULL none */
    const struct object *object;         /* being tested; NULL none */
    const struct image_message *message; /* being rendered; NULL none */
    const struct host *host;
    struct arena *arena;
    const struct zone *zone; /* the patient's, else the clinic's (W2): env_zone() */
    int64_t now_ms;
    int64_t *flips_at_ms; /* not NULL: lowered to the next moment at which time alone could change
                             what was computed */
    uint32_t fuel;
    bool stops_at_send; /* a message handed over ends the slice: an exit or a goal asks for it */
    /* `camp render`: not NULL, the data of the template; it then means what it means in Liquid:
     * unknown is nil and prints nothing, 1.0 prints its decimals, a mistake of a filter ends it. */
    const struct hash *globals;
    struct failure failure; /* of the last machine_render that failed */
    uint32_t depth;         /* of templates in templates */
};

/* The attribute of that row when `v` is stored: the default, where it is unknown. */
struct value attribute_given(const struct program *program, uint32_t row, struct value v,
                             struct arena *arena);
/* The same of the patient. */
struct value attribute_value(struct env *env, uint32_t row);
void env_zone(struct env *env); /* sets ->zone from the patient's attribute */

/* The value of an expression; unknown when fuel or arena run out (then *fault is set). */
struct value machine_eval(struct env *env, uint32_t code);
bool machine_test(struct env *env, uint32_t code); /* IMAGE_NONE is true */

enum render {
    RENDER_OK,
    RENDER_BLANK,
    RENDER_FAILED
}; /* BLANK: an unknown had to be written (M6) */
/* `FILE:LINE:COLUMN: WHAT` of a template that was not rendered. */
struct str failure_text(const struct image *image, const struct failure *failure,
                        struct arena *arena);
enum render machine_render(struct env *env, uint32_t code, struct buf *out);
void value_to_json(struct value value, struct buf *out);
int value_compare(struct env *env, struct value a, struct value b, bool *comparable); /* -1 0 1 */
/* Instant `duration` after (sign 1) or before (-1) at_ms, in the zone (D1). */
int64_t instant_step(const struct zone *zone, int64_t at_ms, struct value duration, int sign);
/* The next instant ≥ now at which all windows are open; NEVER_MS when they never meet. */
int64_t windows_open_ms(const struct image *image, struct rows windows, const struct zone *zone,
                        int64_t now_ms);

/* Into the newest times, newest first; what there is no room for falls out. */
void times_add(int64_t *at_ms, uint32_t *count, uint32_t room, int64_t one_ms);

enum verdict { /* of a message that is due; the names are states and counts of PROMISES.md */
               VERDICT_SEND = 1,
               VERDICT_DRAFT,
               VERDICT_HOLD,
               VERDICT_SKIPPED,
               VERDICT_CAPPED,
               VERDICT_EXPIRED,
               VERDICT_CANCELLED,
               VERDICT_FAILED,
               VERDICT_HOLDOUT
};
enum skip_reason {
    SKIP_NONE,
    SKIP_ADDRESS,
    SKIP_SUBSCRIPTION,
    SKIP_CONSENT,
    SKIP_BLANK,
    SKIP_EXPIRED,
    SKIP_DECEASED,
    SKIP_SUPPRESSED
};

struct letter {       /* a message with all its text; memory of the slice's arena */
    uint32_t message; /* row of the image */
    uint8_t channel;
    enum verdict verdict;
    enum skip_reason skip;
    struct str to, from, reply_to, subject, preheader, html, text;
    struct str fault; /* FAILED: what, and where in the template */
    int64_t expires_at_ms, draft_until_ms, hold_until_ms; /* NEVER_MS none */
};

enum effect_kind { EFFECT_LETTER = 1, EFFECT_STEP };
struct effect {
    enum effect_kind kind;
    uint32_t row; /* STEP: row of steps */
    struct letter *letter;
};
struct effects { /* bounded; full: the slice faults */
    struct effect *items;
    uint32_t count, room;
};

enum change_kind {
    CHANGE_NONE,
    CHANGE_ATTRIBUTE,
    CHANGE_EMIT,
    CHANGE_SEGMENT,
    CHANGE_SUBSCRIPTION,
    CHANGE_MESSAGE /* handed over, and env.stops_at_send */
};
struct change { /* what a step wants changed; vm/run applies it and lets others react */
    enum change_kind kind;
    uint32_t row;          /* attribute, event, segment, topic of the image */
    bool is_on;            /* segment: add; subscription: subscribe */
    struct value value;    /* attribute */
    struct str properties; /* emit: JSON object */
};

enum slice_end { SLICE_PARKED = 1, SLICE_CHANGE, SLICE_ENDED, SLICE_FAULT };
struct slice {
    struct effects *effects;
    struct change change; /* SLICE_CHANGE; the enrollment is READY at its pc */
    struct str reason;    /* SLICE_ENDED by an exit step */
    char fault[96];       /* SLICE_FAULT: R-code and place */
};
/* From the enrollment's pc until it parks, ends, changes something or faults. Waits are in wait.c,
 * messages in letter.c. */
enum slice_end machine_run(struct env *env, struct slice *slice);

/* wait.c. Arrival at a wait: true passes at once (pc set), false parked (wake_at_ms set). */
bool wait_arrive(struct env *env, uint32_t wait);
/* A change, or time: does the parked wait end now? Sets pc and READY, else recomputes wake_at_ms.
 */
bool wait_review(struct env *env);
/* env->event has arrived: does it end this wait? Binds the alias. */
bool wait_event(struct env *env);
/* A text from the patient. */
bool wait_reply(struct env *env, struct str text);

/* The answer of the webhook whose wait this is, unknown when it failed for good: bound, and pc set.
 */
bool wait_answer(struct env *env, uint32_t wait, struct value answer);

/* letter.c. Makes (checks, renders) the message now. */
struct letter *letter_make(struct env *env, uint32_t message);
/* A webhook's call: reply_to is the url, subject the method, html the headers, text the body. */
struct letter *letter_make_webhook(struct env *env, uint32_t message);
/* The texts alone, whatever the checks would say. */
enum render letter_render(struct env *env, uint32_t message, struct letter *letter);
/* The checks alone, again: at approval and in the claim. `handed_over_at_ms` (NEVER_MS: not yet)
 * leaves out of the limits what was handed over at or after it. */
enum verdict letter_check(struct env *env, uint32_t message, struct str to, int64_t expires_at_ms,
                          int64_t handed_over_at_ms, enum skip_reason *skip);
/* Counts it as handed over: limits, goals' anchors, `received`. */
bool letter_handed_over(struct env *env, uint32_t message);

/* Of 10,000: the share of this patient in a split or `holdout` (F5). */
uint32_t share_of(struct str patient, struct str campaign, struct str split);

#endif
