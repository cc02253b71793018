/* compile.h: the only door of the compiler: paths of a project in, diagnostics and a verified image
 * out. */
#ifndef CAMP_COMPILER_COMPILE_H
#define CAMP_COMPILER_COMPILE_H

#include "grammar/ast.h"
#include "grammar/diag.h"
#include "vm/base/map.h"
#include "vm/code/builtin.h"
#include "vm/code/image.h"

struct compile_module { /* of the standard library */
    const char *name, *text;
};
struct compile_options {
    const struct builtins *builtins;
    const struct compile_module *modules; /* ended by a NULL name */
    bool with_tests;                      /* the tests' expressions become codes of the image */
};

/* Where protected health information goes, beside what is refused: `camp check --phi`. */
enum phi_way {
    PHI_ALLOWED = 1, /* by `allow phi`, with the reason */
    PHI_BODY,        /* the body of a mail */
    PHI_LISTED       /* it settles who enters or leaves, a moment, a way without messages */
};
struct phi_flow {
    enum phi_way way;
    struct span span;
    struct str campaign, what, reason;
};

/* What a campaign can do to a patient: `camp check --bounds`. */
enum { BOUNDS_CHANNELS = 3, BOUNDS_WINDOWS = 3 }; /* e-mail, SMS, both; a day, a week, 30 days */
struct bound {
    uint32_t most;
    bool is_open; /* nothing bounds it */
};
struct message_bounds {
    struct str name;
    uint32_t row, channel;          /* row: in the image */
    int64_t earliest_ms, latest_ms; /* after entry */
    struct str open_by;             /* what makes the latest later; empty: nothing does */
    uint32_t signs, segments;       /* of an SMS, the longest; units of its alphabet */
    bool is_draft, is_notice, is_ucs2, has_hours;
};
struct clock_bounds { /* a time of day that is written, on the two days when clocks change */
    int32_t minute;
    struct str place, effect;
};
struct campaign_bounds {
    struct str name, why_open; /* why_open: of the bounds that are */
    struct bound most[BOUNDS_CHANNELS][BOUNDS_WINDOWS];
    struct message_bounds *messages;
    struct clock_bounds *clocks;
    uint32_t message_count, clock_count;
    int64_t longest_ms;
    struct str longest_open_by;
};
struct clash {
    const char *what; /* "write the attribute", … */
    struct str name, campaigns;
};
struct bounds {
    bool is_wanted; /* set between init and compile, with the time now: clocks change after it */
    int64_t now_ms;
    struct campaign_bounds *campaigns;
    struct clash *clashes;
    uint32_t campaign_count, clash_count, clash_room;
    struct bound patient[BOUNDS_CHANNELS][BOUNDS_WINDOWS]; /* of all campaigns together */
};

struct compilation {
    struct arena arena;
    struct sources sources;
    struct diags diags;
    struct ast ast;
    struct node *declarations; /* of all files, in file order */
    struct image image;        /* whole only when diags.error_count is 0 */
    struct phi_flow *phi;      /* in the order in which they were found */
    uint32_t phi_count, phi_room;
    struct bounds bounds; /* where wanted, and without errors */
    struct map64 code_of; /* with_tests: id of a test's expression node → row of codes */
};

void compilation_init(struct compilation *compilation);
void compilation_free(struct compilation *compilation);
/* False: a path cannot be read (*error says which and why, in the arena). Mistakes in the text are
 * diagnostics. */
bool compile_paths(struct compilation *compilation, const struct compile_options *options,
                   char *const *paths, int path_count, struct str *error);
bool compile_text(struct compilation *compilation, const struct compile_options *options,
                  struct str name, struct str text);
/* One Liquid template without a project, and those that it renders: the row of its code, whole only
 * when there are no errors. `error` says why the file cannot be read. */
uint32_t compile_template(struct compilation *compilation, const struct compile_options *options,
                          struct str path, bool is_html, const char **error);
uint32_t compile_template_text(struct compilation *compilation,
                               const struct compile_options *options, struct str name,
                               struct str text, bool is_html);

#endif
