/* heap.c - a binary heap that knows where its items are. Pure. */
#include "core/heap.h"

#include <string.h>

size_t heap_size(size_t room)
{
    return room * (2 * sizeof(uint32_t) + sizeof(int64_t)) + 3 * _Alignof(max_align_t);
}

enum err heap_init(struct heap *heap, size_t room, struct arena *arena)
{
    heap->items = arena_alloc(arena, room, sizeof *heap->items);
    heap->at = arena_alloc(arena, room, sizeof *heap->at);
    heap->keys = arena_alloc(arena, room, sizeof *heap->keys);
    heap->count = 0;
    heap->room = room;
    return heap->items == NULL || heap->at == NULL || heap->keys == NULL ? ERR_FULL : ERR_OK;
}

static int64_t key_at(const struct heap *heap, size_t position)
{
    return heap->keys[heap->items[position]];
}

static void put(struct heap *heap, size_t position, uint32_t item)
{
    heap->items[position] = item;
    heap->at[item] = (uint32_t)position + 1;
}

static void sift_up(struct heap *heap, size_t position)
{
    uint32_t item = heap->items[position];
    while (position > 0 && key_at(heap, (position - 1) / 2) > heap->keys[item]) {
        put(heap, position, heap->items[(position - 1) / 2]);
        position = (position - 1) / 2;
    }
    put(heap, position, item);
}

static void sift_down(struct heap *heap, size_t position)
{
    uint32_t item = heap->items[position];
    for (;;) {
        size_t child = 2 * position + 1;
        if (child + 1 < heap->count && key_at(heap, child + 1) < key_at(heap, child)) {
            child++;
        }
        if (child >= heap->count || key_at(heap, child) >= heap->keys[item]) {
            break;
        }
        put(heap, position, heap->items[child]);
        position = child;
    }
    put(heap, position, item);
}

void heap_set(struct heap *heap, uint32_t item, int64_t key)
{
    if (item >= heap->room) {
        return;
    }
    if (heap->at[item] == 0) {
        heap->keys[item] = key;
        put(heap, heap->count++, item);
        sift_up(heap, heap->count - 1);
        return;
    }
    bool is_later = key > heap->keys[item];
    heap->keys[item] = key;
    if (is_later) {
        sift_down(heap, heap->at[item] - 1);
    } else {
        sift_up(heap, heap->at[item] - 1);
    }
}

void heap_remove(struct heap *heap, uint32_t item)
{
    if (item >= heap->room || heap->at[item] == 0) {
        return;
    }
    size_t position = heap->at[item] - 1;
    heap->at[item] = 0;
    uint32_t last = heap->items[--heap->count];
    if (last != item) {
        put(heap, position, last);
        sift_up(heap, position);
        sift_down(heap, heap->at[last] - 1);
    }
}

int64_t heap_min(const struct heap *heap)
{
    return heap->count == 0 ? INT64_MAX : key_at(heap, 0);
}

int64_t heap_key(const struct heap *heap, uint32_t item)
{
    return heap->at[item] == 0 ? INT64_MAX : heap->keys[item];
}

size_t heap_due(const struct heap *heap, int64_t until, uint32_t *ret_items, size_t room)
{
    /* Down the tree, turning back where it is not due: twice the depth of 2^32 items is enough. */
    size_t stack[64];
    size_t depth = 0;
    size_t found = 0;
    stack[depth++] = 0;
    while (depth > 0 && found < room) {
        size_t position = stack[--depth];
        if (position >= heap->count || key_at(heap, position) > until) {
            continue;
        }
        ret_items[found++] = heap->items[position];
        stack[depth++] = 2 * position + 2;
        stack[depth++] = 2 * position + 1;
    }
    return found;
}
