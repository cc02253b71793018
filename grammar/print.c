/* print.c: from marked tokens to lines. The idea: what the tree says is where lines may begin and
 * end; the words themselves are copied, so that nothing can be lost. An item (a declaration, a
 * setting, a step, …) stands on one line when its blocks were written so and it fits; otherwise its
 * blocks are spread, a line for each item in them, and a head that is too long is broken at its
 * outermost joints. What was printed is read again and compared with what was read. */
#include "grammar/print.h"

#include "grammar/layout.h"

enum { INDENT = 4 };

struct line {
    size_t first, end;  /* in ->code */
    uint32_t width;     /* columns */
    struct str comment; /* behind it */
    bool is_blank_before;
    bool is_verbatim; /* within a text of several lines */
};

struct printer {
    struct layout *layout;
    struct layout_token *tokens;
    struct buf code;
    struct line *lines;
    uint32_t line_count, line_room;
    bool is_begun;           /* the last line has no token yet */
    bool is_opened;          /* a block was opened: no blank line follows */
    bool is_unbroken;        /* under `# camp:`, which speaks of the next line only */
    uint32_t comment_column; /* in the source, of the comment behind the last line */
};

/* ---- lines ---- */

static struct line *last_line(const struct printer *p)
{
    return &p->lines[p->line_count - 1];
}

static void add_code(struct printer *p, struct str text, uint32_t width)
{
    buf_str(&p->code, text);
    last_line(p)->end = p->code.len;
    last_line(p)->width += width;
}

static void add_blanks(struct printer *p, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        buf_byte(&p->code, ' ');
    last_line(p)->end = p->code.len;
    last_line(p)->width += count;
}

static struct line *add_line(struct printer *p)
{
    p->lines =
        arena_grow(p->layout->arena, p->lines, p->line_count, &p->line_room, sizeof *p->lines);
    p->lines[p->line_count++] = (struct line){.first = p->code.len, .end = p->code.len};
    return last_line(p);
}

static void begin_line(struct printer *p, uint32_t indent, bool has_blank)
{
    struct line *line = add_line(p);
    line->is_blank_before = has_blank && !p->is_opened && p->line_count > 1;
    p->is_opened = false;
    p->is_begun = true;
    add_blanks(p, indent);
}

/* A text of several lines: its lines keep their indentation among each other and stand a step
 * further in than the statement (its common indentation is no part of it, LANGUAGE.md P6). */
static size_t common_indent(struct str text)
{
    size_t common = SIZE_MAX;
    for (size_t i = 0; i < text.len;) {
        size_t blanks = 0;
        while (i + blanks < text.len && strchr(" \t", text.at[i + blanks]))
            blanks++;
        size_t at = i + blanks;
        bool is_last = at + 3 == text.len;
        struct str rest = str_from(text, at);
        bool is_empty = !is_last && (str_starts(rest, STR("\n")) || str_starts(rest, STR("\r\n")));
        if (!is_empty && blanks < common)
            common = blanks;
        for (i = at; i < text.len && text.at[i] != '\n';)
            i++;
        i++;
    }
    return common;
}

static void put_long_text(struct printer *p, struct str text, uint32_t indent)
{
    size_t head = str_find(text, STR("\n"));
    struct str first = {text.at, head && text.at[head - 1] == '\r' ? head - 1 : head};
    struct str rest = str_from(text, head + 1);
    bool is_movable = first.len == 3;
    size_t common = is_movable ? common_indent(rest) : 0;
    add_code(p, first, (uint32_t)first.len);
    while (rest.len) {
        size_t end = str_find(rest, STR("\n"));
        bool is_last = end == SIZE_MAX;
        struct str line = {rest.at, is_last ? rest.len : end};
        rest = is_last ? (struct str){0} : str_from(rest, end + 1);
        if (!is_last && line.len && line.at[line.len - 1] == '\r')
            line.len--;
        size_t blanks = 0;
        while (blanks < line.len && strchr(" \t", line.at[blanks]))
            blanks++;
        bool is_close = is_last && line.len - blanks == 3;
        line = str_from(line, is_close ? blanks : common < blanks ? common : blanks);
        add_line(p)->is_verbatim = true;
        if (is_movable && line.len)
            add_blanks(p, indent);
        add_code(p, line, (uint32_t)line.len);
    }
}

/* ---- tokens and comments ---- */

