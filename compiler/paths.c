/* paths.c: the algebra of ways; see paths.h. */
#include "compiler/paths.h"

enum { MOST_FLOW_DEPTH = 32, MOST_COUNT = 1 << 20 };
static const int64_t HOUR_MS = 3600000, DAY_MS = 86400000;

/* ---- durations ---------------------------------------------------------------------------------
 */

static int64_t months_days(int64_t months, bool is_most)
{
    static const int16_t least[] = {0, 28, 59, 89, 120, 150, 181, 212, 242, 273, 303, 334},
                         most[] = {0, 31, 62, 92, 123, 153, 184, 215, 245, 276, 306, 337};
    int64_t years = months / 12, rest = months % 12;
    return is_most ? years * 366 + most[rest] : years * 365 + least[rest];
}

int64_t window_ms(const struct node *duration, enum measure *measure)
{
    if (duration->months) {
        *measure = MEASURE_MONTHS;
        return (months_days(duration->months, true) + duration->days) * DAY_MS + duration->number;
    }
    *measure = duration->days ? MEASURE_DAYS : MEASURE_EXACT;
    return duration->days * DAY_MS + duration->number;
}

int64_t wait_least_ms(const struct plan *plan, const struct node *duration)
{
    bool is_of_months = plan->measure == MEASURE_MONTHS;
    int64_t days = months_days(duration->months, is_of_months) + duration->days,
            exact = duration->number;
    if (plan->measure == MEASURE_EXACT && days)
        return days * DAY_MS - HOUR_MS + exact;
    if (plan->measure != MEASURE_EXACT && exact)
        return days * DAY_MS + (exact > HOUR_MS ? exact - HOUR_MS : 0);
    return days * DAY_MS + exact;
}

int64_t bound_least_ms(const struct plan *plan, const struct node *bound)
{
    return bound && bound->kind == NODE_DURATION ? wait_least_ms(plan, bound) : 0;
}

/* ---- values ------------------------------------------------------------------------------------
 */

static const struct rope *join_ropes(struct plan *plan, const struct rope *a, const struct rope *b)
{
    if (!a || !b)
        return a ? a : b;
    struct rope *rope = arena_alloc(plan->arena, sizeof *rope);
    ensure(rope);
    *rope = (struct rope){.left = a, .right = b};
    return rope;
}

static struct times no_times(struct plan *plan)
{
    struct times times = {arena_array(plan->arena, plan->most + 1, sizeof *times.ms), NULL};
    ensure(times.ms);
    for (uint32_t k = 0; k <= plan->most; k++)
        times.ms[k] = NEVER;
    if (plan->is_traced) {
        times.rope = arena_array(plan->arena, plan->most + 1, sizeof *times.rope);
        ensure(times.rope);
    }
    return times;
}

static void set_time(struct plan *plan, struct times *times, uint32_t k, int64_t ms,
                     const struct rope *rope)
{
    if (ms >= plan->horizon_ms)
        return;
    times->ms[k] = ms;
    if (plan->is_traced)
        times->rope[k] = rope;
}

static void take_least(struct plan *plan, struct times *into, const struct times *other)
{
    for (uint32_t k = 0; k <= plan->most; k++)
        if (other->ms[k] < into->ms[k])
            set_time(plan, into, k, other->ms[k], plan->is_traced ? other->rope[k] : NULL);
}

/* `first`, then `second`. */
static void take_sum(struct plan *plan, struct times *into, const struct times *first,
                     const struct times *second)
{
    for (uint32_t i = 0; i <= plan->most; i++) {
        if (first->ms[i] == NEVER)
            continue;
        for (uint32_t j = 0; j <= plan->most; j++) {
            uint32_t k = i + j < plan->most ? i + j : plan->most;
            if (second->ms[j] == NEVER || first->ms[i] + second->ms[j] >= into->ms[k])
                continue;
            const struct rope *rope =
                plan->is_traced ? join_ropes(plan, first->rope[i], second->rope[j]) : NULL;
            set_time(plan, into, k, first->ms[i] + second->ms[j], rope);
        }
    }
}

static struct paths no_paths(struct plan *plan)
{
    struct paths paths = {.prefix = no_times(plan), .within = no_times(plan)};
    for (int kind = 0; kind < PATHS_KINDS; kind++)
        for (int exit = 0; exit < PATHS_EXITS; exit++)
            paths.way[kind][exit] = no_times(plan);
    return paths;
}

