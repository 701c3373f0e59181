/* test_port.c - ports against plain sockets of this process, on loopback, port 0. */
#include "unit/io/port_bench.h"

#include "io/log.h"
#include "io/port_address.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void close_bench(struct bench *bench)
{
    port_close(bench->port);
    assert_int_equal(bench->opened, bench->closed);
    ev_loop_destroy(bench->loop);
}

static int client(int number, int kind)
{
    int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    struct timeval patience = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static void bytes_come_and_go_over_tcp(void **state)
{
    (void)state;
    struct bench bench = {.echoes = true};
    open_bench(&bench, (struct port_config){0});
    int fd = client(port_number(bench.port), SOCK_STREAM);
    assert_int_equal(write(fd, "hello", 5), 5);
    turn_until(&bench, &bench.calls, 1);
    char answer[16] = "";
    assert_int_equal(read(fd, answer, sizeof answer), 5);
    assert_string_equal(answer, "hello");
    close(fd);
    turn_until(&bench, &bench.closed, 1);
    assert_string_equal(bench.why, "closed by the peer");
    close_bench(&bench);
}

static void what_is_not_consumed_is_offered_again_with_what_follows(void **state)
{
    (void)state;
    struct bench bench = {.takes_only = 2};
    open_bench(&bench, (struct port_config){0});
    int fd = client(port_number(bench.port), SOCK_STREAM);
    assert_int_equal(write(fd, "abcdef", 6), 6);
    turn_until(&bench, &bench.calls, 3);
    assert_string_equal(bench.got, "ef");
    close(fd);
    turn_until(&bench, &bench.closed, 1);
    close_bench(&bench);
}

/* Consumes nothing, ever. */
static size_t keep_all(void *user, struct conn *conn, struct slice bytes, const char *peer)
{
    (void)conn;
    (void)peer;
    struct bench *bench = user;
    bench->bytes = bytes.len;
    return 0;
}

static void more_unconsumed_bytes_than_allowed_close_the_connection(void **state)
{
    (void)state;
    struct bench bench = {.loop = ev_loop_new(EVFLAG_AUTO)};
    struct port_handler hoarder = handler;
    hoarder.on_bytes = keep_all;
    struct port_config config = {.name = "test", .address = "127.0.0.1:0", .input_max = 100};
    char why[256];
    assert_int_equal(port_open(bench.loop, &config, &hoarder, &bench, &bench.port, why, sizeof why),
                     ERR_OK);
    int fd = client(port_number(bench.port), SOCK_STREAM);
    char many[150] = {0};
    assert_int_equal(write(fd, many, sizeof many), sizeof many);
    turn_until(&bench, &bench.closed, 1);
    assert_int_equal(bench.bytes, 100);
    assert_string_equal(bench.why, "one message was longer than allowed");
    close(fd);
    close_bench(&bench);
}

static void closing_inside_a_handler_still_sends_the_answer(void **state)
{
    (void)state;
    struct bench bench = {.echoes = true, .closes = true};
    open_bench(&bench, (struct port_config){0});
    int fd = client(port_number(bench.port), SOCK_STREAM);
    assert_int_equal(write(fd, "bye", 3), 3);
    turn_until(&bench, &bench.calls, 1);
    assert_int_equal(bench.closed, 0);
    char answer[16] = "";
    assert_int_equal(read(fd, answer, sizeof answer), 3);
    assert_int_equal(read(fd, answer, sizeof answer), 0);
    assert_int_equal(write(fd, "ignored", 7), 7);
    close(fd);
    turn_until(&bench, &bench.closed, 1);
    assert_int_equal(bench.calls, 1);
    close_bench(&bench);
}

static void a_peer_that_never_hangs_up_is_hung_up_on(void **state)
{
    (void)state;
    struct bench bench = {.closes = true};
    open_bench(&bench, (struct port_config){0});
    int fd = client(port_number(bench.port), SOCK_STREAM);
    assert_int_equal(write(fd, "x", 1), 1);
    turn_until(&bench, &bench.closed, 1);
    close(fd);
    close_bench(&bench);
}

static void the_port_may_be_closed_inside_a_handler(void **state)
{
    (void)state;
    struct bench bench = {.closes_port = true};
    open_bench(&bench, (struct port_config){0});
    int first = client(port_number(bench.port), SOCK_STREAM);
    int second = client(port_number(bench.port), SOCK_STREAM);
    turn_until(&bench, &bench.opened, 2);
    assert_int_equal(write(first, "x", 1), 1);
    turn_until(&bench, &bench.closed, 2);
    close(first);
    close(second);
    ev_run(bench.loop, EVRUN_NOWAIT);
    assert_int_equal(bench.closed, 2);
    ev_loop_destroy(bench.loop);

    struct bench udp = {.closes_port = true};
    open_bench(&udp, (struct port_config){.is_udp = true});
    int fd = client(port_number(udp.port), SOCK_DGRAM);
    assert_int_equal(send(fd, "x", 1, 0), 1);
    assert_int_equal(send(fd, "y", 1, 0), 1);
    turn_until(&udp, &udp.closed, 1);
    assert_int_equal(udp.calls, 1);
    close(fd);
    ev_loop_destroy(udp.loop);
}

static void a_peer_that_does_not_read_is_closed_at_the_ceiling(void **state)
{
    (void)state;
    struct bench bench = {0};
    open_bench(&bench, (struct port_config){0});
    int fd = client(port_number(bench.port), SOCK_STREAM);
    turn_until(&bench, &bench.opened, 1);
    static uint8_t block[16384];
    enum err err = ERR_OK;
    int blocks = 0;
    while (err == ERR_OK && blocks < 10000) {
        err = conn_send(bench.conn, slice_of(block, sizeof block));
        blocks++;
    }
    assert_int_equal(err, ERR_FULL);
    assert_int_equal(bench.closed, 0); /* not from inside conn_send */
    assert_int_equal(conn_send(bench.conn, slice_str("x")), ERR_STATE);
    turn_until(&bench, &bench.closed, 1);
    assert_string_equal(bench.why, "the peer does not read");
    close(fd);
    close_bench(&bench);
}

static void what_waits_for_a_slow_reader_arrives_whole_and_in_order(void **state)
{
    (void)state;
    struct bench bench = {0};
    open_bench(&bench, (struct port_config){0});
    int fd = client(port_number(bench.port), SOCK_STREAM);
    turn_until(&bench, &bench.opened, 1);
    uint32_t sent = 0;
    uint32_t seen = 0;
    for (int round = 0; round < 200; round++) {
        uint32_t numbers[4000];
        for (size_t i = 0; i < 4000; i++) {
            numbers[i] = sent++;
        }
        assert_int_equal(conn_send(bench.conn, slice_of(numbers, sizeof numbers)), ERR_OK);
        ev_run(bench.loop, EVRUN_NOWAIT);
        size_t have = 0;
        while (round % 3 == 2 && have < 3 * sizeof numbers) {
            uint32_t part[3000];
            ssize_t got = recv(fd, part, sizeof part, MSG_WAITALL);
            assert_int_equal(got, sizeof part);
            for (size_t i = 0; i < 3000; i++) {
                assert_int_equal(part[i], seen++);
            }
            have += (size_t)got;
            ev_run(bench.loop, EVRUN_NOWAIT);
        }
    }
    close(fd);
    turn_until(&bench, &bench.closed, 1);
    close_bench(&bench);
}

static void connections_past_the_ceiling_are_refused(void **state)
{
    (void)state;
    struct bench bench = {0};
    open_bench(&bench, (struct port_config){.conns_max = 2});
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = client(port_number(bench.port), SOCK_STREAM);
    }
    turn_for(&bench, 0.05);
    assert_int_equal(bench.opened, 2);
    char byte;
    assert_int_equal(read(fds[2], &byte, 1), 0);
    assert_int_equal(counter_value("port_conns_full", "test"), 1);
    for (int i = 0; i < 3; i++) {
        close(fds[i]);
    }
    turn_until(&bench, &bench.closed, 2);
    close_bench(&bench);
}

