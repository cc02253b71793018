/* report.c: diagnostics of the passes; silent during trials. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/internal.h"

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

struct diag *report(struct compiler *c, enum diag_code code, struct span span, ...)
{
    static struct diag nothing;
    char text[1024];
    va_list arguments;
    if (c->is_quiet)
        return &nothing;
    va_start(arguments, span);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int length = vsnprintf(text, sizeof text, wording_of(code), arguments);
#pragma GCC diagnostic pop
    va_end(arguments);
    size_t len = length < 0 ? 0 : (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    return diag_add(c->diags, code, span, (struct str){text, len});
}

void help(struct compiler *c, struct diag *diag, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    if (c->is_quiet)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    diag_help(c->diags, diag, "%s", text);
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
    if (!c->is_quiet)
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
