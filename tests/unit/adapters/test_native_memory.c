/* test_native_memory.c - a port's memory of its native devices: found again, bounded, the oldest forgotten. */
#include "unit/sentences.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapters/native_memory.h"

static struct native_device *of(struct native_memory *memory, unsigned number, int64_t mono_ms)
{
    char key[32];
    snprintf(key, sizeof key, "knapp-%u", number);
    return native_device(memory, slice_str(key), (struct now){0, mono_ms});
}

static void device_is_found_again(void **state)
{
    struct native_memory *memory = calloc(1, sizeof *memory);
    (void)state;
    assert_non_null(memory);
    of(memory, 1, 10)->sequence = 41;
    of(memory, 2, 20)->sequence = 7;
    assert_true(of(memory, 1, 30)->sequence == 41);
    assert_true(of(memory, 2, 40)->sequence == 7);
    free(memory);
}

static void five_thousand_devices_stand_side_by_side(void **state)
{
    struct native_memory *memory = calloc(1, sizeof *memory);
    size_t forgotten = 0;
    (void)state;
    assert_non_null(memory);
    for (unsigned i = 0; i < 5000; i++) {
        of(memory, i, i + 1)->sequence = i + 1;
    }
    for (unsigned i = 0; i < 5000; i++) {
        forgotten += of(memory, i, 10000)->sequence != i + 1;
    }
    assert_true(forgotten <= 500);
    free(memory);
}

static void full_row_forgets_who_was_silent_longest(void **state)
{
    struct native_memory *memory = calloc(1, sizeof *memory);
    unsigned numbers[NATIVE_PLACES + 1];
    size_t count = 0;
    (void)state;
    assert_non_null(memory);
    for (unsigned i = 0; count < NATIVE_PLACES + 1; i++) { /* all of one row */
        char key[32];
        snprintf(key, sizeof key, "knapp-%u", i);
        if (native_number(slice_str(key)) % NATIVE_ROWS == 5) {
            numbers[count++] = i;
        }
    }
    for (size_t i = 0; i < NATIVE_PLACES; i++) {
        of(memory, numbers[i], (int64_t)i + 1)->sequence = i + 1;
    }
    (void)of(memory, numbers[0], 50); /* heard again: now the second is the oldest */
    of(memory, numbers[NATIVE_PLACES], 60)->sequence = 99;
    assert_true(of(memory, numbers[0], 70)->sequence == 1);
    assert_true(of(memory, numbers[NATIVE_PLACES], 70)->sequence == 99);
    assert_true(of(memory, numbers[1], 80)->sequence == 0);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(device_is_found_again),
        cmocka_unit_test(five_thousand_devices_stand_side_by_side),
        cmocka_unit_test(full_row_forgets_who_was_silent_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
