/* bus.c - one MQTT 5 client on our loop: connect, prove the path, publish, hear, be lost, begin again.
 *
 * Called by the turn, on the loop's thread only. Never keeps a message over a loss (the journal does),
 * never blocks (the address is numeric by then), never trusts a SUBACK or a PUBACK to mean more than it
 * says.
 *
 *   WAITING --retry--> CONNECTING --CONNACK 0--> PROVING --own echo--> UP
 *      ^                    |                       |                   |
 *      +--------------------+----- lost ------------+-------------------+
 *
 * libmosquitto calls back from inside its own locks. So callbacks only note what happened; `settle`
 * acts on it after the library has returned. The one exception is a message, whose bytes the library
 * owns: it is handed on at once, and the handler may publish and respond from there.
 */
#include "io/bus_inside.h"

#include "io/log.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void lose(struct bus *bus, const char *why);

/* ---- watchers -------------------------------------------------------------------------------- */

static void unwatch(struct bus *bus)
{
    ev_io_stop(bus->loop, &bus->read_io);
    ev_io_stop(bus->loop, &bus->write_io);
}

static void watch(struct bus *bus)
{
    int fd = mosquitto_socket(bus->mosq);
    if (fd < 0) {
        unwatch(bus);
        return;
    }
    if (!ev_is_active(&bus->read_io) || bus->read_io.fd != fd) {
        unwatch(bus);
        ev_io_set(&bus->read_io, fd, EV_READ);
        ev_io_set(&bus->write_io, fd, EV_WRITE);
        ev_io_start(bus->loop, &bus->read_io);
    }
    if (mosquitto_want_write(bus->mosq)) {
        ev_io_start(bus->loop, &bus->write_io);
    } else {
        ev_io_stop(bus->loop, &bus->write_io);
    }
}

/* ---- acting on what was noted ---------------------------------------------------------------- */

/* Oldest first: the turn writes its cursor by the order of the answers. */
static bool take_done(struct bus *bus, uint64_t *ret_token, enum err *ret_err)
{
    struct bus_slot *first = NULL;
    for (size_t i = 0; i < BUS_IN_FLIGHT; i++) {
        struct bus_slot *slot = &bus->slots[i];
        if (slot->is_done && (first == NULL || slot->order < first->order)) {
            first = slot;
        }
    }
    if (first == NULL) {
        return false;
    }
    *ret_token = first->token;
    *ret_err = first->err;
    *first = (struct bus_slot){0};
    bus->in_flight--;
    return true;
}

static void tell_done(struct bus *bus)
{
    uint64_t token = 0;
    enum err err = ERR_OK;
    while (take_done(bus, &token, &err)) {
        if (token != 0 && bus->handler.on_done != NULL) {
            bus->handler.on_done(bus->context, token, err);
        }
    }
}

static void tell_faults(struct bus *bus)
{
    char text[BUS_WHY];
    if (bus->dropped_since > 0) {
        (void)snprintf(
            text, sizeof(text),
            "The broker has dropped %llu messages because a listener does not take them. "
            "Find the listener that is away or too slow; it asks for the open cases when "
            "it is back.",
            (unsigned long long)bus->dropped_since);
        bus->dropped_since = 0;
        bus_fault(bus, "bus_dropping", text);
    }
    if (bus->refused_subscriptions > 0) {
        (void)snprintf(
            text, sizeof(text),
            "The broker refuses %u of our subscriptions. User %s must be allowed to read %s in its "
            "acl file.",
            bus->refused_subscriptions, bus->user,
            bus->is_foreign ? "the topics that the port subscribes to"
                            : "samlarm/1/#, $SYS/# and the topics of the devices");
        bus->refused_subscriptions = 0;
        bus_fault(bus, "bus_refused", text);
    }
}

void bus_fault(struct bus *bus, const char *word, const char *text)
{
    log_event(LOG_ERROR, "bus.fault", "word", word, "why", text, NULL);
    if (bus->handler.on_fault != NULL) {
        bus->handler.on_fault(bus->context, word, text);
    }
}

/* After every call into the library that is not made from one of its callbacks. */
static void settle(struct bus *bus)
{
    tell_done(bus);
    tell_faults(bus);
    if (bus->is_lost) {
        lose(bus, bus->why);
        return;
    }
    watch(bus);
    if (bus->state == BUS_PROVING && bus->is_echoed) {
        bus->state = BUS_UP;
        bus->is_down_told = false;
        log_event(LOG_INFO, "bus.up", "broker", bus->name, NULL);
        if (bus->handler.on_up != NULL) {
            bus->handler.on_up(bus->context);
        }
        watch(bus);
    }
}

