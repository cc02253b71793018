/* server.c: `camp lsp`: messages of the Language Server Protocol 3.17 on standard input and output,
 * JSON-RPC 2.0 behind a header with their length. What is read at once is looked through for
 * cancellations before it is answered, in order. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compiler/tool/lsp/lsp.h"
#include "vm/base/clock.h"

enum { DEBOUNCE_MS = 120, MOST_MESSAGE_BYTES = 128 << 20 };

struct message { /* read, not yet answered */
    const struct json *body;
    struct message *next;
};

static const struct method {
    const char *name;
    void (*request)(struct request *request);
    void (*notification)(struct server *server, const struct json *params);
} methods[] = {
#define REQUEST(method, function) {method, function, NULL},
#define NOTIFICATION(method, function) {method, NULL, function},
#include "compiler/tool/lsp/methods.def"
#undef REQUEST
#undef NOTIFICATION
};

void server_send(struct server *server, struct str message)
{
    struct buf head;
    (void)server;
    buf_init(&head, 64);
    buf_printf(&head, "Content-Length: %zu\r\n\r\n", message.len);
    tool_write(STDOUT_FILENO, buf_view(&head));
    tool_write(STDOUT_FILENO, message);
    buf_free(&head);
}

void notify_begin(struct buf *out, const char *method)
{
    buf_init(out, 0);
    buf_printf(out, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":", method);
}

void notify_end(struct server *server, struct buf *out)
{
    buf_byte(out, '}');
    server_send(server, buf_view(out));
    buf_free(out);
}

/* `id` NULL: null. */
static void respond(struct server *server, const struct json *id, struct str result, int code,
                    const char *error)
{
    struct buf out;
    buf_init(&out, 0);
    buf_c(&out, "{\"jsonrpc\":\"2.0\",\"id\":");
    if (id && id->kind == JSON_STRING)
        json_put_text(&out, id->text);
    else
        buf_str(&out, id ? id->raw : STR("null"));
    if (code) {
        buf_printf(&out, ",\"error\":{\"code\":%d,\"message\":", code);
        json_put_text(&out, str_of(error));
        buf_byte(&out, '}');
    } else {
        buf_c(&out, ",\"result\":");
        buf_str(&out, result.len ? result : STR("null"));
    }
    buf_byte(&out, '}');
    server_send(server, buf_view(&out));
    buf_free(&out);
}

static const struct method *method_of(struct str name)
{
    for (size_t i = 0; i < ARRAY_COUNT(methods); i++)
        if (str_eq_c(name, methods[i].name))
            return &methods[i];
    return NULL;
}

static void answer(struct server *server, struct arena *arena, const struct json *id,
                   struct str method, const struct json *params)
{
    struct buf result;
    const struct method *known = method_of(method);
    bool is_first = str_eq(method, STR("initialize"));
    if (!server->is_initialized && !is_first) {
        respond(server, id, (struct str){0}, ERROR_NOT_INITIALIZED, "initialize first");
        return;
    }
    if (server->is_shut_down || (server->is_initialized && is_first)) {
        respond(server, id, (struct str){0}, ERROR_REQUEST,
                is_first ? "initialized already" : "the server was shut down");
        return;
    }
    if (!known || !known->request) {
        respond(server, id, (struct str){0}, ERROR_METHOD, "there is no such method");
        return;
    }
    buf_init(&result, 0);
    struct request request = {server, params, arena, &result, 0, NULL};
    known->request(&request);
    respond(server, id, buf_view(&result), request.error_code,
            request.error ? request.error : "it failed");
    buf_free(&result);
}

static bool is_cancelled(const struct message *later, struct str id)
{
    for (; later; later = later->next) {
        const struct json *method = json_get(later->body, "method"),
                          *other = json_get(json_get(later->body, "params"), "id");
        if (method && str_eq(method->text, STR("$/cancelRequest")) && other &&
            str_eq(other->raw, id))
            return true;
    }
    return false;
}

