/* port.c - ports: one that listens takes connections, one that dials keeps one connection up.
 *
 * Called by the doors, by SIP and by the stubs. Understands no byte of what passes.
 */
#include "io/port_conn.h"

#include "io/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ACCEPTS_PER_TURN = 16, DIAL_FIRST_MS = 300, DIAL_LAST_MS = 5000, SILENCE_MS = 15000 };
static const double DIAL_TIMEOUT_S = 5.0;
static const double ACCEPT_PAUSE_S = 0.1;

static void set_option(int fd, int level, int name, int value)
{
    /* An option the kernel refuses costs comfort, not correctness: heartbeats stand above it. */
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

static void tune_stream(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, SILENCE_MS);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

void port_enter(struct port *port)
{
    port->depth++;
}

bool port_leave(struct port *port)
{
    port->depth--;
    if (!port->is_closed) {
        return true;
    }
    if (port->depth == 0) {
        tls_side_drop(port->side);
        free(port);
    }
    return false;
}

static void dial(struct port *port)
{
    int kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = socket(port->address.storage.ss_family, kind, 0);
    if (fd < 0) {
        log_event(LOG_WARN, "port.dial_failed", "port", port->name, "why", strerrordesc_np(errno),
                  NULL);
        port_dial_later(port, false);
        return;
    }
    tune_stream(fd);
    int failed = connect(fd, (const struct sockaddr *)&port->address.storage, port->address.len);
    int error = errno;
    struct conn *conn = port_conn_create(port, fd, true);
    if (conn == NULL) {
        port_dial_later(port, false);
        return;
    }
    (void)slice_text(slice_str(port->address_text), conn->peer, sizeof conn->peer);
    if (failed != 0 && error != EINPROGRESS) {
        port_conn_doom(conn, strerrordesc_np(error));
        return;
    }
    ev_io_start(port->loop, &conn->io);
    ev_timer_set(&conn->deadline, DIAL_TIMEOUT_S, 0.0);
    ev_timer_start(port->loop, &conn->deadline);
}

void port_dial_later(struct port *port, bool was_good)
{
    if (was_good || port->backoff_ms == 0) {
        port->backoff_ms = DIAL_FIRST_MS;
    }
    /* Between 75 and 125 per cent, so that a hundred homes do not knock in step. */
    int64_t delay_ms = port->backoff_ms * (75 + (int64_t)randombytes_uniform(51)) / 100;
    port->backoff_ms = port->backoff_ms * 2 < DIAL_LAST_MS ? port->backoff_ms * 2 : DIAL_LAST_MS;
    ev_timer_stop(port->loop, &port->pause);
    ev_timer_set(&port->pause, (double)delay_ms / 1000.0, 0.0);
    ev_timer_start(port->loop, &port->pause);
}

static void on_pause_over(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
    (void)revents;
    struct port *port = timer->data;
    if (port->is_dialling) {
        dial(port);
    } else {
        ev_io_start(loop, &port->listener);
    }
}

/* Out of descriptors: those who wait in the backlog keep waiting; the loop must not spin on them.
 */
static void pause_accepting(struct port *port, int error)
{
    count("port_accept_paused", port->name);
    log_event(LOG_ERROR, "port.accept_paused", "port", port->name, "why", strerrordesc_np(error),
              "do", "raise the limit of open files (LimitNOFILE) or find out who opens so many",
              NULL);
    ev_io_stop(port->loop, &port->listener);
    ev_timer_set(&port->pause, ACCEPT_PAUSE_S, 0.0);
    ev_timer_start(port->loop, &port->pause);
}

static void take(struct port *port, int fd, const struct sockaddr *from)
{
    char peer[PORT_PEER_ROOM];
    port_address_text(from, peer);
    if (port->conn_count >= port->conns_max) {
        count("port_conns_full", port->name);
        log_event(LOG_WARN, "port.conns_full", "port", port->name, "peer", peer, "why",
                  "as many connections as allowed are open; this one is refused", NULL);
        close(fd);
        return;
    }
    tune_stream(fd);
    struct conn *conn = port_conn_create(port, fd, false);
    if (conn != NULL) {
        (void)slice_text(slice_str(peer), conn->peer, sizeof conn->peer);
        port_conn_begin(conn);
    }
}

static void on_accept(struct ev_loop *loop, struct ev_io *io, int revents)
{
    (void)loop;
    (void)revents;
    struct port *port = io->data;
    port_enter(port);
    for (int i = 0; i < ACCEPTS_PER_TURN && !port->is_closed; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof from;
        int fd = accept4(io->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take(port, fd, (const struct sockaddr *)&from);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(port, errno);
            break;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            break;
        }
    }
    (void)port_leave(port);
}

static enum err refuse(struct port *port, int fd, const char *what, char *ret_why, size_t why_room)
{
    int error = errno;
    snprintf(ret_why, why_room, "port %s cannot %s %s: %s%s", port->name, what, port->address_text,
             strerrordesc_np(error),
             error == EADDRINUSE ? "; stop the other program or choose another address" : "");
    if (fd >= 0) {
        close(fd);
    }
    return ERR_IO;
}

static enum err open_udp(struct port *port, char *ret_why, size_t why_room)
{
    int kind = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = socket(port->address.storage.ss_family, kind, 0);
    if (fd < 0) {
        return refuse(port, fd, "open", ret_why, why_room);
    }
    const struct sockaddr *address = (const struct sockaddr *)&port->address.storage;
    if (address->sa_family == AF_INET6) {
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    set_option(fd, SOL_SOCKET, SO_RCVBUF, 1 << 20); /* a burst of alarms while the loop is busy */
    int failed = port->is_dialling ? connect(fd, address, port->address.len)
                                   : bind(fd, address, port->address.len);
    if (failed != 0) {
        return refuse(port, fd, port->is_dialling ? "reach" : "listen on", ret_why, why_room);
    }
    struct conn *conn = port_conn_create(port, fd, false);
    if (conn == NULL) {
        return refuse(port, -1, "open", ret_why, why_room);
    }
    (void)slice_text(slice_str(port->address_text), conn->peer, sizeof conn->peer);
    return ERR_OK;
}

static enum err open_listener(struct port *port, char *ret_why, size_t why_room)
{
    int kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = socket(port->address.storage.ss_family, kind, 0);
    if (fd < 0) {
        return refuse(port, fd, "open", ret_why, why_room);
    }
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (port->address.storage.ss_family == AF_INET6) {
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    const struct sockaddr *address = (const struct sockaddr *)&port->address.storage;
    if (bind(fd, address, port->address.len) != 0 || listen(fd, 256) != 0) {
        return refuse(port, fd, "listen on", ret_why, why_room);
    }
    ev_io_init(&port->listener, on_accept, fd, EV_READ);
    port->listener.data = port;
    ev_io_start(port->loop, &port->listener);
    return ERR_OK;
}

/* What we show and whom we trust; dialling also whom the certificate must name. */
static enum err open_side(struct port *port, const struct port_config *config, char *ret_why,
                          size_t why_room)
{
    int number = 0;
    if (config->tls == NULL && config->side == NULL) {
        return ERR_OK;
    }
    if (config->is_udp) {
        snprintf(ret_why, why_room, "port %s cannot have TLS over UDP", port->name);
        return ERR_UNSUPPORTED;
    }
    enum err err =
        config->expected != NULL
            ? slice_text(slice_str(config->expected), port->expected, sizeof port->expected)
            : port_address_split(config->address, port->expected, &number);
    if (err != ERR_OK) {
        snprintf(ret_why, why_room, "port %s: the name that a certificate must carry is too long",
                 port->name);
        return ERR_RANGE;
    }
    if (config->side != NULL) {
        port->side = tls_side_hold(config->side);
        return ERR_OK;
    }
    return tls_side_open(port->name, config->tls, config->is_dialling, &port->side, ret_why,
                         why_room);
}

enum err port_open(struct ev_loop *loop, const struct port_config *config,
                   const struct port_handler *handler, void *context, struct port **ret_port,
                   char *ret_why, size_t why_room)
{
    struct port *port = calloc(1, sizeof *port);
    if (port == NULL) {
        snprintf(ret_why, why_room, "no memory for port %s", config->name);
        return ERR_FULL;
    }
    port->loop = loop;
    port->handler = *handler;
    port->context = context;
    port->is_udp = config->is_udp;
    port->is_dialling = config->is_dialling;
    port->input_max = config->input_max != 0 ? config->input_max : PORT_INPUT_DEFAULT;
    port->conns_max = config->conns_max != 0 ? config->conns_max : PORT_CONNS_DEFAULT;
    port->listener.fd = -1;
    (void)slice_text(slice_str(config->name), port->name, sizeof port->name);
    ev_init(&port->pause, on_pause_over);
    port->pause.data = port;
    enum err err =
        port_address_resolve(config->address, config->is_udp, &port->address, ret_why, why_room);
    err = err == ERR_OK ? open_side(port, config, ret_why, why_room) : err;
    if (err == ERR_OK) {
        port_address_text((const struct sockaddr *)&port->address.storage, port->address_text);
        if (port->is_udp) {
            err = open_udp(port, ret_why, why_room);
        } else if (port->is_dialling) {
            dial(port);
        } else {
            err = open_listener(port, ret_why, why_room);
        }
    }
    if (err != ERR_OK) {
        tls_side_drop(port->side);
        free(port);
        return err;
    }
    *ret_port = port; /* before on_open: a handler may ask */
    if (port->is_udp) {
        port_conn_begin(port->conns);
    }
    return ERR_OK;
}

void port_close(struct port *port)
{
    if (port == NULL || port->is_closed) {
        return;
    }
    port_enter(port);
    port->is_closed = true;
    ev_timer_stop(port->loop, &port->pause);
    if (port->listener.fd >= 0) {
        ev_io_stop(port->loop, &port->listener);
        close(port->listener.fd);
    }
    while (port->conns != NULL) {
        port_conn_bury(port->conns, "the port is closed");
    }
    (void)port_leave(port);
}

int port_number(const struct port *port)
{
    int fd = port->is_udp && port->conns != NULL ? port->conns->io.fd : port->listener.fd;
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof bound;
    if (fd < 0 || getsockname(fd, (struct sockaddr *)&bound, &len) != 0) {
        return 0;
    }
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;
    memcpy(&v6, &bound, sizeof v6);
    memcpy(&v4, &bound, sizeof v4);
    return ntohs(bound.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}
