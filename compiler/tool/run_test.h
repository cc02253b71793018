/* run_test.h: one test block of a compiled project, run. */
#ifndef CAMP_COMPILER_TOOL_RUN_TEST_H
#define CAMP_COMPILER_TOOL_RUN_TEST_H

#include "compiler/tool/coverage.h"
#include "compiler/tool/tool.h"

struct test_project {
    struct compilation *compilation;
    struct str image;          /* its bytes */
    struct coverage *coverage; /* NULL: not asked for */
};
struct test_result {
    bool is_passed;
    /* What did not hold, where; `difference` of expected and actual, where there is one. */
    struct str file, statement, why, difference;
    uint32_t line;
    struct str timeline; /* what happened to the patient, a line each */
    uint64_t took_us;
};

/* The texts of *result are put into the arena. */
void run_test(const struct test_project *project, const struct node *test, struct arena *arena,
              struct test_result *result);

#endif
