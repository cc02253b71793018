/* deliver.c: see deliver.h. */
#include "vm/run/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm/base/clock.h"
#include "vm/base/hash.h"
#include "vm/base/json.h"
#include "vm/base/log.h"
#include "vm/run/mime.h"

enum { BATCH = 256, FIRST_BACKOFF_MS = 500, LONGEST_BACKOFF_MS = 60000, FILE_BYTES = 8 << 20 };

static struct str domain_of(struct str mailbox)
{
    size_t at = str_find(mailbox, STR("@"));
    struct str domain = at == SIZE_MAX ? STR("camp.invalid") : str_from(mailbox, at + 1);
    while (domain.len && (domain.at[domain.len - 1] == '>' || domain.at[domain.len - 1] == ' '))
        domain.len--;
    return domain;
}

static bool write_sms(const struct delivery *delivery, const struct outbox_row *row,
                      struct buf *out)
{
    buf_c(out, "{\"To\":");
    json_put_text(out, row->to);
    buf_c(out, ",\"From\":");
    json_put_text(out, delivery->sms_from);
    buf_c(out, ",\"Body\":");
    json_put_text(out, row->text);
    buf_c(out, "}\n");
    return !out->failed;
}

static bool write_content(const struct delivery *delivery, const struct outbox_row *row,
                          struct str key, struct buf *out)
{
    if (row->channel == CHANNEL_SMS)
        return write_sms(delivery, row, out);
    const struct program *program = engine_program(delivery->engine);
    const struct image *image = program->image;
    struct str from = row->from.len ? row->from : image_text(image, image->projects[0].from_email);
    struct mail mail = {.from = from,
                        .to = row->to,
                        .reply_to = row->reply_to,
                        .subject = row->subject,
                        .text = row->text,
                        .html = row->html,
                        .key = key,
                        .domain = domain_of(from),
                        .at_ms = row->at_ms};
    return mime_write(&mail, out);
}

/* Whole and synced under another name first: nobody sees half a message. */
static bool put_in_place(const char *folder, const char *name, struct str bytes)
{
    char temporary[4096], path[4096];
    snprintf(temporary, sizeof temporary, "%s/.%s.tmp", folder, name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    mkdir(folder, 0750);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return false;
    bool is_written = true;
    for (struct str rest = bytes; is_written && rest.len;) {
        ssize_t n = write(fd, rest.at, rest.len);
        is_written = n > 0;
        rest = str_from(rest, n > 0 ? (size_t)n : 0);
    }
    is_written = is_written && fsync(fd) == 0;
    is_written = close(fd) == 0 && is_written;
    if (is_written && rename(temporary, path) == 0)
        return true;
    unlink(temporary);
    return false;
}

static enum outbox_state send_one(struct delivery *delivery, const struct outbox_row *row)
{
    struct buf content, key;
    enum outbox_state result = OUTBOX_FAILED;
    buf_init(&content, FILE_BYTES);
    buf_init(&key, 64);
    buf_hex(&key, (struct str){(const char *)row->key, sizeof row->key});
    char name[64];
    snprintf(name, sizeof name, STR_FMT "%s", STR_ARG(buf_view(&key)),
             row->channel == CHANNEL_SMS ? ".json" : ".eml");
    if (write_content(delivery, row, buf_view(&key), &content))
        result =
            put_in_place(delivery->folder, name, buf_view(&content)) ? OUTBOX_SENT : OUTBOX_RETRY;
    buf_free(&content);
    buf_free(&key);
    return result;
}

static enum status claim(struct delivery *delivery, int64_t now_ms, uint64_t *ids, uint32_t most,
                         uint32_t *count)
{
    static const enum outbox_state from[] = {OUTBOX_PENDING, OUTBOX_RETRY};
    struct arena arena;
    enum status status = engine_begin(delivery->engine);
    arena_init(&arena, 0);
    *count = 0;
    for (size_t i = 0; i < ARRAY_COUNT(from) && status == STATUS_OK; i++) {
        uint64_t cursor = 0;
        while (*count < most && status == STATUS_OK) {
            struct outbox_row row;
            enum outbox_state became;
            arena_reset(&arena);
            status = store_outbox_next(delivery->store, from[i], cursor, &arena, &row);
            if (status == STATUS_MISSING) {
                status = STATUS_OK;
                break;
            }
            cursor = row.id;
            if (status == STATUS_OK)
                status = engine_claim(delivery->engine, row.id, now_ms, &became);
            if (status == STATUS_OK && became == OUTBOX_CLAIMED)
                ids[(*count)++] = row.id;
        }
    }
    arena_free(&arena);
    if (status == STATUS_OK)
        return engine_commit(delivery->engine);
    engine_rollback(delivery->engine);
    return status;
}

static enum status finish(struct delivery *delivery, int64_t now_ms, const uint64_t *ids,
                          const enum outbox_state *results, uint32_t count)
{
    enum status status = engine_begin(delivery->engine);
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++)
        status = engine_sent(delivery->engine, ids[i], results[i], now_ms);
    if (status == STATUS_OK)
        return engine_commit(delivery->engine);
    engine_rollback(delivery->engine);
    return status;
}

