/* log.c - one line per event on stderr, written with one write(2).
 *
 * Called by the hands and the doors, from any thread. Never allocates, never keeps what it is
 * given, never lets a value begin a line or another key.
 */
#include "io/log.h"

#include "io/log_limit.h"
#include "io/loop.h"

#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

enum { LINE_ROOM = 2048, VALUE_MAX = 512 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_limits limits;
static enum log_level lowest = LOG_INFO;

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_DEBUG:
        return "debug";
    case LOG_INFO:
        return "info";
    case LOG_WARN:
        return "warn";
    case LOG_ERROR:
        return "error";
    }
    return "error";
}

/* Plain words stay as they are; everything else is quoted, so that a reader can split the line. */
static bool is_plain(struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.at[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') {
            return false;
        }
    }
    return value.len > 0;
}

static void put_escaped(struct buf *line, struct slice value)
{
    bool is_text = slice_is_utf8(value);
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.at[i];
        /* C1 controls (C2 80..9F) move a terminal's cursor as well as the old ones do. */
        bool is_c1 = c == 0xc2 && i + 1 < value.len && value.at[i + 1] < 0xa0;
        if (c == '"' || c == '\\') {
            buf_put_u8(line, '\\');
            buf_put_u8(line, c);
        } else if (c >= ' ' && c != 0x7f && (c < 0x80 || (is_text && !is_c1))) {
            buf_put_u8(line, c);
        } else {
            buf_put_str(line, "\\x");
            buf_put_hex(line, slice_of(&c, 1));
            if (is_c1 && is_text) {
                buf_put_str(line, "\\x");
                buf_put_hex(line, slice_of(&value.at[++i], 1));
            }
        }
    }
}

static void put_pair(struct buf *line, const char *key, struct slice value)
{
    bool is_cut = value.len > VALUE_MAX;
    if (is_cut) {
        value.len = VALUE_MAX;
        while (value.len > 0 && (value.at[value.len] & 0xc0) == 0x80) {
            value.len--; /* not in the middle of a letter */
        }
    }
    buf_put_u8(line, ' ');
    buf_put_str(line, key);
    buf_put_u8(line, '=');
    if (!is_cut && is_plain(value)) {
        buf_put_slice(line, value);
        return;
    }
    buf_put_u8(line, '"');
    put_escaped(line, value);
    buf_put_str(line, is_cut ? "...\"" : "\"");
}

/* The line leaves as one piece; what stderr does not take is lost, and nobody waits for it twice.
 */
static void write_line(struct buf *line)
{
    if (line->is_full || line->len == line->room) {
        line->len = line->len < line->room ? line->len : line->room - 1;
        line->is_full = false;
    }
    buf_put_u8(line, '\n');
    ssize_t written = write(STDERR_FILENO, line->at, line->len);
    (void)written;
}

void log_event(enum log_level level, const char *name, ...)
{
    struct now now = loop_now();
    uint64_t suppressed = 0;
    pthread_mutex_lock(&lock);
    bool is_wanted = level >= lowest && log_limit_allows(&limits, name, now.mono_ms, &suppressed);
    pthread_mutex_unlock(&lock);
    if (!is_wanted) {
        return;
    }
    uint8_t room[LINE_ROOM];
    struct buf line = buf_of(room, sizeof room);
    clock_put_utc(&line, now.wall_ms);
    buf_put_u8(&line, ' ');
    buf_put_str(&line, level_name(level));
    buf_put_u8(&line, ' ');
    buf_put_str(&line, name);
    if (suppressed > 0) {
        buf_put_str(&line, " suppressed=");
        buf_put_u64(&line, suppressed);
    }
    va_list pairs;
    va_start(pairs, name);
    for (;;) {
        const char *key = va_arg(pairs, const char *);
        if (key == NULL) {
            break;
        }
        const char *value = va_arg(pairs, const char *);
        if (value == NULL) {
            break;
        }
        put_pair(&line, key, slice_str(value));
    }
    va_end(pairs);
    write_line(&line);
}

void log_set_level(enum log_level level)
{
    pthread_mutex_lock(&lock);
    lowest = level;
    pthread_mutex_unlock(&lock);
}
