/* sip_digest.h - who sends: HTTP digest with MD5 (RFC 2617), as SCAIP devices speak it.
 *
 * Called by sip_server.c. Nonces carry their own time and a MAC, so none is kept until it is used;
 * the last DIGEST_USES used ones are kept against replay.
 */
#pragma once

#include "base/bytes.h"

enum { DIGEST_USES = 512, DIGEST_LIFE_MS = 300000, DIGEST_REALM_ROOM = 64, DIGEST_PRINT = 16 };

struct sip_digest_user;

struct digest_use {
    uint8_t nonce[16]; /* its MAC */
    uint32_t count;    /* the highest nc seen */
    uint8_t print[DIGEST_PRINT];
};

struct sip_digest {
    uint8_t key[32];
    char realm[DIGEST_REALM_ROOM];
    const struct sip_digest_user *users;
    struct digest_use uses[DIGEST_USES];
    size_t next_use;
};

void sip_digest_init(struct sip_digest *digest, const char *realm,
                     const struct sip_digest_user *users);
void sip_digest_finish(struct sip_digest *digest);
/* "WWW-Authenticate: ...", with its CRLF. */
void sip_digest_challenge(const struct sip_digest *digest, int64_t mono_ms, bool is_stale,
                          struct buf *out);
/* Is `authorization` the proof of a known user for `method`? `print` tells requests apart: the same
 * one repeated is no replay. ERR_AUTH: no or wrong; *ret_is_stale: right, but the nonce is old or
 * used. */
enum err sip_digest_check(struct sip_digest *digest, struct slice authorization,
                          struct slice method, const uint8_t *print, int64_t mono_ms,
                          bool *ret_is_stale) MUST_USE;
/* Hex of MD5(user:realm:password), MD5(method:uri) and what follows of them; `ret_hex` has 33. An
 * empty `count` means the older form without qop. Public for the tests and the stubs. */
struct digest_answer {
    struct slice user, realm, password, method, uri, nonce, count, cnonce;
};
void sip_digest_answer(const struct digest_answer *parts, char *ret_hex);
