/* times.h: when, after entry, things can happen: the earliest and the latest moment of each message
 * and of the end, and what daylight saving does to the times of day that a campaign names. */
#ifndef CAMP_COMPILER_TIMES_H
#define CAMP_COMPILER_TIMES_H

#include "compiler/internal.h"

struct moment_range { /* nominal: a day is 24 hours, a month 28 to 31 days */
    int64_t earliest_ms, latest_ms;
    struct str
        open_by; /* the latest is later by this, which nothing here bounds; empty: by nothing */
    bool is_reached, has_hours; /* has_hours: not whole days only, which daylight saving keeps */
};
/* Of an enrollment's end, over all ways. */
struct moment_range life_of(struct compiler *c, const struct node *campaign);
/* Of the message of that row; false: no way leads to it. */
bool moment_of(struct compiler *c, const struct node *campaign, uint32_t message,
               struct moment_range *when);
void clocks_of(struct compiler *c, const struct node *campaign, struct campaign_bounds *out);

/* The longest time in a week for which the windows of the message are closed. */
int64_t closed_ms(struct compiler *c, const struct image_message *message);

#endif
