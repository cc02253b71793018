/* parser.y: the grammar of LANGUAGE.md 7, rule for rule, and the one list of the words of the language (the %token
 * aliases from "use" on). A mistake is reported once, its line is skipped with the braces it opens, and parsing goes
 * on: see reader.c. */
%define api.pure full
%define api.token.raw
%define api.prefix {camp_yy}
%define api.token.prefix {TOKEN_}
%define api.location.type {struct span}
%define parse.error custom
%define parse.lac full
%expect 0
%param {struct parse *parse}
%locations
%initial-action { @$ = (struct span){parse->file, 0, 0}; }

%code requires {
#include "grammar/scan.h"
}

%code {
#include "grammar/reader.h"

#define YYMAXDEPTH 4000
#define YYLLOC_DEFAULT(current, rhs, n)                                  \
    do {                                                                 \
        if (n)                                                           \
            (current) = span_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n));   \
        else                                                             \
            (current) = (struct span){YYRHSLOC(rhs, 0).file, YYRHSLOC(rhs, 0).end, \
                                      YYRHSLOC(rhs, 0).end};             \
    } while (0)

static void camp_yyerror(struct span *span, struct parse *parse, const char *message);

static struct node *make(struct parse *parse, enum node_kind kind, struct span span)
{
    return node_new(parse->ast, kind, span);
}

static struct node *named(struct parse *parse, enum node_kind kind, struct span span,
                          struct token name, struct span name_span)
{
    struct node *node = make(parse, kind, span);
    node->name = name.text;
    node->name_span = name_span;
    return node;
}

static struct node *with(struct node *node, int kid, struct node *child)
{
    node->kids[kid] = child;
    return node;
}

static struct node *binary(struct parse *parse, enum node_kind kind, struct span span,
                           int64_t number, struct node *left, struct node *right)
{
    struct node *node = make(parse, kind, span);
    node->number = number;
    node->kids[0] = left;
    node->kids[1] = right;
    /* Chains as a + b + c lean to the left without end: passes that recurse must not. */
    node->height = left ? left->height + 1 : 1;
    if (node->height > PARSE_MAX_DEPTH * 2) {
        report_too_deep(parse, span);
        node->kids[0] = NULL;
        node->kind = NODE_BAD;
    }
    return node;
}

static struct node *add_other(struct node *node, struct token other, struct span span)
{
    if (other.text.at) {
        node->other = other.text;
        node->other_span = span;
    }
    return node;
}

static struct node *from_token(struct parse *parse, enum node_kind kind, struct span span,
                               struct token token)
{
    struct node *node = make(parse, kind, span);
    node->name = token.text;
    node->name_span = span;
    node->number = token.number;
    node->real = token.real;
    node->months = token.months;
    node->days = token.days;
    node->clock = token.clock;
    node->flags = token.flags;
    return node;
}

static struct node *flagged(struct node *node, uint32_t flags)
{
    node->flags |= flags;
    return node;
}
}

%union {
    struct token token;
    struct node *node;
    struct node_list list;
    int64_t number;
}

%token END 0 "end of file"
%token BAD
%token <token> NAME "a name" TEXT "a text" INT "a whole number" NUMBER "a number" PERCENT "a percentage"
%token <token> DATE "a date" CLOCK "a time of day" DURATION "a duration"
%token OPEN "{" CLOSE "}" LEFT "(" RIGHT ")" BRACKET "[" BRACKET_END "]" COLON ":" COMMA "," DOT "."
%token PLUS "+" MINUS "-" STAR "*" SLASH "/" ASSIGN "=" EQ "==" NE "!=" LT "<" GT ">" LE "<=" GE ">="

/* The words of the language: everything from USE on, as it stands in quotes. */
%token <token> USE "use" CLINIC "clinic" PATIENT "patient" EVENT "event" OBJECT "object" BY "by"
%token <token> SEGMENT "segment" WHEN "when" MANUAL "manual" TOPIC "topic" OPT "opt" IN "in" OUT "out"
%token <token> POLICY "policy" LET "let" FLOW "flow" CAMPAIGN "campaign" WORKFLOW "workflow" TEST "test"
%token <token> FOR "for" PHI "phi" OF "of" EMAIL "email" SMS "sms" MESSAGES "messages" NEVER "never"
%token <token> BETWEEN "between" AND "and" AT "at" MOST "most" PER "per" ON "on"
%token <token> MONDAY "monday" TUESDAY "tuesday" WEDNESDAY "wednesday" THURSDAY "thursday"
%token <token> FRIDAY "friday" SATURDAY "saturday" SUNDAY "sunday" WEEKDAYS "weekdays" WEEKENDS "weekends"
%token <token> DESCRIPTION "description" TRIGGER "trigger" ENTER "enter" AUDIENCE "audience" WITHIN "within"
%token <token> TRANSACTIONAL "transactional" GOAL "goal" EXIT "exit" HOLDOUT "holdout" SEND "send"
%token <token> ASSERT "assert" AFTER "after" ENTRY "entry" ANY "any" MESSAGE "message"
%token <token> ATTRIBUTE "attribute" CHANGES "changes" BECOMES "becomes" ENTERED "entered" LEFT_WORD "left"
%token <token> BEFORE "before" ONCE "once" AGAIN "again" ALWAYS "always" AS "as" WHERE "where"
%token <token> AUTOMATICALLY "automatically" DRAFT "draft" UP "up" TO "to" ELSE "else"
%token <token> WEBHOOK "webhook" WAIT "wait" UNTIL "until" REPLY "reply" IF "if" MATCH "match" SPLIT "split"
%token <token> REPEAT "repeat" TIMES "times" BREAK "break" SET "set" CLEAR "clear" EMIT "emit" ADD "add"
%token <token> REMOVE "remove" FROM "from" SUBSCRIBE "subscribe" UNSUBSCRIBE "unsubscribe" DO "do"
%token <token> FILE "file" ALLOW "allow" OR "or" NOT "not" CONTAINS "contains" STARTS "starts" WITH "with"
%token <token> ENDS "ends" IS "is" KNOWN "known" UNKNOWN "unknown" DID "did" LEAST "least" LAST "last"
%token <token> RECEIVED "received" OPENED "opened" CLICKED "clicked" SUBSCRIBED "subscribed"
%token <token> TRUE "true" FALSE "false" NOW "now" TODAY "today"
%token <token> GIVEN "given" APPROVE "approve" EXPECT "expect" NO "no"

