/* test_web.c - websocket clients: who comes in, what they may send, and what one of them can cost. */
#include "unit/io/test_web_peer.h"

static void a_good_handshake_opens_a_client_and_texts_go_both_ways(void **state)
{
    struct house *house = *state;
    struct peer *peer = peer_join(house);
    assert_int_equal(house->opened, 1);
    assert_string_equal(house->cookie, "token=abc");
    peer_text(peer, "hej p\xc3\xa5 dig");
    assert_true(peer_hears(peer, "hej p\xc3\xa5 dig", 5));
    assert_true(web_is_drained(house->client));
    peer_hang_up(peer);
    assert_true(house_until(house, &house->closed, 1, 5));
}

static void refused(struct house *house, const char *origin, const char *subprotocol)
{
    struct peer *peer = peer_dial(house);
    peer_ask_ws(peer, origin, subprotocol);
    assert_true(peer_sees_the_end(peer, 5));
    assert_null(strstr((char *)peer->in, " 101 "));
    assert_non_null(strstr((char *)peer->in, " 40"));
    peer_hang_up(peer);
    assert_int_equal(house->opened, 0);
}

static void a_foreign_or_missing_origin_is_refused(void **state)
{
    struct house *house = *state;
    char longer[80];
    (void)snprintf(longer, sizeof(longer), "Origin: http://127.0.0.1:%d.evil.example\r\n",
                   web_number(house->web));
    refused(house, "Origin: http://evil.example\r\n", SUBPROTOCOL);
    refused(house, longer, SUBPROTOCOL);
    refused(house, "Origin: null\r\n", SUBPROTOCOL);
    refused(house, "Origin: \r\n", SUBPROTOCOL);
    refused(house, "", SUBPROTOCOL);
}

static void another_subprotocol_or_none_is_refused(void **state)
{
    struct house *house = *state;
    refused(house, own_origin(house), "");
    refused(house, own_origin(house), "Sec-WebSocket-Protocol: chat\r\n");
    refused(house, own_origin(house), "Sec-WebSocket-Protocol: http\r\n");
}

static void a_message_may_come_in_pieces(void **state)
{
    struct house *house = *state;
    struct peer *peer = peer_join(house);
    peer_frame(peer, 0x01, "one ", 4);
    peer_frame(peer, 0x00, "two ", 4);
    peer_frame(peer, 0x80, "three", 5);
    assert_true(peer_hears(peer, "one two three", 5));
    static char whole[8192];
    memset(whole, 'a', sizeof(whole));
    peer_frame(peer, 0x81, whole, sizeof(whole));
    assert_true(house_until(house, &house->texts, 2, 5));
    assert_int_equal(house->last_len, sizeof(whole));
    peer_hang_up(peer);
}

static void a_message_over_8_kib_is_closed_with_1009(void **state)
{
    static char big[8193];
    memset(big, 'a', sizeof(big));
    struct peer *peer = peer_join(*state);
    peer_frame(peer, 0x81, big, sizeof(big));
    assert_int_equal(peer_close_code(peer, 5), 1009);
    assert_int_equal(((struct house *)*state)->texts, 0);
    peer_hang_up(peer);
}

static void endless_fragments_are_closed_with_1009(void **state)
{
    struct peer *peer = peer_join(*state);
    peer_frame(peer, 0x01, "x", 1);
    for (int i = 0; i < 70; i++) {
        peer_frame(peer, 0x00, "x", 1);
    }
    assert_int_equal(peer_close_code(peer, 5), 1009);
    peer_hang_up(peer);
}

static void endless_empty_fragments_are_closed_with_1009(void **state)
{
    struct peer *peer = peer_join(*state);
    peer_frame(peer, 0x01, "x", 1);
    for (int i = 0; i < 70; i++) {
        peer_frame(peer, 0x00, "", 0);
    }
    assert_int_equal(peer_close_code(peer, 5), 1009);
    peer_hang_up(peer);
}

static void binary_and_bad_utf8_are_closed(void **state)
{
    struct peer *peer = peer_join(*state);
    peer_frame(peer, 0x82, "x", 1);
    assert_int_equal(peer_close_code(peer, 5), 1003);
    peer_hang_up(peer);
    peer = peer_join(*state);
    peer_frame(peer, 0x81, "\xff\xfe", 2);
    assert_int_equal(peer_close_code(peer, 5), 1007);
    peer_hang_up(peer);
    assert_int_equal(((struct house *)*state)->texts, 0);
}

static void a_flood_of_messages_is_closed_with_4004(void **state)
{
    struct house *house = *state;
    struct peer *peer = peer_join(house);
    for (int i = 0; i < 60; i++) {
        peer_text(peer, "x");
    }
    assert_int_equal(peer_close_code(peer, 5), WEB_CLOSE_TOO_MANY);
    assert_in_range(house->texts, 40, 50);
    assert_true(house_until(house, &house->closed, 1, 5));
    peer_hang_up(peer);
}

