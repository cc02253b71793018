/* raw.c: what no image has declared yet is kept as it came, in the patient's chain of events under
 * names that no project can give; an image that declares it finds it there (ARCHITECTURE.md 4.13).
 * So traffic may come before the first deploy, and an attribute may be declared long after its
 * first value. */
#include "vm/base/json.h"
#include "vm/code/accept.h"
#include "vm/run/internal.h"

static const struct {
    enum input_kind kind;
    const char *name;
} kept[] = {{INPUT_IDENTIFY, "$identify"}, {INPUT_OBJECT, "$object"}};

static const char *name_of_kind(enum input_kind kind)
{
    for (size_t i = 0; i < ARRAY_COUNT(kept); i++)
        if (kept[i].kind == kind)
            return kept[i].name;
    return NULL;
}

enum status react_keep_event(struct react *r, struct str name, struct str data, int64_t at_ms)
{
    struct store_event event = {.patient = r->patient->key,
                                .previous = r->patient->last_event,
                                .at_ms = at_ms,
                                .received_at_ms = r->now_ms,
                                .data = data.len ? data : STR("{}")};
    enum status status = store_name(r->engine->store, SPACE_EVENT, name, &event.name);
    if (status == STATUS_OK)
        status = store_event_add(r->engine->store, &event);
    if (status == STATUS_OK)
        r->patient->last_event = event.id;
    return status;
}

enum status react_keep_raw(struct react *r, const struct input *input, int64_t at_ms)
{
    return react_keep_event(r, str_of(name_of_kind(input->kind)), input->raw, at_ms);
}

bool react_has_undeclared(struct react *r, struct str properties, const struct strmap *declared)
{
    struct json_scan scan;
    struct str raw;
    json_begin(&scan, properties);
    if (!properties.len || json_next(&scan) != JSON_OBJECT)
        return false;
    while (json_next(&scan) == JSON_KEY) {
        if (!strmap_get(declared, json_text(&scan, &r->engine->slice)))
            return true;
        if (!json_value(&scan, &raw))
            return false;
    }
    return false;
}

/* --- when an image declares it --- */

static bool has_number(const uint32_t *numbers, uint32_t count, uint32_t number)
{
    for (uint32_t i = 0; i < count; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

static void replay_traits(struct react *r, const struct program *before, struct str traits)
{
    const struct program *program = r->engine->current;
    struct json_scan scan;
    struct str raw;
    json_begin(&scan, traits);
    if (!traits.len || json_next(&scan) != JSON_OBJECT)
        return;
    while (json_next(&scan) == JSON_KEY) {
        const uint64_t *row =
            strmap_get(&react_index(r)->attributes, json_text(&scan, &r->engine->slice));
        if (!json_value(&scan, &raw))
            return;
        if (!row || (before && has_number(before->attribute_names, before->image->attribute_count,
                                          program->attribute_names[*row])))
            continue;
        bool fits;
        raw = arena_str(&r->engine->slice, raw);
        struct value v = value_from_json(&r->engine->slice, program->image,
                                         program->image->attributes[*row].type, raw, &fits);
        if (fits)
            patient_set_attribute(r->patient, program->attribute_names[*row], v);
    }
}

static bool declares_more(const struct program *program, const struct program *before)
{
    if (!before)
        return true;
    for (uint32_t i = 0; i < program->image->attribute_count; i++)
        if (!has_number(before->attribute_names, before->image->attribute_count,
                        program->attribute_names[i]))
            return true;
    for (uint32_t i = 0; i < program->image->object_count; i++)
        if (!has_number(before->object_names, before->image->object_count,
                        program->object_names[i]))
            return true;
    return false;
}

enum replayed { REPLAY_NOTHING, REPLAY_TRAITS, REPLAY_OBJECT, REPLAY_APPOINTMENT };

static enum replayed what_of(struct react *r, const struct program *before,
                             const struct event *event, const uint32_t *names)
{
    const struct program *program = r->engine->current;
    uint32_t appointment = program->image->projects[0].appointment_object;
    for (size_t i = 0; i < ARRAY_COUNT(kept); i++)
        if (names[i] == event->name)
            return kept[i].kind == INPUT_IDENTIFY ? REPLAY_TRAITS : REPLAY_OBJECT;
    return appointment != IMAGE_NONE &&
                   !(before && has_number(before->object_names, before->image->object_count,
                                          program->object_names[appointment]))
               ? REPLAY_APPOINTMENT
               : REPLAY_NOTHING;
}

/* The event lies in `scratch`; what stays of it is copied. */
static void replay_one(struct react *r, const struct program *before, struct event *event,
                       enum replayed what, struct arena *scratch)
{
    struct input input;
    struct input_answer answer;
    struct str name;
    struct arena *slice = &r->engine->slice;
    struct happening nothing = {0};
    if (what == REPLAY_TRAITS) {
        if (input_parse(scratch, event->properties, &input, &answer))
            replay_traits(r, before, input.properties);
        return;
    }
    event->properties = arena_str(slice, event->properties);
    if (what == REPLAY_OBJECT) {
        if (input_parse(slice, event->properties, &input, &answer))
            react_replay_object(r, before, &input, event->at_ms);
    } else if (store_name_text(r->engine->store, event->name, scratch, &name) == STATUS_OK) {
        react_lose(r, react_change_appointment(r, event, name, &nothing));
    }
}

/* From the oldest on; in memory are the numbers of those that matter, and one of them. */
void react_replay(struct react *r, const struct program *before)
{
    const struct host *host = &r->engine->host;
    struct arena scratch, list;
    struct event event;
    uint64_t *ids = NULL;
    uint32_t count = 0, room = 0, names[ARRAY_COUNT(kept)];
    if (!declares_more(r->engine->current, before))
        return;
    for (size_t i = 0; i < ARRAY_COUNT(kept); i++)
        if (store_name(r->engine->store, SPACE_EVENT, str_of(kept[i].name), &names[i]) != STATUS_OK)
            return;
    arena_init(&list, 0);
    arena_init(&scratch, SLICE_BYTES);
    for (uint64_t id = r->patient->last_event; id; id = event.previous) {
        arena_reset(&scratch);
        if (!host->event(host->context, id, &scratch, &event))
            break;
        if (what_of(r, before, &event, names) == REPLAY_NOTHING)
            continue;
        ids = arena_grow(&list, ids, count, &room, sizeof *ids);
        ids[count++] = id;
    }
    while (count--) {
        arena_reset(&scratch);
        if (host->event(host->context, ids[count], &scratch, &event))
            replay_one(r, before, &event, what_of(r, before, &event, names), &scratch);
    }
    arena_free(&scratch);
    arena_free(&list);
}
