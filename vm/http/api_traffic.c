/* api_traffic.c: traffic in, through several doors: NDJSON, and the calls of Segment's clients
 * (WIRE.md 2). An item that is wrong is refused by itself and kept for inspection; its batch goes
 * on. */
#include "vm/http/api.h"

#include <stdio.h>
#include <stdlib.h>

#include "vm/base/log.h"
#include "vm/http/inflate.h"

enum { ITEM_BYTES = 1 << 20, ITEM_ARENA_BYTES = 16 << 20, REJECTED_A_PAGE = 100, PAGE_MOST = 1000 };

struct intake {
    struct request *request;
    const char *place;  /* how an item is told: its line, from 1, or its index, from 0 */
    struct str type;    /* of every item, when the path says it; else {0} */
    struct arena arena; /* of one item */
    uint64_t accepted, duplicates, rejected, repeats;
    struct buf problems;
    struct input_answer last;
};

static void begin_intake(struct intake *intake, struct request *request, const char *place)
{
    *intake = (struct intake){.request = request, .place = place};
    arena_init(&intake->arena, ITEM_ARENA_BYTES);
    buf_init(&intake->problems, 0);
}

static void end_intake(struct intake *intake, enum status status)
{
    struct service *s = intake->request->service;
    arena_free(&intake->arena);
    buf_free(&intake->problems);
    if (status != STATUS_OK)
        return;
    s->accepted += intake->accepted;
    s->duplicates += intake->duplicates;
    s->rejected += intake->rejected;
    s->repeats += intake->repeats;
}

static enum status keep(struct intake *intake, uint64_t place, struct str item, const char *field,
                        const char *reason)
{
    struct request *request = intake->request;
    return store_reject(request->service->store, request_now_ms(request), place, str_of(field),
                        str_of(reason), item);
}

static enum status refuse_item(struct intake *intake, uint64_t place, struct str item,
                               const struct input_answer *answer)
{
    buf_printf(&intake->problems, "%s{\"%s\":%llu,\"field\":", intake->rejected ? "," : "",
               intake->place, (unsigned long long)place);
    json_put_text(&intake->problems, str_of(answer->field));
    buf_c(&intake->problems, ",\"reason\":");
    json_put_text(&intake->problems, str_of(answer->reason));
    buf_c(&intake->problems, "}");
    intake->rejected++;
    return keep(intake, place, item, answer->field, answer->reason);
}

static enum status take_item(struct intake *intake, uint64_t place, struct str item)
{
    struct input input;
    struct input_answer answer = {.what = ANSWER_REJECTED};
    enum status status = STATUS_OK;
    bool is_input = false;
    arena_reset(&intake->arena);
    if (item.len > ITEM_BYTES)
        snprintf(answer.reason, sizeof answer.reason, "an item of over %d bytes", ITEM_BYTES);
    else
        is_input = input_parse_as(&intake->arena, item, intake->type, &input, &answer);
    if (is_input)
        status = engine_input(intake->request->service->engine, &input,
                              request_now_ms(intake->request), &answer);
    intake->last = answer;
    if (status != STATUS_OK)
        return status;
    if (answer.what == ANSWER_REJECTED)
        return refuse_item(intake, place, item, &answer);
    intake->accepted += answer.what == ANSWER_ACCEPTED;
    intake->duplicates += answer.what == ANSWER_DUPLICATE;
    if (!answer.is_other_body)
        return STATUS_OK;
    intake->repeats++;
    return keep(intake, place, item, "messageId", "the id was seen before with another body");
}

/* False after refusing: no room, or a body that cannot be read. */
static bool open_body(struct request *request, struct str *body)
{
    const char *why;
    *body = request->exchange->body;
    if (request->service->is_disk_low) {
        request_refuse(request, 503, "disk_full", NULL,
                       "the disk is almost full; nothing was taken");
        return false;
    }
    struct str coding = http_header(&request->exchange->head, "content-encoding");
    if (!coding.len || str_eq(coding, STR("identity")))
        return true;
    if (!str_eq(coding, STR("gzip"))) {
        request_refuse(request, 415, "encoding", NULL, "the only content coding is gzip");
        return false;
    }
    struct buf plain;
    buf_init(&plain, SERVER_BODY_BYTES);
    int status = inflate_gzip(*body, &plain, &why);
    *body = arena_str(&request->service->arena, buf_view(&plain));
    buf_free(&plain);
    if (status != 200 || (!body->at && plain.len))
        request_refuse(request, status == 200 ? 413 : status, "encoding", NULL, "the body: %s",
                       status == 200 ? "is too large" : why);
    return status == 200 && body->at;
}

