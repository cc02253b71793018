/* list.c: filters of lists. As in Liquid, a list is flattened first, a hash is a list of itself, a
 * single value a list of one, and unknown an empty list. */
#include "stdlib/filter.h"
#include "vm/base/utf8.h"

static uint32_t count_flat(const struct list *list, int depth)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->count; i++)
        count += list->items[i].kind == VALUE_LIST && depth < LIQUID_MAX_DEPTH
                     ? count_flat(list->items[i].list, depth + 1)
                     : 1;
    return count;
}

static uint32_t flatten(const struct list *list, struct value *into, int depth)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->count; i++)
        if (list->items[i].kind == VALUE_LIST && depth < LIQUID_MAX_DEPTH)
            count += flatten(list->items[i].list, into + count, depth + 1);
        else
            into[count++] = list->items[i];
    return count;
}

struct list filter_items(struct call *call, struct value v)
{
    if (v.kind == VALUE_LIST) {
        bool is_flat = true;
        for (uint32_t i = 0; i < v.list->count && is_flat; i++)
            is_flat = v.list->items[i].kind != VALUE_LIST;
        if (is_flat)
            return *v.list;
        uint32_t count = count_flat(v.list, 0);
        struct value *items = arena_array(call->arena, count + 1, sizeof *items);
        call->failed |= !items;
        return items ? (struct list){items, flatten(v.list, items, 0)} : (struct list){0};
    }
    if (v.kind == VALUE_RANGE) {
        v = liquid_items(call->arena, v);
        call->failed |= v.kind != VALUE_LIST;
        return v.kind == VALUE_LIST ? *v.list : (struct list){0};
    }
    if (v.kind == VALUE_UNKNOWN)
        return (struct list){0};
    struct value *item = arena_copy(call->arena, &v, sizeof v);
    call->failed |= !item;
    return (struct list){item, item != NULL};
}

static struct value *room(struct call *call, uint32_t count)
{
    struct value *items = arena_array(call->arena, (size_t)count + 1, sizeof *items);
    call->failed |= !items;
    return items;
}

struct value filter_property(struct call *call, struct value item, struct value property,
                             bool *has_properties)
{
    *has_properties = item.kind == VALUE_TEXT || item.kind == VALUE_HASH ||
                      item.kind == VALUE_INT || item.kind == VALUE_LOOP || item.kind == VALUE_JSON;
    if (item.kind == VALUE_HASH || item.kind == VALUE_LOOP || item.kind == VALUE_JSON)
        return liquid_lookup(call->arena, item, property, false);
    if (item.kind == VALUE_TEXT && property.kind == VALUE_TEXT)
        return str_find(item.text, property.text) != SIZE_MAX || !property.text.len
                   ? property
                   : value_unknown();
    if (item.kind == VALUE_INT && property.kind == VALUE_INT)
        return value_int(property.i < 0    ? 0
                         : property.i > 62 ? item.i < 0
                                           : item.i >> property.i & 1);
    if (item.kind == VALUE_TEXT && property.kind == VALUE_UNKNOWN)
        *has_properties = false;
    else if (*has_properties)
        call->error = "an element has no such property";
    return value_unknown();
}

struct value list_first(struct call *call, const struct value *v, uint32_t count)
{
    (void)count;
    if (v->kind == VALUE_HASH)
        return liquid_pair(call->arena, v->hash, 0);
    return v->kind == VALUE_TEXT ? value_unknown()
                                 : liquid_lookup(call->arena, *v, value_text(STR("first")), true);
}

struct value list_last(struct call *call, const struct value *v, uint32_t count)
{
    (void)count;
    return v->kind == VALUE_TEXT || v->kind == VALUE_HASH
               ? value_unknown()
               : liquid_lookup(call->arena, *v, value_text(STR("last")), true);
}

struct value list_join(struct call *call, const struct value *v, uint32_t count)
{
    struct list list = filter_items(call, *v);
    struct str glue = count > 1 ? filter_text(call, v[1]) : STR(" ");
    struct buf out;
    buf_init(&out, TEXT_LIMIT);
    for (uint32_t i = 0; i < list.count && !out.failed; i++) {
        if (i)
            buf_str(&out, glue);
        value_print(call->clinic_zone, call->is_liquid, list.items[i], &out);
    }
    return filter_done(call, &out);
}

struct value list_reverse(struct call *call, const struct value *v, uint32_t count)
{
    struct list list = filter_items(call, *v);
    struct value *items = room(call, list.count);
    (void)count;
    for (uint32_t i = 0; items && i < list.count; i++)
        items[i] = list.items[list.count - 1 - i];
    return filter_list(call, items, list.count);
}

/* Sorting: elements with what they are sorted by, merged; equal ones keep their order. */
struct keyed {
    struct value item, key;
};

static int compare_letters(struct str a, struct str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < shorter; i++) {
        int x = (unsigned char)a.at[i], y = (unsigned char)b.at[i];
        x = x >= 'A' && x <= 'Z' ? x + 32 : x;
        y = y >= 'A' && y <= 'Z' ? y + 32 : y;
        if (x != y)
            return x < y ? -1 : 1;
    }
    return (a.len > b.len) - (a.len < b.len);
}

