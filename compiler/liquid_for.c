/* liquid_for.c: loops of templates, leaving them, and templates within templates.
 *
 *         FOR loop                    FOR loop
 *         NEXT loop → else     or     again: NEXT loop → end
 *         JUMP body                   body … AGAIN loop, again
 *  again: NEXT loop → end             end:
 *   body: … AGAIN loop, again
 *    end: JUMP over; else: …; over:
 */
#include "compiler/liquid.h"
#include "grammar/parse.h"

static void emit_ab(struct tpl *tpl, enum op op, uint32_t a, uint32_t b, uint32_t pops,
                    uint32_t pushes)
{
    emit(tpl->c, op_ab(op, a, b), pops, pushes);
}

static uint32_t emit_next(struct tpl *tpl, uint32_t loop)
{
    emit_ab(tpl, OP_NEXT, loop, 0, 0, 0);
    return tpl->c->code->count - 1;
}

static void patch_next(struct tpl *tpl, uint32_t place)
{
    struct compiler *c = tpl->c;
    if (c->code->count > UINT16_MAX)
        report_too_large(c, c->phi_output, "the code of a template");
    c->code->words[place] =
        op_ab(OP_NEXT, op_a(c->code->words[place]), c->code->count & UINT16_MAX);
}

static void argument_or_unknown(struct tpl *tpl, struct node *value, bool *is_phi)
{
    struct compiler *c = tpl->c;
    if (!value) {
        emit(c, op_c(OP_PUSH_UNKNOWN, 0), 0, 1);
        return;
    }
    struct typed type = expression(c, value);
    *is_phi |= type.is_phi;
    if (type.kind != TYPE_INTEGER && type.kind != KIND_ANY && type.kind != KIND_JSON &&
        type.kind != KIND_BAD)
        report(c, DIAG_WRONG_TYPE, value->span, kind_name(type.kind), "an integer");
}

/* What a loop over it gives. */
static struct typed element_of(struct tpl *tpl, const struct node *node, struct typed over)
{
    struct compiler *c = tpl->c;
    struct typed element = typed_kind(KIND_ANY);
    if (over.kind == TYPE_LIST && over.type != IMAGE_NONE && over.type < c->image->type_count &&
        c->image->types[over.type].kind == TYPE_LIST)
        element = typed_of(c, c->image->types[over.type].of);
    else if (over.kind == KIND_RANGE)
        element = typed_of(c, type_of_kind(c, TYPE_INTEGER));
    else if (over.kind != TYPE_LIST && over.kind != KIND_ANY && over.kind != KIND_JSON &&
             over.kind != KIND_BAD)
        report(c, DIAG_WRONG_TYPE, node->span, kind_name(over.kind), "a list");
    element.is_known = true;
    element.is_phi = over.is_phi;
    return element;
}

static struct resume *resume_of(struct tpl *tpl, struct str name)
{
    for (uint32_t i = 0; i < tpl->resume_count; i++)
        if (str_eq(tpl->resumes[i].name, name))
            return &tpl->resumes[i];
    return NULL;
}

/* FOR with its five operands. */
static struct typed begin(struct tpl *tpl, struct node *node, struct loop_scope *scope,
                          bool *is_phi)
{
    struct compiler *c = tpl->c;
    struct str name =
        arena_printf(c->arena, STR_FMT "-" STR_FMT, STR_ARG(node->name), STR_ARG(node->other));
    struct resume *resume = resume_of(tpl, name);
    struct typed over = expression(c, node->kids[FOR_COLLECTION]);
    *is_phi = over.is_phi;
    if ((node->flags & FLAG_CONTINUE) && resume)
        emit_ab(tpl, OP_LOCAL, resume->local, 0, 0, 1);
    else
        argument_or_unknown(tpl, node->kids[FOR_OFFSET], is_phi);
    argument_or_unknown(tpl, node->kids[FOR_LIMIT], is_phi);
    emit(c, op_c(OP_PUSH_CONST, add_constant_value(c, value_text(name))), 0, 1);
    if (tpl->loop)
        emit_ab(tpl, OP_LOCAL, tpl->loop->loop, 0, 0, 1);
    else
        emit(c, op_c(OP_PUSH_UNKNOWN, 0), 0, 1);
    scope->loop = new_local(c);
    scope->item = new_local(c);
    emit_ab(tpl, OP_FOR, scope->loop, (node->flags & FLAG_REVERSED) != 0, 5, 0);
    if (resume) {
        emit_ab(tpl, OP_STOPPED, scope->loop, 0, 0, 1);
        emit_ab(tpl, OP_SET_LOCAL, resume->local, 0, 1, 0);
    }
    return element_of(tpl, node->kids[FOR_COLLECTION], over);
}

