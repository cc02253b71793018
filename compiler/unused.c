/* unused.c: what a project declares and nothing uses. Uses are marked where names are resolved;
 * tests do not count. */
#include "compiler/internal.h"
#include "compiler/warn.h"

/* "kind name" in `room`, which holds any but the longest names. */
static struct str key_in(struct compiler *c, char *room, size_t size, const char *kind,
                         struct str name)
{
    size_t length = strlen(kind);
    if (length + 1 + name.len > size)
        return arena_printf(c->arena, "%s " STR_FMT, kind, STR_ARG(name));
    memcpy(room, kind, length);
    room[length] = ' ';
    if (name.len)
        memcpy(room + length + 1, name.at, name.len);
    return (struct str){room, length + 1 + name.len};
}

void mark_used(struct compiler *c, const char *kind, struct str name)
{
    char room[128];
    struct str key = key_in(c, room, sizeof room, kind, name);
    if (!c->is_test && !strmap_get(&c->used, key))
        *strmap_put(&c->used, arena_str(c->arena, key), NULL) = 1;
}

bool is_used(struct compiler *c, const char *kind, struct str name)
{
    char room[128];
    return strmap_get(&c->used, key_in(c, room, sizeof room, kind, name)) != NULL;
}

static uint64_t place_of(struct span span)
{
    return (uint64_t)span.file << 32 | span.first;
}

void mark_let_used(struct compiler *c, struct span span)
{
    if (!c->is_test)
        *map64_put(&c->used_lets, place_of(span), NULL) = 1;
}

bool is_idle_let(struct compiler *c, struct span span)
{
    return !map64_get(&c->used_lets, place_of(span));
}

static void report_unused(struct compiler *c, const char *kind, const struct node *node)
{
    struct diag *diag = report(c, DIAG_UNUSED, node->name_span, kind, STR_ARG(node->name));
    help(c, diag, "take it away, or use it");
}

static void check_used(struct compiler *c, const char *kind, const struct node *node)
{
    if (!is_used(c, kind, node->name))
        report_unused(c, kind, node);
}

/* The daemon itself reads these. */
static bool is_read_by_house(struct str attribute)
{
    static const char *const names[] = {"email",    "phone",         "timezone",   "language",
                                        "deceased", "consent_email", "consent_sms"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (str_eq_c(attribute, names[i]))
            return true;
    return false;
}

static struct str key_of(struct compiler *c, const char *kind, struct str name)
{
    return arena_printf(c->arena, "%s " STR_FMT, kind, STR_ARG(name));
}

static void find_names_of_modules(struct compiler *c, struct strmap *names)
{
    for (struct node *decl = c->out->declarations; decl; decl = decl->next) {
        if (!is_of_module(c, decl))
            continue;
        if (decl->kind == NODE_EVENT_DECL)
            strmap_put(names, key_of(c, "event", decl->name), NULL);
        if (decl->kind == NODE_PATIENT)
            for (struct node *field = decl->kids[PATIENT_FIELDS]; field; field = field->next)
                strmap_put(names, key_of(c, "attribute", field->name), NULL);
    }
}

/* ---- template files ----------------------------------------------------------------------------
 */

static struct str folder_of(struct str path)
{
    while (path.len && path.at[path.len - 1] != '/')
        path.len--;
    return path;
}

static struct str ending_of(struct str path)
{
    size_t at = path.len;
    while (at && path.at[at - 1] != '.')
        at--;
    return str_from(path, at);
}

/* Does a template of that ending lie in that folder, which a campaign names? */
static bool has_neighbour(const struct sources *sources, uint32_t used, struct str path)
{
    for (uint32_t i = 0; i < used; i++)
        if (str_eq(ending_of(sources->items[i].path), ending_of(path)) &&
            str_eq(folder_of(sources->items[i].path), folder_of(path)))
            return true;
    return false;
}

/* Files beside the project's are no templates for certain: what ends so, lies among some or has a
 * tag of theirs is meant as one. */
static bool is_template(const struct sources *sources, uint32_t used, uint32_t file)
{
    const struct source *source = source_at(sources, file);
    return str_ends(source->path, STR(".liquid")) || has_neighbour(sources, used, source->path) ||
           str_find(source->text, STR("{{")) != SIZE_MAX ||
           str_find(source->text, STR("{%")) != SIZE_MAX;
}

static void warn_of_templates(struct compiler *c)
{
    struct sources *sources = &c->out->sources;
    uint32_t used = sources->count;
    for (uint32_t i = 0; i < c->template_count; i++) {
        const char *error = NULL;
        uint32_t file = source_load(sources, c->templates[i], &error);
        if (error || file < used || !is_template(sources, used, file))
            continue;
        struct str text = source_at(sources, file)->text;
        struct str name = name_in_project(c, source_at(sources, file)->name);
        size_t line = str_find(text, STR("\n"));
        struct span first = {file, 0, (uint32_t)(line == SIZE_MAX ? text.len : line)};
        struct diag *diag = report(c, DIAG_UNUSED, first, "template", STR_ARG(name));
        help(c, diag,
             "name it in a message (`html: file \"" STR_FMT "\"`) or in another template, or "
             "take it away",
             STR_ARG(name));
    }
}

void warn_of_idle_let(struct compiler *c, const struct node *let)
{
    if (is_idle_let(c, let->name_span))
        report_unused(c, "let", let);
}

void warn_of_unused(struct compiler *c)
{
    struct strmap of_modules;
    if (!c->image->campaign_count)
        return;
    strmap_init(&of_modules);
    find_names_of_modules(c, &of_modules);
    for (struct node *decl = c->out->declarations; decl; decl = decl->next) {
        if (is_of_module(c, decl))
            continue;
        if (decl->kind == NODE_PATIENT) {
            for (struct node *field = decl->kids[PATIENT_FIELDS]; field; field = field->next)
                if (!is_read_by_house(field->name) &&
                    !strmap_get(&of_modules, key_of(c, "attribute", field->name)))
                    check_used(c, "attribute", field);
        } else if (decl->kind == NODE_EVENT_DECL) {
            if (!strmap_get(&of_modules, key_of(c, "event", decl->name)))
                check_used(c, "event", decl);
        } else if (decl->kind == NODE_SEGMENT_DECL) {
            check_used(c, "segment", decl);
        } else if (decl->kind == NODE_FLOW) {
            check_used(c, "flow", decl);
        }
    }
    strmap_free(&of_modules);
    warn_of_templates(c);
}
