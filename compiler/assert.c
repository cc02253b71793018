/* assert.c: proves what a campaign asserts (LANGUAGE.md S10), for one enrollment, over all its ways
 * and counting no limits, or shows the way that breaks it.
 *
 * `at most N per D` is broken when N + 1 messages can lie within less than D (what lies exactly D
 * back is outside, W4): paths.c knows the least time for so many. `never … after event E` is broken
 * when a message is reached behind a step at which E may have come, unless E ends the enrollment.
 */
#include "compiler/paths.h"

enum { MOST_ROPE = 4096, MOST_NOTES = 12, MOST_ASKED = 2048, MOST_DEPTH = 32 };

/* ---- at most N per D ---------------------------------------------------------------------------
 */

static uint32_t unroll(const struct rope *rope, const struct rope **leaves, uint32_t count)
{
    if (!rope || count == MOST_ROPE)
        return count;
    if (rope->step) {
        leaves[count++] = rope;
        return count;
    }
    return unroll(rope->right, leaves, unroll(rope->left, leaves, count));
}

static struct str span_text(struct compiler *c, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{86400000, "day"}, {3600000, "hour"}, {60000, "minute"}, {1000, "second"}};
    struct str text = STR("");
    for (size_t i = 0; i < ARRAY_COUNT(units) && ms > 0; i++) {
        int64_t whole = ms / units[i].ms;
        ms %= units[i].ms;
        if (whole)
            text = arena_printf(c->arena, STR_FMT "%s%lld %s%s", STR_ARG(text), text.len ? " " : "",
                                (long long)whole, units[i].name, whole == 1 ? "" : "s");
    }
    return text;
}

static void show_way(struct compiler *c, struct diag *diag, const struct rope *way)
{
    const struct rope **leaves = arena_array(c->arena, MOST_ROPE, sizeof *leaves);
    uint32_t count = unroll(way, leaves, 0), number = 0;
    int64_t at_ms = 0;
    bool has_begun = false;
    for (uint32_t i = 0; i < count; i++) {
        bool is_message = leaves[i]->step->kind == NODE_EMAIL || leaves[i]->step->kind == NODE_SMS;
        if (has_begun)
            at_ms += leaves[i]->ms;
        has_begun |= is_message;
        if (!is_message || ++number > MOST_NOTES)
            continue;
        struct str since = span_text(c, at_ms);
        struct str text =
            number == 1 ? STR("the 1st on this way")
            : at_ms     ? arena_printf(c->arena, "number %u, as soon as " STR_FMT " after the 1st",
                                       number, STR_ARG(since))
                        : arena_printf(c->arena, "number %u, at the same moment", number);
        note(c, diag, leaves[i]->step->name_span, text.at);
    }
}

static const char *channels_text(uint32_t flags, bool is_one)
{
    return flags == FLAG_EMAIL ? (is_one ? "e-mail" : "e-mails")
           : flags == FLAG_SMS ? "SMS"
                               : (is_one ? "message" : "messages");
}

static bool is_any_draft(const struct compiler *c, uint32_t channels)
{
    const struct image_campaign *row = &c->image->campaigns[c->campaign_row];
    for (uint32_t i = 0; i < row->messages.count; i++) {
        const struct image_message *message = &c->image->messages[row->messages.first + i];
        bool is_meant = channels & (message->channel == CHANNEL_EMAIL ? FLAG_EMAIL : FLAG_SMS);
        if (is_meant && message->is_draft && !message->is_notice &&
            message->channel != CHANNEL_WEBHOOK)
            return true;
    }
    return false;
}

