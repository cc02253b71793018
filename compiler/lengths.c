/* lengths.c: the longest text that a template can write. Its instructions are walked once, forward,
 * with the longest that each value on the stack and in the locals can be; where ways meet, the
 * longer is kept. A value is as long as it is written, as the longest of its type, or as a type is
 * by default (lengths.h and grammar/README.md); a loop goes over what is written, else
 * ITEMS times. */
#include "compiler/lengths.h"

#include "compiler/liquid.h"
#include "vm/base/utf8.h"

enum { MOST_LENGTH = 1 << 20, MOST_DEPTH = 8 };

struct state { /* at an instruction */
    struct lengths written;
    struct extent *locals, *stack; /* stack: behind the locals */
    uint32_t depth, room;
    struct lengths kept[TEMPLATE_MAX_CAPTURES + 1]; /* what was written before each capture */
    uint32_t kept_count;
    bool is_reached;
};
struct measure {
    struct compiler *c;
    const struct image_code *row;
    struct state **coming; /* by instruction: the ways that jump to it */
    struct state **loops;  /* by local: the state at the NEXT of its loop */
    struct arena arena;
};

/* ---- lengths -----------------------------------------------------------------------------------
 */

/* Septets of a code point; 0: not in the alphabet. */
static int32_t septets_of(uint32_t code)
{
    static const uint16_t others[] = {
        0xa3,  0xa5,  0xe8,  0xe9,  0xf9,  0xec,  0xf2,  0xc7,  0xd8,  0xf8, 0xc5, 0xe5, 0x394,
        0x3a6, 0x393, 0x39b, 0x3a9, 0x3a0, 0x3a8, 0x3a3, 0x398, 0x39e, 0xc6, 0xe6, 0xdf, 0xc9,
        0xa4,  0xa1,  0xc4,  0xd6,  0xd1,  0xdc,  0xa7,  0xbf,  0xe4,  0xf6, 0xf1, 0xfc, 0xe0};
    if (code == 0x20ac || (code < 0x80 && code && strchr("^{}\\[~]|", (int)code)))
        return 2;
    if (code < 0x80)
        return code != '`' && (code >= ' ' || code == '\n' || code == '\r');
    for (size_t i = 0; i < ARRAY_COUNT(others); i++)
        if (others[i] == code)
            return 1;
    return 0;
}

struct lengths lengths_of_text(struct str text)
{
    int32_t septets = 0, units = 0;
    bool is_foreign = false;
    for (size_t length; text.len; text = str_from(text, length ? length : 1)) {
        uint32_t code = utf8_decode(text, &length);
        int32_t own = septets_of(code);
        is_foreign |= !own;
        septets += own;
        units += code > 0xffff ? 2 : 1;
    }
    return (struct lengths){is_foreign ? -1 : septets, is_foreign ? units : -1, units};
}

struct lengths lengths_longer(struct lengths a, struct lengths b)
{
    return (struct lengths){a.septets > b.septets ? a.septets : b.septets,
                            a.foreign > b.foreign ? a.foreign : b.foreign,
                            a.units > b.units ? a.units : b.units};
}

static int32_t add(int32_t a, int32_t b)
{
    int32_t sum = a < 0 || b < 0 ? -1 : a + b;
    return sum < MOST_LENGTH ? sum : MOST_LENGTH;
}

struct lengths lengths_sum(struct lengths a, struct lengths b)
{
    int32_t left = add(a.foreign, b.units), right = add(a.units, b.foreign);
    return (struct lengths){add(a.septets, b.septets), left > right ? left : right,
                            add(a.units, b.units)};
}

struct lengths lengths_times(struct lengths a, uint32_t count)
{
    struct lengths all = {0, -1, 0};
    for (uint32_t i = 0; i < count && all.units < MOST_LENGTH; i++)
        all = lengths_sum(all, a);
    return all;
}

/* ---- the walk ----------------------------------------------------------------------------------
 */

/* Room for the values of a state: locals, then as much of a stack as the code needs. */
static size_t value_count(const struct measure *m)
{
    return (size_t)m->row->local_count + m->row->max_stack + 1;
}

static struct state *new_state(struct measure *m)
{
    struct state *state = arena_alloc(&m->arena, sizeof *state);
    ensure(state);
    *state = (struct state){0};
    state->locals = arena_array(&m->arena, value_count(m), sizeof *state->locals);
    ensure(state->locals);
    state->stack = state->locals + m->row->local_count;
    state->room = m->row->max_stack + 1;
    return state;
}

static void take(struct measure *m, struct state *into, const struct state *other)
{
    struct extent *locals = into->locals;
    *into = *other;
    into->locals = locals;
    into->stack = locals + m->row->local_count;
    memcpy(locals, other->locals, (m->row->local_count + other->depth) * sizeof *locals);
}

