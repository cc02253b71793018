/* describe.c: what an author is told of a name: how it is declared, the comment at its declaration,
 * and for messages when they may be sent. */
#include "compiler/tool/lsp/lsp.h"
#include "stdlib/builtins.h"
#include "vm/base/civil.h"

static struct str text_of(const struct project *project, struct span span)
{
    struct str text = source_at(&project->compilation.sources, span.file)->text;
    return (struct str){text.at + span.first, span.end - span.first};
}

/* The head of a declaration: up to its block, on one line. */
static void put_head(const struct project *project, const struct node *node, struct buf *out)
{
    struct str text = text_of(project, node->span);
    bool is_quoted = false, was_blank = true;
    for (size_t i = 0; i < text.len && (is_quoted || text.at[i] != '{'); i++) {
        char c = text.at[i];
        is_quoted ^= c == '"';
        bool is_blank = !is_quoted && strchr(" \t\r\n", c);
        if (!is_blank || !was_blank)
            buf_byte(out, is_blank ? ' ' : (unsigned char)c);
        was_blank = is_blank;
    }
    while (out->len && out->data[out->len - 1] == ' ')
        out->len--;
}

static struct str comment_text(struct str line)
{
    line = str_trim(line);
    bool is_comment = str_starts(line, STR("#")) && !str_starts(line, STR("# camp:"));
    return is_comment ? str_trim(str_from(line, 1)) : (struct str){0};
}

/* Behind the code of a line. */
static struct str comment_behind(struct str line)
{
    bool is_quoted = false;
    for (size_t i = 0; i < line.len; i++) {
        is_quoted ^= line.at[i] == '"' && (!i || line.at[i - 1] != '\\');
        if (line.at[i] == '#' && !is_quoted)
            return str_trim(str_from(line, i + 1));
    }
    return (struct str){0};
}

/* The comment above a declaration, or else behind its first line. */
static void put_comment(const struct project *project, struct span span, struct buf *out)
{
    const struct source *source = source_at(&project->compilation.sources, span.file);
    uint32_t line = source_position(source, span.first).line, above = line;
    while (above > 1 && comment_text(source_line(source, above - 1)).len)
        above--;
    struct str behind = comment_behind(source_line(source, line));
    if (above == line && behind.len)
        buf_printf(out, "\n\n" STR_FMT, STR_ARG(behind));
    for (uint32_t i = above; i < line; i++) {
        struct str text = comment_text(source_line(source, i));
        buf_printf(out, "%s" STR_FMT, i == above ? "\n\n" : "\n", STR_ARG(text));
    }
}

static const char *kind_word(enum symbol_kind kind)
{
    switch (kind) {
    case SYMBOL_ATTRIBUTE:
        return "attribute";
    case SYMBOL_CLINIC_FIELD:
        return "field of the clinic";
    case SYMBOL_EVENT:
        return "event";
    case SYMBOL_EVENT_FIELD:
        return "field of an event";
    case SYMBOL_OBJECT:
        return "object";
    case SYMBOL_OBJECT_FIELD:
        return "field of an object";
    case SYMBOL_SEGMENT:
        return "segment";
    case SYMBOL_TOPIC:
        return "topic";
    case SYMBOL_POLICY:
        return "policy";
    case SYMBOL_CAMPAIGN:
        return "campaign";
    case SYMBOL_FLOW:
        return "flow";
    case SYMBOL_LET:
    case SYMBOL_LOCAL:
        return "let";
    case SYMBOL_MESSAGE:
        return "message";
    case SYMBOL_WEBHOOK:
        return "webhook";
    case SYMBOL_SPLIT:
        return "split";
    case SYMBOL_ARM:
        return "arm of a split";
    case SYMBOL_TEST:
        return "test";
    case SYMBOL_FUNCTION:
        return "function";
    case SYMBOL_MODULE:
        return "module of the standard library";
    case SYMBOL_FILE:
        return "file";
    }
    return "";
}

void describe_shortly(const struct project *project, const struct symbol *symbol, struct buf *out)
{
    const struct node *node = symbol->node;
    const struct node *type = node && node->kind == NODE_FIELD   ? node->kids[FIELD_TYPE]
                              : node && node->kind == NODE_PARAM ? node->kids[PARAM_TYPE]
                                                                 : NULL;
    if (type)
        buf_printf(out, STR_FMT "%s", STR_ARG(text_of(project, type->span)),
                   symbol->is_phi ? " phi" : "");
    else if (symbol->of)
        buf_printf(out, "%s " STR_FMT, kind_word(symbol->of->kind), STR_ARG(symbol->of->name));
    else if (symbol->kind == SYMBOL_MESSAGE && node)
        buf_c(out, node->kind == NODE_SMS ? "sms" : "email");
    else
        buf_c(out, kind_word(symbol->kind));
}

/* ---- when a message may be sent ---- */

static void put_days(uint32_t days, struct buf *out)
{
    static const char *const names[] = {"monday", "tuesday",  "wednesday", "thursday",
                                        "friday", "saturday", "sunday"};
    if (days == 31)
        buf_c(out, " on weekdays");
    else if (days == 96)
        buf_c(out, " on weekends");
    else
        for (uint32_t i = 0; i < ARRAY_COUNT(names); i++)
            if (days >> i & 1)
                buf_printf(out, "%s %s", days & ((1U << i) - 1) ? "" : " on", names[i]);
}

