/* times.c: intervals of time after entry, carried through the workflow (times.h). Branches join, a
 * repeat adds its body so many times, a window holds a message for as long as it is ever closed. */
#include "compiler/times.h"

#include "compiler/paths.h"
#include "vm/base/zone.h"

enum {
    MOST_DEPTH_OF_FLOWS = 32,
    DAY_MINUTES = 1440,
    WEEK_MINUTES = 7 * DAY_MINUTES,
    MOST_CLOCKS = 64
};

struct times_walk {
    struct compiler *c;
    uint32_t wanted; /* the message whose moment is asked for */
    struct moment_range found, ended, broken;
    uint32_t depth;
};

static struct moment_range join(struct moment_range a, struct moment_range b)
{
    if (!a.is_reached || !b.is_reached)
        return a.is_reached ? a : b;
    return (struct moment_range){a.earliest_ms < b.earliest_ms ? a.earliest_ms : b.earliest_ms,
                                 a.latest_ms > b.latest_ms ? a.latest_ms : b.latest_ms,
                                 a.open_by.len ? a.open_by : b.open_by, true,
                                 a.has_hours || b.has_hours};
}

static struct moment_range later(struct moment_range at, int64_t least_ms, int64_t most_ms)
{
    at.earliest_ms += least_ms;
    at.latest_ms += most_ms;
    return at;
}

static int64_t least_of(const struct node *duration)
{
    struct plan nominal = {.measure = MEASURE_DAYS};
    return wait_least_ms(&nominal, duration) +
           (duration->number > 3600000 ? 3600000 : duration->number);
}

static int64_t most_of(const struct node *duration)
{
    enum measure measure;
    return window_ms(duration, &measure);
}

static struct moment_range waited(struct moment_range at, const struct node *duration,
                                  bool is_whole)
{
    at = later(at, is_whole ? least_of(duration) : 0, most_of(duration));
    at.has_hours |= duration->number != 0;
    return at;
}

static struct moment_range opened(struct compiler *c, struct moment_range at, const struct node *by)
{
    if (!at.open_by.len)
        at.open_by = source_text(c, by->span);
    return at;
}

static struct moment_range walk_block(struct times_walk *walk, const struct node *block,
                                      struct moment_range at);

/* The first minute after this one at which a window may open or close. */
static uint32_t next_change(const struct image_window *windows, uint32_t count, uint32_t minute)
{
    uint32_t day = minute - minute % DAY_MINUTES, next = day + DAY_MINUTES;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at[] = {day + windows[i].from_minute, day + windows[i].to_minute};
        for (size_t k = 0; k < ARRAY_COUNT(at); k++)
            if (at[k] > minute && at[k] < next)
                next = at[k];
    }
    return next;
}

int64_t closed_ms(struct compiler *c, const struct image_message *message)
{
    uint32_t run = 0, longest = 0, count = message->windows.count;
    const struct image_window *windows = c->image->windows + message->windows.first;
    if (!count)
        return 0;
    for (uint32_t minute = 0, next; minute < 2 * WEEK_MINUTES; minute = next) {
        next = next_change(windows, count, minute);
        run = windows_open(windows, count, minute % WEEK_MINUTES) ? 0 : run + next - minute;
        longest = run > longest ? run : longest;
    }
    return (int64_t)longest * 60000;
}

static struct moment_range walk_message(struct times_walk *walk, const struct node *step,
                                        struct moment_range at)
{
    uint64_t *row = strmap_get(&walk->c->messages, step->name);
    if (!row)
        return at;
    const struct image_message *message = &walk->c->image->messages[*row];
    bool is_draft = message->is_draft && message->channel != CHANNEL_WEBHOOK;
    if (!is_draft && !message->is_notice && message->channel != CHANNEL_WEBHOOK) {
        int64_t held_ms = closed_ms(walk->c, message);
        at = later(at, 0, held_ms);
        at.has_hours |= held_ms > 0;
    }
    if (*row == walk->wanted) {
        struct moment_range sent = at;
        if (is_draft && !sent.open_by.len)
            sent.open_by = STR("its approval");
        walk->found = join(walk->found, sent);
    }
    if (message->channel == CHANNEL_WEBHOOK && !at.open_by.len)
        at.open_by = arena_printf(walk->c->arena, "the answer of " STR_FMT, STR_ARG(step->name));
    return at;
}

static struct moment_range bounded(struct times_walk *walk, const struct node *bound,
                                   struct moment_range at, bool is_whole)
{
    if (!bound)
        return at;
    if (bound->kind == NODE_DURATION)
        return waited(at, bound, is_whole);
    return opened(walk->c, at, bound);
}

