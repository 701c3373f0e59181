/* test_sip.c - SIP as a foreign device sees it: MESSAGE, repetition, streams, OPTIONS, REGISTER,
 * ceilings. Digest: test_sip_digest.c.
 */
#include "unit/io/sip_bench.h"

enum { ROOM = 8192, WAIT_MS = 3000, QUIET_MS = 100 };

static void a_message_is_handed_up_and_its_answer_goes_back(void **state)
{
    (void)state;
    for (int is_udp = 0; is_udp < 2; is_udp++) {
        struct sip_bench bench = {0};
        char text[ROOM];
        bench_open(&bench, bench_both());
        int fd = bench_client(&bench, is_udp);
        size_t len = bench_message(text, ROOM, "z9hG4bKa", 1, "", "<mrq><ref>1</ref></mrq>");
        bench_send(fd, text, len);
        assert_true(bench_receive(&bench, fd, text, ROOM, WAIT_MS) > 0);
        assert_int_equal(bench.messages, 1);
        assert_string_equal(bench.from_user, "123456");
        assert_string_equal(bench.type, "application/scaip+xml");
        assert_string_equal(bench.body, "<mrq><ref>1</ref></mrq>");
        assert_non_null(strstr(bench.peer, is_udp ? ";udp" : ";tcp"));
        assert_ptr_equal(strstr(text, "SIP/2.0 200 OK\r\n"), text);
        assert_non_null(strstr(text, "\r\n\r\n<mrs><ref>1</ref><snu>0</snu></mrs>"));
        assert_non_null(strstr(text, "application/scaip+xml"));
        assert_non_null(strstr(text, "To: <sip:alarm@arc.example>;tag="));
        close(fd);
        bench_close(&bench);
    }
}

static void a_datagram_is_answered_to_where_it_came_from(void **state)
{
    (void)state;
    struct sip_bench bench = {0};
    char text[ROOM];
    char wanted[64];
    struct sockaddr_in own;
    socklen_t own_len = sizeof own;
    bench_open(&bench, bench_both());
    int fd = bench_client(&bench, true);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &own_len), 0);
    size_t len = bench_message(text, ROOM, "z9hG4bKa", 1, "", "x");
    bench_send(fd, text, len);
    assert_true(bench_receive(&bench, fd, text, ROOM, WAIT_MS) > 0);
    snprintf(wanted, sizeof wanted, "rport=%d", ntohs(own.sin_port));
    assert_non_null(strstr(text, wanted));
    assert_non_null(strstr(text, "received=127.0.0.1"));
    close(fd);
    bench_close(&bench);
}

static void a_repeated_request_is_silence_before_the_answer_and_the_same_after(void **state)
{
    (void)state;
    /* With the magic cookie of RFC 3261, without it, and with a branch that never changes. */
    static const char *const branches[] = {"z9hG4bKrepeat", "1", "z9hG4bK"};
    for (size_t i = 0; i < 3; i++) {
        struct sip_bench bench = {.is_slow = true};
        char request[ROOM];
        char first[ROOM];
        char again[ROOM];
        bench_open(&bench, bench_both());
        int fd = bench_client(&bench, true);
        size_t len = bench_message(request, ROOM, branches[i], 1, "", "x");
        for (int n = 0; n < 3; n++) {
            bench_send(fd, request, len);
            assert_int_equal(bench_receive(&bench, fd, first, ROOM, QUIET_MS), 0);
            assert_int_equal(bench.messages, 1);
        }
        assert_int_equal(sip_answer(bench.sip, bench.exchange, 200, "application/scaip+xml",
                                    slice_str("<mrs/>")),
                         ERR_OK);
        assert_true(bench_receive(&bench, fd, first, ROOM, WAIT_MS) > 0);
        assert_int_equal(bench_status(first), 200);
        for (int n = 0; n < 3; n++) {
            bench_send(fd, request, len);
            assert_true(bench_receive(&bench, fd, again, ROOM, WAIT_MS) > 0);
            assert_string_equal(first, again);
        }
        assert_int_equal(bench.messages, 1);
        /* The next alarm over the same branch is another alarm. */
        len = bench_message(request, ROOM, branches[i], 2, "", "y");
        bench_send(fd, request, len);
        bench_until(&bench, &bench.messages, 2, WAIT_MS);
        close(fd);
        bench_close(&bench);
    }
}

