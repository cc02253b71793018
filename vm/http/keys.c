/* keys.c: keys of the API: `camp_ID_SECRET`, of which only SHA-256 of the secret is stored. A key
 * comes as a bearer token, or as the user name or password of Basic, so that clients made for other
 * services work (WIRE.md 1, 2). */
#include <stdio.h>
#include <strings.h>

#include "vm/base/civil.h"
#include "vm/base/hash.h"
#include "vm/base/log.h"
#include "vm/http/api.h"

enum { ID_BYTES = 8, SECRET_BYTES = 32 };

static const struct {
    const char *word;
    uint32_t scope;
} words[] = {{"ingest", SCOPE_INGEST},
             {"author", SCOPE_AUTHOR},
             {"approve", SCOPE_APPROVE},
             {"admin", SCOPE_ADMIN}};

const char *key_scope_word(uint32_t scope)
{
    size_t i = 0;
    while (i + 1 < ARRAY_COUNT(words) && words[i].scope != scope)
        i++;
    return words[i].word;
}

enum status key_make(struct service *service, uint32_t scopes, int64_t expires_at_ms,
                     struct str label, char text[128])
{
    unsigned char id[ID_BYTES], secret[SECRET_BYTES];
    struct store_key key = {.name = label,
                            .scopes = scopes,
                            .created_at_ms = clock_now_ms(&service->clock),
                            .expires_at_ms = expires_at_ms};
    struct buf buf;
    buf_init(&buf, 128);
    random_bytes(id, sizeof id);
    random_bytes(secret, sizeof secret);
    buf_c(&buf, "camp_");
    buf_hex(&buf, (struct str){(const char *)id, sizeof id});
    buf_byte(&buf, '_');
    buf_hex(&buf, (struct str){(const char *)secret, sizeof secret});
    snprintf(text, 128, STR_FMT, STR_ARG(buf_view(&buf)));
    buf_free(&buf);
    key.id = (struct str){text + 5, (size_t)ID_BYTES * 2};
    sha256((struct str){text + 6 + key.id.len, (size_t)SECRET_BYTES * 2}, key.hash);
    return store_key_put(service->store, &key);
}

/* 0 when the text is no key of ours. */
static uint32_t scopes_of(struct service *service, struct str text, struct str *name)
{
    unsigned char given[SHA256_BYTES];
    struct store_key key;
    if (text.len != 6 + (size_t)(ID_BYTES + SECRET_BYTES) * 2 || !str_starts(text, STR("camp_")))
        return 0;
    struct str id = {text.at + 5, (size_t)ID_BYTES * 2};
    sha256(str_from(text, 6 + id.len), given);
    enum status status = store_key_get(service->store, id, &key);
    if (status == STATUS_IO || status == STATUS_CORRUPT) { /* no answer of a broken store is a no */
        log_line(LOG_ERROR, "keys cannot be read", NULL);
        service->is_failed = true;
    }
    if (status != STATUS_OK || !equal_in_constant_time(key.hash, given, sizeof given))
        return 0;
    *name = arena_str(&service->arena, id);
    return clock_now_ms(&service->clock) < key.expires_at_ms ? key.scopes : 0;
}

uint32_t key_scopes(struct service *service, const struct http_head *head, struct str *id)
{
    struct str value = http_header(head, "authorization");
    if (value.len > 7 && strncasecmp(value.at, "Bearer ", 7) == 0)
        return scopes_of(service, str_trim(str_from(value, 7)), id);
    if (str_starts(value, STR("camp_"))) /* as some clients send it */
        return scopes_of(service, value, id);
    if (value.len <= 6 || strncasecmp(value.at, "Basic ", 6) != 0)
        return 0;
    struct buf pair;
    uint32_t scopes = 0;
    buf_init(&pair, 1024);
    if (base64_decode(&pair, str_trim(str_from(value, 6)))) {
        struct str both = buf_view(&pair);
        size_t colon = str_find(both, STR(":"));
        struct str user = {both.at, colon == SIZE_MAX ? both.len : colon};
        scopes = scopes_of(service, user, id);
        if (!scopes && colon != SIZE_MAX)
            scopes = scopes_of(service, str_from(both, colon + 1), id);
    }
    buf_free(&pair);
    return scopes;
}

static void put_scopes(struct buf *out, uint32_t scopes)
{
    const char *comma = "";
    buf_c(out, "[");
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        if (scopes & words[i].scope) {
            buf_printf(out, "%s\"%s\"", comma, words[i].word);
            comma = ",";
        }
    buf_c(out, "]");
}

