/* call.c: builtins as functions and as filters: arguments counted and typed by the signature, the
 * row of the image. */
#include "compiler/call.h"
#include "compiler/liquid.h"

/* "(text, integer?) text": parameter `index` as a word; empty when there is none. */
static struct str parameter(const char *signature, uint32_t index)
{
    const char *at = signature + 1;
    for (; index && *at && *at != ')'; at++)
        index -= *at == ',';
    while (*at == ' ')
        at++;
    size_t len = strcspn(at, ",)");
    return index ? (struct str){0} : (struct str){at, len};
}

static uint32_t kind_of_word(struct str word)
{
    static const struct {
        const char *word;
        uint32_t kind;
    } words[] = {{"text", TYPE_TEXT}, {"integer", TYPE_INTEGER}, {"number", TYPE_NUMBER},
                 {"list", TYPE_LIST}, {"time", TYPE_TIME},       {"date", TYPE_DATE},
                 {"bool", TYPE_BOOL}};
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        if (str_eq_c(word, words[i].word))
            return words[i].kind;
    return KIND_ANY;
}

static uint32_t builtin_row(struct compiler *c, const struct builtin *builtin)
{
    uint32_t name = intern(c, str_of(builtin->name));
    for (uint32_t i = 0; i < c->image->builtin_count; i++)
        if (c->image->builtins[i].name == name)
            return i;
    return add_builtin(c, (struct image_builtin){name, intern(c, str_of(builtin->signature))});
}

void escape_input(struct compiler *c, const struct builtin *builtin)
{
    const struct builtin *escape = builtin_find(c->options->builtins, STR("escape"));
    if (escape && c->tpl && c->tpl->is_html && strcmp(builtin->name, "newline_to_br") == 0)
        emit(c, op_ab(OP_CALL, 1, builtin_row(c, escape)), 1, 1);
}

static bool is_text_like(uint32_t kind)
{
    return kind == TYPE_TEXT || (kind >= TYPE_EMAIL && kind <= TYPE_CHOICE && kind != TYPE_LIST);
}

struct typed call_type(struct compiler *c, const struct builtin *builtin, const struct node *node,
                       uint32_t count, struct typed first, struct typed second, struct typed all)
{
    uint32_t least = 0, most = 0;
    for (struct str p; (p = parameter(builtin->signature, most)).len; most++)
        least += p.at[p.len - 1] != '?';
    if (count < least || count > most) {
        report_count(c, node, least, most, count, builtin->signature);
        return (struct typed){.kind = KIND_BAD};
    }
    struct str word = parameter(builtin->signature, 0);
    uint32_t wanted = kind_of_word(word);
    bool fits = wanted == KIND_ANY || wanted == first.kind || first.kind == KIND_ANY ||
                first.kind == KIND_JSON || (wanted == TYPE_NUMBER && first.kind == TYPE_INTEGER) ||
                (wanted == TYPE_TEXT && (is_text_like(first.kind) || first.kind >= KIND_EVENT));
    if (!fits) {
        struct diag *diag =
            report(c, DIAG_WRONG_TYPE, node->span, kind_name(first.kind), kind_name(wanted));
        help(c, diag, "it is `" STR_FMT "%s`", STR_ARG(node->name), builtin->signature);
        return (struct typed){.kind = KIND_BAD};
    }
    emit(c, op_ab(OP_CALL, count, builtin_row(c, builtin)), count, 1);
    const char *end = strchr(builtin->signature, ')') + 2;
    struct typed result = all;
    result.kind = kind_of_word(str_of(end));
    if (result.kind == TYPE_NUMBER && first.kind == TYPE_INTEGER &&
        (count < 2 || second.kind == TYPE_INTEGER))
        result.kind = TYPE_INTEGER;
    if (str_eq_c(node->name, "default")) {
        result = first;
        result.is_known = first.is_known || second.is_known;
        result.is_phi = all.is_phi;
        if (first.kind != second.kind || (first.kind == TYPE_CHOICE && first.type != second.type))
            result.kind =
                is_text_like(first.kind) && is_text_like(second.kind) ? TYPE_TEXT : KIND_ANY;
    }
    if (str_eq_c(node->name, "timezone"))
        result.is_known = first.is_known; /* an unknown zone is the clinic's (W2) */
    if (((str_eq_c(node->name, "divided_by") || str_eq_c(node->name, "modulo")) &&
         !is_not_zero(node->kids[CALL_ARGUMENTS]->next)) ||
        str_eq_c(node->name, "first") || str_eq_c(node->name, "last"))
        result.is_known = false;
    if (result.kind < KIND_EVENT && result.kind != KIND_BAD && result.kind != TYPE_LIST &&
        result.kind != TYPE_CHOICE)
        result.type = type_of_kind(c, result.kind);
    return result;
}
