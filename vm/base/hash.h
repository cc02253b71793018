/* hash.h: digests, keyed hashes, random bytes and their texts. libsodium behind our names; SHA-256
 * is FIPS 180-4, HMAC RFC 2104, SipHash-2-4 Aumasson and Bernstein 2012, base64 RFC 4648. */
#ifndef CAMP_VM_BASE_HASH_H
#define CAMP_VM_BASE_HASH_H

#include "vm/base/buf.h"

enum { SHA256_BYTES = 32, SIPHASH_KEY_BYTES = 16 };

struct sha256 {
    _Alignas(16) unsigned char state[128];
};
void sha256_init(struct sha256 *sha);
void sha256_add(struct sha256 *sha, struct str bytes);
void sha256_end(struct sha256 *sha, unsigned char digest[SHA256_BYTES]);
void sha256(struct str bytes, unsigned char digest[SHA256_BYTES]);
void hmac_sha256(struct str key, struct str bytes, unsigned char digest[SHA256_BYTES]);

/* For bytes damaged by chance: any change within 8 aligned bytes is always seen. It is stored.
 */
uint64_t checksum64(struct str bytes);

uint64_t siphash(const unsigned char key[SIPHASH_KEY_BYTES], struct str bytes);
/* SipHash under a random key of this process: for maps, never for what is stored. */
uint64_t hash_process(struct str bytes);

void random_bytes(void *to, size_t size);
bool equal_in_constant_time(const void *a, const void *b, size_t size);
void buf_hex(struct buf *out, struct str bytes);
bool hex_decode(struct str hex, unsigned char *to, size_t size); /* exactly size bytes */
void buf_base64(struct buf *out, struct str bytes);              /* padded */
void buf_base64url(struct buf *out, struct str bytes);           /* without padding */
bool base64_decode(struct buf *out, struct str text);            /* padded, blanks refused */
bool base64url_decode(struct buf *out, struct str text);         /* without padding */

#endif
