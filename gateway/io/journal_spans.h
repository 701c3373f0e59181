/* journal_spans.h - the folder of the journal: which file holds which rows.
 *
 * Called by journal_open, the journal's thread and journal_verify; never by two at once. A later file's
 * rows stand in place of an earlier one's from its first row on.
 */
#pragma once

#include "io/journal_segment.h"

enum { JOURNAL_SEGMENTS = 1000 /* files in one folder */ };

struct journal_span {
    unsigned number;
    uint64_t first;
    uint64_t last; /* first - 1: none */
    uint8_t before[CHAIN_HASH];
    uint8_t last_hash[CHAIN_HASH];
};

struct journal_spans {
    char dir[SEGMENT_PATH - 32];
    struct journal_span at[JOURNAL_SEGMENTS];
    size_t count;
    unsigned highest;              /* number of a file, begun or not */
    struct journal_segment reader; /* an earlier file, opened when somebody asked for its rows */
};

/* Numbers of all files in the folder, ascending. */
enum err journal_spans_list(const char *dir, unsigned *ret_numbers, size_t room,
                            size_t *ret_count) MUST_USE;
/* Adds an opened file; ERR_CHECKSUM: its end cannot be read (then it is added as far as it can). */
enum err journal_spans_add(struct journal_spans *spans, struct journal_segment *s) MUST_USE;
/* The last row of span `i` that no later file replaces; less than its first: none. */
uint64_t journal_spans_end(const struct journal_spans *spans, size_t i);
uint64_t journal_spans_last(const struct journal_spans *spans);
const uint8_t *journal_spans_last_hash(const struct journal_spans *spans, uint8_t room[CHAIN_HASH]);

/* Rows from..to over all files. `active` (may be NULL) is the open file of the writer; others are opened
 * for reading. Rows between files that nobody holds count as damage. ERR_STATE: `each` stopped it. */
enum err journal_spans_read(struct journal_spans *spans, struct journal_segment *active,
                            uint64_t from, uint64_t to,
                            bool (*each)(void *context, const struct journal_row *row,
                                         const uint8_t *hash),
                            void *context, struct segment_damage *damage) MUST_USE;
/* The open file with this number: `active`, or opened for reading; NULL: cannot be opened (reader.why). */
struct journal_segment *journal_spans_use(struct journal_spans *spans,
                                          struct journal_segment *active, unsigned number);
void journal_spans_close(struct journal_spans *spans);

/* A folder's entries are durable when this has returned ERR_OK. */
enum err journal_spans_sync(const char *dir) MUST_USE;
