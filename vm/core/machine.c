/* machine.c: the interpreter. One loop runs expressions, templates and the expressions inside
 * workflows; at a workflow instruction it stops with an empty stack but its operands, and
 * machine_run does what the step says. */
#include "vm/core/machine.h"

#include <math.h>
#include <stdio.h>

#include "vm/base/json.h"
#include "vm/code/accept.h"
#include "vm/core/internal.h"
#include "vm/core/liquid.h"

struct run {
    struct env *env;
    const struct image_code *code;
    uint32_t pc;
    uint32_t depth;
    struct buf *out; /* templates */
    bool is_blank;
    size_t quote_at; /* where the JSON string that is open begins */
    struct value stack[STACK_ROOM];
    uint8_t moves[STACK_ROOM]; /* trace + 1, 0 fixed */
    struct value locals[LOCAL_ROOM];
    struct trace traces[TRACE_ROOM];
    uint32_t trace_count;
};

enum stop { STOP_VALUE, STOP_DONE, STOP_STEP, STOP_FUEL, STOP_FAILED };

struct value constant_value(const struct image *image, uint32_t row, struct arena *arena)
{
    const struct image_constant *constant = &image->constants[row];
    struct value v = {.kind = (uint8_t)constant->kind};
    switch ((enum value_kind)constant->kind) {
    case VALUE_NUMBER:
        memcpy(&v.n, &constant->number, sizeof v.n);
        return v;
    case VALUE_TEXT:
        return value_text(image_text(image, constant->text));
    case VALUE_DURATION:
        v.months = (int32_t)constant->months;
        v.days = (int16_t)constant->days;
        v.i = constant->number;
        return v;
    case VALUE_LIST: {
        struct list *list = arena_alloc(arena, sizeof *list);
        struct value *items = arena_array(arena, constant->elements.count, sizeof *items);
        if (!list || !items)
            return value_unknown();
        for (uint32_t i = 0; i < constant->elements.count; i++) {
            uint32_t element = image->elements[constant->elements.first + i].value;
            items[i] = element < row ? constant_value(image, element, arena) : value_unknown();
        }
        *list = (struct list){items, constant->elements.count};
        v.list = list;
        return v;
    }
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_CLOCK:
        v.i = constant->number;
        return v;
    case VALUE_UNKNOWN:
    case VALUE_EVENT:
    case VALUE_OBJECT:
    case VALUE_JSON:
    case VALUE_HASH:
    case VALUE_RANGE:
    case VALUE_LOOP:
        break;
    }
    return value_unknown();
}

struct value attribute_given(const struct program *program, uint32_t row, struct value v,
                             struct arena *arena)
{
    uint32_t constant = program->image->attributes[row].default_value;
    return v.kind == VALUE_UNKNOWN && constant != IMAGE_NONE
               ? constant_value(program->image, constant, arena)
               : v;
}

struct value attribute_value(struct env *env, uint32_t row)
{
    struct value v = patient_attribute(env->patient, env->program->attribute_names[row]);
    return attribute_given(env->program, row, v, env->arena);
}

void env_zone(struct env *env)
{
    const struct image *image = env->program->image;
    env->zone = env->program->clinic_zone;
    if (image->project_count && image->projects[0].timezone_attribute != IMAGE_NONE) {
        struct value v = attribute_value(env, image->projects[0].timezone_attribute);
        const struct zone *own = v.kind == VALUE_TEXT ? zone_find(v.text) : NULL;
        if (own)
            env->zone = own;
    }
}

static void push(struct run *run, struct value v)
{
    ensure(run->depth < STACK_ROOM);
    run->moves[run->depth] = 0;
    run->stack[run->depth++] = v;
}

static struct value pop(struct run *run)
{
    ensure(run->depth > 0);
    return run->stack[--run->depth];
}

static bool pop_is_true(struct run *run)
{
    ensure(run->depth > 0);
    const struct value *v = &run->stack[--run->depth];
    return v->kind == VALUE_BOOL && v->i != 0;
}

static void push_moving(struct run *run, struct value v, enum op base)
{
    push(run, v);
    if (!run->env->flips_at_ms || run->trace_count == TRACE_ROOM)
        return;
    run->traces[run->trace_count++] = (struct trace){.base = (uint8_t)base};
    run->moves[run->depth - 1] = (uint8_t)run->trace_count;
}

static struct trace *trace_of(struct run *run, uint8_t moves)
{
    return moves ? &run->traces[moves - 1] : NULL;
}

static void calculate(struct run *run, enum op op, uint8_t moves_a, uint8_t moves_b, struct value a,
                      struct value b)
{
    push(run, arithmetic(run->env, op, a, b));
    if (!moves_a && !moves_b)
        return;
    struct trace *trace = trace_of(run, moves_a ? moves_a : moves_b);
    if (moves_a && moves_b)
        trace->base = 0;
    trace_step(trace, (struct trace_step){
                          .op = (uint8_t)op, .place = !moves_a, .others = {moves_a ? b : a}});
    run->moves[run->depth - 1] = moves_a ? moves_a : moves_b;
}

