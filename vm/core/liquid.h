/* liquid.h: what Liquid means by equal, true, a member, a loop: for the machine and the filters.
 * Semantics are those of Shopify's Liquid (lib/liquid/condition.rb, variable_lookup.rb, for.rb).
 * Memory is the arena's of the slice; nothing here fails but by leaving a text in *error. */
#ifndef CAMP_VM_CORE_LIQUID_H
#define CAMP_VM_CORE_LIQUID_H

#include "vm/base/arena.h"
#include "vm/base/buf.h"
#include "vm/code/op.h"
#include "vm/code/value.h"

struct zone;

enum { LIQUID_MAX_ITEMS = 100000, LIQUID_MAX_DEPTH = 100 };

struct loop {
    struct str name;
    struct value parent; /* LOOP or unknown */
    const struct value *items;
    int64_t from;                /* of a range: its first number */
    int64_t first, count, index; /* where it began, how many items, which is it at, from 0 */
    bool is_range, is_reversed;
};

/* As people read it (LANGUAGE.md M7); is_liquid: as Liquid prints it, 1.0 with its decimals. */
void value_print(const struct zone *zone, bool is_liquid, struct value v, struct buf *out);
/* As Ruby shows a value inside of another: texts in quotes. */
void value_inspect(struct value v, struct buf *out);

bool liquid_is_truthy(struct value v);
bool liquid_is_equal(struct value a, struct value b);
bool liquid_relate(enum relation relation, struct value a, struct value b, const char **error);
/* JSON becomes lists and hashes, anything else stays. */
struct value liquid_open(struct arena *arena, struct value v);
/* of[key], or of.key, which also knows first, last and size. */
struct value liquid_lookup(struct arena *arena, struct value of, struct value key, bool is_dot);
/* [name, value] of a hash; unknown when there is no such. */
struct value liquid_pair(struct arena *arena, const struct hash *hash, uint32_t index);
/* Members of a loop, ranges and hashes as a list of items; a text is one item; unknown none. */
struct value liquid_items(struct arena *arena, struct value v);
/* As Ruby's Integer(text) and to_i: the first wants all of it to be a number. */
bool liquid_integer(struct value v, int64_t *number);
int64_t liquid_leading_integer(struct str text);
struct value liquid_range(struct arena *arena, struct value from, struct value to,
                          const char **error);
/* VALUE_LOOP, or unknown when the arena is full. */
struct value liquid_loop(struct arena *arena, struct value over, struct value offset,
                         struct value limit, struct str name, struct value parent, bool is_reversed,
                         const char **error);
struct value liquid_item(const struct loop *loop);

#endif
