/* liquid.h: what the files that compile templates share (template.c, liquid.c, liquid_for.c,
 * liquid_path.c, html.c); for them and expr.c alone. */
#ifndef CAMP_COMPILER_LIQUID_H
#define CAMP_COMPILER_LIQUID_H

#include "compiler/internal.h"

enum { TEMPLATE_MAX_LOOPS = 6, TEMPLATE_MAX_PARTIALS = 8, TEMPLATE_MAX_CAPTURES = 32 };

/* Where the text of an HTML template stands: what an output there has to hold back. */
struct html_place {
    uint8_t state;
    char quote;         /* of the attribute's value */
    char tag[16];       /* the tag being read, or the raw text element that is open */
    char attribute[16]; /* the one being read */
    char value[16];     /* its value so far */
    uint8_t tag_length, attribute_length, value_length;
};

struct variable { /* assigned or captured; a parameter of a partial */
    struct str name;
    uint32_t local;
    struct typed type;
    bool is_set; /* on every way to here, or perhaps */
};

struct place_list { /* jumps to a place that is not known yet */
    uint32_t *places;
    uint32_t count, room;
};

struct loop_scope { /* a `for` whose body is being compiled */
    struct loop_scope *outer;
    struct str name;
    uint32_t loop, item;
    struct typed type;
    struct place_list breaks, continues;
    uint32_t capture_count; /* open around it */
    bool is_phi;            /* leaving it told of phi */
};

struct resume { /* `offset: continue`: where the loop of that name stopped */
    struct str name;
    uint32_t local;
};

struct partial;
struct partial_list { /* partials in the order of their rows */
    struct partial *first, **end;
};

struct tpl {           /* a template being compiled */
    struct tpl *outer; /* the one that renders it */
    struct compiler *c;
    uint32_t file;
    bool is_html;
    bool is_dynamic;  /* `camp render`: names are looked up in the data when it runs */
    bool is_isolated; /* a partial: the data are out of sight */
    bool is_trial;    /* a loop's body, to see what it assigns */
    struct partial_list *put_off; /* of `camp render`: whose code is made later */
    struct typed *all;
    struct buf *shown;
    struct variable *variables;
    uint32_t variable_count, variable_room;
    struct resume *resumes;
    uint32_t resume_count, resume_room;
    struct loop_scope *loop;
    uint32_t loop_depth;
    uint32_t captures[TEMPLATE_MAX_CAPTURES]; /* locals that they go to */
    uint32_t capture_count;
    struct place_list ends;
    uint32_t phi_depth; /* branches and loops that phi decides */
    struct span phi_span;
    struct html_place place;
    struct str partial; /* its path and parameters; empty for a message's own text */
};

/* liquid.c: a list of nodes; true when what comes after it is never reached. */
bool liquid_list(struct tpl *tpl, struct node *list, bool drops_white);
/* Before the first node: variables that are assigned begin as the data of that name. */
void liquid_begin(struct tpl *tpl, struct node *list);
void liquid_end(struct tpl *tpl);
struct typed liquid_condition(struct tpl *tpl, struct node *node);
void note_phi(struct tpl *tpl, struct span span);
uint32_t new_local(struct compiler *c);
struct variable *find_variable(struct tpl *tpl, struct str name);
struct variable *set_variable(struct tpl *tpl, struct str name, struct typed type);
void jump_to_come(struct tpl *tpl, struct place_list *list);
void jumps_come_here(struct tpl *tpl, struct place_list *list);

/* liquid_branch.c: types of variables where ways meet */
struct states {
    struct typed *types;
    bool *are_set;
    uint32_t count;
};
struct states states_of(struct tpl *tpl);
void states_restore(struct tpl *tpl, struct states states);
/* Both ways lead here; true when something is less certain than in `states`. */
bool states_join(struct tpl *tpl, struct states *states);
bool liquid_choice(struct tpl *tpl, struct node *node);
bool liquid_case(struct tpl *tpl, struct node *node);

/* liquid_for.c */
void liquid_for(struct tpl *tpl, struct node *node);
bool liquid_leave(struct tpl *tpl, struct node *node);
void liquid_partial(struct tpl *tpl, struct node *node);
/* The codes of all partials that `camp render` met, and of those that they meet. */
void liquid_put_off(struct tpl *root);

/* liquid_path.c: what expressions in templates have beside the language's own; false: not of
 * templates. */
bool liquid_expression(struct compiler *c, struct node *node, struct typed *type);
bool liquid_member(struct compiler *c, struct typed *type, struct node *part);
bool liquid_root(struct compiler *c, const struct node *path, struct typed *type);
/* Is it a comparison with nil, blank or empty, and does it show its left side known? */
bool liquid_is_of_nothing(const struct node *compare);
bool liquid_shows_known(const struct node *compare, bool truth);

/* html.c */
void html_read(struct html_place *place, struct str text);
/* Why an output here is not safe by escaping; NULL: it is. */
const char *html_danger(const struct html_place *place);

#endif
