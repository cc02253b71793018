/* liquid.h: what scanner and parser of templates share. Only liquid.l, liquid.y and template.c
 * include it. */
#ifndef CAMP_GRAMMAR_LIQUID_H
#define CAMP_GRAMMAR_LIQUID_H

#include "grammar/parse.h"

enum { LIQUID_MAX_NESTING = 100 };

struct template_token {
    struct str text;
    int64_t number;
    double real;
};
struct template_block { /* a block tag that is open */
    struct str name;
    struct span span;
    int kind;
};
struct template
{
    struct ast *ast;
    struct diags *diags;
    struct str text;
    struct template_origin origin;
    void *scanner;
    uint32_t offset, token_first, token_end;
    uint32_t seen, seen_at, seen_line; /* template.c: byte of the text, and where it was found */
    struct template_token token;
    int tag;           /* token of the tag whose words are read; 0: an output */
    int previous;      /* token */
    bool trims;        /* the last delimiter was `-}}` or `-%}` */
    bool is_lines;     /* inside {% liquid %}: a line is a tag */
    uint32_t comments; /* open comments */
    const char *wrong; /* what the scanner has to say of a BAD token */
    struct template_block blocks[LIQUID_MAX_NESTING];
    uint32_t block_count;
    struct node *parts;
    bool is_reported;
};

int liquid_scan(struct template *template, void *scanner);
void liquid_scan_open(struct template *template);
void liquid_scan_close(struct template *template);
struct span template_span(struct template *template, uint32_t first, uint32_t end);

#endif
