/* test_port_tls.c - TLS on ports: two ports of ours against one another, and peers that send what they
 * should not.
 */
#include "unit/io/tls_bench.h"

#include "io/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

struct bench {
    struct ev_loop *loop;
    struct port *port;
    struct conn *conn; /* the one opened last */
    int opened;
    int closed;
    int refused;
    int calls;
    size_t bytes;
    char got[256];
    char why[256];
    bool echoes;
    bool greets;           /* in on_open */
    bool closes;           /* conn_close inside on_bytes */
    bool closes_port;      /* port_close inside on_bytes */
    bool closes_port_soon; /* ... inside on_open */
    bool counts;           /* what comes are numbers in order */
    uint32_t next;
};

static void *on_open(void *context, struct conn *conn, const char *peer)
{
    struct bench *bench = context;
    assert_non_null(strchr(peer, ':'));
    bench->conn = conn;
    bench->opened++;
    if (bench->greets) {
        (void)conn_send(conn, slice_str("220 hello\r\n")); /* the other end may have gone already */
    }
    if (bench->closes_port_soon) {
        port_close(bench->port);
    }
    return bench;
}

static size_t on_bytes(void *user, struct conn *conn, struct slice bytes, const char *peer)
{
    struct bench *bench = user;
    (void)peer;
    bench->calls++;
    if (bench->counts) {
        size_t whole = bytes.len / sizeof bench->next * sizeof bench->next;
        for (size_t at = 0; at < whole; at += sizeof bench->next) {
            assert_memory_equal(bytes.at + at, &bench->next, sizeof bench->next);
            bench->next++;
        }
        bench->bytes += whole;
        return whole;
    }
    bench->bytes += bytes.len;
    (void)slice_text(bytes, bench->got, sizeof bench->got);
    if (bench->echoes) {
        assert_int_equal(conn_send(conn, bytes), ERR_OK);
    }
    if (bench->closes) {
        conn_close(conn);
        conn_close(conn);
        assert_int_equal(conn_send(conn, slice_str("late")), ERR_STATE);
    }
    if (bench->closes_port) {
        port_close(bench->port);
    }
    return bytes.len;
}

static void on_close(void *user, struct conn *conn, const char *why)
{
    struct bench *bench = user;
    assert_int_equal(conn_send(conn, slice_str("too late")), ERR_STATE);
    if (bench == NULL) {
        return; /* closed before on_open has said whose it is */
    }
    bench->closed++;
    bench->conn = NULL;
    (void)slice_text(slice_str(why), bench->why, sizeof bench->why);
}

static void on_refused(void *context, const char *why)
{
    struct bench *bench = context;
    bench->refused++;
    (void)slice_text(slice_str(why), bench->why, sizeof bench->why);
}

static const struct port_handler handler = {on_open, on_bytes, on_close, on_refused};

static void on_tick(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
    (void)loop;
    (void)timer;
    (void)revents;
}

static void turn(struct bench *bench, double seconds)
{
    struct ev_timer limit;
    ev_now_update(bench->loop);
    ev_timer_init(&limit, on_tick, seconds, 0.0);
    ev_timer_start(bench->loop, &limit);
    ev_run(bench->loop, EVRUN_ONCE);
    ev_timer_stop(bench->loop, &limit);
}

static void turn_until(struct bench *bench, const int *value, int wanted)
{
    for (double end = ev_time() + 5.0; *value < wanted && ev_time() < end;) {
        turn(bench, 0.05);
    }
    assert_true(*value >= wanted);
}

static void turn_for(struct bench *bench, double seconds)
{
    for (double end = ev_time() + seconds; ev_time() < end;) {
        turn(bench, 0.01);
    }
}

static void open_bench(struct bench *bench, struct port_config config, const char *name)
{
    char why[512] = "";
    config.name = name;
    config.address = config.address == NULL ? "127.0.0.1:0" : config.address;
    bench->loop = bench->loop == NULL ? ev_loop_new(EVFLAG_AUTO) : bench->loop;
    if (port_open(bench->loop, &config, &handler, bench, &bench->port, why, sizeof why) != ERR_OK) {
        fail_msg("%s", why);
    }
}

/* A port that listens and one that dials it; both with TLS. */
struct pair {
    struct bench far;
    struct bench near;
    char address[32];
};

static void open_far(struct pair *pair, struct port_tls tls)
{
    open_bench(&pair->far, (struct port_config){.tls = &tls}, "far");
    snprintf(pair->address, sizeof pair->address, "127.0.0.1:%d", port_number(pair->far.port));
    pair->near.loop = pair->far.loop;
}

static void open_near(struct pair *pair, struct port_tls tls, const char *expected)
{
    open_bench(
        &pair->near,
        (struct port_config){
            .address = pair->address, .is_dialling = true, .tls = &tls, .expected = expected},
        "near");
}