%type <token> word dotted dots title alias
%type <node> decl field type setting rule sendrule goal anchor trigger entry eventpat where sending upto
%type <node> block elseblock step arm split_arm reply_arm prop value record pair path expr conj neg rel sum term
%type <node> factor primary message last did_where any_where param within teststmt given expectation per_key
%type <node> default if_tail optional_record exit_rule wait_until
%type <list> fields texts params rules settings steps arms split_arms reply_arms props pairs parts exprs values
%type <list> teststmts optional_values sms_body arm_values optional_params optional_exprs
%type <number> kinds days day_list day channel compare per_year least phi_flag

%%

program:
    %empty
  | program decl            { parse->declarations = node_list_add(parse->declarations, $2); }
  | program error           { parse_recover_declaration(parse, &yychar, &yylval, &yylloc); yyerrok; }
  ;

decl:
    "use" TEXT              { $$ = flagged(named(parse, NODE_USE, @$, $2, @2), FLAG_FILE); }
  | "use" NAME              { $$ = named(parse, NODE_USE, @$, $2, @2); }
  | "clinic" TEXT record    { $$ = with(named(parse, NODE_CLINIC, @$, $2, @2), CLINIC_FIELDS, $3->kids[RECORD_PAIRS]); }
  | "patient" "{" fields "}" { $$ = with(make(parse, NODE_PATIENT, @$), PATIENT_FIELDS, $3.first); }
  | "event" dotted title "{" fields "}" {
        $$ = add_other(with(named(parse, NODE_EVENT_DECL, @$, $2, @2), EVENT_DECL_FIELDS, $5.first), $3, @3); }
  | "object" NAME "by" NAME "{" fields "}" {
        $$ = add_other(with(named(parse, NODE_OBJECT_DECL, @$, $2, @2), OBJECT_DECL_FIELDS, $6.first), $4, @4); }
  | "segment" NAME title "when" expr {
        $$ = add_other(with(named(parse, NODE_SEGMENT_DECL, @$, $2, @2), SEGMENT_DECL_CONDITION, $5), $3, @3); }
  | "segment" NAME title "manual" { $$ = add_other(named(parse, NODE_SEGMENT_DECL, @$, $2, @2), $3, @3); }
  | "topic" NAME TEXT "opt" "in" {
        $$ = flagged(add_other(named(parse, NODE_TOPIC_DECL, @$, $2, @2), $3, @3), FLAG_OPT_IN); }
  | "topic" NAME TEXT "opt" "out" { $$ = add_other(named(parse, NODE_TOPIC_DECL, @$, $2, @2), $3, @3); }
  | "policy" NAME title "{" rules "}" {
        $$ = add_other(with(named(parse, NODE_POLICY, @$, $2, @2), POLICY_RULES, $5.first), $3, @3); }
  | "let" NAME "=" expr     { $$ = with(named(parse, NODE_LET, @$, $2, @2), LET_VALUE, $4); }
  | "flow" NAME "(" optional_params ")" block {
        $$ = with(with(named(parse, NODE_FLOW, @$, $2, @2), FLOW_PARAMS, $4.first), FLOW_BODY, $6); }
  | "campaign" NAME TEXT "{" settings "workflow" block "}" {
        $$ = add_other(named(parse, NODE_CAMPAIGN, @$, $2, @2), $3, @3);
        $$->kids[CAMPAIGN_SETTINGS] = $5.first;
        $$->kids[CAMPAIGN_WORKFLOW] = $7; }
  | "campaign" NAME TEXT "{" settings "workflow" block error "}" {
        $$ = add_other(named(parse, NODE_CAMPAIGN, @$, $2, @2), $3, @3);
        $$->kids[CAMPAIGN_SETTINGS] = $5.first;
        $$->kids[CAMPAIGN_WORKFLOW] = $7;
        yyerrok; }
  | "campaign" NAME TEXT "{" settings "}" {
        $$ = add_other(named(parse, NODE_CAMPAIGN, @$, $2, @2), $3, @3);
        $$->kids[CAMPAIGN_SETTINGS] = $5.first;
        $$->kids[CAMPAIGN_WORKFLOW] = flagged(make(parse, NODE_BLOCK, @6), FLAG_MISSING); }
  | "test" TEXT "for" NAME "{" teststmts "}" {
        $$ = add_other(with(named(parse, NODE_TEST, @$, $4, @4), TEST_STATEMENTS, $6.first), $2, @2); }
  ;

title: %empty { $$ = (struct token){0}; } | TEXT ;

fields:
    %empty                  { $$ = (struct node_list){0}; }
  | fields field            { $$ = node_list_add($1, $2); }
  | fields error            { $$ = $1; if (parse_recover(parse, &yychar, &yylval, &yylloc)) yyerrok; }
  ;
field: dotted ":" type phi_flag default {
        $$ = with(named(parse, NODE_FIELD, @$, $1, @1), FIELD_TYPE, $3);
        $$->flags = (uint32_t)$4;
        $$->kids[FIELD_DEFAULT] = $5; }
  ;
phi_flag: %empty { $$ = 0; } | phi_flag "phi" { $$ = FLAG_PHI; } ;
default:
    %empty                  { $$ = NULL; }
  | "=" expr phi_flag       { $$ = $2; if ($3) $$->flags |= FLAG_PHI; }
  ;
