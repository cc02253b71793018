/* patient.c: the record of one patient: lists in memory, varints on disk. A record begins with its
 * version, when the patient is due, and the outside id; then bits say which parts follow, so that
 * what most patients do not have costs nothing. A parked enrollment takes about 15 bytes. */
#include "vm/core/patient.h"

#include "vm/base/hash.h"

enum { RECORD_VERSION = 4, MAX_ELEMENTS = 100000, MAX_SLOTS = 4096 };

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

/* Instants are written as steps from the one written before, the first from when the patient is
 * due: what was planned lies whole hours or days apart, so a step is a number and its unit. */
static const int64_t units_ms[] = {1, 1000, 60000, 3600000};

static void put_time(struct buf *out, int64_t *last_ms, int64_t at_ms)
{
    int64_t step_ms = at_ms - *last_ms;
    unsigned unit = ARRAY_COUNT(units_ms) - 1;
    while (step_ms % units_ms[unit])
        unit--;
    int64_t step = step_ms / units_ms[unit];
    buf_varint(out, ((uint64_t)step << 1 ^ (uint64_t)(step >> 63)) << 2 | unit);
    *last_ms = at_ms;
}

/* Far inside 64 bits, so that the sums and differences of later code cannot overflow. */
static int64_t get_time(struct reader *in, int64_t *last_ms)
{
    const int64_t most_ms = INT64_C(1) << 58;
    uint64_t bits = read_varint(in), zigzag = bits >> 2;
    int64_t step = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1), step_ms;
    if (__builtin_mul_overflow(step, units_ms[bits & 3], &step_ms) || step_ms > most_ms ||
        step_ms < -most_ms || *last_ms + step_ms > most_ms || *last_ms + step_ms < -most_ms)
        in->failed = true;
    return *last_ms = in->failed ? 0 : *last_ms + step_ms;
}

/* Ids near another number, which most are. */
static void put_near(struct buf *out, uint64_t id, uint64_t to)
{
    buf_zigzag(out, (int64_t)(id - to));
}

static uint64_t get_near(struct reader *in, uint64_t to)
{
    return to + (uint64_t)read_zigzag(in);
}

static void put_cells(struct buf *out, const struct cell *cells, uint32_t count)
{
    buf_varint(out, count);
    for (uint32_t i = 0; i < count; i++) {
        buf_varint(out, cells[i].name);
        value_encode(out, cells[i].value);
    }
}

/* Which parts of an enrollment are there, and its flags: numbers of bits, after two for the state.
 */
enum enrollment_bit {
    HAS_WAKE = 2,
    HAS_EVENT,
    HAS_SLOTS,
    HAS_MARKS,
    HAS_PC,
    HAS_FIRST,
    HAS_GOAL,
    HAS_REASON,
    IS_GOAL_TRUE,
    IS_HOLDOUT,
    IS_CONVERTED,
    ENROLLMENT_BITS
};
enum { SLOT_IS_EVENT = 255 }; /* in the place of a slot's kind: the event that triggered */

static uint32_t enrollment_bits(const struct enrollment *e)
{
    return (e->state - 1u) | (uint32_t)(e->wake_at_ms != NEVER_MS) << HAS_WAKE |
           (uint32_t)(e->event != 0) << HAS_EVENT | (uint32_t)(e->slot_count != 0) << HAS_SLOTS |
           (uint32_t)(e->mark_count != 0) << HAS_MARKS | (uint32_t)(e->pc != 0) << HAS_PC |
           (uint32_t)(e->wait_first_ms != NEVER_MS) << HAS_FIRST |
           (uint32_t)(e->goal_until_ms != NEVER_MS) << HAS_GOAL |
           (uint32_t)(e->reason.len != 0) << HAS_REASON |
           (uint32_t)e->is_goal_true << IS_GOAL_TRUE | (uint32_t)e->is_holdout << IS_HOLDOUT |
           (uint32_t)e->is_converted << IS_CONVERTED;
}

