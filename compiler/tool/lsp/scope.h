/* scope.h: what the two walks over a tree share: names.c declares, mentions.c resolves. */
#ifndef CAMP_COMPILER_TOOL_LSP_SCOPE_H
#define CAMP_COMPILER_TOOL_LSP_SCOPE_H

#include "compiler/tool/lsp/names.h"

struct scope {
    struct names *names;
    struct ast ast;       /* for templates */
    struct diags unheard; /* the compiler has reported what is wrong in them */
    const struct binding *bindings;
    struct symbol *event, *body;
    uint32_t template_end, partial_depth;
};

/* names.c: the symbol, new or known; a mention that declares it when it has a node. */
struct symbol *declare(struct scope *s, enum symbol_kind kind, struct symbol *owner,
                       struct str name, const struct node *node, struct span span);
void mention(struct scope *s, struct span span, struct symbol *symbol, bool is_declaration);
/* mentions.c: everything that is said below the declaration. */
void find_mentions(struct scope *s, const struct node *declaration);

#endif
