/* api_people.c: patients: what is known, what happened and why, where they are; by hand into a
 * campaign; erased. */
#include "vm/http/api.h"

#include <stdio.h>

#include "vm/base/hash.h"
#include "vm/base/log.h"
#include "vm/run/people.h"

enum { ITEMS_A_PAGE = 100, ITEMS_MOST = 1000 };

/* Where a patient's record is decoded; false after refusing. */
static bool find_patient(struct request *request, struct arena *arena, struct patient *patient)
{
    enum status status = engine_look(request->service->engine, request->captured, arena, patient);
    if (status == STATUS_OK)
        return true;
    arena_free(arena);
    if (status == STATUS_MISSING)
        request_refuse(request, 404, "not_found", NULL, "there is no such patient");
    else
        request_failed(request, status);
    return false;
}

/* --- what is known --- */

struct str api_name(struct request *request, uint32_t number)
{
    struct str text = {0};
    store_name_text(request->service->store, number, &request->service->arena, &text);
    return text;
}

static void put_cells(struct request *request, const struct cell *cells, uint32_t count)
{
    buf_c(request->out, "{");
    for (uint32_t i = 0; i < count; i++) {
        buf_c(request->out, i ? "," : "");
        json_put_text(request->out, api_name(request, cells[i].name));
        buf_c(request->out, ":");
        value_to_json(cells[i].value, request->out);
    }
    buf_c(request->out, "}");
}

static void put_id(struct buf *out, const char *name, uint64_t id)
{
    buf_printf(out, "%s\"%llu\"", name, (unsigned long long)id);
}

void api_put_enrollment(struct request *request, const struct enrollment *e, struct str patient)
{
    static const char *const states[] = {"", "ready", "waiting", "ended", "candidate"};
    struct buf *out = request->out;
    const struct program *program = engine_image(request->service->engine, e->image);
    bool is_waiting =
        program && e->state == ENROLLMENT_PARKED && e->resume < program->image->wait_count;
    uint32_t step = is_waiting ? program->image->waits[e->resume].step : 0;
    put_id(out, "{\"id\":", e->id);
    put_member(out, "campaign", api_name(request, e->campaign));
    put_member(out, "patient", patient);
    buf_printf(out, ",\"state\":\"%s\"", e->state < ARRAY_COUNT(states) ? states[e->state] : "");
    put_member(out, "step",
               is_waiting ? image_text(program->image, program->image->steps[step].name)
                          : (struct str){0});
    struct str file = {0};
    uint32_t line = 0;
    if (is_waiting && program_step_line(program, step, &file, &line)) {
        put_member(out, "file", file);
        buf_printf(out, ",\"line\":%u", line);
    }
    put_time(out, "entered_at", e->entered_at_ms);
    put_time(out, "waiting_since", is_waiting ? e->wait_began_ms : NEVER_MS);
    put_time(out, "wakes_at", e->wake_at_ms);
    put_member(out, "reason", e->state == ENROLLMENT_ENDED ? e->reason : (struct str){0});
    buf_printf(out, ",\"is_holdout\":%s,\"is_converted\":%s,\"image\":",
               e->is_holdout ? "true" : "false", e->is_converted ? "true" : "false");
    if (program) {
        buf_byte(out, '"');
        buf_hex(out, (struct str){(const char *)program->image->id, sizeof program->image->id});
        buf_c(out, "\"}");
    } else {
        buf_c(out, "null}");
    }
}

