/* lora_network_stub.c - stub-lora_network: a LoRaWAN device and the network server in front of it.
 *
 * Run by people and by tests; publishes uplinks to a broker as ChirpStack v4 or The Things Stack v3 does.
 * Commands on stdin, one a line; everything that happens on stdout. Faults: README.md. A device does
 * not wait for us, and neither does this one.
 */
#include "stub.h"
#include "wire/lora_uplink.h"

#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEEPALIVE_S = 20,
    TICK_MS = 20,
    RETRY_TICKS = 50,
    GATEWAY_MS = 40, /* how much later each further gateway delivers */
    LATE_TIMES = 3,  /* late_heartbeat */
    GATEWAYS_MAX = 4,
    BODY_ROOM = 4096
};

enum fault {
    FAULT_NONE,
    FAULT_LATE_HEARTBEAT,
    FAULT_REPEATED_FCNT,
    FAULT_COUNTER_RESET,
    FAULT_HISTORY_AS_LIVE,
    FAULT_SIMULATED,
    FAULT_ECHO_STALE,
    FAULT_WRONG_EUI,
    FAULT_COUNT
};

static const char *const faults[FAULT_COUNT] = {"none",          "late_heartbeat",  "repeated_fcnt",
                                                "counter_reset", "history_as_live", "simulated",
                                                "echo_stale",    "wrong_eui"};

