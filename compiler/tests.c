/* tests.c: the expressions of `test` blocks become codes of the image, found by the id of their
 * node: the runner (tool/run_test.c) walks the statements and evaluates them on the real machine
 * (LANGUAGE.md 5). */
#include "compiler/internal.h"

static void keep(struct compiler *c, struct node *node, struct typed wanted)
{
    struct typed type;
    if (node->kind == NODE_RECORD || node->kind == NODE_FILE)
        return;
    *map64_put(&c->out->code_of, node->id, NULL) = expression_code(c, node, wanted, &type);
}

static void record_of_fields(struct compiler *c, struct node *record, struct rows fields,
                             const char *what)
{
    for (struct node *pair = record ? record->kids[RECORD_PAIRS] : NULL; pair; pair = pair->next) {
        uint32_t field = IMAGE_NONE;
        for (uint32_t i = 0; i < fields.count; i++)
            if (str_eq(text_of(c, c->image->fields[fields.first + i].name), pair->name))
                field = fields.first + i;
        if (field == IMAGE_NONE)
            report(c, DIAG_UNKNOWN_NAME, pair->name_span, what, STR_ARG(pair->name));
        else
            keep(c, pair->kids[PAIR_VALUE], typed_of(c, c->image->fields[field].type));
    }
}

static void record_of_patient(struct compiler *c, struct node *record)
{
    for (struct node *pair = record->kids[RECORD_PAIRS]; pair; pair = pair->next) {
        uint64_t *row = strmap_get(&c->attributes, pair->name);
        if (row) {
            keep(c, pair->kids[PAIR_VALUE], typed_of(c, c->image->attributes[*row].type));
            continue;
        }
        struct diag *diag =
            report(c, DIAG_UNKNOWN_NAME, pair->name_span, "attribute", STR_ARG(pair->name));
        suggest(c, diag, pair->name, &c->attributes);
    }
}

static void event_record(struct compiler *c, struct node *s)
{
    uint32_t event = event_of(c, s->name, s->name_span);
    if (event != IMAGE_NONE)
        record_of_fields(c, s->kids[0], c->image->events[event].fields, "property");
}

static void object_record(struct compiler *c, struct node *s)
{
    uint64_t *object = strmap_get(&c->objects, s->name);
    if (object)
        record_of_fields(c, s->kids[0], c->image->objects[*object].fields, "field");
    else
        report(c, DIAG_UNKNOWN_NAME, s->name_span, "object", STR_ARG(s->name));
}

static void known(struct compiler *c, struct node *s, struct strmap *map, const char *what)
{
    if (strmap_get(map, s->name))
        return;
    struct diag *diag = report(c, DIAG_UNKNOWN_NAME, s->name_span, what, STR_ARG(s->name));
    suggest(c, diag, s->name, map);
}

/* False: there is none, which was reported. */
static bool message(struct compiler *c, struct node *s)
{
    uint64_t *row = strmap_get(&c->messages, s->name);
    bool is_email = s->flags & FLAG_EMAIL;
    uint32_t wanted = is_email ? CHANNEL_EMAIL : CHANNEL_SMS,
             channel = row ? c->image->messages[*row].channel : wanted;
    if (row && channel == wanted)
        return true;
    struct diag *diag =
        report(c, DIAG_UNKNOWN_NAME, s->name_span, is_email ? "email" : "sms", STR_ARG(s->name));
    if (row)
        help(c, diag, "`" STR_FMT "` is %s", STR_ARG(s->name),
             channel == CHANNEL_EMAIL ? "an email"
             : channel == CHANNEL_SMS ? "an sms"
                                      : "a webhook");
    else
        suggest(c, diag, s->name, &c->messages);
    return false;
}

