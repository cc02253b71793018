/* run_test.c: one test block drives the real engine on a virtual clock and an in-memory store
 * (LANGUAGE.md 5). A failure shows the statement and the patient's timeline. */
#include "compiler/tool/run_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "stdlib/builtins.h"
#include "vm/base/clock.h"
#include "vm/base/json.h"
#include "vm/base/zone.h"
#include "vm/run/engine.h"

#define TEST_PATIENT STR("test-patient")

static void put_moment(struct buf *out, const struct zone *zone, int64_t at_ms)
{
    struct civil c = zone_local(zone, at_ms);
    buf_printf(out, "%04d-%02d-%02d %02d:%02d", c.year, c.month, c.day, c.hour, c.minute);
}

static const char *verdict_word(enum verdict verdict)
{
    static const char *const words[] = {"",       "sent",    "drafted",   "held",   "skipped",
                                        "capped", "expired", "cancelled", "failed", "withheld"};
    return words[verdict];
}

static void note_call(struct test_run *t, const struct notice *n)
{
    struct called *called = arena_alloc(&t->arena, sizeof *called);
    const struct image *image = n->program->image;
    *called = (struct called){
        .outbox = n->outbox,
        .at_ms = n->at_ms,
        .name = arena_str(&t->arena, image_text(image, image->messages[n->letter->message].name))};
    if (t->last_called)
        t->last_called->next = called;
    else
        t->called = called;
    t->last_called = called;
}

const char *channel_word(uint8_t channel)
{
    return channel == CHANNEL_EMAIL ? "email" : channel == CHANNEL_SMS ? "sms" : "webhook";
}

static void take_message(struct test_run *t, const struct notice *n, bool is_ours)
{
    const struct letter *letter = n->letter;
    if (letter->channel == CHANNEL_WEBHOOK && letter->verdict == VERDICT_SEND)
        note_call(t, n);
    if (letter->verdict != VERDICT_SEND && letter->verdict != VERDICT_DRAFT)
        return;
    if (!is_ours)
        return;
    struct sent *sent = arena_alloc(&t->arena, sizeof *sent);
    const struct image_message *message = &n->program->image->messages[letter->message];
    *sent =
        (struct sent){.span = t->span,
                      .is_draft = letter->verdict == VERDICT_DRAFT,
                      .channel = letter->channel,
                      .name = arena_str(&t->arena, image_text(n->program->image, message->name)),
                      .to = arena_str(&t->arena, letter->to),
                      .from = arena_str(&t->arena, letter->from),
                      .reply_to = arena_str(&t->arena, letter->reply_to),
                      .preheader = arena_str(&t->arena, letter->preheader),
                      .subject = arena_str(&t->arena, letter->subject),
                      .text = arena_str(&t->arena, letter->text),
                      .html = arena_str(&t->arena, letter->html),
                      .outbox = n->outbox};
    if (t->last)
        t->last->next = sent;
    else
        t->first = sent;
    t->last = sent;
}

