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

bool form_is_signed(const struct form *form, struct str token, struct str url, struct str signature)
{
    unsigned char digest[SHA1_BYTES];
    struct form sorted = *form;
    struct buf what, expected;
    qsort(sorted.fields, sorted.count, sizeof *sorted.fields, by_name);
    buf_init(&what, 2 * FORM_BYTES);
    buf_init(&expected, 64);
    buf_str(&what, url);
    for (uint32_t i = 0; i < sorted.count; i++) {
        buf_str(&what, sorted.fields[i].name);
        buf_str(&what, sorted.fields[i].value);
    }
    hmac_sha1(token, buf_view(&what), digest);
    buf_base64(&expected, (struct str){(const char *)digest, sizeof digest});
    bool is_same = !what.failed && signature.len == expected.len &&
                   equal_in_constant_time(signature.at, expected.data, expected.len);
    buf_free(&what);
    buf_free(&expected);
    return is_same;
}
