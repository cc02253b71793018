/* provider_smtp.c: mail by SMTP (RFC 5321) over a few connections that are used again. libcurl
 * resolves, connects, encrypts and logs in (CURLOPT_CONNECT_ONLY); the mail transaction is here,
 * because libcurl waits for the answer to the last dot with a poll of its own and nothing else of
 * the service would run meanwhile, and because it does not pipeline (RFC 2920):
 *
 *   CLOSED ── CONNECTING ── IDLE ── MAIL ── RCPT ── DATA ── DOT ── IDLE
 *                                     └───────┴──────┴─ refused ─ (CANCEL) ─ RESET ─ IDLE
 *
 * With PIPELINING the three commands leave together and the states only say which answer is next.
 * An error before the last dot has left is tried again; after that, without an answer, nobody
 * knows: UNKNOWN. */
#include <stdio.h>
#include <strings.h>
#include <sys/epoll.h>

#include "vm/base/clock.h"
#include "vm/run/mime.h"
#include "vm/run/provider_internal.h"

enum { IDLE_MS = 30000, TRANSFER_TIMES = 2 };

/* `Name <address>` or an address. */
static struct str address_of(struct str mailbox)
{
    size_t open = str_find(mailbox, STR("<"));
    struct str address = str_trim(open == SIZE_MAX ? mailbox : str_from(mailbox, open + 1));
    if (open != SIZE_MAX && address.len && address.at[address.len - 1] == '>')
        address.len--;
    return address;
}

/* The commands, one after the other, and the mail with its last dot. */
bool smtp_prepare(struct flight *flight, const struct program *program,
                  const struct outbox_row *row, struct str unsubscribe_url)
{
    const struct image *image = program->image;
    struct str from = row->from.len ? row->from : image_text(image, image->projects[0].from_email);
    struct str sender = address_of(from), recipient = address_of(row->to);
    size_t at = str_find(sender, STR("@"));
    struct mail mail = {.from = from,
                        .to = row->to,
                        .reply_to = row->reply_to,
                        .subject = row->subject,
                        .preheader = row->preheader,
                        .text = row->text,
                        .html = row->html,
                        .key = {flight->key_text, 32},
                        .domain = str_from(sender, at == SIZE_MAX ? 0 : at + 1),
                        .unsubscribe_url = unsubscribe_url,
                        .at_ms = row->handed_at_ms};
    struct buf *commands = &flight->addresses;
    buf_printf(commands, "MAIL FROM:<" STR_FMT ">\r\n", STR_ARG(sender));
    flight->to_at = commands->len;
    buf_printf(commands, "RCPT TO:<" STR_FMT ">\r\n", STR_ARG(recipient));
    flight->headers_at = commands->len;
    buf_c(commands, "DATA\r\n");
    /* The builder has checked both addresses when it was content, and begins no line with a dot. */
    bool is_sound = mime_write(&mail, &flight->content) && !commands->failed;
    return is_sound && str_find(buf_view(&flight->content), STR("\n.")) == SIZE_MAX;
}

/* smtp://host:port/NAME: what we call ourselves; else libcurl would tell the machine's name. */
static void set_url(const struct deliver_options *options, CURL *easy)
{
    char url[1200];
    const char *host = strstr(options->email, "://");
    bool has_path = host && strchr(host + 3, '/');
    struct str name = options->public_url;
    size_t scheme = str_find(name, STR("://"));
    size_t length = 0;
    name = str_from(name, scheme == SIZE_MAX ? 0 : scheme + 3);
    while (length < name.len && ((name.at[length] >= 'a' && name.at[length] <= 'z') ||
                                 (name.at[length] >= '0' && name.at[length] <= '9') ||
                                 name.at[length] == '.' || name.at[length] == '-'))
        length++;
    bool is_name = length > 0 && (name.at[0] < '0' || name.at[0] > '9') && length < 100;
    snprintf(url, sizeof url, "%s%s%.*s", options->email, has_path ? "" : "/",
             has_path  ? 0
             : is_name ? (int)length
                       : 9,
             is_name ? name.at : "localhost");
    curl_easy_setopt(easy, CURLOPT_URL, url);
}

static bool is_loopback(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    return strncmp(host, "localhost", 9) == 0 || strncmp(host, "127.", 4) == 0 ||
           strncmp(host, "[::1]", 5) == 0;
}

static void set_tls(const struct deliver_options *options, CURL *easy)
{
    enum deliver_tls tls = options->email_tls;
    bool is_always = strncmp(options->email, "smtps://", 8) == 0;
    if (tls == TLS_DEFAULT)
        tls = is_always || !is_loopback(options->email) ? TLS_REQUIRE : TLS_TRY;
    bool is_checked = tls == TLS_REQUIRE || is_always;
    curl_easy_setopt(easy, CURLOPT_USE_SSL,
                     (long)(tls == TLS_REQUIRE ? CURLUSESSL_ALL
                            : tls == TLS_TRY   ? CURLUSESSL_TRY
                                               : CURLUSESSL_NONE));
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, is_checked ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, is_checked ? 2L : 0L);
    if (options->ca_file[0])
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
}

