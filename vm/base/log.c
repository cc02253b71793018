/* log.c: see log.h. */
#include "vm/base/log.h"

#include <stdarg.h>
#include <unistd.h>

#include "vm/base/civil.h"
#include "vm/base/clock.h"
#include "vm/base/json.h"

enum { LINE_LIMIT_BYTES = 4096 };
static enum log_level threshold = LOG_INFO;

void log_threshold(enum log_level level)
{
    threshold = level;
}

void log_line(enum log_level level, const char *event, ...)
{
    static const char *const names[] = {"", "info", "warn", "error"};
    if (level < threshold)
        return;
    struct buf line;
    struct clock clock;
    buf_init(&line, LINE_LIMIT_BYTES);
    clock_real(&clock);
    buf_c(&line, "{\"time\":\"");
    buf_instant(&line, clock_now_ms(&clock));
    buf_printf(&line, "\",\"level\":\"%s\",\"event\":", names[level]);
    json_put_text(&line, str_of(event));
    va_list pairs;
    va_start(pairs, event);
    for (const char *name = va_arg(pairs, const char *); name; name = va_arg(pairs, const char *)) {
        const char *text = va_arg(pairs, const char *);
        buf_byte(&line, ',');
        json_put_text(&line, str_of(name));
        buf_byte(&line, ':');
        json_put_text(&line, str_of(text ? text : ""));
    }
    va_end(pairs);
    buf_c(&line, "}\n");
    if (!line.failed && write(STDERR_FILENO, line.data, line.len) < 0)
        line.failed = true; /* nobody is left to be told */
    buf_free(&line);
}
