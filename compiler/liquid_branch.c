/* liquid_branch.c: if, unless and case of templates, and what is known of variables where ways
 * meet. What stands in a branch that phi decides tells of it, and so do variables that it sets. */
#include "compiler/liquid.h"

struct states states_of(struct tpl *tpl)
{
    struct arena *arena = tpl->c->arena;
    struct states states = {arena_array(arena, tpl->variable_count + 1, sizeof *states.types),
                            arena_alloc(arena, tpl->variable_count + 1), tpl->variable_count};
    for (uint32_t i = 0; i < states.count; i++) {
        states.types[i] = tpl->variables[i].type;
        states.are_set[i] = tpl->variables[i].is_set;
    }
    return states;
}

void states_restore(struct tpl *tpl, struct states states)
{
    for (uint32_t i = 0; i < tpl->variable_count; i++) {
        tpl->variables[i].is_set = i < states.count && states.are_set[i];
        if (i < states.count)
            tpl->variables[i].type = states.types[i];
    }
}

static bool is_same(struct typed a, struct typed b)
{
    return a.kind == b.kind && a.type == b.type && a.row == b.row && a.is_known == b.is_known &&
           a.is_phi == b.is_phi;
}

static bool is_numeric(uint32_t kind)
{
    return kind == TYPE_INTEGER || kind == TYPE_NUMBER;
}

static struct typed join(struct compiler *c, struct typed a, struct typed b)
{
    struct typed both = a;
    if (a.kind == KIND_BAD || b.kind == KIND_BAD)
        both = (struct typed){.kind = KIND_BAD};
    else if (is_numeric(a.kind) && is_numeric(b.kind) && a.kind != b.kind)
        both = typed_of(c, type_of_kind(c, TYPE_NUMBER));
    else if (a.kind != b.kind || a.type != b.type || a.row != b.row)
        both.kind = KIND_ANY;
    both.is_known = a.is_known && b.is_known;
    both.is_phi = a.is_phi || b.is_phi;
    return both;
}

bool states_join(struct tpl *tpl, struct states *states)
{
    bool has_changed = false;
    for (uint32_t i = 0; i < tpl->variable_count; i++) {
        struct variable *v = &tpl->variables[i];
        bool was_set = i < states->count && states->are_set[i];
        struct typed before = i < states->count ? states->types[i] : v->type;
        struct typed both = was_set && v->is_set ? join(tpl->c, v->type, before)
                            : was_set            ? before
                                                 : v->type;
        both.is_known &= was_set == v->is_set;
        both.is_phi |= before.is_phi || v->type.is_phi;
        v->is_set |= was_set;
        v->type = both;
        has_changed |= v->is_set && (!was_set || !is_same(before, both));
    }
    *states = states_of(tpl);
    return has_changed;
}

static void enter_phi(struct tpl *tpl, struct span span)
{
    if (!tpl->phi_depth++)
        tpl->phi_span = span;
}

/* Under the test on the stack; the ways that leave the branch alive are joined in *joined. */
struct ways {
    struct states before, joined;
    struct place_list ends;
    uint32_t live_count;
    struct html_place place;
};

static void ways_begin(struct tpl *tpl, struct ways *ways)
{
    *ways = (struct ways){.before = states_of(tpl), .place = tpl->place};
}

/* The way is at its end; before the next one begins. */
static void way_end(struct tpl *tpl, struct ways *ways, bool is_dead, bool is_last)
{
    if (!is_dead) {
        if (ways->live_count++)
            states_join(tpl, &ways->joined);
        else
            ways->joined = states_of(tpl);
        if (!is_last)
            jump_to_come(tpl, &ways->ends);
    }
    states_restore(tpl, ways->before);
    if (!is_last)
        tpl->place = ways->place;
}

/* True: no way leads on. */
static bool ways_meet(struct tpl *tpl, struct ways *ways)
{
    jumps_come_here(tpl, &ways->ends);
    if (ways->live_count)
        states_restore(tpl, ways->joined);
    return !ways->live_count;
}

