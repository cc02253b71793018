/* test_json.c: the strict reader against JSONTestSuite and against jansson on documents made and
 * broken at random; the writer through both. */
#include "tests/unit/unit.h"

#include <dirent.h>

#include "tests/unit/oracle.h"
#include "vm/base/json.h"

static void test_the_suite(void **state)
{
    (void)state;
    static const char folder[] = CORPORA "jsontestsuite/test_parsing";
    struct arena arena;
    size_t refused = 0, accepted = 0, duplicates = 0, either = 0;
    DIR *dir = opendir(folder);
    if (!dir) {
        print_message("# SKIP %s is missing\n", folder);
        skip();
    }
    arena_init(&arena, 0);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[512];
        size_t offset;
        char kind = entry->d_name[0];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[1] != '_')
            continue;
        struct str text = file_read(&arena, path);
        assert_non_null(text.at);
        const char *error = json_check(text, &offset);
        assert_true(offset <= text.len);
        bool is_duplicate = error && strcmp(error, "a key stands twice") == 0;
        if (kind == 'n' && !error)
            fail_msg("taken: %s", entry->d_name);
        if (kind == 'y' && error && !is_duplicate)
            fail_msg("refused: %s: %s", entry->d_name, error);
        refused += kind == 'n';
        accepted += kind == 'y';
        duplicates += kind == 'y' && is_duplicate;
        either += kind == 'i';
    }
    closedir(dir);
    arena_free(&arena);
    assert_int_equal(refused, 188);
    assert_int_equal(accepted, 95);
    assert_int_equal(duplicates, 2);
    assert_int_equal(either, 35);
}

/* A document at random. */
static void put_blanks(struct buf *out, uint64_t *random)
{
    while (random_below(random, 4) == 0)
        buf_byte(out, (unsigned char)" \t\n\r"[random_below(random, 4)]);
}

static void put_text(struct buf *out, uint64_t *random, unsigned id)
{
    static const char *const parts[] = {"a",
                                        "\\n",
                                        "\\\"",
                                        "\\\\",
                                        "\\/",
                                        "\xc3\xa9",
                                        "\\u00e9",
                                        "\\u0000",
                                        "\\t",
                                        "\\ud83d\\ude00",
                                        "\xf0\x9f\x98\x80",
                                        "{",
                                        "]",
                                        ",",
                                        ":",
                                        "\x7f",
                                        "\\uFFFF"};
    buf_byte(out, '"');
    if (id)
        buf_printf(out, "%u", id); /* keys of one object must differ */
    for (size_t n = random_below(random, 6); n; n--) {
        const char *part = parts[random_below(random, ARRAY_COUNT(parts))];
        if (!id || strcmp(part, "\\u0000") != 0) /* jansson takes no NUL in keys */
            buf_c(out, part);
    }
    buf_byte(out, '"');
}

static void put_number(struct buf *out, uint64_t *random)
{
    static const char *const numbers[] = {"0",
                                          "-0",
                                          "9007199254740993",
                                          "9223372036854775807",
                                          "-9223372036854775808",
                                          "999999999999999999",
                                          "1000000000000000000",
                                          "0.1",
                                          "-1.5e300",
                                          "1E-7",
                                          "2.5e+3",
                                          "4.9e-324",
                                          "1.7976931348623157e308",
                                          "0.30000000000000004"};
    if (random_below(random, 2))
        buf_c(out, numbers[random_below(random, ARRAY_COUNT(numbers))]);
    else
        buf_printf(out, "%lld",
                   (long long)(int64_t)random_next(random) >> random_below(random, 60));
}

static void put_value(struct buf *out, uint64_t *random, int depth)
{
    put_blanks(out, random);
    size_t members = random_below(random, 12);
    switch (random_below(random, depth ? 7 : 5)) {
    case 0:
        buf_c(out, "true");
        break;
    case 1:
        buf_c(out, "false");
        break;
    case 2:
        buf_c(out, "null");
        break;
    case 3:
        put_text(out, random, 0);
        break;
    case 4:
        put_number(out, random);
        break;
    default: {
        bool is_object = random_below(random, 2);
        buf_byte(out, is_object ? '{' : '[');
        for (unsigned i = 0; i < members; i++) {
            if (i)
                buf_byte(out, ',');
            put_blanks(out, random);
            if (is_object) {
                put_text(out, random, i + 1);
                put_blanks(out, random);
                buf_byte(out, ':');
            }
            put_value(out, random, depth - 1);
        }
        put_blanks(out, random);
        buf_byte(out, is_object ? '}' : ']');
    }
    }
    put_blanks(out, random);
}

