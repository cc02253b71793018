/* cmd_check.c: `camp check`, `camp build` and `camp disasm`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/tool/tool.h"
#include "stdlib/builtins.h"
#include "vm/base/hash.h"

struct arguments {
    char **paths;
    int path_count;
    const char *output, *format;
    bool is_strict, shows_phi, shows_bounds;
};

static int read_arguments(const char *command, int argc, char **argv, struct arguments *a)
{
    *a = (struct arguments){.paths = argv + 1, .format = "text"};
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--strict") == 0)
            a->is_strict = true;
        else if (strcmp(argv[i], "--phi") == 0 && strcmp(command, "check") == 0)
            a->shows_phi = true;
        else if (strcmp(argv[i], "--bounds") == 0 && strcmp(command, "check") == 0)
            a->shows_bounds = true;
        else if (strcmp(argv[i], "--format") == 0 && has_value)
            a->format = argv[++i];
        else if (strcmp(argv[i], "-o") == 0 && has_value)
            a->output = argv[++i];
        else if (argv[i][0] == '-' && argv[i][1])
            return tool_misuse(command, "no such option, or its value is missing", argv[i]);
        else
            a->paths[a->path_count++] = argv[i];
    }
    return a->path_count ? EXIT_FINE : tool_misuse(command, "name a file or folder", "");
}

static void write_diagnostics(struct compilation *compilation, const char *format, int fd)
{
    struct buf text;
    buf_init(&text, 0);
    if (strcmp(format, "sarif") == 0)
        write_sarif(&compilation->diags, &text);
    else if (strcmp(format, "github") == 0)
        write_github(&compilation->diags, &text);
    else if (strcmp(format, "json") == 0)
        diags_write(&compilation->diags, DIAG_JSON, false, &text);
    else
        diags_write(&compilation->diags, DIAG_TEXT, tool_has_colour(fd), &text);
    tool_write(fd, buf_view(&text));
    buf_free(&text);
}

static void write_proofs(struct compilation *compilation, const struct arguments *a)
{
    struct buf text;
    bool is_json = strcmp(a->format, "json") == 0;
    if (compilation->diags.error_count || (!is_json && strcmp(a->format, "text") != 0))
        return;
    buf_init(&text, 0);
    if (a->shows_phi)
        write_phi(compilation, is_json, &text);
    if (a->shows_bounds)
        write_bounds(compilation, is_json, &text);
    tool_write(STDOUT_FILENO, buf_view(&text));
    buf_free(&text);
}

static void print_counts(const struct compilation *compilation)
{
    uint32_t errors = compilation->diags.error_count, warnings = compilation->diags.warning_count,
             campaigns = compilation->image.campaign_count;
    if (errors)
        fprintf(stderr, "%u error%s", errors, errors == 1 ? "" : "s");
    else
        fprintf(stderr, "%u campaign%s, no errors", campaigns, campaigns == 1 ? "" : "s");
    if (warnings)
        fprintf(stderr, ", %u warning%s", warnings, warnings == 1 ? "" : "s");
    fprintf(stderr, "\n");
}

int cmd_check(int argc, char **argv)
{
    struct arguments a;
    struct compilation compilation;
    if (read_arguments("check", argc, argv, &a) != EXIT_FINE)
        return EXIT_USAGE;
    static const char *const formats[] = {"text", "json", "sarif", "github"};
    bool is_known = false, is_text = strcmp(a.format, "text") == 0;
    for (size_t i = 0; i < ARRAY_COUNT(formats); i++)
        is_known |= strcmp(a.format, formats[i]) == 0;
    if (!is_known)
        return tool_misuse("check", "formats are text, json, sarif and github", a.format);
    int code = a.shows_bounds
                   ? tool_compile_bounds(&compilation, a.paths, a.path_count, a.is_strict)
                   : tool_compile(&compilation, a.paths, a.path_count, true, a.is_strict);
    if (code != EXIT_USAGE) {
        write_diagnostics(&compilation, a.format, STDOUT_FILENO);
        write_proofs(&compilation, &a);
        if (is_text)
            print_counts(&compilation);
    }
    compilation_free(&compilation);
    return code;
}

static int write_image(const char *path, struct str bytes)
{
    const char *error = tool_replace_file(path, bytes);
    if (error)
        fprintf(stderr, "camp build: %s: %s\n", path, error);
    return error ? EXIT_USAGE : EXIT_FINE;
}

/* An image that goes to standard output is alone there. */
static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

int cmd_build(int argc, char **argv)
{
    struct arguments a;
    struct compilation compilation;
    struct buf bytes;
    if (read_arguments("build", argc, argv, &a) != EXIT_FINE)
        return EXIT_USAGE;
    if (!a.output)
        return tool_misuse("build", "say where to: -o FILE.campi", "");
    int code = tool_compile(&compilation, a.paths, a.path_count, false, a.is_strict);
    buf_init(&bytes, IMAGE_MAX_BYTES);
    if (code != EXIT_USAGE)
        write_diagnostics(&compilation, "text", STDERR_FILENO);
    if (code == EXIT_FINE)
        code = tool_encode(&compilation, &bytes) ? write_image(a.output, buf_view(&bytes))
                                                 : EXIT_FINDINGS;
    if (code == EXIT_FINE) {
        struct buf id;
        buf_init(&id, 256);
        buf_hex(&id, (struct str){(const char *)compilation.image.id, 32});
        buf_c(&id, "\n  meaning ");
        buf_hex(&id, (struct str){(const char *)compilation.image.meaning, 32});
        fprintf(is_file(a.output) ? stdout : stderr, "%s: %zu bytes\n  id      " STR_FMT "\n",
                a.output, bytes.len, STR_ARG(buf_view(&id)));
        buf_free(&id);
    }
    buf_free(&bytes);
    compilation_free(&compilation);
    return code;
}

bool tool_read_image(const char *path, struct buf *bytes)
{
    FILE *file = fopen(path, "rb");
    unsigned char block[1 << 16];
    if (!file)
        return false;
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
        buf_put(bytes, block, n);
    bool is_read = !ferror(file) && !bytes->failed;
    fclose(file);
    return is_read;
}

int cmd_disasm(int argc, char **argv)
{
    struct buf bytes, listing;
    struct arena arena;
    struct image image;
    struct image_error error;
    if (argc != 2)
        return tool_misuse("disasm", "name one image", "");
    buf_init(&bytes, IMAGE_MAX_BYTES);
    buf_init(&listing, 0);
    arena_init(&arena, 0);
    int code = EXIT_USAGE;
    if (!tool_read_image(argv[1], &bytes)) {
        fprintf(stderr, "camp disasm: %s: %s\n", argv[1], strerror(errno));
    } else if (!image_decode(&arena, buf_view(&bytes), false, &image, &error) ||
               !image_verify(&image, &stdlib_builtins, &error)) {
        fprintf(stderr, "camp disasm: %s: %s\n", argv[1], error.text);
        code = EXIT_FINDINGS;
    } else {
        image_disasm(&image, &listing);
        tool_write(STDOUT_FILENO, buf_view(&listing));
        code = EXIT_FINE;
    }
    buf_free(&bytes);
    buf_free(&listing);
    arena_free(&arena);
    return code;
}
