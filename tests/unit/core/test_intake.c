/* test_intake.c - what an alarm does to the open cases, and how its case walks through the plan. */
#include "unit/core/town.h"

static void first_press_is_an_event_a_case_and_an_offer_to_the_ward(void **state)
{
    (void)state;
    town_on_duty("anna");
    town_on_duty("cia");
    struct reply reply = town_press("1");
    assert_int_equal(reply.err, ERR_OK);
    assert_int_equal(f.decision.records[0].type, RECORD_EVENT);
    assert_int_equal(f.decision.records[1].case_.change, CHANGE_RAISED);
    assert_int_equal(f.decision.records[2].case_.change, CHANGE_OFFERED);
    assert_int_equal(f.decision.count, 3);
    const struct case_value *c = town_case(reply.case_id);
    assert_int_equal(c->state, CASE_OFFERED);
    assert_int_equal(c->deadline_ms, NOON_MS + 30000);
    assert_string_equal(c->plan, "ward");
    assert_int_equal(c->offer_count, 1);
    assert_int_equal(town_stage(reply.case_id, "anna"), OFFER_QUEUED);
}

static void same_message_again_is_a_duplicate_without_a_record(void **state)
{
    (void)state;
    struct reply first = town_press("1");
    struct reply again = town_press("1");
    assert_int_equal(again.err, ERR_DUPLICATE);
    assert_int_equal(f.decision.count, 0);
    assert_true(alarm_id_eq(&first.case_id, &again.case_id));
    f.ledger = town_fold(f.memory, f.journal_count, f.now);
    assert_int_equal(town_press("1").err, ERR_DUPLICATE);
}

static void oldest_id_is_forgotten_when_the_memory_of_ids_is_full(void **state)
{
    (void)state;
    f.limits.ids = 2;
    f.ledger = town_fold(f.memory, 0, f.now);
    (void)town_press("1");
    (void)town_press("2");
    assert_int_equal(town_press("1").err, ERR_DUPLICATE);
    (void)town_press("3");
    assert_int_equal(town_press("2").err, ERR_DUPLICATE);
    assert_int_equal(town_press("1").err, ERR_OK);
}

static void second_press_counts_and_raises_the_class_but_not_the_deadline(void **state)
{
    (void)state;
    town_on_duty("anna");
    struct alarm_id id = town_press("1").case_id;
    (void)town_says(INPUT_RECEIPT, "anna", id, "");
    town_pass(5000);
    assert_int_equal(town_press("2").err, ERR_OK);
    const struct case_value *c = town_case(id);
    assert_int_equal(c->count, 2);
    assert_int_equal(c->class_, CLASS_LIFE);
    assert_int_equal(c->deadline_ms, NOON_MS + 30000);
    assert_string_equal(c->reference, "2");
    assert_int_equal(ledger_open_count(f.ledger), 1);
}

static void press_long_after_the_last_one_only_counts(void **state)
{
    (void)state;
    town_on_duty("anna");
    struct alarm_id id = town_press("1").case_id;
    (void)town_says(INPUT_ACCEPT, "anna", id, "");
    town_pass(60001);
    (void)town_press("2");
    assert_int_equal(town_case(id)->class_, CLASS_URGENT);
    assert_int_equal(town_case(id)->count, 2);
    assert_string_equal(town_case(id)->owner, "anna");
    assert_int_equal(town_case(id)->state, CASE_ACCEPTED);
}

static void press_rings_those_who_are_asked_again_and_leaves_who_declined(void **state)
{
    (void)state;
    town_on_duty("anna");
    town_on_duty("bo");
    struct alarm_id id = town_press("1").case_id;
    (void)town_says(INPUT_DECLINE, "bo", id, "busy");
    struct input receipt = {
        .type = INPUT_RECEIPT, .case_id = id, .staff = "anna", .stage = OFFER_SOUNDED};
    (void)town_input(receipt);
    assert_int_equal(town_stage(id, "anna"), OFFER_SOUNDED);
    (void)town_press("2");
    assert_int_equal(town_stage(id, "anna"), OFFER_QUEUED);
    assert_int_equal(town_stage(id, "bo"), OFFER_DECLINED);
}