enum status post_import(struct request *request)
{
    struct intake intake;
    struct str rest;
    enum status status = STATUS_OK;
    if (!open_body(request, &rest))
        return STATUS_OK;
    begin_intake(&intake, request, "line");
    for (uint64_t number = 1; rest.len && status == STATUS_OK; number++) {
        size_t end = str_find(rest, STR("\n"));
        struct str line = str_trim((struct str){rest.at, end == SIZE_MAX ? rest.len : end});
        rest = end == SIZE_MAX ? (struct str){0} : str_from(rest, end + 1);
        if (line.len)
            status = take_item(&intake, number, line);
    }
    buf_printf(request->out, "{\"accepted\":%llu,\"duplicates\":%llu,\"rejected\":[",
               (unsigned long long)intake.accepted, (unsigned long long)intake.duplicates);
    buf_str(request->out, buf_view(&intake.problems));
    buf_c(request->out, "]}\n");
    end_intake(&intake, status);
    return status;
}

/* --- Segment's calls --- */

/* The elements of the member `batch`; false when the body is no such object. */
static bool find_batch(struct str body, struct json_scan *scan)
{
    struct str raw;
    json_begin(scan, body);
    if (json_next(scan) != JSON_OBJECT)
        return false;
    while (json_next(scan) == JSON_KEY) {
        if (str_eq(scan->raw, STR("batch")))
            return json_next(scan) == JSON_ARRAY;
        if (!json_value(scan, &raw))
            return false;
    }
    return false;
}

/* Is the whole of it JSON? What an item repeats or lacks is the item's own matter. */
static bool is_json(struct str body)
{
    struct json_scan scan;
    enum json_kind kind;
    json_begin(&scan, body);
    while ((kind = json_next(&scan)) != JSON_END)
        if (kind == JSON_ERROR)
            return false;
    return true;
}

enum status post_batch(struct request *request)
{
    struct intake intake;
    struct json_scan scan;
    struct str body, item;
    enum status status = STATUS_OK;
    if (!open_body(request, &body))
        return STATUS_OK;
    body = str_trim(body);
    if (!is_json(body) || !find_batch(body, &scan))
        return request_refuse(request, 400, "bad_json", "batch",
                              "the body must be a JSON object with a list `batch`");
    begin_intake(&intake, request, "index");
    for (uint64_t index = 0; status == STATUS_OK && json_value(&scan, &item); index++)
        status = take_item(&intake, index, item);
    buf_printf(request->out,
               "{\"success\":true,\"accepted\":%llu,\"duplicates\":%llu,\"rejected\":[",
               (unsigned long long)intake.accepted, (unsigned long long)intake.duplicates);
    buf_str(request->out, buf_view(&intake.problems));
    buf_c(request->out, "]}\n");
    end_intake(&intake, status);
    return status;
}

static enum status post_one(struct request *request, struct str type)
{
    struct intake intake;
    struct str body;
    if (!open_body(request, &body))
        return STATUS_OK;
    begin_intake(&intake, request, "index");
    intake.type = type;
    enum status status = take_item(&intake, 0, str_trim(body));
    struct input_answer answer = intake.last;
    end_intake(&intake, status);
    if (status == STATUS_OK && answer.what == ANSWER_REJECTED)
        return request_refuse(request, 400, "invalid", answer.field, "%s", answer.reason);
    buf_c(request->out, "{\"success\":true}\n");
    return status;
}

#define DOOR(name)                                                                                 \
    enum status post_##name(struct request *request)                                               \
    {                                                                                              \
        return post_one(request, STR(#name));                                                      \
    }
DOOR(identify)
DOOR(track)
DOOR(page)
DOOR(screen)
DOOR(group)
DOOR(alias)

/* --- what was refused --- */

enum status get_rejected(struct request *request)
{
    struct service *s = request->service;
    uint64_t cursor, limit, count = 0;
    if (!request_page(request, REJECTED_A_PAGE, PAGE_MOST, &cursor, &limit))
        return STATUS_OK;
    enum status status = STATUS_OK;
    buf_c(request->out, "{\"items\":[");
    for (; count < limit; count++) {
        struct store_rejected rejected;
        status = store_rejected_next(s->store, cursor, &s->arena, &rejected);
        if (status != STATUS_OK)
            break;
        cursor = rejected.id;
        buf_printf(request->out, "%s{\"id\":\"%llu\",\"position\":%llu", count ? "," : "",
                   (unsigned long long)rejected.id, (unsigned long long)rejected.line);
        put_time(request->out, "at", rejected.at_ms);
        put_member(request->out, "field", rejected.field);
        put_member(request->out, "reason", rejected.reason);
        put_member(request->out, "item", rejected.data);
        buf_c(request->out, "}");
    }
    if (status != STATUS_OK && status != STATUS_MISSING)
        return request_failed(request, status);
    if (status == STATUS_OK)
        buf_printf(request->out, "],\"next\":\"%llu\"}\n", (unsigned long long)cursor);
    else
        buf_c(request->out, "],\"next\":null}\n");
    return STATUS_OK;
}
