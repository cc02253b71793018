/* server.h: connections and whole requests, on one thread and one epoll. Requests are handed out
 * together and answered when the caller is ready, so that one commit can stand behind many answers.
 *
 *   server_poll(server, timeout);                  reads; afterwards ->ready[0 … ready_count)
 *   for each ready: fill its reply; server_reply()  the request's memory ends here; what the same
 *                                                   client had sent behind it is appended to
 * ->ready
 *
 * Bounded: connections, head, body, time for a request. Why not a library's server: any guard
 * before one must itself find where each request ends, and with that the library's work is done
 * (vm/http/README.md has what was tried). */
#ifndef CAMP_VM_HTTP_SERVER_H
#define CAMP_VM_HTTP_SERVER_H

#include "vm/http/message.h"

enum {
    SERVER_CONNECTIONS = 4096,
    SERVER_READY = 1024,
    SERVER_BODY_BYTES = 32 << 20,
    SERVER_HELD_BYTES = 256 << 20, /* of all requests that are being read or wait: more is 503 */
    /* One key (or all who show none) leaves room for the others: more is 429. */
    SERVER_KEYS = 256,
    SERVER_KEY_BYTES = SERVER_HELD_BYTES / 4 * 3,
    SERVER_KEY_REQUESTS = SERVER_CONNECTIONS / 4 * 3,
    SERVER_REQUEST_MS = 30000, /* from its first byte to its last */
    SERVER_IDLE_MS = 75000,
    SERVER_STREAMS = 64,
    SERVER_STREAM_BYTES = 1 << 20 /* that a slow reader may be behind */
};

struct reply {
    int status;
    struct buf body;
    const char *type;   /* of the body; NULL: application/json */
    struct buf headers; /* further ones, each with CR LF; values are ours */
    bool is_stream;     /* the body is only the beginning: what server_push gives follows */
};
struct exchange { /* one request and its answer; memory of the server */
    struct http_head head;
    struct str body;
    struct reply reply;
};
struct connection;
struct share { /* of what is being read or waits for its answer */
    uint32_t requests;
    size_t bytes;
};
struct server {
    int listener, epoll;
    int spare; /* a descriptor to take and turn away with when there are no more; -1 none */
    uint16_t port;
    struct connection *connections[SERVER_CONNECTIONS]; /* by slot; NULL free */
    uint32_t connection_count;
    uint32_t stream_count;
    size_t held_bytes;
    struct share shares[SERVER_KEYS]; /* by the hash of what they show as their key */
    uint64_t turned_away;             /* for want of room, ever: 429 and 503 */
    struct exchange *ready[SERVER_READY];
    uint32_t ready_count;
    bool has_more;   /* requests that found no place in `ready` wait in their connections */
    bool is_closing; /* takes no new connection and keeps none alive */
    int64_t swept_ms;
};

/* `listen` as HOST:PORT or [HOST]:PORT; port 0 takes a free one. False: *error says why. */
bool server_open(struct server *server, const char *listen, char error[160]);
void server_close(struct server *server);
/* Waits at most timeout_ms (-1: until something happens) and fills ->ready anew. */
void server_poll(struct server *server, int timeout_ms);
void server_watch(struct server *server, int fd); /* wakes server_poll */
void server_reply(struct server *server, struct exchange *exchange);
/* To everybody whose answer is a stream. Who is too slow is cut off. */
void server_push(struct server *server, struct str bytes);
/* True while an answer has not left whole. */
bool server_is_busy(const struct server *server);

#endif
