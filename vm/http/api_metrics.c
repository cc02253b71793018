/* api_metrics.c: the counts of a campaign, its steps and messages (INTERFACES.md 2), as kept beside
 * the journal; for a span of time counted from the journal itself. */
#include <stdio.h>

#include "vm/base/civil.h"
#include "vm/base/hash.h"
#include "vm/base/map.h"
#include "vm/http/api.h"
#include "vm/run/people.h"
#include "vm/store/journal.h"

struct tally {
    struct request *request;
    uint32_t image; /* 0: all */
    bool has_span;  /* then ->span holds the counts, by key_of */
    struct map64 span;
    int64_t counts[256][2]; /* of one item: by kind, and by word of MESSAGE */
};

static uint64_t key_of(uint32_t item, uint8_t kind, uint8_t word)
{
    return (uint64_t)item << 16 | (uint64_t)kind << 8 | word;
}

static void take_count(void *context, enum entry_kind kind, uint8_t word, uint32_t image,
                       int64_t count)
{
    struct tally *tally = context;
    if (!tally->image || tally->image == image)
        tally->counts[kind == ENTRY_MESSAGE ? word : kind][kind == ENTRY_MESSAGE] += count;
}

static enum status count_item(struct tally *tally, uint32_t item)
{
    memset(tally->counts, 0, sizeof tally->counts);
    if (!tally->has_span)
        return store_counts(tally->request->service->store, item, take_count, tally);
    for (uint32_t i = 0; i < 256; i++) {
        const uint64_t *kind = map64_get(&tally->span, key_of(item, (uint8_t)i, 0)),
                       *word = map64_get(&tally->span, key_of(item, ENTRY_MESSAGE, (uint8_t)i));
        tally->counts[i][0] = kind ? (int64_t)*kind : 0;
        tally->counts[i][1] = word ? (int64_t)*word : 0;
    }
    return STATUS_OK;
}

static enum status count_span(struct tally *tally, int64_t from_ms, int64_t to_ms)
{
    struct store *store = tally->request->service->store;
    struct arena arena;
    uint64_t cursor;
    enum status status = store_journal_before(store, from_ms, &cursor);
    arena_init(&arena, 0);
    while (status == STATUS_OK) {
        struct store_journal row;
        struct journal_entry entry;
        arena_reset(&arena);
        status = store_journal_next(store, cursor, &arena, &row);
        if (status != STATUS_OK || row.at_ms >= to_ms)
            break;
        cursor = row.id;
        struct reader in = reader_of(row.data);
        while (journal_decode(&in, &entry))
            if (!tally->image || tally->image == entry.image)
                ++*map64_put(&tally->span, key_of(entry.item, entry.kind, entry.word), NULL);
    }
    arena_free(&arena);
    return status == STATUS_MISSING ? STATUS_OK : status;
}

/* --- who waits at a step --- */

struct queue {
    uint32_t image; /* 0: all */
    int64_t count, oldest_hour_ms;
};

static void take_waiting(void *context, uint32_t image, int64_t hour_ms, int64_t count)
{
    struct queue *queue = context;
    if (queue->image && queue->image != image)
        return;
    queue->count += count;
    if (hour_ms < queue->oldest_hour_ms)
        queue->oldest_hour_ms = hour_ms;
}

/* When the one who waits longest came: the counts know the hour, the journal the rest. */
static enum status find_oldest(struct tally *tally, uint32_t step, int64_t hour_ms, int64_t *at_ms)
{
    struct store *store = tally->request->service->store;
    struct arena arena;
    uint64_t cursor;
    enum status status = store_journal_before(store, hour_ms, &cursor);
    *at_ms = NEVER_MS;
    arena_init(&arena, 0);
    while (status == STATUS_OK && *at_ms == NEVER_MS) {
        struct store_journal row;
        struct journal_entry entry;
        arena_reset(&arena);
        status = store_journal_next(store, cursor, &arena, &row);
        if (status != STATUS_OK || row.at_ms >= hour_ms + 3600000)
            break;
        cursor = row.id;
        struct reader in = reader_of(row.data);
        while (*at_ms == NEVER_MS && journal_decode(&in, &entry))
            if (entry.kind == ENTRY_STEP && entry.item == step &&
                (!tally->image || tally->image == entry.image))
                engine_waits_since(tally->request->service->engine, row.patient, entry.enrollment,
                                   step, at_ms);
    }
    arena_free(&arena);
    /* A clock that went back can put it into another hour's rows. */
    if (*at_ms == NEVER_MS)
        *at_ms = hour_ms;
    return status == STATUS_MISSING ? STATUS_OK : status;
}

