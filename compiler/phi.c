/* phi.c: what protected health information decides (LANGUAGE.md 6).
 *
 * Expressions were typed before: a condition, value or `where` that reads phi is marked. This pass
 * walks the workflows as they are written and keeps, at each step, the decisions under which it
 * stands: those whose block it is in, those that may have left by `exit` before it (to the end of
 * the campaign) and those that may have left by `break` (to the end of their `repeat`). A message
 * under a decision tells what was decided by going out or not.
 *
 * Decisions travel on: an attribute that is set, a manual segment that is changed and a message
 * that is sent under one tell of it to whoever asks later; the walk is repeated until nothing new
 * does. Ways that send the same (the same flows with the same arguments) settle only the moment. */
#include "compiler/phi.h"

enum { MOST_DEPTH = 32, MOST_NAMES = 8 };

struct decision { /* a condition on phi, with what it decides */
    const struct node *node;
    const struct node *messages[MOST_NAMES];
    uint32_t message_count;
    struct decision *next;
};
struct under { /* a decision that holds here */
    struct decision *decision;
    struct under *next;
};
struct walk {
    struct compiler *c;
    struct strmap
        told; /* "attribute NAME", "segment NAME", "CAMPAIGN/MESSAGE": changed under one */
    struct decision *decisions, *last;
    struct map64 decision_of; /* id of the condition's node → its decision */
    struct under *blocks, *exits, *breaks;
    struct node *flows[MOST_DEPTH];
    uint32_t flow_count, depth; /* depth: of ways that phi settles, whatever they send */
    struct str campaign;
    bool never[4]; /* by channel: a policy says `never phi` */
    bool is_changed;
};

void phi_mark(struct compiler *c, const struct node *node, struct typed type)
{
    if (type.is_phi && node)
        *map64_put(&c->phi_nodes, node->id, NULL) = 1;
}

void phi_note_moment(struct compiler *c, const struct node *node, struct typed type)
{
    if (type.is_phi)
        phi_note(c, PHI_LISTED, node->span, STR("settles the moment of a wait"), (struct str){0});
}

void phi_note(struct compiler *c, enum phi_way way, struct span span, struct str what,
              struct str reason)
{
    struct compilation *out = c->out;
    if (c->is_quiet || is_of_module(c, c->campaign))
        return;
    bool is_new;
    struct str key =
        arena_printf(c->arena, "%d %u %u " STR_FMT, (int)way, span.file, span.first, STR_ARG(what));
    strmap_put(&c->phi_noted, key, &is_new);
    if (!is_new)
        return;
    out->phi = arena_grow(c->arena, out->phi, out->phi_count, &out->phi_room, sizeof *out->phi);
    out->phi[out->phi_count++] = (struct phi_flow){way, span, c->campaign->name, what, reason};
}

/* ---- web addresses -----------------------------------------------------------------------------
 */

/* Is what is written in the braces before a web address: a clinic field or a `let`? */
static bool is_address(struct compiler *c, struct str name)
{
    name = str_trim(name);
    if (str_starts(name, STR("clinic."))) {
        for (uint32_t i = 0; i < c->image->clinic_count; i++)
            if (str_eq(text_of(c, c->image->clinics[i].name), str_from(name, 7)))
                return str_find(text_of(c, c->image->clinics[i].value), STR("://")) != SIZE_MAX;
        return false;
    }
    if (str_starts(name, STR("patient."))) {
        uint64_t *row = strmap_get(&c->attributes, str_from(name, 8));
        return row && typed_of(c, c->image->attributes[*row].type).kind == TYPE_URL;
    }
    uint64_t *let = strmap_get(&c->lets, name);
    const struct node *value = let ? ((struct node *)(uintptr_t)*let)->kids[LET_VALUE] : NULL;
    return value && value->kind == NODE_TEXT && str_find(value->name, STR("://")) != SIZE_MAX;
}

