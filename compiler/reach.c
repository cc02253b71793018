/* reach.c: what can never come about in time: goals whose window ends before the first message. */
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
