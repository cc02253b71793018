/* circle.c: campaigns that can trigger each other in a circle. A campaign does things (emits an
 * event, changes an attribute, adds to a segment), a thing triggers campaigns: the graph of both is
 * as large as the project, and its circles are its strong components (Tarjan 1972, without
 * recursion). */
#include "compiler/internal.h"
#include "compiler/warn.h"

enum thing_kind { OF_EVENT, OF_ATTRIBUTE, OF_ADDED, OF_REMOVED, THING_KINDS };

struct edge {
    uint32_t to, next; /* next: edge + 1, 0: the last */
};
struct graph { /* nodes: campaigns, then the things, kind by kind */
    struct compiler *c;
    const struct image *image;
    uint32_t first[THING_KINDS], count;
    uint32_t *edges; /* by node: edge + 1 */
    struct edge *all;
    uint32_t edge_count, edge_room;
};

static void add_edge(struct graph *graph, uint32_t from, uint32_t to)
{
    graph->all = arena_grow(graph->c->arena, graph->all, graph->edge_count, &graph->edge_room,
                            sizeof *graph->all);
    graph->all[graph->edge_count] = (struct edge){to, graph->edges[from]};
    graph->edges[from] = ++graph->edge_count;
}

static void add_deeds(struct graph *graph, uint32_t campaign)
{
    const struct image *image = graph->image;
    const struct image_code *code = &image->codes[image->campaigns[campaign].workflow];
    for (uint32_t i = 0; i < code->count; i++) {
        uint32_t word = image->instructions[code->first + i], row = op_operand(word);
        switch (op_of(word)) {
        case OP_EMIT:
            add_edge(graph, campaign, graph->first[OF_EVENT] + image->emits[op_b(word)].event);
            break;
        case OP_SET:
        case OP_CLEAR:
            add_edge(graph, campaign, graph->first[OF_ATTRIBUTE] + row);
            break;
        case OP_SEGMENT_ADD:
            add_edge(graph, campaign, graph->first[OF_ADDED] + row);
            break;
        case OP_SEGMENT_REMOVE:
            add_edge(graph, campaign, graph->first[OF_REMOVED] + row);
            break;
        default:
            break;
        }
    }
}

/* An attribute moves people in and out of the segments whose conditions read it. */
static void add_segments(struct graph *graph)
{
    const struct image *image = graph->image;
    for (uint32_t row = 0; row < image->segment_count; row++) {
        uint32_t code = image->segments[row].condition;
        struct rows reads = code == IMAGE_NONE ? (struct rows){0, 0} : image->codes[code].reads;
        for (uint32_t i = 0; i < reads.count; i++) {
            const struct image_read *read = &image->reads[reads.first + i];
            if (read->kind != READ_ATTRIBUTE)
                continue;
            add_edge(graph, graph->first[OF_ATTRIBUTE] + read->row, graph->first[OF_ADDED] + row);
            add_edge(graph, graph->first[OF_ATTRIBUTE] + read->row, graph->first[OF_REMOVED] + row);
        }
    }
}

static void add_triggers(struct graph *graph, uint32_t campaign)
{
    const struct image_campaign *row = &graph->image->campaigns[campaign];
    /* Who enters once never comes round again. */
    if (row->enter_kind == ENTER_ONCE)
        return;
    if (row->trigger_kind == TRIGGER_EVENT && row->trigger_event != IMAGE_NONE)
        add_edge(graph, graph->first[OF_EVENT] + row->trigger_event, campaign);
    else if ((row->trigger_kind == TRIGGER_CHANGES || row->trigger_kind == TRIGGER_BECOMES) &&
             row->trigger_attribute != IMAGE_NONE)
        add_edge(graph, graph->first[OF_ATTRIBUTE] + row->trigger_attribute, campaign);
    else if (row->trigger_kind == TRIGGER_ENTERED && row->trigger_segment != IMAGE_NONE)
        add_edge(graph, graph->first[OF_ADDED] + row->trigger_segment, campaign);
    else if (row->trigger_kind == TRIGGER_LEFT && row->trigger_segment != IMAGE_NONE)
        add_edge(graph, graph->first[OF_REMOVED] + row->trigger_segment, campaign);
}

struct search {
    uint32_t *number, *low, *stack, *way, *at; /* at: the edge to look at next */
    bool *is_on_stack;
    uint32_t *component; /* by node, from 1 */
    uint32_t count, stack_count, way_count, component_count;
};

static void enter_node(struct search *search, const struct graph *graph, uint32_t node)
{
    search->number[node] = search->low[node] = ++search->count;
    search->at[node] = graph->edges[node];
    search->stack[search->stack_count++] = node;
    search->way[search->way_count++] = node;
    search->is_on_stack[node] = true;
}

