/* past.c: goals of enrollments that are gone. A goal counts by its event's timestamp (LANGUAGE.md
 * T2, S4), however late the event comes; an enrollment leaves the patient's record when its goal
 * cannot come any more without being late. What its goal needs stands in the journal: when it was
 * entered, what was handed over, and whether it was converted. So a late event that some goal goes
 * by walks the patient's journal, and nothing is kept for it that is not kept anyway. */
#include "vm/run/internal.h"

struct past {
    struct react *react;
    struct enrollment *gone; /* newest first */
    uint32_t count, room;
};

/* NULL: it is still in the record, or there is no room. */
static struct enrollment *enrollment_of(struct past *past, const struct journal_entry *entry)
{
    struct arena *arena = &past->react->engine->slice;
    for (uint32_t i = 0; i < past->count; i++)
        if (past->gone[i].id == entry->enrollment)
            return &past->gone[i];
    if (patient_enrollment(past->react->patient, entry->enrollment))
        return NULL;
    past->gone = arena_grow(arena, past->gone, past->count, &past->room, sizeof *past->gone);
    if (!past->gone) {
        react_lose(past->react, STATUS_LIMIT);
        past->count = past->room = 0;
        return NULL;
    }
    struct enrollment *e = &past->gone[past->count++];
    *e = (struct enrollment){.id = entry->enrollment,
                             .image = entry->image,
                             .state = ENROLLMENT_ENDED,
                             .entered_at_ms = NEVER_MS,
                             .wake_at_ms = NEVER_MS};
    return e;
}

/* A notice to staff is no anchor (M3). */
static bool is_anchor(struct past *past, const struct journal_entry *entry)
{
    const struct program *program = engine_program_of(past->react->engine, entry->image);
    if (entry->word != WORD_HANDED_OVER && entry->word != WORD_WITHHELD)
        return false;
    for (uint32_t i = 0; program && i < program->image->message_count; i++)
        if (program->message_names[i] == entry->item)
            return !program->image->messages[i].is_notice &&
                   program->image->messages[i].channel != CHANNEL_WEBHOOK;
    return false;
}

static void take_entry(struct past *past, const struct journal_entry *entry, int64_t at_ms)
{
    struct enrollment *e = entry->enrollment ? enrollment_of(past, entry) : NULL;
    if (!e)
        return;
    if (entry->kind == ENTRY_STARTED || entry->kind == ENTRY_HELD_OUT) {
        e->campaign = entry->item;
        e->entered_at_ms = at_ms;
        e->is_holdout = entry->kind == ENTRY_HELD_OUT;
    } else if (entry->kind == ENTRY_CONVERTED) {
        e->is_converted = true;
    } else if (entry->kind == ENTRY_MESSAGE && is_anchor(past, entry)) {
        /* Each time that it was handed over opens a window of its own. */
        struct mark *marks =
            arena_array(&past->react->engine->slice, e->mark_count + 1, sizeof *marks);
        if (!marks) {
            react_lose(past->react, STATUS_LIMIT);
            return;
        }
        if (e->mark_count)
            memcpy(marks, e->marks, e->mark_count * sizeof *marks);
        marks[e->mark_count++] = (struct mark){.message = entry->item, .handed_over_at_ms = at_ms};
        e->marks = marks;
    }
}

static void read_journal(struct past *past)
{
    struct react *r = past->react;
    struct arena scratch;
    struct store_journal row;
    struct journal_entry entry;
    arena_init(&scratch, SLICE_BYTES);
    for (uint64_t id = r->patient->last_journal; id; id = row.previous) {
        arena_reset(&scratch);
        if (store_journal_get(r->engine->store, id, &scratch, &row) != STATUS_OK)
            break;
        struct reader in = reader_of(row.data);
        while (journal_decode(&in, &entry))
            take_entry(past, &entry, row.at_ms);
    }
    arena_free(&scratch);
}

/* The event that triggered it, for the alias of the trigger: the newest of that name that had
 * arrived. */
static void find_trigger(struct react *r, struct enrollment *e)
{
    const struct program *program;
    uint32_t row;
    const struct image_campaign *campaign = react_campaign(r, e, &program, &row);
    const struct host *host = &r->engine->host;
    struct arena scratch;
    struct event event;
    if (!campaign)
        return;
    e->slot_count = campaign->slot_count;
    e->slots = arena_array(&r->engine->slice, e->slot_count + 1, sizeof *e->slots);
    if (!e->slots) {
        e->slot_count = 0;
        react_lose(r, STATUS_LIMIT);
    }
    if (!e->slots || campaign->trigger_kind != TRIGGER_EVENT)
        return;
    arena_init(&scratch, SLICE_BYTES);
    for (uint64_t id = r->patient->last_event; id && !e->event; id = event.previous) {
        arena_reset(&scratch);
        if (!host->event(host->context, id, &scratch, &event))
            break;
        if (event.name == program->event_names[campaign->trigger_event] &&
            event.received_at_ms <= e->entered_at_ms)
            e->event = id;
    }
    arena_free(&scratch);
    if (campaign->trigger_slot < e->slot_count)
        e->slots[campaign->trigger_slot] =
            (struct value){.kind = VALUE_EVENT, .i = (int64_t)e->event};
}

void past_goals(struct react *r, const struct happening *h)
{
    struct past past = {.react = r};
    if (!h->event || !h->is_history || !goal_reads(r, h->event->name))
        return;
    read_journal(&past);
    while (past.count--) {
        struct enrollment *e = &past.gone[past.count];
        if (e->is_converted || e->entered_at_ms == NEVER_MS || e->entered_at_ms > h->event->at_ms)
            continue;
        find_trigger(r, e);
        goal_review_gone(r, e, h);
    }
}
