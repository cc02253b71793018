/* json.c: the scanner and writer of json.h. The state says what may come next; nesting is one bit a
 * level. */
#include "vm/base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "vm/base/civil.h"
#include "vm/base/utf8.h"

enum state {
    EXPECT_VALUE,
    EXPECT_FIRST_KEY,
    EXPECT_KEY,
    EXPECT_FIRST_ELEMENT,
    AFTER_VALUE,
    AT_END
};

void json_begin(struct json_scan *scan, struct str text)
{
    *scan = (struct json_scan){.text = text, .state = EXPECT_VALUE};
}

static enum json_kind fail(struct json_scan *scan, const char *error)
{
    scan->error = error;
    return JSON_ERROR;
}

static int peek(const struct json_scan *scan)
{
    return scan->offset < scan->text.len ? (unsigned char)scan->text.at[scan->offset] : -1;
}

static int skip_blanks(struct json_scan *scan)
{
    int c;
    while ((c = peek(scan)) == ' ' || c == '\t' || c == '\n' || c == '\r')
        scan->offset++;
    return c;
}

static bool is_inside_object(const struct json_scan *scan)
{
    return scan->depth && (scan->is_object >> (scan->depth - 1) & 1);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits at the front of s. */
static bool hex4(struct str s, uint32_t *number)
{
    *number = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < s.len ? hex_digit(s.at[i]) : -1;
        if (digit < 0)
            return false;
        *number = *number << 4 | (uint32_t)digit;
    }
    return true;
}

/* The escape behind the backslash at s.at[0]: its length with the backslash, 0 when it is none. */
static size_t escape_length(struct str s, uint32_t *code_point)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (s.len < 2)
        return 0;
    const char *letter = s.at[1] ? strchr(letters, s.at[1]) : NULL;
    if (letter) {
        *code_point = (unsigned char)meanings[letter - letters];
        return 2;
    }
    uint32_t high, low;
    if (s.at[1] != 'u' || !hex4(str_from(s, 2), &high))
        return 0;
    *code_point = high;
    if (high < 0xd800 || high > 0xdfff)
        return 6;
    if (high > 0xdbff || s.len < 12 || s.at[6] != '\\' || s.at[7] != 'u' ||
        !hex4(str_from(s, 8), &low) || low < 0xdc00 || low > 0xdfff)
        return 0;
    *code_point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    return 12;
}

static bool scan_string(struct json_scan *scan)
{
    size_t start = ++scan->offset;
    scan->has_escapes = false;
    for (;;) {
        int c = peek(scan);
        if (c < 0)
            return fail(scan, "a text that does not end"), false;
        if (c == '"')
            break;
        if (c < 0x20)
            return fail(scan, "a control character in a text"), false;
        struct str rest = str_from(scan->text, scan->offset);
        size_t length = 1;
        uint32_t ignored;
        if (c == '\\') {
            scan->has_escapes = true;
            length = escape_length(rest, &ignored);
        } else if (c >= 0x80) {
            utf8_decode(rest, &length);
        }
        if (!length)
            return fail(scan, c == '\\' ? "an escape that does not exist" : "not valid UTF-8"),
                   false;
        scan->offset += length;
    }
    scan->raw = (struct str){scan->text.at + start, scan->offset - start};
    scan->offset++;
    return true;
}

static bool scan_digits(struct json_scan *scan)
{
    size_t start = scan->offset;
    while (peek(scan) >= '0' && peek(scan) <= '9')
        scan->offset++;
    return scan->offset > start;
}

/* False when it does not fit 64 bits. */
static bool integer_of(struct str digits, bool is_negative, int64_t *integer)
{
    *integer = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int digit = digits.at[i] - '0';
        if (__builtin_mul_overflow(*integer, 10, integer) ||
            __builtin_add_overflow(*integer, is_negative ? -digit : digit, integer))
            return false;
    }
    return true;
}

