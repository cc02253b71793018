/* bare_server.h: the limit of goal 1: the least that answers "kept" over HTTP: epoll, the shortest
 * possible reading of a request, one insert for each, one commit with synchronous=FULL for all that
 * were read at once, then the answers. No keys, no JSON, no ids seen, no campaigns. */
#ifndef CAMP_TESTS_BENCH_BARE_SERVER_H
#define CAMP_TESTS_BENCH_BARE_SERVER_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vm/base/base.h"

enum { BARE_CONNECTIONS = 1024, BARE_BYTES = 8192 };

struct bare_connection {
    int fd;
    size_t len;
    char in[BARE_BYTES];
};
struct bare_server {
    sqlite3 *db;
    sqlite3_stmt *put;
    int epoll, listener;
    struct bare_connection *connections[BARE_CONNECTIONS];
};

/* Listens on a free port of the loopback. */
static inline int bare_listen(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ensure(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 1024) == 0);
    ensure(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static inline void bare_open(struct bare_server *server, const char *path)
{
    ensure(sqlite3_open(path, &server->db) == SQLITE_OK);
    ensure(sqlite3_exec(server->db,
                        "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;"
                        "PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;"
                        "CREATE TABLE run (id INTEGER PRIMARY KEY, due INTEGER, state BLOB)",
                        NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_prepare_v2(server->db, "INSERT INTO run (due, state) VALUES (?1, ?2)", -1, &server->put,
                       NULL);
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = server->listener};
    ensure(epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listener, &event) == 0);
}

static inline void bare_accept(struct bare_server *server)
{
    int fd, one = 1;
    while ((fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        ensure(fd < BARE_CONNECTIONS);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        server->connections[fd] = calloc(1, sizeof *server->connections[fd]);
        server->connections[fd]->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

/* True: a whole request stands in ->in; its body is *body. */
static inline bool bare_read(struct bare_server *server, struct bare_connection *c,
                             struct str *body)
{
    ssize_t n = read(c->fd, c->in + c->len, sizeof c->in - 1 - c->len);
    if (n <= 0) {
        close(c->fd);
        server->connections[c->fd] = NULL;
        free(c);
        return false;
    }
    c->len += (size_t)n;
    c->in[c->len] = 0;
    const char *end = strstr(c->in, "\r\n\r\n"), *length = strcasestr(c->in, "content-length:");
    size_t size = length ? strtoul(length + 15, NULL, 10) : 0;
    if (!end || (size_t)(end + 4 - c->in) + size > c->len)
        return false;
    *body = (struct str){end + 4, size};
    return true;
}

/* Until it is killed. */
static inline void bare_serve(struct bare_server *server)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                                 "Content-Type: application/json\r\n\r\n{}";
    struct epoll_event events[256];
    for (;;) {
        int done[256], count = 0, ready = epoll_wait(server->epoll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            struct str body;
            if (events[i].data.fd == server->listener) {
                bare_accept(server);
            } else if (bare_read(server, server->connections[events[i].data.fd], &body)) {
                if (!count)
                    sqlite3_exec(server->db, "BEGIN", NULL, NULL, NULL);
                sqlite3_bind_int64(server->put, 1, 1);
                sqlite3_bind_blob(server->put, 2, body.at, body.len < 24 ? (int)body.len : 24,
                                  SQLITE_STATIC);
                ensure(sqlite3_step(server->put) == SQLITE_DONE);
                sqlite3_reset(server->put);
                server->connections[events[i].data.fd]->len = 0;
                done[count++] = events[i].data.fd;
            }
        }
        if (count)
            ensure(sqlite3_exec(server->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
        for (int i = 0; i < count; i++)
            ensure(write(done[i], answer, sizeof answer - 1) == sizeof answer - 1);
    }
}

#endif
