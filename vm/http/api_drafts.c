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

/* `message` {0}: any of the campaign's; both {0}: any. */
static bool is_named(const struct image *image, uint32_t row, struct str campaign,
                     struct str message)
{
    const struct image_message *m = &image->messages[row];
    return (!campaign.at ||
            str_eq(campaign, image_text(image, image->campaigns[m->campaign].name))) &&
           (!message.at || str_eq(message, image_text(image, m->name)));
}

static bool is_wanted(struct request *request, const struct outbox_row *row,
                      const struct program *program, int64_t now_ms)
{
    return row->draft_until_ms > now_ms && row->expires_at_ms > now_ms &&
           is_named(program->image, row->message, request_parameter(request, "campaign"),
                    request_parameter(request, "message"));
}

/* A name that is misspelt is no campaign without drafts. False after refusing. */
static bool are_known(struct request *request, struct str campaign, struct str message)
{
    struct service *s = request->service;
    uint32_t number, row;
    const struct program *program;
    if (!campaign.at)
        return true;
    enum status status = engine_campaign(s->engine, campaign, &number, &program, &row);
    if (status == STATUS_MISSING) {
        request_refuse(request, 404, "not_found", "campaign",
                       "no campaign of this name was deployed");
        return false;
    }
    if (status != STATUS_OK) {
        request_failed(request, status);
        return false;
    }
    struct str name =
        arena_printf(&s->arena, STR_FMT "/" STR_FMT, STR_ARG(campaign), STR_ARG(message));
    if (!message.at || store_name_find(s->store, SPACE_MESSAGE, name, &number) == STATUS_OK)
        return true;
    request_refuse(request, 404, "not_found", "message",
                   "the campaign has no message of this name");
    return false;
}

enum status get_drafts(struct request *request)
{
    struct service *s = request->service;
    uint64_t cursor, limit, count = 0;
    if (!request_page(request, DRAFTS_A_PAGE, DRAFTS_MOST, &cursor, &limit) ||
        !are_known(request, request_parameter(request, "campaign"),
                   request_parameter(request, "message")))
        return STATUS_OK;
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
                          struct str reason, struct outbox_row *row)
{
    struct service *s = request->service;
    int64_t now_ms = request_now_ms(request);
    enum status status = engine_begin(s->engine);
    if (status == STATUS_OK)
        status = store_outbox_get(s->store, draft, &s->arena, row);
    bool was_draft = status == STATUS_OK && row->state == OUTBOX_DRAFT;
    if (status == STATUS_OK)
        status = is_approved ? engine_approve(s->engine, draft, now_ms)
                             : engine_reject_draft(s->engine, draft, reason, now_ms);
    if (status == STATUS_OK && was_draft)
        status = api_act(request, is_approved ? "draft approved" : "draft rejected",
                         arena_printf(&s->arena, "%llu", (unsigned long long)draft), reason);
    if (status == STATUS_OK)
        status = store_outbox_get(s->store, draft, &s->arena, row);
    if (status == STATUS_OK)
        return engine_commit(s->engine);
    engine_rollback(s->engine);
    return status;
}

static enum status decide_one(struct request *request, struct str id, uint64_t draft,
                              bool is_approved, struct str reason, const char **comma)
{
    struct outbox_row row = {.state = 0};
    enum status status = draft ? decide(request, draft, is_approved, reason, &row) : STATUS_MISSING;
    if (status != STATUS_OK && status != STATUS_MISSING)
        return status;
    buf_printf(request->out, "%s{\"id\":", *comma);
    json_put_text(request->out, id);
    buf_printf(request->out, ",\"state\":\"%s\"}",
               status == STATUS_OK ? outbox_word((enum outbox_state)row.state) : "missing");
    *comma = ",";
    return STATUS_OK;
}

/* All drafts of a campaign, or of one of its messages. */
static enum status decide_by_name(struct request *request, struct str campaign, struct str message,
                                  bool is_approved, struct str reason)
{
    struct service *s = request->service;
    const char *comma = "";
    uint64_t cursor = 0;
    for (;;) {
        struct outbox_row row;
        struct arena arena;
        arena_init(&arena, 0);
        enum status status = store_outbox_next(s->store, OUTBOX_DRAFT, cursor, &arena, &row);
        arena_free(&arena);
        if (status != STATUS_OK)
            return status == STATUS_MISSING ? STATUS_OK : status;
        cursor = row.id;
        const struct program *program = engine_image(s->engine, row.image);
        if (!program || !is_named(program->image, row.message, campaign, message))
            continue;
        status = decide_one(request, arena_printf(&s->arena, "%llu", (unsigned long long)row.id),
                            row.id, is_approved, reason, &comma);
        if (status != STATUS_OK)
            return status;
    }
}

