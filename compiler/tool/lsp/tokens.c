/* tokens.c: colours and folds: the words of a file by the scanner, what they name by names.c. */
#include "compiler/tool/lsp/lsp.h"
#include "grammar/parse.h"

enum token_type {
    TOKEN_KEYWORD,
    TOKEN_COMMENT,
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_PROPERTY,
    TOKEN_VARIABLE,
    TOKEN_CLASS,
    TOKEN_EVENT,
    TOKEN_FUNCTION,
    TOKEN_METHOD,
    TOKEN_NAMESPACE,
    TOKEN_ENUM,
    TOKEN_TYPE,
    TOKEN_NONE
};

void put_token_legend(struct buf *out)
{
    buf_c(out, "{\"tokenTypes\":[\"keyword\",\"comment\",\"string\",\"number\",\"property\","
               "\"variable\",\"class\",\"event\",\"function\",\"method\",\"namespace\",\"enum\","
               "\"type\"],\"tokenModifiers\":[\"declaration\"]}");
}

static enum token_type type_of(enum symbol_kind kind)
{
    switch (kind) {
    case SYMBOL_ATTRIBUTE:
    case SYMBOL_CLINIC_FIELD:
    case SYMBOL_EVENT_FIELD:
    case SYMBOL_OBJECT_FIELD:
        return TOKEN_PROPERTY;
    case SYMBOL_EVENT:
        return TOKEN_EVENT;
    case SYMBOL_OBJECT:
    case SYMBOL_CAMPAIGN:
        return TOKEN_CLASS;
    case SYMBOL_SEGMENT:
    case SYMBOL_TOPIC:
    case SYMBOL_POLICY:
        return TOKEN_TYPE;
    case SYMBOL_FLOW:
    case SYMBOL_FUNCTION:
        return TOKEN_FUNCTION;
    case SYMBOL_LET:
    case SYMBOL_LOCAL:
        return TOKEN_VARIABLE;
    case SYMBOL_MESSAGE:
    case SYMBOL_WEBHOOK:
        return TOKEN_METHOD;
    case SYMBOL_SPLIT:
    case SYMBOL_ARM:
        return TOKEN_ENUM;
    case SYMBOL_MODULE:
        return TOKEN_NAMESPACE;
    case SYMBOL_TEST:
    case SYMBOL_FILE:
        return TOKEN_STRING;
    }
    return TOKEN_NONE;
}

static enum token_type type_of_class(enum lexeme_class class)
{
    switch (class) {
    case LEXEME_COMMENT:
        return TOKEN_COMMENT;
    case LEXEME_WORD:
        return TOKEN_KEYWORD;
    case LEXEME_NAME:
        return TOKEN_PROPERTY;
    case LEXEME_TEXT:
        return TOKEN_STRING;
    case LEXEME_NUMBER:
    case LEXEME_TIME:
    case LEXEME_DURATION:
        return TOKEN_NUMBER;
    case LEXEME_END:
    case LEXEME_BAD:
    case LEXEME_MARK:
        break;
    }
    return TOKEN_NONE;
}

struct painter {
    const struct server *server;
    const struct source *source;
    struct buf *out;
    uint32_t line, character, painted; /* up to there: names of several words */
    bool is_begun;
};

/* Within one line. */
static void paint_piece(struct painter *p, uint32_t first, uint32_t end, enum token_type type,
                        bool is_declaration)
{
    uint32_t line, last, from = character_of(p->server, p->source, first, &line),
                         to = character_of(p->server, p->source, end, &last);
    if (to <= from || line != last)
        return;
    buf_printf(p->out, "%s%u,%u,%u,%d,%d", p->is_begun ? "," : "", line - p->line,
               line == p->line ? from - p->character : from, to - from, (int)type, is_declaration);
    p->line = line;
    p->character = from;
    p->is_begun = true;
}

