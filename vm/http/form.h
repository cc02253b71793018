/* form.h: application/x-www-form-urlencoded, as providers call back with, and the signature that
 * Twilio puts over it (WIRE.md 5). Pure: bytes in, texts of the arena out. */
#ifndef CAMP_VM_HTTP_FORM_H
#define CAMP_VM_HTTP_FORM_H

#include "vm/base/arena.h"

enum { FORM_FIELDS = 64, FORM_BYTES = 64 << 10 };
struct form_field {
    struct str name, value;
};
struct form {
    struct form_field fields[FORM_FIELDS];
    uint32_t count;
};
/* False when it is none: a broken escape, a NUL, more than 64 fields or 64 KiB. */
bool form_read(struct arena *arena, struct str body, struct form *form);
/* The first of that name; empty when there is none. */
struct str form_field(const struct form *form, const char *name);
/* `signature` is base64 of the HMAC-SHA1, under the token, of the URL that was called and all names
 * and values, sorted; a value that a field has twice counts once. The URL may be signed with the
 * port of its scheme written out, or with its port left out, as Twilio's own library allows. */
bool form_is_signed(const struct form *form, struct str token, struct str url,
                    struct str signature);

#endif
