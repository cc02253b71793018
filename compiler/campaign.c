/* campaign.c: settings and the frame of a campaign (LANGUAGE.md 2.1, 2.2); its workflow is
 * workflow.c. */
#include "compiler/phi.h"

enum { MOST_FLOW_DEPTH = 32 };

static void report_twice(struct compiler *c, const struct node *second, const struct node *first)
{
    struct diag *diag = report(c, DIAG_SETTING_TWICE, second->span);
    note(c, diag, first->span, "first here");
    help(c, diag, "keep one of them");
}

struct node *setting_of(struct compiler *c, enum node_kind kind)
{
    struct node *found = NULL;
    for (struct node *s = c->campaign->kids[CAMPAIGN_SETTINGS]; s; s = s->next) {
        if (s->kind != kind)
            continue;
        if (found)
            report_twice(c, s, found);
        else
            found = s;
    }
    return found;
}

/* Every message has its row before anything refers to it. */
static bool declare_one(void *context, struct node *node)
{
    struct compiler *c = context;
    bool is_webhook = node->kind == NODE_WEBHOOK;
    if (node->kind == NODE_EMAIL || node->kind == NODE_SMS || is_webhook) {
        bool is_new;
        uint64_t *row = strmap_put(&c->messages, node->name, &is_new);
        if (!is_new) {
            struct diag *diag =
                report(c, DIAG_DUPLICATE, node->name_span, "message", STR_ARG(node->name));
            uint64_t *first = map64_get(&c->message_nodes, *row);
            if (first)
                note(c, diag, ((const struct node *)(uintptr_t)*first)->name_span, "first here");
            help(c, diag, "a message keeps its name for ever: give this one another");
        } else {
            struct image_message message = {.name = intern(c, node->name),
                                            .campaign = c->campaign_row,
                                            .channel = is_webhook                 ? CHANNEL_WEBHOOK
                                                       : node->kind == NODE_EMAIL ? CHANNEL_EMAIL
                                                                                  : CHANNEL_SMS,
                                            .to = IMAGE_NONE};
            *row = add_message(c, message);
            *map64_put(&c->message_nodes, *row, NULL) = (uint64_t)(uintptr_t)node;
        }
        return false;
    }
    return true;
}

struct flow_walk {
    struct compiler *c;
    struct map64 seen;    /* ids of flows */
    struct strmap splits; /* by name */
};

/* A split's name is a part of who takes which arm (F5). */
static void declare_split(struct flow_walk *walk, struct node *node)
{
    bool is_new;
    uint64_t *known = strmap_put(&walk->splits, node->name, &is_new);
    if (is_new) {
        *known = (uint64_t)(uintptr_t)node;
        return;
    }
    struct diag *diag =
        report(walk->c, DIAG_DUPLICATE, node->name_span, "split", STR_ARG(node->name));
    note(walk->c, diag, ((const struct node *)(uintptr_t)*known)->name_span, "first here");
    help(walk->c, diag, "patients would take the same arm in both: give this one another name");
}

static bool walk_flows(void *context, struct node *node)
{
    struct flow_walk *walk = context;
    declare_one(walk->c, node);
    if (node->kind == NODE_SPLIT)
        declare_split(walk, node);
    uint64_t *flow = node->kind == NODE_DO ? strmap_get(&walk->c->flows, node->name) : NULL;
    if (flow) {
        struct node *decl = (struct node *)(uintptr_t)*flow;
        bool is_new;
        map64_put(&walk->seen, decl->id, &is_new);
        if (is_new)
            ast_walk(decl->kids[FLOW_BODY], walk_flows, walk);
    }
    return node->kind != NODE_EMAIL && node->kind != NODE_SMS && node->kind != NODE_WEBHOOK &&
           node->kind < NODE_FILE; /* values and expressions hold no steps */
}

