/* arithmetic.c: sums, comparisons, windows and the moments at which time alone changes them
 * (LANGUAGE.md C1 to C4, D1, D2, D4, D6, W2). */
#include <math.h>

#include "vm/core/internal.h"

static bool is_number(struct value v)
{
    return v.kind == VALUE_INT || v.kind == VALUE_NUMBER;
}

static double as_number(struct value v)
{
    return v.kind == VALUE_INT ? (double)v.i : v.n;
}

static struct value number(double n)
{
    return isfinite(n) ? (struct value){.kind = VALUE_NUMBER, .n = n} : value_unknown();
}

static int64_t clamp(int64_t number, int64_t least, int64_t most)
{
    return number < least ? least : number > most ? most : number;
}

/* Longer than the calendar is unknown, so that sums of durations never overflow. */
static struct value duration(int64_t months, int64_t days, int64_t ms)
{
    int64_t most_ms = CIVIL_LAST_MS - CIVIL_FIRST_MS;
    if (clamp(months, -MOST_MONTHS, MOST_MONTHS) != months ||
        clamp(days, INT16_MIN, INT16_MAX) != days || clamp(ms, -most_ms, most_ms) != ms)
        return value_unknown();
    return (struct value){
        .kind = VALUE_DURATION, .months = (int32_t)months, .days = (int16_t)days, .i = ms};
}

int64_t instant_step(const struct zone *zone, int64_t at_ms, struct value d, int sign)
{
    bool is_later = sign > 0 ? d.i >= 0 && d.months >= 0 : d.i < 0 || d.months < 0;
    if (duration(d.months, d.days, d.i).kind == VALUE_UNKNOWN)
        return is_later ? CIVIL_LAST_MS : CIVIL_FIRST_MS;
    int64_t stepped = zone_step(zone, at_ms, sign * d.months, sign * d.days);
    return clamp(stepped + sign * d.i, CIVIL_FIRST_MS, CIVIL_LAST_MS);
}

static struct value integers(enum op op, int64_t a, int64_t b)
{
    int64_t result;
    bool overflows = op == OP_ADD   ? __builtin_add_overflow(a, b, &result)
                     : op == OP_SUB ? __builtin_sub_overflow(a, b, &result)
                                    : __builtin_mul_overflow(a, b, &result);
    return overflows ? value_unknown() : value_int(result);
}

static struct value numbers(enum op op, struct value a, struct value b)
{
    if (op == OP_DIV)
        return as_number(b) == 0 ? value_unknown() : number(as_number(a) / as_number(b));
    if (a.kind == VALUE_INT && b.kind == VALUE_INT)
        return integers(op, a.i, b.i);
    double x = as_number(a), y = as_number(b);
    return number(op == OP_ADD ? x + y : op == OP_SUB ? x - y : x * y);
}

static struct value add_texts(struct env *env, struct str a, struct str b)
{
    char *joined = a.len + b.len < 1 << 20 ? arena_alloc(env->arena, a.len + b.len + 1) : NULL;
    if (!joined)
        return value_unknown();
    if (a.len)
        memcpy(joined, a.at, a.len);
    if (b.len)
        memcpy(joined + a.len, b.at, b.len);
    return value_text((struct str){joined, a.len + b.len});
}

static struct value step_time(struct env *env, struct value t, struct value d, int sign)
{
    if (t.kind == VALUE_DATE && d.i == 0) {
        int32_t months = (int32_t)clamp(d.months, -INT32_MAX, INT32_MAX) * sign;
        int64_t day = months ? civil_add_months(t.i, months) : t.i;
        t.i = clamp(day + sign * d.days, CIVIL_FIRST_DAY, CIVIL_LAST_DAY);
        return t;
    }
    int64_t at_ms = t.kind == VALUE_DATE ? zone_day_start(env->zone, t.i) : t.i;
    return value_time(instant_step(env->zone, at_ms, d, sign));
}

static struct value add_durations(struct value a, struct value b, int sign)
{
    int64_t ms;
    if (__builtin_mul_overflow(b.i, sign, &ms) || __builtin_add_overflow(a.i, ms, &ms))
        return value_unknown();
    return duration(a.months + sign * (int64_t)b.months, a.days + sign * b.days, ms);
}

static bool is_moment(struct value v)
{
    return v.kind == VALUE_TIME || v.kind == VALUE_DATE;
}

static int64_t as_instant(struct env *env, struct value v)
{
    return v.kind == VALUE_DATE ? zone_day_start(env->zone, v.i) : v.i;
}

static struct value difference(struct env *env, struct value a, struct value b)
{
    if (a.kind == VALUE_DATE && b.kind == VALUE_DATE)
        return value_int(a.i - b.i);
    return (struct value){.kind = VALUE_DURATION, .i = as_instant(env, a) - as_instant(env, b)};
}