type:
    word                    { $$ = named(parse, NODE_TYPE, @$, $1, @1); }
  | word "of" type          { $$ = with(named(parse, NODE_TYPE, @$, $1, @1), TYPE_OF, $3); }
  | "[" texts "]"           { $$ = with(make(parse, NODE_TYPE, @$), TYPE_CHOICES, $2.first); }
  ;
texts:
    TEXT                    { $$ = node_list_add((struct node_list){0}, from_token(parse, NODE_TEXT, @1, $1)); }
  | texts "," TEXT          { $$ = node_list_add($1, from_token(parse, NODE_TEXT, @3, $3)); }
  ;
optional_params: %empty { $$ = (struct node_list){0}; } | params ;
params:
    param                   { $$ = node_list_add((struct node_list){0}, $1); }
  | params "," param        { $$ = node_list_add($1, $3); }
  ;
param: NAME ":" type        { $$ = with(named(parse, NODE_PARAM, @$, $1, @1), PARAM_TYPE, $3); } ;

rules:
    %empty                  { $$ = (struct node_list){0}; }
  | rules rule              { $$ = node_list_add($1, $2); }
  | rules error             { $$ = $1; if (parse_recover(parse, &yychar, &yylval, &yylloc)) yyerrok; }
  ;
rule:
    kinds sendrule          { $$ = flagged($2, (uint32_t)$1); $$->span = @$; }
  | kinds "never" "phi"     { $$ = flagged(make(parse, NODE_NEVER_PHI, @$), (uint32_t)$1); }
  ;
kinds:
    "email"                 { $$ = FLAG_EMAIL; }
  | "sms"                   { $$ = FLAG_SMS; }
  | "messages"              { $$ = FLAG_EMAIL | FLAG_SMS; }
  ;
sendrule:
    "between" CLOCK "and" CLOCK days {
        $$ = make(parse, NODE_WINDOW, @$);
        $$->number = $2.clock * 10000 + $4.clock;
        $$->days = (int32_t)$5; }
  | "at" "most" INT "per" DURATION {
        $$ = with(make(parse, NODE_LIMIT, @$), LIMIT_PER, from_token(parse, NODE_DURATION, @5, $5));
        $$->number = $3.number; }
  ;
days: %empty { $$ = 0; } | "on" day_list { $$ = $2; } ;
day_list: day | day_list day { $$ = $1 | $2; } ;
day:
    "monday" { $$ = 1; } | "tuesday" { $$ = 2; } | "wednesday" { $$ = 4; } | "thursday" { $$ = 8; }
  | "friday" { $$ = 16; } | "saturday" { $$ = 32; } | "sunday" { $$ = 64; } | "weekdays" { $$ = 31; }
  | "weekends" { $$ = 96; }
  ;

settings:
    %empty                  { $$ = (struct node_list){0}; }
  | settings setting        { $$ = node_list_add($1, $2); }
  | settings error          { $$ = $1; if (parse_recover(parse, &yychar, &yylval, &yylloc)) yyerrok; }
  ;
setting:
    "description" TEXT      { $$ = named(parse, NODE_DESCRIPTION, @$, $2, @2); }
  | "trigger" trigger       { $$ = $2; $$->span = @$; }
  | "enter" entry           { $$ = $2; $$->span = @$; }
  | "audience" expr within  { $$ = binary(parse, NODE_AUDIENCE, @$, 0, $2, $3); }
  | "topic" NAME            { $$ = named(parse, NODE_TOPIC, @$, $2, @2); }
  | "transactional"         { $$ = make(parse, NODE_TRANSACTIONAL, @$); }
  | "goal" goal "within" DURATION "of" anchor {
        $$ = $6;
        $$->span = @$;
        $$->kids[GOAL_PATTERN] = $2->kind == NODE_PATTERN ? $2 : NULL;
        $$->kids[GOAL_CONDITION] = $2->kind == NODE_PATTERN ? NULL : $2;
        $$->kids[GOAL_WITHIN] = from_token(parse, NODE_DURATION, @4, $4); }
  | "exit" exit_rule        { $$ = $2; $$->span = @$; }
  | "holdout" PERCENT       { $$ = make(parse, NODE_HOLDOUT, @$); $$->number = $2.number; $$->name_span = @2; }
  | "send" sending          { $$ = $2; $$->span = @$; }
  | "assert" kinds "at" "most" INT "per" DURATION {
        struct node *limit = with(make(parse, NODE_LIMIT, @$), LIMIT_PER, from_token(parse, NODE_DURATION, @7, $7));
        limit->number = $5.number;
        $$ = flagged(with(make(parse, NODE_ASSERT, @$), ASSERT_LIMIT, limit), (uint32_t)$2); }
  | "assert" "never" kinds "after" eventpat {
        $$ = flagged(with(make(parse, NODE_ASSERT, @$), ASSERT_PATTERN, $5), (uint32_t)$3); }
  ;
within: %empty { $$ = NULL; } | "within" DURATION { $$ = from_token(parse, NODE_DURATION, @2, $2); } ;
goal: eventpat | "when" expr { $$ = $2; } ;
anchor:
    "entry"                 { $$ = make(parse, NODE_GOAL, @$); $$->number = FORM_OF_ENTRY; }
  | "any" "message"         { $$ = make(parse, NODE_GOAL, @$); $$->number = FORM_OF_ANY_MESSAGE; }
  | channel NAME            { $$ = flagged(named(parse, NODE_GOAL, @$, $2, @2), (uint32_t)$1); $$->number = FORM_OF_MESSAGE; }
  ;
channel: "email" { $$ = FLAG_EMAIL; } | "sms" { $$ = FLAG_SMS; } ;
exit_rule:
    "when" expr             { $$ = with(make(parse, NODE_EXIT_RULE, @$), EXIT_RULE_CONDITION, $2); }
  | "on" eventpat           { $$ = with(make(parse, NODE_EXIT_RULE, @$), EXIT_RULE_PATTERN, $2); }
  | "on" "goal"             { $$ = make(parse, NODE_EXIT_RULE, @$); }
  ;

