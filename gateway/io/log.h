/* log.h - one line per event on stderr: time level event.name key=value ...
 *
 * Called by the hands and the doors only, where an error is handled. Values are escaped; nothing a peer
 * sends can begin a new line. Never names, addresses or speech of persons. Lines per event name are
 * limited (burst 20, then 1 a second, with the number suppressed).
 */
#pragma once

#include "base/bytes.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Pairs of key and value, all `const char *`, end with NULL:
 * log_event(LOG_WARN, "port.bad_bytes", "port", name, "why", why, NULL). Safe from any thread. */
void log_event(enum log_level level, const char *name, ...) __attribute__((sentinel));
void log_set_level(enum log_level level);

/* Counters of the house: made at first use, shown by /metrics. At most 256 names; `label` may be NULL
 * ("scaip": samlarm_NAME{of="scaip"}). */
void count(const char *name, const char *label);
void count_by(const char *name, const char *label, uint64_t by);
void counters_put(struct buf *out); /* Prometheus text, counters only */
uint64_t counter_value(const char *name, const char *label);
