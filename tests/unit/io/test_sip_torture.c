/* test_sip_torture.c - the 49 messages of RFC 4475 over UDP and over TCP: each gets an answer that
 * cases.json allows, and the next good alarm gets through.
 */
#include "unit/io/sip_bench.h"

#include <jansson.h>

enum { SILENCE_MS = 60, FILE_ROOM = 65536 };

static size_t read_file(const char *name, char *ret_bytes)
{
    char path[512];
    snprintf(path, sizeof path, TESTS_DIR "/fixtures/sip-torture/%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(ret_bytes, 1, FILE_ROOM, file);
    fclose(file);
    return len;
}

static bool matches(const char *rule, int status)
{
    if (strcmp(rule, "any") == 0) {
        return true;
    }
    if (strcmp(rule, "none") == 0) {
        return status == 0;
    }
    if (rule[0] != '\0' && strcmp(rule + 1, "xx") == 0) {
        return status / 100 == rule[0] - '0';
    }
    return status == (int)strtol(rule, NULL, 10);
}

static bool is_allowed(const json_t *rules, int status)
{
    bool has_positive = false;
    bool is_named = false;
    size_t i;
    json_t *rule;
    json_array_foreach(rules, i, rule)
    {
        const char *text = json_string_value(rule);
        assert_non_null(text);
        if (text[0] == '!') {
            if (matches(text + 1, status)) {
                return false;
            }
            continue;
        }
        has_positive = true;
        is_named = is_named || matches(text, status);
    }
    return has_positive ? is_named : status != 0;
}

static void send_good(struct sip_bench *bench, int fd, int number)
{
    char text[2048];
    char answer[8192];
    char branch[32];
    int before = bench->messages;
    snprintf(branch, sizeof branch, "z9hG4bKgood%d", number);
    size_t len = bench_message(text, sizeof text, branch, 1, "", "<mrq/>");
    bench_send(fd, text, len);
    do {
        assert_true(bench_receive(bench, fd, answer, sizeof answer, 3000) > 0);
    } while (strstr(answer, branch) == NULL);
    assert_non_null(strstr(answer, "SIP/2.0 200 OK\r\n"));
    assert_int_equal(bench->messages, before + 1);
}

static void torture(bool is_udp)
{
    json_error_t error;
    json_t *cases = json_load_file(TESTS_DIR "/fixtures/sip-torture/cases.json", 0, &error);
    assert_non_null(cases);
    assert_int_equal(json_array_size(cases), 49);
    static char bytes[FILE_ROOM];
    static char answer[FILE_ROOM];
    struct sip_bench bench = {0};
    bench_open(&bench, bench_both());
    int wrong = 0;
    size_t i;
    json_t *one;
    json_array_foreach(cases, i, one)
    {
        const char *name = json_string_value(json_object_get(one, "file"));
        const json_t *rules = json_object_get(one, "allowed");
        size_t len = read_file(name, bytes);
        assert_int_equal(len, json_integer_value(json_object_get(one, "bytes")));
        int fd = bench_client(&bench, is_udp);
        bench_send(fd, bytes, len);
        /* Where silence is allowed it may be what we get. */
        int status = 0;
        if (bench_receive(&bench, fd, answer, sizeof answer, SILENCE_MS) > 0) {
            status = bench_status(answer);
            assert_true(status >= 200);
        }
        if (is_udp && status == 400) {
            assert_true(strlen(answer) <= len);
        }
        bool is_clerr_on_tcp = !is_udp && strcmp(name, "clerr.dat") == 0;
        if (!is_allowed(rules, status) && !is_clerr_on_tcp) {
            print_error("%s over %s: answered %d\n", name, is_udp ? "UDP" : "TCP", status);
            wrong++;
        }
        close(fd);
        int good = bench_client(&bench, is_udp);
        send_good(&bench, good, (int)i);
        close(good);
    }
    assert_int_equal(wrong, 0);
    json_decref(cases);
    bench_close(&bench);
}

static void every_torture_message_over_udp_gets_an_allowed_answer(void **state)
{
    (void)state;
    torture(true);
}

static void every_torture_message_over_tcp_gets_an_allowed_answer(void **state)
{
    (void)state;
    torture(false);
}

/* Every prefix of every message, as a datagram: nothing worse than a refusal comes of it. */
static void every_truncation_is_survived(void **state)
{
    (void)state;
    json_error_t error;
    json_t *cases = json_load_file(TESTS_DIR "/fixtures/sip-torture/cases.json", 0, &error);
    assert_non_null(cases);
    static char bytes[FILE_ROOM];
    static char answer[FILE_ROOM];
    struct sip_bench bench = {0};
    bench_open(&bench, bench_both());
    int fd = bench_client(&bench, true);
    size_t i;
    json_t *one;
    json_array_foreach(cases, i, one)
    {
        size_t len = read_file(json_string_value(json_object_get(one, "file")), bytes);
        for (size_t cut = 1; cut < len; cut++) {
            bench_send(fd, bytes, cut);
            if (cut % 16 == 0 || cut + 1 == len) {
                bench_turn(&bench, 5);
            }
            while (recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0) {
            }
        }
    }
    json_decref(cases);
    send_good(&bench, fd, 9999);
    close(fd);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_torture_message_over_udp_gets_an_allowed_answer),
        cmocka_unit_test(every_torture_message_over_tcp_gets_an_allowed_answer),
        cmocka_unit_test(every_truncation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
