/* remote.c: see remote.h. */
#include "compiler/tool/remote.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { REPLY_LIMIT_BYTES = 64 << 20, CONNECT_S = 10, WHOLE_S = 120 };

static int set_option(struct remote *remote, const char *own, const char *word, const char *value,
                      bool *takes_value)
{
    static const struct {
        const char *text;
        size_t offset;
        bool has_value;
    } options[] = {
#define OPTION(name, text, has_value) {text, offsetof(struct remote_options, name), has_value},
        REMOTE_OPTIONS
#undef OPTION
    };
    for (size_t i = 0; i < ARRAY_COUNT(options); i++) {
        if (strcmp(options[i].text, word) != 0)
            continue;
        struct str rest = str_of(own), wanted = str_of(word);
        size_t at = str_find(rest, wanted);
        bool is_common = strcmp(word, "--server") == 0 || strcmp(word, "--format") == 0;
        bool is_own =
            at != SIZE_MAX && (at + wanted.len == rest.len || rest.at[at + wanted.len] == ' ');
        if ((!is_own && !is_common) || (options[i].has_value && !value))
            break;
        *takes_value = options[i].has_value;
        const char **place = (const char **)(void *)((char *)&remote->options + options[i].offset);
        *place = *takes_value ? value : "";
        return EXIT_FINE;
    }
    return tool_misuse(remote->command, "no such option, or its value is missing", word);
}

static int read_options(struct remote *remote, int argc, char **argv, const char *own)
{
    struct remote_options *o = &remote->options;
    o->words = argv + 1;
    for (int i = 1; i < argc; i++) {
        bool takes_value = false;
        if (argv[i][0] != '-' || !argv[i][1]) {
            o->words[o->word_count++] = argv[i];
            continue;
        }
        if (set_option(remote, own, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &takes_value) !=
            EXIT_FINE)
            return EXIT_USAGE;
        i += takes_value;
    }
    if (o->format && strcmp(o->format, "text") != 0 && strcmp(o->format, "json") != 0)
        return tool_misuse(remote->command, "formats are text and json", o->format);
    remote->is_json = o->format && strcmp(o->format, "json") == 0;
    return EXIT_FINE;
}

static size_t take_reply(char *bytes, size_t size, size_t count, void *context)
{
    struct remote *remote = context;
    buf_put(&remote->reply, bytes, size * count);
    return remote->reply.failed ? 0 : size * count;
}

int remote_open(struct remote *remote, int argc, char **argv, const char *own)
{
    *remote = (struct remote){.command = argv[0], .token = getenv("CAMP_TOKEN")};
    if (read_options(remote, argc, argv, own) != EXIT_FINE)
        return EXIT_USAGE;
    if (!remote->options.server)
        remote->options.server = getenv("CAMP_SERVER");
    if (!remote->options.server || !*remote->options.server)
        return tool_misuse(remote->command, "say which service: --server URL, or CAMP_SERVER", "");
    if (strncmp(remote->options.server, "http://", 7) != 0 &&
        strncmp(remote->options.server, "https://", 8) != 0)
        return tool_misuse(remote->command, "the service's address is http://… or https://…",
                           remote->options.server);
    arena_init(&remote->arena, 0);
    buf_init(&remote->out, 0);
    buf_init(&remote->reply, REPLY_LIMIT_BYTES);
    remote->has_colour = tool_has_colour(STDOUT_FILENO);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    remote->curl = curl_easy_init();
    ensure(remote->curl);
    return EXIT_FINE;
}

int remote_close(struct remote *remote, int code)
{
    tool_write(STDOUT_FILENO, buf_view(&remote->out));
    curl_easy_cleanup(remote->curl);
    curl_global_cleanup();
    buf_free(&remote->reply);
    buf_free(&remote->out);
    arena_free(&remote->arena);
    return code;
}

static void set_up(struct remote *remote, const char *method, const char *url,
                   struct curl_slist *headers, const struct str *body, char *why)
{
    CURL *curl = remote->curl;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "camp");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)WHOLE_S);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_reply);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, remote);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->at);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
    }
}

static bool is_path_unknown(const struct json *error)
{
    return str_eq(json_text_of(error, "message"), STR("there is nothing at this path"));
}

static void tell_refusal(struct remote *remote, const struct json *answer)
{
    const struct json *error = answer ? json_get(answer, "error") : NULL;
    struct str message = json_text_of(error, "message"), field = json_text_of(error, "field");
    fprintf(stderr, "camp %s: ", remote->command);
    if (field.len)
        fprintf(stderr, STR_FMT ": ", STR_ARG(field));
    if (message.len)
        fprintf(stderr, STR_FMT, STR_ARG(message));
    else
        fprintf(stderr, "%s answered %ld, and not as campd does", remote->options.server,
                remote->status);
    fprintf(stderr, "\n");
    if (!message.len || (remote->status == 404 && is_path_unknown(error)))
        fprintf(stderr, "Is %s the address of a campd?\n", remote->options.server);
    if (remote->status == 401)
        fprintf(stderr, "%s\n",
                remote->token ? "The key in CAMP_TOKEN is not one of this service."
                              : "Put a key of the service into CAMP_TOKEN.");
}

