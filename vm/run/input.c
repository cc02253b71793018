/* input.c: one thing that happened outside becomes a change of a patient, and what follows from it.
 */
#include <stdio.h>

#include "vm/base/civil.h"
#include "vm/base/json.h"
#include "vm/code/accept.h"
#include "vm/run/internal.h"

static enum status reject(struct input_answer *answer, const char *field, struct str value,
                          const char *reason)
{
    answer->what = ANSWER_REJECTED;
    snprintf(answer->field, sizeof answer->field, "%s%s" STR_FMT, field, value.len ? "." : "",
             STR_ARG(value));
    snprintf(answer->reason, sizeof answer->reason, "%s", reason);
    return STATUS_OK;
}

/* Each declared member by its type; *wrong names one that does not fit. */
static bool read_members(struct react *r, struct str properties, struct rows fields,
                         bool is_attributes, struct str *wrong,
                         bool (*take)(struct react *r, void *context, uint32_t row, struct value v),
                         void *context)
{
    const struct program *program = r->engine->current;
    struct json_scan scan;
    json_begin(&scan, properties);
    if (!properties.len || json_next(&scan) != JSON_OBJECT)
        return !properties.len;
    while (json_next(&scan) == JSON_KEY) {
        struct str name = json_text(&scan, &r->engine->slice), raw;
        if (!json_value(&scan, &raw))
            return false;
        for (uint32_t i = 0; i < fields.count; i++) {
            uint32_t row = fields.first + i;
            const struct image *image = program->image;
            uint32_t text = is_attributes ? image->attributes[row].name : image->fields[row].name;
            uint32_t type = is_attributes ? image->attributes[row].type : image->fields[row].type;
            if (!str_eq(image_text(image, text), name))
                continue;
            bool fits;
            struct value v = value_from_json(&r->engine->slice, image, type, raw, &fits);
            if (!fits) {
                *wrong = name;
                return false;
            }
            if (take && !take(r, context, row, v))
                return false;
        }
    }
    return !scan.error;
}

struct attribute_changes {
    uint32_t rows[256];
    struct value values[256];
    uint32_t count;
};

static bool collect(struct react *r, void *context, uint32_t row, struct value v)
{
    struct attribute_changes *changes = context;
    (void)r;
    if (changes->count == ARRAY_COUNT(changes->rows))
        return false;
    changes->rows[changes->count] = row;
    changes->values[changes->count++] = v;
    return true;
}

static enum status identify(struct react *r, const struct input *input, struct input_answer *answer)
{
    const struct program *program = r->engine->current;
    struct attribute_changes *changes = arena_alloc(&r->engine->slice, sizeof *changes);
    struct str wrong = {0};
    struct rows all = {0, program->image->attribute_count};
    if (!changes)
        return STATUS_LIMIT;
    if (!read_members(r, input->properties, all, true, &wrong, collect, changes))
        return reject(answer, "traits", wrong, "not a value of its type");
    /* All are stored before anything reacts to one of them. */
    struct happening *happenings =
        arena_array(&r->engine->slice, changes->count + 1, sizeof *happenings);
    uint32_t count = 0;
    for (uint32_t i = 0; happenings && i < changes->count; i++) {
        uint32_t name = program->attribute_names[changes->rows[i]];
        struct value before = patient_attribute(r->patient, name);
        if (patient_set_attribute(r->patient, name, changes->values[i]))
            happenings[count++] = (struct happening){.is_attribute = true,
                                                     .attribute = name,
                                                     .before = before,
                                                     .after = changes->values[i]};
    }
    for (uint32_t i = 0; i < count; i++)
        react_to(r, &happenings[i]);
    if (!count) {
        struct happening nothing = {0};
        react_to(r, &nothing);
    }
    return STATUS_OK;
}

static uint32_t event_row(const struct program *program, struct str name)
{
    const struct image *image = program->image;
    for (uint32_t i = 0; i < image->event_count; i++)
        if (str_eq(image_text(image, image->events[i].name), name) ||
            (image->events[i].other_name != IMAGE_NONE &&
             str_eq(image_text(image, image->events[i].other_name), name)))
            return i;
    return IMAGE_NONE;
}

static bool set_cell(struct react *r, void *context, uint32_t row, struct value v)
{
    struct object *object = context;
    uint32_t name = r->engine->current->field_names[row];
    for (uint32_t i = 0; i < object->cell_count; i++)
        if (object->cells[i].name == name) {
            object->cells[i].value = v;
            return true;
        }
    struct cell *cells = arena_array(&r->engine->slice, object->cell_count + 1, sizeof *cells);
    if (!cells)
        return false;
    if (object->cell_count)
        memcpy(cells, object->cells, object->cell_count * sizeof *cells);
    cells[object->cell_count++] = (struct cell){name, v};
    object->cells = cells;
    return true;
}

