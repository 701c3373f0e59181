/* port_tls_pair.h - two ports of ours against one another under TLS, and a peer of which every byte is in
 * our hand.
 *
 * Included by test_port_tls*.c. The certificates are those of tls_bench.h.
 */
#pragma once

#include "unit/io/port_bench.h"
#include "unit/io/tls_bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* A port that listens and one that dials it; both with TLS. */
struct pair {
    struct bench far;
    struct bench near;
    char address[32];
};

static inline void open_far(struct pair *pair, struct port_tls tls)
{
    open_bench(&pair->far, (struct port_config){.name = "far", .tls = &tls});
    snprintf(pair->address, sizeof pair->address, "127.0.0.1:%d", port_number(pair->far.port));
    pair->near.loop = pair->far.loop;
}

static inline void open_near(struct pair *pair, struct port_tls tls, const char *expected)
{
    open_bench(&pair->near, (struct port_config){.name = "near",
                                                 .address = pair->address,
                                                 .is_dialling = true,
                                                 .tls = &tls,
                                                 .expected = expected});
}

static inline void close_pair(struct pair *pair)
{
    port_close(pair->near.port);
    port_close(pair->far.port);
    assert_int_equal(pair->near.opened, pair->near.closed);
    assert_int_equal(pair->far.opened, pair->far.closed);
    ev_loop_destroy(pair->far.loop);
}

static inline void open_good(struct pair *pair, const struct tls_bench *ids)
{
    open_far(pair, tls_of(&ids->server, NULL, PORT_TLS_NONE));
    open_near(pair, tls_of(NULL, &ids->ca, PORT_TLS_NONE), NULL);
    turn_until(&pair->near, &pair->near.opened, 1);
    turn_until(&pair->far, &pair->far.opened, 1);
}

/* --- a peer of which every byte is in our hand ------------------------------------------------------ */

struct hand {
    int fd;
    struct tls_side *side;
    struct tls_talk *talk;
};

static inline int plain_client(struct bench *bench)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port_number(bench->port))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static inline struct hand hand_open(struct bench *bench, const struct tls_id *ca)
{
    char why[512];
    struct port_tls tls = tls_of(NULL, ca, PORT_TLS_NONE);
    struct hand hand = {.fd = plain_client(bench)};
    assert_int_equal(tls_side_open("hand", &tls, true, &hand.side, why, sizeof why), ERR_OK);
    hand.talk = tls_talk_begin(hand.side, "127.0.0.1");
    return hand;
}

static inline void hand_close(struct hand *hand)
{
    close(hand->fd);
    tls_talk_end(hand->talk);
    tls_side_drop(hand->side);
}

/* What waits leaves, `step` bytes at a time with a turn of the loop between; at most `most`. */
static inline size_t hand_push(struct hand *hand, struct bench *bench, size_t step, size_t most)
{
    uint8_t room[16384];
    size_t pushed = 0;
    while (pushed < most && tls_talk_waiting(hand->talk) > 0) {
        size_t len = tls_talk_pull(hand->talk, room, step < most - pushed ? step : most - pushed);
        if (send(hand->fd, room, len, MSG_NOSIGNAL) != (ssize_t)len) {
            break;
        }
        pushed += len;
        ev_run(bench->loop, EVRUN_NOWAIT);
    }
    return pushed;
}

/* What has come is taken in; false: the other side has hung up. */
static inline bool hand_pull(struct hand *hand, struct bench *bench)
{
    uint8_t room[16384];
    turn(bench, 0.002);
    ssize_t got = recv(hand->fd, room, sizeof room, 0);
    if (got > 0) {
        assert_int_equal(tls_talk_take(hand->talk, slice_of(room, (size_t)got)), ERR_OK);
    }
    return got > 0 || (got < 0 && errno == EAGAIN);
}

/* The whole handshake; how many bytes it took from our side. `most`: cut after so many. */
static inline size_t hand_shake(struct hand *hand, struct bench *bench, size_t step, size_t most)
{
    size_t pushed = 0;
    enum err err = ERR_MORE;
    while (err == ERR_MORE && pushed < most && hand_pull(hand, bench)) {
        err = tls_talk_shake(hand->talk);
        pushed += hand_push(hand, bench, step, most - pushed);
    }
    return pushed;
}