/* The fields of a message that a test compares. */
static void check_expected(struct compiler *c, struct node *s)
{
    static const char *const names[] = {"to",        "from", "reply_to", "subject",
                                        "preheader", "html", "text"};
    bool is_email = s->flags & FLAG_EMAIL;
    struct node *record = s->kind == NODE_EXPECT_MESSAGE ? s->kids[EXPECT_MESSAGE_RECORD] : NULL;
    for (struct node *pair = record ? record->kids[RECORD_PAIRS] : NULL; pair; pair = pair->next) {
        bool is_allowed = false;
        for (size_t i = 0; i < ARRAY_COUNT(names); i++)
            is_allowed |= str_eq_c(pair->name, names[i]) && (is_email || i == 0 || i == 6);
        if (is_allowed && pair->kids[PAIR_VALUE]->kind != NODE_TEXT)
            keep(c, pair->kids[PAIR_VALUE], typed_of(c, type_of_kind(c, TYPE_TEXT)));
        if (is_allowed)
            continue;
        struct diag *diag = report(c, DIAG_UNKNOWN_PROP, pair->name_span, STR_ARG(pair->name),
                                   is_email ? "an e-mail" : "an SMS");
        help(c, diag, is_email ? "to from reply_to subject preheader html text" : "to text");
    }
}

static void keep_all(struct compiler *c, struct node *value)
{
    if (value->kind != NODE_RECORD) {
        keep(c, value, typed_kind(KIND_ANY));
        return;
    }
    for (struct node *pair = value->kids[RECORD_PAIRS]; pair; pair = pair->next)
        keep_all(c, pair->kids[PAIR_VALUE]);
}

static void webhook(struct compiler *c, struct node *s)
{
    static const char *const given[] = {"status", "body"};
    static const char *const expected[] = {"url", "method", "headers", "json"};
    bool is_given = s->kind == NODE_GIVEN_WEBHOOK;
    const char *const *names = is_given ? given : expected;
    size_t count = is_given ? ARRAY_COUNT(given) : ARRAY_COUNT(expected);
    uint64_t *row = strmap_get(&c->messages, s->name);
    if (!row || c->image->messages[*row].channel != CHANNEL_WEBHOOK) {
        struct diag *diag = report(c, DIAG_UNKNOWN_NAME, s->name_span, "webhook", STR_ARG(s->name));
        suggest(c, diag, s->name, &c->messages);
    }
    for (struct node *pair = s->kids[0] ? s->kids[0]->kids[RECORD_PAIRS] : NULL; pair;
         pair = pair->next) {
        bool is_allowed = false;
        for (size_t i = 0; i < count; i++)
            is_allowed |= str_eq_c(pair->name, names[i]);
        if (!is_allowed) {
            struct diag *diag = report(c, DIAG_UNKNOWN_PROP, pair->name_span, STR_ARG(pair->name),
                                       is_given ? "an answer" : "a webhook");
            help(c, diag, is_given ? "status body" : "url method headers json");
        }
        keep_all(c, pair->kids[PAIR_VALUE]);
    }
}

struct split_search {
    struct compiler *c;
    struct node *statement;
    bool has_split, has_arm;
};

static bool find_arm(void *context, struct node *node)
{
    struct split_search *search = context;
    uint64_t *flow = node->kind == NODE_DO ? strmap_get(&search->c->flows, node->name) : NULL;
    if (flow && search->c->active_flow_count < ARRAY_COUNT(search->c->active_flows)) {
        search->c->active_flow_count++;
        ast_walk(((struct node *)(uintptr_t)*flow)->kids[FLOW_BODY], find_arm, search);
        search->c->active_flow_count--;
    }
    if (node->kind != NODE_SPLIT || !str_eq(node->name, search->statement->name))
        return true;
    search->has_split = true;
    for (const struct node *arm = node->kids[SPLIT_ARMS]; arm; arm = arm->next)
        search->has_arm |= str_eq(arm->name, search->statement->other);
    return true;
}

static void split_arm(struct compiler *c, struct node *s)
{
    struct split_search search = {c, s, false, false};
    c->active_flow_count = 0;
    ast_walk(c->campaign->kids[CAMPAIGN_WORKFLOW], find_arm, &search);
    if (!search.has_split)
        report(c, DIAG_UNKNOWN_NAME, s->name_span, "split", STR_ARG(s->name));
    else if (!search.has_arm)
        report(c, DIAG_UNKNOWN_NAME, s->other_span, "arm", STR_ARG(s->other));
}

