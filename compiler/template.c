/* template.c: templates of messages to code (LANGUAGE.md M5, M6): literal text is written, values
 * are computed as any expression and written, escaped in html. What may be unknown must have been
 * given a default or shown known. */
#include <errno.h>
#include <stdlib.h>

#include "compiler/phi.h"
#include "grammar/parse.h"

static bool is_path(const struct node *node, const char *root, const char *part)
{
    return node->kind == NODE_PATH && str_eq_c(node->name, root) && node->kids[PATH_PARTS] &&
           str_eq_c(node->kids[PATH_PARTS]->name, part) && !node->kids[PATH_PARTS]->next;
}

/* What only templates see: message and campaign. */
static bool special_value(struct compiler *c, const struct node *node, struct typed *type)
{
    *type = (struct typed){.kind = TYPE_TEXT, .type = type_of_kind(c, TYPE_TEXT), .is_known = true};
    if (is_path(node, "message", "unsubscribe_url")) {
        emit(c, op_c(OP_MESSAGE_URL, 0), 0, 1);
        return true;
    }
    bool is_name = is_path(node, "campaign", "name"), is_title = is_path(node, "campaign", "title");
    if (!is_name && !is_title)
        return false;
    struct str text = is_name ? c->campaign->name : c->campaign->other;
    emit(c, op_c(OP_PUSH_CONST, add_constant_value(c, value_text(text))), 0, 1);
    return true;
}

static bool has_unknown_filter(struct compiler *c, const struct node *node)
{
    if (node->kind != NODE_CALL)
        return false;
    if (!builtin_find(c->options->builtins, node->name)) {
        struct diag *diag = report(c, DIAG_UNKNOWN_FILTER, node->name_span, STR_ARG(node->name));
        struct str names[256];
        uint32_t count = 0;
        for (; count < c->options->builtins->count && count < 256; count++)
            names[count] = str_of(c->options->builtins->rows[count].name);
        struct str nearest = diag_nearest(node->name, names, count);
        if (nearest.at)
            help(c, diag, "did you mean `" STR_FMT "`?", STR_ARG(nearest));
        return true;
    }
    for (const struct node *kid = node->kids[CALL_ARGUMENTS]; kid; kid = kid->next)
        if (has_unknown_filter(c, kid))
            return true;
    return false;
}

static void output(struct compiler *c, struct node *node, bool is_html, struct typed *all)
{
    struct typed type;
    struct node *value = node->kids[OUTPUT_VALUE];
    if (has_unknown_filter(c, value))
        return;
    if (!special_value(c, value, &type))
        type = expression(c, value);
    emit(c, op_c(is_html ? OP_OUT_HTML : OP_OUT, 0), 1, 0);
    if (type.kind == KIND_BAD)
        return;
    if (type.is_phi && !all->is_phi)
        c->phi_output = node->span;
    if (type.is_phi && !c->phi_url.end && phi_is_in_url(c, node->span))
        c->phi_url = node->span;
    all->is_phi |= type.is_phi;
    if (type.kind >= KIND_EVENT && type.kind != KIND_ANY && type.kind != KIND_JSON) {
        report(c, DIAG_WRONG_TYPE, value->span, kind_name(type.kind),
               "a value that can be written");
    } else if (!type.is_known) {
        struct str text = source_text(c, value->span);
        struct diag *diag = report(c, DIAG_MAY_BE_UNKNOWN, value->span, STR_ARG(text));
        help(c, diag,
             "say what stands there then: `{{ " STR_FMT
             " | default: '…' }}`, or send it under `if … is known`",
             STR_ARG(text));
    }
}

static void raw(struct compiler *c, struct node *node, bool trims_left, bool trims_right)
{
    struct str text = node->name;
    while (trims_left && text.len && strchr(" \t\r\n", text.at[0]))
        text = str_from(text, 1);
    while (trims_right && text.len && strchr(" \t\r\n", text.at[text.len - 1]))
        text.len--;
    if (text.len)
        emit(c, op_c(OP_OUT_CONST, add_constant_value(c, value_text(text))), 0, 0);
}

static void template_parts(struct compiler *c, struct node *template, bool is_html,
                           struct typed *all, struct str *shown)
{
    bool was_trimming = false;
    struct buf text;
    buf_init(&text, 1 << 20);
    for (struct node *part = template->kids[TEMPLATE_PARTS]; part; part = part->next) {
        bool next_trims = part->next && (part->next->flags & FLAG_TRIM_LEFT);
        if (part->kind == NODE_RAW) {
            raw(c, part, was_trimming, next_trims);
        } else if (part->kind == NODE_OUTPUT) {
            output(c, part, is_html, all);
            buf_str(&text, source_text(c, part->span));
        } else {
            struct diag *diag = report(c, DIAG_NOT_YET, part->span, "tags of templates");
            help(c, diag, "`{{ … }}` with filters works");
        }
        was_trimming = part->flags & FLAG_TRIM_RIGHT;
    }
    *shown = arena_printf(c->arena, STR_FMT STR_FMT, STR_ARG(*shown), STR_ARG(buf_view(&text)));
    buf_free(&text);
}

