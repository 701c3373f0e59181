/* test_observation.c - records to observations, observations to lines of evidence and back. */
#include "scene.h"

static struct observation full_observation(void)
{
    struct observation o = {.what = OBSERVED_EVENT,
                            .by = WITNESS_GATEWAY,
                            .wall_ms = SCENE_START,
                            .mono_ms = 5,
                            .clock = "boot-1",
                            .device = "hub-1",
                            .reference = "a\"b\\c\n\x01å",
                            .kind = KIND_FALL,
                            .phase = PHASE_RAISED,
                            .change = CHANGE_RAISED,
                            .seq = 42,
                            .number = 7,
                            .is_positive = true,
                            .is_test = true,
                            .text = "Räksmörgås <b>"};
    o.id = scene_id("0123456789");
    return o;
}

static struct verdict parse(const char *line, struct observation *ret)
{
    static uint8_t memory[OBSERVATION_ARENA];
    struct arena arena = arena_of(memory, sizeof memory);
    return observation_parse(slice_str(line), &arena, ret);
}

static void observation_survives_the_file(void **state)
{
    (void)state;
    char line[OBSERVATION_LINE_MAX];
    struct observation in = full_observation();
    struct observation out;
    struct buf b = buf_of(line, sizeof line);
    assert_int_equal(observation_put(&in, &b), ERR_OK);
    assert_int_equal(line[b.len - 1], '\n');
    b.len--;
    assert_int_equal(parse(buf_cstr(&b), &out).err, ERR_OK);
    assert_memory_equal(&in, &out, sizeof in);
}

static void every_kind_of_record_keeps_what_judges_need(void **state)
{
    (void)state;
    struct observation o;
    struct record r = {.type = RECORD_EVENT, .seq = 9};
    r.event.gateway_ms = 1000;
    r.event.kind = KIND_HELP;
    r.event.phase = PHASE_RAISED;
    (void)slice_text(slice_str("hub-1"), r.event.device, sizeof r.event.device);
    (void)slice_text(slice_str("17"), r.event.reference, sizeof r.event.reference);
    (void)slice_text(slice_str("words of a person"), r.event.text, sizeof r.event.text);
    assert_int_equal(observation_from_record(&r, &o), ERR_OK);
    assert_int_equal(o.what, OBSERVED_EVENT);
    assert_int_equal(o.seq, 9);
    assert_int_equal(o.wall_ms, 1000);
    assert_string_equal(o.device, "hub-1");
    assert_string_equal(o.reference, "17");
    assert_string_equal(o.text, "");

    r = (struct record){.type = RECORD_ANSWERED, .seq = 10};
    r.answered.event_id = scene_id("e");
    r.answered.is_positive = true;
    assert_int_equal(observation_from_record(&r, &o), ERR_OK);
    assert_true(o.is_positive && alarm_id_eq(&o.id, &r.answered.event_id));

    r = (struct record){.type = RECORD_FAULT, .seq = 11};
    (void)slice_text(slice_str("port_down"), r.fault.what, sizeof r.fault.what);
    (void)slice_text(slice_str("scaip"), r.fault.about, sizeof r.fault.about);
    assert_int_equal(observation_from_record(&r, &o), ERR_OK);
    assert_string_equal(o.text, "port_down scaip");

    r = (struct record){.type = RECORD_DUTY, .seq = 12};
    assert_int_equal(observation_from_record(&r, &o), ERR_NOT_MINE);
}

static void every_cut_of_a_line_is_refused(void **state)
{
    (void)state;
    char line[OBSERVATION_LINE_MAX];
    struct observation in = full_observation();
    struct observation out;
    struct buf b = buf_of(line, sizeof line);
    assert_int_equal(observation_put(&in, &b), ERR_OK);
    for (size_t len = 0; len + 1 < b.len; len++) {
        static uint8_t memory[OBSERVATION_ARENA];
        struct arena arena = arena_of(memory, sizeof memory);
        uint8_t *exact = malloc(len + 1); /* so that reading past the end is seen */
        assert_non_null(exact);
        memcpy(exact, line, len);
        assert_int_not_equal(observation_parse(slice_of(exact, len), &arena, &out).err, ERR_OK);
        free(exact);
    }
}

