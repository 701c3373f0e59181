/* test_dc09.c - frames of SIA DC-09: cut off anywhere, damaged anywhere, written and read back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sum.h"
#include "unit/sentences.h"
#include "wire/dc09.h"

static const char whole[] =
    "\n73580056\"SIA-DCS\"0002R1L232#78919[#78919|Nri1/BA012][X012W34.1][Y045N12.2]"
    "_14:12:04,09-25-2026\r";

/* A copy that ends where it says, so that the address sanitizer sees one byte too far. */
static struct verdict parse_exactly(const char *text, size_t len, struct dc09_frame *ret)
{
    char *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(copy);
    memcpy(copy, text, len);
    struct verdict v = dc09_parse(slice_of(copy, len), ret);
    free(copy);
    return v;
}

static void every_part_of_a_frame_is_found(void **state)
{
    (void)state;
    struct dc09_frame f;
    struct verdict v = dc09_parse(slice_str(whole), &f);
    assert_int_equal(v.err, ERR_OK);
    assert_int_equal(v.at, sizeof whole - 1);
    assert_slice(f.token, "SIA-DCS");
    assert_int_equal(f.seq, 2);
    assert_slice(f.receiver, "1");
    assert_slice(f.line, "232");
    assert_slice(f.account, "78919");
    assert_slice(f.data, "#78919|Nri1/BA012");
    assert_slice(f.extended, "[X012W34.1][Y045N12.2]");
    assert_true(f.has_time);
    int64_t ms = 0;
    assert_int_equal(clock_parse(slice_str("2026-09-25T14:12:04Z"), &ms), ERR_OK);
    assert_true(f.time_ms == ms);
    assert_false(f.is_encrypted || f.is_crc_raw || f.is_length_wrong);
}

static void every_cut_asks_for_more(void **state)
{
    (void)state;
    struct dc09_frame f;
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        assert_int_equal(parse_exactly(whole, len, &f).err, ERR_MORE);
    }
}

static void every_changed_byte_is_noticed(void **state)
{
    (void)state;
    char bytes[sizeof whole];
    struct dc09_frame f;
    for (size_t i = 0; i + 1 < sizeof whole - 1; i++) {
        for (int bit = 0; bit < 8; bit++) {
            memcpy(bytes, whole, sizeof whole);
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
            struct verdict v = parse_exactly(bytes, sizeof whole - 1, &f);
            bool is_only_length = v.err == ERR_OK && i >= 5 && i < 9;
            bool is_only_case = v.err == ERR_OK && i >= 1 && i < 5 && bit == 5;
            assert_true(v.err != ERR_OK || (is_only_length && f.is_length_wrong) ||
                        is_only_length || is_only_case);
        }
    }
}

static void encrypted_frame_comes_back_with_all_three_key_lengths(void **state)
{
    (void)state;
    static const uint8_t key[] = "0123456789abcdefghijklmnopqrstuv";
    int64_t ms = 0;
    assert_int_equal(clock_parse(slice_str("2026-11-25T10:00:00Z"), &ms), ERR_OK);
    for (size_t key_len = 16; key_len <= 32; key_len += 8) {
        for (size_t text_len = 0; text_len < 40; text_len++) {
            uint8_t bytes[DC09_FRAME_MAX];
            uint8_t plain[DC09_PLAIN_MAX];
            struct buf out = buf_of(bytes, sizeof bytes);
            struct dc09_frame f = {
                .is_encrypted = true,
                .token = slice_str("ADM-CID"),
                .seq = 9999,
                .line = slice_str("0"),
                .account = slice_str("1234"),
                .data = slice_of("#1234|1101 00 001 and so on and so on...", text_len),
                .time_ms = ms};
            struct slice with = slice_of(key, key_len);
            assert_int_equal(dc09_encode(&f, with, &out), ERR_OK);
            struct dc09_frame back;
            assert_int_equal(dc09_parse(buf_slice(&out), &back).err, ERR_OK);
            assert_true(back.is_encrypted);
            assert_int_equal(dc09_decrypt(with, plain, &back), ERR_OK);
            assert_true(slice_eq(back.data, f.data));
            assert_true(back.time_ms == ms);
            struct dc09_frame other;
            assert_int_equal(dc09_parse(buf_slice(&out), &other).err, ERR_OK);
            assert_int_equal(dc09_decrypt(slice_of(key + 1, 16), plain, &other), ERR_AUTH);
        }
    }
}

