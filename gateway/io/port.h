/* port.h - TCP, TLS and UDP sockets, listening or dialling: bytes in, bytes out, closed. Understands
 * none.
 *
 * Limits for every port: connections, bytes kept unconsumed, bytes waiting to be sent, and silence
 * (TCP_USER_TIMEOUT 15 s, keep-alive). Addresses are numbers and ports ("127.0.0.1:4001",
 * "[::1]:4001"); a name is resolved once, when the port opens.
 *
 * With TLS, handlers see plain bytes only, and a connection only once its handshake is done, which must
 * come within 10 s. Whoever is refused is counted, and logged with the reason in plain words.
 */
#pragma once

#include "io/loop.h"

struct port;
struct conn; /* one TCP connection, or the one UDP socket of a port */

struct port_handler {
    void *(*on_open)(void *context, struct conn *conn,
                     const char *peer); /* returns the user pointer */
    /* All bytes not yet consumed; answer how many now are. Called again at once while something was
     * consumed and something is left. UDP: one datagram, the answer is ignored. */
    size_t (*on_bytes)(void *user, struct conn *conn, struct slice bytes, const char *peer);
    /* Exactly once per conn that was opened, never from inside conn_send or conn_close. */
    void (*on_close)(void *user, struct conn *conn, const char *why);
    /* Dialling: one attempt failed, the next one follows by itself. May be NULL. */
    void (*on_refused)(void *context, const char *why);
};

/* Must whoever connects show a certificate of his own? */
enum port_tls_client { PORT_TLS_NONE, PORT_TLS_OPTIONAL, PORT_TLS_REQUIRED };

/* Paths of PEM files. */
struct port_tls {
    const char *certificate; /* our own first, then who signed it; dialling: may be NULL */
    const char *key;
    const char *
        ca; /* who may have signed the peer's, or the peer's own; NULL, dialling: the system's list */
    enum port_tls_client client; /* listening */
};

struct tls_side; /* port_tls.h: the same, read already */

struct port_config {
    const char *name;
    const char *address; /* listen or dial */
    bool is_udp;
    bool is_dialling; /* TCP: keeps dialling, 0.3 s to 5 s apart with jitter; UDP: one peer only */
    size_t input_max; /* unconsumed bytes before the connection is closed; 0: 65,536 */
    size_t conns_max; /* 0: 64 */
    const struct port_tls *tls; /* TCP; NULL: in clear */
    struct tls_side
        *side; /* instead of `tls`, for ports that share one; held while the port lives */
    const char
        *expected; /* dialling with TLS: whom the certificate must name; NULL: the address's host */
};

enum err port_open(struct ev_loop *loop, const struct port_config *config,
                   const struct port_handler *handler, void *context, struct port **ret_port,
                   char *ret_why, size_t why_room) MUST_USE;
/* Closes all its connections, on_close of each included; allowed inside a handler. NULL is fine. */
void port_close(struct port *port);
/* TCP, and UDP that dials. ERR_FULL: the peer does not read; the connection is closed. ERR_STATE:
 * it is closing already. */
enum err conn_send(struct conn *conn, struct slice bytes);
/* UDP. ERR_SYNTAX: not an address and a port in numbers. What the kernel does not take is lost. */
enum err conn_send_to(struct conn *conn, const char *peer, struct slice bytes);
void conn_close(struct conn *conn);       /* after what was sent; on_close follows */
int port_number(const struct port *port); /* the bound port, for tests that bind 0 */
