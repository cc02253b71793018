/* liquid.c: tags and outputs of templates to code (LANGUAGE.md M5, M6). Types and what is known go
 * along as in the workflow; `camp render` compiles the same way with names that are looked up when
 * it runs. */
#include "compiler/liquid.h"

#include "compiler/phi.h"
#include "grammar/parse.h"

uint32_t new_local(struct compiler *c)
{
    uint32_t local = c->code->local_count;
    if (local + 1 >= IMAGE_MAX_LOCALS) {
        report_too_large(c, c->tpl->phi_span, "a template with so many variables and loops");
        return local;
    }
    c->code->local_count++;
    return local;
}

void jump_to_come(struct tpl *tpl, struct place_list *list)
{
    struct compiler *c = tpl->c;
    list->places =
        arena_grow(c->arena, list->places, list->count, &list->room, sizeof *list->places);
    list->places[list->count++] = emit_jump(c, OP_JUMP);
}

void jumps_come_here(struct tpl *tpl, struct place_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        patch(tpl->c, list->places[i]);
}

void note_phi(struct tpl *tpl, struct span span)
{
    if (!tpl->all->is_phi)
        tpl->c->phi_output = span;
    tpl->all->is_phi = true;
}

struct variable *find_variable(struct tpl *tpl, struct str name)
{
    for (uint32_t i = 0; i < tpl->variable_count; i++)
        if (str_eq(tpl->variables[i].name, name))
            return &tpl->variables[i];
    return NULL;
}

struct variable *set_variable(struct tpl *tpl, struct str name, struct typed type)
{
    struct compiler *c = tpl->c;
    struct variable *variable = find_variable(tpl, name);
    if (!variable) {
        tpl->variables = arena_grow(c->arena, tpl->variables, tpl->variable_count,
                                    &tpl->variable_room, sizeof *tpl->variables);
        variable = &tpl->variables[tpl->variable_count++];
        *variable = (struct variable){.name = name, .local = new_local(c)};
    }
    type.is_phi |= tpl->phi_depth > 0;
    variable->type = type;
    variable->is_set = true;
    return variable;
}

/* What was shown known of the name was so of its old value. */
static void forget_name(struct compiler *c, struct str name)
{
    for (uint32_t i = 0; i < c->fact_count; i++) {
        struct str fact = c->facts[i];
        if (str_starts(fact, name) && (fact.len == name.len || fact.at[name.len] == '.'))
            c->facts[i] = STR("");
    }
}

static void put_local(struct tpl *tpl, struct str name, struct typed type)
{
    struct variable *variable = set_variable(tpl, name, type);
    emit(tpl->c, op_ab(OP_SET_LOCAL, variable->local, 0), 1, 0);
    forget_name(tpl->c, name);
}

static void report_gap(struct compiler *c, const struct node *value)
{
    struct str text = source_text(c, value->span);
    struct diag *diag = report(c, DIAG_MAY_BE_UNKNOWN, value->span, STR_ARG(text));
    help(c, diag,
         "say what stands there then: `{{ " STR_FMT
         " | default: '…' }}`, or show it known: `{%% if … %%}`, `if … is known`",
         STR_ARG(text));
}

static void check_place(struct tpl *tpl, const struct node *node)
{
    const char *danger = tpl->is_html ? html_danger(&tpl->place) : NULL;
    if (!danger || tpl->is_dynamic)
        return;
    struct diag *diag = report(tpl->c, DIAG_UNSAFE_PLACE, node->span, danger);
    help(tpl->c, diag, "write the value as text, or into an attribute in quotes");
}

static bool has_unknown_filter(struct compiler *c, const struct node *node)
{
    if (node->kind != NODE_CALL)
        return false;
    if (!builtin_find(c->options->builtins, node->name)) {
        struct diag *diag = report(c, DIAG_UNKNOWN_FILTER, node->name_span, STR_ARG(node->name));
        struct str names[256];
        uint32_t count = 0;
        for (; count < c->options->builtins->count && count < 256; count++)
            names[count] = str_of(c->options->builtins->rows[count].name);
        struct str nearest = diag_nearest(node->name, names, count);
        if (nearest.at)
            help(c, diag, "did you mean `" STR_FMT "`?", STR_ARG(nearest));
        return true;
    }
    for (const struct node *kid = node->kids[CALL_ARGUMENTS]; kid; kid = kid->next)
        if (has_unknown_filter(c, kid))
            return true;
    return false;
}

static struct typed value_of(struct tpl *tpl, struct node *value)
{
    return has_unknown_filter(tpl->c, value) ? (struct typed){.kind = KIND_BAD}
                                             : expression(tpl->c, value);
}

static void output(struct tpl *tpl, struct node *node)
{
    struct compiler *c = tpl->c;
    struct node *value = node->kids[OUTPUT_VALUE];
    if (!value && !tpl->is_dynamic)
        report(c, DIAG_TEMPLATE_SYNTAX, node->span, "there is nothing to print");
    if (!value)
        return;
    emit_line(c, node->span);
    struct typed type = value_of(tpl, value);
    emit(c, op_c(tpl->is_html ? OP_OUT_HTML : OP_OUT, 0), 1, 0);
    check_place(tpl, node);
    html_read(&tpl->place, STR("x"));
    buf_str(tpl->shown, source_text(c, node->span));
    if (type.kind == KIND_BAD || tpl->is_dynamic)
        return;
    bool tells_phi = type.is_phi || tpl->phi_depth;
    if (tells_phi)
        note_phi(tpl, type.is_phi ? node->span : tpl->phi_span);
    if (tells_phi && !c->phi_url.end && phi_is_in_url(c, node->span))
        c->phi_url = node->span;
    if (type.kind >= KIND_EVENT && type.kind != KIND_ANY && type.kind != KIND_JSON)
        report(c, DIAG_WRONG_TYPE, value->span, kind_name(type.kind),
               "a value that can be written");
    else if (!type.is_known)
        report_gap(c, value);
}

