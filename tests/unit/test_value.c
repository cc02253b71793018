/* test_value.c: values there and back, and what LANGUAGE.md says of them: C1 to C4, M7, D1 in zones
 * with gaps, folds, leap days and month ends. */
#include "tests/unit/unit.h"

#include <math.h>

#include "vm/base/zone.h"
#include "vm/core/internal.h"
#include "vm/core/liquid.h"

static struct arena memory;
static struct program program;
static struct env env;

static int set_up(void **state)
{
    (void)state;
    arena_init(&memory, 0);
    program = (struct program){.clinic_zone = zone_find(STR("America/New_York"))};
    env = (struct env){.program = &program, .arena = &memory, .zone = program.clinic_zone};
    return program.clinic_zone ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&memory);
    return 0;
}

/* ---- making values -------------------------------------------------------------------------- */

static struct value text(const char *s)
{
    return value_text(str_of(s));
}
static struct value number(double n)
{
    return (struct value){.kind = VALUE_NUMBER, .n = n};
}
static struct value date(const char *s)
{
    int64_t day;
    assert_true(civil_parse_date(str_of(s), &day));
    return (struct value){.kind = VALUE_DATE, .i = day};
}
static struct value clock_at(const char *s)
{
    int32_t minute;
    assert_true(civil_parse_clock(str_of(s), &minute));
    return (struct value){.kind = VALUE_CLOCK, .i = minute};
}
static struct value instant(const char *s)
{
    int64_t at_ms;
    assert_true(civil_parse_instant(str_of(s), &at_ms));
    return value_time(at_ms);
}
static struct value span(int32_t months, int16_t days, int64_t ms)
{
    return (struct value){.kind = VALUE_DURATION, .months = months, .days = days, .i = ms};
}
static struct value list_of(uint32_t count, const struct value *items)
{
    struct list *list = arena_alloc(&memory, sizeof *list);
    *list = (struct list){arena_copy(&memory, items, count * sizeof *items), count};
    return (struct value){.kind = VALUE_LIST, .list = list};
}

static void assert_value(struct value got, const char *expected)
{
    struct buf out;
    buf_init(&out, 0);
    value_to_json(got, &out);
    assert_str(buf_view(&out), expected);
    buf_free(&out);
}

