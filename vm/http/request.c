/* request.c: what every handler needs: refusals, failures, the body, parameters. */
#include "vm/http/api.h"

#include <stdarg.h>
#include <stdio.h>

#include "vm/base/civil.h"
#include "vm/base/log.h"

enum { TEXT_MOST = 4096 };

enum status request_refuse(struct request *request, int status, const char *code, const char *field,
                           const char *format, ...)
{
    char words[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    request->exchange->reply.status = status;
    if (status == 503 || status == 429)
        buf_c(&request->exchange->reply.headers, "Retry-After: 5\r\n");
    buf_reset(request->out);
    buf_printf(request->out, "{\"error\":{\"code\":\"%s\",\"message\":", code);
    json_put_text(request->out, str_of(words));
    if (field) {
        buf_c(request->out, ",\"field\":");
        json_put_text(request->out, str_of(field));
    }
    buf_c(request->out, "}}\n");
    return STATUS_OK;
}

enum status request_failed(struct request *request, enum status status)
{
    switch (status) {
    case STATUS_FULL:
        return request_refuse(request, 503, "disk_full", NULL,
                              "the disk is full; nothing was taken");
    case STATUS_BUSY:
        return request_refuse(request, 503, "busy", NULL, "the database is busy");
    case STATUS_LIMIT:
        return request_refuse(request, 422, "limit", NULL, "a bound of the service was reached");
    case STATUS_MISSING:
        return request_refuse(request, 404, "not_found", NULL, "there is no such thing");
    case STATUS_INVALID:
        return request_refuse(request, 422, "invalid", NULL, "this makes no sense here");
    case STATUS_OK:
    case STATUS_IO:
    case STATUS_CORRUPT:
        break;
    }
    request->service->is_failed = true;
    log_line(LOG_ERROR, "request failed", "why", engine_error(request->service->engine), NULL);
    return request_refuse(request, 500, "failed", NULL,
                          "the service failed and stops; nothing was taken");
}

const struct json *request_body(struct request *request)
{
    const char *error = "must be a JSON object";
    struct str text = str_trim(request->exchange->body);
    if (!text.len)
        text = STR("{}");
    struct json *body = json_parse(&request->service->arena, text, &error, NULL);
    if (body && body->kind == JSON_OBJECT)
        return body;
    request_refuse(request, 400, "bad_json", NULL, "the body: %s",
                   body ? "must be a JSON object" : error);
    return NULL;
}

bool request_bool(struct request *request, const struct json *body, const char *name, bool *value)
{
    const struct json *member = json_get(body, name);
    if (!member || member->kind == JSON_NULL)
        return true;
    if (member->kind != JSON_TRUE && member->kind != JSON_FALSE) {
        request_refuse(request, 422, "invalid", name, "must be true or false");
        return false;
    }
    *value = member->kind == JSON_TRUE;
    return true;
}

bool request_text(struct request *request, const struct json *body, const char *name,
                  bool is_needed, struct str *value)
{
    const struct json *member = json_get(body, name);
    bool is_absent = !member || member->kind == JSON_NULL;
    if (is_absent && !is_needed)
        return true;
    if (is_absent || member->kind != JSON_STRING || member->text.len > TEXT_MOST) {
        if (is_absent)
            request_refuse(request, 422, "invalid", name, "is missing");
        else
            request_refuse(request, 422, "invalid", name, "must be a text of at most %d bytes",
                           TEXT_MOST);
        return false;
    }
    *value = member->text;
    return true;
}

struct str request_parameter(struct request *request, const char *name)
{
    struct str raw = http_parameter(request->exchange->head.query, name);
    struct buf text;
    struct str value = {0};
    if (!raw.at)
        return value;
    buf_init(&text, HTTP_TARGET_BYTES);
    if (http_unescape(raw, true, &text))
        value = arena_str(&request->service->arena, buf_view(&text));
    buf_free(&text);
    return value;
}

bool request_instant(struct request *request, const char *name, int64_t *at_ms)
{
    struct str text = request_parameter(request, name);
    if (!text.at || civil_parse_instant(text, at_ms))
        return true;
    request_refuse(request, 422, "invalid", name, "must be an instant as 2026-03-02T14:00:00Z");
    return false;
}

bool request_page(struct request *request, uint64_t usual, uint64_t most, uint64_t *cursor,
                  uint64_t *limit)
{
    struct str text = request_parameter(request, "limit");
    struct str from = cursor ? request_parameter(request, "cursor") : (struct str){0};
    uint64_t asked = text.at ? number_of(text, 0) : usual;
    *limit = asked > most ? most : asked;
    if (cursor)
        *cursor = from.at ? number_of(from, UINT64_MAX) : 0;
    if (!asked)
        request_refuse(request, 422, "invalid", "limit", "must be a number from 1 to %llu",
                       (unsigned long long)most);
    else if (cursor && *cursor == UINT64_MAX)
        request_refuse(request, 422, "invalid", "cursor", "must be the `next` of a page before");
    else
        return true;
    return false;
}

uint64_t number_of(struct str text, uint64_t otherwise)
{
    uint64_t number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || number > UINT64_MAX / 20)
            return otherwise;
        number = number * 10 + (uint64_t)(text.at[i] - '0');
    }
    return text.len ? number : otherwise;
}

void put_member(struct buf *out, const char *name, struct str text)
{
    buf_printf(out, ",\"%s\":", name);
    if (text.at)
        json_put_text(out, text);
    else
        buf_c(out, "null");
}

void put_time(struct buf *out, const char *name, int64_t at_ms)
{
    buf_printf(out, ",\"%s\":", name);
    if (at_ms == NEVER_MS || at_ms == INT64_MIN)
        buf_c(out, "null");
    else
        json_put_time(out, at_ms);
}

const char *channel_word(uint32_t channel)
{
    return channel == CHANNEL_SMS ? "sms" : channel == CHANNEL_WEBHOOK ? "webhook" : "email";
}

enum status api_act(struct request *request, const char *what, struct str object, struct str reason)
{
    struct store_act act = {.at_ms = request_now_ms(request),
                            .key = request->key,
                            .what = str_of(what),
                            .object = object,
                            .reason = reason};
    return store_act_add(request->service->store, &act);
}

void api_act_alone(struct request *request, const char *what, struct str object)
{
    struct engine *engine = request->service->engine;
    enum status status = engine_begin(engine);
    if (status == STATUS_OK)
        status = api_act(request, what, object, (struct str){0});
    if (status == STATUS_OK)
        status = engine_commit(engine);
    if (status == STATUS_OK)
        return;
    engine_rollback(engine);
    log_line(LOG_ERROR, "an act could not be kept", "what", what, NULL);
}
