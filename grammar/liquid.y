/* liquid.y: templates: `{{ value | filter: argument, … }}` between text. A filter is a call whose first argument is
 * what it filters, so that the compiler knows functions and filters as one (LANGUAGE.md C5). */
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
#define YYMAXDEPTH 1000
#define YYLLOC_DEFAULT(current, rhs, n)                                \
    do {                                                               \
        if (n)                                                         \
            (current) = span_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n)); \
        else                                                           \
            (current) = YYRHSLOC(rhs, 0);                              \
    } while (0)

static int liquid_yylex(LIQUID_YYSTYPE *value, struct span *span, struct template *template);
static void liquid_yyerror(struct span *span, struct template *template, const char *message);

static struct node *leaf(struct template *template, enum node_kind kind, struct span span, struct str name)
{
    struct node *node = node_new(template->ast, kind, span);
    node->name = name;
    node->name_span = span;
    return node;
}
}

%union {
    struct template_token token;
    struct node *node;
    struct node_list list;
}
%token END 0 "the end of the template"
%token BAD "a character that has no meaning here"
%token <token> RAW "text" OPEN "{{" CLOSE "}}" TAG "{% … %}" NAME "a name" TEXT "a text in quotes" INTEGER NUMBER
%token DOT "." PIPE "|" COLON ":" COMMA ","
%type <node> value primary path
%type <list> arguments names

%%
parts:
    %empty
  | parts RAW   { template->parts = node_list_add(template->parts, leaf(template, NODE_RAW, @2, $2.text)); }
  | parts OPEN value CLOSE {
        struct node *output = leaf(template, NODE_OUTPUT, @$, (struct str){0});
        output->span = span_join(@2, @4);
        output->kids[OUTPUT_VALUE] = $3;
        output->flags = ($2.trims ? FLAG_TRIM_LEFT : 0) | ($4.trims ? FLAG_TRIM_RIGHT : 0);
        template->parts = node_list_add(template->parts, output); }
  | parts TAG   { template->parts = node_list_add(template->parts, leaf(template, NODE_TAG, @2, $2.text)); }
  ;
value:
    primary
  | value PIPE NAME {
        $$ = leaf(template, NODE_CALL, @3, $3.text);
        $$->kids[CALL_ARGUMENTS] = $1; }
  | value PIPE NAME COLON arguments {
        $$ = leaf(template, NODE_CALL, @3, $3.text);
        $1->next = $5.first;
        $$->kids[CALL_ARGUMENTS] = $1; }
  ;
arguments:
    primary     { $$ = node_list_add((struct node_list){0}, $1); }
  | arguments COMMA primary { $$ = node_list_add($1, $3); }
  ;
primary:
    TEXT        { $$ = leaf(template, NODE_TEXT, @$, $1.text); }
  | INTEGER     { $$ = leaf(template, NODE_INTEGER, @$, (struct str){0}); $$->number = $1.number; }
  | NUMBER      { $$ = leaf(template, NODE_NUMBER, @$, (struct str){0}); $$->real = $1.real; }
  | path
  ;
path: NAME names {
        bool is_word = !$2.first;
        bool is_true = is_word && str_eq($1.text, STR("true")), is_false = is_word && str_eq($1.text, STR("false"));
        enum node_kind kind = is_true || is_false                        ? NODE_BOOL
                              : is_word && str_eq($1.text, STR("now"))   ? NODE_NOW
                              : is_word && str_eq($1.text, STR("today")) ? NODE_TODAY
                                                                         : NODE_PATH;
        $$ = leaf(template, kind, @$, $1.text);
        $$->number = is_true;
        $$->kids[PATH_PARTS] = kind == NODE_PATH ? $2.first : NULL; }
  ;
names:
    %empty      { $$ = (struct node_list){0}; }
  | names DOT NAME { $$ = node_list_add($1, leaf(template, NODE_NAME, @3, $3.text)); }
  ;
%%

static int liquid_yylex(LIQUID_YYSTYPE *value, struct span *span, struct template *template)
{
    int kind = liquid_scan(template, template->scanner);
    value->token = template->token;
    *span = template_span(template, template->token_first, template->token_end);
    return kind;
}

static void report(struct template *template, struct span span, const char *what)
{
    if (!template->is_reported)
        diag_report(template->diags, DIAG_TEMPLATE_SYNTAX, span, what);
    template->is_reported = true;
}

static void liquid_yyerror(struct span *span, struct template *template, const char *message)
{
    report(template, *span, message);
}

static int yyreport_syntax_error(const yypcontext_t *context, struct template *template)
{
    struct str what = arena_printf(template->ast->arena, "%s is not expected here",
                                   yysymbol_name(yypcontext_token(context)));
    report(template, *yypcontext_location(context), what.at);
    return 0;
}

struct node *liquid_parse(struct ast *ast, struct diags *diags, struct str text, struct template_origin origin)
{
    struct template template = {.ast = ast, .diags = diags, .text = text, .origin = origin};
    liquid_scan_open(&template);
    liquid_yyparse(&template);
    liquid_scan_close(&template);
    struct node *node = node_new(ast, NODE_TEMPLATE, template_span(&template, 0, (uint32_t)text.len));
    node->kids[TEMPLATE_PARTS] = template.is_reported ? NULL : template.parts.first;
    return node;
}
