/* scan.h: what scanner and parser of .camp files share. Only parser.y, lexer.l and files
 * beside them include it. */
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
    struct span previous_span, before_previous_span;
    struct span open_braces[PARSE_MAX_DEPTH];
    uint32_t depth;
    bool is_open_missing;       /* what follows is the block of the mistake */
    bool is_on_own_line;        /* the mistake is a word on a line of its own */
    uint32_t reported_line;     /* a line gets one syntax error */
    uint32_t recovered_at;      /* offset + 1 of the token a recovery ended before */
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
const char *camp_token_name(int kind);

/* mistakes.c: reports a word that the grammar does not know at its place, by what would fit. */
void mistake_report(struct parse *parse, int kind, struct span span, const int *expected,
                    int expected_count);
void report_too_deep(struct parse *parse, struct span span); /* once a file */
void report_extra_brace(struct parse *parse, struct span span);

static inline uint32_t line_of(const struct parse *parse, uint32_t offset)
{
    return source_position(parse->source, offset).line;
}

static inline uint32_t indent_of(const struct parse *parse, uint32_t line)
{
    return (uint32_t)strspn(source_line(parse->source, line).at, " \t");
}

#endif
