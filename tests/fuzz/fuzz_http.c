/* fuzz_http.c: any bytes as a request: reading ends; a head that is taken lies in the bytes, and
 * says the same when it comes byte by byte; chunks give no more than was there; a gzip body stays
 * in its bound. */
#include "vm/http/inflate.h"
#include "vm/http/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct str part, struct str whole)
{
    ensure(!part.len || (part.at >= whole.at && part.at + part.len <= whole.at + whole.len));
}

static void check_head(struct str bytes)
{
    struct http_head head, again;
    size_t used, used_again;
    const char *why = "";
    int status = http_read_head(bytes, &head, &used, &why);
    ensure(used <= bytes.len);
    for (uint32_t i = 0; status == 200 && i < head.header_count; i++) {
        check_inside(head.headers[i].name, bytes);
        check_inside(head.headers[i].value, bytes);
    }
    if (status != 200)
        return;
    check_inside(head.path, bytes);
    ensure(head.content_length >= 0 && !(head.is_chunked && head.content_length));
    /* Whatever comes behind a head does not change it, and less than it is never a head. */
    ensure(http_read_head((struct str){bytes.at, used}, &again, &used_again, &why) == 200 &&
           used_again == used && again.content_length == head.content_length);
    ensure(http_read_head((struct str){bytes.at, used - 1}, &again, &used_again, &why) != 200);
}

static void check_chunks(struct str bytes)
{
    struct http_chunks whole = {0}, split = {0};
    struct buf body, again;
    size_t used = 0, at = 0;
    const char *why = "";
    buf_init(&body, 1 << 16);
    buf_init(&again, 1 << 16);
    int status = http_read_chunks(&whole, bytes, &used, &body, &why), status_again = 0;
    ensure(used <= bytes.len && body.len <= bytes.len);
    while (at < bytes.len && !status_again) {
        size_t taken;
        status_again =
            http_read_chunks(&split, (struct str){bytes.at + at, 1}, &taken, &again, &why);
        at += taken;
    }
    ensure(status == status_again && str_eq(buf_view(&body), buf_view(&again)));
    buf_free(&body);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    struct buf out;
    const char *why = "";
    check_head(bytes);
    check_chunks(bytes);
    buf_init(&out, 1 << 20);
    int status = inflate_gzip(bytes, &out, &why);
    ensure((status == 200 || status == 400 || status == 413) && out.len <= 1 << 20);
    buf_reset(&out);
    http_unescape(bytes, size % 2, &out);
    buf_free(&out);
    return 0;
}
