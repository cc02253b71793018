/* text_width.c: see text_width.h. */
#include "compiler/tool/text_width.h"

#include "vm/base/utf8.h"

/* Thousandths of the size, for the signs from blank to ~. */
static const uint16_t widths[] = {
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361,  318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635,  611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352,  635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592,  525, 636, 337, 636, 838};
enum { OTHER_LATIN = 850, GREEK_OR_CYRILLIC = 900, WIDE = 1050, BOLD_PERCENT = 116 };

static double sign_width(uint32_t sign)
{
    if (sign < ' ')
        return 0;
    if (sign - ' ' < ARRAY_COUNT(widths))
        return widths[sign - ' '];
    if (sign >= 0x300 && sign < 0x370) /* combining */
        return 0;
    return sign < 0x300 ? OTHER_LATIN : sign < 0x600 ? GREEK_OR_CYRILLIC : WIDE;
}

/* The next sign; a broken byte counts as one. */
static uint32_t next_sign(struct str text, size_t *at)
{
    size_t size;
    uint32_t sign = utf8_decode(str_from(text, *at), &size);
    *at += size ? size : 1;
    return size ? sign : 0xfffd;
}

double text_width(struct str text, double size, bool is_bold)
{
    double width = 0;
    for (size_t at = 0; at < text.len;)
        width += sign_width(next_sign(text, &at));
    return width * size / 1000 * (is_bold ? BOLD_PERCENT / 100.0 : 1);
}

/* How many bytes of the text go on one line. */
static size_t line_bytes(struct str text, double size, bool is_bold, double room)
{
    size_t at = 0, blank = 0;
    double width = 0, scale = size / 1000 * (is_bold ? BOLD_PERCENT / 100.0 : 1);
    while (at < text.len) {
        size_t before = at;
        uint32_t sign = next_sign(text, &at);
        width += sign_width(sign) * scale;
        if (width > room)
            return blank ? blank : before ? before : at;
        if (sign == ' ')
            blank = before;
    }
    return text.len;
}

struct text_lines text_wrap(struct arena *arena, struct str text, double size, bool is_bold,
                            double room, uint32_t most)
{
    struct text_lines lines = {.items = arena_array(arena, most, sizeof(struct str))};
    while (text.len && lines.count < most) {
        size_t bytes = line_bytes(text, size, is_bold, room);
        struct str line = {text.at, bytes}, rest = str_trim(str_from(text, bytes));
        if (lines.count + 1 == most && rest.len) {
            bytes = line_bytes(text, size, is_bold, room - size);
            line = arena_printf(arena, STR_FMT "…", (int)bytes, text.at);
        }
        double width = text_width(line, size, is_bold);
        lines.width = width > lines.width ? width : lines.width;
        lines.items[lines.count++] = line;
        text = rest;
    }
    return lines;
}
