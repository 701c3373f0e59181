/* adapter.h - the contract of a dialect: a const table and a few functions over bytes and values.
 *
 * An adapter owns nothing but its session: one zeroed block per connection (per port for datagrams
 * and SIP), whose size the table states. It never keeps a slice it was given, reads no clock,
 * allocates nothing, logs nothing. What it wants done it puts into the outbox; the turn does it.
 * Adapters never include one another. How to write one: template.c and README.md.
 */
#pragma once

#include "alarm/record.h"

enum transport {
    TRANSPORT_TCP = 1,     /* a stream: `input` sees all bytes not yet consumed */
    TRANSPORT_UDP = 2,     /* a datagram: `input` sees one whole */
    TRANSPORT_SIP = 4,     /* `input` sees the body of one MESSAGE */
    TRANSPORT_MQTT = 8,    /* ... the payload of one message; `topic` names it */
    TRANSPORT_HTTP = 16,   /* ... the body of one POST to /hook/PORT */
    TRANSPORT_MODBUS = 32, /* ... one byte an input, 0 or 1; no bytes: the module is silent */
};

enum {
    ADAPTER_OPTIONS_MAX = 16,
    OUTBOX_ITEMS_MAX = 32,
    OUTBOX_ALARMS_MAX = 16,
    OUTBOX_BYTES_MAX = 8192,
    PEER_ROOM = 96
};

/* HEADER: names an HTTP header; what it says comes with every request. HIDDEN: text for nobody's eyes. */
enum option_type {
    OPTION_NUMBER,
    OPTION_BOOL,
    OPTION_WORD,
    OPTION_TEXT,
    OPTION_HEADER,
    OPTION_HIDDEN
};

/* How a dialect spells a device's key; conf spells what people have copied alike. */
enum key_letters { KEY_AS_IT_IS, KEY_UPPER, KEY_LOWER };

enum { KEY_ANY = 1 }; /* of `key_sizes`: a shared secret, taken as the text that it is */

/* One line of a port's `options:` in the configuration; adapters describe theirs in a table. */
struct adapter_option {
    const char *name;
    enum option_type type;
    int64_t min;        /* NUMBER */
    int64_t max;        /* NUMBER; TEXT, HIDDEN: most bytes */
    const char *words;  /* WORD: "station|control_station" */
    const char *preset; /* the value when the configuration is silent */
    const char *help;   /* one plain English sentence */
};

/* The checked values, in the order of the adapter's table. Live as long as the port. */
struct adapter_options {
    const char *values[ADAPTER_OPTIONS_MAX];
};
int64_t option_number(const struct adapter_options *options, size_t index);
bool option_bool(const struct adapter_options *options, size_t index);
struct slice option_text(const struct adapter_options *options, size_t index);

/* What the municipality's lists say of a device, as far as a dialect must know it. Lives as long as the
 * call that passes `adapter_input`. */
struct adapter_device {
    const char *id;
    const char *model;   /* devices.csv; "" when none */
    struct slice secret; /* keys.csv: AES key, public key or shared secret; empty when none */
    uint64_t sequence;   /* the highest alarm.sequence of it in the journal, 0: none */
};

/* Asked through input_device. Pure: a look into tables that do not change during the call. */
struct adapter_devices {
    bool (*find)(const void *context, const char *dialect, const char *key,
                 struct adapter_device *ret_device);
    const void *context;
};

struct adapter_input {
    struct slice bytes;    /* TCP: all not yet consumed. UDP: the datagram. SIP: the body */
    struct slice type;     /* SIP: the content type without parameters; else empty */
    struct slice identity; /* SIP: user part of From; else empty */
    struct slice peer;     /* whom an OUT_REQUEST would reach, e.g. "192.0.2.10:5060;tcp" */
    uint64_t exchange;     /* SIP, HTTP: names this request in OUT_ANSWER; else 0 */
    struct slice topic;    /* MQTT */
    const char *port;      /* the port's name in the configuration */
    const struct adapter_devices *devices;
    struct slice headers[ADAPTER_OPTIONS_MAX]; /* HTTP: of the OPTION_HEADERs; empty: not sent */
};