static void an_answer_to_nothing_is_refused(void **state)
{
    (void)state;
    struct sip_bench bench = {.is_slow = true};
    char text[ROOM];
    bench_open(&bench, bench_both());
    assert_int_equal(sip_answer(bench.sip, 0, 200, NULL, slice_str("")), ERR_NOT_FOUND);
    assert_int_equal(sip_answer(bench.sip, 123456789, 200, NULL, slice_str("")), ERR_NOT_FOUND);
    int fd = bench_client(&bench, true);
    bench_send(fd, text, bench_message(text, ROOM, "z9hG4bKb", 1, "", "x"));
    bench_until(&bench, &bench.messages, 1, WAIT_MS);
    assert_int_equal(sip_answer(bench.sip, bench.exchange, 100, NULL, slice_str("")), ERR_RANGE);
    assert_int_equal(sip_answer(bench.sip, bench.exchange, 415, NULL, slice_str("")), ERR_OK);
    assert_int_equal(sip_answer(bench.sip, bench.exchange, 415, NULL, slice_str("")),
                     ERR_NOT_FOUND);
    assert_true(bench_receive(&bench, fd, text, ROOM, WAIT_MS) > 0);
    assert_int_equal(bench_status(text), 415);
    close(fd);
    bench_close(&bench);
}

static void an_answer_after_the_connection_is_gone_harms_nobody(void **state)
{
    (void)state;
    struct sip_bench bench = {.is_slow = true};
    char text[ROOM];
    bench_open(&bench, bench_both());
    int fd = bench_client(&bench, false);
    bench_send(fd, text, bench_message(text, ROOM, "z9hG4bKgone", 1, "", "x"));
    bench_until(&bench, &bench.messages, 1, WAIT_MS);
    close(fd);
    for (int i = 0; i < 5; i++) {
        bench_turn(&bench, 10);
    }
    uint64_t exchange = bench.exchange;
    assert_int_equal(sip_answer(bench.sip, exchange, 200, NULL, slice_str("")), ERR_OK);
    assert_int_equal(sip_answer(bench.sip, exchange, 200, NULL, slice_str("")), ERR_NOT_FOUND);
    bench_close(&bench);
}

static void two_messages_glued_and_cut_bytewise_are_two_messages(void **state)
{
    (void)state;
    struct sip_bench bench = {0};
    char text[ROOM];
    char answer[ROOM] = "";
    bench_open(&bench, bench_both());
    int fd = bench_client(&bench, false);
    size_t len = bench_message(text, ROOM, "z9hG4bKone", 1, "", "first");
    len += bench_message(text + len, ROOM - len, "z9hG4bKtwo", 1, "", "second");
    bench_send(fd, text, len);
    bench_until(&bench, &bench.messages, 2, WAIT_MS);
    assert_string_equal(bench.body, "second");
    for (size_t i = 0; i < len; i++) {
        bench_send(fd, text + i, 1);
        bench_turn(&bench, 1);
    }
    bench_until(&bench, &bench.messages, 4, WAIT_MS);
    size_t have = 0;
    while (have < ROOM - 1 && strstr(answer, "z9hG4bKtwo") == NULL) {
        have += bench_receive(&bench, fd, answer + have, ROOM - have, WAIT_MS);
    }
    assert_non_null(strstr(answer, "z9hG4bKone"));
    close(fd);
    bench_close(&bench);
}

static void keep_alives_are_answered_on_tcp_and_ignored_on_udp(void **state)
{
    (void)state;
    struct sip_bench bench = {0};
    char text[ROOM];
    bench_open(&bench, bench_both());
    int tcp = bench_client(&bench, false);
    bench_send(tcp, "\r\n\r\n", 4);
    assert_int_equal(bench_receive(&bench, tcp, text, ROOM, WAIT_MS), 2);
    assert_string_equal(text, "\r\n");
    int udp = bench_client(&bench, true);
    bench_send(udp, "\r\n\r\n", 4);
    bench_send(udp, "\0", 1);
    assert_int_equal(bench_receive(&bench, udp, text, ROOM, QUIET_MS), 0);
    bench_send(tcp, text, bench_message(text, ROOM, "z9hG4bKalive", 1, "", "x"));
    bench_until(&bench, &bench.messages, 1, WAIT_MS);
    close(tcp);
    close(udp);
    bench_close(&bench);
}

