/* cmd_test.c: `camp test`: chooses the test blocks of a project, runs them, and says what failed.
 */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compiler/tool/test_report.h"

struct options {
    const char *only, *format;
    bool has_coverage;
    long job_count;
    int path_count;
};
struct writing {
    struct test_report report;
    const struct test_form *form;
};

static int read_options(int argc, char **argv, struct options *o)
{
    *o = (struct options){.format = "text", .job_count = sysconf(_SC_NPROCESSORS_ONLN)};
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--run") == 0 && has_value)
            o->only = argv[++i];
        else if (strcmp(argv[i], "--format") == 0 && has_value)
            o->format = argv[++i];
        else if (strcmp(argv[i], "--jobs") == 0 && has_value)
            o->job_count = strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--coverage") == 0)
            o->has_coverage = true;
        else if (argv[i][0] == '-')
            return tool_misuse("test", "no such option, or its value is missing", argv[i]);
        else
            argv[1 + o->path_count++] = argv[i];
    }
    if (o->job_count < 1)
        return tool_misuse("test", "--jobs takes a number from 1", "");
    return o->path_count ? EXIT_FINE : tool_misuse("test", "name a file or folder", "");
}

static const struct test_form *find_form(const char *name)
{
    for (const struct test_form *form = test_forms; form->name; form++)
        if (strcmp(form->name, name) == 0)
            return form;
    return NULL;
}

/* `campaign: title`, as results show it. */
static bool is_wanted(const regex_t *only, const struct node *test)
{
    struct buf name;
    if (!only)
        return true;
    buf_init(&name, 0);
    buf_printf(&name, STR_FMT ": " STR_FMT, STR_ARG(test->name), STR_ARG(test->other));
    buf_byte(&name, 0);
    bool is_match = regexec(only, (const char *)name.data, 0, NULL, 0) == 0;
    buf_free(&name);
    return is_match;
}

static struct test_case *choose(const struct compilation *compilation, const regex_t *only,
                                struct arena *arena, uint32_t *count)
{
    uint32_t room = 0;
    struct test_case *cases = NULL;
    *count = 0;
    for (const struct node *d = compilation->declarations; d; d = d->next)
        if (d->kind == NODE_TEST && is_wanted(only, d)) {
            cases = arena_grow(arena, cases, *count, &room, sizeof *cases);
            cases[(*count)++] = (struct test_case){.test = d};
        }
    return cases;
}

static void write_one(void *context, const struct test_case *one)
{
    struct writing *writing = context;
    struct buf out;
    buf_init(&out, 0);
    writing->report.passed += one->result.is_passed;
    writing->report.failed += !one->result.is_passed;
    writing->form->one(&writing->report, one, &out);
    tool_write(STDOUT_FILENO, buf_view(&out));
    buf_free(&out);
}

static int run(struct compilation *compilation, const struct options *o, const regex_t *only,
               const struct test_form *form)
{
    struct arena arena;
    struct buf image, out;
    struct coverage coverage;
    struct test_project project = {.compilation = compilation,
                                   .coverage = o->has_coverage ? &coverage : NULL};
    struct writing writing = {.form = form};
    int code = EXIT_FINDINGS;
    arena_init(&arena, 0);
    buf_init(&image, IMAGE_MAX_BYTES);
    buf_init(&out, 0);
    struct test_report *report = &writing.report;
    *report = (struct test_report){.compilation = compilation,
                                   .coverage = project.coverage,
                                   .has_colour = tool_has_colour(STDOUT_FILENO)};
    struct test_case *cases = choose(compilation, only, &arena, &report->count);
    report->cases = cases;
    if (o->has_coverage)
        coverage_open(&coverage, compilation, &arena);
    if (tool_encode(compilation, &image)) {
        project.image = buf_view(&image);
        bool is_run = test_pool_run(&project, cases, report->count, (uint32_t)o->job_count, &arena,
                                    write_one, &writing);
        form->end(report, &out);
        tool_write(STDOUT_FILENO, buf_view(&out));
        if (!is_run)
            fprintf(stderr, "camp test: not all tests could be run\n");
        else if (!report->count && o->only)
            fprintf(stderr, "camp test: no test is called like that: %s\n", o->only);
        code = !is_run ? EXIT_USAGE : report->failed ? EXIT_FINDINGS : EXIT_FINE;
    }
    if (o->has_coverage)
        coverage_close(&coverage);
    buf_free(&out);
    buf_free(&image);
    arena_free(&arena);
    return code;
}

int cmd_test(int argc, char **argv)
{
    struct compilation compilation;
    struct options o;
    regex_t only;
    char why[256];
    if (read_options(argc, argv, &o) != EXIT_FINE)
        return EXIT_USAGE;
    const struct test_form *form = find_form(o.format);
    if (!form)
        return tool_misuse("test", "formats are text, tap, junit and json", o.format);
    int bad = o.only ? regcomp(&only, o.only, REG_EXTENDED | REG_NOSUB) : 0;
    if (bad) {
        regerror(bad, &only, why, sizeof why);
        return tool_misuse("test", why, o.only);
    }
    int code = tool_compile(&compilation, argv + 1, o.path_count, true, false);
    tool_show_diagnostics(&compilation);
    if (code == EXIT_FINE)
        code = run(&compilation, &o, o.only ? &only : NULL, form);
    if (o.only)
        regfree(&only);
    compilation_free(&compilation);
    return code;
}
