/* base.c: see base.h. */
#include "vm/base/base.h"

#include <stdio.h>
#include <stdlib.h>

void ensure_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "camp: internal error: %s:%d: %s\n", file, line, condition);
    abort();
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq((struct str){s.at, prefix.len}, prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len &&
           str_eq((struct str){s.at + (s.len - suffix.len), suffix.len}, suffix);
}

size_t str_find(struct str s, struct str part)
{
    if (part.len == 0)
        return 0;
    const char *found = s.len ? memmem(s.at, s.len, part.at, part.len) : NULL;
    return found ? (size_t)(found - s.at) : SIZE_MAX;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct str str_trim(struct str s)
{
    while (s.len && is_blank(s.at[0]))
        s = (struct str){s.at + 1, s.len - 1};
    while (s.len && is_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

const char *status_text(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return "ok";
    case STATUS_FULL:
        return "the disk is full";
    case STATUS_IO:
        return "reading or writing failed";
    case STATUS_CORRUPT:
        return "the data are damaged";
    case STATUS_BUSY:
        return "in use by another process";
    case STATUS_LIMIT:
        return "over a limit";
    case STATUS_INVALID:
        return "not valid";
    case STATUS_MISSING:
        return "not found";
    }
    return "unknown status";
}
