/* crypt.c - AES by OpenSSL, HMAC and Ed25519 by libsodium. Every caller's buffer, nothing kept. */
#define OPENSSL_SUPPRESS_DEPRECATED /* EVP would allocate; thought has no heap */
#include "base/crypt.h"

#include <openssl/aes.h>
#include <sodium.h>
#include <string.h>

static bool is_aes(struct slice key, struct slice in)
{
    return (key.len == 16 || key.len == 24 || key.len == 32) && in.len % AES_BLOCK == 0;
}

enum err aes_cbc_encrypt(struct slice key, struct slice in, uint8_t *ret_out)
{
    AES_KEY schedule;
    uint8_t vector[AES_BLOCK] = {0};
    if (!is_aes(key, in) || AES_set_encrypt_key(key.at, (int)key.len * 8, &schedule) != 0) {
        return ERR_RANGE;
    }
    AES_cbc_encrypt(in.at, ret_out, in.len, &schedule, vector, AES_ENCRYPT);
    sodium_memzero(&schedule, sizeof schedule);
    return ERR_OK;
}

enum err aes_cbc_decrypt(struct slice key, struct slice in, uint8_t *ret_out)
{
    AES_KEY schedule;
    uint8_t vector[AES_BLOCK] = {0};
    if (!is_aes(key, in) || AES_set_decrypt_key(key.at, (int)key.len * 8, &schedule) != 0) {
        return ERR_RANGE;
    }
    AES_cbc_encrypt(in.at, ret_out, in.len, &schedule, vector, AES_DECRYPT);
    sodium_memzero(&schedule, sizeof schedule);
    return ERR_OK;
}

void hmac_sha256(struct slice key, struct slice text, uint8_t ret_mac[HMAC_SHA256_LEN])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key.at, key.len);
    crypto_auth_hmacsha256_update(&state, text.at, text.len);
    crypto_auth_hmacsha256_final(&state, ret_mac);
    sodium_memzero(&state, sizeof state);
}

bool ed25519_verify(struct slice key, struct slice text, struct slice signature)
{
    return key.len == ED25519_KEY_LEN && signature.len == ED25519_SIGNATURE_LEN &&
           crypto_sign_verify_detached(signature.at, text.at, text.len, key.at) == 0;
}

void ed25519_sign(const uint8_t seed[ED25519_SEED_LEN], struct slice text,
                  uint8_t ret_key[ED25519_KEY_LEN], uint8_t ret_signature[ED25519_SIGNATURE_LEN])
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    crypto_sign_seed_keypair(ret_key, secret, seed);
    crypto_sign_detached(ret_signature, NULL, text.at, text.len, secret);
    sodium_memzero(secret, sizeof secret);
}

bool secret_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.at, b.at, a.len) == 0);
}
