/* diag.h: what authors are told. Every diagnostic is a row of diags.def with a code for ever; this
 * keeps those of a run (but warnings that the line before allows: `# camp: allow(C0123) reason`),
 * sorts them in file order and writes them as text or JSON (INTERFACES.md 1).
 */
#ifndef CAMP_GRAMMAR_DIAG_H
#define CAMP_GRAMMAR_DIAG_H

#include "grammar/source.h"
#include "vm/base/buf.h"

enum severity { SEVERITY_ERROR = 1, SEVERITY_WARNING };

/* DIAG_C0101 = 101 and so on; a number used twice does not compile. */
enum diag_code {
#define DIAG(number, severity, name, wording) DIAG_##name = number,
#include "grammar/diags.def"
#undef DIAG
};

enum { DIAG_LIMIT = 200 };

struct diag_note {
    struct span span;
    struct str text;
    struct diag_note *next;
};
struct diag_fix { /* an edit that may be meant: for editors */
    struct span span;
    struct str text;
};
struct diag {
    enum diag_code code;
    enum severity severity;
    struct span span;
    struct str message, label, help;
    struct diag_note *notes;
    struct diag_fix fix;
    bool has_fix;
    uint32_t order;
};
struct diags {
    struct arena *arena;
    struct sources *sources;
    struct diag *items;
    uint32_t count, room;
    uint32_t error_count, warning_count;
    struct span *lost; /* what the parser skipped */
    uint32_t lost_count, lost_room;
};

void diags_init(struct diags *diags, struct arena *arena, struct sources *sources);
/* Warnings become errors. */
void diags_be_strict(struct diags *diags);
/* The parser skipped this: later errors that may follow from it alone (a name that stands in it, a
 * part that is missing in its file) are not reported. */
void diag_lose(struct diags *diags, struct span span);
/* The wording of the row with its arguments (all `struct str` by STR_ARG, or as the wording says).
 * The result may be given a help and notes; it is never NULL. Past DIAG_LIMIT only the count goes
 * on. */
struct diag *diag_report(struct diags *diags, enum diag_code code, struct span span, ...);
/* The same with the message already made. */
struct diag *diag_add(struct diags *diags, enum diag_code code, struct span span,
                      struct str message);
void diag_help(struct diags *diags, struct diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diag_fix(struct diags *diags, struct diag *diag, struct span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diag_label(struct diags *diags, struct diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diag_note(struct diags *diags, struct diag *diag, struct span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The candidate nearest to `name` by edit distance, near enough to be meant; {NULL, 0} when none
 * is. */
struct str diag_nearest(struct str name, const struct str *candidates, uint32_t count);

/* Into file order. */
void diags_sort(struct diags *diags);
enum diag_format { DIAG_TEXT = 1, DIAG_JSON };
/* All, in file order. */
void diags_write(struct diags *diags, enum diag_format format, bool is_coloured, struct buf *out);
/* "error" or "warning", the number of a code in words C0123. */
const char *diag_severity_text(enum severity severity);

#endif
