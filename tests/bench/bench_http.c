/* bench_http.c: goal 1: enrollments over HTTP, 64 connections, one event a request, each answered
 * after its commit. campd itself, beside the least that a program of its own would do
 * (bare_server.h), in turn, on the same disk and the same client. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/bench/bare_server.h"
#include "tests/bench/bench.h"

enum { CONNECTIONS = 64, RUNS = 16 };
#define RESTATE_STARTS 2618 /* PERFORMANCE.md 3, recorded on a machine of this kind */

struct served {
    pid_t process;
    uint16_t port;
    char key[160], folder[256];
};

static void write_file(const char *path, struct str text)
{
    FILE *file = fopen(path, "w");
    ensure(file && fwrite(text.at, 1, text.len, file) == text.len && fclose(file) == 0);
}

/* campd on a free port; its key and port from what it prints. */
static void start_campd(struct served *served)
{
    const char *bin = getenv("BIN");
    char program[300], db[300], config[300], text[400], line[400];
    int ends[2];
    bench_path(served->folder, sizeof served->folder, "http");
    mkdir(served->folder, 0755);
    snprintf(program, sizeof program, "%s/campd", bin ? bin : "build");
    snprintf(db, sizeof db, "%s/camp.db", served->folder);
    snprintf(config, sizeof config, "%s/campd.ini", served->folder);
    snprintf(text, sizeof text, "[delivery]\nemail = file://%s\nsms = file://%s\n", "/nonexistent",
             "/nonexistent");
    write_file(config, str_of(text));
    ensure(pipe(ends) == 0);
    served->process = fork();
    if (served->process == 0) {
        dup2(ends[1], 1);
        execl(program, "campd", "--db", db, "--listen", "127.0.0.1:0", "--config", config,
              (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *said = fdopen(ends[0], "r");
    served->port = 0;
    while (!served->port && fgets(line, sizeof line, said)) {
        const char *where = strstr(line, "listening on http://");
        if (where)
            served->port = (uint16_t)atoi(strrchr(where, ':') + 1);
        sscanf(line, "admin key: %159s", served->key);
    }
    ensure(served->port);
    fclose(said);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ensure(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static int request_text(char *to, size_t size, const char *key, const char *path, struct str body)
{
    return snprintf(to, size,
                    "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                    "Content-Length: %zu\r\n\r\n" STR_FMT,
                    path, key, body.len, STR_ARG(body));
}

/* One request of its own; the answer's body. */
static void ask(const struct served *served, const char *path, struct str body, char answer[4096])
{
    char head[512];
    int fd = connect_to(served->port);
    snprintf(head, sizeof head,
             "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
             "Authorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n",
             path, served->key, body.len);
    int length = (int)strlen(head);
    ensure(write(fd, head, (size_t)length) == length);
    ensure(!body.len || write(fd, body.at, body.len) == (ssize_t)body.len);
    size_t got = 0;
    ssize_t n;
    while (got < 4095 && (n = read(fd, answer + got, 4095 - got)) > 0)
        got += (size_t)n;
    answer[got] = 0;
    close(fd);
    ensure(strncmp(answer, "HTTP/1.1 20", 11) == 0);
}

static void deploy(const struct served *served)
{
    struct compilation compilation;
    struct buf bytes;
    char answer[4096], id[80], path[160];
    bench_compile(&compilation, STR(BENCH_WELCOME));
    buf_init(&bytes, 0);
    ensure(image_encode(&compilation.image, &bytes));
    ask(served, "/v1/images", buf_view(&bytes), answer);
    ensure(sscanf(strstr(answer, "\"id\":\"") + 6, "%64[0-9a-f]", id) == 1);
    snprintf(path, sizeof path, "/v1/images/%s/deploy", id);
    ask(served, path, (struct str){0}, answer);
    ask(served, "/v1/campaigns/welcome/start", STR("{}"), answer);
    buf_free(&bytes);
    compilation_free(&compilation);
}

/* The load: each connection sends its next request when the answer has come. */
static double load(const struct served *served, long first, double seconds)
{
    struct epoll_event events[CONNECTIONS];
    int epoll = epoll_create1(EPOLL_CLOEXEC), fds[CONNECTIONS];
    long sent = 0, done = 0;
    char request[1024], body[400], answer[4096];
    int64_t start = monotonic_ns();
    bool is_over = false;
    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = connect_to(served->port);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
        ensure(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event) == 0);
    }
    for (long open = 0; !is_over || open;) {
        int ready = sent ? epoll_wait(epoll, events, CONNECTIONS, -1) : CONNECTIONS;
        is_over = bench_since(start) > seconds;
        for (int i = 0; i < ready; i++) {
            int fd = sent < CONNECTIONS ? fds[i] : events[i].data.fd;
            if (sent >= CONNECTIONS) {
                ssize_t n = read(fd, answer, sizeof answer - 1);
                ensure(n > 0 && strncmp(answer, "HTTP/1.1 200", 12) == 0);
                done++;
                open--;
            }
            if (is_over)
                continue;
            int length = snprintf(body, sizeof body,
                                  "{\"type\":\"track\",\"userId\":\"p%08ld\",\"event\":"
                                  "\"patient.registered\",\"messageId\":\"m-%010ld\","
                                  "\"properties\":{\"source\":\"web\"}}",
                                  first + sent, first + sent);
            length = request_text(request, sizeof request, served->key, "/v1/import",
                                  (struct str){body, (size_t)length});
            ensure(write(fd, request, (size_t)length) == length);
            sent++;
            open++;
        }
    }
    double rate = (double)done / bench_since(start);
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
    close(epoll);
    return rate;
}

static void stop(struct served *served)
{
    kill(served->process, SIGKILL);
    waitpid(served->process, NULL, 0);
}

static void start_bare(struct served *served)
{
    struct bare_server server = {0};
    bench_path(served->folder, sizeof served->folder, "bare");
    server.listener = bare_listen(&served->port);
    fflush(stdout);
    served->process = fork();
    if (served->process == 0) {
        bare_open(&server, served->folder);
        bare_serve(&server);
    }
    close(server.listener);
}

int main(void)
{
    double ours[RUNS], bare[RUNS], seconds = (double)bench_number("SECONDS", 3);
    int rounds = (int)bench_number("ROUNDS", ROUNDS);
    struct served campd = {0}, peer = {0};
    rounds = rounds > RUNS ? RUNS : rounds;
    start_campd(&campd);
    deploy(&campd);
    start_bare(&peer);
    for (int i = 0; i < rounds; i++) {
        ours[i] = load(&campd, 10000000L * i, seconds);
        bare[i] = load(&peer, 10000000L * i, seconds);
    }
    stop(&campd);
    stop(&peer);
    char command[1200];
    snprintf(command, sizeof command, "rm -rf '%s' '%s'*", campd.folder, peer.folder);
    ensure(system(command) == 0);
    double m = bench_median(ours, rounds), b = bench_median(bare, rounds);
    printf("%d connections, %d rounds of %.0f s: campd %.0f enrollments/s, bare server %.0f/s\n",
           CONNECTIONS, rounds, seconds, m, b);
    bench_goal(1, "enrollments/s over HTTP, beside 75 % of a bare epoll and SQLite server", m,
               0.75 * b, false);
    bench_goal(1, "the same, beside 10 x Restate 1.7 (2,618/s, recorded, not run here)", m,
               10.0 * RESTATE_STARTS, false);
    return 0;
}
