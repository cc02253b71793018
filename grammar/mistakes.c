/* mistakes.c: what is said of a word that the grammar does not know at its place: one error a line,
 * at the word that is wrong, with what to write instead. The parser tells which words would have
 * fitted; what people write first (LANGUAGE.md 6) and bring along from elsewhere (habits.def) is
 * answered by name. */
#include "grammar/parser.tab.h"
#include "grammar/scan.h"

enum { MOST_EXPECTED = 256, SHOWN = 5 };

/* Where the parser stands, by what it would take. */
enum place { ANYWHERE = 0, STEP = 1, SETTING = 2, TEST = 4, DECLARATION = 8, FIELD = 16 };

struct mistake {
    struct parse *parse;
    int kind, before; /* of the word, and of the one before it */
    struct span span;
    struct str text;
    const int *expected;
    int expected_count;
    unsigned places;
};

static bool expects(const struct mistake *m, int kind)
{
    for (int i = 0; i < m->expected_count; i++)
        if (m->expected[i] == kind)
            return true;
    return false;
}

/* Behind `name:`, where the words of the language would be types, too. */
static bool is_type(const struct mistake *m)
{
    return expects(m, TOKEN_CLINIC) && expects(m, TOKEN_NAME) && expects(m, TOKEN_BRACKET) &&
           !expects(m, TOKEN_MINUS);
}

static unsigned places_of(const struct mistake *m)
{
    if (is_type(m))
        return ANYWHERE;
    return (expects(m, TOKEN_WAIT) ? STEP : 0u) | (expects(m, TOKEN_DESCRIPTION) ? SETTING : 0u) |
           (expects(m, TOKEN_GIVEN) ? TEST : 0u) |
           (expects(m, TOKEN_CAMPAIGN) && expects(m, TOKEN_POLICY) ? DECLARATION : 0u) |
           (expects(m, TOKEN_COLON) && expects(m, TOKEN_DOT) ? FIELD : 0u);
}

static const char *habit_of(struct str word, unsigned places)
{
    static const struct {
        unsigned place;
        const char *word, *help;
    } rows[] = {
#define HABIT(place, word, help) {place, word, help},
#include "grammar/habits.def"
#undef HABIT
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if ((rows[i].place == ANYWHERE || rows[i].place & places) && str_eq_c(word, rows[i].word))
            return rows[i].help;
    return NULL;
}

const char *camp_habit(struct str word)
{
    return habit_of(word, ANYWHERE);
}

static struct str text_at(const struct parse *parse, struct span span)
{
    return (struct str){parse->source->text.at + span.first, span.end - span.first};
}

static const char *behind(const struct mistake *m)
{
    const char *at = m->parse->source->text.at + m->span.end;
    return at + strspn(at, " \t");
}

static bool is_day(int kind)
{
    return kind >= TOKEN_MONDAY && kind <= TOKEN_WEEKENDS;
}

static struct diag *wrong(const struct mistake *m, enum diag_code code, struct span span,
                          const char *help)
{
    struct str text = text_at(m->parse, span);
    struct diag *diag = diag_report(m->parse->diags, code, span, STR_ARG(text));
    diag_help(m->parse->diags, diag, "%s", help);
    return diag;
}

static struct diag *unexpected(const struct mistake *m, const char *help)
{
    return wrong(m, DIAG_SYNTAX, m->span, help);
}

/* With the edit that the help speaks of. */
static struct diag *instead(const struct mistake *m, const char *help, const char *edit)
{
    struct diag *diag = unexpected(m, help);
    diag_fix(m->parse->diags, diag, m->span, "%s", edit);
    return diag;
}

/* ---- units and days ----------------------------------------------------------------------------
 */

static struct str nearest_unit(struct str text)
{
    static const char *const names[] = {"seconds", "minutes", "hours", "days",
                                        "weeks",   "months",  "years"};
    static const struct {
        const char *word, *unit;
    } short_forms[] = {{"s", "seconds"},   {"sec", "seconds"},  {"secs", "seconds"},
                       {"min", "minutes"}, {"mins", "minutes"}, {"h", "hours"},
                       {"hr", "hours"},    {"hrs", "hours"},    {"d", "days"},
                       {"w", "weeks"},     {"wk", "weeks"},     {"wks", "weeks"},
                       {"mo", "months"},   {"mon", "months"},   {"mth", "months"},
                       {"y", "years"},     {"yr", "years"},     {"yrs", "years"}};
    struct str units[ARRAY_COUNT(names)];
    for (size_t i = 0; i < ARRAY_COUNT(short_forms); i++)
        if (str_eq_c(text, short_forms[i].word))
            return str_of(short_forms[i].unit);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        units[i] = str_of(names[i]);
    return diag_nearest(text, units, ARRAY_COUNT(units));
}

struct str camp_nearest_unit(struct str word)
{
    return nearest_unit(word);
}

static struct diag *report_unit(const struct mistake *m, struct span span)
{
    struct diags *diags = m->parse->diags;
    struct str text = text_at(m->parse, span), nearest = nearest_unit(text);
    struct diag *diag = diag_report(diags, DIAG_UNKNOWN_UNIT, span, STR_ARG(text));
    if (nearest.at)
        diag_help(diags, diag, "did you mean `" STR_FMT "`?", STR_ARG(nearest));
    if (nearest.at)
        diag_fix(diags, diag, span, STR_FMT, STR_ARG(nearest));
    else
        diag_help(diags, diag, "units are seconds, minutes, hours, days, weeks, months and years");
    return diag;
}

/* The name that follows on the same line, as `fortnights` behind `2`. */
static bool word_behind(const struct mistake *m, struct span *word)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    const char *text = m->parse->source->text.at, *at = behind(m);
    size_t length = strspn(at, letters);
    uint32_t first = (uint32_t)(at - text);
    *word = (struct span){m->span.file, first, first + (uint32_t)length};
    return length && camp_keyword((struct str){at, length}) == TOKEN_NAME;
}

