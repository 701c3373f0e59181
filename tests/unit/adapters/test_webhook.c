/* test_webhook.c - what the recorded conversations do not show: many that wait, and answers that never come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/adapter.h"

enum { MANY = 256 };

static struct outbox out;
static const struct adapter *webhook;
static void *session;
static struct now now = {.wall_ms = 1795600800000, .mono_ms = 1000000};

/* The presets, but for `auth`. */
static int setup(void **state)
{
    static struct adapter_options options;
    (void)state;
    webhook = adapter_find(slice_str("webhook"));
    for (size_t i = 0; webhook->options[i].name != NULL; i++) {
        options.values[i] = webhook->options[i].preset;
    }
    options.values[0] = "none";
    session = calloc(1, webhook->session_size);
    outbox_clear(&out);
    return webhook->open(session, &options, false, now, &out) == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(session);
    return 0;
}

/* The status that is answered at once; 0: it waits for the journal. */
static int post(uint64_t exchange, const char *event)
{
    char body[128];
    (void)snprintf(body, sizeof body, "{\"device\":\"D1\",\"event\":\"%s\",\"id\":%d}", event,
                   (int)exchange);
    struct adapter_input in = {.bytes = slice_str(body), .exchange = exchange, .port = "gps"};
    outbox_clear(&out);
    (void)webhook->input(session, &in, now, &out);
    assert_false(out.is_full);
    for (size_t i = 0; i < out.count; i++) {
        if (out.items[i].type == OUT_ANSWER) {
            assert_int_equal(out.items[i].exchange, exchange);
            return out.items[i].status;
        }
    }
    return 0;
}

static void receipt(uint32_t tag, enum err err)
{
    struct adapter_receipt given = {.tag = tag, .result = err};
    outbox_clear(&out);
    webhook->stored(session, &given, now, &out);
}

static void nothing_is_answered_before_the_journal_and_each_gets_its_own(void **state)
{
    (void)state;
    uint32_t tags[3];
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(post(100 + i, "help"), 0);
        assert_int_equal(out.items[0].type, OUT_RAISE);
        tags[i] = out.items[0].tag;
    }
    for (size_t i = 3; i-- > 0;) { /* in whatever order the journal speaks */
        receipt(tags[i], i == 1 ? ERR_IO : ERR_OK);
        assert_int_equal(out.count, 1);
        assert_int_equal(out.items[0].exchange, 100 + i);
        assert_int_equal(out.items[0].status, i == 1 ? 503 : 200);
    }
    receipt(tags[0], ERR_OK); /* once */
    assert_int_equal(out.count, 0);
}

static void a_heartbeat_waits_for_the_journal_too(void **state)
{
    (void)state;
    assert_int_equal(post(7, "heartbeat"), 0);
    assert_int_equal(out.items[0].type, OUT_ALIVE);
    receipt(out.items[0].tag, ERR_OK);
    assert_int_equal(out.items[0].status, 200);
}

static void places_of_answers_that_never_come_are_free_again(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= MANY; i++) {
        assert_int_equal(post(i, "help"), 0);
    }
    assert_int_equal(post(MANY + 1, "help"), 503);
    assert_int_equal(out.alarm_count, 0);
    now.mono_ms += 61000;
    assert_int_equal(post(MANY + 2, "help"), 0);
    uint32_t tag = out.items[0].tag;
    receipt(1, ERR_OK); /* the first one's, far too late: its place is another's */
    assert_int_equal(out.count, 0);
    receipt(tag, ERR_OK);
    assert_int_equal(out.items[0].exchange, MANY + 2);
}

static void options_that_cannot_work_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
    } bad[] = {{"device", ""}, {"device", "$.a["}, {"code", "$..x"}, {"kinds", "sos=panic"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct adapter_options options = {0};
        void *other = calloc(1, webhook->session_size);
        for (size_t k = 0; webhook->options[k].name != NULL; k++) {
            bool is_it = strcmp(webhook->options[k].name, bad[i].name) == 0;
            options.values[k] = is_it ? bad[i].value : webhook->options[k].preset;
        }
        outbox_clear(&out);
        assert_int_equal(webhook->open(other, &options, false, now, &out), ERR_RANGE);
        assert_int_equal(out.items[0].type, OUT_NOTE);
        free(other);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(nothing_is_answered_before_the_journal_and_each_gets_its_own),
        CASE(a_heartbeat_waits_for_the_journal_too),
        CASE(places_of_answers_that_never_come_are_free_again),
        CASE(options_that_cannot_work_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
