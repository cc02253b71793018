/* value.c: values to bytes and back, to JSON and from it, and as text for people (LANGUAGE.md M7,
 * P4). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "vm/base/json.h"
#include "vm/base/utf8.h"
#include "vm/base/zone.h"
#include "vm/core/liquid.h"
#include "vm/core/machine.h"

void value_encode(struct buf *out, struct value v)
{
    bool is_of_template = v.kind == VALUE_RANGE || v.kind == VALUE_LOOP;
    buf_byte(out, is_of_template ? VALUE_UNKNOWN : v.kind == VALUE_HASH ? VALUE_JSON : v.kind);
    switch ((enum value_kind)v.kind) {
    case VALUE_UNKNOWN:
    case VALUE_RANGE:
    case VALUE_LOOP:
        break;
    case VALUE_HASH: {
        struct buf json;
        buf_init(&json, out->limit);
        value_to_json(v, &json);
        out->failed |= json.failed;
        buf_bytes(out, buf_view(&json));
        buf_free(&json);
        break;
    }
    case VALUE_NUMBER: {
        uint64_t bits;
        memcpy(&bits, &v.n, sizeof bits);
        buf_u64(out, bits);
        break;
    }
    case VALUE_TEXT:
    case VALUE_JSON:
        buf_bytes(out, v.text);
        break;
    case VALUE_OBJECT:
        buf_zigzag(out, v.months);
        buf_bytes(out, v.text);
        break;
    case VALUE_LIST:
        buf_varint(out, v.list->count);
        for (uint32_t i = 0; i < v.list->count; i++)
            value_encode(out, v.list->items[i]);
        break;
    case VALUE_DURATION:
        buf_zigzag(out, v.months);
        buf_zigzag(out, v.days);
        buf_zigzag(out, v.i);
        break;
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_CLOCK:
    case VALUE_EVENT:
        buf_zigzag(out, v.i);
        break;
    }
}

/* What the calendar and the other code rely on. Near its ends the calendar has room for a zone's
 * offset. */
static bool is_in_range(struct value v)
{
    enum { SLACK_DAYS = 2 };
    switch ((enum value_kind)v.kind) {
    case VALUE_BOOL:
        return v.i == 0 || v.i == 1;
    case VALUE_CLOCK:
        return v.i >= 0 && v.i < 24 * 60;
    case VALUE_DATE:
        return v.i >= CIVIL_FIRST_DAY - SLACK_DAYS && v.i <= CIVIL_LAST_DAY + SLACK_DAYS;
    case VALUE_TIME:
        return v.i >= CIVIL_FIRST_MS - SLACK_DAYS * INT64_C(86400000) &&
               v.i <= CIVIL_LAST_MS + SLACK_DAYS * INT64_C(86400000);
    case VALUE_UNKNOWN:
    case VALUE_INT:
    case VALUE_NUMBER:
    case VALUE_TEXT:
    case VALUE_DURATION:
    case VALUE_LIST:
    case VALUE_EVENT:
    case VALUE_OBJECT:
    case VALUE_JSON:
    case VALUE_HASH:
    case VALUE_RANGE:
    case VALUE_LOOP:
        break;
    }
    return true;
}

static int64_t get_between(struct reader *in, int64_t least, int64_t most)
{
    int64_t number = read_zigzag(in);
    if (number < least || number > most)
        in->failed = true;
    return in->failed ? 0 : number;
}

static struct value decode(struct reader *in, struct arena *arena, int depth)
{
    struct value v = {.kind = read_byte(in)};
    switch ((enum value_kind)v.kind) {
    case VALUE_UNKNOWN:
        break;
    case VALUE_NUMBER: {
        uint64_t bits = read_u64(in);
        memcpy(&v.n, &bits, sizeof bits);
        in->failed |= !isfinite(v.n);
        break;
    }
    case VALUE_OBJECT:
        v.months = (int32_t)get_between(in, INT32_MIN, INT32_MAX);
        v.text = read_sized(in);
        break;
    case VALUE_TEXT:
    case VALUE_JSON:
        v.text = read_sized(in);
        break;
    case VALUE_LIST: {
        uint32_t count = read_varint32(in);
        struct list *list = arena_alloc(arena, sizeof *list);
        struct value *items = NULL;
        /* Every element takes at least a byte. */
        if (count > IMAGE_MAX_LIST || count > reader_left(in) || depth == IMAGE_MAX_DEPTH ||
            !list || !(items = arena_array(arena, count, sizeof *items))) {
            in->failed = true;
            return value_unknown();
        }
        for (uint32_t i = 0; i < count; i++)
            items[i] = decode(in, arena, depth + 1);
        *list = (struct list){items, count};
        v.list = list;
        break;
    }
    case VALUE_DURATION:
        v.months = (int32_t)get_between(in, INT32_MIN, INT32_MAX);
        v.days = (int16_t)get_between(in, INT16_MIN, INT16_MAX);
        v.i = read_zigzag(in);
        break;
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_CLOCK:
    case VALUE_EVENT:
        v.i = read_zigzag(in);
        in->failed |= !is_in_range(v);
        break;
    case VALUE_HASH:
    case VALUE_RANGE:
    case VALUE_LOOP:
    default:
        in->failed = true;
    }
    return in->failed ? value_unknown() : v;
}

struct value value_decode(struct reader *in, struct arena *arena)
{
    return decode(in, arena, 0);
}

