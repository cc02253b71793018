/* fuzz_image.c: any bytes as an image, the hash not looked at: refused, or decoded, verified and
 * run without a fault of ours, every code and every way of every campaign. */
#include "stdlib/builtins.h"
#include "vm/base/zone.h"
#include "vm/core/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SLICES = 40, FUEL = 20000, EFFECTS = 64, ARENA_BYTES = 8 << 20 };
#define NOW_MS 1772460000000

static bool no_event(void *context, uint64_t id, struct arena *arena, struct event *event)
{
    (void)context, (void)arena;
    *event = (struct event){id, 0, 1, NOW_MS, NOW_MS, STR("{\"a\":1}")};
    return id == 1;
}

static struct str no_url(void *context, const struct env *env, uint32_t message)
{
    (void)context, (void)env, (void)message;
    return STR("https://camp.example/u/x");
}

/* Row n of every table has number n + 1. */
static struct program bind(struct arena *arena, const struct image *image)
{
    uint32_t most = 1;
#define MOST(table) most = image->table##_count > most ? image->table##_count : most;
    MOST(attribute)
    MOST(event)
    MOST(object) MOST(field) MOST(segment) MOST(topic) MOST(did) MOST(campaign) MOST(message)
        MOST(builtin)
#undef MOST
            uint32_t *numbers = arena_array(arena, most, sizeof *numbers);
    const struct builtin **functions = arena_array(arena, most, sizeof *functions);
    for (uint32_t i = 0; i < most; i++)
        numbers[i] = i + 1;
    for (uint32_t i = 0; i < image->builtin_count; i++)
        functions[i] = builtin_find(&stdlib_builtins, image_text(image, image->builtins[i].name));
    return (struct program){.image = image,
                            .number = 1,
                            .builtins = &stdlib_builtins,
                            .functions = functions,
                            .attribute_names = numbers,
                            .event_names = numbers,
                            .object_names = numbers,
                            .field_names = numbers,
                            .segment_names = numbers,
                            .topic_names = numbers,
                            .did_names = numbers,
                            .campaign_names = numbers,
                            .message_names = numbers,
                            .clinic_zone = zone_utc()};
}

static void run_campaign(struct env *env, uint32_t row)
{
    const struct image_campaign *campaign = &env->program->image->campaigns[row];
    struct enrollment e = {.id = 1,
                           .campaign = row + 1,
                           .image = 1,
                           .state = ENROLLMENT_READY,
                           .entered_at_ms = NOW_MS,
                           .wait_began_ms = NOW_MS,
                           .event = 1,
                           .wait_first_ms = NEVER_MS,
                           .wake_at_ms = NEVER_MS,
                           .goal_until_ms = NEVER_MS,
                           .slot_count = campaign->slot_count};
    struct effects effects = {.room = EFFECTS};
    struct slice slice = {.effects = &effects};
    effects.items = arena_array(env->arena, EFFECTS, sizeof *effects.items);
    e.slots = arena_array(env->arena, e.slot_count + 1, sizeof *e.slots);
    env->enrollment = &e;
    for (int i = 0; i < SLICES && e.state == ENROLLMENT_READY; i++) {
        effects.count = 0;
        env->fuel = FUEL;
        enum slice_end end = machine_run(env, &slice);
        if (end == SLICE_ENDED || end == SLICE_FAULT)
            break;
        if (end != SLICE_PARKED)
            continue;
        env->now_ms += 40LL * 86400000;
        wait_review(env);
    }
    env->now_ms = NOW_MS;
    env->enrollment = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena, scratch;
    struct image image;
    struct image_error error;
    arena_init(&arena, ARENA_BYTES);
    arena_init(&scratch, ARENA_BYTES);
    if (image_decode(&arena, (struct str){(const char *)data, size}, true, &image, &error) &&
        image_verify(&image, &stdlib_builtins, &error)) {
        struct program program = bind(&scratch, &image);
        struct patient patient;
        struct host host = {.event = no_event, .unsubscribe_url = no_url};
        uint64_t work = 0;
        host.work = &work;
        patient_init(&patient, &scratch, STR("p1"), 1);
        struct env env = {.program = &program,
                          .patient = &patient,
                          .host = &host,
                          .arena = &scratch,
                          .zone = zone_utc(),
                          .now_ms = NOW_MS};
        for (uint32_t i = 0; i < image.code_count; i++)
            if (image.codes[i].kind == CODE_EXPRESSION) {
                env.fuel = FUEL;
                machine_eval(&env, i);
            }
        for (uint32_t row = 0; row < image.campaign_count; row++)
            run_campaign(&env, row);
    }
    arena_free(&arena);
    arena_free(&scratch);
    return 0;
}
