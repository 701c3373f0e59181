/* eview.c - see eview.h. */
#include "wire/eview.h"

#include "base/sum.h"

#include <string.h>

enum { WANTS_ANSWER = 0x10 };
enum {
    KEY_IMEI = 0x01,
    KEY_ALARM = 0x02,
    KEY_TIME = 0x12, /* of a question */
    KEY_BATTERY = 0x14,
    KEY_POSITION = 0x20,
    KEY_STATUS = 0x24
};

static uint16_t le16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t le32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static bool is_imei(struct slice a)
{
    for (size_t i = 0; i < a.len; i++) {
        if (a.at[i] < '0' || a.at[i] > '9') {
            return false;
        }
    }
    return a.len == 15;
}

/* 0, 0 is what a device without a fix says. */
static bool is_on_earth(const struct eview_packet *p)
{
    return (p->latitude_e7 != 0 || p->longitude_e7 != 0) && p->latitude_e7 >= -900000000 &&
           p->latitude_e7 <= 900000000 && p->longitude_e7 >= -1800000000 &&
           p->longitude_e7 <= 1800000000;
}

/* --- the binary form ------------------------------------------------------------------------------ */

static void take_item(uint8_t key, struct slice value, struct eview_packet *p)
{
    if (p->type == EVIEW_SERVICES) {
        p->wants_time = p->wants_time || key == KEY_TIME;
    } else if (key == KEY_IMEI && is_imei(value)) {
        (void)slice_text(value, p->imei, sizeof p->imei);
    } else if (key == KEY_ALARM && value.len >= 4) {
        p->alarms |= le32(value.at);
        if (value.len >= 8) {
            p->time_ms = (int64_t)le32(value.at + 4) * 1000;
        }
    } else if (key == KEY_BATTERY && value.len >= 1) {
        p->battery_percent = value.at[0] <= 100 ? value.at[0] : -1;
    } else if (key == KEY_STATUS && value.len >= 8) {
        p->time_ms = p->time_ms == 0 ? (int64_t)le32(value.at) * 1000 : p->time_ms;
        p->battery_percent = value.at[7] <= 100 ? value.at[7] : -1;
    } else if (key == KEY_POSITION && value.len >= 8) {
        p->latitude_e7 = (int32_t)le32(value.at);
        p->longitude_e7 = (int32_t)le32(value.at + 4);
        p->has_position = is_on_earth(p);
    }
}

/* False: an item goes beyond the body. */
static bool take_items(struct slice items, struct eview_packet *p)
{
    while (items.len > 0) {
        size_t len = items.at[0];
        if (len == 0) { /* padding of some firmware */
            items = slice_from(items, 1);
            continue;
        }
        if (len + 1 > items.len) {
            return false;
        }
        take_item(items.at[1], slice_of(items.at + 2, len - 1), p);
        items = slice_from(items, len + 1);
    }
    return true;
}

static struct verdict parse_binary(struct slice bytes, struct eview_packet *p)
{
    if (bytes.len < EVIEW_HEADER_LEN) {
        return verdict_at(ERR_MORE, bytes.len);
    }
    size_t len = le16(bytes.at + 2);
    if (len == 0 || len > EVIEW_BODY_MAX) {
        return verdict_at(ERR_FULL, 1);
    }
    if (bytes.len < EVIEW_HEADER_LEN + len) {
        return verdict_at(ERR_MORE, bytes.len);
    }
    struct slice body = slice_of(bytes.at + EVIEW_HEADER_LEN, len);
    size_t whole = EVIEW_HEADER_LEN + len;
    p->wants_answer = (bytes.at[1] & WANTS_ANSWER) != 0;
    p->index = le16(bytes.at + 6);
    p->type = body.at[0];
    if (crc16_xmodem(body) != le16(bytes.at + 4)) {
        return verdict_at(ERR_CHECKSUM, whole);
    }
    bool has_items = p->type == EVIEW_DATA || p->type == EVIEW_SERVICES;
    if (has_items && !take_items(slice_from(body, 1), p)) {
        return verdict_at(ERR_SYNTAX, whole);
    }
    return verdict_at(ERR_OK, whole);
}