static void observe(void *context, const struct notice *n)
{
    struct test_run *t = context;
    const struct image *image = n->program->image;
    struct str campaign = image_text(image, image->campaigns[n->campaign].name);
    bool is_ours = str_eq(campaign, t->test->name) && str_eq(n->patient, TEST_PATIENT);
    if (t->coverage)
        coverage_note(t->coverage, &t->trail, n);
    if (n->kind == NOTICE_TRIGGERED || n->kind == NOTICE_REFUSED)
        return;
    put_moment(&t->timeline, t->zone, n->at_ms);
    buf_printf(&t->timeline, "  " STR_FMT ": ", STR_ARG(campaign));
    switch (n->kind) {
    case NOTICE_ENTERED:
        buf_c(&t->timeline, "entered\n");
        break;
    case NOTICE_TRIGGERED:
    case NOTICE_REFUSED:
    case NOTICE_TURNED_AWAY: /* no test pauses */
        break;
    case NOTICE_FILTERED:
        buf_c(&t->timeline, "filtered out\n");
        break;
    case NOTICE_STEP:
        buf_printf(&t->timeline, "step " STR_FMT "\n",
                   STR_ARG(image_text(image, image->steps[n->step].name)));
        break;
    case NOTICE_MESSAGE:
        buf_printf(&t->timeline, "%s " STR_FMT " %s: " STR_FMT "\n",
                   channel_word(n->letter->channel),
                   STR_ARG(image_text(image, image->messages[n->letter->message].name)),
                   verdict_word(n->letter->verdict),
                   STR_ARG(n->letter->channel == CHANNEL_EMAIL ? n->letter->subject
                           : n->letter->channel == CHANNEL_SMS ? n->letter->text
                                                               : n->letter->to));
        break;
    case NOTICE_GOAL:
        buf_c(&t->timeline, "goal\n");
        break;
    case NOTICE_ENDED:
        buf_printf(&t->timeline, "ended" STR_FMT STR_FMT "\n",
                   STR_ARG(n->text.len ? STR(": ") : STR("")), STR_ARG(n->text));
        break;
    case NOTICE_FAULT:
        buf_printf(&t->timeline, "fault: " STR_FMT "\n", STR_ARG(n->text));
        break;
    }
    if (n->kind == NOTICE_MESSAGE)
        take_message(t, n, is_ours);
    if (!is_ours)
        return;
    if (n->kind == NOTICE_ENTERED) {
        t->newest = n->enrollment;
        t->entry_span = t->span;
        t->is_converted = t->has_ended = false;
    } else if (n->kind == NOTICE_GOAL && n->enrollment == t->newest) {
        t->is_converted = true;
    } else if (n->kind == NOTICE_ENDED && n->enrollment == t->newest) {
        t->has_ended = true;
        t->reason = arena_str(&t->arena, n->text);
    }
}

void test_fail(struct test_run *t, const struct node *statement, const char *why)
{
    const struct source *source = source_at(&t->compilation->sources, statement->span.file);
    struct position at = source_position(source, statement->span.first);
    if (t->has_failed)
        return;
    t->has_failed = true;
    t->result->file = source->name;
    t->result->line = at.line;
    t->result->statement = arena_str(&t->arena, str_trim(source_line(source, at.line)));
    t->result->why = arena_printf(&t->arena, "%s", why);
}

static void check(struct test_run *t, const struct node *s, enum status status)
{
    if (status != STATUS_OK)
        test_fail(t, s, engine_error(t->engine));
}

static void start_all(struct test_run *t)
{
    const struct program *program = engine_program(t->engine);
    if (t->is_started)
        return;
    t->is_started = true;
    for (uint32_t i = 0; i < program->image->campaign_count; i++)
        engine_set_campaign(t->engine,
                            image_text(program->image, program->image->campaigns[i].name),
                            CAMPAIGN_RUNNING);
}

/* Records nest; everything else is an expression. */
void test_put_json(struct test_run *t, const struct node *value, struct buf *json)
{
    if (value->kind != NODE_RECORD) {
        value_to_json(test_value(t, value), json);
        return;
    }
    buf_byte(json, '{');
    for (const struct node *pair = value->kids[RECORD_PAIRS]; pair; pair = pair->next) {
        json_put_text(json, pair->name);
        buf_byte(json, ':');
        test_put_json(t, pair->kids[PAIR_VALUE], json);
        if (pair->next)
            buf_byte(json, ',');
    }
    buf_byte(json, '}');
}

/* As `given webhook N { … }` says; without it, 200 and {}. */
static void put_answer(struct test_run *t, struct str name, struct buf *json)
{
    const struct node *status = NULL, *body = NULL;
    for (const struct node *s = t->test->kids[TEST_STATEMENTS]; s; s = s->next) {
        if (s->kind != NODE_GIVEN_WEBHOOK || !str_eq(s->name, name))
            continue;
        for (const struct node *pair = s->kids[0]->kids[RECORD_PAIRS]; pair; pair = pair->next)
            *(str_eq_c(pair->name, "status") ? &status : &body) = pair->kids[PAIR_VALUE];
    }
    buf_c(json, "{\"status\":");
    if (status)
        test_put_json(t, status, json);
    else
        buf_c(json, "200");
    buf_c(json, ",\"body\":");
    if (body)
        test_put_json(t, body, json);
    else
        buf_c(json, "{}");
    buf_c(json, "}");
}

