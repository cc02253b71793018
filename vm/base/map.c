/* map.c: see map.h. */
#include "vm/base/map.h"

#include "vm/base/arena.h"
#include "vm/base/hash.h"

enum { FIRST_ROOM = 16 };

/* The finalizer of SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void map64_init(struct map64 *map)
{
    *map = (struct map64){0};
}

void map64_free(struct map64 *map)
{
    heap_release(map->slots);
    map64_init(map);
}

void map64_clear(struct map64 *map)
{
    if (map->room)
        memset(map->slots, 0, map->room * sizeof *map->slots);
    map->count = 0;
}

static size_t find64(const struct map64 *map, uint64_t key)
{
    size_t i = mix(key) & (map->room - 1);
    while (map->slots[i].is_used && map->slots[i].key != key)
        i = (i + 1) & (map->room - 1);
    return i;
}

uint64_t *map64_get(const struct map64 *map, uint64_t key)
{
    if (!map->count)
        return NULL;
    struct map64_slot *slot = &map->slots[find64(map, key)];
    return slot->is_used ? &slot->value : NULL;
}

static void grow64(struct map64 *map)
{
    struct map64 larger = {.room = map->room ? map->room * 2 : FIRST_ROOM, .count = map->count};
    larger.slots = heap_alloc(larger.room * sizeof *larger.slots);
    memset(larger.slots, 0, larger.room * sizeof *larger.slots);
    for (size_t i = 0; i < map->room; i++)
        if (map->slots[i].is_used)
            larger.slots[find64(&larger, map->slots[i].key)] = map->slots[i];
    heap_release(map->slots);
    *map = larger;
}

uint64_t *map64_put(struct map64 *map, uint64_t key, bool *is_new)
{
    if (map->count * 2 >= map->room)
        grow64(map);
    struct map64_slot *slot = &map->slots[find64(map, key)];
    if (is_new)
        *is_new = !slot->is_used;
    if (!slot->is_used) {
        *slot = (struct map64_slot){.key = key, .is_used = true};
        map->count++;
    }
    return &slot->value;
}

bool map64_remove(struct map64 *map, uint64_t key)
{
    if (!map->count)
        return false;
    size_t hole = find64(map, key);
    if (!map->slots[hole].is_used)
        return false;
    size_t mask = map->room - 1;
    for (size_t i = (hole + 1) & mask; map->slots[i].is_used; i = (i + 1) & mask) {
        size_t home = mix(map->slots[i].key) & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole].is_used = false;
    map->count--;
    return true;
}

bool map64_next(const struct map64 *map, size_t *cursor, uint64_t *key, uint64_t *value)
{
    for (; *cursor < map->room; ++*cursor) {
        const struct map64_slot *slot = &map->slots[*cursor];
        if (slot->is_used) {
            *key = slot->key;
            *value = slot->value;
            ++*cursor;
            return true;
        }
    }
    return false;
}

void strmap_init(struct strmap *map)
{
    *map = (struct strmap){0};
}

void strmap_free(struct strmap *map)
{
    heap_release(map->slots);
    strmap_init(map);
}

void strmap_clear(struct strmap *map)
{
    if (map->room)
        memset(map->slots, 0, map->room * sizeof *map->slots);
    map->count = 0;
}

static size_t find_str(const struct strmap *map, struct str key, uint64_t hash)
{
    size_t i = hash & (map->room - 1);
    while (map->slots[i].is_used && (map->slots[i].hash != hash || !str_eq(map->slots[i].key, key)))
        i = (i + 1) & (map->room - 1);
    return i;
}

uint64_t *strmap_get(const struct strmap *map, struct str key)
{
    if (!map->count)
        return NULL;
    struct strmap_slot *slot = &map->slots[find_str(map, key, hash_process(key))];
    return slot->is_used ? &slot->value : NULL;
}

static void grow_str(struct strmap *map)
{
    struct strmap larger = {.room = map->room ? map->room * 2 : FIRST_ROOM, .count = map->count};
    larger.slots = heap_alloc(larger.room * sizeof *larger.slots);
    memset(larger.slots, 0, larger.room * sizeof *larger.slots);
    for (size_t i = 0; i < map->room; i++) {
        const struct strmap_slot *slot = &map->slots[i];
        if (slot->is_used)
            larger.slots[find_str(&larger, slot->key, slot->hash)] = *slot;
    }
    heap_release(map->slots);
    *map = larger;
}

uint64_t *strmap_put(struct strmap *map, struct str key, bool *is_new)
{
    if (map->count * 2 >= map->room)
        grow_str(map);
    uint64_t hash = hash_process(key);
    struct strmap_slot *slot = &map->slots[find_str(map, key, hash)];
    if (is_new)
        *is_new = !slot->is_used;
    if (!slot->is_used) {
        *slot = (struct strmap_slot){.key = key, .hash = hash, .is_used = true};
        map->count++;
    }
    return &slot->value;
}

bool strmap_remove(struct strmap *map, struct str key)
{
    if (!map->count)
        return false;
    size_t hole = find_str(map, key, hash_process(key));
    if (!map->slots[hole].is_used)
        return false;
    size_t mask = map->room - 1;
    for (size_t i = (hole + 1) & mask; map->slots[i].is_used; i = (i + 1) & mask) {
        size_t home = map->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole].is_used = false;
    map->count--;
    return true;
}

bool strmap_next(const struct strmap *map, size_t *cursor, struct str *key, uint64_t *value)
{
    for (; *cursor < map->room; ++*cursor) {
        const struct strmap_slot *slot = &map->slots[*cursor];
        if (slot->is_used) {
            *key = slot->key;
            *value = slot->value;
            ++*cursor;
            return true;
        }
    }
    return false;
}
