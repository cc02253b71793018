/* reminder.c: a message behind `wait until T - 2 days` reminds of T. Held by a window, by waits on
 * the way or as a draft it can go out after T, unless it `expires`; so it can when `else` only
 * lets those go on who come too late. Looked at is the first message
 * behind such a wait: what comes later may well be about what has happened. */
#include "compiler/paths.h"
#include "compiler/times.h"
#include "compiler/warn.h"

enum { MOST_DEPTH = 32 };
static const int64_t MINUTE_MS = 60000, HOUR_MS = 3600000, DAY_MS = 86400000,
                     ALWAYS = INT64_MAX / 4;

struct ahead {                /* of the thing that is reminded of */
    const struct node *thing; /* NULL: nothing is */
    int64_t left_ms;          /* at least so long before it */
    bool is_reached;
};
struct walk {
    struct compiler *c;
    struct ahead broken;
    uint32_t drafted; /* place + 1 of the first that is late as a draft: others are its notes */
    struct str drafted_thing;
    uint32_t depth;
    bool knows_time; /* who enters, or stays inside, is asked by what time it is */
};

static struct ahead walk_block(struct walk *walk, const struct node *block, struct ahead ahead);

static struct ahead nothing(void)
{
    return (struct ahead){.is_reached = true};
}

/* Of two ways the one that is later; what only one way reminds of is not kept. */
static struct ahead either(struct ahead a, struct ahead b)
{
    if (!a.is_reached || !b.is_reached)
        return a.is_reached ? a : b;
    if (a.thing != b.thing)
        return nothing();
    return a.left_ms < b.left_ms ? a : b;
}

static struct ahead later(struct ahead ahead, int64_t ms)
{
    ahead.left_ms = ms >= ALWAYS ? -ALWAYS : ahead.left_ms - ms;
    return ahead;
}

static int64_t longest_ms(const struct node *bound)
{
    enum measure measure;
    return bound && bound->kind == NODE_DURATION ? window_ms(bound, &measure) : ALWAYS;
}

/* `T - 2 days`, with or without a time of day. */
static struct ahead ahead_of(struct compiler *c, const struct node *value)
{
    int64_t clock_ms = 0;
    if (value->kind == NODE_AT) {
        clock_ms = (int64_t)value->clock * MINUTE_MS;
        value = value->kids[AT_OPERAND];
    }
    if (value->kind != NODE_ARITHMETIC || value->number != '-' ||
        value->kids[ARITHMETIC_LEFT]->kind != NODE_PATH ||
        value->kids[ARITHMETIC_RIGHT]->kind != NODE_DURATION)
        return nothing();
    const struct node *thing = value->kids[ARITHMETIC_LEFT],
                      *duration = value->kids[ARITHMETIC_RIGHT];
    struct plan plan = {.measure = MEASURE_EXACT};
    int64_t left_ms = wait_least_ms(&plan, duration) - clock_ms;
    /* What is on a day lasts to its end. */
    if (map64_get(&c->dates, thing->id))
        left_ms += DAY_MS - HOUR_MS;
    return (struct ahead){thing, left_ms, true};
}

static bool expires(const struct node *step)
{
    const struct node *prop = step->kids[EMAIL_PROPS];
    while (prop && !(prop->kind == NODE_PROP && str_eq_c(prop->name, "expires")))
        prop = prop->next;
    return prop != NULL;
}

/* How long a draft waits at most: its own bound, else the campaign's; NULL: for ever. */
static const struct node *draft_bound(struct compiler *c, const struct node *step)
{
    const struct node *lists[] = {step->kids[EMAIL_PROPS], c->campaign->kids[CAMPAIGN_SETTINGS]};
    for (size_t i = 0; i < ARRAY_COUNT(lists); i++)
        for (const struct node *one = lists[i]; one; one = one->next)
            if (one->kind == NODE_SEND_DRAFT)
                return one->kids[SEND_DRAFT_UP_TO];
    return NULL;
}

static void report_late(struct walk *walk, const struct node *step, const struct node *thing,
                        bool is_draft)
{
    struct compiler *c = walk->c;
    struct str text = source_text(c, thing->span);
    uint32_t before = c->diags->count;
    if (is_draft && walk->drafted && str_eq(walk->drafted_thing, text)) {
        note(c, &c->diags->items[walk->drafted - 1], step->name_span, "this can, too");
        return;
    }
    struct diag *diag = report(c, DIAG_LATE_REMINDER, step->name_span, STR_ARG(text));
    note(c, diag, thing->span, "it reminds of this");
    if (is_draft)
        help(c, diag,
             "a draft waits until someone approves it: write `expires: " STR_FMT
             "` into the message, or `send as draft up to 1 day` into the campaign",
             STR_ARG(text));
    else
        help(c, diag, "write `expires: " STR_FMT "` into the message", STR_ARG(text));
    /* What is allowed by a comment is allowed for that message. */
    if (is_draft && c->diags->count > before) {
        walk->drafted = c->diags->count;
        walk->drafted_thing = text;
    }
}

static struct ahead walk_message(struct walk *walk, const struct node *step, struct ahead ahead)
{
    uint64_t *row = strmap_get(&walk->c->messages, step->name);
    const struct image_message *message = row ? &walk->c->image->messages[*row] : NULL;
    if (!ahead.thing || !message || message->is_notice)
        return ahead;
    struct ahead sent = later(ahead, message->is_draft ? longest_ms(draft_bound(walk->c, step))
                                                       : closed_ms(walk->c, message));
    if (!expires(step) && sent.left_ms < 0)
        report_late(walk, step, ahead.thing, message->is_draft);
    return nothing();
}

