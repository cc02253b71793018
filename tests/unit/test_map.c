/* test_map.c: both maps against a plain list that is searched from end to end. */
#include "tests/unit/unit.h"
#include "vm/base/map.h"

enum { KEYS = 700, ROUNDS = 60000 };

struct model {
    bool is_in[KEYS];
    uint64_t value[KEYS];
    size_t count;
};

/* Keys that collide in their low bits, and the edges. */
static uint64_t key_of(size_t i)
{
    return i == 0 ? 0 : i == 1 ? UINT64_MAX : i % 3 ? (uint64_t)i << 32 : i;
}

static void check64(const struct map64 *map, const struct model *model)
{
    size_t seen = 0;
    uint64_t key, value;
    assert_int_equal(map->count, model->count);
    for (size_t i = 0; i < KEYS; i++) {
        const uint64_t *found = map64_get(map, key_of(i));
        assert_int_equal(found != NULL, model->is_in[i]);
        if (found)
            assert_true(*found == model->value[i]);
    }
    for (size_t cursor = 0; map64_next(map, &cursor, &key, &value); seen++)
        assert_true(*map64_get(map, key) == value);
    assert_int_equal(seen, model->count);
}

static void test_numbers(void **state)
{
    (void)state;
    static struct model model;
    struct map64 map;
    uint64_t random = 2;
    bool is_new;
    map64_init(&map);
    assert_null(map64_get(&map, 1));
    assert_false(map64_remove(&map, 1));
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t i = random_below(&random, KEYS);
        if (random_below(&random, 5) < 3) {
            uint64_t *value = map64_put(&map, key_of(i), &is_new);
            assert_int_equal(is_new, !model.is_in[i]);
            assert_true(*value == (is_new ? 0 : model.value[i]));
            model.count += is_new;
            model.is_in[i] = true;
            model.value[i] = *value = random_next(&random);
        } else {
            assert_int_equal(map64_remove(&map, key_of(i)), model.is_in[i]);
            model.count -= model.is_in[i];
            model.is_in[i] = false;
        }
        if (round % 2000 == 0)
            check64(&map, &model);
    }
    check64(&map, &model);
    map64_clear(&map);
    assert_int_equal(map.count, 0);
    assert_null(map64_get(&map, key_of(5)));
    map64_free(&map);
}

static void test_texts(void **state)
{
    (void)state;
    static struct model model;
    static char names[KEYS][16];
    struct strmap map;
    uint64_t random = 3, value;
    struct str key;
    bool is_new;
    strmap_init(&map);
    for (size_t i = 0; i < KEYS; i++)
        snprintf(names[i], sizeof names[i], "%s%zu", i % 2 ? "key" : "", i);
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t i = random_below(&random, KEYS);
        if (random_below(&random, 5) < 3) {
            uint64_t *at = strmap_put(&map, str_of(names[i]), &is_new);
            assert_int_equal(is_new, !model.is_in[i]);
            model.count += is_new;
            model.is_in[i] = true;
            model.value[i] = *at = round;
        } else {
            assert_int_equal(strmap_remove(&map, str_of(names[i])), model.is_in[i]);
            model.count -= model.is_in[i];
            model.is_in[i] = false;
        }
    }
    size_t seen = 0;
    for (size_t i = 0; i < KEYS; i++) {
        const uint64_t *found = strmap_get(&map, str_of(names[i]));
        assert_int_equal(found != NULL, model.is_in[i]);
        if (found)
            assert_true(*found == model.value[i]);
    }
    for (size_t cursor = 0; strmap_next(&map, &cursor, &key, &value); seen++)
        assert_true(*strmap_get(&map, key) == value);
    assert_int_equal(seen, model.count);
    strmap_free(&map);
}

static void test_texts_are_bytes(void **state)
{
    (void)state;
    struct strmap map;
    strmap_init(&map);
    *strmap_put(&map, STR("a\0b"), NULL) = 1;
    *strmap_put(&map, STR("a"), NULL) = 2;
    *strmap_put(&map, STR(""), NULL) = 3;
    *strmap_put(&map, (struct str){0}, NULL) = 4; /* the same as "" */
    assert_int_equal(map.count, 3);
    assert_int_equal(*strmap_get(&map, STR("a\0b")), 1);
    assert_int_equal(*strmap_get(&map, STR("a")), 2);
    assert_int_equal(*strmap_get(&map, STR("")), 4);
    assert_null(strmap_get(&map, STR("a\0c")));
    strmap_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_texts_are_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
