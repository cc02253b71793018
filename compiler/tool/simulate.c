/* simulate.c: drives the engine with lines of traffic (see simulate.h). */
#include "compiler/tool/simulate.h"

#include <stdlib.h>
#include <unistd.h>

#include "stdlib/builtins.h"
#include "vm/base/clock.h"
#include "vm/base/json.h"
#include "vm/core/machine.h"
#include "vm/run/plain.h"

enum {
    LINE_LIMIT_BYTES = 1 << 20,
    KEPT_LIMIT_BYTES = 16 << 20,
    REFUSALS_SHOWN = 20,
    TURN = 1000,
    TURNS_A_COMMIT = 4000
};

const char *simulate_state(enum verdict verdict)
{
    static const char *const words[VERDICTS] = {
        NULL, "sent", "draft", NULL, "skipped", "capped", "expired", "cancelled", "failed", NULL};
    return words[verdict];
}

void simulate_flush(struct simulation *s)
{
    tool_write(STDOUT_FILENO, buf_view(&s->out));
    buf_reset(&s->out);
}

struct str simulate_text(const struct letter *letter, struct buf *scratch)
{
    if (letter->text.len || letter->channel != CHANNEL_EMAIL)
        return letter->text;
    buf_reset(scratch);
    plain_text(letter->html, scratch);
    return str_trim(buf_view(scratch));
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
    struct campaign_counts *counts = &s->campaigns[n->campaign];
    switch (n->kind) {
    case NOTICE_ENTERED:
        (*(n->is_holdout ? &counts->holdout : &counts->started))++;
        break;
    case NOTICE_TRIGGERED:
        counts->triggered++;
        break;
    case NOTICE_REFUSED:
    case NOTICE_TURNED_AWAY:
        break;
    case NOTICE_FILTERED:
        counts->filtered_out++;
        break;
    case NOTICE_STEP:
        s->entered[n->step]++;
        break;
    case NOTICE_MESSAGE:
        s->verdicts[n->letter->message][n->letter->verdict]++;
        if (n->letter->channel == CHANNEL_WEBHOOK && n->letter->verdict == VERDICT_SEND)
            note_call(s, n);
        break;
    case NOTICE_GOAL:
        counts->converted++;
        break;
    case NOTICE_ENDED:
        (*(n->is_early ? &counts->exited_early : &counts->completed))++;
        break;
    case NOTICE_FAULT:
        if (counts->faults++ == 0)
            fprintf(stderr, "camp simulate: fault: " STR_FMT "\n", STR_ARG(n->text));
        break;
    }
    s->form->notice(s, n);
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

/* On a terminal: how much of the file is read, which day it is, how fast it goes. */
static void show_progress(struct simulation *s)
{
    int64_t now_ms = monotonic_ms();
    if (!s->shows_progress || now_ms - s->told_ms < 200)
        return;
    struct civil c = zone_local(s->zone, s->now_ms);
    char bar[21] = "                    ";
    s->told_ms = now_ms;
    if (s->file_bytes) {
        uint64_t part = s->read_bytes * 20 / s->file_bytes;
        memset(bar, '#', part > 20 ? 20 : part);
        fprintf(stderr, "\r[%s] %3llu%%  ", bar,
                (unsigned long long)(s->read_bytes * 100 / s->file_bytes));
    } else {
        fprintf(stderr, "\r");
    }
    fprintf(stderr, "%llu lines, %04d-%02d-%02d", (unsigned long long)s->lines, c.year, c.month,
            c.day);
}

/* What an open transaction has changed stays in memory. */
static bool keep(struct simulation *s, uint32_t turns)
{
    s->turns += turns;
    if (s->turns < TURNS_A_COMMIT)
        return true;
    s->turns = 0;
    return engine_commit(s->engine) == STATUS_OK && engine_begin(s->engine) == STATUS_OK;
}

static bool advance(struct simulation *s, int64_t to_ms, bool is_included)
{
    bool more = true;
    uint32_t most = s->compilation.image.webhook_count ? 1 : TURN;
    while (more) {
        if (engine_advance(s->engine, to_ms, is_included, most, &more) != STATUS_OK ||
            !answer_calls(s) || (more && !keep(s, most)))
            return false;
        show_progress(s);
    }
    s->now_ms = to_ms;
    return true;
}

static bool start_all(struct simulation *s, int64_t now_ms)
{
    const struct image *image = engine_program(s->engine)->image;
    s->is_running = true;
    s->first_ms = s->now_ms = now_ms;
    for (uint32_t i = 0; i < image->campaign_count; i++)
        if (engine_set_campaign(s->engine, image_text(image, image->campaigns[i].name),
                                CAMPAIGN_RUNNING) != STATUS_OK)
            return false;
    return true;
}

static void refuse(struct simulation *s, const struct input_answer *answer)
{
    s->refused++;
    if (s->refused <= REFUSALS_SHOWN)
        fprintf(stderr, "camp simulate: line %llu refused: %s%s%s\n", (unsigned long long)s->lines,
                answer->field, answer->field[0] ? ": " : "", answer->reason);
}

static int64_t wall_now_ms(void)
{
    struct clock clock;
    clock_real(&clock);
    return clock_now_ms(&clock);
}

static bool take_input(struct simulation *s, const struct input *input)
{
    struct input_answer answer;
    bool is_fine = true;
    if (input->at_ms != INT64_MIN && input->at_ms > s->now_ms)
        is_fine = advance(s, input->at_ms, false);
    is_fine = is_fine && engine_input(s->engine, input, s->now_ms, &answer) == STATUS_OK;
    is_fine = is_fine && answer_calls(s);
    if (is_fine && answer.what == ANSWER_REJECTED)
        refuse(s, &answer);
    s->duplicates += is_fine && answer.what == ANSWER_DUPLICATE;
    return is_fine && keep(s, 1);
}

/* What came without a timestamp before the clock was known arrives when the clock begins. */
static bool begin_clock(struct simulation *s, int64_t now_ms)
{
    struct str rest = buf_view(&s->kept);
    struct arena arena;
    bool is_fine = start_all(s, now_ms);
    arena_init(&arena, LINE_LIMIT_BYTES * 8);
    while (is_fine && rest.len) {
        struct input input;
        struct input_answer answer;
        size_t end = str_find(rest, STR("\n"));
        arena_reset(&arena);
        if (input_parse(&arena, (struct str){rest.at, end}, &input, &answer))
            is_fine = take_input(s, &input);
        rest = str_from(rest, end + 1);
    }
    arena_free(&arena);
    buf_reset(&s->kept);
    return is_fine;
}

/* *is_over: the line comes after --until, and with it all that follow. */
static bool take_line(struct simulation *s, struct str line, bool *is_over)
{
    struct input input;
    struct input_answer answer;
    arena_reset(&s->line_arena);
    if (!input_parse(&s->line_arena, line, &input, &answer)) {
        refuse(s, &answer);
        return true;
    }
    *is_over = input.at_ms != INT64_MIN && input.at_ms > s->until_ms;
    if (*is_over)
        return true;
    bool is_timeless = input.at_ms == INT64_MIN;
    if (!s->is_running && is_timeless && s->kept.len + line.len < KEPT_LIMIT_BYTES) {
        buf_str(&s->kept, line);
        buf_byte(&s->kept, '\n');
        return true;
    }
    if (!s->is_running && !begin_clock(s, is_timeless ? wall_now_ms() : input.at_ms))
        return false;
    return take_input(s, &input);
}

/* The next line without its end; one over the limit is read over and comes back cut, as too long.
 */
static bool read_line(FILE *file, struct buf *line, bool *is_too_long)
{
    buf_reset(line);
    *is_too_long = false;
    for (int c; (c = getc_unlocked(file)) != EOF;) {
        if (c == '\n')
            return true;
        if (line->len < LINE_LIMIT_BYTES)
            buf_byte(line, (unsigned char)c);
        else
            *is_too_long = true;
    }
    return line->len > 0;
}

static bool take_traffic(struct simulation *s, FILE *file)
{
    struct buf line;
    bool is_fine = true, is_over = false, is_too_long;
    buf_init(&line, LINE_LIMIT_BYTES + 1);
    while (is_fine && !is_over && read_line(file, &line, &is_too_long)) {
        struct str text = str_trim(buf_view(&line));
        if (s->lines++ == 0 && str_starts(text, STR("\xef\xbb\xbf")))
            text = str_from(text, 3); /* the mark that some programs put before UTF-8 */
        s->read_bytes += line.len + 1;
        if (is_too_long)
            refuse(s, &(struct input_answer){.reason = "is over 1 MiB long"});
        else if (text.len)
            is_fine = take_line(s, text, &is_over);
        s->lines -= is_over;
        show_progress(s);
    }
    buf_free(&line);
    if (is_fine && !s->is_running && s->kept.len)
        is_fine = begin_clock(s, wall_now_ms());
    return is_fine && !ferror(file);
}

static enum status open_engine(struct simulation *s, struct str image, struct str *error)
{
    struct engine_options options = {.builtins = &stdlib_builtins,
                                     .late_after_ms = DAY_MS,
                                     .public_url = STR("https://clinic.example"),
                                     .is_virtual_time = true,
                                     .counts = true}; /* goals that come late read the journal */
    struct image_error image_error;
    enum status status = store_open(&s->store, "", error, &s->arena);
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
    s->campaigns = arena_array(&s->arena, image->campaign_count + 1, sizeof *s->campaigns);
    s->entered = arena_array(&s->arena, image->step_count + 1, sizeof *s->entered);
    s->verdicts = arena_array(&s->arena, image->message_count + 1, sizeof *s->verdicts);
}

static bool run_to_end(struct simulation *s, FILE *file)
{
    if (s->form->begin)
        s->form->begin(s);
    engine_observe(s->engine, observe, s);
    bool is_fine = take_traffic(s, file);
    if (is_fine && s->is_running)
        is_fine = advance(
            s, s->until_ms == NEVER_MS || s->until_ms < s->now_ms ? s->now_ms : s->until_ms, true);
    if (s->shows_progress)
        fprintf(stderr, "\r%70s\r", "");
    if (is_fine && s->refused > REFUSALS_SHOWN)
        fprintf(stderr, "camp simulate: %llu more lines refused\n",
                (unsigned long long)(s->refused - REFUSALS_SHOWN));
    if (is_fine)
        s->form->end(s);
    return is_fine;
}

int simulate_run(struct simulation *s, FILE *file)
{
    struct buf image;
    struct str error = {0};
    buf_init(&image, IMAGE_MAX_BYTES);
    buf_init(&s->out, 0);
    buf_init(&s->kept, KEPT_LIMIT_BYTES);
    arena_init(&s->line_arena, LINE_LIMIT_BYTES * 8);
    make_counters(s, &s->compilation.image);
    s->zone =
        zone_find(image_text(&s->compilation.image, s->compilation.image.projects[0].timezone));
    s->zone = s->zone ? s->zone : zone_utc();
    bool is_fine = tool_encode(&s->compilation, &image) &&
                   open_engine(s, buf_view(&image), &error) == STATUS_OK && run_to_end(s, file);
    simulate_flush(s);
    if (!is_fine && ferror(file))
        fprintf(stderr, "camp simulate: the traffic cannot be read\n");
    else if (!is_fine)
        fprintf(stderr, "camp simulate: %s" STR_FMT "\n", s->engine ? engine_error(s->engine) : "",
                STR_ARG(error));
    if (s->store && store_in_transaction(s->store))
        store_rollback(s->store);
    engine_close(s->engine);
    store_close(s->store);
    arena_free(&s->line_arena);
    buf_free(&s->kept);
    buf_free(&s->out);
    buf_free(&image);
    return is_fine ? EXIT_FINE : EXIT_USAGE;
}