/* What a device of this model sends for a command. */
static const struct row {
    const char *model;
    const char *command;
    unsigned port;
    const char *hex;
} rows[] = {
    {"milesight-ws101", "press", 85, "017564FF2E01"},
    {"milesight-ws101", "long", 85, "FF2E02"},
    {"milesight-ws101", "double", 85, "FF2E03"},
    {"milesight-ws101", "battery", 85, "017505"},
    {"milesight-ws101", "heartbeat", 85, "017564"},
    {"milesight-ws301", "open", 85, "030001040000"},
    {"milesight-ws301", "close", 85, "030000040000"},
    {"milesight-ws301", "tamper", 85, "040001"},
    {"milesight-ws301", "battery", 85, "017505"},
    {"milesight-ws301", "heartbeat", 85, "017564030000040000"},
    {"milesight-em300-zld", "leak", 85, "050001"},
    {"milesight-em300-zld", "dry", 85, "050000"},
    {"milesight-em300-zld", "battery", 85, "017505"},
    {"milesight-em300-zld", "heartbeat", 85, "01755C03673401046865050000"},
    {"milesight-vs373", "fall", 85, "06FB01000001FF"},
    {"milesight-vs373", "over", 85, "06FB01000002FF"},
    {"milesight-vs373", "out_of_bed", 85, "06FB0200030100"},
    {"milesight-vs373", "heartbeat", 85, "03F8000000000000"},
    {"milesight-gs524n", "smoke", 85, "221164051C48"},
    {"milesight-gs524n", "test", 85, "221E64001C40"},
    {"milesight-gs524n", "heartbeat", 85, "221764001C47"},
    {"browan-tbpb100", "press", 147, "01FE370000040000"},
    {"browan-tbpb100", "battery", 147, "00F0370000040000"},
    {"browan-tbpb100", "heartbeat", 147, "00FE370000040000"},
    {"browan-tbdw100", "open", 100, "01CB3500008A3A00"},
    {"browan-tbdw100", "close", 100, "00CB3500008A3A00"},
    {"browan-tbdw100", "battery", 100, "00C03500008A3A00"},
    {"browan-tbdw100", "heartbeat", 100, "00CB3510008A3A00"},
    {"browan-tbwl100", "leak", 106, "01FB352A35"},
    {"browan-tbwl100", "dry", 106, "00FB352A35"},
    {"browan-tbwl100", "heartbeat", 106, "00FB352A35"},
    {"elsys", "press", 5, "0D01070E10"},
    {"elsys", "leak", 5, "12FF070E10"},
    {"elsys", "dry", 5, "1200070E10"},
    {"elsys", "battery", 5, "070AF0"},
    {"elsys", "heartbeat", 5, "0100E20229070E10"},
    {"sensative-strips", "open", 1, "000A0900"},
    {"sensative-strips", "close", 1, "000A0901"},
    {"sensative-strips", "press", 1, "000A1001"},
    {"sensative-strips", "leak", 1, "000A0E01"},
    {"sensative-strips", "dry", 1, "000A0E00"},
    {"sensative-strips", "battery", 1, "000A0105"},
    {"sensative-strips", "heartbeat", 1, "000A0150"},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

struct network {
    struct ev_loop *loop;
    struct mosquitto *client;
    struct stub_stdin in;
    struct ev_timer tick;
    struct ev_timer heart;
    const char *model;
    enum fault fault;
    int64_t gateways;
    struct lora_uplink up; /* the next frame; what was sent last after it was */
    uint32_t session;
    struct lora_uplink last_alarm;
    bool has_alarm;
    bool is_connected;
    unsigned ticks_away;
};

struct wishes {
    const char *broker;
    const char *user;
    const char *password;
    const char *network;
    const char *eui;
    const char *id;
    const char *fault;
    int64_t heartbeat_s;
};

/* ---- publishing ---- */

/* The frame as one gateway delivered it: its own deduplication id and a time a little later. */
static void publish(struct network *n, struct lora_uplink up, int64_t gateway, const char *what)
{
    char topic_bytes[LORA_TOPIC_ROOM];
    char name[32];
    static char body_bytes[BODY_ROOM];
    struct buf topic = buf_of(topic_bytes, sizeof topic_bytes);
    struct buf body = buf_of(body_bytes, sizeof body_bytes);
    up.received_ms += gateway * GATEWAY_MS;
    up.delivery += (uint64_t)gateway;
    snprintf(name, sizeof name, "gateway-%d", (int)gateway + 1);
    if (lora_uplink_encode(&up, name, &topic, &body) != ERR_OK) {
        stub_say("not_sent what=%s why=full", what);
        return;
    }
    if (n->fault == FAULT_WRONG_EUI && topic.len > 16) { /* another last digit of the device */
        char *slash = strstr(buf_cstr(&topic), up.network == LORA_CHIRPSTACK ? "/event" : "/up");
        if (slash != NULL) {
            slash[-1] = slash[-1] == '0' ? '1' : '0';
        }
    }
    int rc = mosquitto_publish(n->client, NULL, buf_cstr(&topic), (int)body.len, body.at, 1, false);
    bool is_kept = rc == MOSQ_ERR_SUCCESS || rc == MOSQ_ERR_NO_CONN;
    if (!is_kept) {
        stub_say("not_sent what=%s why=\"%s\"", what, mosquitto_strerror(rc));
        return;
    }
    stub_say("sent what=%s eui=%s fcnt=%u gateway=%d", what, up.dev_eui, (unsigned)up.f_cnt,
             (int)gateway + 1);
}

static void publish_all(struct network *n, const char *what)
{
    for (int64_t i = 0; i < n->gateways; i++) {
        publish(n, n->up, i, what);
    }
}

/* A new session, as after a power cut: another address, and the counter from the beginning. */
static void join(struct network *n)
{
    n->session++;
    snprintf(n->up.dev_addr, sizeof n->up.dev_addr, "%08X", 0x00BC0000u + (unsigned)n->session);
    n->up.event = LORA_JOIN;
    n->up.f_cnt = 0;
    n->up.payload_len = 0;
    n->up.received_ms = loop_now().wall_ms;
    publish(n, n->up, 0, "join");
}

static const struct row *row_of(const char *model, const char *command)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].model, model) == 0 && strcmp(rows[i].command, command) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static void send_row(struct network *n, const struct row *row)
{
    bool is_heartbeat = strcmp(row->command, "heartbeat") == 0;
    n->up.event = LORA_UP;
    n->up.f_port = row->port;
    n->up.received_ms = loop_now().wall_ms;
    n->up.delivery += GATEWAYS_MAX;
    if (hex_decode(slice_str(row->hex), n->up.payload, sizeof n->up.payload, &n->up.payload_len) !=
        ERR_OK) {
        stub_complain("The table of this program is broken at %s.", row->model);
        return;
    }
    if (n->fault == FAULT_COUNTER_RESET && !is_heartbeat) {
        n->up.f_cnt = 0;
    } else if (n->fault != FAULT_REPEATED_FCNT) {
        n->up.f_cnt++;
    }
    publish_all(n, row->command);
    if (!is_heartbeat) {
        n->last_alarm = n->up;
        n->has_alarm = true;
    }
}

