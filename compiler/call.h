/* call.h: the type of a call of a builtin whose arguments stand on the stack; emits the call. */
#ifndef CAMP_COMPILER_CALL_H
#define CAMP_COMPILER_CALL_H

#include "compiler/internal.h"

/* A number as it is written, that one can divide by. */
bool is_not_zero(const struct node *node);
/* all: known when every argument is, phi when one is. KIND_BAD: reported. */
struct typed call_type(struct compiler *c, const struct builtin *builtin, const struct node *node,
                       uint32_t count, struct typed first, struct typed second, struct typed all);

/* Before a filter that adds tags to its input in `html`: the input is escaped. */
void escape_input(struct compiler *c, const struct builtin *builtin);

#endif
