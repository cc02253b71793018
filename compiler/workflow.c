/* workflow.c: steps to instructions (LANGUAGE.md 3). Blocks are scopes for names and for what is
 * shown known; flows are compiled in place, with the same slots each time, so that their messages
 * are compiled once. */
#include "compiler/phi.h"
#include "vm/code/accept.h"

uint32_t new_slot(struct compiler *c)
{
    uint32_t slot = c->slot_count++;
    if (c->slot_count > c->slot_most)
        c->slot_most = c->slot_count;
    return slot;
}

void check_hides(struct compiler *c, struct str name, struct span span)
{
    uint64_t *let = strmap_get(&c->lets, name);
    bool is_implied = str_eq(name, STR("reply")); /* the word: the nearest reply */
    if ((find_name(c, name) && !is_implied) || let) {
        struct diag *diag = report(c, DIAG_HIDES_NAME, span, STR_ARG(name));
        help(c, diag, "choose another name, as `my_" STR_FMT "`", STR_ARG(name));
        if (let)
            note(c, diag, ((struct node *)(uintptr_t)*let)->name_span, "the other one");
    }
}

void push_name_slot(struct compiler *c, struct str name, struct span span, uint32_t slot,
                    struct typed type)
{
    if (!name.at)
        return;
    check_hides(c, name, span);
    c->names = arena_grow(c->arena, c->names, c->name_count, &c->name_room, sizeof *c->names);
    uint64_t *top = strmap_put(&c->name_of, name, NULL);
    c->names[c->name_count++] = (struct name){name, NAME_SLOT, slot, type, span, (uint32_t)*top};
    *top = c->name_count;
}

void pop_names(struct compiler *c, uint32_t count)
{
    for (; c->name_count > count; c->name_count--) {
        const struct name *name = &c->names[c->name_count - 1];
        *strmap_put(&c->name_of, name->name, NULL) = name->shadowed;
    }
}

struct str unique_name(struct compiler *c, struct str name)
{
    bool is_new;
    struct str unique = name;
    uint64_t *count = strmap_get(&c->step_names, name);
    if (!count)
        count = strmap_put(&c->step_names, arena_str(c->arena, name), &is_new);
    if (++*count > 1) {
        /* name, a blank and the number, written from its end */
        char *text = arena_alloc(c->arena, name.len + 24), *end = text + name.len + 24, *at = end;
        for (uint64_t rest = *count; rest; rest /= 10)
            *--at = (char)('0' + rest % 10);
        memcpy(text, name.at, name.len);
        text[name.len] = ' ';
        memmove(text + name.len + 1, at, (size_t)(end - at));
        unique = (struct str){text, name.len + 1 + (size_t)(end - at)};
    }
    return unique;
}

void step_begin(struct compiler *c, struct node *step, uint32_t kind, struct str name,
                uint32_t message)
{
    uint32_t row = add_step(
        c, (struct image_step){intern(c, unique_name(c, name)), kind, c->step_depth, message});
    emit_line(c, step->span);
    emit(c, op_c(OP_STEP, row), 0, 0);
}

void compile_block(struct compiler *c, struct node *block)
{
    uint32_t names = c->name_count, facts = c->fact_count;
    c->step_depth++;
    for (struct node *step = block ? block->kids[BLOCK_STEPS] : NULL; step; step = step->next)
        compile_step(c, step);
    c->step_depth--;
    pop_names(c, names);
    c->fact_count = facts;
}

/* Does any way through the steps lead to a message? */
static bool has_message(const struct node *step)
{
    for (; step; step = step->next) {
        if (step->kind == NODE_EMAIL || step->kind == NODE_SMS || step->kind == NODE_WEBHOOK ||
            step->kind == NODE_DO)
            return true;
        bool holds_steps = step->kind == NODE_BLOCK || step->kind == NODE_IF ||
                           step->kind == NODE_MATCH || step->kind == NODE_SPLIT ||
                           step->kind == NODE_ARM || step->kind == NODE_SPLIT_ARM ||
                           step->kind == NODE_REPEAT || step->kind == NODE_WAIT_UNTIL ||
                           step->kind == NODE_WAIT_EVENT || step->kind == NODE_WAIT_REPLY;
        for (int kid = 0; holds_steps && kid < NODE_KID_ROOM; kid++)
            if (has_message(step->kids[kid]))
                return true;
    }
    return false;
}

