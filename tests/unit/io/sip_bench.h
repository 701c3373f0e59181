/* sip_bench.h - one SIP port on a loop, and plain sockets of this process as its foreign peers.
 *
 * Included by test_sip*.c only. Waits for events with a limit, never for a fixed time, except where
 * silence itself is what is expected.
 */
#pragma once

#include "io/sip.h"

#include "io/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct sip_bench {
    struct ev_loop *loop;
    struct sip *sip;
    int messages;
    uint64_t exchange; /* of the last one */
    char from_user[64];
    char type[64];
    char peer[96];
    char body[512];
    size_t body_len;
    bool is_slow; /* leaves the answer to the test */
    int answers;
    const char *next; /* whom to ask next when an answer comes; once */
    uint32_t tag;
    int status;
    char answer[256];
};

static inline void bench_on_message(void *context, const struct sip_message *message)
{
    struct sip_bench *bench = context;
    bench->messages++;
    bench->exchange = message->exchange;
    (void)slice_text(message->from_user, bench->from_user, sizeof bench->from_user);
    (void)slice_text(message->type, bench->type, sizeof bench->type);
    (void)slice_text(message->body, bench->body, sizeof bench->body);
    (void)slice_text(slice_str(message->peer), bench->peer, sizeof bench->peer);
    bench->body_len = message->body.len;
    if (!bench->is_slow) {
        assert_int_equal(sip_answer(bench->sip, message->exchange, 200, "application/scaip+xml",
                                    slice_str("<mrs><ref>1</ref><snu>0</snu></mrs>")),
                         ERR_OK);
        assert_int_equal(sip_answer(bench->sip, message->exchange, 500, NULL, slice_str("")),
                         ERR_NOT_FOUND);
    }
}

static inline void bench_on_answer(void *context, uint32_t tag, int status, struct slice type,
                                   struct slice body)
{
    struct sip_bench *bench = context;
    bench->answers++;
    bench->tag = tag;
    bench->status = status;
    (void)slice_text(type, bench->type, sizeof bench->type);
    (void)slice_text(body, bench->answer, sizeof bench->answer);
    if (bench->next != NULL) {
        struct slice peer = slice_str(bench->next);
        bench->next = NULL;
        assert_int_equal(sip_request(bench->sip, peer, slice_str("centre"), slice_str(""),
                                     "application/scaip+xml", slice_str("<mrq/>"), tag + 1),
                         ERR_OK);
    }
}

static inline void bench_open(struct sip_bench *bench, struct sip_config config)
{
    static const struct sip_handler handler = {bench_on_message, bench_on_answer};
    char why[256] = "";
    config.name = "scaip";
    if (bench->loop == NULL) {
        bench->loop = ev_loop_new(EVFLAG_AUTO);
    }
    if (sip_open(bench->loop, &config, &handler, bench, &bench->sip, why, sizeof why) != ERR_OK) {
        fail_msg("%s", why);
    }
}

static inline struct sip_config bench_both(void)
{
    return (struct sip_config){.listen = "127.0.0.1:0", .is_udp = true, .is_tcp = true};
}

static inline void bench_close(struct sip_bench *bench)
{
    sip_close(bench->sip);
    ev_loop_destroy(bench->loop);
}

static inline void bench_on_tick(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
    (void)loop;
    (void)timer;
    (void)revents;
}

/* One turn of the loop, at most `ms` long. */
static inline void bench_turn(struct sip_bench *bench, int ms)
{
    struct ev_timer tick;
    ev_timer_init(&tick, bench_on_tick, (double)ms / 1000.0, 0.0);
    ev_now_update(bench->loop);
    ev_timer_start(bench->loop, &tick);
    ev_run(bench->loop, EVRUN_ONCE);
    ev_timer_stop(bench->loop, &tick);
}

static inline void bench_until(struct sip_bench *bench, const int *value, int wanted, int ms)
{
    int64_t end_ms = loop_now().mono_ms + ms;
    while (*value < wanted && loop_now().mono_ms < end_ms) {
        bench_turn(bench, 20);
    }
    assert_int_equal(*value, wanted);
}

static inline int bench_client(const struct sip_bench *bench, bool is_udp)
{
    int kind = (is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
    int fd = socket(AF_INET, kind, 0);
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_port = htons((uint16_t)sip_number(bench->sip));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static inline void bench_send(int fd, const void *bytes, size_t len)
{
    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* What comes within `ms`: one datagram, or what the stream has; 0: nothing, or the end of the
 * stream. */
static inline size_t bench_receive(struct sip_bench *bench, int fd, char *text, size_t room, int ms)
{
    int64_t end_ms = loop_now().mono_ms + ms;
    for (;;) {
        ssize_t got = recv(fd, text, room - 1, MSG_DONTWAIT);
        if (got >= 0) {
            text[got] = '\0';
            return (size_t)got;
        }
        assert_true(errno == EAGAIN || errno == ECONNRESET || errno == ECONNREFUSED);
        if (errno != EAGAIN || loop_now().mono_ms >= end_ms) {
            text[0] = '\0';
            return 0;
        }
        bench_turn(bench, 5);
    }
}

static inline int bench_status(const char *text)
{
    int status = 0;
    return sscanf(text, "SIP/2.0 %d", &status) == 1 ? status : 0;
}

/* A good MESSAGE; `branch` and `cseq` make it another one. */
static inline size_t bench_message(char *text, size_t room, const char *branch, int cseq,
                                   const char *headers, const char *body)
{
    int len = snprintf(text, room,
                       "MESSAGE sip:alarm@127.0.0.1 SIP/2.0\r\n"
                       "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=%s;rport\r\n"
                       "Max-Forwards: 70\r\n"
                       "From: <sip:123456@arc.example>;tag=f1\r\n"
                       "To: <sip:alarm@arc.example>\r\n"
                       "Call-ID: call-%s@192.0.2.10\r\n"
                       "CSeq: %d MESSAGE\r\n"
                       "%s"
                       "Content-Type: application/SCAIP+xml; charset=utf-8\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       branch, branch, cseq, headers, strlen(body), body);
    assert_true(len > 0 && (size_t)len < room);
    return (size_t)len;
}

enum { BENCH_ROOM = 8192, BENCH_WAIT_MS = 3000 };

/* A request of any method without a body; `text` (BENCH_ROOM) gets the answer. */
static inline void bench_ask(struct sip_bench *bench, int fd, const char *method,
                             const char *headers, char *text)
{
    static int number = 0;
    int len = snprintf(text, BENCH_ROOM,
                       "%s sip:127.0.0.1 SIP/2.0\r\n"
                       "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKask%d\r\n"
                       "From: <sip:123456@arc.example>;tag=1\r\nTo: <sip:123456@arc.example>\r\n"
                       "Call-ID: ask%d\r\nCSeq: 1 %s\r\n%sContent-Length: 0\r\n\r\n",
                       method, number, number, method, headers);
    number++;
    bench_send(fd, text, (size_t)len);
    (void)bench_receive(bench, fd, text, BENCH_ROOM, BENCH_WAIT_MS);
}