static void set_trigger(struct compiler *c, struct image_campaign *row)
{
    static const uint32_t kinds[] = {0,
                                     TRIGGER_EVENT,
                                     TRIGGER_CHANGES,
                                     TRIGGER_BECOMES,
                                     TRIGGER_ENTERED,
                                     TRIGGER_LEFT,
                                     TRIGGER_OBJECT,
                                     TRIGGER_DATE,
                                     TRIGGER_DATE,
                                     TRIGGER_DATE,
                                     TRIGGER_MANUAL};
    struct node *trigger = setting_of(c, NODE_TRIGGER);
    struct typed type;
    new_slot(c);
    if (!trigger) {
        c->is_trigger_bad = true;
        struct diag *diag = report(c, DIAG_NO_TRIGGER, c->campaign->name_span);
        help(c, diag, "say when a patient enters: `trigger event …`");
        return;
    }
    row->trigger_kind = kinds[trigger->number];
    struct node *path = trigger->kids[TRIGGER_PATH], *pattern = trigger->kids[TRIGGER_PATTERN];
    struct node *where = trigger->kids[TRIGGER_WHERE];
    if (path)
        row->trigger_attribute = attribute_of(c, path);
    bool is_of_date = trigger->number == FORM_DATE || trigger->number == FORM_DATE_BEFORE ||
                      trigger->number == FORM_DATE_AFTER;
    if (is_of_date && row->trigger_attribute != IMAGE_NONE) {
        uint32_t kind = typed_of(c, c->image->attributes[row->trigger_attribute].type).kind;
        if (kind != TYPE_DATE && kind != TYPE_TIME && kind != KIND_BAD)
            help(c, report(c, DIAG_WRONG_TYPE, path->span, kind_name(kind), "a date"),
                 "declare the attribute as `date` or `time`");
    }
    if (row->trigger_attribute != IMAGE_NONE && trigger->kids[TRIGGER_VALUE]) {
        struct typed wanted = typed_of(c, c->image->attributes[row->trigger_attribute].type);
        row->trigger_value = expression_code(c, trigger->kids[TRIGGER_VALUE], wanted, &type);
    }
    if (row->trigger_attribute != IMAGE_NONE) {
        type = typed_kind(KIND_ANY);
        type.is_phi = c->image->attributes[row->trigger_attribute].is_phi;
        phi_mark(c, path, type);
    }
    if (pattern) {
        row->trigger_event = event_of(c, pattern->name, pattern->name_span);
        if (row->trigger_event == IMAGE_NONE) {
            c->is_trigger_bad = true;
            push_name_slot(c, pattern->other, pattern->other_span, 0, typed_kind(KIND_BAD));
            return;
        }
        row->trigger_slot = 0;
        if (pattern->kids[PATTERN_WHERE])
            row->trigger_where = where_code(c, pattern->kids[PATTERN_WHERE], NAME_TESTED_EVENT,
                                            row->trigger_event, pattern->other, &type);
        c->trigger =
            (struct typed){.kind = KIND_EVENT, .row = row->trigger_event, .is_known = true};
        push_name_slot(c, pattern->other, pattern->other_span, 0, c->trigger);
    } else if (trigger->number == FORM_OBJECT) {
        uint64_t *object = strmap_get(&c->objects, trigger->name);
        if (!object) {
            struct diag *diag =
                report(c, DIAG_UNKNOWN_NAME, trigger->name_span, "object", STR_ARG(trigger->name));
            suggest(c, diag, trigger->name, &c->objects);
            push_name_slot(c, trigger->other.at ? trigger->other : trigger->name,
                           trigger->name_span, 0, typed_kind(KIND_BAD));
            return;
        }
        row->trigger_object = (uint32_t)*object;
        row->trigger_slot = 0;
        struct str alias = trigger->other.at ? trigger->other : trigger->name;
        row->trigger_where =
            where_code(c, where, NAME_TESTED_OBJECT, (uint32_t)*object, alias, &type);
        struct typed live = {.kind = KIND_OBJECT, .row = (uint32_t)*object, .is_known = true};
        push_name_slot(c, alias, trigger->other.at ? trigger->other_span : trigger->name_span, 0,
                       live);
    } else if (trigger->number == FORM_ENTERED || trigger->number == FORM_LEFT) {
        uint64_t *segment = strmap_get(&c->segments, trigger->name);
        row->trigger_segment = segment ? (uint32_t)*segment : IMAGE_NONE;
        mark_used(c, "segment", trigger->name);
        if (!segment) {
            struct diag *diag =
                report(c, DIAG_UNKNOWN_NAME, trigger->name_span, "segment", STR_ARG(trigger->name));
            suggest(c, diag, trigger->name, &c->segments);
        }
    } else if (where) {
        c->unknown_matters++;
        row->trigger_where = condition_code(c, where);
        c->unknown_matters--;
    }
    if (trigger->kids[TRIGGER_OFFSET]) {
        struct node offset = *trigger->kids[TRIGGER_OFFSET];
        int sign = trigger->number == FORM_DATE_BEFORE ? -1 : 1;
        offset.number *= sign;
        offset.days *= sign;
        offset.months *= sign;
        row->trigger_offset = duration_constant(c, &offset);
    }
    row->trigger_minute = trigger->clock < 0 ? 0 : (uint32_t)trigger->clock;
    row->trigger_per_year = trigger->is_per_year;
}

