/* keys.c - the secrets of one gateway: made once, kept in guarded memory, used for signing, names, tokens.
 *
 * Called by the doors. Never logs a secret, never hands out more than a pointer into guarded memory.
 *
 *   samlarm.keys=1          format
 *   sign=<64 hex>           seed of the Ed25519 pair that signs checkpoints and reports
 *   token=<64 hex>          key of session tokens
 *   name=<64 hex>           key of pseudonyms
 *   check=<32 hex>          BLAKE2b-128 of all lines above: a rotten key must not pass for another one
 */
#include "io/keys.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "io/keys_file.h"

enum { SEED = 32, CHECK = 16, FILE_ROOM = 1024, MAC_HEX = 2 * KEY_MAC };

struct keys {
    uint8_t secret[KEY_SIGN_SECRET];
    uint8_t public[KEY_SIGN_PUBLIC];
    uint8_t token[KEY_MAC];
    uint8_t name[KEY_MAC];
    uint8_t seed[SEED];
    uint8_t file[FILE_ROOM]; /* the text, while it is read or written; wiped after */
};

static const char file_name[] = "keys";

static void put_check(struct buf *text)
{
    uint8_t check[CHECK];
    crypto_generichash(check, sizeof check, text->at, text->len, NULL, 0);
    buf_put_str(text, "check=");
    buf_put_hex(text, slice_of(check, sizeof check));
    buf_put_str(text, "\n");
}

static void put_key(struct buf *text, const char *name, const uint8_t *key)
{
    buf_put_str(text, name);
    buf_put_hex(text, slice_of(key, SEED));
    buf_put_str(text, "\n");
}

static void put_file(struct buf *text, const struct keys *keys)
{
    buf_put_str(text, "samlarm.keys=1\n");
    put_key(text, "sign=", keys->seed);
    put_key(text, "token=", keys->token);
    put_key(text, "name=", keys->name);
    put_check(text);
}

static bool take_key(struct slice *rest, const char *name, uint8_t *ret_key)
{
    struct slice line = slice_cut(rest, '\n');
    size_t len = 0;
    return slice_starts(line, name) &&
           hex_decode(slice_from(line, strlen(name)), ret_key, SEED, &len) == ERR_OK && len == SEED;
}

/* The file must be, byte for byte, what we would write for the keys in it. */
static enum err take_file(struct keys *keys, struct slice text)
{
    struct slice rest = text;
    if (!slice_eq_str(slice_cut(&rest, '\n'), "samlarm.keys=1")) {
        return slice_starts(text, "samlarm.keys=") ? ERR_UNSUPPORTED : ERR_SYNTAX;
    }
    if (!take_key(&rest, "sign=", keys->seed) || !take_key(&rest, "token=", keys->token) ||
        !take_key(&rest, "name=", keys->name)) {
        return ERR_SYNTAX;
    }
    uint8_t wanted[FILE_ROOM];
    struct buf again = buf_of(wanted, sizeof wanted);
    put_file(&again, keys);
    bool is_same = slice_eq(buf_slice(&again), text);
    sodium_memzero(wanted, sizeof wanted);
    return is_same ? ERR_OK : ERR_CHECKSUM;
}

static enum err make_file(struct keys *keys, const char *dir, char *ret_why, size_t why_room)
{
    randombytes_buf(keys->seed, sizeof keys->seed);
    randombytes_buf(keys->token, sizeof keys->token);
    randombytes_buf(keys->name, sizeof keys->name);
    struct buf text = buf_of(keys->file, sizeof keys->file);
    put_file(&text, keys);
    enum err err = keys_file_replace(dir, file_name, buf_slice(&text));
    if (err != ERR_OK) {
        snprintf(ret_why, why_room, "The secrets cannot be written to %s/keys: %s.", dir,
                 err == ERR_FULL ? "the disk is full" : strerror(errno));
    }
    return err;
}

static enum err load(struct keys *keys, const char *dir, char *ret_why, size_t why_room)
{
    struct buf text = buf_of(keys->file, sizeof keys->file);
    enum err err = keys_file_read(dir, file_name, &text, ret_why, why_room);
    if (err == ERR_NOT_FOUND) {
        return make_file(keys, dir, ret_why, why_room);
    }
    if (err != ERR_OK) {
        return err;
    }
    err = take_file(keys, buf_slice(&text));
    if (err == ERR_UNSUPPORTED) {
        snprintf(ret_why, why_room,
                 "The secrets in %s/keys were made by a newer Samlarm. Start the newer version.",
                 dir);
    } else if (err != ERR_OK) {
        snprintf(
            ret_why, why_room,
            "The secrets in %s/keys are damaged. Put the file back from your backup; without it "
            "old signatures cannot be continued.",
            dir);
    }
    return err;
}

