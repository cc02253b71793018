/* render.c: one template without a project, for `camp render`: names are looked up in the data when
 * it runs. */
#include "compiler/liquid.h"
#include "grammar/parse.h"

uint32_t render_template_code(struct compiler *c, uint32_t file, bool is_html)
{
    struct buf shown;
    struct typed all = typed_kind(TYPE_TEXT);
    struct code code;
    struct partial_list put_off = {NULL, &put_off.first};
    struct tpl tpl = {.c = c,
                      .file = file,
                      .is_html = is_html,
                      .is_dynamic = true,
                      .put_off = &put_off,
                      .all = &all,
                      .shown = &shown};
    struct node *template =
        liquid_parse(&c->out->ast, c->diags, source_at(&c->out->sources, file)->text,
                     (struct template_origin){file, 0, false});
    if (c->diags->error_count)
        return IMAGE_NONE;
    buf_init(&shown, 1 << 24);
    uint32_t row = code_keep(c);
    code_begin(c, &code, CODE_TEMPLATE);
    c->tpl = &tpl;
    liquid_begin(&tpl, template->kids[TEMPLATE_PARTS]);
    liquid_list(&tpl, template->kids[TEMPLATE_PARTS], false);
    liquid_end(&tpl);
    emit(c, op_c(OP_DONE, 0), 0, 0);
    code_end_at(c, row);
    liquid_put_off(&tpl);
    c->tpl = NULL;
    buf_free(&shown);
    return row;
}
