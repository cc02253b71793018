/* api_traffic.c: traffic in as NDJSON. */
#include <stdio.h>
#include <stdlib.h>

#include "vm/base/log.h"
#include "vm/http/request.h"

enum { LINE_BYTES = 1 << 20, LINE_ARENA_BYTES = 16 << 20 };

struct import {
    struct request *request;
    struct arena arena; /* of one line */
    uint64_t accepted, duplicates, rejected;
    struct buf problems;
};

static enum status refuse_line(struct import *import, uint64_t number, struct str line,
                               const struct input_answer *answer)
{
    buf_printf(&import->problems, "%s{\"line\":%llu,\"field\":", import->rejected ? "," : "",
               (unsigned long long)number);
    json_put_text(&import->problems, str_of(answer->field));
    buf_c(&import->problems, ",\"reason\":");
    json_put_text(&import->problems, str_of(answer->reason));
    buf_c(&import->problems, "}");
    import->rejected++;
    return store_reject(import->request->service->store, request_now_ms(import->request), number,
                        str_of(answer->field), str_of(answer->reason), line);
}

static enum status take_line(struct import *import, uint64_t number, struct str line)
{
    struct input input;
    struct input_answer answer = {.what = ANSWER_REJECTED};
    enum status status = STATUS_OK;
    bool is_input = false;
    arena_reset(&import->arena);
    if (line.len > LINE_BYTES)
        snprintf(answer.reason, sizeof answer.reason, "a line of over %d bytes", LINE_BYTES);
    else
        is_input = input_parse(&import->arena, line, &input, &answer);
    if (is_input)
        status = engine_input(import->request->service->engine, &input,
                              request_now_ms(import->request), &answer);
    if (status != STATUS_OK)
        return status;
    if (answer.what == ANSWER_REJECTED)
        return refuse_line(import, number, line, &answer);
    import->accepted += answer.what == ANSWER_ACCEPTED;
    import->duplicates += answer.what == ANSWER_DUPLICATE;
    return STATUS_OK;
}

enum status post_import(struct request *request)
{
    struct service *s = request->service;
    struct import import = {.request = request};
    enum status status = STATUS_OK;
    if (s->is_disk_low)
        return request_refuse(request, 503, "disk_full", NULL,
                              "the disk is almost full; nothing was taken");
    if (!engine_program(s->engine))
        return request_refuse(request, 409, "no_image", NULL,
                              "no image is deployed; nothing was taken");
    arena_init(&import.arena, LINE_ARENA_BYTES);
    buf_init(&import.problems, 0);
    struct str rest = request->exchange->body;
    for (uint64_t number = 1; rest.len && status == STATUS_OK; number++) {
        size_t end = str_find(rest, STR("\n"));
        struct str line = str_trim((struct str){rest.at, end == SIZE_MAX ? rest.len : end});
        rest = end == SIZE_MAX ? (struct str){0} : str_from(rest, end + 1);
        if (line.len)
            status = take_line(&import, number, line);
    }
    buf_printf(request->out, "{\"accepted\":%llu,\"duplicates\":%llu,\"rejected\":[",
               (unsigned long long)import.accepted, (unsigned long long)import.duplicates);
    buf_str(request->out, buf_view(&import.problems));
    buf_c(request->out, "]}\n");
    arena_free(&import.arena);
    buf_free(&import.problems);
    if (status == STATUS_OK) {
        s->accepted += import.accepted;
        s->duplicates += import.duplicates;
        s->rejected += import.rejected;
    }
    return status;
}
