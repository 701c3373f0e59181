/* bytes.c - slices, bounded buffers, arenas. Pure: no heap, no clock, no I/O. */
#include "base/bytes.h"

#include <string.h>

struct slice slice_str(const char *text)
{
    return slice_of(text, text == NULL ? 0 : strlen(text));
}

bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool slice_eq_str(struct slice a, const char *text)
{
    return slice_eq(a, slice_str(text));
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool slice_eq_nocase(struct slice a, const char *text)
{
    struct slice b = slice_str(text);
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.at[i]) != lower(b.at[i])) {
            return false;
        }
    }
    return true;
}

bool slice_starts(struct slice a, const char *prefix)
{
    struct slice p = slice_str(prefix);
    return a.len >= p.len && slice_eq(slice_of(a.at, p.len), p);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice a)
{
    while (a.len > 0 && is_blank(a.at[0])) {
        a = slice_from(a, 1);
    }
    while (a.len > 0 && is_blank(a.at[a.len - 1])) {
        a.len--;
    }
    return a;
}

struct slice slice_from(struct slice a, size_t from)
{
    if (from >= a.len) {
        return slice_of(a.at == NULL ? NULL : a.at + a.len, 0);
    }
    return slice_of(a.at + from, a.len - from);
}

struct slice slice_cut(struct slice *rest, char separator)
{
    for (size_t i = 0; i < rest->len; i++) {
        if (rest->at[i] == (uint8_t)separator) {
            struct slice head = slice_of(rest->at, i);
            *rest = slice_from(*rest, i + 1);
            return head;
        }
    }
    struct slice all = *rest;
    *rest = slice_from(*rest, rest->len);
    return all;
}

enum err slice_u64(struct slice a, uint64_t max, uint64_t *ret_value)
{
    if (a.len == 0) {
        return ERR_SYNTAX;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < a.len; i++) {
        if (a.at[i] < '0' || a.at[i] > '9') {
            return ERR_SYNTAX;
        }
        uint64_t digit = (uint64_t)(a.at[i] - '0');
        if (value > (max - digit) / 10 || digit > max) {
            return ERR_RANGE;
        }
        value = value * 10 + digit;
    }
    *ret_value = value;
    return ERR_OK;
}

