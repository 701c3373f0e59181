/* test_presence.c - carers who come and go, handsets that fall silent, devices that are not heard. */
#include "unit/core/town.h"

static void who_comes_on_duty_is_asked_about_what_is_open(void **state)
{
    (void)state;
    town_on_duty("anna");
    struct alarm_id id = town_press("1").case_id;
    (void)town_duty("bo", true);
    assert_int_equal(town_stage(id, "bo"), OFFER_UNKNOWN); /* the handset is not there yet */
    (void)town_handset("bo", HANDSET_DEGRADED);
    assert_int_equal(town_stage(id, "bo"), OFFER_QUEUED);
    assert_string_equal(town_last(CHANGE_OFFERED)->reason, "joined");
    town_on_duty("cia");
    assert_int_equal(town_stage(id, "cia"), OFFER_UNKNOWN);
}

static void who_falls_silent_no_longer_counts_and_is_asked_again_on_return(void **state)
{
    (void)state;
    town_on_duty("anna");
    town_on_duty("bo");
    struct alarm_id id = town_press("1").case_id;
    (void)town_handset("anna", HANDSET_SILENT);
    assert_int_equal(town_stage(id, "anna"), OFFER_EXPIRED);
    assert_int_equal(town_case(id)->step, 0);
    (void)town_handset("anna", HANDSET_READY);
    assert_int_equal(town_stage(id, "anna"), OFFER_QUEUED);
}

static void last_one_who_falls_silent_sends_the_case_on_at_once(void **state)
{
    (void)state;
    town_on_duty("anna");
    town_on_duty("bo");
    struct alarm_id id = town_press("1").case_id;
    (void)town_says(INPUT_DECLINE, "bo", id, "");
    (void)town_handset("anna", HANDSET_SILENT);
    assert_int_equal(town_case(id)->step, 2);
    assert_int_equal(town_stage(id, "anna"), OFFER_EXPIRED); /* and is not asked by a later step */
    assert_string_equal(town_last(CHANGE_ESCALATED)->reason, "nobody");
}

static void last_one_who_goes_off_duty_sends_the_case_on_at_once(void **state)
{
    (void)state;
    town_on_duty("anna");
    struct alarm_id id = town_press("1").case_id;
    assert_int_equal(town_duty("anna", false).err, ERR_OK);
    assert_int_equal(town_case(id)->step, 2);
    assert_int_equal(town_duty("anna", false).err, ERR_DUPLICATE);
}

static void carer_with_an_open_case_cannot_go_off_duty(void **state)
{
    (void)state;
    town_on_duty("anna");
    struct alarm_id id = town_press("1").case_id;
    (void)town_says(INPUT_ACCEPT, "anna", id, "");
    struct reply reply = town_duty("anna", false);
    assert_int_equal(reply.err, ERR_STATE);
    assert_string_equal(reply.word, "has_open_cases");
    (void)town_says(INPUT_CLOSE, "anna", id, "helped");
    assert_int_equal(town_duty("anna", false).err, ERR_OK);
}

static void silent_owner_on_the_way_loses_the_case_after_a_minute(void **state)
{
    (void)state;
    town_on_duty("anna");
    town_on_duty("bo");
    struct alarm_id id = town_press("1").case_id;
    (void)town_says(INPUT_ACCEPT, "anna", id, "");
    (void)town_handset("anna", HANDSET_SILENT);
    town_pass(59999);
    assert_string_equal(town_case(id)->owner, "anna");
    town_pass(1);
    assert_string_equal(town_last(CHANGE_REOPENED)->reason, "owner_silent");
    assert_int_equal(town_stage(id, "bo"), OFFER_QUEUED);
    assert_int_equal(town_stage(id, "anna"), OFFER_EXPIRED);
    assert_true(ledger_concerns(f.ledger, town_case(id), "anna"));
}

