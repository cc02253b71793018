/* openapi.c: /openapi.json, drawn from routes.def and shapes.json: what a program needs to know to
 * call the service without having read its source. */
#include <stdio.h>

#include "vm/http/request.h"
#include "vm/http/shapes.json.h"

struct operation {
    const char *method, *path, *scope, *function, *body, *answer, *query, *words;
};
static const struct operation entries[] = {
#define ROUTE(method, path, scope, kind, function, body, answer, query, words)                     \
    {#method, path, #scope, #function, body, answer, query, words},
#include "vm/http/routes.def"
#undef ROUTE
};

static const char *media_of(struct str shape)
{
    static const struct {
        const char *shape, *media;
    } medias[] = {{"Lines", "application/x-ndjson"},
                  {"Bytes", "application/octet-stream"},
                  {"Text", "text/plain"},
                  {"Page", "text/html"},
                  {"Stream", "text/event-stream"},
                  {"Form", "application/x-www-form-urlencoded"}};
    for (size_t i = 0; i < ARRAY_COUNT(medias); i++)
        if (str_eq_c(shape, medias[i].shape))
            return medias[i].media;
    return "application/json";
}

static void put_content(struct buf *out, struct str shape)
{
    buf_printf(out,
               "\"content\":{\"%s\":{\"schema\":{\"$ref\":\"#/components/schemas/" STR_FMT "\"}}}",
               media_of(shape), STR_ARG(shape));
}

/* `/v1/keys/{}` → `/v1/keys/{id}`. */
static void put_path(struct buf *out, const char *path)
{
    const char *hole = strstr(path, "{}");
    if (hole)
        buf_printf(out, "\"%.*s{id}%s\"", (int)(hole - path), path, hole + 2);
    else
        buf_printf(out, "\"%s\"", path);
}

static void put_parameter(struct buf *out, const char **comma, const char *where, struct str name)
{
    buf_printf(out,
               "%s{\"name\":\"" STR_FMT
               "\",\"in\":\"%s\",\"required\":%s,\"schema\":{\"type\":\"%s\"}}",
               *comma, STR_ARG(name), where, strcmp(where, "path") == 0 ? "true" : "false",
               str_eq_c(name, "limit") ? "integer" : "string");
    *comma = ",";
}

static void put_parameters(struct buf *out, const struct operation *e)
{
    const char *comma = "";
    struct str rest = str_of(e->query);
    buf_c(out, ",\"parameters\":[");
    if (strstr(e->path, "{}"))
        put_parameter(out, &comma, "path", STR("id"));
    while (rest.len) {
        size_t end = str_find(rest, STR(" "));
        put_parameter(out, &comma, "query",
                      (struct str){rest.at, end == SIZE_MAX ? rest.len : end});
        rest = end == SIZE_MAX ? (struct str){0} : str_from(rest, end + 1);
    }
    buf_c(out, "]");
}

/* `Metrics`, `201 Image`, `204`. */
static void put_answer(struct buf *out, const char *answer)
{
    struct str shape = str_of(answer);
    int status = 200;
    if (shape.len >= 3 && shape.at[0] >= '0' && shape.at[0] <= '9') {
        status = (shape.at[0] - '0') * 100 + (shape.at[1] - '0') * 10 + (shape.at[2] - '0');
        shape = str_from(shape, 4);
    }
    buf_printf(out, ",\"responses\":{\"%d\":{\"description\":\"done\"", status);
    if (shape.len) {
        buf_c(out, ",");
        put_content(out, shape);
    }
    buf_c(out, "},\"default\":{\"description\":\"refused, or failed\",");
    put_content(out, STR("Error"));
    buf_c(out, "}}");
}

static void put_operation(struct buf *out, const struct operation *e, bool is_again)
{
    buf_byte(out, '"');
    for (const char *at = e->method; *at; at++)
        buf_byte(out, (unsigned char)(*at | 32));
    buf_printf(out, "\":{\"operationId\":\"%s%s\",\"summary\":", e->function,
               is_again ? "_again" : "");
    json_put_text(out, str_of(e->words));
    if (strcmp(e->scope, "NONE") == 0) {
        buf_c(out, ",\"security\":[]");
    } else {
        buf_c(out, ",\"description\":\"scope ");
        for (const char *at = e->scope; *at; at++)
            buf_byte(out, (unsigned char)(*at | 32));
        buf_c(out, "\"");
    }
    put_parameters(out, e);
    if (*e->body) {
        buf_c(out, ",\"requestBody\":{");
        put_content(out, str_of(e->body));
        buf_c(out, "}");
    }
    put_answer(out, e->answer);
    buf_c(out, "}");
}

static bool is_function_of_earlier(size_t row)
{
    for (size_t i = 0; i < row; i++)
        if (strcmp(entries[i].function, entries[row].function) == 0)
            return true;
    return false;
}

enum status get_openapi(struct request *request)
{
    struct buf *out = request->out;
    buf_c(out,
          "{\"openapi\":\"3.0.3\",\"info\":{\"title\":\"Camp\",\"version\":\"1\",\"description\":"
          "\"The service of campd: campaigns, traffic, drafts, patients.\"},"
          "\"security\":[{\"bearer\":[]},{\"basic\":[]}],\"paths\":{");
    for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
        bool is_known = i > 0 && strcmp(entries[i].path, entries[i - 1].path) == 0;
        if (is_known) {
            buf_c(out, ",");
        } else {
            buf_c(out, i ? "}," : "");
            put_path(out, entries[i].path);
            buf_c(out, ":{");
        }
        put_operation(out, &entries[i], is_function_of_earlier(i));
    }
    buf_c(out, "}},\"components\":{\"securitySchemes\":{"
               "\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
               "\"basic\":{\"type\":\"http\",\"scheme\":\"basic\"}},\"schemas\":");
    buf_str(out, (struct str){shapes_json, sizeof shapes_json - 1});
    buf_c(out, "}}\n");
    return STATUS_OK;
}
