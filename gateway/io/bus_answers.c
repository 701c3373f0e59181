/* bus_answers.c - answers to requests and devices on the bus: how many may wait, and where they may go.
 *
 * Called by the turn (bus_respond) and by bus.c. Never keeps an answer over a loss: the asker asks again.
 */
#include "io/bus_inside.h"

#include <stdio.h>
#include <string.h>

void bus_answers_acknowledged(struct bus *bus, int mid)
{
    for (size_t i = 0; mid != 0 && i < BUS_RESPONSES; i++) {
        if (bus->answers[i].mid == mid) {
            bus->answer_bytes -= bus->answers[i].len;
            bus->answer_count--;
            bus->answers[i] = (struct bus_answer){0};
            return;
        }
    }
}

void bus_answers_forget(struct bus *bus)
{
    memset(bus->answers, 0, sizeof(bus->answers));
    bus->answer_count = 0;
    bus->answer_bytes = 0;
}

/* Otherwise an asker could name the topic of an event, and the gateway, which may write there, would
 * write it for him. */
static bool is_answer_topic(const struct bus *bus, struct slice topic)
{
    char prefix[BUS_NAME * 2];
    int len = snprintf(prefix, sizeof(prefix), "samlarm/1/%s/answer/", bus->municipality);
    return len > 0 && topic.len > (size_t)len && slice_starts(topic, prefix);
}

static enum err correlate(mosquitto_property **properties, struct slice correlation)
{
    if (correlation.len == 0) {
        return ERR_OK;
    }
    if (correlation.len > UINT16_MAX) {
        return ERR_RANGE;
    }
    int code = mosquitto_property_add_binary(properties, MQTT_PROP_CORRELATION_DATA, correlation.at,
                                             (uint16_t)correlation.len);
    return code == MOSQ_ERR_SUCCESS ? ERR_OK : ERR_FULL;
}

static enum err tell(struct bus *bus, struct slice to, struct slice correlation,
                     struct slice payload)
{
    if (bus->state < BUS_PROVING || bus->is_lost) {
        return ERR_STATE;
    }
    char topic[BUS_TOPIC_MAX];
    if (payload.len > BUS_PAYLOAD_MAX || to.len == 0 ||
        slice_text(to, topic, sizeof(topic)) != ERR_OK ||
        mosquitto_pub_topic_check(topic) != MOSQ_ERR_SUCCESS) {
        return ERR_RANGE;
    }
    size_t len = payload.len + to.len + correlation.len;
    if (bus->answer_count == BUS_RESPONSES || bus->answer_bytes + len > BUS_RESPONSE_BYTES) {
        return ERR_FULL;
    }
    mosquitto_property *properties = NULL;
    int mid = 0;
    enum err err = correlate(&properties, correlation);
    if (err == ERR_OK) {
        err = bus_send(bus, topic, payload, properties, &mid);
    }
    mosquitto_property_free_all(&properties);
    if (err != ERR_OK) {
        return err;
    }
    struct bus_answer *free_place = bus->answers;
    while (free_place->mid != 0) {
        free_place++;
    }
    *free_place = (struct bus_answer){.mid = mid, .len = (uint32_t)len};
    bus->answer_count++;
    bus->answer_bytes += len;
    return ERR_OK;
}

enum err bus_tell(struct bus *bus, struct slice topic, struct slice payload)
{
    return tell(bus, topic, slice_of(NULL, 0), payload);
}

enum err bus_respond(struct bus *bus, const struct bus_message *to, struct slice payload)
{
    if (to->response_topic.len == 0) {
        return ERR_NOT_FOUND;
    }
    if (!is_answer_topic(bus, to->response_topic)) {
        return ERR_AUTH;
    }
    return tell(bus, to->response_topic, to->correlation, payload);
}

bool bus_matches(const char *filter, struct slice topic)
{
    char text[BUS_TOPIC_MAX];
    bool is_match = false;
    return slice_text(topic, text, sizeof(text)) == ERR_OK &&
           mosquitto_topic_matches_sub(filter, text, &is_match) == MOSQ_ERR_SUCCESS && is_match;
}
