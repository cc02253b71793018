/* cmd_status.c: `camp status` and `camp why`: where campaigns and patients stand. */
#include <stdio.h>

#include "compiler/tool/remote.h"

static void put_clock(struct remote *remote, const struct json *health)
{
    if (str_eq_c(json_text_of(health, "clock"), "made_up"))
        buf_printf(&remote->out, "made-up clock: " STR_FMT "\n\n",
                   STR_ARG(remote_time(remote, json_text_of(health, "now"))));
}

static const struct json *get_campaign(struct remote *remote, struct str name)
{
    return remote_ask(remote, "GET",
                      arena_printf(&remote->arena, "/v1/campaigns/" STR_FMT,
                                   STR_ARG(remote_escaped(remote, name))),
                      NULL);
}

static bool put_all(struct remote *remote)
{
    static const char *const counts[] = {"started",   "in_progress",  "messaged",
                                         "completed", "exited_early", "converted"};
    struct table table;
    const struct json *list = remote_list(remote, STR("/v1/campaigns"));
    if (!list)
        return false;
    table_init(&table, &remote->arena,
               "CAMPAIGN|STATE|#STARTED|#IN PROGRESS|#MESSAGED|#COMPLETED|#EXITED|#CONVERTED");
    buf_c(&remote->out, remote->is_json ? "{\"items\":[" : "");
    for (const struct json *item = list->first; item; item = item->next) {
        const struct json *campaign = get_campaign(remote, json_text_of(item, "name"));
        if (!campaign)
            return false;
        if (remote->is_json) {
            buf_str(&remote->out, campaign->raw);
            buf_c(&remote->out, item->next ? "," : "");
            continue;
        }
        table_cell(&table, json_text_of(campaign, "name"));
        table_cell(&table, json_text_of(campaign, "state"));
        for (size_t i = 0; i < ARRAY_COUNT(counts); i++)
            table_number(&table, json_int_of(campaign, counts[i]));
    }
    if (remote->is_json)
        buf_c(&remote->out, "],\"next\":null}\n");
    else if (list->first)
        table_write(&table, 60, remote->has_colour, &remote->out);
    else
        buf_c(&remote->out, "nothing is deployed\n");
    return true;
}

static void put_steps(struct remote *remote, const struct json *steps)
{
    struct table table;
    table_init(&table, &remote->arena, "STEP|KIND|#ENTERED|#WAITING NOW|OLDEST");
    for (const struct json *s = steps ? steps->first : NULL; s; s = s->next) {
        table_cell(&table, json_text_of(s, "name"));
        table_cell(&table, json_text_of(s, "kind"));
        table_number(&table, json_int_of(s, "entered"));
        table_number(&table, json_int_of(s, "waiting_now"));
        table_cell(&table, remote_time(remote, json_text_of(s, "oldest")));
    }
    buf_byte(&remote->out, '\n');
    table_write(&table, 60, remote->has_colour, &remote->out);
}

/* Counts that are zero are left out. */
static void put_counts(struct remote *remote, const struct json *object, bool is_in_lines)
{
    const char *comma = "";
    for (const struct json *m = object->first; m; m = m->next) {
        if (m->kind != JSON_INT || m->integer == 0)
            continue;
        struct str name = arena_str(&remote->arena, m->key);
        for (size_t i = 0; i < name.len; i++)
            if (name.at[i] == '_')
                ((char *)(uintptr_t)name.at)[i] = ' ';
        if (is_in_lines)
            buf_printf(&remote->out, "%-14.*s %10lld\n", STR_ARG(name), (long long)m->integer);
        else
            buf_printf(&remote->out, "%s" STR_FMT " %lld", comma, STR_ARG(name),
                       (long long)m->integer);
        comma = ", ";
    }
    if (!is_in_lines)
        buf_c(&remote->out, *comma ? "\n" : "nothing yet\n");
}