/* ---- the life of a connection ---------------------------------------------------------------- */

/* A fresh library object for each connection: its queue would otherwise send again behind our back, and
 * grow for as long as the broker is away. */
static bool renew(struct bus *bus)
{
    int version = bus->is_foreign ? MQTT_PROTOCOL_V311 : MQTT_PROTOCOL_V5;
    if (mosquitto_reinitialise(bus->mosq, bus->client_id, !bus->is_kept, bus) != MOSQ_ERR_SUCCESS ||
        mosquitto_int_option(bus->mosq, MOSQ_OPT_PROTOCOL_VERSION, version) != 0 ||
        mosquitto_int_option(bus->mosq, MOSQ_OPT_TCP_NODELAY, 1) != 0 ||
        mosquitto_int_option(bus->mosq, MOSQ_OPT_SEND_MAXIMUM, BUS_IN_FLIGHT) != 0 ||
        mosquitto_int_option(bus->mosq, MOSQ_OPT_RECEIVE_MAXIMUM, BUS_IN_FLIGHT) != 0 ||
        (bus->user[0] != '\0' &&
         mosquitto_username_pw_set(bus->mosq, bus->user, bus->password) != 0) ||
        (bus->tls != NULL && !bus_tls_use(bus))) {
        return false;
    }
    bus_hear(bus);
    return true;
}

static double jitter(double seconds)
{
    uint16_t random = 0;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random)) {
        random = UINT16_MAX / 2;
    }
    return seconds * (0.5 + (double)random / (double)UINT16_MAX);
}

static void retry_later(struct bus *bus)
{
    bus->state = BUS_WAITING;
    ev_timer_stop(bus->loop, &bus->retry);
    ev_timer_set(&bus->retry, jitter(bus->delay_s), 0.0);
    ev_timer_start(bus->loop, &bus->retry);
    bus->delay_s = bus->delay_s * 2 > BUS_DELAY_MAX_S ? BUS_DELAY_MAX_S : bus->delay_s * 2;
}

static void lose(struct bus *bus, const char *why)
{
    char told[BUS_WHY];
    (void)snprintf(told, sizeof(told), "%s", why);
    /* Two who throw each other out must not do it ten times a second: only a connection that lasted
     * makes the next attempt quick again. One that was proven makes it no slower than a second: a broker
     * that dies again and again is found within 3 s each time. */
    if (bus->state == BUS_UP) {
        bool has_lasted = loop_now().mono_ms - bus->connected_ms > BUS_STEADY_MS;
        double most_s = has_lasted ? BUS_DELAY_MIN_S : BUS_DELAY_PROVEN_S;
        bus->delay_s = bus->delay_s < most_s ? bus->delay_s : most_s;
    }
    unwatch(bus);
    for (size_t i = 0; i < BUS_IN_FLIGHT; i++) {
        if (bus->slots[i].is_used) {
            bus->slots[i].is_done = true;
            bus->slots[i].err = ERR_IO;
            bus->slots[i].order = ++bus->order;
        }
    }
    bus_answers_forget(bus);
    bus->is_lost = false;
    bus->is_echoed = false;
    bus->granted = 0;
    bus->state = BUS_WAITING;
    bool is_ready = renew(bus);
    retry_later(bus);
    tell_done(bus);
    log_event(LOG_WARN, "bus.down", "why", told, NULL);
    count("bus_losses_total", NULL);
    if (!bus->is_down_told) {
        bus->is_down_told = true;
        if (bus->handler.on_down != NULL) {
            bus->handler.on_down(bus->context, told);
        }
    }
    if (!is_ready) {
        bus_fault(bus, "bus_no_memory",
                  "The bus cannot be set up again: no memory or no more files.");
    }
}

static void connect_now(struct bus *bus)
{
    bus->state = BUS_CONNECTING;
    bus->connected_ms = loop_now().mono_ms;
    int code = mosquitto_connect_async(bus->mosq, bus->host, bus->port, BUS_KEEPALIVE_S);
    if (code != MOSQ_ERR_SUCCESS && code != MOSQ_ERR_CONN_PENDING) {
        bus_note_code(bus, "cannot be reached. Is it running? We keep trying", code);
    }
    settle(bus);
}

