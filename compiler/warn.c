/* warn.c: what is allowed and hardly meant (LANGUAGE.md 6, warnings): steps that cannot be reached,
 * conditions that settle themselves, goals that come too early, answers to drafts, what nothing
 * uses. Runs over a project without errors. */
#include "compiler/warn.h"

#include "compiler/internal.h"

enum { MOST_FLOWS = 32 }; /* one in the other */

/* ---- steps that cannot be reached --------------------------------------------------------------
 */

static bool arms_end(struct compiler *c, const struct node *arms, int body, bool is_whole)
{
    for (const struct node *arm = arms; arm; arm = arm->next) {
        is_whole |= arm->kind == NODE_ARM && !arm->kids[ARM_VALUES];
        if (!block_ends(c, arm->kids[body]))
            return false;
    }
    return arms && is_whole;
}

/* Does a `break`, to which a way leads, leave the repeat around it? */
static bool has_break(struct compiler *c, const struct node *step)
{
    for (; step; step = step->next) {
        if (step->kind == NODE_BREAK)
            return true;
        for (int kid = 0; kid < NODE_KID_ROOM && step->kind != NODE_REPEAT; kid++)
            if (step->kids[kid] && step->kids[kid]->kind < NODE_FILE &&
                has_break(c, step->kids[kid]))
                return true;
        if (step_ends(c, step))
            return false;
    }
    return false;
}

/* Asked again for each repeat around it, so it is remembered. */
static bool repeat_ends(struct compiler *c, const struct node *step)
{
    enum { ENDS = 1, GOES_ON };
    uint64_t *known = map64_get(&c->repeat_ends, step->id);
    if (known)
        return *known == ENDS;
    bool is_end = block_ends(c, step->kids[REPEAT_BODY]) && !has_break(c, step->kids[REPEAT_BODY]);
    *map64_put(&c->repeat_ends, step->id, NULL) = is_end ? ENDS : GOES_ON;
    return is_end;
}

bool step_ends(struct compiler *c, const struct node *step)
{
    uint64_t *flow;
    bool is_end;
    switch ((int)step->kind) {
    case NODE_EXIT:
    case NODE_BREAK:
        return true;
    case NODE_IF:
        if (!step->kids[IF_ELSE] || !block_ends(c, step->kids[IF_BODY]))
            return false;
        return step->kids[IF_ELSE]->kind == NODE_IF ? step_ends(c, step->kids[IF_ELSE])
                                                    : block_ends(c, step->kids[IF_ELSE]);
    case NODE_MATCH:
        return arms_end(c, step->kids[MATCH_ARMS], ARM_BODY, false);
    case NODE_SPLIT:
        return arms_end(c, step->kids[SPLIT_ARMS], SPLIT_ARM_BODY, true);
    case NODE_REPEAT:
        return repeat_ends(c, step);
    case NODE_WAIT_REPLY:
        return arms_end(c, step->kids[WAIT_REPLY_ARMS], ARM_BODY, true) &&
               block_ends(c, step->kids[WAIT_REPLY_ELSE]);
    case NODE_WAIT_EVENT:
        return block_ends(c, step->kids[WAIT_EVENT_BODY]) &&
               block_ends(c, step->kids[WAIT_EVENT_ELSE]);
    case NODE_WAIT_UNTIL:
        return block_ends(c, step->kids[WAIT_UNTIL_BODY]) &&
               block_ends(c, step->kids[WAIT_UNTIL_ELSE]);
    case NODE_DO:
        flow = strmap_get(&c->flows, step->name);
        if (!flow || c->ends_depth == MOST_FLOWS)
            return false;
        c->ends_depth++;
        is_end = block_ends(c, ((struct node *)(uintptr_t)*flow)->kids[FLOW_BODY]);
        c->ends_depth--;
        return is_end;
    default:
        return false;
    }
}

bool block_ends(struct compiler *c, const struct node *block)
{
    for (const struct node *step = block ? block->kids[BLOCK_STEPS] : NULL; step; step = step->next)
        if (step_ends(c, step))
            return true;
    return false;
}

