/* api_enrollments.c: who is where in which campaign, and patients added by hand. */
#include "vm/http/api.h"

#include <stdio.h>

#include "vm/run/people.h"

enum { ITEMS_A_PAGE = 100, ITEMS_MOST = 1000, LOOKED_AT_MOST = 20000, IDS_MOST = 10000 };

struct wanted {
    uint32_t campaign; /* 0: all */
    struct str state, step;
};

static bool is_wanted(struct request *request, const struct wanted *wanted,
                      const struct enrollment *e)
{
    static const char *const states[] = {"", "ready", "waiting", "ended", "candidate"};
    if (wanted->campaign && e->campaign != wanted->campaign)
        return false;
    if (wanted->state.at && !str_eq_c(wanted->state, e->state < 5 ? states[e->state] : ""))
        return false;
    if (!wanted->step.at)
        return true;
    const struct program *program = engine_image(request->service->engine, e->image);
    return program && e->state == ENROLLMENT_PARKED && e->resume < program->image->wait_count &&
           str_eq(wanted->step,
                  image_text(program->image,
                             program->image->steps[program->image->waits[e->resume].step].name));
}

static uint32_t put_enrollments(struct request *request, const struct wanted *wanted,
                                const struct patient *patient, const char **comma)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < patient->enrollments_count; i++) {
        if (!is_wanted(request, wanted, &patient->enrollments[i]))
            continue;
        buf_c(request->out, *comma);
        api_put_enrollment(request, &patient->enrollments[i], patient->id);
        *comma = ",";
        count++;
    }
    return count;
}

/* One patient's, or patient by patient; a page looks at a bounded number of them. */
enum status get_enrollments(struct request *request)
{
    struct service *s = request->service;
    struct wanted wanted = {0, request_parameter(request, "state"),
                            request_parameter(request, "step")};
    struct str campaign = request_parameter(request, "campaign"),
               id = request_parameter(request, "patient");
    uint64_t cursor, limit, count = 0;
    if (!request_page(request, ITEMS_A_PAGE, ITEMS_MOST, &cursor, &limit))
        return STATUS_OK;
    const char *comma = "";
    struct arena arena;
    struct patient patient;
    enum status status = STATUS_OK;
    if (campaign.at &&
        store_name_find(s->store, SPACE_CAMPAIGN, campaign, &wanted.campaign) != STATUS_OK)
        return request_refuse(request, 404, "not_found", "campaign",
                              "no campaign of this name was deployed");
    arena_init(&arena, 0);
    buf_c(request->out, "{\"items\":[");
    if (id.at && engine_look(s->engine, id, &arena, &patient) == STATUS_OK)
        put_enrollments(request, &wanted, &patient, &comma);
    for (uint32_t i = 0; !id.at && i < LOOKED_AT_MOST && count < limit; i++) {
        arena_reset(&arena);
        status = store_patient_next(s->store, &cursor);
        if (status != STATUS_OK)
            break;
        if (engine_look_at(s->engine, cursor, &arena, &patient) == STATUS_OK)
            count += put_enrollments(request, &wanted, &patient, &comma);
    }
    arena_free(&arena);
    if (status != STATUS_OK && status != STATUS_MISSING)
        return request_failed(request, status);
    if (id.at || status == STATUS_MISSING)
        buf_c(request->out, "],\"next\":null}\n");
    else
        buf_printf(request->out, "],\"next\":\"%llu\"}\n", (unsigned long long)cursor);
    return STATUS_OK;
}

/* --- by hand --- */

static enum status enter_one(struct request *request, const struct json *id, uint32_t index,
                             uint64_t *accepted, struct buf *problems)
{
    struct input_answer answer = {.what = ANSWER_REJECTED, .field = "patients"};
    struct input input = {.kind = INPUT_ENTER,
                          .patient = id->kind == JSON_STRING ? id->text : (struct str){0},
                          .name = request->captured,
                          .at_ms = INT64_MIN};
    enum status status =
        engine_input(request->service->engine, &input, request_now_ms(request), &answer);
    if (status != STATUS_OK)
        return status;
    if (answer.what != ANSWER_REJECTED) {
        ++*accepted;
        return STATUS_OK;
    }
    buf_printf(problems,
               "%s{\"index\":%u,\"field\":\"patients\",\"reason\":", problems->len ? "," : "",
               index);
    json_put_text(problems, str_of(answer.reason));
    buf_c(problems, "}");
    return STATUS_OK;
}

/* {"patients": ["p1", …]} or {"patient": "p1"}. Entry rule and audience are asked as for any
 * trigger. */
enum status post_enrollments(struct request *request)
{
    struct service *s = request->service;
    struct campaign_ref ref;
    struct buf problems;
    uint64_t accepted = 0;
    if (!api_campaign(request, &ref))
        return STATUS_OK;
    const struct json *body = request_body(request);
    if (!body)
        return STATUS_OK;
    if (ref.program != engine_program(s->engine) ||
        ref.program->image->campaigns[ref.row].trigger_kind != TRIGGER_MANUAL)
        return request_refuse(request, 409, "not_manual", NULL,
                              "the trigger of this campaign is not manual");
    if (engine_state_of(s->engine, ref.number) != CAMPAIGN_RUNNING &&
        engine_state_of(s->engine, ref.number) != CAMPAIGN_PAUSED)
        return request_refuse(request, 409, "state", NULL, "the campaign is %s: start it first",
                              campaign_state_word(engine_state_of(s->engine, ref.number)));
    const struct json *one = json_get(body, "patient"), *list = json_get(body, "patients");
    const struct json *first = list && list->kind == JSON_ARRAY ? list->first : NULL;
    if (!list && one)
        first = one;
    if (!first)
        return request_refuse(request, 422, "invalid", "patients",
                              "a list of patients' ids is needed");
    buf_init(&problems, 0);
    enum status status = STATUS_OK;
    uint32_t index = 0;
    for (const struct json *id = first; id && status == STATUS_OK && index < IDS_MOST;
         id = list ? id->next : NULL)
        status = enter_one(request, id, index++, &accepted, &problems);
    buf_printf(request->out, "{\"accepted\":%llu,\"rejected\":[", (unsigned long long)accepted);
    buf_str(request->out, buf_view(&problems));
    buf_c(request->out, "]}\n");
    buf_free(&problems);
    return status;
}
