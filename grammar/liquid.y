/* liquid.y: templates: text, `{{ value | filter: argument, … }}` and tags. A filter is a call whose first argument is
 * what it filters, so that the compiler knows functions and filters as one (LANGUAGE.md C5). Meaning and spelling are
 * those of Shopify's Liquid: https://shopify.github.io/liquid. */
%define api.pure full
%define api.token.raw
%define api.prefix {liquid_yy}
%define api.token.prefix {LIQUID_}
%define api.location.type {struct span}
%define parse.error custom
%define parse.lac full
%expect 0
%param {struct template *template}
%locations
%initial-action { @$ = template_span(template, 0, 0); }

%code requires {
#include "grammar/liquid.h"
}
%code {
#include "vm/base/utf8.h"

#define YYMAXDEPTH 2000
#define YYLLOC_DEFAULT(current, rhs, n)                                \
    do {                                                               \
        if (n)                                                         \
            (current) = span_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n)); \
        else                                                           \
            (current) = YYRHSLOC(rhs, 0);                              \
    } while (0)

static int liquid_yylex(LIQUID_YYSTYPE *value, struct span *span, struct template *template);
static void liquid_yyerror(struct span *span, struct template *template, const char *message);

static struct node *make(struct template *template, enum node_kind kind, struct span span, struct node *first,
                         struct node *second);
static struct node *leaf(struct template *template, enum node_kind kind, struct span span, struct str name);
static struct node *word(struct template *template, struct span span, struct str name, struct node *parts);
static struct node_list add_text(struct template *template, struct node_list list, struct span span, struct str text,
                                 uint32_t flags);
static struct node *branches(struct template *template, struct span span, uint32_t flags, struct node *first,
                             struct node *rest);
static struct str as_written(struct template *template, struct span span);
static bool is_blank(const struct node *list);
static void report(struct template *template, struct span span, const char *what);
}

%union {
    struct template_token token;
    struct node *node;
    struct node_list list;
    struct str text;
    uint32_t flags;
}
%token END 0 "the end of the template"
%token BAD "what stands here"
%token <token> RAW "text" RAW_TEXT OPEN "{{" CLOSE "}}" NAME "a name" TEXT "a text in quotes"
%token <token> INTEGER "a number" NUMBER "a decimal number" COMPARISON "a comparison"
%token TAG_CLOSE "%}" LINES_OPEN "{% liquid" LINES_CLOSE "%} of liquid"
%token IF "if" ELSIF "elsif" ELSE "else" ENDIF "endif" UNLESS "unless" ENDUNLESS "endunless" CASE "case" WHEN "when"
%token ENDCASE "endcase" FOR "for" ENDFOR "endfor" BREAK "break" CONTINUE "continue" ASSIGN "assign" CAPTURE "capture"
%token ENDCAPTURE "endcapture" ECHO "echo" RENDER "render" JUNK "a word" ODD "a word here"
%token DOT "." DOTDOT ".." PIPE "|" COLON ":" COMMA "," EQUALS "=" OPEN_SQUARE "[" CLOSE_SQUARE "]" OPEN_ROUND "("
%token CLOSE_ROUND ")" AND "and" OR "or" IN "in" REVERSED "reversed" LIMIT "limit" OFFSET "offset" WITH "with"
%token EACH "for " AS "as"
%type <node> part value primary path condition comparison argument pair for_else range render_value
%type <list> parts arguments path_parts else_branches whens values pairs
%type <text> target render_as
%type <flags> junk odd
%type <node> for_arguments

%%
template: parts { template->parts = $1.first; } ;
parts:
    %empty            { $$ = (struct node_list){0}; }
  | parts RAW         { $$ = add_text(template, $1, @2, $2.text, 0); }
  | parts RAW_TEXT    { $$ = add_text(template, $1, @2, $2.text, FLAG_VERBATIM); }
  | parts part        { $$ = node_list_add($1, $2); }
  | parts LINES_OPEN parts LINES_CLOSE {
        $$ = $1;
        for (struct node *each = $3.first, *next; each; each = next) {
            next = each->next;
            each->next = NULL;
            $$ = node_list_add($$, each);
        } }
  ;
