/* ast.h: the tree. Every node has one shape; nodes.def says what its parts mean for its kind.
 * Memory belongs to the arena of the compile; spans are byte offsets into a loaded file (source.h).
 */
#ifndef CAMP_GRAMMAR_AST_H
#define CAMP_GRAMMAR_AST_H

#include "grammar/source.h"
#include "vm/base/arena.h"
#include "vm/base/buf.h"

enum node_kind {
#define NODE(kind, word, documentation) NODE_##kind,
#define KID(kind, index, child)
#include "grammar/nodes.def"
#undef NODE
#undef KID
    NODE_KIND_COUNT
};

/* CAMPAIGN_SETTINGS and so on: indexes into kids. */
enum node_kid {
#define NODE(kind, word, documentation)
#define KID(kind, index, child) kind##_##child = index,
#include "grammar/nodes.def"
#undef NODE
#undef KID
    NODE_KID_ROOM = 5
};

enum node_flag {
    FLAG_EMAIL = 1, /* channels */
    FLAG_SMS = 2,
    FLAG_NOT = 4,
    FLAG_FILE = 8,
    FLAG_PHI = 16,
    FLAG_OPT_IN = 32,
    FLAG_EXACT = 64,
    FLAG_REASON = 128,
    FLAG_DRAFT = 256,
    FLAG_CONTAINS = 512,
    FLAG_BLANK = 1024, /* templates */
    FLAG_VERBATIM = 2048,
    FLAG_MISSING = 4096, /* a block that the text does not have */
    FLAG_REVERSED = 8192,
    FLAG_CONTINUE = 16384,
    FLAG_EACH = 32768,
    FLAG_ODD = 65536
};
enum trigger_form {
    FORM_EVENT = 1,
    FORM_CHANGES,
    FORM_BECOMES,
    FORM_ENTERED,
    FORM_LEFT,
    FORM_OBJECT,
    FORM_DATE,
    FORM_DATE_BEFORE,
    FORM_DATE_AFTER,
    FORM_MANUAL
};
enum enter_form {
    FORM_ONCE = 1,
    FORM_ONCE_PER_DURATION,
    FORM_ONCE_PER_KEY,
    FORM_AGAIN,
    FORM_AGAIN_AFTER,
    FORM_ALWAYS
};
enum anchor_form { FORM_OF_ENTRY = 1, FORM_OF_ANY_MESSAGE, FORM_OF_MESSAGE };
enum comparison {
    COMPARE_EQ = 1,
    COMPARE_NE,
    COMPARE_LT,
    COMPARE_GT,
    COMPARE_LE,
    COMPARE_GE,
    COMPARE_IN,
    COMPARE_NOT_IN,
    COMPARE_CONTAINS,
    COMPARE_STARTS_WITH,
    COMPARE_ENDS_WITH
};
enum message_state { STATE_RECEIVED = 1, STATE_OPENED, STATE_CLICKED };
enum message_act { ACT_APPROVE = 1, ACT_OPENED, ACT_CLICKED };

struct node {
    enum node_kind kind;
    uint32_t id; /* dense within a compile, from 1: for side tables */
    struct span span;
    struct span name_span, other_span;
    struct str name, other;
    struct node *kids[NODE_KID_ROOM];
    struct node *next; /* in the list it stands in */
    int64_t number;
    double real;
    int32_t months, days; /* duration; days also: bits of weekdays, bit 0 monday */
    int32_t clock;        /* minute of the day, -1 none */
    uint32_t flags;
    uint32_t height;  /* of a chain that leans to the left; bounded by the parser */
    bool is_per_year; /* date triggers: `per` was said (name in `other`) */
};

/* A list under construction. */
struct node_list {
    struct node *first, *last;
};

/* Numbers nodes; one a compile. */
struct ast {
    struct arena *arena;
    uint32_t node_count;
    bool closes_blocks; /* for editors: what is still open at the end of a file is in the tree */
};
struct node *node_new(struct ast *ast, enum node_kind kind, struct span span);
struct node_list node_list_add(struct node_list list, struct node *node); /* NULL adds nothing */

const char *node_word(enum node_kind kind);
const char *node_kid_name(enum node_kind kind, int index); /* NULL: no such child */

/* Visits node and all below it, parents first; `visit` returns false to leave out what is below. */
void ast_walk(struct node *node, bool (*visit)(void *context, struct node *node), void *context);
/* An indented listing for tests. */
void ast_dump(const struct node *list, struct buf *out);

#endif
