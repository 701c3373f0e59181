/* pb.h - flat value <-> protobuf. Beside json.c and the pages' door the only file that
 * sees generated headers.
 *
 * Packing allocates nothing. Unpacking uses the arena that the caller gives, only until it returns,
 * except that `event.raw` of an unpacked record points into the arena.
 */
#pragma once

#include "alarm/record.h"

/* What one packed record may take (raw frame, 24 offers and texts at their ceilings). */
enum { RECORD_PACKED_MAX = 8192, RECORD_ARENA = 65536 };

/* Record of journal.proto. ERR_FULL when `out` is too small. */
enum err record_pack(const struct record *record, struct buf *out) MUST_USE;

/* Refuses more than RECORD_PACKED_MAX bytes, unknown types, texts that are too long or not UTF-8,
 * and an empty message. Unknown enum numbers become ..._UNKNOWN. seq is left 0.
 * On an error the contents of *ret_record mean nothing. */
enum err record_unpack(struct slice bytes, struct arena *arena, struct record *ret_record) MUST_USE;

/* The payloads of the bus: Event or CaseChange with `seq` filled in. */
enum err event_pack(const struct alarm *event, uint64_t seq, struct buf *out) MUST_USE;
enum err case_change_pack(const struct case_change *change, uint64_t seq, struct buf *out) MUST_USE;