part:
    OPEN value CLOSE  { $$ = make(template, NODE_OUTPUT, @$, $2, NULL); }
  | OPEN CLOSE        { $$ = make(template, NODE_OUTPUT, @$, NULL, NULL); }
  | ECHO value TAG_CLOSE { $$ = make(template, NODE_OUTPUT, @$, $2, NULL); }
  | ECHO TAG_CLOSE    { $$ = make(template, NODE_OUTPUT, @$, NULL, NULL); }
  | IF condition TAG_CLOSE parts else_branches ENDIF junk TAG_CLOSE {
        $$ = branches(template, span_join(@1, @8), 0, make(template, NODE_BRANCH, @1, $2, $4.first), $5.first); }
  | UNLESS condition TAG_CLOSE parts else_branches ENDUNLESS junk TAG_CLOSE {
        $$ = branches(template, span_join(@1, @8), FLAG_NOT, make(template, NODE_BRANCH, @1, $2, $4.first), $5.first); }
  | CASE primary odd TAG_CLOSE parts whens ENDCASE junk TAG_CLOSE {
        $$ = make(template, NODE_CASE, @$, $2, $6.first);
        bool is_all_blank = true;
        for (struct node *when = $6.first; when; when = when->next)
            is_all_blank &= is_blank(when->kids[WHEN_BODY]);
        $$->flags = is_all_blank ? FLAG_BLANK : 0; }
  | FOR NAME IN primary for_arguments TAG_CLOSE parts for_else ENDFOR junk TAG_CLOSE {
        $$ = $5 ? $5 : make(template, NODE_FOR, @$, NULL, NULL);
        $$->span = @$;
        $$->name = $2.text;
        $$->name_span = @2;
        $$->other = as_written(template, @4);
        $$->other_span = @4;
        $$->kids[FOR_COLLECTION] = $4;
        $$->kids[FOR_BODY] = $7.first;
        $$->kids[FOR_ELSE] = $8;
        $$->flags |= is_blank($7.first) && is_blank($8) ? FLAG_BLANK : 0; }
  | BREAK junk TAG_CLOSE { $$ = make(template, NODE_LEAVE, @$, NULL, NULL); }
  | CONTINUE junk TAG_CLOSE { $$ = make(template, NODE_LEAVE, @$, NULL, NULL); $$->flags = FLAG_CONTINUE; }
  | ASSIGN target EQUALS value TAG_CLOSE {
        $$ = make(template, NODE_ASSIGN, @$, $4, NULL);
        $$->flags = FLAG_BLANK;
        $$->name = $2;
        $$->name_span = @2; }
  | CAPTURE target TAG_CLOSE parts ENDCAPTURE junk TAG_CLOSE {
        $$ = make(template, NODE_CAPTURE, @$, $4.first, NULL);
        $$->flags = FLAG_BLANK;
        $$->name = $2;
        $$->name_span = @2; }
  | RENDER TEXT render_value render_as pairs TAG_CLOSE {
        $$ = make(template, NODE_PARTIAL, @$, $3, $5.first);
        $$->name = $2.text;
        $$->name_span = @2;
        $$->flags = $3 ? $3->flags & FLAG_EACH : 0;
        $$->other = $4;
        for (size_t i = $2.text.len; !$4.len && i > 0 && $2.text.at[i - 1] != '/'; i--)
            $$->other = str_from($2.text, i - 1); }
  ;