static void check_limit(struct compiler *c, const struct node *assertion)
{
    const struct node *limit = assertion->kids[ASSERT_LIMIT];
    struct arena arena;
    struct plan plan = {.c = c,
                        .arena = &arena,
                        .channels = assertion->flags & (FLAG_EMAIL | FLAG_SMS),
                        .only = IMAGE_NONE};
    const struct node *workflow = c->campaign->kids[CAMPAIGN_WORKFLOW];
    plan.horizon_ms = window_ms(limit->kids[LIMIT_PER], &plan.measure);
    uint32_t most = paths_most(&plan, workflow, NULL);
    if (most <= limit->number)
        return;
    if (limit->number >= MOST_ASKED) {
        help(c, report(c, DIAG_TOO_LARGE, limit->span, "the number of the assert"),
             "write a number below %d", MOST_ASKED);
        return;
    }
    plan.most = (uint32_t)limit->number + 1;
    arena_init(&arena, 0);
    struct paths paths = paths_of(&plan, workflow);
    if (paths.within.ms[plan.most] != NEVER) {
        plan.is_traced = true;
        paths = paths_of(&plan, workflow);
        struct str per = source_text(c, limit->kids[LIMIT_PER]->span);
        struct str what =
            arena_printf(c->arena, "%u %s can go out within less than " STR_FMT, plan.most,
                         channels_text(plan.channels, plan.most == 1), STR_ARG(per));
        struct diag *diag = report(c, DIAG_ASSERT_BROKEN, assertion->span, what.at);
        show_way(c, diag, paths.within.rope[plan.most]);
        if (is_any_draft(c, plan.channels))
            help(
                c, diag,
                "drafts can be approved at one moment: write `send automatically`, or assert less");
        else
            help(c, diag, "let more time pass between them on this way, or assert less");
    }
    arena_free(&arena);
}

/* ---- never after an event ----------------------------------------------------------------------
 */

struct came {                 /* may the event have come when we are here? */
    const struct node *since; /* the step at which it may have; NULL: it surely has not */
    bool is_reached;
};
struct never {
    struct compiler *c;
    struct plan plan;
    const struct node *assertion, *pattern;
    struct str event, where;
    bool is_emitted; /* by any campaign: then each step that changes something may bring it */
    struct came breaks;
    const struct node *message, *since; /* the first offence */
    uint32_t depth;
};

static struct came either(struct came a, struct came b)
{
    if (!a.is_reached || !b.is_reached)
        return a.is_reached ? a : b;
    return a.since ? a : b;
}

static struct came walk_block(struct never *never, const struct node *block, struct came came);

/* The condition of an event, without blanks. */
static struct str where_text(struct compiler *c, const struct node *where)
{
    struct buf text;
    buf_init(&text, 0);
    struct str source = where ? source_text(c, where->span) : STR("");
    for (size_t i = 0; i < source.len; i++)
        if (!strchr(" \t\r\n", source.at[i]))
            buf_byte(&text, (unsigned char)source.at[i]);
    struct str copy = arena_str(c->arena, buf_view(&text));
    buf_free(&text);
    return copy;
}

/* Does the pattern meet every event of which the assert speaks? */
static bool covers(const struct never *never, struct str event, const struct node *where)
{
    return str_eq(event, never->event) &&
           (!where || (never->where.len && str_eq(where_text(never->c, where), never->where)));
}

/* Does the condition, come out so, say that the event never came? */
static bool rules_out(const struct never *never, const struct node *node, bool truth)
{
    if (node->kind == NODE_NOT)
        return rules_out(never, node->kids[NOT_OPERAND], !truth);
    if (node->kind == NODE_AND || node->kind == NODE_OR) {
        bool either_holds = (node->kind == NODE_AND) == truth;
        bool l = rules_out(never, node->kids[0], truth), r = rules_out(never, node->kids[1], truth);
        return either_holds ? l || r : l && r;
    }
    return node->kind == NODE_DID && !truth && node->number == 1 && !node->kids[DID_LAST] &&
           covers(never, node->name, node->kids[DID_WHERE]);
}

static struct came came_at(struct came came, const struct node *step)
{
    if (came.is_reached && !came.since)
        came.since = step;
    return came;
}

static struct came surely_not(struct came came)
{
    return (struct came){NULL, came.is_reached};
}

static struct came walk_message(struct never *never, const struct node *step, struct came came)
{
    bool is_draft;
    uint64_t *row = strmap_get(&never->c->messages, step->name);
    const struct image_message *message = row ? &never->c->image->messages[*row] : NULL;
    /* Outside its window it holds the enrollment; a draft waits for approval. */
    bool waits = message && (message->windows.count || message->is_draft) && !message->is_notice;
    struct came at = waits ? came_at(came, step) : came;
    if (came.is_reached && at.since && plan_counts(&never->plan, step, &is_draft) &&
        !never->message) {
        never->message = step;
        never->since = at.since;
    }
    return message && message->windows.count && !message->is_draft ? at : came;
}