static void owner_who_returns_in_time_or_is_on_site_keeps_the_case(void **state)
{
    (void)state;
    town_on_duty("anna");
    struct alarm_id id = town_press("1").case_id;
    (void)town_says(INPUT_ACCEPT, "anna", id, "");
    (void)town_handset("anna", HANDSET_SILENT);
    town_pass(59000);
    (void)town_handset("anna", HANDSET_READY);
    town_pass(5000);
    assert_string_equal(town_case(id)->owner, "anna");
    (void)town_says(INPUT_ON_SITE, "anna", id, "");
    (void)town_handset("anna", HANDSET_SILENT);
    town_pass(3600000);
    assert_string_equal(town_case(id)->owner, "anna");
}

static void unknown_people_and_units_are_named_as_such(void **state)
{
    (void)state;
    assert_string_equal(town_duty("eve", true).word, "unknown_staff");
    assert_string_equal(town_handset("eve", HANDSET_READY).word, "unknown_staff");
    assert_int_equal(town_handset("anna", HANDSET_UNKNOWN).err, ERR_RANGE);
    struct input duty = {.type = INPUT_DUTY, .staff = "anna", .unit = "nowhere", .is_on = true};
    assert_string_equal(town_input(duty).word, "unknown_unit");
    memcpy(duty.unit, "north", 6);
    assert_int_equal(town_input(duty).err, ERR_OK);
    assert_string_equal(ledger_staff(f.ledger, 0)->unit, "north");
    assert_int_equal(town_handset("anna", HANDSET_READY).err, ERR_OK);
    assert_int_equal(town_handset("anna", HANDSET_READY).err, ERR_DUPLICATE);
}

static void carer_who_moves_to_another_unit_is_asked_there(void **state)
{
    (void)state;
    town_on_duty("anna");
    town_on_duty("cia");
    struct alarm_id id = town_press("1").case_id;
    struct input duty = {.type = INPUT_DUTY, .staff = "cia", .unit = "ward", .is_on = true};
    assert_int_equal(town_input(duty).err, ERR_OK);
    assert_int_equal(town_stage(id, "cia"), OFFER_QUEUED);
}

static void carers_own_alarm_goes_to_colleagues_and_not_to_the_carer(void **state)
{
    (void)state;
    town_on_duty("anna");
    town_on_duty("bo");
    struct reply reply = town_says(INPUT_ASSIST, "anna", (struct alarm_id){{0}}, "");
    const struct case_value *c = town_case(reply.case_id);
    assert_string_equal(c->device, "staff/anna");
    assert_int_equal(c->kind, KIND_STAFF_ASSIST);
    assert_int_equal(c->class_, CLASS_LIFE);
    assert_string_equal(c->unit, "ward");
    assert_int_equal(town_stage(reply.case_id, "bo"), OFFER_QUEUED);
    assert_int_equal(town_stage(reply.case_id, "anna"), OFFER_UNKNOWN);
    town_pass(1);
    (void)town_says(INPUT_ASSIST, "anna", (struct alarm_id){{0}}, "");
    assert_int_equal(town_case(reply.case_id)->count, 2);
    assert_int_equal(town_says(INPUT_ASSIST, "eve", (struct alarm_id){{0}}, "").err, ERR_NOT_FOUND);
}

static struct reply alive(const char *dialect, const char *key)
{
    struct alarm alarm = town_alarm(dialect, key, KIND_UNKNOWN, PHASE_RAISED, "hb");
    struct reply reply = town_input((struct input){.type = INPUT_ALIVE, .alarm = &alarm});
    ledger_heard(f.ledger, alarm.device, f.now);
    return reply;
}

static void start(void)
{
    struct input started = {.type = INPUT_STARTED, .reason = "boot", .to = "1"};
    assert_int_equal(town_input(started).err, ERR_OK);
    assert_int_equal(f.journal[f.journal_count - 1].type, RECORD_STARTED);
}

