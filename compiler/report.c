/* report.c: diagnostics of the passes; silent during trials. */
#include <stdarg.h>
#include <stdio.h>

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
    struct str nearest = diag_nearest(name, candidates, count);
    if (nearest.at)
        help(c, diag, "did you mean `" STR_FMT "`?", STR_ARG(nearest));
}
