/* api_drafts.c: drafts as the patient would see them: listed, approved, rejected. */
#include "vm/http/api.h"

#include <stdio.h>

#include "vm/base/log.h"

enum { DRAFTS_A_PAGE = 100, DRAFTS_MOST = 1000, DECISIONS_A_COMMIT = 200 };

static void put_draft(struct request *request, const struct outbox_row *row, struct str patient,
                      const struct program *program)
{
    const struct image *image = program->image;
    const struct image_message *message = &image->messages[row->message];
    int64_t until =
        row->draft_until_ms < row->expires_at_ms ? row->draft_until_ms : row->expires_at_ms;
    buf_printf(request->out, "{\"id\":\"%llu\"", (unsigned long long)row->id);
    put_member(request->out, "campaign",
               image_text(image, image->campaigns[message->campaign].name));
    put_member(request->out, "message", image_text(image, message->name));
    put_member(request->out, "patient", patient);
    put_member(request->out, "channel", str_of(channel_word(row->channel)));
    put_member(request->out, "to", row->to);
    put_member(request->out, "subject", row->subject);
    put_member(request->out, "text", row->text);
    put_member(request->out, "html", row->html);
    put_time(request->out, "created_at", row->at_ms);
    put_time(request->out, "expires_at", until);
    buf_c(request->out, "}");
}

/* `message` {0}: any of the campaign's; both {0}: any. */
static bool is_named(const struct image *image, uint32_t row, struct str campaign,
                     struct str message)
{
    const struct image_message *m = &image->messages[row];
    return (!campaign.at ||
            str_eq(campaign, image_text(image, image->campaigns[m->campaign].name))) &&
           (!message.at || str_eq(message, image_text(image, m->name)));
}

static bool is_wanted(struct request *request, const struct outbox_row *row,
                      const struct program *program, int64_t now_ms)
{
    return row->draft_until_ms > now_ms && row->expires_at_ms > now_ms &&
           is_named(program->image, row->message, request_parameter(request, "campaign"),
                    request_parameter(request, "message"));
}

/* A name that is misspelt is no campaign without drafts. False after refusing. */
static bool are_known(struct request *request, struct str campaign, struct str message)
{
    struct service *s = request->service;
    uint32_t number, row;
    const struct program *program;
    if (!campaign.at)
        return true;
    enum status status = engine_campaign(s->engine, campaign, &number, &program, &row);
    if (status == STATUS_MISSING) {
        request_refuse(request, 404, "not_found", "campaign",
                       "no campaign of this name was deployed");
        return false;
    }
    if (status != STATUS_OK) {
        request_failed(request, status);
        return false;
    }
    struct str name =
        arena_printf(&s->arena, STR_FMT "/" STR_FMT, STR_ARG(campaign), STR_ARG(message));
    if (!message.at || store_name_find(s->store, SPACE_MESSAGE, name, &number) == STATUS_OK)
        return true;
    request_refuse(request, 404, "not_found", "message",
                   "the campaign has no message of this name");
    return false;
}

enum status get_drafts(struct request *request)
{
    struct service *s = request->service;
    uint64_t cursor, limit, count = 0;
    if (!request_page(request, DRAFTS_A_PAGE, DRAFTS_MOST, &cursor, &limit) ||
        !are_known(request, request_parameter(request, "campaign"),
                   request_parameter(request, "message")))
        return STATUS_OK;
    enum status status = STATUS_OK;
    struct arena arena;
    arena_init(&arena, 0);
    buf_c(request->out, "{\"items\":[");
    while (count < limit) {
        struct outbox_row row;
        struct str patient;
        arena_reset(&arena);
        status = store_outbox_next(s->store, OUTBOX_DRAFT, cursor, &arena, &row);
        if (status != STATUS_OK)
            break;
        cursor = row.id;
        const struct program *program = engine_image(s->engine, row.image);
        if (!program || !is_wanted(request, &row, program, request_now_ms(request)))
            continue;
        status = engine_patient_id(s->engine, row.patient, &arena, &patient);
        if (status != STATUS_OK)
            break;
        buf_c(request->out, count++ ? "," : "");
        put_draft(request, &row, patient, program);
    }
    arena_free(&arena);
    if (status != STATUS_OK && status != STATUS_MISSING)
        return request_failed(request, status);
    buf_c(request->out, "],\"next\":");
    if (status == STATUS_OK)
        buf_printf(request->out, "\"%llu\"}\n", (unsigned long long)cursor);
    else
        buf_c(request->out, "null}\n");
    return STATUS_OK;
}

/* What was asked for one draft, and what became of it. */
struct decision {
    uint64_t draft; /* 0: the id is none */
    struct str id;
    uint8_t state; /* enum outbox_state */
    bool is_missing, is_done;
};
struct decisions {
    struct decision *items;
    size_t count;
    bool is_approved;
    struct str reason;
};

