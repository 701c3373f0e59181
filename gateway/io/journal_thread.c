/* journal_thread.c - the thread's half of the journal: one commit for all that waits, and what to do when
 * the disk refuses.
 *
 * Started by journal_open, ended by journal_close. Never calls a callback: it leaves news under the mutex
 * and wakes the loop. Never tries a file again in which a write or an fsync has failed.
 *
 *   disk full       roll back, keep the rows, the same file again every second
 *   anything else   this file is finished: a new one takes over with all rows not known to be durable;
 *                   its tables, its first rows and where it takes over are one commit, so that a file
 *                   without rows never replaces rows of the one before
 */
#include "io/journal_own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void post_fault(struct journal *j, enum err err, const char *reason)
{
    pthread_mutex_lock(&j->mutex);
    struct journal_news *news = &j->news;
    news->is_new = true;
    news->has_fault = true;
    news->is_failing = true;
    news->fault = err;
    news->fault_up_to = j->committed;
    if (err == ERR_FULL) {
        snprintf(news->why, sizeof news->why,
                 "The disk that holds the journal %.300s is full: alarms go on but are not "
                 "recorded. Free "
                 "space; recording starts again by itself.",
                 j->spans.dir);
    } else {
        snprintf(
            news->why, sizeof news->why,
            "Writing the journal %.200s/%06u.db failed: %.120s. Alarms go on; recording continues "
            "in a new file as soon as the disk takes one. Have the disk looked at.",
            j->spans.dir, j->active.number, reason);
    }
    pthread_mutex_unlock(&j->mutex);
    j->is_failing = true;
    loop_post_wake(&j->post);
}

static void post_durable(struct journal *j)
{
    pthread_mutex_lock(&j->mutex);
    j->news.is_new = true;
    j->news.is_failing = false;
    j->news.up_to = j->committed;
    pthread_mutex_unlock(&j->mutex);
    j->is_failing = false;
    loop_post_wake(&j->post);
}

/* A new file whose tables are part of the transaction that is now open. */
static enum err take_over(struct journal *j)
{
    if (j->spans.count == JOURNAL_SEGMENTS || j->spans.highest == 999999) {
        snprintf(j->active.why, sizeof j->active.why, "there are too many files in the folder");
        return ERR_IO;
    }
    j->spans.highest++;
    enum err err = journal_segment_create(&j->active, j->spans.dir, j->spans.highest);
    if (err == ERR_OK) {
        err = journal_segment_begin(&j->active);
    }
    if (err == ERR_OK) {
        err = journal_segment_found(&j->active, j->committed + 1, j->hash);
    }
    return err;
}

static enum err put_rows(struct journal *j, uint64_t *ret_last, uint8_t ret_hash[CHAIN_HASH])
{
    struct journal_row row;
    size_t offset = 0;
    uint8_t before[CHAIN_HASH];
    enum err err = ERR_OK;
    while (err == ERR_OK && journal_batch_next(&j->writing, &offset, &row)) {
        memcpy(before, ret_hash, CHAIN_HASH);
        journal_chain_step(before, &row, ret_hash);
        err = journal_segment_put(&j->active, &row, ret_hash);
        *ret_last = row.seq;
    }
    return err;
}

/* `is_closing`: also when the time has not come. */
static bool is_mark_due(const struct journal *j, uint64_t last, bool is_closing)
{
    return j->config.sign_secret != NULL && last > j->marked &&
           (is_closing || loop_now().mono_ms - j->marked_mono_ms >= j->config.checkpoint_ms);
}

static enum err put_mark(struct journal *j, uint64_t last, const uint8_t hash[CHAIN_HASH])
{
    struct journal_mark mark = {.seq = last, .at_ms = loop_now().wall_ms};
    memcpy(mark.hash, hash, CHAIN_HASH);
    journal_chain_sign(&mark, j->config.sign_secret);
    return journal_segment_mark(&j->active, &mark);
}

/* Copies the notes out, because the loop goes on noting. `is_all`: a new file gets them all. */
static enum err put_notes(struct journal *j, bool is_all)
{
    struct segment_note notes[SEGMENT_NOTES];
    pthread_mutex_lock(&j->mutex);
    size_t count = j->note_count;
    memcpy(notes, j->notes, sizeof notes);
    for (size_t i = 0; i < count; i++) {
        j->notes[i].is_dirty = false;
    }
    pthread_mutex_unlock(&j->mutex);
    enum err err = ERR_OK;
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        if (notes[i].is_dirty || is_all) {
            err = journal_segment_note(&j->active, &notes[i]);
        }
    }
    return err;
}

static void spoil_notes(struct journal *j)
{
    pthread_mutex_lock(&j->mutex);
    for (size_t i = 0; i < j->note_count; i++) {
        j->notes[i].is_dirty = true;
    }
    pthread_mutex_unlock(&j->mutex);
}

