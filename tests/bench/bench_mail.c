/* bench_mail.c: goal 13: mails a second to postfix's smtp-sink, claimed, sent and recorded by
 * delivery, beside a loop of libcurl's multi interface that does nothing else, with as many
 * connections and the same bytes. SMTP_SINK is the program (tests/bench/run finds it). */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/bench/bench.h"
#include "vm/run/deliver.h"

enum { MAILS = 4000, CONNECTIONS = 4 };

#define CAMPAIGN                                                                                   \
    BENCH_CLINIC "campaign mail \"Mail\" {\n    trigger event patient.registered\n"                \
                 "    enter always\n    transactional\n    send automatically\n    workflow {\n"   \
                 "        email hello { subject: \"Welcome\"  text: \"We are glad that you are "   \
                 "here. {{ clinic.address }}\" }\n    }\n}\n"

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ensure(bind(fd, (struct sockaddr *)&address, size) == 0);
    ensure(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

static bool is_open(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)},
                                  .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool connects = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return connects;
}

static pid_t start_sink(const char *program, int port)
{
    char where[32];
    snprintf(where, sizeof where, "127.0.0.1:%d", port);
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0)
            execl(program, program, "-u", "root", where, "1000", NULL);
        else
            execl(program, program, where, "1000", NULL);
        _exit(127);
    }
    for (int i = 0; i < 500 && !is_open(port); i++)
        usleep(10000);
    return pid;
}

/* --- libcurl alone --- */

struct upload {
    const char *at;
    size_t left;
};

static size_t on_read(char *to, size_t size, size_t count, void *context)
{
    struct upload *upload = context;
    size_t length = upload->left < size * count ? upload->left : size * count;
    memcpy(to, upload->at, length);
    upload->at += length;
    upload->left -= length;
    return length;
}

