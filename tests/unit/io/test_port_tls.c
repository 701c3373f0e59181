/* test_port_tls.c - TLS on ports: what comes and goes, whose certificate is good, and how it ends. */
#include "unit/io/port_tls_pair.h"

#include "io/log.h"

/* --- good ------------------------------------------------------------------------------------------- */

static void bytes_come_and_go_under_tls(void **state)
{
    struct pair pair = {.far = {.echoes = true}};
    uint64_t before = counter_value("tls_opened", "far");
    open_good(&pair, *state);
    assert_int_equal(conn_send(pair.near.conn, slice_str("an alarm")), ERR_OK);
    turn_until(&pair.near, &pair.near.calls, 1);
    assert_string_equal(pair.near.got, "an alarm");
    assert_int_equal(counter_value("tls_opened", "far"), before + 1);
    conn_close(pair.near.conn);
    turn_until(&pair.far, &pair.far.closed, 1);
    assert_string_equal(pair.far.why, "closed by the peer");
    close_pair(&pair);
}

static void a_name_is_checked_where_one_is_expected(void **state)
{
    const struct tls_bench *ids = *state;
    struct pair pair = {0};
    open_far(&pair, tls_of(&ids->misnamed, NULL, PORT_TLS_NONE));
    open_near(&pair, tls_of(NULL, &ids->ca, PORT_TLS_NONE), "other.example");
    turn_until(&pair.near, &pair.near.opened, 1);
    close_pair(&pair);
}

static void a_certificate_may_be_trusted_by_itself(void **state)
{
    const struct tls_bench *ids = *state;
    const struct tls_id *pinned[] = {&ids->selfsigned, &ids->server};
    for (int i = 0; i < 2; i++) {
        struct pair pair = {0};
        open_far(&pair, tls_of(pinned[i], NULL, PORT_TLS_NONE));
        open_near(&pair, tls_of(NULL, pinned[i], PORT_TLS_NONE), NULL);
        turn_until(&pair.near, &pair.near.opened, 1);
        close_pair(&pair);
    }
}

static void numbers_in_order_by_the_megabyte_both_ways(void **state)
{
    enum { TOTAL = 3000000 / 4, AT_ONCE = 5000 };
    struct pair pair = {.far = {.counts = true}, .near = {.counts = true}};
    open_good(&pair, *state);
    uint32_t to_far = 0;
    uint32_t to_near = 0;
    static uint32_t numbers[AT_ONCE];
    for (double end = ev_time() + 30;
         (pair.far.next < TOTAL || pair.near.next < TOTAL) && ev_time() < end;) {
        struct bench *from[] = {&pair.near, &pair.far};
        uint32_t *sent[] = {&to_far, &to_near};
        for (int k = 0; k < 2; k++) {
            if (*sent[k] < TOTAL && *sent[k] < from[1 - k]->next + 2 * AT_ONCE) {
                for (size_t i = 0; i < AT_ONCE; i++) {
                    numbers[i] = (*sent[k])++;
                }
                assert_int_equal(conn_send(from[k]->conn, slice_of(numbers, sizeof numbers)),
                                 ERR_OK);
            }
        }
        turn(&pair.near, 0.01);
    }
    assert_true(pair.far.next >= TOTAL && pair.near.next >= TOTAL);
    close_pair(&pair);
}

static void one_byte_at_a_time_is_as_good(void **state)
{
    const struct tls_bench *ids = *state;
    struct pair pair = {.far = {.echoes = true}};
    open_far(&pair, tls_of(&ids->server, NULL, PORT_TLS_NONE));
    struct hand hand = hand_open(&pair.far, &ids->ca);
    (void)hand_shake(&hand, &pair.far, 1, SIZE_MAX);
    assert_int_equal(tls_talk_write(hand.talk, slice_str("slowly")), ERR_OK);
    (void)hand_push(&hand, &pair.far, 1, SIZE_MAX);
    turn_until(&pair.far, &pair.far.calls, 1);
    assert_string_equal(pair.far.got, "slowly");
    uint8_t room[64];
    size_t got = 0;
    while (hand_pull(&hand, &pair.far) &&
           tls_talk_read(hand.talk, room, sizeof room, &got) == ERR_MORE) {
    }
    assert_int_equal(got, 6);
    hand_close(&hand);
    close_pair(&pair);
}

/* --- certificates ----------------------------------------------------------------------------------- */

