/* test_directory.c - lookups, resolving, and which plan an alarm gets. */
#include "unit/core/town.h"

static void device_is_found_by_its_whole_key_and_then_by_shorter_ones(void **state)
{
    (void)state;
    assert_string_equal(directory_find(&f.directory, "espa", "panel/12")->id, "room12");
    assert_string_equal(directory_find(&f.directory, "scaip", "4711/3/1")->id, "hub1");
    assert_null(directory_find(&f.directory, "scaip", "4"));
    assert_null(directory_find(&f.directory, "scaip", "panel/12"));
}

static void lookups_answer_null_for_what_is_not_there(void **state)
{
    (void)state;
    assert_string_equal(directory_unit(&f.directory, "ward")->name, "Björken 1");
    assert_string_equal(directory_staff(&f.directory, "bo")->name, "Bo");
    assert_string_equal(directory_place(&f.directory, "pf1")->id, "flat-1");
    assert_string_equal(directory_device(&f.directory, "hub1/door")->key, "4712");
    assert_string_equal(directory_centre(&f.directory, "second")->port, "bus");
    assert_null(directory_unit(&f.directory, "nowhere"));
    assert_null(directory_staff(&f.directory, ""));
    assert_null(directory_place(&f.directory, "flat-1"));
    assert_null(directory_device(&f.directory, "4712"));
    assert_null(directory_centre(&f.directory, ""));
}

static void two_devices_with_one_address_are_refused(void **state)
{
    (void)state;
    struct device twice[2] = {town_devices[0], town_devices[0]};
    memcpy(twice[1].id, "other", 6);
    f.directory.devices = twice;
    f.directory.device_count = 2;
    struct arena arena = arena_of(f.other, sizeof f.other);
    assert_int_equal(directory_index(&f.directory, &arena), ERR_DUPLICATE);
    memcpy(twice[1].key, "panel/99", 9);
    assert_int_equal(directory_index(&f.directory, &arena), ERR_OK);
    struct arena tiny = arena_of(f.other, 64);
    assert_int_equal(directory_index(&f.directory, &tiny), ERR_FULL);
}

static void unit_is_within_itself_and_what_is_above_it(void **state)
{
    (void)state;
    assert_true(directory_is_within(&f.directory, WARD, WARD));
    assert_true(directory_is_within(&f.directory, WARD, TOWN));
    assert_false(directory_is_within(&f.directory, HOME, WARD));
    assert_false(directory_is_within(&f.directory, NONE, TOWN));
}

static void ring_of_units_does_not_hold_us(void **state)
{
    (void)state;
    struct unit ring[2] = {{"a", "", FORM_SPECIAL, 1}, {"b", "", FORM_SPECIAL, 0}};
    struct directory d = {.units = ring, .unit_count = 2};
    assert_false(directory_is_within(&d, 0, 7));
}

static void resolved_alarm_carries_what_the_directory_knows(void **state)
{
    (void)state;
    struct alarm alarm = town_alarm("scaip", "4711/3", KIND_HELP, PHASE_RAISED, "1");
    assert_string_equal(alarm.device, "hub1");
    assert_string_equal(alarm.place, "pf1");
    assert_string_equal(alarm.unit, "north");
    assert_string_equal(alarm.config, "c0ffee");
    assert_int_equal(alarm.form, FORM_ORDINARY);
    assert_int_equal(alarm.kind, KIND_FALL);
    assert_int_equal(alarm.class_, CLASS_LIFE);
    assert_false(alarm.is_device_unknown);
}

static void id_does_not_depend_on_the_configuration(void **state)
{
    (void)state;
    struct alarm before = town_alarm("scaip", "4711", KIND_HELP, PHASE_RAISED, "1");
    f.directory.device_count = 0;
    struct arena arena = arena_of(f.other, sizeof f.other);
    assert_int_equal(directory_index(&f.directory, &arena), ERR_OK);
    struct alarm after = town_alarm("scaip", "4711", KIND_HELP, PHASE_RAISED, "1");
    assert_true(after.is_device_unknown);
    assert_true(alarm_id_eq(&before.id, &after.id));
}

