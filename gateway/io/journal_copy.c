/* journal_copy.c - a copy of the living journal, file by file, a few pages between two commits.
 *
 * Called by the journal's thread. Never holds a commit up for longer than some pages take: SQLite carries
 * rows that are committed meanwhile into the copy by itself, because they come over the same connection.
 */
#include "io/journal_own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void finish(struct journal *j, enum err err, const char *why)
{
    struct journal_copy *copy = &j->copy;
    if (copy->backup != NULL) {
        sqlite3_backup_finish(copy->backup);
        copy->backup = NULL;
    }
    sqlite3_close(copy->target);
    copy->target = NULL;
    journal_segment_close(&copy->source, false);
    pthread_mutex_lock(&j->mutex);
    copy->err = err;
    snprintf(copy->why, sizeof copy->why, "%s", why);
    copy->job = JOB_DONE;
    pthread_mutex_unlock(&j->mutex);
    loop_post_wake(&j->post);
}

void journal_copy_stop(struct journal *j, enum err err, const char *why)
{
    pthread_mutex_lock(&j->mutex);
    bool is_running = j->copy.job == JOB_RUNNING;
    pthread_mutex_unlock(&j->mutex);
    if (is_running) {
        finish(j, err, why);
    }
}

static void refuse(struct journal *j, const char *reason)
{
    char why[JOURNAL_WHY];
    snprintf(why, sizeof why, "The journal could not be copied to %.300s: %.150s.", j->copy.dir,
             reason);
    finish(j, ERR_IO, why);
}

static bool start(struct journal *j)
{
    struct journal_copy *copy = &j->copy;
    pthread_mutex_lock(&j->mutex);
    copy->job = JOB_RUNNING;
    pthread_mutex_unlock(&j->mutex);
    copy->next_span = 0;
    if (mkdir(copy->dir, 0700) != 0) {
        refuse(j,
               errno == EEXIST ? "the folder is there already; give a new one" : strerror(errno));
        return false;
    }
    return true;
}

static bool open_next(struct journal *j)
{
    struct journal_copy *copy = &j->copy;
    unsigned number = j->spans.at[copy->next_span].number;
    char path[SEGMENT_PATH];
    if (!journal_segment_path(copy->dir, number, "", path)) {
        refuse(j, "the folder's name is too long");
        return false;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        refuse(j, strerror(errno));
        return false;
    }
    close(fd);
    sqlite3 *from = j->active.db;
    if (from == NULL || j->active.number != number) {
        /* Its own connection: the reader may be moved to another file between two steps. Nobody else may
         * hold the file then, or SQLite's lock stands in the way. */
        journal_spans_close(&j->spans);
        if (journal_segment_open(&copy->source, j->spans.dir, number, SEGMENT_READ) != ERR_OK) {
            refuse(j, copy->source.why);
            return false;
        }
        from = copy->source.db;
    }
    int rc =
        sqlite3_open_v2(path, &copy->target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        copy->backup = sqlite3_backup_init(copy->target, "main", from, "main");
    }
    if (copy->backup == NULL) {
        refuse(j, copy->target != NULL ? sqlite3_errmsg(copy->target) : sqlite3_errstr(rc));
        return false;
    }
    return true;
}

void journal_copy_step(struct journal *j)
{
    struct journal_copy *copy = &j->copy;
    if (copy->job == JOB_ASKED && !start(j)) {
        return;
    }
    if (copy->backup == NULL && !open_next(j)) {
        return;
    }
    int rc = sqlite3_backup_step(copy->backup, JOURNAL_COPY_PAGES);
    if (rc == SQLITE_OK) {
        return;
    }
    if (rc != SQLITE_DONE) {
        refuse(j, sqlite3_errstr(rc));
        return;
    }
    rc = sqlite3_backup_finish(copy->backup);
    copy->backup = NULL;
    sqlite3_close(copy->target);
    copy->target = NULL;
    journal_segment_close(&copy->source, false);
    if (rc != SQLITE_OK) {
        refuse(j, sqlite3_errstr(rc));
        return;
    }
    copy->next_span++;
    if (copy->next_span < j->spans.count) {
        return;
    }
    if (journal_spans_sync(copy->dir) != ERR_OK) {
        refuse(j, strerror(errno));
        return;
    }
    finish(j, ERR_OK, "");
}
