/* edit.c: what changes a text or acts on it: formatting, the edits that helps propose, and tests to
 * run. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compiler/tool/lsp/lsp.h"
#include "grammar/print.h"

/* ---- formatting ---- */

/* Only from the first line that differs to the last, so that marks elsewhere stay. */
static void put_change(struct request *request, const struct source *source, struct str after)
{
    struct str before = source->text;
    size_t first = 0, least = before.len < after.len ? before.len : after.len, tail = 0;
    while (first < least && before.at[first] == after.at[first])
        first++;
    while (first && before.at[first - 1] != '\n')
        first--;
    while (tail < least - first &&
           before.at[before.len - 1 - tail] == after.at[after.len - 1 - tail])
        tail++;
    while (tail && tail < before.len && before.at[before.len - 1 - tail] != '\n')
        tail--;
    buf_c(request->result, "{\"range\":");
    put_range(request->server, request->result, source, (uint32_t)first,
              (uint32_t)(before.len - tail));
    buf_c(request->result, ",\"newText\":");
    json_put_text(request->result, (struct str){after.at + first, after.len - tail - first});
    buf_byte(request->result, '}');
}

void on_formatting(struct request *request)
{
    struct place place;
    struct diags diags;
    struct buf out;
    buf_byte(request->result, '[');
    if (document_of(request, &place) && str_ends(place.source->name, STR(".camp"))) {
        buf_init(&out, 0);
        diags_init(&diags, request->arena, &place.project->compilation.sources);
        if (camp_print(&diags, place.file, &out) && !str_eq(buf_view(&out), place.source->text))
            put_change(request, place.source, buf_view(&out));
        buf_free(&out);
    }
    buf_byte(request->result, ']');
}

/* ---- code actions ---- */

static void put_action(struct request *request, const struct place *place, const char *title,
                       struct span span, struct str text, bool is_preferred)
{
    struct buf *out = request->result;
    if (out->data[out->len - 1] != '[')
        buf_byte(out, ',');
    buf_c(out, "{\"title\":");
    json_put_text(out, str_of(title));
    buf_printf(out, ",\"kind\":\"quickfix\"%s,\"edit\":{\"changes\":{",
               is_preferred ? ",\"isPreferred\":true" : "");
    put_uri(request->server, out, path_normal(request->arena, place->source->path));
    buf_c(out, ":[{\"range\":");
    put_range(request->server, out, place->source, span.first, span.end);
    buf_c(out, ",\"newText\":");
    json_put_text(out, text);
    buf_c(out, "}]}}}");
}

static void put_fix(struct request *request, const struct place *place, const struct diag *diag)
{
    struct str text = place->source->text, fix = diag->fix.text;
    struct str old = {text.at + diag->fix.span.first, diag->fix.span.end - diag->fix.span.first};
    struct str title =
        fix.len ? arena_printf(request->arena, "write `" STR_FMT "`", STR_ARG(str_trim(fix)))
                : arena_printf(request->arena, "take `" STR_FMT "` away", STR_ARG(old));
    put_action(request, place, title.at, diag->fix.span, fix, true);
}

/* `# camp: allow(C0710) …` on the line before, the reason to be written. */
static void put_allowance(struct request *request, const struct place *place,
                          const struct diag *diag)
{
    uint32_t line = source_position(place->source, diag->span.first).line;
    struct str code = source_line(place->source, line);
    size_t blanks = 0;
    while (blanks < code.len && (code.at[blanks] == ' ' || code.at[blanks] == '\t'))
        blanks++;
    struct str comment = arena_printf(request->arena, "%.*s# camp: allow(C%04d) say here why\n",
                                      (int)blanks, code.at, (int)diag->code);
    struct str title =
        arena_printf(request->arena, "allow C%04d here, with a reason", (int)diag->code);
    uint32_t first = place->source->lines[line - 1];
    put_action(request, place, title.at, (struct span){place->file, first, first}, comment, false);
}

void on_code_action(struct request *request)
{
    struct place place;
    const struct json *range = json_get(request->params, "range");
    buf_byte(request->result, '[');
    if (document_of(request, &place)) {
        const struct diags *diags = &place.project->compilation.diags;
        uint32_t first = offset_at(request->server, place.source->text, json_get(range, "start")),
                 end = offset_at(request->server, place.source->text, json_get(range, "end"));
        for (uint32_t i = 0; i < diags->count; i++) {
            const struct diag *diag = &diags->items[i];
            if (diag->span.file != place.file || diag->span.first > end || diag->span.end < first)
                continue;
            if (diag->has_fix && diag->fix.span.file == place.file)
                put_fix(request, &place, diag);
            if (diag->severity == SEVERITY_WARNING)
                put_allowance(request, &place, diag);
        }
    }
    buf_byte(request->result, ']');
}

