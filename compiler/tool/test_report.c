/* test_report.c: see test_report.h. */
#include "compiler/tool/test_report.h"

#include "compiler/tool/xml.h"
#include "vm/base/json.h"

static struct str next_line(struct str *rest)
{
    size_t end = str_find(*rest, STR("\n"));
    struct str line = {rest->at, end == SIZE_MAX ? rest->len : end};
    *rest = str_from(*rest, line.len + 1);
    return line;
}

/* What failed, a line each behind `lead`; colour only where text is asked for. */
static void put_failure(const struct test_report *report, const struct test_result *r,
                        const char *lead, struct buf *out)
{
    struct str rest = r->difference, line;
    if (r->file.len)
        buf_printf(out, "%s  " STR_FMT ":%u: " STR_FMT "\n", lead, STR_ARG(r->file), r->line,
                   STR_ARG(r->statement));
    buf_printf(out, "%s    " STR_FMT "\n", lead, STR_ARG(r->why));
    while (rest.len) {
        line = next_line(&rest);
        char sign = line.len ? line.at[0] : ' ';
        const char *colour = !report->has_colour ? NULL
                             : sign == '-'       ? "\033[31m"
                             : sign == '+'       ? "\033[32m"
                                                 : NULL;
        buf_printf(out, "%s      %s" STR_FMT "%s\n", lead, colour ? colour : "", STR_ARG(line),
                   colour ? "\033[0m" : "");
    }
    buf_printf(out, "%s    what happened:%s\n", lead, r->timeline.len ? "" : " nothing");
    for (rest = r->timeline; rest.len;) {
        line = next_line(&rest);
        buf_printf(out, "%s      " STR_FMT "\n", lead, STR_ARG(line));
    }
}

static void put_coverage_text(const struct test_report *report, const char *lead, struct buf *out)
{
    struct buf text;
    if (!report->coverage)
        return;
    buf_init(&text, 0);
    coverage_write_text(report->coverage, &text);
    for (struct str rest = buf_view(&text); rest.len;) {
        struct str line = next_line(&rest);
        buf_printf(out, "%s" STR_FMT "\n", lead, STR_ARG(line));
    }
    buf_free(&text);
}

static void text_one(struct test_report *report, const struct test_case *one, struct buf *out)
{
    const struct node *test = one->test;
    bool is_passed = one->result.is_passed;
    const char *colour = !report->has_colour ? "" : is_passed ? "\033[32m" : "\033[1;31m";
    buf_printf(out, "%s%s%s " STR_FMT ": " STR_FMT "\n", colour, is_passed ? "pass" : "FAIL",
               report->has_colour ? "\033[0m" : "", STR_ARG(test->name), STR_ARG(test->other));
    if (!is_passed)
        put_failure(report, &one->result, "", out);
}

static void text_end(struct test_report *report, struct buf *out)
{
    buf_printf(out, "%u passed, %u failed\n", report->passed, report->failed);
    put_coverage_text(report, "", out);
}

/* A title may hold signs that mean something in TAP. */
static void put_tap_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '#' || c == '\\')
            buf_byte(out, '\\');
        buf_byte(out, (unsigned char)(c == '\n' || c == '\r' ? ' ' : c));
    }
}

static void tap_one(struct test_report *report, const struct test_case *one, struct buf *out)
{
    uint32_t number = report->passed + report->failed;
    if (number == 1)
        buf_c(out, "TAP version 13\n");
    buf_printf(out, "%s %u - ", one->result.is_passed ? "ok" : "not ok", number);
    put_tap_text(out, one->test->name);
    buf_c(out, ": ");
    put_tap_text(out, one->test->other);
    buf_byte(out, '\n');
    if (!one->result.is_passed)
        put_failure(report, &one->result, "#", out);
}

static void tap_end(struct test_report *report, struct buf *out)
{
    if (!report->count)
        buf_c(out, "TAP version 13\n");
    buf_printf(out, "1..%u\n", report->count);
    put_coverage_text(report, "# ", out);
}

static void put_seconds(struct buf *out, uint64_t us)
{
    buf_printf(out, " time=\"%llu.%06llu\"", (unsigned long long)(us / 1000000),
               (unsigned long long)(us % 1000000));
}

static void junit_one(struct test_report *report, const struct test_case *one, struct buf *out)
{
    (void)report;
    (void)one;
    (void)out;
}