static void if_step(struct compiler *c, struct node *step)
{
    bool leads = has_message(step->kids[IF_BODY]) || has_message(step->kids[IF_ELSE]);
    c->unknown_matters += leads;
    condition(c, step->kids[IF_CONDITION]);
    c->unknown_matters -= leads;
    uint32_t over = emit_jump(c, OP_JUMP_FALSE), facts = c->fact_count;
    learn(c, step->kids[IF_CONDITION], true);
    compile_block(c, step->kids[IF_BODY]);
    c->fact_count = facts;
    struct node *otherwise = step->kids[IF_ELSE];
    if (otherwise) {
        uint32_t end = emit_jump(c, OP_JUMP);
        patch(c, over);
        learn(c, step->kids[IF_CONDITION], false);
        if (otherwise->kind == NODE_IF)
            if_step(c, otherwise);
        else
            compile_block(c, otherwise);
        c->fact_count = facts;
        patch(c, end);
    } else {
        patch(c, over);
    }
    /* Where one way ends, the other has shown what it shows for all that follows. */
    if (block_ends(c, step->kids[IF_BODY]))
        learn(c, step->kids[IF_CONDITION], false);
    else if (otherwise && otherwise->kind == NODE_BLOCK && block_ends(c, otherwise))
        learn(c, step->kids[IF_CONDITION], true);
}

static void check_holes(struct compiler *c, struct node *step, struct typed type)
{
    struct node *value = step->kids[MATCH_VALUE];
    if (type.kind != TYPE_CHOICE) {
        if (type.kind != KIND_BAD) {
            struct diag *diag =
                report(c, DIAG_MATCH_WITHOUT_ELSE, value->span, kind_name(type.kind));
            help(c, diag, "add `else { … }`, or `else { }` when nothing is to happen");
        }
        return;
    }
    const struct image_type *row = &c->image->types[type.type];
    struct buf holes;
    uint32_t hits = 0, texts = 0;
    buf_init(&holes, 1024);
    for (struct node *arm = step->kids[MATCH_ARMS]; arm; arm = arm->next)
        for (struct node *v = arm->kids[ARM_VALUES]; v; v = v->next)
            texts += v->kind == NODE_TEXT;
    for (uint32_t i = 0; i < row->choices.count; i++) {
        struct str choice = text_of(c, c->image->choices[row->choices.first + i].value);
        bool is_covered = false;
        for (struct node *arm = step->kids[MATCH_ARMS]; arm; arm = arm->next)
            for (struct node *v = arm->kids[ARM_VALUES]; v; v = v->next)
                if (v->kind == NODE_TEXT && str_eq(v->name, choice)) {
                    is_covered = true;
                    hits++;
                }
        if (!is_covered)
            buf_printf(&holes, "%s`" STR_FMT "`", holes.len ? ", " : "", STR_ARG(choice));
    }
    /* A text that is none of the values is told by itself, and may be the one that is missing. */
    if (holes.len && hits == texts) {
        struct str text = arena_str(c->arena, buf_view(&holes));
        struct diag *diag = report(c, DIAG_MATCH_HOLE, value->span, text.at);
        help(c, diag, "add an arm for it, or `else { }`");
    }
    buf_free(&holes);
}

static void match_step(struct compiler *c, struct node *step)
{
    struct typed type = expression(c, step->kids[MATCH_VALUE]);
    uint32_t slot = new_slot(c), ends = 0;
    bool is_bad = false;
    struct node *otherwise = NULL;
    emit(c, op_c(OP_STORE, slot), 1, 0);
    phi_mark(c, step->kids[MATCH_VALUE], type);
    for (struct node *arm = step->kids[MATCH_ARMS]; arm; arm = arm->next) {
        uint32_t hits = 0, facts = c->fact_count;
        if (!arm->kids[ARM_VALUES]) {
            otherwise = otherwise ? otherwise : arm;
            continue;
        }
        for (struct node *v = arm->kids[ARM_VALUES]; v; v = v->next) {
            emit(c, op_c(OP_SLOT, slot), 0, 1);
            struct typed wanted = type.kind == KIND_BAD ? typed_kind(KIND_ANY) : type;
            is_bad |= expression_as(c, v, wanted).kind == KIND_BAD;
            emit(c, op_c(OP_EQ, 0), 2, 1);
            emit_jump_in(c, OP_JUMP_TRUE, &hits);
        }
        uint32_t over = emit_jump(c, OP_JUMP);
        patch_all(c, hits);
        learn(c, step->kids[MATCH_VALUE], true);
        compile_block(c, arm->kids[ARM_BODY]);
        c->fact_count = facts;
        emit_jump_in(c, OP_JUMP, &ends);
        patch(c, over);
    }
    if (otherwise)
        compile_block(c, otherwise->kids[ARM_BODY]);
    else if (!is_bad)
        check_holes(c, step, type);
    patch_all(c, ends);
}

