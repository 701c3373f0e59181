/* sip_transport.c - SIP messages over our ports: datagrams, streams cut into messages, dialling.
 *
 * Called from the loop through port.c, and by sip_server.c and sip_client.c to send. Decides
 * nothing.
 */
#include "io/sip_inner.h"

#include "io/log.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void drop_link(struct sip_link *link)
{
    struct sip *sip = link->sip;
    for (size_t i = 0; i < SIP_DEALS_MAX; i++) {
        struct sip_deal *deal = &sip->deals[i];
        if (deal->kind != DEAL_FREE && deal->link == link) {
            deal->link = NULL;
            if (deal->kind == DEAL_CLIENT && !deal->is_done) {
                deal->is_done = deal->is_over = true;
            }
        }
    }
    for (struct sip_link **at = &sip->links; *at != NULL; at = &(*at)->next) {
        if (*at == link) {
            *at = link->next;
            break;
        }
    }
    ev_timer_stop(sip->loop, &link->patience);
    if (sip->udp_link == link) {
        sip->udp_link = NULL;
    }
    if (link->dialled != NULL) {
        sip->dial_count--;
    }
    free(link);
}

static void on_patience_over(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    struct sip_link *link = timer->data;
    sip_note(link->sip, "sip_stream_stalled", link->peer,
             "a message was begun and did not end within 15 s; the connection is closed");
    conn_close(link->conn);
}

static struct sip_link *add_link(struct sip *sip, struct conn *conn, const char *peer, bool is_udp)
{
    struct sip_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return NULL;
    }
    link->sip = sip;
    link->conn = conn;
    link->is_udp = is_udp;
    (void)slice_text(slice_str(peer), link->peer, sizeof link->peer);
    ev_timer_init(&link->patience, on_patience_over, (double)SIP_PATIENCE_MS / 1000.0, 0.0);
    link->patience.data = link;
    if (!is_udp) {
        link->next = sip->links;
        sip->links = link;
    }
    return link;
}

/* What is framed goes to the side that it is for. */
static void take(struct sip_link *link, const struct sip_frame *frame, struct slice bytes,
                 const char *peer)
{
    struct sip *sip = link->sip;
    if (frame->is_response) {
        sip_client_take(sip, frame, bytes, peer);
        return;
    }
    const char *why = NULL;
    int status = sip_frame_check(frame, &why);
    if (status != 0) {
        sip_server_refuse(sip, frame, link, peer, status, why);
    } else {
        sip_server_take(sip, frame, link, peer);
    }
}

static const char *framing_fault(const struct sip_frame *frame, enum err err)
{
    if (err == ERR_RANGE) {
        return "head or body is longer than allowed";
    }
    return frame->is_length_wrong ? "Content-Length is missing, not a number, or not what came"
                                  : "there is no end of the headers, or there are too many of them";
}

static void take_unframed(struct sip_link *link, const struct sip_frame *frame, enum err err,
                          const char *peer)
{
    const char *why = framing_fault(frame, err);
    if (frame->is_response) {
        sip_note(link->sip, "sip_response_ignored", peer, why);
        return;
    }
    sip_server_refuse(link->sip, frame, link, peer, err == ERR_RANGE ? 413 : 400, why);
}

static void *on_datagram_open(void *context, struct conn *conn, const char *peer)
{
    struct sip *sip = context;
    sip->udp_link = add_link(sip, conn, peer, true);
    return sip->udp_link;
}

static size_t on_datagram(void *user, struct conn *conn, struct slice bytes, const char *peer)
{
    (void)conn;
    struct sip_link *link = user;
    struct sip *sip = link->sip;
    size_t len = bytes.len;
    struct sip_frame frame = {0};
    bytes = slice_from(bytes, sip_frame_blank(bytes));
    if (bytes.len == 0 || bytes.at[0] == 0) {
        count("sip_keepalive", sip->name);
        return len;
    }
    sip_enter(sip);
    enum err err = sip_frame_cut(bytes, false, &frame);
    if (err == ERR_OK) {
        take(link, &frame, bytes, peer);
    } else {
        take_unframed(link, &frame, err, peer);
    }
    sip_leave(sip);
    return len;
}

static void *on_stream_open(void *context, struct conn *conn, const char *peer)
{
    struct sip *sip = context;
    struct sip_link *link = add_link(sip, conn, peer, false);
    int number = 0;
    if (link == NULL || port_address_split(peer, link->expected, &number) != ERR_OK) {
        conn_close(conn);
        return link;
    }
    link->is_tls = sip->is_tls;
    return link;
}