static void graver_kind_takes_over_and_a_lighter_one_does_not(void **state)
{
    (void)state;
    f.directory.repeat_window_ms = 1;
    struct alarm_id id = town_raise("espa", "panel/12", KIND_SERVICE, PHASE_RAISED, "1").case_id;
    town_pass(10);
    (void)town_raise("espa", "panel/12", KIND_FALL, PHASE_RAISED, "2");
    assert_int_equal(town_case(id)->kind, KIND_FALL);
    assert_int_equal(town_case(id)->class_, CLASS_LIFE);
    town_pass(10);
    (void)town_raise("espa", "panel/12", KIND_SERVICE, PHASE_RAISED, "3");
    assert_int_equal(town_case(id)->kind, KIND_FALL);
    assert_int_equal(town_case(id)->count, 3);
}

static void technical_kinds_are_lines_of_their_own_and_never_become_personal(void **state)
{
    (void)state;
    (void)town_press("1");
    struct reply battery = town_raise("espa", "panel/12", KIND_BATTERY_LOW, PHASE_RAISED, "2");
    (void)town_raise("espa", "panel/12", KIND_TAMPER, PHASE_RAISED, "3");
    assert_int_equal(ledger_open_count(f.ledger), 3);
    (void)town_raise("espa", "panel/12", KIND_BATTERY_LOW, PHASE_RAISED, "4");
    assert_int_equal(ledger_open_count(f.ledger), 3);
    assert_int_equal(town_case(battery.case_id)->class_, CLASS_TECHNICAL);
    assert_int_equal(town_case(battery.case_id)->count, 2);
}

static void update_without_a_case_makes_one(void **state)
{
    (void)state;
    struct reply reply = town_raise("espa", "panel/12", KIND_HELP, PHASE_UPDATED, "1");
    assert_int_equal(town_case(reply.case_id)->count, 1);
    (void)town_raise("espa", "panel/12", KIND_HELP, PHASE_UPDATED, "2");
    assert_int_equal(town_changes(CHANGE_UPDATED), 1);
    assert_int_equal(town_case(reply.case_id)->count, 1);
}

static void reset_closes_where_configured_and_marks_elsewhere(void **state)
{
    (void)state;
    struct alarm_id closes = town_press("1").case_id;
    struct alarm_id marks = town_raise("espa", "panel/13", KIND_HELP, PHASE_RAISED, "2").case_id;
    (void)town_raise("espa", "panel/12", KIND_HELP, PHASE_RESTORED, "3");
    (void)town_raise("espa", "panel/13", KIND_HELP, PHASE_CANCELLED, "4");
    assert_null(ledger_case(f.ledger, &closes));
    assert_string_equal(ledger_recent(f.ledger, 0)->reason, "restored");
    assert_true(town_case(marks)->is_restored);
    assert_int_equal(town_case(marks)->state, CASE_OFFERED);
    assert_null(ledger_recent(f.ledger, 1));
}

static void reset_of_a_hub_ends_what_lies_below_it_and_nothing_beside_it(void **state)
{
    (void)state;
    struct alarm_id door = town_raise("scaip", "4712", KIND_HELP, PHASE_RAISED, "1").case_id;
    struct alarm_id other = town_press("2").case_id;
    (void)town_raise("scaip", "4711", KIND_FALL, PHASE_RESTORED, "3");
    assert_non_null(ledger_case(f.ledger, &door)); /* a fall is over, this is a call for help */
    f.directory.devices[3].kind_for_help = KIND_UNKNOWN;
    (void)town_raise("scaip", "4711", KIND_HELP, PHASE_RESTORED, "4");
    f.directory.devices[3].kind_for_help = KIND_FALL;
    assert_null(ledger_case(f.ledger, &door));
    assert_non_null(ledger_case(f.ledger, &other));
}