junk: %empty { $$ = 0; } | JUNK { $$ = FLAG_ODD; } ;
odd: %empty { $$ = 0; } | ODD junk_after { $$ = FLAG_ODD; } ;
junk_after: %empty | junk_after any ;
any: NAME | TEXT | INTEGER | NUMBER | COMMA | ODD | DOT | OPEN_SQUARE | CLOSE_SQUARE | COMPARISON | PIPE | COLON ;
else_branches:
    %empty { $$ = (struct node_list){0}; }
  | else_branches ELSIF condition TAG_CLOSE parts { $$ = node_list_add($1, make(template, NODE_BRANCH, @2, $3, $5.first)); }
  | else_branches ELSE junk TAG_CLOSE parts { $$ = node_list_add($1, make(template, NODE_BRANCH, @2, NULL, $5.first)); }
  ;
whens:
    %empty { $$ = (struct node_list){0}; }
  | whens WHEN values odd TAG_CLOSE parts {
        struct node *when = make(template, NODE_WHEN, @2, $3.first, $6.first);
        when->flags |= $4;
        when->name_span = @4;
        $$ = node_list_add($1, when); }
  | whens ELSE junk TAG_CLOSE parts {
        if ($3)
            report(template, @3, "the `else` of a `case` takes no words");
        $$ = node_list_add($1, make(template, NODE_WHEN, @2, NULL, $5.first)); }
  ;
values:
    primary              { $$ = node_list_add((struct node_list){0}, $1); }
  | values COMMA primary { $$ = node_list_add($1, $3); }
  ;
for_else: %empty { $$ = NULL; } | ELSE junk TAG_CLOSE parts { $$ = $4.first; } ;
for_arguments:
    %empty                        { $$ = NULL; }
  | for_arguments COMMA           { $$ = $1; }
  | for_arguments REVERSED        { 
        $$ = $1 ? $1 : make(template, NODE_FOR, @2, NULL, NULL);
        bool is_late = $$->kids[FOR_LIMIT] || $$->kids[FOR_OFFSET] || ($$->flags & FLAG_CONTINUE);
        $$->flags |= is_late ? FLAG_ODD : FLAG_REVERSED; }
  | for_arguments LIMIT COLON primary { $$ = $1 ? $1 : make(template, NODE_FOR, @2, NULL, NULL); $$->kids[FOR_LIMIT] = $4; }
  | for_arguments OFFSET COLON primary {
        $$ = $1 ? $1 : make(template, NODE_FOR, @2, NULL, NULL);
        bool is_continue = $4->kind == NODE_PATH && str_eq($4->name, STR("continue")) && !$4->kids[PATH_PARTS];
        $$->kids[FOR_OFFSET] = is_continue ? NULL : $4;
        $$->flags |= is_continue ? FLAG_CONTINUE : 0; }
  ;
target:
    NAME    { $$ = $1.text; }
  | INTEGER { $$ = $1.text; }
  | TEXT    { $$ = $1.text; }
  | target DOT NAME { $$ = (struct str){$1.at, (size_t)($3.text.at + $3.text.len - $1.at)}; }
  ;
render_value: %empty { $$ = NULL; } | WITH primary { $$ = $2; } | EACH primary { $$ = $2; $$->flags |= FLAG_EACH; } ;
render_as: %empty { $$ = (struct str){0}; } | AS NAME { $$ = $2.text; } ;
pairs:
    %empty           { $$ = (struct node_list){0}; }
  | pairs pair       { $$ = node_list_add($1, $2); }
  | pairs COMMA      { $$ = $1; }
  ;
value:
    primary
  | value PIPE NAME {
        $$ = leaf(template, NODE_CALL, @$, $3.text);
        $$->name_span = @3;
        $$->kids[CALL_ARGUMENTS] = $1; }
  | value PIPE NAME COLON arguments {
        $$ = leaf(template, NODE_CALL, @$, $3.text);
        $$->name_span = @3;
        $1->next = $5.first;
        $$->kids[CALL_ARGUMENTS] = $1; }
  ;
