/* fuzz_client.c - websocket frames of handhelds: refused, or written and read back the same. */
#include "fuzz/fuzz.h"

#include <stdlib.h>

#include "alarm/json.h"
#include "samlarm/v1/client.pb-c.h"

static enum err parse(struct slice text, uint8_t *memory, size_t room, ProtobufCMessage **ret)
{
    struct arena arena = arena_of(memory, room);
    return json_parse(text, &samlarm__v1__from_client__descriptor, &arena, ret, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t memory[65536];
    static uint8_t again_memory[262144];
    static uint8_t text[262144];
    ProtobufCMessage *message = NULL;
    ProtobufCMessage *back = NULL;
    if (parse(slice_of(data, size), memory, sizeof memory, &message) != ERR_OK) {
        return 0;
    }
    struct buf out = buf_of(text, sizeof text);
    if (json_put(message, &out) != ERR_OK) {
        abort();
    }
    if (out.len <= 16384 &&
        parse(buf_slice(&out), again_memory, sizeof again_memory, &back) != ERR_OK) {
        abort();
    }
    return 0;
}
