/* test_verify.c: an image as the compiler makes it is verified; with one number changed it is
 * refused by the one rule that this number breaks, with the place. */
#include <glob.h>

#include "compiler/compile.h"
#include "stdlib/builtins.h"
#include "stdlib/modules.h"
#include "tests/unit/unit.h"
#include "vm/code/op.h"
#include "vm/code/value.h"

enum { ALL, BE, CAME, HAND, THING }; /* rows of campaigns in tests/fuzz/image.camp */

static void compile_paths_or_fail(struct compilation *compilation, char **paths, int count)
{
    static struct compile_module modules[64];
    struct compile_options options = {&stdlib_builtins, modules, true};
    struct str error = {0};
    for (size_t i = 0; i + 1 < ARRAY_COUNT(modules) && stdlib_modules[i].name; i++)
        modules[i] = (struct compile_module){stdlib_modules[i].name, stdlib_modules[i].text};
    compilation_init(compilation);
    assert_true(compile_paths(compilation, &options, paths, count, &error));
    assert_int_equal(compilation->diags.error_count, 0);
}

/* The good image, anew for each change. */
static void load(struct arena *arena, struct image *image)
{
    static struct buf bytes;
    struct image_error error = {{0}};
    if (!bytes.len) {
        struct compilation compilation;
        compile_paths_or_fail(&compilation, (char *[]){"tests/fuzz/image.camp"}, 1);
        buf_init(&bytes, IMAGE_MAX_BYTES);
        assert_true(image_encode(&compilation.image, &bytes));
        compilation_free(&compilation);
    }
    arena_init(arena, 0);
    assert_true(image_decode(arena, buf_view(&bytes), false, image, &error));
}

static uint32_t *words_of(struct image *image, uint32_t campaign)
{
    return image->instructions + image->codes[image->campaigns[campaign].workflow].first;
}

/* The n-th (from 0) instruction `op` of the image. */
static uint32_t *find(struct image *image, enum op op, uint32_t nth)
{
    for (uint32_t i = 0; i < image->instruction_count; i++)
        if (op_of(image->instructions[i]) == op && !nth--)
            return &image->instructions[i];
    fail_msg("no such instruction");
    return NULL;
}

static uint32_t row_of_wait(const struct image *image, uint32_t kind)
{
    for (uint32_t i = 0; i < image->wait_count; i++)
        if (image->waits[i].kind == kind)
            return i;
    fail_msg("no such wait");
    return 0;
}

static uint32_t constant_of(const struct image *image, uint32_t kind)
{
    for (uint32_t i = 0; i < image->constant_count; i++)
        if (image->constants[i].kind == kind)
            return i;
    fail_msg("no such constant");
    return 0;
}

static void set_op(uint32_t *word, enum op op)
{
    *word = (*word & ~255u) | (uint32_t)op;
}
static void set_operand(uint32_t *word, uint32_t c)
{
    *word = op_c((enum op)op_of(*word), c);
}

/* ---- instructions ---- */