/* The comments before a token: behind the line that they were behind, or on lines of their own. */
static void put_comments(struct printer *p, struct layout_token *token, uint32_t indent,
                         bool may_blank, bool *wants_blank)
{
    for (uint32_t i = 0; i < token->comment_count; i++) {
        const struct layout_comment *comment = &p->layout->comments[token->comment + i];
        bool is_first = i == 0 && p->line_count;
        if (comment->is_trailing && is_first && !last_line(p)->comment.len) {
            last_line(p)->comment = comment->text;
            p->comment_column = comment->column;
            continue;
        }
        bool goes_on = p->line_count && last_line(p)->comment.len && !comment->has_blank &&
                       comment->column == p->comment_column;
        bool has_blank = may_blank && (comment->has_blank || *wants_blank);
        begin_line(p, goes_on ? 0 : indent, has_blank);
        if (has_blank)
            *wants_blank = false;
        if (goes_on)
            last_line(p)->comment = comment->text;
        else
            add_code(p, comment->text, 0);
    }
    token->comment_count = 0;
}

static void put(struct printer *p, uint32_t i, uint32_t indent)
{
    struct layout_token *token = &p->tokens[i];
    bool never = false;
    if (token->comment_count) {
        put_comments(p, token, indent, false, &never);
        begin_line(p, indent, false);
    }
    if (!p->is_begun)
        add_blanks(p, token->space + token->pad);
    p->is_begun = false;
    if (token->is_long)
        put_long_text(p, token->text, indent);
    else
        add_code(p, token->text, token->width);
}

/* ---- heads ---- */

static uint32_t width_of(const struct printer *p, uint32_t first, uint32_t end)
{
    const uint32_t *widths = p->layout->widths;
    return widths[end] - widths[first] - (p->is_begun ? p->tokens[first].space : 0);
}

static bool has_comments(const struct printer *p, uint32_t first, uint32_t end)
{
    return p->layout->comments_before[end] != p->layout->comments_before[first + 1];
}

static uint32_t outermost_level(const struct printer *p, uint32_t first, uint32_t end)
{
    uint32_t least = 0;
    for (uint32_t i = first + 1; i < end; i++) {
        uint32_t level = p->tokens[i].level;
        if (level && (!least || level < least))
            least = level;
    }
    return least;
}

static bool fits(const struct printer *p, uint32_t first, uint32_t end)
{
    return p->is_unbroken || last_line(p)->width + width_of(p, first, end) <= PRINT_WIDTH;
}

/* Tokens without a block among them, from where the line is; lines broken off begin at `indent`. */
static void print_head(struct printer *p, uint32_t first, uint32_t end, uint32_t indent)
{
    bool is_whole = !has_comments(p, first, end) && fits(p, first, end);
    uint32_t level = is_whole ? 0 : outermost_level(p, first, end), begin = first;
    if (!level) {
        for (uint32_t i = first; i < end; i++)
            put(p, i, indent);
        return;
    }
    for (uint32_t i = first + 1, piece = first; i <= end; i++) {
        if (i < end && p->tokens[i].level != level)
            continue;
        struct layout_token *token = &p->tokens[piece];
        bool is_fill = token->marks & MARK_FILL && token->level == level, never = false;
        bool has_own_comments = piece > begin && token->comment_count;
        if (has_own_comments)
            put_comments(p, token, indent, false, &never);
        if (has_own_comments || (piece > begin && !(is_fill && fits(p, piece, i))))
            begin_line(p, indent, false);
        print_head(p, piece, i, indent + (token->marks & MARK_FLUSH ? 0 : INDENT));
        piece = i;
    }
}

/* ---- blocks ---- */

static void print_item(struct printer *p, uint32_t first, uint32_t end, uint32_t indent);

/* On one line, comments before it aside. */
static bool is_flat(const struct printer *p, uint32_t first, uint32_t end)
{
    const uint32_t *stiff = p->layout->stiff;
    return stiff[end] == stiff[first] && !has_comments(p, first, end);
}

static bool is_block(const struct printer *p, uint32_t i)
{
    const struct layout_token *token = &p->tokens[i];
    if (token->sign == '{')
        return token->partner > i + 1 || p->tokens[token->partner].comment_count;
    if (token->sign != '[')
        return false;
    for (uint32_t j = i + 1; j < token->partner; j++)
        if (p->tokens[j].sign == '{')
            return true;
    return false;
}

