/* expr.c: expressions: names resolved, types checked and instructions emitted in one walk
 * (LANGUAGE.md 4). */
#include "compiler/expr.h"
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
        return question_in_segment(c, node);
    case NODE_BETWEEN:
        return between(c, node);
    case NODE_DID:
        return question_did(c, node);
    case NODE_ANY:
        return question_any(c, node);
    case NODE_MESSAGE_STATE:
        return question_message_state(c, node);
    case NODE_SUBSCRIBED:
        return question_named(c, node, &c->topics, "topic", OP_SUBSCRIBED, READ_TOPIC);
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