const struct json *remote_ask(struct remote *remote, const char *method, struct str path,
                              const struct str *body)
{
    struct str server = str_of(remote->options.server);
    char why[CURL_ERROR_SIZE] = "";
    while (str_ends(server, STR("/")))
        server.len--;
    struct str url = arena_printf(&remote->arena, STR_FMT STR_FMT, STR_ARG(server), STR_ARG(path));
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    headers = curl_slist_append(headers, "Content-Type: application/json");
    if (remote->token && *remote->token)
        headers = curl_slist_append(
            headers, arena_printf(&remote->arena, "Authorization: Bearer %s", remote->token).at);
    buf_reset(&remote->reply);
    remote->status = 0;
    set_up(remote, method, url.at, headers, body, why);
    CURLcode code = curl_easy_perform(remote->curl);
    curl_slist_free_all(headers);
    if (code != CURLE_OK) {
        fprintf(stderr, "camp %s: " STR_FMT ": %s\n", remote->command, STR_ARG(server),
                why[0] ? why : curl_easy_strerror(code));
        if (code == CURLE_COULDNT_CONNECT)
            fprintf(stderr,
                    "Is campd running there? Start it with: campd --db FILE --listen HOST:PORT\n");
        return NULL;
    }
    curl_easy_getinfo(remote->curl, CURLINFO_RESPONSE_CODE, &remote->status);
    struct str text = arena_str(&remote->arena, str_trim(buf_view(&remote->reply)));
    const struct json *answer = json_parse(&remote->arena, text, NULL, NULL);
    if (answer && remote->status >= 200 && remote->status < 300)
        return answer;
    tell_refusal(remote, answer);
    return NULL;
}

int remote_code(const struct remote *remote)
{
    return remote->status == 409 || remote->status == 422 ? EXIT_FINDINGS : EXIT_USAGE;
}

struct str remote_escaped(struct remote *remote, struct str word)
{
    char *escaped = curl_easy_escape(remote->curl, word.at, (int)word.len);
    struct str copy = arena_str(&remote->arena, str_of(escaped));
    curl_free(escaped);
    return copy;
}

const struct json *remote_list(struct remote *remote, struct str path)
{
    struct json *list = arena_alloc(&remote->arena, sizeof *list);
    struct json **last = &list->first;
    struct str cursor = {0};
    const char *sign = str_find(path, STR("?")) == SIZE_MAX ? "?" : "&";
    list->kind = JSON_ARRAY;
    do {
        struct str page = path;
        if (cursor.len)
            page = arena_printf(&remote->arena, STR_FMT "%scursor=" STR_FMT, STR_ARG(path), sign,
                                STR_ARG(remote_escaped(remote, cursor)));
        const struct json *answer = remote_ask(remote, "GET", page, NULL);
        if (!answer)
            return NULL;
        const struct json *items = json_get(answer, "items");
        if (items && items->kind == JSON_ARRAY)
            *last = items->first;
        while (*last)
            last = &(*last)->next;
        cursor = json_text_of(answer, "next");
    } while (cursor.len);
    return list;
}

/* A patient's name may hold what a terminal takes for a command: control characters become `?`. */
static void defuse(struct str text)
{
    char *at = (char *)(uintptr_t)text.at; /* of the arena */
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)at[i];
        bool is_c1 = c == 0xc2 && i + 1 < text.len && (unsigned char)at[i + 1] < 0xa0;
        if ((c < ' ' && c != '\n' && c != '\t') || c == 127 || is_c1)
            at[i] = '?';
        if (is_c1)
            at[i + 1] = '?';
    }
}

struct str json_text_of(const struct json *object, const char *name)
{
    const struct json *member = object ? json_get(object, name) : NULL;
    if (!member || member->kind != JSON_STRING)
        return (struct str){0};
    defuse(member->text);
    return member->text;
}

int64_t json_int_of(const struct json *object, const char *name)
{
    const struct json *member = object ? json_get(object, name) : NULL;
    return member && member->kind == JSON_INT ? member->integer : 0;
}

bool json_is_true(const struct json *object, const char *name)
{
    const struct json *member = object ? json_get(object, name) : NULL;
    return member && member->kind == JSON_TRUE;
}

struct str remote_time(struct remote *remote, struct str instant)
{
    if (instant.len < 16)
        return STR("–");
    return arena_printf(&remote->arena, "%.10s %.5sZ", instant.at, instant.at + 11);
}

void remote_put_json(struct remote *remote, const struct json *answer)
{
    if (answer->kind == JSON_ARRAY && !answer->raw.at) {
        buf_c(&remote->out, "{\"items\":[");
        for (const struct json *item = answer->first; item; item = item->next) {
            buf_str(&remote->out, item->raw);
            buf_c(&remote->out, item->next ? "," : "");
        }
        buf_c(&remote->out, "],\"next\":null}\n");
        return;
    }
    buf_str(&remote->out, answer->raw);
    buf_byte(&remote->out, '\n');
}
