/* api_traffic.c: traffic in as NDJSON, and drafts: listed, approved, rejected. */
#include <stdio.h>
#include <stdlib.h>

#include "vm/base/log.h"
#include "vm/http/request.h"

enum { LINE_BYTES = 1 << 20, LINE_ARENA_BYTES = 16 << 20, DRAFTS_A_PAGE = 100, DRAFTS_MOST = 1000 };

struct import {
    struct request *request;
    struct arena arena; /* of one line */
    uint64_t accepted, duplicates, rejected;
    struct buf problems;
};

static enum status refuse_line(struct import *import, uint64_t number, struct str line,
                               const struct input_answer *answer)
{
    buf_printf(&import->problems, "%s{\"line\":%llu,\"field\":", import->rejected ? "," : "",
               (unsigned long long)number);
    json_put_text(&import->problems, str_of(answer->field));
    buf_c(&import->problems, ",\"reason\":");
    json_put_text(&import->problems, str_of(answer->reason));
    buf_c(&import->problems, "}");
    import->rejected++;
    return store_reject(import->request->service->store, request_now_ms(import->request), number,
                        str_of(answer->field), str_of(answer->reason), line);
}

static enum status take_line(struct import *import, uint64_t number, struct str line)
{
    struct input input;
    struct input_answer answer = {.what = ANSWER_REJECTED};
    enum status status = STATUS_OK;
    bool is_input = false;
    arena_reset(&import->arena);
    if (line.len > LINE_BYTES)
        snprintf(answer.reason, sizeof answer.reason, "a line of over %d bytes", LINE_BYTES);
    else
        is_input = input_parse(&import->arena, line, &input, &answer);
    if (is_input)
        status = engine_input(import->request->service->engine, &input,
                              request_now_ms(import->request), &answer);
    if (status != STATUS_OK)
        return status;
    if (answer.what == ANSWER_REJECTED)
        return refuse_line(import, number, line, &answer);
    import->accepted += answer.what == ANSWER_ACCEPTED;
    import->duplicates += answer.what == ANSWER_DUPLICATE;
    return STATUS_OK;
}

enum status post_import(struct request *request)
{
    struct service *s = request->service;
    struct import import = {.request = request};
    enum status status = STATUS_OK;
    if (s->is_disk_low)
        return request_refuse(request, 503, "disk_full", NULL,
                              "the disk is almost full; nothing was taken");
    if (!engine_program(s->engine))
        return request_refuse(request, 409, "no_image", NULL,
                              "no image is deployed; nothing was taken");
    arena_init(&import.arena, LINE_ARENA_BYTES);
    buf_init(&import.problems, 0);
    struct str rest = request->exchange->body;
    for (uint64_t number = 1; rest.len && status == STATUS_OK; number++) {
        size_t end = str_find(rest, STR("\n"));
        struct str line = str_trim((struct str){rest.at, end == SIZE_MAX ? rest.len : end});
        rest = end == SIZE_MAX ? (struct str){0} : str_from(rest, end + 1);
        if (line.len)
            status = take_line(&import, number, line);
    }
    buf_printf(request->out, "{\"accepted\":%llu,\"duplicates\":%llu,\"rejected\":[",
               (unsigned long long)import.accepted, (unsigned long long)import.duplicates);
    buf_str(request->out, buf_view(&import.problems));
    buf_c(request->out, "]}\n");
    arena_free(&import.arena);
    buf_free(&import.problems);
    if (status == STATUS_OK) {
        s->accepted += import.accepted;
        s->duplicates += import.duplicates;
        s->rejected += import.rejected;
    }
    return status;
}

/* --- drafts --- */

static void put_member(struct buf *out, const char *name, struct str text)
{
    buf_printf(out, ",\"%s\":", name);
    if (text.at)
        json_put_text(out, text);
    else
        buf_c(out, "null");
}

static void put_time(struct buf *out, const char *name, int64_t at_ms)
{
    buf_printf(out, ",\"%s\":", name);
    if (at_ms == NEVER_MS)
        buf_c(out, "null");
    else
        json_put_time(out, at_ms);
}

static void put_draft(struct request *request, const struct outbox_row *row, struct str patient,
                      const struct program *program)
{
    const struct image *image = program->image;
    const struct image_message *message = &image->messages[row->message];
    int64_t until =
        row->draft_until_ms < row->expires_at_ms ? row->draft_until_ms : row->expires_at_ms;
    buf_printf(request->out, "{\"id\":\"%llu\"", (unsigned long long)row->id);
    put_member(request->out, "campaign",
               image_text(image, image->campaigns[message->campaign].name));
    put_member(request->out, "message", image_text(image, message->name));
    put_member(request->out, "patient", patient);
    put_member(request->out, "channel", row->channel == CHANNEL_SMS ? STR("sms") : STR("email"));
    put_member(request->out, "to", row->to);
    put_member(request->out, "subject", row->subject);
    put_member(request->out, "text", row->text);
    put_member(request->out, "html", row->html);
    put_time(request->out, "created_at", row->at_ms);
    put_time(request->out, "expires_at", until);
    buf_c(request->out, "}");
}

