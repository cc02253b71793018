/* builtin.h: what a campaign may call. One table, filled by stdlib/builtins.def; functions of
 * expressions and filters of Liquid are the same (LANGUAGE.md C5). An image names each builtin that
 * it calls, with its signature; a mismatch is refused by image_verify. */
#ifndef CAMP_VM_CODE_BUILTIN_H
#define CAMP_VM_CODE_BUILTIN_H

#include "vm/base/arena.h"
#include "vm/code/value.h"

struct zone;

/* What a builtin may see: nothing but its arguments and these. */
struct call {
    struct arena *arena; /* results live here; NULL from it: return unknown and set failed */
    int64_t now_ms;
    const struct zone *patient_zone, *clinic_zone;
    struct str language; /* patient.language or empty */
    bool failed;
};

/* signature: "(text, text) text" with types of the language, `any` for all, `T?` for an optional
 * last argument, `number` taking integers too. */
struct builtin {
    const char *name, *signature;
    struct value (*function)(struct call *call, const struct value *arguments, uint32_t count);
    const char *documentation, *example;
};

struct builtins {
    const struct builtin *rows;
    uint32_t count;
};

/* How many arguments the signature takes. */
void builtin_arity(const struct builtin *builtin, uint32_t *least, uint32_t *most);
/* NULL when there is none of that name. */
const struct builtin *builtin_find(const struct builtins *builtins, struct str name);

#endif
