/* api_campaigns.c: the campaigns of the service: state, and what people do to them: review, start,
 * pause, resume, stop. */
#include "vm/http/api.h"

#include <stdio.h>

#include "vm/base/civil.h"
#include "vm/base/hash.h"
#include "vm/base/log.h"

bool api_campaign(struct request *request, struct campaign_ref *ref)
{
    enum status status = engine_campaign(request->service->engine, request->captured, &ref->number,
                                         &ref->program, &ref->row);
    if (status == STATUS_OK)
        return true;
    if (status == STATUS_MISSING)
        request_refuse(request, 404, "not_found", NULL, "no campaign of this name was deployed");
    else
        request_failed(request, status);
    return false;
}

void api_put_head(struct request *request, const struct campaign_ref *ref)
{
    const struct image *image = ref->program->image;
    const struct image_campaign *campaign = &image->campaigns[ref->row];
    buf_c(request->out, "{\"name\":");
    json_put_text(request->out, image_text(image, campaign->name));
    buf_c(request->out, ",\"title\":");
    json_put_text(request->out, image_text(image, campaign->title));
    if (campaign->description != IMAGE_NONE)
        put_member(request->out, "description", image_text(image, campaign->description));
    buf_printf(request->out, ",\"state\":\"%s\",\"image\":\"",
               campaign_state_word(engine_state_of(request->service->engine, ref->number)));
    buf_hex(request->out, (struct str){(const char *)image->id, sizeof image->id});
    buf_printf(request->out, "\",\"is_deployed\":%s",
               ref->program == engine_program(request->service->engine) ? "true" : "false");
}

/* Those of the deployed image, and those that it has no more and that were started. */
enum status get_campaigns(struct request *request)
{
    struct service *s = request->service;
    struct store_campaign kept = {.number = 0};
    const char *comma = "";
    enum status status;
    buf_c(request->out, "{\"items\":[");
    while ((status = store_campaign_next(s->store, kept.number, &kept)) == STATUS_OK) {
        struct campaign_ref ref;
        struct str name;
        if (store_name_text(s->store, kept.number, &s->arena, &name) != STATUS_OK ||
            engine_campaign(s->engine, name, &ref.number, &ref.program, &ref.row) != STATUS_OK ||
            (ref.program != engine_program(s->engine) && !kept.started))
            continue;
        buf_c(request->out, comma);
        api_put_head(request, &ref);
        buf_c(request->out, "}");
        comma = ",";
    }
    buf_c(request->out, "],\"next\":null}\n");
    return status == STATUS_MISSING ? STATUS_OK : request_failed(request, status);
}

enum status get_campaign(struct request *request)
{
    struct campaign_ref ref;
    if (!api_campaign(request, &ref))
        return STATUS_OK;
    api_put_head(request, &ref);
    enum status status = api_put_metrics(request, ref.program, ref.row);
    buf_c(request->out, "}\n");
    return status == STATUS_OK ? status : request_failed(request, status);
}

/* --- the review: what a person should see before the door opens --- */

static void put_duration(struct buf *out, const struct image *image, uint32_t row)
{
    const struct image_constant *c = &image->constants[row];
    struct {
        int64_t count;
        const char *unit;
    } parts[] = {
        {(int32_t)c->months, "month"}, {(int32_t)c->days, "day"}, {c->number / 1000, "second"}};
    if (c->number % 3600000 == 0)
        parts[2].count = c->number / 3600000, parts[2].unit = "hour";
    else if (c->number % 60000 == 0)
        parts[2].count = c->number / 60000, parts[2].unit = "minute";
    const char *blank = "";
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
        if (parts[i].count) {
            buf_printf(out, "%s%lld %s%s", blank, (long long)parts[i].count, parts[i].unit,
                       parts[i].count == 1 || parts[i].count == -1 ? "" : "s");
            blank = " ";
        }
}

/* The name in a row of a table; {0} for no row. */
#define NAME_OF(image, table, row)                                                                 \
    ((row) == IMAGE_NONE ? (struct str){0} : image_text(image, (image)->table[row].name))