static int order(struct call *call, struct value a, struct value b, bool is_natural)
{
    const char *error = NULL;
    if (a.kind == VALUE_UNKNOWN || b.kind == VALUE_UNKNOWN)
        return (a.kind == VALUE_UNKNOWN) - (b.kind == VALUE_UNKNOWN);
    if (is_natural)
        return compare_letters(filter_text(call, a), filter_text(call, b));
    if (liquid_is_equal(a, b))
        return 0;
    bool is_less = liquid_relate(RELATION_LT, a, b, &error),
         is_more = !error && liquid_relate(RELATION_GT, a, b, &error);
    if (error || is_less == is_more)
        call->error = "elements that cannot be compared";
    return is_less ? -1 : 1;
}

static void merge_sort(struct call *call, struct keyed *items, struct keyed *spare, uint32_t count,
                       bool is_natural)
{
    if (count < 2 || call->error)
        return;
    uint32_t half = count / 2, a = 0, b = half;
    merge_sort(call, items, spare, half, is_natural);
    merge_sort(call, items + half, spare, count - half, is_natural);
    for (uint32_t i = 0; i < count; i++) {
        bool takes_a =
            b == count || (a < half && order(call, items[a].key, items[b].key, is_natural) <= 0);
        spare[i] = takes_a ? items[a++] : items[b++];
    }
    memcpy(items, spare, count * sizeof *items);
}

static struct value sort(struct call *call, const struct value *v, uint32_t count, bool is_natural)
{
    struct list list = filter_items(call, *v);
    struct value property = argument(v, list.count > 1 ? count : 0, 1);
    struct keyed *items = arena_array(call->arena, 2 * (size_t)list.count + 1, sizeof *items);
    struct value *sorted = room(call, list.count);
    call->failed |= !items;
    if (!items || !sorted)
        return value_unknown();
    for (uint32_t i = 0; i < list.count; i++) {
        bool has_properties = true;
        items[i] = (struct keyed){list.items[i], list.items[i]};
        if (property.kind != VALUE_UNKNOWN)
            items[i].key = filter_property(call, list.items[i], property, &has_properties);
        if (!has_properties || call->error)
            return value_unknown();
    }
    merge_sort(call, items, items + list.count, list.count, is_natural);
    for (uint32_t i = 0; i < list.count; i++)
        sorted[i] = items[i].item;
    return call->error ? value_unknown() : filter_list(call, sorted, list.count);
}

struct value list_sort(struct call *call, const struct value *v, uint32_t count)
{
    return sort(call, v, count, false);
}

struct value list_sort_natural(struct call *call, const struct value *v, uint32_t count)
{
    return sort(call, v, count, true);
}

/* By their properties, or by themselves; false when they have none, or none that name. */
static bool keys_of(struct call *call, struct list list, struct value property, struct value *keys)
{
    for (uint32_t i = 0; i < list.count; i++) {
        bool has_properties = true;
        keys[i] = property.kind == VALUE_UNKNOWN
                      ? list.items[i]
                      : filter_property(call, list.items[i], property, &has_properties);
        if (call->error || (!has_properties && !i))
            return false;
    }
    return true;
}

struct value list_uniq(struct call *call, const struct value *v, uint32_t count)
{
    struct list list = filter_items(call, *v);
    struct value *keys = room(call, list.count), *items = room(call, list.count);
    uint32_t kept = 0;
    if (!keys || !items || !keys_of(call, list, argument(v, list.count > 1 ? count : 0, 1), keys))
        return value_unknown();
    for (uint32_t i = 0; i < list.count; i++) {
        bool is_new = true;
        for (uint32_t k = 0; k < kept && is_new; k++)
            is_new = keys[k].kind != keys[i].kind || !liquid_is_equal(keys[k], keys[i]);
        if (is_new) {
            keys[kept] = keys[i];
            items[kept++] = list.items[i];
        }
    }
    return filter_list(call, items, kept);
}

struct value list_compact(struct call *call, const struct value *v, uint32_t count)
{
    struct list list = filter_items(call, *v);
    struct value *keys = room(call, list.count), *items = room(call, list.count);
    uint32_t kept = 0;
    if (!keys || !items || !keys_of(call, list, argument(v, count, 1), keys))
        return value_unknown();
    for (uint32_t i = 0; i < list.count; i++)
        if (keys[i].kind != VALUE_UNKNOWN)
            items[kept++] = list.items[i];
    return filter_list(call, items, kept);
}

struct value list_concat(struct call *call, const struct value *v, uint32_t count)
{
    struct list list = filter_items(call, *v);
    if (count < 2 || v[1].kind != VALUE_LIST)
        return filter_wrong(call, "`concat` takes a list");
    struct value *items = room(call, list.count + v[1].list->count);
    if (!items)
        return value_unknown();
    for (uint32_t i = 0; i < list.count; i++)
        items[i] = list.items[i];
    for (uint32_t i = 0; i < v[1].list->count; i++)
        items[list.count + i] = v[1].list->items[i];
    return filter_list(call, items, list.count + v[1].list->count);
}

