/* fuzz_fmt.c: what reads as a program is printed as the same program (camp_print compares), and
 * printing what was printed changes nothing. */
#include "grammar/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool print(struct str text, struct buf *out)
{
    struct arena arena;
    struct sources sources;
    struct diags diags;
    arena_init(&arena, 0);
    sources_init(&sources, &arena);
    diags_init(&diags, &arena, &sources);
    bool is_printed = camp_print(&diags, source_add(&sources, STR("f.camp"), text), out);
    arena_free(&arena);
    return is_printed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once, again;
    buf_init(&once, 0);
    buf_init(&again, 0);
    if (print((struct str){(const char *)data, size}, &once)) {
        ensure(print(buf_view(&once), &again));
        ensure(str_eq(buf_view(&once), buf_view(&again)));
    }
    buf_free(&once);
    buf_free(&again);
    return 0;
}
