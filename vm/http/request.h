/* request.h: what the handlers of routes.def work with (api_*.c). */
#ifndef CAMP_VM_HTTP_REQUEST_H
#define CAMP_VM_HTTP_REQUEST_H

#include "vm/base/json.h"
#include "vm/http/service.h"

struct request {
    struct service *service;
    struct exchange *exchange;
    struct str captured; /* the path's {}, unescaped */
    struct str key;      /* id of the key that asks; {0} none */
    struct buf *out;     /* the answer's body */
    /* Set by a handler that must wait until the service is not engaged. */
    enum after_sweep {
        ANSWER_NOW,
        ANSWER_KEPT, /* what it has written is sent then */
        ANSWER_ANEW  /* the handler is called again then */
    } after_sweep;
};

/* Other than STATUS_OK: the transaction, if one is shared, is rolled back. */
#define ROUTE(method, path, scope, kind, function, body, answer, query, words)                     \
    enum status function(struct request *request);
#include "vm/http/routes.def"
#undef ROUTE

/* An answer that says no; always STATUS_OK. `field` may be NULL. */
enum status request_refuse(struct request *request, int status, const char *code, const char *field,
                           const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The answer to a failure of disk or engine: 503 where trying again helps, else 500. */
enum status request_failed(struct request *request, enum status status);
/* The body as a JSON object, an empty one for no body; NULL after refusing. */
const struct json *request_body(struct request *request);
/* A member of the body; *value keeps what it was when there is none. False after refusing. */
bool request_bool(struct request *request, const struct json *body, const char *name, bool *value);
bool request_text(struct request *request, const struct json *body, const char *name,
                  bool is_needed, struct str *value);
/* A parameter of the query, unescaped, in the request's arena; {NULL, 0} when there is none. */
struct str request_parameter(struct request *request, const char *name);
int64_t request_now_ms(const struct request *request);

/* keys.c. Makes a key of these scopes (expires_at_ms NEVER_MS: for ever) and writes
 * `camp_ID_SECRET` into text. */
enum status key_make(struct service *service, uint32_t scopes, int64_t expires_at_ms,
                     struct str label, char text[128]);
/* The name of one scope. */
const char *key_scope_word(uint32_t scope);
/* The scopes of the request's key, and its id; 0 when it has none or a wrong one. */
uint32_t key_scopes(struct service *service, const struct http_head *head, struct str *id);

#endif