arguments:
    argument    { $$ = node_list_add((struct node_list){0}, $1); }
  | arguments COMMA argument { $$ = node_list_add($1, $3); }
  ;
argument: primary | pair ;
pair: NAME COLON primary {
        $$ = leaf(template, NODE_PAIR, @$, $1.text);
        $$->name_span = @1;
        $$->kids[PAIR_VALUE] = $3; }
  ;
condition:
    comparison
  | comparison AND condition { $$ = make(template, NODE_AND, @$, $1, $3); }
  | comparison OR condition  { $$ = make(template, NODE_OR, @$, $1, $3); }
  ;
comparison:
    primary
  | primary COMPARISON primary {
        $$ = make(template, NODE_COMPARE, @$, $1, $3);
        $$->number = $2.number; }
  | primary NAME NAME {
        bool is_unknown = str_eq($3.text, STR("unknown"));
        $$ = make(template, NODE_KNOWN, @$, $1, NULL);
        $$->flags = is_unknown ? FLAG_NOT : 0;
        if (!str_eq($2.text, STR("is")) || !(is_unknown || str_eq($3.text, STR("known"))))
            report(template, @2, "no such comparison: == != < > <= >= contains, `is known`, `is unknown`"); }
  ;
primary:
    TEXT        { $$ = leaf(template, NODE_TEXT, @$, $1.text); }
  | INTEGER     { $$ = leaf(template, NODE_INTEGER, @$, (struct str){0}); $$->number = $1.number; }
  | NUMBER      { $$ = leaf(template, NODE_NUMBER, @$, (struct str){0}); $$->real = $1.real; }
  | range
  | path
  ;
range: OPEN_ROUND primary DOTDOT primary CLOSE_ROUND { $$ = make(template, NODE_RANGE, @$, $2, $4); } ;
path:
    NAME path_parts { $$ = word(template, @$, $1.text, $2.first); }
  | OPEN_SQUARE primary CLOSE_SQUARE path_parts {
        $$ = leaf(template, NODE_PATH, @$, (struct str){0});
        $$->kids[PATH_PARTS] = make(template, NODE_INDEX, span_join(@1, @3), $2, NULL);
        $$->kids[PATH_PARTS]->next = $4.first; }
  ;
path_parts:
    %empty      { $$ = (struct node_list){0}; }
  | path_parts DOT NAME { $$ = node_list_add($1, leaf(template, NODE_NAME, @3, $3.text)); }
  | path_parts OPEN_SQUARE primary CLOSE_SQUARE {
        $$ = node_list_add($1, make(template, NODE_INDEX, span_join(@2, @4), $3, NULL)); }
  ;
%%

static struct node *make(struct template *template, enum node_kind kind, struct span span, struct node *first,
                         struct node *second)
{
    struct node *node = node_new(template->ast, kind, span);
    node->kids[0] = first;
    node->kids[1] = second;
    return node;
}

static struct node *leaf(struct template *template, enum node_kind kind, struct span span, struct str name)
{
    struct node *node = node_new(template->ast, kind, span);
    node->name = name;
    node->name_span = span;
    return node;
}

/* A name by itself may be a literal. */
static struct node *word(struct template *template, struct span span, struct str name, struct node *parts)
{
    static const struct {
        const char *word;
        enum node_kind kind;
        int64_t number;
    } literals[] = {{"true", NODE_BOOL, 1}, {"false", NODE_BOOL, 0}, {"nil", NODE_NIL, 0},
                    {"null", NODE_NIL, 0},  {"empty", NODE_EMPTY, 0}, {"blank", NODE_EMPTY, 1}};
    struct node *node = leaf(template, NODE_PATH, span, name);
    for (size_t i = 0; i < ARRAY_COUNT(literals) && !parts; i++)
        if (str_eq_c(name, literals[i].word)) {
            node->kind = literals[i].kind;
            node->number = literals[i].number;
        }
    node->kids[PATH_PARTS] = parts;
    return node;
}

