/* mime.c: see mime.h. Bodies are quoted-printable, names and subjects encoded words where they are
 * not plain ASCII; lines end in CRLF and are far shorter than 998 bytes. */
#include "vm/run/mime.h"

#include "vm/base/civil.h"
#include "vm/base/hash.h"
#include "vm/base/utf8.h"
#include "vm/code/accept.h"
#include "vm/run/plain.h"

/* May stand in a header as it is: one line, and nothing that reads as an encoded word. */
static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] < ' ' || (unsigned char)s.at[i] > '~')
            return false;
    return s.len < 200 && str_find(s, STR("=?")) == SIZE_MAX;
}

/* One code point for a header's text: what ends or hides a line becomes a blank, what is no UTF-8 a
 * replacement character. */
static size_t put_clean(struct buf *out, struct str s)
{
    size_t length;
    uint32_t c = utf8_decode(s, &length);
    bool is_control = c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
    if (!length)
        buf_utf8(out, 0xfffd);
    else if (is_control)
        buf_byte(out, ' ');
    else
        buf_put(out, s.at, length);
    return length ? length : 1;
}

/* As encoded words of at most 75 characters (RFC 2047), whole code points each. */
static void put_words(struct buf *out, struct str s)
{
    if (is_plain(s)) {
        buf_str(out, s);
        return;
    }
    while (s.len) {
        struct buf clean;
        buf_init(&clean, 64);
        while (s.len && clean.len <= 33)
            s = str_from(s, put_clean(&clean, s));
        buf_c(out, "=?UTF-8?B?");
        buf_base64(out, buf_view(&clean));
        buf_c(out, "?=");
        buf_free(&clean);
        if (s.len)
            buf_c(out, "\r\n ");
    }
}

static void put_quoted_printable(struct buf *out, struct str s)
{
    size_t column = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        bool is_end = c == '\n' || (c == '\r' && i + 1 < s.len && s.at[i + 1] == '\n');
        if (is_end) {
            buf_c(out, "\r\n");
            column = 0;
            i += c == '\r';
            continue;
        }
        bool at_line_end = i + 1 == s.len || s.at[i + 1] == '\n' || s.at[i + 1] == '\r';
        bool is_safe =
            (c > ' ' && c <= '~' && c != '=') || ((c == ' ' || c == '\t') && !at_line_end);
        if (column + (is_safe ? 1 : 3) > 75) {
            buf_c(out, "=\r\n");
            column = 0;
        }
        /* No line begins with a dot or with `From`, which some on the way read as theirs. */
        is_safe &= !(column == 0 && (c == '.' || c == 'F'));
        if (is_safe)
            buf_byte(out, c);
        else
            buf_printf(out, "=%02X", c);
        column += is_safe ? 1 : 3;
    }
    buf_c(out, "\r\n");
}

/* `Name <address>` or an address; false when the address is none. */
static bool put_mailbox(struct buf *out, const char *header, struct str mailbox)
{
    size_t open = str_find(mailbox, STR("<"));
    struct str name = {0}, address = str_trim(mailbox);
    if (open != SIZE_MAX) {
        name = str_trim((struct str){mailbox.at, open});
        address = str_from(mailbox, open + 1);
        if (!address.len || address.at[address.len - 1] != '>')
            return false;
        address.len--;
    }
    if (!address_is_email(address))
        return false;
    buf_printf(out, "%s: ", header);
    if (name.len && is_plain(name)) {
        buf_byte(out, '"');
        for (size_t i = 0; i < name.len; i++)
            if (name.at[i] != '"' && name.at[i] != '\\')
                buf_byte(out, (unsigned char)name.at[i]);
        buf_byte(out, '"');
    } else {
        put_words(out, name);
    }
    buf_printf(out, "%s<" STR_FMT ">\r\n", name.len ? " " : "", STR_ARG(address));
    return true;
}

static void put_date(struct buf *out, int64_t at_ms)
{
    static const char days[] = "MonTueWedThuFriSatSun",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct civil c = civil_of_ms(at_ms);
    int weekday = civil_weekday(civil_day(c.year, c.month, c.day));
    buf_printf(out, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d +0000\r\n", days + weekday * 3,
               c.day, months + (c.month - 1) * 3, c.year, c.hour, c.minute, c.second);
}

static void put_part(struct buf *out, const char *type, struct str body)
{
    buf_printf(
        out,
        "Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
        type);
    put_quoted_printable(out, body);
}

struct str mime_text(struct arena *arena, struct str html)
{
    struct buf made;
    buf_init(&made, 2 << 20);
    plain_text(html, &made);
    struct str text = made.failed ? (struct str){0} : arena_str(arena, buf_view(&made));
    buf_free(&made);
    return text;
}

static void put_html_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '<')
            buf_c(out, "&lt;");
        else if (text.at[i] == '&')
            buf_c(out, "&amp;");
        else
            buf_byte(out, (unsigned char)text.at[i]);
}

/* What lists of mails show beside the subject: first in the body, not to be seen in it. */
static void put_html(struct buf *out, const struct mail *mail)
{
    size_t body = str_find(mail->html, STR("<body")), end = SIZE_MAX;
    if (body != SIZE_MAX)
        end = str_find(str_from(mail->html, body), STR(">"));
    size_t front = end == SIZE_MAX ? 0 : body + end + 1;
    if (mail->preheader.len) {
        buf_str(out, (struct str){mail->html.at, front});
        buf_c(out, "<div style=\"display:none;max-height:0;overflow:hidden\">");
        put_html_text(out, mail->preheader);
        buf_c(out, "</div>");
    }
    buf_str(out, str_from(mail->html, mail->preheader.len ? front : 0));
}

bool mime_write(const struct mail *mail, struct buf *out)
{
    struct buf made, html;
    struct str text = mail->text;
    buf_init(&made, 2 << 20);
    buf_init(&html, 2 << 20);
    if (!text.at && mail->html.at) {
        plain_text(mail->html, &made);
        text = buf_view(&made);
    }
    bool is_sound = put_mailbox(out, "From", mail->from) && put_mailbox(out, "To", mail->to) &&
                    (!mail->reply_to.len || put_mailbox(out, "Reply-To", mail->reply_to));
    buf_c(out, "Subject: ");
    put_words(out, mail->subject);
    buf_c(out, "\r\n");
    put_date(out, mail->at_ms);
    buf_printf(out,
               "Message-ID: <" STR_FMT "@" STR_FMT
               ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
               STR_ARG(mail->key), STR_ARG(mail->domain));
    if (mail->unsubscribe_url.len)
        buf_printf(out,
                   "List-Unsubscribe: <" STR_FMT
                   ">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
                   STR_ARG(mail->unsubscribe_url));
    if (mail->html.at) {
        buf_printf(out,
                   "Content-Type: multipart/alternative; boundary=\"=_" STR_FMT
                   "\"\r\n\r\n--=_" STR_FMT "\r\n",
                   STR_ARG(mail->key), STR_ARG(mail->key));
        put_part(out, "text/plain", text);
        buf_printf(out, "--=_" STR_FMT "\r\n", STR_ARG(mail->key));
        put_html(&html, mail);
        put_part(out, "text/html", buf_view(&html));
        buf_printf(out, "--=_" STR_FMT "--\r\n", STR_ARG(mail->key));
    } else {
        put_part(out, "text/plain", text);
    }
    is_sound = is_sound && !made.failed && !html.failed;
    buf_free(&made);
    buf_free(&html);
    return is_sound && !out->failed;
}
