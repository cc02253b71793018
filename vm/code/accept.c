/* accept.c: see accept.h. */
#include "vm/code/accept.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "vm/base/civil.h"
#include "vm/base/json.h"
#include "vm/base/zone.h"

static bool is_text_type(uint32_t kind)
{
    return kind == TYPE_TEXT || kind == TYPE_EMAIL || kind == TYPE_PHONE || kind == TYPE_URL ||
           kind == TYPE_TIMEZONE || kind == TYPE_LANGUAGE || kind == TYPE_CHOICE;
}

/* A dot-atom and a host name: what every mail system takes (RFC 5321's 254 bytes), nothing that
 * could end a header. */
bool address_is_email(struct str s)
{
    size_t at = SIZE_MAX;
    if (s.len < 3 || s.len > 254)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] == '@') {
            if (at != SIZE_MAX)
                return false;
            at = i;
        }
    if (at == SIZE_MAX || at == 0 || at > 64 || at + 1 >= s.len)
        return false;
    size_t label = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (i == at) {
            label = 0;
            continue;
        }
        if (c == '.') {
            if (!label || i + 1 == at || i + 1 == s.len || (i > at && s.at[i - 1] == '-'))
                return false;
            label = 0;
            continue;
        }
        label++;
        bool is_allowed = i < at ? strchr("!#$%&'*+-/=?^_`{|}~", (char)c) != NULL
                                 : c == '-' && label > 1 && i + 1 < s.len;
        if ((!is_word && !is_allowed) || !c || (i > at && label > 63))
            return false;
    }
    return true;
}

/* E.164: + and 2 to 15 digits, the first not 0. */
bool address_is_phone(struct str s)
{
    if (s.len < 3 || s.len > 16 || s.at[0] != '+' || s.at[1] == '0')
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
    return true;
}

bool text_is_opt_out(struct str s)
{
    static const char *const words[] = {"stop",        "stopall", "quit",   "end",  "cancel",
                                        "unsubscribe", "revoke",  "optout", "help", "info"};
    s = str_trim(s);
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        if (strlen(words[i]) == s.len && strncasecmp(words[i], s.at, s.len) == 0)
            return true;
    return false;
}

static bool is_url(struct str s)
{
    if (s.len > 2048 || (!str_starts(s, STR("https://")) && !str_starts(s, STR("http://"))))
        return false;
    size_t host = (size_t)(strchr(s.at, '/') - s.at) + 2;
    if (host >= s.len || s.at[host] == '/' || s.at[host] == '?' || s.at[host] == '#')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (c <= ' ' || c == 0x7f || strchr("\"<>\\^`{|}", (char)c))
            return false;
    }
    return true;
}

/* A language tag: letters first, parts of 1 to 8 letters and digits (BCP 47's shape). */
static bool is_language(struct str s)
{
    size_t part = 0;
    bool is_first = true;
    if (!s.len || s.len > 35)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (c == '-' || c == '_') {
            if (!part)
                return false;
            part = 0;
            is_first = false;
        } else if (++part > 8 || (!is_letter && (is_first || c < '0' || c > '9'))) {
            return false;
        }
    }
    return part > 0;
}

static bool is_choice(const struct image *image, const struct image_type *type, struct str text)
{
    for (uint32_t i = 0; i < type->choices.count; i++)
        if (str_eq(image_text(image, image->choices[type->choices.first + i].value), text))
            return true;
    return false;
}

struct value value_from_text(struct arena *arena, const struct image *image, uint32_t type,
                             struct str text, bool *fits)
{
    const struct image_type *row = &image->types[type];
    struct value v = value_unknown();
    int64_t number;
    int32_t minute;
    *fits = true;
    switch ((enum type_kind)row->kind) {
    case TYPE_TEXT:
        break;
    case TYPE_EMAIL:
        *fits = address_is_email(text);
        break;
    case TYPE_PHONE:
        *fits = address_is_phone(text);
        break;
    case TYPE_URL:
        *fits = is_url(text);
        break;
    case TYPE_TIMEZONE:
        *fits = zone_find(text) != NULL;
        break;
    case TYPE_LANGUAGE:
        *fits = is_language(text);
        break;
    case TYPE_CHOICE:
        *fits = is_choice(image, row, text);
        break;
    case TYPE_DATE:
        *fits = civil_parse_date(text, &number);
        v = (struct value){.kind = VALUE_DATE, .i = number};
        break;
    case TYPE_TIME:
        *fits = civil_parse_instant(text, &number);
        v = value_time(number);
        break;
    case TYPE_CLOCK:
        *fits = civil_parse_clock(text, &minute);
        v = (struct value){.kind = VALUE_CLOCK, .i = minute};
        break;
    case TYPE_INTEGER:
    case TYPE_NUMBER:
    case TYPE_BOOL:
    case TYPE_DURATION:
    case TYPE_LIST:
        *fits = false;
        break;
    }
    if (*fits && is_text_type(row->kind))
        v = value_text(arena_str(arena, text));
    return *fits ? v : value_unknown();
}

