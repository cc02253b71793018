/* message.h: an HTTP/1.1 request read strictly (RFC 9110, 9112), so that no two programs can
 * disagree about where it ends or what it says. Pure: bytes in, views of those bytes out. Refused
 * and never repaired: Content-Length beside Transfer-Encoding, two lengths, two or no Hosts, a Host
 * other than the target's, two Authorizations, NUL and control characters, bare LF, folded lines,
 * blanks before a colon, codings other than chunked. */
#ifndef CAMP_VM_HTTP_MESSAGE_H
#define CAMP_VM_HTTP_MESSAGE_H

#include "vm/base/buf.h"

enum { HTTP_HEAD_BYTES = 16384, HTTP_HEADERS = 64, HTTP_TARGET_BYTES = 4096 };

struct http_header {
    struct str name, value; /* value without outer blanks */
};
struct http_head {
    struct str method, target, path, query; /* query without its `?` */
    struct str authority;                   /* of a target as `http://host/path`; else empty */
    struct http_header headers[HTTP_HEADERS];
    uint32_t header_count;
    int64_t content_length; /* 0 when there is no body */
    bool is_chunked, keeps_alive, expects_continue, is_http_10;
};

/* Reads a whole head from the start of `bytes`. 200: done, *used its bytes; 0: more bytes are
 * needed; else the status to refuse with (400, 414, 431, 501, 505) and *why. */
int http_read_head(struct str bytes, struct http_head *head, size_t *used, const char **why);
/* Case is ignored; {NULL, 0} when there is none. */
struct str http_header(const struct http_head *head, const char *name);

/* A chunked body, as far as it is there. Call again with the bytes that are left. */
struct http_chunks {
    uint8_t state;
    uint64_t left; /* of this chunk */
    uint32_t line_bytes;
    bool has_digits;
};
/* Appends to `body`. 200: the last chunk and its trailers are read; 0: more; else refused. */
int http_read_chunks(struct http_chunks *chunks, struct str bytes, size_t *used, struct buf *body,
                     const char **why);

/* %XX in a segment of a path or a value of a query (`+` is a blank there); false when it is broken
 * or hides a NUL. */
bool http_unescape(struct str text, bool is_query, struct buf *out);
/* The value of a parameter of the query, still escaped; {NULL, 0} when there is none. */
struct str http_parameter(struct str query, const char *name);

#endif
