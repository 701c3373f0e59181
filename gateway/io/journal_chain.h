/* journal_chain.h - the hash chain over rows and the signed checkpoints: one layout, used everywhere.
 *
 * Called by the journal's thread (write) and by journal_verify (check). Never touches a file.
 */
#pragma once

#include "io/journal.h"

enum {
    CHAIN_HASH = 32,
    CHAIN_SIGNATURE = 64,
    CHAIN_HEAD = 72, /* bytes of a record before its content */
    CHAIN_AT_SEQ = 32,
    CHAIN_AT_TYPE = 40,
    CHAIN_AT_TIME = 44,
    CHAIN_AT_KEY = 52,
    CHAIN_AT_LEN = 68,
};

/* The hash "before row 1". */
void journal_chain_start(uint8_t ret_hash[CHAIN_HASH]);

/* Writes the head with the place of the previous hash left as zeros, and reads it back. `record` holds
 * CHAIN_HEAD bytes and, for reading, the content behind them; the row borrows from it. */
void journal_chain_put_head(uint8_t *ret_head, const struct journal_row *row);
void journal_chain_get_row(const uint8_t *record, struct journal_row *ret_row);

void journal_chain_step(const uint8_t before[CHAIN_HASH], const struct journal_row *row,
                        uint8_t ret_hash[CHAIN_HASH]);

struct journal_mark {
    uint64_t seq;
    int64_t at_ms;
    uint8_t hash[CHAIN_HASH];
    uint8_t signature[CHAIN_SIGNATURE];
};
void journal_chain_sign(struct journal_mark *mark, const uint8_t *secret);
bool journal_chain_is_signed(const struct journal_mark *mark, const uint8_t *sign_public);
