/* test_journal_faults.c - a disk that is full or fails at every possible moment: nothing that was told to
 * be durable is lost, nobody is left waiting, and recording goes on by itself. */
#include "unit/io/failing_disk.h"
#include "unit/io/journal_bench.h"

enum { ROWS = 400 };

static int setup(void **state)
{
    failing_disk_install();
    return bench_setup(state);
}

static int teardown(void **state)
{
    failing_disk_heal();
    return bench_teardown(state);
}

static bool is_there(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", bench.dir, name);
    return access(path, F_OK) == 0;
}

/* One life of a journal in which one write or sync fails: everything is durable in the end. */
static bool live_through(atomic_int *countdown, int nth, int code)
{
    void *state = NULL;
    assert_int_equal(setup(&state), 0);
    bench.checkpoint_ms = 1;
    bench_open();
    failing_disk.code = code;
    *countdown = nth;
    for (int i = 0; i < ROWS / 20; i++) {
        bench_append(20, 20);
        bench_wait(journal_last(bench.journal), 0);
    }
    bool is_hit = failing_disk.is_failed;
    assert_int_equal(bench.last, ERR_OK);
    assert_int_equal(bench.faults, is_hit ? 1 : 0);
    if (is_hit) {
        assert_int_equal(bench.first_fault, code == SQLITE_FULL ? ERR_FULL : ERR_IO);
        assert_int_equal(is_there("000002.db"), code != SQLITE_FULL);
    }
    bench_close();
    failing_disk_heal();
    bench_expect_verified(ROWS);
    bench_open();
    bench_expect_rows(ROWS);
    assert_int_equal(teardown(&state), 0);
    return is_hit;
}

static void every_failing_sync_costs_a_file_and_no_row(void **state)
{
    (void)state;
    int nth = 1;
    while (live_through(&failing_disk.syncs_until_failure, nth, SQLITE_IOERR_FSYNC)) {
        nth++;
    }
    assert_true(nth > ROWS / 20);
}

static void every_failing_write_costs_a_file_and_no_row(void **state)
{
    (void)state;
    int nth = 1;
    while (live_through(&failing_disk.writes_until_failure, nth, SQLITE_IOERR_WRITE)) {
        nth += nth < 40 ? 1 : 7;
    }
    assert_true(nth > 2 * ROWS / 20);
}

static void full_disk_is_waited_out_in_the_same_file(void **state)
{
    (void)state;
    bench_open();
    bench_append(10, 10);
    bench_wait(10, 0);
    failing_disk.code = SQLITE_FULL;
    failing_disk.is_lasting = true;
    failing_disk.writes_until_failure = 2;
    bench_append(20, 20);
    bench_wait(10, 1);
    assert_int_equal(bench.last, ERR_FULL);
    assert_int_equal(bench.up_to, 10);
    assert_non_null(strstr(bench.why, "is full"));
    assert_non_null(strstr(bench.why, "Free space"));
    /* Rows that come now are told at once that they are not recorded. */
    int faults = bench.faults;
    bench_append(5, 5);
    bench_wait(10, faults + 1);
    assert_int_equal(bench.last, ERR_FULL);
    failing_disk_heal();
    bench_wait(35, 0);
    assert_int_equal(bench.last, ERR_OK);
    assert_false(is_there("000002.db"));
    bench_close();
    bench_expect_verified(35);
}

static void backlog_on_a_full_disk_ends_at_its_ceiling(void **state)
{
    (void)state;
    bench.backlog_max = 50;
    bench_open();
    failing_disk.code = SQLITE_FULL;
    failing_disk.is_lasting = true;
    failing_disk.writes_until_failure = 1;
    bench_append(50, 10);
    bench_wait(0, 1);
    uint8_t room[64];
    uint64_t seq = 0;
    struct journal_row row = bench_row(51, room);
    assert_int_equal(journal_append(bench.journal, &row, &seq), ERR_FULL);
    failing_disk_heal();
    bench_wait(50, 0);
    bench_append(1, 1);
    bench_wait(51, 0);
    bench_close();
    bench_expect_verified(51);
}

static void dead_disk_leaves_no_heap_of_files_and_is_used_again_when_it_lives(void **state)
{
    (void)state;
    bench_open();
    bench_append(10, 10);
    bench_wait(10, 0);
    failing_disk.code = SQLITE_IOERR_WRITE;
    failing_disk.is_lasting = true;
    failing_disk.writes_until_failure = 1;
    bench_append(10, 10);
    bench_wait(10, 4); /* the file, the next, and two tries a second later */
    assert_int_equal(bench.last, ERR_IO);
    assert_non_null(strstr(bench.why, "disk looked at"));
    failing_disk_heal();
    bench_wait(20, 0);
    assert_int_equal(bench.last, ERR_OK);
    assert_true(is_there("000002.db"));
    assert_false(is_there("000003.db"));
    bench_close();
    bench_expect_verified(20);
}

struct heard {
    uint64_t next;
    bool is_end;
    enum err err;
    bool is_copied;
};

static void on_rows(void *context, const struct journal_row *rows, size_t count, bool is_end)
{
    struct heard *heard = context;
    for (size_t i = 0; i < count; i++) {
        assert_true(bench_is_row(&rows[i], heard->next));
        heard->next++;
    }
    heard->is_end = is_end;
    ev_break(bench.loop, EVBREAK_ALL);
}

static void on_copied(void *context, enum err err, const char *why)
{
    struct heard *heard = context;
    assert_string_equal(why, "");
    heard->err = err;
    heard->is_copied = true;
    ev_break(bench.loop, EVBREAK_ALL);
}

static void rows_of_a_finished_file_are_fetched_and_copied_too(void **state)
{
    (void)state;
    bench_open();
    bench_append(10, 10);
    bench_wait(10, 0);
    failing_disk.syncs_until_failure = 1;
    bench_append(10, 10);
    bench_wait(20, 1);
    assert_true(is_there("000002.db"));

    struct heard heard = {.next = 1};
    assert_int_equal(journal_fetch(bench.journal, 1, 100, on_rows, &heard), ERR_OK);
    bench_run(0);
    assert_int_equal(heard.next, 21);
    assert_true(heard.is_end);
    journal_note(bench.journal, "bus", 20);

    char copy[80];
    snprintf(copy, sizeof copy, "%s-copy", bench.dir);
    assert_int_equal(journal_copy(bench.journal, copy, on_copied, &heard), ERR_OK);
    bench_run(0);
    assert_true(heard.is_copied);
    struct journal_report report;
    assert_int_equal(bench_verify(copy, &report), ERR_OK);
    assert_int_equal(report.rows, 20);
    bench_empty_folder(copy);
    rmdir(copy);

    bench_close();
    bench_open();
    assert_int_equal(journal_noted(bench.journal, "bus"), 20);
    bench_expect_rows(20);
}

static void each_commit_is_synced(void **state)
{
    (void)state;
    bench_open();
    failing_disk.syncs = 0;
    for (int i = 1; i <= 30; i++) {
        bench_append(1, 1);
        bench_wait((uint64_t)i, 0);
        assert_true(failing_disk.syncs >= i);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failing_sync_costs_a_file_and_no_row),
        cmocka_unit_test(every_failing_write_costs_a_file_and_no_row),
        CASE(full_disk_is_waited_out_in_the_same_file),
        CASE(backlog_on_a_full_disk_ends_at_its_ceiling),
        CASE(dead_disk_leaves_no_heap_of_files_and_is_used_again_when_it_lives),
        CASE(rows_of_a_finished_file_are_fetched_and_copied_too),
        CASE(each_commit_is_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
