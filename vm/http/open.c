/* open.c: how the service comes up and goes down: store, engine, clock, keys, port. */
#include <stdio.h>
#include <stdlib.h>

#include "vm/base/civil.h"
#include "vm/base/log.h"
#include "vm/http/notify.h"
#include "vm/http/request.h"
#include "vm/run/lifecycle.h"

enum { REQUEST_ARENA_BYTES = 128 << 20 };

static bool complain(const char *what, struct str why)
{
    fprintf(stderr, "campd: %s: " STR_FMT "\n", what, STR_ARG(why));
    return false;
}

/* `2026-03-02T09:00:00-05:00,60`: where a made-up clock starts, and how fast it runs (default 1).
 */
static bool read_clock(const char *text, int64_t *start_ms, double *rate)
{
    struct str all = str_of(text);
    size_t comma = str_find(all, STR(","));
    struct str start = {all.at, comma == SIZE_MAX ? all.len : comma};
    *rate = 1;
    if (comma != SIZE_MAX) {
        char *end;
        *rate = strtod(text + comma + 1, &end);
        if (*end || end == text + comma + 1 || !(*rate >= 0 && *rate <= 1e6))
            return false;
    }
    return civil_parse_instant(start, start_ms);
}

enum status clock_put(struct service *service, int64_t now_ms)
{
    return store_meta_put(service->store, "made-up clock",
                          (struct str){(const char *)&now_ms, sizeof now_ms});
}

enum status clock_keep(struct service *service, int64_t now_ms)
{
    enum status status = engine_begin(service->engine);
    if (status == STATUS_OK)
        status = clock_put(service, now_ms);
    if (status == STATUS_OK)
        return engine_commit(service->engine);
    engine_rollback(service->engine);
    return status;
}

/* A database is made with a made-up clock or with the real one, and stays so. */
static bool set_clock(struct service *service, bool is_new)
{
    int64_t start_ms = 0, kept_ms;
    double rate = 0;
    struct str kept = {0};
    const char *text = service->config->clock;
    if (text[0] && !read_clock(text, &start_ms, &rate))
        return complain("--clock", STR("START[,RATE] is needed, as 2026-03-02T09:00:00-05:00,60"));
    bool was_made_up =
        store_meta_get(service->store, "made-up clock", &service->arena, &kept) == STATUS_OK &&
        kept.len == sizeof kept_ms;
    if (!is_new && was_made_up != (text[0] != 0))
        return complain("--clock", was_made_up ? STR("this database was made with a made-up clock")
                                               : STR("this database was made with the real clock"));
    if (!text[0]) {
        clock_real(&service->clock);
        return true;
    }
    if (was_made_up) {
        memcpy(&kept_ms, kept.at, sizeof kept_ms);
        start_ms = kept_ms > start_ms ? kept_ms : start_ms;
    }
    clock_made_up(&service->clock, start_ms, rate);
    return true;
}

static bool make_first_key(struct service *service)
{
    char text[128];
    enum status status = engine_begin(service->engine);
    if (status == STATUS_OK)
        status = key_make(service, SCOPE_ADMIN, NEVER_MS, STR("the first"), text);
    if (status == STATUS_OK && service->clock.is_made_up)
        status = clock_put(service, clock_now_ms(&service->clock));
    if (status == STATUS_OK)
        status = store_meta_put(service->store, "has key", STR("1"));
    if (status == STATUS_OK)
        status = engine_commit(service->engine);
    if (status != STATUS_OK)
        return complain("the first key", str_of(status_text(status)));
    printf("admin key: %s\n", text);
    return true;
}

static bool open_delivery(struct service *service, struct str public_url)
{
    const char *why;
    service->delivery_options = service->config->delivery;
    service->delivery_options.public_url = public_url;
    /* An address that only this machine knows is of no use in a mail. */
    if (!service->config->public_url[0])
        service->delivery_options.leaves_links = true;
    service->delivery =
        deliver_open(service->engine, service->store, &service->delivery_options, &why);
    if (!service->delivery)
        return complain("delivery", str_of(why));
    if (deliver_recover(service->delivery, clock_now_ms(&service->clock)) != STATUS_OK)
        return complain("what was being sent", str_of(engine_error(service->engine)));
    server_watch(&service->server, deliver_fd(service->delivery));
    return true;
}

/* A copy does not know what the original has sent since: nothing goes on before a person says so.
 */
static bool pause_restored(struct service *service)
{
    uint32_t count;
    if (!store_is_restored(service->store))
        return true;
    enum status status = engine_pause_all(service->engine, clock_now_ms(&service->clock), &count);
    if (status == STATUS_OK)
        status = engine_begin(service->engine);
    if (status == STATUS_OK)
        status = store_forget_restored(service->store);
    if (status == STATUS_OK)
        status = engine_commit(service->engine);
    if (status != STATUS_OK)
        return complain("the restored copy", str_of(engine_error(service->engine)));
    printf("restored from a copy: %u campaign%s paused, until resumed\n", count,
           count == 1 ? " is" : "s are");
    log_line(LOG_WARN, "restored from a copy: campaigns are paused", NULL);
    return true;
}

bool service_open(struct service *service, const struct config *config, const char *db_path,
                  const struct builtins *builtins)
{
    struct str why = {0}, has_key;
    char error[160];
    *service = (struct service){.config = config, .db_path = db_path};
    service->server.listener = service->server.epoll = service->server.spare = -1;
    service->started_ms = monotonic_ms();
    arena_init(&service->arena, REQUEST_ARENA_BYTES);
    if (store_open(&service->store, db_path, &why, &service->arena) != STATUS_OK)
        return complain(db_path, why);
    bool is_new =
        store_meta_get(service->store, "has key", &service->arena, &has_key) == STATUS_MISSING;
    if (!set_clock(service, is_new))
        return false;
    if (!server_open(&service->server, config->listen, error))
        return complain("--listen", str_of(error));
    const char *colon = strrchr(config->listen, ':');
    snprintf(service->public_url, sizeof service->public_url, "http://%.*s:%u",
             (int)(colon - config->listen), config->listen, service->server.port);
    const char *address = service->public_url;
    struct str public_url = str_of(config->public_url[0] ? config->public_url : address);
    while (public_url.len && public_url.at[public_url.len - 1] == '/')
        public_url.len--;
    struct engine_options options = {.builtins = builtins,
                                     .late_after_ms = config->late_after_ms,
                                     .public_url = public_url,
                                     .is_virtual_time = service->clock.is_made_up,
                                     .counts = true};
    enum status status = engine_open(&service->engine, service->store, &options);
    if (status != STATUS_OK)
        return complain(db_path, str_of(engine_error(service->engine)));
    if (is_new && !make_first_key(service))
        return false;
    status = engine_sweep_on(service->engine);
    if (status != STATUS_OK)
        return complain("what was interrupted", str_of(engine_error(service->engine)));
    if (!pause_restored(service) || !open_delivery(service, public_url))
        return false;
    printf("listening on %s\n", address);
    fflush(stdout);
    notify("READY=1");
    log_line(LOG_INFO, "started", "database", db_path, NULL);
    return true;
}

void service_close(struct service *service)
{
    server_close(&service->server);
    if (service->engine && service->clock.is_made_up && !service->is_failed)
        clock_keep(service, clock_now_ms(&service->clock));
    deliver_close(service->delivery);
    engine_close(service->engine);
    store_close(service->store);
    arena_free(&service->arena);
}
