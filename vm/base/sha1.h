/* sha1.h: SHA-1 (RFC 3174) in HMAC (RFC 2104), for one thing only: Twilio signs its callbacks so,
 * and libsodium has no SHA-1. Nothing of ours may rest on it. */
#ifndef CAMP_VM_BASE_SHA1_H
#define CAMP_VM_BASE_SHA1_H

#include "vm/base/base.h"

enum { SHA1_BYTES = 20 };

void sha1(struct str bytes, unsigned char digest[SHA1_BYTES]);
void hmac_sha1(struct str key, struct str bytes, unsigned char digest[SHA1_BYTES]);

#endif