/* The usual case, without copies: two whole numbers, moments, days or clocks that do not move, or
 * two texts asked for being equal. False: not that case. */
static bool compare_plain(struct run *run, enum op op)
{
    struct value *a = &run->stack[run->depth - 2];
    const struct value *b = a + 1;
    bool is_whole = a->kind == VALUE_INT || a->kind == VALUE_TIME || a->kind == VALUE_DATE ||
                    a->kind == VALUE_CLOCK;
    bool holds;
    if (a->kind != b->kind || run->moves[run->depth - 1] || run->moves[run->depth - 2])
        return false;
    if (a->kind == VALUE_TEXT && (op == OP_EQ || op == OP_NE))
        holds = str_eq(a->text, b->text) == (op == OP_EQ);
    else if (!is_whole || op < OP_EQ || op > OP_GE)
        return false;
    else
        holds = op == OP_EQ   ? a->i == b->i
                : op == OP_NE ? a->i != b->i
                : op == OP_LT ? a->i < b->i
                : op == OP_GT ? a->i > b->i
                : op == OP_LE ? a->i <= b->i
                              : a->i >= b->i;
    run->depth--;
    a->kind = VALUE_BOOL;
    a->is_safe = false;
    a->days = 0;
    a->months = 0;
    a->i = holds;
    return true;
}

static void compare(struct run *run, enum op op)
{
    ensure(run->depth >= 2);
    if (compare_plain(run, op))
        return;
    uint8_t moves_b = run->moves[run->depth - 1], moves_a = run->moves[run->depth - 2];
    struct value b = pop(run), a = pop(run);
    push(run, value_bool(relation(run->env, op, a, b)));
    note_flip(run->env, trace_of(run, moves_a), trace_of(run, moves_b), a, b);
}

static void between(struct run *run)
{
    uint8_t moves_high = run->moves[run->depth - 1], moves_low = run->moves[run->depth - 2],
            moves = run->moves[run->depth - 3];
    struct value high = pop(run), low = pop(run), v = pop(run);
    push(run, value_bool(relation(run->env, OP_GE, v, low) && relation(run->env, OP_LE, v, high)));
    note_flip(run->env, trace_of(run, moves), trace_of(run, moves_low), v, low);
    note_flip(run->env, trace_of(run, moves), trace_of(run, moves_high), v, high);
}

static void in_window(struct run *run, uint32_t row)
{
    struct env *env = run->env;
    const struct image_window *window = &env->program->image->windows[row];
    uint8_t moves = run->moves[run->depth - 1];
    struct value v = pop(run);
    bool is_in = false;
    if (v.kind == VALUE_TIME) {
        is_in = window_is_open(window, env->zone, v.i);
        if (moves)
            note_edge(env, trace_of(run, moves), window_flip_ms(window, env->zone, v.i));
    } else if (v.kind == VALUE_CLOCK) {
        bool is_after = v.i >= window->from_minute, is_before = v.i < window->to_minute;
        is_in =
            window->from_minute < window->to_minute ? is_after && is_before : is_after || is_before;
    }
    push(run, value_bool(is_in));
}

/* Work is paid for: long texts and lists cost more than an instruction. */
static void pay(struct env *env, struct value v)
{
    uint32_t cost = v.kind == VALUE_TEXT   ? (uint32_t)(v.text.len / 64)
                    : v.kind == VALUE_LIST ? v.list->count / 4
                                           : 0;
    env->fuel -= cost < env->fuel ? cost : env->fuel;
}

struct value machine_call(struct env *env, uint32_t row, const struct value *arguments,
                          uint32_t count, const char **error)
{
    const struct builtin *builtin = env->program->functions[row];
    struct call call = {.arena = env->arena,
                        .now_ms = env->now_ms,
                        .patient_zone = env->zone,
                        .clinic_zone = env->program->clinic_zone,
                        .is_liquid = env->globals != NULL};
    bool is_unknown = false;
    for (uint32_t i = 0; i < count && !call.is_liquid; i++)
        is_unknown |= arguments[i].kind == VALUE_UNKNOWN && !builtin_takes_unknown(builtin, i);
    struct value v = is_unknown ? value_unknown() : builtin->function(&call, arguments, count);
    *error = call.failed      ? "a value grew beyond the memory of a message"
             : call.is_liquid ? call.error
                              : NULL;
    return v;
}

