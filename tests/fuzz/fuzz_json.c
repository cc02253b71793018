/* fuzz_json.c: any bytes as JSON: the scanner ends, says the same as the tree, and what the tree
 * holds can be written and read again. Then the same bytes as one line of traffic. */
#include "vm/base/json.h"
#include "vm/run/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct json *node, struct buf *out)
{
    const char *comma = "";
    switch (node->kind) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        buf_c(out, node->kind == JSON_OBJECT ? "{" : "[");
        for (const struct json *member = node->first; member; member = member->next) {
            buf_c(out, comma);
            comma = ",";
            if (node->kind == JSON_OBJECT) {
                json_put_text(out, member->key);
                buf_c(out, ":");
            }
            write_again(member, out);
        }
        buf_c(out, node->kind == JSON_OBJECT ? "}" : "]");
        return;
    case JSON_STRING:
        json_put_text(out, node->text);
        return;
    case JSON_INT:
        json_put_int(out, node->integer);
        return;
    case JSON_NUMBER:
        json_put_number(out, node->number);
        return;
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
    case JSON_END:
    case JSON_ERROR:
    case JSON_OBJECT_END:
    case JSON_ARRAY_END:
    case JSON_KEY:
        buf_str(out, node->raw);
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct json_scan scan;
    struct arena arena;
    struct input input;
    struct input_answer answer;
    const char *error;
    size_t offset;
    enum json_kind kind;
    json_begin(&scan, text);
    while ((kind = json_next(&scan)) != JSON_END && kind != JSON_ERROR)
        ensure(scan.offset <= size);
    arena_init(&arena, 0);
    const struct json *tree = json_parse(&arena, text, &error, &offset);
    ensure(!tree == (error != NULL) && offset <= size);
    ensure(!tree || kind == JSON_END);
    if (tree) {
        struct buf out;
        buf_init(&out, 0);
        write_again(tree, &out);
        ensure(json_parse(&arena, buf_view(&out), &error, &offset) != NULL);
        buf_free(&out);
    }
    input_parse(&arena, text, &input, &answer);
    arena_free(&arena);
    return 0;
}