/* The device of this dialect whose key in devices.csv is exactly `key`. False: there is none, and
 * *ret_device is empty. */
bool input_device(const struct adapter_input *in, const char *dialect, const char *key,
                  struct adapter_device *ret_device);

enum out_type {
    OUT_SEND,    /* bytes to `peer`, or with none to whom the session last heard, at once */
    OUT_ANSWER,  /* SIP, HTTP: final answer `status` to `exchange`, with body and type if any */
    OUT_REQUEST, /* SIP: an own MESSAGE to `peer` (of adapter_input) or a centre's address */
    OUT_PUBLISH, /* MQTT: bytes on the topic `peer`, QoS 1, to the broker of this port */
    OUT_RAISE,   /* journal this alarm; `stored` is called with `tag` when it is safe or refused */
    OUT_ALIVE, /* the device `alarm.device` was heard (heartbeat); `tag` as for RAISE, 0: no call */
    OUT_WAKE,  /* call `tick` at `wake_mono_ms`; a later one replaces an earlier one */
    OUT_HANG_UP,   /* close the connection after what was sent */
    OUT_DELIVERED, /* the centre has accepted the case whose id begins with `case_ref` */
    OUT_REFUSED,   /* the centre refused it; `bytes` say why in plain words */
    OUT_NOTE       /* a deviation worth one log line and a counter: `bytes` is "word plain text" */
};

enum { CASE_REF_LEN = 8 };

struct out {
    enum out_type type;
    struct slice bytes;    /* in the outbox's own memory */
    struct slice peer;     /* REQUEST, SEND over UDP; PUBLISH: the topic */
    struct slice to;       /* REQUEST: user or whole URI of To, empty: the peer */
    struct slice from;     /* REQUEST: user or whole URI of From, empty: the port's own */
    const char *body_type; /* ANSWER, REQUEST: a literal */
    uint64_t exchange;     /* ANSWER */
    int status;            /* ANSWER: SIP status */
    uint32_t tag;          /* RAISE, ALIVE, REQUEST: the adapter's own number, given back */
    struct alarm *alarm;   /* RAISE, ALIVE: in the outbox */
    int64_t wake_mono_ms;  /* WAKE */
    uint8_t case_ref[CASE_REF_LEN];
};

/* A list in fixed memory, emptied by the turn after every call. */
struct outbox {
    struct out items[OUTBOX_ITEMS_MAX];
    size_t count;
    struct alarm alarms[OUTBOX_ALARMS_MAX];
    size_t alarm_count;
    uint8_t memory[OUTBOX_BYTES_MAX];
    struct buf bytes; /* over `memory` */
    size_t consumed;  /* TCP: bytes of the input that are dealt with; set by `input` */
    bool is_full;     /* something did not fit: a bug of the adapter, the turn hangs up */
};

void outbox_clear(struct outbox *out);
void out_send(struct outbox *out, struct slice bytes);
/* UDP: the one session of a port serves all peers, so an answer that waited for the journal names
 * whom it is for (`peer` of its adapter_input). */
void out_send_to(struct outbox *out, struct slice peer, struct slice bytes);
void out_publish(struct outbox *out, struct slice topic, struct slice bytes);
void out_answer(struct outbox *out, uint64_t exchange, int status, const char *type,
                struct slice body);
void out_request(struct outbox *out, struct slice peer, struct slice to, struct slice from,
                 const char *type, struct slice body, uint32_t tag);
/* The alarm to fill, zeroed, gateway_ms set; NULL when there is no room (is_full is set). */
struct alarm *out_raise(struct outbox *out, struct now now, uint32_t tag);
struct alarm *out_alive(struct outbox *out, struct now now, uint32_t tag);
/* Puts a copy of the frame, cut at RAW_MAX, into the alarm: it lives as long as the outbox's content. */
void out_keep_raw(struct outbox *out, struct alarm *alarm, struct slice raw, const char *type);
void out_wake(struct outbox *out, int64_t wake_mono_ms);
void out_hang_up(struct outbox *out);
void out_delivered(struct outbox *out, const uint8_t case_ref[CASE_REF_LEN]);
void out_refused(struct outbox *out, const uint8_t case_ref[CASE_REF_LEN], const char *why);
void out_note(struct outbox *out, const char *word, const char *text);

