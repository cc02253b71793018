/* verify_table.c: the rules of tables by themselves: texts, names, types, constants, and rows that
 * refer to each other. */
#include <math.h>

#include "vm/base/civil.h"
#include "vm/base/map.h"
#include "vm/base/utf8.h"
#include "vm/base/zone.h"
#include "vm/code/value.h"
#include "vm/code/verify.h"

static void check_texts(struct verifier *v)
{
    for (uint32_t i = 0; i < v->image->text_count; i++)
        if (!utf8_is_valid(v->image->texts[i]))
            verify_wrong(&(struct place){v, "text", i, 0}, "bytes", "not UTF-8");
}

static void check_project(struct verifier *v)
{
    const struct image *image = v->image;
    struct place at = {v, "project", 0, 0};
    if (image->project_count != 1) {
        verify_wrong(&at, "rows", "%u, there is one", image->project_count);
        return;
    }
    struct str zone = image_text(image, image->projects[0].timezone);
    if (!zone_find(zone))
        verify_wrong(&at, "timezone", "`" STR_FMT "` is not in this system's tzdata",
                     STR_ARG(zone));
}

/* The name is the first column of each of these tables. */
static void check_names(struct verifier *v, const char *table, const void *rows, size_t row_size,
                        struct rows range)
{
    struct strmap seen;
    strmap_init(&seen);
    for (uint32_t i = range.first; i - range.first < range.count && !v->has_failed; i++) {
        uint32_t text;
        bool is_new;
        memcpy(&text, (const char *)rows + i * row_size, sizeof text);
        struct str name = image_text(v->image, text);
        strmap_put(&seen, name, &is_new);
        struct place at = {v, table, i, 0};
        if (!name.len)
            verify_wrong(&at, "name", "empty");
        else if (!is_new)
            verify_wrong(&at, "name", "`" STR_FMT "` a second time", STR_ARG(name));
    }
    strmap_free(&seen);
}

