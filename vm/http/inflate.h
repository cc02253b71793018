/* inflate.h: bodies that were compressed by gzip; the only file that includes zlib is inflate.c. */
#ifndef CAMP_VM_HTTP_INFLATE_H
#define CAMP_VM_HTTP_INFLATE_H

#include "vm/base/buf.h"

/* 200, or the status to refuse with and *why: 400 broken, 413 over the buffer's limit. */
int inflate_gzip(struct str bytes, struct buf *out, const char **why);

#endif
