/* test_arena_buf.c: memory keeps its limits and its promises: zeroed, aligned, not overlapping; a
 * buffer past its limit and a reader past its end say so once and stay quiet. */
#include "tests/unit/unit.h"

static void test_blocks_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    enum { BLOCKS = 400 };
    struct arena arena;
    unsigned char *blocks[BLOCKS];
    size_t sizes[BLOCKS];
    uint64_t random = 1;
    arena_init(&arena, 0);
    for (size_t i = 0; i < BLOCKS; i++) {
        sizes[i] = random_below(&random, i % 50 ? 300 : 100000);
        blocks[i] = arena_alloc(&arena, sizes[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(blocks[i][k], 0);
        if (sizes[i])
            memset(blocks[i], (int)(i % 255) + 1, sizes[i]);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(blocks[i][k], (i % 255) + 1);
    arena_reset(&arena);
    assert_int_equal(arena.used_bytes, 0);
    const unsigned char *again = arena_alloc(&arena, 2000);
    for (size_t k = 0; k < 2000; k++)
        assert_int_equal(again[k], 0);
    arena_free(&arena);
}

static void test_a_bounded_arena_says_no(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1000);
    assert_non_null(arena_alloc(&arena, 500));
    assert_null(arena_alloc(&arena, 600));
    assert_non_null(arena_alloc(&arena, 400));
    assert_null(arena_str(&arena, STR("this text does not fit into what is left of the arena, "
                                      "which are less than one hundred bytes, as anyone can "
                                      "count who wants to"))
                    .at);
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 8));
    assert_null(arena_array(&arena, SIZE_MAX / 8, 16));
    arena_free(&arena);
    arena_init(&arena, 0);
    assert_null(arena_array(&arena, SIZE_MAX / 8, 16));
    assert_null(arena_array(&arena, (size_t)1 << 33, (size_t)1 << 33));
    arena_free(&arena);
}

static void test_growing_keeps_what_was_there(void **state)
{
    (void)state;
    struct arena arena;
    uint32_t *numbers = NULL, room = 0;
    arena_init(&arena, 0);
    for (uint32_t i = 0; i < 3000; i++) {
        numbers = arena_grow(&arena, numbers, i, &room, sizeof *numbers);
        numbers[i] = i * 7;
    }
    for (uint32_t i = 0; i < 3000; i++)
        assert_int_equal(numbers[i], i * 7);
    struct str text = arena_printf(&arena, "%s-%d", "row", 12);
    assert_str(text, "row-12");
    assert_int_equal(text.at[text.len], 0);
    arena_free(&arena);
}

static void test_a_buffer_stops_at_its_limit(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    buf_c(&buf, "0123456789");
    assert_false(buf.failed);
    assert_str(buf_view(&buf), "0123456789");
    buf_byte(&buf, 'x');
    assert_true(buf.failed);
    buf_reset(&buf);
    buf_c(&buf, "0123456");
    buf_c(&buf, "too long");
    /* What comes behind a failure would be torn: nothing is taken any more. */
    buf_c(&buf, "ab");
    assert_true(buf.failed);
    assert_str(buf_view(&buf), "0123456");
    buf_reset(&buf);
    buf_printf(&buf, "%d", 12345);
    assert_str(buf_view(&buf), "12345");
    buf_printf(&buf, "%d", 123456789);
    assert_true(buf.failed);
    assert_int_equal(buf.len, 5);
    buf_free(&buf);
}

static const uint64_t edges[] = {0,
                                 1,
                                 127,
                                 128,
                                 16383,
                                 16384,
                                 UINT32_MAX,
                                 (uint64_t)UINT32_MAX + 1,
                                 INT64_MAX,
                                 (uint64_t)INT64_MAX + 1,
                                 UINT64_MAX - 1,
                                 UINT64_MAX};