static void number_unknown(struct image *i)
{
    words_of(i, BE)[0] = 200;
}
static void jump_outside(struct image *i)
{
    set_operand(find(i, OP_JUMP, 0), 900);
}
static void jump_back(struct image *i)
{
    set_operand(find(i, OP_JUMP, 0), 0);
}
static void jump_amid(struct image *i)
{
    /* Over what pushes the first operand, to what takes it. */
    uint32_t *over = find(i, OP_JUMP_FALSE, 0);
    set_operand(over, op_operand(*over) + 1);
}
static void stack_underflow(struct image *i)
{
    set_op(find(i, OP_PUSH_CONST, 0), OP_NOT);
    set_operand(find(i, OP_NOT, 0), 0);
}
static void stack_overflow(struct image *i)
{
    i->codes[0].max_stack = 1;
}
static void stack_left(struct image *i)
{
    set_op(find(i, OP_TEST, 0), OP_DUP);
}
static void step_on_stack(struct image *i)
{
    *find(i, OP_STORE, 0) = op_c(OP_DUP, 0);
}
static void no_end(struct image *i)
{
    const struct image_code *code = &i->codes[i->campaigns[BE].workflow];
    i->instructions[code->first + code->count - 1] = op_c(OP_STEP, i->campaigns[BE].steps.first);
}
static void workflow_in_expression(struct image *i)
{
    set_op(find(i, OP_RETURN, 0), OP_END);
}
static void return_in_workflow(struct image *i)
{
    *find(i, OP_STORE, 0) = op_c(OP_RETURN, 0);
}
static void out_in_expression(struct image *i)
{
    *find(i, OP_RETURN, 0) = op_c(OP_OUT, 0);
}
static void operand_too_many(struct image *i)
{
    set_operand(find(i, OP_RETURN, 0), 1);
}
static void pair_too_many(struct image *i)
{
    *find(i, OP_EMIT, 0) |= 1 << 8;
}
static void constant_outside(struct image *i)
{
    set_operand(find(i, OP_PUSH_CONST, 0), i->constant_count);
}
static void text_not_text(struct image *i)
{
    set_operand(find(i, OP_OUT_CONST, 0), constant_of(i, VALUE_DURATION));
}
static void text_outside(struct image *i)
{
    set_operand(find(i, OP_EXIT, 0), i->constant_count);
}
static void attribute_outside(struct image *i)
{
    set_operand(find(i, OP_ATTRIBUTE, 0), i->attribute_count);
}
static void field_outside(struct image *i)
{
    set_operand(find(i, OP_FIELD, 0), i->field_count);
}
static void window_outside(struct image *i)
{
    set_operand(find(i, OP_IN_WINDOW, 0), i->window_count);
}
static void topic_outside(struct image *i)
{
    set_operand(find(i, OP_SUBSCRIBED, 0), i->topic_count);
}
static void segment_outside(struct image *i)
{
    set_operand(find(i, OP_IN_SEGMENT, 0), i->segment_count);
}
static void did_outside(struct image *i)
{
    set_operand(find(i, OP_DID, 0), i->did_count);
}
static void any_outside(struct image *i)
{
    *find(i, OP_ANY_OBJECT, 0) = op_ab(OP_ANY_OBJECT, 0, i->any_count);
}
static void message_outside(struct image *i)
{
    set_operand(find(i, OP_RECEIVED, 0), i->message_count);
}
static void days_outside(struct image *i)
{
    set_operand(find(i, OP_NEXT_CLOCK, 0), 128);
}
static void local_outside(struct image *i)
{
    *find(i, OP_OUT_CONST, 0) = op_ab(OP_LOCAL, 3, 0);
}
static void slot_outside(struct image *i)
{
    set_operand(find(i, OP_STORE, 0), i->campaigns[ALL].slot_count);
}
static void slot_of_another(struct image *i)
{
    set_operand(find(i, OP_SLOT, 0), 4095);
}
static void builtin_outside(struct image *i)
{
    uint32_t *call = find(i, OP_CALL, 0);
    *call = op_ab(OP_CALL, op_a(*call), i->builtin_count);
}
static void builtin_arguments(struct image *i)
{
    /* `default` takes two. */
    uint32_t *call = find(i, OP_CALL, 0);
    *call = op_ab(OP_CALL, 9, op_b(*call));
}
static void emit_outside(struct image *i)
{
    *find(i, OP_EMIT, 0) = op_ab(OP_EMIT, 0, i->emit_count);
}
static void split_outside(struct image *i)
{
    set_operand(find(i, OP_SPLIT, 0), i->split_count);
}
static void step_of_another(struct image *i)
{
    set_operand(&words_of(i, BE)[0], i->campaigns[THING].steps.first);
}
static void wait_of_another(struct image *i)
{
    set_operand(&words_of(i, BE)[1], i->campaigns[THING].waits.first);
}
static void wait_of_message(struct image *i)
{
    set_operand(find(i, OP_WAIT, 0), row_of_wait(i, WAIT_WINDOW));
}
static void wait_back(struct image *i)
{
    i->waits[i->campaigns[BE].waits.first].else_pc = 0;
}
static void answer_back(struct image *i)
{
    i->answers[0].pc = 1;
}
static void other_outside(struct image *i)
{
    i->waits[row_of_wait(i, WAIT_REPLY)].other_pc = 5000;
}
static void arm_back(struct image *i)
{
    i->arms[1].pc = 2;
}
static void loop_forward(struct image *i)
{
    uint32_t *loop = find(i, OP_LOOP, 0);
    *loop = op_ab(OP_LOOP, op_a(*loop), 5000);
}
static void loop_amid(struct image *i)
{
    /* The third instruction of the workflow computes on a value. */
    uint32_t *loop = find(i, OP_LOOP, 0);
    *loop = op_ab(OP_LOOP, op_a(*loop), 2);
}
static void loop_slot(struct image *i)
{
    uint32_t *loop = find(i, OP_LOOP, 0);
    *loop = op_ab(OP_LOOP, 250, op_b(*loop));
}
static void send_of_another(struct image *i)
{
    set_operand(find(i, OP_SEND, 0), i->campaigns[HAND].messages.first);
}
static void send_without_hold(struct image *i)
{
    i->waits[row_of_wait(i, WAIT_WINDOW)].then_pc++;
}
static void list_takes_more(struct image *i)
{
    set_operand(find(i, OP_MAKE_LIST, 0), 9);
}
static void template_leaves(struct image *i)
{
    *find(i, OP_OUT_HTML, 0) = op_c(OP_TEST, 0);
}
static void webhook_outside(struct image *i)
{
    *find(i, OP_WAIT, 0) = op_c(OP_WEBHOOK, i->webhook_count);
}
static void asks_itself(struct image *i)
{
    i->dids[0].where = i->segments[0].condition;
}