static void out_of_descriptors_accepting_pauses_without_spinning(void **state)
{
    (void)state;
    struct bench bench = {0};
    open_bench(&bench, (struct port_config){0});
    int fd = client(port_number(bench.port), SOCK_STREAM);
    turn_for(&bench, 0.0);
    int waiting = client(port_number(bench.port), SOCK_STREAM);
    int opened = bench.opened;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit tight = {.rlim_cur = (rlim_t)waiting + 1, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    unsigned turns = ev_iteration(bench.loop);
    turn_for(&bench, 0.35);
    turns = ev_iteration(bench.loop) - turns;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(bench.opened, opened);
    assert_true(turns < 20);
    turn_until(&bench, &bench.opened, 2);
    assert_true(counter_value("port_accept_paused", "test") >= 1);
    close(fd);
    close(waiting);
    turn_until(&bench, &bench.closed, 2);
    close_bench(&bench);
}

static void a_dialling_port_comes_back_when_the_peer_does(void **state)
{
    (void)state;
    struct bench far = {.echoes = true};
    open_bench(&far, (struct port_config){0});
    int number = port_number(far.port);
    port_close(far.port);
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%d", number);
    struct bench near = {.loop = far.loop};
    open_bench(&near, (struct port_config){.address = address, .is_dialling = true});
    turn_until(&near, &near.refused, 1);
    assert_string_equal(near.why, "Connection refused");
    open_bench(&far, (struct port_config){.address = address});
    turn_until(&near, &near.opened, 1);
    assert_int_equal(conn_send(near.conn, slice_str("ping")), ERR_OK);
    turn_until(&near, &near.calls, 1);
    assert_string_equal(near.got, "ping");
    conn_close(far.conn);
    turn_until(&near, &near.opened, 2);
    assert_int_equal(near.closed, 1);
    port_close(near.port);
    close_bench(&far);
    assert_int_equal(near.closed, 2);
}

static void datagrams_are_answered_to_their_source(void **state)
{
    (void)state;
    struct bench bench = {.echoes = true};
    open_bench(&bench, (struct port_config){.is_udp = true, .input_max = 64});
    int fd = client(port_number(bench.port), SOCK_DGRAM);
    char datagram[100] = "datagram";
    assert_int_equal(send(fd, datagram, sizeof datagram, 0),
                     sizeof datagram); /* too long: dropped */
    assert_int_equal(send(fd, datagram, 8, 0), 8);
    turn_until(&bench, &bench.calls, 1);
    char answer[16] = "";
    assert_int_equal(recv(fd, answer, sizeof answer, 0), 8);
    assert_string_equal(answer, "datagram");
    assert_int_equal(bench.bytes, 8);
    close(fd);
    close_bench(&bench);
}

static void ipv6_works_as_ipv4_does(void **state)
{
    (void)state;
    struct bench server = {.echoes = true};
    struct port_config config = {.name = "six", .address = "[::1]:0", .is_udp = true};
    char why[256];
    server.loop = ev_loop_new(EVFLAG_AUTO);
    if (port_open(server.loop, &config, &handler, &server, &server.port, why, sizeof why) !=
        ERR_OK) {
        ev_loop_destroy(server.loop);
        skip(); /* this machine has no IPv6 */
    }
    char address[32];
    snprintf(address, sizeof address, "[::1]:%d", port_number(server.port));
    struct bench near = {.loop = server.loop};
    open_bench(&near,
               (struct port_config){.address = address, .is_udp = true, .is_dialling = true});
    assert_int_equal(conn_send(near.conn, slice_str("six")), ERR_OK);
    turn_until(&near, &near.calls, 1);
    assert_string_equal(near.got, "six");
    port_close(near.port);
    close_bench(&server);
}

static void an_address_that_cannot_be_used_is_refused_in_words(void **state)
{
    (void)state;
    static const char *const bad[] = {"127.0.0.1",   "127.0.0.1:65536", "::1:5060", ":5060",
                                      "127.0.0.1:x", "[::1:5060",       "",         NULL,
                                      "127.0.0.1:-1"};
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char why[256] = "";
        struct port *port = NULL;
        struct port_config config = {.name = "bad", .address = bad[i]};
        assert_int_equal(port_open(loop, &config, &handler, NULL, &port, why, sizeof why),
                         ERR_SYNTAX);
        assert_non_null(strstr(why, "is not an address"));
        assert_null(port);
    }
    struct bench bench = {.loop = loop};
    open_bench(&bench, (struct port_config){0});
    char taken[32];
    char why[256];
    struct port *port = NULL;
    snprintf(taken, sizeof taken, "127.0.0.1:%d", port_number(bench.port));
    struct port_config config = {.name = "second", .address = taken};
    assert_int_equal(port_open(loop, &config, &handler, NULL, &port, why, sizeof why), ERR_IO);
    assert_non_null(strstr(why, "port second cannot listen on 127.0.0.1:"));
    assert_non_null(strstr(why, "stop the other program or choose another address"));
    close_bench(&bench);
}

