/* espa444.c - ESPA 4.4.4 (proposal of November 1984): blocks and control sequences, bytes <->
 * struct.
 *
 * Called by the espa444 adapter, the nurse-call stub, the fuzzers and the tests of nurse-call
 * equipment. Never keeps state, allocates, logs or reads a clock.
 *
 *   A ENQ                  poll (after EOT) or select (otherwise) the station with address A
 *   ACK                    never prefixed
 *   [E] NAK                E: 1 damaged, 2 busy, 3 not understood
 *   EOT                    end of a transaction; "nothing to send"
 *   SOH H STX I US D D D RS I US D ... ETX C
 *       H  header, the type of the block ("header" of the proposal)
 *       I  data identifier, one or more digits     D  data, up to RS or ETX
 *       C  block check: XOR of everything after SOH up to and including ETX (ISO 1155). It may look
 *          like any control character, so the byte after ETX is taken whatever it is.
 *
 * The base rules are those of ISO 1745 (control), ISO 1155 (check) and ISO 646 (characters);
 * section names follow the proposal: "characters", "block structure", "data identifiers", "error
 * recovery".
 */
#include "wire/espa444.h"

enum { BIT_EIGHT = 0x80 };

static uint8_t masked(uint8_t byte, const struct espa444_line *line)
{
    return line->is_seven_bit ? (uint8_t)(byte & (BIT_EIGHT - 1)) : byte;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Where the block's ETX stands: OK; otherwise why there is none. `bytes` begins with SOH. */
static struct verdict find_etx(struct slice bytes, const struct espa444_line *line)
{
    for (size_t i = 1; i < bytes.len; i++) {
        if (i >= ESPA444_BLOCK_MAX - 1) {
            return verdict_at(ERR_FULL, i);
        }
        switch (masked(bytes.at[i], line)) {
        case ESPA444_ETX:
            return verdict_at(ERR_OK, i);
        case ESPA444_SOH: /* the sender broke off and begins again */
        case ESPA444_EOT: /* the sender gave up */
            return verdict_at(ERR_SYNTAX, i);
        case ESPA444_ENQ: /* another sequence; the address before it belongs to it */
            return verdict_at(ERR_SYNTAX,
                              i > 1 && is_digit(masked(bytes.at[i - 1], line)) ? i - 1 : i);
        default:
            break;
        }
    }
    return verdict_at(ERR_MORE, bytes.len);
}

/* "error recovery": the check of a block whose ETX stands at `etx`. */
static bool is_check_good(struct slice bytes, size_t etx, const struct espa444_line *line)
{
    uint8_t sum = xor_sum(slice_of(bytes.at + 1, etx));
    return masked(sum, line) == masked(bytes.at[etx + 1], line);
}

/* The identifier of a record as a number; 0 when it is none. Blanks round it are taken off. */
static unsigned parse_id(struct slice id, struct espa444_block *block,
                         const struct espa444_line *line)
{
    size_t from = 0;
    size_t to = id.len;
    while (from < to && masked(id.at[from], line) == ' ') {
        from++;
    }
    while (to > from && masked(id.at[to - 1], line) == ' ') {
        to--;
    }
    block->had_blanks = block->had_blanks || to - from != id.len;
    unsigned value = 0;
    for (size_t i = from; i < to; i++) {
        uint8_t c = masked(id.at[i], line);
        if (!is_digit(c) || value > 999) {
            return 0;
        }
        value = value * 10 + (unsigned)(c - '0');
    }
    return value;
}

/* One record, "identifier US data"; where it breaks when it has no US. */
static struct verdict parse_record(struct slice record, const struct espa444_line *line,
                                   struct espa444_block *block)
{
    size_t us = 0;
    while (us < record.len && masked(record.at[us], line) != ESPA444_US) {
        us++;
    }
    if (us == record.len) {
        return verdict_at(ERR_UNSUPPORTED, us);
    }
    if (block->count == ESPA444_RECORDS_MAX) {
        block->ignored++;
        return verdict_at(ERR_OK, record.len);
    }
    struct espa444_record *r = &block->records[block->count];
    r->id = parse_id(slice_of(record.at, us), block, line);
    r->data = slice_from(record, us + 1);
    block->count++;
    return verdict_at(ERR_OK, record.len);
}

/* "data identifiers": from `from` to the ETX. */
static struct verdict parse_records(struct slice bytes, size_t from, size_t etx,
                                    const struct espa444_line *line, struct espa444_block *block)
{
    size_t begin = from;
    for (size_t i = from; i <= etx; i++) {
        if (i != etx && masked(bytes.at[i], line) != ESPA444_RS) {
            continue;
        }
        struct slice record = slice_of(bytes.at + begin, i - begin);
        bool is_empty_end = record.len == 0 && i == etx; /* a block without records, or a last RS */
        if (!is_empty_end) {
            struct verdict v = parse_record(record, line, block);
            if (v.err != ERR_OK) {
                return verdict_at(v.err, begin + v.at);
            }
        }
        begin = i + 1;
    }
    return verdict_at(ERR_OK, etx + 2);
}

static struct verdict parse_block(struct slice bytes, const struct espa444_line *line,
                                  struct espa444_block *block)
{
    struct verdict end = find_etx(bytes, line);
    if (end.err != ERR_OK) {
        return end;
    }
    size_t etx = end.at;
    if (etx + 1 >= bytes.len) {
        return verdict_at(ERR_MORE, bytes.len);
    }
    if (!is_check_good(bytes, etx, line)) {
        return verdict_at(ERR_CHECKSUM, etx + 1);
    }
    if (line->is_seven_bit) {
        for (size_t i = 0; i <= etx + 1; i++) {
            block->had_bit_eight = block->had_bit_eight || (bytes.at[i] & BIT_EIGHT) != 0;
        }
    }
    size_t at = 1;
    while (at < etx && masked(bytes.at[at], line) == ' ') {
        at++;
    }
    block->had_blanks = at > 1;
    block->header = (char)masked(bytes.at[at], line);
    if (at == etx || block->header < ' ') {
        return verdict_at(ERR_UNSUPPORTED, at);
    }
    at++;
    while (at < etx && masked(bytes.at[at], line) == ' ') {
        at++;
    }
    if (masked(bytes.at[at], line) != ESPA444_STX) {
        return verdict_at(ERR_UNSUPPORTED, at);
    }
    return parse_records(bytes, at + 1, etx, line, block);
}

/* A digit begins `A ENQ` or `E NAK`, or nothing. */
static struct verdict parse_prefixed(struct slice bytes, const struct espa444_line *line,
                                     struct espa444_frame *frame)
{
    frame->digit = (char)masked(bytes.at[0], line);
    if (bytes.len == 1) {
        return verdict_at(ERR_MORE, 1);
    }
    uint8_t second = masked(bytes.at[1], line);
    if (second != ESPA444_ENQ && second != ESPA444_NAK) {
        return verdict_at(ERR_NOT_MINE, 0);
    }
    frame->type = second == ESPA444_ENQ ? ESPA444_IS_ENQ : ESPA444_IS_NAK;
    return verdict_at(ERR_OK, 2);
}

struct verdict espa444_parse(struct slice bytes, const struct espa444_line *line,
                             struct espa444_frame *ret_frame)
{
    if (bytes.len == 0) {
        return verdict_at(ERR_MORE, 0);
    }
    struct espa444_frame frame = {.type = ESPA444_IS_EOT};
    struct verdict v = verdict_at(ERR_OK, 1);
    uint8_t first = masked(bytes.at[0], line);
    if (first == ESPA444_SOH) {
        frame.type = ESPA444_IS_BLOCK;
        v = parse_block(bytes, line, &frame.block);
    } else if (is_digit(first)) {
        v = parse_prefixed(bytes, line, &frame);
    } else if (first == ESPA444_ACK) {
        frame.type = ESPA444_IS_ACK;
    } else if (first == ESPA444_NAK) {
        frame.type = ESPA444_IS_NAK;
    } else if (first != ESPA444_EOT) {
        v = verdict_at(ERR_NOT_MINE, 0);
    }
    if (v.err == ERR_OK) {
        *ret_frame = frame;
    }
    return v;
}

size_t espa444_skip(struct slice bytes, const struct espa444_line *line, struct verdict verdict)
{
    size_t skip = verdict.at;
    if (verdict.err == ERR_CHECKSUM) {
        skip = verdict.at + 1;
    } else if (verdict.err == ERR_UNSUPPORTED) {
        skip =
            find_etx(bytes, line).at + 2; /* the block is whole: up to the check behind its ETX */
    }
    if (skip < 1) {
        skip = 1;
    }
    return skip < bytes.len ? skip : bytes.len;
}

struct slice espa444_find(const struct espa444_block *block, unsigned id)
{
    for (size_t i = 0; i < block->count; i++) {
        if (block->records[i].id == id) {
            return block->records[i].data;
        }
    }
    return slice_of(NULL, 0);
}

int espa444_number(const struct espa444_block *block, const struct espa444_line *line, unsigned id)
{
    struct slice data = espa444_find(block, id);
    int value = -1;
    for (size_t i = 0; i < data.len; i++) {
        uint8_t c = masked(data.at[i], line);
        if (c == ' ') {
            continue;
        }
        if (!is_digit(c) || value > 999) {
            return -1;
        }
        value = (value < 0 ? 0 : value) * 10 + (c - '0');
    }
    return value;
}

/* ISO 646-SE (SEN 85 02 00 annex B): six places of ASCII that hold Swedish letters. */
static const struct {
    char ascii;
    uint8_t latin1;
} swedish[] = {
    {'[', 0xc4}, {'\\', 0xd6}, {']', 0xc5}, {'{', 0xe4}, {'|', 0xf6}, {'}', 0xe5},
};
enum { SWEDISH = sizeof swedish / sizeof swedish[0] };

static void put_latin1(struct buf *out, uint8_t c)
{
    if (c < BIT_EIGHT) {
        buf_put_u8(out, c);
    } else {
        buf_put_u8(out, (uint8_t)(0xc0 | (c >> 6)));
        buf_put_u8(out, (uint8_t)(BIT_EIGHT | (c & 0x3f)));
    }
}

static void put_char(struct buf *out, uint8_t c, const struct espa444_line *line)
{
    if (c < ' ' || c == 0x7f || (c >= BIT_EIGHT && c < 0xa0)) {
        buf_put_u8(out, ' ');
        return;
    }
    if (line->charset == ESPA444_SWEDISH) {
        for (size_t i = 0; i < SWEDISH; i++) {
            if ((uint8_t)swedish[i].ascii == c) {
                put_latin1(out, swedish[i].latin1);
                return;
            }
        }
    }
    if (line->charset == ESPA444_ASCII && c >= BIT_EIGHT) {
        buf_put_u8(out, '?');
        return;
    }
    put_latin1(out, c);
}

void espa444_text(struct slice data, const struct espa444_line *line, struct buf *out)
{
    size_t from = 0;
    size_t to = data.len;
    while (from < to && masked(data.at[from], line) <= ' ') {
        from++;
    }
    while (to > from && masked(data.at[to - 1], line) <= ' ') {
        to--;
    }
    for (size_t i = from; i < to; i++) {
        put_char(out, masked(data.at[i], line), line);
    }
}

void espa444_put_enq(struct buf *out, char address)
{
    buf_put_u8(out, (uint8_t)address);
    buf_put_u8(out, ESPA444_ENQ);
}

void espa444_put_ack(struct buf *out)
{
    buf_put_u8(out, ESPA444_ACK);
}

void espa444_put_nak(struct buf *out, enum espa444_nak reason)
{
    if (reason != ESPA444_NAK_BARE) {
        buf_put_u8(out, (uint8_t)reason);
    }
    buf_put_u8(out, ESPA444_NAK);
}

void espa444_put_eot(struct buf *out)
{
    buf_put_u8(out, ESPA444_EOT);
}

/* The next character of a UTF-8 text as Latin-1, '?' for one that Latin-1 lacks. */
static uint8_t take_latin1(struct slice *text)
{
    uint8_t c = text->at[0];
    size_t len = c < BIT_EIGHT ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    uint8_t latin1 = c;
    if (c >= BIT_EIGHT) {
        bool is_latin1 = (c == 0xc2 || c == 0xc3) && text->len > 1;
        latin1 =
            is_latin1 ? (uint8_t)((unsigned)(c & 3) << 6 | (text->at[1] & 0x3fu)) : (uint8_t)'?';
    }
    *text = slice_from(*text, len);
    return latin1;
}

/* Base letters of Latin-1's upper part from 0xC0, for lines that cannot carry them. */
static const char base_letters[] =
    "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty";

static uint8_t as_sent(uint8_t latin1, const struct espa444_line *line)
{
    if (latin1 < ' ' || latin1 == 0x7f) {
        return ' '; /* control characters would end the record */
    }
    if (line->charset == ESPA444_SWEDISH) {
        for (size_t i = 0; i < SWEDISH; i++) {
            if (swedish[i].latin1 == latin1) {
                return (uint8_t)swedish[i].ascii;
            }
            if ((uint8_t)swedish[i].ascii == latin1) {
                return '?'; /* a bracket would be read as a letter */
            }
        }
    }
    if (latin1 < BIT_EIGHT || (line->charset == ESPA444_LATIN1 && !line->is_seven_bit)) {
        return latin1;
    }
    return latin1 >= 0xc0 ? (uint8_t)base_letters[latin1 - 0xc0] : (uint8_t)'?';
}

static void put_field(struct buf *out, const struct espa444_field *field,
                      const struct espa444_line *line)
{
    size_t max = field->id == ESPA444_CALL_ADDRESS ? ESPA444_ADDRESS_MAX : ESPA444_DISPLAY_MAX;
    buf_put_u64(out, (uint64_t)field->id);
    buf_put_u8(out, ESPA444_US);
    struct slice text = field->text;
    for (size_t i = 0; i < max && text.len > 0; i++) {
        buf_put_u8(out, as_sent(take_latin1(&text), line));
    }
}

enum err espa444_put_block(struct buf *out, const struct espa444_line *line, char header,
                           const struct espa444_field *fields, size_t count)
{
    size_t begin = out->len;
    buf_put_u8(out, ESPA444_SOH);
    buf_put_u8(out, (uint8_t)header);
    buf_put_u8(out, ESPA444_STX);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_put_u8(out, ESPA444_RS);
        }
        put_field(out, &fields[i], line);
    }
    buf_put_u8(out, ESPA444_ETX);
    if (out->is_full) {
        return ERR_FULL;
    }
    struct slice summed = slice_of(out->at + begin + 1, out->len - begin - 1);
    buf_put_u8(out, masked(xor_sum(summed), line));
    if (out->is_full || out->len - begin > ESPA444_BLOCK_MAX) {
        return ERR_FULL;
    }
    return ERR_OK;
}

const char *espa444_header_text(char header)
{
    switch (header) {
    case ESPA444_CALL:
        return "call to pager";
    case ESPA444_STATUS:
        return "status information";
    case ESPA444_STATUS_REQUEST:
        return "status request";
    case ESPA444_SUBSCRIBER_CALL:
        return "call to subscriber line";
    case ESPA444_OTHER:
        return "other information of the maker's own";
    default:
        return "unknown block type";
    }
}

const char *espa444_status_text(int status)
{
    switch (status) {
    case ESPA444_BUSY:
        return "busy";
    case ESPA444_QUEUED:
        return "in queue";
    case ESPA444_PAGED:
        return "paged";
    case ESPA444_ABSENT:
        return "absent";
    case ESPA444_TERMINATED:
        return "call terminated";
    case ESPA444_ACKNOWLEDGED:
        return "acknowledged by called party";
    case ESPA444_SPEECH_OPEN:
        return "speech channel open";
    case ESPA444_FAULT:
        return "fault";
    case ESPA444_SPEECH_AFTER_PAGING:
        return "speech channel open after paging";
    case ESPA444_SPEECH_ABSENT:
        return "speech channel open, absent";
    default:
        return "unknown call status";
    }
}