/* ---- codes ---- */

static void codes_overlap(struct image *i)
{
    i->codes[3].first--;
}
static void codes_end_early(struct image *i)
{
    i->codes[i->code_count - 1].count--;
}
static void code_empty(struct image *i)
{
    i->codes[2].count = 0;
}
static void code_of_no_kind(struct image *i)
{
    i->codes[2].kind = 4;
}
static void stack_of_no_machine(struct image *i)
{
    i->codes[2].max_stack = 257;
}
static void template_as_condition(struct image *i)
{
    i->segments[0].condition = i->messages[0].text;
}
static void expression_as_text(struct image *i)
{
    i->messages[0].text = i->messages[0].to;
}
static void workflow_of_two(struct image *i)
{
    i->campaigns[CAME].workflow = i->campaigns[BE].workflow;
}
static void workflow_of_none(struct image *i)
{
    i->campaign_count--;
}
static void slots_of_segment(struct image *i)
{
    /* The exit of `thing` reads the slot of its trigger. */
    i->segments[0].condition = i->exits[i->campaigns[THING].exits.first].condition;
}

/* ---- tables ---- */

static void no_project(struct image *i)
{
    i->project_count = 0;
}
static void zone_unknown(struct image *i)
{
    i->projects[0].timezone = i->projects[0].clinic_name;
}
static void text_not_utf8(struct image *i)
{
    i->texts[1] = STR("\xff");
}
static void name_empty(struct image *i)
{
    i->texts[i->events[0].name] = STR("");
}
static void name_twice(struct image *i)
{
    i->attributes[3].name = i->attributes[2].name;
}
static void wait_name_twice(struct image *i)
{
    uint32_t first = i->campaigns[ALL].waits.first;
    i->waits[first + 1].name = i->waits[first].name;
}
static void field_name_twice(struct image *i)
{
    uint32_t first = i->events[0].fields.first;
    i->fields[first + 1].name = i->fields[first].name;
}
static void type_of_itself(struct image *i)
{
    for (uint32_t k = 0; k < i->type_count; k++)
        if (i->types[k].kind == TYPE_LIST)
            i->types[k].of = k;
}
static void list_of_nothing(struct image *i)
{
    for (uint32_t k = 0; k < i->type_count; k++)
        if (i->types[k].kind == TYPE_LIST)
            i->types[k].of = IMAGE_NONE;
}
static void lists_too_deep(struct image *i)
{
    for (uint32_t k = 1; k <= IMAGE_MAX_DEPTH + 1; k++)
        i->types[k] = (struct image_type){.kind = TYPE_LIST, .of = k - 1};
}
static void choice_of_nothing(struct image *i)
{
    for (uint32_t k = 0; k < i->type_count; k++)
        i->types[k].choices.count = 0;
}
static void type_of_no_kind(struct image *i)
{
    i->types[0].kind = 16;
}
static void bool_of_two(struct image *i)
{
    i->attributes[0].is_phi = 2;
}
static void constant_of_no_kind(struct image *i)
{
    i->constants[0].kind = VALUE_EVENT;
}
static void number_not_finite(struct image *i)
{
    i->constants[constant_of(i, VALUE_NUMBER)].number = INT64_C(0x7ff8000000000000);
}
static void date_beyond(struct image *i)
{
    i->constants[constant_of(i, VALUE_DATE)].number = INT64_C(4000000);
}
static void time_beyond(struct image *i)
{
    struct image_constant *constant = &i->constants[constant_of(i, VALUE_DATE)];
    constant->kind = VALUE_TIME;
    constant->number = INT64_MAX;
}
static void clock_beyond(struct image *i)
{
    i->constants[constant_of(i, VALUE_CLOCK)].number = 1440;
}
static void bool_constant(struct image *i)
{
    i->constants[constant_of(i, VALUE_BOOL)].number = -1;
}
static void days_beyond(struct image *i)
{
    i->constants[constant_of(i, VALUE_DURATION)].days = 40000;
}
static void constant_without_text(struct image *i)
{
    i->constants[constant_of(i, VALUE_TEXT)].text = IMAGE_NONE;
}
static void list_too_long(struct image *i)
{
    struct rows *elements = &i->constants[constant_of(i, VALUE_LIST)].elements;
    static struct image_element many[IMAGE_MAX_LIST + 1];
    i->elements = many;
    *elements = (struct rows){0, IMAGE_MAX_LIST + 1};
}
static void list_of_itself(struct image *i)
{
    uint32_t row = constant_of(i, VALUE_LIST);
    i->elements[i->constants[row].elements.first].value = row;
}
static void default_of_another_type(struct image *i)
{
    i->attributes[5].default_value = constant_of(i, VALUE_CLOCK);
}
static void duration_is_none(struct image *i)
{
    i->dids[0].in_last = constant_of(i, VALUE_CLOCK);
}
static void times_too_many(struct image *i)
{
    i->dids[0].at_least = 201;
}
static void minute_beyond(struct image *i)
{
    i->windows[0].to_minute = 1440;
}
static void limit_per_nothing(struct image *i)
{
    i->limits[0].per = constant_of(i, VALUE_INT);
}
static void builtin_unknown(struct image *i)
{
    i->texts[i->builtins[0].name] = STR("nothing");
}
static void builtin_changed(struct image *i)
{
    i->texts[i->builtins[0].signature] = STR("(any) any");
}
static void shares_over_all(struct image *i)
{
    i->arms[0].share = 4000;
}
static void emits_foreign_field(struct image *i)
{
    i->emitteds[0].field = i->events[0].fields.first;
}
static void read_outside(struct image *i)
{
    i->reads[0].row = 5000;
}
static void line_of_no_file(struct image *i)
{
    i->lines[0].file = i->file_count;
}

