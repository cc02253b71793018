/* verify_code.c: the instructions of one code. Jumps go forward only, so one walk from the first to
 * the last instruction meets every way to an instruction before it: each has one depth of the
 * stack. Kinds of values are not followed: every instruction takes every value (ops.def). What no
 * way leads to is checked too, as if it began on an empty stack. */
#include <stdio.h>

#include "vm/code/op.h"
#include "vm/code/verify.h"

struct walk {
    struct verifier *v;
    const struct image *image;
    const struct image_code *code;
    const struct image_campaign *campaign; /* of a workflow, else NULL */
    uint32_t row, pc, word, depth;
    const struct op_row *op;
};

static void wrong(struct walk *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void wrong(struct walk *w, const char *format, ...)
{
    char place[128];
    va_list arguments;
    snprintf(place, sizeof place, "instruction %u of %s", w->pc,
             verify_code_name(w->v, w->row).text);
    va_start(arguments, format);
    verify_fail(w->v, place, format, arguments);
    va_end(arguments);
}

/* A way from here to `target`, which then has this depth. */
static void go_to(struct walk *w, const char *what, uint32_t target, uint32_t depth)
{
    if (target >= w->code->count) {
        wrong(w, "%s to %u, outside of its code", what, target);
        return;
    }
    uint16_t *known = &w->v->depths[w->code->first + target];
    if (target <= w->pc)
        wrong(w, "%s to %u, back: only LOOP goes back", what, target);
    else if (*known && *known != depth + 1)
        wrong(w, "%s to %u with a stack of %u, another way comes with %u", what, target, depth,
              *known - 1u);
    else
        *known = (uint16_t)(depth + 1);
}

static void row_of(struct walk *w, const char *table, uint32_t row, uint32_t count)
{
    if (row >= count)
        wrong(w, "%s %u of %u", table, row, count);
}

static void row_within(struct walk *w, const char *table, uint32_t row, struct rows rows)
{
    if (row < rows.first || row - rows.first >= rows.count)
        wrong(w, "%s %u is not of this campaign", table, row);
}

static void need_slot(struct walk *w, uint32_t slot)
{
    struct needs *needs = &w->v->needs[w->row];
    uint32_t count = w->campaign ? w->campaign->slot_count : IMAGE_MAX_SLOTS;
    row_of(w, "slot", slot, count);
    if (slot >= needs->slots)
        needs->slots = slot + 1;
}

/* A question runs another code, on the C stack. */
static void ask(struct walk *w, uint32_t where)
{
    struct needs *needs = &w->v->needs[w->row];
    const struct needs *inner = &w->v->needs[where];
    if (where == IMAGE_NONE)
        return;
    if (where >= w->row) {
        wrong(w, "it asks code %u, which does not stand before it", where);
        return;
    }
    if (inner->slots > needs->slots)
        needs->slots = inner->slots;
    if (inner->nesting + 1 > needs->nesting)
        needs->nesting = inner->nesting + 1;
    if (needs->nesting > IMAGE_MAX_NESTING)
        wrong(w, "questions within questions %u deep, %d are allowed", needs->nesting,
              IMAGE_MAX_NESTING);
}

static void call_builtin(struct walk *w, uint32_t count, uint32_t row)
{
    row_of(w, "builtin", row, w->image->builtin_count);
    if (w->v->has_failed)
        return;
    struct str name = image_text(w->image, w->image->builtins[row].name);
    uint32_t least, most;
    builtin_arity(builtin_find(w->v->builtins, name), &least, &most);
    if (count < least || count > most)
        wrong(w, STR_FMT " with %u arguments, it takes %u to %u", STR_ARG(name), count, least,
              most);
}

static void take_message(struct walk *w, uint32_t row)
{
    if (w->op->where != WHERE_W) {
        row_of(w, "message", row, w->image->message_count);
        return;
    }
    uint32_t hold = w->v->holds[w->code->first + w->pc];
    row_within(w, "message", row, w->campaign->messages);
    if (!hold || w->image->waits[hold - 1].message != row)
        wrong(w, "message %u has no wait for its window here", row);
}

static void take_wait(struct walk *w, uint32_t row)
{
    row_within(w, "wait", row, w->campaign->waits);
    if (w->v->has_failed)
        return;
    const struct image_wait *wait = &w->image->waits[row];
    if (wait->kind == WAIT_WINDOW || wait->kind == WAIT_WEBHOOK)
        wrong(w, "wait %u belongs to a message or a webhook", row);
    go_to(w, "wait", wait->then_pc, 0);
    go_to(w, "wait", wait->else_pc, 0);
    if (wait->other_pc != IMAGE_NONE)
        go_to(w, "other answers", wait->other_pc, 0);
    for (uint32_t i = 0; i < wait->answers.count; i++)
        go_to(w, "answer", w->image->answers[wait->answers.first + i].pc, 0);
}

static void take_split(struct walk *w, uint32_t row)
{
    row_of(w, "split", row, w->image->split_count);
    if (w->v->has_failed)
        return;
    struct rows arms = w->image->splits[row].arms;
    for (uint32_t i = 0; i < arms.count; i++)
        go_to(w, "arm", w->image->arms[arms.first + i].pc, 0);
}

static void take_webhook(struct walk *w, uint32_t row)
{
    row_of(w, "webhook", row, w->image->webhook_count);
    if (w->v->has_failed)
        return;
    const struct image_webhook *webhook = &w->image->webhooks[row];
    row_within(w, "message", webhook->message, w->campaign->messages);
    row_within(w, "wait", webhook->wait, w->campaign->waits);
    if (w->v->has_failed)
        return;
    const struct image_wait *wait = &w->image->waits[webhook->wait];
    if (wait->kind != WAIT_WEBHOOK || wait->message != webhook->message)
        wrong(w, "wait %u is not for the answer of webhook %u", webhook->wait, row);
    if (w->image->messages[webhook->message].channel != CHANNEL_WEBHOOK)
        wrong(w, "message %u is no webhook", webhook->message);
    if (wait->slot != IMAGE_NONE)
        need_slot(w, wait->slot);
    go_to(w, "answer", wait->then_pc, 0);
}

/* LOOP alone goes back, to the beginning of a statement. */
static void take_loop(struct walk *w, uint32_t slot, uint32_t target)
{
    need_slot(w, slot);
    if (target > w->pc)
        wrong(w, "LOOP to %u, forward", target);
    else if (w->v->depths[w->code->first + target] != 1)
        wrong(w, "LOOP to %u, where the stack is not empty", target);
}

/* AGAIN alone goes back in a template, to the NEXT of the same local, which ends it. */
static void take_again(struct walk *w, uint32_t local, uint32_t target)
{
    row_of(w, "local", local, w->code->local_count);
    if (w->v->has_failed)
        return;
    uint32_t next = target < w->pc ? w->image->instructions[w->code->first + target] : 0;
    if (op_of(next) != OP_NEXT || op_a(next) != local)
        wrong(w, "AGAIN to %u, which is not the NEXT of local %u further back", target, local);
    else if (w->v->depths[w->code->first + target] != w->depth + 1)
        wrong(w, "AGAIN to %u with a stack of %u", target, w->depth);
}

/* Another template; how deep they stand in each other is bounded when they run. One that stands
 * further on is not checked yet, so it may need any slot: no campaign has that, only `camp render`,
 * where templates may render themselves. */
static void take_template(struct walk *w, uint32_t count, uint32_t row)
{
    row_of(w, "code", row, w->image->code_count);
    if (w->v->has_failed)
        return;
    const struct image_code *code = &w->image->codes[row];
    struct needs *needs = &w->v->needs[w->row];
    if (code->kind != CODE_TEMPLATE) {
        wrong(w, "RENDER of code %u, which is no template", row);
    } else if (count > code->local_count) {
        wrong(w, "RENDER with %u arguments, the template has %u locals", count, code->local_count);
    } else if (row >= w->row) {
        needs->slots = IMAGE_MAX_SLOTS;
    } else {
        const struct needs *inner = &w->v->needs[row];
        needs->slots = inner->slots > needs->slots ? inner->slots : needs->slots;
        needs->nesting = inner->nesting > needs->nesting ? inner->nesting : needs->nesting;
    }
}

static void take_text(struct walk *w, uint32_t row)
{
    row_of(w, "constant", row, w->image->constant_count);
    if (!w->v->has_failed && w->image->constants[row].kind != VALUE_TEXT)
        wrong(w, "constant %u is not a text", row);
}

static void leave_empty(struct walk *w, uint32_t operand)
{
    if (operand)
        wrong(w, "%s has an operand too many, %u", w->op->name, operand);
}

/* Operands that name a row of a table, and nothing more is to know. */
static bool is_plain_row(struct walk *w)
{
    const struct image *image = w->image;
    const struct {
        enum operands operands;
        const char *table;
        uint32_t count;
    } plain[] = {{OPERANDS_C_CONST, "constant", image->constant_count},
                 {OPERANDS_C_ATTRIBUTE, "attribute", image->attribute_count},
                 {OPERANDS_C_FIELD, "field", image->field_count},
                 {OPERANDS_C_WINDOW, "window", image->window_count},
                 {OPERANDS_C_TOPIC, "topic", image->topic_count},
                 {OPERANDS_C_SEGMENT, "segment", image->segment_count}};
    for (size_t i = 0; i < ARRAY_COUNT(plain); i++)
        if (plain[i].operands == w->op->operands) {
            row_of(w, plain[i].table, op_operand(w->word), plain[i].count);
            return true;
        }
    return false;
}

static void check_pair(struct walk *w)
{
    const struct image *image = w->image;
    uint32_t a = op_a(w->word), b = op_b(w->word);
    switch ((int)w->op->operands) {
    case OPERANDS_AB_CALL:
        call_builtin(w, a, b);
        break;
    case OPERANDS_AB_LOOP:
        take_loop(w, a, b);
        break;
    case OPERANDS_AB_LOCAL:
        row_of(w, "local", a, w->code->local_count);
        leave_empty(w, b);
        break;
    case OPERANDS_AB_FOR:
        row_of(w, "local", a, w->code->local_count);
        if (b > 1)
            wrong(w, "%u is neither forward nor reversed", b);
        break;
    case OPERANDS_AB_NEXT:
        row_of(w, "local", a, w->code->local_count);
        break;
    case OPERANDS_AB_AGAIN:
        take_again(w, a, b);
        break;
    case OPERANDS_AB_RENDER:
        take_template(w, a, b);
        break;
    case OPERANDS_AB_EMIT:
        row_of(w, "emit", b, image->emit_count);
        leave_empty(w, a);
        break;
    case OPERANDS_AB_OBJECT:
        row_of(w, "any", b, image->any_count);
        leave_empty(w, a);
        if (!w->v->has_failed)
            ask(w, image->anys[b].where);
        break;
    default:
        ensure(false);
    }
}

/* Targets of jumps are taken in follow(), where the depth behind the instruction is known. */
static void check_operands(struct walk *w)
{
    uint32_t c = op_operand(w->word);
    if (is_plain_row(w))
        return;
    switch ((int)w->op->operands) {
    case OPERANDS_NONE:
        leave_empty(w, c);
        break;
    case OPERANDS_C_INT:
    case OPERANDS_C_PC:
    case OPERANDS_C_COUNT:
        break;
    case OPERANDS_C_DAYS:
        if (c > IMAGE_ALL_DAYS)
            wrong(w, "%u is not a set of weekdays", c);
        break;
    case OPERANDS_C_RELATION:
        if (c < RELATION_EQ || c > RELATION_NOT_BLANK)
            wrong(w, "%u is not a comparison", c);
        break;
    case OPERANDS_C_FLAG:
        if (c > 1)
            wrong(w, "%u is neither yes nor no", c);
        break;
    case OPERANDS_C_TEXT:
        take_text(w, c);
        break;
    case OPERANDS_C_SLOT:
        need_slot(w, c);
        break;
    case OPERANDS_C_DID:
        row_of(w, "did", c, w->image->did_count);
        if (!w->v->has_failed)
            ask(w, w->image->dids[c].where);
        break;
    case OPERANDS_C_MESSAGE:
        take_message(w, c);
        break;
    case OPERANDS_C_WAIT:
        take_wait(w, c);
        break;
    case OPERANDS_C_SPLIT:
        take_split(w, c);
        break;
    case OPERANDS_C_STEP:
        row_within(w, "step", c, w->campaign->steps);
        break;
    case OPERANDS_C_WEBHOOK:
        take_webhook(w, c);
        break;
    default:
        check_pair(w);
    }
}

static void check_kind(struct walk *w)
{
    static const uint32_t kinds[] = {
        [WHERE_X] = CODE_EXPRESSION, [WHERE_T] = CODE_TEMPLATE, [WHERE_W] = CODE_WORKFLOW};
    static const char *const names[] = {
        [WHERE_X] = "expressions", [WHERE_T] = "templates", [WHERE_W] = "workflows"};
    if (w->op->where != WHERE_E && w->code->kind != kinds[w->op->where])
        wrong(w, "%s is for %s alone", w->op->name, names[w->op->where]);
}

static uint32_t popped(const struct walk *w)
{
    if (w->op->pops >= 0)
        return (uint32_t)w->op->pops;
    if (w->op->operands == OPERANDS_AB_CALL || w->op->operands == OPERANDS_AB_RENDER)
        return op_a(w->word);
    if (w->op->operands == OPERANDS_AB_EMIT)
        return w->image->emits[op_b(w->word)].fields.count;
    return op_operand(w->word);
}

/* Between two steps the stack is empty; STORE takes the arguments of a flow one by one. */
static bool ends_step(const struct walk *w)
{
    uint32_t op = op_of(w->word);
    return op == OP_RETURN || op == OP_DONE || (w->op->where == WHERE_W && op != OP_STORE);
}

/* Pops and pushes, as the machine does: first the one, then the other. */
static void move_stack(struct walk *w)
{
    uint32_t pops = popped(w);
    if (pops > w->depth) {
        wrong(w, "%s takes %u from a stack of %u", w->op->name, pops, w->depth);
        return;
    }
    w->depth += (uint32_t)w->op->pushes - pops;
    if (w->depth > w->code->max_stack)
        wrong(w, "a stack of %u, the code says at most %u", w->depth, w->code->max_stack);
    else if (w->depth && ends_step(w))
        wrong(w, "%s leaves %u on the stack", w->op->name, w->depth);
}

/* Where the machine goes on. */
static void follow(struct walk *w)
{
    switch ((int)op_of(w->word)) {
    case OP_RETURN:
    case OP_DONE:
    case OP_EXIT:
    case OP_END:
    case OP_WAIT:
    case OP_SPLIT:
    case OP_AGAIN:
        return;
    case OP_NEXT:
        go_to(w, "end of the loop", op_b(w->word), w->depth);
        break;
    case OP_JUMP:
        go_to(w, "jump", op_operand(w->word), w->depth);
        return;
    case OP_JUMP_FALSE:
    case OP_JUMP_TRUE:
        go_to(w, "jump", op_operand(w->word), w->depth);
        break;
    default:
        break;
    }
    if (w->pc + 1 == w->code->count)
        wrong(w, "the code ends without an end");
    else
        go_to(w, "next", w->pc + 1, w->depth);
}

static void check_instruction(struct walk *w)
{
    void (*const rules[])(struct walk *) = {check_kind, check_operands, move_stack, follow};
    uint16_t *known = &w->v->depths[w->code->first + w->pc];
    /* Only AGAIN comes here, to a NEXT behind a jump, with a stack that must be this one. */
    if (!*known)
        *known = (uint16_t)((w->code->kind == CODE_TEMPLATE ? w->depth : 0) + 1);
    w->depth = *known - 1u;
    w->word = w->image->instructions[w->code->first + w->pc];
    w->op = op_row(op_of(w->word));
    if (!w->op)
        wrong(w, "there is no instruction of number %u", op_of(w->word));
    for (size_t i = 0; i < ARRAY_COUNT(rules) && !w->v->has_failed; i++)
        rules[i](w);
}

void verify_code(struct verifier *v, uint32_t row)
{
    struct walk w = {
        .v = v, .image = v->image, .code = &v->image->codes[row], .row = row, .campaign = NULL};
    if (v->owners[row] != IMAGE_NONE)
        w.campaign = &v->image->campaigns[v->owners[row]];
    for (; w.pc < w.code->count && !v->has_failed; w.pc++)
        check_instruction(&w);
}
