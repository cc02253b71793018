/* test_accept.c: what arrives is a value of its type or refused (LANGUAGE.md P4); e-mail addresses
 * against isemail's verdicts and the hostile corpora. */
#include "tests/unit/unit.h"
#include "vm/base/json.h"
#include "vm/code/accept.h"

/* One row for each kind of type, at its own number; then list rows and a choice. */
enum { LIST_OF_TEXT = TYPE_CHOICE + 1, LIST_OF_INTEGER, TYPE_COUNT };
static struct image_type types[TYPE_COUNT];
static struct image_choice choices[] = {{0}, {1}};
static struct str texts[] = {{"active", 6}, {"not active", 10}};
static const struct image image = {.texts = texts,
                                   .text_count = 2,
                                   .types = types,
                                   .type_count = TYPE_COUNT,
                                   .choices = choices,
                                   .choice_count = 2};
static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    for (uint32_t kind = TYPE_TEXT; kind <= TYPE_CHOICE; kind++)
        types[kind] = (struct image_type){.kind = kind, .of = IMAGE_NONE};
    types[TYPE_LIST].of = TYPE_TEXT;
    types[TYPE_CHOICE].choices = (struct rows){0, 2};
    types[LIST_OF_TEXT] = (struct image_type){.kind = TYPE_LIST, .of = TYPE_TEXT};
    types[LIST_OF_INTEGER] = (struct image_type){.kind = TYPE_LIST, .of = TYPE_INTEGER};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void assert_taken(uint32_t type, struct str json, enum value_kind kind, int64_t i)
{
    bool fits;
    struct value v = value_from_json(&arena, &image, type, json, &fits);
    if (!fits || v.kind != kind)
        fail_msg("type %u: " STR_FMT " is refused or of kind %d", type, STR_ARG(json), v.kind);
    if (kind != VALUE_TEXT && kind != VALUE_NUMBER && kind != VALUE_LIST)
        assert_true(v.i == i);
}

static void assert_refused(uint32_t type, const char *json)
{
    bool fits;
    struct value v = value_from_json(&arena, &image, type, str_of(json), &fits);
    if (fits || v.kind != VALUE_UNKNOWN)
        fail_msg("type %u takes %s", type, json);
}

