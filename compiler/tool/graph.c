/* graph.c: the layout of a campaign's picture.
 *
 *              axis of the block                 extents of a step are measured from its axis:
 *                    |                           left | right, and its whole height. A step with
 *             +------+------+                    branches is as wide as these side by side; the
 *             |    card     |                    axis stands in the middle between the first and
 *             +------+------+                    the last branch's own axis.
 *         +----------+----------+
 *       (yes)                 (no)               Each step is measured once (shapes), then placed
 *     +---+---+                 |                from the top. */
#include "compiler/tool/graph.h"

enum { TEXT_LINES = 4, TITLE_LINES = 2, ROW_LINES = 4, LABEL_LINES = 3 };
#define GAP 26.0        /* between a step and the next */
#define COLUMN_GAP 28.0 /* between branches */
#define BUS 18.0        /* from a card to the line that spreads, and back */
#define FRAME_PAD 16.0
#define FRAME_HEAD 28.0
#define LOOP_ROOM 22.0  /* for the line back */
#define TEXT_ROOM 216.0 /* of a line in a card */
#define LABEL_ROOM 150.0
#define START_ROOM 330.0 /* of a line in the start card */
#define SNAP 14.0        /* a branch this near to the middle stands in it */
#define LEAST_HALF 24.0  /* of a column without steps */

struct shape { /* of a step */
    double left, right, height;
    struct graph_card card;
    struct text_lines *labels; /* of its branches, in order */
    double label_height;       /* of the highest */
    struct text_lines head;    /* of a frame */
};
struct block_shape {
    double left, right, height;
};

static struct shape *shape_of(struct graph *g, const struct plan_step *step)
{
    return &g->shapes[step->row - g->compilation->image.campaigns[g->plan->row].steps.first];
}

static const struct node *prop_of(const struct node *message, const char *name)
{
    for (const struct node *p = message->kids[0]; p; p = p->next)
        if (p->kind == NODE_PROP && str_eq_c(p->name, name))
            return p->kids[PROP_VALUE];
    return NULL;
}

/* A text as it is written, of a record by language the first, of a file its name. */
static struct str written_text(struct graph *g, const struct node *value)
{
    if (!value)
        return (struct str){0};
    if (value->kind == NODE_RECORD && value->kids[RECORD_PAIRS])
        return written_text(g, value->kids[RECORD_PAIRS]->kids[PAIR_VALUE]);
    if (value->kind != NODE_TEXT && value->kind != NODE_FILE)
        return plan_text(g->compilation, g->arena, value->span, 200);
    struct buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < value->name.len; i++)
        buf_byte(&out, value->name.at[i] == '\n' ? ' ' : (unsigned char)value->name.at[i]);
    struct str text = arena_str(g->arena, buf_view(&out));
    buf_free(&out);
    return text;
}

/* "wait until x" without the word that the head of the card says. */
static struct str without_word(struct str phrase, const char *word)
{
    struct str first = str_of(word);
    return str_starts(phrase, first) ? str_trim(str_from(phrase, first.len)) : phrase;
}

static struct graph_card message_card(struct graph *g, const struct plan_step *step)
{
    const struct node *node = step->node;
    bool is_email = node->kind == NODE_EMAIL, is_sms = node->kind == NODE_SMS;
    const struct image *image = &g->compilation->image;
    uint32_t message = image->steps[step->row].message;
    bool is_draft = message != IMAGE_NONE && image->messages[message].is_draft;
    struct graph_card card = {.look = is_email ? LOOK_EMAIL
                                      : is_sms ? LOOK_SMS
                                               : LOOK_WEBHOOK,
                              .step = step};
    card.head = is_draft   ? (is_email ? STR("EMAIL · DRAFT") : STR("SMS · DRAFT"))
                : is_email ? STR("EMAIL")
                : is_sms   ? STR("SMS")
                           : STR("WEBHOOK");
    struct str text = written_text(g, prop_of(node, is_email ? "subject"
                                                    : is_sms ? "text"
                                                             : "url"));
    card.title = text_wrap(g->arena, node->name, GRAPH_TEXT_SIZE, true, TEXT_ROOM, TITLE_LINES);
    card.text = text_wrap(g->arena, text, GRAPH_TEXT_SIZE, false, TEXT_ROOM, TEXT_LINES);
    return card;
}

