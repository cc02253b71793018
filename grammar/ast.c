/* ast.c: nodes made, walked and listed, drawn from nodes.def. */
#include "grammar/ast.h"

#include "vm/base/civil.h"
#include "vm/base/json.h"

struct node *node_new(struct ast *ast, enum node_kind kind, struct span span)
{
    struct node *node = arena_alloc(ast->arena, sizeof *node);
    ensure(node);
    node->kind = kind;
    node->id = ++ast->node_count;
    node->span = span;
    node->clock = -1;
    return node;
}

struct node_list node_list_add(struct node_list list, struct node *node)
{
    if (!node)
        return list;
    if (list.last)
        list.last->next = node;
    else
        list.first = node;
    list.last = node;
    return list;
}

const char *node_word(enum node_kind kind)
{
    static const char *const words[] = {
#define NODE(kind, word, documentation) word,
#define KID(kind, index, child)
#include "grammar/nodes.def"
#undef NODE
#undef KID
    };
    return kind < NODE_KIND_COUNT ? words[kind] : "?";
}

static const struct kid_row {
    enum node_kind kind;
    int index;
    const char *name;
} kid_rows[] = {
#define NODE(kind, word, documentation)
#define KID(kind, index, child) {NODE_##kind, index, #child},
#include "grammar/nodes.def"
#undef NODE
#undef KID
};

const char *node_kid_name(enum node_kind kind, int index)
{
    for (size_t i = 0; i < ARRAY_COUNT(kid_rows); i++)
        if (kid_rows[i].kind == kind && kid_rows[i].index == index)
            return kid_rows[i].name;
    return NULL;
}

void ast_walk(struct node *node, bool (*visit)(void *context, struct node *node), void *context)
{
    if (!node || !visit(context, node))
        return;
    for (int i = 0; i < NODE_KID_ROOM; i++)
        for (struct node *kid = node->kids[i]; kid; kid = kid->next)
            ast_walk(kid, visit, context);
}

static void indent(struct buf *out, int depth)
{
    for (int i = 0; i < depth; i++)
        buf_c(out, "  ");
}

static void dump_own(const struct node *node, struct buf *out)
{
    buf_c(out, node_word(node->kind));
    if (node->name.at) {
        buf_byte(out, ' ');
        json_put_text(out, node->name);
    }
    if (node->other.at) {
        buf_c(out, " other=");
        json_put_text(out, node->other);
    }
    if (node->number)
        buf_printf(out, " number=%lld", (long long)node->number);
    if (node->kind == NODE_NUMBER) {
        buf_c(out, " real=");
        json_put_number(out, node->real);
    }
    if (node->months)
        buf_printf(out, " months=%d", node->months);
    if (node->days)
        buf_printf(out, " days=%d", node->days);
    if (node->clock >= 0) {
        buf_c(out, " clock=");
        buf_clock(out, node->clock);
    }
    if (node->flags)
        buf_printf(out, " flags=%u", node->flags);
    buf_byte(out, '\n');
}

static void dump(const struct node *node, struct buf *out, int depth)
{
    indent(out, depth);
    dump_own(node, out);
    for (int i = 0; i < NODE_KID_ROOM; i++) {
        if (!node->kids[i])
            continue;
        indent(out, depth + 1);
        const char *name = node_kid_name(node->kind, i);
        buf_printf(out, "%s:\n", name ? name : "?");
        for (const struct node *kid = node->kids[i]; kid; kid = kid->next)
            dump(kid, out, depth + 2);
    }
}

void ast_dump(const struct node *list, struct buf *out)
{
    for (; list; list = list->next)
        dump(list, out, 0);
}