bool phi_is_in_url(struct compiler *c, struct span output)
{
    struct str text = source_at(&c->out->sources, output.file)->text;
    size_t at = output.first;
    while (at && !strchr(" \t\r\n\"'<>()", text.at[at - 1])) {
        if (at >= 3 && strncmp(text.at + at - 3, "://", 3) == 0)
            return true;
        if (at >= 2 && text.at[at - 1] == '}' && text.at[at - 2] == '}') {
            size_t open = at - 2;
            while (open > 1 && !(text.at[open - 1] == '{' && text.at[open - 2] == '{'))
                open--;
            struct str inside = {text.at + open, at - 2 - open};
            size_t filter = str_find(inside, STR("|"));
            if (filter != SIZE_MAX)
                inside.len = filter;
            if (is_address(c, inside))
                return true;
            at = open > 2 ? open - 2 : 0;
            continue;
        }
        at--;
    }
    /* href="…", src='…' */
    while (at && strchr("\"'\\", text.at[at - 1]))
        at--;
    return (at >= 5 && strncmp(text.at + at - 5, "href=", 5) == 0) ||
           (at >= 4 && strncmp(text.at + at - 4, "src=", 4) == 0);
}

/* ---- what a condition tells --------------------------------------------------------------------
 */

struct question {
    struct walk *walk;
    bool is_told;
};

static bool is_told(struct walk *walk, const char *kind, struct str name)
{
    return strmap_get(&walk->told,
                      arena_printf(walk->c->arena, "%s " STR_FMT, kind, STR_ARG(name)));
}

static bool ask(void *context, struct node *node)
{
    struct question *question = context;
    struct walk *walk = question->walk;
    const struct node *part = node->kind == NODE_PATH ? node->kids[PATH_PARTS] : NULL;
    if (part && str_eq_c(node->name, "patient"))
        question->is_told |= is_told(walk, "attribute", part->name);
    else if (node->kind == NODE_IN_SEGMENT)
        question->is_told |= is_told(walk, "segment", node->name);
    else if (node->kind == NODE_MESSAGE_STATE)
        question->is_told |= is_told(walk, arena_cstr(walk->c->arena, walk->campaign), node->name);
    return true;
}

static bool reads_phi(struct walk *walk, struct node *node)
{
    struct question question = {walk, false};
    if (!node)
        return false;
    if (map64_get(&walk->c->phi_nodes, node->id))
        return true;
    if (walk->told.count)
        ast_walk(node, ask, &question);
    return question.is_told;
}

static void tell(struct walk *walk, const char *kind, struct str name)
{
    bool is_new;
    struct str key = arena_printf(walk->c->arena, "%s " STR_FMT, kind, STR_ARG(name));
    strmap_put(&walk->told, key, &is_new);
    walk->is_changed |= is_new;
}

/* ---- what a way sends --------------------------------------------------------------------------
 */

static bool speaks(void *context, struct node *node)
{
    bool *found = context;
    *found |= node->kind == NODE_EMAIL || node->kind == NODE_SMS || node->kind == NODE_WEBHOOK ||
              node->kind == NODE_DO || node->kind == NODE_EXIT || node->kind == NODE_BREAK;
    return true;
}

/* What goes out on a way without branches, as text; false: that is not said so simply. */
static bool plain_way(struct compiler *c, struct node *block, struct buf *text)
{
    for (struct node *step = block ? block->kids[BLOCK_STEPS] : NULL; step; step = step->next) {
        bool found = false;
        ast_walk(step, speaks, &found);
        bool is_plain = step->kind == NODE_EMAIL || step->kind == NODE_SMS ||
                        step->kind == NODE_WEBHOOK || step->kind == NODE_DO ||
                        step->kind == NODE_EXIT || step->kind == NODE_BREAK;
        if (found && !is_plain)
            return false;
        if (is_plain)
            buf_str(text, source_text(c, step->span));
        buf_byte(text, is_plain ? '\n' : ' ');
    }
    return true;
}

static void squeeze(struct buf *text, struct buf *lines)
{
    for (size_t i = 0; i < text->len; i++)
        if (text->data[i] != ' ')
            buf_byte(lines, text->data[i]);
}

static bool send_the_same(struct compiler *c, struct node **ways, uint32_t count)
{
    struct buf first, other, squeezed[2];
    bool are_same = true;
    for (uint32_t i = 1; i < count && are_same; i++) {
        buf_init(&first, 1 << 20);
        buf_init(&other, 1 << 20);
        buf_init(&squeezed[0], 1 << 20);
        buf_init(&squeezed[1], 1 << 20);
        are_same = plain_way(c, ways[0], &first) && plain_way(c, ways[i], &other);
        squeeze(&first, &squeezed[0]);
        squeeze(&other, &squeezed[1]);
        are_same &= str_eq(buf_view(&squeezed[0]), buf_view(&squeezed[1]));
        buf_free(&first);
        buf_free(&other);
        buf_free(&squeezed[0]);
        buf_free(&squeezed[1]);
    }
    return are_same;
}

