/* test_transcript.c - the grammar of .case files, and its errors in plain words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "wire/transcript.h"

static uint8_t memory[1 << 20];
static char why[TRANSCRIPT_WHY_ROOM];
static int line;

static enum err parse(const char *text, struct transcript *ret)
{
    struct arena arena = arena_of(memory, sizeof memory);
    size_t needed = transcript_arena(strlen(text));
    assert_true(needed <= sizeof memory);
    arena.room = needed;
    return transcript_parse(slice_str(text), &arena, ret, &line, why);
}

static void whole_file_becomes_steps(void **state)
{
    (void)state;
    struct transcript t;
    assert_int_equal(
        parse("# by hand\nadapter acme\noption word some text\noption q \"a b\"\n"
              "role dial\n"
              "<  \"a\\r\\n\\x01\" hex 02 ff type=x identity=\"1 2\"\n"
              ">  hex 01 ?? 03\n>  \"ok ??\\?\" *\n>  answer 200 \"b\"\n>  request *\n"
              "!  kind=help text=\"two words\" ref=\n!  note blanks\n=  stored\n@  2000\n"
              "x  checksum\n?  accepted\n>  hang_up\n",
              &t),
        ERR_OK);
    assert_true(slice_eq_str(t.adapter, "acme"));
    assert_int_equal(t.option_count, 2);
    assert_true(slice_eq_str(t.options[0].value, "some text"));
    assert_true(slice_eq_str(t.options[1].value, "a b"));
    assert_true(t.is_dialling);
    assert_int_equal(t.step_count, 12);
    const struct transcript_step *s = t.steps;
    assert_true(slice_eq(s[0].bytes, slice_of("a\r\n\x01\x02\xff", 6)));
    assert_int_equal(s[0].line, 6);
    struct slice value = slice_of(NULL, 0);
    assert_true(transcript_pair(&s[0], "identity", &value));
    assert_true(slice_eq_str(value, "1 2"));
    assert_false(transcript_pair(&s[0], "none", &value));
    assert_int_equal(s[3].verb, TRANSCRIPT_ANSWER);
    assert_int_equal(s[3].status, 200);
    assert_int_equal(s[4].verb, TRANSCRIPT_REQUEST);
    assert_true(s[4].is_open_ended);
    assert_int_equal(s[5].verb, TRANSCRIPT_EVENT);
    assert_int_equal(s[5].pair_count, 3);
    assert_int_equal(s[6].verb, TRANSCRIPT_NOTE);
    assert_int_equal(s[8].ms, 2000);
    assert_true(slice_eq_str(s[9].word, "checksum"));
    assert_int_equal(s[11].verb, TRANSCRIPT_HANG_UP);
}

static void devices_the_time_of_day_and_topics_are_read(void **state)
{
    (void)state;
    struct transcript t;
    assert_int_equal(parse("adapter acme\nwall 2026-11-25T10:00:00Z\n"
                           "device A1 model=m-2 secret=hex:0102ff sequence=7\n"
                           "device A2 secret=\"sesam öppna\"\n"
                           "<  \"{}\" topic=a/b\n>  publish c/d \"x\" *\n<  silence\n",
                           &t),
                     ERR_OK);
    assert_int_equal(t.wall_ms, 1795600800000);
    assert_int_equal(t.device_count, 2);
    assert_true(slice_eq_str(t.devices[0].key, "A1"));
    assert_true(slice_eq_str(t.devices[0].model, "m-2"));
    assert_true(slice_eq(t.devices[0].secret, slice_of("\x01\x02\xff", 3)));
    assert_int_equal(t.devices[0].sequence, 7);
    assert_true(slice_eq_str(t.devices[1].secret, "sesam öppna"));
    assert_int_equal(t.steps[1].verb, TRANSCRIPT_PUBLISH);
    assert_true(slice_eq_str(t.steps[1].word, "c/d"));
    assert_true(transcript_matches(&t.steps[1], slice_str("xyz")));
    assert_true(t.steps[2].has_bytes);
    assert_int_equal(t.steps[2].bytes.len, 0);
    assert_int_equal(parse("adapter a\ndevice A1 secret=hex:0\n", &t), ERR_SYNTAX);
    assert_int_equal(parse("adapter a\ndevice A1 colour=red\n", &t), ERR_SYNTAX);
    assert_int_equal(parse("adapter a\ndevice\n", &t), ERR_SYNTAX);
    assert_int_equal(parse("adapter a\nwall yesterday\n", &t), ERR_SYNTAX);
}

static void any_byte_and_any_rest_match(void **state)
{
    (void)state;
    struct transcript t;
    assert_int_equal(parse("adapter a\n> hex 01 ?? 03\n> \"ok ??\\?\\*\" *\n> \"b\"\n", &t),
                     ERR_OK);
    const struct transcript_step *s = t.steps;
    assert_true(transcript_matches(&s[0], slice_of("\x01\x7f\x03", 3)));
    assert_false(transcript_matches(&s[0], slice_of("\x01\x7f\x04", 3)));
    assert_false(transcript_matches(&s[0], slice_of("\x01\x7f\x03\x04", 4)));
    assert_int_equal(transcript_take(&s[0], slice_of("\x01\x7f\x03\x04", 4)).at, 3);
    assert_int_equal(transcript_take(&s[0], slice_of("\x01", 1)).err, ERR_MORE);
    assert_int_equal(transcript_take(&s[0], slice_of("\x02", 1)).err, ERR_SYNTAX);
    assert_true(transcript_matches(&s[1], slice_str("ok 7?*")));
    assert_true(transcript_matches(&s[1], slice_str("ok 7?*and more")));
    assert_false(transcript_matches(&s[1], slice_str("ok 77*")));
    assert_false(transcript_matches(&s[2], slice_str("bb")));
}

static void errors_name_the_line_and_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int line;
        const char *part;
    } cases[] = {
        {"adapter a\n< \"x\n", 2, "closing quote"}, {"adapter a\n\n< hex 0\n", 3, "key=value"},
        {"adapter a\n< \"\\q\"\n", 2, "escape"},    {"adapter a\n< \"\\xg1\"\n", 2, "hex digits"},
        {"adapter a\n> answer yes\n", 2, "number"}, {"adapter a\n! kind\n", 2, "key=value"},
        {"adapter a\n@ soon\n", 2, "number"},       {"adapter a\nrole master\n", 2, "listen"},
        {"adapter a\nhello\n", 2, "begins with"},   {"adapter a\n=\n", 2, "word"},
        {"adapter\n", 1, "name of the adapter"},    {"# nothing\n", 1, "no adapter"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct transcript t;
        assert_int_equal(parse(cases[i].text, &t), ERR_SYNTAX);
        assert_int_equal(line, cases[i].line);
        assert_non_null(strstr(why, cases[i].part));
    }
}

static void too_many_steps_are_refused(void **state)
{
    (void)state;
    static char text[8192] = "adapter a\n";
    for (int i = 0; i <= TRANSCRIPT_STEPS_MAX; i++) {
        memcpy(text + strlen(text), "@ 1\n", 5);
    }
    struct transcript t;
    assert_int_equal(parse(text, &t), ERR_FULL);
    assert_int_equal(line, TRANSCRIPT_STEPS_MAX + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_file_becomes_steps),
        cmocka_unit_test(devices_the_time_of_day_and_topics_are_read),
        cmocka_unit_test(any_byte_and_any_rest_match),
        cmocka_unit_test(errors_name_the_line_and_the_reason),
        cmocka_unit_test(too_many_steps_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
