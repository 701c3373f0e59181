/* scaip_hub_stub.c - stub-scaip_hub: a pendant hub that speaks SCAIP, good or bad on purpose.
 *
 * Run by people, by the evaluation bench and by tests/integration. Keeps an alarm and sends it again
 * with the same reference until an `mrs` takes it. Commands on stdin, one a line; everything that
 * happens on stdout, one a line (stub_scaip.h). Faults: README.md.
 */
#include "stub_case.h"
#include "stub_scaip.h"

#include <string.h>

enum fault { GOOD, IN_THE_MESSAGES, SLOW, LOST, CLOUD_HEARTBEAT, NO_HEARTBEAT };

struct fault_name {
    const char *name;
    enum fault fault;
    unsigned messages; /* enum stub_scaip_fault */
};

struct hub {
    struct ev_loop *loop;
    struct stub_scaip *device;
    struct stub_scaip *cloud; /* the second way of CLOUD_HEARTBEAT, else NULL */
    struct stub_scaip_source source;
    struct stub_stdin in;
    struct ev_timer heart;
    enum fault fault;
    int64_t slow_ms;
    uint64_t presses;
    bool is_to_quit_at_eof;
    bool is_muted; /* told so by `silence` */
};

struct wishes {
    const char *to;
    const char *listen;
    const char *cid;
    const char *did;
    const char *dty;
    const char *fault;
    const char *cloud;
    const char *case_path;
    int64_t heartbeat_s;
    int64_t retry_s;
    int64_t keep_s;
    int64_t slow_s;
    bool quits_at_eof;
};

static const struct fault_name fault_names[] = {
    {"slow", SLOW, 0},
    {"lost", LOST, 0},
    {"cloud_heartbeat", CLOUD_HEARTBEAT, 0},
    {"no_heartbeat", NO_HEARTBEAT, 0},
    {"new_ref_on_retry", IN_THE_MESSAGES, STUB_NEW_REF_ON_RETRY},
    {"no_retry", IN_THE_MESSAGES, STUB_NO_RETRY},
    {"reused_ref", IN_THE_MESSAGES, STUB_REUSED_REF},
    {"wrong_type", IN_THE_MESSAGES, STUB_WRONG_TYPE},
    {"wrong_identity", IN_THE_MESSAGES, STUB_WRONG_IDENTITY},
    {"bad_xml", IN_THE_MESSAGES, STUB_BAD_XML},
};

static void settled(void *context)
{
    struct hub *hub = context;
    if (hub->in.is_over && hub->is_to_quit_at_eof && stub_scaip_waiting(hub->device) == 0) {
        ev_break(hub->loop, EVBREAK_ALL);
    }
}

static void beat(struct hub *hub)
{
    if (hub->is_muted || hub->fault == NO_HEARTBEAT) {
        return;
    }
    struct stub_scaip *way = hub->cloud != NULL ? hub->cloud : hub->device;
    if (stub_scaip_send(way, &hub->source, stub_scaip_heartbeat(), 0) == NULL) {
        stub_say("not_sent what=heartbeat why=full");
    }
}

static void on_heart(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    beat(timer->data);
}

static void raise_alarm(struct hub *hub, const struct stub_scaip_word *word)
{
    hub->presses++;
    if (hub->fault == LOST && hub->presses % 2 == 0) {
        stub_say("lost what=%s", word->name);
        return;
    }
    const char *ref =
        stub_scaip_send(hub->device, &hub->source, word, hub->fault == SLOW ? hub->slow_ms : 0);
    if (ref == NULL) {
        stub_say("not_sent what=%s why=full", word->name);
        return;
    }
    stub_say("pressed ref=%s what=%s", ref, word->name);
}

static void on_line(void *context, char *line)
{
    struct hub *hub = context;
    const char *command = stub_word(&line);
    if (command == NULL) {
        return;
    }
    const struct stub_scaip_word *word = stub_scaip_word(command);
    if (word != NULL) {
        raise_alarm(hub, word);
    } else if (strcmp(command, "silence") == 0) {
        hub->is_muted = true;
        stub_say("silent");
    } else if (strcmp(command, "speak") == 0) {
        hub->is_muted = false;
        stub_say("speaking");
        beat(hub);
    } else if (strcmp(command, "quit") == 0) {
        ev_break(hub->loop, EVBREAK_ALL);
    } else {
        stub_complain("I do not know \"%s\". Commands: press, fall, fixed, reset, cancel, battery, "
                      "mains_lost, mains_back, test, silence, speak, quit.",
                      command);
    }
}