/* A step that takes at least `ms` and leaves so. */
static struct paths step_paths(struct plan *plan, const struct node *step, int64_t ms,
                               enum paths_exit exit)
{
    struct paths paths = no_paths(plan);
    struct rope *rope = NULL;
    if (plan->is_traced && ms) {
        rope = arena_alloc(plan->arena, sizeof *rope);
        ensure(rope);
        *rope = (struct rope){.step = step, .ms = ms};
    }
    set_time(plan, &paths.way[PASS][exit], 0, ms, rope);
    set_time(plan, &paths.way[BEFORE][exit], 0, 0, NULL);
    paths.reaches[exit] = true;
    return paths;
}

static struct paths message_paths(struct plan *plan, const struct node *step, bool is_draft)
{
    struct paths paths = no_paths(plan);
    struct rope *rope = arena_alloc(plan->arena, sizeof *rope);
    uint32_t one = plan->most ? 1 : 0;
    ensure(rope);
    *rope = (struct rope){.step = step};
    set_time(plan, &paths.way[PASS][THROUGH], one, 0, rope);
    set_time(plan, &paths.way[BEFORE][THROUGH], is_draft ? one : 0, 0, is_draft ? rope : NULL);
    if (!is_draft)
        set_time(plan, &paths.way[SINCE][THROUGH], one, 0, rope);
    set_time(plan, &paths.prefix, one, 0, rope);
    set_time(plan, &paths.within, one, 0, rope);
    paths.reaches[THROUGH] = true;
    return paths;
}

struct paths paths_join(struct plan *plan, const struct paths *first, const struct paths *second)
{
    if (!first->reaches[THROUGH])
        return *first;
    struct paths all = no_paths(plan);
    for (int exit = 0; exit < PATHS_EXITS; exit++) {
        all.reaches[exit] = second->reaches[exit] || (exit != THROUGH && first->reaches[exit]);
        for (int kind = 0; kind < PATHS_KINDS; kind++) {
            struct times *into = &all.way[kind][exit];
            if (exit != THROUGH)
                take_least(plan, into, &first->way[kind][exit]);
            take_sum(plan, into, &first->way[kind][THROUGH],
                     &second->way[kind == SINCE ? PASS : kind][exit]);
            if (kind == SINCE)
                take_sum(plan, into, &first->way[BEFORE][THROUGH], &second->way[SINCE][exit]);
        }
    }
    take_least(plan, &all.prefix, &first->prefix);
    take_sum(plan, &all.prefix, &first->way[PASS][THROUGH], &second->prefix);
    take_least(plan, &all.within, &first->within);
    take_sum(plan, &all.within, &first->way[BEFORE][THROUGH], &second->within);
    take_sum(plan, &all.within, &first->way[SINCE][THROUGH], &second->prefix);
    return all;
}

static void take_other(struct plan *plan, struct paths *into, const struct paths *other)
{
    for (int exit = 0; exit < PATHS_EXITS; exit++) {
        into->reaches[exit] |= other->reaches[exit];
        for (int kind = 0; kind < PATHS_KINDS; kind++)
            take_least(plan, &into->way[kind][exit], &other->way[kind][exit]);
    }
    take_least(plan, &into->prefix, &other->prefix);
    take_least(plan, &into->within, &other->within);
}

/* ---- the workflow ------------------------------------------------------------------------------
 */

static const struct image_message *row_of(const struct plan *plan, const struct node *step)
{
    uint64_t *row = strmap_get(&plan->c->messages, step->name);
    return row ? &plan->c->image->messages[*row] : NULL;
}

bool plan_counts(const struct plan *plan, const struct node *step, bool *is_draft)
{
    bool is_email = step->kind == NODE_EMAIL;
    if (!is_email && step->kind != NODE_SMS)
        return false;
    const struct image_message *row = row_of(plan, step);
    if (!row || row->is_notice || !(plan->channels & (is_email ? FLAG_EMAIL : FLAG_SMS)))
        return false;
    *is_draft = row->is_draft;
    return plan->only == IMAGE_NONE || row == &plan->c->image->messages[plan->only];
}

/* First the time of one way, then its block. */
static struct paths timed(struct plan *plan, const struct node *step, int64_t ms,
                          const struct node *block)
{
    struct paths wait = step_paths(plan, step, ms, THROUGH), body = paths_of(plan, block);
    return paths_join(plan, &wait, &body);
}

static struct paths two_ways(struct plan *plan, const struct node *step, const struct node *body,
                             int64_t else_ms, const struct node *otherwise)
{
    struct paths all = timed(plan, step, 0, body), other = timed(plan, step, else_ms, otherwise);
    take_other(plan, &all, &other);
    return all;
}