static void put_lists(struct request *request, const struct patient *p)
{
    struct buf *out = request->out;
    buf_c(out, ",\"segments\":[");
    for (uint32_t i = 0; i < p->memberships_count; i++) {
        buf_c(out, i ? ",{\"name\":" : "{\"name\":");
        json_put_text(out, api_name(request, p->memberships[i].segment));
        put_time(out, "since", p->memberships[i].since_ms);
        buf_c(out, "}");
    }
    buf_c(out, "],\"subscriptions\":{");
    for (uint32_t i = 0; i < p->subscriptions_count; i++) {
        buf_c(out, i ? "," : "");
        json_put_text(out, api_name(request, p->subscriptions[i].topic));
        buf_c(out, p->subscriptions[i].is_subscribed ? ":true" : ":false");
    }
    buf_c(out, "},\"objects\":[");
    for (uint32_t i = 0; i < p->objects_count; i++) {
        buf_c(out, i ? ",{\"object\":" : "{\"object\":");
        json_put_text(out, api_name(request, p->objects[i].object));
        put_member(out, "id", p->objects[i].id);
        put_time(out, "changed_at", p->objects[i].changed_at_ms);
        buf_c(out, ",\"properties\":");
        put_cells(request, p->objects[i].cells, p->objects[i].cell_count);
        buf_c(out, "}");
    }
    buf_c(out, "],\"enrollments\":[");
    for (uint32_t i = 0; i < p->enrollments_count; i++) {
        buf_c(out, i ? "," : "");
        api_put_enrollment(request, &p->enrollments[i], p->id);
    }
    buf_c(out, "]");
}

enum status get_patient(struct request *request)
{
    struct arena arena;
    struct patient patient;
    arena_init(&arena, 0);
    if (!find_patient(request, &arena, &patient))
        return STATUS_OK;
    buf_c(request->out, "{\"id\":");
    json_put_text(request->out, patient.id);
    buf_c(request->out, ",\"attributes\":");
    put_cells(request, patient.attributes, patient.attributes_count);
    put_lists(request, &patient);
    buf_c(request->out, "}\n");
    arena_free(&arena);
    return STATUS_OK;
}

/* --- what happened --- */

static uint32_t row_of(const uint32_t *names, uint32_t count, uint32_t number)
{
    for (uint32_t i = 0; i < count; i++)
        if (names[i] == number)
            return i;
    return IMAGE_NONE;
}

static struct str campaign_of_step(const struct image *image, uint32_t step)
{
    for (uint32_t i = 0; i < image->campaign_count; i++)
        if (step - image->campaigns[i].steps.first < image->campaigns[i].steps.count)
            return image_text(image, image->campaigns[i].name);
    return (struct str){0};
}

static void put_step_line(struct buf *out, const struct program *program, uint32_t step)
{
    struct str file;
    uint32_t line;
    if (!program_step_line(program, step, &file, &line))
        return;
    put_member(out, "file", file);
    buf_printf(out, ",\"line\":%u", line);
}

static void put_message_entry(struct buf *out, const struct program *program,
                              const struct journal_entry *entry)
{
    const struct image *image = program->image;
    uint32_t row = row_of(program->message_names, image->message_count, entry->item);
    if (row == IMAGE_NONE)
        return;
    const struct image_message *message = &image->messages[row];
    put_member(out, "campaign", image_text(image, image->campaigns[message->campaign].name));
    put_member(out, "message", image_text(image, message->name));
    buf_printf(out, ",\"channel\":\"%s\",\"status\":\"%s\"", channel_word(message->channel),
               message_word_text((enum message_word)entry->word));
    for (uint32_t i = 0; i < image->step_count; i++)
        if (image->steps[i].message == row) {
            put_step_line(out, program, i);
            break;
        }
}

static void put_entry(struct request *request, const struct store_journal *row,
                      const struct journal_entry *entry, struct str patient)
{
    struct buf *out = request->out;
    const struct program *program = engine_image(request->service->engine, entry->image);
    buf_c(out, "{\"at\":");
    json_put_time(out, row->at_ms);
    put_member(out, "patient", patient);
    buf_printf(out, ",\"type\":\"%s\"", entry_text((enum entry_kind)entry->kind));
    if (entry->kind == ENTRY_MESSAGE && program) {
        put_message_entry(out, program, entry);
    } else if (entry->kind == ENTRY_STEP && program) {
        uint32_t step = row_of(program->step_names, program->image->step_count, entry->item);
        if (step != IMAGE_NONE) {
            put_member(out, "campaign", campaign_of_step(program->image, step));
            put_member(out, "step", image_text(program->image, program->image->steps[step].name));
            put_step_line(out, program, step);
        }
    } else {
        put_member(out, "campaign", api_name(request, entry->item));
    }
    if (entry->enrollment)
        put_id(out, ",\"enrollment\":", entry->enrollment);
    if (entry->outbox)
        put_id(out, ",\"message_id\":", entry->outbox);
    if (entry->text.len)
        put_member(out, "reason", entry->text);
    if (program) {
        buf_c(out, ",\"image\":\"");
        buf_hex(out, (struct str){(const char *)program->image->id, sizeof program->image->id});
        buf_c(out, "\"");
    }
    buf_c(out, "}");
}

