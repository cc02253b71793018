/* test_patient.c: a record comes back as it was; cut anywhere it is corrupt; with any byte changed
 * it is corrupt or a record again, never a crash. */
#include "tests/unit/unit.h"
#include "vm/core/patient.h"

static uint64_t chance;

static int64_t some_time(void)
{
    return (int64_t)random_below(&chance, UINT64_C(2000000000000));
}
static int64_t time_or_never(void)
{
    return random_below(&chance, 3) ? some_time() : NEVER_MS;
}
static uint32_t some_name(void)
{
    return (uint32_t)(random_next(&chance) >> (32 + random_below(&chance, 30)));
}
static struct str some_text(struct arena *arena)
{
    size_t length = random_below(&chance, 20);
    char *at = arena_alloc(arena, length + 1);
    for (size_t i = 0; i < length; i++)
        at[i] = (char)random_below(&chance, 127);
    return (struct str){at, length};
}

static struct value some_value(struct arena *arena, int depth)
{
    switch (random_below(&chance, depth ? 10 : 9)) {
    case 0:
        return value_unknown();
    case 1:
        return value_bool(random_below(&chance, 2));
    case 2:
        return value_int((int64_t)random_next(&chance));
    case 3:
        return (struct value){.kind = VALUE_NUMBER, .n = (double)some_name() / 7};
    case 4:
        return (struct value){.kind = VALUE_DATE, .i = (int64_t)random_below(&chance, 30000)};
    case 5:
        return value_time(some_time());
    case 6:
        return (struct value){.kind = VALUE_CLOCK, .i = (int64_t)random_below(&chance, 1440)};
    case 7:
        return (struct value){.kind = VALUE_DURATION, .months = -3, .days = 200, .i = some_time()};
    case 8:
        return value_text(some_text(arena));
    default: {
        struct list *list = arena_alloc(arena, sizeof *list);
        struct value items[5];
        list->count = (uint32_t)random_below(&chance, 6);
        for (uint32_t i = 0; i < list->count; i++)
            items[i] = some_value(arena, depth - 1);
        list->items = arena_copy(arena, items, list->count * sizeof *items);
        return (struct value){.kind = VALUE_LIST, .list = list};
    }
    }
}

static uint32_t few(void)
{
    return (uint32_t)random_below(&chance, 5);
}

static void add_enrollment(struct patient *p)
{
    struct enrollment *e = patient_add_enrollment(p);
    *e = (struct enrollment){.id = random_next(&chance),
                             .campaign = some_name(),
                             .image = some_name(),
                             .state = (uint8_t)(1 + random_below(&chance, 4)),
                             .is_holdout = random_below(&chance, 2),
                             .is_converted = random_below(&chance, 2),
                             .entered_at_ms = some_time(),
                             .event = random_next(&chance) >> 40,
                             .pc = some_name(),
                             .resume = some_name(),
                             .wait_began_ms = some_time(),
                             .wait_first_ms = time_or_never(),
                             .wake_at_ms = time_or_never(),
                             .goal_until_ms = time_or_never(),
                             .reason = some_text(p->arena),
                             .slot_count = few()};
    e->slots = arena_array(p->arena, e->slot_count, sizeof *e->slots);
    for (uint32_t i = 0; i < e->slot_count; i++)
        e->slots[i] = some_value(p->arena, 3);
    for (uint32_t i = few(); i; i--) {
        struct mark *mark = enrollment_mark(p, e, i * 17, true);
        mark->handed_over_at_ms = time_or_never();
        mark->is_received = random_below(&chance, 2);
        mark->is_drafted = random_below(&chance, 2);
        mark->is_opened = random_below(&chance, 2);
        mark->is_clicked = random_below(&chance, 2);
    }
}

static void add_lists(struct patient *p)
{
    for (uint32_t i = few(); i; i--)
        *patient_add_subscription(p) =
            (struct subscription){some_name(), random_below(&chance, 2), some_time()};
    for (uint32_t i = few(); i; i--)
        *patient_add_membership(p) = (struct membership){some_name(), some_time()};
    for (uint32_t i = few(); i; i--) {
        struct memory *memory = patient_add_memory(p);
        *memory = (struct memory){.did = some_name(), .count = few()};
        memory->at_ms = arena_array(p->arena, memory->count, sizeof *memory->at_ms);
        for (uint32_t k = 0; k < memory->count; k++)
            memory->at_ms[k] = some_time();
    }
    for (uint32_t i = few(); i; i--) {
        struct object *object = patient_add_object(p);
        *object = (struct object){some_name(), some_text(p->arena), some_time(), NULL, few()};
        object->cells = arena_array(p->arena, object->cell_count, sizeof *object->cells);
        for (uint32_t k = 0; k < object->cell_count; k++)
            object->cells[k] = (struct cell){some_name(), some_value(p->arena, 2)};
    }
    for (uint32_t i = few(); i; i--)
        *patient_add_sending(p) =
            (struct sending){some_time(), some_name(), some_name(),
                             (uint8_t)(1 + random_below(&chance, 3)), random_below(&chance, 2)};
    for (uint32_t i = few(); i; i--)
        *patient_add_entry(p) =
            (struct entry){some_name(), some_name(), time_or_never(), time_or_never()};
    for (uint32_t i = few(); i; i--)
        *patient_add_entry_key(p) = (struct entry_key){some_name(), random_next(&chance)};
    for (uint32_t i = few(); i; i--)
        *patient_add_approval(p) = (struct approval){random_next(&chance), some_time()};
}