static void on_heart(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct network *n = timer->data;
    const struct row *row = row_of(n->model, "heartbeat");
    (void)loop;
    (void)events;
    if (n->fault == FAULT_ECHO_STALE && n->has_alarm) {
        publish(n, n->last_alarm, 0, "echo"); /* the very same message, once more */
    }
    if (n->fault == FAULT_HISTORY_AS_LIVE && n->has_alarm) {
        /* what is long over, in a frame of its own that looks as if it were now */
        n->up.f_cnt++;
        n->up.received_ms = loop_now().wall_ms;
        n->up.f_port = n->last_alarm.f_port;
        n->up.payload_len = n->last_alarm.payload_len;
        memcpy(n->up.payload, n->last_alarm.payload, n->up.payload_len);
        publish_all(n, "history");
        return;
    }
    if (row != NULL) {
        send_row(n, row);
    }
}

/* ---- commands ---- */

static void on_line(void *context, char *line)
{
    struct network *n = context;
    const char *command = stub_word(&line);
    if (command == NULL) {
        return;
    }
    if (strcmp(command, "quit") == 0) {
        ev_break(n->loop, EVBREAK_ALL);
        return;
    }
    if (strcmp(command, "join") == 0) {
        join(n);
        return;
    }
    const struct row *row = row_of(n->model, command);
    if (row != NULL) {
        send_row(n, row);
        return;
    }
    stub_complain("A %s does not know \"%s\". Its commands are join, quit and:", n->model, command);
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].model, n->model) == 0) {
            stub_complain("  %s", rows[i].command);
        }
    }
}

/* ---- the broker ---- */

static void on_connect(struct mosquitto *client, void *context, int rc)
{
    struct network *n = context;
    (void)client;
    n->is_connected = rc == 0;
    if (rc == 0) {
        stub_say("connected");
    } else {
        stub_say("disconnected why=\"%s\"", mosquitto_connack_string(rc));
    }
}

static void on_disconnect(struct mosquitto *client, void *context, int rc)
{
    struct network *n = context;
    (void)client;
    if (n->is_connected) {
        stub_say("disconnected why=\"%s\"", rc == 0 ? "quit" : mosquitto_strerror(rc));
    }
    n->is_connected = false;
}

static void on_publish(struct mosquitto *client, void *context, int mid)
{
    (void)client;
    (void)context;
    stub_say("acknowledged message=%d", mid);
}

static void on_tick(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct network *n = timer->data;
    (void)loop;
    (void)events;
    if (mosquitto_loop(n->client, 0, 16) == MOSQ_ERR_SUCCESS) {
        n->ticks_away = 0;
    } else if (n->ticks_away++ % RETRY_TICKS == RETRY_TICKS - 1) {
        (void)mosquitto_reconnect(n->client);
    }
}

/* "127.0.0.1:1883" */
static bool connect_to(struct network *n, const struct wishes *w)
{
    char host[STUB_PEER_ROOM];
    uint64_t port = 0;
    struct slice rest = slice_str(w->broker);
    struct slice name = slice_cut(&rest, ':');
    if (slice_text(name, host, sizeof host) != ERR_OK || host[0] == '\0' ||
        slice_u64(rest, 65535, &port) != ERR_OK || port == 0) {
        stub_complain("--broker is host:port, not \"%s\".", w->broker);
        return false;
    }
    n->client = mosquitto_new(NULL, true, n);
    if (n->client == NULL) {
        stub_complain("There is no memory for the connection.");
        return false;
    }
    mosquitto_connect_callback_set(n->client, on_connect);
    mosquitto_disconnect_callback_set(n->client, on_disconnect);
    mosquitto_publish_callback_set(n->client, on_publish);
    if (w->user != NULL) {
        (void)mosquitto_username_pw_set(n->client, w->user, w->password);
    }
    int rc = mosquitto_connect(n->client, host, (int)port, KEEPALIVE_S);
    if (rc != MOSQ_ERR_SUCCESS) {
        stub_say("disconnected why=\"%s\"", mosquitto_strerror(rc)); /* it is tried again */
    }
    return true;
}

/* ---- beginning and end ---- */

static void run(struct network *n, int64_t heartbeat_s)
{
    double every_s = (double)heartbeat_s * (n->fault == FAULT_LATE_HEARTBEAT ? LATE_TIMES : 1);
    ev_timer_init(&n->tick, on_tick, 0.0, TICK_MS / 1000.0);
    n->tick.data = n;
    ev_timer_start(n->loop, &n->tick);
    ev_timer_init(&n->heart, on_heart, every_s, every_s);
    n->heart.data = n;
    if (heartbeat_s > 0) {
        ev_timer_start(n->loop, &n->heart);
    }
    stub_stdin_open(&n->in, n->loop, n, on_line, NULL);
    join(n);
    stub_run(n->loop);
    stub_stdin_close(&n->in);
    ev_timer_stop(n->loop, &n->heart);
    ev_timer_stop(n->loop, &n->tick);
    for (int i = 0; i < RETRY_TICKS && mosquitto_want_write(n->client); i++) {
        (void)mosquitto_loop(n->client, TICK_MS, 16);
    }
    (void)mosquitto_disconnect(n->client);
}

