/* test_outbox.c: the states of a message: every move of outbox.def and no other, in the list and in
 * the store; what is due when, after commits and rollbacks. */
#include "tests/unit/unit.h"

#include "vm/code/image.h"
#include "vm/store/store.h"

static const enum outbox_state all[] = {
#define STATE(number, name, word, is_live) OUTBOX_##name,
#define MOVE(from, to)
#include "vm/store/outbox.def"
#undef STATE
#undef MOVE
};

/* As PROMISES.md draws them, written down a second time on purpose. */
static bool is_drawn(enum outbox_state from, enum outbox_state to)
{
    static const struct {
        enum outbox_state from;
        const char *to;
    } lines[] = {{OUTBOX_DRAFT, "pending rejected expired cancelled skipped capped"},
                 {OUTBOX_PENDING, "claimed expired cancelled skipped capped"},
                 {OUTBOX_RETRY, "claimed expired cancelled skipped capped"},
                 {OUTBOX_CLAIMED, "sent retry failed unknown"},
                 {OUTBOX_UNKNOWN, "retry held delivered bounced failed"},
                 {OUTBOX_HELD, "retry sent failed delivered bounced"},
                 {OUTBOX_SENT, "delivered bounced failed"},
                 {OUTBOX_DELIVERED, "bounced"}};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
        if (lines[i].from == from)
            return strstr(lines[i].to, outbox_word(to)) != NULL;
    return false;
}

static void test_moves(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        for (size_t k = 0; k < ARRAY_COUNT(all); k++)
            if (outbox_may_move(all[i], all[k]) != is_drawn(all[i], all[k]))
                fail_msg("%s to %s", outbox_word(all[i]), outbox_word(all[k]));
}

struct house {
    struct store *store;
    struct arena arena;
};

static void house_open(struct house *house)
{
    struct str why;
    arena_init(&house->arena, 0);
    assert_int_equal(store_open(&house->store, ":memory:", &why, &house->arena), STATUS_OK);
}

static void house_close(struct house *house)
{
    store_close(house->store);
    arena_free(&house->arena);
}

static uint64_t add(struct house *house, enum outbox_state state, int64_t at_ms, const char *phone)
{
    struct outbox_row row = {.patient = 1,
                             .enrollment = 7,
                             .channel = CHANNEL_SMS,
                             .state = (uint8_t)state,
                             .at_ms = at_ms,
                             .expires_at_ms = INT64_MAX,
                             .draft_until_ms = INT64_MAX,
                             .to = str_of(phone),
                             .text = STR("hello")};
    assert_int_equal(store_outbox_add(house->store, &row), STATUS_OK);
    return row.id;
}