static struct state *copy_of(struct measure *m, const struct state *state)
{
    struct state *copy = new_state(m);
    take(m, copy, state);
    return copy;
}

static void join(struct measure *m, struct state *into, const struct state *other)
{
    if (!other->is_reached)
        return;
    if (!into->is_reached) {
        take(m, into, other);
        return;
    }
    into->written = lengths_longer(into->written, other->written);
    for (uint32_t i = 0; i < into->depth; i++)
        into->stack[i] = extent_longer(into->stack[i], other->stack[i]);
    for (uint32_t i = 0; i < m->row->local_count; i++)
        into->locals[i] = extent_longer(into->locals[i], other->locals[i]);
    for (uint32_t i = 0; i < into->kept_count; i++)
        into->kept[i] = lengths_longer(into->kept[i], other->kept[i]);
}

static void jump_to(struct measure *m, const struct state *state, uint32_t target)
{
    if (target > m->row->count)
        return;
    if (m->coming[target])
        join(m, m->coming[target], state);
    else
        m->coming[target] = copy_of(m, state);
}

static void push(struct state *state, struct extent value)
{
    ensure(state->depth < state->room);
    state->stack[state->depth++] = value;
}

static struct extent pop(struct state *state)
{
    return state->depth ? state->stack[--state->depth] : extent_of_length(LENGTH_TEXT);
}

static struct lengths measured(struct compiler *c, uint32_t code, const struct extent *arguments,
                               uint32_t argument_count, uint32_t depth);

static void call(struct measure *m, struct state *state, uint32_t word)
{
    const struct image *image = m->c->image;
    uint32_t count = op_a(word) < state->depth ? op_a(word) : state->depth;
    state->depth -= count;
    struct str name = text_of(m->c, image->builtins[op_b(word)].name);
    push(state, count ? extent_of_call(name, &state->stack[state->depth], count)
                      : extent_of_length(LENGTH_TEXT));
}

static void make_list(struct state *state, uint32_t count)
{
    struct extent all = {.lengths = {-1, -1, -1}};
    for (uint32_t i = 0; i < count; i++)
        all = extent_longer(all, pop(state));
    all.items = count;
    push(state, all);
}

static struct extent range_of(struct extent from, struct extent to)
{
    struct extent all = extent_longer(from, to);
    all.items = 0;
    if (from.has_number && to.has_number && to.number - from.number < MOST_LENGTH)
        all.items = to.number < from.number ? 1 : (uint32_t)(to.number - from.number) + 1;
    return all;
}

/* What it goes over is kept in the local, with how often. */
static void begin_loop(struct state *state, uint32_t local)
{
    (void)pop(state);
    (void)pop(state);
    struct extent limit = pop(state);
    (void)pop(state);
    struct extent over = pop(state);
    if (!over.items)
        over.items = LENGTH_ITEMS;
    if (limit.has_number && limit.number >= 0 && limit.number < over.items)
        over.items = (uint32_t)limit.number;
    state->locals[local] = over;
}

/* What once round the loop writes is written so often. */
static void go_round(struct measure *m, struct state *state, uint32_t local)
{
    const struct state *before = m->loops[local];
    if (before) {
        int32_t once = state->written.units - before->written.units;
        bool stays = state->written.septets >= 0 && before->written.septets >= 0;
        struct lengths body = {stays ? state->written.septets - before->written.septets : -1,
                               state->written.foreign > before->written.foreign ? once : -1, once};
        uint32_t items = before->locals[local].items;
        if (items)
            state->written = lengths_sum(state->written, lengths_times(body, items - 1));
    }
}

