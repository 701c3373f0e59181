/* test_guard.c - a fault is a technician's, unless it leaves somebody without help. */
#include "unit/core/silence.h"

/* The class of the case that this fault opens or joins. */
static enum class_ class_of_fault(const char *dialect, const char *key, enum kind kind,
                                  const char *reference)
{
    struct reply reply = town_raise(dialect, key, kind, PHASE_RAISED, reference);
    return town_case(reply.case_id)->class_;
}

static void only_device_of_a_place_leaves_a_person_unprotected(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/13", 20000);
    town_pass(22000);
    assert_int_equal(newest()->class_, CLASS_URGENT);
    assert_int_equal(newest()->kind, KIND_DEVICE_SILENT);
    assert_int_equal(class_of_fault("espa", "panel/13", KIND_DEVICE_FAULT, "1"), CLASS_URGENT);
    assert_int_equal(class_of_fault("espa", "panel/13", KIND_RADIO_FAULT, "2"), CLASS_URGENT);
    assert_int_equal(class_of_fault("espa", "panel/13", KIND_LINK_LOST, "3"), CLASS_URGENT);
    assert_int_equal(class_of_fault("espa", "panel/13", KIND_BATTERY_LOW, "4"), CLASS_TECHNICAL);
    assert_int_equal(class_of_fault("espa", "panel/13", KIND_MAINS_LOST, "5"), CLASS_TECHNICAL);
    assert_int_equal(class_of_fault("espa", "panel/13", KIND_TAMPER, "6"), CLASS_TECHNICAL);
    assert_int_equal(class_of_fault("espa", "elsewhere", KIND_DEVICE_FAULT, "7"), CLASS_TECHNICAL);
}

static void neighbour_is_a_comfort_only_while_it_is_known_to_work(void **state)
{
    (void)state;
    start();
    assert_int_equal(class_of_fault("scaip", "4712", KIND_DEVICE_FAULT, "1"), CLASS_TECHNICAL);
    assert_int_equal(class_of_fault("scaip", "4711", KIND_TAMPER, "2"), CLASS_TECHNICAL);
    /* the door is supervised by nobody, and it has a fault */
    assert_int_equal(class_of_fault("scaip", "4711", KIND_RADIO_FAULT, "3"), CLASS_URGENT);
    /* now the hub has one: what was a technician's before is urgent when it is said again */
    assert_int_equal(class_of_fault("scaip", "4712", KIND_DEVICE_FAULT, "4"), CLASS_URGENT);
    assert_string_equal(town_last(CHANGE_REOPENED)->reason, "unprotected");
}

static void fault_that_is_said_again_is_not_an_impatient_person(void **state)
{
    (void)state;
    assert_int_equal(class_of_fault("espa", "panel/13", KIND_RADIO_FAULT, "1"), CLASS_URGENT);
    assert_int_equal(class_of_fault("espa", "panel/13", KIND_RADIO_FAULT, "2"), CLASS_URGENT);
    assert_int_equal(town_changes(CHANGE_REPEATED), 1);
}

static void two_that_fall_silent_at_once_are_no_comfort_to_each_other(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/12", 60000);
    town_pass(70000);
    assert_int_equal(newest()->class_, CLASS_URGENT);
    for (size_t i = 0; i < f.journal_count; i++) {
        if (f.journal[i].type == RECORD_EVENT) {
            assert_int_equal(f.journal[i].event.class_, CLASS_URGENT);
        }
    }
}

static void who_falls_silent_after_its_neighbour_leaves_nobody_there(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/12", 100000);
    town_pass(64000);
    assert_int_equal(newest()->class_, CLASS_TECHNICAL);
    town_pass(42000);
    assert_string_equal(newest()->text, "2: room12, panel");
    assert_int_equal(newest()->class_, CLASS_URGENT);
}

static void silence_after_a_low_battery_is_urgent_though_others_live(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/12", 600000); /* lives beside the panel */
    assert_int_equal(class_of_fault("espa", "panel", KIND_BATTERY_LOW, "1"), CLASS_TECHNICAL);
    assert_int_equal(class_of_fault("espa", "panel", KIND_RADIO_FAULT, "2"), CLASS_TECHNICAL);
    town_pass(64000);
    assert_int_equal(silences(PHASE_RAISED), 1);
    assert_int_equal(newest()->class_, CLASS_URGENT);
}

static void low_battery_that_was_seen_to_makes_no_silence_graver(void **state)
{
    (void)state;
    start();
    alive("espa", "panel/12", 600000);
    (void)town_raise("espa", "panel", KIND_BATTERY_LOW, PHASE_RAISED, "1");
    (void)town_raise("espa", "panel", KIND_BATTERY_LOW, PHASE_RESTORED, "2");
    town_pass(64000);
    assert_int_equal(newest()->class_, CLASS_TECHNICAL);
}

#define TEST(name) cmocka_unit_test_setup(name, town_begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_device_of_a_place_leaves_a_person_unprotected),
        TEST(neighbour_is_a_comfort_only_while_it_is_known_to_work),
        TEST(fault_that_is_said_again_is_not_an_impatient_person),
        TEST(two_that_fall_silent_at_once_are_no_comfort_to_each_other),
        TEST(who_falls_silent_after_its_neighbour_leaves_nobody_there),
        TEST(silence_after_a_low_battery_is_urgent_though_others_live),
        TEST(low_battery_that_was_seen_to_makes_no_silence_graver)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