/* May the block leave by `exit`; by a `break` out of the repeat around it? */
static bool may_leave(struct walk *walk, struct node *block, enum node_kind how, int depth)
{
    for (struct node *step = block ? block->kids[BLOCK_STEPS] : NULL; step; step = step->next) {
        uint64_t *flow = step->kind == NODE_DO && how == NODE_EXIT
                             ? strmap_get(&walk->c->flows, step->name)
                             : NULL;
        if (step->kind == how)
            return true;
        if (flow && depth < MOST_DEPTH &&
            may_leave(walk, ((struct node *)(uintptr_t)*flow)->kids[FLOW_BODY], how, depth + 1))
            return true;
        bool is_loop = step->kind == NODE_REPEAT && how == NODE_BREAK;
        for (int kid = 0; kid < NODE_KID_ROOM && !is_loop; kid++)
            for (struct node *below = step->kids[kid]; below; below = below->next) {
                struct node *body = below->kind == NODE_ARM         ? below->kids[ARM_BODY]
                                    : below->kind == NODE_SPLIT_ARM ? below->kids[SPLIT_ARM_BODY]
                                                                    : below;
                struct node alone = {.kind = NODE_BLOCK, .kids = {below}};
                bool is_chain = step->kind == NODE_IF && below->kind == NODE_IF;
                if (body && (body->kind == NODE_BLOCK || is_chain) &&
                    may_leave(walk, is_chain ? &alone : body, how, depth))
                    return true;
            }
        if (step_ends(walk->c, step))
            return false;
    }
    return false;
}

/* ---- the walk ----------------------------------------------------------------------------------
 */

static void walk_block(struct walk *walk, struct node *block);

static struct decision *decision_on(struct walk *walk, const struct node *node)
{
    uint64_t *known = map64_put(&walk->decision_of, node->id, NULL);
    if (!*known) {
        struct decision *decision = arena_alloc(walk->c->arena, sizeof *decision);
        ensure(decision);
        *decision = (struct decision){.node = node};
        if (walk->last)
            walk->last->next = decision;
        else
            walk->decisions = decision;
        walk->last = decision;
        *known = (uint64_t)(uintptr_t)decision;
    }
    return (struct decision *)(uintptr_t)*known;
}

static struct under *push(struct walk *walk, struct decision *decision, struct under *rest)
{
    struct under *under = arena_alloc(walk->c->arena, sizeof *under);
    ensure(under);
    for (struct under *known = rest; known; known = known->next)
        if (known->decision == decision)
            return rest;
    *under = (struct under){decision, rest};
    return under;
}

static struct under *join(struct walk *walk, struct under *list, struct under *more)
{
    for (; more; more = more->next)
        list = push(walk, more->decision, list);
    return list;
}

static const struct node *allowance(const struct node *step)
{
    const struct node *prop = step->kids[EMAIL_PROPS];
    while (prop && prop->kind != NODE_ALLOW_PHI)
        prop = prop->next;
    return prop;
}

static void decide(struct walk *walk, struct decision *decision, const struct node *step)
{
    const struct node *allow = allowance(step);
    uint32_t channel = step->kind == NODE_EMAIL ? CHANNEL_EMAIL
                       : step->kind == NODE_SMS ? CHANNEL_SMS
                                                : CHANNEL_WEBHOOK;
    if (allow && !walk->never[channel]) {
        struct str what = arena_printf(walk->c->arena, "decides whether %s `" STR_FMT "` goes out",
                                       node_word(step->kind), STR_ARG(step->name));
        phi_note(walk->c, PHI_ALLOWED, decision->node->span, what, allow->name);
        return;
    }
    for (uint32_t i = 0; i < decision->message_count; i++)
        if (decision->messages[i] == step)
            return;
    if (decision->message_count < MOST_NAMES)
        decision->messages[decision->message_count++] = step;
}

static void walk_message(struct walk *walk, const struct node *step)
{
    struct under *under = walk->blocks ? walk->blocks : walk->breaks ? walk->breaks : walk->exits;
    if (!under)
        return;
    while (under->next)
        under = under->next;
    decide(walk, under->decision, step);
    tell(walk, arena_cstr(walk->c->arena, walk->campaign), step->name);
}

/* Ways of which one is taken; `condition` decides when it reads phi. Ways that all leave by `exit`,
 * or all by `break`, settle nothing of what follows. */
