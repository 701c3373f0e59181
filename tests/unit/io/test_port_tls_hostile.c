/* test_port_tls_hostile.c - peers of a TLS port that speak no TLS, break it, or say nothing. */
#include "unit/io/port_tls_pair.h"

#include "io/log.h"

static void clear_text_on_a_tls_port_is_said_and_hurts_nobody(void **state)
{
    const struct tls_bench *ids = *state;
    static const char *const texts[] = {"MESSAGE sip:alarm@127.0.0.1 SIP/2.0\r\n\r\n",
                                        "GET / HTTP/1.1\r\n\r\n", "\n", "\x01\x02\x03"};
    struct pair pair = {.far = {.echoes = true}};
    open_far(&pair, tls_of(&ids->server, NULL, PORT_TLS_NONE));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint64_t before = counter_value("tls_clear_text", "far");
        int fd = plain_client(&pair.far);
        assert_int_equal(write(fd, texts[i], strlen(texts[i])), strlen(texts[i]));
        turn_for(&pair.far, 0.05);
        char byte;
        assert_int_equal(recv(fd, &byte, 1, 0), 0); /* hung up on, and nothing said */
        assert_int_equal(counter_value("tls_clear_text", "far"), before + 1);
        close(fd);
    }
    assert_int_equal(pair.far.opened, 0);
    open_near(&pair, tls_of(NULL, &ids->ca, PORT_TLS_NONE), NULL);
    turn_until(&pair.near, &pair.near.opened, 1);
    close_pair(&pair);
}

static void a_far_side_in_clear_text_is_refused(void **state)
{
    const struct tls_bench *ids = *state;
    struct pair pair = {.far = {.greets = true}};
    open_bench(&pair.far, (struct port_config){.name = "far"});
    snprintf(pair.address, sizeof pair.address, "127.0.0.1:%d", port_number(pair.far.port));
    pair.near.loop = pair.far.loop;
    open_near(&pair, tls_of(NULL, &ids->ca, PORT_TLS_NONE), NULL);
    turn_until(&pair.near, &pair.near.refused, 1);
    assert_string_equal(pair.near.why, "the peer speaks clear text where TLS is configured");
    close_pair(&pair);
}

static void a_handshake_may_be_cut_at_any_byte(void **state)
{
    const struct tls_bench *ids = *state;
    struct pair pair = {0};
    open_far(&pair, tls_of(&ids->server, NULL, PORT_TLS_NONE));
    size_t total = SIZE_MAX;
    int cuts = 0;
    for (size_t cut = 1; cut <= total; cut += cut < 300 ? 7 : 3) {
        struct hand hand = hand_open(&pair.far, &ids->ca);
        size_t pushed = hand_shake(&hand, &pair.far, 16384, cut);
        total = pushed < cut ? pushed : total;
        hand_close(&hand);
        cuts++;
    }
    assert_true(cuts > 50);
    turn_for(&pair.far, 0.05);
    assert_int_equal(pair.far.opened, pair.far.closed);
    assert_true(pair.far.opened <= 2); /* the last, whole one, was a connection */
    open_near(&pair, tls_of(NULL, &ids->ca, PORT_TLS_NONE), NULL);
    turn_until(&pair.near, &pair.near.opened, 1);
    close_pair(&pair);
}

static void a_damaged_record_ends_the_connection(void **state)
{
    const struct tls_bench *ids = *state;
    struct pair pair = {0};
    open_far(&pair, tls_of(&ids->server, NULL, PORT_TLS_NONE));
    struct hand hand = hand_open(&pair.far, &ids->ca);
    (void)hand_shake(&hand, &pair.far, 16384, SIZE_MAX);
    turn_until(&pair.far, &pair.far.opened, 1);
    assert_int_equal(tls_talk_write(hand.talk, slice_str("an alarm")), ERR_OK);
    uint8_t room[256];
    size_t len = tls_talk_pull(hand.talk, room, sizeof room);
    room[len - 1] ^= 1;
    assert_int_equal(send(hand.fd, room, len, 0), (ssize_t)len);
    turn_until(&pair.far, &pair.far.closed, 1);
    assert_int_equal(pair.far.calls, 0);
    assert_non_null(strstr(pair.far.why, "broken TLS"));
    hand_close(&hand);
    close_pair(&pair);
}

