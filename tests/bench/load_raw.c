/* load_raw.c - the yardstick: one publisher, one subscriber, QoS 1, straight through the same broker.
 *
 * libmosquitto without a thread, on the same epoll as the rest. Payload: LOAD_BODY bytes, the number of
 * the message first.
 */
#include "load.h"

#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct raw {
    struct load_watch watch;
    struct mosquitto *mosquitto;
    bool is_ready;
};

static struct raw in;
static struct raw out;

static void pump(struct raw *raw)
{
    int rc = mosquitto_loop_read(raw->mosquitto, 64);
    while (rc == MOSQ_ERR_SUCCESS && mosquitto_want_write(raw->mosquitto)) {
        rc = mosquitto_loop_write(raw->mosquitto, 64);
    }
    if (rc != MOSQ_ERR_SUCCESS) {
        load_fail("the broker:", mosquitto_strerror(rc));
    }
}

static void on_readable(struct load *load, struct load_watch *watch)
{
    (void)load;
    pump((struct raw *)watch);
}

static void on_message(struct mosquitto *mosquitto, void *context,
                       const struct mosquitto_message *message)
{
    struct load *load = context;
    uint64_t index = 0;
    (void)mosquitto;
    if (message->payloadlen == LOAD_BODY) {
        memcpy(&index, message->payload, sizeof index);
    }
    if (message->payloadlen == LOAD_BODY && index < load->settings.count) {
        load_seen(load, (size_t)index);
    } else {
        load->strange++;
    }
}

static void on_connect(struct mosquitto *mosquitto, void *context, int rc)
{
    (void)context;
    if (rc != 0) {
        load_fail("the broker refuses the log-in:", mosquitto_connack_string(rc));
    }
    if (mosquitto == out.mosquitto) {
        (void)mosquitto_subscribe(mosquitto, NULL, "raw/#", 1);
    } else {
        in.is_ready = true;
    }
}

static void on_subscribe(struct mosquitto *mosquitto, void *context, int mid, int count,
                         const int *granted)
{
    (void)mosquitto;
    (void)context;
    (void)mid;
    if (count != 1 || granted[0] != 1) {
        load_fail("the broker does not grant QoS 1", "");
    }
    out.is_ready = true;
}

static void on_publish(struct mosquitto *mosquitto, void *context, int mid)
{
    struct load *load = context;
    (void)mosquitto;
    (void)mid;
    load->answered++; /* in order or not: only their number is used */
}

static void open_one(struct load *load, struct raw *raw, const char *user, const char *password)
{
    raw->mosquitto = mosquitto_new(user, true, load);
    if (raw->mosquitto == NULL) {
        load_fail("out of memory", "");
    }
    mosquitto_int_option(raw->mosquitto, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_max_inflight_messages_set(raw->mosquitto, 0);
    mosquitto_username_pw_set(raw->mosquitto, user, password);
    mosquitto_connect_callback_set(raw->mosquitto, on_connect);
    mosquitto_subscribe_callback_set(raw->mosquitto, on_subscribe);
    mosquitto_message_callback_set(raw->mosquitto, on_message);
    mosquitto_publish_callback_set(raw->mosquitto, on_publish);
    int rc = mosquitto_connect(raw->mosquitto, "127.0.0.1", load->settings.bus_port, 60);
    while (rc == MOSQ_ERR_SUCCESS && !raw->is_ready) {
        rc = mosquitto_loop(raw->mosquitto, 100, 1);
    }
    if (rc != MOSQ_ERR_SUCCESS) {
        load_fail("the broker:", mosquitto_strerror(rc));
    }
    raw->watch = (struct load_watch){on_readable, mosquitto_socket(raw->mosquitto)};
    load_watch(load, &raw->watch);
}

void raw_open(struct load *load)
{
    char passwords[2][64] = {"", ""};
    FILE *file = fopen(load->settings.passwords, "r");
    if (file == NULL || fscanf(file, "%63s %63s", passwords[0], passwords[1]) != 2) {
        load_fail("two passwords are expected in", load->settings.passwords);
    }
    fclose(file);
    mosquitto_lib_init();
    open_one(load, &in, "raw-in", passwords[0]);
    open_one(load, &out, "raw-out", passwords[1]);
}

void raw_alarm(struct load *load, size_t index)
{
    uint8_t payload[LOAD_BODY] = {0};
    uint64_t number = index;
    (void)load;
    memcpy(payload, &number, sizeof number);
    int rc = mosquitto_publish(in.mosquitto, NULL, "raw/alarm", sizeof payload, payload, 1, false);
    if (rc != MOSQ_ERR_SUCCESS) {
        load_fail("publishing:", mosquitto_strerror(rc));
    }
}

void raw_misc(void)
{
    (void)mosquitto_loop_misc(in.mosquitto);
    (void)mosquitto_loop_misc(out.mosquitto);
}