/* The object to change; a new one when it was not known. NULL: a later change is known already, or
 * the arena is full. *was: which triggers' conditions it met before. */
static struct object *open_object(struct react *r, uint32_t number, struct str id, int64_t at_ms,
                                  uint8_t **was)
{
    struct object *object = patient_object(r->patient, number, id);
    *was = NULL;
    if (object && object->changed_at_ms > at_ms)
        return NULL;
    if (object) {
        *was = react_object_truths(r, object);
    } else if ((object = patient_add_object(r->patient)) != NULL) {
        *object = (struct object){.object = number, .id = arena_str(&r->engine->slice, id)};
    } else {
        react_lose(r, STATUS_LIMIT);
        return NULL;
    }
    object->changed_at_ms = at_ms;
    return object;
}

static struct str text_member(struct react *r, struct str properties, const char *name)
{
    const struct json *tree = json_parse(&r->engine->slice, properties, NULL, NULL);
    const struct json *member = tree ? json_get(tree, name) : NULL;
    return member && member->kind == JSON_STRING ? member->text : (struct str){0};
}

static bool set_appointment_cell(struct react *r, void *context, uint32_t row, struct value v)
{
    static const char *const copied[] = {"starts_at", "ends_at", "kind", "location", "clinician"};
    const struct image *image = r->engine->current->image;
    for (size_t i = 0; i < ARRAY_COUNT(copied); i++)
        if (str_eq_c(image_text(image, image->fields[row].name), copied[i]))
            return set_cell(r, context, row, v);
    return true;
}

static bool set_status(struct react *r, struct object *object, struct rows fields, const char *word)
{
    const struct image *image = r->engine->current->image;
    for (uint32_t i = 0; i < fields.count; i++)
        if (str_eq_c(image_text(image, image->fields[fields.first + i].name), "status"))
            return set_cell(r, object, fields.first + i,
                            (struct value){.kind = VALUE_TEXT, .text = str_of(word)});
    return true;
}

/* An event of an appointment also changes the object `appointment`, before anything reacts
 * (INTERFACES.md 3). Adds the object to the happening. */
static bool change_appointment(struct react *r, struct str name, struct str properties,
                               int64_t at_ms, struct happening *happening)
{
    static const struct {
        const char *event, *status;
    } kinds[] = {{"appointment.booked", "booked"},
                 {"appointment.rescheduled", "booked"},
                 {"appointment.cancelled", "cancelled"},
                 {"appointment.noshow", "noshow"}};
    const struct program *program = r->engine->current;
    uint32_t row = program->image->projects[0].appointment_object;
    bool is_visit = str_eq_c(name, "visit.completed");
    if (row == IMAGE_NONE || !(is_visit || str_starts(name, STR("appointment."))))
        return true;
    struct str id = text_member(r, properties, is_visit ? "encounter_id" : "appointment_id");
    uint32_t number = program->object_names[row];
    if (!id.len || id.len > 256 || (is_visit && !patient_object(r->patient, number, id)))
        return true;
    struct rows fields = program->image->objects[row].fields;
    const char *status = is_visit ? "fulfilled" : NULL;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        if (str_eq_c(name, kinds[i].event))
            status = kinds[i].status;
    struct object *object = open_object(r, number, id, at_ms, &happening->object_was);
    if (!object)
        return r->status == STATUS_OK;
    struct str wrong;
    happening->object = object;
    return (is_visit ||
            read_members(r, properties, fields, false, &wrong, set_appointment_cell, object)) &&
           (!status || set_status(r, object, fields, status));
}

static enum status track(struct react *r, const struct input *input, int64_t at_ms,
                         struct input_answer *answer)
{
    const struct program *program = r->engine->current;
    uint32_t row = event_row(program, input->name), number;
    struct str wrong = {0};
    if (row != IMAGE_NONE && !read_members(r, input->properties, program->image->events[row].fields,
                                           false, &wrong, NULL, NULL))
        return reject(answer, "properties", wrong, "not a value of its type");
    struct str name = row == IMAGE_NONE
                          ? input->name
                          : image_text(program->image, program->image->events[row].name);
    enum status status = store_name(r->engine->store, SPACE_EVENT, name, &number);
    struct store_event stored = {.patient = r->patient->key,
                                 .previous = r->patient->last_event,
                                 .name = number,
                                 .at_ms = at_ms,
                                 .received_at_ms = r->now_ms,
                                 .data = input->properties.len ? input->properties : STR("{}")};
    if (status == STATUS_OK)
        status = store_event_add(r->engine->store, &stored);
    if (status != STATUS_OK)
        return status;
    struct event event = {stored.id, stored.previous, number, at_ms, r->now_ms, stored.data};
    struct happening happening = {
        .event = &event, .is_history = at_ms < r->now_ms - r->engine->options.late_after_ms};
    r->patient->last_event = stored.id;
    if (!change_appointment(r, name, stored.data, at_ms, &happening))
        return STATUS_LIMIT;
    if (happening.is_history)
        happening.object = NULL; /* it triggers nothing */
    react_memorize(r, &event);
    if (row != IMAGE_NONE || happening.object)
        react_to(r, &happening);
    return STATUS_OK;
}