static enum json_kind scan_number(struct json_scan *scan)
{
    size_t start = scan->offset;
    bool is_whole = true, is_negative = peek(scan) == '-';
    if (is_negative)
        scan->offset++;
    size_t digits = scan->offset;
    if (!scan_digits(scan))
        return fail(scan, "a number needs digits");
    if (scan->text.at[digits] == '0' && scan->offset > digits + 1)
        return fail(scan, "a number does not begin with 0");
    size_t digits_end = scan->offset;
    if (peek(scan) == '.') {
        is_whole = false;
        scan->offset++;
        if (!scan_digits(scan))
            return fail(scan, "digits are missing after the point");
    }
    if (peek(scan) == 'e' || peek(scan) == 'E') {
        is_whole = false;
        scan->offset++;
        if (peek(scan) == '+' || peek(scan) == '-')
            scan->offset++;
        if (!scan_digits(scan))
            return fail(scan, "digits are missing in the exponent");
    }
    scan->raw = (struct str){scan->text.at + start, scan->offset - start};
    scan->has_escapes = false;
    struct str whole = {scan->text.at + digits, digits_end - digits};
    if (is_whole && integer_of(whole, is_negative, &scan->integer)) {
        scan->number = (double)scan->integer;
        return JSON_INT;
    }
    char text[512];
    if (scan->raw.len >= sizeof text)
        return fail(scan, "a number of too many digits");
    memcpy(text, scan->raw.at, scan->raw.len);
    text[scan->raw.len] = 0;
    scan->number = strtod(text, NULL);
    if (!isfinite(scan->number))
        return fail(scan, "a number that is too large");
    return JSON_NUMBER;
}

static enum json_kind scan_word(struct json_scan *scan, struct str word, enum json_kind kind)
{
    struct str rest = str_from(scan->text, scan->offset);
    if (!str_starts(rest, word))
        return fail(scan, "not a value");
    scan->raw = (struct str){rest.at, word.len};
    scan->offset += word.len;
    return kind;
}

static enum json_kind open_level(struct json_scan *scan, bool is_object)
{
    if (scan->depth == JSON_MAX_DEPTH)
        return fail(scan, "nested too deeply");
    scan->offset++;
    uint64_t bit = UINT64_C(1) << scan->depth++;
    scan->is_object = is_object ? scan->is_object | bit : scan->is_object & ~bit;
    scan->state = is_object ? EXPECT_FIRST_KEY : EXPECT_FIRST_ELEMENT;
    return is_object ? JSON_OBJECT : JSON_ARRAY;
}

static enum json_kind close_level(struct json_scan *scan)
{
    bool was_object = is_inside_object(scan);
    scan->offset++;
    scan->depth--;
    scan->state = scan->depth ? AFTER_VALUE : AT_END;
    return was_object ? JSON_OBJECT_END : JSON_ARRAY_END;
}

static enum json_kind scan_scalar(struct json_scan *scan, int c)
{
    switch (c) {
    case '"':
        return scan_string(scan) ? JSON_STRING : JSON_ERROR;
    case 't':
        return scan_word(scan, STR("true"), JSON_TRUE);
    case 'f':
        return scan_word(scan, STR("false"), JSON_FALSE);
    case 'n':
        return scan_word(scan, STR("null"), JSON_NULL);
    default:
        if (c == '-' || (c >= '0' && c <= '9'))
            return scan_number(scan);
        return fail(scan, c < 0 ? "the text ends too early" : "not a value");
    }
}

static enum json_kind scan_value(struct json_scan *scan, int c)
{
    if (c == '{' || c == '[')
        return open_level(scan, c == '{');
    enum json_kind kind = scan_scalar(scan, c);
    if (kind != JSON_ERROR)
        scan->state = scan->depth ? AFTER_VALUE : AT_END;
    return kind;
}

static enum json_kind scan_key(struct json_scan *scan, int c)
{
    if (c != '"')
        return fail(scan, c < 0 ? "the text ends too early" : "a key must be a text in quotes");
    if (!scan_string(scan))
        return JSON_ERROR;
    if (skip_blanks(scan) != ':')
        return fail(scan, "a colon is missing after the key");
    scan->offset++;
    scan->state = EXPECT_VALUE;
    return JSON_KEY;
}

