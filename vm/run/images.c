/* images.c: programs: images stored, bound to the dictionary, and which one new enrollments run. A
 * deploy that would take back what was promised (a trigger's kind, a type) is refused whole. */
#include <stdio.h>

#include "vm/base/zone.h"
#include "vm/code/accept.h"
#include "vm/run/internal.h"

static enum status
bind_names(struct engine *engine, const struct image *image, enum name_space space, uint32_t count,
           struct str (*name)(const struct image *image, uint32_t row, struct arena *arena),
           const uint32_t **numbers)
{
    uint32_t *bound = arena_array(&engine->arena, count + 1, sizeof *bound);
    for (uint32_t i = 0; i < count; i++) {
        enum status status =
            store_name(engine->store, space, name(image, i, &engine->slice), &bound[i]);
        if (status != STATUS_OK)
            return status;
    }
    *numbers = bound;
    return STATUS_OK;
}

#define NAME_OF(table)                                                                             \
    static struct str name_of_##table(const struct image *image, uint32_t row,                     \
                                      struct arena *arena)                                         \
    {                                                                                              \
        (void)arena;                                                                               \
        return image_text(image, image->table##s[row].name);                                       \
    }
NAME_OF(attribute)
NAME_OF(event)
NAME_OF(object)
NAME_OF(field)
NAME_OF(segment)
NAME_OF(topic)
NAME_OF(campaign)

static struct str name_of_did(const struct image *image, uint32_t row, struct arena *arena)
{
    (void)arena;
    return image_text(image, image->dids[row].meaning);
}

/* Messages are named within their campaign. */
static struct str name_of_message(const struct image *image, uint32_t row, struct arena *arena)
{
    const struct image_message *message = &image->messages[row];
    return arena_printf(arena, STR_FMT "/" STR_FMT,
                        STR_ARG(image_text(image, image->campaigns[message->campaign].name)),
                        STR_ARG(image_text(image, message->name)));
}

/* Steps too; an image lists them campaign by campaign. */
static struct str name_of_step(const struct image *image, uint32_t row, struct arena *arena)
{
    uint32_t i = 0;
    while (i + 1 < image->campaign_count &&
           row - image->campaigns[i].steps.first >= image->campaigns[i].steps.count)
        i++;
    return arena_printf(arena, STR_FMT "/" STR_FMT,
                        STR_ARG(image_text(image, image->campaigns[i].name)),
                        STR_ARG(image_text(image, image->steps[row].name)));
}

static enum status bind_program(struct engine *engine, struct program *program)
{
    const struct image *image = program->image;
    enum status status = STATUS_OK;
#define BIND(table, space)                                                                         \
    if (status == STATUS_OK)                                                                       \
        status = bind_names(engine, image, space, image->table##_count, name_of_##table,           \
                            &program->table##_names);
    BIND(attribute, SPACE_ATTRIBUTE)
    BIND(event, SPACE_EVENT)
    BIND(object, SPACE_OBJECT)
    BIND(field, SPACE_FIELD)
    BIND(segment, SPACE_SEGMENT)
    BIND(topic, SPACE_TOPIC)
    BIND(did, SPACE_DID)
    BIND(campaign, SPACE_CAMPAIGN)
    BIND(message, SPACE_MESSAGE)
    BIND(step, SPACE_STEP)
#undef BIND
    program->clinic_zone = zone_find(image_text(image, image->projects[0].timezone));
    const struct builtin **functions =
        arena_array(&engine->arena, image->builtin_count + 1, sizeof(void *));
    for (uint32_t i = 0; i < image->builtin_count; i++)
        functions[i] =
            builtin_find(engine->options.builtins, image_text(image, image->builtins[i].name));
    program->functions = functions;
    return status;
}

static enum status read_image(const struct engine *engine, struct arena *arena, struct str bytes,
                              struct image *image, struct image_error *error)
{
    return image_decode(arena, bytes, false, image, error) &&
                   image_verify(image, engine->options.builtins, error)
               ? STATUS_OK
               : STATUS_INVALID;
}

static enum status load_program(struct engine *engine, uint32_t number, struct str bytes,
                                struct program **out, struct image_error *error)
{
    struct image *image = arena_alloc(&engine->arena, sizeof *image);
    struct program *program = arena_alloc(&engine->arena, sizeof *program);
    if (number >= PROGRAM_ROOM)
        return STATUS_LIMIT;
    enum status status = read_image(engine, &engine->arena, bytes, image, error);
    *program =
        (struct program){.image = image, .number = number, .builtins = engine->options.builtins};
    if (status == STATUS_OK)
        status = bind_program(engine, program);
    if (status == STATUS_OK) {
        engine->programs[number] = *out = program;
        engine->indexes[number] = index_make(&engine->arena, program);
        map64_clear(&engine->unread);
    }
    return status;
}

struct program *engine_program_of(struct engine *engine, uint32_t number)
{
    struct str bytes;
    struct image_error error;
    struct program *program = NULL;
    if (number >= PROGRAM_ROOM)
        return NULL;
    if (engine->programs[number])
        return engine->programs[number];
    if (store_image_get(engine->store, number, &engine->slice, &bytes) == STATUS_OK)
        load_program(engine, number, bytes, &program, &error);
    return program;
}

/* New enrollments run this image from now on. */
static enum status use_image(struct engine *engine, uint32_t number)
{
    struct program *program = engine_program_of(engine, number);
    if (!program)
        return STATUS_CORRUPT;
    uint8_t *states = arena_alloc(&engine->arena, program->image->campaign_count + 1);
    for (uint32_t i = 0; i < program->image->campaign_count; i++)
        states[i] = (uint8_t)engine_state_of(engine, program->campaign_names[i]);
    engine->current = program;
    engine->states = states;
    return STATUS_OK;
}

static enum status load_states(struct engine *engine)
{
    struct store_campaign campaign = {.number = 0};
    enum status status;
    map64_clear(&engine->campaign_states);
    while ((status = store_campaign_next(engine->store, campaign.number, &campaign)) == STATUS_OK)
        *map64_put(&engine->campaign_states, campaign.number, NULL) = (uint64_t)campaign.state;
    return status == STATUS_MISSING ? STATUS_OK : status;
}

enum campaign_state engine_state_of(const struct engine *engine, uint32_t number)
{
    const uint64_t *state = map64_get(&engine->campaign_states, number);
    return state ? (enum campaign_state) * state : CAMPAIGN_DEPLOYED;
}

enum campaign_state engine_campaign_state(const struct engine *engine, uint32_t row)
{
    return (enum campaign_state)engine->states[row];
}

/* What the store says is deployed. */
enum status engine_use_current(struct engine *engine)
{
    struct str current;
    uint32_t number;
    enum status status = load_states(engine);
    engine->current = NULL;
    if (status != STATUS_OK)
        return status;
    if (store_meta_get(engine->store, "current image", &engine->slice, &current) != STATUS_OK ||
        current.len != sizeof number)
        return STATUS_OK;
    memcpy(&number, current.at, sizeof number);
    return use_image(engine, number);
}

/* After a rollback the store may not know the newest images and states. */
void engine_forget_images(struct engine *engine)
{
    struct str bytes;
    map64_clear(&engine->unread);
    for (uint32_t i = 0; i < PROGRAM_ROOM; i++)
        if (engine->programs[i] &&
            store_image_get(engine->store, i, &engine->slice, &bytes) == STATUS_MISSING) {
            index_free(engine->indexes[i]);
            engine->programs[i] = NULL;
            engine->indexes[i] = NULL;
        }
    if (engine->current)
        engine_use_current(engine);
}

enum status engine_upload(struct engine *engine, struct str bytes, const struct program **out,
                          struct image_error *error)
{
    struct arena scratch;
    struct image image;
    struct program *program = NULL;
    uint32_t number = 0;
    arena_init(&scratch, 0);
    enum status status = read_image(engine, &scratch, bytes, &image, error);
    if (status == STATUS_OK)
        status = store_image_put(engine->store, image.id, image.meaning, bytes, &number);
    arena_free(&scratch);
    if (status == STATUS_OK && number < PROGRAM_ROOM && engine->programs[number])
        program = engine->programs[number];
    else if (status == STATUS_OK)
        status = load_program(engine, number, bytes, &program, error);
    *out = program;
    return status == STATUS_OK ? status : engine_fail(engine, status, "upload");
}

enum status engine_deploy(struct engine *engine, struct str bytes, struct image_error *error)
{
    const struct program *program = NULL;
    bool own = !store_in_transaction(engine->store);
    enum status status = own ? engine_begin(engine) : STATUS_OK;
    if (status == STATUS_OK)
        status = engine_upload(engine, bytes, &program, error);
    if (status == STATUS_OK)
        status = engine_use(engine, program->number, 0);
    if (own && status == STATUS_OK)
        status = engine_commit(engine);
    else if (own)
        engine_rollback(engine);
    return status;
}

const struct program *engine_image(struct engine *engine, uint32_t number)
{
    return engine_program_of(engine, number);
}

/* --- what a deploy may not change --- */

/* The rows of LANGUAGE.md 2.1: a change of the row is a change of the kind (T1). */
static uint32_t row_of_kind(uint32_t trigger_kind)
{
    return trigger_kind == TRIGGER_LEFT ? TRIGGER_ENTERED : trigger_kind;
}

static const char *const trigger_words[] = {[TRIGGER_EVENT] = "event",
                                            [TRIGGER_CHANGES] = "attribute changes",
                                            [TRIGGER_BECOMES] = "attribute becomes",
                                            [TRIGGER_ENTERED] = "segment",
                                            [TRIGGER_LEFT] = "segment",
                                            [TRIGGER_OBJECT] = "object",
                                            [TRIGGER_DATE] = "date",
                                            [TRIGGER_MANUAL] = "manual"};

const char *engine_trigger_word(uint32_t kind)
{
    return kind < ARRAY_COUNT(trigger_words) && trigger_words[kind] ? trigger_words[kind] : "none";
}

static enum status refuse(struct engine *engine, struct str why)
{
    snprintf(engine->error, sizeof engine->error, STR_FMT, STR_ARG(why));
    return STATUS_INVALID;
}

static enum status keep_campaigns(struct engine *engine, const struct program *program)
{
    for (uint32_t i = 0; i < program->image->campaign_count; i++) {
        const struct image_campaign *c = &program->image->campaigns[i];
        struct store_campaign campaign = {program->campaign_names[i], CAMPAIGN_DEPLOYED, 0, 0};
        enum status status = store_campaign_get(engine->store, campaign.number, &campaign);
        if (status != STATUS_OK && status != STATUS_MISSING)
            return status;
        if (campaign.started && row_of_kind(campaign.started) != row_of_kind(c->trigger_kind))
            return refuse(engine,
                          arena_printf(&engine->slice,
                                       "campaign `" STR_FMT
                                       "` was started with a trigger of the kind `%s`, "
                                       "which can never become `%s`; give the new one another name",
                                       STR_ARG(image_text(program->image, c->name)),
                                       engine_trigger_word(campaign.started),
                                       engine_trigger_word(c->trigger_kind)));
        campaign.image = program->number;
        status = store_campaign_put(engine->store, &campaign);
        if (status != STATUS_OK)
            return status;
        *map64_put(&engine->campaign_states, campaign.number, NULL) = (uint64_t)campaign.state;
    }
    return STATUS_OK;
}

static void put_type(const struct image *image, uint32_t row, struct buf *out)
{
    static const char *const words[] = {
        [TYPE_TEXT] = "text",         [TYPE_INTEGER] = "integer",   [TYPE_NUMBER] = "number",
        [TYPE_BOOL] = "bool",         [TYPE_DATE] = "date",         [TYPE_TIME] = "time",
        [TYPE_CLOCK] = "clock",       [TYPE_DURATION] = "duration", [TYPE_EMAIL] = "email",
        [TYPE_PHONE] = "phone",       [TYPE_URL] = "url",           [TYPE_TIMEZONE] = "timezone",
        [TYPE_LANGUAGE] = "language", [TYPE_LIST] = "list of",      [TYPE_CHOICE] = "one of"};
    const struct image_type *type = &image->types[row];
    buf_c(out, type->kind < ARRAY_COUNT(words) && words[type->kind] ? words[type->kind] : "?");
    if (type->kind != TYPE_LIST || type->of == IMAGE_NONE)
        return;
    buf_c(out, " ");
    put_type(image, type->of, out);
}

/* The values of a one-of may change: what is stored is a text. */
static enum status keep_type(struct engine *engine, const struct image *image, struct str name,
                             uint32_t type)
{
    struct buf words;
    struct str was = {0};
    buf_init(&words, 256);
    put_type(image, type, &words);
    enum status status =
        store_type_keep(engine->store, name, buf_view(&words), &engine->slice, &was);
    if (status == STATUS_OK && was.at && !str_eq(was, buf_view(&words)))
        status =
            refuse(engine,
                   arena_printf(&engine->slice,
                                "`" STR_FMT "` is kept as `" STR_FMT "` and cannot become `" STR_FMT
                                "`; declare the new one under another name",
                                STR_ARG(name), STR_ARG(was), STR_ARG(buf_view(&words))));
    buf_free(&words);
    return status;
}

static enum status keep_types(struct engine *engine, const struct image *image)
{
    struct arena *arena = &engine->slice;
    enum status status = STATUS_OK;
    for (uint32_t i = 0; status == STATUS_OK && i < image->attribute_count; i++)
        status = keep_type(engine, image,
                           arena_printf(arena, "patient." STR_FMT,
                                        STR_ARG(image_text(image, image->attributes[i].name))),
                           image->attributes[i].type);
    for (uint32_t i = 0; i < image->object_count; i++) {
        const struct image_object *object = &image->objects[i];
        for (uint32_t k = 0; status == STATUS_OK && k < object->fields.count; k++) {
            const struct image_field *field = &image->fields[object->fields.first + k];
            status = keep_type(engine, image,
                               arena_printf(arena, STR_FMT "." STR_FMT,
                                            STR_ARG(image_text(image, object->name)),
                                            STR_ARG(image_text(image, field->name))),
                               field->type);
        }
    }
    return status;
}

enum status engine_use(struct engine *engine, uint32_t number, int64_t now_ms)
{
    struct program *program = engine_program_of(engine, number);
    struct str current = {(const char *)&number, 4};
    if (!program)
        return engine_fail(engine, STATUS_MISSING, "deploy");
    arena_reset(&engine->slice);
    enum status status = keep_campaigns(engine, program);
    if (status == STATUS_OK)
        status = keep_types(engine, program->image);
    if (status == STATUS_INVALID)
        return status;
    if (status == STATUS_OK)
        status = store_meta_put(engine->store, "current image", current);
    if (status == STATUS_OK)
        status = use_image(engine, number);
    if (status == STATUS_OK)
        status = engine_refresh(engine, now_ms);
    return status == STATUS_OK ? status : engine_fail(engine, status, "deploy");
}