bool liquid_choice(struct tpl *tpl, struct node *node)
{
    struct compiler *c = tpl->c;
    bool drops_white = node->flags & FLAG_BLANK, has_else = false;
    uint32_t facts_outside = c->fact_count, phi_before = tpl->phi_depth;
    struct ways ways;
    ways_begin(tpl, &ways);
    for (struct node *branch = node->kids[CHOICE_BRANCHES]; branch && !has_else;
         branch = branch->next) {
        struct node *condition = branch->kids[BRANCH_CONDITION];
        bool is_unless =
            condition && branch == node->kids[CHOICE_BRANCHES] && (node->flags & FLAG_NOT);
        uint32_t facts_before = c->fact_count, over = 0;
        has_else = !condition;
        if (condition) {
            emit_line(c, condition->span);
            struct typed type = liquid_condition(tpl, condition);
            if (type.is_phi)
                enter_phi(tpl, condition->span);
            over = emit_jump(c, is_unless ? OP_JUMP_TRUE : OP_JUMP_FALSE);
            if (is_unless)
                learn(c, condition, false);
            else
                learn(c, condition, true);
        }
        bool is_dead = liquid_list(tpl, branch->kids[BRANCH_BODY], drops_white);
        c->fact_count = facts_before;
        way_end(tpl, &ways, is_dead, has_else);
        if (condition) {
            patch(c, over);
            if (is_unless)
                learn(c, condition, true);
            else
                learn(c, condition, false);
        }
    }
    c->fact_count = facts_outside;
    if (!has_else)
        way_end(tpl, &ways, false, true);
    tpl->phi_depth = phi_before;
    return ways_meet(tpl, &ways);
}

/* Literals that differ: at most one of them is equal to the subject. */
static bool are_distinct(const struct node *values)
{
    for (const struct node *a = values; a; a = a->next) {
        if (a->kind != NODE_TEXT && a->kind != NODE_INTEGER)
            return !a->next && a == values;
        for (const struct node *b = values; b != a; b = b->next)
            if (a->kind == b->kind && str_eq(a->name, b->name) && a->number == b->number)
                return false;
    }
    return true;
}

/* Subject and value compared; a bool on the stack. */
static void compare_value(struct tpl *tpl, uint32_t local, struct typed subject, struct node *value,
                          bool *is_phi)
{
    struct compiler *c = tpl->c;
    bool is_empty = value->kind == NODE_EMPTY, is_nil = value->kind == NODE_NIL;
    emit(c, op_ab(OP_LOCAL, local, 0), 0, 1);
    if (is_empty || is_nil || tpl->is_dynamic) {
        struct typed type = expression(c, value);
        uint32_t relation = !is_empty       ? RELATION_EQ
                            : value->number ? RELATION_BLANK
                                            : RELATION_EMPTY;
        emit(c, op_c(OP_RELATE, relation), 2, 1);
        *is_phi |= type.is_phi;
        return;
    }
    bool is_literal = value->kind == NODE_TEXT && subject.kind != KIND_BAD;
    struct typed type = expression_as(c, value, is_literal ? subject : typed_kind(KIND_ANY));
    emit(c, op_c(OP_EQ, 0), 2, 1);
    *is_phi |= type.is_phi;
}

struct case_of {
    struct tpl *tpl;
    struct ways ways;
    struct node *subject_node;
    struct typed subject;
    uint32_t subject_local, matched_local;
    struct place_list ends;
    bool has_else, drops_white, is_exclusive; /* is_exclusive: at most one branch runs */
};

/* Literals that differ, and `else` behind them. */
static bool are_branches_exclusive(const struct node *branches)
{
    for (const struct node *a = branches; a; a = a->next) {
        if ((!a->kids[WHEN_VALUES] && a->next) || (a->flags & FLAG_ODD))
            return false;
        for (const struct node *x = a->kids[WHEN_VALUES]; x; x = x->next) {
            if (x->kind != NODE_TEXT && x->kind != NODE_INTEGER)
                return false;
            for (const struct node *b = branches; b; b = b->next)
                for (const struct node *y = b->kids[WHEN_VALUES]; y && y != x; y = y->next)
                    if (x->kind == y->kind && str_eq(x->name, y->name) && x->number == y->number)
                        return false;
        }
    }
    return true;
}

static void mark_matched(struct case_of *of)
{
    struct compiler *c = of->tpl->c;
    if (!of->has_else || of->is_exclusive)
        return;
    emit(c, op_c(OP_PUSH_TRUE, 0), 0, 1);
    emit(c, op_ab(OP_SET_LOCAL, of->matched_local, 0), 1, 0);
}

