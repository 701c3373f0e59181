/* sim_silence.h - the laws of silence, told from the records and from when devices were heard. */
#pragma once

#include "sim_town.h"

struct told {
    bool is_silent;
    uint8_t ref[8]; /* of the case that tells of it */
    int64_t heard_mono_ms;
    int64_t interval_ms; /* as it has last promised; 0: it has not */
    int64_t minute_ms;   /* of the first of the tests below */
    uint32_t tests;
};

struct silence {
    const struct town *town;
    const struct ledger *ledger;
    struct told told[TOWN_DEVICES];
    struct now now;
    int64_t began_mono_ms; /* this life */
    bool has_unheard;      /* an earlier life may have waited for somebody in vain */
    uint64_t silences;
    uint64_t joins;
    uint64_t largest;
    uint64_t reopened;
    uint64_t trials;
    const char *broken;
};

void silence_began(struct silence *s, const struct town *town, struct now now);
void silence_heard(struct silence *s, const char *device, int64_t interval_ms, struct now now);
/* Every record, before it is applied. */
void silence_record(struct silence *s, const struct ledger *ledger, const struct record *record,
                    struct now now);
/* When all that was due is done: the lists are true, and who is unheard for too long is told of. */
void silence_look(struct silence *s, const struct ledger *ledger, struct now now, bool is_full);
