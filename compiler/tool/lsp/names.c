/* names.c: one walk that declares, one that resolves. Scopes are lists that share their ends: a
 * block's names are forgotten by taking the list of before. */
#include "compiler/tool/lsp/names.h"

#include <stdlib.h>

#include "grammar/parse.h"

struct scope {
    struct names *names;
    struct ast ast;       /* for templates */
    struct diags unheard; /* the compiler has reported what is wrong in them */
    const struct binding *bindings;
    struct symbol *event, *body;
    uint32_t template_end;
};

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

static void mention(struct scope *s, struct span span, struct symbol *symbol, bool is_declaration)
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

/* The symbol, new or known; a mention that declares it when it has a node. */
static struct symbol *declare(struct scope *s, enum symbol_kind kind, struct symbol *owner,
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

static struct symbol *find(struct scope *s, enum symbol_kind kind, const struct symbol *owner,
                           struct str name)
{
    return names_find(s->names, kind, owner, name);
}

static void name_it(struct scope *s, enum symbol_kind kind, const struct symbol *owner,
                    struct str name, struct span span)
{
    mention(s, span, find(s, kind, owner, name), false);
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
        name_it(s, SYMBOL_OBJECT_FIELD, symbol, node->other, node->other_span);
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

/* ---- scopes ---- */

const struct symbol *binding_find(const struct binding *binding, struct str name)
{
    for (; binding; binding = binding->outer)
        if (str_eq(binding->symbol->name, name))
            return binding->symbol;
    return NULL;
}

static void add_region(struct scope *s, struct span span)
{
    struct names *names = s->names;
    names->regions = arena_grow(&names->arena, names->regions, names->region_count,
                                &names->region_room, sizeof *names->regions);
    names->regions[names->region_count++] = (struct region){span, s->bindings, s->event, s->body};
}

static void bind(struct scope *s, const struct node *node, struct str name, struct span span,
                 const struct symbol *of)
{
    struct names *names = s->names;
    if (!name.len)
        return;
    struct symbol *symbol = arena_alloc(&names->arena, sizeof *symbol);
    *symbol = (struct symbol){
        .kind = SYMBOL_LOCAL, .name = name, .owner = s->body, .node = node, .of = of, .span = span};
    struct binding *binding = arena_alloc(&names->arena, sizeof *binding);
    *binding = (struct binding){symbol, s->bindings};
    s->bindings = binding;
    mention(s, span, symbol, true);
}

static struct symbol *message_of(struct scope *s, struct str name)
{
    struct symbol *symbol = find(s, SYMBOL_MESSAGE, s->body, name);
    for (struct symbol *flow = symbol ? NULL : s->names->first; flow && !symbol; flow = flow->next)
        if (flow->kind == SYMBOL_FLOW)
            symbol = find(s, SYMBOL_MESSAGE, flow, name);
    return symbol;
}

static struct symbol *webhook_of(struct scope *s, struct str name)
{
    struct symbol *symbol = find(s, SYMBOL_WEBHOOK, s->body, name);
    for (struct symbol *flow = symbol ? NULL : s->names->first; flow && !symbol; flow = flow->next)
        if (flow->kind == SYMBOL_FLOW)
            symbol = find(s, SYMBOL_WEBHOOK, flow, name);
    return symbol;
}

/* ---- mentions ---- */

static void walk(struct scope *s, const struct node *node);

static void walk_list(struct scope *s, const struct node *list)
{
    for (; list; list = list->next)
        walk(s, list);
}

static void walk_kids(struct scope *s, const struct node *node)
{
    for (int i = 0; i < NODE_KID_ROOM; i++)
        walk_list(s, node->kids[i]);
}

static void walk_path(struct scope *s, const struct node *path)
{
    const struct node *part = path->kids[PATH_PARTS];
    const struct symbol *of = NULL;
    if (str_eq(path->name, STR("patient"))) {
        if (part)
            name_it(s, SYMBOL_ATTRIBUTE, NULL, part->name, part->span);
        return;
    }
    if (str_eq(path->name, STR("clinic"))) {
        if (part)
            name_it(s, SYMBOL_CLINIC_FIELD, NULL, part->name, part->span);
        return;
    }
    if (str_eq(path->name, STR("event"))) {
        of = s->event;
    } else {
        struct symbol *symbol = (struct symbol *)(uintptr_t)binding_find(s->bindings, path->name);
        if (!symbol)
            symbol = find(s, SYMBOL_LET, NULL, path->name);
        mention(s, path->name_span, symbol, false);
        of = symbol ? symbol->of : NULL;
    }
    if (part && of)
        name_it(s, of->kind == SYMBOL_EVENT ? SYMBOL_EVENT_FIELD : SYMBOL_OBJECT_FIELD, of,
                part->name, part->span);
}

/* The keys of `{ name: value }`, where they are fields. */
static void walk_record(struct scope *s, const struct node *record, enum symbol_kind kind,
                        const struct symbol *owner)
{
    for (const struct node *pair = record ? record->kids[RECORD_PAIRS] : NULL; pair;
         pair = pair->next) {
        name_it(s, kind, owner, pair->name, pair->name_span);
        walk_kids(s, pair);
    }
}

/* In a condition about it, `event` is the event. */
static void walk_tested(struct scope *s, const struct node *where, struct symbol *event)
{
    struct symbol *outer = s->event;
    if (!where)
        return;
    s->event = event;
    add_region(s, where->span);
    walk(s, where);
    s->event = outer;
}

/* Binds the alias; the caller forgets it where it ends. */
static struct symbol *walk_pattern(struct scope *s, const struct node *pattern)
{
    struct symbol *event = find(s, SYMBOL_EVENT, NULL, pattern->name);
    mention(s, pattern->name_span, event, false);
    bind(s, pattern, pattern->other, pattern->other_span, event);
    walk_tested(s, pattern->kids[PATTERN_WHERE], event);
    return event;
}

static void walk_template(struct scope *s, const struct node *value)
{
    struct str path = source_at(s->names->sources, value->span.file)->path;
    struct template_origin origin = {value->span.file, value->span.first, true};
    struct str text = value->name;
    if (value->kind == NODE_FILE) {
        size_t slash = path.len;
        while (slash && path.at[slash - 1] != '/')
            slash--;
        const char *error;
        struct str name = arena_printf(&s->names->arena, "%.*s" STR_FMT, (int)slash, path.at,
                                       STR_ARG(value->name));
        mention(s, value->name_span, declare(s, SYMBOL_FILE, NULL, name, NULL, (struct span){0}),
                false);
        uint32_t file = source_load(s->names->sources, name, &error);
        if (file == UINT32_MAX)
            return;
        text = source_at(s->names->sources, file)->text;
        origin = (struct template_origin){file, 0, false};
        add_region(s, (struct span){file, 0, (uint32_t)text.len + 1});
    } else {
        add_region(s, value->span);
    }
    const struct node *template = liquid_parse(&s->ast, &s->unheard, text, origin);
    const struct binding *outer = s->bindings;
    s->template_end = template->span.end;
    walk_kids(s, template);
    s->bindings = outer;
}

/* From the tag on to the end of the template, or of the loop's body. */
static void bind_tag(struct scope *s, const struct node *tag, uint32_t end)
{
    bind(s, tag, tag->name, tag->name_span, NULL);
    add_region(s, (struct span){tag->span.file, tag->name_span.end, end});
}

static void walk_prop(struct scope *s, const struct node *prop)
{
    const struct node *value = prop->kids[PROP_VALUE];
    if (!value)
        return;
    if (value->kind == NODE_RECORD) {
        for (const struct node *pair = value->kids[RECORD_PAIRS]; pair; pair = pair->next) {
            const struct node *own = pair->kids[PAIR_VALUE];
            if (own && (own->kind == NODE_TEXT || own->kind == NODE_FILE))
                walk_template(s, own);
            else if (own)
                walk(s, own);
        }
    } else if (value->kind == NODE_TEXT || value->kind == NODE_FILE) {
        walk_template(s, value);
    } else {
        walk(s, value);
    }
}

static void walk_block(struct scope *s, const struct node *block)
{
    const struct binding *outer = s->bindings;
    add_region(s, block->span);
    for (const struct node *step = block->kids[BLOCK_STEPS]; step; step = step->next) {
        const struct binding *before = s->bindings;
        walk(s, step);
        if (s->bindings != before)
            add_region(s, (struct span){block->span.file, step->span.end, block->span.end});
    }
    s->bindings = outer;
}

static void walk_body(struct scope *s, const struct node *node)
{
    bool is_flow = node->kind == NODE_FLOW;
    s->body = find(s, is_flow ? SYMBOL_FLOW : SYMBOL_CAMPAIGN, NULL, node->name);
    s->bindings = NULL;
    s->event = NULL;
    for (const struct node *param = is_flow ? node->kids[FLOW_PARAMS] : NULL; param;
         param = param->next)
        bind(s, param, param->name, param->name_span, NULL);
    for (const struct node *setting = is_flow ? NULL : node->kids[CAMPAIGN_SETTINGS]; setting;
         setting = setting->next) {
        const struct binding *before = s->bindings;
        walk(s, setting);
        if (setting->kind == NODE_TRIGGER)
            add_region(s, (struct span){node->span.file, setting->span.end, node->span.end});
        else
            s->bindings = before;
    }
    const struct node *block = node->kids[is_flow ? FLOW_BODY : CAMPAIGN_WORKFLOW];
    if (block)
        walk_block(s, block);
    s->body = NULL;
    s->bindings = NULL;
    s->event = NULL;
}

static void walk_trigger(struct scope *s, const struct node *node)
{
    if (node->kids[TRIGGER_PATTERN]) {
        s->event = walk_pattern(s, node->kids[TRIGGER_PATTERN]);
        return;
    }
    bool is_object = node->number == FORM_OBJECT;
    struct symbol *symbol = find(s, is_object ? SYMBOL_OBJECT : SYMBOL_SEGMENT, NULL, node->name);
    if (node->name.len)
        mention(s, node->name_span, symbol, false);
    if (is_object)
        bind(s, node, node->other, node->other_span, symbol);
    for (int i = TRIGGER_PATH; i < NODE_KID_ROOM; i++) {
        if (is_object && node->kids[i])
            add_region(s, node->kids[i]->span);
        walk_list(s, node->kids[i]);
    }
}

/* `any object O where (…)`: in the brackets O is the one tested. */
static void walk_any(struct scope *s, const struct node *node)
{
    struct symbol *object = find(s, SYMBOL_OBJECT, NULL, node->name);
    const struct binding *outer = s->bindings;
    mention(s, node->name_span, object, false);
    if (!object || !node->kids[ANY_WHERE])
        return;
    struct symbol *tested = arena_alloc(&s->names->arena, sizeof *tested);
    struct binding *binding = arena_alloc(&s->names->arena, sizeof *binding);
    *tested = *object;
    tested->of = object;
    *binding = (struct binding){tested, outer};
    s->bindings = binding;
    add_region(s, node->kids[ANY_WHERE]->span);
    walk(s, node->kids[ANY_WHERE]);
    s->bindings = outer;
}

static void walk_call(struct scope *s, const struct node *node)
{
    mention(s, node->name_span,
            declare(s, SYMBOL_FUNCTION, NULL, node->name, NULL, node->name_span), false);
    walk_kids(s, node);
}

static enum symbol_kind named_kind(const struct node *node)
{
    switch ((int)node->kind) {
    case NODE_TOPIC:
    case NODE_SUBSCRIBE:
    case NODE_UNSUBSCRIBE:
    case NODE_SUBSCRIBED:
    case NODE_GIVEN_SUBSCRIBED:
        return SYMBOL_TOPIC;
    case NODE_ADD:
    case NODE_REMOVE:
    case NODE_IN_SEGMENT:
    case NODE_GIVEN_SEGMENT:
        return SYMBOL_SEGMENT;
    case NODE_DO:
        return SYMBOL_FLOW;
    default:
        return 0;
    }
}

/* Statements about an event or object with the fields of one. */
static bool walk_with_record(struct scope *s, const struct node *node)
{
    bool is_object = node->kind == NODE_GIVEN_OBJECT || node->kind == NODE_ACT_OBJECT;
    bool is_event =
        node->kind == NODE_EMIT || node->kind == NODE_GIVEN_EVENT || node->kind == NODE_ACT_EVENT;
    if (node->kind == NODE_GIVEN_PATIENT)
        walk_record(s, node->kids[0], SYMBOL_ATTRIBUTE, NULL);
    if (is_object || is_event) {
        struct symbol *symbol = find(s, is_object ? SYMBOL_OBJECT : SYMBOL_EVENT, NULL, node->name);
        mention(s, node->name_span, symbol, false);
        walk_record(s, node->kids[0], is_object ? SYMBOL_OBJECT_FIELD : SYMBOL_EVENT_FIELD, symbol);
    }
    return is_object || is_event || node->kind == NODE_GIVEN_PATIENT;
}

/* Statements that name a message, webhook or split; their kids are walked too. */
static void name_messages(struct scope *s, const struct node *node)
{
    switch ((int)node->kind) {
    case NODE_GOAL:
    case NODE_MESSAGE_STATE:
    case NODE_ACT_MESSAGE:
    case NODE_EXPECT_MESSAGE:
        if (node->name.len)
            mention(s, node->name_span, message_of(s, node->name), false);
        break;
    case NODE_GIVEN_WEBHOOK:
    case NODE_EXPECT_WEBHOOK:
        mention(s, node->name_span, webhook_of(s, node->name), false);
        break;
    case NODE_GIVEN_SPLIT: {
        struct symbol *split = find(s, SYMBOL_SPLIT, s->body, node->name);
        mention(s, node->name_span, split, false);
        name_it(s, SYMBOL_ARM, split, node->other, node->other_span);
        break;
    }
    default:
        if (named_kind(node))
            name_it(s, named_kind(node), NULL, node->name, node->name_span);
    }
}

static void walk_test(struct scope *s, const struct node *node)
{
    name_it(s, SYMBOL_CAMPAIGN, NULL, node->name, node->name_span);
    s->body = find(s, SYMBOL_CAMPAIGN, NULL, node->name);
    add_region(s, node->span);
    walk_kids(s, node);
    s->body = NULL;
}

static void walk(struct scope *s, const struct node *node)
{
    switch ((int)node->kind) {
    case NODE_CAMPAIGN:
    case NODE_FLOW:
        walk_body(s, node);
        return;
    case NODE_TEST:
        walk_test(s, node);
        return;
    case NODE_USE: {
        bool is_file = node->flags & FLAG_FILE;
        mention(s, node->name_span,
                declare(s, is_file ? SYMBOL_FILE : SYMBOL_MODULE, NULL, node->name, NULL,
                        node->name_span),
                false);
        return;
    }
    case NODE_BLOCK:
        walk_block(s, node);
        return;
    case NODE_PATH:
        walk_path(s, node);
        return;
    case NODE_CALL:
        walk_call(s, node);
        return;
    case NODE_PATTERN:
        walk_pattern(s, node);
        return;
    case NODE_DID: {
        struct symbol *event = find(s, SYMBOL_EVENT, NULL, node->name);
        mention(s, node->name_span, event, false);
        walk_tested(s, node->kids[DID_WHERE], event);
        return;
    }
    case NODE_ANY:
        walk_any(s, node);
        return;
    case NODE_TRIGGER:
        walk_trigger(s, node);
        return;
    case NODE_PROP:
        walk_prop(s, node);
        return;
    case NODE_WAIT_REPLY:
        bind(s, node, node->other, node->other_span, NULL);
        walk_kids(s, node);
        return;
    case NODE_WEBHOOK:
        walk_kids(s, node);
        bind(s, node, node->other, node->other_span, NULL);
        return;
    case NODE_ASSIGN:
    case NODE_CAPTURE:
        walk_kids(s, node);
        bind_tag(s, node, s->template_end);
        return;
    case NODE_FOR: {
        const struct binding *outer = s->bindings;
        walk_list(s, node->kids[FOR_COLLECTION]);
        bind_tag(s, node, node->span.end);
        walk_list(s, node->kids[FOR_BODY]);
        s->bindings = outer;
        walk_list(s, node->kids[FOR_ELSE]);
        return;
    }
    case NODE_LET:
        walk_kids(s, node);
        if (s->body)
            bind(s, node, node->name, node->name_span, NULL);
        return;
    default:
        if (walk_with_record(s, node))
            return;
        name_messages(s, node);
        walk_kids(s, node);
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
    struct scope s = {.names = names, .ast = {&names->arena, 0}};
    diags_init(&s.unheard, &names->arena, sources);
    for (const struct node *node = declarations; node; node = node->next)
        declare_one(&s, node);
    for (const struct node *node = declarations; node; node = node->next)
        walk(&s, node);
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
