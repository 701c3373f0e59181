/* bus_hear.c - what libmosquitto tells from inside its own locks: noted, and acted on by bus.c later.
 *
 * Called by libmosquitto only, while bus.c reads or writes. Never calls the library's loop, never frees
 * the library's object. A message is handed on at once, because its bytes are the library's.
 */
#include "io/bus_inside.h"

#include "io/log.h"

#include <stdio.h>
#include <stdlib.h>

void bus_note_loss(struct bus *bus, const char *why)
{
    if (!bus->is_lost) {
        bus->is_lost = true;
        (void)snprintf(bus->why, sizeof(bus->why), "%s", why);
    }
}

void bus_note_code(struct bus *bus, const char *what, int code)
{
    char text[BUS_WHY];
    if (code == MOSQ_ERR_TLS) {
        what =
            "does not prove who it is. Its certificate must name it, be in force, and be signed by "
            "one in the ca file of the port";
    }
    (void)snprintf(text, sizeof(text), "The broker at %s:%d %s (%s).", bus->name, bus->port, what,
                   mosquitto_strerror(code));
    bus_note_loss(bus, text);
}

static void subscribe(struct bus *bus, const char *filter, int qos, int options)
{
    int code = mosquitto_subscribe_v5(bus->mosq, NULL, filter, qos, options, NULL);
    if (code != MOSQ_ERR_SUCCESS) {
        bus_note_code(bus, "did not take our subscriptions", code);
    }
}

/* QoS 0, so that the echoes of a whole night do not fill the queue of a listener that is away. */
void bus_echo(struct bus *bus)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)++bus->echo_count);
    int code = mosquitto_publish_v5(bus->mosq, NULL, bus->echo_topic, len, text, 0, false, NULL);
    if (code != MOSQ_ERR_SUCCESS) {
        bus_note_code(bus, "could not be written to", code);
    }
}

static void on_connect(struct mosquitto *mosq, void *context, int code, int flags,
                       const mosquitto_property *properties)
{
    (void)mosq;
    (void)flags;
    (void)properties;
    struct bus *bus = context;
    if (code != 0) {
        char text[BUS_WHY];
        (void)snprintf(text, sizeof(text),
                       "The broker at %s:%d refuses us (%s). Check the password of user %s in its "
                       "password file.",
                       bus->name, bus->port, mosquitto_reason_string(code), bus->user);
        bus_note_loss(bus, text);
        return;
    }
    bus->state = BUS_PROVING;
    bus->connected_ms = loop_now().mono_ms;
    bus->echoed_ms = bus->connected_ms;
    int options = bus->is_foreign ? 0 : MQTT_SUB_OPT_NO_LOCAL | MQTT_SUB_OPT_SEND_RETAIN_NEVER;
    for (size_t i = 0; i < bus->filter_count; i++) {
        subscribe(bus, bus->filters[i], 1, options);
    }
    if (!bus->is_foreign) {
        /* A SUBACK is no proof; the echo that follows on the same connection is. */
        subscribe(bus, bus->echo_topic, 0, 0);
        subscribe(bus, BUS_DROPPED_TOPIC, 0, 0);
        bus_echo(bus);
    }
}

static void on_disconnect(struct mosquitto *mosq, void *context, int code,
                          const mosquitto_property *properties)
{
    (void)mosq;
    (void)properties;
    struct bus *bus = context;
    /* Codes from 0x80 on are the broker's own words, below are the library's. */
    char text[BUS_WHY];
    (void)snprintf(text, sizeof(text), "The connection to the broker at %s:%d is lost (%s).",
                   bus->name, bus->port,
                   code >= 0x80 ? mosquitto_reason_string(code) : mosquitto_strerror(code));
    bus_note_loss(bus, text);
}

