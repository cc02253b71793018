/* engine.h: the running house. Takes inputs and time, lets patients react, runs slices and keeps
 * everything in the store. The service, `camp test` and `camp simulate` drive this one engine; they
 * differ in the clock.
 *
 * Use: engine_begin, many inputs or engine_advance, engine_commit; answer only after the commit. A
 * status other than STATUS_OK means: roll back; engine_error() says why. */
#ifndef CAMP_VM_RUN_ENGINE_H
#define CAMP_VM_RUN_ENGINE_H

#include "vm/core/machine.h"
#include "vm/store/store.h"

struct engine;

struct engine_options {
    const struct builtins *builtins;
    int64_t late_after_ms; /* T2: older on arrival is history */
    struct str public_url; /* for unsubscribe links */
    bool is_virtual_time;  /* timers run at their own due instant: tests, simulation, made-up clocks
                            */
    bool without_holdout;  /* camp test */
    bool keeps_ended;      /* camp test: conditions may ask of an enrollment that is over */
    bool counts;           /* what happens is counted in the store, by campaign */
    /* NULL, or for tests: chooses the arm of a split, or of `holdout` */
    bool (*chosen_arm)(void *context, struct str campaign, struct str split, struct str *arm);
    void *chooser;
};

enum status engine_open(struct engine **engine, struct store *store,
                        const struct engine_options *options);
void engine_close(struct engine *engine);
const char *engine_error(const struct engine *engine);

enum status engine_begin(struct engine *engine);
enum status engine_commit(struct engine *engine);
void engine_rollback(struct engine *engine);

/* Stores an image, checked whole; STATUS_INVALID with *error when it is refused. In a transaction.
 */
enum status engine_upload(struct engine *engine, struct str bytes, const struct program **program,
                          struct image_error *error);
/* New enrollments run this stored image from now on; its campaigns are deployed, not started. In a
 * transaction. STATUS_INVALID: it would take back what was promised; engine_error() says what. */
enum status engine_use(struct engine *engine, uint32_t number, int64_t now_ms);
/* Both, into a store without patients, in a transaction of its own or in the open one. */
enum status engine_deploy(struct engine *engine, struct str bytes, struct image_error *error);
enum campaign_state {
    CAMPAIGN_DEPLOYED = 1,
    CAMPAIGN_RUNNING,
    CAMPAIGN_PAUSED,
    CAMPAIGN_DRAINING,
    CAMPAIGN_STOPPED
};
/* The state alone; lifecycle.h has what people do. */
enum status engine_set_campaign(struct engine *engine, struct str name, enum campaign_state state);
enum campaign_state engine_campaign_state(const struct engine *engine,
                                          uint32_t row);           /* of the current image */
const struct program *engine_program(const struct engine *engine); /* the current one, or NULL */
const struct program *engine_image(struct engine *engine, uint32_t number); /* any stored one */

/* One thing that happened outside (INTERFACES.md 3). Texts need live only during the call. */
enum input_kind {
    INPUT_IDENTIFY = 1,
    INPUT_TRACK,
    INPUT_OBJECT,
    INPUT_SUBSCRIPTION,
    INPUT_SEGMENT,
    INPUT_ENTER,
    INPUT_REPLY
};
struct input {
    enum input_kind kind;
    struct str message_id; /* empty: none, never a duplicate */
    struct str patient;
    int64_t at_ms;   /* its timestamp; INT64_MIN: on arrival */
    struct str name; /* event, kind of object, topic, segment, campaign */
    struct str object_id;
    struct str properties; /* JSON object: traits, properties */
    struct str text;       /* of a reply */
    bool is_on;            /* subscribed, in the segment */
    struct str raw;        /* the whole item, for the comparison of repeats */
};
enum answer { ANSWER_ACCEPTED = 1, ANSWER_DUPLICATE, ANSWER_REJECTED };
struct input_answer {
    enum answer what;
    bool is_other_body; /* DUPLICATE: the id was seen with another body, which did nothing */
    char field[64], reason[160];
};
/* One JSON object in Segment's form (ingest.c). False: refused, *answer says why. */
bool input_parse(struct arena *arena, struct str json, struct input *input,
                 struct input_answer *answer);
/* The same where the type is said elsewhere; {0}: the item says it. */
bool input_parse_as(struct arena *arena, struct str json, struct str type, struct input *input,
                    struct input_answer *answer);
enum status engine_input(struct engine *engine, const struct input *input, int64_t now_ms,
                         struct input_answer *answer);

/* Runs what is due up to to_ms, included or not; at most `most` patients. *more: some is left. */
enum status engine_advance(struct engine *engine, int64_t to_ms, bool is_included, uint32_t most,
                           bool *more);
int64_t engine_next_due_ms(struct engine *engine);
/* Conditions computed and campaigns, segments and enrollments looked at, ever: what a change costs
 * is the difference, whatever the machine it runs on. */
uint64_t engine_work(const struct engine *engine);

/* The outside id of a patient by the store's key. */
enum status engine_patient_id(struct engine *engine, uint64_t key, struct arena *arena,
                              struct str *id);

/* By outbox id. What has expired or was cancelled stays so: STATUS_OK all the same. */
enum status engine_approve(struct engine *engine, uint64_t draft, int64_t now_ms);
/* A message as one patient would get it, to another address: outside of enrollments, windows,
 * consent and limits, in no count and no journal. In a transaction. refusal not NULL: it cannot be,
 * and why; STATUS_MISSING: no such patient. */