/* `wait 2` and `days` on the line below: that line has no mistake of its own. */
static bool is_unit_below(const struct mistake *m)
{
    struct parse *parse = m->parse;
    const char *at = behind(m), *line = *at == '#' ? at + strcspn(at, "\n") : at,
               *word = line + strspn(line, " \t\r\n");
    size_t length = strspn(word, "abcdefghijklmnopqrstuvwxyz");
    bool is_plural = length > 1 && word[length - 1] == 's';
    struct str text = {word, length - is_plural}, unit = nearest_unit((struct str){word, length});
    if (word == line || !expects(m, TOKEN_DURATION) || !text.len || !str_starts(unit, text) ||
        unit.len > text.len + 1)
        return false;
    parse->reported_line = line_of(parse, (uint32_t)(word - parse->source->text.at));
    return true;
}

static struct diag *report_number(const struct mistake *m)
{
    struct span unit;
    bool is_same_line =
        line_of(m->parse, m->parse->previous_span.end) == line_of(m->parse, m->span.first);
    if (m->kind == TOKEN_NAME && m->before == TOKEN_INT && is_same_line)
        return report_unit(m, m->span);
    if (m->kind != TOKEN_INT)
        return NULL;
    if (is_unit_below(m))
        return unexpected(m, "a number and its unit stand on one line");
    if (expects(m, TOKEN_CLOCK) && m->text.len <= 2 && m->expected_count == 1) {
        struct diag *diag = unexpected(m, "a time of day is written 09:00");
        diag_fix(m->parse->diags, diag, m->span, "%s" STR_FMT ":00", m->text.len < 2 ? "0" : "",
                 STR_ARG(m->text));
        return diag;
    }
    if (*behind(m) == '/' && expects(m, TOKEN_DATE))
        return unexpected(m, "a date is written 2026-03-02: year, month, day");
    if (expects(m, TOKEN_PERCENT)) {
        struct diag *diag = unexpected(m, "write it with its `%`, as `50%`");
        diag_fix(m->parse->diags, diag, m->span, STR_FMT "%%", STR_ARG(m->text));
        return diag;
    }
    return word_behind(m, &unit) ? report_unit(m, unit) : NULL;
}

