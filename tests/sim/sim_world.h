/* sim_world.h - a gateway's life around the ledger: its journal, its clock, its restarts, its laws. */
#pragma once

#include "sim_silence.h"

enum { JOURNAL_MAX = 24000 };

struct world {
    struct town *town;
    struct ledger *ledger;
    uint8_t *memory;
    size_t memory_size;
    struct ledger_limits limits;
    struct now now;
    struct record *journal;
    size_t journal_count;
    struct decision decision;
    uint64_t random;
    uint64_t cases_closed;
    uint64_t at_centre;
    struct silence silence;
    const char *broken; /* the law that was broken, NULL while all hold */
};

bool world_open(struct world *w, struct town *town, uint64_t seed);
void world_finish(struct world *w);
uint64_t world_random(struct world *w, uint64_t below);

/* decide, journal, apply; then the laws. */
void world_input(struct world *w, const struct input *input);
/* A heartbeat: decided, and its clock set. */
void world_alive(struct world *w, const char *device, int64_t interval_ms);
/* Lets this much time pass, waking the ledger when it wants to be woken. */
void world_pass(struct world *w, int64_t ms);
/* Forgets everything and folds the journal; the fingerprint must be the same. */
void world_restart(struct world *w, int64_t down_ms);
