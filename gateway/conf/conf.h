/* conf.h - a configuration folder on disk becomes a checked municipality in memory.
 *
 * Called by the doors (main.c, cli.c) at start, at reload and for --check. Reads six files, and two that
 * may be absent (keys.csv, codes.csv), looks at all of them, and says everything that is wrong at once,
 * with file and line, in sentences that tell what to do. A configuration with a fault is refused as a
 * whole; the caller keeps the one it runs. Never opens a socket, never logs, never looks into the state
 * folder, never says a key or a password.
 */
#pragma once

#include "adapters/adapter.h"
#include "core/ledger.h"

enum {
    CONF_FILE_MAX = 8 * 1024 * 1024,
    CONF_UNITS_MAX = 2000,
    CONF_PLACES_MAX = 50000,
    CONF_DEVICES_MAX = 50000,
    CONF_STAFF_MAX = 10000,
    CONF_PLANS_MAX = 200,
    CONF_CENTRES_MAX = 16,
    CONF_PORTS_MAX = 64,
    CONF_USERS_MAX = 1000, /* SIP digest users of one port */
    CONF_CODES_MAX = 2000,
    CONF_FILTERS_MAX = 16,     /* subscriptions of one port */
    CONF_BUS_FILTERS_MAX = 63, /* ... of all ports on the bus's own broker */
    CONF_HEADERS_MAX = 64,     /* different HTTP headers that the ports ask for */
    CONF_INPUTS_MAX = 256,     /* of one Modbus module */
    CONF_FAULTS_MAX = 50,
    CONF_FILE_ROOM = 16,
    CONF_TEXT_ROOM = 400,
    CONF_ADDRESS_ROOM = 96
};

/* One thing that is wrong. A warning is said and lived with; anything else refuses the whole. */
struct conf_fault {
    char file[CONF_FILE_ROOM]; /* "devices.csv" */
    int line;                  /* from 1; 0: the file as a whole */
    bool is_warning;
    char text[CONF_TEXT_ROOM]; /* plain English, UTF-8 */
};

/* In the order of files and lines. The caller's memory; need not be initialised. */
struct conf_faults {
    struct conf_fault items[CONF_FAULTS_MAX];
    size_t count;
    size_t error_count; /* those that are no warnings, dropped ones included */
    size_t dropped;     /* found after the list was full */
};

/* "DIR/FILE:LINE: sentence", one a line, ended by NUL; ERR_FULL when it does not fit. */
enum err conf_faults_put(const struct conf_faults *faults, const char *dir, struct buf *out);

struct conf_user { /* SIP digest */
    const char *user;
    const char *password;
};

/* A broker that is not the bus's own. Paths and texts live as long as the configuration. */
struct conf_broker {
    const char *host; /* NULL: the bus's own broker */
    int port;
    const char *user;
    const char *password_file; /* as written; a relative path belongs to the state folder */
    const char *ca;          /* path of a PEM file: TLS, and who may have signed; NULL: in clear */
    const char *certificate; /* PEM paths of our own, where the broker asks for one; NULL: none */
    const char *key;
};

enum conf_peers { PEERS_NONE, PEERS_OPTIONAL, PEERS_REQUIRED };

struct conf_tls {
    bool is_on;
    const char *certificate; /* PEM paths */
    const char *key;
    const char *ca; /* who may have signed the other side; NULL, dialling: the system's list */
    enum conf_peers peers; /* listening: must devices show a certificate of their own? */
};

struct conf_modbus {
    int unit;    /* 1 to 247 */
    int first;   /* number of the first discrete input, from 0 */
    int count;   /* inputs */
    int poll_ms; /* between two readings */
    int answer_within_ms;
};

struct conf_port {
    char name[WORD_ROOM];
    const struct adapter *dialect;
    bool is_tcp;
    bool is_udp;
    bool is_sip;    /* the dialect's frames are bodies of SIP MESSAGE */
    bool is_mqtt;   /* messages from a broker */
    bool is_http;   /* POST to /hook/NAME on the web port */
    bool is_modbus; /* discrete inputs of a module that is polled */
    struct conf_tls tls;
    struct conf_broker broker;
    struct conf_modbus modbus;
    const char *filters[CONF_FILTERS_MAX]; /* MQTT: what is subscribed to */
    size_t filter_count;
    bool is_dialling;
    bool is_on;
    char
        address[CONF_ADDRESS_ROOM]; /* listen or dial; "" when the centres' addresses are dialled */
    char own_user[LABEL_ROOM];      /* SIP: From of our own requests */
    char realm[LABEL_ROOM];         /* SIP digest */
    struct adapter_options options; /* checked, in the order of the dialect's table */
    const struct conf_user *users;
    size_t user_count;
    int line; /* in samlarm.yaml */
};

struct conf_web {
    char address[CONF_ADDRESS_ROOM];
    const char *certificate; /* path; NULL: plain http */
    const char *key;
    char redirect[CONF_ADDRESS_ROOM]; /* in clear, leads to `address`; "": none */
    const char *pages;                /* path; NULL: the pages that came with the program */
};

struct conf_bus {
    char host[CONF_ADDRESS_ROOM];
    int port;
    char user[LABEL_ROOM];
    const char
        *password_file; /* as written; a relative path belongs to the state folder. May be NULL */
};

/* How often a handset must prove itself, and when its silence counts (facts: routing 3b). */
struct conf_timings {
    int64_t idle_ms;        /* heartbeat with nothing open */
    int64_t open_ms;        /* heartbeat while an offer is open */
    int64_t silent_idle_ms; /* no proof for so long: silent */
    int64_t silent_open_ms;
};

struct conf {
    struct directory directory;
    char name[LABEL_ROOM]; /* "Björkala kommun" */
    bool is_swedish;       /* language of the pages before a person chooses */
    struct conf_port *ports;
    size_t port_count;
    struct conf_web web;
    struct conf_bus bus;
    struct ledger_limits limits;
    struct conf_timings timings;
    void *memory; /* private */
    size_t memory_len;
};

/* Makes the word that stands for a place outside the house (keys_pseudonym). */
struct conf_pseudonym {
    void (*make)(void *context, const char *domain, struct slice name, char *ret_text, size_t room);
    void *context;
};

/* ERR_OK: *ret_conf is whole and proven (there may be warnings). ERR_RANGE: refused, `faults` says why.
 * ERR_FULL: out of memory. *ret_conf is written on ERR_OK only and freed with conf_free. */
enum err conf_load(const char *dir, const struct conf_pseudonym *pseudonym, struct conf **ret_conf,
                   struct conf_faults *faults) MUST_USE;
void conf_free(struct conf *conf); /* NULL is fine */

const struct conf_port *conf_port(const struct conf *conf, const char *name);

/* The longest time from an alarm in this unit until the last resort has it, over every kind, class and
 * minute of a week; *ret_plan is the plan that takes so long. */
int64_t conf_worst_ms(const struct conf *conf, uint16_t unit, const struct plan **ret_plan);
