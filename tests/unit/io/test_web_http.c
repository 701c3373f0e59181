/* test_web_http.c - pages and requests, upgrade probes, slow and foreign peers. */
#include "unit/io/test_web_peer.h"

static struct peer *ask(struct house *house, const char *request)
{
    struct peer *peer = peer_dial(house);
    peer_tell(peer, request);
    return peer;
}

static void hears_status(struct house *house, const char *request, const char *status)
{
    struct peer *peer = ask(house, request);
    char wanted[32];
    (void)snprintf(wanted, sizeof(wanted), " %s ", status);
    bool is_heard = peer_hears(peer, wanted, 5);
    if (!is_heard) {
        print_message("%s\n was answered by\n%s\n", request, (char *)peer->in);
    }
    assert_true(is_heard);
    peer_hang_up(peer);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static void a_page_is_served_with_all_security_headers(void **state)
{
    struct peer *peer = ask(*state, GET("/"));
    assert_true(peer_hears(peer, "<title>larm</title>", 5));
    const char *text = (const char *)peer->in;
    assert_ptr_equal(strstr(text, "HTTP/1.1 200 OK"), text);
    assert_non_null(strstr(text, "content-type: text/html; charset=utf-8\r\n"));
    assert_non_null(strstr(text, "default-src 'self'"));
    assert_non_null(strstr(text, "frame-ancestors 'none'"));
    assert_null(strstr(text, "unsafe-inline"));
    assert_non_null(strstr(text, "x-content-type-options: nosniff\r\n"));
    assert_non_null(strstr(text, "referrer-policy: no-referrer\r\n"));
    assert_non_null(strstr(text, "permissions-policy: camera=()"));
    assert_non_null(strstr(text, "etag: \""));
    assert_non_null(strstr(text, "cache-control: no-cache\r\n"));
    peer_hang_up(peer);
    peer = ask(*state, GET("/desk"));
    assert_true(peer_hears(peer, "<title>desk</title>", 5));
    peer_hang_up(peer);
}

static void a_long_page_comes_whole_and_a_known_one_is_not_sent_again(void **state)
{
    struct peer *peer = ask(*state, GET("/app.js"));
    assert_true(peer_hears(peer, "content-length: 400000\r\n", 5));
    assert_non_null(strstr((char *)peer->in, "content-type: text/javascript"));
    const char *body = strstr((char *)peer->in, "\r\n\r\n");
    assert_non_null(body);
    size_t whole = (size_t)(body - (char *)peer->in) + 4 + 400000;
    for (double until = ev_time() + 5; ev_time() < until && peer->in_len < whole;) {
        peer_pump(peer);
    }
    assert_int_equal(peer->in_len, whole);
    char etag[64] = "";
    assert_int_equal(sscanf(strstr((char *)peer->in, "etag: "), "etag: %63s", etag), 1);
    peer->in_len = 0;
    char again[256]; /* on the same connection */
    (void)snprintf(again, sizeof(again),
                   "GET /app.js HTTP/1.1\r\nHost: x\r\nIf-None-Match: %s\r\n\r\n", etag);
    peer_tell(peer, again);
    assert_true(peer_hears(peer, "HTTP/1.1 304 ", 5));
    peer_hang_up(peer);
}

static void head_gives_headers_only(void **state)
{
    struct peer *peer = ask(*state, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(peer_hears(peer, "content-length: 34\r\n", 5));
    house_run(*state, 0.05);
    peer_pump(peer);
    assert_null(strstr((char *)peer->in, "<title>"));
    peer_tell(peer, GET("/desk"));
    assert_true(peer_hears(peer, "<title>desk</title>", 5));
    peer_hang_up(peer);
}

static void no_path_leads_out_of_the_folder(void **state)
{
    static const char *const paths[] = {
        "/../secret",       "/../../etc/passwd",   "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2fetc/passwd", "/a/../../etc/passwd", "//etc/passwd",
        "/secret.conf",     "/index.html%00.js",   "/./../etc/passwd",
        "/nothing",
    };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        char request[256];
        (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", paths[i]);
        struct peer *peer = ask(*state, request);
        bool is_answered = peer_hears(peer, "\r\n\r\n", 5);
        if (strstr((char *)peer->in, " 404 ") == NULL) {
            print_message("%s: %.60s\n", paths[i], (char *)peer->in);
        }
        assert_true(is_answered || peer->is_closed);
        assert_null(strstr((char *)peer->in, " 200 "));
        assert_null(strstr((char *)peer->in, "root:"));
        assert_null(strstr((char *)peer->in, "password"));
        peer_hang_up(peer);
    }
}

static void a_post_reaches_the_house_and_its_reply_the_peer(void **state)
{
    struct house *house = *state;
    struct peer *peer =
        ask(house, "POST /echo?a=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n");
    house_run(house, 0.05);
    assert_int_equal(house->requests, 0);
    peer_tell(peer, "{\"a\":");
    house_run(house, 0.02);
    peer_tell(peer, "\"bcd\"}");
    assert_true(peer_hears(peer, "{\"a\":\"bcd\"}", 5));
    assert_non_null(strstr((char *)peer->in, "content-type: application/json\r\n"));
    assert_non_null(strstr((char *)peer->in, "cache-control: no-store\r\n"));
    assert_non_null(strstr((char *)peer->in, "set-cookie: ticket=1; HttpOnly\r\n"));
    peer->in_len = 0;
    peer_tell(peer, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    assert_true(peer_hears(peer, "content-length: 0\r\n", 5));
    assert_int_equal(house->requests, 2);
    peer_hang_up(peer);
}

static void what_cannot_be_meant_well_is_refused(void **state)
{
    struct house *house = *state;
    hears_status(house, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 8193\r\n\r\n", "413");
    hears_status(house, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "400");
    hears_status(house, "POST /echo HTTP/1.1\r\nHost: x\r\n\r\n", "411");
    hears_status(
        house, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "411");
    hears_status(house, "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", "405");
    hears_status(house, "DELETE /echo HTTP/1.1\r\nHost: x\r\n\r\n", "405");
    hears_status(house,
                 "POST /echo HTTP/1.1\r\nHost: x\r\nOrigin: http://evil.example\r\n"
                 "Content-Length: 1\r\n\r\nx",
                 "403");
    assert_int_equal(house->requests, 0);
    hears_status(house,
                 "POST /echo HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\nContent-Length: 1\r\n\r\nx",
                 "200");
    struct peer *peer = ask(house, "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\nraw bytes");
    assert_true(peer_sees_the_end(peer, 8));
    assert_int_equal(peer->in_len, 0);
    peer_hang_up(peer);
}

static void hears_hook(struct house *house, const char *headers, const char *body, const char *seen)
{
    char request[8192];
    (void)snprintf(request, sizeof(request),
                   "POST /hook/gps HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s", headers,
                   strlen(body), body);
    struct peer *peer = ask(house, request);
    bool is_heard = peer_hears(peer, seen, 5);
    if (!is_heard) {
        print_message("%s\n was answered by\n%s\n", request, (char *)peer->in);
    }
    assert_true(is_heard);
    peer_hang_up(peer);
}

static void a_hook_is_told_the_headers_that_its_port_names(void **state)
{
    struct house *house = *state;
    hears_hook(house, "", "x", "\r\n\r\n||||x");
    hears_hook(house,
               "x-signature: sha256=ab\r\nAuthorization: Bearer a b\r\nDate: now\r\n"
               "Content-Type: application/json; charset=utf-8\r\nX-Other: 1\r\n",
               "{}", "\r\n\r\nsha256=ab|Bearer a b|now|application/json|{}");
    hears_hook(house, "X-SIGNATURE:   many   blanks  \r\nX-Signature-2: no\r\n", "{}",
               "many   blanks");
    /* Another name that begins or ends alike is another header. */
    hears_hook(house, "X-Signatur: no\r\nMy-X-Signature: no\r\n", "{}", "\r\n\r\n||||{}");
    /* Who waits for leave to send its body is not kept out; it sends when it has waited enough. */
    struct peer *peer = ask(house, "POST /hook/gps HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                                   "X-Signature: late\r\nContent-Length: 2\r\n\r\n");
    house_run(house, 1.2);
    peer_tell(peer, "{}");
    assert_true(peer_hears(peer, "late||||{}", 5));
    peer_hang_up(peer);
}

static void a_late_reply_arrives_and_one_after_the_peer_left_is_harmless(void **state)
{
    struct house *house = *state;
    struct peer *peer = ask(house, GET("/late"));
    assert_true(house_until(house, &house->requests, 1, 5));
    peer_tell(peer, GET("/desk")); /* pipelined: must wait its turn */
    house_run(house, 0.3);
    peer_pump(peer);
    assert_int_equal(peer->in_len, 0);
    web_reply(house->late, 200, "text/plain", NULL, slice_str("at last"));
    assert_true(peer_hears(peer, "at last", 5));
    assert_true(peer_hears(peer, "<title>desk</title>", 5));
    peer_hang_up(peer);

    peer = ask(house, GET("/late"));
    assert_true(house_until(house, &house->requests, 2, 5));
    peer_hang_up(peer);
    house_run(house, 0.3);
    web_reply(house->late, 200, "text/plain", NULL, slice_str("nobody is there"));
    house_run(house, 0.1);
    hears_status(house, GET("/desk"), "200");
}

/* ---- the probes of reliability.md finding 6 ---------------------------------------------------- */

static void only_websocket_is_an_upgrade(void **state)
{
    static const char *const probes[] = {
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: "
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n",
    };
    static const uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
            struct peer *peer = ask(*state, probes[i]);
            peer_say(peer, settings, sizeof(settings));
            assert_true(peer_sees_the_end(peer, 7));
            assert_null(strstr((char *)peer->in, " 101 "));
            assert_null(strstr((char *)peer->in, "HTTP/2"));
            assert_true(peer->in_len == 0 || memcmp(peer->in, "HTTP/1.", 7) == 0);
            peer_hang_up(peer);
        }
    }
    hears_status(*state, GET("/"), "200");
}

/* Runs a shell line beside the loop and returns what it wrote. */
static char *run_beside(struct house *house, const char *line)
{
    static char out[65536];
    size_t len = 0;
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    int fd = fileno(pipe);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    for (double until = ev_time() + 8; ev_time() < until && len < sizeof(out) - 1;) {
        (void)ev_run(house->loop, EVRUN_NOWAIT);
        ssize_t got = read(fd, out + len, sizeof(out) - 1 - len);
        if (got == 0) {
            break;
        }
        len += got > 0 ? (size_t)got : 0;
        (void)usleep(500);
    }
    (void)pclose(pipe);
    out[len] = '\0';
    return out;
}

/* The web server again, with a certificate that was made just now. */
static void house_with_tls(struct house *house)
{
    char line[1024];
    char certificate[128];
    char key[128];
    (void)snprintf(certificate, sizeof(certificate), "%s/cert.pem", house->pages);
    (void)snprintf(key, sizeof(key), "%s/key.pem", house->pages);
    (void)snprintf(line, sizeof(line),
                   "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 "
                   "-subj /CN=localhost -keyout %s -out %s 2>/dev/null",
                   key, certificate);
    assert_int_equal(system(line), 0);
    web_close(house->web);
    house_open(house, certificate, key);
}

static void inside_tls_there_is_no_http2_either(void **state)
{
    struct house *house = *state;
    char line[1024];
    house_with_tls(house);
    int port = web_number(house->web);
    (void)snprintf(
        line, sizeof(line),
        "timeout 5 openssl s_client -connect 127.0.0.1:%d -alpn h2,http/1.1 </dev/null 2>&1", port);
    assert_non_null(strstr(run_beside(house, line), "ALPN protocol: http/1.1"));
    (void)snprintf(line, sizeof(line),
                   "timeout 5 openssl s_client -connect 127.0.0.1:%d -alpn h2 </dev/null 2>&1",
                   port);
    assert_null(strstr(run_beside(house, line), "ALPN protocol: h2"));
    (void)snprintf(
        line, sizeof(line),
        "(printf 'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n'; sleep 0.5) | timeout 5 openssl "
        "s_client -quiet -connect 127.0.0.1:%d 2>/dev/null",
        port);
    const char *answer = run_beside(house, line); /* HTTP/1.x 403, and no settings frame */
    assert_true(answer[0] == '\0' || strncmp(answer, "HTTP/1.", 7) == 0);
    assert_null(strstr(answer, "HTTP/2"));
    (void)snprintf(line, sizeof(line),
                   "(printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade, "
                   "HTTP2-Settings\\r\\nUpgrade: h2c\\r\\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"
                   "\\r\\n\\r\\n'; sleep 0.5) | timeout 5 openssl s_client -quiet -connect "
                   "127.0.0.1:%d 2>/dev/null",
                   port);
    assert_null(strstr(run_beside(house, line), "101"));
    (void)snprintf(
        line, sizeof(line),
        "(printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'; sleep 0.5) | timeout 5 openssl "
        "s_client -quiet -connect 127.0.0.1:%d 2>/dev/null",
        port);
    assert_non_null(strstr(run_beside(house, line), "<title>larm</title>"));
}

/* What curl says of the port in clear: status and Location. */
static const char *sent_from(struct house *house, const char *words)
{
    char line[512];
    (void)snprintf(line, sizeof(line),
                   "curl -s -m 5 -o /dev/null -w '%%{http_code} %%{redirect_url}' %s", words);
    return run_beside(house, line);
}

static void beside_the_encrypted_pages_the_port_in_clear_only_redirects(void **state)
{
    struct house *house = *state;
    char words[256];
    char wanted[256];
    assert_int_equal(web_redirect_number(house->web), 0); /* none without a certificate */
    house_with_tls(house);
    int port = web_number(house->web);
    int clear = web_redirect_number(house->web);
    assert_true(clear != 0);
    static const char *const cases[][2] = {{"", "/"},
                                           {"desk?unit=eken&x=1", "desk?unit=eken&x=1"},
                                           {"nothing/here", "nothing/here"},
                                           {"a%0d%0aX-Evil:%201", "a"},
                                           {"r%c3%a5d%20a%22", "r%c3%a5d%20a%22"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(words, sizeof(words), "'http://localhost:%d/%s'", clear, cases[i][0]);
        (void)snprintf(wanted, sizeof(wanted), "308 https://localhost:%d/%s", port,
                       i == 0 ? "" : cases[i][1]);
        assert_string_equal(sent_from(house, words), wanted);
    }
    (void)snprintf(words, sizeof(words), "-d secret http://127.0.0.1:%d/echo", clear);
    (void)snprintf(wanted, sizeof(wanted), "308 https://127.0.0.1:%d/echo", port);
    assert_string_equal(sent_from(house, words), wanted);
    (void)snprintf(words, sizeof(words), "-H 'Host: a\"b' http://127.0.0.1:%d/", clear);
    assert_true(strncmp(sent_from(house, words), "400 ", 4) == 0);
    (void)snprintf(words, sizeof(words),
                   "-H 'Upgrade: websocket' -H 'Connection: Upgrade' -H 'Sec-WebSocket-Key: "
                   "MDEyMzQ1Njc4OWFiY2RlZg==' -H 'Sec-WebSocket-Version: 13' "
                   "http://127.0.0.1:%d/ws",
                   clear);
    assert_true(strncmp(sent_from(house, words), "101", 3) != 0);
    assert_int_equal(house->requests, 0); /* nothing of it has reached the house */
    assert_int_equal(house->opened, 0);
    char line[512];
    (void)snprintf(line, sizeof(line),
                   "curl -s -m 5 -L --cacert %s/cert.pem http://localhost:%d/desk", house->pages,
                   clear);
    assert_non_null(strstr(run_beside(house, line), "<title>desk</title>"));
}

/* ---- slow peers ------------------------------------------------------------------------------- */

static void slow_headers_keep_nobody_out_and_are_cut(void **state)
{
    enum { SLOW = 200 };
    struct house *house = *state;
    static int slow[SLOW + 100];
    for (int i = 0; i < SLOW + 100; i++) { /* the last hundred push out the first ones */
        struct peer *peer = ask(house, "GET / HTTP/1.1\r\nHost: ");
        slow[i] = dup(peer->fd);
        peer_hang_up(peer);
        house_run(house, 0.001);
    }
    double before = ev_time();
    struct peer *newcomer = peer_join(house);
    peer_text(newcomer, "here I am");
    assert_true(peer_hears(newcomer, "here I am", 2));
    assert_true(ev_time() - before < 2);
    peer_hang_up(newcomer);
    /* One that sends a letter every half second is still not done after eight. */
    struct peer *trickle = ask(house, "GET / HTTP/1.1\r\nHost: ");
    before = ev_time();
    while (!trickle->is_closed && ev_time() - before < 12) {
        peer_tell(trickle, "x");
        for (int i = 0; i < 10 && !trickle->is_closed; i++) {
            peer_pump(trickle);
            house_run(house, 0.05);
        }
    }
    assert_true(trickle->is_closed);
    peer_hang_up(trickle);
    for (int i = 0; i < SLOW + 100; i++) {
        char byte = 0;
        assert_int_equal(fcntl(slow[i], F_SETFL, O_NONBLOCK), 0);
        assert_true(recv(slow[i], &byte, 1, 0) >= 0 || errno == ECONNRESET);
        (void)close(slow[i]);
    }
}

static void a_taken_address_and_a_bad_one_are_told_in_plain_words(void **state)
{
    struct house *house = *state;
    char address[64];
    char why[512];
    struct web *second = NULL;
    struct web_handler handler = {0};
    (void)snprintf(address, sizeof(address), "127.0.0.1:%d", web_number(house->web));
    struct web_config config = {.address = address};
    assert_int_equal(web_open(house->loop, &config, &handler, NULL, &second, why, sizeof(why)),
                     ERR_IO);
    assert_non_null(strstr(why, "Is another program there?"));
    config.address = "localhost";
    assert_int_equal(web_open(house->loop, &config, &handler, NULL, &second, why, sizeof(why)),
                     ERR_SYNTAX);
    config.address = "127.0.0.1:0";
    config.pages = "/nonexistent/folder";
    assert_int_equal(web_open(house->loop, &config, &handler, NULL, &second, why, sizeof(why)),
                     ERR_IO);
    assert_non_null(strstr(why, "/nonexistent/folder"));
    assert_null(second);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_page_is_served_with_all_security_headers),
        CASE(a_long_page_comes_whole_and_a_known_one_is_not_sent_again),
        CASE(head_gives_headers_only),
        CASE(no_path_leads_out_of_the_folder),
        CASE(a_post_reaches_the_house_and_its_reply_the_peer),
        CASE(what_cannot_be_meant_well_is_refused),
        CASE(a_hook_is_told_the_headers_that_its_port_names),
        CASE(a_late_reply_arrives_and_one_after_the_peer_left_is_harmless),
        CASE(only_websocket_is_an_upgrade),
        CASE(inside_tls_there_is_no_http2_either),
        CASE(beside_the_encrypted_pages_the_port_in_clear_only_redirects),
        CASE(slow_headers_keep_nobody_out_and_are_cut),
        CASE(a_taken_address_and_a_bad_one_are_told_in_plain_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
