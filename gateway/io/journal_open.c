/* journal_open.c - finding what the journal holds when the gateway starts.
 *
 * Called by journal_open, before the thread runs. Never gives up over a damaged row or file: what can be
 * read is read, what cannot is said (log, and `why` beside ERR_OK), and writing goes on in a new file.
 * It does refuse what a person has to decide: a newer format, a folder in use, no permission.
 *
 * All files are brought home from their write-ahead log and synced here. After a failed fsync the kernel
 * may show rows that the disk does not have; whatever is read at the start has been written again.
 */
#include "io/journal_own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/log.h"

/* Where a refusal or a warning goes: the caller's `why`, the first one wins. */
struct finding {
    char *why;
    size_t room;
};

static void warn(const struct finding *finding, const struct journal *j, unsigned number,
                 const char *event, const char *reason)
{
    char path[SEGMENT_PATH] = "";
    journal_segment_path(j->spans.dir, number, "", path);
    log_event(LOG_ERROR, event, "file", path, "why", reason, NULL);
    if (finding->why[0] == '\0') {
        snprintf(
            finding->why, finding->room,
            "The journal %s is damaged (%s). Keep the file and have the disk looked at; recording "
            "goes on.",
            path, reason);
    }
}

static enum err refuse(const struct finding *finding, const struct journal *j, unsigned number,
                       enum err err, const char *reason)
{
    snprintf(finding->why, finding->room, "The journal %s/%06u.db cannot be opened: %s.",
             j->spans.dir, number,
             err == ERR_STATE ? "another program has it open; is a gateway running already?"
                              : reason);
    return err;
}

/* Opens one file that is there. ERR_NOT_FOUND: nothing was ever written to it. ERR_CHECKSUM: nothing in it
 * can be read. */
static enum err open_file(struct journal *j, unsigned number, const struct finding *finding,
                          bool *ret_is_worn)
{
    struct journal_segment *s = &j->active;
    char path[SEGMENT_PATH] = "";
    journal_segment_path(j->spans.dir, number, "", path);
    if (access(path, R_OK | W_OK) != 0) {
        return refuse(finding, j, number, ERR_IO, strerror(errno));
    }
    *ret_is_worn = false;
    enum err err = journal_segment_open(s, j->spans.dir, number, SEGMENT_WRITE);
    if (err == ERR_OK) {
        err = journal_segment_checkpoint(s, true);
        if (err == ERR_OK || err == ERR_FULL) {
            return ERR_OK;
        }
        warn(finding, j, number, "journal.file_worn", s->why);
        *ret_is_worn = true;
        return ERR_OK;
    }
    if (err == ERR_NOT_FOUND) {
        return err;
    }
    if (err == ERR_UNSUPPORTED || err == ERR_STATE) {
        return refuse(finding, j, number, err, s->why);
    }
    warn(finding, j, number, "journal.file_worn", s->why);
    *ret_is_worn = true;
    err = journal_segment_open(s, j->spans.dir, number, SEGMENT_READ);
    if (err == ERR_OK) {
        return ERR_OK;
    }
    log_event(LOG_ERROR, "journal.file_lost", "file", path, "why", s->why, NULL);
    return ERR_CHECKSUM;
}

/* The next file in order becomes the active one, if it can take rows. */
static enum err take_file(struct journal *j, unsigned number, const struct finding *finding)
{
    struct journal_segment before = j->active;
    bool is_worn = false;
    j->active = (struct journal_segment){0};
    j->spans.highest = number;
    enum err err = open_file(j, number, finding, &is_worn);
    if (err == ERR_NOT_FOUND) {
        j->active = before;
        return ERR_OK;
    }
    journal_segment_close(&before, true);
    if (err == ERR_CHECKSUM) {
        return ERR_OK; /* rows behind a lost file never go into the one before it */
    }
    if (err == ERR_OK && journal_spans_add(&j->spans, &j->active) != ERR_OK) {
        warn(finding, j, number, "journal.file_worn", j->active.why);
        is_worn = true;
    }
    if (err == ERR_OK && journal_segment_notes(&j->active, j->notes, &j->note_count) != ERR_OK) {
        warn(finding, j, number, "journal.notes_lost", j->active.why);
    }
    if (err != ERR_OK || is_worn) {
        journal_segment_close(&j->active, false);
    }
    return err;
}

