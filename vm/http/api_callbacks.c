/* api_callbacks.c: what comes from providers and from the links in messages. No key guards these: a
 * provider's calls are signed with the token that we share, a link's token is signed by us. */
#include <stdio.h>

#include "vm/base/hash.h"
#include "vm/http/api.h"
#include "vm/http/form.h"
#include "vm/run/track.h"

static bool is_from_twilio(struct request *request, const struct form *form)
{
    struct service *s = request->service;
    const struct http_head *head = &request->exchange->head;
    struct str signature = http_header(head, "X-Twilio-Signature");
    if (!s->delivery_options.sms_token[0] || !signature.len)
        return false;
    struct str token = str_of(s->delivery_options.sms_token);
    struct str url = arena_printf(&s->arena, STR_FMT STR_FMT,
                                  STR_ARG(s->delivery_options.public_url), STR_ARG(head->target));
    if (form_is_signed(form, token, url, signature))
        return true;
    /* Without [server] public_url nobody but the caller knows by which name we were called. */
    url = arena_printf(&s->arena, "http://" STR_FMT STR_FMT, STR_ARG(http_header(head, "Host")),
                       STR_ARG(head->target));
    return !s->config->public_url[0] && form_is_signed(form, token, url, signature);
}

/* How a message fared: its number and key come back in the query that we had asked to be called
 * with. What we do not know, or know already, is fine. */
static enum status take_report(struct request *request, const struct form *form)
{
    static const struct {
        const char *word;
        enum outbox_state state;
    } words[] = {{"delivered", OUTBOX_DELIVERED},
                 {"read", OUTBOX_DELIVERED},
                 {"undelivered", OUTBOX_BOUNCED},
                 {"failed", OUTBOX_FAILED}};
    struct service *s = request->service;
    struct str word = form_field(form, "MessageStatus"), to = form_field(form, "To");
    unsigned char key[16];
    uint64_t id = number_of(request_parameter(request, "message"), 0);
    bool is_ours = id && hex_decode(request_parameter(request, "key"), key, sizeof key);
    int64_t now_ms = request_now_ms(request);
    enum status status = STATUS_OK;
    if (is_ours && to.len && str_eq_c(form_field(form, "ErrorCode"), "21610"))
        status = store_suppress(s->store, CHANNEL_SMS, to, now_ms, "opted out at the provider");
    for (size_t i = 0; is_ours && status == STATUS_OK && i < ARRAY_COUNT(words); i++)
        if (str_eq_c(word, words[i].word))
            status = engine_report(s->engine, id, key, words[i].state, now_ms);
    request->exchange->reply.status = 204;
    return status == STATUS_MISSING ? STATUS_OK : status;
}

static enum status take_text(struct request *request, const struct form *form)
{
    struct service *s = request->service;
    struct str id = form_field(form, "MessageSid"), opted = form_field(form, "OptOutType");
    struct inbound inbound = {.from = form_field(form, "From"), .text = form_field(form, "Body")};
    if (!id.len || id.len > 64 || !inbound.from.len || inbound.from.len > 32)
        return request_refuse(request, 422, "invalid", "MessageSid",
                              "a text has MessageSid, From and Body");
    inbound.id = arena_printf(&s->arena, "twilio/" STR_FMT, STR_ARG(id));
    /* Whatever the words were that the provider takes for these. */
    inbound.meaning = str_eq(opted, STR("STOP"))    ? MEANS_STOP
                      : str_eq(opted, STR("START")) ? MEANS_START
                      : str_eq(opted, STR("HELP"))  ? MEANS_HELP
                                                    : MEANS_NOTHING;
    request->exchange->reply.type = "text/xml";
    buf_c(request->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>\n");
    return engine_text(s->engine, &inbound, request_now_ms(request));
}

enum status post_twilio(struct request *request)
{
    struct form form;
    if (!form_read(&request->service->arena, request->exchange->body, &form))
        return request_refuse(request, 400, "bad_request", NULL, "the form cannot be read");
    if (!is_from_twilio(request, &form))
        return request_refuse(request, 403, "forbidden", NULL,
                              "the signature does not fit the token, the address and the form");
    return form_field(&form, "MessageStatus").len ? take_report(request, &form)
                                                  : take_text(request, &form);
}

/* --- unsubscribing --- */

static void put_html_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] && strchr("<>&\"'", text.at[i]))
            buf_printf(out, "&#%d;", text.at[i]);
        else
            buf_byte(out, (unsigned char)text.at[i]);
}