static struct graph_card card_of(struct graph *g, const struct plan_step *step)
{
    static const struct {
        enum node_kind kind;
        enum card_look look;
        const char *head, *word;
    } kinds[] = {{NODE_WAIT, LOOK_WAIT, "WAIT", "wait"},
                 {NODE_WAIT_UNTIL, LOOK_WAIT, "WAIT", "wait"},
                 {NODE_WAIT_EVENT, LOOK_WAIT, "WAIT", "wait"},
                 {NODE_WAIT_REPLY, LOOK_WAIT, "WAIT", "wait"},
                 {NODE_IF, LOOK_CHOICE, "IF", "if"},
                 {NODE_MATCH, LOOK_CHOICE, "MATCH", "match"},
                 {NODE_SPLIT, LOOK_CHOICE, "SPLIT", "split"},
                 {NODE_EXIT, LOOK_EXIT, "", ""},
                 {NODE_BREAK, LOOK_EXIT, "", ""},
                 {NODE_SET, LOOK_DATA, "SET", "set"},
                 {NODE_CLEAR, LOOK_DATA, "CLEAR", "clear"},
                 {NODE_LET, LOOK_DATA, "LET", "let"},
                 {NODE_EMIT, LOOK_DATA, "EMIT", "emit"},
                 {NODE_ADD, LOOK_DATA, "SEGMENT", ""},
                 {NODE_REMOVE, LOOK_DATA, "SEGMENT", ""},
                 {NODE_SUBSCRIBE, LOOK_DATA, "TOPIC", ""},
                 {NODE_UNSUBSCRIBE, LOOK_DATA, "TOPIC", ""}};
    enum node_kind kind = step->node->kind;
    if (kind == NODE_EMAIL || kind == NODE_SMS || kind == NODE_WEBHOOK)
        return message_card(g, step);
    struct graph_card card = {.look = LOOK_DATA, .step = step};
    struct str text = step->phrase;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        if (kinds[i].kind == kind) {
            card.look = kinds[i].look;
            card.head = str_of(kinds[i].head);
            text = without_word(text, kinds[i].word);
        }
    if (kind == NODE_IF && !text.len)
        text = STR("the first that is so");
    card.text = text_wrap(g->arena, text, GRAPH_TEXT_SIZE, false, TEXT_ROOM, TEXT_LINES);
    return card;
}

static void size_card(struct graph_card *card)
{
    double head = text_width(card->head, GRAPH_HEAD_SIZE, true) * 1.15, width = head;
    width = card->title.width > width ? card->title.width : width;
    width = card->text.width > width ? card->text.width : width;
    card->width = width + 2 * GRAPH_PAD + 6;
    card->width = card->width < 96 && card->look != LOOK_EXIT ? 96 : card->width;
    card->height = (card->head.len ? 16 : 0) +
                   (card->title.count + card->text.count) * GRAPH_LINE_HEIGHT +
                   (card->look == LOOK_EXIT ? 10 : 2 * GRAPH_PAD - 4);
}

static struct block_shape measure_block(struct graph *g, const struct plan_step *first);

static bool is_framed(const struct plan_step *step)
{
    return step->node->kind == NODE_REPEAT || step->node->kind == NODE_DO;
}

static void measure_frame(struct graph *g, const struct plan_step *step, struct shape *s)
{
    struct block_shape body = measure_block(g, step->body);
    double loop = step->node->kind == NODE_REPEAT ? LOOP_ROOM : 0;
    /* The words stand to the left of the line that comes in. */
    double room = body.left - FRAME_PAD > TEXT_ROOM ? body.left - FRAME_PAD : TEXT_ROOM;
    s->head = text_wrap(g->arena, step->phrase, GRAPH_TEXT_SIZE, true, room, 1);
    double head = s->head.width + 2 * FRAME_PAD;
    s->left = body.left + FRAME_PAD > head ? body.left + FRAME_PAD : head;
    s->right = body.right + FRAME_PAD + loop;
    s->height = FRAME_HEAD + GAP + body.height + GAP;
}

