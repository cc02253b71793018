/* webhook.c: the step `webhook`: what it needs, and its row. It is a message of the channel webhook
 * whose parts are templates: reply_to is the url, subject the method, html the headers (a JSON
 * object; `{"secret": name}` stands for what the service reads from its configuration), text the
 * body (LANGUAGE.md 3, F6). */
#include "compiler/phi.h"

enum { DEFAULT_TIMEOUT_MS = 10000, MOST_TIMEOUT_MS = 60000 };

static struct node *prop_of(struct node *step, const char *name)
{
    for (struct node *prop = step->kids[WEBHOOK_PROPS]; prop; prop = prop->next)
        if (prop->kind == NODE_PROP && str_eq_c(prop->name, name))
            return prop->kids[PROP_VALUE];
    return NULL;
}

static void check_props(struct compiler *c, struct node *step)
{
    static const char *const allowed[] = {"url", "method", "headers", "json", "timeout"};
    for (struct node *prop = step->kids[WEBHOOK_PROPS]; prop; prop = prop->next) {
        bool is_allowed = prop->kind == NODE_ALLOW_PHI;
        check_prop_twice(c, step->kids[WEBHOOK_PROPS], prop);
        for (size_t i = 0; prop->kind == NODE_PROP && i < ARRAY_COUNT(allowed); i++)
            is_allowed |= str_eq_c(prop->name, allowed[i]);
        if (is_allowed)
            continue;
        struct str name = prop->kind == NODE_PROP ? prop->name : source_text(c, prop->span);
        struct diag *diag =
            report(c, DIAG_UNKNOWN_PROP, prop->kind == NODE_PROP ? prop->name_span : prop->span,
                   STR_ARG(name), "a webhook");
        help(c, diag, "url method headers json timeout, and `allow phi \"reason\"`");
    }
}

static const struct node *phi_allowance(const struct node *step)
{
    for (const struct node *prop = step->kids[WEBHOOK_PROPS]; prop; prop = prop->next)
        if (prop->kind == NODE_ALLOW_PHI)
            return prop;
    return NULL;
}

static void refuse_phi(struct compiler *c, const struct node *step, struct typed type,
                       struct span span)
{
    const struct node *allow = phi_allowance(step);
    if (type.is_phi && allow)
        phi_note(c, PHI_ALLOWED, span,
                 arena_printf(c->arena, "reaches webhook `" STR_FMT "`", STR_ARG(step->name)),
                 allow->name);
    if (!type.is_phi || allow)
        return;
    struct diag *diag = report(c, DIAG_PHI_REACHES, span, "a webhook");
    help(c, diag, "leave it out, or write `allow phi \"reason\"` into the webhook");
}

static void write_constant(struct compiler *c, struct str text)
{
    emit(c, op_c(OP_OUT_CONST, add_constant_value(c, value_text(text))), 0, 0);
}

/* A text is a template, in quotes; anything else an expression, null when it is unknown. */
static void write_scalar(struct compiler *c, const struct node *step, struct node *value)
{
    struct typed type = typed_kind(TYPE_TEXT);
    struct str shown = {0};
    if (value->kind == NODE_TEXT || value->kind == NODE_FILE) {
        emit(c, op_c(OP_QUOTE, 0), 0, 0);
        template_into(c, value, false, &type, &shown);
        emit(c, op_c(OP_END_QUOTE, 0), 0, 0);
    } else {
        type = expression(c, value);
        emit(c, op_c(OP_OUT_JSON, 0), 1, 0);
        if (type.kind >= KIND_EVENT && type.kind != KIND_ANY && type.kind != KIND_JSON)
            report(c, DIAG_WRONG_TYPE, value->span, kind_name(type.kind),
                   "a value that can be written");
    }
    refuse_phi(c, step, type, value->span);
}

static void write_json(struct compiler *c, const struct node *step, struct node *value, int depth)
{
    bool is_record = value->kind == NODE_RECORD, is_list = value->kind == NODE_LIST;
    if (depth > 32) {
        report(c, DIAG_TOO_DEEP, value->span);
        return;
    }
    if (!is_record && !is_list) {
        write_scalar(c, step, value);
        return;
    }
    struct node *kid = value->kids[is_record ? RECORD_PAIRS : LIST_ITEMS];
    write_constant(c, is_record ? STR("{") : STR("["));
    for (const struct node *first = kid; kid; kid = kid->next) {
        if (kid != first)
            write_constant(c, STR(","));
        if (is_record) {
            emit(c, op_c(OP_QUOTE, 0), 0, 0);
            write_constant(c, kid->name);
            emit(c, op_c(OP_END_QUOTE, 0), 0, 0);
            write_constant(c, STR(":"));
        }
        write_json(c, step, is_record ? kid->kids[PAIR_VALUE] : kid, depth + 1);
    }
    write_constant(c, is_record ? STR("}") : STR("]"));
}

