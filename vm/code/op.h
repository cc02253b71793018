/* op.h: instructions as numbers; the list is ops.def. */
#ifndef CAMP_VM_CODE_OP_H
#define CAMP_VM_CODE_OP_H

#include <stdint.h>

enum op {
#define OP(number, name, operands, pops, pushes, where, documentation) OP_##name = number,
#include "vm/code/ops.def"
#undef OP
};

/* The columns of ops.def. */
enum operands {
    OPERANDS_NONE,
    OPERANDS_C_INT,
    OPERANDS_C_CONST,
    OPERANDS_C_TEXT,
    OPERANDS_C_ATTRIBUTE,
    OPERANDS_C_FIELD,
    OPERANDS_C_SLOT,
    OPERANDS_C_PC,
    OPERANDS_C_WINDOW,
    OPERANDS_C_DID,
    OPERANDS_C_TOPIC,
    OPERANDS_C_SEGMENT,
    OPERANDS_C_MESSAGE,
    OPERANDS_C_WAIT,
    OPERANDS_C_SPLIT,
    OPERANDS_C_STEP,
    OPERANDS_C_COUNT,
    OPERANDS_C_DAYS,
    OPERANDS_C_WEBHOOK,
    OPERANDS_AB_CALL,
    OPERANDS_AB_OBJECT,
    OPERANDS_AB_LOOP,
    OPERANDS_AB_EMIT,
    OPERANDS_AB_LOCAL,
    OPERANDS_AB_FOR,
    OPERANDS_AB_NEXT,
    OPERANDS_AB_AGAIN,
    OPERANDS_AB_RENDER,
    OPERANDS_C_RELATION,
    OPERANDS_C_FLAG
};
enum relation { /* of RELATE; with EMPTY and BLANK the second operand does not matter */
                RELATION_EQ = 1,
                RELATION_NE,
                RELATION_LT,
                RELATION_GT,
                RELATION_LE,
                RELATION_GE,
                RELATION_CONTAINS,
                RELATION_EMPTY,
                RELATION_NOT_EMPTY,
                RELATION_BLANK,
                RELATION_NOT_BLANK
};
enum op_where { WHERE_E, WHERE_X, WHERE_T, WHERE_W };
struct op_row {
    const char *name;
    enum operands operands;
    int pops, pushes; /* pops -1: as the operands say */
    enum op_where where;
};
/* NULL when there is no such instruction. */
const struct op_row *op_row(uint32_t op);

static inline uint32_t op_ab(enum op op, uint32_t a, uint32_t b)
{
    return (uint32_t)op | a << 8 | b << 16;
}
static inline uint32_t op_c(enum op op, uint32_t c)
{
    return (uint32_t)op | c << 8;
}
static inline uint32_t op_of(uint32_t word)
{
    return word & 0xff;
}
static inline uint32_t op_a(uint32_t word)
{
    return word >> 8 & 0xff;
}
static inline uint32_t op_b(uint32_t word)
{
    return word >> 16;
}
static inline uint32_t op_operand(uint32_t word)
{
    return word >> 8;
}

#endif
