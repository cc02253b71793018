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
    bool is_liquid;    /* `camp render`: unknown is Liquid's nil; else it never comes (C1) */
    bool failed;       /* out of memory */
    const char *error; /* set with unknown as the result: what is wrong with the arguments */
};

/* signature: "(text, text) text" with types of the language, `any` for all, `T?` for an optional
 * last argument, `T!` for one that may be unknown, `name: T?` for one that filters give by name,
 * `number` taking integers too. Where an argument is unknown, and not `!`, the result is unknown
 * and the function is not called (C1), but in Liquid's own dialect (`camp render`). */
struct builtin {
    const char *name, *signature;
    struct value (*function)(struct call *call, const struct value *arguments, uint32_t count);
    const char *documentation, *example, *prints, *errors; /* errors: NULL none */
};

struct builtins {
    const struct builtin *rows;
    uint32_t count;
};

/* How many arguments the signature takes. */
void builtin_arity(const struct builtin *builtin, uint32_t *least, uint32_t *most);
/* The argument that filters give by name: its index, or UINT32_MAX. */
uint32_t builtin_keyword(const struct builtin *builtin, struct str name);
/* May the argument be unknown? */
bool builtin_takes_unknown(const struct builtin *builtin, uint32_t index);
/* NULL when there is none of that name. */
const struct builtin *builtin_find(const struct builtins *builtins, struct str name);

#endif