trigger:
    eventpat                { $$ = with(make(parse, NODE_TRIGGER, @$), TRIGGER_PATTERN, $1); $$->number = FORM_EVENT; }
  | "attribute" path "changes" where {
        $$ = make(parse, NODE_TRIGGER, @$);
        $$->number = FORM_CHANGES;
        $$->kids[TRIGGER_PATH] = $2;
        $$->kids[TRIGGER_WHERE] = $4; }
  | "attribute" path "becomes" sum where {
        $$ = make(parse, NODE_TRIGGER, @$);
        $$->number = FORM_BECOMES;
        $$->kids[TRIGGER_PATH] = $2;
        $$->kids[TRIGGER_VALUE] = $4;
        $$->kids[TRIGGER_WHERE] = $5; }
  | "segment" NAME "entered" { $$ = named(parse, NODE_TRIGGER, @$, $2, @2); $$->number = FORM_ENTERED; }
  | "segment" NAME "left"   { $$ = named(parse, NODE_TRIGGER, @$, $2, @2); $$->number = FORM_LEFT; }
  | "object" NAME alias "when" expr {
        $$ = add_other(with(named(parse, NODE_TRIGGER, @$, $2, @2), TRIGGER_WHERE, $5), $3, @3);
        $$->number = FORM_OBJECT; }
  | "on" path per_year "at" CLOCK {
        $$ = with(make(parse, NODE_TRIGGER, @$), TRIGGER_PATH, $2);
        $$->number = FORM_DATE;
        $$->is_per_year = $3;
        $$->clock = $5.clock; }
  | DURATION "before" path per_year "at" CLOCK {
        $$ = with(make(parse, NODE_TRIGGER, @$), TRIGGER_PATH, $3);
        $$->number = FORM_DATE_BEFORE;
        $$->kids[TRIGGER_OFFSET] = from_token(parse, NODE_DURATION, @1, $1);
        $$->is_per_year = $4;
        $$->clock = $6.clock; }
  | DURATION "after" path per_year "at" CLOCK {
        $$ = with(make(parse, NODE_TRIGGER, @$), TRIGGER_PATH, $3);
        $$->number = FORM_DATE_AFTER;
        $$->kids[TRIGGER_OFFSET] = from_token(parse, NODE_DURATION, @1, $1);
        $$->is_per_year = $4;
        $$->clock = $6.clock; }
  | "manual"                { $$ = make(parse, NODE_TRIGGER, @$); $$->number = FORM_MANUAL; }
  ;
per_year:
    %empty                  { $$ = 0; }
  | "per" NAME              { $$ = 1;
        if (!str_eq_c($2.text, "year")) {
            struct diag *diag = diag_report(parse->diags, DIAG_SYNTAX, @2, STR_ARG($2.text));
            diag_help(parse->diags, diag, "only `per year`"); } }
  ;
entry:
    "once"                  { $$ = make(parse, NODE_ENTER, @$); $$->number = FORM_ONCE; }
  | "once" "per" DURATION   {
        $$ = with(make(parse, NODE_ENTER, @$), ENTER_PER, from_token(parse, NODE_DURATION, @3, $3));
        $$->number = FORM_ONCE_PER_DURATION; }
  | "once" "per" per_key    { $$ = with(make(parse, NODE_ENTER, @$), ENTER_KEY, $3); $$->number = FORM_ONCE_PER_KEY; }
  | "again"                 { $$ = make(parse, NODE_ENTER, @$); $$->number = FORM_AGAIN; }
  | "again" "after" DURATION {
        $$ = with(make(parse, NODE_ENTER, @$), ENTER_PER, from_token(parse, NODE_DURATION, @3, $3));
        $$->number = FORM_AGAIN_AFTER; }
  | "always"                { $$ = make(parse, NODE_ENTER, @$); $$->number = FORM_ALWAYS; }
  ;
per_key: path ;
eventpat: "event" dotted alias where {
        $$ = add_other(with(named(parse, NODE_PATTERN, @$, $2, @2), PATTERN_WHERE, $4), $3, @3); }
  ;
alias: %empty { $$ = (struct token){0}; } | "as" NAME { $$ = $2; @$ = @2; } ;
where: %empty { $$ = NULL; } | "where" expr { $$ = $2; } ;
sending:
    "automatically"         { $$ = make(parse, NODE_SEND_AUTOMATICALLY, @$); }
  | "as" "draft" upto       { $$ = with(make(parse, NODE_SEND_DRAFT, @$), SEND_DRAFT_UP_TO, $3); }
  | sendrule                { $$ = flagged($1, FLAG_EMAIL | FLAG_SMS); }
  ;
upto: %empty { $$ = NULL; } | "up" "to" sum { $$ = $3; } ;

block: "{" steps "}"        { $$ = with(make(parse, NODE_BLOCK, @$), BLOCK_STEPS, $2.first); } ;
elseblock: %empty { $$ = NULL; } | "else" block { $$ = $2; } ;
steps:
    %empty                  { $$ = (struct node_list){0}; }
  | steps step              { $$ = node_list_add($1, $2); }
  | steps error             { $$ = node_list_add($1, make(parse, NODE_BAD, @2));
                              if (parse_recover(parse, &yychar, &yylval, &yylloc)) yyerrok; }
  ;