/* ---- running tests ---- */

void on_code_lens(struct request *request)
{
    struct place place;
    struct buf *out = request->result;
    buf_byte(out, '[');
    if (document_of(request, &place)) {
        const struct node *node = place.project->compilation.declarations;
        for (; node; node = node->next) {
            if (node->kind != NODE_TEST || node->span.file != place.file)
                continue;
            buf_c(out, out->data[out->len - 1] == '[' ? "{\"range\":" : ",{\"range\":");
            put_range(request->server, out, place.source, node->span.first, node->other_span.end);
            buf_c(out, ",\"command\":{\"title\":\"run test\",\"command\":\"camp.runTest\","
                       "\"arguments\":[");
            json_put_text(out, place.project->path);
            buf_byte(out, ',');
            json_put_text(out, node->name);
            buf_byte(out, ',');
            json_put_text(out, node->other);
            buf_c(out, "]}}");
        }
    }
    buf_byte(out, ']');
}

/* The title as a regular expression for itself alone. */
static struct str exactly(struct arena *arena, struct str campaign, struct str title)
{
    struct buf out;
    buf_init(&out, 0);
    buf_printf(&out, "^" STR_FMT ": ", STR_ARG(campaign));
    for (size_t i = 0; i < title.len; i++) {
        if (strchr(".[]\\*^$+?(){}|", title.at[i]))
            buf_byte(&out, '\\');
        buf_byte(&out, (unsigned char)title.at[i]);
    }
    buf_byte(&out, '$');
    struct str text = arena_str(arena, buf_view(&out));
    buf_free(&out);
    return text;
}

/* `camp test`, what it says and how it ended. */
static int run_test(const char *path, const char *pattern, struct buf *said)
{
    int pipes[2], status = -1;
    if (pipe(pipes) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        dup2(pipes[1], STDERR_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        close(STDIN_FILENO);
        execl("/proc/self/exe", "camp", "test", path, "--run", pattern, (char *)NULL);
        _exit(EXIT_USAGE);
    }
    close(pipes[1]);
    char block[4096];
    for (ssize_t n; child > 0 && (n = read(pipes[0], block, sizeof block)) > 0;)
        buf_put(said, block, (size_t)n);
    close(pipes[0]);
    if (child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status))
        return WEXITSTATUS(status);
    return -1;
}

static void tell(struct server *server, const char *method, int type, struct str text)
{
    struct buf out;
    notify_begin(&out, method);
    buf_printf(&out, "{\"type\":%d,\"message\":", type);
    json_put_text(&out, text);
    buf_byte(&out, '}');
    notify_end(server, &out);
}

/* Of what is on disk: `camp.runTest` with project, campaign and title. */
void on_execute_command(struct request *request)
{
    const struct json *command = json_get(request->params, "command"),
                      *arguments = json_get(request->params, "arguments"),
                      *path = arguments ? arguments->first : NULL,
                      *campaign = path ? path->next : NULL,
                      *title = campaign ? campaign->next : NULL;
    if (!command || !str_eq(command->text, STR("camp.runTest")) || !title ||
        path->kind != JSON_STRING || title->kind != JSON_STRING) {
        request->error_code = ERROR_PARAMS;
        request->error = "there is camp.runTest, with a project, a campaign and a title";
        return;
    }
    struct buf said;
    buf_init(&said, 1 << 20);
    struct str pattern = exactly(request->arena, campaign->text, title->text);
    int code = run_test(arena_cstr(request->arena, path->text), pattern.at, &said);
    bool is_passed = code == EXIT_FINE;
    struct str line = arena_printf(request->arena, "%s: " STR_FMT, is_passed ? "passed" : "failed",
                                   STR_ARG(title->text));
    tell(request->server, "window/logMessage", is_passed ? 3 : 1, buf_view(&said));
    tell(request->server, "window/showMessage", is_passed ? 3 : 1, line);
    buf_printf(request->result, "{\"passed\":%s,\"output\":", is_passed ? "true" : "false");
    json_put_text(request->result, buf_view(&said));
    buf_byte(request->result, '}');
    buf_free(&said);
}

/* ---- inlay hints ---- */

struct hints {
    struct request *request;
    const struct place *place;
    const struct bounds *bounds;
    uint32_t first, end;     /* what the editor shows */
    const struct node *body; /* the campaign or flow */
};

