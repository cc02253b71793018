/* unit.c: see unit.h. */
#include "tests/unit/unit.h"

uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t random_below(uint64_t *state, uint64_t limit)
{
    return random_next(state) % limit;
}

struct str file_read(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return (struct str){0};
    struct buf bytes;
    buf_init(&bytes, 0);
    size_t got;
    do {
        unsigned char *to = buf_reserve(&bytes, 65536);
        got = fread(to, 1, 65536, file);
        bytes.len += got;
    } while (got);
    fclose(file);
    struct str copy = arena_str(arena, buf_view(&bytes));
    buf_free(&bytes);
    return copy;
}

struct str corpus_read(struct arena *arena, const char *path)
{
    struct str bytes = file_read(arena, path);
    if (!bytes.at) {
        print_message("# SKIP %s is missing\n", path);
        skip();
    }
    return bytes;
}

void assert_str_at(struct str actual, const char *expected, const char *file, int line)
{
    if (str_eq_c(actual, expected))
        return;
    print_error("got      \"" STR_FMT "\"\nexpected \"%s\"\n", STR_ARG(actual), expected);
    _fail(file, line);
}
