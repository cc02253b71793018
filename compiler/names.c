/* names.c: what a path names: attributes, fields, aliases, `let`, the clinic; and which paths a
 * condition has shown known (LANGUAGE.md M6). */
#include "compiler/expr.h"
#include "compiler/liquid.h"
#include "grammar/parse.h"

static const struct typed bad = {.kind = KIND_BAD};

struct name *find_name(struct compiler *c, struct str name)
{
    uint64_t *top = strmap_get(&c->name_of, name);
    return top && *top > c->name_base ? &c->names[*top - 1] : NULL;
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

bool is_shown_known(struct compiler *c, const struct node *path)
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

/* The row of the field of that name, IMAGE_NONE: there is none. Once looked at, an event or object
 * has its fields in a map. */
static uint32_t field_of(struct compiler *c, struct rows fields, struct str name)
{
    uint64_t owner = (uint64_t)fields.first << 32;
    bool is_new;
    if (!fields.count)
        return IMAGE_NONE;
    map64_put(&c->field_of, owner | IMAGE_NONE, &is_new);
    for (uint32_t i = 0; is_new && i < fields.count; i++) {
        const struct image_field *row = &c->image->fields[fields.first + i];
        *map64_put(&c->field_of, owner | row->name, NULL) = (uint64_t)fields.first + i + 1;
    }
    uint64_t *text = strmap_get(&c->texts, name),
             *found = text ? map64_get(&c->field_of, owner | *text) : NULL;
    return found ? (uint32_t)*found - 1 : IMAGE_NONE;
}

/* What the field on the stack is when nothing came with it. */
static bool push_default(struct compiler *c, uint32_t field)
{
    uint64_t *constant = map64_get(&c->field_defaults, field);
    if (!constant)
        return false;
    emit(c, op_c(OP_DUP, 0), 1, 2);
    emit(c, op_c(OP_IS_KNOWN, 0), 1, 1);
    uint32_t over = emit_jump(c, OP_JUMP_TRUE);
    emit(c, op_c(OP_POP, 0), 1, 0);
    emit(c, op_c(OP_PUSH_CONST, (uint32_t)(*constant - 1)), 0, 1);
    patch(c, over);
    return true;
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
    uint32_t found = field_of(c, fields, part->name);
    if (found != IMAGE_NONE) {
        const struct image_field *row = &c->image->fields[found];
        emit(c, op_c(OP_FIELD, found), 1, 1);
        struct typed type = typed_of(c, row->type);
        type.is_phi = row->is_phi;
        type.is_known =
            push_default(c, found) || str_eq(part->name, STR("timestamp")) ||
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

struct node *clinic_value(struct compiler *c, struct str name)
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
