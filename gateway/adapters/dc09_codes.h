/* dc09_codes.h - what the codes of Contact ID and SIA usually mean. Makers differ: codes.csv of the
 * municipality has the last word. Shared by dc09.c and its tests.
 */
#pragma once

#include "alarm/alarm.h"

/* What a code asks of the gateway. */
enum code_use {
    CODE_ALARM,    /* raise it */
    CODE_RESTORE,  /* the end of what `kind` began */
    CODE_CANCEL,   /* the caller takes `kind` back */
    CODE_UPDATE,   /* news of a case that is open */
    CODE_TEST,     /* a test alarm */
    CODE_SIGN_LIFE /* a report that calls for nobody: arming, opening, power up */
};

struct code_meaning {
    char code[4];
    enum code_use use;
    enum kind kind;
};

/* Never NULL: a code that nobody knows is an unknown alarm, and as such the gravest. */
const struct code_meaning *contact_meaning(const char *event);
const struct code_meaning *sia_meaning(const char *code);
