/* diag.c: diagnostics collected and written. */
#include "grammar/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "vm/base/json.h"
#include "vm/base/utf8.h"

#define ERROR SEVERITY_ERROR
#define WARNING SEVERITY_WARNING
static const struct row {
    int number;
    enum severity severity;
    const char *wording;
} rows[] = {
#define DIAG(number, severity, name, wording) {number, severity, wording},
#include "grammar/diags.def"
#undef DIAG
};
#undef ERROR
#undef WARNING

/* A number that stands in two rows does not compile. */
static const struct row *row_of(int number)
{
    size_t index = 0;
    enum {
#define DIAG(number, severity, name, wording) INDEX_##name,
#include "grammar/diags.def"
#undef DIAG
    };
    switch (number) {
#define DIAG(number, severity, name, wording)                                                      \
    case number:                                                                                   \
        index = INDEX_##name;                                                                      \
        break;
#include "grammar/diags.def"
#undef DIAG
    default:
        ensure(false);
    }
    return &rows[index];
}

void diags_init(struct diags *diags, struct arena *arena, struct sources *sources)
{
    *diags = (struct diags){.arena = arena, .sources = sources};
}

/* The wordings are literals of diags.def. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static struct str format_text(struct arena *arena, const char *format, va_list arguments)
{
    char text[2048];
    int length = vsnprintf(text, sizeof text, format, arguments);
    size_t len = length < 0 ? 0 : (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    return arena_str(arena, (struct str){text, len});
}
#pragma GCC diagnostic pop

struct diag *diag_report(struct diags *diags, enum diag_code code, struct span span, ...)
{
    va_list arguments;
    va_start(arguments, span);
    struct str message = format_text(diags->arena, row_of((int)code)->wording, arguments);
    va_end(arguments);
    return diag_add(diags, code, span, message);
}

/* Is it `# camp: allow(C0123) reason`, of several codes too, for this one? */
static bool allows(struct str line, enum diag_code code)
{
    static const char begin[] = "# camp: allow(";
    char wanted[8];
    snprintf(wanted, sizeof wanted, "C%04d", (int)code);
    struct str rest = str_trim(line);
    if (str_starts(rest, STR("{%"))) { /* a comment of Liquid: `{% # camp: … %}` */
        rest = str_trim(str_from(rest, 2));
        rest.len -= str_ends(rest, STR("%}")) ? 2 : 0;
    }
    if (!str_starts(rest, str_of(begin)))
        return false;
    size_t close = str_find(rest, STR(")"));
    struct str codes = {rest.at, close == SIZE_MAX ? 0 : close};
    struct str reason = str_trim(str_from(rest, close == SIZE_MAX ? rest.len : close + 1));
    return reason.len && str_find(codes, str_of(wanted)) != SIZE_MAX;
}

/* The lines of `# camp:` comments right before the one where the span begins; of a template that as
 * a whole is meant, its first. */
static bool is_allowed(const struct diags *diags, enum diag_code code, struct span span)
{
    const struct source *source = source_at(diags->sources, span.file);
    if (span.first == 0 && allows(source_line(source, 1), code))
        return true;
    for (uint32_t line = source_position(source, span.first).line; line > 1; line--) {
        struct str before = source_line(source, line - 1);
        if (allows(before, code))
            return true;
        if (!str_starts(str_trim(before), STR("# camp:")))
            break;
    }
    return false;
}

void diag_lose(struct diags *diags, struct span span)
{
    enum { LOST_LIMIT = 200 };
    struct span *last = diags->lost_count ? &diags->lost[diags->lost_count - 1] : NULL;
    if (last && last->file == span.file &&
        (diags->lost_count >= LOST_LIMIT ||
         (span.first >= last->first && span.first <= last->end))) {
        last->end = span.end > last->end ? span.end : last->end;
        return;
    }
    struct span *moved =
        arena_grow(diags->arena, diags->lost, diags->lost_count, &diags->lost_room, sizeof span);
    ensure(moved);
    diags->lost = moved;
    diags->lost[diags->lost_count++] = span;
}

static bool is_of_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool has_word(struct str text, struct str word)
{
    for (size_t i = 0; word.len && i + word.len <= text.len; i++)
        if (!memcmp(text.at + i, word.at, word.len) && (i == 0 || !is_of_word(text.at[i - 1])) &&
            (i + word.len == text.len || !is_of_word(text.at[i + word.len])))
            return true;
    return false;
}

