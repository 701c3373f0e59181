/* port_conn.h - what port.c (listening, dialling) and port_conn.c (bytes) share, and nobody else
 * sees.
 *
 * A conn dies in two steps: it is *doomed* (its reason is set, it reads and writes no more) and
 * later, from the loop and never from inside a call of its user, *buried* (on_close, descriptor,
 * memory).
 */
#pragma once

#include "io/port.h"
#include "io/port_address.h"
#include "io/port_tls.h"

enum { PORT_OUTPUT_MAX = 65536, PORT_INPUT_DEFAULT = 65536, PORT_CONNS_DEFAULT = 64 };

struct conn {
    struct port *port;
    struct conn *next;
    struct ev_io io;
    struct ev_timer deadline; /* dialling, lingering after conn_close, the burial of the doomed */
    void *user;
    char peer[PORT_PEER_ROOM];
    uint8_t *input;
    size_t input_len;
    uint8_t *output; /* bytes sent..output_len wait for the socket; NULL: UDP */
    size_t sent;
    size_t output_len;
    struct tls_talk *talk; /* NULL: in clear, or not begun */
    const char *why;       /* doomed, and why; NULL: alive */
    bool is_connecting;    /* dialled, not yet there: on_open has not been called */
    bool is_shaking;       /* in the TLS handshake: neither */
    bool is_closing;       /* conn_close was called: flush, then hang up */
    int64_t opened_mono_ms;
};

struct port {
    struct ev_loop *loop;
    struct port_handler handler;
    void *context;
    char name[48];
    struct port_address address;
    char address_text[PORT_PEER_ROOM];
    size_t input_max;
    size_t conns_max;
    size_t conn_count;
    struct tls_side *side; /* NULL: in clear */
    char expected[PORT_HOST_ROOM];
    struct conn *conns;
    struct ev_io listener;
    struct ev_timer pause; /* after EMFILE: when to accept again; dialling: when to dial again */
    int64_t backoff_ms;
    int depth; /* handlers running now */
    bool is_udp;
    bool is_dialling;
    bool is_closed; /* port_close was called inside a handler: freed when it returns */
};

/* Takes over `fd`. NULL: no memory; the descriptor is closed. on_open is not called yet. */
struct conn *port_conn_create(struct port *port, int fd, bool is_connecting) MUST_USE;
/* Begins to read, and calls on_open: at once, or with TLS when the handshake is done. */
void port_conn_begin(struct conn *conn);
void port_conn_doom(struct conn *conn, const char *why);
/* on_close if it was opened, then the end. Also doomed conns of a port that closes go this way. */
void port_conn_bury(struct conn *conn, const char *why);
/* Around every call of a handler; leave answers whether the port still lives. */
void port_enter(struct port *port);
bool port_leave(struct port *port);

/* port_conn.c and port_conn_tls.c */
void port_conn_watch(struct conn *conn, int events);
bool port_conn_has_output(const struct conn *conn);
void port_conn_open(struct conn *conn); /* on_open */
/* Gives the input to the handler; afterwards the port may be closed, and the conn gone. */
void port_conn_hand_over(struct conn *conn);
/* Sends what the socket takes. */
void port_conn_write(struct conn *conn);
/* Moves what waits to the front; the room behind it. */
size_t port_conn_room(struct conn *conn);
enum err port_conn_overflow(struct conn *conn); /* the peer does not read */

/* port_conn_tls.c */
void port_conn_shake(struct conn *conn); /* begins the handshake */
void port_conn_shake_late(struct conn *conn);
/* Bytes of the socket; afterwards the port may be closed, and the conn gone. */
void port_conn_take_tls(struct conn *conn, struct slice bytes);
enum err port_conn_send_tls(struct conn *conn, struct slice bytes) MUST_USE;
void port_conn_bye_tls(struct conn *conn);
/* A conn of a dialling port is gone, or never came to be. */
void port_dial_later(struct port *port, bool was_good);