static uint64_t number_of(struct str text, uint64_t otherwise)
{
    uint64_t number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || number > UINT64_MAX / 20)
            return otherwise;
        number = number * 10 + (uint64_t)(text.at[i] - '0');
    }
    return text.len ? number : otherwise;
}

static bool is_wanted(struct request *request, const struct outbox_row *row,
                      const struct program *program, int64_t now_ms)
{
    const struct image *image = program->image;
    const struct image_message *message = &image->messages[row->message];
    struct str campaign = request_parameter(request, "campaign"),
               name = request_parameter(request, "message");
    if (row->draft_until_ms <= now_ms || row->expires_at_ms <= now_ms)
        return false;
    return (!campaign.at ||
            str_eq(campaign, image_text(image, image->campaigns[message->campaign].name))) &&
           (!name.at || str_eq(name, image_text(image, message->name)));
}

enum status get_drafts(struct request *request)
{
    struct service *s = request->service;
    uint64_t cursor = number_of(request_parameter(request, "cursor"), 0);
    uint64_t limit = number_of(request_parameter(request, "limit"), DRAFTS_A_PAGE);
    uint64_t count = 0;
    enum status status = STATUS_OK;
    struct arena arena;
    limit = limit < 1 || limit > DRAFTS_MOST ? DRAFTS_A_PAGE : limit;
    arena_init(&arena, 0);
    buf_c(request->out, "{\"items\":[");
    while (count < limit) {
        struct outbox_row row;
        struct str patient;
        arena_reset(&arena);
        status = store_outbox_next(s->store, OUTBOX_DRAFT, cursor, &arena, &row);
        if (status != STATUS_OK)
            break;
        cursor = row.id;
        const struct program *program = engine_image(s->engine, row.image);
        if (!program || !is_wanted(request, &row, program, request_now_ms(request)))
            continue;
        status = engine_patient_id(s->engine, row.patient, &arena, &patient);
        if (status != STATUS_OK)
            break;
        buf_c(request->out, count++ ? "," : "");
        put_draft(request, &row, patient, program);
    }
    arena_free(&arena);
    if (status != STATUS_OK && status != STATUS_MISSING)
        return request_failed(request, status);
    buf_c(request->out, "],\"next\":");
    if (status == STATUS_OK)
        buf_printf(request->out, "\"%llu\"}\n", (unsigned long long)cursor);
    else
        buf_c(request->out, "null}\n");
    return STATUS_OK;
}

static enum status decide(struct request *request, uint64_t draft, bool is_approved)
{
    struct engine *engine = request->service->engine;
    int64_t now_ms = request_now_ms(request);
    enum status status = engine_begin(engine);
    if (status == STATUS_OK)
        status = is_approved ? engine_approve(engine, draft, now_ms)
                             : engine_reject_draft(engine, draft, now_ms);
    if (status == STATUS_OK)
        return engine_commit(engine);
    engine_rollback(engine);
    return status;
}

/* Each id by itself: one that is unknown or too late does not hold up the others. */
static enum status decide_all(struct request *request, bool is_approved)
{
    struct service *s = request->service;
    struct str reason = {0};
    const struct json *body = request_body(request);
    if (!body || !request_text(request, body, "reason", false, &reason))
        return STATUS_OK;
    const struct json *ids = json_get(body, "ids");
    if (!ids || ids->kind != JSON_ARRAY)
        return request_refuse(request, 422, "invalid", "ids", "must be a list of draft ids");
    uint32_t count = 0;
    buf_c(request->out, "{\"items\":[");
    for (const struct json *id = ids->first; id; id = id->next, count++) {
        struct outbox_row row = {.state = 0};
        uint64_t draft = id->kind == JSON_STRING ? number_of(id->text, 0) : 0;
        enum status status = draft ? decide(request, draft, is_approved) : STATUS_MISSING;
        if (status == STATUS_OK)
            status = store_outbox_get(s->store, draft, &s->arena, &row);
        if (status != STATUS_OK && status != STATUS_MISSING)
            return request_failed(request, status);
        buf_c(request->out, count ? ",{\"id\":" : "{\"id\":");
        json_put_text(request->out, id->kind == JSON_STRING ? id->text : STR(""));
        buf_printf(request->out, ",\"state\":\"%s\"}",
                   status == STATUS_OK ? outbox_word((enum outbox_state)row.state) : "missing");
    }
    buf_c(request->out, "]}\n");
    return STATUS_OK;
}

enum status post_approve(struct request *request)
{
    return decide_all(request, true);
}

enum status post_reject(struct request *request)
{
    return decide_all(request, false);
}
