/* circles.c: a `let` or a segment that is made of itself, by way of others too: it has no value.
 * And records that say one name twice. */
#include "compiler/internal.h"

enum { MOST_DEEP = 32 };

struct circle {
    struct compiler *c;
    enum node_kind kind;          /* NODE_LET or NODE_SEGMENT_DECL */
    struct node *open[MOST_DEEP]; /* from the declaration that is looked at */
    uint32_t depth;
    bool is_found;
};

static struct node *declared(struct circle *circle, const struct node *node)
{
    struct compiler *c = circle->c;
    if (circle->kind == NODE_LET) {
        uint64_t *let = node->kind == NODE_PATH ? strmap_get(&c->lets, node->name) : NULL;
        return let ? (struct node *)(uintptr_t)*let : NULL;
    }
    for (struct node *decl = c->out->declarations; node->kind == NODE_IN_SEGMENT && decl;
         decl = decl->next)
        if (decl->kind == NODE_SEGMENT_DECL && str_eq(decl->name, node->name))
            return decl;
    return NULL;
}

static bool follow(void *context, struct node *node)
{
    struct circle *circle = context;
    struct node *decl = circle->is_found ? NULL : declared(circle, node);
    if (!decl)
        return !circle->is_found;
    if (decl == circle->open[0]) {
        circle->is_found = true;
        return false;
    }
    for (uint32_t i = 1; i < circle->depth; i++)
        if (circle->open[i] == decl)
            return true;
    if (circle->depth == MOST_DEEP) {
        circle->is_found = true;
        return false;
    }
    circle->open[circle->depth++] = decl;
    ast_walk(decl->kids[0], follow, circle);
    if (!circle->is_found)
        circle->depth--;
    return true;
}

/* Each circle is told once, at its first declaration. */
static void check_circle(struct compiler *c, struct node *decl)
{
    struct circle circle = {.c = c, .kind = decl->kind, .open = {decl}, .depth = 1};
    const char *what = decl->kind == NODE_LET ? "let" : "segment";
    ast_walk(decl->kids[0], follow, &circle);
    if (!circle.is_found)
        return;
    struct diag *diag = report(c, DIAG_MADE_OF_ITSELF, decl->name_span, what, STR_ARG(decl->name));
    for (uint32_t i = 1; i < circle.depth; i++)
        note(c, diag, circle.open[i]->name_span, "by way of this one");
    help(c, diag, "write out in one of them what it means");
    for (uint32_t i = 0; i < circle.depth; i++)
        circle.open[i]->kids[0] = node_new(&c->out->ast, NODE_BAD, decl->span);
}

void check_circles(struct compiler *c)
{
    for (struct node *decl = c->out->declarations; decl; decl = decl->next)
        if ((decl->kind == NODE_LET || decl->kind == NODE_SEGMENT_DECL) && decl->kids[0])
            check_circle(c, decl);
}

static void check_names(struct compiler *c, struct node *pairs)
{
    for (struct node *pair = pairs; pair; pair = pair->next)
        for (const struct node *before = pairs; before != pair; before = before->next) {
            if (!str_eq(before->name, pair->name))
                continue;
            struct diag *diag =
                report(c, DIAG_DUPLICATE, pair->name_span, "name", STR_ARG(pair->name));
            note(c, diag, before->name_span, "first here");
            help(c, diag, "take one of them away");
            break;
        }
}

static bool check_record(void *context, struct node *node)
{
    if (node->kind == NODE_RECORD)
        check_names(context, node->kids[RECORD_PAIRS]);
    else if (node->kind == NODE_CLINIC)
        check_names(context, node->kids[CLINIC_FIELDS]);
    return true;
}

void check_records(struct compiler *c)
{
    for (struct node *decl = c->out->declarations; decl; decl = decl->next)
        ast_walk(decl, check_record, c);
}
