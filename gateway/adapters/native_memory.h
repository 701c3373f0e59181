/* native_memory.h - what a port remembers of its native devices: how far each has counted.
 *
 * Called by adapters/native.c. The journal knows the sequences of alarms for ever; heartbeats are not all
 * in it, so theirs are remembered here. All of it may be lost at any time (a restart does): then a recorded
 * heartbeat may be taken for life until the device itself speaks, and never is an alarm lost.
 */
#pragma once

#include "base/clock.h"

/* Ceilings: a device stands in the row that its key gives. Where a row is full, the one that was silent
 * longest is forgotten. */
enum { NATIVE_ROWS = 1024, NATIVE_PLACES = 8 };

struct native_device {
    uint64_t key; /* a number made of the device's key; 0: free */
    int64_t heard_ms;
    uint64_t sequence; /* the highest of all its messages, and a number made of its body */
    uint64_t content;
    uint64_t alarm_sequence; /* the same of its last alarm */
    uint64_t alarm_content;
};

struct native_memory {
    struct native_device rows[NATIVE_ROWS][NATIVE_PLACES];
};

/* A number made of bytes, never 0 (FNV-1a). */
uint64_t native_number(struct slice bytes);
/* The place of this device, empty when it is new. */
struct native_device *native_device(struct native_memory *memory, struct slice key, struct now now);
