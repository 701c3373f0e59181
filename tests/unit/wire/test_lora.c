/* test_lora.c - the makers' codecs: the registry, every prefix of a frame, the ceilings. What each
 * frame means is in the recorded conversations (tests/fixtures/lorawan). */
#include "unit/sentences.h"

#include <stdlib.h>

#include "wire/lora.h"

static const struct lora_choices cautious = {.vs373 = LORA_VS373_EITHER};

static struct lora_readings parse(const char *model, unsigned port, const void *payload, size_t len)
{
    struct lora_readings readings;
    struct lora_frame frame = {.port = port};
    const struct lora_maker *maker = lora_maker_of(model, &frame.product);
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(maker);
    assert_non_null(copy);
    memcpy(copy, payload, len);
    frame.payload = slice_of(copy, len);
    maker->parse(&frame, &cautious, &readings);
    assert_true(readings.understood <= len);
    free(copy); /* readings must not point into the payload */
    return readings;
}

static bool says(const struct lora_readings *r, enum lora_what what, int32_t value)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->items[i].what == what && r->items[i].value == value) {
            return true;
        }
    }
    return false;
}

static void makers_are_found_by_the_first_word_of_the_model(void **state)
{
    (void)state;
    struct slice product;
    assert_text(lora_maker_of("Milesight-EM300-ZLD", &product)->word, "milesight");
    assert_slice(product, "EM300-ZLD");
    assert_text(lora_maker_of("elsys", &product)->title, "ELSYS");
    assert_int_equal(product.len, 0);
    assert_null(lora_maker_of("", &product));
    assert_null(lora_maker_of("milesigh-ws101", &product));
    assert_null(lora_maker_of("elsys2", &product));
    for (size_t i = 0; lora_maker_at(i) != NULL; i++) {
        assert_ptr_equal(lora_maker_of(lora_maker_at(i)->word, &product), lora_maker_at(i));
        assert_true(i == 0 || strcmp(lora_maker_at(i - 1)->word, lora_maker_at(i)->word) < 0);
    }
}

struct example {
    const char *model;
    unsigned port;
    const char *hex;
};

static const struct example examples[] = {
    {"milesight-ws101", 85, "017510FF2E01"},
    {"milesight-ws301", 85, "017564030001040001"},
    {"milesight-em300-zld", 85, "01755C03673401046865050000"},
    {"milesight-em300-zld", 85, "20CE9E74466310015D01"},
    {"milesight-vs373", 85, "03F801000100200004F901000100"},
    {"milesight-vs373", 85, "06FB0100000100"},
    {"milesight-gs524n", 0, "221164051C48"},
    {"milesight", 85, "FF0BFFFF166000000000000000FF090110"},
    {"elsys-ers", 5, "0100E202290400270506060308070D62"},
    {"elsys-ems", 5, "12FF070E10"},
    {"browan-tbdw100", 100, "00CB3500008A3A00"},
    {"browan-tbwl100", 106, "01FB352A35"},
    {"sensative-strips", 1, "FFFF01500200EA03000D000E001000"},
};

/* Whatever is cut off, nothing is read beyond, and what was said before stays said. */
static void every_prefix_says_no_more_than_the_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        uint8_t bytes[64];
        size_t len = 0;
        const struct example *e = &examples[i];
        assert_int_equal(hex_decode(slice_str(e->hex), bytes, sizeof bytes, &len), ERR_OK);
        struct lora_readings whole = parse(e->model, e->port, bytes, len);
        assert_int_equal(whole.understood, len);
        assert_false(whole.is_damaged);
        for (size_t cut = 0; cut < len; cut++) {
            struct lora_readings part = parse(e->model, e->port, bytes, cut);
            assert_true(part.count <= whole.count);
            for (size_t k = 0; k < part.count; k++) {
                assert_true(says(&whole, part.items[k].what, part.items[k].value));
            }
        }
    }
}

static void a_repetition_gives_way_to_what_was_not_said(void **state)
{
    (void)state;
    uint8_t bytes[242];
    size_t len = 0;
    for (; len + 9 <= sizeof bytes; len += 3) {
        memcpy(bytes + len, "\xff\x2e\x01", 3);
    }
    memcpy(bytes + len, "\x01\x75\x05\x06\x00\x01", 6); /* battery, and another product's door */
    struct lora_readings r = parse("milesight", 85, bytes, len + 6);
    assert_int_equal(r.count, LORA_READINGS_MAX);
    assert_int_equal(r.understood, len + 6);
    assert_true(r.has_more);
    assert_true(says(&r, LORA_BUTTON, 1));
    assert_true(says(&r, LORA_BATTERY, 5));
    assert_true(says(&r, LORA_DOOR, 1));
}

static void codes_are_cut_and_plain(void **state)
{
    (void)state;
    struct lora_reading r = {.what = LORA_BUTTON};
    lora_code(&r, slice_str("ws101"), "", 2);
    assert_text(r.code, "WS101/2");
    lora_code(&r, slice_str("a product with a long name"), "T", 7);
    assert_text(r.code, "A_PRODUCT_WITH_");
}

static void a_choice_decides_what_a_value_means(void **state)
{
    (void)state;
    assert_true(lora_means(LORA_ANY, 0) && lora_means(LORA_ANY, 1));
    assert_true(!lora_means(LORA_ONE, 0) && lora_means(LORA_ONE, 1));
    assert_true(lora_means(LORA_ZERO, 0) && !lora_means(LORA_ZERO, 1));
}

/* Each byte in front of each payload: nothing but a verdict may come of it. */
static void any_two_bytes_are_survived(void **state)
{
    (void)state;
    for (size_t i = 0; lora_maker_at(i) != NULL; i++) {
        for (unsigned value = 0; value < 65536; value += 7) {
            uint8_t bytes[12] = {(uint8_t)(value >> 8), (uint8_t)value, 0, 1, 2, 3};
            (void)parse(lora_maker_at(i)->word, value % 256, bytes, 2 + value % 11);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makers_are_found_by_the_first_word_of_the_model),
        cmocka_unit_test(every_prefix_says_no_more_than_the_whole),
        cmocka_unit_test(a_repetition_gives_way_to_what_was_not_said),
        cmocka_unit_test(codes_are_cut_and_plain),
        cmocka_unit_test(a_choice_decides_what_a_value_means),
        cmocka_unit_test(any_two_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
