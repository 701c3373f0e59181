/* test_sender.c - the portable sender: what it says is what the gateway reads, and a power cut between any
 * two of its acts loses no alarm and uses no number twice.
 */
#include "unit/sentences.h"

#include "base/crypt.h"
#include "reference/samlarm_sender.h"
#include "wire/device.h"

#include <string.h>

enum { SLOTS = SAMLARM_PENDING_MAX + 1, SENT_MAX = 256 };

/* A device and its world: the store outlives a power cut, the rest does not. */
struct world {
    uint8_t store[SLOTS][SAMLARM_SLOT_BYTES];
    int is_written[SLOTS];
    int acts_left; /* acts until the power goes; -1: it stays */
    int is_dead;
    int refuses_saves;
    uint64_t now_ms;
    uint8_t seed[ED25519_SEED_LEN];
    uint8_t key[ED25519_KEY_LEN];
    /* what the gateway has seen */
    struct {
        uint64_t sequence;
        uint64_t boot;
        int64_t time_ms;
        char text[SAMLARM_TEXT_ROOM];
    } sent[SENT_MAX];
    size_t sent_count;
    size_t heartbeats;
};
static struct world w;

static int act(void)
{
    if (w.acts_left == 0) {
        w.is_dead = 1;
    }
    w.acts_left -= w.acts_left > 0;
    return w.is_dead;
}

static int do_load(void *context, unsigned slot, uint8_t *bytes, size_t len)
{
    (void)context;
    assert_true(slot < SLOTS && len <= SAMLARM_SLOT_BYTES);
    memcpy(bytes, w.store[slot], len);
    return !w.is_written[slot];
}

static int do_save(void *context, unsigned slot, const uint8_t *bytes, size_t len)
{
    (void)context;
    assert_true(slot < SLOTS && len <= SAMLARM_SLOT_BYTES);
    if (act() || w.refuses_saves) {
        return -1;
    }
    memcpy(w.store[slot], bytes, len);
    w.is_written[slot] = 1;
    return 0;
}

static uint64_t do_now(void *context)
{
    (void)context;
    return w.now_ms;
}

static int64_t do_wall(void *context)
{
    (void)context;
    return 1795600800000 + (int64_t)w.now_ms;
}

static uint32_t do_random(void *context)
{
    (void)context;
    return 12345;
}

static void do_sign(void *context, const uint8_t *bytes, size_t len, uint8_t *signature)
{
    (void)context;
    ed25519_sign(w.seed, slice_of(bytes, len), w.key, signature);
}

/* The gateway reads it with its own grammar. A repetition is the same bytes. */
static int do_send(void *context, const uint8_t *bytes, size_t len)
{
    uint8_t memory[DEVICE_ARENA];
    struct arena arena = arena_of(memory, sizeof memory);
    struct device_envelope envelope;
    struct device_message m;
    (void)context;
    if (act()) {
        return -1;
    }
    assert_true(len <= SAMLARM_MESSAGE_MAX);
    assert_int_equal(device_envelope_parse(slice_of(bytes, len), &arena, &envelope), ERR_OK);
    assert_true(device_is_signed(&envelope, slice_of(w.key, sizeof w.key)));
    assert_int_equal(device_message_parse(envelope.body, &arena, &m), ERR_OK);
    assert_true(slice_eq_str(m.device, "knapp-1"));
    if (m.is_heartbeat) {
        w.heartbeats++;
        return 0;
    }
    for (size_t i = 0; i < w.sent_count; i++) { /* a number that was used means the same for ever */
        if (w.sent[i].sequence == m.sequence) {
            assert_true(slice_eq_str(m.text, w.sent[i].text));
            assert_true(w.sent[i].boot == m.boot);
            assert_true(w.sent[i].time_ms == m.time_ms);
            return 0;
        }
    }
    assert_true(w.sent_count < SENT_MAX);
    w.sent[w.sent_count].sequence = m.sequence;
    w.sent[w.sent_count].boot = m.boot;
    w.sent[w.sent_count].time_ms = m.time_ms;
    assert_int_equal(slice_text(m.text, w.sent[w.sent_count].text, SAMLARM_TEXT_ROOM), ERR_OK);
    w.sent_count++;
    return 0;
}

static const struct samlarm_port port = {.send = do_send,
                                         .load = do_load,
                                         .save = do_save,
                                         .now_ms = do_now,
                                         .wall_ms = do_wall,
                                         .random = do_random,
                                         .sign = do_sign};

static void power_on(struct samlarm_sender *s)
{
    w.is_dead = 0;
    w.now_ms = 0;
    (void)samlarm_begin(s, &port, "knapp-1", 60);
}

