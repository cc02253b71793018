/* track.h: links in a mail's html that lead through us, so that opening and following are noticed
 * (LANGUAGE.md C2). The text stored in the outbox stays as it was shown; this is added on the way
 * out, and read from there again when a link is followed, so that a token can lead nowhere else. */
#ifndef CAMP_VM_RUN_TRACK_H
#define CAMP_VM_RUN_TRACK_H

#include "vm/run/engine.h"

/* The html with links of the row, in the arena; as it is when there is no room. */
struct str track_html(struct engine *engine, struct arena *arena, const struct outbox_row *row);
/* Where link number `link` (from 1) of the html leads; false: there is none. */
bool track_target(struct arena *arena, struct str html, uint32_t link, struct str *target);

#endif
