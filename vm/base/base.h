/* base.h: what every room uses: byte strings, statuses, and ensure() for our own bugs. */
#ifndef CAMP_VM_BASE_BASE_H
#define CAMP_VM_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A bug of ours, never of an input: says where and aborts, also in release builds. */
#define ensure(condition) ((condition) ? (void)0 : ensure_failed(#condition, __FILE__, __LINE__))
_Noreturn void ensure_failed(const char *condition, const char *file, int line);

/* Bytes with a length: not NUL terminated, may hold NUL; not owned. */
struct str {
    const char *at;
    size_t len;
};
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, (s).at

static inline struct str str_of(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}
static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}
static inline bool str_eq_c(struct str a, const char *b)
{
    return str_eq(a, str_of(b));
}
static inline int str_cmp(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.at, b.at, n) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}
static inline struct str str_from(struct str s, size_t offset)
{
    return offset < s.len ? (struct str){s.at + offset, s.len - offset} : (struct str){0};
}
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Offset of the first `part`, or SIZE_MAX. */
size_t str_find(struct str s, struct str part);
/* Without blanks, tabs and line ends at both ends. */
struct str str_trim(struct str s);

/* How an operation on disk, network or a provider ended. */
enum status {
    STATUS_OK = 0,
    STATUS_FULL,    /* the disk */
    STATUS_IO,      /* a read, write or sync failed: do not trust what was not acknowledged */
    STATUS_CORRUPT, /* bytes that cannot be ours */
    STATUS_BUSY,    /* held by another process */
    STATUS_LIMIT,   /* a bound of ours */
    STATUS_INVALID, /* asked for something that makes no sense */
    STATUS_MISSING  /* there is none */
};
const char *status_text(enum status status);

#endif
