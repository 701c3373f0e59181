/* hash.h - one hash for the tables and fingerprints of core: FNV-1a, 64 bits, mixed at the end.
 *
 * Not for secrets and not for anything that outsiders may choose to collide: chains are bounded by
 * the ceilings of the tables that use it. Keeps no state.
 */
#pragma once

#include "base/bytes.h"

static const uint64_t HASH_START = 0xcbf29ce484222325u;

static inline uint64_t hash_add(uint64_t hash, struct slice a)
{
    for (size_t i = 0; i < a.len; i++) {
        hash = (hash ^ a.at[i]) * 0x100000001b3u;
    }
    return hash;
}

/* The NUL ends the text in the hash too, so that "ab","c" differs from "a","bc". */
static inline uint64_t hash_add_text(uint64_t hash, const char *text)
{
    return hash_add(hash, slice_str(text)) * 0x100000001b3u;
}

static inline uint64_t hash_add_u64(uint64_t hash, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        hash = (hash ^ (value >> (8 * i) & 0xff)) * 0x100000001b3u;
    }
    return hash;
}

static inline uint64_t hash_end(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdu;
    return hash ^ hash >> 33;
}

/* The power of two that holds `count` entries at most half full. */
static inline size_t hash_slots(size_t count)
{
    size_t slots = 8;
    while (slots < 2 * count) {
        slots *= 2;
    }
    return slots;
}
