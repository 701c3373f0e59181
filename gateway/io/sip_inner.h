/* sip_inner.h - what the SIP files share, and nobody else sees.
 *
 *   port.c -> sip_transport.c -> sip_server.c (requests)  -> the user's on_message
 *                             -> sip_client.c (responses) -> the user's on_answer
 *   sip.c: opening, closing, libosip2's machines and their timer
 *
 * A *deal* is one transaction: a MESSAGE that came or one that we sent. libosip2 is never called
 * from inside its own callbacks, and the user never from inside libosip2: callbacks take notes in
 * the deal, sip_run acts on them afterwards.
 */
#pragma once

#include <sys/time.h> /* libosip2's headers rely on it */
#include <time.h>

#include <osip2/osip.h>

#include "io/port.h"
#include "io/port_address.h"
#include "io/port_tls.h"
#include "io/sip.h"
#include "io/sip_digest.h"
#include "io/sip_frame.h"

enum {
    SIP_DEALS_MAX = 512,
    SIP_LINKS_MAX = 512, /* TCP connections that came */
    SIP_DIALS_MAX = 64,  /* TCP connections that we made */
    SIP_MESSAGE_MAX = SIP_HEAD_MAX + SIP_BODY_MAX,
    SIP_UNANSWERED_MS =
        64000, /* a MESSAGE that nobody answers is forgotten: its sender has given up */
    SIP_COMPLETED_MS = 32000, /* timer J on UDP: how long an answer is repeated */
    SIP_PATIENCE_MS = 15000   /* a message begun on TCP must have come by then */
};

/* A TCP connection, or the UDP socket. */
struct sip_link {
    struct sip *sip;
    struct sip_link *next;
    struct conn *conn;    /* NULL: dialling */
    struct port *dialled; /* ours to close; NULL: it came to us */
    struct ev_timer patience;
    char peer[PORT_PEER_ROOM];
    char expected
        [PORT_HOST_ROOM]; /* TLS: whom the certificate names, or where the connection came from */
    bool is_udp;
    bool is_tls;
};

enum deal_kind { DEAL_FREE, DEAL_SERVER, DEAL_CLIENT };

struct sip_deal {
    enum deal_kind kind;
    uint64_t exchange; /* low 9 bits: the place in the table */
    osip_transaction_t *transaction;
    struct sip_link *link; /* NULL: UDP, or the connection is gone */
    bool is_udp;
    char peer[PORT_PEER_ROOM];
    int64_t born_mono_ms;
    bool is_over; /* libosip2 has finished with it */

    /* server */
    uint8_t print[DIGEST_PRINT];
    char *head; /* lines of the answer, see sip_reply_put_head */
    size_t head_len;
    bool is_answered;

    /* client */
    uint32_t tag;
    bool is_sent; /* TCP: handed to the connection */
    bool is_done; /* the result is known */
    bool is_told; /* and was told */
    bool is_telling;
    const osip_message_t *final; /* belongs to the transaction; NULL: none came */
};

struct sip {
    struct ev_loop *loop;
    struct sip_handler handler;
    void *context;
    char name[48];
    char own_user[64];
    int64_t request_timeout_ms;
    struct port *udp;
    struct port *tcp;           /* with TLS, or in clear */
    struct tls_side *dial_side; /* for peers with ";tls"; NULL: there are none */
    bool is_tls;                /* `tcp` takes nothing in clear */
    struct sip_link *udp_link;
    struct sip_link *links; /* TCP */
    size_t dial_count;
    osip_t *osip;
    struct ev_timer timer;
    struct sip_digest *digest; /* NULL: none is asked for */
    uint8_t key[32];
    uint64_t next_exchange;
    struct sip_deal deals[SIP_DEALS_MAX];
    uint8_t text[SIP_MESSAGE_MAX]; /* where answers and requests are written */
    int depth;
    bool is_closed;
};

/* sip.c */
void sip_enter(struct sip *sip);
void sip_leave(struct sip *sip); /* after it `sip` may be gone */
/* Lets all machines run, tells results, forgets what is over, sets the timer. */
void sip_run(struct sip *sip);
/* The same for one deal that got an event: an alarm does not pay for the 500 that linger. */
void sip_run_one(struct sip *sip, struct sip_deal *deal);
/* Lets all of them run at the latest so many milliseconds from now. */
void sip_run_within(struct sip *sip, int64_t delay_ms);
/* A free place; the oldest finished deal gives way. NULL: all 512 are waiting. */
struct sip_deal *sip_deal_take(struct sip *sip, enum deal_kind kind);
void sip_deal_release(struct sip_deal *deal);
/* One line and one counter for what is refused or ignored. */
void sip_note(const struct sip *sip, const char *counter, const char *peer, const char *why);

/* sip_transport.c */
enum err sip_transport_open(struct sip *sip, const struct sip_config *config, char *ret_why,
                            size_t why_room) MUST_USE;
void sip_transport_close(struct sip *sip);
/* libosip2's way out: 0 sent, 1 not yet (dialling), -1 lost. */
int sip_transport_send(osip_transaction_t *transaction, osip_message_t *message, char *host,
                       int port, int socket);
void sip_transport_put(struct sip *sip, struct sip_link *link, const char *peer,
                       struct slice bytes);
/* The connection with `peer`, dialled if there is none. `expected`: whom its certificate must name, NULL:
 * in clear. NULL: too many, or not an address. */
struct sip_link *sip_transport_reach(struct sip *sip, const char *peer,
                                     const char *expected) MUST_USE;
/* Our address as `peer` sees it, without port, in brackets if IPv6; `ret_host` has PORT_PEER_ROOM.
 */
void sip_transport_own_host(const char *peer, char *ret_host);

/* sip_server.c, sip_client.c */
void sip_server_refuse(struct sip *sip, const struct sip_frame *frame, struct sip_link *link,
                       const char *peer, int status, const char *why);
void sip_server_take(struct sip *sip, const struct sip_frame *frame, struct sip_link *link,
                     const char *peer);
void sip_client_take(struct sip *sip, const struct sip_frame *frame, struct slice bytes,
                     const char *peer);
/* Callbacks of libosip2 for our own requests; they only take notes. */
void sip_client_watch(osip_t *osip);
/* A dialled or used connection is up, or gone: what waits there is sent, or has failed. */
void sip_client_link_up(struct sip_link *link);
void sip_client_tell(struct sip *sip);
