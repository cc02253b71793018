/* op.c: the rows of ops.def by number. */
#include "vm/code/op.h"

#include <stddef.h>

static const struct op_row rows[256] = {
#define OP(number, name, operands, pops, pushes, where, documentation)                             \
    [number] = {#name, OPERANDS_##operands, pops, pushes, WHERE_##where},
#include "vm/code/ops.def"
#undef OP
};

const struct op_row *op_row(uint32_t op)
{
    return op < 256 && rows[op].name ? &rows[op] : NULL;
}