enum json_kind json_next(struct json_scan *scan)
{
    if (scan->error)
        return JSON_ERROR;
    int c = skip_blanks(scan);
    switch ((enum state)scan->state) {
    case AT_END:
        return c < 0 ? JSON_END : fail(scan, "something stands behind the value");
    case EXPECT_FIRST_KEY:
        return c == '}' ? close_level(scan) : scan_key(scan, c);
    case EXPECT_FIRST_ELEMENT:
        return c == ']' ? close_level(scan) : scan_value(scan, c);
    case AFTER_VALUE:
        if (c == (is_inside_object(scan) ? '}' : ']'))
            return close_level(scan);
        if (c != ',')
            return fail(scan, c < 0 ? "the text ends too early" : "a comma is missing");
        scan->offset++;
        c = skip_blanks(scan);
        return is_inside_object(scan) ? scan_key(scan, c) : scan_value(scan, c);
    case EXPECT_KEY:
    case EXPECT_VALUE:
        break;
    }
    return scan_value(scan, c);
}

struct str json_text(const struct json_scan *scan, struct arena *arena)
{
    struct str raw = scan->raw;
    if (!scan->has_escapes)
        return raw;
    char *to = arena_alloc(arena, raw.len + 1);
    if (!to)
        return (struct str){0};
    struct buf out = {.data = (unsigned char *)to, .cap = raw.len + 1, .limit = raw.len + 1};
    while (raw.len) {
        uint32_t code_point;
        size_t length = 1;
        if (raw.at[0] == '\\') {
            length = escape_length(raw, &code_point);
            ensure(length);
            buf_utf8(&out, code_point);
        } else {
            buf_byte(&out, (unsigned char)raw.at[0]);
        }
        raw = (struct str){raw.at + length, raw.len - length};
    }
    return (struct str){to, out.len};
}

bool json_value(struct json_scan *scan, struct str *raw)
{
    uint32_t depth = scan->depth;
    skip_blanks(scan);
    size_t start = scan->offset;
    /* Between the elements of an array stands a comma. */
    if (start < scan->text.len && scan->text.at[start] == ',')
        start++;
    do {
        enum json_kind kind = json_next(scan);
        if (kind == JSON_ERROR || kind == JSON_END)
            return false;
        if (scan->depth < depth)
            return fail(scan, "a value is missing"), false;
    } while (scan->depth > depth);
    *raw = str_trim((struct str){scan->text.at + start, scan->offset - start});
    return true;
}

void json_put_text(struct buf *out, struct str text)
{
    buf_byte(out, '"');
    while (text.len) {
        size_t length;
        uint32_t c = utf8_decode(text, &length);
        if (!length) {
            buf_c(out, "\xef\xbf\xbd");
            length = 1;
        } else if (c == '"' || c == '\\') {
            buf_byte(out, '\\');
            buf_byte(out, (unsigned char)c);
        } else if (c == '\n') {
            buf_c(out, "\\n");
        } else if (c < 0x20 || c == 0x7f) {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_put(out, text.at, length);
        }
        text = (struct str){text.at + length, text.len - length};
    }
    buf_byte(out, '"');
}

void json_put_number(struct buf *out, double number)
{
    if (number == floor(number) && fabs(number) < 1e15) {
        buf_printf(out, "%.0f", number == 0 ? 0.0 : number);
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (!(strtod(text, NULL) < number) && !(strtod(text, NULL) > number))
            break;
    }
    buf_c(out, text);
}

void json_put_int(struct buf *out, int64_t number)
{
    buf_printf(out, "%lld", (long long)number);
}

void json_put_time(struct buf *out, int64_t at_ms)
{
    buf_byte(out, '"');
    buf_instant(out, at_ms);
    buf_byte(out, '"');
}
