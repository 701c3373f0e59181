/* modbus.h - discrete inputs of a Modbus TCP module (function 2), polled by libmodbus off the loop.
 *
 * libmodbus waits for its answers, so it has a thread of its own; readings are posted to the loop in
 * order, at most READINGS_MAX of them, the oldest dropped first. Understands none: one byte an input.
 */
#pragma once

#include "io/loop.h"

struct modbus;

enum { MODBUS_INPUTS_MAX = 256 };

struct modbus_config {
    const char *name;    /* of the port, for logs and counters */
    const char *address; /* "192.0.2.20:502"; a name is resolved at each attempt to connect */
    int unit;
    int first;
    int count; /* at most MODBUS_INPUTS_MAX */
    int poll_ms;
    int answer_within_ms; /* of connecting and of each answer */
};

/* After each poll, on the loop's thread; no bytes: the module did not answer. */
typedef void modbus_on_reading(void *context, struct slice inputs);

enum err modbus_open(struct ev_loop *loop, const struct modbus_config *config,
                     modbus_on_reading *on_reading, void *context, struct modbus **ret_modbus,
                     char *ret_why, size_t why_room) MUST_USE;
/* Waits for a poll that is under way, at most answer_within_ms. NULL is fine. */
void modbus_close_port(struct modbus *modbus);