static void walk_ways(struct walk *walk, struct node *condition, struct node **ways, uint32_t count)
{
    struct under *exits = walk->exits, *breaks = walk->breaks, *all_exits = exits,
                 *all_breaks = breaks, *blocks = walk->blocks;
    bool is_phi = reads_phi(walk, condition);
    bool decides = is_phi && !send_the_same(walk->c, ways, count);
    bool may_exit = false, may_break = false, leads_on = false;
    walk->depth += is_phi;
    if (decides)
        walk->blocks = push(walk, decision_on(walk, condition), blocks);
    for (uint32_t i = 0; i < count; i++) {
        struct node alone = {.kind = NODE_BLOCK, .kids = {ways[i]}};
        struct node *way = ways[i] && ways[i]->kind == NODE_IF ? &alone : ways[i];
        walk->exits = exits;
        walk->breaks = breaks;
        walk_block(walk, way);
        bool breaks_off = may_leave(walk, way, NODE_BREAK, 0), ends = block_ends(walk->c, way);
        may_exit |= may_leave(walk, way, NODE_EXIT, 0);
        may_break |= breaks_off;
        leads_on |= !ends;
        if (ends && !breaks_off)
            continue;
        all_exits = join(walk, all_exits, walk->exits);
        all_breaks = join(walk, all_breaks, walk->breaks);
    }
    walk->depth -= is_phi;
    walk->blocks = blocks;
    walk->exits = all_exits;
    walk->breaks = all_breaks;
    if (decides && may_exit && (leads_on || may_break))
        walk->exits = push(walk, decision_on(walk, condition), walk->exits);
    if (decides && may_break && (leads_on || may_exit))
        walk->breaks = push(walk, decision_on(walk, condition), walk->breaks);
}

static void walk_arms(struct walk *walk, struct node *value, struct node *arms, int body,
                      struct node *last)
{
    struct node **ways = NULL;
    uint32_t count = 0, room = 0;
    bool has_else = false;
    for (struct node *arm = arms; arm; arm = arm->next) {
        ways = arena_grow(walk->c->arena, ways, count, &room, sizeof *ways);
        ways[count++] = arm->kids[body];
        has_else |= arm->kind == NODE_ARM && !arm->kids[ARM_VALUES];
    }
    if (last || !has_else) {
        ways = arena_grow(walk->c->arena, ways, count, &room, sizeof *ways);
        ways[count++] = last;
    }
    walk_ways(walk, value, ways, count);
}

static void walk_repeat(struct walk *walk, struct node *step)
{
    struct under *breaks = walk->breaks;
    walk_block(walk, step->kids[REPEAT_BODY]);
    /* The next time round stands under what left the first. */
    if (step->number > 1 && (walk->breaks || walk->exits))
        walk_block(walk, step->kids[REPEAT_BODY]);
    walk->breaks = breaks;
}

static void walk_flow(struct walk *walk, const struct node *step)
{
    uint64_t *known = strmap_get(&walk->c->flows, step->name);
    if (!known || walk->flow_count == MOST_DEPTH)
        return;
    struct node *flow = (struct node *)(uintptr_t)*known;
    for (uint32_t i = 0; i < walk->flow_count; i++)
        if (walk->flows[i] == flow)
            return;
    walk->flows[walk->flow_count++] = flow;
    walk_block(walk, flow->kids[FLOW_BODY]);
    walk->flow_count--;
}

static bool is_decided(const struct walk *walk)
{
    return walk->depth || walk->exits || walk->breaks;
}