static void lines_unsorted(struct image *i)
{
    i->lines[1].instruction = i->lines[0].instruction;
}

/* ---- campaigns ---- */

static void campaigns_unsorted(struct image *i)
{
    uint32_t name = i->campaigns[BE].name;
    i->campaigns[BE].name = i->campaigns[CAME].name;
    i->campaigns[CAME].name = name;
}
static void trigger_without_event(struct image *i)
{
    i->campaigns[ALL].trigger_event = IMAGE_NONE;
}
static void trigger_without_attribute(struct image *i)
{
    i->campaigns[BE].trigger_attribute = IMAGE_NONE;
}
static void trigger_without_value(struct image *i)
{
    i->campaigns[BE].trigger_value = IMAGE_NONE;
}
static void trigger_without_segment(struct image *i)
{
    i->campaigns[CAME].trigger_segment = IMAGE_NONE;
}
static void trigger_without_object(struct image *i)
{
    i->campaigns[THING].trigger_object = IMAGE_NONE;
}
static void trigger_of_no_kind(struct image *i)
{
    i->campaigns[HAND].trigger_kind = 9;
}
static void entry_without_duration(struct image *i)
{
    i->campaigns[CAME].enter_duration = IMAGE_NONE;
}
static void entry_without_key(struct image *i)
{
    i->campaigns[ALL].enter_key = IMAGE_NONE;
}
static void exit_always(struct image *i)
{
    i->exits[i->campaigns[THING].exits.first].condition = IMAGE_NONE;
}
static void goal_without_event(struct image *i)
{
    i->goals[0].event = i->goals[0].condition = IMAGE_NONE;
}
static void goal_without_message(struct image *i)
{
    i->goals[0].message = IMAGE_NONE;
}
static void message_of_another(struct image *i)
{
    i->messages[0].campaign = HAND;
}
static void holdout_over_all(struct image *i)
{
    i->campaigns[ALL].holdout = 10001;
}
static void trigger_slot_outside(struct image *i)
{
    i->campaigns[THING].trigger_slot = i->campaigns[THING].slot_count;
}
static void wait_without_delay(struct image *i)
{
    i->waits[row_of_wait(i, WAIT_DELAY)].delay = IMAGE_NONE;
}
static void wait_without_instant(struct image *i)
{
    i->waits[row_of_wait(i, WAIT_UNTIL)].until = IMAGE_NONE;
}
static void wait_without_condition(struct image *i)
{
    i->waits[row_of_wait(i, WAIT_CONDITION)].condition = IMAGE_NONE;
}
static void wait_without_event(struct image *i)
{
    i->waits[row_of_wait(i, WAIT_EVENT)].event = IMAGE_NONE;
}
static void hold_without_message(struct image *i)
{
    i->waits[row_of_wait(i, WAIT_WINDOW)].message = IMAGE_NONE;
}
static void hold_elsewhere(struct image *i)
{
    i->waits[row_of_wait(i, WAIT_WINDOW)].else_pc = 0;
}
/* No instruction leads to the wait, a frame may still stand there. */
static struct image_wait *wait_of_nobody(struct image *i)
{
    words_of(i, BE)[1] = op_c(OP_JUMP, 2);
    return &i->waits[i->campaigns[BE].waits.first];
}
static void place_outside(struct image *i)
{
    wait_of_nobody(i)->then_pc = 5000;
}
static void place_amid(struct image *i)
{
    wait_of_nobody(i)->else_pc = 2;
    words_of(i, BE)[1] = op_c(OP_PUSH_TRUE, 0);
    words_of(i, BE)[2] = op_c(OP_STORE, 0);
}
static void answer_outside(struct image *i)
{
    struct image_wait *wait = wait_of_nobody(i);
    wait->answers = (struct rows){0, 1};
    i->answers[0].pc = 5000;
}
static void wait_of_no_kind(struct image *i)
{
    i->waits[0].kind = 8;
}
static void wait_slot_outside(struct image *i)
{
    i->waits[row_of_wait(i, WAIT_EVENT)].slot = 4000;
}
static void live_slot_outside(struct image *i)
{
    i->lives[i->waits[row_of_wait(i, WAIT_DELAY)].live.first].slot = 4000;
}
static void wait_step_of_another(struct image *i)
{
    i->waits[i->campaigns[BE].waits.first].step = i->campaigns[ALL].steps.first;
}

