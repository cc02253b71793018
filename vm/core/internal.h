/* internal.h: what the files of the machine share; for vm/core alone. */
#ifndef CAMP_VM_CORE_INTERNAL_H
#define CAMP_VM_CORE_INTERNAL_H

#include "vm/base/zone.h"
#include "vm/code/op.h"
#include "vm/core/machine.h"

enum {
    STACK_ROOM = IMAGE_MAX_STACK,
    LOCAL_ROOM = IMAGE_MAX_LOCALS,
    FUEL = 1 << 20,
    MOST_MONTHS = 120000, /* of a duration */
    TRACE_ROOM = 16,
    TRACE_STEPS = 6
};

/* How a value that moves with time was made (LANGUAGE.md D6): now or today, then steps with
 * operands that stand still. Replaying it at another instant tells when what hangs on it changes.
 */
enum { TRACE_OTHERS = 2 };
struct trace_step {
    uint8_t op;
    uint8_t place;                     /* which operand, or argument, moves */
    uint8_t count;                     /* OP_CALL: of arguments; 0: in a way that is not followed */
    uint16_t row;                      /* OP_CALL: the function */
    struct value others[TRACE_OTHERS]; /* the other operands, in their order */
};
struct trace {
    uint8_t base; /* OP_NOW or OP_TODAY; 0: it moves in a way that is not followed */
    uint8_t count;
    struct trace_step steps[TRACE_STEPS];
};
void trace_step(struct trace *trace, struct trace_step step);
/* `a` is compared with `b`: lowers the flip to when time changes the outcome. NULL: stands still.
 */
void note_flip(struct env *env, const struct trace *trace_a, const struct trace *trace_b,
               struct value a, struct value b);
/* The moving instant is asked for its place in a window, whose edge comes at edge_ms. */
void note_edge(struct env *env, const struct trace *trace, int64_t edge_ms);
/* `v`, a text or number that a function made of a moving instant, changes by jumps. */
void note_jump(struct env *env, const struct trace *trace, struct value v);

struct value arithmetic(struct env *env, enum op op, struct value a, struct value b);
struct value next_clock(struct env *env, struct value clock, uint32_t days, int64_t now_ms);
bool window_is_open(const struct image_window *window, const struct zone *zone, int64_t at_ms);
/* The next instant after at_ms at which the window opens or closes. */
int64_t window_flip_ms(const struct image_window *window, const struct zone *zone, int64_t at_ms);
void lower_flip(struct env *env, int64_t at_ms);
/* The least instant in (from, to] at which `changed` is true; it is false before and true behind;
 * NEVER_MS none. */
int64_t first_instant(int64_t from_ms, int64_t to_ms, bool (*changed)(void *context, int64_t at_ms),
                      void *context);
/* The first instant after from_ms at which `changed` is true, looked for in the days around
 * near_ms, hour by hour where clocks change: a month back from the end of one runs back at
 * midnight. NEVER_MS: not there. */
int64_t first_change(const struct zone *zone, int64_t from_ms, int64_t near_ms,
                     bool (*changed)(void *context, int64_t at_ms), void *context);
/* *error: why a template fails with it, else NULL. */
struct value machine_call(struct env *env, uint32_t row, const struct value *arguments,
                          uint32_t count, const char **error);
/* Comparisons of the usual forms, and the jumps behind them, as far as
 * there are any. NOT: nothing was done; ON: *pc is behind them, the stack as before; VALUE: so, but
 * the outcome is wanted on the stack. */
enum quick { QUICK_NOT, QUICK_ON, QUICK_VALUE };
enum quick quick_test(struct env *env, const uint32_t *code, uint32_t *pc, bool *holds);
bool relation(struct env *env, enum op op, struct value a, struct value b);
struct value constant_value(const struct image *image, uint32_t row, struct arena *arena);
struct value field_value(struct env *env, struct value of, const struct image_field *field);

bool ask_did(struct env *env, uint32_t did);
bool ask_any(struct env *env, uint32_t any);
bool ask_subscribed(struct env *env, uint32_t topic);
bool ask_segment(struct env *env, uint32_t segment);
bool ask_message(struct env *env, enum op op, uint32_t message);

#endif