void value_to_json(struct value v, struct buf *out)
{
    switch ((enum value_kind)v.kind) {
    case VALUE_UNKNOWN:
    case VALUE_EVENT:
    case VALUE_OBJECT:
    case VALUE_RANGE:
    case VALUE_LOOP:
        buf_c(out, "null");
        break;
    case VALUE_HASH:
        buf_byte(out, '{');
        for (uint32_t i = 0; i < v.hash->count; i++) {
            if (i)
                buf_byte(out, ',');
            json_put_text(out, v.hash->names[i]);
            buf_byte(out, ':');
            value_to_json(v.hash->values[i], out);
        }
        buf_byte(out, '}');
        break;
    case VALUE_BOOL:
        buf_c(out, v.i ? "true" : "false");
        break;
    case VALUE_INT:
        json_put_int(out, v.i);
        break;
    case VALUE_NUMBER:
        json_put_number(out, v.n);
        break;
    case VALUE_TEXT:
        json_put_text(out, v.text);
        break;
    case VALUE_DATE:
        buf_byte(out, '"');
        buf_date(out, v.i);
        buf_byte(out, '"');
        break;
    case VALUE_TIME:
        json_put_time(out, v.i);
        break;
    case VALUE_CLOCK:
        buf_byte(out, '"');
        buf_clock(out, v.i);
        buf_byte(out, '"');
        break;
    case VALUE_DURATION:
        json_put_int(out, v.i / 1000 + v.days * INT64_C(86400));
        break;
    case VALUE_JSON:
        buf_str(out, v.text);
        break;
    case VALUE_LIST:
        buf_byte(out, '[');
        for (uint32_t i = 0; i < v.list->count; i++) {
            if (i)
                buf_byte(out, ',');
            value_to_json(v.list->items[i], out);
        }
        buf_byte(out, ']');
        break;
    }
}

static void print_duration(struct value v, struct buf *out)
{
    const struct {
        const char *unit;
        int64_t count;
    } parts[] = {{"month", v.months},
                 {"day", v.days},
                 {"hour", v.i / HOUR_MS},
                 {"minute", v.i / MINUTE_MS % 60},
                 {"second", v.i / 1000 % 60}};
    bool is_first = true;
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        if (!parts[i].count)
            continue;
        buf_printf(out, "%s%lld %s%s", is_first ? "" : " ", (long long)parts[i].count,
                   parts[i].unit, parts[i].count == 1 ? "" : "s");
        is_first = false;
    }
    if (is_first)
        buf_c(out, "0 seconds");
}

/* As Ruby prints a Float: the shortest digits that read back, always with a point. */
static void print_float(double n, struct buf *out)
{
    char digits[40];
    int precision = 0;
    do
        snprintf(digits, sizeof digits, "%.*e", precision, n);
    while (strtod(digits, NULL) != n && ++precision < 17);
    int exponent = atoi(strchr(digits, 'e') + 1);
    if (exponent >= -4 && exponent < 15) {
        buf_printf(out, "%.*f", precision > exponent ? precision - exponent : 1, n);
        return;
    }
    buf_printf(out, "%.*fe%+03d", precision ? precision : 1, n / pow(10, exponent), exponent);
}

void value_inspect(struct value v, struct buf *out)
{
    switch ((int)v.kind) {
    case VALUE_UNKNOWN:
        buf_c(out, "nil");
        break;
    case VALUE_TEXT:
        json_put_text(out, v.text);
        break;
    case VALUE_LIST:
        buf_byte(out, '[');
        for (uint32_t i = 0; i < v.list->count && !out->failed; i++) {
            buf_c(out, i ? ", " : "");
            value_inspect(v.list->items[i], out);
        }
        buf_byte(out, ']');
        break;
    case VALUE_HASH:
        buf_byte(out, '{');
        for (uint32_t i = 0; i < v.hash->count && !out->failed; i++) {
            buf_c(out, i ? ", " : "");
            json_put_text(out, v.hash->names[i]);
            buf_c(out, "=>");
            value_inspect(v.hash->values[i], out);
        }
        buf_byte(out, '}');
        break;
    default:
        value_print(NULL, true, v, out);
    }
}

void value_print(const struct zone *zone, bool is_liquid, struct value v, struct buf *out)
{
    switch ((enum value_kind)v.kind) {
    case VALUE_TEXT:
        buf_str(out, v.text);
        break;
    case VALUE_DATE:
        buf_date(out, v.i);
        break;
    case VALUE_TIME: {
        const struct zone *own = v.months ? zone_by_number((uint32_t)v.months) : NULL;
        struct civil c = zone_local(own ? own : zone ? zone : zone_utc(), v.i);
        buf_printf(out, "%04d-%02d-%02d %02d:%02d", c.year, c.month, c.day, c.hour, c.minute);
        break;
    }
    case VALUE_CLOCK:
        buf_clock(out, v.i);
        break;
    case VALUE_DURATION:
        print_duration(v, out);
        break;
    case VALUE_LIST:
        for (uint32_t i = 0; i < v.list->count && !out->failed; i++)
            value_print(zone, is_liquid, v.list->items[i], out);
        break;
    case VALUE_RANGE:
        buf_printf(out, "%lld..%lld", (long long)v.range->from, (long long)v.range->to);
        break;
    case VALUE_HASH:
        value_inspect(v, out);
        break;
    case VALUE_LOOP:
        buf_c(out, "Liquid::ForloopDrop");
        break;
    case VALUE_UNKNOWN:
    case VALUE_EVENT:
    case VALUE_OBJECT:
        break;
    case VALUE_NUMBER:
        if (is_liquid)
            print_float(v.n, out);
        else
            json_put_number(out, v.n);
        break;
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_JSON:
        value_to_json(v, out);
        break;
    }
}