static void put_one(struct remote *remote, const struct json *campaign)
{
    struct buf *out = &remote->out;
    buf_printf(out, "%s" STR_FMT "%s  " STR_FMT "\n", remote->has_colour ? "\033[1m" : "",
               STR_ARG(json_text_of(campaign, "title")), remote->has_colour ? "\033[0m" : "",
               STR_ARG(json_text_of(campaign, "name")));
    buf_printf(out, "state          " STR_FMT "%s\n", STR_ARG(json_text_of(campaign, "state")),
               json_is_true(campaign, "is_deployed") ? "" : ", not in the deployed image");
    put_counts(remote, campaign, true);
    put_steps(remote, json_get(campaign, "steps"));
    const struct json *messages = json_get(campaign, "messages");
    for (const struct json *m = messages ? messages->first : NULL; m; m = m->next) {
        buf_printf(out, "%s" STR_FMT " " STR_FMT ": ", m == messages->first ? "\n" : "",
                   STR_ARG(json_text_of(m, "channel")), STR_ARG(json_text_of(m, "name")));
        put_counts(remote, m, false);
    }
}

int cmd_status(int argc, char **argv)
{
    struct remote remote;
    if (remote_open(&remote, argc, argv, "") != EXIT_FINE)
        return EXIT_USAGE;
    const struct remote_options *o = &remote.options;
    if (o->word_count > 1)
        return remote_close(&remote, tool_misuse("status", "name one campaign, or none", ""));
    const struct json *health = remote_ask(&remote, "GET", STR("/healthz"), NULL);
    if (!health)
        return remote_close(&remote, EXIT_USAGE);
    if (!remote.is_json)
        put_clock(&remote, health);
    if (!o->word_count)
        return remote_close(&remote, put_all(&remote) ? EXIT_FINE : remote_code(&remote));
    const struct json *campaign = get_campaign(&remote, str_of(o->words[0]));
    if (campaign && remote.is_json)
        remote_put_json(&remote, campaign);
    else if (campaign)
        put_one(&remote, campaign);
    return remote_close(&remote, campaign ? EXIT_FINE : remote_code(&remote));
}

/* --- why --- */

static void put_entry(struct remote *remote, const struct json *entry, bool has_campaign)
{
    static const char *const members[] = {"event",   "step",   "channel",
                                          "message", "status", "reason"};
    struct buf *out = &remote->out;
    struct str campaign = json_text_of(entry, "campaign"), file = json_text_of(entry, "file");
    buf_printf(out, STR_FMT "  ", STR_ARG(remote_time(remote, json_text_of(entry, "at"))));
    if (has_campaign && campaign.len)
        buf_printf(out, STR_FMT ": ", STR_ARG(campaign));
    struct str type = json_text_of(entry, "type");
    bool is_message = str_eq_c(type, "message");
    if (!is_message)
        buf_printf(out, STR_FMT, STR_ARG(type));
    for (size_t i = 0; i < ARRAY_COUNT(members); i++) {
        struct str text = json_text_of(entry, members[i]);
        if (text.len)
            buf_printf(out, "%s" STR_FMT, is_message && i == 2 ? "" : " ", STR_ARG(text));
    }
    if (file.len)
        buf_printf(out, "   " STR_FMT ":%lld", STR_ARG(file),
                   (long long)json_int_of(entry, "line"));
    buf_byte(out, '\n');
}

static void put_enrollments(struct remote *remote, const struct json *list)
{
    struct table table;
    table_init(&table, &remote->arena, "CAMPAIGN|STATE|STEP|ENTERED|WAKES|WHERE");
    for (const struct json *e = list ? list->first : NULL; e; e = e->next) {
        struct str step = json_text_of(e, "step"), file = json_text_of(e, "file");
        table_cell(&table, json_text_of(e, "campaign"));
        table_cell(&table, json_text_of(e, "state"));
        table_cell(&table, step.len ? step : json_text_of(e, "reason"));
        table_cell(&table, remote_time(remote, json_text_of(e, "entered_at")));
        table_cell(&table, remote_time(remote, json_text_of(e, "wakes_at")));
        table_cell(&table, file.len ? arena_printf(&remote->arena, STR_FMT ":%lld", STR_ARG(file),
                                                   (long long)json_int_of(e, "line"))
                                    : (struct str){0});
    }
    if (list && list->first) {
        table_write(&table, 60, remote->has_colour, &remote->out);
        buf_byte(&remote->out, '\n');
    }
}