static void report_second_name(struct compiler *c, const struct node *second,
                               const struct node *first, const char *what)
{
    struct diag *diag = report(c, DIAG_DUPLICATE, second->name_span, what, STR_ARG(second->name));
    note(c, diag, first->name_span, "first here");
    help(c, diag, "give one of them another name");
}

/* 4050 → 40.5 */
static struct str percent_text(struct compiler *c, uint32_t share)
{
    uint32_t whole = share / 100, part = share % 100;
    return part == 0        ? arena_printf(c->arena, "%u", whole)
           : part % 10 == 0 ? arena_printf(c->arena, "%u.%u", whole, part / 10)
                            : arena_printf(c->arena, "%u.%02u", whole, part);
}

static void split_step(struct compiler *c, struct node *step)
{
    struct image_arm *arms = NULL;
    struct strmap names;
    uint32_t count = 0, room = 0, ends = 0, sum = 0;
    uint32_t row = add_split(c, (struct image_split){.name = intern(c, step->name)});
    emit(c, op_c(OP_SPLIT, row), 0, 0);
    strmap_init(&names);
    for (struct node *arm = step->kids[SPLIT_ARMS]; arm; arm = arm->next) {
        bool is_new;
        uint64_t *before = strmap_put(&names, arm->name, &is_new);
        if (is_new)
            *before = (uint64_t)(uintptr_t)arm;
        else
            report_second_name(c, arm, (const struct node *)(uintptr_t)*before, "arm");
        arms = arena_grow(c->arena, arms, count, &room, sizeof *arms);
        arms[count] =
            (struct image_arm){intern(c, arm->name), (uint32_t)arm->number, c->code->count};
        sum += (uint32_t)arm->number;
        compile_block(c, arm->kids[SPLIT_ARM_BODY]);
        count++;
        emit_jump_in(c, OP_JUMP, &ends);
    }
    strmap_free(&names);
    patch_all(c, ends);
    if (sum != 10000) {
        struct str total = percent_text(c, sum),
                   rest = percent_text(c, sum < 10000 ? 10000 - sum : sum - 10000);
        struct diag *diag = report(c, DIAG_SPLIT_SUM, step->name_span, total.at);
        help(c, diag, STR_FMT "%% %s", STR_ARG(rest),
             sum < 10000 ? "are missing: give them to an arm"
                         : "are too many: take them from an arm");
    }
    c->image->splits[row].arms = (struct rows){c->image->arm_count, count};
    for (uint32_t i = 0; i < count; i++)
        add_arm(c, arms[i]);
}

static void repeat_step(struct compiler *c, struct node *step)
{
    uint32_t slot = new_slot(c), outer_breaks = c->breaks;
    bool was_in_repeat = c->is_in_repeat;
    if (step->number < 1 || step->number > 1000) {
        struct diag *diag = report(c, DIAG_TIMES, step->name_span, 1000);
        help(c, diag, "write a number from 1 to 1000");
        return;
    }
    emit(c, op_c(OP_PUSH_CONST, add_constant_value(c, value_int(step->number))), 0, 1);
    emit(c, op_c(OP_STORE, slot), 1, 0);
    uint32_t start = c->code->count;
    c->is_in_repeat = true;
    c->breaks = 0;
    compile_block(c, step->kids[REPEAT_BODY]);
    c->is_in_repeat = was_in_repeat;
    if (start > UINT16_MAX || slot > 255)
        report_too_large(c, step->name_span, "the workflow before this repeat");
    emit(c, op_ab(OP_LOOP, slot & 255, start & 0xffff), 0, 0);
    patch_all(c, c->breaks);
    c->breaks = outer_breaks;
}

