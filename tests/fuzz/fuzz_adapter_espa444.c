/* fuzz_adapter_espa444.c - the whole espa444 adapter under hostile bytes. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_adapter("espa444", data, size);
    return 0;
}