enum status api_put_entries(struct request *request, const struct store_journal *row,
                            const char **comma)
{
    struct reader in = reader_of(row->data);
    struct journal_entry entry;
    struct str patient = {0};
    struct arena *arena = &request->service->arena;
    /* An erased patient has no id any more. */
    if (engine_patient_id(request->service->engine, row->patient, arena, &patient) != STATUS_OK)
        patient = (struct str){0};
    while (journal_decode(&in, &entry)) {
        buf_c(request->out, *comma);
        put_entry(request, row, &entry, patient);
        *comma = ",";
    }
    return STATUS_OK;
}

void api_put_news(struct request *request, const struct store_journal *row)
{
    struct reader in = reader_of(row->data);
    struct journal_entry entry;
    struct str patient = {0};
    struct arena *arena = &request->service->arena;
    if (engine_patient_id(request->service->engine, row->patient, arena, &patient) != STATUS_OK)
        patient = (struct str){0};
    while (journal_decode(&in, &entry)) {
        buf_printf(request->out, "id: %llu\nevent: %s\ndata: ", (unsigned long long)row->id,
                   entry_text((enum entry_kind)entry.kind));
        put_entry(request, row, &entry, patient);
        buf_c(request->out, "\n\n");
    }
}

static void put_event(struct request *request, const struct store_event *event)
{
    struct buf *out = request->out;
    buf_c(out, "{\"at\":");
    json_put_time(out, event->at_ms);
    buf_c(out, ",\"type\":\"event\"");
    put_member(out, "event", api_name(request, event->name));
    put_time(out, "received_at", event->received_at_ms);
    buf_c(out, ",\"properties\":");
    buf_str(out, event->data.len ? event->data : STR("{}"));
    buf_c(out, "}");
}

/* A journal row's entries, the last first. */
static void put_backwards(struct request *request, const struct store_journal *row,
                          struct str patient, struct str campaign, const char **comma)
{
    struct journal_entry entries[512];
    struct reader in = reader_of(row->data);
    uint32_t count = 0;
    (void)campaign;
    while (count < ARRAY_COUNT(entries) && journal_decode(&in, &entries[count]))
        count++;
    while (count--) {
        buf_c(request->out, *comma);
        put_entry(request, row, &entries[count], patient);
        *comma = ",";
    }
}

/* Both chains, merged, the newest first. The cursor is the next row of each: `JOURNAL-EVENT`. */
static enum status put_timeline(struct request *request, const struct patient *patient,
                                uint64_t journal_id, uint64_t event_id, uint64_t limit)
{
    struct service *s = request->service;
    struct store_journal row;
    struct store_event event;
    const char *comma = "";
    bool has_row = false, has_event = false;
    struct arena arena;
    arena_init(&arena, 0);
    buf_c(request->out, "{\"items\":[");
    for (uint64_t count = 0; count < limit; count++) {
        if (!has_row && journal_id)
            has_row = store_journal_get(s->store, journal_id, &arena, &row) == STATUS_OK;
        if (!has_event && event_id)
            has_event = store_event_get(s->store, event_id, &arena, &event) == STATUS_OK;
        if (!has_row && !has_event)
            break;
        if (has_row && (!has_event || row.at_ms >= event.received_at_ms)) {
            put_backwards(request, &row, patient->id, (struct str){0}, &comma);
            journal_id = row.previous;
            has_row = false;
        } else {
            buf_c(request->out, comma);
            put_event(request, &event);
            comma = ",";
            event_id = event.previous;
            has_event = false;
        }
    }
    arena_free(&arena);
    if (journal_id || event_id)
        buf_printf(request->out, "],\"next\":\"%llu-%llu\"}\n", (unsigned long long)journal_id,
                   (unsigned long long)event_id);
    else
        buf_c(request->out, "],\"next\":null}\n");
    return STATUS_OK;
}

