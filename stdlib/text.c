/* text.c: filters of texts. */
#include "stdlib/filter.h"
#include "vm/base/utf8.h"

static bool is_white(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct value map_letters(struct call *call, struct value v, uint32_t (*first)(uint32_t),
                                uint32_t (*rest)(uint32_t))
{
    struct buf out;
    struct str text = filter_text(call, v);
    buf_init(&out, TEXT_LIMIT);
    for (bool is_first = true; text.len; is_first = false) {
        size_t length;
        uint32_t c = utf8_decode(text, &length);
        bool is_sharp_s = c == 0xdf && (is_first ? first : rest) == utf8_upper;
        if (!length)
            buf_byte(&out, (unsigned char)text.at[0]);
        else if (is_sharp_s)
            buf_c(&out, rest == utf8_upper ? "SS" : "Ss");
        else
            buf_utf8(&out, is_first ? first(c) : rest(c));
        text = str_from(text, length ? length : 1);
    }
    return filter_done(call, &out);
}

struct value text_upcase(struct call *call, const struct value *v, uint32_t count)
{
    (void)count;
    return map_letters(call, *v, utf8_upper, utf8_upper);
}

struct value text_downcase(struct call *call, const struct value *v, uint32_t count)
{
    (void)count;
    return map_letters(call, *v, utf8_lower, utf8_lower);
}

struct value text_capitalize(struct call *call, const struct value *v, uint32_t count)
{
    (void)count;
    return map_letters(call, *v, utf8_upper, utf8_lower);
}

static void put_escaped(struct buf *out, struct str text, bool once)
{
    static const char special[] = "&<>\"'";
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < text.len; i++) {
        const char *found = text.at[i] ? strchr(special, text.at[i]) : NULL;
        size_t end = i + 1;
        if (once && text.at[i] == '&') {
            bool is_number = end < text.len && text.at[end] == '#';
            size_t first = end += is_number;
            while (end < text.len &&
                   (is_number ? text.at[end] >= '0' && text.at[end] <= '9'
                              : (text.at[end] | 0x20) >= 'a' && (text.at[end] | 0x20) <= 'z'))
                end++;
            if (end > first && end < text.len && text.at[end] == ';')
                found = NULL;
        }
        if (found)
            buf_c(out, entities[found - special]);
        else
            buf_byte(out, (unsigned char)text.at[i]);
    }
}

/* Safe text and unsafe text become safe text: the unsafe is escaped. */
static struct value join_two(struct call *call, struct value a, struct value b)
{
    struct buf out;
    bool is_safe = a.is_safe || b.is_safe;
    buf_init(&out, TEXT_LIMIT);
    for (int i = 0; i < 2; i++) {
        struct value part = i ? b : a;
        if (is_safe && !part.is_safe)
            put_escaped(&out, filter_text(call, part), false);
        else
            buf_str(&out, filter_text(call, part));
    }
    struct value joined = filter_done(call, &out);
    joined.is_safe = is_safe;
    return joined;
}

struct value text_append(struct call *call, const struct value *v, uint32_t count)
{
    return join_two(call, v[0], argument(v, count, 1));
}

struct value text_prepend(struct call *call, const struct value *v, uint32_t count)
{
    return join_two(call, argument(v, count, 1), v[0]);
}

static struct value strip(struct call *call, struct value v, bool left, bool right)
{
    struct str text = filter_text(call, v);
    while (left && text.len && (is_white(text.at[0]) || !text.at[0]))
        text = str_from(text, 1);
    while (right && text.len && (is_white(text.at[text.len - 1]) || !text.at[text.len - 1]))
        text.len--;
    struct value stripped = value_text(text.at ? text : STR(""));
    stripped.is_safe = v.is_safe;
    return stripped;
}

struct value text_strip(struct call *call, const struct value *v, uint32_t count)
{
    (void)count;
    return strip(call, *v, true, true);
}

struct value text_lstrip(struct call *call, const struct value *v, uint32_t count)
{
    (void)count;
    return strip(call, *v, true, false);
}

