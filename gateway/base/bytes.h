/* bytes.h - slice (borrowed bytes), buf (fixed room, overflow sticks), arena (memory from a
 * caller).
 *
 * Used by everybody. Nothing here allocates from the heap, logs or keeps state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Borrowed bytes: not ours, not ended by NUL, valid as long as the lender says. */
struct slice {
    const uint8_t *at;
    size_t len;
};

static inline struct slice slice_of(const void *at, size_t len)
{
    return (struct slice){(const uint8_t *)at, len};
}
struct slice slice_str(const char *text); /* without the NUL; NULL gives an empty slice */
bool slice_eq(struct slice a, struct slice b);
bool slice_eq_str(struct slice a, const char *text);
bool slice_eq_nocase(struct slice a, const char *text); /* ASCII letters only */
bool slice_starts(struct slice a, const char *prefix);
struct slice slice_trim(struct slice a);                    /* ASCII blanks off both ends */
struct slice slice_from(struct slice a, size_t from);       /* the tail; empty past the end */
struct slice slice_cut(struct slice *rest, char separator); /* takes the next field off *rest */

/* Decimal digits only, the whole slice, at most max. *ret_value is written on ERR_OK only. */
enum err slice_u64(struct slice a, uint64_t max, uint64_t *ret_value) MUST_USE;

/* Is every byte part of well-formed UTF-8 (no surrogates, no overlong forms, no NUL)? */
bool slice_is_utf8(struct slice a);

/* Copies into a char array with NUL. Too long: cut at a UTF-8 boundary and ERR_RANGE is returned;
 * an embedded NUL ends the copy with ERR_SYNTAX. The text is always ended. */
enum err slice_text(struct slice a, char *ret_text, size_t room);

/* Fixed room; the first write that does not fit sets `is_full` and all later ones do nothing. */
struct buf {
    uint8_t *at;
    size_t len;
    size_t room;
    bool is_full;
};

static inline struct buf buf_of(void *at, size_t room)
{
    return (struct buf){(uint8_t *)at, 0, room, false};
}
static inline struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->at, b->len);
}
void buf_put(struct buf *b, const void *at, size_t len);
void buf_put_slice(struct buf *b, struct slice a);
void buf_put_str(struct buf *b, const char *text);
void buf_put_u8(struct buf *b, uint8_t byte);
void buf_put_u64(struct buf *b, uint64_t value);
void buf_put_i64(struct buf *b, int64_t value);
void buf_put_padded(struct buf *b, uint64_t value, unsigned width); /* zeros in front */
void buf_put_hex(struct buf *b, struct slice a);                    /* lower case */
void buf_put_base64(struct buf *b, struct slice a);                 /* RFC 4648 section 4 */
/* Ends the text with a NUL that does not count in len; for a full buffer the last byte is given up.
 */
const char *buf_cstr(struct buf *b);

/* Hex digits of either case, an even number of them. */
enum err hex_decode(struct slice hex, uint8_t *ret_bytes, size_t room, size_t *ret_len) MUST_USE;
enum err base64_decode(struct slice text, uint8_t *ret_bytes, size_t room,
                       size_t *ret_len) MUST_USE;

/* Memory that a caller gave, handed out piece by piece and dropped together. */
struct arena {
    uint8_t *at;
    size_t used;
    size_t room;
};

static inline struct arena arena_of(void *at, size_t room)
{
    return (struct arena){(uint8_t *)at, 0, room};
}
/* Zeroed, aligned for any type; NULL when it does not fit. */
void *arena_alloc(struct arena *a, size_t count, size_t size) MUST_USE;
/* A copy ended by NUL; NULL when it does not fit. */
char *arena_text(struct arena *a, struct slice text) MUST_USE;

/* XOR of all bytes: the block check of ISO 1155 as ESPA 4.4.4 uses it. */
uint8_t xor_sum(struct slice a);
