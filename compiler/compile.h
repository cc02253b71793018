/* compile.h: the only door of the compiler: paths of a project in, diagnostics and a verified image
 * out. */
#ifndef CAMP_COMPILER_COMPILE_H
#define CAMP_COMPILER_COMPILE_H

#include "grammar/ast.h"
#include "grammar/diag.h"
#include "vm/base/map.h"
#include "vm/code/builtin.h"
#include "vm/code/image.h"

struct compile_module { /* of the standard library */
    const char *name, *text;
};
struct compile_options {
    const struct builtins *builtins;
    const struct compile_module *modules; /* ended by a NULL name */
    bool with_tests;                      /* the tests' expressions become codes of the image */
};

/* Where protected health information goes, beside what is refused: `camp check --phi`. */
enum phi_way {
    PHI_ALLOWED = 1, /* by `allow phi`, with the reason */
    PHI_BODY,        /* the body of a mail */
    PHI_LISTED       /* it settles who enters or leaves, a moment, a way without messages */
};
struct phi_flow {
    enum phi_way way;
    struct span span;
    struct str campaign, what, reason;
};

struct compilation {
    struct arena arena;
    struct sources sources;
    struct diags diags;
    struct ast ast;
    struct node *declarations; /* of all files, in file order */
    struct image image;        /* whole only when diags.error_count is 0 */
    struct phi_flow *phi;      /* in the order in which they were found */
    uint32_t phi_count, phi_room;
    struct map64 code_of; /* with_tests: id of a test's expression node → row of codes */
};

void compilation_init(struct compilation *compilation);
void compilation_free(struct compilation *compilation);
/* False: a path cannot be read (*error says which and why, in the arena). Mistakes in the text are
 * diagnostics. */
bool compile_paths(struct compilation *compilation, const struct compile_options *options,
                   char *const *paths, int path_count, struct str *error);
bool compile_text(struct compilation *compilation, const struct compile_options *options,
                  struct str name, struct str text);

#endif