static void assert_unknown(struct value got)
{
    assert_int_equal(got.kind, VALUE_UNKNOWN);
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static bool is_identical(struct value a, struct value b)
{
    if (a.kind != b.kind)
        return false;
    if (a.kind == VALUE_LIST) {
        for (uint32_t i = 0; i < a.list->count && i < b.list->count; i++)
            if (!is_identical(a.list->items[i], b.list->items[i]))
                return false;
        return a.list->count == b.list->count;
    }
    if (a.kind == VALUE_TEXT || a.kind == VALUE_JSON || a.kind == VALUE_OBJECT)
        return str_eq(a.text, b.text) && a.months == b.months;
    return a.i == b.i && a.months == b.months && a.days == b.days;
}

static void test_values_come_back(void **state)
{
    (void)state;
    struct value inner[] = {text("a"), value_unknown(), value_int(-7)};
    struct value values[] = {
        value_unknown(),
        value_bool(true),
        value_bool(false),
        value_int(0),
        value_int(INT64_MIN),
        value_int(INT64_MAX),
        number(-0.1),
        number(5e-324),
        text(""),
        value_text(STR("a\0b \xc3\xa9")),
        date("0001-01-01"),
        date("9999-12-31"),
        instant("1969-12-31T23:59:59.999Z"),
        clock_at("23:59"),
        span(-13, INT16_MIN, -1),
        span(INT32_MAX, INT16_MAX, INT64_MAX),
        list_of(0, NULL),
        list_of(3, inner),
        {.kind = VALUE_EVENT, .i = 77},
        {.kind = VALUE_OBJECT, .months = 3, .text = STR("visit-1")},
        {.kind = VALUE_JSON, .text = STR("{\"a\":[1]}")},
    };
    struct value nested = list_of(ARRAY_COUNT(values), values);
    struct buf bytes;
    buf_init(&bytes, 0);
    value_encode(&bytes, nested);
    struct reader in = reader_of(buf_view(&bytes));
    struct value back = value_decode(&in, &memory);
    assert_false(in.failed);
    assert_int_equal(reader_left(&in), 0);
    for (uint32_t i = 0; i < ARRAY_COUNT(values); i++)
        if (!is_identical(back.list->items[i], values[i]))
            fail_msg("value %u of kind %d came back as another", i, values[i].kind);
    for (size_t size = 0; size < bytes.len; size++) {
        in = reader_of((struct str){(const char *)bytes.data, size});
        value_decode(&in, &memory);
        assert_true(in.failed);
    }
    buf_free(&bytes);
}

static void test_bytes_that_are_no_value(void **state)
{
    (void)state;
    static const struct str refused[] = {
        {"\x0d", 1},                                                  /* no such kind */
        {"\xff", 1},                                                  /* */
        {"\x01\x04", 2},                                              /* bool 2 */
        {"\x07\xc0\x16", 3},                                          /* 24:00 */
        {"\x07\x01", 2},                                              /* minute -1 */
        {"\x05\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},         /* a date far off */
        {"\x06\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},         /* an instant */
        {"\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00", 13}, /* months */
        {"\x08\x00\x80\x80\x08\x00", 5},                              /* days */
        {"\x03\x00\x00\x00\x00\x00\x00\xf0\x7f", 9},                  /* infinity */
        {"\x03\x00\x00\x00\x00\x00\x00\xf8\x7f", 9},                  /* NaN */
        {"\x09\x05\x00\x00", 4},                                      /* 5 of 2 elements */
        {"\x09\x01\x09\x01\x09\x01\x09\x01\x09\x01\x09\x00", 12},     /* too deep */
        {"\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},         /* a long text */
    };
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        struct reader in = reader_of(refused[i]);
        struct value v = value_decode(&in, &memory);
        if (!in.failed || v.kind != VALUE_UNKNOWN)
            fail_msg("row %zu is taken", i);
    }
}

/* ---- C1 -------------------------------------------------------------------------------------- */

static void test_C1_unknown_compares_false(void **state)
{
    (void)state;
    struct value known[] = {value_bool(true),  value_int(1),       number(1),
                            text("a"),         date("2026-03-02"), instant("2026-03-02T14:00:00Z"),
                            clock_at("09:00"), span(0, 1, 0),      list_of(0, NULL),
                            value_unknown()};
    static const enum op false_ops[] = {OP_EQ, OP_LT,       OP_GT,          OP_LE,       OP_GE,
                                        OP_IN, OP_CONTAINS, OP_STARTS_WITH, OP_ENDS_WITH};
    static const enum op true_ops[] = {OP_NE, OP_NOT_IN};
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        for (size_t k = 0; k < ARRAY_COUNT(false_ops); k++) {
            assert_false(relation(&env, false_ops[k], known[i], value_unknown()));
            assert_false(relation(&env, false_ops[k], value_unknown(), known[i]));
        }
        for (size_t k = 0; k < ARRAY_COUNT(true_ops); k++) {
            assert_true(relation(&env, true_ops[k], known[i], value_unknown()));
            assert_true(relation(&env, true_ops[k], value_unknown(), known[i]));
        }
    }
    assert_false(value_is_true(value_unknown()));
    assert_false(value_is_true(value_int(1)));
}

static void test_C1_arithmetic_on_the_unknown(void **state)
{
    (void)state;
    static const enum op ops[] = {OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_AT_CLOCK};
    struct value known[] = {value_int(1),
                            number(1),
                            text("a"),
                            date("2026-03-02"),
                            instant("2026-03-02T14:00:00Z"),
                            span(0, 1, 0),
                            clock_at("09:00")};
    for (size_t k = 0; k < ARRAY_COUNT(ops); k++)
        for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
            assert_unknown(arithmetic(&env, ops[k], known[i], value_unknown()));
            assert_unknown(arithmetic(&env, ops[k], value_unknown(), known[i]));
        }
    assert_unknown(arithmetic(&env, OP_DIV, value_int(1), value_int(0)));
    assert_unknown(arithmetic(&env, OP_DIV, number(0), number(0)));
    assert_unknown(arithmetic(&env, OP_ADD, value_int(INT64_MAX), value_int(1)));
    assert_unknown(arithmetic(&env, OP_SUB, value_int(INT64_MIN), value_int(1)));
    assert_unknown(arithmetic(&env, OP_MUL, value_int(INT64_MIN), value_int(-1)));
    assert_unknown(arithmetic(&env, OP_MUL, number(1e308), number(10)));
    /* Sums that mean nothing. */
    assert_unknown(arithmetic(&env, OP_ADD, date("2026-03-02"), date("2026-03-02")));
    assert_unknown(arithmetic(&env, OP_SUB, span(0, 1, 0), date("2026-03-02")));
    assert_unknown(arithmetic(&env, OP_ADD, text("a"), value_int(1)));
    assert_unknown(arithmetic(&env, OP_SUB, text("a"), text("a")));
    assert_unknown(arithmetic(&env, OP_MUL, span(0, 1, 0), span(0, 1, 0)));
}

/* ---- C3, C4 ---------------------------------------------------------------------------------- */

static void test_C4_sums(void **state)
{
    (void)state;
    assert_value(arithmetic(&env, OP_ADD, value_int(2), value_int(3)), "5");
    assert_int_equal(arithmetic(&env, OP_DIV, value_int(6), value_int(3)).kind, VALUE_NUMBER);
    assert_value(arithmetic(&env, OP_DIV, value_int(7), value_int(2)), "3.5");
    assert_value(arithmetic(&env, OP_MUL, value_int(2), number(0.25)), "0.5");
    assert_value(arithmetic(&env, OP_ADD, text("a"), text("b")), "\"ab\"");
    assert_value(arithmetic(&env, OP_SUB, date("2026-03-02"), date("2026-02-27")), "3");
    assert_value(arithmetic(&env, OP_SUB, date("2026-02-27"), date("2026-03-02")), "-3");
    struct value day =
        arithmetic(&env, OP_SUB, instant("2026-03-09T04:00:00Z"), instant("2026-03-08T05:00:00Z"));
    assert_int_equal(day.kind, VALUE_DURATION);
    assert_int_equal(day.i, 23 * (int64_t)HOUR_MS);
    /* A date where an instant is wanted is its first instant: there 05:00 UTC. */
    struct value since =
        arithmetic(&env, OP_SUB, instant("2026-03-02T06:30:00Z"), date("2026-03-02"));
    assert_int_equal(since.i, 90 * (int64_t)MINUTE_MS);
    assert_value(arithmetic(&env, OP_ADD, date("2026-03-02"), span(0, 0, HOUR_MS)),
                 "\"2026-03-02T06:00:00.000Z\"");
    assert_value(arithmetic(&env, OP_AT_CLOCK, date("2026-07-02"), clock_at("09:00")),
                 "\"2026-07-02T13:00:00.000Z\"");
    /* D4: on the local day of the instant, which in UTC is the next. */
    assert_value(arithmetic(&env, OP_AT_CLOCK, instant("2026-07-03T03:30:00Z"), clock_at("09:00")),
                 "\"2026-07-02T13:00:00.000Z\"");
}

static void test_C4_comparisons(void **state)
{
    (void)state;
    struct value evening = instant("2026-03-03T04:59:59Z"); /* 2 March 23:59:59 there */
    assert_true(relation(&env, OP_EQ, evening, date("2026-03-02")));
    assert_false(relation(&env, OP_EQ, evening, date("2026-03-03")));
    assert_true(relation(&env, OP_LT, evening, date("2026-03-03")));
    assert_true(relation(&env, OP_GT, date("2026-03-03"), evening));
    assert_true(relation(&env, OP_LE, date("2026-03-02"), evening));
    assert_true(relation(&env, OP_EQ, value_int(2), number(2)));
    assert_true(relation(&env, OP_LT, value_int(2), number(2.5)));
    assert_true(relation(&env, OP_EQ, span(0, 1, 0), span(0, 0, DAY_MS)));
    assert_true(relation(&env, OP_GT, span(0, 0, 90000), span(0, 0, MINUTE_MS)));
    /* Months cannot be compared, and what cannot be compared is false, also with itself. */
    assert_false(relation(&env, OP_EQ, span(1, 0, 0), span(1, 0, 0)));
    assert_false(relation(&env, OP_LT, span(1, 0, 0), span(0, 400, 0)));
    assert_false(relation(&env, OP_EQ, value_int(1), text("1")));
    assert_false(relation(&env, OP_LT, value_int(1), text("2")));
    assert_true(relation(&env, OP_NE, value_int(1), text("1")));
    assert_false(relation(&env, OP_EQ, text("Ana"), text("ana")));
    assert_true(relation(&env, OP_LT, text("B"), text("a")));
    assert_false(relation(&env, OP_EQ, clock_at("09:00"), value_int(540)));
}

static void test_C5_lists_and_parts(void **state)
{
    (void)state;
    struct value items[] = {text("de"), text("en"), value_int(3)};
    struct value list = list_of(3, items);
    assert_true(relation(&env, OP_IN, text("en"), list));
    assert_false(relation(&env, OP_NOT_IN, text("en"), list));
    assert_true(relation(&env, OP_NOT_IN, text("e"), list));
    assert_true(relation(&env, OP_IN, number(3), list));
    assert_true(relation(&env, OP_CONTAINS, list, text("de")));
    assert_false(relation(&env, OP_CONTAINS, list, text("d")));
    assert_true(relation(&env, OP_CONTAINS, text("garden"), text("den")));
    assert_false(relation(&env, OP_CONTAINS, text("garden"), text("Den")));
    assert_true(relation(&env, OP_STARTS_WITH, text("garden"), text("gar")));
    assert_true(relation(&env, OP_ENDS_WITH, text("garden"), text("den")));
    assert_false(relation(&env, OP_ENDS_WITH, text("den"), text("garden")));
    assert_true(relation(&env, OP_CONTAINS, text("garden"), text("")));
}

/* ---- D1 -------------------------------------------------------------------------------------- */

static void test_D1_steps(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *from; /* UTC */
        int32_t months;
        int16_t days;
        int64_t ms;
        int sign;
        const char *to;
    } rows[] = {
        /* the same local time over a change of the clocks, either way */
        {"America/New_York", "2026-03-07T17:00:00Z", 0, 1, 0, 1, "2026-03-08T16:00:00Z"},
        {"America/New_York", "2026-03-08T16:00:00Z", 0, 1, 0, -1, "2026-03-07T17:00:00Z"},
        {"America/New_York", "2026-10-31T16:00:00Z", 0, 1, 0, 1, "2026-11-01T17:00:00Z"},
        /* hours are exact */
        {"America/New_York", "2026-03-07T17:00:00Z", 0, 0, DAY_MS, 1, "2026-03-08T17:00:00Z"},
        /* 02:30 is skipped: 03:00 local; 01:30 is twice: the first */
        {"America/New_York", "2026-03-07T07:30:00Z", 0, 1, 0, 1, "2026-03-08T07:00:00Z"},
        {"America/New_York", "2026-10-31T05:30:00Z", 0, 1, 0, 1, "2026-11-01T05:30:00Z"},
        {"America/New_York", "2026-02-08T07:30:00Z", 1, 0, 0, 1, "2026-03-08T07:00:00Z"},
        /* half an hour of daylight saving */
        {"Australia/Lord_Howe", "2026-10-02T15:45:00Z", 0, 1, 0, 1, "2026-10-03T15:30:00Z"},
        /* midnight is skipped: the day begins at 01:00 */
        {"America/Sao_Paulo", "2018-11-03T03:00:00Z", 0, 1, 0, 1, "2018-11-04T03:00:00Z"},
        /* a whole day is skipped: 30 December 2011 in Samoa */
        {"Pacific/Apia", "2011-12-29T20:00:00Z", 0, 1, 0, 1, "2011-12-30T10:00:00Z"},
        /* leap days and month ends */
        {"Europe/Berlin", "2024-02-29T08:00:00Z", 12, 0, 0, 1, "2025-02-28T08:00:00Z"},
        {"Europe/Berlin", "2024-02-29T08:00:00Z", 48, 0, 0, 1, "2028-02-29T08:00:00Z"},
        {"Europe/Berlin", "2026-01-31T08:00:00Z", 1, 0, 0, 1, "2026-02-28T08:00:00Z"},
        {"Europe/Berlin", "2026-05-31T07:00:00Z", 3, 0, 0, -1, "2026-02-28T08:00:00Z"},
        {"Europe/Berlin", "2026-01-31T08:00:00Z", 1, 1, 0, 1, "2026-03-01T08:00:00Z"},
        {"Europe/Berlin", "2026-03-31T07:00:00Z", 1, 0, 0, -1, "2026-02-28T08:00:00Z"},
        {"Asia/Kolkata", "2026-12-31T20:00:00Z", 0, 31, 0, 1, "2027-01-31T20:00:00Z"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct zone *zone = zone_find(str_of(rows[i].zone));
        assert_non_null(zone);
        struct value d = span(rows[i].months, rows[i].days, rows[i].ms);
        int64_t got = instant_step(zone, instant(rows[i].from).i, d, rows[i].sign);
        if (got != instant(rows[i].to).i) {
            struct buf out;
            buf_init(&out, 0);
            buf_instant(&out, got);
            fail_msg("row %zu: " STR_FMT " instead of %s", i, STR_ARG(buf_view(&out)), rows[i].to);
        }
    }
}

static void test_dates_step_without_a_zone(void **state)
{
    (void)state;
    struct value d = arithmetic(&env, OP_ADD, date("2026-01-31"), span(1, 0, 0));
    assert_value(d, "\"2026-02-28\"");
    assert_value(arithmetic(&env, OP_SUB, date("2024-02-29"), span(12, 0, 0)), "\"2023-02-28\"");
    assert_value(arithmetic(&env, OP_ADD, span(0, 7, 0), date("2026-12-28")), "\"2027-01-04\"");
}

/* What is larger than the calendar stays inside it or is unknown; nothing overflows. */
static void test_the_ends_of_time(void **state)
{
    (void)state;
    static const struct {
        int32_t months;
        int16_t days;
        int64_t ms;
    } spans[] = {{INT32_MAX, 0, 0},  {INT32_MIN, 0, 0},     {0, INT16_MAX, 0},
                 {0, INT16_MIN, 0},  {0, 0, INT64_MAX},     {0, 0, INT64_MIN},
                 {119999, 32767, 0}, {-119999, -32768, -1}, {1, 0, 0}};
    struct value moments[] = {date("0001-01-01"),
                              date("9999-12-31"),
                              date("2026-03-02"),
                              instant("0001-01-01T00:00:00Z"),
                              instant("9999-12-31T23:59:59Z"),
                              instant("2026-03-02T14:00:00Z")};
    for (size_t i = 0; i < ARRAY_COUNT(spans); i++) {
        struct value d = span(spans[i].months, spans[i].days, spans[i].ms);
        for (size_t k = 0; k < ARRAY_COUNT(moments); k++)
            for (int sign = 0; sign < 2; sign++) {
                struct value v = arithmetic(&env, sign ? OP_SUB : OP_ADD, moments[k], d);
                struct buf bytes;
                buf_init(&bytes, 0);
                value_encode(&bytes, v);
                struct reader in = reader_of(buf_view(&bytes));
                value_decode(&in, &memory);
                if (in.failed)
                    fail_msg("moment %zu and span %zu leave the calendar", k, i);
                buf_free(&bytes);
            }
        for (size_t k = 0; k < ARRAY_COUNT(spans); k++) {
            struct value other = span(spans[k].months, spans[k].days, spans[k].ms);
            arithmetic(&env, OP_ADD, d, other);
            arithmetic(&env, OP_SUB, d, other);
            relation(&env, OP_LT, d, other);
        }
        arithmetic(&env, OP_MUL, d, value_int(9999));
        arithmetic(&env, OP_MUL, d, value_int(-9999));
    }
    /* Further never means earlier. */
    struct value far =
        arithmetic(&env, OP_ADD, instant("2026-03-02T14:00:00Z"), span(INT32_MAX, 0, 0));
    assert_true(far.i > instant("9000-01-01T00:00:00Z").i);
    far = arithmetic(&env, OP_SUB, instant("2026-03-02T14:00:00Z"), span(0, 0, INT64_MAX));
    assert_true(far.i < instant("1000-01-01T00:00:00Z").i);
    far = arithmetic(&env, OP_MUL, span(0, 30000, 0), value_int(9));
    assert_unknown(far);
}

/* ---- D2, W2, M7 -------------------------------------------------------------------------------
 */

static void test_D2_the_next_clock(void **state)
{
    (void)state;
    enum { MONDAY = 1, SUNDAY = 64 };
    static const struct {
        const char *now, *clock;
        uint32_t days;
        const char *to;
    } rows[] = {
        {"2026-03-02T13:59:59Z", "09:00", 0, "2026-03-02T14:00:00Z"},
        {"2026-03-02T14:00:00Z", "09:00", 0, "2026-03-02T14:00:00Z"}, /* now included */
        {"2026-03-02T14:00:00.001Z", "09:00", 0, "2026-03-03T14:00:00Z"},
        {"2026-03-02T14:00:00Z", "09:00", MONDAY, "2026-03-02T14:00:00Z"}, /* a Monday */
        {"2026-03-02T14:00:01Z", "09:00", MONDAY, "2026-03-09T13:00:00Z"},
        {"2026-03-02T14:00:00Z", "02:30", SUNDAY, "2026-03-08T07:00:00Z"}, /* skipped */
        {"2026-03-03T04:30:00Z", "23:00", 0, "2026-03-04T04:00:00Z"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct value got =
            next_clock(&env, clock_at(rows[i].clock), rows[i].days, instant(rows[i].now).i);
        if (got.kind != VALUE_TIME || got.i != instant(rows[i].to).i)
            fail_msg("row %zu: %lld", i, (long long)got.i);
    }
    assert_unknown(next_clock(&env, value_unknown(), 0, 0));
}

static void test_W2_windows(void **state)
{
    (void)state;
    enum { FRIDAY = 16, WEEKDAYS = 31 };
    const struct image_window day = {9 * 60, 17 * 60, WEEKDAYS}, night = {22 * 60, 6 * 60, FRIDAY},
                              always = {8 * 60, 8 * 60, 0};
    static const struct {
        const char *now;
        bool day, night;
    } rows[] = {
        {"2026-03-06T13:59:59.999Z", false, false}, /* Friday 08:59 */
        {"2026-03-06T14:00:00Z", true, false},      /* A is included */
        {"2026-03-06T21:59:59.999Z", true, false},
        {"2026-03-06T22:00:00Z", false, false}, /* B is not */
        {"2026-03-07T03:00:00Z", false, true},  /* Friday 22:00 */
        {"2026-03-07T10:59:59Z", false, true},  /* Saturday 05:59 belongs to Friday */
        {"2026-03-07T11:00:00Z", false, false},
        {"2026-03-07T15:00:00Z", false, false}, /* Saturday 10:00 */
        {"2026-03-06T04:00:00Z", false, false}, /* Thursday 23:00 */
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        int64_t now_ms = instant(rows[i].now).i;
        if (window_is_open(&day, env.zone, now_ms) != rows[i].day ||
            window_is_open(&night, env.zone, now_ms) != rows[i].night)
            fail_msg("%s", rows[i].now);
        assert_true(window_is_open(&always, env.zone, now_ms));
    }
}

/* A flip is the very first instant at which the answer is another. */
static void test_windows_flip_where_they_say(void **state)
{
    (void)state;
    uint64_t random = 11;
    static const char *const names[] = {"America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
                                        "Europe/Berlin"};
    for (int i = 0; i < 300; i++) {
        const struct zone *zone = zone_find(str_of(names[random_below(&random, 4)]));
        struct image_window window = {(uint32_t)random_below(&random, 1440),
                                      (uint32_t)random_below(&random, 1440),
                                      (uint32_t)random_below(&random, 128)};
        int64_t at_ms = instant("2026-01-01T00:00:00Z").i +
                        (int64_t)random_below(&random, UINT64_C(31536000000));
        bool is_open = window_is_open(&window, zone, at_ms);
        int64_t flip_ms = window_flip_ms(&window, zone, at_ms);
        assert_true(flip_ms > at_ms);
        int64_t until_ms = flip_ms == NEVER_MS ? at_ms + 20 * (int64_t)DAY_MS : flip_ms;
        for (int64_t t = at_ms; t < until_ms; t += 7 * (int64_t)MINUTE_MS)
            assert_int_equal(window_is_open(&window, zone, t), is_open);
        assert_int_equal(window_is_open(&window, zone, until_ms - 1), is_open);
    }
}

static void test_M7_printing(void **state)
{
    (void)state;
    struct value items[] = {text("a"), value_int(2)};
    const struct {
        struct value value;
        const char *text;
    } rows[] = {
        {instant("2026-03-02T14:00:00Z"), "2026-03-02 09:00"},
        {instant("2026-07-02T03:59:59.999Z"), "2026-07-01 23:59"},
        {date("2026-03-02"), "2026-03-02"},
        {clock_at("09:05"), "09:05"},
        {value_int(-3), "-3"},
        {number(3), "3"},
        {number(3.50), "3.5"},
        {value_bool(true), "true"},
        {text("<b>"), "<b>"},
        {value_unknown(), ""},
        {list_of(2, items), "a2"},
        {span(0, 2, 0), "2 days"},
        {span(1, 0, HOUR_MS), "1 month 1 hour"},
        {span(0, 0, 0), "0 seconds"},
    };
    struct buf out;
    buf_init(&out, 0);
    env.zone = zone_find(STR("Asia/Tokyo")); /* the patient's; times print in the clinic's */
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        buf_reset(&out);
        value_print(env.program->clinic_zone, false, rows[i].value, &out);
        assert_str(buf_view(&out), rows[i].text);
    }
    env.zone = program.clinic_zone;
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_come_back),
        cmocka_unit_test(test_bytes_that_are_no_value),
        cmocka_unit_test(test_C1_unknown_compares_false),
        cmocka_unit_test(test_C1_arithmetic_on_the_unknown),
        cmocka_unit_test(test_C4_sums),
        cmocka_unit_test(test_C4_comparisons),
        cmocka_unit_test(test_C5_lists_and_parts),
        cmocka_unit_test(test_D1_steps),
        cmocka_unit_test(test_dates_step_without_a_zone),
        cmocka_unit_test(test_the_ends_of_time),
        cmocka_unit_test(test_D2_the_next_clock),
        cmocka_unit_test(test_W2_windows),
        cmocka_unit_test(test_windows_flip_where_they_say),
        cmocka_unit_test(test_M7_printing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
