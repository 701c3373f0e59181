/* test_adapters.c - outbox, options, registry; every kind there and back; every truncation of every
 * recorded frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/adapter.h"
#include "adapters/espa444_call.h"
#include "adapters/kind_words.h"
#include "adapters/scaip_alarm.h"
#include "wire/transcript.h"

static const struct now now = {.wall_ms = 1795363200000, .mono_ms = 1000000};
static struct outbox out;

static void options_read_numbers_and_truth(void **state)
{
    (void)state;
    const struct adapter_options o = {{"42", "-7", "true", "off", NULL}};
    assert_int_equal(option_number(&o, 0), 42);
    assert_int_equal(option_number(&o, 1), -7);
    assert_true(option_bool(&o, 2));
    assert_false(option_bool(&o, 3));
    assert_int_equal(option_text(&o, 4).len, 0);
    assert_int_equal(option_text(&o, ADAPTER_OPTIONS_MAX + 3).len, 0);
}

static void outbox_copies_what_it_is_given(void **state)
{
    (void)state;
    char text[] = "abc";
    outbox_clear(&out);
    out_send(&out, slice_str(text));
    out_request(&out, slice_str(text), slice_str(text), slice_str(text), NULL, slice_str(text), 7);
    memset(text, 'x', 3);
    assert_int_equal(out.count, 2);
    assert_true(slice_eq_str(out.items[0].bytes, "abc"));
    assert_true(slice_eq_str(out.items[1].peer, "abc"));
    assert_true(slice_eq_str(out.items[1].to, "abc"));
    assert_int_equal(out.items[1].tag, 7);
}

static void full_outbox_says_so_and_keeps_what_it_has(void **state)
{
    (void)state;
    static uint8_t big[OUTBOX_BYTES_MAX + 1];
    outbox_clear(&out);
    out_send(&out, slice_of(big, sizeof big));
    assert_true(out.is_full);
    assert_int_equal(out.count, 0);
    outbox_clear(&out);
    for (int i = 0; i < OUTBOX_ALARMS_MAX; i++) {
        assert_non_null(out_raise(&out, now, 1));
    }
    assert_null(out_raise(&out, now, 1));
    assert_true(out.is_full);
    outbox_clear(&out);
    for (int i = 0; i < OUTBOX_ITEMS_MAX + 1; i++) {
        out_wake(&out, 1);
    }
    assert_int_equal(out.count, OUTBOX_ITEMS_MAX);
    assert_true(out.is_full);
}

static void raw_frame_is_cut_at_its_ceiling(void **state)
{
    (void)state;
    static uint8_t big[RAW_MAX + 100];
    outbox_clear(&out);
    struct alarm *alarm = out_raise(&out, now, 1);
    out_keep_raw(&out, alarm, slice_of(big, sizeof big), "text/plain");
    assert_int_equal(alarm->raw.len, RAW_MAX);
    assert_string_equal(alarm->raw_type, "text/plain");
    assert_false(out.is_full);
}

static void registry_finds_by_name_and_every_table_is_complete(void **state)
{
    (void)state;
    assert_null(adapter_find(slice_str("nothing")));
    assert_string_equal(adapter_find(slice_str("scaip"))->name, "scaip");
    const char *before = "";
    for (size_t i = 0; adapter_at(i) != NULL; i++) {
        const struct adapter *a = adapter_at(i);
        assert_true(strcmp(before, a->name) < 0);
        before = a->name;
        assert_ptr_equal(adapter_find(slice_str(a->name)), a);
        assert_true(a->transports != 0 && a->session_size > 0 && a->input_max > 0);
        assert_non_null(a->input);
        assert_non_null(a->stored);
        size_t count = 0;
        for (const struct adapter_option *o = a->options; o != NULL && o->name != NULL; o++) {
            assert_non_null(o->preset);
            assert_true(strlen(o->help) > 20 && o->help[strlen(o->help) - 1] == '.');
            assert_true(o->type != OPTION_WORD || strstr(o->words, o->preset) != NULL);
            count++;
        }
        assert_true(count <= ADAPTER_OPTIONS_MAX);
    }
}

/* What we say to a centre, our own receiver understands as the same kind. */
static void every_kind_comes_back_from_scaip(void **state)
{
    (void)state;
    for (int number = 1; number <= KIND_LAST; number++) {
        if (!kind_is_known(number)) {
            continue;
        }
        struct case_value c = {.kind = (enum kind)number};
        uint8_t texts[SCAIP_CASE_TEXTS];
        struct scaip_message message;
        scaip_fill_request(&c, slice_str("1"), slice_str("2"), "Björkgården rum 12, plan 3, hus B",
                           texts, &message);
        uint8_t body[1024];
        struct buf b = buf_of(body, sizeof body);
        assert_int_equal(scaip_encode(&message, &b), ERR_OK);
        struct alarm alarm = {.gateway_ms = now.wall_ms};
        scaip_fill_alarm(&message, &alarm);
        bool is_service = number == KIND_SERVICE; /* a fixed trigger with its name in the text */
        assert_int_equal(alarm.kind, is_service ? KIND_HELP : (enum kind)number);
        assert_int_equal(alarm.phase, PHASE_RAISED);
        assert_int_equal(scaip_value(&message, SCAIP_lte).len,
                         34); /* 32 characters, two are not ASCII */
    }
}

