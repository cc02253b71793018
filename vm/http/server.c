/* server.c: see server.h. A connection reads one request at a time; what a client pipelines waits
 * in its buffer until the answer has gone. */
#include "vm/http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vm/base/arena.h"
#include "vm/base/clock.h"
#include "vm/base/log.h"

enum state { READING_HEAD, READING_BODY, WAITING, WRITING, STREAMING };
enum { READ_BYTES = 65536, EVENTS = 512 };

struct connection {
    struct exchange exchange; /* first: the caller's pointer is ours */
    int fd;
    uint32_t slot;
    enum state state;
    struct buf in, chunked, out;
    size_t head_bytes, body_bytes, sent_bytes;
    struct http_chunks chunks;
    int64_t deadline_ms;
    bool closes, wants_write, is_peer_done;
    struct share *share; /* in which it is counted now; NULL none */
    size_t share_bytes;
};

static void leave_share(struct connection *c)
{
    if (!c->share)
        return;
    c->share->requests--;
    c->share->bytes -= c->share_bytes;
    c->share = NULL;
    c->share_bytes = 0;
}

/* The bytes that a body has so far, or will have. */
static void count_share(struct connection *c, size_t bytes)
{
    c->share->bytes += bytes - c->share_bytes;
    c->share_bytes = bytes;
}

/* False: the key has its share already. */
static bool enter_share(struct server *server, struct connection *c)
{
    uint64_t hash = 14695981039346656037u;
    struct str key = http_header(&c->exchange.head, "authorization");
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.at[i]) * 1099511628211u;
    struct share *share = &server->shares[(hash ^ hash >> 32) % SERVER_KEYS];
    size_t bytes = (size_t)c->exchange.head.content_length;
    if (share->requests >= SERVER_KEY_REQUESTS || share->bytes + bytes > SERVER_KEY_BYTES)
        return false;
    c->share = share;
    share->requests++;
    count_share(c, bytes);
    return true;
}

static void drop(struct server *server, struct connection *c)
{
    close(c->fd);
    leave_share(c);
    server->held_bytes -= c->in.len;
    server->stream_count -= c->state == STREAMING;
    buf_free(&c->in);
    buf_free(&c->chunked);
    buf_free(&c->out);
    buf_free(&c->exchange.reply.body);
    buf_free(&c->exchange.reply.headers);
    server->connections[c->slot] = NULL;
    server->connection_count--;
    heap_release(c);
}

static void watch(struct server *server, struct connection *c, bool wants_write)
{
    struct epoll_event event = {.events = wants_write ? EPOLLOUT : EPOLLIN, .data.ptr = c};
    if (c->wants_write != wants_write)
        epoll_ctl(server->epoll, EPOLL_CTL_MOD, c->fd, &event);
    c->wants_write = wants_write;
}

static const char *phrase(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 204:
        return "No Content";
    case 207:
        return "Multi-Status";
    case 302:
        return "Found";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 415:
        return "Unsupported Media Type";
    case 417:
        return "Expectation Failed";
    case 422:
        return "Unprocessable Content";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Internal Server Error";
    }
}

static bool take_request(struct server *server, struct connection *c);

/* Sends what is left; at the end the next request, or the end of the connection. */
static void flush(struct server *server, struct connection *c)
{
    while (c->sent_bytes < c->out.len) {
        ssize_t n =
            send(c->fd, c->out.data + c->sent_bytes, c->out.len - c->sent_bytes, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            watch(server, c, true);
            return;
        }
        if (n <= 0) {
            drop(server, c);
            return;
        }
        c->sent_bytes += (size_t)n;
    }
    if (c->state == STREAMING) {
        buf_reset(&c->out);
        c->sent_bytes = 0;
        watch(server, c, false);
        return;
    }
    if (c->closes) {
        /* What the client still sends would make the kernel reset the answer away. */
        char rest[4096];
        shutdown(c->fd, SHUT_WR);
        for (int i = 0; i < 64 && recv(c->fd, rest, sizeof rest, MSG_DONTWAIT) > 0; i++)
            ;
        drop(server, c);
        return;
    }
    buf_reset(&c->out);
    c->sent_bytes = 0;
    watch(server, c, false);
    c->state = READING_HEAD;
    c->deadline_ms = monotonic_ms() + (c->in.len ? SERVER_REQUEST_MS : SERVER_IDLE_MS);
    if (c->in.len && !take_request(server, c))
        drop(server, c);
}