/* All files in order; the last good one stays open for writing. */
static enum err open_all(struct journal *j, const struct finding *finding)
{
    unsigned numbers[JOURNAL_SEGMENTS];
    size_t count = 0;
    enum err err = journal_spans_list(j->spans.dir, numbers, JOURNAL_SEGMENTS, &count);
    if (err != ERR_OK) {
        snprintf(finding->why, finding->room, "The journal's folder %s %s.", j->spans.dir,
                 err == ERR_FULL ? "holds too many files: move the folder away and keep it"
                                 : "cannot be read");
    }
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        err = take_file(j, numbers[i], finding);
    }
    return err;
}

/* The first file of a new journal is made at once, so that a wrong folder is seen at the start. */
static enum err make_first(struct journal *j, const struct finding *finding)
{
    struct journal_segment *s = &j->active;
    unsigned number = j->spans.highest + 1;
    uint8_t start[CHAIN_HASH];
    journal_chain_start(start);
    enum err err = journal_segment_create(s, j->spans.dir, number);
    if (err == ERR_OK) {
        j->spans.highest = number;
        err = journal_segment_begin(s);
        err = err == ERR_OK ? journal_segment_found(s, 1, start) : err;
        err = err == ERR_OK ? journal_segment_commit(s) : err;
        err = err == ERR_OK ? journal_spans_sync(j->spans.dir) : err;
        err = err == ERR_OK ? journal_spans_add(&j->spans, s) : err;
    }
    if (err != ERR_OK) {
        refuse(finding, j, number, err, s->why);
        journal_segment_close(s, false);
    }
    return err;
}

struct tail {
    const struct journal *j;
    bool has_hash;
    uint8_t hash[CHAIN_HASH];
    uint64_t bad_seq;
};

static bool check_tail(void *context, const struct journal_row *row, const uint8_t *hash)
{
    struct tail *tail = context;
    if (tail->has_hash) {
        uint8_t wanted[CHAIN_HASH];
        journal_chain_step(tail->hash, row, wanted);
        if (memcmp(wanted, hash, CHAIN_HASH) != 0 && tail->bad_seq == 0) {
            tail->bad_seq = row->seq;
        }
    }
    memcpy(tail->hash, hash, CHAIN_HASH);
    tail->has_hash = true;
    return true;
}

/* A wrong row here is said and kept: it may be the record of somebody who called for help. */
static enum err look_at_tail(struct journal *j, const struct finding *finding)
{
    struct tail tail = {.j = j};
    struct segment_damage damage = {0};
    uint64_t last = journal_spans_last(&j->spans);
    uint64_t from = last > JOURNAL_TAIL ? last - JOURNAL_TAIL : 1;
    if (from == 1) {
        journal_chain_start(tail.hash);
        tail.has_hash = true;
    }
    enum err err =
        journal_spans_read(&j->spans, &j->active, from, last, check_tail, &tail, &damage);
    uint64_t bad_seq = tail.bad_seq != 0 ? tail.bad_seq : damage.first_seq;
    if (err == ERR_OK && bad_seq != 0) {
        char reason[96];
        snprintf(reason, sizeof reason, "row %llu is not what was written, or is missing",
                 (unsigned long long)bad_seq);
        warn(finding, j, j->spans.at[j->spans.count - 1].number, "journal.row_bad", reason);
    }
    return err;
}

enum err journal_open_folder(struct journal *j, char *ret_why, size_t why_room)
{
    struct finding finding = {ret_why, why_room};
    if (mkdir(j->spans.dir, 0700) != 0 && errno != EEXIST) {
        snprintf(ret_why, why_room, "The journal's folder %s cannot be made: %s.", j->spans.dir,
                 strerror(errno));
        return ERR_IO;
    }
    enum err err = open_all(j, &finding);
    if (err == ERR_OK && j->spans.count == 0) {
        err = make_first(j, &finding);
    }
    if (err == ERR_OK) {
        err = look_at_tail(j, &finding);
    }
    j->committed = journal_spans_last(&j->spans);
    j->marked = j->committed;
    journal_spans_last_hash(&j->spans, j->hash);
    return err;
}