static enum status change_object(struct react *r, const struct input *input, int64_t at_ms,
                                 struct input_answer *answer)
{
    const struct program *program = r->engine->current;
    uint32_t row = IMAGE_NONE;
    struct str wrong = {0};
    for (uint32_t i = 0; i < program->image->object_count; i++)
        if (str_eq(image_text(program->image, program->image->objects[i].name), input->name))
            row = i;
    if (row == IMAGE_NONE)
        return STATUS_OK;
    if (!read_members(r, input->properties, program->image->objects[row].fields, false, &wrong,
                      NULL, NULL))
        return reject(answer, "properties", wrong, "not a value of its type");
    uint32_t number = program->object_names[row];
    uint8_t *was;
    struct object *object = open_object(r, number, input->object_id, at_ms, &was);
    if (!object)
        return r->status;
    read_members(r, input->properties, program->image->objects[row].fields, false, &wrong, set_cell,
                 object);
    struct happening happening = {.object = object, .object_was = was};
    react_to(r, &happening);
    return STATUS_OK;
}

static enum status change_membership(struct react *r, const struct input *input)
{
    uint32_t number;
    enum status status =
        store_name(r->engine->store, input->kind == INPUT_SEGMENT ? SPACE_SEGMENT : SPACE_TOPIC,
                   input->name, &number);
    struct happening nothing = {0};
    if (status != STATUS_OK)
        return status;
    if (input->kind == INPUT_SEGMENT)
        react_set_membership(r, number, input->is_on);
    else
        react_set_subscription(r, number, input->is_on);
    react_to(r, &nothing);
    return STATUS_OK;
}

static enum status dispatch(struct react *r, const struct input *input, int64_t at_ms,
                            struct input_answer *answer)
{
    struct happening happening = {0};
    switch (input->kind) {
    case INPUT_IDENTIFY:
        return identify(r, input, answer);
    case INPUT_TRACK:
        return track(r, input, at_ms, answer);
    case INPUT_OBJECT:
        return change_object(r, input, at_ms, answer);
    case INPUT_SUBSCRIPTION:
    case INPUT_SEGMENT:
        return change_membership(r, input);
    case INPUT_ENTER:
        happening.is_manual = true;
        happening.campaign = input->name;
        react_to(r, &happening);
        return STATUS_OK;
    case INPUT_REPLY:
        happening.reply = &input->text;
        react_to(r, &happening);
        return STATUS_OK;
    }
    return STATUS_INVALID;
}

enum status engine_input(struct engine *engine, const struct input *input, int64_t now_ms,
                         struct input_answer *answer)
{
    struct react r;
    enum seen seen = SEEN_NEW;
    int64_t at_ms =
        input->at_ms == INT64_MIN || input->at_ms > now_ms + 5 * MINUTE_MS ? now_ms : input->at_ms;
    *answer = (struct input_answer){.what = ANSWER_ACCEPTED};
    if (!engine->current)
        return reject(answer, "project", (struct str){0}, "no image is deployed");
    if (!input->patient.len || input->patient.len > 256)
        return reject(answer, "userId", (struct str){0}, "an id of 1 to 256 bytes is needed");
    enum status status = STATUS_OK;
    if (input->message_id.len)
        status = store_is_seen(engine->store, input->message_id, input->raw, &seen);
    if (status == STATUS_OK && seen != SEEN_NEW) {
        answer->what = ANSWER_DUPLICATE;
        return STATUS_OK;
    }
    if (status == STATUS_OK)
        status = react_open(engine, input->patient, 0, now_ms, &r);
    /* What was due before comes before. */
    bool was_due = status == STATUS_OK && patient_due_ms(r.patient) < now_ms;
    if (was_due)
        react_time(&r);
    if (status == STATUS_OK)
        status = dispatch(&r, input, at_ms, answer);
    if (status == STATUS_OK && answer->what == ANSWER_REJECTED)
        return was_due ? react_close(&r) : STATUS_OK;
    if (status == STATUS_OK && input->message_id.len)
        status = store_keep_seen(engine->store, input->message_id, input->raw);
    if (status == STATUS_OK)
        status = react_close(&r);
    return status == STATUS_OK ? status : engine_fail(engine, status, "input");
}
