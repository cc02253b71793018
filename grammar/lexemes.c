/* lexemes.c: the words of a file one after the other, with the comments between them, for the
 * formatter and for editors (parse.h). */
#include "grammar/parser.tab.h"
#include "grammar/scan.h"

static enum lexeme_class class_of(int kind)
{
    switch (kind) {
    case TOKEN_END:
        return LEXEME_END;
    case TOKEN_BAD:
        return LEXEME_BAD;
    case TOKEN_NAME:
        return LEXEME_NAME;
    case TOKEN_TEXT:
        return LEXEME_TEXT;
    case TOKEN_INT:
    case TOKEN_NUMBER:
    case TOKEN_PERCENT:
        return LEXEME_NUMBER;
    case TOKEN_DATE:
    case TOKEN_CLOCK:
        return LEXEME_TIME;
    case TOKEN_DURATION:
        return LEXEME_DURATION;
    default:
        return kind >= TOKEN_USE ? LEXEME_WORD : LEXEME_MARK;
    }
}

struct lexeme_list {
    struct arena *arena;
    struct lexeme *items;
    uint32_t count, room;
};

static void add_lexeme(struct lexeme_list *list, enum lexeme_class class, struct span span)
{
    list->items =
        arena_grow(list->arena, list->items, list->count, &list->room, sizeof *list->items);
    list->items[list->count++] = (struct lexeme){class, span};
}

/* Between two tokens stand blanks, line ends and comments, and nothing else. */
static void add_comments(struct lexeme_list *list, const struct source *source, struct span gap)
{
    const char *text = source->text.at;
    for (uint32_t i = gap.first; i < gap.end; i++) {
        if (text[i] != '#')
            continue;
        uint32_t end = i;
        while (end < gap.end && text[end] != '\n')
            end++;
        add_lexeme(list, LEXEME_COMMENT, (struct span){gap.file, i, end});
        i = end;
    }
}

struct lexeme *camp_lexemes(struct arena *arena, struct sources *sources, uint32_t file,
                            uint32_t *count)
{
    struct diags unheard;
    struct ast ast = {.arena = arena};
    struct lexeme_list list = {.arena = arena};
    struct parse *parse = heap_alloc(sizeof *parse);
    diags_init(&unheard, arena, sources);
    *parse = (struct parse){
        .ast = &ast, .diags = &unheard, .source = source_at(sources, file), .file = file};
    camp_scan_open(parse);
    for (int kind = TOKEN_BAD; kind != TOKEN_END;) {
        uint32_t end = parse->offset;
        kind = camp_scan(parse, parse->scanner);
        add_comments(&list, parse->source, (struct span){file, end, parse->span.first});
        add_lexeme(&list, class_of(kind), parse->span);
    }
    camp_scan_close(parse);
    heap_release(parse);
    *count = list.count;
    return list.items;
}
