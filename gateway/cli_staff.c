/* cli_staff.c - samlarm staff, key: who may log in, which key proves. */
#include "cli.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PIN_DIGITS = 6 };

static int list_staff(struct arguments *arguments)
{
    const char *dir = argument_value(arguments, "--config");
    const char *form = argument_value(arguments, "--form");
    if (dir == NULL || arguments->count > 0) {
        return wrong_call("'staff list' needs --config DIR.");
    }
    struct conf *conf = cli_load(dir, NULL);
    if (conf == NULL) {
        return 1;
    }
    for (size_t i = 0; i < conf->directory.staff_count; i++) {
        const struct staff *staff = &conf->directory.staff[i];
        const struct unit *unit = staff->unit == NONE ? NULL : &conf->directory.units[staff->unit];
        const char *word = unit == NULL ? "-" : form_word(unit->form);
        if (form == NULL || strcmp(form, word) == 0) {
            printf("%-12s %-10s %-20s %-14s %s\n", staff->id, word, unit == NULL ? "-" : unit->id,
                   staff->role, staff->name);
        }
    }
    conf_free(conf);
    return 0;
}

static int enrol_one(const char *state, const char *staff)
{
    char pin[PIN_DIGITS + 1];
    for (size_t i = 0; i < PIN_DIGITS; i++) {
        pin[i] = (char)('0' + randombytes_uniform(10));
    }
    pin[PIN_DIGITS] = '\0';
    if (pins_set(state, staff, pin) != ERR_OK) {
        return failed("The PIN of %s cannot be kept in %s/pins. Is the folder writable?", staff,
                      state);
    }
    printf("%s %s\n", staff, pin);
    sodium_memzero(pin, sizeof pin);
    return 0;
}

/* Prints "staff pin" once; only the hash is kept. */
static int enrol(struct arguments *arguments)
{
    const char *dir = argument_value(arguments, "--config");
    const char *state = argument_value(arguments, "--state");
    bool is_all = argument_flag(arguments, "--all");
    int status = 0;
    if (dir == NULL || state == NULL || (!is_all && arguments->count == 0)) {
        return wrong_call(
            "'staff enrol' needs --config DIR --state DIR and staff numbers, or --all.");
    }
    struct conf *conf = cli_load(dir, NULL);
    if (conf == NULL || sodium_init() < 0) {
        return 1;
    }
    mkdir(state, 0700);
    for (size_t i = 0; is_all && status == 0 && i < conf->directory.staff_count; i++) {
        status = enrol_one(state, conf->directory.staff[i].id);
    }
    const char *staff = NULL;
    while (!is_all && status == 0 && (staff = argument_next(arguments)) != NULL) {
        status = directory_staff(&conf->directory, staff) == NULL
                     ? failed("%s is not in %s/staff.csv. Add the person there first.", staff, dir)
                     : enrol_one(state, staff);
    }
    conf_free(conf);
    return status;
}

static int revoke_one(struct arguments *arguments)
{
    const char *state = argument_value(arguments, "--state");
    const char *staff = argument_next(arguments);
    if (state == NULL || staff == NULL || arguments->count > 0) {
        return wrong_call("'staff revoke' needs --state DIR and one staff number.");
    }
    enum err err = pins_remove(state, staff);
    if (err == ERR_NOT_FOUND) {
        return failed("%s has no PIN in %s.", staff, state);
    }
    return err == ERR_OK ? 0 : failed("%s/pins cannot be written.", state);
}

int cli_staff(struct arguments *arguments)
{
    const char *verb = argument_next(arguments);
    if (verb != NULL && strcmp(verb, "list") == 0) {
        return list_staff(arguments);
    }
    if (verb != NULL && strcmp(verb, "enrol") == 0) {
        return enrol(arguments);
    }
    if (verb != NULL && strcmp(verb, "revoke") == 0) {
        return revoke_one(arguments);
    }
    return wrong_call("'staff' is followed by list, enrol or revoke.");
}

int cli_key(struct arguments *arguments)
{
    const char *verb = argument_next(arguments);
    const char *state = argument_value(arguments, "--state");
    struct keys *keys = NULL;
    char why[256];
    char hex[2 * KEY_SIGN_PUBLIC + 1];
    if (verb == NULL || strcmp(verb, "show") != 0 || state == NULL || arguments->count > 0) {
        return wrong_call("'key show' needs --state DIR.");
    }
    if (keys_open(state, &keys, why, sizeof why) != ERR_OK) {
        return failed("%s", why);
    }
    sodium_bin2hex(hex, sizeof hex, keys_sign_public(keys), KEY_SIGN_PUBLIC);
    printf("%s\n", hex);
    keys_close(keys);
    return 0;
}
