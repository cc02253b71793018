/* test_history.c: patients with a long past: terms over their events that come with another image,
 * terms that walk, attributes that are declared late, goals whose event comes when the enrollment
 * is long gone. */
#include "tests/unit/unit.h"

#include "compiler/compile.h"
#include "stdlib/builtins.h"
#include "vm/base/civil.h"
#include "vm/run/engine.h"

#define HEAD                                                                                       \
    "clinic \"Elm\" { timezone: \"UTC\" }\npatient { phone: phone  least: integer }\n"             \
    "event go { n: integer  note: text }\nevent paid { n: integer }\n"

struct house {
    struct arena arena;
    struct store *store;
    struct engine *engine;
    int64_t now_ms;
    uint32_t goals;
};

static void count_goals(void *context, const struct notice *notice)
{
    struct house *house = context;
    house->goals += notice->kind == NOTICE_GOAL;
}

static void deploy(struct house *house, const char *text)
{
    struct compile_options options = {&stdlib_builtins, NULL, false};
    struct compilation compilation;
    struct image_error image_error;
    struct buf image;
    const struct program *program;
    buf_init(&image, IMAGE_MAX_BYTES);
    compilation_init(&compilation);
    assert_true(compile_text(&compilation, &options, STR("t.camp"), str_of(text)));
    assert_int_equal(compilation.diags.error_count, 0);
    assert_true(image_encode(&compilation.image, &image));
    assert_int_equal(engine_upload(house->engine, buf_view(&image), &program, &image_error),
                     STATUS_OK);
    assert_int_equal(engine_use(house->engine, program->number, house->now_ms), STATUS_OK);
    for (uint32_t i = 0; i < program->image->campaign_count; i++)
        engine_set_campaign(house->engine,
                            image_text(program->image, program->image->campaigns[i].name),
                            CAMPAIGN_RUNNING);
    compilation_free(&compilation);
    buf_free(&image);
}

static void open_house(struct house *house, const char *text)
{
    struct engine_options options = {.builtins = &stdlib_builtins,
                                     .late_after_ms = DAY_MS,
                                     .public_url = STR("https://elm.example"),
                                     .is_virtual_time = true,
                                     .counts = true};
    struct str error = {0};
    *house = (struct house){.now_ms = INT64_C(1772442000000)};
    arena_init(&house->arena, 0);
    assert_int_equal(store_open(&house->store, ":memory:", &error, &house->arena), STATUS_OK);
    assert_int_equal(engine_open(&house->engine, house->store, &options), STATUS_OK);
    engine_observe(house->engine, count_goals, house);
    assert_int_equal(engine_begin(house->engine), STATUS_OK);
    deploy(house, text);
}

static void close_house(struct house *house)
{
    assert_int_equal(engine_commit(house->engine), STATUS_OK);
    engine_close(house->engine);
    store_close(house->store);
    arena_free(&house->arena);
}

static void put(struct house *house, enum input_kind kind, const char *name, int64_t at_ms,
                const char *properties)
{
    struct str raw = arena_printf(&house->arena, "{\"traits\":%s}", properties);
    struct input in = {.kind = kind,
                       .patient = STR("p"),
                       .at_ms = at_ms,
                       .name = str_of(name),
                       .properties = str_of(properties),
                       .raw = kind == INPUT_IDENTIFY
                                  ? arena_printf(&house->arena,
                                                 "{\"type\":\"identify\",\"userId\":\"p\","
                                                 "\"traits\":%s}",
                                                 properties)
                                  : raw};
    struct input_answer answer;
    assert_int_equal(engine_input(house->engine, &in, house->now_ms, &answer), STATUS_OK);
    assert_int_equal(answer.what, ANSWER_ACCEPTED);
}

static void run_to(struct house *house, int64_t to_ms)
{
    bool more = true;
    while (more)
        assert_int_equal(engine_advance(house->engine, to_ms, true, 1000, &more), STATUS_OK);
    house->now_ms = to_ms;
}

/* The condition of the segment `asked`. */
static bool holds(struct house *house)
{
    const struct program *program = engine_program(house->engine);
    struct value value = {0};
    for (uint32_t i = 0; i < program->image->segment_count; i++)
        if (str_eq_c(image_text(program->image, program->image->segments[i].name), "asked"))
            assert_int_equal(engine_eval(house->engine, STR("p"), 0,
                                         program->image->segments[i].condition, house->now_ms,
                                         &house->arena, &value),
                             STATUS_OK);
    return value_is_true(value);
}

enum { MANY = 30000 }; /* events of 200 bytes: more than a slice's memory */

