/* template.c: templates of messages to code (LANGUAGE.md M5, M6): literal text is written, values
 * are computed as any expression and written, escaped in html. What may be unknown must have been
 * given a default or shown known. */
#include <errno.h>
#include <stdlib.h>

#include "compiler/liquid.h"
#include "grammar/parse.h"

/* A template of its own: its variables are not those of another language's text. */
static void template_parts(struct compiler *c, struct node *template, bool is_html,
                           struct typed *all, struct str *shown)
{
    struct buf text;
    struct tpl tpl = {
        .c = c, .file = template->span.file, .is_html = is_html, .all = all, .shown = &text};
    struct node *parts = template->kids[TEMPLATE_PARTS];
    buf_init(&text, 1 << 20);
    c->tpl = &tpl;
    liquid_begin(&tpl, parts);
    liquid_list(&tpl, parts, false);
    liquid_end(&tpl);
    c->tpl = NULL;
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
    struct str text = source_at(&c->out->sources, file)->text;
    uint32_t mark = str_starts(text, STR("\xef\xbb\xbf")) ? 3 : 0; /* of the order of bytes */
    struct node *template = liquid_parse(&c->out->ast, c->diags, str_from(text, mark),
                                         (struct template_origin){file, mark, false});
    return c->diags->error_count == before ? template : NULL;
}

/* { en: "…" es: "…" else: "…" }: the exact tag of patient.language, else its first part, else
 * `else` (M1). */
static void language_parts(struct compiler *c, struct node *record, bool is_html, struct typed *all,
                           struct str *shown)
{
    uint64_t *language = strmap_get(&c->attributes, STR("language"));
    struct node *otherwise = NULL;
    uint32_t ends = 0;
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
            if (pair == otherwise)
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
            emit_jump_in(c, OP_JUMP, &ends);
            patch(c, over);
        }
    }
    template_into(c, otherwise->kids[PAIR_VALUE], is_html, all, shown);
    patch_all(c, ends);
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
    struct node *template = node_new(&c->out->ast, NODE_TEMPLATE, value->span);
    wrapped->kids[OUTPUT_VALUE] = value;
    template->kids[TEMPLATE_PARTS] = wrapped;
    template_parts(c, template, is_html, all, shown);
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
