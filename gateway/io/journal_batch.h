/* journal_batch.h - rows that wait for the disk, as the records that will be hashed, one after the other.
 *
 * The loop's thread fills one, the journal's thread writes another, a third waits between them; they are
 * swapped, so that on the steady path nothing is allocated.
 */
#pragma once

#include "io/journal_chain.h"

enum {
    JOURNAL_BATCH_BYTES = 64 << 20, /* ceiling of one batch */
    JOURNAL_BATCH_KEEP = 1 << 20,   /* what an emptied one may hold on to */
};

struct journal_batch {
    uint8_t *at;
    size_t len;
    size_t room;
    size_t count;
};

/* ERR_FULL at the ceiling or without memory: then nothing was taken. */
enum err journal_batch_add(struct journal_batch *b, const struct journal_row *row) MUST_USE;
/* Moves all of `from` behind `into`; ERR_FULL: both as they were. */
enum err journal_batch_join(struct journal_batch *into, struct journal_batch *from) MUST_USE;
/* The row at *offset, and steps on; false after the last. */
bool journal_batch_next(const struct journal_batch *b, size_t *offset, struct journal_row *ret_row);
void journal_batch_clear(struct journal_batch *b);
void journal_batch_finish(struct journal_batch *b);
