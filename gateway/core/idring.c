/* idring.c - a bounded memory of event ids. Pure. */
#include "core/idring.h"

#include "core/hash.h"

size_t idring_size(size_t room)
{
    return room * (sizeof(struct alarm_id) + sizeof(uint32_t)) +
           hash_slots(room) * sizeof(uint32_t) + 3 * _Alignof(max_align_t);
}

enum err idring_init(struct idring *ring, size_t room, struct arena *arena)
{
    ring->room = room;
    ring->head_count = hash_slots(room);
    ring->ids = arena_alloc(arena, room, sizeof *ring->ids);
    ring->next = arena_alloc(arena, room, sizeof *ring->next);
    ring->heads = arena_alloc(arena, ring->head_count, sizeof *ring->heads);
    ring->written = 0;
    return ring->ids == NULL || ring->next == NULL || ring->heads == NULL ? ERR_FULL : ERR_OK;
}

static uint32_t *head_of(const struct idring *ring, const struct alarm_id *id)
{
    uint64_t hash = hash_end(hash_add(HASH_START, slice_of(id->at, ALARM_ID_LEN)));
    return &ring->heads[hash & (ring->head_count - 1)];
}

bool idring_has(const struct idring *ring, const struct alarm_id *id)
{
    for (uint32_t at = *head_of(ring, id); at != 0; at = ring->next[at - 1]) {
        if (alarm_id_eq(&ring->ids[at - 1], id)) {
            return true;
        }
    }
    return false;
}

/* Takes the id at this ring position out of its chain, before the place is used again. */
static void forget(struct idring *ring, uint32_t position)
{
    uint32_t *link = head_of(ring, &ring->ids[position]);
    while (*link != 0 && *link != position + 1) {
        link = &ring->next[*link - 1];
    }
    if (*link != 0) {
        *link = ring->next[position];
    }
}

void idring_add(struct idring *ring, const struct alarm_id *id)
{
    if (ring->room == 0 || idring_has(ring, id)) {
        return;
    }
    uint32_t position = (uint32_t)(ring->written % ring->room);
    if (ring->written >= ring->room) {
        forget(ring, position);
    }
    uint32_t *head = head_of(ring, id);
    ring->ids[position] = *id;
    ring->next[position] = *head;
    *head = position + 1;
    ring->written++;
}