static void unknown_device_keeps_its_address_and_gets_the_unknown_unit(void **state)
{
    (void)state;
    struct alarm alarm = town_alarm("scaip", "9999/1", KIND_FALL, PHASE_RAISED, "1");
    assert_true(alarm.is_device_unknown);
    assert_string_equal(alarm.device, "9999/1");
    assert_string_equal(alarm.unit, "lost");
    assert_string_equal(alarm.place, "");
}

static void unlisted_room_of_a_listed_panel_is_unknown_in_the_panels_unit(void **state)
{
    (void)state;
    struct alarm alarm = town_alarm("espa", "panel/99", KIND_HELP, PHASE_RAISED, "1");
    assert_true(alarm.is_device_unknown);
    assert_string_equal(alarm.device, "panel/99");
    assert_string_equal(alarm.unit, "ward");
}

static void class_follows_the_kind_when_they_contradict_each_other(void **state)
{
    (void)state;
    struct alarm alarm = {.kind = KIND_FALL, .class_ = CLASS_TECHNICAL, .phase = PHASE_RAISED};
    directory_resolve(&f.directory, &alarm);
    assert_int_equal(alarm.class_, CLASS_LIFE);
    alarm = (struct alarm){.kind = KIND_HELP, .class_ = CLASS_LIFE, .phase = PHASE_RAISED};
    directory_resolve(&f.directory, &alarm);
    assert_int_equal(alarm.class_, CLASS_LIFE);
}

static void key_is_found_only_when_it_is_the_whole_one(void **state)
{
    (void)state;
    assert_string_equal(directory_key(&f.directory, "espa", "panel/12")->id, "room12");
    assert_string_equal(directory_key(&f.directory, "espa", "panel")->id, "panel");
    assert_null(directory_key(&f.directory, "espa", "panel/99"));
    assert_null(directory_key(&f.directory, "scaip", "panel/12"));
    assert_null(directory_key(&f.directory, "scaip", ""));
}

/* A panel of model acme-x with one listed room, a hub of another maker, and what acme means. */
static void town_with_codes(void)
{
    static struct device devices[3];
    static struct code codes[5];
    devices[0] = town_devices[2]; /* panel */
    devices[1] = town_devices[1]; /* panel/13 */
    devices[2] = town_devices[3]; /* hub1, whose help is a fall */
    memcpy(devices[0].model, "acme-x", 7);
    memcpy(devices[1].model, "acme-x", 7);
    memcpy(devices[2].model, "other", 6);
    codes[0] = (struct code){"other", "101", KIND_HELP, CLASS_UNKNOWN};
    codes[1] = (struct code){"acme-x", "302", KIND_DEVICE_FAULT, CLASS_UNKNOWN};
    codes[2] = (struct code){"acme-x", "101", KIND_INACTIVITY, CLASS_LIFE};
    codes[3] = (struct code){"acme-x", "1011", KIND_DOOR, CLASS_UNKNOWN};
    codes[4] = (struct code){"other", "641", KIND_BATTERY_LOW, CLASS_UNKNOWN};
    f.directory.devices = devices;
    f.directory.device_count = 3;
    f.directory.codes = codes;
    f.directory.code_count = 5;
    struct arena arena = arena_of(f.other, sizeof f.other);
    assert_int_equal(directory_index(&f.directory, &arena), ERR_OK);
}

static struct alarm coded(const char *dialect, const char *device, const char *code)
{
    struct alarm alarm = {.kind = KIND_THREAT, .class_ = CLASS_URGENT, .phase = PHASE_RAISED};
    (void)slice_text(slice_str(dialect), alarm.dialect, sizeof alarm.dialect);
    (void)slice_text(slice_str(device), alarm.device, sizeof alarm.device);
    (void)slice_text(slice_str(code), alarm.code, sizeof alarm.code);
    directory_resolve(&f.directory, &alarm);
    return alarm;
}

