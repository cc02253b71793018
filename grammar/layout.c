/* layout.c: tokens with their comments, and the marks that the tree puts on them. */
#include "grammar/layout.h"

#include "vm/base/utf8.h"

enum { SETTING_COLUMN = 9 };

/* ---- tokens and comments ---- */

static uint32_t count_lines(const char *at, const char *end)
{
    uint32_t count = 0;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        count++;
        at++;
    }
    return count;
}

static struct str without_end(struct str text)
{
    while (text.len && strchr(" \t\r", text.at[text.len - 1]))
        text.len--;
    return text;
}

/* Number and unit, one blank between. */
static struct str duration_text(struct arena *arena, struct str text)
{
    size_t number = 0, unit;
    while (number < text.len && text.at[number] != ' ' && text.at[number] != '\t')
        number++;
    for (unit = number; unit < text.len && (text.at[unit] == ' ' || text.at[unit] == '\t');)
        unit++;
    return arena_printf(arena, "%.*s " STR_FMT, (int)number, text.at,
                        STR_ARG(str_from(text, unit)));
}

static bool is_newline_before(struct str text, uint32_t offset)
{
    while (offset && (text.at[offset - 1] == ' ' || text.at[offset - 1] == '\t'))
        offset--;
    return !offset || text.at[offset - 1] == '\n';
}

static void read_tokens(struct layout *l, uint32_t file)
{
    const struct source *source = source_at(l->sources, file);
    const char *text = source->text.at;
    uint32_t count, end = 0, line = 1, pending = 0;
    struct lexeme *lexemes = camp_lexemes(l->arena, l->sources, file, &count);
    l->tokens = arena_array(l->arena, count, sizeof *l->tokens);
    l->comments = arena_array(l->arena, count, sizeof *l->comments);
    for (uint32_t i = 0; i < count; i++) {
        struct span span = lexemes[i].span;
        struct str own = {text + span.first, span.end - span.first};
        uint32_t gap = count_lines(text + end, text + span.first);
        uint32_t inner = count_lines(own.at, own.at + own.len);
        line += gap;
        end = span.end;
        if (lexemes[i].class == LEXEME_COMMENT) {
            l->comments[l->comment_count++] =
                (struct layout_comment){.text = without_end(own),
                                        .column = source_position(source, span.first).column,
                                        .is_trailing = !is_newline_before(source->text, span.first),
                                        .has_blank = gap > 1};
            pending++;
            continue;
        }
        if (lexemes[i].class == LEXEME_DURATION)
            own = duration_text(l->arena, own);
        l->tokens[l->count++] =
            (struct layout_token){.text = own,
                                  .class = lexemes[i].class,
                                  .sign = lexemes[i].class == LEXEME_MARK ? own.at[0] : 0,
                                  .has_blank = gap > 1,
                                  .is_long = inner > 0,
                                  .line = line,
                                  .end_line = line + inner,
                                  .first = span.first,
                                  .comment = l->comment_count - pending,
                                  .comment_count = pending,
                                  .width = inner ? 3 : (uint32_t)utf8_count(own)};
        line += inner;
        pending = 0;
    }
}

/* ---- marks from the tree ---- */

