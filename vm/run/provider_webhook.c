/* provider_webhook.c: an HTTP call whose answer an enrollment waits for. Only to where reach.h
 * allows, signed by Standard Webhooks (standardwebhooks.com) when there is a key. Every answer
 * below 500 but 408, 425 and 429 is an answer, for the campaign to look at; the rest is tried
 * again. */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "vm/base/hash.h"
#include "vm/base/json.h"
#include "vm/run/provider_internal.h"
#include "vm/run/reach.h"

/* Signatures and our own ids are not for campaigns to write; nor is what frames the message. */
static bool is_ours(struct str name)
{
    static const char *const names[] = {"host",
                                        "content-length",
                                        "transfer-encoding",
                                        "connection",
                                        "expect",
                                        "upgrade",
                                        "te",
                                        "trailer",
                                        "keep-alive",
                                        "webhook-id",
                                        "cookie2",
                                        "webhook-timestamp",
                                        "webhook-signature"};
    char lower[32];
    if (name.len >= sizeof lower)
        return false;
    for (size_t i = 0; i < name.len; i++)
        lower[i] = (char)(name.at[i] >= 'A' && name.at[i] <= 'Z' ? name.at[i] + 32 : name.at[i]);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (str_eq_c((struct str){lower, name.len}, names[i]))
            return true;
    return false;
}

static bool is_field_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (((unsigned char)value.at[i] < ' ' && value.at[i] != '\t') || value.at[i] == 0x7f)
            return false;
    return value.len <= 8192;
}

static struct str secret_of(const struct deliver_options *options, struct str name)
{
    for (uint32_t i = 0; i < options->secret_count; i++)
        if (str_eq_c(name, options->secrets[i].name))
            return str_of(options->secrets[i].value);
    return (struct str){0};
}

/* Each header becomes a text of its own, ended by NUL; an empty one ends them. False with why. */
static bool keep_headers(const struct deliver_options *options, struct flight *flight,
                         struct str json)
{
    struct arena arena;
    bool is_sound = true;
    arena_init(&arena, 1 << 20);
    const struct json *headers = json_parse(&arena, json, NULL, NULL);
    flight->headers_at = flight->addresses.len;
    for (const struct json *h = headers ? headers->first : NULL; h && is_sound; h = h->next) {
        const struct json *secret = json_get(h, "secret");
        struct str value = h->kind == JSON_STRING ? h->text
                           : h->kind == JSON_NULL ? (struct str){0}
                                                  : h->raw;
        if (h->kind == JSON_NULL)
            continue;
        if (secret) {
            value = secret_of(options, secret->text);
            if (!value.len)
                flight->why = "a header's secret is not configured";
        }
        is_sound = !flight->why && is_field_value(value) && h->key.len && !is_ours(h->key);
        flight_keep(flight, arena_printf(&arena, STR_FMT "%s" STR_FMT, STR_ARG(h->key),
                                         value.len ? ": " : ";", STR_ARG(value)));
    }
    flight_keep(flight, (struct str){0});
    arena_free(&arena);
    if (!is_sound && !flight->why)
        flight->why = "a header cannot be sent as it is";
    return is_sound;
}

bool webhook_prepare(struct providers *p, struct flight *flight, const struct program *program,
                     const struct outbox_row *row)
{
    bool is_allowed;
    const struct image *image = program->image;
    flight->timeout_ms = 10000;
    for (uint32_t i = 0; i < image->webhook_count; i++)
        if (image->webhooks[i].message == row->message)
            flight->timeout_ms = image->webhooks[i].timeout_ms;
    flight->why = url_refusal(row->to, p->options->webhooks_allow, &is_allowed);
    if (flight->why)
        return false;
    flight->is_allowed = is_allowed;
    flight->to_at = flight_keep(flight, row->to);
    flight->from_at = flight_keep(flight, row->subject); /* the method */
    buf_str(&flight->content, row->text);
    flight->has_body = row->text.at != NULL;
    return keep_headers(p->options, flight, row->html) && !flight->content.failed &&
           !flight->addresses.failed;
}

/* libcurl is about to connect to this very address. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct flight *flight = context;
    (void)purpose;
    if (!flight->is_allowed && !address_is_public(&address->addr)) {
        flight->is_address_barred = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* id.timestamp.body under the key behind `whsec_`. */
