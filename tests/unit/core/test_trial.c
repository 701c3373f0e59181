/* test_trial.c - tests of devices: asked for, answered or not, and in a lane of their own. */
#include "unit/core/silence.h"

static struct reply ask_trial(const char *device)
{
    struct input input = {.type = INPUT_TRIAL, .staff = "command", .within_ms = 60000};
    town_text(input.reason, sizeof input.reason, device);
    return town_input(input);
}

static enum trial_state trial_of(size_t device)
{
    return ledger_device(f.ledger, device, f.now).trial->state;
}

static void test_that_is_asked_for_is_answered_by_a_test_alarm_in_its_own_lane(void **state)
{
    (void)state;
    assert_int_equal(ask_trial("hub1").err, ERR_OK);
    assert_int_equal(trial_of(3), TRIAL_ASKED);
    town_pass(5000);
    struct alarm alarm = town_alarm("scaip", "4711", KIND_HELP, PHASE_RAISED, "t1");
    alarm.is_test = true;
    (void)town_input((struct input){.type = INPUT_ALARM, .alarm = &alarm});
    assert_int_equal(trial_of(3), TRIAL_HEARD);
    assert_int_equal(ledger_device(f.ledger, 3, f.now).trial->after_ms, 5000);
    assert_int_equal(ledger_open_count(f.ledger), 0);
    town_pass(120000);
    assert_int_equal(trial_of(3), TRIAL_HEARD);
}

static void real_press_during_a_test_is_an_alarm_and_answers_it(void **state)
{
    (void)state;
    town_on_duty("anna");
    assert_int_equal(ask_trial("room12").err, ERR_OK);
    struct reply reply = town_press("1");
    assert_int_equal(trial_of(0), TRIAL_HEARD);
    assert_int_equal(town_case(reply.case_id)->kind, KIND_HELP);
    assert_int_equal(town_stage(reply.case_id, "anna"), OFFER_QUEUED);
}

static void any_message_that_calls_itself_a_test_answers_one(void **state)
{
    (void)state;
    assert_int_equal(ask_trial("room12").err, ERR_OK);
    struct alarm alarm = town_alarm("espa", "panel/12", KIND_BATTERY_LOW, PHASE_RAISED, "1");
    alarm.is_test = true;
    (void)town_input((struct input){.type = INPUT_ALARM, .alarm = &alarm});
    assert_int_equal(trial_of(0), TRIAL_HEARD);
    assert_int_equal(ledger_open_count(f.ledger), 0);
}

static void reset_answers_no_test(void **state)
{
    (void)state;
    assert_int_equal(ask_trial("room12").err, ERR_OK);
    (void)town_raise("espa", "panel/12", KIND_HELP, PHASE_RESTORED, "1");
    assert_int_equal(trial_of(0), TRIAL_ASKED);
}

static void heartbeat_and_fault_answer_no_test(void **state)
{
    (void)state;
    assert_int_equal(ask_trial("panel").err, ERR_OK);
    alive("espa", "panel", 0);
    (void)town_raise("espa", "panel", KIND_BATTERY_LOW, PHASE_RAISED, "b");
    assert_int_equal(trial_of(2), TRIAL_ASKED);
}

static void test_that_nobody_hears_is_a_fault_of_the_device(void **state)
{
    (void)state;
    assert_int_equal(ask_trial("room13").err, ERR_OK);
    f.now = (struct now){f.now.wall_ms + 20000, 1}; /* a restart does not forget it */
    f.ledger = town_fold(f.memory, f.journal_count, f.now);
    town_pass(39000);
    assert_int_equal(ledger_open_count(f.ledger), 0);
    town_pass(2000);
    assert_int_equal(trial_of(1), TRIAL_FAILED);
    assert_int_equal(ledger_open_count(f.ledger), 1);
    const struct case_change *raised = town_last(CHANGE_RAISED);
    assert_int_equal(raised->case_.kind, KIND_DEVICE_FAULT);
    assert_int_equal(raised->case_.class_, CLASS_URGENT); /* nothing else is in that room */
    assert_int_equal(ask_trial("nobody").err, ERR_NOT_FOUND);
}

