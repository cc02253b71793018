/* request.c: what every handler needs: refusals, failures, the body, parameters. */
#include "vm/http/request.h"

#include <stdarg.h>
#include <stdio.h>

#include "vm/base/log.h"

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
    if (is_absent || member->kind != JSON_STRING || member->text.len > 4096) {
        request_refuse(request, 422, "invalid", name, is_absent ? "is missing" : "must be a text");
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