static void set_entry(struct compiler *c, struct image_campaign *row)
{
    struct node *enter = setting_of(c, NODE_ENTER), *audience = setting_of(c, NODE_AUDIENCE);
    struct node *holdout = setting_of(c, NODE_HOLDOUT),
                *description = setting_of(c, NODE_DESCRIPTION);
    struct typed type;
    row->enter_kind = enter ? (uint32_t)enter->number : ENTER_ONCE;
    if (enter && enter->kids[ENTER_PER])
        row->enter_duration = duration_constant(c, enter->kids[ENTER_PER]);
    if (enter && enter->kids[ENTER_KEY]) {
        row->enter_key = expression_code(c, enter->kids[ENTER_KEY], typed_kind(KIND_ANY), &type);
        phi_mark(c, enter->kids[ENTER_KEY], type);
    }
    if (audience) {
        c->unknown_matters++;
        row->audience = condition_code(c, audience->kids[AUDIENCE_CONDITION]);
        c->unknown_matters--;
        if (audience->kids[AUDIENCE_WITHIN])
            row->audience_within = duration_constant(c, audience->kids[AUDIENCE_WITHIN]);
    }
    if (holdout && holdout->number > 10000)
        help(c, report(c, DIAG_BAD_PERCENT, holdout->name_span), "write a share from 0%% to 100%%");
    row->holdout = holdout ? (uint32_t)holdout->number : 0;
    if (description)
        row->description = intern(c, description->name);
}

static void set_consent(struct compiler *c, struct image_campaign *row)
{
    struct node *topic = setting_of(c, NODE_TOPIC),
                *transactional = setting_of(c, NODE_TRANSACTIONAL);
    if (topic && transactional) {
        report_two_rules(c, topic, transactional);
    } else if (!topic && !transactional) {
        struct diag *diag = report(c, DIAG_NO_CONSENT_RULE, c->campaign->name_span);
        help(c, diag, "say `topic …` for what patients can decline, or `transactional`");
    }
    if (topic) {
        uint64_t *known = strmap_get(&c->topics, topic->name);
        row->topic = known ? (uint32_t)*known : IMAGE_NONE;
        if (!known) {
            struct diag *diag =
                report(c, DIAG_UNKNOWN_NAME, topic->name_span, "topic", STR_ARG(topic->name));
            suggest(c, diag, topic->name, &c->topics);
        }
    }
    if (transactional)
        row->topic = IMAGE_NONE;
    c->topic = row->topic;
    struct node *automatic = setting_of(c, NODE_SEND_AUTOMATICALLY),
                *draft = setting_of(c, NODE_SEND_DRAFT);
    if (automatic && draft)
        report_twice(c, draft, automatic);
    c->is_draft = !automatic;
    c->draft_bound = draft ? draft->kids[SEND_DRAFT_UP_TO] : NULL;
}

