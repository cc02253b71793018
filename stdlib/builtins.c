/* builtins.c: the one table of what a campaign may call, and what its files share. */
#include "stdlib/builtins.h"

#include "stdlib/filter.h"

struct str filter_text(struct call *call, struct value v)
{
    struct buf out;
    if (v.kind == VALUE_TEXT)
        return v.text;
    buf_init(&out, TEXT_LIMIT);
    if (v.kind == VALUE_LIST)
        value_inspect(v, &out);
    else
        value_print(call->clinic_zone, call->is_liquid, v, &out);
    struct str text = arena_str(call->arena, buf_view(&out));
    call->failed |= out.failed || !text.at;
    buf_free(&out);
    return text;
}

struct value filter_done(struct call *call, struct buf *out)
{
    struct str text = out->failed ? (struct str){0} : arena_str(call->arena, buf_view(out));
    buf_free(out);
    call->failed |= !text.at;
    return text.at ? value_text(text) : value_unknown();
}

struct value filter_list(struct call *call, struct value *items, uint32_t count)
{
    struct list *list = arena_alloc(call->arena, sizeof *list);
    call->failed |= !list;
    if (!list)
        return value_unknown();
    *list = (struct list){items, items ? count : 0};
    return (struct value){.kind = VALUE_LIST, .list = list};
}

/* A default is given for the unknown, the false and the empty. */
struct value any_default(struct call *call, const struct value *v, uint32_t count)
{
    bool allows_false = liquid_is_truthy(argument(v, count, 2)), is_empty = false;
    if (v->kind == VALUE_TEXT)
        is_empty = !v->text.len;
    else if (v->kind == VALUE_LIST)
        is_empty = !v->list->count;
    else if (v->kind == VALUE_HASH)
        is_empty = !v->hash->count;
    bool is_missing = allows_false ? v->kind == VALUE_UNKNOWN : !liquid_is_truthy(*v);
    if (!is_missing && !is_empty)
        return *v;
    return count > 1 ? v[1] : call->is_liquid ? value_text(STR("")) : value_unknown();
}

struct value any_size(struct call *call, const struct value *v, uint32_t count)
{
    (void)count;
    struct value size = liquid_lookup(call->arena, *v, value_text(STR("size")), true);
    return v->kind == VALUE_HASH ? value_int(v->hash->count)
           : size.kind == VALUE_INT && (call->is_liquid || v->kind != VALUE_INT) ? size
                                                                                 : value_int(0);
}

static const struct builtin rows[] = {
#define BUILTIN(name, signature, function, documentation, example, prints, errors)                 \
    {#name, signature, function, documentation, example, prints, errors},
#include "stdlib/builtins.def"
#undef BUILTIN
};
const struct builtins stdlib_builtins = {rows, (uint32_t)ARRAY_COUNT(rows)};