static void put_trigger(struct buf *out, const struct image *image, const struct image_campaign *c)
{
    struct str of = {0};
    switch ((enum trigger_kind)c->trigger_kind) {
    case TRIGGER_EVENT:
        of = NAME_OF(image, events, c->trigger_event);
        break;
    case TRIGGER_CHANGES:
    case TRIGGER_BECOMES:
    case TRIGGER_DATE:
        of = NAME_OF(image, attributes, c->trigger_attribute);
        break;
    case TRIGGER_ENTERED:
    case TRIGGER_LEFT:
        of = NAME_OF(image, segments, c->trigger_segment);
        break;
    case TRIGGER_OBJECT:
        of = NAME_OF(image, objects, c->trigger_object);
        break;
    case TRIGGER_MANUAL:
        break;
    }
    static const char *const words[] = {[TRIGGER_EVENT] = "event",
                                        [TRIGGER_CHANGES] = "attribute changes",
                                        [TRIGGER_BECOMES] = "attribute becomes",
                                        [TRIGGER_ENTERED] = "segment entered",
                                        [TRIGGER_LEFT] = "segment left",
                                        [TRIGGER_OBJECT] = "object",
                                        [TRIGGER_DATE] = "date",
                                        [TRIGGER_MANUAL] = "manual"};
    buf_printf(out, ",\"trigger\":{\"kind\":\"%s\"", words[c->trigger_kind]);
    put_member(out, "of", of);
    buf_c(out, "}");
}

static void put_settings(struct request *request, const struct image *image,
                         const struct image_campaign *c)
{
    static const char *const enters[] = {[ENTER_ONCE] = "once",
                                         [ENTER_ONCE_PER_DURATION] = "once per ",
                                         [ENTER_ONCE_PER_KEY] = "once per key",
                                         [ENTER_AGAIN] = "again",
                                         [ENTER_AGAIN_AFTER] = "again after ",
                                         [ENTER_ALWAYS] = "always"};
    struct buf *out = request->out;
    buf_printf(out, ",\"settings\":{\"enter\":\"%s", enters[c->enter_kind]);
    if (c->enter_duration != IMAGE_NONE)
        put_duration(out, image, c->enter_duration);
    buf_printf(out, "\",\"has_audience\":%s", c->audience != IMAGE_NONE ? "true" : "false");
    put_trigger(out, image, c);
    put_member(out, "topic", NAME_OF(image, topics, c->topic));
    buf_printf(out,
               ",\"transactional\":%s,\"exits\":%u,\"goals\":%u,\"exit_on_goal\":%s,"
               "\"holdout_percent\":",
               c->topic == IMAGE_NONE ? "true" : "false", c->exits.count, c->goals.count,
               c->exit_on_goal ? "true" : "false");
    json_put_number(out, c->holdout / 100.0);
    buf_c(out, "}");
}

static void put_windows(struct buf *out, const struct image *image,
                        const struct image_message *message)
{
    static const char *const days[] = {"monday", "tuesday",  "wednesday", "thursday",
                                       "friday", "saturday", "sunday"};
    buf_c(out, ",\"windows\":[");
    for (uint32_t i = 0; i < message->windows.count; i++) {
        const struct image_window *w = &image->windows[message->windows.first + i];
        buf_printf(out, "%s{\"from\":\"%02u:%02u\",\"to\":\"%02u:%02u\",\"days\":[", i ? "," : "",
                   w->from_minute / 60, w->from_minute % 60, w->to_minute / 60, w->to_minute % 60);
        const char *comma = "";
        for (uint32_t d = 0; d < 7; d++)
            if (!w->days || w->days >> d & 1) {
                buf_printf(out, "%s\"%s\"", comma, days[d]);
                comma = ",";
            }
        buf_c(out, "]}");
    }
    buf_c(out, "],\"limits\":[");
    for (uint32_t i = 0; i < message->limits.count; i++) {
        const struct image_limit *limit = &image->limits[message->limits.first + i];
        buf_printf(out, "%s\"at most %u per ", i ? "," : "", limit->at_most);
        put_duration(out, image, limit->per);
        buf_c(out, "\"");
    }
    buf_c(out, "]");
}

static uint32_t put_messages(struct request *request, const struct image *image,
                             const struct image_campaign *c)
{
    uint32_t drafts = 0;
    buf_c(request->out, ",\"messages\":[");
    for (uint32_t i = 0; i < c->messages.count; i++) {
        const struct image_message *message = &image->messages[c->messages.first + i];
        drafts += message->is_draft;
        buf_c(request->out, i ? ",{\"name\":" : "{\"name\":");
        json_put_text(request->out, image_text(image, message->name));
        buf_printf(request->out, ",\"channel\":\"%s\",\"sending\":\"%s\"",
                   channel_word(message->channel), message->is_draft ? "draft" : "automatic");
        put_windows(request->out, image, message);
        buf_c(request->out, "}");
    }
    buf_c(request->out, "]");
    return drafts;
}

