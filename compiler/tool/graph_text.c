/* graph_text.c: campaigns as DOT and as Mermaid: the same nodes and ways as the picture, laid out
 * by those tools. Ways are found by walking the plan: each step is entered from the ends that are
 * open before it. */
#include "compiler/tool/graph.h"

struct open_end {
    struct str from; /* id of a node */
    struct str label;
};
struct ends {
    struct open_end *items;
    uint32_t count, room;
};
struct writer {
    const struct compilation *compilation;
    struct arena arena;
    struct buf *out;
    bool is_mermaid, has_prefix;
    const struct plan *plan;
    struct ends *breaks; /* of the innermost repeat */
};

static void add_end(struct writer *w, struct ends *ends, struct str from, struct str label)
{
    ends->items = arena_grow(&w->arena, ends->items, ends->count, &ends->room, sizeof *ends->items);
    ends->items[ends->count++] = (struct open_end){from, label};
}

static void add_ends(struct writer *w, struct ends *ends, const struct ends *more)
{
    for (uint32_t i = 0; i < more->count; i++)
        add_end(w, ends, more->items[i].from, more->items[i].label);
}

static void put_quoted(struct writer *w, struct str text)
{
    buf_byte(w->out, '"');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '"')
            buf_c(w->out, w->is_mermaid ? "#quot;" : "\\\"");
        else if (c == '#' && w->is_mermaid)
            buf_c(w->out, "#35;");
        else if ((c == '<' || c == '>') && w->is_mermaid)
            buf_c(w->out, c == '<' ? "#lt;" : "#gt;");
        else if (c == '\\' && !w->is_mermaid)
            buf_c(w->out, "\\\\");
        else
            buf_byte(w->out, (unsigned char)(c == '\n' ? ' ' : c));
    }
    buf_byte(w->out, '"');
}

/* Mermaid takes letters, digits and _, and has words of its own. */
static struct str id_of(struct writer *w, struct str name)
{
    static const char *const words[] = {"end",   "graph",   "subgraph", "style", "class",
                                        "click", "default", "href",     "call",  "flowchart"};
    struct buf id;
    buf_init(&id, 0);
    if (w->has_prefix) {
        buf_str(&id, w->plan->campaign->name);
        buf_byte(&id, w->is_mermaid ? '_' : '.');
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        buf_byte(&id, (unsigned char)(is_plain || !w->is_mermaid ? c : '_'));
    }
    for (size_t i = 0; w->is_mermaid && i < ARRAY_COUNT(words); i++)
        if (str_eq_c(buf_view(&id), words[i]))
            buf_byte(&id, '_');
    struct str copy = arena_str(&w->arena, buf_view(&id));
    buf_free(&id);
    return copy;
}

static void put_id(struct writer *w, struct str id)
{
    if (w->is_mermaid)
        buf_str(w->out, id);
    else
        put_quoted(w, id);
}

static void put_node(struct writer *w, struct str id, struct str text, const char *shape)
{
    static const struct {
        const char *dot, *open, *close;
    } shapes[] = {{"box", "[", "]"}, {"diamond", "{", "}"}, {"oval", "([", "])"}};
    size_t which = 0;
    while (which < 2 && strcmp(shapes[which].dot, shape) != 0)
        which++;
    buf_c(w->out, "    ");
    put_id(w, id);
    buf_c(w->out, w->is_mermaid ? shapes[which].open : " [label=");
    put_quoted(w, text);
    if (w->is_mermaid)
        buf_printf(w->out, "%s\n", shapes[which].close);
    else
        buf_printf(w->out, ", shape=%s]\n", shape);
}

static void put_ways(struct writer *w, const struct ends *ends, struct str to)
{
    for (uint32_t i = 0; i < ends->count; i++) {
        buf_c(w->out, "    ");
        put_id(w, ends->items[i].from);
        buf_c(w->out, w->is_mermaid ? " -->" : " -> ");
        if (w->is_mermaid && ends->items[i].label.len) {
            buf_byte(w->out, '|');
            put_quoted(w, ends->items[i].label);
            buf_byte(w->out, '|');
        }
        buf_c(w->out, w->is_mermaid ? " " : "");
        put_id(w, to);
        if (!w->is_mermaid && ends->items[i].label.len) {
            buf_c(w->out, " [label=");
            put_quoted(w, ends->items[i].label);
            buf_byte(w->out, ']');
        }
        buf_byte(w->out, '\n');
    }
}

static void write_block(struct writer *w, const struct plan_step *first, struct ends *open);

