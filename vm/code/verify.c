/* verify.c: what the machine relies on in an image, proved once so that it is never asked again.
 * First each column by its kind (drawn from image.def) and the rules between columns, then the
 * instructions of each code (verify_code.c), then what both promise each other: slots, places to
 * resume at. */
#include "vm/code/verify.h"

#include <stdarg.h>
#include <stdio.h>

void verify_fail(struct verifier *v, const char *place, const char *format, va_list arguments)
{
    char *text = v->error->text;
    size_t size = sizeof v->error->text, used;
    if (v->has_failed)
        return;
    v->has_failed = true;
    used = (size_t)snprintf(text, size, "%s: ", place);
    if (used < size)
        vsnprintf(text + used, size - used, format, arguments);
}

/* Who runs it: the first column that names the code. */
static void put_user(const struct image *image, uint32_t code, char *text, size_t size)
{
#define TABLE(number, table)                                                                       \
    for (uint32_t i = 0; i < image->table##_count; i++) {                                          \
        const struct image_##table *row = &image->table##s[i];                                     \
        const char *name = #table;                                                                 \
        (void)row, (void)name;
#define COLUMN(kind, column)
#define COLUMN_OF(kind, table, column)
#define COLUMN_BOOL(column)
#define COLUMN_IN(column, least, most)
#define COLUMN_MOST(column, most)
#define COLUMN_DURATION(kind, column)
#define COLUMN_CODE(kind, code_kind, column)                                                       \
    if (row->column == code) {                                                                     \
        snprintf(text, size, "code %u (`" #column "` of %s %u)", code, name, i);                   \
        return;                                                                                    \
    }
#define END(table) }
#include "vm/code/image.def"
#undef TABLE
#undef COLUMN_CODE
#undef END
    snprintf(text, size, "code %u", code);
}

struct code_name verify_code_name(const struct verifier *v, uint32_t code)
{
    struct code_name name;
    if (v->owners[code] == IMAGE_NONE) {
        put_user(v->image, code, name.text, sizeof name.text);
    } else {
        struct str campaign = image_text(v->image, v->image->campaigns[v->owners[code]].name);
        snprintf(name.text, sizeof name.text, "workflow `" STR_FMT "`", STR_ARG(campaign));
    }
    return name;
}

void verify_wrong(const struct place *at, const char *column, const char *format, ...)
{
    char place[96];
    va_list arguments;
    snprintf(place, sizeof place, "%s %u: %s", at->table, at->row, column);
    va_start(arguments, format);
    verify_fail(at->v, place, format, arguments);
    va_end(arguments);
}

static void column_range(const struct place *at, const char *column, uint32_t number,
                         uint32_t least, uint32_t most)
{
    if (number < least || number > most)
        verify_wrong(at, column, "%u, it is %u to %u", number, least, most);
}

static void column_code(const struct place *at, const char *column, uint32_t code, uint32_t kind)
{
    static const char *const kinds[] = {"", "an expression", "a template", "a workflow"};
    const struct verifier *v = at->v;
    if (code == IMAGE_NONE)
        return;
    if (v->image->codes[code].kind != kind)
        verify_wrong(at, column, "code %u is not %s", code, kinds[kind]);
    else if (v->needs[code].slots > at->slots)
        verify_wrong(at, column, "code %u reads slot %u, the frame has %u", code,
                     v->needs[code].slots - 1, at->slots);
}

static void column_duration(const struct place *at, const char *column, uint32_t constant)
{
    if (constant != IMAGE_NONE && at->v->image->constants[constant].kind != VALUE_DURATION)
        verify_wrong(at, column, "constant %u is not a duration", constant);
}

#define TABLE(number, name)                                                                        \
    static void check_##name(struct verifier *v, uint32_t index, uint32_t slots)                   \
    {                                                                                              \
        const struct image_##name *row = &v->image->name##s[index];                                \
        const struct place at = {v, #name, index, slots};                                          \
        (void)row, (void)at;
#undef COLUMN_BOOL
#undef COLUMN_IN
#undef COLUMN_MOST
#undef COLUMN_DURATION
#define COLUMN_BOOL(name) column_range(&at, #name, row->name, 0, 1);
#define COLUMN_IN(name, least, most) column_range(&at, #name, row->name, least, most);
#define COLUMN_MOST(name, most) column_range(&at, #name, row->name, 0, most);
#define COLUMN_DURATION(kind, name) column_duration(&at, #name, row->name);
#define COLUMN_CODE(kind, code_kind, name) column_code(&at, #name, row->name, code_kind);
#define END(name) }
#include "vm/code/image.def"
#undef TABLE
#undef COLUMN
#undef COLUMN_OF
#undef COLUMN_BOOL
#undef COLUMN_IN
#undef COLUMN_MOST
#undef COLUMN_DURATION
#undef COLUMN_CODE
#undef END

static void check_columns(struct verifier *v)
{
#define TABLE(number, name)                                                                        \
    for (uint32_t i = 0; i < v->image->name##_count && !v->has_failed; i++)                        \
        check_##name(v, i, IMAGE_MAX_SLOTS);
#define COLUMN(kind, name)
#define COLUMN_OF(kind, table, name)
#define END(name)
#include "vm/code/image.def"
#undef TABLE
#undef COLUMN
#undef COLUMN_OF
#undef END
}

/* The same columns again, with the slots of those who run the codes. */
static void check_slots(struct verifier *v)
{
    const struct image *image = v->image;
    for (uint32_t i = 0; i < image->segment_count; i++)
        check_segment(v, i, 0);
    for (uint32_t i = 0; i < image->campaign_count; i++) {
        const struct image_campaign *row = &image->campaigns[i];
        check_campaign(v, i, row->slot_count);
        for (uint32_t k = 0; k < row->exits.count; k++)
            check_exit(v, row->exits.first + k, row->slot_count);
        for (uint32_t k = 0; k < row->goals.count; k++)
            check_goal(v, row->goals.first + k, row->slot_count);
        for (uint32_t k = 0; k < row->messages.count; k++)
            check_message(v, row->messages.first + k, row->slot_count);
        for (uint32_t k = 0; k < row->waits.count; k++)
            check_wait(v, row->waits.first + k, row->slot_count);
    }
}

/* Codes lie one behind the other and are all there is. */
static void check_layout(struct verifier *v)
{
    const struct image *image = v->image;
    uint32_t next = 0;
    for (uint32_t i = 0; i < image->code_count && !v->has_failed; i++) {
        const struct image_code *code = &image->codes[i];
        struct place at = {v, "code", i, 0};
        if (code->first != next || !code->count || code->count > image->instruction_count - next)
            verify_wrong(&at, "first", "%u instructions from %u, %u to %u are left", code->count,
                         code->first, next, image->instruction_count);
        else if (code->kind == CODE_WORKFLOW && v->owners[i] == IMAGE_NONE)
            verify_wrong(&at, "kind", "a workflow that no campaign runs");
        next += code->count;
    }
    if (next != image->instruction_count)
        verify_wrong(&(struct place){v, "code", image->code_count, 0}, "first",
                     "instructions %u to %u are of no code", next, image->instruction_count);
}

static void verify(struct verifier *v, struct arena *arena)
{
    const struct image *image = v->image;
    v->needs = arena_array(arena, (size_t)image->code_count + 1, sizeof *v->needs);
    v->owners = arena_array(arena, (size_t)image->code_count + 1, sizeof *v->owners);
    v->depths = arena_array(arena, (size_t)image->instruction_count + 1, sizeof *v->depths);
    v->holds = arena_array(arena, (size_t)image->instruction_count + 1, sizeof *v->holds);
    for (uint32_t i = 0; i < image->code_count; i++)
        v->owners[i] = IMAGE_NONE;
    check_columns(v);
    if (!v->has_failed)
        verify_tables(v, arena);
    if (!v->has_failed)
        verify_campaigns(v);
    if (!v->has_failed)
        check_layout(v);
    for (uint32_t i = 0; i < image->code_count && !v->has_failed; i++)
        verify_code(v, i);
    if (!v->has_failed)
        check_slots(v);
    if (!v->has_failed)
        verify_frames(v);
}

bool image_verify(const struct image *image, const struct builtins *builtins,
                  struct image_error *error)
{
    struct verifier v = {.image = image, .builtins = builtins, .error = error};
    struct arena arena;
    arena_init(&arena, 0);
    verify(&v, &arena);
    arena_free(&arena);
    return !v.has_failed;
}
