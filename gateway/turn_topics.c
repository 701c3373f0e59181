/* turn_topics.c - ports whose frames are messages of a broker: the bus's own, or a foreign one.
 *
 * Such a port has one session, as a UDP port has. Sub-file of the door; called by turn_ports.c,
 * turn_outbox.c and turn_bus.c.
 */
#include "turn_parts.h"

#include <stdio.h>
#include <string.h>

static void hear(struct port_room *port, const struct bus_message *message)
{
    struct session *session = session_find(port->turn, port->session);
    if (session == NULL) {
        return;
    }
    slice_text(message->topic, session->peer, sizeof session->peer);
    struct adapter_input in = {
        .bytes = message->payload, .topic = message->topic, .peer = slice_str(session->peer)};
    ports_feed(session, &in);
}

static bool wants(const struct conf_port *conf, struct slice topic)
{
    for (size_t i = 0; i < conf->filter_count; i++) {
        if (bus_matches(conf->filters[i], topic)) {
            return true;
        }
    }
    return false;
}

bool topics_message(struct turn *turn, const struct bus_message *message)
{
    bool is_heard = false;
    for (size_t i = 0; i < turn->conf->port_count; i++) {
        struct port_room *port = &turn->ports[i];
        const struct conf_port *conf = port->conf;
        if (conf->is_on && conf->is_mqtt && conf->broker.host == NULL &&
            wants(conf, message->topic)) {
            hear(port, message);
            is_heard = true;
        }
    }
    return is_heard;
}

size_t topics_own(const struct turn *turn, const char **ret_filters, size_t room)
{
    size_t found = 0;
    for (size_t i = 0; i < turn->conf->port_count; i++) {
        const struct conf_port *conf = &turn->conf->ports[i];
        bool is_own = conf->is_on && conf->is_mqtt && conf->broker.host == NULL;
        for (size_t k = 0; is_own && k < conf->filter_count && found < room; k++) {
            ret_filters[found++] = conf->filters[k];
        }
    }
    return found;
}

/* --- foreign brokers ------------------------------------------------------------------------------ */

static void name_fault(const struct port_room *port, char *ret_what, size_t room)
{
    snprintf(ret_what, room, "broker_down/%s", port->conf->name);
}

static void on_up(void *context)
{
    struct port_room *port = context;
    char what[UNIT_ROOM];
    name_fault(port, what, sizeof what);
    turn_fault(port->turn, what, "", false);
}

static void on_down(void *context, const char *why)
{
    struct port_room *port = context;
    char what[UNIT_ROOM];
    name_fault(port, what, sizeof what);
    turn_fault(port->turn, what, why, true);
}

/* A session that the broker kept may hold what an older configuration subscribed to. */
static void on_message(void *context, const struct bus_message *message)
{
    struct port_room *port = context;
    if (wants(port->conf, message->topic)) {
        hear(port, message);
    }
}

static void on_fault(void *context, const char *word, const char *text)
{
    (void)word;
    on_down(context, text);
}

static enum err open_foreign(struct port_room *port, char *ret_why, size_t why_room)
{
    static const struct bus_handler handler = {on_up, on_down, NULL, on_message, on_fault};
    const struct conf_broker *conf = &port->conf->broker;
    struct turn *turn = port->turn;
    const char *filters[CONF_FILTERS_MAX + 1] = {NULL};
    char password[128] = "";
    memcpy(filters, port->conf->filters, port->conf->filter_count * sizeof filters[0]);
    if (!bus_password(turn, conf->password_file, password, sizeof password)) {
        snprintf(ret_why, why_room,
                 "The password of the broker of port %s cannot be read from %s. Put it there.",
                 port->conf->name, conf->password_file);
        return ERR_IO;
    }
    struct bus_config config = {.host = conf->host,
                                .port = conf->port,
                                .user = conf->user,
                                .password = password,
                                .municipality = turn->directory->municipality,
                                .is_foreign = true,
                                .ca = conf->ca,
                                .certificate = conf->certificate,
                                .key = conf->key,
                                .subscriptions = filters};
    enum err err = bus_open(turn->loop, &config, &handler, port, &port->broker, ret_why, why_room);
    memset(password, 0, sizeof password);
    return err;
}

enum err topics_open(struct port_room *port, char *ret_why, size_t why_room)
{
    if (!ports_begin_only_session(port)) {
        return ERR_RANGE;
    }
    return port->conf->broker.host == NULL ? ERR_OK : open_foreign(port, ret_why, why_room);
}

void topics_publish(struct turn *turn, const struct session *session, const struct out *out)
{
    struct bus *bus = session->port->broker != NULL ? session->port->broker : turn->bus;
    enum err err = bus == NULL ? ERR_STATE : bus_tell(bus, out->peer, out->bytes);
    if (err != ERR_OK) {
        count("receipts_unsent", err_name(err));
        log_event(LOG_WARN, "topics.unsent", "port", session->port->conf->name, "why",
                  err_name(err), "advice", "the device repeats", NULL);
    }
}
