/* bounds.c: what each campaign can do to a patient, and all together: the most messages in any day,
 * week and 30 days, when each can go out, how long an enrollment can last, and where campaigns
 * meet.
 *
 * One enrollment is bounded by its ways (paths.c), several by when they can be entered (entries.c).
 * Limits bound what is handed over: N per D lets through N in each begun D of the window, or of the
 * time in which there is anything to send (twice that where messages with and without a topic count
 * apart, W3). All are upper bounds: the true worst case is never above.
 */
#include "compiler/entries.h"
#include "compiler/times.h"
#include "compiler/warn.h"

static const int64_t DAY_MS = 86400000, HOUR_MS = 3600000;
static const int64_t windows_days[BOUNDS_WINDOWS] = {1, 7, 30};
static const uint32_t channels_of[BOUNDS_CHANNELS] = {FLAG_EMAIL, FLAG_SMS, FLAG_EMAIL | FLAG_SMS};

static struct bound sum(struct bound a, struct bound b)
{
    struct bound both = {a.most + b.most, a.is_open || b.is_open};
    return both;
}

/* ---- limits ------------------------------------------------------------------------------------
 */

static struct bound limit_in(struct compiler *c, const struct image_limit *limit, int64_t window_ms,
                             bool has_both_kinds)
{
    const struct image_constant *per = &c->image->constants[limit->per];
    int64_t least = per->number + (int64_t)(int32_t)per->days * DAY_MS +
                    (int64_t)(int32_t)per->months * 28 * DAY_MS,
            window = window_ms + (per->number ? HOUR_MS : 0);
    if (least <= 0)
        return (struct bound){0, true};
    uint64_t times = (uint64_t)((window + least - 1) / least);
    return at_most(times * limit->at_most * (has_both_kinds ? 2 : 1));
}

/* The limits of a scope that all messages of the channels share, over the messages of the campaign
 * or, for IMAGE_NONE, of all. */
static struct bound shared_limit(struct compiler *c, uint32_t campaign, uint32_t channels,
                                 uint32_t scope, int64_t window_ms)
{
    struct bound bound = {0, true};
    const struct image_limit *limits[64];
    uint32_t count = 0;
    bool has_topic = false, has_none = false, is_first = true;
    for (uint32_t m = 0; m < c->image->message_count; m++) {
        const struct image_message *row = &c->image->messages[m];
        uint32_t channel = row->channel == CHANNEL_EMAIL ? FLAG_EMAIL : FLAG_SMS;
        if ((campaign != IMAGE_NONE && row->campaign != campaign) || row->is_notice ||
            row->channel == CHANNEL_WEBHOOK || !(channels & channel))
            continue;
        has_topic |= row->topic != IMAGE_NONE;
        has_none |= row->topic == IMAGE_NONE;
        for (uint32_t i = 0; is_first && i < row->limits.count && count < ARRAY_COUNT(limits);
             i++) {
            const struct image_limit *limit = &c->image->limits[row->limits.first + i];
            bool holds_for_all = !limit->channels || (limit->channels & channels) == channels;
            if (limit->scope == scope && holds_for_all)
                limits[count++] = limit;
        }
        is_first = false;
    }
    for (uint32_t i = 0; i < count; i++)
        bound = lower(bound, limit_in(c, limits[i], window_ms, has_topic && has_none));
    return bound;
}

/* The window, or the time in which there is anything to send, when that is less. */
static int64_t window_of(struct plan *plan, const struct node *campaign,
                         const struct campaign_bounds *known)
{
    int64_t span_ms = entries_span_ms(plan, campaign, known);
    return span_ms < plan->horizon_ms ? span_ms + 1 : plan->horizon_ms;
}

