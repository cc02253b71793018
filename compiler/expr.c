/* expr.c: expressions: names resolved, types checked and instructions emitted in one walk
 * (LANGUAGE.md 4). */
#include "compiler/call.h"
#include "compiler/liquid.h"
#include "compiler/phi.h"
#include "grammar/parse.h"
#include "vm/base/zone.h"
#include "vm/code/accept.h"

struct typed typed_kind(uint32_t kind)
{
    return (struct typed){.kind = kind, .is_known = true};
}

struct typed typed_of(struct compiler *c, uint32_t type)
{
    return (struct typed){.kind = c->image->types[type].kind, .type = type};
}

static const struct typed bad = {.kind = KIND_BAD};

static bool is_text(uint32_t kind)
{
    return kind == TYPE_TEXT || kind == TYPE_EMAIL || kind == TYPE_PHONE || kind == TYPE_URL ||
           kind == TYPE_TIMEZONE || kind == TYPE_LANGUAGE || kind == TYPE_CHOICE;
}

static bool is_number(uint32_t kind)
{
    return kind == TYPE_INTEGER || kind == TYPE_NUMBER;
}

static bool is_moment(uint32_t kind)
{
    return kind == TYPE_TIME || kind == TYPE_DATE;
}

static struct typed merge(uint32_t kind, struct typed a, struct typed b)
{
    return (struct typed){
        .kind = kind, .is_known = a.is_known && b.is_known, .is_phi = a.is_phi || b.is_phi};
}

uint32_t duration_constant(struct compiler *c, const struct node *duration)
{
    return add_constant_value(c, (struct value){.kind = VALUE_DURATION,
                                                .i = duration->number,
                                                .months = duration->months,
                                                .days = (int16_t)duration->days});
}

static void push_constant(struct compiler *c, struct value v)
{
    emit(c, op_c(OP_PUSH_CONST, add_constant_value(c, v)), 0, 1);
}

static struct node *clinic_value(struct compiler *c, struct str name);

/* What a clinic field may be: written out, known now. */
bool is_literal(const struct node *node)
{
    if (node->kind == NODE_NEGATE)
        node = node->kids[NEGATE_OPERAND];
    return node->kind == NODE_TEXT || node->kind == NODE_INTEGER || node->kind == NODE_NUMBER ||
           node->kind == NODE_PERCENT || node->kind == NODE_DATE || node->kind == NODE_CLOCK ||
           node->kind == NODE_BOOL || node->kind == NODE_DURATION || node->kind == NODE_LIST;
}

/* The text that the node is, or that the clinic field or the `let` it names was written as (P4); a
 * copy, placed where it is used. NULL: something else. */
static struct node *text_literal(struct compiler *c, struct node *node)
{
    struct node *value = node;
    for (int depth = 0; value && value->kind == NODE_PATH && depth < 32; depth++) {
        const struct node *part = value->kids[PATH_PARTS];
        uint64_t *let =
            part || find_name(c, value->name) ? NULL : strmap_get(&c->lets, value->name);
        bool is_clinic = part && !part->next && str_eq(value->name, STR("clinic"));
        if (let)
            mark_let_used(c, ((struct node *)(uintptr_t)*let)->name_span);
        value = let         ? ((struct node *)(uintptr_t)*let)->kids[LET_VALUE]
                : is_clinic ? clinic_value(c, part->name)
                            : NULL;
    }
    if (!value || value->kind != NODE_TEXT || value == node)
        return value && value->kind == NODE_TEXT ? value : NULL;
    struct node *copy = node_new(&c->out->ast, NODE_TEXT, node->span);
    copy->name = value->name;
    return copy;
}

static struct str negated(struct compiler *c, const struct node *node)
{
    return source_text(c, node->span);
}

static void report_choice(struct compiler *c, const struct node *node, uint32_t type)
{
    const struct image_type *row = &c->image->types[type];
    struct diag *diag = report(c, DIAG_NOT_A_CHOICE, node->span, STR_ARG(node->name));
    struct str names[64];
    uint32_t count = row->choices.count < 64 ? row->choices.count : 64;
    struct buf list;
    buf_init(&list, 512);
    for (uint32_t i = 0; i < count; i++) {
        names[i] = text_of(c, c->image->choices[row->choices.first + i].value);
        buf_printf(&list, "%s\"" STR_FMT "\"", i ? ", " : "", STR_ARG(names[i]));
    }
    struct str nearest = diag_nearest(node->name, names, count);
    if (nearest.at)
        help(c, diag, "did you mean \"" STR_FMT "\"?", STR_ARG(nearest));
    else
        help(c, diag, "one of " STR_FMT, STR_ARG(buf_view(&list)));
    buf_free(&list);
}

static void report_literal(struct compiler *c, struct span span, struct str text, uint32_t kind)
{
    struct diag *diag = report(c, DIAG_BAD_LITERAL, span, STR_ARG(text), kind_name(kind));
    help(c, diag, "write it as %s", kind_form(kind));
}

/* A literal as a value of the wanted type; false: reported. */
bool constant_from_literal(struct compiler *c, struct node *node, struct typed wanted,
                           struct value *v)
{
    bool fits = true;
    int64_t sign = 1;
    const struct node *literal = node;
    *v = value_unknown();
    if (literal->kind == NODE_NEGATE) {
        literal = literal->kids[NEGATE_OPERAND];
        sign = -1;
    }
    if (literal->kind == NODE_TEXT && sign == 1) {
        if (wanted.kind == TYPE_TIME) {
            struct civil civil;
            const struct zone *zone = zone_find(text_of(c, c->image->projects[0].timezone));
            fits = civil_parse_instant(literal->name, &v->i);
            if (!fits && civil_parse_local(literal->name, &civil)) {
                v->i = zone_instant(zone ? zone : zone_utc(), civil_ms(civil));
                fits = true;
            }
            v->kind = VALUE_TIME;
        } else {
            *v = value_from_text(c->arena, c->image, wanted.type, literal->name, &fits);
        }
        if (!fits && wanted.kind == TYPE_CHOICE)
            report_choice(c, literal, wanted.type);
        else if (!fits)
            report_literal(c, node->span, literal->name, wanted.kind);
        return fits;
    }
    if (literal->kind == NODE_INTEGER && wanted.kind == TYPE_NUMBER)
        *v = (struct value){.kind = VALUE_NUMBER, .n = (double)(sign * literal->number)};
    else if (literal->kind == NODE_INTEGER && wanted.kind == TYPE_INTEGER)
        *v = value_int(sign * literal->number);
    else if (literal->kind == NODE_NUMBER && wanted.kind == TYPE_NUMBER)
        *v = (struct value){.kind = VALUE_NUMBER, .n = (double)sign * literal->real};
    else if (literal->kind == NODE_BOOL && wanted.kind == TYPE_BOOL && sign == 1)
        *v = value_bool(literal->number);
    else if (literal->kind == NODE_DATE && wanted.kind == TYPE_DATE && literal->clock < 0)
        *v = (struct value){.kind = VALUE_DATE, .i = literal->number};
    else if (literal->kind == NODE_CLOCK && wanted.kind == TYPE_CLOCK)
        *v = (struct value){.kind = VALUE_CLOCK, .i = literal->clock};
    else if (literal->kind == NODE_DURATION && wanted.kind == TYPE_DURATION)
        *v = (struct value){.kind = VALUE_DURATION,
                            .i = literal->number,
                            .months = literal->months,
                            .days = (int16_t)literal->days};
    else if (literal->kind == NODE_LIST && wanted.kind == TYPE_LIST) {
        struct list *list = arena_alloc(c->arena, sizeof *list);
        struct value items[256];
        for (struct node *item = literal->kids[LIST_ITEMS]; item && list->count < 256;
             item = item->next)
            if (!constant_from_literal(c, item, typed_of(c, c->image->types[wanted.type].of),
                                       &items[list->count++]))
                return false;
        list->items = arena_copy(c->arena, items, list->count * sizeof *items);
        *v = (struct value){.kind = VALUE_LIST, .list = list};
    } else {
        struct str text = negated(c, node);
        report_literal(c, node->span, text, wanted.kind);
        return false;
    }
    return true;
}

