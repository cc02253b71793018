/* run_expect.c: the `expect` statements of a test (LANGUAGE.md X4, X5), and what to say when one
 * does not hold. */
#include "compiler/tool/diff.h"
#include "compiler/tool/run_internal.h"
#include "vm/base/json.h"

static bool has(struct str text, struct str part)
{
    return str_find(text, part) != SIZE_MAX;
}

static struct str field_of(const struct sent *sent, struct str name)
{
    return str_eq_c(name, "subject")     ? sent->subject
           : str_eq_c(name, "text")      ? sent->text
           : str_eq_c(name, "html")      ? sent->html
           : str_eq_c(name, "to")        ? sent->to
           : str_eq_c(name, "from")      ? sent->from
           : str_eq_c(name, "reply_to")  ? sent->reply_to
           : str_eq_c(name, "preheader") ? sent->preheader
                                         : (struct str){0};
}

/* A text as it is written; anything else, as `clinic.front_desk`, by its value. */
static bool fits_record(struct test_run *t, const struct sent *sent, const struct node *record)
{
    bool fits = true;
    for (const struct node *pair = record ? record->kids[RECORD_PAIRS] : NULL; pair && fits;
         pair = pair->next) {
        const struct node *value = pair->kids[PAIR_VALUE];
        struct str text = field_of(sent, pair->name);
        struct buf wanted, got;
        buf_init(&wanted, 1 << 20);
        buf_init(&got, 1 << 20);
        if (value->kind == NODE_TEXT)
            json_put_text(&wanted, value->name);
        else
            test_put_json(t, value, &wanted);
        json_put_text(&got, text);
        fits = str_eq(buf_view(&wanted), buf_view(&got));
        buf_free(&wanted);
        buf_free(&got);
    }
    return fits;
}

static void put_field(struct buf *out, struct str name, struct str text)
{
    buf_printf(out, STR_FMT ": " STR_FMT "\n", STR_ARG(name), STR_ARG(text));
}

/* The fields that the record names, as they should be and as they are. */
static void show_difference(struct test_run *t, const struct node *s, const struct node *record,
                            struct str (*field)(const struct sent *sent, struct str name),
                            const struct sent *near)
{
    struct buf wanted, got, out;
    buf_init(&wanted, 1 << 20);
    buf_init(&got, 1 << 20);
    buf_init(&out, 1 << 20);
    for (const struct node *pair = record->kids[RECORD_PAIRS]; pair; pair = pair->next) {
        const struct node *value = pair->kids[PAIR_VALUE];
        struct buf json;
        buf_init(&json, 1 << 20);
        if (value->kind != NODE_TEXT)
            test_put_json(t, value, &json);
        put_field(&wanted, pair->name, value->kind == NODE_TEXT ? value->name : buf_view(&json));
        put_field(&got, pair->name, field(near, pair->name));
        buf_free(&json);
    }
    diff_write(s->name, buf_view(&wanted), buf_view(&got), false, &out);
    /* The two lines of names and the positions of a short text tell nothing. */
    struct str rest = buf_view(&out);
    for (int i = 0; i < 3 && rest.len; i++)
        rest = str_from(rest, str_find(rest, STR("\n")) + 1);
    t->result->difference = arena_str(&t->arena, rest);
    buf_free(&wanted);
    buf_free(&got);
    buf_free(&out);
}

/* What was sent instead, in this span. */
static struct str what_was_sent(struct test_run *t)
{
    struct buf out;
    buf_init(&out, 4096);
    for (const struct sent *sent = t->first; sent; sent = sent->next)
        if (sent->span == t->span)
            buf_printf(&out, "%s%s%s " STR_FMT, out.len ? ", " : "", sent->is_draft ? "draft " : "",
                       channel_word(sent->channel), STR_ARG(sent->name));
    struct str list = arena_str(&t->arena, buf_view(&out));
    buf_free(&out);
    return list;
}

