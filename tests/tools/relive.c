/*
 * relive IMAGE HISTORY.ndjson [DATABASE]: runs a history through the engine and prints everything
 * that happened, a line each. With a DATABASE the process starts anew, as it were, after every
 * input and every timer: engine and store are closed and opened again. What is printed must be the
 * same (tests/restart/run).
 *
 * A line of the history is one of INTERFACES.md 3, with `arrives` where it comes later than its
 * timestamp, or of our own:
 *   {"do":"reply","userId":…,"text":…,"timestamp":…}   a text from the patient
 *   {"do":"enter","userId":…,"campaign":…,"timestamp":…}
 *   {"do":"segment","userId":…,"segment":…,"in":true,"timestamp":…}
 *   {"do":"approve","timestamp":…}                      every draft there is
 *   {"do":"open","timestamp":…}                         the newest message that was handed over
 *   {"do":"answer","answer":{"status":…,"body":…},"timestamp":…}   of every webhook that waits;
 *                                                       without `answer` they fail for good
 */
#include <stdio.h>
#include <stdlib.h>

#include "stdlib/builtins.h"
#include "vm/base/civil.h"
#include "vm/base/json.h"
#include "vm/run/engine.h"

struct life {
    struct arena arena, line;
    const char *path; /* NULL: in memory, without restarts */
    struct store *store;
    struct engine *engine;
    int64_t now_ms;
    uint64_t newest; /* outbox row */
    uint64_t drafts[256];
    uint32_t draft_count;
    uint64_t calls[256]; /* webhooks that wait for their answer */
    uint32_t call_count;
};

static void die(struct life *life, const char *what)
{
    fprintf(stderr, "relive: %s: %s\n", what, life->engine ? engine_error(life->engine) : "");
    exit(2);
}

static void must(struct life *life, enum status status, const char *what)
{
    if (status != STATUS_OK)
        die(life, what);
}

static void observe(void *context, const struct notice *n)
{
    struct life *life = context;
    const struct image *image = n->program->image;
    struct str campaign = image_text(image, image->campaigns[n->campaign].name);
    printf("%lld " STR_FMT " " STR_FMT " %d %llu ", (long long)n->at_ms, STR_ARG(n->patient),
           STR_ARG(campaign), (int)n->kind, (unsigned long long)n->enrollment);
    if (n->kind == NOTICE_STEP)
        printf(STR_FMT, STR_ARG(image_text(image, image->steps[n->step].name)));
    if (n->kind == NOTICE_MESSAGE) {
        printf(STR_FMT " %d %d " STR_FMT "|" STR_FMT "|" STR_FMT,
               STR_ARG(image_text(image, image->messages[n->letter->message].name)),
               (int)n->letter->verdict, (int)n->letter->skip, STR_ARG(n->letter->to),
               STR_ARG(n->letter->subject), STR_ARG(n->letter->text));
        bool is_call = n->letter->channel == CHANNEL_WEBHOOK;
        if (n->letter->verdict == VERDICT_SEND && !is_call)
            life->newest = n->outbox;
        if (n->letter->verdict == VERDICT_SEND && is_call &&
            life->call_count < ARRAY_COUNT(life->calls))
            life->calls[life->call_count++] = n->outbox;
        if (n->letter->verdict == VERDICT_DRAFT && life->draft_count < ARRAY_COUNT(life->drafts))
            life->drafts[life->draft_count++] = n->outbox;
    }
    printf(" " STR_FMT "\n", STR_ARG(n->text));
}

static void open_all(struct life *life)
{
    struct engine_options options = {.builtins = &stdlib_builtins,
                                     .late_after_ms = DAY_MS,
                                     .public_url = STR("https://clinic.example"),
                                     .is_virtual_time = true,
                                     .counts = true};
    struct str error = {0};
    if (store_open(&life->store, life->path ? life->path : ":memory:", &error, &life->arena) !=
        STATUS_OK)
        die(life, error.at);
    must(life, engine_open(&life->engine, life->store, &options), "open");
    engine_observe(life->engine, observe, life);
    must(life, engine_begin(life->engine), "begin");
}

static void checkpoint(struct life *life)
{
    if (!life->path)
        return;
    must(life, engine_commit(life->engine), "commit");
    engine_close(life->engine);
    store_close(life->store);
    life->engine = NULL;
    open_all(life);
}

static void advance(struct life *life, int64_t to_ms, bool is_included)
{
    bool more = true;
    while (more) {
        must(life, engine_advance(life->engine, to_ms, is_included, 1, &more), "advance");
        checkpoint(life);
    }
    life->now_ms = to_ms;
}

static struct str text_of(const struct json *item, const char *name)
{
    const struct json *member = json_get(item, name);
    return member && member->kind == JSON_STRING ? member->text : (struct str){0};
}

