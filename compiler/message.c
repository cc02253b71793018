/* message.c: e-mails and texts: what they need, who may get them, when they may go
 * (LANGUAGE.md 2.3, 3.2). */
#include "compiler/phi.h"
#include "compiler/warn.h"
#include "grammar/parse.h"
#include "vm/code/accept.h"

static struct node *prop_of(struct node *step, const char *name)
{
    for (struct node *prop = step->kids[EMAIL_PROPS]; prop; prop = prop->next)
        if (prop->kind == NODE_PROP && str_eq_c(prop->name, name))
            return prop;
    return NULL;
}

static bool is_within(struct span inner, struct span outer)
{
    return inner.file == outer.file && inner.first >= outer.first && inner.end <= outer.end;
}

static struct node *own(const struct node *step, enum node_kind kind)
{
    for (struct node *prop = step->kids[EMAIL_PROPS]; prop; prop = prop->next)
        if (prop->kind == kind)
            return prop;
    return NULL;
}

void check_prop_twice(struct compiler *c, const struct node *first, const struct node *prop)
{
    bool may_repeat = prop->kind == NODE_WINDOW || prop->kind == NODE_LIMIT;
    for (; first != prop && !may_repeat; first = first->next) {
        bool is_same = prop->kind == NODE_PROP
                           ? first->kind == NODE_PROP && str_eq(first->name, prop->name)
                           : first->kind == prop->kind;
        bool are_sending =
            (first->kind == NODE_SEND_AUTOMATICALLY && prop->kind == NODE_SEND_DRAFT) ||
            (first->kind == NODE_SEND_DRAFT && prop->kind == NODE_SEND_AUTOMATICALLY);
        if (!is_same && !are_sending)
            continue;
        struct diag *diag = report(c, DIAG_SETTING_TWICE, prop->span);
        note(c, diag, first->span, "first here");
        help(c, diag, "keep one of them");
        return;
    }
}

/* False: it says something that messages have not, perhaps instead of what it needs. */
static bool check_props(struct compiler *c, struct node *step)
{
    bool is_fine = true;
    static const char *const email[] = {"to",   "from", "reply_to", "subject", "preheader",
                                        "html", "text", "expires",  NULL};
    static const char *const sms[] = {"to", "text", "expires", NULL};
    const char *const *allowed = step->kind == NODE_EMAIL ? email : sms;
    for (struct node *prop = step->kids[EMAIL_PROPS]; prop; prop = prop->next) {
        bool is_allowed = prop->kind != NODE_PROP;
        check_prop_twice(c, step->kids[EMAIL_PROPS], prop);
        for (const char *const *name = allowed; *name && !is_allowed; name++)
            is_allowed = str_eq_c(prop->name, *name);
        is_fine &= is_allowed;
        if (!is_allowed) {
            const char *what = step->kind == NODE_EMAIL ? "an e-mail" : "an SMS";
            struct diag *diag =
                report(c, DIAG_UNKNOWN_PROP, prop->name_span, STR_ARG(prop->name), what);
            struct str names[8];
            uint32_t count = 0;
            for (; allowed[count]; count++)
                names[count] = str_of(allowed[count]);
            suggest_of(c, diag, prop->name, names, count);
        }
    }
    return is_fine;
}

static bool is_made_for_staff(struct compiler *c, uint32_t code)
{
    const struct image_code *row = &c->image->codes[code];
    for (uint32_t i = 0; i < row->count; i++) {
        uint32_t op = op_of(c->image->instructions[row->first + i]);
        if (op == OP_ATTRIBUTE || op == OP_SLOT || op == OP_EVENT || op == OP_OBJECT ||
            op == OP_PATIENT_ID)
            return false;
    }
    return true;
}

struct found {
    struct image_window *windows;
    struct image_limit *limits;
    struct span *window_spans;
    uint32_t window_count, window_room, span_room, limit_count, limit_room;
    bool never_phi;
};

