/* form.c: see form.h. */
#include "vm/http/form.h"

#include <stdlib.h>

#include "vm/base/hash.h"
#include "vm/base/sha1.h"
#include "vm/http/message.h"

static bool read_part(struct arena *arena, struct str raw, struct str *part)
{
    struct buf text;
    buf_init(&text, FORM_BYTES);
    bool is_sound = http_unescape(raw, true, &text);
    *part = arena_str(arena, buf_view(&text));
    buf_free(&text);
    return is_sound;
}

bool form_read(struct arena *arena, struct str body, struct form *form)
{
    struct str rest = body;
    form->count = 0;
    if (rest.len > FORM_BYTES)
        return false;
    while (rest.len) {
        size_t end = str_find(rest, STR("&"));
        struct str pair = {rest.at, end == SIZE_MAX ? rest.len : end};
        size_t equals = str_find(pair, STR("="));
        struct str name = {pair.at, equals == SIZE_MAX ? pair.len : equals};
        struct str value = equals == SIZE_MAX ? (struct str){0} : str_from(pair, equals + 1);
        rest = end == SIZE_MAX ? (struct str){0} : str_from(rest, end + 1);
        if (form->count == FORM_FIELDS)
            return false;
        struct form_field *field = &form->fields[form->count++];
        if (!read_part(arena, name, &field->name) || !read_part(arena, value, &field->value))
            return false;
    }
    return true;
}

struct str form_field(const struct form *form, const char *name)
{
    for (uint32_t i = 0; i < form->count; i++)
        if (str_eq_c(form->fields[i].name, name))
            return form->fields[i].value;
    return (struct str){0};
}

static int by_name(const void *a, const void *b)
{
    const struct form_field *x = a, *y = b;
    int order = str_cmp(x->name, y->name);
    return order ? order : str_cmp(x->value, y->value);
}

/* Appends the URL without its port, or, where it has none, with that of its scheme. */
static void put_with_other_port(struct buf *out, struct str url)
{
    size_t scheme = str_find(url, STR("://"));
    size_t start = scheme == SIZE_MAX ? 0 : scheme + 3;
    size_t slash = str_find(str_from(url, start), STR("/"));
    size_t end = slash == SIZE_MAX ? url.len : start + slash, digits = end;
    while (digits > start && url.at[digits - 1] >= '0' && url.at[digits - 1] <= '9')
        digits--;
    bool has_port = digits < end && digits > start && url.at[digits - 1] == ':';
    buf_str(out, (struct str){url.at, has_port ? digits - 1 : end});
    if (!has_port)
        buf_c(out, str_starts(url, STR("https:")) ? ":443" : ":80");
    buf_str(out, str_from(url, end));
}

/* `fields` are sorted. */
static bool fits(const struct form *fields, struct str token, struct str url, bool is_other_port,
                 struct str signature)
{
    unsigned char digest[SHA1_BYTES];
    struct buf what, expected;
    buf_init(&what, 2 * FORM_BYTES);
    buf_init(&expected, 64);
    if (is_other_port)
        put_with_other_port(&what, url);
    else
        buf_str(&what, url);
    for (uint32_t i = 0; i < fields->count; i++) {
        if (i && by_name(&fields->fields[i - 1], &fields->fields[i]) == 0)
            continue;
        buf_str(&what, fields->fields[i].name);
        buf_str(&what, fields->fields[i].value);
    }
    hmac_sha1(token, buf_view(&what), digest);
    buf_base64(&expected, (struct str){(const char *)digest, sizeof digest});
    bool is_same = !what.failed && signature.len == expected.len &&
                   equal_in_constant_time(signature.at, expected.data, expected.len);
    buf_free(&what);
    buf_free(&expected);
    return is_same;
}

bool form_is_signed(const struct form *form, struct str token, struct str url, struct str signature)
{
    struct form sorted = *form;
    qsort(sorted.fields, sorted.count, sizeof *sorted.fields, by_name);
    return fits(&sorted, token, url, false, signature) ||
           fits(&sorted, token, url, true, signature);
}