static void close_pair(struct pair *pair)
{
    port_close(pair->near.port);
    port_close(pair->far.port);
    assert_int_equal(pair->near.opened, pair->near.closed);
    assert_int_equal(pair->far.opened, pair->far.closed);
    ev_loop_destroy(pair->far.loop);
}

static void open_good(struct pair *pair, const struct tls_bench *ids)
{
    open_far(pair, tls_of(&ids->server, NULL, PORT_TLS_NONE));
    open_near(pair, tls_of(NULL, &ids->ca, PORT_TLS_NONE), NULL);
    turn_until(&pair->near, &pair->near.opened, 1);
    turn_until(&pair->far, &pair->far.opened, 1);
}

/* --- a peer of which every byte is in our hand ------------------------------------------------------ */

struct hand {
    int fd;
    struct tls_side *side;
    struct tls_talk *talk;
};

static int plain_client(struct bench *bench)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port_number(bench->port))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static struct hand hand_open(struct bench *bench, const struct tls_id *ca)
{
    char why[512];
    struct port_tls tls = tls_of(NULL, ca, PORT_TLS_NONE);
    struct hand hand = {.fd = plain_client(bench)};
    assert_int_equal(tls_side_open("hand", &tls, true, &hand.side, why, sizeof why), ERR_OK);
    hand.talk = tls_talk_begin(hand.side, "127.0.0.1");
    return hand;
}

static void hand_close(struct hand *hand)
{
    close(hand->fd);
    tls_talk_end(hand->talk);
    tls_side_drop(hand->side);
}

/* What waits leaves, `step` bytes at a time with a turn of the loop between; at most `most`. */
static size_t hand_push(struct hand *hand, struct bench *bench, size_t step, size_t most)
{
    uint8_t room[16384];
    size_t pushed = 0;
    while (pushed < most && tls_talk_waiting(hand->talk) > 0) {
        size_t len = tls_talk_pull(hand->talk, room, step < most - pushed ? step : most - pushed);
        if (send(hand->fd, room, len, MSG_NOSIGNAL) != (ssize_t)len) {
            break;
        }
        pushed += len;
        ev_run(bench->loop, EVRUN_NOWAIT);
    }
    return pushed;
}

/* What has come is taken in; false: the other side has hung up. */
static bool hand_pull(struct hand *hand, struct bench *bench)
{
    uint8_t room[16384];
    turn(bench, 0.002);
    ssize_t got = recv(hand->fd, room, sizeof room, 0);
    if (got > 0) {
        assert_int_equal(tls_talk_take(hand->talk, slice_of(room, (size_t)got)), ERR_OK);
    }
    return got > 0 || (got < 0 && errno == EAGAIN);
}

/* The whole handshake; how many bytes it took from our side. `most`: cut after so many. */
static size_t hand_shake(struct hand *hand, struct bench *bench, size_t step, size_t most)
{
    size_t pushed = 0;
    enum err err = ERR_MORE;
    while (err == ERR_MORE && pushed < most && hand_pull(hand, bench)) {
        err = tls_talk_shake(hand->talk);
        pushed += hand_push(hand, bench, step, most - pushed);
    }
    return pushed;
}

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

/* --- what is no TLS, or broken ---------------------------------------------------------------------- */

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
    open_bench(&pair.far, (struct port_config){0}, "far");
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
        open_bench(&pair.far, config, "far");
        snprintf(pair.address, sizeof pair.address, "127.0.0.1:%d", port_number(pair.far.port));
        config = (struct port_config){
            .address = pair.address, .is_dialling = true, .tls = is_tls ? &near : NULL};
        pair.near.loop = pair.far.loop;
        double began = ev_time();
        for (int i = 0; i < ROUNDS; i++) {
            open_bench(&pair.near, config, "near");
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
        cmocka_unit_test(clear_text_on_a_tls_port_is_said_and_hurts_nobody),
        cmocka_unit_test(a_far_side_in_clear_text_is_refused),
        cmocka_unit_test(a_handshake_may_be_cut_at_any_byte),
        cmocka_unit_test(a_damaged_record_ends_the_connection),
        cmocka_unit_test(random_bytes_after_a_good_first_one_are_refused),
        cmocka_unit_test(old_versions_and_weak_suites_are_refused),
        cmocka_unit_test(who_says_nothing_is_hung_up_on_after_ten_seconds),
        cmocka_unit_test(closing_sends_the_answer_and_says_goodbye),
        cmocka_unit_test(the_ends_goodbye_closes_what_it_was_half),
        cmocka_unit_test(who_does_not_read_is_closed_at_the_ceiling),
        cmocka_unit_test(a_port_may_be_closed_inside_its_handlers),
        cmocka_unit_test(a_connection_costs_so_much),
    };
    return cmocka_run_group_tests(tests, tls_bench_setup, tls_bench_teardown);
}
