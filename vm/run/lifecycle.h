/* lifecycle.h: what people do to a campaign: review, start, pause, resume, drain, stop; and what a
 * deploy does to the patients that are there.
 *
 * What concerns many patients is a sweep: bounded transactions, each of which keeps how far it
 * came, so that a crash in the middle goes on where it was (engine_sweep_on at the start). Others
 * are served in between; who is opened meanwhile is swept first, so nobody meets half a change. One
 * sweep at a time: no campaign may be changed, reviewed or deployed while engine_is_sweeping(). */
#ifndef CAMP_VM_RUN_LIFECYCLE_H
#define CAMP_VM_RUN_LIFECYCLE_H

#include "vm/run/engine.h"

enum { REVIEW_SAMPLE = 10 };

struct review {              /* what would happen if the campaign were started now */
    uint64_t audience_count; /* who may enter now: with `existing` those who would, else those who
                                match audience and entry rule */
    uint64_t patient_count;
    struct str sample[REVIEW_SAMPLE]; /* ids, in the caller's arena */
    uint32_t sample_count;
    struct outgoing { /* made in the first hour, and in the first day, that one included */
        uint64_t email_count, sms_count, webhook_count, draft_count;
    } hour, day;
    bool is_partial; /* the day was too full to be played to its end */
    uint64_t cursor; /* of the patients, while they are counted */
};

/* The number of a campaign by name, also of one that only an earlier image has; its program and
 * row. STATUS_MISSING. */
enum status engine_campaign(struct engine *engine, struct str name, uint32_t *number,
                            const struct program **program, uint32_t *row);
enum campaign_state engine_state_of(const struct engine *engine, uint32_t number);
const char *campaign_state_word(enum campaign_state state);

/* The audience is counted some patients at a time, from {0} until *is_counted; others may be served
 * in between. */
enum status engine_count_audience(struct engine *engine, uint32_t row, bool existing,
                                  int64_t now_ms, struct arena *arena, struct review *review,
                                  bool *is_counted);
/* Then what goes out, by playing it and taking it back: no transaction may be open, and none is
 * afterwards. */
enum status engine_play(struct engine *engine, uint32_t row, bool existing, int64_t now_ms,
                        struct review *review);
/* The door opens; `existing`: who is in the trigger's segment enters. In a transaction of its own,
 * as the next; what concerns all patients is left to engine_sweep. */
enum status engine_start(struct engine *engine, uint32_t row, bool existing, int64_t now_ms);
enum status engine_change_state(struct engine *engine, uint32_t number, enum campaign_state to,
                                int64_t now_ms);
bool engine_is_sweeping(const struct engine *engine);
/* A bounded part of the sweep that is under way, in a transaction of its own. */
enum status engine_sweep(struct engine *engine, int64_t now_ms);
/* Who drains and has nobody inside any more is stopped; nothing is cancelled by that. In
 * transactions of its own. */
enum status engine_end_drained(struct engine *engine);
/* Every campaign that is running or draining, whole; for a database that was restored from a copy.
 */
enum status engine_pause_all(struct engine *engine, int64_t now_ms, uint32_t *count);
/* After a restart: what a crash has interrupted is under way again. */
enum status engine_sweep_on(struct engine *engine);

#endif
