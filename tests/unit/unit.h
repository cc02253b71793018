/* unit.h: what the unit tests share: cmocka with its headers, a small random generator whose
 * sequence is the same everywhere, and files of the corpora beside the repository. */
#ifndef CAMP_TESTS_UNIT_UNIT_H
#define CAMP_TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vm/base/arena.h"
#include "vm/base/buf.h"

#define CORPORA "../shared/data/corpora/"

/* SplitMix64: the state is any number. */
uint64_t random_next(uint64_t *state);
uint64_t random_below(uint64_t *state, uint64_t limit);

/* The whole file, NUL behind it; {NULL, 0} when it cannot be read. */
struct str file_read(struct arena *arena, const char *path);
/* The same, but a missing file skips the test and says which one it wanted. */
struct str corpus_read(struct arena *arena, const char *path);

/* Compares and shows both texts when they differ. */
#define assert_str(actual, expected) assert_str_at((actual), (expected), __FILE__, __LINE__)
void assert_str_at(struct str actual, const char *expected, const char *file, int line);

#endif
