/* civil.h: the proleptic Gregorian calendar, years 0001 to 9999, without zones. Days are counted
 * from 1970-01-01; the arithmetic is Howard Hinnant's "chrono-compatible low-level date
 * algorithms". */
#ifndef CAMP_VM_BASE_CIVIL_H
#define CAMP_VM_BASE_CIVIL_H

#include "vm/base/buf.h"

enum { MINUTE_MS = 60000, HOUR_MS = 3600000, DAY_MS = 86400000 };

/* The first and the last instant of the calendar, and their days. */
#define CIVIL_FIRST_MS INT64_C(-62135596800000)
#define CIVIL_LAST_MS INT64_C(253402300799999)
#define CIVIL_FIRST_DAY INT64_C(-719162)
#define CIVIL_LAST_DAY INT64_C(2932896)

struct civil {
    int32_t year;
    int8_t month, day, hour, minute, second; /* month and day from 1 */
    int16_t ms;
};

int64_t civil_day(int32_t year, int32_t month, int32_t day);
struct civil civil_of_day(int64_t day);
/* Milliseconds since 1970-01-01T00:00 of a civil time read as UTC, and back. */
int64_t civil_ms(struct civil civil);
struct civil civil_of_ms(int64_t ms);
int32_t civil_weekday(int64_t day); /* 0 monday … 6 sunday */
int32_t civil_month_days(int32_t year, int32_t month);
bool civil_is_leap(int32_t year);
/* `months` later (or earlier), the day clamped to the month's last. */
int64_t civil_add_months(int64_t day, int32_t months);

/* Strict forms; false when the text is anything else or names no such date. */
bool civil_parse_date(struct str text, int64_t *day);     /* 2026-03-02 */
bool civil_parse_clock(struct str text, int32_t *minute); /* 09:00, of the day */
bool civil_parse_local(struct str text,
                       struct civil *civil);               /* 2026-03-02 09:00[:30[.123]], also T */
bool civil_parse_instant(struct str text, int64_t *at_ms); /* RFC 3339 with Z or an offset */
void buf_date(struct buf *out, int64_t day);
void buf_clock(struct buf *out, int64_t minute);
void buf_instant(struct buf *out, int64_t at_ms); /* 2026-03-02T14:00:00.000Z */

#endif
