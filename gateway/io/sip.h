/* sip.h - SIP on our ports with libosip2's parser and transaction machines (RFC 3261, RFC 3428).
 *
 * Server: MESSAGE goes to the handler and is answered when sip_answer is called (a retransmission
 * of it gets the same answer from the transaction, or silence while there is none); OPTIONS and
 * REGISTER are answered here; everything else gets 405, broken requests 400 where a Via can be
 * read, else silence and a count. Digest (RFC 2617, MD5) when a user list is configured. Client:
 * sip_request. Answers over the connection that the request came on. Never more bytes to an unknown
 * UDP peer than it sent, when what it sent was broken. At most 512 transactions at once: answered
 * ones give way to new ones, and only when all 512 wait for their answer is 503 said. A MESSAGE is
 * taken whatever its Max-Forwards: an alarm that reached us has reached its goal.
 */
#pragma once

#include "io/port.h"

struct sip;

struct sip_message {
    uint64_t exchange; /* for sip_answer */
    struct slice from_user;
    struct slice type; /* content type without parameters, lower case */
    struct slice body;
    const char *peer;      /* "192.0.2.10:5060;udp": also what sip_request takes */
    const char *transport; /* "udp", "tcp" or "tls" */
};

struct sip_handler {
    void (*on_message)(void *context, const struct sip_message *message);
    /* The final answer to sip_request: status 0 when none came (32 s on UDP, connection lost,
     * refused). */
    void (*on_answer)(void *context, uint32_t tag, int status, struct slice type,
                      struct slice body);
};

struct sip_digest_user {
    const char *user;
    const char *password;
};

struct sip_config {
    const char *name;   /* of the port, for logs and counters */
    const char *listen; /* "127.0.0.1:5060": UDP and TCP; NULL: only dials (ephemeral) */
    bool is_udp;
    bool is_tcp;
    /* What we show and whom we trust. Listening: the TCP side then takes nothing in clear. Only dialling:
     * for peers with ";tls". NULL: neither. */
    const struct port_tls *tls;
    const char *own_user;                /* From user of our own requests: "alarm" */
    const char *realm;                   /* digest */
    const struct sip_digest_user *users; /* ended by user NULL; lives as long; NULL: no digest */
    int64_t request_timeout_ms;          /* 0: 32,000 */
};

enum err sip_open(struct ev_loop *loop, const struct sip_config *config,
                  const struct sip_handler *handler, void *context, struct sip **ret_sip,
                  char *ret_why, size_t why_room) MUST_USE;
/* No callback comes any more, requests without answer included; allowed inside a handler. */
void sip_close(struct sip *sip);
/* ERR_NOT_FOUND: the exchange is over (timed out or already answered); nothing is sent. */
enum err sip_answer(struct sip *sip, uint64_t exchange, int status, const char *type,
                    struct slice body);
/* MESSAGE to `peer` ("host:port;udp|tcp|tls"; an open connection from there is used; ";tls;NAME": its
 * certificate must carry this name instead of the address). `to` and
 * `from`: user or whole URI; empty: as described above. The host is a number: whoever reads a name
 * from a configuration resolves it there (port_address.h). The body is copied. ERR_FULL: too many
 * in flight; ERR_SYNTAX: peer, to or from; ERR_UNSUPPORTED: this port has no UDP, or no TLS. */
enum err sip_request(struct sip *sip, struct slice peer, struct slice to, struct slice from,
                     const char *type, struct slice body, uint32_t tag);
int sip_number(const struct sip *sip); /* the bound port, for tests that bind 0 */