static void collect(struct compiler *c, struct found *found, struct node *list, uint32_t scope,
                    uint32_t channel)
{
    for (; list; list = list->next) {
        if (list->flags && !(list->flags & channel) && scope == LIMIT_POLICY)
            continue;
        if (list->kind == NODE_WINDOW) {
            found->windows = arena_grow(c->arena, found->windows, found->window_count,
                                        &found->window_room, sizeof *found->windows);
            found->window_spans = arena_grow(c->arena, found->window_spans, found->window_count,
                                             &found->span_room, sizeof *found->window_spans);
            found->window_spans[found->window_count] = list->span;
            found->windows[found->window_count++] =
                (struct image_window){(uint32_t)(list->number / 10000),
                                      (uint32_t)(list->number % 10000), (uint32_t)list->days};
        } else if (list->kind == NODE_LIMIT) {
            found->limits = arena_grow(c->arena, found->limits, found->limit_count,
                                       &found->limit_room, sizeof *found->limits);
            uint32_t channels = scope == LIMIT_MESSAGE ? channel : list->flags & 3;
            found->limits[found->limit_count++] =
                (struct image_limit){channels, (uint32_t)list->number,
                                     duration_constant(c, list->kids[LIMIT_PER]), scope};
        } else if (list->kind == NODE_NEVER_PHI && scope == LIMIT_POLICY) {
            found->never_phi = true;
        }
    }
}

bool windows_open(const struct image_window *windows, uint32_t count, uint32_t minute)
{
    enum { DAY = 1440 };
    uint32_t day = minute / DAY, at = minute % DAY, before = (day + 6) % 7;
    for (uint32_t i = 0; i < count; i++) {
        const struct image_window *w = &windows[i];
        bool passes = w->to_minute <= w->from_minute;
        bool today = !w->days || (w->days >> day & 1),
             yesterday = !w->days || (w->days >> before & 1);
        bool is_open = passes ? (today && at >= w->from_minute) || (yesterday && at < w->to_minute)
                              : today && at >= w->from_minute && at < w->to_minute;
        if (!is_open)
            return false;
    }
    return true;
}

/* Where they meet, they meet at the moment at which one of them opens. */
static bool windows_meet(const struct found *found)
{
    enum { DAY = 1440, DAYS = 7 };
    for (uint32_t i = 0; i < found->window_count; i++)
        for (uint32_t day = 0; day < DAYS; day++)
            if (windows_open(found->windows, found->window_count,
                             day * DAY + found->windows[i].from_minute))
                return true;
    return found->window_count == 0;
}

static void report_windows(struct compiler *c, const struct found *found)
{
    uint32_t last = found->window_count - 1;
    struct diag *diag = report(c, DIAG_WINDOWS_NEVER_MEET, found->window_spans[last]);
    for (uint32_t i = 0; i < last; i++)
        note(c, diag, found->window_spans[i], "this one holds too");
    help(c, diag, "let them overlap, or take one away");
}

static void add_rules(struct compiler *c, struct node *step, struct image_message *row,
                      struct found *found)
{
    uint32_t channel = step->kind == NODE_EMAIL ? FLAG_EMAIL : FLAG_SMS;
    collect(c, found, c->campaign->kids[CAMPAIGN_SETTINGS], LIMIT_CAMPAIGN, channel);
    for (uint32_t i = 0; i < c->policy_count; i++)
        collect(c, found, c->policy_list[i]->kids[POLICY_RULES], LIMIT_POLICY, channel);
    collect(c, found, step->kids[EMAIL_PROPS], LIMIT_MESSAGE, channel);
    if (!windows_meet(found))
        report_windows(c, found);
    row->windows = (struct rows){c->image->window_count, found->window_count};
    for (uint32_t i = 0; i < found->window_count; i++)
        add_window(c, found->windows[i]);
    row->limits = (struct rows){c->image->limit_count, found->limit_count};
    for (uint32_t i = 0; i < found->limit_count; i++)
        add_limit(c, found->limits[i]);
}

static void check_phi(struct compiler *c, const struct node *step, const struct node *prop,
                      struct span output, bool is_allowed, const char *sink)
{
    const struct node *allow = own(step, NODE_ALLOW_PHI);
    if (is_allowed) {
        struct str what =
            arena_printf(c->arena, "reaches %s, in `" STR_FMT "`", sink, STR_ARG(step->name));
        phi_note(c, PHI_ALLOWED, output, what, allow->name);
        return;
    }
    struct diag *diag = report(c, DIAG_PHI_REACHES, output, sink);
    if (output.file != prop->span.file || !is_within(output, step->span))
        note(c, diag, prop->span, "in this message");
    if (allow)
        help(c, diag,
             "leave it out: a policy says `never phi`, which is stronger than `allow phi`");
    else
        help(c, diag, "leave it out, or write `allow phi \"reason\"` into the message");
}

