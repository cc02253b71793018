/* fuzz_liquid.c: any bytes as a template: it is refused, or compiles to an image that the verifier
 * takes, and runs within its bounds; and the same as HTML read for its plain text. The first byte
 * says whether output is escaped. */
#include "compiler/compile.h"
#include "stdlib/builtins.h"
#include "vm/base/zone.h"
#include "vm/core/liquid.h"
#include "vm/core/machine.h"
#include "vm/run/plain.h"

enum { FUEL = 1 << 16, MEMORY = 4 << 20, OUTPUT = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char data_json[] =
    "{\"a\":[3,\"x\",null,2.5,{\"k\":1},[1,[2]]],\"h\":{\"x\":1,\"y\":\"two\"},\"s\":\"Hello <b>\","
    "\"n\":null,\"t\":true,\"i\":7,\"f\":1.5,\"d\":\"2026-03-02T10:20:30Z\",\"p\":{\"q\":[{\"z\":1}"
    "]}}";

static void run(const struct compilation *compilation, uint32_t code)
{
    const struct image *image = &compilation->image;
    struct arena arena;
    struct buf out;
    arena_init(&arena, MEMORY);
    buf_init(&out, OUTPUT);
    const struct builtin **functions =
        arena_array(&arena, image->builtin_count + 1, sizeof(struct builtin *));
    for (uint32_t i = 0; i < image->builtin_count; i++)
        functions[i] = builtin_find(&stdlib_builtins, image_text(image, image->builtins[i].name));
    struct value globals = liquid_open(
        &arena, (struct value){.kind = VALUE_JSON, .text = {data_json, sizeof data_json - 1}});
    ensure(globals.kind == VALUE_HASH);
    struct program program = {.image = image,
                              .builtins = &stdlib_builtins,
                              .functions = functions,
                              .clinic_zone = zone_utc()};
    struct env env = {.program = &program,
                      .arena = &arena,
                      .zone = zone_utc(),
                      .now_ms = 1772460000000,
                      .fuel = FUEL,
                      .globals = globals.hash};
    enum render render = machine_render(&env, code, &out);
    ensure(render == RENDER_OK || env.failure.what);
    buf_free(&out);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct compilation compilation;
    struct compile_options options = {.builtins = &stdlib_builtins};
    struct image_error error = {{0}};
    struct buf out;
    struct str text = {(const char *)data + 1, size ? size - 1 : 0};
    if (!size)
        return 0;
    compilation_init(&compilation);
    buf_init(&out, 1 << 22);
    uint32_t code = compile_template_text(&compilation, &options, STR("t.liquid"), text, *data & 1);
    diags_write(&compilation.diags, DIAG_TEXT, false, &out);
    if (!compilation.diags.error_count) {
        if (!image_verify(&compilation.image, &stdlib_builtins, &error))
            ensure(false);
        run(&compilation, code);
    }
    buf_reset(&out);
    plain_text(text, &out);
    buf_free(&out);
    compilation_free(&compilation);
    return 0;
}