struct name *find_name(struct compiler *c, struct str name)
{
    for (uint32_t i = c->name_count; i > c->name_base; i--)
        if (str_eq(c->names[i - 1].name, name))
            return &c->names[i - 1];
    return NULL;
}

struct str path_text(struct compiler *c, const struct node *path)
{
    struct buf text;
    buf_init(&text, 1024);
    buf_str(&text, path->name);
    for (const struct node *part = path->kids[PATH_PARTS]; part; part = part->next) {
        buf_byte(&text, '.');
        buf_str(&text, part->kind == NODE_INDEX ? source_text(c, part->span) : part->name);
    }
    struct str copy = arena_str(c->arena, buf_view(&text));
    buf_free(&text);
    return copy;
}

static bool is_shown_known(struct compiler *c, const struct node *path)
{
    struct str text = path_text(c, path);
    for (uint32_t i = 0; i < c->fact_count; i++)
        if (str_eq(c->facts[i], text))
            return true;
    return false;
}

void unknown_field(struct compiler *c, struct str name, struct span span, const char *what,
                   struct rows fields)
{
    struct diag *diag = report(c, DIAG_UNKNOWN_NAME, span, what, STR_ARG(name));
    struct str names[256];
    uint32_t count = 0;
    for (uint32_t i = 0; i < fields.count && count < 256; i++)
        names[count++] = text_of(c, c->image->fields[fields.first + i].name);
    suggest_of(c, diag, name, names, count);
}

/* The field `part` of the event or object on the stack. */
static struct typed field(struct compiler *c, struct typed of, const struct node *part)
{
    if (of.kind != KIND_EVENT && of.kind != KIND_OBJECT) {
        struct diag *diag = of.kind == KIND_BAD ? NULL
                                                : report(c, DIAG_UNKNOWN_NAME, part->span, "field",
                                                         STR_ARG(part->name));
        if (diag)
            help(c, diag, "%s has no fields", kind_name(of.kind));
        return bad;
    }
    bool is_event = of.kind == KIND_EVENT;
    struct rows fields =
        is_event ? c->image->events[of.row].fields : c->image->objects[of.row].fields;
    for (uint32_t i = 0; i < fields.count; i++) {
        const struct image_field *row = &c->image->fields[fields.first + i];
        if (!str_eq(text_of(c, row->name), part->name))
            continue;
        emit(c, op_c(OP_FIELD, fields.first + i), 1, 1);
        struct typed type = typed_of(c, row->type);
        type.is_phi = row->is_phi;
        type.is_known =
            str_eq(part->name, STR("timestamp")) ||
            (!is_event && str_eq(part->name, text_of(c, c->image->objects[of.row].id_field)));
        return type;
    }
    unknown_field(c, part->name, part->span, is_event ? "property" : "field", fields);
    return bad;
}

/* A part of a webhook's answer: `status`, or what the body holds. */
static struct typed member(struct compiler *c, struct typed of, const struct node *part)
{
    bool is_answer = of.kind == KIND_ANSWER, is_status = str_eq_c(part->name, "status");
    emit(c, op_c(OP_MEMBER, add_constant_value(c, value_text(part->name))), 1, 1);
    if (!is_answer || str_eq_c(part->name, "body"))
        return (struct typed){.kind = KIND_JSON};
    if (is_status)
        return (struct typed){.kind = TYPE_INTEGER, .type = type_of_kind(c, TYPE_INTEGER)};
    struct diag *diag = report(c, DIAG_UNKNOWN_NAME, part->span, "field", STR_ARG(part->name));
    help(c, diag, "an answer has `status` and `body`");
    return bad;
}

static struct typed patient_path(struct compiler *c, const struct node *part)
{
    if (str_eq(part->name, STR("id"))) {
        emit(c, op_c(OP_PATIENT_ID, 0), 0, 1);
        return (struct typed){
            .kind = TYPE_TEXT, .type = type_of_kind(c, TYPE_TEXT), .is_known = true};
    }
    uint64_t *row = strmap_get(&c->attributes, part->name);
    if (!row) {
        struct diag *diag =
            report(c, DIAG_UNKNOWN_NAME, part->span, "attribute", STR_ARG(part->name));
        suggest(c, diag, part->name, &c->attributes);
        return bad;
    }
    const struct image_attribute *attribute = &c->image->attributes[*row];
    mark_used(c, "attribute", part->name);
    emit(c, op_c(OP_ATTRIBUTE, (uint32_t)*row), 0, 1);
    add_read_of(c, READ_ATTRIBUTE, (uint32_t)*row);
    struct typed type = typed_of(c, attribute->type);
    type.is_known = attribute->default_value != IMAGE_NONE;
    type.is_phi = attribute->is_phi;
    return type;
}

static struct node *clinic_value(struct compiler *c, struct str name)
{
    for (struct node *pair = c->clinic ? c->clinic->kids[CLINIC_FIELDS] : NULL; pair;
         pair = pair->next)
        if (str_eq(pair->name, name))
            return pair->kids[PAIR_VALUE];
    return NULL;
}

static struct typed clinic_path(struct compiler *c, const struct node *part)
{
    struct node *value = clinic_value(c, part->name);
    if (value)
        return is_literal(value) ? expression(c, value) : bad;
    if (str_eq(part->name, STR("name")) && c->clinic) {
        push_constant(c, value_text(c->clinic->name));
        return (struct typed){
            .kind = TYPE_TEXT, .type = type_of_kind(c, TYPE_TEXT), .is_known = true};
    }
    if (!c->clinic && c->diags->lost_count)
        return bad; /* the clinic is what could not be read */
    struct diag *diag =
        report(c, DIAG_UNKNOWN_NAME, part->span, "clinic field", STR_ARG(part->name));
    help(c, diag, "declare it in `clinic`");
    return bad;
}

