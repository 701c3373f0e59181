/* test_contacts.c - what the recorded conversations do not show: every input at once, and bad options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/adapter.h"

enum { INPUTS = 256, POLL_MS = 100 };

static struct outbox out;
static const struct adapter *contacts;
static void *session;
static struct now now;
static uint8_t inputs[INPUTS];
static int told[INPUTS + 1]; /* events of each input; 0: of the module */
static enum phase phase;     /* of the last one */

static enum err begin(const char *idle_closed)
{
    static struct adapter_options options;
    contacts = adapter_find(slice_str("contacts"));
    for (size_t i = 0; contacts->options[i].name != NULL; i++) {
        options.values[i] = contacts->options[i].preset;
    }
    options.values[1] = idle_closed;
    session = calloc(1, contacts->session_size);
    now = (struct now){.wall_ms = 1795600800000, .mono_ms = 1000000};
    memset(inputs, 0, sizeof inputs);
    memset(told, 0, sizeof told);
    outbox_clear(&out);
    return contacts->open(session, &options, true, now, &out);
}

static int teardown(void **state)
{
    (void)state;
    free(session);
    return 0;
}

static void poll(size_t count)
{
    struct adapter_input in = {.bytes = slice_of(inputs, count), .port = "rela"};
    outbox_clear(&out);
    assert_int_equal(contacts->input(session, &in, now, &out).err, ERR_OK);
    assert_false(out.is_full);
    for (size_t i = 0; i < out.count; i++) {
        if (out.items[i].type == OUT_RAISE) {
            uint64_t number = 0;
            struct slice device = slice_str(out.items[i].alarm->device);
            (void)slice_cut(&device, '/');
            assert_true(device.len == 0 || slice_u64(device, INPUTS, &number) == ERR_OK);
            told[number]++;
            phase = out.items[i].alarm->phase;
        }
    }
    now.wall_ms += POLL_MS;
    now.mono_ms += POLL_MS;
}

static void a_wire_that_closes_every_input_loses_none(void **state)
{
    (void)state;
    assert_int_equal(begin(""), ERR_OK);
    poll(INPUTS);
    poll(INPUTS);
    assert_int_equal(told[0], 1);
    memset(inputs, 1, sizeof inputs);
    for (int i = 0; i < 30; i++) {
        poll(INPUTS);
    }
    for (size_t i = 1; i <= INPUTS; i++) {
        assert_int_equal(told[i], 1);
    }
    assert_int_equal(phase, PHASE_RAISED);
    memset(inputs, 0, sizeof inputs);
    for (int i = 0; i < 30; i++) {
        poll(INPUTS);
    }
    for (size_t i = 1; i <= INPUTS; i++) {
        assert_int_equal(told[i], 2);
    }
    assert_int_equal(phase, PHASE_RESTORED);
    assert_int_equal(told[0], 1);
}

static void more_inputs_than_there_can_be_are_refused(void **state)
{
    (void)state;
    static const uint8_t many[INPUTS + 1];
    struct adapter_input in = {.bytes = slice_of(many, sizeof many), .port = "rela"};
    assert_int_equal(begin(""), ERR_OK);
    outbox_clear(&out);
    assert_int_equal(contacts->input(session, &in, now, &out).err, ERR_RANGE);
    assert_int_equal(out.count, 0);
}

static void two_presses_in_one_millisecond_are_two(void **state)
{
    (void)state;
    char first[REFERENCE_ROOM];
    assert_int_equal(begin(""), ERR_OK);
    poll(2);
    poll(2);
    inputs[0] = 1;
    inputs[1] = 1;
    poll(2);
    poll(2);
    assert_int_equal(out.alarm_count, 2);
    memcpy(first, out.alarms[0].reference, sizeof first);
    assert_string_not_equal(first, out.alarms[1].reference);
}

static void numbers_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"0", "257", "one", "1,2", "-1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(begin(bad[i]), ERR_RANGE);
        assert_int_equal(out.items[0].type, OUT_NOTE);
        free(session);
    }
    assert_int_equal(begin(" 1  4 256 "), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_wire_that_closes_every_input_loses_none, teardown),
        cmocka_unit_test_teardown(more_inputs_than_there_can_be_are_refused, teardown),
        cmocka_unit_test_teardown(two_presses_in_one_millisecond_are_two, teardown),
        cmocka_unit_test_teardown(numbers_that_are_none_are_refused, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
