/* lora_uplink.h - what a LoRaWAN network server publishes: ChirpStack v4 and The Things Stack v3.
 *
 * Called by the lorawan adapter, the simulated network server, the fuzzers and the tests. Both
 * envelopes become one struct. Never looks into the device's payload, and never at what the network
 * server made of it (`object`, `decoded_payload`): lora.h does that from the bytes.
 */
#pragma once

#include "base/bytes.h"

/* Ceilings. The longest LoRaWAN payload has 242 bytes; one gateway's reception takes about 400. */
enum {
    LORA_BODY_MAX = 65536,
    LORA_DEPTH_MAX = 32, /* nested objects and lists */
    LORA_PAYLOAD_MAX = 256,
    LORA_EUI_ROOM = 17,  /* 16 hex digits */
    LORA_ADDR_ROOM = 9,  /* 8 hex digits */
    LORA_NAME_ROOM = 37, /* The Things Stack: device_id has at most 36 characters */
    LORA_TOPIC_ROOM = 192
};

enum lora_network { LORA_NO_NETWORK, LORA_CHIRPSTACK, LORA_THINGS_STACK };

enum lora_event {
    LORA_OTHER,  /* ack, txack, log, queued ...: nothing for us */
    LORA_UP,     /* a frame of the device */
    LORA_STATUS, /* ChirpStack: battery and margin, as the network server asked the device */
    LORA_JOIN    /* a new session: the frame counter begins again */
};

/* A field that is absent has the default of protobuf: 0, false, empty. */
struct lora_uplink {
    enum lora_network network;
    enum lora_event event;
    char dev_eui[LORA_EUI_ROOM];    /* upper case; empty: the body has none */
    char device_id[LORA_NAME_ROOM]; /* The Things Stack only */
    char dev_addr[LORA_ADDR_ROOM];  /* of this session, upper case */
    unsigned f_port;                /* 0: absent, or a frame without payload */
    uint32_t f_cnt;
    uint8_t payload[LORA_PAYLOAD_MAX];
    size_t payload_len;
    int64_t received_ms;   /* wall time of the network server, 0: none */
    uint64_t delivery;     /* a number made of the deduplication id, 0: none */
    int battery_percent;   /* as the network server knows it; -1: not */
    bool is_simulated;     /* The Things Stack: somebody tries the console */
    bool is_confirmed;     /* the device waits for the network's acknowledgement */
    bool has_other_device; /* the topic names another device than the body */
    bool has_bad_field;    /* one of another type than documented: taken for absent */
};

/* One message. NOT_MINE: neither the topic nor the body is of these networks. SYNTAX: it is, and the
 * body is no JSON object (with the byte, where it is known), or names no device, or has a payload that
 * is no base64. RANGE: too long or too deep. `*ret_why` is a plain sentence, empty after OK. */
struct verdict lora_uplink_parse(struct slice topic, struct slice body,
                                 struct lora_uplink *ret_uplink, const char **ret_why) MUST_USE;

/* The way back, for simulated networks: topic and body as `network` would publish them, received by
 * the gateway called `gateway`. ERR_FULL when a buffer is too small. */
enum err lora_uplink_encode(const struct lora_uplink *uplink, const char *gateway,
                            struct buf *topic, struct buf *body) MUST_USE;