/* False: the template fails with *error. */
static bool call(struct run *run, uint32_t count, uint32_t row, const char **error)
{
    struct env *env = run->env;
    ensure(run->depth >= count);
    run->depth -= count;
    struct value *arguments = run->stack + run->depth;
    const uint8_t *moves = run->moves + run->depth;
    struct trace_step step = {.op = OP_CALL, .row = (uint16_t)row, .count = (uint8_t)count};
    struct trace *trace = NULL;
    uint32_t others = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (arguments[i].kind == VALUE_JSON)
            arguments[i] = liquid_open(env->arena, arguments[i]);
        pay(env, arguments[i]);
        if (moves[i] && !trace) {
            trace = trace_of(run, moves[i]);
            step.place = (uint8_t)i;
        } else if (moves[i] || others == TRACE_OTHERS) {
            step.count = 0; /* not followed */
        } else {
            step.others[others++] = arguments[i];
        }
    }
    struct value v = machine_call(env, row, arguments, count, error);
    push(run, v);
    if (!trace)
        return !*error;
    trace_step(trace, step);
    if (v.kind == VALUE_TIME || v.kind == VALUE_DATE)
        run->moves[run->depth - 1] = (uint8_t)(trace - run->traces + 1);
    else
        note_jump(env, trace, v);
    return !*error;
}

static void make_list(struct run *run, uint32_t count)
{
    struct list *list = arena_alloc(run->env->arena, sizeof *list);
    ensure(run->depth >= count);
    run->depth -= count;
    struct value *items =
        arena_copy(run->env->arena, run->stack + run->depth, count * sizeof *items);
    if (list && items) {
        *list = (struct list){items, count};
        push(run, (struct value){.kind = VALUE_LIST, .list = list});
    } else {
        push(run, value_unknown());
    }
}

static void escape_html(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        const char *entity = c == '&'    ? "&amp;"
                             : c == '<'  ? "&lt;"
                             : c == '>'  ? "&gt;"
                             : c == '"'  ? "&quot;"
                             : c == '\'' ? "&#39;"
                                         : NULL;
        if (entity)
            buf_c(out, entity);
        else
            buf_byte(out, (unsigned char)c);
    }
}

static void write_out(struct run *run, enum op op)
{
    struct value v = pop(run);
    bool is_liquid = run->env->globals != NULL;
    const struct zone *zone = run->env->program->clinic_zone;
    if (v.kind == VALUE_UNKNOWN) {
        run->is_blank |= !is_liquid;
        return;
    }
    if (op == OP_OUT || v.is_safe) {
        value_print(zone, is_liquid, v, run->out);
        return;
    }
    if (v.kind == VALUE_TEXT) {
        escape_html(run->out, v.text);
        return;
    }
    struct buf text;
    buf_init(&text, run->out->limit);
    value_print(zone, is_liquid, v, &text);
    escape_html(run->out, buf_view(&text));
    run->out->failed |= text.failed;
    buf_free(&text);
}

/* What was written since QUOTE becomes a JSON string. */
static void end_quote(struct run *run)
{
    struct buf text;
    struct str written = buf_view(run->out);
    buf_init(&text, run->out->limit);
    buf_str(&text, str_from(written, run->quote_at));
    run->out->len = run->quote_at;
    json_put_text(run->out, buf_view(&text));
    run->out->failed |= text.failed;
    buf_free(&text);
}

static struct value as_attribute(struct env *env, struct value v, uint32_t row)
{
    const struct image *image = env->program->image;
    struct buf json;
    bool fits = true;
    buf_init(&json, 1 << 16);
    value_to_json(v, &json);
    v = value_from_json(env->arena, image, image->attributes[row].type,
                        arena_str(env->arena, buf_view(&json)), &fits);
    fits &= !json.failed;
    buf_free(&json);
    return fits ? v : patient_attribute(env->patient, env->program->attribute_names[row]);
}

/* A part of an answer: an array is a list, an object stays what it is. */
static struct value value_of_json(struct arena *arena, const struct json *json)
{
    switch ((int)json->kind) {
    case JSON_STRING:
        return value_text(json->text);
    case JSON_INT:
        return value_int(json->integer);
    case JSON_NUMBER:
        return (struct value){.kind = VALUE_NUMBER, .n = json->number};
    case JSON_TRUE:
    case JSON_FALSE:
        return value_bool(json->kind == JSON_TRUE);
    case JSON_OBJECT:
        return (struct value){.kind = VALUE_JSON, .text = json->raw};
    case JSON_ARRAY: {
        uint32_t count = 0;
        for (const struct json *one = json->first; one; one = one->next)
            count++;
        struct list *list = arena_alloc(arena, sizeof *list);
        struct value *items = arena_array(arena, count, sizeof *items);
        if (!list || !items || count > IMAGE_MAX_LIST)
            return value_unknown();
        *list = (struct list){items, count};
        for (const struct json *one = json->first; one; one = one->next)
            *items++ = one->kind == JSON_ARRAY
                           ? (struct value){.kind = VALUE_JSON, .text = one->raw}
                           : value_of_json(arena, one);
        return (struct value){.kind = VALUE_LIST, .list = list};
    }
    default:
        return value_unknown();
    }
}

static struct value json_member(struct env *env, struct value of, struct str name)
{
    if (of.kind != VALUE_JSON || (of.text.len && of.text.at[0] != '{'))
        return liquid_lookup(env->arena, of, value_text(name), true);
    struct json *tree = json_parse(env->arena, of.text, NULL, NULL);
    const struct json *member = tree ? json_get_str(tree, name) : NULL;
    return member ? value_of_json(env->arena, member) : value_unknown();
}