/* What stands beside a weekday or a time of day. */
static struct diag *report_day(const struct mistake *m)
{
    struct parse *parse = m->parse;
    struct diag *diag;
    if (is_day(m->before) && (m->kind == TOKEN_COMMA || m->kind == TOKEN_TO ||
                              m->kind == TOKEN_AND || m->kind == TOKEN_MINUS)) {
        diag = wrong(
            m, DIAG_DAYS_WITH_COMMA, m->span,
            m->kind == TOKEN_COMMA || m->kind == TOKEN_AND
                ? "write `on monday tuesday`"
                : "write each of them, as `on monday tuesday`; monday to friday are `weekdays`");
        if (m->kind == TOKEN_COMMA || m->kind == TOKEN_AND)
            diag_fix(parse->diags, diag, m->span, "%s", "");
        return diag;
    }
    if (is_day(m->before) && m->kind == TOKEN_NUMBER)
        return unexpected(m, "a time of day is written with `:`, as 09:00");
    if (m->kind != TOKEN_CLOCK || (m->before != TOKEN_NAME && m->before != TOKEN_TODAY))
        return NULL;
    if (m->before == TOKEN_TODAY)
        return unexpected(m, "write `today at 09:00`");
    static const char *const names[] = {"monday", "tuesday",  "wednesday", "thursday",
                                        "friday", "saturday", "sunday"};
    struct str days[ARRAY_COUNT(names)], word = text_at(parse, parse->previous_span);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        days[i] = str_of(names[i]);
    struct str nearest = diag_nearest(word, days, ARRAY_COUNT(days));
    for (size_t i = 0; i < ARRAY_COUNT(names) && !nearest.at && word.len >= 3; i++)
        if (str_starts(days[i], (struct str){word.at, 3}))
            nearest = days[i];
    const char *habit = camp_habit(word);
    const struct str tomorrow = STR("tomorrow");
    if (!habit && !nearest.at && diag_nearest(word, &tomorrow, 1).at)
        habit = camp_habit(tomorrow);
    diag = wrong(m, DIAG_SYNTAX, parse->previous_span,
                 habit ? habit
                       : "before a time of day stands a weekday or a date, as `monday 09:00`; the "
                         "next nine o'clock is "
                         "`wait until 09:00`");
    if (nearest.at && !habit) {
        diag_help(parse->diags, diag, "did you mean `" STR_FMT "`?", STR_ARG(nearest));
        diag_fix(parse->diags, diag, parse->previous_span, STR_FMT, STR_ARG(nearest));
    }
    return diag;
}

/* ---- what people write first -------------------------------------------------------------------
 */

static struct diag *report_equals(const struct mistake *m)
{
    struct diag *diag = NULL;
    if (m->kind == TOKEN_ASSIGN && expects(m, TOKEN_COLON) && !expects(m, TOKEN_EQ)) {
        diag = instead(m, "write `:`, as `name: value`", ":");
    } else if (m->kind == TOKEN_ASSIGN) {
        diag = wrong(m, DIAG_SINGLE_EQUALS, m->span, "write `==`");
        diag_fix(m->parse->diags, diag, m->span, "==");
    } else if (m->kind == TOKEN_EQ && expects(m, TOKEN_ASSIGN)) {
        diag = instead(m, "`==` compares; a value is set by `=`", "=");
    } else if (m->kind == TOKEN_TO && expects(m, TOKEN_ASSIGN)) {
        diag = instead(m, "write `=`", "=");
    }
    return diag;
}

/* What follows `is`, `exit`, `per` and so on. */
static struct diag *report_pair(const struct mistake *m)
{
    struct parse *parse = m->parse;
    struct diags *diags = parse->diags;
    struct str word = m->kind == TOKEN_NAME ? m->text : STR("day");
    const char *habit = m->kind == TOKEN_NAME ? camp_habit(m->text) : NULL;
    struct diag *diag = NULL;
    if (m->before == TOKEN_IS) {
        const struct str known[] = {STR("known"), STR("unknown")};
        struct str nearest =
            m->kind == TOKEN_NAME ? diag_nearest(m->text, known, 2) : (struct str){0};
        diag = diag_report(diags, DIAG_IS_COMPARISON, m->span);
        if (m->kind == TOKEN_NOT) {
            diag_help(diags, diag, "write `is unknown` for what is not known, `!=` to compare");
        } else if (habit) {
            diag_help(diags, diag, "%s", habit);
        } else if (nearest.at) {
            diag_help(diags, diag, "did you mean `" STR_FMT "`?", STR_ARG(nearest));
            diag_fix(diags, diag, m->span, STR_FMT, STR_ARG(nearest));
        } else {
            diag_help(diags, diag, "write `== " STR_FMT "` to compare", STR_ARG(m->text));
            diag_fix(diags, diag, parse->previous_span, "==");
        }
    } else if (m->before == TOKEN_DURATION && (m->kind == TOKEN_BEFORE || m->kind == TOKEN_AFTER)) {
        diag = diag_report(diags, DIAG_DURATION_BEFORE_INSTANT, m->span);
        diag_help(diags, diag, "write `wait until T - 2 days else { … }`, or `T + 2 days`");
    } else if (m->before == TOKEN_REPEAT) {
        diag = diag_report(diags, DIAG_REPEAT_WITHOUT_BOUND, m->span);
        diag_help(diags, diag, "write `repeat up to 3 times { … }`");
        if (m->kind == TOKEN_INT)
            diag_fix(diags, diag, m->span, "up to " STR_FMT, STR_ARG(m->text));
    } else if (m->before == TOKEN_EXIT && m->kind == TOKEN_IF) {
        diag = diag_report(diags, DIAG_EXIT_IF, m->span);
        diag_help(diags, diag, "a setting is `exit when …`, a step `if … { exit }`");
    } else if (m->before == TOKEN_PER) {
        diag = diag_report(diags, DIAG_PER_WITHOUT_DURATION, m->span);
        diag_help(diags, diag, "write `per 1 " STR_FMT "`", STR_ARG(word));
        if (m->kind == TOKEN_NAME)
            diag_fix(diags, diag, m->span, "1 " STR_FMT, STR_ARG(m->text));
    } else if (m->before == TOKEN_WHERE) {
        diag = diag_report(diags, DIAG_DID_WHERE_WITHOUT_BRACKETS, m->span);
        diag_help(diags, diag, "write `where (…)`");
    } else if (m->kind == TOKEN_WHERE && !expects(m, TOKEN_WHEN)) {
        diag = diag_report(diags, DIAG_WHERE_AFTER_UP_TO, m->span);
        diag_help(diags, diag, "write `wait for event E where … up to 2 days`");
    }
    return diag;
}

