/* cmd_simulate.c: `camp simulate`: its options, and what it writes as text and as NDJSON. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/tool/simulate.h"
#include "vm/base/json.h"

enum { FLUSH_BYTES = 1 << 16 };

static const char *channel_word(uint8_t channel)
{
    return channel == CHANNEL_EMAIL ? "email" : channel == CHANNEL_SMS ? "sms" : "webhook";
}

static struct str campaign_of(const struct notice *n)
{
    return image_text(n->program->image, n->program->image->campaigns[n->campaign].name);
}

static struct str message_of(const struct notice *n)
{
    return image_text(n->program->image, n->program->image->messages[n->letter->message].name);
}

static void put_member(struct buf *out, const char *name, struct str text)
{
    buf_printf(out, ",\"%s\":", name);
    if (text.at)
        json_put_text(out, text);
    else
        buf_c(out, "null");
}

static void ndjson_notice(struct simulation *s, const struct notice *n)
{
    const char *state = n->kind == NOTICE_MESSAGE ? simulate_state(n->letter->verdict) : NULL;
    struct buf scratch;
    if (!state)
        return;
    const struct letter *letter = n->letter;
    buf_init(&scratch, 0);
    buf_c(&s->out, "{\"at\":");
    json_put_time(&s->out, n->at_ms);
    put_member(&s->out, "patient", n->patient);
    put_member(&s->out, "campaign", campaign_of(n));
    put_member(&s->out, "step", message_of(n));
    put_member(&s->out, "channel", str_of(channel_word(letter->channel)));
    put_member(&s->out, "status", str_of(state));
    put_member(&s->out, "to", letter->to.len ? letter->to : (struct str){0});
    put_member(&s->out, "subject",
               letter->channel == CHANNEL_SMS ? (struct str){0} : letter->subject);
    put_member(&s->out, "text", simulate_text(letter, &scratch));
    buf_c(&s->out, "}\n");
    buf_free(&scratch);
    if (s->out.len > FLUSH_BYTES)
        simulate_flush(s);
}

static void put_count(struct buf *out, const char *name, uint64_t count)
{
    buf_printf(out, "%s\"%s\":%llu", out->data[out->len - 1] == '{' ? "" : ",", name,
               (unsigned long long)count);
}

static void put_verdicts(struct buf *out, const uint64_t *verdicts)
{
    buf_byte(out, '{');
    for (int v = VERDICT_SEND; v < VERDICTS; v++)
        if (verdicts[v] && v != VERDICT_HOLD)
            put_count(out, v == VERDICT_HOLDOUT ? "withheld" : simulate_state((enum verdict)v),
                      verdicts[v]);
    buf_byte(out, '}');
}

static void put_campaign(struct simulation *s, const struct image *image, uint32_t row)
{
    const struct image_campaign *campaign = &image->campaigns[row];
    const struct campaign_counts *counts = &s->campaigns[row];
    struct buf *out = &s->out;
    json_put_text(out, image_text(image, campaign->name));
    buf_c(out, ":{");
    put_count(out, "triggered", counts->triggered);
    put_count(out, "started", counts->started);
    put_count(out, "in_progress", simulate_in_progress(counts));
    put_count(out, "completed", counts->completed);
    put_count(out, "exited_early", counts->exited_early);
    put_count(out, "filtered_out", counts->filtered_out);
    put_count(out, "converted", counts->converted);
    put_count(out, "holdout", counts->holdout);
    put_count(out, "faults", counts->faults);
    buf_c(out, ",\"steps\":{");
    for (uint32_t k = 0; k < campaign->steps.count; k++) {
        uint32_t step = campaign->steps.first + k;
        buf_c(out, k ? "," : "");
        json_put_text(out, image_text(image, image->steps[step].name));
        buf_printf(out, ":{\"entered\":%llu}", (unsigned long long)s->entered[step]);
    }
    buf_c(out, "},\"messages\":{");
    for (uint32_t k = 0; k < campaign->messages.count; k++) {
        uint32_t message = campaign->messages.first + k;
        buf_c(out, k ? "," : "");
        json_put_text(out, image_text(image, image->messages[message].name));
        buf_byte(out, ':');
        put_verdicts(out, s->verdicts[message]);
    }
    buf_c(out, "}}");
}

static void ndjson_end(struct simulation *s)
{
    const struct image *image = &s->compilation.image;
    buf_c(&s->out, "{\"counts\":{");
    put_count(&s->out, "lines", s->lines);
    put_count(&s->out, "refused", s->refused);
    put_count(&s->out, "duplicates", s->duplicates);
    buf_c(&s->out, ",\"campaigns\":{");
    for (uint32_t i = 0; i < image->campaign_count; i++) {
        buf_c(&s->out, i ? "," : "");
        put_campaign(s, image, i);
    }
    buf_c(&s->out, "}}}\n");
}

/* On one line, and nothing that a terminal takes for a command. */
static void put_plain(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool is_c1 = c == 0xc2 && i + 1 < text.len && (unsigned char)text.at[i + 1] < 0xa0;
        buf_byte(out, c == '\n' ? ' ' : c < ' ' || c == 127 || is_c1 ? '?' : c);
        i += is_c1;
    }
}