/* The tree in the oracle's form. */
static void put_tree(struct buf *out, const struct json *value)
{
    switch (value->kind) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        buf_byte(out, value->kind == JSON_OBJECT ? '{' : '[');
        for (const struct json *member = value->first; member; member = member->next) {
            if (value->kind == JSON_OBJECT)
                oracle_put_text(out, member->key);
            put_tree(out, member);
        }
        buf_byte(out, value->kind == JSON_OBJECT ? '}' : ']');
        break;
    case JSON_STRING:
        oracle_put_text(out, value->text);
        break;
    case JSON_INT:
        buf_printf(out, "i%lld;", (long long)value->integer);
        break;
    case JSON_NUMBER:
        buf_printf(out, "r%a;", value->number);
        break;
    case JSON_TRUE:
        buf_byte(out, 'T');
        break;
    case JSON_FALSE:
        buf_byte(out, 'F');
        break;
    case JSON_NULL:
        buf_byte(out, 'N');
        break;
    case JSON_END:
    case JSON_ERROR:
    case JSON_OBJECT_END:
    case JSON_ARRAY_END:
    case JSON_KEY:
        fail_msg("a token of kind %d in a tree", value->kind);
    }
}

struct compare {
    struct arena arena;
    struct buf text, ours, theirs;
    size_t accepted, refused;
};

static void compare_init(struct compare *c)
{
    *c = (struct compare){0};
    arena_init(&c->arena, 0);
    buf_init(&c->text, 0);
    buf_init(&c->ours, 0);
    buf_init(&c->theirs, 0);
}

static void compare_free(struct compare *c)
{
    arena_free(&c->arena);
    buf_free(&c->text);
    buf_free(&c->ours);
    buf_free(&c->theirs);
}

/* Both read c->text to the same, or both refuse it. */
static void compare(struct compare *c)
{
    const char *error;
    arena_reset(&c->arena);
    buf_reset(&c->ours);
    buf_reset(&c->theirs);
    /* A copy of the exact size, so that the address sanitizer sees a read past the end. */
    struct str text = {arena_copy(&c->arena, c->text.data, c->text.len), c->text.len};
    const struct json *tree = json_parse(&c->arena, text, &error, NULL);
    assert_int_equal(tree == NULL, error != NULL);
    enum oracle verdict = oracle_read(text, &c->theirs);
    if (verdict == ORACLE_CANNOT)
        return;
    if (tree)
        put_tree(&c->ours, tree);
    if ((tree != NULL) != (verdict == ORACLE_ACCEPTS) ||
        !str_eq(buf_view(&c->ours), buf_view(&c->theirs)))
        fail_msg(STR_FMT "\nwe (%s):   " STR_FMT "\njansson: " STR_FMT, STR_ARG(text),
                 error ? error : "taken", STR_ARG(buf_view(&c->ours)),
                 STR_ARG(buf_view(&c->theirs)));
    c->accepted += tree != NULL;
    c->refused += tree == NULL;
}

static void test_documents_against_jansson(void **state)
{
    (void)state;
    struct compare c;
    uint64_t random = 8;
    compare_init(&c);
    for (int i = 0; i < 4000; i++) {
        buf_reset(&c.text);
        put_value(&c.text, &random, 4);
        compare(&c);
    }
    assert_true(c.accepted > 3900);
    compare_free(&c);
}