static bool names_something(int kind)
{
    return kind == TOKEN_CAMPAIGN || kind == TOKEN_SMS || kind == TOKEN_EMAIL ||
           kind == TOKEN_LET || kind == TOKEN_AS || kind == TOKEN_SPLIT || kind == TOKEN_SEGMENT ||
           kind == TOKEN_TOPIC || kind == TOKEN_FLOW || kind == TOKEN_WEBHOOK ||
           kind == TOKEN_OBJECT || kind == TOKEN_POLICY || kind == TOKEN_DO;
}

static bool is_of_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Names: in quotes, in several words, with `-`, or a word of the language. */
static struct diag *report_name(const struct mistake *m)
{
    struct parse *parse = m->parse;
    const char *text = parse->source->text.at;
    struct str inner =
        m->text.len > 2 ? (struct str){m->text.at + 1, m->text.len - 2} : (struct str){0};
    size_t named = 0;
    while (named < inner.len && (is_of_word(inner.at[named]) || inner.at[named] == '.'))
        named++;
    if (m->kind == TOKEN_TEXT && (expects(m, TOKEN_NAME) || m->before == TOKEN_EVENT) &&
        m->before != TOKEN_COLON && inner.len && named == inner.len) {
        struct diag *diag = unexpected(m, "a name stands without quotes");
        diag_fix(parse->diags, diag, m->span, STR_FMT, STR_ARG(inner));
        return diag;
    }
    bool is_name_before = m->before == TOKEN_NAME || (m->before >= TOKEN_USE && !is_day(m->before));
    if (m->kind == TOKEN_MINUS && is_name_before && m->span.first == m->parse->previous_span.end &&
        is_of_word(text[m->span.end]))
        return instead(m, "names are written with `_`, not with `-`", "_");
    if (m->kind == TOKEN_NAME && m->before == TOKEN_NAME &&
        names_something(parse->before_previous) && *behind(m) == '{')
        return unexpected(m, "a name is one word: join them with `_`");
    if (m->kind >= TOKEN_USE && names_something(m->before) && expects(m, TOKEN_NAME)) {
        struct diag *diag =
            diag_report(parse->diags, DIAG_WORD_OF_LANGUAGE, m->span, STR_ARG(m->text));
        diag_help(parse->diags, diag, "choose another name, as `my_" STR_FMT "`", STR_ARG(m->text));
        return diag;
    }
    return NULL;
}

