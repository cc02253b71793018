/* quick.c: what most conditions are made of, `patient.a >= 18` and `patient.t < now - 180 days`,
 * without the operand stack: the instructions of such a comparison are read ahead and done as one.
 * What is not of these forms goes the ordinary way, with the same outcome. */
#include "vm/core/internal.h"

/* `a` and `b` by op, of one kind that is ordered as a whole number, or texts asked for being equal.
 */
static inline bool compare(enum op op, const struct value *a, const struct value *b, bool *holds)
{
    if (a->kind != b->kind)
        return false;
    switch ((int)a->kind) {
    case VALUE_TEXT:
        *holds = str_eq(a->text, b->text) == (op == OP_EQ);
        return op == OP_EQ || op == OP_NE;
    case VALUE_INT:
    case VALUE_TIME:
    case VALUE_DATE:
    case VALUE_CLOCK:
        *holds = op == OP_EQ   ? a->i == b->i
                 : op == OP_NE ? a->i != b->i
                 : op == OP_LT ? a->i < b->i
                 : op == OP_GT ? a->i > b->i
                 : op == OP_LE ? a->i <= b->i
                               : a->i >= b->i;
        return op >= OP_EQ && op <= OP_GE;
    default:
        return false;
    }
}

/* now, now - D and now + D, while nobody asks when the outcome flips. */
static inline bool moment(struct env *env, const uint32_t *code, uint32_t *pc, struct value *v)
{
    const struct image *image = env->program->image;
    *v = value_time(env->now_ms);
    uint32_t by = code[*pc + 1];
    if (op_of(by) != OP_PUSH_CONST) {
        *pc += 1;
        return true;
    }
    const struct image_constant *d = &image->constants[op_operand(by)];
    enum op op = (enum op)op_of(code[*pc + 2]);
    int64_t months = (int32_t)d->months, most_ms = CIVIL_LAST_MS - CIVIL_FIRST_MS;
    if (d->kind != VALUE_DURATION || (op != OP_SUB && op != OP_ADD) || months < -MOST_MONTHS ||
        months > MOST_MONTHS || d->number < -most_ms || d->number > most_ms)
        return false;
    int sign = op == OP_ADD ? 1 : -1;
    int64_t at_ms =
        zone_step(env->zone, env->now_ms, sign * (int32_t)months, sign * (int16_t)d->days) +
        sign * d->number;
    v->i = at_ms < CIVIL_FIRST_MS ? CIVIL_FIRST_MS : at_ms > CIVIL_LAST_MS ? CIVIL_LAST_MS : at_ms;
    *pc += 3;
    return true;
}

/* Behind ATTRIBUTE, at *pc: a comparison that is done here, *pc moves behind it. */
static inline bool compare_attribute(struct env *env, const uint32_t *code, uint32_t *pc,
                                     uint32_t attribute, bool *holds)
{
    const struct image *image = env->program->image;
    const struct patient *patient = env->patient;
    uint32_t name = env->program->attribute_names[attribute], i = 0, at = *pc;
    struct value b = {0};
    switch ((int)op_of(code[at])) {
    case OP_PUSH_CONST: {
        const struct image_constant *constant = &image->constants[op_operand(code[at])];
        b.kind = (uint8_t)constant->kind;
        if (b.kind == VALUE_TEXT)
            b.text = image_text(image, constant->text);
        else
            b.i = constant->number;
        at++;
        break;
    }
    case OP_NOW:
        if (env->flips_at_ms || !moment(env, code, &at, &b))
            return false;
        break;
    default:
        return false;
    }
    while (i < patient->attributes_count && patient->attributes[i].name != name)
        i++;
    if (i == patient->attributes_count ||
        !compare((enum op)op_of(code[at]), &patient->attributes[i].value, &b, holds))
        return false;
    *pc = at + 1;
    return true;
}

/* Where the machine goes with it; true: it is still wanted on the stack there. */
static inline bool follow_jumps(const uint32_t *code, uint32_t *pc, bool *holds)
{
    for (;;) {
        uint32_t word = code[*pc];
        switch ((int)op_of(word)) {
        case OP_TEST:
            ++*pc;
            break;
        case OP_JUMP:
            *pc = op_operand(word);
            break;
        case OP_JUMP_FALSE:
        case OP_JUMP_TRUE:
            *pc = *holds == (op_of(word) == OP_JUMP_TRUE) ? op_operand(word) : *pc + 1;
            word = code[*pc];
            if (op_of(word) != OP_PUSH_FALSE && op_of(word) != OP_PUSH_TRUE)
                return false;
            *holds = op_of(word) == OP_PUSH_TRUE;
            ++*pc;
            break;
        default:
            return true;
        }
    }
}

enum quick quick_test(struct env *env, const uint32_t *code, uint32_t *pc, bool *holds)
{
    enum quick so_far = QUICK_NOT;
    uint32_t at = *pc;
    while (op_of(code[at]) == OP_ATTRIBUTE) {
        uint32_t attribute = op_operand(code[at++]);
        if (!compare_attribute(env, code, &at, attribute, holds))
            return so_far;
        so_far = QUICK_ON;
        bool is_wanted = follow_jumps(code, &at, holds);
        *pc = at;
        if (is_wanted)
            return QUICK_VALUE;
    }
    return so_far;
}