/* Each id by itself: one that is unknown or too late does not hold up the others. */
static enum status decide_all(struct request *request, bool is_approved)
{
    struct str reason = {0}, campaign = {0}, message = {0};
    const struct json *body = request_body(request);
    if (!body || !request_text(request, body, "reason", false, &reason) ||
        !request_text(request, body, "campaign", false, &campaign) ||
        !request_text(request, body, "message", false, &message))
        return STATUS_OK;
    const struct json *ids = json_get(body, "ids");
    bool has_ids = ids && ids->kind == JSON_ARRAY;
    for (const struct json *id = has_ids ? ids->first : NULL; id; id = id->next)
        if (id->kind != JSON_STRING)
            return request_refuse(request, 422, "invalid", "ids", "each id must be a text");
    if (has_ids == (campaign.at != NULL) || (message.at && !campaign.at))
        return request_refuse(request, 422, "invalid", "ids",
                              "a list of draft ids is needed, or a campaign, or a campaign and a "
                              "message");
    if (!are_known(request, campaign, message))
        return STATUS_OK;
    enum status status = STATUS_OK;
    const char *comma = "";
    buf_c(request->out, "{\"items\":[");
    if (!has_ids)
        status = decide_by_name(request, campaign, message, is_approved, reason);
    for (const struct json *id = has_ids ? ids->first : NULL; id && status == STATUS_OK;
         id = id->next) {
        status = decide_one(request, id->text, number_of(id->text, 0), is_approved, reason, &comma);
    }
    buf_c(request->out, "]}\n");
    return status == STATUS_OK ? status : request_failed(request, status);
}

enum status post_approve(struct request *request)
{
    return decide_all(request, true);
}

enum status post_reject(struct request *request)
{
    return decide_all(request, false);
}

/* --- a message to its author --- */

/* {"message": "hello", "patient": "p1", "to": "author@clinic.example"} */
enum status post_test(struct request *request)
{
    struct service *s = request->service;
    struct campaign_ref ref;
    struct str message = {0}, patient = {0}, to = {0};
    struct test_letter letter;
    if (!api_campaign(request, &ref))
        return STATUS_OK;
    const struct json *body = request_body(request);
    if (!body || !request_text(request, body, "message", true, &message) ||
        !request_text(request, body, "patient", true, &patient) ||
        !request_text(request, body, "to", true, &to))
        return STATUS_OK;
    enum status status = engine_begin(s->engine);
    if (status == STATUS_OK)
        status = engine_test_send(s->engine, ref.program, ref.row, message, patient, to,
                                  request_now_ms(request), &letter);
    if (status == STATUS_OK && !letter.refusal)
        status = api_act(request, "test sent", request->captured, message);
    if (status == STATUS_OK && !letter.refusal)
        status = engine_commit(s->engine);
    else
        engine_rollback(s->engine);
    if (status == STATUS_MISSING)
        return request_refuse(request, 404, "not_found", "patient", "there is no such patient");
    if (status != STATUS_OK)
        return request_failed(request, status);
    if (letter.refusal)
        return request_refuse(request, 422, "invalid", letter.field, "%s", letter.refusal);
    buf_printf(request->out, "{\"id\":\"%llu\"}\n", (unsigned long long)letter.outbox);
    return STATUS_OK;
}

/* --- what people did --- */

enum status get_acts(struct request *request)
{
    struct service *s = request->service;
    uint64_t cursor, limit, count = 0;
    if (!request_page(request, DRAFTS_A_PAGE, DRAFTS_MOST, &cursor, &limit))
        return STATUS_OK;
    enum status status = STATUS_OK;
    buf_c(request->out, "{\"items\":[");
    for (; count < limit; count++) {
        struct store_act act;
        status = store_act_before(s->store, cursor, &s->arena, &act);
        if (status != STATUS_OK)
            break;
        cursor = act.id;
        buf_printf(request->out, "%s{\"id\":\"%llu\"", count ? "," : "",
                   (unsigned long long)act.id);
        put_time(request->out, "at", act.at_ms);
        put_member(request->out, "key", act.key);
        put_member(request->out, "what", act.what);
        put_member(request->out, "object", act.object);
        put_member(request->out, "reason", act.reason);
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
