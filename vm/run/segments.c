/* segments.c: what a change does before anybody reacts to it: attributes, memberships, memories of
 * events; which segments flip; what object triggers held before. */
#include "vm/run/internal.h"

static struct membership *membership_of(struct react *r, uint32_t segment)
{
    for (uint32_t i = 0; i < r->patient->memberships_count; i++)
        if (r->patient->memberships[i].segment == segment)
            return &r->patient->memberships[i];
    return NULL;
}

bool react_set_membership(struct react *r, uint32_t segment, bool is_in)
{
    struct membership *membership = membership_of(r, segment);
    if ((membership != NULL) == is_in)
        return false;
    react_look(r, key_of(READ_SEGMENT, segment));
    if (is_in) {
        struct membership *added = patient_add_membership(r->patient);
        if (added)
            *added = (struct membership){segment, r->now_ms};
        else
            react_lose(r, STATUS_LIMIT);
    } else {
        *membership = r->patient->memberships[--r->patient->memberships_count];
    }
    return true;
}

bool react_set_subscription(struct react *r, uint32_t topic, bool is_on)
{
    react_look(r, key_of(READ_TOPIC, topic));
    for (uint32_t i = 0; i < r->patient->subscriptions_count; i++)
        if (r->patient->subscriptions[i].topic == topic) {
            bool differs = r->patient->subscriptions[i].is_subscribed != is_on;
            r->patient->subscriptions[i].is_subscribed = is_on;
            r->patient->subscriptions[i].at_ms = r->now_ms;
            return differs;
        }
    struct subscription *added = patient_add_subscription(r->patient);
    if (added)
        *added = (struct subscription){topic, is_on, r->now_ms};
    else
        react_lose(r, STATUS_LIMIT);
    return true;
}

static bool is_same(struct value a, struct value b)
{
    struct buf x, y;
    buf_init(&x, 0);
    buf_init(&y, 0);
    value_encode(&x, a);
    value_encode(&y, b);
    bool same = str_eq(buf_view(&x), buf_view(&y));
    buf_free(&x);
    buf_free(&y);
    return same;
}

bool react_set_attribute(struct react *r, const struct program *program, uint32_t row,
                         struct value value, struct attribute_change *change)
{
    uint32_t name = program->attribute_names[row];
    struct value before = patient_attribute(r->patient, name);
    react_look(r, key_of(READ_ATTRIBUTE, name));
    if (!patient_set_attribute(r->patient, name, value))
        return false;
    struct arena *arena = &r->engine->slice;
    *change = (struct attribute_change){name, attribute_given(program, row, before, arena),
                                        attribute_given(program, row, value, arena)};
    return !is_same(change->before, change->after);
}

/* --- segments --- */

static void add_turn(struct react *r, struct work *work, uint32_t row, bool entered)
{
    for (uint32_t i = 0; i < work->turn_count; i++)
        if (work->turns[i].row == row) { /* back again: nothing has happened */
            work->turns[i] = work->turns[--work->turn_count];
            return;
        }
    struct turn_of_segment *moved = arena_grow(&r->engine->slice, work->turns, work->turn_count,
                                               &work->turn_room, sizeof *moved);
    if (!moved) {
        react_lose(r, STATUS_LIMIT);
        return;
    }
    work->turns = moved;
    work->turns[work->turn_count++] = (struct turn_of_segment){row, entered};
}

static void add_rows(struct react *r, struct row_list *to, const struct row_list *rows)
{
    for (uint32_t i = 0; rows && i < rows->count; i++)
        if (!row_list_add(&r->engine->slice, to, rows->at[i]))
            react_lose(r, STATUS_LIMIT);
}

static const struct row_list *segments_of(struct react *r, uint64_t key)
{
    const struct reach *reach = index_reach(react_index(r), key);
    return reach ? &reach->segments : NULL;
}

static void first_rows(struct react *r, struct work *work, struct row_list *dirty)
{
    const struct program *program = r->engine->current;
    for (uint32_t i = 0; work->is_all && i < program->image->segment_count; i++)
        row_list_add(&r->engine->slice, dirty, i);
    for (uint32_t i = 0; !work->is_all && i < work->key_count; i++)
        add_rows(r, dirty, segments_of(r, work->keys[i]));
    if (r->patient->segments_at_ms <= r->now_ms) {
        add_rows(r, dirty, &react_index(r)->timed_segments);
        r->patient->segments_at_ms = NEVER_MS;
        r->is_segment_time_stale = true;
    }
}

/* Segments that read other segments follow in the next round; two that chase each other stop after
 * as many rounds as there are segments. */