static struct value slot_value(struct env *env, uint32_t slot)
{
    return env->enrollment && slot < env->enrollment->slot_count ? env->enrollment->slots[slot]
                                                                 : value_unknown();
}

static struct value object_reference(struct env *env)
{
    if (!env->object)
        return value_unknown();
    for (uint32_t i = 0; i < env->program->image->object_count; i++)
        if (env->program->object_names[i] == env->object->object)
            return (struct value){
                .kind = VALUE_OBJECT, .months = (int32_t)i, .text = env->object->id};
    return value_unknown();
}

static void negate(struct run *run)
{
    uint8_t moves = run->moves[run->depth - 1];
    struct value v = pop(run);
    calculate(run, OP_MUL, 0, moves, value_int(-1), v);
}

/* Reads and questions: instructions that only push. */
static void read_value(struct run *run, enum op op, uint32_t c)
{
    struct env *env = run->env;
    const struct image *image = env->program->image;
    switch ((int)op) {
    case OP_PUSH_UNKNOWN:
        push(run, value_unknown());
        break;
    case OP_PUSH_FALSE:
    case OP_PUSH_TRUE:
        push(run, value_bool(op == OP_PUSH_TRUE));
        break;
    case OP_PUSH_INT:
        push(run, value_int((int64_t)(c ^ 0x800000) - 0x800000));
        break;
    case OP_PUSH_CONST:
        push(run, constant_value(image, c, env->arena));
        break;
    case OP_NOW:
        push_moving(run, value_time(env->now_ms), OP_NOW);
        break;
    case OP_TODAY:
        push_moving(run, (struct value){.kind = VALUE_DATE, .i = zone_day(env->zone, env->now_ms)},
                    OP_TODAY);
        break;
    case OP_PATIENT_ID:
        push(run, value_text(env->patient->id));
        break;
    case OP_SLOT:
        push(run, slot_value(env, c));
        break;
    case OP_EVENT:
        push(run, env->event ? (struct value){.kind = VALUE_EVENT, .i = (int64_t)env->event->id}
                             : value_unknown());
        break;
    case OP_OBJECT:
        push(run, object_reference(env));
        break;
    case OP_MESSAGE_URL: {
        bool has_topic = env->message && env->message->topic != IMAGE_NONE && env->host;
        uint32_t topic = has_topic ? env->program->topic_names[env->message->topic] : 0;
        push(run, value_text(has_topic ? env->host->unsubscribe_url(env->host->context, env, topic)
                                       : STR("")));
        break;
    }
    case OP_DID:
        push(run, value_bool(ask_did(env, c)));
        break;
    case OP_SUBSCRIBED:
        push(run, value_bool(ask_subscribed(env, c)));
        break;
    case OP_IN_SEGMENT:
        push(run, value_bool(ask_segment(env, c)));
        break;
    case OP_RECEIVED:
    case OP_OPENED:
    case OP_CLICKED:
        push(run, value_bool(ask_message(env, op, c)));
        break;
    case OP_ANY_OBJECT:
        push(run, value_bool(ask_any(env, c >> 8)));
        break;
    default:
        ensure(false);
    }
}

static enum stop failed(struct run *run, const char *what)
{
    struct failure *failure = &run->env->failure;
    if (!failure->what)
        *failure = (struct failure){what, (uint32_t)(run->code - run->env->program->image->codes),
                                    run->pc ? run->pc - 1 : 0};
    return STOP_FAILED;
}

/* What was written since CAPTURE. The position is a number on the stack: any number is sound. */
static void end_capture(struct run *run, bool is_html)
{
    struct value from = pop(run);
    size_t at = from.kind == VALUE_INT && from.i >= 0 && (uint64_t)from.i <= run->out->len
                    ? (size_t)from.i
                    : run->out->len;
    struct str text = arena_str(run->env->arena, buf_since(run->out, at));
    struct value v = text.at ? value_text(text) : value_unknown();
    run->out->failed |= !text.at;
    run->out->len = at;
    v.is_safe = is_html;
    push(run, v);
}

/* As Liquid compares; what both sides can be compared by in campaigns (a date with an instant) is
 * compared so. */
static bool relate(struct env *env, enum relation how, struct value a, struct value b,
                   const char **error)
{
    static const enum op ops[] = {0, OP_EQ, OP_NE, OP_LT, OP_GT, OP_LE, OP_GE};
    bool is_of_time = a.kind == VALUE_DATE || a.kind == VALUE_TIME || a.kind == VALUE_CLOCK ||
                      a.kind == VALUE_DURATION;
    if (is_of_time && how <= RELATION_GE && b.kind != VALUE_UNKNOWN)
        return relation(env, ops[how], a, b);
    bool is_so = liquid_relate(how, a, b, error);
    if (!env->globals)
        *error = NULL;
    return is_so;
}

