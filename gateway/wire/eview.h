/* eview.h - the GPS alarms of Eview, sold as MiniFinder: binary packets and an older text form.
 *
 * Called by the minifinder adapter, the stub and the tests. Pure. All numbers little-endian.
 *
 *   AB f  l l  c c  i i  t  n k v ... n k v ...       n counts the key and the value behind it
 *      |  |    |    |    |  items
 *      |  |    |    |    type: 01 data, 03 a question to the server, 7F answer
 *      |  |    |    index
 *      |  |    CRC-16 XMODEM over the body
 *      |  length of the body (type and items)
 *      flags, bit 4: an answer is wanted
 *
 *   01 IMEI, 15 digits   02 alarm bits (4), time (4)   14 battery %   24 time (4), status (4): battery on top
 *   20 latitude (4), longitude (4) in 1e-7 degrees, speed (2), course (2), altitude (2), hdop (2), odometer (4), satellites (1)
 *
 *   03 with 12: what time is it? Answered by 03 with 12 and the time (4)
 *
 *   !1,IMEI   !D,dd/mm/yy,hh:mm:ss,lat,lon,speed,course,FLAGS,altitude,battery,...     ended by ; or a line end
 *             !B the same, kept while there was no network; !C the same, shorter
 *   FLAGS: 6 SOS, 8 fall, 9 to 11 fences, 12 battery
 *
 * Facts: protocols.md 7.1, and the public decoders that it names as G2.
 */
#pragma once

#include "base/bytes.h"
#include "base/clock.h"

enum { EVIEW_BODY_MAX = 1024, EVIEW_HEADER_LEN = 8, EVIEW_IMEI_ROOM = 16, EVIEW_LINE_MAX = 256 };

enum eview_type { EVIEW_DATA = 0x01, EVIEW_SERVICES = 0x03, EVIEW_ANSWER = 0x7f };

/* Bits of an alarm, of both forms: the text form's flags are put into the same places. */
enum eview_alarm {
    EVIEW_BATTERY_LOW = 0,
    EVIEW_SPEED = 1,
    EVIEW_FALL = 2,
    EVIEW_FENCE_1 = 4,
    EVIEW_FENCE_4 = 7,
    EVIEW_POWER_OFF = 8,
    EVIEW_POWER_ON = 9,
    EVIEW_MOTION = 10,
    EVIEW_SOS = 12,
    EVIEW_SIDE_1 = 13,
    EVIEW_SIDE_2 = 14
};

struct eview_packet {
    bool is_text;
    bool wants_answer;
    bool wants_time;
    uint8_t type;
    uint16_t index;
    char imei[EVIEW_IMEI_ROOM]; /* "": not in this packet */
    uint32_t alarms;            /* 1 << enum eview_alarm */
    int64_t time_ms;            /* of the alarm, else of the status; 0: none */
    bool has_position;
    int32_t latitude_e7;
    int32_t longitude_e7;
    int battery_percent; /* -1: not told */
};

/* One packet or line off the front. OK, MORE, NOT_MINE (first byte), CHECKSUM, SYNTAX, FULL; with every
 * verdict but MORE `at` bytes are dealt with, at least one. */
struct verdict eview_parse(struct slice bytes, struct eview_packet *ret_packet) MUST_USE;
/* The answer that a packet with this index waits for. */
void eview_put_answer(struct buf *out, uint16_t index);
/* The answer to one that asks for the time. */
void eview_put_time(struct buf *out, uint16_t index, int64_t wall_ms);
/* A data packet with what the struct says. */
void eview_put_packet(struct buf *out, const struct eview_packet *packet);