static void check_reached(struct compiler *c, const struct node *block)
{
    for (const struct node *step = block->kids[BLOCK_STEPS]; step && step->next; step = step->next)
        if (step_ends(c, step)) {
            struct diag *diag = report(c, DIAG_UNREACHABLE, first_line(c, step->next->span));
            note(c, diag, first_line(c, step->span), "every way ends here");
            help(c, diag, "take the step away, or let a way lead to it");
            return;
        }
}

/* Words of replies compare without case and outer space. */
static bool is_same_word(struct str a, struct str b)
{
    a = str_trim(a);
    b = str_trim(b);
    return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

static bool is_same_value(const struct node *a, const struct node *b, bool is_reply)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == NODE_TEXT
               ? (is_reply ? is_same_word(a->name, b->name) : str_eq(a->name, b->name))
           : a->kind == NODE_INTEGER ? a->number == b->number
                                     : false;
}

/* A value, or a word of a reply, that an arm before takes. */
static void check_values(struct compiler *c, const struct node *arms, bool is_reply)
{
    const struct node *seen[64], *otherwise = NULL;
    uint32_t count = 0;
    for (const struct node *arm = arms; arm; arm = arm->next) {
        if (!arm->kids[ARM_VALUES] && otherwise) {
            struct diag *diag = report(c, DIAG_UNREACHABLE, first_line(c, arm->span));
            note(c, diag, first_line(c, otherwise->span), "this `else` takes it");
            help(c, diag, "take one of them away");
        } else if (!arm->kids[ARM_VALUES]) {
            otherwise = arm;
        }
        for (const struct node *value = arm->kids[ARM_VALUES]; value && count < ARRAY_COUNT(seen);
             value = value->next) {
            for (uint32_t i = 0; i < count; i++) {
                if (!is_same_value(seen[i], value, is_reply))
                    continue;
                struct diag *diag = report(c, DIAG_UNREACHABLE, value->span);
                note(c, diag, seen[i]->span, "this arm takes it");
                help(c, diag, "take one of them away");
                break;
            }
            seen[count++] = value;
        }
    }
}

/* ---- conditions that settle themselves ---------------------------------------------------------
 */

enum truth { MAYBE, ALWAYS, NEVER };
enum { MOST_PARTS = 32 };

static enum truth truth_when(bool is_true)
{
    return is_true ? ALWAYS : NEVER;
}

/* Numbers, dates and times of day as one number. */
static bool number_of(const struct node *node, double *number)
{
    if (node->kind == NODE_INTEGER)
        *number = (double)node->number;
    else if (node->kind == NODE_NUMBER)
        *number = node->real;
    else if (node->kind == NODE_DATE && node->clock < 0)
        *number = (double)node->number;
    else if (node->kind == NODE_CLOCK)
        *number = node->clock;
    else
        return false;
    return true;
}

static bool is_always_known(struct compiler *c, const struct node *node)
{
    const struct node *part = node->kind == NODE_PATH ? node->kids[PATH_PARTS] : NULL;
    if (node->kind == NODE_NOW || node->kind == NODE_TODAY)
        return true;
    if (!part || part->next)
        return false;
    uint64_t *row = strmap_get(&c->attributes, part->name);
    bool is_patient = str_eq(node->name, STR("patient"));
    bool has_default = is_patient && row && c->image->attributes[*row].default_value != IMAGE_NONE;
    return str_eq(node->name, STR("clinic")) || has_default ||
           (is_patient && str_eq(part->name, STR("id")));
}

/* A comparison of a path with a literal as the range of what it lets pass. */
struct interval {
    double low, high;
    bool is_low_out, is_high_out;
};

static bool range_of(const struct node *node, struct interval *range)
{
    double value;
    if (node->kind != NODE_COMPARE || !number_of(node->kids[COMPARE_RIGHT], &value))
        return false;
    *range = (struct interval){-1e300, 1e300, false, false};
    bool is_above = node->number == COMPARE_GT || node->number == COMPARE_GE,
         is_below = node->number == COMPARE_LT || node->number == COMPARE_LE,
         is_equal = node->number == COMPARE_EQ;
    if (is_above || is_equal)
        range->low = value;
    if (is_below || is_equal)
        range->high = value;
    range->is_low_out = node->number == COMPARE_GT;
    range->is_high_out = node->number == COMPARE_LT;
    return is_above || is_below || is_equal;
}