static void begin_loop(struct run *run, uint32_t local, bool is_reversed, const char **error)
{
    struct value parent = pop(run), name = pop(run), limit = pop(run), offset = pop(run),
                 over = pop(run);
    struct str text = name.kind == VALUE_TEXT ? name.text : (struct str){0};
    if (parent.kind != VALUE_LOOP)
        parent = value_unknown();
    pay(run->env, over);
    run->locals[local] =
        liquid_loop(run->env->arena, over, offset, limit, text, parent, is_reversed, error);
}

static bool render_in(struct env *env, uint32_t code, struct run *outer, uint32_t count);

/* The instructions of tags of templates. */
static void run_tag(struct run *run, enum op op, uint32_t word, const char **error)
{
    struct env *env = run->env;
    const struct image *image = env->program->image;
    uint32_t c = op_operand(word), a = op_a(word), b = op_b(word);
    struct value v, of, *local = &run->locals[a % LOCAL_ROOM];
    struct loop *loop = local->kind == VALUE_LOOP ? local->loop : NULL;
    switch ((int)op) {
    case OP_GLOBAL:
    case OP_FIND:
        v = op == OP_FIND ? pop(run) : value_text(image_text(image, image->constants[c].text));
        of = (struct value){.kind = VALUE_HASH, .hash = env->globals};
        push(run, env->globals ? liquid_lookup(env->arena, of, v, false) : value_unknown());
        break;
    case OP_LOOKUP:
        v = pop(run);
        of = pop(run);
        push(run, liquid_lookup(env->arena, of, v, false));
        break;
    case OP_TRUTHY:
        push(run, value_bool(liquid_is_truthy(pop(run))));
        break;
    case OP_HAS_ITEMS:
        v = pop(run);
        push(run, value_bool(v.kind == VALUE_LIST || v.kind == VALUE_RANGE ||
                             v.kind == VALUE_HASH));
        break;
    case OP_RELATE:
        v = pop(run);
        of = pop(run);
        pay(env, of);
        push(run, value_bool(relate(env, (enum relation)c, of, v, error)));
        break;
    case OP_RANGE:
        v = pop(run);
        of = pop(run);
        push(run, liquid_range(env->arena, of, v, error));
        break;
    case OP_FOR:
        begin_loop(run, a, b != 0, error);
        break;
    case OP_NEXT:
        if (!loop || loop->index + 1 >= loop->count)
            run->pc = b;
        else
            loop->index++;
        break;
    case OP_ITEM:
        push(run, loop ? liquid_item(loop) : value_unknown());
        break;
    case OP_AGAIN:
        run->pc = b;
        break;
    case OP_STOPPED:
        push(run, loop ? value_int(loop->first + loop->count) : value_unknown());
        break;
    case OP_CAPTURE:
        push(run, value_int((int64_t)run->out->len));
        break;
    case OP_END_CAPTURE:
        end_capture(run, c != 0);
        break;
    case OP_RENDER:
        if (!render_in(env, b, run, a))
            *error = "the template that it renders failed";
        break;
    case OP_REQUIRE:
        if (pop(run).kind == VALUE_UNKNOWN)
            *error = image_text(image, image->constants[c].text).at;
        break;
    default:
        ensure(false);
    }
}