/* --- a connection --- */

/* Lines of the greeting and of what follows it; the last answer to EHLO says what is offered. */
static size_t on_line(char *bytes, size_t size, size_t count, void *context)
{
    struct smtp_line *line = context;
    size_t length = size * count;
    if (length >= 4 && memcmp(bytes, "220", 3) == 0)
        line->has_pipelining = false;
    if (length >= 14 && strncasecmp(bytes + 4, "PIPELINING", 10) == 0)
        line->has_pipelining = true;
    return length;
}

static void close_line(struct providers *p, struct smtp_line *line)
{
    if (line->fd >= 0)
        epoll_ctl(p->epoll, EPOLL_CTL_DEL, line->fd, NULL);
    if (line->easy) {
        curl_multi_remove_handle(p->multi, line->easy);
        curl_easy_cleanup(line->easy);
    }
    *line = (struct smtp_line){.fd = -1};
}

static void connect_line(struct providers *p, struct smtp_line *line)
{
    const struct deliver_options *options = p->options;
    long timeout_ms = (long)options->timeout_ms;
    CURL *easy = curl_easy_init();
    line->easy = easy;
    line->state = SMTP_CONNECTING;
    if (easy) {
        set_url(options, easy);
        set_tls(options, easy);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, line->flight);
        curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
        curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, (long)NAME_S);
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_line);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, line);
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
        curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, (timeout_ms + 999) / 1000);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms * TRANSFER_TIMES);
        if (options->email_user[0]) {
            curl_easy_setopt(easy, CURLOPT_USERNAME, options->email_user);
            curl_easy_setopt(easy, CURLOPT_PASSWORD, options->email_password);
        }
    }
    if (!easy || curl_multi_add_handle(p->multi, easy) != CURLM_OK) {
        struct flight *flight = line->flight;
        close_line(p, line);
        flight_end(flight, OUTBOX_RETRY, TROUBLE_UNREACHABLE, "libcurl takes no more");
    }
}

/* --- how it ends --- */

/* The server has answered the mail itself: its sender, recipient or content. */
static void judge_refusal(struct flight *flight, long code)
{
    flight->code = code;
    if (code >= 500 && code < 600 && code != 530 && code != 535)
        flight_end(flight, OUTBOX_FAILED, TROUBLE_MESSAGE, "the server refuses it");
    else if (code >= 400 && code < 500 && code != 421)
        flight_end(flight, OUTBOX_RETRY, TROUBLE_MESSAGE, "the server does not take it now");
    else
        flight_end(flight, OUTBOX_RETRY, TROUBLE_PROVIDER, "the server refuses the service");
}

/* The connection is of no use any more. */
static void lose(struct providers *p, struct smtp_line *line, const char *why)
{
    struct flight *flight = line->flight;
    struct smtp_line was = *line;
    close_line(p, line);
    if (!flight)
        return;
    if (was.refusal) {
        judge_refusal(flight, was.refusal);
    } else if (was.state == SMTP_DOT && !was.out.len) {
        flight_end(flight, OUTBOX_UNKNOWN, TROUBLE_PROVIDER, why);
    } else if (was.is_used && was.state == SMTP_MAIL) {
        /* It has gone since the mail before, which tells nothing of the server. */
        flight->outcome.is_unused = true;
        flight_end(flight, OUTBOX_RETRY, TROUBLE_NONE, why);
    } else {
        flight_end(flight, OUTBOX_RETRY,
                   was.state == SMTP_DOT ? TROUBLE_PROVIDER : TROUBLE_UNREACHABLE, why);
    }
}

static void rest(struct providers *p, struct smtp_line *line)
{
    line->flight = NULL;
    line->refusal = 0;
    line->is_used = true;
    line->state = SMTP_IDLE;
    line->deadline_ms = monotonic_ms() + IDLE_MS;
    if (line->reply_bytes) /* it says more than it was asked */
        close_line(p, line);
}

/* --- the transaction --- */

static void watch(struct providers *p, struct smtp_line *line)
{
    bool is_writing = line->out.len > 0;
    struct epoll_event event = {.data.fd = line->fd,
                                .events = EPOLLIN | (is_writing ? EPOLLOUT : 0u)};
    if (is_writing != line->is_writing)
        epoll_ctl(p->epoll, EPOLL_CTL_MOD, line->fd, &event);
    line->is_writing = is_writing;
}