static bool are_apart(struct interval a, struct interval b)
{
    double low = a.low > b.low ? a.low : b.low, high = a.high < b.high ? a.high : b.high;
    bool is_out = (a.low == low && a.is_low_out) || (b.low == low && b.is_low_out) ||
                  (a.high == high && a.is_high_out) || (b.high == high && b.is_high_out);
    return low > high || (low == high && is_out);
}

static bool is_same_path(struct compiler *c, const struct node *a, const struct node *b)
{
    return a->kind == NODE_PATH && b->kind == NODE_PATH && str_eq(path_text(c, a), path_text(c, b));
}

static bool needs_known(const struct node *node)
{
    return (node->kind == NODE_KNOWN && !(node->flags & FLAG_NOT)) ||
           (node->kind == NODE_COMPARE && node->number != COMPARE_NE &&
            node->number != COMPARE_NOT_IN);
}

static bool needs_unknown(const struct node *node)
{
    return node->kind == NODE_KNOWN && (node->flags & FLAG_NOT);
}

/* Can both never be true? */
static bool exclude(struct compiler *c, const struct node *a, const struct node *b)
{
    struct interval x, y;
    if (!is_same_path(c, a->kids[0], b->kids[0]))
        return false;
    if ((needs_unknown(a) && needs_known(b)) || (needs_known(a) && needs_unknown(b)))
        return true;
    if (range_of(a, &x) && range_of(b, &y))
        return are_apart(x, y);
    if (a->kind != NODE_COMPARE || b->kind != NODE_COMPARE)
        return false;
    const struct node *left = a->kids[COMPARE_RIGHT], *right = b->kids[COMPARE_RIGHT];
    if (left->kind != NODE_TEXT || right->kind != NODE_TEXT)
        return false;
    bool is_same = str_eq(left->name, right->name);
    bool has_not = a->number == COMPARE_NE || b->number == COMPARE_NE;
    bool has_equal = a->number == COMPARE_EQ || b->number == COMPARE_EQ;
    return (a->number == COMPARE_EQ && b->number == COMPARE_EQ && !is_same) ||
           (has_not && has_equal && is_same);
}

/* Is one of the two true, whatever the patient? */
static bool cover(struct compiler *c, const struct node *a, const struct node *b)
{
    if (!is_same_path(c, a->kids[0], b->kids[0]))
        return false;
    if (a->kind == NODE_KNOWN && b->kind == NODE_KNOWN)
        return (a->flags ^ b->flags) & FLAG_NOT;
    if (a->kind != NODE_COMPARE || b->kind != NODE_COMPARE)
        return false;
    const struct node *left = a->kids[COMPARE_RIGHT], *right = b->kids[COMPARE_RIGHT];
    bool is_text = left->kind == NODE_TEXT && right->kind == NODE_TEXT;
    bool is_same = is_text && str_eq(left->name, right->name);
    bool both_not = a->number == COMPARE_NE && b->number == COMPARE_NE;
    bool is_pair = (a->number == COMPARE_NE && b->number == COMPARE_EQ) ||
                   (a->number == COMPARE_EQ && b->number == COMPARE_NE);
    return is_text && ((both_not && !is_same) || (is_pair && is_same));
}

static uint32_t parts_of(struct node *node, int kind, struct node **parts, uint32_t count)
{
    if ((int)node->kind == kind) {
        count = parts_of(node->kids[0], kind, parts, count);
        return parts_of(node->kids[1], kind, parts, count);
    }
    bool is_question = node->kind == NODE_COMPARE || node->kind == NODE_KNOWN;
    if (is_question && count < MOST_PARTS)
        parts[count++] = node;
    return count;
}

static enum truth truth_of(struct compiler *c, struct node *node);