/* Is it to be called still? */
static bool is_pending(struct life *life, uint64_t call)
{
    struct outbox_row row;
    must(life, store_outbox_get(life->store, call, &life->line, &row), "get");
    return row.state == OUTBOX_PENDING;
}

/* Claimed first, as delivery does: what was cancelled meanwhile is called by nobody. */
static void answer_calls(struct life *life, const struct json *answer)
{
    uint64_t calls[256];
    uint32_t count = life->call_count;
    memcpy(calls, life->calls, sizeof calls);
    life->call_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        enum outbox_state became;
        if (!is_pending(life, calls[i]))
            continue;
        must(life, engine_claim(life->engine, calls[i], life->now_ms, &became), "claim");
        checkpoint(life);
        printf("claimed %d\n", (int)became);
        if (became == OUTBOX_CLAIMED)
            must(life,
                 engine_answer(life->engine, calls[i], answer ? answer->raw : (struct str){0},
                               life->now_ms),
                 "answer");
        else if (became == OUTBOX_PENDING && life->call_count < ARRAY_COUNT(life->calls))
            life->calls[life->call_count++] = calls[i];
        checkpoint(life);
    }
}

static void act(struct life *life, const struct json *item)
{
    struct input in = {.patient = text_of(item, "userId"), .at_ms = life->now_ms};
    struct input_answer answer;
    struct str what = text_of(item, "do");
    const struct json *on = json_get(item, "in");
    if (str_eq_c(what, "approve")) {
        for (uint32_t i = 0; i < life->draft_count; i++) {
            must(life, engine_approve(life->engine, life->drafts[i], life->now_ms), "approve");
            checkpoint(life);
        }
        life->draft_count = 0;
        return;
    }
    if (str_eq_c(what, "answer")) {
        answer_calls(life, json_get(item, "answer"));
        return;
    }
    if (str_eq_c(what, "open")) {
        if (life->newest)
            must(life, engine_touched(life->engine, life->newest, true, life->now_ms), "open");
        return;
    }
    if (str_eq_c(what, "reply")) {
        in.kind = INPUT_REPLY;
        in.text = text_of(item, "text");
    } else if (str_eq_c(what, "enter")) {
        in.kind = INPUT_ENTER;
        in.name = text_of(item, "campaign");
    } else {
        in.kind = INPUT_SEGMENT;
        in.name = text_of(item, "segment");
        in.is_on = on && on->kind == JSON_TRUE;
    }
    must(life, engine_input(life->engine, &in, life->now_ms, &answer), "input");
    printf("answer %d\n", (int)answer.what);
}

static void take(struct life *life, struct str line)
{
    struct input in;
    struct input_answer answer;
    int64_t at_ms;
    arena_reset(&life->line);
    const struct json *item = json_parse(&life->line, line, NULL, NULL);
    struct str arrives = item ? text_of(item, "arrives") : (struct str){0};
    if (!item || !civil_parse_instant(arrives.len ? arrives : text_of(item, "timestamp"), &at_ms))
        die(life, "a line of the history cannot be read");
    advance(life, at_ms, false);
    if (text_of(item, "do").len) {
        act(life, item);
    } else if (input_parse(&life->line, line, &in, &answer)) {
        must(life, engine_input(life->engine, &in, at_ms, &answer), "input");
        printf("answer %d %s %s\n", (int)answer.what, answer.field, answer.reason);
    }
    checkpoint(life);
}

int main(int argc, char **argv)
{
    struct life life = {.path = argc > 3 ? argv[3] : NULL};
    struct buf image;
    struct image_error error;
    char line[1 << 16];
    arena_init(&life.arena, 0);
    arena_init(&life.line, 1 << 24);
    buf_init(&image, IMAGE_MAX_BYTES);
    FILE *file = argc > 2 ? fopen(argv[1], "rb") : NULL;
    for (size_t got; file && (got = fread(line, 1, sizeof line, file)) > 0;)
        buf_str(&image, (struct str){line, got});
    if (!file || fclose(file) != 0 || !(file = fopen(argv[2], "rb"))) {
        fprintf(stderr, "usage: relive IMAGE HISTORY.ndjson [DATABASE]\n");
        return 2;
    }
    open_all(&life);
    must(&life, engine_deploy(life.engine, buf_view(&image), &error), "deploy");
    const struct program *program = engine_program(life.engine);
    for (uint32_t i = 0; i < program->image->campaign_count; i++)
        engine_set_campaign(life.engine,
                            image_text(program->image, program->image->campaigns[i].name),
                            CAMPAIGN_RUNNING);
    checkpoint(&life);
    while (fgets(line, sizeof line, file))
        take(&life, str_trim(str_of(line)));
    advance(&life, life.now_ms + INT64_C(500) * DAY_MS, true);
    must(&life, engine_commit(life.engine), "commit");
    engine_close(life.engine);
    store_close(life.store);
    fclose(file);
    buf_free(&image);
    arena_free(&life.line);
    arena_free(&life.arena);
    return 0;
}
