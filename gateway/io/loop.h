/* loop.h - time, posts from other threads, signals, on one libev loop. */
#pragma once

#include <ev.h>

#include "base/clock.h"

/* Both clocks, read once per call. The only place of the house that reads them. */
struct now loop_now(void);

/* A mailbox that other threads may drop a message into; `on_wake` runs on the loop's thread. */
struct loop_post {
    struct ev_async async;
    struct ev_loop *loop; /* NULL: closed */
    void (*on_wake)(void *context);
    void *context;
};
void loop_post_open(struct loop_post *post, struct ev_loop *loop, void (*on_wake)(void *context),
                    void *context);
void loop_post_wake(struct loop_post *post); /* from any thread */
void loop_post_close(struct loop_post *post, struct ev_loop *loop);