/* The world answers at once. */
static void answer_calls(struct test_run *t, const struct node *s)
{
    while (t->called && !t->has_failed) {
        struct called call = *t->called;
        struct buf json;
        enum outbox_state became;
        t->called = call.next;
        t->last_called = t->called ? t->last_called : NULL;
        buf_init(&json, 1 << 16);
        put_answer(t, call.name, &json);
        check(t, s, engine_claim(t->engine, call.outbox, call.at_ms, &became));
        if (became == OUTBOX_CLAIMED)
            check(t, s, engine_answer(t->engine, call.outbox, buf_view(&json), call.at_ms));
        buf_free(&json);
    }
}

static void advance(struct test_run *t, const struct node *s, int64_t to_ms)
{
    bool more = true;
    while ((more || t->called) && !t->has_failed) {
        answer_calls(t, s);
        check(t, s, engine_advance(t->engine, to_ms, true, 1, &more));
    }
    t->now_ms = to_ms;
}

struct value test_value(struct test_run *t, const struct node *node)
{
    struct value v = value_unknown();
    const uint64_t *code = map64_get(&t->compilation->code_of, node->id);
    if (code)
        engine_eval(t->engine, TEST_PATIENT, t->newest, (uint32_t)*code, t->now_ms, &t->arena, &v);
    return v;
}

static struct str json_of(struct test_run *t, const struct node *record)
{
    struct buf json;
    buf_init(&json, 1 << 20);
    buf_byte(&json, '{');
    for (const struct node *pair = record ? record->kids[RECORD_PAIRS] : NULL; pair;
         pair = pair->next) {
        json_put_text(&json, pair->name);
        buf_byte(&json, ':');
        value_to_json(test_value(t, pair->kids[PAIR_VALUE]), &json);
        if (pair->next)
            buf_byte(&json, ',');
    }
    buf_byte(&json, '}');
    struct str copy = arena_str(&t->arena, buf_view(&json));
    buf_free(&json);
    return copy;
}

static void input(struct test_run *t, const struct node *s, struct input in)
{
    struct input_answer answer;
    in.patient = TEST_PATIENT;
    in.at_ms = t->now_ms;
    check(t, s, engine_input(t->engine, &in, t->now_ms, &answer));
    if (answer.what == ANSWER_REJECTED) {
        struct str why = arena_printf(&t->arena, "refused: %s: %s", answer.field, answer.reason);
        test_fail(t, s, why.at);
    }
    advance(t, s, t->now_ms);
}

static void object(struct test_run *t, const struct node *s)
{
    const struct image *image = engine_program(t->engine)->image;
    struct str id_field = {0}, id = {0};
    for (uint32_t i = 0; i < image->object_count; i++)
        if (str_eq(image_text(image, image->objects[i].name), s->name))
            id_field = image_text(image, image->objects[i].id_field);
    for (const struct node *pair = s->kids[0]->kids[RECORD_PAIRS]; pair; pair = pair->next)
        if (str_eq(pair->name, id_field))
            id = test_value(t, pair->kids[PAIR_VALUE]).text;
    if (!id.len)
        test_fail(t, s, "the object has no id");
    else
        input(t, s,
              (struct input){.kind = INPUT_OBJECT,
                             .name = s->name,
                             .object_id = id,
                             .properties = json_of(t, s->kids[0])});
}

static void set(struct test_run *t, const struct node *s)
{
    const struct node *part = s->kids[0]->kids[PATH_PARTS];
    struct buf json;
    buf_init(&json, 1 << 20);
    buf_byte(&json, '{');
    json_put_text(&json, part->name);
    buf_byte(&json, ':');
    value_to_json(s->kind == NODE_SET ? test_value(t, s->kids[SET_VALUE]) : value_unknown(), &json);
    buf_byte(&json, '}');
    input(t, s,
          (struct input){.kind = INPUT_IDENTIFY,
                         .properties = arena_str(&t->arena, buf_view(&json))});
    buf_free(&json);
}