step:
    "email" NAME "{" props "}" { $$ = with(named(parse, NODE_EMAIL, @$, $2, @2), EMAIL_PROPS, $4.first); }
  | "sms" NAME sms_body     { $$ = with(named(parse, NODE_SMS, @$, $2, @2), SMS_PROPS, $3.first); }
  | "webhook" NAME "{" props "}" alias {
        $$ = add_other(with(named(parse, NODE_WEBHOOK, @$, $2, @2), WEBHOOK_PROPS, $4.first), $6, @6); }
  | "wait" DURATION         { $$ = with(make(parse, NODE_WAIT, @$), WAIT_SPAN, from_token(parse, NODE_DURATION, @2, $2)); }
  | wait_until
  | "wait" "for" eventpat upto elseblock {
        $$ = binary(parse, NODE_WAIT_EVENT, @$, 0, $3, $4);
        $$->kids[WAIT_EVENT_ELSE] = $5; }
  | "wait" "for" eventpat upto block elseblock {
        $$ = binary(parse, NODE_WAIT_EVENT, @$, 0, $3, $4);
        $$->kids[WAIT_EVENT_BODY] = $5;
        $$->kids[WAIT_EVENT_ELSE] = $6; }
  | "wait" "for" "reply" alias upto "{" reply_arms "}" elseblock {
        $$ = add_other(binary(parse, NODE_WAIT_REPLY, @$, 0, $7.first, $5), $4, @4);
        $$->kids[WAIT_REPLY_ELSE] = $9; }
  | "if" expr block if_tail { $$ = binary(parse, NODE_IF, @$, 0, $2, $3); $$->kids[IF_ELSE] = $4; }
  | "match" sum "{" arms "}" { $$ = binary(parse, NODE_MATCH, @$, 0, $2, $4.first); }
  | "split" NAME "{" split_arms "}" { $$ = with(named(parse, NODE_SPLIT, @$, $2, @2), SPLIT_ARMS, $4.first); }
  | "repeat" "up" "to" INT "times" block {
        $$ = with(make(parse, NODE_REPEAT, @$), REPEAT_BODY, $6);
        $$->number = $4.number;
        $$->name_span = @4; }
  | "break"                 { $$ = make(parse, NODE_BREAK, @$); }
  | "set" path "=" expr     { $$ = binary(parse, NODE_SET, @$, 0, $2, $4); }
  | "clear" path            { $$ = with(make(parse, NODE_CLEAR, @$), CLEAR_PATH, $2); }
  | "let" NAME "=" expr     { $$ = with(named(parse, NODE_LET, @$, $2, @2), LET_VALUE, $4); }
  | "emit" "event" dotted optional_record { $$ = with(named(parse, NODE_EMIT, @$, $3, @3), EMIT_RECORD, $4); }
  | "add" "to" "segment" NAME { $$ = named(parse, NODE_ADD, @$, $4, @4); }
  | "remove" "from" "segment" NAME { $$ = named(parse, NODE_REMOVE, @$, $4, @4); }
  | "subscribe" "to" NAME   { $$ = named(parse, NODE_SUBSCRIBE, @$, $3, @3); }
  | "unsubscribe" "from" NAME { $$ = named(parse, NODE_UNSUBSCRIBE, @$, $3, @3); }
  | "do" NAME "(" optional_exprs ")" { $$ = with(named(parse, NODE_DO, @$, $2, @2), DO_ARGUMENTS, $4.first); }
  | "exit"                  { $$ = make(parse, NODE_EXIT, @$); }
  | "exit" TEXT             { $$ = flagged(named(parse, NODE_EXIT, @$, $2, @2), FLAG_REASON); }
  ;
wait_until:
    "wait" "until" expr upto elseblock {
        $$ = binary(parse, NODE_WAIT_UNTIL, @$, 0, $3, $4);
        $$->kids[WAIT_UNTIL_ELSE] = $5; }
  | "wait" "until" expr upto block elseblock {
        $$ = binary(parse, NODE_WAIT_UNTIL, @$, 0, $3, $4);
        $$->kids[WAIT_UNTIL_BODY] = $5;
        $$->kids[WAIT_UNTIL_ELSE] = $6; }
  ;
if_tail:
    %empty                  { $$ = NULL; }
  | "else" block            { $$ = $2; }
  | "else" "if" expr block if_tail { $$ = binary(parse, NODE_IF, @$, 0, $3, $4); $$->kids[IF_ELSE] = $5; }
  ;
sms_body:
    TEXT                    {
        struct node *prop = with(make(parse, NODE_PROP, @1), PROP_VALUE, from_token(parse, NODE_TEXT, @1, $1));
        prop->name = STR("text");
        prop->name_span = @1;
        $$ = node_list_add((struct node_list){0}, prop); }
  | "{" props "}"           { $$ = $2; }
  ;
arms:
    %empty                  { $$ = (struct node_list){0}; }
  | arms arm                { $$ = node_list_add($1, $2); }
  | arms error              { $$ = $1; if (parse_recover(parse, &yychar, &yylval, &yylloc)) yyerrok; }
  ;
arm: arm_values block       { $$ = binary(parse, NODE_ARM, @$, 0, $1.first, $2); } ;
arm_values:
    "else"                  { $$ = (struct node_list){0}; }
  | exprs
  ;
split_arms:
    %empty                  { $$ = (struct node_list){0}; }
  | split_arms split_arm    { $$ = node_list_add($1, $2); }
  | split_arms error        { $$ = $1; if (parse_recover(parse, &yychar, &yylval, &yylloc)) yyerrok; }
  ;
split_arm: PERCENT NAME block {
        $$ = with(named(parse, NODE_SPLIT_ARM, @$, $2, @2), SPLIT_ARM_BODY, $3);
        $$->number = $1.number;
        $$->other_span = @1; } ;
reply_arms:
    %empty                  { $$ = (struct node_list){0}; }
  | reply_arms reply_arm    { $$ = node_list_add($1, $2); }
  | reply_arms error        { $$ = $1; if (parse_recover(parse, &yychar, &yylval, &yylloc)) yyerrok; }
  ;
reply_arm:
    texts block             { $$ = binary(parse, NODE_ARM, @$, 0, $1.first, $2); }
  | "else" block            { $$ = binary(parse, NODE_ARM, @$, 0, NULL, $2); }
  ;
