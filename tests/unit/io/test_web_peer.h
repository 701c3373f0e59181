/* test_web_peer.h - a web server under test and raw peers that may misbehave, all on one thread.
 *
 * Used by test_web*.c. Every wait runs the server's loop and ends after a stated time.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/web.h"

struct house {
    struct ev_loop *loop;
    struct web *web;
    char pages[64];
    int opened;
    int closed;
    int texts;
    size_t last_len;
    struct web_client *client; /* the newest */
    char cookie[64];
    struct web_request *late;
    int requests;
};

static inline void *house_on_open(void *context, struct web_client *client, const char *peer,
                                  struct slice cookie)
{
    struct house *house = context;
    assert_string_equal(peer, "127.0.0.1");
    house->opened++;
    house->client = client;
    (void)slice_text(cookie, house->cookie, sizeof(house->cookie));
    return house;
}

static inline void house_on_text(void *user, struct web_client *client, struct slice text)
{
    struct house *house = user;
    house->texts++;
    house->last_len = text.len;
    if (slice_eq_str(text, "bye")) {
        (void)web_send(client, slice_str("last words"));
        web_client_close(client, WEB_CLOSE_NOT_ALLOWED, "not allowed");
    } else {
        (void)web_send(client, text);
    }
}

static inline void house_on_close(void *user, struct web_client *client)
{
    (void)client;
    ((struct house *)user)->closed++;
}

/* What a dialect would be given of a request below /hook/. */
static inline void house_reply_hook(struct web_request *request)
{
    static const char *const names[] = {"X-Signature", "authorization", "DATE", "content-type"};
    char text[512];
    struct buf b = buf_of(text, sizeof(text));
    for (size_t i = 0; i < 4; i++) {
        struct slice value = web_header_of(request, names[i]);
        buf_put(&b, value.at, value.len);
        buf_put_str(&b, "|");
    }
    buf_put(&b, web_body(request).at, web_body(request).len);
    web_reply(request, 200, "text/plain", NULL, buf_slice(&b));
}

static inline void house_on_request(void *context, struct web_request *request)
{
    struct house *house = context;
    house->requests++;
    if (slice_eq_str(web_path(request), "/late")) {
        house->late = request;
    } else if (slice_eq_str(web_path(request), "/echo")) {
        assert_string_equal(web_peer(request), "127.0.0.1");
        web_reply(request, 200, "application/json", "ticket=1; HttpOnly", web_body(request));
    } else if (slice_starts(web_path(request), "/hook/")) {
        house_reply_hook(request);
    } else {
        web_reply(request, 404, NULL, NULL, slice_str("nothing here\n"));
    }
}

static inline void house_page(struct house *house, const char *name, const char *text,
                              size_t repeat)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", house->pages, name);
    FILE *file = fopen(path, "w");
    for (size_t i = 0; i < repeat; i++) {
        (void)fputs(text, file);
    }
    (void)fclose(file);
}

static inline void house_open(struct house *house, const char *certificate, const char *key)
{
    static const struct web_handler handler = {house_on_open, house_on_text, house_on_close,
                                               house_on_request};
    static const char *const kept[] = {"X-Signature", "Authorization", "Date"};
    struct web_config config = {.address = "127.0.0.1:0",
                                .pages = house->pages,
                                .certificate = certificate,
                                .key = key,
                                .redirect = "127.0.0.1:0",
                                .kept_headers = kept,
                                .kept_count = 3};
    char why[512] = "";
    enum err err = web_open(house->loop, &config, &handler, house, &house->web, why, sizeof(why));
    if (err != ERR_OK) {
        (void)fprintf(stderr, "%s\n", why);
    }
    assert_int_equal(err, ERR_OK);
}

static inline int house_setup(void **state)
{
    struct house *house = calloc(1, sizeof(*house));
    house->loop = ev_default_loop(0);
    (void)snprintf(house->pages, sizeof(house->pages), "/tmp/samlarm-pages-XXXXXX");
    assert_non_null(mkdtemp(house->pages));
    house_page(house, "index.html", "<!doctype html><title>larm</title>", 1);
    house_page(house, "desk.html", "<!doctype html><title>desk</title>", 1);
    house_page(house, "app.js", "export const x = 1;\n", 20000);
    house_page(house, "secret.conf", "password", 1);
    house_open(house, NULL, NULL);
    *state = house;
    return 0;
}

static inline int house_teardown(void **state)
{
    struct house *house = *state;
    char line[128];
    web_close(house->web);
    (void)snprintf(line, sizeof(line), "rm -rf %s", house->pages);
    assert_int_equal(system(line), 0);
    free(house);
    return 0;
}

static inline void house_run(struct house *house, double seconds)
{
    for (double until = ev_time() + seconds; ev_time() < until;) {
        (void)ev_run(house->loop, EVRUN_NOWAIT);
        (void)usleep(500);
    }
}

static inline bool house_until(struct house *house, const int *count, int goal, double seconds)
{
    for (double until = ev_time() + seconds; ev_time() < until && *count < goal;) {
        (void)ev_run(house->loop, EVRUN_NOWAIT);
        (void)usleep(200);
    }
    return *count >= goal;
}

/* ---- a peer ----------------------------------------------------------------------------------- */

struct peer {
    struct house *house;
    int fd;
    uint8_t in[2 * 1024 * 1024];
    size_t in_len;
    bool is_closed;
};

