/* test_judges.c - each judge on runs that pass, fail, are too few, too near, or empty. */
#include "scene.h"

static struct judgement judge(const char *metric, const char *requirement, const struct scene *s,
                              const struct terms *terms)
{
    struct judgement j;
    struct run run = run_of(s->all, s->count, slice_str(requirement));
    const struct judge *found = judge_find(slice_str(metric));
    assert_non_null(found);
    found->judge(&run, terms, &j);
    return j;
}

/* ---- LARM-01 ---- */

static struct judgement transfer(const struct scene *s, uint64_t samples)
{
    struct terms terms = {OPERATOR_MOST, 10000, samples, {30000, 60000, 50}};
    return judge("alarm_transfer_p95", "LARM-01", s, &terms);
}

static struct judgement transfer_of(size_t count, const int64_t *delays_ms, uint64_t samples)
{
    static struct scene s;
    s = (struct scene){0};
    scene_begin(&s, "LARM-01");
    scene_presses(&s, count, delays_ms);
    scene_end(&s, 1000 + (int64_t)count * 60000, "LARM-01");
    return transfer(&s, samples);
}

static void quick_alarms_pass(void **state)
{
    (void)state;
    int64_t delays[20];
    for (size_t i = 0; i < 20; i++) {
        delays[i] = 100 * (int64_t)(i + 1);
    }
    struct judgement j = transfer_of(20, delays, 20);
    assert_int_equal(j.ruling, RULING_PASS);
    assert_int_equal(j.n, 20);
    assert_int_equal(j.checks[0].value_milli, 1900); /* the 19th of 20: nearest rank */
    assert_int_equal(j.checks[1].value_milli, 2000);
    assert_int_equal(check_distance(&j.checks[0]), 8100);
    assert_int_equal(j.deciding_count, 4); /* p95 and longest, press and alarm each */
}

static void slow_alarms_fail(void **state)
{
    (void)state;
    int64_t delays[20] = {100, 100, 100, 100, 100, 100, 100, 100, 100,   100,
                          100, 100, 100, 100, 100, 100, 100, 100, 12000, 12000};
    assert_int_equal(transfer_of(20, delays, 20).ruling, RULING_FAIL);
    delays[18] = 100; /* one of twenty may be slow, as long as it is no slower than max_s */
    assert_int_equal(transfer_of(20, delays, 20).ruling, RULING_PASS);
    delays[19] = 31000;
    struct judgement j = transfer_of(20, delays, 20);
    assert_int_equal(j.ruling, RULING_FAIL);
    assert_int_equal(j.checks[0].ruling, RULING_PASS);
    assert_int_equal(j.checks[1].ruling, RULING_FAIL);
}

static void lost_alarm_fails_and_is_named(void **state)
{
    (void)state;
    int64_t delays[20] = {100, 100, 100, 100, 100, 100, 100, -1,  100, 100,
                          100, 100, 100, 100, 100, 100, 100, 100, 100, 100};
    struct judgement j = transfer_of(20, delays, 20);
    assert_int_equal(j.ruling, RULING_FAIL);
    assert_int_equal(j.checks[2].value_milli, 1000);
    assert_int_equal(j.n, 20);
    bool is_named = false;
    for (size_t i = 0; i < j.deciding_count; i++) {
        is_named = is_named || j.deciding[i] == 1 + 7 * 2; /* the eighth press */
    }
    assert_true(is_named);
}

static void lost_alarms_stand_in_the_percentile(void **state)
{
    (void)state;
    int64_t delays[10] = {100, 100, 100, 100, 100, 100, 100, 100, 100, -1};
    struct judgement j = transfer_of(10, delays, 10);
    assert_int_equal(j.checks[0].value_milli, 60000);
}