props:
    %empty                  { $$ = (struct node_list){0}; }
  | props prop              { $$ = node_list_add($1, $2); }
  | props error             { $$ = $1; if (parse_recover(parse, &yychar, &yylval, &yylloc)) yyerrok; }
  ;
prop:
    NAME ":" value          { $$ = with(named(parse, NODE_PROP, @$, $1, @1), PROP_VALUE, $3); }
  | "send" sending          { $$ = $2; $$->span = @$; }
  | "topic" NAME            { $$ = named(parse, NODE_TOPIC, @$, $2, @2); }
  | "transactional"         { $$ = make(parse, NODE_TRANSACTIONAL, @$); }
  | "allow" "phi" TEXT      { $$ = named(parse, NODE_ALLOW_PHI, @$, $3, @3); }
  ;
value:
    expr
  | "file" TEXT             { $$ = named(parse, NODE_FILE, @$, $2, @2); }
  | record
  ;
record: "{" pairs "}"       { $$ = with(make(parse, NODE_RECORD, @$), RECORD_PAIRS, $2.first); } ;
optional_record: %empty { $$ = NULL; } | record ;
pairs:
    %empty                  { $$ = (struct node_list){0}; }
  | pairs pair              { $$ = node_list_add($1, $2); }
  | pairs pair ","          { $$ = node_list_add($1, $2); }
  | pairs error             { $$ = $1; if (parse_recover(parse, &yychar, &yylval, &yylloc)) yyerrok; }
  ;
pair:
    NAME ":" value          { $$ = with(named(parse, NODE_PAIR, @$, $1, @1), PAIR_VALUE, $3); }
  | TEXT ":" value          { $$ = with(named(parse, NODE_PAIR, @$, $1, @1), PAIR_VALUE, $3); }
  ;
optional_exprs: %empty { $$ = (struct node_list){0}; } | exprs ;
exprs:
    expr                    { $$ = node_list_add((struct node_list){0}, $1); }
  | exprs "," expr          { $$ = node_list_add($1, $3); }
  ;

path:
    NAME parts              { $$ = with(named(parse, NODE_PATH, @$, $1, @1), PATH_PARTS, $2.first); }
  | "patient" parts         { $$ = with(named(parse, NODE_PATH, @$, $1, @1), PATH_PARTS, $2.first); }
  | "clinic" parts          { $$ = with(named(parse, NODE_PATH, @$, $1, @1), PATH_PARTS, $2.first); }
  | "event" parts           { $$ = with(named(parse, NODE_PATH, @$, $1, @1), PATH_PARTS, $2.first); }
  | "reply" parts           { $$ = with(named(parse, NODE_PATH, @$, $1, @1), PATH_PARTS, $2.first); }
  ;
parts:
    %empty                  { $$ = (struct node_list){0}; }
  | parts "." NAME          { $$ = node_list_add($1, from_token(parse, NODE_NAME, @3, $3)); }
  ;
dotted: word dots           {
        $$ = $1;
        if ($2.text.at) {
            struct span whole = @$;
            $$.text = (struct str){parse->source->text.at + whole.first, whole.end - whole.first};
        } } ;
dots: %empty { $$ = (struct token){0}; } | dots "." NAME { $$ = $3; } ;

expr: conj | expr "or" conj { $$ = binary(parse, NODE_OR, @$, 0, $1, $3); } ;
conj: neg | conj "and" neg  { $$ = binary(parse, NODE_AND, @$, 0, $1, $3); } ;
neg: rel | "not" neg        { $$ = with(make(parse, NODE_NOT, @$), NOT_OPERAND, $2); } ;
rel:
    sum
  | sum compare sum         { $$ = binary(parse, NODE_COMPARE, @$, $2, $1, $3); $$->name_span = @2; }
  | sum "is" "known"        { $$ = with(make(parse, NODE_KNOWN, @$), KNOWN_OPERAND, $1); }
  | sum "is" "unknown"      { $$ = flagged(with(make(parse, NODE_KNOWN, @$), KNOWN_OPERAND, $1), FLAG_NOT); }
  | sum "in" "segment" NAME { $$ = with(named(parse, NODE_IN_SEGMENT, @$, $4, @4), IN_SEGMENT_OPERAND, $1); }
  | sum "not" "in" "segment" NAME {
        $$ = flagged(with(named(parse, NODE_IN_SEGMENT, @$, $5, @5), IN_SEGMENT_OPERAND, $1), FLAG_NOT); }
  | sum "between" sum "and" sum days {
        $$ = binary(parse, NODE_BETWEEN, @$, 0, $1, $3);
        $$->kids[BETWEEN_HIGH] = $5;
        $$->days = (int32_t)$6; }
  | "did" "event" dotted least last did_where {
        $$ = binary(parse, NODE_DID, @$, $4, $5, $6);
        $$->name = $3.text;
        $$->name_span = @3; }
  | "any" "object" NAME any_where { $$ = with(named(parse, NODE_ANY, @$, $3, @3), ANY_WHERE, $4); }
  | "received" message      { $$ = $2; $$->span = @$; $$->number = STATE_RECEIVED; }
  | "opened" message        { $$ = $2; $$->span = @$; $$->number = STATE_OPENED; }
  | "clicked" message       { $$ = $2; $$->span = @$; $$->number = STATE_CLICKED; }
  | "subscribed" "to" NAME  { $$ = named(parse, NODE_SUBSCRIBED, @$, $3, @3); }
  ;
compare:
    "==" { $$ = COMPARE_EQ; } | "!=" { $$ = COMPARE_NE; } | "<" { $$ = COMPARE_LT; } | ">" { $$ = COMPARE_GT; }
  | "<=" { $$ = COMPARE_LE; } | ">=" { $$ = COMPARE_GE; } | "in" { $$ = COMPARE_IN; }
  | "not" "in" { $$ = COMPARE_NOT_IN; } | "contains" { $$ = COMPARE_CONTAINS; }
  | "starts" "with" { $$ = COMPARE_STARTS_WITH; } | "ends" "with" { $$ = COMPARE_ENDS_WITH; }
  ;