/* Rows and places change with the compiler: a number is `#`. */
static const struct {
    void (*change)(struct image *image);
    const char *error;
} changes[] = {
    {number_unknown, "instruction # of workflow `be`: there is no instruction of number #"},
    {jump_outside,
     "instruction # of code # (`condition` of segment #): jump to #, outside of its code"},
    {jump_back,
     "instruction # of code # (`condition` of segment #): jump to #, back: only LOOP goes back"},
    {jump_amid, "instruction # of code # (`trigger_where` of campaign #): jump to # with a stack "
                "of #, another way comes with #"},
    {stack_underflow,
     "instruction # of code # (`condition` of segment #): GT takes # from a stack of #"},
    {stack_overflow,
     "instruction # of code # (`condition` of segment #): a stack of #, the code says at most #"},
    {stack_left, "instruction # of code # (`condition` of segment #): next to # with a stack of #, "
                 "another way comes with #"},
    {step_on_stack, "instruction # of workflow `all`: STEP leaves # on the stack"},
    {no_end, "instruction # of workflow `be`: the code ends without an end"},
    {workflow_in_expression,
     "instruction # of code # (`condition` of segment #): END is for workflows alone"},
    {return_in_workflow, "instruction # of workflow `all`: RETURN is for expressions alone"},
    {out_in_expression,
     "instruction # of code # (`condition` of segment #): OUT is for templates alone"},
    {operand_too_many,
     "instruction # of code # (`condition` of segment #): RETURN has an operand too many, #"},
    {pair_too_many, "instruction # of workflow `all`: EMIT has an operand too many, #"},
    {constant_outside, "instruction # of code # (`condition` of segment #): constant # of #"},
    {text_not_text, "instruction # of code # (`text` of message #): constant # is not a text"},
    {text_outside, "instruction # of workflow `all`: constant # of #"},
    {attribute_outside, "instruction # of code # (`condition` of segment #): attribute # of #"},
    {field_outside, "instruction # of code # (`trigger_where` of campaign #): field # of #"},
    {window_outside, "instruction # of workflow `all`: window # of #"},
    {topic_outside, "instruction # of workflow `all`: topic # of #"},
    {segment_outside, "instruction # of code # (`condition` of exit #): segment # of #"},
    {did_outside, "instruction # of code # (`condition` of segment #): did # of #"},
    {any_outside, "instruction # of code # (`audience` of campaign #): any # of #"},
    {message_outside, "instruction # of workflow `all`: message # of #"},
    {days_outside, "instruction # of code # (`until` of wait #): # is not a set of weekdays"},
    {local_outside, "instruction # of code # (`text` of message #): local # of #"},
    {slot_outside, "instruction # of workflow `all`: slot # of #"},
    {slot_of_another, "campaign #: enter_key: code # reads slot #, the frame has #"},
    {builtin_outside, "instruction # of code # (`text` of message #): builtin # of #"},
    {builtin_arguments,
     "instruction # of code # (`text` of message #): default with # arguments, it takes # to #"},
    {emit_outside, "instruction # of workflow `all`: emit # of #"},
    {split_outside, "instruction # of workflow `all`: split # of #"},
    {step_of_another, "instruction # of workflow `be`: step # is not of this campaign"},
    {wait_of_another, "instruction # of workflow `be`: wait # is not of this campaign"},
    {wait_of_message, "instruction # of workflow `all`: wait # belongs to a message or a webhook"},
    {wait_back, "instruction # of workflow `be`: wait to #, back: only LOOP goes back"},
    {answer_back, "instruction # of workflow `all`: answer to #, back: only LOOP goes back"},
    {other_outside, "instruction # of workflow `all`: other answers to #, outside of its code"},
    {arm_back, "instruction # of workflow `all`: arm to #, back: only LOOP goes back"},
    {loop_forward, "instruction # of workflow `all`: LOOP to #, forward"},
    {loop_amid, "instruction # of workflow `all`: LOOP to #, where the stack is not empty"},
    {loop_slot, "instruction # of workflow `all`: slot # of #"},
    {send_of_another, "instruction # of workflow `all`: message # is not of this campaign"},
    {send_without_hold,
     "instruction # of workflow `all`: message # has no wait for its window here"},
    {list_takes_more,
     "instruction # of code # (`where` of did #): MAKE_LIST takes # from a stack of #"},
    {template_leaves, "instruction # of code # (`html` of message #): DONE leaves # on the stack"},
    {webhook_outside, "instruction # of workflow `all`: webhook # of #"},
    {asks_itself, "instruction # of code # (`condition` of segment #): it asks code #, which does "
                  "not stand before it"},
    {codes_overlap, "code #: first: # instructions from #, # to # are left"},
    {codes_end_early, "code #: first: instructions # to # are of no code"},
    {code_empty, "code #: first: # instructions from #, # to # are left"},
    {code_of_no_kind, "campaign #: enter_key: code # is not an expression"},
    {stack_of_no_machine, "code #: max_stack: #, it is # to #"},
    {template_as_condition, "segment #: condition: code # is not an expression"},
    {expression_as_text, "message #: text: code # is not a template"},
    {workflow_of_two, "campaign #: workflow: code # is another campaign's"},
    {workflow_of_none, "code #: kind: a workflow that no campaign runs"},
    {slots_of_segment, "segment #: condition: code # reads slot #, the frame has #"},
    {no_project, "project #: rows: #, there is one"},
    {zone_unknown, "project #: timezone: `Elm` is not in this system's tzdata"},
    {text_not_utf8, "text #: bytes: not UTF-#"},
    {name_empty, "event #: name: empty"},
    {name_twice, "attribute #: name: `phone` a second time"},
    {wait_name_twice, "wait #: name: `window of hello` a second time"},
    {field_name_twice, "field #: name: `n` a second time"},
    {type_of_itself, "type #: of: a list, and nothing else, is of a type before it"},
    {list_of_nothing, "type #: of: a list, and nothing else, is of a type before it"},
    {lists_too_deep, "type #: depth: lists within lists # deep, # are allowed"},
    {choice_of_nothing, "type #: choices: one of its values, and nothing else, has choices"},
    {type_of_no_kind, "type #: kind: #, it is # to #"},
    {bool_of_two, "attribute #: is_phi: #, it is # to #"},
    {constant_of_no_kind, "constant #: kind: no value of kind # is #"},
    {number_not_finite, "constant #: kind: no value of kind # is #"},
    {date_beyond, "constant #: kind: no value of kind # is #"},
    {time_beyond, "constant #: kind: no value of kind # is #"},
    {clock_beyond, "constant #: kind: no value of kind # is #"},
    {bool_constant, "constant #: kind: no value of kind # is -#"},
    {days_beyond, "constant #: kind: no value of kind # is #"},
    {constant_without_text, "constant #: kind: no value of kind # is #"},
    {list_too_long, "constant #: elements: #, at most # are allowed"},
    {list_of_itself, "constant #: elements: constant # does not stand before it"},
    {default_of_another_type, "attribute #: default_value: constant # is not of its type"},
    {duration_is_none, "did #: in_last: constant # is not a duration"},
    {times_too_many, "did #: at_least: #, it is # to #"},
    {minute_beyond, "window #: to_minute: #, it is # to #"},
    {limit_per_nothing, "limit #: per: constant # is not a duration"},
    {builtin_unknown, "builtin #: name: this program has no `nothing`"},
    {builtin_changed, "builtin #: signature: default(any) any, this program has (any!, any!?, "
                      "allow_false: bool!?) any"},
    {shares_over_all, "split #: arms: their shares are # of #"},
    {emits_foreign_field, "emit #: fields: field # is not of event #"},
    {read_outside, "read #: row: # of #"},
    {line_of_no_file, "line #: file: # of #"},
    {lines_unsorted, "line #: instruction: #, they ascend and end below #"},
    {campaigns_unsorted, "campaign #: name: campaigns stand by name"},
    {trigger_without_event, "campaign #: trigger_event: missing, its kind needs it"},
    {trigger_without_attribute, "campaign #: trigger_attribute: missing, its kind needs it"},
    {trigger_without_value, "campaign #: trigger_value: missing, its kind needs it"},
    {trigger_without_segment, "campaign #: trigger_segment: missing, its kind needs it"},
    {trigger_without_object, "campaign #: trigger_object: missing, its kind needs it"},
    {trigger_of_no_kind, "campaign #: trigger_kind: #, it is # to #"},
    {entry_without_duration, "campaign #: enter_duration: missing, its kind needs it"},
    {entry_without_key, "campaign #: enter_key: missing, its kind needs it"},
    {exit_always, "exit #: condition: missing, its kind needs it"},
    {goal_without_event, "goal #: condition: missing, its kind needs it"},
    {goal_without_message, "goal #: message: missing, its kind needs it"},
    {message_of_another, "campaign #: messages: message # is of campaign #"},
    {holdout_over_all, "campaign #: holdout: #, it is # to #"},
    {trigger_slot_outside, "campaign #: trigger_slot: slot #, the frame has #"},
    {wait_without_delay, "wait #: delay: missing, its kind needs it"},
    {wait_without_instant, "wait #: until: missing, its kind needs it"},
    {wait_without_condition, "wait #: condition: missing, its kind needs it"},
    {wait_without_event, "wait #: event: missing, its kind needs it"},
    {hold_without_message, "wait #: message: missing, its kind needs it"},
    {hold_elsewhere, "wait #: then_pc: instruction # does not send message #"},
    {place_outside, "wait #: then_pc: instruction #, outside of the workflow"},
    {place_amid, "instruction # of workflow `be`: a stack of #, the code says at most #"},
    {answer_outside, "instruction # of workflow `all`: answer to #, outside of its code"},
    {wait_of_no_kind, "wait #: kind: #, it is # to #"},
    {wait_slot_outside, "wait #: slot: slot #, the frame has #"},
    {live_slot_outside, "wait #: live: slot #, the frame has #"},
    {wait_step_of_another, "wait #: step: step # is not of its campaign"},
};