/* What the body does to variables, tried until nothing changes: a body that runs again begins with
 * what it left. */
static void try_body(struct tpl *tpl, struct node *body, struct loop_scope *scope, bool drops_white)
{
    struct compiler *c = tpl->c;
    struct typed all = *tpl->all, *outer_all = tpl->all;
    struct span phi_output = c->phi_output;
    struct html_place place = tpl->place;
    bool was_quiet = c->is_quiet, was_trial = tpl->is_trial;
    size_t shown = tpl->shown->len;
    c->is_quiet = tpl->is_trial = true;
    tpl->all = &all;
    for (int round = 0; round < 8; round++) {
        struct states before = states_of(tpl);
        struct code trial, *code = c->code;
        code_begin(c, &trial, CODE_TEMPLATE);
        trial.outer = NULL;
        trial.local_count = code->local_count;
        bool is_dead = liquid_list(tpl, body, drops_white);
        c->code = code;
        c->code->local_count = trial.local_count;
        scope->breaks.count = scope->continues.count = tpl->ends.count = 0;
        tpl->place = place;
        if (is_dead)
            states_restore(tpl, before);
        else if (!states_join(tpl, &before))
            break;
        if (is_dead)
            break;
    }
    tpl->all = outer_all;
    c->phi_output = phi_output;
    c->is_quiet = was_quiet;
    tpl->is_trial = was_trial;
    tpl->shown->len = shown;
}

/* The body, and back; the loop's NEXT stands at `again`. */
static void body(struct tpl *tpl, struct node *node, struct loop_scope *scope, uint32_t again)
{
    struct compiler *c = tpl->c;
    struct states before = states_of(tpl);
    emit_ab(tpl, OP_ITEM, scope->loop, 0, 0, 1);
    emit_ab(tpl, OP_SET_LOCAL, scope->item, 0, 1, 0);
    bool is_dead = liquid_list(tpl, node->kids[FOR_BODY], node->flags & FLAG_BLANK);
    if (is_dead)
        states_restore(tpl, before);
    else
        states_join(tpl, &before);
    jumps_come_here(tpl, &scope->continues);
    if (!is_dead || scope->continues.count)
        emit_ab(tpl, OP_AGAIN, scope->loop, again & UINT16_MAX, 0, 0);
    if (c->code->count > UINT16_MAX)
        report_too_large(c, node->name_span, "the code of a template");
}

void liquid_for(struct tpl *tpl, struct node *node)
{
    struct compiler *c = tpl->c;
    struct loop_scope scope = {
        .outer = tpl->loop, .name = node->name, .capture_count = tpl->capture_count};
    uint32_t phi = tpl->phi_depth, first = 0, to_body = 0, again, leave, facts = c->fact_count;
    struct node *otherwise = node->kids[FOR_ELSE];
    bool is_phi = false;
    if (!tpl->is_dynamic && tpl->loop_depth == TEMPLATE_MAX_LOOPS) {
        report_too_large(c, node->name_span, "a nest of so many `for`");
        return;
    }
    if (!tpl->is_dynamic && (node->flags & FLAG_ODD))
        report(c, DIAG_TEMPLATE_SYNTAX, node->span,
               "`reversed` stands before `limit` and `offset`");
    emit_line(c, node->span);
    scope.type = begin(tpl, node, &scope, &is_phi);
    if (is_phi && !tpl->phi_depth++)
        tpl->phi_span = node->kids[FOR_COLLECTION]->span;
    tpl->loop = &scope;
    tpl->loop_depth++;
    if (!tpl->is_dynamic)
        try_body(tpl, node->kids[FOR_BODY], &scope, node->flags & FLAG_BLANK);
    if (scope.is_phi)
        tpl->phi_depth++;
    if (otherwise) {
        first = emit_next(tpl, scope.loop);
        to_body = emit_jump(c, OP_JUMP);
    }
    again = c->code->count;
    leave = emit_next(tpl, scope.loop);
    if (otherwise)
        patch(c, to_body);
    body(tpl, node, &scope, again);
    tpl->loop = scope.outer;
    tpl->loop_depth--;
    c->fact_count = facts;
    patch_next(tpl, leave);
    jumps_come_here(tpl, &scope.breaks);
    if (otherwise) {
        struct states before = states_of(tpl);
        uint32_t over = emit_jump(c, OP_JUMP);
        patch_next(tpl, first);
        bool is_dead = liquid_list(tpl, otherwise, node->flags & FLAG_BLANK);
        if (is_dead)
            states_restore(tpl, before);
        else
            states_join(tpl, &before);
        patch(c, over);
    }
    tpl->phi_depth = phi;
}