/* Runs until a value, the end of a template, a step of a workflow, or no fuel. */
static enum stop interpret(struct run *run)
{
    struct env *env = run->env;
    const struct image *image = env->program->image;
    const uint32_t *code = image->instructions + run->code->first;
    const char *error;
    struct value v;
    bool holds;
    for (;;) {
        if (!env->fuel)
            return STOP_FUEL;
        env->fuel--;
        ensure(run->pc < run->code->count);
        uint32_t word = code[run->pc], c = op_operand(word);
        enum op op = (enum op)op_of(word);
        if (op >= OP_STEP && op <= OP_END)
            return STOP_STEP;
        run->pc++;
        switch ((int)op) {
        case OP_ATTRIBUTE:
            run->pc--;
            switch (quick_test(env, code, &run->pc, &holds)) {
            case QUICK_NOT:
                run->pc++;
                push(run, attribute_value(env, c));
                break;
            case QUICK_ON:
                break;
            case QUICK_VALUE:
                push(run, value_bool(holds));
            }
            break;
        case OP_FIELD:
            v = pop(run);
            push(run, field_value(env, v, &image->fields[c]));
            break;
        case OP_MEMBER:
            v = pop(run);
            push(run, json_member(env, v, image_text(image, image->constants[c].text)));
            break;
        case OP_AS_ATTRIBUTE:
            push(run, as_attribute(env, pop(run), c));
            break;
        case OP_DUP:
            v = pop(run);
            push(run, v);
            push(run, v);
            break;
        case OP_POP:
            pop(run);
            break;
        case OP_ADD:
        case OP_SUB:
        case OP_MUL:
        case OP_DIV:
        case OP_AT_CLOCK: {
            uint8_t moves_b = run->moves[run->depth - 1], moves_a = run->moves[run->depth - 2];
            struct value b = pop(run), a = pop(run);
            calculate(run, op, moves_a, moves_b, a, b);
            break;
        }
        case OP_NEG:
            negate(run);
            break;
        case OP_NEXT_CLOCK:
            v = pop(run);
            push(run, next_clock(env, v, c, env->now_ms));
            break;
        case OP_EQ:
        case OP_NE:
        case OP_LT:
        case OP_GT:
        case OP_LE:
        case OP_GE:
        case OP_IN:
        case OP_NOT_IN:
        case OP_CONTAINS:
        case OP_STARTS_WITH:
        case OP_ENDS_WITH:
            compare(run, op);
            break;
        case OP_BETWEEN:
            between(run);
            break;
        case OP_IN_WINDOW:
            in_window(run, c);
            break;
        case OP_IS_KNOWN:
            push(run, value_bool(pop(run).kind != VALUE_UNKNOWN));
            break;
        case OP_NOT:
            push(run, value_bool(!value_is_true(pop(run))));
            break;
        case OP_TEST:
            push(run, value_bool(pop_is_true(run)));
            break;
        case OP_JUMP:
            run->pc = c;
            break;
        case OP_JUMP_FALSE:
            run->pc = pop_is_true(run) ? run->pc : c;
            break;
        case OP_JUMP_TRUE:
            run->pc = pop_is_true(run) ? c : run->pc;
            break;
        case OP_CALL:
            if (!call(run, op_a(word), op_b(word), &error) && run->out)
                return failed(run, error);
            break;
        case OP_MAKE_LIST:
            make_list(run, c);
            break;
        case OP_RETURN:
            return STOP_VALUE;
        case OP_OUT_CONST:
            buf_str(run->out, image_text(image, image->constants[c].text));
            break;
        case OP_OUT:
        case OP_OUT_HTML:
            write_out(run, op);
            break;
        case OP_QUOTE:
            run->quote_at = run->out->len;
            break;
        case OP_END_QUOTE:
            end_quote(run);
            break;
        case OP_OUT_JSON:
            value_to_json(pop(run), run->out);
            break;
        case OP_DONE:
            return STOP_DONE;
        case OP_LOCAL:
            push(run, run->locals[op_a(word) % LOCAL_ROOM]);
            break;
        case OP_SET_LOCAL:
            run->locals[op_a(word) % LOCAL_ROOM] = pop(run);
            break;
        default:
            if (op < OP_GLOBAL) {
                read_value(run, op, c);
            } else {
                error = NULL;
                run_tag(run, op, word, &error);
                if (error)
                    return failed(run, error);
            }
        }
    }
}

struct value machine_eval(struct env *env, uint32_t code)
{
    struct run run;
    if (env->host && env->host->work)
        ++*env->host->work;
    run.env = env;
    run.code = &env->program->image->codes[code];
    run.pc = run.depth = run.trace_count = 0;
    run.out = NULL;
    return interpret(&run) == STOP_VALUE ? pop(&run) : value_unknown();
}

/* Apart, so that a test that is quick needs no room for a stack. */
static __attribute__((noinline)) bool test_slowly(struct env *env, uint32_t code)
{
    return value_is_true(machine_eval(env, code));
}

bool machine_test(struct env *env, uint32_t code)
{
    if (code == IMAGE_NONE)
        return true;
    const struct image *image = env->program->image;
    const uint32_t *words = image->instructions + image->codes[code].first;
    uint32_t pc = 0;
    bool holds;
    if (!env->fuel || quick_test(env, words, &pc, &holds) != QUICK_VALUE ||
        op_of(words[pc]) != OP_RETURN)
        return test_slowly(env, code);
    env->fuel--;
    if (env->host && env->host->work)
        ++*env->host->work;
    return holds;
}

/* In the output of `outer`, whose stack has the arguments on top. */
static bool render_in(struct env *env, uint32_t code, struct run *outer, uint32_t count)
{
    struct run run;
    run.env = env;
    run.code = &env->program->image->codes[code];
    run.pc = run.depth = run.trace_count = 0;
    run.out = outer->out;
    run.is_blank = false;
    run.quote_at = 0;
    outer->depth -= count;
    for (uint32_t i = 0; i < run.code->local_count; i++)
        run.locals[i] = i < count ? outer->stack[outer->depth + i] : value_unknown();
    enum stop stop = STOP_FAILED;
    if (env->depth == LIQUID_MAX_DEPTH) {
        failed(&run, "templates render each other more than 100 deep");
    } else {
        env->depth++;
        stop = interpret(&run);
        env->depth--;
    }
    if (stop == STOP_FUEL)
        failed(&run, "the template does too much work");
    outer->is_blank |= run.is_blank;
    return stop == STOP_DONE;
}