static void technical_reset_ends_its_own_kind_only(void **state)
{
    (void)state;
    struct alarm_id call = town_press("1").case_id;
    struct alarm_id mains =
        town_raise("espa", "panel/12", KIND_MAINS_LOST, PHASE_RAISED, "2").case_id;
    (void)town_raise("espa", "panel/12", KIND_BATTERY_LOW, PHASE_RESTORED, "3");
    assert_non_null(ledger_case(f.ledger, &mains));
    (void)town_raise("espa", "panel/12", KIND_MAINS_LOST, PHASE_RESTORED, "4");
    assert_null(ledger_case(f.ledger, &mains));
    assert_non_null(ledger_case(f.ledger, &call));
}

static void reset_of_an_unknown_device_marks_and_never_closes(void **state)
{
    (void)state;
    struct alarm_id id = town_raise("scaip", "77/1", KIND_HELP, PHASE_RAISED, "1").case_id;
    assert_true(town_case(id)->is_device_unknown);
    assert_string_equal(town_case(id)->unit, "lost");
    (void)town_raise("scaip", "77/1", KIND_HELP, PHASE_RESTORED, "2");
    assert_true(town_case(id)->is_restored);
    (void)town_raise("scaip", "77/1", KIND_HELP, PHASE_RAISED, "3");
    assert_false(town_case(id)->is_restored);
}

static void equal_addresses_of_two_dialects_are_two_lines(void **state)
{
    (void)state;
    (void)town_raise("scaip", "77", KIND_HELP, PHASE_RAISED, "1");
    (void)town_raise("dc09", "77", KIND_HELP, PHASE_RAISED, "1");
    assert_int_equal(ledger_open_count(f.ledger), 2);
    (void)town_press("1");
    (void)town_raise("scaip", "room12", KIND_HELP, PHASE_RAISED, "1"); /* not our room12 */
    assert_int_equal(ledger_open_count(f.ledger), 4);
}

static void test_alarm_is_journalled_and_touches_no_case(void **state)
{
    (void)state;
    struct alarm alarm = town_alarm("espa", "panel/12", KIND_HELP, PHASE_RAISED, "1");
    alarm.is_test = true;
    struct input input = {.type = INPUT_ALARM, .alarm = &alarm};
    assert_int_equal(town_input(input).err, ERR_OK);
    assert_int_equal(f.decision.count, 1);
    assert_int_equal(ledger_open_count(f.ledger), 0);
    struct alarm_id id = town_press("2").case_id;
    alarm = town_alarm("espa", "panel/12", KIND_HELP, PHASE_RESTORED, "3");
    alarm.is_test = true;
    (void)town_input(input);
    assert_non_null(ledger_case(f.ledger, &id));
}

static void full_table_says_full_and_goes_on_serving_what_is_open(void **state)
{
    (void)state;
    f.limits.cases = 4;
    f.ledger = town_fold(f.memory, 0, f.now);
    (void)town_raise("espa", "panel/12", KIND_TAMPER, PHASE_RAISED, "1");
    (void)town_raise("espa", "panel/12", KIND_MAINS_LOST, PHASE_RAISED, "2");
    (void)town_raise("espa", "panel/12", KIND_BATTERY_LOW, PHASE_RAISED, "3");
    assert_int_equal(town_raise("espa", "panel/12", KIND_LINK_LOST, PHASE_RAISED, "4").err,
                     ERR_FULL);
    assert_int_equal(f.decision.count, 0);
    assert_int_equal(town_press("5").err, ERR_OK); /* the last quarter is for persons */
    assert_int_equal(town_raise("espa", "panel/13", KIND_HELP, PHASE_RAISED, "6").err, ERR_FULL);
    assert_int_equal(town_press("7").err, ERR_OK);
    (void)town_raise("espa", "panel/12", KIND_HELP, PHASE_RESTORED, "8");
    assert_int_equal(town_raise("espa", "panel/13", KIND_HELP, PHASE_RAISED, "6").err, ERR_OK);
}

static void alarm_outside_its_bounds_is_refused(void **state)
{
    (void)state;
    struct alarm alarm = town_alarm("espa", "panel/12", KIND_HELP, PHASE_RAISED, "1");
    alarm.text[0] = '\x01';
    assert_int_equal(town_input((struct input){.type = INPUT_ALARM, .alarm = &alarm}).err,
                     ERR_SYNTAX);
    assert_int_equal(f.decision.count, 0);
    assert_int_equal(town_input((struct input){.type = INPUT_ALARM}).err, ERR_UNSUPPORTED);
}