static struct paths arms(struct plan *plan, const struct node *arm, int body, bool is_whole)
{
    struct paths all = no_paths(plan);
    for (; arm; arm = arm->next) {
        struct paths one = paths_of(plan, arm->kids[body]);
        is_whole |= arm->kind == NODE_ARM && !arm->kids[ARM_VALUES];
        take_other(plan, &all, &one);
    }
    if (!is_whole) {
        struct paths none = step_paths(plan, NULL, 0, THROUGH);
        take_other(plan, &all, &none);
    }
    return all;
}

static struct paths repeat(struct plan *plan, const struct node *step)
{
    struct paths power = paths_of(plan, step->kids[REPEAT_BODY]),
                 all = step_paths(plan, NULL, 0, THROUGH);
    for (int64_t times = step->number; times > 0; times >>= 1) {
        if (times & 1)
            all = paths_join(plan, &all, &power);
        if (times > 1)
            power = paths_join(plan, &power, &power);
    }
    for (int kind = 0; kind < PATHS_KINDS; kind++) {
        take_least(plan, &all.way[kind][THROUGH], &all.way[kind][BROKEN]);
        all.way[kind][BROKEN] = no_times(plan);
    }
    all.reaches[THROUGH] |= all.reaches[BROKEN];
    all.reaches[BROKEN] = false;
    return all;
}

static struct paths otherwise_of(struct plan *plan, const struct node *otherwise)
{
    struct node alone = {.kind = NODE_BLOCK, .kids = {(struct node *)(uintptr_t)otherwise}};
    return paths_of(plan, otherwise && otherwise->kind == NODE_IF ? &alone : otherwise);
}

static struct paths flow(struct plan *plan, const struct node *step)
{
    uint64_t *known = strmap_get(&plan->c->flows, step->name);
    if (!known || plan->depth == MOST_FLOW_DEPTH)
        return step_paths(plan, NULL, 0, THROUGH);
    plan->depth++;
    struct paths paths = paths_of(plan, ((struct node *)(uintptr_t)*known)->kids[FLOW_BODY]);
    plan->depth--;
    return paths;
}

static struct paths paths_of_step(struct plan *plan, const struct node *step)
{
    bool is_draft;
    struct paths all, other;
    const struct node *value;
    switch ((int)step->kind) {
    case NODE_WAIT:
        return step_paths(plan, step, wait_least_ms(plan, step->kids[WAIT_SPAN]), THROUGH);
    case NODE_WAIT_UNTIL:
        /* Without `up to` it is an instant: past or unknown takes `else` at once. */
        value = step->kids[WAIT_UNTIL_VALUE];
        all = two_ways(plan, step, step->kids[WAIT_UNTIL_BODY],
                       bound_least_ms(plan, step->kids[WAIT_UNTIL_UP_TO]),
                       step->kids[WAIT_UNTIL_ELSE]);
        if (value->kind == NODE_DATE && !step->kids[WAIT_UNTIL_ELSE]) {
            other = step_paths(plan, step, 0, ENDED);
            take_other(plan, &all, &other);
        }
        return all;
    case NODE_WAIT_EVENT:
        return two_ways(plan, step, step->kids[WAIT_EVENT_BODY],
                        bound_least_ms(plan, step->kids[WAIT_EVENT_UP_TO]),
                        step->kids[WAIT_EVENT_ELSE]);
    case NODE_WAIT_REPLY:
        all = arms(plan, step->kids[WAIT_REPLY_ARMS], ARM_BODY, true);
        other = timed(plan, step, bound_least_ms(plan, step->kids[WAIT_REPLY_UP_TO]),
                      step->kids[WAIT_REPLY_ELSE]);
        take_other(plan, &all, &other);
        return all;
    case NODE_IF:
        all = paths_of(plan, step->kids[IF_BODY]);
        other = otherwise_of(plan, step->kids[IF_ELSE]);
        take_other(plan, &all, &other);
        return all;
    case NODE_MATCH:
        return arms(plan, step->kids[MATCH_ARMS], ARM_BODY, false);
    case NODE_SPLIT:
        return arms(plan, step->kids[SPLIT_ARMS], SPLIT_ARM_BODY, true);
    case NODE_REPEAT:
        return repeat(plan, step);
    case NODE_DO:
        return flow(plan, step);
    case NODE_EXIT:
        return step_paths(plan, step, 0, ENDED);
    case NODE_BREAK:
        return step_paths(plan, step, 0, BROKEN);
    default:
        return plan_counts(plan, step, &is_draft) ? message_paths(plan, step, is_draft)
                                                  : step_paths(plan, NULL, 0, THROUGH);
    }
}

