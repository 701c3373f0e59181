/* fuzz_lora_sensative.c - the codec of one maker: in bounds, and every reading is whole. */
#include "fuzz/lora.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_lora("sensative", data, size);
    return 0;
}
