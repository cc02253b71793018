/* buf.h: a growing byte buffer whose limit is an argument, and its distrusting twin, the reader.
 * Past the limit a buffer takes nothing more and says `failed`; past its end a reader gives zeros
 * and says `failed`: so code writes or reads straight on and asks once. Numbers are little endian;
 * varints LEB128. */
#ifndef CAMP_VM_BASE_BUF_H
#define CAMP_VM_BASE_BUF_H

#include "vm/base/base.h"

struct buf {
    unsigned char *data;
    size_t len, cap, limit;
    bool failed;
};

void buf_init(struct buf *buf, size_t limit); /* 0: no limit */
void buf_free(struct buf *buf);
void buf_reset(struct buf *buf); /* empty again, memory and limit kept */
/* Room for `size` more bytes at ->data + ->len; NULL (and failed) past the limit. */
unsigned char *buf_reserve(struct buf *buf, size_t size);
void buf_put(struct buf *buf, const void *bytes, size_t size);
void buf_byte(struct buf *buf, unsigned char byte);
void buf_str(struct buf *buf, struct str s);
void buf_c(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_u16(struct buf *buf, uint16_t number);
void buf_u32(struct buf *buf, uint32_t number);
void buf_u64(struct buf *buf, uint64_t number);
void buf_varint(struct buf *buf, uint64_t number);
void buf_zigzag(struct buf *buf, int64_t number);
void buf_bytes(struct buf *buf, struct str s); /* varint length, then the bytes */
static inline struct str buf_view(const struct buf *buf)
{
    return (struct str){(const char *)buf->data, buf->len};
}
/* What was written from `at` on; `at` is at most ->len. An empty buffer may have no memory yet. */
static inline struct str buf_since(const struct buf *buf, size_t at)
{
    return at < buf->len ? (struct str){(const char *)buf->data + at, buf->len - at}
                         : (struct str){"", 0};
}

struct reader {
    const unsigned char *at, *end;
    bool failed;
};
static inline struct reader reader_of(struct str s)
{
    const unsigned char *at = (const unsigned char *)s.at;
    return (struct reader){at, s.len ? at + s.len : at, false};
}
static inline size_t reader_left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->at);
}
uint8_t read_byte(struct reader *reader);
uint16_t read_u16(struct reader *reader);
uint32_t read_u32(struct reader *reader);
uint64_t read_u64(struct reader *reader);
uint64_t read_varint(struct reader *reader);
uint32_t read_varint32(struct reader *reader); /* fails above UINT32_MAX */
int64_t read_zigzag(struct reader *reader);
struct str read_bytes(struct reader *reader, size_t size); /* a view, not a copy */
struct str read_sized(struct reader *reader);              /* of buf_bytes */

#endif
