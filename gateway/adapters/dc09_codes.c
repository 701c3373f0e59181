/* dc09_codes.c - the usual meanings, as tables (facts: protocols.md 4.6 and 4.7; where those are silent,
 * the public lists of SIA DC-03 and of Contact ID). Pure data. */
#include "adapters/dc09_codes.h"

#include <string.h>

// clang-format off
static const struct code_meaning contact[] = {
    {"100", CODE_ALARM, KIND_HELP},       {"101", CODE_ALARM, KIND_HELP},
    {"102", CODE_ALARM, KIND_INACTIVITY},
    {"110", CODE_ALARM, KIND_FIRE},       {"111", CODE_ALARM, KIND_FIRE},
    {"112", CODE_ALARM, KIND_FIRE},       {"113", CODE_ALARM, KIND_HAZARD},
    {"114", CODE_ALARM, KIND_FIRE},       {"115", CODE_ALARM, KIND_FIRE},
    {"116", CODE_ALARM, KIND_FIRE},       {"117", CODE_ALARM, KIND_FIRE},
    {"118", CODE_ALARM, KIND_FIRE},
    {"120", CODE_ALARM, KIND_THREAT},     {"121", CODE_ALARM, KIND_THREAT},
    {"122", CODE_ALARM, KIND_THREAT},     {"123", CODE_ALARM, KIND_THREAT},
    {"124", CODE_ALARM, KIND_THREAT},     {"125", CODE_ALARM, KIND_THREAT},
    {"130", CODE_ALARM, KIND_HAZARD},     {"131", CODE_ALARM, KIND_HAZARD},
    {"132", CODE_ALARM, KIND_HAZARD},     {"133", CODE_ALARM, KIND_HAZARD},
    {"134", CODE_ALARM, KIND_HAZARD},     {"135", CODE_ALARM, KIND_HAZARD},
    {"136", CODE_ALARM, KIND_HAZARD},     {"137", CODE_ALARM, KIND_TAMPER},
    {"138", CODE_ALARM, KIND_HAZARD},     {"139", CODE_ALARM, KIND_HAZARD},
    {"140", CODE_ALARM, KIND_HAZARD},     {"143", CODE_ALARM, KIND_DEVICE_FAULT},
    {"144", CODE_ALARM, KIND_TAMPER},     {"145", CODE_ALARM, KIND_TAMPER},
    {"146", CODE_ALARM, KIND_HAZARD},
    {"147", CODE_ALARM, KIND_RADIO_FAULT},
    {"150", CODE_ALARM, KIND_HAZARD},     {"151", CODE_ALARM, KIND_HAZARD},
    {"152", CODE_ALARM, KIND_HAZARD},     {"153", CODE_ALARM, KIND_HAZARD},
    {"154", CODE_ALARM, KIND_HAZARD},     {"156", CODE_ALARM, KIND_DEVICE_FAULT},
    {"157", CODE_ALARM, KIND_HAZARD},     {"158", CODE_ALARM, KIND_HAZARD},
    {"159", CODE_ALARM, KIND_HAZARD},     {"161", CODE_ALARM, KIND_HAZARD},
    {"162", CODE_ALARM, KIND_HAZARD},     {"163", CODE_ALARM, KIND_HAZARD},
    {"300", CODE_ALARM, KIND_DEVICE_FAULT}, {"301", CODE_ALARM, KIND_MAINS_LOST},
    {"302", CODE_ALARM, KIND_BATTERY_LOW},  {"305", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"306", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"307", CODE_ALARM, KIND_DEVICE_FAULT}, {"309", CODE_ALARM, KIND_BATTERY_LOW},
    {"311", CODE_ALARM, KIND_BATTERY_LOW},  {"313", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"341", CODE_ALARM, KIND_TAMPER},       {"342", CODE_ALARM, KIND_MAINS_LOST},
    {"344", CODE_ALARM, KIND_RADIO_FAULT},
    {"350", CODE_ALARM, KIND_LINK_LOST},    {"351", CODE_ALARM, KIND_LINK_LOST},
    {"352", CODE_ALARM, KIND_LINK_LOST},    {"353", CODE_ALARM, KIND_LINK_LOST},
    {"354", CODE_ALARM, KIND_LINK_LOST},    {"355", CODE_ALARM, KIND_LINK_LOST},
    {"356", CODE_ALARM, KIND_LINK_LOST},
    {"373", CODE_ALARM, KIND_DEVICE_FAULT}, {"380", CODE_ALARM, KIND_DEVICE_FAULT},
    {"381", CODE_ALARM, KIND_RADIO_FAULT},  {"382", CODE_ALARM, KIND_RADIO_FAULT},
    {"383", CODE_ALARM, KIND_TAMPER},       {"384", CODE_ALARM, KIND_BATTERY_LOW},
    {"385", CODE_ALARM, KIND_DEVICE_FAULT}, {"386", CODE_ALARM, KIND_DEVICE_FAULT},
    {"387", CODE_ALARM, KIND_DEVICE_FAULT}, {"388", CODE_ALARM, KIND_DEVICE_FAULT},
    {"393", CODE_ALARM, KIND_DEVICE_FAULT}, {"394", CODE_ALARM, KIND_DEVICE_FAULT},
    {"400", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"401", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"402", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"403", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"404", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"405", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"406", CODE_CANCEL, KIND_HELP},        {"407", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"408", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"409", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"411", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"412", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"421", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"422", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"423", CODE_ALARM, KIND_DOOR},
    {"441", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"442", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"450", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"451", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"452", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"453", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"454", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"455", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"456", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"457", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"601", CODE_TEST, KIND_HELP},          {"602", CODE_TEST, KIND_HELP},
    {"603", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"604", CODE_TEST, KIND_FIRE},
    {"605", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"606", CODE_UPDATE, KIND_HELP},
    {"607", CODE_TEST, KIND_HELP},          {"608", CODE_TEST, KIND_HELP},
    {"621", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"622", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"623", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"624", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"625", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"626", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"627", CODE_SIGN_LIFE, KIND_UNKNOWN},  {"628", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"641", CODE_ALARM, KIND_INACTIVITY},   {"654", CODE_ALARM, KIND_INACTIVITY},
    {"661", CODE_UPDATE, KIND_HELP},        {"662", CODE_ALARM, KIND_HELP},
    {"663", CODE_RESTORE, KIND_HELP},
};