static struct typed push_name(struct compiler *c, const struct name *name)
{
    mark_let_used(c, name->span);
    if (name->kind == NAME_SLOT)
        emit(c, op_c(OP_SLOT, name->slot), 0, 1);
    else
        emit(c, op_c(name->kind == NAME_TESTED_EVENT ? OP_EVENT : OP_OBJECT, 0), 0, 1);
    if (name->type.kind == KIND_OBJECT)
        add_read_of(c, READ_OBJECT, name->type.row);
    return name->type;
}

/* `event` is the event being tested, else the one that triggered. */
static struct typed event_word(struct compiler *c, const struct node *path)
{
    if (c->tested_kind == NAME_TESTED_EVENT) {
        emit(c, op_c(OP_EVENT, 0), 0, 1);
        return c->tested_type;
    }
    if (c->trigger.kind == KIND_EVENT) {
        emit(c, op_c(OP_SLOT, 0), 0, 1);
        return c->trigger;
    }
    if (c->is_trigger_bad)
        return bad;
    struct diag *diag =
        report(c, DIAG_UNKNOWN_NAME, path->span, "event here:", STR_ARG(path->name));
    help(c, diag, "`event` is the one that triggered, or the one a `where` tests");
    return bad;
}

/* A word that is no name, but has a meaning elsewhere. */
static bool help_with_word(struct compiler *c, struct diag *diag, struct str name)
{
    const char *habit = camp_habit(name);
    struct str unit = camp_nearest_unit(name);
    if (habit) {
        help(c, diag, "%s", habit);
        return true;
    }
    if (strmap_get(&c->segments, name)) {
        help(c, diag, "a segment is asked by `patient in segment " STR_FMT "`", STR_ARG(name));
        return true;
    }
    if (unit.at && (str_eq(unit, name) || (unit.len == name.len + 1 && str_starts(unit, name)))) {
        help(c, diag, "a duration is a number and its unit, as `1 " STR_FMT "`", STR_ARG(name));
        return true;
    }
    for (uint32_t i = 0; i < c->image->choice_count; i++)
        if (str_eq(text_of(c, c->image->choices[i].value), name)) {
            help(c, diag, "a text stands in quotes: `\"" STR_FMT "\"`", STR_ARG(name));
            return true;
        }
    return false;
}

/* Names of slots and lets that can be said here. */
static void suggest_visible(struct compiler *c, struct diag *diag, struct str name)
{
    struct str names[256] = {STR("patient"), STR("clinic"), STR("event")}, key;
    uint32_t count = 3;
    uint64_t value;
    if (help_with_word(c, diag, name))
        return;
    if (diag_nearest(name, names, count).at) {
        suggest_of(c, diag, name, names, count);
        return;
    }
    count = 0;
    for (uint32_t i = c->name_base; i < c->name_count && count < 128; i++)
        names[count++] = c->names[i].name;
    for (size_t i = 0; count < 256 && strmap_next(&c->lets, &i, &key, &value);)
        names[count++] = key;
    if (!count)
        help(c, diag, "a text stands in quotes, an attribute is written `patient.name`");
    else
        suggest_of(c, diag, name, names, count);
}

static struct typed root_value(struct compiler *c, const struct node *path,
                               const struct node **part)
{
    const struct node *first = path->kids[PATH_PARTS];
    struct typed own;
    if (c->tpl && liquid_root(c, path, &own)) {
        bool takes_two = own.kind == TYPE_TEXT && first &&
                         (str_eq_c(path->name, "message") || str_eq_c(path->name, "campaign")) &&
                         !find_variable(c->tpl, path->name);
        *part = first && (!path->name.len || takes_two) ? first->next : first;
        return own;
    }
    bool is_patient = str_eq(path->name, STR("patient")),
         is_clinic = str_eq(path->name, STR("clinic"));
    if ((is_patient || is_clinic) && first) {
        *part = first->next;
        return is_patient ? patient_path(c, first) : clinic_path(c, first);
    }
    *part = first;
    if (is_patient)
        return typed_kind(KIND_PATIENT);
    if (c->tested.at && str_eq(path->name, c->tested)) {
        emit(c, op_c(c->tested_kind == NAME_TESTED_EVENT ? OP_EVENT : OP_OBJECT, 0), 0, 1);
        return c->tested_type;
    }
    if (str_eq(path->name, STR("event")))
        return event_word(c, path);
    struct name *name = find_name(c, path->name);
    if (name)
        return push_name(c, name);
    uint64_t *let = strmap_get(&c->lets, path->name);
    if (let) {
        struct node *decl = (struct node *)(uintptr_t)*let;
        mark_let_used(c, decl->name_span);
        return expression(c, decl->kids[LET_VALUE]);
    }
    struct diag *diag = report(c, DIAG_UNKNOWN_NAME, path->span, "name", STR_ARG(path->name));
    if (strmap_get(&c->attributes, path->name))
        help(c, diag, "an attribute is written `patient." STR_FMT "`", STR_ARG(path->name));
    else
        suggest_visible(c, diag, path->name);
    return bad;
}

struct typed path_value(struct compiler *c, struct node *path)
{
    const struct node *part;
    struct typed type = root_value(c, path, &part);
    if (type.kind == KIND_REPLY && part && !part->next && str_eq(part->name, STR("text"))) {
        type.kind = TYPE_TEXT;
        return type;
    }
    for (; part && type.kind != KIND_BAD; part = part->next) {
        if (c->tpl && liquid_member(c, &type, (struct node *)(uintptr_t)part))
            continue;
        type = type.kind == KIND_ANSWER || type.kind == KIND_JSON ? member(c, type, part)
                                                                  : field(c, type, part);
    }
    if (type.kind != KIND_BAD && is_shown_known(c, path))
        type.is_known = true;
    return type;
}

static void report_type(struct compiler *c, const struct node *node, struct typed got,
                        const char *wanted)
{
    if (got.kind == KIND_BAD)
        return;
    struct diag *diag = report(c, DIAG_WRONG_TYPE, node->span, kind_name(got.kind), wanted);
    struct str text = source_text(c, node->span);
    if (got.kind == TYPE_TEXT && node->kind == NODE_TEXT)
        help(c, diag, "leave out the quotes, or write %s", wanted);
    else
        help(c, diag, "`" STR_FMT "` is %s; write %s", STR_ARG(text), kind_name(got.kind), wanted);
}

/* Both sides were written; which would fit is the author's to say. */
static void report_comparison(struct compiler *c, struct span span, struct typed a, struct typed b)
{
    struct diag *diag = report(c, DIAG_CANNOT_COMPARE, span, kind_name(a.kind), kind_name(b.kind));
    bool is_age =
        (is_moment(a.kind) && is_number(b.kind)) || (is_number(a.kind) && is_moment(b.kind));
    if (is_age)
        help(c, diag, "compare it with a date, as `today - 18 years`");
    else
        help(c, diag, "compare it with %s, as %s", kind_name(a.kind), kind_form(a.kind));
}

struct typed type_of(struct compiler *c, struct node *node)
{
    struct code trial, *outer = c->code;
    bool was_quiet = c->is_quiet;
    c->is_quiet = true;
    code_begin(c, &trial, CODE_EXPRESSION);
    trial.outer = NULL;
    struct typed type = expression(c, node);
    c->code = outer;
    c->is_quiet = was_quiet;
    return type;
}

