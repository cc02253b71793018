/* xml.c: see xml.h. */
#include "compiler/tool/xml.h"

void put_xml(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == '&')
            buf_c(out, "&amp;");
        else if (c == '<')
            buf_c(out, "&lt;");
        else if (c == '>')
            buf_c(out, "&gt;");
        else if (c == '"')
            buf_c(out, "&quot;");
        else if (c < ' ' && c != '\n' && c != '\t')
            buf_c(out, "?");
        else
            buf_byte(out, c);
    }
}
