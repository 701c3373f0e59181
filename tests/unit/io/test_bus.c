/* test_bus.c - the bus against the product's own broker configuration: up, lost, refused, full, answered.
 */
#include "unit/io/test_bus_broker.h"

#include <setjmp.h>
#include <cmocka.h>

#include "io/bus_inside.h"

#include <malloc.h>

#define MUNICIPALITY "0000"
#define COMMAND "samlarm/1/" MUNICIPALITY "/command/open_cases"

enum { PEER_MESSAGES = 20000 };

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

static void on_up(void *context)
{
    ((struct witness *)context)->ups++;
}

static void on_down(void *context, const char *why)
{
    struct witness *w = context;
    w->downs++;
    (void)snprintf(w->why, sizeof(w->why), "%s", why);
}

static void on_done(void *context, uint64_t token, enum err err)
{
    struct witness *w = context;
    w->done_ok += err == ERR_OK;
    w->done_auth += err == ERR_AUTH;
    w->done_io += err == ERR_IO;
    w->is_in_order = w->is_in_order && token > w->last_token;
    w->last_token = token;
}

static void on_message(void *context, const struct bus_message *message)
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

static void on_fault(void *context, const char *word, const char *text)
{
    struct witness *w = context;
    (void)snprintf(w->fault, sizeof(w->fault), "%s", word);
    assert_true(strlen(text) > 40);
}

static const struct bus_handler handler = {on_up, on_down, on_done, on_message, on_fault};

static void open_bus(struct witness *w, const char *password)
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

static int setup(void **state)
{
    struct witness *w = calloc(1, sizeof(*w));
    w->loop = ev_default_loop(0);
    w->is_in_order = true;
    broker_setup(&w->broker);
    open_bus(w, "secret-gateway");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct witness *w = *state;
    bus_close(w->bus);
    broker_remove(&w->broker);
    free(w);
    return 0;
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    *(bool *)timer->data = true;
    ev_break(loop, EVBREAK_ONE);
}

/* Runs the loop until `*count` has reached `goal`; false after `seconds`. */
static bool run_until(struct witness *w, const int *count, int goal, double seconds)
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

static void run_for(struct witness *w, double seconds)
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

static void peer_on_connect(struct mosquitto *mosq, void *context, int code)
{
    (void)mosq;
    ((struct peer *)context)->connected += code == 0;
}

