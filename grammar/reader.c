/* reader.c: reads a file: the words of the language, tokens in their order, and where reading goes
 * on behind a mistake. A file with mistakes is read twice: by its braces and by its layout. */
#include "grammar/reader.h"
#include "grammar/parser.tab.h"

/* Words are looked up for every name that is read: the cheapest hash that spreads them. */
static uint32_t keyword_hash(struct str word)
{
    uint32_t hash = (uint32_t)word.len;
    for (size_t i = 0; i < word.len && i < 16; i++)
        hash = hash * 31 + (unsigned char)word.at[i];
    return hash ^ hash >> 10;
}

/* A word of the language, or a name. */
int camp_keyword(struct str word)
{
    enum { ROOM = 1024 };
    static struct {
        struct str word;
        int kind;
    } slots[ROOM];
    static bool is_filled;
    for (int kind = TOKEN_USE; !is_filled && kind <= TOKEN_NO; kind++) {
        struct str name = str_of(camp_token_name(kind));
        uint32_t at = keyword_hash(name) % ROOM;
        while (slots[at].word.at)
            at = (at + 1) % ROOM;
        slots[at].word = name;
        slots[at].kind = kind;
    }
    is_filled = true;
    for (uint32_t at = keyword_hash(word) % ROOM; slots[at].word.at; at = (at + 1) % ROOM)
        if (str_eq(slots[at].word, word))
            return slots[at].kind;
    return TOKEN_NAME;
}

bool camp_is_keyword(struct str word)
{
    return camp_keyword(word) != TOKEN_NAME;
}

/* Does the layout say that the innermost `{` was to be closed before this token, the first of its
 * line? What stands in a block is indented further than the line that opens it, and a `}` is not.
 */
static bool is_close_missing(const struct parse *parse, uint32_t indent)
{
    uint32_t opened = line_of(parse, parse->open_braces[parse->depth - 1].first),
             outer = indent_of(parse, opened);
    return parse->held_kind == TOKEN_END ||
           (parse->held_kind == TOKEN_CLOSE ? outer > indent : outer >= indent);
}

/* The next token where braces are believed to follow the layout: a `}` that is missing is put in,
 * one too many is passed over. */
static int next_by_layout(struct parse *parse)
{
    for (;;) {
        if (!parse->is_held) {
            parse->held_kind = camp_scan(parse, parse->scanner);
            parse->held = parse->token;
            parse->held_span = parse->span;
        }
        uint32_t line = line_of(parse, parse->held_span.first), indent = indent_of(parse, line);
        bool is_first = parse->previous &&
                        line_of(parse, parse->previous_span.end)<line, is_in = parse->depth> 0;
        parse->is_held = (is_first || parse->held_kind == TOKEN_END) && is_in &&
                         parse->depth <= PARSE_MAX_DEPTH && is_close_missing(parse, indent);
        if (parse->is_held) {
            struct span open = parse->open_braces[parse->depth - 1];
            if (open.first < open.end) {
                struct diag *diag = diag_report(parse->diags, DIAG_BLOCK_NOT_CLOSED, open);
                diag_help(parse->diags, diag, "close it with `}`");
            }
            parse->token = (struct token){.clock = -1};
            parse->span =
                (struct span){parse->file, parse->previous_span.end, parse->previous_span.end};
            return TOKEN_CLOSE;
        }
        parse->token = parse->held;
        parse->span = parse->held_span;
        if (!is_first || !is_in || parse->held_kind != TOKEN_CLOSE ||
            indent_of(parse, line_of(parse, parse->open_braces[parse->depth - 1].first)) >= indent)
            return parse->held_kind;
        report_extra_brace(parse, parse->held_span);
    }
}

static int next_token(struct parse *parse)
{
    parse->before_previous = parse->previous;
    parse->before_previous_span = parse->previous_span;
    parse->previous = parse->kind;
    parse->previous_span = parse->span;
    parse->kind = parse->is_by_layout ? next_by_layout(parse) : camp_scan(parse, parse->scanner);
    parse->is_after_dot = parse->kind == TOKEN_DOT;
    parse->is_extra_close = parse->kind == TOKEN_CLOSE && !parse->depth;
    if (parse->kind == TOKEN_OPEN) {
        if (parse->depth < PARSE_MAX_DEPTH)
            parse->open_braces[parse->depth] = parse->span;
        else
            report_too_deep(parse, parse->span);
        parse->depth++;
    } else if (parse->kind == TOKEN_CLOSE && parse->depth) {
        parse->depth--;
    }
    return parse->depth > PARSE_MAX_DEPTH ? TOKEN_END : parse->kind;
}

int camp_yylex(union CAMP_YYSTYPE *value, struct span *span, struct parse *parse)
{
    int kind = next_token(parse);
    value->token = parse->token;
    *span = parse->span;
    return kind;
}

static bool is_declaration_word(int kind)
{
    return kind == TOKEN_USE || kind == TOKEN_CLINIC || kind == TOKEN_PATIENT ||
           kind == TOKEN_EVENT || kind == TOKEN_OBJECT || kind == TOKEN_SEGMENT ||
           kind == TOKEN_TOPIC || kind == TOKEN_POLICY || kind == TOKEN_LET || kind == TOKEN_FLOW ||
           kind == TOKEN_CAMPAIGN || kind == TOKEN_TEST;
}

/* What was skipped, whole lines: names and settings may have been lost with it. */
static void lose(struct parse *parse, uint32_t line, uint32_t end)
{
    struct str first = source_line(parse->source, line);
    uint32_t begin = (uint32_t)(first.at - parse->source->text.at);
    diag_lose(parse->diags,
              (struct span){parse->file, begin,
                            end > begin + first.len ? end : begin + (uint32_t)first.len});
}

