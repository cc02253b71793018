/* compile.c: the passes in their order (README.md): files, declarations, campaigns by name, tests.
 */
#include "compiler/compile.h"

#include <stdlib.h>

#include "compiler/internal.h"
#include "compiler/phi.h"
#include "compiler/warn.h"

void compilation_init(struct compilation *out)
{
    *out = (struct compilation){0};
    arena_init(&out->arena, 0);
    sources_init(&out->sources, &out->arena);
    diags_init(&out->diags, &out->arena, &out->sources);
    out->ast = (struct ast){.arena = &out->arena};
    map64_init(&out->code_of);
}

void compilation_free(struct compilation *out)
{
    map64_free(&out->code_of);
    arena_free(&out->arena);
}

static int by_name(const void *a, const void *b)
{
    const struct node *const *x = a, *const *y = b;
    return str_cmp((*x)->name, (*y)->name);
}

/* Campaigns stand in the image by name: F1 takes them in that order. */
static void compile_campaigns(struct compiler *c)
{
    struct node **sorted = NULL;
    uint32_t count = 0, room = 0;
    struct image_campaign empty = {0};
    for (struct node *decl = c->out->declarations; decl; decl = decl->next) {
        uint64_t *kept = decl->kind == NODE_CAMPAIGN ? strmap_get(&c->campaigns, decl->name) : NULL;
        if (!kept || (struct node *)(uintptr_t)*kept != decl)
            continue;
        sorted = arena_grow(c->arena, sorted, count, &room, sizeof(struct node *));
        sorted[count++] = decl;
    }
    if (count)
        qsort(sorted, count, sizeof *sorted, by_name);
    for (uint32_t i = 0; i < count; i++)
        add_campaign(c, empty);
    for (uint32_t i = 0; i < count; i++)
        compile_campaign(c, sorted[i], i);
}

static struct strmap *maps_of(struct compiler *c, size_t index)
{
    struct strmap *maps[] = {&c->texts,
                             &c->types,
                             &c->constants,
                             &c->attributes,
                             &c->events,
                             &c->objects,
                             &c->segments,
                             &c->topics,
                             &c->campaigns,
                             &c->flows,
                             &c->lets,
                             &c->policies,
                             &c->dids,
                             &c->messages,
                             &c->step_names,
                             &c->used,
                             &c->attribute_fields,
                             &c->emitted,
                             &c->name_of,
                             &c->phi_noted};
    return index < ARRAY_COUNT(maps) ? maps[index] : NULL;
}

static void run_passes(struct compiler *c)
{
    check_records(c);
    declare_all(c);
    compile_campaigns(c);
    phi_check(c);
    if (!c->diags->error_count)
        warn_all(c);
    if (!c->diags->error_count && c->out->bounds.is_wanted)
        bounds_all(c);
    /* Tests name what the workflow says, and a part of it may have been skipped. */
    if (c->options->with_tests && !c->diags->lost_count)
        compile_tests(c);
    check_idle(c);
}

static struct compiler *begin(struct compilation *out, const struct compile_options *options)
{
    struct compiler *c = arena_alloc(&out->arena, sizeof *c);
    ensure(c);
    *c = (struct compiler){.out = out,
                           .options = options,
                           .arena = &out->arena,
                           .diags = &out->diags,
                           .image = &out->image};
    c->topic = IMAGE_NONE;
    return c;
}

static void finish(struct compiler *c)
{
    for (size_t i = 0; maps_of(c, i); i++)
        strmap_free(maps_of(c, i));
    map64_free(&c->flow_slots);
    map64_free(&c->file_rows);
    map64_free(&c->reported);
    map64_free(&c->used_lets);
    map64_free(&c->dates);
    map64_free(&c->field_of);
    map64_free(&c->field_defaults);
    map64_free(&c->phi_nodes);
    map64_free(&c->message_nodes);
    map64_free(&c->repeat_ends);
}

bool compile_paths(struct compilation *out, const struct compile_options *options,
                   char *const *paths, int path_count, struct str *error)
{
    struct compiler *c = begin(out, options);
    bool is_loaded = load_paths(c, paths, path_count, error);
    if (is_loaded)
        run_passes(c);
    finish(c);
    return is_loaded;
}

bool compile_text(struct compilation *out, const struct compile_options *options, struct str name,
                  struct str text)
{
    struct compiler *c = begin(out, options);
    load_text(c, name, text);
    run_passes(c);
    finish(c);
    return true;
}

static uint32_t template_of(struct compilation *out, const struct compile_options *options,
                            uint32_t file, bool is_html)
{
    struct compiler *c = begin(out, options);
    declare_all(c);
    uint32_t code = render_template_code(c, file, is_html);
    finish(c);
    return code;
}

uint32_t compile_template(struct compilation *out, const struct compile_options *options,
                          struct str path, bool is_html, const char **error)
{
    uint32_t file = source_load(&out->sources, path, error);
    return *error ? IMAGE_NONE : template_of(out, options, file, is_html);
}

uint32_t compile_template_text(struct compilation *out, const struct compile_options *options,
                               struct str name, struct str text, bool is_html)
{
    return template_of(out, options, source_add(&out->sources, name, text), is_html);
}
