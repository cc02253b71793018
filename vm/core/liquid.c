/* liquid.c: see liquid.h. */
#include "vm/core/liquid.h"

#include <math.h>

#include "vm/base/json.h"
#include "vm/base/utf8.h"

bool liquid_is_truthy(struct value v)
{
    return v.kind != VALUE_UNKNOWN && !(v.kind == VALUE_BOOL && !v.i);
}

static bool is_number(struct value v)
{
    return v.kind == VALUE_INT || v.kind == VALUE_NUMBER;
}

static double as_number(struct value v)
{
    return v.kind == VALUE_INT ? (double)v.i : v.n;
}

static bool equal(struct value a, struct value b, int depth);

/* Every member of a is one of b, and they are as many. */
static bool equal_hashes(const struct hash *a, const struct hash *b, int depth)
{
    for (uint32_t i = 0; a->count == b->count && i < a->count; i++) {
        uint32_t k = 0;
        while (k < b->count && !str_eq(a->names[i], b->names[k]))
            k++;
        if (k == b->count || !equal(a->values[i], b->values[k], depth + 1))
            return false;
    }
    return a->count == b->count;
}

static bool equal(struct value a, struct value b, int depth)
{
    if (is_number(a) && is_number(b))
        return a.kind == VALUE_INT && b.kind == VALUE_INT ? a.i == b.i
                                                          : as_number(a) == as_number(b);
    if (a.kind != b.kind || depth == LIQUID_MAX_DEPTH)
        return false;
    switch ((enum value_kind)a.kind) {
    case VALUE_UNKNOWN:
        return true;
    case VALUE_TEXT:
    case VALUE_JSON:
    case VALUE_OBJECT:
        return str_eq(a.text, b.text);
    case VALUE_LIST:
        for (uint32_t i = 0; a.list->count == b.list->count && i < a.list->count; i++)
            if (!equal(a.list->items[i], b.list->items[i], depth + 1))
                return false;
        return a.list->count == b.list->count;
    case VALUE_HASH:
        return equal_hashes(a.hash, b.hash, depth);
    case VALUE_RANGE:
        return a.range->from == b.range->from && a.range->to == b.range->to;
    case VALUE_LOOP:
        return a.loop == b.loop;
    case VALUE_DURATION:
        return a.i == b.i && a.months == b.months && a.days == b.days;
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_NUMBER:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_CLOCK:
    case VALUE_EVENT:
        return a.i == b.i;
    }
    return false;
}

bool liquid_is_equal(struct value a, struct value b)
{
    return equal(a, b, 0);
}

static bool is_white(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != ' ' && !(text.at[i] >= '\t' && text.at[i] <= '\r'))
            return false;
    return true;
}

static bool is_empty(struct value v)
{
    return v.kind == VALUE_TEXT   ? !v.text.len
           : v.kind == VALUE_LIST ? !v.list->count
           : v.kind == VALUE_HASH ? !v.hash->count
                                  : false;
}

static bool is_blank(struct value v)
{
    return !liquid_is_truthy(v) || is_empty(v) || (v.kind == VALUE_TEXT && is_white(v.text));
}

static bool contains(struct value of, struct value part)
{
    if (!liquid_is_truthy(of) || !liquid_is_truthy(part))
        return false;
    if (of.kind == VALUE_TEXT && part.kind == VALUE_LIST)
        return false; /* no text contains a list, not even an empty one */
    if (of.kind == VALUE_TEXT) {
        struct buf text;
        buf_init(&text, 1 << 20);
        value_print(NULL, true, part, &text);
        bool is_in = str_find(of.text, buf_view(&text)) != SIZE_MAX || !text.len;
        buf_free(&text);
        return is_in;
    }
    if (of.kind == VALUE_LIST)
        for (uint32_t i = 0; i < of.list->count; i++)
            if (liquid_is_equal(of.list->items[i], part))
                return true;
    if (of.kind == VALUE_HASH && part.kind == VALUE_TEXT)
        for (uint32_t i = 0; i < of.hash->count; i++)
            if (str_eq(of.hash->names[i], part.text))
                return true;
    return of.kind == VALUE_RANGE && is_number(part) && as_number(part) >= (double)of.range->from &&
           as_number(part) <= (double)of.range->to;
}

