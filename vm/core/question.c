/* question.c: what conditions ask of a patient beside attributes: did, any object, subscribed,
 * segments, messages; fields of events and objects; and shares (LANGUAGE.md C2, W4, F5). */
#include "vm/base/hash.h"
#include "vm/base/json.h"
#include "vm/code/accept.h"
#include "vm/core/internal.h"

/* The raw member of a JSON object; an absent one is {NULL, 0}. */
static struct str member(struct str object, struct str name, struct arena *arena)
{
    struct json_scan scan;
    struct str raw = {0};
    json_begin(&scan, object);
    if (json_next(&scan) != JSON_OBJECT)
        return raw;
    while (json_next(&scan) == JSON_KEY) {
        bool is_it = str_eq(json_text(&scan, arena), name);
        if (!json_value(&scan, &raw))
            return (struct str){0};
        if (is_it)
            return raw;
    }
    return (struct str){0};
}

static struct value event_field(struct env *env, int64_t id, const struct image_field *field)
{
    const struct image *image = env->program->image;
    struct event loaded;
    const struct event *event = env->event && env->event->id == (uint64_t)id ? env->event : &loaded;
    if (event == &loaded &&
        (!env->host || !env->host->event(env->host->context, (uint64_t)id, env->arena, &loaded)))
        return value_unknown();
    struct str name = image_text(image, field->name);
    if (str_eq(name, STR("timestamp")))
        return value_time(event->at_ms);
    struct str raw = member(event->properties, name, env->arena);
    bool fits;
    return raw.at ? value_from_json(env->arena, image, field->type, raw, &fits) : value_unknown();
}

static struct value object_field(struct env *env, struct value of, const struct image_field *field)
{
    const struct image *image = env->program->image;
    uint32_t row = (uint32_t)of.months;
    if (row >= image->object_count)
        return value_unknown();
    struct str name = image_text(image, field->name);
    if (str_eq(name, image_text(image, image->objects[row].id_field)))
        return value_text(of.text);
    const struct object *object =
        patient_object(env->patient, env->program->object_names[row], of.text);
    uint32_t number = env->program->field_names[field - image->fields];
    for (uint32_t i = 0; object && i < object->cell_count; i++)
        if (object->cells[i].name == number)
            return object->cells[i].value;
    return value_unknown();
}

struct value field_value(struct env *env, struct value of, const struct image_field *field)
{
    if (of.kind == VALUE_EVENT)
        return event_field(env, of.i, field);
    if (of.kind == VALUE_OBJECT)
        return object_field(env, of, field);
    return value_unknown();
}

struct span_of_times {
    struct env *env;
    const int64_t *at_ms;
    uint32_t count, at_least;
    struct value window;
    bool was;
};

static bool is_enough(const struct span_of_times *times, int64_t now_ms)
{
    if (times->window.kind != VALUE_DURATION)
        return times->count >= times->at_least;
    int64_t from = instant_step(times->env->zone, now_ms, times->window, -1);
    uint32_t inside = 0;
    for (uint32_t i = 0; i < times->count; i++)
        inside += times->at_ms[i] > from;
    return inside >= times->at_least;
}

static bool is_flipped(void *context, int64_t at_ms)
{
    const struct span_of_times *times = context;
    return is_enough(times, at_ms) != times->was;
}

void times_add(int64_t *at_ms, uint32_t *count, uint32_t room, int64_t one_ms)
{
    uint32_t at = *count;
    while (at && at_ms[at - 1] < one_ms) {
        if (at < room)
            at_ms[at] = at_ms[at - 1];
        at--;
    }
    if (at == room)
        return;
    at_ms[at] = one_ms;
    *count += *count < room;
}

/* Walks the patient's events, for terms whose where reads more than the event (ARCHITECTURE 4.13):
 * the newest `room` times, newest first. Each event is read into memory of its own, so that a long
 * history needs no more than a short one. */
