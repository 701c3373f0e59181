/* test_espa444.c - the grammar of ESPA 4.4.4, both directions and every damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "wire/espa444.h"

static const struct espa444_line eight = {.charset = ESPA444_LATIN1};
static const struct espa444_line seven = {.charset = ESPA444_SWEDISH, .is_seven_bit = true};

/* From a test vector of a public receiver: SOH 1 STX 1 US A ETX 5F. */
static const uint8_t smallest[] = {0x01, '1', 0x02, '1', 0x1f, 'A', 0x03, 0x5f};
/* Zenitel's published example; its BCC happens to be ETX. */
static const uint8_t check_like_etx[] =
    "\x01\x31\x02\x20\x31\x1f\x35\x35\x30\x1e\x32\x1f\x43\x41\x4c\x4c\x20\x4d\x45\x20\x31\x30\x31"
    "\x1e\x33\x1f\x33\x1e\x34\x1f\x33\x1e\x35\x1f\x33\x1e\x36\x1f\x33\x03\x03";

/* Parses a copy that is exactly as long as it says: one byte too far is seen by the sanitizer. */
static struct verdict parse_copy(const void *bytes, size_t len, const struct espa444_line *line,
                                 struct espa444_frame *ret_frame, uint8_t **ret_copy)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    *ret_copy = copy;
    return espa444_parse(slice_of(copy, len), line, ret_frame);
}

static void assert_text(const struct espa444_frame *frame, const struct espa444_line *line,
                        unsigned id, const char *expected)
{
    uint8_t bytes[ESPA444_BLOCK_MAX * 2];
    struct buf b = buf_of(bytes, sizeof bytes);
    espa444_text(espa444_find(&frame->block, id), line, &b);
    assert_string_equal(buf_cstr(&b), expected);
}

static void smallest_block_is_understood(void **state)
{
    (void)state;
    struct espa444_frame frame;
    uint8_t *copy = NULL;
    struct verdict v = parse_copy(smallest, sizeof smallest, &eight, &frame, &copy);
    assert_int_equal(v.err, ERR_OK);
    assert_int_equal(v.at, sizeof smallest);
    assert_int_equal(frame.type, ESPA444_IS_BLOCK);
    assert_int_equal(frame.block.header, ESPA444_CALL);
    assert_int_equal(frame.block.count, 1);
    assert_text(&frame, &eight, ESPA444_CALL_ADDRESS, "A");
    free(copy);
}

static void check_that_looks_like_etx_is_taken_as_check(void **state)
{
    (void)state;
    struct espa444_frame frame;
    uint8_t *copy = NULL;
    size_t len = sizeof check_like_etx - 1;
    struct verdict v = parse_copy(check_like_etx, len, &eight, &frame, &copy);
    assert_int_equal(v.err, ERR_OK);
    assert_int_equal(v.at, len);
    assert_true(frame.block.had_blanks);
    assert_int_equal(espa444_number(&frame.block, &eight, ESPA444_PRIORITY), 3);
    assert_text(&frame, &eight, ESPA444_DISPLAY, "CALL ME 101");
    free(copy);
}

static void every_truncated_block_asks_for_more(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof check_like_etx - 1; len++) {
        struct espa444_frame frame;
        uint8_t *copy = NULL;
        struct verdict v = parse_copy(check_like_etx, len, &eight, &frame, &copy);
        assert_int_equal(v.err, ERR_MORE);
        assert_int_equal(v.at, len);
        free(copy);
    }
}

static void every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    for (size_t bit = 8; bit < sizeof smallest * 8; bit++) {
        uint8_t bytes[sizeof smallest];
        struct espa444_frame frame;
        memcpy(bytes, smallest, sizeof smallest);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        struct verdict v = espa444_parse(slice_of(bytes, sizeof bytes), &eight, &frame);
        assert_int_not_equal(v.err, ERR_OK);
    }
}

static void wrong_check_is_told_at_its_byte_and_the_block_skipped(void **state)
{
    (void)state;
    uint8_t bytes[sizeof smallest + 1];
    struct espa444_frame frame;
    memcpy(bytes, smallest, sizeof smallest);
    bytes[7] = 0x5e;
    bytes[8] = ESPA444_EOT;
    struct slice all = slice_of(bytes, sizeof bytes);
    struct verdict v = espa444_parse(all, &eight, &frame);
    assert_int_equal(v.err, ERR_CHECKSUM);
    assert_int_equal(v.at, 7);
    assert_int_equal(espa444_skip(all, &eight, v), 8);
}

