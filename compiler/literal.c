/* literal.c: what is written out: texts, numbers and times as values of the type that their place
 * needs. */
#include "compiler/expr.h"
#include "vm/base/zone.h"
#include "vm/code/accept.h"

uint32_t duration_constant(struct compiler *c, const struct node *duration)
{
    return add_constant_value(c, (struct value){.kind = VALUE_DURATION,
                                                .i = duration->number,
                                                .months = duration->months,
                                                .days = (int16_t)duration->days});
}

void push_constant(struct compiler *c, struct value v)
{
    emit(c, op_c(OP_PUSH_CONST, add_constant_value(c, v)), 0, 1);
}

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
struct node *text_literal(struct compiler *c, struct node *node)
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
        uint32_t count = 0;
        for (struct node *item = literal->kids[LIST_ITEMS]; item; item = item->next)
            count++;
        struct value *items = arena_array(c->arena, count, sizeof *items);
        ensure(list && items);
        for (struct node *item = literal->kids[LIST_ITEMS]; item; item = item->next)
            if (!constant_from_literal(c, item, typed_of(c, c->image->types[wanted.type].of),
                                       &items[list->count++]))
                return false;
        list->items = items;
        *v = (struct value){.kind = VALUE_LIST, .list = list};
    } else {
        struct str text = negated(c, node);
        report_literal(c, node->span, text, wanted.kind);
        return false;
    }
    return true;
}
