/* sha1.c: see sha1.h. */
#include "vm/base/sha1.h"

enum { BLOCK = 64 };

static uint32_t turn(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

static void add_block(uint32_t h[5], const unsigned char *block)
{
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[i * 4] << 24 | (uint32_t)block[i * 4 + 1] << 16 |
               (uint32_t)block[i * 4 + 2] << 8 | block[i * 4 + 3];
    for (int i = 16; i < 80; i++)
        w[i] = turn(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                     : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                     : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                              : (b ^ c ^ d) + 0xca62c1d6;
        uint32_t next = turn(a, 5) + f + e + w[i];
        e = d;
        d = c;
        c = turn(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

/* Two pieces, so that HMAC needs no copy. */
static void digest_of(struct str first, struct str second, unsigned char digest[SHA1_BYTES])
{
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    unsigned char block[BLOCK];
    size_t filled = 0;
    uint64_t bits = ((uint64_t)first.len + second.len) * 8;
    for (int piece = 0; piece < 2; piece++) {
        struct str rest = piece ? second : first;
        for (size_t i = 0; i < rest.len; i++) {
            block[filled++] = (unsigned char)rest.at[i];
            if (filled == BLOCK) {
                add_block(h, block);
                filled = 0;
            }
        }
    }
    block[filled++] = 0x80;
    if (filled > BLOCK - 8) {
        memset(block + filled, 0, BLOCK - filled);
        add_block(h, block);
        filled = 0;
    }
    memset(block + filled, 0, BLOCK - 8 - filled);
    for (int i = 0; i < 8; i++)
        block[BLOCK - 1 - i] = (unsigned char)(bits >> (8 * i));
    add_block(h, block);
    for (int i = 0; i < SHA1_BYTES; i++)
        digest[i] = (unsigned char)(h[i / 4] >> (24 - i % 4 * 8));
}

void sha1(struct str bytes, unsigned char digest[SHA1_BYTES])
{
    digest_of(bytes, (struct str){0}, digest);
}

void hmac_sha1(struct str key, struct str bytes, unsigned char digest[SHA1_BYTES])
{
    unsigned char inner[BLOCK] = {0}, outer[BLOCK], middle[SHA1_BYTES];
    if (key.len > BLOCK)
        sha1(key, inner);
    else if (key.len)
        memcpy(inner, key.at, key.len);
    for (int i = 0; i < BLOCK; i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }
    digest_of((struct str){(const char *)inner, BLOCK}, bytes, middle);
    digest_of((struct str){(const char *)outer, BLOCK},
              (struct str){(const char *)middle, sizeof middle}, digest);
}