static void put_testcase(const struct test_report *report, const struct test_case *one,
                         struct buf *out)
{
    buf_c(out, "    <testcase name=\"");
    put_xml(out, one->test->other);
    buf_c(out, "\" classname=\"");
    put_xml(out, one->test->name);
    buf_byte(out, '"');
    put_seconds(out, one->result.took_us);
    if (one->result.is_passed) {
        buf_c(out, "/>\n");
        return;
    }
    struct buf text;
    buf_init(&text, 0);
    put_failure(report, &one->result, "", &text);
    buf_c(out, ">\n      <failure type=\"expectation\" message=\"");
    put_xml(out, one->result.why);
    buf_c(out, "\">");
    put_xml(out, buf_view(&text));
    buf_c(out, "</failure>\n    </testcase>\n");
    buf_free(&text);
}

/* One suite for each file that holds tests. */
static void put_suite(const struct test_report *report, uint32_t file, struct buf *out)
{
    uint32_t count = 0, failed = 0;
    uint64_t took_us = 0;
    for (uint32_t i = 0; i < report->count; i++)
        if (report->cases[i].test->span.file == file) {
            count++;
            failed += !report->cases[i].result.is_passed;
            took_us += report->cases[i].result.took_us;
        }
    if (!count)
        return;
    buf_c(out, "  <testsuite name=\"");
    put_xml(out, source_at(&report->compilation->sources, file)->name);
    buf_printf(out, "\" tests=\"%u\" failures=\"%u\" errors=\"0\" skipped=\"0\"", count, failed);
    put_seconds(out, took_us);
    buf_c(out, ">\n");
    for (uint32_t i = 0; i < report->count; i++)
        if (report->cases[i].test->span.file == file)
            put_testcase(report, &report->cases[i], out);
    buf_c(out, "  </testsuite>\n");
}

static void junit_end(struct test_report *report, struct buf *out)
{
    uint64_t took_us = 0;
    for (uint32_t i = 0; i < report->count; i++)
        took_us += report->cases[i].result.took_us;
    buf_printf(out,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"camp test\" "
               "tests=\"%u\" failures=\"%u\" errors=\"0\"",
               report->count, report->failed);
    put_seconds(out, took_us);
    buf_c(out, ">\n");
    for (uint32_t file = 0; file < report->compilation->sources.count; file++)
        put_suite(report, file, out);
    buf_c(out, "</testsuites>\n");
}

static void put_member(struct buf *out, const char *name, struct str text)
{
    buf_printf(out, "\"%s\":", name);
    json_put_text(out, text);
    buf_byte(out, ',');
}

static void json_one(struct test_report *report, const struct test_case *one, struct buf *out)
{
    const struct test_result *r = &one->result;
    const struct source *source = source_at(&report->compilation->sources, one->test->span.file);
    buf_c(out, report->passed + report->failed == 1 ? "{\"tests\":[\n{" : ",\n{");
    put_member(out, "campaign", one->test->name);
    put_member(out, "name", one->test->other);
    put_member(out, "file", source->name);
    buf_printf(out, "\"line\":%u,\"passed\":%s,\"duration_ms\":%llu.%03llu",
               source_position(source, one->test->span.first).line, r->is_passed ? "true" : "false",
               (unsigned long long)(r->took_us / 1000), (unsigned long long)(r->took_us % 1000));
    if (!r->is_passed) {
        buf_c(out, ",\"failure\":{");
        put_member(out, "file", r->file);
        buf_printf(out, "\"line\":%u,", r->line);
        put_member(out, "statement", r->statement);
        put_member(out, "message", r->why);
        put_member(out, "difference", r->difference);
        buf_c(out, "\"timeline\":[");
        for (struct str rest = r->timeline; rest.len;) {
            json_put_text(out, next_line(&rest));
            buf_c(out, rest.len ? "," : "");
        }
        buf_c(out, "]}");
    }
    buf_byte(out, '}');
}

static void json_end(struct test_report *report, struct buf *out)
{
    buf_printf(out, "%s],\"passed\":%u,\"failed\":%u", report->count ? "\n" : "{\"tests\":[",
               report->passed, report->failed);
    if (report->coverage) {
        buf_c(out, ",\n\"coverage\":");
        coverage_write_json(report->coverage, out);
    }
    buf_c(out, "}\n");
}

const struct test_form test_forms[] = {{"text", text_one, text_end},
                                       {"tap", tap_one, tap_end},
                                       {"junit", junit_one, junit_end},
                                       {"json", json_one, json_end},
                                       {NULL, NULL, NULL}};
