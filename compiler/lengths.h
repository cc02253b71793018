/* lengths.h: how long a text can become, counted as phones do: in septets of GSM 03.38 as long as
 * every sign stands in that alphabet, else in units of UCS-2. */
#ifndef CAMP_COMPILER_LENGTHS_H
#define CAMP_COMPILER_LENGTHS_H

#include "compiler/internal.h"

/* The longest of several texts; -1: none is such. */
struct lengths {
    int32_t septets; /* of those within the alphabet */
    int32_t foreign; /* in units, of those that leave it */
    int32_t units;   /* of all */
};

struct lengths lengths_of_text(struct str text);
struct lengths lengths_longer(struct lengths a, struct lengths b);
struct lengths lengths_sum(struct lengths a, struct lengths b);
struct lengths lengths_times(struct lengths a, uint32_t count);
/* Of what the template writes. */
struct lengths lengths_of_template(struct compiler *c, uint32_t code);

/* extent.c: of what is not known when it is written */
enum {
    LENGTH_TEXT = 20,
    LENGTH_URL = 40,
    LENGTH_EMAIL = 30,
    LENGTH_PHONE = 16, /* E.164 with its sign */
    LENGTH_NUMBER = 10,
    LENGTH_BOOL = 5,
    LENGTH_DATE = 10,
    LENGTH_TIME = 16,
    LENGTH_CLOCK = 5,
    LENGTH_UNSUBSCRIBE = 80,
    LENGTH_ITEMS = 3 /* of a list */
};
struct extent { /* of a value; of a list that of an element */
    struct lengths lengths;
    struct str text; /* what it is, where that is written */
    int64_t number;  /* what it is, where has_number */
    uint32_t items;  /* of a list; 0: not known */
    bool has_number;
};
struct extent extent_of_length(int32_t signs);
struct extent extent_of_integer(int64_t number);
struct extent extent_of_type(struct compiler *c, uint32_t type);
struct extent extent_of_constant(struct compiler *c, uint32_t constant);
struct extent extent_longer(struct extent a, struct extent b);
/* What the filter or function gives; its arguments are `in`, at least one. */
struct extent extent_of_call(struct str name, const struct extent *in, uint32_t count);

#endif
