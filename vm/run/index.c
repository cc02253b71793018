/* index.c: see index.h. */
#include "vm/run/index.h"

#include "vm/base/civil.h"

bool row_list_add(struct arena *arena, struct row_list *list, uint32_t row)
{
    uint32_t at = list->count;
    while (at && list->at[at - 1] >= row)
        at--;
    if (at < list->count && list->at[at] == row)
        return true;
    uint32_t *moved = arena_grow(arena, list->at, list->count, &list->room, sizeof *moved);
    if (!moved)
        return false;
    list->at = moved;
    memmove(moved + at + 1, moved + at, (list->count - at) * sizeof *moved);
    moved[at] = row;
    list->count++;
    return true;
}

static void watch_add(struct arena *arena, struct watch *watch, uint64_t key)
{
    for (uint32_t i = 0; i < watch->count; i++)
        if (watch->keys[i] == key)
            return;
    watch->keys = arena_grow(arena, watch->keys, watch->count, &watch->room, sizeof *watch->keys);
    watch->keys[watch->count++] = key;
}

bool watch_concerns(const struct watch *watch, const uint64_t *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < watch->count; k++)
            if (watch->keys[k] == keys[i])
                return true;
    return false;
}

static struct reach *reach_of(struct arena *arena, struct index *index, uint64_t key)
{
    uint64_t *place = map64_put(&index->reaches, key, NULL);
    if (!*place) {
        struct reach *fresh = arena_alloc(arena, sizeof *fresh);
        *place = (uint64_t)(uintptr_t)fresh;
    }
    return (struct reach *)(uintptr_t)*place;
}

const struct reach *index_reach(const struct index *index, uint64_t key)
{
    const uint64_t *place = map64_get(&index->reaches, key);
    return place ? (const struct reach *)(uintptr_t)*place : NULL;
}

static uint64_t read_key(const struct program *program, const struct image_read *read)
{
    const uint32_t *const names[] = {NULL,
                                     program->attribute_names,
                                     program->event_names,
                                     program->object_names,
                                     program->segment_names,
                                     program->topic_names,
                                     program->message_names};
    return key_of((enum read_kind)read->kind, names[read->kind][read->row]);
}

/* Adds what a code reads; IMAGE_NONE reads nothing. True: it asks about messages. */
static bool watch_code(struct arena *arena, const struct program *program, uint32_t code,
                       struct watch *watch)
{
    const struct image *image = program->image;
    bool reads_messages = false;
    struct rows reads = code == IMAGE_NONE ? (struct rows){0, 0} : image->codes[code].reads;
    for (uint32_t i = 0; i < reads.count; i++) {
        const struct image_read *read = &image->reads[reads.first + i];
        watch_add(arena, watch, read_key(program, read));
        reads_messages |= read->kind == READ_MESSAGE;
    }
    return reads_messages;
}

static bool is_timed(const struct image *image, uint32_t code)
{
    return code != IMAGE_NONE && image->codes[code].is_timed;
}

static void index_segments(struct arena *arena, struct index *index, const struct program *program)
{
    const struct image *image = program->image;
    for (uint32_t row = 0; row < image->segment_count; row++) {
        struct watch watch = {0};
        uint32_t code = image->segments[row].condition;
        watch_code(arena, program, code, &watch);
        for (uint32_t k = 0; k < watch.count; k++)
            row_list_add(arena, &reach_of(arena, index, watch.keys[k])->segments, row);
        if (is_timed(image, code))
            row_list_add(arena, &index->timed_segments, row);
    }
}

static void index_object_trigger(struct arena *arena, struct index *index,
                                 const struct program *program, uint32_t row)
{
    const struct image_campaign *campaign = &program->image->campaigns[row];
    struct watch watch = {0};
    watch_add(arena, &watch, key_of(READ_OBJECT, program->object_names[campaign->trigger_object]));
    watch_code(arena, program, campaign->trigger_where, &watch);
    for (uint32_t k = 0; k < watch.count; k++)
        row_list_add(arena, &reach_of(arena, index, watch.keys[k])->objects, row);
    row_list_add(arena, &index->objects, row);
    if (is_timed(program->image, campaign->trigger_where))
        row_list_add(arena, &index->timed_objects, row);
}

static void index_trigger(struct arena *arena, struct index *index, const struct program *program,
                          uint32_t row)
{
    const struct image_campaign *campaign = &program->image->campaigns[row];
    uint64_t key = 0;
    switch ((enum trigger_kind)campaign->trigger_kind) {
    case TRIGGER_EVENT:
        key = key_of(READ_EVENT, program->event_names[campaign->trigger_event]);
        break;
    case TRIGGER_CHANGES:
    case TRIGGER_BECOMES:
        key = key_of(READ_ATTRIBUTE, program->attribute_names[campaign->trigger_attribute]);
        break;
    case TRIGGER_ENTERED:
    case TRIGGER_LEFT:
        key = key_of(READ_SEGMENT, program->segment_names[campaign->trigger_segment]);
        break;
    case TRIGGER_OBJECT:
        index_object_trigger(arena, index, program, row);
        return;
    case TRIGGER_DATE:
        key = key_of(READ_ATTRIBUTE, program->attribute_names[campaign->trigger_attribute]);
        reach_of(arena, index, key)->is_date = true;
        row_list_add(arena, &index->dates, row);
        break;
    case TRIGGER_MANUAL:
        return;
    }
    row_list_add(arena, &reach_of(arena, index, key)->triggers, row);
}

