/* liquid.h: what scanner and parser of templates share. Only liquid.l, liquid.y and template.c
 * include it. */
#ifndef CAMP_GRAMMAR_LIQUID_H
#define CAMP_GRAMMAR_LIQUID_H

#include "grammar/parse.h"

struct template_token {
    struct str text;
    int64_t number;
    double real;
    bool trims;
};
struct template
{
    struct ast *ast;
    struct diags *diags;
    struct str text;
    struct template_origin origin;
    void *scanner;
    uint32_t offset, token_first, token_end;
    struct template_token token;
    struct node_list parts;
    bool is_reported;
};

int liquid_scan(struct template *template, void *scanner);
void liquid_scan_open(struct template *template);
void liquid_scan_close(struct template *template);
struct span template_span(const struct template *template, uint32_t first, uint32_t end);

#endif
