/* test_pool.c: see test_pool.h. Workers are forks of the process that compiled, so they share the
 * project; each takes the next test that nobody has, and writes what came of it into its pipe:
 *
 *   u32 length | varint index, passed, line, µs | file, statement, why, difference, timeline */
#include "compiler/tool/test_pool.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MOST = 64 };

struct shared { /* between all processes */
    _Atomic uint32_t next;
    _Atomic uint32_t doing[JOBS_MOST]; /* index + 1 of the test at hand */
};
struct worker {
    pid_t process; /* 0: none */
    int pipe;
    struct buf inbox;
};
struct pool {
    const struct test_project *project;
    struct test_case *cases;
    uint32_t count, reported;
    struct arena *arena;
    struct shared *shared;
    struct worker workers[JOBS_MOST];
    uint32_t worker_count;
    void (*done)(void *context, const struct test_case *one);
    void *context;
};

static void put_result(struct buf *out, uint32_t index, const struct test_result *r)
{
    buf_varint(out, index);
    buf_varint(out, r->is_passed);
    buf_varint(out, r->line);
    buf_varint(out, r->took_us);
    buf_bytes(out, r->file);
    buf_bytes(out, r->statement);
    buf_bytes(out, r->why);
    buf_bytes(out, r->difference);
    buf_bytes(out, r->timeline);
}

static bool read_result(struct pool *pool, struct str bytes)
{
    struct reader in = reader_of(bytes);
    uint64_t index = read_varint(&in);
    if (in.failed || index >= pool->count)
        return false;
    struct test_result *r = &pool->cases[index].result;
    r->is_passed = read_varint(&in) != 0;
    r->line = read_varint32(&in);
    r->took_us = read_varint(&in);
    struct str *texts[] = {&r->file, &r->statement, &r->why, &r->difference, &r->timeline};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        *texts[i] = arena_str(pool->arena, read_sized(&in));
    pool->cases[index].is_done = true;
    return !in.failed;
}

/* In the child. */
static void work(struct pool *pool, uint32_t number, int fd)
{
    bool is_heard = true;
    while (is_heard) {
        uint32_t index = atomic_fetch_add(&pool->shared->next, 1);
        struct arena arena;
        struct test_result result;
        struct buf frame, body;
        if (index >= pool->count)
            return;
        atomic_store(&pool->shared->doing[number], index + 1);
        arena_init(&arena, 0);
        buf_init(&body, 0);
        buf_init(&frame, 0);
        run_test(pool->project, pool->cases[index].test, &arena, &result);
        put_result(&body, index, &result);
        buf_u32(&frame, (uint32_t)body.len);
        buf_str(&frame, buf_view(&body));
        is_heard = tool_write_all(fd, buf_view(&frame));
        atomic_store(&pool->shared->doing[number], 0);
        buf_free(&frame);
        buf_free(&body);
        arena_free(&arena);
    }
}

static bool start(struct pool *pool, uint32_t number)
{
    struct worker *worker = &pool->workers[number];
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    fflush(stdout);
    fflush(stderr);
    worker->process = fork();
    if (worker->process == 0) {
        close(ends[0]);
        work(pool, number, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    if (worker->process < 0) {
        close(ends[0]);
        worker->process = 0;
        return false;
    }
    worker->pipe = ends[0];
    buf_init(&worker->inbox, 0);
    return true;
}

static void report(struct pool *pool)
{
    while (pool->reported < pool->count && pool->cases[pool->reported].is_done)
        pool->done(pool->context, &pool->cases[pool->reported++]);
}

/* Its pipe is at its end: it has finished, or a test has ended it. */
static bool bury(struct pool *pool, uint32_t number)
{
    struct worker *worker = &pool->workers[number];
    int how = 0;
    while (waitpid(worker->process, &how, 0) < 0 && errno == EINTR)
        continue;
    close(worker->pipe);
    buf_free(&worker->inbox);
    worker->process = 0;
    uint32_t doing = atomic_exchange(&pool->shared->doing[number], 0);
    if (!doing)
        return true;
    struct test_case *one = &pool->cases[doing - 1];
    one->result = (struct test_result){
        .why = WIFSIGNALED(how) ? arena_printf(pool->arena, "the test ended its process: signal %d",
                                               WTERMSIG(how))
                                : arena_printf(pool->arena, "the test ended its process: code %d",
                                               WEXITSTATUS(how))};
    one->is_done = true;
    report(pool);
    return start(pool, number);
}

/* False: the pipe is at its end. */
static bool hear(struct pool *pool, struct worker *worker)
{
    unsigned char block[1 << 16];
    ssize_t got = read(worker->pipe, block, sizeof block);
    if (got < 0 && errno == EINTR)
        return true;
    if (got <= 0)
        return false;
    buf_put(&worker->inbox, block, (size_t)got);
    struct str rest = buf_view(&worker->inbox);
    for (;;) {
        struct reader in = reader_of(rest);
        uint32_t length = read_u32(&in);
        if (in.failed || reader_left(&in) < length)
            break;
        ensure(read_result(pool, read_bytes(&in, length)));
        rest = str_from(rest, 4 + (size_t)length);
    }
    if (rest.len)
        memmove(worker->inbox.data, rest.at, rest.len);
    worker->inbox.len = rest.len;
    report(pool);
    return true;
}

static bool listen_to_all(struct pool *pool)
{
    struct pollfd waits[JOBS_MOST];
    uint32_t numbers[JOBS_MOST];
    for (;;) {
        nfds_t count = 0;
        for (uint32_t i = 0; i < pool->worker_count; i++)
            if (pool->workers[i].process) {
                numbers[count] = i;
                waits[count++] = (struct pollfd){.fd = pool->workers[i].pipe, .events = POLLIN};
            }
        if (!count)
            return pool->reported == pool->count;
        if (poll(waits, count, -1) < 0 && errno != EINTR)
            return false;
        for (nfds_t i = 0; i < count; i++)
            if (waits[i].revents && !hear(pool, &pool->workers[numbers[i]]) &&
                !bury(pool, numbers[i]))
                return false;
    }
}

bool test_pool_run(const struct test_project *project, struct test_case *cases, uint32_t count,
                   uint32_t job_count, struct arena *arena,
                   void (*done)(void *context, const struct test_case *one), void *context)
{
    struct pool *pool = arena_alloc(arena, sizeof *pool);
    job_count = job_count > JOBS_MOST ? JOBS_MOST : job_count;
    *pool = (struct pool){.project = project,
                          .cases = cases,
                          .count = count,
                          .arena = arena,
                          .worker_count = job_count < count ? job_count : count,
                          .done = done,
                          .context = context};
    pool->shared =
        mmap(NULL, sizeof *pool->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pool->shared == MAP_FAILED)
        return false;
    bool is_fine = true;
    for (uint32_t i = 0; i < pool->worker_count && is_fine; i++)
        is_fine = start(pool, i) || i > 0;
    is_fine = is_fine && listen_to_all(pool);
    munmap(pool->shared, sizeof *pool->shared);
    return is_fine;
}