static void nobody_on_duty_means_the_centre_at_once(void **state)
{
    (void)state;
    struct alarm_id id = town_press("1").case_id;
    assert_int_equal(town_changes(CHANGE_ESCALATED), 2);
    assert_string_equal(town_last(CHANGE_ESCALATED)->reason, "nobody");
    assert_int_equal(town_changes(CHANGE_CENTRE_OFFERED), 1);
    assert_string_equal(town_case(id)->centre, "centre");
    assert_int_equal(town_case(id)->attempt, 1);
    assert_int_equal(f.now.wall_ms, NOON_MS);
}

static void on_duty_with_a_silent_handset_is_nobody(void **state)
{
    (void)state;
    (void)town_duty("anna", true);
    (void)town_handset("anna", HANDSET_SILENT);
    assert_int_equal(town_case(town_press("1").case_id)->attempt, 1);
}

static void silence_of_everybody_walks_through_the_plan_in_its_times(void **state)
{
    (void)state;
    town_on_duty("anna");
    town_on_duty("dag");
    struct alarm_id id = town_press("1").case_id;
    assert_int_equal(town_stage(id, "dag"), OFFER_QUEUED); /* serves all of the town */
    town_pass(29999);
    assert_int_equal(town_case(id)->step, 0);
    town_pass(1);
    assert_int_equal(town_case(id)->step, 1);
    assert_string_equal(town_last(CHANGE_ESCALATED)->reason, "no_answer");
    assert_int_equal(town_stage(id, "anna"), OFFER_QUEUED); /* may still accept */
    town_pass(20000);
    assert_int_equal(town_case(id)->step, 2);
    assert_int_equal(town_changes(CHANGE_CENTRE_OFFERED), 1);
}

static void case_without_a_known_plan_still_reaches_everybody_and_then_a_centre(void **state)
{
    (void)state;
    f.directory.plan_count = 0;
    town_on_duty("cia");
    struct alarm_id id = town_press("1").case_id;
    assert_int_equal(town_stage(id, "cia"), OFFER_QUEUED);
    town_pass(30000);
    assert_string_equal(town_case(id)->centre, "centre");
}

static void plan_that_became_shorter_is_taken_up_at_its_last_step(void **state)
{
    (void)state;
    struct plan shorter = town_plans[0];
    shorter.steps[0] = shorter.steps[2];
    shorter.step_count = 1;
    struct alarm_id id = town_press("1").case_id;
    f.directory.plans = &shorter;
    f.directory.plan_count = 1;
    f.ledger = town_fold(f.memory, f.journal_count, f.now);
    town_pass(60000);
    assert_true(town_case(id)->attempt > 1);
}

static void clock_set_back_an_hour_delays_no_deadline(void **state)
{
    (void)state;
    town_on_duty("anna");
    struct alarm_id id = town_press("1").case_id;
    town_pass(20000);
    f.now.wall_ms -= 3600000;
    struct alarm again = town_alarm("espa", "panel/12", KIND_HELP, PHASE_RAISED, "2");
    struct input input = {.type = INPUT_ALARM, .alarm = &again};
    ledger_decide(f.ledger, &input, f.now, &f.decision);
    for (size_t i = 0; i < f.decision.count; i++) {
        ledger_apply(f.ledger, &f.decision.records[i], f.now);
    }
    assert_int_equal(ledger_next_wake(f.ledger, f.now), f.now.wall_ms + 10000);
    assert_int_equal(town_case(id)->count, 2);
}

