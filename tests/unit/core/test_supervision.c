/* test_supervision.c - silence: promised intervals, a whole ward in one case. */
#include "unit/core/silence.h"

/* Another life after `down_ms` without one. */
static void restart(int64_t down_ms)
{
    f.now = (struct now){f.now.wall_ms + down_ms, 1000};
    f.ledger = town_fold(f.memory, f.journal_count, f.now);
    start();
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
    restart(5000);
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
    restart(1000);
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
    struct input sounded = {.type = INPUT_RECEIPT, .case_id = id, .stage = OFFER_SOUNDED};
    town_text(sounded.staff, sizeof sounded.staff, "anna");
    (void)town_input(sounded);
    assert_int_equal(town_stage(id, "anna"), OFFER_SOUNDED);
    assert_int_equal(ledger_open_count(f.ledger), 1);
    town_pass(24000);
    assert_string_equal(newest()->text, "2: room13, panel");
    assert_int_equal(town_stage(id, "anna"), OFFER_QUEUED);
    assert_int_equal(town_changes(CHANGE_RAISED), 1);
    assert_int_equal(town_changes(CHANGE_REOPENED), 0);
}

static void promise_may_come_with_an_alarm(void **state)
{
    (void)state;
    start();
    struct alarm alarm = town_alarm("espa", "panel/13", KIND_HELP, PHASE_RAISED, "1");
    alarm.interval_ms = 20000;
    (void)town_input((struct input){.type = INPUT_ALARM, .alarm = &alarm});
    town_pass(22000);
    assert_int_equal(silences(PHASE_RAISED), 1);
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

/* The panel alone is silent, which is a technician's; anna has it. */
static struct alarm_id taken_site(void)
{
    start();
    town_on_duty("anna");
    alive("espa", "panel/12", 600000);
    town_pass(64000);
    struct alarm_id id = newest()->id;
    assert_int_equal(newest()->class_, CLASS_TECHNICAL);
    assert_string_equal(newest()->plan, "rest");
    assert_int_equal(town_says(INPUT_ACCEPT, "anna", id, "").err, ERR_OK);
    return id;
}

static void graver_silence_opens_the_case_again_with_the_graver_plan(void **state)
{
    (void)state;
    struct alarm_id id = taken_site();
    town_on_duty("bo");
    alive("espa", "panel/13", 20000); /* alone in its room */
    town_pass(22000);
    const struct case_value *c = town_case(id);
    assert_int_equal(c->class_, CLASS_URGENT);
    assert_string_equal(c->plan, "ward");
    assert_string_equal(c->owner, "");
    assert_string_equal(c->text, "2: room13, panel");
    assert_int_equal(town_stage(id, "anna"), OFFER_QUEUED);
    assert_int_equal(town_stage(id, "bo"), OFFER_QUEUED);
    assert_string_equal(town_last(CHANGE_REOPENED)->reason, "unprotected");
}

static void graver_silence_calls_back_what_a_centre_has_taken(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/12", 600000);
    town_pass(64000);
    struct alarm_id id = newest()->id;
    assert_int_equal(town_centre("centre", id, ERR_OK).err, ERR_OK);
    assert_int_equal(town_case(id)->state, CASE_AT_CENTRE);
    town_on_duty("bo");
    alive("espa", "panel/13", 20000);
    town_pass(22000);
    assert_int_equal(town_case(id)->state, CASE_OFFERED);
    assert_int_equal(town_stage(id, "bo"), OFFER_QUEUED);
}

static void gravest_of_those_that_fall_silent_at_once_counts(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/12", 600000);
    alive("espa", "panel/13", 60000); /* together with the panel */
    town_pass(64000);
    assert_string_equal(newest()->text, "2: room13, panel");
    assert_int_equal(newest()->class_, CLASS_URGENT);
    assert_int_equal(town_changes(CHANGE_UPDATED), 0);
}

static void what_a_centre_has_taken_long_ago_takes_no_more(void **state)
{
    (void)state;
    start();
    town_pass(64000);
    struct alarm_id id = newest()->id;
    assert_int_equal(town_centre("centre", id, ERR_OK).err, ERR_OK);
    for (int i = 0; i < 16; i++) {
        alive("espa", "panel/13", 60000);
        town_pass(60000);
    }
    town_pass(10000);
    assert_string_equal(newest()->device, "room13");
    assert_false(alarm_id_eq(&newest()->id, &id));
}

static void silence_that_is_no_graver_only_lengthens_the_list_of_who_has_it(void **state)
{
    (void)state;
    struct alarm_id id = taken_site();
    alive("espa", "panel/13", 20000);
    town_pass(22000); /* graver: open again */
    assert_int_equal(town_says(INPUT_ACCEPT, "anna", id, "").err, ERR_OK);
    town_pass(580000); /* room12 alone is left, and silent too */
    const struct case_value *c = town_case(id);
    assert_string_equal(c->text, "3: room12, room13, panel");
    assert_string_equal(c->owner, "anna");
    assert_int_equal(town_changes(CHANGE_REOPENED), 1);
}

static void window_counts_from_the_newest_of_the_list_and_not_from_any_change(void **state)
{
    (void)state;
    struct alarm_id id = taken_site();
    for (int i = 0; i < 15; i++) {
        town_pass(60000);
        alive("espa", "panel/12", 600000);
        alive("espa", "panel/13", 60000);
    }
    assert_int_equal(town_says(INPUT_ON_SITE, "anna", id, "").err, ERR_OK); /* a change, just now */
    town_pass(64000);
    assert_string_equal(newest()->device, "room13");
    assert_int_equal(newest()->count, 1);
    assert_string_equal(town_case(id)->text, "");
}

static void who_joins_keeps_the_list_open_for_the_next(void **state)
{
    (void)state;
    struct alarm_id id = taken_site();
    for (int i = 0; i < 12; i++) {
        town_pass(60000);
        alive("espa", "panel/12", 600000);
        alive("espa", "panel/13", 60000);
    }
    town_pass(64000); /* room13, 13 minutes after the panel */
    assert_int_equal(town_says(INPUT_ACCEPT, "anna", id, "").err, ERR_OK);
    assert_int_equal(town_says(INPUT_ON_SITE, "anna", id, "").err, ERR_OK);
    town_pass(580000); /* room12, 10 minutes after that */
    assert_string_equal(town_case(id)->text, "3: room12, room13, panel");
    assert_string_equal(town_case(id)->owner, "anna");
}

static void case_is_about_the_unit_until_one_device_is_left(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/13", 60000);
    town_pass(70000);
    assert_string_equal(newest()->text, "2: room13, panel");
    assert_string_equal(newest()->place, "");
    alive("espa", "panel", 0);
    assert_string_equal(newest()->text, "1: room13");
    assert_string_equal(newest()->place, "pw13");
}

static void silence_that_a_hub_reports_is_its_own_and_ends_no_list(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/13", 60000);
    (void)town_raise("espa", "panel", KIND_DEVICE_SILENT, PHASE_RAISED, "1");
    struct alarm_id told = newest()->id;
    town_pass(70000);
    assert_int_equal(ledger_open_count(f.ledger), 2);
    (void)town_raise("espa", "panel", KIND_DEVICE_SILENT, PHASE_RESTORED, "2");
    assert_int_equal(ledger_open_count(f.ledger), 1);
    assert_null(ledger_case(f.ledger, &told));
    assert_int_equal(silences(PHASE_RESTORED), 1); /* what was reported; nobody has been heard */
    assert_true(ledger_device(f.ledger, 2, f.now).is_silent);
}

static void end_that_a_hub_reports_ends_no_list_among_nested_devices_either(void **state)
{
    (void)state;
    start();
    (void)town_raise("scaip", "4712", KIND_HELP, PHASE_RAISED, "1"); /* hub1/door */
    town_pass(64000);
    (void)town_raise("espa", "panel", KIND_DEVICE_SILENT, PHASE_RESTORED, "2");
    assert_true(ledger_device(f.ledger, 2, f.now).is_silent);
    assert_int_equal(ledger_open_count(f.ledger), 2);
}

/* Others talk, so that the journal shows that we listen. */
static void listen_for(int hours)
{
    for (int i = 0; i < hours; i++) {
        town_pass(3600000);
        assert_int_equal(town_handset("anna", i % 2 == 0 ? HANDSET_READY : HANDSET_SILENT).err,
                         ERR_OK);
    }
}

static void device_that_speaks_once_a_day_is_missed_though_we_restart_twice_a_day(void **state)
{
    (void)state;
    static struct device devices[sizeof town_devices / sizeof town_devices[0]];
    memcpy(devices, town_devices, sizeof devices);
    devices[2].supervision_ms = 0;
    devices[3].supervision_ms = 0;
    f.directory.devices = devices;
    f.ledger = town_fold(f.memory, 0, f.now);
    start();
    assert_int_equal(town_duty("anna", true).err, ERR_OK);
    assert_int_equal(town_handset("anna", HANDSET_SILENT).err, ERR_OK);
    alive("espa", "panel/13", 86400000);
    for (int i = 0; i < 4; i++) { /* never a whole day in one life */
        listen_for(12);
        restart(5000);
        assert_int_equal(silences(PHASE_RAISED), 0);
    }
    listen_for(5);
    assert_int_equal(silences(PHASE_RAISED), 1);
    assert_string_equal(newest()->device, "room13");
}

static void time_in_which_we_were_down_makes_nobody_silent(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/13", 20000);
    alive("espa", "panel", 0);
    restart(7 * 86400000LL);
    town_pass(20000);
    assert_int_equal(silences(PHASE_RAISED), 0);
    town_pass(2000);
    assert_int_equal(silences(PHASE_RAISED), 1);
}

static void many_short_nights_make_nobody_silent_either(void **state)
{
    (void)state;
    start();
    alive("scaip", "4711", 0);
    for (int i = 0; i < 4; i++) {
        restart(3600000);
    }
    alive("espa", "panel", 0);
    town_pass(62000);
    assert_int_equal(silences(PHASE_RAISED), 0);
}

static void silence_is_named_by_the_last_sign_that_the_journal_knows(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/13", 20000);
    restart(1000);
    town_pass(22000);
    const struct record *event = NULL;
    for (size_t i = 0; i < f.journal_count; i++) {
        event = f.journal[i].type == RECORD_EVENT ? &f.journal[i] : event;
    }
    assert_non_null(event);
    assert_string_equal(event->event.reference, "silent@1762167600000"); /* noon */
}

static void clock_that_jumps_before_a_start_makes_nobody_silent(void **state)
{
    (void)state;
    start();
    alive("scaip", "4711", 0);
    f.now.wall_ms += 400LL * 86400000;
    assert_int_equal(town_duty("anna", true).err, ERR_OK);
    alive("espa", "panel", 0);
    restart(1000);
    alive("espa", "panel", 0);
    town_pass(62000);
    assert_int_equal(silences(PHASE_RAISED), 0); /* the hub has ten minutes */
}

static void last_sign_of_life_is_known_across_lives(void **state)
{
    (void)state;
    start();
    assert_int_equal(ledger_device(f.ledger, 1, f.now).heard_ms, 0);
    alive("espa", "panel/13", 20000);
    town_pass(3000);
    alive("espa", "panel/13", 20000); /* without a row */
    town_pass(4000);
    assert_int_equal(ledger_device(f.ledger, 1, f.now).heard_ms, NOON_MS + 3000);
    restart(1000);
    assert_int_equal(ledger_device(f.ledger, 1, f.now).heard_ms, NOON_MS);
    assert_int_equal(ledger_device(f.ledger, 1, f.now).within_ms, 20000);
    assert_int_equal(ledger_device(f.ledger, 2, f.now).within_ms, 60000);
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
    struct alarm beat = town_alarm("scaip", "4711", KIND_UNKNOWN, PHASE_RAISED, "hb");
    beat.sequence = 12;
    (void)town_input((struct input){.type = INPUT_ALIVE, .alarm = &beat});
    assert_int_equal(ledger_sequence(f.ledger, "hub1"), 12);
    assert_int_equal(ledger_sequence(f.ledger, "room12"), 0);
    assert_int_equal(ledger_sequence(f.ledger, "nobody"), 0);
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
        TEST(promise_may_come_with_an_alarm),
        TEST(later_silence_of_a_case_that_is_seen_to_is_its_own),
        TEST(other_units_silence_is_another_case),
        TEST(graver_silence_opens_the_case_again_with_the_graver_plan),
        TEST(graver_silence_calls_back_what_a_centre_has_taken),
        TEST(gravest_of_those_that_fall_silent_at_once_counts),
        TEST(what_a_centre_has_taken_long_ago_takes_no_more),
        TEST(silence_that_is_no_graver_only_lengthens_the_list_of_who_has_it),
        TEST(window_counts_from_the_newest_of_the_list_and_not_from_any_change),
        TEST(who_joins_keeps_the_list_open_for_the_next),
        TEST(case_is_about_the_unit_until_one_device_is_left),
        TEST(silence_that_a_hub_reports_is_its_own_and_ends_no_list),
        TEST(end_that_a_hub_reports_ends_no_list_among_nested_devices_either),
        TEST(device_that_speaks_once_a_day_is_missed_though_we_restart_twice_a_day),
        TEST(time_in_which_we_were_down_makes_nobody_silent),
        TEST(many_short_nights_make_nobody_silent_either),
        TEST(silence_is_named_by_the_last_sign_that_the_journal_knows),
        TEST(clock_that_jumps_before_a_start_makes_nobody_silent),
        TEST(last_sign_of_life_is_known_across_lives),
        TEST(closed_by_hand_the_return_ends_only_the_silence),
        TEST(highest_sequence_of_a_device_is_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
