/* waits.c: the steps that wait: for a time, a condition, an event or a reply (LANGUAGE.md 3.1). */
#include "compiler/phi.h"
#include "vm/code/accept.h"

struct image_wait wait_row(struct compiler *c, struct str name, uint32_t kind)
{
    struct image_wait wait = {.name = intern(c, unique_name(c, name)),
                              .step = c->image->step_count - 1,
                              .kind = kind,
                              .delay = IMAGE_NONE,
                              .until = IMAGE_NONE,
                              .condition = IMAGE_NONE,
                              .event = IMAGE_NONE,
                              .where = IMAGE_NONE,
                              .bound = IMAGE_NONE,
                              .slot = IMAGE_NONE,
                              .other_pc = IMAGE_NONE,
                              .message = IMAGE_NONE};
    return wait;
}

static uint32_t emit_wait(struct compiler *c, struct image_wait wait)
{
    wait.live = (struct rows){c->image->live_count, c->slot_count};
    for (uint32_t slot = 0; slot < c->slot_count; slot++)
        add_live(c, (struct image_live){slot});
    wait.then_pc = wait.else_pc = c->code->count + 1;
    uint32_t row = add_wait(c, wait);
    emit(c, op_c(OP_WAIT, row), 0, 0);
    return row;
}

/* Behind a wait: the main block, the other block, and on. */
static void two_ways(struct compiler *c, uint32_t row, struct node *body, struct node *otherwise,
                     bool exits, const char *reason)
{
    compile_block(c, body);
    if (!otherwise && !exits) {
        if (body) {
            c->image->waits[row].else_pc = c->code->count;
        }
        return;
    }
    uint32_t end = emit_jump(c, OP_JUMP);
    c->image->waits[row].else_pc = c->code->count;
    if (exits)
        emit(c, op_c(OP_EXIT, add_constant_value(c, value_text(str_of(reason)))), 0, 0);
    else
        compile_block(c, otherwise);
    patch(c, end);
}

static uint32_t bound_code(struct compiler *c, struct node *bound)
{
    struct typed type;
    uint32_t code = expression_code(c, bound, typed_kind(KIND_ANY), &type);
    if (type.kind != TYPE_DURATION && type.kind != TYPE_TIME && type.kind != TYPE_DATE &&
        type.kind != KIND_BAD)
        report(c, DIAG_WRONG_TYPE, bound->span, kind_name(type.kind), "a duration or an instant");
    phi_mark(c, bound, type);
    return code;
}

static void without_bound(struct compiler *c, struct node *step)
{
    struct diag *diag = report(c, DIAG_WAIT_WITHOUT_BOUND, first_line(c, step->span));
    help(c, diag, "say how long at most: `up to 7 days`");
}

void compile_wait_duration(struct compiler *c, struct node *step)
{
    struct image_wait wait = wait_row(c, STR("wait"), WAIT_DELAY);
    struct typed type;
    wait.delay = expression_code(c, step->kids[WAIT_SPAN], typed_kind(KIND_ANY), &type);
    emit_wait(c, wait);
}

static uint32_t next_clock_code(struct compiler *c, struct node *node)
{
    struct code code;
    int32_t clock = node->clock < 0 ? 0 : node->clock;
    code_begin(c, &code, CODE_EXPRESSION);
    emit(
        c,
        op_c(OP_PUSH_CONST, add_constant_value(c, (struct value){.kind = VALUE_CLOCK, .i = clock})),
        0, 1);
    emit(c, op_c(OP_NEXT_CLOCK, node->kind == NODE_WEEKDAY ? (uint32_t)node->number : 0), 1, 1);
    emit(c, op_c(OP_RETURN, 0), 1, 0);
    return code_end(c);
}

/* Is it a date that the instant of a wait is counted from? For reminder.c, which knows no names. */
static void note_date(struct compiler *c, const struct node *value)
{
    struct node *thing = value->kind == NODE_AT ? value->kids[AT_OPERAND] : NULL;
    if (!thing)
        thing = (struct node *)(uintptr_t)value;
    if (thing->kind == NODE_ARITHMETIC)
        thing = thing->kids[ARITHMETIC_LEFT];
    if (thing->kind == NODE_PATH && type_of(c, thing).kind == TYPE_DATE)
        *map64_put(&c->dates, thing->id, NULL) = 1;
}