static void never_ending_block_is_ended_at_the_ceiling(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    struct espa444_frame frame;
    memset(bytes, 'A', sizeof bytes);
    bytes[0] = ESPA444_SOH;
    struct verdict v = espa444_parse(slice_of(bytes, ESPA444_BLOCK_MAX - 1), &eight, &frame);
    assert_int_equal(v.err, ERR_MORE);
    struct slice all = slice_of(bytes, sizeof bytes);
    v = espa444_parse(all, &eight, &frame);
    assert_int_equal(v.err, ERR_FULL);
    assert_int_equal(espa444_skip(all, &eight, v), ESPA444_BLOCK_MAX - 1);
}

static void broken_off_block_gives_way_to_what_follows(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        size_t at;
    } cases[] = {
        {"\x01"
         "1\x02"
         "1\x1f\x01"
         "1\x02",
         8, 5},
        {"\x01"
         "1\x02"
         "1\x1f\x04",
         6, 5},
        {"\x01"
         "1\x02"
         "1\x1f"
         "2\x05",
         7, 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espa444_frame frame;
        struct slice bytes = slice_of(cases[i].bytes, cases[i].len);
        struct verdict v = espa444_parse(bytes, &eight, &frame);
        assert_int_equal(v.err, ERR_SYNTAX);
        assert_int_equal(v.at, cases[i].at);
        assert_int_equal(espa444_skip(bytes, &eight, v), cases[i].at);
    }
}

static void whole_block_without_structure_is_skipped_whole(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x01, '1', 0x02, 'A', 'B', 0x03, 0x33, 0x06};
    struct espa444_frame frame;
    struct slice all = slice_of(bytes, sizeof bytes);
    struct verdict v = espa444_parse(all, &eight, &frame);
    assert_int_equal(v.err, ERR_UNSUPPORTED);
    assert_int_equal(v.at, 5);
    assert_int_equal(espa444_skip(all, &eight, v), 7);
}

static void control_sequences_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        enum espa444_type type;
        char digit;
    } cases[] = {
        {"1\x05", 2, ESPA444_IS_ENQ, '1'}, {"2\x15", 2, ESPA444_IS_NAK, '2'},
        {"\x15", 1, ESPA444_IS_NAK, 0},    {"\x06", 1, ESPA444_IS_ACK, 0},
        {"\x04", 1, ESPA444_IS_EOT, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espa444_frame frame;
        struct verdict v = espa444_parse(slice_of(cases[i].bytes, cases[i].len), &eight, &frame);
        assert_int_equal(v.err, ERR_OK);
        assert_int_equal(v.at, cases[i].len);
        assert_int_equal(frame.type, cases[i].type);
        assert_int_equal(frame.digit, cases[i].digit);
    }
    struct espa444_frame frame;
    assert_int_equal(espa444_parse(slice_of("1", 1), &eight, &frame).err, ERR_MORE);
    assert_int_equal(espa444_parse(slice_of("1A", 2), &eight, &frame).err, ERR_NOT_MINE);
    assert_int_equal(espa444_parse(slice_of("x", 1), &eight, &frame).err, ERR_NOT_MINE);
}

static void parity_bit_is_masked_only_on_a_seven_bit_line(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x81, 0xb1, 0x82, 0xb1, 0x9f, 'A', 0x03, 0x5f};
    struct espa444_frame frame;
    assert_int_equal(espa444_parse(slice_of(bytes, sizeof bytes), &eight, &frame).err,
                     ERR_NOT_MINE);
    assert_int_equal(espa444_parse(slice_of(bytes, sizeof bytes), &seven, &frame).err, ERR_OK);
    assert_true(frame.block.had_bit_eight);
    assert_text(&frame, &seven, ESPA444_CALL_ADDRESS, "A");
}