/* As many messages as are there; a link that is closing takes none. Returns the bytes used. */
static size_t cut_stream(struct sip_link *link, struct slice bytes, const char *peer)
{
    struct sip *sip = link->sip;
    size_t used = 0;
    while (!sip->is_closed) {
        struct slice rest = slice_from(bytes, used);
        size_t blank = sip_frame_blank(rest);
        if (blank >= 4 && blank == rest.len) {
            (void)conn_send(link->conn, slice_str("\r\n")); /* RFC 5626, 3.5.1: pong */
        }
        used += blank;
        rest = slice_from(rest, blank);
        if (rest.len == 0) {
            break;
        }
        struct sip_frame frame = {0};
        enum err err = sip_frame_cut(rest, true, &frame);
        if (err == ERR_MORE) {
            break;
        }
        if (err != ERR_OK) {
            take_unframed(link, &frame, err, peer);
            if (!sip->is_closed) {
                conn_close(link->conn); /* where the next message begins, nobody knows */
            }
            return bytes.len;
        }
        used += frame.len;
        take(link, &frame, slice_of(rest.at, frame.len), peer);
    }
    return used;
}

static size_t on_stream(void *user, struct conn *conn, struct slice bytes, const char *peer)
{
    (void)conn;
    struct sip_link *link = user;
    if (link == NULL) {
        return bytes.len;
    }
    struct sip *sip = link->sip;
    sip_enter(sip);
    size_t used = cut_stream(link, bytes, peer);
    if (!sip->is_closed) {
        if (used == bytes.len) {
            ev_timer_stop(sip->loop, &link->patience);
        } else if (used > 0 || !ev_is_active(&link->patience)) {
            ev_timer_stop(sip->loop, &link->patience);
            ev_timer_set(&link->patience, (double)SIP_PATIENCE_MS / 1000.0, 0.0);
            ev_timer_start(sip->loop, &link->patience);
        }
    }
    sip_leave(sip);
    return used;
}

static void on_link_close(void *user, struct conn *conn, const char *why)
{
    (void)conn;
    (void)why;
    struct sip_link *link = user;
    if (link == NULL) {
        return;
    }
    struct sip *sip = link->sip;
    struct port *dialled = link->dialled;
    sip_enter(sip);
    drop_link(link);
    port_close(dialled); /* once; whoever wants to send again dials again */
    if (!sip->is_closed) {
        sip_run(sip);
    }
    sip_leave(sip);
}

static void *on_dial_open(void *context, struct conn *conn, const char *peer)
{
    (void)peer;
    struct sip_link *link = context;
    struct sip *sip = link->sip;
    link->conn = conn;
    sip_enter(sip);
    sip_client_link_up(link);
    sip_leave(sip);
    return link;
}

static void on_dial_refused(void *context, const char *why)
{
    struct sip_link *link = context;
    sip_note(link->sip, "sip_dial_refused", link->peer, why);
    on_link_close(link, NULL, why);
}

enum err sip_transport_open(struct sip *sip, const struct sip_config *config, char *ret_why,
                            size_t why_room)
{
    static const struct port_handler datagrams = {on_datagram_open, on_datagram, on_link_close,
                                                  NULL};
    static const struct port_handler streams = {on_stream_open, on_stream, on_link_close, NULL};
    char host[PORT_HOST_ROOM];
    char address[PORT_HOST_ROOM + 16];
    int number = 0;
    struct port_config port = {.name = config->name,
                               .address = config->listen,
                               .input_max = SIP_MESSAGE_MAX,
                               .conns_max = SIP_LINKS_MAX};
    enum err err = ERR_OK;
    if (config->listen == NULL && config->tls != NULL) {
        err = tls_side_open(config->name, config->tls, true, &sip->dial_side, ret_why, why_room);
    }
    if (err == ERR_OK && config->listen != NULL && config->is_tcp) {
        port.tls = config->tls;
        sip->is_tls = config->tls != NULL;
        err = port_open(sip->loop, &port, &streams, sip, &sip->tcp, ret_why, why_room);
    }
    if (err != ERR_OK || !config->is_udp) {
        return err;
    }
    port.tls = NULL;
    port.is_udp = true;
    port.input_max = 0;
    port.address = config->listen != NULL ? config->listen : "0.0.0.0:0";
    if (sip->tcp != NULL && port_address_split(config->listen, host, &number) == ERR_OK) {
        /* "any" was the wish: both transports then get the same number. */
        snprintf(address, sizeof address, strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d", host,
                 number != 0 ? number : port_number(sip->tcp));
        port.address = address;
    }
    err = port_open(sip->loop, &port, &datagrams, sip, &sip->udp, ret_why, why_room);
    if (err == ERR_OK && sip->udp_link == NULL) {
        snprintf(ret_why, why_room, "no memory for port %s", config->name);
        err = ERR_FULL;
    }
    return err;
}