/* One of the names of `text`, as `visit.starts_at`, stands in what was skipped. */
static bool shares_word(struct str skipped, struct str text)
{
    for (size_t i = 0, length; i < text.len; i += length ? length : 1) {
        for (length = 0; i + length < text.len && is_of_word(text.at[i + length]);)
            length++;
        if (has_word(skipped, (struct str){text.at + i, length}))
            return true;
    }
    return false;
}

/* Says that something is missing, which may stand in what the parser skipped. */
static bool is_of_absence(enum diag_code code)
{
    return code == DIAG_NO_TRIGGER || code == DIAG_NO_CONSENT_RULE || code == DIAG_NO_WORKFLOW ||
           code == DIAG_MESSAGE_INCOMPLETE || code == DIAG_TOPIC_MAIL_WITHOUT ||
           code == DIAG_BREAK_OUTSIDE || code == DIAG_SPLIT_SUM || code == DIAG_MATCH_HOLE ||
           code == DIAG_MATCH_WITHOUT_ELSE || code == DIAG_ARGUMENT_COUNT;
}

static bool follows_from_loss(const struct diags *diags, enum diag_code code, struct span span)
{
    struct str text = {source_at(diags->sources, span.file)->text.at + span.first,
                       span.end - span.first};
    if (code < DIAG_UNKNOWN_NAME && !is_of_absence(code))
        return false;
    for (uint32_t i = 0; i < diags->lost_count; i++) {
        struct span lost = diags->lost[i];
        struct str skipped = {source_at(diags->sources, lost.file)->text.at + lost.first,
                              lost.end - lost.first};
        bool is_on_its_line = code >= DIAG_UNKNOWN_NAME && lost.file == span.file &&
                              span.first >= lost.first && span.first < lost.end;
        if (is_on_its_line ||
            (is_of_absence(code) ? lost.file == span.file
                                 : code == DIAG_UNKNOWN_NAME && shares_word(skipped, text)))
            return true;
    }
    return false;
}

struct diag *diag_add(struct diags *diags, enum diag_code code, struct span span,
                      struct str message)
{
    bool is_warning = row_of((int)code)->severity == SEVERITY_WARNING;
    bool is_silent = is_warning ? is_allowed(diags, code, span)
                                : diags->lost_count && follows_from_loss(diags, code, span);
    diags->error_count += !is_warning && !is_silent;
    diags->warning_count += is_warning && !is_silent;
    if (is_silent || diags->count >= DIAG_LIMIT) {
        struct diag *lost = arena_alloc(diags->arena, sizeof *lost);
        ensure(lost);
        return lost;
    }
    struct diag *moved =
        arena_grow(diags->arena, diags->items, diags->count, &diags->room, sizeof *diags->items);
    ensure(moved);
    diags->items = moved;
    struct diag *diag = &diags->items[diags->count];
    *diag = (struct diag){.code = code,
                          .severity = is_warning ? SEVERITY_WARNING : SEVERITY_ERROR,
                          .span = span,
                          .message = arena_str(diags->arena, message),
                          .order = diags->count++};
    return diag;
}

void diags_be_strict(struct diags *diags)
{
    for (uint32_t i = 0; i < diags->count; i++)
        diags->items[i].severity = SEVERITY_ERROR;
    diags->error_count += diags->warning_count;
    diags->warning_count = 0;
}

void diag_help(struct diags *diags, struct diag *diag, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    diag->help = format_text(diags->arena, format, arguments);
    va_end(arguments);
}

void diag_label(struct diags *diags, struct diag *diag, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    diag->label = format_text(diags->arena, format, arguments);
    va_end(arguments);
}

void diag_fix(struct diags *diags, struct diag *diag, struct span span, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    diag->fix = (struct diag_fix){span, format_text(diags->arena, format, arguments)};
    diag->has_fix = true;
    va_end(arguments);
}

void diag_note(struct diags *diags, struct diag *diag, struct span span, const char *format, ...)
{
    struct diag_note *note = arena_alloc(diags->arena, sizeof *note);
    va_list arguments;
    ensure(note);
    va_start(arguments, format);
    *note = (struct diag_note){span, format_text(diags->arena, format, arguments), NULL};
    va_end(arguments);
    struct diag_note **end = &diag->notes;
    while (*end)
        end = &(*end)->next;
    *end = note;
}

