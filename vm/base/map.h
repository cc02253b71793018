/* map.h: two open-addressing hash maps: from numbers (map64) and from byte strings (strmap) to
 * 64-bit values. Load at most one half, linear probing, removal by shifting back. Keys from outside
 * are hashed with SipHash under a key of the process, so nobody can choose collisions. Strings are
 * not copied: they must outlive the map. The order of iteration is not promised. */
#ifndef CAMP_VM_BASE_MAP_H
#define CAMP_VM_BASE_MAP_H

#include "vm/base/base.h"

struct map64_slot {
    uint64_t key, value;
    bool is_used;
};
struct map64 {
    struct map64_slot *slots;
    size_t room, count; /* room: zero or a power of two */
};
void map64_init(struct map64 *map);
void map64_free(struct map64 *map);
void map64_clear(struct map64 *map);
/* NULL when there is none; valid until the next put or remove. */
uint64_t *map64_get(const struct map64 *map, uint64_t key);
/* Where the value is; a new one is 0. *is_new may be NULL. */
uint64_t *map64_put(struct map64 *map, uint64_t key, bool *is_new);
bool map64_remove(struct map64 *map, uint64_t key);
/* `for (size_t i = 0; map64_next(&map, &i, &key, &value);)` */
bool map64_next(const struct map64 *map, size_t *cursor, uint64_t *key, uint64_t *value);

struct strmap_slot {
    struct str key;
    uint64_t value, hash;
    bool is_used;
};
struct strmap {
    struct strmap_slot *slots;
    size_t room, count;
};
void strmap_init(struct strmap *map);
void strmap_free(struct strmap *map);
void strmap_clear(struct strmap *map);
uint64_t *strmap_get(const struct strmap *map, struct str key);
uint64_t *strmap_put(struct strmap *map, struct str key, bool *is_new);
bool strmap_remove(struct strmap *map, struct str key);
bool strmap_next(const struct strmap *map, size_t *cursor, struct str *key, uint64_t *value);

#endif
