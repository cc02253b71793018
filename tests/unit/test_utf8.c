/* test_utf8.c: every code point there and back, against the C library's decoder for random bytes,
 * and the corpus of hostile forms. */
#include "tests/unit/unit.h"

#include <locale.h>
#include <wchar.h>

#include "vm/base/hash.h"
#include "vm/base/json.h"
#include "vm/base/utf8.h"

static void test_every_code_point(void **state)
{
    (void)state;
    struct buf out;
    size_t length;
    buf_init(&out, 0);
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        if (c >= 0xd800 && c <= 0xdfff)
            continue;
        buf_reset(&out);
        buf_utf8(&out, c);
        uint32_t back = utf8_decode(buf_view(&out), &length);
        if (back != c || length != out.len || utf8_count(buf_view(&out)) != 1)
            fail_msg("U+%04X becomes U+%04X in %zu of %zu bytes", c, back, length, out.len);
        /* A sequence that is cut is none. */
        struct str cut = {(const char *)out.data, out.len - 1};
        utf8_decode(cut, &length);
        assert_int_equal(length, 0);
    }
    buf_free(&out);
}

/* The C library knows RFC 3629 too, but for NUL, which it ends at. */
static void test_random_bytes_against_the_C_library(void **state)
{
    (void)state;
    locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!unicode) {
        print_message("# SKIP the locale C.UTF-8 is missing\n");
        skip();
    }
    locale_t before = uselocale(unicode);
    static const unsigned char likely[] = {0x41, 0x7f, 0x80, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xa0,
                                           0x9f, 0xed, 0xee, 0xef, 0xf0, 0x90, 0x8f, 0xf4, 0xf5};
    uint64_t random = 7;
    size_t valid = 0;
    for (int i = 0; i < 400000; i++) {
        char bytes[4];
        wchar_t wide = 0;
        mbstate_t shift;
        size_t length;
        for (size_t k = 0; k < sizeof bytes; k++)
            bytes[k] = (char)likely[random_below(&random, sizeof likely)];
        memset(&shift, 0, sizeof shift);
        size_t expected = mbrtowc(&wide, bytes, sizeof bytes, &shift);
        uint32_t c = utf8_decode((struct str){bytes, sizeof bytes}, &length);
        /* The locale takes more than Unicode has. */
        if (expected > sizeof bytes || (uint32_t)wide > 0x10ffff ||
            ((uint32_t)wide >= 0xd800 && (uint32_t)wide <= 0xdfff)) {
            assert_int_equal(length, 0);
        } else {
            assert_int_equal(length, expected);
            assert_int_equal(c, (uint32_t)wide);
            valid++;
        }
    }
    assert_true(valid > 10000);
    uselocale(before);
    freelocale(unicode);
}

static void test_the_corpus(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    struct str cases = corpus_read(&arena, CORPORA "utf8-own/cases.jsonl");
    size_t count = 0;
    while (cases.len) {
        size_t end = str_find(cases, STR("\n"));
        struct str line = {cases.at, end == SIZE_MAX ? cases.len : end};
        cases = str_from(cases, line.len + 1);
        const struct json *row = json_parse(&arena, line, NULL, NULL), *hex = json_get(row, "hex"),
                          *valid = json_get(row, "valid");
        char digits[512], bytes[256];
        size_t n = 0;
        if (!hex || !valid)
            continue;
        for (size_t i = 0; i < hex->text.len && n < sizeof digits; i++)
            if (hex->text.at[i] != ' ')
                digits[n++] = hex->text.at[i];
        assert_true(hex_decode((struct str){digits, n}, (unsigned char *)bytes, n / 2));
        if (utf8_is_valid((struct str){bytes, n / 2}) != (valid->kind == JSON_TRUE))
            fail_msg("%.*s: %s", STR_ARG(line), "the other verdict");
        count++;
    }
    arena_free(&arena);
    assert_int_equal(count, 600);
}

static void test_case(void **state)
{
    (void)state;
    static const uint32_t pairs[][2] = {{'a', 'A'},     {'z', 'Z'},     {0xe9, 0xc9},
                                        {0x3b1, 0x391}, {0x44f, 0x42f}, {0x10428, 0x10400},
                                        {0x101, 0x100}};
    for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
        assert_int_equal(utf8_upper(pairs[i][0]), pairs[i][1]);
        assert_int_equal(utf8_lower(pairs[i][1]), pairs[i][0]);
    }
    static const uint32_t same[] = {'1', '[', '`', '{', '@', 0xd7, 0x4e2d, 0x1f600, 0};
    for (size_t i = 0; i < ARRAY_COUNT(same); i++) {
        assert_int_equal(utf8_upper(same[i]), same[i]);
        assert_int_equal(utf8_lower(same[i]), same[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_random_bytes_against_the_C_library),
        cmocka_unit_test(test_the_corpus),
        cmocka_unit_test(test_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
