/* bench_compile.c: goal 12: `camp check` with all proofs beside `luac -p`, as lines a second, on a
 * made-up project of BENCH_LINES lines (a million) and as many of Lua, turn by turn; and whether
 * the time is linear in lines. Processor time of the child counts: it does not grow when others use
 * the machine. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/bench/bench.h"

static const char *folder;

static void generate(const char *language, long lines, char *path, size_t size)
{
    char command[4096];
    snprintf(path, size, "%s/bench_%ld.%s", folder, lines, language);
    snprintf(command, sizeof command, "%s/lines %s %ld >%s", folder, language, lines, path);
    if (system(command) != 0) {
        fprintf(stderr, "bench_compile: cannot write %s\n", path);
        exit(1);
    }
}

/* Seconds of the child, user and system; negative: it failed. */
static double run(char *const *arguments)
{
    struct rusage before, after;
    int status = 1;
    getrusage(RUSAGE_CHILDREN, &before);
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(127);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        return -1;
    getrusage(RUSAGE_CHILDREN, &after);
    return (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec -
                    before.ru_stime.tv_sec) +
           (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec -
                    before.ru_stime.tv_usec) /
               1e6;
}

static double check(const char *path)
{
    char program[4096];
    snprintf(program, sizeof program, "%s/camp", folder);
    char *arguments[] = {program, "check", (char *)(uintptr_t)path, NULL};
    return run(arguments);
}

int main(void)
{
    char camp[4096], tenth[4096], lua[4096];
    double ours[ROUNDS], small[ROUNDS], theirs[ROUNDS];
    long lines = bench_number("BENCH_LINES", 1000000);
    bool has_luac = true;
    folder = getenv("BIN") ? getenv("BIN") : "build";
    generate("camp", lines, camp, sizeof camp);
    generate("camp", lines / 10, tenth, sizeof tenth);
    generate("lua", lines, lua, sizeof lua);
    for (int round = 0; round < ROUNDS; round++) {
        char *luac[] = {"luac", "-p", lua, NULL}, *luac54[] = {"luac5.4", "-p", lua, NULL};
        ours[round] = check(camp);
        small[round] = check(tenth);
        theirs[round] = run(luac54);
        if (theirs[round] < 0)
            theirs[round] = run(luac);
        has_luac &= theirs[round] > 0;
        if (ours[round] < 0 || small[round] < 0) {
            fprintf(stderr, "bench_compile: camp check fails\n");
            return 1;
        }
    }
    double all = bench_median(ours, ROUNDS), part = bench_median(small, ROUNDS);
    printf("check: %.0f lines/s of processor time, %.2f s for %ld lines, %.3f s for a tenth: %.2f "
           "times linear\n",
           (double)lines / all, all, lines, part, all / (10 * part));
    bench_goal(12, "check of 1M lines, s", all * 1e6 / (double)lines, 1.0, true);
    if (has_luac)
        bench_goal(12, "check and compile, lines/s beside 0.7 of luac's", (double)lines / all,
                   0.7 * (double)lines / bench_median(theirs, ROUNDS), false);
    else
        printf("goal 12: luac is not installed (lua5.4): no comparison\n");
    return 0;
}
