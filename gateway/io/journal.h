/* journal.h - the one durable truth: append, group commit on its own thread, read back.
 *
 * Knows no alarm: a row is a number, a type, a key, a time and bytes. SQLite, WAL, synchronous=FULL,
 * one connection per segment, owned by the journal's thread. Rows are chained: hash = BLAKE2b-256 of
 * the previous hash and the row; checkpoints of the chain are signed (Ed25519).
 *
 * DIR/000001.db, 000002.db ... are segments. After a failed write or fsync a segment is finished for
 * ever (facts/reliability.md 3.5): the rows not known to be durable go into the next segment, whose
 * first row says where it takes over. A full disk is waited out in the same segment.
 */
#pragma once

#include "io/loop.h"

struct journal;

struct journal_row {
    uint64_t seq; /* from 1, without gaps */
    int type;
    int64_t at_ms;
    uint8_t key[16]; /* what the row is about (event or case id); zeros: nothing */
    struct slice bytes;
};

enum { JOURNAL_ROW_MAX = 16384, JOURNAL_KEY = 32, JOURNAL_SECRET = 64 };

struct journal_config {
    const char *dir;
    const uint8_t *sign_secret; /* Ed25519 secret key, JOURNAL_SECRET bytes; NULL: no checkpoints */
    int64_t checkpoint_ms;      /* at most this apart while rows come; 0: 60,000 */
    /* On the loop's thread. `up_to` is durable. With err != OK nothing past up_to is, `why` says in
     * plain words what to do, and appending goes on in memory; called again with ERR_OK when the
     * disk has taken everything after all. */
    void (*on_durable)(void *context, uint64_t up_to, enum err err, const char *why);
    void *context;
    size_t backlog_max; /* rows kept in memory while the disk refuses; 0: 20,000 */
};

/* Opens or makes the journal, checks the tail, cuts off nothing that was durable. On failure `why`
 * (room 256) says in plain words what is wrong. */
enum err journal_open(struct ev_loop *loop, const struct journal_config *config,
                      struct journal **ret_journal, char *ret_why, size_t why_room) MUST_USE;
void journal_close(
    struct journal *journal); /* commits what is pending, joins the thread; NULL is fine */

/* All rows from `from` on, in order, synchronously; only before the first append. Stops when `each`
 * returns false. The row's bytes live until `each` returns. */
enum err journal_read(struct journal *journal, uint64_t from,
                      bool (*each)(void *context, const struct journal_row *row),
                      void *context) MUST_USE;

/* Copies the row into the batch of this turn and gives it its number. ERR_FULL: the backlog is full. */
enum err journal_append(struct journal *journal, const struct journal_row *row,
                        uint64_t *ret_seq) MUST_USE;
/* Hands the batch to the thread; one commit for all that waits there. */
void journal_flush(struct journal *journal);
uint64_t journal_last(const struct journal *journal);    /* appended */
uint64_t journal_durable(const struct journal *journal); /* on disk */

/* Rows from..from+max-1 that are durable, read on the journal's thread, delivered on the loop's. One
 * request at a time (ERR_STATE otherwise). `is_end`: no more durable rows after these. */
enum err journal_fetch(struct journal *journal, uint64_t from, size_t max,
                       void (*on_rows)(void *context, const struct journal_row *rows, size_t count,
                                       bool is_end),
                       void *context) MUST_USE;

/* A small number that survives (the bus cursor): written with the next commit, not synced for itself. */
void journal_note(struct journal *journal, const char *name, uint64_t value);
uint64_t journal_noted(struct journal *journal,
                       const char *name); /* 0 when unknown; before first append */

/* A copy of the live journal into the new folder `dir` (SQLite's backup API), on the journal's thread;
 * on_done runs on the loop's. */
enum err journal_copy(struct journal *journal, const char *dir,
                      void (*on_done)(void *context, enum err err, const char *why),
                      void *context) MUST_USE;

/* Offline: opens read-only a folder that no daemon uses, checks chain and signatures row by row. */
struct journal_report {
    uint64_t rows;
    uint64_t checkpoints;
    uint64_t bad_seq; /* first row that is wrong, 0: none */
    char why[256];    /* plain words */
};
enum err journal_verify(const char *dir, const uint8_t *sign_public,
                        bool (*each)(void *context, const struct journal_row *row), void *context,
                        struct journal_report *ret_report) MUST_USE;
