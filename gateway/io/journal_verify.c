/* journal_verify.c - is this journal what was written? Row by row, with the public key alone.
 *
 * Called by the command line and by tests, on the folder of a stopped gateway or on a copy. Never changes
 * anything, and never stops at the first finding: later rows are still counted and handed over.
 *
 * It sees a changed, removed, inserted or swapped row, a changed checkpoint, a checkpoint by another key,
 * a missing file in the middle, and rows missing before a checkpoint. It cannot see that the end was cut
 * off together with its checkpoints: only somebody outside who keeps the last checkpoint can. Nor that
 * rows after the last checkpoint were rewritten as a whole; `why` says up to where the signatures reach.
 */
#include "io/journal_spans.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARK_MAX = 1 << 20 /* checkpoints in one journal: two years, one a minute */ };

struct verify {
    const uint8_t *sign_public;
    bool (*each)(void *context, const struct journal_row *row);
    void *context;
    struct journal_report *report;
    enum err err;
    struct journal_mark *marks; /* ascending by seq */
    size_t mark_count;
    size_t mark_room;
    size_t next_mark;
    uint64_t next_seq;
    uint64_t signed_seq;
    uint8_t hash[CHAIN_HASH];
};

/* The first finding wins; it is the one with the smallest number, because rows come in order. */
static void find(struct verify *v, enum err err, uint64_t seq, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void find(struct verify *v, enum err err, uint64_t seq, const char *format, ...)
{
    if (v->err != ERR_OK) {
        return;
    }
    v->err = err;
    v->report->bad_seq = seq;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(v->report->why, sizeof v->report->why, format, arguments);
    va_end(arguments);
}

static void take_mark(void *context, const struct journal_mark *mark)
{
    struct verify *v = context;
    if (v->mark_count == v->mark_room) {
        size_t room = v->mark_room > 0 ? v->mark_room * 2 : 256;
        struct journal_mark *marks =
            room <= MARK_MAX ? realloc(v->marks, room * sizeof *marks) : NULL;
        if (marks == NULL) {
            find(v, ERR_FULL, mark->seq, "There are more checkpoints than can be checked at once.");
            return;
        }
        v->marks = marks;
        v->mark_room = room;
    }
    v->marks[v->mark_count++] = *mark;
}

static int by_seq(const void *a, const void *b)
{
    uint64_t left = ((const struct journal_mark *)a)->seq;
    uint64_t right = ((const struct journal_mark *)b)->seq;
    return left < right ? -1 : left > right;
}

static void check_marks_at(struct verify *v, const struct journal_row *row, const uint8_t *hash)
{
    for (; v->next_mark < v->mark_count && v->marks[v->next_mark].seq <= row->seq; v->next_mark++) {
        const struct journal_mark *mark = &v->marks[v->next_mark];
        unsigned long long seq = mark->seq;
        if (!journal_chain_is_signed(mark, v->sign_public)) {
            find(v, ERR_AUTH, mark->seq,
                 "The checkpoint at row %llu is not signed by this gateway's key: it was changed, "
                 "or "
                 "the key is another one.",
                 seq);
        } else if (mark->seq != row->seq || memcmp(mark->hash, hash, CHAIN_HASH) != 0) {
            find(v, ERR_CHECKSUM, mark->seq,
                 "The checkpoint at row %llu was signed over other rows than stand here.", seq);
        } else {
            v->report->checkpoints++;
            v->signed_seq = mark->seq;
        }
    }
}

static bool check_row(void *context, const struct journal_row *row, const uint8_t *hash)
{
    struct verify *v = context;
    unsigned long long seq = row->seq;
    if (row->seq != v->next_seq) {
        find(v, ERR_CHECKSUM, v->next_seq, "Row %llu is missing or cannot be read.",
             (unsigned long long)v->next_seq);
    }
    uint8_t wanted[CHAIN_HASH];
    journal_chain_step(v->hash, row, wanted);
    if (memcmp(wanted, hash, CHAIN_HASH) != 0) {
        find(
            v, ERR_CHECKSUM, row->seq,
            "Row %llu does not follow from the row before it: it was changed, put in or exchanged.",
            seq);
    }
    check_marks_at(v, row, hash);
    memcpy(v->hash, hash, CHAIN_HASH);
    v->next_seq = row->seq + 1;
    v->report->rows++;
    return v->each == NULL || v->each(v->context, row);
}

static enum err open_files(struct verify *v, struct journal_spans *spans)
{
    unsigned numbers[JOURNAL_SEGMENTS];
    size_t count = 0;
    enum err err = journal_spans_list(spans->dir, numbers, JOURNAL_SEGMENTS, &count);
    if (err != ERR_OK) {
        find(v, err, 0, "The folder %.200s cannot be read.", spans->dir);
        return err;
    }
    for (size_t i = 0; i < count; i++) {
        struct journal_segment *s = &spans->reader;
        err = journal_segment_open(s, spans->dir, numbers[i], SEGMENT_READ);
        if (err == ERR_NOT_FOUND) {
            continue;
        }
        if (err == ERR_STATE) {
            find(v, err, 0,
                 "A gateway is using this journal. Stop it first, or ask it for a copy and check "
                 "that.");
            return err;
        }
        if (err != ERR_OK) {
            find(v, err, 0, "The file %06u.db cannot be read: %.150s.", numbers[i], s->why);
            continue;
        }
        if (journal_spans_add(spans, s) != ERR_OK ||
            journal_segment_marks(s, take_mark, v) != ERR_OK) {
            find(v, ERR_CHECKSUM, journal_spans_last(spans) + 1,
                 "The file %06u.db is damaged: %.150s.", numbers[i], s->why);
        }
        journal_segment_close(s, false);
    }
    return ERR_OK;
}

/* Each file says what it follows: that must be the row that stands there, in whichever file. */
static void check_files(struct verify *v, const struct journal_spans *spans)
{
    uint8_t start[CHAIN_HASH];
    journal_chain_start(start);
    for (size_t i = 0; i < spans->count; i++) {
        const struct journal_span *span = &spans->at[i];
        if (i == 0 && span->first == 1 && memcmp(span->before, start, CHAIN_HASH) != 0) {
            find(v, ERR_CHECKSUM, 1, "The file %06u.db does not begin as a journal begins.",
                 span->number);
        }
        bool is_joined = i > 0 && span->first == spans->at[i - 1].last + 1;
        if (is_joined && memcmp(span->before, spans->at[i - 1].last_hash, CHAIN_HASH) != 0) {
            find(v, ERR_CHECKSUM, span->first,
                 "The file %06u.db does not follow the one before it.", span->number);
        }
    }
}

static void conclude(struct verify *v, uint64_t last)
{
    if (v->next_seq <= last) {
        find(v, ERR_CHECKSUM, v->next_seq, "Row %llu and those after it cannot be read.",
             (unsigned long long)v->next_seq);
    }
    if (v->next_mark < v->mark_count) {
        find(v, ERR_CHECKSUM, v->next_seq,
             "A checkpoint was signed at row %llu, but the journal ends at row %llu: the end is "
             "missing.",
             (unsigned long long)v->marks[v->mark_count - 1].seq,
             (unsigned long long)(v->next_seq - 1));
    }
    if (v->err != ERR_OK) {
        return;
    }
    snprintf(
        v->report->why, sizeof v->report->why,
        "All %llu rows follow from each other; signed up to row %llu. Whether rows after the last "
        "checkpoint were cut off cannot be seen from here.",
        (unsigned long long)v->report->rows, (unsigned long long)v->signed_seq);
}

enum err journal_verify(const char *dir, const uint8_t *sign_public,
                        bool (*each)(void *context, const struct journal_row *row), void *context,
                        struct journal_report *ret_report)
{
    *ret_report = (struct journal_report){0};
    struct verify v = {.sign_public = sign_public,
                       .each = each,
                       .context = context,
                       .report = ret_report,
                       .next_seq = 1};
    struct journal_spans *spans = calloc(1, sizeof *spans);
    if (spans == NULL || sodium_init() < 0 ||
        slice_text(slice_str(dir), spans->dir, sizeof spans->dir) != ERR_OK) {
        free(spans);
        snprintf(ret_report->why, sizeof ret_report->why, "There is not enough memory.");
        return ERR_FULL;
    }
    journal_chain_start(v.hash);
    if (open_files(&v, spans) == ERR_OK) {
        struct segment_damage damage = {0};
        if (v.mark_count > 0) {
            qsort(v.marks, v.mark_count, sizeof *v.marks, by_seq);
        }
        uint64_t last = journal_spans_last(spans);
        enum err err = journal_spans_read(spans, NULL, 1, last, check_row, &v, &damage);
        if (err == ERR_OK) {
            check_files(&v, spans);
            conclude(&v, last);
        } else if (err == ERR_STATE) {
            find(&v, ERR_STATE, 0, "The check was stopped after row %llu.",
                 (unsigned long long)(v.next_seq - 1));
        } else {
            find(&v, err, v.next_seq, "There is not enough memory to read the journal.");
        }
    }
    journal_spans_close(spans);
    free(v.marks);
    free(spans);
    return v.err;
}
