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

/* The words of a file as they stand, comments too, in order and ended by LEXEME_END: for the
 * formatter and for editors. Nothing is reported. */
enum lexeme_class {
    LEXEME_END,
    LEXEME_BAD,
    LEXEME_COMMENT, /* up to the end of its line */
    LEXEME_WORD,    /* of the language */
    LEXEME_NAME,
    LEXEME_TEXT,
    LEXEME_NUMBER,   /* also a percentage */
    LEXEME_TIME,     /* a date or a time of day */
    LEXEME_DURATION, /* number, blanks and unit */
    LEXEME_MARK      /* punctuation */
};
struct lexeme {
    enum lexeme_class class;
    struct span span;
};
struct lexeme *camp_lexemes(struct arena *arena, struct sources *sources, uint32_t file,
                            uint32_t *count);

/* Is it a word that cannot be a name? For helps. */
bool camp_is_keyword(struct str word);
/* What to write instead of a word that other languages have; NULL: nothing is known of it. */
const char *camp_habit(struct str word);
/* The unit of time that is meant, as `hours` by `hrs`; empty: none. */
struct str camp_nearest_unit(struct str word);

#endif
