/* port_conn_tls.c - one connection with TLS: the handshake, plain bytes in, secret bytes out.
 *
 * Called by port_conn.c. Two steps must not be confused: a handshake that fails was never opened for the
 * handler, a connection that breaks later was. What TLS wants to say leaves through the same output as
 * everything else, so that the same ceiling holds.
 */
#include "io/port_conn.h"

#include "io/log.h"

enum { SHAKE_S = 10, WRITE_PIECE = 16384 };

/* ERR_FULL, ERR_IO: the connection is doomed. */
static enum err flush(struct conn *conn)
{
    while (conn->why == NULL && tls_talk_waiting(conn->talk) > 0) {
        size_t room = port_conn_room(conn);
        if (room == 0) {
            return port_conn_overflow(conn);
        }
        conn->output_len += tls_talk_pull(conn->talk, conn->output + conn->output_len, room);
        port_conn_write(conn);
    }
    if (conn->why == NULL && port_conn_has_output(conn)) {
        port_conn_watch(conn, EV_READ | EV_WRITE);
    }
    return conn->why == NULL ? ERR_OK : ERR_IO;
}

/* Lines of one name are limited: a flood of strangers must not hide that a centre was refused. */
static void say(const struct conn *conn, const char *why, const char *whose)
{
    log_event(LOG_WARN, conn->port->is_dialling ? "tls.dial_refused" : "tls.refused", "port",
              conn->port->name, "peer", conn->peer, "why", why,
              *whose == '\0' ? NULL : "certificate", whose, NULL);
}

/* One line and one counter for whoever is refused; the alert that tells him leaves first. */
static void refuse(struct conn *conn, enum err err)
{
    const char *why = tls_talk_why(conn->talk);
    const char *counter = err == ERR_AUTH       ? "tls_certificate_refused"
                          : err == ERR_NOT_MINE ? "tls_clear_text"
                                                : "tls_broken";
    count(counter, conn->port->name);
    say(conn, why, tls_talk_subject(conn->talk));
    (void)flush(conn);
    port_conn_doom(conn, why);
}

void port_conn_shake_late(struct conn *conn)
{
    static const char why[] = "the TLS handshake did not end within 10 s";
    count("tls_timeout", conn->port->name);
    say(conn, why, "");
    port_conn_doom(conn, why);
}

/* As far as the bytes that are there lead. True: the handler knows the connection, and may have closed it,
 * or the port. */
static bool shake(struct conn *conn)
{
    enum err err = tls_talk_shake(conn->talk);
    if (err != ERR_OK && err != ERR_MORE) {
        refuse(conn, err);
        return false;
    }
    if (flush(conn) != ERR_OK || err == ERR_MORE) {
        return false;
    }
    conn->is_shaking = false;
    ev_timer_stop(conn->port->loop, &conn->deadline);
    count("tls_opened", conn->port->name);
    port_conn_open(conn);
    return true;
}

void port_conn_shake(struct conn *conn)
{
    struct port *port = conn->port;
    conn->is_shaking = true;
    conn->talk = tls_talk_begin(port->side, port->is_dialling ? port->expected : NULL);
    if (conn->talk == NULL) {
        port_conn_doom(conn, "there is no memory for TLS");
        return;
    }
    ev_timer_set(&conn->deadline, SHAKE_S, 0.0);
    ev_timer_start(port->loop, &conn->deadline);
    (void)shake(conn); /* whoever dials speaks first */
}

void port_conn_take_tls(struct conn *conn, struct slice bytes)
{
    struct port *port = conn->port;
    enum err err = tls_talk_take(conn->talk, bytes);
    if (err != ERR_OK) {
        refuse(conn, err);
        return;
    }
    if (conn->is_shaking && !shake(conn)) {
        return;
    }
    while (err == ERR_OK) {
        size_t got = 0;
        if (port->is_closed || conn->why != NULL || conn->is_closing) {
            return;
        }
        err = tls_talk_read(conn->talk, conn->input + conn->input_len,
                            port->input_max - conn->input_len, &got);
        if (err == ERR_OK) {
            conn->input_len += got;
            port_conn_hand_over(conn);
        }
    }
    if (err == ERR_NOT_FOUND) {
        tls_talk_bye(conn->talk);
        (void)flush(conn);
        port_conn_doom(conn, "closed by the peer");
    } else if (err != ERR_MORE) {
        refuse(conn, err);
    } else {
        (void)flush(conn); /* new keys are answered */
    }
}

enum err port_conn_send_tls(struct conn *conn, struct slice bytes)
{
    while (bytes.len > 0) {
        struct slice piece = slice_of(bytes.at, bytes.len < WRITE_PIECE ? bytes.len : WRITE_PIECE);
        enum err err = tls_talk_write(conn->talk, piece);
        if (err != ERR_OK) {
            refuse(conn, err);
            return ERR_IO;
        }
        err = flush(conn);
        if (err != ERR_OK) {
            return err;
        }
        bytes = slice_from(bytes, piece.len);
    }
    return ERR_OK;
}

void port_conn_bye_tls(struct conn *conn)
{
    tls_talk_bye(conn->talk);
    (void)flush(conn);
}
