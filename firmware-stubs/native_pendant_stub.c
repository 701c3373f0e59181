/* native_pendant_stub.c - stub-native_pendant: the reference sender on a host, over libmosquitto.
 *
 * What a maker does on a microcontroller, with a file as the store and a broker as the radio. Commands on
 * stdin: press, fall, threat, door, closed, test, battery, quit. Faults: README.md; they are put in from
 * outside, since the reference sender itself keeps its rules.
 */
#include "base/crypt.h"
#include "reference/samlarm_sender.h"
#include "stub.h"

#include <fcntl.h>
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { KEEPALIVE_S = 20, TICK_MS = 20, RETRY_TICKS = 50, TOPIC_ROOM = 160 };

struct pendant {
    struct ev_loop *loop;
    struct mosquitto *client;
    struct stub_stdin in;
    struct ev_timer tick;
    struct samlarm_sender sender;
    const char *device;
    const char *fault;
    const char *store;
    char up[TOPIC_ROOM];
    char down[TOPIC_ROOM];
    uint8_t seed[ED25519_SEED_LEN];
    int64_t wake_ms;
    uint64_t first;                     /* sequence of the first alarm, for `reused_sequence` */
    uint8_t stale[SAMLARM_MESSAGE_MAX]; /* the newest alarm as it was sent, for `stale` */
    size_t stale_len;
    bool is_raising;
    unsigned sends;
    bool is_connected;
    unsigned ticks_away;
};

static bool has_fault(const struct pendant *p, const char *fault)
{
    return strcmp(p->fault, fault) == 0;
}

/* ---- the port of the reference sender ---- */

static int do_send(void *context, const uint8_t *bytes, size_t len)
{
    struct pendant *p = context;
    p->sends++;
    if (p->is_raising) {
        memcpy(p->stale, bytes, len);
        p->stale_len = len;
    }
    if (!p->is_connected) {
        return -1;
    }
    len -=
        has_fault(p, "unsigned") ? SAMLARM_SIGNATURE_BYTES + 2 : 0; /* the envelope's last field */
    int rc = mosquitto_publish(p->client, NULL, p->up, (int)len, bytes, 1, false);
    stub_say("sent bytes=%zu waiting=%u", len, samlarm_waiting(&p->sender));
    return rc == MOSQ_ERR_SUCCESS ? 0 : -1;
}

static void slot_path(const struct pendant *p, unsigned slot, const char *end, char *ret,
                      size_t room)
{
    snprintf(ret, room, "%s-%u%s", p->store, slot, end);
}

static int do_load(void *context, unsigned slot, uint8_t *bytes, size_t len)
{
    char path[600];
    slot_path(context, slot, "", path, sizeof path);
    FILE *file = fopen(path, "rb");
    size_t got = file == NULL ? 0 : fread(bytes, 1, len, file);
    if (file != NULL) {
        fclose(file);
    }
    return got == len ? 0 : -1;
}

