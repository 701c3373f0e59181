/* test_journal_verify.c - journal_verify sees every change that somebody without the key could make. */
#include "unit/io/journal_bench.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

enum { ROWS = 60 };

static struct journal_report report;

/* A closed journal with checkpoints after some of its rows. */
static void make_journal(void)
{
    bench.checkpoint_ms = 1;
    bench_open();
    for (int i = 0; i < 3; i++) {
        usleep(2000); /* the time between two checkpoints, which is real in the journal's thread */
        bench_append(ROWS / 3, ROWS / 3);
        bench_wait(journal_last(bench.journal), 0);
    }
    bench_close();
    bench_expect_verified(ROWS);
}

static void run_sql(const char *sql)
{
    char path[128];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/000001.db", bench.dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s", sqlite3_errmsg(db));
    }
    assert_true(sqlite3_total_changes(db) > 0);
    sqlite3_close(db);
}

static void expect_bad(enum err err, uint64_t seq)
{
    assert_int_equal(bench_verify(bench.dir, &report), err);
    assert_int_equal(report.bad_seq, seq);
    assert_int_not_equal(report.why[0], '\0');
}

static void whole_journal_is_good_and_says_where_signatures_end(void **state)
{
    (void)state;
    make_journal();
    assert_int_equal(bench_verify(bench.dir, &report), ERR_OK);
    assert_int_equal(report.rows, ROWS);
    assert_true(report.checkpoints >= 2);
    assert_non_null(strstr(report.why, "signed up to row 60"));
}

static void removed_row_is_found(void **state)
{
    (void)state;
    make_journal();
    run_sql("DELETE FROM row WHERE seq=17");
    expect_bad(ERR_CHECKSUM, 17);
    assert_int_equal(report.rows, ROWS - 1);
}

static void removed_row_with_all_behind_it_moved_up_is_found(void **state)
{
    (void)state;
    make_journal();
    run_sql("DELETE FROM row WHERE seq=17;"
            "UPDATE row SET seq=-(seq-1) WHERE seq>17; UPDATE row SET seq=-seq WHERE seq<0");
    expect_bad(ERR_CHECKSUM, 17);
}

static void inserted_row_is_found(void **state)
{
    (void)state;
    make_journal();
    run_sql("UPDATE row SET seq=-(seq+1) WHERE seq>=30; UPDATE row SET seq=-seq WHERE seq<0;"
            "INSERT INTO row SELECT 30,type,at_ms,key,bytes,hash FROM row WHERE seq=29");
    expect_bad(ERR_CHECKSUM, 30);
}

static void swapped_rows_are_found(void **state)
{
    (void)state;
    make_journal();
    run_sql("UPDATE row SET seq=-41 WHERE seq=40; UPDATE row SET seq=40 WHERE seq=41;"
            "UPDATE row SET seq=41 WHERE seq=-41");
    expect_bad(ERR_CHECKSUM, 40);
}

static void end_cut_before_a_checkpoint_is_found_and_with_it_is_not(void **state)
{
    (void)state;
    make_journal();
    run_sql("DELETE FROM row WHERE seq>50");
    expect_bad(ERR_CHECKSUM, 51);
    run_sql("DELETE FROM checkpoint WHERE seq>50");
    /* Nobody can see this from the file alone: only who kept the last checkpoint elsewhere. */
    assert_int_equal(bench_verify(bench.dir, &report), ERR_OK);
    assert_non_null(strstr(report.why, "cannot be seen from here"));
    assert_null(strstr(report.why, "signed up to row 60"));
}

/* Somebody changes row 10 and computes all hashes anew: only the signatures are out of reach. */
static void chain_that_was_rewritten_is_found_by_its_checkpoints(void **state)
{
    (void)state;
    make_journal();
    char other[80];
    snprintf(other, sizeof other, "%s-other", bench.dir);
    char kept[64];
    memcpy(kept, bench.dir, sizeof kept);
    snprintf(bench.dir, sizeof bench.dir, "%.60s", other);
    uint8_t secret[64];
    uint8_t public[32];
    memcpy(secret, bench.sign_secret, sizeof secret);
    memcpy(public, bench.sign_public, sizeof public);
    crypto_sign_keypair(bench.sign_public, bench.sign_secret);
    bench_open();
    struct journal_row row = {.type = 1, .bytes = slice_str("nobody called")};
    uint64_t seq = 0;
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(journal_append(bench.journal, &row, &seq), ERR_OK);
    }
    bench_close();
    memcpy(bench.dir, kept, sizeof kept);
    memcpy(bench.sign_public, public, sizeof public);
    char sql[256];
    snprintf(
        sql, sizeof sql,
        "ATTACH '%s/000001.db' AS other; DELETE FROM row; INSERT INTO row SELECT * FROM other.row",
        other);
    run_sql(sql);
    assert_int_equal(bench_verify(bench.dir, &report), ERR_CHECKSUM);
    assert_non_null(strstr(report.why, "signed over other rows"));
    /* And with the forger's own checkpoints: */
    snprintf(sql, sizeof sql,
             "ATTACH '%s/000001.db' AS other; DELETE FROM checkpoint;"
             "INSERT INTO checkpoint SELECT * FROM other.checkpoint",
             other);
    run_sql(sql);
    expect_bad(ERR_AUTH, ROWS);
    bench_empty_folder(other);
    rmdir(other);
}