/* The topic's title in the deployed image, or in that of the message. */
static struct str topic_title(struct request *request, const struct unsubscribe *who)
{
    const struct program *programs[] = {engine_program(request->service->engine),
                                        engine_image(request->service->engine, who->image)};
    for (size_t p = 0; p < ARRAY_COUNT(programs); p++)
        for (uint32_t i = 0; programs[p] && i < programs[p]->image->topic_count; i++)
            if (programs[p]->topic_names[i] == who->topic)
                return image_text(programs[p]->image, programs[p]->image->topics[i].title);
    return STR("these messages");
}

static enum status put_page(struct request *request, int status, const char *title,
                            struct str topic, const char *rest)
{
    request->exchange->reply.status = status;
    request->exchange->reply.type = "text/html; charset=utf-8";
    buf_c(&request->exchange->reply.headers,
          "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; form-action "
          "'self'; frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n");
    buf_reset(request->out);
    buf_printf(request->out,
               "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta "
               "name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" "
               "content=\"noindex\"><title>%s</title><style>body{font:1.1rem "
               "sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}button{font:inherit;"
               "padding:.5rem 1rem}</style></head><body><h1>%s</h1>",
               title, title);
    if (topic.len) {
        buf_c(request->out, "<p><strong>");
        put_html_text(request->out, topic);
        buf_c(request->out, "</strong></p>");
    }
    buf_printf(request->out, "%s</body></html>\n", rest);
    return STATUS_OK;
}

static enum status put_unknown_link(struct request *request)
{
    return put_page(request, 404, "This link is not one of ours", (struct str){0},
                    "<p>It may have been cut on its way. Please use the whole link.</p>");
}

/* Only shows: programs that look at links before people do must not act (RFC 8058). */
enum status get_unsubscribe(struct request *request)
{
    struct unsubscribe who;
    if (!engine_read_unsubscribe(request->service->engine, request->captured, &who))
        return put_unknown_link(request);
    return put_page(request, 200, "Unsubscribe?", topic_title(request, &who),
                    "<form method=\"post\"><button>Unsubscribe</button></form>");
}

enum status post_unsubscribe(struct request *request)
{
    struct unsubscribe who;
    struct engine *engine = request->service->engine;
    if (!engine_read_unsubscribe(engine, request->captured, &who))
        return put_unknown_link(request);
    enum status status = engine_unsubscribe(engine, &who, request_now_ms(request));
    if (status != STATUS_OK && status != STATUS_MISSING)
        return status;
    return put_page(request, 200, "You are unsubscribed", topic_title(request, &who),
                    "<p>You will get no more of these messages.</p>");
}

/* --- opening and following --- */

/* HEAD is a program's look, no person's. */
static enum status note_touch(struct request *request, uint64_t outbox, bool is_click)
{
    if (!str_eq(request->exchange->head.method, STR("GET")))
        return STATUS_OK;
    enum status status =
        engine_touched(request->service->engine, outbox, is_click, request_now_ms(request));
    return status == STATUS_MISSING ? STATUS_OK : status;
}

enum status get_opened(struct request *request)
{
    static const unsigned char point[] = {
        'G', 'I',  'F',  '8',  '9',  'a',  1, 0, 1, 0,    0x80, 0, 0,    0, 0,
        0,   0xff, 0xff, 0xff, 0x21, 0xf9, 4, 1, 0, 0,    0,    0, 0x2c, 0, 0,
        0,   0,    1,    0,    1,    0,    0, 2, 2, 0x44, 1,    0, 0x3b};
    uint64_t outbox;
    uint32_t link;
    if (!engine_read_link(request->service->engine, false, request->captured, &outbox, &link))
        return put_unknown_link(request);
    request->exchange->reply.type = "image/gif";
    buf_put(request->out, point, sizeof point);
    return note_touch(request, outbox, false);
}

enum status get_clicked(struct request *request)
{
    struct service *s = request->service;
    struct outbox_row row = {0};
    struct str target;
    uint64_t outbox;
    uint32_t link;
    if (!engine_read_link(s->engine, true, request->captured, &outbox, &link))
        return put_unknown_link(request);
    enum status status = store_outbox_get(s->store, outbox, &s->arena, &row);
    if (status != STATUS_OK && status != STATUS_MISSING)
        return status;
    if (status == STATUS_MISSING || !track_target(&s->arena, row.html, link, &target))
        return put_unknown_link(request);
    status = note_touch(request, outbox, true);
    request->exchange->reply.status = 302;
    buf_printf(&request->exchange->reply.headers, "Location: " STR_FMT "\r\n", STR_ARG(target));
    return status;
}