static void put_slots(struct buf *out, const struct enrollment *e)
{
    buf_varint(out, e->slot_count);
    for (uint32_t i = 0; i < e->slot_count; i++) {
        const struct value *v = &e->slots[i];
        if (v->kind == VALUE_EVENT && (uint64_t)v->i == e->event)
            buf_byte(out, SLOT_IS_EVENT);
        else
            value_encode(out, *v);
    }
}

static void put_marks(struct buf *out, const struct enrollment *e, int64_t *last_ms)
{
    buf_varint(out, e->mark_count);
    for (uint32_t i = 0; i < e->mark_count; i++) {
        const struct mark *mark = &e->marks[i];
        bool has_time = mark->handed_over_at_ms != NEVER_MS;
        buf_varint(out, mark->message);
        buf_byte(out,
                 (unsigned char)(mark->is_received | mark->is_opened << 1 | mark->is_clicked << 2 |
                                 has_time << 3 | mark->is_drafted << 4));
        if (has_time)
            put_time(out, last_ms, mark->handed_over_at_ms);
    }
}

static void put_enrollment(struct buf *out, const struct patient *p, const struct enrollment *e,
                           int64_t *last_ms)
{
    put_near(out, e->id, p->key);
    buf_varint(out, e->campaign);
    buf_varint(out, e->image);
    buf_varint(out, enrollment_bits(e));
    put_time(out, last_ms, e->entered_at_ms);
    if (e->event)
        put_near(out, e->event, p->key);
    if (e->pc)
        buf_varint(out, e->pc);
    buf_varint(out, e->resume);
    put_time(out, last_ms, e->wait_began_ms);
    if (e->wait_first_ms != NEVER_MS)
        put_time(out, last_ms, e->wait_first_ms);
    if (e->wake_at_ms != NEVER_MS)
        put_time(out, last_ms, e->wake_at_ms);
    if (e->goal_until_ms != NEVER_MS)
        put_time(out, last_ms, e->goal_until_ms);
    if (e->reason.len)
        buf_bytes(out, e->reason);
    if (e->slot_count)
        put_slots(out, e);
    if (e->mark_count)
        put_marks(out, e, last_ms);
}

static void put_objects(struct buf *out, const struct patient *p, int64_t *last_ms)
{
    buf_varint(out, p->objects_count);
    for (uint32_t i = 0; i < p->objects_count; i++) {
        buf_varint(out, p->objects[i].object);
        buf_bytes(out, p->objects[i].id);
        put_time(out, last_ms, p->objects[i].changed_at_ms);
        put_cells(out, p->objects[i].cells, p->objects[i].cell_count);
    }
}

static void put_entries(struct buf *out, const struct patient *p, int64_t *last_ms)
{
    buf_varint(out, p->entries_count);
    for (uint32_t i = 0; i < p->entries_count; i++) {
        const struct entry *entry = &p->entries[i];
        bool has_entered = entry->entered_at_ms != NEVER_MS,
             has_left = entry->left_at_ms != NEVER_MS;
        buf_varint(out, entry->campaign);
        buf_varint(out, (uint64_t)entry->count << 2 | has_entered | (uint64_t)has_left << 1);
        if (has_entered)
            put_time(out, last_ms, entry->entered_at_ms);
        if (has_left)
            put_time(out, last_ms, entry->left_at_ms);
    }
}

