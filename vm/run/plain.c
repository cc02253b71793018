/* plain.c: see plain.h. One pass over tags and text. White space folds as in a browser; blocks part
 * by line ends, paragraphs by an empty line; both are owed until the next word, so that none stands
 * at the beginning or the end. */
#include "vm/run/plain.h"

#include <stdlib.h>

#include "vm/base/utf8.h"

enum { MAX_LISTS = 8, MAX_HREF = 2000 };

struct list_level {
    bool is_ordered;
    int number;
};
struct plain {
    struct buf *out;
    int lines_owed; /* before the next word: 1 a new line, 2 an empty line between */
    bool blank_owed;
    bool has_text;    /* anything was written */
    bool is_verbatim; /* in <pre> */
    int heading;      /* 1 or 2: to be underlined */
    size_t line_start;
    struct list_level lists[MAX_LISTS];
    int depth;
    struct str href;
    size_t link_start; /* where the text of the link begins */
    int cells;         /* of the row that is open */
    int quotes;
};

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_name(struct str name, const char *wanted)
{
    size_t length = strlen(wanted);
    return name.len == length && strncasecmp(name.at, wanted, length) == 0;
}

static void owe_lines(struct plain *p, int lines)
{
    p->blank_owed = false;
    if (p->lines_owed < lines)
        p->lines_owed = lines;
}

/* What is owed is paid before a word. */
static void pay(struct plain *p)
{
    for (int i = 0; p->has_text && i < p->lines_owed; i++)
        buf_byte(p->out, '\n');
    if (!p->has_text || p->lines_owed) {
        p->line_start = p->out->len;
        for (int i = 0; i < p->quotes; i++)
            buf_c(p->out, "> ");
    } else if (p->blank_owed) {
        buf_byte(p->out, ' ');
    }
    p->lines_owed = 0;
    p->blank_owed = false;
    p->has_text = true;
}

static void put_char(struct plain *p, uint32_t c)
{
    pay(p);
    buf_utf8(p->out, c);
}

/* &amp; &#233; &#xE9; how long it is; 0: none that is known. */
static size_t entity(struct str text, uint32_t *c)
{
    static const struct {
        const char *name;
        uint32_t c;
    } names[] = {{"amp", '&'},      {"lt", '<'},        {"gt", '>'},       {"quot", '"'},
                 {"apos", '\''},    {"nbsp", ' '},      {"copy", 0xa9},    {"reg", 0xae},
                 {"trade", 0x2122}, {"hellip", 0x2026}, {"mdash", 0x2014}, {"ndash", 0x2013},
                 {"lsquo", 0x2018}, {"rsquo", 0x2019},  {"ldquo", 0x201c}, {"rdquo", 0x201d},
                 {"bull", 0x2022},  {"middot", 0xb7},   {"euro", 0x20ac},  {"deg", 0xb0},
                 {"times", 0xd7},   {"laquo", 0xab},    {"raquo", 0xbb},   {"zwnj", 0x200c},
                 {"aacute", 0xe1},  {"eacute", 0xe9},   {"iacute", 0xed},  {"oacute", 0xf3},
                 {"uacute", 0xfa},  {"ntilde", 0xf1},   {"iexcl", 0xa1},   {"iquest", 0xbf}};
    size_t end = 1;
    while (end < text.len && end < 12 && text.at[end] != ';')
        end++;
    if (end >= text.len || text.at[end] != ';')
        return 0;
    struct str name = {text.at + 1, end - 1};
    if (name.len > 1 && name.at[0] == '#') {
        bool is_hex = lower(name.at[1]) == 'x';
        *c = (uint32_t)strtoul(name.at + 1 + is_hex, NULL, is_hex ? 16 : 10);
        bool is_sound = *c >= ' ' && *c < 0x110000 && !(*c >= 0xd800 && *c < 0xe000);
        return is_sound ? end + 1 : 0;
    }
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (str_eq_c(name, names[i].name)) {
            *c = names[i].c;
            return end + 1;
        }
    return 0;
}

static void put_decoded(struct plain *p, struct str text)
{
    while (text.len) {
        uint32_t c;
        size_t length = text.at[0] == '&' ? entity(text, &c) : 0;
        if (!length)
            c = utf8_decode(text, &length);
        put_char(p, length ? c : 0xfffd);
        text = str_from(text, length ? length : 1);
    }
}

