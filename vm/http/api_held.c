/* api_held.c: what people decide about messages that may have arrived, and addresses that are never
 * written to. */
#include "vm/code/accept.h"
#include "vm/http/api.h"

enum { HELD_A_PAGE = 100, HELD_MOST = 1000 };

static enum status put_held(struct request *request, const struct outbox_row *row,
                            struct arena *arena, bool is_first)
{
    struct str patient;
    const struct program *program = engine_image(request->service->engine, row->image);
    enum status status = engine_patient_id(request->service->engine, row->patient, arena, &patient);
    if (status != STATUS_OK || !program || row->message >= program->image->message_count)
        return status;
    const struct image *image = program->image;
    const struct image_message *message = &image->messages[row->message];
    buf_printf(request->out, "%s{\"id\":\"%llu\"", is_first ? "" : ",",
               (unsigned long long)row->id);
    put_member(request->out, "campaign",
               image_text(image, image->campaigns[message->campaign].name));
    put_member(request->out, "message", image_text(image, message->name));
    put_member(request->out, "patient", patient);
    put_member(request->out, "channel", str_of(channel_word(row->channel)));
    put_member(request->out, "to", row->to);
    put_member(request->out, "subject", row->subject);
    put_member(request->out, "text", row->text);
    put_member(request->out, "html", row->html);
    put_time(request->out, "held_at", row->at_ms);
    buf_c(request->out, "}");
    return STATUS_OK;
}

enum status get_held(struct request *request)
{
    uint64_t cursor, limit, count = 0;
    if (!request_page(request, HELD_A_PAGE, HELD_MOST, &cursor, &limit))
        return STATUS_OK;
    enum status status = STATUS_OK;
    struct arena arena;
    arena_init(&arena, 0);
    buf_c(request->out, "{\"items\":[");
    while (count < limit && status == STATUS_OK) {
        struct outbox_row row;
        arena_reset(&arena);
        status = store_outbox_next(request->service->store, OUTBOX_HELD, cursor, &arena, &row);
        if (status != STATUS_OK)
            break;
        cursor = row.id;
        status = put_held(request, &row, &arena, count++ == 0);
    }
    arena_free(&arena);
    if (status != STATUS_OK && status != STATUS_MISSING)
        return request_failed(request, status);
    if (status == STATUS_OK)
        buf_printf(request->out, "],\"next\":\"%llu\"}\n", (unsigned long long)cursor);
    else
        buf_c(request->out, "],\"next\":null}\n");
    return STATUS_OK;
}

static enum status decide_one(struct request *request, uint64_t id, enum outbox_state to)
{
    struct engine *engine = request->service->engine;
    enum status status = engine_begin(engine);
    if (status == STATUS_OK)
        status = engine_decide(engine, id, to, request_now_ms(request));
    if (status == STATUS_OK)
        return engine_commit(engine);
    engine_rollback(engine);
    return status;
}

/* Each id by itself: one that is unknown, or held no more, does not hold up the others. */
static enum status decide(struct request *request, enum outbox_state to)
{
    const struct json *body = request_body(request);
    const struct json *ids = body ? json_get(body, "ids") : NULL;
    if (!body)
        return STATUS_OK;
    if (!ids || ids->kind != JSON_ARRAY)
        return request_refuse(request, 422, "invalid", "ids", "must be a list of ids");
    for (const struct json *id = ids->first; id; id = id->next)
        if (id->kind != JSON_STRING)
            return request_refuse(request, 422, "invalid", "ids", "each id must be a text");
    buf_c(request->out, "{\"items\":[");
    for (const struct json *id = ids->first; id; id = id->next) {
        struct outbox_row row = {.state = 0};
        uint64_t number = number_of(id->text, 0);
        enum status status = number ? decide_one(request, number, to) : STATUS_MISSING;
        if (status == STATUS_OK || status == STATUS_INVALID)
            status =
                store_outbox_get(request->service->store, number, &request->service->arena, &row);
        if (status != STATUS_OK && status != STATUS_MISSING)
            return request_failed(request, status);
        buf_c(request->out, id == ids->first ? "{\"id\":" : ",{\"id\":");
        json_put_text(request->out, id->text);
        buf_printf(request->out, ",\"state\":\"%s\"}",
                   status == STATUS_OK ? outbox_word((enum outbox_state)row.state) : "missing");
    }
    buf_c(request->out, "]}\n");
    return STATUS_OK;
}

enum status post_held_retry(struct request *request)
{
    return decide(request, OUTBOX_RETRY);
}

enum status post_held_sent(struct request *request)
{
    return decide(request, OUTBOX_SENT);
}

enum status post_held_failed(struct request *request)
{
    return decide(request, OUTBOX_FAILED);
}

static void put_suppression(void *context, uint8_t channel, struct str address, struct str reason,
                            int64_t at_ms)
{
    struct request *request = context;
    bool is_first = request->out->data[request->out->len - 1] == '[';
    buf_printf(request->out, "%s{\"channel\":\"%s\"", is_first ? "" : ",", channel_word(channel));
    put_member(request->out, "address", address);
    put_member(request->out, "reason", reason);
    put_time(request->out, "since", at_ms);
    buf_c(request->out, "}");
}

enum status get_suppressions(struct request *request)
{
    buf_c(request->out, "{\"items\":[");
    enum status status = store_suppressions(request->service->store, put_suppression, request);
    if (status != STATUS_OK)
        return request_failed(request, status);
    buf_c(request->out, "],\"next\":null}\n");
    return STATUS_OK;
}

enum status post_suppression(struct request *request)
{
    struct str channel = {0}, address = {0};
    bool is_on = true;
    const struct json *body = request_body(request);
    if (!body || !request_text(request, body, "channel", true, &channel) ||
        !request_text(request, body, "address", true, &address) ||
        !request_bool(request, body, "suppressed", &is_on))
        return STATUS_OK;
    bool is_sms = str_eq(channel, STR("sms"));
    if (!is_sms && !str_eq(channel, STR("email")))
        return request_refuse(request, 422, "invalid", "channel", "must be email or sms");
    if (is_on && !(is_sms ? address_is_phone(address) : address_is_email(address)))
        return request_refuse(request, 422, "invalid", "address",
                              is_sms ? "must be a number as +15185550101"
                                     : "must be an address as ana@example.org");
    struct store *store = request->service->store;
    uint8_t number = is_sms ? CHANNEL_SMS : CHANNEL_EMAIL;
    buf_printf(request->out, "{\"suppressed\":%s}\n", is_on ? "true" : "false");
    return is_on ? store_suppress(store, number, address, request_now_ms(request), "by a person")
                 : store_unsuppress(store, number, address);
}
