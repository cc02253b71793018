/* internal.h: what the passes share. One `struct compiler` goes through all of them. */
#ifndef CAMP_COMPILER_INTERNAL_H
#define CAMP_COMPILER_INTERNAL_H

#include "compiler/compile.h"
#include "vm/code/op.h"
#include "vm/code/value.h"

/* Kinds beside enum type_kind that only expressions have. */
enum {
    KIND_BAD = 0,
    KIND_EVENT = 100,
    KIND_OBJECT,
    KIND_WEEKDAY,
    KIND_JSON,   /* a member of an answer: no declared type */
    KIND_ANSWER, /* of a webhook */
    KIND_CLINIC,
    KIND_PATIENT,
    KIND_REPLY,
    KIND_LOOP,  /* `forloop` of a template */
    KIND_RANGE, /* (1..5) */
    KIND_ANY,
    KIND_NOTHING
};

/* What the compiler knows of an expression. */
struct typed {
    uint32_t kind; /* enum type_kind or KIND_…; KIND_BAD: an error was reported */
    uint32_t type; /* row of types, where there is one */
    uint32_t row;  /* EVENT, OBJECT: row of events, objects */
    bool is_known, is_phi;
};

enum name_kind { NAME_SLOT = 1, NAME_TESTED_EVENT, NAME_TESTED_OBJECT };
struct name { /* visible in a campaign: alias, let, parameter */
    struct str name;
    enum name_kind kind;
    uint32_t slot;
    struct typed type;
    struct span span;  /* where it was declared */
    uint32_t shadowed; /* the one of that name below it, + 1 */
};

struct code { /* instructions under construction */
    struct code *outer;
    uint32_t *words;
    uint32_t count, room, depth, max_depth, kind;
    uint32_t local_count; /* templates */
    bool is_timed;
    struct image_read *reads;
    uint32_t read_count, read_room;
    struct image_line *lines;
    uint32_t line_count, line_room;
};

struct symbol { /* a declaration by name: row of its table, or its node */
    struct node *node;
    uint32_t row;
};

struct tpl;
struct compiler {
    struct compilation *out;
    const struct compile_options *options;
    struct arena *arena;
    struct diags *diags;
    struct image *image;
    struct map64 file_rows; /* file of the sources → row of the image's files */
    uint32_t file_room;
    struct str *roots; /* what the project's paths begin with, up to a slash */
    uint32_t root_count;
    struct str *templates; /* files of the project's folders that look like some, by their names */
    uint32_t template_count, template_room;
    struct node *clinic, *last_declaration;
    struct strmap texts, types, constants;
    uint32_t type_of_kind[128]; /* row + 1 */
    struct strmap attributes, attribute_fields, events, objects, segments, topics, campaigns, flows,
        lets, policies, dids, used; /* used: see mark_used */
#define TABLE(number, name) uint32_t name##_room;
#define COLUMN(kind, name)
#define COLUMN_OF(kind, table, name)
#define END(name)
#include "vm/code/image.def"
#undef TABLE
#undef COLUMN
#undef COLUMN_OF
#undef END
    uint32_t text_room, instruction_room;
    bool is_quiet;         /* a trial: nothing is reported */
    struct map64 reported; /* code and place */
    bool is_use_missing;   /* a `use` could not be followed */
    bool is_test;          /* times are the clinic's */
    struct code *code;
    /* the campaign being compiled */
    struct node *campaign;
    uint32_t campaign_row;
    struct name *names;
    uint32_t name_count, name_room, name_base;
    struct strmap name_of; /* the topmost of each name, + 1 */
    struct map64
        field_of; /* first field of an event or object, and text of a name → its field + 1 */
    struct map64 field_defaults;  /* row of a field → constant + 1 */
    uint32_t slot_count, slot_most;
    struct str *facts; /* paths shown known here */
    uint32_t fact_count, fact_room;
    struct node **policy_list; /* in the order of the text */
    uint32_t policy_count, policy_list_room;
    bool are_emits_known;
    struct strmap emitted; /* events that any step emits; filled by the first who asks */
    struct strmap messages, step_names;
    struct str tested; /* alias of the event or object being tested */
    struct typed tested_type;
    enum name_kind tested_kind;
    struct typed trigger;   /* what `event` or the alias is in the workflow */
    bool is_trigger_bad;    /* the trigger's event is unknown, which was reported */
    bool *segment_is_phi;   /* by row; NULL until all conditions are compiled */
    struct map64 repeat_ends; /* ids of repeats → does every way end in them? */
    uint32_t ends_depth;    /* of flows that are asked whether they end */
    struct map64 dates;     /* ids of paths that waits count from and that are dates */
    struct map64 used_lets; /* by the place of its name */
    struct strmap phi_noted;
    struct map64 phi_nodes;     /* ids of the expressions that read phi and settle something */
    struct map64 message_nodes; /* row of a message → its node */
    struct span phi_output;     /* the first of the last template that showed phi */
    struct span phi_url;        /* … that showed it in a web address; file and end 0: none did */
    struct node *active_flows[32];
    uint32_t active_flow_count;
    struct map64 flow_slots; /* node id of a flow → its first slot + 1 */
    uint32_t topic;          /* of the campaign, NONE: transactional */
    bool is_draft;
    struct node *draft_bound;
    uint32_t step_depth;
    bool is_flow_endless; /* a flow that runs itself was reported: proofs would follow it */
    uint32_t breaks;      /* the jumps out of the repeat around, see emit_jump_in */
    bool is_in_repeat;
    uint32_t unknown_matters; /* depth of conditions that lead to messages */
    struct tpl *tpl;          /* the template being compiled; NULL outside of one */
    struct node *negation;    /* the `not` around, until what is unknown in it was reported */
};

