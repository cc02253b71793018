/* filter.h: what the files of the filters share; for stdlib alone. A filter is pure: it sees its
 * arguments and the call, nothing else. Results live in the call's arena, which bounds them. */
#ifndef CAMP_STDLIB_FILTER_H
#define CAMP_STDLIB_FILTER_H

#include "vm/base/buf.h"
#include "vm/code/builtin.h"
#include "vm/core/liquid.h"

enum { TEXT_LIMIT = 1 << 20 };

#define BUILTIN(name, signature, function, documentation, example, prints, errors)                 \
    struct value function(struct call *call, const struct value *v, uint32_t count);
#include "stdlib/builtins.def"
#undef BUILTIN

/* As a text: what it prints; a list or a hash as Ruby shows it; nothing for unknown. */
struct str filter_text(struct call *call, struct value v);
/* Argument `index`, unknown when it was left out. */
static inline struct value argument(const struct value *v, uint32_t count, uint32_t index)
{
    return index < count ? v[index] : value_unknown();
}
static inline struct value filter_wrong(struct call *call, const char *error)
{
    call->error = error;
    return value_unknown();
}
/* The text that was made, and frees the buffer. */
struct value filter_done(struct call *call, struct buf *out);
struct value filter_list(struct call *call, struct value *items, uint32_t count);
/* What filters of lists go over: lists are flattened, a single value is a list of one. */
struct list filter_items(struct call *call, struct value v);
/* item[property]; *is_known false when the item has no properties at all. */
struct value filter_property(struct call *call, struct value item, struct value property,
                             bool *has_properties);

struct number { /* is_real: `real` counts, else `whole` */
    bool is_real;
    int64_t whole;
    double real;
};
struct number filter_number(struct value v);
struct value filter_sum(const struct list *list);

#endif
