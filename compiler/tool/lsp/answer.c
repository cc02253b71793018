/* answer.c: questions about the name at a place: what it is, where it is declared and said, and
 * giving it another; and lists of names. */
#include "compiler/tool/lsp/lsp.h"
#include "grammar/parse.h"

bool is_in_module(const struct project *project, struct span span)
{
    return str_starts(source_at(&project->compilation.sources, span.file)->name, STR("<"));
}

static const struct mention *mention_of(struct request *request, struct place *place)
{
    return place_of(request, place) ? names_at(&place->project->names, place->file, place->offset)
                                    : NULL;
}

void on_hover(struct request *request)
{
    struct place place;
    struct buf text;
    const struct mention *mention = mention_of(request, &place);
    if (!mention)
        return;
    buf_init(&text, 0);
    describe(place.project, mention->symbol, &text);
    if (text.len) {
        buf_c(request->result, "{\"contents\":{\"kind\":\"markdown\",\"value\":");
        json_put_text(request->result, buf_view(&text));
        buf_c(request->result, "},\"range\":");
        put_range(request->server, request->result, place.source, mention->span.first,
                  mention->span.end);
        buf_byte(request->result, '}');
    }
    buf_free(&text);
}

/* ---- places ---- */

static void put_next(struct buf *out, bool *is_first)
{
    if (!*is_first)
        buf_byte(out, ',');
    *is_first = false;
}

static void put_beginning(struct request *request, struct str path)
{
    buf_c(request->result, "{\"uri\":");
    put_uri(request->server, request->result, path);
    buf_c(request->result, ",\"range\":{\"start\":{\"line\":0,\"character\":0},\"end\":"
                           "{\"line\":0,\"character\":0}}}");
}

/* The file of the standard library with that name, `<healthcare>`. */
static void put_module(struct request *request, const struct project *project, struct str name)
{
    const struct sources *sources = &project->compilation.sources;
    struct str shown = arena_printf(request->arena, "<" STR_FMT ">", STR_ARG(name));
    for (uint32_t i = 0; i < sources->count; i++) {
        if (!str_eq(source_at(sources, i)->name, shown))
            continue;
        struct str path = library_path(request->arena, source_at(sources, i));
        if (path.len)
            put_beginning(request, path);
    }
}

static void put_in_module(struct request *request, const struct project *project, struct span span,
                          bool *is_first)
{
    const struct source *source = source_at(&project->compilation.sources, span.file);
    struct str path = library_path(request->arena, source);
    if (!path.len)
        return;
    put_next(request->result, is_first);
    buf_c(request->result, "{\"uri\":");
    put_uri(request->server, request->result, path);
    buf_c(request->result, ",\"range\":");
    put_range(request->server, request->result, source, span.first, span.end);
    buf_byte(request->result, '}');
}

/* What the project itself declares, else what a module does. */
static void put_declarations(struct request *request, const struct place *place,
                             const struct symbol *symbol)
{
    const struct project *project = place->project;
    bool is_first = true;
    for (int of_modules = 0; of_modules < 2 && is_first; of_modules++)
        for (uint32_t i = 0; i < project->names.mention_count; i++) {
            const struct mention *other = &project->names.mentions[i];
            if (other->symbol != symbol || !other->is_declaration ||
                is_in_module(project, other->span) != of_modules)
                continue;
            if (of_modules) {
                put_in_module(request, project, other->span, &is_first);
            } else {
                put_next(request->result, &is_first);
                put_location(request->server, request->result, project, other->span);
            }
        }
}

void on_definition(struct request *request)
{
    struct place place;
    const struct mention *mention = mention_of(request, &place);
    buf_byte(request->result, '[');
    if (mention && mention->symbol->kind == SYMBOL_FILE)
        put_beginning(request, path_normal(request->arena, mention->symbol->name));
    else if (mention && mention->symbol->kind == SYMBOL_MODULE)
        put_module(request, place.project, mention->symbol->name);
    else if (mention)
        put_declarations(request, &place, mention->symbol);
    buf_byte(request->result, ']');
}

void on_references(struct request *request)
{
    struct place place;
    const struct mention *mention = mention_of(request, &place);
    const struct json *with = json_get(json_get(request->params, "context"), "includeDeclaration");
    bool is_first = true, with_declaration = with && with->kind == JSON_TRUE;
    buf_byte(request->result, '[');
    for (uint32_t i = 0; mention && i < place.project->names.mention_count; i++) {
        const struct mention *other = &place.project->names.mentions[i];
        if (other->symbol != mention->symbol || is_in_module(place.project, other->span) ||
            (other->is_declaration && !with_declaration))
            continue;
        put_next(request->result, &is_first);
        put_location(request->server, request->result, place.project, other->span);
    }
    buf_byte(request->result, ']');
}