static void some_patient(struct patient *p, struct arena *arena)
{
    patient_init(p, arena, some_text(arena), 9);
    p->last_event = random_next(&chance) >> random_below(&chance, 64);
    p->last_journal = random_next(&chance);
    p->segments_at_ms = time_or_never();
    p->dates_at_ms = time_or_never();
    p->objects_at_ms = time_or_never();
    p->settled_at_ms = time_or_never();
    p->image = (uint32_t)random_below(&chance, 1000);
    p->is_erased = random_below(&chance, 2);
    for (uint32_t i = few(); i; i--)
        patient_set_attribute(p, some_name(), some_value(arena, 3));
    add_lists(p);
    for (uint32_t i = few(); i; i--)
        add_enrollment(p);
}

/* What the encoder and the decoder could both forget is looked at by hand. */
static void assert_same(const struct patient *a, const struct patient *b)
{
    assert_true(str_eq(a->id, b->id));
    assert_true(a->last_event == b->last_event && a->last_journal == b->last_journal);
    assert_true(a->dates_at_ms == b->dates_at_ms);
    assert_true(a->segments_at_ms == b->segments_at_ms && a->is_erased == b->is_erased);
    assert_true(a->objects_at_ms == b->objects_at_ms && a->image == b->image);
    assert_true((a->objects_count ? a->settled_at_ms : NEVER_MS) == b->settled_at_ms);
#define X(type, name) assert_int_equal(a->name##_count, b->name##_count);
    PATIENT_LISTS(X)
#undef X
    for (uint32_t i = 0; i < a->attributes_count; i++) {
        assert_int_equal(a->attributes[i].name, b->attributes[i].name);
        assert_int_equal(a->attributes[i].value.kind, b->attributes[i].value.kind);
    }
    for (uint32_t i = 0; i < a->subscriptions_count; i++)
        assert_true(a->subscriptions[i].topic == b->subscriptions[i].topic &&
                    a->subscriptions[i].is_subscribed == b->subscriptions[i].is_subscribed &&
                    a->subscriptions[i].at_ms == b->subscriptions[i].at_ms);
    for (uint32_t i = 0; i < a->memberships_count; i++)
        assert_true(a->memberships[i].segment == b->memberships[i].segment &&
                    a->memberships[i].since_ms == b->memberships[i].since_ms);
    for (uint32_t i = 0; i < a->memories_count; i++) {
        assert_true(a->memories[i].did == b->memories[i].did &&
                    a->memories[i].count == b->memories[i].count);
        for (uint32_t k = 0; k < a->memories[i].count; k++)
            assert_true(a->memories[i].at_ms[k] == b->memories[i].at_ms[k]);
    }
    for (uint32_t i = 0; i < a->objects_count; i++)
        assert_true(a->objects[i].object == b->objects[i].object &&
                    str_eq(a->objects[i].id, b->objects[i].id) &&
                    a->objects[i].changed_at_ms == b->objects[i].changed_at_ms &&
                    a->objects[i].cell_count == b->objects[i].cell_count);
    for (uint32_t i = 0; i < a->sendings_count; i++) {
        const struct sending *x = &a->sendings[i], *y = &b->sendings[i];
        assert_true(x->at_ms == y->at_ms && x->campaign == y->campaign &&
                    x->message == y->message && x->channel == y->channel &&
                    x->is_transactional == y->is_transactional);
    }
    for (uint32_t i = 0; i < a->entries_count; i++) {
        const struct entry *x = &a->entries[i], *y = &b->entries[i];
        assert_true(x->campaign == y->campaign && x->count == y->count &&
                    x->entered_at_ms == y->entered_at_ms && x->left_at_ms == y->left_at_ms);
    }
    for (uint32_t i = 0; i < a->entry_keys_count; i++)
        assert_true(a->entry_keys[i].campaign == b->entry_keys[i].campaign &&
                    a->entry_keys[i].hash == b->entry_keys[i].hash);
    for (uint32_t i = 0; i < a->approvals_count; i++)
        assert_true(a->approvals[i].outbox == b->approvals[i].outbox &&
                    a->approvals[i].at_ms == b->approvals[i].at_ms);
}

