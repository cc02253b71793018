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
static void put_token(const struct engine *engine, char kind, uint64_t first, uint32_t second,
                      struct buf *out)
{
    unsigned char signature[SIGNATURE_BYTES];
    struct buf what;
    buf_init(&what, TOKEN_BYTES);
    buf_byte(&what, (unsigned char)kind);
    buf_varint(&what, first);
    buf_varint(&what, second);
    sign(engine, buf_view(&what), signature);
    buf_put(&what, signature, sizeof signature);
    buf_base64url(out, buf_view(&what));
    buf_free(&what);
}

static bool read_token(const struct engine *engine, char kind, struct str token, uint64_t *first,
                       uint32_t *second)
{
    unsigned char signature[SIGNATURE_BYTES];
    struct buf bytes;
    bool is_ours = false;
    buf_init(&bytes, TOKEN_BYTES);
    if (token.len <= TOKEN_BYTES && base64url_decode(&bytes, token) &&
        bytes.len > SIGNATURE_BYTES) {
        struct str what = {(const char *)bytes.data, bytes.len - SIGNATURE_BYTES};
        struct reader in = reader_of(what);
        sign(engine, what, signature);
        is_ours = equal_in_constant_time(signature, bytes.data + what.len, sizeof signature) &&
                  read_byte(&in) == (unsigned char)kind;
        *first = read_varint(&in);
        *second = read_varint32(&in);
        is_ours = is_ours && !in.failed && !reader_left(&in);
    }
    buf_free(&bytes);
    return is_ours;
}

struct str engine_unsubscribe_url(struct engine *engine, struct arena *arena, uint64_t patient,
                                  uint32_t topic)
{
    struct buf token;
    buf_init(&token, 2 * TOKEN_BYTES);
    put_token(engine, 'u', patient, topic, &token);
    struct str url = arena_printf(arena, STR_FMT "/u/" STR_FMT, STR_ARG(engine->options.public_url),
                                  STR_ARG(buf_view(&token)));
    buf_free(&token);
    return url;
}

bool engine_read_unsubscribe(struct engine *engine, struct str token, uint64_t *patient,
                             uint32_t *topic)
{
    return read_token(engine, 'u', token, patient, topic);
}

enum status engine_unsubscribe(struct engine *engine, uint64_t patient, uint32_t topic,
                               int64_t now_ms)
{
    struct react r;
    struct happening happening = {0};
    enum status status = react_open(engine, (struct str){0}, patient, now_ms, &r);
    if (status != STATUS_OK)
        return status;
    if (patient_due_ms(r.patient) < now_ms)
        react_time(&r);
    if (react_set_subscription(&r, topic, false))
        happening.key = key_of(READ_TOPIC, topic);
    react_to(&r, &happening);
    return react_close(&r);
}
