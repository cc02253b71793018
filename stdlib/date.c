/* date.c: filters of times: texts read as times, as Ruby's Time.parse reads them; times printed by
 * the letters of strftime, as Ruby prints them; names of months and days by language (CLDR). */
#include <stdio.h>
#include <stdlib.h>

#include "stdlib/filter.h"
#include "vm/base/zone.h"

struct moment { /* a local time and what it is off UTC */
    struct civil local;
    int32_t offset_s;
    const char *zone; /* abbreviation */
};

static const struct names {
    const char *language, *lists[4]; /* months, short months, days, short days; parted by | */
} names[] = {
#define NAMES(language, months, short_months, days, short_days)                                    \
    {language, {months, short_months, days, short_days}},
#include "stdlib/names.def"
#undef NAMES
};
static const struct names english = {
    "en",
    {"January|February|March|April|May|June|July|August|September|October|November|December",
     "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec",
     "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday", "Mon|Tue|Wed|Thu|Fri|Sat|Sun"}};
enum kind_of_name { MONTHS, SHORT_MONTHS, DAYS, SHORT_DAYS };

static bool is_language(struct str tag, const char *language)
{
    size_t length = strlen(language);
    return tag.len == length && strncasecmp(tag.at, language, length) == 0;
}

/* The whole tag, else less and less of it, else English. */
static const struct names *names_of(struct str tag)
{
    if (str_starts(tag, STR("zh-TW")) || str_starts(tag, STR("zh-HK")))
        tag = STR("zh-Hant");
    while (tag.len) {
        for (size_t i = 0; i < ARRAY_COUNT(names); i++)
            if (is_language(tag, names[i].language))
                return is_language(tag, "en") ? &english : &names[i];
        while (tag.len && tag.at[tag.len - 1] != '-' && tag.at[tag.len - 1] != '_')
            tag.len--;
        tag.len -= tag.len != 0;
    }
    return &english;
}

static struct str name_of(const struct names *of, enum kind_of_name list, int32_t index)
{
    const char *at = of->lists[list];
    for (; index; at++)
        index -= *at == '|';
    return (struct str){at, strcspn(at, "|")};
}

/* ---- reading ---- */