void compile_wait_until(struct compiler *c, struct node *step)
{
    struct node *value = step->kids[WAIT_UNTIL_VALUE], *bound = step->kids[WAIT_UNTIL_UP_TO];
    struct node *body = step->kids[WAIT_UNTIL_BODY], *otherwise = step->kids[WAIT_UNTIL_ELSE];
    struct image_wait wait = wait_row(c, STR("wait until"), WAIT_UNTIL);
    bool is_date = value->kind == NODE_DATE;
    if (value->kind == NODE_CLOCK || value->kind == NODE_WEEKDAY) {
        wait.until = next_clock_code(c, value);
        two_ways(c, emit_wait(c, wait), body, otherwise, false, NULL);
        return;
    }
    struct typed type;
    uint32_t code = expression_code(c, value, typed_kind(KIND_ANY), &type);
    if (type.kind == TYPE_TIME || type.kind == TYPE_DATE) {
        wait.until = code;
        wait.is_live = !is_date;
        phi_note_moment(c, value, type);
        note_date(c, value);
        if (!is_date && !otherwise) {
            struct str text = source_text(c, value->span);
            struct diag *diag =
                report(c, DIAG_COMPUTED_WAIT_WITHOUT_ELSE, value->span, STR_ARG(text));
            help(c, diag, "say what happens then: `wait until " STR_FMT " else { … }`",
                 STR_ARG(text));
            const struct node *last = body ? body : value;
            struct span behind = {last->span.file, last->span.end, last->span.end};
            fix(c, diag, behind, " else { exit \"too late\" }");
        }
        two_ways(c, emit_wait(c, wait), body, otherwise, is_date && !otherwise, "date past");
        return;
    }
    bool is_condition = type.kind == TYPE_BOOL || type.kind == KIND_BAD;
    if (!is_condition)
        help(c,
             report(c, DIAG_WRONG_TYPE, value->span, kind_name(type.kind),
                    "an instant or a condition"),
             "an instant is 2026-12-01 09:00, `monday 09:00` or `visit.starts_at - 2 days`");
    wait.kind = WAIT_CONDITION;
    wait.condition = code;
    phi_mark(c, value, type);
    if (bound)
        wait.bound = bound_code(c, bound);
    else if (is_condition && type.kind != KIND_BAD)
        without_bound(c, step);
    uint32_t row = emit_wait(c, wait), facts = c->fact_count;
    learn(c, value, true);
    compile_block(c, body);
    c->fact_count = facts;
    if (otherwise) {
        uint32_t end = emit_jump(c, OP_JUMP);
        c->image->waits[row].else_pc = c->code->count;
        compile_block(c, otherwise);
        patch(c, end);
    } else {
        c->image->waits[row].else_pc = body ? c->code->count : c->image->waits[row].then_pc;
    }
}

void compile_wait_event(struct compiler *c, struct node *step)
{
    struct node *pattern = step->kids[WAIT_EVENT_PATTERN], *bound = step->kids[WAIT_EVENT_UP_TO];
    struct image_wait wait = wait_row(c, STR("wait for event"), WAIT_EVENT);
    uint32_t event = event_of(c, pattern->name, pattern->name_span);
    struct typed type;
    if (event == IMAGE_NONE) {
        push_name_slot(c, pattern->other, pattern->other_span, 0, typed_kind(KIND_BAD));
        compile_block(c, step->kids[WAIT_EVENT_BODY]);
        compile_block(c, step->kids[WAIT_EVENT_ELSE]);
        return;
    }
    wait.event = event;
    if (pattern->kids[PATTERN_WHERE])
        wait.where = where_code(c, pattern->kids[PATTERN_WHERE], NAME_TESTED_EVENT, event,
                                pattern->other, &type);
    if (bound)
        wait.bound = bound_code(c, bound);
    else
        without_bound(c, step);
    if (pattern->other.at)
        wait.slot = new_slot(c);
    uint32_t row = emit_wait(c, wait);
    uint32_t names = c->name_count;
    struct typed alias = {.kind = KIND_EVENT, .row = event, .is_known = true};
    if (pattern->other.at)
        push_name_slot(c, pattern->other, pattern->other_span, wait.slot, alias);
    (void)names;
    two_ways(c, row, step->kids[WAIT_EVENT_BODY], step->kids[WAIT_EVENT_ELSE], false, NULL);
}

static void check_answer(struct compiler *c, const struct node *word)
{
    if (text_is_opt_out(word->name)) {
        struct diag *diag = report(c, DIAG_OPT_OUT_WORD, word->span, STR_ARG(word->name));
        help(c, diag, "choose another word");
    }
}

void compile_wait_reply(struct compiler *c, struct node *step)
{
    struct image_wait wait = wait_row(c, STR("wait for reply"), WAIT_REPLY);
    struct image_answer *answers = NULL;
    uint32_t count = 0, room = 0, ends = 0, other = IMAGE_NONE, names = c->name_count;
    struct typed reply = {.kind = KIND_REPLY, .type = type_of_kind(c, TYPE_TEXT), .is_known = true};
    if (step->kids[WAIT_REPLY_UP_TO])
        wait.bound = bound_code(c, step->kids[WAIT_REPLY_UP_TO]);
    else
        without_bound(c, step);
    wait.slot = new_slot(c);
    push_name_slot(c, step->other.at ? step->other : STR("reply"), step->span, wait.slot, reply);
    uint32_t row = emit_wait(c, wait);
    for (struct node *arm = step->kids[WAIT_REPLY_ARMS]; arm; arm = arm->next) {
        if (!arm->kids[ARM_VALUES] && other == IMAGE_NONE)
            other = c->code->count;
        for (struct node *word = arm->kids[ARM_VALUES]; word; word = word->next) {
            char *lower = arena_cstr(c->arena, str_trim(word->name));
            for (char *at = lower; *at; at++)
                *at = *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at;
            check_answer(c, word);
            answers = arena_grow(c->arena, answers, count, &room, sizeof *answers);
            answers[count++] = (struct image_answer){intern(c, str_of(lower)), c->code->count};
        }
        compile_block(c, arm->kids[ARM_BODY]);
        emit_jump_in(c, OP_JUMP, &ends);
    }
    c->image->waits[row].else_pc = c->code->count;
    pop_names(c, names);
    compile_block(c, step->kids[WAIT_REPLY_ELSE]);
    patch_all(c, ends);
    c->image->waits[row].then_pc = c->code->count;
    c->image->waits[row].other_pc = other;
    c->image->waits[row].answers = (struct rows){c->image->answer_count, count};
    for (uint32_t i = 0; i < count; i++)
        add_answer(c, answers[i]);
}
