/* keys_file.h - small secret files: read with suspicion, replaced as a whole.
 *
 * Called by keys.c and pins.c only.
 */
#pragma once

#include "base/bytes.h"

enum { KEYS_PATH = 512, KEYS_STAFF_MAX = 64 };

/* In keys.c: a staff number of letters that may stand in a cookie and in a file of lines. */
bool keys_is_staff(struct slice staff);

/* Reads DIR/NAME into `into`. ERR_NOT_FOUND: not there. ERR_AUTH: others may read it, or it is no plain
 * file. ERR_FULL: longer than the room. `why` says so. */
enum err keys_file_read(const char *dir, const char *name, struct buf *into, char *ret_why,
                        size_t why_room) MUST_USE;
/* Temporary name, mode 600, synced, renamed, folder synced. */
enum err keys_file_replace(const char *dir, const char *name, struct slice content) MUST_USE;