/* --- the text form -------------------------------------------------------------------------------- */

/* "59.123456" or "-17.5" in 1e-7 degrees; false: not a number of degrees. */
static bool degrees(struct slice text, int32_t *ret_e7)
{
    bool is_negative = slice_starts(text, "-");
    struct slice rest = slice_from(text, is_negative ? 1 : 0);
    struct slice whole = slice_cut(&rest, '.');
    uint64_t value = 0;
    uint64_t part = 0;
    if (slice_u64(whole, 180, &value) != ERR_OK || rest.len > 7 ||
        (rest.len > 0 && slice_u64(rest, 9999999, &part) != ERR_OK)) {
        return false;
    }
    for (size_t i = rest.len; i < 7; i++) {
        part *= 10;
    }
    int64_t e7 = (int64_t)(value * 10000000 + part);
    *ret_e7 = (int32_t)(is_negative ? -e7 : e7);
    return e7 <= 1800000000;
}

static bool hex_flags(struct slice text, uint32_t *ret)
{
    uint32_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        bool is_digit = c >= '0' && c <= '9';
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'f';
        if (!is_digit && !is_letter) {
            return false;
        }
        value = value << 4 | (uint32_t)(is_digit ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    *ret = value;
    return text.len > 0 && text.len <= 8;
}

/* dd/mm/yy and hh:mm:ss, GMT; 0: no time */
static int64_t text_time(struct slice date, struct slice time)
{
    uint64_t n[6] = {0};
    static const uint64_t most[6] = {31, 12, 99, 23, 59, 60};
    for (size_t i = 0; i < 6; i++) {
        struct slice *from = i < 3 ? &date : &time;
        struct slice part = slice_cut(from, i < 3 ? '/' : ':');
        if (part.len != 2 || slice_u64(part, most[i], &n[i]) != ERR_OK) {
            return 0;
        }
    }
    if (n[0] == 0 || n[1] == 0) {
        return 0;
    }
    int64_t days = clock_days(2000 + (int)n[2], (int)n[1], (int)n[0]);
    return ((days * 24 + (int64_t)n[3]) * 60 + (int64_t)n[4]) * 60000 + (int64_t)n[5] * 1000;
}

/* !B, !C, !D: the flags of the text form, put where the binary form has them. */
static bool take_data(struct slice rest, struct eview_packet *p)
{
    struct slice date = slice_cut(&rest, ',');
    struct slice time = slice_cut(&rest, ',');
    struct slice latitude = slice_cut(&rest, ',');
    struct slice longitude = slice_cut(&rest, ',');
    (void)slice_cut(&rest, ','); /* speed */
    (void)slice_cut(&rest, ','); /* course */
    struct slice flags_text = slice_cut(&rest, ',');
    (void)slice_cut(&rest, ','); /* altitude */
    struct slice battery = slice_cut(&rest, ',');
    uint64_t percent = 0;
    uint32_t flags = 0;
    if (!hex_flags(flags_text, &flags)) {
        return false;
    }
    p->time_ms = text_time(date, time);
    p->has_position = degrees(latitude, &p->latitude_e7) && degrees(longitude, &p->longitude_e7) &&
                      is_on_earth(p);
    p->battery_percent = slice_u64(battery, 100, &percent) == ERR_OK ? (int)percent : -1;
    p->alarms = ((flags >> 6 & 1u) << EVIEW_SOS) | ((flags >> 8 & 1u) << EVIEW_FALL) |
                ((flags >> 9 & 7u) << EVIEW_FENCE_1) | ((flags >> 12 & 1u) << EVIEW_BATTERY_LOW);
    return true;
}

static struct verdict parse_text(struct slice bytes, struct eview_packet *p)
{
    size_t len = 0;
    while (len < bytes.len && len < EVIEW_LINE_MAX && bytes.at[len] != ';' &&
           bytes.at[len] != '\n' && bytes.at[len] != '\r') {
        len++;
    }
    if (len == EVIEW_LINE_MAX) {
        return verdict_at(ERR_FULL, len);
    }
    if (len == bytes.len) {
        return verdict_at(ERR_MORE, len);
    }
    struct slice rest = slice_of(bytes.at, len);
    struct slice word = slice_cut(&rest, ',');
    bool is_good = true;
    p->is_text = true;
    if (slice_eq_str(word, "!1")) {
        struct slice imei = slice_trim(slice_cut(&rest, ','));
        is_good = is_imei(imei);
        (void)slice_text(imei, p->imei, sizeof p->imei);
    } else if (slice_eq_str(word, "!B") || slice_eq_str(word, "!C") || slice_eq_str(word, "!D")) {
        is_good = take_data(rest, p);
    }
    return verdict_at(is_good ? ERR_OK : ERR_SYNTAX, len + 1);
}

struct verdict eview_parse(struct slice bytes, struct eview_packet *ret_packet)
{
    struct eview_packet p = {.battery_percent = -1};
    struct verdict v = verdict_at(ERR_MORE, 0);
    if (bytes.len > 0 && bytes.at[0] == 0xab) {
        v = parse_binary(bytes, &p);
    } else if (bytes.len > 0 && bytes.at[0] == '!') {
        v = parse_text(bytes, &p);
    } else if (bytes.len > 0) {
        size_t at = 1; /* to where one could begin */
        while (at < bytes.len && bytes.at[at] != 0xab && bytes.at[at] != '!') {
            at++;
        }
        v = verdict_at(ERR_NOT_MINE, at);
    }
    if (v.err == ERR_OK) {
        *ret_packet = p;
    }
    return v;
}

/* --- writing -------------------------------------------------------------------------------------- */

static void put_le(struct buf *b, uint32_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        buf_put_u8(b, (uint8_t)(value >> (8 * i)));
    }
}

