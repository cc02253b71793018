/* service.c: see service.h. */
#include "vm/http/service.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "vm/base/json.h"
#include "vm/base/log.h"
#include "vm/http/api.h"
#include "vm/http/notify.h"

enum {
    GROUP_REQUESTS = 256, /* that share one commit */
    SLICES_A_COMMIT = 512,
    DRAIN_MS = 8000,
    DISK_CHECK_MS = 1000,
    DRAINED_CHECK_MS = 500,
    JUMP_PATIENCE_MS = 5000,
    JUMP_LEAST_MS = 50,
    JUMP_SLICE_MS = 20,
    LONGEST_WAIT_MS = 1000,
    LOW_DISK_WAIT_MS = 20
};

enum kind { GROUPED, ALONE };
struct route {
    const char *method, *path;
    uint32_t scope;
    enum kind kind;
    enum status (*handle)(struct request *request);
};
static const struct route routes[] = {
#define ROUTE(method, path, scope, kind, function, body, answer, query, words)                     \
    {#method, path, SCOPE_##scope, kind, function},
#include "vm/http/routes.def"
#undef ROUTE
};

int64_t request_now_ms(const struct request *request)
{
    return clock_now_ms(&request->service->clock);
}

/* --- finding the route --- */

/* One `{}` at most; it takes one segment. */
static bool fits(const char *pattern, struct str path, struct str *captured)
{
    const char *hole = strstr(pattern, "{}");
    *captured = (struct str){0};
    if (!hole)
        return str_eq_c(path, pattern);
    struct str before = {pattern, (size_t)(hole - pattern)}, after = str_of(hole + 2);
    if (!str_starts(path, before) || !str_ends(path, after) || path.len <= before.len + after.len)
        return false;
    *captured = (struct str){path.at + before.len, path.len - before.len - after.len};
    return str_find(*captured, STR("/")) == SIZE_MAX;
}

static const struct route *find_route(const struct http_head *head, struct str *captured,
                                      bool *is_path_known)
{
    struct str method = str_eq(head->method, STR("HEAD")) ? STR("GET") : head->method;
    *is_path_known = false;
    for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
        if (!fits(routes[i].path, head->path, captured))
            continue;
        *is_path_known = true;
        if (str_eq_c(method, routes[i].method))
            return &routes[i];
    }
    return NULL;
}

static void put_allowed(struct buf *headers, struct str path)
{
    struct str captured;
    const char *comma = "Allow: ";
    for (size_t i = 0; i < ARRAY_COUNT(routes); i++)
        if (fits(routes[i].path, path, &captured)) {
            buf_printf(headers, "%s%s%s", comma, routes[i].method,
                       strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : "");
            comma = ", ";
        }
    buf_c(headers, "\r\n");
}

/* The route that will handle it; NULL after refusing. */
static const struct route *admit(struct request *request)
{
    bool is_path_known;
    struct str captured;
    const struct http_head *head = &request->exchange->head;
    const struct route *route = find_route(head, &captured, &is_path_known);
    if (!is_path_known) {
        request_refuse(request, 404, "not_found", NULL, "there is nothing at this path");
        return NULL;
    }
    if (!route) {
        put_allowed(&request->exchange->reply.headers, head->path);
        request_refuse(request, 405, "method", NULL, "this path does not take this method");
        return NULL;
    }
    if (route->scope) {
        uint32_t scopes = key_scopes(request->service, head, &request->key);
        if (request->service->is_failed) {
            request_failed(request, STATUS_CORRUPT);
            return NULL;
        }
        if (!scopes) {
            buf_c(&request->exchange->reply.headers, "WWW-Authenticate: Bearer\r\n");
            request_refuse(request, 401, "unauthorized", NULL,
                           "a key is needed: Authorization: Bearer camp_…");
            return NULL;
        }
        if (!(scopes & (route->scope | SCOPE_ADMIN))) {
            request_refuse(request, 403, "forbidden", NULL,
                           "this needs a key with the scope %s; the scopes of this key do not "
                           "allow it",
                           key_scope_word(route->scope));
            return NULL;
        }
    }
    struct buf text;
    buf_init(&text, HTTP_TARGET_BYTES);
    bool is_sound = http_unescape(captured, false, &text);
    request->captured = arena_str(&request->service->arena, buf_view(&text));
    buf_free(&text);
    if (!is_sound) {
        request_refuse(request, 400, "bad_request", NULL, "the path's escapes cannot be read");
        return NULL;
    }
    return route;
}