/* --- writing --- */

static const char *step_word(uint32_t kind)
{
    static const char *const words[] = {[STEP_EMAIL] = "email",
                                        [STEP_SMS] = "sms",
                                        [STEP_WEBHOOK] = "webhook",
                                        [STEP_WAIT] = "wait",
                                        [STEP_IF] = "if",
                                        [STEP_MATCH] = "match",
                                        [STEP_SPLIT] = "split",
                                        [STEP_REPEAT] = "repeat",
                                        [STEP_BREAK] = "break",
                                        [STEP_SET] = "set",
                                        [STEP_CLEAR] = "clear",
                                        [STEP_LET] = "let",
                                        [STEP_EMIT] = "emit",
                                        [STEP_ADD] = "add",
                                        [STEP_REMOVE] = "remove",
                                        [STEP_SUBSCRIBE] = "subscribe",
                                        [STEP_UNSUBSCRIBE] = "unsubscribe",
                                        [STEP_DO] = "do",
                                        [STEP_EXIT] = "exit"};
    return kind < ARRAY_COUNT(words) && words[kind] ? words[kind] : "";
}

static enum status put_step(struct tally *tally, const struct program *program, uint32_t row)
{
    struct buf *out = tally->request->out;
    const struct image_step *step = &program->image->steps[row];
    uint32_t number = program->step_names[row];
    struct queue queue = {tally->image, 0, NEVER_MS};
    int64_t oldest_ms = NEVER_MS;
    enum status status = count_item(tally, number);
    if (status == STATUS_OK)
        status = store_waiting(tally->request->service->store, number, take_waiting, &queue);
    if (status == STATUS_OK && queue.count)
        status = find_oldest(tally, number, queue.oldest_hour_ms, &oldest_ms);
    buf_c(out, "{\"name\":");
    json_put_text(out, image_text(program->image, step->name));
    buf_printf(out, ",\"kind\":\"%s\",\"entered\":%lld,\"waiting_now\":%lld,\"oldest\":",
               step_word(step->kind), (long long)tally->counts[ENTRY_STEP][0],
               (long long)queue.count);
    if (queue.count)
        json_put_time(out, oldest_ms);
    else
        buf_c(out, "null");
    buf_c(out, "}");
    return status;
}

static enum status put_message(struct tally *tally, const struct program *program, uint32_t row)
{
    struct buf *out = tally->request->out;
    const struct image_message *message = &program->image->messages[row];
    enum status status = count_item(tally, program->message_names[row]);
    buf_c(out, "{\"name\":");
    json_put_text(out, image_text(program->image, message->name));
    buf_printf(out, ",\"channel\":\"%s\"", channel_word(message->channel));
#define ENTRY(number, name, word, what)
#define WORD(number, name, word, is_listed, what)                                                  \
    if (is_listed)                                                                                 \
        buf_printf(out, ",\"" word "\":%lld", (long long)tally->counts[number][1]);
#include "vm/store/journal.def"
#undef ENTRY
#undef WORD
    buf_c(out, "}");
    return status;
}

