/* trial.c: a message sent to its author with a patient's data. What the patient could do by its
 * links, its author must not do for him: they lead nowhere. */
#include <stdio.h>

#include "vm/base/hash.h"
#include "vm/code/accept.h"
#include "vm/run/internal.h"
#include "vm/run/people.h"

static struct str no_url(void *context, const struct env *env, uint32_t topic)
{
    struct engine *engine = context;
    (void)topic;
    return arena_printf(env->arena, STR_FMT "/u/test", STR_ARG(engine->options.public_url));
}

/* The newest of the patient's events that could have triggered it; 0 none. */
static uint64_t find_trigger(struct react *r, const struct program *program,
                             const struct image_campaign *campaign)
{
    struct event event;
    uint64_t id = campaign->trigger_kind == TRIGGER_EVENT ? r->patient->last_event : 0;
    while (id && r->engine->host.event(r->engine->host.context, id, &r->engine->slice, &event)) {
        if (event.name == program->event_names[campaign->trigger_event])
            return id;
        id = event.previous;
    }
    return 0;
}

static void set_trigger(struct react *r, const struct program *program,
                        const struct image_campaign *campaign, struct enrollment *e)
{
    e->event = find_trigger(r, program, campaign);
    if (campaign->trigger_slot >= e->slot_count)
        return;
    if (e->event)
        e->slots[campaign->trigger_slot] =
            (struct value){.kind = VALUE_EVENT, .i = (int64_t)e->event};
    uint32_t kind = campaign->trigger_kind == TRIGGER_OBJECT
                        ? program->object_names[campaign->trigger_object]
                        : 0;
    for (uint32_t i = 0; kind && i < r->patient->objects_count; i++)
        if (r->patient->objects[i].object == kind)
            e->slots[campaign->trigger_slot] =
                (struct value){.kind = VALUE_OBJECT,
                               .months = (int32_t)campaign->trigger_object,
                               .text = r->patient->objects[i].id};
}

static enum status put(struct react *r, const struct program *program, const struct letter *letter,
                       struct str to, struct test_letter *test)
{
    struct outbox_row row = {.patient = r->patient->key,
                             .image = program->number,
                             .message = letter->message,
                             .channel = letter->channel,
                             .state = OUTBOX_PENDING,
                             .at_ms = r->now_ms,
                             .expires_at_ms = NEVER_MS,
                             .draft_until_ms = NEVER_MS,
                             .to = to,
                             .from = letter->from,
                             .reply_to = letter->reply_to,
                             .subject = letter->subject,
                             .preheader = letter->preheader,
                             .html = letter->html,
                             .text = letter->text};
    random_bytes(row.key, sizeof row.key);
    enum status status = store_outbox_add(r->engine->store, &row);
    test->outbox = row.id;
    return status;
}

static uint32_t find_message(const struct image *image, const struct image_campaign *campaign,
                             struct str name)
{
    for (uint32_t i = 0; i < campaign->messages.count; i++)
        if (str_eq(image_text(image, image->messages[campaign->messages.first + i].name), name))
            return campaign->messages.first + i;
    return IMAGE_NONE;
}

enum status engine_test_send(struct engine *engine, const struct program *program,
                             uint32_t campaign_row, struct str message, struct str patient,
                             struct str to, int64_t now_ms, struct test_letter *test)
{
    struct react r;
    struct letter letter;
    const struct image_campaign *campaign = &program->image->campaigns[campaign_row];
    uint32_t row = find_message(program->image, campaign, message);
    *test = (struct test_letter){.field = "message"};
    if (row == IMAGE_NONE || program->image->messages[row].channel == CHANNEL_WEBHOOK) {
        test->refusal = "the campaign has no e-mail or SMS of this name";
        return STATUS_OK;
    }
    bool is_sms = program->image->messages[row].channel == CHANNEL_SMS;
    if (!(is_sms ? address_is_phone(to) : address_is_email(to))) {
        test->field = "to";
        test->refusal = is_sms ? "is no phone number as +15185550100" : "is no e-mail address";
        return STATUS_OK;
    }
    struct patient known;
    arena_reset(&engine->slice);
    enum status status = engine_look(engine, patient, &engine->slice, &known);
    if (status == STATUS_OK)
        status = react_open(engine, patient, 0, now_ms, &r);
    if (status != STATUS_OK)
        return status;
    struct enrollment e = {.campaign = program->campaign_names[campaign_row],
                           .image = program->number,
                           .entered_at_ms = now_ms,
                           .wait_first_ms = NEVER_MS,
                           .slot_count = campaign->slot_count};
    e.slots = arena_array(&engine->slice, e.slot_count, sizeof *e.slots);
    if (!e.slots)
        return STATUS_LIMIT;
    set_trigger(&r, program, campaign, &e);
    struct host host = engine->host;
    host.unsubscribe_url = no_url;
    struct env env = react_env(&r, program, &e);
    env.host = &host;
    enum render render = letter_render(&env, row, &letter);
    if (render == RENDER_BLANK)
        test->refusal = "a value that it writes is unknown for this patient";
    else if (render != RENDER_OK)
        test->refusal = "it cannot be rendered for this patient";
    return test->refusal ? STATUS_OK : put(&r, program, &letter, to, test);
}
