/* town.h - a small municipality and a gateway around the ledger, for the unit tests of core.
 *
 * Units: town > north, home; home > ward. Staff: anna, bo (ward), cia (north), dag (town, nurse).
 * Every test begins with an empty journal at noon on Monday 3 November 2025, Swedish time.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/ledger.h"

enum { TOWN, NORTH, HOME, WARD, LOST, UNITS };
enum { TOWN_JOURNAL_MAX = 512 };
static const int64_t NOON_MS = 1762167600000;

static struct unit town_units[UNITS] = {{"town", "Staden", FORM_ORDINARY, NONE},
                                        {"north", "Norr", FORM_ORDINARY, TOWN},
                                        {"home", "Björken", FORM_SPECIAL, TOWN},
                                        {"ward", "Björken 1", FORM_SPECIAL, HOME},
                                        {"lost", "Okända", FORM_ORDINARY, TOWN}};
static struct place town_places[] = {{"ward-12", "pw12", "Rum 12", WARD, 0},
                                     {"ward-13", "pw13", "Rum 13", WARD, 0},
                                     {"flat-1", "pf1", "Storgatan", NORTH, 0}};
static struct device town_devices[] = {
    {.id = "room12", .dialect = "espa", .key = "panel/12", .vendor = "acme", .place = 0},
    {.id = "room13", .dialect = "espa", .key = "panel/13", .place = 1, .on_reset = ON_RESET_MARK},
    {.id = "panel", .dialect = "espa", .key = "panel", .place = 0, .supervision_ms = 60000},
    {.id = "hub1",
     .dialect = "scaip",
     .key = "4711",
     .place = 2,
     .supervision_ms = 600000,
     .kind_for_help = KIND_FALL},
    {.id = "hub1/door", .dialect = "scaip", .key = "4712", .place = 2}};
static struct staff town_staff[] = {{"anna", "Anna", WARD, "carer"},
                                    {"bo", "Bo", WARD, "carer"},
                                    {"cia", "Cia", NORTH, "carer"},
                                    {"dag", "Dag", TOWN, "nurse"}};
#define EVERY                                                                                      \
    {                                                                                              \
        .unit = NONE, .from_minute = ANY_TIME, .to_minute = ANY_TIME                               \
    }
static struct plan town_plans[] = {
    {"ward",
     {.unit = HOME,
      .classes = 1u << CLASS_LIFE | 1u << CLASS_URGENT | 1u << CLASS_SERVICE,
      .from_minute = ANY_TIME,
      .to_minute = ANY_TIME},
     {{.whom = WHOM_UNIT, .unit = WARD, .within_ms = 30000},
      {.whom = WHOM_ROLE, .role = "nurse", .within_ms = 20000},
      {.whom = WHOM_CENTRE}},
     3,
     600000,
     1},
    {"rest", EVERY, {{.whom = WHOM_TEAM, .within_ms = 60000}, {.whom = WHOM_CENTRE}}, 2, 0, 9}};
static struct centre town_centres[] = {
    {"centre", "scaip-out", true, {"192.0.2.1", "192.0.2.2"}, 2, 10000},
    {"second", "bus", true, {""}, 0, 10000}};

struct fixture {
    struct directory directory;
    struct ledger_limits limits;
    struct ledger *ledger;
    struct now now;
    struct decision decision;
    struct record journal[TOWN_JOURNAL_MAX];
    size_t journal_count;
    uint8_t index[16384];
    uint8_t memory[512 * 1024];
    uint8_t other[512 * 1024];
};
static struct fixture f;

static inline struct ledger *town_fold(uint8_t *memory, size_t count, struct now now)
{
    struct arena arena = arena_of(memory, sizeof f.memory);
    struct ledger *ledger = NULL;
    assert_int_equal(ledger_init(&arena, &f.directory, &f.limits, &ledger), ERR_OK);
    assert_true(arena.used <= ledger_size(&f.directory, &f.limits));
    for (size_t i = 0; i < count; i++) {
        ledger_apply(ledger, &f.journal[i], now);
    }
    return ledger;
}

static inline int town_begin(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    f.directory = (struct directory){.municipality = "test",
                                     .config_id = "c0ffee",
                                     .units = town_units,
                                     .unit_count = UNITS,
                                     .places = town_places,
                                     .place_count = 3,
                                     .devices = town_devices,
                                     .device_count = 5,
                                     .staff = town_staff,
                                     .staff_count = 4,
                                     .plans = town_plans,
                                     .plan_count = 2,
                                     .centres = town_centres,
                                     .centre_count = 2,
                                     .unknown_unit = LOST,
                                     .repeat_window_ms = 60000};
    struct arena arena = arena_of(f.index, sizeof f.index);
    assert_int_equal(directory_index(&f.directory, &arena), ERR_OK);
    f.limits = (struct ledger_limits){.cases = 16, .ids = 64, .recent = 4};
    f.now = (struct now){NOON_MS, 5000};
    f.ledger = town_fold(f.memory, 0, f.now);
    return 0;
}

/* decide, journal, apply; and a fold of what is in the journal is the same, after every record. */
static inline struct reply town_input(struct input input)
{
    uint64_t before = ledger_fingerprint(f.ledger);
    ledger_decide(f.ledger, &input, f.now, &f.decision);
    assert_int_equal(ledger_fingerprint(f.ledger), before);
    for (size_t i = 0; i < f.decision.count; i++) {
        assert_true(f.journal_count < TOWN_JOURNAL_MAX);
        struct record *put = &f.journal[f.journal_count++];
        *put = f.decision.records[i];
        put->seq = f.journal_count;
        ledger_apply(f.ledger, put, f.now);
        struct ledger *again = town_fold(f.other, f.journal_count, f.now);
        assert_int_equal(ledger_fingerprint(again), ledger_fingerprint(f.ledger));
        assert_int_equal(ledger_seq(again), f.journal_count);
    }
    return f.decision.reply;
}

