/* heap.h - who is due next: a binary heap over items 0..room-1 that can be moved and taken out.
 *
 * Used by the ledger for cases and for supervised devices. All memory is the arena's.
 */
#pragma once

#include "base/bytes.h"

struct heap {
    uint32_t *items; /* heap order */
    uint32_t *at;    /* by item: position + 1, 0 when not in the heap */
    int64_t *keys;   /* by item */
    size_t count;
    size_t room;
};

size_t heap_size(size_t room);
enum err heap_init(struct heap *heap, size_t room, struct arena *arena) MUST_USE;

/* Puts the item in, or moves it. */
void heap_set(struct heap *heap, uint32_t item, int64_t key);
void heap_remove(struct heap *heap, uint32_t item);

/* INT64_MAX when it is empty. */
int64_t heap_min(const struct heap *heap);
/* INT64_MAX when the item is not in it. */
int64_t heap_key(const struct heap *heap, uint32_t item);

/* Items whose key is at most `until`, in no special order but the smallest first; at most `room` of
 * them. Changes nothing. */
size_t heap_due(const struct heap *heap, int64_t until, uint32_t *ret_items, size_t room);