static void every_letter_comes_back_as_it_was_encoded(void **state)
{
    (void)state;
    static const char text[] = "Åke Ängö åäö RUM 12!";
    static const struct espa444_line lines[] = {
        {ESPA444_LATIN1, false}, {ESPA444_SWEDISH, false}, {ESPA444_SWEDISH, true}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const struct espa444_field fields[] = {
            {ESPA444_CALL_ADDRESS, slice_str("201")},
            {ESPA444_DISPLAY, slice_str(text)},
            {ESPA444_PRIORITY, slice_str("1")},
        };
        uint8_t bytes[ESPA444_BLOCK_MAX];
        struct buf b = buf_of(bytes, sizeof bytes);
        assert_int_equal(espa444_put_block(&b, &lines[i], ESPA444_CALL, fields, 3), ERR_OK);
        struct espa444_frame frame;
        struct verdict v = espa444_parse(buf_slice(&b), &lines[i], &frame);
        assert_int_equal(v.err, ERR_OK);
        assert_int_equal(v.at, b.len);
        assert_int_equal(frame.block.count, 3);
        assert_false(frame.block.had_bit_eight);
        assert_text(&frame, &lines[i], ESPA444_CALL_ADDRESS, "201");
        assert_text(&frame, &lines[i], ESPA444_DISPLAY, text);
        assert_int_equal(espa444_number(&frame.block, &lines[i], ESPA444_PRIORITY), 1);
    }
}

static void ascii_line_gets_base_letters(void **state)
{
    (void)state;
    const struct espa444_line ascii = {.charset = ESPA444_ASCII};
    const struct espa444_field field = {ESPA444_DISPLAY, slice_str("Hörsås €\n")};
    uint8_t bytes[ESPA444_BLOCK_MAX];
    struct buf b = buf_of(bytes, sizeof bytes);
    struct espa444_frame frame;
    assert_int_equal(espa444_put_block(&b, &ascii, ESPA444_CALL, &field, 1), ERR_OK);
    assert_int_equal(espa444_parse(buf_slice(&b), &ascii, &frame).err, ERR_OK);
    assert_text(&frame, &ascii, ESPA444_DISPLAY, "Horsas ?");
}

static void long_texts_are_cut_at_their_ceilings(void **state)
{
    (void)state;
    char text[400];
    memset(text, 'x', sizeof text);
    const struct espa444_field fields[] = {
        {ESPA444_CALL_ADDRESS, slice_of(text, sizeof text)},
        {ESPA444_DISPLAY, slice_of(text, sizeof text)},
    };
    uint8_t bytes[ESPA444_BLOCK_MAX];
    struct buf b = buf_of(bytes, sizeof bytes);
    struct espa444_frame frame;
    assert_int_equal(espa444_put_block(&b, &eight, ESPA444_CALL, fields, 2), ERR_OK);
    assert_int_equal(espa444_parse(buf_slice(&b), &eight, &frame).err, ERR_OK);
    assert_int_equal(frame.block.records[0].data.len, ESPA444_ADDRESS_MAX);
    assert_int_equal(frame.block.records[1].data.len, ESPA444_DISPLAY_MAX);
    struct buf small = buf_of(bytes, 20);
    assert_int_equal(espa444_put_block(&small, &eight, ESPA444_CALL, fields, 2), ERR_FULL);
}

static void more_records_than_the_ceiling_are_counted_and_ignored(void **state)
{
    (void)state;
    uint8_t bytes[ESPA444_BLOCK_MAX];
    struct buf b = buf_of(bytes, sizeof bytes);
    buf_put_str(&b, "\x01"
                    "1\x02");
    for (int i = 0; i < ESPA444_RECORDS_MAX + 5; i++) {
        buf_put_str(&b, "99\x1fx\x1e");
    }
    b.len--;
    buf_put_u8(&b, ESPA444_ETX);
    buf_put_u8(&b, xor_sum(slice_of(bytes + 1, b.len - 1)));
    struct espa444_frame frame;
    assert_int_equal(espa444_parse(buf_slice(&b), &eight, &frame).err, ERR_OK);
    assert_int_equal(frame.block.count, ESPA444_RECORDS_MAX);
    assert_int_equal(frame.block.ignored, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smallest_block_is_understood),
        cmocka_unit_test(check_that_looks_like_etx_is_taken_as_check),
        cmocka_unit_test(every_truncated_block_asks_for_more),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(wrong_check_is_told_at_its_byte_and_the_block_skipped),
        cmocka_unit_test(never_ending_block_is_ended_at_the_ceiling),
        cmocka_unit_test(broken_off_block_gives_way_to_what_follows),
        cmocka_unit_test(whole_block_without_structure_is_skipped_whole),
        cmocka_unit_test(control_sequences_are_told_apart),
        cmocka_unit_test(parity_bit_is_masked_only_on_a_seven_bit_line),
        cmocka_unit_test(every_letter_comes_back_as_it_was_encoded),
        cmocka_unit_test(ascii_line_gets_base_letters),
        cmocka_unit_test(long_texts_are_cut_at_their_ceilings),
        cmocka_unit_test(more_records_than_the_ceiling_are_counted_and_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
