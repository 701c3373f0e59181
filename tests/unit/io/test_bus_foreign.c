/* test_bus_foreign.c - a network server's broker: its name, its certificate, ours, and what it keeps for us. */
#include "unit/io/bus_witness.h"

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

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_foreign_broker_needs_no_rights_beyond_the_ports_topics),
        CASE(a_foreign_broker_must_show_a_certificate_of_its_name),
        CASE(a_foreign_broker_is_shown_our_certificate),
        CASE(a_foreign_broker_keeps_what_comes_while_we_are_away),
        CASE(a_name_that_dns_does_not_know_yet_is_asked_for_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