/* Levenshtein's distance, given up above `limit`. */
static size_t distance(struct str a, struct str b, size_t limit)
{
    enum { LONGEST = 64 };
    size_t row[LONGEST + 1];
    if (a.len > LONGEST || b.len > LONGEST)
        return limit + 1;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j], cost = diagonal + (a.at[i - 1] != b.at[j - 1]);
            row[j] = row[j - 1] + 1 < above + 1 ? row[j - 1] + 1 : above + 1;
            if (cost < row[j])
                row[j] = cost;
            diagonal = above;
        }
    }
    return row[b.len];
}

struct str diag_nearest(struct str name, const struct str *candidates, uint32_t count)
{
    size_t best = name.len <= 3 ? 1 : name.len <= 6 ? 2 : 3;
    struct str nearest = {0};
    for (uint32_t i = 0; i < count; i++) {
        size_t d = distance(name, candidates[i], best);
        if (d < best || (d == best && !nearest.at)) {
            best = d;
            nearest = candidates[i];
        }
    }
    return nearest;
}

const char *diag_severity_text(enum severity severity)
{
    return severity == SEVERITY_ERROR ? "error" : "warning";
}

static int compare(const void *a, const void *b)
{
    const struct diag *x = a, *y = b;
    if (x->span.file != y->span.file)
        return x->span.file < y->span.file ? -1 : 1;
    if (x->span.first != y->span.first)
        return x->span.first < y->span.first ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

struct paint {
    const char *error, *warning, *bold, *blue, *off;
};
static const struct paint colours = {"\033[1;31m", "\033[1;33m", "\033[1m", "\033[1;34m",
                                     "\033[0m"};
static const struct paint plain = {"", "", "", "", ""};

static void repeat(struct buf *out, char c, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_byte(out, (unsigned char)c);
}

/* What moves a terminal's cursor or turns the direction of its text is shown as U+FFFD. */
static bool is_shown(uint32_t c)
{
    bool is_control = c < ' ' || (c >= 0x7f && c < 0xa0);
    bool is_direction = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
    return !is_control && !is_direction;
}

static void put_shown(struct buf *out, struct str text)
{
    for (size_t length; text.len; text = str_from(text, length ? length : 1)) {
        uint32_t c = utf8_decode(text, &length);
        if (is_shown(c) || c == '\n')
            buf_put(out, text.at, length ? length : 1);
        else
            buf_c(out, "\xef\xbf\xbd");
    }
}

/* The part of a long line around byte `at` of it, whole code points. */
static struct str cut_line(struct str line, size_t at)
{
    enum { BEFORE = 60, WIDTH = 120 };
    if (at >= line.len && line.len <= WIDTH)
        return line;
    size_t first = at > BEFORE && line.len > WIDTH ? at - BEFORE : 0;
    while (first && first < line.len && (line.at[first] & 0xc0) == 0x80)
        first--;
    struct str rest = str_from(line, first);
    size_t end = rest.len > WIDTH ? WIDTH : rest.len;
    while (end < rest.len && (rest.at[end] & 0xc0) == 0x80)
        end++;
    return (struct str){rest.at, end};
}

/* The line with its carets; tabs are shown as four blanks. */
static void write_excerpt(struct buf *out, const struct source *source, struct span span,
                          struct str label, const struct paint *paint, const char *colour)
{
    struct position from = source_position(source, span.first);
    struct str whole = source_line(source, from.line);
    uint32_t line_first = source->lines[from.line - 1];
    struct str line = cut_line(whole, span.first - line_first);
    uint32_t cut = (uint32_t)(line.at - whole.at);
    int width = snprintf(NULL, 0, "%u", from.line);
    buf_printf(out, "%s%*s |%s\n%s%u |%s ", paint->blue, width, "", paint->off, paint->blue,
               from.line, paint->off);
    size_t before = cut ? 1 : 0, under = 0; /* columns */
    struct str rest = line;
    buf_c(out, cut ? "…" : "");
    for (uint32_t at = line_first + cut; rest.len;) {
        size_t length;
        uint32_t c = utf8_decode(rest, &length);
        size_t columns = c == '\t' ? 4 : 1;
        if (!length)
            length = 1;
        if (c == '\t')
            buf_c(out, "    ");
        else
            put_shown(out, (struct str){rest.at, length});
        before += at < span.first ? columns : 0;
        under += at >= span.first && at < span.end ? columns : 0;
        at += (uint32_t)length;
        rest = str_from(rest, length);
    }
    buf_c(out, cut + line.len < whole.len ? "…" : "");
    buf_printf(out, "\n%s%*s |%s ", paint->blue, width, "", paint->off);
    repeat(out, ' ', before);
    buf_c(out, colour);
    repeat(out, '^', under ? under : 1);
    buf_c(out, label.len ? " " : "");
    put_shown(out, label);
    buf_printf(out, "%s\n", paint->off);
}

static void write_text(struct diags *diags, const struct diag *diag, const struct paint *paint,
                       struct buf *out)
{
    const struct source *source = source_at(diags->sources, diag->span.file);
    struct position at = source_position(source, diag->span.first);
    const char *colour = diag->severity == SEVERITY_ERROR ? paint->error : paint->warning;
    buf_printf(out, "%s%s[C%04d]%s%s: ", colour, diag_severity_text(diag->severity),
               (int)diag->code, paint->off, paint->bold);
    put_shown(out, diag->message);
    buf_printf(out, "%s\n", paint->off);
    int width = snprintf(NULL, 0, "%u", at.line);
    buf_printf(out, "%*s%s-->%s " STR_FMT ":%u:%u\n", width, "", paint->blue, paint->off,
               STR_ARG(source->name), at.line, at.column);
    write_excerpt(out, source, diag->span, diag->label, paint, colour);
    for (const struct diag_note *note = diag->notes; note; note = note->next) {
        const struct source *other = source_at(diags->sources, note->span.file);
        struct position there = source_position(other, note->span.first);
        buf_printf(out, "%*s%s:::%s " STR_FMT ":%u:%u\n", width, "", paint->blue, paint->off,
                   STR_ARG(other->name), there.line, there.column);
        write_excerpt(out, other, note->span, note->text, paint, paint->blue);
    }
    buf_printf(out, "%s%*s |%s\n", paint->blue, width, "", paint->off);
    if (diag->help.len) {
        buf_printf(out, "%*s %s=%s help: ", width, "", paint->blue, paint->off);
        put_shown(out, diag->help);
        buf_c(out, "\n");
    }
    buf_printf(out, "%*s %s=%s see: camp explain C%04d\n\n", width, "", paint->blue, paint->off,
               (int)diag->code);
}

static void write_place(struct diags *diags, struct span span, struct buf *out)
{
    const struct source *source = source_at(diags->sources, span.file);
    struct position first = source_position(source, span.first);
    struct position end = source_position(source, span.end);
    buf_c(out, "\"file\":");
    json_put_text(out, source->name);
    buf_printf(out, ",\"line\":%u,\"column\":%u,\"end_line\":%u,\"end_column\":%u", first.line,
               first.column, end.line, end.column);
}

static void write_json(struct diags *diags, const struct diag *diag, struct buf *out)
{
    buf_printf(out, "{\"code\":\"C%04d\",\"severity\":\"%s\",\"message\":", (int)diag->code,
               diag_severity_text(diag->severity));
    json_put_text(out, diag->message);
    buf_byte(out, ',');
    write_place(diags, diag->span, out);
    buf_c(out, ",\"help\":");
    if (diag->help.len)
        json_put_text(out, diag->help);
    else
        buf_c(out, "null");
    buf_c(out, ",\"related\":[");
    for (const struct diag_note *note = diag->notes; note; note = note->next) {
        buf_c(out, note == diag->notes ? "{\"message\":" : ",{\"message\":");
        json_put_text(out, note->text);
        buf_byte(out, ',');
        write_place(diags, note->span, out);
        buf_byte(out, '}');
    }
    buf_c(out, "]}\n");
}

void diags_sort(struct diags *diags)
{
    if (diags->count)
        qsort(diags->items, diags->count, sizeof *diags->items, compare);
}

void diags_write(struct diags *diags, enum diag_format format, bool is_coloured, struct buf *out)
{
    diags_sort(diags);
    for (uint32_t i = 0; i < diags->count; i++) {
        if (format == DIAG_JSON)
            write_json(diags, &diags->items[i], out);
        else
            write_text(diags, &diags->items[i], is_coloured ? &colours : &plain, out);
    }
}
