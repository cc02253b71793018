/* test_pool.h: tests run in several processes at once; what they found comes back in the order in
 * which the tests stand. A test that ends its process has failed, and the others go on. */
#ifndef CAMP_COMPILER_TOOL_TEST_POOL_H
#define CAMP_COMPILER_TOOL_TEST_POOL_H

#include "compiler/tool/run_test.h"

struct test_case {
    const struct node *test;
    struct test_result result;
    bool is_done;
};

/* `done` is called for each case in order, as early as it can be. Texts live in the arena. False:
 * no process could be started. */
bool test_pool_run(const struct test_project *project, struct test_case *cases, uint32_t count,
                   uint32_t job_count, struct arena *arena,
                   void (*done)(void *context, const struct test_case *one), void *context);

#endif
