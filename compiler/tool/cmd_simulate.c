/* cmd_simulate.c: `camp simulate`: recorded or made-up traffic through the real engine on a virtual
 * clock, and what would be sent to whom and when. A line arrives at its timestamp, one older than
 * the clock at once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compiler/tool/tool.h"
#include "stdlib/builtins.h"
#include "vm/base/clock.h"
#include "vm/base/json.h"
#include "vm/base/zone.h"
#include "vm/run/engine.h"

enum { LINES_A_COMMIT = 1000, LINE_LIMIT_BYTES = 1 << 20, VERDICTS = VERDICT_HOLDOUT + 1 };

struct called {
    uint64_t outbox;
    int64_t at_ms;
};

struct simulation {
    struct compilation compilation;
    struct arena arena;
    struct store *store;
    struct engine *engine;
    const struct zone *zone;
    bool is_ndjson, is_running, shows_progress;
    int64_t now_ms;
    uint64_t lines, refused, duplicates;
    uint64_t *started, *filtered, *ended, *converted, *faults; /* by campaign */
    uint64_t *entered;                                         /* by step */
    uint64_t (*verdicts)[VERDICTS];                            /* by message */
    struct called *calls; /* webhooks that wait for their answer */
    uint32_t call_count, call_room;
    struct buf out;
};

static const char *status_of(enum verdict verdict)
{
    static const char *const words[VERDICTS] = {"",        "sent",    "draft",   "held",
                                                "skipped", "capped",  "expired", "cancelled",
                                                "failed",  "withheld"};
    return words[verdict];
}

static void flush(struct simulation *s)
{
    tool_write(STDOUT_FILENO, buf_view(&s->out));
    buf_reset(&s->out);
}

static void put_member(struct buf *out, const char *name, struct str text)
{
    buf_printf(out, ",\"%s\":", name);
    if (text.at)
        json_put_text(out, text);
    else
        buf_c(out, "null");
}

static void put_message(struct simulation *s, const struct notice *n, const struct image *image)
{
    const struct letter *letter = n->letter;
    const struct image_message *message = &image->messages[letter->message];
    bool is_email = letter->channel == CHANNEL_EMAIL, is_sms = letter->channel == CHANNEL_SMS;
    struct str campaign = image_text(image, image->campaigns[n->campaign].name);
    struct str name = image_text(image, message->name);
    if (s->is_ndjson) {
        buf_c(&s->out, "{\"at\":");
        json_put_time(&s->out, n->at_ms);
        put_member(&s->out, "patient", n->patient);
        put_member(&s->out, "campaign", campaign);
        put_member(&s->out, "step", name);
        put_member(&s->out, "channel",
                   is_email ? STR("email")
                   : is_sms ? STR("sms")
                            : STR("webhook"));
        put_member(&s->out, "status", str_of(status_of(letter->verdict)));
        put_member(&s->out, "to", letter->to.len ? letter->to : (struct str){0});
        put_member(&s->out, "subject", letter->subject);
        put_member(&s->out, "text", letter->text);
        buf_c(&s->out, "}\n");
    } else {
        struct civil c = zone_local(s->zone, n->at_ms);
        buf_printf(&s->out,
                   "%04d-%02d-%02d %02d:%02d  %-8s " STR_FMT "/" STR_FMT "  " STR_FMT "  " STR_FMT
                   "\n",
                   c.year, c.month, c.day, c.hour, c.minute, status_of(letter->verdict),
                   STR_ARG(campaign), STR_ARG(name), STR_ARG(n->patient),
                   STR_ARG(is_email ? letter->subject
                           : is_sms ? letter->text
                                    : letter->to));
    }
    if (s->out.len > 1 << 16)
        flush(s);
}

static void note_call(struct simulation *s, const struct notice *n)
{
    s->calls = arena_grow(&s->arena, s->calls, s->call_count, &s->call_room, sizeof *s->calls);
    ensure(s->calls);
    s->calls[s->call_count++] = (struct called){n->outbox, n->at_ms};
}