static struct value list_from_json(struct arena *arena, const struct image *image, uint32_t of,
                                   struct str json, bool *fits)
{
    struct json_scan scan;
    struct value items[IMAGE_MAX_LIST];
    uint32_t count = 0;
    json_begin(&scan, json);
    *fits = json_next(&scan) == JSON_ARRAY;
    while (*fits) {
        struct json_scan ahead = scan;
        if (json_next(&ahead) == JSON_ARRAY_END)
            break;
        struct str raw;
        *fits = count < IMAGE_MAX_LIST && json_value(&scan, &raw);
        if (*fits) {
            while (raw.len &&
                   (raw.at[0] == ',' || raw.at[0] == ' ' || raw.at[0] == '\n' || raw.at[0] == '\t'))
                raw = str_from(raw, 1);
            items[count++] = value_from_json(arena, image, of, raw, fits);
        }
    }
    struct list *list = arena_alloc(arena, sizeof *list);
    if (!*fits || !list)
        return value_unknown();
    *list = (struct list){arena_copy(arena, items, count * sizeof *items), count};
    return (struct value){.kind = VALUE_LIST, .list = list};
}

struct value value_from_json(struct arena *arena, const struct image *image, uint32_t type,
                             struct str json, bool *fits)
{
    const struct image_type *row = &image->types[type];
    struct json_scan scan;
    json_begin(&scan, json);
    enum json_kind kind = json_next(&scan);
    *fits = true;
    if (kind == JSON_NULL)
        return value_unknown();
    if (row->kind == TYPE_LIST)
        return list_from_json(arena, image, row->of, json, fits);
    if (kind == JSON_STRING) {
        struct str text = json_text(&scan, arena);
        if (text.at)
            return value_from_text(arena, image, type, text, fits);
    }
    if (row->kind == TYPE_BOOL && (kind == JSON_TRUE || kind == JSON_FALSE))
        return value_bool(kind == JSON_TRUE);
    if (row->kind == TYPE_INTEGER && kind == JSON_INT)
        return value_int(scan.integer);
    if (row->kind == TYPE_INTEGER && kind == JSON_NUMBER && scan.number == floor(scan.number) &&
        fabs(scan.number) < 1e15)
        return value_int((int64_t)scan.number);
    if (row->kind == TYPE_NUMBER && (kind == JSON_INT || kind == JSON_NUMBER))
        return (struct value){.kind = VALUE_NUMBER, .n = scan.number};
    if (row->kind == TYPE_DURATION && kind == JSON_INT && llabs(scan.integer) < INT64_C(4000000000))
        return (struct value){.kind = VALUE_DURATION, .i = scan.integer * 1000};
    *fits = false;
    return value_unknown();
}

const char *value_wanted(const struct image *image, uint32_t type)
{
    switch ((enum type_kind)image->types[type].kind) {
    case TYPE_TEXT:
        return "must be a text";
    case TYPE_INTEGER:
        return "must be a whole number";
    case TYPE_NUMBER:
        return "must be a number";
    case TYPE_BOOL:
        return "must be true or false";
    case TYPE_DATE:
        return "must be a date as 2026-03-02";
    case TYPE_TIME:
        return "must be an instant as 2026-03-02T14:00:00Z";
    case TYPE_CLOCK:
        return "must be a time of day as 09:30";
    case TYPE_DURATION:
        return "must be a duration: a whole number of seconds";
    case TYPE_EMAIL:
        return "must be an e-mail address as ana@example.org";
    case TYPE_PHONE:
        return "must be a number in E.164 as +15185550101";
    case TYPE_URL:
        return "must be an address as https://clinic.example/book";
    case TYPE_TIMEZONE:
        return "must be a time zone as America/New_York";
    case TYPE_LANGUAGE:
        return "must be a language as en or pt-BR";
    case TYPE_LIST:
        return "must be a list whose elements are all of its type";
    case TYPE_CHOICE:
        return "is none of the values that are declared";
    }
    return "is not a value of its type";
}
