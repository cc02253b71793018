/* input.c: one thing that happened outside becomes a change of a patient, and what follows from it.
 */
#include <stdio.h>

#include "vm/base/civil.h"
#include "vm/base/json.h"
#include "vm/code/accept.h"
#include "vm/run/internal.h"

enum { OTHERS_MOST = 64 };
enum { ID_MOST = 256 }; /* bytes of ids and names from outside */

static enum status reject(struct input_answer *answer, const char *field, struct str value,
                          const char *reason)
{
    answer->what = ANSWER_REJECTED;
    snprintf(answer->field, sizeof answer->field, "%s%s" STR_FMT, field, value.len ? "." : "",
             STR_ARG(value));
    snprintf(answer->reason, sizeof answer->reason, "%s", reason);
    return STATUS_OK;
}

/* A member whose value is not of its type; no name: there are too many. */
struct misfit {
    struct str name;
    const char *wanted;
};

static enum status reject_misfit(struct input_answer *answer, const char *field,
                                 const struct misfit *wrong)
{
    return reject(answer, field, wrong->name,
                  wrong->wanted ? wrong->wanted : "has too many members");
}

/* Each declared member by its type; *wrong names one that does not fit. */
static bool read_members(struct react *r, struct str properties, struct rows fields,
                         bool is_attributes, struct misfit *wrong,
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
        const uint64_t *known =
            is_attributes ? strmap_get(&react_index(r)->attributes, name) : NULL;
        uint32_t first = known ? (uint32_t)*known : 0, end = known ? first + 1 : fields.count;
        for (uint32_t i = first; i < (is_attributes && !known ? 0 : end); i++) {
            uint32_t row = fields.first + i;
            const struct image *image = program->image;
            uint32_t text = is_attributes ? image->attributes[row].name : image->fields[row].name;
            uint32_t type = is_attributes ? image->attributes[row].type : image->fields[row].type;
            if (!str_eq(image_text(image, text), name))
                continue;
            bool fits;
            struct value v = value_from_json(&r->engine->slice, image, type, raw, &fits);
            if (!fits) {
                *wrong = (struct misfit){name, value_wanted(image, type)};
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

/* Attributes that only the image declares on which one of the patient's enrollments stays. */
static uint32_t set_others(struct react *r, struct str traits, struct attribute_change *changed,
                           uint32_t room)
{
    const struct program *other;
    uint32_t count = 0;
    for (uint32_t k = 0; (other = react_other(r, &k)) != NULL;) {
        const struct strmap *declared = &r->engine->indexes[other->number]->attributes;
        struct json_scan scan;
        struct str raw;
        json_begin(&scan, traits);
        if (!traits.len || json_next(&scan) != JSON_OBJECT)
            return count;
        while (count < room && json_next(&scan) == JSON_KEY) {
            struct str name = json_text(&scan, &r->engine->slice);
            const uint64_t *row = strmap_get(declared, name);
            if (!json_value(&scan, &raw))
                break;
            bool fits = row && !strmap_get(&react_index(r)->attributes, name);
            if (!fits)
                continue;
            struct value v = value_from_json(&r->engine->slice, other->image,
                                             other->image->attributes[*row].type, raw, &fits);
            if (fits)
                count += react_set_attribute(r, other, (uint32_t)*row, v, &changed[count]);
        }
    }
    return count;
}

static enum status identify(struct react *r, const struct input *input, int64_t at_ms,
                            struct input_answer *answer)
{
    const struct program *program = r->engine->current;
    struct attribute_changes *changes = arena_alloc(&r->engine->slice, sizeof *changes);
    struct misfit wrong = {0};
    struct rows all = {0, program->image->attribute_count};
    if (!changes)
        return STATUS_LIMIT;
    if (!read_members(r, input->properties, all, true, &wrong, collect, changes))
        return reject_misfit(answer, "traits", &wrong);
    bool has_undeclared = react_has_undeclared(r, input->properties, &react_index(r)->attributes);
    if (has_undeclared)
        react_lose(r, react_keep_raw(r, input, at_ms));
    /* All are stored before anything reacts: it is one happening. */
    struct attribute_change *changed =
        arena_array(&r->engine->slice, changes->count + OTHERS_MOST, sizeof *changed);
    struct happening happening = {.changes = changed};
    for (uint32_t i = 0; changed && i < changes->count; i++)
        happening.change_count += react_set_attribute(
            r, program, changes->rows[i], changes->values[i], &changed[happening.change_count]);
    if (changed && has_undeclared)
        happening.change_count +=
            set_others(r, input->properties, &changed[happening.change_count], OTHERS_MOST);
    react_to(r, &happening);
    return changed ? STATUS_OK : STATUS_LIMIT;
}

static uint32_t event_row(struct react *r, struct str name)
{
    const uint64_t *row = strmap_get(&react_index(r)->events, name);
    return row ? (uint32_t)*row : IMAGE_NONE;
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
 * the arena is full. */
static struct object *open_object(struct react *r, uint32_t number, struct str id, int64_t at_ms)
{
    struct object *object = patient_object(r->patient, number, id);
    if (object && object->changed_at_ms > at_ms)
        return NULL;
    react_look(r, key_of(READ_OBJECT, number));
    if (object) {
        object->changed_at_ms = at_ms;
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

static bool is_copied(const struct image *image, uint32_t row)
{
    static const char *const copied[] = {"starts_at", "ends_at", "kind", "location", "clinician"};
    for (size_t i = 0; i < ARRAY_COUNT(copied); i++)
        if (str_eq_c(image_text(image, image->fields[row].name), copied[i]))
            return true;
    return false;
}

static bool set_appointment_cell(struct react *r, void *context, uint32_t row, struct value v)
{
    return !is_copied(r->engine->current->image, row) || set_cell(r, context, row, v);
}

/* A project that declares fewer values of the status keeps what it had. */
static bool set_status(struct react *r, struct object *object, struct rows fields, const char *word)
{
    const struct image *image = r->engine->current->image;
    for (uint32_t i = 0; i < fields.count; i++) {
        const struct image_field *field = &image->fields[fields.first + i];
        bool fits;
        if (!str_eq_c(image_text(image, field->name), "status"))
            continue;
        struct value v =
            value_from_text(&r->engine->slice, image, field->type, str_of(word), &fits);
        return !fits || set_cell(r, object, fields.first + i, v);
    }
    return true;
}

/* What an event does to the object `appointment` (INTERFACES.md 3). */
struct appointment_change {
    struct str id;
    bool is_visit;
    const char *status; /* NULL: stays */
};

static bool appointment_of(struct react *r, const struct program *program, struct str name,
                           struct str properties, struct appointment_change *change)
{
    static const struct {
        const char *event, *status;
    } kinds[] = {{"appointment.booked", "booked"},
                 {"appointment.rescheduled", "booked"},
                 {"appointment.cancelled", "cancelled"},
                 {"appointment.noshow", "noshow"}};
    uint32_t row = program->image->projects[0].appointment_object;
    *change = (struct appointment_change){.is_visit = str_eq_c(name, "visit.completed")};
    if (row == IMAGE_NONE || !(change->is_visit || str_starts(name, STR("appointment."))))
        return false;
    change->id = text_member(r, properties, change->is_visit ? "encounter_id" : "appointment_id");
    change->status = change->is_visit ? "fulfilled" : NULL;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        if (str_eq_c(name, kinds[i].event))
            change->status = kinds[i].status;
    return change->id.len && change->id.len <= ID_MOST &&
           (!change->is_visit ||
            patient_object(r->patient, program->object_names[row], change->id));
}

enum status react_change_appointment(struct react *r, const struct event *event, struct str name,
                                     struct happening *happening)
{
    const struct program *program = r->engine->current;
    struct appointment_change change;
    struct misfit wrong;
    if (!appointment_of(r, program, name, event->properties, &change))
        return STATUS_OK;
    uint32_t row = program->image->projects[0].appointment_object;
    struct rows fields = program->image->objects[row].fields;
    struct object *object = open_object(r, program->object_names[row], change.id, event->at_ms);
    if (!object)
        return r->status;
    happening->key = key_of(READ_OBJECT, object->object);
    if (!change.is_visit)
        read_members(r, event->properties, fields, false, &wrong, set_appointment_cell, object);
    return !change.status || set_status(r, object, fields, change.status) ? STATUS_OK
                                                                          : STATUS_LIMIT;
}

/* The properties as the event declares them, and as the appointment that they change does. */
static bool fits_declarations(struct react *r, const struct program *program, uint32_t row,
                              struct str name, struct str properties, struct misfit *wrong)
{
    struct appointment_change change;
    if (row != IMAGE_NONE &&
        !read_members(r, properties, program->image->events[row].fields, false, wrong, NULL, NULL))
        return false;
    if (!appointment_of(r, program, name, properties, &change) || change.is_visit)
        return true;
    struct object trial = {0};
    struct rows fields =
        program->image->objects[program->image->projects[0].appointment_object].fields;
    return read_members(r, properties, fields, false, wrong, set_appointment_cell, &trial);
}

/* Stored, and all that follows; what else has happened with it is in *h. */
static enum status take_event(struct react *r, uint32_t number, struct str name,
                              struct str properties, int64_t at_ms, struct happening *h)
{
    struct store_event stored = {.patient = r->patient->key,
                                 .previous = r->patient->last_event,
                                 .name = number,
                                 .at_ms = at_ms,
                                 .received_at_ms = r->now_ms,
                                 .data = properties.len ? properties : STR("{}")};
    react_look(r, key_of(READ_EVENT, number));
    enum status status = store_event_add(r->engine->store, &stored);
    if (status != STATUS_OK)
        return status;
    struct event event = {stored.id, stored.previous, number, at_ms, r->now_ms, stored.data};
    h->event = &event;
    h->is_history = at_ms < r->now_ms - r->engine->options.late_after_ms;
    r->patient->last_event = stored.id;
    status = react_change_appointment(r, &event, name, h);
    react_memorize(r, &event);
    react_to(r, h);
    h->event = NULL;
    return status;
}

static enum status track(struct react *r, const struct input *input, int64_t at_ms,
                         struct input_answer *answer)
{
    const struct program *program = r->engine->current;
    uint32_t row = event_row(r, input->name), number;
    struct misfit wrong = {0};
    struct str name = row == IMAGE_NONE
                          ? input->name
                          : image_text(program->image, program->image->events[row].name);
    if (!name.len || name.len > ID_MOST)
        return reject(answer, "event", (struct str){0}, "a name of 1 to 256 bytes is needed");
    if (!fits_declarations(r, program, row, name, input->properties, &wrong))
        return reject_misfit(answer, "properties", &wrong);
    struct happening happening = {0};
    enum status status = STATUS_OK;
    if (row != IMAGE_NONE)
        number = program->event_names[row];
    else
        status = store_name(r->engine->store, SPACE_EVENT, name, &number);
    return status == STATUS_OK ? take_event(r, number, name, input->properties, at_ms, &happening)
                               : status;
}

/* A text is an event of its patient, and an answer to whoever waits for one, at one instant. What a
 * project declares otherwise than as a text is not told of. */
enum status react_text(struct react *r, const char *event, struct str text, uint64_t replier)
{
    uint32_t number;
    struct str name = str_of(event);
    struct misfit wrong;
    struct buf buf;
    buf_init(&buf, 1 << 16);
    buf_c(&buf, "{\"text\":");
    json_put_text(&buf, text);
    buf_c(&buf, "}");
    struct str properties = arena_str(&r->engine->slice, buf_view(&buf));
    bool is_whole = !buf.failed;
    buf_free(&buf);
    const struct program *program = r->engine->current;
    if (!program)
        return react_keep_event(r, name, properties, r->now_ms);
    struct happening happening = {.reply = replier == NOBODY ? NULL : &text, .replier = replier};
    bool is_told =
        is_whole && fits_declarations(r, program, event_row(r, name), name, properties, &wrong);
    enum status status = store_name(r->engine->store, SPACE_EVENT, name, &number);
    if (status == STATUS_OK && is_told)
        return take_event(r, number, name, properties, r->now_ms, &happening);
    react_to(r, &happening);
    return status;
}

static enum status change_object(struct react *r, const struct input *input, int64_t at_ms,
                                 struct input_answer *answer)
{
    const struct program *program = r->engine->current;
    struct happening happening = {0};
    uint32_t row = IMAGE_NONE;
    struct misfit wrong = {0};
    for (uint32_t i = 0; i < program->image->object_count; i++)
        if (str_eq(image_text(program->image, program->image->objects[i].name), input->name))
            row = i;
    if (!input->object_id.len || input->object_id.len > ID_MOST)
        return reject(answer, "id", (struct str){0}, "an id of 1 to 256 bytes is needed");
    if (row != IMAGE_NONE) {
        if (!read_members(r, input->properties, program->image->objects[row].fields, false, &wrong,
                          NULL, NULL))
            return reject_misfit(answer, "properties", &wrong);
        struct object *object = open_object(r, program->object_names[row], input->object_id, at_ms);
        if (object) {
            happening.key = key_of(READ_OBJECT, object->object);
            read_members(r, input->properties, program->image->objects[row].fields, false, &wrong,
                         set_cell, object);
        }
    }
    if (row == IMAGE_NONE)
        react_lose(r, react_keep_raw(r, input, at_ms));
    react_to(r, &happening);
    return r->status;
}

void react_replay_object(struct react *r, const struct program *before, const struct input *input,
                         int64_t at_ms)
{
    const struct program *program = r->engine->current;
    struct misfit wrong;
    for (uint32_t row = 0; row < program->image->object_count; row++) {
        bool is_new = true;
        for (uint32_t i = 0; before && i < before->image->object_count; i++)
            is_new &= before->object_names[i] != program->object_names[row];
        struct rows fields = program->image->objects[row].fields;
        struct str name = image_text(program->image, program->image->objects[row].name);
        if (!is_new || !str_eq(name, input->name) ||
            !read_members(r, input->properties, fields, false, &wrong, NULL, NULL))
            continue;
        struct object *object = open_object(r, program->object_names[row], input->object_id, at_ms);
        if (object)
            read_members(r, input->properties, fields, false, &wrong, set_cell, object);
    }
}

static enum status change_membership(struct react *r, const struct input *input)
{
    uint32_t number;
    bool is_segment = input->kind == INPUT_SEGMENT;
    enum status status = store_name(r->engine->store, is_segment ? SPACE_SEGMENT : SPACE_TOPIC,
                                    input->name, &number);
    struct happening happening = {0};
    if (status != STATUS_OK)
        return status;
    if (!is_segment) {
        if (react_set_subscription(r, number, input->is_on))
            happening.key = key_of(READ_TOPIC, number);
    } else if (react_set_membership(r, number, input->is_on)) {
        happening.is_membership = true;
        happening.segment = number;
        happening.is_member = input->is_on;
    }
    react_to(r, &happening);
    return STATUS_OK;
}

/* Before the first deploy nothing has a type yet. */
static enum status dispatch_raw(struct react *r, const struct input *input, int64_t at_ms,
                                struct input_answer *answer)
{
    switch (input->kind) {
    case INPUT_IDENTIFY:
    case INPUT_OBJECT:
        return react_keep_raw(r, input, at_ms);
    case INPUT_TRACK:
        return react_keep_event(r, input->name, input->properties, at_ms);
    case INPUT_SUBSCRIPTION:
    case INPUT_SEGMENT:
        return change_membership(r, input);
    case INPUT_ENTER:
    case INPUT_REPLY:
        break;
    }
    return reject(answer, "project", (struct str){0}, "no image is deployed");
}

static enum status dispatch(struct react *r, const struct input *input, int64_t at_ms,
                            struct input_answer *answer)
{
    struct happening happening = {0};
    switch (input->kind) {
    case INPUT_IDENTIFY:
        return identify(r, input, at_ms, answer);
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
        return text_is_opt_out(input->text) ? STATUS_OK
                                            : react_text(r, EVENT_REPLIED, input->text, 0);
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
    if (!input->patient.len || input->patient.len > ID_MOST)
        return reject(answer, "userId", (struct str){0}, "an id of 1 to 256 bytes is needed");
    enum status status = STATUS_OK;
    if (input->message_id.len)
        status = store_is_seen(engine->store, input->message_id, input->raw, &seen);
    if (status == STATUS_OK && seen != SEEN_NEW) {
        answer->what = ANSWER_DUPLICATE;
        answer->is_other_body = seen == SEEN_OTHER_BODY;
        return STATUS_OK;
    }
    if (status == STATUS_OK && store_has_tombstone(engine->store, input->patient))
        return STATUS_OK; /* acknowledged, and dropped */
    if (status == STATUS_OK && !react_open_unread(engine, input, now_ms, &r))
        status = react_open(engine, input->patient, 0, now_ms, &r);
    /* What was due before comes before. */
    bool was_due = status == STATUS_OK && !r.is_quiet && patient_due_ms(r.patient) < now_ms;
    if (was_due)
        react_time(&r);
    if (status == STATUS_OK)
        status = engine->current ? dispatch(&r, input, at_ms, answer)
                                 : dispatch_raw(&r, input, at_ms, answer);
    if (status == STATUS_OK && answer->what == ANSWER_REJECTED)
        return was_due ? react_close(&r) : STATUS_OK;
    if (status == STATUS_OK && input->message_id.len)
        status = store_keep_seen(engine->store, input->message_id, input->raw);
    if (status == STATUS_OK)
        status = r.is_quiet ? react_close_unread(&r) : react_close(&r);
    return status == STATUS_OK ? status : engine_fail(engine, status, "input");
}
