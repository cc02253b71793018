/* unused.c: what a project declares and nothing uses. Uses are marked where names are resolved;
 * tests do not count. */
#include "compiler/internal.h"
#include "compiler/warn.h"

static struct str key_of(struct compiler *c, const char *kind, struct str name)
{
    return arena_printf(c->arena, "%s " STR_FMT, kind, STR_ARG(name));
}

static struct str place_of(struct compiler *c, struct span span)
{
    return arena_printf(c->arena, "%u:%u", span.file, span.first);
}

void mark_used(struct compiler *c, const char *kind, struct str name)
{
    if (!c->is_test)
        *strmap_put(&c->used, key_of(c, kind, name), NULL) = 1;
}

void mark_let_used(struct compiler *c, struct span span)
{
    mark_used(c, "let", place_of(c, span));
}

bool is_used(struct compiler *c, const char *kind, struct str name)
{
    return strmap_get(&c->used, key_of(c, kind, name)) != NULL;
}

bool is_idle_let(struct compiler *c, struct span span)
{
    return !is_used(c, "let", place_of(c, span));
}

static void check_used(struct compiler *c, const char *kind, const struct node *node,
                       struct str key)
{
    if (strmap_get(&c->used, key_of(c, kind, key)))
        return;
    struct diag *diag = report(c, DIAG_UNUSED, node->name_span, kind, STR_ARG(node->name));
    help(c, diag, "take it away, or use it");
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

static bool check_local(void *context, struct node *node)
{
    struct compiler *c = context;
    if (node->kind == NODE_LET)
        check_used(c, "let", node, place_of(c, node->name_span));
    return node->kind != NODE_TEST;
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
                    check_used(c, "attribute", field, field->name);
        } else if (decl->kind == NODE_EVENT_DECL) {
            if (!strmap_get(&of_modules, key_of(c, "event", decl->name)))
                check_used(c, "event", decl, decl->name);
        } else if (decl->kind == NODE_SEGMENT_DECL) {
            check_used(c, "segment", decl, decl->name);
        } else if (decl->kind == NODE_FLOW) {
            check_used(c, "flow", decl, decl->name);
        }
        /* What stands in a flow that nothing runs was never looked at. */
        bool is_idle =
            decl->kind == NODE_FLOW && !strmap_get(&c->used, key_of(c, "flow", decl->name));
        if (!is_idle)
            ast_walk(decl, check_local, c);
    }
    strmap_free(&of_modules);
}