static void a_stream_that_cannot_be_framed_is_refused_and_closed(void **state)
{
    (void)state;
    static const char *const lengths[] = {"Content-Length: -1", "Content-Length: 99999999",
                                          "Content-Length: 1\r\nContent-Length: 2", "X: no length"};
    for (size_t i = 0; i < 4; i++) {
        struct sip_bench bench = {0};
        char text[ROOM];
        bench_open(&bench, bench_both());
        int fd = bench_client(&bench, false);
        int len = snprintf(text, ROOM,
                           "MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\n"
                           "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\n"
                           "CSeq: 1 MESSAGE\r\n%s\r\n\r\n",
                           lengths[i]);
        bench_send(fd, text, (size_t)len);
        assert_true(bench_receive(&bench, fd, text, ROOM, WAIT_MS) > 0);
        assert_int_equal(bench_status(text), i == 1 ? 413 : 400);
        assert_int_equal(bench_receive(&bench, fd, text, ROOM, WAIT_MS), 0);
        assert_int_equal(bench.messages, 0);
        close(fd);
        bench_close(&bench);
    }
}

static void a_head_without_end_is_closed_at_the_ceiling(void **state)
{
    (void)state;
    struct sip_bench bench = {0};
    static char text[32768];
    bench_open(&bench, bench_both());
    int fd = bench_client(&bench, false);
    size_t len = bench_message(text, ROOM, "z9hG4bKlong", 1, "", "x");
    len = (size_t)(strstr(text, "Content-Type") - text);
    memset(text + len, 'a', sizeof text - len);
    memcpy(text + len, "Subject: ", 9);
    bench_send(fd, text, sizeof text);
    assert_true(bench_receive(&bench, fd, text, sizeof text, WAIT_MS) > 0);
    assert_int_equal(bench_status(text), 413);
    assert_int_equal(bench_receive(&bench, fd, text, sizeof text, WAIT_MS), 0);
    close(fd);
    bench_close(&bench);
}

/* As posted by a maker of field devices, with a Content-Length that is too large by seven. */
static void a_wrong_content_length_in_a_datagram_is_a_bad_request(void **state)
{
    (void)state;
    struct sip_bench bench = {0};
    char text[ROOM];
    bench_open(&bench, bench_both());
    int fd = bench_client(&bench, true);
    size_t len = bench_message(text, ROOM, "z9hG4bKshort", 1, "", "<mrq><ref>1234</ref></mrq>");
    bench_send(fd, text, len - 7);
    assert_true(bench_receive(&bench, fd, text, ROOM, WAIT_MS) > 0);
    assert_int_equal(bench_status(text), 400);
    assert_int_equal(bench.messages, 0);
    close(fd);
    bench_close(&bench);
}

static void options_and_register_are_answered_here(void **state)
{
    (void)state;
    struct sip_bench bench = {0};
    char text[ROOM];
    bench_open(&bench, bench_both());
    int fd = bench_client(&bench, true);
    bench_ask(&bench, fd, "OPTIONS", "", text);
    assert_int_equal(bench_status(text), 200);
    assert_non_null(strstr(text, "Allow: MESSAGE, OPTIONS, REGISTER\r\n"));
    assert_non_null(strstr(text, "Accept: application/scaip+xml\r\n"));
    bench_ask(&bench, fd, "REGISTER", "Contact: <sip:123456@192.0.2.10:5060>\r\nExpires: 600\r\n",
              text);
    assert_int_equal(bench_status(text), 200);
    assert_non_null(strstr(text, "Contact: <sip:123456@192.0.2.10:5060>\r\n"));
    assert_non_null(strstr(text, "Expires: 600\r\n"));
    assert_int_equal(bench.messages, 0);
    close(fd);
    bench_close(&bench);
}

