/* api_drafts.c: drafts as the patient would see them: listed, approved, rejected. */
#include "vm/http/api.h"

#include <stdio.h>

#include "vm/base/log.h"

enum { DRAFTS_A_PAGE = 100, DRAFTS_MOST = 1000 };

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
    put_member(request->out, "channel", str_of(channel_word(row->channel)));
    put_member(request->out, "to", row->to);
    put_member(request->out, "subject", row->subject);
    put_member(request->out, "text", row->text);
    put_member(request->out, "html", row->html);
    put_time(request->out, "created_at", row->at_ms);
    put_time(request->out, "expires_at", until);
    buf_c(request->out, "}");
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
    uint64_t limit = request_limit(request, DRAFTS_A_PAGE, DRAFTS_MOST);
    uint64_t count = 0;
    enum status status = STATUS_OK;
    struct arena arena;
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

static enum status decide(struct request *request, uint64_t draft, bool is_approved,
                          struct str reason)
{
    struct engine *engine = request->service->engine;
    int64_t now_ms = request_now_ms(request);
    enum status status = engine_begin(engine);
    if (status == STATUS_OK)
        status = is_approved ? engine_approve(engine, draft, now_ms)
                             : engine_reject_draft(engine, draft, reason, now_ms);
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
        enum status status = draft ? decide(request, draft, is_approved, reason) : STATUS_MISSING;
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