static uint32_t part(struct compiler *c, struct node *step, const char *name, bool is_html,
                     bool is_sink, const char *sink, bool phi_allowed, struct str *shown)
{
    struct node *prop = prop_of(step, name);
    struct typed type;
    if (!prop)
        return IMAGE_NONE;
    c->phi_url = (struct span){0};
    uint32_t code = template_code(c, prop->kids[PROP_VALUE], is_html, &type, shown);
    if (is_sink && type.is_phi)
        check_phi(c, step, prop, c->phi_output, phi_allowed, sink);
    else if (c->phi_url.end)
        check_phi(c, step, prop, c->phi_url, phi_allowed, "a web address in a mail");
    else if (type.is_phi)
        phi_note(c, PHI_BODY, c->phi_output,
                 arena_printf(c->arena, "stands in the body of `" STR_FMT "`", STR_ARG(step->name)),
                 (struct str){0});
    return code;
}

static void set_consent(struct compiler *c, struct node *step, struct image_message *row)
{
    struct node *topic = own(step, NODE_TOPIC), *transactional = own(step, NODE_TRANSACTIONAL);
    row->topic = c->topic;
    if (topic && transactional)
        report_two_rules(c, topic, transactional);
    if (transactional)
        row->topic = IMAGE_NONE;
    if (topic) {
        uint64_t *known = strmap_get(&c->topics, topic->name);
        row->topic = known ? (uint32_t)*known : IMAGE_NONE;
        if (!known) {
            struct diag *diag =
                report(c, DIAG_UNKNOWN_NAME, topic->name_span, "topic", STR_ARG(topic->name));
            suggest(c, diag, topic->name, &c->topics);
        }
    }
}

static void set_sending(struct compiler *c, struct node *step, struct image_message *row)
{
    struct node *draft = own(step, NODE_SEND_DRAFT), *bound = c->draft_bound;
    row->is_draft = c->is_draft;
    if (own(step, NODE_SEND_AUTOMATICALLY))
        row->is_draft = false;
    if (draft) {
        row->is_draft = true;
        bound = draft->kids[SEND_DRAFT_UP_TO];
    }
    row->draft_until = IMAGE_NONE;
    if (row->is_draft && bound) {
        struct typed type;
        row->draft_until = expression_code(c, bound, typed_kind(KIND_ANY), &type);
        if (type.kind != TYPE_DURATION && type.kind != TYPE_TIME && type.kind != TYPE_DATE &&
            type.kind != KIND_BAD)
            report(c, DIAG_WRONG_TYPE, bound->span, kind_name(type.kind),
                   "a duration or an instant");
    }
}

/* "Name <address>" is an address, too. */
static bool is_mailbox(struct str text)
{
    size_t open = str_find(text, STR("<"));
    if (open == SIZE_MAX)
        return address_is_email(str_trim(text));
    struct str rest = str_from(text, open + 1);
    return str_ends(rest, STR(">")) && address_is_email((struct str){rest.at, rest.len - 1});
}

/* An address that is written here, or comes from a clinic field, must be one (P4). */
static void check_address(struct compiler *c, struct node *value, struct typed type, bool is_email)
{
    struct node *literal = clinic_text(c, value);
    bool is_text = type.kind == TYPE_TEXT || type.kind == KIND_JSON || type.kind == KIND_BAD ||
                   type.kind == (is_email ? TYPE_EMAIL : TYPE_PHONE);
    if (!is_text) {
        report(c, DIAG_WRONG_TYPE, value->span, kind_name(type.kind),
               is_email ? "an e-mail address" : "a phone number");
        return;
    }
    if (literal->kind != NODE_TEXT || str_find(literal->name, STR("{{")) != SIZE_MAX ||
        (is_email ? is_mailbox(literal->name) : address_is_phone(literal->name)))
        return;
    struct diag *diag = report(c, DIAG_BAD_LITERAL, value->span, STR_ARG(literal->name),
                               is_email ? "an e-mail address" : "a phone number");
    help(c, diag, "write it as %s", is_email ? "\"Elm <hello@elm.example>\"" : "\"+15185550100\"");
}