static struct moment_range walk_until(struct times_walk *walk, const struct node *step,
                                      struct moment_range at)
{
    const struct node *value = step->kids[WAIT_UNTIL_VALUE], *bound = step->kids[WAIT_UNTIL_UP_TO];
    struct moment_range main = at, other = at;
    if (bound) {
        main = bounded(walk, bound, at, false);
        other = bounded(walk, bound, at, true);
    } else if (value->kind == NODE_CLOCK) {
        main = later(at, 0, 86400000);
        other = (struct moment_range){0};
    } else if (value->kind == NODE_WEEKDAY) {
        main = later(at, 0, 7 * (int64_t)86400000);
        other = (struct moment_range){0};
    } else {
        main = opened(walk->c, at, value);
        other = value->kind == NODE_DATE ? at : main;
    }
    if (value->kind == NODE_DATE && !step->kids[WAIT_UNTIL_ELSE]) {
        walk->ended = join(walk->ended, at);
        other = (struct moment_range){0};
    }
    struct moment_range all = walk_block(walk, step->kids[WAIT_UNTIL_BODY], main);
    return join(all, walk_block(walk, step->kids[WAIT_UNTIL_ELSE], other));
}

static struct moment_range walk_arms(struct times_walk *walk, const struct node *arm, int body,
                                     struct moment_range at, bool is_whole)
{
    struct moment_range all = {0};
    for (; arm; arm = arm->next) {
        is_whole |= arm->kind == NODE_ARM && !arm->kids[ARM_VALUES];
        all = join(all, walk_block(walk, arm->kids[body], at));
    }
    return is_whole ? all : join(all, at);
}

static struct moment_range walk_repeat(struct times_walk *walk, const struct node *step,
                                       struct moment_range at)
{
    struct moment_range outer = walk->broken, first, last = at, all;
    walk->broken = (struct moment_range){0};
    first = walk_block(walk, step->kids[REPEAT_BODY], at);
    if (first.is_reached && step->number > 1) {
        last.latest_ms += (step->number - 1) * (first.latest_ms - at.latest_ms);
        last.open_by = first.open_by;
        last = walk_block(walk, step->kids[REPEAT_BODY], last);
        last.earliest_ms = at.earliest_ms + step->number * (first.earliest_ms - at.earliest_ms);
    } else {
        last = first;
    }
    all = join(last, walk->broken);
    walk->broken = outer;
    return all;
}

static struct moment_range walk_step(struct times_walk *walk, const struct node *step,
                                     struct moment_range at)
{
    const struct node *bound;
    struct moment_range main, other;
    uint64_t *known;
    switch ((int)step->kind) {
    case NODE_EMAIL:
    case NODE_SMS:
    case NODE_WEBHOOK:
        return walk_message(walk, step, at);
    case NODE_WAIT:
        return waited(at, step->kids[WAIT_SPAN], true);
    case NODE_WAIT_UNTIL:
        return walk_until(walk, step, at);
    case NODE_WAIT_EVENT:
        bound = step->kids[WAIT_EVENT_UP_TO];
        main = walk_block(walk, step->kids[WAIT_EVENT_BODY], bounded(walk, bound, at, false));
        other = walk_block(walk, step->kids[WAIT_EVENT_ELSE], bounded(walk, bound, at, true));
        return join(main, other);
    case NODE_WAIT_REPLY:
        bound = step->kids[WAIT_REPLY_UP_TO];
        main = walk_arms(walk, step->kids[WAIT_REPLY_ARMS], ARM_BODY,
                         bounded(walk, bound, at, false), true);
        other = walk_block(walk, step->kids[WAIT_REPLY_ELSE], bounded(walk, bound, at, true));
        return join(main, other);
    case NODE_IF:
        main = walk_block(walk, step->kids[IF_BODY], at);
        other = step->kids[IF_ELSE] && step->kids[IF_ELSE]->kind == NODE_IF
                    ? walk_step(walk, step->kids[IF_ELSE], at)
                    : walk_block(walk, step->kids[IF_ELSE], at);
        return join(main, other);
    case NODE_MATCH:
        return walk_arms(walk, step->kids[MATCH_ARMS], ARM_BODY, at, false);
    case NODE_SPLIT:
        return walk_arms(walk, step->kids[SPLIT_ARMS], SPLIT_ARM_BODY, at, true);
    case NODE_REPEAT:
        return walk_repeat(walk, step, at);
    case NODE_DO:
        known = strmap_get(&walk->c->flows, step->name);
        if (!known || walk->depth == MOST_DEPTH_OF_FLOWS)
            return at;
        walk->depth++;
        at = walk_block(walk, ((struct node *)(uintptr_t)*known)->kids[FLOW_BODY], at);
        walk->depth--;
        return at;
    case NODE_BREAK:
        walk->broken = join(walk->broken, at);
        return (struct moment_range){0};
    case NODE_EXIT:
        walk->ended = join(walk->ended, at);
        return (struct moment_range){0};
    default:
        return at;
    }
}