/* Pieces that stand side by side are one text. */
static struct node_list add_text(struct template *template, struct node_list list, struct span span, struct str text,
                                 uint32_t flags)
{
    struct node *last = list.last;
    bool is_white = !str_trim(text).len && !flags;
    if (!text.len)
        return list;
    if (last && last->kind == NODE_RAW && (last->flags & FLAG_VERBATIM) == flags &&
        last->name.at + last->name.len == text.at) {
        last->name.len += text.len;
        last->span = span_join(last->span, span);
        last->flags = flags | (is_white && (last->flags & FLAG_BLANK) ? FLAG_BLANK : 0);
        return list;
    }
    struct node *node = leaf(template, NODE_RAW, span, text);
    node->flags = flags | (is_white ? FLAG_BLANK : 0);
    return node_list_add(list, node);
}

static bool is_blank(const struct node *list)
{
    for (; list; list = list->next)
        if (!(list->flags & FLAG_BLANK))
            return false;
    return true;
}

static struct node *branches(struct template *template, struct span span, uint32_t flags, struct node *first,
                             struct node *rest)
{
    struct node *choice = make(template, NODE_CHOICE, span, first, NULL);
    bool is_all_blank = true;
    first->next = rest;
    for (struct node *branch = first; branch; branch = branch->next)
        is_all_blank &= is_blank(branch->kids[BRANCH_BODY]);
    choice->flags = flags | (is_all_blank ? FLAG_BLANK : 0);
    return choice;
}

/* Without its white space. */
static struct str as_written(struct template *template, struct span span)
{
    const struct source *source = source_at(template->diags->sources, span.file);
    char *text = arena_alloc(template->ast->arena, span.end - span.first + 1);
    size_t length = 0;
    for (uint32_t i = span.first; i < span.end; i++)
        if (!strchr(" \t\r\n", source->text.at[i]))
            text[length++] = source->text.at[i];
    return (struct str){text, length};
}

static const struct {
    int open, close;
    const char *name;
} blocks[] = {{LIQUID_IF, LIQUID_ENDIF, "if"},
              {LIQUID_UNLESS, LIQUID_ENDUNLESS, "unless"},
              {LIQUID_CASE, LIQUID_ENDCASE, "case"},
              {LIQUID_FOR, LIQUID_ENDFOR, "for"},
              {LIQUID_CAPTURE, LIQUID_ENDCAPTURE, "capture"}};

/* Which blocks are open, for messages; too deep is an error. */
static int follow_blocks(struct template *template, int kind, struct span span)
{
    for (size_t i = 0; i < ARRAY_COUNT(blocks); i++) {
        if (kind == blocks[i].open && template->block_count == LIQUID_MAX_NESTING) {
            template->wrong = "blocks may stand at most 100 deep in each other";
            return LIQUID_BAD;
        }
        if (kind == blocks[i].open)
            template->blocks[template->block_count++] =
                (struct template_block){str_of(blocks[i].name), span, blocks[i].close};
        else if (kind == blocks[i].close && template->block_count &&
                 template->blocks[template->block_count - 1].kind == kind)
            template->block_count--;
    }
    return kind;
}

static int liquid_yylex(LIQUID_YYSTYPE *value, struct span *span, struct template *template)
{
    int kind = liquid_scan(template, template->scanner);
    value->token = template->token;
    *span = template_span(template, template->token_first, template->token_end);
    kind = follow_blocks(template, kind, *span);
    template->previous = kind;
    return kind;
}