bool liquid_leave(struct tpl *tpl, struct node *node)
{
    struct compiler *c = tpl->c;
    struct loop_scope *loop = tpl->loop;
    bool is_continue = node->flags & FLAG_CONTINUE;
    uint32_t depth = c->code->depth;
    if (!loop && !tpl->is_dynamic)
        report(c, DIAG_TEMPLATE_SYNTAX, node->span, "it stands in no `for`");
    if (loop && tpl->phi_depth)
        loop->is_phi = true;
    for (uint32_t i = tpl->capture_count; i > (loop ? loop->capture_count : 0); i--) {
        emit(c, op_c(OP_END_CAPTURE, tpl->is_html), 1, 1);
        emit_ab(tpl, OP_SET_LOCAL, tpl->captures[i - 1], 0, 1, 0);
    }
    jump_to_come(tpl, !loop ? &tpl->ends : is_continue ? &loop->continues : &loop->breaks);
    c->code->depth = depth;
    return true;
}

/* ---- templates in templates ---- */

static struct str beside(struct compiler *c, uint32_t file, struct str name, const char *ending)
{
    struct str path = source_at(&c->out->sources, file)->path;
    size_t slash = path.len;
    while (slash && path.at[slash - 1] != '/')
        slash--;
    return arena_printf(c->arena, "%.*s" STR_FMT "%s", (int)slash, path.at, STR_ARG(name), ending);
}

/* The file `name` or `name.liquid` beside the template; UINT32_MAX with *error. */
static uint32_t find_partial(struct tpl *tpl, struct str name, const char **error)
{
    struct compiler *c = tpl->c;
    if (name.len && (name.at[0] == '/' || str_find(name, STR("..")) != SIZE_MAX)) {
        *error = "a template stands beside or below the one that renders it";
        return UINT32_MAX;
    }
    uint32_t file = source_load(&c->out->sources, beside(c, tpl->file, name, ".liquid"), error);
    return *error ? (*error = NULL,
                     source_load(&c->out->sources, beside(c, tpl->file, name, ""), error))
                  : file;
}

struct parameter {
    struct str name;
    struct typed type;
};

struct partial { /* its code is still to be made, at this row */
    struct partial *next;
    uint32_t file, row;
    const struct node *template;
    struct parameter *parameters;
    uint32_t count;
};

/* The partial's code, in the code that is open. */
static void compile_partial(struct tpl *tpl, const struct node *template,
                            const struct parameter *parameters, uint32_t count)
{
    struct compiler *c = tpl->c;
    c->tpl = tpl;
    for (uint32_t i = 0; i < count; i++)
        set_variable(tpl, parameters[i].name, parameters[i].type);
    liquid_begin(tpl, template->kids[TEMPLATE_PARTS]);
    if (!liquid_list(tpl, template->kids[TEMPLATE_PARTS], false) || tpl->ends.count) {
        liquid_end(tpl);
        emit(c, op_c(OP_DONE, 0), 0, 0);
    }
    c->tpl = tpl->outer;
}