static void text_notice(struct simulation *s, const struct notice *n)
{
    const char *state = n->kind == NOTICE_MESSAGE ? simulate_state(n->letter->verdict) : NULL;
    if (!state)
        return;
    const struct letter *letter = n->letter;
    struct civil c = zone_local(s->zone, n->at_ms);
    buf_printf(&s->out, "%04d-%02d-%02d %02d:%02d  %-9s " STR_FMT "/" STR_FMT "  ", c.year, c.month,
               c.day, c.hour, c.minute, state, STR_ARG(campaign_of(n)), STR_ARG(message_of(n)));
    put_plain(&s->out, n->patient);
    buf_c(&s->out, "  ");
    put_plain(&s->out, letter->channel == CHANNEL_EMAIL ? letter->subject
                       : letter->channel == CHANNEL_SMS ? letter->text
                                                        : letter->to);
    buf_byte(&s->out, '\n');
    if (s->out.len > FLUSH_BYTES)
        simulate_flush(s);
}

static void text_steps(struct simulation *s, const struct image *image, struct rows steps)
{
    for (uint32_t k = steps.first; k < steps.first + steps.count; k++) {
        const struct image_step *step = &image->steps[k];
        buf_printf(&s->out, "  %*s%-24.*s %8llu", (int)step->depth * 2, "",
                   STR_ARG(image_text(image, step->name)), (unsigned long long)s->entered[k]);
        for (int v = VERDICT_SEND; step->message != IMAGE_NONE && v < VERDICTS; v++)
            if (s->verdicts[step->message][v] && v != VERDICT_HOLD)
                buf_printf(&s->out, "  %s %llu",
                           v == VERDICT_HOLDOUT ? "withheld" : simulate_state((enum verdict)v),
                           (unsigned long long)s->verdicts[step->message][v]);
        buf_byte(&s->out, '\n');
    }
}

static void text_end(struct simulation *s)
{
    const struct image *image = &s->compilation.image;
    for (uint32_t i = 0; i < image->campaign_count; i++) {
        const struct campaign_counts *c = &s->campaigns[i];
        buf_printf(&s->out,
                   "\n" STR_FMT ": %llu started, %llu in progress, %llu completed, %llu exited "
                   "early, %llu filtered out, %llu converted",
                   STR_ARG(image_text(image, image->campaigns[i].name)),
                   (unsigned long long)c->started, (unsigned long long)simulate_in_progress(c),
                   (unsigned long long)c->completed, (unsigned long long)c->exited_early,
                   (unsigned long long)c->filtered_out, (unsigned long long)c->converted);
        if (c->holdout)
            buf_printf(&s->out, ", %llu held out", (unsigned long long)c->holdout);
        if (c->faults)
            buf_printf(&s->out, ", %llu faults", (unsigned long long)c->faults);
        buf_byte(&s->out, '\n');
        text_steps(s, image, image->campaigns[i].steps);
    }
    buf_printf(&s->out, "\n%llu lines, %llu refused, %llu seen before\n",
               (unsigned long long)s->lines, (unsigned long long)s->refused,
               (unsigned long long)s->duplicates);
}