/* How far the branches' axes reach, measured from the first one's, and where between them the step
 * itself stands: in the middle, or over a branch that is almost there. */
struct spread {
    double last, centre, left, right, height; /* left of the first, right of the last */
};

static struct spread spread(struct graph *g, const struct plan_step *step)
{
    struct shape *s = shape_of(g, step);
    struct spread all = {0};
    double axis = 0, before = 0, axes[64];
    uint32_t i = 0;
    for (const struct plan_branch *b = step->branches; b; b = b->next, i++) {
        struct block_shape block = measure_block(g, b->first);
        double half = s->labels[i].width / 2 + 10;
        block.left = block.left > half ? block.left : half;
        block.right = block.right > half ? block.right : half;
        if (i == 0)
            all.left = block.left;
        else
            axis += before + COLUMN_GAP + block.left;
        before = all.right = block.right;
        all.height = block.height > all.height ? block.height : all.height;
        if (i < ARRAY_COUNT(axes))
            axes[i] = axis;
    }
    all.last = axis;
    all.centre = axis / 2;
    for (uint32_t k = 0; k < i && k < ARRAY_COUNT(axes); k++)
        if (axes[k] - axis / 2 < SNAP && axis / 2 - axes[k] < SNAP)
            all.centre = axes[k];
    return all;
}

static void measure_branches(struct graph *g, const struct plan_step *step, struct shape *s)
{
    uint32_t count = 0, i = 0;
    for (const struct plan_branch *b = step->branches; b; b = b->next)
        count++;
    s->labels = arena_array(g->arena, count, sizeof *s->labels);
    for (const struct plan_branch *b = step->branches; b; b = b->next, i++) {
        s->labels[i] =
            text_wrap(g->arena, b->label, GRAPH_TEXT_SIZE, false, LABEL_ROOM, LABEL_LINES);
        double height = s->labels[i].count * GRAPH_LINE_HEIGHT + 6;
        s->label_height = height > s->label_height ? height : s->label_height;
    }
    struct spread all = spread(g, step);
    double left = all.left + all.centre, right = all.last - all.centre + all.right;
    s->left = left > s->left ? left : s->left;
    s->right = right > s->right ? right : s->right;
    s->height += BUS + 10 + s->label_height + GAP + all.height + GAP + BUS;
}

static void measure_step(struct graph *g, const struct plan_step *step)
{
    struct shape *s = shape_of(g, step);
    if (s->height > 0)
        return;
    if (is_framed(step)) {
        measure_frame(g, step, s);
        return;
    }
    s->card = card_of(g, step);
    size_card(&s->card);
    s->left = s->right = s->card.width / 2;
    s->height = s->card.height;
    if (step->branches)
        measure_branches(g, step, s);
}

static struct block_shape measure_block(struct graph *g, const struct plan_step *first)
{
    struct block_shape block = {LEAST_HALF, LEAST_HALF, 0};
    for (const struct plan_step *step = first; step; step = step->next) {
        measure_step(g, step);
        const struct shape *s = shape_of(g, step);
        block.left = s->left > block.left ? s->left : block.left;
        block.right = s->right > block.right ? s->right : block.right;
        block.height += s->height + (step->next ? GAP : 0);
    }
    return block;
}

/* --- placing --- */

