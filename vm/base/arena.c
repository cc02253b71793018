/* arena.c: chunks of doubling size, each a single malloc. */
#include "vm/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    FIRST_CHUNK_BYTES = 4096,
    KEPT_CHUNK_BYTES = 256 << 10,
    LARGEST_CHUNK_BYTES = 32 << 20,
    LARGE_PAGE_BYTES = 2 << 20
};

struct arena_chunk {
    struct arena_chunk *next;
    size_t size, used, dirty; /* dirty: bytes that were in use before a reset */
    _Alignas(16) unsigned char bytes[];
};

void *heap_alloc(size_t size)
{
    return heap_resize(NULL, size);
}

static void *or_end(void *memory, size_t size)
{
    if (!memory) {
        fprintf(stderr, "camp: out of memory (%zu bytes)\n", size);
        abort();
    }
    return memory;
}

void *heap_zeroed(size_t size)
{
    return or_end(calloc(1, size ? size : 1), size);
}

void *heap_resize(void *memory, size_t size)
{
    return or_end(realloc(memory, size ? size : 1), size);
}

void heap_release(void *memory)
{
    free(memory);
}

void arena_init(struct arena *arena, size_t limit_bytes)
{
    *arena = (struct arena){.limit_bytes = limit_bytes};
}

void arena_free(struct arena *arena)
{
    for (struct arena_chunk *chunk = arena->first; chunk;) {
        struct arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    arena_init(arena, arena->limit_bytes);
}

/* The largest chunk that is not too large is kept, so that who needs some memory again and again
 * asks for it once. */
void arena_reset(struct arena *arena)
{
    struct arena_chunk *kept = NULL;
    for (struct arena_chunk *chunk = arena->first, *next; chunk; chunk = next) {
        next = chunk->next;
        if (chunk->size <= KEPT_CHUNK_BYTES && (!kept || chunk->size > kept->size)) {
            free(kept);
            kept = chunk;
        } else {
            free(chunk);
        }
    }
    if (kept) {
        kept->next = NULL;
        kept->dirty = kept->dirty > kept->used ? kept->dirty : kept->used;
        kept->used = 0;
    }
    arena->first = arena->current = kept;
    arena->used_bytes = 0;
}

/* Who needs so much walks through all of it: a page of 2 MiB costs less than 512 small ones. */
static void ask_for_large_pages(void *memory, size_t size)
{
#ifdef MADV_HUGEPAGE
    uintptr_t first =
                  ((uintptr_t)memory + LARGE_PAGE_BYTES - 1) & ~(uintptr_t)(LARGE_PAGE_BYTES - 1),
              end = ((uintptr_t)memory + size) & ~(uintptr_t)(LARGE_PAGE_BYTES - 1);
    if (end > first)
        madvise((void *)first, end - first, MADV_HUGEPAGE);
#else
    (void)memory;
    (void)size;
#endif
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
    size_t want = arena->current ? arena->current->size * 2 : FIRST_CHUNK_BYTES;
    if (want > LARGEST_CHUNK_BYTES)
        want = LARGEST_CHUNK_BYTES;
    if (want < size)
        want = size;
    /* Fresh memory is zero already: large chunks come from the system, which saves clearing twice.
     */
    struct arena_chunk *chunk = calloc(1, sizeof *chunk + want);
    if (!chunk) {
        if (arena->limit_bytes)
            return NULL;
        fprintf(stderr, "camp: out of memory (%zu bytes)\n", want);
        abort();
    }
    if (want == LARGEST_CHUNK_BYTES)
        ask_for_large_pages(chunk, sizeof *chunk + want);
    chunk->next = NULL;
    chunk->size = want;
    chunk->used = chunk->dirty = 0;
    if (arena->current)
        arena->current->next = chunk;
    else
        arena->first = chunk;
    arena->current = chunk;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 4)
        return NULL;
    size = (size + 15) & ~(size_t)15;
    if (size == 0)
        size = 16;
    if (arena->limit_bytes && size > arena->limit_bytes - arena->used_bytes)
        return NULL;
    struct arena_chunk *chunk = arena->current;
    if (!chunk || chunk->size - chunk->used < size) {
        chunk = add_chunk(arena, size);
        if (!chunk)
            return NULL;
    }
    void *memory = chunk->bytes + chunk->used;
    size_t dirty = chunk->dirty > chunk->used ? chunk->dirty - chunk->used : 0;
    chunk->used += size;
    arena->used_bytes += size;
    return dirty ? memset(memory, 0, dirty < size ? dirty : size) : memory;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    return size && count > SIZE_MAX / 4 / size ? NULL : arena_alloc(arena, count * size);
}

void *arena_copy(struct arena *arena, const void *bytes, size_t size)
{
    void *copy = arena_alloc(arena, size);
    if (copy && size)
        memcpy(copy, bytes, size);
    return copy;
}

char *arena_cstr(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len + 1);
    if (copy && s.len)
        memcpy(copy, s.at, s.len);
    return copy;
}

struct str arena_str(struct arena *arena, struct str s)
{
    char *copy = arena_cstr(arena, s);
    return copy ? (struct str){copy, s.len} : (struct str){0};
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : arena_alloc(arena, (size_t)length + 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text ? (struct str){text, (size_t)length} : (struct str){0};
}

void *arena_grow(struct arena *arena, void *items, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room)
        return items;
    uint32_t larger = *room ? *room * 2 : 4;
    if (larger <= *room)
        return NULL;
    void *moved = arena_array(arena, larger, size);
    if (!moved)
        return NULL;
    if (count)
        memcpy(moved, items, count * size);
    *room = larger;
    return moved;
}
