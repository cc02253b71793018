/* trace.c: when time alone changes the outcome of a condition (LANGUAGE.md D6). The machine notes
 * how a value that moves with time was made; here it is made again at other instants, until the
 * outcome is another. */
#include "vm/core/internal.h"

static struct value step_value(struct env *env, const struct trace_step *step, struct value v)
{
    if (step->op != OP_CALL)
        return step->place ? arithmetic(env, (enum op)step->op, step->others[0], v)
                           : arithmetic(env, (enum op)step->op, v, step->others[0]);
    struct value arguments[TRACE_OTHERS + 1];
    const char *error;
    for (uint32_t i = 0, other = 0; i < step->count; i++)
        arguments[i] = i == step->place ? v : step->others[other++];
    return machine_call(env, step->row, arguments, step->count, &error);
}

static struct value trace_value(struct env *env, const struct trace *trace, int64_t at_ms)
{
    struct value v = trace->base == OP_NOW
                         ? value_time(at_ms)
                         : (struct value){.kind = VALUE_DATE, .i = zone_day(env->zone, at_ms)};
    for (int i = 0; i < trace->count; i++)
        v = step_value(env, &trace->steps[i], v);
    return v;
}

void trace_step(struct trace *trace, struct trace_step step)
{
    if (trace->count == TRACE_STEPS || (step.op == OP_CALL && !step.count))
        trace->base = 0;
    else
        trace->steps[trace->count++] = step;
}

/* A comparison with a moving value on one side or both, replayed at other instants. */
struct replay {
    struct env *env;
    const struct trace *traces[2]; /* NULL: that side is fixed */
    struct value fixed[2];
    int was;
};

static int replay_sign(const struct replay *replay, int64_t at_ms)
{
    bool comparable;
    struct value sides[2];
    for (int i = 0; i < 2; i++)
        sides[i] = replay->traces[i] ? trace_value(replay->env, replay->traces[i], at_ms)
                                     : replay->fixed[i];
    int sign = value_compare(replay->env, sides[0], sides[1], &comparable);
    return comparable ? (sign > 0) - (sign < 0) : 2;
}

static bool sign_changed(void *context, int64_t at_ms)
{
    const struct replay *replay = context;
    return replay_sign(replay, at_ms) != replay->was;
}

/* Instants that are stepped by months run back at the midnights after a short month. */
static bool runs_back(const struct trace *trace)
{
    bool has_months = false;
    for (int i = 0; trace && i < trace->count; i++)
        has_months |=
            trace->steps[i].others[0].kind == VALUE_DURATION && trace->steps[i].others[0].months;
    return has_months && trace->base == OP_NOW;
}

/* One moving side runs one way, so that its flip is found by halving the years to come; two are
 * followed within the local day, and looked at again at its end. */
void note_flip(struct env *env, const struct trace *trace_a, const struct trace *trace_b,
               struct value a, struct value b)
{
    if (!env->flips_at_ms || (!trace_a && !trace_b))
        return;
    struct replay replay = {.env = env, .traces = {trace_a, trace_b}, .fixed = {a, b}};
    bool is_followed = (!trace_a || trace_a->base) && (!trace_b || trace_b->base);
    int64_t day_ends_ms = zone_day_start(env->zone, zone_day(env->zone, env->now_ms) + 1);
    int64_t far = env->now_ms + 150 * INT64_C(366) * DAY_MS;
    if ((trace_a && trace_b) || !is_followed) {
        far = day_ends_ms - 1;
        lower_flip(env, day_ends_ms);
    }
    replay.was = is_followed ? replay_sign(&replay, env->now_ms) : 2;
    if (replay.was == 2 || far <= env->now_ms)
        return;
    int64_t flips_at_ms = first_instant(env->now_ms, far, sign_changed, &replay);
    if (runs_back(replay.traces[0]) || runs_back(replay.traces[1])) {
        int64_t near_ms = flips_at_ms == NEVER_MS ? env->now_ms : flips_at_ms;
        int64_t first_ms = first_change(env->zone, env->now_ms, near_ms, sign_changed, &replay);
        flips_at_ms = first_ms < flips_at_ms ? first_ms : flips_at_ms;
    }
    lower_flip(env, flips_at_ms);
}

struct edge { /* of a window, that a moving instant comes to */
    struct env *env;
    const struct trace *trace;
    int64_t at_ms;
};

static bool has_reached(void *context, int64_t at_ms)
{
    const struct edge *edge = context;
    struct value v = trace_value(edge->env, edge->trace, at_ms);
    return v.kind == VALUE_TIME && v.i >= edge->at_ms;
}

void note_edge(struct env *env, const struct trace *trace, int64_t edge_ms)
{
    enum { LONGEST_DAYS = 10 };
    struct edge edge = {env, trace, edge_ms};
    if (edge_ms == NEVER_MS)
        return;
    if (trace->base)
        lower_flip(env, first_instant(env->now_ms, env->now_ms + LONGEST_DAYS * (int64_t)DAY_MS,
                                      has_reached, &edge));
    else
        lower_flip(env, zone_day_start(env->zone, zone_day(env->zone, env->now_ms) + 1));
}

static bool is_same(struct env *env, struct value a, struct value b)
{
    bool comparable;
    if (a.kind == VALUE_UNKNOWN || b.kind == VALUE_UNKNOWN)
        return a.kind == b.kind;
    return value_compare(env, a, b, &comparable) == 0 && comparable;
}

/* What shows seconds changes at the next one, what shows minutes at the next; hours and days of all
 * zones begin at quarters of an hour. After a day without a change it is looked at again. */
void note_jump(struct env *env, const struct trace *trace, struct value v)
{
    enum { SECOND_MS = 1000, QUARTER_MS = 15 * MINUTE_MS, QUARTERS = 96 };
    if (!env->flips_at_ms)
        return;
    int64_t second_ms = (env->now_ms / SECOND_MS + 1) * SECOND_MS,
            minute_ms = (env->now_ms / MINUTE_MS + 1) * MINUTE_MS,
            quarter_ms = (env->now_ms / QUARTER_MS + 1) * QUARTER_MS;
    if (trace->base && !is_same(env, v, trace_value(env, trace, second_ms))) {
        lower_flip(env, second_ms);
    } else if (!trace->base || !is_same(env, v, trace_value(env, trace, minute_ms))) {
        lower_flip(env, minute_ms);
    } else {
        for (int i = 0; i < QUARTERS && is_same(env, v, trace_value(env, trace, quarter_ms)); i++)
            quarter_ms += QUARTER_MS;
        lower_flip(env, quarter_ms);
    }
}