static void statement(struct compiler *c, struct node *s)
{
    switch ((int)s->kind) {
    case NODE_GIVEN_PATIENT:
        record_of_patient(c, s->kids[GIVEN_PATIENT_RECORD]);
        break;
    case NODE_GIVEN_EVENT:
    case NODE_ACT_EVENT:
        event_record(c, s);
        break;
    case NODE_GIVEN_OBJECT:
    case NODE_ACT_OBJECT:
        object_record(c, s);
        break;
    case NODE_GIVEN_SUBSCRIBED:
    case NODE_SUBSCRIBE:
    case NODE_UNSUBSCRIBE:
        known(c, s, &c->topics, "topic");
        break;
    case NODE_ADD:
    case NODE_REMOVE:
        if (strmap_get(&c->segments, s->name))
            check_manual(c, s, (uint32_t)*strmap_get(&c->segments, s->name));
        known(c, s, &c->segments, "segment");
        break;
    case NODE_GIVEN_SEGMENT:
        known(c, s, &c->segments, "segment");
        break;
    case NODE_SET: {
        uint32_t row = attribute_of(c, s->kids[SET_PATH]);
        if (row != IMAGE_NONE)
            keep(c, s->kids[SET_VALUE], typed_of(c, c->image->attributes[row].type));
        break;
    }
    case NODE_CLEAR:
        attribute_of(c, s->kids[CLEAR_PATH]);
        break;
    case NODE_ACT_MESSAGE:
        message(c, s);
        break;
    case NODE_EXPECT_MESSAGE:
        if (message(c, s))
            check_expected(c, s);
        break;
    case NODE_EXPECT: {
        struct node *condition_node = s->kids[EXPECT_CONDITION];
        *map64_put(&c->out->code_of, condition_node->id, NULL) = condition_code(c, condition_node);
        break;
    }
    case NODE_GIVEN_WEBHOOK:
    case NODE_EXPECT_WEBHOOK:
        webhook(c, s);
        break;
    case NODE_GIVEN_SPLIT:
        split_arm(c, s);
        break;
    default:
        break;
    }
}

uint32_t campaign_row(const struct compiler *c, struct str name)
{
    uint32_t low = 0, end = c->image->campaign_count;
    while (low < end) {
        uint32_t middle = low + (end - low) / 2;
        int order = str_cmp(image_text(c->image, c->image->campaigns[middle].name), name);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            end = middle;
    }
    return IMAGE_NONE;
}

void find_messages(struct compiler *c, uint32_t campaign)
{
    strmap_clear(&c->messages);
    if (campaign == IMAGE_NONE)
        return;
    const struct image_campaign *row = &c->image->campaigns[campaign];
    for (uint32_t k = 0; k < row->messages.count; k++)
        *strmap_put(&c->messages, text_of(c, c->image->messages[row->messages.first + k].name),
                    NULL) = row->messages.first + k;
}

void compile_tests(struct compiler *c)
{
    c->is_test = true;
    pop_names(c, 0);
    c->name_base = c->fact_count = 0;
    c->trigger = typed_kind(KIND_BAD);
    for (struct node *test = c->out->declarations; test; test = test->next) {
        if (test->kind != NODE_TEST)
            continue;
        uint64_t *campaign = strmap_get(&c->campaigns, test->name);
        if (!campaign) {
            struct diag *diag =
                report(c, DIAG_UNKNOWN_NAME, test->name_span, "campaign", STR_ARG(test->name));
            suggest(c, diag, test->name, &c->campaigns);
            continue;
        }
        find_messages(c, campaign_row(c, test->name));
        c->campaign = (struct node *)(uintptr_t)*campaign;
        for (struct node *s = test->kids[TEST_STATEMENTS]; s; s = s->next)
            statement(c, s);
    }
    c->is_test = false;
}
