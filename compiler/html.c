/* html.c: where in HTML a template's output stands, read along with its text. Escaping makes text
 * and quoted attributes safe; it does not in an attribute without quotes, in a tag itself, in a
 * script or a style, in an event's attribute, or behind `javascript:`. The states are those of the
 * HTML standard's tokenizer (13.2.5) as far as they matter here. */
#include "compiler/liquid.h"

enum state {
    STATE_TEXT,
    STATE_TAG_OPEN, /* behind < */
    STATE_TAG_NAME,
    STATE_IN_TAG, /* between attributes */
    STATE_NAME,   /* of an attribute */
    STATE_EQUALS, /* behind = */
    STATE_QUOTED,
    STATE_UNQUOTED,
    STATE_COMMENT,
    STATE_RAW_TEXT /* of a script or a style */
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static void add(char *word, uint8_t *length, char c)
{
    if (*length + 1 < 16) {
        word[(*length)++] = lower(c);
        word[*length] = 0;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool is_raw_text(const char *tag)
{
    return strcmp(tag, "script") == 0 || strcmp(tag, "style") == 0;
}

static void end_tag(struct html_place *p)
{
    p->state = is_raw_text(p->tag) ? STATE_RAW_TEXT : STATE_TEXT;
}

static void begin_attribute(struct html_place *p, char c)
{
    p->state = STATE_NAME;
    p->attribute_length = p->value_length = 0;
    p->attribute[0] = p->value[0] = 0;
    add(p->attribute, &p->attribute_length, c);
}

static void read_in_tag(struct html_place *p, char c)
{
    if (c == '>')
        end_tag(p);
    else if (p->state == STATE_NAME && c == '=')
        p->state = STATE_EQUALS;
    else if (is_blank(c) || c == '/')
        p->state = p->state == STATE_NAME && !is_blank(c) ? STATE_IN_TAG : p->state;
    else if (p->state != STATE_NAME)
        begin_attribute(p, c);
    else
        add(p->attribute, &p->attribute_length, c);
}

static void read_value(struct html_place *p, char c)
{
    if (p->state == STATE_EQUALS) {
        if (c == '"' || c == '\'') {
            p->quote = c;
            p->state = STATE_QUOTED;
        } else if (c == '>') {
            end_tag(p);
        } else if (!is_blank(c)) {
            p->state = STATE_UNQUOTED;
            add(p->value, &p->value_length, c);
        }
        return;
    }
    bool is_end = p->state == STATE_QUOTED ? c == p->quote : is_blank(c) || c == '>';
    if (!is_end && !(is_blank(c) && !p->value_length))
        add(p->value, &p->value_length, c);
    if (is_end && c == '>')
        end_tag(p);
    else if (is_end)
        p->state = STATE_IN_TAG;
}

/* A blank ends a name that no = follows. */
static void read_text(struct html_place *p, struct str rest)
{
    char c = rest.at[0];
    if (p->state == STATE_TEXT && c == '<')
        p->state = str_starts(rest, STR("<!--")) ? STATE_COMMENT : STATE_TAG_OPEN;
    else if (p->state == STATE_COMMENT && c == '-' && str_starts(rest, STR("-->")))
        p->state = STATE_TEXT;
    else if (p->state == STATE_RAW_TEXT && c == '<' && rest.len > 1 && rest.at[1] == '/' &&
             rest.len >= (size_t)p->tag_length + 2 &&
             strncasecmp(rest.at + 2, p->tag, p->tag_length) == 0)
        p->state = STATE_TAG_OPEN;
}

void html_read(struct html_place *p, struct str text)
{
    for (; text.len; text = str_from(text, 1)) {
        char c = text.at[0];
        switch ((enum state)p->state) {
        case STATE_TAG_OPEN:
            p->tag_length = 0;
            p->tag[0] = 0;
            p->state = is_letter(c) || c == '/' || c == '!' ? STATE_TAG_NAME : STATE_TEXT;
            if (p->state == STATE_TAG_NAME)
                add(p->tag, &p->tag_length, c);
            break;
        case STATE_TAG_NAME:
            if (c == '>')
                end_tag(p);
            else if (is_blank(c) || c == '/')
                p->state = STATE_IN_TAG;
            else
                add(p->tag, &p->tag_length, c);
            break;
        case STATE_IN_TAG:
        case STATE_NAME:
            read_in_tag(p, c);
            break;
        case STATE_EQUALS:
        case STATE_QUOTED:
        case STATE_UNQUOTED:
            read_value(p, c);
            break;
        case STATE_TEXT:
        case STATE_COMMENT:
        case STATE_RAW_TEXT:
            read_text(p, text);
            break;
        }
    }
}

static bool begins(const char *value, const char *scheme)
{
    return strncmp(value, scheme, strlen(scheme)) == 0;
}

const char *html_danger(const struct html_place *p)
{
    bool is_value = p->state == STATE_QUOTED || p->state == STATE_UNQUOTED;
    switch ((enum state)p->state) {
    case STATE_TEXT:
        return NULL;
    case STATE_COMMENT:
        return NULL;
    case STATE_RAW_TEXT:
        return strcmp(p->tag, "style") == 0 ? "it stands inside `<style>`"
                                            : "it stands inside `<script>`";
    case STATE_EQUALS:
    case STATE_UNQUOTED:
        return "the attribute has no quotes";
    case STATE_TAG_OPEN:
    case STATE_TAG_NAME:
    case STATE_IN_TAG:
    case STATE_NAME:
        return "it is a part of a tag";
    case STATE_QUOTED:
        break;
    }
    if (is_value && p->attribute_length > 2 && begins(p->attribute, "on"))
        return "the attribute is a script";
    if (is_value && (begins(p->value, "javascript:") || begins(p->value, "vbscript:") ||
                     begins(p->value, "data:")))
        return "the address is a script";
    return NULL;
}
