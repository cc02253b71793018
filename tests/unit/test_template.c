/* test_template.c: the verifier's rules of the instructions that only templates have: an image as
 * the compiler makes it is sound, and with one instruction changed it is refused by that rule. */
#include "compiler/compile.h"
#include "stdlib/builtins.h"
#include "tests/unit/unit.h"
#include "vm/code/op.h"

static const char source[] =
    "clinic \"Elm\" { timezone: \"UTC\" }\n"
    "patient { email: email  note: text  tags: list of text }\n"
    "event e {}\n"
    "campaign c \"C\" { trigger event e transactional workflow { email m { subject: \"s\"\n"
    "text: \"{% for t in patient.tags reversed %}{{ t }}{% endfor %}"
    "{% if patient.note == blank %}x{% endif %}"
    "{% capture n %}y{% endcapture %}{{ n }}\" } } }\n";

static void load(struct compilation *compilation)
{
    static const struct compile_module none[] = {{NULL, NULL}};
    struct compile_options options = {.builtins = &stdlib_builtins, .modules = none};
    compilation_init(compilation);
    compile_text(compilation, &options, STR("c.camp"), STR(source));
    assert_int_equal(compilation->diags.error_count, 0);
}

static uint32_t *find(struct image *image, enum op op)
{
    for (uint32_t i = 0; i < image->instruction_count; i++)
        if (op_of(image->instructions[i]) == op)
            return &image->instructions[i];
    fail_msg("no such instruction");
    return NULL;
}

static uint32_t code_of_kind(const struct image *image, uint32_t kind)
{
    for (uint32_t i = 0; i < image->code_count; i++)
        if (image->codes[i].kind == kind)
            return i;
    fail_msg("no such code");
    return 0;
}

/* The row of the code of the text, which has locals. */
static uint32_t text_code(const struct image *image)
{
    for (uint32_t i = 0; i < image->code_count; i++)
        if (image->codes[i].local_count)
            return i;
    fail_msg("no code with locals");
    return 0;
}

static void for_neither(struct image *i)
{
    uint32_t *word = find(i, OP_FOR);
    *word = op_ab(OP_FOR, op_a(*word), 2);
}
static void for_local(struct image *i)
{
    *find(i, OP_FOR) = op_ab(OP_FOR, i->codes[text_code(i)].local_count, 0);
}
static void next_back(struct image *i)
{
    uint32_t *word = find(i, OP_NEXT);
    *word = op_ab(OP_NEXT, op_a(*word), 0);
}
static void next_local(struct image *i)
{
    uint32_t *word = find(i, OP_NEXT);
    *word = op_ab(OP_NEXT, i->codes[text_code(i)].local_count, op_b(*word));
}
static void again_elsewhere(struct image *i)
{
    uint32_t *word = find(i, OP_AGAIN);
    *word = op_ab(OP_AGAIN, op_a(*word), op_b(*word) + 1);
}
static void again_of_another(struct image *i)
{
    uint32_t *word = find(i, OP_AGAIN);
    *word = op_ab(OP_AGAIN, op_a(*word) + 1, op_b(*word));
}
static void again_with_stack(struct image *i)
{
    *find(i, OP_OUT) = op_c(OP_TEST, 0);
}
static void relation_none(struct image *i)
{
    *find(i, OP_RELATE) = op_c(OP_RELATE, RELATION_NOT_BLANK + 1);
}
static void flag_neither(struct image *i)
{
    *find(i, OP_END_CAPTURE) = op_c(OP_END_CAPTURE, 2);
}
static void item_local(struct image *i)
{
    *find(i, OP_ITEM) = op_ab(OP_ITEM, i->codes[text_code(i)].local_count, 0);
}
static void render_outside(struct image *i)
{
    *find(i, OP_OUT_CONST) = op_ab(OP_RENDER, 0, i->code_count);
}
static void render_no_template(struct image *i)
{
    *find(i, OP_OUT_CONST) = op_ab(OP_RENDER, 0, code_of_kind(i, CODE_WORKFLOW));
}
static void render_too_many(struct image *i)
{
    *find(i, OP_OUT_CONST) = op_ab(OP_RENDER, 1, code_of_kind(i, CODE_TEMPLATE));
}
static void in_expression(struct image *i)
{
    uint32_t code = code_of_kind(i, CODE_EXPRESSION);
    i->instructions[i->codes[code].first] = op_c(OP_CAPTURE, 0);
}

static const struct {
    void (*change)(struct image *image);
    const char *says;
} changes[] = {{for_neither, "2 is neither forward nor reversed"},
               {for_local, "local "},
               {next_back, "end of the loop to 0, back"},
               {next_local, "local "},
               {again_elsewhere, "is not the NEXT of local"},
               {again_of_another, "is not the NEXT of local"},
               {again_with_stack, "with a stack of 1"},
               {relation_none, "12 is not a comparison"},
               {flag_neither, "2 is neither yes nor no"},
               {item_local, "local "},
               {render_outside, "code "},
               {render_no_template, "which is no template"},
               {render_too_many, "RENDER with 1 arguments, the template has 0 locals"},
               {in_expression, "CAPTURE is for templates alone"}};

static void test_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
        struct compilation compilation;
        struct image_error error = {{0}};
        load(&compilation);
        changes[i].change(&compilation.image);
        assert_false(image_verify(&compilation.image, &stdlib_builtins, &error));
        if (str_find(str_of(error.text), str_of(changes[i].says)) == SIZE_MAX)
            fail_msg("change %zu: \"%s\" does not say \"%s\"", i, error.text, changes[i].says);
        compilation_free(&compilation);
    }
}

static void test_good(void **state)
{
    struct compilation compilation;
    struct image_error error = {{0}};
    struct buf listing;
    (void)state;
    load(&compilation);
    if (!image_verify(&compilation.image, &stdlib_builtins, &error))
        fail_msg("%s", error.text);
    buf_init(&listing, 0);
    image_disasm(&compilation.image, &listing);
    assert_true(str_find(buf_view(&listing), STR("AGAIN")) != SIZE_MAX);
    buf_free(&listing);
    compilation_free(&compilation);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_changes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
