/* complete.c: what can be said at a place. Where the text is broken, as it is while one writes, the
 * words before the place decide, not the tree; the tree gives the names that are visible. */
#include "compiler/tool/lsp/lsp.h"
#include "grammar/parse.h"
#include "stdlib/builtins.h"

struct words {
    const char *after, *words;
};
static const struct words statements[] = {
#define STATEMENT(block, words) {block, words},
#define FOLLOWER(word, words)
#include "compiler/tool/lsp/words.def"
#undef STATEMENT
#undef FOLLOWER
};
static const struct words followers[] = {
#define STATEMENT(block, words)
#define FOLLOWER(word, words) {word, words},
#include "compiler/tool/lsp/words.def"
#undef STATEMENT
#undef FOLLOWER
};
static const char types[] =
    "text integer number bool date time clock duration email phone url timezone language list";
static const char tags[] =
    "if elsif else endif unless endunless case when endcase for endfor break "
    "continue assign capture endcapture comment endcomment raw endraw";
static const char values[] =
    "patient clinic event now today did any not subscribed received opened clicked true false";

enum item_kind { /* of the protocol */
                 ITEM_FUNCTION = 3,
                 ITEM_FIELD = 5,
                 ITEM_VARIABLE = 6,
                 ITEM_CLASS = 7,
                 ITEM_MODULE = 9,
                 ITEM_VALUE = 12,
                 ITEM_KEYWORD = 14,
                 ITEM_EVENT = 23
};

struct completion {
    struct request *request;
    struct place place;
    const struct names *names;
    const struct lexeme *lexemes; /* of the file, up to the place */
    uint32_t count;
    bool is_first;
};

static void add(struct completion *c, struct str label, int kind, struct str detail,
                struct str documentation)
{
    struct buf *out = c->request->result;
    if (!c->is_first)
        buf_byte(out, ',');
    c->is_first = false;
    buf_c(out, "{\"label\":");
    json_put_text(out, label);
    buf_printf(out, ",\"kind\":%d", kind);
    if (detail.len) {
        buf_c(out, ",\"detail\":");
        json_put_text(out, detail);
    }
    if (documentation.len) {
        buf_c(out, ",\"documentation\":{\"kind\":\"markdown\",\"value\":");
        json_put_text(out, documentation);
        buf_byte(out, '}');
    }
    buf_byte(out, '}');
}

static void add_words(struct completion *c, const char *words)
{
    struct str rest = str_of(words);
    while (rest.len) {
        size_t end = str_find(rest, STR(" "));
        add(c, (struct str){rest.at, end == SIZE_MAX ? rest.len : end}, ITEM_KEYWORD,
            (struct str){0}, (struct str){0});
        rest = end == SIZE_MAX ? (struct str){0} : str_from(rest, end + 1);
    }
}

static void add_symbol(struct completion *c, const struct symbol *symbol, int kind)
{
    struct buf detail, text;
    buf_init(&detail, 0);
    buf_init(&text, 0);
    describe_shortly(c->place.project, symbol, &detail);
    describe(c->place.project, symbol, &text);
    add(c, symbol->name, kind, buf_view(&detail), buf_view(&text));
    buf_free(&detail);
    buf_free(&text);
}

static void add_symbols(struct completion *c, enum symbol_kind of, const struct symbol *owner,
                        int kind)
{
    for (const struct symbol *symbol = c->names->first; symbol; symbol = symbol->next)
        if (symbol->kind == of && symbol->owner == owner)
            add_symbol(c, symbol, kind);
}

static void add_fields(struct completion *c, const struct symbol *of)
{
    if (of && of->kind == SYMBOL_EVENT)
        add_symbols(c, SYMBOL_EVENT_FIELD, of, ITEM_FIELD);
    if (of && of->kind == SYMBOL_OBJECT)
        add_symbols(c, SYMBOL_OBJECT_FIELD, of, ITEM_FIELD);
    if (of && of->kind == SYMBOL_EVENT)
        add(c, STR("timestamp"), ITEM_FIELD, STR("time"), (struct str){0});
}