static void raw_sum_may_look_like_the_end_of_a_frame(void **state)
{
    (void)state;
    uint8_t bytes[DC09_FRAME_MAX];
    struct dc09_frame f = {.is_crc_raw = true, .token = slice_str("NULL"), .line = slice_str("0")};
    bool was_seen = false;
    for (f.seq = 0; f.seq < 9999 && !was_seen; f.seq++) {
        struct buf out = buf_of(bytes, sizeof bytes);
        struct dc09_frame back;
        assert_int_equal(dc09_encode(&f, slice_of(NULL, 0), &out), ERR_OK);
        assert_int_equal(dc09_parse(buf_slice(&out), &back).err, ERR_OK);
        assert_int_equal(back.seq, f.seq);
        was_seen = bytes[1] == '\r' || bytes[2] == '\r' || bytes[1] == '\n' || bytes[2] == '\n';
    }
    assert_true(was_seen);
}

static void skipping_ends_at_the_next_frame(void **state)
{
    (void)state;
    struct dc09_frame f;
    struct slice noise = slice_str("noise\n73");
    assert_int_equal(dc09_skip(noise, dc09_parse(noise, &f)), 5);
    struct slice http = slice_str("\nGET / HTTP/1.1\n");
    assert_int_equal(dc09_parse(http, &f).err, ERR_NOT_MINE);
    assert_int_equal(dc09_skip(http, dc09_parse(http, &f)), 15);
}

static void endless_frame_is_given_up(void **state)
{
    (void)state;
    char bytes[DC09_FRAME_MAX + 64];
    struct dc09_frame f;
    memset(bytes, 'A', sizeof bytes);
    memcpy(bytes, whole, 10);
    assert_int_equal(dc09_parse(slice_of(bytes, sizeof bytes), &f).err, ERR_FULL);
}

static void contact_id_is_read_with_and_without_blanks(void **state)
{
    (void)state;
    struct dc09_contact c;
    assert_int_equal(dc09_contact_parse(slice_str("#1234|3401 01 057"), &c), ERR_OK);
    assert_int_equal(c.qualifier, '3');
    assert_string_equal(c.event, "401");
    assert_string_equal(c.group, "01");
    assert_string_equal(c.zone, "057");
    assert_int_equal(dc09_contact_parse(slice_str("110100001"), &c), ERR_OK);
    assert_string_equal(c.zone, "001");
    assert_int_equal(dc09_contact_parse(slice_str("1101 00"), &c), ERR_SYNTAX);
    assert_int_equal(dc09_contact_parse(slice_str(""), &c), ERR_SYNTAX);
}

static void several_sia_events_follow_one_another(void **state)
{
    (void)state;
    struct slice rest =
        dc09_event_data(slice_str("#1|Nti12:30ri1CL0^VX FRONTE ^NRR|Atest|Oid5pi2/QA12*Hall"));
    struct dc09_event e;
    assert_int_equal(dc09_event_next(&rest, &e), ERR_OK);
    assert_string_equal(e.code, "CL");
    assert_string_equal(e.area, "1");
    assert_string_equal(e.address, "0");
    assert_slice(e.text, "VX FRONTE ");
    assert_int_equal(dc09_event_next(&rest, &e), ERR_OK);
    assert_string_equal(e.code, "RR");
    assert_slice(e.text, "test");
    assert_int_equal(dc09_event_next(&rest, &e), ERR_OK);
    assert_true(e.is_old);
    assert_string_equal(e.code, "QA");
    assert_string_equal(e.address, "12");
    assert_slice(e.text, "Hall");
    assert_int_equal(dc09_event_next(&rest, &e), ERR_NOT_FOUND);
}

static struct dc09_frame parse_body_of(const char *body, uint8_t *room)
{
    char head[16];
    struct buf out = buf_of(room, DC09_FRAME_MAX);
    struct dc09_frame f = {.seq = 0};
    (void)snprintf(head, sizeof head, "\n%04X0%03X", crc16_arc(slice_str(body)),
                   (unsigned)strlen(body));
    buf_put_str(&out, head);
    buf_put_str(&out, body);
    buf_put_str(&out, "\r");
    assert_int_equal(dc09_parse(buf_slice(&out), &f).err, ERR_OK);
    return f;
}