static inline struct peer *peer_dial_small(struct house *house, int receive_room)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)web_number(house->web)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    peer->house = house;
    peer->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (receive_room > 0) {
        (void)setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &receive_room, sizeof(receive_room));
    }
    assert_int_equal(connect(peer->fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(fcntl(peer->fd, F_SETFL, O_NONBLOCK), 0);
    return peer;
}

static inline struct peer *peer_dial(struct house *house)
{
    return peer_dial_small(house, 0);
}

static inline void peer_hang_up(struct peer *peer)
{
    (void)close(peer->fd);
    free(peer);
}

static inline void peer_pump(struct peer *peer)
{
    (void)ev_run(peer->house->loop, EVRUN_NOWAIT);
    ssize_t got = read(peer->fd, peer->in + peer->in_len, sizeof(peer->in) - 1 - peer->in_len);
    if (got > 0) {
        peer->in_len += (size_t)got;
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        peer->is_closed = true;
    }
    peer->in[peer->in_len] = '\0';
}

/* What cannot be sent because the server has hung up is no mistake of the test. */
static inline void peer_say(struct peer *peer, const void *at, size_t len)
{
    const uint8_t *byte = at;
    double until = ev_time() + 5;
    while (len > 0 && ev_time() < until) {
        ssize_t sent = send(peer->fd, byte, len, MSG_NOSIGNAL);
        if (sent > 0) {
            byte += sent;
            len -= (size_t)sent;
        } else if (errno != EAGAIN) {
            return;
        }
        (void)ev_run(peer->house->loop, EVRUN_NOWAIT);
    }
}

static inline void peer_tell(struct peer *peer, const char *text)
{
    peer_say(peer, text, strlen(text));
}

/* True as soon as `text` was received, false at the end of the connection or of the time. */
static inline bool peer_hears(struct peer *peer, const char *text, double seconds)
{
    for (double until = ev_time() + seconds; ev_time() < until;) {
        peer_pump(peer);
        if (memmem(peer->in, peer->in_len, text, strlen(text)) != NULL) {
            return true;
        }
        if (peer->is_closed) {
            return false;
        }
        (void)usleep(200);
    }
    return false;
}

static inline bool peer_sees_the_end(struct peer *peer, double seconds)
{
    for (double until = ev_time() + seconds; ev_time() < until && !peer->is_closed;) {
        peer_pump(peer);
        (void)usleep(200);
    }
    return peer->is_closed;
}

/* ---- websocket -------------------------------------------------------------------------------- */

static inline void peer_ask_ws(struct peer *peer, const char *origin, const char *subprotocol)
{
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: token=abc\r\n%s%s\r\n",
                   web_number(peer->house->web), origin, subprotocol);
    peer_tell(peer, text);
}

static inline const char *own_origin(const struct house *house)
{
    static char text[64];
    (void)snprintf(text, sizeof(text), "Origin: http://127.0.0.1:%d\r\n", web_number(house->web));
    return text;
}

#define SUBPROTOCOL "Sec-WebSocket-Protocol: samlarm.v1\r\n"

/* A handshake that must succeed; what follows in `in` are frames only. */
static inline struct peer *peer_join_small(struct house *house, int receive_room)
{
    struct peer *peer = peer_dial_small(house, receive_room);
    peer_ask_ws(peer, own_origin(house), SUBPROTOCOL);
    assert_true(peer_hears(peer, "\r\n\r\n", 5));
    assert_non_null(strstr((char *)peer->in, "HTTP/1.1 101 "));
    peer->in_len = 0;
    return peer;
}

static inline struct peer *peer_join(struct house *house)
{
    return peer_join_small(house, 0);
}

/* `first` is FIN and opcode; the mask is four zeros, so that the payload reads as it is. */
static inline void peer_frame(struct peer *peer, uint8_t first, const void *at, size_t len)
{
    uint8_t head[14] = {first};
    size_t head_len = 2;
    if (len < 126) {
        head[1] = (uint8_t)(0x80 | len);
    } else {
        head[1] = 0x80 | 126;
        head[2] = (uint8_t)(len >> 8);
        head[3] = (uint8_t)len;
        head_len = 4;
    }
    uint8_t *whole = malloc(head_len + 4 + len);
    memcpy(whole, head, head_len);
    memset(whole + head_len, 0, 4);
    if (len > 0) {
        memcpy(whole + head_len + 4, at, len);
    }
    peer_say(peer, whole, head_len + 4 + len);
    free(whole);
}

static inline void peer_text(struct peer *peer, const char *text)
{
    peer_frame(peer, 0x81, text, strlen(text));
}

/* The code of the close frame that comes within the time, 0: none. Other frames are walked over. */
static inline int peer_close_code(struct peer *peer, double seconds)
{
    for (double until = ev_time() + seconds; ev_time() < until;) {
        peer_pump(peer);
        size_t at = 0;
        while (at + 4 <= peer->in_len) {
            size_t len = peer->in[at + 1] & 0x7f;
            size_t head = 2;
            if (len == 126) {
                len = (size_t)peer->in[at + 2] << 8 | peer->in[at + 3];
                head = 4;
            } else if (len == 127) {
                len = (size_t)peer->in[at + 7] << 16 | (size_t)peer->in[at + 8] << 8 |
                      peer->in[at + 9];
                head = 10;
            }
            if (peer->in[at] == 0x88) {
                return peer->in[at + 2] << 8 | peer->in[at + 3];
            }
            at += head + len;
        }
        if (peer->is_closed) {
            return 0;
        }
        (void)usleep(200);
    }
    return 0;
}