static void put_head(struct connection *c, const struct reply *reply)
{
    buf_printf(&c->out, "HTTP/1.1 %d %s\r\n", reply->status, phrase(reply->status));
    if (!reply->is_stream && reply->status != 204)
        buf_printf(&c->out, "Content-Length: %zu\r\n", reply->body.len);
    if (reply->body.len || reply->is_stream)
        buf_printf(&c->out, "Content-Type: %s\r\n", reply->type ? reply->type : "application/json");
    buf_c(&c->out, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
    buf_str(&c->out, buf_view(&reply->headers));
    if (c->closes)
        buf_c(&c->out, "Connection: close\r\n");
    else if (c->exchange.head.is_http_10) /* there it is not taken for granted */
        buf_c(&c->out, "Connection: keep-alive\r\n");
    buf_c(&c->out, "\r\n");
}

void server_reply(struct server *server, struct exchange *exchange)
{
    struct connection *c = (struct connection *)exchange;
    bool is_head = str_eq(exchange->head.method, STR("HEAD"));
    ensure(c->state == WAITING);
    leave_share(c);
    bool is_stream = exchange->reply.is_stream && !server->is_closing && !is_head;
    exchange->reply.is_stream = is_stream;
    c->closes = !exchange->head.keeps_alive || server->is_closing || c->is_peer_done || is_stream;
    put_head(c, &exchange->reply);
    if (!is_head)
        buf_str(&c->out, buf_view(&exchange->reply.body));
    /* The request's bytes go; what was pipelined behind it moves to the front. */
    size_t used = c->head_bytes + c->body_bytes;
    if (used && c->in.len > used)
        memmove(c->in.data, c->in.data + used, c->in.len - used);
    c->in.len -= used;
    server->held_bytes -= used;
    if (!c->in.len && c->in.cap > READ_BYTES * 4)
        buf_free(&c->in), buf_init(&c->in, HTTP_HEAD_BYTES + SERVER_BODY_BYTES + READ_BYTES);
    buf_free(&c->chunked);
    buf_init(&c->chunked, SERVER_BODY_BYTES);
    buf_reset(&exchange->reply.body);
    buf_reset(&exchange->reply.headers);
    exchange->reply.type = NULL;
    exchange->reply.is_stream = false;
    c->state = is_stream ? STREAMING : WRITING;
    c->deadline_ms = is_stream ? INT64_MAX : monotonic_ms() + SERVER_REQUEST_MS;
    server->stream_count += is_stream;
    flush(server, c);
}

/* A request that cannot be read: said, and the connection ends, since nobody knows what follows. */
static bool refuse(struct server *server, struct connection *c, int status, const char *why)
{
    buf_printf(&c->exchange.reply.body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n",
               status == 503   ? "busy"
               : status == 429 ? "too_many_requests"
                               : "bad_request",
               why);
    c->exchange.reply.status = status;
    if (status == 503 || status == 429) {
        buf_c(&c->exchange.reply.headers, "Retry-After: 2\r\n");
        server->turned_away++;
    }
    c->exchange.head.keeps_alive = false;
    c->exchange.head.method = (struct str){0};
    c->state = WAITING;
    c->head_bytes = c->in.len;
    c->body_bytes = 0;
    server_reply(server, &c->exchange);
    return true;
}

static void hand_out(struct server *server, struct connection *c)
{
    c->state = WAITING;
    c->deadline_ms = INT64_MAX;
    server->ready[server->ready_count++] = &c->exchange;
}

/* False: the connection is to be dropped. It may also have been dropped inside: then true. */
static bool take_request(struct server *server, struct connection *c)
{
    struct exchange *x = &c->exchange;
    const char *why = "";
    if (c->state == READING_HEAD) {
        size_t used;
        if (server->ready_count == SERVER_READY) {
            server->has_more = true;
            return true;
        }
        int status = http_read_head(buf_view(&c->in), &x->head, &used, &why);
        if (status == 0)
            return !c->is_peer_done;
        if (status != 200)
            return refuse(server, c, status, why);
        if (x->head.content_length > SERVER_BODY_BYTES)
            return refuse(server, c, 413, "the body is too large");
        if (server->held_bytes + (size_t)x->head.content_length > SERVER_HELD_BYTES)
            return refuse(server, c, 503, "too many requests are being read");
        if (!enter_share(server, c))
            return refuse(server, c, 429, "this key has too much under way");
        c->head_bytes = used;
        c->body_bytes = 0;
        c->chunks = (struct http_chunks){0};
        c->state = READING_BODY;
        bool has_body = x->head.is_chunked || x->head.content_length;
        if (x->head.expects_continue && has_body && c->in.len == used &&
            send(c->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL) != 25)
            return false;
    }
    if (c->state != READING_BODY)
        return true;
    struct str rest = str_from(buf_view(&c->in), c->head_bytes + c->body_bytes);
    if (x->head.is_chunked) {
        size_t used;
        int status = http_read_chunks(&c->chunks, rest, &used, &c->chunked, &why);
        c->body_bytes += used;
        count_share(c, c->chunked.len);
        if (c->share->bytes > SERVER_KEY_BYTES)
            return refuse(server, c, 429, "this key has too much under way");
        if (status == 0)
            return !c->is_peer_done;
        if (status != 200)
            return refuse(server, c, status, why);
    } else {
        if (rest.len < (size_t)x->head.content_length)
            return !c->is_peer_done;
        c->body_bytes = (size_t)x->head.content_length;
    }
    /* The buffer may have moved since the head was read. */
    size_t used;
    http_read_head((struct str){(const char *)c->in.data, c->head_bytes}, &x->head, &used, &why);
    x->body = x->head.is_chunked
                  ? buf_view(&c->chunked)
                  : (struct str){(const char *)c->in.data + c->head_bytes, c->body_bytes};
    hand_out(server, c);
    return true;
}

static void read_more(struct server *server, struct connection *c)
{
    for (;;) {
        unsigned char *room = buf_reserve(&c->in, READ_BYTES);
        if (!room) {
            drop(server, c);
            return;
        }
        ssize_t n = recv(c->fd, room, READ_BYTES, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n < 0) {
            drop(server, c);
            return;
        }
        if (!n) {
            c->is_peer_done = true;
            break;
        }
        if (!c->in.len)
            c->deadline_ms = monotonic_ms() + SERVER_REQUEST_MS;
        c->in.len += (size_t)n;
        server->held_bytes += (size_t)n;
        if (n < READ_BYTES)
            break;
    }
    bool is_over = server->held_bytes > SERVER_HELD_BYTES && c->state == READING_BODY;
    if (is_over)
        refuse(server, c, 503, "too many requests are being read");
    else if (!take_request(server, c))
        drop(server, c);
}

/* A connection for which there is no place learns that it may come again. */
static void turn_away(struct server *server, int fd)
{
    static const char body[] =
        "{\"error\":{\"code\":\"busy\",\"message\":\"too many connections are open\"}}\n";
    char answer[512];
    int length = snprintf(answer, sizeof answer,
                          "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Type: "
                          "application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                          sizeof body - 1, body);
    server->turned_away++;
    if (send(fd, answer, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
        shutdown(fd, SHUT_WR);
    close(fd);
}

/* A stream's reader has nothing more to say; when it goes, so does the connection. */
static void hear_stream(struct server *server, struct connection *c)
{
    char rest[4096];
    ssize_t n = recv(c->fd, rest, sizeof rest, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        drop(server, c);
}

void server_push(struct server *server, struct str bytes)
{
    for (uint32_t i = 0; i < SERVER_CONNECTIONS && server->stream_count; i++) {
        struct connection *c = server->connections[i];
        if (!c || c->state != STREAMING)
            continue;
        if (c->out.len - c->sent_bytes > SERVER_STREAM_BYTES) {
            drop(server, c);
            continue;
        }
        buf_str(&c->out, bytes);
        if (!c->wants_write)
            flush(server, c);
    }
}

/* Without a descriptor left, who comes is turned away with the spare one; left in the queue, they
 * would wake the loop for ever. */
static bool turn_away_one(struct server *server)
{
    if ((errno != EMFILE && errno != ENFILE) || server->spare < 0)
        return false;
    close(server->spare);
    int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        if (server->turned_away == 0)
            log_line(LOG_ERROR, "no descriptors left: connections are turned away", "why",
                     "raise the limit of open files (ulimit -n, LimitNOFILE=)", NULL);
        turn_away(server, fd);
    }
    server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

static void accept_all(struct server *server)
{
    for (;;) {
        int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
        if (fd < 0 && turn_away_one(server))
            continue;
        if (fd < 0)
            return;
        uint32_t slot = 0;
        while (slot < SERVER_CONNECTIONS && server->connections[slot])
            slot++;
        if (slot == SERVER_CONNECTIONS || server->is_closing) {
            turn_away(server, fd);
            continue;
        }
        struct connection *c = heap_alloc(sizeof *c);
        *c = (struct connection){.fd = fd, .slot = slot};
        buf_init(&c->in, HTTP_HEAD_BYTES + SERVER_BODY_BYTES + READ_BYTES);
        buf_init(&c->chunked, SERVER_BODY_BYTES);
        buf_init(&c->out, 0);
        buf_init(&c->exchange.reply.body, 0);
        buf_init(&c->exchange.reply.headers, HTTP_HEAD_BYTES);
        c->deadline_ms = monotonic_ms() + SERVER_REQUEST_MS;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        server->connections[slot] = c;
        server->connection_count++;
        if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
            drop(server, c);
    }
}

/* Once a second: who takes too long goes. A request half read gets 408. */
static void sweep(struct server *server)
{
    int64_t now_ms = monotonic_ms();
    if (now_ms - server->swept_ms < 1000)
        return;
    server->swept_ms = now_ms;
    for (uint32_t i = 0; i < SERVER_CONNECTIONS; i++) {
        struct connection *c = server->connections[i];
        if (!c || c->deadline_ms > now_ms)
            continue;
        if (c->in.len && c->state != WRITING)
            refuse(server, c, 408, "the request took too long");
        else
            drop(server, c);
    }
}

void server_poll(struct server *server, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    server->ready_count = 0;
    /* First: afterwards no connection may go but by its own event. */
    bool had_more = server->has_more;
    server->has_more = false;
    for (uint32_t i = 0; had_more && i < SERVER_CONNECTIONS; i++) {
        struct connection *c = server->connections[i];
        if (c && c->state == READING_HEAD && c->in.len && !take_request(server, c))
            drop(server, c);
    }
    int count = epoll_wait(server->epoll, events, EVENTS, server->ready_count ? 0 : timeout_ms);
    for (int i = 0; i < count; i++) {
        struct connection *c = events[i].data.ptr;
        if (!c)
            continue; /* a watched descriptor: the caller reads it */
        if (events[i].data.ptr == server) {
            accept_all(server);
        } else if (c->state == WAITING) {
            /* Level-triggered: a client that has gone while it waits is seen at the answer. */
            if (events[i].events & (EPOLLHUP | EPOLLERR))
                epoll_ctl(server->epoll, EPOLL_CTL_DEL, c->fd, NULL);
        } else if (events[i].events & EPOLLOUT) {
            flush(server, c);
        } else if (c->state == STREAMING) {
            hear_stream(server, c);
        } else {
            read_more(server, c);
        }
    }
    sweep(server);
}

static bool resolve(const char *listen, struct addrinfo **found, char error[160])
{
    char host[256];
    const char *colon = strrchr(listen, ':');
    if (!colon || (size_t)(colon - listen) >= sizeof host) {
        snprintf(error, 160, "`%s` is not HOST:PORT", listen);
        return false;
    }
    if (strspn(colon + 1, "0123456789") != strlen(colon + 1) || strlen(colon + 1) > 5 ||
        !colon[1] || atoi(colon + 1) > 65535) {
        snprintf(error, 160, "`%s`: the port must be a number from 0 to 65535", listen);
        return false;
    }
    size_t length = (size_t)(colon - listen);
    const char *at = listen;
    if (length >= 2 && listen[0] == '[' && listen[length - 1] == ']') {
        at++;
        length -= 2;
    }
    memcpy(host, at, length);
    host[length] = 0;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int code = getaddrinfo(length ? host : NULL, colon + 1, &hints, found);
    if (code)
        snprintf(error, 160, "cannot listen on %s: %s", listen, gai_strerror(code));
    return code == 0;
}

bool server_open(struct server *server, const char *listen_on, char error[160])
{
    struct addrinfo *found;
    int one = 1;
    *server = (struct server){.listener = -1, .epoll = -1, .spare = -1};
    if (!resolve(listen_on, &found, error))
        return false;
    server->listener =
        socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool is_bound = server->listener >= 0 &&
                    bind(server->listener, found->ai_addr, found->ai_addrlen) == 0 &&
                    listen(server->listener, 1024) == 0;
    freeaddrinfo(found);
    if (!is_bound) {
        snprintf(error, 160, "cannot listen on %s: %s", listen_on, strerror(errno));
        return false;
    }
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    getsockname(server->listener, (struct sockaddr *)&name, &size);
    server->port = ntohs(name.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&name)->sin6_port
                                                    : ((struct sockaddr_in *)&name)->sin_port);
    server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = server};
    ensure(epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listener, &event) == 0);
    return true;
}

void server_watch(struct server *server, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    ensure(epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

bool server_is_busy(const struct server *server)
{
    for (uint32_t i = 0; i < SERVER_CONNECTIONS; i++)
        if (server->connections[i] && server->connections[i]->state != READING_HEAD &&
            server->connections[i]->state != STREAMING)
            return true;
    return false;
}

void server_close(struct server *server)
{
    for (uint32_t i = 0; i < SERVER_CONNECTIONS; i++)
        if (server->connections[i])
            drop(server, server->connections[i]);
    if (server->listener >= 0)
        close(server->listener);
    if (server->spare >= 0)
        close(server->spare);
    if (server->epoll >= 0)
        close(server->epoll);
}
