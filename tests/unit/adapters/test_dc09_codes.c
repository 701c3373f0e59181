/* test_dc09_codes.c - what the codes of Contact ID and SIA mean to us, and that none is lost. */
#include <string.h>

#include "adapters/dc09_codes.h"
#include "unit/sentences.h"

struct row {
    const char *code;
    enum code_use use;
    enum kind kind;
};

static void check(const struct code_meaning *meaning, const struct row *row)
{
    if (meaning->use != row->use || meaning->kind != row->kind) {
        fail_msg("%s means %d of %s", row->code, (int)meaning->use, kind_word(meaning->kind));
    }
}

static void contact_id_events_have_their_usual_meaning(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"100", CODE_ALARM, KIND_HELP},         {"101", CODE_ALARM, KIND_HELP},
        {"102", CODE_ALARM, KIND_INACTIVITY},   {"110", CODE_ALARM, KIND_FIRE},
        {"120", CODE_ALARM, KIND_THREAT},       {"137", CODE_ALARM, KIND_TAMPER},
        {"151", CODE_ALARM, KIND_HAZARD},       {"301", CODE_ALARM, KIND_MAINS_LOST},
        {"302", CODE_ALARM, KIND_BATTERY_LOW},  {"344", CODE_ALARM, KIND_RADIO_FAULT},
        {"350", CODE_ALARM, KIND_LINK_LOST},    {"384", CODE_ALARM, KIND_BATTERY_LOW},
        {"401", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"406", CODE_CANCEL, KIND_HELP},
        {"601", CODE_TEST, KIND_HELP},          {"602", CODE_TEST, KIND_HELP},
        {"606", CODE_UPDATE, KIND_HELP},        {"641", CODE_ALARM, KIND_INACTIVITY},
        {"663", CODE_RESTORE, KIND_HELP},       {"203", CODE_ALARM, KIND_DEVICE_FAULT},
        {"333", CODE_ALARM, KIND_DEVICE_FAULT}, {"570", CODE_ALARM, KIND_DEVICE_FAULT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check(contact_meaning(rows[i].code), &rows[i]);
    }
}

static void sia_codes_have_their_usual_meaning(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"QA", CODE_ALARM, KIND_HELP},           {"QR", CODE_RESTORE, KIND_HELP},
        {"QH", CODE_RESTORE, KIND_HELP},         {"MA", CODE_ALARM, KIND_HELP},
        {"PA", CODE_ALARM, KIND_THREAT},         {"HA", CODE_ALARM, KIND_THREAT},
        {"HR", CODE_RESTORE, KIND_THREAT},       {"FA", CODE_ALARM, KIND_FIRE},
        {"FR", CODE_RESTORE, KIND_FIRE},         {"FT", CODE_ALARM, KIND_DEVICE_FAULT},
        {"FJ", CODE_RESTORE, KIND_DEVICE_FAULT}, {"FX", CODE_TEST, KIND_FIRE},
        {"MB", CODE_ALARM, KIND_DEVICE_FAULT},   {"MU", CODE_RESTORE, KIND_DEVICE_FAULT},
        {"GA", CODE_ALARM, KIND_HAZARD},         {"WR", CODE_RESTORE, KIND_HAZARD},
        {"BA", CODE_ALARM, KIND_HAZARD},         {"NA", CODE_ALARM, KIND_INACTIVITY},
        {"NS", CODE_RESTORE, KIND_INACTIVITY},   {"TA", CODE_ALARM, KIND_TAMPER},
        {"AT", CODE_ALARM, KIND_MAINS_LOST},     {"YT", CODE_ALARM, KIND_BATTERY_LOW},
        {"XT", CODE_ALARM, KIND_BATTERY_LOW},    {"XQ", CODE_ALARM, KIND_RADIO_FAULT},
        {"YC", CODE_ALARM, KIND_LINK_LOST},      {"RP", CODE_TEST, KIND_HELP},
        {"CL", CODE_SIGN_LIFE, KIND_UNKNOWN},    {"UR", CODE_RESTORE, KIND_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check(sia_meaning(rows[i].code), &rows[i]);
    }
}

/* An alarm letter that we have no meaning for, or a hundred that may concern a person, is raised. */
static void unknown_codes_are_unknown_alarms(void **state)
{
    (void)state;
    static const char *const events[] = {"", "1", "199", "499", "699", "777", "FFF"};
    static const char *const letters[] = {"", "Q", "UA", "XC", "QQ", "AA", "??"};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        check(contact_meaning(events[i]), &(struct row){events[i], CODE_ALARM, KIND_UNKNOWN});
        check(sia_meaning(letters[i]), &(struct row){letters[i], CODE_ALARM, KIND_UNKNOWN});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contact_id_events_have_their_usual_meaning),
        cmocka_unit_test(sia_codes_have_their_usual_meaning),
        cmocka_unit_test(unknown_codes_are_unknown_alarms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