struct value text_rstrip(struct call *call, const struct value *v, uint32_t count)
{
    (void)count;
    return strip(call, *v, false, true);
}

/* At each line end, LF or CR LF, `with` instead. */
static struct value replace_lines(struct call *call, struct value v, const char *with)
{
    struct buf out;
    struct str text = filter_text(call, v);
    buf_init(&out, TEXT_LIMIT);
    for (size_t i = 0; i < text.len; i++) {
        bool is_pair = text.at[i] == '\r' && i + 1 < text.len && text.at[i + 1] == '\n';
        if (text.at[i] == '\n' || is_pair)
            buf_c(&out, with);
        else
            buf_byte(&out, (unsigned char)text.at[i]);
        i += is_pair;
    }
    struct value replaced = filter_done(call, &out);
    replaced.is_safe = v.is_safe;
    return replaced;
}

struct value text_strip_newlines(struct call *call, const struct value *v, uint32_t count)
{
    (void)count;
    return replace_lines(call, *v, "");
}

struct value text_newline_to_br(struct call *call, const struct value *v, uint32_t count)
{
    (void)count;
    return replace_lines(call, *v, "<br />\n");
}

/* What begins with `open` and ends with `close`, and how long it is; 0: nothing does here. */
static size_t enclosed(struct str text, const char *open, const char *close)
{
    struct str start = str_of(open);
    if (!str_starts(text, start))
        return 0;
    size_t end = str_find(str_from(text, start.len), str_of(close));
    return end == SIZE_MAX ? 0 : start.len + end + strlen(close);
}

struct value text_strip_html(struct call *call, const struct value *v, uint32_t count)
{
    static const char *const passes[][2][3] = {
        {{"<script", "<!--", "<style"}, {"</script>", "-->", "</style>"}}, {{"<"}, {">"}}};
    struct str text = filter_text(call, *v);
    struct buf out;
    (void)count;
    for (size_t pass = 0; pass < ARRAY_COUNT(passes); pass++) {
        bool has_end = true;
        buf_init(&out, TEXT_LIMIT);
        while (text.len) {
            size_t length = 0;
            for (size_t i = 0; i < 3 && has_end && !length && text.at[0] == '<'; i++)
                if (passes[pass][0][i])
                    length = enclosed(text, passes[pass][0][i], passes[pass][1][i]);
            has_end &= pass == 0 || length || text.at[0] != '<';
            if (!length)
                buf_byte(&out, (unsigned char)text.at[0]);
            text = str_from(text, length ? length : 1);
        }
        struct value stripped = filter_done(call, &out);
        text = stripped.kind == VALUE_TEXT ? stripped.text : (struct str){0};
    }
    return text.at ? value_text(text) : value_unknown();
}

/* Bytes of the first `characters`. */
static size_t prefix(struct str text, int64_t characters)
{
    size_t at = 0;
    while (characters-- > 0 && at < text.len) {
        size_t length;
        utf8_decode(str_from(text, at), &length);
        at += length ? length : 1;
    }
    return at;
}

static bool length_of(struct call *call, const struct value *v, uint32_t count, int64_t usual,
                      int64_t *length)
{
    *length = usual;
    if (count < 2 || liquid_integer(v[1], length))
        return true;
    call->error = "the length is no integer";
    return false;
}

struct value text_truncate(struct call *call, const struct value *v, uint32_t count)
{
    int64_t most;
    if (v->kind == VALUE_UNKNOWN || !length_of(call, v, count, 50, &most))
        return value_unknown();
    struct str text = filter_text(call, *v), end = count > 2 ? filter_text(call, v[2]) : STR("...");
    if ((int64_t)utf8_count(text) <= most)
        return value_text(text);
    struct buf out;
    buf_init(&out, TEXT_LIMIT);
    buf_put(&out, text.at, prefix(text, most - (int64_t)utf8_count(end)));
    buf_str(&out, end);
    return filter_done(call, &out);
}

