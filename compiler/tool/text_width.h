/* text_width.h: how wide a text is at most, without fonts at hand, and where to break its lines.
 * The widths are those of DejaVu Sans, which is wider than what browsers take for a sans-serif
 * elsewhere: what fits by it never runs over its card. */
#ifndef CAMP_COMPILER_TOOL_TEXT_WIDTH_H
#define CAMP_COMPILER_TOOL_TEXT_WIDTH_H

#include "vm/base/arena.h"

struct text_lines {
    struct str *items;
    uint32_t count;
    double width; /* of the longest */
};

double text_width(struct str text, double size, bool is_bold);
/* At blanks, within words where one is too long; what is over `most` lines is cut with … behind. */
struct text_lines text_wrap(struct arena *arena, struct str text, double size, bool is_bold,
                            double room, uint32_t most);

#endif
