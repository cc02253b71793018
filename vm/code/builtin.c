/* builtin.c: builtins by name, and their signatures. */
#include "vm/code/builtin.h"

const struct builtin *builtin_find(const struct builtins *builtins, struct str name)
{
    for (uint32_t i = 0; i < builtins->count; i++)
        if (str_eq_c(name, builtins->rows[i].name))
            return &builtins->rows[i];
    return NULL;
}

void builtin_arity(const struct builtin *builtin, uint32_t *least, uint32_t *most)
{
    const char *at = builtin->signature + 1;
    uint32_t optional = 0;
    *most = *at && *at != ')';
    for (; *at && *at != ')'; at++) {
        *most += *at == ',';
        optional += *at == '?';
    }
    *least = *most - optional;
}