static void press_after_a_failed_test_ends_the_fault(void **state)
{
    (void)state;
    assert_int_equal(ask_trial("room13").err, ERR_OK);
    town_pass(61000);
    assert_int_equal(ledger_open_count(f.ledger), 1);
    /* what the device says about itself is another matter */
    (void)town_raise("espa", "panel/13", KIND_DEVICE_FAULT, PHASE_RESTORED, "r");
    assert_int_equal(ledger_open_count(f.ledger), 1);
    struct alarm alarm = town_alarm("espa", "panel/13", KIND_HELP, PHASE_RAISED, "t");
    alarm.is_test = true;
    (void)town_input((struct input){.type = INPUT_ALARM, .alarm = &alarm});
    assert_int_equal(ledger_open_count(f.ledger), 0);
    assert_int_equal(trial_of(1), TRIAL_FAILED); /* late is not in time */
}

static void failed_test_is_no_sign_of_life(void **state)
{
    (void)state;
    start();
    assert_int_equal(ask_trial("panel").err, ERR_OK);
    town_pass(61000);
    assert_int_equal(trial_of(2), TRIAL_FAILED);
    town_pass(4000);
    assert_int_equal(silences(PHASE_RAISED), 1);
}

static struct reply send_test(const char *key, int i)
{
    char reference[8] = {'t', (char)('0' + i / 10), (char)('0' + i % 10)};
    struct alarm alarm = town_alarm("scaip", key, KIND_HELP, PHASE_RAISED, reference);
    alarm.is_test = true;
    return town_input((struct input){.type = INPUT_ALARM, .alarm = &alarm});
}

static void flood_of_tests_is_answered_and_does_not_fill_the_journal(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        struct reply reply = send_test("4711", i);
        assert_int_equal(reply.err, i < 12 ? ERR_OK : ERR_DUPLICATE);
        assert_string_equal(reply.word, i < 12 ? "" : "test_flood");
    }
    assert_int_equal(f.journal_count, 12);
    struct reply real = town_raise("scaip", "4711", KIND_HELP, PHASE_RAISED, "real");
    assert_int_equal(real.err, ERR_OK);
    assert_int_equal(town_case(real.case_id)->kind, KIND_FALL);
    assert_int_equal(town_case(real.case_id)->count, 1);
    assert_int_equal(send_test("4712", 50).err, ERR_OK); /* another device has its own */
    town_pass(60000);
    assert_int_equal(send_test("4711", 51).err, ERR_OK);
}

static void flood_of_tests_hides_no_test_that_was_asked_for(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        (void)send_test("4711", i);
    }
    assert_int_equal(ask_trial("hub1").err, ERR_OK);
    assert_int_equal(send_test("4711", 30).err, ERR_OK);
    assert_int_equal(trial_of(3), TRIAL_HEARD);
    assert_int_equal(send_test("4711", 31).err, ERR_DUPLICATE);
}

static void device_under_evaluation_may_test_as_it_likes(void **state)
{
    (void)state;
    static struct device devices[sizeof town_devices / sizeof town_devices[0]];
    memcpy(devices, town_devices, sizeof devices);
    devices[3].record_all = true;
    f.directory.devices = devices;
    f.ledger = town_fold(f.memory, 0, f.now);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(send_test("4711", i).err, ERR_OK);
    }
    assert_int_equal(f.journal_count, 40);
}

static void strangers_share_one_lane_of_tests(void **state)
{
    (void)state;
    size_t kept = 0;
    for (int i = 0; i < 99; i++) {
        char key[8] = {'x', (char)('0' + i / 10), (char)('0' + i % 10)};
        kept += send_test(key, i).err == ERR_OK;
    }
    assert_int_equal(kept, 60);
    assert_int_equal(town_raise("scaip", "x07", KIND_HELP, PHASE_RAISED, "real").err, ERR_OK);
    assert_int_equal(ledger_open_count(f.ledger), 1);
}

#define TEST(name) cmocka_unit_test_setup(name, town_begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_that_is_asked_for_is_answered_by_a_test_alarm_in_its_own_lane),
        TEST(real_press_during_a_test_is_an_alarm_and_answers_it),
        TEST(any_message_that_calls_itself_a_test_answers_one),
        TEST(reset_answers_no_test),
        TEST(heartbeat_and_fault_answer_no_test),
        TEST(test_that_nobody_hears_is_a_fault_of_the_device),
        TEST(press_after_a_failed_test_ends_the_fault),
        TEST(failed_test_is_no_sign_of_life),
        TEST(flood_of_tests_is_answered_and_does_not_fill_the_journal),
        TEST(flood_of_tests_hides_no_test_that_was_asked_for),
        TEST(device_under_evaluation_may_test_as_it_likes),
        TEST(strangers_share_one_lane_of_tests)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
