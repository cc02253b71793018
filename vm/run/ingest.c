/* ingest.c: one item of traffic in Segment's form (INTERFACES.md 3) to an input. Strict about what
 * is ours, silent about what is not declared. */
#include <stdio.h>

#include "vm/base/civil.h"
#include "vm/base/json.h"
#include "vm/run/engine.h"

static bool refuse(struct input_answer *answer, const char *field, const char *reason)
{
    answer->what = ANSWER_REJECTED;
    snprintf(answer->field, sizeof answer->field, "%s", field);
    snprintf(answer->reason, sizeof answer->reason, "%s", reason);
    return false;
}

static bool text_of(const struct json *object, const char *name, bool is_needed, struct str *text,
                    struct input_answer *answer)
{
    const struct json *member = json_get(object, name);
    bool is_absent = !member || member->kind == JSON_NULL;
    if (is_absent && !is_needed)
        return true;
    if (is_absent)
        return refuse(answer, name, "is missing");
    if (member->kind != JSON_STRING)
        return refuse(answer, name, "must be a text");
    if (member->text.len > 256 || (is_needed && !member->text.len))
        return refuse(answer, name, "must have 1 to 256 bytes");
    if (memchr(member->text.at ? member->text.at : "", 0, member->text.len))
        return refuse(answer, name, "must not have a NUL");
    *text = member->text;
    return true;
}

static bool members_of(const struct json *object, const char *name, struct str *raw,
                       struct input_answer *answer)
{
    const struct json *member = json_get(object, name);
    if (!member || member->kind == JSON_NULL)
        return true;
    if (member->kind != JSON_OBJECT)
        return refuse(answer, name, "must be an object");
    *raw = member->raw;
    return true;
}

static bool time_of(const struct json *object, int64_t *at_ms, struct input_answer *answer)
{
    const struct json *member = json_get(object, "timestamp");
    if (!member || member->kind == JSON_NULL)
        member = json_get(object, "originalTimestamp"); /* RudderStack's clients */
    *at_ms = INT64_MIN;
    if (!member || member->kind == JSON_NULL)
        return true;
    if (member->kind != JSON_STRING || !civil_parse_instant(member->text, at_ms))
        return refuse(answer, "timestamp", "must be an instant as 2026-03-02T14:00:00Z");
    return true;
}

/* What Segment's clients send besides: events by the name of the call. */
static bool read_call(const struct json *item, struct str type, struct input *input,
                      struct input_answer *answer)
{
    bool has_traits = str_eq(type, STR("group"));
    input->kind = INPUT_TRACK;
    input->name = type;
    return members_of(item, has_traits ? "traits" : "properties", &input->properties, answer);
}

bool input_parse(struct arena *arena, struct str json, struct input *input,
                 struct input_answer *answer)
{
    return input_parse_as(arena, json, (struct str){0}, input, answer);
}

bool input_parse_as(struct arena *arena, struct str json, struct str type, struct input *input,
                    struct input_answer *answer)
{
    const char *error;
    const struct json *item = json_parse(arena, json, &error, NULL);
    *input = (struct input){.raw = json};
    *answer = (struct input_answer){.what = ANSWER_ACCEPTED};
    if (!item)
        return refuse(answer, "", error);
    if (item->kind != JSON_OBJECT)
        return refuse(answer, "", "must be an object");
    if ((!type.at && !text_of(item, "type", true, &type, answer)) ||
        !text_of(item, "userId", true, &input->patient, answer) ||
        !text_of(item, "messageId", false, &input->message_id, answer) ||
        !time_of(item, &input->at_ms, answer))
        return false;
    if (str_eq(type, STR("identify"))) {
        input->kind = INPUT_IDENTIFY;
        return members_of(item, "traits", &input->properties, answer);
    }
    if (str_eq(type, STR("track"))) {
        input->kind = INPUT_TRACK;
        return text_of(item, "event", true, &input->name, answer) &&
               members_of(item, "properties", &input->properties, answer);
    }
    if (str_eq(type, STR("object"))) {
        input->kind = INPUT_OBJECT;
        return text_of(item, "object", true, &input->name, answer) &&
               text_of(item, "id", true, &input->object_id, answer) &&
               members_of(item, "properties", &input->properties, answer);
    }
    if (str_eq(type, STR("subscription"))) {
        const struct json *on = json_get(item, "subscribed");
        input->kind = INPUT_SUBSCRIPTION;
        if (!on || (on->kind != JSON_TRUE && on->kind != JSON_FALSE))
            return refuse(answer, "subscribed", "must be true or false");
        input->is_on = on->kind == JSON_TRUE;
        return text_of(item, "topic", true, &input->name, answer);
    }
    if (str_eq(type, STR("page")) || str_eq(type, STR("screen")) || str_eq(type, STR("group")) ||
        str_eq(type, STR("alias")))
        return read_call(item, type, input, answer);
    return refuse(answer, "type",
                  "must be identify, track, object, subscription, page, screen, group or alias");
}
