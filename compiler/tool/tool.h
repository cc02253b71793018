/* tool.h: what the subcommands of `camp` share. Each cmd_*.c is one; main.c lists them. Results go
 * to standard output, everything else to standard error; exit codes are those of INTERFACES.md 1.
 */
#ifndef CAMP_COMPILER_TOOL_TOOL_H
#define CAMP_COMPILER_TOOL_TOOL_H

#include <stdio.h>

#include "compiler/compile.h"

enum { EXIT_FINE = 0, EXIT_FINDINGS = 1, EXIT_USAGE = 2 };

struct command {
    const char *name, *arguments, *summary, *examples;
    int (*run)(int argc, char **argv);
};
extern const struct command commands[];

/* Compiles or explains why not: EXIT_FINE, or the code to leave with. Diagnostics are written to
 * standard error, or in `format` to standard output. */
int tool_compile(struct compilation *compilation, char **paths, int count, bool with_tests,
                 bool is_strict);
/* On standard error, as text. */
void tool_show_diagnostics(struct compilation *compilation);
/* Of the standard library, ended by one without name. */
const struct compile_module *tool_modules(void);
/* The image's bytes, whole and verified. */
bool tool_encode(struct compilation *compilation, struct buf *bytes);
/* A file's bytes, up to the buffer's limit; false: errno says why not. */
bool tool_read_image(const char *path, struct buf *bytes);
void tool_usage(const struct command *command);
void tool_commands(FILE *to); /* all of them, a line each */
int tool_misuse(const char *command, const char *what, const char *word);
bool tool_has_colour(int fd);

/* output.c: around a command; the end gives the code to leave with, 2 when standard output was
 * lost. */
void tool_output_begin(void);
int tool_output_end(int code);
void tool_write(int fd, struct str text);
/* False: it could not be written whole; errno says why. */
bool tool_write_all(int fd, struct str text);
/* The file is whole at every moment, keeps its mode, and a link stays one; an error in words, or
 * NULL. */
const char *tool_replace_file(const char *path, struct str text);

/* A page of grammar/diagnostics. */
struct page {
    int code;
    struct str title, text; /* text: Markdown, without the title */
};
struct str pages_all(void);
/* The next page of *rest, which begins as pages_all(); false: there is none. */
bool page_next(struct str *rest, struct page *page);
bool page_find(int code, struct page *page);

/* The same, and what each campaign can do to a patient. */
int tool_compile_bounds(struct compilation *compilation, char **paths, int count, bool is_strict);
/* proofs.c: what phi reaches, and what campaigns can do, as text or as JSON */
void write_phi(struct compilation *compilation, bool is_json, struct buf *out);
/* "3 days after entry", "earliest …, latest …"; how long, and as long as what. */
void write_moments(const struct message_bounds *message, struct buf *out);
void write_latest(int64_t ms, struct str open_by, struct buf *out);
void write_bounds(struct compilation *compilation, bool is_json, struct buf *out);

/* annotate.c */
void write_sarif(struct diags *diags, struct buf *out);
void write_github(struct diags *diags, struct buf *out);

int cmd_check(int argc, char **argv);
int cmd_build(int argc, char **argv);
int cmd_fmt(int argc, char **argv);
int cmd_lsp(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_simulate(int argc, char **argv);
int cmd_graph(int argc, char **argv);
int cmd_deploy(int argc, char **argv);
int cmd_start(int argc, char **argv);
int cmd_pause(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_drafts(int argc, char **argv);
int cmd_approve(int argc, char **argv);
int cmd_reject(int argc, char **argv);
int cmd_why(int argc, char **argv);
int cmd_render(int argc, char **argv);
int cmd_disasm(int argc, char **argv);
int cmd_new(int argc, char **argv);
int cmd_completion(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_help(int argc, char **argv);

#endif
