/* dc09.c - see dc09.h for the frame. */
#include "wire/dc09.h"

#include "base/crypt.h"
#include "base/sum.h"

#include <string.h>

enum { LF = 0x0a, CR = 0x0d, RAW_HEAD = 7, HEX_HEAD = 9, SEQ_LEN = 4, TIME_LEN = 20 };

static bool is_hex_digit(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

static unsigned hex_value(uint8_t c)
{
    return c <= '9' ? (unsigned)c - '0' : ((unsigned)c | 0x20) - 'a' + 10;
}

static unsigned hex_number(const uint8_t *at, size_t len)
{
    unsigned value = 0;
    for (size_t i = 0; i < len; i++) {
        value = value << 4 | hex_value(at[i]);
    }
    return value;
}

static bool are_hex(const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_hex_digit(at[i])) {
            return false;
        }
    }
    return true;
}

/* Takes hex digits, at least one and at most `most`. */
static bool take_hex(struct slice *rest, size_t most, struct slice *ret)
{
    size_t len = 0;
    while (len < rest->len && len < most && is_hex_digit(rest->at[len])) {
        len++;
    }
    *ret = slice_of(rest->at, len);
    *rest = slice_from(*rest, len);
    return len > 0;
}

static bool take(struct slice *rest, char wanted)
{
    if (rest->len == 0 || rest->at[0] != (uint8_t)wanted) {
        return false;
    }
    *rest = slice_from(*rest, 1);
    return true;
}

/* --- time ----------------------------------------------------------------------------------------- */

static bool take_number(struct slice *rest, size_t digits, uint64_t max, int *ret)
{
    uint64_t value = 0;
    if (rest->len < digits || slice_u64(slice_of(rest->at, digits), max, &value) != ERR_OK) {
        return false;
    }
    *ret = (int)value;
    *rest = slice_from(*rest, digits);
    return true;
}

/* _HH:MM:SS,MM-DD-YYYY, the whole slice */
static bool parse_time(struct slice text, int64_t *ret_ms)
{
    int h = 0;
    int m = 0;
    int s = 0;
    int month = 0;
    int day = 0;
    int year = 0;
    struct slice rest = text;
    bool is_good = take(&rest, '_') && take_number(&rest, 2, 23, &h) && take(&rest, ':') &&
                   take_number(&rest, 2, 59, &m) && take(&rest, ':') &&
                   take_number(&rest, 2, 60, &s) && take(&rest, ',') &&
                   take_number(&rest, 2, 12, &month) && take(&rest, '-') &&
                   take_number(&rest, 2, 31, &day) && take(&rest, '-') &&
                   take_number(&rest, 4, 9999, &year) && rest.len == 0 && month > 0 && day > 0;
    if (is_good) {
        *ret_ms = ((clock_days(year, month, day) * 24 + h) * 60 + m) * 60000 + s * 1000LL;
    }
    return is_good;
}

void dc09_put_time(struct buf *b, int64_t wall_ms)
{
    char iso[32];
    struct buf text = buf_of(iso, sizeof iso);
    clock_put_utc(&text, wall_ms); /* 2026-11-25T10:00:00.000Z */
    (void)buf_cstr(&text);
    buf_put_u8(b, '_');
    buf_put(b, iso + 11, 8);
    buf_put_u8(b, ',');
    buf_put(b, iso + 5, 2);
    buf_put_u8(b, '-');
    buf_put(b, iso + 8, 2);
    buf_put_u8(b, '-');
    buf_put(b, iso, 4);
}

/* --- parsing -------------------------------------------------------------------------------------- */

/* The time stamp, or what stands in its place: digits of a clock that was never set are one, too. */
static bool take_time(struct slice text, struct dc09_frame *f)
{
    static const char shape[] = "_00:00:00,00-00-0000";
    bool has_shape = text.len == TIME_LEN;
    for (size_t i = 0; has_shape && i < TIME_LEN; i++) {
        bool is_digit = text.at[i] >= '0' && text.at[i] <= '9';
        has_shape = shape[i] == '0' ? is_digit : text.at[i] == (uint8_t)shape[i];
    }
    f->has_time = has_shape;
    f->time_ms = 0;
    if (has_shape) {
        (void)!parse_time(text, &f->time_ms);
    }
    return has_shape;
}

