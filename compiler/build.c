/* build.c: the image's tables growing: texts, constants and types once each, rows added,
 * instructions collected. */
#include <stdarg.h>
#include <stdio.h>

#include "compiler/internal.h"

#define TABLE(number, name)                                                                        \
    uint32_t add_##name(struct compiler *c, struct image_##name row)                               \
    {                                                                                              \
        struct image *image = c->image;                                                            \
        image->name##s = arena_grow(c->arena, image->name##s, image->name##_count,                 \
                                    &c->name##_room, sizeof row);                                  \
        ensure(image->name##s);                                                                    \
        image->name##s[image->name##_count] = row;                                                 \
        return image->name##_count++;                                                              \
    }
#define COLUMN(kind, name)
#define COLUMN_OF(kind, table, name)
#define END(name)
#include "vm/code/image.def"
#undef TABLE
#undef COLUMN
#undef COLUMN_OF
#undef END

uint32_t intern(struct compiler *c, struct str text)
{
    uint64_t *known = strmap_get(&c->texts, text);
    if (known)
        return (uint32_t)*known;
    struct image *image = c->image;
    image->texts =
        arena_grow(c->arena, image->texts, image->text_count, &c->text_room, sizeof text);
    struct str copy = arena_str(c->arena, text);
    image->texts[image->text_count] = copy;
    *strmap_put(&c->texts, copy, NULL) = image->text_count;
    return image->text_count++;
}

/* The same text gives the same image wherever it lies. */
struct str name_in_project(struct compiler *c, struct str name)
{
    size_t longest = 0;
    for (uint32_t i = 0; i < c->root_count; i++)
        if (str_starts(name, c->roots[i]) && c->roots[i].len > longest)
            longest = c->roots[i].len;
    return str_from(name, longest);
}

static uint32_t add_file(struct compiler *c, uint32_t file)
{
    struct image *image = c->image;
    bool is_new;
    uint64_t *row = map64_put(&c->file_rows, file, &is_new);
    if (is_new) {
        struct str name = source_at(&c->out->sources, file)->name;
        image->files = arena_grow(c->arena, image->files, image->file_count, &c->file_room,
                                  sizeof *image->files);
        image->files[image->file_count] = name_in_project(c, name);
        *row = image->file_count++;
    }
    return (uint32_t)*row;
}

void emit_line(struct compiler *c, struct span span)
{
    struct code *code = c->code;
    struct position at = source_position(source_at(&c->out->sources, span.file), span.first);
    bool is_same = code->line_count && code->lines[code->line_count - 1].instruction == code->count;
    code->line_count -= is_same;
    code->lines =
        arena_grow(c->arena, code->lines, code->line_count, &code->line_room, sizeof *code->lines);
    code->lines[code->line_count++] =
        (struct image_line){code->count, add_file(c, span.file), at.line, at.column};
}

struct str text_of(struct compiler *c, uint32_t text)
{
    return image_text(c->image, text);
}

static uint32_t add_once(struct compiler *c, struct image_constant row)
{
    const struct {
        int64_t number;
        uint32_t kind, months, days, text;
    } parts = {row.number, row.kind, row.months, row.days, row.text};
    struct str key = {(const char *)&parts, sizeof parts};
    uint64_t *known = strmap_get(&c->constants, key);
    if (known)
        return (uint32_t)*known;
    uint32_t added = add_constant(c, row);
    *strmap_put(&c->constants, arena_str(c->arena, key), NULL) = added;
    return added;
}

uint32_t add_constant_value(struct compiler *c, struct value v)
{
    struct image_constant row = {.kind = v.kind, .text = IMAGE_NONE};
    if (v.kind == VALUE_LIST) {
        uint32_t *items = arena_array(c->arena, v.list->count + 1, sizeof *items);
        for (uint32_t i = 0; i < v.list->count; i++)
            items[i] = add_constant_value(c, v.list->items[i]);
        row.elements = (struct rows){c->image->element_count, v.list->count};
        for (uint32_t i = 0; i < v.list->count; i++)
            add_element(c, (struct image_element){items[i]});
        return add_constant(c, row);
    }
    if (v.kind == VALUE_TEXT)
        row.text = intern(c, v.text);
    else if (v.kind == VALUE_NUMBER)
        memcpy(&row.number, &v.n, sizeof row.number);
    else
        row.number = v.i;
    if (v.kind == VALUE_DURATION) {
        row.months = (uint32_t)v.months;
        row.days = (uint32_t)(int32_t)v.days;
    }
    return add_once(c, row);
}

static const struct {
    const char *word;
    uint32_t kind;
    const char *name;
} type_words[] = {
    {"text", TYPE_TEXT, "a text"},
    {"integer", TYPE_INTEGER, "an integer"},
    {"number", TYPE_NUMBER, "a number"},
    {"bool", TYPE_BOOL, "true or false"},
    {"date", TYPE_DATE, "a date"},
    {"time", TYPE_TIME, "an instant"},
    {"clock", TYPE_CLOCK, "a time of day"},
    {"duration", TYPE_DURATION, "a duration"},
    {"email", TYPE_EMAIL, "an e-mail address"},
    {"phone", TYPE_PHONE, "a phone number"},
    {"url", TYPE_URL, "a web address"},
    {"timezone", TYPE_TIMEZONE, "a time zone"},
    {"language", TYPE_LANGUAGE, "a language"},
    {"list", TYPE_LIST, "a list"},
    {"", TYPE_CHOICE, "one of its values"},
    {"", KIND_EVENT, "an event"},
    {"", KIND_OBJECT, "an object"},
    {"", KIND_WEEKDAY, "a day of the week"},
    {"", KIND_JSON, "a part of an answer"},
    {"", KIND_ANSWER, "an answer"},
    {"", KIND_CLINIC, "the clinic"},
    {"", KIND_PATIENT, "the patient"},
    {"", KIND_REPLY, "a reply"},
    {"", KIND_LOOP, "a loop"},
    {"", KIND_RANGE, "a range"},
    {"", KIND_ANY, "a value"},
    {"", KIND_NOTHING, "nothing"},
};

const char *kind_name(uint32_t kind)
{
    for (size_t i = 0; i < ARRAY_COUNT(type_words); i++)
        if (type_words[i].kind == kind)
            return type_words[i].name;
    return "a value";
}

static uint32_t type_once(struct compiler *c, struct str key, struct image_type row)
{
    uint64_t *known = strmap_get(&c->types, key);
    if (known)
        return (uint32_t)*known;
    uint32_t added = add_type(c, row);
    *strmap_put(&c->types, arena_str(c->arena, key), NULL) = added;
    return added;
}

uint32_t type_of_kind(struct compiler *c, uint32_t kind)
{
    uint32_t *known = kind < ARRAY_COUNT(c->type_of_kind) ? &c->type_of_kind[kind] : NULL;
    if (known && *known)
        return *known - 1;
    struct str key = arena_printf(c->arena, "%u", kind);
    uint32_t row = type_once(c, key, (struct image_type){.kind = kind, .of = IMAGE_NONE});
    if (known)
        *known = row + 1;
    return row;
}

static void report_unknown_type(struct compiler *c, const struct node *type)
{
    static const struct {
        const char *written, *meant;
    } usual[] = {{"int", "integer"},  {"string", "text"},  {"str", "text"},
                 {"boolean", "bool"}, {"float", "number"}, {"datetime", "time"},
                 {"instant", "time"}, {"tel", "phone"}};
    struct str names[ARRAY_COUNT(type_words)], nearest = {0};
    uint32_t count = 0;
    for (; type_words[count].word[0]; count++)
        names[count] = str_of(type_words[count].word);
    for (size_t i = 0; i < ARRAY_COUNT(usual); i++)
        if (str_eq_c(type->name, usual[i].written))
            nearest = str_of(usual[i].meant);
    if (!nearest.at)
        nearest = diag_nearest(type->name, names, count);
    struct diag *diag = report(c, DIAG_UNKNOWN_TYPE, type->span, STR_ARG(type->name));
    if (nearest.at)
        help(c, diag, "did you mean `" STR_FMT "`?", STR_ARG(nearest));
    else
        help(c, diag,
             "text integer number bool date time clock duration email phone url timezone "
             "language, `list of T` or one of [\"a\", \"b\"]");
}

static void check_choice(struct compiler *c, const struct node *type, const struct node *choice)
{
    const struct node *before = type->kids[TYPE_CHOICES];
    while (before != choice && !str_eq(before->name, choice->name))
        before = before->next;
    if (before != choice)
        help(c, report(c, DIAG_DUPLICATE, choice->span, "value", STR_ARG(choice->name)),
             "take one of them away");
}

uint32_t type_row(struct compiler *c, const struct node *type)
{
    if (type->kids[TYPE_CHOICES]) {
        struct buf key;
        buf_init(&key, 0);
        buf_c(&key, "choice");
        for (const struct node *choice = type->kids[TYPE_CHOICES]; choice; choice = choice->next) {
            buf_bytes(&key, choice->name);
            check_choice(c, type, choice);
        }
        struct str view = arena_str(c->arena, buf_view(&key));
        buf_free(&key);
        uint64_t *known = strmap_get(&c->types, view);
        if (known)
            return (uint32_t)*known;
        struct rows choices = {c->image->choice_count, 0};
        for (const struct node *choice = type->kids[TYPE_CHOICES]; choice;
             choice = choice->next, choices.count++)
            add_choice(c, (struct image_choice){intern(c, choice->name)});
        return type_once(c, view, (struct image_type){TYPE_CHOICE, IMAGE_NONE, choices});
    }
    for (size_t i = 0; i < ARRAY_COUNT(type_words); i++) {
        if (!type->name.len || !str_eq_c(type->name, type_words[i].word))
            continue;
        if (type_words[i].kind != TYPE_LIST)
            return type_of_kind(c, type_words[i].kind);
        uint32_t of =
            type->kids[TYPE_OF] ? type_row(c, type->kids[TYPE_OF]) : type_of_kind(c, TYPE_TEXT);
        return type_once(c, arena_printf(c->arena, "list %u", of),
                         (struct image_type){.kind = TYPE_LIST, .of = of});
    }
    report_unknown_type(c, type);
    return type_of_kind(c, KIND_BAD);
}

void code_begin(struct compiler *c, struct code *code, uint32_t kind)
{
    *code = (struct code){.outer = c->code, .kind = kind};
    c->code = code;
}

void emit(struct compiler *c, uint32_t word, uint32_t pops, uint32_t pushes)
{
    struct code *code = c->code;
    code->words = arena_grow(c->arena, code->words, code->count, &code->room, sizeof *code->words);
    code->words[code->count++] = word;
    code->depth -= pops < code->depth ? pops : code->depth;
    code->depth += pushes;
    if (code->depth > code->max_depth)
        code->max_depth = code->depth;
    enum op op = (enum op)op_of(word);
    code->is_timed |= op == OP_NOW || op == OP_TODAY;
}

uint32_t emit_jump(struct compiler *c, enum op op)
{
    emit(c, op_c(op, 0), op == OP_JUMP ? 0 : 1, 0);
    return c->code->count - 1;
}

void patch(struct compiler *c, uint32_t place)
{
    uint32_t word = c->code->words[place];
    c->code->words[place] = op_c((enum op)op_of(word), c->code->count);
}

void emit_jump_in(struct compiler *c, enum op op, uint32_t *chain)
{
    uint32_t place = emit_jump(c, op);
    c->code->words[place] = op_c(op, *chain);
    *chain = place + 1;
}

void patch_all(struct compiler *c, uint32_t chain)
{
    while (chain) {
        uint32_t place = chain - 1;
        chain = op_operand(c->code->words[place]);
        patch(c, place);
    }
}

void add_read_of(struct compiler *c, uint32_t kind, uint32_t row)
{
    for (struct code *code = c->code; code; code = code->outer) {
        bool is_there = false;
        for (uint32_t i = 0; i < code->read_count && !is_there; i++)
            is_there = code->reads[i].kind == kind && code->reads[i].row == row;
        if (is_there)
            continue;
        code->reads = arena_grow(c->arena, code->reads, code->read_count, &code->read_room,
                                 sizeof *code->reads);
        code->reads[code->read_count++] = (struct image_read){kind, row};
    }
}

uint32_t code_end(struct compiler *c)
{
    struct code *code = c->code;
    struct image *image = c->image;
    struct image_code row = {.kind = code->kind,
                             .first = image->instruction_count,
                             .count = code->count,
                             .max_stack = code->max_depth,
                             .local_count = code->local_count,
                             .is_timed = code->is_timed,
                             .reads = {image->read_count, code->read_count}};
    for (uint32_t i = 0; i < code->read_count; i++)
        add_read(c, code->reads[i]);
    for (uint32_t i = 0; i < code->line_count; i++) {
        code->lines[i].instruction += row.first;
        add_line(c, code->lines[i]);
    }
    for (uint32_t i = 0; i < code->count; i++) {
        image->instructions = arena_grow(c->arena, image->instructions, image->instruction_count,
                                         &c->instruction_room, sizeof *image->instructions);
        image->instructions[image->instruction_count++] = code->words[i];
    }
    c->code = code->outer;
    if (c->code)
        c->code->is_timed |= code->is_timed;
    return add_code(c, row);
}

uint32_t code_keep(struct compiler *c)
{
    return add_code(c, (struct image_code){.kind = CODE_TEMPLATE});
}

void code_end_at(struct compiler *c, uint32_t kept)
{
    uint32_t row = code_end(c);
    c->image->codes[kept] = c->image->codes[row];
    c->image->code_count--;
}

struct str source_text(struct compiler *c, struct span span)
{
    const struct source *source = source_at(&c->out->sources, span.file);
    return (struct str){source->text.at + span.first, span.end - span.first};
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Of the literal, with its quotes, at the front. */
static size_t text_literal_length(struct str text)
{
    if (str_starts(text, STR("\"\"\""))) {
        size_t end = str_find(str_from(text, 3), STR("\"\"\""));
        return end == SIZE_MAX ? text.len : end + 6;
    }
    size_t i = 1;
    while (i < text.len && text.at[i] != '"')
        i += text.at[i] == '\\' && i + 1 < text.len ? 2 : 1;
    return i < text.len ? i + 1 : text.len;
}

struct str source_words(struct compiler *c, struct span span)
{
    struct str text = source_text(c, span);
    char *words = arena_alloc(c->arena, text.len + 1);
    size_t length = 0;
    for (size_t i = 0; i < text.len;) {
        bool is_after_gap = false;
        while (i < text.len && strchr(" \t\r\n#", text.at[i])) {
            is_after_gap = true;
            i = text.at[i] == '#' ? i + strcspn(text.at + i, "\n") : i + 1;
        }
        if (i >= text.len)
            break;
        if (is_after_gap && length && is_word_byte(words[length - 1]) && is_word_byte(text.at[i]))
            words[length++] = ' ';
        size_t end = i + 1;
        if (text.at[i] == '"')
            end = i + text_literal_length(str_from(text, i));
        while (i < end)
            words[length++] = text.at[i++];
    }
    return (struct str){words, length};
}
