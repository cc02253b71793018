/* plan.h: campaigns as a person reads them: steps in order, branches with their words, each joined
 * to the row of the image that counts it. The tree gives the words, the image the stable names;
 * both list steps in the order in which the compiler meets them (a flow stands in place, once for
 * each `do`). Graphs, coverage and the page of a simulation are drawn from it. */
#ifndef CAMP_COMPILER_TOOL_PLAN_H
#define CAMP_COMPILER_TOOL_PLAN_H

#include "compiler/compile.h"

enum branch_form {
    BRANCH_GIVEN = 1, /* written in the text */
    BRANCH_IMPLIED    /* not written, but a way all the same: the condition of an `if` is false */
};
struct plan_branch {
    enum branch_form form;
    struct str label;        /* "yes", "otherwise", "\"y\"", "short 50%" */
    struct span span;        /* of its block; implied: of the step */
    struct plan_step *first; /* NULL: it has no step */
    uint32_t index;          /* among all branches of the project */
    struct plan_branch *next;
};
struct plan_step {
    const struct node *node;
    uint32_t row;      /* of the image's steps */
    struct str name;   /* stable, unique in the campaign */
    struct str phrase; /* what it does, in one line: "wait 2 days" */
    struct plan_branch *branches;
    struct plan_step *body; /* of a repeat or a flow */
    struct plan_step *next;
};
struct plan_exit {
    struct span span;
    struct str phrase; /* "exit on event appointment.booked" */
    uint32_t row;      /* of the image's exits; IMAGE_NONE: on goal */
    struct plan_exit *next;
};
struct plan {
    const struct node *campaign;
    uint32_t row; /* of the image's campaigns */
    struct plan_step *first;
    struct plan_exit *exits;
};
struct plans {
    struct plan *items; /* by row of the image's campaigns */
    uint32_t count, branch_count;
    struct plan_step **steps; /* by row of the image's steps */
};

/* Of a compilation without errors; memory of the arena. */
void plans_build(const struct compilation *compilation, struct arena *arena, struct plans *plans);
/* The text of a span with runs of blanks as one, cut after `most` signs with … behind. */
struct str plan_text(const struct compilation *compilation, struct arena *arena, struct span span,
                     size_t most);

#endif