struct cursor {
    struct str text;
    struct civil civil;
    bool has_year, has_month, has_day, has_time, has_zone;
    int32_t offset_s;
    const char *zone;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static size_t digits(struct str text, size_t at)
{
    size_t count = 0;
    while (at + count < text.len && is_digit(text.at[at + count]))
        count++;
    return count;
}

static int32_t number(struct str text, size_t at, size_t count)
{
    int32_t n = 0;
    for (size_t i = 0; i < count && i < 9; i++)
        n = n * 10 + text.at[at + i] - '0';
    return n;
}

static int32_t century(int32_t year, size_t length)
{
    return length > 2 ? year : year >= 69 ? year + 1900 : year + 2000;
}

/* 10:20, 10:20:30.5, 10am, 10:20 pm; how long it is, 0: none. */
static size_t read_clock(struct cursor *c, struct str text)
{
    size_t hours = digits(text, 0), at = hours;
    int32_t parts[3] = {number(text, 0, hours), 0, 0};
    if (!hours || hours > 2)
        return 0;
    for (int i = 1; i < 3 && at < text.len && text.at[at] == ':' && digits(text, at + 1) == 2;
         i++) {
        parts[i] = number(text, at + 1, 2);
        at += 3;
    }
    bool has_minutes = at > hours;
    if (has_minutes && at < text.len && (text.at[at] == '.' || text.at[at] == ',') &&
        digits(text, at + 1)) {
        size_t count = digits(text, at + 1);
        int32_t scale = 100;
        for (size_t i = 0; i < count && i < 3; i++, scale /= 10)
            c->civil.ms = (int16_t)(c->civil.ms + (text.at[at + 1 + i] - '0') * scale);
        at += 1 + count;
    }
    size_t behind = at;
    while (behind < text.len && text.at[behind] == ' ')
        behind++;
    char half = behind + 1 < text.len ? (char)(text.at[behind] | 0x20) : ' ';
    bool is_half = (half == 'a' || half == 'p') && (text.at[behind + 1] | 0x20) == 'm' &&
                   !(behind + 2 < text.len && is_letter(text.at[behind + 2]));
    if (is_half) {
        parts[0] = parts[0] % 12 + (half == 'p' ? 12 : 0);
        at = behind + 2;
    }
    if ((!has_minutes && !is_half) || parts[0] > 24 || parts[1] > 59 || parts[2] > 60)
        return 0;
    c->civil.hour = (int8_t)parts[0];
    c->civil.minute = (int8_t)parts[1];
    c->civil.second = (int8_t)(parts[2] > 59 ? 59 : parts[2]);
    c->has_time = true;
    return at;
}

static size_t read_zone(struct cursor *c, struct str text)
{
    static const struct {
        const char *name;
        int32_t hours;
    } zones[] = {{"UTC", 0},  {"GMT", 0},  {"Z", 0},    {"EST", -5}, {"EDT", -4}, {"CST", -6},
                 {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
    for (size_t i = 0; i < ARRAY_COUNT(zones); i++) {
        size_t length = strlen(zones[i].name);
        if (text.len >= length && strncasecmp(text.at, zones[i].name, length) == 0 &&
            !(text.len > length && is_letter(text.at[length]))) {
            c->has_zone = true;
            c->offset_s = zones[i].hours * 3600;
            c->zone = zones[i].hours ? "" : "UTC";
            return length;
        }
    }
    size_t count = text.len && (text.at[0] == '+' || text.at[0] == '-') ? digits(text, 1) : 0;
    bool has_colon = count == 2 && text.len > 3 && text.at[3] == ':' && digits(text, 4) == 2;
    if (count != 4 && count != 2)
        return 0;
    int32_t minutes = count == 4 ? number(text, 3, 2) : has_colon ? number(text, 4, 2) : 0;
    c->has_zone = true;
    c->offset_s = (number(text, 1, 2) * 60 + minutes) * 60 * (text.at[0] == '-' ? -1 : 1);
    c->zone = "";
    return has_colon ? 6 : 1 + count;
}

static bool set_date(struct cursor *c, int32_t year, int32_t month, int32_t day)
{
    bool is_sound = year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
                    day <= civil_month_days(year, month);
    if (is_sound) {
        c->civil.year = year;
        c->civil.month = (int8_t)month;
        c->civil.day = (int8_t)day;
    }
    return c->has_year = c->has_month = c->has_day = is_sound;
}

/* 2016-03-14, 2016/03/14, 14.3.2016, 14/03/2016, 20160314[T102030]; SIZE_MAX: no date is so. */
static size_t read_date(struct cursor *c, struct str text)
{
    size_t first = digits(text, 0), at = first;
    char between = at < text.len ? text.at[at] : ' ';
    if (first == 8 || first == 14) {
        if (!set_date(c, number(text, 0, 4), number(text, 4, 2), number(text, 6, 2)))
            return SIZE_MAX;
        size_t time = first == 14 ? 8 : 9;
        if (first == 14 || (between == 'T' && digits(text, 9) >= 6)) {
            c->civil.hour = (int8_t)number(text, time, 2);
            c->civil.minute = (int8_t)number(text, time + 2, 2);
            c->civil.second = (int8_t)number(text, time + 4, 2);
            c->has_time = true;
            return time + 6;
        }
        return 8;
    }
    size_t second = between == '-' || between == '/' || between == '.' ? digits(text, at + 1) : 0;
    if (!second || second > 2)
        return 0;
    at += 1 + second;
    size_t third = at < text.len && text.at[at] == between ? digits(text, at + 1) : 0;
    int32_t a = number(text, 0, first), b = number(text, first + 1, second),
            d = third ? number(text, at + 1, third) : 0;
    if (!third) { /* 3/14: a month and a day of this year */
        c->civil.month = (int8_t)a;
        c->civil.day = (int8_t)b;
        c->has_month = c->has_day = true;
        return between == '/' && a >= 1 && a <= 12 && b >= 1 && b <= 31 ? at : SIZE_MAX;
    }
    bool is_year_first = first > 2 || (third <= 2 && between != '.');
    bool is_sound =
        is_year_first ? set_date(c, century(a, first), b, d) : set_date(c, century(d, third), b, a);
    return is_sound ? at + 1 + third : SIZE_MAX;
}

/* march, mar, monday, mon; how long the word is. */
static size_t read_word(struct cursor *c, struct str text)
{
    size_t length = 0;
    while (length < text.len && is_letter(text.at[length]))
        length++;
    for (int32_t i = 0; i < 12 && length >= 3; i++) {
        struct str month = name_of(&english, MONTHS, i);
        if (length <= month.len && strncasecmp(text.at, month.at, length) == 0) {
            c->civil.month = (int8_t)(i + 1);
            c->has_month = true;
            return length;
        }
    }
    for (int32_t i = 0; i < 7 && length >= 3; i++) {
        struct str day = name_of(&english, DAYS, i);
        if (length <= day.len && strncasecmp(text.at, day.at, length) == 0)
            return length;
    }
    bool is_ending =
        length == 2 && (strncasecmp(text.at, "st", 2) == 0 || strncasecmp(text.at, "nd", 2) == 0 ||
                        strncasecmp(text.at, "rd", 2) == 0 || strncasecmp(text.at, "th", 2) == 0 ||
                        strncasecmp(text.at, "at", 2) == 0 || strncasecmp(text.at, "of", 2) == 0);
    return is_ending || (length == 1 && (text.at[0] | 0x20) == 't') ? length : 0;
}

static size_t read_number(struct cursor *c, struct str text)
{
    size_t count = digits(text, 0);
    int32_t n = number(text, 0, count);
    if (count > 2 && count <= 4 && !c->has_year) {
        c->civil.year = n;
        c->has_year = true;
    } else if (count <= 2 && !c->has_day && n >= 1 && n <= 31) {
        c->civil.day = (int8_t)n;
        c->has_day = true;
    } else if (count <= 2 && !c->has_year && c->has_month) {
        c->civil.year = century(n, count);
        c->has_year = true;
    } else {
        return 0;
    }
    return count;
}

/* Reads what it knows and refuses what it does not: a text that is no time stays as it is. */
static bool read_moment(struct call *call, struct str text, struct moment *moment)
{
    struct cursor c = {.text = text, .zone = ""};
    int64_t now_ms = call->now_ms;
    struct civil today = zone_local(call->clinic_zone, now_ms);
    while (text.len) {
        size_t used = 0;
        if (strchr(" ,()", text.at[0]) && text.at[0])
            used = 1;
        if (!used && is_digit(text.at[0]) && !c.has_time)
            used = read_clock(&c, text);
        if (!used && is_digit(text.at[0]) && !c.has_month && !c.has_day)
            used = read_date(&c, text);
        if (used == SIZE_MAX)
            return false;
        if (!used && c.has_time && !c.has_zone)
            used = read_zone(&c, text);
        if (!used && is_letter(text.at[0]))
            used = read_word(&c, text);
        if (!used && is_digit(text.at[0]))
            used = read_number(&c, text);
        if (!used && c.has_month && text.at[0] == '-')
            used = 1;
        if (!used && c.has_day && !c.has_month && text.at[0] == '-')
            used = 1;
        if (!used)
            return false;
        text = str_from(text, used);
    }
    if (!c.has_month && !c.has_time)
        return false;
    if (!c.has_year)
        c.civil.year = today.year;
    if (!c.has_month) {
        c.civil.month = today.month;
        c.civil.day = today.day;
    } else if (!c.has_day) {
        c.civil.day = 1;
    }
    if (c.civil.year < 1 || c.civil.year > 9999 ||
        c.civil.day > civil_month_days(c.civil.year, c.civil.month))
        return false;
    moment->local = c.civil;
    moment->offset_s = c.offset_s;
    moment->zone = c.zone;
    if (!c.has_zone) {
        int64_t at_ms = zone_instant(call->clinic_zone, civil_ms(c.civil));
        moment->offset_s = zone_offset_s(call->clinic_zone, at_ms);
        moment->zone = zone_abbreviation(call->clinic_zone, at_ms);
    }
    return true;
}

static struct moment moment_at(const struct zone *zone, int64_t at_ms)
{
    return (struct moment){zone_local(zone, at_ms), zone_offset_s(zone, at_ms),
                           zone_abbreviation(zone, at_ms)};
}

static bool is_all_digits(struct str text)
{
    return text.len && digits(text, 0) == text.len;
}

/* False: it is no time. */
static bool moment_of(struct call *call, struct value v, struct moment *moment)
{
    const struct zone *zone = call->clinic_zone;
    if (v.kind == VALUE_TIME) {
        const struct zone *own = v.months ? zone_by_number((uint32_t)v.months) : NULL;
        *moment = moment_at(own ? own : zone, v.i);
        return true;
    }
    if (v.kind == VALUE_DATE) {
        *moment = moment_at(zone, zone_day_start(zone, v.i));
        moment->local = civil_of_day(v.i);
        return true;
    }
    bool is_seconds =
        v.kind == VALUE_INT || (v.kind == VALUE_TEXT && v.text.len < 12 && is_all_digits(v.text));
    if (is_seconds) {
        int64_t seconds = v.kind == VALUE_INT ? v.i : liquid_leading_integer(v.text);
        if (seconds < CIVIL_FIRST_MS / 1000 + 86400 || seconds > CIVIL_LAST_MS / 1000 - 86400)
            return false;
        *moment = moment_at(zone, seconds * 1000);
        return true;
    }
    if (v.kind != VALUE_TEXT || !v.text.len)
        return false;
    if ((v.text.len == 3 && strncasecmp(v.text.at, "now", 3) == 0) ||
        (v.text.len == 5 && strncasecmp(v.text.at, "today", 5) == 0)) {
        *moment = moment_at(zone, call->now_ms);
        return true;
    }
    return read_moment(call, v.text, moment);
}

/* ---- writing ---- */

struct directive {
    char pad; /* 0 as usual, else ' ', '0' or '-' */
    bool is_upper, is_swapped;
    int colons, width;
    char letter;
};

static void put_number(struct buf *out, const struct directive *d, int64_t n, int width, char pad)
{
    if (d->pad)
        pad = d->pad;
    if (d->width)
        width = d->width;
    if (pad == '-')
        buf_printf(out, "%lld", (long long)n);
    else
        buf_printf(out, pad == ' ' ? "%*lld" : "%0*lld", width, (long long)n);
}

static void put_text(struct buf *out, const struct directive *d, struct str text)
{
    for (int i = (int)text.len; i < d->width; i++)
        buf_byte(out, d->pad == '0' ? '0' : ' ');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool is_small = c >= 'a' && c <= 'z', is_large = c >= 'A' && c <= 'Z';
        bool swaps = d->is_swapped && (d->letter == 'p' ? is_large : is_small);
        buf_byte(out, (unsigned char)((d->is_upper && is_small) || swaps ? c ^ 0x20 : c));
    }
}

/* Week of the year by ISO 8601, and the year it belongs to. */
static int32_t iso_week(int64_t day, int32_t *year)
{
    int64_t thursday = day - civil_weekday(day) + 3;
    struct civil c = civil_of_day(thursday);
    *year = c.year;
    return (int32_t)((thursday - civil_day(c.year, 1, 1)) / 7) + 1;
}

static void put_format(struct buf *out, const struct moment *m, const struct names *of,
                       struct str format);

static void put_offset(struct buf *out, const struct directive *d, int32_t offset_s)
{
    int32_t size = abs(offset_s);
    char sign = offset_s < 0 ? '-' : '+';
    if (d->colons == 0)
        buf_printf(out, "%c%02d%02d", sign, size / 3600, size / 60 % 60);
    else if (d->colons == 1)
        buf_printf(out, "%c%02d:%02d", sign, size / 3600, size / 60 % 60);
    else
        buf_printf(out, "%c%02d:%02d:%02d", sign, size / 3600, size / 60 % 60, size % 60);
}

static bool put_name(struct buf *out, const struct directive *d, const struct moment *m,
                     const struct names *of, int64_t day)
{
    switch (d->letter) {
    case 'A':
    case 'a':
        put_text(out, d, name_of(of, d->letter == 'A' ? DAYS : SHORT_DAYS, civil_weekday(day)));
        return true;
    case 'B':
    case 'b':
    case 'h':
        put_text(out, d, name_of(of, d->letter == 'B' ? MONTHS : SHORT_MONTHS, m->local.month - 1));
        return true;
    case 'p':
        put_text(out, d, m->local.hour < 12 ? STR("AM") : STR("PM"));
        return true;
    case 'P':
        put_text(out, d, m->local.hour < 12 ? STR("am") : STR("pm"));
        return true;
    case 'Z':
        put_text(out, d, str_of(m->zone));
        return true;
    case 'z':
        put_offset(out, d, m->offset_s);
        return true;
    default:
        return false;
    }
}

static bool put_count(struct buf *out, const struct directive *d, const struct moment *m,
                      int64_t day)
{
    const struct civil *c = &m->local;
    int32_t of_year = (int32_t)(day - civil_day(c->year, 1, 1)), week_year;
    int32_t weekday = civil_weekday(day), week = iso_week(day, &week_year);
    const struct {
        char letter;
        int64_t number;
        int width;
        char pad;
    } counts[] = {{'Y', c->year, c->year < 0 ? 5 : 4, '0'},
                  {'C', c->year / 100, 2, '0'},
                  {'y', c->year % 100, 2, '0'},
                  {'m', c->month, 2, '0'},
                  {'d', c->day, 2, '0'},
                  {'e', c->day, 2, ' '},
                  {'j', of_year + 1, 3, '0'},
                  {'H', c->hour, 2, '0'},
                  {'k', c->hour, 2, ' '},
                  {'I', c->hour % 12 ? c->hour % 12 : 12, 2, '0'},
                  {'l', c->hour % 12 ? c->hour % 12 : 12, 2, ' '},
                  {'M', c->minute, 2, '0'},
                  {'S', c->second, 2, '0'},
                  {'u', weekday + 1, 1, '0'},
                  {'w', (weekday + 1) % 7, 1, '0'},
                  {'G', week_year, 4, '0'},
                  {'g', week_year % 100, 2, '0'},
                  {'V', week, 2, '0'},
                  {'U', (of_year + 7 - (weekday + 1) % 7) / 7, 2, '0'},
                  {'W', (of_year + 7 - weekday) / 7, 2, '0'},
                  {'s', civil_ms(*c) / 1000 - m->offset_s, 1, '0'}};
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++)
        if (counts[i].letter == d->letter) {
            put_number(out, d, counts[i].number, counts[i].width, counts[i].pad);
            return true;
        }
    if (d->letter != 'L' && d->letter != 'N')
        return false;
    char fraction[16];
    int width = d->width ? d->width : d->letter == 'L' ? 3 : 9;
    snprintf(fraction, sizeof fraction, "%03d000000", c->ms);
    for (int i = 0; i < width && i < 64; i++)
        buf_byte(out, i < 9 ? (unsigned char)fraction[i] : '0');
    return true;
}

static bool put_directive(struct buf *out, const struct directive *d, const struct moment *m,
                          const struct names *of)
{
    static const struct {
        char letter;
        const char *format;
    } composed[] = {{'c', "%a %b %e %H:%M:%S %Y"},
                    {'D', "%m/%d/%y"},
                    {'x', "%m/%d/%y"},
                    {'F', "%Y-%m-%d"},
                    {'T', "%H:%M:%S"},
                    {'X', "%H:%M:%S"},
                    {'R', "%H:%M"},
                    {'r', "%I:%M:%S %p"},
                    {'v', "%e-%^b-%Y"},
                    {'n', "\n"},
                    {'t', "\t"},
                    {'%', "%"}};
    int64_t day = civil_day(m->local.year, m->local.month, m->local.day);
    for (size_t i = 0; i < ARRAY_COUNT(composed); i++) {
        if (composed[i].letter != d->letter)
            continue;
        struct buf part;
        struct directive plain = *d;
        buf_init(&part, 256);
        plain.letter = 'c';
        if (composed[i].format[0] == '%' && composed[i].format[1])
            put_format(&part, m, of, str_of(composed[i].format));
        else
            buf_c(&part, composed[i].format);
        put_text(out, &plain, buf_view(&part));
        buf_free(&part);
        return true;
    }
    return put_name(out, d, m, of, day) || put_count(out, d, m, day);
}

/* A directive after %: how long it is; 0: none, it stands as it is. */
static size_t read_directive(struct str format, struct directive *d)
{
    size_t at = 1;
    *d = (struct directive){0};
    for (; at < format.len && format.at[at] && strchr("-0^#_:", format.at[at]); at++) {
        char flag = format.at[at];
        d->is_upper |= flag == '^';
        d->is_swapped |= flag == '#';
        d->colons += flag == ':';
        if (d->pad != '-')
            d->pad = flag == '_' ? ' ' : flag == '-' || flag == '0' ? flag : d->pad;
    }
    for (; at < format.len && is_digit(format.at[at]); at++)
        d->width = d->width < 100 ? d->width * 10 + format.at[at] - '0' : d->width;
    if (d->width > 64)
        d->width = 64;
    if (d->pad == '-')
        d->width = 0;
    if (at + 1 < format.len &&
        ((format.at[at] == 'E' && strchr("cCxXyY", format.at[at + 1])) ||
         (format.at[at] == 'O' && strchr("deHkIlmMSuUVwWy", format.at[at + 1]))))
        at++; /* other eras and digits, which English does not have */
    if (at == format.len)
        return 0;
    d->letter = format.at[at];
    return d->colons && d->letter != 'z' ? 0 : at + 1;
}

static void put_format(struct buf *out, const struct moment *m, const struct names *of,
                       struct str format)
{
    while (format.len && !out->failed) {
        struct directive d;
        size_t used = format.at[0] == '%' ? read_directive(format, &d) : 0;
        if (!used || !put_directive(out, &d, m, of)) {
            used = used ? used : 1;
            buf_put(out, format.at, used);
        }
        format = str_from(format, used);
    }
}

struct value time_date(struct call *call, const struct value *v, uint32_t count)
{
    struct moment moment;
    struct str format = filter_text(call, argument(v, count, 1)),
               language = filter_text(call, argument(v, count, 2));
    struct buf out;
    if (!format.len || !moment_of(call, *v, &moment))
        return *v;
    buf_init(&out, TEXT_LIMIT);
    put_format(&out, &moment, names_of(language), format);
    return filter_done(call, &out);
}

struct value time_timezone(struct call *call, const struct value *v, uint32_t count)
{
    struct value moved = *v, name = argument(v, count, 1);
    struct moment moment;
    if (v->kind != VALUE_TIME) {
        if (!moment_of(call, *v, &moment))
            return *v;
        moved = value_time(civil_ms(moment.local) - moment.offset_s * INT64_C(1000));
    }
    const struct zone *zone = name.kind == VALUE_TEXT ? zone_find(name.text) : NULL;
    moved.months = zone ? (int32_t)zone_number(zone) : 0;
    return moved;
}
