/* fuzz_accept.c: any text as an address: who is taken can add no line, part or recipient to a
 * message. Then the text as a literal, and as JSON, of every type. */
#include "vm/base/utf8.h"
#include "vm/code/accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        ensure(c > ' ' && c < 0x7f && !strchr("<>,;:\\\"()[]", c));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct image_type types[16];
    struct str text = {(const char *)data, size};
    struct image image = {.types = types, .type_count = ARRAY_COUNT(types)};
    struct arena arena;
    arena_init(&arena, 1 << 20);
    if (address_is_email(text)) {
        ensure(text.len <= 254);
        check_address(text);
    }
    if (address_is_phone(text)) {
        ensure(text.len <= 16 && text.at[0] == '+');
        check_address(text);
    }
    text_is_opt_out(text);
    for (uint32_t i = 0; i < ARRAY_COUNT(types); i++) {
        bool fits;
        types[i].kind = TYPE_TEXT + i <= TYPE_LANGUAGE ? TYPE_TEXT + i : TYPE_TEXT;
        struct value v = value_from_text(&arena, &image, i, text, &fits);
        ensure(fits || v.kind == VALUE_UNKNOWN);
        v = value_from_json(&arena, &image, i, text, &fits);
        ensure(fits || v.kind == VALUE_UNKNOWN);
    }
    arena_free(&arena);
    return 0;
}