/* What became of an OUT_RAISE or OUT_ALIVE. */
struct adapter_receipt {
    uint32_t tag;
    enum err result; /* ERR_OK: on disk (or known already, is_duplicate). Else: not safe, say so */
    bool is_duplicate;
    const struct alarm *alarm; /* as it was raised, with id; NULL for OUT_ALIVE */
};

/* A case that came in through this port changed: what a nurse-call panel wants to hear. */
struct adapter_status {
    enum change change;
    const struct case_value *case_;
};

/* A case to hand over to an alarm centre through this (dialling) port. */
struct adapter_delivery {
    const struct case_value *case_;
    struct slice address; /* the centre's address of this attempt, e.g. "192.0.2.1:5060;tcp" */
    uint32_t attempt;     /* from 1; the same reference is used for every attempt of a case */
    const char *place; /* what the centre may know of the place: the label in the configuration */
};

/* The answer to an OUT_REQUEST: SIP status, or 0 when none came in time. */
struct adapter_answer {
    uint32_t tag;
    int status;
    struct slice type;
    struct slice body;
};

struct adapter {
    const char *name;    /* "scaip"; the identity everywhere */
    const char *title;   /* one line for people */
    unsigned transports; /* enum transport, or-ed */
    size_t session_size;
    size_t input_max; /* most bytes that `input` may leave unconsumed before we hang up */
    const struct adapter_option *options; /* ended by name NULL; may be NULL */
    /* MQTT: what a port hears when the configuration is silent, blank separated; `{municipality}`
     * stands for the municipality's word. */
    const char *topics;
    /* Which lengths of a device's key (keys.csv) it takes, 1 << bytes / 8 or-ed, or KEY_ANY; 0: it has
     * no use for one. */
    unsigned key_sizes;
    enum key_letters key_letters; /* of `key` in devices.csv and of alarm.device: ASCII letters */

    /* Checks the options against each other and begins the session. Called once per session;
     * `is_dialling` tells a port that dials out. ERR_OK or ERR_RANGE (with an OUT_NOTE saying why). */
    enum err (*open)(void *session, const struct adapter_options *options, bool is_dialling,
                     struct now now, struct outbox *out);
    /* Bytes came. OK: `out->consumed` were dealt with, call again while bytes are left. MORE: wait.
     * NOT_MINE, SYNTAX, CHECKSUM ...: broken at `at`; consumed says how far to skip; the answer for
     * the peer, if any, is in the outbox already. */
    struct verdict (*input)(void *session, const struct adapter_input *in, struct now now,
                            struct outbox *out);
    /* The time asked for by OUT_WAKE has come. May be NULL. */
    void (*tick)(void *session, struct now now, struct outbox *out);
    /* May be NULL only when no OUT_RAISE is ever made. */
    void (*stored)(void *session, const struct adapter_receipt *receipt, struct now now,
                   struct outbox *out);
    /* May be NULL: the dialect has no way back. Called for every open session of the port. */
    void (*status)(void *session, const struct adapter_status *status, struct now now,
                   struct outbox *out);
    /* May be NULL: the dialect cannot deliver to a centre. */
    enum err (*deliver)(void *session, const struct adapter_delivery *delivery, struct now now,
                        struct outbox *out);
    void (*answered)(void *session, const struct adapter_answer *answer, struct now now,
                     struct outbox *out);
};

/* The registry: by name, never by position. NULL when there is none. */
const struct adapter *adapter_find(struct slice name);
/* For lists: the i-th in the order of adapters.def, NULL past the end. */
const struct adapter *adapter_at(size_t index);