static enum truth truth_of_logic(struct compiler *c, struct node *node)
{
    bool is_and = node->kind == NODE_AND, is_open = false;
    enum truth settling = is_and ? NEVER : ALWAYS;
    struct node *parts[MOST_PARTS];
    /* A chain leans to the left: its operands are looked at once, from right to left. */
    for (struct node *rest = node, *operand; rest;) {
        bool is_last = rest->kind != node->kind;
        operand = is_last ? rest : rest->kids[1];
        enum truth truth = truth_of(c, operand);
        if (truth == settling)
            return settling;
        is_open |= truth == MAYBE;
        rest = is_last ? NULL : rest->kids[0];
    }
    if (!is_open)
        return is_and ? ALWAYS : NEVER;
    uint32_t count = parts_of(node, (int)node->kind, parts, 0);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (is_and ? exclude(c, parts[i], parts[k]) : cover(c, parts[i], parts[k]))
                return settling;
    return MAYBE;
}

static enum truth truth_of_comparison(const struct node *node)
{
    double a, b;
    const struct node *left = node->kids[COMPARE_LEFT], *right = node->kids[COMPARE_RIGHT];
    bool is_order = number_of(left, &a) && number_of(right, &b);
    if (left->kind == NODE_TEXT && right->kind == NODE_TEXT) {
        a = str_cmp(left->name, right->name);
        b = 0;
        is_order = true;
    }
    if (!is_order)
        return MAYBE;
    switch (node->number) {
    case COMPARE_EQ:
        return truth_when(a <= b && a >= b);
    case COMPARE_NE:
        return truth_when(a < b || a > b);
    case COMPARE_LT:
        return truth_when(a < b);
    case COMPARE_GT:
        return truth_when(a > b);
    case COMPARE_LE:
        return truth_when(a <= b);
    case COMPARE_GE:
        return truth_when(a >= b);
    default:
        return MAYBE;
    }
}

static enum truth truth_of(struct compiler *c, struct node *node)
{
    double low, high;
    enum truth truth;
    switch ((int)node->kind) {
    case NODE_BOOL:
        return truth_when(node->number);
    case NODE_NOT:
        truth = truth_of(c, node->kids[NOT_OPERAND]);
        return truth == MAYBE ? MAYBE : truth_when(truth == NEVER);
    case NODE_AND:
    case NODE_OR:
        return truth_of_logic(c, node);
    case NODE_COMPARE:
        return truth_of_comparison(node);
    case NODE_KNOWN:
        return is_always_known(c, node->kids[0]) ? truth_when(!(node->flags & FLAG_NOT)) : MAYBE;
    case NODE_BETWEEN:
        return node->kids[BETWEEN_LOW]->kind != NODE_CLOCK &&
                       number_of(node->kids[BETWEEN_LOW], &low) &&
                       number_of(node->kids[BETWEEN_HIGH], &high) && low > high
                   ? NEVER
                   : MAYBE;
    default:
        return MAYBE;
    }
}

/* True: reported, and what is below need not be looked at. */
static bool check_condition(struct compiler *c, struct node *node)
{
    enum truth truth = node ? truth_of(c, node) : MAYBE;
    if (truth == MAYBE)
        return false;
    struct diag *diag = report(c, DIAG_SETTLED, node->span, truth == ALWAYS ? "true" : "false");
    help(c, diag, "compare with something that can differ, or leave the condition out");
    return true;
}

/* ---- the walk ----------------------------------------------------------------------------------
 */

struct walk {
    struct compiler *c;
    uint32_t last_sms; /* row of the SMS before, in the order of the text; IMAGE_NONE */
};

static bool check_node(void *context, struct node *node);

/* The operands of a chain that as a whole is not settled; the chains within it are not, either. */
static void check_operands(struct walk *walk, struct node *chain)
{
    enum node_kind kind = chain->kind;
    for (; chain->kind == kind; chain = chain->kids[0])
        ast_walk(chain->kids[1], check_node, walk);
    ast_walk(chain, check_node, walk);
}