/* `:` behind a word that takes none, brackets, arrows and commas. */
static struct diag *report_mark(const struct mistake *m)
{
    struct parse *parse = m->parse;
    if (m->kind == TOKEN_MINUS && m->text.at[1] == '-')
        return unexpected(m, "a comment begins with `#`");
    bool is_keyword = m->kind == TOKEN_NAME && camp_is_keyword(m->text) && *behind(m) == ':';
    if (is_keyword && str_eq_c(m->text, "else"))
        return unexpected(m, "a block stands in braces: `else { … }`");
    if (is_keyword && m->places) {
        uint32_t colon = (uint32_t)(behind(m) - parse->source->text.at);
        struct diag *diag = unexpected(m, "there is no `:` behind this word");
        diag_fix(parse->diags, diag, (struct span){m->span.file, colon, colon + 1}, "%s", "");
        return diag;
    }
    if (m->kind == TOKEN_COLON && expects(m, TOKEN_OPEN) && expects(m, TOKEN_TEXT))
        return instead(m, "leave it out", "");
    if (m->kind == TOKEN_COLON && expects(m, TOKEN_OPEN))
        return unexpected(m, "a block stands in braces: `{ … }`");
    if (m->kind == TOKEN_OPEN && expects(m, TOKEN_WORKFLOW) && !is_type(m))
        return instead(m, "the steps stand in `workflow { … }`", "workflow {");
    if (m->kind == TOKEN_OPEN && expects(m, TOKEN_RIGHT))
        return unexpected(m, "a `(` is not closed before it: write `)`");
    if (m->before == TOKEN_COMMA && (m->kind == TOKEN_RIGHT || m->kind == TOKEN_BRACKET_END))
        return unexpected(m, "take the `,` before it away");
    if (m->kind == TOKEN_RIGHT)
        return instead(m, "take it away, or open the `(` that it should close", "");
    if ((m->kind == TOKEN_BRACKET || m->kind == TOKEN_LT) && expects(m, TOKEN_OF))
        return unexpected(m, "a list is written `list of text`");
    if (m->kind == TOKEN_COMMA && expects(m, TOKEN_RIGHT))
        return unexpected(m, "a list stands in square brackets: `[\"a\", \"b\"]`");
    if (expects(m, TOKEN_COMMA) && (expects(m, TOKEN_RIGHT) || expects(m, TOKEN_BRACKET_END)) &&
        (m->kind == TOKEN_TEXT || m->kind == TOKEN_INT || m->kind == TOKEN_NUMBER ||
         m->kind == TOKEN_NAME))
        return unexpected(m, "write `,` before it");
    if (m->kind >= TOKEN_EQ && m->kind <= TOKEN_GE && expects(m, TOKEN_AND))
        return unexpected(m, "comparisons are joined by `and`: `a < b and b < c`; `x between 1 and "
                             "3` has both ends");
    return NULL;
}

/* Words in the wrong order, or one that is missing before this. */
static struct diag *report_order(const struct mistake *m)
{
    const char *rest = behind(m);
    bool is_value = m->kind == TOKEN_NAME || m->kind == TOKEN_PATIENT;
    if (m->kind == TOKEN_AT && strncmp(rest, "least", 5) == 0 && m->before == TOKEN_DURATION)
        return unexpected(m, "`at least 2 times` stands before `in last`");
    if (expects(m, TOKEN_WHEN) && expects(m, TOKEN_MANUAL) && m->kind != TOKEN_NAME &&
        m->places == 0 && !is_type(m))
        return unexpected(
            m, "write `when …` for a condition, or `manual` for people who are added by hand");
    if (expects(m, TOKEN_ONCE) && expects(m, TOKEN_ALWAYS) && !expects(m, TOKEN_NAME))
        return unexpected(
            m, "write `once`, `once per 30 days`, `again`, `again after 30 days` or `always`");
    if (m->kind == TOKEN_TO && m->before == TOKEN_CHANGES)
        return wrong(
            m, DIAG_SYNTAX, m->span,
            "write `becomes` for one value: `attribute patient.status becomes \"active\"`");
    if (m->kind == TOKEN_NAME && expects(m, TOKEN_AS) && !expects(m, TOKEN_NAME) &&
        m->before == TOKEN_NAME && !camp_habit(m->text) &&
        line_of(m->parse, m->parse->previous_span.end) == line_of(m->parse, m->span.first)) {
        struct diag *diag = unexpected(m, "another name for it is given by `as`");
        diag_help(m->parse->diags, diag, "write `as " STR_FMT "` to name it", STR_ARG(m->text));
        return diag;
    }
    if (m->kind == TOKEN_WITHIN && expects(m, TOKEN_IN) && !expects(m, TOKEN_WITHIN))
        return unexpected(m, "write `in last 30 days`");
    if (m->kind == TOKEN_DURATION && m->before == TOKEN_FOR)
        return wrong(m, DIAG_SYNTAX, m->span, "write `wait 2 days`, without `for`");
    if (m->before == TOKEN_DURATION && expects(m, TOKEN_WAIT) &&
        (m->kind == TOKEN_DURATION || m->kind == TOKEN_AND))
        return unexpected(m, "a wait has one duration: `wait 26 hours`, or two waits");
    if (m->kind == TOKEN_FROM && expects(m, TOKEN_BETWEEN))
        return unexpected(m, "write `between 09:00 and 18:00`");
    if (m->kind == TOKEN_FOR && expects(m, TOKEN_UP))
        return instead(m, "how long at most is `up to 3 days`", "up to");
    if (m->before == TOKEN_EVENT && m->parse->before_previous == TOKEN_ON && is_value)
        return unexpected(m, "write `trigger event …`, without `on`");
    if (is_value && m->places & STEP && *rest == '(')
        return unexpected(m, "a flow is run by `do`, as `do remind(…)`");
    if (is_value && m->places & STEP && (*rest == '.' || *rest == '='))
        return unexpected(m,
                          "a value is set by `set patient.name = …`, or named by `let name = …`");
    if (m->kind == TOKEN_DRAFT && expects(m, TOKEN_AUTOMATICALLY))
        return unexpected(m, "write `send as draft`");
    if (m->kind == TOKEN_EVENT && expects(m, TOKEN_ON) && expects(m, TOKEN_WHEN))
        return unexpected(m, "write `exit on event …`");
    if (m->before == TOKEN_ON && expects(m, TOKEN_GOAL) && is_value)
        return unexpected(m, "write `exit on event …`, or `exit when …` for a condition");
    return NULL;
}