static void observe(void *context, const struct notice *n)
{
    struct simulation *s = context;
    switch (n->kind) {
    case NOTICE_ENTERED:
        s->started[n->campaign]++;
        break;
    case NOTICE_TRIGGERED:
        break;
    case NOTICE_FILTERED:
        s->filtered[n->campaign]++;
        break;
    case NOTICE_STEP:
        s->entered[n->step]++;
        break;
    case NOTICE_MESSAGE:
        s->verdicts[n->letter->message][n->letter->verdict]++;
        put_message(s, n, n->program->image);
        if (n->letter->channel == CHANNEL_WEBHOOK && n->letter->verdict == VERDICT_SEND)
            note_call(s, n);
        break;
    case NOTICE_GOAL:
        s->converted[n->campaign]++;
        break;
    case NOTICE_ENDED:
        s->ended[n->campaign]++;
        break;
    case NOTICE_FAULT:
        s->faults[n->campaign]++;
        fprintf(stderr, "camp simulate: fault: " STR_FMT "\n", STR_ARG(n->text));
        break;
    }
}

/* A simulated world answers every webhook at once with 200 and {}. */
static bool answer_calls(struct simulation *s)
{
    for (uint32_t i = 0; i < s->call_count; i++) {
        struct called call = s->calls[i];
        enum outbox_state became;
        if (engine_claim(s->engine, call.outbox, call.at_ms, &became) != STATUS_OK ||
            (became == OUTBOX_CLAIMED &&
             engine_answer(s->engine, call.outbox, STR("{\"status\":200,\"body\":{}}"),
                           call.at_ms) != STATUS_OK))
            return false;
    }
    s->call_count = 0;
    return true;
}

static bool advance(struct simulation *s, int64_t to_ms, bool is_included)
{
    bool more = true;
    uint32_t most = s->compilation.image.webhook_count ? 1 : 1000;
    while (more)
        if (engine_advance(s->engine, to_ms, is_included, most, &more) != STATUS_OK ||
            !answer_calls(s))
            return false;
    s->now_ms = to_ms;
    return true;
}

static bool start_all(struct simulation *s)
{
    const struct image *image = engine_program(s->engine)->image;
    s->is_running = true;
    for (uint32_t i = 0; i < image->campaign_count; i++)
        if (engine_set_campaign(s->engine, image_text(image, image->campaigns[i].name),
                                CAMPAIGN_RUNNING) != STATUS_OK)
            return false;
    return true;
}

static void refuse(struct simulation *s, const struct input_answer *answer)
{
    s->refused++;
    fprintf(stderr, "camp simulate: line %llu refused: %s%s%s\n", (unsigned long long)s->lines,
            answer->field, answer->field[0] ? ": " : "", answer->reason);
}

static bool take_line(struct simulation *s, struct str line)
{
    struct input input;
    struct input_answer answer;
    struct arena arena;
    bool is_fine = true;
    arena_init(&arena, LINE_LIMIT_BYTES * 8);
    if (!input_parse(&arena, line, &input, &answer)) {
        refuse(s, &answer);
    } else {
        if (!s->is_running) {
            s->now_ms = input.at_ms == INT64_MIN ? 0 : input.at_ms;
            is_fine = start_all(s);
        }
        if (input.at_ms != INT64_MIN && input.at_ms > s->now_ms)
            is_fine = is_fine && advance(s, input.at_ms, false);
        is_fine = is_fine && engine_input(s->engine, &input, s->now_ms, &answer) == STATUS_OK;
        is_fine = is_fine && answer_calls(s);
        if (is_fine && answer.what == ANSWER_REJECTED)
            refuse(s, &answer);
        s->duplicates += is_fine && answer.what == ANSWER_DUPLICATE;
    }
    arena_free(&arena);
    return is_fine;
}

static bool take_traffic(struct simulation *s, FILE *file)
{
    char *line = NULL;
    size_t room = 0;
    bool is_fine = true;
    int64_t told_ms = monotonic_ms();
    for (ssize_t length; is_fine && (length = getline(&line, &room, file)) >= 0;) {
        struct str text = str_trim((struct str){line, (size_t)length});
        s->lines++;
        if (text.len)
            is_fine = take_line(s, text);
        if (is_fine && s->lines % LINES_A_COMMIT == 0)
            is_fine = engine_commit(s->engine) == STATUS_OK && engine_begin(s->engine) == STATUS_OK;
        if (s->shows_progress && monotonic_ms() - told_ms > 200) {
            struct civil c = zone_local(s->zone, s->now_ms);
            fprintf(stderr, "\r%llu lines, %04d-%02d-%02d", (unsigned long long)s->lines, c.year,
                    c.month, c.day);
            told_ms = monotonic_ms();
        }
    }
    if (s->shows_progress)
        fprintf(stderr, "\r%40s\r", "");
    free(line);
    return is_fine && !ferror(file);
}