static bool is_comparable(struct typed a, struct typed b)
{
    return a.kind == b.kind || (is_text(a.kind) && is_text(b.kind)) ||
           (is_number(a.kind) && is_number(b.kind)) || (is_moment(a.kind) && is_moment(b.kind)) ||
           a.kind == KIND_JSON || b.kind == KIND_JSON || a.kind == KIND_ANY || b.kind == KIND_ANY;
}

/* Is one of them less than another? */
static bool is_ordered(uint32_t kind)
{
    return is_text(kind) || is_number(kind) || is_moment(kind) || kind == TYPE_CLOCK ||
           kind == TYPE_DURATION || kind == KIND_JSON || kind == KIND_ANY;
}

struct node *clinic_text(struct compiler *c, struct node *node)
{
    struct node *text = text_literal(c, node);
    return text ? text : node;
}

/* Days between two dates are compared with a number, or with so many days. */
static struct node *days_as_number(struct compiler *c, const struct node *other, struct typed type,
                                   struct node *node)
{
    bool is_days = node->kind == NODE_DURATION && !node->months && !node->number;
    if (!is_days || type.kind != TYPE_INTEGER || other->kind != NODE_ARITHMETIC ||
        type_of(c, other->kids[ARITHMETIC_LEFT]).kind != TYPE_DATE)
        return node;
    struct node *number = node_new(&c->out->ast, NODE_INTEGER, node->span);
    number->number = node->days;
    return number;
}

/* How long a month is depends on when it begins (C4). */
static bool refuse_months(struct compiler *c, const struct node *node)
{
    if (node->kind != NODE_DURATION || !node->months)
        return false;
    struct diag *diag = report(c, DIAG_CANNOT_COMPARE, node->span, "months and years",
                               "other durations: they differ in length");
    help(c, diag, "count in days, or compare instants: `now - 1 month > …`");
    return true;
}

struct typed expression_as(struct compiler *c, struct node *node, struct typed wanted)
{
    bool is_typed = wanted.kind != KIND_BAD && wanted.kind != KIND_ANY && wanted.kind < KIND_EVENT;
    struct node *literal = is_typed ? text_literal(c, node) : NULL;
    if (literal) {
        struct value v;
        if (!is_text(wanted.kind) &&
            (is_number(wanted.kind) || wanted.kind == TYPE_BOOL || wanted.kind == TYPE_LIST)) {
            report_type(c, node, typed_kind(TYPE_TEXT), kind_name(wanted.kind));
            return bad;
        }
        if (!constant_from_literal(c, literal, wanted, &v))
            return bad;
        push_constant(c, v);
        wanted.is_known = true;
        wanted.is_phi = false;
        return wanted;
    }
    if (node->kind == NODE_LIST && wanted.kind == TYPE_LIST) {
        uint32_t count = 0;
        struct typed all = wanted;
        all.is_known = true;
        for (struct node *item = node->kids[LIST_ITEMS]; item; item = item->next, count++) {
            struct typed type =
                expression_as(c, item, typed_of(c, c->image->types[wanted.type].of));
            all.is_phi |= type.is_phi;
        }
        emit(c, op_c(OP_MAKE_LIST, count), count, 1);
        return all;
    }
    struct typed got = expression(c, node);
    bool are_lists = got.kind == TYPE_LIST && wanted.kind == TYPE_LIST && got.type && wanted.type;
    bool fits = wanted.kind == KIND_ANY || wanted.kind == KIND_JSON ||
                (got.kind == wanted.kind && !(are_lists && got.type != wanted.type)) ||
                got.kind == KIND_JSON || (wanted.kind == TYPE_NUMBER && got.kind == TYPE_INTEGER) ||
                (wanted.kind == TYPE_TIME && got.kind == TYPE_DATE) ||
                (is_text(got.kind) &&
                 (wanted.kind == TYPE_TEXT || (is_text(wanted.kind) && got.kind == TYPE_TEXT)));
    if (!fits && got.kind != KIND_BAD && wanted.kind != KIND_BAD) {
        report_type(c, node, got, kind_name(wanted.kind));
        return bad;
    }
    return got;
}

/* An unknown operand makes `!=`, `not in` and what stands under a `not` true (C1): said where a
 * message depends on it. */
static void check_unknown(struct compiler *c, struct node *node, const struct node *operand,
                          struct typed type, bool is_negated)
{
    bool is_open = !type.is_known && type.kind != KIND_BAD && type.kind != KIND_JSON;
    const struct node *shown = c->negation ? c->negation : node;
    if (!is_open || !c->unknown_matters || is_negated == (c->negation != NULL))
        return;
    struct str text = source_text(c, operand->span);
    struct diag *diag = report(c, DIAG_UNKNOWN_PASSES, shown->span, STR_ARG(text));
    help(c, diag, "if those are not meant: `" STR_FMT " is known and …`", STR_ARG(text));
}

static struct typed compare_lists(struct compiler *c, struct node *node, enum op op)
{
    struct node *left = node->kids[COMPARE_LEFT], *right = node->kids[COMPARE_RIGHT];
    bool is_contains = op == OP_CONTAINS;
    struct typed l, r;
    if (is_contains) {
        l = expression(c, left);
        struct typed of = l.kind == TYPE_LIST ? typed_of(c, c->image->types[l.type].of) : l;
        if (l.kind != TYPE_LIST && !is_text(l.kind) && l.kind != KIND_JSON)
            report_type(c, left, l, "a text or a list");
        r = expression_as(c, right,
                          l.kind == TYPE_LIST ? of : typed_of(c, type_of_kind(c, TYPE_TEXT)));
    } else {
        l = expression(c, left);
        struct typed list = {.kind = TYPE_LIST};
        if (right->kind == NODE_LIST && l.kind != KIND_BAD) {
            uint32_t count = 0;
            for (struct node *item = right->kids[LIST_ITEMS]; item; item = item->next, count++) {
                struct typed t =
                    text_literal(c, item) ? expression_as(c, item, l) : expression(c, item);
                if (t.kind != KIND_BAD && !is_comparable(l, t))
                    report_comparison(c, item->span, l, t);
            }
            emit(c, op_c(OP_MAKE_LIST, count), count, 1);
            r = list;
            r.is_known = true;
        } else {
            r = expression(c, right);
            if (r.kind != TYPE_LIST && r.kind != KIND_BAD)
                report_type(c, right, r, "a list");
        }
    }
    emit(c, op_c(op, 0), 2, 1);
    check_unknown(c, node, left, l, op == OP_NOT_IN);
    return merge(TYPE_BOOL, l, r);
}

