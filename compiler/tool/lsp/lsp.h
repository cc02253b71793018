/* lsp.h: what the parts of the language server share. One thread, one loop: server.c reads messages
 * and calls a handler of methods.def for each; a project is compiled again when a document of it
 * has changed and either nothing more comes for a moment or an answer needs it. */
#ifndef CAMP_COMPILER_TOOL_LSP_LSP_H
#define CAMP_COMPILER_TOOL_LSP_LSP_H

#include "compiler/tool/lsp/names.h"
#include "compiler/tool/tool.h"
#include "vm/base/json.h"

struct document { /* open in the editor */
    struct str uri, path;
    struct buf text;
    int64_t version;
    struct document *next;
};

struct project {
    struct str path; /* its folder, or its one file */
    struct compilation compilation;
    struct names names;
    bool is_built, is_dirty;
    struct strmap told; /* paths for which the editor shows diagnostics; keys on the heap */
    struct project *next;
};

struct server {
    struct str root; /* folder of the workspace, or {NULL, 0}; on the heap as all that stays */
    struct document *documents;
    struct project *projects;
    bool is_utf8; /* characters of positions are bytes, else UTF-16 units */
    bool is_initialized, is_shut_down, is_over;
    int exit_code;
    int64_t changed_at_ms; /* 0: nothing waits to be told */
    int64_t request_count; /* of ours to the editor */
};

/* A request, answered once: by a result that the handler writes, or by an error. */
struct request {
    struct server *server;
    const struct json *params;
    struct arena *arena; /* until it is answered */
    struct buf *result;
    int error_code;
    const char *error;
};
enum {
    ERROR_PARSE = -32700,
    ERROR_REQUEST = -32600,
    ERROR_METHOD = -32601,
    ERROR_PARAMS = -32602,
    ERROR_NOT_INITIALIZED = -32002,
    ERROR_CANCELLED = -32800,
    ERROR_FAILED = -32803
};

/* A place of a request: params.textDocument and params.position, in a project that is compiled. */
struct place {
    struct project *project;
    const struct source *source;
    uint32_t file, offset;
};

/* server.c */
void server_send(struct server *server, struct str message);
/* `{"jsonrpc":"2.0","method":…,"params":` is written; the caller adds the params and ends it. */
void notify_begin(struct buf *out, const char *method);
void notify_end(struct server *server, struct buf *out);

/* document.c */
struct document *document_find(const struct server *server, struct str path);
void document_open(struct server *server, const struct json *params);
void document_change(struct server *server, const struct json *params);
void document_close(struct server *server, const struct json *params);
/* A path without `.`, `..` and doubled slashes, in the arena. */
struct str path_normal(struct arena *arena, struct str path);
struct str uri_path(struct arena *arena, struct str uri);
void put_uri(struct server *server, struct buf *out, struct str path);
uint32_t offset_at(const struct server *server, struct str text, const struct json *position);
void put_position(const struct server *server, struct buf *out, const struct source *source,
                  uint32_t offset);
void put_range(const struct server *server, struct buf *out, const struct source *source,
               uint32_t first, uint32_t end);
/* The character of a position: from the beginning of its line. */
uint32_t character_of(const struct server *server, const struct source *source, uint32_t offset,
                      uint32_t *line);

/* project.c */
void projects_touch(struct server *server, struct str path); /* the file has changed */
void projects_forget(
    struct server *server);                /* files may have come or gone: all is looked at anew */
void projects_tell(struct server *server); /* compiles what is dirty and publishes */
void projects_free(struct server *server);
/* False (with the request's error or an empty result): no such document in a project. */
bool place_of(struct request *request, struct place *place);
bool document_of(struct request *request, struct place *place); /* without position */
void put_location(struct server *server, struct buf *out, const struct project *project,
                  struct span span);

/* describe.c: what is known of a symbol, as Markdown; its type or kind in a few words. */
void describe(const struct project *project, const struct symbol *symbol, struct buf *out);
void describe_shortly(const struct project *project, const struct symbol *symbol, struct buf *out);

/* library.c: the path of a file with the text of a module of the standard library; nothing when
 * none can be written. */
struct str library_path(struct arena *arena, const struct source *module);

/* answer.c */
bool is_in_module(const struct project *project, struct span span);

/* tokens.c */
void put_token_legend(struct buf *out);

/* The handlers, one a row of methods.def. */
#define REQUEST(method, function) void function(struct request *request);
#define NOTIFICATION(method, function)                                                             \
    void function(struct server *server, const struct json *params);
#include "compiler/tool/lsp/methods.def"
#undef REQUEST
#undef NOTIFICATION

#endif
