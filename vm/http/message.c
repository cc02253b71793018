/* message.c: see message.h. */
#include "vm/http/message.h"

#include <strings.h>

/* RFC 9110 5.6.2. */
static bool is_token_char(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_token_char((unsigned char)s.at[i]))
            return false;
    return s.len > 0;
}

static bool same(struct str a, const char *b)
{
    return a.len == strlen(b) && strncasecmp(a.at, b, a.len) == 0;
}

static bool is_same_word(struct str a, struct str b)
{
    return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

static struct str trim(struct str s)
{
    while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = (struct str){s.at + 1, s.len - 1};
    while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static int refuse(int status, const char *words, const char **why)
{
    *why = words;
    return status;
}

/* `http://host/path`, as to a proxy (RFC 9112 3.2.2); the host must be that of the Host header. */
static void split_absolute(struct http_head *head)
{
    size_t scheme = strlen("http://");
    if (head->target.len <= scheme || strncasecmp(head->target.at, "http://", scheme) != 0)
        return;
    struct str rest = str_from(head->target, scheme);
    size_t slash = str_find(rest, STR("/"));
    if (!slash || slash == SIZE_MAX)
        return;
    head->authority = (struct str){rest.at, slash};
    head->target = str_from(rest, slash);
}

/* `METHOD SP target SP HTTP/1.1`, one blank each. */
static int read_request_line(struct str line, struct http_head *head, const char **why)
{
    size_t first = str_find(line, STR(" "));
    if (first == SIZE_MAX)
        return refuse(400, "the request line has no target", why);
    head->method = (struct str){line.at, first};
    struct str rest = str_from(line, first + 1);
    size_t second = str_find(rest, STR(" "));
    if (second == SIZE_MAX)
        return refuse(400, "the request line has no version", why);
    head->target = (struct str){rest.at, second};
    struct str version = str_from(rest, second + 1);
    if (!is_token(head->method) || head->method.len > 32)
        return refuse(400, "the method is no token", why);
    if (version.len != 8 || memcmp(version.at, "HTTP/", 5) != 0 || version.at[6] != '.')
        return refuse(400, "the version cannot be read", why);
    head->is_http_10 = str_eq(version, STR("HTTP/1.0"));
    if (!head->is_http_10 && !str_eq(version, STR("HTTP/1.1")))
        return refuse(505, "only HTTP/1.1 and 1.0 are spoken", why);
    if (head->target.len > HTTP_TARGET_BYTES)
        return refuse(414, "the target is too long", why);
    bool is_star = str_eq(head->target, STR("*")) && str_eq(head->method, STR("OPTIONS"));
    split_absolute(head);
    if (!is_star && (!head->target.len || head->target.at[0] != '/'))
        return refuse(400, "the target must begin with a slash", why);
    for (size_t i = 0; i < head->target.len; i++)
        if ((unsigned char)head->target.at[i] <= ' ' || (unsigned char)head->target.at[i] >= 127 ||
            head->target.at[i] == '#')
            return refuse(400, "the target has a character that is not allowed", why);
    size_t mark = str_find(head->target, STR("?"));
    head->path = mark == SIZE_MAX ? head->target : (struct str){head->target.at, mark};
    head->query = mark == SIZE_MAX ? (struct str){0} : str_from(head->target, mark + 1);
    return 200;
}

static int read_header(struct str line, struct http_head *head, const char **why)
{
    size_t colon = str_find(line, STR(":"));
    if (colon == SIZE_MAX)
        return refuse(400, "a header has no colon", why);
    struct str name = {line.at, colon}, value = trim(str_from(line, colon + 1));
    if (!is_token(name))
        return refuse(400, "a header's name is no token", why);
    for (size_t i = 0; i < value.len; i++)
        if (((unsigned char)value.at[i] < ' ' && value.at[i] != '\t') || value.at[i] == 127)
            return refuse(400, "a header's value has a control character", why);
    if (head->header_count == HTTP_HEADERS)
        return refuse(431, "too many headers", why);
    head->headers[head->header_count++] = (struct http_header){name, value};
    return 200;
}

static bool read_length(struct str value, int64_t *length)
{
    *length = 0;
    if (!value.len || value.len > 15)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return false;
        *length = *length * 10 + (value.at[i] - '0');
    }
    return true;
}

/* Comma-separated, as in `Connection: close, x`. */
static bool has_element(struct str list, const char *element)
{
    while (list.len) {
        size_t comma = str_find(list, STR(","));
        struct str one = trim((struct str){list.at, comma == SIZE_MAX ? list.len : comma});
        if (same(one, element))
            return true;
        list = comma == SIZE_MAX ? (struct str){0} : str_from(list, comma + 1);
    }
    return false;
}

static int read_framing(struct http_head *head, const char **why)
{
    uint32_t hosts = 0, lengths = 0, codings = 0, keys = 0;
    bool closes = false, keeps = false;
    for (uint32_t i = 0; i < head->header_count; i++) {
        const struct http_header *h = &head->headers[i];
        if (same(h->name, "host")) {
            if (hosts++)
                return refuse(400, "two Host headers", why);
            for (size_t k = 0; k < h->value.len; k++)
                if (strchr(" \t@/?#,\"", h->value.at[k]))
                    return refuse(400, "the Host is not a host and port", why);
            if (head->authority.len && !is_same_word(head->authority, h->value))
                return refuse(400, "the Host is not that of the target", why);
        } else if (same(h->name, "authorization")) {
            if (keys++)
                return refuse(400, "two Authorization headers", why);
        } else if (same(h->name, "content-length")) {
            if (lengths++ || !read_length(h->value, &head->content_length))
                return refuse(400, "Content-Length must stand once and be a number", why);
        } else if (same(h->name, "transfer-encoding")) {
            if (codings++ || !same(h->value, "chunked"))
                return refuse(501, "the only transfer coding is chunked", why);
            head->is_chunked = true;
        } else if (same(h->name, "connection")) {
            closes |= has_element(h->value, "close");
            keeps |= has_element(h->value, "keep-alive");
        } else if (same(h->name, "expect")) {
            if (!same(h->value, "100-continue"))
                return refuse(417, "the only expectation is 100-continue", why);
            head->expects_continue = true;
        }
    }
    if (codings && lengths)
        return refuse(400, "Content-Length beside Transfer-Encoding", why);
    if (codings && head->is_http_10)
        return refuse(400, "Transfer-Encoding in HTTP/1.0", why);
    if (!hosts && !head->is_http_10)
        return refuse(400, "the Host header is missing", why);
    head->keeps_alive = head->is_http_10 ? keeps && !closes : !closes;
    return 200;
}

int http_read_head(struct str bytes, struct http_head *head, size_t *used, const char **why)
{
    *head = (struct http_head){0};
    *used = 0;
    bool is_first = true;
    for (;;) {
        struct str rest = str_from(bytes, *used);
        const char *end = rest.len ? memchr(rest.at, '\n', rest.len) : NULL;
        if (!end && *used + rest.len > HTTP_HEAD_BYTES)
            return refuse(431, "the head is too long", why);
        /* What cannot become right is refused before the rest comes. */
        if (!end && is_first && rest.len && !is_token_char((unsigned char)rest.at[0]))
            return refuse(400, "the method is no token", why);
        if (!end)
            return 0;
        size_t length = (size_t)(end - rest.at);
        *used += length + 1;
        if (*used > HTTP_HEAD_BYTES)
            return refuse(431, "the head is too long", why);
        if (!length || rest.at[length - 1] != '\r')
            return refuse(400, "a line must end with CR and LF", why);
        struct str line = {rest.at, length - 1};
        if (!line.len && !is_first)
            return read_framing(head, why);
        if (!is_first && (line.at[0] == ' ' || line.at[0] == '\t'))
            return refuse(400, "folded headers are not read", why);
        int status = is_first ? read_request_line(line, head, why) : read_header(line, head, why);
        if (status != 200)
            return status;
        is_first = false;
    }
}

struct str http_header(const struct http_head *head, const char *name)
{
    for (uint32_t i = 0; i < head->header_count; i++)
        if (same(head->headers[i].name, name))
            return head->headers[i].value;
    return (struct str){0};
}

enum {
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER,
    TRAILER_LINE,
    TRAILER_LF,
    LAST_LF
};
enum { CHUNK_LINE_BYTES = 4096 };

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One byte of the framing around the data. 200 at the end, 0 to go on, else refused. */
static int frame(struct http_chunks *s, char c, const char **why)
{
    bool is_text = ((unsigned char)c >= ' ' && c != 127) || c == '\t';
    if (++s->line_bytes > CHUNK_LINE_BYTES)
        return refuse(400, "a chunk's line is too long", why);
    switch (s->state) {
    case SIZE:
        if (hex(c) >= 0 && s->left < UINT64_C(1) << 40) {
            s->left = s->left * 16 + (uint64_t)hex(c);
            s->has_digits = true;
            return 0;
        }
        if (!s->has_digits || (c != ';' && c != '\r'))
            return refuse(400, "a chunk's size cannot be read", why);
        s->state = c == '\r' ? SIZE_LF : EXTENSION;
        s->has_digits = false; /* from here on: the extension has a name */
        return 0;
    case EXTENSION:
        if (c == '\r' && !s->has_digits)
            return refuse(400, "a chunk's extension has no name", why);
        if (c == '\r')
            s->state = SIZE_LF;
        else if (!is_text)
            return refuse(400, "a chunk's extension has a control character", why);
        s->has_digits |= is_token_char((unsigned char)c);
        return 0;
    case SIZE_LF:
        s->state = s->left ? DATA : TRAILER;
        s->line_bytes = 0;
        break;
    case DATA_CR:
        if (c != '\r')
            return refuse(400, "a chunk does not end where it said", why);
        s->state = DATA_LF;
        return 0;
    case DATA_LF:
        *s = (struct http_chunks){.state = SIZE};
        break;
    case TRAILER:
        s->state = c == '\r' ? LAST_LF : TRAILER_LINE;
        return c == '\r' || is_token_char((unsigned char)c)
                   ? 0
                   : refuse(400, "a trailer's name is no token", why);
    case TRAILER_LINE:
        if (c == '\r')
            s->state = TRAILER_LF;
        else if (!is_text)
            return refuse(400, "a trailer has a control character", why);
        return 0;
    case TRAILER_LF:
        s->state = TRAILER;
        break;
    default:
        break;
    }
    if (c != '\n')
        return refuse(400, "a chunk's line must end with CR and LF", why);
    return s->state == LAST_LF ? 200 : 0;
}

int http_read_chunks(struct http_chunks *chunks, struct str bytes, size_t *used, struct buf *body,
                     const char **why)
{
    *used = 0;
    while (*used < bytes.len) {
        if (chunks->state == DATA) {
            uint64_t there = bytes.len - *used;
            uint64_t take = chunks->left < there ? chunks->left : there;
            buf_put(body, bytes.at + *used, (size_t)take);
            if (body->failed)
                return refuse(413, "the body is too large", why);
            *used += (size_t)take;
            chunks->left -= take;
            if (!chunks->left)
                chunks->state = DATA_CR;
            continue;
        }
        int status = frame(chunks, bytes.at[(*used)++], why);
        if (status)
            return status;
    }
    return 0;
}

bool http_unescape(struct str text, bool is_query, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '%') {
            if (i + 2 >= text.len || hex(text.at[i + 1]) < 0 || hex(text.at[i + 2]) < 0)
                return false;
            c = (char)(hex(text.at[i + 1]) * 16 + hex(text.at[i + 2]));
            i += 2;
        } else if (is_query && c == '+') {
            c = ' ';
        }
        if (!c)
            return false; /* written or raw */
        buf_byte(out, (unsigned char)c);
    }
    return !out->failed;
}

struct str http_parameter(struct str query, const char *name)
{
    size_t length = strlen(name);
    while (query.len) {
        size_t end = str_find(query, STR("&"));
        struct str one = {query.at, end == SIZE_MAX ? query.len : end};
        if (one.len > length && memcmp(one.at, name, length) == 0 && one.at[length] == '=')
            return (struct str){one.at + length + 1, one.len - length - 1};
        query = end == SIZE_MAX ? (struct str){0} : str_from(query, end + 1);
    }
    return (struct str){0};
}
