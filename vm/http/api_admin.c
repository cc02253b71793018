/* api_admin.c: health, metrics for Prometheus, the made-up clock, images. */
#include <stdio.h>

#include "vm/base/civil.h"
#include "vm/base/hash.h"
#include "vm/base/log.h"
#include "vm/http/api.h"

enum status get_health(struct request *request)
{
    const struct clock *clock = &request->service->clock;
    buf_c(request->out, "{\"status\":\"ok\",\"now\":");
    json_put_time(request->out, clock_now_ms(clock));
    buf_printf(request->out, ",\"clock\":\"%s\"", clock->is_made_up ? "made_up" : "real");
    if (clock->is_made_up) {
        buf_c(request->out, ",\"rate\":");
        json_put_number(request->out, clock->rate);
    }
    buf_c(request->out, "}\n");
    return STATUS_OK;
}

enum status get_ready(struct request *request)
{
    if (request->service->is_disk_low)
        return request_refuse(request, 503, "disk_full", NULL, "the disk is almost full");
    buf_c(request->out, "{\"status\":\"ready\"}\n");
    return STATUS_OK;
}

static void put_counter(struct buf *out, const char *name, const char *help, const char *type,
                        double value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, type, name, value);
}

/* Names of campaigns are the project's words, never a patient's. */
static void put_label(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"' || text.at[i] == '\\')
            buf_byte(out, '\\');
        buf_byte(out, text.at[i] == '\n' ? ' ' : (unsigned char)text.at[i]);
    }
}

struct exposition {
    struct buf *out;
    struct str campaign, message;
    int64_t counts[256];
};

static void add_up(void *context, enum entry_kind kind, uint8_t word, uint32_t image, int64_t count)
{
    struct exposition *e = context;
    (void)image;
    e->counts[kind == ENTRY_MESSAGE ? word : kind] += count;
}

static void put_counts(struct exposition *e, bool are_messages)
{
    for (uint32_t i = 0; i < 256; i++) {
        if (!e->counts[i])
            continue;
        buf_c(e->out, are_messages ? "camp_messages_total{campaign=\""
                                   : "camp_campaign_enrollments_total{campaign=\"");
        put_label(e->out, e->campaign);
        if (are_messages) {
            buf_c(e->out, "\",message=\"");
            put_label(e->out, e->message);
        }
        buf_printf(e->out, "\",what=\"%s\"} %lld\n",
                   are_messages ? message_word_text((enum message_word)i)
                                : entry_text((enum entry_kind)i),
                   (long long)e->counts[i]);
    }
}

static void put_campaigns(struct request *request)
{
    struct service *s = request->service;
    const struct program *program = engine_program(s->engine);
    struct exposition e = {.out = request->out};
    if (!program)
        return;
    const struct image *image = program->image;
    buf_c(request->out, "# HELP camp_campaign_enrollments_total What happened in a campaign.\n"
                        "# TYPE camp_campaign_enrollments_total counter\n");
    for (uint32_t i = 0; i < image->campaign_count; i++) {
        memset(e.counts, 0, sizeof e.counts);
        e.campaign = image_text(image, image->campaigns[i].name);
        store_counts(s->store, program->campaign_names[i], add_up, &e);
        put_counts(&e, false);
    }
    buf_c(request->out, "# HELP camp_messages_total What became of a message.\n"
                        "# TYPE camp_messages_total counter\n");
    for (uint32_t i = 0; i < image->message_count; i++) {
        memset(e.counts, 0, sizeof e.counts);
        e.campaign = image_text(image, image->campaigns[image->messages[i].campaign].name);
        e.message = image_text(image, image->messages[i].name);
        store_counts(s->store, program->message_names[i], add_up, &e);
        put_counts(&e, true);
    }
}

enum status get_prometheus(struct request *request)
{
    const struct service *s = request->service;
    request->exchange->reply.type = "text/plain; version=0.0.4; charset=utf-8";
    put_counter(request->out, "camp_requests_total", "HTTP requests taken.", "counter",
                (double)s->requests);
    put_counter(request->out, "camp_inputs_accepted_total", "Items of traffic accepted.", "counter",
                (double)s->accepted);
    put_counter(request->out, "camp_inputs_duplicate_total", "Items seen before.", "counter",
                (double)s->duplicates);
    put_counter(request->out, "camp_inputs_rejected_total", "Items refused and kept.", "counter",
                (double)s->rejected);
    put_counter(request->out, "camp_inputs_repeated_total",
                "Items with an id seen before and another body.", "counter", (double)s->repeats);
    put_counter(request->out, "camp_connections", "Open connections.", "gauge",
                (double)s->server.connection_count);
    put_counter(request->out, "camp_turned_away_total",
                "Requests and connections answered 503 for want of room.", "counter",
                (double)s->server.turned_away);
    put_counter(request->out, "camp_disk_low", "1 while ingest is refused for lack of room.",
                "gauge", s->is_disk_low);
    put_counter(request->out, "camp_uptime_seconds", "Since the start.", "gauge",
                (double)(monotonic_ms() - s->started_ms) / 1000);
    put_campaigns(request);
    return STATUS_OK;
}

