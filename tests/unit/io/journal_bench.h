/* journal_bench.h - what the journal's tests share: a folder, a loop, a listener, rows that can be checked.
 *
 * Included by test_journal.c, test_journal_faults.c and test_journal_verify.c.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/journal.h"

struct bench {
    char dir[64];
    struct ev_loop *loop;
    struct journal *journal;
    uint8_t sign_public[32];
    uint8_t sign_secret[64];
    int64_t checkpoint_ms;
    size_t backlog_max;
    /* What the listener heard. */
    uint64_t up_to;
    int faults;
    int successes;
    enum err last;
    enum err first_fault;
    char why[512];
    /* When the loop is left. */
    uint64_t wanted_up_to;
    int wanted_faults;
};

static struct bench bench;

static void bench_on_late(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
    (void)timer;
    (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

static void bench_on_durable(void *context, uint64_t up_to, enum err err, const char *why)
{
    struct bench *b = context;
    assert_true(up_to >= b->up_to);
    b->up_to = up_to;
    b->last = err;
    if (err != ERR_OK) {
        b->first_fault = b->faults == 0 ? err : b->first_fault;
        b->faults++;
        snprintf(b->why, sizeof b->why, "%s", why);
    } else {
        b->successes++;
    }
    if (up_to >= b->wanted_up_to && b->faults >= b->wanted_faults) {
        ev_break(b->loop, EVBREAK_ALL);
    }
}

/* Runs the loop until this is heard; the time limit is only for a test that fails. */
static inline void bench_wait(uint64_t up_to, int faults)
{
    struct ev_timer late;
    bench.wanted_up_to = up_to;
    bench.wanted_faults = faults;
    ev_timer_init(&late, bench_on_late, 20, 0);
    ev_timer_start(bench.loop, &late);
    if (bench.up_to < up_to || bench.faults < faults) {
        ev_run(bench.loop, 0);
    }
    ev_timer_stop(bench.loop, &late);
    assert_true(bench.up_to >= up_to);
    assert_true(bench.faults >= faults);
}

/* Runs the loop until somebody breaks it, or once; its mailboxes alone would not keep it. */
static inline void bench_run(int flags)
{
    struct ev_timer late;
    ev_timer_init(&late, bench_on_late, 20, 0);
    ev_timer_start(bench.loop, &late);
    ev_run(bench.loop, flags);
    ev_timer_stop(bench.loop, &late);
}

static inline enum err bench_try_open(const char *dir, char *why, size_t room)
{
    struct journal_config config = {.dir = dir,
                                    .sign_secret = bench.sign_secret,
                                    .checkpoint_ms = bench.checkpoint_ms,
                                    .on_durable = bench_on_durable,
                                    .context = &bench,
                                    .backlog_max = bench.backlog_max};
    return journal_open(bench.loop, &config, &bench.journal, why, room);
}

static inline void bench_open(void)
{
    char why[256];
    enum err err = bench_try_open(bench.dir, why, sizeof why);
    if (err != ERR_OK) {
        fail_msg("%s", why);
    }
    bench.up_to = journal_durable(bench.journal);
    bench.faults = bench.successes = 0;
}

static inline void bench_close(void)
{
    journal_close(bench.journal);
    bench.journal = NULL;
}

/* Row `n` has bytes that only row `n` has. */
static inline struct journal_row bench_row(uint64_t n, uint8_t room[64])
{
    struct journal_row row = {.type = (int)(n % 7) - 1, .at_ms = 1700000000000 + (int64_t)n * 10};
    if (n % 3 != 0) {
        memcpy(row.key, &n, sizeof n);
        row.key[15] = 1;
    }
    int len = snprintf((char *)room, 64, "row %llu of the test%.*s", (unsigned long long)n,
                       (int)(n % 20), "....................");
    row.bytes = slice_of(room, (size_t)len);
    return row;
}

static inline bool bench_is_row(const struct journal_row *row, uint64_t n)
{
    uint8_t room[64];
    struct journal_row wanted = bench_row(n, room);
    return row->seq == n && row->type == wanted.type && row->at_ms == wanted.at_ms &&
           memcmp(row->key, wanted.key, sizeof row->key) == 0 && slice_eq(row->bytes, wanted.bytes);
}

/* Appends and flushes `count` rows, `batch` of them at a time. */
static inline void bench_append(uint64_t count, uint64_t batch)
{
    for (uint64_t i = 1; i <= count; i++) {
        uint8_t room[64];
        uint64_t seq = 0;
        struct journal_row row = bench_row(journal_last(bench.journal) + 1, room);
        assert_int_equal(journal_append(bench.journal, &row, &seq), ERR_OK);
        assert_int_equal(seq, journal_last(bench.journal));
        if (i % batch == 0 || i == count) {
            journal_flush(bench.journal);
        }
    }
}

static inline bool bench_count_row(void *context, const struct journal_row *row)
{
    uint64_t *next = context;
    if (!bench_is_row(row, *next)) {
        fail_msg("row %llu is not what was appended, expected %llu", (unsigned long long)row->seq,
                 (unsigned long long)*next);
    }
    (*next)++;
    return true;
}

/* Rows 1..last are all there and right, as journal_read gives them. */
static inline void bench_expect_rows(uint64_t last)
{
    uint64_t next = 1;
    assert_int_equal(journal_read(bench.journal, 1, bench_count_row, &next), ERR_OK);
    assert_int_equal(next - 1, last);
}

static inline enum err bench_verify(const char *dir, struct journal_report *ret_report)
{
    return journal_verify(dir, bench.sign_public, NULL, NULL, ret_report);
}

static inline void bench_expect_verified(uint64_t rows)
{
    struct journal_report report;
    uint64_t next = 1;
    enum err err = journal_verify(bench.dir, bench.sign_public, bench_count_row, &next, &report);
    if (err != ERR_OK) {
        fail_msg("%s: %s", err_name(err), report.why);
    }
    assert_int_equal(report.rows, rows);
    assert_int_equal(report.bad_seq, 0);
}

static inline void bench_empty_folder(const char *dir)
{
    DIR *folder = opendir(dir);
    for (struct dirent *entry = folder != NULL ? readdir(folder) : NULL; entry != NULL;
         entry = readdir(folder)) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        unlink(path);
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

static inline int bench_setup(void **state)
{
    (void)state;
    bench = (struct bench){0};
    snprintf(bench.dir, sizeof bench.dir, "/tmp/samlarm-journal-XXXXXX");
    if (mkdtemp(bench.dir) == NULL || sodium_init() < 0) {
        return -1;
    }
    crypto_sign_keypair(bench.sign_public, bench.sign_secret);
    bench.loop = ev_loop_new(0);
    return 0;
}

static inline int bench_teardown(void **state)
{
    (void)state;
    journal_close(bench.journal);
    ev_loop_destroy(bench.loop);
    bench_empty_folder(bench.dir);
    return rmdir(bench.dir);
}