enum render machine_render(struct env *env, uint32_t code, struct buf *out)
{
    struct run run;
    run.env = env;
    run.out = out;
    run.depth = 0;
    run.is_blank = false;
    env->failure = (struct failure){0};
    env->depth = 0;
    if (!render_in(env, code, &run, 0) || out->failed) {
        if (!env->failure.what)
            env->failure = (struct failure){"the text is too long", code, 0};
        return RENDER_FAILED;
    }
    return run.is_blank ? RENDER_BLANK : RENDER_OK;
}

static struct effect *add_effect(struct slice *slice, enum effect_kind kind)
{
    struct effects *effects = slice->effects;
    if (effects->count == effects->room)
        return NULL;
    struct effect *effect = &effects->items[effects->count++];
    *effect = (struct effect){.kind = kind};
    return effect;
}

static enum slice_end fault(struct run *run, struct slice *slice, const char *what)
{
    snprintf(slice->fault, sizeof slice->fault, "%s at instruction %u", what, run->pc);
    return SLICE_FAULT;
}

/* The row of the wait at which the message at pc holds for its window. A message of a flow has one
 * for each place the flow is done at. */
static uint32_t window_wait(const struct image *image, const struct image_campaign *campaign,
                            uint32_t pc)
{
    for (uint32_t i = 0; i < campaign->waits.count; i++) {
        uint32_t row = campaign->waits.first + i;
        if (image->waits[row].kind == WAIT_WINDOW && image->waits[row].then_pc == pc)
            return row;
    }
    return IMAGE_NONE;
}

/* True: the frame is parked until the window opens. */
static bool send(struct run *run, struct slice *slice, const struct image_campaign *campaign,
                 uint32_t row, bool *is_full)
{
    struct env *env = run->env;
    struct letter *letter = letter_make(env, row);
    if (letter && letter->verdict == VERDICT_HOLD) {
        struct enrollment *e = env->enrollment;
        uint32_t wait = window_wait(env->program->image, campaign, run->pc);
        if (wait == IMAGE_NONE || letter->hold_until_ms == NEVER_MS) {
            *is_full = true;
            return false;
        }
        if (e->state != ENROLLMENT_PARKED)
            e->wait_began_ms = env->now_ms;
        e->state = ENROLLMENT_PARKED;
        e->resume = wait;
        e->wake_at_ms = letter->hold_until_ms;
        e->wait_first_ms = letter->expires_at_ms;
        return true;
    }
    struct effect *effect = letter ? add_effect(slice, EFFECT_LETTER) : NULL;
    *is_full = !effect;
    if (effect) {
        effect->letter = letter;
        /* The next message of this slice must count it. */
        if (letter->verdict == VERDICT_SEND || letter->verdict == VERDICT_HOLDOUT)
            *is_full = !letter_handed_over(env, row);
    }
    return false;
}

/* True: it goes on at once, without an answer. */
static bool call_webhook(struct run *run, struct slice *slice, uint32_t row, bool *is_full)
{
    struct env *env = run->env;
    const struct image_webhook *webhook = &env->program->image->webhooks[row];
    struct letter *letter = letter_make_webhook(env, webhook->message);
    struct effect *effect = letter ? add_effect(slice, EFFECT_LETTER) : NULL;
    *is_full = !effect;
    if (!effect)
        return false;
    effect->letter = letter;
    env->enrollment->wait_began_ms = env->now_ms;
    if (letter->verdict == VERDICT_SEND) {
        env->enrollment->state = ENROLLMENT_PARKED;
        env->enrollment->resume = webhook->wait;
        env->enrollment->wake_at_ms = NEVER_MS;
        return false;
    }
    wait_answer(env, webhook->wait, value_unknown());
    return true;
}

static uint32_t split_arm(struct env *env, const struct image_campaign *campaign, uint32_t row)
{
    const struct image *image = env->program->image;
    const struct image_split *split = &image->splits[row];
    struct str chosen, name = image_text(image, campaign->name);
    uint32_t share = share_of(env->patient->id, name, image_text(image, split->name));
    bool is_chosen =
        env->host->chosen_arm &&
        env->host->chosen_arm(env->host->chooser, name, image_text(image, split->name), &chosen);
    for (uint32_t i = 0; i < split->arms.count; i++) {
        const struct image_arm *arm = &image->arms[split->arms.first + i];
        if (is_chosen ? str_eq(image_text(image, arm->name), chosen) : share < arm->share)
            return arm->pc;
        share -= is_chosen ? 0 : arm->share;
    }
    return image->arms[split->arms.first].pc;
}

static struct str emitted_properties(struct run *run, const struct image_emit *emit)
{
    const struct image *image = run->env->program->image;
    struct buf json;
    buf_init(&json, 1 << 16);
    ensure(run->depth >= emit->fields.count);
    run->depth -= emit->fields.count;
    buf_byte(&json, '{');
    for (uint32_t i = 0, written = 0; i < emit->fields.count; i++) {
        struct value v = run->stack[run->depth + i];
        if (v.kind == VALUE_UNKNOWN)
            continue;
        if (written++)
            buf_byte(&json, ',');
        const struct image_emitted *field = &image->emitteds[emit->fields.first + i];
        json_put_text(&json, image_text(image, image->fields[field->field].name));
        buf_byte(&json, ':');
        value_to_json(v, &json);
    }
    buf_byte(&json, '}');
    struct str properties =
        json.failed ? (struct str){0} : arena_str(run->env->arena, buf_view(&json));
    buf_free(&json);
    return properties;
}