static struct str without_numbers(struct arena *arena, const char *text)
{
    char *copy = arena_cstr(arena, str_of(text)), *to = copy;
    for (const char *at = text; *at; at++) {
        bool is_digit = *at >= '0' && *at <= '9';
        if (!is_digit || to == copy || to[-1] != '#')
            *to++ = is_digit ? '#' : *at;
    }
    return (struct str){copy, (size_t)(to - copy)};
}

static void test_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
        struct arena arena;
        struct image image;
        struct image_error error = {{0}};
        load(&arena, &image);
        changes[i].change(&image);
        assert_false(image_verify(&image, &stdlib_builtins, &error));
        assert_str(without_numbers(&arena, error.text), changes[i].error);
        arena_free(&arena);
    }
}

static void verify_paths(char **paths, int count)
{
    struct compilation compilation;
    struct arena arena;
    struct image image;
    struct image_error error = {{0}};
    struct buf bytes;
    compile_paths_or_fail(&compilation, paths, count);
    buf_init(&bytes, IMAGE_MAX_BYTES);
    arena_init(&arena, 0);
    assert_true(image_encode(&compilation.image, &bytes));
    assert_true(image_decode(&arena, buf_view(&bytes), false, &image, &error));
    if (!image_verify(&image, &stdlib_builtins, &error))
        fail_msg("%s: %s", paths[0], error.text);
    buf_free(&bytes);
    arena_free(&arena);
    compilation_free(&compilation);
}