uint32_t attribute_of(struct compiler *c, struct node *path)
{
    struct node *part = path->kids[PATH_PARTS];
    if (!str_eq(path->name, STR("patient")) || !part || part->next ||
        str_eq(part->name, STR("id"))) {
        struct str text = source_text(c, path->span);
        struct diag *diag = report(c, DIAG_UNKNOWN_NAME, path->span, "attribute", STR_ARG(text));
        help(c, diag, "an attribute is written `patient.name`");
        return IMAGE_NONE;
    }
    uint64_t *row = strmap_get(&c->attributes, part->name);
    if (!row) {
        struct diag *diag =
            report(c, DIAG_UNKNOWN_NAME, part->span, "attribute", STR_ARG(part->name));
        suggest(c, diag, part->name, &c->attributes);
        return IMAGE_NONE;
    }
    mark_used(c, "attribute", part->name);
    return (uint32_t)*row;
}

static void set_step(struct compiler *c, struct node *step)
{
    uint32_t row = attribute_of(c, step->kids[SET_PATH]);
    if (row == IMAGE_NONE)
        return;
    if (step->kind == NODE_CLEAR) {
        forget(c, step->kids[SET_PATH]);
        emit(c, op_c(OP_CLEAR, row), 0, 0);
        return;
    }
    struct typed type =
        expression_as(c, step->kids[SET_VALUE], typed_of(c, c->image->attributes[row].type));
    if (type.kind == KIND_JSON || type.kind == KIND_ANY)
        emit(c, op_c(OP_AS_ATTRIBUTE, row), 1, 1);
    emit(c, op_c(OP_SET, row), 1, 0);
    if (!type.is_known)
        forget(c, step->kids[SET_PATH]);
    if (type.is_phi && !c->image->attributes[row].is_phi) {
        struct str text = source_text(c, step->kids[SET_PATH]->span);
        struct diag *diag = report(c, DIAG_PHI_SET, step->kids[SET_VALUE]->span, STR_ARG(text));
        help(c, diag, "declare the attribute `phi`");
    }
}

static void let_step(struct compiler *c, struct node *step)
{
    struct typed type = expression(c, step->kids[LET_VALUE]);
    uint32_t slot = new_slot(c);
    emit(c, op_c(OP_STORE, slot), 1, 0);
    push_name_slot(c, step->name, step->name_span, slot, type);
}

static void emit_step(struct compiler *c, struct node *step)
{
    uint32_t event = event_of(c, step->name, step->name_span), fields[256], count = 0;
    struct node *record = step->kids[EMIT_RECORD];
    if (event == IMAGE_NONE)
        return;
    for (struct node *pair = record ? record->kids[RECORD_PAIRS] : NULL; pair && count < 256;
         pair = pair->next) {
        struct rows rows = c->image->events[event].fields;
        uint32_t field = IMAGE_NONE;
        for (uint32_t i = 0; i < rows.count; i++)
            if (str_eq(text_of(c, c->image->fields[rows.first + i].name), pair->name))
                field = rows.first + i;
        if (field == IMAGE_NONE) {
            unknown_field(c, pair->name, pair->name_span, "property", rows);
            continue;
        }
        struct typed type =
            expression_as(c, pair->kids[PAIR_VALUE], typed_of(c, c->image->fields[field].type));
        if (type.is_phi && !c->image->fields[field].is_phi) {
            struct diag *diag =
                report(c, DIAG_PHI_SET, pair->kids[PAIR_VALUE]->span, STR_ARG(pair->name));
            help(c, diag, "declare the property `phi`");
        }
        fields[count++] = field;
    }
    struct rows emitted = {c->image->emitted_count, count};
    for (uint32_t i = 0; i < count; i++)
        add_emitted(c, (struct image_emitted){fields[i]});
    emit(c, op_ab(OP_EMIT, 0, add_emit(c, (struct image_emit){event, emitted})), count, 0);
}

void check_manual(struct compiler *c, const struct node *step, uint32_t segment)
{
    if (c->image->segments[segment].condition == IMAGE_NONE)
        return;
    struct diag *diag = report(c, DIAG_SEGMENT_NOT_MANUAL, step->name_span, STR_ARG(step->name));
    help(c, diag, "people are added to a segment that is `manual`");
}

