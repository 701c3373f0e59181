/* journal_batch.c - rows on their way to the disk.
 *
 * Called by journal.c and journal_thread.c. Never locks: whoever shares a batch holds the mutex.
 */
#include "io/journal_batch.h"

#include <stdlib.h>
#include <string.h>

static enum err reserve(struct journal_batch *b, size_t more)
{
    if (more > JOURNAL_BATCH_BYTES - b->len) {
        return ERR_FULL;
    }
    if (b->len + more <= b->room) {
        return ERR_OK;
    }
    size_t room = b->room > 0 ? b->room : 65536;
    while (room < b->len + more) {
        room *= 2;
    }
    uint8_t *at = realloc(b->at, room);
    if (at == NULL) {
        return ERR_FULL;
    }
    b->at = at;
    b->room = room;
    return ERR_OK;
}

enum err journal_batch_add(struct journal_batch *b, const struct journal_row *row)
{
    enum err err = reserve(b, CHAIN_HEAD + row->bytes.len);
    if (err != ERR_OK) {
        return err;
    }
    journal_chain_put_head(b->at + b->len, row);
    if (row->bytes.len > 0) {
        memcpy(b->at + b->len + CHAIN_HEAD, row->bytes.at, row->bytes.len);
    }
    b->len += CHAIN_HEAD + row->bytes.len;
    b->count++;
    return ERR_OK;
}

enum err journal_batch_join(struct journal_batch *into, struct journal_batch *from)
{
    if (into->count == 0) {
        struct journal_batch empty = *into;
        *into = *from;
        *from = empty;
        return ERR_OK;
    }
    enum err err = reserve(into, from->len);
    if (err != ERR_OK) {
        return err;
    }
    if (from->len > 0) {
        memcpy(into->at + into->len, from->at, from->len);
    }
    into->len += from->len;
    into->count += from->count;
    journal_batch_clear(from);
    return ERR_OK;
}

bool journal_batch_next(const struct journal_batch *b, size_t *offset, struct journal_row *ret_row)
{
    if (*offset >= b->len) {
        return false;
    }
    journal_chain_get_row(b->at + *offset, ret_row);
    *offset += CHAIN_HEAD + ret_row->bytes.len;
    return true;
}

void journal_batch_clear(struct journal_batch *b)
{
    b->len = 0;
    b->count = 0;
    if (b->room > JOURNAL_BATCH_KEEP) {
        journal_batch_finish(b);
    }
}

void journal_batch_finish(struct journal_batch *b)
{
    free(b->at);
    *b = (struct journal_batch){0};
}