struct test_letter {
    uint64_t outbox;
    const char *field, *refusal;
};
enum status engine_test_send(struct engine *engine, const struct program *program,
                             uint32_t campaign, struct str message, struct str patient,
                             struct str to, int64_t now_ms, struct test_letter *letter);
/* The person said no: rejected. */
enum status engine_reject_draft(struct engine *engine, uint64_t draft, struct str reason,
                                int64_t now_ms);
/* sending.c. The checks of the claim, again: what the row becomes before it is sent (CLAIMED), or
 * instead. It keeps its state when it must wait: for its window, or for its campaign to go on. */
enum status engine_claim(struct engine *engine, uint64_t outbox, int64_t now_ms,
                         enum outbox_state *became);
/* The same of a row that was just read, its texts not in the engine's memory. */
enum status engine_claim_row(struct engine *engine, const struct outbox_row *row, int64_t now_ms,
                             enum outbox_state *became);
/* A webhook's answer, `{"status":200,"body":…}`, or empty when it failed for good: the row moves
 * from CLAIMED and the enrollment goes on. */
enum status engine_answer(struct engine *engine, uint64_t outbox, struct str answer,
                          int64_t now_ms);
/* What an attempt came to: SENT, FAILED, RETRY at try_at_ms, or UNKNOWN (accepted, then silence),
 * which is held for a person or becomes a RETRY. */
struct outcome {
    enum outbox_state state;
    int64_t try_at_ms;
    bool holds_unknown;
    bool is_opted_out; /* the provider says that this address wants nothing */
    bool is_unused;    /* RETRY: nothing was tried, it is not counted as an attempt */
};
enum status engine_sent(struct engine *engine, uint64_t outbox, const struct outcome *outcome,
                        int64_t now_ms);
/* The provider reports DELIVERED, BOUNCED or FAILED; late, twice or of another key it changes
 * nothing. STATUS_MISSING: no such message. */
enum status engine_report(struct engine *engine, uint64_t outbox, const unsigned char key[16],
                          enum outbox_state report, int64_t now_ms);
/* A person decides about a HELD row: RETRY, SENT or FAILED. STATUS_INVALID: it is not held. */
enum status engine_decide(struct engine *engine, uint64_t outbox, enum outbox_state to,
                          int64_t now_ms);
/* opened (is_click false) or clicked. */
enum status engine_touched(struct engine *engine, uint64_t outbox, bool is_click, int64_t now_ms);

/* inbound.c. A text that came in from a number: an event of the patient, and the answer of the one
 * enrollment that waits for it (F4), or a word that stops, or allows again, all texts to that
 * number. An id that was seen does nothing. */
enum inbound_meaning { MEANS_NOTHING, MEANS_STOP, MEANS_START, MEANS_HELP };
struct inbound {
    struct str id, from, text;
    enum inbound_meaning meaning; /* the provider says so, whatever the words; else NOTHING */
};
enum status engine_text(struct engine *engine, const struct inbound *inbound, int64_t now_ms);

/* link.c. Tokens of links: no name and no number of a patient, signed, valid for ever. */
struct unsubscribe {
    uint64_t patient, enrollment;
    uint32_t topic; /* number of the dictionary */
    uint32_t image, message;
};
struct str engine_unsubscribe_url(struct engine *engine, struct arena *arena,
                                  const struct unsubscribe *who);
/* False: not one of ours. */
bool engine_read_unsubscribe(struct engine *engine, struct str token, struct unsubscribe *who);
/* Once or many times: the same. STATUS_MISSING: there is no such patient. */
enum status engine_unsubscribe(struct engine *engine, const struct unsubscribe *who,
                               int64_t now_ms);
/* Links of a mail: number 0 tells of its opening, others lead to where its text said. */
struct str engine_link_url(struct engine *engine, struct arena *arena, uint64_t outbox,
                           uint32_t link);
bool engine_read_link(struct engine *engine, bool is_click, struct str token, uint64_t *outbox,
                      uint32_t *link);

/* What happened, as it happens: timelines of tests, lines of simulate. */
enum notice_kind {
    NOTICE_ENTERED = 1,
    NOTICE_TRIGGERED, /* before the entry rule, the audience and the exits are asked */
    NOTICE_FILTERED,
    NOTICE_REFUSED,     /* by the entry rule */
    NOTICE_TURNED_AWAY, /* the campaign is paused */
    NOTICE_STEP,
    NOTICE_MESSAGE,
    NOTICE_GOAL,
    NOTICE_ENDED,
    NOTICE_FAULT
};
struct notice {
    enum notice_kind kind;
    int64_t at_ms;
    struct str patient;
    const struct program *program;
    uint32_t campaign; /* row of the program's image */
    uint64_t enrollment;
    uint32_t step;               /* STEP: row */
    const struct letter *letter; /* MESSAGE */
    uint64_t outbox;             /* MESSAGE: its row, 0 none */
    bool is_holdout;
    bool is_early;     /* ENDED: by an exit, a goal or a fault, not at the end of its way */
    uint32_t exit_row; /* ENDED: the rule of the image that was met; IMAGE_NONE: another end */
    struct str text;   /* ENDED: reason; FAULT: what */
};
void engine_observe(struct engine *engine,
                    void (*observe)(void *context, const struct notice *notice), void *context);

/* An expression in the state of a patient (who may not exist yet) at an instant; `received` and the
 * like speak of the enrollment, 0 none. */
enum status engine_eval(struct engine *engine, struct str patient, uint64_t enrollment,
                        uint32_t code, int64_t now_ms, struct arena *arena, struct value *value);

#endif
