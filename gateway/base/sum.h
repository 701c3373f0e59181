/* sum.h - check sums of the dialects, each with the clause that demands it. Pure, no state.
 *
 * None of them is a proof of who sent: they find damage, not malice.
 */
#pragma once

#include "base/bytes.h"

/* CRC-16 with the reflected polynomial A001, start 0, no final exclusive-or ("123456789" gives BB3D):
 * SIA DC-09 frames (facts: protocols.md 4.1) and Teltonika records (7.1). */
uint16_t crc16_arc(struct slice a);

/* CRC-16 with the polynomial 1021, start 0 ("123456789" gives 31C3): MiniFinder / Eview bodies
 * (facts: protocols.md 7.1). */
uint16_t crc16_xmodem(struct slice a);
