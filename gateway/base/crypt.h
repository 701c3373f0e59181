/* crypt.h - the ciphers and signatures that dialects demand: one home for all of them.
 *
 * Pure: the caller's buffers, no heap, no randomness, no state. AES is OpenSSL's block cipher through its
 * old interface, because the new one allocates; the rest is libsodium's.
 */
#pragma once

#include "base/bytes.h"

enum {
    AES_BLOCK = 16,
    HMAC_SHA256_LEN = 32,
    ED25519_KEY_LEN = 32, /* public */
    ED25519_SEED_LEN = 32,
    ED25519_SIGNATURE_LEN = 64
};

/* AES in CBC mode with a zero start vector and no padding of its own, as SIA DC-09 wants it (facts:
 * protocols.md 4.4). `key` is 16, 24 or 32 bytes, `in` a multiple of 16; `ret_out` has room for
 * in.len bytes and may be `in` itself. ERR_RANGE for any other length. */
enum err aes_cbc_encrypt(struct slice key, struct slice in, uint8_t *ret_out) MUST_USE;
enum err aes_cbc_decrypt(struct slice key, struct slice in, uint8_t *ret_out) MUST_USE;

/* HMAC-SHA-256 (RFC 2104), key of any length. */
void hmac_sha256(struct slice key, struct slice text, uint8_t ret_mac[HMAC_SHA256_LEN]);

/* Ed25519 (RFC 8032) over `text`. Verifying: false for a key or signature of another length, too. */
bool ed25519_verify(struct slice key, struct slice text, struct slice signature);
/* The public key and the signature that belong to a seed. */
void ed25519_sign(const uint8_t seed[ED25519_SEED_LEN], struct slice text,
                  uint8_t ret_key[ED25519_KEY_LEN], uint8_t ret_signature[ED25519_SIGNATURE_LEN]);

/* Compares secrets in a time that depends on the lengths alone. */
bool secret_eq(struct slice a, struct slice b);
