/* value.h: what expressions compute. A value is 24 bytes and dynamic: its kind travels with it, and
 * unknown is a kind (LANGUAGE.md C1). Declared types (enum type_kind) map to kinds: text, email,
 * phone, url, timezone, language and one-of values are all TEXT. Texts and lists point into the
 * slice's arena, the image or the patient; nothing here is ever freed singly. */
#ifndef CAMP_VM_CODE_VALUE_H
#define CAMP_VM_CODE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/base/base.h"

enum value_kind { /* numbers are stored in images and records: never reused */
                  VALUE_UNKNOWN = 0,
                  VALUE_BOOL = 1,     /* i: 0 or 1 */
                  VALUE_INT = 2,      /* i */
                  VALUE_NUMBER = 3,   /* n, never NaN or infinite */
                  VALUE_TEXT = 4,     /* text, valid UTF-8 */
                  VALUE_DATE = 5,     /* i: days since 1970-01-01 */
                  VALUE_TIME = 6,     /* i: milliseconds since 1970-01-01T00:00Z */
                  VALUE_CLOCK = 7,    /* i: minute of the day */
                  VALUE_DURATION = 8, /* i: milliseconds; months and days: the calendar part (D1) */
                  VALUE_LIST = 9,     /* list */
                  VALUE_EVENT = 10,   /* i: id of the event row */
                  VALUE_OBJECT =
                      11, /* text: id of the object; months: object's row in the image's table */
                  VALUE_JSON = 12,  /* text: JSON of a webhook's answer, without declared type */
                  VALUE_HASH = 13,  /* hash: names and values, of JSON that a template opened */
                  VALUE_RANGE = 14, /* range: (from..to), both included */
                  VALUE_LOOP = 15,  /* loop: `forloop` of a template, alive while it runs */
};

struct list {
    const struct value *items;
    uint32_t count;
};
struct hash {
    const struct str *names;
    const struct value *values;
    uint32_t count;
};
struct range {
    int64_t from, to;
};
struct loop;

struct value {
    uint8_t kind;
    bool is_safe;   /* text that is HTML already (filter `raw`) */
    int16_t days;   /* DURATION */
    int32_t months; /* DURATION */
    union {
        int64_t i;
        double n;
        struct str text;
        const struct list *list;
        const struct hash *hash;
        const struct range *range;
        struct loop *loop;
    };
};

static inline struct value value_unknown(void)
{
    return (struct value){.kind = VALUE_UNKNOWN};
}
static inline struct value value_bool(bool b)
{
    return (struct value){.kind = VALUE_BOOL, .i = b};
}
static inline struct value value_int(int64_t i)
{
    return (struct value){.kind = VALUE_INT, .i = i};
}
static inline struct value value_text(struct str text)
{
    return (struct value){.kind = VALUE_TEXT, .text = text};
}
static inline struct value value_time(int64_t at_ms)
{
    return (struct value){.kind = VALUE_TIME, .i = at_ms};
}
static inline struct value value_number(double n)
{
    return (struct value){.kind = VALUE_NUMBER, .n = n};
}
static inline bool value_is_true(struct value v)
{
    return v.kind == VALUE_BOOL && v.i != 0;
}

#endif