static void handle(struct server *server, struct arena *arena, const struct message *message)
{
    const struct json *body = message->body, *method = json_get(body, "method"),
                      *id = json_get(body, "id"), *params = json_get(body, "params");
    if (body->kind != JSON_OBJECT || (method && method->kind != JSON_STRING)) {
        respond(server, NULL, (struct str){0}, ERROR_REQUEST, "it is no request");
        return;
    }
    if (!method) /* an answer to a request of ours */
        return;
    if (id && is_cancelled(message->next, id->raw)) {
        respond(server, id, (struct str){0}, ERROR_CANCELLED, "cancelled");
    } else if (id) {
        answer(server, arena, id, method->text, params);
    } else {
        const struct method *known = method_of(method->text);
        bool is_exit = str_eq(method->text, STR("exit"));
        if (known && known->notification && (server->is_initialized || is_exit))
            known->notification(server, params);
    }
}

/* ---- reading ---- */

/* The length that a header says; false: it says none. */
static bool read_length(struct str head, size_t *length)
{
    while (head.len) {
        size_t end = str_find(head, STR("\n"));
        struct str line = str_trim((struct str){head.at, end == SIZE_MAX ? head.len : end});
        static const char name[] = "content-length:";
        bool is_length = line.len > sizeof name && strncasecmp(line.at, name, sizeof name - 1) == 0;
        if (is_length) {
            struct str digits = str_trim(str_from(line, sizeof name - 1));
            *length = 0;
            for (size_t i = 0; i < digits.len && *length < MOST_MESSAGE_BYTES; i++)
                if (digits.at[i] >= '0' && digits.at[i] <= '9')
                    *length = *length * 10 + (size_t)(digits.at[i] - '0');
                else
                    return false;
            return digits.len > 0;
        }
        head = end == SIZE_MAX ? (struct str){0} : str_from(head, end + 1);
    }
    return false;
}

/* The next whole message of what was read: its text; false: there is none yet. */
static bool next_message(struct server *server, struct str *in, struct str *text)
{
    size_t head = str_find(*in, STR("\r\n\r\n")), length;
    if (head == SIZE_MAX)
        return false;
    if (!read_length((struct str){in->at, head}, &length) || length > MOST_MESSAGE_BYTES) {
        respond(server, NULL, (struct str){0}, ERROR_PARSE, "a header without length");
        *in = str_from(*in, head + 4);
        *text = (struct str){0};
        return true;
    }
    if (in->len - head - 4 < length)
        return false;
    *text = (struct str){in->at + head + 4, length};
    *in = str_from(*in, head + 4 + length);
    return true;
}

static void handle_all(struct server *server, struct str *in)
{
    struct arena arena;
    struct message *first = NULL, **end = &first;
    struct str text;
    arena_init(&arena, 0);
    while (next_message(server, in, &text)) {
        const char *error;
        size_t offset;
        if (!text.len)
            continue;
        const struct json *body = json_parse(&arena, text, &error, &offset);
        if (!body) {
            respond(server, NULL, (struct str){0}, ERROR_PARSE, error);
            continue;
        }
        *end = arena_alloc(&arena, sizeof **end);
        (*end)->body = body;
        end = &(*end)->next;
    }
    for (struct message *message = first; message && !server->is_over; message = message->next)
        handle(server, &arena, message);
    arena_free(&arena);
}

/* False: the editor is gone. */
static bool read_more(struct buf *in)
{
    enum { PIECE = 1 << 16 };
    unsigned char *room = buf_reserve(in, PIECE);
    ssize_t count;
    do
        count = room ? read(STDIN_FILENO, room, PIECE) : -1;
    while (count < 0 && errno == EINTR && room);
    if (count <= 0)
        return false;
    in->len += (size_t)count;
    return true;
}

static bool has_input(int timeout_ms)
{
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    return poll(&input, 1, timeout_ms) != 0;
}

