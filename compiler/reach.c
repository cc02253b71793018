/* reach.c: what can never come about in time, and what never comes to rest: goals whose window ends
 * before the first message, campaigns that trigger each other in a circle. */
#include "compiler/internal.h"
#include "compiler/warn.h"

/* ---- goals -------------------------------------------------------------------------------------
 */

/* The shortest time, in ms, from the beginning of a block to its first message and to its end;
 * NO_WAY where there is none. */
enum { MOST_FLOWS = 32 };
static const int64_t NO_WAY = INT64_MAX;
struct times {
    int64_t message, end;
};

static const int64_t DAY_MS = 86400000;

static int64_t duration_ms(const struct node *duration, int64_t month_days)
{
    return duration->number + (duration->days + duration->months * month_days) * DAY_MS;
}

static int64_t sum(int64_t a, int64_t b)
{
    return a == NO_WAY || b == NO_WAY ? NO_WAY : a + b;
}

static struct times earlier(struct times a, struct times b)
{
    return (struct times){a.message < b.message ? a.message : b.message,
                          a.end < b.end ? a.end : b.end};
}

static struct times times_of_block(struct compiler *c, const struct node *block);

static struct times times_of_arms(struct compiler *c, const struct node *arms, int body)
{
    struct times all = {NO_WAY, NO_WAY};
    for (const struct node *arm = arms; arm; arm = arm->next)
        all = earlier(all, times_of_block(c, arm->kids[body]));
    return all;
}

static struct times times_of_step(struct compiler *c, const struct node *step)
{
    struct times none = {NO_WAY, 0};
    uint64_t *flow;
    switch ((int)step->kind) {
    case NODE_EMAIL:
    case NODE_SMS:
        return (struct times){0, 0};
    case NODE_WAIT:
        return (struct times){NO_WAY, duration_ms(step->kids[WAIT_SPAN], 28)};
    case NODE_EXIT:
        return (struct times){NO_WAY, NO_WAY};
    case NODE_IF:
        return earlier(times_of_block(c, step->kids[IF_BODY]),
                       step->kids[IF_ELSE] && step->kids[IF_ELSE]->kind == NODE_IF
                           ? times_of_step(c, step->kids[IF_ELSE])
                           : times_of_block(c, step->kids[IF_ELSE]));
    case NODE_MATCH:
        return earlier(none, times_of_arms(c, step->kids[MATCH_ARMS], ARM_BODY));
    case NODE_SPLIT:
        return times_of_arms(c, step->kids[SPLIT_ARMS], SPLIT_ARM_BODY);
    case NODE_WAIT_UNTIL:
        return earlier(times_of_block(c, step->kids[WAIT_UNTIL_BODY]),
                       times_of_block(c, step->kids[WAIT_UNTIL_ELSE]));
    case NODE_WAIT_EVENT:
        return earlier(times_of_block(c, step->kids[WAIT_EVENT_BODY]),
                       times_of_block(c, step->kids[WAIT_EVENT_ELSE]));
    case NODE_WAIT_REPLY:
        return earlier(none, earlier(times_of_arms(c, step->kids[WAIT_REPLY_ARMS], ARM_BODY),
                                     times_of_block(c, step->kids[WAIT_REPLY_ELSE])));
    case NODE_REPEAT:
        return earlier(none, times_of_block(c, step->kids[REPEAT_BODY]));
    case NODE_DO:
        flow = strmap_get(&c->flows, step->name);
        return flow ? times_of_block(c, ((struct node *)(uintptr_t)*flow)->kids[FLOW_BODY]) : none;
    default:
        return none;
    }
}

static struct times times_of_block(struct compiler *c, const struct node *block)
{
    struct times all = {NO_WAY, 0};
    for (const struct node *step = block ? block->kids[BLOCK_STEPS] : NULL; step;
         step = step->next) {
        struct times own = times_of_step(c, step);
        int64_t message = sum(all.end, own.message);
        all.message = message < all.message ? message : all.message;
        all.end = sum(all.end, own.end);
    }
    return all;
}

void warn_of_goal(struct compiler *c, const struct node *campaign)
{
    const struct node *goal = campaign->kids[CAMPAIGN_SETTINGS];
    while (goal && goal->kind != NODE_GOAL)
        goal = goal->next;
    if (!goal)
        return;
    int64_t first = times_of_block(c, campaign->kids[CAMPAIGN_WORKFLOW]).message;
    int64_t within = duration_ms(goal->kids[GOAL_WITHIN], 31);
    struct diag *diag = NULL;
    if (first == NO_WAY && goal->number == FORM_OF_ANY_MESSAGE)
        diag = report(c, DIAG_GOAL_NEVER, goal->span, "the campaign sends no message");
    else if (first != NO_WAY && goal->number == FORM_OF_ENTRY && first >= within)
        diag = report(c, DIAG_GOAL_NEVER, goal->kids[GOAL_WITHIN]->span,
                      "its window ends before the first message can be sent");
    if (diag)
        help(c, diag, "count from the message: `within … of any message`");
}