static void write_branches(struct writer *w, const struct plan_step *step, struct str id,
                           struct ends *open)
{
    *open = (struct ends){0};
    for (const struct plan_branch *b = step->branches; b; b = b->next) {
        struct ends branch = {0};
        add_end(w, &branch, id, b->label);
        write_block(w, b->first, &branch);
        add_ends(w, open, &branch);
    }
}

static void write_body(struct writer *w, const struct plan_step *step, struct str id,
                       struct ends *open)
{
    bool is_loop = step->node->kind == NODE_REPEAT;
    struct ends breaks = {0}, *outer = w->breaks, end = {0};
    *open = (struct ends){0};
    add_end(w, open, id, (struct str){0});
    w->breaks = is_loop ? &breaks : outer;
    write_block(w, step->body, open);
    w->breaks = outer;
    for (uint32_t i = 0; is_loop && i < open->count; i++)
        if (!str_eq(open->items[i].from, id))
            add_end(w, &end, open->items[i].from, STR("again"));
    put_ways(w, &end, id);
    add_ends(w, open, &breaks);
}

static void write_step(struct writer *w, const struct plan_step *step, struct ends *open)
{
    enum node_kind kind = step->node->kind;
    struct str id = id_of(w, step->name);
    bool is_message = kind == NODE_EMAIL || kind == NODE_SMS || kind == NODE_WEBHOOK;
    bool is_choice = kind == NODE_IF || kind == NODE_MATCH || kind == NODE_SPLIT;
    struct str text = is_message && kind == NODE_EMAIL
                          ? arena_printf(&w->arena, "email " STR_FMT, STR_ARG(step->node->name))
                          : step->phrase;
    put_node(w, id, text, is_choice ? "diamond" : kind == NODE_EXIT ? "oval" : "box");
    put_ways(w, open, id);
    *open = (struct ends){0};
    if (step->branches) {
        write_branches(w, step, id, open);
    } else if (step->body) {
        write_body(w, step, id, open);
    } else if (kind == NODE_BREAK && w->breaks) {
        add_end(w, w->breaks, id, (struct str){0});
    } else if (kind != NODE_EXIT) {
        add_end(w, open, id, (struct str){0});
    }
}

static void write_block(struct writer *w, const struct plan_step *first, struct ends *open)
{
    for (const struct plan_step *step = first; step; step = step->next)
        write_step(w, step, open);
}

static void write_campaign(struct writer *w)
{
    const struct node *campaign = w->plan->campaign;
    struct ends open = {0};
    struct str start = id_of(w, STR("trigger")), end = id_of(w, STR("workflow"));
    struct str title = campaign->other;
    for (const struct node *s = campaign->kids[CAMPAIGN_SETTINGS]; s; s = s->next)
        if (s->kind == NODE_TRIGGER) {
            struct str trigger = plan_text(w->compilation, &w->arena, s->span, 160);
            title = arena_printf(&w->arena, STR_FMT ": " STR_FMT, STR_ARG(title), STR_ARG(trigger));
        }
    put_node(w, start, title, "oval");
    add_end(w, &open, start, (struct str){0});
    write_block(w, w->plan->first, &open);
    if (open.count) {
        put_node(w, end, STR("end"), "oval");
        put_ways(w, &open, end);
    }
}

static void write_all(const struct compilation *compilation, const struct plan *const *plans,
                      uint32_t count, bool is_mermaid, struct buf *out)
{
    struct writer w = {
        .compilation = compilation, .out = out, .is_mermaid = is_mermaid, .has_prefix = count > 1};
    arena_init(&w.arena, 0);
    buf_c(out,
          is_mermaid ? "flowchart TD\n" : "digraph camp {\n    node [fontname=\"Helvetica\"]\n");
    for (uint32_t i = 0; i < count; i++) {
        w.plan = plans[i];
        if (w.has_prefix && is_mermaid)
            buf_printf(out, "  subgraph " STR_FMT "_\n", STR_ARG(w.plan->campaign->name));
        else if (w.has_prefix)
            buf_printf(out, "  subgraph \"cluster_" STR_FMT "\" {\n",
                       STR_ARG(w.plan->campaign->name));
        write_campaign(&w);
        if (w.has_prefix)
            buf_c(out, is_mermaid ? "  end\n" : "  }\n");
    }
    buf_c(out, is_mermaid ? "" : "}\n");
    arena_free(&w.arena);
}

void graph_dot(const struct compilation *compilation, const struct plan *const *plans,
               uint32_t count, struct buf *out)
{
    write_all(compilation, plans, count, false, out);
}

void graph_mermaid(const struct compilation *compilation, const struct plan *const *plans,
                   uint32_t count, struct buf *out)
{
    write_all(compilation, plans, count, true, out);
}
