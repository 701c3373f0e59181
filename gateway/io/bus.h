/* bus.h - MQTT 5 through libmosquitto on our loop. The broker is a pipe and may die.
 *
 * At most BUS_IN_FLIGHT publications wait for their PUBACK; the rest stays in the journal. An entry is
 * done only on a reason code < 0x80. Reconnects for ever (0.1 s to 5 s, jitter), subscribes at every
 * connect, and proves the path by an own echo each second (`samlarm/1/{m}/echo/{boot}`): "up" means
 * that the echo came back. Rules: facts/reliability.md 3.1 and 3.2.
 *
 * A foreign broker (a LoRaWAN network server's, a maker's) is spoken to in MQTT 3.1.1, which each of
 * them knows, and without the echo, for which it would need rights there: "up" means that it took our
 * subscriptions, and its silence is found by the keep-alive. With a user it keeps our session, so that what
 * devices say while the gateway is away waits there. Its name is looked up before each connection.
 */
#pragma once

#include "io/loop.h"

struct bus;

enum {
    BUS_IN_FLIGHT = 64,
    BUS_PAYLOAD_MAX = 32768,
    BUS_TOPIC_MAX = 512,
    BUS_FILTERS_MAX = 64,
    BUS_RESPONSES = 512,
    BUS_RESPONSE_BYTES = 4194304
};

struct bus_message {
    struct slice topic;
    struct slice payload;
    struct slice response_topic; /* empty: none */
    struct slice correlation;
};

struct bus_handler {
    void (*on_up)(void *context); /* connected and the echo came back */
    /* Once per loss; what was in flight was given back through on_done before. */
    void (*on_down)(void *context, const char *why);
    void (*on_done)(void *context, uint64_t token, enum err err); /* OK, AUTH: refused by ACL, IO */
    void (*on_message)(void *context, const struct bus_message *message);
    /* NULL is fine. Something an operator must know although the bus works: `word` is stable
     * ("bus_dropping", "bus_refused"), `text` says in plain words what to do. */
    void (*on_fault)(void *context, const char *word, const char *text);
};

struct bus_config {
    const char *host; /* a name: resolved at bus_open, or if foreign off the loop, each time anew */
    int port;
    const char *user; /* also the client id */
    const char *password;
    const char *municipality;
    bool is_foreign;
    const char *ca;          /* foreign: PEM file, then TLS; NULL: in clear */
    const char *certificate; /* PEM files of our own, where it asks for one; NULL: none */
    const char *key;
    const char *const *subscriptions; /* whole filters, ended by NULL */
};

enum err bus_open(struct ev_loop *loop, const struct bus_config *config,
                  const struct bus_handler *handler, void *context, struct bus **ret_bus,
                  char *ret_why, size_t why_room) MUST_USE;
/* Not from a handler. What is in flight is not given back. NULL is fine. */
void bus_close(struct bus *bus);
bool bus_is_up(const struct bus *bus);
size_t bus_room(const struct bus *bus); /* publications that may be made now */
/* QoS 1, not retained. token != 0: on_done follows. ERR_FULL, ERR_STATE (not connected), ERR_RANGE. */
enum err bus_publish(struct bus *bus, uint64_t token, struct slice topic, struct slice payload);
/* QoS 1 to the asker's response topic with its correlation data, in order, as often as needed. Only to
 * `samlarm/1/{m}/answer/...` (ERR_AUTH otherwise: an asker must not make us speak on other topics).
 * ERR_FULL: BUS_RESPONSES or BUS_RESPONSE_BYTES wait; what waits at a loss is dropped, the asker asks
 * again. ERR_NOT_FOUND: it wants no answer. */
enum err bus_respond(struct bus *bus, const struct bus_message *to, struct slice payload);
/* QoS 1 to a device that has asked or is owed a receipt; the same ceilings, and as little promise: a
 * device without its receipt repeats. ERR_RANGE: no topic to publish on. */
enum err bus_tell(struct bus *bus, struct slice topic, struct slice payload);
/* Does a message with this topic come through this filter? Pure. */
bool bus_matches(const char *filter, struct slice topic);
