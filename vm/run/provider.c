/* provider.c: see provider.h: libcurl's multi interface in an epoll of its own, and what all
 * attempts by HTTP have in common. */
#include "vm/run/provider.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "vm/base/clock.h"
#include "vm/base/log.h"
#include "vm/run/provider_internal.h"

enum { EVENTS = 64, HEAD_BYTES = 64 << 10, CONNECT_MS = 15000, IDLE_S = 20, IDLE_MOST = 32 };

/* --- the loop --- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
    struct providers *p = context;
    struct epoll_event event = {.data.fd = fd};
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, NULL);
        curl_multi_assign(p->multi, fd, NULL);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (epoll_ctl(p->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
        epoll_ctl(p->epoll, errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    curl_multi_assign(p->multi, fd, p);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct providers *p = context;
    (void)multi;
    p->timer_at_ms = timeout_ms < 0 ? -1 : monotonic_ms() + timeout_ms;
    return 0;
}

bool providers_open(struct providers **out, const struct deliver_options *options)
{
    struct providers *p = heap_alloc(sizeof *p);
    *p = (struct providers){.options = options, .timer_at_ms = -1};
    *out = p;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    p->multi = curl_multi_init();
    smtp_open(p);
    if (p->epoll < 0 || !p->multi) {
        providers_close(p);
        *out = NULL;
        return false;
    }
    curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
    curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
    curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_MOST);
    return true;
}

void providers_close(struct providers *p)
{
    if (!p)
        return;
    smtp_close(p);
    if (p->multi)
        curl_multi_cleanup(p->multi);
    if (p->epoll >= 0)
        close(p->epoll);
    heap_release(p);
    curl_global_cleanup();
}

int providers_fd(const struct providers *p)
{
    return p->epoll;
}

int64_t providers_wait_ms(const struct providers *p)
{
    int64_t now_ms = monotonic_ms(), first_ms = smtp_deadline_ms(p);
    if (p->timer_at_ms >= 0 && p->timer_at_ms < first_ms)
        first_ms = p->timer_at_ms;
    if (first_ms == INT64_MAX)
        return -1;
    return first_ms > now_ms ? first_ms - now_ms : 0;
}

static void end(struct providers *p, struct flight *flight, CURLcode code)
{
    curl_multi_remove_handle(p->multi, flight->easy);
    curl_easy_getinfo(flight->easy, CURLINFO_RESPONSE_CODE, &flight->code);
    if (flight->channel == CHANNEL_SMS)
        sms_end(flight, code);
    else
        webhook_end(flight, code);
    curl_slist_free_all(flight->lists);
    curl_easy_cleanup(flight->easy);
    flight->lists = flight->easy = NULL;
    ensure(flight->phase == FLIGHT_DONE);
}

static void take_messages(struct providers *p)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(p->multi, &left)) != NULL;) {
        struct flight *flight = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &flight);
        if (flight->channel == CHANNEL_EMAIL)
            smtp_connected(p, flight, code);
        else
            end(p, flight, code);
    }
}

int providers_run(struct providers *p)
{
    struct epoll_event events[EVENTS];
    int running, count = epoll_wait(p->epoll, events, EVENTS, 0);
    for (int i = 0; i < count; i++) {
        uint32_t seen = events[i].events;
        if (smtp_event(p, events[i].data.fd, seen))
            continue;
        int what = (seen & EPOLLIN ? CURL_CSELECT_IN : 0) |
                   (seen & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (seen & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(p->multi, events[i].data.fd, what, &running);
    }
    int64_t mono_ms = monotonic_ms();
    smtp_time(p, mono_ms);
    if (p->timer_at_ms >= 0 && p->timer_at_ms <= mono_ms) {
        p->timer_at_ms = -1;
        curl_multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        count++;
    }
    if (count > 0)
        take_messages(p);
    return count;
}

void fly(struct providers *p, struct flight *flight)
{
    if (flight->easy && curl_multi_add_handle(p->multi, flight->easy) == CURLM_OK)
        return;
    if (flight->easy)
        end(p, flight, CURLE_OUT_OF_MEMORY);
    else
        flight_end(flight, OUTBOX_RETRY, TROUBLE_UNREACHABLE, "libcurl takes no more");
}

/* --- flights --- */

