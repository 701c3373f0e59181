/* test_lorawan_memory.c - what a port remembers of its devices, and what it forgets. */
#include "unit/sentences.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapters/lorawan_memory.h"

enum { AGAIN_MS = 60000 };

static struct lorawan_memory *memory;

static int set_up(void **state)
{
    (void)state;
    memory = calloc(1, sizeof *memory);
    return memory == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

static struct now at(int64_t mono_ms)
{
    return (struct now){.wall_ms = 1767355200000 + mono_ms, .mono_ms = mono_ms};
}

static enum lorawan_frame_is follow(struct lorawan_device *d, uint32_t f_cnt, uint8_t content,
                                    int64_t mono_ms)
{
    struct lora_uplink up = {
        .f_cnt = f_cnt, .f_port = 85, .payload = {content}, .payload_len = 1, .dev_addr = "00A"};
    return lorawan_follow(d, &up, at(mono_ms));
}

static bool is_news(struct lorawan_device *d, enum lora_what what, bool is_raised, bool is_event,
                    int64_t mono_ms)
{
    const struct lora_reading r = {.what = what, .value = is_raised, .is_event = is_event};
    return lorawan_is_news(d, &r, is_raised, what == LORA_DOOR, AGAIN_MS, at(mono_ms));
}

static void the_same_frame_is_known(void **state)
{
    (void)state;
    struct lorawan_device *d = lorawan_device(memory, slice_str("A"), at(0));
    assert_int_equal(follow(d, 1, 7, 0), LORAWAN_GAP);
    assert_int_equal(follow(d, 1, 7, LORAWAN_SAME_MS), LORAWAN_SAME); /* repeated by the device */
    assert_int_equal(follow(d, 1, 7, LORAWAN_SAME_MS + 1), LORAWAN_REPEATED);
    assert_int_equal(follow(d, 2, 8, LORAWAN_SAME_MS + 2), LORAWAN_NEXT);
    assert_int_equal(follow(d, 1, 7, LORAWAN_CLOSE_MS), LORAWAN_SAME); /* a slow gateway */
    assert_int_equal(follow(d, 1, 7, 3 * LORAWAN_SAME_MS), LORAWAN_BACK);
}

static void an_echo_is_known_by_the_networks_time(void **state)
{
    (void)state;
    struct lorawan_device *d = lorawan_device(memory, slice_str("A"), at(0));
    struct lora_uplink up = {.f_cnt = 1, .received_ms = 1767355200000, .dev_addr = "00A"};
    assert_int_equal(lorawan_follow(d, &up, at(0)), LORAWAN_GAP);
    assert_int_equal(lorawan_follow(d, &up, at(3600000)), LORAWAN_SAME);
    up.received_ms += LORAWAN_CLOSE_MS + 1;
    assert_int_equal(lorawan_follow(d, &up, at(3600000)), LORAWAN_REPEATED);
}

static void the_counter_is_followed(void **state)
{
    (void)state;
    struct lorawan_device *d = lorawan_device(memory, slice_str("A"), at(0));
    assert_int_equal(follow(d, UINT32_MAX, 0, 0), LORAWAN_GAP);
    assert_int_equal(follow(d, 0, 1, 1), LORAWAN_NEXT); /* it goes round */
    assert_int_equal(follow(d, 0, 2, 2), LORAWAN_REPEATED);
    assert_int_equal(follow(d, 5, 3, 3), LORAWAN_GAP);
    assert_int_equal(follow(d, 4, 4, 4), LORAWAN_BACK);
    lorawan_new_session(d);
    assert_int_equal(follow(d, 4, 4, 5), LORAWAN_GAP);
}

static void a_state_is_told_once_and_again_after_a_time(void **state)
{
    (void)state;
    struct lorawan_device *d = lorawan_device(memory, slice_str("A"), at(0));
    assert_true(is_news(d, LORA_DOOR, true, false, 0));
    assert_false(is_news(d, LORA_DOOR, true, false, AGAIN_MS - 1));
    assert_true(is_news(d, LORA_DOOR, true, false, AGAIN_MS));
    assert_true(is_news(d, LORA_DOOR, false, false, AGAIN_MS + 1));
    assert_false(is_news(d, LORA_DOOR, false, false, AGAIN_MS + 2));
    assert_true(is_news(d, LORA_DOOR, true, false, AGAIN_MS + 3));
}

static void an_event_always_counts_and_a_state_does_not_end_it(void **state)
{
    (void)state;
    struct lorawan_device *d = lorawan_device(memory, slice_str("A"), at(0));
    assert_true(is_news(d, LORA_FALL, true, true, 0));
    assert_true(is_news(d, LORA_FALL, true, true, 1));
    assert_false(is_news(d, LORA_FALL, true, false, 2));
    assert_false(is_news(d, LORA_FALL, false, false, 3));
    assert_true(is_news(d, LORA_FALL, false, true, 4));
    assert_false(is_news(d, LORA_FALL, false, false, 5));
}

static void a_gap_makes_a_persons_state_unknown_and_no_battery(void **state)
{
    (void)state;
    struct lorawan_device *d = lorawan_device(memory, slice_str("A"), at(0));
    assert_int_equal(follow(d, 1, 1, 0), LORAWAN_GAP);
    assert_true(is_news(d, LORA_BED, true, false, 0));
    assert_true(is_news(d, LORA_BATTERY, true, false, 0));
    assert_int_equal(follow(d, 2, 2, 1), LORAWAN_NEXT);
    assert_false(is_news(d, LORA_BED, true, false, 1));
    assert_int_equal(follow(d, 4, 4, 2), LORAWAN_GAP);
    assert_true(is_news(d, LORA_BED, true, false, 2));
    assert_false(is_news(d, LORA_BATTERY, true, false, 2));
}

static void what_is_forgotten_is_told_again(void **state)
{
    (void)state;
    struct lorawan_device *d = lorawan_device(memory, slice_str("A"), at(0));
    assert_true(is_news(d, LORA_DOOR, true, false, 0));
    lorawan_forget(memory, slice_str("A"));
    lorawan_forget(memory, slice_str("never heard of"));
    d = lorawan_device(memory, slice_str("A"), at(1));
    assert_true(is_news(d, LORA_DOOR, true, false, 1));
}

static void the_longest_silent_gives_way(void **state)
{
    (void)state;
    struct lorawan_device *first = lorawan_device(memory, slice_str("first"), at(0));
    assert_true(is_news(first, LORA_DOOR, true, false, 0));
    for (int i = 1; i <= 5000; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        struct lorawan_device *d = lorawan_device(memory, slice_str(key), at(i));
        assert_ptr_not_equal(d, first);
        assert_ptr_equal(lorawan_device(memory, slice_str(key), at(i)), d);
    }
    assert_ptr_equal(lorawan_device(memory, slice_str("first"), at(5001)), first);
    assert_false(is_news(first, LORA_DOOR, true, false, 5001));
    for (int i = 5002; i < 5002 + 4 * LORAWAN_ROWS * LORAWAN_PLACES; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        (void)lorawan_device(memory, slice_str(key), at(i));
    }
    first = lorawan_device(memory, slice_str("first"), at(100000));
    assert_true(is_news(first, LORA_DOOR, true, false, 100000)); /* forgotten: told once more */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_frame_is_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_echo_is_known_by_the_networks_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_counter_is_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_state_is_told_once_and_again_after_a_time, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_event_always_counts_and_a_state_does_not_end_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_gap_makes_a_persons_state_unknown_and_no_battery, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_forgotten_is_told_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_longest_silent_gives_way, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