static struct request request_of(struct service *service, struct exchange *exchange)
{
    exchange->reply.status = 200;
    buf_reset(&exchange->reply.body);
    buf_reset(&exchange->reply.headers);
    return (struct request){.service = service, .exchange = exchange, .out = &exchange->reply.body};
}

/* --- the disk --- */

/* Ingest stops before the disk is full; what must still be written (what was sent, unsubscribes)
 * has the reserve. */
static void check_disk(struct service *service)
{
    struct statvfs fs;
    int64_t now_ms = monotonic_ms();
    if (now_ms - service->disk_checked_ms < DISK_CHECK_MS && service->disk_checked_ms)
        return;
    service->disk_checked_ms = now_ms;
    if (statvfs(service->db_path, &fs) != 0)
        return;
    uint64_t unit = fs.f_frsize, total = fs.f_blocks * unit, reserve = total / 20;
    reserve = reserve > 64 << 20 ? 64 << 20 : reserve;
    bool is_low = fs.f_bavail * unit < reserve;
    if (is_low != service->is_disk_low)
        log_line(is_low ? LOG_ERROR : LOG_INFO, is_low ? "disk almost full" : "disk has room again",
                 NULL);
    service->is_disk_low = is_low;
}

/* --- requests that share a commit --- */

static void answer_failure(struct request *request, enum status status)
{
    buf_reset(request->out);
    request_failed(request, status);
}

/* Alone in a transaction of its own, after a shared one has failed. */
static void retry_alone(struct service *service, struct exchange *exchange)
{
    struct request request = request_of(service, exchange);
    const struct route *route = admit(&request);
    if (!route)
        return;
    enum status status = engine_begin(service->engine);
    if (status == STATUS_OK)
        status = route->handle(&request);
    if (status == STATUS_OK)
        status = engine_commit(service->engine);
    if (status == STATUS_OK)
        return;
    engine_rollback(service->engine);
    answer_failure(&request, status);
    service->is_failed |= status == STATUS_IO || status == STATUS_CORRUPT;
}

static void run_group(struct service *service, struct exchange **group, uint32_t count)
{
    enum status status = engine_begin(service->engine);
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        arena_reset(&service->arena);
        struct request request = request_of(service, group[i]);
        const struct route *route = admit(&request);
        if (route)
            status = route->handle(&request);
    }
    if (status == STATUS_OK)
        status = engine_commit(service->engine);
    if (status != STATUS_OK) {
        log_line(LOG_WARN, "a shared transaction failed", "why", engine_error(service->engine),
                 NULL);
        engine_rollback(service->engine);
        for (uint32_t i = 0; i < count; i++)
            retry_alone(service, group[i]);
    }
    for (uint32_t i = 0; i < count; i++)
        server_reply(&service->server, group[i]);
}

static void run_alone(struct service *service, struct exchange *exchange)
{
    struct request request = request_of(service, exchange);
    const struct route *route = admit(&request);
    if (route) {
        request.after_sweep = ANSWER_NOW;
        enum status status = route->handle(&request);
        if (store_in_transaction(service->store))
            engine_rollback(service->engine);
        if (status != STATUS_OK)
            answer_failure(&request, status);
    }
    if (service->jump.exchange == exchange)
        return;
    bool waits = request.after_sweep != ANSWER_NOW && service_is_engaged(service);
    if (waits && service->held_count < HELD_REQUESTS) {
        service->is_answered[service->held_count] = request.after_sweep == ANSWER_KEPT;
        service->held[service->held_count++] = exchange;
        return;
    }
    if (waits && request.after_sweep == ANSWER_ANEW)
        request_failed(&request, STATUS_BUSY);
    if (service->look.exchange == exchange)
        service_end_look(service);
    server_reply(&service->server, exchange);
}