static void peer_on_message(struct mosquitto *mosq, void *context,
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

static void peer_open(struct peer *peer, struct witness *w, const char *user, const char *id,
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
static bool pump(struct witness *w, struct peer *peer, const volatile int *count, int goal)
{
    for (int round = 0; round < 1000 && *count < goal; round++) {
        (void)ev_run(w->loop, EVRUN_NOWAIT);
        (void)mosquitto_loop(peer->mosq, 5, 1);
    }
    return *count >= goal;
}

static void peer_close(struct peer *peer)
{
    mosquitto_destroy(peer->mosq);
}

/* ---- the tests -------------------------------------------------------------------------------- */

static enum err say(struct witness *w, uint64_t token, const char *topic)
{
    return bus_publish(w->bus, token, slice_str(topic), slice_str("alarm"));
}

static void is_up_when_its_own_echo_came_back_and_publishes(void **state)
{
    struct witness *w = *state;
    assert_false(bus_is_up(w->bus));
    assert_int_equal(say(w, 1, "samlarm/1/" MUNICIPALITY "/case/u/c"), ERR_STATE);
    assert_true(run_until(w, &w->ups, 1, 5));
    assert_true(bus_is_up(w->bus));
    assert_int_equal(say(w, 1, "samlarm/1/" MUNICIPALITY "/case/u/c"), ERR_OK);
    assert_true(run_until(w, &w->done_ok, 1, 5));
    assert_int_equal(w->last_token, 1);
    assert_int_equal(w->downs, 0);
}

static void takes_no_more_than_its_ceiling_and_no_bad_topic(void **state)
{
    struct witness *w = *state;
    assert_true(run_until(w, &w->ups, 1, 5));
    assert_int_equal(bus_room(w->bus), BUS_IN_FLIGHT);
    for (uint64_t i = 1; i <= BUS_IN_FLIGHT; i++) {
        assert_int_equal(say(w, i, "samlarm/1/" MUNICIPALITY "/case/u/c"), ERR_OK);
    }
    assert_int_equal(bus_room(w->bus), 0);
    assert_int_equal(say(w, 99, "samlarm/1/" MUNICIPALITY "/case/u/c"), ERR_FULL);
    assert_true(run_until(w, &w->done_ok, BUS_IN_FLIGHT, 5));
    assert_true(w->is_in_order);
    assert_int_equal(bus_room(w->bus), BUS_IN_FLIGHT);
    static uint8_t huge[BUS_PAYLOAD_MAX + 1];
    struct slice topic = slice_str("samlarm/1/" MUNICIPALITY "/case/u/c");
    assert_int_equal(bus_publish(w->bus, 1, topic, slice_of(huge, sizeof(huge))), ERR_RANGE);
    assert_int_equal(say(w, 1, "samlarm/1/+/case"), ERR_RANGE);
    assert_int_equal(say(w, 1, ""), ERR_RANGE);
    assert_int_equal(bus_room(w->bus), BUS_IN_FLIGHT);
    assert_int_equal(bus_publish(w->bus, 200, topic, slice_of(huge, 32000)), ERR_OK);
    assert_true(run_until(w, &w->done_ok, BUS_IN_FLIGHT + 1, 5));
}

static void a_refusal_of_the_broker_is_not_success(void **state)
{
    struct witness *w = *state;
    assert_true(run_until(w, &w->ups, 1, 5));
    assert_int_equal(say(w, 7, "somebody/elses/topic"), ERR_OK);
    assert_true(run_until(w, &w->done_auth, 1, 5));
    assert_int_equal(w->done_ok, 0);
    assert_true(bus_is_up(w->bus));
}

static void a_killed_broker_gives_everything_back_and_comes_up_again(void **state)
{
    struct witness *w = *state;
    assert_true(run_until(w, &w->ups, 1, 5));
    assert_int_equal(kill(w->broker.pid, SIGSTOP), 0);
    for (uint64_t i = 1; i <= 10; i++) {
        assert_int_equal(say(w, i, "samlarm/1/" MUNICIPALITY "/case/u/c"), ERR_OK);
    }
    broker_kill(&w->broker);
    assert_true(run_until(w, &w->downs, 1, 5));
    assert_int_equal(w->done_io, 10);
    assert_int_equal(w->done_ok, 0);
    assert_non_null(strstr(w->why, "broker"));
    assert_int_equal(say(w, 11, "samlarm/1/" MUNICIPALITY "/case/u/c"), ERR_STATE);
    run_for(w, 0.5);
    assert_int_equal(w->downs, 1); /* once per loss, not once per attempt */
    broker_start(&w->broker);
    assert_true(run_until(w, &w->ups, 2, 10));
    assert_int_equal(bus_room(w->bus), BUS_IN_FLIGHT);
    assert_int_equal(say(w, 12, "samlarm/1/" MUNICIPALITY "/case/u/c"), ERR_OK);
    assert_true(run_until(w, &w->done_ok, 1, 5));
    run_for(w, 0.2);
    assert_int_equal(w->done_ok, 1); /* and nothing of before was sent again behind our back */
}

static void a_broker_that_stands_still_is_a_loss_within_five_seconds(void **state)
{
    struct witness *w = *state;
    assert_true(run_until(w, &w->ups, 1, 5));
    assert_int_equal(kill(w->broker.pid, SIGSTOP), 0);
    double before = ev_time();
    assert_true(run_until(w, &w->downs, 1, 10));
    assert_true(ev_time() - before < 5.5);
    assert_non_null(strstr(w->why, "does not give our messages back"));
    assert_int_equal(kill(w->broker.pid, SIGCONT), 0);
    assert_true(run_until(w, &w->ups, 2, 15));
}

static void a_wrong_password_is_told_in_plain_words(void **state)
{
    struct witness *w = *state;
    bus_close(w->bus);
    open_bus(w, "wrong");
    assert_true(run_until(w, &w->downs, 1, 5));
    assert_non_null(strstr(w->why, "password"));
    assert_int_equal(w->ups, 0);
}

static void a_name_that_nobody_knows_is_refused_at_once(void **state)
{
    struct witness *w = *state;
    struct bus_config config = {.host = "999.999.0.1",
                                .port = 1883,
                                .user = "gateway",
                                .password = "x",
                                .municipality = MUNICIPALITY};
    struct bus *bus = NULL;
    char why[256];
    assert_int_not_equal(bus_open(w->loop, &config, &handler, w, &bus, why, sizeof(why)), ERR_OK);
    assert_non_null(strstr(why, "999.999.0.1"));
    assert_null(bus);
}

static void a_stranger_who_takes_our_client_id_disturbs_nobody(void **state)
{
    struct witness *w = *state;
    assert_true(run_until(w, &w->ups, 1, 5));
    for (int round = 0; round < 10; round++) {
        struct peer stranger = {0};
        peer_open(&stranger, w, "listener", "gateway", round % 2 == 0);
        assert_true(pump(w, &stranger, &stranger.connected, 1));
        peer_close(&stranger);
    }
    assert_int_equal(say(w, 1, "samlarm/1/" MUNICIPALITY "/case/u/c"), ERR_OK);
    assert_true(run_until(w, &w->done_ok, 1, 5));
    assert_int_equal(w->downs, 0);
}

static void ask(struct peer *centre, const char *response_topic)
{
    mosquitto_property *properties = NULL;
    assert_int_equal(
        mosquitto_property_add_string(&properties, MQTT_PROP_RESPONSE_TOPIC, response_topic), 0);
    assert_int_equal(
        mosquitto_property_add_binary(&properties, MQTT_PROP_CORRELATION_DATA, "nr 5", 4), 0);
    assert_int_equal(
        mosquitto_publish_v5(centre->mosq, NULL, COMMAND, 3, "all", 1, false, properties), 0);
    mosquitto_property_free_all(&properties);
}

static void a_request_is_heard_and_answered_with_its_correlation(void **state)
{
    struct witness *w = *state;
    struct peer centre = {0};
    assert_true(run_until(w, &w->ups, 1, 5));
    w->is_answering = true;
    peer_open(&centre, w, "centre", "any", true);
    assert_true(pump(w, &centre, &centre.connected, 1));
    const char *own = "samlarm/1/" MUNICIPALITY "/answer/centre/1";
    assert_int_equal(mosquitto_subscribe(centre.mosq, NULL, own, 1), 0);
    ask(&centre, own);
    assert_true(pump(w, &centre, &centre.messages, 2));
    assert_string_equal(w->topic, COMMAND);
    assert_string_equal(w->payload, "all");
    assert_int_equal(w->answer_err, ERR_OK);
    assert_string_equal(centre.last[0], "first");
    assert_string_equal(centre.last[1], "second");
    assert_string_equal(centre.correlation, "nr 5");

    /* An asker cannot make the gateway speak on the topic of an event. */
    ask(&centre, "samlarm/1/" MUNICIPALITY "/event/special/u/d");
    assert_true(pump(w, &centre, (const volatile int *)&w->messages, 2));
    assert_int_equal(w->answer_err, ERR_AUTH);

    /* A retained command is an old one. */
    assert_int_equal(mosquitto_publish(centre.mosq, NULL, COMMAND, 3, "old", 1, true), 0);
    assert_true(pump(w, &centre, (const volatile int *)&w->messages, 3)); /* live: flag not set */
    peer_close(&centre);
    bus_close(w->bus);
    open_bus(w, "secret-gateway");
    assert_true(run_until(w, &w->ups, 2, 5));
    run_for(w, 0.3);
    assert_int_equal(w->messages, 3);
}

static void messages_dropped_for_a_stopped_listener_are_a_fault(void **state)
{
    struct witness *w = *state;
    struct peer stopped = {0};
    assert_true(run_until(w, &w->ups, 1, 5));
    peer_open(&stopped, w, "listener", "any", false);
    assert_true(pump(w, &stopped, &stopped.connected, 1));
    assert_int_equal(mosquitto_subscribe(stopped.mosq, NULL, "samlarm/#", 1), 0);
    run_for(w, 0.1);
    (void)mosquitto_loop(stopped.mosq, 100, 10);
    peer_close(&stopped);
    run_for(w, 2.5); /* one round of the broker's own counters */

    int sent = 0;
    while (sent < 10000) {
        while (sent < 10000 && bus_room(w->bus) > 0) {
            assert_int_equal(say(w, (uint64_t)++sent, "samlarm/1/" MUNICIPALITY "/case/u/c"),
                             ERR_OK);
        }
        assert_true(run_until(w, &w->done_ok, sent - BUS_IN_FLIGHT + 1, 5));
    }
    assert_true(run_until(w, &w->done_ok, 10000, 5));
    double before = ev_time();
    while (w->fault[0] == '\0' && ev_time() - before < 6) {
        run_for(w, 0.1);
    }
    assert_string_equal(w->fault, "bus_dropping");
    assert_true(ev_time() - before <= 5);
    assert_int_equal(w->downs, 0);
}

static void a_foreign_broker_needs_no_rights_beyond_the_ports_topics(void **state)
{
    struct witness *w = *state;
    static const char *const filters[] = {"samlarm/1/" MUNICIPALITY "/command/#", NULL};
    struct bus_config config = {.host = "localhost",
                                .port = w->broker.port,
                                .user = "listener", /* may read, and write nothing we would echo */
                                .password = "secret-listener",
                                .municipality = MUNICIPALITY,
                                .is_foreign = true,
                                .subscriptions = filters};
    char why[256];
    struct peer device = {0};
    assert_true(run_until(w, &w->ups, 1, 5));
    bus_close(w->bus);
    assert_int_equal(bus_open(w->loop, &config, &handler, w, &w->bus, why, sizeof(why)), ERR_OK);
    assert_true(run_until(w, &w->ups, 2, 5));
    peer_open(&device, w, "centre", "any", false);
    assert_true(pump(w, &device, &device.connected, 1));
    assert_int_equal(mosquitto_publish(device.mosq, NULL, COMMAND, 3, "sos", 1, false), 0);
    assert_true(pump(w, &device, (const volatile int *)&w->messages, 1));
    broker_kill(&w->broker);
    assert_true(run_until(w, &w->downs, 1, 5));
    peer_close(&device);
}

static struct bus *open_foreign(struct witness *w, const char *host, int port, const char *ca)
{
    static const char *const filters[] = {"application/+/device/+/event/up", NULL};
    struct bus_config config = {.host = host,
                                .port = port,
                                .user = "topics",
                                .password = "secret-topics",
                                .municipality = MUNICIPALITY,
                                .is_foreign = true,
                                .ca = ca,
                                .subscriptions = filters};
    struct bus *bus = NULL;
    char why[256];
    assert_int_equal(bus_open(w->loop, &config, &handler, w, &bus, why, sizeof(why)), ERR_OK);
    return bus;
}

static void a_foreign_broker_must_show_a_certificate_of_its_name(void **state)
{
    struct witness *w = *state;
    int port = 0;
    char ca[96];
    char other[96];
    bus_close(w->bus);
    w->bus = NULL;
    broker_with_tls(&w->broker, "localhost", &port);
    (void)snprintf(ca, sizeof(ca), "%s/ca.pem", w->broker.dir);
    (void)snprintf(other, sizeof(other), "%s/other.pem", w->broker.dir);
    w->bus = open_foreign(w, "localhost", port, ca); /* by name, though we dial a number */
    assert_true(run_until(w, &w->ups, 1, 10));
    bus_close(w->bus);
    w->bus = open_foreign(w, "127.0.0.1", port, ca); /* the certificate says no number */
    assert_true(run_until(w, &w->downs, 1, 10));
    bus_close(w->bus);
    w->bus = open_foreign(w, "localhost", port, other); /* signed by somebody else */
    assert_true(run_until(w, &w->downs, 2, 10));
    assert_non_null(strstr(w->why, "localhost"));
    assert_non_null(strstr(w->why, "certificate"));
    bus_close(w->bus);
    w->bus = open_foreign(w, "localhost", w->broker.port, ca); /* no TLS there at all */
    assert_true(run_until(w, &w->downs, 3, 10));
    assert_int_equal(w->ups, 1);
}

static void a_foreign_broker_is_shown_our_certificate(void **state)
{
    static const char *const filters[] = {"a/b", NULL};
    struct witness *w = *state;
    char paths[4][96];
    static const char *const names[] = {"ca.pem", "cert.pem", "key.pem", "other.key"};
    char why[256];
    int port = 0;
    bus_close(w->bus);
    w->bus = NULL;
    broker_with_tls(&w->broker, "localhost", &port);
    broker_asks_for_certificates(&w->broker);
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/%s", w->broker.dir, names[i]);
    }
    w->bus = open_foreign(w, "localhost", port, paths[0]); /* with none */
    assert_true(run_until(w, &w->downs, 1, 10));
    bus_close(w->bus);
    w->bus = NULL;
    struct bus_config config = {.host = "localhost",
                                .port = port,
                                .user = "topics",
                                .password = "secret-topics",
                                .municipality = MUNICIPALITY,
                                .is_foreign = true,
                                .ca = paths[0],
                                .certificate = paths[1],
                                .key = paths[3],
                                .subscriptions = filters};
    assert_int_equal(bus_open(w->loop, &config, &handler, w, &w->bus, why, sizeof(why)), ERR_RANGE);
    assert_non_null(strstr(why, "/cert.pem")); /* that key is another's */
    config.key = paths[2];
    assert_int_equal(bus_open(w->loop, &config, &handler, w, &w->bus, why, sizeof(why)), ERR_OK);
    assert_true(run_until(w, &w->ups, 1, 10));
}

static void a_foreign_broker_keeps_what_comes_while_we_are_away(void **state)
{
    struct witness *w = *state;
    struct peer network = {0};
    bus_close(w->bus);
    w->bus = open_foreign(w, "localhost", w->broker.port, NULL);
    assert_true(run_until(w, &w->ups, 1, 10));
    bus_close(w->bus);
    w->bus = NULL;
    peer_open(&network, w, "network-server", "any", false);
    assert_true(pump(w, &network, &network.connected, 1));
    const char *topic = "application/1/device/a8/event/up";
    assert_int_equal(mosquitto_publish(network.mosq, NULL, topic, 5, "press", 1, false), 0);
    for (int i = 0; i < 20; i++) {
        (void)mosquitto_loop(network.mosq, 10, 1);
    }
    w->bus = open_foreign(w, "localhost", w->broker.port, NULL);
    assert_true(pump(w, &network, (const volatile int *)&w->messages, 1));
    assert_string_equal(w->payload, "press");
    peer_close(&network);
}

static void a_name_that_dns_does_not_know_yet_is_asked_for_again(void **state)
{
    struct witness *w = *state;
    bus_close(w->bus);
    w->bus = open_foreign(w, "nowhere.invalid", 1883, NULL);
    assert_true(run_until(w, &w->downs, 1, 10));
    assert_non_null(strstr(w->why, "nowhere.invalid"));
    bus_close(w->bus); /* while a question may be under way */
    w->bus = open_foreign(w, "nowhere.invalid", 1883, NULL);
}

static void receipts_go_to_devices_and_filters_match_as_the_broker_does(void **state)
{
    struct witness *w = *state;
    assert_int_equal(bus_tell(w->bus, slice_str("a/b"), slice_str("x")), ERR_STATE);
    assert_true(run_until(w, &w->ups, 1, 5));
    assert_int_equal(bus_tell(w->bus, slice_str("samlarm/1/m/down/d"), slice_str("x")), ERR_OK);
    assert_int_equal(bus_tell(w->bus, slice_str("samlarm/+/down"), slice_str("x")), ERR_RANGE);
    assert_int_equal(bus_tell(w->bus, slice_str(""), slice_str("x")), ERR_RANGE);
    assert_true(bus_matches("application/+/device/+/event/up",
                            slice_str("application/1/device/a8/event/up")));
    assert_false(bus_matches("application/+/device/+/event/up",
                             slice_str("application/1/device/a8/event/join")));
    assert_true(bus_matches("v3/#", slice_str("v3/app@ttn/devices/x/up")));
}

static size_t heap(void)
{
    (void)malloc_trim(0);
    return mallinfo2().uordblks;
}

static long resident_kb(void)
{
    char text[128] = "";
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fgets(text, sizeof(text), file) == NULL) {
        abort();
    }
    (void)fclose(file);
    long pages = 0;
    assert_int_equal(sscanf(text, "%*d %ld", &pages), 1);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int open_files(void)
{
    int found = 0;
    for (int fd = 0; fd < 1024; fd++) {
        found += fcntl(fd, F_GETFD) >= 0;
    }
    return found;
}

/* Each cycle is thrown out by a second program with the same login: a real loss with things in flight. */
static void two_hundred_reconnects_leave_nothing_behind(void **state)
{
    struct witness *w = *state;
    size_t heap_before = 0;
    long kb_before = 0;
    int files_before = 0;
    for (int cycle = 0; cycle < 200; cycle++) {
        if (cycle == 20) {
            heap_before = heap();
            kb_before = resident_kb();
            files_before = open_files();
        }
        assert_true(run_until(w, &w->ups, cycle + 1, 10));
        struct peer twin = {0};
        w->bus->delay_s = 0.001; /* the waiting itself is not what is tested here */
        (void)say(w, (uint64_t)cycle + 1, "samlarm/1/" MUNICIPALITY "/case/u/c");
        peer_open(&twin, w, "gateway", "any", true);
        for (int round = 0; round < 400 && w->downs == cycle; round++) {
            (void)mosquitto_loop(twin.mosq, 1, 1);
            (void)ev_run(w->loop, EVRUN_NOWAIT);
        }
        assert_int_equal(w->downs, cycle + 1);
        peer_close(&twin);
    }
    assert_true(heap() < heap_before + 65536);
    assert_true(resident_kb() < kb_before + 8192);
    assert_int_equal(open_files(), files_before);
    assert_int_equal(w->done_ok + w->done_io, 200);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(is_up_when_its_own_echo_came_back_and_publishes),
        CASE(takes_no_more_than_its_ceiling_and_no_bad_topic),
        CASE(a_refusal_of_the_broker_is_not_success),
        CASE(a_killed_broker_gives_everything_back_and_comes_up_again),
        CASE(a_broker_that_stands_still_is_a_loss_within_five_seconds),
        CASE(a_wrong_password_is_told_in_plain_words),
        CASE(a_name_that_nobody_knows_is_refused_at_once),
        CASE(a_stranger_who_takes_our_client_id_disturbs_nobody),
        CASE(a_request_is_heard_and_answered_with_its_correlation),
        CASE(a_foreign_broker_needs_no_rights_beyond_the_ports_topics),
        CASE(a_foreign_broker_must_show_a_certificate_of_its_name),
        CASE(a_foreign_broker_is_shown_our_certificate),
        CASE(a_foreign_broker_keeps_what_comes_while_we_are_away),
        CASE(a_name_that_dns_does_not_know_yet_is_asked_for_again),
        CASE(receipts_go_to_devices_and_filters_match_as_the_broker_does),
        CASE(messages_dropped_for_a_stopped_listener_are_a_fault),
        CASE(two_hundred_reconnects_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
