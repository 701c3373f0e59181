/* fuzz_device.c - native devices' envelopes: whatever comes is refused or whole. The seeds are the
 * adapter's: two bytes of choices and the topic stand in front. */
#include "fuzz/fuzz.h"

#include <stdlib.h>

#include "wire/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[32] = {1};
    uint8_t memory[DEVICE_ARENA];
    struct arena arena = arena_of(memory, sizeof memory);
    struct device_envelope envelope;
    struct device_message message;
    struct slice rest = slice_from(slice_of(data, size), 2);
    (void)slice_cut(&rest, '\n');
    if (device_envelope_parse(rest, &arena, &envelope) == ERR_OK) {
        (void)device_is_signed(&envelope, slice_of(key, sizeof key));
        if (device_message_parse(envelope.body, &arena, &message) == ERR_OK &&
            (message.device.len == 0 || message.sequence == 0)) {
            abort();
        }
    }
    return 0;
}
