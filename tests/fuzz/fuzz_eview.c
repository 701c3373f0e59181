/* fuzz_eview.c - Eview packets and lines: in bounds, always forward, and what was read is a place on earth. */
#include "fuzz/fuzz.h"

#include <stdlib.h>

#include "wire/eview.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_from(slice_of(data, size), 2);
    while (rest.len > 0) {
        struct eview_packet p;
        struct verdict v = eview_parse(rest, &p);
        if (v.at > rest.len || (v.err != ERR_MORE && v.at == 0)) {
            abort();
        }
        if (v.err == ERR_MORE) {
            break;
        }
        if (v.err == ERR_OK && p.has_position &&
            (p.latitude_e7 < -900000000 || p.latitude_e7 > 900000000)) {
            abort();
        }
        rest = slice_from(rest, v.at);
    }
    return 0;
}
