/* test_civil.c: the calendar against a day-by-day walk over all its years and against the C
 * library; the strict forms and what they refuse. */
#include "tests/unit/unit.h"

#include <time.h>

#include "vm/base/civil.h"

static void test_every_day_of_the_calendar(void **state)
{
    (void)state;
    int64_t day = civil_day(1, 1, 1);
    int32_t year = 1, month = 1, of_month = 1, weekday = 0; /* a Monday */
    static const int32_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    assert_true(day == -719162);
    for (; year <= 9999; day++) {
        struct civil c = civil_of_day(day);
        if (c.year != year || c.month != month || c.day != of_month ||
            civil_day(year, month, of_month) != day || civil_weekday(day) != weekday) {
            print_error("day %lld is not %d-%d-%d\n", (long long)day, year, month, of_month);
            fail();
        }
        weekday = (weekday + 1) % 7;
        bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        int32_t length = lengths[month - 1] + (month == 2 && is_leap);
        assert_int_equal(civil_month_days(year, month), length);
        if (++of_month > length) {
            of_month = 1;
            if (++month > 12) {
                month = 1;
                year++;
            }
        }
    }
}

static void test_against_the_C_library(void **state)
{
    (void)state;
    uint64_t random = 6;
    for (int i = 0; i < 20000; i++) {
        int64_t at_ms =
            (int64_t)random_below(&random, UINT64_C(315537897600000)) - INT64_C(62135596800000);
        time_t seconds = (time_t)(at_ms / 1000 - (at_ms % 1000 < 0));
        struct tm tm;
        gmtime_r(&seconds, &tm);
        struct civil c = civil_of_ms(at_ms);
        assert_int_equal(c.year, tm.tm_year + 1900);
        assert_int_equal(c.month, tm.tm_mon + 1);
        assert_int_equal(c.day, tm.tm_mday);
        assert_int_equal(c.hour, tm.tm_hour);
        assert_int_equal(c.minute, tm.tm_min);
        assert_int_equal(c.second, tm.tm_sec);
        assert_int_equal(c.ms, at_ms - (int64_t)seconds * 1000);
        assert_true(civil_ms(c) == at_ms);
    }
}

static int64_t day_of(const char *text)
{
    int64_t day = 0;
    assert_true(civil_parse_date(str_of(text), &day));
    return day;
}

static void test_months_clamp_to_the_last_day(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        int32_t months;
        const char *to;
    } steps[] = {
        {"2026-01-31", 1, "2026-02-28"},   {"2028-01-31", 1, "2028-02-29"},
        {"2026-03-31", -1, "2026-02-28"},  {"2026-12-15", 1, "2027-01-15"},
        {"2026-01-15", -1, "2025-12-15"},  {"2024-02-29", 12, "2025-02-28"},
        {"2024-02-29", 48, "2028-02-29"},  {"2024-02-29", -12, "2023-02-28"},
        {"1900-01-31", 1, "1900-02-28"},   {"2000-01-31", 1, "2000-02-29"},
        {"2026-05-31", 0, "2026-05-31"},   {"2026-05-31", 1, "2026-06-30"},
        {"2026-10-31", -20, "2025-02-28"}, {"2026-08-31", 6, "2027-02-28"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        struct buf text;
        buf_init(&text, 0);
        buf_date(&text, civil_add_months(day_of(steps[i].from), steps[i].months));
        assert_str(buf_view(&text), steps[i].to);
        buf_free(&text);
    }
}

