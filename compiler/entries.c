/* entries.c: the most messages of a campaign in a window, over one enrollment or over many of one
 * patient (LANGUAGE.md S1).
 *
 * Enrollments one behind the other are joined like steps. Where entries are only so far apart,
 * those that are under way together count with the messages that can lie in the window, as far as
 * it is from their entry: the best row of entries is found from the end of the window to its
 * beginning. */
#include "compiler/entries.h"

#include <stdlib.h>

#include "compiler/times.h"

enum { MOST_PLACES = 4096 };
static const int64_t DAY_MS = 86400000, HOUR_MS = 3600000;

struct bound at_most(uint64_t most)
{
    return (struct bound){most < MOST_TOLD ? (uint32_t)most : MOST_TOLD, most > MOST_TOLD};
}

struct bound lower(struct bound a, struct bound b)
{
    if (a.is_open || b.is_open)
        return a.is_open ? b : a;
    return a.most < b.most ? a : b;
}

/* ---- ways --------------------------------------------------------------------------------------
 */

static struct bound most_within(const struct paths *paths, const struct plan *plan)
{
    for (uint32_t k = plan->most; k; k--)
        if (paths->within.ms[k] != NEVER)
            return at_most(k);
    return at_most(0);
}

/* An enrollment that `exit` rules can end at any moment: behind each message it may be over. */
static void end_anywhere(struct plan *plan, struct paths *paths)
{
    for (uint32_t k = 0; k <= plan->most; k++) {
        int64_t *through = &paths->way[PASS][THROUGH].ms[k],
                *since = &paths->way[SINCE][THROUGH].ms[k];
        int64_t prefix = k ? paths->prefix.ms[k] : 0, within = paths->within.ms[k];
        *through = prefix < *through ? prefix : *through;
        *since = k && within < *since ? within : *since;
    }
    paths->way[BEFORE][THROUGH].ms[0] = 0;
    paths->reaches[THROUGH] = true;
}

static void end_as_passed(struct plan *plan, struct paths *paths)
{
    for (int kind = 0; kind < PATHS_KINDS; kind++)
        for (uint32_t k = 0; k <= plan->most; k++) {
            int64_t ended = paths->way[kind][ENDED].ms[k],
                    *through = &paths->way[kind][THROUGH].ms[k];
            *through = ended < *through ? ended : *through;
        }
    paths->reaches[THROUGH] |= paths->reaches[ENDED];
}

static bool has_exit_rules(const struct node *campaign)
{
    for (const struct node *s = campaign->kids[CAMPAIGN_SETTINGS]; s; s = s->next)
        if (s->kind == NODE_EXIT_RULE)
            return true;
    return false;
}

/* Enrollments one behind the other, with a gap between: the end of one, whole ones, the beginning
 * of one. `chain[k]` is the least time of whole ones with k messages, `lead[k]` with a beginning
 * behind them. Open when they can pile up in no time, or as drafts. */
static struct bound again_and_again(struct plan *plan, struct paths one, int64_t gap_ms,
                                    bool can_end_anywhere)
{
    enum { ROOM = MOST_TOLD + 2 };
    int64_t *chain = arena_array(plan->arena, ROOM, sizeof *chain),
            *lead = arena_array(plan->arena, ROOM, sizeof *lead);
    uint32_t most = plan->most;
    ensure(chain && lead);
    end_as_passed(plan, &one);
    if (can_end_anywhere)
        end_anywhere(plan, &one);
    const int64_t *through = one.way[PASS][THROUGH].ms, *since = one.way[SINCE][THROUGH].ms,
                  *before = one.way[BEFORE][THROUGH].ms;
    for (uint32_t k = 1; k <= most; k++)
        if (before[k] != NEVER || (through[k] != NEVER && through[k] + gap_ms == 0))
            return (struct bound){0, true};
    for (uint32_t all = 0; all < ROOM; all++) {
        uint32_t parts = all < most ? all : most;
        chain[all] = all ? plan->horizon_ms : 0;
        for (uint32_t k = 1; k <= parts; k++)
            if (through[k] != NEVER && chain[all - k] + through[k] + gap_ms < chain[all])
                chain[all] = chain[all - k] + through[k] + gap_ms;
        lead[all] = chain[all];
        for (uint32_t k = 1; k <= parts; k++)
            if (one.prefix.ms[k] != NEVER && chain[all - k] + one.prefix.ms[k] < lead[all])
                lead[all] = chain[all - k] + one.prefix.ms[k];
    }
    for (uint32_t all = ROOM - 1; all; all--) {
        bool fits = all <= most && one.within.ms[all] != NEVER;
        for (uint32_t k = 1; k <= all && k <= most && !fits; k++)
            fits = since[k] != NEVER && since[k] + gap_ms + lead[all - k] < plan->horizon_ms;
        if (fits)
            return at_most(all);
    }
    return at_most(0);
}

