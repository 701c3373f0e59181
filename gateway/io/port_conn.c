/* port_conn.c - one connection, or the one UDP socket of a port: bytes in, bytes out, the end.
 *
 * Called by port.c and from the loop; conn_* by whoever handles the port. Allocates when a
 * connection begins, never for a packet. With TLS, port_conn_tls.c stands between the socket and both
 * buffers: input holds plain bytes, output what goes to the socket.
 */
#include "io/port_conn.h"

#include "io/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DATAGRAMS_PER_TURN = 32, TLS_PIECE = 16384 };
static const double LINGER_S = 2.0;

static void on_io(struct ev_loop *loop, struct ev_io *io, int revents);
static void on_deadline(struct ev_loop *loop, struct ev_timer *timer, int revents);

void port_conn_watch(struct conn *conn, int events)
{
    struct ev_loop *loop = conn->port->loop;
    if (ev_is_active(&conn->io) && (conn->io.events & (EV_READ | EV_WRITE)) == events) {
        return;
    }
    int fd = conn->io.fd;
    ev_io_stop(loop, &conn->io);
    ev_io_set(&conn->io, fd, events);
    ev_io_start(loop, &conn->io);
}

bool port_conn_has_output(const struct conn *conn)
{
    return conn->sent < conn->output_len;
}

struct conn *port_conn_create(struct port *port, int fd, bool is_connecting)
{
    struct conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        close(fd);
        return NULL;
    }
    conn->input = malloc(port->input_max);
    conn->output = port->is_udp ? NULL : malloc(PORT_OUTPUT_MAX);
    if (conn->input == NULL || (conn->output == NULL && !port->is_udp)) {
        free(conn->input);
        free(conn->output);
        free(conn);
        close(fd);
        return NULL;
    }
    conn->port = port;
    conn->is_connecting = is_connecting;
    conn->opened_mono_ms = loop_now().mono_ms;
    ev_io_init(&conn->io, on_io, fd, is_connecting ? EV_WRITE : EV_READ);
    ev_init(&conn->deadline, on_deadline);
    conn->io.data = conn;
    conn->deadline.data = conn;
    conn->next = port->conns;
    port->conns = conn;
    port->conn_count++;
    return conn;
}

void port_conn_begin(struct conn *conn)
{
    conn->is_connecting = false;
    ev_timer_stop(conn->port->loop, &conn->deadline);
    port_conn_watch(conn, EV_READ);
    if (conn->port->side != NULL) {
        port_conn_shake(conn);
    } else {
        port_conn_open(conn);
    }
}

void port_conn_open(struct conn *conn)
{
    struct port *port = conn->port;
    port_enter(port);
    void *user = port->handler.on_open != NULL
                     ? port->handler.on_open(port->context, conn, conn->peer)
                     : NULL;
    if (!port->is_closed) {
        conn->user = user;
    }
    (void)port_leave(port);
}

void port_conn_doom(struct conn *conn, const char *why)
{
    if (conn->why != NULL) {
        return;
    }
    conn->why = why;
    ev_io_stop(conn->port->loop, &conn->io);
    /* Buried by the loop's next turn, after whoever is on the stack has returned. */
    ev_timer_stop(conn->port->loop, &conn->deadline);
    ev_timer_set(&conn->deadline, 0.0, 0.0);
    ev_timer_start(conn->port->loop, &conn->deadline);
}

static void unlink_conn(struct conn *conn)
{
    for (struct conn **at = &conn->port->conns; *at != NULL; at = &(*at)->next) {
        if (*at == conn) {
            *at = conn->next;
            conn->port->conn_count--;
            return;
        }
    }
}

void port_conn_bury(struct conn *conn, const char *why)
{
    struct port *port = conn->port;
    bool was_open = !conn->is_connecting && !conn->is_shaking;
    bool was_good = was_open && loop_now().mono_ms - conn->opened_mono_ms > 5000;
    if (conn->why == NULL) {
        conn->why = why; /* from here on conn_send and conn_close do nothing */
    }
    unlink_conn(conn);
    ev_io_stop(port->loop, &conn->io);
    ev_timer_stop(port->loop, &conn->deadline);
    if (was_open && port->handler.on_close != NULL) {
        port->handler.on_close(conn->user, conn, conn->why);
    } else if (!was_open && !port->is_closed && port->is_dialling &&
               port->handler.on_refused != NULL) {
        port->handler.on_refused(port->context, conn->why);
    }
    close(conn->io.fd);
    tls_talk_end(conn->talk);
    free(conn->input);
    free(conn->output);
    free(conn);
    if (port->is_dialling && !port->is_udp && !port->is_closed) {
        port_dial_later(port, was_good);
    }
}