void on_highlight(struct request *request)
{
    struct place place;
    const struct mention *mention = mention_of(request, &place);
    bool is_first = true;
    buf_byte(request->result, '[');
    for (uint32_t i = 0; mention && i < place.project->names.mention_count; i++) {
        const struct mention *other = &place.project->names.mentions[i];
        if (other->symbol != mention->symbol || other->span.file != place.file)
            continue;
        put_next(request->result, &is_first);
        buf_c(request->result, "{\"range\":");
        put_range(request->server, request->result, place.source, other->span.first,
                  other->span.end);
        buf_printf(request->result, ",\"kind\":%d}", other->is_declaration ? 3 : 2);
    }
    buf_byte(request->result, ']');
}

/* ---- renaming ---- */

/* Why the symbol cannot get another name, or NULL. */
static const char *fixed_reason(const struct project *project, const struct symbol *symbol)
{
    if (symbol->kind == SYMBOL_TEST || symbol->kind == SYMBOL_FILE)
        return "only names can be renamed";
    if (symbol->kind == SYMBOL_FUNCTION || symbol->kind == SYMBOL_MODULE)
        return "it is of the standard library";
    for (uint32_t i = 0; i < project->names.mention_count; i++)
        if (project->names.mentions[i].symbol == symbol &&
            is_in_module(project, project->names.mentions[i].span))
            return "a module of the standard library declares it";
    return NULL;
}

/* A file the project says is not the place for quotes: only bare words are renamed. */
static bool is_bare(const struct project *project, struct span span)
{
    struct str text = source_at(&project->compilation.sources, span.file)->text;
    return text.at[span.first] != '"';
}

void on_prepare_rename(struct request *request)
{
    struct place place;
    const struct mention *mention = mention_of(request, &place);
    if (!mention || !is_bare(place.project, mention->span))
        return;
    request->error = fixed_reason(place.project, mention->symbol);
    if (request->error) {
        request->error_code = ERROR_FAILED;
        return;
    }
    put_range(request->server, request->result, place.source, mention->span.first,
              mention->span.end);
}

static const char *name_fault(const struct project *project, const struct symbol *symbol,
                              struct str name)
{
    bool may_dot = symbol->kind == SYMBOL_EVENT;
    bool is_field = symbol->kind == SYMBOL_ATTRIBUTE || symbol->kind == SYMBOL_CLINIC_FIELD ||
                    symbol->kind == SYMBOL_EVENT_FIELD || symbol->kind == SYMBOL_OBJECT_FIELD;
    bool is_word_begin = true;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool is_digit = c >= '0' && c <= '9' && !is_word_begin;
        bool is_dot = c == '.' && may_dot && !is_word_begin;
        if (!is_letter && !is_digit && !is_dot)
            return "a name is letters, digits and `_`";
        is_word_begin = is_dot;
    }
    if (is_word_begin)
        return "a name is letters, digits and `_`";
    if (!is_field && !may_dot && camp_is_keyword(name))
        return "it is a word of the language";
    /* A local may not hide another name that can be said beside it. */
    bool is_local = symbol->kind == SYMBOL_LOCAL, is_let = symbol->kind == SYMBOL_LET;
    for (uint32_t i = 0; i < project->names.mention_count && (is_local || is_let); i++) {
        const struct symbol *other = project->names.mentions[i].symbol;
        bool is_beside = other->kind == SYMBOL_LET ||
                         (other->kind == SYMBOL_LOCAL && (is_let || other->owner == symbol->owner));
        if (is_beside && other != symbol && str_eq(other->name, name))
            return "the name is taken";
    }
    const struct symbol *same = names_find(&project->names, symbol->kind, symbol->owner, name);
    return same && same != symbol && same->node ? "the name is taken" : NULL;
}

void on_rename(struct request *request)
{
    struct place place;
    const struct mention *mention = mention_of(request, &place);
    const struct json *name = json_get(request->params, "newName");
    if (!mention || !name || name->kind != JSON_STRING) {
        if (!request->error)
            request->error = "there is no name here";
    } else {
        request->error = fixed_reason(place.project, mention->symbol);
        if (!request->error)
            request->error = name_fault(place.project, mention->symbol, name->text);
    }
    if (request->error) {
        request->error_code = request->error_code ? request->error_code : ERROR_FAILED;
        return;
    }
    const struct names *names = &place.project->names;
    uint32_t file = UINT32_MAX;
    bool is_first = true;
    buf_c(request->result, "{\"changes\":{");
    for (uint32_t i = 0; i < names->mention_count; i++) {
        const struct mention *other = &names->mentions[i];
        if (other->symbol != mention->symbol || !is_bare(place.project, other->span))
            continue;
        const struct source *source =
            source_at(&place.project->compilation.sources, other->span.file);
        if (other->span.file != file) {
            buf_c(request->result, file == UINT32_MAX ? "" : "],");
            put_uri(request->server, request->result, path_normal(request->arena, source->path));
            buf_c(request->result, ":[");
            is_first = true;
        }
        file = other->span.file;
        put_next(request->result, &is_first);
        buf_c(request->result, "{\"range\":");
        put_range(request->server, request->result, source, other->span.first, other->span.end);
        buf_c(request->result, ",\"newText\":");
        json_put_text(request->result, name->text);
        buf_byte(request->result, '}');
    }
    buf_c(request->result, file == UINT32_MAX ? "}}" : "]}}");
}

