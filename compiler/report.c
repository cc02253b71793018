/* report.c: diagnostics of the passes; silent during trials. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/internal.h"

static bool is_word_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_';
}

static const char *wording_of(enum diag_code code)
{
    switch ((int)code) {
#define DIAG(number, severity, name, wording)                                                      \
    case number:                                                                                   \
        return wording;
#include "grammar/diags.def"
#undef DIAG
    default:
        return "%s";
    }
}

static bool is_of_syntax(enum diag_code code)
{
    return code < DIAG_UNKNOWN_NAME;
}

static bool has_word(struct str line, struct str word)
{
    for (size_t at = 0, found; (found = str_find(str_from(line, at), word)) != SIZE_MAX;) {
        at += found;
        size_t end = at + word.len;
        bool begins = at == 0 || !is_word_byte(line.at[at - 1]);
        if (begins && (end == line.len || !is_word_byte(line.at[end])))
            return true;
        at++;
    }
    return false;
}

/* The lines of a syntax error: what the reader skipped begins there. */
static struct str lines_of(struct compiler *c, const struct diag *diag)
{
    struct str text = source_at(&c->out->sources, diag->span.file)->text;
    size_t first = diag->span.first, end = diag->span.end;
    while (first && text.at[first - 1] != '\n')
        first--;
    while (end < text.len && text.at[end] != '\n')
        end++;
    return (struct str){text.at + first, end - first};
}

/* Would what is reported perhaps not be so, had the reader understood a line that it reported? */
static bool follows(struct compiler *c, enum diag_code code, struct span span)
{
    bool is_name = code == DIAG_UNKNOWN_NAME;
    bool is_missing = code == DIAG_NO_TRIGGER || code == DIAG_NO_CONSENT_RULE ||
                      code == DIAG_MESSAGE_INCOMPLETE || code == DIAG_TOPIC_MAIL_WITHOUT ||
                      code == DIAG_MATCH_HOLE || code == DIAG_SPLIT_SUM ||
                      code == DIAG_MATCH_WITHOUT_ELSE || code == DIAG_NO_GOAL ||
                      code == DIAG_MAY_BE_UNKNOWN;
    if (!is_name && !is_missing)
        return false;
    if (is_name && c->is_use_missing)
        return true;
    struct str word = source_text(c, span);
    for (size_t i = 0; i < word.len; i++)
        if (!is_word_byte(word.at[i]))
            word.len = i;
    for (uint32_t i = 0; i < c->diags->count; i++) {
        const struct diag *diag = &c->diags->items[i];
        if (!is_of_syntax(diag->code))
            continue;
        bool is_within = c->campaign && diag->span.file == c->campaign->span.file &&
                         diag->span.first >= c->campaign->span.first &&
                         diag->span.first < c->campaign->span.end;
        if (is_name ? has_word(lines_of(c, diag), word) : is_within)
            return true;
    }
    return false;
}

/* What is not reported. */
static struct diag nothing;