static void leave_node(struct search *search, uint32_t node)
{
    if (search->low[node] != search->number[node])
        return;
    search->component_count++;
    for (uint32_t other = UINT32_MAX; other != node;) {
        other = search->stack[--search->stack_count];
        search->is_on_stack[other] = false;
        search->component[other] = search->component_count;
    }
}

static void find_components(struct search *search, const struct graph *graph, uint32_t start)
{
    enter_node(search, graph, start);
    while (search->way_count) {
        uint32_t node = search->way[search->way_count - 1], edge = search->at[node];
        if (!edge) {
            search->way_count--;
            leave_node(search, node);
            uint32_t above = search->way_count ? search->way[search->way_count - 1] : node;
            if (search->low[node] < search->low[above])
                search->low[above] = search->low[node];
            continue;
        }
        uint32_t to = graph->all[edge - 1].to;
        search->at[node] = graph->all[edge - 1].next;
        if (!search->number[to])
            enter_node(search, graph, to);
        else if (search->is_on_stack[to] && search->number[to] < search->low[node])
            search->low[node] = search->number[to];
    }
}

/* A shortest way from the campaign back to itself, as text. */
static struct str circle_of(const struct graph *graph, const struct search *search, uint32_t start)
{
    struct compiler *c = graph->c;
    uint32_t *before = arena_array(c->arena, graph->count, sizeof *before),
             *queue = arena_array(c->arena, graph->count + 1, sizeof *queue), count = 0;
    struct str way = STR("");
    queue[count++] = start;
    for (uint32_t next = 0; next < count && !before[start]; next++)
        for (uint32_t edge = graph->edges[queue[next]]; edge; edge = graph->all[edge - 1].next) {
            uint32_t to = graph->all[edge - 1].to;
            if (before[to] || search->component[to] != search->component[start])
                continue;
            before[to] = queue[next] + 1;
            queue[count++] = to;
        }
    for (uint32_t at = start; before[at];) {
        if (at < graph->image->campaign_count) {
            struct str name = text_of(c, graph->image->campaigns[at].name);
            way = arena_printf(c->arena, "`" STR_FMT "`%s" STR_FMT, STR_ARG(name),
                               way.len ? " → " : "", STR_ARG(way));
        }
        at = before[at] - 1;
        if (at == start)
            break;
    }
    return way;
}

static void report_circles(struct graph *graph, const struct search *search)
{
    struct compiler *c = graph->c;
    uint32_t *size = arena_array(c->arena, search->component_count + 1, sizeof *size);
    for (uint32_t node = 0; node < graph->count; node++)
        size[search->component[node]]++;
    for (uint32_t i = 0; i < graph->image->campaign_count; i++) {
        uint32_t component = search->component[i];
        if (size[component] < 2)
            continue;
        size[component] = 0;
        struct str way = circle_of(graph, search, i),
                   name = text_of(c, graph->image->campaigns[i].name);
        const struct node *node = (struct node *)(uintptr_t)*strmap_get(&c->campaigns, name);
        struct diag *diag = report(c, DIAG_CIRCLE, node->name_span, way.at);
        help(c, diag, "say `enter once`, or narrow a trigger with `where`");
    }
}

void warn_of_circles(struct compiler *c)
{
    const struct image *image = c->image;
    struct graph graph = {.c = c, .image = image, .count = image->campaign_count};
    const uint32_t counts[THING_KINDS] = {image->event_count, image->attribute_count,
                                          image->segment_count, image->segment_count};
    for (int kind = 0; kind < THING_KINDS; kind++) {
        graph.first[kind] = graph.count;
        graph.count += counts[kind];
    }
    uint32_t *numbers = arena_array(c->arena, (size_t)graph.count * 7 + 1, sizeof *numbers);
    struct search search = {.number = numbers,
                            .low = numbers + graph.count,
                            .stack = numbers + (size_t)graph.count * 2,
                            .way = numbers + (size_t)graph.count * 3,
                            .at = numbers + (size_t)graph.count * 4,
                            .component = numbers + (size_t)graph.count * 5,
                            .is_on_stack = arena_array(c->arena, graph.count + 1, sizeof(bool))};
    graph.edges = numbers + (size_t)graph.count * 6;
    add_segments(&graph);
    for (uint32_t i = 0; i < image->campaign_count; i++) {
        add_deeds(&graph, i);
        add_triggers(&graph, i);
    }
    for (uint32_t node = 0; node < graph.count; node++)
        if (!search.number[node])
            find_components(&search, &graph, node);
    report_circles(&graph, &search);
}