/* Each message by itself, with its own limits. */
static struct bound each_message(struct compiler *c, const struct node *campaign, struct plan *plan,
                                 const struct campaign_bounds *known)
{
    const struct image_campaign *row = &c->image->campaigns[c->campaign_row];
    struct bound all = {0, false};
    bool is_limited = false;
    for (uint32_t i = 0; i < row->messages.count; i++)
        for (uint32_t k = 0; k < c->image->messages[row->messages.first + i].limits.count; k++)
            is_limited |=
                c->image->limits[c->image->messages[row->messages.first + i].limits.first + k]
                    .scope == LIMIT_MESSAGE;
    if (!is_limited)
        return (struct bound){0, true};
    for (uint32_t i = 0; i < row->messages.count; i++) {
        uint32_t index = row->messages.first + i;
        const struct image_message *message = &c->image->messages[index];
        uint32_t channel = message->channel == CHANNEL_EMAIL ? FLAG_EMAIL : FLAG_SMS;
        if (message->is_notice || message->channel == CHANNEL_WEBHOOK ||
            !(plan->channels & channel))
            continue;
        struct plan alone = *plan;
        struct str why = {0};
        alone.only = index;
        struct bound one = entries_most(&alone, campaign, known, &why);
        int64_t window_ms = window_of(&alone, campaign, known);
        for (uint32_t k = 0; k < message->limits.count; k++) {
            const struct image_limit *limit = &c->image->limits[message->limits.first + k];
            if (limit->scope == LIMIT_MESSAGE)
                one = lower(one, limit_in(c, limit, window_ms, false));
        }
        all = sum(all, one);
    }
    return all;
}

/* ---- a campaign --------------------------------------------------------------------------------
 */

static void most_of(struct compiler *c, const struct node *campaign, struct campaign_bounds *out)
{
    for (int channel = 0; channel < BOUNDS_CHANNELS; channel++)
        for (int window = 0; window < BOUNDS_WINDOWS; window++) {
            struct arena arena;
            struct plan plan = {.c = c,
                                .arena = &arena,
                                .channels = channels_of[channel],
                                .only = IMAGE_NONE,
                                .measure = MEASURE_DAYS,
                                .horizon_ms = windows_days[window] * DAY_MS};
            arena_init(&arena, 0);
            struct bound bound = entries_most(&plan, campaign, out, &out->why_open);
            int64_t window_ms = window_of(&plan, campaign, out);
            bound = lower(bound, each_message(c, campaign, &plan, out));
            bound = lower(
                bound, shared_limit(c, c->campaign_row, plan.channels, LIMIT_CAMPAIGN, window_ms));
            bound = lower(bound,
                          shared_limit(c, c->campaign_row, plan.channels, LIMIT_POLICY, window_ms));
            out->most[channel][window] = bound;
            arena_free(&arena);
        }
    /* Both channels together are at most each by itself. */
    for (int window = 0; window < BOUNDS_WINDOWS; window++)
        out->most[2][window] =
            lower(out->most[2][window], sum(out->most[0][window], out->most[1][window]));
}

static void messages_of(struct compiler *c, const struct node *campaign,
                        struct campaign_bounds *out)
{
    const struct image_campaign *row = &c->image->campaigns[c->campaign_row];
    out->messages = arena_array(c->arena, row->messages.count + 1, sizeof *out->messages);
    for (uint32_t i = 0; i < row->messages.count; i++) {
        const struct image_message *message = &c->image->messages[row->messages.first + i];
        struct message_bounds *one = &out->messages[out->message_count];
        struct moment_range when;
        if (!moment_of(c, campaign, row->messages.first + i, &when))
            continue;
        *one = (struct message_bounds){.name = text_of(c, message->name),
                                       .row = row->messages.first + i,
                                       .channel = message->channel,
                                       .earliest_ms = when.earliest_ms,
                                       .latest_ms = when.latest_ms,
                                       .open_by = when.open_by,
                                       .has_hours = when.has_hours,
                                       .is_draft = message->is_draft,
                                       .is_notice = message->is_notice &&
                                                    message->channel != CHANNEL_WEBHOOK};
        if (message->channel == CHANNEL_SMS && message->text != IMAGE_NONE) {
            struct longest longest;
            longest_text(c, message->text, &longest);
            one->signs = longest.signs;
            one->segments = longest.segments;
            one->is_ucs2 = longest.is_ucs2;
        }
        out->message_count++;
    }
}

/* ---- where campaigns meet ----------------------------------------------------------------------
 */