static void add_functions(struct completion *c)
{
    for (uint32_t i = 0; i < stdlib_builtins.count; i++) {
        const struct builtin *b = &stdlib_builtins.rows[i];
        add(c, str_of(b->name), ITEM_FUNCTION, str_of(b->signature), str_of(b->documentation));
    }
}

static const struct region *region(struct completion *c)
{
    return names_region(c->names, c->place.file, c->place.offset);
}

static void add_locals(struct completion *c)
{
    const struct region *here = region(c);
    for (const struct binding *b = here ? here->bindings : NULL; b; b = b->outer)
        add_symbol(c, b->symbol, ITEM_VARIABLE);
    add_symbols(c, SYMBOL_LET, NULL, ITEM_VARIABLE);
}

static struct str word_at(struct completion *c, uint32_t i)
{
    const struct lexeme *l = &c->lexemes[i];
    return (struct str){c->place.source->text.at + l->span.first, l->span.end - l->span.first};
}

/* The i-th lexeme before the place, from 1; empty when there is none. */
static struct str before(struct completion *c, uint32_t i)
{
    return i <= c->count ? word_at(c, c->count - i) : (struct str){0};
}

/* `event E as name`, `object O as name` in what stands before: also in a statement that is broken.
 */
static const struct symbol *alias_before(struct completion *c, struct str name)
{
    for (uint32_t i = c->count; i-- > 3;) {
        if (!str_eq(word_at(c, i), name) || !str_eq(word_at(c, i - 1), STR("as")))
            continue;
        uint32_t first = i - 2;
        while (first >= 2 && str_eq(word_at(c, first - 1), STR(".")))
            first -= 2;
        struct span from = c->lexemes[first].span, to = c->lexemes[i - 2].span;
        struct str thing = {c->place.source->text.at + from.first, to.end - from.first};
        const struct symbol *event = names_find(c->names, SYMBOL_EVENT, NULL, thing);
        return event ? event : names_find(c->names, SYMBOL_OBJECT, NULL, thing);
    }
    return NULL;
}

/* `event E … where` before in the same statement: what `event` is. */
static const struct symbol *tested_event(struct completion *c)
{
    for (uint32_t i = c->count; i-- > 0;) {
        struct str word = word_at(c, i);
        if (str_eq(word, STR("{")) || str_eq(word, STR("}")))
            break;
        if (!str_eq(word, STR("event")) || i + 1 >= c->count || str_eq(word_at(c, i + 1), STR(".")))
            continue;
        uint32_t last = i + 1;
        while (last + 2 < c->count && str_eq(word_at(c, last + 1), STR(".")))
            last += 2;
        struct span from = c->lexemes[i + 1].span, to = c->lexemes[last].span;
        return names_find(c->names, SYMBOL_EVENT, NULL,
                          (struct str){c->place.source->text.at + from.first, to.end - from.first});
    }
    return NULL;
}

static void complete_member(struct completion *c, struct str of)
{
    const struct region *here = region(c);
    if (str_eq(of, STR("patient"))) {
        add_symbols(c, SYMBOL_ATTRIBUTE, NULL, ITEM_FIELD);
        add(c, STR("id"), ITEM_FIELD, STR("text"), (struct str){0});
    } else if (str_eq(of, STR("clinic"))) {
        add_symbols(c, SYMBOL_CLINIC_FIELD, NULL, ITEM_FIELD);
    } else if (str_eq(of, STR("event"))) {
        const struct symbol *tested = tested_event(c);
        add_fields(c, tested ? tested : here ? here->event : NULL);
    } else if (str_eq(of, STR("reply"))) {
        add(c, STR("text"), ITEM_FIELD, STR("text"), (struct str){0});
    } else if (str_eq(of, STR("message"))) {
        add(c, STR("unsubscribe_url"), ITEM_FIELD, STR("url"), (struct str){0});
    } else {
        const struct symbol *local = here ? binding_find(here->bindings, of) : NULL;
        const struct symbol *object = names_find(c->names, SYMBOL_OBJECT, NULL, of);
        int kind = local && local->node ? (int)local->node->kind : 0;
        if (kind == NODE_WEBHOOK)
            add_words(c, "status body");
        if (kind == NODE_WAIT_REPLY)
            add_words(c, "text");
        add_fields(c, local && local->of ? local->of : object ? object : alias_before(c, of));
    }
}