static void run(struct server *server)
{
    struct buf in;
    buf_init(&in, MOST_MESSAGE_BYTES + (1 << 20));
    while (!server->is_over) {
        int64_t left =
            server->changed_at_ms ? server->changed_at_ms + DEBOUNCE_MS - monotonic_ms() : -1;
        if (server->changed_at_ms && left < 0)
            left = 0;
        if (!has_input((int)left)) {
            server->changed_at_ms = 0;
            projects_tell(server);
            continue;
        }
        if (!read_more(&in))
            break;
        while (in.len < (1U << 20) && has_input(0) && read_more(&in))
            ;
        struct str rest = buf_view(&in);
        handle_all(server, &rest);
        memmove(in.data, rest.at ? rest.at : (char *)in.data, rest.len);
        in.len = rest.len;
        if (server->changed_at_ms < 0)
            server->changed_at_ms = monotonic_ms();
    }
    buf_free(&in);
}

/* ---- the life of the server ---- */

void on_initialize(struct request *request)
{
    struct server *server = request->server;
    const struct json *root = json_get(request->params, "rootUri"),
                      *folders = json_get(request->params, "workspaceFolders");
    if (folders && folders->kind == JSON_ARRAY && folders->first)
        root = json_get(folders->first, "uri");
    if (root && root->kind == JSON_STRING) {
        struct str path = uri_path(request->arena, root->text);
        char *copy = heap_alloc(path.len + 1);
        memcpy(copy, path.at, path.len);
        server->root = (struct str){copy, path.len};
    }
    const struct json *encodings = json_get(
        json_get(json_get(request->params, "capabilities"), "general"), "positionEncodings");
    for (const struct json *e = encodings ? encodings->first : NULL; e; e = e->next)
        server->is_utf8 |= e->kind == JSON_STRING && str_eq(e->text, STR("utf-8"));
    server->is_initialized = true;
    buf_printf(
        request->result,
        "{\"capabilities\":{\"positionEncoding\":\"%s\","
        "\"textDocumentSync\":{\"openClose\":true,\"change\":2,\"save\":true},"
        "\"completionProvider\":{\"triggerCharacters\":[\".\",\"|\",\"{\",\"\\\"\"]},"
        "\"hoverProvider\":true,\"definitionProvider\":true,\"referencesProvider\":true,"
        "\"documentHighlightProvider\":true,\"documentSymbolProvider\":true,"
        "\"workspaceSymbolProvider\":true,\"documentFormattingProvider\":true,"
        "\"renameProvider\":{\"prepareProvider\":true},\"codeActionProvider\":"
        "{\"codeActionKinds\":[\"quickfix\"]},\"codeLensProvider\":{},\"foldingRangeProvider\":"
        "true,"
        "\"inlayHintProvider\":true,\"executeCommandProvider\":{\"commands\":[\"camp.runTest\"]},"
        "\"semanticTokensProvider\":{\"legend\":",
        server->is_utf8 ? "utf-8" : "utf-16");
    put_token_legend(request->result);
    buf_c(request->result, ",\"full\":true}},\"serverInfo\":{\"name\":\"camp\"}}");
}

void on_shutdown(struct request *request)
{
    request->server->is_shut_down = true;
}

void on_exit_(struct server *server, const struct json *params)
{
    (void)params;
    server->is_over = true;
    server->exit_code = server->is_shut_down ? EXIT_FINE : EXIT_FINDINGS;
}

void on_nothing(struct server *server, const struct json *params)
{
    (void)server;
    (void)params;
}

void on_saved(struct server *server, const struct json *params)
{
    (void)params;
    projects_forget(server);
}

int cmd_lsp(int argc, char **argv)
{
    struct server server = {.exit_code = EXIT_FINDINGS};
    if (argc > 1 && strcmp(argv[1], "--stdio") != 0)
        return tool_misuse("lsp", "an editor speaks to it on standard input and output", argv[1]);
    run(&server);
    projects_free(&server);
    while (server.documents)
        document_close(&server, NULL);
    heap_release((void *)(uintptr_t)server.root.at);
    return server.exit_code;
}