static enum slice_end change(struct run *run, struct slice *slice, enum change_kind kind,
                             uint32_t row, bool is_on)
{
    slice->change.kind = kind;
    slice->change.row = row;
    slice->change.is_on = is_on;
    run->env->enrollment->pc = run->pc;
    run->env->enrollment->state = ENROLLMENT_READY;
    return SLICE_CHANGE;
}

enum slice_end machine_run(struct env *env, struct slice *slice)
{
    const struct image *image = env->program->image;
    struct enrollment *e = env->enrollment;
    struct run run;
    const struct image_campaign *campaign = NULL;
    for (uint32_t i = 0; i < image->campaign_count && !campaign; i++)
        if (env->program->campaign_names[i] == e->campaign)
            campaign = &image->campaigns[i];
    run.env = env;
    run.depth = run.trace_count = 0;
    run.out = NULL;
    run.pc = e->pc;
    env->flips_at_ms = NULL;
    slice->change = (struct change){0};
    if (!campaign)
        return fault(&run, slice, "R0001: the image has no such campaign");
    run.code = &image->codes[campaign->workflow];
    if (run.pc >= run.code->count)
        return fault(&run, slice, "R0002: no such place in the image");
    for (;;) {
        if (interpret(&run) != STOP_STEP)
            return fault(&run, slice, "R0003: out of fuel");
        uint32_t word = image->instructions[run.code->first + run.pc], c = op_operand(word);
        bool is_full = false;
        switch ((int)op_of(word)) {
        case OP_STEP: {
            struct effect *effect = add_effect(slice, EFFECT_STEP);
            if (!effect)
                return fault(&run, slice, "R0004: too many effects");
            effect->row = c;
            break;
        }
        case OP_STORE:
            ensure(c < e->slot_count);
            e->slots[c] = pop(&run);
            break;
        case OP_SET:
            run.pc++;
            slice->change.value = pop(&run);
            return change(&run, slice, CHANGE_ATTRIBUTE, c, true);
        case OP_CLEAR:
            run.pc++;
            return change(&run, slice, CHANGE_ATTRIBUTE, c, false);
        case OP_EMIT:
            run.pc++;
            if (e->is_holdout) { /* withheld (S9) */
                run.depth -= image->emits[op_b(word)].fields.count;
                continue;
            }
            slice->change.properties = emitted_properties(&run, &image->emits[op_b(word)]);
            return change(&run, slice, CHANGE_EMIT, image->emits[op_b(word)].event, true);
        case OP_SEGMENT_ADD:
        case OP_SEGMENT_REMOVE:
            run.pc++;
            return change(&run, slice, CHANGE_SEGMENT, c, op_of(word) == OP_SEGMENT_ADD);
        case OP_SUBSCRIBE:
        case OP_UNSUBSCRIBE:
            run.pc++;
            return change(&run, slice, CHANGE_SUBSCRIPTION, c, op_of(word) == OP_SUBSCRIBE);
        case OP_SEND:
            e->pc = run.pc;
            if (send(&run, slice, campaign, c, &is_full))
                return SLICE_PARKED;
            if (is_full)
                return fault(&run, slice, "R0005: the message has no window or no room");
            e->state = ENROLLMENT_READY;
            e->wait_first_ms = NEVER_MS;
            if (env->stops_at_send) {
                run.pc++;
                return change(&run, slice, CHANGE_MESSAGE, c, true);
            }
            break;
        case OP_WAIT:
            e->pc = run.pc + 1;
            if (!wait_arrive(env, c))
                return SLICE_PARKED;
            run.pc = e->pc;
            continue;
        case OP_SPLIT:
            run.pc = split_arm(env, campaign, c);
            continue;
        case OP_LOOP: {
            uint32_t slot = op_a(word);
            ensure(slot < e->slot_count);
            if (e->slots[slot].kind == VALUE_INT && --e->slots[slot].i > 0) {
                run.pc = op_b(word);
                continue;
            }
            break;
        }
        case OP_EXIT:
            slice->reason = image_text(image, image->constants[c].text);
            return SLICE_ENDED;
        case OP_END:
            slice->reason = (struct str){0};
            return SLICE_ENDED;
        case OP_WEBHOOK:
            e->pc = run.pc + 1;
            if (!call_webhook(&run, slice, c, &is_full))
                return is_full ? fault(&run, slice, "R0004: too many effects") : SLICE_PARKED;
            break;
        default:
            return fault(&run, slice, "R0006: not a step of this machine");
        }
        run.pc++;
    }
}