/* Time passes; the ledger is woken exactly when it asks for it. */
static inline void town_pass(int64_t ms)
{
    int64_t end_ms = f.now.wall_ms + ms;
    for (int i = 0; i < 1000; i++) {
        int64_t due_ms = ledger_next_wake(f.ledger, f.now);
        int64_t step_ms = (due_ms < end_ms ? due_ms : end_ms) - f.now.wall_ms;
        f.now.wall_ms += step_ms;
        f.now.mono_ms += step_ms;
        if (due_ms > end_ms) {
            return;
        }
        (void)town_input((struct input){.type = INPUT_TICK});
    }
    fail_msg("the ledger wants to be woken without end");
}

static inline void town_text(char *room, size_t size, const char *text)
{
    assert_int_equal(slice_text(slice_str(text), room, size), ERR_OK);
}

static inline struct alarm town_alarm(const char *dialect, const char *key, enum kind kind,
                                      enum phase phase, const char *reference)
{
    struct alarm alarm = {.kind = kind, .phase = phase, .gateway_ms = f.now.wall_ms};
    town_text(alarm.dialect, sizeof alarm.dialect, dialect);
    town_text(alarm.port, sizeof alarm.port, "port");
    town_text(alarm.device, sizeof alarm.device, key);
    town_text(alarm.reference, sizeof alarm.reference, reference);
    directory_resolve(&f.directory, &alarm);
    return alarm;
}

static inline struct reply town_raise(const char *dialect, const char *key, enum kind kind,
                                      enum phase phase, const char *reference)
{
    struct alarm alarm = town_alarm(dialect, key, kind, phase, reference);
    return town_input((struct input){.type = INPUT_ALARM, .alarm = &alarm});
}

static inline struct reply town_press(const char *reference)
{
    return town_raise("espa", "panel/12", KIND_HELP, PHASE_RAISED, reference);
}

static inline struct reply town_says(enum input_type type, const char *staff, struct alarm_id id,
                                     const char *reason)
{
    struct input input = {.type = type, .case_id = id};
    town_text(input.staff, sizeof input.staff, staff);
    town_text(input.reason, sizeof input.reason, reason);
    town_text(input.to, sizeof input.to, reason);
    return town_input(input);
}

static inline struct reply town_handset(const char *staff, enum handset_state state)
{
    struct input input = {.type = INPUT_HANDSET, .handset = state};
    town_text(input.staff, sizeof input.staff, staff);
    return town_input(input);
}

static inline struct reply town_duty(const char *staff, bool is_on)
{
    struct input input = {.type = INPUT_DUTY, .is_on = is_on};
    town_text(input.staff, sizeof input.staff, staff);
    return town_input(input);
}

static inline void town_on_duty(const char *staff)
{
    assert_int_equal(town_duty(staff, true).err, ERR_OK);
    assert_int_equal(town_handset(staff, HANDSET_READY).err, ERR_OK);
}

static inline struct reply town_centre(const char *centre, struct alarm_id id, enum err result)
{
    struct input input = {.type = INPUT_CENTRE, .result = result};
    town_text(input.centre, sizeof input.centre, centre);
    memcpy(input.case_ref, id.at, sizeof input.case_ref);
    return town_input(input);
}

static inline const struct case_value *town_case(struct alarm_id id)
{
    const struct case_value *c = ledger_case(f.ledger, &id);
    assert_non_null(c);
    return c;
}

static inline enum offer_stage town_stage(struct alarm_id id, const char *staff)
{
    const struct case_value *c = town_case(id);
    for (size_t i = 0; i < c->offer_count; i++) {
        if (strcmp(c->offers[i].staff, staff) == 0) {
            return c->offers[i].stage;
        }
    }
    return OFFER_UNKNOWN;
}

/* How many records of this change the last decision or the whole journal holds. */
static inline size_t town_changes(enum change change)
{
    size_t count = 0;
    for (size_t i = 0; i < f.journal_count; i++) {
        count += f.journal[i].type == RECORD_CASE && f.journal[i].case_.change == change;
    }
    return count;
}

static inline const struct case_change *town_last(enum change change)
{
    for (size_t i = f.journal_count; i > 0; i--) {
        if (f.journal[i - 1].type == RECORD_CASE && f.journal[i - 1].case_.change == change) {
            return &f.journal[i - 1].case_;
        }
    }
    fail_msg("no such change in the journal");
    return NULL;
}