/* ---- templates ---- */

/* Within `{{ … ` or `{% … ` that is not closed before the place: from behind its braces. */
static bool is_in_output(struct str text, struct str *inner)
{
    for (size_t i = text.len; i > 1; i--) {
        struct str two = {text.at + i - 2, 2};
        if (str_eq(two, STR("}}")) || str_eq(two, STR("%}")))
            return false;
        if (str_eq(two, STR("{{")) || str_eq(two, STR("{%"))) {
            *inner = (struct str){text.at + i, text.len - i};
            return true;
        }
    }
    return false;
}

static bool is_word_byte(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           ch == '_';
}

static struct str without_word(struct str text)
{
    while (text.len && is_word_byte(text.at[text.len - 1]))
        text.len--;
    return text;
}

static struct str last_word(struct str text)
{
    size_t length = text.len - without_word(text).len;
    return (struct str){text.at + text.len - length, length};
}

static void complete_template(struct completion *c, struct str text)
{
    struct str inner;
    if (!is_in_output(text, &inner))
        return;
    inner = without_word(inner);
    if (str_ends(inner, STR("."))) {
        inner.len--;
        complete_member(c, last_word(inner));
        return;
    }
    while (inner.len && (inner.at[inner.len - 1] == ' ' || inner.at[inner.len - 1] == '\n'))
        inner.len--;
    if (str_ends(inner, STR("|"))) {
        add_functions(c);
        return;
    }
    bool is_tag = !inner.len && text.at[inner.at - text.at - 1] == '%';
    if (is_tag) {
        add_words(c, tags);
        return;
    }
    add_words(c, "patient clinic campaign message now");
    const struct region *here = region(c);
    if (here && here->event)
        add_words(c, "event");
    add_locals(c);
}

/* ---- campaigns ---- */

/* The kind of the block around the place: a row of `statements`, "fields", "clinic", "given", … */
struct block {
    const char *kind;
    uint32_t head; /* lexeme */
};

static const char *kind_of_block(struct completion *c, uint32_t head, const char *outer)
{
    struct str word = word_at(c, head);
    bool is_top = !*outer;
    static const char *const same[] = {"campaign", "policy", "webhook", "test", "clinic"};
    for (size_t i = 0; i < ARRAY_COUNT(same); i++)
        if (str_eq_c(word, same[i]) && (is_top || strcmp(same[i], "webhook") == 0))
            return strcmp(outer, "test") == 0 ? "record" : same[i];
    if (is_top)
        return str_eq(word, STR("flow")) ? "steps" : "fields";
    if (strcmp(outer, "steps") == 0 && (str_eq(word, STR("email")) || str_eq(word, STR("sms"))))
        return "message";
    if (strcmp(outer, "test") == 0 || str_eq(word, STR("emit")) || strcmp(outer, "record") == 0 ||
        strcmp(outer, "message") == 0 || strcmp(outer, "webhook") == 0)
        return "record";
    if (str_eq(word, STR("match")) || str_eq(word, STR("split")))
        return "arms";
    bool is_reply = str_eq(word, STR("wait")) && head + 2 < c->count &&
                    str_eq(word_at(c, head + 2), STR("reply"));
    return is_reply ? "arms" : "steps";
}

static struct block block_around(struct completion *c)
{
    enum { MOST = 64 };
    struct block open[MOST] = {{"", 0}};
    uint32_t depth = 1, head = 0;
    bool is_head_next = true;
    for (uint32_t i = 0; i < c->count; i++) {
        struct str word = word_at(c, i);
        bool is_new_line = i && memchr(c->place.source->text.at + c->lexemes[i - 1].span.end, '\n',
                                       c->lexemes[i].span.first - c->lexemes[i - 1].span.end);
        if (str_eq(word, STR("{"))) {
            if (depth < MOST)
                open[depth] = (struct block){kind_of_block(c, head, open[depth - 1].kind), head};
            depth += depth < MOST;
            is_head_next = true;
        } else if (str_eq(word, STR("}"))) {
            depth -= depth > 1;
            is_head_next = true;
        } else if (is_head_next ||
                   (is_new_line && !str_eq(word, STR("and")) && !str_eq(word, STR("or")) &&
                    !str_eq(word, STR("where")) && !str_eq(word, STR("up")))) {
            head = i;
            is_head_next = false;
        }
    }
    return open[depth - 1];
}

