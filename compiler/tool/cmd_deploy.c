/* cmd_deploy.c: `camp deploy`, and the life of a campaign: start, pause, resume, stop. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compiler/tool/remote.h"

static void put_campaigns(struct remote *remote, const struct json *list)
{
    struct table table;
    table_init(&table, &remote->arena, "CAMPAIGN|STATE|TITLE");
    for (const struct json *item = list->first; item; item = item->next) {
        table_cell(&table, json_text_of(item, "name"));
        table_cell(&table, json_text_of(item, "state"));
        table_cell(&table, json_text_of(item, "title"));
    }
    table_write(&table, 60, remote->has_colour, &remote->out);
}

/* A built image is taken as it is, anything else is compiled. */
static int read_project(struct remote *remote, struct buf *image)
{
    struct compilation compilation;
    const struct remote_options *o = &remote->options;
    if (o->word_count == 1 && str_ends(str_of(o->words[0]), STR(".campi"))) {
        if (tool_read_image(o->words[0], image))
            return EXIT_FINE;
        fprintf(stderr, "camp deploy: %s: %s\n", o->words[0], strerror(errno));
        return EXIT_USAGE;
    }
    int code = tool_compile(&compilation, o->words, o->word_count, false, false);
    tool_show_diagnostics(&compilation);
    if (code == EXIT_FINE && !tool_encode(&compilation, image))
        code = EXIT_FINDINGS;
    compilation_free(&compilation);
    return code;
}

static int deploy(struct remote *remote)
{
    struct buf image;
    buf_init(&image, IMAGE_MAX_BYTES);
    int code = read_project(remote, &image);
    struct str bytes = buf_view(&image);
    if (code == EXIT_FINE && isatty(STDERR_FILENO))
        fprintf(stderr, "sending %zu KiB to %s\n", (bytes.len + 1023) / 1024,
                remote->options.server);
    const struct json *answer =
        code == EXIT_FINE ? remote_ask(remote, "POST", STR("/v1/images"), &bytes) : NULL;
    struct str id = json_text_of(answer, "id"), none = STR("{}");
    if (answer)
        answer = remote_ask(
            remote, "POST",
            arena_printf(&remote->arena, "/v1/images/" STR_FMT "/deploy", STR_ARG(id)), &none);
    const struct json *campaigns =
        answer && !remote->is_json ? remote_list(remote, STR("/v1/campaigns")) : NULL;
    if (answer && remote->is_json) {
        remote_put_json(remote, answer);
    } else if (campaigns) {
        buf_printf(&remote->out, "deployed " STR_FMT "\n\n", STR_ARG(id));
        put_campaigns(remote, campaigns);
    } else if (code == EXIT_FINE) {
        code = remote_code(remote);
    }
    buf_free(&image);
    return code;
}

int cmd_deploy(int argc, char **argv)
{
    struct remote remote;
    if (remote_open(&remote, argc, argv, "--in-flight") != EXIT_FINE)
        return EXIT_USAGE;
    const struct remote_options *o = &remote.options;
    int code = EXIT_USAGE;
    if (o->in_flight && strcmp(o->in_flight, "pin") != 0)
        tool_misuse("deploy",
                    "patients who are under way stay on their image (--in-flight pin); moving "
                    "them is not there yet",
                    o->in_flight);
    else if (!o->word_count)
        tool_misuse("deploy", "name a file or folder", "");
    else
        code = deploy(&remote);
    return remote_close(&remote, code);
}

/* --- start --- */

static void put_list(struct buf *out, const struct json *list)
{
    for (const struct json *item = list ? list->first : NULL; item; item = item->next)
        buf_printf(out, STR_FMT "%s", STR_ARG(item->text), item->next ? ", " : "");
}

static void put_outgoing(struct remote *remote, const char *when, const struct json *counts)
{
    buf_printf(&remote->out, "%s %lld e-mails, %lld texts, %lld webhooks, %lld drafts\n", when,
               (long long)json_int_of(counts, "email"), (long long)json_int_of(counts, "sms"),
               (long long)json_int_of(counts, "webhook"), (long long)json_int_of(counts, "drafts"));
}

