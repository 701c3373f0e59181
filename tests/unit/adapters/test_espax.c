/* test_espax.c - what conversations do not reach: many processes at once, and long places for a centre. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/espax_session.h"

static const struct now now = {.wall_ms = 1795363200000, .mono_ms = 1000000};
static struct outbox out;
static uint8_t memory[ESPAX_ARENA];

static void *begin(bool is_dialling)
{
    const struct adapter *a = adapter_find(slice_str("espax"));
    static struct adapter_options options;
    void *session = calloc(1, a->session_size);
    assert_non_null(session);
    for (size_t i = 0; a->options[i].name != NULL; i++) {
        bool is_who = i < 2; /* user, password */
        options.values[i] = is_who ? "gateway1" : a->options[i].preset;
    }
    outbox_clear(&out);
    assert_int_equal(a->open(session, &options, is_dialling, now, &out), ERR_OK);
    return session;
}

static void hear(void *session, struct espax_message *m, const char *invoke)
{
    uint8_t bytes[4096];
    struct buf b = buf_of(bytes, sizeof bytes);
    m->invoke = slice_str(invoke);
    assert_int_equal(espax_encode(m, 0, &b), ERR_OK);
    outbox_clear(&out);
    struct adapter_input in = {.bytes = buf_slice(&b), .port = "t"};
    (void)adapter_find(slice_str("espax"))->input(session, &in, now, &out);
    assert_int_equal(out.consumed, b.len);
    assert_false(out.is_full);
}

static void log_in(void *session)
{
    struct espax_message m = {.type = ESPAX_REQ_LOGIN};
    m.values[ESPAX_LI_USER] = slice_str("gateway1");
    m.values[ESPAX_LI_PASSWORD] = slice_str("gateway1");
    hear(session, &m, "1");
}

static size_t count_sent(enum espax_type type)
{
    size_t count = 0;
    for (size_t i = 0; i < out.count; i++) {
        struct slice document;
        uint32_t number = 0;
        struct espax_message m;
        const char *why = "";
        struct arena arena = arena_of(memory, sizeof memory);
        if (out.items[i].type == OUT_SEND &&
            espax_frame(out.items[i].bytes, &document, &number).err == ERR_OK &&
            espax_parse(document, &arena, &m, &why).err == ERR_OK) {
            count += m.type == type;
        }
    }
    return count;
}

static const struct alarm *raised(uint32_t *ret_tag)
{
    for (size_t i = 0; i < out.count; i++) {
        if (out.items[i].type == OUT_RAISE) {
            *ret_tag = out.items[i].tag;
            return out.items[i].alarm;
        }
    }
    return NULL;
}

static bool has_note(const char *word)
{
    for (size_t i = 0; i < out.count; i++) {
        if (out.items[i].type == OUT_NOTE && slice_starts(out.items[i].bytes, word)) {
            return true;
        }
    }
    return false;
}

/* Starts process number i; the journal takes it when `is_stored`. False: nothing was raised. */
static bool start(void *session, unsigned i, bool is_stored)
{
    char ref[16];
    uint32_t tag = 0;
    struct espax_message m = {.type = ESPAX_REQ_P_START};
    snprintf(ref, sizeof ref, "r%u", i);
    m.values[ESPAX_CP_PR_REF] = slice_str(ref);
    m.values[ESPAX_CP_TEXTMSG] = slice_str("LARM");
    m.values[ESPAX_CP_BED] = slice_str("7");
    hear(session, &m, "2");
    const struct alarm *alarm = raised(&tag);
    if (alarm == NULL) {
        return false;
    }
    if (is_stored) {
        struct alarm copy = *alarm;
        struct adapter_receipt receipt = {.tag = tag, .result = ERR_OK, .alarm = &copy};
        adapter_find(slice_str("espax"))->stored(session, &receipt, now, &out);
        assert_false(out.is_full);
    }
    return true;
}

static void many_processes_never_fill_the_outbox(void **state)
{
    (void)state;
    void *session = begin(false);
    log_in(session);
    for (unsigned i = 0; i < 2 * ESPAX_PROCESSES_MAX; i++) {
        assert_true(start(session, i, true));
        assert_int_equal(has_note("many_processes"), i >= ESPAX_PROCESSES_MAX);
    }
    struct case_value c = {.kind = KIND_HELP, .device = "gateway1/-/7"};
    for (int change = CHANGE_RAISED; change < CHANGE_COUNT; change++) {
        struct adapter_status status = {.change = (enum change)change, .case_ = &c};
        outbox_clear(&out);
        adapter_find(slice_str("espax"))->status(session, &status, now, &out);
        assert_false(out.is_full);
        if (change == CHANGE_ACCEPTED) {
            assert_in_range(count_sent(ESPAX_IND_P_EVENT), 1, ESPAX_PROCESSES_MAX);
        }
    }
    struct espax_message ask = {.type = ESPAX_REQ_P_GETSTAT};
    hear(session, &ask, "3");
    assert_int_equal(count_sent(ESPAX_RSP_P_GETSTAT), 1);
    free(session);
}

/* A journal that stands still: what does not fit is refused, so that the client starts it again. */
static void what_waits_for_the_journal_has_a_ceiling(void **state)
{
    (void)state;
    void *session = begin(false);
    log_in(session);
    for (unsigned i = 0; i < ESPAX_PENDING_MAX; i++) {
        assert_true(start(session, i, false));
        assert_int_equal(count_sent(ESPAX_RSP_P_START), 0);
    }
    assert_false(start(session, 1000, false));
    assert_int_equal(count_sent(ESPAX_RSP_P_START), 1);
    free(session);
}

static void place_that_is_too_long_is_cut_between_characters(void **state)
{
    (void)state;
    void *session = begin(true);
    struct espax_message let_in = {.type = ESPAX_RSP_LOGIN, .session = slice_str("s")};
    let_in.values[ESPAX_RSP_CODE] = slice_str("200");
    hear(session, &let_in, "1");
    char place[400];
    for (size_t len = 0; len < sizeof place; len += 2) {
        memset(place, 0, sizeof place);
        for (size_t i = 0; i + 2 <= len; i += 2) {
            memcpy(place + i, "å", 2);
        }
        struct case_value c = {.kind = KIND_FALL};
        struct adapter_delivery delivery = {.case_ = &c, .attempt = 1, .place = place};
        outbox_clear(&out);
        const struct adapter *a = adapter_find(slice_str("espax"));
        assert_int_equal(a->deliver(session, &delivery, now, &out), ERR_OK);
        assert_int_equal(count_sent(ESPAX_REQ_P_START), 1);
    }
    free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_processes_never_fill_the_outbox),
        cmocka_unit_test(what_waits_for_the_journal_has_a_ceiling),
        cmocka_unit_test(place_that_is_too_long_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