static uint32_t deceased_code(struct compiler *c)
{
    uint32_t attribute = c->image->projects[0].deceased_attribute;
    struct code code;
    code_begin(c, &code, CODE_EXPRESSION);
    emit(c, op_c(OP_ATTRIBUTE, attribute), 0, 1);
    add_read_of(c, READ_ATTRIBUTE, attribute);
    emit(c, op_c(OP_TEST, 0), 1, 1);
    emit(c, op_c(OP_RETURN, 0), 1, 0);
    return code_end(c);
}

static bool has_goal(struct compiler *c)
{
    const struct node *s = c->campaign->kids[CAMPAIGN_SETTINGS];
    while (s && s->kind != NODE_GOAL)
        s = s->next;
    return s != NULL;
}

static void set_exits(struct compiler *c, struct image_campaign *row)
{
    struct image_exit *exits = NULL;
    uint32_t count = 0, room = 0;
    struct typed type;
    for (struct node *s = c->campaign->kids[CAMPAIGN_SETTINGS]; s; s = s->next) {
        if (s->kind != NODE_EXIT_RULE)
            continue;
        struct node *pattern = s->kids[EXIT_RULE_PATTERN], *when = s->kids[EXIT_RULE_CONDITION];
        struct image_exit exit = {IMAGE_NONE, IMAGE_NONE};
        if (!pattern && !when) {
            row->exit_on_goal = true;
            if (!has_goal(c))
                help(c, report(c, DIAG_NO_GOAL, s->span),
                     "say what it is: `goal event … within 30 days of any message`");
            continue;
        }
        if (pattern) {
            exit.event = event_of(c, pattern->name, pattern->name_span);
            if (pattern->other.at)
                check_hides(c, pattern->other, pattern->other_span);
            if (exit.event == IMAGE_NONE)
                continue;
            if (pattern->kids[PATTERN_WHERE])
                exit.condition = where_code(c, pattern->kids[PATTERN_WHERE], NAME_TESTED_EVENT,
                                            exit.event, pattern->other, &type);
        } else {
            exit.condition = condition_code(c, when);
        }
        exits = arena_grow(c->arena, exits, count, &room, sizeof *exits);
        exits[count++] = exit;
    }
    if (c->image->projects[0].deceased_attribute != IMAGE_NONE) {
        exits = arena_grow(c->arena, exits, count, &room, sizeof *exits);
        exits[count++] = (struct image_exit){IMAGE_NONE, deceased_code(c)};
    }
    row->exits = (struct rows){c->image->exit_count, count};
    for (uint32_t i = 0; i < count; i++)
        add_exit(c, exits[i]);
}

static void set_goals(struct compiler *c, struct image_campaign *row)
{
    static const uint32_t anchors[] = {0, ANCHOR_ENTRY, ANCHOR_ANY_MESSAGE, ANCHOR_MESSAGE};
    struct node *s = setting_of(c, NODE_GOAL);
    struct typed type;
    if (!s)
        return;
    struct node *pattern = s->kids[GOAL_PATTERN], *when = s->kids[GOAL_CONDITION];
    struct image_goal goal = {.event = IMAGE_NONE,
                              .condition = IMAGE_NONE,
                              .anchor = anchors[s->number],
                              .message = IMAGE_NONE};
    goal.within = duration_constant(c, s->kids[GOAL_WITHIN]);
    if (pattern) {
        goal.event = event_of(c, pattern->name, pattern->name_span);
        if (pattern->other.at)
            check_hides(c, pattern->other, pattern->other_span);
        if (goal.event != IMAGE_NONE && pattern->kids[PATTERN_WHERE])
            goal.condition = where_code(c, pattern->kids[PATTERN_WHERE], NAME_TESTED_EVENT,
                                        goal.event, pattern->other, &type);
    } else {
        goal.condition = condition_code(c, when);
    }
    if (s->number == FORM_OF_MESSAGE) {
        uint64_t *message = strmap_get(&c->messages, s->name);
        bool is_email = s->flags & FLAG_EMAIL;
        if (message &&
            (c->image->messages[*message].channel == (is_email ? CHANNEL_EMAIL : CHANNEL_SMS))) {
            goal.message = (uint32_t)*message;
        } else {
            struct diag *diag = report(c, DIAG_UNKNOWN_NAME, s->name_span,
                                       is_email ? "email" : "sms", STR_ARG(s->name));
            suggest(c, diag, s->name, &c->messages);
        }
    }
    row->goals = (struct rows){c->image->goal_count, 1};
    add_goal(c, goal);
}