/* ...] [x] [y] _time : the data up to its bracket, the blocks behind it, the time at the end. Without the
 * bracket all is data, up to the time. */
static void split_text(struct slice text, struct dc09_frame *f)
{
    const uint8_t *end = text.len == 0 ? NULL : memchr(text.at, ']', text.len);
    if (end == NULL) {
        bool has_time = text.len >= TIME_LEN && take_time(slice_from(text, text.len - TIME_LEN), f);
        f->data = slice_of(text.at, has_time ? text.len - TIME_LEN : text.len);
        f->is_odd = true;
        return;
    }
    f->data = slice_of(text.at, (size_t)(end - text.at));
    struct slice rest = slice_from(text, f->data.len + 1);
    const uint8_t *blocks = rest.at;
    while (rest.len > 0 && rest.at[0] == '[') {
        const uint8_t *close = memchr(rest.at, ']', rest.len);
        if (close == NULL) {
            break;
        }
        rest = slice_from(rest, (size_t)(close - rest.at) + 1);
    }
    f->extended = slice_of(blocks, (size_t)(rest.at - blocks));
    if (rest.len > 0 && !take_time(rest, f)) {
        f->is_odd = true;
    }
}

/* #account, which the bracket ends; some frames have neither. */
static void take_account(struct slice *rest, struct dc09_frame *f)
{
    const uint8_t *bracket = rest->len == 0 ? NULL : memchr(rest->at, '[', rest->len);
    struct slice head =
        slice_of(rest->at, bracket == NULL ? rest->len : (size_t)(bracket - rest->at));
    *rest = slice_from(*rest, bracket == NULL ? rest->len : head.len + 1);
    f->is_odd = f->is_odd || bracket == NULL;
    if (take(&head, '#')) {
        size_t len = head.len < DC09_ACCOUNT_ROOM ? head.len : DC09_ACCOUNT_ROOM - 1;
        f->account = slice_of(head.at, len);
        f->is_odd = f->is_odd || len == 0 || len < head.len;
    } else {
        f->is_odd = f->is_odd || head.len > 0;
    }
}

/* Only what an answer cannot do without is insisted upon: the token and the sequence. */
static bool parse_body(struct slice body, struct dc09_frame *f)
{
    struct slice rest = slice_from(body, 1); /* the quote is there already */
    uint64_t seq = 0;
    f->is_encrypted = take(&rest, '*');
    const uint8_t *quote = rest.len == 0 ? NULL : memchr(rest.at, '"', rest.len);
    if (quote == NULL || quote == rest.at || quote - rest.at > 16) {
        return false;
    }
    f->token = slice_of(rest.at, (size_t)(quote - rest.at));
    rest = slice_from(rest, f->token.len + 1);
    if (rest.len < SEQ_LEN || slice_u64(slice_of(rest.at, SEQ_LEN), 9999, &seq) != ERR_OK) {
        return false;
    }
    f->seq = (unsigned)seq;
    rest = slice_from(rest, SEQ_LEN);
    if (take(&rest, 'R') && !take_hex(&rest, DC09_PREFIX_ROOM - 1, &f->receiver)) {
        f->is_odd = true;
    }
    if (!take(&rest, 'L') || !take_hex(&rest, DC09_PREFIX_ROOM - 1, &f->line)) {
        f->line = slice_str("0"); /* the standard's own preset (4.1) */
        f->is_odd = true;
    }
    take_account(&rest, f);
    if (!f->is_encrypted) {
        split_text(rest, f);
        return true;
    }
    if (rest.len > 0 && rest.at[rest.len - 1] == ']') {
        rest.len--;
        f->is_odd = true;
    }
    f->data = rest;
    return rest.len > 0;
}

