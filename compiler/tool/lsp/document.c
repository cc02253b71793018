/* document.c: the texts that are open in the editor, and positions in its way of counting: lines
 * from 0, characters in UTF-16 units or, where the editor takes it, in bytes. */
#include "compiler/tool/lsp/lsp.h"
#include "vm/base/utf8.h"

/* ---- paths and URIs ---- */

struct str path_normal(struct arena *arena, struct str path)
{
    if (!str_starts(path, STR("/"))) /* of a document that is no file */
        return arena_str(arena, path);
    char *out = arena_alloc(arena, path.len + 2);
    size_t length = 0;
    while (path.len) {
        size_t slash = str_find(path, STR("/"));
        struct str part = {path.at, slash == SIZE_MAX ? path.len : slash};
        path = slash == SIZE_MAX ? (struct str){0} : str_from(path, slash + 1);
        if (!part.len || str_eq(part, STR(".")))
            continue;
        if (str_eq(part, STR(".."))) {
            while (length && out[--length] != '/')
                ;
            continue;
        }
        out[length++] = '/';
        memcpy(out + length, part.at, part.len);
        length += part.len;
    }
    if (!length)
        out[length++] = '/';
    return (struct str){out, length};
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                : -1;
}

/* file:///a%20b is /a b; of another scheme, the URI is the path. */
struct str uri_path(struct arena *arena, struct str uri)
{
    if (!str_starts(uri, STR("file://")))
        return arena_str(arena, uri);
    struct str rest = str_from(uri, 7);
    size_t slash = str_find(rest, STR("/"));
    rest = str_from(rest, slash == SIZE_MAX ? rest.len : slash);
    char *out = arena_alloc(arena, rest.len + 1);
    size_t length = 0;
    for (size_t i = 0; i < rest.len; i++) {
        int high = rest.at[i] == '%' && i + 2 < rest.len ? hex_digit(rest.at[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(rest.at[i + 2]) : -1;
        if (low < 0) {
            out[length++] = rest.at[i];
            continue;
        }
        out[length++] = (char)(high * 16 + low);
        i += 2;
    }
    return path_normal(arena, (struct str){out, length});
}

void put_uri(struct server *server, struct buf *out, struct str path)
{
    struct document *document = document_find(server, path);
    if (document) {
        json_put_text(out, document->uri);
        return;
    }
    buf_c(out, "\"file://");
    for (size_t i = 0; i < path.len; i++) {
        char c = path.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || strchr("/-._~", c);
        if (is_plain && c)
            buf_byte(out, (unsigned char)c);
        else
            buf_printf(out, "%%%02X", (unsigned char)c);
    }
    buf_byte(out, '"');
}

/* ---- positions ---- */

/* Units of the code point at the front, which has `length` bytes. */
static uint32_t units_of(const struct server *server, struct str text, size_t *length)
{
    uint32_t code = utf8_decode(text, length);
    if (!*length)
        *length = 1;
    return server->is_utf8 ? (uint32_t)*length : code > 0xffff ? 2 : 1;
}

static uint32_t offset_in_line(const struct server *server, struct str text, uint32_t first,
                               int64_t character)
{
    uint32_t offset = first;
    while (offset < text.len && text.at[offset] != '\n' && character > 0) {
        size_t length;
        character -= units_of(server, str_from(text, offset), &length);
        if (character < 0)
            break;
        offset += (uint32_t)length;
    }
    while (offset > first && offset < text.len && text.at[offset] == '\n' &&
           text.at[offset - 1] == '\r')
        offset--;
    return offset;
}

static int64_t integer_of(const struct json *object, const char *key)
{
    const struct json *value = json_get(object, key);
    return value && value->kind == JSON_INT ? value->integer : 0;
}

uint32_t offset_at(const struct server *server, struct str text, const struct json *position)
{
    int64_t line = integer_of(position, "line");
    size_t first = 0;
    for (; line > 0; line--) {
        const char *end = memchr(text.at + first, '\n', text.len - first);
        if (!end)
            return (uint32_t)text.len;
        first = (size_t)(end - text.at) + 1;
    }
    return offset_in_line(server, text, (uint32_t)first, integer_of(position, "character"));
}

uint32_t character_of(const struct server *server, const struct source *source, uint32_t offset,
                      uint32_t *line)
{
    uint32_t low = 0, high = source->line_count, units = 0;
    if (offset > source->text.len)
        offset = (uint32_t)source->text.len;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (source->lines[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    *line = low;
    for (uint32_t at = source->lines[low]; at < offset;) {
        size_t length;
        units += units_of(server, str_from(source->text, at), &length);
        at += (uint32_t)length;
    }
    return units;
}

void put_position(const struct server *server, struct buf *out, const struct source *source,
                  uint32_t offset)
{
    uint32_t line, character = character_of(server, source, offset, &line);
    buf_printf(out, "{\"line\":%u,\"character\":%u}", line, character);
}

void put_range(const struct server *server, struct buf *out, const struct source *source,
               uint32_t first, uint32_t end)
{
    buf_c(out, "{\"start\":");
    put_position(server, out, source, first);
    buf_c(out, ",\"end\":");
    put_position(server, out, source, end);
    buf_byte(out, '}');
}

/* ---- open documents ---- */

struct document *document_find(const struct server *server, struct str path)
{
    for (struct document *document = server->documents; document; document = document->next)
        if (str_eq(document->path, path))
            return document;
    return NULL;
}

static struct str heap_str(struct str s)
{
    char *copy = heap_alloc(s.len + 1);
    memcpy(copy, s.at, s.len);
    copy[s.len] = 0;
    return (struct str){copy, s.len};
}

static struct str path_of(struct arena *arena, const struct json *params)
{
    const struct json *uri = json_get(json_get(params, "textDocument"), "uri");
    return uri && uri->kind == JSON_STRING ? uri_path(arena, uri->text) : (struct str){0};
}

static void set_text(struct document *document, struct str text)
{
    buf_reset(&document->text);
    buf_str(&document->text, text);
}

void document_open(struct server *server, const struct json *params)
{
    struct arena arena;
    const struct json *item = json_get(params, "textDocument"), *uri = json_get(item, "uri"),
                      *text = json_get(item, "text");
    if (!uri || uri->kind != JSON_STRING || !text || text->kind != JSON_STRING)
        return;
    arena_init(&arena, 0);
    struct str path = uri_path(&arena, uri->text);
    struct document *document = document_find(server, path);
    if (!document) {
        document = heap_alloc(sizeof *document);
        *document = (struct document){.uri = heap_str(uri->text), .path = heap_str(path)};
        buf_init(&document->text, SOURCE_MAX_BYTES);
        document->next = server->documents;
        server->documents = document;
    }
    set_text(document, text->text);
    document->version = integer_of(item, "version");
    projects_touch(server, path);
    arena_free(&arena);
}

static void apply_change(struct server *server, struct document *document,
                         const struct json *change)
{
    const struct json *range = json_get(change, "range"), *text = json_get(change, "text");
    struct str before = buf_view(&document->text);
    if (!text || text->kind != JSON_STRING)
        return;
    if (!range || range->kind != JSON_OBJECT) {
        set_text(document, text->text);
        return;
    }
    uint32_t first = offset_at(server, before, json_get(range, "start")),
             end = offset_at(server, before, json_get(range, "end"));
    if (end < first)
        end = first;
    struct buf after;
    buf_init(&after, SOURCE_MAX_BYTES);
    buf_put(&after, before.at, first);
    buf_str(&after, text->text);
    buf_str(&after, str_from(before, end));
    buf_free(&document->text);
    document->text = after;
}

void document_change(struct server *server, const struct json *params)
{
    struct arena arena;
    arena_init(&arena, 0);
    struct document *document = document_find(server, path_of(&arena, params));
    const struct json *changes = json_get(params, "contentChanges");
    if (document && changes && changes->kind == JSON_ARRAY) {
        for (const struct json *change = changes->first; change; change = change->next)
            apply_change(server, document, change);
        document->version = integer_of(json_get(params, "textDocument"), "version");
        projects_touch(server, document->path);
    }
    arena_free(&arena);
}

void document_close(struct server *server, const struct json *params)
{
    struct arena arena;
    arena_init(&arena, 0);
    struct str path = path_of(&arena, params);
    for (struct document **at = &server->documents; *at; at = &(*at)->next) {
        struct document *document = *at;
        if (params && !str_eq(document->path, path))
            continue;
        *at = document->next;
        projects_touch(server, document->path);
        heap_release((void *)(uintptr_t)document->uri.at);
        heap_release((void *)(uintptr_t)document->path.at);
        buf_free(&document->text);
        heap_release(document);
        break;
    }
    arena_free(&arena);
}
