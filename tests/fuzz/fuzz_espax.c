/* fuzz_espax.c - ESPA-X: framing is in bounds, a document that was read is written and read back. */
#include "fuzz/fuzz.h"

#include <stdlib.h>

#include "wire/espax.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t memory[ESPAX_ARENA];
    static uint8_t out_memory[ESPAX_MESSAGE_MAX * 8];
    struct slice bytes = slice_from(slice_of(data, size), 2); /* the adapter's choices */
    struct slice document = bytes;
    uint32_t number = 0;
    struct verdict v = espax_frame(bytes, &document, &number);
    if (v.at > bytes.len) {
        abort();
    }
    struct espax_message m;
    const char *why = "";
    struct arena arena = arena_of(memory, sizeof memory);
    struct verdict read = espax_parse(v.err == ERR_OK ? document : bytes, &arena, &m, &why);
    if (read.err != ERR_OK) {
        return 0;
    }
    struct buf out = buf_of(out_memory, sizeof out_memory);
    if (espax_encode(&m, number, &out) == ERR_OK && out.len <= ESPAX_MESSAGE_MAX) {
        static uint8_t back_memory[ESPAX_ARENA];
        struct arena second = arena_of(back_memory, sizeof back_memory);
        struct espax_message back;
        if (espax_frame(buf_slice(&out), &document, &number).err != ERR_OK ||
            espax_parse(document, &second, &back, &why).err != ERR_OK || back.type != m.type) {
            abort();
        }
    }
    return 0;
}