/* The process's own time: what a loaded machine does not change much. */
static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double libcurl_alone(int port, struct str mail, long mails, double *cpu)
{
    char url[64];
    struct upload uploads[CONNECTIONS];
    CURL *handles[CONNECTIONS];
    CURLM *multi = curl_multi_init();
    struct curl_slist *to = curl_slist_append(NULL, "p1@patients.example");
    long begun = 0, done = 0;
    snprintf(url, sizeof url, "smtp://127.0.0.1:%d/localhost", port);
    int64_t start_ns = monotonic_ns();
    *cpu = -cpu_s();
    for (int i = 0; i < CONNECTIONS; i++) {
        uploads[i] = (struct upload){mail.at, mail.len};
        handles[i] = curl_easy_init();
        curl_easy_setopt(handles[i], CURLOPT_URL, url);
        curl_easy_setopt(handles[i], CURLOPT_MAIL_FROM, "hello@riverside.example");
        curl_easy_setopt(handles[i], CURLOPT_MAIL_RCPT, to);
        curl_easy_setopt(handles[i], CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(handles[i], CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(handles[i], CURLOPT_READDATA, &uploads[i]);
        curl_easy_setopt(handles[i], CURLOPT_INFILESIZE_LARGE, (curl_off_t)mail.len);
        curl_easy_setopt(handles[i], CURLOPT_PRIVATE, &uploads[i]);
        curl_multi_add_handle(multi, handles[i]);
        begun++;
    }
    while (done < mails) {
        int running, left;
        curl_multi_perform(multi, &running);
        for (CURLMsg *m; (m = curl_multi_info_read(multi, &left)) != NULL;) {
            struct upload *upload;
            CURL *easy = m->easy_handle;
            ensure(m->data.result == CURLE_OK);
            curl_easy_getinfo(easy, CURLINFO_PRIVATE, &upload);
            curl_multi_remove_handle(multi, easy);
            done++;
            if (begun++ >= mails)
                continue;
            *upload = (struct upload){mail.at, mail.len};
            curl_multi_add_handle(multi, easy);
        }
        if (done < mails)
            curl_multi_poll(multi, NULL, 0, 100, NULL);
    }
    double rate = (double)mails / bench_since(start_ns);
    *cpu = (*cpu + cpu_s()) / (double)mails * 1e6;
    for (int i = 0; i < CONNECTIONS; i++)
        curl_easy_cleanup(handles[i]);
    curl_slist_free_all(to);
    curl_multi_cleanup(multi);
    return rate;
}

/* --- ours --- */

static void fill(struct bench_house *house, long mails)
{
    struct buf lines;
    buf_init(&lines, 0);
    for (long i = 0; i < mails; i++)
        buf_printf(&lines,
                   "{\"type\":\"identify\",\"userId\":\"p%ld\",\"traits\":{\"email\":"
                   "\"p%ld@patients.example\"}}\n"
                   "{\"type\":\"track\",\"userId\":\"p%ld\",\"event\":\"patient.registered\"}\n",
                   i, i, i);
    bench_import(house, buf_view(&lines));
    buf_free(&lines);
}

static double delivery(int port, long mails, double *cpu)
{
    struct bench_house house;
    struct deliver_options options = {.timeout_ms = 60000};
    const char *why;
    snprintf(options.email, sizeof options.email, "smtp://127.0.0.1:%d", port);
    snprintf(options.sms, sizeof options.sms, "file:///nowhere");
    bench_open(&house, STR(CAMPAIGN));
    fill(&house, mails);
    struct delivery *d = deliver_open(house.engine, house.store, &options, &why);
    ensure(d);
    int64_t start_ns = monotonic_ns();
    *cpu = -cpu_s();
    while (store_outbox_due_at(house.store, CHANNEL_EMAIL) <= BENCH_NOW_MS || deliver_is_busy(d)) {
        struct pollfd fd = {.fd = deliver_fd(d), .events = POLLIN};
        ensure(deliver(d, BENCH_NOW_MS, true) == STATUS_OK);
        int64_t wait_ms = deliver_wait_ms(d, BENCH_NOW_MS, 0);
        poll(&fd, 1, wait_ms > 100 ? 100 : (int)wait_ms);
    }
    double rate = (double)mails / bench_since(start_ns);
    *cpu = (*cpu + cpu_s()) / (double)mails * 1e6;
    deliver_close(d);
    bench_close(&house);
    return rate;
}

int main(void)
{
    const char *program = getenv("SMTP_SINK");
    double ours[ROUNDS], limit[ROUNDS];
    long mails = bench_number("MAILS", MAILS);
    static const char mail[] =
        "From: \"Riverside\" <hello@riverside.example>\r\nTo: <p1@patients.example>\r\n"
        "Subject: Welcome\r\nDate: Mon, 02 Mar 2026 14:00:00 +0000\r\n"
        "Message-ID: <0123456789abcdef0123456789abcdef@riverside.example>\r\n"
        "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
        "quoted-printable\r\n\r\nWe are glad that you are here. 12 Mill Lane, Albany NY 12207\r\n";
    if (!program || !*program) {
        puts("bench_mail: SMTP_SINK names no smtp-sink: goal 13 is not measured");
        return 0;
    }
    int port = free_port();
    pid_t sink = start_sink(program, port);
    ensure(is_open(port));
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 0; i < ROUNDS; i++) {
        double alone_us, ours_us;
        limit[i] = libcurl_alone(port, (struct str){mail, sizeof mail - 1}, mails, &alone_us);
        ours[i] = delivery(port, mails, &ours_us);
        printf("  libcurl alone %8.0f/s (%3.0f us of processor)   delivery %8.0f/s (%3.0f us)\n",
               limit[i], alone_us, ours[i], ours_us);
        fflush(stdout);
    }
    kill(sink, SIGTERM);
    waitpid(sink, NULL, 0);
    bench_goal(13, "mails to smtp-sink/s, 90 % of libcurl multi alone", bench_median(ours, ROUNDS),
               0.9 * bench_median(limit, ROUNDS), false);
    return 0;
}
