/* civil.c: see civil.h. */
#include "vm/base/civil.h"

int64_t civil_day(int32_t year, int32_t month, int32_t day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct civil civil_of_day(int64_t day)
{
    int64_t z = day + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    int64_t month = shifted + (shifted < 10 ? 3 : -9);
    return (struct civil){.year = (int32_t)(year_of_era + era * 400 + (month <= 2)),
                          .month = (int8_t)month,
                          .day = (int8_t)(day_of_year - (153 * shifted + 2) / 5 + 1)};
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t civil_ms(struct civil c)
{
    return civil_day(c.year, c.month, c.day) * DAY_MS + c.hour * (int64_t)HOUR_MS +
           c.minute * (int64_t)MINUTE_MS + c.second * INT64_C(1000) + c.ms;
}

struct civil civil_of_ms(int64_t ms)
{
    int64_t day = floor_div(ms, DAY_MS), rest = ms - day * DAY_MS;
    struct civil civil = civil_of_day(day);
    civil.hour = (int8_t)(rest / HOUR_MS);
    civil.minute = (int8_t)(rest / MINUTE_MS % 60);
    civil.second = (int8_t)(rest / 1000 % 60);
    civil.ms = (int16_t)(rest % 1000);
    return civil;
}

int32_t civil_weekday(int64_t day)
{
    int64_t weekday = (day + 3) % 7;
    return (int32_t)(weekday < 0 ? weekday + 7 : weekday);
}

bool civil_is_leap(int32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int32_t civil_month_days(int32_t year, int32_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && civil_is_leap(year) ? 29 : days[(month - 1) % 12];
}

int64_t civil_add_months(int64_t day, int32_t months)
{
    struct civil c = civil_of_day(day);
    int64_t index = (int64_t)c.year * 12 + c.month - 1 + months;
    int32_t year = (int32_t)floor_div(index, 12), month = (int32_t)(index - year * INT64_C(12)) + 1;
    int32_t last = civil_month_days(year, month);
    return civil_day(year, month, c.day < last ? c.day : last);
}

/* `count` digits at the front, taken away. */
static bool take_digits(struct str *text, size_t count, int32_t *number)
{
    if (text->len < count)
        return false;
    *number = 0;
    for (size_t i = 0; i < count; i++) {
        if (text->at[i] < '0' || text->at[i] > '9')
            return false;
        *number = *number * 10 + (text->at[i] - '0');
    }
    *text = str_from(*text, count);
    return true;
}

static bool take_char(struct str *text, char c)
{
    if (!text->len || text->at[0] != c)
        return false;
    *text = str_from(*text, 1);
    return true;
}

static bool take_date(struct str *text, struct civil *civil)
{
    int32_t year, month, day;
    if (!take_digits(text, 4, &year) || !take_char(text, '-') || !take_digits(text, 2, &month) ||
        !take_char(text, '-') || !take_digits(text, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > civil_month_days(year, month))
        return false;
    *civil = (struct civil){.year = year, .month = (int8_t)month, .day = (int8_t)day};
    return true;
}

static bool take_clock(struct str *text, struct civil *civil)
{
    int32_t hour, minute;
    if (!take_digits(text, 2, &hour) || !take_char(text, ':') || !take_digits(text, 2, &minute) ||
        hour > 23 || minute > 59)
        return false;
    civil->hour = (int8_t)hour;
    civil->minute = (int8_t)minute;
    return true;
}

/* `:30` and a fraction of any length, cut to milliseconds; a leap second counts as the 59th. */
static bool take_seconds(struct str *text, struct civil *civil)
{
    int32_t second;
    if (!take_char(text, ':') || !take_digits(text, 2, &second) || second > 60)
        return false;
    civil->second = (int8_t)(second == 60 ? 59 : second);
    if (!take_char(text, '.'))
        return true;
    int32_t digit, scale = 100, ms = 0;
    if (!take_digits(text, 1, &digit))
        return false;
    do {
        ms += digit * scale;
        scale /= 10;
    } while (take_digits(text, 1, &digit));
    civil->ms = (int16_t)ms;
    return true;
}

bool civil_parse_date(struct str text, int64_t *day)
{
    struct civil civil;
    if (!take_date(&text, &civil) || text.len)
        return false;
    *day = civil_day(civil.year, civil.month, civil.day);
    return true;
}

bool civil_parse_clock(struct str text, int32_t *minute)
{
    struct civil civil;
    if (!take_clock(&text, &civil) || text.len)
        return false;
    *minute = civil.hour * 60 + civil.minute;
    return true;
}

static bool take_local(struct str *text, struct civil *civil, bool seconds_needed)
{
    if (!take_date(text, civil) || !text->len ||
        (text->at[0] != ' ' && text->at[0] != 'T' && text->at[0] != 't'))
        return false;
    *text = str_from(*text, 1);
    if (!take_clock(text, civil))
        return false;
    if (text->len && text->at[0] == ':')
        return take_seconds(text, civil);
    return !seconds_needed;
}

bool civil_parse_local(struct str text, struct civil *civil)
{
    return take_local(&text, civil, false) && !text.len;
}

bool civil_parse_instant(struct str text, int64_t *at_ms)
{
    struct civil civil, offset = {0};
    if (!take_local(&text, &civil, true))
        return false;
    int64_t sign = 0;
    if (take_char(&text, 'Z') || take_char(&text, 'z'))
        sign = 0;
    else if (take_char(&text, '+'))
        sign = 1;
    else if (take_char(&text, '-'))
        sign = -1;
    else
        return false;
    if (sign && !take_clock(&text, &offset))
        return false;
    if (text.len)
        return false;
    *at_ms = civil_ms(civil) -
             sign * (offset.hour * (int64_t)HOUR_MS + offset.minute * (int64_t)MINUTE_MS);
    return *at_ms >= CIVIL_FIRST_MS && *at_ms <= CIVIL_LAST_MS;
}

void buf_date(struct buf *out, int64_t day)
{
    struct civil c = civil_of_day(day);
    buf_printf(out, "%04d-%02d-%02d", c.year, c.month, c.day);
}

void buf_clock(struct buf *out, int64_t minute)
{
    buf_printf(out, "%02d:%02d", (int)(minute / 60), (int)(minute % 60));
}

void buf_instant(struct buf *out, int64_t at_ms)
{
    struct civil c = civil_of_ms(at_ms);
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month, c.day, c.hour, c.minute,
               c.second, c.ms);
}