static void test_due(void **state)
{
    struct house house;
    struct outbox_row row;
    struct store *s;
    (void)state;
    house_open(&house);
    s = house.store;
    add(&house, OUTBOX_DRAFT, 10, "+15550001");
    uint64_t first = add(&house, OUTBOX_PENDING, 20, "+15550001");
    uint64_t second = add(&house, OUTBOX_PENDING, 15, "+15550002");
    assert_int_equal(store_outbox_due(s, CHANNEL_EMAIL, 100, &house.arena, &row), STATUS_MISSING);
    assert_true(store_outbox_due_at(s, CHANNEL_EMAIL) == INT64_MAX);
    assert_int_equal(store_outbox_due(s, CHANNEL_SMS, 10, &house.arena, &row), STATUS_MISSING);
    assert_int_equal(store_outbox_due_at(s, CHANNEL_SMS), 15);
    assert_int_equal(store_outbox_due(s, CHANNEL_SMS, 100, &house.arena, &row), STATUS_OK);
    assert_int_equal(row.id, second);
    /* A claim that is rolled back is due again. */
    assert_int_equal(store_begin(s), STATUS_OK);
    assert_int_equal(store_outbox_claim(s, &row, 100), STATUS_OK);
    assert_int_equal(store_outbox_due(s, CHANNEL_SMS, 16, &house.arena, &row), STATUS_MISSING);
    store_rollback(s);
    assert_true(store_outbox_due_at(s, CHANNEL_SMS) <= 15);
    assert_int_equal(store_outbox_due(s, CHANNEL_SMS, 100, &house.arena, &row), STATUS_OK);
    assert_int_equal(row.id, second);
    assert_int_equal(store_outbox_claim(s, &row, 100), STATUS_OK);
    assert_int_equal(store_outbox_claim(s, &row, 100), STATUS_INVALID);
    assert_int_equal(store_outbox_retry(s, second, OUTBOX_CLAIMED, 100, 500), STATUS_OK);
    assert_int_equal(store_outbox_get(s, second, &house.arena, &row), STATUS_OK);
    assert_int_equal(row.attempts, 1);
    assert_int_equal(row.try_at_ms, 500);
    assert_int_equal(row.handed_at_ms, 15);
    assert_int_equal(store_outbox_due(s, CHANNEL_SMS, 100, &house.arena, &row), STATUS_OK);
    assert_int_equal(row.id, first);
    /* Deferred without end, until woken. */
    assert_int_equal(store_outbox_defer(s, &row, INT64_MAX), STATUS_OK);
    assert_int_equal(store_outbox_due(s, CHANNEL_SMS, 499, &house.arena, &row), STATUS_MISSING);
    assert_int_equal(store_outbox_wake(s), STATUS_OK);
    assert_int_equal(store_outbox_due(s, CHANNEL_SMS, 499, &house.arena, &row), STATUS_OK);
    assert_int_equal(row.id, first);
    /* What was not begun does not count as an attempt. */
    assert_int_equal(store_outbox_claim(s, &row, 600), STATUS_OK);
    assert_int_equal(store_outbox_return(s, first, 600), STATUS_OK);
    assert_int_equal(store_outbox_get(s, first, &house.arena, &row), STATUS_OK);
    assert_int_equal(row.attempts, 0);
    assert_int_equal(row.state, OUTBOX_RETRY);
    house_close(&house);
}

static void test_numbers(void **state)
{
    struct house house;
    struct outbox_row row;
    bool is_suppressed;
    (void)state;
    house_open(&house);
    add(&house, OUTBOX_DRAFT, 50, "+15550001");
    uint64_t old = add(&house, OUTBOX_PENDING, 20, "+15550001");
    uint64_t newest = add(&house, OUTBOX_PENDING, 40, "+15550001");
    add(&house, OUTBOX_PENDING, 60, "+15550002");
    struct str number = STR("+15550001");
    assert_int_equal(store_outbox_text(house.store, number, 0, &house.arena, &row), STATUS_OK);
    assert_int_equal(row.id, newest);
    assert_int_equal(store_outbox_text(house.store, number, 1, &house.arena, &row), STATUS_OK);
    assert_int_equal(row.id, old);
    assert_int_equal(store_outbox_text(house.store, number, 2, &house.arena, &row), STATUS_MISSING);
    assert_int_equal(store_suppress(house.store, CHANNEL_SMS, number, 1, "x"), STATUS_OK);
    store_is_suppressed(house.store, CHANNEL_SMS, number, &is_suppressed);
    assert_true(is_suppressed);
    store_is_suppressed(house.store, CHANNEL_EMAIL, number, &is_suppressed);
    assert_false(is_suppressed);
    assert_int_equal(store_suppress(house.store, CHANNEL_EMAIL, STR("Ana@Example.org"), 1, "x"),
                     STATUS_OK);
    store_is_suppressed(house.store, CHANNEL_EMAIL, STR("ana@example.org"), &is_suppressed);
    assert_true(is_suppressed);
    assert_int_equal(store_unsuppress(house.store, CHANNEL_SMS, number), STATUS_OK);
    store_is_suppressed(house.store, CHANNEL_SMS, number, &is_suppressed);
    assert_false(is_suppressed);
    house_close(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_moves), cmocka_unit_test(test_due),
                                       cmocka_unit_test(test_numbers)};
    return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
