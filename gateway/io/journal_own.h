/* journal_own.h - the inside of the journal, shared by journal.c (the loop's half), journal_open.c,
 * journal_thread.c (the thread's half) and journal_copy.c. Nobody else includes it.
 *
 * Each field belongs to one side; what both touch stands under `mutex`.
 */
#pragma once

#include <pthread.h>

#include "io/journal_batch.h"
#include "io/journal_spans.h"

enum {
    JOURNAL_BACKLOG = 20000, /* rows, when the configuration says nothing */
    JOURNAL_CHECKPOINT_MS = 60000,
    JOURNAL_RETRY_MS = 1000,      /* between two tries of a disk that refuses */
    JOURNAL_IDLE_MS = 250,        /* nothing to do for this long: housekeeping */
    JOURNAL_WAL_PAGES = 1000,     /* brought home after a commit, whatever else waits */
    JOURNAL_WAL_IDLE_PAGES = 100, /* brought home when idle */
    JOURNAL_TAIL = 1000,          /* rows whose chain is checked at the start */
    JOURNAL_FETCH_ROWS = 1024,
    JOURNAL_FETCH_BYTES = 1 << 20,
    JOURNAL_COPY_PAGES = 256, /* copied between two commits */
    JOURNAL_WHY = 512,
};

/* What the thread has to tell. A fault that came before a success is told first. */
struct journal_news {
    bool is_new;
    bool has_fault; /* since the last telling */
    uint64_t fault_up_to;
    enum err fault;
    char why[JOURNAL_WHY];
    bool is_failing; /* now */
    uint64_t up_to;
    struct segment_damage damage; /* rows that a fetch could not read */
};

enum journal_job { JOB_NONE, JOB_ASKED, JOB_RUNNING, JOB_DONE };

struct journal_fetch {
    enum journal_job job;
    uint64_t from;
    size_t max;
    void (*on_rows)(void *context, const struct journal_row *rows, size_t count, bool is_end);
    void *context;
    struct journal_row *rows; /* JOURNAL_FETCH_ROWS, made at the first fetch */
    uint8_t *bytes;           /* JOURNAL_FETCH_BYTES */
    size_t bytes_len;
    size_t count;
    bool is_end;
};

struct journal_copy {
    enum journal_job job;
    char dir[SEGMENT_PATH - 32];
    void (*on_done)(void *context, enum err err, const char *why);
    void *context;
    enum err err;
    char why[JOURNAL_WHY];
    size_t next_span; /* the thread's: */
    struct journal_segment source;
    sqlite3 *target;
    sqlite3_backup *backup;
};

struct journal {
    struct journal_config config;
    struct ev_loop *loop;
    struct loop_post post;
    pthread_t thread;
    bool has_thread;

    /* The loop's. */
    struct journal_batch filling;
    uint64_t opened_at; /* last row when it was opened */
    uint64_t appended;
    uint64_t durable;
    enum err state; /* ERR_OK, or why the disk refuses */
    char state_why[JOURNAL_WHY];
    bool is_flush_owed;

    /* Both. */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct journal_batch waiting;
    struct segment_note notes[SEGMENT_NOTES];
    size_t note_count;
    struct journal_news news;
    struct journal_fetch fetch;
    struct journal_copy copy;
    bool is_closing;

    /* The thread's, and before it starts journal_open's. */
    struct journal_spans spans;
    struct journal_segment active; /* db == NULL: finished, the next commit makes a new one */
    struct journal_batch writing;
    uint8_t hash[CHAIN_HASH]; /* of row `committed` */
    uint64_t committed;
    uint64_t marked; /* last row under a checkpoint */
    int64_t marked_mono_ms;
    int64_t retry_mono_ms; /* 0: now */
    bool is_failing;
};

/* journal_open.c */
enum err journal_open_folder(struct journal *j, char *ret_why, size_t why_room) MUST_USE;
/* journal_thread.c */
void *journal_thread_run(void *journal);
void journal_thread_close(struct journal *j); /* the last commit; after the thread has ended */
/* journal_copy.c: both under no lock, on the journal's thread */
void journal_copy_step(struct journal *j);
void journal_copy_stop(struct journal *j, enum err err, const char *why);