/* Nothing of a statement stands before the place on its line. */
static bool is_statement_begin(struct completion *c)
{
    if (!c->count)
        return true;
    struct str last = before(c, 1);
    if (str_eq(last, STR("{")) || str_eq(last, STR("}")))
        return true;
    uint32_t end = c->lexemes[c->count - 1].span.end;
    return memchr(c->place.source->text.at + end, '\n', c->place.offset - end) != NULL;
}

static void complete_record(struct completion *c, uint32_t head)
{
    const struct symbol *thing = NULL;
    for (uint32_t i = head; i < c->count && i < head + 8; i++) {
        struct str word = word_at(c, i);
        if (str_eq(word, STR("{")))
            break;
        if (str_eq(word, STR("patient")) && i + 1 < c->count && str_eq(word_at(c, i + 1), STR("{")))
            add_symbols(c, SYMBOL_ATTRIBUTE, NULL, ITEM_FIELD);
        uint32_t last = i;
        while (last + 2 < c->count && str_eq(word_at(c, last + 1), STR(".")))
            last += 2;
        struct str name = {word.at, c->lexemes[last].span.end - c->lexemes[i].span.first};
        thing = names_find(c->names, SYMBOL_EVENT, NULL, name);
        if (!thing)
            thing = names_find(c->names, SYMBOL_OBJECT, NULL, name);
        if (thing)
            break;
    }
    add_fields(c, thing);
}

static void complete_statement(struct completion *c)
{
    struct block block = block_around(c);
    for (size_t i = 0; i < ARRAY_COUNT(statements); i++)
        if (strcmp(statements[i].after, block.kind) == 0)
            add_words(c, statements[i].words);
    if (strcmp(block.kind, "record") == 0)
        complete_record(c, block.head);
    if (strcmp(block.kind, "clinic") == 0)
        add_words(c, "timezone: from_email: address:");
}

/* Names that the words before ask for. */
static bool complete_name(struct completion *c)
{
    static const struct {
        const char *word, *before;
        enum symbol_kind kind;
        int item;
    } rows[] = {{"event", NULL, SYMBOL_EVENT, ITEM_EVENT},
                {"segment", NULL, SYMBOL_SEGMENT, ITEM_CLASS},
                {"object", NULL, SYMBOL_OBJECT, ITEM_CLASS},
                {"topic", NULL, SYMBOL_TOPIC, ITEM_CLASS},
                {"to", "subscribed", SYMBOL_TOPIC, ITEM_CLASS},
                {"to", "subscribe", SYMBOL_TOPIC, ITEM_CLASS},
                {"from", "unsubscribe", SYMBOL_TOPIC, ITEM_CLASS},
                {"do", NULL, SYMBOL_FLOW, ITEM_FUNCTION},
                {"for", NULL, SYMBOL_CAMPAIGN, ITEM_CLASS},
                {"use", NULL, SYMBOL_MODULE, ITEM_MODULE}};
    struct str last = before(c, 1), earlier = before(c, 2);
    const char *outer = block_around(c).kind;
    bool found = false;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        bool fits = str_eq_c(last, rows[i].word) &&
                    (!rows[i].before || str_eq_c(earlier, rows[i].before)) &&
                    (rows[i].kind != SYMBOL_CAMPAIGN || !*outer);
        if (fits)
            add_symbols(c, rows[i].kind, NULL, rows[i].item);
        found |= fits;
    }
    if (str_eq(last, STR("use")))
        for (const struct compile_module *m = tool_modules(); m->name; m++)
            add(c, str_of(m->name), ITEM_MODULE, STR("module of the standard library"),
                (struct str){0});
    bool is_message = str_eq(last, STR("email")) || str_eq(last, STR("sms"));
    const struct region *here = region(c);
    if (is_message && here && strcmp(outer, "message") != 0)
        add_symbols(c, SYMBOL_MESSAGE, here->body, ITEM_FUNCTION);
    if (str_eq(last, STR("webhook")) && here)
        add_symbols(c, SYMBOL_WEBHOOK, here->body, ITEM_FUNCTION);
    return found || is_message;
}