static void test_values_of_each_type(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        const char *json;
        enum value_kind kind;
        int64_t i;
    } rows[] = {
        {TYPE_TEXT, "\"a\\u00e9\"", VALUE_TEXT, 0},
        {TYPE_TEXT, "\"\"", VALUE_TEXT, 0},
        {TYPE_TEXT, "null", VALUE_UNKNOWN, 0},
        {TYPE_INTEGER, "7", VALUE_INT, 7},
        {TYPE_INTEGER, "-9223372036854775808", VALUE_INT, INT64_MIN},
        {TYPE_INTEGER, "7.0", VALUE_INT, 7},
        {TYPE_INTEGER, "7e2", VALUE_INT, 700},
        {TYPE_NUMBER, "7", VALUE_NUMBER, 0},
        {TYPE_NUMBER, "-0.25", VALUE_NUMBER, 0},
        {TYPE_BOOL, "true", VALUE_BOOL, 1},
        {TYPE_BOOL, "false", VALUE_BOOL, 0},
        {TYPE_DATE, "\"1970-01-02\"", VALUE_DATE, 1},
        {TYPE_TIME, "\"1970-01-01T01:00:00+01:00\"", VALUE_TIME, 0},
        {TYPE_CLOCK, "\"09:30\"", VALUE_CLOCK, 570},
        {TYPE_DURATION, "90", VALUE_DURATION, 90000},
        {TYPE_EMAIL, "\"ana@patients.example\"", VALUE_TEXT, 0},
        {TYPE_PHONE, "\"+15185550100\"", VALUE_TEXT, 0},
        {TYPE_URL, "\"https://riverside.example/book?a=1&b=%20#x\"", VALUE_TEXT, 0},
        {TYPE_TIMEZONE, "\"Asia/Kolkata\"", VALUE_TEXT, 0},
        {TYPE_LANGUAGE, "\"zh-Hans\"", VALUE_TEXT, 0},
        {TYPE_CHOICE, "\"not active\"", VALUE_TEXT, 0},
        {LIST_OF_TEXT, "[]", VALUE_LIST, 0},
        {LIST_OF_INTEGER, "null", VALUE_UNKNOWN, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        assert_taken(rows[i].type, str_of(rows[i].json), rows[i].kind, rows[i].i);
}

static void test_what_does_not_fit(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        const char *json;
    } rows[] = {
        {TYPE_TEXT, "7"},
        {TYPE_TEXT, "true"},
        {TYPE_TEXT, "{\"a\":1}"},
        {TYPE_TEXT, "[\"a\"]"},
        {TYPE_INTEGER, "\"7\""},
        {TYPE_INTEGER, "7.5"},
        {TYPE_INTEGER, "9223372036854775808"},
        {TYPE_INTEGER, "1e300"},
        {TYPE_INTEGER, "true"},
        {TYPE_NUMBER, "\"7\""},
        {TYPE_BOOL, "0"},
        {TYPE_BOOL, "\"true\""},
        {TYPE_DATE, "\"2026-02-29\""},
        {TYPE_DATE, "\"2026-03-02T00:00:00Z\""},
        {TYPE_DATE, "20260302"},
        {TYPE_TIME, "\"2026-03-02\""},
        {TYPE_TIME, "\"2026-03-02T09:00:00\""},
        {TYPE_TIME, "1772000000000"},
        {TYPE_CLOCK, "\"24:00\""},
        {TYPE_CLOCK, "\"9:30\""},
        {TYPE_DURATION, "\"2 days\""},
        {TYPE_DURATION, "9223372036854775807"},
        {TYPE_DURATION, "-9223372036854775808"},
        {TYPE_EMAIL, "\"\""},
        {TYPE_PHONE, "\"5185550100\""},
        {TYPE_PHONE, "\"+0185550100\""},
        {TYPE_PHONE, "\"+1 518 555 0100\""},
        {TYPE_PHONE, "\"+1234567890123456\""},
        {TYPE_PHONE, "\"+1518555010a\""},
        {TYPE_PHONE, "\"+\""},
        {TYPE_URL, "\"javascript:alert(1)\""},
        {TYPE_URL, "\"ftp://a.example\""},
        {TYPE_URL, "\"https://\""},
        {TYPE_URL, "\"https:///a\""},
        {TYPE_URL, "\"https://?a\""},
        {TYPE_URL, "\"https://a.example/ b\""},
        {TYPE_URL, "\"https://a.example/\\r\\nX: y\""},
        {TYPE_URL, "\"https://a.example/\\\"onload=\""},
        {TYPE_URL, "\"https://a.example/<b>\""},
        {TYPE_TIMEZONE, "\"America/Albany_NY\""},
        {TYPE_TIMEZONE, "\"../../etc/passwd\""},
        {TYPE_TIMEZONE, "\"\""},
        {TYPE_LANGUAGE, "\"\""},
        {TYPE_LANGUAGE, "\"-en\""},
        {TYPE_LANGUAGE, "\"en-\""},
        {TYPE_LANGUAGE, "\"en--us\""},
        {TYPE_LANGUAGE, "\"123\""},
        {TYPE_LANGUAGE, "\"abcdefghi\""},
        {TYPE_LANGUAGE, "\"en us\""},
        {TYPE_CHOICE, "\"Active\""},
        {TYPE_CHOICE, "\"\""},
        {TYPE_CHOICE, "1"},
        {LIST_OF_TEXT, "\"a\""},
        {LIST_OF_TEXT, "[1]"},
        {LIST_OF_TEXT, "{}"},
        {LIST_OF_INTEGER, "[1,\"2\"]"},
        {LIST_OF_INTEGER, "[1,[2]]"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        assert_refused(rows[i].type, rows[i].json);
}

static void test_lists(void **state)
{
    (void)state;
    bool fits;
    struct value v =
        value_from_json(&arena, &image, LIST_OF_INTEGER, STR(" [ 1 ,\r\n\t2 , 3.0,\n-4 ] "), &fits);
    assert_true(fits);
    assert_int_equal(v.list->count, 4);
    static const int64_t expected[] = {1, 2, 3, -4};
    for (uint32_t i = 0; i < 4; i++)
        assert_true(v.list->items[i].i == expected[i]);
    v = value_from_json(&arena, &image, LIST_OF_TEXT, STR("[\"a,b\",\"]\",\"\\\"\"]"), &fits);
    assert_true(fits);
    assert_str(v.list->items[0].text, "a,b");
    assert_str(v.list->items[1].text, "]");
    assert_str(v.list->items[2].text, "\"");
    /* A list has its bound, one more is refused. */
    struct buf json;
    buf_init(&json, 0);
    for (int count = 1000; count <= 1001; count++) {
        buf_reset(&json);
        for (int i = 0; i < count; i++)
            buf_printf(&json, "%c%d", i ? ',' : '[', i);
        buf_c(&json, "]");
        value_from_json(&arena, &image, LIST_OF_INTEGER, buf_view(&json), &fits);
        assert_int_equal(fits, count == 1000);
    }
    buf_free(&json);
}

/* A text of the author is read as the type of its place by the same rules. */
static void test_literals(void **state)
{
    (void)state;
    bool fits;
    assert_int_equal(value_from_text(&arena, &image, TYPE_DATE, STR("2026-03-02"), &fits).kind,
                     VALUE_DATE);
    assert_true(fits);
    static const uint32_t without_text[] = {TYPE_INTEGER, TYPE_NUMBER, TYPE_BOOL, TYPE_DURATION,
                                            TYPE_LIST};
    for (size_t i = 0; i < ARRAY_COUNT(without_text); i++) {
        value_from_text(&arena, &image, without_text[i], STR("1"), &fits);
        assert_false(fits);
    }
}

static void test_addresses(void **state)
{
    (void)state;
    static const char *const good[] = {"a@b.example",      "first.last+tag@a-b.example",
                                       "a.b-.c@b.example", "o'neil@b.example",
                                       "1@2.example",      "x_y@sub.b.example",
                                       "A@B.EXAMPLE",      "!#$%&'*+-/=?^_`{|}~@b.example"};
    static const char *const bad[] = {
        "",
        "@",
        "a@",
        "@b.example",
        "a.b.example",
        "a@b@c.example",
        ".a@b.example",
        "a.@b.example",
        "a..b@b.example",
        "a@.b.example",
        "a@b.example.",
        "a@b..example",
        "a@-b.example",
        "a@b-.example",
        "a@b.example-",
        "a@b_c.example",
        "a b@b.example",
        "a@b.example ",
        " a@b.example",
        "a@b.example\r\nBcc: x@y.example",
        "a\n@b.example",
        "a@b.exam\tple",
        "a,b@b.example",
        "a@b.example,c@d.example",
        "<a@b.example>",
        "a@b.example>",
        "\"a\"@b.example",
        "a@[127.0.0.1]",
        "a(comment)@b.example",
        "a;b@b.example",
        "a:b@b.example",
        "\xc3\xa9@b.example",
        "a@\xc3\xa9.example",
        "a@b.example\x7f",
        /* 65 bytes before the @, a label of 64 */
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b.example",
        "a@bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.example",
    };
    for (size_t i = 0; i < ARRAY_COUNT(good); i++)
        if (!address_is_email(str_of(good[i])))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        if (address_is_email(str_of(bad[i])))
            fail_msg("taken: %s", bad[i]);
    assert_false(address_is_email(STR("a@b.example\0")));
    assert_false(address_is_email(STR("a\0@b.example")));
    char longest[255];
    memset(longest, 'a', sizeof longest);
    longest[1] = '@';
    for (size_t i = 50; i < sizeof longest; i += 50)
        longest[i] = '.';
    assert_true(address_is_email((struct str){longest, 254}));
    assert_false(address_is_email((struct str){longest, 255}));
}

/* The text of <name>…</name> in one <test>, its entities read; symbols for controls (U+2400…)
 * become the controls. */
static struct str element(struct str test, const char *name)
{
    struct str open = arena_printf(&arena, "<%s>", name),
               close = arena_printf(&arena, "</%s>", name);
    size_t start = str_find(test, open), end = str_find(test, close);
    if (start == SIZE_MAX || end == SIZE_MAX)
        return (struct str){0};
    struct str raw = {test.at + start + open.len, end - start - open.len};
    char *out = arena_alloc(&arena, raw.len + 1);
    size_t n = 0;
    while (raw.len) {
        static const char *const entities[][2] = {
            {"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}, {"&quot;", "\""}, {"&apos;", "'"}};
        size_t used = 0;
        unsigned code = 0;
        for (size_t i = 0; i < ARRAY_COUNT(entities) && !used; i++)
            if (str_starts(raw, str_of(entities[i][0]))) {
                out[n++] = entities[i][1][0];
                used = strlen(entities[i][0]);
            }
        if (!used && str_starts(raw, STR("&#x")) && sscanf(raw.at, "&#x%x;", &code) == 1) {
            out[n++] = code >= 0x2400 && code < 0x2420 ? (char)(code - 0x2400) : (char)0xff;
            used = str_find(raw, STR(";")) + 1;
        }
        if (!used) {
            out[n++] = raw.at[0];
            used = 1;
        }
        raw = str_from(raw, used);
    }
    return (struct str){out, n};
}

/* We are stricter than the standards: what isemail refuses we refuse, and what is plainly valid
 * (no quotes, comments or literals) we take. */
static void test_isemail(void **state)
{
    (void)state;
    struct str file = corpus_read(&arena, CORPORA "isemail/tests.xml");
    size_t cases = 0, taken = 0;
    size_t next = str_find(file, STR("<test id"));
    while (next != SIZE_MAX) {
        file = str_from(file, next + 1);
        next = str_find(file, STR("<test id"));
        struct str test = {file.at, next == SIZE_MAX ? file.len : next};
        struct str address = element(test, "address"), category = element(test, "category"),
                   diagnosis = element(test, "diagnosis");
        bool is_taken = address_is_email(address);
        bool is_wrong = str_eq(category, STR("ISEMAIL_ERR")) ||
                        str_eq(category, STR("ISEMAIL_DEPREC")) ||
                        str_eq(category, STR("ISEMAIL_CFWS"));
        if (is_wrong && is_taken)
            fail_msg("taken: " STR_FMT " (" STR_FMT ")", STR_ARG(address), STR_ARG(diagnosis));
        if (str_eq(diagnosis, STR("ISEMAIL_VALID")) && !is_taken)
            fail_msg("refused: " STR_FMT, STR_ARG(address));
        cases++;
        taken += is_taken;
    }
    print_message("%zu addresses, %zu taken\n", cases, taken);
    assert_int_equal(cases, 164);
}

static void test_hostile_addresses(void **state)
{
    (void)state;
    struct str file = corpus_read(&arena, CORPORA "message-injection-own/strings.jsonl");
    size_t count = 0;
    while (file.len) {
        size_t end = str_find(file, STR("\n"));
        struct str line = {file.at, end == SIZE_MAX ? file.len : end};
        file = str_from(file, line.len + 1);
        const struct json *row = json_parse(&arena, line, NULL, NULL),
                          *value = json_get(row, "value"), *context = json_get(row, "context");
        if (!value || !context)
            continue; /* one has a lone surrogate: no JSON for us */
        for (size_t i = 0; i < value->text.len; i++)
            if (memchr("\r\n\t ,;<>()[]:\"\\", value->text.at[i], 15) ||
                (signed char)value->text.at[i] <= 0)
                assert_false(address_is_email(value->text));
        if (str_eq(context->text, STR("email address field")) && address_is_email(value->text))
            print_message("taken: " STR_FMT "\n", STR_ARG(value->text));
        count++;
    }
    assert_int_equal(count, 208);
}

static void test_naughty_strings(void **state)
{
    (void)state;
    struct str file = corpus_read(&arena, CORPORA "blns/blns.json");
    const char *error;
    const struct json *list = json_parse(&arena, file, &error, NULL);
    assert_non_null(list);
    size_t count = 0;
    for (const struct json *item = list->first; item; item = item->next, count++) {
        bool fits;
        struct buf quoted;
        buf_init(&quoted, 0);
        json_put_text(&quoted, item->text);
        if (address_is_email(item->text) || address_is_phone(item->text))
            fail_msg("taken: " STR_FMT, STR_ARG(item->text));
        for (uint32_t type = TYPE_TEXT; type < TYPE_COUNT; type++) {
            struct value v = value_from_json(&arena, &image, type, buf_view(&quoted), &fits);
            assert_int_equal(fits, v.kind != VALUE_UNKNOWN);
            /* A text is kept byte for byte. */
            if (type == TYPE_TEXT)
                assert_true(str_eq(v.text, item->text));
        }
        buf_free(&quoted);
    }
    assert_int_equal(count, 515);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_of_each_type),
        cmocka_unit_test(test_what_does_not_fit),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_isemail),
        cmocka_unit_test(test_hostile_addresses),
        cmocka_unit_test(test_naughty_strings),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
