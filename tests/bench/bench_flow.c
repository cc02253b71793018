/* bench_flow.c: goal 3: the workload of PERFORMANCE.md 3 (start, message, sleep a second, branch,
 * message, done) to the end, in process, with a channel that sends nothing: every message is
 * claimed in one commit and recorded as sent in another, as the service does. The second of sleep
 * is the clock's, not the wall's. Restate and DBOS cannot be run here: their recorded figures stand
 * beside ours. */
#include "tests/bench/bench.h"

enum { RUNS = 16, BATCH = 1000 };
#define RESTATE_RUNS 455
#define DBOS_RUNS 258

#define FLOW                                                                                       \
    BENCH_CLINIC                                                                                   \
        "campaign run \"Flow\" {\n    trigger event patient.registered\n"                          \
        "    enter always\n    transactional\n    send automatically\n"                            \
        "    workflow {\n        email first { subject: \"Hello\"  text: \"Welcome.\" }\n"         \
        "        wait 1 second\n        if patient.phone is known {\n"                             \
        "            sms nudge \"Book your first visit.\"\n        } else {\n"                     \
        "            email second { subject: \"Book\"  text: \"Your visit.\" }\n"                  \
        "        }\n    }\n}\n"

static void take(struct bench_house *house, long count)
{
    struct input_answer answer;
    for (long i = 0; i < count;) {
        ensure(engine_begin(house->engine) == STATUS_OK);
        for (int k = 0; k < BATCH && i < count; k++, i++) {
            char id[24];
            int length = snprintf(id, sizeof id, "p%08ld", i);
            struct input who = {.kind = INPUT_IDENTIFY,
                                .patient = {id, (size_t)length},
                                .at_ms = INT64_MIN,
                                .properties = STR("{\"email\":\"p@patients.example\"}")};
            struct input what = {.kind = INPUT_TRACK,
                                 .patient = {id, (size_t)length},
                                 .at_ms = INT64_MIN,
                                 .name = STR("patient.registered"),
                                 .properties = STR("{}")};
            ensure(engine_input(house->engine, &who, BENCH_NOW_MS, &answer) == STATUS_OK);
            ensure(engine_input(house->engine, &what, BENCH_NOW_MS, &answer) == STATUS_OK);
        }
        ensure(engine_commit(house->engine) == STATUS_OK);
    }
}

/* Everything that waits to leave, BATCH at a time. */
static long send_all(struct bench_house *house, int64_t now_ms)
{
    static uint64_t ids[BATCH];
    struct arena arena;
    long sent = 0;
    int count = 1;
    arena_init(&arena, 0);
    while (count) {
        struct outbox_row row;
        struct outcome outcome = {.state = OUTBOX_SENT};
        enum outbox_state became;
        ensure(engine_begin(house->engine) == STATUS_OK);
        for (count = 0; count < BATCH; count++) {
            arena_reset(&arena);
            if (store_outbox_due(house->store, CHANNEL_EMAIL, now_ms, &arena, &row) != STATUS_OK)
                break;
            ensure(engine_claim_row(house->engine, &row, now_ms, &became) == STATUS_OK);
            ensure(became == OUTBOX_CLAIMED);
            ids[count] = row.id;
        }
        ensure(engine_commit(house->engine) == STATUS_OK);
        ensure(engine_begin(house->engine) == STATUS_OK);
        for (int i = 0; i < count; i++)
            ensure(engine_sent(house->engine, ids[i], &outcome, now_ms) == STATUS_OK);
        ensure(engine_commit(house->engine) == STATUS_OK);
        sent += count;
    }
    arena_free(&arena);
    return sent;
}

static double whole_runs(long count)
{
    struct bench_house house;
    bool more = true;
    bench_open(&house, STR(FLOW));
    int64_t start = monotonic_ns();
    take(&house, count);
    ensure(send_all(&house, BENCH_NOW_MS) == count);
    while (more) {
        ensure(engine_begin(house.engine) == STATUS_OK);
        ensure(engine_advance(house.engine, BENCH_NOW_MS + 1000, true, BATCH, &more) == STATUS_OK);
        ensure(engine_commit(house.engine) == STATUS_OK);
    }
    ensure(send_all(&house, BENCH_NOW_MS + 1000) == count);
    double rate = (double)count / bench_since(start);
    bench_close(&house);
    return rate;
}

int main(void)
{
    long count = bench_number("ITEMS", 20000);
    int rounds = (int)bench_number("ROUNDS", ROUNDS);
    double ours[RUNS];
    rounds = rounds > RUNS ? RUNS : rounds;
    for (int i = 0; i < rounds; i++)
        ours[i] = whole_runs(count);
    double m = bench_median(ours, rounds);
    printf("%ld whole runs (two messages each), %d rounds: %.0f/s\n", count, rounds, m);
    bench_goal(3, "whole runs/s, no-op channel, beside 100 x Restate 1.7 (455/s, recorded)", m,
               100.0 * RESTATE_RUNS, false);
    bench_goal(3, "the same, beside 100 x DBOS 5.3 (258/s, recorded)", m, 100.0 * DBOS_RUNS, false);
    return 0;
}
