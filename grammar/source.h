/* source.h: the files of a compile and positions in them. A span is bytes; lines and columns,
 * counted from 1 and columns in Unicode code points, are computed when a person is told. */
#ifndef CAMP_GRAMMAR_SOURCE_H
#define CAMP_GRAMMAR_SOURCE_H

#include "vm/base/arena.h"

enum { SOURCE_MAX_BYTES = 64 << 20, SOURCE_MAX_FILES = 65535 };

struct span {
    uint32_t file;       /* index of the sources */
    uint32_t first, end; /* bytes; end is behind the last */
};

struct source {
    struct str name; /* as people are told: relative to where the project was named */
    struct str path; /* to open it again */
    struct str text; /* a NUL stands behind it */
    uint32_t *lines; /* offsets at which lines begin */
    uint32_t line_count;
    uint32_t *signs; /* code points before each SIGNS_BYTES of the text; NULL: no line is long */
    uint64_t device, inode; /* what file it is, by whatever path; 0: none */
};

struct sources {
    struct arena *arena;
    /* Asked before a file is read, when set: a text that is not on disk yet, as in an editor. */
    bool (*overlay)(void *context, struct str path, struct str *text);
    void *overlay_context;
    struct source *items;
    uint32_t count, room;
};

void sources_init(struct sources *sources, struct arena *arena);
/* The file's index, or UINT32_MAX with *error in words. A file that was loaded
 * is not read again, by whatever path it is named. */
uint32_t source_load(struct sources *sources, struct str path, const char **error);
uint32_t source_add(struct sources *sources, struct str name, struct str text);
const struct source *source_at(const struct sources *sources, uint32_t file);

struct position {
    uint32_t line, column;
};
struct position source_position(const struct source *source, uint32_t offset);
/* Without its line end. */
struct str source_line(const struct source *source, uint32_t line);
struct span span_join(struct span a, struct span b);

#endif
