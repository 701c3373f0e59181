/* test_bus.c - the bus against the product's own broker configuration: up, lost, refused, full, answered.
 */
#include "unit/io/bus_witness.h"

#include <malloc.h>

enum { PEER_MESSAGES = 20000 };

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
        CASE(messages_dropped_for_a_stopped_listener_are_a_fault),
        CASE(receipts_go_to_devices_and_filters_match_as_the_broker_does),
        CASE(two_hundred_reconnects_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
