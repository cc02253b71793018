/* remote.h: what the commands that speak to a service share: their options, one conversation by
 * HTTP, and how answers are shown. */
#ifndef CAMP_COMPILER_TOOL_REMOTE_H
#define CAMP_COMPILER_TOOL_REMOTE_H

#include "compiler/tool/table.h"
#include "compiler/tool/tool.h"
#include "vm/base/json.h"

/* OPTION(name in the struct, "what is written", takes a value) */
#define REMOTE_OPTIONS                                                                             \
    OPTION(server, "--server", 1)                                                                  \
    OPTION(format, "--format", 1)                                                                  \
    OPTION(in_flight, "--in-flight", 1)                                                            \
    OPTION(existing, "--existing", 0)                                                              \
    OPTION(expect, "--expect", 1)                                                                  \
    OPTION(yes, "--yes", 0)                                                                        \
    OPTION(drain, "--drain", 0)                                                                    \
    OPTION(campaign, "--campaign", 1)                                                              \
    OPTION(message, "--message", 1)                                                                \
    OPTION(reason, "--reason", 1)                                                                  \
    OPTION(full, "--full", 0)

struct remote_options {
#define OPTION(name, text, has_value) const char *name; /* NULL: not said */
    REMOTE_OPTIONS
#undef OPTION
    char **words; /* the rest, in order */
    int word_count;
};
struct remote {
    const char *command, *token;
    struct remote_options options;
    bool is_json, has_colour;
    struct arena arena;
    struct buf out; /* for standard output */
    void *curl;
    struct buf reply;
    long status; /* of the last answer; 0: there was none */
};

/* `own`: the options of the command beside --server and --format, between blanks. */
int remote_open(struct remote *remote, int argc, char **argv, const char *own);
/* Writes ->out; the code is passed through. */
int remote_close(struct remote *remote, int code);

/* The answer, in the arena, when it is 2xx; else NULL, and why is told. The path is built by
 * arena_printf; see remote_escaped. `body` NULL: none. */
const struct json *remote_ask(struct remote *remote, const char *method, struct str path,
                              const struct str *body);
/* What to leave with after NULL: findings where the service refused, else input or output. */
int remote_code(const struct remote *remote);
/* A word as a part of a path or a query. */
struct str remote_escaped(struct remote *remote, struct str word);
/* All pages of a list, one after the other; NULL as remote_ask. */
const struct json *remote_list(struct remote *remote, struct str path);

/* {0} where there is no such text. */
struct str json_text_of(const struct json *object, const char *name);
int64_t json_int_of(const struct json *object, const char *name);
bool json_is_true(const struct json *object, const char *name);
/* 2026-03-02 14:00Z of an instant; – for null. */
struct str remote_time(struct remote *remote, struct str instant);
/* The answer as it came, for --format json. */
void remote_put_json(struct remote *remote, const struct json *answer);

#endif