/* What people bring along from other template languages, by what stands at the place of the mistake. */
static const char *help_of(struct str text)
{
    static const struct { const char *begin, *help; } rows[] = {
        {"&&", "write `and`"}, {"|", "write `or` in conditions; what stands for the unknown is `| default: '…'`"},
        {"or ", "what stands for the unknown is written `| default: '…'`"}, {"=", "write `==` to compare, `:` before arguments"},
        {"(", "arguments stand behind `:`, as `| default: 'there'`"}, {"}", "close it with `}}`"},
        {"#", "write `{% if … %}…{% endif %}`"}, {"!", "write `!=`, or `{% unless … %}`"},
        {"is ", "write `is known` or `is unknown`; others compare with `==`"},
        {"?", "write `{% if … %}…{% else %}…{% endif %}`"}, {"+", "write `| plus: 1`"}, {"*", "write `| times: 2`"},
        {"%}", "a value is written `{{ … }}`, a tag `{% … %}`"},
        {"{{", "close the one before with `}}`"}, {"{% end ", "write which one: `{% endif %}`, `{% endfor %}`"}};
    const char *help = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (strlen(rows[i].begin) > longest && str_starts(text, str_of(rows[i].begin))) {
            help = rows[i].help;
            longest = strlen(rows[i].begin);
        }
    return text.len ? help : "close it with `}}` or `%}`";
}

static void report(struct template *template, struct span span, const char *what)
{
    if (!template->is_reported) {
        struct diag *diag = diag_report(template->diags, DIAG_TEMPLATE_SYNTAX, span, what);
        struct str text = source_at(template->diags->sources, span.file)->text, rest = str_from(text, span.first);
        uint32_t end = template_span(template, (uint32_t)template->text.len, (uint32_t)template->text.len).first;
        const char *help = help_of(span.first >= end ? STR("") : rest);
        if (help)
            diag_help(template->diags, diag, "%s", help);
    }
    template->is_reported = true;
}

static void liquid_yyerror(struct span *span, struct template *template, const char *message)
{
    report(template, *span, message);
}

static int yyreport_syntax_error(const yypcontext_t *context, struct template *template)
{
    yysymbol_kind_t symbol = yypcontext_token(context);
    struct span span = *yypcontext_location(context);
    struct template_block *block = template->block_count ? &template->blocks[template->block_count - 1] : NULL;
    bool is_end = symbol == YYSYMBOL_YYEOF || symbol == YYSYMBOL_LINES_CLOSE || symbol == YYSYMBOL_ENDIF ||
                  symbol == YYSYMBOL_ENDUNLESS || symbol == YYSYMBOL_ENDCASE || symbol == YYSYMBOL_ENDFOR ||
                  symbol == YYSYMBOL_ENDCAPTURE;
    if (symbol == YYSYMBOL_BAD && template->wrong) {
        report(template, span, template->wrong);
    } else if (is_end && block) {
        struct str what = arena_printf(template->ast->arena, "`{%% " STR_FMT " %%}` is not closed: `{%% end" STR_FMT " %%}` is missing",
                                       STR_ARG(block->name), STR_ARG(block->name));
        report(template, block->span, what.at);
    } else {
        struct str what = arena_printf(template->ast->arena, "%s is not expected here", yysymbol_name(symbol));
        report(template, span, what.at);
    }
    return 0;
}

struct node *liquid_parse(struct ast *ast, struct diags *diags, struct str text, struct template_origin origin)
{
    struct template template = {.ast = ast, .diags = diags, .text = text, .origin = origin};
    size_t length = 1;
    for (struct str rest = text; rest.len && !template.is_reported; rest = str_from(rest, length)) {
        uint32_t at = (uint32_t)(rest.at - text.at);
        utf8_decode(rest, &length);
        template.is_reported = !length;
        if (!length)
            diag_report(diags, DIAG_NOT_UTF8, template_span(&template, at, at + 1));
    }
    liquid_scan_open(&template);
    liquid_yyparse(&template);
    liquid_scan_close(&template);
    struct node *node = node_new(ast, NODE_TEMPLATE, template_span(&template, 0, (uint32_t)text.len));
    node->kids[TEMPLATE_PARTS] = template.is_reported ? NULL : template.parts;
    return node;
}
