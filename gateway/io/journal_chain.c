/* journal_chain.c - what is hashed and what is signed, byte by byte.
 *
 * Called by the journal's thread and by journal_verify. Never touches a file or a clock.
 *
 * A record; all numbers little endian, negative ones as two's complement:
 *
 *   0         32        40     44        52                68     72
 *   +---------+---------+------+---------+-----------------+------+---------------+
 *   | hash of | seq     | type | at_ms   | key             | len  | bytes         |
 *   | seq - 1 | u64     | i32  | i64     | 16 bytes        | u32  | len of them   |
 *   +---------+---------+------+---------+-----------------+------+---------------+
 *
 *   hash of a row = BLAKE2b-256 of its record
 *   hash before row 1 = BLAKE2b-256 of the 17 bytes "samlarm.journal.1"
 *
 * A checkpoint says "the chain stood here then". Its Ed25519 signature is over 65 bytes:
 *
 *   0                   17        25                       57        65
 *   +-------------------+---------+------------------------+---------+
 *   | samlarm.journal.1 | seq u64 | hash of row seq        | at_ms   |
 *   +-------------------+---------+------------------------+---------+
 *
 * In SQLite a key of sixteen zeros is NULL; the hash of each row stands beside it, so that a changed
 * row is found where it stands and the rows after it can still be trusted.
 */
#include "io/journal_chain.h"

#include <sodium.h>
#include <string.h>

static const char domain[] = "samlarm.journal.1";

enum { DOMAIN_LEN = sizeof(domain) - 1, MARK_LEN = DOMAIN_LEN + 8 + CHAIN_HASH + 8 };

static void put_little(uint8_t *at, uint64_t value, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t get_little(const uint8_t *at, unsigned len)
{
    uint64_t value = 0;
    for (unsigned i = len; i > 0; i--) {
        value = value << 8 | at[i - 1];
    }
    return value;
}

void journal_chain_start(uint8_t ret_hash[CHAIN_HASH])
{
    crypto_generichash(ret_hash, CHAIN_HASH, (const uint8_t *)domain, DOMAIN_LEN, NULL, 0);
}

void journal_chain_put_head(uint8_t *ret_head, const struct journal_row *row)
{
    memset(ret_head, 0, CHAIN_HASH);
    put_little(ret_head + CHAIN_AT_SEQ, row->seq, 8);
    put_little(ret_head + CHAIN_AT_TYPE, (uint32_t)row->type, 4);
    put_little(ret_head + CHAIN_AT_TIME, (uint64_t)row->at_ms, 8);
    memcpy(ret_head + CHAIN_AT_KEY, row->key, sizeof row->key);
    put_little(ret_head + CHAIN_AT_LEN, row->bytes.len, 4);
}

void journal_chain_get_row(const uint8_t *record, struct journal_row *ret_row)
{
    ret_row->seq = get_little(record + CHAIN_AT_SEQ, 8);
    ret_row->type = (int)(int32_t)get_little(record + CHAIN_AT_TYPE, 4);
    ret_row->at_ms = (int64_t)get_little(record + CHAIN_AT_TIME, 8);
    memcpy(ret_row->key, record + CHAIN_AT_KEY, sizeof ret_row->key);
    ret_row->bytes = slice_of(record + CHAIN_HEAD, (size_t)get_little(record + CHAIN_AT_LEN, 4));
}

void journal_chain_step(const uint8_t before[CHAIN_HASH], const struct journal_row *row,
                        uint8_t ret_hash[CHAIN_HASH])
{
    uint8_t head[CHAIN_HEAD];
    journal_chain_put_head(head, row);
    memcpy(head, before, CHAIN_HASH);

    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, CHAIN_HASH);
    crypto_generichash_update(&state, head, sizeof head);
    if (row->bytes.len > 0) {
        crypto_generichash_update(&state, row->bytes.at, row->bytes.len);
    }
    crypto_generichash_final(&state, ret_hash, CHAIN_HASH);
}

static void put_mark(uint8_t *ret_text, const struct journal_mark *mark)
{
    memcpy(ret_text, domain, DOMAIN_LEN);
    put_little(ret_text + DOMAIN_LEN, mark->seq, 8);
    memcpy(ret_text + DOMAIN_LEN + 8, mark->hash, CHAIN_HASH);
    put_little(ret_text + DOMAIN_LEN + 8 + CHAIN_HASH, (uint64_t)mark->at_ms, 8);
}

void journal_chain_sign(struct journal_mark *mark, const uint8_t *secret)
{
    uint8_t text[MARK_LEN];
    put_mark(text, mark);
    crypto_sign_detached(mark->signature, NULL, text, sizeof text, secret);
}

bool journal_chain_is_signed(const struct journal_mark *mark, const uint8_t *sign_public)
{
    uint8_t text[MARK_LEN];
    put_mark(text, mark);
    return crypto_sign_verify_detached(mark->signature, text, sizeof text, sign_public) == 0;
}