/* Where the body begins, by the place of the first quote: behind a sum of hex digits or of raw bytes.
 * 0: neither. */
static size_t body_from(struct slice bytes, bool *ret_is_raw)
{
    *ret_is_raw = false;
    if (bytes.len > HEX_HEAD && bytes.at[HEX_HEAD] == '"' && are_hex(bytes.at + 1, HEX_HEAD - 1)) {
        return HEX_HEAD;
    }
    if (bytes.len > RAW_HEAD && bytes.at[RAW_HEAD] == '"' && are_hex(bytes.at + 3, 4)) {
        *ret_is_raw = true;
        return RAW_HEAD;
    }
    return 0;
}

struct verdict dc09_parse(struct slice bytes, struct dc09_frame *ret_frame)
{
    struct dc09_frame f = {.seq = 0};
    if (bytes.len == 0) {
        return verdict_at(ERR_MORE, 0);
    }
    if (bytes.at[0] != LF) {
        return verdict_at(ERR_NOT_MINE, 0);
    }
    size_t from = body_from(bytes, &f.is_crc_raw);
    if (from == 0) {
        return bytes.len <= HEX_HEAD ? verdict_at(ERR_MORE, bytes.len)
                                     : verdict_at(ERR_NOT_MINE, HEX_HEAD);
    }
    size_t end = from;
    while (end < bytes.len && end < DC09_FRAME_MAX && bytes.at[end] != CR && bytes.at[end] != LF) {
        end++;
    }
    if (end == DC09_FRAME_MAX) {
        return verdict_at(ERR_FULL, end);
    }
    if (end == bytes.len) {
        return verdict_at(ERR_MORE, end);
    }
    if (bytes.at[end] == LF) {
        return verdict_at(ERR_SYNTAX, end); /* cut off: the next frame begins here */
    }
    struct slice body = slice_of(bytes.at + from, end - from);
    unsigned sum =
        f.is_crc_raw ? (unsigned)bytes.at[1] << 8 | bytes.at[2] : hex_number(bytes.at + 1, 4);
    if (crc16_arc(body) != sum) {
        return verdict_at(ERR_CHECKSUM, end + 1);
    }
    f.is_length_wrong = hex_number(bytes.at + from - 4, 4) != body.len;
    if (!parse_body(body, &f)) {
        return verdict_at(ERR_SYNTAX, end + 1);
    }
    *ret_frame = f;
    return verdict_at(ERR_OK, end + 1);
}

size_t dc09_skip(struct slice bytes, struct verdict verdict)
{
    size_t at = verdict.at > 0 ? verdict.at : 1;
    if (verdict.err == ERR_NOT_MINE || verdict.err == ERR_FULL) {
        at = 1;
        while (at < bytes.len && bytes.at[at] != LF) {
            at++;
        }
    }
    return at < bytes.len ? at : bytes.len;
}

/* --- encryption ----------------------------------------------------------------------------------- */

enum err dc09_decrypt(struct slice key, uint8_t *memory, struct dc09_frame *frame)
{
    size_t len = 0;
    struct slice hex = frame->data;
    if (hex_decode(hex, memory, DC09_PLAIN_MAX, &len) != ERR_OK || len == 0) {
        return ERR_SYNTAX;
    }
    enum err err = aes_cbc_decrypt(key, slice_of(memory, len), memory);
    if (err != ERR_OK) {
        return ERR_SYNTAX;
    }
    /* The padding ends at the first bar; where the bar is missing, what follows is only `]`. */
    struct slice plain = slice_of(memory, len);
    const uint8_t *bar = memchr(plain.at, '|', plain.len);
    const uint8_t *bracket = memchr(plain.at, ']', plain.len);
    if (bracket == NULL) {
        return ERR_AUTH;
    }
    size_t from = (size_t)(bracket - plain.at);
    if (bar != NULL && bar < bracket) {
        from = (size_t)(bar - plain.at) + 1;
    }
    struct dc09_frame opened = *frame;
    split_text(slice_from(plain, from), &opened);
    if (!opened.has_time) {
        return ERR_AUTH;
    }
    *frame = opened;
    return ERR_OK;
}

