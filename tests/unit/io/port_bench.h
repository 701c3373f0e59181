/* port_bench.h - a port whose handlers note what they are told, and a loop that is turned by hand.
 *
 * Included by test_port*.c. The first open_bench makes the loop; whoever made it destroys it.
 */
#pragma once

#include "io/port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bench {
    struct ev_loop *loop;
    struct port *port;
    struct conn *conn; /* the one opened last */
    int opened;
    int closed;
    int refused;
    int calls;
    size_t bytes;
    char got[256];
    char why[256];
    bool echoes;
    bool greets;           /* in on_open */
    bool closes;           /* conn_close inside on_bytes */
    bool closes_port;      /* port_close inside on_bytes */
    bool closes_port_soon; /* ... inside on_open */
    bool counts;           /* what comes are numbers in order */
    uint32_t next;
    size_t takes_only; /* of what came; 0: everything */
};

static inline void *on_open(void *context, struct conn *conn, const char *peer)
{
    struct bench *bench = context;
    assert_non_null(strchr(peer, ':'));
    bench->conn = conn;
    bench->opened++;
    if (bench->greets) {
        (void)conn_send(conn, slice_str("220 hello\r\n")); /* the other end may have gone already */
    }
    if (bench->closes_port_soon) {
        port_close(bench->port);
    }
    return bench;
}

static inline size_t on_bytes(void *user, struct conn *conn, struct slice bytes, const char *peer)
{
    struct bench *bench = user;
    bench->calls++;
    if (bench->counts) {
        size_t whole = bytes.len / sizeof bench->next * sizeof bench->next;
        for (size_t at = 0; at < whole; at += sizeof bench->next) {
            assert_memory_equal(bytes.at + at, &bench->next, sizeof bench->next);
            bench->next++;
        }
        bench->bytes += whole;
        return whole;
    }
    bench->bytes += bytes.len;
    (void)slice_text(bytes, bench->got, sizeof bench->got);
    if (bench->echoes && conn_send(conn, bytes) == ERR_IO) { /* UDP: who is meant must be said */
        assert_int_equal(conn_send_to(conn, peer, bytes), ERR_OK);
    }
    if (bench->closes) {
        conn_close(conn);
        conn_close(conn);
        assert_int_equal(conn_send(conn, slice_str("late")), ERR_STATE);
    }
    if (bench->closes_port) {
        port_close(bench->port);
    }
    return bench->takes_only != 0 ? bench->takes_only : bytes.len;
}

static inline void on_close(void *user, struct conn *conn, const char *why)
{
    struct bench *bench = user;
    assert_int_equal(conn_send(conn, slice_str("too late")), ERR_STATE);
    if (bench == NULL) {
        return; /* closed before on_open has said whose it is */
    }
    bench->closed++;
    bench->conn = NULL;
    (void)slice_text(slice_str(why), bench->why, sizeof bench->why);
}

static inline void on_refused(void *context, const char *why)
{
    struct bench *bench = context;
    bench->refused++;
    (void)slice_text(slice_str(why), bench->why, sizeof bench->why);
}

static const struct port_handler handler = {on_open, on_bytes, on_close, on_refused};

static inline void on_tick(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
    (void)timer;
    (void)revents;
    ev_break(loop, EVBREAK_ONE);
}

static inline void turn(struct bench *bench, double seconds)
{
    struct ev_timer limit;
    ev_now_update(bench->loop);
    ev_timer_init(&limit, on_tick, seconds, 0.0);
    ev_timer_start(bench->loop, &limit);
    ev_run(bench->loop, EVRUN_ONCE);
    ev_timer_stop(bench->loop, &limit);
}

/* Turns the loop until `value` reaches `wanted`, at most 5 s. */
static inline void turn_until(struct bench *bench, const int *value, int wanted)
{
    for (double end = ev_time() + 5.0; *value < wanted && ev_time() < end;) {
        turn(bench, 0.05);
    }
    assert_true(*value >= wanted);
}

static inline void turn_for(struct bench *bench, double seconds)
{
    struct ev_timer limit;
    ev_now_update(bench->loop);
    ev_timer_init(&limit, on_tick, seconds, 0.0);
    ev_timer_start(bench->loop, &limit);
    ev_run(bench->loop, 0);
    ev_timer_stop(bench->loop, &limit);
}

static inline void open_bench(struct bench *bench, struct port_config config)
{
    char why[512] = "";
    config.name = config.name == NULL ? "test" : config.name;
    config.address = config.address == NULL ? "127.0.0.1:0" : config.address;
    bench->loop = bench->loop == NULL ? ev_loop_new(EVFLAG_AUTO) : bench->loop;
    if (port_open(bench->loop, &config, &handler, bench, &bench->port, why, sizeof why) != ERR_OK) {
        fail_msg("%s", why);
    }
}