static void put_outgoing(struct buf *out, const char *name, const struct outgoing *o)
{
    buf_printf(out, ",\"%s\":{\"email\":%llu,\"sms\":%llu,\"webhook\":%llu,\"drafts\":%llu}", name,
               (unsigned long long)o->email_count, (unsigned long long)o->sms_count,
               (unsigned long long)o->webhook_count, (unsigned long long)o->draft_count);
}

static void put_review(struct request *request, const struct campaign_ref *ref,
                       const struct review *review, bool is_dry, bool existing)
{
    struct buf *out = request->out;
    const struct image *image = ref->program->image;
    const struct image_campaign *c = &image->campaigns[ref->row];
    api_put_head(request, ref);
    buf_printf(out,
               ",\"dry_run\":%s,\"existing\":%s,\"audience\":{\"size\":%llu,\"of\":%llu,"
               "\"sample\":[",
               is_dry ? "true" : "false", existing ? "true" : "false",
               (unsigned long long)review->audience_count,
               (unsigned long long)review->patient_count);
    for (uint32_t i = 0; i < review->sample_count; i++) {
        buf_c(out, i ? "," : "");
        json_put_text(out, review->sample[i]);
    }
    buf_c(out, "]}");
    put_settings(request, image, c);
    uint32_t drafts = put_messages(request, image, c);
    buf_printf(out, ",\"drafts\":%u,\"sending\":\"%s\"", drafts,
               !drafts                       ? "automatic"
               : drafts == c->messages.count ? "draft"
                                             : "mixed");
    put_outgoing(out, "first_hour", &review->hour);
    put_outgoing(out, "first_day", &review->day);
    buf_printf(out, ",\"is_partial\":%s}\n", review->is_partial ? "true" : "false");
}

/* --- start --- */

struct expectation {
    bool is_there;
    int64_t least, most;
};

static bool read_expect(struct request *request, const struct json *body, struct expectation *e)
{
    const struct json *list = json_get(body, "expect");
    *e = (struct expectation){0};
    if (!list || list->kind == JSON_NULL)
        return true;
    const struct json *least = list->kind == JSON_ARRAY ? list->first : NULL;
    const struct json *most = least ? least->next : NULL;
    if (!most || most->next || least->kind != JSON_INT || most->kind != JSON_INT ||
        least->integer < 0 || most->integer < least->integer) {
        request_refuse(request, 422, "invalid", "expect", "must be [least, most], as [200, 600]");
        return false;
    }
    *e = (struct expectation){true, least->integer, most->integer};
    return true;
}

/* A word that is misspelt must not start what was only to be looked at. False after refusing. */
static bool knows_all(struct request *request, const struct json *body)
{
    static const char *const known[] = {"dry_run", "existing", "expect"};
    for (const struct json *member = body->first; member; member = member->next) {
        size_t i = 0;
        while (i < ARRAY_COUNT(known) && !str_eq_c(member->key, known[i]))
            i++;
        if (i < ARRAY_COUNT(known))
            continue;
        request_refuse(request, 422, "invalid", arena_cstr(&request->service->arena, member->key),
                       "is not known here: dry_run, existing and expect are");
        return false;
    }
    return true;
}

/* False after refusing. */
static bool may_start(struct request *request, const struct campaign_ref *ref, bool existing)
{
    enum campaign_state state = engine_state_of(request->service->engine, ref->number);
    uint32_t kind = ref->program->image->campaigns[ref->row].trigger_kind;
    if (ref->program != engine_program(request->service->engine))
        request_refuse(request, 409, "not_deployed", NULL,
                       "the deployed image does not have this campaign");
    else if (state == CAMPAIGN_PAUSED)
        request_refuse(request, 409, "paused", NULL, "the campaign is paused: resume it");
    else if (existing && kind != TRIGGER_ENTERED)
        request_refuse(request, 422, "invalid", "existing",
                       "only a campaign whose trigger is `segment … entered` can start with who "
                       "is in the segment");
    else
        return true;
    return false;
}

/* The review is in *review; false after refusing, or while the audience is being counted: then the
 * handler is called again. */
static bool take_review(struct request *request, const struct campaign_ref *ref, bool existing,
                        struct review *review)
{
    struct service *s = request->service;
    enum status status = service_look(s, request->exchange, ref->row, existing);
    if (status == STATUS_OK && !s->look.is_counted) {
        request->after_sweep = ANSWER_ANEW;
        return false;
    }
    *review = s->look.review;
    for (uint32_t i = 0; i < review->sample_count; i++)
        review->sample[i] = arena_str(&s->arena, review->sample[i]);
    service_end_look(s);
    if (status == STATUS_OK)
        status = engine_play(s->engine, ref->row, existing, request_now_ms(request), review);
    if (status != STATUS_OK)
        request_failed(request, status);
    return status == STATUS_OK;
}