static bool is_ordered(uint8_t kind)
{
    return kind == VALUE_INT || kind == VALUE_NUMBER || kind == VALUE_TEXT || kind == VALUE_DATE ||
           kind == VALUE_TIME || kind == VALUE_CLOCK;
}

static bool order(enum relation relation, struct value a, struct value b, const char **error)
{
    int sign = 0;
    if (!is_ordered(a.kind) || !is_ordered(b.kind))
        return false;
    if (is_number(a) && is_number(b))
        sign = (as_number(a) > as_number(b)) - (as_number(a) < as_number(b));
    else if (a.kind != b.kind)
        *error = "a number cannot be compared with a text";
    else if (a.kind == VALUE_TEXT)
        sign = str_cmp(a.text, b.text);
    else
        sign = (a.i > b.i) - (a.i < b.i);
    return relation == RELATION_LT   ? sign < 0
           : relation == RELATION_GT ? sign > 0
           : relation == RELATION_LE ? sign <= 0
                                     : sign >= 0;
}

bool liquid_relate(enum relation relation, struct value a, struct value b, const char **error)
{
    switch (relation) {
    case RELATION_EQ:
    case RELATION_NE:
        return liquid_is_equal(a, b) == (relation == RELATION_EQ);
    case RELATION_LT:
    case RELATION_GT:
    case RELATION_LE:
    case RELATION_GE:
        return order(relation, a, b, error);
    case RELATION_CONTAINS:
        return contains(a, b);
    case RELATION_EMPTY:
    case RELATION_NOT_EMPTY:
        return is_empty(a) == (relation == RELATION_EMPTY);
    case RELATION_BLANK:
    case RELATION_NOT_BLANK:
        return is_blank(a) == (relation == RELATION_BLANK);
    }
    return false;
}

static struct value value_of_json(struct arena *arena, const struct json *json)
{
    uint32_t count = 0;
    for (const struct json *kid = json->first; kid; kid = kid->next)
        count++;
    switch (json->kind) {
    case JSON_STRING:
        return value_text(json->text);
    case JSON_INT:
        return value_int(json->integer);
    case JSON_NUMBER:
        return value_number(json->number);
    case JSON_TRUE:
    case JSON_FALSE:
        return value_bool(json->kind == JSON_TRUE);
    case JSON_OBJECT: {
        struct hash *hash = arena_alloc(arena, sizeof *hash);
        struct str *names = arena_array(arena, count + 1, sizeof *names);
        struct value *values = arena_array(arena, count + 1, sizeof *values);
        if (!hash || !names || !values)
            return value_unknown();
        count = 0;
        for (const struct json *kid = json->first; kid; kid = kid->next) {
            names[count] = kid->key;
            values[count++] = value_of_json(arena, kid);
        }
        *hash = (struct hash){names, values, count};
        return (struct value){.kind = VALUE_HASH, .hash = hash};
    }
    case JSON_ARRAY: {
        struct list *list = arena_alloc(arena, sizeof *list);
        struct value *items = arena_array(arena, count + 1, sizeof *items);
        if (!list || !items)
            return value_unknown();
        count = 0;
        for (const struct json *kid = json->first; kid; kid = kid->next)
            items[count++] = value_of_json(arena, kid);
        *list = (struct list){items, count};
        return (struct value){.kind = VALUE_LIST, .list = list};
    }
    case JSON_END:
    case JSON_ERROR:
    case JSON_OBJECT_END:
    case JSON_ARRAY_END:
    case JSON_KEY:
    case JSON_NULL:
        break;
    }
    return value_unknown();
}

struct value liquid_open(struct arena *arena, struct value v)
{
    if (v.kind != VALUE_JSON)
        return v;
    const struct json *json = json_parse(arena, v.text, NULL, NULL);
    return json ? value_of_json(arena, json) : value_unknown();
}

struct value liquid_pair(struct arena *arena, const struct hash *hash, uint32_t i)
{
    struct list *list = arena_alloc(arena, sizeof *list);
    struct value *items = arena_array(arena, 2, sizeof *items);
    if (!list || !items || i >= hash->count)
        return value_unknown();
    items[0] = value_text(hash->names[i]);
    items[1] = hash->values[i];
    *list = (struct list){items, 2};
    return (struct value){.kind = VALUE_LIST, .list = list};
}