static void press(struct samlarm_sender *s, const char *text)
{
    struct samlarm_alarm alarm = {.kind = SAMLARM_HELP, .phase = SAMLARM_RAISED};
    strncpy(alarm.text, text, sizeof alarm.text - 1);
    if (!w.is_dead) {
        (void)samlarm_raise(s, &alarm);
    }
}

static void receipt_knowing(struct samlarm_sender *s, uint64_t boot, uint64_t sequence,
                            enum device_result result, uint64_t known)
{
    uint8_t bytes[128];
    struct buf b = buf_of(bytes, sizeof bytes);
    struct device_receipt r = {slice_str("knapp-1"), boot, sequence, result, 1795600800000, known};
    device_receipt_encode(&r, &b);
    if (!w.is_dead) {
        assert_int_equal(samlarm_heard(s, b.at, b.len), 1);
    }
}

static void receipt(struct samlarm_sender *s, uint64_t boot, uint64_t sequence,
                    enum device_result result)
{
    receipt_knowing(s, boot, sequence, result, 0);
}

static void pass(struct samlarm_sender *s, uint64_t ms)
{
    uint64_t end_ms = w.now_ms + ms;
    while (w.now_ms < end_ms && !w.is_dead) {
        uint32_t wait_ms = samlarm_tick(s);
        w.now_ms += wait_ms == 0 ? 1 : wait_ms;
    }
}

static int begin(void **state)
{
    uint8_t mark[ED25519_SIGNATURE_LEN];
    (void)state;
    memset(&w, 0, sizeof w);
    w.acts_left = -1;
    ed25519_sign(w.seed, slice_str("x"), w.key, mark);
    return 0;
}

static void alarm_is_said_until_its_receipt_has_come(void **state)
{
    struct samlarm_sender s;
    (void)state;
    power_on(&s);
    press(&s, "Knapp");
    assert_int_equal(w.sent_count, 1);
    pass(&s, 20000);
    assert_int_equal(samlarm_waiting(&s), 1);
    receipt(&s, w.sent[0].boot, w.sent[0].sequence, DEVICE_RESULT_NOT_STORED);
    assert_int_equal(samlarm_waiting(&s), 1);
    receipt(&s, w.sent[0].boot, w.sent[0].sequence + 1, DEVICE_RESULT_STORED);
    assert_int_equal(samlarm_waiting(&s), 1);
    receipt(&s, w.sent[0].boot, w.sent[0].sequence, DEVICE_RESULT_STORED);
    assert_int_equal(samlarm_waiting(&s), 0);
}

static void heartbeats_come_once_an_interval(void **state)
{
    struct samlarm_sender s;
    (void)state;
    power_on(&s);
    pass(&s, 600000);
    assert_in_range(w.heartbeats, 10, 11);
}

static void too_old_is_said_again_under_a_new_number(void **state)
{
    struct samlarm_sender s;
    (void)state;
    power_on(&s);
    press(&s, "Knapp");
    receipt(&s, w.sent[0].boot, w.sent[0].sequence, DEVICE_RESULT_TOO_OLD);
    pass(&s, 2000);
    assert_int_equal(w.sent_count, 2);
    assert_true(w.sent[1].sequence > w.sent[0].sequence);
    assert_string_equal(w.sent[1].text, "Knapp");
}

static void wiped_store_goes_on_above_what_the_gateway_knows(void **state)
{
    struct samlarm_sender s;
    (void)state;
    power_on(&s);
    press(&s, "Knapp");
    receipt_knowing(&s, w.sent[0].boot, w.sent[0].sequence, DEVICE_RESULT_TOO_OLD, 1000000);
    (void)samlarm_tick(&s);
    assert_int_equal(w.sent_count, 2);
    assert_true(w.sent[1].sequence > 1000000);
    assert_string_equal(w.sent[1].text, "Knapp");
    receipt(&s, w.sent[1].boot, w.sent[1].sequence, DEVICE_RESULT_STORED);
    assert_int_equal(samlarm_waiting(&s), 0);
    power_on(&s); /* and it stays above over the next loss of power */
    press(&s, "igen");
    assert_true(w.sent[2].sequence > w.sent[1].sequence);
}

static void heartbeat_that_is_too_old_sets_the_count_right(void **state)
{
    struct samlarm_sender s;
    (void)state;
    power_on(&s);
    (void)samlarm_tick(&s);
    assert_int_equal(w.heartbeats, 1);
    receipt_knowing(&s, s.boot, s.beat_sequence, DEVICE_RESULT_TOO_OLD, 5000);
    press(&s, "Knapp");
    assert_true(w.sent[0].sequence > 5000);
}