static void step(struct measure *m, struct state *state, uint32_t at, uint32_t word)
{
    struct compiler *c = m->c;
    const struct op_row *row = op_row(op_of(word));
    uint32_t operand = op_operand(word), local = op_a(word);
    struct extent value, other;
    switch ((int)op_of(word)) {
    case OP_PUSH_UNKNOWN:
        push(state, extent_of_length(0));
        return;
    case OP_PUSH_INT:
        push(state, extent_of_integer((int32_t)word >> 8));
        return;
    case OP_PUSH_CONST:
        push(state, extent_of_constant(c, operand));
        return;
    case OP_NOW:
    case OP_AT_CLOCK:
    case OP_NEXT_CLOCK:
        state->depth -= (uint32_t)row->pops < state->depth ? (uint32_t)row->pops : state->depth;
        push(state, extent_of_length(LENGTH_TIME));
        return;
    case OP_TODAY:
        push(state, extent_of_length(LENGTH_DATE));
        return;
    case OP_ATTRIBUTE:
        push(state, extent_of_type(c, c->image->attributes[operand].type));
        return;
    case OP_FIELD:
        (void)pop(state);
        push(state, extent_of_type(c, c->image->fields[operand].type));
        return;
    case OP_MESSAGE_URL:
        push(state, extent_of_length(LENGTH_UNSUBSCRIBE));
        return;
    case OP_DUP:
        value = pop(state);
        push(state, value);
        push(state, value);
        return;
    case OP_ADD:
        value = pop(state);
        other = pop(state);
        value.lengths = lengths_sum(value.lengths, other.lengths);
        value.text = (struct str){0};
        value.has_number = false;
        push(state, value);
        return;
    case OP_CALL:
        call(m, state, word);
        return;
    case OP_MAKE_LIST:
        make_list(state, operand);
        return;
    case OP_OUT_CONST:
        state->written = lengths_sum(state->written, extent_of_constant(c, operand).lengths);
        return;
    case OP_OUT:
    case OP_OUT_HTML:
        state->written = lengths_sum(state->written, pop(state).lengths);
        return;
    case OP_LOCAL:
        push(state, state->locals[local]);
        return;
    case OP_ITEM:
        value = state->locals[local];
        value.items = 0;
        push(state, value);
        return;
    case OP_SET_LOCAL:
        state->locals[local] = pop(state);
        return;
    case OP_RANGE:
        value = pop(state);
        push(state, range_of(pop(state), value));
        return;
    case OP_FOR:
        begin_loop(state, local);
        return;
    case OP_NEXT:
        m->loops[local] = copy_of(m, state);
        jump_to(m, state, op_b(word));
        return;
    case OP_AGAIN:
        go_round(m, state, local);
        jump_to(m, state, op_b(m->c->image->instructions[m->row->first + op_b(word)]));
        state->is_reached = false;
        return;
    case OP_CAPTURE:
        state->kept[state->kept_count++] = state->written;
        state->written = (struct lengths){0, -1, 0};
        push(state, extent_of_length(0));
        return;
    case OP_END_CAPTURE:
        (void)pop(state);
        push(state, (struct extent){.lengths = state->written});
        if (state->kept_count)
            state->written = state->kept[--state->kept_count];
        return;
    case OP_JUMP:
        jump_to(m, state, operand);
        state->is_reached = false;
        return;
    case OP_JUMP_FALSE:
    case OP_JUMP_TRUE:
        (void)pop(state);
        jump_to(m, state, operand);
        return;
    case OP_DONE:
        jump_to(m, state, m->row->count);
        state->is_reached = false;
        return;
    default:
        break;
    }
    (void)at;
    for (int i = 0; row && i < row->pops; i++)
        (void)pop(state);
    bool is_bool = op_of(word) >= OP_EQ && op_of(word) <= OP_ANY_OBJECT;
    for (int i = 0; row && i < row->pushes; i++)
        push(state, extent_of_length(is_bool ? LENGTH_BOOL : LENGTH_TEXT));
}

static void render(struct measure *m, struct state *state, uint32_t word, uint32_t depth)
{
    uint32_t count = op_a(word) < state->depth ? op_a(word) : state->depth;
    state->depth -= count;
    struct lengths part = {LENGTH_TEXT, -1, LENGTH_TEXT};
    if (depth < MOST_DEPTH)
        part = measured(m->c, op_b(word), &state->stack[state->depth], count, depth + 1);
    state->written = lengths_sum(state->written, part);
}

static struct lengths measured(struct compiler *c, uint32_t code, const struct extent *arguments,
                               uint32_t argument_count, uint32_t depth)
{
    struct measure m = {.c = c, .row = &c->image->codes[code]};
    const uint32_t *words = c->image->instructions + m.row->first;
    arena_init(&m.arena, 0);
    m.coming = arena_array(&m.arena, m.row->count + 1, sizeof(struct state *));
    m.loops = arena_array(&m.arena, m.row->local_count + 1, sizeof(struct state *));
    struct state *state = new_state(&m);
    ensure(m.coming && m.loops);
    state->is_reached = true;
    state->written = (struct lengths){0, -1, 0};
    for (uint32_t i = 0; i < m.row->local_count; i++)
        state->locals[i] = i < argument_count ? arguments[i] : extent_of_length(0);
    for (uint32_t at = 0; at <= m.row->count; at++) {
        if (m.coming[at])
            join(&m, state, m.coming[at]);
        if (at == m.row->count || !state->is_reached)
            continue;
        if (op_of(words[at]) == OP_RENDER)
            render(&m, state, words[at], depth);
        else
            step(&m, state, at, words[at]);
    }
    struct lengths written = state->written;
    arena_free(&m.arena);
    return written;
}

struct lengths lengths_of_template(struct compiler *c, uint32_t code)
{
    return measured(c, code, NULL, 0, 0);
}