size_t flight_keep(struct flight *flight, struct str text)
{
    size_t at = flight->addresses.len;
    buf_str(&flight->addresses, text);
    buf_byte(&flight->addresses, 0);
    return at;
}

void flight_end(struct flight *flight, enum outbox_state state, enum trouble trouble,
                const char *why)
{
    flight->phase = FLIGHT_DONE;
    flight->outcome.state = state;
    flight->trouble = trouble;
    flight->why = why;
    flight->next = *flight->done;
    *flight->done = flight;
}

static bool is_file(const char *url)
{
    return strncmp(url, "file://", 7) == 0;
}

static bool goes_to_file(const struct deliver_options *options, uint8_t channel)
{
    return (channel == CHANNEL_EMAIL && is_file(options->email)) ||
           (channel == CHANNEL_SMS && is_file(options->sms));
}

bool flight_prepare(struct providers *p, struct flight *flight, const struct program *program,
                    const struct outbox_row *row, struct str unsubscribe_url)
{
    buf_init(&flight->content, CONTENT_BYTES);
    buf_init(&flight->addresses, 1 << 20);
    buf_init(&flight->answer, ANSWER_BYTES + 64);
    if (goes_to_file(p->options, row->channel))
        return file_prepare(p->options, flight, program, row, unsubscribe_url);
    if (row->channel == CHANNEL_EMAIL) {
        bool is_sound = smtp_prepare(flight, program, row, unsubscribe_url);
        buf_c(&flight->content, ".\r\n"); /* where it ends */
        return is_sound && !flight->content.failed;
    }
    if (row->channel == CHANNEL_SMS)
        return sms_prepare(p, flight, row);
    return webhook_prepare(p, flight, program, row);
}

void providers_begin(struct providers *p, struct flight *flight)
{
    if (goes_to_file(p->options, flight->channel))
        file_begin(p->options, flight);
    else if (flight->channel == CHANNEL_EMAIL)
        smtp_begin(p, flight);
    else if (flight->channel == CHANNEL_SMS)
        sms_begin(p, flight);
    else
        webhook_begin(p, flight);
}

void providers_abort(struct providers *p, struct flight *flight)
{
    if (flight->channel == CHANNEL_EMAIL)
        smtp_abort(p, flight);
    else if (flight->easy)
        end(p, flight, CURLE_OPERATION_TIMEDOUT);
}

/* --- HTTP --- */

static size_t on_head(char *bytes, size_t size, size_t count, void *context)
{
    struct flight *flight = context;
    (void)bytes;
    flight->answer_head_bytes += size * count;
    return flight->answer_head_bytes > HEAD_BYTES ? 0 : size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct flight *flight = context;
    size_t length = size * count;
    if (flight->answer.len + length > ANSWER_BYTES) {
        flight->is_answer_too_long = true;
        return 0;
    }
    buf_put(&flight->answer, bytes, length);
    return length;
}

CURL *http_handle(struct providers *p, struct flight *flight, const char *url, int64_t timeout_ms,
                  bool may_repeat)
{
    CURL *easy = curl_easy_init();
    if (!easy)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, flight);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    /* libcurl repeats a request by itself on a connection used before that the server closes after
     * reading it. */
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, may_repeat ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, may_repeat ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_S);
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, (long)NAME_S);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, flight);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, flight);
    if (p->options->ca_file[0])
        curl_easy_setopt(easy, CURLOPT_CAINFO, p->options->ca_file);
    return easy;
}

bool http_judge_transport(struct flight *flight, CURLcode code)
{
    curl_off_t after = 0;
    long sent_bytes = 0;
    /* More body than is wanted was cut off by us; what counts had been said before. */
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && flight->is_answer_too_long)) {
        if (curl_easy_getinfo(flight->easy, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0)
            flight->retry_after_ms = after > 86400 ? 86400000 : (int64_t)after * 1000;
        return false;
    }
    curl_easy_getinfo(flight->easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
    bool is_sent = sent_bytes > 0;
    flight_end(flight, is_sent ? OUTBOX_UNKNOWN : OUTBOX_RETRY,
               is_sent ? TROUBLE_PROVIDER : TROUBLE_UNREACHABLE, curl_easy_strerror(code));
    return true;
}