static void too_few_samples_are_inconclusive(void **state)
{
    (void)state;
    int64_t delays[5] = {100, 100, 100, 100, 100};
    struct judgement j = transfer_of(5, delays, 100);
    assert_int_equal(j.ruling, RULING_INCONCLUSIVE);
    assert_int_equal(j.doubt, DOUBT_INSUFFICIENT_SAMPLES);
    assert_int_equal(j.checks[0].ruling, RULING_INCONCLUSIVE);
    delays[0] = 12000; /* slow, but 95 more quick ones could still make up for it */
    assert_int_equal(transfer_of(5, delays, 100).ruling, RULING_INCONCLUSIVE);
    delays[0] = -1; /* a lost one is a breach at once */
    assert_int_equal(transfer_of(5, delays, 100).ruling, RULING_FAIL);
}

static void six_slow_of_six_are_a_breach_of_a_hundred(void **state)
{
    (void)state;
    int64_t delays[6] = {12000, 12000, 12000, 12000, 12000, 12000};
    assert_int_equal(transfer_of(6, delays, 100).ruling, RULING_FAIL);
    assert_int_equal(transfer_of(5, delays, 100).ruling, RULING_INCONCLUSIVE);
}

static void measure_near_the_limit_is_inconclusive(void **state)
{
    (void)state;
    int64_t delays[3] = {100, 100, 9980}; /* ± 50 ms around it lies 10 s */
    struct judgement j = transfer_of(3, delays, 3);
    assert_int_equal(j.ruling, RULING_INCONCLUSIVE);
    assert_int_equal(j.doubt, DOUBT_INSUFFICIENT_SAMPLES);
    delays[2] = 9950;
    assert_int_equal(transfer_of(3, delays, 3).ruling, RULING_PASS);
    delays[2] = 10050;
    assert_int_equal(transfer_of(3, delays, 3).ruling, RULING_INCONCLUSIVE);
    delays[2] = 10051;
    assert_int_equal(transfer_of(3, delays, 3).ruling, RULING_FAIL);
}

static void empty_run_is_not_run(void **state)
{
    (void)state;
    struct scene s = {0};
    assert_int_equal(transfer(&s, 5).ruling, RULING_NOT_RUN);
    scene_begin(&s, "LARM-01");
    assert_int_equal(transfer(&s, 5).ruling, RULING_NOT_RUN);
    scene_end(&s, 1000, "LARM-01");
    assert_int_equal(transfer(&s, 5).ruling, RULING_NOT_RUN);
    scene_begin(&s, "OTHER");
    scene_do(&s, OBSERVED_PRESS, 2000, "hub-1");
    assert_int_equal(transfer(&s, 5).ruling, RULING_NOT_RUN);
}

static void stopped_run_never_passes(void **state)
{
    (void)state;
    struct scene s = {0};
    int64_t delays[4] = {100, 100, 100, -1};
    scene_begin(&s, "LARM-01");
    scene_presses(&s, 3, delays);
    struct judgement j = transfer(&s, 3);
    assert_int_equal(j.ruling, RULING_INCONCLUSIVE);
    assert_int_equal(j.doubt, DOUBT_STOPPED_BY_TESTER);
    s = (struct scene){0};
    scene_begin(&s, "LARM-01");
    scene_presses(&s, 4,
                  delays); /* the last press was still waiting: nobody knows that it is lost */
    assert_int_equal(transfer(&s, 4).checks[2].value_milli, 0);
}

static void other_devices_and_technical_alarms_do_not_count(void **state)
{
    (void)state;
    struct scene s = {0};
    scene_begin(&s, "LARM-01");
    scene_do(&s, OBSERVED_PRESS, 1000, "hub-1");
    scene_alarm(&s, 1100, "hub-2", "a", KIND_HELP);
    scene_alarm(&s, 1200, "hub-1", "b", KIND_BATTERY_LOW);
    scene_alarm(&s, 1300, "hub-1", "c", KIND_HELP)->phase = PHASE_RESTORED;
    scene_alarm(&s, 4000, "hub-1", "d", KIND_FALL);
    scene_end(&s, 60000, "LARM-01");
    struct judgement j = transfer(&s, 1);
    assert_int_equal(j.ruling, RULING_PASS);
    assert_int_equal(j.checks[0].value_milli, 3000);
}

