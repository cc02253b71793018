/* inflate.c: see inflate.h. The buffer's limit is what stops a small body that grows without end.
 */
#include "vm/http/inflate.h"

#include <zlib.h>

enum { STEP_BYTES = 65536, GZIP_ONLY = 16 + MAX_WBITS };

int inflate_gzip(struct str bytes, struct buf *out, const char **why)
{
    z_stream stream = {.next_in = (z_const Bytef *)bytes.at, .avail_in = (uInt)bytes.len};
    int code = inflateInit2(&stream, GZIP_ONLY);
    *why = "the gzip stream is broken";
    if (code != Z_OK)
        return 400;
    int status = 0;
    while (!status) {
        unsigned char *room = buf_reserve(out, STEP_BYTES);
        if (!room) {
            *why = "is too large";
            status = 413;
            break;
        }
        stream.next_out = room;
        stream.avail_out = STEP_BYTES;
        code = inflate(&stream, Z_NO_FLUSH);
        out->len += STEP_BYTES - stream.avail_out;
        if (code == Z_STREAM_END)
            status = stream.avail_in ? 400 : 200;
        else if (code != Z_OK)
            status = 400;
    }
    inflateEnd(&stream);
    return status;
}
