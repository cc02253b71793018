/* link.c: what stands behind links in messages. A token is its kind, numbers of the store and an
 * HMAC-SHA256 of them, cut to 16 bytes, under the deployment's secret: nothing of the patient in
 * it, and it is valid for ever. */
#include "vm/base/hash.h"
#include "vm/run/internal.h"

enum { SIGNATURE_BYTES = 16, TOKEN_BYTES = 64 };

static void sign(const struct engine *engine, struct str what, unsigned char signature[])
{
    unsigned char digest[SHA256_BYTES];
    hmac_sha256((struct str){(const char *)engine->secret, sizeof engine->secret}, what, digest);
    memcpy(signature, digest, SIGNATURE_BYTES);
}

/* `kind` keeps tokens of one use from being used for another. */
static struct str make_url(const struct engine *engine, struct arena *arena, char kind,
                           const uint64_t *numbers, size_t count)
{
    unsigned char signature[SIGNATURE_BYTES];
    struct buf what, token;
    buf_init(&what, TOKEN_BYTES);
    buf_init(&token, 2 * TOKEN_BYTES);
    buf_byte(&what, (unsigned char)kind);
    for (size_t i = 0; i < count; i++)
        buf_varint(&what, numbers[i]);
    sign(engine, buf_view(&what), signature);
    buf_put(&what, signature, sizeof signature);
    buf_base64url(&token, buf_view(&what));
    struct str url =
        arena_printf(arena, STR_FMT "/%c/" STR_FMT, STR_ARG(engine->options.public_url), kind,
                     STR_ARG(buf_view(&token)));
    buf_free(&what);
    buf_free(&token);
    return url;
}

static bool read_token(const struct engine *engine, char kind, struct str token, uint64_t *numbers,
                       size_t count)
{
    unsigned char signature[SIGNATURE_BYTES];
    struct buf bytes;
    bool is_ours = false;
    buf_init(&bytes, 2 * TOKEN_BYTES);
    if (token.len <= TOKEN_BYTES * 4 / 3 + 1 && base64url_decode(&bytes, token) &&
        bytes.len > SIGNATURE_BYTES) {
        struct str what = {(const char *)bytes.data, bytes.len - SIGNATURE_BYTES};
        struct reader in = reader_of(what);
        sign(engine, what, signature);
        is_ours = equal_in_constant_time(signature, bytes.data + what.len, sizeof signature) &&
                  read_byte(&in) == (unsigned char)kind;
        for (size_t i = 0; i < count; i++)
            numbers[i] = read_varint(&in);
        is_ours = is_ours && !in.failed && !reader_left(&in);
    }
    buf_free(&bytes);
    return is_ours;
}

struct str engine_unsubscribe_url(struct engine *engine, struct arena *arena,
                                  const struct unsubscribe *who)
{
    uint64_t numbers[] = {who->patient, who->topic, who->enrollment, who->image, who->message};
    return make_url(engine, arena, 'u', numbers, ARRAY_COUNT(numbers));
}

bool engine_read_unsubscribe(struct engine *engine, struct str token, struct unsubscribe *who)
{
    uint64_t n[5] = {0};
    bool is_ours = read_token(engine, 'u', token, n, ARRAY_COUNT(n));
    *who = (struct unsubscribe){.patient = n[0],
                                .topic = (uint32_t)n[1],
                                .enrollment = n[2],
                                .image = (uint32_t)n[3],
                                .message = (uint32_t)n[4]};
    return is_ours;
}

enum status engine_unsubscribe(struct engine *engine, const struct unsubscribe *who, int64_t now_ms)
{
    struct react r;
    struct happening happening = {0};
    enum status status = react_open(engine, (struct str){0}, who->patient, now_ms, &r);
    if (status != STATUS_OK)
        return status;
    if (patient_due_ms(r.patient) < now_ms)
        react_time(&r);
    if (!react_set_subscription(&r, who->topic, false))
        return react_close(&r);
    engine_note_message(engine, who->image, who->message, WORD_UNSUBSCRIBED, who->enrollment, 0,
                        (struct str){0});
    happening.key = key_of(READ_TOPIC, who->topic);
    react_to(&r, &happening);
    return react_close(&r);
}

struct str engine_link_url(struct engine *engine, struct arena *arena, uint64_t outbox,
                           uint32_t link)
{
    uint64_t numbers[] = {outbox, link};
    return make_url(engine, arena, link ? 'c' : 'o', numbers, ARRAY_COUNT(numbers));
}

bool engine_read_link(struct engine *engine, bool is_click, struct str token, uint64_t *outbox,
                      uint32_t *link)
{
    uint64_t n[2] = {0};
    bool is_ours = read_token(engine, is_click ? 'c' : 'o', token, n, ARRAY_COUNT(n));
    *outbox = n[0];
    *link = (uint32_t)n[1];
    return is_ours;
}
