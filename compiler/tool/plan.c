/* plan.c: see plan.h. */
#include "compiler/tool/plan.h"

enum { PHRASE_SIGNS = 160, LABEL_SIGNS = 80 };

struct planner {
    const struct compilation *compilation;
    struct arena *arena;
    struct plans *plans;
    uint32_t next_row, end_row; /* of the image's steps, of the campaign at hand */
};

struct str plan_text(const struct compilation *compilation, struct arena *arena, struct span span,
                     size_t most)
{
    struct str text = source_at(&compilation->sources, span.file)->text;
    struct buf out;
    size_t signs = 0;
    bool was_blank = true, is_cut = false;
    buf_init(&out, 0);
    for (size_t i = span.first; i < span.end && i < text.len && !is_cut; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool is_blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
        bool begins_sign = (c & 0xc0) != 0x80;
        is_cut = begins_sign && signs >= most;
        if (!is_cut && !(is_blank && was_blank))
            buf_byte(&out, is_blank ? ' ' : c);
        signs += begins_sign && !(is_blank && was_blank);
        was_blank = is_blank;
    }
    if (is_cut)
        buf_c(&out, "…");
    struct str phrase = arena_str(arena, str_trim(buf_view(&out)));
    buf_free(&out);
    return phrase;
}

static struct str text_of(struct planner *p, const struct node *node)
{
    return node ? plan_text(p->compilation, p->arena, node->span, LABEL_SIGNS) : (struct str){0};
}

static struct plan_branch *add_branch(struct planner *p, struct plan_branch ***last,
                                      enum branch_form form, struct str label, struct span span,
                                      struct plan_step *first)
{
    struct plan_branch *branch = arena_alloc(p->arena, sizeof *branch);
    *branch = (struct plan_branch){.form = form,
                                   .label = label,
                                   .span = span,
                                   .first = first,
                                   .index = p->plans->branch_count++};
    **last = branch;
    *last = &branch->next;
    return branch;
}

static struct plan_step *plan_block(struct planner *p, const struct node *block);

static void branch_of(struct planner *p, struct plan_branch ***last, struct str label,
                      const struct node *block, const struct node *step)
{
    struct plan_step *first = plan_block(p, block);
    add_branch(p, last, block ? BRANCH_GIVEN : BRANCH_IMPLIED, label,
               block ? block->span : step->span, first);
}

static void plan_if(struct planner *p, const struct node *step, struct plan_branch ***last)
{
    const struct node *otherwise = step->kids[IF_ELSE];
    bool is_chain = otherwise && otherwise->kind == NODE_IF;
    branch_of(p, last, is_chain ? text_of(p, step->kids[IF_CONDITION]) : STR("yes"),
              step->kids[IF_BODY], step);
    for (; is_chain; is_chain = otherwise && otherwise->kind == NODE_IF) {
        step = otherwise;
        otherwise = step->kids[IF_ELSE];
        branch_of(p, last, text_of(p, step->kids[IF_CONDITION]), step->kids[IF_BODY], step);
        if (!otherwise || otherwise->kind != NODE_IF) {
            branch_of(p, last, STR("otherwise"), otherwise, step);
            return;
        }
    }
    branch_of(p, last, STR("no"), otherwise, step);
}

/* A wait with neither block has one way on. `has_other`: there is another way even if none is
 * written. */
static void plan_two_ways(struct planner *p, const struct node *step, const struct node *body,
                          const struct node *otherwise, struct str label, struct str other,
                          bool has_other, struct plan_branch ***last)
{
    if (!body && !otherwise)
        return;
    branch_of(p, last, label, body, step);
    if (otherwise || has_other)
        branch_of(p, last, other, otherwise, step);
}

/* A clock or a weekday always comes. */
static bool may_fail(const struct node *value)
{
    return value->kind != NODE_CLOCK && value->kind != NODE_WEEKDAY && value->kind != NODE_DATE;
}

static struct str join_values(struct planner *p, const struct node *value)
{
    struct buf out;
    buf_init(&out, 0);
    for (; value; value = value->next) {
        buf_str(&out, text_of(p, value));
        buf_c(&out, value->next ? ", " : "");
    }
    struct str joined = arena_str(p->arena, buf_view(&out));
    buf_free(&out);
    return joined;
}