static void test_what_is_no_date(void **state)
{
    (void)state;
    static const char *const dates[] = {
        "",           "2026-3-2",    "2026-03-2",   "26-03-02",    "2026-02-29", "1900-02-29",
        "2026-13-01", "2026-00-10",  "2026-01-00",  "2026-01-32",  "2026-04-31", "0000-01-01",
        "2026/03/02", " 2026-03-02", "2026-03-02 ", "+2026-03-02", "-026-03-02", "2026-03-02T",
        "20260302",   "10000-01-01", "2026-03-0a"};
    static const char *const clocks[] = {"",     "9:00",  "24:00",  "09:60", "09:00:00", "0900",
                                         "09:0", "-9:00", "09:00 ", "09.00", "09-00",    "9am"};
    int64_t day;
    int32_t minute;
    for (size_t i = 0; i < ARRAY_COUNT(dates); i++)
        if (civil_parse_date(str_of(dates[i]), &day))
            fail_msg("taken: '%s'", dates[i]);
    for (size_t i = 0; i < ARRAY_COUNT(clocks); i++)
        if (civil_parse_clock(str_of(clocks[i]), &minute))
            fail_msg("taken: '%s'", clocks[i]);
    assert_false(civil_parse_date(STR("2026-03-02\0"), &day));
    assert_true(civil_parse_clock(STR("23:59"), &minute));
    assert_int_equal(minute, 1439);
    assert_true(civil_parse_clock(STR("00:00"), &minute));
    assert_int_equal(minute, 0);
}

static void test_instants(void **state)
{
    (void)state;
    static const struct {
        const char *text, *utc;
    } good[] = {
        {"2026-03-02T14:00:00Z", "2026-03-02T14:00:00.000Z"},
        {"2026-03-02t14:00:00z", "2026-03-02T14:00:00.000Z"},
        {"2026-03-02T09:00:00-05:00", "2026-03-02T14:00:00.000Z"},
        {"2026-03-02T14:00:00.5+00:00", "2026-03-02T14:00:00.500Z"},
        {"2026-03-02T14:00:00.123999Z", "2026-03-02T14:00:00.123Z"},
        {"2026-01-01T00:30:00+05:45", "2025-12-31T18:45:00.000Z"},
        {"1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"},
        {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"},
        {"9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"},
        {"2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000Z"},
    };
    static const char *const bad[] = {
        "2026-03-02",
        "2026-03-02T14:00Z",
        "2026-03-02T14:00:00",
        "2026-03-02T14:00:00+0500",
        "2026-03-02T14:00:00+24:00",
        "2026-03-02T14:00:00.Z",
        "2026-03-02T14:00:61Z",
        "2026-03-02T24:00:00Z",
        "2026-03-02T14:00:00Z ",
        "2026-03-02T14:00:00ZZ",
        "2026-03-02T14:00:00 05:00",
        "2026-02-30T14:00:00Z",
        "",
        /* outside the calendar once the offset is taken away */
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    };
    int64_t at_ms;
    struct buf text;
    buf_init(&text, 0);
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        if (!civil_parse_instant(str_of(good[i].text), &at_ms))
            fail_msg("refused: %s", good[i].text);
        buf_reset(&text);
        buf_instant(&text, at_ms);
        assert_str(buf_view(&text), good[i].utc);
    }
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        if (civil_parse_instant(str_of(bad[i]), &at_ms))
            fail_msg("taken: '%s'", bad[i]);
    buf_free(&text);
}

static void test_local_times(void **state)
{
    (void)state;
    struct civil c;
    assert_true(civil_parse_local(STR("2026-03-02 09:05"), &c));
    assert_int_equal(c.hour * 60 + c.minute, 545);
    assert_true(civil_parse_local(STR("2026-03-02T09:05:07.25"), &c));
    assert_int_equal(c.second * 1000 + c.ms, 7250);
    assert_false(civil_parse_local(STR("2026-03-02"), &c));
    assert_false(civil_parse_local(STR("2026-03-02 09:05:"), &c));
    assert_false(civil_parse_local(STR("2026-03-02 09:05Z"), &c));
    assert_false(civil_parse_local(STR("2026-03-02_09:05"), &c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_day_of_the_calendar),
        cmocka_unit_test(test_against_the_C_library),
        cmocka_unit_test(test_months_clamp_to_the_last_day),
        cmocka_unit_test(test_what_is_no_date),
        cmocka_unit_test(test_instants),
        cmocka_unit_test(test_local_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
