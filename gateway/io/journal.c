/* journal.c - the loop's half of the journal: take rows in, hand them over, tell what is durable.
 *
 * Called by the turn, on the loop's thread. Never touches the disk after the start: that is the other
 * half, journal_thread.c. A row costs one copy here and nothing is allocated on the steady path.
 */
#include "io/journal_own.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/log.h"

static void tell(struct journal *j, uint64_t up_to, enum err err, const char *why)
{
    j->durable = up_to;
    if (j->config.on_durable != NULL) {
        j->config.on_durable(j->config.context, up_to, err, why);
    }
}

static void tell_news(struct journal *j, const struct journal_news *news)
{
    bool was_failing = j->state != ERR_OK;
    if (news->has_fault) {
        if (!was_failing) {
            log_event(LOG_ERROR, "journal.refused", "err", err_name(news->fault), "why", news->why,
                      NULL);
            count("journal_faults", err_name(news->fault));
        }
        j->state = news->fault;
        memcpy(j->state_why, news->why, sizeof j->state_why);
        tell(j, news->fault_up_to, news->fault, j->state_why);
    }
    if (!news->is_failing) {
        if (j->state != ERR_OK) {
            j->state = ERR_OK;
            log_event(LOG_WARN, "journal.recording_again", "dir", j->config.dir, NULL);
        }
        tell(j, news->up_to, ERR_OK, "");
    }
    if (news->damage.rows > 0) {
        char first[24];
        char rows[24];
        snprintf(first, sizeof first, "%llu", (unsigned long long)news->damage.first_seq);
        snprintf(rows, sizeof rows, "%llu", (unsigned long long)news->damage.rows);
        log_event(LOG_ERROR, "journal.rows_unreadable", "first_seq", first, "rows", rows, NULL);
    }
}

static void deliver_fetch(struct journal *j)
{
    /* The callback may ask for the next rows at once: until it returns, these are not the thread's. */
    struct journal_fetch *fetch = &j->fetch;
    void (*on_rows)(void *, const struct journal_row *, size_t, bool) = fetch->on_rows;
    struct journal_row *rows = fetch->rows;
    uint8_t *bytes = fetch->bytes;
    size_t rows_count = fetch->count;
    pthread_mutex_lock(&j->mutex);
    fetch->rows = NULL;
    fetch->bytes = NULL;
    fetch->job = JOB_NONE;
    pthread_mutex_unlock(&j->mutex);
    on_rows(fetch->context, rows, rows_count, fetch->is_end);
    pthread_mutex_lock(&j->mutex);
    if (fetch->rows == NULL && fetch->bytes == NULL) {
        fetch->rows = rows;
        fetch->bytes = bytes;
        rows = NULL;
        bytes = NULL;
    }
    pthread_mutex_unlock(&j->mutex);
    free(rows);
    free(bytes);
}

static void on_wake(void *context)
{
    struct journal *j = context;
    pthread_mutex_lock(&j->mutex);
    struct journal_news news = j->news;
    j->news.is_new = false;
    j->news.has_fault = false;
    j->news.damage = (struct segment_damage){0};
    bool is_fetched = j->fetch.job == JOB_DONE;
    bool is_copied = j->copy.job == JOB_DONE;
    pthread_mutex_unlock(&j->mutex);
    if (news.is_new) {
        tell_news(j, &news);
    }
    if (is_fetched) {
        deliver_fetch(j);
    }
    if (is_copied) {
        char why[JOURNAL_WHY];
        memcpy(why, j->copy.why, sizeof why);
        void (*on_done)(void *, enum err, const char *) = j->copy.on_done;
        void *their = j->copy.context;
        enum err err = j->copy.err;
        pthread_mutex_lock(&j->mutex);
        j->copy.job = JOB_NONE;
        pthread_mutex_unlock(&j->mutex);
        on_done(their, err, why);
    }
    if (j->is_flush_owed) {
        journal_flush(j);
    }
}

static enum err start_thread(struct journal *j)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&j->mutex, NULL);
    pthread_cond_init(&j->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    loop_post_open(&j->post, j->loop, on_wake, j);
    j->has_thread = pthread_create(&j->thread, NULL, journal_thread_run, j) == 0;
    if (!j->has_thread) {
        loop_post_close(&j->post, j->loop);
        pthread_cond_destroy(&j->wake);
        pthread_mutex_destroy(&j->mutex);
        return ERR_FULL;
    }
    return ERR_OK;
}