/* The first block of the item's own at or behind i. */
static uint32_t next_block(const struct printer *p, uint32_t i, uint32_t end)
{
    while (i < end && !is_block(p, i)) {
        char sign = p->tokens[i].sign;
        i = sign == '(' || sign == '[' || sign == '{' ? p->tokens[i].partner + 1 : i + 1;
    }
    return i;
}

/* Where the item that begins at i ends: at the next item or behind a comma of the list, or at the
 * block's end. */
static uint32_t item_end(const struct printer *p, uint32_t i, uint32_t close, bool is_list)
{
    uint32_t at = i;
    while (at < close) {
        const struct layout_token *token = &p->tokens[at];
        if (at > i && token->marks & MARK_ITEM && !is_list)
            break;
        if (token->sign == ',' && is_list)
            return at + 1;
        bool opens = token->sign == '{' || token->sign == '(' || token->sign == '[';
        at = opens ? token->partner + 1 : at + 1;
    }
    return at;
}

static bool is_named(const struct printer *p, uint32_t i)
{
    return p->tokens[i].marks & MARK_PAIR && p->tokens[i + 1].sign == ':';
}

static bool is_one_line(const struct printer *p, uint32_t first, uint32_t end, uint32_t indent)
{
    uint32_t width = p->layout->widths[end] - p->layout->widths[first] - p->tokens[first].space;
    return is_flat(p, first, end) && indent + width <= PRINT_WIDTH;
}

/* A blank line between the item and what stands before it. */
static bool has_blank_before(const struct printer *p, uint32_t i)
{
    const struct layout_token *token = &p->tokens[i];
    bool has_blank = token->has_blank;
    for (uint32_t j = 0; j < token->comment_count; j++)
        has_blank |= p->layout->comments[token->comment + j].has_blank;
    return has_blank;
}

static void align_run(struct printer *p, uint32_t first, uint32_t end, uint32_t indent,
                      uint32_t widest, bool fits_all)
{
    for (uint32_t i = first; i < end; i = item_end(p, i, end, false))
        if (is_named(p, i) && is_one_line(p, i, item_end(p, i, end, false), indent))
            p->tokens[i + 2].pad = fits_all ? widest - p->tokens[i].width : 0;
}

/* The values of `name: value` lines that follow each other stand in one column, where all fit. */
static void align_values(struct printer *p, uint32_t first, uint32_t close, uint32_t indent)
{
    uint32_t begin = first, widest = 0, longest = 0;
    for (uint32_t i = first, end; i < close; i = end) {
        end = item_end(p, i, close, false);
        bool is_single = is_one_line(p, i, end, indent);
        if (has_blank_before(p, i) || !is_single) {
            align_run(p, begin, i, indent, widest, indent + widest + longest <= PRINT_WIDTH);
            begin = is_single ? i : end;
            widest = longest = 0;
        }
        if (!is_single || !is_named(p, i))
            continue;
        uint32_t rest = p->layout->widths[end] - p->layout->widths[i + 1];
        longest = rest > longest ? rest : longest;
        widest = p->tokens[i].width > widest ? p->tokens[i].width : widest;
    }
    align_run(p, begin, close, indent, widest, indent + widest + longest <= PRINT_WIDTH);
}

static bool is_under_camp(const struct printer *p, const struct layout_token *token)
{
    if (!token->comment_count)
        return false;
    const struct layout_comment *last =
        &p->layout->comments[token->comment + token->comment_count - 1];
    return str_starts(last->text, STR("# camp:"));
}

static void print_items(struct printer *p, uint32_t first, uint32_t close, uint32_t indent,
                        bool is_list)
{
    bool was_big = false, was_unbroken = p->is_unbroken;
    if (!is_list && p->tokens[first].marks & MARK_PAIR)
        align_values(p, first, close, indent);
    for (uint32_t i = first, end; i < close; i = end) {
        struct layout_token *token = &p->tokens[i];
        end = item_end(p, i, close, is_list);
        bool is_big = token->marks & MARK_BIG && !is_one_line(p, i, end, indent);
        bool wants_blank =
            i > first && (is_big || was_big || token->marks & MARK_GAP) && !has_blank_before(p, i);
        p->is_unbroken = is_under_camp(p, token);
        put_comments(p, token, indent, true, &wants_blank);
        begin_line(p, indent, token->has_blank || wants_blank);
        print_item(p, i, end, indent);
        was_big = is_big;
    }
    p->is_unbroken = was_unbroken;
}