static void put_counts_json(struct simulation *s, const struct image *image)
{
    buf_printf(&s->out,
               "{\"counts\":{\"lines\":%llu,\"refused\":%llu,\"duplicates\":%llu,\"campaigns\":{",
               (unsigned long long)s->lines, (unsigned long long)s->refused,
               (unsigned long long)s->duplicates);
    for (uint32_t i = 0; i < image->campaign_count; i++) {
        const struct image_campaign *campaign = &image->campaigns[i];
        buf_c(&s->out, i ? "," : "");
        json_put_text(&s->out, image_text(image, campaign->name));
        buf_printf(&s->out,
                   ":{\"started\":%llu,\"filtered_out\":%llu,\"ended\":%llu,\"in_progress\":%llu,"
                   "\"converted\":%llu,\"steps\":{",
                   (unsigned long long)s->started[i], (unsigned long long)s->filtered[i],
                   (unsigned long long)s->ended[i],
                   (unsigned long long)(s->started[i] - s->ended[i]),
                   (unsigned long long)s->converted[i]);
        for (uint32_t k = 0; k < campaign->steps.count; k++) {
            uint32_t step = campaign->steps.first + k;
            buf_c(&s->out, k ? "," : "");
            json_put_text(&s->out, image_text(image, image->steps[step].name));
            buf_printf(&s->out, ":{\"entered\":%llu}", (unsigned long long)s->entered[step]);
        }
        buf_c(&s->out, "},\"messages\":{");
        for (uint32_t k = 0; k < campaign->messages.count; k++) {
            uint32_t message = campaign->messages.first + k;
            bool is_first = true;
            buf_c(&s->out, k ? "," : "");
            json_put_text(&s->out, image_text(image, image->messages[message].name));
            buf_c(&s->out, ":{");
            for (int v = VERDICT_SEND; v < VERDICTS; v++) {
                if (!s->verdicts[message][v])
                    continue;
                buf_printf(&s->out, "%s\"%s\":%llu", is_first ? "" : ",",
                           status_of((enum verdict)v), (unsigned long long)s->verdicts[message][v]);
                is_first = false;
            }
            buf_byte(&s->out, '}');
        }
        buf_c(&s->out, "}}");
    }
    buf_c(&s->out, "}}}\n");
}

static void put_counts_text(struct simulation *s, const struct image *image)
{
    for (uint32_t i = 0; i < image->campaign_count; i++) {
        const struct image_campaign *campaign = &image->campaigns[i];
        buf_printf(&s->out,
                   "\n" STR_FMT ": %llu started, %llu filtered out, %llu ended, %llu converted\n",
                   STR_ARG(image_text(image, campaign->name)), (unsigned long long)s->started[i],
                   (unsigned long long)s->filtered[i], (unsigned long long)s->ended[i],
                   (unsigned long long)s->converted[i]);
        for (uint32_t k = 0; k < campaign->steps.count; k++) {
            const struct image_step *step = &image->steps[campaign->steps.first + k];
            buf_printf(&s->out, "  %*s%-24.*s %8llu", (int)step->depth * 2, "",
                       STR_ARG(image_text(image, step->name)),
                       (unsigned long long)s->entered[campaign->steps.first + k]);
            for (int v = VERDICT_SEND; step->message != IMAGE_NONE && v < VERDICTS; v++)
                if (s->verdicts[step->message][v])
                    buf_printf(&s->out, "  %s %llu", status_of((enum verdict)v),
                               (unsigned long long)s->verdicts[step->message][v]);
            buf_byte(&s->out, '\n');
        }
    }
    buf_printf(&s->out, "\n%llu lines, %llu refused, %llu seen before\n",
               (unsigned long long)s->lines, (unsigned long long)s->refused,
               (unsigned long long)s->duplicates);
}

static enum status open_engine(struct simulation *s, struct str image, struct str *error)
{
    struct engine_options options = {.builtins = &stdlib_builtins,
                                     .late_after_ms = DAY_MS,
                                     .public_url = STR("https://clinic.example"),
                                     .is_virtual_time = true};
    struct image_error image_error;
    enum status status = store_open(&s->store, ":memory:", error, &s->arena);
    if (status == STATUS_OK)
        status = engine_open(&s->engine, s->store, &options);
    if (status == STATUS_OK)
        status = engine_begin(s->engine);
    if (status == STATUS_OK)
        status = engine_deploy(s->engine, image, &image_error);
    if (status != STATUS_OK && s->engine)
        *error = str_of(engine_error(s->engine));
    return status;
}

