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

/* Parameter `index` as it is written, without blanks before it; empty when there is none. */
static struct str parameter(const struct builtin *builtin, uint32_t index)
{
    const char *at = builtin->signature + 1;
    for (; index && *at && *at != ')'; at++)
        index -= *at == ',';
    while (*at == ' ')
        at++;
    return index ? (struct str){0} : (struct str){at, strcspn(at, ",)")};
}

uint32_t builtin_keyword(const struct builtin *builtin, struct str name)
{
    struct str word;
    for (uint32_t i = 0; (word = parameter(builtin, i)).len; i++)
        if (word.len > name.len && word.at[name.len] == ':' && str_starts(word, name))
            return i;
    return UINT32_MAX;
}

bool builtin_takes_unknown(const struct builtin *builtin, uint32_t index)
{
    struct str word = parameter(builtin, index);
    return word.len && memchr(word.at, '!', word.len) != NULL;
}
