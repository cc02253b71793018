/* bench_condition.c: goals 10 and 14.
 *
 * 10: a condition on a patient's record, by our machine and by Lua 5.4 (Debian: liblua5.4-0, opened
 * at run time; without it the figure recorded in PERFORMANCE.md stands in).
 * 14: an event and an attribute change that nothing reads, with one campaign and one enrollment,
 * and with many of both.
 *
 * Both need the processor alone, so its time is counted, not the wall's. */
#include <dlfcn.h>
#include <time.h>

#include "tests/bench/bench.h"

enum { RUNS = 16, LOOPS = 500000, CAMPAIGNS = 200, ENROLLMENTS = 1000 };

/* ---- goal 10 -----------------------------------------------------------------------------------
 */

#define CONDITION                                                                                  \
    BENCH_CLINIC "campaign c \"C\" {\n    trigger event patient.registered\n    enter always\n"    \
                 "    audience patient.age >= 18 and patient.state == \"CA\" and "                 \
                 "patient.last_visit < now - 180 days\n    transactional\n"                        \
                 "    workflow { wait 1 hour }\n}\n"

static uint32_t attribute_number(const struct program *program, const char *name)
{
    for (uint32_t i = 0; i < program->image->attribute_count; i++)
        if (str_eq_c(image_text(program->image, program->image->attributes[i].name), name))
            return program->attribute_names[i];
    ensure(false);
    return 0;
}

static double ours_ns(const struct program *program, struct arena *arena)
{
    struct patient patient;
    struct host host = {0};
    uint64_t work = 0;
    long true_count = 0;
    host.work = &work;
    patient_init(&patient, arena, STR("p1"), 1);
    patient_set_attribute(&patient, attribute_number(program, "age"), value_int(44));
    patient_set_attribute(&patient, attribute_number(program, "state"), value_text(STR("CA")));
    patient_set_attribute(&patient, attribute_number(program, "last_visit"),
                          value_time(BENCH_NOW_MS - 400LL * 86400000));
    struct env env = {.program = program,
                      .patient = &patient,
                      .host = &host,
                      .arena = arena,
                      .now_ms = BENCH_NOW_MS};
    env_zone(&env);
    clock_t start = clock(); /* as Lua's os.clock() */
    for (long i = 0; i < LOOPS; i++) {
        env.fuel = 1 << 20;
        true_count += machine_test(&env, program->image->campaigns[0].audience);
    }
    double ns = (double)(clock() - start) / CLOCKS_PER_SEC * 1e9 / LOOPS;
    ensure(true_count == LOOPS);
    return ns;
}

struct lua {
    void *library, *state;
    int (*load)(void *, const char *);
    int (*call)(void *, int, int, int, intptr_t, void *);
    double (*number)(void *, int, int *);
    void *(*open)(void);
    void (*libraries)(void *);
};

/* POSIX lets a pointer of dlsym be a function's; ISO C has no cast for it. */
static bool find_function(const struct lua *lua, const char *name, void *function)
{
    void *found = dlsym(lua->library, name);
    memcpy(function, &found, sizeof found);
    return found != NULL;
}

static bool lua_open(struct lua *lua)
{
    lua->library = dlopen("liblua5.4.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!lua->library || !find_function(lua, "luaL_newstate", &lua->open) ||
        !find_function(lua, "luaL_openlibs", &lua->libraries) ||
        !find_function(lua, "luaL_loadstring", &lua->load) ||
        !find_function(lua, "lua_pcallk", &lua->call) ||
        !find_function(lua, "lua_tonumberx", &lua->number))
        return false;
    lua->state = lua->open();
    lua->libraries(lua->state);
    return true;
}

/* The loop, the call and the time are Lua's own. */
static double lua_ns(struct lua *lua)
{
    static const char program[] =
        "local patient = {age = 44, state = 'CA', last_visit = 1737900000000}\n"
        "local function test(p, now)\n"
        "  return p.age >= 18 and p.state == 'CA' and p.last_visit < now - 180 * 86400000\n"
        "end\n"
        "local count, start = 0, os.clock()\n"
        "for i = 1, 2000000 do if test(patient, 1772460000000) then count = count + 1 end end\n"
        "assert(count == 2000000)\n"
        "return (os.clock() - start) * 1e9 / 2000000\n";
    ensure(lua->load(lua->state, program) == 0);
    ensure(lua->call(lua->state, 0, 1, 0, 0, NULL) == 0);
    return lua->number(lua->state, -1, NULL);
}

