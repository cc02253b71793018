/* paths.h: all ways through a workflow at once, as the shortest times in which so many messages can
 * go out.
 *
 * For a block, `within[k]` is the least time from a message to the k-th of which it is the first,
 * `prefix[k]` from the block's beginning to its k-th message, and `way[kind][exit][k]` what leads
 * through the block with k messages behind it:
 *
 *     PASS    within a window that began before the block: its time counts
 *     BEFORE  before any window: only drafts count, which can all be approved later, at one moment
 *     SINCE   a window began in the block
 *
 *     beginning ──PASS──▶ THROUGH (the next step), BROKEN (the end of the repeat), ENDED (exit)
 *
 * Two blocks one behind the other, branches and repeats are sums and minima of these, so that a
 * repeat costs the logarithm of its times and nothing is enumerated. Times are lower bounds in
 * milliseconds, measured as the window is (enum measure); those that reach the horizon are left
 * out. */
#ifndef CAMP_COMPILER_PATHS_H
#define CAMP_COMPILER_PATHS_H

#include "compiler/internal.h"

/* How long is a window; and a wait, at least, beside it (LANGUAGE.md D1, W4). An exact hour may be
 * the one that daylight saving takes or gives, a month has 28 to 31 days. */
enum measure { MEASURE_EXACT = 1, MEASURE_DAYS, MEASURE_MONTHS };

enum paths_kind { PASS, BEFORE, SINCE, PATHS_KINDS };
enum paths_exit { THROUGH, BROKEN, ENDED, PATHS_EXITS };

/* The steps of a way, joined as they were found. */
struct rope {
    const struct rope *left, *right;
    const struct node *step;
    int64_t ms;
};
struct times { /* by number of messages, 0 to most; INT64_MAX: there is no such way */
    int64_t *ms;
    const struct rope **rope;
};
struct paths {
    struct times way[PATHS_KINDS][PATHS_EXITS], prefix, within;
    bool reaches[PATHS_EXITS];
};

struct plan {
    struct compiler *c;
    struct arena *arena;
    uint32_t channels; /* FLAG_EMAIL | FLAG_SMS: what counts */
    uint32_t only;     /* row of the one message that counts, or IMAGE_NONE */
    enum measure measure;
    int64_t horizon_ms;
    uint32_t most; /* more messages than these are not told apart */
    bool is_traced;
    uint32_t depth;
};

static const int64_t NEVER = INT64_MAX;

/* A window of the duration: its measure, and its length in that. */
int64_t window_ms(const struct node *duration, enum measure *measure);
/* The least time that the duration takes. */
int64_t wait_least_ms(const struct plan *plan, const struct node *duration);
/* The least time of what stands behind `up to`; 0 where that is not known. */
int64_t bound_least_ms(const struct plan *plan, const struct node *bound);

struct paths paths_of(struct plan *plan, const struct node *block);
struct paths paths_join(struct plan *plan, const struct paths *first, const struct paths *second);
/* The most messages that one way can send, `drafts` of them drafts. */
uint32_t paths_most(struct plan *plan, const struct node *block, uint32_t *drafts);
/* Is the step a message that the plan counts? */
bool plan_counts(const struct plan *plan, const struct node *step, bool *is_draft);

#endif
