/* diff.c: the shortest script of edits by E. Myers, "An O(ND) Difference Algorithm" (1986): for
 * each number d of edits, how far each diagonal k = x - y can be reached; the reached x of each d
 * are kept, and the way is read from them backwards. Texts that differ in more than MOST_EDITS
 * lines are shown as one replaced by the other. */
#include "compiler/tool/diff.h"

#include "vm/base/arena.h"

enum { CONTEXT = 3, MOST_EDITS = 2000 };

struct lines {
    struct str *items;
    uint32_t count;
};

struct edit { /* lines of a [from, to) become lines of b [other, other_to) */
    uint32_t from, to, other, other_to;
};

static struct lines split(struct arena *arena, struct str text)
{
    uint32_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == '\n' || i + 1 == text.len;
    struct lines lines = {arena_array(arena, count + 1, sizeof(struct str)), 0};
    while (text.len) {
        size_t end = str_find(text, STR("\n"));
        end = end == SIZE_MAX ? text.len : end + 1;
        lines.items[lines.count++] = (struct str){text.at, end};
        text = str_from(text, end);
    }
    return lines;
}

/* Row d of the trace: x reached on diagonals -d … d. */
static uint32_t *row_of(uint32_t *trace, uint32_t d)
{
    return trace + (size_t)d * d + d;
}

static uint32_t slide(struct lines a, struct lines b, uint32_t x, uint32_t y)
{
    while (x < a.count && y < b.count && str_eq(a.items[x], b.items[y])) {
        x++;
        y++;
    }
    return x;
}

/* Is the best way to diagonal k with d edits one down, from k + 1? */
static bool comes_down(const uint32_t *before, int64_t k, int64_t d)
{
    return k == -d || (k != d && before[k - 1] < before[k + 1]);
}

/* The number of edits, or UINT32_MAX when they are too many. */
static uint32_t search(uint32_t *trace, uint32_t most, struct lines a, struct lines b)
{
    row_of(trace, 0)[0] = slide(a, b, 0, 0);
    if (row_of(trace, 0)[0] == a.count && a.count == b.count)
        return 0;
    for (uint32_t d = 1; d <= most; d++) {
        uint32_t *before = row_of(trace, d - 1), *row = row_of(trace, d);
        for (int64_t k = -(int64_t)d; k <= d; k += 2) {
            uint32_t x = comes_down(before, k, d) ? before[k + 1] : before[k - 1] + 1;
            int64_t y = (int64_t)x - k;
            if (x <= a.count && y >= 0 && y <= b.count)
                x = slide(a, b, x, (uint32_t)y);
            row[k] = x;
            if (x >= a.count && (int64_t)x - k >= b.count)
                return d;
        }
    }
    return UINT32_MAX;
}

/* Marks lines of a that go and lines of b that come. */
static void mark(uint32_t *trace, uint32_t d, struct lines a, struct lines b, bool *goes,
                 bool *comes)
{
    int64_t x = a.count, y = b.count;
    for (; d > 0; d--) {
        uint32_t *before = row_of(trace, d - 1);
        int64_t k = x - y;
        bool is_down = comes_down(before, k, d);
        int64_t from = is_down ? k + 1 : k - 1;
        x = before[from];
        y = x - from;
        if (is_down && y >= 0 && y < b.count)
            comes[y] = true;
        else if (!is_down && x >= 0 && x < a.count)
            goes[x] = true;
    }
}

static uint32_t collect(struct edit *edits, struct lines a, struct lines b, const bool *goes,
                        const bool *comes)
{
    uint32_t count = 0;
    for (uint32_t x = 0, y = 0; x < a.count || y < b.count;) {
        bool is_changed = (x < a.count && goes[x]) || (y < b.count && comes[y]);
        if (!is_changed) {
            x++;
            y++;
            continue;
        }
        struct edit edit = {x, x, y, y};
        while (edit.to < a.count && goes[edit.to])
            edit.to++;
        while (edit.other_to < b.count && comes[edit.other_to])
            edit.other_to++;
        x = edit.to;
        y = edit.other_to;
        edits[count++] = edit;
    }
    return count;
}

static void write_line(struct buf *out, char sign, struct str line, bool is_coloured)
{
    const char *colour = sign == '+' ? "\033[32m" : sign == '-' ? "\033[31m" : NULL;
    bool has_end = str_ends(line, STR("\n"));
    if (is_coloured && colour)
        buf_c(out, colour);
    buf_byte(out, (unsigned char)sign);
    buf_put(out, line.at, line.len - has_end);
    if (is_coloured && colour)
        buf_c(out, "\033[0m");
    buf_c(out, has_end ? "\n" : "\n\\ No newline at end of file\n");
}

static void write_range(struct buf *out, char sign, uint32_t first, uint32_t count)
{
    buf_printf(out, "%c%u", sign, count ? first + 1 : first);
    if (count != 1)
        buf_printf(out, ",%u", count);
}

/* Edits [first, end), whose contexts touch, as one hunk. */
static void write_hunk(struct buf *out, struct lines a, struct lines b, const struct edit *edits,
                       uint32_t count, bool is_coloured)
{
    uint32_t lead = edits->from < CONTEXT ? edits->from : CONTEXT;
    const struct edit *last = &edits[count - 1];
    uint32_t left = a.count - last->to, tail = left < CONTEXT ? left : CONTEXT;
    uint32_t x = edits->from - lead, y = edits->other - lead;
    buf_c(out, "@@ ");
    write_range(out, '-', x, last->to + tail - x);
    buf_byte(out, ' ');
    write_range(out, '+', y, last->other_to + tail - y);
    buf_c(out, " @@\n");
    for (uint32_t i = 0; i < count; i++) {
        while (x < edits[i].from)
            write_line(out, ' ', a.items[x++], is_coloured);
        while (x < edits[i].to)
            write_line(out, '-', a.items[x++], is_coloured);
        for (y = edits[i].other; y < edits[i].other_to; y++)
            write_line(out, '+', b.items[y], is_coloured);
    }
    for (uint32_t i = 0; i < tail; i++)
        write_line(out, ' ', a.items[x++], is_coloured);
}

void diff_write(struct str name, struct str before, struct str after, bool is_coloured,
                struct buf *out)
{
    struct arena arena;
    if (str_eq(before, after))
        return;
    arena_init(&arena, 0);
    struct lines a = split(&arena, before), b = split(&arena, after);
    uint32_t most = a.count + b.count < MOST_EDITS ? a.count + b.count : MOST_EDITS;
    uint32_t *trace = arena_array(&arena, (size_t)(most + 1) * (most + 1), sizeof *trace);
    bool *goes = arena_alloc(&arena, a.count + 1), *comes = arena_alloc(&arena, b.count + 1);
    uint32_t d = search(trace, most, a, b);
    if (d == UINT32_MAX) {
        memset(goes, true, a.count);
        memset(comes, true, b.count);
    } else {
        mark(trace, d, a, b, goes, comes);
    }
    struct edit *edits = arena_array(&arena, a.count + b.count + 1, sizeof *edits);
    uint32_t count = collect(edits, a, b, goes, comes);
    buf_printf(out, "--- " STR_FMT "\n+++ " STR_FMT "\n", STR_ARG(name), STR_ARG(name));
    for (uint32_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && edits[end].from - edits[end - 1].to <= 2 * CONTEXT;)
            end++;
        write_hunk(out, a, b, &edits[first], end - first, is_coloured);
    }
    arena_free(&arena);
}
