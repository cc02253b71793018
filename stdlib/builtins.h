/* builtins.h: the one table of what a campaign may call (builtins.def). */
#ifndef CAMP_STDLIB_BUILTINS_H
#define CAMP_STDLIB_BUILTINS_H

#include "vm/code/builtin.h"

extern const struct builtins stdlib_builtins;

#endif
