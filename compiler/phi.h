/* phi.h: where protected health information goes: directly into what leaves the house, and by
 * deciding whether or which message leaves it (LANGUAGE.md 6). */
#ifndef CAMP_COMPILER_PHI_H
#define CAMP_COMPILER_PHI_H

#include "compiler/internal.h"

/* The condition, value or instant reads phi. */
void phi_mark(struct compiler *c, const struct node *node, struct typed type);
/* The instant of a wait reads phi: that is listed, and decides nothing. */
void phi_note_moment(struct compiler *c, const struct node *node, struct typed type);
/* Phi that may go where it goes, or goes where nothing forbids it: for `camp check --phi`. */
void phi_note(struct compiler *c, enum phi_way way, struct span span, struct str what,
              struct str reason);
/* Does the output of a template stand within a web address? */
bool phi_is_in_url(struct compiler *c, struct span output);
/* Behind all campaigns: what phi decides; reports it where no `allow phi` stands. */
void phi_check(struct compiler *c);

#endif
