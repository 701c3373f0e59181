/* control.h - how other programs of the same machine ask the running gateway: one line, one answer.
 *
 * A unix socket in the state folder (mode 600): who may open it may already read the state. At most 8
 * askers at once, lines of at most 512 bytes, silence of 10 s ends it.
 */
#pragma once

#include "io/loop.h"

struct control;
struct asker;

enum { CONTROL_LINE_MAX = 512 };

/* `on_line` must lead to exactly one control_reply, now or later. */
enum err control_open(struct ev_loop *loop, const char *path,
                      void (*on_line)(void *context, struct asker *asker, struct slice line),
                      void *context, struct control **ret_control) MUST_USE;
void control_close(struct control *control);               /* NULL is fine; removes the socket */
void control_reply(struct asker *asker, const char *line); /* ends the conversation */

/* The other side, for the command line: asks and waits at most `wait_ms` for the line of the answer.
 * ERR_NOT_FOUND: no gateway runs there. */
enum err control_ask(const char *path, const char *line, int wait_ms, char *ret_answer,
                     size_t room) MUST_USE;
