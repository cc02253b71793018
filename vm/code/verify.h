/* verify.h: what the parts of the verifier share; for vm/code alone. verify.c is the order of
 * things and each column by itself, verify_table.c the rules of tables, verify_campaign.c campaigns
 * and their frames, verify_code.c instructions. The first thing wrong is kept, with its place. */
#ifndef CAMP_VM_CODE_VERIFY_H
#define CAMP_VM_CODE_VERIFY_H

#include <stdarg.h>

#include "vm/code/builtin.h"
#include "vm/code/image.h"

/* What a code needs of those who run it. */
struct needs {
    uint32_t slots;   /* of a frame: the highest that it names, plus 1 */
    uint32_t nesting; /* of questions that run codes: 0 none */
};

struct verifier {
    const struct image *image;
    const struct builtins *builtins;
    struct image_error *error;
    bool has_failed;
    /* by row of codes: */
    struct needs *needs;
    uint32_t *owners; /* of a workflow: row of its campaign; IMAGE_NONE */
    /* by instruction: */
    uint16_t *depths; /* of the stack before it, plus 1; 0 not known yet */
    uint32_t *holds;  /* where a message holds for its window: row of the wait, plus 1; 0 none */
};

/* Keeps `PLACE: WHAT`, the first time. */
void verify_fail(struct verifier *v, const char *place, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/* A row under check; slots: as many as the frames have that run its codes. */
struct place {
    struct verifier *v;
    const char *table;
    uint32_t row, slots;
};
void verify_wrong(const struct place *at, const char *column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Workflow `welcome`, or code 12 (`html` of message 3). */
struct code_name {
    char text[96];
};
struct code_name verify_code_name(const struct verifier *v, uint32_t code);

void verify_tables(struct verifier *v, struct arena *arena);
/* Fills owners and holds. */
void verify_campaigns(struct verifier *v);
/* Walks the code once; fills its needs and depths. The codes before it are done already. */
void verify_code(struct verifier *v, uint32_t code);
/* Slots and places to resume at; after the codes. */
void verify_frames(struct verifier *v);

#endif