static bool is_silent(const struct node *step)
{
    return step->kind == NODE_LET || step->kind == NODE_SET || step->kind == NODE_CLEAR ||
           step->kind == NODE_EMIT || step->kind == NODE_WEBHOOK || step->kind == NODE_ADD ||
           step->kind == NODE_REMOVE || step->kind == NODE_SUBSCRIBE ||
           step->kind == NODE_UNSUBSCRIBE || step->kind == NODE_BAD;
}

struct paths paths_of(struct plan *plan, const struct node *block)
{
    struct paths all = step_paths(plan, NULL, 0, THROUGH);
    const struct node *step = block ? block->kids[BLOCK_STEPS] : NULL;
    for (; step && all.reaches[THROUGH]; step = step->next) {
        if (is_silent(step))
            continue;
        struct paths one = paths_of_step(plan, step);
        all = paths_join(plan, &all, &one);
    }
    return all;
}

/* ---- the most messages of a way ----------------------------------------------------------------
 */

struct count {
    int64_t all, drafts; /* each the most of any way */
    bool ends;           /* no way leads on */
};

static struct count count_block(struct plan *plan, const struct node *block);

static struct count more(struct count a, struct count b)
{
    return (struct count){a.all > b.all ? a.all : b.all, a.drafts > b.drafts ? a.drafts : b.drafts,
                          a.ends && b.ends};
}

static struct count count_arms(struct plan *plan, const struct node *arm, int body)
{
    struct count all = {0};
    for (; arm; arm = arm->next) {
        struct count one = count_block(plan, arm->kids[body]);
        one.ends = false;
        all = more(all, one);
    }
    return all;
}

static struct count count_step(struct plan *plan, const struct node *step)
{
    struct count all = {0}, other;
    bool is_draft = false;
    uint64_t *known;
    switch ((int)step->kind) {
    case NODE_WAIT_UNTIL:
        return more(count_block(plan, step->kids[WAIT_UNTIL_BODY]),
                    count_block(plan, step->kids[WAIT_UNTIL_ELSE]));
    case NODE_WAIT_EVENT:
        return more(count_block(plan, step->kids[WAIT_EVENT_BODY]),
                    count_block(plan, step->kids[WAIT_EVENT_ELSE]));
    case NODE_WAIT_REPLY:
        other = count_block(plan, step->kids[WAIT_REPLY_ELSE]);
        other.ends = false;
        return more(count_arms(plan, step->kids[WAIT_REPLY_ARMS], ARM_BODY), other);
    case NODE_IF:
        other = step->kids[IF_ELSE] && step->kids[IF_ELSE]->kind == NODE_IF
                    ? count_step(plan, step->kids[IF_ELSE])
                    : count_block(plan, step->kids[IF_ELSE]);
        return more(count_block(plan, step->kids[IF_BODY]), other);
    case NODE_MATCH:
        return count_arms(plan, step->kids[MATCH_ARMS], ARM_BODY);
    case NODE_SPLIT:
        return count_arms(plan, step->kids[SPLIT_ARMS], SPLIT_ARM_BODY);
    case NODE_REPEAT:
        all = count_block(plan, step->kids[REPEAT_BODY]);
        all.all *= step->number;
        all.drafts *= step->number;
        all.ends = false;
        break;
    case NODE_DO:
        known = strmap_get(&plan->c->flows, step->name);
        if (known && plan->depth < MOST_FLOW_DEPTH) {
            plan->depth++;
            all = count_block(plan, ((struct node *)(uintptr_t)*known)->kids[FLOW_BODY]);
            plan->depth--;
        }
        break;
    case NODE_EXIT:
    case NODE_BREAK:
        all.ends = true;
        break;
    default:
        all.all = plan_counts(plan, step, &is_draft);
        all.drafts = all.all && is_draft;
        break;
    }
    all.all = all.all < MOST_COUNT ? all.all : MOST_COUNT;
    all.drafts = all.drafts < MOST_COUNT ? all.drafts : MOST_COUNT;
    return all;
}

/* Where one way ends and another goes on, what follows is added to both: never too few. */
static struct count count_block(struct plan *plan, const struct node *block)
{
    struct count all = {0};
    const struct node *step = block ? block->kids[BLOCK_STEPS] : NULL;
    for (; step && !all.ends; step = step->next) {
        struct count one = count_step(plan, step);
        all = (struct count){all.all + one.all, all.drafts + one.drafts, one.ends};
    }
    all.all = all.all < MOST_COUNT ? all.all : MOST_COUNT;
    all.drafts = all.drafts < MOST_COUNT ? all.drafts : MOST_COUNT;
    return all;
}

uint32_t paths_most(struct plan *plan, const struct node *block, uint32_t *drafts)
{
    struct count count = count_block(plan, block);
    if (drafts)
        *drafts = (uint32_t)count.drafts;
    return (uint32_t)count.all;
}
