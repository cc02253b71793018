/* tzif.c: TZif files (RFC 8536): the 64-bit block's transitions, then the footer's POSIX rule
 * written out for the years up to 2200. Every length is distrusted. */
#include "vm/base/tzif.h"

#include <stdio.h>

#include "vm/base/civil.h"

enum { LAST_YEAR = 2200, MAX_FILE_BYTES = 1 << 20, MAX_PERIODS = 1 << 14, HEADER_BYTES = 44 };

struct counts {
    uint32_t isut, isstd, leap, time, type, character;
};

static uint32_t big32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t big64(const unsigned char *at)
{
    return (int64_t)((uint64_t)big32(at) << 32 | big32(at + 4));
}

static bool read_header(struct str bytes, struct counts *counts)
{
    const unsigned char *at = (const unsigned char *)bytes.at;
    if (bytes.len < HEADER_BYTES || memcmp(at, "TZif", 4) != 0 || at[4] < '2')
        return false;
    *counts = (struct counts){big32(at + 20), big32(at + 24), big32(at + 28),
                              big32(at + 32), big32(at + 36), big32(at + 40)};
    return counts->isut < 1u << 16 && counts->isstd < 1u << 16 && counts->leap < 1u << 16 &&
           counts->time < MAX_PERIODS / 2 && counts->type < 257 && counts->character < 1u << 16;
}

static size_t block_bytes(const struct counts *c, size_t time_size)
{
    return c->time * time_size + c->time + c->type * 6 + c->character + c->leap * (time_size + 4) +
           c->isstd + c->isut;
}

/* A rule of the footer, e.g. EST5EDT,M3.2.0,M11.1.0 */
struct change {
    char kind; /* M, J, or 0 for a day from 0 */
    int32_t month, week, weekday, day, time_s;
};
struct rule {
    char standard[12], daylight[12];
    int32_t standard_s, daylight_s;
    bool has_daylight;
    struct change start, end;
};

static bool take(struct str *s, char c)
{
    if (!s->len || s->at[0] != c)
        return false;
    *s = str_from(*s, 1);
    return true;
}

static bool take_number(struct str *s, int32_t *number)
{
    size_t digits = 0;
    *number = 0;
    while (s->len && s->at[0] >= '0' && s->at[0] <= '9' && digits++ < 4) {
        *number = *number * 10 + (s->at[0] - '0');
        *s = str_from(*s, 1);
    }
    return digits > 0;
}

static bool take_abbreviation(struct str *s, char name[12])
{
    bool is_quoted = take(s, '<');
    size_t n = 0;
    while (s->len && n < 11) {
        char c = s->at[0];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_other = (c >= '0' && c <= '9') || c == '+' || c == '-';
        if (!is_letter && !(is_quoted && is_other))
            break;
        name[n++] = c;
        *s = str_from(*s, 1);
    }
    name[n] = 0;
    return n >= 3 && (!is_quoted || take(s, '>'));
}

static bool take_seconds(struct str *s, int32_t *seconds)
{
    int32_t sign = take(s, '-') ? -1 : 1, hour, minute = 0, second = 0;
    take(s, '+');
    if (!take_number(s, &hour) || hour > 167)
        return false;
    if (take(s, ':') && !take_number(s, &minute))
        return false;
    if (take(s, ':') && !take_number(s, &second))
        return false;
    *seconds = sign * (hour * 3600 + minute * 60 + second);
    return minute < 60 && second < 60;
}

static bool take_change(struct str *s, struct change *change)
{
    *change = (struct change){.time_s = 7200};
    if (!take(s, ','))
        return false;
    if (take(s, 'M')) {
        change->kind = 'M';
        if (!take_number(s, &change->month) || !take(s, '.') || !take_number(s, &change->week) ||
            !take(s, '.') || !take_number(s, &change->weekday))
            return false;
        if (change->month < 1 || change->month > 12 || change->week < 1 || change->week > 5 ||
            change->weekday > 6)
            return false;
    } else {
        change->kind = take(s, 'J') ? 'J' : 0;
        if (!take_number(s, &change->day) || change->day > 366)
            return false;
    }
    return !take(s, '/') || take_seconds(s, &change->time_s);
}

static bool parse_rule(struct str s, struct rule *rule)
{
    *rule = (struct rule){0};
    if (!take_abbreviation(&s, rule->standard) || !take_seconds(&s, &rule->standard_s))
        return false;
    rule->standard_s = -rule->standard_s;
    if (!s.len)
        return true;
    rule->has_daylight = true;
    rule->daylight_s = rule->standard_s + 3600;
    if (!take_abbreviation(&s, rule->daylight))
        return false;
    if (s.len && s.at[0] != ',') {
        if (!take_seconds(&s, &rule->daylight_s))
            return false;
        rule->daylight_s = -rule->daylight_s;
    }
    return take_change(&s, &rule->start) && take_change(&s, &rule->end) && !s.len;
}