/* The row that its code will have. */
static uint32_t put_off(struct tpl *tpl, struct partial given)
{
    struct compiler *c = tpl->c;
    struct partial *partial = arena_alloc(c->arena, sizeof *partial);
    *partial = given;
    partial->parameters = arena_array(c->arena, given.count + 1, sizeof *given.parameters);
    for (uint32_t i = 0; i < given.count; i++)
        partial->parameters[i] = given.parameters[i];
    partial->row = code_keep(c);
    *tpl->put_off->end = partial;
    tpl->put_off->end = &partial->next;
    return partial->row;
}

void liquid_put_off(struct tpl *root)
{
    struct compiler *c = root->c;
    for (struct partial *partial = root->put_off->first; partial; partial = partial->next) {
        struct code code;
        struct tpl tpl = {.c = c,
                          .file = partial->file,
                          .is_html = root->is_html,
                          .is_dynamic = true,
                          .is_isolated = true,
                          .put_off = root->put_off,
                          .all = root->all,
                          .shown = root->shown};
        code_begin(c, &code, CODE_TEMPLATE);
        compile_partial(&tpl, partial->template, partial->parameters, partial->count);
        code_end_at(c, partial->row);
    }
}

/* The code of a partial with these parameters. In `camp render` each is compiled once, and may
 * render itself: its row is kept for it, and its code is made when all before it are. */
static uint32_t partial_code(struct tpl *outer, const struct node *node, uint32_t file,
                             struct parameter *parameters, uint32_t count)
{
    struct compiler *c = outer->c;
    struct buf key;
    buf_init(&key, 1 << 16);
    buf_printf(&key, "partial %u", file);
    for (uint32_t i = 0; i < count; i++)
        buf_printf(&key, " " STR_FMT, STR_ARG(parameters[i].name));
    struct str name = arena_str(c->arena, buf_view(&key));
    buf_free(&key);
    uint64_t *known = outer->is_dynamic ? strmap_get(&c->used, name) : NULL;
    if (known)
        return (uint32_t)*known;
    uint32_t depth = 0;
    for (struct tpl *tpl = outer; tpl; tpl = tpl->outer, depth++)
        if (tpl->file == file && !outer->is_dynamic) {
            struct diag *diag = report(c, DIAG_TEMPLATE_SYNTAX, node->span, "it renders itself");
            help(c, diag, "let it go over a list with `{%% for %%}`");
            return IMAGE_NONE;
        }
    if (depth == TEMPLATE_MAX_PARTIALS && !outer->is_dynamic) {
        report_too_large(c, node->span, "a nest of so many templates");
        return IMAGE_NONE;
    }
    uint32_t before = c->diags->error_count;
    struct node *template =
        liquid_parse(&c->out->ast, c->diags, source_at(&c->out->sources, file)->text,
                     (struct template_origin){file, 0, false});
    if (c->diags->error_count != before)
        return IMAGE_NONE;
    if (outer->is_dynamic) {
        uint32_t row = put_off(outer, (struct partial){NULL, file, 0, template, parameters, count});
        *strmap_put(&c->used, name, NULL) = row;
        return row;
    }
    struct code code;
    struct tpl tpl = {.outer = outer,
                      .c = c,
                      .file = file,
                      .is_html = outer->is_html,
                      .is_isolated = true,
                      .all = outer->all,
                      .shown = outer->shown,
                      .phi_depth = outer->phi_depth,
                      .phi_span = outer->phi_span,
                      .place = outer->place};
    code_begin(c, &code, CODE_TEMPLATE);
    compile_partial(&tpl, template, parameters, count);
    return code_end(c);
}

static void add_parameter(struct parameter *parameters, uint32_t *count, struct str name,
                          struct typed type)
{
    parameters[(*count)++] = (struct parameter){name, type};
}