static void begin(struct compiler *c, struct node *campaign, uint32_t index)
{
    c->campaign = campaign;
    c->campaign_row = index;
    pop_names(c, 0);
    c->name_base = c->slot_count = c->slot_most = c->fact_count = 0;
    c->trigger = typed_kind(KIND_BAD);
    c->is_trigger_bad = false;
    c->active_flow_count = c->breaks = c->step_depth = 0;
    c->is_in_repeat = false;
    strmap_clear(&c->messages);
    strmap_clear(&c->step_names);
    map64_clear(&c->flow_slots);
}

void compile_flow_alone(struct compiler *c, struct node *flow, struct node *campaign,
                        uint32_t index)
{
    struct image_campaign row = {.name = intern(c, campaign->name), .topic = IMAGE_NONE};
    struct flow_walk walk = {.c = c};
    struct code code;
    begin(c, campaign, index);
    set_consent(c, &row);
    ast_walk(flow->kids[FLOW_BODY], walk_flows, &walk);
    map64_free(&walk.seen);
    strmap_free(&walk.splits);
    code_begin(c, &code, CODE_WORKFLOW);
    compile_flow_body(c, flow);
    emit(c, op_c(OP_END, 0), 0, 0);
    code_end(c);
}

void compile_campaign(struct compiler *c, struct node *campaign, uint32_t index)
{
    struct image_campaign row = {.name = intern(c, campaign->name),
                                 .title = intern(c, campaign->other),
                                 .description = IMAGE_NONE,
                                 .trigger_kind = TRIGGER_MANUAL,
                                 .trigger_event = IMAGE_NONE,
                                 .trigger_attribute = IMAGE_NONE,
                                 .trigger_segment = IMAGE_NONE,
                                 .trigger_object = IMAGE_NONE,
                                 .trigger_where = IMAGE_NONE,
                                 .trigger_value = IMAGE_NONE,
                                 .trigger_offset = IMAGE_NONE,
                                 .trigger_slot = IMAGE_NONE,
                                 .enter_duration = IMAGE_NONE,
                                 .enter_key = IMAGE_NONE,
                                 .audience = IMAGE_NONE,
                                 .audience_within = IMAGE_NONE,
                                 .topic = IMAGE_NONE};
    begin(c, campaign, index);
    row.messages.first = c->image->message_count;
    struct flow_walk walk = {.c = c};
    ast_walk(campaign->kids[CAMPAIGN_WORKFLOW], walk_flows, &walk);
    map64_free(&walk.seen);
    strmap_free(&walk.splits);
    row.messages.count = c->image->message_count - row.messages.first;
    set_trigger(c, &row);
    set_entry(c, &row);
    set_consent(c, &row);
    set_exits(c, &row);
    set_goals(c, &row);
    struct code code;
    row.waits.first = c->image->wait_count;
    row.steps.first = c->image->step_count;
    code_begin(c, &code, CODE_WORKFLOW);
    if (campaign->kids[CAMPAIGN_WORKFLOW]->flags & FLAG_MISSING)
        help(c, report(c, DIAG_NO_WORKFLOW, campaign->name_span),
             "write `workflow { … }` behind the settings");
    compile_block(c, campaign->kids[CAMPAIGN_WORKFLOW]);
    emit(c, op_c(OP_END, 0), 0, 0);
    row.workflow = code_end(c);
    row.waits.count = c->image->wait_count - row.waits.first;
    row.steps.count = c->image->step_count - row.steps.first;
    row.slot_count = c->slot_most;
    if (row.slot_count > 4096 || c->image->codes[row.workflow].count > 1 << 22)
        report_too_large(c, campaign->name_span, "the workflow");
    c->image->campaigns[index] = row;
    check_asserts(c);
}