static void named_step(struct compiler *c, struct node *step, struct strmap *map, const char *what,
                       enum op op)
{
    uint64_t *row = strmap_get(map, step->name);
    if (row) {
        mark_used(c, what, step->name);
        emit(c, op_c(op, (uint32_t)*row), 0, 0);
        if (op == OP_SEGMENT_ADD || op == OP_SEGMENT_REMOVE)
            check_manual(c, step, (uint32_t)*row);
        return;
    }
    struct diag *diag = report(c, DIAG_UNKNOWN_NAME, step->name_span, what, STR_ARG(step->name));
    suggest(c, diag, step->name, map);
}

static struct span span_of_params(const struct node *flow)
{
    const struct node *param = flow->kids[FLOW_PARAMS];
    struct span span = param ? param->span : flow->name_span;
    if (!param)
        span.first = span.end;
    for (; param; param = param->next)
        span = span_join(span, param->span);
    return span;
}

static void do_step(struct compiler *c, struct node *step)
{
    uint64_t *known = strmap_get(&c->flows, step->name);
    if (!known) {
        struct diag *diag =
            report(c, DIAG_UNKNOWN_NAME, step->name_span, "flow", STR_ARG(step->name));
        suggest(c, diag, step->name, &c->flows);
        return;
    }
    mark_used(c, "flow", step->name);
    struct node *flow = (struct node *)(uintptr_t)*known, *param = flow->kids[FLOW_PARAMS];
    for (uint32_t i = 0; i < c->active_flow_count; i++)
        if (c->active_flows[i] == flow || c->active_flow_count == ARRAY_COUNT(c->active_flows)) {
            struct diag *diag =
                report(c, DIAG_FLOW_RECURSION, step->name_span, STR_ARG(step->name));
            c->is_flow_endless = true;
            help(c, diag, "to do steps several times, write `repeat up to 3 times { … }`");
            return;
        }
    uint64_t *base = map64_put(&c->flow_slots, flow->id, NULL);
    uint32_t outer_slots = c->slot_count;
    if (!*base)
        *base = c->slot_most + 1;
    uint32_t first = (uint32_t)*base - 1, given = 0, wanted = 0;
    for (struct node *p = param; p; p = p->next)
        wanted++;
    for (struct node *a = step->kids[DO_ARGUMENTS]; a; a = a->next)
        given++;
    struct typed *types = arena_array(c->arena, wanted, sizeof *types);
    ensure(types);
    if (given != wanted) {
        struct str form = source_text(c, span_of_params(flow));
        report_count(c, step, wanted, wanted, given,
                     arena_printf(c->arena, "(" STR_FMT ")", STR_ARG(form)).at);
        return;
    }
    uint32_t i = 0;
    for (struct node *a = step->kids[DO_ARGUMENTS]; a; a = a->next, param = param->next)
        types[i++] = expression_as(c, a, typed_of(c, type_row(c, param->kids[PARAM_TYPE])));
    while (i)
        emit(c, op_c(OP_STORE, first + --i), 1, 0);
    uint32_t base_before = c->name_base;
    struct typed trigger = c->trigger;
    bool was_in_repeat = c->is_in_repeat;
    c->name_base = c->name_count;
    c->trigger = typed_kind(KIND_BAD);
    c->is_in_repeat = false;
    c->slot_count = first;
    c->active_flows[c->active_flow_count++] = flow;
    for (struct node *p = flow->kids[FLOW_PARAMS]; p; p = p->next, i++) {
        struct typed type = typed_of(c, type_row(c, p->kids[PARAM_TYPE]));
        type.is_known = types[i].is_known || types[i].kind == KIND_BAD;
        type.is_phi = types[i].is_phi;
        push_name_slot(c, p->name, p->name_span, new_slot(c), type);
    }
    compile_block(c, flow->kids[FLOW_BODY]);
    c->active_flow_count--;
    pop_names(c, c->name_base);
    c->name_base = base_before;
    c->trigger = trigger;
    c->is_in_repeat = was_in_repeat;
    c->slot_count = outer_slots > c->slot_most ? outer_slots : c->slot_most;
}

void compile_flow_body(struct compiler *c, struct node *flow)
{
    c->active_flows[c->active_flow_count++] = flow;
    for (struct node *p = flow->kids[FLOW_PARAMS]; p; p = p->next) {
        struct typed type = typed_of(c, type_row(c, p->kids[PARAM_TYPE]));
        type.is_known = true;
        push_name_slot(c, p->name, p->name_span, new_slot(c), type);
    }
    compile_block(c, flow->kids[FLOW_BODY]);
    c->active_flow_count--;
}

