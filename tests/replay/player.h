/* player.h - plays a .case file against its adapter and compares: for replay.c and the unit tests.
 *
 * The player is the turn in small: it keeps the bytes that were not consumed, counts time, collects
 * the outbox, and hands receipts back when the file says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapters/adapter.h"
#include "wire/transcript.h"

enum player_cut { CUT_NOT, CUT_BYTEWISE, CUT_RANDOM };

/* True when all went as the file says; otherwise a line about it went to stderr. */
bool player_play(const char *path, const struct transcript *transcript, enum player_cut cut,
                 unsigned seed);

/* True when `adapter` raises nothing from the bytes of this `<` line. */
bool player_is_not_its(const struct adapter *adapter, const struct transcript_step *step);

/* The whole file, with malloc; *ret_len may be NULL. NULL when it cannot be read. */
char *player_read(const char *path, size_t *ret_len);