static void put_body(struct buf *out, uint8_t flags, uint16_t index, struct slice body)
{
    buf_put_u8(out, 0xab);
    buf_put_u8(out, flags);
    put_le(out, (uint32_t)body.len, 2);
    put_le(out, crc16_xmodem(body), 2);
    put_le(out, index, 2);
    buf_put_slice(out, body);
}

void eview_put_answer(struct buf *out, uint16_t index)
{
    static const uint8_t body[] = {EVIEW_ANSWER, 0x01, 0x00};
    put_body(out, 0, index, slice_of(body, sizeof body));
}

void eview_put_time(struct buf *out, uint16_t index, int64_t wall_ms)
{
    uint8_t memory[8];
    struct buf body = buf_of(memory, sizeof memory);
    buf_put_u8(&body, EVIEW_SERVICES);
    buf_put_u8(&body, 5);
    buf_put_u8(&body, KEY_TIME);
    put_le(&body, (uint32_t)(wall_ms / 1000), 4);
    put_body(out, 0, index, buf_slice(&body));
}

void eview_put_packet(struct buf *out, const struct eview_packet *packet)
{
    uint8_t memory[128];
    struct buf body = buf_of(memory, sizeof memory);
    uint32_t time_s = (uint32_t)(packet->time_ms / 1000);
    buf_put_u8(&body, EVIEW_DATA);
    if (packet->imei[0] != '\0') {
        buf_put_u8(&body, 16);
        buf_put_u8(&body, KEY_IMEI);
        buf_put(&body, packet->imei, 15);
    }
    buf_put_u8(&body, 9);
    buf_put_u8(&body, KEY_STATUS);
    put_le(&body, time_s, 4);
    put_le(&body, packet->battery_percent < 0 ? 0 : (uint32_t)packet->battery_percent << 24, 4);
    if (packet->has_position) {
        buf_put_u8(&body, 22);
        buf_put_u8(&body, KEY_POSITION);
        put_le(&body, (uint32_t)packet->latitude_e7, 4);
        put_le(&body, (uint32_t)packet->longitude_e7, 4);
        for (size_t i = 0; i < 13; i++) {
            buf_put_u8(&body, 0);
        }
    }
    if (packet->alarms != 0) {
        buf_put_u8(&body, 9);
        buf_put_u8(&body, KEY_ALARM);
        put_le(&body, packet->alarms, 4);
        put_le(&body, time_s, 4);
    }
    put_body(out, packet->wants_answer ? WANTS_ANSWER : 0, packet->index, buf_slice(&body));
}
