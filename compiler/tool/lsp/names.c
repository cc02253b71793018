/* names.c: the symbols of a project: what it declares, and how they are found. */
#include "compiler/tool/lsp/names.h"

#include <stdlib.h>

#include "compiler/tool/lsp/scope.h"

/* ---- symbols ---- */

static struct str key_of(struct arena *arena, enum symbol_kind kind, const struct symbol *owner,
                         struct str name)
{
    return arena_printf(arena, "%d %p " STR_FMT, (int)kind, (const void *)owner, STR_ARG(name));
}

struct symbol *names_find(const struct names *names, enum symbol_kind kind,
                          const struct symbol *owner, struct str name)
{
    struct arena arena;
    arena_init(&arena, 0);
    uint64_t *found = strmap_get(&names->by_key, key_of(&arena, kind, owner, name));
    arena_free(&arena);
    return found ? (struct symbol *)(uintptr_t)*found : NULL;
}

void mention(struct scope *s, struct span span, struct symbol *symbol, bool is_declaration)
{
    struct names *names = s->names;
    if (!symbol || span.end <= span.first)
        return;
    names->mentions = arena_grow(&names->arena, names->mentions, names->mention_count,
                                 &names->mention_room, sizeof *names->mentions);
    names->mentions[names->mention_count++] = (struct mention){span, symbol, is_declaration};
}

static bool is_of_module(const struct scope *s, struct span span)
{
    return str_starts(source_at(s->names->sources, span.file)->name, STR("<"));
}

struct symbol *declare(struct scope *s, enum symbol_kind kind, struct symbol *owner,
                       struct str name, const struct node *node, struct span span)
{
    struct names *names = s->names;
    bool is_new;
    uint64_t *slot = strmap_put(&names->by_key, key_of(&names->arena, kind, owner, name), &is_new);
    if (is_new) {
        struct symbol *symbol = arena_alloc(&names->arena, sizeof *symbol);
        *symbol =
            (struct symbol){.kind = kind, .name = name, .owner = owner, .node = node, .span = span};
        if (names->last)
            names->last->next = symbol;
        else
            names->first = symbol;
        names->last = symbol;
        *slot = (uint64_t)(uintptr_t)symbol;
    }
    struct symbol *symbol = (struct symbol *)(uintptr_t)*slot;
    /* What the project says of a name counts more than what a module does. */
    if (symbol->node && node && is_of_module(s, symbol->span) && !is_of_module(s, span)) {
        symbol->node = node;
        symbol->span = span;
    }
    symbol->is_phi |= node && node->kind == NODE_FIELD && (node->flags & FLAG_PHI);
    if (node)
        mention(s, span, symbol, true);
    return symbol;
}

/* ---- declarations ---- */

static void declare_fields(struct scope *s, const struct node *list, enum symbol_kind kind,
                           struct symbol *owner)
{
    for (; list; list = list->next)
        if (list->kind == NODE_FIELD || list->kind == NODE_PAIR)
            declare(s, kind, owner, list->name, list, list->name_span);
}

/* Messages, webhooks, splits and arms below a campaign or flow. */
static void declare_steps(struct scope *s, struct symbol *owner, const struct node *node)
{
    if (node->kind == NODE_EMAIL || node->kind == NODE_SMS)
        declare(s, SYMBOL_MESSAGE, owner, node->name, node, node->name_span);
    else if (node->kind == NODE_WEBHOOK)
        declare(s, SYMBOL_WEBHOOK, owner, node->name, node, node->name_span);
    struct symbol *split = node->kind == NODE_SPLIT
                               ? declare(s, SYMBOL_SPLIT, owner, node->name, node, node->name_span)
                               : NULL;
    for (int i = 0; i < NODE_KID_ROOM; i++)
        for (const struct node *kid = node->kids[i]; kid; kid = kid->next) {
            if (split && kid->kind == NODE_SPLIT_ARM)
                declare(s, SYMBOL_ARM, split, kid->name, kid, kid->name_span);
            declare_steps(s, owner, kid);
        }
}