static void walk_step(struct walk *walk, struct node *step)
{
    struct node *part, *two[2];
    switch ((int)step->kind) {
    case NODE_EMAIL:
    case NODE_SMS:
    case NODE_WEBHOOK:
        walk_message(walk, step);
        break;
    case NODE_SET:
    case NODE_CLEAR:
        part = step->kids[SET_PATH]->kids[PATH_PARTS];
        if (is_decided(walk) && part)
            tell(walk, "attribute", part->name);
        break;
    case NODE_ADD:
    case NODE_REMOVE:
        if (is_decided(walk))
            tell(walk, "segment", step->name);
        break;
    case NODE_IF:
        two[0] = step->kids[IF_BODY];
        two[1] = step->kids[IF_ELSE];
        walk_ways(walk, step->kids[IF_CONDITION], two, 2);
        break;
    case NODE_WAIT_UNTIL:
        two[0] = step->kids[WAIT_UNTIL_BODY];
        two[1] = step->kids[WAIT_UNTIL_ELSE];
        walk_ways(walk, step->kids[WAIT_UNTIL_VALUE], two, 2);
        break;
    case NODE_WAIT_EVENT:
        two[0] = step->kids[WAIT_EVENT_BODY];
        two[1] = step->kids[WAIT_EVENT_ELSE];
        walk_ways(walk, step->kids[WAIT_EVENT_PATTERN]->kids[PATTERN_WHERE], two, 2);
        break;
    case NODE_WAIT_REPLY:
        walk_arms(walk, NULL, step->kids[WAIT_REPLY_ARMS], ARM_BODY, step->kids[WAIT_REPLY_ELSE]);
        break;
    case NODE_MATCH:
        walk_arms(walk, step->kids[MATCH_VALUE], step->kids[MATCH_ARMS], ARM_BODY, NULL);
        break;
    case NODE_SPLIT:
        walk_arms(walk, NULL, step->kids[SPLIT_ARMS], SPLIT_ARM_BODY, NULL);
        break;
    case NODE_REPEAT:
        walk_repeat(walk, step);
        break;
    case NODE_DO:
        walk_flow(walk, step);
        break;
    default:
        break;
    }
}

static void walk_block(struct walk *walk, struct node *block)
{
    for (struct node *step = block ? block->kids[BLOCK_STEPS] : NULL; step; step = step->next) {
        walk_step(walk, step);
        if (step_ends(walk->c, step))
            return;
    }
}

/* ---- what is said ------------------------------------------------------------------------------
 */

static void report_decision(struct compiler *c, const struct decision *decision)
{
    if (!decision->message_count)
        return;
    const struct node *first = decision->messages[0];
    const char *channel = first->kind == NODE_EMAIL ? "the e-mail"
                          : first->kind == NODE_SMS ? "the SMS"
                                                    : "the webhook";
    struct str what = arena_printf(c->arena, "%s `" STR_FMT "`%s", channel, STR_ARG(first->name),
                                   decision->message_count > 1 ? " and others" : "");
    struct diag *diag = report(c, DIAG_PHI_DECIDES, decision->node->span, what.at);
    for (uint32_t i = 0; i < decision->message_count; i++)
        note(c, diag, decision->messages[i]->name_span, "this goes out, or not");
    help(c, diag,
         "leave the condition out, or write `allow phi \"reason\"` into each message, unless a "
         "policy says `never phi`");
}

/* Sinks that show an attribute which was set under a decision. */
static void check_told(struct walk *walk)
{
    struct compiler *c = walk->c;
    const struct image *image = c->image;
    for (uint32_t m = 0; walk->told.count && m < image->message_count; m++) {
        const struct image_message *row = &image->messages[m];
        bool is_email = row->channel == CHANNEL_EMAIL;
        uint32_t codes[] = {row->subject, row->preheader, is_email ? IMAGE_NONE : row->text,
                            is_email ? IMAGE_NONE : row->html, row->reply_to};
        uint64_t *node = map64_get(&c->message_nodes, m);
        const struct node *step = node ? (const struct node *)(uintptr_t)*node : NULL;
        if (!step || (allowance(step) && !walk->never[row->channel]))
            continue;
        for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
            struct rows reads =
                codes[i] == IMAGE_NONE ? (struct rows){0, 0} : image->codes[codes[i]].reads;
            for (uint32_t k = 0; k < reads.count; k++) {
                const struct image_read *read = &image->reads[reads.first + k];
                if (read->kind != READ_ATTRIBUTE ||
                    !is_told(walk, "attribute", text_of(c, image->attributes[read->row].name)) ||
                    image->attributes[read->row].is_phi)
                    continue;
                struct str name = text_of(c, image->attributes[read->row].name);
                struct diag *diag = report(c, DIAG_PHI_REACHES, step->name_span,
                                           is_email                      ? "an e-mail"
                                           : row->channel == CHANNEL_SMS ? "an SMS"
                                                                         : "a webhook");
                help(c, diag,
                     "`patient." STR_FMT
                     "` is set where phi decides: leave it out, or write `allow phi \"reason\"`",
                     STR_ARG(name));
            }
        }
    }
}