/* Words of a habit, here or just before. */
static struct diag *report_habit(const struct mistake *m)
{
    struct parse *parse = m->parse;
    const char *help = habit_of(m->text, m->places);
    if (m->kind >= TOKEN_USE && m->kind != TOKEN_FOR &&
        !(m->places & (STEP | SETTING | TEST | DECLARATION)))
        help = NULL;
    if (help)
        return unexpected(m, help);
    struct str before = text_at(parse, parse->previous_span);
    if (m->before == TOKEN_NAME &&
        line_of(parse, parse->previous_span.end) == line_of(parse, m->span.first) &&
        (help = habit_of(before, m->places)))
        return wrong(m, DIAG_SYNTAX, parse->previous_span, help);
    return NULL;
}

/* Quotes inside of a template that end the text around it. */
static struct diag *report_quotes(const struct mistake *m)
{
    struct parse *parse = m->parse;
    const char *text = parse->source->text.at;
    struct span before = parse->previous_span;
    struct str line = source_line(parse->source, line_of(parse, m->span.first));
    struct str rest = str_from(line, (size_t)(text + m->span.first - line.at));
    bool is_glued = before.first && text[before.first - 1] == '"' && before.end > before.first;
    if (!is_glued || m->kind != TOKEN_TEXT ||
        (str_find(rest, STR("}}")) == SIZE_MAX && str_find(rest, STR("%}")) == SIZE_MAX))
        return NULL;
    return wrong(m, DIAG_SYNTAX, before,
                 "this `\"` ended the text: write `'` for the quotes in a template, or `\\\"`");
}

/* ---- what would fit ----------------------------------------------------------------------------
 */

/* A word of the language that is spelt nearly so, and would fit. */
static struct str nearest_word(const struct mistake *m)
{
    struct str words[MOST_EXPECTED];
    char lower[24];
    uint32_t count = 0;
    if (m->kind != TOKEN_NAME || m->text.len < 2 || m->text.len >= sizeof lower)
        return (struct str){0};
    for (size_t i = 0; i < m->text.len; i++)
        lower[i] = (char)(m->text.at[i] >= 'A' && m->text.at[i] <= 'Z' ? m->text.at[i] + 32
                                                                       : m->text.at[i]);
    for (int i = 0; i < m->expected_count; i++)
        if (m->expected[i] >= TOKEN_USE)
            words[count++] = str_of(camp_token_name(m->expected[i]));
    for (uint32_t i = 0; i < count && m->text.len >= 4; i++)
        if (str_starts(words[i], (struct str){lower, m->text.len}))
            return words[i];
    return diag_nearest((struct str){lower, m->text.len}, words, count);
}

static bool begins_step(int kind)
{
    return kind == TOKEN_EMAIL || kind == TOKEN_SMS || kind == TOKEN_WEBHOOK ||
           kind == TOKEN_WAIT || kind == TOKEN_IF || kind == TOKEN_MATCH || kind == TOKEN_SPLIT ||
           kind == TOKEN_REPEAT || kind == TOKEN_SET || kind == TOKEN_CLEAR || kind == TOKEN_LET ||
           kind == TOKEN_EMIT || kind == TOKEN_ADD || kind == TOKEN_REMOVE ||
           kind == TOKEN_SUBSCRIBE || kind == TOKEN_UNSUBSCRIBE || kind == TOKEN_DO;
}

static bool begins_setting(int kind)
{
    return kind == TOKEN_DESCRIPTION || kind == TOKEN_TRIGGER || kind == TOKEN_ENTER ||
           kind == TOKEN_AUDIENCE || kind == TOKEN_TOPIC || kind == TOKEN_TRANSACTIONAL ||
           kind == TOKEN_GOAL || kind == TOKEN_HOLDOUT || kind == TOKEN_ASSERT;
}

