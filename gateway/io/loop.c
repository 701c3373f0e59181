/* loop.c - the two clocks, and a mailbox into the loop from other threads.
 *
 * Called by every hand and by the doors. The only file of the house that reads a clock. Never
 * blocks.
 */
#include "io/loop.h"

#include <time.h>

static int64_t clock_ms(clockid_t which)
{
    struct timespec at = {0};
    clock_gettime(which, &at);
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

struct now loop_now(void)
{
    return (struct now){.wall_ms = clock_ms(CLOCK_REALTIME), .mono_ms = clock_ms(CLOCK_MONOTONIC)};
}

static void on_async(struct ev_loop *loop, struct ev_async *async, int revents)
{
    (void)loop;
    (void)revents;
    struct loop_post *post = async->data;
    post->on_wake(post->context);
}

void loop_post_open(struct loop_post *post, struct ev_loop *loop, void (*on_wake)(void *context),
                    void *context)
{
    *post = (struct loop_post){.on_wake = on_wake, .context = context};
    ev_async_init(&post->async, on_async);
    post->async.data = post;
    ev_async_start(loop, &post->async);
    /* A mailbox alone is no reason to go on: the loop ends when everything else has ended. */
    ev_unref(loop);
    post->loop = loop;
}

void loop_post_wake(struct loop_post *post)
{
    ev_async_send(post->loop, &post->async);
}

void loop_post_close(struct loop_post *post, struct ev_loop *loop)
{
    if (post->loop == NULL) {
        return;
    }
    ev_ref(loop);
    ev_async_stop(loop, &post->async);
    post->loop = NULL;
}
