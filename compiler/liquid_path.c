/* liquid_path.c: names and literals that only templates have: loop variables, assigned ones,
 * `forloop`, [keys], ranges, nil, empty; first, last and size; conditions. */
#include "compiler/liquid.h"

static struct typed dynamic(void)
{
    return typed_kind(KIND_ANY);
}

static bool is_named(const struct node *part, const char *name)
{
    return part && part->kind == NODE_NAME && str_eq_c(part->name, name);
}

static void push_text(struct compiler *c, struct str text)
{
    emit(c, op_c(OP_PUSH_CONST, add_constant_value(c, value_text(text))), 0, 1);
}

/* A variable of a loop, `forloop`, or one that is assigned. */
static bool local_root(struct tpl *tpl, struct str name, struct typed *type)
{
    struct compiler *c = tpl->c;
    for (struct loop_scope *loop = tpl->loop; loop; loop = loop->outer) {
        bool is_loop = str_eq(name, STR("forloop"));
        if (!is_loop && !str_eq(name, loop->name))
            continue;
        emit(c, op_ab(OP_LOCAL, is_loop ? loop->loop : loop->item, 0), 0, 1);
        *type = is_loop && !tpl->is_dynamic ? typed_kind(KIND_LOOP)
                : tpl->is_dynamic           ? dynamic()
                                            : loop->type;
        type->is_phi |= is_loop && tpl->phi_depth > 0;
        return true;
    }
    struct variable *variable = find_variable(tpl, name);
    if (!variable || !variable->is_set)
        return false;
    emit(c, op_ab(OP_LOCAL, variable->local, 0), 0, 1);
    *type = variable->type;
    return true;
}

/* What the language knows and only templates see. */
static bool special_root(struct compiler *c, const struct node *path, struct typed *type)
{
    const struct node *part = path->kids[PATH_PARTS];
    if (!part && (str_eq(path->name, STR("now")) || str_eq(path->name, STR("today")))) {
        bool is_now = path->name.at[0] == 'n';
        emit(c, op_c(is_now ? OP_NOW : OP_TODAY, 0), 0, 1);
        *type = typed_kind(is_now ? TYPE_TIME : TYPE_DATE);
        return true;
    }
    *type = typed_of(c, type_of_kind(c, TYPE_TEXT));
    type->is_known = true;
    if (str_eq(path->name, STR("message")) && is_named(part, "unsubscribe_url")) {
        emit(c, op_c(OP_MESSAGE_URL, 0), 0, 1);
        return true;
    }
    bool is_name = is_named(part, "name"), is_title = is_named(part, "title");
    if (!str_eq(path->name, STR("campaign")) || (!is_name && !is_title))
        return false;
    push_text(c, is_name ? c->campaign->name : c->campaign->other);
    return true;
}

/* [name]: known only when it runs. Variables first, then the data. */
static void find_by_key(struct tpl *tpl, struct node *key)
{
    struct compiler *c = tpl->c;
    struct place_list ends = {0};
    uint32_t local = new_local(c);
    expression(c, key);
    emit(c, op_ab(OP_SET_LOCAL, local, 0), 1, 0);
    for (uint32_t i = 0; i < tpl->variable_count; i++) {
        emit(c, op_ab(OP_LOCAL, local, 0), 0, 1);
        push_text(c, tpl->variables[i].name);
        emit(c, op_c(OP_EQ, 0), 2, 1);
        uint32_t over = emit_jump(c, OP_JUMP_FALSE);
        emit(c, op_ab(OP_LOCAL, tpl->variables[i].local, 0), 0, 1);
        jump_to_come(tpl, &ends);
        c->code->depth--;
        patch(c, over);
    }
    for (struct loop_scope *loop = tpl->loop; loop; loop = loop->outer) {
        emit(c, op_ab(OP_LOCAL, local, 0), 0, 1);
        push_text(c, loop->name);
        emit(c, op_c(OP_EQ, 0), 2, 1);
        uint32_t over = emit_jump(c, OP_JUMP_FALSE);
        emit(c, op_ab(OP_LOCAL, loop->item, 0), 0, 1);
        jump_to_come(tpl, &ends);
        c->code->depth--;
        patch(c, over);
    }
    emit(c, op_ab(OP_LOCAL, local, 0), 0, 1);
    if (tpl->is_isolated) {
        emit(c, op_c(OP_POP, 0), 1, 0);
        emit(c, op_c(OP_PUSH_UNKNOWN, 0), 0, 1);
    } else {
        emit(c, op_c(OP_FIND, 0), 1, 1);
    }
    jumps_come_here(tpl, &ends);
}

