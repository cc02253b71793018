/* layout.h: what the formatter knows of a file before it prints: its tokens, and from the tree
 * where statements begin and where a line that is too long may be broken. Only layout.c and print.c
 * include it. */
#ifndef CAMP_GRAMMAR_LAYOUT_H
#define CAMP_GRAMMAR_LAYOUT_H

#include "grammar/parse.h"

enum layout_mark {
    MARK_ITEM = 1, /* begins a declaration, setting, step, field, arm, … of the block around it */
    MARK_PAIR = 2, /* with ITEM: several may share a line, two blanks between */
    MARK_SETTING = 4, /* with ITEM: what follows stands in a column */
    MARK_SPREAD = 8,  /* a `{` whose block is never on one line */
    MARK_GAP = 16,    /* with ITEM: a blank line before, unless it is the first */
    MARK_BIG = 32,    /* with ITEM: blank lines around it when it has a block of several lines */
    MARK_BINARY = 64, /* a minus between two values */
    MARK_LEFT_OUT = 128,
    MARK_FILL = 256, /* with a level: the line is broken only where it is full */
    MARK_FLUSH = 512 /* with a level: what is broken off behind it stands no deeper */
};

struct layout_comment {
    struct str text;
    uint32_t column;  /* in the source, from 1 */
    bool is_trailing; /* something else stands before it on its line */
    bool has_blank;   /* a blank line before it */
};

struct layout_token {
    struct str text;
    enum lexeme_class class;
    char sign;      /* of punctuation, also `[`, else 0 */
    bool has_blank; /* a blank line between it and what stands before, comment or token */
    bool is_long;   /* a text of several lines */
    uint32_t line, end_line;
    uint32_t first;                  /* byte in the source */
    uint32_t partner, outer;         /* of a bracket; the bracket around: indexes, or NONE */
    uint32_t comment, comment_count; /* those that stand before it */
    uint32_t space, pad; /* blanks before it on a line; those more to stand in a column */
    uint32_t level;      /* a line may be broken before it, outer levels first; 0 never */
    uint32_t width;      /* columns */
    uint32_t marks;
};

struct layout {
    struct arena *arena;
    struct sources *sources;
    struct layout_token *tokens; /* the last is the file's end */
    uint32_t count;              /* with it */
    struct layout_comment *comments;
    uint32_t comment_count;
    /* Sums over all tokens before: */
    uint32_t *widths; /* of tokens and the blanks before them */
    uint32_t *comments_before;
    uint32_t *stiff; /* those that cannot stand on one line with others */
};
#define LAYOUT_NONE UINT32_MAX

void layout_read(struct layout *layout, struct arena *arena, struct sources *sources, uint32_t file,
                 struct node *declarations);

#endif
