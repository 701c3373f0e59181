/* test_sip_client.c - our own requests: between two SIP ports of ours, and to peers that are
 * silent, gone, or odd.
 */
#include "unit/io/sip_bench.h"

enum { ROOM = 8192, WAIT_MS = 5000 };

static struct sip_config dialler(void)
{
    return (struct sip_config){.is_udp = true, .is_tcp = true, .own_user = "gateway"};
}

static enum err request(struct sip_bench *bench, const char *peer, const char *body, uint32_t tag)
{
    return sip_request(bench->sip, slice_str(peer), slice_str("centre"), slice_str(""),
                       "application/scaip+xml", slice_str(body), tag);
}

static void a_request_reaches_another_port_and_its_answer_comes_back(void **state)
{
    (void)state;
    for (int is_udp = 0; is_udp < 2; is_udp++) {
        struct sip_bench far = {0};
        bench_open(&far, bench_both());
        struct sip_bench near = {.loop = far.loop};
        bench_open(&near, dialler());
        char peer[64];
        snprintf(peer, sizeof peer, "127.0.0.1:%d;%s", sip_number(far.sip), is_udp ? "udp" : "tcp");
        for (int i = 1; i <= 3; i++) {
            assert_int_equal(request(&near, peer, "<mrq><ref>7</ref></mrq>", (uint32_t)i), ERR_OK);
            assert_int_equal(near.answers, i - 1); /* never from inside sip_request */
            bench_until(&near, &near.answers, i, WAIT_MS);
            assert_int_equal(near.status, 200);
            assert_int_equal(near.tag, i);
        }
        assert_string_equal(near.type, "application/scaip+xml");
        assert_string_equal(near.answer, "<mrs><ref>1</ref><snu>0</snu></mrs>");
        assert_int_equal(far.messages, 3);
        assert_string_equal(far.from_user, "gateway");
        assert_string_equal(far.body, "<mrq><ref>7</ref></mrq>");
        sip_close(near.sip);
        bench_close(&far);
    }
}

/* What the turn does when a centre refuses: it asks the next address at once. It used to leave 5 s late. */
static void a_request_made_while_an_answer_is_told_leaves_at_once(void **state)
{
    (void)state;
    struct sip_bench far = {0};
    bench_open(&far, bench_both());
    struct sip_bench near = {.loop = far.loop};
    bench_open(&near, dialler());
    char peer[64];
    snprintf(peer, sizeof peer, "127.0.0.1:%d;udp", sip_number(far.sip));
    near.next = peer;
    assert_int_equal(request(&near, peer, "<mrq/>", 1), ERR_OK);
    bench_until(&near, &near.answers, 2, WAIT_MS / 2);
    assert_int_equal(near.tag, 2);
    sip_close(near.sip);
    bench_close(&far);
}

static void a_device_is_answered_by_an_own_message_over_its_connection(void **state)
{
    (void)state;
    struct sip_bench gateway = {.is_slow = true};
    bench_open(&gateway, bench_both());
    struct sip_bench device = {.loop = gateway.loop};
    bench_open(&device, dialler());
    char peer[64];
    snprintf(peer, sizeof peer, "127.0.0.1:%d;tcp", sip_number(gateway.sip));
    assert_int_equal(request(&device, peer, "<mrq/>", 1), ERR_OK);
    bench_until(&gateway, &gateway.messages, 1, WAIT_MS);
    assert_int_equal(sip_answer(gateway.sip, gateway.exchange, 200, NULL, slice_str("")), ERR_OK);
    /* Nothing listens at the device: only the connection it opened leads there. */
    assert_int_equal(request(&gateway, gateway.peer, "<mrs/>", 2), ERR_OK);
    bench_until(&device, &device.messages, 1, WAIT_MS);
    assert_string_equal(device.body, "<mrs/>");
    bench_until(&gateway, &gateway.answers, 1, WAIT_MS);
    assert_int_equal(gateway.status, 200);
    bench_until(&device, &device.answers, 1, WAIT_MS);
    assert_int_equal(device.status, 200);
    sip_close(device.sip);
    bench_close(&gateway);
}

static int silent_socket(int *ret_number)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in own = {.sin_family = AF_INET};
    socklen_t len = sizeof own;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
    *ret_number = ntohs(own.sin_port);
    return fd;
}

static void silence_is_status_0_after_the_time_out_and_told_once(void **state)
{
    (void)state;
    struct sip_bench near = {0};
    struct sip_config config = dialler();
    config.request_timeout_ms = 700;
    bench_open(&near, config);
    int number = 0;
    int fd = silent_socket(&number);
    char peer[64];
    char text[ROOM];
    snprintf(peer, sizeof peer, "127.0.0.1:%d;udp", number);
    int64_t begun_ms = loop_now().mono_ms;
    assert_int_equal(request(&near, peer, "<mrq/>", 9), ERR_OK);
    bench_until(&near, &near.answers, 1, WAIT_MS);
    assert_true(loop_now().mono_ms - begun_ms >= 690);
    assert_int_equal(near.status, 0);
    assert_int_equal(near.tag, 9);
    int copies = 0;
    char first[ROOM] = "";
    while (bench_receive(&near, fd, text, ROOM, 0) > 0) {
        if (copies++ == 0) {
            snprintf(first, sizeof first, "%s", text);
        }
        assert_string_equal(first, text);
    }
    assert_int_equal(copies, 2); /* at once and after T1, 500 ms */
    for (int i = 0; i < 10; i++) {
        bench_turn(&near, 10);
    }
    assert_int_equal(near.answers, 1);
    close(fd);
    bench_close(&near);
}