static void put_hint(struct hints *hints, uint32_t offset, struct str label)
{
    struct buf *out = hints->request->result;
    if (offset < hints->first || offset > hints->end || !label.len)
        return;
    buf_c(out, out->data[out->len - 1] == '[' ? "{\"position\":" : ",{\"position\":");
    put_position(hints->request->server, out, hints->place->source, offset);
    buf_c(out, ",\"paddingLeft\":true,\"label\":");
    json_put_text(out, label);
    buf_byte(out, '}');
}

static void put_most(struct bound bound, const char *span, struct buf *out)
{
    if (bound.is_open)
        buf_printf(out, "any number in %s", span);
    else
        buf_printf(out, "%u in %s", bound.most, span);
}

/* How long an enrollment lasts, and the most messages of both channels. */
static void hint_campaign(struct hints *hints, const struct node *node)
{
    for (uint32_t i = 0; i < hints->bounds->campaign_count; i++) {
        const struct campaign_bounds *campaign = &hints->bounds->campaigns[i];
        struct buf label;
        if (!str_eq(campaign->name, node->name))
            continue;
        buf_init(&label, 0);
        buf_c(&label, "lasts at most ");
        write_latest(campaign->longest_ms, campaign->longest_open_by, &label);
        buf_c(&label, "; messages: at most ");
        put_most(campaign->most[BOUNDS_CHANNELS - 1][0], "a day", &label);
        buf_c(&label, ", ");
        put_most(campaign->most[BOUNDS_CHANNELS - 1][1], "a week", &label);
        put_hint(hints, node->other_span.end, buf_view(&label));
        buf_free(&label);
    }
}

/* When a message can go; one of a flow, in each campaign that does it. */
static void hint_message(struct hints *hints, const struct node *node)
{
    bool is_flow = hints->body->kind == NODE_FLOW;
    struct buf label;
    buf_init(&label, 0);
    for (uint32_t i = 0; i < hints->bounds->campaign_count; i++) {
        const struct campaign_bounds *campaign = &hints->bounds->campaigns[i];
        for (uint32_t j = 0; j < campaign->message_count; j++) {
            const struct message_bounds *message = &campaign->messages[j];
            if (!str_eq(message->name, node->name) ||
                (!is_flow && !str_eq(campaign->name, hints->body->name)))
                continue;
            if (label.len)
                buf_c(&label, "; ");
            if (is_flow)
                buf_printf(&label, STR_FMT ": ", STR_ARG(campaign->name));
            write_moments(message, &label);
            if (message->segments > 1)
                buf_printf(&label, ", up to %u segments", message->segments);
        }
    }
    put_hint(hints, node->name_span.end, buf_view(&label));
    buf_free(&label);
}

/* The longest wait, where nothing written says it (LANGUAGE.md D2, D3). */
static void hint_wait(struct hints *hints, const struct node *node)
{
    const struct node *until = node->kids[WAIT_UNTIL_VALUE];
    if (!until || node->kids[WAIT_UNTIL_UP_TO] || until->kind == NODE_DATE)
        return;
    put_hint(hints, until->span.end,
             until->kind == NODE_CLOCK     ? STR("at most 1 day")
             : until->kind == NODE_WEEKDAY ? STR("at most 7 days")
                                           : STR("at most 1 year later than at first"));
}

static bool hint_node(void *context, struct node *node)
{
    struct hints *hints = context;
    if (node->kind == NODE_WAIT_UNTIL)
        hint_wait(hints, node);
    if (node->kind == NODE_EMAIL || node->kind == NODE_SMS)
        hint_message(hints, node);
    return true;
}

void on_inlay_hint(struct request *request)
{
    struct place place;
    const struct json *range = json_get(request->params, "range");
    buf_byte(request->result, '[');
    if (document_of(request, &place)) {
        struct hints hints = {.request = request,
                              .place = &place,
                              .bounds = &place.project->compilation.bounds,
                              .end = UINT32_MAX};
        if (range && range->kind == JSON_OBJECT) {
            hints.first = offset_at(request->server, place.source->text, json_get(range, "start"));
            hints.end = offset_at(request->server, place.source->text, json_get(range, "end"));
        }
        struct node *node = place.project->compilation.declarations;
        for (; node; node = node->next) {
            hints.body = node;
            if (node->span.file != place.file ||
                (node->kind != NODE_CAMPAIGN && node->kind != NODE_FLOW))
                continue;
            if (node->kind == NODE_CAMPAIGN)
                hint_campaign(&hints, node);
            for (int i = 0; i < NODE_KID_ROOM; i++)
                for (struct node *kid = node->kids[i]; kid; kid = kid->next)
                    ast_walk(kid, hint_node, &hints);
        }
    }
    buf_byte(request->result, ']');
}