/* For a word that belongs elsewhere, or where all sorts of things would fit. */
static const char *help_of_place(const struct mistake *m)
{
    if (is_type(m))
        return "here stands a type, as `text`, `list of text` or `[\"a\", \"b\"]`";
    if (expects(m, TOKEN_ATTRIBUTE) && expects(m, TOKEN_MANUAL) && !expects(m, TOKEN_NAME))
        return "a trigger is `event E`, `attribute patient.a changes`, `segment S entered`, "
               "`object O when …`, `on patient.d "
               "at 09:00`, `7 days before patient.d at 09:00` or `manual`";
    if (m->places & SETTING)
        return begins_step(m->kind) ? "a step stands in `workflow { … }`"
                                    : "here stands a setting, as `trigger`, `audience` or `send`, "
                                      "or `workflow { … }`";
    if (m->places & STEP)
        return m->kind == TOKEN_SEND
                   ? "a message is a step of its own, as `email hello { … }`; how it is sent is a "
                     "setting before `workflow`"
               : begins_setting(m->kind) ? "a setting of the campaign stands before `workflow`"
               : m->kind == TOKEN_ELSE   ? "`else` stands behind the `}` of its `if`"
                                         : "here stands a step, as `email`, `sms`, `wait` or `if`";
    if (m->places & TEST)
        return "here stands a statement of a test, as `given`, `event`, `after` or `expect`";
    if (m->places & DECLARATION)
        return "here stands a declaration, as `campaign`, `patient`, `event` or `segment`";
    if (m->before == TOKEN_GIVEN)
        return "given is `now`, `patient { … }`, `subscribed to`, `segment`, `event`, `object`, "
               "`webhook`, `split` or `holdout`";
    if (expects(m, TOKEN_MINUS) && expects(m, TOKEN_TODAY))
        return "here stands a value, as `patient.visits`, 3 or \"a text\"";
    if (expects(m, TOKEN_CLINIC) && expects(m, TOKEN_NAME))
        return "here stands a name";
    return NULL;
}

/* A kind of word with how it looks. */
static const char *form_of(int kind)
{
    switch (kind) {
    case TOKEN_DURATION:
        return "a duration (`2 days`)";
    case TOKEN_DATE:
        return "a date (2026-03-02)";
    case TOKEN_CLOCK:
        return "a time of day (09:00)";
    case TOKEN_PERCENT:
        return "a percentage (50%)";
    case TOKEN_TEXT:
        return "a text (\"…\")";
    default:
        return camp_token_name(kind);
    }
}

/* Up to five words that would fit. */
static void help_expected(const struct mistake *m, struct diag *diag)
{
    struct buf text;
    int last = m->expected_count < SHOWN ? m->expected_count : SHOWN;
    const char *place = m->expected_count > SHOWN ? help_of_place(m) : NULL;
    if (place || !last) {
        if (place)
            diag_help(m->parse->diags, diag, "%s", place);
        return;
    }
    buf_init(&text, 512);
    for (int i = 0; i < last; i++) {
        const char *name = form_of(m->expected[i]);
        bool is_word = strncmp(name, "a ", 2) != 0 && strncmp(name, "end ", 4) != 0;
        bool is_last = i == last - 1 && m->expected_count <= SHOWN;
        buf_printf(&text, is_word ? "%s`%s`" : "%s%s", i == 0 ? "" : is_last ? " or " : ", ", name);
    }
    diag_help(m->parse->diags, diag, "expected " STR_FMT "%s", STR_ARG(buf_view(&text)),
              m->expected_count > SHOWN ? " and more" : "");
    buf_free(&text);
}

static void report_unexpected(const struct mistake *m)
{
    struct diag *diag = NULL;
    struct diag *(*const reasons[])(const struct mistake *) = {
        report_quotes, report_equals, report_pair,  report_mark,
        report_name,   report_day,    report_order, report_habit};
    for (size_t i = 0; i < ARRAY_COUNT(reasons) && !diag; i++)
        diag = reasons[i](m);
    if (diag)
        return;
    struct str nearest = nearest_word(m);
    if (!nearest.at && report_number(m))
        return;
    diag = diag_report(m->parse->diags, DIAG_SYNTAX, m->span, STR_ARG(m->text));
    if (!nearest.at) {
        help_expected(m, diag);
        return;
    }
    diag_help(m->parse->diags, diag, "did you mean `" STR_FMT "`?", STR_ARG(nearest));
    diag_fix(m->parse->diags, diag, m->span, STR_FMT, STR_ARG(nearest));
}

/* ---- a word is missing at the end of a line ----------------------------------------------------
 */

