/* clock.h: the clock as a value: the real one, or a made-up one with a start and a rate that can be
 * moved. Timeouts and rates of the real world use the monotonic clock. */
#ifndef CAMP_VM_BASE_CLOCK_H
#define CAMP_VM_BASE_CLOCK_H

#include "vm/base/base.h"

struct clock {
    bool is_made_up;
    int64_t start_ms; /* made up: its instant at `since_ms` */
    int64_t since_ms; /* of the monotonic clock */
    double rate;      /* made-up milliseconds a real one; 0 stands still */
};
void clock_real(struct clock *clock);
void clock_made_up(struct clock *clock, int64_t start_ms, double rate);
int64_t clock_now_ms(const struct clock *clock);     /* UTC, since 1970 */
void clock_set(struct clock *clock, int64_t now_ms); /* made up only */
int64_t monotonic_ms(void);
int64_t monotonic_ns(void);

#endif
