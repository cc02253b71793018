/* coverage.h: which steps, branches and exits of a project's campaigns its tests have been through.
 * Counters are numbers in memory that several processes share; a branch is taken when the step
 * after the one that decides is its first, or, for a way without steps, none of the others'. */
#ifndef CAMP_COMPILER_TOOL_COVERAGE_H
#define CAMP_COMPILER_TOOL_COVERAGE_H

#include <stdatomic.h>

#include "compiler/tool/plan.h"
#include "vm/run/engine.h"

struct coverage {
    const struct compilation *compilation;
    struct plans plans;
    _Atomic uint32_t
        *counters; /* shared: campaigns entered, steps, branches, exits, goals' exits */
    uint32_t counter_count;
};
/* Where each enrollment of one test stands. */
struct coverage_trail {
    struct map64 last_steps; /* enrollment → row + 1 of its last step */
};

void coverage_open(struct coverage *coverage, const struct compilation *compilation,
                   struct arena *arena);
void coverage_close(struct coverage *coverage);
void coverage_note(struct coverage *coverage, struct coverage_trail *trail,
                   const struct notice *notice);
void coverage_write_text(const struct coverage *coverage, struct buf *out);
/* One object in lcov's terms: files with lines and branches, hit or not. */
void coverage_write_json(const struct coverage *coverage, struct buf *out);

#endif
