/* test_zone.c: zones against the table of every transition 1970 to 2037, and D1's gaps, folds and
 * month ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vm/base/zone.h"

static int64_t at(const char *text)
{
    int64_t at_ms;
    assert_true(civil_parse_instant(str_of(text), &at_ms));
    return at_ms;
}

static int64_t local(const char *text)
{
    struct civil civil;
    assert_true(civil_parse_local(str_of(text), &civil));
    return civil_ms(civil);
}

/* The corpus was made from this version; an older table cannot agree with it. */
static bool is_older_than_corpus(void)
{
    char line[64] = "", version[16] = "";
    FILE *file = fopen("/usr/share/zoneinfo/tzdata.zi", "r");
    if (file) {
        if (!fgets(line, sizeof line, file) || sscanf(line, "# version %15s", version) != 1)
            version[0] = 0;
        fclose(file);
    }
    if (strcmp(version, "2026f") >= 0)
        return false;
    print_message("tzdata is %s, the table of transitions 2026f: not compared\n", version);
    return true;
}

/* zone,utc,before_s,after_s rows of the corpus. */
static void test_every_transition(void **state)
{
    (void)state;
    if (is_older_than_corpus())
        skip();
    FILE *table =
        popen("xz -dc ../shared/data/corpora/tz/transitions_1970_2037.csv.xz 2>/dev/null", "r");
    char line[512];
    long rows = 0, wrong = 0;
    assert_non_null(table);
    while (fgets(line, sizeof line, table)) {
        char name[64], instant[40];
        int before, after;
        if (sscanf(line, "%63[^,],%39[^,],%d,%d", name, instant, &before, &after) != 4)
            continue;
        const struct zone *zone = zone_find(str_of(name));
        int64_t at_ms;
        rows++;
        if (!zone || !civil_parse_instant(str_of(instant), &at_ms) ||
            zone_offset_s(zone, at_ms - 1) != before || zone_offset_s(zone, at_ms) != after)
            if (wrong++ < 5)
                print_error("differs: %s", line);
    }
    pclose(table);
    if (!rows)
        skip();
    print_message("%ld transitions compared, %ld differ\n", rows, wrong);
    assert_int_equal(wrong, 0);
    assert_true(rows > 30000);
}

static void test_D1_gap_and_fold(void **state)
{
    (void)state;
    const struct zone *york = zone_find(STR("America/New_York"));
    const struct zone *howe = zone_find(STR("Australia/Lord_Howe"));
    assert_int_equal(zone_instant(york, local("2026-03-08 02:30")), at("2026-03-08T07:00:00Z"));
    assert_int_equal(zone_instant(york, local("2026-11-01 01:30")), at("2026-11-01T05:30:00Z"));
    assert_int_equal(zone_instant(york, local("2026-07-01 12:00")), at("2026-07-01T16:00:00Z"));
    assert_int_equal(zone_instant(howe, local("2026-10-04 02:15")), at("2026-10-03T15:30:00Z"));
    assert_int_equal(zone_instant(howe, local("2026-04-05 01:45")), at("2026-04-04T14:45:00Z"));
    assert_int_equal(zone_instant(york, local("2150-07-01 12:00")), at("2150-07-01T16:00:00Z"));
}

static void test_D1_calendar_steps(void **state)
{
    (void)state;
    const struct zone *york = zone_find(STR("America/New_York"));
    int64_t from = zone_instant(york, local("2026-01-31 09:00"));
    assert_int_equal(zone_step(york, from, 1, 0), zone_instant(york, local("2026-02-28 09:00")));
    assert_int_equal(zone_step(york, from, -2, 0), zone_instant(york, local("2025-11-30 09:00")));
    from = zone_instant(york, local("2026-03-07 12:00"));
    assert_int_equal(zone_step(york, from, 0, 1) - from, 23 * HOUR_MS);
    from = zone_instant(york, local("2028-02-29 09:00"));
    assert_int_equal(zone_step(york, from, 12, 0), zone_instant(york, local("2029-02-28 09:00")));
}

static void test_unknown_names(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "America/Albany_NY",
                                        "../../etc/passwd",
                                        "/etc/passwd",
                                        "EST5EDT4",
                                        "zone.tab",
                                        ".",
                                        "America"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        assert_null(zone_find(str_of(names[i])));
    assert_non_null(zone_find(STR("Asia/Kolkata")));
    assert_ptr_equal(zone_find(STR("Asia/Kolkata")), zone_find(STR("Asia/Kolkata")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_transition),
        cmocka_unit_test(test_D1_gap_and_fold),
        cmocka_unit_test(test_D1_calendar_steps),
        cmocka_unit_test(test_unknown_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
