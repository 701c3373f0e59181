/* lora.c - the registry of makers, and what their codecs share.
 *
 * Called by the lorawan adapter (the registry) and by the codecs. Never looks at a payload.
 */
#include "wire/lora.h"

#include <string.h>

static const struct lora_maker makers[] = {
#define MAKER(word, title) {#word, title, lora_##word##_parse},
#include "wire/lora_makers.def"
#undef MAKER
};

enum { MAKERS = sizeof makers / sizeof makers[0] };

const struct lora_maker *lora_maker_at(size_t index)
{
    return index < MAKERS ? &makers[index] : NULL;
}

const struct lora_maker *lora_maker_of(const char *model, struct slice *ret_product)
{
    struct slice rest = slice_str(model);
    struct slice word = slice_cut(&rest, '-');
    *ret_product = slice_of(NULL, 0);
    for (size_t i = 0; i < MAKERS; i++) {
        if (slice_eq_nocase(word, makers[i].word)) {
            *ret_product = rest;
            return &makers[i];
        }
    }
    return NULL;
}

static bool is_same(const struct lora_reading *a, const struct lora_reading *b)
{
    return a->what == b->what && (a->value != 0) == (b->value != 0) && a->is_test == b->is_test;
}

/* Has an earlier item said the same? */
static bool is_repetition(const struct lora_readings *readings, size_t index,
                          const struct lora_reading *r)
{
    for (size_t i = 0; i < index; i++) {
        if (is_same(&readings->items[i], r)) {
            return true;
        }
    }
    return false;
}

struct lora_reading *lora_add(struct lora_readings *readings, enum lora_what what, int32_t value,
                              const char *text)
{
    const struct lora_reading reading = {.what = what, .value = value, .text = text};
    struct lora_reading *place = &readings->spare;
    if (readings->count < LORA_READINGS_MAX) {
        place = &readings->items[readings->count++];
    } else {
        readings->has_more = true;
        for (size_t i = LORA_READINGS_MAX; i > 0; i--) {
            bool can_give_way = !is_repetition(readings, LORA_READINGS_MAX, &reading) &&
                                is_repetition(readings, i - 1, &readings->items[i - 1]);
            if (can_give_way) {
                place = &readings->items[i - 1];
                break;
            }
        }
    }
    *place = reading;
    return place;
}

void lora_code(struct lora_reading *reading, struct slice product, const char *letters,
               unsigned number)
{
    uint8_t bytes[LORA_CODE_ROOM * 4];
    struct buf b = buf_of(bytes, sizeof bytes);
    for (size_t i = 0; i < product.len && i < LORA_PRODUCT_ROOM; i++) {
        uint8_t c = product.at[i];
        bool is_plain = c > ' ' && c < 0x7f;
        buf_put_u8(&b, !is_plain ? '_' : c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c);
    }
    buf_put_str(&b, "/");
    buf_put_str(&b, letters);
    buf_put_u64(&b, number);
    (void)slice_text(buf_slice(&b), reading->code, sizeof reading->code);
}

bool lora_means(enum lora_polarity polarity, uint8_t value)
{
    return polarity == LORA_ANY || (polarity == LORA_ONE) == (value != 0);
}