/* ---- lists of symbols ---- */

static int kind_number(enum symbol_kind kind) /* of the protocol's SymbolKind */
{
    switch (kind) {
    case SYMBOL_ATTRIBUTE:
    case SYMBOL_CLINIC_FIELD:
    case SYMBOL_EVENT_FIELD:
    case SYMBOL_OBJECT_FIELD:
        return 8;
    case SYMBOL_EVENT:
        return 24;
    case SYMBOL_OBJECT:
        return 5;
    case SYMBOL_SEGMENT:
        return 18;
    case SYMBOL_TOPIC:
    case SYMBOL_POLICY:
        return 11;
    case SYMBOL_CAMPAIGN:
        return 2;
    case SYMBOL_FLOW:
    case SYMBOL_FUNCTION:
        return 12;
    case SYMBOL_LET:
    case SYMBOL_LOCAL:
        return 13;
    case SYMBOL_MESSAGE:
    case SYMBOL_WEBHOOK:
    case SYMBOL_TEST:
        return 6;
    case SYMBOL_SPLIT:
        return 10;
    case SYMBOL_ARM:
        return 22;
    case SYMBOL_MODULE:
    case SYMBOL_FILE:
        return 1;
    }
    return 13;
}

static bool owns(const struct symbol *owner, const struct symbol *symbol)
{
    return symbol->node && symbol->owner == owner;
}

static void put_symbol(struct request *request, const struct place *place,
                       const struct symbol *symbol)
{
    struct buf *out = request->result;
    struct buf detail;
    bool is_first = true;
    buf_init(&detail, 0);
    describe_shortly(place->project, symbol, &detail);
    buf_c(out, "{\"name\":");
    json_put_text(out, symbol->name.len ? symbol->name : STR("-"));
    buf_c(out, ",\"detail\":");
    json_put_text(out, buf_view(&detail));
    buf_free(&detail);
    buf_printf(out, ",\"kind\":%d,\"range\":", kind_number(symbol->kind));
    put_range(request->server, out, place->source, symbol->node->span.first,
              symbol->node->span.end);
    buf_c(out, ",\"selectionRange\":");
    put_range(request->server, out, place->source, symbol->span.first, symbol->span.end);
    buf_c(out, ",\"children\":[");
    for (const struct symbol *kid = place->project->names.first; kid; kid = kid->next)
        if (owns(symbol, kid) && kid->span.file == place->file) {
            put_next(out, &is_first);
            put_symbol(request, place, kid);
        }
    buf_c(out, "]}");
}

void on_document_symbol(struct request *request)
{
    struct place place;
    bool is_first = true;
    buf_byte(request->result, '[');
    if (document_of(request, &place))
        for (const struct symbol *symbol = place.project->names.first; symbol;
             symbol = symbol->next)
            if (owns(NULL, symbol) && symbol->span.file == place.file) {
                put_next(request->result, &is_first);
                put_symbol(request, &place, symbol);
            }
    buf_byte(request->result, ']');
}

/* The letters of the query in their order, without case. */
static bool matches(struct str name, struct str query)
{
    size_t at = 0;
    for (size_t i = 0; i < name.len && at < query.len; i++)
        at += (name.at[i] | 32) == (query.at[at] | 32);
    return at == query.len;
}

void on_workspace_symbol(struct request *request)
{
    const struct json *query = json_get(request->params, "query");
    struct buf *out = request->result;
    bool is_first = true;
    projects_tell(request->server);
    buf_byte(out, '[');
    for (struct project *project = request->server->projects; project; project = project->next)
        for (const struct symbol *symbol = project->names.first; symbol; symbol = symbol->next) {
            if (!symbol->node || is_in_module(project, symbol->span) ||
                (query && query->kind == JSON_STRING && !matches(symbol->name, query->text)))
                continue;
            put_next(out, &is_first);
            buf_c(out, "{\"name\":");
            json_put_text(out, symbol->name);
            buf_printf(out, ",\"kind\":%d,\"containerName\":", kind_number(symbol->kind));
            json_put_text(out, symbol->owner ? symbol->owner->name : STR(""));
            buf_c(out, ",\"location\":");
            put_location(request->server, out, project, symbol->span);
            buf_byte(out, '}');
        }
    buf_byte(out, ']');
}
