/* parse.h: the only door into the generated parsers: text to tree. A statement with a mistake
 * becomes a BAD node and parsing goes on behind its line, so that one mistake is one error. */
#ifndef CAMP_GRAMMAR_PARSE_H
#define CAMP_GRAMMAR_PARSE_H

#include "grammar/ast.h"
#include "grammar/diag.h"

enum { PARSE_MAX_DEPTH = 200 };

/* The list of declarations of a file. */
struct node *camp_parse(struct ast *ast, struct diags *diags, uint32_t file);

/* A Liquid template: `text` is what it says; `origin` is where that text stands. When it stands in
 * a literal of a .camp file, offsets of the decoded text are mapped back through the literal.
 * Returns a TEMPLATE node. */
struct template_origin {
    uint32_t file;
    uint32_t first; /* byte offset of the template, or of the literal's opening quote */
    bool is_literal;
};
struct node *liquid_parse(struct ast *ast, struct diags *diags, struct str text,
                          struct template_origin origin);

/* Is it a word that cannot be a name? For helps. */
bool camp_is_keyword(struct str word);

#endif
