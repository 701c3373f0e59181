/* stub_case.h - plays a .case file over a real socket: says `<`, expects `>`.
 *
 * Called by the pendant hub and the panel for --case. What only a rig inside the gateway can do or
 * see (`!`, `=`, `x`) is passed over; what no device can bring about (`?`, `= refused`) is refused
 * with a sentence. Prints one line a step: "ok 7 > answer 200" or "not ok 7 > ...".
 */
#pragma once

#include "stub.h"

enum { STUB_CASE_WAIT_MS = 5000 };

/* Exit status: 0 as written, 1 otherwise, 2 the file cannot be played so. */
int stub_case_scaip(struct ev_loop *loop, const char *path, const char *to, const char *listen);
int stub_case_bytes(struct ev_loop *loop, const char *path, const char *to);
