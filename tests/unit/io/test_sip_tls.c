/* test_sip_tls.c - SIP over TLS: two ports of ours, and whoever should not be trusted.
 */
#include "unit/io/sip_bench.h"
#include "unit/io/tls_bench.h"

enum { WAIT_MS = 5000 };

static void open_far(struct sip_bench *far, const struct tls_id *own)
{
    struct port_tls tls = tls_of(own, NULL, PORT_TLS_NONE);
    bench_open(far, (struct sip_config){.listen = "127.0.0.1:0", .is_tcp = true, .tls = &tls});
}

static void open_near(struct sip_bench *near, struct sip_bench *far, const struct tls_id *ca)
{
    struct port_tls tls = tls_of(NULL, ca, PORT_TLS_NONE);
    near->loop = far->loop;
    bench_open(near, (struct sip_config){
                         .is_udp = true, .is_tcp = true, .own_user = "gateway", .tls = &tls});
}

static void close_both(struct sip_bench *near, struct sip_bench *far)
{
    sip_close(near->sip);
    bench_close(far);
}

static enum err request(struct sip_bench *bench, const char *peer, uint32_t tag)
{
    return sip_request(bench->sip, slice_str(peer), slice_str("centre"), slice_str(""),
                       "application/scaip+xml", slice_str("<mrq><ref>7</ref></mrq>"), tag);
}

static void a_request_and_its_answer_pass_under_tls(void **state)
{
    const struct tls_bench *ids = *state;
    static const char *const ends[] = {"tls", "TLS", "tls;larm.example"};
    struct sip_bench far = {0};
    struct sip_bench near = {0};
    uint64_t before = counter_value("tls_opened", "scaip");
    open_far(&far, &ids->server);
    open_near(&near, &far, &ids->ca);
    for (int i = 1; i <= 6; i++) {
        char peer[64];
        snprintf(peer, sizeof peer, "127.0.0.1:%d;%s", sip_number(far.sip), ends[(i - 1) / 2]);
        assert_int_equal(request(&near, peer, (uint32_t)i), ERR_OK);
        bench_until(&near, &near.answers, i, WAIT_MS);
        assert_int_equal(near.status, 200);
    }
    assert_string_equal(near.answer, "<mrs><ref>1</ref><snu>0</snu></mrs>");
    assert_int_equal(far.messages, 6);
    assert_string_equal(far.from_user, "gateway");
    assert_string_equal(far.peer + strlen(far.peer) - 4, ";tls");
    /* One connection serves all requests that expect the same name. Each has two ends here. */
    assert_int_equal(counter_value("tls_opened", "scaip"), before + 4);
    close_both(&near, &far);
}

static void a_device_is_answered_by_an_own_message_over_its_connection(void **state)
{
    const struct tls_bench *ids = *state;
    struct sip_bench gateway = {.is_slow = true};
    struct sip_bench device = {0};
    open_far(&gateway, &ids->server);
    open_near(&device, &gateway, &ids->ca);
    char peer[64];
    snprintf(peer, sizeof peer, "127.0.0.1:%d;tls", sip_number(gateway.sip));
    assert_int_equal(request(&device, peer, 1), ERR_OK);
    bench_until(&gateway, &gateway.messages, 1, WAIT_MS);
    assert_int_equal(sip_answer(gateway.sip, gateway.exchange, 200, NULL, slice_str("")), ERR_OK);
    assert_int_equal(request(&gateway, gateway.peer, 2), ERR_OK);
    bench_until(&device, &device.messages, 1, WAIT_MS);
    bench_until(&gateway, &gateway.answers, 1, WAIT_MS);
    assert_int_equal(gateway.status, 200);
    sip_close(device.sip);
    for (int i = 0; i < 20; i++) {
        bench_turn(&gateway, 5);
    }
    assert_int_equal(request(&gateway, gateway.peer, 3), ERR_FULL); /* who came has gone */
    bench_close(&gateway);
}