static void add_line(struct graph *g, const double *points, uint32_t count, bool has_arrow)
{
    struct graph_line line = {.has_arrow = has_arrow};
    for (uint32_t i = 0; i < count; i++) { /* points that repeat or lie straight on are left out */
        double x = points[2 * i], y = points[2 * i + 1];
        uint32_t n = line.count;
        bool is_same = n && line.x[n - 1] == x && line.y[n - 1] == y;
        bool is_straight = n > 1 && ((line.x[n - 1] == x && line.x[n - 2] == x) ||
                                     (line.y[n - 1] == y && line.y[n - 2] == y));
        n -= is_straight;
        line.count = is_same ? line.count : n + 1;
        line.x[is_same ? n - 1 : n] = x;
        line.y[is_same ? n - 1 : n] = y;
    }
    if (line.count < 2)
        return;
    g->lines = arena_grow(g->arena, g->lines, g->line_count, &g->line_room, sizeof *g->lines);
    g->lines[g->line_count++] = line;
}

static void add_card(struct graph *g, struct graph_card card, double axis, double y)
{
    card.x = axis - card.width / 2;
    card.y = y;
    g->cards = arena_grow(g->arena, g->cards, g->card_count, &g->card_room, sizeof *g->cards);
    g->cards[g->card_count++] = card;
}

static bool place_block(struct graph *g, const struct plan_step *first, double axis, double *y);

/* In the picture a way that reaches its end goes on below; false: none does. */
static bool place_branches(struct graph *g, const struct plan_step *step, double axis, double *y)
{
    struct shape *s = shape_of(g, step);
    struct spread all = spread(g, step);
    double bus = *y + BUS, top = bus + 10 + s->label_height + GAP;
    double merge = top + all.height + GAP, at = axis - all.centre, before = 0;
    bool goes_on = false;
    uint32_t i = 0;
    for (const struct plan_branch *b = step->branches; b; b = b->next, i++) {
        struct block_shape block = measure_block(g, b->first);
        double half = s->labels[i].width / 2 + 10;
        at += i ? before + COLUMN_GAP + (block.left > half ? block.left : half) : 0;
        before = block.right > half ? block.right : half;
        double label_height = s->labels[i].count * GRAPH_LINE_HEIGHT + 6, end = top;
        add_line(g, (double[]){axis, *y, axis, bus, at, bus, at, top}, 4, b->first != NULL);
        g->labels =
            arena_grow(g->arena, g->labels, g->label_count, &g->label_room, sizeof *g->labels);
        g->labels[g->label_count++] = (struct graph_label){.branch = b,
                                                           .lines = s->labels[i],
                                                           .x = at,
                                                           .y = bus + 10,
                                                           .width = half * 2,
                                                           .height = label_height};
        if (place_block(g, b->first, at, &end)) {
            add_line(g, (double[]){at, end, at, merge, axis, merge, axis, merge + BUS}, 4, false);
            goes_on = true;
        }
    }
    *y = merge + BUS;
    return goes_on;
}

static bool place_frame(struct graph *g, const struct plan_step *step, double axis, double *y)
{
    struct shape *s = shape_of(g, step);
    bool is_loop = step->node->kind == NODE_REPEAT;
    double bottom = *y + s->height, top = *y + FRAME_HEAD, inner = top + GAP;
    g->frames = arena_grow(g->arena, g->frames, g->frame_count, &g->frame_room, sizeof *g->frames);
    g->frames[g->frame_count++] = (struct graph_frame){.step = step,
                                                       .text = s->head.items[0],
                                                       .x = axis - s->left,
                                                       .y = *y,
                                                       .width = s->left + s->right,
                                                       .height = s->height};
    add_line(g, (double[]){axis, *y, axis, inner}, 2, step->body != NULL);
    bool goes_on = place_block(g, step->body, axis, &inner);
    double side = axis + s->right - FRAME_PAD, turn = inner + GAP / 2;
    if (goes_on && is_loop)
        add_line(g, (double[]){axis, turn, side, turn, side, top + 4, axis, top + 4}, 4, true);
    if (goes_on)
        add_line(g, (double[]){axis, inner, axis, bottom}, 2, false);
    *y = bottom;
    return goes_on || is_loop;
}