static struct curl_slist *add_signature(struct curl_slist *list,
                                        const struct deliver_options *options,
                                        const struct flight *flight)
{
    char id[64], line[128];
    long long now_s = (long long)time(NULL);
    unsigned char digest[SHA256_BYTES];
    struct buf key, signed_bytes, text;
    snprintf(id, sizeof id, "msg_%s", flight->key_text);
    snprintf(line, sizeof line, "webhook-id: %s", id);
    list = curl_slist_append(list, line);
    snprintf(line, sizeof line, "webhook-timestamp: %lld", now_s);
    list = curl_slist_append(list, line);
    struct str secret = str_of(options->signing_key);
    if (!secret.len)
        return list;
    buf_init(&key, DELIVER_SECRET_BYTES);
    buf_init(&signed_bytes, CONTENT_BYTES + 256);
    buf_init(&text, 128);
    if (str_starts(secret, STR("whsec_")))
        base64_decode(&key, str_from(secret, 6));
    buf_printf(&signed_bytes, "%s.%lld.", id, now_s);
    buf_str(&signed_bytes, buf_view(&flight->content));
    hmac_sha256(buf_view(&key), buf_view(&signed_bytes), digest);
    buf_c(&text, "webhook-signature: v1,");
    buf_base64(&text, (struct str){(const char *)digest, sizeof digest});
    buf_byte(&text, 0);
    list = curl_slist_append(list, (const char *)text.data);
    buf_free(&key);
    buf_free(&signed_bytes);
    buf_free(&text);
    return list;
}

static struct curl_slist *headers_of(const struct deliver_options *options,
                                     const struct flight *flight)
{
    char line[96];
    struct curl_slist *list = NULL;
    bool has_type = false, has_agent = false;
    for (const char *at = flight_text(flight, flight->headers_at); *at; at += strlen(at) + 1) {
        has_type |= strncasecmp(at, "content-type:", 13) == 0;
        has_agent |= strncasecmp(at, "user-agent:", 11) == 0;
        list = curl_slist_append(list, at);
    }
    if (!has_type && flight->has_body)
        list = curl_slist_append(list, "Content-Type: application/json");
    if (!has_agent)
        list = curl_slist_append(list, "User-Agent: Camp");
    snprintf(line, sizeof line, "Idempotency-Key: %s", flight->key_text);
    list = curl_slist_append(list, line);
    list = curl_slist_append(list, "Expect:");
    return add_signature(list, options, flight);
}

void webhook_begin(struct providers *p, struct flight *flight)
{
    const char *method = flight_text(flight, flight->from_at);
    /* By Standard Webhooks who receives it drops what he has seen of one webhook-id. */
    bool may_repeat = strcmp(method, "GET") == 0 || p->options->signing_key[0];
    CURL *easy = http_handle(p, flight, flight_text(flight, flight->to_at), flight->timeout_ms,
                             may_repeat);
    flight->easy = easy;
    if (easy) {
        flight->lists = headers_of(p->options, flight);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, flight->lists);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, flight);
        if (flight->has_body || strcmp(method, "POST") == 0) {
            curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                             flight->content.len ? (const char *)flight->content.data : "");
            curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)flight->content.len);
        }
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    }
    fly(p, flight);
}

/* {"status":200,"body":…}; what is not JSON, or too long, is null. */
static void put_answer(struct flight *flight)
{
    struct buf answer;
    size_t offset;
    bool is_json = !flight->is_answer_too_long && flight->answer.len &&
                   !json_check(buf_view(&flight->answer), &offset);
    buf_init(&answer, ANSWER_BYTES + 64);
    buf_printf(&answer, "{\"status\":%ld,\"body\":", flight->code);
    if (is_json)
        buf_str(&answer, str_trim(buf_view(&flight->answer)));
    else
        buf_c(&answer, "null");
    buf_c(&answer, "}");
    buf_free(&flight->answer);
    flight->answer = answer;
}

void webhook_end(struct flight *flight, CURLcode code)
{
    long status = flight->code;
    if (code != CURLE_OK && flight->is_address_barred && status == 0) {
        flight_end(flight, OUTBOX_FAILED, TROUBLE_MESSAGE,
                   "its address is not public, and the host is not in [webhooks] allow");
        return;
    }
    if (http_judge_transport(flight, code))
        return;
    if (status >= 500 || status == 408 || status == 425 || status == 429) {
        bool is_silent = status == 502 || status == 504;
        flight_end(flight, is_silent ? OUTBOX_UNKNOWN : OUTBOX_RETRY, TROUBLE_MESSAGE,
                   "not answered for now");
        return;
    }
    put_answer(flight);
    flight_end(flight, OUTBOX_SENT, TROUBLE_NONE, NULL);
}