/* Answers whatever came to `fd` with `status`, from its own Via. */
static void answer_as_peer(int fd, const char *request_text, struct sockaddr_in to, int status)
{
    char reply[ROOM];
    char lines[ROOM] = "";
    static const char *const names[] = {"Via:", "From:", "To:", "Call-ID:", "CSeq:"};
    size_t len = 0;
    for (size_t i = 0; i < 5; i++) {
        const char *at = strstr(request_text, names[i]);
        assert_non_null(at);
        size_t line = (size_t)(strstr(at, "\r\n") - at) + 2;
        memcpy(lines + len, at, line);
        len += line;
    }
    int n = snprintf(reply, sizeof reply, "SIP/2.0 %d Whatever\r\n%.*sContent-Length: 0\r\n\r\n",
                     status, (int)len, lines);
    assert_int_equal(sendto(fd, reply, (size_t)n, 0, (struct sockaddr *)&to, sizeof to), n);
}

static void a_provisional_answer_ends_nothing_and_a_refusal_is_a_plain_status(void **state)
{
    (void)state;
    struct sip_bench near = {0};
    bench_open(&near, dialler());
    int number = 0;
    int fd = silent_socket(&number);
    char peer[64];
    char text[ROOM];
    snprintf(peer, sizeof peer, "127.0.0.1:%d;udp", number);
    assert_int_equal(request(&near, peer, "<mrq/>", 3), ERR_OK);
    assert_true(bench_receive(&near, fd, text, ROOM, WAIT_MS) > 0);
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_port = htons((uint16_t)sip_number(near.sip));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    answer_as_peer(fd, text, to, 100);
    for (int i = 0; i < 5; i++) {
        bench_turn(&near, 10);
    }
    assert_int_equal(near.answers, 0);
    answer_as_peer(fd, text, to, 401);
    bench_until(&near, &near.answers, 1, WAIT_MS);
    assert_int_equal(near.status, 401);
    answer_as_peer(fd, text, to, 200);
    for (int i = 0; i < 5; i++) {
        bench_turn(&near, 10);
    }
    assert_int_equal(near.answers, 1);
    close(fd);
    bench_close(&near);
}

static void a_refused_or_lost_connection_is_status_0_at_once(void **state)
{
    (void)state;
    struct sip_bench far = {.is_slow = true};
    bench_open(&far, bench_both());
    struct sip_bench near = {.loop = far.loop};
    bench_open(&near, dialler());
    char peer[64];
    snprintf(peer, sizeof peer, "127.0.0.1:%d;tcp", sip_number(far.sip));
    assert_int_equal(request(&near, peer, "<mrq/>", 1), ERR_OK);
    bench_until(&far, &far.messages, 1, WAIT_MS);
    sip_close(far.sip); /* lost while waiting */
    bench_until(&near, &near.answers, 1, 1000);
    assert_int_equal(near.status, 0);
    near.status = -1;
    assert_int_equal(request(&near, peer, "<mrq/>", 2), ERR_OK);
    bench_until(&near, &near.answers, 2, 1000);
    assert_int_equal(near.status, 0);
    assert_int_equal(near.tag, 2);
    bench_close(&near);
}

static void what_cannot_be_sent_is_refused_in_the_call(void **state)
{
    (void)state;
    struct sip_bench near = {0};
    bench_open(&near, dialler());
    static const char *const peers[] = {"127.0.0.1:5060", "127.0.0.1;udp", "arc.example:5060;udp",
                                        "127.0.0.1:5060;sctp", ""};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(request(&near, peers[i], "x", 1), ERR_SYNTAX);
    }
    assert_int_equal(sip_request(near.sip, slice_str("127.0.0.1:9;udp"), slice_str("a@b>\r\nX: y"),
                                 slice_str(""), NULL, slice_str(""), 1),
                     ERR_SYNTAX);
    static uint8_t large[65537];
    assert_int_equal(sip_request(near.sip, slice_str("127.0.0.1:9;tcp"), slice_str("a"),
                                 slice_str(""), "text/plain", slice_of(large, sizeof large), 1),
                     ERR_RANGE);
    bench_close(&near);
}

static void past_512_requests_in_flight_the_next_is_refused(void **state)
{
    (void)state;
    struct sip_bench near = {0};
    bench_open(&near, dialler());
    int number = 0;
    int fd = silent_socket(&number);
    char peer[64];
    snprintf(peer, sizeof peer, "127.0.0.1:%d;udp", number);
    for (uint32_t i = 0; i < 512; i++) {
        assert_int_equal(request(&near, peer, "x", i), ERR_OK);
    }
    assert_int_equal(request(&near, peer, "x", 512), ERR_FULL);
    close(fd);
    bench_close(&near); /* requests that wait are freed, and told nothing */
    assert_int_equal(near.answers, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_reaches_another_port_and_its_answer_comes_back),
        cmocka_unit_test(a_request_made_while_an_answer_is_told_leaves_at_once),
        cmocka_unit_test(a_device_is_answered_by_an_own_message_over_its_connection),
        cmocka_unit_test(silence_is_status_0_after_the_time_out_and_told_once),
        cmocka_unit_test(a_provisional_answer_ends_nothing_and_a_refusal_is_a_plain_status),
        cmocka_unit_test(a_refused_or_lost_connection_is_status_0_at_once),
        cmocka_unit_test(what_cannot_be_sent_is_refused_in_the_call),
        cmocka_unit_test(past_512_requests_in_flight_the_next_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
