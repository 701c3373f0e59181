/* web.h - HTTP and websocket through libwebsockets on our loop: bytes, no meaning.
 *
 * HTTP/1.1 only; an upgrade to anything but `websocket` is cut (facts/reliability.md finding 6). Origin is
 * checked at the handshake (own host only, none is refused). Pages come from one folder, read at start.
 * Per client: 8 KiB and 64 fragments a message in, 20 messages a second, 64 messages / 256 KiB waiting
 * out; one message per writable callback; ping after 5 s, hang-up after 12 s.
 */
#pragma once

#include "io/loop.h"

struct web;
struct web_client;
struct web_request;

enum {
    WEB_CLOSE_SLOW = 4001, /* the client does not read */
    WEB_CLOSE_BAD_MESSAGE = 4002,
    WEB_CLOSE_NOT_ALLOWED = 4003,
    WEB_CLOSE_TOO_MANY = 4004, /* messages a second, or sockets a person */
    WEB_CLOSE_REPLACED = 4005, /* the same person logged in elsewhere */
    WEB_CLOSE_GAP = 4006,      /* it missed something and comes back for a snapshot */
    WEB_CLOSE_RESTART = 4007
};

struct web_handler {
    void *(*on_open)(void *context, struct web_client *client, const char *peer,
                     struct slice cookie);
    void (*on_text)(void *user, struct web_client *client, struct slice text);
    /* Once, after it the client is gone. Follows web_client_close within 3 s, from the loop or from
     * web_close, never from inside web_send or web_client_close. */
    void (*on_close)(void *user, struct web_client *client);
    /* Everything over HTTP that is not a page. Must lead to exactly one web_reply, now or later. */
    void (*on_request)(void *context, struct web_request *request);
};

enum { WEB_KEPT_MAX = 64, WEB_KEPT_ROOM = 64 };

struct web_config {
    const char *address;     /* "127.0.0.1:8080" */
    const char *pages;       /* folder of the pages: "/" is index.html, "/x" is x or x.html */
    const char *certificate; /* PEM, NULL: plain http */
    const char *key;
    const char *redirect; /* "127.0.0.1:8080": in clear, sends everybody to `address`; NULL: none */
    size_t clients_max;   /* 0: 4,096 */
    /* Headers that requests below /hook/ are asked for; copied. Of each at most WEB_HEADER_MAX bytes. */
    const char *const *kept_headers;
    size_t kept_count;
};

enum err web_open(struct ev_loop *loop, const struct web_config *config,
                  const struct web_handler *handler, void *context, struct web **ret_web,
                  char *ret_why, size_t why_room) MUST_USE;
void web_close(struct web *web);                /* not from a handler; NULL is fine */
int web_number(const struct web *web);          /* bound port */
int web_redirect_number(const struct web *web); /* 0: there is none */

/* ERR_FULL: the queue ran over; the client is closed with WEB_CLOSE_SLOW and on_close follows.
 * ERR_STATE: it is being closed already. */
enum err web_send(struct web_client *client, struct slice text);
/* Microseconds' worth of proof: has everything handed to web_send left for the socket? */
bool web_is_drained(const struct web_client *client);
/* What was sent before goes out first; whoever does not take it within 3 s is cut. */
void web_client_close(struct web_client *client, int code, const char *reason);

/* What a request says; slices live until web_reply. */
struct slice web_method(const struct web_request *request); /* "GET", "POST" */
struct slice web_path(const struct web_request *request);   /* without query */
struct slice web_query(const struct web_request *request);
struct slice web_body(const struct web_request *request);   /* at most 8 KiB */
struct slice web_cookie(const struct web_request *request); /* the whole header */
/* Below /hook/ only: one of `kept_headers`, or "content-type" without its parameters. Empty: not sent. */
struct slice web_header_of(const struct web_request *request, const char *name);
const char *web_peer(const struct web_request *request);
/* `cookie` (may be NULL): one Set-Cookie value. Security headers (CSP, nosniff, no-store) are added. */
void web_reply(struct web_request *request, int status, const char *type, const char *cookie,
               struct slice body);