/* The argument of `secret("name")`; NULL when the value is something else. */
static const struct node *secret_of(const struct node *value)
{
    const struct node *argument = value->kind == NODE_CALL && str_eq_c(value->name, "secret")
                                      ? value->kids[CALL_ARGUMENTS]
                                      : NULL;
    return argument && argument->kind == NODE_TEXT && !argument->next ? argument : NULL;
}

static bool is_header_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] <= ' ' || name.at[i] > '~' || strchr("()<>@,;:\\\"/[]?={}", name.at[i]))
            return false;
    return name.len > 0;
}

static void write_headers(struct compiler *c, const struct node *step, struct node *headers)
{
    if (headers && headers->kind != NODE_RECORD) {
        report(c, DIAG_WRONG_TYPE, headers->span, "a value", "a record of headers");
        return;
    }
    write_constant(c, STR("{"));
    for (struct node *pair = headers ? headers->kids[RECORD_PAIRS] : NULL; pair;
         pair = pair->next) {
        const struct node *secret = secret_of(pair->kids[PAIR_VALUE]);
        if (!is_header_name(pair->name))
            report(c, DIAG_BAD_LITERAL, pair->name_span, STR_ARG(pair->name), "a header's name");
        write_constant(c, arena_printf(c->arena, "%s\"" STR_FMT "\":",
                                       pair == headers->kids[RECORD_PAIRS] ? "" : ",",
                                       STR_ARG(pair->name)));
        if (!secret) {
            write_scalar(c, step, pair->kids[PAIR_VALUE]);
            continue;
        }
        write_constant(c, STR("{\"secret\":"));
        emit(c, op_c(OP_QUOTE, 0), 0, 0);
        write_constant(c, secret->name);
        emit(c, op_c(OP_END_QUOTE, 0), 0, 0);
        write_constant(c, STR("}"));
    }
    write_constant(c, STR("}"));
}

static uint32_t headers_code(struct compiler *c, const struct node *step, struct node *headers)
{
    struct code code;
    code_begin(c, &code, CODE_TEMPLATE);
    write_headers(c, step, headers);
    emit(c, op_c(OP_DONE, 0), 0, 0);
    return code_end(c);
}

static uint32_t json_code(struct compiler *c, const struct node *step, struct node *value)
{
    struct code code;
    if (!value)
        return IMAGE_NONE;
    code_begin(c, &code, CODE_TEMPLATE);
    write_json(c, step, value, 0);
    emit(c, op_c(OP_DONE, 0), 0, 0);
    return code_end(c);
}

/* The text that an url begins with, where that is known now. */
static struct str beginning(struct compiler *c, const struct node *url)
{
    const struct node *part = url->kind == NODE_PATH ? url->kids[PATH_PARTS] : NULL;
    if (url->kind == NODE_TEXT)
        return url->name;
    for (uint32_t i = 0; part && str_eq_c(url->name, "clinic") && i < c->image->clinic_count; i++)
        if (str_eq(text_of(c, c->image->clinics[i].name), part->name))
            return text_of(c, c->image->clinics[i].value);
    return (struct str){0};
}

static uint32_t url_code(struct compiler *c, struct node *step)
{
    struct node *url = prop_of(step, "url");
    struct typed type;
    if (!url) {
        struct diag *diag = report(c, DIAG_MESSAGE_INCOMPLETE, step->name_span, "url");
        help(c, diag, "say where it goes: `url: \"https://…\"`");
        return IMAGE_NONE;
    }
    struct str begins = beginning(c, url);
    bool is_inserted = begins.len >= 2 && str_starts(begins, STR("{{"));
    if (begins.at && !is_inserted && !str_starts(begins, STR("http://")) &&
        !str_starts(begins, STR("https://"))) {
        struct diag *diag = report(c, DIAG_BAD_LITERAL, url->span, STR_ARG(begins), "an url");
        help(c, diag, "an url begins with `https://` or `http://`");
    }
    uint32_t code = template_code(c, url, false, &type, NULL);
    refuse_phi(c, step, type, url->span);
    return code;
}