static void put_windows(struct buf *out, const struct json *windows)
{
    for (const struct json *w = windows ? windows->first : NULL; w; w = w->next) {
        const struct json *days = json_get(w, "days");
        uint32_t count = 0;
        for (const struct json *day = days ? days->first : NULL; day; day = day->next)
            count++;
        buf_printf(out, "%s" STR_FMT " to " STR_FMT, out->len ? "; " : "",
                   STR_ARG(json_text_of(w, "from")), STR_ARG(json_text_of(w, "to")));
        if (count < 7) {
            buf_c(out, " on ");
            put_list(out, days);
        }
    }
}

static void put_messages(struct remote *remote, const struct json *messages)
{
    struct table table;
    table_init(&table, &remote->arena, "MESSAGE|CHANNEL|SENDING|BETWEEN|LIMITS");
    for (const struct json *m = messages ? messages->first : NULL; m; m = m->next) {
        struct buf text;
        buf_init(&text, 0);
        table_cell(&table, json_text_of(m, "name"));
        table_cell(&table, json_text_of(m, "channel"));
        table_cell(&table, json_text_of(m, "sending"));
        put_windows(&text, json_get(m, "windows"));
        table_cell(&table, text.len ? buf_view(&text) : STR("any time"));
        buf_reset(&text);
        put_list(&text, json_get(m, "limits"));
        table_cell(&table, text.len ? buf_view(&text) : STR("none"));
        buf_free(&text);
    }
    table_write(&table, 60, remote->has_colour, &remote->out);
}

static void put_review(struct remote *remote, const struct json *review)
{
    const struct json *audience = json_get(review, "audience"),
                      *settings = json_get(review, "settings"),
                      *trigger = settings ? json_get(settings, "trigger") : NULL;
    struct buf *out = &remote->out;
    buf_printf(out, "%s" STR_FMT "%s  " STR_FMT "\n\n", remote->has_colour ? "\033[1m" : "",
               STR_ARG(json_text_of(review, "title")), remote->has_colour ? "\033[0m" : "",
               STR_ARG(json_text_of(review, "name")));
    buf_printf(out, "state      " STR_FMT "\n", STR_ARG(json_text_of(review, "state")));
    buf_printf(out, "trigger    " STR_FMT " " STR_FMT "\n", STR_ARG(json_text_of(trigger, "kind")),
               STR_ARG(json_text_of(trigger, "of")));
    buf_printf(out, "enter      " STR_FMT "\n", STR_ARG(json_text_of(settings, "enter")));
    struct str topic = json_text_of(settings, "topic");
    buf_printf(out, "topic      " STR_FMT "\n",
               STR_ARG(topic.len ? topic : STR("none: transactional")));
    buf_printf(out, "audience   %lld of %lld patients%s", (long long)json_int_of(audience, "size"),
               (long long)json_int_of(audience, "of"),
               json_is_true(review, "is_partial") ? " (counted in part)" : "");
    const struct json *sample = audience ? json_get(audience, "sample") : NULL;
    buf_c(out, sample && sample->first ? ", as " : "");
    put_list(out, sample);
    buf_printf(out, "\nsending    " STR_FMT "\n", STR_ARG(json_text_of(review, "sending")));
    put_outgoing(remote, "first hour", json_get(review, "first_hour"));
    put_outgoing(remote, "first day ", json_get(review, "first_day"));
    buf_byte(out, '\n');
    put_messages(remote, json_get(review, "messages"));
}

/* 200..600 */
static bool read_expect(const char *text, long long *least, long long *most)
{
    char rest;
    return sscanf(text, "%lld..%lld%c", least, most, &rest) == 2 && *least >= 0 && *most >= *least;
}

/* FINE: a person said yes. */
static int ask(struct remote *remote, const char *question)
{
    char line[64];
    tool_write(remote->is_json ? STDERR_FILENO : STDOUT_FILENO, buf_view(&remote->out));
    buf_reset(&remote->out);
    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "camp %s: there is no terminal to ask on; add --yes\n", remote->command);
        return EXIT_USAGE;
    }
    fprintf(stderr, "\n%s [y/N] ", question);
    if (fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y'))
        return EXIT_FINE;
    fprintf(stderr, "nothing was started\n");
    return EXIT_FINDINGS;
}

