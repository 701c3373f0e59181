/* test_log.c - the log's lines, its limits, the counters. */
#include "io/log.h"

#include "io/log_limit.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char captured[65536];

/* What the body writes to stderr ends in `captured`. */
static void capture(void (*body)(void))
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    body();
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    rewind(file);
    size_t len = fread(captured, 1, sizeof captured - 1, file);
    captured[len] = '\0';
    fclose(file);
}

static size_t lines(void)
{
    size_t n = 0;
    for (const char *c = captured; *c != '\0'; c++) {
        n += *c == '\n';
    }
    return n;
}

static void write_hostile(void)
{
    log_event(LOG_WARN, "test.hostile", "peer", "a\nerror forged=1\x1b[2J\xc2\x9b", "say",
              "he said \"no\"", "plain", "udp:7", "none", "", NULL);
}

static void a_value_cannot_begin_a_line_or_a_key(void **state)
{
    (void)state;
    capture(write_hostile);
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(captured, "Z warn test.hostile peer=\"a\\x0aerror forged=1\\x1b[2J"));
    assert_non_null(strstr(captured, "\\xc2\\x9b\""));
    assert_non_null(strstr(captured, " say=\"he said \\\"no\\\"\" plain=udp:7 none=\"\"\n"));
}

static void write_long(void)
{
    char value[5000];
    memset(value, 'a', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    log_event(LOG_ERROR, "test.long", "a", value, "b", value, "c", value, "d", value, "e", value,
              NULL);
}

static void a_long_line_is_cut_and_still_ends(void **state)
{
    (void)state;
    capture(write_long);
    assert_int_equal(lines(), 1);
    assert_true(strlen(captured) <= 2048);
    assert_non_null(strstr(captured, "aaa...\" b="));
}

static void write_quiet(void)
{
    log_event(LOG_DEBUG, "test.quiet", NULL);
    log_set_level(LOG_DEBUG);
    log_event(LOG_DEBUG, "test.loud", NULL);
    log_set_level(LOG_INFO);
}

static void below_the_level_nothing_is_written(void **state)
{
    (void)state;
    capture(write_quiet);
    assert_null(strstr(captured, "test.quiet"));
    assert_non_null(strstr(captured, "debug test.loud\n"));
}

static void write_flood(void)
{
    for (int i = 0; i < 1000; i++) {
        log_event(LOG_WARN, "test.flood", NULL);
    }
}

static void a_flood_writes_its_burst_only(void **state)
{
    (void)state;
    capture(write_flood);
    assert_true(lines() >= LOG_BURST && lines() <= LOG_BURST + 5);
}

static void after_the_burst_one_line_a_second_tells_what_was_kept_back(void **state)
{
    (void)state;
    static struct log_limits limits;
    uint64_t suppressed = 99;
    for (int i = 0; i < LOG_BURST; i++) {
        assert_true(log_limit_allows(&limits, "a", 5000, &suppressed));
        assert_int_equal(suppressed, 0);
    }
    for (int i = 0; i < 7; i++) {
        assert_false(log_limit_allows(&limits, "a", 5999, &suppressed));
    }
    assert_true(log_limit_allows(&limits, "a", 6000, &suppressed));
    assert_int_equal(suppressed, 7);
    assert_false(log_limit_allows(&limits, "a", 6001, &suppressed));
    assert_true(log_limit_allows(&limits, "b", 6001, &suppressed));
    assert_int_equal(suppressed, 0);
    /* An hour of silence earns one burst, not 3,600 lines. */
    int allowed = 0;
    for (int i = 0; i < 100; i++) {
        allowed += log_limit_allows(&limits, "a", 3606000, &suppressed);
    }
    assert_int_equal(allowed, LOG_BURST);
}

static void many_names_are_no_way_around_the_limit(void **state)
{
    (void)state;
    static struct log_limits limits;
    int allowed = 0;
    for (int i = 0; i < 10000; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        uint64_t suppressed = 0;
        allowed += log_limit_allows(&limits, name, 1, &suppressed);
    }
    assert_true(allowed < LOG_NAMES + LOG_BURST);
}

static void counters_of_one_name_stand_together(void **state)
{
    (void)state;
    count("test_a", "x\"y");
    count("test_b", NULL);
    count_by("test_a", NULL, 41);
    count("test_a", NULL);
    assert_int_equal(counter_value("test_a", NULL), 42);
    assert_int_equal(counter_value("test_a", "x\"y"), 1);
    assert_int_equal(counter_value("test_never", NULL), 0);
    char room[4096];
    struct buf out = buf_of(room, sizeof room);
    counters_put(&out);
    assert_non_null(strstr(buf_cstr(&out), "# TYPE samlarm_test_a counter\n"
                                           "samlarm_test_a{of=\"x\\\"y\"} 1\n"
                                           "samlarm_test_a 42\n"
                                           "# TYPE samlarm_test_b counter\n"
                                           "samlarm_test_b 1\n"));
}

static void *count_much(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10000; i++) {
        count("test_threads", "t");
    }
    return NULL;
}

static void threads_lose_no_count(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_much, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(counter_value("test_threads", "t"), 40000);
}

static void a_full_table_keeps_what_it_has(void **state)
{
    (void)state;
    for (int i = 0; i < 400; i++) {
        char name[32];
        snprintf(name, sizeof name, "test_full_%d", i);
        count(name, NULL);
    }
    assert_int_equal(counter_value("test_full_0", NULL), 1);
    assert_int_equal(counter_value("test_full_399", NULL), 0);
    static char room[65536];
    struct buf out = buf_of(room, sizeof room);
    counters_put(&out);
    assert_non_null(strstr(buf_cstr(&out), "\nsamlarm_counters_refused "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_cannot_begin_a_line_or_a_key),
        cmocka_unit_test(a_long_line_is_cut_and_still_ends),
        cmocka_unit_test(below_the_level_nothing_is_written),
        cmocka_unit_test(a_flood_writes_its_burst_only),
        cmocka_unit_test(after_the_burst_one_line_a_second_tells_what_was_kept_back),
        cmocka_unit_test(many_names_are_no_way_around_the_limit),
        cmocka_unit_test(counters_of_one_name_stand_together),
        cmocka_unit_test(threads_lose_no_count),
        cmocka_unit_test(a_full_table_keeps_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
