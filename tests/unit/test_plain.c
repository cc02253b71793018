/* test_plain.c: HTML as plain text (LANGUAGE.md M4). */
#include "tests/unit/unit.h"
#include "vm/run/plain.h"

static const struct {
    const char *html, *text;
} cases[] = {
    {"", ""},
    {"<p>One</p>\n<p>Two  three\nfour</p>", "One\n\nTwo three four\n"},
    {"<h1>Title</h1><h2>Sub</h2><p>x</p>", "Title\n=====\n\nSub\n---\n\nx\n"},
    {"<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul><ol><li>d<li>e</ol>",
     "- a\n- b\n  - c\n\n1. d\n2. e\n"},
    {"Go <a href='https://x.example/?a=1&amp;b=2'>here</a>.",
     "Go here (https://x.example/?a=1&b=2).\n"},
    {"<a href=\"https://x.example\">https://x.example</a> <a href=mailto:a@b.c>us</a> <a "
     "href=#top>up</a>",
     "https://x.example us (a@b.c) up\n"},
    {"<table><tr><th>Day</th><th>At</th></tr><tr><td>Mon</td><td>9</td></tr></table>",
     "Day  At\nMon  9\n"},
    {"a<br>b<br/><br>c", "a\nb\n\nc\n"},
    {"<style>p { }</style><script>if (1 < 2) x()</script><!-- <p>no</p> --><title>t</title>x",
     "x\n"},
    {"&amp; &lt; &eacute; &#233; &#xe9; &nosuch; 1 < 2 &", "& < é é é &nosuch; 1 < 2 &\n"},
    {"<blockquote>a<br>b</blockquote><pre>c\n  d</pre>", "> a\n> b\n\nc\n  d\n"},
    {"<img alt='Our logo'><hr><p>x<", "Our logo\n\n----\n\nx<\n"},
    {"<p title='a > b'>x</p", "x\n"},
    {"\xff<p>\xc3", "\xef\xbf\xbd\n\n\xef\xbf\xbd\n"}};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct buf out;
        buf_init(&out, 1 << 16);
        plain_text(str_of(cases[i].html), &out);
        buf_byte(&out, 0);
        assert_string_equal(out.data, cases[i].text);
        buf_free(&out);
    }
}

static void test_limit(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 8);
    plain_text(STR("more than eight bytes"), &out);
    assert_true(out.failed);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