static void gateway_that_knows_the_absurd_is_not_followed(void **state)
{
    struct samlarm_sender s;
    (void)state;
    power_on(&s);
    press(&s, "Knapp");
    receipt_knowing(&s, w.sent[0].boot, w.sent[0].sequence, DEVICE_RESULT_TOO_OLD, UINT64_MAX);
    (void)samlarm_tick(&s);
    assert_int_equal(w.sent_count, 2);
    assert_true(w.sent[1].sequence < 100);
}

/* begin, three presses, one receipt, a restart by itself, one more press */
static void day(struct samlarm_sender *s)
{
    power_on(s);
    press(s, "a");
    press(s, "b");
    if (!w.is_dead) {
        receipt(s, w.sent[0].boot, w.sent[0].sequence, DEVICE_RESULT_STORED);
    }
    press(s, "c");
    pass(s, 5000);
    if (!w.is_dead) {
        power_on(s);
        press(s, "d");
    }
}

static void power_cut_between_any_two_acts_loses_nothing_that_was_stored_or_sent(void **state)
{
    (void)state;
    for (int cut = 0; cut < 80; cut++) {
        struct samlarm_sender s;
        (void)begin(NULL);
        w.acts_left = cut;
        day(&s);
        w.acts_left = -1;
        size_t stored = 0;
        for (size_t i = 1; i < SLOTS; i++) {
            stored += w.is_written[i] && w.store[i][0] != 0;
        }
        size_t before = w.sent_count;
        power_on(&s);
        assert_int_equal(samlarm_waiting(&s), stored);
        pass(&s, 3000);
        for (size_t i = 0; i < w.sent_count; i++) { /* the gateway has them all now */
            receipt(&s, w.sent[i].boot, w.sent[i].sequence, DEVICE_RESULT_STORED);
        }
        assert_int_equal(samlarm_waiting(&s), 0);
        assert_true(w.sent_count >= before);
        press(&s, "after");
        assert_string_equal(w.sent[w.sent_count - 1].text, "after");
        for (size_t i = 0; i + 1 < w.sent_count; i++) {
            assert_true(w.sent[i].sequence != w.sent[w.sent_count - 1].sequence);
        }
    }
}

static void store_that_takes_nothing_stops_no_alarm(void **state)
{
    struct samlarm_sender s;
    (void)state;
    w.refuses_saves = 1;
    power_on(&s);
    for (int i = 0; i < 200; i++) {
        char text[8] = {(char)('a' + i % 26), (char)('a' + i / 26), '\0'};
        press(&s, text);
        receipt(&s, w.sent[w.sent_count - 1].boot, w.sent[w.sent_count - 1].sequence,
                DEVICE_RESULT_STORED);
    }
    assert_int_equal(w.sent_count, 200);
}

static void ninth_alarm_takes_the_place_of_a_fault_first(void **state)
{
    struct samlarm_sender s;
    struct samlarm_alarm fault = {.kind = SAMLARM_BATTERY_LOW, .phase = SAMLARM_RAISED};
    (void)state;
    power_on(&s);
    press(&s, "first");
    (void)samlarm_raise(&s, &fault);
    for (int i = 0; i < 7; i++) {
        press(&s, "more");
    }
    assert_int_equal(samlarm_waiting(&s), SAMLARM_PENDING_MAX);
    receipt(&s, w.sent[0].boot, w.sent[0].sequence, DEVICE_RESULT_STORED);
    assert_int_equal(samlarm_waiting(&s), SAMLARM_PENDING_MAX - 1); /* the press was still there */
}

static void noise_on_the_down_topic_is_harmless(void **state)
{
    struct samlarm_sender s;
    uint8_t bytes[64];
    (void)state;
    power_on(&s);
    press(&s, "Knapp");
    for (unsigned seed = 1; seed < 20000; seed++) {
        uint32_t x = seed * 2654435761u;
        size_t len = x % sizeof bytes;
        for (size_t i = 0; i < len; i++) {
            x = x * 1664525u + 1013904223u;
            bytes[i] = (uint8_t)(x >> 24);
        }
        (void)samlarm_heard(&s, bytes, len);
    }
    assert_int_equal(samlarm_waiting(&s), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin)
    const struct CMUnitTest tests[] = {
        TEST(alarm_is_said_until_its_receipt_has_come),
        TEST(heartbeats_come_once_an_interval),
        TEST(too_old_is_said_again_under_a_new_number),
        TEST(wiped_store_goes_on_above_what_the_gateway_knows),
        TEST(heartbeat_that_is_too_old_sets_the_count_right),
        TEST(gateway_that_knows_the_absurd_is_not_followed),
        TEST(power_cut_between_any_two_acts_loses_nothing_that_was_stored_or_sent),
        TEST(store_that_takes_nothing_stops_no_alarm),
        TEST(ninth_alarm_takes_the_place_of_a_fault_first),
        TEST(noise_on_the_down_topic_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
