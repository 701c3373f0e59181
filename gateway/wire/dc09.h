/* dc09.h - SIA DC-09 frames: bytes to struct and back, and the two event texts they carry.
 *
 * Called by the dc09 adapter, the panel stub and the tests. Never keeps state, allocates or reads a clock.
 *
 *   LF c c c c 0 L L L " t t t " s s s s R r L l # a a a [ d d d ] [ x x ] _ h h : m m : s s , M M - D D - Y Y Y Y CR
 *      |       |       |         |       |   |   |        |         |     time, GMT
 *      |       |       |         |       |   |   |        |         extended data, first letter is the type
 *      |       |       |         |       |   |   |        data: #account|event
 *      |       |       |         |       |   |   account   line (1 to 6 hex)   receiver (may be absent)
 *      |       |       |         sequence, 4 digits
 *      |       |       token; a * in front: from behind `[` all is AES-CBC in hex, no closing bracket
 *      |       length of what the sum covers, 4 hex digits
 *      CRC-16/ARC from the first quote to before CR: 4 hex digits, of some panels 2 raw bytes
 *
 *   decrypted:  p p p p | # a a a | event ] [ x x ] _ time        p padding, ended by the first bar
 *
 * Facts: protocols.md chapter 4 (D2 is the 2013 text, D4 to D8 five implementations).
 */
#pragma once

#include "base/bytes.h"
#include "base/clock.h"

enum {
    DC09_FRAME_MAX =
        4112, /* what three hex digits of length can say, with head and CR; 280 is usual */
    DC09_PLAIN_MAX = 2048, /* decrypted */
    DC09_ACCOUNT_ROOM = 17,
    DC09_PREFIX_ROOM = 7
};

/* Slices lie in the bytes that were parsed, after dc09_decrypt in the plain text. */
struct dc09_frame {
    bool is_crc_raw;      /* two raw bytes: answer in the same form */
    bool is_length_wrong; /* the sum holds and the length does not; some count in decimal */
    bool
        is_odd; /* a bracket, the line or the time is not as the text wants it; read all the same */
    bool is_encrypted;
    struct slice token; /* without the star */
    unsigned seq;
    struct slice receiver; /* empty: none */
    struct slice line;
    struct slice account;  /* empty: none */
    struct slice data;     /* encrypted: hex digits; else what stands in the first brackets */
    struct slice extended; /* "[X006E07.7][Y49N06.6]" */
    bool has_time;
    int64_t time_ms; /* 0: digits that are no moment, of a clock that was never set */
};

/* One frame off the front. OK: `at` bytes belonged to it. MORE. NOT_MINE: no LF in front, or nothing of
 * the kind behind it. CHECKSUM, SYNTAX: it ends at `at`. Whatever the verdict but MORE, dc09_skip says
 * how far to go on. */
struct verdict dc09_parse(struct slice bytes, struct dc09_frame *ret_frame) MUST_USE;
size_t dc09_skip(struct slice bytes, struct verdict verdict);

/* Opens an encrypted frame: data, extended and time are then those of the plain text, which lies in
 * `memory` (DC09_PLAIN_MAX bytes). ERR_AUTH: this key does not open it (the time stamp, which must be
 * there, is not). ERR_SYNTAX: not whole blocks of hex. */
enum err dc09_decrypt(struct slice key, uint8_t *memory, struct dc09_frame *frame) MUST_USE;

/* Writes a frame. For an encrypted one `key` is the key and the time is put in; else key is empty.
 * ERR_FULL when it does not fit. */
enum err dc09_encode(const struct dc09_frame *frame, struct slice key, struct buf *out) MUST_USE;
/* "_HH:MM:SS,MM-DD-YYYY" */
void dc09_put_time(struct buf *b, int64_t wall_ms);

/* ADM-CID data: q EEE GG ZZZ. */
struct dc09_contact {
    char qualifier; /* '1' new or opening, '3' restore or closing, '6' still present */
    char event[4];
    char group[3];
    char zone[4];
};
enum err dc09_contact_parse(struct slice data, struct dc09_contact *ret_contact) MUST_USE;

/* One event of SIA-DCS data: Nri1/MA001^text^ */
struct dc09_event {
    bool is_old; /* O: what is told is past */
    char code[3];
    char area[8];     /* ri */
    char address[16]; /* zone or user */
    struct slice text;
};
/* Takes the next event off *rest; ERR_NOT_FOUND: there is none any more. ERR_SYNTAX: *rest is no event,
 * and stays as it is. `data` begins behind "#account|", which dc09_event_data takes off. */
enum err dc09_event_next(struct slice *rest, struct dc09_event *ret_event) MUST_USE;
struct slice dc09_event_data(struct slice data);
