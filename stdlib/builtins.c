/* builtins.c: the functions of builtins.def. Pure: they see their arguments and the call, nothing
 * else. */
#include "stdlib/builtins.h"

#include <math.h>
#include <stdlib.h>

#include "vm/base/json.h"
#include "vm/base/utf8.h"
#include "vm/base/zone.h"

enum { TEXT_LIMIT = 1 << 20 };

static bool is_known(const struct value *v, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (v[i].kind == VALUE_UNKNOWN)
            return false;
    return true;
}

static const struct zone *zone_of(const struct call *call, struct value v)
{
    const struct zone *own =
        v.kind == VALUE_TIME && v.months ? zone_by_number((uint32_t)v.months) : NULL;
    return own ? own : call->clinic_zone;
}

/* As the machine prints it (LANGUAGE.md M7). */
static void print(const struct call *call, struct value v, struct buf *out)
{
    switch ((int)v.kind) {
    case VALUE_TEXT:
        buf_str(out, v.text);
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
    case VALUE_DATE:
        buf_date(out, v.i);
        break;
    case VALUE_CLOCK:
        buf_clock(out, v.i);
        break;
    case VALUE_TIME: {
        struct civil c = zone_local(zone_of(call, v), v.i);
        buf_printf(out, "%04d-%02d-%02d %02d:%02d", c.year, c.month, c.day, c.hour, c.minute);
        break;
    }
    default:
        break;
    }
}

static struct value finish(struct call *call, struct buf *out, bool is_safe)
{
    struct str text = out->failed ? (struct str){0} : arena_str(call->arena, buf_view(out));
    buf_free(out);
    call->failed |= !text.at;
    struct value v = text.at ? value_text(text) : value_unknown();
    v.is_safe = is_safe && text.at;
    return v;
}

static struct value map_letters(struct call *call, struct str text, uint32_t (*first)(uint32_t),
                                uint32_t (*rest)(uint32_t))
{
    struct buf out;
    buf_init(&out, TEXT_LIMIT);
    for (bool is_first = true; text.len; is_first = false) {
        size_t length;
        uint32_t c = utf8_decode(text, &length);
        if (!length)
            break;
        buf_utf8(&out, is_first ? first(c) : rest(c));
        text = str_from(text, length);
    }
    return finish(call, &out, false);
}

static struct value text_upcase(struct call *call, const struct value *v, uint32_t count)
{
    return is_known(v, count) && v->kind == VALUE_TEXT
               ? map_letters(call, v->text, utf8_upper, utf8_upper)
               : value_unknown();
}

static struct value text_downcase(struct call *call, const struct value *v, uint32_t count)
{
    return is_known(v, count) && v->kind == VALUE_TEXT
               ? map_letters(call, v->text, utf8_lower, utf8_lower)
               : value_unknown();
}

static struct value text_capitalize(struct call *call, const struct value *v, uint32_t count)
{
    return is_known(v, count) && v->kind == VALUE_TEXT
               ? map_letters(call, v->text, utf8_upper, utf8_lower)
               : value_unknown();
}

static struct value join_two(struct call *call, struct value a, struct value b)
{
    struct buf out;
    if (a.kind == VALUE_UNKNOWN || b.kind == VALUE_UNKNOWN)
        return value_unknown();
    buf_init(&out, TEXT_LIMIT);
    print(call, a, &out);
    print(call, b, &out);
    return finish(call, &out, false);
}

static struct value text_append(struct call *call, const struct value *v, uint32_t count)
{
    return count == 2 ? join_two(call, v[0], v[1]) : value_unknown();
}

static struct value text_prepend(struct call *call, const struct value *v, uint32_t count)
{
    return count == 2 ? join_two(call, v[1], v[0]) : value_unknown();
}

static struct value any_size(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    if (!is_known(v, count))
        return value_unknown();
    return v->kind == VALUE_TEXT   ? value_int((int64_t)utf8_count(v->text))
           : v->kind == VALUE_LIST ? value_int(v->list->count)
                                   : value_int(0);
}

static struct value text_strip(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    return is_known(v, count) && v->kind == VALUE_TEXT ? value_text(str_trim(v->text))
                                                       : value_unknown();
}