static void plan_reply(struct planner *p, const struct node *step, struct plan_branch ***last)
{
    for (const struct node *arm = step->kids[WAIT_REPLY_ARMS]; arm; arm = arm->next)
        branch_of(p, last,
                  arm->kids[ARM_VALUES] ? join_values(p, arm->kids[ARM_VALUES])
                                        : STR("other words"),
                  arm->kids[ARM_BODY], step);
    branch_of(p, last, STR("no reply"), step->kids[WAIT_REPLY_ELSE], step);
}

static void plan_match(struct planner *p, const struct node *step, struct plan_branch ***last)
{
    const struct node *otherwise = NULL;
    for (const struct node *arm = step->kids[MATCH_ARMS]; arm; arm = arm->next)
        if (!arm->kids[ARM_VALUES])
            otherwise = arm;
        else
            branch_of(p, last, join_values(p, arm->kids[ARM_VALUES]), arm->kids[ARM_BODY], step);
    if (otherwise)
        branch_of(p, last, STR("otherwise"), otherwise->kids[ARM_BODY], step);
}

static void plan_split(struct planner *p, const struct node *step, struct plan_branch ***last)
{
    for (const struct node *arm = step->kids[SPLIT_ARMS]; arm; arm = arm->next) {
        uint32_t whole = (uint32_t)arm->number / 100, part = (uint32_t)arm->number % 100;
        struct str label =
            part ? arena_printf(p->arena, STR_FMT " %u.%02u%%", STR_ARG(arm->name), whole, part)
                 : arena_printf(p->arena, STR_FMT " %u%%", STR_ARG(arm->name), whole);
        branch_of(p, last, label, arm->kids[SPLIT_ARM_BODY], step);
    }
}

static const struct node *flow_of(struct planner *p, struct str name)
{
    for (const struct node *d = p->compilation->declarations; d; d = d->next)
        if (d->kind == NODE_FLOW && str_eq(d->name, name))
            return d;
    return NULL;
}

/* Up to where its first block begins, or to its end. */
static struct span head_of(const struct node *step)
{
    struct span span = step->span;
    const struct node *blocks[] = {step->kind == NODE_IF           ? step->kids[IF_BODY]
                                   : step->kind == NODE_WAIT_UNTIL ? step->kids[WAIT_UNTIL_BODY]
                                   : step->kind == NODE_WAIT_EVENT ? step->kids[WAIT_EVENT_BODY]
                                   : step->kind == NODE_REPEAT     ? step->kids[REPEAT_BODY]
                                                                   : NULL,
                                   step->kind == NODE_WAIT_UNTIL   ? step->kids[WAIT_UNTIL_ELSE]
                                   : step->kind == NODE_WAIT_EVENT ? step->kids[WAIT_EVENT_ELSE]
                                                                   : NULL};
    for (size_t i = 0; i < ARRAY_COUNT(blocks); i++)
        if (blocks[i] && blocks[i]->span.first < span.end)
            span.end = blocks[i]->span.first;
    return span;
}

static struct str phrase_of(struct planner *p, const struct node *step)
{
    struct str text;
    switch ((int)step->kind) {
    case NODE_EMAIL:
    case NODE_SMS:
    case NODE_WEBHOOK:
        return arena_printf(p->arena, "%s " STR_FMT, node_word(step->kind), STR_ARG(step->name));
    case NODE_MATCH:
        text = text_of(p, step->kids[MATCH_VALUE]);
        return arena_printf(p->arena, "match " STR_FMT, STR_ARG(text));
    case NODE_SPLIT:
        return arena_printf(p->arena, "split " STR_FMT, STR_ARG(step->name));
    case NODE_WAIT_REPLY:
        text = text_of(p, step->kids[WAIT_REPLY_UP_TO]);
        return arena_printf(p->arena, "wait for reply up to " STR_FMT, STR_ARG(text));
    case NODE_IF:
        if (step->kids[IF_ELSE] && step->kids[IF_ELSE]->kind == NODE_IF)
            return STR("if");
        break;
    default:
        break;
    }
    text = plan_text(p->compilation, p->arena, head_of(step), PHRASE_SIGNS);
    while (str_ends(text, STR("{")) || str_ends(text, STR(" else")))
        text = str_trim((struct str){text.at, text.len - (str_ends(text, STR("{")) ? 1 : 5)});
    return text;
}