static uint32_t token_at(const struct layout *l, uint32_t offset)
{
    uint32_t low = 0, high = l->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (l->tokens[middle].first <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static uint32_t token_of(const struct layout *l, const struct node *node)
{
    return token_at(l, node->span.first);
}

static void mark_items(struct layout *l, const struct node *list, uint32_t marks)
{
    for (; list; list = list->next)
        l->tokens[token_of(l, list)].marks |= MARK_ITEM | marks;
}

/* The line may be broken `back` tokens before where the node begins. */
static void mark_break(struct layout *l, const struct node *node, uint32_t back, uint32_t level)
{
    if (node)
        l->tokens[token_of(l, node) - back].level = level;
}

static void mark_list(struct layout *l, const struct node *list, uint32_t level)
{
    for (list = list ? list->next : NULL; list; list = list->next) {
        struct layout_token *token = &l->tokens[token_of(l, list)];
        token->level = level;
        token->marks |= MARK_FILL;
    }
}

static bool is_unit(struct str word)
{
    static const char *const units[] = {"second", "minute", "hour", "day", "week", "month", "year"};
    if (str_ends(word, STR("s")))
        word.len--;
    for (size_t i = 0; i < ARRAY_COUNT(units); i++)
        if (str_eq_c(word, units[i]))
            return true;
    return false;
}

/* The commas between pairs say nothing; but in `1, days: 2` one keeps apart what would be a
 * duration. */
static void leave_out_commas(struct layout *l, const struct node *pairs)
{
    for (; pairs; pairs = pairs->next) {
        uint32_t last = token_at(l, pairs->span.end - 1);
        struct layout_token *token = &l->tokens[last], *comma = token + 1;
        bool is_kept = token->class == LEXEME_NUMBER && is_unit((comma + 1)->text);
        if (comma->sign == ',' && !is_kept)
            comma->marks |= MARK_LEFT_OUT;
    }
}

static void mark_node(struct layout *l, const struct node *node, uint32_t level);

static void mark_kids(struct layout *l, const struct node *node, uint32_t level)
{
    for (int i = 0; i < NODE_KID_ROOM; i++)
        for (const struct node *kid = node->kids[i]; kid; kid = kid->next)
            mark_node(l, kid, level);
}

/* A chain of the same operator: one level, however many operands. */
static void mark_chain(struct layout *l, const struct node *node, uint32_t level)
{
    const struct node *left = node;
    for (; left->kind == node->kind; left = left->kids[0]) {
        struct layout_token *joint = &l->tokens[token_of(l, left->kids[1]) - 1];
        bool is_minus = node->kind == NODE_ARITHMETIC && joint->sign == '-';
        joint->level = level;
        joint->marks |= is_minus ? MARK_BINARY : 0;
        mark_node(l, left->kids[1], level + 1);
    }
    mark_node(l, left, level + 1);
}

static void mark_campaign(struct layout *l, const struct node *node)
{
    const struct node *workflow = node->kids[CAMPAIGN_WORKFLOW];
    l->tokens[token_of(l, node)].marks |= MARK_BIG;
    l->tokens[token_at(l, node->other_span.first) + 1].marks |= MARK_SPREAD;
    l->tokens[token_of(l, workflow) - 1].marks |= MARK_ITEM | MARK_GAP;
    mark_items(l, node->kids[CAMPAIGN_SETTINGS], MARK_SETTING);
}

/* What the kinds of nodes with blocks and clauses say of the layout. */
static void mark_statement(struct layout *l, const struct node *node)
{
    struct node *const *kids = node->kids;
    switch ((int)node->kind) {
    case NODE_CLINIC:
    case NODE_RECORD:
        leave_out_commas(l, kids[0]);
        mark_items(l, kids[0], MARK_PAIR);
        break;
    case NODE_PATIENT:
    case NODE_EVENT_DECL:
    case NODE_OBJECT_DECL:
    case NODE_EMAIL:
    case NODE_WEBHOOK:
        mark_items(l, kids[0], MARK_PAIR);
        break;
    case NODE_SMS: {
        bool is_short = kids[0] && kids[0]->span.first == kids[0]->name_span.first &&
                        kids[0]->span.end == kids[0]->name_span.end && kids[0]->kind == NODE_PROP;
        if (!is_short)
            mark_items(l, kids[0], MARK_PAIR);
        break;
    }
    case NODE_WAIT_REPLY:
        mark_break(l, kids[WAIT_REPLY_UP_TO], 2, 1);
        mark_items(l, kids[WAIT_REPLY_ARMS], 0);
        break;
    case NODE_POLICY:
    case NODE_BLOCK:
    case NODE_SPLIT:
        mark_items(l, kids[0], 0);
        break;
    case NODE_MATCH:
        mark_items(l, kids[MATCH_ARMS], 0);
        break;
    case NODE_TEST:
        mark_items(l, kids[0], 0);
        l->tokens[token_of(l, node)].marks |= MARK_BIG;
        break;
    case NODE_CAMPAIGN:
        mark_campaign(l, node);
        break;
    case NODE_FLOW:
        l->tokens[token_of(l, node)].marks |= MARK_BIG;
        mark_list(l, kids[FLOW_PARAMS], 1);
        break;
    case NODE_SEGMENT_DECL:
        mark_break(l, kids[SEGMENT_DECL_CONDITION], 0, 1);
        if (kids[SEGMENT_DECL_CONDITION])
            l->tokens[token_of(l, kids[SEGMENT_DECL_CONDITION])].marks |= MARK_FLUSH;
        break;
    case NODE_TYPE:
        mark_list(l, kids[TYPE_CHOICES], 1);
        break;
    case NODE_ARM:
        mark_list(l, kids[ARM_VALUES], 1);
        break;
    case NODE_PATTERN:
        mark_break(l, kids[PATTERN_WHERE], 1, 1);
        break;
    case NODE_TRIGGER:
        mark_break(l, kids[TRIGGER_WHERE], 1, 1);
        break;
    case NODE_AUDIENCE:
        mark_break(l, kids[AUDIENCE_WITHIN], 1, 1);
        break;
    case NODE_GOAL:
        mark_break(l, kids[GOAL_WITHIN], 1, 1);
        break;
    case NODE_SEND_DRAFT:
        mark_break(l, kids[SEND_DRAFT_UP_TO], 2, 1);
        break;
    case NODE_WAIT_UNTIL:
        mark_break(l, kids[WAIT_UNTIL_UP_TO], 2, 1);
        break;
    case NODE_WAIT_EVENT:
        mark_break(l, kids[WAIT_EVENT_UP_TO], 2, 1);
        break;
    default:
        break;
    }
    mark_kids(l, node, 2);
}

static void mark_node(struct layout *l, const struct node *node, uint32_t level)
{
    switch ((int)node->kind) {
    case NODE_OR:
    case NODE_AND:
    case NODE_ARITHMETIC:
        mark_chain(l, node, level);
        break;
    case NODE_CALL:
    case NODE_LIST:
        mark_list(l, node->kids[0], level);
        mark_kids(l, node, level + 1);
        break;
    case NODE_NOT:
    case NODE_COMPARE:
    case NODE_KNOWN:
    case NODE_BETWEEN:
    case NODE_DID:
    case NODE_ANY:
    case NODE_AT:
    case NODE_NEGATE:
        mark_kids(l, node, level + 1);
        break;
    default:
        mark_statement(l, node);
    }
}

/* ---- what follows from them ---- */

/* A comma that is left out leaves its comments to what follows. */
static void close_up(struct layout *l)
{
    uint32_t kept = 0, pending = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        struct layout_token token = l->tokens[i];
        if (token.marks & MARK_LEFT_OUT) {
            pending += token.comment_count;
            continue;
        }
        token.comment -= pending;
        token.comment_count += pending;
        pending = 0;
        l->tokens[kept++] = token;
    }
    l->count = kept;
}

static void find_partners(struct layout *l)
{
    uint32_t outer = LAYOUT_NONE;
    for (uint32_t i = 0; i < l->count; i++) {
        struct layout_token *token = &l->tokens[i];
        char sign = token->sign;
        if ((sign == '}' || sign == ')' || sign == ']') && outer != LAYOUT_NONE) {
            l->tokens[outer].partner = i;
            token->partner = outer;
            outer = l->tokens[outer].outer;
        }
        token->outer = outer;
        if (sign == '{' || sign == '(' || sign == '[')
            outer = i;
    }
}

static bool is_inside_pairs(const struct layout *l, const struct layout_token *token)
{
    uint32_t outer = token->outer;
    return token->marks & MARK_PAIR && outer != LAYOUT_NONE && l->tokens[outer].sign == '{';
}

static uint32_t space_before(const struct layout *l, uint32_t i)
{
    const struct layout_token *token = &l->tokens[i], *before = token - 1;
    char sign = token->sign, last = i ? before->sign : 0;
    bool is_mark = token->class == LEXEME_MARK;
    if (!i || token->class == LEXEME_END)
        return 0;
    if ((is_mark && strchr(")],:.", sign)) || last == '(' || last == '[' || last == '.')
        return 0;
    if ((sign == '(' && before->class == LEXEME_NAME) || (last == '{' && sign == '}'))
        return 0;
    if (last == '-' && !(before->marks & MARK_BINARY))
        return 0;
    if (before->marks & MARK_SETTING)
        return before->width < SETTING_COLUMN ? SETTING_COLUMN - before->width : 1;
    return is_inside_pairs(l, token) && last != '{' && last != ',' ? 2 : 1;
}

/* A block stays on one line that was written so, of pairs or of one statement. */
static void find_stiff(struct layout *l)
{
    uint32_t *items = arena_array(l->arena, l->count, sizeof *items);
    bool *are_pairs = arena_array(l->arena, l->count, sizeof *are_pairs);
    for (uint32_t i = 0; i < l->count; i++) {
        const struct layout_token *token = &l->tokens[i];
        if (!(token->marks & MARK_ITEM) || token->outer == LAYOUT_NONE)
            continue;
        items[token->outer]++;
        are_pairs[token->outer] |= (token->marks & MARK_PAIR) != 0;
    }
    l->widths = arena_array(l->arena, l->count + 1, sizeof *l->widths);
    l->comments_before = arena_array(l->arena, l->count + 1, sizeof *l->comments_before);
    l->stiff = arena_array(l->arena, l->count + 1, sizeof *l->stiff);
    for (uint32_t i = 0; i < l->count; i++) {
        struct layout_token *token = &l->tokens[i];
        bool is_stiff = token->is_long;
        if (token->sign == '{')
            is_stiff = token->line != l->tokens[token->partner].line ||
                       (items[i] > 1 && !are_pairs[i]) || token->marks & MARK_SPREAD;
        token->space = space_before(l, i);
        l->widths[i + 1] = l->widths[i] + token->space + token->width;
        l->comments_before[i + 1] = l->comments_before[i] + token->comment_count;
        l->stiff[i + 1] = l->stiff[i] + is_stiff;
    }
}

void layout_read(struct layout *layout, struct arena *arena, struct sources *sources, uint32_t file,
                 struct node *declarations)
{
    *layout = (struct layout){.arena = arena, .sources = sources};
    read_tokens(layout, file);
    mark_items(layout, declarations, 0);
    for (const struct node *decl = declarations; decl; decl = decl->next)
        mark_node(layout, decl, 1);
    close_up(layout);
    find_partners(layout);
    find_stiff(layout);
}