void review_segments(struct react *r, struct work *work)
{
    const struct program *program = r->engine->current;
    const struct image *image = program->image;
    struct row_list dirty = {0};
    first_rows(r, work, &dirty);
    for (uint32_t round = 0; dirty.count && round <= image->segment_count; round++) {
        struct row_list next = {0};
        for (uint32_t i = 0; i < dirty.count; i++) {
            uint32_t row = dirty.at[i], code = image->segments[row].condition;
            struct env env = react_env(r, program, NULL);
            r->engine->work++;
            if (code == IMAGE_NONE)
                continue;
            r->is_segment_time_stale |= image->codes[code].is_timed != 0;
            bool is_in = machine_test(&env, code);
            if (!react_set_membership(r, program->segment_names[row], is_in))
                continue;
            add_turn(r, work, row, is_in);
            add_rows(r, &next, segments_of(r, key_of(READ_SEGMENT, program->segment_names[row])));
        }
        dirty = next;
    }
}

/* --- object triggers --- */

struct truths *react_truths(struct react *r, uint32_t row)
{
    const struct program *program = r->engine->current;
    const struct image_campaign *campaign = &program->image->campaigns[row];
    struct patient *p = r->patient;
    for (struct truths *t = r->truths; t; t = t->next)
        if (t->row == row)
            return t;
    struct truths *truths = arena_alloc(&r->engine->slice, sizeof *truths);
    uint8_t *held = arena_alloc(&r->engine->slice, p->objects_count + 1);
    if (!truths || !held) {
        react_lose(r, STATUS_LIMIT);
        return NULL;
    }
    *truths = (struct truths){row, held, p->objects_count, r->truths};
    r->truths = truths;
    struct env env = react_env(r, program, NULL);
    env.now_ms = p->settled_at_ms < r->now_ms ? p->settled_at_ms : r->now_ms;
    for (uint32_t i = 0; i < p->objects_count; i++) {
        env.object = &p->objects[i];
        held[i] = env.object->object == program->object_names[campaign->trigger_object] &&
                  machine_test(&env, campaign->trigger_where);
    }
    return truths;
}

void react_look(struct react *r, uint64_t key)
{
    const struct reach *reach = r->engine->current ? index_reach(react_index(r), key) : NULL;
    for (uint32_t i = 0; reach && i < reach->objects.count; i++)
        react_truths(r, reach->objects.at[i]);
}

