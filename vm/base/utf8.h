/* utf8.h: UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef CAMP_VM_BASE_UTF8_H
#define CAMP_VM_BASE_UTF8_H

#include "vm/base/buf.h"

/* The code point at the front and its length in bytes; length 0 when it is not valid. */
uint32_t utf8_decode(struct str s, size_t *length);
bool utf8_is_valid(struct str s);
size_t utf8_count(struct str s); /* code points of valid text */
void buf_utf8(struct buf *out, uint32_t code_point);
/* Of the C.UTF-8 locale; the same where there is no other case. */
uint32_t utf8_upper(uint32_t code_point);
uint32_t utf8_lower(uint32_t code_point);

#endif
