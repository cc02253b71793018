/* heap.c: see heap.h. */
#include "vm/base/heap.h"

#include "vm/base/arena.h"

static bool is_before(struct timer a, struct timer b)
{
    return a.at_ms != b.at_ms ? a.at_ms < b.at_ms : a.key < b.key;
}

void heap_init(struct heap *heap)
{
    *heap = (struct heap){0};
}

void heap_free(struct heap *heap)
{
    heap_release(heap->timers);
    heap_init(heap);
}

void heap_push(struct heap *heap, int64_t at_ms, uint64_t key)
{
    if (heap->count == heap->room) {
        heap->room = heap->room ? heap->room * 2 : 256;
        heap->timers = heap_resize(heap->timers, heap->room * sizeof *heap->timers);
    }
    struct timer timer = {at_ms, key};
    size_t i = heap->count++;
    for (; i && is_before(timer, heap->timers[(i - 1) / 4]); i = (i - 1) / 4)
        heap->timers[i] = heap->timers[(i - 1) / 4];
    heap->timers[i] = timer;
}

struct timer heap_top(const struct heap *heap)
{
    ensure(heap->count > 0);
    return heap->timers[0];
}

struct timer heap_pop(struct heap *heap)
{
    struct timer top = heap_top(heap), last = heap->timers[--heap->count];
    size_t i = 0;
    for (;;) {
        size_t child = 4 * i + 1, least = child;
        if (child >= heap->count)
            break;
        for (size_t k = child + 1; k < child + 4 && k < heap->count; k++)
            if (is_before(heap->timers[k], heap->timers[least]))
                least = k;
        if (!is_before(heap->timers[least], last))
            break;
        heap->timers[i] = heap->timers[least];
        i = least;
    }
    heap->timers[i] = last;
    return top;
}
