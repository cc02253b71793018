/* op.h: instructions as numbers; the list is ops.def. */
#ifndef CAMP_VM_CODE_OP_H
#define CAMP_VM_CODE_OP_H

#include <stdint.h>

enum op {
#define OP(number, name, operands, pops, pushes, where, documentation) OP_##name = number,
#include "vm/code/ops.def"
#undef OP
};

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