/* A `to` with `{{ … }}` in it: its parts joined to one text; unknown as soon as one of them is. */
static uint32_t joined_code(struct compiler *c, const struct node *value)
{
    struct template_origin origin = {value->span.file, value->span.first, true};
    struct node *template = liquid_parse(&c->out->ast, c->diags, value->name, origin);
    struct typed text = typed_of(c, type_of_kind(c, TYPE_TEXT));
    struct code code;
    uint32_t count = 0;
    code_begin(c, &code, CODE_EXPRESSION);
    for (struct node *part = template ? template->kids[TEMPLATE_PARTS] : NULL; part;
         part = part->next) {
        if (part->kind == NODE_RAW) {
            emit(c, op_c(OP_PUSH_CONST, add_constant_value(c, value_text(part->name))), 0, 1);
        } else if (part->kind == NODE_OUTPUT) {
            expression_as(c, part->kids[OUTPUT_VALUE], text);
        } else {
            help(c, report(c, DIAG_TEMPLATE_SYNTAX, value->span, "an address has no tags"),
                 "choose before the message: `if … { … } else { … }`, or write `{{ … }}` alone");
            break;
        }
        if (count++)
            emit(c, op_c(OP_ADD, 0), 2, 1);
    }
    if (!count)
        emit(c, op_c(OP_PUSH_UNKNOWN, 0), 0, 1);
    emit(c, op_c(OP_RETURN, 0), 1, 0);
    return code_end(c);
}

static void set_address(struct compiler *c, struct node *step, struct image_message *row)
{
    struct node *to = prop_of(step, "to");
    const struct image_project *project = &c->image->projects[0];
    uint32_t attribute =
        step->kind == NODE_EMAIL ? project->email_attribute : project->phone_attribute;
    struct typed type;
    if (to) {
        struct node *value = to->kids[PROP_VALUE];
        bool is_template = value->kind == NODE_TEXT && str_find(value->name, STR("{{")) != SIZE_MAX;
        row->to = is_template ? joined_code(c, value)
                              : expression_code(c, value, typed_kind(KIND_ANY), &type);
        row->is_notice = is_made_for_staff(c, row->to);
        if (!is_template)
            check_address(c, value, type, step->kind == NODE_EMAIL);
        return;
    }
    if (attribute == IMAGE_NONE && !c->is_use_missing) {
        struct diag *diag = report(c, DIAG_MESSAGE_INCOMPLETE, step->name_span, "address");
        help(c, diag,
             step->kind == NODE_EMAIL ? "declare `email: email` in `patient`, or say `to: …`"
                                      : "declare `phone: phone` in `patient`, or say `to: …`");
    }
    struct code code;
    code_begin(c, &code, CODE_EXPRESSION);
    emit(c,
         op_c(attribute == IMAGE_NONE ? OP_PUSH_UNKNOWN : OP_ATTRIBUTE,
              attribute == IMAGE_NONE ? 0 : attribute),
         0, 1);
    emit(c, op_c(OP_RETURN, 0), 1, 0);
    row->to = code_end(c);
}

/* Written, and nothing in it. */
static void check_empty(struct compiler *c, struct node *step, const char *name)
{
    struct node *prop = prop_of(step, name), *value = prop ? prop->kids[PROP_VALUE] : NULL;
    if (value && value->kind == NODE_TEXT && !str_trim(value->name).len)
        help(c, report(c, DIAG_MESSAGE_INCOMPLETE, value->span, name), "write what it says");
}

static void check_complete(struct compiler *c, struct node *step, const struct image_message *row,
                           struct str shown)
{
    bool is_email = step->kind == NODE_EMAIL;
    check_empty(c, step, "subject");
    check_empty(c, step, is_email && row->html != IMAGE_NONE ? "html" : "text");
    if (is_email && row->subject == IMAGE_NONE)
        help(c, report(c, DIAG_MESSAGE_INCOMPLETE, step->name_span, "subject"),
             "add `subject: \"…\"`");
    if (row->html == IMAGE_NONE && row->text == IMAGE_NONE)
        help(
            c,
            report(c, DIAG_MESSAGE_INCOMPLETE, step->name_span, is_email ? "html or text" : "text"),
            "add `text: \"…\"`");
    if (!is_email || row->topic == IMAGE_NONE || row->is_notice)
        return;
    static const char *const wanted[] = {"message.unsubscribe_url", "clinic.address"};
    struct node *body = prop_of(step, "html") ? prop_of(step, "html") : prop_of(step, "text");
    for (size_t i = 0; body && i < ARRAY_COUNT(wanted); i++)
        if (str_find(shown, str_of(wanted[i])) == SIZE_MAX) {
            struct diag *diag =
                report(c, DIAG_TOPIC_MAIL_WITHOUT, body->kids[PROP_VALUE]->span, wanted[i]);
            help(c, diag, "add `{{ %s }}` to the text, or make the message `transactional`",
                 wanted[i]);
        }
}