static struct typed compare(struct compiler *c, struct node *node)
{
    static const enum op ops[] = {0,         OP_EQ,       OP_NE,          OP_LT,
                                  OP_GT,     OP_LE,       OP_GE,          OP_IN,
                                  OP_NOT_IN, OP_CONTAINS, OP_STARTS_WITH, OP_ENDS_WITH};
    enum op op = ops[node->number];
    struct node *left = node->kids[COMPARE_LEFT], *right = node->kids[COMPARE_RIGHT];
    if (op == OP_IN || op == OP_NOT_IN || op == OP_CONTAINS)
        return compare_lists(c, node, op);
    struct typed l, r, text = typed_of(c, type_of_kind(c, TYPE_TEXT));
    bool is_of_texts = op == OP_STARTS_WITH || op == OP_ENDS_WITH;
    if (refuse_months(c, left) || refuse_months(c, right))
        return bad;
    bool is_left = text_literal(c, left) != NULL, is_right = text_literal(c, right) != NULL;
    if (is_left && !is_right && !is_of_texts)
        l = expression_as(c, left, type_of(c, right));
    else
        l = is_of_texts ? expression_as(c, left, text) : expression(c, left);
    right = days_as_number(c, left, l, right);
    bool wants_literal = is_right && l.kind != KIND_BAD && !is_of_texts;
    r = is_of_texts     ? expression_as(c, right, text)
        : wants_literal ? expression_as(c, right, l)
                        : expression(c, right);
    bool has_order = op == OP_EQ || op == OP_NE || is_of_texts || is_ordered(l.kind);
    if (l.kind != KIND_BAD && r.kind != KIND_BAD && (!is_comparable(l, r) || !has_order))
        report_comparison(c, node->span, l, r);
    emit(c, op_c(op, 0), 2, 1);
    if (r.kind != KIND_BAD)
        check_unknown(c, node, left, l, op == OP_NE);
    if (l.is_known && l.kind != KIND_BAD)
        check_unknown(c, node, right, r, op == OP_NE);
    struct typed result = merge(TYPE_BOOL, l, r);
    result.is_known = true;
    return result;
}

static uint32_t arithmetic_kind(char op, uint32_t a, uint32_t b)
{
    if (is_number(a) && is_number(b))
        return op == '/'                                ? TYPE_NUMBER
               : a == TYPE_INTEGER && b == TYPE_INTEGER ? TYPE_INTEGER
                                                        : TYPE_NUMBER;
    if ((op == '+' || op == '-') && is_moment(a) && b == TYPE_DURATION)
        return a;
    if (op == '+' && a == TYPE_DURATION && is_moment(b))
        return b;
    if ((op == '+' || op == '-') && a == TYPE_DURATION && b == TYPE_DURATION)
        return TYPE_DURATION;
    if (op == '-' && a == TYPE_DATE && b == TYPE_DATE)
        return TYPE_INTEGER;
    if (op == '-' && is_moment(a) && is_moment(b))
        return TYPE_DURATION;
    if (op == '*' &&
        ((a == TYPE_DURATION && b == TYPE_INTEGER) || (a == TYPE_INTEGER && b == TYPE_DURATION)))
        return TYPE_DURATION;
    if (op == '+' && is_text(a) && is_text(b))
        return TYPE_TEXT;
    return KIND_BAD;
}

static bool has_exact_part(const struct node *node)
{
    return node->kind == NODE_DURATION && (node->flags & FLAG_EXACT);
}

bool is_not_zero(const struct node *node)
{
    return node && ((node->kind == NODE_INTEGER && node->number) ||
                    (node->kind == NODE_NUMBER && node->real != 0));
}

static struct typed arithmetic_node(struct compiler *c, struct node *node)
{
    struct typed l = expression(c, node->kids[ARITHMETIC_LEFT]),
                 r = expression(c, node->kids[ARITHMETIC_RIGHT]);
    char sign = (char)node->number;
    emit(c,
         op_c(sign == '+'   ? OP_ADD
              : sign == '-' ? OP_SUB
              : sign == '*' ? OP_MUL
                            : OP_DIV,
              0),
         2, 1);
    if (l.kind == KIND_BAD || r.kind == KIND_BAD)
        return bad;
    uint32_t kind = arithmetic_kind(sign, l.kind, r.kind);
    if (kind == TYPE_DATE && has_exact_part(node->kids[ARITHMETIC_RIGHT]))
        kind = TYPE_TIME;
    if (kind == KIND_BAD) {
        struct diag *diag = report(c, DIAG_CANNOT_CALCULATE, node->span, sign, kind_name(l.kind),
                                   kind_name(r.kind));
        help(c, diag, "numbers go with numbers, dates and instants with durations, texts with `+`");
        return bad;
    }
    struct typed result = merge(kind, l, r);
    result.type = type_of_kind(c, kind);
    if (sign == '/' && !is_not_zero(node->kids[ARITHMETIC_RIGHT]))
        result.is_known = false;
    return result;
}

static struct typed logic(struct compiler *c, struct node *node, bool is_and)
{
    struct typed l = condition(c, node->kids[0]);
    uint32_t fact_count = c->fact_count;
    learn(c, node->kids[0], is_and);
    uint32_t over = emit_jump(c, is_and ? OP_JUMP_FALSE : OP_JUMP_TRUE);
    struct typed r = condition(c, node->kids[1]);
    emit(c, op_c(OP_TEST, 0), 1, 1);
    uint32_t end = emit_jump(c, OP_JUMP);
    patch(c, over);
    c->code->depth--;
    emit(c, op_c(is_and ? OP_PUSH_FALSE : OP_PUSH_TRUE, 0), 0, 1);
    patch(c, end);
    c->fact_count = fact_count;
    struct typed result = merge(TYPE_BOOL, l, r);
    result.is_known = true;
    return result;
}

struct typed condition(struct compiler *c, struct node *node)
{
    struct typed type = expression(c, node);
    if (type.kind != TYPE_BOOL && type.kind != KIND_BAD && type.kind != KIND_JSON) {
        struct diag *diag =
            report(c, DIAG_WRONG_TYPE, node->span, kind_name(type.kind), "a condition");
        help(c, diag, "compare it, or ask `is known`");
    }
    phi_mark(c, node, type);
    return type;
}

static struct typed between(struct compiler *c, struct node *node)
{
    struct node *operand = node->kids[BETWEEN_OPERAND], *low = node->kids[BETWEEN_LOW],
                *high = node->kids[BETWEEN_HIGH];
    struct typed v = expression(c, operand);
    if (low->kind == NODE_CLOCK && high->kind == NODE_CLOCK &&
        (v.kind == TYPE_TIME || v.kind == TYPE_CLOCK)) {
        uint32_t window =
            add_window(c, (struct image_window){(uint32_t)low->clock, (uint32_t)high->clock,
                                                (uint32_t)node->days});
        emit(c, op_c(OP_IN_WINDOW, window), 1, 1);
        v.kind = TYPE_BOOL;
        v.is_known = true;
        return v;
    }
    struct typed l = expression_as(c, low, text_literal(c, low) ? v : typed_kind(KIND_ANY));
    struct typed h = expression_as(c, high, text_literal(c, high) ? v : typed_kind(KIND_ANY));
    if (v.kind != KIND_BAD && l.kind != KIND_BAD && !is_comparable(v, l))
        report_comparison(c, low->span, v, l);
    else if (v.kind != KIND_BAD && h.kind != KIND_BAD && !is_comparable(v, h))
        report_comparison(c, high->span, v, h);
    emit(c, op_c(OP_BETWEEN, 0), 3, 1);
    check_unknown(c, node, operand, v, false);
    struct typed result = merge(TYPE_BOOL, v, merge(TYPE_BOOL, l, h));
    result.is_known = true;
    return result;
}