static void verify_all(const char *pattern)
{
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0) {
        print_message("# SKIP %s: none\n", pattern);
        skip();
    }
    for (size_t i = 0; i < found.gl_pathc; i++)
        verify_paths(&found.gl_pathv[i], 1);
    globfree(&found);
}

static void test_good(void **state)
{
    (void)state;
    verify_all("tests/fuzz/image.camp");
    verify_all("examples/*/*.camp");
    verify_all("tests/cases/pass/*.camp");
}

static void test_shared_cases(void **state)
{
    (void)state;
    verify_all("../shared/cases/pass/*.camp");
}

/* Each question runs a code on the C stack. */
static void test_nesting(void **state)
{
    (void)state;
    for (int depth = IMAGE_MAX_NESTING; depth <= IMAGE_MAX_NESTING + 1; depth++) {
        struct compile_options options = {&stdlib_builtins, NULL, false};
        struct compilation compilation;
        struct image_error error = {{0}};
        struct buf text;
        buf_init(&text, 1 << 16);
        buf_c(&text,
              "clinic \"C\" { timezone: \"UTC\" }\nevent go { n: integer }\nsegment s when ");
        for (int i = 1; i < depth; i++)
            buf_c(&text, "did event go where (");
        buf_c(&text, "did event go where (event.n > 1)");
        for (int i = 1; i < depth; i++)
            buf_c(&text, ")");
        compilation_init(&compilation);
        assert_true(compile_text(&compilation, &options, STR("t.camp"), buf_view(&text)));
        assert_int_equal(compilation.diags.error_count, 0);
        assert_int_equal(image_verify(&compilation.image, &stdlib_builtins, &error),
                         depth <= IMAGE_MAX_NESTING);
        assert_true(depth <= IMAGE_MAX_NESTING ||
                    strstr(error.text, "questions within questions 17 deep, 16 are allowed"));
        compilation_free(&compilation);
        buf_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_shared_cases),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
