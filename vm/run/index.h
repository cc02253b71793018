/* index.h: an image turned around: not what a condition reads, but who reads what has changed. Made
 * once for each program from the image's tables, so that a change touches what it concerns and
 * nothing else, whatever the number of campaigns (LANGUAGE.md F1, ARCHITECTURE.md 3). */
#ifndef CAMP_VM_RUN_INDEX_H
#define CAMP_VM_RUN_INDEX_H

#include "vm/base/map.h"
#include "vm/core/machine.h"

/* What can change, by kind and number of the dictionary: enum read_kind in the high half. */
static inline uint64_t key_of(enum read_kind kind, uint32_t number)
{
    return (uint64_t)kind << 32 | number;
}

struct row_list { /* ascending, each once */
    uint32_t *at;
    uint32_t count, room;
};
struct reach { /* of one key: rows of the image */
    struct row_list segments;
    struct row_list objects;  /* campaigns whose object trigger reads it */
    struct row_list triggers; /* campaigns that it may trigger itself */
    struct row_list dids;     /* of an event: the terms that remember it */
    bool is_date;             /* of an attribute: a date trigger goes by it */
};
struct watch { /* what a condition, or several, read */
    uint64_t *keys;
    uint32_t count, room;
};

struct index {
    struct map64 campaigns; /* number of the dictionary → row */
    struct map64 reaches;   /* key → struct reach */
    struct map64 watched;   /* keys in any of the watches below */
    struct strmap names;    /* of campaigns → row */
    struct strmap events;   /* by both names → row */
    struct strmap attributes;
    struct row_list timed_segments, objects, timed_objects, dates; /* the last three: campaigns */
    struct watch *ends;                                            /* by campaign: exits and goal */
    struct watch *audiences;                                       /* by campaign */
    struct watch *waits;                                           /* by row of waits */
    bool *reads_messages;     /* by campaign: an exit or the goal asks what was received */
    int64_t longest_limit_ms; /* no limit looks further back */
    uint32_t zone;            /* number of the attribute `timezone`, or IMAGE_NONE */
};

/* Memory of the arena; the maps are freed by index_free. */
struct index *index_make(struct arena *arena, const struct program *program);
void index_free(struct index *index);
/* NULL: nothing reads it. */
const struct reach *index_reach(const struct index *index, uint64_t key);
/* Does one of the keys stand in the watch? */
bool watch_concerns(const struct watch *watch, const uint64_t *keys, uint32_t count);
/* Kept ascending and once. */
bool row_list_add(struct arena *arena, struct row_list *list, uint32_t row);

#endif