static void test_broken_documents_against_jansson(void **state)
{
    (void)state;
    static const char likely[] = "\"\\{}[],:0123456789.eE+-tfnu \n\t\x01\x7f\x80\xc3\xf0 a/";
    struct compare c;
    uint64_t random = 9;
    compare_init(&c);
    for (int i = 0; i < 20000; i++) {
        buf_reset(&c.text);
        put_value(&c.text, &random, 3);
        size_t at = random_below(&random, c.text.len);
        switch (random_below(&random, 4)) {
        case 0:
            c.text.len = at;
            break;
        case 1:
            c.text.data[at] = (unsigned char)likely[random_below(&random, sizeof likely - 1)];
            break;
        case 2:
            memmove(c.text.data + at, c.text.data + at + 1, c.text.len - at - 1);
            c.text.len--;
            break;
        default:
            buf_byte(&c.text, (unsigned char)likely[random_below(&random, sizeof likely - 1)]);
        }
        compare(&c);
    }
    assert_true(c.accepted > 1000 && c.refused > 5000);
    compare_free(&c);
}

/* What the scanner steps over is what the tree holds. */
static void test_values_are_skipped_whole(void **state)
{
    (void)state;
    struct compare c;
    uint64_t random = 10;
    compare_init(&c);
    for (int i = 0; i < 500; i++) {
        struct json_scan scan;
        struct str raw;
        buf_reset(&c.text);
        buf_c(&c.text, "{\"first\":");
        put_value(&c.text, &random, 3);
        buf_c(&c.text, ",\"last\":7}");
        arena_reset(&c.arena);
        const struct json *tree = json_parse(&c.arena, buf_view(&c.text), NULL, NULL);
        assert_non_null(tree);
        json_begin(&scan, buf_view(&c.text));
        assert_int_equal(json_next(&scan), JSON_OBJECT);
        assert_int_equal(json_next(&scan), JSON_KEY);
        assert_true(json_value(&scan, &raw));
        const char *error;
        const struct json *again = json_parse(&c.arena, raw, &error, NULL);
        assert_non_null(again);
        buf_reset(&c.ours);
        buf_reset(&c.theirs);
        put_tree(&c.ours, again);
        put_tree(&c.theirs, json_get(tree, "first"));
        assert_true(str_eq(buf_view(&c.ours), buf_view(&c.theirs)));
        assert_int_equal(json_next(&scan), JSON_KEY);
        assert_int_equal(json_next(&scan), JSON_INT);
        assert_int_equal(scan.integer, 7);
        assert_int_equal(json_next(&scan), JSON_OBJECT_END);
        assert_int_equal(json_next(&scan), JSON_END);
    }
    compare_free(&c);
}

static void test_limits(void **state)
{
    (void)state;
    struct buf text;
    size_t offset;
    buf_init(&text, 0);
    for (int depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
        buf_reset(&text);
        for (int i = 0; i < depth; i++)
            buf_c(&text, i % 2 ? "{\"a\":" : "[");
        buf_c(&text, "1");
        for (int i = depth; i-- > 0;)
            buf_c(&text, i % 2 ? "}" : "]");
        assert_int_equal(json_check(buf_view(&text), &offset) == NULL, depth <= JSON_MAX_DEPTH);
    }
    for (int members = JSON_MAX_MEMBERS; members <= JSON_MAX_MEMBERS + 1; members++) {
        buf_reset(&text);
        for (int i = 0; i < members; i++)
            buf_printf(&text, "%c\"k%d\":0", i ? ',' : '{', i);
        buf_c(&text, "}");
        assert_int_equal(json_check(buf_view(&text), &offset) == NULL, members <= JSON_MAX_MEMBERS);
    }
    buf_free(&text);
}

/* Keys are compared as what they mean, in small and in large objects, at every depth. */
static void test_duplicate_keys(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":2}", "[{\"x\":{\"\":1,\"\":2}}]",
        "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"b\":0}",
        "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":0,\"j\":"
        "0}"};
    size_t offset;
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
        if (!json_check(str_of(refused[i]), &offset))
            fail_msg("taken: %s", refused[i]);
    assert_null(
        json_check(STR("[{\"a\":{\"a\":1}},{\"a\":1},{\"A\":1,\"a\\u0000\":2,\"a\":3}]"), &offset));
}

