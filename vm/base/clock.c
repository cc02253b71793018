/* clock.c: see clock.h. */
#include "vm/base/clock.h"

#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec now;
    ensure(clock_gettime(id, &now) == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t monotonic_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t monotonic_ms(void)
{
    return monotonic_ns() / 1000000;
}

void clock_real(struct clock *clock)
{
    *clock = (struct clock){0};
}

void clock_made_up(struct clock *clock, int64_t start_ms, double rate)
{
    *clock = (struct clock){true, start_ms, monotonic_ms(), rate};
}

int64_t clock_now_ms(const struct clock *clock)
{
    if (!clock->is_made_up)
        return read_ns(CLOCK_REALTIME) / 1000000;
    return clock->start_ms + (int64_t)((double)(monotonic_ms() - clock->since_ms) * clock->rate);
}

void clock_set(struct clock *clock, int64_t now_ms)
{
    ensure(clock->is_made_up);
    clock->start_ms = now_ms;
    clock->since_ms = monotonic_ms();
}
