/* stream.c: what happens, as it happens: the journal as server-sent events (WHATWG HTML 9.2). A
 * row's number is the event's id, so that a reader who comes back says from where. */
#include "vm/http/api.h"

enum { ROWS_A_TURN = 200, BACKLOG_ROWS = 1000, QUIET_MS = 15000 };

/* Rows after *cursor and up to `last`, at most `most`. */
static enum status put_rows(struct service *service, struct buf *out, uint64_t *cursor,
                            uint64_t last, uint32_t most)
{
    struct request request = {.service = service, .out = out};
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < most && *cursor < last && status == STATUS_OK; i++) {
        struct store_journal row;
        arena_reset(&service->arena);
        status = store_journal_next(service->store, *cursor, &service->arena, &row);
        if (status != STATUS_OK || row.id > last)
            break;
        *cursor = row.id;
        api_put_news(&request, &row);
    }
    return status == STATUS_MISSING ? STATUS_OK : status;
}

bool stream_news(struct service *service)
{
    struct buf news;
    uint64_t last;
    int64_t now_ms = monotonic_ms();
    if (!service->server.stream_count || store_journal_last(service->store, &last) != STATUS_OK)
        return false;
    buf_init(&news, SERVER_STREAM_BYTES);
    put_rows(service, &news, &service->streamed, last, ROWS_A_TURN);
    if (!news.len && now_ms - service->streamed_ms > QUIET_MS)
        buf_c(&news, ": still here\n\n");
    if (news.len) {
        server_push(&service->server, buf_view(&news));
        service->streamed_ms = now_ms;
    }
    buf_free(&news);
    return service->streamed < last;
}

enum status get_stream(struct request *request)
{
    struct service *s = request->service;
    struct reply *reply = &request->exchange->reply;
    struct str from = http_header(&request->exchange->head, "last-event-id");
    uint64_t last;
    if (s->server.stream_count >= SERVER_STREAMS)
        return request_refuse(request, 503, "busy", NULL, "too many streams are open");
    enum status status = store_journal_last(s->store, &last);
    if (status != STATUS_OK)
        return request_failed(request, status);
    if (!s->server.stream_count) {
        s->streamed = last;
        s->streamed_ms = monotonic_ms();
    }
    if (!from.at)
        from = request_parameter(request, "cursor");
    uint64_t cursor = number_of(from, s->streamed);
    buf_c(request->out, "retry: 2000\n\n");
    if (cursor < s->streamed)
        status = put_rows(s, request->out, &cursor, s->streamed, BACKLOG_ROWS);
    if (status != STATUS_OK)
        return request_failed(request, status);
    reply->type = "text/event-stream";
    reply->is_stream = true;
    return STATUS_OK;
}