enum err journal_open(struct ev_loop *loop, const struct journal_config *config,
                      struct journal **ret_journal, char *ret_why, size_t why_room)
{
    ret_why[0] = '\0';
    struct journal *j = calloc(1, sizeof *j);
    if (j == NULL || sodium_init() < 0) {
        snprintf(ret_why, why_room, "There is not enough memory to open the journal.");
        free(j);
        return ERR_FULL;
    }
    j->config = *config;
    j->loop = loop;
    if (j->config.backlog_max == 0) {
        j->config.backlog_max = JOURNAL_BACKLOG;
    }
    if (j->config.checkpoint_ms == 0) {
        j->config.checkpoint_ms = JOURNAL_CHECKPOINT_MS;
    }
    j->marked_mono_ms = loop_now().mono_ms;
    enum err err = slice_text(slice_str(config->dir), j->spans.dir, sizeof j->spans.dir);
    if (err != ERR_OK) {
        snprintf(ret_why, why_room, "The name of the journal's folder is too long.");
    } else {
        err = journal_open_folder(j, ret_why, why_room);
    }
    if (err == ERR_OK) {
        j->config.dir = j->spans.dir; /* the caller's text may be gone by then */
        j->opened_at = j->appended = j->durable = j->news.up_to = j->committed;
        err = start_thread(j);
    }
    if (err != ERR_OK) {
        journal_segment_close(&j->active, false);
        journal_spans_close(&j->spans);
        free(j);
        return err;
    }
    *ret_journal = j;
    return ERR_OK;
}

void journal_close(struct journal *j)
{
    if (j == NULL) {
        return;
    }
    journal_flush(j);
    pthread_mutex_lock(&j->mutex);
    j->is_closing = true;
    pthread_cond_signal(&j->wake);
    pthread_mutex_unlock(&j->mutex);
    pthread_join(j->thread, NULL);
    journal_thread_close(j);
    if (j->committed < j->appended) {
        char rows[24];
        snprintf(rows, sizeof rows, "%llu", (unsigned long long)(j->appended - j->committed));
        log_event(LOG_ERROR, "journal.rows_not_recorded", "rows", rows, "why", j->news.why, NULL);
    }
    loop_post_close(&j->post, j->loop);
    pthread_cond_destroy(&j->wake);
    pthread_mutex_destroy(&j->mutex);
    journal_batch_finish(&j->filling);
    journal_batch_finish(&j->waiting);
    journal_batch_finish(&j->writing);
    free(j->fetch.rows);
    free(j->fetch.bytes);
    free(j);
}

struct reading {
    bool (*each)(void *context, const struct journal_row *row);
    void *context;
};

static bool read_row(void *context, const struct journal_row *row, const uint8_t *hash)
{
    (void)hash;
    struct reading *reading = context;
    return reading->each(reading->context, row);
}

enum err journal_read(struct journal *j, uint64_t from,
                      bool (*each)(void *context, const struct journal_row *row), void *context)
{
    if (j->appended != j->opened_at) {
        return ERR_STATE;
    }
    struct reading reading = {each, context};
    struct segment_damage damage = {0};
    /* The thread sleeps: nothing was handed to it yet, and the mutex keeps it so. */
    pthread_mutex_lock(&j->mutex);
    enum err err = journal_spans_read(&j->spans, &j->active, from > 0 ? from : 1, j->committed,
                                      read_row, &reading, &damage);
    if (damage.rows > 0) {
        j->news.damage = damage;
        j->news.is_new = true;
        loop_post_wake(&j->post);
        if (j->active.db != NULL && damage.first_seq >= j->active.first) {
            /* A file with unreadable pages gets no new rows; the next commit begins a new file. */
            journal_segment_close(&j->active, false);
        }
    }
    pthread_mutex_unlock(&j->mutex);
    return err == ERR_STATE ? ERR_OK : err;
}

enum err journal_append(struct journal *j, const struct journal_row *row, uint64_t *ret_seq)
{
    if (row->bytes.len > JOURNAL_ROW_MAX) {
        return ERR_RANGE;
    }
    if (j->appended - j->durable >= j->config.backlog_max) {
        return ERR_FULL;
    }
    struct journal_row numbered = *row;
    numbered.seq = j->appended + 1;
    enum err err = journal_batch_add(&j->filling, &numbered);
    if (err != ERR_OK) {
        return err;
    }
    j->appended++;
    *ret_seq = j->appended;
    return ERR_OK;
}

