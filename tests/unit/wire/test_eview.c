/* test_eview.c - packets and lines of GPS alarms: cut off anywhere, damaged anywhere, written and read back. */
#include "unit/sentences.h"

#include <stdlib.h>

#include "wire/eview.h"

static struct eview_packet sos(void)
{
    return (struct eview_packet){.wants_answer = true,
                                 .index = 0x1234,
                                 .imei = "860000000000109",
                                 .alarms = 1u << EVIEW_SOS,
                                 .time_ms = 1795600800000,
                                 .has_position = true,
                                 .latitude_e7 = -593293300,
                                 .longitude_e7 = 180685000,
                                 .battery_percent = 80};
}

/* A copy that ends where it says, so that the address sanitizer sees one byte too far. */
static struct verdict parse_exactly(const void *bytes, size_t len, struct eview_packet *ret)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    struct verdict v = eview_parse(slice_of(copy, len), ret);
    free(copy);
    return v;
}

static void what_is_written_is_read_back(void **state)
{
    uint8_t bytes[256];
    struct buf b = buf_of(bytes, sizeof bytes);
    struct eview_packet in = sos();
    struct eview_packet p;
    (void)state;
    eview_put_packet(&b, &in);
    struct verdict v = parse_exactly(bytes, b.len, &p);
    assert_int_equal(v.err, ERR_OK);
    assert_int_equal(v.at, b.len);
    assert_true(p.wants_answer && !p.is_text && p.type == EVIEW_DATA && p.index == 0x1234);
    assert_text(p.imei, "860000000000109");
    assert_int_equal(p.alarms, 1u << EVIEW_SOS);
    assert_true(p.time_ms == in.time_ms && p.has_position);
    assert_int_equal(p.latitude_e7, in.latitude_e7);
    assert_int_equal(p.longitude_e7, in.longitude_e7);
    assert_int_equal(p.battery_percent, 80);
}

static void every_cut_asks_for_more_and_every_changed_bit_is_noticed(void **state)
{
    uint8_t bytes[256];
    struct buf b = buf_of(bytes, sizeof bytes);
    struct eview_packet in = sos();
    struct eview_packet p;
    (void)state;
    eview_put_packet(&b, &in);
    for (size_t len = 0; len < b.len; len++) {
        assert_int_equal(parse_exactly(bytes, len, &p).err, ERR_MORE);
    }
    for (size_t i = 4 * 8; i < b.len * 8; i++) { /* the sum and what it covers; the index is bare */
        if (i / 8 == 6 || i / 8 == 7) {
            continue;
        }
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(parse_exactly(bytes, b.len, &p).err, ERR_CHECKSUM);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

/* The facts give this one whole. */
static void answer_is_that_of_the_facts(void **state)
{
    static const uint8_t expected[] = {0xab, 0, 3, 0, 0x08, 0xc7, 0, 0, 0x7f, 1, 0};
    uint8_t bytes[32];
    struct buf b = buf_of(bytes, sizeof bytes);
    struct eview_packet p;
    (void)state;
    eview_put_answer(&b, 0);
    assert_int_equal(b.len, sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
    assert_int_equal(parse_exactly(bytes, b.len, &p).err, ERR_OK);
    assert_int_equal(p.type, EVIEW_ANSWER);
}

static void question_for_the_time_is_answered_with_its_index(void **state)
{
    uint8_t bytes[32];
    struct buf b = buf_of(bytes, sizeof bytes);
    struct eview_packet p;
    (void)state;
    eview_put_time(&b, 7, 1795600800999);
    assert_int_equal(parse_exactly(bytes, b.len, &p).err, ERR_OK);
    assert_true(p.type == EVIEW_SERVICES && p.index == 7 && p.wants_time && !p.wants_answer);
}

static void length_that_no_packet_has_is_skipped_at_once(void **state)
{
    static const uint8_t endless[] = {0xab, 0x10, 0xff, 0xff, 0, 0, 1, 0};
    static const uint8_t empty[] = {0xab, 0x10, 0, 0, 0, 0, 1, 0};
    struct eview_packet p;
    (void)state;
    assert_int_equal(parse_exactly(endless, sizeof endless, &p).err, ERR_FULL);
    assert_int_equal(parse_exactly(endless, sizeof endless, &p).at, 1);
    assert_int_equal(parse_exactly(empty, sizeof empty, &p).err, ERR_FULL);
}

static struct eview_packet line(const char *text)
{
    struct eview_packet p;
    struct verdict v = parse_exactly(text, strlen(text), &p);
    assert_int_equal(v.err, ERR_OK);
    assert_int_equal(v.at, strlen(text));
    assert_true(p.is_text);
    return p;
}

static void text_form_means_the_same(void **state)
{
    (void)state;
    struct eview_packet p = line("!D,02/01/26,12:00:00,59.5,-17.0000001,0,0,100041,10.0,90,4,9,0;");
    assert_int_equal(p.alarms, 1u << EVIEW_SOS);
    assert_int_equal(p.latitude_e7, 595000000);
    assert_int_equal(p.longitude_e7, -170000001);
    assert_int_equal(p.battery_percent, 90);
    assert_true(p.time_ms == 1767355200000);
    assert_int_equal(line("!B,02/01/26,12:00:00,59.5,17.0,0,0,100,1,90;").alarms, 1u << EVIEW_FALL);
    assert_int_equal(line("!C,02/01/26,12:00:00,59.5,17.0,0,0,E00,1,90;").alarms,
                     7u << EVIEW_FENCE_1);
    assert_text(line("!1,123456789012345\n").imei, "123456789012345");
    assert_text(line("!1,123456789012345,7;").imei, "123456789012345");
    assert_false(line("!D,02/01/26,12:00:00,91.0,17.0,0,0,41,1,90;").has_position);
    assert_false(line("!D,02/01/26,12:00:00,0.0,0.0,0,0,41,1,90;").has_position);
    assert_true(line("!D,99/99/99,12:00:00,59.0,17.0,0,0,41,1,90;").time_ms == 0);
}

static void line_without_end_is_cut_off(void **state)
{
    char text[EVIEW_LINE_MAX + 1];
    struct eview_packet p;
    (void)state;
    memset(text, 'x', sizeof text);
    text[0] = '!';
    assert_int_equal(parse_exactly(text, EVIEW_LINE_MAX - 1, &p).err, ERR_MORE);
    assert_int_equal(parse_exactly(text, sizeof text, &p).err, ERR_FULL);
}

static void noise_is_skipped_up_to_what_could_begin(void **state)
{
    static const uint8_t bytes[] = {'H', 'T', 'T', 'P', 0xab, 0x10};
    struct eview_packet p;
    (void)state;
    struct verdict v = parse_exactly(bytes, sizeof bytes, &p);
    assert_int_equal(v.err, ERR_NOT_MINE);
    assert_int_equal(v.at, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(every_cut_asks_for_more_and_every_changed_bit_is_noticed),
        cmocka_unit_test(answer_is_that_of_the_facts),
        cmocka_unit_test(question_for_the_time_is_answered_with_its_index),
        cmocka_unit_test(length_that_no_packet_has_is_skipped_at_once),
        cmocka_unit_test(text_form_means_the_same),
        cmocka_unit_test(line_without_end_is_cut_off),
        cmocka_unit_test(noise_is_skipped_up_to_what_could_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