static void print_block(struct printer *p, uint32_t open, uint32_t indent)
{
    uint32_t close = p->tokens[open].partner;
    bool never = false;
    p->is_opened = true;
    if (close > open + 1)
        print_items(p, open + 1, close, indent + INDENT, p->tokens[open].sign == '[');
    put_comments(p, &p->tokens[close], indent + INDENT, true, &never);
    p->is_opened = false;
    begin_line(p, indent, false);
}

static void print_item(struct printer *p, uint32_t first, uint32_t end, uint32_t indent)
{
    uint32_t i = first, block = next_block(p, first, end);
    uint32_t hang = p->tokens[first].marks & MARK_SETTING ? 9 : block < end ? 2 * INDENT : INDENT;
    if (is_flat(p, first, end) && fits(p, first, end)) {
        for (; i < end; i++)
            put(p, i, indent);
        return;
    }
    for (; block < end; block = next_block(p, i + 1, end)) {
        print_head(p, i, block + 1, indent + hang);
        print_block(p, block, indent);
        i = p->tokens[block].partner;
        if (i + 1 < end && p->tokens[i + 1].comment_count) {
            bool never = false;
            put(p, i++, indent);
            put_comments(p, &p->tokens[i], indent, false, &never);
            begin_line(p, indent, false);
        }
    }
    print_head(p, i, end, indent + hang);
}

/* ---- the whole ---- */

/* Comments behind lines that follow each other stand in one column. */
static void write_lines(const struct printer *p, struct buf *out)
{
    uint32_t column = 0;
    for (uint32_t i = 0; i < p->line_count; i++) {
        const struct line *line = &p->lines[i];
        bool goes_on = i && p->lines[i - 1].comment.len && !line->is_blank_before;
        if (line->comment.len && !goes_on) {
            column = line->width;
            for (uint32_t j = i + 1;
                 j < p->line_count && p->lines[j].comment.len && !p->lines[j].is_blank_before; j++)
                column = p->lines[j].width > column ? p->lines[j].width : column;
        }
        if (line->is_blank_before)
            buf_byte(out, '\n');
        buf_put(out, p->code.data + line->first, line->end - line->first);
        if (line->comment.len) {
            buf_printf(out, "%*s", (int)(column - line->width) + 2, "");
            buf_str(out, line->comment);
        }
        buf_byte(out, '\n');
    }
}

static void print_file(struct layout *layout, struct buf *out)
{
    struct printer p = {.layout = layout, .tokens = layout->tokens};
    struct layout_token *end = &layout->tokens[layout->count - 1];
    bool never = false;
    buf_init(&p.code, 0);
    print_items(&p, 0, layout->count - 1, 0, false);
    put_comments(&p, end, 0, true, &never);
    write_lines(&p, out);
    buf_free(&p.code);
}

/* Nothing that the tree says may have changed. */
static bool reads_as(struct arena *arena, struct node *declarations, struct str printed)
{
    struct sources sources;
    struct diags diags;
    struct ast ast = {.arena = arena};
    struct buf before, after;
    sources_init(&sources, arena);
    diags_init(&diags, arena, &sources);
    buf_init(&before, 0);
    buf_init(&after, 0);
    ast_dump(declarations, &before);
    ast_dump(camp_parse(&ast, &diags, source_add(&sources, STR("printed"), printed)), &after);
    bool is_same = !diags.error_count && str_eq(buf_view(&before), buf_view(&after));
    buf_free(&before);
    buf_free(&after);
    return is_same;
}

bool camp_print(struct diags *diags, uint32_t file, struct buf *out)
{
    struct arena arena;
    struct layout layout;
    uint32_t errors = diags->error_count;
    arena_init(&arena, 0);
    struct ast ast = {.arena = &arena};
    struct node *declarations = camp_parse(&ast, diags, file);
    bool is_read = diags->error_count == errors;
    if (is_read) {
        size_t begin = out->len;
        layout_read(&layout, &arena, diags->sources, file, declarations);
        print_file(&layout, out);
        ensure(reads_as(&arena, declarations, str_from(buf_view(out), begin)));
    }
    arena_free(&arena);
    return is_read;
}