static void live_long(struct house *house)
{
    char properties[256], note[160];
    memset(note, 'x', sizeof note - 1);
    note[sizeof note - 1] = 0;
    for (int i = 0; i < MANY; i++) {
        snprintf(properties, sizeof properties, "{\"n\":%d,\"note\":\"%s\"}", i, note);
        put(house, INPUT_TRACK, "go", house->now_ms + i * 1000, properties);
    }
    house->now_ms += MANY * INT64_C(1000);
}

/* The oldest one is found, and all of them are counted. */
static void test_terms_of_a_new_image(void **state)
{
    struct house house;
    (void)state;
    open_house(&house, HEAD);
    live_long(&house);
    deploy(&house, HEAD "segment asked when did event go where (event.n == 0)\n");
    assert_true(holds(&house));
    deploy(&house,
           HEAD "segment asked when did event go at least 200 times where (event.n < 200)\n");
    assert_true(holds(&house));
    deploy(&house,
           HEAD "segment asked when did event go at least 200 times where (event.n < 199)\n");
    assert_false(holds(&house));
    close_house(&house);
}

static void test_terms_that_walk(void **state)
{
    struct house house;
    (void)state;
    open_house(&house, HEAD);
    live_long(&house);
    deploy(&house, HEAD "segment asked when did event go at least 200 times in last 1 day where "
                        "(event.n < patient.least)\n");
    assert_false(holds(&house)); /* least is unknown */
    put(&house, INPUT_IDENTIFY, "", house.now_ms, "{\"least\":200}");
    assert_true(holds(&house));
    put(&house, INPUT_IDENTIFY, "", house.now_ms, "{\"least\":199}");
    assert_false(holds(&house));
    close_house(&house);
}

static void test_what_is_declared_late(void **state)
{
    struct house house;
    char traits[256];
    (void)state;
    open_house(&house, HEAD);
    for (int i = 0; i < MANY; i++) {
        snprintf(traits, sizeof traits, "{\"late\":%d,\"more\":\"%0160d\"}", i, i);
        put(&house, INPUT_IDENTIFY, "", house.now_ms++, traits);
    }
    deploy(&house, HEAD "patient { late: integer }\nsegment asked when patient.late == 29999\n");
    assert_true(holds(&house));
    close_house(&house);
}

#define GOAL                                                                                       \
    HEAD "campaign c \"C\" { trigger event go as g enter always transactional send automatically " \
         "goal event paid as p where p.n == g.n within 7 days of %s "                              \
         "workflow { wait 1 day sms x \"x\" } }\n"

/* The event is as late as it likes: its timestamp counts, once an enrollment. */
static void late_goals(const char *anchor, int64_t window_ms)
{
    struct house house;
    char text[1024];
    snprintf(text, sizeof text, GOAL, anchor);
    open_house(&house, text);
    int64_t entered_ms = house.now_ms, anchor_ms = entered_ms + window_ms - 7 * (int64_t)DAY_MS;
    put(&house, INPUT_IDENTIFY, "", entered_ms, "{\"phone\":\"+15185550100\"}");
    put(&house, INPUT_TRACK, "go", entered_ms, "{\"n\":1}");
    run_to(&house, entered_ms + 1000);
    put(&house, INPUT_TRACK, "go", entered_ms + 1000, "{\"n\":2}");
    run_to(&house, entered_ms + 90 * (int64_t)DAY_MS);
    put(&house, INPUT_TRACK, "paid", entered_ms + window_ms,
        "{\"n\":1}"); /* exactly then: outside */
    put(&house, INPUT_TRACK, "paid", anchor_ms - 1, "{\"n\":1}");
    put(&house, INPUT_TRACK, "paid", entered_ms + window_ms - 1, "{\"n\":3}");
    assert_int_equal(house.goals, 0);
    put(&house, INPUT_TRACK, "paid", entered_ms + window_ms - 1, "{\"n\":1}");
    assert_int_equal(house.goals, 1);
    put(&house, INPUT_TRACK, "paid", entered_ms + window_ms - 2, "{\"n\":1}");
    assert_int_equal(house.goals, 1);
    put(&house, INPUT_TRACK, "paid", anchor_ms + 1000, "{\"n\":2}");
    assert_int_equal(house.goals, 2);
    close_house(&house);
}

static void test_goals_that_come_late(void **state)
{
    (void)state;
    late_goals("entry", 7 * (int64_t)DAY_MS);
    late_goals("any message", 8 * (int64_t)DAY_MS);
    late_goals("sms x", 8 * (int64_t)DAY_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terms_of_a_new_image),
        cmocka_unit_test(test_terms_that_walk),
        cmocka_unit_test(test_what_is_declared_late),
        cmocka_unit_test(test_goals_that_come_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