/* The `}` just read stands on the line of the mistake, behind other words, but closes what an
 * earlier line opened. */
static bool is_stray(const struct parse *parse, uint32_t line)
{
    return !parse->is_extra_close && parse->span.first < parse->span.end &&
           line_of(parse, parse->span.first) == line &&
           line_of(parse, parse->previous_span.end) == line &&
           line_of(parse, parse->open_braces[parse->depth].first) < line;
}

/* After a mistake: skips the rest of its line, with the blocks opened there and their `else`, up to
 * a `}` that closes what was open before, and leaves the next token as the lookahead. When the
 * mistake is a word that is missing at the end of the line before, nothing is skipped and bison
 * looks for a token that fits (false). */
bool parse_recover(struct parse *parse, int *lookahead, union CAMP_YYSTYPE *value,
                   struct span *span)
{
    if (*lookahead == TOKEN_CAMP_YYEMPTY)
        *lookahead = camp_yylex(value, span, parse);
    uint32_t line = line_of(parse, parse->previous_span.end);
    bool is_stuck = parse->recovered_at == span->first + 1, is_open = parse->is_open_missing;
    parse->is_open_missing = false;
    if (parse->is_on_own_line)
        line = line_of(parse, span->first);
    parse->is_on_own_line = false;
    lose(parse, line, span->first);
    parse->recovered_at = span->first + 1;
    if (is_stuck)
        return false;
    if (*lookahead == TOKEN_END || (line_of(parse, span->first) != line && !is_open))
        return *lookahead == TOKEN_CLOSE;
    uint32_t first_line = line;
    if (is_open &&
        parse->depth < PARSE_MAX_DEPTH) /* an empty span: it does not stand in the text */
        parse->open_braces[parse->depth++] =
            (struct span){parse->file, parse->previous_span.end, parse->previous_span.end};
    for (int depth = is_open; *lookahead != TOKEN_END;) {
        bool was_close = false;
        if (*lookahead == TOKEN_OPEN) {
            depth++;
        } else if (*lookahead == TOKEN_CLOSE && depth == 0 && is_stray(parse, first_line)) {
            parse->depth++; /* its `{` is what is missing */
        } else if (*lookahead == TOKEN_CLOSE) {
            if (depth == 0)
                break;
            depth--;
            was_close = true;
            line = line_of(parse, span->end);
        }
        *lookahead = camp_yylex(value, span, parse);
        bool is_else = was_close && *lookahead == TOKEN_ELSE;
        if (depth == 0 && !is_else && line_of(parse, span->first) > line)
            break;
        if (is_else)
            line = line_of(parse, span->end);
    }
    lose(parse, first_line, span->first);
    parse->recovered_at = span->first + 1;
    return true;
}

void parse_recover_declaration(struct parse *parse, int *lookahead, union CAMP_YYSTYPE *value,
                               struct span *span)
{
    if (*lookahead == TOKEN_CAMP_YYEMPTY)
        *lookahead = camp_yylex(value, span, parse);
    uint32_t line = line_of(parse, parse->previous_span.end), first_line = line,
             indent = indent_of(parse, line);
    for (int depth = 0; *lookahead != TOKEN_END;) {
        bool is_new_line = line_of(parse, span->first) > line;
        if (depth == 0 && is_new_line && is_declaration_word(*lookahead) &&
            indent_of(parse, line_of(parse, span->first)) <= indent)
            break;
        depth += *lookahead == TOKEN_OPEN;
        depth -= *lookahead == TOKEN_CLOSE && depth > 0;
        line = line_of(parse, span->end);
        *lookahead = camp_yylex(value, span, parse);
    }
    lose(parse, first_line, span->first);
}

static struct node *parse_once(struct ast *ast, struct diags *diags, uint32_t file,
                               bool is_by_layout, bool *ends_open)
{
    struct parse *parse = heap_alloc(sizeof *parse);
    *parse = (struct parse){.ast = ast,
                            .diags = diags,
                            .source = source_at(diags->sources, file),
                            .file = file,
                            .is_by_layout = is_by_layout};
    camp_scan_open(parse);
    camp_yyparse(parse);
    camp_scan_close(parse);
    struct node *declarations = parse->declarations.first;
    *ends_open = parse->depth > 0;
    heap_release(parse);
    return declarations;
}

/* A brace too many or too few moves everything behind it. So a file with mistakes is read once more
 * with braces where the layout says, and what needs fewer errors to explain is told. */
struct node *camp_parse(struct ast *ast, struct diags *diags, uint32_t file)
{
    struct diags before = *diags, by_braces;
    bool ends_open, is_still_open;
    struct node *declarations = parse_once(ast, diags, file, false, &ends_open);
    if (diags->error_count == before.error_count)
        return declarations;
    by_braces = *diags;
    /* The second reading's diagnostics grow in arrays of their own. */
    *diags = before;
    diags->items = arena_copy(diags->arena, before.items, before.count * sizeof *before.items);
    diags->lost = arena_copy(diags->arena, before.lost, before.lost_count * sizeof *before.lost);
    diags->room = before.count;
    diags->lost_room = before.lost_count;
    struct node *by_layout = parse_once(ast, diags, file, true, &is_still_open);
    const struct diag *last = by_braces.count ? &by_braces.items[by_braces.count - 1] : NULL;
    bool is_open = last && last->code == DIAG_BLOCK_NOT_CLOSED;
    bool is_better = diags->error_count < by_braces.error_count + is_open;
    if (is_better)
        return by_layout;
    *diags = by_braces;
    return ends_open && ast->closes_blocks ? by_layout : declarations;
}