/* ---- events of the loop ---------------------------------------------------------------------- */

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop;
    (void)events;
    struct bus *bus = watcher->data;
    bus->is_inside = true;
    int code = mosquitto_loop_read(bus->mosq, 1);
    bus->is_inside = false;
    if (code != MOSQ_ERR_SUCCESS) {
        bus_note_code(bus, "is lost", code);
    }
    settle(bus);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop;
    (void)events;
    struct bus *bus = watcher->data;
    bus->is_inside = true;
    int code = mosquitto_loop_write(bus->mosq, 1);
    bus->is_inside = false;
    if (code != MOSQ_ERR_SUCCESS) {
        bus_note_code(bus, "is lost", code);
    }
    settle(bus);
}

static void on_settle(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    settle(watcher->data);
}

static void on_found(void *context, const char *address, const char *why)
{
    struct bus *bus = context;
    bus->lookup = NULL;
    if (address == NULL) {
        bus_note_loss(bus, why);
        settle(bus);
        return;
    }
    (void)snprintf(bus->host, sizeof(bus->host), "%s", address);
    connect_now(bus);
}

/* A foreign broker may move to another address, or have none yet while the network comes up. */
static void on_retry(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct bus *bus = watcher->data;
    (void)events;
    if (!bus->is_foreign) {
        connect_now(bus);
        return;
    }
    bus->lookup = lookup_begin(loop, bus->name, bus->attempts++, on_found, bus);
    if (bus->lookup == NULL) {
        bus_note_loss(bus, "There is no memory or no thread to look up the broker's address.");
        settle(bus);
    }
}

static void on_tick(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    struct bus *bus = watcher->data;
    int64_t now = loop_now().mono_ms;
    /* We ourselves stood still (a debugger, a suspended machine): what came meanwhile is not read yet. */
    if (now - bus->ticked_ms > BUS_SILENCE_MS - 1000) {
        bus->echoed_ms = now;
        bus->connected_ms = now;
    }
    bus->ticked_ms = now;
    if (bus->state == BUS_WAITING) {
        return;
    }
    bus->is_inside = true;
    int code = mosquitto_loop_misc(bus->mosq);
    bus->is_inside = false;
    if (code != MOSQ_ERR_SUCCESS) {
        bus_note_code(bus, "is silent", code);
    }
    if (bus->state == BUS_CONNECTING && now - bus->connected_ms > BUS_CONNECT_MS) {
        bus_note_code(bus, "does not answer", MOSQ_ERR_KEEPALIVE);
    }
    bool is_proven_by_echo = bus->state >= BUS_PROVING && !bus->is_foreign;
    if (is_proven_by_echo && now - bus->echoed_ms > BUS_SILENCE_MS) {
        char text[BUS_WHY];
        (void)snprintf(
            text, sizeof(text),
            "The broker at %s:%d is connected but does not give our messages back. Check "
            "that user %s may read and write samlarm/1/# in its acl file.",
            bus->name, bus->port, bus->user);
        bus_note_loss(bus, text);
    }
    if (is_proven_by_echo && !bus->is_lost) {
        bus_echo(bus);
    }
    settle(bus);
}

/* ---- what others call ------------------------------------------------------------------------ */

size_t bus_room(const struct bus *bus)
{
    return bus->state == BUS_UP && !bus->is_lost ? BUS_IN_FLIGHT - bus->in_flight : 0;
}

bool bus_is_up(const struct bus *bus)
{
    return bus->state == BUS_UP && !bus->is_lost;
}

enum err bus_send(struct bus *bus, const char *topic, struct slice payload,
                  const mosquitto_property *properties, int *ret_mid)
{
    int code = mosquitto_publish_v5(bus->mosq, ret_mid, topic, (int)payload.len, payload.at, 1,
                                    false, properties);
    switch (code) {
    case MOSQ_ERR_SUCCESS:
        break;
    case MOSQ_ERR_INVAL:
    case MOSQ_ERR_MALFORMED_UTF8:
    case MOSQ_ERR_PAYLOAD_SIZE:
    case MOSQ_ERR_OVERSIZE_PACKET:
        return ERR_RANGE;
    case MOSQ_ERR_NOMEM:
        return ERR_FULL;
    default:
        /* The library keeps it in its queue; it is given back with the rest as not done. */
        bus_note_code(bus, "could not be written to", code);
        break;
    }
    if (!bus->is_inside) {
        watch(bus);
        if (bus->is_lost) { /* later: our caller is not prepared for on_done now */
            ev_feed_event(bus->loop, &bus->settle_soon, EV_CUSTOM);
        }
    }
    return ERR_OK;
}

