/* test_journal.c - what the journal promises when the disk is well, and when the process is killed. */
#include "unit/io/journal_bench.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static void appended_rows_are_read_back_after_a_restart(void **state)
{
    (void)state;
    bench_open();
    bench_expect_rows(0);
    bench_append(2500, 7);
    bench_wait(2500, 0);
    assert_int_equal(journal_durable(bench.journal), 2500);
    bench_close();
    bench_open();
    assert_int_equal(journal_last(bench.journal), 2500);
    bench_expect_rows(2500);
    bench_append(10, 1);
    bench_wait(2510, 0);
    bench_close();
    bench_expect_verified(2510);
}

static void biggest_and_empty_rows_survive_and_a_bigger_one_is_refused(void **state)
{
    (void)state;
    static uint8_t big[JOURNAL_ROW_MAX + 1];
    uint64_t seq = 0;
    bench_open();
    struct journal_row row = {.type = 3, .at_ms = -5, .bytes = slice_of(big, sizeof big)};
    assert_int_equal(journal_append(bench.journal, &row, &seq), ERR_RANGE);
    row.bytes.len--;
    assert_int_equal(journal_append(bench.journal, &row, &seq), ERR_OK);
    row.bytes = slice_of(NULL, 0);
    assert_int_equal(journal_append(bench.journal, &row, &seq), ERR_OK);
    assert_int_equal(seq, 2);
    bench_close();
    struct journal_report report;
    assert_int_equal(bench_verify(bench.dir, &report), ERR_OK);
    assert_int_equal(report.rows, 2);
}

static bool stop_at_third(void *context, const struct journal_row *row)
{
    int *count = context;
    (void)row;
    return ++*count < 3;
}

static void reading_stops_when_told_and_ends_with_the_first_append(void **state)
{
    (void)state;
    bench_open();
    bench_append(10, 10);
    bench_close();
    bench_open();
    int count = 0;
    assert_int_equal(journal_read(bench.journal, 5, stop_at_third, &count), ERR_OK);
    assert_int_equal(count, 3);
    bench_append(1, 1);
    assert_int_equal(journal_read(bench.journal, 1, stop_at_third, &count), ERR_STATE);
}

static void flushes_while_a_commit_runs_are_committed_together(void **state)
{
    (void)state;
    bench_open();
    /* Hundreds of flushes follow each other faster than a disk syncs; if each had its own commit there
     * would be as many tellings. */
    bench_append(3000, 1);
    bench_wait(3000, 0);
    assert_int_equal(bench.up_to, 3000);
    assert_true(bench.successes >= 1 && bench.successes < 3000);
    bench_close();
    bench_expect_verified(3000);
}

static void backlog_has_a_ceiling(void **state)
{
    (void)state;
    bench.backlog_max = 100;
    bench_open();
    uint8_t room[64];
    uint64_t seq = 0;
    for (uint64_t i = 1; i <= 100; i++) {
        struct journal_row row = bench_row(i, room);
        assert_int_equal(journal_append(bench.journal, &row, &seq), ERR_OK);
    }
    struct journal_row row = bench_row(101, room);
    assert_int_equal(journal_append(bench.journal, &row, &seq), ERR_FULL);
    journal_flush(bench.journal);
    bench_wait(100, 0);
    assert_int_equal(journal_append(bench.journal, &row, &seq), ERR_OK);
    assert_int_equal(seq, 101);
    bench_close();
    bench_expect_verified(101);
}

struct fetched {
    uint64_t next;
    int answers;
    bool is_end;
    bool is_chained; /* asks for the rest in the callback */
};

static void on_rows(void *context, const struct journal_row *rows, size_t count, bool is_end)
{
    struct fetched *fetched = context;
    struct journal *journal = bench.journal;
    fetched->answers++;
    fetched->is_end = is_end;
    if (fetched->is_chained && !is_end) {
        assert_int_equal(journal_fetch(journal, fetched->next + count, 100, on_rows, fetched),
                         ERR_OK);
    }
    /* Rows stay good until this returns, also when the next question was asked. */
    for (size_t i = 0; i < count; i++) {
        assert_true(bench_is_row(&rows[i], fetched->next));
        fetched->next++;
    }
    if (is_end || !fetched->is_chained) {
        ev_break(bench.loop, EVBREAK_ALL);
    }
}