static void places_of_closed_cases_are_used_again(void **state)
{
    (void)state;
    f.limits.cases = 2;
    f.ledger = town_fold(f.memory, 0, f.now);
    for (unsigned i = 0; i < 10; i++) {
        char reference[3] = {(char)('a' + i), '1', '\0'};
        assert_int_equal(town_press(reference).err, ERR_OK);
        assert_int_equal(ledger_open_count(f.ledger), 1);
        (void)town_raise("espa", "panel/12", KIND_HELP, PHASE_RESTORED, reference);
        assert_int_equal(ledger_open_count(f.ledger), 0);
    }
    assert_null(ledger_recent(f.ledger, 4)); /* four closed ones are kept */
    assert_non_null(ledger_recent(f.ledger, 3));
}

static void clock_set_back_during_a_restart_delays_at_most_one_step(void **state)
{
    (void)state;
    town_on_duty("anna");
    struct alarm_id id = town_press("1").case_id;
    f.now = (struct now){NOON_MS - 86400000, 9};
    f.ledger = town_fold(f.memory, f.journal_count, f.now);
    town_pass(29999);
    assert_int_equal(town_case(id)->step, 0);
    town_pass(1);
    assert_int_equal(town_case(id)->step, 2); /* there is no nurse on duty */
}

static void deadline_that_passed_while_we_were_down_fires_at_the_first_tick(void **state)
{
    (void)state;
    town_on_duty("anna");
    struct alarm_id id = town_press("1").case_id;
    f.now = (struct now){NOON_MS + 3600000, 9};
    f.ledger = town_fold(f.memory, f.journal_count, f.now);
    assert_int_equal(ledger_next_wake(f.ledger, f.now), f.now.wall_ms);
    (void)town_input((struct input){.type = INPUT_TICK});
    assert_int_equal(town_case(id)->step, 2);
}

static void fold_that_ends_inside_a_decision_goes_on_by_itself(void **state)
{
    (void)state;
    struct alarm_id id = town_press("1").case_id;
    for (size_t count = 2; count <= f.journal_count; count++) {
        f.ledger = town_fold(f.memory, count, f.now);
        struct input tick = {.type = INPUT_TICK};
        ledger_decide(f.ledger, &tick, f.now, &f.decision);
        for (size_t i = 0; i < f.decision.count; i++) {
            ledger_apply(f.ledger, &f.decision.records[i], f.now);
        }
        assert_int_equal(town_case(id)->attempt, 1);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, town_begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(first_press_is_an_event_a_case_and_an_offer_to_the_ward),
        TEST(same_message_again_is_a_duplicate_without_a_record),
        TEST(oldest_id_is_forgotten_when_the_memory_of_ids_is_full),
        TEST(second_press_counts_and_raises_the_class_but_not_the_deadline),
        TEST(press_long_after_the_last_one_only_counts),
        TEST(press_rings_those_who_are_asked_again_and_leaves_who_declined),
        TEST(graver_kind_takes_over_and_a_lighter_one_does_not),
        TEST(technical_kinds_are_lines_of_their_own_and_never_become_personal),
        TEST(update_without_a_case_makes_one),
        TEST(reset_closes_where_configured_and_marks_elsewhere),
        TEST(reset_of_a_hub_ends_what_lies_below_it_and_nothing_beside_it),
        TEST(technical_reset_ends_its_own_kind_only),
        TEST(reset_of_an_unknown_device_marks_and_never_closes),
        TEST(equal_addresses_of_two_dialects_are_two_lines),
        TEST(test_alarm_is_journalled_and_touches_no_case),
        TEST(full_table_says_full_and_goes_on_serving_what_is_open),
        TEST(alarm_outside_its_bounds_is_refused),
        TEST(nobody_on_duty_means_the_centre_at_once),
        TEST(on_duty_with_a_silent_handset_is_nobody),
        TEST(silence_of_everybody_walks_through_the_plan_in_its_times),
        TEST(case_without_a_known_plan_still_reaches_everybody_and_then_a_centre),
        TEST(plan_that_became_shorter_is_taken_up_at_its_last_step),
        TEST(clock_set_back_an_hour_delays_no_deadline),
        TEST(places_of_closed_cases_are_used_again),
        TEST(clock_set_back_during_a_restart_delays_at_most_one_step),
        TEST(deadline_that_passed_while_we_were_down_fires_at_the_first_tick),
        TEST(fold_that_ends_inside_a_decision_goes_on_by_itself)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