/* The local wall clock, in seconds since 1970, at which a change happens in a year. */
static int64_t change_local_s(const struct change *change, int32_t year)
{
    int64_t day;
    if (change->kind == 'M') {
        int64_t first = civil_day(year, change->month, 1);
        int32_t first_weekday = (civil_weekday(first) + 1) % 7; /* sunday 0 */
        day = first + (change->weekday - first_weekday + 7) % 7 + (change->week - 1) * 7;
        while (day >= first + civil_month_days(year, change->month))
            day -= 7;
    } else {
        day = civil_day(year, 1, 1) + change->day - (change->kind == 'J');
        if (change->kind == 'J' && civil_is_leap(year) && change->day >= 60)
            day++;
    }
    return day * 86400 + change->time_s;
}

static bool add(struct tzif *tzif, int64_t at_s, int32_t offset_s, const char *name)
{
    if (tzif->count == MAX_PERIODS)
        return false;
    struct tzif_period *period = &tzif->periods[tzif->count++];
    *period = (struct tzif_period){.at_s = at_s, .offset_s = offset_s};
    snprintf(period->abbreviation, sizeof period->abbreviation, "%s", name);
    return true;
}

static bool add_footer(struct tzif *tzif, struct str footer)
{
    struct rule rule;
    if (!footer.len)
        return true;
    if (!parse_rule(footer, &rule))
        return false;
    int64_t last_s = tzif->periods[tzif->count - 1].at_s;
    if (!rule.has_daylight)
        return true;
    int32_t year = last_s == INT64_MIN ? 1900 : civil_of_ms(last_s * 1000).year;
    for (; year <= LAST_YEAR; year++) {
        int64_t start = change_local_s(&rule.start, year) - rule.standard_s;
        int64_t end = change_local_s(&rule.end, year) - rule.daylight_s;
        for (int half = 0; half < 2; half++) {
            bool is_start = (start < end) == (half == 0);
            int64_t at_s = is_start ? start : end;
            if (at_s > last_s && !add(tzif, at_s, is_start ? rule.daylight_s : rule.standard_s,
                                      is_start ? rule.daylight : rule.standard))
                return false;
        }
    }
    return true;
}

bool tzif_parse(struct arena *arena, struct str bytes, struct tzif *tzif)
{
    struct counts counts;
    if (!read_header(bytes, &counts))
        return false;
    bytes = str_from(bytes, HEADER_BYTES + block_bytes(&counts, 4));
    if (!read_header(bytes, &counts))
        return false;
    bytes = str_from(bytes, HEADER_BYTES);
    size_t block = block_bytes(&counts, 8);
    if (bytes.len < block + 2 || !counts.type || bytes.at[block] != '\n')
        return false;
    const unsigned char *times = (const unsigned char *)bytes.at;
    const unsigned char *indexes = times + counts.time * 8, *types = indexes + counts.time;
    const char *names = (const char *)types + counts.type * 6;
    *tzif = (struct tzif){.periods = arena_array(arena, MAX_PERIODS, sizeof *tzif->periods)};
    if (!tzif->periods)
        return false;
    for (uint32_t i = 0; i <= counts.time; i++) {
        uint32_t type = i ? indexes[i - 1] : 0;
        const unsigned char *row = types + type * 6;
        if (type >= counts.type || row[5] >= counts.character)
            return false;
        int64_t at_s = i ? big64(times + (i - 1) * 8) : INT64_MIN;
        int32_t offset_s = (int32_t)big32(row);
        if (offset_s < -172800 || offset_s > 172800 || at_s > INT64_C(1) << 40 ||
            (i && tzif->periods[tzif->count - 1].at_s >= at_s))
            return false;
        char name[12];
        snprintf(name, sizeof name, "%.*s", (int)strnlen(names + row[5], counts.character - row[5]),
                 names + row[5]);
        add(tzif, at_s, offset_s, name);
    }
    struct str footer = str_from(bytes, block + 1);
    size_t end = str_find(footer, STR("\n"));
    return end != SIZE_MAX && add_footer(tzif, (struct str){footer.at, end});
}

bool tzif_read(struct arena *arena, struct str name, struct tzif *tzif)
{
    struct arena scratch;
    arena_init(&scratch, 0);
    struct str path = arena_printf(&scratch, "/usr/share/zoneinfo/" STR_FMT, STR_ARG(name));
    FILE *file = fopen(path.at, "rb");
    bool is_read = false;
    if (file) {
        char *bytes = arena_alloc(&scratch, MAX_FILE_BYTES);
        size_t size = fread(bytes, 1, MAX_FILE_BYTES, file);
        bool is_whole = !ferror(file) && size < MAX_FILE_BYTES;
        fclose(file);
        struct tzif read;
        if (is_whole && tzif_parse(&scratch, (struct str){bytes, size}, &read)) {
            tzif->count = read.count;
            tzif->periods = arena_copy(arena, read.periods, read.count * sizeof *read.periods);
            is_read = tzif->periods != NULL;
        }
    }
    arena_free(&scratch);
    return is_read;
}
