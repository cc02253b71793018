/* mentions.c: the walk that resolves names. Scopes are lists that share their ends: a block's names
 * are forgotten by taking the list of before. */
#include "compiler/tool/lsp/scope.h"
#include "grammar/parse.h"

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

/* A message or webhook of the body, or of a flow. */
static struct symbol *step_of(struct scope *s, enum symbol_kind kind, struct str name)
{
    struct symbol *symbol = find(s, kind, s->body, name);
    for (struct symbol *flow = symbol ? NULL : s->names->first; flow && !symbol; flow = flow->next)
        if (flow->kind == SYMBOL_FLOW)
            symbol = find(s, kind, flow, name);
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

/* The path of what a file names beside itself. */
static struct str path_beside(struct scope *s, uint32_t file, struct str name, const char *ending)
{
    struct str path = source_at(s->names->sources, file)->path;
    size_t slash = path.len;
    while (slash && path.at[slash - 1] != '/')
        slash--;
    return arena_printf(&s->names->arena, "%.*s" STR_FMT "%s", (int)slash, path.at, STR_ARG(name),
                        ending);
}

/* The template's names, within those that can be said where it stands. */
static void walk_parts(struct scope *s, struct str text, struct template_origin origin)
{
    const struct node *template = liquid_parse(&s->ast, &s->unheard, text, origin);
    const struct binding *outer = s->bindings;
    uint32_t end = s->template_end;
    s->template_end = template->span.end;
    walk_kids(s, template);
    s->bindings = outer;
    s->template_end = end;
}

static void walk_template_file(struct scope *s, uint32_t file)
{
    struct str text = source_at(s->names->sources, file)->text;
    add_region(s, (struct span){file, 0, (uint32_t)text.len + 1});
    walk_parts(s, text, (struct template_origin){file, 0, false});
}

static void walk_template(struct scope *s, const struct node *value)
{
    if (value->kind != NODE_FILE) {
        add_region(s, value->span);
        walk_parts(s, value->name,
                   (struct template_origin){value->span.file, value->span.first, true});
        return;
    }
    const char *error;
    struct str path = path_beside(s, value->span.file, value->name, "");
    mention(s, value->name_span, declare(s, SYMBOL_FILE, NULL, path, NULL, (struct span){0}),
            false);
    uint32_t file = source_load(s->names->sources, path, &error);
    if (file != UINT32_MAX)
        walk_template_file(s, file);
}

/* `{% render 'part', name: value %}`: in the file its arguments are names, too. */
static void walk_partial(struct scope *s, const struct node *tag)
{
    enum { MOST_PARTIALS = 8 };
    const char *error;
    const struct binding *outer = s->bindings;
    walk_list(s, tag->kids[PARTIAL_VALUE]);
    for (const struct node *pair = tag->kids[PARTIAL_ARGUMENTS]; pair; pair = pair->next)
        walk_kids(s, pair);
    struct str path = path_beside(s, tag->span.file, tag->name, ".liquid");
    uint32_t file = source_load(s->names->sources, path, &error);
    if (file == UINT32_MAX) {
        path = path_beside(s, tag->span.file, tag->name, "");
        file = source_load(s->names->sources, path, &error);
    }
    if (file == UINT32_MAX || s->partial_depth == MOST_PARTIALS)
        return;
    mention(s, tag->name_span, declare(s, SYMBOL_FILE, NULL, path, NULL, (struct span){0}), false);
    for (const struct node *pair = tag->kids[PARTIAL_ARGUMENTS]; pair; pair = pair->next)
        bind(s, pair, pair->name, pair->name_span, NULL);
    if (tag->kids[PARTIAL_VALUE])
        bind(s, tag, tag->other, tag->other_span, NULL);
    s->partial_depth++;
    walk_template_file(s, file);
    s->partial_depth--;
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
            mention(s, node->name_span, step_of(s, SYMBOL_MESSAGE, node->name), false);
        break;
    case NODE_GIVEN_WEBHOOK:
    case NODE_EXPECT_WEBHOOK:
        mention(s, node->name_span, step_of(s, SYMBOL_WEBHOOK, node->name), false);
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
    case NODE_PARTIAL:
        walk_partial(s, node);
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

void find_mentions(struct scope *s, const struct node *declaration)
{
    walk(s, declaration);
}