static void code_means_what_its_maker_means_by_it(void **state)
{
    (void)state;
    town_with_codes();
    assert_int_equal(directory_code(&f.directory, "acme-x", "101")->kind, KIND_INACTIVITY);
    assert_int_equal(directory_code(&f.directory, "other", "101")->kind, KIND_HELP);
    assert_null(directory_code(&f.directory, "acme-x", "641"));
    assert_null(directory_code(&f.directory, "acme-x", ""));
    assert_null(directory_code(&f.directory, "", "101"));
    struct alarm alarm = coded("espa", "panel/13", "101");
    assert_string_equal(alarm.device, "room13");
    assert_int_equal(alarm.kind, KIND_INACTIVITY);
    assert_int_equal(alarm.class_, CLASS_LIFE);
    alarm = coded("espa", "panel/13", "1011"); /* no class: the kind's own, not the frame's */
    assert_int_equal(alarm.kind, KIND_DOOR);
    assert_int_equal(alarm.class_, kind_class(KIND_DOOR));
}

static void code_without_a_row_leaves_what_the_dialect_said(void **state)
{
    (void)state;
    town_with_codes();
    struct alarm alarm = coded("espa", "panel/13", "102");
    assert_int_equal(alarm.kind, KIND_THREAT);
    assert_int_equal(alarm.class_, CLASS_URGENT);
    alarm = coded("scaip", "9999", "101"); /* nobody knows whose model that is */
    assert_int_equal(alarm.kind, KIND_THREAT);
    assert_true(alarm.is_device_unknown);
}

static void unlisted_room_speaks_the_codes_of_its_panel(void **state)
{
    (void)state;
    town_with_codes();
    struct alarm alarm = coded("espa", "panel/99", "101");
    assert_true(alarm.is_device_unknown);
    assert_int_equal(alarm.kind, KIND_INACTIVITY);
}

static void help_by_code_is_still_what_help_means_at_this_device(void **state)
{
    (void)state;
    town_with_codes();
    assert_int_equal(coded("scaip", "4711", "101").kind, KIND_FALL);
}

static void fault_by_code_is_technical_whatever_the_list_says(void **state)
{
    (void)state;
    town_with_codes();
    /* Whom it leaves without help, the ledger knows. */
    assert_int_equal(coded("espa", "panel/13", "302").class_, CLASS_TECHNICAL);
    assert_int_equal(coded("scaip", "4711", "641").class_, CLASS_TECHNICAL);
}

static void code_does_not_change_which_event_it_is(void **state)
{
    (void)state;
    struct alarm before = coded("scaip", "4711", "101");
    town_with_codes();
    struct alarm after = coded("scaip", "4711", "101");
    assert_int_equal(before.kind, KIND_THREAT);
    assert_int_equal(after.kind, KIND_FALL);
    assert_true(alarm_id_eq(&before.id, &after.id));
}

static bool is_matched(struct match match, int64_t wall_ms)
{
    struct plan plans[2] = {{.name = "asked", .match = match}, {.name = "else", .match = EVERY}};
    struct directory d = f.directory;
    d.plans = plans;
    d.plan_count = 2;
    return plan_match(&d, FORM_SPECIAL, "ward", KIND_FALL, CLASS_LIFE, wall_ms) == &plans[0];
}

static void first_plan_that_matches_wins(void **state)
{
    (void)state;
    const struct plan *plan =
        plan_match(&f.directory, FORM_SPECIAL, "ward", KIND_FALL, CLASS_LIFE, NOON_MS);
    assert_string_equal(plan->name, "ward");
    plan = plan_match(&f.directory, FORM_ORDINARY, "north", KIND_FALL, CLASS_LIFE, NOON_MS);
    assert_string_equal(plan->name, "rest");
    assert_ptr_equal(plan_find(&f.directory, "rest"), plan);
    assert_null(plan_find(&f.directory, "none"));
}

static void plan_is_chosen_by_form_kind_class_and_unit(void **state)
{
    (void)state;
    struct match m = EVERY;
    m.forms = 1u << FORM_ORDINARY;
    assert_false(is_matched(m, NOON_MS));
    m.forms |= 1u << FORM_SPECIAL;
    assert_true(is_matched(m, NOON_MS));
    m.kinds = 1u << KIND_HELP;
    assert_false(is_matched(m, NOON_MS));
    m.kinds = 1u << KIND_FALL;
    assert_true(is_matched(m, NOON_MS));
    m.classes = 1u << CLASS_SERVICE;
    assert_false(is_matched(m, NOON_MS));
    m.classes = 0;
    m.unit = HOME;
    assert_true(is_matched(m, NOON_MS));
    m.unit = NORTH;
    assert_false(is_matched(m, NOON_MS));
}