/* Lists that are seldom there. */
static void put_rare(struct buf *out, const struct patient *p, int64_t *last_ms)
{
    buf_varint(out, p->memberships_count);
    for (uint32_t i = 0; i < p->memberships_count; i++) {
        buf_varint(out, p->memberships[i].segment);
        put_time(out, last_ms, p->memberships[i].since_ms);
    }
    buf_varint(out, p->memories_count);
    for (uint32_t i = 0; i < p->memories_count; i++) {
        buf_varint(out, p->memories[i].did);
        buf_varint(out, p->memories[i].count);
        for (uint32_t k = 0; k < p->memories[i].count; k++)
            put_time(out, last_ms, p->memories[i].at_ms[k]);
    }
    buf_varint(out, p->sendings_count);
    for (uint32_t i = 0; i < p->sendings_count; i++) {
        put_time(out, last_ms, p->sendings[i].at_ms);
        buf_varint(out, p->sendings[i].campaign);
        buf_varint(out, p->sendings[i].message);
        buf_byte(out,
                 (unsigned char)(p->sendings[i].channel | p->sendings[i].is_transactional << 4));
    }
    buf_varint(out, p->entry_keys_count);
    for (uint32_t i = 0; i < p->entry_keys_count; i++) {
        buf_varint(out, p->entry_keys[i].campaign);
        buf_u64(out, p->entry_keys[i].hash);
    }
    buf_varint(out, p->approvals_count);
    for (uint32_t i = 0; i < p->approvals_count; i++) {
        buf_varint(out, p->approvals[i].outbox);
        put_time(out, last_ms, p->approvals[i].at_ms);
    }
}

/* Which parts of a record are there: numbers of bits. */
enum record_bit {
    HAS_LAST_EVENT,
    HAS_ATTRIBUTES,
    HAS_ENTRIES,
    HAS_ENROLLMENTS,
    HAS_SUBSCRIPTIONS,
    HAS_RARE,
    HAS_OBJECTS,
    HAS_LAST_JOURNAL,
    HAS_SEGMENTS_AT,
    HAS_DATES_AT,
    IS_ERASED,
    HAS_OBJECTS_AT,
    HAS_SETTLED_AT,
    RECORD_BITS
};

static uint32_t record_bits(const struct patient *p)
{
    bool has_rare = p->memberships_count || p->memories_count || p->sendings_count ||
                    p->entry_keys_count || p->approvals_count;
    return (uint32_t)(p->last_event != 0) << HAS_LAST_EVENT |
           (uint32_t)(p->attributes_count != 0) << HAS_ATTRIBUTES |
           (uint32_t)(p->entries_count != 0) << HAS_ENTRIES |
           (uint32_t)(p->enrollments_count != 0) << HAS_ENROLLMENTS |
           (uint32_t)(p->subscriptions_count != 0) << HAS_SUBSCRIPTIONS |
           (uint32_t)has_rare << HAS_RARE | (uint32_t)(p->objects_count != 0) << HAS_OBJECTS |
           (uint32_t)(p->last_journal != 0) << HAS_LAST_JOURNAL |
           (uint32_t)(p->segments_at_ms != NEVER_MS) << HAS_SEGMENTS_AT |
           (uint32_t)(p->dates_at_ms != NEVER_MS) << HAS_DATES_AT |
           (uint32_t)p->is_erased << IS_ERASED |
           (uint32_t)(p->objects_at_ms != NEVER_MS) << HAS_OBJECTS_AT |
           (uint32_t)(p->objects_count && p->settled_at_ms != NEVER_MS) << HAS_SETTLED_AT;
}

/* What comes first: whose it is, and what an event or attribute that nothing reads changes. */
static void put_head(const struct patient *p, int64_t due_ms, uint32_t bits, int64_t *last_ms,
                     struct buf *out)
{
    *last_ms = due_ms == NEVER_MS ? 0 : due_ms;
    buf_byte(out, RECORD_VERSION);
    buf_zigzag(out, due_ms == NEVER_MS ? -1 : due_ms);
    buf_bytes(out, p->id);
    buf_varint(out, bits);
    buf_varint(out, p->image);
    if (bits >> HAS_SETTLED_AT & 1)
        put_time(out, last_ms, p->settled_at_ms);
    if (p->objects_at_ms != NEVER_MS)
        put_time(out, last_ms, p->objects_at_ms);
    if (p->last_event)
        put_near(out, p->last_event, p->key);
    if (p->last_journal)
        put_near(out, p->last_journal, p->key);
    if (p->segments_at_ms != NEVER_MS)
        put_time(out, last_ms, p->segments_at_ms);
    if (p->dates_at_ms != NEVER_MS)
        put_time(out, last_ms, p->dates_at_ms);
    if (p->attributes_count)
        put_cells(out, p->attributes, p->attributes_count);
}

