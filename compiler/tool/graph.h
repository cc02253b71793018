/* graph.h: a campaign as a picture. graph.c lays its plan out: steps as cards one below the other,
 * the branches of a step side by side in the order in which they are written, joined again below,
 * so that no line crosses another. graph_svg.c draws that; graph_text.c writes DOT and Mermaid. */
#ifndef CAMP_COMPILER_TOOL_GRAPH_H
#define CAMP_COMPILER_TOOL_GRAPH_H

#include "compiler/tool/plan.h"
#include "compiler/tool/text_width.h"

enum card_look {
    LOOK_START = 1,
    LOOK_EMAIL,
    LOOK_SMS,
    LOOK_WEBHOOK,
    LOOK_WAIT,
    LOOK_CHOICE,
    LOOK_DATA,
    LOOK_EXIT,
    LOOK_END
};
struct graph_row { /* of the start card: `goal` event appointment.booked … */
    struct str word;
    struct text_lines lines;
};
struct graph_card {
    enum card_look look;
    const struct plan_step *step; /* NULL: start, end */
    struct str head;              /* EMAIL, WAIT; empty: none */
    struct text_lines title, text;
    struct graph_row *rows; /* start */
    uint32_t row_count;
    double x, y, width, height;
};
struct graph_line {
    double x[6], y[6];
    uint32_t count;
    bool has_arrow;
};
struct graph_label { /* of a branch; x is its middle */
    const struct plan_branch *branch;
    struct text_lines lines;
    double x, y, width, height;
};
struct graph_frame { /* around the body of a repeat or a flow */
    const struct plan_step *step;
    struct str text;
    double x, y, width, height;
};
struct graph {
    const struct compilation *compilation;
    const struct plan *plan;
    struct arena *arena;
    struct graph_card *cards;
    struct graph_line *lines;
    struct graph_label *labels;
    struct graph_frame *frames;
    uint32_t card_count, card_room, line_count, line_room, label_count, label_room, frame_count,
        frame_room;
    double width, height;
    struct shape *shapes; /* by step, within the campaign (graph.c) */
};

/* Sizes in CSS pixels, shared by layout and drawing. */
#define GRAPH_TEXT_SIZE 13.0
#define GRAPH_HEAD_SIZE 10.0
#define GRAPH_LINE_HEIGHT 18.0
#define GRAPH_TITLE_SIZE 17.0
#define GRAPH_TITLE_HEIGHT 24.0
#define GRAPH_PAD 12.0
#define GRAPH_WORD_WIDTH 94.0 /* of the words of the start card */

/* What a simulation counted, painted on the cards; NULL: nothing. */
struct graph_paint {
    uint64_t started;        /* of the campaign */
    const uint64_t *entered; /* by step of the image */
};

void graph_layout(struct graph *graph, const struct compilation *compilation,
                  const struct plan *plan, struct arena *arena);
/* One element <svg>; ids are the steps' stable names, `trigger` and `workflow` (its end), behind
 * the prefix "CAMPAIGN." where several campaigns stand in one document. `is_alone`: a document of
 * its own, with its style. */
void graph_svg(const struct graph *graph, bool has_prefix, const struct graph_paint *paint,
               bool is_alone, struct buf *out);
extern const char graph_style[]; /* CSS of these elements, for pages that hold them */
void graph_dot(const struct compilation *compilation, const struct plan *const *plans,
               uint32_t count, struct buf *out);
void graph_mermaid(const struct compilation *compilation, const struct plan *const *plans,
                   uint32_t count, struct buf *out);

#endif