/* The value of an attribute, as it stands. */
static struct str attribute(struct str tag, const char *wanted)
{
    size_t at = 0;
    while (at < tag.len && !is_white(tag.at[at]))
        at++;
    while (at < tag.len) {
        while (at < tag.len && (is_white(tag.at[at]) || tag.at[at] == '/'))
            at++;
        size_t start = at;
        while (at < tag.len && !is_white(tag.at[at]) && tag.at[at] != '=')
            at++;
        struct str name = {tag.at + start, at - start}, value = {0};
        while (at < tag.len && is_white(tag.at[at]))
            at++;
        if (at < tag.len && tag.at[at] == '=') {
            for (at++; at < tag.len && is_white(tag.at[at]);)
                at++;
            char quote = at < tag.len && (tag.at[at] == '"' || tag.at[at] == '\'') ? tag.at[at] : 0;
            at += quote != 0;
            start = at;
            while (at < tag.len && (quote ? tag.at[at] != quote : !is_white(tag.at[at])))
                at++;
            value = (struct str){tag.at + start, at - start};
            at += quote != 0;
        } else if (at == start) {
            at++;
        }
        if (is_name(name, wanted))
            return value;
    }
    return (struct str){0};
}

/* Where the tag that begins at the front ends; quotes may hold `>`. */
static size_t tag_end(struct str html)
{
    char quote = 0;
    for (size_t i = 1; i < html.len; i++) {
        char c = html.at[i];
        if (quote)
            quote = c == quote ? 0 : quote;
        else if (c == '>')
            return i + 1;
        else if ((c == '"' || c == '\'') && i && html.at[i - 1] == '=')
            quote = c;
    }
    return html.len;
}

static void underline(struct plain *p)
{
    size_t width = utf8_count(buf_since(p->out, p->line_start));
    buf_byte(p->out, '\n');
    for (size_t i = 0; i < width && i < 78; i++)
        buf_byte(p->out, p->heading == 1 ? '=' : '-');
    p->heading = 0;
}

static void begin_item(struct plain *p)
{
    struct list_level *list = p->depth ? &p->lists[p->depth - 1] : NULL;
    owe_lines(p, 1);
    pay(p);
    for (int i = 1; i < p->depth; i++)
        buf_c(p->out, "  ");
    if (list && list->is_ordered)
        buf_printf(p->out, "%d. ", ++list->number);
    else
        buf_c(p->out, "- ");
}

static void end_link(struct plain *p)
{
    struct str shown = str_from(buf_view(p->out), p->link_start);
    struct str href = str_starts(p->href, STR("mailto:")) ? str_from(p->href, 7) : p->href;
    bool is_shown = p->link_start <= p->out->len && str_eq(str_trim(shown), href);
    p->href = (struct str){0};
    if (!href.len || href.len > MAX_HREF || href.at[0] == '#' || is_shown)
        return;
    if (str_trim(shown).len) {
        p->blank_owed = true;
        put_char(p, '(');
        put_decoded(p, href);
        put_char(p, ')');
    } else {
        put_decoded(p, href);
    }
}

static void open_list(struct plain *p, bool is_ordered)
{
    owe_lines(p, p->depth ? 1 : 2);
    if (p->depth < MAX_LISTS)
        p->lists[p->depth++] = (struct list_level){.is_ordered = is_ordered};
}

static void open_tag(struct plain *p, struct str name, struct str tag)
{
    static const char *const paragraphs[] = {"p", "table", "blockquote", "pre", "dl"},
                             *const blocks[] = {"div",    "tr",      "section", "article",
                                                "dt",     "header",  "footer",  "dd",
                                                "center", "address", "caption", "fieldset"};
    for (size_t i = 0; i < ARRAY_COUNT(paragraphs); i++)
        if (is_name(name, paragraphs[i]))
            owe_lines(p, 2);
    for (size_t i = 0; i < ARRAY_COUNT(blocks); i++)
        if (is_name(name, blocks[i]))
            owe_lines(p, 1);
    if (name.len == 2 && lower(name.at[0]) == 'h' && name.at[1] >= '1' && name.at[1] <= '6') {
        owe_lines(p, 2);
        p->heading = name.at[1] == '1' ? 1 : name.at[1] == '2' ? 2 : 0;
    } else if (is_name(name, "br")) {
        p->lines_owed = p->lines_owed < 2 ? p->lines_owed + 1 : 2;
        p->blank_owed = false;
    } else if (is_name(name, "hr")) {
        owe_lines(p, 2);
        pay(p);
        buf_c(p->out, "----");
        owe_lines(p, 2);
    } else if (is_name(name, "ul") || is_name(name, "ol")) {
        open_list(p, lower(name.at[0]) == 'o');
    } else if (is_name(name, "li")) {
        begin_item(p);
    } else if (is_name(name, "tr")) {
        p->cells = 0;
    } else if ((is_name(name, "td") || is_name(name, "th")) && p->cells++) {
        p->blank_owed = false;
        if (!p->lines_owed && p->has_text)
            buf_c(p->out, "  ");
    } else if (is_name(name, "a")) {
        p->href = attribute(tag, "href");
        p->link_start = p->out->len;
    } else if (is_name(name, "img")) {
        put_decoded(p, attribute(tag, "alt"));
    }
    p->is_verbatim |= is_name(name, "pre");
    p->quotes += is_name(name, "blockquote") && p->quotes < 8;
}