/* How many parts the root takes: `message.unsubscribe_url` two words, `x` one. */
bool liquid_root(struct compiler *c, const struct node *path, struct typed *type)
{
    struct tpl *tpl = c->tpl;
    if (!path->name.len) {
        if (tpl->is_dynamic)
            find_by_key(tpl, path->kids[PATH_PARTS]->kids[INDEX_KEY]);
        else
            report(c, DIAG_TEMPLATE_SYNTAX, path->span, "a name must be written, not computed");
        *type = tpl->is_dynamic ? dynamic() : (struct typed){.kind = KIND_BAD};
        return true;
    }
    if (local_root(tpl, path->name, type))
        return true;
    if (!tpl->is_dynamic)
        return special_root(c, path, type);
    if (tpl->is_isolated)
        emit(c, op_c(OP_PUSH_UNKNOWN, 0), 0, 1);
    else
        emit(c, op_c(OP_GLOBAL, add_constant_value(c, value_text(path->name))), 0, 1);
    *type = dynamic();
    return true;
}

static struct typed member_of_loop(struct compiler *c, struct typed loop, const struct node *part)
{
    static const struct {
        const char *name;
        uint32_t kind;
    } members[] = {{"index", TYPE_INTEGER},   {"index0", TYPE_INTEGER}, {"rindex", TYPE_INTEGER},
                   {"rindex0", TYPE_INTEGER}, {"first", TYPE_BOOL},     {"last", TYPE_BOOL},
                   {"length", TYPE_INTEGER},  {"name", TYPE_TEXT},      {"parentloop", KIND_LOOP}};
    struct str names[ARRAY_COUNT(members)];
    for (size_t i = 0; i < ARRAY_COUNT(members); i++) {
        names[i] = str_of(members[i].name);
        if (part->kind != NODE_NAME || !str_eq(part->name, names[i]))
            continue;
        push_text(c, part->name);
        c->code->count--;
        c->code->depth--;
        emit(c, op_c(OP_MEMBER, add_constant_value(c, value_text(part->name))), 1, 1);
        struct typed type = members[i].kind == KIND_LOOP
                                ? typed_kind(KIND_LOOP)
                                : typed_of(c, type_of_kind(c, members[i].kind));
        type.is_known = true;
        type.is_phi = loop.is_phi;
        return type;
    }
    struct diag *diag =
        report(c, DIAG_UNKNOWN_NAME, part->span, "member of forloop:", STR_ARG(part->name));
    suggest_of(c, diag, part->name, names, ARRAY_COUNT(names));
    return (struct typed){.kind = KIND_BAD};
}

static struct typed element(struct compiler *c, struct typed list)
{
    bool has_type =
        list.type < c->image->type_count && c->image->types[list.type].kind == TYPE_LIST;
    struct typed type = has_type ? typed_of(c, c->image->types[list.type].of) : dynamic();
    type.is_known = false;
    type.is_phi = list.is_phi;
    return type;
}

bool liquid_member(struct compiler *c, struct typed *type, struct node *part)
{
    bool is_open = type->kind == KIND_ANY || type->kind == KIND_JSON,
         is_size = is_named(part, "size"),
         is_end = is_named(part, "first") || is_named(part, "last");
    bool is_text = type->kind == TYPE_TEXT ||
                   (type->kind >= TYPE_EMAIL && type->kind <= TYPE_LANGUAGE) ||
                   type->kind == TYPE_CHOICE;
    if (part->kind == NODE_INDEX && part->kids[INDEX_KEY]->kind == NODE_TEXT && !is_open) {
        part->kind = NODE_NAME; /* event["score"] is event.score */
        part->name = part->kids[INDEX_KEY]->name;
    }
    if (type->kind == KIND_LOOP && part->kind == NODE_NAME) {
        *type = member_of_loop(c, *type, part);
        return true;
    }
    if (part->kind == NODE_INDEX) {
        struct typed key = expression(c, part->kids[INDEX_KEY]);
        emit(c, op_c(OP_LOOKUP, 0), 2, 1);
        if (type->kind == TYPE_LIST)
            *type = element(c, *type);
        else if (!is_open)
            *type = (report(c, DIAG_WRONG_TYPE, part->span, kind_name(type->kind), "a list"),
                     (struct typed){.kind = KIND_BAD});
        type->is_phi |= key.is_phi;
        return true;
    }
    bool is_of_list = type->kind == TYPE_LIST && (is_size || is_end);
    if (!is_of_list && !(is_text && is_size) && type->kind != KIND_ANY && type->kind != KIND_RANGE)
        return false;
    emit(c, op_c(OP_MEMBER, add_constant_value(c, value_text(part->name))), 1, 1);
    if (is_size && !is_open) {
        struct typed size = typed_of(c, type_of_kind(c, TYPE_INTEGER));
        size.is_known = type->is_known;
        size.is_phi = type->is_phi;
        *type = size;
    } else if (is_of_list) {
        *type = element(c, *type);
    } else if (!c->tpl->is_dynamic) {
        type->is_known = false;
    }
    return true;
}

static bool is_nothing(const struct node *node)
{
    return node->kind == NODE_NIL || node->kind == NODE_EMPTY;
}

