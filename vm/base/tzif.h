/* tzif.h: one time zone file of the system, as a sorted array of periods with one offset each. For
 * zone.c only. */
#ifndef CAMP_VM_BASE_TZIF_H
#define CAMP_VM_BASE_TZIF_H

#include "vm/base/arena.h"

struct tzif_period {
    int64_t at_s; /* begins; the first is INT64_MIN */
    int32_t offset_s;
    char abbreviation[12];
};
struct tzif {
    struct tzif_period *periods;
    size_t count;
};

/* Reads /usr/share/zoneinfo/NAME; the name has been checked. False: no such zone, or not a TZif
 * file. */
bool tzif_read(struct arena *arena, struct str name, struct tzif *tzif);
/* The same from bytes, for tests and fuzzing. */
bool tzif_parse(struct arena *arena, struct str bytes, struct tzif *tzif);

#endif