/* What the families below do not say. Arming, access and programming call for nobody. */
static const struct code_meaning sia[] = {
    {"AB", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"AN", CODE_RESTORE, KIND_DEVICE_FAULT},
    {"AR", CODE_RESTORE, KIND_MAINS_LOST},  {"AS", CODE_ALARM, KIND_DEVICE_FAULT},
    {"AT", CODE_ALARM, KIND_MAINS_LOST},
    {"BC", CODE_CANCEL, KIND_HAZARD},       {"BM", CODE_ALARM, KIND_HAZARD},
    {"BV", CODE_ALARM, KIND_HAZARD},        {"BX", CODE_TEST, KIND_HAZARD},
    {"CA", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"CE", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"CF", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"CG", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"CI", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"CJ", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"CK", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"CL", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"CP", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"CQ", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"CS", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"DD", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"DF", CODE_ALARM, KIND_DOOR},
    {"DG", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"DH", CODE_RESTORE, KIND_DOOR},
    {"DK", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"DL", CODE_ALARM, KIND_DOOR},
    {"DM", CODE_ALARM, KIND_DOOR},          {"DR", CODE_RESTORE, KIND_DOOR},
    {"EA", CODE_ALARM, KIND_HAZARD},        {"EE", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"EJ", CODE_RESTORE, KIND_TAMPER},      {"EM", CODE_ALARM, KIND_LINK_LOST},
    {"EN", CODE_RESTORE, KIND_LINK_LOST},   {"ER", CODE_RESTORE, KIND_DEVICE_FAULT},
    {"ES", CODE_ALARM, KIND_TAMPER},        {"ET", CODE_ALARM, KIND_DEVICE_FAULT},
    {"FC", CODE_CANCEL, KIND_FIRE},         {"FG", CODE_ALARM, KIND_FIRE},
    {"FI", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"FK", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"FM", CODE_ALARM, KIND_FIRE},          {"FX", CODE_TEST, KIND_FIRE},
    {"GX", CODE_TEST, KIND_HAZARD},
    {"JA", CODE_ALARM, KIND_TAMPER},        {"JL", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"JO", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"JT", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"LB", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"LR", CODE_RESTORE, KIND_LINK_LOST},
    {"LT", CODE_ALARM, KIND_LINK_LOST},     {"LX", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"NA", CODE_ALARM, KIND_INACTIVITY},    {"NF", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"NL", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"NR", CODE_RESTORE, KIND_LINK_LOST},
    {"NS", CODE_RESTORE, KIND_INACTIVITY},  {"NT", CODE_ALARM, KIND_LINK_LOST},
    {"OA", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"OC", CODE_CANCEL, KIND_HELP},
    {"OG", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"OI", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"OJ", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"OK", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"OP", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"OQ", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"OR", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"OS", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"RB", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"RN", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"RP", CODE_TEST, KIND_HELP},           {"RR", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"RS", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"RX", CODE_TEST, KIND_HELP},
    {"RY", CODE_TEST, KIND_HELP},
    {"TA", CODE_ALARM, KIND_TAMPER},        {"TE", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"TH", CODE_RESTORE, KIND_TAMPER},      {"TR", CODE_RESTORE, KIND_TAMPER},
    {"TS", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"TX", CODE_TEST, KIND_HELP},
    {"UH", CODE_RESTORE, KIND_UNKNOWN},     {"UR", CODE_RESTORE, KIND_UNKNOWN},
    {"XH", CODE_RESTORE, KIND_RADIO_FAULT}, {"XJ", CODE_RESTORE, KIND_TAMPER},
    {"XL", CODE_ALARM, KIND_RADIO_FAULT},   {"XQ", CODE_ALARM, KIND_RADIO_FAULT},
    {"XR", CODE_RESTORE, KIND_BATTERY_LOW}, {"XS", CODE_ALARM, KIND_TAMPER},
    {"XT", CODE_ALARM, KIND_BATTERY_LOW},
    {"YA", CODE_ALARM, KIND_DEVICE_FAULT},  {"YC", CODE_ALARM, KIND_LINK_LOST},
    {"YG", CODE_SIGN_LIFE, KIND_UNKNOWN},   {"YH", CODE_RESTORE, KIND_DEVICE_FAULT},
    {"YK", CODE_RESTORE, KIND_LINK_LOST},   {"YM", CODE_ALARM, KIND_BATTERY_LOW},
    {"YP", CODE_ALARM, KIND_DEVICE_FAULT},  {"YQ", CODE_RESTORE, KIND_DEVICE_FAULT},
    {"YR", CODE_RESTORE, KIND_BATTERY_LOW}, {"YS", CODE_ALARM, KIND_LINK_LOST},
    {"YT", CODE_ALARM, KIND_BATTERY_LOW},   {"YW", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"YX", CODE_ALARM, KIND_DEVICE_FAULT},  {"YY", CODE_SIGN_LIFE, KIND_UNKNOWN},
    {"YZ", CODE_RESTORE, KIND_DEVICE_FAULT},
};