static void make_counters(struct simulation *s, const struct image *image)
{
    uint64_t **lists[] = {&s->started, &s->filtered, &s->ended, &s->converted, &s->faults};
    for (size_t i = 0; i < ARRAY_COUNT(lists); i++)
        *lists[i] = arena_array(&s->arena, image->campaign_count + 1, sizeof(uint64_t));
    s->entered = arena_array(&s->arena, image->step_count + 1, sizeof(uint64_t));
    s->verdicts = arena_array(&s->arena, image->message_count + 1, sizeof *s->verdicts);
}

static int simulate(struct simulation *s, FILE *file, const char *until)
{
    struct buf image;
    struct str error = {0};
    struct civil civil;
    bool is_fine = true;
    buf_init(&image, IMAGE_MAX_BYTES);
    buf_init(&s->out, 0);
    make_counters(s, &s->compilation.image);
    s->zone =
        zone_find(image_text(&s->compilation.image, s->compilation.image.projects[0].timezone));
    s->zone = s->zone ? s->zone : zone_utc();
    is_fine = tool_encode(&s->compilation, &image) &&
              open_engine(s, buf_view(&image), &error) == STATUS_OK;
    if (is_fine) {
        engine_observe(s->engine, observe, s);
        is_fine = take_traffic(s, file);
        if (is_fine && until && civil_parse_local(str_of(until), &civil)) {
            int64_t end_ms = zone_instant(s->zone, civil_ms(civil));
            is_fine = end_ms <= s->now_ms || advance(s, end_ms, true);
        }
        is_fine = is_fine && advance(s, s->now_ms, true);
        if (s->is_ndjson)
            put_counts_json(s, &s->compilation.image);
        else
            put_counts_text(s, &s->compilation.image);
    }
    flush(s);
    if (!is_fine)
        fprintf(stderr, "camp simulate: %s" STR_FMT "\n", s->engine ? engine_error(s->engine) : "",
                STR_ARG(error));
    if (s->store && store_in_transaction(s->store))
        store_rollback(s->store);
    engine_close(s->engine);
    store_close(s->store);
    buf_free(&s->out);
    buf_free(&image);
    return is_fine ? EXIT_FINE : EXIT_USAGE;
}

int cmd_simulate(int argc, char **argv)
{
    static struct simulation simulation;
    struct simulation *s = &simulation;
    const char *events = NULL, *until = NULL, *format = "text";
    struct civil civil;
    int paths = 0;
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--events") == 0 && has_value)
            events = argv[++i];
        else if (strcmp(argv[i], "--until") == 0 && has_value)
            until = argv[++i];
        else if (strcmp(argv[i], "--format") == 0 && has_value)
            format = argv[++i];
        else if (strcmp(argv[i], "--existing") == 0)
            continue; /* the store is empty at the start: there is nobody who could be a member */
        else if (argv[i][0] == '-')
            return tool_misuse("simulate", "no such option, or its value is missing", argv[i]);
        else
            argv[1 + paths++] = argv[i];
    }
    s->is_ndjson = strcmp(format, "ndjson") == 0;
    if (!paths || !events)
        return tool_misuse("simulate", paths ? "say what happens: --events FILE" : "name a project",
                           "");
    if (!s->is_ndjson && strcmp(format, "text") != 0)
        return tool_misuse("simulate", "formats are text and ndjson", format);
    if (until && !civil_parse_local(str_of(until), &civil))
        return tool_misuse("simulate", "--until takes \"2026-12-31 00:00\"", until);
    FILE *file = strcmp(events, "-") == 0 ? stdin : fopen(events, "r");
    if (!file) {
        fprintf(stderr, "camp simulate: %s: %s\n", events, strerror(errno));
        return EXIT_USAGE;
    }
    s->shows_progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
    arena_init(&s->arena, 0);
    int code = tool_compile(&s->compilation, argv + 1, paths, false, false);
    struct buf text;
    buf_init(&text, 0);
    diags_write(&s->compilation.diags, DIAG_TEXT, tool_has_colour(STDERR_FILENO), &text);
    tool_write(STDERR_FILENO, buf_view(&text));
    buf_free(&text);
    if (code == EXIT_FINE)
        code = simulate(s, file, until);
    if (file != stdin)
        fclose(file);
    compilation_free(&s->compilation);
    arena_free(&s->arena);
    return code;
}