static void plan_inside(struct planner *p, struct plan_step *step)
{
    const struct node *node = step->node;
    struct plan_branch **last = &step->branches;
    switch ((int)node->kind) {
    case NODE_IF:
        plan_if(p, node, &last);
        break;
    case NODE_WAIT_UNTIL:
        plan_two_ways(p, node, node->kids[WAIT_UNTIL_BODY], node->kids[WAIT_UNTIL_ELSE],
                      STR("then"), STR("else"), may_fail(node->kids[WAIT_UNTIL_VALUE]), &last);
        break;
    case NODE_WAIT_EVENT:
        plan_two_ways(p, node, node->kids[WAIT_EVENT_BODY], node->kids[WAIT_EVENT_ELSE],
                      STR("it came"), STR("it did not"), true, &last);
        break;
    case NODE_WAIT_REPLY:
        plan_reply(p, node, &last);
        break;
    case NODE_MATCH:
        plan_match(p, node, &last);
        break;
    case NODE_SPLIT:
        plan_split(p, node, &last);
        break;
    case NODE_REPEAT:
        step->body = plan_block(p, node->kids[REPEAT_BODY]);
        break;
    case NODE_DO: {
        const struct node *flow = flow_of(p, node->name);
        step->body = flow ? plan_block(p, flow->kids[FLOW_BODY]) : NULL;
        break;
    }
    default:
        break;
    }
}

static struct plan_step *plan_block(struct planner *p, const struct node *block)
{
    const struct image *image = &p->compilation->image;
    struct plan_step *first = NULL, **last = &first;
    for (const struct node *node = block ? block->kids[BLOCK_STEPS] : NULL; node;
         node = node->next) {
        ensure(p->next_row < p->end_row);
        struct plan_step *step = arena_alloc(p->arena, sizeof *step);
        *step = (struct plan_step){.node = node, .row = p->next_row++};
        step->name = image_text(image, image->steps[step->row].name);
        step->phrase = phrase_of(p, node);
        p->plans->steps[step->row] = step;
        *last = step;
        last = &step->next;
        plan_inside(p, step);
    }
    return first;
}

static void plan_exits(struct planner *p, struct plan *plan)
{
    uint32_t row = p->compilation->image.campaigns[plan->row].exits.first;
    struct plan_exit **last = &plan->exits;
    for (const struct node *s = plan->campaign->kids[CAMPAIGN_SETTINGS]; s; s = s->next) {
        if (s->kind != NODE_EXIT_RULE)
            continue;
        bool is_on_goal = !s->kids[EXIT_RULE_PATTERN] && !s->kids[EXIT_RULE_CONDITION];
        struct plan_exit *exit = arena_alloc(p->arena, sizeof *exit);
        *exit =
            (struct plan_exit){.span = s->span,
                               .phrase = plan_text(p->compilation, p->arena, s->span, PHRASE_SIGNS),
                               .row = is_on_goal ? IMAGE_NONE : row++};
        *last = exit;
        last = &exit->next;
    }
}

void plans_build(const struct compilation *compilation, struct arena *arena, struct plans *plans)
{
    const struct image *image = &compilation->image;
    struct planner p = {compilation, arena, plans, 0, 0};
    *plans = (struct plans){.count = image->campaign_count};
    plans->items = arena_array(arena, image->campaign_count + 1, sizeof *plans->items);
    plans->steps = arena_array(arena, image->step_count + 1, sizeof(void *));
    for (uint32_t i = 0; i < image->campaign_count; i++) {
        struct plan *plan = &plans->items[i];
        plan->row = i;
        for (const struct node *d = compilation->declarations; d; d = d->next)
            if (d->kind == NODE_CAMPAIGN &&
                str_eq(d->name, image_text(image, image->campaigns[i].name)))
                plan->campaign = d;
        ensure(plan->campaign);
        p.next_row = image->campaigns[i].steps.first;
        p.end_row = p.next_row + image->campaigns[i].steps.count;
        plan->first = plan_block(&p, plan->campaign->kids[CAMPAIGN_WORKFLOW]);
        plan_exits(&p, plan);
    }
}