static void put_why(struct remote *remote, const struct json *why)
{
    static const struct {
        const char *name, *yes, *no;
    } checks[] = {{"is_running", "the campaign is running", "the campaign is not running"},
                  {"in_segment", "is in the segment", "is not in the segment"},
                  {"entry_rule", "the rule of entry allows it", "the rule of entry forbids it"},
                  {"audience", "belongs to the audience", "does not belong to the audience"},
                  {"meets_exit", "meets a condition of exit", "meets no condition of exit"}};
    struct buf *out = &remote->out;
    const struct json *found = json_get(why, "checks");
    buf_printf(out, STR_FMT " in " STR_FMT ": " STR_FMT "\n\n",
               STR_ARG(json_text_of(why, "patient")), STR_ARG(json_text_of(why, "campaign")),
               STR_ARG(json_text_of(why, "answer")));
    for (size_t i = 0; i < ARRAY_COUNT(checks); i++) {
        const struct json *check = found ? json_get(found, checks[i].name) : NULL;
        if (check)
            buf_printf(out, "  %s\n", check->kind == JSON_TRUE ? checks[i].yes : checks[i].no);
    }
    struct str entered = json_text_of(why, "last_entered_at"),
               left = json_text_of(why, "last_left_at");
    if (entered.len)
        buf_printf(out, "  entered last " STR_FMT "\n", STR_ARG(remote_time(remote, entered)));
    if (left.len)
        buf_printf(out, "  left last    " STR_FMT "\n", STR_ARG(remote_time(remote, left)));
    buf_byte(out, '\n');
    put_enrollments(remote, json_get(why, "enrollments"));
    const struct json *history = json_get(why, "history");
    for (const struct json *entry = history ? history->first : NULL; entry; entry = entry->next)
        put_entry(remote, entry, false);
}

static bool why_patient(struct remote *remote, struct str id)
{
    const struct json *patient = remote_ask(
        remote, "GET", arena_printf(&remote->arena, "/v1/patients/" STR_FMT, STR_ARG(id)), NULL);
    const struct json *timeline =
        patient ? remote_ask(remote, "GET",
                             arena_printf(&remote->arena, "/v1/patients/" STR_FMT "/timeline",
                                          STR_ARG(id)),
                             NULL)
                : NULL;
    if (!timeline)
        return false;
    if (remote->is_json) {
        remote_put_json(remote, timeline);
        return true;
    }
    put_enrollments(remote, json_get(patient, "enrollments"));
    const struct json *items = json_get(timeline, "items");
    for (const struct json *entry = items ? items->first : NULL; entry; entry = entry->next)
        put_entry(remote, entry, true);
    if (json_text_of(timeline, "next").len)
        buf_c(&remote->out, "… and what was before\n");
    return true;
}

int cmd_why(int argc, char **argv)
{
    struct remote remote;
    if (remote_open(&remote, argc, argv, "") != EXIT_FINE)
        return EXIT_USAGE;
    const struct remote_options *o = &remote.options;
    if (o->word_count < 1 || o->word_count > 2)
        return remote_close(&remote, tool_misuse("why", "name a patient, and a campaign", ""));
    struct str id = remote_escaped(&remote, str_of(o->words[0]));
    if (o->word_count == 1)
        return remote_close(&remote, why_patient(&remote, id) ? EXIT_FINE : remote_code(&remote));
    struct str campaign = remote_escaped(&remote, str_of(o->words[1]));
    const struct json *why =
        remote_ask(&remote, "GET",
                   arena_printf(&remote.arena, "/v1/patients/" STR_FMT "/why?campaign=" STR_FMT,
                                STR_ARG(id), STR_ARG(campaign)),
                   NULL);
    if (why && remote.is_json)
        remote_put_json(&remote, why);
    else if (why)
        put_why(&remote, why);
    return remote_close(&remote, why ? EXIT_FINE : remote_code(&remote));
}