static void report_incomplete(const struct mistake *m)
{
    struct parse *parse = m->parse;
    struct span before = parse->previous_span;
    struct mistake last = *m;
    last.span = before;
    last.text = text_at(parse, before);
    last.kind = m->before;
    last.before = parse->before_previous;
    bool has_number = last.kind == TOKEN_NAME && last.before == TOKEN_INT;
    bool is_plain = last.kind == TOKEN_NAME && last.before != TOKEN_DOT;
    const char *help = is_plain ? habit_of(last.text, m->places) : NULL;
    struct str line = str_trim(source_line(parse->source, line_of(parse, before.first)));
    if (expects(m, TOKEN_OPEN) && str_starts(line, STR("exit if "))) {
        uint32_t first = (uint32_t)(line.at - parse->source->text.at) + 5;
        struct diag *diag =
            diag_report(parse->diags, DIAG_EXIT_IF, (struct span){before.file, first, first + 2});
        diag_help(parse->diags, diag, "a setting is `exit when …`, a step `if … { exit }`");
        return;
    }
    if (has_number) {
        report_unit(&last, before);
        return;
    }
    if (help) {
        unexpected(&last, help);
        return;
    }
    struct diag *diag = diag_report(parse->diags, DIAG_INCOMPLETE, before, STR_ARG(last.text));
    uint32_t indent = indent_of(parse, line_of(parse, m->span.first));
    parse->is_open_missing =
        expects(m, TOKEN_OPEN) && indent > indent_of(parse, line_of(parse, before.first));
    if (parse->is_open_missing)
        diag_help(parse->diags, diag, "write `{` behind it: a block stands in braces");
    else
        help_expected(m, diag);
}

/* Could what stands before end here? Then the mistake is the word that follows, also on a new line.
 */
static bool is_complete(const struct mistake *m)
{
    return expects(m, TOKEN_CLOSE) || expects(m, TOKEN_WORKFLOW) || expects(m, TOKEN_USE);
}

static void report_open_block(struct parse *parse, struct span span)
{
    struct diag *diag = diag_report(parse->diags, DIAG_BLOCK_NOT_CLOSED, span);
    diag_note(parse->diags, diag, parse->open_braces[parse->depth - 1], "opened here");
    diag_help(parse->diags, diag, "close it with `}`");
}

void report_too_deep(struct parse *parse, struct span span)
{
    if (!parse->is_too_deep) {
        struct diag *diag = diag_report(parse->diags, DIAG_TOO_DEEP, span);
        diag_help(parse->diags, diag, "join conditions with `and`, or put a part into a `flow`");
    }
    parse->is_too_deep = true;
}

void report_extra_brace(struct parse *parse, struct span span)
{
    struct diag *diag = diag_report(parse->diags, DIAG_EXTRA_BRACE, span);
    diag_help(parse->diags, diag, "take it away, or open the block that it should close");
}

void mistake_report(struct parse *parse, int kind, struct span span, const int *expected, int count)
{
    struct mistake m = {parse, kind, parse->previous, span, text_at(parse, span), expected,
                        count, 0};
    struct span before = parse->previous_span;
    uint32_t line = line_of(parse, span.first);
    bool is_first = parse->previous == 0;
    m.places = places_of(&m);
    parse->is_open_missing = false;
    if (kind == TOKEN_BAD || parse->previous == TOKEN_BAD || parse->is_too_deep)
        return;
    if (kind == TOKEN_END && parse->depth && parse->depth <= PARSE_MAX_DEPTH) {
        report_open_block(parse, is_first ? span : before);
        return;
    }
    bool is_new_line = !is_first && line_of(parse, before.end) != line;
    bool is_missing = is_new_line && !parse->is_extra_close && !is_complete(&m);
    /* `address:` and on the next line `phone: …`: that was read as its value. */
    bool is_value_missing = kind == TOKEN_COLON && parse->previous == TOKEN_NAME &&
                            parse->before_previous == TOKEN_COLON &&
                            line_of(parse, parse->before_previous_span.end) != line;
    parse->is_on_own_line = is_new_line && !is_missing;
    if (is_missing)
        line = line_of(parse, before.end);
    if (parse->reported_line == line)
        return;
    parse->reported_line = line;
    if (parse->is_extra_close) {
        report_extra_brace(parse, span);
    } else if (is_value_missing) {
        struct diag *diag =
            diag_report(parse->diags, DIAG_INCOMPLETE, parse->before_previous_span, 1, ":");
        diag_help(parse->diags, diag, "write the value behind it");
    } else if (is_missing) {
        report_incomplete(&m);
    } else {
        report_unexpected(&m);
        parse->is_open_missing = kind == TOKEN_COLON && expects(&m, TOKEN_OPEN);
    }
}