static void addresses_survive_text_and_back(void **state)
{
    (void)state;
    static const char *const texts[] = {"192.0.2.7:5060", "[2001:db8::7]:1", "[fe80::1%3]:65535",
                                        "0.0.0.0:0"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct port_address address;
        char text[PORT_PEER_ROOM];
        assert_int_equal(port_address_parse(texts[i], &address), ERR_OK);
        port_address_text((const struct sockaddr *)&address.storage, text);
        assert_string_equal(text, texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_and_go_over_tcp),
        cmocka_unit_test(what_is_not_consumed_is_offered_again_with_what_follows),
        cmocka_unit_test(more_unconsumed_bytes_than_allowed_close_the_connection),
        cmocka_unit_test(closing_inside_a_handler_still_sends_the_answer),
        cmocka_unit_test(a_peer_that_never_hangs_up_is_hung_up_on),
        cmocka_unit_test(the_port_may_be_closed_inside_a_handler),
        cmocka_unit_test(a_peer_that_does_not_read_is_closed_at_the_ceiling),
        cmocka_unit_test(what_waits_for_a_slow_reader_arrives_whole_and_in_order),
        cmocka_unit_test(connections_past_the_ceiling_are_refused),
        cmocka_unit_test(out_of_descriptors_accepting_pauses_without_spinning),
        cmocka_unit_test(a_dialling_port_comes_back_when_the_peer_does),
        cmocka_unit_test(datagrams_are_answered_to_their_source),
        cmocka_unit_test(ipv6_works_as_ipv4_does),
        cmocka_unit_test(an_address_that_cannot_be_used_is_refused_in_words),
        cmocka_unit_test(addresses_survive_text_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