static void test_numbers_come_back(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 0);
    for (size_t i = 0; i < ARRAY_COUNT(edges); i++) {
        buf_varint(&buf, edges[i]);
        buf_zigzag(&buf, (int64_t)edges[i]);
        buf_u64(&buf, edges[i]);
        buf_u32(&buf, (uint32_t)edges[i]);
        buf_u16(&buf, (uint16_t)edges[i]);
    }
    buf_bytes(&buf, STR("with\0nul"));
    struct reader in = reader_of(buf_view(&buf));
    for (size_t i = 0; i < ARRAY_COUNT(edges); i++) {
        assert_true(read_varint(&in) == edges[i]);
        assert_true(read_zigzag(&in) == (int64_t)edges[i]);
        assert_true(read_u64(&in) == edges[i]);
        assert_true(read_u32(&in) == (uint32_t)edges[i]);
        assert_true(read_u16(&in) == (uint16_t)edges[i]);
    }
    assert_true(str_eq(read_sized(&in), STR("with\0nul")));
    assert_false(in.failed);
    assert_int_equal(reader_left(&in), 0);
    buf_reset(&buf);
    buf_u32(&buf, 0x01020304);
    assert_memory_equal(buf.data, "\x04\x03\x02\x01", 4);
    buf_reset(&buf);
    buf_varint(&buf, 300);
    buf_zigzag(&buf, -1);
    assert_memory_equal(buf.data, "\xac\x02\x01", 3);
    buf_free(&buf);
}

static void test_a_reader_distrusts(void **state)
{
    (void)state;
    struct reader in = reader_of(STR("\x01\x02\x03"));
    assert_int_equal(read_u32(&in), 0);
    assert_true(in.failed);
    assert_int_equal(read_byte(&in), 0); /* also what is there is not given any more */
    in = reader_of(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
    assert_int_equal(read_varint(&in), 0); /* 65 bits */
    assert_true(in.failed);
    in = reader_of(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    read_varint(&in);
    assert_true(in.failed);
    in = reader_of(STR("\x80\x80\x80\x80\x10"));
    assert_int_equal(read_varint32(&in), 0);
    assert_true(in.failed);
    in = reader_of(STR("\x05"
                       "abcd"));
    assert_null(read_sized(&in).at);
    assert_true(in.failed);
    in = reader_of(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                       "abcd"));
    assert_null(read_sized(&in).at);
    assert_true(in.failed);
    in = reader_of((struct str){0});
    assert_int_equal(reader_left(&in), 0);
    read_byte(&in);
    assert_true(in.failed);
}

static void test_strings(void **state)
{
    (void)state;
    assert_int_equal(str_find(STR("abcabd"), STR("abd")), 3);
    assert_int_equal(str_find(STR("abc"), STR("")), 0);
    assert_true(str_find(STR("abc"), STR("abcd")) == SIZE_MAX);
    assert_true(str_find((struct str){0}, STR("a")) == SIZE_MAX);
    assert_str(str_trim(STR(" \t\r\n a b \n")), "a b");
    assert_str(str_trim(STR(" \n ")), "");
    assert_true(str_starts(STR("abc"), STR("")) && str_ends(STR("abc"), STR("bc")));
    assert_false(str_starts(STR("ab"), STR("abc")) || str_ends(STR("bc"), STR("abc")));
    assert_true(str_cmp(STR("ab"), STR("abc")) < 0 && str_cmp(STR("b"), STR("abc")) > 0);
    assert_true(str_cmp(STR("\xc3"), STR("a")) > 0); /* bytes are unsigned */
    assert_int_equal(str_from(STR("abc"), 3).len, 0);
    assert_int_equal(str_from(STR("abc"), 9).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_zeroed_aligned_and_apart),
        cmocka_unit_test(test_a_bounded_arena_says_no),
        cmocka_unit_test(test_growing_keeps_what_was_there),
        cmocka_unit_test(test_a_buffer_stops_at_its_limit),
        cmocka_unit_test(test_numbers_come_back),
        cmocka_unit_test(test_a_reader_distrusts),
        cmocka_unit_test(test_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
