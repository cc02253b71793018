/* people.c: see people.h. */
#include "vm/run/people.h"

#include "vm/base/hash.h"
#include "vm/code/op.h"
#include "vm/run/internal.h"

enum status engine_look_at(struct engine *engine, uint64_t key, struct arena *arena,
                           struct patient *patient)
{
    struct str record;
    enum status status = store_patient_get(engine->store, key, arena, &record);
    return status == STATUS_OK ? patient_decode(patient, arena, key, record) : status;
}

enum status engine_look(struct engine *engine, struct str id, struct arena *arena,
                        struct patient *patient)
{
    struct str record;
    uint64_t key;
    bool found;
    enum status status = store_patient_find(engine->store, id, arena, &key, &record, &found);
    if (status == STATUS_OK && !found)
        status = STATUS_MISSING;
    return status == STATUS_OK ? patient_decode(patient, arena, key, record) : status;
}

void engine_waits_since(struct engine *engine, uint64_t key, uint64_t enrollment, uint32_t step,
                        int64_t *at_ms)
{
    struct patient patient;
    arena_reset(&engine->slice);
    if (engine_look_at(engine, key, &engine->slice, &patient) != STATUS_OK)
        return;
    const struct enrollment *e = patient_enrollment(&patient, enrollment);
    const struct program *program =
        e && e->state == ENROLLMENT_PARKED ? engine_program_of(engine, e->image) : NULL;
    if (program && e->resume < program->image->wait_count &&
        program->step_names[program->image->waits[e->resume].step] == step)
        *at_ms = e->wait_began_ms;
}

enum status engine_why(struct engine *engine, struct str id, uint32_t row, int64_t now_ms,
                       struct why *why)
{
    struct react r;
    const struct program *program = engine->current;
    const struct image_campaign *campaign = &program->image->campaigns[row];
    enum status status = react_open(engine, id, 0, now_ms, &r);
    *why = (struct why){.entered_at_ms = NEVER_MS, .left_at_ms = NEVER_MS};
    if (status != STATUS_OK)
        return status;
    why->state = engine_campaign_state(engine, row);
    why->has_key = campaign->enter_kind == ENTER_ONCE_PER_KEY;
    why->has_segment = campaign->trigger_kind == TRIGGER_ENTERED;
    entry_ask(&r, row, &why->may_by_rule, &why->is_audience, &why->meets_exit, &why->is_in_segment);
    const struct entry *entry = react_entry(&r, program->campaign_names[row], false);
    if (entry) {
        why->entered_at_ms = entry->entered_at_ms;
        why->left_at_ms = entry->left_at_ms;
    }
    for (uint32_t i = 0; i < r.patient->enrollments_count; i++)
        why->is_inside |= r.patient->enrollments[i].campaign == program->campaign_names[row] &&
                          is_inside_campaign(&r.patient->enrollments[i]);
    return STATUS_OK;
}

/* --- erasure --- */

/* The journal stays, since counts are made of it; texts in it go. */
static enum status blank_journal(struct engine *engine, uint64_t id)
{
    enum status status = STATUS_OK;
    while (id && status == STATUS_OK) {
        struct store_journal row;
        struct journal_entry entry;
        struct buf data;
        bool has_text = false;
        status = store_journal_get(engine->store, id, &engine->slice, &row);
        if (status != STATUS_OK)
            break;
        struct reader in = reader_of(row.data);
        buf_init(&data, 0);
        while (journal_decode(&in, &entry)) {
            has_text |= entry.text.len > 0;
            entry.text = (struct str){0};
            journal_encode(&data, &entry);
            if (status == STATUS_OK && entry.outbox)
                status = store_outbox_erase(engine->store, entry.outbox);
        }
        if (status == STATUS_OK && has_text)
            status = store_journal_replace(engine->store, id, buf_view(&data));
        buf_free(&data);
        id = row.previous;
    }
    return status == STATUS_MISSING ? STATUS_OK : status;
}

static enum status erase_events(struct engine *engine, uint64_t id)
{
    enum status status = STATUS_OK;
    while (id && status == STATUS_OK) {
        struct store_event event;
        arena_reset(&engine->slice);
        status = store_event_get(engine->store, id, &engine->slice, &event);
        if (status == STATUS_OK)
            status = store_event_remove(engine->store, id);
        id = event.previous;
    }
    return status == STATUS_MISSING ? STATUS_OK : status;
}

enum status engine_erase(struct engine *engine, struct str id, int64_t now_ms)
{
    struct react r;
    struct patient patient;
    arena_reset(&engine->slice);
    enum status status = store_tombstone_put(engine->store, id, now_ms);
    if (status == STATUS_OK)
        status = store_rejected_forget(engine->store, id);
    if (status == STATUS_OK)
        status = engine_look(engine, id, &engine->slice, &patient);
    if (status != STATUS_OK)
        return status;
    uint64_t key = patient.key;
    status = react_open(engine, (struct str){0}, key, now_ms, &r);
    if (status != STATUS_OK)
        return status;
    for (uint32_t i = 0; i < r.patient->enrollments_count; i++)
        if (is_inside_campaign(&r.patient->enrollments[i]))
            react_end(&r, &r.patient->enrollments[i], STR("erased"), true);
    r.patient->enrollments_count = 0;
    r.patient->approvals_count = 0;
    status = react_close(&r);
    uint64_t journal = r.patient->last_journal, event = r.patient->last_event;
    if (status == STATUS_OK)
        status = blank_journal(engine, journal);
    if (status == STATUS_OK)
        status = erase_events(engine, event);
    return status == STATUS_OK ? store_patient_remove(engine->store, key, id) : status;
}

/* --- source lines --- */

bool program_step_line(const struct program *program, uint32_t step, struct str *file,
                       uint32_t *line)
{
    const struct image *image = program->image;
    uint32_t at = 0;
    for (uint32_t i = 0; i < image->campaign_count; i++) {
        const struct image_campaign *campaign = &image->campaigns[i];
        const struct image_code *code = &image->codes[campaign->workflow];
        if (step - campaign->steps.first >= campaign->steps.count)
            continue;
        while (at < code->count && image->instructions[code->first + at] != op_c(OP_STEP, step))
            at++;
        if (at == code->count)
            return false;
        at += code->first;
        const struct image_line *found = NULL;
        for (uint32_t k = 0; k < image->line_count && image->lines[k].instruction <= at; k++)
            found = &image->lines[k];
        if (!found)
            return false;
        *file = image->files[found->file];
        *line = found->line;
        return true;
    }
    return false;
}
