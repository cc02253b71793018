/* api_campaigns.c: the campaigns of the deployed image: state, counts, start. */
#include <stdio.h>

#include "vm/base/hash.h"
#include "vm/base/log.h"
#include "vm/http/request.h"

static const char *const states[] = {"", "deployed", "running", "paused", "draining", "stopped"};

/* Row of the campaign in the deployed image; IMAGE_NONE after refusing. */
static uint32_t campaign_row(struct request *request)
{
    const struct program *program = engine_program(request->service->engine);
    for (uint32_t i = 0; program && i < program->image->campaign_count; i++)
        if (str_eq(image_text(program->image, program->image->campaigns[i].name),
                   request->captured))
            return i;
    request_refuse(request, 404, "not_found", NULL,
                   "there is no such campaign in the deployed image");
    return IMAGE_NONE;
}

static void put_head(struct request *request, uint32_t row)
{
    const struct program *program = engine_program(request->service->engine);
    const struct image *image = program->image;
    const struct image_campaign *campaign = &image->campaigns[row];
    buf_c(request->out, "{\"name\":");
    json_put_text(request->out, image_text(image, campaign->name));
    buf_c(request->out, ",\"title\":");
    json_put_text(request->out, image_text(image, campaign->title));
    buf_printf(request->out, ",\"state\":\"%s\",\"image\":\"",
               states[engine_campaign_state(request->service->engine, row)]);
    buf_hex(request->out, (struct str){(const char *)image->id, sizeof image->id});
    buf_c(request->out, "\"");
}

enum status get_campaigns(struct request *request)
{
    const struct program *program = engine_program(request->service->engine);
    buf_c(request->out, "{\"items\":[");
    for (uint32_t i = 0; program && i < program->image->campaign_count; i++) {
        buf_c(request->out, i ? "," : "");
        put_head(request, i);
        buf_c(request->out, "}");
    }
    buf_c(request->out, "],\"next\":null}\n");
    return STATUS_OK;
}

/* Counts by name, as the engine keeps them: `started`, `step hello`, `message hello sent`. */
struct counts {
    struct arena *arena;
    struct count {
        struct str name;
        int64_t count;
    } * items;
    uint32_t count, room;
};

static void take_count(void *context, struct str name, int64_t count)
{
    struct counts *counts = context;
    counts->items = arena_grow(counts->arena, counts->items, counts->count, &counts->room,
                               sizeof *counts->items);
    if (counts->items)
        counts->items[counts->count++] = (struct count){arena_str(counts->arena, name), count};
}

static int64_t count_of(const struct counts *counts, struct str name)
{
    for (uint32_t i = 0; i < counts->count; i++)
        if (str_eq(counts->items[i].name, name))
            return counts->items[i].count;
    return 0;
}

static void put_count(struct buf *out, const struct counts *counts, const char *key,
                      struct str name)
{
    buf_printf(out, ",\"%s\":%lld", key, (long long)count_of(counts, name));
}

static void put_steps(struct request *request, const struct counts *counts,
                      const struct image_campaign *campaign, const struct image *image)
{
    static const char *const kinds[] = {
#define STEP(name) name
        "",      "email",  "sms",       "webhook",     "wait",  "if",  "match",
        "split", "repeat", "break",     "set",         "clear", "let", "emit",
        "add",   "remove", "subscribe", "unsubscribe", "do",    "exit"};
#undef STEP
    struct arena *arena = &request->service->arena;
    buf_c(request->out, ",\"steps\":[");
    for (uint32_t i = 0; i < campaign->steps.count; i++) {
        const struct image_step *step = &image->steps[campaign->steps.first + i];
        struct str name = image_text(image, step->name);
        buf_c(request->out, i ? ",{\"name\":" : "{\"name\":");
        json_put_text(request->out, name);
        buf_printf(request->out, ",\"kind\":\"%s\"",
                   step->kind < ARRAY_COUNT(kinds) ? kinds[step->kind] : "");
        put_count(request->out, counts, "entered",
                  arena_printf(arena, "step " STR_FMT, STR_ARG(name)));
        put_count(request->out, counts, "waiting",
                  arena_printf(arena, "waiting " STR_FMT, STR_ARG(name)));
        buf_c(request->out, "}");
    }
    buf_c(request->out, "]");
}