static bool is_grouped(struct service *service, struct exchange *exchange)
{
    struct str captured;
    bool is_path_known;
    const struct route *route = find_route(&exchange->head, &captured, &is_path_known);
    (void)service;
    return route && route->kind == GROUPED;
}

/* In order of arrival; a run of grouped ones shares a commit. */
static void run_requests(struct service *service)
{
    struct server *server = &service->server;
    for (uint32_t i = 0; i < server->ready_count;) {
        struct exchange *group[GROUP_REQUESTS];
        uint32_t count = 0;
        while (i < server->ready_count && count < GROUP_REQUESTS &&
               is_grouped(service, server->ready[i]))
            group[count++] = server->ready[i++];
        arena_reset(&service->arena);
        service->requests += count ? count : 1;
        if (count)
            run_group(service, group, count);
        else
            run_alone(service, server->ready[i++]);
    }
}

/* --- time --- */

static enum status advance_once(struct service *service, int64_t to_ms, bool *more)
{
    enum status status = engine_begin(service->engine);
    if (status == STATUS_OK)
        status = engine_advance(service->engine, to_ms, true, SLICES_A_COMMIT, more);
    if (status == STATUS_OK && service->clock.is_made_up)
        status = clock_put(service, to_ms);
    if (status == STATUS_OK)
        status = engine_commit(service->engine);
    else
        engine_rollback(service->engine);
    return status;
}

bool service_is_engaged(const struct service *service)
{
    bool is_looking = service->look.exchange && !service->look.is_counted;
    return engine_is_sweeping(service->engine) || service->jump.exchange || is_looking;
}

static void note_failure(struct service *service, enum status status, const char *what)
{
    if (status == STATUS_OK)
        return;
    log_line(LOG_ERROR, what, "why", engine_error(service->engine), NULL);
    if (status == STATUS_FULL)
        service->is_disk_low = true;
    else if (status == STATUS_IO || status == STATUS_CORRUPT)
        service->is_failed = true;
}

/* --- an audience is counted --- */

static enum status look_on(struct service *service)
{
    struct look *look = &service->look;
    return engine_count_audience(service->engine, look->row, look->existing, look->now_ms,
                                 &look->arena, &look->review, &look->is_counted);
}

enum status service_look(struct service *service, struct exchange *exchange, uint32_t row,
                         bool existing)
{
    struct look *look = &service->look;
    if (look->exchange == exchange)
        return STATUS_OK;
    *look = (struct look){.exchange = exchange,
                          .row = row,
                          .existing = existing,
                          .now_ms = clock_now_ms(&service->clock)};
    arena_init(&look->arena, 0);
    return look_on(service);
}

void service_end_look(struct service *service)
{
    if (service->look.exchange)
        arena_free(&service->look.arena);
    service->look = (struct look){0};
}

static void run_look(struct service *service)
{
    struct look *look = &service->look;
    if (!look->exchange || look->is_counted)
        return;
    enum status status = look_on(service);
    note_failure(service, status, "an audience cannot be counted");
    /* Then the handler begins anew, and says what it meets. */
    if (status != STATUS_OK)
        service_end_look(service);
}

/* --- the made-up clock is moved --- */

void service_jump(struct service *service, struct exchange *exchange, int64_t to_ms)
{
    service->jump = (struct jump){.exchange = exchange,
                                  .to_ms = to_ms,
                                  .quiet_ms = monotonic_ms(),
                                  .patience_ms = JUMP_PATIENCE_MS,
                                  .ended = deliver_ended(service->delivery)};
}

/* What is in flight is waited for, as the clock would not wait: a provider that is silent is not.
 */