/* Padding in front: letters that differ with time and sequence, so that equal texts give unequal blocks.
 * A full block when the length is a multiple already (D2). */
static void put_padding(struct buf *b, size_t text_len, const struct dc09_frame *frame)
{
    size_t pad = AES_BLOCK - text_len % AES_BLOCK;
    uint64_t mix = (uint64_t)frame->time_ms * 2654435761u + frame->seq;
    for (size_t i = 0; i < pad; i++) {
        mix = mix * 6364136223846793005u + 1442695040888963407u;
        buf_put_u8(b, (uint8_t)('A' + (mix >> 33) % 26));
    }
}

static enum err put_encrypted(const struct dc09_frame *frame, struct slice key, struct buf *body)
{
    uint8_t memory[DC09_PLAIN_MAX];
    struct buf text = buf_of(memory, sizeof memory);
    size_t text_len = 1 + frame->data.len + 1 + frame->extended.len + TIME_LEN;
    put_padding(&text, text_len, frame);
    buf_put_u8(&text, '|');
    buf_put_slice(&text, frame->data);
    buf_put_u8(&text, ']');
    buf_put_slice(&text, frame->extended);
    dc09_put_time(&text, frame->time_ms);
    if (text.is_full) {
        return ERR_FULL;
    }
    enum err err = aes_cbc_encrypt(key, buf_slice(&text), memory);
    for (size_t i = 0; err == ERR_OK && i < text.len; i++) {
        static const char digits[] = "0123456789ABCDEF";
        buf_put_u8(body, (uint8_t)digits[memory[i] >> 4]);
        buf_put_u8(body, (uint8_t)digits[memory[i] & 15]);
    }
    return err;
}

static void put_hex4(struct buf *b, unsigned value)
{
    for (int shift = 12; shift >= 0; shift -= 4) {
        buf_put_u8(b, (uint8_t) "0123456789ABCDEF"[value >> shift & 15]);
    }
}

enum err dc09_encode(const struct dc09_frame *frame, struct slice key, struct buf *out)
{
    uint8_t memory[DC09_FRAME_MAX];
    struct buf body = buf_of(memory, sizeof memory);
    enum err err = ERR_OK;
    buf_put_str(&body, frame->is_encrypted ? "\"*" : "\"");
    buf_put_slice(&body, frame->token);
    buf_put_u8(&body, '"');
    buf_put_padded(&body, frame->seq, SEQ_LEN);
    if (frame->receiver.len > 0) {
        buf_put_u8(&body, 'R');
        buf_put_slice(&body, frame->receiver);
    }
    buf_put_u8(&body, 'L');
    buf_put_slice(&body, frame->line);
    if (frame->account.len > 0) {
        buf_put_u8(&body, '#');
        buf_put_slice(&body, frame->account);
    }
    buf_put_u8(&body, '[');
    if (frame->is_encrypted) {
        err = put_encrypted(frame, key, &body);
    } else {
        buf_put_slice(&body, frame->data);
        buf_put_u8(&body, ']');
        buf_put_slice(&body, frame->extended);
        if (frame->has_time) {
            dc09_put_time(&body, frame->time_ms);
        }
    }
    unsigned sum = crc16_arc(buf_slice(&body));
    buf_put_u8(out, LF);
    if (frame->is_crc_raw) {
        buf_put_u8(out, (uint8_t)(sum >> 8));
        buf_put_u8(out, (uint8_t)sum);
    } else {
        put_hex4(out, sum);
    }
    put_hex4(out, (unsigned)body.len);
    buf_put_slice(out, buf_slice(&body));
    buf_put_u8(out, CR);
    return err != ERR_OK ? err : body.is_full || out->is_full ? ERR_FULL : ERR_OK;
}
