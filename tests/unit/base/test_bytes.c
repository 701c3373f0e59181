/* test_bytes.c - slices, buffers and arenas keep their bounds. */
#include "unit/sentences.h"

static void number_takes_digits_only_and_keeps_its_maximum(void **state)
{
    (void)state;
    uint64_t value = 7;
    assert_int_equal(slice_u64(slice_str("0042"), 100, &value), ERR_OK);
    assert_int_equal(value, 42);
    assert_int_equal(slice_u64(slice_str(""), 100, &value), ERR_SYNTAX);
    assert_int_equal(slice_u64(slice_str("-1"), 100, &value), ERR_SYNTAX);
    assert_int_equal(slice_u64(slice_str("4 2"), 100, &value), ERR_SYNTAX);
    assert_int_equal(slice_u64(slice_str("101"), 100, &value), ERR_RANGE);
    assert_int_equal(slice_u64(slice_str("18446744073709551615"), UINT64_MAX, &value), ERR_OK);
    assert_true(value == UINT64_MAX);
    assert_int_equal(slice_u64(slice_str("18446744073709551616"), UINT64_MAX, &value), ERR_RANGE);
    assert_int_equal(slice_u64(slice_str("9"), 5, &value), ERR_RANGE);
}

static void utf8_refuses_overlong_surrogate_nul_and_cut_characters(void **state)
{
    (void)state;
    assert_true(slice_is_utf8(slice_str("Åsa 5 € \xf0\x9f\x9a\xa8")));
    assert_false(slice_is_utf8(slice_str("\xc0\xaf")));
    assert_false(slice_is_utf8(slice_str("\xed\xa0\x80")));
    assert_false(slice_is_utf8(slice_str("\xe2\x82")));
    assert_false(slice_is_utf8(slice_str("\xf4\x90\x80\x80")));
    assert_false(slice_is_utf8(slice_of("a\0b", 3)));
    assert_false(slice_is_utf8(slice_str("B\xe4r")));
}

static void text_that_is_too_long_is_cut_between_characters(void **state)
{
    (void)state;
    char text[6];
    assert_int_equal(slice_text(slice_str("abcd\xc3\xa5"), text, sizeof text), ERR_RANGE);
    assert_text(text, "abcd");
    assert_int_equal(slice_text(slice_str("abcde"), text, sizeof text), ERR_OK);
    assert_text(text, "abcde");
    assert_int_equal(slice_text(slice_of("a\0b", 3), text, sizeof text), ERR_SYNTAX);
    assert_text(text, "a");
    assert_int_equal(slice_text(slice_of(NULL, 0), text, sizeof text), ERR_OK);
    assert_text(text, "");
}

static void full_buffer_stays_full_and_writes_nothing_more(void **state)
{
    (void)state;
    char room[4];
    struct buf b = buf_of(room, sizeof room);
    buf_put_str(&b, "abc");
    buf_put_str(&b, "de");
    assert_true(b.is_full);
    buf_put_u8(&b, 'x');
    assert_slice(buf_slice(&b), "abc");
    assert_text(buf_cstr(&b), "abc");
}

static void numbers_and_base64_are_written_as_the_rfc_has_them(void **state)
{
    (void)state;
    char room[128];
    struct buf b = buf_of(room, sizeof room);
    buf_put_i64(&b, INT64_MIN);
    buf_put_u8(&b, ' ');
    buf_put_padded(&b, 7, 4);
    buf_put_u8(&b, ' ');
    const char *const inputs[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    for (size_t i = 0; i < 7; i++) {
        buf_put_base64(&b, slice_str(inputs[i]));
    }
    assert_slice(buf_slice(&b), "-9223372036854775808 0007 Zg==Zm8=Zm9vZm9vYg==Zm9vYmE=Zm9vYmFy");
}

static void base64_and_hex_refuse_what_is_no_digit(void **state)
{
    (void)state;
    uint8_t bytes[8];
    size_t len = 0;
    assert_int_equal(base64_decode(slice_str("Zm9vYmE="), bytes, sizeof bytes, &len), ERR_OK);
    assert_slice(slice_of(bytes, len), "fooba");
    assert_int_equal(base64_decode(slice_str("Zm9*"), bytes, sizeof bytes, &len), ERR_SYNTAX);
    assert_int_equal(base64_decode(slice_str("Z"), bytes, sizeof bytes, &len), ERR_SYNTAX);
    assert_int_equal(base64_decode(slice_str("Zm9vYmFyZm9v"), bytes, 8, &len), ERR_RANGE);
    assert_int_equal(hex_decode(slice_str("0aFF"), bytes, sizeof bytes, &len), ERR_OK);
    assert_int_equal(bytes[1], 0xff);
    assert_int_equal(hex_decode(slice_str("0"), bytes, sizeof bytes, &len), ERR_SYNTAX);
    assert_int_equal(hex_decode(slice_str("0g"), bytes, sizeof bytes, &len), ERR_SYNTAX);
}

static void arena_gives_zeroed_aligned_memory_until_it_is_used_up(void **state)
{
    (void)state;
    _Alignas(max_align_t) uint8_t room[64];
    memset(room, 0xee, sizeof room);
    struct arena a = arena_of(room, sizeof room);
    uint8_t *first = arena_alloc(&a, 1, 1);
    uint64_t *second = arena_alloc(&a, 2, sizeof *second);
    assert_non_null(first);
    assert_non_null(second);
    assert_int_equal((uintptr_t)second % _Alignof(uint64_t), 0);
    assert_true(second[0] == 0 && second[1] == 0);
    assert_null(arena_alloc(&a, 64, 1));
    assert_null(arena_alloc(&a, SIZE_MAX, 2));
}

static void fields_are_cut_at_the_separator(void **state)
{
    (void)state;
    struct slice rest = slice_str("a,,b");
    assert_slice(slice_cut(&rest, ','), "a");
    assert_slice(slice_cut(&rest, ','), "");
    assert_slice(slice_cut(&rest, ','), "b");
    assert_int_equal(rest.len, 0);
    assert_slice(slice_trim(slice_str(" \t x \r\n")), "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_takes_digits_only_and_keeps_its_maximum),
        cmocka_unit_test(utf8_refuses_overlong_surrogate_nul_and_cut_characters),
        cmocka_unit_test(text_that_is_too_long_is_cut_between_characters),
        cmocka_unit_test(full_buffer_stays_full_and_writes_nothing_more),
        cmocka_unit_test(numbers_and_base64_are_written_as_the_rfc_has_them),
        cmocka_unit_test(base64_and_hex_refuse_what_is_no_digit),
        cmocka_unit_test(arena_gives_zeroed_aligned_memory_until_it_is_used_up),
        cmocka_unit_test(fields_are_cut_at_the_separator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
