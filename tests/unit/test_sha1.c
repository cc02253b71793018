/* test_sha1.c: RFC 3174's and RFC 2202's vectors, and Twilio's own for a signed callback. */
#include "tests/unit/unit.h"
#include "vm/base/hash.h"
#include "vm/base/sha1.h"

static void check_hex(const unsigned char *digest, const char *expected)
{
    struct buf hex;
    buf_init(&hex, 0);
    buf_hex(&hex, (struct str){(const char *)digest, SHA1_BYTES});
    assert_str(buf_view(&hex), expected);
    buf_free(&hex);
}

static void test_digest(void **state)
{
    unsigned char digest[SHA1_BYTES];
    struct buf many;
    (void)state;
    sha1(STR(""), digest);
    check_hex(digest, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    sha1(STR("abc"), digest);
    check_hex(digest, "a9993e364706816aba3e25717850c26c9cd0d89d");
    sha1(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), digest);
    check_hex(digest, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    buf_init(&many, 0);
    for (int i = 0; i < 1000000; i++)
        buf_byte(&many, 'a');
    sha1(buf_view(&many), digest);
    check_hex(digest, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    buf_free(&many);
}

static void test_hmac(void **state)
{
    unsigned char digest[SHA1_BYTES];
    char key[80];
    (void)state;
    memset(key, 0x0b, 20);
    hmac_sha1((struct str){key, 20}, STR("Hi There"), digest);
    check_hex(digest, "b617318655057264e28bc0b6fb378c8ef146be00");
    hmac_sha1(STR("Jefe"), STR("what do ya want for nothing?"), digest);
    check_hex(digest, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    memset(key, 0xaa, sizeof key);
    hmac_sha1((struct str){key, sizeof key},
              STR("Test Using Larger Than Block-Size Key - Hash Key First"), digest);
    check_hex(digest, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}

static void test_callback(void **state)
{
    unsigned char digest[SHA1_BYTES];
    struct buf text;
    (void)state;
    buf_init(&text, 0);
    hmac_sha1(STR("12345"),
              STR("https://mycompany.com/myapp.php?foo=1&bar=2CallSidCA1234567890ABCDECaller"
                  "+12349013030Digits1234From+12349013030To+18005551212"),
              digest);
    buf_base64(&text, (struct str){(const char *)digest, sizeof digest});
    assert_str(buf_view(&text), "0/KCTR6DLpKmkAf8muzZqo1nDgQ=");
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_digest), cmocka_unit_test(test_hmac),
                                       cmocka_unit_test(test_callback)};
    return cmocka_run_group_tests_name("sha1", tests, NULL, NULL);
}