/* Memory that ends makes an error, never a tree with holes. */
static void test_a_small_arena(void **state)
{
    (void)state;
    struct buf text, whole, part;
    buf_init(&text, 0);
    buf_init(&whole, 0);
    buf_init(&part, 0);
    buf_c(&text, "{\"\\u0061");
    for (int i = 0; i < 600; i++)
        buf_c(&text, "key");
    buf_c(&text, "\":1,\"b\":[1,2,{\"c\":\"\\n");
    for (int i = 0; i < 600; i++)
        buf_c(&text, "text");
    buf_c(&text, "\"},3],\"\\u0062b\":null}");
    struct arena arena;
    arena_init(&arena, 0);
    put_tree(&whole, json_parse(&arena, buf_view(&text), NULL, NULL));
    size_t needed = arena.used_bytes;
    arena_free(&arena);
    for (size_t limit = 16; limit <= needed; limit += 16) {
        const char *error;
        arena_init(&arena, limit);
        const struct json *tree = json_parse(&arena, buf_view(&text), &error, NULL);
        assert_int_equal(tree == NULL, error != NULL);
        assert_int_equal(tree != NULL, limit == needed);
        buf_reset(&part);
        if (tree) {
            put_tree(&part, tree);
            assert_true(str_eq(buf_view(&part), buf_view(&whole)));
        }
        arena_free(&arena);
    }
    buf_free(&text);
    buf_free(&whole);
    buf_free(&part);
}

/* What we write, jansson reads as what was meant. */
static void test_writing(void **state)
{
    (void)state;
    static const double numbers[] = {0.1,    1e300, -2.5, 123456789012345680.0,
                                     5e-324, 1e21,  0.5,  1.0 / 3};
    struct buf text, read, meant;
    char bytes[256];
    buf_init(&text, 0);
    buf_init(&read, 0);
    buf_init(&meant, 0);
    for (size_t i = 0; i < 128; i++)
        bytes[i] = (char)i;
    buf_byte(&text, '[');
    json_put_text(&text, (struct str){bytes, 128});
    buf_byte(&text, ',');
    json_put_text(&text, STR("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"));
    buf_byte(&text, ',');
    json_put_text(&text, STR("a\xff"
                             "b"));
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        buf_byte(&text, ',');
        json_put_number(&text, numbers[i]);
    }
    buf_byte(&text, ',');
    json_put_int(&text, INT64_MIN);
    buf_byte(&text, ',');
    json_put_time(&text, 0);
    buf_byte(&text, ']');
    assert_int_equal(oracle_read(buf_view(&text), &read), ORACLE_ACCEPTS);
    buf_byte(&meant, '[');
    oracle_put_text(&meant, (struct str){bytes, 128});
    oracle_put_text(&meant, STR("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"));
    oracle_put_text(&meant, STR("a\xef\xbf\xbd"
                                "b"));
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
        buf_printf(&meant, "r%a;", numbers[i]);
    buf_printf(&meant, "i%lld;", (long long)INT64_MIN);
    oracle_put_text(&meant, STR("1970-01-01T00:00:00.000Z"));
    buf_byte(&meant, ']');
    assert_true(str_eq(buf_view(&read), buf_view(&meant)));
    buf_free(&text);
    buf_free(&read);
    buf_free(&meant);
}

static void test_whole_numbers_have_no_fraction(void **state)
{
    (void)state;
    static const struct {
        double number;
        const char *text;
    } rows[] = {{3, "3"},
                {-3, "-3"},
                {0, "0"},
                {-0.0, "0"},
                {0.1, "0.1"},
                {2.50, "2.5"},
                {0.1 + 0.2, "0.30000000000000004"},
                {1e14, "100000000000000"}};
    struct buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        buf_reset(&out);
        json_put_number(&out, rows[i].number);
        assert_str(buf_view(&out), rows[i].text);
    }
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_suite),
        cmocka_unit_test(test_documents_against_jansson),
        cmocka_unit_test(test_broken_documents_against_jansson),
        cmocka_unit_test(test_values_are_skipped_whole),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_duplicate_keys),
        cmocka_unit_test(test_a_small_arena),
        cmocka_unit_test(test_writing),
        cmocka_unit_test(test_whole_numbers_have_no_fraction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