static void a_bad_certificate_of_the_far_side_is_refused_in_plain_words(void **state)
{
    const struct tls_bench *ids = *state;
    const struct {
        const struct tls_id *shown;
        const char *expected;
        const char *why;
    } cases[] = {
        {&ids->expired, NULL, "the peer's certificate has expired, on "},
        {&ids->early, NULL, "the peer's certificate is not valid yet, or our clock is wrong"},
        {&ids->stranger, NULL, "the peer's certificate is signed by nobody whom we trust"},
        {&ids->selfsigned, NULL,
         "the peer's certificate is signed by itself, and is not among those we trust"},
        {&ids->misnamed, NULL, "the peer's certificate is for another name, not for 127.0.0.1"},
        {&ids->server, "arc.example",
         "the peer's certificate is for another name, not for arc.example"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pair pair = {0};
        uint64_t before = counter_value("tls_certificate_refused", "near");
        uint64_t told = counter_value("tls_certificate_refused", "far");
        open_far(&pair, tls_of(cases[i].shown, NULL, PORT_TLS_NONE));
        open_near(&pair, tls_of(NULL, &ids->ca, PORT_TLS_NONE), cases[i].expected);
        turn_until(&pair.near, &pair.near.refused, 1);
        if (strncmp(pair.near.why, cases[i].why, strlen(cases[i].why)) != 0) {
            fail_msg("%s", pair.near.why);
        }
        assert_int_equal(pair.near.opened, 0);
        assert_int_equal(pair.far.opened, 0);
        assert_int_equal(counter_value("tls_certificate_refused", "near"), before + 1);
        for (int k = 0; k < 20; k++) { /* the alert tells the other side */
            turn(&pair.far, 0.005);
        }
        assert_true(counter_value("tls_certificate_refused", "far") > told);
        close_pair(&pair);
    }
}

static void a_device_shows_its_certificate_where_it_must(void **state)
{
    const struct tls_bench *ids = *state;
    const struct {
        enum port_tls_client client;
        const struct tls_id *shown;
        bool is_good;
    } cases[] = {
        {PORT_TLS_REQUIRED, &ids->device, true},      {PORT_TLS_REQUIRED, NULL, false},
        {PORT_TLS_REQUIRED, &ids->old_device, false}, {PORT_TLS_REQUIRED, &ids->odd_device, false},
        {PORT_TLS_REQUIRED, &ids->selfsigned, false}, {PORT_TLS_OPTIONAL, NULL, true},
        {PORT_TLS_OPTIONAL, &ids->device, true},      {PORT_TLS_OPTIONAL, &ids->old_device, false},
        {PORT_TLS_NONE, &ids->old_device, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pair pair = {0};
        uint64_t before = counter_value("tls_certificate_refused", "far");
        open_far(&pair, tls_of(&ids->server, cases[i].client != PORT_TLS_NONE ? &ids->ca : NULL,
                               cases[i].client));
        open_near(&pair, tls_of(cases[i].shown, &ids->ca, PORT_TLS_NONE), NULL);
        turn_until(&pair.near, &pair.near.opened, 1); /* TLS 1.3: the device learns of it later */
        if (cases[i].is_good) {
            turn_until(&pair.far, &pair.far.opened, 1);
        } else {
            turn_until(&pair.near, &pair.near.closed, 1);
            assert_int_equal(pair.far.opened, 0);
            assert_true(counter_value("tls_certificate_refused", "far") > before);
            assert_true(strncmp(pair.near.why, "the peer ", 9) == 0);
        }
        close_pair(&pair);
    }
}

static void files_that_cannot_be_used_are_refused_in_plain_words(void **state)
{
    const struct tls_bench *ids = *state;
    char locked[PATH_ROOM];
    snprintf(locked, sizeof locked, "%s/locked.key", ids->folder);
    FILE *file = fopen(locked, "w");
    assert_int_equal(PEM_write_PrivateKey(file, ids->server.key, EVP_aes_128_cbc(),
                                          (const unsigned char *)"secret", 6, NULL, NULL),
                     1);
    fclose(file);
    const char *certificate = ids->server.certificate_path;
    const char *key = ids->server.key_path;
    const struct {
        struct port_tls tls;
        const char *why;
    } cases[] = {
        {{.certificate = certificate, .key = "/nowhere/a.key"},
         "port bad: the file /nowhere/a.key cannot be read: No such file or directory"},
        {{.certificate = "/nowhere/a.pem", .key = key},
         "port bad: the file /nowhere/a.pem cannot be read"},
        {{.certificate = certificate, .key = ids->device.key_path},
         "is not the key of the certificate"},
        {{.certificate = certificate, .key = certificate}, "holds no private key"},
        {{.certificate = key, .key = key}, "holds no certificate that can be used"},
        {{.certificate = certificate, .key = locked}, "is locked with a password"},
        {{.certificate = certificate, .key = key, .ca = key, .client = PORT_TLS_REQUIRED},
         "holds no certificates of those who may sign"},
        {{.certificate = certificate, .key = key, .client = PORT_TLS_REQUIRED},
         "who may sign (ca)"},
        {{.certificate = certificate}, "needs a certificate and its key"},
        {{.ca = certificate}, "needs a certificate and its key"},
    };
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct port *port = NULL;
        char why[512] = "";
        struct port_config config = {.name = "bad", .address = "127.0.0.1:0", .tls = &cases[i].tls};
        assert_true(port_open(loop, &config, &handler, NULL, &port, why, sizeof why) != ERR_OK);
        if (strstr(why, cases[i].why) == NULL) {
            fail_msg("%s", why);
        }
    }
    ev_loop_destroy(loop);
    unlink(locked);
}

static const char *shown_to(struct pair *pair, const struct tls_bench *ids, char *room, size_t len)
{
    struct hand hand = hand_open(&pair->far, &ids->ca);
    (void)hand_shake(&hand, &pair->far, 16384, SIZE_MAX);
    (void)slice_text(slice_str(tls_talk_subject(hand.talk)), room, len);
    hand_close(&hand);
    return room;
}

static void a_renewed_certificate_is_taken_without_a_restart(void **state)
{
    const struct tls_bench *ids = *state;
    struct pair pair = {0};
    struct tls_id live = ids->server;
    char name[100];
    snprintf(live.certificate_path, PATH_ROOM, "%s/live.pem", ids->folder);
    snprintf(live.key_path, PATH_ROOM, "%s/live.key", ids->folder);
    tls_write(&live);
    open_far(&pair, tls_of(&live, NULL, PORT_TLS_NONE));
    assert_string_equal(shown_to(&pair, ids, name, sizeof name), "/CN=server");

    uint64_t refused = counter_value("tls_renewal_refused", "far");
    live.certificate = ids->stranger.certificate; /* with the old key: half of a renewal */
    tls_write(&live);
    turn_for(&pair.far, 2.1);
    assert_string_equal(shown_to(&pair, ids, name, sizeof name), "/CN=server");
    assert_int_equal(counter_value("tls_renewal_refused", "far"), refused + 1);

    live.certificate = ids->misnamed.certificate;
    live.key = ids->misnamed.key;
    tls_write(&live);
    turn_for(&pair.far, 2.1);
    assert_string_equal(shown_to(&pair, ids, name, sizeof name), "/CN=misnamed");
    unlink(live.certificate_path);
    unlink(live.key_path);
    close_pair(&pair);
}

/* --- ends ------------------------------------------------------------------------------------------- */

static void closing_sends_the_answer_and_says_goodbye(void **state)
{
    const struct tls_bench *ids = *state;
    struct pair pair = {.far = {.echoes = true, .closes = true}};
    open_far(&pair, tls_of(&ids->server, NULL, PORT_TLS_NONE));
    struct hand hand = hand_open(&pair.far, &ids->ca);
    (void)hand_shake(&hand, &pair.far, 16384, SIZE_MAX);
    assert_int_equal(tls_talk_write(hand.talk, slice_str("bye")), ERR_OK);
    (void)hand_push(&hand, &pair.far, 16384, SIZE_MAX);
    uint8_t room[64];
    size_t got = 0;
    enum err err = ERR_MORE;
    while (err == ERR_MORE && hand_pull(&hand, &pair.far)) {
        err = tls_talk_read(hand.talk, room, sizeof room, &got);
    }
    assert_int_equal(got, 3);
    err = tls_talk_read(hand.talk, room, sizeof room, &got);
    while (err == ERR_MORE && hand_pull(&hand, &pair.far)) {
        err = tls_talk_read(hand.talk, room, sizeof room, &got);
    }
    assert_int_equal(err, ERR_NOT_FOUND); /* close_notify, not a cut */
    hand_close(&hand);
    turn_until(&pair.far, &pair.far.closed, 1);
    close_pair(&pair);
}

static void the_ends_goodbye_closes_what_it_was_half(void **state)
{
    const struct tls_bench *ids = *state;
    struct pair pair = {.far = {.echoes = true}};
    open_far(&pair, tls_of(&ids->server, NULL, PORT_TLS_NONE));
    struct hand hand = hand_open(&pair.far, &ids->ca);
    (void)hand_shake(&hand, &pair.far, 16384, SIZE_MAX);
    assert_int_equal(tls_talk_write(hand.talk, slice_str("last words")), ERR_OK);
    tls_talk_bye(hand.talk);
    (void)hand_push(&hand, &pair.far, 16384, SIZE_MAX);
    turn_until(&pair.far, &pair.far.closed, 1);
    assert_string_equal(pair.far.got, "last words");
    assert_string_equal(pair.far.why, "closed by the peer");
    hand_close(&hand);
    close_pair(&pair);
}

static void who_does_not_read_is_closed_at_the_ceiling(void **state)
{
    const struct tls_bench *ids = *state;
    struct pair pair = {0};
    open_far(&pair, tls_of(&ids->server, NULL, PORT_TLS_NONE));
    struct hand hand = hand_open(&pair.far, &ids->ca);
    (void)hand_shake(&hand, &pair.far, 16384, SIZE_MAX);
    turn_until(&pair.far, &pair.far.opened, 1);
    static uint8_t block[30000];
    enum err err = ERR_OK;
    for (int blocks = 0; err == ERR_OK && blocks < 10000; blocks++) {
        err = conn_send(pair.far.conn, slice_of(block, sizeof block));
    }
    assert_int_equal(err, ERR_FULL);
    assert_int_equal(pair.far.closed, 0); /* not from inside conn_send */
    assert_int_equal(conn_send(pair.far.conn, slice_str("x")), ERR_STATE);
    turn_until(&pair.far, &pair.far.closed, 1);
    assert_string_equal(pair.far.why, "the peer does not read");
    hand_close(&hand);
    close_pair(&pair);
}

static void a_port_may_be_closed_inside_its_handlers(void **state)
{
    for (int where = 0; where < 4; where++) {
        struct pair pair = {0};
        const struct tls_bench *ids = *state;
        struct bench *who = where % 2 == 0 ? &pair.near : &pair.far;
        who->closes_port = where < 2;
        who->closes_port_soon = where >= 2;
        pair.near.greets = pair.far.greets = true;
        open_far(&pair, tls_of(&ids->server, NULL, PORT_TLS_NONE));
        open_near(&pair, tls_of(NULL, &ids->ca, PORT_TLS_NONE), NULL);
        turn_until(who, where < 2 ? &who->closed : &who->opened, 1);
        turn_for(&pair.near, 0.02);
        who->closed = who->opened;
        who->port = NULL;
        close_pair(&pair);
    }
}

/* Not a law, a figure: both ends of each connection are in this one thread. */
static void a_connection_costs_so_much(void **state)
{
    enum { ROUNDS = 100 };
    const struct tls_bench *ids = *state;
    double spent[2];
    for (int is_tls = 0; is_tls < 2; is_tls++) {
        struct pair pair = {.far = {.echoes = true}};
        struct port_tls far = tls_of(&ids->server, NULL, PORT_TLS_NONE);
        struct port_tls near = tls_of(NULL, &ids->ca, PORT_TLS_NONE);
        struct port_config config = {.tls = is_tls ? &far : NULL, .conns_max = 2 * ROUNDS};
        config.name = "far";
        open_bench(&pair.far, config);
        snprintf(pair.address, sizeof pair.address, "127.0.0.1:%d", port_number(pair.far.port));
        config = (struct port_config){
            .address = pair.address, .is_dialling = true, .tls = is_tls ? &near : NULL};
        pair.near.loop = pair.far.loop;
        double began = ev_time();
        for (int i = 0; i < ROUNDS; i++) {
            config.name = "near";
            open_bench(&pair.near, config);
            turn_until(&pair.near, &pair.near.opened, i + 1);
            assert_int_equal(conn_send(pair.near.conn, slice_str("x")), ERR_OK);
            turn_until(&pair.near, &pair.near.calls, i + 1);
            port_close(pair.near.port);
        }
        spent[is_tls] = (ev_time() - began) * 1000 / ROUNDS;
        pair.near.port = NULL;
        turn_until(&pair.far, &pair.far.closed, ROUNDS);
        close_pair(&pair);
    }
    print_message(
        "# a connection and one echo: in clear %.2f ms, TLS 1.3 (P-256) %.2f ms, both ends\n",
        spent[0], spent[1]);
}

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_and_go_under_tls),
        cmocka_unit_test(a_name_is_checked_where_one_is_expected),
        cmocka_unit_test(a_certificate_may_be_trusted_by_itself),
        cmocka_unit_test(numbers_in_order_by_the_megabyte_both_ways),
        cmocka_unit_test(one_byte_at_a_time_is_as_good),
        cmocka_unit_test(a_bad_certificate_of_the_far_side_is_refused_in_plain_words),
        cmocka_unit_test(a_device_shows_its_certificate_where_it_must),
        cmocka_unit_test(files_that_cannot_be_used_are_refused_in_plain_words),
        cmocka_unit_test(a_renewed_certificate_is_taken_without_a_restart),
        cmocka_unit_test(closing_sends_the_answer_and_says_goodbye),
        cmocka_unit_test(the_ends_goodbye_closes_what_it_was_half),
        cmocka_unit_test(who_does_not_read_is_closed_at_the_ceiling),
        cmocka_unit_test(a_port_may_be_closed_inside_its_handlers),
        cmocka_unit_test(a_connection_costs_so_much),
    };
    return cmocka_run_group_tests(tests, tls_bench_setup, tls_bench_teardown);
}