/* A text, or what is one or an address. */
static void check_sender(struct compiler *c, struct node *step, const char *name)
{
    struct node *prop = prop_of(step, name), *value = prop ? prop->kids[PROP_VALUE] : NULL;
    if (value && value->kind != NODE_FILE && value->kind != NODE_RECORD)
        check_address(c, value, type_of(c, value), true);
}

static struct image_message message_row(struct compiler *c, struct node *step)
{
    bool is_email = step->kind == NODE_EMAIL;
    struct image_message row = {.name = intern(c, step->name),
                                .campaign = c->campaign_row,
                                .channel = is_email ? CHANNEL_EMAIL : CHANNEL_SMS,
                                .allow_phi = IMAGE_NONE,
                                .expires = IMAGE_NONE};
    struct node *allow = own(step, NODE_ALLOW_PHI), *expires = prop_of(step, "expires");
    struct found found = {0};
    struct str shown = {0};
    struct typed type;
    bool is_understood = check_props(c, step);
    set_consent(c, step, &row);
    set_sending(c, step, &row);
    set_address(c, step, &row);
    add_rules(c, step, &row, &found);
    bool allowed = allow && !found.never_phi;
    if (allow)
        row.allow_phi = intern(c, allow->name);
    check_sender(c, step, "from");
    check_sender(c, step, "reply_to");
    row.from = part(c, step, "from", false, true, "an e-mail's sender", allowed, NULL);
    row.reply_to =
        part(c, step, "reply_to", false, true, "an e-mail's reply address", allowed, NULL);
    row.subject = part(c, step, "subject", false, true, "an e-mail subject", allowed, NULL);
    row.preheader = part(c, step, "preheader", false, true, "an e-mail preheader", allowed, NULL);
    row.html = part(c, step, "html", true, false, "", allowed, &shown);
    row.text = part(c, step, "text", false, !is_email, "an SMS", allowed, &shown);
    if (!is_email && row.text != IMAGE_NONE)
        warn_of_length(c, prop_of(step, "text")->kids[PROP_VALUE]->span, row.text);
    if (expires) {
        row.expires = expression_code(c, expires->kids[PROP_VALUE], typed_kind(KIND_ANY), &type);
        if (type.kind != TYPE_TIME && type.kind != TYPE_DATE && type.kind != KIND_BAD)
            report(c, DIAG_WRONG_TYPE, expires->kids[PROP_VALUE]->span, kind_name(type.kind),
                   "an instant");
    }
    if (is_understood)
        check_complete(c, step, &row, shown);
    return row;
}

void take_back(struct compiler *c, const struct image *before)
{
    c->image->code_count = before->code_count;
    c->image->instruction_count = before->instruction_count;
    c->image->line_count = before->line_count;
    c->image->read_count = before->read_count;
    c->image->window_count = before->window_count;
    c->image->limit_count = before->limit_count;
    c->image->any_count = before->any_count;
}

void compile_message(struct compiler *c, struct node *step)
{
    uint64_t *known = strmap_get(&c->messages, step->name);
    ensure(known);
    uint32_t index = (uint32_t)*known;
    struct image before = *c->image;
    struct image_message row = message_row(c, step);
    if (c->image->messages[index].to == IMAGE_NONE)
        c->image->messages[index] = row;
    else
        take_back(c, &before);
    uint32_t step_row = c->image->step_count - 1;
    uint32_t pc = c->code->count;
    emit(c, op_c(OP_SEND, index), 0, 0);
    uint32_t first = c->image->live_count;
    for (uint32_t slot = 0; slot < c->slot_count; slot++)
        add_live(c, (struct image_live){slot});
    struct str name = arena_printf(c->arena, "window of " STR_FMT, STR_ARG(step->name));
    struct image_wait wait = wait_row(c, name, WAIT_WINDOW);
    wait.step = step_row;
    wait.then_pc = wait.else_pc = pc;
    wait.message = index;
    wait.live = (struct rows){first, c->slot_count};
    add_wait(c, wait);
}