enum status get_timeline(struct request *request)
{
    struct arena arena;
    struct patient patient;
    uint64_t limit;
    if (!request_page(request, ITEMS_A_PAGE, ITEMS_MOST, NULL, &limit))
        return STATUS_OK;
    arena_init(&arena, 0);
    if (!find_patient(request, &arena, &patient))
        return STATUS_OK;
    uint64_t journal_id = patient.last_journal, event_id = patient.last_event;
    struct str cursor = request_parameter(request, "cursor");
    size_t dash = cursor.at ? str_find(cursor, STR("-")) : SIZE_MAX;
    if (cursor.at && dash == SIZE_MAX) {
        arena_free(&arena);
        return request_refuse(request, 422, "invalid", "cursor", "is not of this timeline");
    }
    if (dash != SIZE_MAX) {
        uint64_t j = number_of((struct str){cursor.at, dash}, UINT64_MAX);
        uint64_t e = number_of(str_from(cursor, dash + 1), UINT64_MAX);
        /* Chains only go back: a cursor beyond their heads is somebody else's. */
        journal_id = j <= journal_id ? j : journal_id;
        event_id = e <= event_id ? e : event_id;
        struct store_journal row;
        struct store_event event;
        bool is_ours =
            (!journal_id ||
             (store_journal_get(request->service->store, journal_id, &arena, &row) == STATUS_OK &&
              row.patient == patient.key)) &&
            (!event_id ||
             (store_event_get(request->service->store, event_id, &arena, &event) == STATUS_OK &&
              event.patient == patient.key));
        if (!is_ours) {
            arena_free(&arena);
            return request_refuse(request, 422, "invalid", "cursor", "is not of this timeline");
        }
    }
    enum status status = put_timeline(request, &patient, journal_id, event_id, limit);
    arena_free(&arena);
    return status;
}

/* --- why --- */

static struct str explain(struct request *request, const struct why *why,
                          const struct campaign_ref *ref)
{
    struct arena *arena = &request->service->arena;
    struct str name =
        image_text(ref->program->image, ref->program->image->campaigns[ref->row].name);
    if (why->is_inside)
        return arena_printf(arena, "is inside `" STR_FMT "`", STR_ARG(name));
    if (why->state != CAMPAIGN_RUNNING)
        return arena_printf(arena, "`" STR_FMT "` is %s: nobody enters", STR_ARG(name),
                            campaign_state_word(why->state));
    if (!why->may_by_rule)
        return arena_printf(arena, "the entry rule of `" STR_FMT "` does not let in again",
                            STR_ARG(name));
    if (!why->is_audience)
        return arena_printf(arena, "does not match the audience of `" STR_FMT "`", STR_ARG(name));
    if (why->meets_exit)
        return arena_printf(arena, "an exit of `" STR_FMT "` holds already", STR_ARG(name));
    if (why->has_segment && why->is_in_segment)
        return STR("is in the trigger's segment already; only entering it triggers");
    return STR("may enter; the trigger has not come since");
}

static const char *truth(bool is_true)
{
    return is_true ? "true" : "false";
}

static void put_why(struct request *request, const struct why *why, const struct campaign_ref *ref,
                    const struct patient *patient)
{
    struct buf *out = request->out;
    buf_c(out, "{\"patient\":");
    json_put_text(out, patient->id);
    put_member(out, "campaign",
               image_text(ref->program->image, ref->program->image->campaigns[ref->row].name));
    buf_printf(out, ",\"state\":\"%s\"", campaign_state_word(why->state));
    put_member(out, "answer", explain(request, why, ref));
    buf_printf(out,
               ",\"checks\":{\"is_running\":%s,\"entry_rule\":%s,\"audience\":%s,"
               "\"meets_exit\":%s",
               truth(why->state == CAMPAIGN_RUNNING), truth(why->may_by_rule),
               truth(why->is_audience), truth(why->meets_exit));
    if (why->has_segment)
        buf_printf(out, ",\"in_segment\":%s", truth(why->is_in_segment));
    buf_c(out, "}");
    put_time(out, "last_entered_at", why->entered_at_ms);
    put_time(out, "last_left_at", why->left_at_ms);
    const char *comma = "";
    buf_c(out, ",\"enrollments\":[");
    for (uint32_t i = 0; i < patient->enrollments_count; i++)
        if (patient->enrollments[i].campaign == ref->number) {
            buf_c(out, comma);
            api_put_enrollment(request, &patient->enrollments[i], patient->id);
            comma = ",";
        }
    buf_c(out, "]");
}

