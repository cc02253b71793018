/* buf.c: see buf.h. */
#include "vm/base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "vm/base/arena.h"

void buf_init(struct buf *buf, size_t limit)
{
    *buf = (struct buf){.limit = limit ? limit : SIZE_MAX / 2};
}

void buf_free(struct buf *buf)
{
    heap_release(buf->data);
    *buf = (struct buf){.limit = buf->limit};
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

unsigned char *buf_reserve(struct buf *buf, size_t size)
{
    if (buf->failed || size > buf->limit - buf->len) {
        buf->failed = true;
        return NULL;
    }
    if (buf->cap - buf->len < size) {
        size_t cap = buf->cap ? buf->cap * 2 : 64;
        if (cap < buf->len + size)
            cap = buf->len + size;
        if (cap > buf->limit)
            cap = buf->limit;
        buf->data = heap_resize(buf->data, cap);
        buf->cap = cap;
    }
    return buf->data + buf->len;
}

void buf_put(struct buf *buf, const void *bytes, size_t size)
{
    unsigned char *to = size ? buf_reserve(buf, size) : NULL;
    if (!to)
        return;
    memcpy(to, bytes, size);
    buf->len += size;
}

void buf_byte(struct buf *buf, unsigned char byte)
{
    buf_put(buf, &byte, 1);
}

void buf_str(struct buf *buf, struct str s)
{
    buf_put(buf, s.at, s.len);
}

void buf_c(struct buf *buf, const char *text)
{
    buf_put(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    unsigned char *to = length < 0 ? NULL : buf_reserve(buf, (size_t)length + 1);
    if (to) {
        vsnprintf((char *)to, (size_t)length + 1, format, again);
        buf->len += (size_t)length;
    }
    va_end(again);
}

static void put_little(struct buf *buf, uint64_t number, size_t size)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(number >> (8 * i));
    buf_put(buf, bytes, size);
}

void buf_u16(struct buf *buf, uint16_t number)
{
    put_little(buf, number, 2);
}

void buf_u32(struct buf *buf, uint32_t number)
{
    put_little(buf, number, 4);
}

void buf_u64(struct buf *buf, uint64_t number)
{
    put_little(buf, number, 8);
}

void buf_varint(struct buf *buf, uint64_t number)
{
    unsigned char bytes[10];
    size_t size = 0;
    while (number >= 0x80) {
        bytes[size++] = (unsigned char)(number | 0x80);
        number >>= 7;
    }
    bytes[size++] = (unsigned char)number;
    buf_put(buf, bytes, size);
}

void buf_zigzag(struct buf *buf, int64_t number)
{
    buf_varint(buf, ((uint64_t)number << 1) ^ (number < 0 ? UINT64_MAX : 0));
}

void buf_bytes(struct buf *buf, struct str s)
{
    buf_varint(buf, s.len);
    buf_str(buf, s);
}

static uint64_t get_little(struct reader *reader, size_t size)
{
    if (reader->failed || reader_left(reader) < size) {
        reader->failed = true;
        return 0;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number |= (uint64_t)reader->at[i] << (8 * i);
    reader->at += size;
    return number;
}

uint8_t read_byte(struct reader *reader)
{
    return (uint8_t)get_little(reader, 1);
}

uint16_t read_u16(struct reader *reader)
{
    return (uint16_t)get_little(reader, 2);
}

uint32_t read_u32(struct reader *reader)
{
    return (uint32_t)get_little(reader, 4);
}

uint64_t read_u64(struct reader *reader)
{
    return get_little(reader, 8);
}

uint64_t read_varint(struct reader *reader)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = read_byte(reader);
        if (shift == 63 && byte > 1)
            break;
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return reader->failed ? 0 : number;
    }
    reader->failed = true;
    return 0;
}

uint32_t read_varint32(struct reader *reader)
{
    uint64_t number = read_varint(reader);
    if (number > UINT32_MAX)
        reader->failed = true;
    return reader->failed ? 0 : (uint32_t)number;
}

int64_t read_zigzag(struct reader *reader)
{
    uint64_t number = read_varint(reader);
    return (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
}

struct str read_bytes(struct reader *reader, size_t size)
{
    if (reader->failed || reader_left(reader) < size) {
        reader->failed = true;
        return (struct str){0};
    }
    struct str view = {(const char *)reader->at, size};
    reader->at += size;
    return view;
}

struct str read_sized(struct reader *reader)
{
    uint64_t size = read_varint(reader);
    if (size > reader_left(reader)) {
        reader->failed = true;
        return (struct str){0};
    }
    return read_bytes(reader, (size_t)size);
}
