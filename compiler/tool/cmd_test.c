/* cmd_test.c: `camp test`: runs the test blocks of a project and tells which failed. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compiler/tool/run_test.h"

static bool has(struct str text, struct str part)
{
    return str_find(text, part) != SIZE_MAX;
}

static void print_result(bool is_tap, bool is_passed, uint32_t number, const struct node *test,
                         struct buf *report)
{
    if (is_tap)
        printf("%s %u - " STR_FMT ": " STR_FMT "\n", is_passed ? "ok" : "not ok", number,
               STR_ARG(test->name), STR_ARG(test->other));
    else
        printf("%s " STR_FMT ": " STR_FMT "\n", is_passed ? "pass" : "FAIL", STR_ARG(test->name),
               STR_ARG(test->other));
    struct str rest = buf_view(report);
    while (rest.len) {
        size_t end = str_find(rest, STR("\n"));
        struct str line = {rest.at, end == SIZE_MAX ? rest.len : end};
        printf("%s" STR_FMT "\n", is_tap ? "#" : "", STR_ARG(line));
        rest = str_from(rest, line.len + 1);
    }
}

int cmd_test(int argc, char **argv)
{
    struct compilation compilation;
    struct buf image, diagnostics;
    const char *only = NULL, *format = "text";
    uint32_t passed = 0, failed = 0;
    int paths = 0;
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--run") == 0 && has_value)
            only = argv[++i];
        else if (strcmp(argv[i], "--format") == 0 && has_value)
            format = argv[++i];
        else if (argv[i][0] == '-')
            return tool_misuse("test", "no such option, or its value is missing", argv[i]);
        else
            argv[1 + paths++] = argv[i];
    }
    bool is_tap = strcmp(format, "tap") == 0;
    if (!paths || (!is_tap && strcmp(format, "text") != 0))
        return tool_misuse("test", paths ? "formats are text and tap" : "name a file or folder",
                           paths ? format : "");
    int code = tool_compile(&compilation, argv + 1, paths, true, false);
    buf_init(&diagnostics, 0);
    diags_write(&compilation.diags, DIAG_TEXT, tool_has_colour(STDERR_FILENO), &diagnostics);
    tool_write(STDERR_FILENO, buf_view(&diagnostics));
    buf_free(&diagnostics);
    buf_init(&image, IMAGE_MAX_BYTES);
    if (code == EXIT_FINE && !tool_encode(&compilation, &image))
        code = EXIT_FINDINGS;
    for (const struct node *test = compilation.declarations; test && code == EXIT_FINE;
         test = test->next) {
        struct str wanted = str_of(only);
        if (test->kind != NODE_TEST ||
            (only && !has(test->other, wanted) && !has(test->name, wanted)))
            continue;
        struct buf report;
        buf_init(&report, 1 << 20);
        bool is_passed = run_test(&compilation, buf_view(&image), test, &report);
        passed += is_passed;
        failed += !is_passed;
        print_result(is_tap, is_passed, passed + failed, test, &report);
        buf_free(&report);
    }
    if (code == EXIT_FINE) {
        if (is_tap)
            printf("1..%u\n", passed + failed);
        else
            printf("%u passed, %u failed\n", passed, failed);
        code = failed ? EXIT_FINDINGS : EXIT_FINE;
    }
    buf_free(&image);
    compilation_free(&compilation);
    return code;
}
