/* zone.c: finding instants in a zone's sorted transitions; the files are read in tzif.c. */
#include "vm/base/zone.h"

#include "vm/base/arena.h"
#include "vm/base/map.h"
#include "vm/base/tzif.h"

struct zone {
    struct str name;
    struct tzif rules;
    uint32_t number;
};

static struct strmap zones;
enum { MOST_ZONES = 1024 };
static const struct zone *numbered[MOST_ZONES];
static uint32_t zone_count;
static struct arena memory;

static bool is_zone_name(struct str name)
{
    if (!name.len || name.len > 64 || name.at[0] == '/' || name.at[0] == '.')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && !memchr("_+-/", c, 4))
            return false;
    }
    return true;
}

const struct zone *zone_find(struct str name)
{
    uint64_t *known = strmap_get(&zones, name);
    if (known)
        return (const struct zone *)(uintptr_t)*known;
    struct tzif rules;
    if (!is_zone_name(name) || !tzif_read(&memory, name, &rules))
        return NULL;
    struct zone *zone = arena_alloc(&memory, sizeof *zone);
    if (zone_count + 1 == MOST_ZONES)
        return NULL;
    *zone = (struct zone){arena_str(&memory, name), rules, ++zone_count};
    numbered[zone_count] = zone;
    *strmap_put(&zones, zone->name, NULL) = (uint64_t)(uintptr_t)zone;
    return zone;
}

const struct zone *zone_utc(void)
{
    static struct tzif_period period = {.at_s = INT64_MIN, .abbreviation = "UTC"};
    static const struct zone utc = {{"UTC", 3}, {&period, 1}, 0};
    return &utc;
}

uint32_t zone_number(const struct zone *zone)
{
    return zone->number;
}

const struct zone *zone_by_number(uint32_t number)
{
    return number && number <= zone_count ? numbered[number] : NULL;
}

struct str zone_name(const struct zone *zone)
{
    return zone->name;
}

/* The period in force at an instant. */
static size_t period_at(const struct zone *zone, int64_t at_s)
{
    size_t low = 0, high = zone->rules.count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (zone->rules.periods[middle].at_s <= at_s)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static int64_t floor_s(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

int32_t zone_offset_s(const struct zone *zone, int64_t at_ms)
{
    return zone->rules.periods[period_at(zone, floor_s(at_ms))].offset_s;
}

const char *zone_abbreviation(const struct zone *zone, int64_t at_ms)
{
    return zone->rules.periods[period_at(zone, floor_s(at_ms))].abbreviation;
}

int64_t zone_local_ms(const struct zone *zone, int64_t at_ms)
{
    return at_ms + zone_offset_s(zone, at_ms) * INT64_C(1000);
}

struct civil zone_local(const struct zone *zone, int64_t at_ms)
{
    return civil_of_ms(zone_local_ms(zone, at_ms));
}

int64_t zone_day(const struct zone *zone, int64_t at_ms)
{
    int64_t local = zone_local_ms(zone, at_ms);
    return local / DAY_MS - (local % DAY_MS < 0);
}

int32_t zone_minute(const struct zone *zone, int64_t at_ms)
{
    struct civil civil = zone_local(zone, at_ms);
    return civil.hour * 60 + civil.minute;
}

int64_t zone_instant(const struct zone *zone, int64_t local_ms)
{
    const struct tzif *rules = &zone->rules;
    int64_t local_s = floor_s(local_ms);
    /* The first period, in order, that this local time lies in or before. */
    size_t i = period_at(zone, local_s - 86400);
    for (; i + 1 < rules->count; i++) {
        int64_t end_s = rules->periods[i + 1].at_s;
        if (local_s - rules->periods[i].offset_s < end_s)
            break;
    }
    int64_t at_ms = local_ms - rules->periods[i].offset_s * INT64_C(1000);
    if (i > 0 && floor_s(at_ms) < rules->periods[i].at_s)
        return rules->periods[i].at_s * 1000;
    return at_ms;
}

int64_t zone_day_start(const struct zone *zone, int64_t day)
{
    return zone_instant(zone, day * DAY_MS);
}

int64_t zone_at_clock(const struct zone *zone, int64_t day, int32_t minute)
{
    return zone_instant(zone, day * DAY_MS + minute * (int64_t)MINUTE_MS);
}

static int64_t step(const struct zone *zone, int64_t at_ms, int32_t months, int32_t days)
{
    if (!months && !days)
        return at_ms;
    int64_t local = zone_local_ms(zone, at_ms);
    int64_t day = local / DAY_MS - (local % DAY_MS < 0), rest = local - day * DAY_MS;
    if (months)
        day = civil_add_months(day, months);
    return zone_instant(zone, (day + days) * DAY_MS + rest);
}

/* The same step is asked for again and again: `now - 180 days`, for one patient after the other. */
int64_t zone_step(const struct zone *zone, int64_t at_ms, int32_t months, int32_t days)
{
    static struct {
        const struct zone *zone;
        int64_t from_ms, to_ms;
        int32_t months, days;
    } known[64], *one;
    one = &known[((uint32_t)months * 31 + (uint32_t)days + (uint64_t)at_ms) % ARRAY_COUNT(known)];
    if (!one->zone || one->zone != zone || one->from_ms != at_ms || one->months != months ||
        one->days != days) {
        one->to_ms = step(zone, at_ms, months, days);
        one->zone = zone;
        one->from_ms = at_ms;
        one->months = months;
        one->days = days;
    }
    return one->to_ms;
}

int64_t zone_next_transition_ms(const struct zone *zone, int64_t at_ms)
{
    size_t next = period_at(zone, floor_s(at_ms)) + 1;
    return next < zone->rules.count ? zone->rules.periods[next].at_s * 1000 : INT64_MAX;
}
