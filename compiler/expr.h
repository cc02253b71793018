/* expr.h: what the files of expressions share: expr.c (operators, types), names.c (paths),
 * literal.c (what is written out), question.c (the patient's history). All report what is wrong and
 * then return KIND_BAD, NULL or false. */
#ifndef CAMP_COMPILER_EXPR_H
#define CAMP_COMPILER_EXPR_H

#include "compiler/internal.h"

/* literal.c */
void push_constant(struct compiler *c, struct value v);
struct node *text_literal(struct compiler *c, struct node *node);

/* names.c */
struct node *clinic_value(struct compiler *c, struct str name);
bool is_shown_known(struct compiler *c, const struct node *path);

/* question.c */
struct typed question_did(struct compiler *c, struct node *node);
struct typed question_any(struct compiler *c, struct node *node);
struct typed question_in_segment(struct compiler *c, struct node *node);
struct typed question_message_state(struct compiler *c, struct node *node);
/* Of a row of a table by its name: a topic, a segment. */
struct typed question_named(struct compiler *c, struct node *node, struct strmap *names,
                            const char *what, enum op op, uint32_t read);

#endif