static void close_tag(struct plain *p, struct str name)
{
    static const char *const paragraphs[] = {"p",  "table", "blockquote", "pre", "dl", "h1",
                                             "h2", "h3",    "h4",         "h5",  "h6"},
                             *const blocks[] = {"div",    "tr",      "li",      "dt",
                                                "dd",     "section", "article", "header",
                                                "footer", "address"};
    if (is_name(name, "a"))
        end_link(p);
    if (p->heading && (is_name(name, "h1") || is_name(name, "h2")) && !p->lines_owed)
        underline(p);
    if ((is_name(name, "ul") || is_name(name, "ol")) && p->depth) {
        p->depth--;
        owe_lines(p, p->depth ? 1 : 2);
    }
    p->quotes -= is_name(name, "blockquote") && p->quotes;
    p->is_verbatim &= !is_name(name, "pre");
    for (size_t i = 0; i < ARRAY_COUNT(paragraphs); i++)
        if (is_name(name, paragraphs[i]))
            owe_lines(p, 2);
    for (size_t i = 0; i < ARRAY_COUNT(blocks); i++)
        if (is_name(name, blocks[i]))
            owe_lines(p, 1);
}

/* Behind an element whose content is not shown. */
static struct str skip_element(struct str html, struct str name)
{
    for (; html.len; html = str_from(html, 1))
        if (html.at[0] == '<' && html.len > name.len + 2 && html.at[1] == '/' &&
            strncasecmp(html.at + 2, name.at, name.len) == 0)
            return str_from(html, tag_end(html));
    return html;
}

static struct str read_tag(struct plain *p, struct str html)
{
    static const char *const hidden[] = {"script", "style", "head", "title", "template"};
    if (str_starts(html, STR("<!--"))) {
        size_t end = str_find(html, STR("-->"));
        return str_from(html, end == SIZE_MAX ? html.len : end + 3);
    }
    size_t end = tag_end(html);
    struct str tag = {html.at + 1, end > 2 ? end - 2 : 0}, rest = str_from(html, end);
    bool is_close = tag.len && tag.at[0] == '/';
    if (is_close)
        tag = str_from(tag, 1);
    struct str name = {tag.at, 0};
    while (name.len < tag.len && !is_white(tag.at[name.len]) && tag.at[name.len] != '/')
        name.len++;
    for (size_t i = 0; i < ARRAY_COUNT(hidden) && !is_close; i++)
        if (is_name(name, hidden[i]))
            return skip_element(rest, name);
    if (is_close)
        close_tag(p, name);
    else
        open_tag(p, name, tag);
    return rest;
}

static bool begins_tag(struct str html)
{
    char c = html.len > 1 ? lower(html.at[1]) : ' ';
    return html.at[0] == '<' && ((c >= 'a' && c <= 'z') || c == '/' || c == '!');
}

void plain_text(struct str html, struct buf *out)
{
    struct plain p = {.out = out};
    while (html.len && !out->failed) {
        uint32_t c;
        size_t length;
        if (begins_tag(html)) {
            html = read_tag(&p, html);
            continue;
        }
        if (is_white(html.at[0])) {
            if (p.is_verbatim && html.at[0] == '\n')
                owe_lines(&p, p.lines_owed + 1 > 2 ? 2 : p.lines_owed + 1);
            else if (p.is_verbatim)
                put_char(&p, ' ');
            else if (!p.lines_owed && p.has_text)
                p.blank_owed = true;
            html = str_from(html, 1);
            continue;
        }
        length = html.at[0] == '&' ? entity(html, &c) : 0;
        if (!length)
            c = utf8_decode(html, &length);
        put_char(&p, length ? c : 0xfffd);
        html = str_from(html, length ? length : 1);
    }
    if (p.has_text)
        buf_byte(out, '\n');
}
