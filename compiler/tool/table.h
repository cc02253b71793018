/* table.h: rows of cells in columns, for people. */
#ifndef CAMP_COMPILER_TOOL_TABLE_H
#define CAMP_COMPILER_TOOL_TABLE_H

#include "vm/base/arena.h"
#include "vm/base/buf.h"

enum { TABLE_COLUMNS = 10 };

struct table {
    struct arena *arena;
    struct str *cells; /* row by row; the first row is the head */
    uint32_t column_count, cell_count, room;
    uint32_t right; /* bits of the columns that are numbers */
};

/* `head`: the names of the columns between |, those of numbers begin with # as "NAME|#STARTED". */
void table_init(struct table *table, struct arena *arena, const char *head);
void table_cell(struct table *table, struct str text); /* the next one of the row at hand */
void table_number(struct table *table, int64_t number);
/* Cells over `most` signs are cut, with … behind. */
void table_write(const struct table *table, size_t most, bool has_colour, struct buf *out);

#endif