enum err bus_publish(struct bus *bus, uint64_t token, struct slice topic, struct slice payload)
{
    if (!bus_is_up(bus)) {
        return ERR_STATE;
    }
    if (bus_room(bus) == 0) {
        return ERR_FULL;
    }
    char text[BUS_TOPIC_MAX];
    if (payload.len > BUS_PAYLOAD_MAX || topic.len == 0 ||
        slice_text(topic, text, sizeof(text)) != ERR_OK) {
        return ERR_RANGE;
    }
    struct bus_slot *slot = bus->slots;
    while (slot->is_used) {
        slot++;
    }
    int mid = 0;
    enum err err = bus_send(bus, text, payload, NULL, &mid);
    if (err == ERR_OK) {
        *slot = (struct bus_slot){.mid = mid, .token = token, .is_used = true};
        bus->in_flight++;
    }
    return err;
}

/* A name is asked for once, here, before the loop runs: libmosquitto would ask again at each connect,
 * and block the house while it waits for DNS. */
static enum err resolve(struct bus *bus, const char *host, char *ret_why, size_t why_room)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(host, NULL, &hints, &found);
    if (code != 0) {
        (void)snprintf(ret_why, why_room, "The broker's address \"%s\" is not known (%s).", host,
                       gai_strerror(code));
        return ERR_NOT_FOUND;
    }
    code = getnameinfo(found->ai_addr, found->ai_addrlen, bus->host, sizeof(bus->host), NULL, 0,
                       NI_NUMERICHOST);
    freeaddrinfo(found);
    if (code != 0) {
        (void)snprintf(ret_why, why_room, "The broker's address \"%s\" cannot be used (%s).", host,
                       gai_strerror(code));
        return ERR_RANGE;
    }
    return ERR_OK;
}

static bool keep(char *ret_text, size_t room, const char *text)
{
    int len = snprintf(ret_text, room, "%s", text == NULL ? "" : text);
    return len > 0 && (size_t)len < room;
}

static bool keep_path(char **ret_path, const char *path)
{
    *ret_path = path == NULL ? NULL : strdup(path);
    return path == NULL || *ret_path != NULL;
}

static enum err fill(struct bus *bus, const struct bus_config *config, char *ret_why,
                     size_t why_room)
{
    uint64_t boot = 0;
    if (getrandom(&boot, sizeof(boot), 0) != (ssize_t)sizeof(boot)) {
        (void)snprintf(ret_why, why_room, "The system gives no random numbers.");
        return ERR_IO;
    }
    bus->is_foreign = config->is_foreign;
    bool has_user = keep(bus->user, sizeof(bus->user), config->user);
    if (config->port < 1 || config->port > 65535 || (!has_user && !config->is_foreign) ||
        !keep(bus->municipality, sizeof(bus->municipality), config->municipality)) {
        (void)snprintf(
            ret_why, why_room,
            "The bus needs a port from 1 to 65535, a user and a municipality of at most %zu "
            "letters.",
            sizeof(bus->user) - 1);
        return ERR_RANGE;
    }
    (void)keep(bus->password, sizeof(bus->password), config->password);
    if (!has_user) {
        (void)snprintf(bus->client_id, sizeof(bus->client_id), "samlarm-%08llx",
                       (unsigned long long)(boot & UINT32_MAX));
    } else {
        (void)keep(bus->client_id, sizeof(bus->client_id), bus->user);
        bus->is_kept = config->is_foreign;
    }
    if (!keep_path(&bus->ca, config->ca) || !keep_path(&bus->certificate, config->certificate) ||
        !keep_path(&bus->key, config->key)) {
        return ERR_FULL;
    }
    (void)snprintf(bus->echo_topic, sizeof(bus->echo_topic), "samlarm/1/%s/echo/%016llx",
                   bus->municipality, (unsigned long long)boot);
    bus->port = config->port;
    const char *const *filter = config->subscriptions;
    for (; filter != NULL && *filter != NULL; filter++) {
        if (bus->filter_count == BUS_FILTERS_MAX || mosquitto_sub_topic_check(*filter) != 0) {
            (void)snprintf(
                ret_why, why_room,
                "The bus takes at most %d topic filters; \"%s\" is one too many or is none.",
                BUS_FILTERS_MAX, *filter);
            return ERR_RANGE;
        }
        bus->filters[bus->filter_count] = strdup(*filter);
        if (bus->filters[bus->filter_count] == NULL) {
            return ERR_FULL;
        }
        bus->filter_count++;
    }
    if (!keep(bus->name, sizeof(bus->name), config->host)) {
        (void)snprintf(ret_why, why_room, "The broker's address is too long, or there is none.");
        return ERR_RANGE;
    }
    return bus->is_foreign ? ERR_OK : resolve(bus, config->host, ret_why, why_room);
}

