/* print.h: the formatter: a file's one canonical layout (README.md says its rules). Only blanks,
 * line ends and the commas between the pairs of records differ from what was written. */
#ifndef CAMP_GRAMMAR_PRINT_H
#define CAMP_GRAMMAR_PRINT_H

#include "grammar/diag.h"
#include "vm/base/buf.h"

/* Columns that a line keeps to where it can be broken. */
enum { PRINT_WIDTH = 100 };

/* False when the file cannot be read as a program: the reasons are among the diagnostics, out is as
 * it was. What is written reads as the same tree. */
bool camp_print(struct diags *diags, uint32_t file, struct buf *out);

#endif