static bool is_of(struct request *request, const struct journal_entry *entry,
                  const struct campaign_ref *ref)
{
    if (entry->kind != ENTRY_STEP && entry->kind != ENTRY_MESSAGE)
        return entry->item == ref->number;
    /* Named CAMPAIGN/STEP and CAMPAIGN/MESSAGE. */
    struct str campaign =
        image_text(ref->program->image, ref->program->image->campaigns[ref->row].name);
    struct str name = api_name(request, entry->item);
    return str_starts(name, campaign) && name.len > campaign.len && name.at[campaign.len] == '/';
}

/* The last things that happened between the two, newest first. */
static void put_history(struct request *request, const struct campaign_ref *ref,
                        const struct patient *patient)
{
    enum { SHOWN = 50, ROWS_MOST = 1000 };
    struct arena arena;
    const char *comma = "";
    uint32_t shown = 0;
    uint64_t id = patient->last_journal;
    arena_init(&arena, 0);
    buf_c(request->out, ",\"history\":[");
    for (uint32_t i = 0; id && i < ROWS_MOST && shown < SHOWN; i++) {
        struct store_journal row;
        struct journal_entry entries[512];
        uint32_t count = 0;
        arena_reset(&arena);
        if (store_journal_get(request->service->store, id, &arena, &row) != STATUS_OK)
            break;
        struct reader in = reader_of(row.data);
        while (count < ARRAY_COUNT(entries) && journal_decode(&in, &entries[count]))
            count++;
        while (count--)
            if (is_of(request, &entries[count], ref)) {
                buf_c(request->out, comma);
                put_entry(request, &row, &entries[count], patient->id);
                comma = ",";
                shown++;
            }
        id = row.previous;
    }
    arena_free(&arena);
    buf_c(request->out, "]");
}

enum status get_why(struct request *request)
{
    struct service *s = request->service;
    struct arena arena;
    struct patient patient;
    struct campaign_ref ref;
    struct why why;
    struct str name = request_parameter(request, "campaign");
    if (!name.len)
        return request_refuse(request, 422, "invalid", "campaign", "is missing: ?campaign=NAME");
    enum status status = engine_campaign(s->engine, name, &ref.number, &ref.program, &ref.row);
    if (status == STATUS_MISSING ||
        (status == STATUS_OK && ref.program != engine_program(s->engine)))
        return request_refuse(request, 404, "not_found", "campaign",
                              "the deployed image has no campaign of this name");
    arena_init(&arena, 0);
    if (!find_patient(request, &arena, &patient))
        return STATUS_OK;
    status = engine_why(s->engine, patient.id, ref.row, request_now_ms(request), &why);
    if (status == STATUS_OK) {
        put_why(request, &why, &ref, &patient);
        put_history(request, &ref, &patient);
        buf_c(request->out, "}\n");
    }
    arena_free(&arena);
    return status == STATUS_OK ? status : request_failed(request, status);
}

/* --- erasure --- */

enum status delete_patient(struct request *request)
{
    struct service *s = request->service;
    enum status status = engine_begin(s->engine);
    if (status == STATUS_OK)
        status = engine_erase(s->engine, request->captured, request_now_ms(request));
    if (status == STATUS_OK || status == STATUS_MISSING)
        status = engine_commit(s->engine);
    if (status != STATUS_OK) {
        engine_rollback(s->engine);
        return request_failed(request, status);
    }
    store_scrub(s->store);
    api_act_alone(request, "patient erased", (struct str){0});
    log_line(LOG_INFO, "a patient was erased", NULL);
    request->exchange->reply.status = 204;
    return STATUS_OK;
}
