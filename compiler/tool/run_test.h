/* run_test.h: one test block of a compiled project, run. */
#ifndef CAMP_COMPILER_TOOL_RUN_TEST_H
#define CAMP_COMPILER_TOOL_RUN_TEST_H

#include "compiler/tool/tool.h"

/* `image`: the project's bytes. False: it failed, and *report says where, why, and what happened to
 * the patient. */
bool run_test(struct compilation *compilation, struct str image, const struct node *test,
              struct buf *report);

#endif