struct diag *report(struct compiler *c, enum diag_code code, struct span span, ...)
{
    char text[1024];
    va_list arguments;
    bool is_new = true;
    if (c->is_quiet || (c->diags->error_count && follows(c, code, span)))
        return &nothing;
    va_start(arguments, span);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int length = vsnprintf(text, sizeof text, wording_of(code), arguments);
#pragma GCC diagnostic pop
    va_end(arguments);
    size_t len = length < 0 ? 0 : (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    /* What stands in a flow is looked at each time that the flow is done. */
    uint64_t what = (uint64_t)span.file << 40 ^ (uint64_t)span.first << 10 ^ (uint64_t)code;
    for (size_t i = 0; i < len; i++)
        what = (what ^ (unsigned char)text[i]) * 1099511628211u;
    map64_put(&c->reported, what, &is_new);
    if (!is_new)
        return &nothing;
    return diag_add(c->diags, code, span, (struct str){text, len});
}

void help(struct compiler *c, struct diag *diag, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    if (c->is_quiet || diag == &nothing)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    diag_help(c->diags, diag, "%s", text);
}

void fix(struct compiler *c, struct diag *diag, struct span span, const char *text)
{
    if (!c->is_quiet && diag != &nothing)
        diag_fix(c->diags, diag, span, "%s", text);
}

void suggest(struct compiler *c, struct diag *diag, struct str name, const struct strmap *names)
{
    enum { MOST = 512 };
    struct str candidates[MOST], key;
    uint32_t count = 0;
    uint64_t value;
    for (size_t i = 0; count < MOST && strmap_next(names, &i, &key, &value);)
        candidates[count++] = key;
    suggest_of(c, diag, name, candidates, count);
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

void suggest_of(struct compiler *c, struct diag *diag, struct str name, struct str *candidates,
                uint32_t count)
{
    enum { SHOWN = 8 };
    struct str nearest = diag_nearest(name, candidates, count);
    struct buf list;
    if (nearest.at) {
        help(c, diag, "did you mean `" STR_FMT "`?", STR_ARG(nearest));
        if (!c->is_quiet && str_eq(source_text(c, diag->span), name))
            diag_fix(c->diags, diag, diag->span, STR_FMT, STR_ARG(nearest));
        return;
    }
    if (!count) {
        help(c, diag, "none is declared");
        return;
    }
    qsort(candidates, count, sizeof *candidates, by_text);
    buf_init(&list, 4096);
    for (uint32_t i = 0; i < count && i < SHOWN; i++)
        buf_printf(&list, "%s`" STR_FMT "`", i ? " " : "", STR_ARG(candidates[i]));
    help(c, diag, "there %s " STR_FMT "%s", count == 1 ? "is" : "are", STR_ARG(buf_view(&list)),
         count > SHOWN ? " and more" : "");
    buf_free(&list);
}

void report_too_large(struct compiler *c, struct span span, const char *what)
{
    help(c, report(c, DIAG_TOO_LARGE, span, what),
         "divide the campaign: what one emits can trigger the next");
}

void report_two_rules(struct compiler *c, const struct node *topic,
                      const struct node *transactional)
{
    struct diag *diag = report(c, DIAG_TWO_CONSENT_RULES, transactional->span);
    note(c, diag, topic->span, "the topic");
    help(c, diag, "keep one of the two: the topic asks for consent, `transactional` does without");
}

struct span first_line(struct compiler *c, struct span span)
{
    size_t line = str_find(source_text(c, span), STR("\n"));
    if (line != SIZE_MAX)
        span.end = span.first + (uint32_t)line;
    return span;
}

void note(struct compiler *c, struct diag *diag, struct span span, const char *text)
{
    if (!c->is_quiet && diag != &nothing)
        diag_note(c->diags, diag, span, "%s", text);
}

const char *kind_form(uint32_t kind)
{
    static const struct {
        uint32_t kind;
        const char *form;
    } forms[] = {{TYPE_INTEGER, "3"},
                 {TYPE_NUMBER, "3 or 2.5"},
                 {TYPE_BOOL, "true or false"},
                 {TYPE_DATE, "2026-03-02"},
                 {TYPE_TIME, "2026-03-02 09:00"},
                 {TYPE_CLOCK, "09:00"},
                 {TYPE_DURATION, "2 days"},
                 {TYPE_EMAIL, "\"ana@patients.example\""},
                 {TYPE_PHONE, "\"+15185550100\""},
                 {TYPE_URL, "\"https://riverside.example\""},
                 {TYPE_TIMEZONE, "\"America/New_York\""},
                 {TYPE_LANGUAGE, "\"en\" or \"pt-BR\""},
                 {TYPE_LIST, "[\"en\", \"es\"]"}};
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++)
        if (forms[i].kind == kind)
            return forms[i].form;
    return "\"a text\"";
}

void report_count(struct compiler *c, const struct node *call, uint32_t least, uint32_t most,
                  uint32_t given, const char *form)
{
    struct str wanted = least == most
                            ? arena_printf(c->arena, "%u argument%s", most, most == 1 ? "" : "s")
                            : arena_printf(c->arena, "%u to %u arguments", least, most);
    struct diag *diag =
        report(c, DIAG_ARGUMENT_COUNT, call->name_span, STR_ARG(call->name), wanted.at, given);
    help(c, diag, "it is `" STR_FMT "%s`", STR_ARG(call->name), form);
}
