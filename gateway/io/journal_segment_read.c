/* journal_segment_read.c - the reading half of one file of the journal, made for damaged files too.
 *
 * Called by the journal's thread, journal_open, journal_read and journal_verify. Never writes. A page
 * that cannot be read costs the rows on it and not those behind it: alarms must flow.
 */
#include "io/journal_segment.h"

#include <stdio.h>
#include <string.h>

/* When a page cannot be read, the next rows are tried one by one as far as a page may reach, then in
 * growing steps: an inner page stands for thousands of rows. A disk that answers an error may take a
 * second for each, hence in growing steps from the first. */
enum { STEPS_OF_ONE = 256, SKIP_MAX = 4096 };

static enum err failed(struct journal_segment *s, int rc)
{
    snprintf(s->why, sizeof s->why, "%s (%d)", sqlite3_errmsg(s->db), rc);
    return ERR_CHECKSUM;
}

/* Types are looked at and not only values: SQLite would turn a text into the same bytes. */
static bool take_row(sqlite3_stmt *statement, struct journal_row *ret_row, const uint8_t **ret_hash)
{
    for (int i = 0; i < 3; i++) {
        if (sqlite3_column_type(statement, i) != SQLITE_INTEGER) {
            return false;
        }
    }
    int key_type = sqlite3_column_type(statement, 3);
    if (sqlite3_column_type(statement, 4) != SQLITE_BLOB ||
        sqlite3_column_type(statement, 5) != SQLITE_BLOB ||
        (key_type != SQLITE_BLOB && key_type != SQLITE_NULL)) {
        return false;
    }
    *ret_row = (struct journal_row){.seq = (uint64_t)sqlite3_column_int64(statement, 0),
                                    .at_ms = sqlite3_column_int64(statement, 2)};
    int64_t type = sqlite3_column_int64(statement, 1);
    ret_row->type = (int)type;
    const void *bytes = sqlite3_column_blob(statement, 4);
    int len = sqlite3_column_bytes(statement, 4);
    if (type != ret_row->type || len < 0 || len > JOURNAL_ROW_MAX || (len > 0 && bytes == NULL)) {
        return false;
    }
    ret_row->bytes = slice_of(bytes, (size_t)len);
    if (key_type == SQLITE_BLOB) {
        static const uint8_t nothing[sizeof ret_row->key];
        const void *key = sqlite3_column_blob(statement, 3);
        /* A key of zeros is always written as NULL: another spelling was not written by us. */
        if (sqlite3_column_bytes(statement, 3) != (int)sizeof ret_row->key || key == NULL ||
            memcmp(key, nothing, sizeof nothing) == 0) {
            return false;
        }
        memcpy(ret_row->key, key, sizeof ret_row->key);
    }
    *ret_hash = sqlite3_column_blob(statement, 5);
    return sqlite3_column_bytes(statement, 5) == CHAIN_HASH && *ret_hash != NULL;
}

static void miss(struct segment_damage *damage, uint64_t from, uint64_t until)
{
    if (from < until) {
        if (damage->rows == 0) {
            damage->first_seq = from;
        }
        damage->rows += until - from;
    }
}

/* Reads on from *next until the end, an error or a stop; *next is the first row not yet handed over. */
static int read_run(struct journal_segment *s, uint64_t from, uint64_t to, uint64_t *next,
                    bool (*each)(void *context, const struct journal_row *row, const uint8_t *hash),
                    void *context, struct segment_damage *damage, bool *ret_is_stopped)
{
    sqlite3_bind_int64(s->read, 1, (int64_t)from);
    sqlite3_bind_int64(s->read, 2, (int64_t)to);
    int rc = sqlite3_step(s->read);
    for (; rc == SQLITE_ROW; rc = sqlite3_step(s->read)) {
        struct journal_row row;
        const uint8_t *hash = NULL;
        if (!take_row(s->read, &row, &hash) || row.seq < *next || row.seq > to) {
            continue;
        }
        miss(damage, *next, row.seq);
        *next = row.seq + 1;
        if (!each(context, &row, hash)) {
            *ret_is_stopped = true;
            break;
        }
    }
    sqlite3_reset(s->read);
    return rc;
}

