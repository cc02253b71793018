/* hash.c: see hash.h. */
#include "vm/base/hash.h"

#include <endian.h>

#include <sodium.h>

static void ready(void)
{
    static bool is_ready;
    if (!is_ready) {
        ensure(sodium_init() >= 0);
        is_ready = true;
    }
}

void sha256_init(struct sha256 *sha)
{
    _Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof sha->state, "room for the state");
    crypto_hash_sha256_init((crypto_hash_sha256_state *)(void *)sha->state);
}

void sha256_add(struct sha256 *sha, struct str bytes)
{
    if (bytes.len)
        crypto_hash_sha256_update((crypto_hash_sha256_state *)(void *)sha->state,
                                  (const unsigned char *)bytes.at, bytes.len);
}

void sha256_end(struct sha256 *sha, unsigned char digest[SHA256_BYTES])
{
    crypto_hash_sha256_final((crypto_hash_sha256_state *)(void *)sha->state, digest);
}

void sha256(struct str bytes, unsigned char digest[SHA256_BYTES])
{
    struct sha256 sha;
    sha256_init(&sha);
    sha256_add(&sha, bytes);
    sha256_end(&sha, digest);
}

void hmac_sha256(struct str key, struct str bytes, unsigned char digest[SHA256_BYTES])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key.at, key.len);
    if (bytes.len)
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)bytes.at, bytes.len);
    crypto_auth_hmacsha256_final(&state, digest);
}

/* Each step is a bijection of its lane, so that lanes that differ once stay different; four lanes
 * because a multiplication takes four cycles. */
uint64_t checksum64(struct str bytes)
{
    const uint64_t odd = 0xff51afd7ed558ccdu;
    uint64_t lanes[4] = {1, 2, 3, bytes.len}, sum = 0;
    while (bytes.len) {
        uint64_t words[4] = {0};
        size_t size = bytes.len < sizeof words ? bytes.len : sizeof words;
        if (size == sizeof words)
            memcpy(words, bytes.at, sizeof words);
        else
            memcpy(words, bytes.at, size);
        for (int k = 0; k < 4; k++) {
            lanes[k] = (lanes[k] ^ words[k]) * odd;
            lanes[k] ^= lanes[k] >> 32;
        }
        bytes = str_from(bytes, size);
    }
    for (int k = 0; k < 4; k++)
        sum = sum * odd + lanes[k];
    return sum;
}

uint64_t siphash(const unsigned char key[SIPHASH_KEY_BYTES], struct str bytes)
{
    unsigned char out[crypto_shorthash_siphash24_BYTES];
    static const unsigned char nothing[1];
    crypto_shorthash_siphash24(out, bytes.len ? (const unsigned char *)bytes.at : nothing,
                               bytes.len, key);
    uint64_t hash;
    memcpy(&hash, out, sizeof hash);
    return le64toh(hash);
}

uint64_t hash_process(struct str bytes)
{
    static unsigned char key[SIPHASH_KEY_BYTES];
    static bool is_keyed;
    if (!is_keyed) {
        random_bytes(key, sizeof key);
        is_keyed = true;
    }
    return siphash(key, bytes);
}

void random_bytes(void *to, size_t size)
{
    ready();
    randombytes_buf(to, size);
}

bool equal_in_constant_time(const void *a, const void *b, size_t size)
{
    return sodium_memcmp(a, b, size) == 0;
}

void buf_hex(struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(out, "%02x", (unsigned)(unsigned char)bytes.at[i]);
}

bool hex_decode(struct str hex, unsigned char *to, size_t size)
{
    size_t len = 0;
    return hex.len == size * 2 &&
           sodium_hex2bin(to, size, hex.at, hex.len, NULL, &len, NULL) == 0 && len == size;
}

static void encode64(struct buf *out, struct str bytes, int variant)
{
    size_t size = sodium_base64_encoded_len(bytes.len, variant);
    unsigned char *to = buf_reserve(out, size);
    if (!to)
        return;
    sodium_bin2base64((char *)to, size, (const unsigned char *)bytes.at, bytes.len, variant);
    out->len += size - 1;
}

void buf_base64(struct buf *out, struct str bytes)
{
    encode64(out, bytes, sodium_base64_VARIANT_ORIGINAL);
}

void buf_base64url(struct buf *out, struct str bytes)
{
    encode64(out, bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static bool decode64(struct buf *out, struct str text, int variant)
{
    size_t room = text.len / 4 * 3 + 3, len = 0;
    unsigned char *to = buf_reserve(out, room);
    if (!to || sodium_base642bin(to, room, text.at, text.len, NULL, &len, NULL, variant) != 0)
        return false;
    out->len += len;
    return true;
}

bool base64_decode(struct buf *out, struct str text)
{
    return decode64(out, text, sodium_base64_VARIANT_ORIGINAL);
}

bool base64url_decode(struct buf *out, struct str text)
{
    return decode64(out, text, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}