static void act_on_message(struct test_run *t, const struct node *s)
{
    struct sent *newest = NULL;
    uint8_t channel = s->flags & FLAG_EMAIL ? CHANNEL_EMAIL : CHANNEL_SMS;
    bool wants_draft = s->number == ACT_APPROVE;
    for (struct sent *sent = t->first; sent; sent = sent->next)
        if (sent->channel == channel && str_eq(sent->name, s->name) &&
            sent->is_draft == wants_draft)
            newest = sent;
    if (!newest)
        test_fail(t, s, wants_draft ? "there is no such draft" : "no such message was sent");
    else if (wants_draft)
        check(t, s, engine_approve(t->engine, newest->outbox, t->now_ms));
    else
        check(t, s, engine_touched(t->engine, newest->outbox, s->number == ACT_CLICKED, t->now_ms));
    advance(t, s, t->now_ms);
}

static int64_t moment_of(struct test_run *t, const struct node *s)
{
    return zone_at_clock(t->zone, s->number, s->clock);
}

static void given(struct test_run *t, const struct node *s)
{
    switch ((int)s->kind) {
    case NODE_GIVEN_NOW:
        advance(t, s, moment_of(t, s));
        break;
    case NODE_GIVEN_PATIENT:
        input(t, s, (struct input){.kind = INPUT_IDENTIFY, .properties = json_of(t, s->kids[0])});
        break;
    case NODE_GIVEN_SUBSCRIBED:
        input(t, s, (struct input){.kind = INPUT_SUBSCRIPTION, .name = s->name, .is_on = true});
        break;
    case NODE_GIVEN_SEGMENT:
        input(t, s, (struct input){.kind = INPUT_SEGMENT, .name = s->name, .is_on = true});
        break;
    case NODE_GIVEN_EVENT:
        input(t, s,
              (struct input){
                  .kind = INPUT_TRACK, .name = s->name, .properties = json_of(t, s->kids[0])});
        break;
    case NODE_GIVEN_OBJECT:
        object(t, s);
        break;
    default: /* answers and arms are looked up when they are asked for */
        break;
    }
}

static void act(struct test_run *t, const struct node *s)
{
    t->span++;
    switch ((int)s->kind) {
    case NODE_AFTER: {
        const struct node *d = s->kids[AFTER_DELAY];
        struct value v = {
            .kind = VALUE_DURATION, .i = d->number, .months = d->months, .days = (int16_t)d->days};
        advance(t, s, instant_step(t->zone, t->now_ms, v, 1));
        break;
    }
    case NODE_UNTIL:
        advance(t, s, moment_of(t, s));
        break;
    case NODE_ACT_EVENT:
        input(t, s,
              (struct input){
                  .kind = INPUT_TRACK, .name = s->name, .properties = json_of(t, s->kids[0])});
        break;
    case NODE_ACT_OBJECT:
        object(t, s);
        break;
    case NODE_SET:
    case NODE_CLEAR:
        set(t, s);
        break;
    case NODE_SUBSCRIBE:
    case NODE_UNSUBSCRIBE:
        input(t, s,
              (struct input){
                  .kind = INPUT_SUBSCRIPTION, .name = s->name, .is_on = s->kind == NODE_SUBSCRIBE});
        break;
    case NODE_ADD:
    case NODE_REMOVE:
        input(t, s,
              (struct input){.kind = INPUT_SEGMENT, .name = s->name, .is_on = s->kind == NODE_ADD});
        break;
    case NODE_ACT_ENTER:
        input(t, s, (struct input){.kind = INPUT_ENTER, .name = t->test->name});
        break;
    case NODE_ACT_REPLY:
        input(t, s, (struct input){.kind = INPUT_REPLY, .text = s->name});
        break;
    case NODE_ACT_MESSAGE:
        act_on_message(t, s);
        break;
    default:
        break;
    }
}