/* A body that may or may not run; what comes behind it is always reached. */
static void case_body(struct case_of *of, struct node *body, bool is_phi, bool shows_known)
{
    struct tpl *tpl = of->tpl;
    struct compiler *c = tpl->c;
    struct states before = states_of(tpl);
    struct html_place place = tpl->place;
    uint32_t facts = c->fact_count, phi = tpl->phi_depth;
    if (is_phi)
        enter_phi(tpl, of->subject_node->span);
    if (shows_known)
        learn(c, of->subject_node, true);
    bool is_dead = liquid_list(tpl, body, of->drops_white);
    c->fact_count = facts;
    tpl->phi_depth = phi;
    tpl->place = place;
    if (!is_dead && of->is_exclusive)
        jump_to_come(tpl, &of->ends);
    if (is_dead)
        states_restore(tpl, before);
    else
        states_join(tpl, &before);
}

static void case_when(struct case_of *of, struct node *when)
{
    struct tpl *tpl = of->tpl;
    struct compiler *c = tpl->c;
    struct node *values = when->kids[WHEN_VALUES];
    bool is_phi = of->subject.is_phi, is_once = are_distinct(values);
    struct place_list bodies = {0};
    if (when->flags & FLAG_ODD) {
        if (tpl->is_dynamic) {
            static const char what[] = "a `when` takes values with commas or `or` between them";
            emit(c, op_ab(OP_LOCAL, of->subject_local, 0), 0, 1);
            emit(c, op_c(OP_REQUIRE, add_constant_value(c, value_text(STR(what)))), 1, 0);
        } else {
            report(c, DIAG_TEMPLATE_SYNTAX, when->name_span,
                   "a `when` takes values with commas or `or` between them");
        }
    }
    for (struct node *value = values; value; value = value->next) {
        bool is_empty = value->kind == NODE_EMPTY || value->kind == NODE_NIL;
        compare_value(tpl, of->subject_local, of->subject, value, &is_phi);
        if (is_once && value->next) {
            bodies.places =
                arena_grow(c->arena, bodies.places, bodies.count, &bodies.room, sizeof(uint32_t));
            bodies.places[bodies.count++] = emit_jump(c, OP_JUMP_TRUE);
            continue;
        }
        uint32_t over = emit_jump(c, OP_JUMP_FALSE);
        jumps_come_here(tpl, &bodies);
        mark_matched(of);
        case_body(of, when->kids[WHEN_BODY], is_phi, !is_empty);
        patch(c, over);
    }
}

bool liquid_case(struct tpl *tpl, struct node *node)
{
    struct compiler *c = tpl->c;
    struct case_of of = {.tpl = tpl,
                         .subject_node = node->kids[CASE_VALUE],
                         .drops_white = node->flags & FLAG_BLANK};
    emit_line(c, node->span);
    of.subject = expression(c, node->kids[CASE_VALUE]);
    of.subject_local = new_local(c);
    emit(c, op_ab(OP_SET_LOCAL, of.subject_local, 0), 1, 0);
    for (struct node *when = node->kids[CASE_BRANCHES]; when; when = when->next)
        of.has_else |= !when->kids[WHEN_VALUES];
    of.is_exclusive = are_branches_exclusive(node->kids[CASE_BRANCHES]);
    if (of.has_else && !of.is_exclusive) {
        of.matched_local = new_local(c);
        emit(c, op_c(OP_PUSH_FALSE, 0), 0, 1);
        emit(c, op_ab(OP_SET_LOCAL, of.matched_local, 0), 1, 0);
    }
    for (struct node *when = node->kids[CASE_BRANCHES]; when; when = when->next) {
        emit_line(c, when->span);
        if (when->kids[WHEN_VALUES]) {
            case_when(&of, when);
            continue;
        }
        uint32_t over = 0;
        if (!of.is_exclusive) {
            emit(c, op_ab(OP_LOCAL, of.matched_local, 0), 0, 1);
            over = emit_jump(c, OP_JUMP_TRUE);
        }
        case_body(&of, when->kids[WHEN_BODY], of.subject.is_phi, false);
        if (over)
            patch(c, over);
    }
    jumps_come_here(tpl, &of.ends);
    return false;
}