/* Places count from the end when they are negative; false: outside. */
static bool cut(int64_t length, int64_t *from, int64_t *count)
{
    *from += *from < 0 ? length : 0;
    if (*from < 0 || *from > length || *count < 0)
        return false;
    *count = *count > length - *from ? length - *from : *count;
    return true;
}

struct value list_slice(struct call *call, const struct value *v, uint32_t count)
{
    int64_t from, length = 1;
    struct value wanted = argument(v, count, 2);
    if (!liquid_integer(argument(v, count, 1), &from) ||
        (liquid_is_truthy(wanted) && !liquid_integer(wanted, &length)))
        return filter_wrong(call, "a place that is no integer");
    if (v->kind == VALUE_LIST)
        return cut(v->list->count, &from, &length)
                   ? filter_list(call, (struct value *)(uintptr_t)(v->list->items + from),
                                 (uint32_t)length)
                   : filter_list(call, NULL, 0);
    struct str text = filter_text(call, *v);
    if (!cut((int64_t)utf8_count(text), &from, &length))
        return value_text(STR(""));
    size_t at = 0, end;
    for (size_t used; from-- > 0; at += used ? used : 1)
        utf8_decode(str_from(text, at), &used);
    end = at;
    for (size_t used; length-- > 0; end += used ? used : 1)
        utf8_decode(str_from(text, end), &used);
    return value_text((struct str){text.at + at, end - at});
}

struct value list_map(struct call *call, const struct value *v, uint32_t count)
{
    struct list list = filter_items(call, *v);
    struct value *items = room(call, list.count);
    for (uint32_t i = 0; items && i < list.count; i++) {
        bool has_properties;
        items[i] = filter_property(call, list.items[i], argument(v, count, 1), &has_properties);
    }
    return call->error ? value_unknown() : filter_list(call, items, list.count);
}

/* Which elements are meant; false: they have no properties, so nothing is known of them. */
static bool choose(struct call *call, struct list list, const struct value *v, uint32_t count,
                   bool *is_chosen)
{
    struct value property = argument(v, count, 1), wanted = argument(v, count, 2);
    for (uint32_t i = 0; i < list.count; i++) {
        bool has_properties;
        struct value got = filter_property(call, list.items[i], property, &has_properties);
        if (!has_properties || call->error)
            return false;
        is_chosen[i] =
            wanted.kind == VALUE_UNKNOWN ? liquid_is_truthy(got) : liquid_is_equal(got, wanted);
    }
    return true;
}

static struct value filter(struct call *call, const struct value *v, uint32_t count, bool keeps)
{
    struct list list = filter_items(call, *v);
    bool *is_chosen = arena_alloc(call->arena, list.count + 1);
    struct value *items = room(call, list.count);
    uint32_t kept = 0;
    if (!is_chosen || !items || !choose(call, list, v, count, is_chosen))
        return value_unknown();
    for (uint32_t i = 0; i < list.count; i++)
        if (is_chosen[i] == keeps)
            items[kept++] = list.items[i];
    return filter_list(call, items, kept);
}

struct value list_where(struct call *call, const struct value *v, uint32_t count)
{
    return filter(call, v, count, true);
}

struct value list_reject(struct call *call, const struct value *v, uint32_t count)
{
    return filter(call, v, count, false);
}

/* The first that is chosen; its index, or the count; false as choose(), but elements behind it do
 * not matter. */
static bool find(struct call *call, struct list list, const struct value *v, uint32_t count,
                 uint32_t *index)
{
    for (*index = 0; *index < list.count; ++*index) {
        bool is_chosen;
        struct list one = {list.items + *index, 1};
        if (!choose(call, one, v, count, &is_chosen))
            return false;
        if (is_chosen)
            return true;
    }
    return true;
}

struct value list_has(struct call *call, const struct value *v, uint32_t count)
{
    struct list list = filter_items(call, *v);
    uint32_t index;
    return find(call, list, v, count, &index) ? value_bool(index < list.count) : value_unknown();
}

struct value list_find(struct call *call, const struct value *v, uint32_t count)
{
    struct list list = filter_items(call, *v);
    uint32_t index;
    return find(call, list, v, count, &index) && index < list.count ? list.items[index]
                                                                    : value_unknown();
}

struct value list_sum(struct call *call, const struct value *v, uint32_t count)
{
    struct list list = filter_items(call, *v);
    struct value property = argument(v, count, 1), *keys = room(call, list.count);
    for (uint32_t i = 0; keys && i < list.count; i++) {
        bool has_properties;
        keys[i] = property.kind == VALUE_UNKNOWN
                      ? list.items[i]
                      : filter_property(call, list.items[i], property, &has_properties);
    }
    if (!keys || call->error)
        return value_unknown();
    struct list values = {keys, list.count},
                flat = filter_items(call, (struct value){.kind = VALUE_LIST, .list = &values});
    return filter_sum(&flat);
}
