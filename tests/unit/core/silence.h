/* silence.h - what the tests of supervision share: heartbeats, and what the journal tells of silences. */
#pragma once

#include "unit/core/town.h"

static inline void start(void)
{
    struct input started = {.type = INPUT_STARTED, .reason = "boot", .to = "1"};
    assert_int_equal(town_input(started).err, ERR_OK);
}

static inline void alive(const char *dialect, const char *key, int64_t interval_ms)
{
    struct alarm alarm = town_alarm(dialect, key, KIND_UNKNOWN, PHASE_RAISED, "hb");
    alarm.interval_ms = interval_ms;
    assert_int_equal(town_input((struct input){.type = INPUT_ALIVE, .alarm = &alarm}).err, ERR_OK);
    ledger_heard(f.ledger, alarm.device, f.now);
}

static inline size_t silences(enum phase phase)
{
    size_t count = 0;
    for (size_t i = 0; i < f.journal_count; i++) {
        const struct record *r = &f.journal[i];
        count += r->type == RECORD_EVENT && r->event.kind == KIND_DEVICE_SILENT &&
                 r->event.phase == phase;
    }
    return count;
}

/* The newest value of the newest silence case. */
static inline const struct case_value *newest(void)
{
    for (size_t i = f.journal_count; i > 0; i--) {
        const struct record *r = &f.journal[i - 1];
        if (r->type == RECORD_CASE && r->case_.case_.kind == KIND_DEVICE_SILENT) {
            return &r->case_.case_;
        }
    }
    fail_msg("no case tells of a silence");
    return NULL;
}