static void durable_rows_are_fetched_one_question_at_a_time(void **state)
{
    (void)state;
    bench_open();
    bench_append(1050, 50);
    bench_wait(1050, 0);
    struct fetched fetched = {.next = 11};
    assert_int_equal(journal_fetch(bench.journal, 11, 20, on_rows, &fetched), ERR_OK);
    assert_int_equal(journal_fetch(bench.journal, 11, 20, on_rows, &fetched), ERR_STATE);
    bench_run(0);
    assert_int_equal(fetched.next, 31);
    assert_false(fetched.is_end);

    fetched = (struct fetched){.next = 1, .is_chained = true};
    assert_int_equal(journal_fetch(bench.journal, 1, 100, on_rows, &fetched), ERR_OK);
    bench_run(0);
    assert_int_equal(fetched.next, 1051);
    assert_int_equal(fetched.answers, 11);
    assert_true(fetched.is_end);

    fetched = (struct fetched){.next = 5000};
    assert_int_equal(journal_fetch(bench.journal, 5000, 100, on_rows, &fetched), ERR_OK);
    bench_run(0);
    assert_int_equal(fetched.next, 5000);
    assert_true(fetched.is_end);
}

static void noted_numbers_survive_with_the_next_commit(void **state)
{
    (void)state;
    bench_open();
    assert_int_equal(journal_noted(bench.journal, "bus"), 0);
    journal_note(bench.journal, "bus", 17);
    journal_note(bench.journal, "centre", 4);
    bench_append(1, 1);
    bench_wait(1, 0);
    journal_note(bench.journal, "bus", 18); /* no row after it: written at the close */
    bench_close();
    bench_open();
    assert_int_equal(journal_noted(bench.journal, "bus"), 18);
    assert_int_equal(journal_noted(bench.journal, "centre"), 4);
}

struct copied {
    bool is_done;
    enum err err;
    char why[256];
};

static void on_copied(void *context, enum err err, const char *why)
{
    struct copied *copied = context;
    copied->is_done = true;
    copied->err = err;
    snprintf(copied->why, sizeof copied->why, "%s", why);
}

static void copy_made_while_rows_come_is_whole(void **state)
{
    (void)state;
    char copy[80];
    snprintf(copy, sizeof copy, "%s-copy", bench.dir);
    bench.checkpoint_ms = 1;
    bench_open();
    bench_append(15000, 500);
    bench_wait(15000, 0);
    struct copied copied = {0};
    assert_int_equal(journal_copy(bench.journal, copy, on_copied, &copied), ERR_OK);
    while (!copied.is_done) {
        bench_append(20, 5);
        bench_wait(journal_last(bench.journal), 0);
    }
    assert_string_equal(copied.why, "");
    assert_int_equal(copied.err, ERR_OK);
    struct journal_report report;
    enum err err = bench_verify(copy, &report);
    assert_string_equal(err == ERR_OK ? "" : report.why, "");
    assert_in_range(report.rows, 15000, journal_last(bench.journal));
    assert_true(report.checkpoints > 0);

    copied = (struct copied){0};
    assert_int_equal(journal_copy(bench.journal, copy, on_copied, &copied), ERR_OK);
    while (!copied.is_done) {
        bench_run(EVRUN_ONCE);
    }
    assert_int_equal(copied.err, ERR_IO);
    assert_non_null(strstr(copied.why, "there already"));
    bench_empty_folder(copy);
    rmdir(copy);
}

static void living_journal_is_not_opened_by_a_second_program(void **state)
{
    (void)state;
    bench_open();
    bench_append(5, 5);
    bench_wait(5, 0);
    struct journal *first = bench.journal;
    char why[256];
    assert_int_equal(bench_try_open(bench.dir, why, sizeof why), ERR_STATE);
    assert_non_null(strstr(why, "already"));
    bench.journal = first;
    struct journal_report report;
    assert_int_equal(bench_verify(bench.dir, &report), ERR_STATE);
    assert_non_null(strstr(report.why, "copy"));
    bench_append(5, 5);
    bench_wait(10, 0);
}

