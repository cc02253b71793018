/* diff.h: two texts as a unified diff of their lines. */
#ifndef CAMP_COMPILER_TOOL_DIFF_H
#define CAMP_COMPILER_TOOL_DIFF_H

#include "vm/base/buf.h"

/* Nothing when they are equal. `name` stands on the lines `---` and `+++`, with before and after.
 */
void diff_write(struct str name, struct str before, struct str after, bool is_coloured,
                struct buf *out);

#endif
