/* cmd_fmt.c: `camp fmt`: files into their canonical layout, in place; a filter for `-`. A file with
 * a mistake in its syntax is left alone. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/tool/diff.h"
#include "compiler/tool/tool.h"
#include "grammar/print.h"

enum { MOST_DEPTH = 32 };

struct fmt {
    bool is_check;
    int code; /* the worst so far */
};

static void fail(struct fmt *fmt, const char *path, const char *why)
{
    fprintf(stderr, "camp fmt: %s: %s\n", path, why);
    fmt->code = EXIT_USAGE;
}

static void find(struct fmt *fmt)
{
    if (fmt->code == EXIT_FINE)
        fmt->code = EXIT_FINDINGS;
}

static void show_diff(struct str name, struct str before, struct str after)
{
    struct buf diff;
    buf_init(&diff, 0);
    diff_write(name, before, after, tool_has_colour(STDOUT_FILENO), &diff);
    tool_write(STDOUT_FILENO, buf_view(&diff));
    buf_free(&diff);
}

/* `path` is NULL for standard input. */
static void finish(struct fmt *fmt, const char *path, struct str before, struct str after)
{
    bool is_same = str_eq(before, after);
    if (fmt->is_check) {
        if (!is_same)
            find(fmt);
        show_diff(str_of(path ? path : "<stdin>"), before, after);
    } else if (!path) {
        tool_write(STDOUT_FILENO, after);
    } else if (!is_same) {
        const char *error = tool_replace_file(path, after);
        if (error)
            fail(fmt, path, error);
        else
            printf("%s\n", path);
    }
}

static void format_source(struct fmt *fmt, struct sources *sources, uint32_t file, const char *path)
{
    struct diags diags;
    struct buf out, told;
    diags_init(&diags, sources->arena, sources);
    buf_init(&out, 0);
    buf_init(&told, 0);
    if (camp_print(&diags, file, &out)) {
        finish(fmt, path, source_at(sources, file)->text, buf_view(&out));
    } else {
        find(fmt);
        diags_write(&diags, DIAG_TEXT, tool_has_colour(STDERR_FILENO), &told);
        tool_write(STDERR_FILENO, buf_view(&told));
    }
    buf_free(&out);
    buf_free(&told);
}

static void format_file(struct fmt *fmt, const char *path)
{
    struct arena arena;
    struct sources sources;
    const char *error = NULL;
    arena_init(&arena, 0);
    sources_init(&sources, &arena);
    uint32_t file = source_load(&sources, str_of(path), &error);
    if (error)
        fail(fmt, path, error);
    else
        format_source(fmt, &sources, file, path);
    arena_free(&arena);
}

static void format_input(struct fmt *fmt)
{
    struct arena arena;
    struct sources sources;
    struct buf text;
    arena_init(&arena, 0);
    sources_init(&sources, &arena);
    buf_init(&text, SOURCE_MAX_BYTES);
    char block[1 << 16];
    for (size_t n; (n = fread(block, 1, sizeof block, stdin)) > 0;)
        buf_put(&text, block, n);
    if (ferror(stdin) || text.failed)
        fail(fmt, "<stdin>", text.failed ? "it is larger than 64 MiB" : "reading it failed");
    else
        format_source(fmt, &sources, source_add(&sources, STR("<stdin>"), buf_view(&text)), NULL);
    buf_free(&text);
    arena_free(&arena);
}

static void format_path(struct fmt *fmt, const char *path, int depth);

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void format_folder(struct fmt *fmt, const char *path, int depth)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_shown, by_name);
    if (count < 0) {
        fail(fmt, path, strerror(errno));
        return;
    }
    for (int i = 0; i < count; i++) {
        char below[4096];
        struct stat status;
        bool has_slash = path[strlen(path) - 1] == '/';
        int length =
            snprintf(below, sizeof below, "%s%s%s", path, has_slash ? "" : "/", entries[i]->d_name);
        bool is_folder = stat(below, &status) == 0 && S_ISDIR(status.st_mode);
        if (length >= (int)sizeof below)
            fail(fmt, path, strerror(ENAMETOOLONG));
        else if (is_folder || str_ends(str_of(below), STR(".camp")))
            format_path(fmt, below, depth + 1);
        free(entries[i]);
    }
    free(entries);
}

static void format_path(struct fmt *fmt, const char *path, int depth)
{
    struct stat status;
    if (strcmp(path, "-") == 0 && depth == 0)
        format_input(fmt);
    else if (stat(path, &status) != 0)
        fail(fmt, path, strerror(errno));
    else if (depth > MOST_DEPTH)
        fail(fmt, path, "folders are nested too deeply");
    else if (S_ISDIR(status.st_mode))
        format_folder(fmt, path, depth);
    else
        format_file(fmt, path);
}

int cmd_fmt(int argc, char **argv)
{
    struct fmt fmt = {.code = EXIT_FINE};
    int path_count = 0;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--check") == 0)
            fmt.is_check = true;
        else if (argv[i][0] == '-' && argv[i][1])
            return tool_misuse("fmt", "no such option", argv[i]);
        else
            argv[path_count++] = argv[i];
    if (!path_count)
        format_path(&fmt, ".", 0);
    for (int i = 0; i < path_count; i++)
        format_path(&fmt, argv[i], 0);
    return fmt.code;
}