static void newer_format_is_refused_in_plain_words(void **state)
{
    (void)state;
    bench_open();
    bench_append(5, 5);
    bench_close();
    char path[128];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/000001.db", bench.dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE meta SET value=2 WHERE name='format'", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    char why[256];
    assert_int_equal(bench_try_open(bench.dir, why, sizeof why), ERR_UNSUPPORTED);
    assert_non_null(strstr(why, "newer Samlarm"));
    assert_non_null(strstr(why, path));
}

static void only_the_owner_may_read_the_files(void **state)
{
    (void)state;
    bench_open();
    bench_append(5, 5);
    bench_wait(5, 0);
    static const char *const names[] = {"000001.db", "000001.db-wal"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        struct stat about;
        snprintf(path, sizeof path, "%s/%s", bench.dir, names[i]);
        assert_int_equal(stat(path, &about), 0);
        assert_int_equal(about.st_mode & 07777, 0600);
    }
}

static void file_cut_to_nothing_is_passed_over(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/000001.db", bench.dir);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd); /* as a crash in the first moment leaves it */
    bench_open();
    bench_append(5, 5);
    bench_close();
    bench_expect_verified(5);
    bench_open();
    bench_expect_rows(5);
}

/* The child appends for ever and writes down what it was told is durable. */
static void append_until_killed(int told)
{
    bench_open();
    for (;;) {
        uint64_t next = journal_last(bench.journal) + 1 + journal_last(bench.journal) % 9;
        bench_append(next - journal_last(bench.journal), 3);
        bench_wait(bench.up_to + 1, 0);
        if (write(told, &bench.up_to, sizeof bench.up_to) != sizeof bench.up_to) {
            _exit(1);
        }
    }
}

static uint64_t run_and_kill(unsigned after_reports)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        append_until_killed(ends[1]);
    }
    close(ends[1]);
    uint64_t told = 0;
    uint64_t value = 0;
    for (unsigned i = 0; read(ends[0], &value, sizeof value) == (ssize_t)sizeof value; i++) {
        told = value;
        if (i == after_reports) {
            kill(child, SIGKILL);
        }
    }
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return told;
}

static void nothing_acknowledged_is_lost_by_kill_nine(void **state)
{
    (void)state;
    bench.checkpoint_ms = 1;
    uint64_t before = 0;
    for (unsigned round = 0; round < 20; round++) {
        uint64_t told = run_and_kill(5 + round * 7 % 40);
        assert_true(told > before);
        struct journal_report report;
        enum err err =
            bench_verify(bench.dir, &report); /* with its write-ahead log, as it lies there */
        assert_string_equal(err == ERR_OK ? "" : report.why, "");
        assert_true(report.rows >= told);
        bench_open();
        uint64_t last = journal_last(bench.journal);
        assert_int_equal(last, report.rows);
        bench_expect_rows(last);
        bench_close();
        bench_expect_verified(last);
        before = last;
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        CASE(appended_rows_are_read_back_after_a_restart),
        CASE(biggest_and_empty_rows_survive_and_a_bigger_one_is_refused),
        CASE(reading_stops_when_told_and_ends_with_the_first_append),
        CASE(flushes_while_a_commit_runs_are_committed_together),
        CASE(backlog_has_a_ceiling),
        CASE(durable_rows_are_fetched_one_question_at_a_time),
        CASE(noted_numbers_survive_with_the_next_commit),
        CASE(copy_made_while_rows_come_is_whole),
        CASE(living_journal_is_not_opened_by_a_second_program),
        CASE(newer_format_is_refused_in_plain_words),
        CASE(only_the_owner_may_read_the_files),
        CASE(file_cut_to_nothing_is_passed_over),
        CASE(nothing_acknowledged_is_lost_by_kill_nine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