static void random_bytes_after_a_good_first_one_are_refused(void **state)
{
    const struct tls_bench *ids = *state;
    struct pair pair = {0};
    open_far(&pair, tls_of(&ids->server, NULL, PORT_TLS_NONE));
    uint32_t random = 1;
    for (int round = 0; round < 200; round++) {
        uint8_t bytes[600] = {22, 3, 1};
        for (size_t i = round % 2 == 0 ? 3 : 5; i < sizeof bytes; i++) {
            random = random * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(random >> 24);
        }
        int fd = plain_client(&pair.far);
        assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
        turn(&pair.far, 0.005);
        close(fd);
    }
    turn_for(&pair.far, 0.05);
    assert_int_equal(pair.far.opened, 0);
    open_near(&pair, tls_of(NULL, &ids->ca, PORT_TLS_NONE), NULL);
    turn_until(&pair.near, &pair.near.opened, 1);
    close_pair(&pair);
}

/* A foreign ClientHello that offers what we no longer take. */
static void offer(struct pair *pair, int version, const char *suites)
{
    uint8_t room[4096];
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    assert_int_equal(SSL_CTX_set_cipher_list(context, suites), 1);
    SSL *ssl = SSL_new(context);
    BIO *out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
    assert_true(SSL_connect(ssl) < 0);
    int len = BIO_read(out, room, sizeof room);
    assert_true(len > 0);
    int fd = plain_client(&pair->far);
    assert_int_equal(write(fd, room, (size_t)len), len);
    turn_for(&pair->far, 0.05);
    assert_int_equal(recv(fd, room, sizeof room, 0), 7); /* an alert, and the end */
    assert_int_equal(recv(fd, room, sizeof room, 0), 0);
    close(fd);
    SSL_free(ssl);
    SSL_CTX_free(context);
}

static void old_versions_and_weak_suites_are_refused(void **state)
{
    const struct tls_bench *ids = *state;
    struct pair pair = {0};
    open_far(&pair, tls_of(&ids->server, NULL, PORT_TLS_NONE));
    uint64_t before = counter_value("tls_broken", "far");
    offer(&pair, TLS1_1_VERSION, "ALL:@SECLEVEL=0");
    offer(&pair, TLS1_2_VERSION, "AES128-SHA:@SECLEVEL=0");
    assert_int_equal(counter_value("tls_broken", "far"), before + 2);
    assert_int_equal(pair.far.opened, 0);
    close_pair(&pair);
}

static void who_says_nothing_is_hung_up_on_after_ten_seconds(void **state)
{
    const struct tls_bench *ids = *state;
    struct pair pair = {0};
    open_far(&pair, tls_of(&ids->server, NULL, PORT_TLS_NONE));
    struct hand hand = hand_open(&pair.far, &ids->ca);
    (void)hand_shake(&hand, &pair.far, 16384, 100); /* begun, and no more */
    int silent = plain_client(&pair.far);
    char byte;
    turn_for(&pair.far, 9.5);
    assert_int_equal(recv(silent, &byte, 1, 0), -1);
    turn_for(&pair.far, 1.0);
    assert_int_equal(recv(silent, &byte, 1, 0), 0);
    assert_int_equal(recv(hand.fd, &byte, 1, 0), 0);
    assert_int_equal(counter_value("tls_timeout", "far"), 2);
    assert_int_equal(pair.far.opened, 0);
    close(silent);
    hand_close(&hand);
    close_pair(&pair);
}

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clear_text_on_a_tls_port_is_said_and_hurts_nobody),
        cmocka_unit_test(a_far_side_in_clear_text_is_refused),
        cmocka_unit_test(a_handshake_may_be_cut_at_any_byte),
        cmocka_unit_test(a_damaged_record_ends_the_connection),
        cmocka_unit_test(random_bytes_after_a_good_first_one_are_refused),
        cmocka_unit_test(old_versions_and_weak_suites_are_refused),
        cmocka_unit_test(who_says_nothing_is_hung_up_on_after_ten_seconds),
    };
    return cmocka_run_group_tests(tests, tls_bench_setup, tls_bench_teardown);
}
