/* unread.c: an event, or attributes, that nothing reads: kept without decoding more of the patient
 * than is changed and without waking anybody. So it costs the same whatever number of campaigns
 * there is and of enrollments the patient has. "Nothing" means no image that somebody may still be
 * pinned to, hence all of them are asked; the answer is remembered by key. */
#include "vm/base/json.h"
#include "vm/run/internal.h"

static void load_images(struct engine *engine)
{
    if (engine->has_all_images)
        return;
    engine->has_all_images = true;
    for (uint32_t i = 0; i < PROGRAM_ROOM; i++)
        engine_program_of(engine, i);
    map64_clear(&engine->unread);
}

static bool is_read(struct engine *engine, uint64_t key)
{
    enum { READ = 1, UNREAD = 2 };
    load_images(engine);
    const uint64_t *known = map64_get(&engine->unread, key);
    if (known)
        return *known == READ;
    bool is = false;
    for (uint32_t i = 0; i < PROGRAM_ROOM && !is; i++) {
        const struct index *index = engine->indexes[i];
        is = index && (index_reach(index, key) || map64_get(&index->watched, key) ||
                       (index->zone != IMAGE_NONE && key == key_of(READ_ATTRIBUTE, index->zone)));
    }
    *map64_put(&engine->unread, key, NULL) = is ? READ : UNREAD;
    return is;
}

static bool is_unread_event(struct react *r, struct str name)
{
    const struct program *program = r->engine->current;
    const uint64_t *row = strmap_get(&react_index(r)->events, name);
    uint32_t number;
    if (row)
        name = image_text(program->image, program->image->events[*row].name);
    if (program->image->projects[0].appointment_object != IMAGE_NONE &&
        (str_starts(name, STR("appointment.")) || str_eq(name, STR("visit.completed"))))
        return false; /* it changes an object */
    if (row)
        number = program->event_names[*row];
    else if (!name.len || store_name(r->engine->store, SPACE_EVENT, name, &number) != STATUS_OK)
        return false;
    return !is_read(r->engine, key_of(READ_EVENT, number));
}

static bool are_unread_attributes(struct react *r, struct str properties)
{
    const struct program *program = r->engine->current;
    struct json_scan scan;
    struct str raw;
    json_begin(&scan, properties);
    if (!properties.len || json_next(&scan) != JSON_OBJECT)
        return false;
    while (json_next(&scan) == JSON_KEY) {
        struct str name = json_text(&scan, &r->engine->slice);
        const uint64_t *row = strmap_get(&react_index(r)->attributes, name);
        uint32_t number = row ? program->attribute_names[*row] : 0;
        /* Another image may declare it, on which somebody stays. */
        bool has_number =
            row || store_name_find(r->engine->store, SPACE_ATTRIBUTE, name, &number) == STATUS_OK;
        if ((has_number && is_read(r->engine, key_of(READ_ATTRIBUTE, number))) ||
            !json_value(&scan, &raw))
            return false;
    }
    return !scan.error;
}

bool react_open_unread(struct engine *engine, const struct input *input, int64_t now_ms,
                       struct react *r)
{
    struct str record;
    uint64_t key;
    bool found;
    *r = (struct react){.engine = engine, .now_ms = now_ms, .is_quiet = true};
    arena_reset(&engine->slice);
    if (!engine->current || (input->kind != INPUT_TRACK && input->kind != INPUT_IDENTIFY) ||
        !(input->kind == INPUT_TRACK ? is_unread_event(r, input->name)
                                     : are_unread_attributes(r, input->properties)))
        return false;
    r->patient = arena_alloc(&engine->slice, sizeof *r->patient);
    if (!r->patient ||
        store_patient_find(engine->store, input->patient, &engine->slice, &key, &record, &found) !=
            STATUS_OK ||
        !found ||
        patient_decode_head(r->patient, &engine->slice, key, record, &r->rest) != STATUS_OK)
        return false;
    /* What was due before comes before; a new image is met by the whole record. */
    return r->rest.due_ms >= now_ms && r->patient->image == engine->current->number;
}

enum status react_close_unread(struct react *r)
{
    struct buf *record = &r->engine->record;
    if (r->status != STATUS_OK)
        return r->status;
    buf_reset(record);
    patient_encode_head(r->patient, &r->rest, record);
    return record->failed ? STATUS_LIMIT
                          : store_patient_put(r->engine->store, r->patient->key, buf_view(record));
}
