/* table.c: see table.h. */
#include "compiler/tool/table.h"

#include "vm/base/utf8.h"

void table_init(struct table *t, struct arena *arena, const char *head)
{
    struct str rest = str_of(head);
    *t = (struct table){.arena = arena};
    while (rest.len) {
        size_t end = str_find(rest, STR("|"));
        struct str name = {rest.at, end == SIZE_MAX ? rest.len : end};
        rest = str_from(rest, name.len + 1);
        if (str_starts(name, STR("#"))) {
            t->right |= 1u << t->column_count;
            name = str_from(name, 1);
        }
        ensure(t->column_count < TABLE_COLUMNS);
        t->column_count++;
        table_cell(t, name);
    }
}

/* One line, whatever it holds. */
void table_cell(struct table *t, struct str text)
{
    t->cells = arena_grow(t->arena, t->cells, t->cell_count, &t->room, sizeof *t->cells);
    struct str cell = arena_str(t->arena, text);
    for (size_t i = 0; i < cell.len; i++)
        if ((unsigned char)cell.at[i] < ' ' || cell.at[i] == 127)
            ((char *)(uintptr_t)cell.at)[i] = ' ';
    t->cells[t->cell_count++] = cell;
}

void table_number(struct table *t, int64_t number)
{
    table_cell(t, arena_printf(t->arena, "%lld", (long long)number));
}

static struct str cut(const struct table *t, struct str cell, size_t most)
{
    size_t at = 0, signs = 0;
    if (utf8_count(cell) <= most)
        return cell;
    while (signs + 1 < most) {
        size_t size;
        utf8_decode(str_from(cell, at), &size);
        at += size ? size : 1;
        signs++;
    }
    return arena_printf(t->arena, STR_FMT "…", (int)at, cell.at);
}

void table_write(const struct table *t, size_t most, bool has_colour, struct buf *out)
{
    size_t widths[TABLE_COLUMNS] = {0};
    for (uint32_t i = 0; i < t->cell_count; i++) {
        size_t signs = utf8_count(t->cells[i]);
        signs = signs > most ? most : signs;
        size_t *width = &widths[i % t->column_count];
        *width = signs > *width ? signs : *width;
    }
    for (uint32_t i = 0; i < t->cell_count; i++) {
        uint32_t column = i % t->column_count;
        struct str cell = cut(t, t->cells[i], most);
        bool is_head = i < t->column_count, is_last = column + 1 == t->column_count;
        int blanks = (int)(widths[column] - utf8_count(cell));
        buf_c(out, column ? "  " : "");
        buf_c(out, is_head && has_colour ? "\033[1m" : "");
        if (t->right >> column & 1)
            buf_printf(out, "%*s" STR_FMT, blanks, "", STR_ARG(cell));
        else
            buf_printf(out, STR_FMT "%*s", STR_ARG(cell), is_last ? 0 : blanks, "");
        buf_c(out, is_head && has_colour ? "\033[0m" : "");
        buf_c(out, is_last ? "\n" : "");
    }
}
