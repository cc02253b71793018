/* names.h: who is named where: the symbols of a project and every mention of one, in campaigns and
 * in templates; and for each place, which names can be said there. Made from the tree alone, so
 * that it serves projects with mistakes. */
#ifndef CAMP_COMPILER_TOOL_LSP_NAMES_H
#define CAMP_COMPILER_TOOL_LSP_NAMES_H

#include "grammar/ast.h"
#include "grammar/diag.h"
#include "vm/base/map.h"

enum symbol_kind {
    SYMBOL_ATTRIBUTE = 1,
    SYMBOL_CLINIC_FIELD,
    SYMBOL_EVENT,
    SYMBOL_EVENT_FIELD,
    SYMBOL_OBJECT,
    SYMBOL_OBJECT_FIELD,
    SYMBOL_SEGMENT,
    SYMBOL_TOPIC,
    SYMBOL_POLICY,
    SYMBOL_CAMPAIGN,
    SYMBOL_FLOW,
    SYMBOL_LET,   /* of the project */
    SYMBOL_LOCAL, /* let, alias or parameter in a campaign or flow */
    SYMBOL_MESSAGE,
    SYMBOL_WEBHOOK,
    SYMBOL_SPLIT,
    SYMBOL_ARM,
    SYMBOL_TEST,
    SYMBOL_FUNCTION, /* of the standard library */
    SYMBOL_MODULE,
    SYMBOL_FILE /* a template or a file that is used: name is its path */
};

struct symbol {
    enum symbol_kind kind;
    struct str name;
    struct symbol *owner;    /* of a field, message, arm, local */
    const struct node *node; /* first declaration: FIELD, EVENT_DECL, EMAIL, …; NULL: none */
    const struct symbol *of; /* LOCAL: the event or object that it is */
    struct span span;        /* the name in it */
    bool is_phi;
    struct symbol *next; /* all of the project, in order of declaration */
};

struct mention {
    struct span span;
    struct symbol *symbol;
    bool is_declaration;
};

struct binding { /* a local that can be said */
    struct symbol *symbol;
    const struct binding *outer;
};

struct region { /* a stretch of text with what can be said there */
    struct span span;
    const struct binding *bindings;
    struct symbol *event; /* what `event` is */
    struct symbol *body;  /* the campaign or flow */
};

struct names {
    struct arena arena;
    struct sources *sources;
    struct symbol *first, *last;
    struct strmap by_key;
    struct mention *mentions; /* by file and place */
    uint32_t mention_count, mention_room;
    struct region *regions;
    uint32_t region_count, region_room;
};

void names_build(struct names *names, struct sources *sources, struct node *declarations);
void names_free(struct names *names);

struct symbol *names_find(const struct names *names, enum symbol_kind kind,
                          const struct symbol *owner, struct str name);
/* The mention that covers the byte or ends before it; NULL. */
const struct mention *names_at(const struct names *names, uint32_t file, uint32_t offset);
/* The innermost. */
const struct region *names_region(const struct names *names, uint32_t file, uint32_t offset);
const struct symbol *binding_find(const struct binding *binding, struct str name);

#endif