#define NAMES(v, table, range)                                                                     \
    check_names(v, #table, (v)->image->table##s, sizeof *(v)->image->table##s, range)

static void check_all_names(struct verifier *v)
{
    const struct image *image = v->image;
    NAMES(v, attribute, ((struct rows){0, image->attribute_count}));
    NAMES(v, event, ((struct rows){0, image->event_count}));
    NAMES(v, object, ((struct rows){0, image->object_count}));
    NAMES(v, segment, ((struct rows){0, image->segment_count}));
    NAMES(v, topic, ((struct rows){0, image->topic_count}));
    NAMES(v, campaign, ((struct rows){0, image->campaign_count}));
    for (uint32_t i = 0; i < image->event_count; i++)
        NAMES(v, field, image->events[i].fields);
    for (uint32_t i = 0; i < image->object_count; i++)
        NAMES(v, field, image->objects[i].fields);
    for (uint32_t i = 0; i < image->campaign_count; i++) {
        NAMES(v, message, image->campaigns[i].messages);
        NAMES(v, wait, image->campaigns[i].waits);
        NAMES(v, step, image->campaigns[i].steps);
    }
}

static void check_depth(const struct place *at, uint32_t depth)
{
    if (depth > IMAGE_MAX_DEPTH)
        verify_wrong(at, "depth", "lists within lists %u deep, %d are allowed", depth,
                     IMAGE_MAX_DEPTH);
}

static void check_types(struct verifier *v, struct arena *arena)
{
    uint8_t *depths = arena_alloc(arena, (size_t)v->image->type_count + 1);
    for (uint32_t i = 0; i < v->image->type_count && !v->has_failed; i++) {
        const struct image_type *type = &v->image->types[i];
        struct place at = {v, "type", i, 0};
        bool is_list = type->kind == TYPE_LIST;
        if (is_list != (type->of != IMAGE_NONE) || (is_list && type->of >= i))
            verify_wrong(&at, "of", "a list, and nothing else, is of a type before it");
        else if (is_list)
            check_depth(&at, depths[i] = (uint8_t)(depths[type->of] + 1));
        if ((type->kind == TYPE_CHOICE) != (type->choices.count > 0))
            verify_wrong(&at, "choices", "one of its values, and nothing else, has choices");
    }
}

/* Deepest list of the constant; its elements stand before it. */
static uint8_t list_depth(const struct place *at, const uint8_t *depths)
{
    const struct image *image = at->v->image;
    struct rows elements = image->constants[at->row].elements;
    uint8_t depth = 0;
    if (elements.count > IMAGE_MAX_LIST)
        verify_wrong(at, "elements", "%u, at most %d are allowed", elements.count, IMAGE_MAX_LIST);
    for (uint32_t i = 0; i < elements.count; i++) {
        uint32_t value = image->elements[elements.first + i].value;
        if (value >= at->row)
            verify_wrong(at, "elements", "constant %u does not stand before it", value);
        else if (depths[value] > depth)
            depth = depths[value];
    }
    check_depth(at, depth + 1u);
    return (uint8_t)(depth + 1);
}

static bool is_in(int64_t number, int64_t least, int64_t most)
{
    return number >= least && number <= most;
}

static bool is_constant_sound(const struct image_constant *constant)
{
    double real;
    switch ((enum value_kind)constant->kind) {
    case VALUE_INT:
        return true;
    case VALUE_LIST:
        return true;
    case VALUE_BOOL:
        return is_in(constant->number, 0, 1);
    case VALUE_NUMBER:
        memcpy(&real, &constant->number, sizeof real);
        return isfinite(real);
    case VALUE_TEXT:
        return constant->text != IMAGE_NONE;
    case VALUE_DATE:
        return is_in(constant->number, CIVIL_FIRST_DAY, CIVIL_LAST_DAY);
    case VALUE_TIME:
        return is_in(constant->number, CIVIL_FIRST_MS, CIVIL_LAST_MS);
    case VALUE_CLOCK:
        return is_in(constant->number, 0, IMAGE_LAST_MINUTE);
    case VALUE_DURATION:
        return is_in((int32_t)constant->days, INT16_MIN, INT16_MAX);
    case VALUE_UNKNOWN:
    case VALUE_EVENT:
    case VALUE_OBJECT:
    case VALUE_JSON:
    case VALUE_HASH:
    case VALUE_RANGE:
    case VALUE_LOOP:
        break;
    }
    return false;
}

static void check_constants(struct verifier *v, struct arena *arena)
{
    uint8_t *depths = arena_alloc(arena, (size_t)v->image->constant_count + 1);
    for (uint32_t i = 0; i < v->image->constant_count && !v->has_failed; i++) {
        const struct image_constant *constant = &v->image->constants[i];
        struct place at = {v, "constant", i, 0};
        if (!is_constant_sound(constant))
            verify_wrong(&at, "kind", "no value of kind %u is %lld", constant->kind,
                         (long long)constant->number);
        else if (constant->kind == VALUE_LIST)
            depths[i] = list_depth(&at, depths);
    }
}

static void check_defaults(struct verifier *v)
{
    static const uint32_t kinds[] = {[TYPE_TEXT] = VALUE_TEXT,     [TYPE_INTEGER] = VALUE_INT,
                                     [TYPE_NUMBER] = VALUE_NUMBER, [TYPE_BOOL] = VALUE_BOOL,
                                     [TYPE_DATE] = VALUE_DATE,     [TYPE_TIME] = VALUE_TIME,
                                     [TYPE_CLOCK] = VALUE_CLOCK,   [TYPE_DURATION] = VALUE_DURATION,
                                     [TYPE_EMAIL] = VALUE_TEXT,    [TYPE_PHONE] = VALUE_TEXT,
                                     [TYPE_URL] = VALUE_TEXT,      [TYPE_TIMEZONE] = VALUE_TEXT,
                                     [TYPE_LANGUAGE] = VALUE_TEXT, [TYPE_LIST] = VALUE_LIST,
                                     [TYPE_CHOICE] = VALUE_TEXT};
    for (uint32_t i = 0; i < v->image->attribute_count; i++) {
        const struct image_attribute *attribute = &v->image->attributes[i];
        uint32_t value = attribute->default_value;
        if (value != IMAGE_NONE &&
            v->image->constants[value].kind != kinds[v->image->types[attribute->type].kind])
            verify_wrong(&(struct place){v, "attribute", i, 0}, "default_value",
                         "constant %u is not of its type", value);
    }
}

static void check_builtins(struct verifier *v)
{
    for (uint32_t i = 0; i < v->image->builtin_count && !v->has_failed; i++) {
        struct str name = image_text(v->image, v->image->builtins[i].name);
        struct str signature = image_text(v->image, v->image->builtins[i].signature);
        const struct builtin *builtin = builtin_find(v->builtins, name);
        struct place at = {v, "builtin", i, 0};
        if (!builtin)
            verify_wrong(&at, "name", "this program has no `" STR_FMT "`", STR_ARG(name));
        else if (!str_eq_c(signature, builtin->signature))
            verify_wrong(&at, "signature", STR_FMT STR_FMT ", this program has %s", STR_ARG(name),
                         STR_ARG(signature), builtin->signature);
    }
}

static void check_splits(struct verifier *v)
{
    for (uint32_t i = 0; i < v->image->split_count; i++) {
        struct rows arms = v->image->splits[i].arms;
        uint64_t sum = 0;
        for (uint32_t k = 0; k < arms.count; k++)
            sum += v->image->arms[arms.first + k].share;
        if (sum != IMAGE_WHOLE)
            verify_wrong(&(struct place){v, "split", i, 0}, "arms", "their shares are %llu of %d",
                         (unsigned long long)sum, IMAGE_WHOLE);
    }
}

static void check_emits(struct verifier *v)
{
    for (uint32_t i = 0; i < v->image->emit_count; i++) {
        const struct image_emit *emit = &v->image->emits[i];
        struct rows fields = v->image->events[emit->event].fields;
        for (uint32_t k = 0; k < emit->fields.count; k++) {
            uint32_t field = v->image->emitteds[emit->fields.first + k].field;
            if (field < fields.first || field - fields.first >= fields.count)
                verify_wrong(&(struct place){v, "emit", i, 0}, "fields",
                             "field %u is not of event %u", field, emit->event);
        }
    }
}

static void check_reads(struct verifier *v)
{
    const struct image *image = v->image;
    const uint32_t counts[] = {
        [READ_ATTRIBUTE] = image->attribute_count, [READ_EVENT] = image->event_count,
        [READ_OBJECT] = image->object_count,       [READ_SEGMENT] = image->segment_count,
        [READ_TOPIC] = image->topic_count,         [READ_MESSAGE] = image->message_count};
    for (uint32_t i = 0; i < image->read_count; i++)
        if (image->reads[i].row >= counts[image->reads[i].kind])
            verify_wrong(&(struct place){v, "read", i, 0}, "row", "%u of %u", image->reads[i].row,
                         counts[image->reads[i].kind]);
}

static void check_lines(struct verifier *v)
{
    const struct image *image = v->image;
    for (uint32_t i = 0; i < image->line_count; i++) {
        if (image->lines[i].file >= image->file_count)
            verify_wrong(&(struct place){v, "line", i, 0}, "file", "%u of %u", image->lines[i].file,
                         image->file_count);
        if (image->lines[i].instruction >= image->instruction_count ||
            (i && image->lines[i].instruction <= image->lines[i - 1].instruction))
            verify_wrong(&(struct place){v, "line", i, 0}, "instruction",
                         "%u, they ascend and end below %u", image->lines[i].instruction,
                         image->instruction_count);
    }
}

void verify_tables(struct verifier *v, struct arena *arena)
{
    check_project(v);
    check_texts(v);
    check_all_names(v);
    check_types(v, arena);
    check_constants(v, arena);
    if (!v->has_failed)
        check_defaults(v);
    check_builtins(v);
    check_splits(v);
    check_emits(v);
    check_reads(v);
    check_lines(v);
}