static bool complete_follower(struct completion *c)
{
    struct str last = before(c, 1);
    for (size_t i = 0; i < ARRAY_COUNT(followers); i++)
        if (str_eq_c(last, followers[i].after)) {
            add_words(c, followers[i].words);
            return !str_eq(last, STR("on")) && !str_eq(last, STR("expect"));
        }
    return false;
}

/* `patient.status == `: the values of a one-of. */
static bool complete_choice(struct completion *c)
{
    struct str last = before(c, 1);
    bool compares = str_eq(last, STR("==")) || str_eq(last, STR("!=")) || str_eq(last, STR("=")) ||
                    str_eq(last, STR("becomes")) || str_eq(last, STR(":"));
    if (!compares || c->count < 2)
        return false;
    const struct mention *mention =
        names_at(c->names, c->place.file, c->lexemes[c->count - 2].span.end);
    const struct node *field = mention ? mention->symbol->node : NULL;
    if (!field && str_eq(before(c, 3), STR(".")) && str_eq(before(c, 4), STR("patient"))) {
        const struct symbol *attribute = names_find(c->names, SYMBOL_ATTRIBUTE, NULL, before(c, 2));
        field = attribute ? attribute->node : NULL;
    }
    const struct node *type = field && field->kind == NODE_FIELD ? field->kids[FIELD_TYPE] : NULL;
    const struct node *choice = type ? type->kids[TYPE_CHOICES] : NULL;
    bool found = choice != NULL;
    for (; choice; choice = choice->next) {
        struct str text = arena_printf(c->request->arena, "\"" STR_FMT "\"", STR_ARG(choice->name));
        add(c, text, ITEM_VALUE, (struct str){0}, (struct str){0});
    }
    return found;
}

static void complete_code(struct completion *c)
{
    if (str_eq(before(c, 1), STR("."))) {
        complete_member(c, before(c, 2));
        return;
    }
    bool is_begin = is_statement_begin(c);
    if (is_begin)
        complete_statement(c);
    if (is_begin && c->count && !str_eq(before(c, 1), STR("{")) && !str_eq(before(c, 1), STR("}")))
        return;
    if (is_begin || complete_name(c) || complete_choice(c) || complete_follower(c))
        return;
    if (str_eq(before(c, 1), STR(":")) && strcmp(block_around(c).kind, "fields") == 0) {
        add_words(c, types);
        return;
    }
    add_words(c, values);
    add_locals(c);
    add_functions(c);
}

void on_completion(struct request *request)
{
    struct completion c = {.request = request, .is_first = true};
    uint32_t count;
    buf_c(request->result, "{\"isIncomplete\":false,\"items\":[");
    if (place_of(request, &c.place)) {
        struct str text = c.place.source->text;
        c.names = &c.place.project->names;
        if (!str_ends(c.place.source->name, STR(".camp"))) {
            complete_template(&c, (struct str){text.at, c.place.offset});
        } else {
            c.lexemes = camp_lexemes(request->arena, &c.place.project->compilation.sources,
                                     c.place.file, &count);
            uint32_t i = 0;
            while (i < count && c.lexemes[i].span.end < c.place.offset &&
                   c.lexemes[i].class != LEXEME_END)
                i++;
            /* The word that is being written is no word before. */
            struct span at = c.lexemes[i].span;
            enum lexeme_class class = c.lexemes[i].class;
            bool is_touched = at.first < c.place.offset;
            bool is_inside = is_touched && (class == LEXEME_TEXT || class == LEXEME_BAD) &&
                             text.at[at.first] == '"';
            bool is_comment = is_touched && class == LEXEME_COMMENT;
            bool is_mark = at.end == c.place.offset && class == LEXEME_MARK;
            c.count = i + (is_mark ? 1 : 0);
            if (is_inside)
                complete_template(&c, (struct str){text.at + at.first, c.place.offset - at.first});
            else if (!is_comment)
                complete_code(&c);
        }
    }
    buf_c(request->result, "]}");
}