static bool check_node(void *context, struct node *node)
{
    struct compiler *c = ((struct walk *)context)->c;
    if (node->kind == NODE_AND || node->kind == NODE_OR) {
        if (!check_condition(c, node))
            check_operands(context, node);
        return false;
    }
    static const enum node_kind conditions[] = {NODE_NOT, NODE_COMPARE, NODE_KNOWN, NODE_BETWEEN,
                                                NODE_TEST};
    for (size_t i = 0; i < ARRAY_COUNT(conditions); i++)
        if (node->kind == conditions[i])
            return node->kind != NODE_TEST && !check_condition(c, node);
    if (node->kind == NODE_BLOCK)
        check_reached(c, node);
    if (node->kind == NODE_MATCH || node->kind == NODE_WAIT_REPLY)
        check_values(c, node->kids[node->kind == NODE_MATCH ? MATCH_ARMS : WAIT_REPLY_ARMS],
                     node->kind == NODE_WAIT_REPLY);
    if (node->kind == NODE_LET)
        warn_of_idle_let(c, node);
    /* What stands in a flow that nothing runs was never used. */
    if (node->kind == NODE_TEXT || (node->kind == NODE_FLOW && !is_used(c, "flow", node->name)))
        return false;
    bool has_condition = node->kind == NODE_IF || node->kind == NODE_AUDIENCE;
    if (has_condition && node->kids[0]->kind == NODE_BOOL)
        check_condition(c, node->kids[0]);
    return true;
}

static bool is_drafted(struct compiler *c, uint32_t row)
{
    return row != IMAGE_NONE && c->image->messages[row].is_draft;
}

/* Answers, opens and clicks of messages that wait for approval. */
static bool check_draft(void *context, struct node *node)
{
    struct walk *walk = context;
    struct compiler *c = walk->c;
    bool names_message = node->kind == NODE_SMS || node->kind == NODE_MESSAGE_STATE;
    uint64_t *row = names_message ? strmap_get(&c->messages, node->name) : NULL;
    uint64_t *flow = node->kind == NODE_DO ? strmap_get(&c->flows, node->name) : NULL;
    struct diag *diag = NULL;
    if (node->kind == NODE_SMS && row)
        walk->last_sms = (uint32_t)*row;
    else if (flow)
        ast_walk(((struct node *)(uintptr_t)*flow)->kids[FLOW_BODY], check_draft, walk);
    else if (node->kind == NODE_WAIT_REPLY && is_drafted(c, walk->last_sms))
        diag = report(c, DIAG_ANSWER_TO_DRAFT, first_line(c, node->span), "a reply");
    else if (node->kind == NODE_MESSAGE_STATE && node->number != STATE_RECEIVED && row &&
             is_drafted(c, (uint32_t)*row))
        diag = report(c, DIAG_ANSWER_TO_DRAFT, node->span,
                      node->number == STATE_OPENED ? "an opening" : "a click");
    if (diag)
        help(c, diag, "write `send automatically` into the message or the campaign");
    return true;
}

static bool has_drafts(const struct compiler *c, uint32_t campaign)
{
    struct rows messages = c->image->campaigns[campaign].messages;
    for (uint32_t i = 0; i < messages.count; i++)
        if (c->image->messages[messages.first + i].is_draft)
            return true;
    return false;
}

static bool has_live_waits(const struct compiler *c, uint32_t campaign)
{
    struct rows waits = c->image->campaigns[campaign].waits;
    for (uint32_t i = 0; i < waits.count; i++)
        if (c->image->waits[waits.first + i].is_live)
            return true;
    return false;
}

void warn_all(struct compiler *c)
{
    struct walk walk = {c, IMAGE_NONE};
    for (struct node *decl = c->out->declarations; decl; decl = decl->next)
        if (!is_of_module(c, decl))
            ast_walk(decl, check_node, &walk);
    for (struct node *decl = c->out->declarations; decl; decl = decl->next) {
        if (decl->kind != NODE_CAMPAIGN)
            continue;
        uint32_t row = campaign_row(c, decl->name);
        bool drafts = has_drafts(c, row), reminds = has_live_waits(c, row);
        c->campaign = decl;
        if (drafts || reminds)
            find_messages(c, row);
        walk.last_sms = IMAGE_NONE;
        if (drafts)
            ast_walk(decl->kids[CAMPAIGN_WORKFLOW], check_draft, &walk);
        if (reminds)
            warn_of_reminders(c);
        warn_of_goal(c, decl);
    }
    warn_of_circles(c);
    warn_of_unused(c);
}