/* `empty` and `blank` have no order, and contain nothing. */
static struct typed operand(struct compiler *c, const struct node *compare, struct node *node,
                            bool is_left)
{
    bool is_order = compare->number == COMPARE_LT || compare->number == COMPARE_GT ||
                    compare->number == COMPARE_LE || compare->number == COMPARE_GE;
    if (node->kind != NODE_EMPTY || !(is_order || (is_left && compare->number == COMPARE_CONTAINS)))
        return expression(c, node);
    emit(c, op_c(OP_PUSH_UNKNOWN, 0), 0, 1);
    return dynamic();
}

/* x == nil, x != blank and their like; and in `camp render` every comparison. */
static struct typed relate(struct tpl *tpl, struct node *node)
{
    struct compiler *c = tpl->c;
    struct node *left = node->kids[COMPARE_LEFT], *right = node->kids[COMPARE_RIGHT];
    bool is_equality = node->number == COMPARE_EQ || node->number == COMPARE_NE;
    if (left->kind == NODE_EMPTY && right->kind != NODE_EMPTY && is_equality) {
        struct node *other = left;
        left = right;
        right = other;
    }
    struct typed l = operand(c, node, left, true), r = operand(c, node, right, false);
    uint32_t relation =
        node->number == COMPARE_CONTAINS ? RELATION_CONTAINS : (uint32_t)node->number;
    if (right->kind == NODE_EMPTY && is_equality)
        relation = node->number == COMPARE_EQ ? right->number ? RELATION_BLANK : RELATION_EMPTY
                   : right->number            ? RELATION_NOT_BLANK
                                              : RELATION_NOT_EMPTY;
    emit(c, op_c(OP_RELATE, relation), 2, 1);
    return (struct typed){.kind = TYPE_BOOL, .is_known = true, .is_phi = l.is_phi || r.is_phi};
}

/* Is it a comparison that Liquid's own rules decide? */
static bool is_liquids(struct compiler *c, const struct node *node)
{
    return c->tpl->is_dynamic || liquid_is_of_nothing(node);
}

struct typed liquid_condition(struct tpl *tpl, struct node *node)
{
    struct compiler *c = tpl->c;
    bool is_and = node->kind == NODE_AND;
    if (!is_and && node->kind != NODE_OR) {
        struct typed type = expression(c, node);
        if (node->kind != NODE_COMPARE && node->kind != NODE_KNOWN)
            emit(c, op_c(OP_TRUTHY, 0), 1, 1);
        return type;
    }
    uint32_t facts = c->fact_count;
    struct typed l = liquid_condition(tpl, node->kids[0]);
    uint32_t over = emit_jump(c, is_and ? OP_JUMP_FALSE : OP_JUMP_TRUE);
    if (is_and)
        learn(c, node->kids[0], true);
    else
        learn(c, node->kids[0], false);
    struct typed r = liquid_condition(tpl, node->kids[1]);
    uint32_t end = emit_jump(c, OP_JUMP);
    patch(c, over);
    c->code->depth--;
    emit(c, op_c(is_and ? OP_PUSH_FALSE : OP_PUSH_TRUE, 0), 0, 1);
    patch(c, end);
    c->fact_count = facts;
    return (struct typed){.kind = TYPE_BOOL, .is_known = true, .is_phi = l.is_phi || r.is_phi};
}

bool liquid_is_of_nothing(const struct node *node)
{
    return is_nothing(node->kids[COMPARE_LEFT]) || is_nothing(node->kids[COMPARE_RIGHT]);
}

bool liquid_shows_known(const struct node *node, bool truth)
{
    const struct node *other = node->kids[COMPARE_RIGHT];
    bool is_equality = node->number == COMPARE_EQ || node->number == COMPARE_NE;
    bool is_equal = (node->number == COMPARE_EQ) == truth;
    bool is_empty = other->kind == NODE_EMPTY && !other->number; /* unknown is blank, not empty */
    return is_equality && is_nothing(other) && is_equal == is_empty;
}

bool liquid_expression(struct compiler *c, struct node *node, struct typed *type)
{
    struct tpl *tpl = c->tpl;
    switch ((int)node->kind) {
    case NODE_NIL:
        emit(c, op_c(OP_PUSH_UNKNOWN, 0), 0, 1);
        *type = (struct typed){.kind = KIND_ANY, .is_known = tpl->is_dynamic};
        return true;
    case NODE_EMPTY:
        push_text(c, STR(""));
        *type = tpl->is_dynamic ? dynamic() : typed_of(c, type_of_kind(c, TYPE_TEXT));
        type->is_known = true;
        return true;
    case NODE_RANGE: {
        struct typed from = expression(c, node->kids[RANGE_FROM]),
                     to = expression(c, node->kids[RANGE_TO]);
        emit(c, op_c(OP_RANGE, 0), 2, 1);
        *type = typed_kind(tpl->is_dynamic ? KIND_ANY : KIND_RANGE);
        type->is_phi = from.is_phi || to.is_phi;
        return true;
    }
    case NODE_COMPARE:
        if (!is_liquids(c, node))
            return false;
        *type = relate(tpl, node);
        return true;
    default:
        return false;
    }
}