static void moved_clock_makes_times_uncertain(void **state)
{
    (void)state;
    for (int is_moved = 0; is_moved <= 1; is_moved++) {
        struct scene s = {0};
        scene_begin(&s, "LARM-01");
        struct observation *press = scene_do(&s, OBSERVED_PRESS, 1000, "hub-1");
        scene_alarm(&s, 1500, "hub-1", "a", KIND_HELP);
        struct observation *note = scene_add(&s, OBSERVED_NOTE, 50000);
        (void)slice_text(slice_str("boot-1"), press->clock, sizeof press->clock);
        (void)slice_text(slice_str("boot-1"), note->clock, sizeof note->clock);
        press->mono_ms = 7000;
        note->mono_ms = 7000 + (is_moved ? 2000 : 49000); /* the wall clock says 49 s */
        scene_end(&s, 60000, "LARM-01");
        struct judgement j = transfer(&s, 1);
        assert_int_equal(j.ruling, is_moved ? RULING_INCONCLUSIVE : RULING_PASS);
        assert_int_equal(j.doubt, is_moved ? DOUBT_TIMEBASE_UNCERTAIN : DOUBT_NONE);
    }
}

static void gateway_fault_is_never_the_vendors_failure(void **state)
{
    (void)state;
    struct scene s = {0};
    scene_begin(&s, "LARM-01");
    scene_do(&s, OBSERVED_PRESS, 1000, "hub-1");
    struct observation *o = scene_row(&s, OBSERVED_FAULT, 1001, "", "");
    (void)slice_text(slice_str("port_down scaip"), o->text, sizeof o->text);
    scene_end(&s, 99000, "LARM-01");
    assert_int_equal(transfer(&s, 1).ruling, RULING_ERROR);
    (void)slice_text(slice_str("bus_refused"), o->text,
                     sizeof o->text); /* the broker is on nobody's way */
    assert_int_equal(transfer(&s, 1).ruling, RULING_FAIL);
}

static void last_attempt_counts_and_all_are_counted(void **state)
{
    (void)state;
    struct scene s = {0};
    int64_t lost = -1;
    int64_t quick = 100;
    scene_begin(&s, "LARM-01");
    scene_presses(&s, 1, &lost);
    scene_end(&s, 99000, "LARM-01");
    assert_int_equal(transfer(&s, 1).ruling, RULING_FAIL);
    scene_begin(&s, "LARM-01");
    scene_presses(&s, 1, &quick);
    scene_end(&s, 99000, "LARM-01");
    assert_int_equal(transfer(&s, 1).ruling, RULING_PASS);
    assert_int_equal(run_of(s.all, s.count, slice_str("LARM-01")).attempts, 2);
}

/* ---- LARM-05 ---- */

static struct judgement duplicates(const struct scene *s, uint64_t samples)
{
    struct terms terms = {OPERATOR_EQUAL, 0, samples, {30000}};
    return judge("duplicate_cases", "LARM-05", s, &terms);
}

/* One good trial: held answer, one alarm, sent again twice, one case. */
static void good_trial(struct scene *s, int64_t at, const char *reference)
{
    scene_do(s, OBSERVED_HOLD, at, "hub-1");
    scene_do(s, OBSERVED_PRESS, at + 1, "hub-1");
    scene_alarm(s, at + 100, "hub-1", reference, KIND_HELP);
    scene_case(s, at + 100, "hub-1", reference, CHANGE_RAISED);
    scene_answer(s, at + 110, reference);
    scene_answer(s, at + 5110, reference);
    scene_do(s, OBSERVED_RELEASE, at + 8000, "hub-1");
    scene_answer(s, at + 10110, reference);
}

static void same_reference_and_one_case_pass(void **state)
{
    (void)state;
    struct scene s = {0};
    scene_begin(&s, "LARM-05");
    good_trial(&s, 1000, "17");
    good_trial(&s, 60000, "18");
    scene_end(&s, 120000, "LARM-05");
    struct judgement j = duplicates(&s, 2);
    assert_int_equal(j.ruling, RULING_PASS);
    assert_int_equal(j.n, 2);
    assert_int_equal(duplicates(&s, 3).doubt, DOUBT_INSUFFICIENT_SAMPLES);
}