static struct value member_of_loop(const struct loop *loop, struct str name)
{
    const struct {
        const char *name;
        struct value value;
    } members[] = {{"index", value_int(loop->index + 1)},
                   {"index0", value_int(loop->index)},
                   {"rindex", value_int(loop->count - loop->index)},
                   {"rindex0", value_int(loop->count - loop->index - 1)},
                   {"first", value_bool(loop->index == 0)},
                   {"last", value_bool(loop->index == loop->count - 1)},
                   {"length", value_int(loop->count)},
                   {"name", value_text(loop->name)},
                   {"parentloop", loop->parent}};
    for (size_t i = 0; i < ARRAY_COUNT(members); i++)
        if (str_eq_c(name, members[i].name))
            return members[i].value;
    return value_unknown();
}

/* first, last and size, when there is no member of that name. */
static struct value command(struct arena *arena, struct value of, struct str name)
{
    bool is_first = str_eq(name, STR("first")), is_last = str_eq(name, STR("last"));
    if (str_eq(name, STR("size")))
        switch ((int)of.kind) {
        case VALUE_TEXT:
            return value_int((int64_t)utf8_count(of.text));
        case VALUE_LIST:
            return value_int(of.list->count);
        case VALUE_HASH:
            return value_int(of.hash->count);
        case VALUE_RANGE:
            return value_int(of.range->to < of.range->from ? 0 : of.range->to - of.range->from + 1);
        case VALUE_INT:
            return value_int(8); /* as Ruby has it */
        default:
            return value_unknown();
        }
    if (!is_first && !is_last)
        return value_unknown();
    if (of.kind == VALUE_LIST && of.list->count)
        return of.list->items[is_first ? 0 : of.list->count - 1];
    if (of.kind == VALUE_HASH && is_first && of.hash->count)
        return liquid_pair(arena, of.hash, 0);
    if (of.kind == VALUE_RANGE)
        return value_int(is_first ? of.range->from : of.range->to);
    return value_unknown();
}

struct value liquid_lookup(struct arena *arena, struct value of, struct value key, bool is_dot)
{
    if (of.kind == VALUE_JSON)
        of = liquid_open(arena, of);
    if (of.kind == VALUE_HASH && key.kind == VALUE_TEXT)
        for (uint32_t i = 0; i < of.hash->count; i++)
            if (str_eq(of.hash->names[i], key.text))
                return of.hash->values[i];
    if (of.kind == VALUE_LIST && key.kind == VALUE_INT) {
        int64_t at = key.i < 0 ? key.i + of.list->count : key.i;
        return at >= 0 && at < of.list->count ? of.list->items[at] : value_unknown();
    }
    if (of.kind == VALUE_LOOP && key.kind == VALUE_TEXT)
        return member_of_loop(of.loop, key.text);
    return is_dot ? command(arena, of, key.text) : value_unknown();
}

struct value liquid_items(struct arena *arena, struct value v)
{
    struct list *list = arena_alloc(arena, sizeof *list);
    struct value *items = NULL;
    int64_t count = 0;
    v = liquid_open(arena, v);
    if (v.kind == VALUE_LIST)
        return v;
    if (v.kind == VALUE_TEXT && v.text.len)
        count = 1;
    else if (v.kind == VALUE_HASH)
        count = v.hash->count;
    else if (v.kind == VALUE_RANGE && v.range->to >= v.range->from)
        count = v.range->to - v.range->from + 1;
    if (count < 0 || count > LIQUID_MAX_ITEMS || !list ||
        !(items = arena_array(arena, (size_t)count + 1, sizeof *items)))
        return value_unknown();
    for (int64_t i = 0; i < count; i++)
        items[i] = v.kind == VALUE_TEXT    ? v
                   : v.kind == VALUE_RANGE ? value_int(v.range->from + i)
                                           : liquid_pair(arena, v.hash, (uint32_t)i);
    *list = (struct list){items, (uint32_t)count};
    return (struct value){.kind = VALUE_LIST, .list = list};
}