/* After a handler's turn: hand over the rest while it takes some, then keep what it left. */
void port_conn_hand_over(struct conn *conn)
{
    struct port *port = conn->port;
    size_t from = 0;
    while (from < conn->input_len) {
        struct slice rest = slice_of(conn->input + from, conn->input_len - from);
        size_t taken = port->handler.on_bytes(conn->user, conn, rest, conn->peer);
        if (port->is_closed || conn->why != NULL || conn->is_closing) {
            return;
        }
        if (taken == 0) {
            break;
        }
        from += taken <= rest.len ? taken : rest.len;
    }
    conn->input_len -= from;
    memmove(conn->input, conn->input + from, conn->input_len);
    if (conn->input_len == port->input_max) {
        count("port_input_full", port->name);
        log_event(LOG_WARN, "port.input_full", "port", port->name, "peer", conn->peer, "why",
                  "the peer sent more bytes than one message may have; the connection is closed",
                  NULL);
        port_conn_doom(conn, "one message was longer than allowed");
    }
}

static bool is_transient(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void read_stream(struct conn *conn)
{
    uint8_t secret[TLS_PIECE];
    bool is_tls = conn->talk != NULL;
    if (conn->is_closing) {
        conn->input_len =
            0; /* nobody reads it any more; it is dropped so that the peer sees our FIN */
    }
    ssize_t got = read(conn->io.fd, is_tls ? secret : conn->input + conn->input_len,
                       is_tls ? sizeof secret : conn->port->input_max - conn->input_len);
    if (got < 0) {
        if (!is_transient(errno)) {
            port_conn_doom(conn, strerrordesc_np(errno));
        }
    } else if (got == 0) {
        port_conn_doom(conn, conn->is_closing ? "closed" : "closed by the peer");
    } else if (is_tls && !conn->is_closing) {
        port_conn_take_tls(conn, slice_of(secret, (size_t)got));
    } else if (!conn->is_closing) {
        conn->input_len += (size_t)got;
        port_conn_hand_over(conn);
    }
}

static void read_datagrams(struct conn *conn)
{
    struct port *port = conn->port;
    for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
        struct sockaddr_storage from = {0};
        socklen_t from_len = sizeof from;
        ssize_t got = recvfrom(conn->io.fd, conn->input, port->input_max, MSG_TRUNC,
                               (struct sockaddr *)&from, &from_len);
        if (got < 0) {
            if (is_transient(errno)) {
                return;
            }
            continue; /* an ICMP error of an earlier datagram: whoever sent it has timers */
        }
        char peer[PORT_PEER_ROOM];
        port_address_text((const struct sockaddr *)&from, peer);
        if ((size_t)got > port->input_max) {
            count("port_input_full", port->name);
            log_event(LOG_WARN, "port.datagram_long", "port", port->name, "peer", peer, "why",
                      "the datagram was longer than allowed and is dropped", NULL);
            continue;
        }
        if (got > 0) {
            (void)port->handler.on_bytes(conn->user, conn, slice_of(conn->input, (size_t)got),
                                         peer);
        }
        if (port->is_closed || conn->why != NULL || conn->is_closing) {
            return;
        }
    }
}

/* All that was sent has left: shut our side, and wait a moment for the peer to see it. A close with
 * bytes unread would be a reset, and the reset would eat our last answer. */
static void hang_up(struct conn *conn)
{
    if (conn->port->is_udp || shutdown(conn->io.fd, SHUT_WR) != 0) {
        port_conn_doom(conn, "closed");
        return;
    }
    port_conn_watch(conn, EV_READ);
}

void port_conn_write(struct conn *conn)
{
    while (port_conn_has_output(conn)) {
        ssize_t put = send(conn->io.fd, conn->output + conn->sent, conn->output_len - conn->sent,
                           MSG_NOSIGNAL);
        if (put < 0) {
            if (!is_transient(errno)) {
                port_conn_doom(conn, strerrordesc_np(errno));
            }
            return;
        }
        conn->sent += (size_t)put;
    }
    conn->sent = conn->output_len = 0;
    if (conn->is_closing) {
        hang_up(conn);
    } else {
        port_conn_watch(conn, EV_READ);
    }
}

