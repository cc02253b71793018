/* bench_simulate.c: goal 15: steps of enrollments that `camp simulate` runs in a second, beside
 * what the durable engine runs of the same campaign and traffic; and how much memory simulation
 * takes of 100,000 and of 1,000,000 lines. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/bench/bench.h"

enum { STEPS_AN_ENROLLMENT = 3 }; /* wait, if, nudge */

static void make_lines(FILE *file, long count)
{
    for (long i = 0; i < count / 2; i++) {
        long second = i * 86400 / (count / 2);
        fprintf(file,
                "{\"type\":\"identify\",\"userId\":\"p%08ld\",\"timestamp\":"
                "\"2026-03-02T%02ld:%02ld:%02ldZ\",\"traits\":{\"phone\":\"+15185550100\"}}\n"
                "{\"type\":\"track\",\"userId\":\"p%08ld\",\"event\":\"patient.registered\","
                "\"messageId\":\"m-%010ld\",\"timestamp\":\"2026-03-02T%02ld:%02ld:%02ldZ\","
                "\"properties\":{\"source\":\"web\"}}\n",
                i, second / 3600, second / 60 % 60, second % 60, i, i, second / 3600,
                second / 60 % 60, second % 60);
    }
}

static void write_file(const char *path, long count)
{
    FILE *file = fopen(path, "w");
    ensure(file);
    make_lines(file, count);
    ensure(fclose(file) == 0);
}

static void count_step(void *context, const struct notice *notice)
{
    uint64_t *steps = context;
    *steps += notice->kind == NOTICE_STEP;
}

/* All lines, then two days later all that is due, 1000 a commit. */
static double durable(const char *path, long count)
{
    struct bench_house house;
    struct buf lines;
    uint64_t steps = 0;
    bool more = true;
    FILE *file = fopen(path, "r");
    ensure(file);
    buf_init(&lines, 0);
    for (size_t got = 1; got;) {
        unsigned char *room = buf_reserve(&lines, 1 << 20);
        got = fread(room, 1, 1 << 20, file);
        lines.len += got;
    }
    fclose(file);
    bench_open(&house, STR(BENCH_WELCOME));
    engine_observe(house.engine, count_step, &steps);
    int64_t start = monotonic_ns();
    bench_import(&house, buf_view(&lines));
    while (more) {
        ensure(engine_begin(house.engine) == STATUS_OK);
        ensure(engine_advance(house.engine, BENCH_NOW_MS + 3 * 86400000LL, true, ITEMS_A_COMMIT,
                              &more) == STATUS_OK);
        ensure(engine_commit(house.engine) == STATUS_OK);
    }
    double rate = (double)steps / bench_since(start);
    ensure(steps == (uint64_t)(count / 2) * STEPS_AN_ENROLLMENT);
    bench_close(&house);
    buf_free(&lines);
    return rate;
}

/* Seconds, and the peak of memory in KiB. */
static double simulated(const char *campaign, const char *path, long *peak_kib)
{
    const char *folder = getenv("BIN");
    char camp[512];
    struct rusage usage;
    int how;
    snprintf(camp, sizeof camp, "%s/camp", folder ? folder : "build");
    int64_t start = monotonic_ns();
    pid_t child = fork();
    if (child == 0) {
        ensure(freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr));
        execl(camp, camp, "simulate", campaign, "--events", path, "--until", "2026-03-06 00:00",
              (char *)NULL);
        _exit(127);
    }
    ensure(child > 0 && wait4(child, &how, 0, &usage) == child && WIFEXITED(how) &&
           WEXITSTATUS(how) == 0);
    *peak_kib = usage.ru_maxrss;
    return bench_since(start);
}

int main(void)
{
    long count = bench_number("ITEMS", 100000), many = count * 10, few_kib, many_kib;
    int rounds = (int)bench_number("ROUNDS", ROUNDS);
    double ours[16], theirs[16];
    char campaign[256], path[256];
    bench_path(campaign, sizeof campaign - 8, "simulate");
    bench_path(path, sizeof path, "traffic");
    strcat(campaign, ".camp");
    FILE *file = fopen(campaign, "w");
    ensure(file && fputs(BENCH_WELCOME, file) >= 0 && fclose(file) == 0);
    write_file(path, count);
    rounds = rounds > 16 ? 16 : rounds;
    double steps = (double)(count / 2) * STEPS_AN_ENROLLMENT;
    for (int i = 0; i < rounds; i++) {
        ours[i] = steps / simulated(campaign, path, &few_kib);
        theirs[i] = durable(path, count);
    }
    write_file(path, many);
    double seconds = simulated(campaign, path, &many_kib);
    printf("%ld lines: peak %ld KiB; %ld lines: peak %ld KiB, %.1f s\n", count, few_kib, many,
           many_kib, seconds);
    bench_goal(15, "simulated steps/s, beside 10 times the durable engine's",
               bench_median(ours, rounds), 10 * bench_median(theirs, rounds), false);
    unlink(path);
    unlink(campaign);
    return 0;
}
