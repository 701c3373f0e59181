/* sim_town.h - a made-up municipality for the simulation: 200 devices, 30 carers, two centres. */
#pragma once

#include "core/ledger.h"

enum { TOWN_UNITS = 9, TOWN_DEVICES = 200, TOWN_STAFF = 30, TOWN_CENTRES = 2 };

struct town {
    struct directory directory;
    struct unit units[TOWN_UNITS];
    struct place places[TOWN_DEVICES];
    struct device devices[TOWN_DEVICES];
    struct staff staff[TOWN_STAFF];
    struct plan plans[4];
    struct centre centres[TOWN_CENTRES];
    uint8_t memory[256 * 1024];
};

void town_build(struct town *town);