static void a_centre_that_cannot_prove_its_name_gets_no_alarm(void **state)
{
    const struct tls_bench *ids = *state;
    const struct {
        const struct tls_id *shown;
        const char *end;
    } cases[] = {{&ids->expired, "tls"},
                 {&ids->stranger, "tls"},
                 {&ids->selfsigned, "tls"},
                 {&ids->misnamed, "tls"},
                 {&ids->server, "tls;arc.example"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sip_bench far = {0};
        struct sip_bench near = {0};
        char peer[64];
        open_far(&far, cases[i].shown);
        open_near(&near, &far, &ids->ca);
        snprintf(peer, sizeof peer, "127.0.0.1:%d;%s", sip_number(far.sip), cases[i].end);
        int64_t began_ms = loop_now().mono_ms;
        assert_int_equal(request(&near, peer, 1), ERR_OK);
        bench_until(&near, &near.answers, 1, WAIT_MS);
        assert_true(loop_now().mono_ms - began_ms < 1000); /* the next address is asked soon */
        assert_int_equal(near.status, 0);
        assert_int_equal(far.messages, 0);
        close_both(&near, &far);
    }
}

static void clear_text_and_broken_tls_disturb_no_later_alarm(void **state)
{
    const struct tls_bench *ids = *state;
    struct sip_bench far = {0};
    struct sip_bench near = {0};
    char text[BENCH_ROOM];
    open_far(&far, &ids->server);
    open_near(&near, &far, &ids->ca);
    size_t len = bench_message(text, sizeof text, "z9hG4bKclear", 1, "", "<mrq/>");
    for (int i = 0; i < 30; i++) {
        int fd = bench_client(&far, false);
        if (i % 3 == 1) {
            text[0] = 22; /* begins as TLS does */
        }
        bench_send(fd, text, i % 3 == 2 ? 1 : len);
        if (i % 3 == 0) {
            (void)bench_receive(&far, fd, text, sizeof text, 50);
            len = bench_message(text, sizeof text, "z9hG4bKclear", 1, "", "<mrq/>");
        }
        bench_turn(&far, 5);
        close(fd);
    }
    assert_int_equal(far.messages, 0);
    char peer[64];
    snprintf(peer, sizeof peer, "127.0.0.1:%d;tls", sip_number(far.sip));
    assert_int_equal(request(&near, peer, 1), ERR_OK);
    bench_until(&near, &near.answers, 1, WAIT_MS);
    assert_int_equal(near.status, 200);
    close_both(&near, &far);
}

static void what_cannot_be_asked_is_refused_at_once(void **state)
{
    const struct tls_bench *ids = *state;
    struct sip_bench far = {0};
    struct sip_bench near = {0};
    struct sip_bench clear = {0};
    open_far(&far, &ids->server);
    open_near(&near, &far, &ids->ca);
    clear.loop = far.loop;
    bench_open(&clear, (struct sip_config){.is_udp = true, .is_tcp = true});
    assert_int_equal(request(&clear, "127.0.0.1:5061;tls", 1), ERR_UNSUPPORTED);
    assert_int_equal(request(&near, "127.0.0.1:5061;udp;larm.example", 1), ERR_SYNTAX);
    assert_int_equal(request(&near, "larm.example:5061;tls", 1), ERR_SYNTAX);
    assert_int_equal(request(&near, "127.0.0.1:5061;sctp", 1), ERR_SYNTAX);
    sip_close(clear.sip);
    close_both(&near, &far);
}

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_and_its_answer_pass_under_tls),
        cmocka_unit_test(a_device_is_answered_by_an_own_message_over_its_connection),
        cmocka_unit_test(a_centre_that_cannot_prove_its_name_gets_no_alarm),
        cmocka_unit_test(clear_text_and_broken_tls_disturb_no_later_alarm),
        cmocka_unit_test(what_cannot_be_asked_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, tls_bench_setup, tls_bench_teardown);
}
