/* log_limit.c - a token bucket per event name; see log_limit.h. Pure: no clock, no I/O, no heap. */
#include "io/log_limit.h"

#include <string.h>

static struct log_limit *row_of(struct log_limits *limits, const char *name, int64_t mono_ms)
{
    for (size_t i = 0; i < limits->used; i++) {
        if (strncmp(limits->rows[i].name, name, LOG_NAME_ROOM - 1) == 0) {
            return &limits->rows[i];
        }
    }
    if (limits->used == LOG_NAMES) {
        return &limits->rows[LOG_NAMES - 1];
    }
    struct log_limit *row = &limits->rows[limits->used++];
    (void)slice_text(slice_str(name), row->name, sizeof row->name);
    row->tokens = LOG_BURST;
    row->refilled_mono_ms = mono_ms;
    return row;
}

bool log_limit_allows(struct log_limits *limits, const char *name, int64_t mono_ms,
                      uint64_t *ret_suppressed)
{
    struct log_limit *row = row_of(limits, name, mono_ms);
    int64_t earned = (mono_ms - row->refilled_mono_ms) / LOG_REFILL_MS;
    if (earned > 0) {
        row->refilled_mono_ms += earned * LOG_REFILL_MS;
        row->tokens = earned >= LOG_BURST - row->tokens ? LOG_BURST : row->tokens + (int)earned;
    }
    if (row->tokens == 0) {
        row->suppressed++;
        return false;
    }
    row->tokens--;
    *ret_suppressed = row->suppressed;
    row->suppressed = 0;
    return true;
}
