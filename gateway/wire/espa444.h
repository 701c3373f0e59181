/* espa444.h - ESPA 4.4.4 (proposal of November 1984): blocks and control sequences, bytes <->
 * struct.
 *
 * Called by the espa444 adapter, the nurse-call stub, the fuzzers and the tests of nurse-call
 * equipment. Never keeps state, allocates, logs or reads a clock. What a parsed frame shows points
 * into the bytes it was parsed from. Who may speak when is not grammar: adapters/espa444.c.
 */
#pragma once

#include "base/bytes.h"

enum {
    ESPA444_SOH = 0x01,
    ESPA444_STX = 0x02,
    ESPA444_ETX = 0x03,
    ESPA444_EOT = 0x04,
    ESPA444_ENQ = 0x05,
    ESPA444_ACK = 0x06,
    ESPA444_NAK = 0x15,
    ESPA444_RS = 0x1e,
    ESPA444_US = 0x1f
};

/* Ceilings. The eight records at their longest take about 180 bytes. */
enum {
    ESPA444_BLOCK_MAX = 512,  /* SOH and BCC included; a longer block is ended here */
    ESPA444_RECORDS_MAX = 24, /* further records of a block are ignored, and counted */
    ESPA444_ADDRESS_MAX = 16, /* characters of record 1 */
    ESPA444_DISPLAY_MAX = 128 /* characters of record 2 */
};

/* What stands for the letters that 7-bit ISO 646 has no room for. */
enum espa444_charset { ESPA444_LATIN1, ESPA444_SWEDISH, ESPA444_ASCII };

/* What the two ends agreed on. All zero: eight bits, Latin-1. */
struct espa444_line {
    enum espa444_charset charset;
    bool is_seven_bit; /* bit 8 is parity (or left over from it): ignored when it comes in, and the
                          block check compared without it; never set when it goes out */
};

/* The type of a block: its header character. */
enum espa444_header {
    ESPA444_CALL = '1',
    ESPA444_STATUS = '2',
    ESPA444_STATUS_REQUEST = '3',
    ESPA444_SUBSCRIBER_CALL = '4',
    ESPA444_OTHER = '5'
};

/* Data identifiers. */
enum espa444_id {
    ESPA444_CALL_ADDRESS = 1,
    ESPA444_DISPLAY = 2,
    ESPA444_BEEP = 3,
    ESPA444_CALL_TYPE = 4,
    ESPA444_TRANSMISSIONS = 5,
    ESPA444_PRIORITY = 6,
    ESPA444_CALL_STATUS = 7,
    ESPA444_SYSTEM_STATUS = 8
};

/* Values of record 4, 6 and 7. */
enum { ESPA444_TYPE_RESET = 1, ESPA444_TYPE_SPEECH = 2, ESPA444_TYPE_STANDARD = 3 };
enum { ESPA444_PRIORITY_ALARM = 1, ESPA444_PRIORITY_HIGH = 2, ESPA444_PRIORITY_NORMAL = 3 };
enum espa444_call_status {
    ESPA444_BUSY = 1,
    ESPA444_QUEUED = 2,
    ESPA444_PAGED = 3,
    ESPA444_ABSENT = 4,
    ESPA444_TERMINATED = 5,
    ESPA444_ACKNOWLEDGED = 6,
    ESPA444_SPEECH_OPEN = 7,
    ESPA444_FAULT = 8,
    ESPA444_SPEECH_AFTER_PAGING = 71,
    ESPA444_SPEECH_ABSENT = 72
};

/* The digit before a NAK; 0 for a NAK without one. */
enum espa444_nak {
    ESPA444_NAK_BARE = 0,
    ESPA444_NAK_DAMAGED = '1',
    ESPA444_NAK_BUSY = '2',
    ESPA444_NAK_NOT_UNDERSTOOD = '3'
};

struct espa444_record {
    unsigned id;       /* 0: not a number; such a record is tolerated */
    struct slice data; /* as it came: espa444_text makes it readable */
};

struct espa444_block {
    char header; /* enum espa444_header, or any other character */
    struct espa444_record records[ESPA444_RECORDS_MAX];
    size_t count;
    size_t ignored;     /* records past the ceiling */
    bool had_blanks;    /* blanks stood round an identifier: tolerated, worth a note */
    bool had_bit_eight; /* a seven-bit line brought bit 8: parity belongs into the serial server */
};

enum espa444_type {
    ESPA444_IS_ENQ, /* .digit is the address polled or selected */
    ESPA444_IS_ACK,
    ESPA444_IS_NAK, /* .digit is enum espa444_nak */
    ESPA444_IS_EOT,
    ESPA444_IS_BLOCK /* .block */
};

struct espa444_frame {
    enum espa444_type type;
    char digit;
    struct espa444_block block;
};

/* Takes the first frame off `bytes`. OK: `at` is its length. MORE: good so far. NOT_MINE: the first
 * byte belongs to no frame. SYNTAX: a block broken off; the byte `at` begins something else.
 * CHECKSUM: a whole block with a wrong BCC, which is at `at`. UNSUPPORTED: a whole block with the
 * right BCC that is not understood from `at` on. FULL: a block that reached ESPA444_BLOCK_MAX
 * without an end. */
struct verdict espa444_parse(struct slice bytes, const struct espa444_line *line,
                             struct espa444_frame *ret_frame) MUST_USE;

/* After any verdict but MORE: how many bytes to drop before parsing goes on; at least 1. */
size_t espa444_skip(struct slice bytes, const struct espa444_line *line, struct verdict verdict);

/* The first record with this identifier; an empty slice when there is none. */
struct slice espa444_find(const struct espa444_block *block, unsigned id);
/* A record that holds a small number, written with or without zeros in front; -1: none or no
 * number. */
int espa444_number(const struct espa444_block *block, const struct espa444_line *line, unsigned id);
/* Data as UTF-8, trimmed; control characters become blanks. */
void espa444_text(struct slice data, const struct espa444_line *line, struct buf *out);

/* Encoding. Texts are UTF-8; what the charset cannot say becomes its base letter or '?'. */
void espa444_put_enq(struct buf *out, char address);
void espa444_put_ack(struct buf *out);
void espa444_put_nak(struct buf *out, enum espa444_nak reason);
void espa444_put_eot(struct buf *out);
struct espa444_field {
    enum espa444_id id;
    struct slice text; /* UTF-8; cut at the ceiling of records 1 and 2 */
};
/* The whole block, SOH to BCC. ERR_FULL when it would pass ESPA444_BLOCK_MAX or the buffer. */
enum err espa444_put_block(struct buf *out, const struct espa444_line *line, char header,
                           const struct espa444_field *fields, size_t count) MUST_USE;

/* Words for people: "call to pager", "acknowledged by called party". Never NULL. */
const char *espa444_header_text(char header);
const char *espa444_status_text(int status);
