/* fuzz_tzif.c: any bytes as a time zone file: refused, or periods in order. */
#include "vm/base/tzif.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct tzif tzif;
    arena_init(&arena, 16 << 20);
    if (tzif_parse(&arena, (struct str){(const char *)data, size}, &tzif)) {
        ensure(tzif.count > 0);
        for (size_t i = 1; i < tzif.count; i++)
            ensure(tzif.periods[i - 1].at_s < tzif.periods[i].at_s);
    }
    arena_free(&arena);
    return 0;
}