uint32_t event_of(struct compiler *c, struct str name, struct span span)
{
    uint64_t *row = strmap_get(&c->events, name);
    mark_used(c, "event", name);
    if (row)
        return (uint32_t)*row;
    struct diag *diag = report(c, DIAG_UNKNOWN_NAME, span, "event", STR_ARG(name));
    suggest(c, diag, name, &c->events);
    return IMAGE_NONE;
}

struct tested_scope {
    struct str tested;
    struct typed type;
    enum name_kind kind;
};

uint32_t where_code(struct compiler *c, struct node *where, enum name_kind kind, uint32_t row,
                    struct str alias, struct typed *got)
{
    struct tested_scope outer = {c->tested, c->tested_type, c->tested_kind};
    c->tested = alias;
    c->tested_kind = kind;
    c->tested_type = (struct typed){
        .kind = kind == NAME_TESTED_EVENT ? KIND_EVENT : KIND_OBJECT, .row = row, .is_known = true};
    struct code code;
    struct node *negation = c->negation;
    code_begin(c, &code, CODE_EXPRESSION);
    c->negation = NULL;
    c->unknown_matters++;
    *got = condition(c, where);
    c->unknown_matters--;
    c->negation = negation;
    emit(c, op_c(OP_RETURN, 0), 1, 0);
    uint32_t result = code_end(c);
    c->tested = outer.tested;
    c->tested_type = outer.type;
    c->tested_kind = outer.kind;
    return result;
}

/* Does the where read more than the event and constants? */
static bool reads_more(struct compiler *c, uint32_t code)
{
    const struct image_code *row = &c->image->codes[code];
    for (uint32_t i = 0; i < row->count; i++) {
        uint32_t op = op_of(c->image->instructions[row->first + i]);
        if (op == OP_NOW || op == OP_TODAY || op == OP_ATTRIBUTE || op == OP_SLOT ||
            op == OP_OBJECT || op == OP_DID || op == OP_SUBSCRIBED || op == OP_IN_SEGMENT ||
            op == OP_RECEIVED || op == OP_OPENED || op == OP_CLICKED || op == OP_ANY_OBJECT ||
            op == OP_PATIENT_ID)
            return true;
    }
    return false;
}

static struct typed did(struct compiler *c, struct node *node)
{
    uint32_t event = event_of(c, node->name, node->name_span);
    struct typed where = typed_kind(TYPE_BOOL);
    if (event == IMAGE_NONE)
        return bad;
    if (node->number < 1 || node->number > 200) {
        struct diag *diag = report(c, DIAG_TIMES, node->span, 200);
        help(c, diag, "write a number from 1 to 200");
        return bad;
    }
    struct image_did row = {.event = event,
                            .at_least = (uint32_t)node->number,
                            .in_last = IMAGE_NONE,
                            .where = IMAGE_NONE};
    if (node->kids[DID_LAST])
        row.in_last = duration_constant(c, node->kids[DID_LAST]);
    if (node->kids[DID_WHERE]) {
        row.where =
            where_code(c, node->kids[DID_WHERE], NAME_TESTED_EVENT, event, (struct str){0}, &where);
        row.walks = reads_more(c, row.where);
    }
    struct str meaning = source_words(c, node->span);
    uint64_t *known = row.walks ? NULL : strmap_get(&c->dids, meaning);
    uint32_t term;
    if (known) {
        term = (uint32_t)*known;
    } else {
        row.meaning = intern(c, meaning);
        term = add_did(c, row);
        *strmap_put(&c->dids, meaning, NULL) = term;
    }
    emit(c, op_c(OP_DID, term), 0, 1);
    add_read_of(c, READ_EVENT, event);
    if (node->kids[DID_LAST])
        c->code->is_timed = true;
    return (struct typed){.kind = TYPE_BOOL, .is_known = true, .is_phi = where.is_phi};
}

static struct typed any(struct compiler *c, struct node *node)
{
    uint64_t *object = strmap_get(&c->objects, node->name);
    struct typed where = typed_kind(TYPE_BOOL);
    if (!object) {
        struct diag *diag =
            report(c, DIAG_UNKNOWN_NAME, node->name_span, "object", STR_ARG(node->name));
        suggest(c, diag, node->name, &c->objects);
        return bad;
    }
    uint32_t code = IMAGE_NONE;
    if (node->kids[ANY_WHERE])
        code = where_code(c, node->kids[ANY_WHERE], NAME_TESTED_OBJECT, (uint32_t)*object,
                          node->name, &where);
    uint32_t row = add_any(c, (struct image_any){(uint32_t)*object, code});
    emit(c, op_ab(OP_ANY_OBJECT, 0, row), 0, 1);
    add_read_of(c, READ_OBJECT, (uint32_t)*object);
    return (struct typed){.kind = TYPE_BOOL, .is_known = true, .is_phi = where.is_phi};
}

static struct typed named_row(struct compiler *c, struct node *node, struct strmap *map,
                              const char *what, enum op op, uint32_t read)
{
    uint64_t *row = strmap_get(map, node->name);
    if (!row) {
        struct diag *diag =
            report(c, DIAG_UNKNOWN_NAME, node->name_span, what, STR_ARG(node->name));
        suggest(c, diag, node->name, map);
        return bad;
    }
    mark_used(c, what, node->name);
    emit(c, op_c(op, (uint32_t)*row), 0, 1);
    add_read_of(c, read, (uint32_t)*row);
    struct typed type = typed_kind(TYPE_BOOL);
    type.is_phi = read == READ_SEGMENT && c->segment_is_phi && c->segment_is_phi[*row];
    return type;
}

static struct typed in_segment(struct compiler *c, struct node *node)
{
    struct node *operand = node->kids[IN_SEGMENT_OPERAND];
    if (operand->kind != NODE_PATH || !str_eq(operand->name, STR("patient")) ||
        operand->kids[PATH_PARTS])
        help(c, report(c, DIAG_WRONG_TYPE, operand->span, "something else", "`patient`"),
             "only patients are in segments: `patient in segment " STR_FMT "`",
             STR_ARG(node->name));
    struct typed type = named_row(c, node, &c->segments, "segment", OP_IN_SEGMENT, READ_SEGMENT);
    if (type.kind != KIND_BAD && (node->flags & FLAG_NOT))
        emit(c, op_c(OP_NOT, 0), 1, 1);
    return type;
}

