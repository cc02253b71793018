/* oracle.c: see oracle.h. */
#include "tests/unit/oracle.h"

#include <jansson.h>

void oracle_put_text(struct buf *out, struct str text)
{
    buf_printf(out, "s%zu:", text.len);
    buf_str(out, text);
}

static void put(struct buf *out, json_t *value)
{
    const char *key;
    size_t length, i;
    json_t *member;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        buf_byte(out, '{');
        json_object_keylen_foreach(value, key, length, member)
        {
            oracle_put_text(out, (struct str){key, length});
            put(out, member);
        }
        buf_byte(out, '}');
        break;
    case JSON_ARRAY:
        buf_byte(out, '[');
        json_array_foreach(value, i, member) put(out, member);
        buf_byte(out, ']');
        break;
    case JSON_STRING:
        oracle_put_text(out, (struct str){json_string_value(value), json_string_length(value)});
        break;
    case JSON_INTEGER:
        buf_printf(out, "i%lld;", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        buf_printf(out, "r%a;", json_real_value(value));
        break;
    case JSON_TRUE:
        buf_byte(out, 'T');
        break;
    case JSON_FALSE:
        buf_byte(out, 'F');
        break;
    case JSON_NULL:
        buf_byte(out, 'N');
        break;
    }
}

enum oracle oracle_read(struct str json, struct buf *out)
{
    json_error_t error;
    json_t *value = json_loadb(json.at, json.len,
                               JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!value) {
        enum json_error_code code = json_error_code(&error);
        return code == json_error_numeric_overflow || code == json_error_null_byte_in_key
                   ? ORACLE_CANNOT
                   : ORACLE_REFUSES;
    }
    put(out, value);
    json_decref(value);
    return ORACLE_ACCEPTS;
}
