/* engine.h: the running house. Takes inputs and time, lets patients react, runs slices, keeps
 * everything in the store, hands messages over. The service, `camp test` and `camp simulate` all
 * drive this one engine; they differ in the clock and in who takes the messages.
 *
 * Use: engine_begin, many inputs / engine_advance, engine_commit; answer (2xx) only after the
 * commit. */
#ifndef CAMP_VM_RUN_ENGINE_H
#define CAMP_VM_RUN_ENGINE_H

#include "vm/core/machine.h"
#include "vm/store/store.h"

struct engine;

struct engine_options {
    const struct builtins *builtins;
    int64_t late_after_ms; /* T2: older on arrival is history; default 24 h */
    struct str public_url; /* for unsubscribe links */
    bool is_virtual_time; /* timers run at their own due instant (tests, simulation, made-up clocks)
                           */
    bool without_holdout; /* camp test */
};

enum status engine_open(struct engine **engine, struct store *store,
                        const struct engine_options *options);
void engine_close(struct engine *engine);
const char *engine_error(const struct engine *engine); /* text of the last status that was not OK */

enum status engine_begin(struct engine *engine);
enum status engine_commit(struct engine *engine);
void engine_rollback(struct engine *engine);

/* Images and campaigns. Each in its own transaction unless one is open. */
struct deployed {
    unsigned char id[32], meaning[32];
};
enum status engine_upload(struct engine *engine, struct str bytes,
                          struct deployed *out); /* verified, stored */
enum status engine_deploy(struct engine *engine, const unsigned char id[32]);
enum campaign_state {
    CAMPAIGN_DEPLOYED = 1,
    CAMPAIGN_RUNNING,
    CAMPAIGN_PAUSED,
    CAMPAIGN_DRAINING,
    CAMPAIGN_STOPPED
};
enum status engine_set_campaign(struct engine *engine, struct str name, enum campaign_state to,
                                bool existing);
const struct program *engine_program(const struct engine *engine); /* current image or NULL */

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
    struct str name; /* event, object kind, topic, segment, campaign */
    struct str object_id;
    struct str properties; /* JSON object: traits, properties */
    struct str text;       /* reply */
    bool is_on;            /* subscribed, in segment */
    struct str raw;        /* the whole item as it came, kept */
};
struct verdict_of_input {
    enum { INPUT_ACCEPTED, INPUT_DUPLICATE, INPUT_REJECTED } what;
    char field[64], reason[160];
};
/* ingest.c: one JSON object in Segment's form → input. False: refused, with field and reason. */
bool input_parse(struct arena *arena, struct str json, struct input *input,
                 struct verdict_of_input *verdict);
/* Applies it at `now_ms` with all reactions. A status other than OK means: roll back. */
enum status engine_input(struct engine *engine, const struct input *input, int64_t now_ms,
                         struct verdict_of_input *verdict);
/* Keeps a refused item for inspection. */
enum status engine_reject(struct engine *engine, struct str raw, uint64_t line,
                          const struct verdict_of_input *verdict, int64_t now_ms);

/* Runs what is due up to `to_ms` included (`before`: excluded), at most `slices` of it. *more: some
 * is left. */
enum status engine_advance(struct engine *engine, int64_t to_ms, bool before, uint32_t slices,
                           bool *more);
int64_t engine_next_due_ms(struct engine *engine);

/* Drafts: by outbox id. */
enum status engine_approve(struct engine *engine, uint64_t draft, int64_t now_ms, struct str by);
enum status engine_reject_draft(struct engine *engine, uint64_t draft, struct str reason,
                                int64_t now_ms, struct str by);
/* The provider's report: delivered, opened, clicked … of an outbox row. */
enum report { REPORT_DELIVERED = 1, REPORT_BOUNCED, REPORT_FAILED, REPORT_OPENED, REPORT_CLICKED };
enum status engine_report(struct engine *engine, uint64_t outbox, enum report report,
                          int64_t now_ms);

/* What happened, as it happens: the timeline of tests, the lines of simulate. May be NULL. */
enum notice_kind {
    NOTICE_ENTERED = 1,
    NOTICE_FILTERED,
    NOTICE_STEP,
    NOTICE_MESSAGE,
    NOTICE_GOAL,
    NOTICE_ENDED,
    NOTICE_FAULT,
    NOTICE_CHANGED,
    NOTICE_WEBHOOK
};
struct notice {
    enum notice_kind kind;
    int64_t at_ms;
    const struct patient *patient;
    const struct enrollment *enrollment;
    const struct program *program;
    uint32_t campaign;           /* row of the program's image */
    uint32_t step;               /* STEP */
    const struct letter *letter; /* MESSAGE: verdict and text */
    uint64_t outbox;             /* MESSAGE: its row, 0 none */
    bool is_approved;            /* MESSAGE: a draft that was approved and is handed over now */
    struct str text;             /* ENDED: reason; FAULT: what; CHANGED: what */
};
void engine_observe(struct engine *engine, void (*notice)(void *context, const struct notice *),
                    void *context);

/* For a test's `expect CONDITION` and given values: evaluates in the state of that patient at now.
 */
enum status engine_eval(struct engine *engine, struct str patient, uint32_t code, int64_t now_ms,
                        struct arena *arena, struct value *value);

#endif