enum status post_start(struct request *request)
{
    struct service *s = request->service;
    struct campaign_ref ref;
    struct expectation expect;
    struct review review;
    bool is_dry = false, existing = false;
    if (!api_campaign(request, &ref))
        return STATUS_OK;
    request->after_sweep = ANSWER_ANEW;
    if (service_is_engaged(s))
        return STATUS_OK;
    request->after_sweep = ANSWER_KEPT;
    const struct json *body = request_body(request);
    if (!body || !knows_all(request, body) || !request_bool(request, body, "dry_run", &is_dry) ||
        !request_bool(request, body, "existing", &existing) ||
        !read_expect(request, body, &expect) || !may_start(request, &ref, existing) ||
        !take_review(request, &ref, existing, &review))
        return STATUS_OK;
    int64_t size = (int64_t)review.audience_count;
    if (!is_dry && expect.is_there && (size < expect.least || size > expect.most))
        return request_refuse(request, 409, "unexpected_audience", "expect",
                              "the audience has %lld, expected were %lld to %lld; nothing was "
                              "started",
                              (long long)size, (long long)expect.least, (long long)expect.most);
    if (!is_dry) {
        enum status status = engine_start(s->engine, ref.row, existing, request_now_ms(request));
        if (status != STATUS_OK)
            return request_failed(request, status);
        api_act_alone(request, "campaign started", request->captured);
        log_line(LOG_INFO, "started", "campaign", arena_cstr(&s->arena, request->captured), NULL);
    }
    put_review(request, &ref, &review, is_dry, existing);
    return STATUS_OK;
}

/* --- pause, resume, stop --- */

static enum status change(struct request *request, const struct campaign_ref *ref,
                          enum campaign_state to, uint32_t from)
{
    struct service *s = request->service;
    enum campaign_state state = engine_state_of(s->engine, ref->number);
    request->after_sweep = ANSWER_ANEW;
    if (service_is_engaged(s))
        return STATUS_OK;
    if (state != to && !(from >> state & 1))
        return request_refuse(request, 409, "state", NULL, "the campaign is %s",
                              campaign_state_word(state));
    if (state != to) {
        enum status status =
            engine_change_state(s->engine, ref->number, to, request_now_ms(request));
        if (status != STATUS_OK)
            return request_failed(request, status);
        api_act_alone(
            request,
            arena_cstr(&s->arena, arena_printf(&s->arena, "campaign %s", campaign_state_word(to))),
            request->captured);
        log_line(LOG_INFO, campaign_state_word(to), "campaign",
                 arena_cstr(&s->arena, request->captured), NULL);
    }
    if (engine_is_sweeping(s->engine))
        return STATUS_OK; /* asked again at the end: then it is in that state */
    api_put_head(request, ref);
    enum status status = api_put_metrics(request, ref->program, ref->row);
    buf_c(request->out, "}\n");
    return status == STATUS_OK ? status : request_failed(request, status);
}

enum status post_pause(struct request *request)
{
    struct campaign_ref ref;
    return api_campaign(request, &ref)
               ? change(request, &ref, CAMPAIGN_PAUSED, 1 << CAMPAIGN_RUNNING)
               : STATUS_OK;
}

enum status post_resume(struct request *request)
{
    struct campaign_ref ref;
    return api_campaign(request, &ref)
               ? change(request, &ref, CAMPAIGN_RUNNING, 1 << CAMPAIGN_PAUSED)
               : STATUS_OK;
}

enum status post_stop(struct request *request)
{
    struct campaign_ref ref;
    bool drains = false;
    if (!api_campaign(request, &ref))
        return STATUS_OK;
    const struct json *body = request_body(request);
    if (!body || !request_bool(request, body, "drain", &drains))
        return STATUS_OK;
    drains |= str_eq(request_parameter(request, "drain"), STR("true"));
    uint32_t from = 1 << CAMPAIGN_RUNNING | 1 << CAMPAIGN_PAUSED;
    /* Whoever drained may have become empty meanwhile. */
    drains &= engine_state_of(request->service->engine, ref.number) != CAMPAIGN_STOPPED;
    return drains ? change(request, &ref, CAMPAIGN_DRAINING, from)
                  : change(request, &ref, CAMPAIGN_STOPPED, from | 1 << CAMPAIGN_DRAINING);
}