static void silent_device_is_told_within_its_interval_and_a_tenth(void **state)
{
    (void)state;
    start();
    town_pass(60000);
    assert_int_equal(ledger_open_count(f.ledger), 0);
    town_pass(6000);
    assert_int_equal(ledger_open_count(f.ledger), 1);
    const struct case_change *raised = town_last(CHANGE_RAISED);
    assert_int_equal(raised->case_.kind, KIND_DEVICE_SILENT);
    assert_int_equal(raised->case_.class_, CLASS_URGENT); /* nobody supervises room12 beside it */
    assert_string_equal(raised->case_.device, "panel");
    assert_string_equal(raised->case_.dialect, "gateway");
    assert_true(raised->at_ms > NOON_MS + 60000 && raised->at_ms <= NOON_MS + 66000);
    town_pass(120000);
    assert_int_equal(ledger_open_count(f.ledger), 1);
}

static void heartbeats_and_events_keep_a_device_alive(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 5; i++) {
        town_pass(50000);
        assert_int_equal(alive("espa", "panel").err, ERR_OK);
    }
    town_pass(50000);
    (void)town_raise("espa", "panel", KIND_BATTERY_LOW, PHASE_RESTORED, "1");
    town_pass(50000);
    assert_int_equal(town_changes(CHANGE_RAISED), 0);
}

static void device_that_is_heard_again_ends_its_case(void **state)
{
    (void)state;
    start();
    town_pass(70000);
    assert_int_equal(ledger_open_count(f.ledger), 1);
    (void)alive("espa", "panel");
    assert_int_equal(ledger_open_count(f.ledger), 0);
    assert_string_equal(ledger_recent(f.ledger, 0)->reason, "restored");
    town_pass(70000);
    assert_int_equal(ledger_open_count(f.ledger), 1); /* silent once more: another case */
    assert_int_equal(town_changes(CHANGE_RAISED), 2);
    (void)town_raise("espa", "panel", KIND_HELP, PHASE_RAISED, "1");
    assert_int_equal(town_changes(CHANGE_CLOSED), 2); /* an alarm is a sign of life too */
}

static void restart_raises_no_second_case_for_a_device_that_is_silent(void **state)
{
    (void)state;
    start();
    town_pass(70000);
    f.now.mono_ms = 1;
    f.ledger = town_fold(f.memory, f.journal_count, f.now);
    start();
    town_pass(500000);
    assert_int_equal(town_changes(CHANGE_RAISED), 1);
}

static void restart_counts_everybody_as_heard(void **state)
{
    (void)state;
    start();
    town_pass(59000);
    f.now = (struct now){f.now.wall_ms + 3600000, 1};
    f.ledger = town_fold(f.memory, f.journal_count, f.now);
    start();
    town_pass(60000);
    assert_int_equal(town_changes(CHANGE_RAISED), 0);
    town_pass(6000);
    assert_int_equal(town_changes(CHANGE_RAISED), 1);
}

static size_t seen_records(void)
{
    size_t count = 0;
    for (size_t i = 0; i < f.journal_count; i++) {
        count += f.journal[i].type == RECORD_SEEN;
    }
    return count;
}

static void heartbeats_are_journalled_first_hourly_and_all_under_evaluation(void **state)
{
    (void)state;
    (void)alive("espa", "panel");
    assert_int_equal(seen_records(), 1);
    f.now.wall_ms += 3599999;
    (void)alive("espa", "panel");
    assert_int_equal(seen_records(), 1);
    f.now.wall_ms += 1;
    (void)alive("espa", "panel");
    assert_int_equal(seen_records(), 2);
    town_devices[2].record_all = true;
    (void)alive("espa", "panel");
    town_devices[2].record_all = false;
    assert_int_equal(seen_records(), 3);
    assert_int_equal(f.journal[0].seen.expected_ms, 60000);
    assert_int_equal(alive("espa", "panel/99").err, ERR_NOT_FOUND);
}

