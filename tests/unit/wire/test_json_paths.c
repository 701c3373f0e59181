/* test_json_paths.c - what a path finds, what is no path, and what is no JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "wire/json_paths.h"

static uint8_t memory[4 * JSON_VALUE_MAX + 64];

static void finds(const char *json, const char *path, const char *wanted)
{
    struct arena arena = arena_of(memory, sizeof memory);
    struct slice paths[1] = {slice_str(path)};
    struct slice value;
    size_t at = 0;
    assert_int_equal(json_values(slice_str(json), paths, 1, &arena, &value, &at), ERR_OK);
    if (!slice_eq_str(value, wanted)) {
        print_message("%s of %s is %.*s\n", path, json, (int)value.len, (const char *)value.at);
    }
    assert_true(slice_eq_str(value, wanted));
}

static void a_path_finds_what_it_names(void **state)
{
    (void)state;
    const char *json =
        "{\"a\":{\"b\":[{\"c\":\"x\"},{\"c\":7}],\"t\":true,\"r\":1.5,\"n\":null},\"$\":2}";
    finds(json, "$.a.b[0].c", "x");
    finds(json, "a.b[1].c", "7");
    finds(json, "$.a.t", "true");
    finds(json, "$.a.r", "1.500");
    finds("[[1,2],[3]]", "$[0][1]", "2");
    finds("{\"a\":-3}", "$.a", "-3");
    finds("{\"a\":-0.25}", "$.a", "-0.250");
    finds("{\"a\":-2.5}", "$.a", "-2.500");
    finds("\"alone\"", "$", "alone");
    finds("{\"\xc3\xa5\":\"\xc3\xa4\"}", "$.\xc3\xa5", "\xc3\xa4");
}

static void what_is_not_there_is_empty(void **state)
{
    (void)state;
    const char *json = "{\"a\":{\"b\":[1]},\"n\":null}";
    finds(json, "$.x", "");
    finds(json, "$.a.x.y", "");
    finds(json, "$.a.b[1]", "");
    finds(json, "$.a[0]", "");
    finds(json, "$.a.b.c", "");
    finds(json, "$.a", "");
    finds(json, "$.a.b", "");
    finds(json, "$.n", "");
    finds(json, "", "");
}

static void a_value_that_is_too_long_is_not_cut_in_two(void **state)
{
    (void)state;
    static char json[JSON_VALUE_MAX + 64];
    memset(json, 'x', sizeof json - 1);
    memcpy(json, "{\"a\":\"", 6);
    memcpy(json + sizeof json - 3, "\"}", 2);
    finds(json, "$.a", "");
}

static void paths_are_checked_before_they_are_used(void **state)
{
    (void)state;
    static const char *const good[] = {"", "$", "$.a", "a", "$.a[0]", "$[3].b", "$.a.b-c_d"};
    static const char *const bad[] = {"$.",      "$..a",  "$.a[",   "$.a[x]", "$.a[]",
                                      "$.a[-1]", "$.a[1", "$.a]b[", "$.\xff"};
    char longest[JSON_PATH_MAX + 2];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(json_path_is_good(slice_str(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (json_path_is_good(slice_str(bad[i]))) {
            print_message("%s is no path\n", bad[i]);
        }
        assert_false(json_path_is_good(slice_str(bad[i])));
    }
    memset(longest, 'a', sizeof longest);
    assert_false(json_path_is_good(slice_of(longest, sizeof longest)));
}

static void what_is_no_json_says_where(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "",        "{",  "{\"a\":1,}", "{\"a\":1}x", "{\"a\":\"\xff\"}", "{\"a\":1,\"a\":2}",
        "{'a':1}", "nul"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct arena arena = arena_of(memory, sizeof memory);
        struct slice paths[1] = {slice_str("$.a")};
        struct slice value;
        size_t at = 0;
        assert_int_equal(json_values(slice_str(broken[i]), paths, 1, &arena, &value, &at),
                         ERR_SYNTAX);
        assert_true(at <= strlen(broken[i]));
    }
}

static void every_prefix_is_no_json_and_nothing_is_read_behind_it(void **state)
{
    (void)state;
    static const char json[] = "{\"a\":{\"b\":[true,\"x\"]},\"c\":12}";
    struct slice paths[2] = {slice_str("$.a.b[1]"), slice_str("$.c")};
    for (size_t len = 0; len < sizeof json - 1; len++) {
        char *exact = malloc(len == 0 ? 1 : len);
        struct arena arena = arena_of(memory, sizeof memory);
        struct slice values[2];
        size_t at = 0;
        assert_non_null(exact);
        memcpy(exact, json, len);
        assert_int_equal(json_values(slice_of(exact, len), paths, 2, &arena, values, &at),
                         ERR_SYNTAX);
        free(exact);
    }
}

static void a_document_that_goes_too_deep_is_refused(void **state)
{
    (void)state;
    static char deep[8192];
    memset(deep, '[', sizeof deep);
    struct arena arena = arena_of(memory, sizeof memory);
    struct slice paths[1] = {slice_str("$.a")};
    struct slice value;
    size_t at = 0;
    assert_int_equal(json_values(slice_of(deep, sizeof deep), paths, 1, &arena, &value, &at),
                     ERR_SYNTAX);
}

static void an_arena_that_is_too_small_is_told(void **state)
{
    (void)state;
    struct arena arena = arena_of(memory, JSON_VALUE_MAX);
    struct slice paths[2] = {slice_str("$.a"), slice_str("$.b")};
    struct slice values[2];
    size_t at = 0;
    assert_int_equal(json_values(slice_str("{}"), paths, 2, &arena, values, &at), ERR_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_finds_what_it_names),
        cmocka_unit_test(what_is_not_there_is_empty),
        cmocka_unit_test(a_value_that_is_too_long_is_not_cut_in_two),
        cmocka_unit_test(paths_are_checked_before_they_are_used),
        cmocka_unit_test(what_is_no_json_says_where),
        cmocka_unit_test(every_prefix_is_no_json_and_nothing_is_read_behind_it),
        cmocka_unit_test(a_document_that_goes_too_deep_is_refused),
        cmocka_unit_test(an_arena_that_is_too_small_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