static struct value text_truncate(struct call *call, const struct value *v, uint32_t count)
{
    if (!is_known(v, count) || v->kind != VALUE_TEXT)
        return value_unknown();
    int64_t most = count > 1 && v[1].kind == VALUE_INT ? v[1].i : 50;
    if ((int64_t)utf8_count(v->text) <= most)
        return *v;
    struct buf out;
    struct str text = v->text;
    buf_init(&out, TEXT_LIMIT);
    for (int64_t kept = most - 3; kept > 0 && text.len; kept--) {
        size_t length;
        buf_utf8(&out, utf8_decode(text, &length));
        text = str_from(text, length ? length : 1);
    }
    buf_c(&out, "...");
    return finish(call, &out, false);
}

static struct value replace_all(struct call *call, struct str text, struct str part,
                                struct str with)
{
    struct buf out;
    buf_init(&out, TEXT_LIMIT);
    while (part.len && text.len) {
        size_t at = str_find(text, part);
        if (at == SIZE_MAX)
            break;
        buf_put(&out, text.at, at);
        buf_str(&out, with);
        text = str_from(text, at + part.len);
    }
    buf_str(&out, text);
    return finish(call, &out, false);
}

static struct value text_replace(struct call *call, const struct value *v, uint32_t count)
{
    bool is_text =
        count == 3 && v[0].kind == VALUE_TEXT && v[1].kind == VALUE_TEXT && v[2].kind == VALUE_TEXT;
    return is_text ? replace_all(call, v[0].text, v[1].text, v[2].text) : value_unknown();
}

static struct value text_remove(struct call *call, const struct value *v, uint32_t count)
{
    bool is_text = count == 2 && v[0].kind == VALUE_TEXT && v[1].kind == VALUE_TEXT;
    return is_text ? replace_all(call, v[0].text, v[1].text, STR("")) : value_unknown();
}

static struct value text_escape(struct call *call, const struct value *v, uint32_t count)
{
    if (!is_known(v, count) || v->kind != VALUE_TEXT)
        return value_unknown();
    struct buf out;
    buf_init(&out, TEXT_LIMIT);
    for (size_t i = 0; i < v->text.len; i++) {
        static const char special[] = "&<>\"'";
        static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
        const char *found = v->text.at[i] ? strchr(special, v->text.at[i]) : NULL;
        if (found)
            buf_c(&out, entities[found - special]);
        else
            buf_byte(&out, (unsigned char)v->text.at[i]);
    }
    return finish(call, &out, true);
}

static struct value text_raw(struct call *call, const struct value *v, uint32_t count)
{
    if (!is_known(v, count))
        return value_unknown();
    struct buf out;
    buf_init(&out, TEXT_LIMIT);
    print(call, *v, &out);
    return finish(call, &out, true);
}

static struct value any_default(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    bool is_empty = v->kind == VALUE_UNKNOWN || (v->kind == VALUE_BOOL && !v->i) ||
                    (v->kind == VALUE_TEXT && !v->text.len) ||
                    (v->kind == VALUE_LIST && !v->list->count);
    return is_empty && count > 1 ? v[1] : *v;
}

static bool is_number(struct value v)
{
    return v.kind == VALUE_INT || v.kind == VALUE_NUMBER;
}

static double as_number(struct value v)
{
    return v.kind == VALUE_INT ? (double)v.i : v.n;
}

static struct value number(double n)
{
    return isfinite(n) ? (struct value){.kind = VALUE_NUMBER, .n = n} : value_unknown();
}