enum err journal_segment_read(struct journal_segment *s, uint64_t from, uint64_t to,
                              bool (*each)(void *context, const struct journal_row *row,
                                           const uint8_t *hash),
                              void *context, struct segment_damage *damage)
{
    uint64_t next = from;  /* first row not handed over */
    uint64_t start = from; /* where the search goes on */
    uint64_t skip = 1;
    unsigned tries = 0;
    bool is_stopped = false;
    while (start <= to) {
        uint64_t before = next;
        int rc = read_run(s, start, to, &next, each, context, damage, &is_stopped);
        if (is_stopped) {
            return ERR_STATE;
        }
        if (rc == SQLITE_DONE) {
            break;
        }
        failed(s, rc);
        if ((rc & 0xff) == SQLITE_NOMEM) {
            return ERR_FULL;
        }
        tries = next > before ? 0 : tries + 1;
        bool is_growing = tries > STEPS_OF_ONE || (rc & 0xff) == SQLITE_IOERR;
        skip = tries == 0 || !is_growing ? 1 : skip * 2 < SKIP_MAX ? skip * 2 : SKIP_MAX;
        start = (next > start ? next : start) + skip;
    }
    if (next <= to) {
        miss(damage, next, to + 1);
    }
    return ERR_OK;
}

enum err journal_segment_last(struct journal_segment *s, uint64_t *ret_seq,
                              uint8_t ret_hash[CHAIN_HASH])
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(s->db, "SELECT seq,hash FROM row ORDER BY seq DESC LIMIT 1", -1,
                                &statement, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
    }
    enum err err = ERR_OK;
    if (rc == SQLITE_DONE) {
        *ret_seq = s->first - 1;
        memcpy(ret_hash, s->before, CHAIN_HASH);
    } else if (rc == SQLITE_ROW && sqlite3_column_int64(statement, 0) > 0 &&
               sqlite3_column_bytes(statement, 1) == CHAIN_HASH) {
        *ret_seq = (uint64_t)sqlite3_column_int64(statement, 0);
        memcpy(ret_hash, sqlite3_column_blob(statement, 1), CHAIN_HASH);
    } else {
        err = failed(s, rc);
    }
    sqlite3_finalize(statement);
    return err;
}

enum err journal_segment_notes(struct journal_segment *s, struct segment_note *ret_notes,
                               size_t *ret_count)
{
    sqlite3_stmt *statement = NULL;
    int rc =
        sqlite3_prepare_v2(s->db, "SELECT substr(name,6),value FROM meta WHERE name LIKE 'note.%'",
                           -1, &statement, NULL);
    size_t count = 0;
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
    }
    for (; rc == SQLITE_ROW && count < SEGMENT_NOTES; rc = sqlite3_step(statement)) {
        struct slice name =
            slice_of(sqlite3_column_text(statement, 0), (size_t)sqlite3_column_bytes(statement, 0));
        struct segment_note *note = &ret_notes[count];
        if (slice_text(name, note->name, sizeof note->name) == ERR_OK) {
            note->value = (uint64_t)sqlite3_column_int64(statement, 1);
            note->is_dirty = false;
            count++;
        }
    }
    enum err err = rc == SQLITE_DONE || rc == SQLITE_ROW ? ERR_OK : failed(s, rc);
    sqlite3_finalize(statement);
    *ret_count = count;
    return err;
}

enum err journal_segment_marks(struct journal_segment *s,
                               void (*each)(void *context, const struct journal_mark *mark),
                               void *context)
{
    sqlite3_stmt *statement = NULL;
    int rc =
        sqlite3_prepare_v2(s->db, "SELECT seq,at_ms,hash,signature FROM checkpoint ORDER BY rowid",
                           -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
    }
    for (; rc == SQLITE_ROW; rc = sqlite3_step(statement)) {
        struct journal_mark mark = {.seq = (uint64_t)sqlite3_column_int64(statement, 0),
                                    .at_ms = sqlite3_column_int64(statement, 1)};
        if (sqlite3_column_bytes(statement, 2) == CHAIN_HASH &&
            sqlite3_column_bytes(statement, 3) == CHAIN_SIGNATURE) {
            memcpy(mark.hash, sqlite3_column_blob(statement, 2), CHAIN_HASH);
            memcpy(mark.signature, sqlite3_column_blob(statement, 3), CHAIN_SIGNATURE);
        }
        each(context, &mark);
    }
    enum err err = rc == SQLITE_DONE ? ERR_OK : failed(s, rc);
    sqlite3_finalize(statement);
    return err;
}
