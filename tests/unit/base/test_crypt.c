/* test_crypt.c - check sums, ciphers and signatures against published vectors. */
#include <string.h>

#include "base/crypt.h"
#include "base/sum.h"
#include "unit/sentences.h"

static struct slice hex(const char *text, uint8_t *room)
{
    size_t len = 0;
    assert_int_equal(hex_decode(slice_str(text), room, 256, &len), ERR_OK);
    return slice_of(room, len);
}

static void check_sums_have_their_catalogue_values(void **state)
{
    (void)state;
    assert_int_equal(crc16_arc(slice_str("123456789")), 0xbb3d);
    assert_int_equal(crc16_xmodem(slice_str("123456789")), 0x31c3);
    assert_int_equal(crc16_arc(slice_str("")), 0);
    assert_int_equal(crc16_xmodem(slice_str("")), 0);
}

/* NIST SP 800-38A F.2 has another start vector; its first block of ECB is our CBC with a zero one. */
static void aes_of_all_three_lengths_is_the_standards(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {
        {"2b7e151628aed2a6abf7158809cf4f3c", "3ad77bb40d7a3660a89ecaf32466ef97"},
        {"8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", "bd334f1d6e45f25ff712a214571fa5cc"},
        {"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
         "f3eed1bdb5d2a03c064b5a7e3db181f8"}};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t key_room[256];
        uint8_t text_room[256];
        uint8_t out[16];
        struct slice key = hex(vectors[i][0], key_room);
        struct slice text = hex("6bc1bee22e409f96e93d7e117393172a", text_room);
        char said[40];
        struct buf b = buf_of(said, sizeof said);
        assert_int_equal(aes_cbc_encrypt(key, text, out), ERR_OK);
        buf_put_hex(&b, slice_of(out, sizeof out));
        assert_slice(buf_slice(&b), vectors[i][1]);
        assert_int_equal(aes_cbc_decrypt(key, slice_of(out, sizeof out), out), ERR_OK);
        assert_memory_equal(out, text.at, sizeof out);
    }
}

static void blocks_are_chained_and_other_lengths_refused(void **state)
{
    (void)state;
    uint8_t same[32];
    uint8_t out[32];
    memset(same, 'a', sizeof same);
    struct slice key = slice_str("0123456789abcdef");
    assert_int_equal(aes_cbc_encrypt(key, slice_of(same, sizeof same), out), ERR_OK);
    assert_memory_not_equal(out, out + 16, 16);
    assert_int_equal(aes_cbc_decrypt(key, slice_of(out, sizeof out), out), ERR_OK);
    assert_memory_equal(out, same, sizeof same);
    assert_int_equal(aes_cbc_encrypt(key, slice_of(same, 15), out), ERR_RANGE);
    assert_int_equal(aes_cbc_decrypt(slice_str("short"), slice_of(same, 16), out), ERR_RANGE);
}

/* RFC 4231, test cases 1 and 2 */
static void hmac_is_the_rfcs(void **state)
{
    (void)state;
    uint8_t key_room[256];
    uint8_t mac[HMAC_SHA256_LEN];
    char said[70];
    struct buf b = buf_of(said, sizeof said);
    hmac_sha256(hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", key_room), slice_str("Hi There"),
                mac);
    buf_put_hex(&b, slice_of(mac, sizeof mac));
    assert_slice(buf_slice(&b), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    b = buf_of(said, sizeof said);
    hmac_sha256(slice_str("Jefe"), slice_str("what do ya want for nothing?"), mac);
    buf_put_hex(&b, slice_of(mac, sizeof mac));
    assert_slice(buf_slice(&b), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* RFC 8032 section 7.1, test 1 */
static void signature_is_the_rfcs_and_any_change_breaks_it(void **state)
{
    (void)state;
    uint8_t seed[256];
    uint8_t wanted[256];
    uint8_t key[ED25519_KEY_LEN];
    uint8_t signature[ED25519_SIGNATURE_LEN];
    (void)hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", seed);
    ed25519_sign(seed, slice_str(""), key, signature);
    struct slice made = hex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
                            wanted);
    assert_memory_equal(signature, made.at, sizeof signature);
    struct slice public_key = slice_of(key, sizeof key);
    struct slice mark = slice_of(signature, sizeof signature);
    assert_true(ed25519_verify(public_key, slice_str(""), mark));
    assert_false(ed25519_verify(public_key, slice_str("x"), mark));
    assert_false(ed25519_verify(public_key, slice_str(""), slice_of(signature, 63)));
    signature[5] ^= 1;
    assert_false(ed25519_verify(public_key, slice_str(""), mark));
}

static void secrets_are_compared_whole(void **state)
{
    (void)state;
    assert_true(secret_eq(slice_str("abc"), slice_str("abc")));
    assert_false(secret_eq(slice_str("abc"), slice_str("abd")));
    assert_false(secret_eq(slice_str("abc"), slice_str("ab")));
    assert_true(secret_eq(slice_of(NULL, 0), slice_str("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_sums_have_their_catalogue_values),
        cmocka_unit_test(aes_of_all_three_lengths_is_the_standards),
        cmocka_unit_test(blocks_are_chained_and_other_lengths_refused),
        cmocka_unit_test(hmac_is_the_rfcs),
        cmocka_unit_test(signature_is_the_rfcs_and_any_change_breaks_it),
        cmocka_unit_test(secrets_are_compared_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