/* The arguments on the stack, then RENDER. A name given twice counts as it was given last. */
static void emit_render(struct tpl *tpl, struct node *node, uint32_t file, struct typed value,
                        uint32_t value_local, uint32_t loop_local)
{
    enum { ROOM = 64 };
    struct compiler *c = tpl->c;
    struct parameter parameters[ROOM];
    uint32_t count = 0;
    if (loop_local != IMAGE_NONE) {
        emit_ab(tpl, OP_LOCAL, loop_local, 0, 0, 1);
        add_parameter(parameters, &count, STR("forloop"), typed_kind(KIND_LOOP));
    }
    for (struct node *pair = node->kids[PARTIAL_ARGUMENTS]; pair && count < ROOM - 2;
         pair = pair->next) {
        bool is_last = !(node->kids[PARTIAL_VALUE] && str_eq(pair->name, node->other));
        for (struct node *other = pair->next; other; other = other->next)
            is_last &= !str_eq(other->name, pair->name);
        if (is_last)
            add_parameter(parameters, &count, pair->name, expression(c, pair->kids[PAIR_VALUE]));
    }
    if (node->kids[PARTIAL_VALUE]) {
        emit_ab(tpl, OP_LOCAL, value_local, 0, 0, 1);
        add_parameter(parameters, &count, node->other, value);
    }
    uint32_t code = partial_code(tpl, node, file, parameters, count);
    if (code == IMAGE_NONE || code > UINT16_MAX) {
        for (uint32_t i = 0; i < count; i++)
            emit(c, op_c(OP_POP, 0), 1, 0);
        return;
    }
    emit_line(c, node->span);
    emit_ab(tpl, OP_RENDER, count, code, count, 0);
}

/* For each item, when it is something with items. */
static void render_each(struct tpl *tpl, struct node *node, uint32_t file, struct typed over,
                        uint32_t local)
{
    struct compiler *c = tpl->c;
    uint32_t loop = new_local(c), item = new_local(c);
    struct typed element = element_of(tpl, node->kids[PARTIAL_VALUE], over);
    emit_ab(tpl, OP_LOCAL, local, 0, 0, 1);
    emit(c, op_c(tpl->is_dynamic ? OP_HAS_ITEMS : OP_IS_KNOWN, 0), 1, 1);
    uint32_t single = emit_jump(c, OP_JUMP_FALSE);
    emit_ab(tpl, OP_LOCAL, local, 0, 0, 1);
    emit(c, op_c(OP_PUSH_UNKNOWN, 0), 0, 1);
    emit(c, op_c(OP_PUSH_UNKNOWN, 0), 0, 1);
    emit(c, op_c(OP_PUSH_CONST, add_constant_value(c, value_text(node->name))), 0, 1);
    emit(c, op_c(OP_PUSH_UNKNOWN, 0), 0, 1);
    emit_ab(tpl, OP_FOR, loop, 0, 5, 0);
    uint32_t again = c->code->count, leave = emit_next(tpl, loop);
    emit_ab(tpl, OP_ITEM, loop, 0, 0, 1);
    emit_ab(tpl, OP_SET_LOCAL, item, 0, 1, 0);
    emit_render(tpl, node, file, element, item, loop);
    emit_ab(tpl, OP_AGAIN, loop, again & UINT16_MAX, 0, 0);
    patch_next(tpl, leave);
    uint32_t over_single = tpl->is_dynamic ? emit_jump(c, OP_JUMP) : 0;
    patch(c, single);
    if (tpl->is_dynamic) {
        emit_render(tpl, node, file, over, local, IMAGE_NONE);
        patch(c, over_single);
    }
}

void liquid_partial(struct tpl *tpl, struct node *node)
{
    struct compiler *c = tpl->c;
    struct node *value = node->kids[PARTIAL_VALUE];
    const char *error = NULL;
    uint32_t local = 0, file = find_partial(tpl, node->name, &error), phi = tpl->phi_depth;
    struct typed type = typed_kind(KIND_ANY);
    if (tpl->is_trial)
        return;
    emit_line(c, node->span);
    if (error) {
        help(c, report(c, DIAG_CANNOT_READ, node->name_span, STR_ARG(node->name), error),
             "`{%% render 'x' %%}` reads `x` or `x.liquid` beside this template");
        return;
    }
    if (value) {
        type = expression(c, value);
        local = new_local(c);
        emit_ab(tpl, OP_SET_LOCAL, local, 0, 1, 0);
    }
    if (!(node->flags & FLAG_EACH)) {
        emit_render(tpl, node, file, type, local, IMAGE_NONE);
        return;
    }
    if (type.is_phi && !tpl->phi_depth++)
        tpl->phi_span = value->span;
    render_each(tpl, node, file, type, local);
    tpl->phi_depth = phi;
}
