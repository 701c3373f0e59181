/* fuzz_lora_milesight.c - the codec of one maker: in bounds, and every reading is whole. */
#include "fuzz/lora.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_lora("milesight", data, size);
    return 0;
}