static struct came walk_ways(struct never *never, const struct node *body, struct came main,
                             const struct node *otherwise, struct came other)
{
    return either(walk_block(never, body, main), walk_block(never, otherwise, other));
}

static struct came walk_repeat(struct never *never, const struct node *step, struct came came)
{
    struct came outer = never->breaks, all;
    never->breaks = (struct came){0};
    all = walk_block(never, step->kids[REPEAT_BODY], came);
    if (step->number > 1 && all.is_reached)
        all = either(all, walk_block(never, step->kids[REPEAT_BODY], all));
    all = either(all, never->breaks);
    never->breaks = outer;
    return all;
}

static struct came walk_if(struct never *never, const struct node *step, struct came came)
{
    const struct node *condition = step->kids[IF_CONDITION], *otherwise = step->kids[IF_ELSE];
    struct came yes = rules_out(never, condition, true) ? surely_not(came) : came,
                no = rules_out(never, condition, false) ? surely_not(came) : came;
    struct came all = walk_block(never, step->kids[IF_BODY], yes);
    if (otherwise && otherwise->kind == NODE_IF)
        return either(all, walk_if(never, otherwise, no));
    return either(all, walk_block(never, otherwise, no));
}

static struct came walk_arms(struct never *never, const struct node *arm, int body,
                             struct came came, bool is_whole)
{
    struct came all = {0};
    for (; arm; arm = arm->next) {
        is_whole |= arm->kind == NODE_ARM && !arm->kids[ARM_VALUES];
        all = either(all, walk_block(never, arm->kids[body], came));
    }
    return is_whole ? all : either(all, came);
}

static struct came walk_step(struct never *never, const struct node *step, struct came came)
{
    const struct node *value;
    struct came later = came_at(came, step), other = later;
    uint64_t *known;
    switch ((int)step->kind) {
    case NODE_EMAIL:
    case NODE_SMS:
        return walk_message(never, step, came);
    case NODE_WEBHOOK:
    case NODE_WAIT:
        return later;
    case NODE_WAIT_UNTIL:
        value = step->kids[WAIT_UNTIL_VALUE];
        if (step->kids[WAIT_UNTIL_UP_TO] && rules_out(never, value, false))
            other = surely_not(came);
        else if (!step->kids[WAIT_UNTIL_UP_TO] && value->kind != NODE_CLOCK &&
                 value->kind != NODE_WEEKDAY && value->kind != NODE_DATE)
            other = later;
        return walk_ways(never, step->kids[WAIT_UNTIL_BODY], later, step->kids[WAIT_UNTIL_ELSE],
                         other);
    case NODE_WAIT_EVENT:
        value = step->kids[WAIT_EVENT_PATTERN];
        if (covers(never, value->name, value->kids[PATTERN_WHERE]))
            other = came;
        return walk_ways(never, step->kids[WAIT_EVENT_BODY], later, step->kids[WAIT_EVENT_ELSE],
                         other);
    case NODE_WAIT_REPLY:
        return either(walk_arms(never, step->kids[WAIT_REPLY_ARMS], ARM_BODY, later, true),
                      walk_block(never, step->kids[WAIT_REPLY_ELSE], later));
    case NODE_IF:
        return walk_if(never, step, came);
    case NODE_MATCH:
        return walk_arms(never, step->kids[MATCH_ARMS], ARM_BODY, came, false);
    case NODE_SPLIT:
        return walk_arms(never, step->kids[SPLIT_ARMS], SPLIT_ARM_BODY, came, true);
    case NODE_REPEAT:
        return walk_repeat(never, step, came);
    case NODE_DO:
        known = strmap_get(&never->c->flows, step->name);
        if (!known || never->depth == MOST_DEPTH)
            return came;
        never->depth++;
        came = walk_block(never, ((struct node *)(uintptr_t)*known)->kids[FLOW_BODY], came);
        never->depth--;
        return came;
    case NODE_BREAK:
        never->breaks = either(never->breaks, came);
        return (struct came){0};
    case NODE_EXIT:
        return (struct came){0};
    case NODE_EMIT:
        return str_eq(step->name, never->event) || never->is_emitted ? later : came;
    case NODE_SET:
    case NODE_CLEAR:
    case NODE_ADD:
    case NODE_REMOVE:
        return never->is_emitted ? later : came;
    default:
        return came;
    }
}