static bool place_step(struct graph *g, const struct plan_step *step, double axis, double *y)
{
    struct shape *s = shape_of(g, step);
    if (is_framed(step))
        return place_frame(g, step, axis, y);
    add_card(g, s->card, axis, *y);
    *y += s->card.height;
    if (step->branches)
        return place_branches(g, step, axis, y);
    return step->node->kind != NODE_EXIT && step->node->kind != NODE_BREAK;
}

static bool place_block(struct graph *g, const struct plan_step *first, double axis, double *y)
{
    bool goes_on = true;
    for (const struct plan_step *step = first; step; step = step->next) {
        goes_on = place_step(g, step, axis, y);
        if (step->next && goes_on)
            add_line(g, (double[]){axis, *y, axis, *y + GAP}, 2, true);
        *y += step->next ? GAP : 0;
    }
    return goes_on;
}

/* --- the start: title and settings --- */

static void add_row(struct graph *g, struct graph_card *card, const struct node *setting)
{
    struct str text = plan_text(g->compilation, g->arena, setting->span, 240);
    size_t blank = str_find(text, STR(" "));
    struct graph_row *row = &card->rows[card->row_count++];
    row->word = (struct str){text.at, blank == SIZE_MAX ? text.len : blank};
    text = blank == SIZE_MAX ? (struct str){0} : str_from(text, blank + 1);
    row->lines =
        text_wrap(g->arena, text, GRAPH_TEXT_SIZE, false, START_ROOM - GRAPH_WORD_WIDTH, ROW_LINES);
    card->height += (row->lines.count ? row->lines.count : 1) * GRAPH_LINE_HEIGHT + 2;
}

static struct graph_card start_card(struct graph *g)
{
    const struct node *campaign = g->plan->campaign;
    struct graph_card card = {.look = LOOK_START, .width = START_ROOM + 2 * GRAPH_PAD};
    uint32_t count = 0;
    for (const struct node *s = campaign->kids[CAMPAIGN_SETTINGS]; s; s = s->next)
        count++;
    card.rows = arena_array(g->arena, count + 1, sizeof *card.rows);
    card.title =
        text_wrap(g->arena, campaign->other, GRAPH_TITLE_SIZE, true, START_ROOM, TITLE_LINES);
    card.height = GRAPH_PAD * 2 + card.title.count * GRAPH_TITLE_HEIGHT + 8;
    for (const struct node *s = campaign->kids[CAMPAIGN_SETTINGS]; s; s = s->next)
        if (s->kind == NODE_DESCRIPTION) {
            card.text = text_wrap(g->arena, s->name, GRAPH_TEXT_SIZE, false, START_ROOM, ROW_LINES);
            card.height += card.text.count * GRAPH_LINE_HEIGHT + 6;
        } else {
            add_row(g, &card, s);
        }
    return card;
}

void graph_layout(struct graph *graph, const struct compilation *compilation,
                  const struct plan *plan, struct arena *arena)
{
    const double margin = 20;
    *graph = (struct graph){.compilation = compilation, .plan = plan, .arena = arena};
    graph->shapes = arena_array(arena, compilation->image.campaigns[plan->row].steps.count + 1,
                                sizeof *graph->shapes);
    struct graph_card start = start_card(graph);
    struct graph_card end = {.look = LOOK_END, .width = 64, .height = 28};
    end.text = text_wrap(arena, STR("end"), GRAPH_TEXT_SIZE, false, TEXT_ROOM, 1);
    struct block_shape all = measure_block(graph, plan->first);
    double half = start.width / 2, axis = margin + (all.left > half ? all.left : half);
    double y = margin, right = all.right > half ? all.right : half;
    add_card(graph, start, axis, y);
    y += start.height;
    add_line(graph, (double[]){axis, y, axis, y + GAP}, 2, true);
    y += GAP;
    if (place_block(graph, plan->first, axis, &y)) {
        if (plan->first)
            add_line(graph, (double[]){axis, y, axis, y + GAP}, 2, true);
        y += plan->first ? GAP : 0;
        add_card(graph, end, axis, y);
        y += end.height;
    }
    graph->width = axis + right + margin;
    graph->height = y + margin;
}
