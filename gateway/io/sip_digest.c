/* sip_digest.c - HTTP digest with MD5; see sip_digest.h. MD5 is what the standard names: it keeps
 * out the mistaken, not the determined, for whom there is TLS.
 */
#include "io/sip_digest.h"

#include "io/sip.h"

#include <osipparser2/osip_md5.h>
#include <osipparser2/osip_parser.h>
#include <sodium.h>
#include <string.h>

enum { MAC_LEN = 16, TIME_HEX = 16, NONCE_LEN = TIME_HEX + 2 * MAC_LEN };

void sip_digest_init(struct sip_digest *digest, const char *realm,
                     const struct sip_digest_user *users)
{
    *digest = (struct sip_digest){.users = users};
    randombytes_buf(digest->key, sizeof digest->key);
    (void)slice_text(slice_str(realm != NULL ? realm : "samlarm"), digest->realm,
                     sizeof digest->realm);
}

void sip_digest_finish(struct sip_digest *digest)
{
    sodium_memzero(digest, sizeof *digest);
}

static void md5_add(osip_MD5_CTX *context, struct slice part)
{
    if (part.len > 0) {
        /* libosip2 takes it without const, and only reads. */
        osip_MD5Update(context, (unsigned char *)(uintptr_t)part.at, (unsigned)part.len);
    }
}

static void md5_join(const struct slice *parts, size_t count, char *ret_hex)
{
    osip_MD5_CTX context;
    uint8_t sum[16];
    osip_MD5Init(&context);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            md5_add(&context, slice_str(":"));
        }
        md5_add(&context, parts[i]);
    }
    osip_MD5Final(sum, &context);
    sodium_bin2hex(ret_hex, 33, sum, sizeof sum);
    sodium_memzero(sum, sizeof sum);
}

void sip_digest_answer(const struct digest_answer *p, char *ret_hex)
{
    char secret[33];
    char asked[33];
    struct slice one[] = {p->user, p->realm, p->password};
    struct slice two[] = {p->method, p->uri};
    md5_join(one, 3, secret);
    md5_join(two, 2, asked);
    if (p->count.len > 0) {
        struct slice all[] = {slice_str(secret), p->nonce,          p->count,
                              p->cnonce,         slice_str("auth"), slice_str(asked)};
        md5_join(all, 6, ret_hex);
    } else {
        struct slice all[] = {slice_str(secret), p->nonce, slice_str(asked)};
        md5_join(all, 3, ret_hex);
    }
    sodium_memzero(secret, sizeof secret);
}

static void make_nonce(const struct sip_digest *digest, uint64_t at_ms, uint8_t *ret_mac)
{
    crypto_generichash(ret_mac, MAC_LEN, (const uint8_t *)&at_ms, sizeof at_ms, digest->key,
                       sizeof digest->key);
}

void sip_digest_challenge(const struct sip_digest *digest, int64_t mono_ms, bool is_stale,
                          struct buf *out)
{
    uint8_t mac[MAC_LEN];
    uint8_t time[8];
    for (size_t i = 0; i < 8; i++) {
        time[i] = (uint8_t)((uint64_t)mono_ms >> (56 - 8 * i));
    }
    make_nonce(digest, (uint64_t)mono_ms, mac);
    buf_put_str(out, "WWW-Authenticate: Digest realm=\"");
    buf_put_str(out, digest->realm);
    buf_put_str(out, "\", nonce=\"");
    buf_put_hex(out, slice_of(time, sizeof time));
    buf_put_hex(out, slice_of(mac, sizeof mac));
    buf_put_str(out, "\", algorithm=MD5, qop=\"auth\"");
    buf_put_str(out, is_stale ? ", stale=true\r\n" : "\r\n");
}

static struct slice unquote(const char *text)
{
    struct slice a = slice_trim(slice_str(text));
    if (a.len >= 2 && a.at[0] == '"' && a.at[a.len - 1] == '"') {
        a = slice_of(a.at + 1, a.len - 2);
    }
    return a;
}

/* Ours, and made when? */
static bool read_nonce(const struct sip_digest *digest, struct slice nonce, int64_t *ret_made_ms,
                       uint8_t *ret_mac)
{
    uint8_t bytes[NONCE_LEN / 2];
    uint8_t mac[MAC_LEN];
    size_t len = 0;
    if (nonce.len != NONCE_LEN || hex_decode(nonce, bytes, sizeof bytes, &len) != ERR_OK ||
        len != sizeof bytes) {
        return false;
    }
    uint64_t made_ms = 0;
    for (size_t i = 0; i < 8; i++) {
        made_ms = made_ms << 8 | bytes[i];
    }
    make_nonce(digest, made_ms, mac);
    if (sodium_memcmp(mac, bytes + 8, MAC_LEN) != 0) {
        return false;
    }
    memcpy(ret_mac, mac, MAC_LEN);
    *ret_made_ms = (int64_t)made_ms;
    return true;
}