static struct came walk_block(struct never *never, const struct node *block, struct came came)
{
    for (const struct node *step = block ? block->kids[BLOCK_STEPS] : NULL; step && came.is_reached;
         step = step->next)
        came = walk_step(never, step, came);
    return came;
}

static bool find_emit(void *context, struct node *node)
{
    struct compiler *c = context;
    if (node->kind == NODE_EMIT)
        strmap_put(&c->emitted, node->name, NULL);
    return true;
}

static bool is_emitted(struct compiler *c, struct str event)
{
    if (!c->are_emits_known)
        for (struct node *decl = c->out->declarations; decl; decl = decl->next)
            if (decl->kind == NODE_CAMPAIGN || decl->kind == NODE_FLOW)
                ast_walk(decl, find_emit, c);
    c->are_emits_known = true;
    return strmap_get(&c->emitted, event) != NULL;
}

static void check_never(struct compiler *c, const struct node *assertion)
{
    const struct node *pattern = assertion->kids[ASSERT_PATTERN];
    struct never never = {.c = c,
                          .assertion = assertion,
                          .pattern = pattern,
                          .event = pattern->name,
                          .where = where_text(c, pattern->kids[PATTERN_WHERE])};
    struct typed type;
    never.plan = (struct plan){
        .c = c, .channels = assertion->flags & (FLAG_EMAIL | FLAG_SMS), .only = IMAGE_NONE};
    uint32_t event = event_of(c, pattern->name, pattern->name_span);
    if (event == IMAGE_NONE)
        return;
    if (pattern->kids[PATTERN_WHERE]) {
        struct image before = *c->image;
        where_code(c, pattern->kids[PATTERN_WHERE], NAME_TESTED_EVENT, event, pattern->other,
                   &type);
        take_back(c, &before);
    }
    struct came came = {NULL, true};
    const struct node *goal = NULL;
    bool is_on_goal = false;
    for (const struct node *s = c->campaign->kids[CAMPAIGN_SETTINGS]; s; s = s->next) {
        const struct node *ends = s->kind == NODE_EXIT_RULE ? s->kids[EXIT_RULE_PATTERN] : NULL;
        if (s->kind == NODE_TRIGGER && s->kids[TRIGGER_PATTERN] &&
            str_eq(s->kids[TRIGGER_PATTERN]->name, never.event))
            came.since = s;
        if (ends && covers(&never, ends->name, ends->kids[PATTERN_WHERE]))
            return;
        is_on_goal |= s->kind == NODE_EXIT_RULE && !ends && !s->kids[EXIT_RULE_CONDITION];
        if (s->kind == NODE_GOAL && s->kids[GOAL_PATTERN])
            goal = s->kids[GOAL_PATTERN];
    }
    if (is_on_goal && goal && covers(&never, goal->name, goal->kids[PATTERN_WHERE]))
        return;
    never.is_emitted = is_emitted(c, never.event);
    walk_block(&never, c->campaign->kids[CAMPAIGN_WORKFLOW], came);
    if (!never.message)
        return;
    struct str what = arena_printf(c->arena, "%s can go out after `" STR_FMT "`",
                                   never.message->kind == NODE_EMAIL ? "an e-mail" : "an SMS",
                                   STR_ARG(never.event));
    struct diag *diag = report(c, DIAG_ASSERT_BROKEN, assertion->span, what.at);
    note(c, diag, first_line(c, never.since->span),
         never.since->kind == NODE_TRIGGER ? "it is what triggers"
         : never.since == never.message    ? "it may come while this waits to go out"
                                           : "it may come here");
    note(c, diag, never.message->name_span, "and then this goes out");
    help(c, diag, "write `exit on event " STR_FMT "`", STR_ARG(never.event));
}

void check_asserts(struct compiler *c)
{
    for (const struct node *s = c->campaign->kids[CAMPAIGN_SETTINGS]; s; s = s->next) {
        if (s->kind != NODE_ASSERT || c->is_flow_endless)
            continue;
        if (s->kids[ASSERT_LIMIT])
            check_limit(c, s);
        else
            check_never(c, s);
    }
}