/* ---- entries apart -----------------------------------------------------------------------------
 */

/* A message of one enrollment: so many times, so long after entry. */
struct sending {
    int64_t earliest_ms, latest_ms;
    uint32_t times;
};
struct place { /* of an entry, from the beginning of the window */
    int64_t at_ms;
    uint64_t best; /* messages of the entries from here on */
};

static int compare_places(const void *a, const void *b)
{
    int64_t x = ((const struct place *)a)->at_ms, y = ((const struct place *)b)->at_ms;
    return (x > y) - (x < y);
}

/* How many of the plan's messages there are, each with its moments; UINT32_MAX: one can wait
 * without a bound. */
static uint32_t sendings_of(const struct plan *plan, const struct node *workflow,
                            const struct campaign_bounds *known, struct sending *sendings)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < known->message_count; i++) {
        const struct message_bounds *message = &known->messages[i];
        uint32_t channel = message->channel == CHANNEL_EMAIL ? FLAG_EMAIL : FLAG_SMS;
        struct plan alone = *plan;
        if (message->is_notice || message->channel == CHANNEL_WEBHOOK ||
            !(plan->channels & channel) || (plan->only != IMAGE_NONE && plan->only != message->row))
            continue;
        if (message->open_by.len)
            return UINT32_MAX;
        alone.only = message->row;
        /* Only whole days are as long as windows are: an hour may be taken or given. */
        int64_t slack_ms = message->has_hours ? HOUR_MS : 0;
        sendings[count++] =
            (struct sending){message->earliest_ms - slack_ms, message->latest_ms + slack_ms,
                             paths_most(&alone, workflow, NULL)};
    }
    return count;
}

/* Messages in the window of an enrollment that is entered then. */
static uint64_t sent_of(const struct sending *sendings, uint32_t count, const struct plan *plan,
                        int64_t entry_ms, uint32_t each)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < count; i++)
        if (entry_ms + sendings[i].latest_ms >= 0 &&
            entry_ms + sendings[i].earliest_ms < plan->horizon_ms)
            all += sendings[i].times;
    return all < each ? all : each;
}

static uint32_t place_from(const struct place *places, uint32_t count, int64_t at_ms)
{
    uint32_t low = 0;
    while (low < count) {
        uint32_t middle = low + (count - low) / 2;
        if (places[middle].at_ms < at_ms)
            low = middle + 1;
        else
            count = middle;
    }
    return low;
}

/* Entries at least `apart_ms` apart, of which each sends at most `each` in the window. An entry is
 * as early as the one before lets it, or so that a message just meets the window. */
static struct bound apart(struct plan *plan, const struct sending *sendings, uint32_t count,
                          int64_t apart_ms, uint32_t each)
{
    struct place *places = arena_array(plan->arena, MOST_PLACES + 1, sizeof *places);
    uint32_t place_count = 0;
    ensure(places);
    for (uint32_t i = 0; i < count; i++)
        for (int64_t at = -sendings[i].latest_ms; at < plan->horizon_ms; at += apart_ms) {
            if (place_count == MOST_PLACES)
                return (struct bound){0, true};
            places[place_count++].at_ms = at;
        }
    qsort(places, place_count, sizeof *places, compare_places);
    places[place_count].best = 0;
    for (uint32_t i = place_count; i--;) {
        int64_t at = places[i].at_ms;
        uint64_t with = sent_of(sendings, count, plan, at, each) +
                        places[place_from(places, place_count, at + apart_ms)].best;
        places[i].best = with > places[i + 1].best ? with : places[i + 1].best;
    }
    return at_most(places[0].best);
}