static void account(struct journal *j, bool is_new_file, uint64_t last, const uint8_t *hash)
{
    if (is_new_file) {
        struct journal_span *span = &j->spans.at[j->spans.count++];
        span->number = j->active.number;
        span->first = j->active.first;
        memcpy(span->before, j->active.before, CHAIN_HASH);
    }
    struct journal_span *span = &j->spans.at[j->spans.count - 1];
    span->last = last;
    memcpy(span->last_hash, hash, CHAIN_HASH);
    memcpy(j->hash, hash, CHAIN_HASH);
    j->committed = last;
}

/* Everything in `writing` in one transaction; on success it is durable and `writing` is empty. */
static enum err commit(struct journal *j, bool is_closing)
{
    bool is_new_file = j->active.db == NULL;
    uint64_t last = j->committed;
    uint8_t hash[CHAIN_HASH];
    memcpy(hash, j->hash, CHAIN_HASH);
    enum err err = is_new_file ? take_over(j) : journal_segment_begin(&j->active);
    if (err == ERR_OK) {
        err = put_rows(j, &last, hash);
    }
    bool is_marked = is_mark_due(j, last, is_closing);
    if (err == ERR_OK && is_marked) {
        err = put_mark(j, last, hash);
    }
    if (err == ERR_OK) {
        err = put_notes(j, is_new_file);
    }
    if (err == ERR_OK) {
        err = journal_segment_commit(&j->active);
    }
    if (err == ERR_OK && is_new_file) {
        err = journal_spans_sync(j->spans.dir);
    }
    if (err != ERR_OK) {
        spoil_notes(j);
        return err;
    }
    account(j, is_new_file, last, hash);
    if (is_marked) {
        j->marked = last;
        j->marked_mono_ms = loop_now().mono_ms;
    }
    journal_batch_clear(&j->writing);
    return ERR_OK;
}

/* Nobody was told of anything in this file: away with it, so that a bad hour does not leave thousands. */
static void remove_unbegun(struct journal *j)
{
    static const char *const suffixes[] = {"-wal", "-journal", ""};
    char path[SEGMENT_PATH];
    bool is_gone = true;
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        journal_segment_path(j->spans.dir, j->active.number, suffixes[i], path);
        is_gone = unlink(path) == 0 || errno == ENOENT;
    }
    j->spans.highest -= is_gone ? 1 : 0;
}

/* After a failed commit: the same file may go on only when the disk was full, and it had rows before. */
static void give_up(struct journal *j, enum err err)
{
    bool is_begun =
        j->spans.count > 0 && j->spans.at[j->spans.count - 1].number == j->active.number;
    journal_segment_rollback(&j->active);
    if (err == ERR_FULL && is_begun) {
        return;
    }
    journal_copy_stop(j, ERR_IO, "Writing the journal failed meanwhile; ask for a copy again.");
    journal_segment_close(&j->active, false);
    if (!is_begun && j->active.number == j->spans.highest) {
        remove_unbegun(j);
    }
}

/* Tries this file, then at once a new one unless the disk is full; then a second passes. */
static void try_commit(struct journal *j, bool is_closing)
{
    for (int i = 0; i < 2; i++) {
        bool was_new = j->active.db == NULL;
        enum err err = commit(j, is_closing);
        if (err == ERR_OK) {
            j->retry_mono_ms = 0;
            post_durable(j);
            return;
        }
        char why[SEGMENT_WHY];
        memcpy(why, j->active.why, sizeof why);
        give_up(j, err);
        post_fault(j, err == ERR_FULL ? ERR_FULL : ERR_IO, why);
        if (err == ERR_FULL || was_new) {
            break;
        }
    }
    j->retry_mono_ms = loop_now().mono_ms + JOURNAL_RETRY_MS;
}

static bool fetch_row(void *context, const struct journal_row *row, const uint8_t *hash)
{
    (void)hash;
    struct journal_fetch *fetch = context;
    if (fetch->count == fetch->max || fetch->bytes_len + row->bytes.len > JOURNAL_FETCH_BYTES) {
        return false;
    }
    struct journal_row *kept = &fetch->rows[fetch->count++];
    *kept = *row;
    kept->bytes.at = fetch->bytes + fetch->bytes_len;
    if (row->bytes.len > 0) {
        memcpy(fetch->bytes + fetch->bytes_len, row->bytes.at, row->bytes.len);
    }
    fetch->bytes_len += row->bytes.len;
    return true;
}

static void fetch(struct journal *j)
{
    struct journal_fetch *f = &j->fetch;
    struct segment_damage damage = {0};
    f->count = 0;
    f->bytes_len = 0;
    enum err err =
        journal_spans_read(&j->spans, &j->active, f->from, j->committed, fetch_row, f, &damage);
    f->is_end = err != ERR_STATE;
    pthread_mutex_lock(&j->mutex);
    f->job = JOB_DONE;
    if (damage.rows > 0) {
        j->news.damage = damage;
        j->news.is_new = true;
    }
    pthread_mutex_unlock(&j->mutex);
    loop_post_wake(&j->post);
}