void patient_encode_head(const struct patient *p, const struct patient_rest *rest, struct buf *out)
{
    const uint32_t own = 1u << HAS_LAST_EVENT | 1u << HAS_ATTRIBUTES;
    int64_t last_ms;
    put_head(p, rest->due_ms, (rest->bits & ~own) | (record_bits(p) & own), &last_ms, out);
    buf_str(out, rest->bytes);
}

void patient_encode(const struct patient *p, int64_t due_ms, struct buf *out)
{
    int64_t last_ms;
    uint32_t bits = record_bits(p);
    put_head(p, due_ms, bits, &last_ms, out);
    if (p->entries_count)
        put_entries(out, p, &last_ms);
    if (p->enrollments_count) {
        buf_varint(out, p->enrollments_count);
        for (uint32_t i = 0; i < p->enrollments_count; i++)
            put_enrollment(out, p, &p->enrollments[i], &last_ms);
    }
    if (p->subscriptions_count)
        buf_varint(out, p->subscriptions_count);
    for (uint32_t i = 0; i < p->subscriptions_count; i++) {
        buf_varint(out,
                   (uint64_t)p->subscriptions[i].topic << 1 | p->subscriptions[i].is_subscribed);
        put_time(out, &last_ms, p->subscriptions[i].at_ms);
    }
    if (bits >> HAS_RARE & 1)
        put_rare(out, p, &last_ms);
    if (p->objects_count)
        put_objects(out, p, &last_ms);
}

/* --- reading --- */

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

static void get_slots(struct reader *in, struct arena *arena, struct enrollment *e)
{
    e->slot_count = get_count(in, MAX_SLOTS);
    e->slots = arena_array(arena, e->slot_count, sizeof *e->slots);
    in->failed |= !e->slots;
    for (uint32_t i = 0; e->slots && i < e->slot_count; i++)
        if (reader_left(in) && *in->at == SLOT_IS_EVENT) {
            read_byte(in);
            e->slots[i] = (struct value){.kind = VALUE_EVENT, .i = (int64_t)e->event};
        } else {
            e->slots[i] = value_decode(in, arena);
        }
}

static void get_marks(struct reader *in, struct arena *arena, struct enrollment *e,
                      int64_t *last_ms)
{
    e->mark_count = get_count(in, MAX_ELEMENTS);
    e->marks = arena_array(arena, e->mark_count, sizeof *e->marks);
    in->failed |= !e->marks;
    for (uint32_t i = 0; e->marks && i < e->mark_count; i++) {
        e->marks[i].message = read_varint32(in);
        uint8_t flags = read_byte(in);
        e->marks[i].is_received = flags & 1;
        e->marks[i].is_opened = flags & 2;
        e->marks[i].is_clicked = flags & 4;
        e->marks[i].is_drafted = flags & 16;
        e->marks[i].handed_over_at_ms = flags & 8 ? get_time(in, last_ms) : NEVER_MS;
    }
}

static void get_enrollment(struct reader *in, const struct patient *p, struct enrollment *e,
                           int64_t *last_ms)
{
    *e = (struct enrollment){.id = get_near(in, p->key)};
    e->campaign = read_varint32(in);
    e->image = read_varint32(in);
    uint32_t bits = read_varint32(in);
    in->failed |= bits >> ENROLLMENT_BITS != 0;
#define HAS(bit) (bits >> (bit)&1)
    e->state = (uint8_t)((bits & 3) + 1);
    e->is_goal_true = HAS(IS_GOAL_TRUE);
    e->is_holdout = HAS(IS_HOLDOUT);
    e->is_converted = HAS(IS_CONVERTED);
    e->entered_at_ms = get_time(in, last_ms);
    e->event = HAS(HAS_EVENT) ? get_near(in, p->key) : 0;
    e->pc = HAS(HAS_PC) ? read_varint32(in) : 0;
    e->resume = read_varint32(in);
    e->wait_began_ms = get_time(in, last_ms);
    e->wait_first_ms = HAS(HAS_FIRST) ? get_time(in, last_ms) : NEVER_MS;
    e->wake_at_ms = HAS(HAS_WAKE) ? get_time(in, last_ms) : NEVER_MS;
    e->goal_until_ms = HAS(HAS_GOAL) ? get_time(in, last_ms) : NEVER_MS;
    if (HAS(HAS_REASON))
        e->reason = read_sized(in);
    if (HAS(HAS_SLOTS))
        get_slots(in, p->arena, e);
    if (HAS(HAS_MARKS))
        get_marks(in, p->arena, e, last_ms);
#undef HAS
}