static void hostile_lines_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum err err;
    } lines[] = {
        {"{}", ERR_SYNTAX},
        {"[]", ERR_SYNTAX},
        {"{\"by\":\"bench\",\"wall_ms\":1,\"what\":\"press\"} x", ERR_SYNTAX},
        {"{\"by\":\"bench\",\"wall_ms\":1,\"wall_ms\":2,\"what\":\"press\"}", ERR_DUPLICATE},
        {"{\"by\":\"bench\",\"wall_ms\":1,\"what\":\"press\",\"more\":\"x\"}", ERR_UNSUPPORTED},
        {"{\"by\":\"bench\",\"wall_ms\":{\"a\":1},\"what\":\"press\"}", ERR_SYNTAX},
        {"{\"by\":\"bench\",\"wall_ms\":1.5,\"what\":\"press\"}", ERR_SYNTAX},
        {"{\"by\":\"bench\",\"wall_ms\":01,\"what\":\"press\"}", ERR_SYNTAX},
        {"{\"by\":\"bench\",\"wall_ms\":99999999999999999999,\"what\":\"press\"}", ERR_RANGE},
        {"{\"by\":\"bench\",\"wall_ms\":1,\"what\":\"explode\"}", ERR_UNSUPPORTED},
        {"{\"by\":\"bench\",\"wall_ms\":1,\"what\":\"note\",\"text\":\"\\u0000\"}",
         ERR_UNSUPPORTED},
        {"{\"by\":\"bench\",\"wall_ms\":1,\"what\":\"note\",\"text\":\"\xff\"}", ERR_SYNTAX},
        {"{\"by\":\"bench\",\"wall_ms\":1,\"what\":\"note\",\"text\":\"a\\", ERR_MORE},
        {"{\"by\":\"bench\",\"wall_ms\":1,\"what\":\"press\",\"mono_ms\":5}", ERR_SYNTAX},
        /* a bench that claims to have seen an alarm, a journal row without its number */
        {"{\"by\":\"bench\",\"seq\":3,\"wall_ms\":1,\"what\":\"event\"}", ERR_AUTH},
        {"{\"by\":\"gateway\",\"wall_ms\":1,\"what\":\"event\"}", ERR_AUTH},
        {"{\"by\":\"gateway\",\"seq\":3,\"wall_ms\":1,\"what\":\"press\"}", ERR_AUTH},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct observation o;
        struct verdict v = parse(lines[i].line, &o);
        if (v.err != lines[i].err) {
            fail_msg("%s: %s", lines[i].line, err_name(v.err));
        }
    }
}

static void merge_puts_beginnings_before_and_endings_after_the_rows(void **state)
{
    (void)state;
    struct observation stimuli[3] = {{.what = OBSERVED_PRESS, .wall_ms = 10},
                                     {.what = OBSERVED_LINK_RESTORED, .wall_ms = 20},
                                     {.what = OBSERVED_RUN_END, .wall_ms = 30}};
    struct observation rows[3] = {{.what = OBSERVED_EVENT, .wall_ms = 10},
                                  {.what = OBSERVED_EVENT, .wall_ms = 20},
                                  {.what = OBSERVED_CASE, .wall_ms = 30}};
    struct observation all[6];
    observation_merge(stimuli, 3, rows, 3, all);
    static const enum observed want[6] = {OBSERVED_PRESS,         OBSERVED_EVENT, OBSERVED_EVENT,
                                          OBSERVED_LINK_RESTORED, OBSERVED_CASE,  OBSERVED_RUN_END};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(all[i].what, want[i]);
    }
}

static void duration_ignores_the_wall_clock_within_one_monotonic_clock(void **state)
{
    (void)state;
    struct observation a = {.wall_ms = 1000, .mono_ms = 50, .clock = "boot-1"};
    struct observation b = {.wall_ms = 3601000, .mono_ms = 70, .clock = "boot-1"};
    assert_int_equal(observation_span_ms(&a, &b), 20);
    (void)slice_text(slice_str("boot-2"), b.clock, sizeof b.clock);
    assert_int_equal(observation_span_ms(&a, &b), 3600000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(observation_survives_the_file),
        cmocka_unit_test(every_kind_of_record_keeps_what_judges_need),
        cmocka_unit_test(every_cut_of_a_line_is_refused),
        cmocka_unit_test(hostile_lines_are_refused),
        cmocka_unit_test(merge_puts_beginnings_before_and_endings_after_the_rows),
        cmocka_unit_test(duration_ignores_the_wall_clock_within_one_monotonic_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
