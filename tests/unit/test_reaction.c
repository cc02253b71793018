/* test_reaction.c: what a change costs, counted in conditions computed and rows looked at, not in
 * seconds: what nothing reads costs the same with one campaign as with hundreds, and what is read
 * costs those who read it. */
#include "tests/unit/unit.h"

#include "compiler/compile.h"
#include "stdlib/builtins.h"
#include "vm/base/civil.h"
#include "vm/run/engine.h"

enum { MANY = 300 };

struct house {
    struct arena arena;
    struct store *store;
    struct engine *engine;
    int64_t now_ms;
};

/* `count` campaigns of each kind of trigger, each with an exit, a goal, a wait and a segment. */
static void write_program(struct buf *text, int count)
{
    buf_c(text, "clinic \"Elm\" { timezone: \"UTC\" }\n"
                "patient { phone: phone  noise: integer  quiet: text  day: date }\n"
                "event go { n: integer }\nevent nothing { n: integer }\n"
                "object thing by id { id: text  n: integer }\n");
    for (int i = 0; i < count; i++) {
        buf_printf(text, "patient { a%d: integer }\nevent e%d { n: integer }\n", i, i);
        buf_printf(
            text,
            "segment s%d when patient.a%d > 3 or did event e%d in last 3 days or patient.day "
            "< today\n",
            i, i, i);
        for (int k = 0; k < 5; k++) {
            buf_printf(text, "campaign c%d_%d \"C\" { trigger ", i, k);
            if (k == 0)
                buf_printf(text, "event e%d", i);
            else if (k == 1)
                buf_printf(text, "attribute patient.a%d changes", i);
            else if (k == 2)
                buf_printf(text, "segment s%d entered", i);
            else if (k == 3)
                buf_printf(text, "object thing when thing.n == %d", i);
            else
                buf_printf(text, "on patient.day per year at 09:%02d", i % 60);
            buf_printf(text,
                       " enter always transactional send automatically exit when patient.a%d == 99 "
                       "goal when patient in segment s%d within 9 days of entry workflow { wait "
                       "until patient.a%d == 50 up to 30 days sms x \"x\" } }\n",
                       i, i, i);
        }
    }
}

static void open_house(struct house *house, int count)
{
    struct compile_options options = {&stdlib_builtins, NULL, false};
    struct engine_options engine_options = {.builtins = &stdlib_builtins,
                                            .late_after_ms = DAY_MS,
                                            .public_url = STR("https://elm.example"),
                                            .is_virtual_time = true};
    struct compilation compilation;
    struct image_error image_error;
    struct str error = {0};
    struct buf text, image;
    arena_init(&house->arena, 0);
    buf_init(&text, 1 << 24);
    buf_init(&image, IMAGE_MAX_BYTES);
    write_program(&text, count);
    compilation_init(&compilation);
    assert_true(compile_text(&compilation, &options, STR("t.camp"), buf_view(&text)));
    assert_int_equal(compilation.diags.error_count, 0);
    assert_true(image_encode(&compilation.image, &image));
    assert_int_equal(store_open(&house->store, ":memory:", &error, &house->arena), STATUS_OK);
    assert_int_equal(engine_open(&house->engine, house->store, &engine_options), STATUS_OK);
    assert_int_equal(engine_begin(house->engine), STATUS_OK);
    assert_int_equal(engine_deploy(house->engine, buf_view(&image), &image_error), STATUS_OK);
    const struct program *program = engine_program(house->engine);
    for (uint32_t i = 0; i < program->image->campaign_count; i++)
        engine_set_campaign(house->engine,
                            image_text(program->image, program->image->campaigns[i].name),
                            CAMPAIGN_RUNNING);
    house->now_ms = INT64_C(1772442000000);
    compilation_free(&compilation);
    buf_free(&text);
    buf_free(&image);
}

static void close_house(struct house *house)
{
    assert_int_equal(engine_commit(house->engine), STATUS_OK);
    engine_close(house->engine);
    store_close(house->store);
    arena_free(&house->arena);
}

/* What the input cost. */
static uint64_t cost(struct house *house, enum input_kind kind, const char *name,
                     const char *properties)
{
    struct input in = {.kind = kind,
                       .patient = STR("p"),
                       .at_ms = house->now_ms,
                       .name = str_of(name),
                       .object_id = STR("o"),
                       .properties = str_of(properties)};
    struct input_answer answer;
    uint64_t before = engine_work(house->engine);
    assert_int_equal(engine_input(house->engine, &in, house->now_ms, &answer), STATUS_OK);
    assert_int_equal(answer.what, ANSWER_ACCEPTED);
    house->now_ms += 1000;
    return engine_work(house->engine) - before;
}

/* The patient waits in all campaigns that the inputs so far have led into. */
static void measure(int count, uint64_t costs[5])
{
    struct house house = {0};
    open_house(&house, count);
    cost(&house, INPUT_IDENTIFY, "", "{\"phone\":\"+15185550100\"}");
    costs[0] = cost(&house, INPUT_IDENTIFY, "", "{\"noise\":1}");
    costs[1] = cost(&house, INPUT_IDENTIFY, "", "{\"undeclared\":1}");
    costs[2] = cost(&house, INPUT_TRACK, "nothing", "{\"n\":1}");
    costs[3] = cost(&house, INPUT_TRACK, "never declared", "{\"n\":1}");
    cost(&house, INPUT_TRACK, "e0", "{\"n\":1}");
    costs[4] = cost(&house, INPUT_IDENTIFY, "", "{\"a0\":1}");
    close_house(&house);
}

static void test_what_nothing_reads_costs_nothing_more(void **state)
{
    uint64_t one[5], many[5];
    (void)state;
    measure(1, one);
    measure(MANY, many);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(one[i], many[i]);
        assert_true(many[i] <= 4);
    }
}

/* An attribute that one campaign of each kind reads costs a few conditions, and the timed segments
 * of the patient, not all campaigns. */
static void test_what_is_read_costs_its_readers(void **state)
{
    uint64_t one[5], many[5];
    (void)state;
    measure(1, one);
    measure(MANY, many);
    assert_true(one[4] > 4);
    assert_true(many[4] <= one[4] + MANY);
}

/* An enrollment that does not read it is not looked at, however many there are. */
static void test_enrollments_that_do_not_read_it(void **state)
{
    struct house house = {0};
    char name[16];
    (void)state;
    open_house(&house, 50);
    cost(&house, INPUT_IDENTIFY, "", "{\"phone\":\"+15185550100\"}");
    uint64_t before = cost(&house, INPUT_IDENTIFY, "", "{\"noise\":1}");
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "e%d", i);
        cost(&house, INPUT_TRACK, name, "{\"n\":1}");
    }
    assert_int_equal(cost(&house, INPUT_IDENTIFY, "", "{\"noise\":2}"), before);
    assert_int_equal(cost(&house, INPUT_TRACK, "nothing", "{}"), before);
    close_house(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_nothing_reads_costs_nothing_more),
        cmocka_unit_test(test_what_is_read_costs_its_readers),
        cmocka_unit_test(test_enrollments_that_do_not_read_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
