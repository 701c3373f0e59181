/* fuzz_record.c - journal rows: whatever the bytes are, they are refused or packed the same again. */
#include "fuzz/fuzz.h"

#include <stdlib.h>

#include "alarm/pb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t memory[RECORD_ARENA];
    static uint8_t again_memory[RECORD_ARENA];
    static uint8_t first[RECORD_PACKED_MAX];
    static uint8_t second[RECORD_PACKED_MAX];
    struct arena arena = arena_of(memory, sizeof memory);
    struct record record;
    if (record_unpack(slice_of(data, size), &arena, &record) != ERR_OK) {
        return 0;
    }
    struct buf out = buf_of(first, sizeof first);
    if (record_pack(&record, &out) != ERR_OK) {
        abort();
    }
    struct record back;
    arena = arena_of(again_memory, sizeof again_memory);
    if (record_unpack(buf_slice(&out), &arena, &back) != ERR_OK) {
        abort();
    }
    struct buf again = buf_of(second, sizeof second);
    if (record_pack(&back, &again) != ERR_OK || !slice_eq(buf_slice(&out), buf_slice(&again))) {
        abort();
    }
    return 0;
}
