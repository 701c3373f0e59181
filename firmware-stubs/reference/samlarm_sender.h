/* samlarm_sender.h - a sender of alarms for microcontrollers: C99, no heap, no library but what you give it.
 *
 * It says alarms to a Samlarm gateway as proto/samlarm/v1/device.proto has them, and keeps each of them,
 * over loss of power too, until the gateway's receipt says that it is in its journal. You give it seven
 * functions (struct samlarm_port); it gives you four. All memory is in struct samlarm_sender, about 1.3 KB;
 * it takes up to 1.2 KB of stack.
 *
 *   samlarm_begin   once after each start: reads the store, takes a new boot number and a block of sequences
 *   samlarm_raise   a press, a fall, a test, a fault: stored first, then sent
 *   samlarm_heard   what came on the down topic
 *   samlarm_tick    whenever the time has come that the last call answered: repeats, heartbeats
 *
 * The rules that it keeps for you:
 *   - a sequence number is never used twice: the store is told of a whole block before the first is used
 *   - an alarm is in the store before it leaves, and leaves the store only by its receipt
 *   - it is sent again after 1, 2, 4 ... 60 s, give or take a quarter, for ever
 *   - what cannot be stored is sent all the same
 *   - a repetition is the same bytes, time included
 *   - if the store was wiped, the gateway tells how far it had counted, and it goes on above that
 */
#ifndef SAMLARM_SENDER_H
#define SAMLARM_SENDER_H

#include <stddef.h>
#include <stdint.h>

enum {
    SAMLARM_PENDING_MAX =
        8, /* alarms without a receipt; a ninth takes the place of the oldest fault */
    SAMLARM_DEVICE_ROOM = 48, /* the device's key, NUL included */
    SAMLARM_CODE_ROOM = 16,
    SAMLARM_TEXT_ROOM = 64,
    SAMLARM_SLOT_BYTES = 128, /* what one slot of the store must hold */
    SAMLARM_MESSAGE_MAX = 320,
    SAMLARM_SIGNATURE_BYTES = 64,
    SAMLARM_BLOCK = 64 /* sequences that are taken at once */
};

/* Slot 0 holds the counters, slots 1 to SAMLARM_PENDING_MAX one alarm each. */
struct samlarm_port {
    void *context;
    /* One message for the up topic. Nonzero: it could not be sent now; it is tried again. */
    int (*send)(void *context, const uint8_t *bytes, size_t len);
    /* A slot of the store, `len` bytes, or nonzero when it was never written. */
    int (*load)(void *context, unsigned slot, uint8_t *bytes, size_t len);
    /* Must be whole or not at all, also when the power goes: write beside and switch over. */
    int (*save)(void *context, unsigned slot, const uint8_t *bytes, size_t len);
    /* Milliseconds that only grow, from any beginning. */
    uint64_t (*now_ms)(void *context);
    /* Milliseconds since 1970, or 0 while the clock is not set. */
    int64_t (*wall_ms)(void *context);
    uint32_t (*random)(void *context);
    /* Ed25519 with the device's own key. */
    void (*sign)(void *context, const uint8_t *bytes, size_t len,
                 uint8_t signature[SAMLARM_SIGNATURE_BYTES]);
};

/* Numbers of alarm.proto, those that a device needs. */
enum {
    SAMLARM_HELP = 1,
    SAMLARM_FALL = 2,
    SAMLARM_DOOR = 3,
    SAMLARM_STAFF_ASSIST = 7,
    SAMLARM_THREAT = 8,
    SAMLARM_BATTERY_LOW = 33,
    SAMLARM_DEVICE_FAULT = 37
};
enum { SAMLARM_RAISED = 1, SAMLARM_RESTORED = 4, SAMLARM_CANCELLED = 5 };

struct samlarm_alarm {
    uint32_t kind;
    uint32_t phase;
    uint32_t is_test;
    char code[SAMLARM_CODE_ROOM];
    char text[SAMLARM_TEXT_ROOM];
};

struct samlarm_pending {
    uint64_t sequence; /* 0: free */
    uint64_t boot;
    int64_t wall_ms;
    struct samlarm_alarm alarm;
    uint64_t due_ms;
    uint32_t delay_ms;
};

struct samlarm_sender {
    struct samlarm_port port;
    char device[SAMLARM_DEVICE_ROOM];
    uint32_t interval_s; /* heartbeat */
    uint64_t boot;
    uint64_t sequence;      /* the last that was used */
    uint64_t ceiling;       /* up to here the store knows that they are taken */
    uint64_t beat_sequence; /* of the last heartbeat */
    uint64_t beat_due_ms;
    struct samlarm_pending pending[SAMLARM_PENDING_MAX];
};

/* Zero, or nonzero when the store cannot be written: then numbers come from chance and the clock, and the
 * device works until it is switched off. `device` is its key in the gateway's list. */
int samlarm_begin(struct samlarm_sender *sender, const struct samlarm_port *port,
                  const char *device, uint32_t interval_s);
/* The sequence of the alarm. It is sent now, and again until its receipt has come. */
uint64_t samlarm_raise(struct samlarm_sender *sender, const struct samlarm_alarm *alarm);
/* Nonzero when it was a receipt of ours. Anything else is harmless. */
int samlarm_heard(struct samlarm_sender *sender, const uint8_t *bytes, size_t len);
/* Milliseconds until it wants to be called again. */
uint32_t samlarm_tick(struct samlarm_sender *sender);
/* Alarms without a receipt. */
unsigned samlarm_waiting(const struct samlarm_sender *sender);

#endif