static struct value calculate(const struct value *v, uint32_t count, char op)
{
    int64_t result = 0;
    if (count != 2 || !is_number(v[0]) || !is_number(v[1]))
        return value_unknown();
    if (v[0].kind == VALUE_INT && v[1].kind == VALUE_INT) {
        if ((op == '/' || op == '%') && (v[1].i == 0 || v[1].i == -1))
            return v[1].i == 0 ? value_unknown() : value_int(op == '/' ? -v[0].i : 0);
        int64_t rest = op == '/' || op == '%' ? v[0].i % v[1].i : 0;
        bool rounds_down = rest && (rest < 0) != (v[1].i < 0);
        if (op == '/' || op == '%')
            return value_int(op == '/' ? v[0].i / v[1].i - rounds_down
                                       : rest + (rounds_down ? v[1].i : 0));
        bool overflows = op == '+'   ? __builtin_add_overflow(v[0].i, v[1].i, &result)
                         : op == '-' ? __builtin_sub_overflow(v[0].i, v[1].i, &result)
                                     : __builtin_mul_overflow(v[0].i, v[1].i, &result);
        return overflows ? value_unknown() : value_int(result);
    }
    double a = as_number(v[0]), b = as_number(v[1]);
    if ((op == '/' || op == '%') && b == 0)
        return value_unknown();
    return number(op == '+'   ? a + b
                  : op == '-' ? a - b
                  : op == '*' ? a * b
                  : op == '/' ? a / b
                              : a - b * floor(a / b));
}

static struct value number_plus(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    return calculate(v, count, '+');
}

static struct value number_minus(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    return calculate(v, count, '-');
}

static struct value number_times(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    return calculate(v, count, '*');
}

static struct value number_divided_by(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    return calculate(v, count, '/');
}

static struct value number_modulo(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    return calculate(v, count, '%');
}

static struct value number_abs(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    (void)count;
    if (v->kind == VALUE_INT && v->i != INT64_MIN)
        return value_int(v->i < 0 ? -v->i : v->i);
    return v->kind == VALUE_NUMBER ? number(fabs(v->n)) : value_unknown();
}

static struct value whole(double n)
{
    return fabs(n) < 9e15 ? value_int((int64_t)n) : number(n);
}

static struct value number_round(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    if (!is_known(v, count) || !is_number(*v))
        return value_unknown();
    int64_t digits = count > 1 && v[1].kind == VALUE_INT ? v[1].i : 0;
    if (digits <= 0 || digits > 12)
        return v->kind == VALUE_INT ? *v : whole(round(v->n));
    double scale = pow(10, (double)digits);
    return number(round(as_number(*v) * scale) / scale);
}

static struct value number_floor(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    (void)count;
    return v->kind == VALUE_NUMBER ? whole(floor(v->n)) : is_number(*v) ? *v : value_unknown();
}

static struct value number_ceil(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    (void)count;
    return v->kind == VALUE_NUMBER ? whole(ceil(v->n)) : is_number(*v) ? *v : value_unknown();
}

static struct value number_at_least(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    if (count != 2 || !is_number(v[0]) || !is_number(v[1]))
        return value_unknown();
    return as_number(v[0]) < as_number(v[1]) ? v[1] : v[0];
}

static struct value number_at_most(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    if (count != 2 || !is_number(v[0]) || !is_number(v[1]))
        return value_unknown();
    return as_number(v[0]) > as_number(v[1]) ? v[1] : v[0];
}

static struct value list_first(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    (void)count;
    return v->kind == VALUE_LIST && v->list->count ? v->list->items[0] : value_unknown();
}

static struct value list_last(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    (void)count;
    return v->kind == VALUE_LIST && v->list->count ? v->list->items[v->list->count - 1]
                                                   : value_unknown();
}

static struct value list_join(struct call *call, const struct value *v, uint32_t count)
{
    if (v->kind != VALUE_LIST)
        return value_unknown();
    struct buf out;
    buf_init(&out, TEXT_LIMIT);
    for (uint32_t i = 0; i < v->list->count; i++) {
        if (i && count > 1)
            print(call, v[1], &out);
        else if (i)
            buf_byte(&out, ' ');
        print(call, v->list->items[i], &out);
    }
    return finish(call, &out, false);
}

static struct value time_timezone(struct call *call, const struct value *v, uint32_t count)
{
    (void)call;
    if (count != 2 || v[0].kind != VALUE_TIME)
        return value_unknown();
    struct value moved = v[0];
    const struct zone *zone = v[1].kind == VALUE_TEXT ? zone_find(v[1].text) : NULL;
    moved.months = zone ? (int32_t)zone_number(zone) : 0;
    return moved;
}

static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
static const char *const day_names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                        "Friday", "Saturday", "Sunday"};