int64_t liquid_leading_integer(struct str text)
{
    int64_t number = 0;
    size_t i = 0;
    while (i < text.len && (text.at[i] == ' ' || (text.at[i] >= '\t' && text.at[i] <= '\r')))
        i++;
    bool is_negative = i < text.len && text.at[i] == '-';
    i += i < text.len && (text.at[i] == '-' || text.at[i] == '+');
    for (bool was_digit = false; i < text.len; i++) {
        bool is_digit = text.at[i] >= '0' && text.at[i] <= '9';
        if (!is_digit && !(was_digit && text.at[i] == '_'))
            break;
        was_digit = is_digit;
        if (is_digit && (__builtin_mul_overflow(number, 10, &number) ||
                         __builtin_add_overflow(number, text.at[i] - '0', &number)))
            return is_negative ? INT64_MIN : INT64_MAX;
    }
    return is_negative ? -number : number;
}

bool liquid_integer(struct value v, int64_t *number)
{
    if (v.kind == VALUE_INT) {
        *number = v.i;
        return true;
    }
    struct str text = v.kind == VALUE_TEXT ? str_trim(v.text) : (struct str){0};
    size_t sign = text.len && (text.at[0] == '-' || text.at[0] == '+');
    for (size_t i = sign; i < text.len; i++)
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    *number = liquid_leading_integer(text);
    return text.len > sign;
}

static bool bound(struct value v, int64_t *number)
{
    *number = 0;
    if (v.kind == VALUE_UNKNOWN)
        return true;
    if (v.kind == VALUE_TEXT) {
        *number = liquid_leading_integer(v.text);
        return true;
    }
    if (v.kind == VALUE_NUMBER && fabs(v.n) < 9e18) {
        *number = (int64_t)v.n;
        return true;
    }
    return liquid_integer(v, number);
}

struct value liquid_range(struct arena *arena, struct value from, struct value to,
                          const char **error)
{
    struct range *range = arena_alloc(arena, sizeof *range);
    if (!range)
        return value_unknown();
    if (!bound(from, &range->from) || !bound(to, &range->to)) {
        *error = "the ends of a range must be integers";
        return value_unknown();
    }
    return (struct value){.kind = VALUE_RANGE, .range = range};
}

struct value liquid_loop(struct arena *arena, struct value over, struct value offset,
                         struct value limit, struct str name, struct value parent, bool is_reversed,
                         const char **error)
{
    struct loop *loop = arena_alloc(arena, sizeof *loop);
    int64_t from = 0, most = INT64_MAX, count = 0;
    if (offset.kind != VALUE_UNKNOWN && !liquid_integer(offset, &from))
        *error = "`offset` must be an integer";
    if (limit.kind != VALUE_UNKNOWN && !liquid_integer(limit, &most))
        *error = "`limit` must be an integer";
    if (!loop || *error)
        return value_unknown();
    bool is_range = over.kind == VALUE_RANGE, is_whole = over.kind == VALUE_TEXT;
    if (is_range) {
        if (over.range->to >= over.range->from &&
            (__builtin_sub_overflow(over.range->to, over.range->from, &count) ||
             __builtin_add_overflow(count, 1, &count)))
            count = INT64_MAX;
    } else {
        over = liquid_items(arena, over);
        count = over.kind == VALUE_LIST ? over.list->count : 0;
    }
    int64_t first = from < 0 || is_whole ? 0 : from, end = count;
    if (limit.kind != VALUE_UNKNOWN && !is_whole &&
        (__builtin_add_overflow(from, most, &end) || end > count))
        end = count;
    count = end > first ? end - first : 0;
    *loop = (struct loop){.name = name,
                          .parent = parent,
                          .items = is_range || over.kind != VALUE_LIST ? NULL : over.list->items,
                          .from = is_range ? over.range->from : 0,
                          .first = first,
                          .count = count,
                          .index = -1,
                          .is_range = is_range,
                          .is_reversed = is_reversed};
    return (struct value){.kind = VALUE_LOOP, .loop = loop};
}

struct value liquid_item(const struct loop *loop)
{
    int64_t at = loop->is_reversed ? loop->count - 1 - loop->index : loop->index;
    if (at < 0 || at >= loop->count)
        return value_unknown();
    return loop->is_range ? value_int(loop->from + loop->first + at)
           : loop->items  ? loop->items[loop->first + at]
                          : value_unknown();
}