static bool is_jump_waiting(struct service *service)
{
    struct jump *jump = &service->jump;
    int64_t mono_ms = monotonic_ms();
    uint64_t ended = deliver_ended(service->delivery);
    if (ended != jump->ended || !deliver_is_busy(service->delivery)) {
        jump->ended = ended;
        jump->quiet_ms = mono_ms;
        return deliver_is_busy(service->delivery);
    }
    if (mono_ms - jump->quiet_ms < jump->patience_ms)
        return true;
    jump->patience_ms =
        jump->patience_ms / 2 > JUMP_LEAST_MS ? jump->patience_ms / 2 : JUMP_LEAST_MS;
    jump->quiet_ms = mono_ms;
    return false;
}

static void end_jump(struct service *service, enum status status)
{
    struct exchange *exchange = service->jump.exchange;
    struct request request = request_of(service, exchange);
    int64_t to_ms = service->jump.to_ms;
    if (status == STATUS_OK && to_ms > clock_now_ms(&service->clock))
        clock_set(&service->clock, to_ms);
    if (status == STATUS_OK)
        status = clock_keep(service, clock_now_ms(&service->clock));
    if (status == STATUS_OK)
        status = engine_end_drained(service->engine);
    service->jump.exchange = NULL;
    note_failure(service, status, "the clock cannot be moved");
    if (status == STATUS_OK)
        get_health(&request);
    else
        answer_failure(&request, status);
    server_reply(&service->server, exchange);
}

/* One instant at which something is due, or a part of it; messages leave, and are tried again, at
 * their instant, not at the end of the jump. */
static void run_jump(struct service *service)
{
    enum status status = STATUS_OK;
    int64_t until_ms = monotonic_ms() + JUMP_SLICE_MS;
    while (service->jump.exchange && monotonic_ms() < until_ms) {
        int64_t at_ms = clock_now_ms(&service->clock);
        bool more = false;
        if (service->is_disk_low) { /* nothing is claimed now: what is due would never leave */
            end_jump(service, STATUS_FULL);
            return;
        }
        status = deliver(service->delivery, at_ms, true);
        if (status == STATUS_OK && deliver_wait_ms(service->delivery, at_ms, 0) == 0)
            continue;
        if (status == STATUS_OK && is_jump_waiting(service))
            return;
        int64_t due_ms = engine_next_due_ms(service->engine);
        int64_t try_ms = deliver_due_after(service->delivery, at_ms);
        due_ms = due_ms < try_ms ? due_ms : try_ms;
        if (status != STATUS_OK || due_ms > service->jump.to_ms) {
            end_jump(service, status);
            return;
        }
        if (due_ms > at_ms)
            clock_set(&service->clock, due_ms);
        at_ms = due_ms > at_ms ? due_ms : at_ms;
        if (engine_next_due_ms(service->engine) <= at_ms)
            status = advance_once(service, at_ms, &more);
        if (status != STATUS_OK)
            end_jump(service, status);
    }
}

/* A bounded part of what concerns all patients; at its end, whoever waited for it is answered, up
 * to one who begins the next. True: more is left. */
static bool run_sweep(struct service *service)
{
    int64_t mono_ms = monotonic_ms();
    bool was_sweeping = engine_is_sweeping(service->engine);
    if (was_sweeping)
        note_failure(service, engine_sweep(service->engine, clock_now_ms(&service->clock)),
                     "a campaign cannot be changed");
    while (service->held_count && !service_is_engaged(service)) {
        struct exchange *exchange = service->held[0];
        bool is_answered = service->is_answered[0];
        service->held_count--;
        memmove(service->held, service->held + 1, service->held_count * sizeof *service->held);
        memmove(service->is_answered, service->is_answered + 1, service->held_count);
        if (is_answered)
            server_reply(&service->server, exchange);
        else
            run_alone(service, exchange);
    }
    if (was_sweeping || mono_ms - service->drained_ms >= DRAINED_CHECK_MS) {
        service->drained_ms = mono_ms;
        note_failure(service, engine_end_drained(service->engine), "a campaign cannot be stopped");
    }
    return engine_is_sweeping(service->engine);
}

