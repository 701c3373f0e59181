/* lora.h - what the fuzzers of the makers' codecs share: three bytes of choices, then the payload.
 *
 * Byte 0 picks the product, byte 1 the choices of the configuration, byte 2 the port.
 */
#pragma once

#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "wire/lora.h"

static inline void fuzz_lora(const char *word, const uint8_t *data, size_t size)
{
    static const char *const products[] = {"ws101",   "ws301",   "em300-mcs", "em300-zld", "ws303",
                                           "ws202",   "vs370",   "vs373",     "gs524n",    "",
                                           "tbpb100", "tbdw100", "tbms100",   "tbwl100",   "other"};
    struct slice product;
    static struct lora_readings readings;
    if (size < 3) {
        return;
    }
    const struct lora_maker *maker = lora_maker_of(word, &product);
    const struct lora_choices choices = {
        .vs373 = (enum lora_vs373)(data[1] % 3),
        .ws301_removed = (enum lora_polarity)(data[1] / 3 % 3),
        .sensative_door = (enum lora_polarity)(data[1] / 9 % 3),
        .elsys_input = (enum lora_input)(data[1] % 5),
        .elsys_occupancy = (enum lora_occupancy)(data[1] / 5 % 2),
        .elsys_leak_from = data[1],
    };
    uint8_t *copy = malloc(size - 2); /* exactly as long as it says, or one for nothing */
    if (maker == NULL || copy == NULL) {
        abort();
    }
    memcpy(copy, data + 3, size - 3);
    const struct lora_frame frame = {
        .payload = slice_of(copy, size - 3),
        .port = data[2],
        .product = slice_str(products[data[0] % (sizeof products / sizeof products[0])])};
    maker->parse(&frame, &choices, &readings);
    if (readings.count > LORA_READINGS_MAX || readings.understood > frame.payload.len) {
        abort();
    }
    for (size_t i = 0; i < readings.count; i++) {
        const struct lora_reading *r = &readings.items[i];
        if (r->what == LORA_NOTHING || r->what >= LORA_WHAT_COUNT || r->text == NULL ||
            r->text[0] == '\0' || r->code[0] == '\0') {
            abort();
        }
    }
    free(copy);
}