static struct node *parse_literal(struct compiler *c, const struct node *value)
{
    struct template_origin origin = {value->span.file, value->span.first, true};
    uint32_t before = c->diags->error_count;
    struct node *template = liquid_parse(&c->out->ast, c->diags, value->name, origin);
    return c->diags->error_count == before ? template : NULL;
}

static struct node *parse_file(struct compiler *c, const struct node *value)
{
    struct str path = source_at(&c->out->sources, value->span.file)->path;
    const char *error = NULL;
    size_t slash = path.len;
    while (slash && path.at[slash - 1] != '/')
        slash--;
    path = arena_printf(c->arena, "%.*s" STR_FMT, (int)slash, path.at, STR_ARG(value->name));
    uint32_t file = source_load(&c->out->sources, path, &error);
    if (error) {
        help(c, report(c, DIAG_CANNOT_READ, value->name_span, STR_ARG(value->name), error),
             "names of files are relative to the file that says them");
        return NULL;
    }
    uint32_t before = c->diags->error_count;
    struct template_origin origin = {file, 0, false};
    struct node *template =
        liquid_parse(&c->out->ast, c->diags, source_at(&c->out->sources, file)->text, origin);
    return c->diags->error_count == before ? template : NULL;
}

/* { en: "…" es: "…" else: "…" }: the exact tag of patient.language, else its first part, else
 * `else` (M1). */
static void language_parts(struct compiler *c, struct node *record, bool is_html, struct typed *all,
                           struct str *shown)
{
    uint64_t *language = strmap_get(&c->attributes, STR("language"));
    struct node *otherwise = NULL;
    uint32_t ends[64], end_count = 0;
    if (!language) {
        report(c, DIAG_UNKNOWN_NAME, record->span, "attribute", 8, "language");
        return;
    }
    if (c->image->attributes[*language].is_phi) {
        all->is_phi = true;
        c->phi_output = record->span;
    }
    for (struct node *pair = record->kids[RECORD_PAIRS]; pair; pair = pair->next)
        if (str_eq(pair->name, STR("else")))
            otherwise = pair;
    if (!otherwise) {
        struct diag *diag =
            report(c, DIAG_MESSAGE_INCOMPLETE, record->span, "text for other languages");
        help(c, diag, "add `else: \"…\"`");
        return;
    }
    add_read_of(c, READ_ATTRIBUTE, (uint32_t)*language);
    for (int by_part = 0; by_part < 2; by_part++) {
        for (struct node *pair = record->kids[RECORD_PAIRS]; pair; pair = pair->next) {
            if (pair == otherwise || end_count == ARRAY_COUNT(ends))
                continue;
            char *tag = arena_cstr(c->arena, pair->name);
            for (char *at = tag; *at; at++)
                *at = *at == '_' ? '-' : *at;
            if (by_part && strchr(tag, '-'))
                continue;
            struct str wanted = by_part ? arena_printf(c->arena, "%s-", tag) : str_of(tag);
            emit(c, op_c(OP_ATTRIBUTE, (uint32_t)*language), 0, 1);
            emit(c, op_c(OP_PUSH_CONST, add_constant_value(c, value_text(wanted))), 0, 1);
            emit(c, op_c(by_part ? OP_STARTS_WITH : OP_EQ, 0), 2, 1);
            uint32_t over = emit_jump(c, OP_JUMP_FALSE);
            template_into(c, pair->kids[PAIR_VALUE], is_html, all, shown);
            ends[end_count++] = emit_jump(c, OP_JUMP);
            patch(c, over);
        }
    }
    template_into(c, otherwise->kids[PAIR_VALUE], is_html, all, shown);
    for (uint32_t i = 0; i < end_count; i++)
        patch(c, ends[i]);
}

void template_into(struct compiler *c, struct node *value, bool is_html, struct typed *all,
                   struct str *shown)
{
    if (value->kind == NODE_RECORD) {
        language_parts(c, value, is_html, all, shown);
        return;
    }
    if (value->kind == NODE_TEXT || value->kind == NODE_FILE) {
        struct node *template =
            value->kind == NODE_TEXT ? parse_literal(c, value) : parse_file(c, value);
        if (template)
            template_parts(c, template, is_html, all, shown);
        return;
    }
    struct node *wrapped = node_new(&c->out->ast, NODE_OUTPUT, value->span);
    wrapped->kids[OUTPUT_VALUE] = value;
    output(c, wrapped, is_html, all);
}

uint32_t template_code(struct compiler *c, struct node *value, bool is_html, struct typed *got,
                       struct str *shown)
{
    struct code code;
    struct str nothing = {0};
    *got = typed_kind(TYPE_TEXT);
    code_begin(c, &code, CODE_TEMPLATE);
    template_into(c, value, is_html, got, shown ? shown : &nothing);
    emit(c, op_c(OP_DONE, 0), 0, 0);
    return code_end(c);
}