/* Length of the UTF-8 character at `a`, 0 when it is not well formed (RFC 3629 section 4). */
static size_t utf8_len(struct slice a)
{
    uint8_t c = a.at[0];
    if (c == 0) {
        return 0;
    }
    if (c < 0x80) {
        return 1;
    }
    size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || a.len < len) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((a.at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    uint8_t d = a.at[1];
    bool is_bad = (c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) || (c == 0xf0 && d < 0x90) ||
                  (c == 0xf4 && d > 0x8f);
    return is_bad ? 0 : len;
}

bool slice_is_utf8(struct slice a)
{
    size_t at = 0;
    while (at < a.len) {
        if (a.at[at] > 0 && a.at[at] < 0x80) {
            at++; /* nearly all there is; a restart looks at hundreds of millions of them */
            continue;
        }
        size_t len = utf8_len(slice_from(a, at));
        if (len == 0) {
            return false;
        }
        at += len;
    }
    return true;
}

enum err slice_text(struct slice a, char *ret_text, size_t room)
{
    enum err err = ERR_OK;
    size_t len = a.len;
    if (len >= room) {
        err = ERR_RANGE;
        len = room - 1;
        while (len > 0 && (a.at[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    const uint8_t *nul = len == 0 ? NULL : memchr(a.at, 0, len);
    if (nul != NULL) {
        err = ERR_SYNTAX;
        len = (size_t)(nul - a.at);
    }
    if (len > 0) {
        memcpy(ret_text, a.at, len);
    }
    ret_text[len] = '\0';
    return err;
}

void buf_put(struct buf *b, const void *at, size_t len)
{
    if (b->is_full || len > b->room - b->len) {
        b->is_full = true;
        return;
    }
    if (len > 0) {
        memcpy(b->at + b->len, at, len);
        b->len += len;
    }
}

void buf_put_slice(struct buf *b, struct slice a)
{
    buf_put(b, a.at, a.len);
}

void buf_put_str(struct buf *b, const char *text)
{
    buf_put_slice(b, slice_str(text));
}

void buf_put_u8(struct buf *b, uint8_t byte)
{
    buf_put(b, &byte, 1);
}

void buf_put_padded(struct buf *b, uint64_t value, unsigned width)
{
    char digits[32];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (sizeof digits - at < width && at > 0) {
        digits[--at] = '0';
    }
    buf_put(b, digits + at, sizeof digits - at);
}

void buf_put_u64(struct buf *b, uint64_t value)
{
    buf_put_padded(b, value, 1);
}

void buf_put_i64(struct buf *b, int64_t value)
{
    if (value < 0) {
        buf_put_u8(b, '-');
    }
    buf_put_u64(b, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buf_put_hex(struct buf *b, struct slice a)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < a.len; i++) {
        buf_put_u8(b, (uint8_t)digits[a.at[i] >> 4]);
        buf_put_u8(b, (uint8_t)digits[a.at[i] & 15]);
    }
}

static const char base64_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void buf_put_base64(struct buf *b, struct slice a)
{
    for (size_t i = 0; i < a.len; i += 3) {
        size_t left = a.len - i;
        uint32_t v = (uint32_t)a.at[i] << 16;
        v |= left > 1 ? (uint32_t)a.at[i + 1] << 8 : 0;
        v |= left > 2 ? (uint32_t)a.at[i + 2] : 0;
        buf_put_u8(b, (uint8_t)base64_letters[v >> 18]);
        buf_put_u8(b, (uint8_t)base64_letters[v >> 12 & 63]);
        buf_put_u8(b, left > 1 ? (uint8_t)base64_letters[v >> 6 & 63] : '=');
        buf_put_u8(b, left > 2 ? (uint8_t)base64_letters[v & 63] : '=');
    }
}

const char *buf_cstr(struct buf *b)
{
    if (b->room == 0) {
        return "";
    }
    if (b->len == b->room) {
        b->len--;
        b->is_full = true;
    }
    b->at[b->len] = '\0';
    return (const char *)b->at;
}

static int hex_digit(uint8_t c)
{
    c = lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum err hex_decode(struct slice hex, uint8_t *ret_bytes, size_t room, size_t *ret_len)
{
    if (hex.len % 2 != 0) {
        return ERR_SYNTAX;
    }
    if (hex.len / 2 > room) {
        return ERR_RANGE;
    }
    for (size_t i = 0; i < hex.len / 2; i++) {
        int high = hex_digit(hex.at[2 * i]);
        int low = hex_digit(hex.at[2 * i + 1]);
        if (high < 0 || low < 0) {
            return ERR_SYNTAX;
        }
        ret_bytes[i] = (uint8_t)(high << 4 | low);
    }
    *ret_len = hex.len / 2;
    return ERR_OK;
}

enum err base64_decode(struct slice text, uint8_t *ret_bytes, size_t room, size_t *ret_len)
{
    while (text.len > 0 && text.at[text.len - 1] == '=') {
        text.len--;
    }
    if (text.len % 4 == 1) {
        return ERR_SYNTAX;
    }
    size_t len = 0;
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *letter = text.at[i] == 0 ? NULL : strchr(base64_letters, (char)text.at[i]);
        if (letter == NULL) {
            return ERR_SYNTAX;
        }
        bits = bits << 6 | (uint32_t)(letter - base64_letters);
        count += 6;
        if (count >= 8) {
            count -= 8;
            if (len == room) {
                return ERR_RANGE;
            }
            ret_bytes[len++] = (uint8_t)(bits >> count);
            bits &= (1u << count) - 1;
        }
    }
    *ret_len = len;
    return bits == 0 ? ERR_OK : ERR_SYNTAX;
}

void *arena_alloc(struct arena *a, size_t count, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    uintptr_t here = (uintptr_t)(a->at + a->used);
    size_t pad = (align - here % align) % align;
    if (pad > a->room - a->used || count * size > a->room - a->used - pad) {
        return NULL;
    }
    uint8_t *at = a->at + a->used + pad;
    a->used += pad + count * size;
    memset(at, 0, count * size);
    return at;
}

char *arena_text(struct arena *a, struct slice text)
{
    char *copy = arena_alloc(a, text.len + 1, 1);
    if (copy != NULL && text.len > 0) {
        memcpy(copy, text.at, text.len);
    }
    return copy;
}

uint8_t xor_sum(struct slice a)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < a.len; i++) {
        sum ^= a.at[i];
    }
    return sum;
}
