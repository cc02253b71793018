/* json_tree.c: the tree of json.h, and the search for duplicate keys: keys of an object are looked
 * up in a small hash set of the members read so far, so that a hostile object costs no more than
 * its length. */
#include "vm/base/json.h"

#include "vm/base/map.h"

struct level {
    struct json *parent, *last;
    struct strmap keys; /* made for objects of more than a few members */
    uint32_t count;
};

static bool is_duplicate(struct level *level, struct str key)
{
    enum { FEW = 8 };
    bool is_new = true;
    if (level->count < FEW) {
        for (const struct json *member = level->parent->first; member; member = member->next)
            if (str_eq(member->key, key))
                return true;
        return false;
    }
    if (level->count == FEW)
        for (const struct json *member = level->parent->first; member; member = member->next)
            strmap_put(&level->keys, member->key, NULL);
    strmap_put(&level->keys, key, &is_new);
    return !is_new;
}

static struct json *add(struct arena *arena, struct level *level, struct str key)
{
    struct json *node = arena_alloc(arena, sizeof *node);
    if (!node)
        return NULL;
    node->key = key;
    if (level->last)
        level->last->next = node;
    else if (level->parent)
        level->parent->first = node;
    level->last = node;
    level->count++;
    return node;
}

struct build {
    struct arena *arena;
    struct json_scan scan;
    struct level levels[JSON_MAX_DEPTH + 1];
    size_t starts[JSON_MAX_DEPTH + 1];
    uint32_t open; /* the deepest level that is filled in */
    struct json *root;
    const char *error;
};

/* One token into the tree; false at the end or at a mistake. */
static bool step(struct build *b, struct str *key)
{
    uint32_t depth = b->scan.depth;
    enum json_kind kind = json_next(&b->scan);
    struct level *level = &b->levels[depth];
    if (kind == JSON_END || kind == JSON_ERROR) {
        b->error = b->scan.error;
        return false;
    }
    if (kind == JSON_KEY) {
        *key = json_text(&b->scan, b->arena);
        if (!key->at)
            b->error = "too large";
        else if (level->count >= JSON_MAX_MEMBERS)
            b->error = "too many members";
        else if (is_duplicate(level, *key))
            b->error = "a key stands twice";
        return !b->error;
    }
    if (kind == JSON_OBJECT_END || kind == JSON_ARRAY_END) {
        struct json *done = level->parent;
        done->raw =
            (struct str){b->scan.text.at + b->starts[depth], b->scan.offset - b->starts[depth]};
        strmap_free(&level->keys);
        b->open = depth - 1;
        return true;
    }
    struct json *node = add(b->arena, level, *key);
    *key = (struct str){0};
    if (!node) {
        b->error = "too large";
        return false;
    }
    if (!b->root)
        b->root = node;
    node->kind = kind;
    node->raw = b->scan.raw;
    node->integer = b->scan.integer;
    node->number = b->scan.number;
    if (kind == JSON_STRING) {
        node->text = json_text(&b->scan, b->arena);
        if (!node->text.at)
            b->error = "too large";
    }
    if (kind == JSON_OBJECT || kind == JSON_ARRAY) {
        b->starts[depth + 1] = b->scan.offset - 1;
        b->levels[depth + 1] = (struct level){.parent = node};
        b->open = depth + 1;
    }
    return !b->error;
}

struct json *json_parse(struct arena *arena, struct str text, const char **error, size_t *offset)
{
    struct build b;
    b.arena = arena;
    b.levels[0] = (struct level){0};
    b.open = 0;
    b.root = NULL;
    b.error = NULL;
    json_begin(&b.scan, text);
    struct str key = {0};
    while (step(&b, &key)) {
    }
    for (uint32_t i = 0; i <= b.open; i++)
        strmap_free(&b.levels[i].keys);
    if (error)
        *error = b.error;
    if (offset)
        *offset = b.scan.offset;
    return b.error ? NULL : b.root;
}

const struct json *json_get_str(const struct json *object, struct str key)
{
    for (const struct json *member = object && object->kind == JSON_OBJECT ? object->first : NULL;
         member; member = member->next)
        if (str_eq(member->key, key))
            return member;
    return NULL;
}

const struct json *json_get(const struct json *object, const char *key)
{
    return json_get_str(object, str_of(key));
}

const char *json_check(struct str text, size_t *offset)
{
    struct arena arena;
    const char *error;
    arena_init(&arena, 0);
    json_parse(&arena, text, &error, offset);
    arena_free(&arena);
    return error;
}
