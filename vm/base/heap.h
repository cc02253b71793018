/* heap.h: a 4-ary min-heap of (instant, key), 16 bytes an entry: the near timers. Nothing is
 * removed from the middle; who pops an entry checks whether it still holds. Equal instants come in
 * order of their keys. */
#ifndef CAMP_VM_BASE_HEAP_H
#define CAMP_VM_BASE_HEAP_H

#include "vm/base/base.h"

struct timer {
    int64_t at_ms;
    uint64_t key;
};
struct heap {
    struct timer *timers;
    size_t count, room;
};
void heap_init(struct heap *heap);
void heap_free(struct heap *heap);
void heap_push(struct heap *heap, int64_t at_ms, uint64_t key);
/* The earliest; only when count > 0. */
struct timer heap_top(const struct heap *heap);
struct timer heap_pop(struct heap *heap);

#endif