#define TABLE(number, name) uint32_t add_##name(struct compiler *c, struct image_##name row);
#define COLUMN(kind, name)
#define COLUMN_OF(kind, table, name)
#define END(name)
#include "vm/code/image.def"
#undef TABLE
#undef COLUMN
#undef COLUMN_OF
#undef END

/* build.c */
uint32_t intern(struct compiler *c, struct str text);
/* The debug table: what is emitted next comes from there. */
/* The file's name without what the project's own path is. */
struct str name_in_project(struct compiler *c, struct str name);
void emit_line(struct compiler *c, struct span span);
uint32_t add_constant_value(struct compiler *c, struct value v);
uint32_t type_row(struct compiler *c, const struct node *type);
uint32_t type_of_kind(struct compiler *c, uint32_t kind);
const char *kind_name(uint32_t kind);
void code_begin(struct compiler *c, struct code *code, uint32_t kind);
uint32_t code_end(struct compiler *c);
/* A row whose code is made later: in the order of the rows, for they lie one behind the other. */
uint32_t code_keep(struct compiler *c);
void code_end_at(struct compiler *c, uint32_t kept);
void emit(struct compiler *c, uint32_t word, uint32_t pops, uint32_t pushes);
uint32_t emit_jump(struct compiler *c, enum op op); /* its place, for patch() */
void patch(struct compiler *c, uint32_t place);     /* the jump goes to here */
/* Any number of jumps to one place: a chain through their operands, 0 at first. */
void emit_jump_in(struct compiler *c, enum op op, uint32_t *chain);
void patch_all(struct compiler *c, uint32_t chain);
void add_read_of(struct compiler *c, uint32_t kind, uint32_t row);
struct diag *report(struct compiler *c, enum diag_code code, struct span span, ...);
void help(struct compiler *c, struct diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The edit that the help speaks of: the span becomes the text. */
void fix(struct compiler *c, struct diag *diag, struct span span, const char *text);
void suggest(struct compiler *c, struct diag *diag, struct str name, const struct strmap *names);
void suggest_of(struct compiler *c, struct diag *diag, struct str name, struct str *candidates,
                uint32_t count);
void report_too_large(struct compiler *c, struct span span, const char *what);
void report_two_rules(struct compiler *c, const struct node *topic,
                      const struct node *transactional);
void note(struct compiler *c, struct diag *diag, struct span span, const char *text);
/* The part on its first line. */
struct span first_line(struct compiler *c, struct span span);
/* How a literal of the kind is written, for helps. */
const char *kind_form(uint32_t kind);
/* `call` was given another number of arguments than least to most; `form` is "(a, b)". */
void report_count(struct compiler *c, const struct node *call, uint32_t least, uint32_t most,
                  uint32_t given, const char *form);
struct str text_of(struct compiler *c, uint32_t text);
struct str source_text(struct compiler *c, struct span span);
/* The same whatever its layout: without comments, with blanks between words only. */
struct str source_words(struct compiler *c, struct span span);

/* module.c: files and `use` */
bool load_paths(struct compiler *c, char *const *paths, int count, struct str *error);
void load_text(struct compiler *c, struct str name, struct str text);

/* symbols.c: declarations into tables */
void declare_all(struct compiler *c);
bool is_of_module(struct compiler *c, const struct node *node);

/* expr.c */
struct typed expression(struct compiler *c, struct node *node);
struct typed expression_as(struct compiler *c, struct node *node, struct typed wanted);
struct typed condition(struct compiler *c, struct node *node);
/* The type without a trace in the code or the diagnostics. */
struct typed type_of(struct compiler *c, struct node *node);
uint32_t expression_code(struct compiler *c, struct node *node, struct typed wanted,
                         struct typed *got);
uint32_t condition_code(struct compiler *c, struct node *node);
struct typed typed_of(struct compiler *c, uint32_t type);
struct typed typed_kind(uint32_t kind);
uint32_t duration_constant(struct compiler *c, const struct node *duration);
/* What the clinic field or the `let` that is named was written as, where that is a text; anything
 * else as it is. */
struct node *clinic_text(struct compiler *c, struct node *node);
bool is_literal(const struct node *node);
struct typed path_value(struct compiler *c, struct node *path);
struct name *find_name(struct compiler *c, struct str name);
void learn(struct compiler *c, const struct node *condition, bool truth);
void forget(struct compiler *c, const struct node *path);
bool constant_from_literal(struct compiler *c, struct node *node, struct typed wanted,
                           struct value *v);
struct str path_text(struct compiler *c, const struct node *path);
uint32_t where_code(struct compiler *c, struct node *where, enum name_kind kind, uint32_t row,
                    struct str alias, struct typed *got);
uint32_t event_of(struct compiler *c, struct str name, struct span span);
void unknown_field(struct compiler *c, struct str name, struct span span, const char *what,
                   struct rows fields);

/* template.c */
/* Into the code that is open. */
void template_into(struct compiler *c, struct node *value, bool is_html, struct typed *got,
                   struct str *shown);
uint32_t template_code(struct compiler *c, struct node *value, bool is_html, struct typed *got,
                       struct str *shown);

/* render.c */
uint32_t render_template_code(struct compiler *c, uint32_t file, bool is_html);

/* workflow.c, message.c, webhook.c */
void compile_campaign(struct compiler *c, struct node *campaign, uint32_t row);
void compile_message(struct compiler *c, struct node *step);
/* Are all open at that minute of the week? */
bool windows_open(const struct image_window *windows, uint32_t count, uint32_t minute);
/* Nothing but rules stands twice in a message. */
void check_prop_twice(struct compiler *c, const struct node *first, const struct node *prop);
/* A message of a flow is one message, compiled where the flow is first done; where it is done
 * again, with other arguments, it is looked at anew, and its codes are taken back. */
void take_back(struct compiler *c, const struct image *before);
void compile_webhook(struct compiler *c, struct node *step);
void compile_block(struct compiler *c, struct node *block);
void declare_messages(struct compiler *c, struct node *block, int depth);
uint32_t new_slot(struct compiler *c);
/* An alias or `let` hides no name that is visible here (P6). */
void check_hides(struct compiler *c, struct str name, struct span span);
/* Names that were pushed since there were so many are visible no longer. */
void pop_names(struct compiler *c, uint32_t count);
void push_name_slot(struct compiler *c, struct str name, struct span span, uint32_t slot,
                    struct typed type);
struct node *setting_of(struct compiler *c, enum node_kind kind);
struct str unique_name(struct compiler *c, struct str name);
/* A wait of this name that waits for nothing yet, for the step that was begun last. */
struct image_wait wait_row(struct compiler *c, struct str name, uint32_t kind);
/* waits.c */
void compile_wait_duration(struct compiler *c, struct node *step);
void compile_wait_until(struct compiler *c, struct node *step);
void compile_wait_event(struct compiler *c, struct node *step);
void compile_wait_reply(struct compiler *c, struct node *step);
void compile_step(struct compiler *c, struct node *step);
/* People are added to the segment by hand, or it is reported. */
void check_manual(struct compiler *c, const struct node *step, uint32_t segment);
/* warn.c: does no way lead behind the block, the step? */
bool block_ends(struct compiler *c, const struct node *block);
bool step_ends(struct compiler *c, const struct node *step);
void step_begin(struct compiler *c, struct node *step, uint32_t kind, struct str name,
                uint32_t message);

uint32_t attribute_of(struct compiler *c, struct node *path);

/* A flow that no campaign does, as the whole workflow of the campaign. */
void compile_flow_alone(struct compiler *c, struct node *flow, struct node *campaign,
                        uint32_t index);
void compile_flow_body(struct compiler *c, struct node *flow);

/* assert.c: what the campaign asserts holds on every way (S10), or is reported */
void check_asserts(struct compiler *c);

/* bounds.c: what each campaign can do, and all together */
void bounds_all(struct compiler *c);

/* idle.c */
void check_idle(struct compiler *c);

/* circles.c: lets and segments made of themselves, which mean nothing from then on; records with a
 * name twice. */
void check_circles(struct compiler *c);
void check_records(struct compiler *c);

/* unused.c: a name of a kind ("event", …) was resolved; a `let` by the span of its name */
void mark_used(struct compiler *c, const char *kind, struct str name);
void mark_let_used(struct compiler *c, struct span span);
bool is_used(struct compiler *c, const char *kind, struct str name);
bool is_idle_let(struct compiler *c, struct span span);

/* tests.c */
/* Of the campaign in that row, by name into c->messages. */
void find_messages(struct compiler *c, uint32_t campaign);
/* The row of the campaign of that name; IMAGE_NONE: there is none. */
uint32_t campaign_row(const struct compiler *c, struct str name);
void compile_tests(struct compiler *c);

#endif