/* ---- circles -----------------------------------------------------------------------------------
 */

/* Does the condition of the segment read the attribute? */
static bool segment_reads(const struct image *image, uint32_t segment, uint32_t attribute)
{
    uint32_t code = image->segments[segment].condition;
    struct rows reads = code == IMAGE_NONE ? (struct rows){0, 0} : image->codes[code].reads;
    for (uint32_t i = 0; i < reads.count; i++) {
        const struct image_read *read = &image->reads[reads.first + i];
        if (read->kind == READ_ATTRIBUTE && read->row == attribute)
            return true;
    }
    return false;
}

/* Can what the instruction does trigger the campaign? */
static bool instruction_triggers(const struct image *image, uint32_t word,
                                 const struct image_campaign *campaign)
{
    uint32_t row = op_operand(word), segment = campaign->trigger_segment;
    bool is_of_segment = segment != IMAGE_NONE && (campaign->trigger_kind == TRIGGER_ENTERED ||
                                                   campaign->trigger_kind == TRIGGER_LEFT);
    bool is_of_attribute =
        campaign->trigger_kind == TRIGGER_CHANGES || campaign->trigger_kind == TRIGGER_BECOMES;
    switch (op_of(word)) {
    case OP_EMIT:
        return campaign->trigger_kind == TRIGGER_EVENT &&
               image->emits[op_b(word)].event == campaign->trigger_event;
    case OP_SET:
    case OP_CLEAR:
        return (is_of_attribute && campaign->trigger_attribute == row) ||
               (is_of_segment && segment_reads(image, segment, row));
    case OP_SEGMENT_ADD:
        return is_of_segment && segment == row && campaign->trigger_kind == TRIGGER_ENTERED;
    case OP_SEGMENT_REMOVE:
        return is_of_segment && segment == row && campaign->trigger_kind == TRIGGER_LEFT;
    default:
        return false;
    }
}

static bool triggers(const struct image *image, uint32_t from, uint32_t to)
{
    const struct image_code *code = &image->codes[image->campaigns[from].workflow];
    for (uint32_t i = 0; i < code->count; i++)
        if (instruction_triggers(image, image->instructions[code->first + i],
                                 &image->campaigns[to]))
            return true;
    return false;
}

/* A shortest way of triggers from a campaign back to itself: before[x] is the one that triggers x.
 */
static bool find_circle(const struct image *image, uint32_t start, uint32_t *before,
                        uint32_t *queue)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < image->campaign_count; i++)
        before[i] = IMAGE_NONE;
    queue[count++] = start;
    for (uint32_t next = 0; next < count; next++)
        for (uint32_t to = 0; to < image->campaign_count; to++) {
            /* Who enters once never comes round again. */
            if (before[to] != IMAGE_NONE || image->campaigns[to].enter_kind == ENTER_ONCE ||
                !triggers(image, queue[next], to))
                continue;
            before[to] = queue[next];
            if (to == start)
                return true;
            queue[count++] = to;
        }
    return false;
}

static void report_circle(struct compiler *c, uint32_t start, const uint32_t *before, bool *done)
{
    struct str way = STR("");
    for (uint32_t at = start; !done[at]; at = before[at]) {
        struct str name = text_of(c, c->image->campaigns[at].name);
        way = arena_printf(c->arena, "`" STR_FMT "`%s" STR_FMT, STR_ARG(name), way.len ? " → " : "",
                           STR_ARG(way));
        done[at] = true;
    }
    struct str name = text_of(c, c->image->campaigns[start].name);
    const struct node *node = (struct node *)(uintptr_t)*strmap_get(&c->campaigns, name);
    struct diag *diag = report(c, DIAG_CIRCLE, node->name_span, way.at);
    help(c, diag, "say `enter once`, or narrow a trigger with `where`");
}

void warn_of_circles(struct compiler *c)
{
    uint32_t count = c->image->campaign_count;
    uint32_t *before = arena_array(c->arena, count + 1, sizeof *before),
             *queue = arena_array(c->arena, count + 1, sizeof *queue);
    bool *done = arena_array(c->arena, count + 1, sizeof *done);
    for (uint32_t start = 0; start < count; start++)
        if (!done[start] && find_circle(c->image, start, before, queue))
            report_circle(c, start, before, done);
}