/* What the test itself does stands between what happens. */
static void note_act(struct test_run *t, const struct node *s)
{
    const struct source *source = source_at(&t->compilation->sources, s->span.file);
    struct position at = source_position(source, s->span.first);
    put_moment(&t->timeline, t->zone, t->now_ms);
    buf_printf(&t->timeline, "  > " STR_FMT "\n", STR_ARG(str_trim(source_line(source, at.line))));
}

static void run_statements(struct test_run *t)
{
    for (const struct node *s = t->test->kids[TEST_STATEMENTS]; s && !t->has_failed; s = s->next) {
        bool is_given = s->kind >= NODE_GIVEN_NOW && s->kind <= NODE_GIVEN_HOLDOUT;
        bool is_expect = s->kind >= NODE_EXPECT_MESSAGE && s->kind <= NODE_EXPECT;
        if (is_given) {
            given(t, s);
            continue;
        }
        start_all(t);
        if (is_expect) {
            test_expect(t, s);
        } else {
            note_act(t, s);
            act(t, s);
        }
    }
}

/* `given split N arm`, `given holdout`: for the campaign under test. */
static bool chosen_arm(void *context, struct str campaign, struct str split, struct str *arm)
{
    const struct test_run *t = context;
    if (!str_eq(campaign, t->test->name))
        return false;
    for (const struct node *s = t->test->kids[TEST_STATEMENTS]; s; s = s->next) {
        bool is_holdout = s->kind == NODE_GIVEN_HOLDOUT && str_eq_c(split, "holdout");
        if (is_holdout)
            return true;
        if (s->kind == NODE_GIVEN_SPLIT && str_eq(s->name, split)) {
            *arm = s->other;
            return true;
        }
    }
    return false;
}

static void open_engine(struct test_run *t, struct str image)
{
    struct engine_options options = {.builtins = &stdlib_builtins,
                                     .late_after_ms = DAY_MS,
                                     .public_url = STR("https://clinic.example"),
                                     .is_virtual_time = true,
                                     .without_holdout = true,
                                     .keeps_ended = true,
                                     .chosen_arm = chosen_arm,
                                     .chooser = t};
    struct image_error image_error;
    struct str error = {0};
    enum status status = store_open(&t->store, ":memory:", &error, &t->arena);
    if (status == STATUS_OK)
        status = engine_open(&t->engine, t->store, &options);
    if (status == STATUS_OK) {
        engine_observe(t->engine, observe, t);
        status = engine_begin(t->engine);
    }
    if (status == STATUS_OK)
        status = engine_deploy(t->engine, image, &image_error);
    if (status != STATUS_OK)
        test_fail(t, t->test, t->engine ? engine_error(t->engine) : error.at);
}

void run_test(const struct test_project *project, const struct node *test, struct arena *arena,
              struct test_result *result)
{
    struct test_run t = {.compilation = project->compilation,
                         .test = test,
                         .result = result,
                         .coverage = project->coverage};
    const struct image *image = &t.compilation->image;
    int64_t begun_ns = monotonic_ns();
    *result = (struct test_result){0};
    arena_init(&t.arena, 0);
    buf_init(&t.timeline, 1 << 20);
    map64_init(&t.trail.last_steps);
    t.zone = zone_find(image_text(image, image->projects[0].timezone));
    t.zone = t.zone ? t.zone : zone_utc();
    t.now_ms = zone_at_clock(t.zone, civil_day(2026, 1, 5), 9 * 60);
    open_engine(&t, project->image);
    if (!t.has_failed)
        run_statements(&t);
    result->is_passed = !t.has_failed;
    result->file = arena_str(arena, result->file);
    result->statement = arena_str(arena, result->statement);
    result->why = arena_str(arena, result->why);
    result->difference = arena_str(arena, result->difference);
    result->timeline = arena_str(arena, buf_view(&t.timeline));
    engine_close(t.engine);
    if (t.store && store_in_transaction(t.store))
        store_rollback(t.store);
    store_close(t.store);
    map64_free(&t.trail.last_steps);
    buf_free(&t.timeline);
    arena_free(&t.arena);
    result->took_us = (uint64_t)(monotonic_ns() - begun_ns) / 1000;
}