static enum status decide(struct request *request, const struct decisions *all, struct decision *d,
                          struct arena *arena)
{
    struct service *s = request->service;
    int64_t now_ms = request_now_ms(request);
    struct outbox_row row;
    arena_reset(arena);
    enum status status =
        d->draft ? store_outbox_get(s->store, d->draft, arena, &row) : STATUS_MISSING;
    d->is_missing = status == STATUS_MISSING;
    if (d->is_missing)
        return STATUS_OK;
    bool was_draft = status == STATUS_OK && row.state == OUTBOX_DRAFT;
    if (status == STATUS_OK)
        status = all->is_approved ? engine_approve(s->engine, d->draft, now_ms)
                                  : engine_reject_draft(s->engine, d->draft, all->reason, now_ms);
    if (status == STATUS_OK && was_draft)
        status = api_act(request, all->is_approved ? "draft approved" : "draft rejected",
                         arena_printf(arena, "%llu", (unsigned long long)d->draft), all->reason);
    if (status == STATUS_OK)
        status = store_outbox_get(s->store, d->draft, arena, &row);
    if (status == STATUS_OK)
        d->state = row.state;
    return status;
}

/* In one transaction: all of them, or none. */
static enum status decide_some(struct request *request, const struct decisions *all,
                               struct decision *first, size_t count, struct arena *arena)
{
    struct engine *engine = request->service->engine;
    enum status status = engine_begin(engine);
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = decide(request, all, &first[i], arena);
    if (status == STATUS_OK)
        status = engine_commit(engine);
    if (status != STATUS_OK)
        engine_rollback(engine);
    for (size_t i = 0; i < count; i++)
        first[i].is_done = status == STATUS_OK;
    return status;
}

/* Many share a transaction; where that fails, each is tried alone, so that one does not hold up the
 * others. Without room, or with a store that fails, the rest stays undecided. */
static enum status run_decisions(struct request *request, struct decisions *all)
{
    struct arena arena;
    enum status status = STATUS_OK;
    bool goes_on = true;
    arena_init(&arena, 0);
    for (size_t i = 0; i < all->count && goes_on; i += DECISIONS_A_COMMIT) {
        size_t count =
            all->count - i < DECISIONS_A_COMMIT ? all->count - i : (size_t)DECISIONS_A_COMMIT;
        if (decide_some(request, all, &all->items[i], count, &arena) == STATUS_OK)
            continue;
        for (size_t k = 0; k < count && goes_on; k++) {
            enum status one = decide_some(request, all, &all->items[i + k], 1, &arena);
            status = one == STATUS_OK ? status : one;
            goes_on = one == STATUS_OK || one == STATUS_LIMIT || one == STATUS_INVALID;
        }
    }
    arena_free(&arena);
    return status;
}

/* All drafts of a campaign, or of one of its messages. */
static enum status list_by_name(struct request *request, struct str campaign, struct str message,
                                struct decisions *all)
{
    struct service *s = request->service;
    size_t room = 0;
    enum status status = STATUS_OK;
    uint64_t cursor = 0;
    struct arena arena;
    arena_init(&arena, 0);
    for (;;) {
        struct outbox_row row;
        arena_reset(&arena);
        status = store_outbox_next(s->store, OUTBOX_DRAFT, cursor, &arena, &row);
        if (status != STATUS_OK)
            break;
        cursor = row.id;
        const struct program *program = engine_image(s->engine, row.image);
        if (!program || !is_named(program->image, row.message, campaign, message))
            continue;
        if (all->count == room) {
            struct decision *more = arena_array(&s->arena, room * 2 + 64, sizeof *more);
            if (!more) {
                status = STATUS_LIMIT;
                break;
            }
            if (all->count)
                memcpy(more, all->items, all->count * sizeof *more);
            all->items = more;
            room = room * 2 + 64;
        }
        all->items[all->count++] = (struct decision){
            .draft = row.id, .id = arena_printf(&s->arena, "%llu", (unsigned long long)row.id)};
    }
    arena_free(&arena);
    return status == STATUS_MISSING ? STATUS_OK : status;
}

static enum status list_by_id(struct request *request, const struct json *ids,
                              struct decisions *all)
{
    size_t count = 0;
    for (const struct json *id = ids->first; id; id = id->next)
        count++;
    all->items = arena_array(&request->service->arena, count + 1, sizeof *all->items);
    for (const struct json *id = ids->first; id && all->items; id = id->next)
        all->items[all->count++] =
            (struct decision){.draft = number_of(id->text, 0), .id = id->text};
    return all->items ? STATUS_OK : STATUS_LIMIT;
}

static void put_decisions(struct request *request, const struct decisions *all)
{
    buf_c(request->out, "{\"items\":[");
    for (size_t i = 0; i < all->count; i++) {
        const struct decision *d = &all->items[i];
        buf_c(request->out, i ? ",{\"id\":" : "{\"id\":");
        json_put_text(request->out, d->id);
        buf_printf(request->out, ",\"state\":\"%s\"}",
                   !d->is_done     ? outbox_word(OUTBOX_DRAFT)
                   : d->is_missing ? "missing"
                                   : outbox_word((enum outbox_state)d->state));
    }
    buf_c(request->out, "]}\n");
}

