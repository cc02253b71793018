/* people.h: one patient, looked at, explained, erased. Looking opens no transaction. */
#ifndef CAMP_VM_RUN_PEOPLE_H
#define CAMP_VM_RUN_PEOPLE_H

#include "vm/run/engine.h"

/* The record, decoded into the caller's arena, which must outlive it. STATUS_MISSING. */
enum status engine_look(struct engine *engine, struct str id, struct arena *arena,
                        struct patient *patient);
enum status engine_look_at(struct engine *engine, uint64_t key, struct arena *arena,
                           struct patient *patient);
/* *at_ms: when the enrollment came to the step (a number of the dictionary) at which it is parked;
 * untouched when it is not. */
void engine_waits_since(struct engine *engine, uint64_t key, uint64_t enrollment, uint32_t step,
                        int64_t *at_ms);

/* What the campaign of the deployed image would say to this patient now. */
struct why {
    enum campaign_state state;
    bool may_by_rule, has_key; /* the entry rule; `once per visit.id` cannot be asked without one */
    bool is_audience, meets_exit;
    bool has_segment, is_in_segment;   /* a segment trigger, and is the patient in it */
    bool is_inside;                    /* an enrollment lasts */
    int64_t entered_at_ms, left_at_ms; /* the last time; NEVER_MS never */
};
enum status engine_why(struct engine *engine, struct str id, uint32_t row, int64_t now_ms,
                       struct why *why);

/* Data, messages and events go; a tombstone stays, so that what still comes does not bring them
 * back. What is not yet claimed is cancelled. In a transaction. STATUS_OK also when it was erased
 * before; STATUS_MISSING: nobody of this id was ever there, and the tombstone stands now. */
enum status engine_erase(struct engine *engine, struct str id, int64_t now_ms);

/* Where a step stands in its source; false when the image does not say. */
bool program_step_line(const struct program *program, uint32_t step, struct str *file,
                       uint32_t *line);

#endif
