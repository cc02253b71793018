/* scan.h: what scanner and parser of .camp files share. Only parser.y and lexer.l include it. */
#ifndef CAMP_GRAMMAR_SCAN_H
#define CAMP_GRAMMAR_SCAN_H

#include "grammar/parse.h"

struct token {
    struct str text; /* a name; the decoded text of a literal */
    int64_t number;
    double real;
    int32_t months, days, clock;
    uint32_t flags;
};

struct parse {
    struct ast *ast;
    struct diags *diags;
    const struct source *source;
    uint32_t file;
    void *scanner;   /* flex's */
    uint32_t offset; /* of the next byte to scan */
    bool is_after_dot;
    struct node_list declarations;
    struct token token; /* of the scan */
    struct span span;
    int kind, previous, before_previous; /* token kinds: the last given out and those before */
    struct span previous_span;
    struct span open_braces[PARSE_MAX_DEPTH];
    uint32_t depth;
    bool is_on_own_line;              /* the mistake is a word on a line of its own */
    uint32_t reported_line;           /* a line gets one syntax error */
    uint32_t recovered_at;            /* offset + 1 of the token a recovery ended before */
    bool is_by_layout, is_held; /* held: a token that waits until a missing `}` was given out */
    int held_kind;
    struct token held;
    struct span held_span;
    bool is_too_deep, is_extra_close; /* the last `}` closed nothing */
};

/* The scanner: the next token's kind, with parse->token and parse->span. */
int camp_scan(struct parse *parse, void *scanner);
void camp_scan_open(struct parse *parse);
void camp_scan_close(struct parse *parse);
/* A keyword's token kind, or that of a name. */
int camp_keyword(struct str word);

#endif
