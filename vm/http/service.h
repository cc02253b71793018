/* service.h: the running service: requests, time and delivery around one engine, on one thread.
 *
 *     poll ──> time due ──> requests that change data ──> one commit ──> their answers
 *      ^                    the others, one by one                          │
 *      └──────────────────────────── deliver <──────────────────────────────┘
 *
 * Nothing is answered 2xx before its commit. When a shared transaction fails, it is rolled back and
 * its requests run again one by one, so that only the bad one fails. */
#ifndef CAMP_VM_HTTP_SERVICE_H
#define CAMP_VM_HTTP_SERVICE_H

#include <signal.h>

#include "vm/base/clock.h"
#include "vm/http/config.h"
#include "vm/http/server.h"
#include "vm/run/deliver.h"
#include "vm/run/engine.h"
#include "vm/run/lifecycle.h"

enum scope {
    SCOPE_NONE = 0,
    SCOPE_INGEST = 1,
    SCOPE_AUTHOR = 2,
    SCOPE_APPROVE = 4,
    SCOPE_ADMIN = 8
};

enum { HELD_REQUESTS = 64 };
struct service {
    struct server server;
    struct store *store;
    struct engine *engine;
    struct delivery *delivery;
    struct deliver_options delivery_options;
    char public_url[512];
    struct clock clock;
    const struct config *config;
    struct arena arena; /* of one request */
    const char *db_path;
    int64_t disk_checked_ms, started_ms, clock_kept_ms; /* of the monotonic clock */
    bool is_disk_low, is_failed;
    struct exchange *held[HELD_REQUESTS]; /* until the sweep is over, in order */
    bool is_answered[HELD_REQUESTS];      /* the answer stands in it already */
    uint32_t held_count;
    struct look { /* at who could enter a campaign, before its review is answered */
        struct exchange *exchange; /* whose review it is; NULL: none is under way */
        uint32_t row;
        bool existing, is_counted;
        int64_t now_ms;
        struct arena arena;
        struct review review;
    } look;
    struct jump {                  /* of a made-up clock: POST /v1/clock */
        struct exchange *exchange; /* that is answered at its end; NULL: none is under way */
        int64_t to_ms;
        int64_t quiet_ms;    /* since when nothing in flight has ended, of the monotonic clock */
        int64_t patience_ms; /* so long what is in flight is waited for */
        uint64_t ended;
    } jump;
    int64_t drained_ms;  /* when draining campaigns were looked at, of the monotonic clock */
    uint64_t streamed;   /* the last row of the journal that streams have; while there are any */
    int64_t streamed_ms; /* when they heard something, of the monotonic clock */
    uint64_t accepted, duplicates, rejected, repeats, requests; /* since the start */
};

/* The made-up clock moves to to_ms: what is due on the way runs and is sent at its instant, while
 * others are served; the exchange is answered at the end. */
void service_jump(struct service *service, struct exchange *exchange, int64_t to_ms);
/* Counts the audience for this exchange, a part now and the rest while others are served;
 * afterwards
 * ->look holds it, and the exchange's handler ends it. */
enum status service_look(struct service *service, struct exchange *exchange, uint32_t row,
                         bool existing);
void service_end_look(struct service *service);
/* A sweep (lifecycle.h), a jump or a look is under way: what changes campaigns or the clock waits.
 */
bool service_is_engaged(const struct service *service);
/* Keeps where a made-up clock stands. */
enum status clock_keep(struct service *service, int64_t now_ms);
enum status clock_put(struct service *service, int64_t now_ms); /* in the open transaction */
/* Opens everything; prints what INTERFACES.md 2 says on standard output. False: said on standard
 * error. */
bool service_open(struct service *service, const struct config *config, const char *db_path,
                  const struct builtins *builtins);
/* Until *stop: then what was taken is finished. 0, or 1 after a failure of the disk. */
int service_run(struct service *service, const volatile sig_atomic_t *stop);
void service_close(struct service *service);

#endif