static uint32_t method_code(struct compiler *c, struct node *step)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    struct node *method = prop_of(step, "method");
    struct str word = STR("POST");
    struct code code;
    bool is_known = !method;
    for (size_t i = 0; method && method->kind == NODE_TEXT && i < ARRAY_COUNT(methods); i++)
        if (str_eq_c(method->name, methods[i])) {
            word = method->name;
            is_known = true;
        }
    if (!is_known) {
        struct str text = source_text(c, method->span);
        struct diag *diag =
            report(c, DIAG_BAD_LITERAL, method->span, STR_ARG(text), "a method of HTTP");
        help(c, diag, "one of \"GET\" \"POST\" \"PUT\" \"PATCH\" \"DELETE\"");
    }
    code_begin(c, &code, CODE_TEMPLATE);
    write_constant(c, word);
    emit(c, op_c(OP_DONE, 0), 0, 0);
    return code_end(c);
}

static uint32_t timeout_ms(struct compiler *c, struct node *step)
{
    struct node *timeout = prop_of(step, "timeout");
    if (!timeout)
        return DEFAULT_TIMEOUT_MS;
    bool is_exact = timeout->kind == NODE_DURATION && !timeout->days && !timeout->months;
    if (is_exact && timeout->number > 0 && timeout->number <= MOST_TIMEOUT_MS)
        return (uint32_t)timeout->number;
    struct str text = source_text(c, timeout->span);
    struct diag *diag =
        report(c, DIAG_BAD_LITERAL, timeout->span, STR_ARG(text), "a timeout of up to 60 seconds");
    help(c, diag, "as `timeout: 5 seconds`");
    return DEFAULT_TIMEOUT_MS;
}

static uint32_t nobody(struct compiler *c)
{
    struct code code;
    code_begin(c, &code, CODE_EXPRESSION);
    emit(c, op_c(OP_PUSH_UNKNOWN, 0), 0, 1);
    emit(c, op_c(OP_RETURN, 0), 1, 0);
    return code_end(c);
}

static struct image_message message_row(struct compiler *c, struct node *step)
{
    struct image_message row = {.name = intern(c, step->name),
                                .campaign = c->campaign_row,
                                .channel = CHANNEL_WEBHOOK,
                                .topic = IMAGE_NONE,
                                .draft_until = IMAGE_NONE,
                                .is_notice = true,
                                .allow_phi = IMAGE_NONE,
                                .from = IMAGE_NONE,
                                .preheader = IMAGE_NONE,
                                .expires = IMAGE_NONE};
    check_props(c, step);
    row.to = nobody(c);
    row.reply_to = url_code(c, step);
    row.subject = method_code(c, step);
    row.html = headers_code(c, step, prop_of(step, "headers"));
    row.text = json_code(c, step, prop_of(step, "json"));
    const struct node *allow = phi_allowance(step);
    if (allow)
        row.allow_phi = intern(c, allow->name);
    return row;
}

void compile_webhook(struct compiler *c, struct node *step)
{
    uint64_t *known = strmap_get(&c->messages, step->name);
    struct typed answer = {.kind = KIND_ANSWER};
    ensure(known);
    uint32_t index = (uint32_t)*known;
    struct image before = *c->image;
    struct image_message row = message_row(c, step);
    if (c->image->messages[index].to == IMAGE_NONE)
        c->image->messages[index] = row;
    else
        take_back(c, &before);
    uint32_t slot = step->other.at ? new_slot(c) : IMAGE_NONE;
    uint32_t first = c->image->live_count;
    for (uint32_t i = 0; i < c->slot_count; i++)
        add_live(c, (struct image_live){i});
    struct str name = arena_printf(c->arena, "answer of " STR_FMT, STR_ARG(step->name));
    struct image_wait parked = wait_row(c, name, WAIT_WEBHOOK);
    parked.then_pc = parked.else_pc = c->code->count + 1;
    parked.slot = slot;
    parked.message = index;
    parked.live = (struct rows){first, c->slot_count};
    uint32_t wait = add_wait(c, parked);
    emit(c,
         op_c(OP_WEBHOOK, add_webhook(c, (struct image_webhook){index, timeout_ms(c, step), wait})),
         0, 0);
    if (slot != IMAGE_NONE)
        push_name_slot(c, step->other, step->other_span, slot, answer);
}