static const struct simulate_form simulate_text_form = {"text", NULL, text_notice, text_end};
static const struct simulate_form simulate_ndjson = {"ndjson", NULL, ndjson_notice, ndjson_end};

struct options {
    const char *events, *until, *format;
    int path_count;
};

static int read_options(int argc, char **argv, struct options *o)
{
    *o = (struct options){.format = "text"};
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--events") == 0 && has_value)
            o->events = argv[++i];
        else if (strcmp(argv[i], "--until") == 0 && has_value)
            o->until = argv[++i];
        else if (strcmp(argv[i], "--format") == 0 && has_value)
            o->format = argv[++i];
        else if (strcmp(argv[i], "--existing") == 0)
            continue; /* the store is empty at the start: there is nobody who could be a member */
        else if (argv[i][0] == '-')
            return tool_misuse("simulate", "no such option, or its value is missing", argv[i]);
        else
            argv[1 + o->path_count++] = argv[i];
    }
    if (!o->path_count || !o->events)
        return tool_misuse(
            "simulate", o->path_count ? "say what happens: --events FILE" : "name a project", "");
    return EXIT_FINE;
}

/* A local time of the clinic, a date for its first instant, or an instant with its offset. */
static bool read_until(struct simulation *s, struct str text)
{
    const struct image *image = &s->compilation.image;
    const struct zone *zone = zone_find(image_text(image, image->projects[0].timezone));
    struct civil civil;
    int64_t day;
    zone = zone ? zone : zone_utc();
    if (civil_parse_instant(text, &s->until_ms))
        return true;
    bool is_local = civil_parse_local(text, &civil), is_date = civil_parse_date(text, &day);
    if (is_local)
        s->until_ms = zone_instant(zone, civil_ms(civil));
    else if (is_date)
        s->until_ms = zone_day_start(zone, day);
    return is_local || is_date;
}

static const struct simulate_form *find_form(const char *name)
{
    static const struct simulate_form *const forms[] = {&simulate_text_form, &simulate_ndjson,
                                                        &simulate_html};
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++)
        if (strcmp(forms[i]->name, name) == 0)
            return forms[i];
    return NULL;
}

int cmd_simulate(int argc, char **argv)
{
    static struct simulation simulation;
    struct simulation *s = &simulation;
    struct options o;
    struct stat stat;
    if (read_options(argc, argv, &o) != EXIT_FINE)
        return EXIT_USAGE;
    s->form = find_form(o.format);
    if (!s->form)
        return tool_misuse("simulate", "formats are text, ndjson and html", o.format);
    FILE *file = strcmp(o.events, "-") == 0 ? stdin : fopen(o.events, "r");
    if (!file) {
        fprintf(stderr, "camp simulate: %s: %s\n", o.events, strerror(errno));
        return EXIT_USAGE;
    }
    bool is_known = fstat(fileno(file), &stat) == 0;
    if (is_known && S_ISDIR(stat.st_mode)) {
        fprintf(stderr, "camp simulate: %s: %s\n", o.events, strerror(EISDIR));
        fclose(file);
        return EXIT_USAGE;
    }
    if (is_known && S_ISREG(stat.st_mode))
        s->file_bytes = (uint64_t)stat.st_size;
    s->until_ms = NEVER_MS;
    s->shows_progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
    arena_init(&s->arena, 0);
    int code = tool_compile(&s->compilation, argv + 1, o.path_count, false, false);
    tool_show_diagnostics(&s->compilation);
    if (code == EXIT_FINE && o.until && !read_until(s, str_of(o.until)))
        code = tool_misuse("simulate", "--until takes \"2026-12-31 00:00\"", o.until);
    if (code == EXIT_FINE)
        code = simulate_run(s, file);
    if (file != stdin)
        fclose(file);
    compilation_free(&s->compilation);
    arena_free(&s->arena);
    return code;
}
