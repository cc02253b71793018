/* test_hash.c: digests and texts against published vectors: FIPS 180-4, RFC 4231, the SipHash
 * paper's appendix, RFC 4648. */
#include "tests/unit/unit.h"
#include "vm/base/hash.h"

static void check_hex(const unsigned char *digest, size_t size, const char *expected)
{
    struct buf hex;
    buf_init(&hex, 0);
    buf_hex(&hex, (struct str){(const char *)digest, size});
    assert_str(buf_view(&hex), expected);
    buf_free(&hex);
}

static void test_sha256(void **state)
{
    (void)state;
    unsigned char digest[SHA256_BYTES];
    sha256(STR(""), digest);
    check_hex(digest, sizeof digest,
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256(STR("abc"), digest);
    check_hex(digest, sizeof digest,
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), digest);
    check_hex(digest, sizeof digest,
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    struct sha256 sha;
    sha256_init(&sha);
    for (int i = 0; i < 1000000; i++)
        sha256_add(&sha, STR("a"));
    sha256_end(&sha, digest);
    check_hex(digest, sizeof digest,
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_hmac(void **state)
{
    (void)state;
    unsigned char digest[SHA256_BYTES];
    char key[131];
    hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), digest);
    check_hex(digest, sizeof digest,
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    hmac_sha256((struct str){key, sizeof key},
                STR("Test Using Larger Than Block-Size Key - Hash Key First"), digest);
    check_hex(digest, sizeof digest,
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_siphash(void **state)
{
    (void)state;
    unsigned char key[SIPHASH_KEY_BYTES];
    char bytes[15];
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (unsigned char)i;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    assert_true(siphash(key, (struct str){bytes, sizeof bytes}) == UINT64_C(0xa129ca6149be45e5));
    assert_true(siphash(key, (struct str){0}) == UINT64_C(0x726fdb47dd0e0e31));
    assert_true(hash_process(STR("a")) == hash_process(STR("a")));
    assert_true(hash_process(STR("a")) != hash_process(STR("b")));
}

static void test_hex(void **state)
{
    (void)state;
    unsigned char bytes[3] = {9, 9, 9};
    assert_true(hex_decode(STR("00fFa1"), bytes, 3));
    assert_memory_equal(bytes, "\x00\xff\xa1", 3);
    static const char *const refused[] = {"00ffa", "00ffa1b2", "00ffag", "00 fa1", "", "0x00ff"};
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
        assert_false(hex_decode(str_of(refused[i]), bytes, 3));
}

static void test_base64(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    struct buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
        buf_reset(&out);
        buf_base64(&out, str_of(pairs[i][0]));
        assert_str(buf_view(&out), pairs[i][1]);
        buf_reset(&out);
        assert_true(base64_decode(&out, str_of(pairs[i][1])));
        assert_str(buf_view(&out), pairs[i][0]);
    }
    buf_reset(&out);
    buf_base64url(&out, STR("\xfb\xff"));
    assert_str(buf_view(&out), "-_8");
    static const char *const refused[] = {"Zg",       "Zg=",     "Zg===",    "Z",    "Zm9v YmFy",
                                          "Zm9v\n",   "Zm9vYg=", "-_8=",     "Zh==", "=",
                                          "Zm9v====", "Z=g=",    "Zm9v\x80", "Zm9vZ"};
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        buf_reset(&out);
        if (base64_decode(&out, str_of(refused[i]))) {
            print_error("taken: %s\n", refused[i]);
            fail();
        }
    }
    buf_free(&out);
}

static void test_random_and_comparison(void **state)
{
    (void)state;
    unsigned char a[32], b[32];
    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_false(equal_in_constant_time(a, b, sizeof a));
    memcpy(b, a, sizeof a);
    assert_true(equal_in_constant_time(a, b, sizeof a));
    b[31] ^= 1;
    assert_false(equal_in_constant_time(a, b, sizeof a));
    assert_true(equal_in_constant_time(a, b, 31));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),  cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_siphash), cmocka_unit_test(test_hex),
        cmocka_unit_test(test_base64),  cmocka_unit_test(test_random_and_comparison),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