struct value text_truncatewords(struct call *call, const struct value *v, uint32_t count)
{
    int64_t most;
    if (v->kind == VALUE_UNKNOWN || !length_of(call, v, count, 15, &most))
        return value_unknown();
    struct str text = filter_text(call, *v), rest = text;
    struct buf out;
    buf_init(&out, TEXT_LIMIT);
    most = most < 1 ? 1 : most;
    for (int64_t words = 0;; words++) {
        struct str behind = rest;
        while (rest.len && is_white(rest.at[0]))
            rest = str_from(rest, 1);
        if (words == most)
            rest = behind; /* white space alone counts as more */
        if (!rest.len || words == most)
            break;
        size_t length = 0;
        while (length < rest.len && !is_white(rest.at[length]))
            length++;
        if (words)
            buf_byte(&out, ' ');
        buf_put(&out, rest.at, length);
        rest = str_from(rest, length);
    }
    if (!rest.len) {
        buf_free(&out);
        return value_text(text);
    }
    buf_str(&out, count > 2 ? filter_text(call, v[2]) : STR("..."));
    return filter_done(call, &out);
}

/* Every occurrence, or the first alone. An empty part stands between all characters. */
static struct value replace(struct call *call, struct str text, struct str part, struct str with,
                            bool only_first)
{
    struct buf out;
    buf_init(&out, TEXT_LIMIT);
    for (bool goes_on = true; goes_on;) {
        size_t at = part.len ? str_find(text, part) : 0;
        goes_on = at != SIZE_MAX && !only_first;
        if (at == SIZE_MAX)
            break;
        buf_put(&out, text.at, at);
        buf_str(&out, with);
        text = str_from(text, at + part.len);
        if (!part.len && goes_on) {
            size_t length = prefix(text, 1);
            goes_on = length != 0;
            buf_put(&out, text.at, length);
            text = str_from(text, length);
        }
    }
    buf_str(&out, text);
    return filter_done(call, &out);
}

static struct value replace_last(struct call *call, struct str text, struct str part,
                                 struct str with)
{
    struct buf out;
    size_t at = text.len + 1;
    while (at-- > 0)
        if (str_starts(str_from(text, at), part) || !part.len)
            break;
    if (at == SIZE_MAX)
        return value_text(text);
    buf_init(&out, TEXT_LIMIT);
    buf_put(&out, text.at, at);
    buf_str(&out, with);
    buf_str(&out, str_from(text, at + part.len));
    return filter_done(call, &out);
}

struct value text_replace(struct call *call, const struct value *v, uint32_t count)
{
    return replace(call, filter_text(call, v[0]), filter_text(call, v[1]),
                   filter_text(call, argument(v, count, 2)), false);
}

struct value text_replace_first(struct call *call, const struct value *v, uint32_t count)
{
    return replace(call, filter_text(call, v[0]), filter_text(call, v[1]),
                   filter_text(call, argument(v, count, 2)), true);
}

struct value text_replace_last(struct call *call, const struct value *v, uint32_t count)
{
    return replace_last(call, filter_text(call, v[0]), filter_text(call, v[1]),
                        filter_text(call, argument(v, count, 2)));
}

struct value text_remove(struct call *call, const struct value *v, uint32_t count)
{
    (void)count;
    return replace(call, filter_text(call, v[0]), filter_text(call, v[1]), STR(""), false);
}

struct value text_remove_first(struct call *call, const struct value *v, uint32_t count)
{
    (void)count;
    return replace(call, filter_text(call, v[0]), filter_text(call, v[1]), STR(""), true);
}

struct value text_remove_last(struct call *call, const struct value *v, uint32_t count)
{
    (void)count;
    return replace_last(call, filter_text(call, v[0]), filter_text(call, v[1]), STR(""));
}

static struct value escape(struct call *call, struct value v, bool once)
{
    struct buf out;
    if (v.is_safe || (v.kind == VALUE_UNKNOWN && !once))
        return v;
    buf_init(&out, TEXT_LIMIT);
    put_escaped(&out, filter_text(call, v), once);
    struct value escaped = filter_done(call, &out);
    escaped.is_safe = true;
    return escaped;
}

