/* accept.h: what arrives from outside, or stands in a literal, as a value of a declared type
 * (LANGUAGE.md P4): strict, and the same for authors and for traffic. */
#ifndef CAMP_VM_CODE_ACCEPT_H
#define CAMP_VM_CODE_ACCEPT_H

#include "vm/base/arena.h"
#include "vm/code/image.h"
#include "vm/code/value.h"

/* `type` is a row of the image's types. Unknown with *fits false when it does not fit; texts are
 * copied to the arena. */
struct value value_from_text(struct arena *arena, const struct image *image, uint32_t type,
                             struct str text, bool *fits);
struct value value_from_json(struct arena *arena, const struct image *image, uint32_t type,
                             struct str json, bool *fits);

/* What such a value has to be, for whoever sent another: "must be an integer". */
const char *value_wanted(const struct image *image, uint32_t type);

bool address_is_email(struct str address); /* a dot-atom at a host name, at most 254 bytes */
bool address_is_phone(struct str address); /* E.164 */
/* A word, without case and outer space, that carriers act on themselves: no answer (F4). */
bool text_is_opt_out(struct str text);

#endif
