/* bench.h: what the measuring programs share: time, medians of interleaved rounds, the line of a
 * goal, a compiled campaign, an engine on a file of its own. Header only: every source here is
 * a program. */
#ifndef CAMP_TESTS_BENCH_BENCH_H
#define CAMP_TESTS_BENCH_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compiler/compile.h"
#include "stdlib/builtins.h"
#include "vm/base/clock.h"
#include "vm/run/engine.h"

enum { ROUNDS = 5, ITEMS_A_COMMIT = 1000 };
#define BENCH_NOW_MS 1772460000000LL /* 2026-03-02 14:00 UTC */

static inline double bench_since(int64_t start_ns)
{
    return (double)(monotonic_ns() - start_ns) / 1e9;
}

static inline long bench_number(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text && *text ? atol(text) : otherwise;
}

static inline int bench_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double bench_median(double *rounds, int count)
{
    qsort(rounds, (size_t)count, sizeof *rounds, bench_order);
    return rounds[count / 2];
}

/* `limit` is the figure the goal asks for; ratio 1 and better is reached. */
static inline void bench_goal(int number, const char *what, double ours, double limit,
                              bool less_is_better)
{
    printf("goal %d: %s: ours %.6g, limit %s %.6g, ratio %.2f\n", number, what, ours,
           less_is_better ? "at most" : "at least", limit,
           less_is_better ? limit / ours : ours / limit);
    fflush(stdout);
}

static inline void bench_compile(struct compilation *compilation, struct str text)
{
    static const struct compile_module none[] = {{NULL, NULL}};
    struct compile_options options = {&stdlib_builtins, none, false};
    compilation_init(compilation);
    compile_text(compilation, &options, STR("bench.camp"), text);
    if (!compilation->diags.error_count)
        return;
    struct buf out;
    buf_init(&out, 0);
    diags_write(&compilation->diags, DIAG_TEXT, false, &out);
    fprintf(stderr, STR_FMT "\n", STR_ARG(buf_view(&out)));
    ensure(false);
}

struct bench_house {
    struct store *store;
    struct engine *engine;
    struct arena arena;
    char path[256];
};

static inline void bench_unlink(const char *path)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-lock"};
    char name[300];
    for (size_t i = 0; i < ARRAY_COUNT(tails); i++) {
        snprintf(name, sizeof name, "%s%s", path, tails[i]);
        unlink(name);
    }
}

/* $BENCH_DIR (default: build) must be on a real disk, else syncing costs nothing. */
static inline void bench_path(char *path, size_t size, const char *name)
{
    const char *folder = getenv("BENCH_DIR"), *build = getenv("BUILD");
    folder = folder ? folder : build ? build : "build";
    snprintf(path, size, "%s/%s.%d", folder, name, (int)getpid());
    bench_unlink(path);
}

/* As the service runs it. */
static inline struct engine_options bench_options(void)
{
    return (struct engine_options){.builtins = &stdlib_builtins,
                                   .late_after_ms = 30LL * 86400000,
                                   .public_url = STR("https://camp.example"),
                                   .counts = true};
}

/* The campaigns of `text`, running, on an empty file. */
static inline void bench_open(struct bench_house *house, struct str text)
{
    struct compilation compilation;
    struct buf bytes;
    struct str error = {0};
    struct image_error image_error;
    struct engine_options options = bench_options();
    bench_compile(&compilation, text);
    buf_init(&bytes, 0);
    ensure(image_encode(&compilation.image, &bytes));
    bench_path(house->path, sizeof house->path, "bench");
    arena_init(&house->arena, 0);
    ensure(store_open(&house->store, house->path, &error, &house->arena) == STATUS_OK);
    ensure(engine_open(&house->engine, house->store, &options) == STATUS_OK);
    ensure(engine_begin(house->engine) == STATUS_OK);
    ensure(engine_deploy(house->engine, buf_view(&bytes), &image_error) == STATUS_OK);
    const struct image *image = engine_program(house->engine)->image;
    for (uint32_t i = 0; i < image->campaign_count; i++)
        ensure(engine_set_campaign(house->engine, image_text(image, image->campaigns[i].name),
                                   CAMPAIGN_RUNNING) == STATUS_OK);
    ensure(engine_commit(house->engine) == STATUS_OK);
    buf_free(&bytes);
    compilation_free(&compilation);
}

static inline void bench_close(struct bench_house *house)
{
    engine_close(house->engine);
    store_close(house->store);
    arena_free(&house->arena);
    bench_unlink(house->path);
}

/* Lines of NDJSON, ITEMS_A_COMMIT a commit; every one must be accepted. */
static inline void bench_import(struct bench_house *house, struct str lines)
{
    struct arena arena;
    arena_init(&arena, 0);
    while (lines.len) {
        ensure(engine_begin(house->engine) == STATUS_OK);
        for (int i = 0; i < ITEMS_A_COMMIT && lines.len; i++) {
            const char *end = memchr(lines.at, '\n', lines.len);
            struct str line = {lines.at, (size_t)(end - lines.at)};
            struct input input;
            struct input_answer answer;
            arena_reset(&arena);
            ensure(input_parse(&arena, line, &input, &answer));
            ensure(engine_input(house->engine, &input, BENCH_NOW_MS, &answer) == STATUS_OK);
            ensure(answer.what == ANSWER_ACCEPTED);
            lines = str_from(lines, line.len + 1);
        }
        ensure(engine_commit(house->engine) == STATUS_OK);
    }
    arena_free(&arena);
}

#define BENCH_CLINIC                                                                               \
    "clinic \"Riverside\" {\n    timezone: \"America/New_York\"\n"                                 \
    "    from_email: \"Riverside <hello@riverside.example>\"\n"                                    \
    "    address: \"12 Mill Lane, Albany NY 12207\"\n}\n"                                          \
    "patient {\n    first_name: text\n    email: email\n    phone: phone\n    age: integer\n"      \
    "    state: text\n    last_visit: time\n}\n"                                                   \
    "event patient.registered { source: text }\nevent appointment.booked { at: time }\n"

#define BENCH_WELCOME                                                                              \
    BENCH_CLINIC "campaign welcome \"Welcome\" {\n    trigger event patient.registered\n"          \
                 "    enter once\n    transactional\n    send automatically\n"                     \
                 "    workflow {\n        wait 2 days\n        if patient.phone is known {\n"      \
                 "            sms nudge \"Book your first visit.\"\n        }\n    }\n}\n"

#endif