static uint32_t read_scopes(const struct json *list)
{
    uint32_t scopes = 0;
    if (!list || list->kind != JSON_ARRAY || !list->first)
        return 0;
    for (const struct json *one = list->first; one; one = one->next) {
        uint32_t scope = 0;
        for (size_t i = 0; one->kind == JSON_STRING && i < ARRAY_COUNT(words); i++)
            if (str_eq_c(one->text, words[i].word))
                scope = words[i].scope;
        if (!scope)
            return 0;
        scopes |= scope;
    }
    return scopes;
}

enum status post_key(struct request *request)
{
    char text[128];
    struct str name = {0}, expires = {0};
    int64_t expires_at_ms = NEVER_MS;
    const struct json *body = request_body(request);
    if (!body || !request_text(request, body, "name", false, &name) ||
        !request_text(request, body, "expires_at", false, &expires))
        return STATUS_OK;
    if (expires.at &&
        (!civil_parse_instant(expires, &expires_at_ms) || expires_at_ms <= request_now_ms(request)))
        return request_refuse(request, 422, "invalid", "expires_at",
                              "must be an instant to come, as 2027-03-02T14:00:00Z");
    uint32_t scopes = read_scopes(json_get(body, "scopes"));
    if (!scopes)
        return request_refuse(request, 422, "invalid", "scopes",
                              "a list of ingest, author, approve and admin is needed");
    enum status status = engine_begin(request->service->engine);
    if (status == STATUS_OK)
        status = key_make(request->service, scopes, expires_at_ms, name, text);
    if (status == STATUS_OK)
        status = api_act(request, "key made", (struct str){text + 5, (size_t)ID_BYTES * 2}, name);
    if (status == STATUS_OK)
        status = engine_commit(request->service->engine);
    if (status != STATUS_OK) {
        engine_rollback(request->service->engine);
        return request_failed(request, status);
    }
    request->exchange->reply.status = 201;
    buf_printf(request->out, "{\"id\":\"%.*s\",\"key\":\"%s\",\"scopes\":", ID_BYTES * 2, text + 5,
               text);
    put_scopes(request->out, scopes);
    put_member(request->out, "name", name);
    put_time(request->out, "expires_at", expires_at_ms);
    buf_c(request->out, "}\n");
    return STATUS_OK;
}

struct listing {
    struct buf *out;
    const char *comma;
};

static void put_key(void *context, const struct store_key *key)
{
    struct listing *listing = context;
    buf_c(listing->out, listing->comma);
    buf_c(listing->out, "{\"id\":");
    json_put_text(listing->out, key->id);
    buf_c(listing->out, ",\"scopes\":");
    put_scopes(listing->out, key->scopes);
    put_member(listing->out, "name", key->name);
    put_time(listing->out, "created_at", key->created_at_ms);
    put_time(listing->out, "expires_at", key->expires_at_ms);
    buf_c(listing->out, "}");
    listing->comma = ",";
}

enum status get_keys(struct request *request)
{
    struct listing listing = {request->out, ""};
    buf_c(request->out, "{\"items\":[");
    enum status status = store_keys(request->service->store, put_key, &listing);
    buf_c(request->out, "],\"next\":null}\n");
    return status == STATUS_OK ? status : request_failed(request, status);
}

struct others {
    struct str id;
    uint32_t admins; /* that never expire */
};

static void count_admin(void *context, const struct store_key *key)
{
    struct others *others = context;
    others->admins += (key->scopes & SCOPE_ADMIN) && key->expires_at_ms == NEVER_MS &&
                      !str_eq(key->id, others->id);
}

/* Without a key of an administrator, nobody could ever make one again. */
enum status delete_key(struct request *request)
{
    struct others others = {.id = request->captured};
    enum status status = store_keys(request->service->store, count_admin, &others);
    if (status != STATUS_OK)
        return request_failed(request, status);
    if (!others.admins)
        return request_refuse(request, 409, "last_key", NULL,
                              "this is the last key with the scope admin that does not expire: "
                              "make another one before");
    status = engine_begin(request->service->engine);
    if (status == STATUS_OK)
        status = store_key_remove(request->service->store, request->captured);
    if (status == STATUS_OK)
        status = api_act(request, "key removed", request->captured, (struct str){0});
    if (status == STATUS_OK)
        status = engine_commit(request->service->engine);
    else
        engine_rollback(request->service->engine);
    if (status == STATUS_MISSING)
        return request_refuse(request, 404, "not_found", NULL, "there is no such key");
    request->exchange->reply.status = 204;
    return status == STATUS_OK ? status : request_failed(request, status);
}
