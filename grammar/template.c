/* template.c: where a byte of a template stands in the file it came from. A literal is walked
 * again, on from the place that was asked for last: its escapes are longer than what they mean, and
 * a long text has lost its indentation. */
#include "grammar/liquid.h"

static uint32_t in_long_text(struct template *template, struct str raw, uint32_t offset)
{
    struct str decoded = template->text;
    bool goes_on = template->seen_at && offset >= template->seen;
    size_t at = goes_on                            ? template->seen_at
                : raw.len > 3 && raw.at[3] == '\n' ? 4
                                                   : 3,
           line_start = goes_on ? template->seen_line : 0;
    for (size_t i = line_start; i < offset && i < decoded.len; i++) {
        if (decoded.at[i] != '\n')
            continue;
        line_start = i + 1;
        while (at < raw.len && raw.at[at] != '\n')
            at++;
        at++;
    }
    template->seen = template->seen_line = (uint32_t)line_start;
    template->seen_at = (uint32_t)at;
    size_t indent = at;
    while (indent < raw.len && (raw.at[indent] == ' ' || raw.at[indent] == '\t'))
        indent++;
    size_t own = line_start;
    while (own < decoded.len && (decoded.at[own] == ' ' || decoded.at[own] == '\t'))
        own++;
    size_t blanks = indent - at, kept = own - line_start;
    return (uint32_t)(at + (blanks > kept ? blanks - kept : 0) + (offset - line_start));
}

static uint32_t in_text(struct template *template, struct str raw, uint32_t offset)
{
    bool goes_on = template->seen_at && offset >= template->seen;
    size_t at = goes_on ? template->seen_at : 1;
    uint32_t i = goes_on ? template->seen : 0;
    while (i < offset && at < raw.len) {
        size_t length = 1, means = 1;
        if (raw.at[at] == '\\' && at + 1 < raw.len) {
            length = 2;
            if (raw.at[at + 1] == 'u') {
                uint32_t code = 0;
                for (length = 3; at + length < raw.len && raw.at[at + length] != '}'; length++) {
                    char c = raw.at[at + length];
                    code = code << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
                }
                length++;
                means = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
            }
        }
        at += length;
        i += (uint32_t)means;
    }
    template->seen = i;
    template->seen_at = (uint32_t)at;
    return (uint32_t)at;
}

static uint32_t offset_in(struct template *template, uint32_t offset)
{
    if (!template->origin.is_literal)
        return template->origin.first + offset;
    const struct source *source = source_at(template->diags->sources, template->origin.file);
    struct str raw = str_from(source->text, template->origin.first);
    bool is_long = str_starts(raw, STR("\"\"\""));
    return template->origin.first +
           (is_long ? in_long_text(template, raw, offset) : in_text(template, raw, offset));
}

struct span template_span(struct template *template, uint32_t first, uint32_t end)
{
    uint32_t from = offset_in(template, first);
    uint32_t to = end > first ? offset_in(template, end - 1) + 1 : from;
    return (struct span){template->origin.file, from, to};
}