static void init_watchers(struct bus *bus)
{
    ev_init(&bus->read_io, on_readable);
    ev_init(&bus->write_io, on_writable);
    ev_init(&bus->settle_soon, on_settle);
    ev_init(&bus->retry, on_retry);
    ev_timer_init(&bus->tick, on_tick, 1.0, 1.0);
    bus->read_io.data = bus;
    bus->write_io.data = bus;
    bus->settle_soon.data = bus;
    bus->retry.data = bus;
    bus->tick.data = bus;
}

enum err bus_open(struct ev_loop *loop, const struct bus_config *config,
                  const struct bus_handler *handler, void *context, struct bus **ret_bus,
                  char *ret_why, size_t why_room)
{
    (void)snprintf(ret_why, why_room, "There is not enough memory for the bus.");
    if (mosquitto_lib_init() != MOSQ_ERR_SUCCESS) {
        return ERR_IO;
    }
    struct bus *bus = calloc(1, sizeof(*bus));
    enum err err = bus == NULL ? ERR_FULL : ERR_OK;
    if (err == ERR_OK) {
        bus->loop = loop;
        bus->handler = *handler;
        bus->context = context;
        bus->delay_s = BUS_DELAY_MIN_S;
        bus->ticked_ms = loop_now().mono_ms;
        init_watchers(bus);
        err = fill(bus, config, ret_why, why_room);
    }
    if (err == ERR_OK && bus->ca != NULL && !bus_tls_open(bus)) {
        (void)snprintf(
            ret_why, why_room,
            "The certificates in %s%s%s cannot be used for the broker at %s. They must be "
            "PEM files: of whoever signed the broker's, and of our own with its key.",
            bus->ca, bus->certificate == NULL ? "" : " and ",
            bus->certificate == NULL ? "" : bus->certificate, config->host);
        err = ERR_RANGE;
    }
    if (err == ERR_OK) {
        bus->mosq = mosquitto_new(bus->client_id, true, bus);
        err = bus->mosq != NULL && renew(bus) ? ERR_OK : ERR_FULL;
    }
    if (err != ERR_OK) {
        bus_close(bus);
        if (bus == NULL) {
            (void)mosquitto_lib_cleanup();
        }
        return err;
    }
    ev_timer_start(loop, &bus->tick);
    ev_timer_set(&bus->retry, 0.0,
                 0.0); /* from the loop, so that no handler runs inside bus_open */
    ev_timer_start(loop, &bus->retry);
    *ret_bus = bus;
    return ERR_OK;
}

void bus_close(struct bus *bus)
{
    if (bus == NULL) {
        return;
    }
    unwatch(bus);
    ev_clear_pending(bus->loop, &bus->settle_soon);
    ev_timer_stop(bus->loop, &bus->tick);
    ev_timer_stop(bus->loop, &bus->retry);
    lookup_drop(bus->lookup);
    if (bus->mosq != NULL) {
        if (bus->state >= BUS_PROVING) {
            (void)mosquitto_disconnect_v5(bus->mosq, 0, NULL);
        }
        mosquitto_destroy(bus->mosq);
    }
    for (size_t i = 0; i < bus->filter_count; i++) {
        free(bus->filters[i]);
    }
    free(bus->ca);
    free(bus->certificate);
    free(bus->key);
    bus_tls_close(bus);
    explicit_bzero(bus->password, sizeof(bus->password));
    free(bus);
    (void)mosquitto_lib_cleanup();
}
