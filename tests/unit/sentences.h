/* sentences.h - what every cmocka test of the house includes, in the order that cmocka wants. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/bytes.h"

#define assert_text(actual, expected) assert_string_equal((actual), (expected))
#define assert_slice(actual, expected)                                                             \
    do {                                                                                           \
        struct slice a_ = (actual);                                                                \
        struct slice b_ = slice_str(expected);                                                     \
        assert_int_equal(a_.len, b_.len);                                                          \
        if (b_.len > 0) {                                                                          \
            assert_memory_equal(a_.at, b_.at, b_.len);                                             \
        }                                                                                          \
    } while (0)