least: %empty { $$ = 1; } | "at" "least" INT "times" { $$ = $3.number; } ;
last: %empty { $$ = NULL; } | "in" "last" DURATION { $$ = from_token(parse, NODE_DURATION, @3, $3); } ;
did_where: %empty { $$ = NULL; } | "where" "(" expr ")" { $$ = $3; } ;
any_where: %empty { $$ = NULL; } | "where" "(" expr ")" { $$ = $3; } ;
message: channel NAME       { $$ = flagged(named(parse, NODE_MESSAGE_STATE, @$, $2, @2), (uint32_t)$1); } ;
sum:
    term
  | sum "+" term            { $$ = binary(parse, NODE_ARITHMETIC, @$, '+', $1, $3); }
  | sum "-" term            { $$ = binary(parse, NODE_ARITHMETIC, @$, '-', $1, $3); }
  | sum "at" CLOCK          { $$ = with(make(parse, NODE_AT, @$), AT_OPERAND, $1); $$->clock = $3.clock; }
  ;
term:
    factor
  | term "*" factor         { $$ = binary(parse, NODE_ARITHMETIC, @$, '*', $1, $3); }
  | term "/" factor         { $$ = binary(parse, NODE_ARITHMETIC, @$, '/', $1, $3); }
  ;
factor: primary | "-" factor { $$ = with(make(parse, NODE_NEGATE, @$), NEGATE_OPERAND, $2); } ;
primary:
    TEXT                    { $$ = from_token(parse, NODE_TEXT, @$, $1); }
  | INT                     { $$ = from_token(parse, NODE_INTEGER, @$, $1); }
  | NUMBER                  { $$ = from_token(parse, NODE_NUMBER, @$, $1); }
  | PERCENT                 { $$ = from_token(parse, NODE_PERCENT, @$, $1); }
  | DATE                    { $$ = from_token(parse, NODE_DATE, @$, $1); }
  | DATE CLOCK              { $$ = from_token(parse, NODE_DATE, @$, $1); $$->clock = $2.clock; }
  | CLOCK                   { $$ = from_token(parse, NODE_CLOCK, @$, $1); }
  | day                     { $$ = make(parse, NODE_WEEKDAY, @$); $$->number = $1; }
  | day CLOCK               { $$ = make(parse, NODE_WEEKDAY, @$); $$->number = $1; $$->clock = $2.clock; }
  | "true"                  { $$ = make(parse, NODE_BOOL, @$); $$->number = 1; }
  | "false"                 { $$ = make(parse, NODE_BOOL, @$); }
  | "now"                   { $$ = make(parse, NODE_NOW, @$); }
  | "today"                 { $$ = make(parse, NODE_TODAY, @$); }
  | DURATION                { $$ = from_token(parse, NODE_DURATION, @$, $1); }
  | path
  | NAME "(" optional_exprs ")" { $$ = with(named(parse, NODE_CALL, @$, $1, @1), CALL_ARGUMENTS, $3.first); }
  | "(" expr ")"            { $$ = $2; $$->span = @$; }
  | "[" optional_values "]" { $$ = with(make(parse, NODE_LIST, @$), LIST_ITEMS, $2.first); }
  ;
optional_values: %empty { $$ = (struct node_list){0}; } | values ;
values:
    value                   { $$ = node_list_add((struct node_list){0}, $1); }
  | values "," value        { $$ = node_list_add($1, $3); }
  ;

teststmts:
    %empty                  { $$ = (struct node_list){0}; }
  | teststmts teststmt      { $$ = node_list_add($1, $2); }
  | teststmts error         { $$ = $1; if (parse_recover(parse, &yychar, &yylval, &yylloc)) yyerrok; }
  ;
teststmt:
    "given" given           { $$ = $2; $$->span = @$; }
  | "enter"                 { $$ = make(parse, NODE_ACT_ENTER, @$); }
  | "after" DURATION        { $$ = with(make(parse, NODE_AFTER, @$), AFTER_DELAY, from_token(parse, NODE_DURATION, @2, $2)); }
  | "until" DATE CLOCK      { $$ = make(parse, NODE_UNTIL, @$); $$->number = $2.number; $$->clock = $3.clock; }
  | "event" dotted optional_record { $$ = with(named(parse, NODE_ACT_EVENT, @$, $2, @2), ACT_EVENT_RECORD, $3); }
  | "object" NAME record    { $$ = with(named(parse, NODE_ACT_OBJECT, @$, $2, @2), ACT_OBJECT_RECORD, $3); }
  | "set" path "=" expr     { $$ = binary(parse, NODE_SET, @$, 0, $2, $4); }
  | "clear" path            { $$ = with(make(parse, NODE_CLEAR, @$), CLEAR_PATH, $2); }
  | "subscribe" "to" NAME   { $$ = named(parse, NODE_SUBSCRIBE, @$, $3, @3); }
  | "unsubscribe" "from" NAME { $$ = named(parse, NODE_UNSUBSCRIBE, @$, $3, @3); }
  | "add" "to" "segment" NAME { $$ = named(parse, NODE_ADD, @$, $4, @4); }
  | "remove" "from" "segment" NAME { $$ = named(parse, NODE_REMOVE, @$, $4, @4); }
  | "reply" TEXT            { $$ = named(parse, NODE_ACT_REPLY, @$, $2, @2); }
  | "approve" message       { $$ = $2; $$->kind = NODE_ACT_MESSAGE; $$->span = @$; $$->number = ACT_APPROVE; }
  | "opened" message        { $$ = $2; $$->kind = NODE_ACT_MESSAGE; $$->span = @$; $$->number = ACT_OPENED; }
  | "clicked" message       { $$ = $2; $$->kind = NODE_ACT_MESSAGE; $$->span = @$; $$->number = ACT_CLICKED; }
  | "expect" expectation    { $$ = $2; if ($$) $$->span = @$; }
  ;
