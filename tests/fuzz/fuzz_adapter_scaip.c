/* fuzz_adapter_scaip.c - the whole scaip adapter under hostile bytes. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_adapter("scaip", data, size);
    return 0;
}
