/* scaip_alarm.h - what a SCAIP message means, and how a case is said in SCAIP. For
 * adapters/scaip.c. */
#pragma once

#include "alarm/record.h"
#include "wire/scaip.h"

/* Fills kind, class, phase, device, reference, device_ms, text and is_test of the alarm. The
 * message has passed scaip_parse and has cid and dty. Unknown codes stay in the text. */
void scaip_fill_alarm(const struct scaip_message *message, struct alarm *alarm);

/* "cid" or "cid/did". */
void scaip_put_device(const struct scaip_message *message, char ret_device[DEVICE_ROOM]);

enum { SCAIP_CASE_TEXTS = 256 };

/* The request that hands a case to a centre. `memory` keeps the texts that the message points at.
 */
void scaip_fill_request(const struct case_value *c, struct slice ref, struct slice cid,
                        const char *place, uint8_t memory[SCAIP_CASE_TEXTS],
                        struct scaip_message *message);
