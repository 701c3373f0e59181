/* test_supervision.c - silence: promised intervals, a whole ward in one case, and who is left without help. */
#include "unit/core/town.h"

static void start(void)
{
    struct input started = {.type = INPUT_STARTED, .reason = "boot", .to = "1"};
    assert_int_equal(town_input(started).err, ERR_OK);
}

static void alive(const char *dialect, const char *key, int64_t interval_ms)
{
    struct alarm alarm = town_alarm(dialect, key, KIND_UNKNOWN, PHASE_RAISED, "hb");
    alarm.interval_ms = interval_ms;
    assert_int_equal(town_input((struct input){.type = INPUT_ALIVE, .alarm = &alarm}).err, ERR_OK);
    ledger_heard(f.ledger, alarm.device, f.now);
}

static size_t silences(enum phase phase)
{
    size_t count = 0;
    for (size_t i = 0; i < f.journal_count; i++) {
        const struct record *r = &f.journal[i];
        count += r->type == RECORD_EVENT && r->event.kind == KIND_DEVICE_SILENT &&
                 r->event.phase == phase;
    }
    return count;
}

/* The newest value of the newest silence case. */
static const struct case_value *newest(void)
{
    for (size_t i = f.journal_count; i > 0; i--) {
        const struct record *r = &f.journal[i - 1];
        if (r->type == RECORD_CASE && r->case_.case_.kind == KIND_DEVICE_SILENT) {
            return &r->case_.case_;
        }
    }
    fail_msg("no case tells of a silence");
    return NULL;
}

static void devices_own_promise_counts_where_nothing_is_configured(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/13", 20000);
    town_pass(20000);
    assert_int_equal(silences(PHASE_RAISED), 0);
    town_pass(2000);
    assert_int_equal(silences(PHASE_RAISED), 1);
    assert_string_equal(newest()->device, "room13");
}

static void promise_is_known_after_a_restart(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/13", 20000);
    f.now = (struct now){f.now.wall_ms + 5000, 1};
    f.ledger = town_fold(f.memory, f.journal_count, f.now);
    start();
    town_pass(22000);
    assert_int_equal(silences(PHASE_RAISED), 1);
}

static void new_promise_is_journalled_at_once_and_configured_ones_win(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/13", 20000);
    alive("espa", "panel/13", 50000);
    alive("scaip", "4711", 1000); /* 600 s are configured */
    town_pass(50000);
    assert_int_equal(silences(PHASE_RAISED), 0);
    town_pass(5000);
    assert_int_equal(silences(PHASE_RAISED), 1);
}

static void silent_ward_is_one_case_with_a_list(void **state)
{
    (void)state;
    start();
    town_on_duty("anna");
    alive("espa", "panel/12", 60000);
    alive("espa", "panel/13", 60000);
    town_pass(70000); /* the panel, of 60 s, too */
    assert_int_equal(silences(PHASE_RAISED), 3);
    assert_int_equal(ledger_open_count(f.ledger), 1);
    assert_string_equal(newest()->text, "3: room12, room13, panel");
    assert_string_equal(newest()->unit, "ward");
}

static void list_shrinks_and_the_last_one_back_ends_the_case(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/12", 60000);
    alive("espa", "panel/13", 60000);
    town_pass(70000);
    struct alarm_id id = newest()->id;
    alive("espa", "panel", 0); /* the case may be named after it; it stays open all the same */
    assert_string_equal(newest()->text, "2: room12, room13");
    alive("espa", "panel/12", 60000);
    assert_string_equal(newest()->text, "1: room13");
    assert_int_equal(ledger_open_count(f.ledger), 1);
    alive("espa", "panel/13", 60000);
    assert_int_equal(ledger_open_count(f.ledger), 0);
    assert_int_equal(silences(PHASE_RESTORED), 3);
    assert_true(alarm_id_eq(&newest()->id, &id));
}

static void list_is_the_same_after_a_restart(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/12", 60000);
    alive("espa", "panel/13", 60000);
    town_pass(70000);
    f.now = (struct now){f.now.wall_ms + 1000, 1};
    f.ledger = town_fold(f.memory, f.journal_count, f.now);
    start();
    alive("espa", "panel/13", 60000);
    assert_string_equal(newest()->text, "2: room12, panel");
}

static void silence_that_joins_rings_again(void **state)
{
    (void)state;
    start();
    town_on_duty("anna");
    town_pass(30000);
    alive("espa", "panel/13", 60000);
    town_pass(40000); /* the panel alone */
    struct alarm_id id = newest()->id;
    (void)town_says(INPUT_RECEIPT, "anna", id, "");
    assert_int_equal(ledger_open_count(f.ledger), 1);
    town_pass(30000);
    assert_string_equal(newest()->text, "2: room13, panel");
    assert_int_equal(town_stage(id, "anna"), OFFER_QUEUED);
    assert_int_equal(town_changes(CHANGE_RAISED), 1);
}

