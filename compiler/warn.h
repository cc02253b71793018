/* warn.h: the parts of the pass that warns (LANGUAGE.md 6). */
#ifndef CAMP_COMPILER_WARN_H
#define CAMP_COMPILER_WARN_H

#include "compiler/internal.h"

/* warn.c: over a project without errors, behind the campaigns */
void warn_all(struct compiler *c);
/* reminder.c: of the campaign being looked at */
void warn_of_reminders(struct compiler *c);
/* reach.c, circle.c */
void warn_of_goal(struct compiler *c, const struct node *campaign);
void warn_of_circles(struct compiler *c);
/* unused.c */
void warn_of_unused(struct compiler *c);
void warn_of_idle_let(struct compiler *c, const struct node *let);
struct longest { /* text of an SMS: signs of its alphabet, as they are counted */
    uint32_t signs, segments;
    bool is_ucs2;
};
void longest_text(struct compiler *c, uint32_t code, struct longest *longest);
/* segment.c: an SMS whose text is the template `code` */
void warn_of_length(struct compiler *c, struct span span, uint32_t code);

#endif