static void put_messages(struct request *request, const struct counts *counts,
                         const struct image_campaign *campaign, const struct image *image)
{
    static const char *const words[] = {"drafted", "sent",      "delivered", "opened",  "clicked",
                                        "bounced", "failed",    "unknown",   "held",    "rejected",
                                        "expired", "cancelled", "capped",    "skipped", "withheld"};
    buf_c(request->out, ",\"messages\":[");
    for (uint32_t i = 0; i < campaign->messages.count; i++) {
        const struct image_message *message = &image->messages[campaign->messages.first + i];
        struct str name = image_text(image, message->name);
        buf_c(request->out, i ? ",{\"name\":" : "{\"name\":");
        json_put_text(request->out, name);
        buf_printf(request->out, ",\"channel\":\"%s\"",
                   message->channel == CHANNEL_SMS ? "sms" : "email");
        for (size_t k = 0; k < ARRAY_COUNT(words); k++)
            put_count(request->out, counts, words[k],
                      arena_printf(&request->service->arena, "message " STR_FMT " %s",
                                   STR_ARG(name), words[k]));
        buf_c(request->out, "}");
    }
    buf_c(request->out, "]");
}

static enum status put_metrics(struct request *request, uint32_t row)
{
    const struct program *program = engine_program(request->service->engine);
    const struct image_campaign *campaign = &program->image->campaigns[row];
    struct counts counts = {.arena = &request->service->arena};
    enum status status =
        store_counts(request->service->store, program->campaign_names[row], take_count, &counts);
    if (status != STATUS_OK)
        return request_failed(request, status);
    static const char *const names[] = {"triggered",    "started",   "completed", "filtered_out",
                                        "exited_early", "converted", "holdout",   "faults"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        put_count(request->out, &counts, names[i], str_of(names[i]));
    int64_t inside = count_of(&counts, STR("started")) + count_of(&counts, STR("holdout")) -
                     count_of(&counts, STR("completed")) - count_of(&counts, STR("exited_early"));
    buf_printf(request->out, ",\"in_progress\":%lld", (long long)inside);
    put_steps(request, &counts, campaign, program->image);
    put_messages(request, &counts, campaign, program->image);
    return STATUS_OK;
}

enum status get_campaign(struct request *request)
{
    uint32_t row = campaign_row(request);
    if (row == IMAGE_NONE)
        return STATUS_OK;
    put_head(request, row);
    enum status status = put_metrics(request, row);
    buf_c(request->out, "}\n");
    return status;
}

enum status get_metrics(struct request *request)
{
    return get_campaign(request);
}

/* What a person should see before the door opens. */
static void put_review(struct request *request, uint32_t row, bool is_dry)
{
    const struct image *image = engine_program(request->service->engine)->image;
    const struct image_campaign *campaign = &image->campaigns[row];
    uint32_t drafts = 0;
    for (uint32_t i = 0; i < campaign->messages.count; i++)
        drafts += image->messages[campaign->messages.first + i].is_draft;
    put_head(request, row);
    buf_printf(request->out, ",\"dry_run\":%s,\"messages\":%u,\"drafts\":%u,\"sending\":\"%s\"}\n",
               is_dry ? "true" : "false", campaign->messages.count, drafts,
               drafts == campaign->messages.count ? "draft"
               : drafts                           ? "mixed"
                                                  : "automatic");
}

enum status post_start(struct request *request)
{
    struct service *s = request->service;
    bool is_dry = false, existing = false;
    uint32_t row = campaign_row(request);
    const struct json *body = row == IMAGE_NONE ? NULL : request_body(request);
    if (!body || !request_bool(request, body, "dry_run", &is_dry) ||
        !request_bool(request, body, "existing", &existing))
        return STATUS_OK;
    if (existing)
        return request_refuse(request, 501, "not_yet", "existing",
                              "not yet: starting with who is there");
    if (!is_dry) {
        enum status status = engine_begin(s->engine);
        if (status == STATUS_OK)
            status = engine_set_campaign(s->engine, request->captured, CAMPAIGN_RUNNING);
        if (status == STATUS_OK)
            status = engine_commit(s->engine);
        if (status != STATUS_OK) {
            engine_rollback(s->engine);
            return request_failed(request, status);
        }
        log_line(LOG_INFO, "started", "campaign", arena_cstr(&s->arena, request->captured), NULL);
    }
    put_review(request, row, is_dry);
    return STATUS_OK;
}
