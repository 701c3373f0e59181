/* fuzz_scaip.c - mrq and mrs: in bounds, and what was understood is understood again after
 * encoding. */
#include "fuzz/fuzz.h"

#include <stdlib.h>

#include "wire/scaip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t first[SCAIP_ARENA];
    static uint8_t second[SCAIP_ARENA];
    static uint8_t bytes[SCAIP_BODY_MAX];
    struct arena arena = arena_of(first, sizeof first);
    struct scaip_message message;
    const char *why = NULL;
    if (size < 2) {
        return 0;
    }
    data += 2; /* the seeds are shared with the adapter's target, which reads choices there */
    size -= 2;
    struct verdict v = scaip_parse(slice_of(data, size), &arena, &message, &why);
    if (v.at > size || why == NULL) {
        abort();
    }
    if (v.err != ERR_OK) {
        return 0;
    }
    struct buf body = buf_of(bytes, sizeof bytes);
    if (scaip_encode(&message, &body) != ERR_OK) {
        return 0; /* a character that came as a reference and that we do not send */
    }
    struct scaip_message again;
    arena = arena_of(second, sizeof second);
    if (scaip_parse(buf_slice(&body), &arena, &again, &why).err != ERR_OK ||
        again.root != message.root) {
        abort();
    }
    for (unsigned tag = 0; tag < SCAIP_TAG_COUNT; tag++) {
        struct slice was = slice_trim(scaip_value(&message, (enum scaip_tag)tag));
        if (!slice_eq(was, scaip_value(&again, (enum scaip_tag)tag))) {
            abort();
        }
    }
    return 0;
}