static uint32_t walk(struct env *env, const struct image_did *did, int64_t *at_ms, uint32_t room)
{
    const struct event *outer = env->event;
    struct arena *arena = env->arena, scratch;
    uint32_t count = 0;
    uint64_t id = env->host ? env->patient->last_event : 0;
    arena_init(&scratch, 4 << 20);
    env->arena = &scratch;
    while (id) {
        struct event event;
        arena_reset(&scratch);
        if (!env->host->event(env->host->context, id, &scratch, &event))
            break;
        env->event = &event;
        id = event.previous;
        if (event.name != env->program->event_names[did->event] || !machine_test(env, did->where))
            continue;
        times_add(at_ms, &count, room, event.at_ms);
    }
    arena_free(&scratch);
    env->arena = arena;
    env->event = outer;
    return count;
}

/* Whether it is so hangs on the n-th newest alone: it flips where that one leaves the window, or,
 * at the ends of months, comes back into it. */
static void note_did_flip(struct env *env, struct span_of_times *times)
{
    if (!env->flips_at_ms || times->window.kind != VALUE_DURATION || times->count < times->at_least)
        return;
    int64_t leaves_ms =
        instant_step(env->zone, times->at_ms[times->at_least - 1], times->window, 1);
    lower_flip(env, first_change(env->zone, env->now_ms, leaves_ms, is_flipped, times));
}

bool ask_did(struct env *env, uint32_t row)
{
    const struct image *image = env->program->image;
    const struct image_did *did = &image->dids[row];
    struct span_of_times times = {.env = env, .at_least = did->at_least};
    int64_t walked[IMAGE_MAX_TIMES];
    if (did->walks) {
        times.at_ms = walked;
        times.count = walk(env, did, walked, did->at_least);
    } else {
        for (uint32_t i = 0; i < env->patient->memories_count; i++)
            if (env->patient->memories[i].did == env->program->did_names[row]) {
                times.at_ms = env->patient->memories[i].at_ms;
                times.count = env->patient->memories[i].count;
            }
    }
    if (did->in_last != IMAGE_NONE)
        times.window = constant_value(image, did->in_last, env->arena);
    times.was = is_enough(&times, env->now_ms);
    note_did_flip(env, &times);
    return times.was;
}

bool ask_any(struct env *env, uint32_t row)
{
    const struct image_any *any = &env->program->image->anys[row];
    const struct object *outer = env->object;
    bool found = false;
    for (uint32_t i = 0; i < env->patient->objects_count && (!found || env->flips_at_ms); i++) {
        env->object = &env->patient->objects[i];
        if (env->object->object == env->program->object_names[any->object])
            found |= machine_test(env, any->where);
    }
    env->object = outer;
    return found;
}

bool ask_subscribed(struct env *env, uint32_t topic)
{
    uint32_t number = env->program->topic_names[topic];
    for (uint32_t i = 0; i < env->patient->subscriptions_count; i++)
        if (env->patient->subscriptions[i].topic == number)
            return env->patient->subscriptions[i].is_subscribed;
    return !env->program->image->topics[topic].is_opt_in;
}

bool ask_segment(struct env *env, uint32_t segment)
{
    uint32_t number = env->program->segment_names[segment];
    for (uint32_t i = 0; i < env->patient->memberships_count; i++)
        if (env->patient->memberships[i].segment == number)
            return true;
    return false;
}

bool ask_message(struct env *env, enum op op, uint32_t message)
{
    if (!env->enrollment)
        return false;
    const struct mark *mark =
        enrollment_mark(env->patient, env->enrollment, env->program->message_names[message], false);
    if (!mark)
        return false;
    return op == OP_RECEIVED ? mark->is_received
           : op == OP_OPENED ? mark->is_opened
                             : mark->is_clicked;
}

uint32_t share_of(struct str patient, struct str campaign, struct str split)
{
    static const struct str zero = {"", 1};
    unsigned char digest[SHA256_BYTES];
    struct sha256 sha;
    uint64_t head = 0;
    sha256_init(&sha);
    sha256_add(&sha, patient);
    sha256_add(&sha, zero);
    sha256_add(&sha, campaign);
    sha256_add(&sha, zero);
    sha256_add(&sha, split);
    sha256_end(&sha, digest);
    for (int i = 0; i < 8; i++)
        head = head << 8 | digest[i];
    return (uint32_t)(head % 10000);
}