/* Whole or not at all: beside, synced, switched over. */
static int do_save(void *context, unsigned slot, const uint8_t *bytes, size_t len)
{
    struct pendant *p = context;
    char path[600];
    char fresh[600];
    slot_path(p, slot, "", path, sizeof path);
    slot_path(p, slot, ".new", fresh, sizeof fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_good = fd >= 0 && write(fd, bytes, len) == (ssize_t)len && fdatasync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return is_good && rename(fresh, path) == 0 ? 0 : -1;
}

static uint64_t do_now(void *context)
{
    (void)context;
    return (uint64_t)loop_now().mono_ms;
}

static int64_t do_wall(void *context)
{
    return loop_now().wall_ms - (has_fault(context, "clock_off") ? 3600000 : 0);
}

static uint32_t do_random(void *context)
{
    uint32_t value = 0;
    (void)context;
    return getrandom(&value, sizeof value, 0) == (ssize_t)sizeof value ? value : 1;
}

static void do_sign(void *context, const uint8_t *bytes, size_t len, uint8_t *signature)
{
    struct pendant *p = context;
    uint8_t key[ED25519_KEY_LEN];
    ed25519_sign(p->seed, slice_of(bytes, len), key, signature);
    signature[7] ^= has_fault(p, "bad_signature") ? 1 : 0;
}

/* ---- commands ---- */

static const struct word {
    const char *command;
    struct samlarm_alarm alarm;
} words[] = {
    {"press", {SAMLARM_HELP, SAMLARM_RAISED, 0, "B1", "Knapp"}},
    {"fall", {SAMLARM_FALL, SAMLARM_RAISED, 0, "F1", ""}},
    {"threat", {SAMLARM_THREAT, SAMLARM_RAISED, 0, "T1", ""}},
    {"door", {SAMLARM_DOOR, SAMLARM_RAISED, 0, "D1", ""}},
    {"closed", {SAMLARM_DOOR, SAMLARM_RESTORED, 0, "D0", ""}},
    {"test", {SAMLARM_HELP, SAMLARM_RAISED, 1, "B1", ""}},
    {"battery", {SAMLARM_BATTERY_LOW, SAMLARM_RAISED, 0, "LOW", ""}},
};

static void raise_alarm(struct pendant *p, const struct samlarm_alarm *alarm, const char *what)
{
    if (has_fault(p, "reused_sequence") && p->first != 0) {
        p->sender.sequence = p->first - 1;
    }
    p->is_raising = true;
    uint64_t sequence = samlarm_raise(&p->sender, alarm);
    p->is_raising = false;
    p->first = p->first == 0 ? sequence : p->first;
    p->wake_ms = 0;
    stub_say("pressed sequence=%llu what=%s", (unsigned long long)sequence, what);
}

static void on_line(void *context, char *line)
{
    struct pendant *p = context;
    const char *command = stub_word(&line);
    if (command != NULL && strcmp(command, "quit") == 0) {
        ev_break(p->loop, EVBREAK_ALL);
        return;
    }
    for (size_t i = 0; command != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].command, command) == 0) {
            raise_alarm(p, &words[i].alarm, command);
            return;
        }
    }
    if (command != NULL) {
        stub_complain("I do not know \"%s\". Commands: press, fall, threat, door, closed, test, "
                      "battery, quit.",
                      command);
    }
}

/* ---- the broker ---- */

static void on_connect(struct mosquitto *client, void *context, int rc)
{
    struct pendant *p = context;
    p->is_connected = rc == 0;
    if (rc == 0) {
        stub_say("connected");
        (void)mosquitto_subscribe(client, NULL, p->down, 1);
        p->wake_ms = 0;
    } else {
        stub_say("disconnected why=\"%s\"", mosquitto_connack_string(rc));
    }
}

static void on_disconnect(struct mosquitto *client, void *context, int rc)
{
    struct pendant *p = context;
    (void)client;
    if (p->is_connected) {
        stub_say("disconnected why=\"%s\"", rc == 0 ? "quit" : mosquitto_strerror(rc));
    }
    p->is_connected = false;
}

static void on_message(struct mosquitto *client, void *context,
                       const struct mosquitto_message *message)
{
    struct pendant *p = context;
    unsigned before = samlarm_waiting(&p->sender);
    (void)client;
    (void)samlarm_heard(&p->sender, message->payload, (size_t)message->payloadlen);
    unsigned after = samlarm_waiting(&p->sender);
    stub_say("receipt bytes=%d waiting=%u", message->payloadlen, after);
    if (after < before) {
        stub_say("answered waiting=%u", after);
    }
}

static void forget_all(struct pendant *p)
{
    for (unsigned i = 0; i < SAMLARM_PENDING_MAX; i++) {
        p->sender.pending[i].sequence = 0;
    }
}

static void on_tick(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct pendant *p = timer->data;
    (void)loop;
    (void)events;
    if (mosquitto_loop(p->client, 0, 16) == MOSQ_ERR_SUCCESS) {
        p->ticks_away = 0;
    } else if (p->ticks_away++ % RETRY_TICKS == RETRY_TICKS - 1) {
        (void)mosquitto_reconnect(p->client);
    }
    if (loop_now().mono_ms < p->wake_ms || !p->is_connected) {
        return;
    }
    unsigned sends = p->sends;
    p->wake_ms = loop_now().mono_ms + samlarm_tick(&p->sender);
    if (has_fault(p, "late_heartbeat") && samlarm_waiting(&p->sender) == 0) {
        p->wake_ms += 2 * (int64_t)p->sender.interval_s * 1000; /* and so not what it promises */
    }
    if (has_fault(p, "no_retry")) {
        forget_all(p);
    }
    if (has_fault(p, "stale") && p->stale_len > 0 && p->sends != sends) {
        (void)mosquitto_publish(p->client, NULL, p->up, (int)p->stale_len, p->stale, 1, false);
        stub_say("sent what=stale");
    }
}