static void duplicate_with_another_reference_fails(void **state)
{
    (void)state;
    struct scene s = {0};
    scene_begin(&s, "LARM-05");
    scene_do(&s, OBSERVED_HOLD, 1000, "hub-1");
    scene_do(&s, OBSERVED_PRESS, 1001, "hub-1");
    scene_alarm(&s, 1100, "hub-1", "17", KIND_HELP);
    scene_case(&s, 1100, "hub-1", "17", CHANGE_RAISED);
    scene_alarm(&s, 6100, "hub-1", "18", KIND_HELP);
    scene_case(&s, 6100, "hub-1", "18", CHANGE_REPEATED);
    scene_end(&s, 60000, "LARM-05");
    struct judgement j = duplicates(&s, 1);
    assert_int_equal(j.ruling, RULING_FAIL);
    assert_int_equal(j.checks[0].ruling, RULING_PASS);
    assert_int_equal(j.checks[1].value_milli, 1000);
    assert_int_equal(j.deciding_count, 3); /* press, first alarm, second alarm */
}

static void second_case_fails(void **state)
{
    (void)state;
    struct scene s = {0};
    scene_begin(&s, "LARM-05");
    good_trial(&s, 1000, "17");
    scene_case(&s, 20000, "hub-1", "17", CHANGE_RAISED);
    scene_end(&s, 60000, "LARM-05");
    struct judgement j = duplicates(&s, 1);
    assert_int_equal(j.ruling, RULING_FAIL);
    assert_int_equal(j.checks[0].value_milli, 1000);
}

static void new_press_with_old_reference_fails(void **state)
{
    (void)state;
    struct scene s = {0};
    scene_begin(&s, "LARM-05");
    good_trial(&s, 1000, "17");
    scene_do(&s, OBSERVED_PRESS, 60000, "hub-1");
    scene_answer(&s, 60100, "17"); /* the gateway took it for the old one: no event */
    scene_end(&s, 120000, "LARM-05");
    struct judgement j = duplicates(&s, 1);
    assert_int_equal(j.ruling, RULING_FAIL);
    assert_int_equal(j.checks[2].value_milli, 1000);
}

static void device_that_never_resends_is_no_trial(void **state)
{
    (void)state;
    struct scene s = {0};
    scene_begin(&s, "LARM-05");
    scene_do(&s, OBSERVED_HOLD, 1000, "hub-1");
    scene_do(&s, OBSERVED_PRESS, 1001, "hub-1");
    scene_alarm(&s, 1100, "hub-1", "17", KIND_HELP);
    scene_case(&s, 1100, "hub-1", "17", CHANGE_RAISED);
    scene_answer(&s, 1110, "17");
    scene_end(&s, 60000, "LARM-05");
    struct judgement j = duplicates(&s, 1);
    assert_int_equal(j.ruling, RULING_INCONCLUSIVE);
    assert_int_equal(j.doubt, DOUBT_PRECONDITION_UNMET);
    s.count--;
    scene_do(&s, OBSERVED_DUPLICATE, 6100, "hub-1"); /* the proxy saw it come again */
    scene_end(&s, 60000, "LARM-05");
    assert_int_equal(duplicates(&s, 1).ruling, RULING_PASS);
}

static void alarm_without_a_case_is_the_test_beds_error(void **state)
{
    (void)state;
    struct scene s = {0};
    scene_begin(&s, "LARM-05");
    scene_do(&s, OBSERVED_HOLD, 1000, "hub-1");
    scene_do(&s, OBSERVED_PRESS, 1001, "hub-1");
    scene_alarm(&s, 1100, "hub-1", "17", KIND_HELP);
    scene_answer(&s, 1110, "17");
    scene_answer(&s, 5110, "17");
    scene_end(&s, 60000, "LARM-05");
    assert_int_equal(duplicates(&s, 1).ruling, RULING_ERROR);
}

