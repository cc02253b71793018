/* json.h: RFC 8259, strict: a pull scanner without allocation for traffic, a small tree for bodies,
 * and writing. Refused: duplicate keys of an object, lone surrogates, invalid UTF-8, depth over the
 * limit, anything behind the value. Our own scanner is a measured exception (PERFORMANCE.md 2);
 * jansson is its oracle in the tests.
 *
 *   struct json_scan scan; json_begin(&scan, text);
 *   for (enum json_kind kind; (kind = json_next(&scan)) != JSON_END;) { if (kind == JSON_ERROR) … }
 */
#ifndef CAMP_VM_BASE_JSON_H
#define CAMP_VM_BASE_JSON_H

#include "vm/base/arena.h"
#include "vm/base/buf.h"

enum { JSON_MAX_DEPTH = 64, JSON_MAX_MEMBERS = 4096 };

enum json_kind {
    JSON_END, /* after the one value */
    JSON_ERROR,
    JSON_OBJECT,
    JSON_OBJECT_END,
    JSON_ARRAY,
    JSON_ARRAY_END,
    JSON_KEY, /* then comes its value */
    JSON_STRING,
    JSON_INT,    /* fits 64 bits and has no fraction or exponent: ->integer, and ->number */
    JSON_NUMBER, /* ->number, finite */
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL
};

struct json_scan {
    struct str text;
    size_t offset; /* of the next byte; of the mistake after JSON_ERROR */
    const char *error;
    struct str raw;   /* of the last scalar or key: without quotes, escapes as they stand */
    bool has_escapes; /* raw must go through json_unescape */
    int64_t integer;
    double number;
    uint32_t depth;
    uint8_t state;
    uint64_t is_object; /* bit by depth */
};

void json_begin(struct json_scan *scan, struct str text);
enum json_kind json_next(struct json_scan *scan);
/* The text of the last JSON_STRING or JSON_KEY: a view where it has no escapes, else a copy; {NULL,
 * 0} when the arena is full. */
struct str json_text(const struct json_scan *scan, struct arena *arena);
/* The whole value that begins next, as it stands; the scan stands behind it. False: error.
 * Duplicate keys are found by json_check and json_parse only. */
bool json_value(struct json_scan *scan, struct str *raw);
/* A whole text at once, with duplicate keys of any object looked for. NULL when it is fine, else
 * the mistake. */
const char *json_check(struct str text, size_t *offset);

/* A tree in an arena. */
struct json {
    enum json_kind kind;
    struct str key;  /* in an object */
    struct str text; /* STRING */
    struct str raw;  /* the bytes of the value */
    int64_t integer;
    double number;
    struct json *first, *next; /* members or elements, in order */
};
/* NULL with *error set when it is not JSON. */
struct json *json_parse(struct arena *arena, struct str text, const char **error, size_t *offset);
/* NULL when it is no object or has no such member. */
const struct json *json_get(const struct json *object, const char *key);
const struct json *json_get_str(const struct json *object, struct str key);

void json_put_text(struct buf *out, struct str text); /* quoted; invalid UTF-8 becomes U+FFFD */
void json_put_number(struct buf *out, double number); /* whole numbers without a fraction */
void json_put_int(struct buf *out, int64_t number);
void json_put_time(struct buf *out, int64_t at_ms); /* quoted RFC 3339 UTC */

#endif