/* Tokens do not pass the end of a line. */
static void paint(struct painter *p, uint32_t first, uint32_t end, enum token_type type,
                  bool is_declaration)
{
    const char *text = p->source->text.at;
    while (first < end) {
        uint32_t stop = first;
        while (stop < end && text[stop] != '\n' && text[stop] != '\r')
            stop++;
        paint_piece(p, first, stop, type, is_declaration);
        while (stop < end && (text[stop] == '\n' || text[stop] == '\r'))
            stop++;
        first = stop;
    }
}

/* The first mention of the file that begins at or behind the offset. */
static uint32_t mention_from(const struct names *names, uint32_t file, uint32_t offset)
{
    uint32_t low = 0, high = names->mention_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct span *span = &names->mentions[middle].span;
        if (span->file < file || (span->file == file && span->first < offset))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void paint_lexeme(struct painter *p, const struct names *names, const struct lexeme *lexeme)
{
    struct span span = lexeme->span;
    uint32_t at = span.first;
    enum token_type type = type_of_class(lexeme->class);
    if (type == TOKEN_NONE || at < p->painted)
        return;
    for (uint32_t i = mention_from(names, span.file, at); i < names->mention_count; i++) {
        const struct mention *m = &names->mentions[i];
        if (m->span.file != span.file || m->span.first >= span.end)
            break;
        if (m->span.first < at)
            continue;
        if (at < m->span.first)
            paint(p, at, m->span.first, type, false);
        paint(p, m->span.first, m->span.end, type_of(m->symbol->kind), m->is_declaration);
        at = p->painted = m->span.end;
    }
    if (at < span.end)
        paint(p, at, span.end, type, false);
}

void on_semantic_tokens(struct request *request)
{
    struct place place;
    uint32_t count;
    buf_c(request->result, "{\"data\":[");
    if (document_of(request, &place) && str_ends(place.source->name, STR(".camp"))) {
        struct painter painter = {request->server, place.source, request->result, 0, 0, 0, false};
        const struct lexeme *lexemes =
            camp_lexemes(request->arena, &place.project->compilation.sources, place.file, &count);
        for (uint32_t i = 0; i < count; i++)
            paint_lexeme(&painter, &place.project->names, &lexemes[i]);
    }
    buf_c(request->result, "]}");
}

/* ---- folds ---- */

static uint32_t line_of(const struct source *source, uint32_t offset)
{
    return source_position(source, offset).line - 1;
}

static void put_fold(struct buf *out, uint32_t first, uint32_t last, const char *kind)
{
    if (last <= first)
        return;
    bool is_first = out->data[out->len - 1] == '[';
    buf_printf(out, "%s{\"startLine\":%u,\"endLine\":%u%s}", is_first ? "" : ",", first, last,
               kind);
}

/* Blocks, texts of several lines, and comments that follow each other. */
void on_folding(struct request *request)
{
    enum { MOST = 256 };
    struct place place;
    uint32_t count, open[MOST], depth = 0, comment = UINT32_MAX, last_comment = 0;
    buf_byte(request->result, '[');
    if (!document_of(request, &place) || !str_ends(place.source->name, STR(".camp"))) {
        buf_byte(request->result, ']');
        return;
    }
    const struct lexeme *lexemes =
        camp_lexemes(request->arena, &place.project->compilation.sources, place.file, &count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t line = line_of(place.source, lexemes[i].span.first);
        char sign =
            lexemes[i].class == LEXEME_MARK ? place.source->text.at[lexemes[i].span.first] : 0;
        bool is_comment = lexemes[i].class == LEXEME_COMMENT;
        if (comment != UINT32_MAX && (!is_comment || line != last_comment + 1)) {
            put_fold(request->result, comment, last_comment, ",\"kind\":\"comment\"");
            comment = UINT32_MAX;
        }
        if (is_comment) {
            comment = comment == UINT32_MAX ? line : comment;
            last_comment = line;
        }
        if (sign == '{' && depth < MOST)
            open[depth++] = line;
        else if (sign == '}' && depth)
            put_fold(request->result, open[--depth], line ? line - 1 : 0, "");
        else if (lexemes[i].class == LEXEME_TEXT)
            put_fold(request->result, line, line_of(place.source, lexemes[i].span.end), "");
    }
    buf_byte(request->result, ']');
}
