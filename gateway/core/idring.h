/* idring.h - the last n event ids, to recognise a repetition: a ring, and a hash over it.
 *
 * Used by the ledger's fold. When it is full, the oldest id is forgotten.
 */
#pragma once

#include "alarm/alarm.h"

struct idring {
    struct alarm_id *ids;
    uint32_t *next;  /* by ring position: the next in its chain, + 1 */
    uint32_t *heads; /* by hash: ring position + 1 */
    size_t room;
    size_t head_count;
    uint64_t written;
};

size_t idring_size(size_t room);
enum err idring_init(struct idring *ring, size_t room, struct arena *arena) MUST_USE;
bool idring_has(const struct idring *ring, const struct alarm_id *id);
void idring_add(struct idring *ring, const struct alarm_id *id);