static void what_is_not_done_here_is_refused_by_its_number(void **state)
{
    (void)state;
    struct sip_bench bench = {0};
    char text[ROOM];
    bench_open(&bench, bench_both());
    int fd = bench_client(&bench, true);
    bench_ask(&bench, fd, "INVITE", "", text);
    assert_int_equal(bench_status(text), 405);
    assert_non_null(strstr(text, "Allow: MESSAGE, OPTIONS, REGISTER\r\n"));
    bench_ask(&bench, fd, "OPTIONS", "Require: teleportation\r\n", text);
    assert_int_equal(bench_status(text), 420);
    assert_non_null(strstr(text, "Unsupported: teleportation\r\n"));
    bench_ask(&bench, fd, "OPTIONS", "Max-Forwards: 0\r\n", text);
    assert_int_equal(bench_status(text), 483);
    uint64_t before = counter_value("sip_ack_ignored", "scaip");
    int len = snprintf(text, ROOM,
                       "ACK sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKack\r\n"
                       "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: ack\r\n"
                       "CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n");
    bench_send(fd, text, (size_t)len);
    assert_int_equal(bench_receive(&bench, fd, text, ROOM, QUIET_MS), 0);
    assert_int_equal(counter_value("sip_ack_ignored", "scaip"), before + 1);
    close(fd);
    bench_close(&bench);
}

static void an_alarm_is_taken_although_its_hops_are_used_up(void **state)
{
    (void)state;
    struct sip_bench bench = {0};
    char text[ROOM];
    bench_open(&bench, bench_both());
    int fd = bench_client(&bench, true);
    size_t len = bench_message(text, ROOM, "z9hG4bKhops", 1, "", "x");
    char *hops = strstr(text, "Max-Forwards: 70");
    assert_non_null(hops);
    memcpy(hops, "Max-Forwards:  0", 16);
    bench_send(fd, text, len);
    bench_until(&bench, &bench.messages, 1, WAIT_MS);
    close(fd);
    bench_close(&bench);
}

static void a_response_without_a_request_is_ignored_and_counted(void **state)
{
    (void)state;
    struct sip_bench bench = {0};
    bench_open(&bench, bench_both());
    char text[ROOM];
    int fd = bench_client(&bench, true);
    uint64_t before = counter_value("sip_response_ignored", "scaip");
    int len = snprintf(text, ROOM,
                       "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKnone\r\n"
                       "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: r\r\n"
                       "CSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n");
    bench_send(fd, text, (size_t)len);
    assert_int_equal(bench_receive(&bench, fd, text, ROOM, QUIET_MS), 0);
    assert_int_equal(counter_value("sip_response_ignored", "scaip"), before + 1);
    close(fd);
    bench_close(&bench);
}

static void a_thousand_messages_each_get_their_answer(void **state)
{
    (void)state;
    struct sip_bench bench = {0};
    char text[ROOM];
    char branch[32];
    bench_open(&bench, bench_both());
    for (int is_udp = 0; is_udp < 2; is_udp++) {
        int fd = bench_client(&bench, is_udp);
        for (int i = 0; i < 1000; i++) {
            snprintf(branch, sizeof branch, "z9hG4bK%d-%d", is_udp, i);
            bench_send(fd, text, bench_message(text, ROOM, branch, 1, "", "x"));
            assert_true(bench_receive(&bench, fd, text, ROOM, WAIT_MS) > 0);
            assert_int_equal(bench_status(text), 200);
            assert_non_null(strstr(text, branch));
        }
        close(fd);
    }
    assert_int_equal(bench.messages, 2000);
    bench_close(&bench);
}

static void past_512_waiting_messages_the_next_hears_503(void **state)
{
    (void)state;
    struct sip_bench bench = {.is_slow = true};
    char text[ROOM];
    char branch[32];
    bench_open(&bench, bench_both());
    int fd = bench_client(&bench, true);
    for (int i = 0; i < 512; i++) {
        snprintf(branch, sizeof branch, "z9hG4bKwait%d", i);
        bench_send(fd, text, bench_message(text, ROOM, branch, 1, "", "x"));
        bench_until(&bench, &bench.messages, i + 1, WAIT_MS);
    }
    bench_send(fd, text, bench_message(text, ROOM, "z9hG4bKone-too-many", 1, "", "x"));
    assert_true(bench_receive(&bench, fd, text, ROOM, WAIT_MS) > 0);
    assert_int_equal(bench_status(text), 503);
    assert_non_null(strstr(text, "Retry-After: "));
    assert_int_equal(bench.messages, 512);
    assert_int_equal(sip_answer(bench.sip, bench.exchange, 200, NULL, slice_str("")), ERR_OK);
    assert_true(bench_receive(&bench, fd, text, ROOM, WAIT_MS) > 0);
    bench_send(fd, text, bench_message(text, ROOM, "z9hG4bKroom-again", 1, "", "x"));
    bench_until(&bench, &bench.messages, 513, WAIT_MS);
    close(fd);
    bench_close(&bench);
}