static struct str start_body(struct remote *remote, bool is_dry, long long least, long long most)
{
    struct buf body;
    buf_init(&body, 0);
    buf_printf(&body, "{\"existing\":%s,\"dry_run\":%s",
               remote->options.existing ? "true" : "false", is_dry ? "true" : "false");
    if (most >= 0)
        buf_printf(&body, ",\"expect\":[%lld,%lld]", least, most);
    buf_byte(&body, '}');
    struct str text = arena_str(&remote->arena, buf_view(&body));
    buf_free(&body);
    return text;
}

static int start(struct remote *remote)
{
    const struct remote_options *o = &remote->options;
    long long least = 0, most = -1;
    if (o->expect && !read_expect(o->expect, &least, &most))
        return tool_misuse("start", "--expect takes 200..600", o->expect);
    struct str path = arena_printf(&remote->arena, "/v1/campaigns/" STR_FMT "/start",
                                   STR_ARG(remote_escaped(remote, str_of(o->words[0]))));
    struct str body = start_body(remote, true, least, most);
    const struct json *review = remote_ask(remote, "POST", path, &body);
    if (!review)
        return remote_code(remote);
    long long size = json_int_of(json_get(review, "audience"), "size");
    if (!remote->is_json)
        put_review(remote, review);
    else if (!o->yes)
        remote_put_json(remote, review);
    if (most >= 0 && (size < least || size > most)) {
        fprintf(stderr,
                "camp start: the audience has %lld, expected were %lld to %lld; nothing was "
                "started\n",
                size, least, most);
        return EXIT_FINDINGS;
    }
    int code = o->yes ? EXIT_FINE : ask(remote, "Start it?");
    if (code != EXIT_FINE)
        return code;
    body = start_body(remote, false, least, most);
    review = remote_ask(remote, "POST", path, &body);
    if (!review)
        return remote_code(remote);
    if (remote->is_json)
        remote_put_json(remote, review);
    else
        buf_printf(&remote->out, "\nstarted: " STR_FMT " is " STR_FMT "\n",
                   STR_ARG(json_text_of(review, "name")), STR_ARG(json_text_of(review, "state")));
    return EXIT_FINE;
}

int cmd_start(int argc, char **argv)
{
    struct remote remote;
    if (remote_open(&remote, argc, argv, "--existing --expect --yes") != EXIT_FINE)
        return EXIT_USAGE;
    int code = remote.options.word_count == 1 ? start(&remote)
                                              : tool_misuse("start", "name one campaign", "");
    return remote_close(&remote, code);
}

/* --- pause, resume, stop --- */

static int change(int argc, char **argv, const char *verb, const char *own)
{
    struct remote remote;
    if (remote_open(&remote, argc, argv, own) != EXIT_FINE)
        return EXIT_USAGE;
    if (remote.options.word_count != 1)
        return remote_close(&remote, tool_misuse(verb, "name one campaign", ""));
    struct str body = remote.options.drain ? STR("{\"drain\":true}") : STR("{}");
    struct str name = remote_escaped(&remote, str_of(remote.options.words[0]));
    const struct json *answer = remote_ask(
        &remote, "POST",
        arena_printf(&remote.arena, "/v1/campaigns/" STR_FMT "/%s", STR_ARG(name), verb), &body);
    if (answer && remote.is_json)
        remote_put_json(&remote, answer);
    else if (answer)
        buf_printf(&remote.out, STR_FMT " is " STR_FMT ", %lld in progress\n",
                   STR_ARG(json_text_of(answer, "name")), STR_ARG(json_text_of(answer, "state")),
                   (long long)json_int_of(answer, "in_progress"));
    return remote_close(&remote, answer ? EXIT_FINE : remote_code(&remote));
}

int cmd_pause(int argc, char **argv)
{
    return change(argc, argv, "pause", "");
}

int cmd_resume(int argc, char **argv)
{
    return change(argc, argv, "resume", "");
}

int cmd_stop(int argc, char **argv)
{
    return change(argc, argv, "stop", "--drain");
}