void compile_step(struct compiler *c, struct node *step)
{
    static const struct {
        enum node_kind kind;
        uint32_t step;
    } kinds[] = {{NODE_WAIT, STEP_WAIT},
                 {NODE_WAIT_UNTIL, STEP_WAIT},
                 {NODE_WAIT_EVENT, STEP_WAIT},
                 {NODE_WAIT_REPLY, STEP_WAIT},
                 {NODE_IF, STEP_IF},
                 {NODE_MATCH, STEP_MATCH},
                 {NODE_SPLIT, STEP_SPLIT},
                 {NODE_REPEAT, STEP_REPEAT},
                 {NODE_BREAK, STEP_BREAK},
                 {NODE_SET, STEP_SET},
                 {NODE_CLEAR, STEP_CLEAR},
                 {NODE_LET, STEP_LET},
                 {NODE_EMIT, STEP_EMIT},
                 {NODE_ADD, STEP_ADD},
                 {NODE_REMOVE, STEP_REMOVE},
                 {NODE_SUBSCRIBE, STEP_SUBSCRIBE},
                 {NODE_UNSUBSCRIBE, STEP_UNSUBSCRIBE},
                 {NODE_DO, STEP_DO},
                 {NODE_EXIT, STEP_EXIT},
                 {NODE_EMAIL, STEP_EMAIL},
                 {NODE_SMS, STEP_SMS},
                 {NODE_WEBHOOK, STEP_WEBHOOK}};
    uint32_t kind = 0;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        if (kinds[i].kind == step->kind)
            kind = kinds[i].step;
    bool is_message =
        step->kind == NODE_EMAIL || step->kind == NODE_SMS || step->kind == NODE_WEBHOOK;
    if (step->kind == NODE_BAD)
        return;
    uint64_t *message = is_message ? strmap_get(&c->messages, step->name) : NULL;
    step_begin(c, step, kind, is_message ? step->name : str_of(node_word(step->kind)),
               message ? (uint32_t)*message : IMAGE_NONE);
    switch ((int)step->kind) {
    case NODE_EMAIL:
    case NODE_SMS:
        compile_message(c, step);
        break;
    case NODE_WEBHOOK:
        compile_webhook(c, step);
        break;
    case NODE_WAIT:
        compile_wait_duration(c, step);
        break;
    case NODE_WAIT_UNTIL:
        compile_wait_until(c, step);
        break;
    case NODE_WAIT_EVENT:
        compile_wait_event(c, step);
        break;
    case NODE_WAIT_REPLY:
        compile_wait_reply(c, step);
        break;
    case NODE_IF:
        if_step(c, step);
        break;
    case NODE_MATCH:
        match_step(c, step);
        break;
    case NODE_SPLIT:
        split_step(c, step);
        break;
    case NODE_REPEAT:
        repeat_step(c, step);
        break;
    case NODE_BREAK:
        if (!c->is_in_repeat)
            help(c, report(c, DIAG_BREAK_OUTSIDE, step->span), "to end the plan, write `exit`");
        else
            emit_jump_in(c, OP_JUMP, &c->breaks);
        break;
    case NODE_SET:
    case NODE_CLEAR:
        set_step(c, step);
        break;
    case NODE_LET:
        let_step(c, step);
        break;
    case NODE_EMIT:
        emit_step(c, step);
        break;
    case NODE_ADD:
        named_step(c, step, &c->segments, "segment", OP_SEGMENT_ADD);
        break;
    case NODE_REMOVE:
        named_step(c, step, &c->segments, "segment", OP_SEGMENT_REMOVE);
        break;
    case NODE_SUBSCRIBE:
        named_step(c, step, &c->topics, "topic", OP_SUBSCRIBE);
        break;
    case NODE_UNSUBSCRIBE:
        named_step(c, step, &c->topics, "topic", OP_UNSUBSCRIBE);
        break;
    case NODE_DO:
        do_step(c, step);
        break;
    case NODE_EXIT:
        emit(c,
             op_c(OP_EXIT, add_constant_value(c, value_text(step->name.at ? step->name : STR("")))),
             0, 0);
        break;
    default:
        break;
    }
}