static void close_inside(void *context, const struct sip_message *message)
{
    (void)message;
    struct sip_bench *bench = context;
    bench->messages++;
    sip_close(bench->sip);
}

static void the_port_may_be_closed_inside_its_handler(void **state)
{
    (void)state;
    for (int is_udp = 0; is_udp < 2; is_udp++) {
        struct sip_bench bench = {.loop = ev_loop_new(EVFLAG_AUTO)};
        const struct sip_handler handler = {close_inside, bench_on_answer};
        struct sip_config config = bench_both();
        char text[ROOM];
        config.name = "scaip";
        assert_int_equal(
            sip_open(bench.loop, &config, &handler, &bench, &bench.sip, text, sizeof text), ERR_OK);
        int fd = bench_client(&bench, is_udp);
        bench_send(fd, text, bench_message(text, ROOM, "z9hG4bKclose", 1, "", "x"));
        bench_until(&bench, &bench.messages, 1, WAIT_MS);
        close(fd);
        ev_run(bench.loop, EVRUN_NOWAIT);
        ev_loop_destroy(bench.loop);
    }
}

/* What passes our own look and not libosip2's: it must be a 400 and our one line, no trace of its.
 */
static void the_library_behind_writes_nothing_by_itself(void **state)
{
    (void)state;
    struct sip_bench bench = {0};
    char text[ROOM];
    bench_open(&bench, bench_both());
    int fd = bench_client(&bench, true);
    size_t len = bench_message(text, ROOM, "z9hG4bKbroken", 1, "", "x");
    memcpy(strstr(text, "SIP/2.0/UDP"), "SIP_2.0_UDP", 11);
    FILE *file = tmpfile();
    int saved[2] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
    fflush(stdout);
    dup2(fileno(file), STDOUT_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    bench_send(fd, text, len);
    size_t got = bench_receive(&bench, fd, text, ROOM, WAIT_MS);
    fflush(stdout);
    dup2(saved[0], STDOUT_FILENO);
    dup2(saved[1], STDERR_FILENO);
    close(saved[0]);
    close(saved[1]);
    char written[ROOM];
    rewind(file);
    written[fread(written, 1, sizeof written - 1, file)] = '\0';
    fclose(file);
    assert_true(got > 0);
    assert_int_equal(bench_status(text), 400);
    assert_non_null(strstr(written, "Via, From, To, Call-ID or CSeq is broken"));
    assert_ptr_equal(strchr(written, '\n'), written + strlen(written) - 1);
    close(fd);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_handed_up_and_its_answer_goes_back),
        cmocka_unit_test(a_datagram_is_answered_to_where_it_came_from),
        cmocka_unit_test(a_repeated_request_is_silence_before_the_answer_and_the_same_after),
        cmocka_unit_test(an_answer_to_nothing_is_refused),
        cmocka_unit_test(an_answer_after_the_connection_is_gone_harms_nobody),
        cmocka_unit_test(two_messages_glued_and_cut_bytewise_are_two_messages),
        cmocka_unit_test(keep_alives_are_answered_on_tcp_and_ignored_on_udp),
        cmocka_unit_test(a_stream_that_cannot_be_framed_is_refused_and_closed),
        cmocka_unit_test(a_head_without_end_is_closed_at_the_ceiling),
        cmocka_unit_test(a_wrong_content_length_in_a_datagram_is_a_bad_request),
        cmocka_unit_test(options_and_register_are_answered_here),
        cmocka_unit_test(what_is_not_done_here_is_refused_by_its_number),
        cmocka_unit_test(an_alarm_is_taken_although_its_hops_are_used_up),
        cmocka_unit_test(a_response_without_a_request_is_ignored_and_counted),
        cmocka_unit_test(a_thousand_messages_each_get_their_answer),
        cmocka_unit_test(past_512_waiting_messages_the_next_hears_503),
        cmocka_unit_test(the_port_may_be_closed_inside_its_handler),
        cmocka_unit_test(the_library_behind_writes_nothing_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