/* False when the connection was lost. */
static bool write_some(struct providers *p, struct smtp_line *line)
{
    while (line->out.len) {
        size_t count = 0;
        CURLcode code = curl_easy_send(line->easy, line->out.at, line->out.len, &count);
        if (code == CURLE_AGAIN)
            break;
        if (code != CURLE_OK) {
            lose(p, line, curl_easy_strerror(code));
            return false;
        }
        line->out = str_from(line->out, count);
        line->deadline_ms = monotonic_ms() + p->options->timeout_ms;
    }
    watch(p, line);
    return true;
}

static bool say(struct providers *p, struct smtp_line *line, enum smtp_state state, struct str what)
{
    line->state = state;
    line->out = what;
    return write_some(p, line);
}

/* One of the prepared commands; when they all have left together, only its answer is awaited. */
static bool say_command(struct providers *p, struct smtp_line *line, enum smtp_state state)
{
    const struct flight *flight = line->flight;
    struct str all = buf_view(&flight->addresses);
    size_t from = state == SMTP_MAIL ? 0 : state == SMTP_RCPT ? flight->to_at : flight->headers_at;
    size_t to = state == SMTP_MAIL   ? flight->to_at
                : state == SMTP_RCPT ? flight->headers_at
                                     : all.len;
    if (line->has_pipelining && state != SMTP_MAIL) {
        line->state = state;
        return true;
    }
    return say(p, line, state,
               (struct str){all.at + from, (line->has_pipelining ? all.len : to) - from});
}

static bool begin_content(struct providers *p, struct smtp_line *line)
{
    return say(p, line, SMTP_DOT, buf_view(&line->flight->content));
}

static bool on_last_answer(struct providers *p, struct smtp_line *line, long code)
{
    struct flight *flight = line->flight;
    /* Also a yes with a number that nobody has defined. */
    if (code != 250 && (code < 400 || code > 599)) {
        lose(p, line, "an answer that cannot be read");
        return false;
    }
    rest(p, line);
    if (code == 250)
        flight_end(flight, OUTBOX_SENT, TROUBLE_NONE, NULL);
    else
        judge_refusal(flight, code);
    return true;
}

static bool reset(struct providers *p, struct smtp_line *line)
{
    return say(p, line, SMTP_RESET, STR("RSET\r\n"));
}

/* False when the connection is gone or at rest: nothing more is to be read. */
static bool on_reply(struct providers *p, struct smtp_line *line, long code)
{
    bool is_yes = code / 100 == 2;
    struct flight *flight = line->flight;
    if (code == 421) { /* it closes, whatever we had asked */
        if (!line->refusal && line->state != SMTP_IDLE &&
            !(line->is_used && line->state == SMTP_MAIL))
            line->refusal = code;
        lose(p, line, "the server closes");
        return false;
    }
    switch (line->state) {
    case SMTP_MAIL:
    case SMTP_RCPT:
        if (!is_yes && !line->refusal)
            line->refusal = code;
        if (line->refusal && !line->has_pipelining)
            return reset(p, line);
        return say_command(p, line, line->state == SMTP_MAIL ? SMTP_RCPT : SMTP_DATA);
    case SMTP_DATA:
        if (code == 354)
            return line->refusal ? say(p, line, SMTP_CANCEL, STR(".\r\n")) : begin_content(p, line);
        if (!line->refusal)
            line->refusal = code;
        return reset(p, line);
    case SMTP_DOT:
        if (line->out.len) { /* before it was whole */
            line->refusal = code;
            lose(p, line, "the server does not take it");
            return false;
        }
        on_last_answer(p, line, code);
        return false;
    case SMTP_CANCEL:
        return reset(p, line);
    case SMTP_RESET:
        code = line->refusal;
        rest(p, line);
        judge_refusal(flight, code);
        if (!is_yes)
            close_line(p, line);
        return false;
    case SMTP_CLOSED:
    case SMTP_CONNECTING:
    case SMTP_IDLE:
        break;
    }
    lose(p, line, "an answer that nobody asked for");
    return false;
}

/* A reply's last line has a blank after its number, or nothing (RFC 5321 4.2). -1: not a reply. */
static long code_of(struct str line, bool *is_last)
{
    long code = 0;
    if (line.len < 3)
        return -1;
    for (size_t i = 0; i < 3; i++) {
        if (line.at[i] < '0' || line.at[i] > '9')
            return -1;
        code = code * 10 + (line.at[i] - '0');
    }
    *is_last = line.len == 3 || line.at[3] != '-';
    return line.len == 3 || line.at[3] == ' ' || line.at[3] == '-' ? code : -1;
}