/* One letter behind % (and behind - for no padding); false: no such letter. */
static bool put_part(struct buf *out, char letter, bool pads, struct civil c, int64_t day,
                     int32_t offset_s, const char *abbreviation)
{
    int hour = c.hour % 12 ? c.hour % 12 : 12;
    const char *day_name = day_names[civil_weekday(day)], *month = month_names[c.month - 1];
    int number = 0;
    switch (letter) {
    case 'Y':
        buf_printf(out, "%d", c.year);
        return true;
    case 'B':
        buf_c(out, month);
        return true;
    case 'b':
    case 'h':
        buf_put(out, month, 3);
        return true;
    case 'A':
        buf_c(out, day_name);
        return true;
    case 'a':
        buf_put(out, day_name, 3);
        return true;
    case 'p':
        buf_c(out, c.hour < 12 ? "AM" : "PM");
        return true;
    case 'P':
        buf_c(out, c.hour < 12 ? "am" : "pm");
        return true;
    case 'F':
        buf_date(out, day);
        return true;
    case 'R':
        buf_printf(out, "%02d:%02d", c.hour, c.minute);
        return true;
    case 'T':
        buf_printf(out, "%02d:%02d:%02d", c.hour, c.minute, c.second);
        return true;
    case 'D':
        buf_printf(out, "%02d/%02d/%02d", c.month, c.day, c.year % 100);
        return true;
    case 'Z':
        buf_c(out, abbreviation);
        return true;
    case 'z':
        buf_printf(out, "%c%02d%02d", offset_s < 0 ? '-' : '+', abs(offset_s) / 3600,
                   abs(offset_s) / 60 % 60);
        return true;
    case 's':
        buf_printf(out, "%lld", (long long)(civil_ms(c) / 1000 - offset_s));
        return true;
    case 'e':
        buf_printf(out, pads ? "%2d" : "%d", c.day);
        return true;
    case 'l':
        buf_printf(out, pads ? "%2d" : "%d", hour);
        return true;
    case 'u':
        buf_printf(out, "%d", civil_weekday(day) + 1);
        return true;
    case 'w':
        buf_printf(out, "%d", (civil_weekday(day) + 1) % 7);
        return true;
    case 'j':
        buf_printf(out, pads ? "%03d" : "%d", (int)(day - civil_day(c.year, 1, 1)) + 1);
        return true;
    case '%':
        buf_byte(out, '%');
        return true;
    case 'm':
        number = c.month;
        break;
    case 'd':
        number = c.day;
        break;
    case 'y':
        number = c.year % 100;
        break;
    case 'H':
        number = c.hour;
        break;
    case 'I':
        number = hour;
        break;
    case 'M':
        number = c.minute;
        break;
    case 'S':
        number = c.second;
        break;
    default:
        return false;
    }
    buf_printf(out, pads ? "%02d" : "%d", number);
    return true;
}

static struct value time_date(struct call *call, const struct value *v, uint32_t count)
{
    if (count < 2 || v[1].kind != VALUE_TEXT || (v->kind != VALUE_TIME && v->kind != VALUE_DATE))
        return value_unknown();
    const struct zone *zone = zone_of(call, *v);
    int64_t at_ms = v->kind == VALUE_TIME ? v->i : zone_day_start(zone, v->i);
    struct civil c = v->kind == VALUE_TIME ? zone_local(zone, at_ms) : civil_of_day(v->i);
    int64_t day = civil_day(c.year, c.month, c.day);
    struct buf out;
    struct str format = v[1].text;
    buf_init(&out, TEXT_LIMIT);
    while (format.len) {
        size_t used = 1;
        bool pads = !(format.len > 2 && format.at[1] == '-');
        size_t at = pads ? 1 : 2;
        if (format.at[0] == '%' && format.len > at &&
            put_part(&out, format.at[at], pads, c, day, zone_offset_s(zone, at_ms),
                     zone_abbreviation(zone, at_ms)))
            used = at + 1;
        else
            buf_byte(&out, (unsigned char)format.at[0]);
        format = str_from(format, used);
    }
    return finish(call, &out, false);
}

static const struct builtin rows[] = {
#define BUILTIN(name, signature, function, documentation, example, prints)                         \
    {#name, signature, function, documentation, example},
#include "stdlib/builtins.def"
#undef BUILTIN
};
const struct builtins stdlib_builtins = {rows, (uint32_t)ARRAY_COUNT(rows)};
