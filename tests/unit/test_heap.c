/* test_heap.c: timers come in order of instant, then key, also while more are pushed. */
#include "tests/unit/unit.h"
#include "vm/base/heap.h"

static int by_time(const void *a, const void *b)
{
    const struct timer *x = a, *y = b;
    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? -1 : 1;
    return (x->key > y->key) - (x->key < y->key);
}

static void test_sorts_as_qsort(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static struct timer expected[COUNT];
    struct heap heap;
    uint64_t random = 4;
    for (size_t limit = 1; limit <= 1000000; limit *= 1000) {
        heap_init(&heap);
        for (size_t i = 0; i < COUNT; i++) {
            int64_t at_ms = (int64_t)random_below(&random, limit) - (int64_t)limit / 2;
            expected[i] = (struct timer){at_ms, random_next(&random)};
            heap_push(&heap, expected[i].at_ms, expected[i].key);
        }
        qsort(expected, COUNT, sizeof *expected, by_time);
        for (size_t i = 0; i < COUNT; i++) {
            struct timer top = heap_top(&heap), timer = heap_pop(&heap);
            assert_int_equal(by_time(&top, &timer), 0);
            assert_int_equal(by_time(&timer, &expected[i]), 0);
        }
        assert_int_equal(heap.count, 0);
        heap_free(&heap);
    }
}

static void test_pops_between_pushes(void **state)
{
    (void)state;
    struct heap heap;
    uint64_t random = 5;
    int64_t now_ms = INT64_MIN;
    heap_init(&heap);
    heap_push(&heap, INT64_MIN, 0);
    heap_push(&heap, INT64_MAX, UINT64_MAX);
    for (int i = 0; i < 20000; i++) {
        struct timer timer = heap_pop(&heap);
        assert_true(timer.at_ms >= now_ms);
        if (timer.at_ms == INT64_MAX) {
            assert_int_equal(heap.count, 0);
            heap_push(&heap, INT64_MAX, UINT64_MAX);
        } else {
            now_ms = timer.at_ms < 0 ? 0 : timer.at_ms;
        }
        size_t pushes = random_below(&random, heap.count > 300 ? 1 : 3);
        for (size_t k = 0; k < pushes; k++)
            heap_push(&heap, now_ms + (int64_t)random_below(&random, 1000), (uint64_t)i);
    }
    heap_free(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorts_as_qsort),
        cmocka_unit_test(test_pops_between_pushes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