/* In these families the second letter says the same: A alarm, H and R restored; B bypassed, S supervisory,
 * T trouble; J trouble over, U bypass over. Burglary, fire, gas, hold-up, heat, medical, panic, emergency,
 * sprinkler, water, freeze. */
static const struct family {
    char letter;
    enum kind kind;
} families[] = {{'B', KIND_HAZARD}, {'F', KIND_FIRE},   {'G', KIND_HAZARD}, {'H', KIND_THREAT},
                {'K', KIND_HAZARD}, {'M', KIND_HELP},   {'P', KIND_THREAT}, {'Q', KIND_HELP},
                {'S', KIND_HAZARD}, {'W', KIND_HAZARD}, {'Z', KIND_HAZARD}};
// clang-format on

static const struct code_meaning unknown = {"", CODE_ALARM, KIND_UNKNOWN};

static const struct code_meaning *find(const struct code_meaning *table, size_t count,
                                       const char *code)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].code, code) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

/* The hundred says what kind of event it is; only where no person can be meant is that enough: supervisory
 * (2), trouble (3), bypassed and disabled (5). */
const struct code_meaning *contact_meaning(const char *event)
{
    static const struct code_meaning fault = {"", CODE_ALARM, KIND_DEVICE_FAULT};
    const struct code_meaning *meaning = find(contact, sizeof contact / sizeof contact[0], event);
    bool is_fault = event[0] == '2' || event[0] == '3' || event[0] == '5';
    return meaning != NULL ? meaning : is_fault ? &fault : &unknown;
}

/* The shapes that the members of the families have, one for each kind of theirs. */
static const struct code_meaning *family_meaning(enum kind kind, char second)
{
    static const struct code_meaning fault = {"", CODE_ALARM, KIND_DEVICE_FAULT};
    static const struct code_meaning fault_over = {"", CODE_RESTORE, KIND_DEVICE_FAULT};
    static const struct code_meaning shapes[][2] = {
        {{"", CODE_ALARM, KIND_HAZARD}, {"", CODE_RESTORE, KIND_HAZARD}},
        {{"", CODE_ALARM, KIND_FIRE}, {"", CODE_RESTORE, KIND_FIRE}},
        {{"", CODE_ALARM, KIND_THREAT}, {"", CODE_RESTORE, KIND_THREAT}},
        {{"", CODE_ALARM, KIND_HELP}, {"", CODE_RESTORE, KIND_HELP}}};
    if (second == 'B' || second == 'S' || second == 'T') {
        return &fault;
    }
    if (second == 'J' || second == 'U') {
        return &fault_over;
    }
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (shapes[i][0].kind == kind && second == 'A') {
            return &shapes[i][0];
        }
        if (shapes[i][0].kind == kind && (second == 'H' || second == 'R')) {
            return &shapes[i][1];
        }
    }
    return &unknown;
}

const struct code_meaning *sia_meaning(const char *code)
{
    const struct code_meaning *meaning = find(sia, sizeof sia / sizeof sia[0], code);
    for (size_t i = 0; meaning == NULL && i < sizeof families / sizeof families[0]; i++) {
        if (families[i].letter == code[0]) {
            meaning = family_meaning(families[i].kind, code[1]);
        }
    }
    return meaning != NULL ? meaning : &unknown;
}