static struct typed message_state(struct compiler *c, struct node *node)
{
    static const enum op ops[] = {0, OP_RECEIVED, OP_OPENED, OP_CLICKED};
    uint64_t *row = strmap_get(&c->messages, node->name);
    bool is_email = node->flags & FLAG_EMAIL;
    if (!row ||
        c->image->messages[*row].channel != (uint32_t)(is_email ? CHANNEL_EMAIL : CHANNEL_SMS)) {
        struct diag *diag = report(c, DIAG_UNKNOWN_NAME, node->name_span,
                                   is_email ? "email" : "sms", STR_ARG(node->name));
        suggest(c, diag, node->name, &c->messages);
        return bad;
    }
    emit(c, op_c(ops[node->number], (uint32_t)*row), 0, 1);
    add_read_of(c, READ_MESSAGE, (uint32_t)*row);
    return typed_kind(TYPE_BOOL);
}

/* An argument that was left out before one that was given by name. */
static struct typed left_out(struct compiler *c)
{
    emit(c, op_c(OP_PUSH_UNKNOWN, 0), 0, 1);
    return typed_kind(KIND_ANY);
}

/* Those given by name stand where the signature has them; UINT32_MAX: reported. */
static uint32_t arguments_in_order(struct compiler *c, const struct builtin *builtin,
                                   struct node *call, struct node *given[8])
{
    uint32_t count = 0;
    for (struct node *each = call->kids[CALL_ARGUMENTS]; each && count < 8; each = each->next)
        if (each->kind != NODE_PAIR)
            given[count++] = each;
    for (struct node *each = call->kids[CALL_ARGUMENTS]; each; each = each->next) {
        if (each->kind != NODE_PAIR)
            continue;
        uint32_t index = builtin_keyword(builtin, each->name);
        if (index >= 8) {
            struct diag *diag =
                report(c, DIAG_UNKNOWN_NAME, each->name_span, "argument", STR_ARG(each->name));
            help(c, diag, "it is `" STR_FMT "%s`", STR_ARG(call->name), builtin->signature);
            return UINT32_MAX;
        }
        while (count <= index)
            given[count++] = NULL;
        given[index] = each->kids[PAIR_VALUE];
    }
    return count;
}

/* `default(patient.plan, "basic")`: the text as what it stands in for, where it fits (P4). */
static bool push_default(struct compiler *c, struct node *given, struct typed first)
{
    struct node *literal = text_literal(c, given);
    bool was_quiet = c->is_quiet, fits;
    struct value v;
    if (!literal || c->tpl || first.kind == TYPE_TEXT || first.kind == TYPE_LIST ||
        first.kind >= KIND_EVENT)
        return false;
    c->is_quiet = true;
    fits = constant_from_literal(c, literal, first, &v);
    c->is_quiet = was_quiet;
    if (fits)
        push_constant(c, v);
    return fits;
}

static struct typed call(struct compiler *c, struct node *node)
{
    const struct builtin *builtin = builtin_find(c->options->builtins, node->name);
    if (str_eq_c(node->name, "secret")) {
        struct diag *diag = report(c, DIAG_SECRET_OUTSIDE, node->span);
        help(c, diag, "a secret is read at the call: `headers: { Authorization: secret(\"…\") }`");
        return bad;
    }
    uint32_t count = 0;
    struct typed all = typed_kind(KIND_ANY), first = typed_kind(KIND_ANY), second = first;
    if (!builtin) {
        struct diag *diag =
            report(c, DIAG_UNKNOWN_NAME, node->name_span, "function", STR_ARG(node->name));
        struct str names[256];
        for (; count < c->options->builtins->count && count < 256; count++)
            names[count] = str_of(c->options->builtins->rows[count].name);
        suggest_of(c, diag, node->name, names, count);
        return bad;
    }
    struct node *given[8];
    uint32_t given_count = arguments_in_order(c, builtin, node, given);
    if (given_count == UINT32_MAX)
        return bad;
    for (; count < given_count; count++) {
        struct typed type = first;
        if (count == 1 && str_eq_c(node->name, "default") && given[1] &&
            push_default(c, given[1], first))
            type = (struct typed){.kind = first.kind, .type = first.type, .is_known = true};
        else
            type = given[count] ? expression(c, given[count]) : left_out(c);
        if (type.kind == KIND_BAD)
            return bad;
        if (count == 0)
            escape_input(c, builtin);
        if (count == 0)
            first = type;
        else
            second = type;
        all.is_known &= type.is_known || builtin_takes_unknown(builtin, count);
        all.is_phi |= type.is_phi;
    }
    return call_type(c, builtin, node, count, first, second, all);
}

static struct typed negation(struct compiler *c, struct node *node)
{
    struct node *outer = c->negation, *operand = node->kids[NOT_OPERAND];
    c->negation = outer ? NULL : node;
    struct typed type = condition(c, operand);
    if (operand->kind == NODE_PATH)
        check_unknown(c, node, operand, type, false);
    c->negation = outer;
    emit(c, op_c(OP_NOT, 0), 1, 1);
    return (struct typed){.kind = type.kind == KIND_BAD ? KIND_BAD : TYPE_BOOL,
                          .is_known = true,
                          .is_phi = type.is_phi};
}