static void assert_same_enrollment(const struct enrollment *x, const struct enrollment *y)
{
    assert_true(x->id == y->id && x->campaign == y->campaign && x->image == y->image);
    assert_true(x->state == y->state && x->is_holdout == y->is_holdout &&
                x->is_converted == y->is_converted);
    assert_true(x->entered_at_ms == y->entered_at_ms && x->event == y->event && x->pc == y->pc);
    assert_true(x->resume == y->resume && x->wait_began_ms == y->wait_began_ms &&
                x->wait_first_ms == y->wait_first_ms && x->wake_at_ms == y->wake_at_ms &&
                x->goal_until_ms == y->goal_until_ms);
    assert_true(str_eq(x->reason, y->reason));
    assert_int_equal(x->slot_count, y->slot_count);
    assert_int_equal(x->mark_count, y->mark_count);
    for (uint32_t i = 0; i < x->slot_count; i++)
        assert_int_equal(x->slots[i].kind, y->slots[i].kind);
    for (uint32_t i = 0; i < x->mark_count; i++)
        assert_true(x->marks[i].message == y->marks[i].message &&
                    x->marks[i].handed_over_at_ms == y->marks[i].handed_over_at_ms &&
                    x->marks[i].is_received == y->marks[i].is_received &&
                    x->marks[i].is_opened == y->marks[i].is_opened &&
                    x->marks[i].is_drafted == y->marks[i].is_drafted &&
                    x->marks[i].is_clicked == y->marks[i].is_clicked);
}

static void test_records_come_back(void **state)
{
    (void)state;
    struct arena arena;
    struct buf bytes, again;
    struct patient before, after;
    arena_init(&arena, 0);
    buf_init(&bytes, 0);
    buf_init(&again, 0);
    chance = 12;
    for (int round = 0; round < 2000; round++) {
        arena_reset(&arena);
        buf_reset(&bytes);
        buf_reset(&again);
        some_patient(&before, &arena);
        patient_encode(&before, patient_due_ms(&before), &bytes);
        assert_int_equal(patient_decode(&after, &arena, 9, buf_view(&bytes)), STATUS_OK);
        assert_same(&before, &after);
        for (uint32_t i = 0; i < before.enrollments_count; i++)
            assert_same_enrollment(&before.enrollments[i], &after.enrollments[i]);
        assert_true(patient_due_ms(&before) == patient_due_ms(&after));
        patient_encode(&after, patient_due_ms(&after), &again);
        assert_true(str_eq(buf_view(&bytes), buf_view(&again)));
    }
    buf_free(&bytes);
    buf_free(&again);
    arena_free(&arena);
}

static void test_cut_records_are_corrupt(void **state)
{
    (void)state;
    struct arena arena;
    struct buf bytes;
    struct patient p;
    arena_init(&arena, 0);
    buf_init(&bytes, 0);
    chance = 13;
    for (int round = 0; round < 60; round++) {
        arena_reset(&arena);
        buf_reset(&bytes);
        some_patient(&p, &arena);
        patient_encode(&p, patient_due_ms(&p), &bytes);
        for (size_t size = 0; size < bytes.len; size++) {
            struct arena small;
            arena_init(&small, 1 << 20);
            /* An exact copy lets the address sanitizer see a read past the end. */
            struct str cut = {arena_copy(&arena, bytes.data, size), size};
            assert_int_equal(patient_decode(&p, &small, 9, cut), STATUS_CORRUPT);
            arena_free(&small);
        }
        buf_byte(&bytes, 0);
        assert_int_equal(patient_decode(&p, &arena, 9, buf_view(&bytes)), STATUS_CORRUPT);
    }
    buf_free(&bytes);
    arena_free(&arena);
}

static void test_changed_records_never_crash(void **state)
{
    (void)state;
    struct arena arena;
    struct buf bytes, again;
    struct patient p;
    size_t taken = 0, refused = 0;
    arena_init(&arena, 0);
    buf_init(&bytes, 0);
    buf_init(&again, 0);
    chance = 14;
    for (int round = 0; round < 40000; round++) {
        if (round % 100 == 0) {
            buf_reset(&bytes);
            arena_reset(&arena);
            some_patient(&p, &arena);
            patient_encode(&p, patient_due_ms(&p), &bytes);
        }
        struct arena small;
        arena_init(&small, 4 << 20);
        unsigned char *copy = arena_copy(&small, bytes.data, bytes.len);
        for (uint64_t n = 1 + random_below(&chance, 3); n; n--)
            copy[random_below(&chance, bytes.len)] ^= (unsigned char)random_next(&chance);
        struct str changed = {(const char *)copy, bytes.len};
        if (patient_decode(&p, &small, 9, changed) == STATUS_OK) {
            struct patient back;
            buf_reset(&again);
            patient_due_ms(&p);
            patient_encode(&p, patient_due_ms(&p), &again);
            assert_int_equal(patient_decode(&back, &small, 9, buf_view(&again)), STATUS_OK);
            taken++;
        } else {
            refused++;
        }
        arena_free(&small);
    }
    assert_true(taken > 1000 && refused > 1000);
    buf_free(&bytes);
    buf_free(&again);
    arena_free(&arena);
}