static void fail_not_sent(struct test_run *t, const struct node *s, const char *what)
{
    struct str others = what_was_sent(t);
    struct str why = arena_printf(&t->arena, "it was not %s in this span; %s" STR_FMT, what,
                                  others.len ? "what was: " : "nothing was", STR_ARG(others));
    test_fail(t, s, why.at);
}

static void fail_message(struct test_run *t, const struct node *s, const struct sent *near)
{
    const struct node *record = s->kids[EXPECT_MESSAGE_RECORD];
    if (!near) {
        fail_not_sent(t, s, s->flags & FLAG_DRAFT ? "drafted" : "sent");
        return;
    }
    if (!(s->flags & FLAG_CONTAINS)) {
        test_fail(t, s, "the message is another (- expected, + actual)");
        show_difference(t, s, record, field_of, near);
        return;
    }
    struct buf out;
    buf_init(&out, 1 << 20);
    put_field(&out, STR("subject"), near->subject);
    if (near->text.len)
        put_field(&out, STR("text"), near->text);
    if (near->html.len)
        put_field(&out, STR("html"), near->html);
    test_fail(t, s,
              arena_printf(&t->arena, "it does not contain \"" STR_FMT "\"", STR_ARG(s->other)).at);
    t->result->difference = arena_str(&t->arena, buf_view(&out));
    buf_free(&out);
}

static void expect_message(struct test_run *t, const struct node *s)
{
    uint8_t channel = s->flags & FLAG_EMAIL ? CHANNEL_EMAIL : CHANNEL_SMS;
    bool wants_draft = s->flags & FLAG_DRAFT;
    struct sent *near = NULL;
    for (struct sent *sent = t->first; sent; sent = sent->next) {
        if (sent->span != t->span || sent->channel != channel || !str_eq(sent->name, s->name) ||
            sent->is_draft != wants_draft)
            continue;
        if (s->flags & FLAG_NOT) {
            test_fail(t, s, wants_draft ? "it was drafted" : "it was sent");
            return;
        }
        if (sent->is_matched)
            continue;
        near = sent;
        bool contains = !(s->flags & FLAG_CONTAINS) || has(sent->subject, s->other) ||
                        has(sent->text, s->other) || has(sent->html, s->other);
        if (contains && fits_record(t, sent, s->kids[EXPECT_MESSAGE_RECORD])) {
            sent->is_matched = true;
            return;
        }
    }
    if (!(s->flags & FLAG_NOT))
        fail_message(t, s, near);
}

static struct str part_of(const struct sent *sent, struct str name)
{
    return str_eq_c(name, "url")       ? sent->to
           : str_eq_c(name, "method")  ? sent->subject
           : str_eq_c(name, "headers") ? sent->html
                                       : sent->text;
}

/* Members in any order. */
static bool is_same_json(const struct json *a, const struct json *b)
{
    uint32_t count = 0;
    if (!a || !b || a->kind != b->kind)
        return false;
    if (a->kind == JSON_STRING)
        return str_eq(a->text, b->text);
    if (a->kind != JSON_OBJECT && a->kind != JSON_ARRAY)
        return str_eq(a->raw, b->raw);
    const struct json *element = b->first;
    for (const struct json *one = a->first; one; one = one->next, count++) {
        const struct json *other = a->kind == JSON_OBJECT ? json_get_str(b, one->key) : element;
        if (!is_same_json(one, other))
            return false;
        element = element ? element->next : NULL;
    }
    for (const struct json *other = b->first; other; other = other->next)
        count--;
    return count == 0;
}

/* A text is compared as it is, anything else as JSON. */
static bool fits_call(struct test_run *t, const struct sent *sent, const struct node *record)
{
    bool fits = true;
    for (const struct node *pair = record ? record->kids[RECORD_PAIRS] : NULL; pair && fits;
         pair = pair->next) {
        const struct node *value = pair->kids[PAIR_VALUE];
        struct buf json;
        buf_init(&json, 1 << 16);
        test_put_json(t, value, &json);
        struct str wanted = value->kind == NODE_TEXT ? value->name : buf_view(&json);
        struct str got = part_of(sent, pair->name);
        fits = str_eq(wanted, got) ||
               (value->kind != NODE_TEXT &&
                is_same_json(json_parse(&t->arena, arena_str(&t->arena, wanted), NULL, NULL),
                             json_parse(&t->arena, got, NULL, NULL)));
        buf_free(&json);
    }
    return fits;
}