static void raw(struct tpl *tpl, const struct node *node)
{
    uint32_t text = add_constant_value(tpl->c, value_text(node->name));
    emit(tpl->c, op_c(OP_OUT_CONST, text), 0, 0);
    if (tpl->is_html)
        html_read(&tpl->place, node->name);
    if (tpl->phi_depth)
        note_phi(tpl, tpl->phi_span);
}

static void assign(struct tpl *tpl, struct node *node)
{
    emit_line(tpl->c, node->span);
    struct typed type = value_of(tpl, node->kids[ASSIGN_VALUE]);
    put_local(tpl, node->name, type);
}

/* True when its end is never reached. */
static bool capture(struct tpl *tpl, struct node *node)
{
    struct compiler *c = tpl->c;
    struct typed *outer = tpl->all, own = typed_kind(TYPE_TEXT);
    struct span phi_output = c->phi_output;
    struct html_place place = tpl->place;
    if (tpl->capture_count == TEMPLATE_MAX_CAPTURES) {
        report_too_large(c, node->span, "a nest of so many `capture`");
        return false;
    }
    struct variable *variable = find_variable(tpl, node->name);
    if (!variable) {
        variable = set_variable(tpl, node->name, (struct typed){.kind = TYPE_TEXT});
        variable->is_set = false;
    }
    uint32_t local = variable->local;
    tpl->captures[tpl->capture_count++] = local;
    tpl->all = &own;
    tpl->place = (struct html_place){0};
    emit(c, op_c(OP_CAPTURE, 0), 0, 1);
    bool is_dead = liquid_list(tpl, node->kids[CAPTURE_BODY], false);
    tpl->place = place;
    tpl->all = outer;
    c->phi_output = phi_output;
    tpl->capture_count--;
    if (is_dead) {
        c->code->depth--;
    } else {
        emit(c, op_c(OP_END_CAPTURE, tpl->is_html), 1, 1);
        emit(c, op_ab(OP_SET_LOCAL, local, 0), 1, 0);
    }
    struct typed text = typed_of(c, type_of_kind(c, TYPE_TEXT));
    text.is_known = true;
    text.is_phi = own.is_phi;
    set_variable(tpl, node->name, tpl->is_dynamic ? typed_kind(KIND_ANY) : text);
    forget_name(c, node->name);
    return is_dead;
}

bool liquid_list(struct tpl *tpl, struct node *list, bool drops_white)
{
    for (struct node *node = list; node; node = node->next) {
        bool is_blank = node->flags & FLAG_BLANK;
        switch ((int)node->kind) {
        case NODE_RAW:
            if (!(drops_white && is_blank))
                raw(tpl, node);
            break;
        case NODE_OUTPUT:
            output(tpl, node);
            break;
        case NODE_ASSIGN:
            assign(tpl, node);
            break;
        case NODE_CAPTURE:
            if (capture(tpl, node))
                return true;
            break;
        case NODE_CHOICE:
            if (liquid_choice(tpl, node))
                return true;
            break;
        case NODE_CASE:
            if (liquid_case(tpl, node))
                return true;
            break;
        case NODE_FOR:
            liquid_for(tpl, node);
            break;
        case NODE_PARTIAL:
            liquid_partial(tpl, node);
            break;
        case NODE_LEAVE:
            return liquid_leave(tpl, node);
        default:
            ensure(false);
        }
    }
    return false;
}

static bool begin_variable(void *context, struct node *node)
{
    struct tpl *tpl = context;
    if (node->kind == NODE_FOR && (node->flags & FLAG_CONTINUE)) {
        struct str name = arena_printf(tpl->c->arena, STR_FMT "-" STR_FMT, STR_ARG(node->name),
                                       STR_ARG(node->other));
        for (uint32_t i = 0; i < tpl->resume_count; i++)
            if (str_eq(tpl->resumes[i].name, name))
                return true;
        tpl->resumes = arena_grow(tpl->c->arena, tpl->resumes, tpl->resume_count, &tpl->resume_room,
                                  sizeof *tpl->resumes);
        tpl->resumes[tpl->resume_count++] = (struct resume){name, new_local(tpl->c)};
    }
    bool is_assigned = node->kind == NODE_ASSIGN || node->kind == NODE_CAPTURE;
    if (!is_assigned || !tpl->is_dynamic || find_variable(tpl, node->name))
        return true;
    struct variable *variable = set_variable(tpl, node->name, typed_kind(KIND_ANY));
    if (tpl->is_isolated)
        return true;
    uint32_t name = add_constant_value(tpl->c, value_text(node->name));
    emit(tpl->c, op_c(OP_GLOBAL, name), 0, 1);
    emit(tpl->c, op_ab(OP_SET_LOCAL, variable->local, 0), 1, 0);
    return true;
}

void liquid_begin(struct tpl *tpl, struct node *list)
{
    for (; list; list = list->next)
        ast_walk(list, begin_variable, tpl);
}

void liquid_end(struct tpl *tpl)
{
    jumps_come_here(tpl, &tpl->ends);
}