static void add_clash(struct compiler *c, const char *what, struct str name, struct str campaign)
{
    struct bounds *bounds = &c->out->bounds;
    for (uint32_t i = 0; i < bounds->clash_count; i++)
        if (strcmp(bounds->clashes[i].what, what) == 0 && str_eq(bounds->clashes[i].name, name)) {
            struct clash *known = &bounds->clashes[i];
            if (str_find(arena_printf(c->arena, ", " STR_FMT ",", STR_ARG(known->campaigns)),
                         arena_printf(c->arena, ", " STR_FMT ",", STR_ARG(campaign))) == SIZE_MAX)
                known->campaigns = arena_printf(c->arena, STR_FMT ", " STR_FMT,
                                                STR_ARG(known->campaigns), STR_ARG(campaign));
            return;
        }
    bounds->clashes = arena_grow(c->arena, bounds->clashes, bounds->clash_count,
                                 &bounds->clash_room, sizeof *bounds->clashes);
    bounds->clashes[bounds->clash_count++] = (struct clash){what, name, campaign};
}

static const char *const WRITES = "set the attribute", *const GOALS = "have as goal the event";

static void find_clashes(struct compiler *c, uint32_t campaign)
{
    const struct image *image = c->image;
    const struct image_campaign *row = &image->campaigns[campaign];
    const struct image_code *code = &image->codes[row->workflow];
    struct str name = text_of(c, row->name);
    for (uint32_t i = 0; i < code->count; i++) {
        uint32_t word = image->instructions[code->first + i];
        if (op_of(word) == OP_SET || op_of(word) == OP_CLEAR)
            add_clash(c, WRITES, text_of(c, image->attributes[op_operand(word)].name), name);
    }
    for (uint32_t i = 0; i < row->goals.count; i++) {
        const struct image_goal *goal = &image->goals[row->goals.first + i];
        if (goal->event != IMAGE_NONE)
            add_clash(c, GOALS, text_of(c, image->events[goal->event].name), name);
    }
}

static void keep_clashes(struct bounds *bounds)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < bounds->clash_count; i++)
        if (str_find(bounds->clashes[i].campaigns, STR(", ")) != SIZE_MAX)
            bounds->clashes[kept++] = bounds->clashes[i];
    bounds->clash_count = kept;
}

/* ---- all ---------------------------------------------------------------------------------------
 */

static void together(struct compiler *c)
{
    struct bounds *bounds = &c->out->bounds;
    for (int channel = 0; channel < BOUNDS_CHANNELS; channel++)
        for (int window = 0; window < BOUNDS_WINDOWS; window++) {
            struct bound all = {0, false};
            for (uint32_t i = 0; i < bounds->campaign_count; i++)
                all = sum(all, bounds->campaigns[i].most[channel][window]);
            bounds->patient[channel][window] =
                lower(all, shared_limit(c, IMAGE_NONE, channels_of[channel], LIMIT_POLICY,
                                        windows_days[window] * DAY_MS));
        }
    for (int window = 0; window < BOUNDS_WINDOWS; window++)
        bounds->patient[2][window] =
            lower(bounds->patient[2][window],
                  sum(bounds->patient[0][window], bounds->patient[1][window]));
}

void bounds_all(struct compiler *c)
{
    struct bounds *bounds = &c->out->bounds;
    bounds->campaigns =
        arena_array(c->arena, c->image->campaign_count + 1, sizeof *bounds->campaigns);
    for (uint32_t i = 0; i < c->image->campaign_count; i++) {
        struct campaign_bounds *out = &bounds->campaigns[bounds->campaign_count++];
        struct str name = text_of(c, c->image->campaigns[i].name);
        struct node *campaign = (struct node *)(uintptr_t)*strmap_get(&c->campaigns, name);
        *out = (struct campaign_bounds){.name = name};
        c->campaign = campaign;
        c->campaign_row = i;
        find_messages(c, i);
        messages_of(c, campaign, out);
        most_of(c, campaign, out);
        clocks_of(c, campaign, out);
        struct moment_range life = life_of(c, campaign);
        out->longest_ms = life.latest_ms;
        out->longest_open_by = life.open_by;
        find_clashes(c, i);
    }
    keep_clashes(bounds);
    together(c);
}