static void expect_webhook(struct test_run *t, const struct node *s)
{
    struct sent *near = NULL;
    for (struct sent *sent = t->first; sent; sent = sent->next) {
        if (sent->span != t->span || sent->channel != CHANNEL_WEBHOOK ||
            !str_eq(sent->name, s->name))
            continue;
        if (s->flags & FLAG_NOT) {
            test_fail(t, s, "it was called");
            return;
        }
        if (sent->is_matched)
            continue;
        near = sent;
        bool contains = !(s->flags & FLAG_CONTAINS) || has(sent->to, s->other) ||
                        has(sent->text, s->other) || has(sent->html, s->other);
        if (contains && fits_call(t, sent, s->kids[EXPECT_WEBHOOK_RECORD])) {
            sent->is_matched = true;
            return;
        }
    }
    if (s->flags & FLAG_NOT)
        return;
    if (!near) {
        fail_not_sent(t, s, "called");
    } else if (s->kids[EXPECT_WEBHOOK_RECORD]) {
        test_fail(t, s, "the call is another (- expected, + actual)");
        show_difference(t, s, s->kids[EXPECT_WEBHOOK_RECORD], part_of, near);
    } else {
        struct str why =
            arena_printf(&t->arena, "it does not contain \"" STR_FMT "\"", STR_ARG(s->other));
        test_fail(t, s, why.at);
        t->result->difference = arena_printf(
            &t->arena, STR_FMT " " STR_FMT "\n" STR_FMT "\n" STR_FMT "\n", STR_ARG(near->subject),
            STR_ARG(near->to), STR_ARG(near->html), STR_ARG(near->text));
    }
}

static void expect_no_messages(struct test_run *t, const struct node *s)
{
    for (struct sent *sent = t->first; sent; sent = sent->next)
        if (sent->span == t->span && !sent->is_matched && sent->channel != CHANNEL_WEBHOOK) {
            struct str why = arena_printf(&t->arena, STR_FMT " was %s", STR_ARG(sent->name),
                                          sent->is_draft ? "drafted" : "sent");
            test_fail(t, s, why.at);
            return;
        }
}

void test_expect(struct test_run *t, const struct node *s)
{
    bool wants = !(s->flags & FLAG_NOT);
    switch ((int)s->kind) {
    case NODE_EXPECT_MESSAGE:
        expect_message(t, s);
        break;
    case NODE_EXPECT_WEBHOOK:
        expect_webhook(t, s);
        break;
    case NODE_EXPECT_NO_MESSAGES:
        expect_no_messages(t, s);
        break;
    case NODE_EXPECT_GOAL:
        if (t->is_converted != wants)
            test_fail(t, s, wants ? "no goal was counted" : "a goal was counted");
        break;
    case NODE_EXPECT_ENTRY: {
        bool is_inside = wants ? t->newest != 0 : t->newest != 0 && t->entry_span == t->span;
        if (is_inside != wants)
            test_fail(t, s, wants ? "the patient never entered" : "the patient entered");
        break;
    }
    case NODE_EXPECT_EXIT:
        if (t->has_ended != wants)
            test_fail(t, s, wants ? "it has not ended" : "it has ended");
        else if ((s->flags & FLAG_REASON) && !str_eq(t->reason, s->name)) {
            struct str why =
                arena_printf(&t->arena, "it ended for \"" STR_FMT "\"", STR_ARG(t->reason));
            test_fail(t, s, why.at);
        }
        break;
    case NODE_EXPECT:
        if (!value_is_true(test_value(t, s->kids[EXPECT_CONDITION])))
            test_fail(t, s, "it is not so");
        break;
    default:
        break;
    }
}
