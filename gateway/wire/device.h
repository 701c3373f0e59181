/* device.h - native devices' messages (proto/samlarm/v1/device.proto): bytes to struct and back.
 *
 * Called by the native adapter, the tests and the fuzzer. Never keeps state, reads a clock or knows an
 * alarm; kind, class and phase are the numbers of alarm.proto.
 *
 *   Envelope   0a len body        12 40 signature (64)
 *   body       0a len device  10 boot  18 sequence  20 time_ms  28 heartbeat  30 kind  38 class  40 phase
 *              4a len code  52 len text  58 test  60 interval_s        (what is 0 or empty is left out)
 */
#pragma once

#include "base/bytes.h"

enum {
    DEVICE_MESSAGE_MAX = 1024, /* bytes of an envelope */
    DEVICE_ARENA = 8192
};

/* What the signature begins with, so that it can mean nothing else anywhere. */
#define DEVICE_SIGNED "samlarm.device.1"

enum device_result {
    DEVICE_RESULT_STORED = 1,
    DEVICE_RESULT_NOT_STORED = 2,
    DEVICE_RESULT_TOO_OLD = 3
};

struct device_envelope {
    struct slice body;
    struct slice signature;
};

/* Texts lie in the arena. */
struct device_message {
    struct slice device;
    uint64_t boot;
    uint64_t sequence;
    int64_t time_ms;
    bool is_heartbeat;
    int kind;
    int class_;
    int phase;
    struct slice code;
    struct slice text;
    bool is_test;
    uint32_t interval_s;
};

struct device_receipt {
    struct slice device;
    uint64_t boot;
    uint64_t sequence;
    enum device_result result;
    int64_t time_ms;
    uint64_t known; /* TOO_OLD: the highest sequence that is known */
};

/* ERR_NOT_MINE: no envelope. ERR_FULL: longer than DEVICE_MESSAGE_MAX, or more than the arena takes. */
enum err device_envelope_parse(struct slice bytes, struct arena *arena,
                               struct device_envelope *ret_envelope) MUST_USE;
/* ERR_SYNTAX: no message, or one without device, boot or sequence. */
enum err device_message_parse(struct slice body, struct arena *arena,
                              struct device_message *ret_message) MUST_USE;
/* Has this key signed this body? */
bool device_is_signed(const struct device_envelope *envelope, struct slice key);
void device_receipt_encode(const struct device_receipt *receipt, struct buf *out);