static void on_publish(struct mosquitto *mosq, void *context, int mid, int code,
                       const mosquitto_property *properties)
{
    (void)mosq;
    (void)properties;
    struct bus *bus = context;
    for (size_t i = 0; i < BUS_IN_FLIGHT; i++) {
        struct bus_slot *slot = &bus->slots[i];
        if (slot->is_used && !slot->is_done && slot->mid == mid) {
            slot->is_done = true;
            slot->err = code < 0x80 ? ERR_OK : ERR_AUTH;
            slot->order = ++bus->order;
            if (code >= 0x80) {
                count("bus_refused_total", NULL);
                log_event(LOG_WARN, "bus.refused", "why", mosquitto_reason_string(code), NULL);
            }
            return;
        }
    }
    bus_answers_acknowledged(bus, mid);
}

static void on_subscribe(struct mosquitto *mosq, void *context, int mid, int granted_count,
                         const int *granted, const mosquitto_property *properties)
{
    (void)mosq;
    (void)mid;
    (void)properties;
    struct bus *bus = context;
    for (int i = 0; i < granted_count; i++) {
        if (granted[i] >= 0x80) {
            bus->refused_subscriptions++;
        } else if (bus->is_foreign && ++bus->granted == bus->filter_count) {
            bus->is_echoed = true; /* as far as a foreign broker can prove anything */
        }
    }
}

static void hear_dropped(struct bus *bus, struct slice payload)
{
    uint64_t dropped = 0;
    if (slice_u64(payload, UINT64_MAX / 2, &dropped) != ERR_OK) {
        return;
    }
    /* The first figure after our own start may be old; a smaller one than last time is a new broker's. */
    bool is_more = bus->is_dropped_known && dropped != bus->dropped && dropped > 0;
    uint64_t before = dropped > bus->dropped ? bus->dropped : 0;
    if (is_more) {
        bus->dropped_since += dropped - before;
        count_by("bus_dropped_total", NULL, dropped - before);
    }
    bus->dropped = dropped;
    bus->is_dropped_known = true;
}

static void on_message(struct mosquitto *mosq, void *context,
                       const struct mosquitto_message *message,
                       const mosquitto_property *properties)
{
    (void)mosq;
    struct bus *bus = context;
    struct slice topic = slice_str(message->topic);
    struct slice payload =
        slice_of(message->payload, message->payloadlen > 0 ? (size_t)message->payloadlen : 0);
    if (slice_eq_str(topic, bus->echo_topic)) {
        bus->is_echoed = true;
        bus->echoed_ms = loop_now().mono_ms;
        return;
    }
    if (slice_eq_str(topic, BUS_DROPPED_TOPIC)) {
        hear_dropped(bus, payload);
        return;
    }
    /* What is retained is old: an order from last week must not close today's case. */
    if (message->retain || payload.len > BUS_PAYLOAD_MAX) {
        count("bus_ignored_total", message->retain ? "retained" : "too_long");
        return;
    }
    char *answer = NULL;
    void *correlation = NULL;
    uint16_t correlation_len = 0;
    (void)mosquitto_property_read_string(properties, MQTT_PROP_RESPONSE_TOPIC, &answer, false);
    (void)mosquitto_property_read_binary(properties, MQTT_PROP_CORRELATION_DATA, &correlation,
                                         &correlation_len, false);
    struct bus_message heard = {
        .topic = topic,
        .payload = payload,
        .response_topic = slice_str(answer),
        .correlation = slice_of(correlation, correlation_len),
    };
    if (bus->handler.on_message != NULL) {
        bus->handler.on_message(bus->context, &heard);
    }
    free(answer);
    free(correlation);
}

void bus_hear(struct bus *bus)
{
    mosquitto_connect_v5_callback_set(bus->mosq, on_connect);
    mosquitto_disconnect_v5_callback_set(bus->mosq, on_disconnect);
    mosquitto_publish_v5_callback_set(bus->mosq, on_publish);
    mosquitto_subscribe_v5_callback_set(bus->mosq, on_subscribe);
    mosquitto_message_v5_callback_set(bus->mosq, on_message);
}