/* False: no such fault, and that was said. */
static bool find_fault(const char *name, struct hub *hub, unsigned *ret_messages)
{
    *ret_messages = 0;
    if (name == NULL) {
        return true;
    }
    for (size_t i = 0; i < sizeof fault_names / sizeof fault_names[0]; i++) {
        if (strcmp(fault_names[i].name, name) == 0) {
            hub->fault = fault_names[i].fault;
            *ret_messages = fault_names[i].messages;
            return true;
        }
    }
    stub_complain("I do not know the fault \"%s\"; they are listed in firmware-stubs/README.md.",
                  name);
    return false;
}

static bool open_ways(struct hub *hub, const struct wishes *wishes, const char *to,
                      const char *cloud, unsigned messages)
{
    struct stub_scaip_config config = {
        .to = to,
        .listen = wishes->listen,
        .retry_ms = wishes->retry_s * 1000,
        .keep_ms = wishes->keep_s * 1000,
        .faults = messages,
        .context = hub,
        .on_settled = settled,
    };
    hub->device = stub_scaip_open(hub->loop, &config);
    if (hub->device == NULL || hub->fault != CLOUD_HEARTBEAT) {
        return hub->device != NULL;
    }
    config.to = cloud;
    config.listen = NULL;
    config.refs_from = 36 * 36 * 36;
    hub->cloud = stub_scaip_open(hub->loop, &config);
    return hub->cloud != NULL;
}

static int run(struct hub *hub, const struct wishes *wishes)
{
    char to[STUB_PEER_ROOM];
    char cloud[STUB_PEER_ROOM];
    unsigned messages = 0;
    if (!stub_peer(wishes->to, to) || !find_fault(wishes->fault, hub, &messages)) {
        return 2;
    }
    if (wishes->case_path != NULL) {
        return stub_case_scaip(hub->loop, wishes->case_path, to, wishes->listen);
    }
    if (hub->fault == CLOUD_HEARTBEAT &&
        (wishes->cloud == NULL || !stub_peer(wishes->cloud, cloud))) {
        stub_complain("The fault cloud_heartbeat needs --cloud ADDRESS: the way past --to.");
        return 2;
    }
    hub->source = (struct stub_scaip_source){wishes->cid, wishes->did, wishes->dty};
    hub->slow_ms = wishes->slow_s * 1000;
    hub->is_to_quit_at_eof = wishes->quits_at_eof;
    bool is_open = open_ways(hub, wishes, to, cloud, messages);
    if (is_open) {
        ev_timer_init(&hub->heart, on_heart, 0.0, (double)wishes->heartbeat_s);
        hub->heart.data = hub;
        ev_timer_start(hub->loop, &hub->heart);
        stub_stdin_open(&hub->in, hub->loop, hub, on_line, settled);
        stub_run(hub->loop);
        stub_stdin_close(&hub->in);
        ev_timer_stop(hub->loop, &hub->heart);
    }
    stub_scaip_close(hub->cloud);
    stub_scaip_close(hub->device);
    return is_open ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct wishes w = {.to = "127.0.0.1:5060;udp", .cid = "4690101", .dty = "0003"};
    w.heartbeat_s = 300;
    w.retry_s = 10;
    w.keep_s = 4200;
    w.slow_s = 40;
    const struct stub_option options[] = {
        {"to", "the gateway: \"host:port;udp\" or \";tcp\"", .text = &w.to},
        {"listen", "own address; else by itself, any free port", .text = &w.listen},
        {"cid", "controller id, as in devices.csv", .text = &w.cid},
        {"did", "device id", .text = &w.did},
        {"dty", "device type of a press", .text = &w.dty},
        {"heartbeat-s", "seconds from heartbeat to heartbeat", NULL, &w.heartbeat_s, 1, 604800,
         NULL},
        {"retry-s", "seconds until an unanswered alarm is sent again", NULL, &w.retry_s, 1, 3600,
         NULL},
        {"keep-s", "seconds until an unanswered alarm is given up", NULL, &w.keep_s, 3600, 604800,
         NULL},
        {"fault", "what to do wrong, from firmware-stubs/README.md", .text = &w.fault},
        {"slow-s", "fault slow: seconds an alarm stays in the hub", NULL, &w.slow_s, 0, 3600, NULL},
        {"cloud", "fault cloud_heartbeat: the other way of heartbeats", .text = &w.cloud},
        {"case", "plays this .case file instead, exit status 0 or 1", .text = &w.case_path},
        {"quit-at-eof", "ends when stdin has ended and every alarm is answered", NULL, NULL, 0, 0,
         &w.quits_at_eof},
        {0},
    };
    int status = 0;
    if (!stub_options(argc, argv, "a pendant hub that speaks SCAIP; commands on stdin", options,
                      &status)) {
        return status;
    }
    struct hub hub = {.loop = ev_default_loop(0)};
    status = run(&hub, &w);
    ev_loop_destroy(hub.loop);
    return status;
}