static void index_campaign(struct arena *arena, struct index *index, const struct program *program,
                           uint32_t row)
{
    const struct image *image = program->image;
    const struct image_campaign *campaign = &image->campaigns[row];
    struct watch *ends = &index->ends[row];
    *map64_put(&index->campaigns, program->campaign_names[row], NULL) = row;
    *strmap_put(&index->names, image_text(image, campaign->name), NULL) = row;
    for (uint32_t i = 0; i < campaign->exits.count; i++) {
        const struct image_exit *exit = &image->exits[campaign->exits.first + i];
        if (exit->event != IMAGE_NONE)
            watch_add(arena, ends, key_of(READ_EVENT, program->event_names[exit->event]));
        else
            index->reads_messages[row] |= watch_code(arena, program, exit->condition, ends);
    }
    for (uint32_t i = 0; i < campaign->goals.count; i++) {
        const struct image_goal *goal = &image->goals[campaign->goals.first + i];
        if (goal->event != IMAGE_NONE)
            watch_add(arena, ends, key_of(READ_EVENT, program->event_names[goal->event]));
        else
            index->reads_messages[row] |= watch_code(arena, program, goal->condition, ends);
    }
    watch_code(arena, program, campaign->audience, &index->audiences[row]);
    index_trigger(arena, index, program, row);
}

static void index_waits(struct arena *arena, struct index *index, const struct program *program)
{
    const struct image *image = program->image;
    for (uint32_t row = 0; row < image->wait_count; row++) {
        const struct image_wait *wait = &image->waits[row];
        struct watch *watch = &index->waits[row];
        if (wait->event != IMAGE_NONE)
            watch_add(arena, watch, key_of(READ_EVENT, program->event_names[wait->event]));
        watch_code(arena, program, wait->until, watch);
        watch_code(arena, program, wait->condition, watch);
        watch_code(arena, program, wait->bound, watch);
    }
}

static void index_names(struct index *index, const struct program *program)
{
    const struct image *image = program->image;
    for (uint32_t i = image->event_count; i-- > 0;) {
        if (image->events[i].other_name != IMAGE_NONE)
            *strmap_put(&index->events, image_text(image, image->events[i].other_name), NULL) = i;
    }
    for (uint32_t i = 0; i < image->event_count; i++)
        *strmap_put(&index->events, image_text(image, image->events[i].name), NULL) = i;
    for (uint32_t i = 0; i < image->attribute_count; i++)
        *strmap_put(&index->attributes, image_text(image, image->attributes[i].name), NULL) = i;
}

static void index_watched(struct index *index, const struct watch *watches, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < watches[i].count; k++)
            *map64_put(&index->watched, watches[i].keys[k], NULL) = 1;
}

static int64_t longest_limit_ms(const struct image *image)
{
    int64_t longest_ms = INT64_C(400) * DAY_MS; /* of an image to come */
    for (uint32_t i = 0; i < image->limit_count; i++) {
        const struct image_constant *per = &image->constants[image->limits[i].per];
        int64_t days = (int64_t)(int32_t)per->months * 31 + (int16_t)per->days + 2;
        int64_t ms = days * DAY_MS + per->number;
        longest_ms = ms > longest_ms ? ms : longest_ms;
    }
    return longest_ms;
}

struct index *index_make(struct arena *arena, const struct program *program)
{
    const struct image *image = program->image;
    struct index *index = arena_alloc(arena, sizeof *index);
    map64_init(&index->campaigns);
    map64_init(&index->reaches);
    map64_init(&index->watched);
    strmap_init(&index->names);
    strmap_init(&index->events);
    strmap_init(&index->attributes);
    index->ends = arena_array(arena, image->campaign_count + 1, sizeof *index->ends);
    index->audiences = arena_array(arena, image->campaign_count + 1, sizeof *index->audiences);
    index->waits = arena_array(arena, image->wait_count + 1, sizeof *index->waits);
    index->reads_messages = arena_alloc(arena, image->campaign_count + 1);
    uint32_t zone = image->projects[0].timezone_attribute;
    index->zone = zone == IMAGE_NONE ? IMAGE_NONE : program->attribute_names[zone];
    index->longest_limit_ms = longest_limit_ms(image);
    index_names(index, program);
    index_segments(arena, index, program);
    for (uint32_t row = 0; row < image->campaign_count; row++)
        index_campaign(arena, index, program, row);
    index_waits(arena, index, program);
    index_watched(index, index->ends, image->campaign_count);
    index_watched(index, index->audiences, image->campaign_count);
    index_watched(index, index->waits, image->wait_count);
    for (uint32_t i = 0; i < image->did_count; i++) {
        uint64_t key = key_of(READ_EVENT, program->event_names[image->dids[i].event]);
        if (!image->dids[i].walks)
            row_list_add(arena, &reach_of(arena, index, key)->dids, i);
    }
    return index;
}

void index_free(struct index *index)
{
    map64_free(&index->campaigns);
    map64_free(&index->reaches);
    map64_free(&index->watched);
    strmap_free(&index->names);
    strmap_free(&index->events);
    strmap_free(&index->attributes);
}