/* An array of exactly the count that follows. */
#define GET_LIST(type, name)                                                                       \
    p->name##_count = p->name##_room = get_count(in, MAX_ELEMENTS);                                \
    p->name = arena_array(p->arena, p->name##_count, sizeof(struct type));                         \
    if (!p->name) {                                                                                \
        in->failed = true;                                                                         \
        return;                                                                                    \
    }                                                                                              \
    for (struct type *item = p->name; item < p->name + p->name##_count; item++)

static void get_entries(struct reader *in, struct patient *p, int64_t *last_ms)
{
    GET_LIST(entry, entries)
    {
        item->campaign = read_varint32(in);
        uint64_t bits = read_varint(in);
        in->failed |= bits >> 2 > UINT32_MAX;
        item->count = (uint32_t)(bits >> 2);
        item->entered_at_ms = bits & 1 ? get_time(in, last_ms) : NEVER_MS;
        item->left_at_ms = bits & 2 ? get_time(in, last_ms) : NEVER_MS;
    }
}

static void get_enrollments(struct reader *in, struct patient *p, int64_t *last_ms)
{
    GET_LIST(enrollment, enrollments) get_enrollment(in, p, item, last_ms);
}

static void get_subscriptions(struct reader *in, struct patient *p, int64_t *last_ms)
{
    GET_LIST(subscription, subscriptions)
    {
        uint64_t bits = read_varint(in);
        item->topic = (uint32_t)(bits >> 1);
        item->is_subscribed = bits & 1;
        item->at_ms = get_time(in, last_ms);
    }
}

static void get_rare(struct reader *in, struct patient *p, int64_t *last_ms)
{
    GET_LIST(membership, memberships)
    {
        item->segment = read_varint32(in);
        item->since_ms = get_time(in, last_ms);
    }
    GET_LIST(memory, memories)
    {
        item->did = read_varint32(in);
        item->count = get_count(in, MAX_ELEMENTS);
        item->at_ms = arena_array(p->arena, item->count, sizeof *item->at_ms);
        for (uint32_t k = 0; item->at_ms && k < item->count; k++)
            item->at_ms[k] = get_time(in, last_ms);
        in->failed |= !item->at_ms;
    }
    GET_LIST(sending, sendings)
    {
        item->at_ms = get_time(in, last_ms);
        item->campaign = read_varint32(in);
        item->message = read_varint32(in);
        uint8_t bits = read_byte(in);
        item->channel = bits & 15;
        item->is_transactional = bits & 16;
    }
    GET_LIST(entry_key, entry_keys)
    {
        item->campaign = read_varint32(in);
        item->hash = read_u64(in);
    }
    GET_LIST(approval, approvals)
    {
        item->outbox = read_varint(in);
        item->at_ms = get_time(in, last_ms);
    }
}

static void get_objects(struct reader *in, struct patient *p, int64_t *last_ms)
{
    GET_LIST(object, objects)
    {
        item->object = read_varint32(in);
        item->id = read_sized(in);
        item->changed_at_ms = get_time(in, last_ms);
        item->cells = get_cells(in, p->arena, &item->cell_count);
    }
}

static bool get_head(struct reader *in, int64_t *due_ms, struct str *id)
{
    bool is_known = read_byte(in) == RECORD_VERSION;
    *due_ms = read_zigzag(in);
    *id = read_sized(in);
    if (*due_ms == -1)
        *due_ms = NEVER_MS;
    return is_known && !in->failed && (*due_ms == NEVER_MS || *due_ms <= INT64_C(1) << 58) &&
           *due_ms >= -(INT64_C(1) << 58);
}

int64_t patient_record_due_ms(struct str record)
{
    struct reader in = reader_of(record);
    struct str id;
    int64_t due_ms;
    return get_head(&in, &due_ms, &id) ? due_ms : NEVER_MS;
}

struct str patient_record_id(struct str record)
{
    struct reader in = reader_of(record);
    struct str id;
    int64_t due_ms;
    return get_head(&in, &due_ms, &id) ? id : (struct str){0};
}

#define HAS(bit) (bits >> (bit)&1)
static bool take_head(struct reader *in, struct patient *p, int64_t *due_ms, uint32_t *all_bits,
                      int64_t *last_ms)
{
    if (!get_head(in, due_ms, &p->id))
        return false;
    *last_ms = *due_ms == NEVER_MS ? 0 : *due_ms;
    uint32_t bits = *all_bits = read_varint32(in);
    in->failed |= bits >> RECORD_BITS != 0;
    p->is_erased = HAS(IS_ERASED);
    p->image = read_varint32(in);
    p->settled_at_ms = HAS(HAS_SETTLED_AT) ? get_time(in, last_ms) : NEVER_MS;
    p->objects_at_ms = HAS(HAS_OBJECTS_AT) ? get_time(in, last_ms) : NEVER_MS;
    p->last_event = HAS(HAS_LAST_EVENT) ? get_near(in, p->key) : 0;
    p->last_journal = HAS(HAS_LAST_JOURNAL) ? get_near(in, p->key) : 0;
    p->segments_at_ms = HAS(HAS_SEGMENTS_AT) ? get_time(in, last_ms) : NEVER_MS;
    p->dates_at_ms = HAS(HAS_DATES_AT) ? get_time(in, last_ms) : NEVER_MS;
    if (HAS(HAS_ATTRIBUTES))
        p->attributes = get_cells(in, p->arena, &p->attributes_count);
    p->attributes_room = p->attributes_count;
    return !in->failed;
}

enum status patient_decode_head(struct patient *patient, struct arena *arena, uint64_t key,
                                struct str bytes, struct patient_rest *rest)
{
    struct reader in = reader_of(bytes);
    int64_t last_ms;
    *patient = (struct patient){.arena = arena, .key = key};
    if (!take_head(&in, patient, &rest->due_ms, &rest->bits, &last_ms))
        return STATUS_CORRUPT;
    rest->bytes = read_bytes(&in, reader_left(&in));
    return STATUS_OK;
}

enum status patient_decode(struct patient *patient, struct arena *arena, uint64_t key,
                           struct str bytes)
{
    struct reader in = reader_of(bytes);
    int64_t due_ms, last_ms;
    uint32_t bits;
    *patient = (struct patient){.arena = arena, .key = key};
    if (!take_head(&in, patient, &due_ms, &bits, &last_ms))
        return STATUS_CORRUPT;
    if (HAS(HAS_ENTRIES))
        get_entries(&in, patient, &last_ms);
    if (HAS(HAS_ENROLLMENTS))
        get_enrollments(&in, patient, &last_ms);
    if (HAS(HAS_SUBSCRIPTIONS))
        get_subscriptions(&in, patient, &last_ms);
    if (HAS(HAS_RARE))
        get_rare(&in, patient, &last_ms);
    if (HAS(HAS_OBJECTS))
        get_objects(&in, patient, &last_ms);
    return in.failed || reader_left(&in) ? STATUS_CORRUPT : STATUS_OK;
}
#undef HAS

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
    /* They stand by entry: found by halving, and one by one where that does not hold. */
    for (uint32_t low = 0, high = patient->enrollments_count; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        if (patient->enrollments[middle].id == id)
            return &patient->enrollments[middle];
        if (patient->enrollments[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
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
