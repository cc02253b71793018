/* cmd_drafts.c: `camp drafts`, `camp approve`, `camp reject`: what waits for a person. */
#include <stdio.h>

#include "compiler/tool/remote.h"

static const struct json *get_drafts(struct remote *remote)
{
    const struct remote_options *o = &remote->options;
    struct buf path;
    buf_init(&path, 0);
    buf_c(&path, "/v1/drafts?limit=1000");
    if (o->campaign)
        buf_printf(&path, "&campaign=" STR_FMT,
                   STR_ARG(remote_escaped(remote, str_of(o->campaign))));
    if (o->message)
        buf_printf(&path, "&message=" STR_FMT, STR_ARG(remote_escaped(remote, str_of(o->message))));
    const struct json *list = remote_list(remote, arena_str(&remote->arena, buf_view(&path)));
    buf_free(&path);
    return list;
}

static void put_table(struct remote *remote, const struct json *drafts)
{
    struct table table;
    table_init(&table, &remote->arena, "ID|CAMPAIGN|MESSAGE|PATIENT|TO|EXPIRES|SAYS");
    for (const struct json *d = drafts->first; d; d = d->next) {
        struct str subject = json_text_of(d, "subject");
        table_cell(&table, json_text_of(d, "id"));
        table_cell(&table, json_text_of(d, "campaign"));
        table_cell(&table, json_text_of(d, "message"));
        table_cell(&table, json_text_of(d, "patient"));
        table_cell(&table, json_text_of(d, "to"));
        table_cell(&table, remote_time(remote, json_text_of(d, "expires_at")));
        table_cell(&table, subject.len ? subject : json_text_of(d, "text"));
    }
    table_write(&table, 48, remote->has_colour, &remote->out);
}

/* As the patient would see it. */
static void put_whole(struct remote *remote, const struct json *draft)
{
    static const struct {
        const char *name, *word;
    } members[] = {
        {"campaign", "campaign"}, {"message", "message"}, {"patient", "patient"},   {"to", "to"},
        {"subject", "subject"},   {"created_at", "made"}, {"expires_at", "expires"}};
    struct buf *out = &remote->out;
    buf_printf(out, "%sdraft " STR_FMT "%s\n", remote->has_colour ? "\033[1m" : "",
               STR_ARG(json_text_of(draft, "id")), remote->has_colour ? "\033[0m" : "");
    for (size_t i = 0; i < ARRAY_COUNT(members); i++) {
        struct str text = json_text_of(draft, members[i].name);
        if (text.len)
            buf_printf(out, "%-9s " STR_FMT "\n", members[i].word, STR_ARG(text));
    }
    struct str text = json_text_of(draft, "text"), html = json_text_of(draft, "html");
    if (text.len)
        buf_printf(out, "\n" STR_FMT "\n", STR_ARG(text));
    if (html.len)
        buf_printf(out, "\n" STR_FMT "\n", STR_ARG(html));
    buf_byte(out, '\n');
}

int cmd_drafts(int argc, char **argv)
{
    struct remote remote;
    if (remote_open(&remote, argc, argv, "--campaign --message --full") != EXIT_FINE)
        return EXIT_USAGE;
    if (remote.options.word_count)
        return remote_close(&remote, tool_misuse("drafts", "takes no words, only options",
                                                 remote.options.words[0]));
    const struct json *drafts = get_drafts(&remote);
    if (drafts && remote.is_json)
        remote_put_json(&remote, drafts);
    else if (drafts && !drafts->first)
        buf_c(&remote.out, "nothing waits for a person\n");
    else if (drafts && remote.options.full)
        for (const struct json *d = drafts->first; d; d = d->next)
            put_whole(&remote, d);
    else if (drafts)
        put_table(&remote, drafts);
    return remote_close(&remote, drafts ? EXIT_FINE : remote_code(&remote));
}

/* The ids that were written, or those of the drafts of a message. */
static bool put_ids(struct remote *remote, struct buf *body, uint32_t *count)
{
    const struct remote_options *o = &remote->options;
    const struct json *drafts = o->word_count ? NULL : get_drafts(remote);
    if (!o->word_count && !drafts)
        return false;
    for (int i = 0; i < o->word_count; i++) {
        buf_c(body, (*count)++ ? "," : "");
        json_put_text(body, str_of(o->words[i]));
    }
    for (const struct json *d = drafts ? drafts->first : NULL; d; d = d->next) {
        buf_c(body, (*count)++ ? "," : "");
        json_put_text(body, json_text_of(d, "id"));
    }
    return true;
}

static int put_outcome(struct remote *remote, const struct json *answer, bool is_approved)
{
    const struct json *items = json_get(answer, "items");
    struct table table;
    uint32_t done = 0, not_done = 0;
    table_init(&table, &remote->arena, "ID|STATE");
    for (const struct json *item = items ? items->first : NULL; item; item = item->next) {
        struct str state = json_text_of(item, "state");
        /* What is approved may be on its way already, or have arrived. */
        bool is_done = is_approved ? str_eq_c(state, "pending") || str_eq_c(state, "claimed") ||
                                         str_eq_c(state, "retry") || str_eq_c(state, "sent") ||
                                         str_eq_c(state, "delivered") || str_eq_c(state, "draft")
                                   : str_eq_c(state, "rejected");
        done += is_done;
        not_done += !is_done;
        if (!is_done) {
            table_cell(&table, json_text_of(item, "id"));
            table_cell(&table, state);
        }
    }
    if (remote->is_json) {
        remote_put_json(remote, answer);
        return not_done ? EXIT_FINDINGS : EXIT_FINE;
    }
    buf_printf(&remote->out, "%u %s\n", done, is_approved ? "approved" : "rejected");
    if (not_done) {
        buf_printf(&remote->out, "%u not:\n", not_done);
        table_write(&table, 60, remote->has_colour, &remote->out);
    }
    return not_done ? EXIT_FINDINGS : EXIT_FINE;
}

static int decide(int argc, char **argv, bool is_approved)
{
    struct remote remote;
    struct buf body;
    uint32_t count = 0;
    const char *verb = is_approved ? "approve" : "reject";
    if (remote_open(&remote, argc, argv,
                    is_approved ? "--campaign --message" : "--campaign --message --reason") !=
        EXIT_FINE)
        return EXIT_USAGE;
    const struct remote_options *o = &remote.options;
    bool by_name = o->campaign && o->message, by_id = o->word_count > 0;
    if (by_name == by_id || (by_id && (o->campaign || o->message)))
        return remote_close(
            &remote, tool_misuse(verb, "name drafts by id, or by --campaign C --message M", ""));
    buf_init(&body, 0);
    buf_c(&body, "{\"ids\":[");
    int code = put_ids(&remote, &body, &count) ? EXIT_FINE : remote_code(&remote);
    buf_c(&body, "]");
    if (o->reason) {
        buf_c(&body, ",\"reason\":");
        json_put_text(&body, str_of(o->reason));
    }
    buf_c(&body, "}");
    if (code == EXIT_FINE) {
        struct str text = buf_view(&body);
        const struct json *answer =
            remote_ask(&remote, "POST",
                       is_approved ? STR("/v1/drafts/approve") : STR("/v1/drafts/reject"), &text);
        code = answer ? put_outcome(&remote, answer, is_approved) : remote_code(&remote);
    }
    buf_free(&body);
    return remote_close(&remote, code);
}

int cmd_approve(int argc, char **argv)
{
    return decide(argc, argv, true);
}

int cmd_reject(int argc, char **argv)
{
    return decide(argc, argv, false);
}