struct value arithmetic(struct env *env, enum op op, struct value a, struct value b)
{
    if (is_number(a) && is_number(b))
        return numbers(op, a, b);
    if (op == OP_ADD && a.kind == VALUE_TEXT && b.kind == VALUE_TEXT)
        return add_texts(env, a.text, b.text);
    if ((op == OP_ADD || op == OP_SUB) && b.kind == VALUE_DURATION) {
        int sign = op == OP_ADD ? 1 : -1;
        if (is_moment(a))
            return step_time(env, a, b, sign);
        if (a.kind == VALUE_DURATION)
            return add_durations(a, b, sign);
    }
    if (op == OP_ADD && a.kind == VALUE_DURATION && is_moment(b))
        return step_time(env, b, a, 1);
    if (op == OP_SUB && is_moment(a) && is_moment(b))
        return difference(env, a, b);
    if (op == OP_MUL && a.kind == VALUE_INT && b.kind == VALUE_DURATION)
        return arithmetic(env, op, b, a);
    if (op == OP_MUL && a.kind == VALUE_DURATION && b.kind == VALUE_INT && b.i > -10000 &&
        b.i < 10000) {
        int64_t ms;
        return __builtin_mul_overflow(a.i, b.i, &ms) ? value_unknown()
                                                     : duration(a.months * b.i, a.days * b.i, ms);
    }
    if (op == OP_AT_CLOCK && is_moment(a) && b.kind == VALUE_CLOCK) {
        int64_t day = a.kind == VALUE_DATE ? a.i : zone_day(env->zone, a.i);
        return value_time(zone_at_clock(env->zone, day, (int32_t)b.i));
    }
    return value_unknown();
}

struct value next_clock(struct env *env, struct value clock, uint32_t days, int64_t now_ms)
{
    int64_t today = zone_day(env->zone, now_ms);
    if (clock.kind != VALUE_CLOCK)
        return value_unknown();
    for (int64_t day = today; day < today + 10; day++) {
        int64_t at_ms = zone_at_clock(env->zone, day, (int32_t)clock.i);
        bool is_day = !days || (days >> civil_weekday(day) & 1);
        if (is_day && at_ms >= now_ms)
            return value_time(at_ms);
    }
    return value_unknown();
}

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int value_compare(struct env *env, struct value a, struct value b, bool *comparable)
{
    *comparable = true;
    if (is_number(a) && is_number(b)) {
        if (a.kind == VALUE_INT && b.kind == VALUE_INT)
            return order(a.i, b.i);
        double x = as_number(a), y = as_number(b);
        return (x > y) - (x < y);
    }
    if (a.kind == b.kind) {
        switch ((enum value_kind)a.kind) {
        case VALUE_TEXT:
            return str_cmp(a.text, b.text);
        case VALUE_BOOL:
        case VALUE_DATE:
        case VALUE_TIME:
        case VALUE_CLOCK:
            return order(a.i, b.i);
        case VALUE_DURATION:
            *comparable = !a.months && !b.months;
            return order(a.i + a.days * (int64_t)DAY_MS, b.i + b.days * (int64_t)DAY_MS);
        case VALUE_UNKNOWN:
        case VALUE_INT:
        case VALUE_NUMBER:
        case VALUE_LIST:
        case VALUE_EVENT:
        case VALUE_OBJECT:
        case VALUE_JSON:
        case VALUE_HASH:
        case VALUE_RANGE:
        case VALUE_LOOP:
            break;
        }
    }
    if (a.kind == VALUE_TIME && b.kind == VALUE_DATE)
        return order(zone_day(env->zone, a.i), b.i);
    if (a.kind == VALUE_DATE && b.kind == VALUE_TIME)
        return order(a.i, zone_day(env->zone, b.i));
    *comparable = false;
    return 0;
}

static bool is_equal(struct env *env, struct value a, struct value b)
{
    bool comparable;
    return value_compare(env, a, b, &comparable) == 0 && comparable;
}

static bool is_in(struct env *env, struct value item, struct value list)
{
    if (list.kind != VALUE_LIST)
        return false;
    for (uint32_t i = 0; i < list.list->count; i++)
        if (is_equal(env, item, list.list->items[i]))
            return true;
    return false;
}

static bool texts(enum op op, struct value a, struct value b)
{
    if (a.kind != VALUE_TEXT || b.kind != VALUE_TEXT)
        return false;
    return op == OP_CONTAINS      ? str_find(a.text, b.text) != SIZE_MAX
           : op == OP_STARTS_WITH ? str_starts(a.text, b.text)
                                  : str_ends(a.text, b.text);
}