static struct moment_range walk_block(struct times_walk *walk, const struct node *block,
                                      struct moment_range at)
{
    for (const struct node *step = block ? block->kids[BLOCK_STEPS] : NULL; step && at.is_reached;
         step = step->next)
        at = walk_step(walk, step, at);
    return at;
}

struct moment_range life_of(struct compiler *c, const struct node *campaign)
{
    struct times_walk walk = {.c = c, .wanted = IMAGE_NONE};
    struct moment_range entry = {.is_reached = true};
    struct moment_range end = walk_block(&walk, campaign->kids[CAMPAIGN_WORKFLOW], entry);
    return join(end, walk.ended);
}

bool moment_of(struct compiler *c, const struct node *campaign, uint32_t message,
               struct moment_range *when)
{
    struct times_walk walk = {.c = c, .wanted = message};
    struct moment_range entry = {.is_reached = true};
    walk_block(&walk, campaign->kids[CAMPAIGN_WORKFLOW], entry);
    *when = walk.found;
    return walk.found.is_reached;
}

/* ---- daylight saving ---------------------------------------------------------------------------
 */

struct clocks_walk {
    struct compiler *c;
    struct campaign_bounds *out;
};

/* What becomes of a time of day on the two next days on which clocks change. */
static struct str effect_of(struct compiler *c, int32_t minute)
{
    const struct zone *zone = zone_find(text_of(c, c->image->projects[0].timezone));
    struct str effect = {0};
    int64_t at_ms = c->out->bounds.now_ms;
    for (int i = 0; zone && i < 2; i++) {
        at_ms = zone_next_transition_ms(zone, at_ms);
        if (at_ms == INT64_MAX)
            break;
        int64_t before_ms = at_ms + (int64_t)zone_offset_s(zone, at_ms - 1) * 1000,
                after_ms = at_ms + (int64_t)zone_offset_s(zone, at_ms) * 1000;
        int64_t first = before_ms < after_ms ? before_ms : after_ms,
                end = before_ms < after_ms ? after_ms : before_ms;
        int64_t day = first / 86400000, local_ms = day * 86400000 + (int64_t)minute * 60000;
        struct civil date = civil_of_day(day);
        if (local_ms < first || local_ms >= end)
            continue;
        struct civil then = zone_local(zone, zone_instant(zone, local_ms));
        effect =
            after_ms > before_ms
                ? arena_printf(c->arena,
                               STR_FMT "%son %04d-%02d-%02d there is no such time: %02d:%02d "
                                       "is taken",
                               STR_ARG(effect), effect.len ? "; " : "", date.year, date.month,
                               date.day, then.hour, then.minute)
                : arena_printf(
                      c->arena, STR_FMT "%son %04d-%02d-%02d it comes twice: the first is taken",
                      STR_ARG(effect), effect.len ? "; " : "", date.year, date.month, date.day);
    }
    return effect.len ? effect : STR("as on any other day");
}

static void add_clock(struct clocks_walk *walk, int32_t minute, const char *place)
{
    struct campaign_bounds *out = walk->out;
    for (uint32_t i = 0; i < out->clock_count; i++)
        if (out->clocks[i].minute == minute && str_eq_c(out->clocks[i].place, place))
            return;
    if (out->clock_count < MOST_CLOCKS)
        out->clocks[out->clock_count++] =
            (struct clock_bounds){minute, str_of(place), effect_of(walk->c, minute)};
}

static bool find_clock(void *context, struct node *node)
{
    struct clocks_walk *walk = context;
    bool is_wait = node->kind == NODE_WAIT_UNTIL;
    const struct node *value = is_wait ? node->kids[WAIT_UNTIL_VALUE] : NULL;
    if (value && (value->kind == NODE_CLOCK || value->kind == NODE_WEEKDAY) && value->clock >= 0)
        add_clock(walk, value->clock, "wait until");
    else if (node->kind == NODE_AT)
        add_clock(walk, node->clock, "at");
    else if (node->kind == NODE_TRIGGER && node->kids[TRIGGER_PATH] && node->number >= FORM_DATE)
        add_clock(walk, node->clock, "trigger");
    return true;
}

void clocks_of(struct compiler *c, const struct node *campaign, struct campaign_bounds *out)
{
    struct clocks_walk walk = {c, out};
    const struct image_campaign *row = &c->image->campaigns[c->campaign_row];
    out->clocks = arena_array(c->arena, MOST_CLOCKS, sizeof *out->clocks);
    ast_walk((struct node *)(uintptr_t)campaign, find_clock, &walk);
    for (uint32_t i = 0; i < row->messages.count; i++) {
        const struct image_message *message = &c->image->messages[row->messages.first + i];
        for (uint32_t k = 0; k < message->windows.count; k++) {
            const struct image_window *window = &c->image->windows[message->windows.first + k];
            add_clock(&walk, (int32_t)window->from_minute, "window opens");
            add_clock(&walk, (int32_t)window->to_minute, "window closes");
        }
    }
}
