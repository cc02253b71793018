/* question.c: what conditions ask of the patient's history: `did event`, `any object`, segments,
 * messages. */
#include "compiler/expr.h"
#include "compiler/phi.h"

static const struct typed bad = {.kind = KIND_BAD};

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

struct typed question_did(struct compiler *c, struct node *node)
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

struct typed question_any(struct compiler *c, struct node *node)
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

struct typed question_named(struct compiler *c, struct node *node, struct strmap *map,
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

struct typed question_in_segment(struct compiler *c, struct node *node)
{
    struct node *operand = node->kids[IN_SEGMENT_OPERAND];
    if (operand->kind != NODE_PATH || !str_eq(operand->name, STR("patient")) ||
        operand->kids[PATH_PARTS])
        help(c, report(c, DIAG_WRONG_TYPE, operand->span, "something else", "`patient`"),
             "only patients are in segments: `patient in segment " STR_FMT "`",
             STR_ARG(node->name));
    struct typed type =
        question_named(c, node, &c->segments, "segment", OP_IN_SEGMENT, READ_SEGMENT);
    if (type.kind != KIND_BAD && (node->flags & FLAG_NOT))
        emit(c, op_c(OP_NOT, 0), 1, 1);
    return type;
}

struct typed question_message_state(struct compiler *c, struct node *node)
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
