/* fuzz_espa444.c - the grammar of ESPA 4.4.4: every verdict is in bounds, skipping always goes
 * forward. */
#include "fuzz/fuzz.h"

#include <stdlib.h>

#include "wire/espa444.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    const struct espa444_line line = {.charset = (enum espa444_charset)(data[0] % 3),
                                      .is_seven_bit = (data[0] & 0x80) != 0};
    struct slice rest = slice_of(data + 1, size - 1);
    while (rest.len > 0) {
        static struct espa444_frame frame;
        struct verdict v = espa444_parse(rest, &line, &frame);
        if (v.err == ERR_MORE) {
            break;
        }
        size_t skip = espa444_skip(rest, &line, v);
        if (skip == 0 || skip > rest.len || v.at > rest.len) {
            abort();
        }
        if (v.err == ERR_OK && frame.type == ESPA444_IS_BLOCK) {
            for (size_t i = 0; i < frame.block.count; i++) {
                uint8_t bytes[ESPA444_BLOCK_MAX * 2];
                struct buf text = buf_of(bytes, sizeof bytes);
                espa444_text(frame.block.records[i].data, &line, &text);
                if (text.is_full || !slice_is_utf8(buf_slice(&text))) {
                    abort();
                }
            }
        }
        rest = slice_from(rest, v.err == ERR_OK ? v.at : skip);
    }
    return 0;
}