static void note_setting(struct compiler *c, struct node *node, const char *what)
{
    if (node && map64_get(&c->phi_nodes, node->id))
        phi_note(c, PHI_LISTED, node->span, str_of(what), (struct str){0});
}

static bool note_moment(void *context, struct node *node)
{
    struct compiler *c = context;
    if (node->kind == NODE_WAIT_UNTIL) {
        note_setting(c, node->kids[WAIT_UNTIL_VALUE], "settles the moment of a wait");
        note_setting(c, node->kids[WAIT_UNTIL_UP_TO], "settles the end of a wait");
    } else if (node->kind == NODE_WAIT_EVENT) {
        note_setting(c, node->kids[WAIT_EVENT_PATTERN]->kids[PATTERN_WHERE],
                     "settles the moment of a wait");
        note_setting(c, node->kids[WAIT_EVENT_UP_TO], "settles the end of a wait");
    } else if (node->kind == NODE_WAIT_REPLY) {
        note_setting(c, node->kids[WAIT_REPLY_UP_TO], "settles the end of a wait");
    } else if (node->kind == NODE_IF) {
        note_setting(c, node->kids[IF_CONDITION], "settles the way of the patient");
    } else if (node->kind == NODE_MATCH) {
        note_setting(c, node->kids[MATCH_VALUE], "settles the way of the patient");
    }
    return true;
}

/* What does not decide is listed all the same. */
static void note_settings(struct compiler *c, struct node *campaign)
{
    for (struct node *s = campaign->kids[CAMPAIGN_SETTINGS]; s; s = s->next) {
        struct node *pattern = s->kind == NODE_TRIGGER     ? s->kids[TRIGGER_PATTERN]
                               : s->kind == NODE_GOAL      ? s->kids[GOAL_PATTERN]
                               : s->kind == NODE_EXIT_RULE ? s->kids[EXIT_RULE_PATTERN]
                                                           : NULL;
        const char *what = s->kind == NODE_TRIGGER     ? "settles who enters (trigger)"
                           : s->kind == NODE_AUDIENCE  ? "settles who enters (audience)"
                           : s->kind == NODE_GOAL      ? "settles what counts as the goal"
                           : s->kind == NODE_EXIT_RULE ? "settles who leaves (exit)"
                                                       : "settles who enters";
        for (int kid = 0; kid < NODE_KID_ROOM; kid++)
            note_setting(c, s->kids[kid], what);
        if (pattern)
            note_setting(c, pattern->kids[PATTERN_WHERE], what);
        uint64_t *segment =
            s->kind == NODE_TRIGGER && s->name.at ? strmap_get(&c->segments, s->name) : NULL;
        if (segment && c->segment_is_phi[*segment])
            phi_note(c, PHI_LISTED, s->name_span, str_of(what), (struct str){0});
    }
    ast_walk(campaign->kids[CAMPAIGN_WORKFLOW], note_moment, c);
}

static void find_never(struct walk *walk)
{
    for (struct node *decl = walk->c->out->declarations; decl; decl = decl->next)
        for (struct node *rule = decl->kind == NODE_POLICY ? decl->kids[POLICY_RULES] : NULL; rule;
             rule = rule->next) {
            if (rule->kind != NODE_NEVER_PHI)
                continue;
            walk->never[CHANNEL_EMAIL] |= (rule->flags & FLAG_EMAIL) != 0;
            walk->never[CHANNEL_SMS] |= (rule->flags & FLAG_SMS) != 0;
        }
}

void phi_check(struct compiler *c)
{
    struct walk walk = {.c = c};
    if (!c->phi_nodes.count)
        return;
    find_never(&walk);
    do {
        walk.is_changed = false;
        for (struct node *decl = c->out->declarations; decl; decl = decl->next) {
            if (decl->kind != NODE_CAMPAIGN)
                continue;
            walk.blocks = walk.exits = walk.breaks = NULL;
            walk.campaign = decl->name;
            c->campaign = decl;
            walk_block(&walk, decl->kids[CAMPAIGN_WORKFLOW]);
        }
    } while (walk.is_changed);
    for (struct decision *decision = walk.decisions; decision; decision = decision->next)
        report_decision(c, decision);
    check_told(&walk);
    for (struct node *decl = c->out->declarations; decl; decl = decl->next)
        if (decl->kind == NODE_CAMPAIGN) {
            c->campaign = decl;
            note_settings(c, decl);
        }
    strmap_free(&walk.told);
    map64_free(&walk.decision_of);
}