static void what_was_sent_before_a_close_still_arrives(void **state)
{
    struct house *house = *state;
    struct peer *peer = peer_join(house);
    peer_text(peer, "bye");
    assert_int_equal(peer_close_code(peer, 5), WEB_CLOSE_NOT_ALLOWED);
    assert_non_null(memmem(peer->in, peer->in_len, "last words", 10));
    assert_int_equal(house->closed, 1);
    peer_hang_up(peer);
}

/* Fills what the kernel and the queue take; the number of texts that were taken. */
static int fill(struct house *house, struct web_client *client)
{
    static char text[8000];
    memset(text, 'z', sizeof(text));
    int taken = 0;
    enum err err = ERR_OK;
    while (err == ERR_OK && taken < 10000) {
        err = web_send(client, slice_of(text, sizeof(text)));
        taken += err == ERR_OK;
        if (taken % 16 == 0) {
            (void)ev_run(house->loop, EVRUN_NOWAIT);
        }
    }
    assert_int_equal(err, ERR_FULL);
    assert_int_equal(web_send(client, slice_str("more")), ERR_STATE);
    return taken;
}

static void a_client_that_does_not_read_is_closed_with_4001_and_alone(void **state)
{
    struct house *house = *state;
    struct peer *good = peer_join(house);
    struct peer *slow = peer_join_small(house, 4096);
    struct web_client *client = house->client;
    assert_in_range(fill(house, client), 32, 2000);
    peer_text(good, "are you there");
    assert_true(peer_hears(good, "are you there", 2));
    assert_int_equal(peer_close_code(slow, 2.5), WEB_CLOSE_SLOW); /* it reads again in time */
    assert_true(house_until(house, &house->closed, 1, 2));
    peer_hang_up(slow);

    slow = peer_join_small(house, 4096);
    (void)fill(house, house->client);
    assert_true(house_until(house, &house->closed, 2, 5)); /* it never does: it is cut */
    peer_text(good, "still there");
    assert_true(peer_hears(good, "still there", 2));
    assert_int_equal(house->closed, 2);
    peer_hang_up(slow);
    peer_hang_up(good);
}

static void a_silent_client_is_pinged_and_then_cut(void **state)
{
    struct house *house = *state;
    struct peer *peer = peer_join(house); /* never answers a ping */
    double before = ev_time();
    assert_true(peer_hears(peer, "\x89", 8));
    assert_true(house_until(house, &house->closed, 1, 16 - (ev_time() - before)));
    assert_true(ev_time() - before > 9);
    peer_hang_up(peer);
}

static long resident_kb(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
    (void)fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void four_hundred_clients_are_counted_and_cheap(void **state)
{
    enum { CLIENTS = 400 };
    struct house *house = *state;
    static int fds[CLIENTS];
    long before = 0;
    for (int i = 0; i < CLIENTS; i++) {
        if (i == CLIENTS / 4) { /* the first ones pay for tables */
            before = resident_kb();
        }
        struct peer *peer = peer_join(house);
        fds[i] = dup(peer->fd);
        peer_hang_up(peer);
    }
    long kb = resident_kb() - before;
    print_message("%d idle clients: %ld bytes resident each\n", CLIENTS,
                  kb * 1024 / (CLIENTS - CLIENTS / 4));
#ifndef __SANITIZE_ADDRESS__ /* its red zones are not ours */
    assert_true(kb < 4 * (CLIENTS - CLIENTS / 4));
#endif
    assert_int_equal(house->opened, CLIENTS);
    assert_int_equal(house->closed, 0);
    for (int i = 0; i < CLIENTS; i++) {
        (void)close(fds[i]);
    }
    assert_true(house_until(house, &house->closed, CLIENTS, 5));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_good_handshake_opens_a_client_and_texts_go_both_ways),
        CASE(a_foreign_or_missing_origin_is_refused),
        CASE(another_subprotocol_or_none_is_refused),
        CASE(a_message_may_come_in_pieces),
        CASE(a_message_over_8_kib_is_closed_with_1009),
        CASE(endless_fragments_are_closed_with_1009),
        CASE(endless_empty_fragments_are_closed_with_1009),
        CASE(binary_and_bad_utf8_are_closed),
        CASE(a_flood_of_messages_is_closed_with_4004),
        CASE(what_was_sent_before_a_close_still_arrives),
        CASE(a_client_that_does_not_read_is_closed_with_4001_and_alone),
        CASE(a_silent_client_is_pinged_and_then_cut),
        CASE(four_hundred_clients_are_counted_and_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