static struct typed plain_expression(struct compiler *c, struct node *node)
{
    struct typed type;
    switch ((int)node->kind) {
    case NODE_OR:
    case NODE_AND:
        return logic(c, node, node->kind == NODE_AND);
    case NODE_NOT:
        return negation(c, node);
    case NODE_COMPARE:
        return compare(c, node);
    case NODE_KNOWN:
        type = expression(c, node->kids[KNOWN_OPERAND]);
        emit(c, op_c(OP_IS_KNOWN, 0), 1, 1);
        if (node->flags & FLAG_NOT)
            emit(c, op_c(OP_NOT, 0), 1, 1);
        return (struct typed){.kind = type.kind == KIND_BAD ? KIND_BAD : TYPE_BOOL,
                              .is_known = true,
                              .is_phi = type.is_phi};
    case NODE_IN_SEGMENT:
        return in_segment(c, node);
    case NODE_BETWEEN:
        return between(c, node);
    case NODE_DID:
        return did(c, node);
    case NODE_ANY:
        return any(c, node);
    case NODE_MESSAGE_STATE:
        return message_state(c, node);
    case NODE_SUBSCRIBED:
        return named_row(c, node, &c->topics, "topic", OP_SUBSCRIBED, READ_TOPIC);
    case NODE_ARITHMETIC:
        return arithmetic_node(c, node);
    case NODE_AT:
        if (node->kids[AT_OPERAND]->kind == NODE_WEEKDAY) {
            struct span span = node->kids[AT_OPERAND]->span;
            struct str day = source_text(c, span);
            help(c, report(c, DIAG_WRONG_TYPE, span, "a day of the week", "a date or an instant"),
                 "write `" STR_FMT " %02d:%02d`, without `at`", STR_ARG(day), node->clock / 60,
                 node->clock % 60);
            return bad;
        }
        type = expression(c, node->kids[AT_OPERAND]);
        push_constant(c, (struct value){.kind = VALUE_CLOCK, .i = node->clock});
        emit(c, op_c(OP_AT_CLOCK, 0), 2, 1);
        if (type.kind != KIND_BAD && !is_moment(type.kind)) {
            report_type(c, node->kids[AT_OPERAND], type, "a date or an instant");
            return bad;
        }
        type.kind = type.kind == KIND_BAD ? KIND_BAD : TYPE_TIME;
        return type;
    case NODE_NEGATE:
        type = expression(c, node->kids[NEGATE_OPERAND]);
        emit(c, op_c(OP_NEG, 0), 1, 1);
        if (type.kind != KIND_BAD && !is_number(type.kind) && type.kind != TYPE_DURATION) {
            report_type(c, node->kids[NEGATE_OPERAND], type, "a number");
            return bad;
        }
        return type;
    case NODE_TEXT:
        push_constant(c, value_text(node->name));
        return (struct typed){
            .kind = TYPE_TEXT, .type = type_of_kind(c, TYPE_TEXT), .is_known = true};
    case NODE_INTEGER:
        push_constant(c, value_int(node->number));
        return typed_kind(TYPE_INTEGER);
    case NODE_NUMBER:
        push_constant(c, (struct value){.kind = VALUE_NUMBER, .n = node->real});
        return typed_kind(TYPE_NUMBER);
    case NODE_PERCENT:
        push_constant(c, (struct value){.kind = VALUE_NUMBER, .n = (double)node->number / 10000});
        return typed_kind(TYPE_NUMBER);
    case NODE_DATE:
        if (c->is_test && node->clock >= 0) {
            const struct zone *zone = zone_find(text_of(c, c->image->projects[0].timezone));
            push_constant(
                c, value_time(zone_at_clock(zone ? zone : zone_utc(), node->number, node->clock)));
            return typed_kind(TYPE_TIME);
        }
        push_constant(c, (struct value){.kind = VALUE_DATE, .i = node->number});
        if (node->clock < 0)
            return typed_kind(TYPE_DATE);
        push_constant(c, (struct value){.kind = VALUE_CLOCK, .i = node->clock});
        emit(c, op_c(OP_AT_CLOCK, 0), 2, 1);
        return typed_kind(TYPE_TIME);
    case NODE_CLOCK:
        push_constant(c, (struct value){.kind = VALUE_CLOCK, .i = node->clock});
        return typed_kind(TYPE_CLOCK);
    case NODE_BOOL:
        emit(c, op_c(node->number ? OP_PUSH_TRUE : OP_PUSH_FALSE, 0), 0, 1);
        return typed_kind(TYPE_BOOL);
    case NODE_NOW:
        emit(c, op_c(OP_NOW, 0), 0, 1);
        return typed_kind(TYPE_TIME);
    case NODE_TODAY:
        emit(c, op_c(OP_TODAY, 0), 0, 1);
        return typed_kind(TYPE_DATE);
    case NODE_DURATION:
        emit(c, op_c(OP_PUSH_CONST, duration_constant(c, node)), 0, 1);
        return typed_kind(TYPE_DURATION);
    case NODE_PATH:
        return path_value(c, node);
    case NODE_CALL:
        return call(c, node);
    case NODE_BAD:
        return bad;
    case NODE_LIST: {
        uint32_t count = 0;
        struct typed of = typed_kind(TYPE_TEXT), all = typed_kind(TYPE_LIST);
        for (struct node *item = node->kids[LIST_ITEMS]; item; item = item->next, count++) {
            struct typed t = expression(c, item);
            if (!count)
                of = t;
            all.is_phi |= t.is_phi;
        }
        emit(c, op_c(OP_MAKE_LIST, count), count, 1);
        all.type = 0;
        (void)of;
        return all;
    }
    default:
        report(c, DIAG_WRONG_TYPE, node->span, node_word(node->kind), "a value");
        return bad;
    }
}

struct typed expression(struct compiler *c, struct node *node)
{
    struct typed type;
    if (!c->tpl || !liquid_expression(c, node, &type))
        type = plain_expression(c, node);
    return c->tpl && c->tpl->is_dynamic && type.kind != KIND_BAD ? typed_kind(KIND_ANY) : type;
}

uint32_t expression_code(struct compiler *c, struct node *node, struct typed wanted,
                         struct typed *got)
{
    struct code code;
    code_begin(c, &code, CODE_EXPRESSION);
    *got = expression_as(c, node, wanted);
    emit(c, op_c(OP_RETURN, 0), 1, 0);
    return code_end(c);
}

uint32_t condition_code(struct compiler *c, struct node *node)
{
    struct code code;
    code_begin(c, &code, CODE_EXPRESSION);
    condition(c, node);
    emit(c, op_c(OP_RETURN, 0), 1, 0);
    return code_end(c);
}

static void add_fact(struct compiler *c, const struct node *node)
{
    if (node->kind == NODE_PATH) {
        c->facts = arena_grow(c->arena, c->facts, c->fact_count, &c->fact_room, sizeof *c->facts);
        c->facts[c->fact_count++] = path_text(c, node);
        return;
    }
    bool is_default = node->kind == NODE_CALL && str_eq(node->name, STR("default"));
    bool is_made_of = node->kind == NODE_ARITHMETIC || node->kind == NODE_AT ||
                      node->kind == NODE_NEGATE || (node->kind == NODE_CALL && !is_default);
    for (int i = 0; is_made_of && i < 2; i++)
        for (const struct node *kid = node->kids[i]; kid; kid = kid->next)
            add_fact(c, kid);
}

/* What a condition that came out so shows known (M6): `is known`, and a comparison that holds and
 * stands under no `not`. */
void learn(struct compiler *c, const struct node *node, bool truth)
{
    if (node->kind == NODE_NOT) {
        bool is_of_known = node->kids[NOT_OPERAND]->kind != NODE_COMPARE &&
                           node->kids[NOT_OPERAND]->kind != NODE_BETWEEN;
        if (is_of_known)
            learn(c, node->kids[NOT_OPERAND], !truth);
    } else if (node->kind == (truth ? NODE_AND : NODE_OR)) {
        learn(c, node->kids[0], truth);
        learn(c, node->kids[1], truth);
    } else if (node->kind == NODE_KNOWN) {
        if (!(node->flags & FLAG_NOT) == truth)
            add_fact(c, node->kids[KNOWN_OPERAND]);
    } else if (node->kind == NODE_COMPARE && liquid_is_of_nothing(node)) {
        if (liquid_shows_known(node, truth))
            add_fact(c, node->kids[COMPARE_LEFT]);
    } else if (!truth) {
        return;
    } else if (node->kind == NODE_COMPARE && node->number != COMPARE_NE &&
               node->number != COMPARE_NOT_IN) {
        add_fact(c, node->kids[COMPARE_LEFT]);
        add_fact(c, node->kids[COMPARE_RIGHT]);
    } else if (node->kind == NODE_BETWEEN) {
        for (int i = 0; i < 3; i++)
            add_fact(c, node->kids[i]);
    } else if (node->kind == NODE_PATH) {
        add_fact(c, node);
    }
}

/* The path was changed: what was shown of it holds no longer. */
void forget(struct compiler *c, const struct node *path)
{
    struct str text = path_text(c, path);
    for (uint32_t i = 0; i < c->fact_count; i++)
        if (str_eq(c->facts[i], text))
            c->facts[i] = STR("");
}
