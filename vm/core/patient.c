/* patient.c: the record of one patient: lists in memory, varints on disk. A record begins with its
 * version and the outside id; each list is its count and its elements. */
#include "vm/core/patient.h"

#include "vm/base/hash.h"

enum { RECORD_VERSION = 2, MAX_ELEMENTS = 100000, MAX_SLOTS = 4096 };

void patient_init(struct patient *patient, struct arena *arena, struct str id, uint64_t key)
{
    *patient = (struct patient){.arena = arena,
                                .id = arena_str(arena, id),
                                .key = key,
                                .segments_at_ms = NEVER_MS,
                                .objects_at_ms = NEVER_MS,
                                .dates_at_ms = NEVER_MS,
                                .settled_at_ms = NEVER_MS};
}

#define X(type, name)                                                                              \
    struct type *patient_add_##type(struct patient *patient)                                       \
    {                                                                                              \
        struct type *moved = arena_grow(patient->arena, patient->name, patient->name##_count,      \
                                        &patient->name##_room, sizeof *moved);                     \
        if (!moved)                                                                                \
            return NULL;                                                                           \
        patient->name = moved;                                                                     \
        struct type *added = &moved[patient->name##_count++];                                      \
        memset(added, 0, sizeof *added);                                                           \
        return added;                                                                              \
    }
PATIENT_LISTS(X)
#undef X

static void put_cells(struct buf *out, const struct cell *cells, uint32_t count)
{
    buf_varint(out, count);
    for (uint32_t i = 0; i < count; i++) {
        buf_varint(out, cells[i].name);
        value_encode(out, cells[i].value);
    }
}

static void put_enrollment(struct buf *out, const struct enrollment *e)
{
    buf_varint(out, e->id);
    buf_varint(out, e->campaign);
    buf_varint(out, e->image);
    buf_byte(out,
             (unsigned char)(e->state | (e->is_goal_true ? 8 : 0) | (e->is_holdout ? 16 : 0) |
                             (e->is_converted ? 32 : 0) | (e->wait_first_ms != NEVER_MS ? 64 : 0) |
                             (e->wake_at_ms != NEVER_MS ? 128 : 0)));
    buf_zigzag(out, e->entered_at_ms);
    buf_varint(out, e->event);
    buf_varint(out, e->pc);
    buf_varint(out, e->resume);
    buf_zigzag(out, e->wait_began_ms - e->entered_at_ms);
    if (e->wait_first_ms != NEVER_MS)
        buf_zigzag(out, e->wait_first_ms - e->entered_at_ms);
    if (e->wake_at_ms != NEVER_MS)
        buf_zigzag(out, e->wake_at_ms - e->entered_at_ms);
    buf_zigzag(out, e->goal_until_ms == NEVER_MS ? 0 : e->goal_until_ms - e->entered_at_ms + 1);
    buf_bytes(out, e->reason);
    buf_varint(out, e->slot_count);
    for (uint32_t i = 0; i < e->slot_count; i++)
        value_encode(out, e->slots[i]);
    buf_varint(out, e->mark_count);
    for (uint32_t i = 0; i < e->mark_count; i++) {
        const struct mark *mark = &e->marks[i];
        buf_varint(out, mark->message);
        buf_zigzag(out, mark->handed_over_at_ms == NEVER_MS ? -1 : mark->handed_over_at_ms);
        buf_byte(out, (unsigned char)(mark->is_received | mark->is_opened << 1 |
                                      mark->is_clicked << 2 | mark->is_drafted << 3));
    }
}

void patient_encode(const struct patient *p, struct buf *out)
{
    buf_byte(out, RECORD_VERSION);
    buf_bytes(out, p->id);
    bool is_settled = p->objects_count && p->settled_at_ms != NEVER_MS;
    buf_byte(out, (unsigned char)(p->is_erased | is_settled << 1 |
                                  (p->objects_at_ms != NEVER_MS) << 2 | p->stopped << 3));
    if (is_settled)
        buf_zigzag(out, p->settled_at_ms);
    if (p->objects_at_ms != NEVER_MS)
        buf_zigzag(out, p->objects_at_ms);
    buf_varint(out, p->image);
    buf_varint(out, p->last_event);
    buf_varint(out, p->last_journal);
    buf_zigzag(out, p->segments_at_ms == NEVER_MS ? -1 : p->segments_at_ms);
    buf_zigzag(out, p->dates_at_ms == NEVER_MS ? -1 : p->dates_at_ms);
    put_cells(out, p->attributes, p->attributes_count);
    buf_varint(out, p->subscriptions_count);
    for (uint32_t i = 0; i < p->subscriptions_count; i++) {
        buf_varint(out,
                   (uint64_t)p->subscriptions[i].topic << 1 | p->subscriptions[i].is_subscribed);
        buf_zigzag(out, p->subscriptions[i].at_ms);
    }
    buf_varint(out, p->memberships_count);
    for (uint32_t i = 0; i < p->memberships_count; i++) {
        buf_varint(out, p->memberships[i].segment);
        buf_zigzag(out, p->memberships[i].since_ms);
    }
    buf_varint(out, p->memories_count);
    for (uint32_t i = 0; i < p->memories_count; i++) {
        buf_varint(out, p->memories[i].did);
        buf_varint(out, p->memories[i].count);
        for (uint32_t k = 0; k < p->memories[i].count; k++)
            buf_zigzag(out, p->memories[i].at_ms[k]);
    }
    buf_varint(out, p->objects_count);
    for (uint32_t i = 0; i < p->objects_count; i++) {
        buf_varint(out, p->objects[i].object);
        buf_bytes(out, p->objects[i].id);
        buf_zigzag(out, p->objects[i].changed_at_ms);
        put_cells(out, p->objects[i].cells, p->objects[i].cell_count);
    }
    buf_varint(out, p->sendings_count);
    for (uint32_t i = 0; i < p->sendings_count; i++) {
        buf_zigzag(out, p->sendings[i].at_ms);
        buf_varint(out, p->sendings[i].campaign);
        buf_varint(out, p->sendings[i].message);
        buf_byte(out,
                 (unsigned char)(p->sendings[i].channel | p->sendings[i].is_transactional << 4));
    }
    buf_varint(out, p->entries_count);
    for (uint32_t i = 0; i < p->entries_count; i++) {
        buf_varint(out, p->entries[i].campaign);
        buf_varint(out, p->entries[i].count);
        buf_zigzag(out, p->entries[i].entered_at_ms == NEVER_MS ? -1 : p->entries[i].entered_at_ms);
        buf_zigzag(out, p->entries[i].left_at_ms == NEVER_MS ? -1 : p->entries[i].left_at_ms);
    }
    buf_varint(out, p->entry_keys_count);
    for (uint32_t i = 0; i < p->entry_keys_count; i++) {
        buf_varint(out, p->entry_keys[i].campaign);
        buf_u64(out, p->entry_keys[i].hash);
    }
    buf_varint(out, p->enrollments_count);
    for (uint32_t i = 0; i < p->enrollments_count; i++)
        put_enrollment(out, &p->enrollments[i]);
    buf_varint(out, p->approvals_count);
    for (uint32_t i = 0; i < p->approvals_count; i++) {
        buf_varint(out, p->approvals[i].outbox);
        buf_zigzag(out, p->approvals[i].at_ms);
    }
}

static uint32_t get_count(struct reader *in, uint32_t limit)
{
    uint32_t count = read_varint32(in);
    /* Every element takes at least a byte. */
    if (count > limit || count > reader_left(in))
        in->failed = true;
    return in->failed ? 0 : count;
}

static struct cell *get_cells(struct reader *in, struct arena *arena, uint32_t *count)
{
    *count = get_count(in, MAX_ELEMENTS);
    struct cell *cells = arena_array(arena, *count, sizeof *cells);
    if (!cells) {
        in->failed = true;
        return NULL;
    }
    for (uint32_t i = 0; i < *count; i++) {
        cells[i].name = read_varint32(in);
        cells[i].value = value_decode(in, arena);
    }
    return cells;
}

static int64_t get_moment(struct reader *in)
{
    int64_t at_ms = read_zigzag(in);
    return at_ms == -1 ? NEVER_MS : at_ms;
}

/* An instant, stored as its distance from another: both far inside 64 bits, so that the sums and
 * differences of later code cannot overflow. */
static int64_t get_near(struct reader *in, int64_t from_ms)
{
    const int64_t most_ms = INT64_C(1) << 60;
    int64_t distance = read_zigzag(in);
    if (distance > most_ms || distance < -most_ms)
        in->failed = true;
    return in->failed ? 0 : from_ms + distance;
}

static void get_enrollment(struct reader *in, struct arena *arena, struct enrollment *e)
{
    *e = (struct enrollment){.id = read_varint(in)};
    e->campaign = read_varint32(in);
    e->image = read_varint32(in);
    uint8_t bits = read_byte(in);
    e->state = bits & 7;
    e->is_goal_true = bits & 8;
    e->is_holdout = bits & 16;
    e->is_converted = bits & 32;
    if (e->state < ENROLLMENT_READY || e->state > ENROLLMENT_CANDIDATE)
        in->failed = true;
    e->entered_at_ms = get_near(in, 0);
    e->event = read_varint(in);
    e->pc = read_varint32(in);
    e->resume = read_varint32(in);
    e->wait_began_ms = get_near(in, e->entered_at_ms);
    e->wait_first_ms = bits & 64 ? get_near(in, e->entered_at_ms) : NEVER_MS;
    e->wake_at_ms = bits & 128 ? get_near(in, e->entered_at_ms) : NEVER_MS;
    int64_t goal = get_near(in, 0);
    e->goal_until_ms = goal ? e->entered_at_ms + goal - 1 : NEVER_MS;
    e->reason = read_sized(in);
    e->slot_count = get_count(in, MAX_SLOTS);
    e->slots = arena_array(arena, e->slot_count, sizeof *e->slots);
    for (uint32_t i = 0; e->slots && i < e->slot_count; i++)
        e->slots[i] = value_decode(in, arena);
    e->mark_count = get_count(in, MAX_ELEMENTS);
    e->marks = arena_array(arena, e->mark_count, sizeof *e->marks);
    if (!e->slots || !e->marks)
        in->failed = true;
    for (uint32_t i = 0; e->marks && i < e->mark_count; i++) {
        e->marks[i].message = read_varint32(in);
        e->marks[i].handed_over_at_ms = get_moment(in);
        uint8_t flags = read_byte(in);
        e->marks[i].is_received = flags & 1;
        e->marks[i].is_opened = flags & 2;
        e->marks[i].is_clicked = flags & 4;
        e->marks[i].is_drafted = flags & 8;
    }
}

/* An array of exactly the count that follows. */
#define GET_LIST(type, name)                                                                       \
    patient->name##_count = patient->name##_room = get_count(&in, MAX_ELEMENTS);                   \
    patient->name = arena_array(arena, patient->name##_count, sizeof(struct type));                \
    if (!patient->name)                                                                            \
        return STATUS_LIMIT;                                                                       \
    for (struct type *item = patient->name; item < patient->name + patient->name##_count; item++)

enum status patient_decode(struct patient *patient, struct arena *arena, uint64_t key,
                           struct str bytes)
{
    struct reader in = reader_of(bytes);
    *patient = (struct patient){.arena = arena, .key = key};
    if (read_byte(&in) != RECORD_VERSION)
        return STATUS_CORRUPT;
    patient->id = read_sized(&in);
    uint8_t head = read_byte(&in);
    patient->is_erased = head & 1;
    patient->stopped = head >> 3;
    patient->settled_at_ms = head & 2 ? get_near(&in, 0) : NEVER_MS;
    patient->objects_at_ms = head & 4 ? get_near(&in, 0) : NEVER_MS;
    patient->image = read_varint32(&in);
    patient->last_event = read_varint(&in);
    patient->last_journal = read_varint(&in);
    patient->segments_at_ms = get_moment(&in);
    patient->dates_at_ms = get_moment(&in);
    patient->attributes = get_cells(&in, arena, &patient->attributes_count);
    patient->attributes_room = patient->attributes_count;
    GET_LIST(subscription, subscriptions)
    {
        uint64_t bits = read_varint(&in);
        item->topic = (uint32_t)(bits >> 1);
        item->is_subscribed = bits & 1;
        item->at_ms = read_zigzag(&in);
    }
    GET_LIST(membership, memberships)
    {
        item->segment = read_varint32(&in);
        item->since_ms = read_zigzag(&in);
    }
    GET_LIST(memory, memories)
    {
        item->did = read_varint32(&in);
        item->count = get_count(&in, MAX_ELEMENTS);
        item->at_ms = arena_array(arena, item->count, sizeof *item->at_ms);
        for (uint32_t k = 0; item->at_ms && k < item->count; k++)
            item->at_ms[k] = read_zigzag(&in);
        in.failed |= !item->at_ms;
    }
    GET_LIST(object, objects)
    {
        item->object = read_varint32(&in);
        item->id = read_sized(&in);
        item->changed_at_ms = read_zigzag(&in);
        item->cells = get_cells(&in, arena, &item->cell_count);
    }
    GET_LIST(sending, sendings)
    {
        item->at_ms = read_zigzag(&in);
        item->campaign = read_varint32(&in);
        item->message = read_varint32(&in);
        uint8_t bits = read_byte(&in);
        item->channel = bits & 15;
        item->is_transactional = bits & 16;
    }
    GET_LIST(entry, entries)
    {
        item->campaign = read_varint32(&in);
        item->count = read_varint32(&in);
        item->entered_at_ms = get_moment(&in);
        item->left_at_ms = get_moment(&in);
    }
    GET_LIST(entry_key, entry_keys)
    {
        item->campaign = read_varint32(&in);
        item->hash = read_u64(&in);
    }
    GET_LIST(enrollment, enrollments) get_enrollment(&in, arena, item);
    GET_LIST(approval, approvals)
    {
        item->outbox = read_varint(&in);
        item->at_ms = read_zigzag(&in);
    }
    return in.failed || reader_left(&in) ? STATUS_CORRUPT : STATUS_OK;
}

int64_t patient_due_ms(const struct patient *patient)
{
    int64_t due = patient->segments_at_ms < patient->dates_at_ms ? patient->segments_at_ms
                                                                 : patient->dates_at_ms;
    due = patient->objects_at_ms < due ? patient->objects_at_ms : due;
    for (uint32_t i = 0; i < patient->approvals_count; i++)
        if (patient->approvals[i].at_ms < due)
            due = patient->approvals[i].at_ms;
    for (uint32_t i = 0; i < patient->enrollments_count; i++) {
        const struct enrollment *e = &patient->enrollments[i];
        if (e->wake_at_ms < due)
            due = e->wake_at_ms;
        if (e->goal_until_ms < due)
            due = e->goal_until_ms;
    }
    return due;
}

struct value patient_attribute(const struct patient *patient, uint32_t name)
{
    for (uint32_t i = 0; i < patient->attributes_count; i++)
        if (patient->attributes[i].name == name)
            return patient->attributes[i].value;
    return value_unknown();
}

static bool is_same(struct value a, struct value b)
{
    bool is_list = a.kind == VALUE_LIST && b.kind == VALUE_LIST;
    unsigned char room_a[64], room_b[64]; /* more than any value without text takes */
    struct buf x = {.data = room_a, .cap = sizeof room_a, .limit = sizeof room_a};
    struct buf y = {.data = room_b, .cap = sizeof room_b, .limit = sizeof room_b};
    if (a.kind != b.kind || (is_list && a.list->count != b.list->count))
        return false;
    if (a.kind == VALUE_TEXT || a.kind == VALUE_JSON || a.kind == VALUE_OBJECT)
        return str_eq(a.text, b.text) && (a.kind != VALUE_OBJECT || a.months == b.months);
    for (uint32_t i = 0; is_list && i < a.list->count; i++)
        if (!is_same(a.list->items[i], b.list->items[i]))
            return false;
    if (is_list)
        return true;
    value_encode(&x, a);
    value_encode(&y, b);
    return str_eq(buf_view(&x), buf_view(&y));
}

bool patient_set_attribute(struct patient *patient, uint32_t name, struct value value)
{
    for (uint32_t i = 0; i < patient->attributes_count; i++) {
        struct cell *cell = &patient->attributes[i];
        if (cell->name != name)
            continue;
        if (is_same(cell->value, value))
            return false;
        if (value.kind == VALUE_UNKNOWN)
            *cell = patient->attributes[--patient->attributes_count];
        else
            cell->value = value;
        return true;
    }
    struct cell *cell = value.kind == VALUE_UNKNOWN ? NULL : patient_add_cell(patient);
    if (!cell)
        return false;
    *cell = (struct cell){name, value};
    return true;
}

struct object *patient_object(struct patient *patient, uint32_t object, struct str id)
{
    for (uint32_t i = 0; i < patient->objects_count; i++)
        if (patient->objects[i].object == object && str_eq(patient->objects[i].id, id))
            return &patient->objects[i];
    return NULL;
}

struct enrollment *patient_enrollment(struct patient *patient, uint64_t id)
{
    for (uint32_t i = 0; i < patient->enrollments_count; i++)
        if (patient->enrollments[i].id == id)
            return &patient->enrollments[i];
    return NULL;
}

void patient_remove_enrollment(struct patient *patient, struct enrollment *enrollment)
{
    struct enrollment *end = patient->enrollments + patient->enrollments_count--;
    memmove(enrollment, enrollment + 1, (size_t)(end - enrollment - 1) * sizeof *enrollment);
}

struct mark *enrollment_mark(struct patient *patient, struct enrollment *enrollment,
                             uint32_t message, bool add)
{
    for (uint32_t i = 0; i < enrollment->mark_count; i++)
        if (enrollment->marks[i].message == message)
            return &enrollment->marks[i];
    if (!add)
        return NULL;
    struct mark *marks = arena_array(patient->arena, enrollment->mark_count + 1, sizeof *marks);
    if (!marks)
        return NULL;
    if (enrollment->mark_count)
        memcpy(marks, enrollment->marks, enrollment->mark_count * sizeof *marks);
    enrollment->marks = marks;
    struct mark *mark = &marks[enrollment->mark_count++];
    *mark = (struct mark){.message = message, .handed_over_at_ms = NEVER_MS};
    return mark;
}