static void goal_10(int rounds)
{
    struct bench_house house;
    struct lua lua;
    struct arena arena;
    double ours[RUNS], theirs[RUNS];
    bool has_lua = lua_open(&lua);
    arena_init(&arena, 0);
    bench_open(&house, STR(CONDITION));
    for (int i = 0; i < rounds; i++) {
        ours[i] = ours_ns(engine_program(house.engine), &arena);
        theirs[i] = has_lua ? lua_ns(&lua) : 28;
    }
    double m = bench_median(ours, rounds), l = bench_median(theirs, rounds);
    printf("a condition of three comparisons: ours %.1f ns, Lua 5.4 %.1f ns%s\n", m, l,
           has_lua ? "" : " (recorded, liblua5.4-0 is not installed)");
    bench_goal(10,
               has_lua ? "ns a condition, beside 0.6 x Lua's"
                       : "ns a condition, beside 0.6 x Lua's as recorded in another run",
               m, 0.6 * l, true);
    arena_free(&arena);
    bench_close(&house);
}

/* ---- goal 14 -----------------------------------------------------------------------------------
 */

static void many_campaigns(struct buf *text, int count)
{
    buf_c(text, BENCH_CLINIC "patient { shoe_size: integer }\n");
    for (int i = 0; i < count; i++)
        buf_printf(text,
                   "campaign c%d \"C\" {\n    trigger event patient.registered\n    enter always\n"
                   "    transactional\n    exit when patient.age > %d\n"
                   "    workflow { wait until patient.state == \"S%d\" up to 30 days }\n}\n",
                   i, 200 + i, i);
}

static void take(struct bench_house *house, enum input_kind kind, struct str properties)
{
    struct input_answer answer;
    struct input input = {.kind = kind,
                          .patient = STR("p1"),
                          .at_ms = INT64_MIN,
                          .name = kind == INPUT_TRACK && properties.len == 2
                                      ? STR("patient.registered")
                                      : STR("page.seen"),
                          .properties = properties};
    ensure(engine_input(house->engine, &input, BENCH_NOW_MS, &answer) == STATUS_OK);
    ensure(answer.what == ANSWER_ACCEPTED);
}

/* Microseconds for an event, and for an attribute, that nothing reads. */
static void unread(int campaigns, int enrollments, double *event_us, double *attribute_us)
{
    enum { TIMES = 2000 };
    struct bench_house house;
    struct buf text;
    buf_init(&text, 0);
    many_campaigns(&text, campaigns);
    bench_open(&house, buf_view(&text));
    ensure(engine_begin(house.engine) == STATUS_OK);
    for (int i = 0; i < enrollments / campaigns; i++)
        take(&house, INPUT_TRACK, STR("{}"));
    clock_t start = clock();
    for (int i = 0; i < TIMES; i++)
        take(&house, INPUT_TRACK, STR("{\"page\":\"/home\"}"));
    *event_us = (double)(clock() - start) / CLOCKS_PER_SEC * 1e6 / TIMES;
    start = clock();
    for (int i = 0; i < TIMES; i++)
        take(&house, INPUT_IDENTIFY, i % 2 ? STR("{\"shoe_size\":38}") : STR("{\"shoe_size\":39}"));
    *attribute_us = (double)(clock() - start) / CLOCKS_PER_SEC * 1e6 / TIMES;
    ensure(engine_commit(house.engine) == STATUS_OK);
    bench_close(&house);
    buf_free(&text);
}

static void goal_14(int rounds)
{
    double few[2][RUNS], many[2][RUNS], crowd[2][RUNS];
    for (int i = 0; i < rounds; i++) {
        unread(1, 1, &few[0][i], &few[1][i]);
        unread(CAMPAIGNS, CAMPAIGNS, &many[0][i], &many[1][i]);
        unread(1, ENROLLMENTS, &crowd[0][i], &crowd[1][i]);
    }
    for (int k = 0; k < 2; k++) {
        const char *word = k ? "attribute change" : "event";
        double f = bench_median(few[k], rounds), m = bench_median(many[k], rounds),
               c = bench_median(crowd[k], rounds);
        char what[200];
        printf("an %s that nothing reads: %.2f us; %d campaigns, an enrollment in each: %.2f; %d "
               "enrollments: %.2f\n",
               word, f, CAMPAIGNS, m, ENROLLMENTS, c);
        snprintf(
            what, sizeof what,
            "us for an %s that nothing reads, %d campaigns each with an enrollment, beside 2 x "
            "that with one",
            word, CAMPAIGNS);
        bench_goal(14, what, m, 2 * f, true);
        snprintf(what, sizeof what,
                 "us for an %s that nothing reads, %d enrollments of the patient, beside 2 x that "
                 "with one",
                 word, ENROLLMENTS);
        bench_goal(14, what, c, 2 * f, true);
    }
}

int main(void)
{
    int rounds = (int)bench_number("ROUNDS", ROUNDS);
    rounds = rounds > RUNS ? RUNS : rounds;
    goal_10(rounds);
    goal_14(rounds);
    return 0;
}