void sip_transport_close(struct sip *sip)
{
    port_close(sip->udp);
    port_close(sip->tcp);
    sip->udp = NULL;
    sip->tcp = NULL;
    while (sip->links != NULL) { /* those that we dialled */
        struct sip_link *link = sip->links;
        struct port *dialled = link->dialled;
        if (link->conn == NULL) {
            drop_link(link);
        }
        port_close(dialled);
    }
    tls_side_drop(sip->dial_side);
    sip->dial_side = NULL;
}

struct sip_link *sip_transport_reach(struct sip *sip, const char *peer, const char *expected)
{
    static const struct port_handler dials = {on_dial_open, on_stream, on_link_close,
                                              on_dial_refused};
    for (struct sip_link *link = sip->links; link != NULL; link = link->next) {
        bool is_fit = expected == NULL ? !link->is_tls
                                       : link->is_tls && strcmp(link->expected, expected) == 0;
        if (is_fit && strcmp(link->peer, peer) == 0) {
            return link;
        }
    }
    struct port_address numbers;
    bool is_answer = expected != NULL && sip->dial_side == NULL; /* to whom has gone */
    if (sip->dial_count >= SIP_DIALS_MAX || is_answer ||
        port_address_parse(peer, &numbers) != ERR_OK) {
        return NULL;
    }
    struct sip_link *link = add_link(sip, NULL, peer, false);
    if (link == NULL) {
        return NULL;
    }
    char why[256];
    struct port_config config = {.name = sip->name,
                                 .address = peer,
                                 .is_dialling = true,
                                 .input_max = SIP_MESSAGE_MAX,
                                 .side = expected != NULL ? sip->dial_side : NULL,
                                 .expected = expected};
    link->is_tls = expected != NULL;
    (void)slice_text(slice_str(expected), link->expected, sizeof link->expected);
    sip->dial_count++;
    if (port_open(sip->loop, &config, &dials, link, &link->dialled, why, sizeof why) != ERR_OK) {
        sip->dial_count--;
        drop_link(link);
        return NULL;
    }
    return link;
}

void sip_transport_put(struct sip *sip, struct sip_link *link, const char *peer, struct slice bytes)
{
    enum err err =
        link->is_udp ? conn_send_to(link->conn, peer, bytes) : conn_send(link->conn, bytes);
    if (err != ERR_OK) {
        sip_note(sip, "sip_send_failed", peer, "an answer could not be sent");
    }
}

int sip_transport_send(osip_transaction_t *transaction, osip_message_t *message, char *host,
                       int port, int socket)
{
    (void)host;
    (void)port;
    (void)socket;
    struct sip_deal *deal = osip_transaction_get_reserved1(transaction);
    struct sip *sip = osip_get_application_context(transaction->config);
    char *text = NULL;
    size_t len = 0;
    if (deal->is_udp ? sip->udp_link == NULL : deal->link == NULL) {
        return -1;
    }
    if (!deal->is_udp && deal->link->conn == NULL) {
        return 1;
    }
    if (deal->is_sent) {
        return 0; /* a stream repeats nothing */
    }
    if (osip_message_to_str(message, &text, &len) != OSIP_SUCCESS) {
        return -1;
    }
    struct slice bytes = slice_of(text, len);
    enum err err = deal->is_udp ? conn_send_to(sip->udp_link->conn, deal->peer, bytes)
                                : conn_send(deal->link->conn, bytes);
    osip_free(text);
    deal->is_sent = !deal->is_udp && deal->kind == DEAL_CLIENT && err == ERR_OK;
    if (err == ERR_IO && deal->is_udp) {
        return 0; /* as if lost on the way: the timers repeat it */
    }
    return err == ERR_OK ? 0 : -1;
}

void sip_transport_own_host(const char *peer, char *ret_host)
{
    struct port_address to;
    struct sockaddr_storage own = {.ss_family = AF_INET};
    socklen_t len = sizeof own;
    if (port_address_parse(peer, &to) == ERR_OK) {
        /* A datagram socket that is connected sends nothing, and knows the way out. */
        int fd = socket(to.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (const struct sockaddr *)&to.storage, to.len) == 0) {
            (void)getsockname(fd, (struct sockaddr *)&own, &len);
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    port_address_text((const struct sockaddr *)&own, ret_host);
    char *colon = strrchr(ret_host, ':');
    if (colon != NULL) {
        *colon = '\0';
    }
}
