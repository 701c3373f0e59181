/* web_inside.h - what the files web*.c share; nobody else includes it.
 *
 *   web.c        open, close, who comes in, one callback for libwebsockets, the tick of a second
 *   web_ws.c     websocket clients: handshake, assembling, queue, closing
 *   web_http.c   requests and replies
 *   web_pages.c  the folder of pages, in memory
 *   web_redirect.c  the port in clear beside the encrypted one
 */
#pragma once

#include "io/web.h"

/* OpenSSL, which libwebsockets.h brings along, has a type of that name. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <libwebsockets.h>
#undef ERR_STATE

enum {
    WEB_MESSAGE_MAX = 8192,
    WEB_FRAGMENTS_MAX = 64,
    WEB_MESSAGES_A_SECOND = 20,
    WEB_MESSAGES_BURST = 40,
    WEB_QUEUE_MAX = 64,
    WEB_QUEUE_BYTES = 262144,
    WEB_CLOSE_MS = 3000, /* from the decision to close until the connection is cut */

    WEB_BODY_MAX = 8192,
    WEB_HEADER_MAX = 4096,       /* all headers of a request, libwebsockets' own ceiling */
    WEB_ARRIVING_MAX = 1024,     /* connections that are not a websocket (yet) */
    WEB_ARRIVING_PER_PEER = 256, /* ... from one address */
    WEB_ARRIVING_MS = 8000,      /* to say what they want, however slowly */
    WEB_ANSWER_S = 30,           /* the house has so long to reply */
    WEB_SEND_S = 15,             /* and the peer so long to take the next piece */
    WEB_TIMEOUT_S = 5,
    WEB_PING_S = 5,
    WEB_HANGUP_S = 12,

    WEB_PAGES_MAX = 256,
    WEB_PAGES_BYTES = 8388608,
    WEB_PAGES_DEPTH = 4,
    WEB_PAGE_PATH = 128
};

/* A close code of RFC 6455 that we use besides our own 4xxx. */
enum { WEB_WS_BINARY = 1003, WEB_WS_NOT_UTF8 = 1007, WEB_WS_TOO_LONG = 1009 };

/* One connection, from accept to the end. While it is `arriving` it stands in a list, oldest first. */
struct web_link {
    struct web_link *prev;
    struct web_link *next;
    struct lws *wsi;
    int64_t since_ms;
    bool is_arriving;
    bool is_busy; /* a request is being answered: not a slow peer's fault */
    char peer[48];
};

struct web_page {
    char path[WEB_PAGE_PATH]; /* "/index.html" */
    const char *type;
    char etag[40];
    uint8_t *bytes; /* LWS_PRE in front */
    size_t len;
};

struct web_pages {
    struct web_page *pages;
    size_t count;
    size_t bytes;
};

struct web_out {
    struct web_out *next;
    size_t len;
    uint8_t bytes[]; /* LWS_PRE, then the text */
};

/* Zeroed by libwebsockets; lives as long as its connection. */
struct web_client {
    struct web *web;
    struct lws *wsi;
    void *user;
    struct web_client *next_closing;
    struct web_out *first;
    struct web_out *last;
    size_t out_count;
    size_t out_bytes;
    uint8_t *in; /* only while a message comes in pieces */
    uint16_t in_len;
    uint16_t fragments;
    int64_t allowance_ms; /* token bucket, in milliseconds of credit */
    int64_t allowed_ms;
    int64_t close_ms;
    int close_code;
    char close_reason[64];
    bool is_open; /* the handler was told on_open, and not on_close */
    bool is_counted;
    bool is_closing;
};

struct web_session {
    struct web_request *request;
};

struct web {
    struct ev_loop *loop;
    struct web_handler handler;
    void *user;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lws_vhost *redirect; /* NULL: none */
    struct web_pages pages;
    struct web_link *oldest;
    struct web_link *newest;
    size_t arriving;
    struct web_client *closing;
    size_t clients;
    size_t clients_max;
    size_t requests;
    char kept[WEB_KEPT_MAX][WEB_KEPT_ROOM]; /* lower case, with the colon */
    size_t kept_count;
    ev_timer tick;
    bool is_tls;
    bool is_ending;
};

extern const char web_subprotocol[]; /* "samlarm.v1" */

/* The protocol list that libwebsockets was given. */
int web_http_event(struct lws *wsi, enum lws_callback_reasons reason, void *session, void *in,
                   size_t len);
int web_redirect_event(struct web *web, struct lws *wsi, enum lws_callback_reasons reason);
int web_ws_event(struct lws *wsi, enum lws_callback_reasons reason, void *session, void *in,
                 size_t len);

/* A header as text; empty when it is absent, too long or not clean. */
struct slice web_header(struct lws *wsi, enum lws_token_indexes token, char *room, size_t len);
/* Is the Origin header our own address? A missing one is `is_missing_fine`. */
bool web_is_own_origin(const struct web *web, struct lws *wsi, bool is_missing_fine);
/* 0, or the HTTP status with which the handshake is refused. */
int web_ws_check(const struct web *web, struct lws *wsi);
void web_ws_tick(struct web *web, int64_t mono_ms);

void web_link_arrived(struct web *web,
                      struct web_link *link); /* it is what it will stay: a websocket */

enum err web_pages_read(const char *folder, struct web_pages *ret_pages, char *ret_why,
                        size_t why_room) MUST_USE;
void web_pages_drop(struct web_pages *pages);
const struct web_page *web_pages_find(const struct web_pages *pages, struct slice path);