static enum status put_counts(struct tally *tally, const struct program *program, uint32_t row)
{
    struct buf *out = tally->request->out;
    const struct image_campaign *campaign = &program->image->campaigns[row];
    enum status status = count_item(tally, program->campaign_names[row]);
    const int64_t(*c)[2] = (const int64_t(*)[2])tally->counts;
#define ENTRY(number, name, word, what)                                                            \
    if (number != ENTRY_STEP && number != ENTRY_MESSAGE)                                           \
        buf_printf(out, ",\"" word "\":%lld", (long long)c[number][0]);
#define WORD(number, name, word, is_listed, what)
#include "vm/store/journal.def"
#undef ENTRY
#undef WORD
    buf_printf(out, ",\"in_progress\":%lld",
               (long long)(c[ENTRY_STARTED][0] + c[ENTRY_HELD_OUT][0] - c[ENTRY_COMPLETED][0] -
                           c[ENTRY_EXITED][0]));
    buf_c(out, ",\"steps\":[");
    for (uint32_t i = 0; i < campaign->steps.count && status == STATUS_OK; i++) {
        buf_c(out, i ? "," : "");
        status = put_step(tally, program, campaign->steps.first + i);
    }
    buf_c(out, "],\"messages\":[");
    for (uint32_t i = 0; i < campaign->messages.count && status == STATUS_OK; i++) {
        buf_c(out, i ? "," : "");
        status = put_message(tally, program, campaign->messages.first + i);
    }
    buf_c(out, "]");
    return status;
}

enum status api_put_metrics(struct request *request, const struct program *program, uint32_t row)
{
    struct tally *tally = arena_alloc(&request->service->arena, sizeof *tally);
    if (!tally)
        return STATUS_LIMIT;
    *tally = (struct tally){.request = request};
    return put_counts(tally, program, row);
}

/* False after refusing. */
static bool read_version(struct request *request, uint32_t *image)
{
    unsigned char id[32];
    struct str text = request_parameter(request, "version");
    if (!text.at)
        return true;
    if (hex_decode(text, id, sizeof id) &&
        store_image_find(request->service->store, id, image) == STATUS_OK)
        return true;
    request_refuse(request, 404, "not_found", "version", "no image with this id was uploaded");
    return false;
}

enum status get_metrics(struct request *request)
{
    struct campaign_ref ref;
    struct tally *tally = arena_alloc(&request->service->arena, sizeof *tally);
    int64_t from_ms = INT64_MIN, to_ms = INT64_MAX;
    if (!tally)
        return request_failed(request, STATUS_LIMIT);
    *tally = (struct tally){.request = request};
    if (!api_campaign(request, &ref) || !read_version(request, &tally->image) ||
        !request_instant(request, "from", &from_ms) || !request_instant(request, "to", &to_ms))
        return STATUS_OK;
    enum status status = STATUS_OK;
    tally->has_span = from_ms != INT64_MIN || to_ms != INT64_MAX;
    if (tally->has_span)
        status = count_span(tally, from_ms, to_ms);
    api_put_head(request, &ref);
    if (status == STATUS_OK)
        status = put_counts(tally, ref.program, ref.row);
    buf_c(request->out, "}\n");
    map64_free(&tally->span);
    return status == STATUS_OK ? status : request_failed(request, status);
}

/* --- the journal itself --- */

enum { ROWS_A_PAGE = 1000 };

/* One entry a line of JSON, oldest first: what counts can be made from again. */
enum status get_journal(struct request *request)
{
    struct service *s = request->service;
    uint64_t cursor, limit;
    enum status status = STATUS_OK;
    const char *comma = "";
    uint64_t rows = 0;
    if (!request_page(request, ROWS_A_PAGE, ROWS_A_PAGE, &cursor, &limit))
        return STATUS_OK;
    buf_c(request->out, "{\"items\":[");
    for (; rows < limit && status == STATUS_OK; rows++) {
        struct store_journal row;
        status = store_journal_next(s->store, cursor, &s->arena, &row);
        if (status != STATUS_OK)
            break;
        cursor = row.id;
        status = api_put_entries(request, &row, &comma);
    }
    if (status != STATUS_OK && status != STATUS_MISSING)
        return request_failed(request, status);
    buf_c(request->out, "],\"next\":");
    if (status == STATUS_OK)
        buf_printf(request->out, "\"%llu\"}\n", (unsigned long long)cursor);
    else
        buf_c(request->out, "null}\n");
    return STATUS_OK;
}
