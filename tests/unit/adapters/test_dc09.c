/* test_dc09.c - what a recorded conversation cannot show of the DC-09 adapter: floods, and what a session
 * weighs. */
#include <stdlib.h>
#include <string.h>

#include "adapters/adapter.h"
#include "unit/sentences.h"
#include "wire/dc09.h"

enum { FLOOD = 200, PENDING = 128 };

struct port {
    const struct adapter *adapter;
    void *session;
    struct outbox out;
    struct now now;
};

static void open_port(struct port *p)
{
    struct adapter_options options = {{"lenient", "40", "20"}};
    *p = (struct port){.adapter = adapter_find(slice_str("dc09")),
                       .now = {.wall_ms = 1795600800000, .mono_ms = 1000}};
    p->session = calloc(1, p->adapter->session_size);
    assert_non_null(p->session);
    outbox_clear(&p->out);
    assert_int_equal(p->adapter->open(p->session, &options, false, p->now, &p->out), ERR_OK);
}

/* One datagram of a panel of its own; the tag of its alarm. */
static uint32_t say(struct port *p, unsigned seq)
{
    uint8_t bytes[256];
    struct buf b = buf_of(bytes, sizeof bytes);
    struct dc09_frame f = {.token = slice_str("ADM-CID"),
                           .seq = seq,
                           .line = slice_str("0"),
                           .account = slice_str("1234"),
                           .data = slice_str("#1234|1101 00 001")};
    assert_int_equal(dc09_encode(&f, slice_of(NULL, 0), &b), ERR_OK);
    struct adapter_input in = {
        .bytes = buf_slice(&b), .peer = slice_str("192.0.2.1:5000"), .port = "p"};
    outbox_clear(&p->out);
    assert_int_equal(p->adapter->input(p->session, &in, p->now, &p->out).err, ERR_OK);
    for (size_t i = 0; i < p->out.count; i++) {
        if (p->out.items[i].type == OUT_RAISE) {
            return p->out.items[i].tag;
        }
    }
    fail_msg("nothing was raised");
    return 0;
}

/* True when the panel was answered. */
static bool store(struct port *p, uint32_t tag)
{
    struct adapter_receipt receipt = {.tag = tag, .result = ERR_OK};
    outbox_clear(&p->out);
    p->adapter->stored(p->session, &receipt, p->now, &p->out);
    return p->out.count == 1 && p->out.items[0].type == OUT_SEND;
}

static void flood_is_raised_whole_and_answered_as_far_as_there_is_room(void **state)
{
    (void)state;
    struct port p;
    uint32_t tags[FLOOD];
    size_t answered = 0;
    open_port(&p);
    for (unsigned i = 0; i < FLOOD; i++) {
        tags[i] = say(&p, i + 1);
    }
    for (unsigned i = 0; i < FLOOD; i++) {
        answered += store(&p, tags[i]);
    }
    assert_int_equal(answered, PENDING);
    assert_true(store(&p, say(&p, FLOOD))); /* the repetition finds room again */
    free(p.session);
}

static void one_receipt_gives_one_answer(void **state)
{
    (void)state;
    struct port p;
    open_port(&p);
    uint32_t tag = say(&p, 1);
    assert_false(store(&p, tag + 1));
    assert_true(store(&p, tag));
    assert_false(store(&p, tag));
    free(p.session);
}

/* Thousands of panels may keep a connection each. What only a flood uses comes last and stays untouched:
 * memory that nobody writes to costs a panel nothing. */
static void quiet_session_touches_little_memory(void **state)
{
    (void)state;
    struct port p;
    open_port(&p);
    (void)store(&p, say(&p, 1));
    const uint8_t *bytes = p.session;
    size_t last = p.adapter->session_size;
    while (last > 0 && bytes[last - 1] == 0) {
        last--;
    }
    assert_true(last < 4096);
    free(p.session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flood_is_raised_whole_and_answered_as_far_as_there_is_room),
        cmocka_unit_test(one_receipt_gives_one_answer),
        cmocka_unit_test(quiet_session_touches_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