static void reference_gives_the_address_back(void **state)
{
    (void)state;
    struct slice address = espa444_reference_address(slice_str("A-1-0123456789abcdef-1795"));
    assert_true(slice_eq_str(address, "A-1"));
    assert_int_equal(espa444_reference_address(slice_str("x")).len, 0);
}

static void list_of_kinds_is_checked(void **state)
{
    (void)state;
    assert_true(kind_words_are_good(slice_str("LARM=help, NÖD = threat,")));
    assert_false(kind_words_are_good(slice_str("LARM=nothing")));
    assert_false(kind_words_are_good(slice_str("LARM")));
    assert_false(kind_words_are_good(slice_str("=help")));
}

/* --- every truncation of every recorded frame --- */

static bool is_blank(struct slice rest)
{
    return slice_trim(rest).len == 0;
}

static void fill_options(const struct adapter *a, struct adapter_options *options)
{
    for (size_t i = 0; a->options[i].name != NULL; i++) {
        bool is_check = strcmp(a->options[i].name, "address_check") == 0;
        options->values[i] = is_check ? "lenient" : a->options[i].preset;
    }
}

static void feed_truncated(const struct adapter *a, struct slice frame, size_t len)
{
    struct adapter_options options = {{NULL}};
    void *session = calloc(1, a->session_size);
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(session);
    assert_non_null(copy);
    memcpy(copy, len == 0 ? (const uint8_t *)"" : frame.at, len);
    fill_options(a, &options);
    outbox_clear(&out);
    assert_int_equal(a->open(session, &options, false, now, &out), ERR_OK);
    struct slice rest = slice_of(copy, len);
    struct verdict v = {ERR_OK, 0};
    do {
        struct adapter_input in = {.bytes = rest, .peer = slice_str("p;tcp"), .port = "t"};
        outbox_clear(&out);
        v = a->input(session, &in, now, &out);
        assert_true(out.consumed <= rest.len);
        rest = slice_from(rest, out.consumed);
        if (len < frame.len && !is_blank(slice_from(frame, len))) {
            assert_int_equal(out.alarm_count, 0);
        }
    } while (v.err != ERR_MORE && rest.len > 0);
    free(copy);
    free(session);
}

static unsigned truncate_file(const char *path)
{
    static char text[TRANSCRIPT_MAX];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t text_len = fread(text, 1, sizeof text, file);
    fclose(file);
    size_t room = transcript_arena(text_len);
    struct arena arena = arena_of(malloc(room), room);
    struct transcript t;
    char why[TRANSCRIPT_WHY_ROOM];
    int line = 0;
    unsigned count = 0;
    assert_int_equal(transcript_parse(slice_of(text, text_len), &arena, &t, &line, why), ERR_OK);
    const struct adapter *a = adapter_find(t.adapter);
    assert_non_null(a);
    for (size_t i = 0; i < t.step_count; i++) {
        const struct transcript_step *step = &t.steps[i];
        bool is_frame = step->type == TRANSCRIPT_IN && step->verb == TRANSCRIPT_BYTES;
        for (size_t len = 0; is_frame && len <= step->bytes.len; len++) {
            feed_truncated(a, step->bytes, len);
            count++;
        }
    }
    free(arena.at);
    return count;
}

static void no_truncation_of_a_recorded_frame_raises_an_alarm(void **state)
{
    (void)state;
    static const char *const folders[] = {TESTS_DIR "/fixtures/espa444",
                                          TESTS_DIR "/fixtures/scaip"};
    unsigned count = 0;
    for (size_t i = 0; i < 2; i++) {
        DIR *folder = opendir(folders[i]);
        assert_non_null(folder);
        for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
            char path[1024];
            if (strstr(entry->d_name, ".case") != NULL) {
                snprintf(path, sizeof path, "%s/%s", folders[i], entry->d_name);
                count += truncate_file(path);
            }
        }
        closedir(folder);
    }
    assert_in_range(count, 5000, 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_read_numbers_and_truth),
        cmocka_unit_test(outbox_copies_what_it_is_given),
        cmocka_unit_test(full_outbox_says_so_and_keeps_what_it_has),
        cmocka_unit_test(raw_frame_is_cut_at_its_ceiling),
        cmocka_unit_test(registry_finds_by_name_and_every_table_is_complete),
        cmocka_unit_test(every_kind_comes_back_from_scaip),
        cmocka_unit_test(reference_gives_the_address_back),
        cmocka_unit_test(list_of_kinds_is_checked),
        cmocka_unit_test(no_truncation_of_a_recorded_frame_raises_an_alarm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