static void misplaced_parts_are_read_and_told(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *account;
        const char *data;
        bool is_odd;
        bool has_time;
    } rows[] = {
        {"\"NULL\"0000R0L0#1[]", "1", "", false, false},
        {"\"NULL\"0000R0L0#1", "1", "", true, false},
        {"\"NULL\"0000", "", "", true, false},
        {"\"NULL\"0000R", "", "", true, false},
        {"\"SIA-DCS\"0001#1[#1|NQA1]", "1", "#1|NQA1", true, false},
        {"\"SIA-DCS\"0001L0#1[#1|NQA1", "1", "#1|NQA1", true, false},
        {"\"SIA-DCS\"0001L0#1[#1|NQA1_10:00:00,11-25-2026", "1", "#1|NQA1", true, true},
        {"\"SIA-DCS\"0001L0#1[#1|NQA1]_10:00:00,11-25-2026", "1", "#1|NQA1", false, true},
        {"\"SIA-DCS\"0001L0#1[#1|NQA1][X1_10:00:00,11-25-2026", "1", "#1|NQA1", true, false},
        {"\"SIA-DCS\"0001L0#1[#1|NQA1]_10:00", "1", "#1|NQA1", true, false},
        {"\"SIA-DCS\"0001L0#[NQA1]", "", "NQA1", true, false},
        {"\"SIA-DCS\"0001L0#12345678901234567[NQA1]", "1234567890123456", "NQA1", true, false},
        {"\"SIA-DCS\"0001L0x[NQA1]", "", "NQA1", true, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t room[DC09_FRAME_MAX];
        struct dc09_frame f = parse_body_of(rows[i].body, room);
        assert_slice(f.account, rows[i].account);
        assert_slice(f.data, rows[i].data);
        assert_int_equal(f.is_odd, rows[i].is_odd);
        assert_int_equal(f.has_time, rows[i].has_time);
    }
}

static void clock_that_was_never_set_has_a_time_of_zero(void **state)
{
    (void)state;
    uint8_t room[DC09_FRAME_MAX];
    struct dc09_frame f = parse_body_of("\"NULL\"0000L0#1[]_99:00:00,00-00-0000", room);
    assert_true(f.has_time && !f.is_odd);
    assert_true(f.time_ms == 0);
}

static void longest_frame_that_the_length_can_say_is_read(void **state)
{
    (void)state;
    uint8_t room[DC09_FRAME_MAX];
    char body[4096];
    memset(body, 'A', sizeof body);
    memcpy(body, "\"SIA-DCS\"0001L0#1[", 18);
    body[4094] = ']';
    body[4095] = '\0';
    struct dc09_frame f = parse_body_of(body, room);
    assert_false(f.is_odd || f.is_length_wrong);
    assert_int_equal(f.data.len, 4094 - 18);
}

static void what_is_no_event_stays_where_it_is(void **state)
{
    (void)state;
    struct slice rest = slice_str("Nri1/QA003 hall?");
    struct dc09_event e;
    assert_int_equal(dc09_event_next(&rest, &e), ERR_OK);
    assert_int_equal(dc09_event_next(&rest, &e), ERR_SYNTAX);
    assert_slice(rest, " hall?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_a_frame_is_found),
        cmocka_unit_test(every_cut_asks_for_more),
        cmocka_unit_test(every_changed_byte_is_noticed),
        cmocka_unit_test(encrypted_frame_comes_back_with_all_three_key_lengths),
        cmocka_unit_test(raw_sum_may_look_like_the_end_of_a_frame),
        cmocka_unit_test(skipping_ends_at_the_next_frame),
        cmocka_unit_test(endless_frame_is_given_up),
        cmocka_unit_test(contact_id_is_read_with_and_without_blanks),
        cmocka_unit_test(several_sia_events_follow_one_another),
        cmocka_unit_test(misplaced_parts_are_read_and_told),
        cmocka_unit_test(clock_that_was_never_set_has_a_time_of_zero),
        cmocka_unit_test(longest_frame_that_the_length_can_say_is_read),
        cmocka_unit_test(what_is_no_event_stays_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