static void test_alarm_is_no_trial(void **state)
{
    (void)state;
    struct scene s = {0};
    scene_begin(&s, "LARM-05");
    scene_do(&s, OBSERVED_HOLD, 1000, "hub-1");
    scene_do(&s, OBSERVED_PRESS, 1001, "hub-1");
    scene_alarm(&s, 1100, "hub-1", "17", KIND_HELP)->is_test = true;
    scene_answer(&s, 1110, "17");
    scene_answer(&s, 5110, "17");
    scene_end(&s, 60000, "LARM-05");
    struct judgement j = duplicates(&s, 1);
    assert_int_equal(j.ruling, RULING_INCONCLUSIVE);
    assert_int_equal(j.doubt, DOUBT_PRECONDITION_UNMET);
}

/* ---- OVV-01 ---- */

static struct judgement losses(const struct scene *s, uint64_t samples)
{
    struct terms terms = {OPERATOR_MOST, 300000, samples, {50}};
    return judge("loss_detect", "OVV-01", s, &terms);
}

/* A cut at `at`, an alarm after_ms later (negative: none), restored after lasts_ms. */
static void cut(struct scene *s, int64_t at, int64_t after_ms, int64_t lasts_ms)
{
    scene_do(s, OBSERVED_LINK_CUT, at, "hub-1");
    if (after_ms >= 0) {
        scene_alarm(s, at + after_ms, "hub-1", "silence", KIND_DEVICE_SILENT);
    }
    scene_do(s, OBSERVED_LINK_RESTORED, at + lasts_ms, "hub-1");
}

static struct judgement one_cut(int64_t after_ms, int64_t lasts_ms)
{
    struct scene s = {0};
    scene_begin(&s, "OVV-01");
    cut(&s, 1000, after_ms, lasts_ms);
    scene_end(&s, 1000000, "OVV-01");
    return losses(&s, 1);
}

static void silence_in_time_passes(void **state)
{
    (void)state;
    struct judgement j = one_cut(180000, 190000);
    assert_int_equal(j.ruling, RULING_PASS);
    assert_int_equal(j.checks[0].value_milli, 180000);
    assert_int_equal(j.deciding_count, 2);
}

static void late_silence_fails(void **state)
{
    (void)state;
    assert_int_equal(one_cut(300051, 310000).ruling, RULING_FAIL);
    assert_int_equal(one_cut(300020, 310000).ruling, RULING_INCONCLUSIVE);
}

static void missed_cut_fails(void **state)
{
    (void)state;
    struct judgement j = one_cut(-1, 300000);
    assert_int_equal(j.ruling, RULING_FAIL);
    assert_int_equal(j.checks[0].ruling, RULING_NOT_RUN);
    assert_int_equal(j.checks[1].value_milli, 1000);
    assert_int_equal(j.deciding_count, 2);
}

static void cut_shorter_than_the_limit_is_no_sample(void **state)
{
    (void)state;
    struct judgement j = one_cut(-1, 299999);
    assert_int_equal(j.ruling, RULING_INCONCLUSIVE);
    assert_int_equal(j.n, 0);
}

static void silence_after_restoring_does_not_count(void **state)
{
    (void)state;
    struct scene s = {0};
    scene_begin(&s, "OVV-01");
    cut(&s, 1000, -1, 300000);
    scene_alarm(&s, 400000, "hub-1", "late", KIND_DEVICE_SILENT);
    scene_end(&s, 1000000, "OVV-01");
    struct judgement j = losses(&s, 1);
    assert_int_equal(j.ruling, RULING_FAIL);
    assert_non_null(strstr(j.seen[ENGLISH], "without a cut: 1"));
}

static void cuts_that_nobody_made_are_not_run(void **state)
{
    (void)state;
    struct scene s = {0};
    scene_begin(&s, "OVV-01");
    scene_alarm(&s, 400000, "hub-1", "late", KIND_DEVICE_SILENT);
    scene_end(&s, 1000000, "OVV-01");
    assert_int_equal(losses(&s, 1).ruling, RULING_NOT_RUN);
}