struct value text_escape(struct call *call, const struct value *v, uint32_t count)
{
    (void)count;
    return escape(call, *v, false);
}

struct value text_escape_once(struct call *call, const struct value *v, uint32_t count)
{
    (void)count;
    return escape(call, *v, true);
}

struct value text_raw(struct call *call, const struct value *v, uint32_t count)
{
    struct buf out;
    (void)count;
    buf_init(&out, TEXT_LIMIT);
    value_print(call->clinic_zone, call->is_liquid, *v, &out);
    struct value safe = filter_done(call, &out);
    safe.is_safe = true;
    return safe;
}

struct value text_url_encode(struct call *call, const struct value *v, uint32_t count)
{
    struct buf out;
    struct str text = filter_text(call, *v);
    (void)count;
    if (v->kind == VALUE_UNKNOWN)
        return *v;
    buf_init(&out, TEXT_LIMIT);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                        (c >= 'A' && c <= 'Z') || (c && strchr("_.-~", c));
        if (c == ' ')
            buf_byte(&out, '+');
        else if (is_plain)
            buf_byte(&out, c);
        else
            buf_printf(&out, "%%%02X", c);
    }
    return filter_done(call, &out);
}

static int hex(char c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

struct value text_url_decode(struct call *call, const struct value *v, uint32_t count)
{
    struct buf out;
    struct str text = filter_text(call, *v);
    (void)count;
    if (v->kind == VALUE_UNKNOWN)
        return *v;
    buf_init(&out, TEXT_LIMIT);
    for (size_t i = 0; i < text.len; i++) {
        bool is_code = text.at[i] == '%' && i + 2 < text.len && hex(text.at[i + 1]) >= 0 &&
                       hex(text.at[i + 2]) >= 0;
        if (is_code)
            buf_byte(&out, (unsigned char)(hex(text.at[i + 1]) * 16 + hex(text.at[i + 2])));
        else
            buf_byte(&out, text.at[i] == '+' ? ' ' : (unsigned char)text.at[i]);
        i += is_code ? 2 : 0;
    }
    struct value decoded = filter_done(call, &out);
    return decoded.kind == VALUE_TEXT && !utf8_is_valid(decoded.text)
               ? filter_wrong(call, "what it means is not UTF-8")
               : decoded;
}

/* The next part, and *rest behind it; an empty separator gives characters. */
static struct str next_part(struct str *rest, struct str separator, bool by_blanks)
{
    size_t end = 0, next;
    if (by_blanks) {
        while (end < rest->len && !is_white(rest->at[end]))
            end++;
        for (next = end; next < rest->len && is_white(rest->at[next]);)
            next++;
    } else if (!separator.len) {
        next = end = prefix(*rest, 1);
    } else {
        end = str_find(*rest, separator);
        next = end == SIZE_MAX ? rest->len : end + separator.len;
        end = end == SIZE_MAX ? rest->len : end;
    }
    struct str part = {rest->at, end};
    *rest = str_from(*rest, next);
    return part;
}

struct value text_split(struct call *call, const struct value *v, uint32_t count)
{
    struct str text = filter_text(call, v[0]), separator = filter_text(call, argument(v, count, 1));
    bool by_blanks = str_eq(separator, STR(" "));
    uint32_t parts = 0, kept = 0;
    while (by_blanks && text.len && is_white(text.at[0]))
        text = str_from(text, 1);
    for (struct str rest = text; rest.len; parts++)
        next_part(&rest, separator, by_blanks);
    if (parts > LIQUID_MAX_ITEMS)
        return filter_wrong(call, "more than 100,000 parts");
    struct value *items = arena_array(call->arena, parts + 1, sizeof *items);
    call->failed |= !items;
    if (!items)
        return value_unknown();
    for (uint32_t i = 0; i < parts; i++) {
        struct str part = next_part(&text, separator, by_blanks);
        items[i] = value_text(part);
        kept = part.len ? i + 1 : kept;
    }
    return filter_list(call, items, kept);
}