/* Brings the write-ahead log home. An error finishes the file like a failed commit: what it holds is
 * durable in its log, and the next rows go elsewhere. */
static void bring_home(struct journal *j)
{
    enum err err = journal_segment_checkpoint(&j->active, false);
    if (err != ERR_OK && err != ERR_FULL) {
        char why[SEGMENT_WHY];
        memcpy(why, j->active.why, sizeof why);
        give_up(j, err);
        post_fault(j, ERR_IO, why);
    }
}

static bool has_housekeeping(const struct journal *j)
{
    return j->active.db != NULL && (j->active.wal_pages > JOURNAL_WAL_IDLE_PAGES ||
                                    (j->config.sign_secret != NULL && j->committed > j->marked));
}

static void keep_house(struct journal *j)
{
    if (j->active.db != NULL && j->active.wal_pages > JOURNAL_WAL_IDLE_PAGES) {
        bring_home(j);
    }
    if (j->active.db != NULL && is_mark_due(j, j->committed, false)) {
        try_commit(j, false);
    }
}

struct work {
    bool is_commit;
    bool is_fetch;
    bool is_copy;
    bool is_closing;
};

/* What there is to do now, taken under the mutex. */
static struct work look(struct journal *j)
{
    struct work work = {.is_closing = j->is_closing,
                        /* A file that is being copied is locked for a second reader. */
                        .is_fetch = j->fetch.job == JOB_ASKED && j->copy.source.db == NULL,
                        .is_copy = j->copy.job == JOB_ASKED || j->copy.job == JOB_RUNNING};
    bool is_allowed = j->retry_mono_ms == 0 || loop_now().mono_ms >= j->retry_mono_ms;
    /* While the fault has no rows (it came from housekeeping) a try tells the loop that it is over. */
    work.is_commit = is_allowed && (j->waiting.count > 0 || j->writing.count > 0 || j->is_failing);
    if (work.is_commit && journal_batch_join(&j->writing, &j->waiting) != ERR_OK) {
        work.is_commit = j->writing.count > 0; /* what waits comes after this commit */
    }
    return work;
}

/* How long nothing can happen by itself; -1: for ever. */
static int64_t rest_ms(const struct journal *j)
{
    if (j->retry_mono_ms != 0) {
        int64_t rest = j->retry_mono_ms - loop_now().mono_ms;
        return rest > 1 ? rest : 1;
    }
    return has_housekeeping(j) ? JOURNAL_IDLE_MS : -1;
}

/* With the mutex. False: the time is over and nobody has called. */
static bool wait_ms(struct journal *j, int64_t ms)
{
    if (ms < 0) {
        return pthread_cond_wait(&j->wake, &j->mutex) == 0;
    }
    int64_t until = loop_now().mono_ms + ms;
    struct timespec at = {.tv_sec = (time_t)(until / 1000),
                          .tv_nsec = (long)(until % 1000) * 1000000};
    return pthread_cond_timedwait(&j->wake, &j->mutex, &at) == 0;
}

static void do_work(struct journal *j, const struct work *work)
{
    if (work->is_commit) {
        try_commit(j, false);
        if (j->active.db != NULL && j->active.wal_pages > JOURNAL_WAL_PAGES) {
            bring_home(j);
        }
    }
    if (work->is_fetch) {
        fetch(j);
    }
    if (work->is_copy) {
        journal_copy_step(j);
    }
}

void *journal_thread_run(void *journal)
{
    struct journal *j = journal;
    pthread_mutex_lock(&j->mutex);
    for (;;) {
        struct work work = look(j);
        if (work.is_closing) {
            break;
        }
        bool is_idle = !work.is_commit && !work.is_fetch && !work.is_copy;
        if (is_idle && wait_ms(j, rest_ms(j))) {
            continue;
        }
        pthread_mutex_unlock(&j->mutex);
        if (is_idle) {
            keep_house(j);
        } else {
            do_work(j, &work);
        }
        pthread_mutex_lock(&j->mutex);
    }
    pthread_mutex_unlock(&j->mutex);
    return NULL;
}

static bool has_dirty_notes(const struct journal *j)
{
    for (size_t i = 0; i < j->note_count; i++) {
        if (j->notes[i].is_dirty) {
            return true;
        }
    }
    return false;
}

void journal_thread_close(struct journal *j)
{
    journal_copy_stop(j, ERR_STATE, "The gateway was stopped meanwhile.");
    /* Twice, when memory or the ceiling of a batch did not allow to join them. */
    for (int i = 0; i < 2; i++) {
        if (journal_batch_join(&j->writing, &j->waiting) == ERR_OK) {
            i++;
        }
        if (j->writing.count > 0 || has_dirty_notes(j) || is_mark_due(j, j->committed, true)) {
            try_commit(j, true);
        }
    }
    journal_segment_close(&j->active, !j->is_failing);
    journal_spans_close(&j->spans);
}