/* ---- what they share ---- */

static void worst_wins(void **state)
{
    (void)state;
    static const enum ruling order[] = {RULING_NOT_APPLICABLE, RULING_PASS,  RULING_NOT_RUN,
                                        RULING_INCONCLUSIVE,   RULING_ERROR, RULING_FAIL};
    for (size_t a = 0; a < 6; a++) {
        for (size_t b = 0; b < 6; b++) {
            assert_int_equal(ruling_worse(order[a], order[b]), order[a > b ? a : b]);
        }
    }
}

static void percentile_is_the_nearest_rank(void **state)
{
    (void)state;
    int64_t values[100];
    for (int64_t i = 0; i < 100; i++) {
        values[i] = (i * 37) % 100 + 1;
    }
    judge_sort_ms(values, 100);
    for (int64_t i = 0; i < 100; i++) {
        assert_int_equal(values[i], i + 1);
    }
    assert_int_equal(judge_percentile(values, 100, 95), 95);
    assert_int_equal(judge_percentile(values, 100, 50), 50);
    assert_int_equal(judge_percentile(values, 5, 95), 5);
    assert_int_equal(judge_percentile(values, 1, 50), 1);
}

static void every_operator_knows_its_side(void **state)
{
    (void)state;
    assert_int_equal(check_rule(OPERATOR_LEAST, 10, 0, 10), RULING_PASS);
    assert_int_equal(check_rule(OPERATOR_LEAST, 9, 0, 10), RULING_FAIL);
    assert_int_equal(check_rule(OPERATOR_LEAST, 10, 1, 10), RULING_INCONCLUSIVE);
    assert_int_equal(check_rule(OPERATOR_EQUAL, 0, 0, 0), RULING_PASS);
    assert_int_equal(check_rule(OPERATOR_EQUAL, 1, 0, 0), RULING_FAIL);
    assert_int_equal(check_rule(OPERATOR_MOST, 10, 0, 10), RULING_PASS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quick_alarms_pass),
        cmocka_unit_test(slow_alarms_fail),
        cmocka_unit_test(lost_alarm_fails_and_is_named),
        cmocka_unit_test(lost_alarms_stand_in_the_percentile),
        cmocka_unit_test(too_few_samples_are_inconclusive),
        cmocka_unit_test(six_slow_of_six_are_a_breach_of_a_hundred),
        cmocka_unit_test(measure_near_the_limit_is_inconclusive),
        cmocka_unit_test(empty_run_is_not_run),
        cmocka_unit_test(stopped_run_never_passes),
        cmocka_unit_test(other_devices_and_technical_alarms_do_not_count),
        cmocka_unit_test(moved_clock_makes_times_uncertain),
        cmocka_unit_test(gateway_fault_is_never_the_vendors_failure),
        cmocka_unit_test(last_attempt_counts_and_all_are_counted),
        cmocka_unit_test(same_reference_and_one_case_pass),
        cmocka_unit_test(duplicate_with_another_reference_fails),
        cmocka_unit_test(second_case_fails),
        cmocka_unit_test(new_press_with_old_reference_fails),
        cmocka_unit_test(device_that_never_resends_is_no_trial),
        cmocka_unit_test(alarm_without_a_case_is_the_test_beds_error),
        cmocka_unit_test(test_alarm_is_no_trial),
        cmocka_unit_test(silence_in_time_passes),
        cmocka_unit_test(late_silence_fails),
        cmocka_unit_test(missed_cut_fails),
        cmocka_unit_test(cut_shorter_than_the_limit_is_no_sample),
        cmocka_unit_test(silence_after_restoring_does_not_count),
        cmocka_unit_test(cuts_that_nobody_made_are_not_run),
        cmocka_unit_test(worst_wins),
        cmocka_unit_test(percentile_is_the_nearest_rank),
        cmocka_unit_test(every_operator_knows_its_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
