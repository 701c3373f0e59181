/* pins.h - what pins.c and pin_worker.c share; everybody else includes keys.h. */
#pragma once

#include <sodium.h>

#include "io/keys.h"
#include "io/keys_file.h"

enum {
    PINS_MAX = 4096,
    PIN_STAFF = KEYS_STAFF_MAX + 1,
    PIN_HASH = crypto_pwhash_STRBYTES,
    PIN_MIN = 4,
    PIN_MAX = 64
};

/* The Argon2id text of this person, NULL: unknown. Lives as long as `pins`. */
const char *pins_hash(const struct pins *pins, const char *staff);