static void answer_to_a_device_under_evaluation_is_kept_as_evidence(void **state)
{
    (void)state;
    struct alarm alarm = {.id = {{7}}, .port = "trygghet"};
    struct input answered = {.type = INPUT_ANSWERED, .alarm = &alarm, .is_on = true};
    uint64_t before = ledger_fingerprint(f.ledger);
    assert_int_equal(town_input(answered).err, ERR_OK);
    assert_int_equal(f.journal_count, 1);
    assert_int_equal(f.journal[0].type, RECORD_ANSWERED);
    assert_true(alarm_id_eq(&f.journal[0].answered.event_id, &alarm.id));
    assert_true(f.journal[0].answered.is_positive);
    assert_string_equal(f.journal[0].answered.port, "trygghet");
    assert_true(ledger_fingerprint(f.ledger) == before);
    answered.alarm = NULL;
    assert_int_equal(town_input(answered).err, ERR_UNSUPPORTED);
}

static void fault_is_journalled_when_it_begins_and_when_it_ends(void **state)
{
    (void)state;
    struct input fault = {
        .type = INPUT_FAULT, .reason = "port_down", .to = "espa-1", .is_on = true};
    const struct fault *faults = NULL;
    assert_int_equal(town_input(fault).err, ERR_OK);
    assert_int_equal(town_input(fault).err, ERR_DUPLICATE);
    assert_int_equal(ledger_faults(f.ledger, &faults), 1);
    assert_string_equal(faults[0].what, "port_down");
    assert_string_equal(faults[0].about, "espa-1");
    fault.is_on = false;
    assert_int_equal(town_input(fault).err, ERR_OK);
    assert_int_equal(town_input(fault).err, ERR_DUPLICATE);
    assert_int_equal(ledger_faults(f.ledger, &faults), 0);
    assert_int_equal(f.journal_count, 2);
}

static void many_deadlines_at_once_are_served_in_several_decisions(void **state)
{
    (void)state;
    static struct decision decision;
    f.limits.cases = 64;
    f.ledger = town_fold(f.memory, 0, f.now);
    for (unsigned i = 0; i < 50; i++) {
        char key[8] = {'x', (char)('A' + i), '\0'};
        (void)town_raise("scaip", key, KIND_HELP, PHASE_RAISED, "1");
    }
    f.now.wall_ms += 10000;
    f.now.mono_ms += 10000;
    struct input tick = {.type = INPUT_TICK};
    size_t rounds = 0;
    do {
        ledger_decide(f.ledger, &tick, f.now, &decision);
        assert_true(decision.count > 0 && decision.count <= DECISION_MAX);
        for (size_t i = 0; i < decision.count; i++) {
            decision.records[i].seq = 1;
            ledger_apply(f.ledger, &decision.records[i], f.now);
        }
        rounds++;
    } while (decision.reply.is_more && rounds < 20);
    assert_true(rounds > 1 && rounds < 20);
    assert_int_equal(ledger_next_wake(f.ledger, f.now), f.now.wall_ms + 10000);
}

#define TEST(name) cmocka_unit_test_setup(name, town_begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_comes_on_duty_is_asked_about_what_is_open),
        TEST(who_falls_silent_no_longer_counts_and_is_asked_again_on_return),
        TEST(last_one_who_falls_silent_sends_the_case_on_at_once),
        TEST(last_one_who_goes_off_duty_sends_the_case_on_at_once),
        TEST(carer_with_an_open_case_cannot_go_off_duty),
        TEST(silent_owner_on_the_way_loses_the_case_after_a_minute),
        TEST(owner_who_returns_in_time_or_is_on_site_keeps_the_case),
        TEST(unknown_people_and_units_are_named_as_such),
        TEST(carer_who_moves_to_another_unit_is_asked_there),
        TEST(carers_own_alarm_goes_to_colleagues_and_not_to_the_carer),
        TEST(silent_device_is_told_within_its_interval_and_a_tenth),
        TEST(heartbeats_and_events_keep_a_device_alive),
        TEST(device_that_is_heard_again_ends_its_case),
        TEST(restart_raises_no_second_case_for_a_device_that_is_silent),
        TEST(restart_counts_everybody_as_heard),
        TEST(heartbeats_are_journalled_first_hourly_and_all_under_evaluation),
        TEST(answer_to_a_device_under_evaluation_is_kept_as_evidence),
        TEST(fault_is_journalled_when_it_begins_and_when_it_ends),
        TEST(many_deadlines_at_once_are_served_in_several_decisions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
