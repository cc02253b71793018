/* simulate.h: recorded or made-up traffic through the real engine on a virtual clock. A line
 * arrives at its timestamp, one older than the clock at once. Traffic is read as it comes and the
 * store is a private file that spills to disk, so memory does not grow with the number of lines.
 *
 * simulate.c drives the engine and counts; a form (text, ndjson, html) says what is written. */
#ifndef CAMP_COMPILER_TOOL_SIMULATE_H
#define CAMP_COMPILER_TOOL_SIMULATE_H

#include <stdio.h>

#include "compiler/tool/tool.h"
#include "vm/base/zone.h"
#include "vm/run/engine.h"

enum { VERDICTS = VERDICT_HOLDOUT + 1 };

struct campaign_counts {
    uint64_t triggered, started, holdout, filtered_out, completed, exited_early, converted, faults;
};
struct simulation;
struct simulate_form {
    const char *name;
    void (*begin)(struct simulation *s);                          /* may be NULL */
    void (*notice)(struct simulation *s, const struct notice *n); /* as it happens */
    void (*end)(struct simulation *s);                            /* the counts are whole */
};
extern const struct simulate_form simulate_html;

struct called { /* a webhook that waits for its answer */
    uint64_t outbox;
    int64_t at_ms;
};
struct simulation {
    struct compilation compilation;
    struct arena arena, line_arena;
    const struct simulate_form *form;
    void *own; /* of the form */
    struct store *store;
    struct engine *engine;
    const struct zone *zone; /* the clinic's */
    bool is_running, shows_progress;
    int64_t first_ms, now_ms, until_ms; /* until_ms: NEVER_MS without --until */
    struct buf kept; /* lines without a timestamp before the first that has one */
    uint64_t lines, refused, duplicates, file_bytes, read_bytes; /* file_bytes 0: not known */
    int64_t told_ms;
    uint32_t turns;                    /* since the last commit */
    struct campaign_counts *campaigns; /* by row of the image */
    uint64_t *entered;                 /* by step */
    uint64_t (*verdicts)[VERDICTS];    /* by message */
    struct called *calls;
    uint32_t call_count, call_room;
    struct buf out;
};

/* Runs `file` to its end, or to until_ms, and lets the form write. The project is compiled. */
int simulate_run(struct simulation *s, FILE *file);
/* The state of PROMISES.md that a message with this verdict would have; NULL: there is none. */
const char *simulate_state(enum verdict verdict);
void simulate_flush(struct simulation *s);
static inline uint64_t simulate_in_progress(const struct campaign_counts *c)
{
    return c->started + c->holdout - c->completed - c->exited_early;
}
/* The text part that the patient would see: its own, or made from the HTML. In `scratch`. */
struct str simulate_text(const struct letter *letter, struct buf *scratch);

#endif
