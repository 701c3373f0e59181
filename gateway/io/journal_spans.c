/* journal_spans.c - the folder of the journal.
 *
 * Called by journal_open, the journal's thread and journal_verify. Never writes into a file.
 */
#include "io/journal_spans.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int by_number(const void *a, const void *b)
{
    unsigned left = *(const unsigned *)a;
    unsigned right = *(const unsigned *)b;
    return left < right ? -1 : left > right;
}

/* "000017.db" is 17; anything else is 0. */
static unsigned number_of(const char *name)
{
    struct slice text = slice_str(name);
    uint64_t number = 0;
    if (text.len != 9 || strcmp(name + 6, ".db") != 0 ||
        slice_u64(slice_of(name, 6), 999999, &number) != ERR_OK) {
        return 0;
    }
    return (unsigned)number;
}

enum err journal_spans_list(const char *dir, unsigned *ret_numbers, size_t room, size_t *ret_count)
{
    DIR *folder = opendir(dir);
    if (folder == NULL) {
        return ERR_IO;
    }
    size_t count = 0;
    enum err err = ERR_OK;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        unsigned number = number_of(entry->d_name);
        if (number == 0) {
            continue;
        }
        if (count == room) {
            err = ERR_FULL;
            break;
        }
        ret_numbers[count++] = number;
    }
    closedir(folder);
    qsort(ret_numbers, count, sizeof *ret_numbers, by_number);
    *ret_count = count;
    return err;
}

static bool remember(void *context, const struct journal_row *row, const uint8_t *hash)
{
    struct journal_span *span = context;
    span->last = row->seq;
    memcpy(span->last_hash, hash, CHAIN_HASH);
    return true;
}

enum err journal_spans_add(struct journal_spans *spans, struct journal_segment *s)
{
    if (spans->count == JOURNAL_SEGMENTS) {
        return ERR_FULL;
    }
    struct journal_span *span = &spans->at[spans->count++];
    span->number = s->number;
    span->first = s->first;
    memcpy(span->before, s->before, CHAIN_HASH);
    enum err err = journal_segment_last(s, &span->last, span->last_hash);
    if (err != ERR_OK) {
        span->last = s->first - 1;
        memcpy(span->last_hash, s->before, CHAIN_HASH);
        /* Its end is damaged: the slow way to the last row that can be read. Nobody knows how many rows
         * there were; a page holds some, so that the search goes a good way past a hole. */
        struct segment_damage damage = {0};
        for (uint64_t from = s->first, to = from + (1u << 20); from < to;) {
            uint64_t last = span->last;
            if (journal_segment_read(s, from, to, remember, span, &damage) != ERR_OK ||
                span->last == last) {
                break;
            }
            from = span->last + 1;
            to = from + (1u << 20);
        }
        err = ERR_CHECKSUM;
    }
    return err;
}

uint64_t journal_spans_end(const struct journal_spans *spans, size_t i)
{
    uint64_t end = spans->at[i].last;
    for (size_t k = i + 1; k < spans->count; k++) {
        if (spans->at[k].first <= end) {
            end = spans->at[k].first - 1;
        }
    }
    return end;
}

uint64_t journal_spans_last(const struct journal_spans *spans)
{
    return spans->count > 0 ? spans->at[spans->count - 1].last : 0;
}

const uint8_t *journal_spans_last_hash(const struct journal_spans *spans, uint8_t room[CHAIN_HASH])
{
    if (spans->count == 0) {
        journal_chain_start(room);
    } else {
        memcpy(room, spans->at[spans->count - 1].last_hash, CHAIN_HASH);
    }
    return room;
}

struct journal_segment *journal_spans_use(struct journal_spans *spans,
                                          struct journal_segment *active, unsigned number)
{
    if (active != NULL && active->db != NULL && active->number == number) {
        return active;
    }
    if (spans->reader.db != NULL && spans->reader.number == number) {
        return &spans->reader;
    }
    journal_segment_close(&spans->reader, false);
    enum err err = journal_segment_open(&spans->reader, spans->dir, number, SEGMENT_READ);
    return err == ERR_OK ? &spans->reader : NULL;
}

static void miss(struct segment_damage *damage, uint64_t from, uint64_t until)
{
    if (from < until) {
        damage->first_seq = damage->rows == 0 ? from : damage->first_seq;
        damage->rows += until - from;
    }
}

enum err journal_spans_read(struct journal_spans *spans, struct journal_segment *active,
                            uint64_t from, uint64_t to,
                            bool (*each)(void *context, const struct journal_row *row,
                                         const uint8_t *hash),
                            void *context, struct segment_damage *damage)
{
    uint64_t next = from;
    for (size_t i = 0; i < spans->count && next <= to; i++) {
        uint64_t end = journal_spans_end(spans, i);
        end = end < to ? end : to;
        if (end < next) {
            continue;
        }
        if (spans->at[i].first > next) {
            miss(damage, next, spans->at[i].first);
            next = spans->at[i].first;
        }
        struct journal_segment *s = journal_spans_use(spans, active, spans->at[i].number);
        if (s == NULL) {
            miss(damage, next, end + 1);
        } else {
            enum err err = journal_segment_read(s, next, end, each, context, damage);
            if (err != ERR_OK) {
                return err;
            }
        }
        next = end + 1;
    }
    return ERR_OK;
}

void journal_spans_close(struct journal_spans *spans)
{
    journal_segment_close(&spans->reader, false);
}

enum err journal_spans_sync(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return ERR_IO;
    }
    int failed = fsync(fd);
    close(fd);
    return failed == 0 ? ERR_OK : ERR_IO;
}
