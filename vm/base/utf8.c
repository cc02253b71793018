/* utf8.c: see utf8.h. */
#include "vm/base/utf8.h"

#include <locale.h>
#include <wctype.h>

uint32_t utf8_decode(struct str s, size_t *length)
{
    *length = 0;
    if (!s.len)
        return 0;
    const unsigned char *at = (const unsigned char *)s.at;
    if (at[0] < 0x80) {
        *length = 1;
        return at[0];
    }
    size_t size = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || s.len < size)
        return 0;
    uint32_t code_point = at[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code_point = code_point << 6 | (at[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code_point < least[size] || code_point > 0x10ffff ||
        (code_point >= 0xd800 && code_point <= 0xdfff))
        return 0;
    *length = size;
    return code_point;
}

bool utf8_is_valid(struct str s)
{
    while (s.len) {
        size_t length;
        utf8_decode(s, &length);
        if (!length)
            return false;
        s = (struct str){s.at + length, s.len - length};
    }
    return true;
}

size_t utf8_count(struct str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += ((unsigned char)s.at[i] & 0xc0) != 0x80;
    return count;
}

void buf_utf8(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_byte(out, (unsigned char)c);
    } else if (c < 0x800) {
        buf_byte(out, (unsigned char)(0xc0 | c >> 6));
        buf_byte(out, (unsigned char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buf_byte(out, (unsigned char)(0xe0 | c >> 12));
        buf_byte(out, (unsigned char)(0x80 | (c >> 6 & 0x3f)));
        buf_byte(out, (unsigned char)(0x80 | (c & 0x3f)));
    } else {
        buf_byte(out, (unsigned char)(0xf0 | c >> 18));
        buf_byte(out, (unsigned char)(0x80 | (c >> 12 & 0x3f)));
        buf_byte(out, (unsigned char)(0x80 | (c >> 6 & 0x3f)));
        buf_byte(out, (unsigned char)(0x80 | (c & 0x3f)));
    }
}

static locale_t unicode(void)
{
    static locale_t locale;
    if (!locale)
        locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    return locale;
}

uint32_t utf8_upper(uint32_t code_point)
{
    if (code_point < 0x80)
        return code_point >= 'a' && code_point <= 'z' ? code_point - 32 : code_point;
    return unicode() ? (uint32_t)towupper_l((wint_t)code_point, unicode()) : code_point;
}

uint32_t utf8_lower(uint32_t code_point)
{
    if (code_point < 0x80)
        return code_point >= 'A' && code_point <= 'Z' ? code_point + 32 : code_point;
    return unicode() ? (uint32_t)towlower_l((wint_t)code_point, unicode()) : code_point;
}
