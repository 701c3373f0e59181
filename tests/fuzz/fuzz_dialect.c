/* fuzz_dialect.c - a whole adapter under hostile bytes; compiled once for each line of adapters.def. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_adapter(DIALECT, data, size);
    return 0;
}