static void declare_one(struct scope *s, const struct node *node)
{
    struct symbol *symbol;
    switch ((int)node->kind) {
    case NODE_CLINIC:
        declare_fields(s, node->kids[CLINIC_FIELDS], SYMBOL_CLINIC_FIELD, NULL);
        break;
    case NODE_PATIENT:
        declare_fields(s, node->kids[PATIENT_FIELDS], SYMBOL_ATTRIBUTE, NULL);
        break;
    case NODE_EVENT_DECL:
        symbol = declare(s, SYMBOL_EVENT, NULL, node->name, node, node->name_span);
        declare_fields(s, node->kids[EVENT_DECL_FIELDS], SYMBOL_EVENT_FIELD, symbol);
        break;
    case NODE_OBJECT_DECL:
        symbol = declare(s, SYMBOL_OBJECT, NULL, node->name, node, node->name_span);
        declare_fields(s, node->kids[OBJECT_DECL_FIELDS], SYMBOL_OBJECT_FIELD, symbol);
        mention(s, node->other_span, names_find(s->names, SYMBOL_OBJECT_FIELD, symbol, node->other),
                false);
        break;
    case NODE_SEGMENT_DECL:
        declare(s, SYMBOL_SEGMENT, NULL, node->name, node, node->name_span);
        break;
    case NODE_TOPIC_DECL:
        declare(s, SYMBOL_TOPIC, NULL, node->name, node, node->name_span);
        break;
    case NODE_POLICY:
        declare(s, SYMBOL_POLICY, NULL, node->name, node, node->name_span);
        break;
    case NODE_LET:
        declare(s, SYMBOL_LET, NULL, node->name, node, node->name_span);
        break;
    case NODE_FLOW:
        symbol = declare(s, SYMBOL_FLOW, NULL, node->name, node, node->name_span);
        if (node->kids[FLOW_BODY])
            declare_steps(s, symbol, node->kids[FLOW_BODY]);
        break;
    case NODE_CAMPAIGN:
        symbol = declare(s, SYMBOL_CAMPAIGN, NULL, node->name, node, node->name_span);
        if (node->kids[CAMPAIGN_WORKFLOW])
            declare_steps(s, symbol, node->kids[CAMPAIGN_WORKFLOW]);
        break;
    case NODE_TEST:
        declare(s, SYMBOL_TEST, NULL, node->other, node, node->other_span);
        break;
    default:
        break;
    }
}

/* ---- the whole ---- */

static int by_place(const void *a, const void *b)
{
    const struct mention *x = a, *y = b;
    if (x->span.file != y->span.file)
        return x->span.file < y->span.file ? -1 : 1;
    return (x->span.first > y->span.first) - (x->span.first < y->span.first);
}

void names_build(struct names *names, struct sources *sources, struct node *declarations)
{
    *names = (struct names){.sources = sources};
    arena_init(&names->arena, 0);
    strmap_init(&names->by_key);
    struct scope s = {.names = names, .ast = {.arena = &names->arena}};
    diags_init(&s.unheard, &names->arena, sources);
    for (const struct node *node = declarations; node; node = node->next)
        declare_one(&s, node);
    for (const struct node *node = declarations; node; node = node->next)
        find_mentions(&s, node);
    if (!names->mention_count)
        return;
    qsort(names->mentions, names->mention_count, sizeof *names->mentions, by_place);
    /* A template of two messages, a flow done twice: one mention. */
    uint32_t kept = 1;
    for (uint32_t i = 1; i < names->mention_count; i++)
        if (by_place(&names->mentions[i], &names->mentions[kept - 1]) != 0)
            names->mentions[kept++] = names->mentions[i];
    names->mention_count = kept;
}

void names_free(struct names *names)
{
    strmap_free(&names->by_key);
    arena_free(&names->arena);
}

const struct mention *names_at(const struct names *names, uint32_t file, uint32_t offset)
{
    const struct mention *found = NULL;
    struct mention sought = {.span = {file, offset, offset}};
    uint32_t low = 0, high = names->mention_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (by_place(&names->mentions[middle], &sought) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (uint32_t i = low; i-- > 0 && names->mentions[i].span.file == file && !found;) {
        if (names->mentions[i].span.end >= offset)
            found = &names->mentions[i];
        if (low - i > 4)
            break;
    }
    return found;
}

const struct region *names_region(const struct names *names, uint32_t file, uint32_t offset)
{
    const struct region *found = NULL;
    for (uint32_t i = 0; i < names->region_count; i++) {
        const struct region *region = &names->regions[i];
        bool covers =
            region->span.file == file && region->span.first <= offset && offset <= region->span.end;
        if (covers && (!found || region->span.end - region->span.first <=
                                     found->span.end - found->span.first))
            found = region;
    }
    return found;
}