static bool has_number(const uint32_t *numbers, uint32_t count, uint32_t number)
{
    for (uint32_t i = 0; i < count; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

/* --- memories --- */

static struct memory *memory_of(struct react *r, uint32_t did, bool add)
{
    for (uint32_t k = 0; k < r->patient->memories_count; k++)
        if (r->patient->memories[k].did == did)
            return &r->patient->memories[k];
    struct memory *memory = add ? patient_add_memory(r->patient) : NULL;
    if (memory)
        memory->did = did;
    return memory;
}

/* Does the event count for the term? */
static bool is_remembered(struct react *r, const struct program *program, uint32_t row,
                          const struct event *event, struct arena *arena)
{
    struct env env = react_env(r, program, NULL);
    env.arena = arena;
    env.event = event;
    return machine_test(&env, program->image->dids[row].where);
}

/* The newest times, newest first, as many as the term counts. */
static void memorize(struct react *r, const struct program *program, uint32_t row,
                     const struct event *event)
{
    struct arena *arena = &r->engine->slice;
    uint32_t most = program->image->dids[row].at_least;
    if (!is_remembered(r, program, row, event, arena))
        return;
    struct memory *memory = memory_of(r, program->did_names[row], true);
    int64_t *times = arena_array(arena, (memory ? memory->count : 0) + 1, sizeof *times);
    if (!memory || !times) {
        react_lose(r, STATUS_LIMIT);
        return;
    }
    if (memory->count)
        memcpy(times, memory->at_ms, memory->count * sizeof *times);
    memory->at_ms = times;
    if (memory->count > most)
        memory->count = most;
    times_add(times, &memory->count, most, event->at_ms);
}

void react_memorize(struct react *r, const struct event *event)
{
    const struct program *current = r->engine->current;
    const struct reach *reach = index_reach(react_index(r), key_of(READ_EVENT, event->name));
    for (uint32_t i = 0; reach && i < reach->dids.count; i++)
        memorize(r, current, reach->dids.at[i], event);
    /* Who stays on another image goes on remembering by its terms. */
    const struct program *other;
    for (uint32_t k = 0; (other = react_other(r, &k)) != NULL;) {
        reach = index_reach(r->engine->indexes[other->number], key_of(READ_EVENT, event->name));
        for (uint32_t i = 0; reach && i < reach->dids.count; i++)
            if (!has_number(current->did_names, current->image->did_count,
                            other->did_names[reach->dids.at[i]]))
                memorize(r, other, reach->dids.at[i], event);
    }
}

const struct program *react_other(struct react *r, uint32_t *cursor)
{
    const struct patient *p = r->patient;
    while (*cursor < p->enrollments_count) {
        uint32_t i = (*cursor)++, image = p->enrollments[i].image;
        bool is_known = image == r->engine->current->number;
        for (uint32_t k = 0; k < i && !is_known; k++)
            is_known = p->enrollments[k].image == image;
        const struct program *program = is_known ? NULL : engine_program_of(r->engine, image);
        if (program)
            return program;
    }
    return NULL;
}

/* --- another image --- */

/* Terms that the image before did not have. */
static void find_fresh(struct react *r, const struct program *before, struct row_list *fresh)
{
    const struct program *program = r->engine->current;
    const struct image *image = program->image;
    for (uint32_t i = 0; i < image->did_count; i++)
        if (!image->dids[i].walks &&
            !(before &&
              has_number(before->did_names, before->image->did_count, program->did_names[i])))
            row_list_add(&r->engine->slice, fresh, i);
}

static void keep_memory(struct react *r, uint32_t did, const struct memory *filled)
{
    struct memory *memory = memory_of(r, did, filled->count != 0);
    if (memory)
        *memory = (struct memory){did, filled->count, filled->at_ms};
    else if (filled->count)
        react_lose(r, STATUS_LIMIT);
}

/* They are filled from the patient's events. One of those at a time is in memory, so that the
 * length of a history does not matter. */
static void fill_memories(struct react *r, const struct program *before)
{
    const struct program *program = r->engine->current;
    const struct image_did *dids = program->image->dids;
    struct arena *slice = &r->engine->slice, scratch;
    struct row_list fresh = {0};
    find_fresh(r, before, &fresh);
    struct memory *filled = arena_array(slice, fresh.count + 1, sizeof *filled);
    for (uint32_t i = 0; filled && i < fresh.count; i++)
        if (!(filled[i].at_ms = arena_array(slice, dids[fresh.at[i]].at_least, sizeof(int64_t))))
            filled = NULL;
    if (!filled) {
        react_lose(r, STATUS_LIMIT);
        return;
    }
    arena_init(&scratch, SLICE_BYTES);
    for (uint64_t id = fresh.count ? r->patient->last_event : 0; id;) {
        struct event event;
        arena_reset(&scratch);
        if (!r->engine->host.event(r->engine->host.context, id, &scratch, &event))
            break;
        for (uint32_t i = 0; i < fresh.count; i++)
            if (program->event_names[dids[fresh.at[i]].event] == event.name &&
                is_remembered(r, program, fresh.at[i], &event, &scratch))
                times_add(filled[i].at_ms, &filled[i].count, dids[fresh.at[i]].at_least,
                          event.at_ms);
        id = event.previous;
    }
    arena_free(&scratch);
    for (uint32_t i = 0; i < fresh.count; i++)
        keep_memory(r, program->did_names[fresh.at[i]], &filled[i]);
}

void react_rebase(struct react *r)
{
    const struct program *program = r->engine->current;
    struct work work = {.is_all = true};
    react_replay(r, engine_program_of(r->engine, r->patient->image));
    fill_memories(r, engine_program_of(r->engine, r->patient->image));
    review_segments(r, &work); /* nobody enters for it: the work is dropped */
    for (uint32_t i = 0; i < react_index(r)->objects.count; i++)
        react_truths(r, react_index(r)->objects.at[i]);
    r->is_segment_time_stale = r->is_object_time_stale = r->is_date_time_stale = true;
    r->patient->image = program->number;
}

/* --- time --- */

void react_find_flips(struct react *r)
{
    const struct program *program = r->engine->current;
    const struct index *index = react_index(r);
    struct patient *p = r->patient;
    int64_t flips = NEVER_MS;
    struct env env = react_env(r, program, NULL);
    env.flips_at_ms = &flips;
    for (uint32_t i = 0; r->is_segment_time_stale && i < index->timed_segments.count; i++)
        machine_test(&env, program->image->segments[index->timed_segments.at[i]].condition);
    if (r->is_segment_time_stale)
        p->segments_at_ms = flips;
    flips = NEVER_MS;
    for (uint32_t i = 0; r->is_object_time_stale && i < index->timed_objects.count; i++) {
        const struct image_campaign *campaign =
            &program->image->campaigns[index->timed_objects.at[i]];
        for (uint32_t k = 0; k < p->objects_count; k++) {
            env.object = &p->objects[k];
            if (env.object->object == program->object_names[campaign->trigger_object])
                machine_test(&env, campaign->trigger_where);
        }
    }
    if (r->is_object_time_stale)
        p->objects_at_ms = flips;
}