bool relation(struct env *env, enum op op, struct value a, struct value b)
{
    if (op == OP_EQ || op == OP_NE)
        return is_equal(env, a, b) == (op == OP_EQ);
    if (op == OP_IN || op == OP_NOT_IN)
        return is_in(env, a, b) == (op == OP_IN);
    if (op == OP_CONTAINS && a.kind == VALUE_LIST)
        return is_in(env, b, a);
    if (op == OP_CONTAINS || op == OP_STARTS_WITH || op == OP_ENDS_WITH)
        return texts(op, a, b);
    bool comparable;
    int sign = value_compare(env, a, b, &comparable);
    if (!comparable)
        return false;
    return op == OP_LT ? sign < 0 : op == OP_GT ? sign > 0 : op == OP_LE ? sign <= 0 : sign >= 0;
}

bool window_is_open(const struct image_window *window, const struct zone *zone, int64_t at_ms)
{
    int64_t today = zone_day(zone, at_ms);
    bool passes_midnight = window->to_minute <= window->from_minute;
    for (int64_t day = today - passes_midnight; day <= today; day++) {
        if (window->days && !(window->days >> civil_weekday(day) & 1))
            continue;
        if (at_ms >= zone_at_clock(zone, day, (int32_t)window->from_minute) &&
            at_ms < zone_at_clock(zone, day + passes_midnight, (int32_t)window->to_minute))
            return true;
    }
    return false;
}

static int64_t next_edge(const struct image_window *window, const struct zone *zone, int64_t at_ms,
                         bool is_open)
{
    int64_t today = zone_day(zone, at_ms), best = NEVER_MS;
    bool passes_midnight = window->to_minute <= window->from_minute;
    for (int64_t day = today - 1; day <= today + 9; day++) {
        if (window->days && !(window->days >> civil_weekday(day) & 1))
            continue;
        int64_t edge = is_open
                           ? zone_at_clock(zone, day, (int32_t)window->from_minute)
                           : zone_at_clock(zone, day + passes_midnight, (int32_t)window->to_minute);
        if (edge > at_ms && edge < best)
            best = edge;
    }
    return best;
}

int64_t window_flip_ms(const struct image_window *window, const struct zone *zone, int64_t at_ms)
{
    int64_t opens = next_edge(window, zone, at_ms, true),
            closes = next_edge(window, zone, at_ms, false);
    return opens < closes ? opens : closes;
}

int64_t windows_open_ms(const struct image *image, struct rows windows, const struct zone *zone,
                        int64_t now_ms)
{
    enum { MOST_EDGES = 200 };
    int64_t at_ms = now_ms;
    for (int edges = 0; edges < MOST_EDGES; edges++) {
        int64_t opens = at_ms;
        for (uint32_t i = 0; i < windows.count && opens == at_ms; i++) {
            const struct image_window *window = &image->windows[windows.first + i];
            if (!window_is_open(window, zone, at_ms))
                opens = next_edge(window, zone, at_ms, true);
        }
        if (opens == at_ms || opens == NEVER_MS)
            return opens;
        at_ms = opens;
    }
    return NEVER_MS;
}

void lower_flip(struct env *env, int64_t at_ms)
{
    if (env->flips_at_ms && at_ms > env->now_ms && at_ms < *env->flips_at_ms)
        *env->flips_at_ms = at_ms;
}

int64_t first_instant(int64_t from_ms, int64_t to_ms, bool (*changed)(void *context, int64_t at_ms),
                      void *context)
{
    if (!changed(context, to_ms))
        return NEVER_MS;
    while (to_ms - from_ms > 1) {
        int64_t middle = from_ms + (to_ms - from_ms) / 2;
        if (changed(context, middle))
            to_ms = middle;
        else
            from_ms = middle;
    }
    return to_ms;
}

int64_t first_change(const struct zone *zone, int64_t from_ms, int64_t near_ms,
                     bool (*changed)(void *context, int64_t at_ms), void *context)
{
    enum { DAYS_BEFORE = 5, DAYS_AFTER = 6 };
    int64_t day = zone_day(zone, near_ms) - DAYS_BEFORE,
            last = zone_day(zone, near_ms) + DAYS_AFTER;
    int64_t today = zone_day(zone, from_ms);
    for (day = day < today ? today : day; day <= last; day++) {
        int64_t begins = zone_day_start(zone, day), ends = zone_day_start(zone, day + 1);
        int64_t piece = ends - begins == DAY_MS ? DAY_MS : HOUR_MS / 2;
        for (int64_t at = begins; at < ends; at += piece) {
            int64_t first = at > from_ms ? at : from_ms + 1;
            int64_t end = (at + piece < ends ? at + piece : ends) - 1;
            if (first > end)
                continue;
            if (changed(context, first))
                return first;
            if (changed(context, end))
                return first_instant(first, end, changed, context);
        }
    }
    return NEVER_MS;
}