static bool prepare(struct network *n, const struct wishes *w)
{
    bool is_known = false;
    n->fault = FAULT_COUNT;
    for (int i = 0; i < FAULT_COUNT; i++) {
        n->fault = strcmp(faults[i], w->fault) == 0 ? (enum fault)i : n->fault;
    }
    for (size_t i = 0; i < ROWS; i++) {
        is_known = is_known || strcmp(rows[i].model, n->model) == 0;
    }
    uint8_t eui[8];
    size_t len = 0;
    bool is_things_stack = strcmp(w->network, "tts") == 0;
    if (n->fault == FAULT_COUNT || !is_known ||
        (!is_things_stack && strcmp(w->network, "chirpstack") != 0) ||
        hex_decode(slice_str(w->eui), eui, sizeof eui, &len) != ERR_OK || len != sizeof eui) {
        stub_complain(
            "--fault, --model or --network is not one of those in --help, or --eui is not "
            "16 hex digits.");
        return false;
    }
    n->up = (struct lora_uplink){.network = is_things_stack ? LORA_THINGS_STACK : LORA_CHIRPSTACK,
                                 .battery_percent = -1,
                                 .is_confirmed = true,
                                 .is_simulated = n->fault == FAULT_SIMULATED};
    n->session = (uint32_t)(loop_now().wall_ms / 1000 % 65536);
    for (size_t i = 0; i < 2 * sizeof eui; i++) {
        char c = w->eui[i];
        n->up.dev_eui[i] = (char)(c >= 'a' && c <= 'f' ? c - 'a' + 'A' : c);
    }
    (void)slice_text(slice_str(w->id), n->up.device_id, sizeof n->up.device_id);
    return true;
}

int main(int argc, char **argv)
{
    struct wishes w = {.broker = "127.0.0.1:1883",
                       .network = "chirpstack",
                       .eui = "24E124535B000001",
                       .id = "larmknapp-12",
                       .fault = "none",
                       .heartbeat_s = 600};
    struct network n = {.model = "milesight-ws101", .gateways = 1};
    struct stub_chance chance = {.every_s = 300};
    const struct stub_option options[] = {
        {"broker", "the broker: host:port", .text = &w.broker},
        {"user", "who we are at the broker", .text = &w.user},
        {"password", "and its password", .text = &w.password},
        {"network", "chirpstack or tts", .text = &w.network},
        {"model",
         "milesight-ws101, -ws301, -em300-zld, -vs373, -gs524n, browan-tbpb100, -tbdw100, "
         "-tbwl100, elsys or sensative-strips",
         .text = &n.model},
        {"eui", "the device, 16 hex digits", .text = &w.eui},
        {"device-id", "its name in The Things Stack", .text = &w.id},
        {"gateways", "how many gateways deliver each frame, each as a message of its own", NULL,
         &n.gateways, 1, GATEWAYS_MAX, NULL},
        {"heartbeat-s", "seconds from heartbeat to heartbeat; 0: none", NULL, &w.heartbeat_s, 0,
         604800, NULL},
        {"fault",
         "none, late_heartbeat, repeated_fcnt, counter_reset, history_as_live, simulated, "
         "echo_stale or wrong_eui",
         .text = &w.fault},
        STUB_CHANCE_OPTIONS(chance),
        {0},
    };
    int status = 0;
    if (!stub_options(argc, argv, "a LoRaWAN device behind its network server; commands on stdin",
                      options, &status)) {
        return status;
    }
    n.loop = ev_default_loop(0);
    status = 2;
    mosquitto_lib_init();
    if (prepare(&n, &w) && connect_to(&n, &w)) {
        stub_chance_open(&chance, n.loop, &n, on_line);
        run(&n, w.heartbeat_s);
        status = 0;
    }
    mosquitto_destroy(n.client);
    mosquitto_lib_cleanup();
    ev_loop_destroy(n.loop);
    return status;
}