/* A few bytes must not ask for much memory. */
static void test_small_records_take_little_memory(void **state)
{
    (void)state;
    struct buf bytes;
    struct patient p;
    struct arena arena;
    buf_init(&bytes, 0);
    arena_init(&arena, 1 << 20);
    buf_c(&bytes, "\x01\x01p");
    buf_put(&bytes, "\0\0\0\0", 4);
    buf_varint(&bytes, 1);
    buf_varint(&bytes, 5);
    for (int i = 0; i < 3; i++) {
        buf_byte(&bytes, VALUE_LIST);
        buf_varint(&bytes, 1000);
    }
    for (int i = 0; i < 1000; i++)
        buf_byte(&bytes, VALUE_UNKNOWN);
    assert_int_equal(patient_decode(&p, &arena, 1, buf_view(&bytes)), STATUS_CORRUPT);
    assert_true(arena.used_bytes < 200000);
    arena_free(&arena);
    buf_free(&bytes);
}

static void test_attributes_change_only_when_they_differ(void **state)
{
    (void)state;
    struct arena arena;
    struct patient p;
    struct value long_list[100];
    arena_init(&arena, 0);
    patient_init(&p, &arena, STR("p"), 1);
    for (int i = 0; i < 100; i++)
        long_list[i] = value_text(arena_printf(&arena, "language %d", i));
    struct list list = {long_list, 100},
                same = {arena_copy(&arena, long_list, sizeof long_list), 100},
                shorter = {long_list, 99};
    assert_true(patient_set_attribute(&p, 1, (struct value){.kind = VALUE_LIST, .list = &list}));
    assert_false(patient_set_attribute(&p, 1, (struct value){.kind = VALUE_LIST, .list = &same}));
    assert_true(patient_set_attribute(&p, 1, (struct value){.kind = VALUE_LIST, .list = &shorter}));
    assert_true(patient_set_attribute(&p, 2, value_int(1)));
    assert_false(patient_set_attribute(&p, 2, value_int(1)));
    assert_true(patient_set_attribute(&p, 2, value_text(STR("1"))));
    assert_true(patient_set_attribute(&p, 2, value_text(STR(""))));
    assert_false(patient_set_attribute(&p, 3, value_unknown()));
    assert_true(patient_set_attribute(&p, 1, value_unknown()));
    assert_int_equal(patient_attribute(&p, 1).kind, VALUE_UNKNOWN);
    assert_int_equal(patient_attribute(&p, 2).kind, VALUE_TEXT);
    assert_int_equal(p.attributes_count, 1);
    arena_free(&arena);
}

/* The head is changed without looking at the rest: the same as changing the whole. */
static void test_a_head_changes_alone(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct arena arena;
        struct patient p, head, whole;
        struct patient_rest rest;
        struct buf bytes, changed, expected;
        arena_init(&arena, 0);
        buf_init(&bytes, 0);
        buf_init(&changed, 0);
        buf_init(&expected, 0);
        some_patient(&p, &arena);
        patient_encode(&p, patient_due_ms(&p), &bytes);
        assert_int_equal(patient_decode_head(&head, &arena, p.key, buf_view(&bytes), &rest),
                         STATUS_OK);
        assert_int_equal(rest.due_ms, patient_due_ms(&p));
        head.last_event = p.last_event = random_below(&chance, 2) ? random_next(&chance) : 0;
        struct value value = some_value(&arena, 2);
        uint32_t name = some_name();
        patient_set_attribute(&head, name, value);
        patient_set_attribute(&p, name, value);
        patient_encode_head(&head, &rest, &changed);
        patient_encode(&p, rest.due_ms, &expected);
        assert_true(str_eq(buf_view(&changed), buf_view(&expected)));
        assert_int_equal(patient_decode(&whole, &arena, p.key, buf_view(&changed)), STATUS_OK);
        assert_same(&p, &whole);
        buf_free(&bytes);
        buf_free(&changed);
        buf_free(&expected);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_head_changes_alone),
        cmocka_unit_test(test_records_come_back),
        cmocka_unit_test(test_cut_records_are_corrupt),
        cmocka_unit_test(test_changed_records_never_crash),
        cmocka_unit_test(test_small_records_take_little_memory),
        cmocka_unit_test(test_attributes_change_only_when_they_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
