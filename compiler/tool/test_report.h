/* test_report.h: what `camp test` writes: text, TAP 13, JUnit XML, JSON. */
#ifndef CAMP_COMPILER_TOOL_TEST_REPORT_H
#define CAMP_COMPILER_TOOL_TEST_REPORT_H

#include "compiler/tool/test_pool.h"

struct test_report {
    const struct compilation *compilation;
    const struct test_case *cases;
    uint32_t count, passed, failed;
    const struct coverage *coverage; /* NULL: not asked for */
    bool has_colour;
};
struct test_form {
    const char *name;
    void (*one)(struct test_report *report, const struct test_case *one, struct buf *out);
    void (*end)(struct test_report *report, struct buf *out);
};
extern const struct test_form test_forms[]; /* ended by a NULL name */

#endif
