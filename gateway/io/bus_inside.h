/* bus_inside.h - what bus.c, bus_hear.c and bus_answers.c share; nobody else includes it. */
#pragma once

#include "io/bus.h"
#include "io/lookup.h"

#include <mosquitto.h>
#include <mqtt_protocol.h>

/* The broker's own count of what it threw away. Any increase is a fault of the whole bus. */
#define BUS_DROPPED_TOPIC "$SYS/broker/publish/messages/dropped"

#define BUS_DELAY_MIN_S 0.1
#define BUS_DELAY_MAX_S 5.0
#define BUS_DELAY_PROVEN_S 1.0 /* after a connection whose echo came back */

enum {
    BUS_KEEPALIVE_S = 5,
    BUS_CONNECT_MS = 5000,
    BUS_SILENCE_MS = 3000, /* without an own echo */
    BUS_STEADY_MS = 1000,
    BUS_NAME = 64,
    BUS_WHY = 512
};

enum bus_state { BUS_WAITING, BUS_CONNECTING, BUS_PROVING, BUS_UP };

struct bus_slot {
    uint64_t token;
    uint64_t order; /* in which the answers came */
    int mid;
    enum err err;
    bool is_used;
    bool is_done; /* answered, not yet told */
};

struct bus_answer {
    int mid; /* 0: free */
    uint32_t len;
};

struct bus {
    struct ev_loop *loop;
    struct bus_handler handler;
    void *context;
    struct mosquitto *mosq;
    enum bus_state state;
    bool is_inside; /* in a callback of the library: settle comes by itself */
    bool is_lost;   /* noted, acted on by settle */
    bool is_echoed; /* on this connection */
    bool is_foreign;
    bool is_kept;      /* foreign: the broker keeps what comes while we are away */
    size_t granted;    /* subscriptions, on this connection; foreign only */
    bool is_down_told; /* on_down was the last word */
    bool is_dropped_known;
    char why[BUS_WHY];

    ev_io read_io;
    ev_io write_io;
    ev_timer settle_soon; /* never runs as a timer: only fed */
    ev_timer retry;
    ev_timer tick;
    double delay_s;
    int64_t ticked_ms;
    int64_t connected_ms;
    int64_t echoed_ms;
    uint64_t echo_count;

    struct bus_slot slots[BUS_IN_FLIGHT];
    size_t in_flight;
    uint64_t order;
    struct bus_answer answers[BUS_RESPONSES];
    size_t answer_count;
    size_t answer_bytes;

    uint64_t dropped;
    uint64_t dropped_since;
    unsigned refused_subscriptions;

    struct lookup *lookup; /* foreign: of the name, before each connection */
    unsigned attempts;
    char name[LOOKUP_NAME_ROOM];
    char host[BUS_NAME]; /* numeric */
    int port;
    char user[BUS_NAME];
    char password[BUS_NAME * 2];
    char client_id[BUS_NAME];
    char *ca;
    char *certificate;
    char *key;
    void *tls; /* OpenSSL's context */
    char municipality[BUS_NAME];
    char echo_topic[BUS_NAME * 2];
    char *filters[BUS_FILTERS_MAX];
    size_t filter_count;
};

void bus_hear(struct bus *bus); /* sets the callbacks of a fresh library object */
void bus_echo(struct bus *bus);
void bus_note_loss(struct bus *bus, const char *why);
void bus_note_code(struct bus *bus, const char *what, int code);
void bus_fault(struct bus *bus, const char *word, const char *text);
enum err bus_send(struct bus *bus, const char *topic, struct slice payload,
                  const mosquitto_property *properties, int *ret_mid);
void bus_answers_acknowledged(struct bus *bus, int mid);
void bus_answers_forget(struct bus *bus);
/* Foreign, with `ca`. False: a file is no certificate or no key of it, or there is no memory. */
bool bus_tls_open(struct bus *bus);
bool bus_tls_use(struct bus *bus); /* for a fresh library object */
void bus_tls_close(struct bus *bus);