static void night_that_begins_on_monday_ends_on_tuesday_morning(void **state)
{
    (void)state;
    struct match night = EVERY;
    night.from_minute = 21 * 60;
    night.to_minute = 7 * 60;
    night.weekdays = 1u << 0;
    const int64_t hour_ms = 3600000;
    assert_false(is_matched(night, NOON_MS));
    assert_true(is_matched(night, NOON_MS + 9 * hour_ms)); /* Monday 21:00 */
    assert_false(is_matched(night, NOON_MS + 9 * hour_ms - 1));
    assert_true(is_matched(night, NOON_MS + 19 * hour_ms - 1)); /* Tuesday 06:59 */
    assert_false(is_matched(night, NOON_MS + 19 * hour_ms));
    assert_false(is_matched(night, NOON_MS + 33 * hour_ms)); /* Tuesday 21:00 */
    assert_false(is_matched(night, NOON_MS - 6 * hour_ms));  /* Sunday's night */
}

static void plan_without_a_manned_end_is_refused_at_its_line(void **state)
{
    (void)state;
    struct plan plan = town_plans[0];
    int line = 0;
    const char *why = NULL;
    assert_int_equal(plan_check(&f.directory, &plan, &line, &why), ERR_OK);
    plan.step_count = 1;
    plan.steps[0] = (struct step){.whom = WHOM_TEAM, .within_ms = 1000, .line = 42};
    assert_int_equal(plan_check(&f.directory, &plan, &line, &why), ERR_STATE);
    assert_int_equal(line, 42);
    assert_string_equal(why, "its last step asks the team, not a manned centre");
    plan.steps[1] = (struct step){.whom = WHOM_CENTRE, .centre = 5, .line = 43};
    plan.step_count = 2;
    assert_int_equal(plan_check(&f.directory, &plan, &line, &why), ERR_STATE);
    assert_int_equal(line, 43);
    plan.steps[1].centre = 0;
    assert_int_equal(plan_check(&f.directory, &plan, &line, &why), ERR_OK);
    plan.steps[0].within_ms = 0;
    assert_int_equal(plan_check(&f.directory, &plan, &line, &why), ERR_STATE);
    struct centre unmanned = town_centres[0];
    unmanned.is_manned = false;
    f.directory.centres = &unmanned;
    assert_int_equal(plan_check(&f.directory, &town_plans[1], &line, &why), ERR_STATE);
}

#define TEST(name) cmocka_unit_test_setup(name, town_begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(device_is_found_by_its_whole_key_and_then_by_shorter_ones),
        TEST(lookups_answer_null_for_what_is_not_there),
        TEST(two_devices_with_one_address_are_refused),
        TEST(unit_is_within_itself_and_what_is_above_it),
        TEST(ring_of_units_does_not_hold_us),
        TEST(resolved_alarm_carries_what_the_directory_knows),
        TEST(id_does_not_depend_on_the_configuration),
        TEST(unknown_device_keeps_its_address_and_gets_the_unknown_unit),
        TEST(unlisted_room_of_a_listed_panel_is_unknown_in_the_panels_unit),
        TEST(class_follows_the_kind_when_they_contradict_each_other),
        TEST(key_is_found_only_when_it_is_the_whole_one),
        TEST(code_means_what_its_maker_means_by_it),
        TEST(code_without_a_row_leaves_what_the_dialect_said),
        TEST(unlisted_room_speaks_the_codes_of_its_panel),
        TEST(help_by_code_is_still_what_help_means_at_this_device),
        TEST(fault_by_code_is_technical_whatever_the_list_says),
        TEST(code_does_not_change_which_event_it_is),
        TEST(first_plan_that_matches_wins),
        TEST(plan_is_chosen_by_form_kind_class_and_unit),
        TEST(night_that_begins_on_monday_ends_on_tuesday_morning),
        TEST(plan_without_a_manned_end_is_refused_at_its_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
