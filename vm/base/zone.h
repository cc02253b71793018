/* zone.h: time zones of the system's tzdata, read from their TZif files (RFC 8536; the rule in the
 * footer is written out as transitions up to the year 2200). A zone is loaded once a process and
 * never freed. Reading the files ourselves is small and gives the transitions as a sorted array:
 * GLib hides them, ICU in Debian 12 carries rules of 2022.
 *
 * A local time skipped by daylight saving becomes the first instant after the gap, a repeated one
 * is the first of the two (LANGUAGE.md D1). Not for use from several threads before the zone was
 * found once. */
#ifndef CAMP_VM_BASE_ZONE_H
#define CAMP_VM_BASE_ZONE_H

#include "vm/base/civil.h"

struct zone;

/* By its name in tzdata; NULL when there is none. */
const struct zone *zone_find(struct str name);
const struct zone *zone_utc(void);
struct str zone_name(const struct zone *zone);
/* Small numbers of this process, from 1, to carry a zone where no pointer fits; NULL when there is
 * none. */
uint32_t zone_number(const struct zone *zone);
const struct zone *zone_by_number(uint32_t number);
/* Abbreviation in force, e.g. EST; as tzdata has it. */
const char *zone_abbreviation(const struct zone *zone, int64_t at_ms);

int32_t zone_offset_s(const struct zone *zone, int64_t at_ms); /* local minus UTC */
struct civil zone_local(const struct zone *zone, int64_t at_ms);
int64_t zone_local_ms(const struct zone *zone, int64_t at_ms); /* at_ms + offset */
int64_t zone_day(const struct zone *zone, int64_t at_ms);      /* days since 1970-01-01, local */
int32_t zone_minute(const struct zone *zone, int64_t at_ms);   /* of the local day */

/* local_ms: civil_ms() of the local time. */
int64_t zone_instant(const struct zone *zone, int64_t local_ms);
int64_t zone_day_start(const struct zone *zone, int64_t day); /* first instant of a local day */
int64_t zone_at_clock(const struct zone *zone, int64_t day, int32_t minute);
/* Calendar step: `months` and `days` later (earlier when negative), the same local time (D1). */
int64_t zone_step(const struct zone *zone, int64_t at_ms, int32_t months, int32_t days);
/* The next transition after at_ms, or INT64_MAX. */
int64_t zone_next_transition_ms(const struct zone *zone, int64_t at_ms);

#endif
