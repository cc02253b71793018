/* fuzz_mime.c: whatever stands in a mail's fields, it stays one mail: lines end in CR LF and are
 * short, all is ASCII without NUL, and the headers are those that the builder writes. */
#include <stdlib.h>

#include "vm/run/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Fields are separated by 0xff, which no UTF-8 holds. */
static struct str next(struct str *rest)
{
    size_t length = 0;
    while (length < rest->len && (unsigned char)rest->at[length] != 0xff)
        length++;
    struct str field = {rest->at, length};
    *rest = str_from(*rest, length + 1);
    return field;
}

static bool is_ours(struct str line)
{
    static const char *const names[] = {"From: ",           "To: ",
                                        "Reply-To: ",       "Subject: ",
                                        "Date: ",           "Message-ID: ",
                                        "Auto-Submitted: ", "MIME-Version: ",
                                        "Content-Type: ",   "Content-Transfer-Encoding: "};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (str_starts(line, str_of(names[i])))
            return true;
    return line.len && line.at[0] == ' ';
}

static void check(struct str mail)
{
    bool is_head = true;
    for (struct str rest = mail; rest.len;) {
        size_t end = str_find(rest, STR("\r\n"));
        ensure(end != SIZE_MAX && end <= 998);
        struct str line = {rest.at, end};
        for (size_t i = 0; i < line.len; i++)
            ensure(line.at[i] != '\r' && line.at[i] != '\n' && line.at[i] > 0);
        is_head = is_head && end;
        ensure(!is_head || is_ours(line));
        /* A line that begins with a dot would end the mail, or lose it, on its way. */
        ensure(!line.len || line.at[0] != '.');
        rest = str_from(rest, end + 2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct buf out;
    struct mail mail = {.key = STR("0123456789abcdef0123456789abcdef"),
                        .domain = STR("test.example"),
                        .at_ms = 1772460000000};
    mail.from = next(&rest);
    mail.to = next(&rest);
    mail.reply_to = next(&rest);
    mail.subject = next(&rest);
    mail.preheader = next(&rest);
    mail.text = next(&rest);
    mail.html = next(&rest);
    buf_init(&out, 8 << 20);
    if (mime_write(&mail, &out))
        check(buf_view(&out));
    buf_free(&out);
    return 0;
}