static int wait_ms(const struct service *service)
{
    int64_t due_ms = engine_next_due_ms(service->engine);
    int64_t now_ms = clock_now_ms(&service->clock);
    double rate = service->clock.is_made_up ? service->clock.rate : 1;
    int64_t delivery_ms = deliver_wait_ms(service->delivery, now_ms, rate);
    if (service->is_disk_low && delivery_ms < LOW_DISK_WAIT_MS)
        delivery_ms = LOW_DISK_WAIT_MS; /* what is due to leave is not claimed */
    if (due_ms <= now_ms || (service->jump.exchange && !deliver_is_busy(service->delivery)))
        return 0;
    if (service->jump.exchange)
        return delivery_ms < JUMP_SLICE_MS ? (int)delivery_ms : JUMP_SLICE_MS;
    double real_ms =
        due_ms == NEVER_MS || !(rate > 0) ? LONGEST_WAIT_MS : (double)(due_ms - now_ms) / rate;
    if ((double)delivery_ms < real_ms)
        return (int)delivery_ms;
    return real_ms > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : (int)real_ms + 1;
}

/* A bounded part of what is due, then a bounded part of what waits to leave. True: more is left. */
static bool run_time(struct service *service)
{
    bool more = false;
    int64_t now_ms = clock_now_ms(&service->clock);
    if (engine_next_due_ms(service->engine) <= now_ms)
        note_failure(service, advance_once(service, now_ms, &more), "timers failed");
    note_failure(service, deliver(service->delivery, now_ms, !service->is_disk_low),
                 "delivery failed");
    /* Once a second of real time is enough: after a crash the made-up clock goes on where it last
     * did something. */
    if (service->clock.is_made_up && service->clock.rate > 0 &&
        monotonic_ms() - service->clock_kept_ms >= 1000) {
        note_failure(service, clock_keep(service, now_ms), "the clock cannot be kept");
        service->clock_kept_ms = monotonic_ms();
    }
    return more;
}

/* What is under way may end; what the providers do not answer in this time is UNKNOWN at the next
 * start. */
static void drain_delivery(struct service *service)
{
    int64_t until = monotonic_ms() + DRAIN_MS;
    enum status status = deliver_drain(service->delivery, clock_now_ms(&service->clock));
    while (status == STATUS_OK && deliver_is_busy(service->delivery) && monotonic_ms() < until) {
        struct pollfd fd = {.fd = deliver_fd(service->delivery), .events = POLLIN};
        poll(&fd, 1, 10);
        status = deliver(service->delivery, clock_now_ms(&service->clock), false);
    }
    note_failure(service, status, "delivery failed");
}

int service_run(struct service *service, const volatile sig_atomic_t *stop)
{
    bool more = true;
    int64_t watchdog_ms = notify_watchdog_ms(), told_ms = monotonic_ms();
    while (!*stop && !service->is_failed) {
        server_poll(&service->server, more ? 0 : wait_ms(service));
        if (watchdog_ms && monotonic_ms() - told_ms >= watchdog_ms / 2) {
            notify("WATCHDOG=1");
            told_ms = monotonic_ms();
        }
        check_disk(service);
        more = run_time(service);
        run_requests(service);
        run_jump(service);
        run_look(service);
        more |= run_sweep(service) || (service->look.exchange && !service->look.is_counted);
        more |= service->server.ready_count > 0;
        more |= stream_news(service);
    }
    notify("STOPPING=1");
    service->server.is_closing = true;
    if (!service->is_failed)
        drain_delivery(service);
    for (int64_t until = monotonic_ms() + 5000;
         !service->is_failed && server_is_busy(&service->server) && monotonic_ms() < until;) {
        server_poll(&service->server, engine_is_sweeping(service->engine) ? 0 : 50);
        run_requests(service);
        run_look(service);
        run_sweep(service);
    }
    log_line(LOG_INFO, service->is_failed ? "stopped after a failure" : "stopped", NULL);
    return service->is_failed ? 1 : 0;
}