enum status post_clock(struct request *request)
{
    struct service *s = request->service;
    struct str text = {0};
    int64_t to_ms = clock_now_ms(&s->clock);
    const struct json *body = request_body(request);
    if (!body || !request_text(request, body, "now", false, &text))
        return STATUS_OK;
    if (!s->clock.is_made_up)
        return request_refuse(request, 409, "real_clock", NULL,
                              "this database runs on the real clock; start it with --clock");
    if (text.len && !civil_parse_instant(text, &to_ms))
        return request_refuse(request, 422, "invalid", "now",
                              "must be an instant as 2026-03-02T14:00:00Z");
    if (to_ms < clock_now_ms(&s->clock))
        return request_refuse(request, 409, "back", "now", "the clock does not go back");
    request->after_sweep = ANSWER_ANEW;
    if (!service_is_engaged(s))
        service_jump(s, request->exchange, to_ms);
    return STATUS_OK;
}

static void put_id(struct buf *out, const unsigned char id[32])
{
    buf_byte(out, '"');
    buf_hex(out, (struct str){(const char *)id, 32});
    buf_byte(out, '"');
}

static void put_image(struct buf *out, const struct image *image)
{
    buf_c(out, "{\"id\":");
    put_id(out, image->id);
    buf_c(out, ",\"meaning\":");
    put_id(out, image->meaning);
    buf_c(out, ",\"campaigns\":[");
    for (uint32_t i = 0; i < image->campaign_count; i++) {
        buf_c(out, i ? "," : "");
        json_put_text(out, image_text(image, image->campaigns[i].name));
    }
    buf_c(out, "]}\n");
}

enum status post_image(struct request *request)
{
    struct service *s = request->service;
    struct image_error error = {{0}};
    const struct program *program = NULL;
    enum status status = engine_begin(s->engine);
    if (status == STATUS_OK)
        status = engine_upload(s->engine, request->exchange->body, &program, &error);
    if (status == STATUS_OK)
        status = engine_commit(s->engine);
    if (status != STATUS_OK)
        engine_rollback(s->engine);
    if (status == STATUS_INVALID)
        return request_refuse(request, 422, "bad_image", NULL, "the image is refused: %s",
                              error.text);
    if (status != STATUS_OK)
        return request_failed(request, status);
    request->exchange->reply.status = 201;
    put_image(request->out, program->image);
    return STATUS_OK;
}

enum status post_deploy(struct request *request)
{
    struct service *s = request->service;
    unsigned char id[32];
    uint32_t number;
    request->after_sweep = ANSWER_ANEW;
    if (service_is_engaged(s))
        return STATUS_OK;
    enum status status = hex_decode(request->captured, id, sizeof id)
                             ? store_image_find(s->store, id, &number)
                             : STATUS_MISSING;
    if (status == STATUS_MISSING)
        return request_refuse(request, 404, "not_found", NULL,
                              "no image with this id was uploaded");
    if (status == STATUS_OK)
        status = engine_begin(s->engine);
    if (status == STATUS_OK)
        status = engine_use(s->engine, number, request_now_ms(request));
    if (status == STATUS_OK)
        status = api_act(request, "image deployed", request->captured, (struct str){0});
    if (status == STATUS_OK)
        status = engine_commit(s->engine);
    if (status == STATUS_INVALID) {
        char why[256];
        snprintf(why, sizeof why, "%s", engine_error(s->engine));
        engine_rollback(s->engine);
        return request_refuse(request, 409, "refused", NULL, "%s", why);
    }
    if (status != STATUS_OK) {
        engine_rollback(s->engine);
        return request_failed(request, status);
    }
    log_line(LOG_INFO, "deployed", "image", arena_cstr(&s->arena, request->captured), NULL);
    put_image(request->out, engine_program(s->engine)->image);
    return STATUS_OK;
}