/* False: nothing more is to be read. */
static bool take_replies(struct providers *p, struct smtp_line *line)
{
    char *end;
    while ((end = memchr(line->reply, '\n', line->reply_bytes)) != NULL) {
        size_t length = (size_t)(end - line->reply);
        struct str text = {line->reply, length && end[-1] == '\r' ? length - 1 : length};
        bool is_last = false;
        long code = code_of(text, &is_last);
        line->reply_bytes -= length + 1;
        memmove(line->reply, end + 1, line->reply_bytes);
        if (code < 0) {
            lose(p, line, "an answer that cannot be read");
            return false;
        }
        if (is_last && !on_reply(p, line, code))
            return false;
    }
    if (line->reply_bytes < sizeof line->reply)
        return true;
    lose(p, line, "an answer that does not end");
    return false;
}

static void read_some(struct providers *p, struct smtp_line *line)
{
    size_t count, room;
    do {
        room = sizeof line->reply - line->reply_bytes;
        count = 0;
        CURLcode code = curl_easy_recv(line->easy, line->reply + line->reply_bytes, room, &count);
        if (code == CURLE_AGAIN)
            return;
        if (code != CURLE_OK || !count) {
            lose(p, line, code != CURLE_OK ? curl_easy_strerror(code) : "the server closes");
            return;
        }
        line->reply_bytes += count;
    } while (take_replies(p, line) && count == room);
}

/* --- the door --- */

void smtp_open(struct providers *p)
{
    for (int i = 0; i < SMTP_CONNECTIONS; i++)
        p->smtp[i] = (struct smtp_line){.fd = -1};
}

static void quit(struct providers *p, struct smtp_line *line)
{
    size_t count;
    if (line->state == SMTP_IDLE)
        curl_easy_send(line->easy, "QUIT\r\n", 6, &count); /* nobody waits for its answer */
    close_line(p, line);
}

void smtp_close(struct providers *p)
{
    for (int i = 0; i < SMTP_CONNECTIONS; i++)
        quit(p, &p->smtp[i]);
}

void smtp_begin(struct providers *p, struct flight *flight)
{
    struct smtp_line *free = NULL;
    for (int i = 0; i < SMTP_CONNECTIONS; i++) {
        struct smtp_line *line = &p->smtp[i];
        if (line->state == SMTP_IDLE || (line->state == SMTP_CLOSED && !free))
            free = line;
        if (line->state == SMTP_IDLE)
            break;
    }
    ensure(free);
    free->flight = flight;
    if (free->state == SMTP_CLOSED)
        connect_line(p, free);
    else
        say_command(p, free, SMTP_MAIL);
}

void smtp_connected(struct providers *p, struct flight *flight, CURLcode code)
{
    struct smtp_line *line = p->smtp;
    curl_socket_t fd = CURL_SOCKET_BAD;
    while (line->flight != flight)
        line++;
    curl_easy_getinfo(line->easy, CURLINFO_RESPONSE_CODE, &flight->code);
    if (code == CURLE_OK)
        code = curl_easy_getinfo(line->easy, CURLINFO_ACTIVESOCKET, &fd);
    struct epoll_event event = {.data.fd = fd, .events = EPOLLIN};
    bool is_open = code == CURLE_OK && fd != CURL_SOCKET_BAD &&
                   epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
    if (!is_open) {
        lose(p, line, curl_easy_strerror(code));
        return;
    }
    line->fd = fd;
    flight->code = 0;
    say_command(p, line, SMTP_MAIL);
}

bool smtp_event(struct providers *p, int fd, uint32_t events)
{
    for (int i = 0; i < SMTP_CONNECTIONS; i++) {
        struct smtp_line *line = &p->smtp[i];
        if (line->fd != fd)
            continue;
        bool is_there = !(events & EPOLLOUT) || !line->out.len || write_some(p, line);
        if (is_there && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
            read_some(p, line);
        return true;
    }
    return false;
}

int64_t smtp_deadline_ms(const struct providers *p)
{
    int64_t first_ms = INT64_MAX;
    for (int i = 0; i < SMTP_CONNECTIONS; i++)
        if (p->smtp[i].fd >= 0 && p->smtp[i].deadline_ms < first_ms)
            first_ms = p->smtp[i].deadline_ms;
    return first_ms;
}

void smtp_time(struct providers *p, int64_t mono_ms)
{
    for (int i = 0; i < SMTP_CONNECTIONS; i++) {
        struct smtp_line *line = &p->smtp[i];
        if (line->fd < 0 || line->deadline_ms > mono_ms)
            continue;
        if (line->state == SMTP_IDLE)
            quit(p, line);
        else
            lose(p, line, "the server does not answer");
    }
}

void smtp_abort(struct providers *p, struct flight *flight)
{
    for (int i = 0; i < SMTP_CONNECTIONS; i++)
        if (p->smtp[i].flight == flight)
            lose(p, &p->smtp[i], "stopped");
}