/* Takes note of this use. False: this nonce was used with as high a count before, by another
 * request. */
static bool is_fresh_use(struct sip_digest *digest, const uint8_t *mac, uint32_t count,
                         const uint8_t *print)
{
    for (size_t i = 0; i < DIGEST_USES; i++) {
        struct digest_use *use = &digest->uses[i];
        if (use->count == 0 || memcmp(use->nonce, mac, MAC_LEN) != 0) {
            continue;
        }
        if (count < use->count ||
            (count == use->count && memcmp(use->print, print, DIGEST_PRINT) != 0)) {
            return false;
        }
        use->count = count;
        memcpy(use->print, print, DIGEST_PRINT);
        return true;
    }
    struct digest_use *use = &digest->uses[digest->next_use];
    digest->next_use = (digest->next_use + 1) % DIGEST_USES;
    memcpy(use->nonce, mac, MAC_LEN);
    memcpy(use->print, print, DIGEST_PRINT);
    use->count = count;
    return true;
}

static const char *password_of(const struct sip_digest *digest, struct slice user)
{
    for (const struct sip_digest_user *u = digest->users; u != NULL && u->user != NULL; u++) {
        if (slice_eq_str(user, u->user)) {
            return u->password;
        }
    }
    return NULL;
}

static bool read_count(struct slice text, uint32_t *ret_count)
{
    uint8_t bytes[4];
    size_t len = 0;
    if (text.len != 8 || hex_decode(text, bytes, sizeof bytes, &len) != ERR_OK) {
        return false;
    }
    *ret_count =
        (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    return *ret_count > 0;
}

static enum err check_parsed(struct sip_digest *digest, const osip_authorization_t *given,
                             struct slice method, const uint8_t *print, int64_t mono_ms,
                             bool *ret_is_stale)
{
    struct digest_answer parts = {
        .user = unquote(given->username),
        .realm = slice_str(digest->realm),
        .method = method,
        .uri = unquote(given->uri),
        .nonce = unquote(given->nonce),
        .cnonce = unquote(given->cnonce),
    };
    uint8_t mac[MAC_LEN];
    int64_t made_ms = 0;
    uint32_t count = 1;
    if (given->message_qop != NULL) {
        parts.count = unquote(given->nonce_count);
        if (!slice_eq_nocase(unquote(given->message_qop), "auth") ||
            !read_count(parts.count, &count)) {
            return ERR_AUTH;
        }
    }
    if (!read_nonce(digest, parts.nonce, &made_ms, mac)) {
        return ERR_AUTH;
    }
    const char *password = password_of(digest, parts.user);
    parts.password = slice_str(password != NULL ? password : "");
    char wanted[33];
    sip_digest_answer(&parts, wanted);
    struct slice response = unquote(given->response);
    bool is_right = response.len == 32 && sodium_memcmp(response.at, wanted, 32) == 0;
    if (!is_right || password == NULL) {
        return ERR_AUTH;
    }
    *ret_is_stale = mono_ms - made_ms > DIGEST_LIFE_MS || made_ms > mono_ms ||
                    !is_fresh_use(digest, mac, count, print);
    return *ret_is_stale ? ERR_AUTH : ERR_OK;
}

enum err sip_digest_check(struct sip_digest *digest, struct slice authorization,
                          struct slice method, const uint8_t *print, int64_t mono_ms,
                          bool *ret_is_stale)
{
    *ret_is_stale = false;
    char text[2048];
    osip_authorization_t *given = NULL;
    enum err err = ERR_AUTH;
    if (authorization.len < 7 || slice_text(authorization, text, sizeof text) != ERR_OK ||
        !slice_eq_nocase(slice_of(text, 7), "digest ")) {
        return ERR_AUTH;
    }
    if (osip_authorization_init(&given) != OSIP_SUCCESS) {
        return ERR_AUTH;
    }
    if (osip_authorization_parse(given, text) == OSIP_SUCCESS) {
        err = check_parsed(digest, given, method, print, mono_ms, ret_is_stale);
    }
    osip_authorization_free(given);
    return err;
}
