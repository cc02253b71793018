/* plain.h: HTML mail as plain text (LANGUAGE.md M4): what a reader without HTML sees. */
#ifndef CAMP_VM_RUN_PLAIN_H
#define CAMP_VM_RUN_PLAIN_H

#include "vm/base/buf.h"

/* Headings are underlined, lists get `- ` or numbers, links their address in brackets, pictures
 * their alternative text, cells of a table two blanks between them; scripts, styles and comments
 * go. Any bytes are taken; lines are not wrapped. `out` fails past its limit. */
void plain_text(struct str html, struct buf *out);

#endif
