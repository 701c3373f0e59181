/* log_limit.h - how many lines an event name may write: 20 at once, then 1 a second.
 *
 * Called by log.c under its lock. Reads no clock: time is passed in.
 */
#pragma once

#include "base/clock.h"

enum { LOG_BURST = 20, LOG_REFILL_MS = 1000, LOG_NAMES = 128, LOG_NAME_ROOM = 48 };

struct log_limit {
    char name[LOG_NAME_ROOM];
    int64_t refilled_mono_ms;
    int tokens;
    uint64_t suppressed; /* since the last line that was written */
};

/* Names past LOG_NAMES share the last row, so that no flood of names is a way around the limit. */
struct log_limits {
    struct log_limit rows[LOG_NAMES];
    size_t used;
};

/* May this event write a line now? If so, *ret_suppressed says how many before it were kept back.
 */
bool log_limit_allows(struct log_limits *limits, const char *name, int64_t mono_ms,
                      uint64_t *ret_suppressed);
