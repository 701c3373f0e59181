/* bus_witness.h - a bus whose handlers note what they are told, against a broker of the product's own
 * configuration, and another program on that broker.
 *
 * Included by test_bus*.c. setup and teardown are those of each test.
 */
#pragma once

#include "unit/io/test_bus_broker.h"

#include <setjmp.h>
#include <cmocka.h>

#include "io/bus_inside.h"

#define MUNICIPALITY "0000"
#define COMMAND "samlarm/1/" MUNICIPALITY "/command/open_cases"

struct witness {
    struct ev_loop *loop;
    struct test_broker broker;
    struct bus *bus;
    int ups;
    int downs;
    char why[512];
    int done_ok;
    int done_auth;
    int done_io;
    uint64_t last_token;
    bool is_in_order;
    int messages;
    char topic[256];
    char payload[64];
    bool is_answering;
    enum err answer_err;
    char fault[32];
    bool is_timeout;
};

static inline void on_up(void *context)
{
    ((struct witness *)context)->ups++;
}

static inline void on_down(void *context, const char *why)
{
    struct witness *w = context;
    w->downs++;
    (void)snprintf(w->why, sizeof(w->why), "%s", why);
}

static inline void on_done(void *context, uint64_t token, enum err err)
{
    struct witness *w = context;
    w->done_ok += err == ERR_OK;
    w->done_auth += err == ERR_AUTH;
    w->done_io += err == ERR_IO;
    w->is_in_order = w->is_in_order && token > w->last_token;
    w->last_token = token;
}

static inline void on_message(void *context, const struct bus_message *message)
{
    struct witness *w = context;
    w->messages++;
    (void)slice_text(message->topic, w->topic, sizeof(w->topic));
    (void)slice_text(message->payload, w->payload, sizeof(w->payload));
    if (w->is_answering) {
        w->answer_err = bus_respond(w->bus, message, slice_str("first"));
        if (w->answer_err == ERR_OK) {
            w->answer_err = bus_respond(w->bus, message, slice_str("second"));
        }
    }
}

static inline void on_fault(void *context, const char *word, const char *text)
{
    struct witness *w = context;
    (void)snprintf(w->fault, sizeof(w->fault), "%s", word);
    assert_true(strlen(text) > 40);
}

static const struct bus_handler handler = {on_up, on_down, on_done, on_message, on_fault};

static inline void open_bus(struct witness *w, const char *password)
{
    static const char *const filters[] = {"samlarm/1/" MUNICIPALITY "/command/#", NULL};
    struct bus_config config = {.host = "localhost",
                                .port = w->broker.port,
                                .user = "gateway",
                                .password = password,
                                .municipality = MUNICIPALITY,
                                .subscriptions = filters};
    char why[256];
    assert_int_equal(bus_open(w->loop, &config, &handler, w, &w->bus, why, sizeof(why)), ERR_OK);
}

static inline int setup(void **state)
{
    struct witness *w = calloc(1, sizeof(*w));
    w->loop = ev_default_loop(0);
    w->is_in_order = true;
    broker_setup(&w->broker);
    open_bus(w, "secret-gateway");
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct witness *w = *state;
    bus_close(w->bus);
    broker_remove(&w->broker);
    free(w);
    return 0;
}

static inline void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    *(bool *)timer->data = true;
    ev_break(loop, EVBREAK_ONE);
}

/* Runs the loop until `*count` has reached `goal`; false after `seconds`. */
static inline bool run_until(struct witness *w, const int *count, int goal, double seconds)
{
    ev_timer timer;
    w->is_timeout = false;
    ev_timer_init(&timer, on_timeout, seconds, 0.0);
    timer.data = &w->is_timeout;
    ev_timer_start(w->loop, &timer);
    while (*count < goal && !w->is_timeout) {
        (void)ev_run(w->loop, EVRUN_ONCE);
    }
    ev_timer_stop(w->loop, &timer);
    return *count >= goal;
}

static inline void run_for(struct witness *w, double seconds)
{
    const int never = 0;
    assert_false(run_until(w, &never, 1, seconds));
}

/* ---- another program on the bus, with the same library and its own thread --------------------- */

struct peer {
    struct mosquitto *mosq;
    volatile int connected;
    volatile int messages;
    char last[2][64];
    char correlation[32];
};

static inline void peer_on_connect(struct mosquitto *mosq, void *context, int code)
{
    (void)mosq;
    ((struct peer *)context)->connected += code == 0;
}

static inline void peer_on_message(struct mosquitto *mosq, void *context,
                                   const struct mosquitto_message *message,
                                   const mosquitto_property *properties)
{
    (void)mosq;
    struct peer *peer = context;
    void *correlation = NULL;
    uint16_t len = 0;
    (void)mosquitto_property_read_binary(properties, MQTT_PROP_CORRELATION_DATA, &correlation, &len,
                                         false);
    (void)snprintf(peer->correlation, sizeof(peer->correlation), "%.*s", (int)len,
                   correlation == NULL ? "" : (char *)correlation);
    free(correlation);
    (void)snprintf(peer->last[peer->messages % 2], sizeof(peer->last[0]), "%.*s",
                   message->payloadlen, (char *)message->payload);
    peer->messages++;
}

static inline void peer_open(struct peer *peer, struct witness *w, const char *user, const char *id,
                             bool is_clean)
{
    char password[64];
    (void)snprintf(password, sizeof(password), "secret-%s", user);
    peer->mosq = mosquitto_new(id, is_clean, peer);
    assert_int_equal(mosquitto_int_option(peer->mosq, MOSQ_OPT_PROTOCOL_VERSION,
                                          is_clean ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311),
                     0);
    assert_int_equal(mosquitto_username_pw_set(peer->mosq, user, password), 0);
    mosquitto_connect_callback_set(peer->mosq, peer_on_connect);
    mosquitto_message_v5_callback_set(peer->mosq, peer_on_message);
    assert_int_equal(mosquitto_connect(peer->mosq, "127.0.0.1", w->broker.port, 60), 0);
}

/* Both loops in turn, on one thread. */
static inline bool pump(struct witness *w, struct peer *peer, const volatile int *count, int goal)
{
    for (int round = 0; round < 1000 && *count < goal; round++) {
        (void)ev_run(w->loop, EVRUN_NOWAIT);
        (void)mosquitto_loop(peer->mosq, 5, 1);
    }
    return *count >= goal;
}

static inline void peer_close(struct peer *peer)
{
    mosquitto_destroy(peer->mosq);
}

static inline enum err say(struct witness *w, uint64_t token, const char *topic)
{
    return bus_publish(w->bus, token, slice_str(topic), slice_str("alarm"));
}