given:
    "now" DATE CLOCK        { $$ = make(parse, NODE_GIVEN_NOW, @$); $$->number = $2.number; $$->clock = $3.clock; }
  | "patient" record        { $$ = with(make(parse, NODE_GIVEN_PATIENT, @$), GIVEN_PATIENT_RECORD, $2); }
  | "subscribed" "to" NAME  { $$ = named(parse, NODE_GIVEN_SUBSCRIBED, @$, $3, @3); }
  | "segment" NAME          { $$ = named(parse, NODE_GIVEN_SEGMENT, @$, $2, @2); }
  | "event" dotted optional_record { $$ = with(named(parse, NODE_GIVEN_EVENT, @$, $2, @2), GIVEN_EVENT_RECORD, $3); }
  | "object" NAME record    { $$ = with(named(parse, NODE_GIVEN_OBJECT, @$, $2, @2), GIVEN_OBJECT_RECORD, $3); }
  | "webhook" NAME record   { $$ = with(named(parse, NODE_GIVEN_WEBHOOK, @$, $2, @2), GIVEN_WEBHOOK_RECORD, $3); }
  | "split" NAME NAME       { $$ = add_other(named(parse, NODE_GIVEN_SPLIT, @$, $2, @2), $3, @3); }
  | "holdout"               { $$ = make(parse, NODE_GIVEN_HOLDOUT, @$); }
  ;
expectation:
    message optional_record { $$ = with($1, EXPECT_MESSAGE_RECORD, $2); $$->kind = NODE_EXPECT_MESSAGE; }
  | message "contains" TEXT { $$ = flagged(add_other($1, $3, @3), FLAG_CONTAINS); $$->kind = NODE_EXPECT_MESSAGE; }
  | "draft" message optional_record {
        $$ = flagged(with($2, EXPECT_MESSAGE_RECORD, $3), FLAG_DRAFT); $$->kind = NODE_EXPECT_MESSAGE; }
  | "draft" message "contains" TEXT {
        $$ = flagged(add_other($2, $4, @4), FLAG_DRAFT | FLAG_CONTAINS); $$->kind = NODE_EXPECT_MESSAGE; }
  | "no" message            { $$ = flagged($2, FLAG_NOT); $$->kind = NODE_EXPECT_MESSAGE; }
  | "no" "messages"         { $$ = make(parse, NODE_EXPECT_NO_MESSAGES, @$); }
  | "webhook" NAME optional_record { $$ = with(named(parse, NODE_EXPECT_WEBHOOK, @$, $2, @2), EXPECT_WEBHOOK_RECORD, $3); }
  | "webhook" NAME "contains" TEXT {
        $$ = flagged(add_other(named(parse, NODE_EXPECT_WEBHOOK, @$, $2, @2), $4, @4), FLAG_CONTAINS); }
  | "no" "webhook" NAME     { $$ = flagged(named(parse, NODE_EXPECT_WEBHOOK, @$, $3, @3), FLAG_NOT); }
  | "goal"                  { $$ = make(parse, NODE_EXPECT_GOAL, @$); }
  | "no" "goal"             { $$ = flagged(make(parse, NODE_EXPECT_GOAL, @$), FLAG_NOT); }
  | "exit"                  { $$ = make(parse, NODE_EXPECT_EXIT, @$); }
  | "exit" TEXT             { $$ = flagged(named(parse, NODE_EXPECT_EXIT, @$, $2, @2), FLAG_REASON); }
  | "no" "exit"             { $$ = flagged(make(parse, NODE_EXPECT_EXIT, @$), FLAG_NOT); }
  | "entry"                 { $$ = make(parse, NODE_EXPECT_ENTRY, @$); }
  | "no" "entry"            { $$ = flagged(make(parse, NODE_EXPECT_ENTRY, @$), FLAG_NOT); }
  | expr                    { $$ = with(make(parse, NODE_EXPECT, @$), EXPECT_CONDITION, $1); }
  ;

word:
    NAME
  | "use" | "clinic" | "patient" | "event" | "object" | "by" | "segment" | "when" | "manual" | "topic" | "opt"
  | "out" | "policy" | "let" | "flow" | "campaign" | "workflow" | "test" | "for" | "email" | "sms" | "messages"
  | "never" | "most" | "per" | "description" | "trigger" | "enter" | "audience" | "within" | "transactional"
  | "goal" | "exit" | "holdout" | "send" | "assert" | "after" | "entry" | "any" | "message" | "attribute"
  | "changes" | "becomes" | "entered" | "left" | "before" | "once" | "again" | "always" | "as"
  | "automatically" | "draft" | "up" | "to" | "else" | "webhook" | "wait" | "until" | "reply" | "if" | "match"
  | "split" | "repeat" | "times" | "break" | "set" | "clear" | "emit" | "add" | "remove" | "from" | "subscribe"
  | "unsubscribe" | "do" | "file" | "allow" | "with" | "known" | "unknown" | "did" | "least" | "last"
  | "received" | "opened" | "clicked" | "subscribed" | "true" | "false" | "now" | "today" | "given" | "approve"
  | "expect" | "no"
  ;

%%

static void camp_yyerror(struct span *span, struct parse *parse, const char *message)
{
    (void)message;
    report_too_deep(parse, *span);
}

static int yyreport_syntax_error(const yypcontext_t *context, struct parse *parse)
{
    yysymbol_kind_t expected[YYNTOKENS];
    int kinds[YYNTOKENS], count = yypcontext_expected_tokens(context, expected, YYNTOKENS);
    for (int i = 0; i < count; i++)
        kinds[i] = (int)expected[i];
    mistake_report(parse, (int)yypcontext_token(context), *yypcontext_location(context), kinds, count);
    return 0;
}

const char *camp_token_name(int kind)
{
    return yysymbol_name((yysymbol_kind_t)kind);
}
