/* cmd_render.c: `camp render`: one template, compiled and run by the machine with JSON as its data.
 * It means what it means in Liquid; a mistake, then or when it runs, is told with its place. */
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "compiler/tool/tool.h"
#include "stdlib/builtins.h"
#include "vm/base/json.h"
#include "vm/base/zone.h"
#include "vm/core/liquid.h"
#include "vm/core/machine.h"

enum { RENDER_MAX_BYTES = 1 << 20, RENDER_MAX_MEMORY = 256 << 20, RENDER_FUEL = 1 << 26 };

/* The data as names and values; false: told why. */
static bool load_data(struct arena *arena, struct sources *sources, const char *path,
                      struct hash *data)
{
    const char *error = NULL;
    size_t offset = 0;
    uint32_t file = source_load(sources, str_of(path), &error);
    if (error) {
        fprintf(stderr, "camp render: %s: %s\n", path, error);
        return false;
    }
    const struct source *source = source_at(sources, file);
    struct json *json = json_parse(arena, source->text, &error, &offset);
    if (!json) {
        struct position at = source_position(source, (uint32_t)offset);
        fprintf(stderr, "camp render: %s:%u:%u: %s\n", path, at.line, at.column, error);
        return false;
    }
    struct value v = liquid_open(arena, (struct value){.kind = VALUE_JSON, .text = json->raw});
    if (v.kind != VALUE_HASH) {
        fprintf(stderr, "camp render: %s: the data must be an object: {\"name\": value}\n", path);
        return false;
    }
    *data = *v.hash;
    return true;
}

static void report_failure(struct arena *arena, const struct image *image,
                           const struct failure *failure, const char *path)
{
    struct str text = failure_text(image, failure, arena);
    bool has_place = text.len && text.len != strlen(failure->what);
    size_t what = text.len - strlen(failure->what);
    if (has_place)
        fprintf(stderr, "%.*serror: %s\n", (int)what, text.at, failure->what);
    else
        fprintf(stderr, "%s: error: %s\n", path, failure->what);
}

static int run(const struct image *image, uint32_t code, const struct hash *data, const char *path)
{
    struct arena arena, spare; /* spare: to say that the other is full */
    struct buf out;
    struct timespec now;
    const struct builtin **functions;
    arena_init(&arena, RENDER_MAX_MEMORY);
    arena_init(&spare, 0);
    buf_init(&out, RENDER_MAX_BYTES);
    clock_gettime(CLOCK_REALTIME, &now);
    functions = arena_array(&arena, image->builtin_count + 1, sizeof(struct builtin *));
    for (uint32_t i = 0; i < image->builtin_count; i++)
        functions[i] = builtin_find(&stdlib_builtins, image_text(image, image->builtins[i].name));
    struct program program = {.image = image,
                              .builtins = &stdlib_builtins,
                              .functions = functions,
                              .clinic_zone = zone_utc()};
    struct env env = {.program = &program,
                      .arena = &arena,
                      .zone = zone_utc(),
                      .now_ms = now.tv_sec * INT64_C(1000),
                      .fuel = RENDER_FUEL,
                      .globals = data};
    bool is_fine = machine_render(&env, code, &out) == RENDER_OK;
    if (is_fine)
        tool_write(STDOUT_FILENO, buf_view(&out));
    else
        report_failure(&spare, image, &env.failure, path);
    buf_free(&out);
    arena_free(&spare);
    arena_free(&arena);
    return is_fine ? EXIT_FINE : EXIT_FINDINGS;
}

/* Compiles, and reads the image back as any machine would. */
static int render(const char *path, const char *data_path, bool is_html)
{
    struct compilation compilation;
    struct compile_options options = {.builtins = &stdlib_builtins};
    struct hash data = {0};
    const char *error = NULL;
    struct buf text;
    int result = EXIT_USAGE;
    compilation_init(&compilation);
    buf_init(&text, 0);
    uint32_t code = compile_template(&compilation, &options, str_of(path), is_html, &error);
    if (error) {
        fprintf(stderr, "camp render: %s: %s\n", path, error);
    } else if (compilation.diags.error_count) {
        diags_write(&compilation.diags, DIAG_TEXT, tool_has_colour(STDERR_FILENO), &text);
        tool_write(STDERR_FILENO, buf_view(&text));
        result = EXIT_FINDINGS;
    } else if (!data_path ||
               load_data(&compilation.arena, &compilation.sources, data_path, &data)) {
        result = tool_encode(&compilation, &text) ? run(&compilation.image, code, &data, path)
                                                  : EXIT_FINDINGS;
    }
    buf_free(&text);
    compilation_free(&compilation);
    return result;
}

int cmd_render(int argc, char **argv)
{
    const char *path = NULL, *data = NULL;
    bool is_html = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--html") == 0)
            is_html = true;
        else if (strcmp(argv[i], "--data") == 0 && i + 1 < argc)
            data = argv[++i];
        else if (argv[i][0] == '-' && argv[i][1])
            return tool_misuse("render", "no such option, or its value is missing", argv[i]);
        else if (path)
            return tool_misuse("render", "one template at a time", argv[i]);
        else
            path = argv[i];
    }
    if (!path)
        return tool_misuse("render", "which template?", "");
    return render(path, data, is_html);
}
