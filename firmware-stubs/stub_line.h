/* stub_line.h - a device on a line (TCP or UDP): what it says is kept and said again until it is answered.
 *
 * Shared by the simulated panels and alarms. Dials for ever, 0.3 to 5 s apart. Never looks at a message.
 * Says on stdout: connected, disconnected why=..., sent number=N try=T what=W, answered number=N after_ms=M
 * by=W, gave_up number=N.
 */
#pragma once

#include "stub.h"

enum { STUB_LINE_KEPT = 64, STUB_LINE_MESSAGE_MAX = 1024 };

struct stub_line;

struct stub_line_device {
    void (*on_up)(void *context); /* the line stands: log in, say who you are. May be NULL */
    /* What has come and was not taken yet; answers how much of it is dealt with. */
    size_t (*on_bytes)(void *context, struct slice bytes);
    void *context;
};

/* `to`: "127.0.0.1:12300" (TCP) or with ";udp". retry_s 0: nothing is said twice. NULL: said on stderr. */
struct stub_line *stub_line_open(struct ev_loop *loop, const char *to, int64_t retry_s,
                                 const struct stub_line_device *device);
void stub_line_close(struct stub_line *line); /* NULL is fine */
bool stub_line_is_up(const struct stub_line *line);
/* Keeps it under this number and says it now, or when the line stands. */
void stub_line_keep(struct stub_line *line, uint32_t number, struct slice bytes, const char *what);
/* What waits under this number is said otherwise from now on, and at once: the clock was set. False: nothing
 * waits under it. */
bool stub_line_replace(struct stub_line *line, uint32_t number, struct slice bytes);
/* Other bytes for what is kept under this number and not answered yet, e.g. after a new login. */
void stub_line_renew(struct stub_line *line, uint32_t number, struct slice bytes);
/* Once, if the line stands. */
void stub_line_say(struct stub_line *line, struct slice bytes, const char *what);
/* The message with this number is done; false: there is none. `by` is the word of the answer. */
bool stub_line_answered(struct stub_line *line, uint32_t number, const char *by);
/* How many wait for their answer. */
size_t stub_line_waiting(const struct stub_line *line);
/* The number of the one that waits longest; 0: none. */
uint32_t stub_line_oldest(const struct stub_line *line);
/* Kept messages wait until this is called, e.g. for a login. */
void stub_line_hold(struct stub_line *line, bool is_held);