/* Each id by itself: one that is unknown or too late does not hold up the others. What could not be
 * decided is told as a draft still; when nothing could, that is the answer. */
static enum status decide_all(struct request *request, bool is_approved)
{
    struct str reason = {0}, campaign = {0}, message = {0};
    const struct json *body = request_body(request);
    if (!body || !request_text(request, body, "reason", false, &reason) ||
        !request_text(request, body, "campaign", false, &campaign) ||
        !request_text(request, body, "message", false, &message))
        return STATUS_OK;
    const struct json *ids = json_get(body, "ids");
    bool has_ids = ids && ids->kind == JSON_ARRAY;
    for (const struct json *id = has_ids ? ids->first : NULL; id; id = id->next)
        if (id->kind != JSON_STRING)
            return request_refuse(request, 422, "invalid", "ids", "each id must be a text");
    if (has_ids == (campaign.at != NULL) || (message.at && !campaign.at))
        return request_refuse(request, 422, "invalid", "ids",
                              "a list of draft ids is needed, or a campaign, or a campaign and a "
                              "message");
    if (!are_known(request, campaign, message))
        return STATUS_OK;
    struct decisions all = {.is_approved = is_approved, .reason = reason};
    enum status status =
        has_ids ? list_by_id(request, ids, &all) : list_by_name(request, campaign, message, &all);
    if (status == STATUS_OK)
        status = run_decisions(request, &all);
    bool is_any_done = false;
    for (size_t i = 0; i < all.count; i++)
        is_any_done |= all.items[i].is_done;
    if (status != STATUS_OK && (!is_any_done || status == STATUS_IO || status == STATUS_CORRUPT))
        return request_failed(request, status);
    put_decisions(request, &all);
    return STATUS_OK;
}

enum status post_approve(struct request *request)
{
    return decide_all(request, true);
}

enum status post_reject(struct request *request)
{
    return decide_all(request, false);
}

/* --- a message to its author --- */

/* {"message": "hello", "patient": "p1", "to": "author@clinic.example"} */
enum status post_test(struct request *request)
{
    struct service *s = request->service;
    struct campaign_ref ref;
    struct str message = {0}, patient = {0}, to = {0};
    struct test_letter letter;
    if (!api_campaign(request, &ref))
        return STATUS_OK;
    const struct json *body = request_body(request);
    if (!body || !request_text(request, body, "message", true, &message) ||
        !request_text(request, body, "patient", true, &patient) ||
        !request_text(request, body, "to", true, &to))
        return STATUS_OK;
    enum status status = engine_begin(s->engine);
    if (status == STATUS_OK)
        status = engine_test_send(s->engine, ref.program, ref.row, message, patient, to,
                                  request_now_ms(request), &letter);
    if (status == STATUS_OK && !letter.refusal)
        status = api_act(request, "test sent", request->captured, message);
    if (status == STATUS_OK && !letter.refusal)
        status = engine_commit(s->engine);
    else
        engine_rollback(s->engine);
    if (status == STATUS_MISSING)
        return request_refuse(request, 404, "not_found", "patient", "there is no such patient");
    if (status != STATUS_OK)
        return request_failed(request, status);
    if (letter.refusal)
        return request_refuse(request, 422, "invalid", letter.field, "%s", letter.refusal);
    buf_printf(request->out, "{\"id\":\"%llu\"}\n", (unsigned long long)letter.outbox);
    return STATUS_OK;
}

/* --- what people did --- */

enum status get_acts(struct request *request)
{
    struct service *s = request->service;
    uint64_t cursor, limit, count = 0;
    if (!request_page(request, DRAFTS_A_PAGE, DRAFTS_MOST, &cursor, &limit))
        return STATUS_OK;
    enum status status = STATUS_OK;
    buf_c(request->out, "{\"items\":[");
    for (; count < limit; count++) {
        struct store_act act;
        status = store_act_before(s->store, cursor, &s->arena, &act);
        if (status != STATUS_OK)
            break;
        cursor = act.id;
        buf_printf(request->out, "%s{\"id\":\"%llu\"", count ? "," : "",
                   (unsigned long long)act.id);
        put_time(request->out, "at", act.at_ms);
        put_member(request->out, "key", act.key);
        put_member(request->out, "what", act.what);
        put_member(request->out, "object", act.object);
        put_member(request->out, "reason", act.reason);
        buf_c(request->out, "}");
    }
    if (status != STATUS_OK && status != STATUS_MISSING)
        return request_failed(request, status);
    if (status == STATUS_OK)
        buf_printf(request->out, "],\"next\":\"%llu\"}\n", (unsigned long long)cursor);
    else
        buf_c(request->out, "],\"next\":null}\n");
    return STATUS_OK;
}