/* All windows together: a sentence when none passes midnight, else each of them. */
static void put_windows(const struct image *image, const struct image_message *message,
                        struct buf *out)
{
    uint32_t from = 0, to = 24 * 60, days = 127;
    bool is_simple = true;
    if (!message->windows.count) {
        buf_c(out, "\n\nSent at any time.");
        return;
    }
    for (uint32_t i = 0; i < message->windows.count; i++) {
        const struct image_window *w = &image->windows[message->windows.first + i];
        is_simple &= w->from_minute < w->to_minute;
        from = w->from_minute > from ? w->from_minute : from;
        to = w->to_minute < to ? w->to_minute : to;
        days &= w->days ? w->days : 127;
    }
    buf_c(out, "\n\nSent between ");
    for (uint32_t i = 0; i < (is_simple ? 1 : message->windows.count); i++) {
        const struct image_window *w = &image->windows[message->windows.first + i];
        buf_c(out, i ? ", and between " : "");
        buf_clock(out, (int32_t)(is_simple ? from : w->from_minute));
        buf_c(out, " and ");
        buf_clock(out, (int32_t)(is_simple ? to : w->to_minute));
        put_days(is_simple ? (days == 127 ? 0 : days) : w->days, out);
    }
    buf_c(out, " in the patient's zone.");
}

static void put_message(const struct project *project, const struct symbol *symbol, struct buf *out)
{
    const struct image *image = &project->compilation.image;
    if (project->compilation.diags.error_count || !symbol->owner)
        return;
    for (uint32_t i = 0; i < image->message_count; i++) {
        const struct image_message *message = &image->messages[i];
        bool is_flow = symbol->owner->kind == SYMBOL_FLOW;
        struct str campaign = image_text(image, image->campaigns[message->campaign].name);
        if (!str_eq(image_text(image, message->name), symbol->name) ||
            (!is_flow && !str_eq(campaign, symbol->owner->name)))
            continue;
        put_windows(image, message, out);
        if (message->is_notice)
            buf_c(out, " A notice to staff.");
        else if (message->topic == IMAGE_NONE)
            buf_c(out, " Transactional.");
        else
            buf_printf(out, " To who is subscribed to `" STR_FMT "`.",
                       STR_ARG(image_text(image, image->topics[message->topic].name)));
        buf_c(out, message->is_draft ? " A draft that waits for approval." : " Automatically.");
        if (is_flow)
            buf_printf(out, " (In `" STR_FMT "`.)", STR_ARG(campaign));
    }
}

/* ---- the whole ---- */

static void put_function(const struct symbol *symbol, struct buf *out)
{
    const struct builtin *builtin = builtin_find(&stdlib_builtins, symbol->name);
    if (!builtin)
        return;
    buf_printf(out, "```\n%s%s\n```\n\n%s", builtin->name, builtin->signature,
               builtin->documentation);
    if (builtin->example)
        buf_printf(out, "\n\n`%s`", builtin->example);
}

void describe(const struct project *project, const struct symbol *symbol, struct buf *out)
{
    const struct node *node = symbol->node;
    if (symbol->kind == SYMBOL_FUNCTION) {
        put_function(symbol, out);
        return;
    }
    if (!node) {
        buf_printf(out, "%s `" STR_FMT "`", kind_word(symbol->kind), STR_ARG(symbol->name));
        return;
    }
    buf_c(out, "```camp\n");
    bool is_field = node->kind == NODE_FIELD || node->kind == NODE_PAIR;
    if (symbol->kind == SYMBOL_ATTRIBUTE)
        buf_c(out, "patient.");
    else if (symbol->kind == SYMBOL_CLINIC_FIELD)
        buf_c(out, "clinic.");
    else if (is_field && symbol->owner)
        buf_printf(out, STR_FMT ".", STR_ARG(symbol->owner->name));
    bool is_tag = node->kind == NODE_ASSIGN || node->kind == NODE_CAPTURE || node->kind == NODE_FOR;
    if (is_tag)
        buf_printf(out, "%s " STR_FMT,
                   node->kind == NODE_ASSIGN    ? "assign"
                   : node->kind == NODE_CAPTURE ? "capture"
                                                : "for",
                   STR_ARG(node->name));
    else if (is_field || node->kind == NODE_PARAM)
        buf_str(out, text_of(project, node->span));
    else if (symbol->of)
        buf_printf(out, STR_FMT ": %s " STR_FMT, STR_ARG(symbol->name), kind_word(symbol->of->kind),
                   STR_ARG(symbol->of->name));
    else
        put_head(project, node, out);
    buf_c(out, "\n```");
    if (symbol->is_phi)
        buf_c(out, "\n\nProtected health information.");
    if (!symbol->of && !is_tag)
        put_comment(project, node->span, out);
    if (symbol->kind == SYMBOL_MESSAGE)
        put_message(project, symbol, out);
    const struct node *setting = node->kind == NODE_CAMPAIGN ? node->kids[CAMPAIGN_SETTINGS] : NULL;
    for (; setting; setting = setting->next)
        if (setting->kind == NODE_DESCRIPTION)
            buf_printf(out, "\n\n" STR_FMT, STR_ARG(setting->name));
}
