/* test_clock.c - calendar and Swedish local time without asking the machine. */
#include "base/clock.h"
#include "unit/sentences.h"

static int64_t at(const char *text)
{
    int64_t ms = 0;
    assert_int_equal(clock_parse(slice_str(text), &ms), ERR_OK);
    return ms;
}

static void time_is_written_and_read_back_the_same(void **state)
{
    (void)state;
    char room[32];
    struct buf b = buf_of(room, sizeof room);
    clock_put_utc(&b, 1795356187123);
    assert_slice(buf_slice(&b), "2026-11-22T14:03:07.123Z");
    assert_true(at("2026-11-22T14:03:07.123Z") == 1795356187123);
    assert_true(at("2026-11-22T15:03:07.123+01:00") == 1795356187123);
    assert_true(at("1970-01-01T00:00:00Z") == 0);
    assert_true(at("1969-12-31T23:59:59Z") == -1000);
}

static void nonsense_is_no_time(void **state)
{
    (void)state;
    int64_t ms = 0;
    assert_int_equal(clock_parse(slice_str("2026-13-01T00:00:00Z"), &ms), ERR_RANGE);
    assert_int_equal(clock_parse(slice_str("2026-11-22 14:03:07"), &ms), ERR_SYNTAX);
    assert_int_equal(clock_parse(slice_str("2026-11-22T14:03:07+25:00"), &ms), ERR_SYNTAX);
    assert_int_equal(clock_parse(slice_str(""), &ms), ERR_SYNTAX);
}

static void summer_time_begins_and_ends_at_one_utc_on_the_last_sunday(void **state)
{
    (void)state;
    assert_int_equal(clock_local(at("2026-03-29T00:59:59Z")).offset_min, 60);
    assert_int_equal(clock_local(at("2026-03-29T01:00:00Z")).offset_min, 120);
    assert_int_equal(clock_local(at("2026-10-25T00:59:59Z")).offset_min, 120);
    assert_int_equal(clock_local(at("2026-10-25T01:00:00Z")).offset_min, 60);
    /* the last Sunday is the 31st, and the 25th */
    assert_int_equal(clock_local(at("2024-03-31T01:00:00Z")).offset_min, 120);
    assert_int_equal(clock_local(at("2020-10-25T01:00:00Z")).offset_min, 60);
}

static void local_time_crosses_midnight_and_year(void **state)
{
    (void)state;
    struct local_time t = clock_local(at("2026-12-31T23:30:00Z"));
    assert_int_equal(t.year, 2027);
    assert_int_equal(t.month, 1);
    assert_int_equal(t.day, 1);
    assert_int_equal(t.minute, 30);
    assert_int_equal(t.weekday, 4); /* a Friday */
}

static void every_day_of_four_centuries_counts_one_further(void **state)
{
    (void)state;
    int64_t last = clock_days(1899, 12, 31);
    for (int year = 1900; year < 2300; year++) {
        for (int month = 1; month <= 12; month++) {
            bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
            int days = month == 2
                           ? (is_leap ? 29 : 28)
                           : (month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31);
            for (int day = 1; day <= days; day++) {
                assert_true(clock_days(year, month, day) == ++last);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_is_written_and_read_back_the_same),
        cmocka_unit_test(nonsense_is_no_time),
        cmocka_unit_test(summer_time_begins_and_ends_at_one_utc_on_the_last_sunday),
        cmocka_unit_test(local_time_crosses_midnight_and_year),
        cmocka_unit_test(every_day_of_four_centuries_counts_one_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