/* ---- all ---------------------------------------------------------------------------------------
 */

static const struct node *entry_of(const struct node *campaign)
{
    const struct node *enter = campaign->kids[CAMPAIGN_SETTINGS];
    while (enter && enter->kind != NODE_ENTER)
        enter = enter->next;
    return enter;
}

/* The least time between two entries; 0: none. */
static int64_t apart_ms_of(const struct plan *plan, const struct node *enter)
{
    bool is_dated = plan->c->image->campaigns[plan->c->campaign_row].trigger_kind == TRIGGER_DATE;
    int64_t least = is_dated ? DAY_MS : 0, own = 0;
    if (enter->number == FORM_ONCE_PER_DURATION)
        own = wait_least_ms(plan, enter->kids[ENTER_PER]);
    return own > least ? own : least;
}

static struct str why_open(int64_t form, bool has_drafts)
{
    return form == FORM_ALWAYS         ? STR("`enter always`: each start sends again")
           : form == FORM_ONCE_PER_KEY ? STR("`once per …`: each new value sends again")
           : has_drafts                ? STR("drafts of many entries can be approved together")
                                       : STR("nothing keeps one entry apart from the next");
}

struct bound entries_most(struct plan *plan, const struct node *campaign,
                          const struct campaign_bounds *known, struct str *why)
{
    const struct node *enter = entry_of(campaign), *workflow = campaign->kids[CAMPAIGN_WORKFLOW];
    uint32_t drafts = 0, most = paths_most(plan, workflow, &drafts);
    plan->most = most < MOST_TOLD ? most : MOST_TOLD;
    struct paths one = paths_of(plan, workflow);
    struct bound each = most_within(&one, plan), bound = {0, true};
    if (!enter || enter->number == FORM_ONCE || each.most == 0)
        return each;
    int64_t apart_ms = apart_ms_of(plan, enter);
    struct sending *sendings = arena_array(plan->arena, known->message_count + 1, sizeof *sendings);
    ensure(sendings);
    if (enter->number == FORM_AGAIN || enter->number == FORM_AGAIN_AFTER) {
        int64_t gap_ms =
            enter->number == FORM_AGAIN_AFTER ? wait_least_ms(plan, enter->kids[ENTER_PER]) : 0;
        bound = again_and_again(plan, one, gap_ms, has_exit_rules(campaign));
    }
    if (apart_ms && !each.is_open) {
        uint32_t count = sendings_of(plan, workflow, known, sendings);
        if (count != UINT32_MAX)
            bound = lower(bound, apart(plan, sendings, count, apart_ms, each.most));
    }
    if (bound.is_open)
        *why = why_open(enter->number, drafts > 0);
    return bound;
}

int64_t entries_span_ms(struct plan *plan, const struct node *campaign,
                        const struct campaign_bounds *known)
{
    const struct node *enter = entry_of(campaign);
    struct sending *sendings = arena_array(plan->arena, known->message_count + 1, sizeof *sendings);
    int64_t first_ms = INT64_MAX, last_ms = 0;
    ensure(sendings);
    uint32_t count = enter && enter->number != FORM_ONCE
                         ? UINT32_MAX
                         : sendings_of(plan, campaign->kids[CAMPAIGN_WORKFLOW], known, sendings);
    for (uint32_t i = 0; i < count && count != UINT32_MAX; i++) {
        first_ms = sendings[i].earliest_ms < first_ms ? sendings[i].earliest_ms : first_ms;
        last_ms = sendings[i].latest_ms > last_ms ? sendings[i].latest_ms : last_ms;
    }
    return count && count != UINT32_MAX ? last_ms - first_ms : NEVER;
}
