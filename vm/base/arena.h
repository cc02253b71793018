/* arena.h: memory that is freed as a whole: one arena a compile, one a slice. Also the only place
 * that calls malloc, with running out of memory made an answer (a bounded arena) or the end
 * (everything else). */
#ifndef CAMP_VM_BASE_ARENA_H
#define CAMP_VM_BASE_ARENA_H

#include "vm/base/base.h"

struct arena_chunk;
struct arena {
    struct arena_chunk *first, *current;
    size_t used_bytes, limit_bytes;
};

/* limit_bytes 0: no limit, and running out of memory ends the process. */
void arena_init(struct arena *arena, size_t limit_bytes);
void arena_free(struct arena *arena);
/* Forgets everything, keeps some of the memory. */
void arena_reset(struct arena *arena);

/* Zeroed, aligned to 16 bytes; NULL past the limit. */
void *arena_alloc(struct arena *arena, size_t size);
/* count * size with overflow checked. */
void *arena_array(struct arena *arena, size_t count, size_t size);
void *arena_copy(struct arena *arena, const void *bytes, size_t size);
/* Copies, with a NUL behind; {0} past the limit. */
struct str arena_str(struct arena *arena, struct str s);
char *arena_cstr(struct arena *arena, struct str s);
struct str arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for one more element in an array of the arena: returns the array, moved when it was full.
 * `items = arena_grow(arena, items, count, &room, sizeof *items)`; NULL past the limit. */
void *arena_grow(struct arena *arena, void *items, uint32_t count, uint32_t *room, size_t size);

/* The heap; never NULL: running out of memory ends the process with a message. */
void *heap_alloc(size_t size);
void *heap_zeroed(size_t size); /* large ones cost nothing until they are touched */
void *heap_resize(void *memory, size_t size);
void heap_release(void *memory);

#endif