static void back_off(struct delivery *delivery)
{
    delivery->backoff_ms = delivery->backoff_ms ? delivery->backoff_ms * 2 : FIRST_BACKOFF_MS;
    if (delivery->backoff_ms > LONGEST_BACKOFF_MS)
        delivery->backoff_ms = LONGEST_BACKOFF_MS;
    delivery->retry_at_ms = monotonic_ms() + delivery->backoff_ms;
    log_line(LOG_WARN, "outbox cannot be written", "folder", delivery->folder, "why",
             strerror(errno), NULL);
}

static enum status send_all(struct delivery *delivery, int64_t now_ms, const uint64_t *ids,
                            uint32_t count)
{
    enum outbox_state results[BATCH];
    bool failed = false;
    struct arena arena;
    arena_init(&arena, 0);
    for (uint32_t i = 0; i < count; i++) {
        struct outbox_row row;
        arena_reset(&arena);
        results[i] = OUTBOX_RETRY;
        if (!failed && store_outbox_get(delivery->store, ids[i], &arena, &row) == STATUS_OK)
            results[i] = send_one(delivery, &row);
        failed |= results[i] == OUTBOX_RETRY;
    }
    arena_free(&arena);
    if (failed)
        back_off(delivery);
    else
        delivery->backoff_ms = 0;
    return finish(delivery, now_ms, ids, results, count);
}

enum status deliver(struct delivery *delivery, int64_t now_ms, uint32_t most, uint32_t *done)
{
    uint64_t ids[BATCH];
    *done = 0;
    if (!engine_program(delivery->engine) || monotonic_ms() < delivery->retry_at_ms)
        return STATUS_OK;
    enum status status = claim(delivery, now_ms, ids, most < BATCH ? most : BATCH, done);
    return status == STATUS_OK && *done ? send_all(delivery, now_ms, ids, *done) : status;
}

enum status deliver_recover(struct delivery *delivery, int64_t now_ms)
{
    uint64_t ids[BATCH], cursor = 0;
    for (;;) {
        struct arena arena;
        struct outbox_row row;
        uint32_t count = 0;
        enum status status = STATUS_OK;
        arena_init(&arena, 0);
        while (count < BATCH && status == STATUS_OK) {
            arena_reset(&arena);
            status = store_outbox_next(delivery->store, OUTBOX_CLAIMED, cursor, &arena, &row);
            if (status == STATUS_OK)
                ids[count++] = cursor = row.id;
        }
        arena_free(&arena);
        if (status != STATUS_OK && status != STATUS_MISSING)
            return status;
        if (!count)
            return STATUS_OK;
        status = send_all(delivery, now_ms, ids, count);
        if (status != STATUS_OK)
            return status;
    }
}