static struct ahead walk_until(struct walk *walk, const struct node *step, struct ahead ahead)
{
    const struct node *value = step->kids[WAIT_UNTIL_VALUE], *bound = step->kids[WAIT_UNTIL_UP_TO];
    struct ahead main = ahead, other = ahead;
    if (bound) {
        main = other = later(ahead, longest_ms(bound));
    } else if (value->kind == NODE_CLOCK || value->kind == NODE_WEEKDAY) {
        main = later(ahead, value->kind == NODE_CLOCK ? DAY_MS : 7 * DAY_MS);
        other = (struct ahead){0};
    } else {
        main = ahead_of(walk->c, value);
        other = nothing();
    }
    main = walk_block(walk, step->kids[WAIT_UNTIL_BODY], main);
    other = walk_block(walk, step->kids[WAIT_UNTIL_ELSE], other);
    /* Who comes too late goes on as if in time, perhaps when the thing is over. */
    bool is_late = main.thing && step->kids[WAIT_UNTIL_ELSE] && other.is_reached && !other.thing &&
                   !walk->knows_time;
    return is_late ? later(main, ALWAYS) : either(main, other);
}

static struct ahead walk_arms(struct walk *walk, const struct node *arm, int body,
                              struct ahead ahead, bool is_whole)
{
    struct ahead all = {0};
    for (; arm; arm = arm->next) {
        is_whole |= arm->kind == NODE_ARM && !arm->kids[ARM_VALUES];
        all = either(all, walk_block(walk, arm->kids[body], ahead));
    }
    return is_whole ? all : either(all, ahead);
}

static bool find_now(void *context, struct node *node)
{
    bool *found = context;
    *found |= node->kind == NODE_NOW || node->kind == NODE_TODAY;
    return true;
}

/* Who asks what time it is knows what is past. */
static bool asks_for_time(const struct node *condition)
{
    bool found = false;
    ast_walk((struct node *)(uintptr_t)condition, find_now, &found);
    return found;
}

static struct ahead walk_step(struct walk *walk, const struct node *step, struct ahead ahead)
{
    struct ahead main, other;
    uint64_t *known;
    switch ((int)step->kind) {
    case NODE_EMAIL:
    case NODE_SMS:
        return walk_message(walk, step, ahead);
    case NODE_WAIT:
        return later(ahead, longest_ms(step->kids[WAIT_SPAN]));
    case NODE_WAIT_UNTIL:
        return walk_until(walk, step, ahead);
    case NODE_WAIT_EVENT:
        ahead = later(ahead, longest_ms(step->kids[WAIT_EVENT_UP_TO]));
        main = walk_block(walk, step->kids[WAIT_EVENT_BODY], ahead);
        return either(main, walk_block(walk, step->kids[WAIT_EVENT_ELSE], ahead));
    case NODE_WAIT_REPLY:
        ahead = later(ahead, longest_ms(step->kids[WAIT_REPLY_UP_TO]));
        main = walk_arms(walk, step->kids[WAIT_REPLY_ARMS], ARM_BODY, ahead, true);
        return either(main, walk_block(walk, step->kids[WAIT_REPLY_ELSE], ahead));
    case NODE_IF:
        if (asks_for_time(step->kids[IF_CONDITION]))
            ahead = nothing();
        main = walk_block(walk, step->kids[IF_BODY], ahead);
        other = step->kids[IF_ELSE] && step->kids[IF_ELSE]->kind == NODE_IF
                    ? walk_step(walk, step->kids[IF_ELSE], ahead)
                    : walk_block(walk, step->kids[IF_ELSE], ahead);
        return either(main, other);
    case NODE_MATCH:
        return walk_arms(walk, step->kids[MATCH_ARMS], ARM_BODY, ahead, false);
    case NODE_SPLIT:
        return walk_arms(walk, step->kids[SPLIT_ARMS], SPLIT_ARM_BODY, ahead, true);
    case NODE_REPEAT:
        other = walk->broken;
        walk->broken = (struct ahead){0};
        main = either(walk_block(walk, step->kids[REPEAT_BODY], ahead), walk->broken);
        walk->broken = other;
        return main;
    case NODE_DO:
        known = strmap_get(&walk->c->flows, step->name);
        if (!known || walk->depth == MOST_DEPTH)
            return ahead;
        walk->depth++;
        ahead = walk_block(walk, ((struct node *)(uintptr_t)*known)->kids[FLOW_BODY], ahead);
        walk->depth--;
        return ahead;
    case NODE_BREAK:
        walk->broken = either(walk->broken, ahead);
        return (struct ahead){0};
    case NODE_EXIT:
        return (struct ahead){0};
    default:
        return ahead;
    }
}

static struct ahead walk_block(struct walk *walk, const struct node *block, struct ahead ahead)
{
    for (const struct node *step = block ? block->kids[BLOCK_STEPS] : NULL;
         step && ahead.is_reached; step = step->next)
        ahead = walk_step(walk, step, ahead);
    return ahead;
}

void warn_of_reminders(struct compiler *c)
{
    struct walk walk = {.c = c};
    for (const struct node *s = c->campaign->kids[CAMPAIGN_SETTINGS]; s; s = s->next) {
        bool is_dated =
            s->kind == NODE_TRIGGER && (s->number == FORM_DATE || s->number == FORM_DATE_BEFORE ||
                                        s->number == FORM_DATE_AFTER);
        if (s->kind == NODE_TRIGGER || s->kind == NODE_AUDIENCE || s->kind == NODE_EXIT_RULE)
            walk.knows_time |= is_dated || asks_for_time(s);
    }
    walk_block(&walk, c->campaign->kids[CAMPAIGN_WORKFLOW], nothing());
}