static void later_silence_of_a_case_that_is_seen_to_is_its_own(void **state)
{
    (void)state;
    start();
    town_on_duty("anna");
    town_pass(70000);
    struct alarm_id id = newest()->id;
    assert_int_equal(town_says(INPUT_ACCEPT, "anna", id, "").err, ERR_OK);
    assert_int_equal(town_says(INPUT_ON_SITE, "anna", id, "").err, ERR_OK);
    for (int i = 0; i < 40; i++) { /* twenty minutes */
        alive("espa", "panel/13", 60000);
        town_pass(30000);
    }
    town_pass(60000);
    assert_int_equal(ledger_open_count(f.ledger), 2 + 1); /* hub1 of another unit, too */
    assert_string_equal(newest()->device, "room13");
}

static void other_units_silence_is_another_case(void **state)
{
    (void)state;
    start();
    town_pass(640000);
    assert_int_equal(silences(PHASE_RAISED), 2);
    assert_int_equal(ledger_open_count(f.ledger), 2);
    assert_string_equal(newest()->device, "hub1");
}

static void only_device_of_a_place_leaves_a_person_unprotected(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/13", 20000);
    town_pass(22000);
    assert_int_equal(newest()->class_, CLASS_URGENT);
    assert_int_equal(newest()->kind, KIND_DEVICE_SILENT);
    struct alarm fault = town_alarm("espa", "panel/13", KIND_DEVICE_FAULT, PHASE_RAISED, "1");
    assert_int_equal(fault.class_, CLASS_URGENT);
    struct alarm battery = town_alarm("espa", "panel/13", KIND_BATTERY_LOW, PHASE_RAISED, "2");
    assert_int_equal(battery.class_, CLASS_TECHNICAL);
    struct alarm other = town_alarm("scaip", "4712", KIND_DEVICE_FAULT, PHASE_RAISED, "3");
    assert_int_equal(other.class_, CLASS_TECHNICAL); /* the hub is there as well */
}

static void graver_silence_makes_the_site_graver(void **state)
{
    (void)state;
    start();
    town_pass(30000);
    alive("espa", "panel/13", 60000);
    town_pass(36000);
    assert_int_equal(newest()->class_, CLASS_TECHNICAL); /* the panel shares its room */
    town_pass(30000);
    assert_int_equal(newest()->class_, CLASS_URGENT);
}

static void closed_by_hand_the_return_ends_only_the_silence(void **state)
{
    (void)state;
    start();
    town_on_duty("anna");
    town_pass(70000);
    struct alarm_id id = newest()->id;
    assert_int_equal(town_says(INPUT_ACCEPT, "anna", id, "").err, ERR_OK);
    assert_int_equal(town_says(INPUT_CLOSE, "anna", id, "done").err, ERR_OK);
    alive("espa", "panel", 0);
    assert_int_equal(silences(PHASE_RESTORED), 1);
    assert_int_equal(ledger_open_count(f.ledger), 0);
}

static void highest_sequence_of_a_device_is_kept(void **state)
{
    (void)state;
    static const uint64_t sequences[] = {7, 9, 8};
    for (size_t i = 0; i < 3; i++) {
        char reference[8] = {(char)('a' + i)};
        struct alarm alarm = town_alarm("scaip", "4711", KIND_HELP, PHASE_RAISED, reference);
        alarm.sequence = sequences[i];
        (void)town_input((struct input){.type = INPUT_ALARM, .alarm = &alarm});
    }
    assert_int_equal(ledger_sequence(f.ledger, "hub1"), 9);
    assert_int_equal(ledger_sequence(f.ledger, "room12"), 0);
    assert_int_equal(ledger_sequence(f.ledger, "nobody"), 0);
}

static struct reply ask_trial(const char *device)
{
    struct input input = {.type = INPUT_TRIAL, .staff = "command", .within_ms = 60000};
    town_text(input.reason, sizeof input.reason, device);
    return town_input(input);
}

static enum trial_state trial_of(size_t device)
{
    return ledger_device(f.ledger, device).trial->state;
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
    assert_int_equal(ledger_device(f.ledger, 3).trial->after_ms, 5000);
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

#define TEST(name) cmocka_unit_test_setup(name, town_begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(devices_own_promise_counts_where_nothing_is_configured),
        TEST(promise_is_known_after_a_restart),
        TEST(new_promise_is_journalled_at_once_and_configured_ones_win),
        TEST(silent_ward_is_one_case_with_a_list),
        TEST(list_shrinks_and_the_last_one_back_ends_the_case),
        TEST(list_is_the_same_after_a_restart),
        TEST(silence_that_joins_rings_again),
        TEST(later_silence_of_a_case_that_is_seen_to_is_its_own),
        TEST(other_units_silence_is_another_case),
        TEST(only_device_of_a_place_leaves_a_person_unprotected),
        TEST(graver_silence_makes_the_site_graver),
        TEST(closed_by_hand_the_return_ends_only_the_silence),
        TEST(highest_sequence_of_a_device_is_kept),
        TEST(test_that_is_asked_for_is_answered_by_a_test_alarm_in_its_own_lane),
        TEST(real_press_during_a_test_is_an_alarm_and_answers_it),
        TEST(heartbeat_and_fault_answer_no_test),
        TEST(test_that_nobody_hears_is_a_fault_of_the_device)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
