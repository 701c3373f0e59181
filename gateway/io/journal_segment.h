/* journal_segment.h - one file of the journal: one SQLite database, one connection.
 *
 * Called by the journal's thread, at the start by journal_open, and by journal_verify. The connection is
 * opened without SQLite's own mutexes: whoever calls sees to it that one thread at a time does.
 */
#pragma once

#include <sqlite3.h>

#include "io/journal_chain.h"

enum {
    SEGMENT_FORMAT = 1,     /* of the tables; a newer one is refused */
    SEGMENT_PATH = 512,     /* longest path of a file */
    SEGMENT_WHY = 256,      /* room for plain words */
    SEGMENT_NOTES = 16,     /* numbers noted */
    SEGMENT_NOTE_NAME = 24, /* with NUL */
};

enum segment_mode {
    SEGMENT_WRITE, /* exclusive, write-ahead log, every commit synced */
    SEGMENT_READ,  /* changes nothing: what stands in the write-ahead log is read with the rest */
};

struct segment_note {
    char name[SEGMENT_NOTE_NAME];
    uint64_t value;
    bool is_dirty;
};

/* Rows that could not be read. */
struct segment_damage {
    uint64_t rows;
    uint64_t first_seq; /* of the lost ones; 0: none */
};

struct journal_segment {
    sqlite3 *db; /* NULL: not open */
    sqlite3_stmt *put;
    sqlite3_stmt *mark;
    sqlite3_stmt *set;
    sqlite3_stmt *read;
    unsigned number;
    uint64_t first; /* seq of its first row, also while it has none */
    uint8_t before[CHAIN_HASH];
    int wal_pages;
    char why[SEGMENT_WHY]; /* after an error: plain words */
};

/* DIR/000001.db; false when the path is too long. */
bool journal_segment_path(const char *dir, unsigned number, const char *suffix, char *ret_path);

/* ERR_NOT_FOUND: the file was never begun (no tables in it). ERR_CHECKSUM, ERR_IO: damaged.
 * ERR_STATE: another program has it. ERR_UNSUPPORTED: newer than this program. */
enum err journal_segment_open(struct journal_segment *s, const char *dir, unsigned number,
                              enum segment_mode mode) MUST_USE;
/* A new file, without tables: they come with journal_segment_found in the first transaction. */
enum err journal_segment_create(struct journal_segment *s, const char *dir,
                                unsigned number) MUST_USE;
/* NULL-safe. With `is_clean` the write-ahead log is brought home and removed; never after an error. */
void journal_segment_close(struct journal_segment *s, bool is_clean);

enum err journal_segment_begin(struct journal_segment *s) MUST_USE;
enum err journal_segment_found(struct journal_segment *s, uint64_t first,
                               const uint8_t before[CHAIN_HASH]) MUST_USE;
enum err journal_segment_put(struct journal_segment *s, const struct journal_row *row,
                             const uint8_t hash[CHAIN_HASH]) MUST_USE;
enum err journal_segment_mark(struct journal_segment *s, const struct journal_mark *mark) MUST_USE;
enum err journal_segment_note(struct journal_segment *s, const struct segment_note *note) MUST_USE;
enum err journal_segment_commit(struct journal_segment *s) MUST_USE;
void journal_segment_rollback(struct journal_segment *s);
/* Brings the write-ahead log home; `is_whole`: and cuts it to nothing. */
enum err journal_segment_checkpoint(struct journal_segment *s, bool is_whole) MUST_USE;

/* The last row it holds; first - 1 and `before` when there is none. */
enum err journal_segment_last(struct journal_segment *s, uint64_t *ret_seq,
                              uint8_t ret_hash[CHAIN_HASH]) MUST_USE;
enum err journal_segment_notes(struct journal_segment *s, struct segment_note *ret_notes,
                               size_t *ret_count) MUST_USE;
/* Rows from..to in order. What cannot be read is stepped over and counted in `damage`. ERR_STATE: `each`
 * stopped it. */
enum err journal_segment_read(struct journal_segment *s, uint64_t from, uint64_t to,
                              bool (*each)(void *context, const struct journal_row *row,
                                           const uint8_t *hash),
                              void *context, struct segment_damage *damage) MUST_USE;
/* All checkpoints in order; a malformed one is handed over with an empty signature. */
enum err journal_segment_marks(struct journal_segment *s,
                               void (*each)(void *context, const struct journal_mark *mark),
                               void *context) MUST_USE;
