/* test_reach.c: where a webhook may go; addresses one by one, URLs of ssrf-own all refused. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "vm/base/json.h"
#include "vm/run/reach.h"

static bool is_public(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return address_is_public((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return address_is_public((struct sockaddr *)&v6);
}

static void test_addresses(void **state)
{
    static const char *const closed[] = {"0.0.0.0",
                                         "10.0.0.5",
                                         "100.64.0.1",
                                         "100.127.255.254",
                                         "127.0.0.1",
                                         "169.254.169.254",
                                         "172.16.0.1",
                                         "172.31.255.255",
                                         "192.0.0.1",
                                         "192.0.2.1",
                                         "192.88.99.1",
                                         "192.168.0.1",
                                         "198.18.0.1",
                                         "198.19.255.255",
                                         "198.51.100.1",
                                         "203.0.113.1",
                                         "224.0.0.1",
                                         "239.255.255.255",
                                         "240.0.0.1",
                                         "255.255.255.255",
                                         "::",
                                         "::1",
                                         "::127.0.0.1",
                                         "::ffff:127.0.0.1",
                                         "::ffff:8.8.8.8",
                                         "64:ff9b::7f00:1",
                                         "64:ff9b:1::1",
                                         "100::1",
                                         "2001:0:7f00:1::",
                                         "2001:db8::1",
                                         "2002:7f00:1::",
                                         "fc00::1",
                                         "fd00:ec2::254",
                                         "fe80::1",
                                         "fec0::1",
                                         "ff02::1"};
    static const char *const open[] = {
        "1.1.1.1",    "8.8.8.8",    "100.63.255.255", "100.128.0.1",  "172.15.0.1",  "172.32.0.1",
        "198.17.0.1", "198.20.0.1", "223.255.255.1",  "2606:4700::1", "2a00:1450::1"};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(closed); i++)
        if (is_public(closed[i]))
            fail_msg("%s is taken as public", closed[i]);
    for (size_t i = 0; i < ARRAY_COUNT(open); i++)
        if (!is_public(open[i]))
            fail_msg("%s is not taken as public", open[i]);
    struct sockaddr unix_socket = {.sa_family = AF_UNIX};
    assert_false(address_is_public(&unix_socket));
}

static void test_urls(void **state)
{
    static const char *const fine[] = {"https://hooks.example.org/x",
                                       "https://hooks.example.org",
                                       "https://HOOKS.example.org:443/a?b=c#d",
                                       "https://a.b:8443/",
                                       "https://8.8.8.8/",
                                       "https://[2606:4700::1]/x"};
    bool is_allowed;
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(fine); i++) {
        const char *why = url_refusal(str_of(fine[i]), "", &is_allowed);
        if (why)
            fail_msg("%s: %s", fine[i], why);
        assert_false(is_allowed);
    }
    assert_null(url_refusal(STR("http://127.0.0.1:9000/x"), "a.b:1, 127.0.0.1:9000", &is_allowed));
    assert_true(is_allowed);
    assert_null(url_refusal(STR("http://crm/x"), "crm:80", &is_allowed));
    assert_non_null(url_refusal(STR("http://127.0.0.1:9001/x"), "127.0.0.1:9000", &is_allowed));
    assert_non_null(url_refusal(STR("http://127.0.0.1:900/x"), "127.0.0.1:9000", &is_allowed));
    assert_non_null(url_refusal(STR("https://crm/x"), "", &is_allowed));
    assert_non_null(url_refusal(STR("https://a.b/\r\nX: y"), "a.b:443", &is_allowed));
}

/* What has a public name and no other flaw is refused by what is connected to (tests/webhooks). */
static void test_corpus(void **state)
{
    struct arena arena;
    uint32_t count = 0;
    bool is_allowed;
    (void)state;
    arena_init(&arena, 0);
    struct str rest = corpus_read(&arena, CORPORA "ssrf-own/urls_refuse.jsonl");
    while (rest.len) {
        size_t end = str_find(rest, STR("\n"));
        struct str line = {rest.at, end == SIZE_MAX ? rest.len : end};
        const struct json *url = json_get(json_parse(&arena, line, NULL, NULL), "url");
        rest = end == SIZE_MAX ? (struct str){0} : str_from(rest, end + 1);
        if (!url_refusal(url->text, "", &is_allowed))
            fail_msg("not refused: " STR_FMT, STR_ARG(url->text));
        count++;
    }
    assert_true(count > 100);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_addresses),
                                       cmocka_unit_test(test_urls), cmocka_unit_test(test_corpus)};
    return cmocka_run_group_tests_name("reach", tests, NULL, NULL);
}
