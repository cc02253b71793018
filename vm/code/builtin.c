/* builtin.c: looking up builtins by name. */
#include "vm/code/builtin.h"

const struct builtin *builtin_find(const struct builtins *builtins, struct str name)
{
    for (uint32_t i = 0; i < builtins->count; i++)
        if (str_eq_c(name, builtins->rows[i].name))
            return &builtins->rows[i];
    return NULL;
}