/* "127.0.0.1:1883" */
static bool connect_to(struct pendant *p, const char *broker, const char *user,
                       const char *password)
{
    char host[STUB_PEER_ROOM];
    uint64_t port = 0;
    struct slice rest = slice_str(broker);
    struct slice name = slice_cut(&rest, ':');
    if (slice_text(name, host, sizeof host) != ERR_OK || host[0] == '\0' ||
        slice_u64(rest, 65535, &port) != ERR_OK || port == 0) {
        stub_complain("--broker is host:port, not \"%s\".", broker);
        return false;
    }
    p->client = mosquitto_new(user == NULL ? p->device : user, true, p);
    if (p->client == NULL) {
        stub_complain("There is no memory for the connection.");
        return false;
    }
    (void)mosquitto_int_option(p->client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_connect_callback_set(p->client, on_connect);
    mosquitto_disconnect_callback_set(p->client, on_disconnect);
    mosquitto_message_callback_set(p->client, on_message);
    if (user != NULL) {
        (void)mosquitto_username_pw_set(p->client, user, password);
    }
    (void)mosquitto_connect(p->client, host, (int)port, KEEPALIVE_S);
    return true;
}

static void run(struct pendant *p, int64_t heartbeat_s)
{
    const struct samlarm_port port = {p,      do_send, do_load,   do_save,
                                      do_now, do_wall, do_random, do_sign};
    if (samlarm_begin(&p->sender, &port, p->device, (uint32_t)heartbeat_s) != 0) {
        stub_say("store_refuses");
    }
    stub_say("begun boot=%llu waiting=%u", (unsigned long long)p->sender.boot,
             samlarm_waiting(&p->sender));
    ev_timer_init(&p->tick, on_tick, 0.0, TICK_MS / 1000.0);
    p->tick.data = p;
    ev_timer_start(p->loop, &p->tick);
    stub_stdin_open(&p->in, p->loop, p, on_line, NULL);
    stub_run(p->loop);
    stub_stdin_close(&p->in);
    ev_timer_stop(p->loop, &p->tick);
    for (int i = 0; i < RETRY_TICKS && mosquitto_want_write(p->client); i++) {
        (void)mosquitto_loop(p->client, TICK_MS, 16);
    }
    (void)mosquitto_disconnect(p->client);
}

int main(int argc, char **argv)
{
    static struct pendant p = {.device = "knapp-1", .fault = "none", .store = "knapp-1.store"};
    const char *broker = "127.0.0.1:1883";
    const char *user = NULL;
    const char *password = NULL;
    const char *municipality = "bjorkala";
    const char *seed = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    int64_t heartbeat_s = 60;
    struct stub_chance chance = {.every_s = 300};
    const struct stub_option options[] = {
        {"broker", "the broker: host:port", .text = &broker},
        {"user", "who we are at the broker", .text = &user},
        {"password", "and its password", .text = &password},
        {"municipality", "its word in the topics", .text = &municipality},
        {"device", "the device's key in devices.csv", .text = &p.device},
        {"seed", "of its own key, 64 hex digits", .text = &seed},
        {"store", "files that begin with this are its memory", .text = &p.store},
        {"heartbeat-s", "seconds from heartbeat to heartbeat", NULL, &heartbeat_s, 1, 86400, NULL},
        {"fault",
         "none, late_heartbeat, reused_sequence, no_retry, bad_signature, unsigned, clock_off or "
         "stale",
         .text = &p.fault},
        STUB_CHANCE_OPTIONS(chance),
        {0},
    };
    int status = 0;
    size_t len = 0;
    if (!stub_options(argc, argv, "a native device with the reference sender; commands on stdin",
                      options, &status)) {
        return status;
    }
    if (hex_decode(slice_str(seed), p.seed, sizeof p.seed, &len) != ERR_OK ||
        len != sizeof p.seed) {
        stub_complain("--seed is 64 hex digits.");
        return 2;
    }
    snprintf(p.up, sizeof p.up, "samlarm/1/%s/up/%s", municipality, p.device);
    snprintf(p.down, sizeof p.down, "samlarm/1/%s/down/%s", municipality, p.device);
    p.loop = ev_default_loop(0);
    mosquitto_lib_init();
    status = 2;
    if (connect_to(&p, broker, user, password)) {
        stub_chance_open(&chance, p.loop, &p, on_line);
        run(&p, heartbeat_s);
        status = 0;
    }
    mosquitto_destroy(p.client);
    mosquitto_lib_cleanup();
    ev_loop_destroy(p.loop);
    return status;
}