static void checkpoint_that_was_touched_or_of_another_key_is_found(void **state)
{
    (void)state;
    make_journal();
    uint8_t kept[32];
    memcpy(kept, bench.sign_public, sizeof kept);
    uint8_t secret[64];
    crypto_sign_keypair(bench.sign_public, secret);
    assert_int_equal(bench_verify(bench.dir, &report), ERR_AUTH);
    assert_true(report.bad_seq > 0);
    memcpy(bench.sign_public, kept, sizeof kept);
    run_sql("UPDATE checkpoint SET at_ms=at_ms+1 WHERE seq=60");
    expect_bad(ERR_AUTH, 60);
}

static uint8_t *read_file(const char *path, size_t *ret_len)
{
    struct stat about;
    int fd = open(path, O_RDONLY);
    assert_int_equal(fstat(fd, &about), 0);
    uint8_t *bytes = malloc((size_t)about.st_size);
    assert_int_equal(read(fd, bytes, (size_t)about.st_size), about.st_size);
    close(fd);
    *ret_len = (size_t)about.st_size;
    return bytes;
}

static size_t find_text(const uint8_t *bytes, size_t len, const char *text)
{
    const uint8_t *at = memmem(bytes, len, text, strlen(text));
    assert_non_null(at);
    return (size_t)(at - bytes);
}

/* Two rows as they lie on the page, whole: lengths, types, number, time, key, bytes, hash. */
static void every_changed_bit_that_means_something_is_found(void **state)
{
    (void)state;
    make_journal();
    char path[128];
    size_t len = 0;
    snprintf(path, sizeof path, "%s/000001.db", bench.dir);
    uint8_t *bytes = read_file(path, &len);
    /* Cells lie from the end of the page towards its beginning: row 32 stands before row 31. */
    size_t text_32 = find_text(bytes, len, "row 32 of the test");
    size_t text_30 = find_text(bytes, len, "row 30 of the test");
    assert_in_range(text_30 - text_32, 100, 400);
    size_t from = text_32 + strlen("row 32 of the test............") + 32;
    size_t to = text_30 + strlen("row 30 of the test..........") + 32;
    int fd = open(path, O_WRONLY);
    int meaningless = 0;
    for (size_t i = from; i < to; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            uint8_t changed = (uint8_t)(bytes[i] ^ (1u << bit));
            assert_int_equal(pwrite(fd, &changed, 1, (off_t)i), 1);
            if (bench_verify(bench.dir, &report) == ERR_OK) {
                bench_expect_verified(ROWS);
                meaningless++;
            }
        }
        assert_int_equal(pwrite(fd, &bytes[i], 1, (off_t)i), 1);
    }
    close(fd);
    free(bytes);
    /* One bit a row: SQLite keeps the type of a column that it never reads, because seq is the row's
     * number. With it changed all rows are still exactly what was appended. */
    assert_in_range(meaningless, 0, 2);
    bench_expect_verified(ROWS);
}

static bool count_good(void *context, const struct journal_row *row)
{
    uint64_t *good = context;
    assert_true(bench_is_row(row, row->seq));
    (*good)++;
    return true;
}

/* A page full of zeros in the middle: the gateway starts, with all other rows, and goes on. */
static void page_that_rotted_costs_its_rows_and_nothing_else(void **state)
{
    (void)state;
    bench_open();
    bench_append(2000, 100);
    bench_close();
    char path[128];
    size_t len = 0;
    snprintf(path, sizeof path, "%s/000001.db", bench.dir);
    uint8_t *bytes = read_file(path, &len);
    off_t page = (off_t)(find_text(bytes, len, "row 700 of the test") / 4096 * 4096);
    free(bytes);
    static const uint8_t zeros[4096];
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, zeros, sizeof zeros, page), sizeof zeros);
    close(fd);

    bench_open();
    assert_int_equal(journal_last(bench.journal), 2000);
    uint64_t good = 0;
    assert_int_equal(journal_read(bench.journal, 1, count_good, &good), ERR_OK);
    assert_in_range(good, 1940, 1999);
    bench_append(10, 5); /* into a new file: the damaged one is left as it is */
    bench_wait(2010, 0);
    bench_close();
    snprintf(path, sizeof path, "%s/000002.db", bench.dir);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(bench_verify(bench.dir, &report), ERR_CHECKSUM);
    assert_in_range(report.bad_seq, 600, 700);
    bench_open();
    uint64_t again = 0;
    assert_int_equal(journal_read(bench.journal, 1, count_good, &again), ERR_OK);
    assert_int_equal(again, good + 10);
}

static void file_that_is_no_database_is_left_and_a_new_one_begun(void **state)
{
    (void)state;
    bench_open();
    bench_append(20, 20);
    bench_close();
    char path[128];
    snprintf(path, sizeof path, "%s/000001.db", bench.dir);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "not SQLite at all", 17, 0), 17);
    close(fd);
    char why[256];
    assert_int_equal(bench_try_open(bench.dir, why, sizeof why), ERR_OK);
    assert_non_null(strstr(why, "damaged"));
    bench_append(3, 3);
    bench_wait(3, 0);
    bench_close();
    assert_int_not_equal(bench_verify(bench.dir, &report), ERR_OK);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        CASE(whole_journal_is_good_and_says_where_signatures_end),
        CASE(removed_row_is_found),
        CASE(removed_row_with_all_behind_it_moved_up_is_found),
        CASE(inserted_row_is_found),
        CASE(swapped_rows_are_found),
        CASE(end_cut_before_a_checkpoint_is_found_and_with_it_is_not),
        CASE(chain_that_was_rewritten_is_found_by_its_checkpoints),
        CASE(checkpoint_that_was_touched_or_of_another_key_is_found),
        CASE(every_changed_bit_that_means_something_is_found),
        CASE(page_that_rotted_costs_its_rows_and_nothing_else),
        CASE(file_that_is_no_database_is_left_and_a_new_one_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