enum err keys_open(const char *dir, struct keys **ret_keys, char *ret_why, size_t why_room)
{
    ret_why[0] = '\0';
    struct keys *keys = sodium_init() < 0 ? NULL : sodium_malloc(sizeof *keys);
    if (keys == NULL) {
        snprintf(ret_why, why_room,
                 "There is no guarded memory for the secrets: raise the limit of "
                 "locked memory (ulimit -l).");
        return ERR_FULL;
    }
    sodium_memzero(keys, sizeof *keys);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        snprintf(ret_why, why_room, "The folder %s cannot be made: %s.", dir, strerror(errno));
        keys_close(keys);
        return ERR_IO;
    }
    enum err err = load(keys, dir, ret_why, why_room);
    if (err != ERR_OK) {
        keys_close(keys);
        return err;
    }
    crypto_sign_seed_keypair(keys->public, keys->secret, keys->seed);
    sodium_memzero(keys->seed, sizeof keys->seed);
    sodium_memzero(keys->file, sizeof keys->file);
    sodium_mprotect_readonly(keys);
    *ret_keys = keys;
    return ERR_OK;
}

void keys_close(struct keys *keys)
{
    sodium_free(keys); /* wipes; NULL is fine */
}

const uint8_t *keys_sign_secret(const struct keys *keys)
{
    return keys->secret;
}

const uint8_t *keys_sign_public(const struct keys *keys)
{
    return keys->public;
}

void keys_pseudonym(const struct keys *keys, const char *domain, struct slice name, char *ret_text,
                    size_t room)
{
    /* Without letters that are read for one another. */
    static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
    enum { LETTERS = 10 };
    uint8_t hash[crypto_generichash_BYTES];
    crypto_generichash_state state;
    crypto_generichash_init(&state, keys->name, sizeof keys->name, sizeof hash);
    crypto_generichash_update(&state, (const uint8_t *)domain, strlen(domain) + 1);
    if (name.len > 0) {
        crypto_generichash_update(&state, name.at, name.len);
    }
    crypto_generichash_final(&state, hash, sizeof hash);
    size_t len = room <= LETTERS ? (room > 0 ? room - 1 : 0) : LETTERS;
    for (size_t i = 0; i < len; i++) {
        ret_text[i] = letters[hash[i] & 31];
    }
    if (room > 0) {
        ret_text[len] = '\0';
    }
}

bool keys_is_staff(struct slice staff)
{
    for (size_t i = 0; i < staff.len; i++) {
        uint8_t c = staff.at[i];
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                        (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.' || c == '@';
        if (!is_plain) {
            return false;
        }
    }
    return staff.len > 0 && staff.len <= KEYS_STAFF_MAX;
}

static void put_mac(const struct keys *keys, const char *purpose, struct slice claim,
                    uint8_t ret_mac[KEY_MAC])
{
    static const char domain[] = "samlarm.token.1";
    crypto_auth_hmacsha512256_state state;
    crypto_auth_hmacsha512256_init(&state, keys->token, sizeof keys->token);
    crypto_auth_hmacsha512256_update(&state, (const uint8_t *)domain, sizeof domain);
    crypto_auth_hmacsha512256_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1);
    crypto_auth_hmacsha512256_update(&state, claim.at, claim.len);
    crypto_auth_hmacsha512256_final(&state, ret_mac);
}

enum err keys_token_make(const struct keys *keys, const char *purpose, const char *staff,
                         int64_t expires_wall_ms, struct buf *out)
{
    if (!keys_is_staff(slice_str(staff)) || expires_wall_ms < 0) {
        return ERR_RANGE;
    }
    uint8_t room[KEYS_STAFF_MAX + 32];
    struct buf claim = buf_of(room, sizeof room);
    buf_put_str(&claim, staff);
    buf_put_str(&claim, ".");
    buf_put_i64(&claim, expires_wall_ms);
    uint8_t mac[KEY_MAC];
    put_mac(keys, purpose, buf_slice(&claim), mac);
    buf_put_slice(out, buf_slice(&claim));
    buf_put_str(out, ".");
    buf_put_hex(out, slice_of(mac, sizeof mac));
    return out->is_full ? ERR_FULL : ERR_OK;
}

enum err keys_token_check(const struct keys *keys, const char *purpose, struct slice token,
                          int64_t wall_ms, char *ret_staff, size_t staff_room)
{
    if (token.len < MAC_HEX + 4 || token.len > KEYS_STAFF_MAX + 32 + MAC_HEX) {
        return ERR_AUTH;
    }
    struct slice claim = slice_of(token.at, token.len - MAC_HEX - 1);
    uint8_t given[KEY_MAC];
    uint8_t mac[KEY_MAC];
    size_t len = 0;
    put_mac(keys, purpose, claim, mac);
    if (token.at[claim.len] != '.' ||
        hex_decode(slice_from(token, claim.len + 1), given, sizeof given, &len) != ERR_OK ||
        len != sizeof given || sodium_memcmp(given, mac, sizeof mac) != 0) {
        return ERR_AUTH;
    }
    /* From here on it is what we made ourselves: a name, which may hold points, and a number. */
    size_t point = claim.len;
    while (point > 0 && claim.at[point - 1] != '.') {
        point--;
    }
    uint64_t expires = 0;
    if (point < 2 || slice_u64(slice_from(claim, point), INT64_MAX, &expires) != ERR_OK ||
        wall_ms >= (int64_t)expires) {
        return ERR_AUTH;
    }
    return slice_text(slice_of(claim.at, point - 1), ret_staff, staff_room) == ERR_OK ? ERR_OK
                                                                                      : ERR_AUTH;
}
