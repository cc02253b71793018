/* provider_sms.c: texts by an API in Twilio's form: POST …/Accounts/{account}/Messages.json. What
 * an answer means: 2xx accepted; 409 accepted before under our key; 429 and 5xx not now, but behind
 * a gateway that fell silent (502, 504) nobody knows; the rest by the error's code. */
#include <stdio.h>

#include "vm/base/hash.h"
#include "vm/base/json.h"
#include "vm/run/provider_internal.h"

enum { TWILIO_OPTED_OUT = 21610 };

static void put_escaped(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
        if (is_plain)
            buf_byte(out, c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

static void put_field(struct buf *out, const char *name, struct str value)
{
    buf_printf(out, "%s%s=", out->len ? "&" : "", name);
    put_escaped(out, value);
}

bool sms_prepare(struct providers *p, struct flight *flight, const struct outbox_row *row)
{
    const struct deliver_options *options = p->options;
    struct buf callback;
    struct str from = str_of(options->sms_from);
    put_field(&flight->content, "To", row->to);
    put_field(&flight->content, str_starts(from, STR("MG")) ? "MessagingServiceSid" : "From", from);
    put_field(&flight->content, "Body", row->text);
    buf_init(&callback, 2048);
    buf_printf(&callback, STR_FMT "/v1/callbacks/twilio?message=%llu&key=%s",
               STR_ARG(options->public_url), (unsigned long long)flight->id, flight->key_text);
    put_field(&flight->content, "StatusCallback", buf_view(&callback));
    buf_free(&callback);
    return !flight->content.failed;
}

void sms_begin(struct providers *p, struct flight *flight)
{
    const struct deliver_options *options = p->options;
    char url[1200], key[64];
    size_t length = strlen(options->sms);
    while (length && options->sms[length - 1] == '/')
        length--;
    snprintf(url, sizeof url, "%.*s/2010-04-01/Accounts/%s/Messages.json", (int)length,
             options->sms, options->sms_account);
    snprintf(key, sizeof key, "Idempotency-Key: %s", flight->key_text);
    CURL *easy = http_handle(p, flight, url, options->timeout_ms, options->retries_unknown_sms);
    if (easy) {
        struct curl_slist *headers = curl_slist_append(NULL, key);
        headers = curl_slist_append(headers, "Expect:");
        flight->lists = headers;
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy, CURLOPT_USERNAME, options->sms_account);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, options->sms_token);
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, flight->content.data);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)flight->content.len);
    }
    flight->easy = easy;
    fly(p, flight);
}

/* The `code` of an error's body; 0 when it has none. */
static int64_t error_code(struct flight *flight)
{
    struct arena arena;
    int64_t code = 0;
    arena_init(&arena, 1 << 20);
    const struct json *body = json_parse(&arena, buf_view(&flight->answer), NULL, NULL);
    const struct json *member = body ? json_get(body, "code") : NULL;
    if (member && member->kind == JSON_INT)
        code = member->integer;
    arena_free(&arena);
    return code;
}

void sms_end(struct flight *flight, CURLcode code)
{
    long status = flight->code;
    if (http_judge_transport(flight, code))
        return;
    if ((status >= 200 && status < 300) || status == 409) {
        flight_end(flight, OUTBOX_SENT, TROUBLE_NONE, NULL);
        return;
    }
    if (status == 502 || status == 504) {
        flight_end(flight, OUTBOX_UNKNOWN, TROUBLE_PROVIDER, "a gateway heard no answer");
        return;
    }
    if (status == 429 || status == 408 || status == 425 || status >= 500) {
        flight_end(flight, OUTBOX_RETRY, TROUBLE_PROVIDER, "the provider takes no more for now");
        return;
    }
    int64_t error = error_code(flight);
    if (error)
        flight->code = (long)error;
    flight->outcome.is_opted_out = error == TWILIO_OPTED_OUT;
    /* 2xxxx are of a message; without one of these the account or the address of the API is wrong,
     * which a person mends. */
    bool is_ours = (status == 401 || status == 403 || status == 404 || status < 400) &&
                   (error < 21000 || error >= 40000);
    if (is_ours)
        flight_end(flight, OUTBOX_RETRY, TROUBLE_PROVIDER, "the provider refuses the service");
    else
        flight_end(flight, OUTBOX_FAILED, TROUBLE_MESSAGE, "the provider refuses the message");
}
