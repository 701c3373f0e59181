/* test_loop.c - the clocks and the mailbox. */
#include "io/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct box {
    struct ev_loop *loop;
    struct loop_post post;
    pthread_t owner;
    int woken;
};

static void on_wake(void *context)
{
    struct box *box = context;
    assert_true(pthread_equal(box->owner, pthread_self()));
    box->woken++;
    ev_break(box->loop, EVBREAK_ALL);
}

static void *wake(void *context)
{
    struct box *box = context;
    loop_post_wake(&box->post);
    return NULL;
}

static void on_late(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
    (void)timer;
    (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

static void a_post_from_another_thread_wakes_the_loop(void **state)
{
    (void)state;
    struct box box = {.loop = ev_loop_new(EVFLAG_AUTO), .owner = pthread_self()};
    loop_post_open(&box.post, box.loop, on_wake, &box);
    struct ev_timer limit;
    ev_timer_init(&limit, on_late, 10.0, 0.0);
    ev_timer_start(box.loop, &limit);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake, &box), 0);
    ev_run(box.loop, 0);
    pthread_join(thread, NULL);
    assert_int_equal(box.woken, 1);
    ev_timer_stop(box.loop, &limit);
    loop_post_close(&box.post, box.loop);
    loop_post_close(&box.post, box.loop);
    ev_loop_destroy(box.loop);
}

static void an_open_mailbox_alone_does_not_hold_the_loop(void **state)
{
    (void)state;
    struct box box = {.loop = ev_loop_new(EVFLAG_AUTO), .owner = pthread_self()};
    loop_post_open(&box.post, box.loop, on_wake, &box);
    ev_run(box.loop, 0);
    assert_int_equal(box.woken, 0);
    loop_post_close(&box.post, box.loop);
    ev_loop_destroy(box.loop);
}

static void the_two_clocks_are_in_milliseconds(void **state)
{
    (void)state;
    struct now a = loop_now();
    struct now b = loop_now();
    assert_true(a.wall_ms > 1600000000000); /* after 2020 */
    assert_true(b.mono_ms >= a.mono_ms);
    assert_true(b.mono_ms - a.mono_ms < 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_post_from_another_thread_wakes_the_loop),
        cmocka_unit_test(an_open_mailbox_alone_does_not_hold_the_loop),
        cmocka_unit_test(the_two_clocks_are_in_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