static void finish_dialling(struct conn *conn)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(conn->io.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
        port_conn_doom(conn, strerrordesc_np(error != 0 ? error : errno));
        return;
    }
    port_conn_begin(conn);
}

static void on_io(struct ev_loop *loop, struct ev_io *io, int revents)
{
    (void)loop;
    struct conn *conn = io->data;
    struct port *port = conn->port;
    port_enter(port);
    if (conn->is_connecting) {
        finish_dialling(conn);
    } else if (port->is_udp) {
        read_datagrams(conn);
    } else {
        if ((revents & EV_WRITE) != 0) {
            port_conn_write(conn);
        }
        if ((revents & EV_READ) != 0 && conn->why == NULL) {
            read_stream(conn);
        }
    }
    (void)port_leave(port);
}

static void on_deadline(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    struct conn *conn = timer->data;
    struct port *port = conn->port;
    if (conn->why != NULL) {
        port_enter(port);
        port_conn_bury(conn, conn->why);
        (void)port_leave(port);
    } else if (conn->is_connecting) {
        port_conn_doom(conn, "the peer did not answer in time");
    } else if (conn->is_shaking) {
        port_conn_shake_late(conn);
    } else {
        port_conn_doom(conn, port_conn_has_output(conn) ? "the peer does not read" : "closed");
    }
}

size_t port_conn_room(struct conn *conn)
{
    if (conn->sent > 0) {
        memmove(conn->output, conn->output + conn->sent, conn->output_len - conn->sent);
        conn->output_len -= conn->sent;
        conn->sent = 0;
    }
    return PORT_OUTPUT_MAX - conn->output_len;
}

/* Room for `len` more bytes of output. */
static bool make_room(struct conn *conn, size_t len)
{
    return len <= PORT_OUTPUT_MAX - conn->output_len || len <= port_conn_room(conn);
}

enum err port_conn_overflow(struct conn *conn)
{
    count("port_output_full", conn->port->name);
    log_event(LOG_WARN, "port.output_full", "port", conn->port->name, "peer", conn->peer, "why",
              "the peer does not read what it is sent; the connection is closed", NULL);
    port_conn_doom(conn, "the peer does not read");
    return ERR_FULL;
}

enum err conn_send(struct conn *conn, struct slice bytes)
{
    if (conn->why != NULL || conn->is_closing || conn->is_connecting || conn->is_shaking) {
        return ERR_STATE;
    }
    if (conn->talk != NULL) {
        return port_conn_send_tls(conn, bytes);
    }
    ssize_t put = 0;
    if (!port_conn_has_output(conn) && bytes.len > 0) {
        put = send(conn->io.fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (put < 0 && !is_transient(errno)) {
            if (!conn->port->is_udp) {
                port_conn_doom(conn, strerrordesc_np(errno));
            }
            return ERR_IO;
        }
    }
    struct slice rest = slice_from(bytes, put > 0 ? (size_t)put : 0);
    if (rest.len == 0 || conn->port->is_udp) {
        return rest.len == 0 ? ERR_OK : ERR_IO;
    }
    if (!make_room(conn, rest.len)) {
        return port_conn_overflow(conn);
    }
    memcpy(conn->output + conn->output_len, rest.at, rest.len);
    conn->output_len += rest.len;
    port_conn_watch(conn, EV_READ | EV_WRITE);
    return ERR_OK;
}

enum err conn_send_to(struct conn *conn, const char *peer, struct slice bytes)
{
    struct port_address to = {0};
    if (conn->why != NULL || conn->is_closing) {
        return ERR_STATE;
    }
    if (port_address_parse(peer, &to) != ERR_OK) {
        return ERR_SYNTAX;
    }
    ssize_t put = sendto(conn->io.fd, bytes.at, bytes.len, MSG_NOSIGNAL,
                         (const struct sockaddr *)&to.storage, to.len);
    return put == (ssize_t)bytes.len ? ERR_OK : ERR_IO;
}

void conn_close(struct conn *conn)
{
    if (conn->why != NULL || conn->is_closing) {
        return;
    }
    if (conn->talk != NULL) {
        port_conn_bye_tls(conn);
    }
    if (conn->why != NULL) {
        return;
    }
    conn->is_closing = true;
    ev_timer_set(&conn->deadline, LINGER_S, 0.0);
    ev_timer_start(conn->port->loop, &conn->deadline);
    if (!port_conn_has_output(conn)) {
        hang_up(conn);
    }
}
