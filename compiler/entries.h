/* entries.h: the most messages in a window over the enrollments that a patient can have in a
 * campaign (LANGUAGE.md S1). Upper bounds: what can happen is never above. */
#ifndef CAMP_COMPILER_ENTRIES_H
#define CAMP_COMPILER_ENTRIES_H

#include "compiler/paths.h"

enum { MOST_TOLD = 999 }; /* more is no bound */

struct bound at_most(uint64_t most);
struct bound lower(struct bound a, struct bound b);

/* Of the campaign that is looked at; `known` has the moments of its messages, `plan` says what
 * counts and how long the window is. *why, when nothing bounds it, says why. */
struct bound entries_most(struct plan *plan, const struct node *campaign,
                          const struct campaign_bounds *known, struct str *why);
/* Between the first and the last message that there can ever be; NEVER: there is no such bound. */
int64_t entries_span_ms(struct plan *plan, const struct node *campaign,
                        const struct campaign_bounds *known);

#endif