void journal_flush(struct journal *j)
{
    if (j->filling.count == 0) {
        return;
    }
    pthread_mutex_lock(&j->mutex);
    /* Not enough memory to join them: they stay here until the thread has taken what waits. */
    j->is_flush_owed = journal_batch_join(&j->waiting, &j->filling) != ERR_OK;
    if (j->news.is_failing) {
        /* The disk is known to refuse: whoever waits for these rows hears so now, not a second later. */
        j->news.has_fault = true;
        j->news.is_new = true;
        loop_post_wake(&j->post);
    }
    pthread_cond_signal(&j->wake);
    pthread_mutex_unlock(&j->mutex);
}

uint64_t journal_last(const struct journal *j)
{
    return j->appended;
}

uint64_t journal_durable(const struct journal *j)
{
    return j->durable;
}

enum err journal_fetch(struct journal *j, uint64_t from, size_t max,
                       void (*on_rows)(void *context, const struct journal_row *rows, size_t count,
                                       bool is_end),
                       void *context)
{
    pthread_mutex_lock(&j->mutex);
    struct journal_fetch *fetch = &j->fetch;
    enum err err = fetch->job == JOB_NONE ? ERR_OK : ERR_STATE;
    if (err == ERR_OK && fetch->rows == NULL) {
        fetch->rows = calloc(JOURNAL_FETCH_ROWS, sizeof *fetch->rows);
        fetch->bytes = malloc(JOURNAL_FETCH_BYTES);
        if (fetch->rows == NULL || fetch->bytes == NULL) {
            free(fetch->rows);
            free(fetch->bytes);
            fetch->rows = NULL;
            fetch->bytes = NULL;
            err = ERR_FULL;
        }
    }
    if (err == ERR_OK) {
        fetch->from = from > 0 ? from : 1;
        fetch->max = max < JOURNAL_FETCH_ROWS ? max : JOURNAL_FETCH_ROWS;
        fetch->on_rows = on_rows;
        fetch->context = context;
        fetch->job = JOB_ASKED;
        pthread_cond_signal(&j->wake);
    }
    pthread_mutex_unlock(&j->mutex);
    return err;
}

void journal_note(struct journal *j, const char *name, uint64_t value)
{
    pthread_mutex_lock(&j->mutex);
    size_t i = 0;
    while (i < j->note_count && strcmp(j->notes[i].name, name) != 0) {
        i++;
    }
    bool is_known = i < j->note_count;
    bool is_taken = is_known || (i < SEGMENT_NOTES && strlen(name) < SEGMENT_NOTE_NAME);
    if (is_taken && !is_known) {
        j->notes[i] = (struct segment_note){0};
        memcpy(j->notes[i].name, name, strlen(name) + 1);
        j->note_count++;
    }
    if (is_taken && (!is_known || j->notes[i].value != value)) {
        j->notes[i].value = value;
        j->notes[i].is_dirty = true;
    }
    pthread_mutex_unlock(&j->mutex);
    if (!is_taken) {
        log_event(LOG_ERROR, "journal.note_refused", "name", name, NULL);
    }
}

uint64_t journal_noted(struct journal *j, const char *name)
{
    uint64_t value = 0;
    pthread_mutex_lock(&j->mutex);
    for (size_t i = 0; i < j->note_count; i++) {
        if (strcmp(j->notes[i].name, name) == 0) {
            value = j->notes[i].value;
        }
    }
    pthread_mutex_unlock(&j->mutex);
    return value;
}

enum err journal_copy(struct journal *j, const char *dir,
                      void (*on_done)(void *context, enum err err, const char *why), void *context)
{
    pthread_mutex_lock(&j->mutex);
    enum err err = j->copy.job == JOB_NONE ? ERR_OK : ERR_STATE;
    if (err == ERR_OK && (strlen(dir) >= sizeof j->copy.dir || dir[0] == '\0')) {
        err = ERR_RANGE;
    }
    if (err == ERR_OK) {
        memcpy(j->copy.dir, dir, strlen(dir) + 1);
        j->copy.on_done = on_done;
        j->copy.context = context;
        j->copy.job = JOB_ASKED;
        pthread_cond_signal(&j->wake);
    }
    pthread_mutex_unlock(&j->mutex);
    return err;
}
