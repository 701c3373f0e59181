/* test_sip_digest.c - digest (RFC 2617): who is let in, once, and who is not. */
#include "unit/io/sip_bench.h"

#include "io/sip_digest.h"

enum { ROOM = 8192, WAIT_MS = 3000, QUIET_MS = 100 };

static const struct sip_digest_user users[] = {
    {"123456", "secret"}, {"hub", "other"}, {NULL, NULL}};

static struct sip_config guarded(void)
{
    struct sip_config config = bench_both();
    config.realm = "arc.example";
    config.users = users;
    return config;
}

static void read_nonce(const char *text, char *ret_nonce)
{
    const char *at = strstr(text, "nonce=\"");
    assert_non_null(at);
    assert_int_equal(sscanf(at + 7, "%99[^\"]", ret_nonce), 1);
}

static void write_proof(char *text, size_t room, const char *nonce, const char *password,
                        const char *count)
{
    char response[33];
    struct digest_answer parts = {.user = slice_str("123456"),
                                  .realm = slice_str("arc.example"),
                                  .password = slice_str(password),
                                  .method = slice_str("MESSAGE"),
                                  .uri = slice_str("sip:alarm@127.0.0.1"),
                                  .nonce = slice_str(nonce),
                                  .count = slice_str(count),
                                  .cnonce = slice_str("0a4f113b")};
    sip_digest_answer(&parts, response);
    snprintf(text, room,
             "Authorization: Digest username=\"123456\", realm=\"arc.example\", nonce=\"%s\", "
             "uri=\"sip:alarm@127.0.0.1\", response=\"%s\"%s%s%s\r\n",
             nonce, response, count[0] != '\0' ? ", qop=auth, cnonce=\"0a4f113b\", nc=" : "", count,
             ", algorithm=MD5");
}

static int try_proof(struct sip_bench *bench, int fd, const char *nonce, const char *password,
                     const char *count, char *text)
{
    static int cseq = 1;
    char proof[1024] = "";
    if (nonce != NULL) {
        write_proof(proof, sizeof proof, nonce, password, count);
    }
    bench_send(fd, text, bench_message(text, ROOM, "z9hG4bKdigest", ++cseq, proof, "x"));
    assert_true(bench_receive(bench, fd, text, ROOM, WAIT_MS) > 0);
    return bench_status(text);
}

static void digest_admits_the_right_password_once_per_count(void **state)
{
    (void)state;
    struct sip_bench bench = {0};
    char text[ROOM];
    char nonce[100];
    bench_open(&bench, guarded());
    int fd = bench_client(&bench, true);
    assert_int_equal(try_proof(&bench, fd, NULL, NULL, NULL, text), 401);
    assert_non_null(strstr(text, "WWW-Authenticate: Digest realm=\"arc.example\", nonce=\""));
    assert_null(strstr(text, "stale"));
    read_nonce(text, nonce);
    assert_int_equal(try_proof(&bench, fd, nonce, "wrong", "00000001", text), 401);
    assert_null(strstr(text, "stale"));
    assert_int_equal(bench.messages, 0);
    assert_int_equal(try_proof(&bench, fd, nonce, "secret", "00000001", text), 200);
    assert_int_equal(bench.messages, 1);
    assert_int_equal(try_proof(&bench, fd, nonce, "secret", "00000001", text), 401);
    assert_non_null(strstr(text, "stale=true"));
    assert_int_equal(try_proof(&bench, fd, nonce, "secret", "00000002", text), 200);
    assert_int_equal(bench.messages, 2);
    close(fd);
    bench_close(&bench);
}

static void digest_without_qop_is_admitted_once_per_nonce(void **state)
{
    (void)state;
    struct sip_bench bench = {0};
    char text[ROOM];
    char nonce[100];
    bench_open(&bench, guarded());
    int fd = bench_client(&bench, true);
    assert_int_equal(try_proof(&bench, fd, NULL, NULL, NULL, text), 401);
    read_nonce(text, nonce);
    assert_int_equal(try_proof(&bench, fd, nonce, "secret", "", text), 200);
    assert_int_equal(try_proof(&bench, fd, nonce, "secret", "", text), 401);
    assert_non_null(strstr(text, "stale=true"));
    close(fd);
    bench_close(&bench);
}

static void digest_guards_register_and_refuses_a_foreign_scheme(void **state)
{
    (void)state;
    struct sip_bench bench = {0};
    char text[ROOM];
    bench_open(&bench, guarded());
    int fd = bench_client(&bench, true);
    bench_ask(&bench, fd, "REGISTER", "", text);
    assert_int_equal(bench_status(text), 401);
    bench_ask(&bench, fd, "REGISTER", "Authorization: NoOneKnowsThisScheme opaque-data=here\r\n",
              text);
    assert_int_equal(bench_status(text), 401);
    bench_ask(&bench, fd, "OPTIONS", "", text);
    assert_int_equal(bench_status(text), 200);
    close(fd);
    bench_close(&bench);
}

/* The example of RFC 2617, 3.5. */
static void digest_computes_the_example_of_its_standard(void **state)
{
    (void)state;
    char response[33];
    struct digest_answer parts = {.user = slice_str("Mufasa"),
                                  .realm = slice_str("testrealm@host.com"),
                                  .password = slice_str("Circle Of Life"),
                                  .method = slice_str("GET"),
                                  .uri = slice_str("/dir/index.html"),
                                  .nonce = slice_str("dcd98b7102dd2f0e8b11d0f600bfb0c093"),
                                  .count = slice_str("00000001"),
                                  .cnonce = slice_str("0a4f113b")};
    sip_digest_answer(&parts, response);
    assert_string_equal(response, "6629fae49393a05397450978507c4ef1");
}

static void an_old_or_forged_nonce_is_told_apart(void **state)
{
    (void)state;
    struct sip_digest digest;
    char line[512];
    char nonce[100];
    char proof[1024];
    uint8_t print[DIGEST_PRINT] = {1};
    bool is_stale = false;
    sip_digest_init(&digest, "arc.example", users);
    struct buf out = buf_of(line, sizeof line);
    sip_digest_challenge(&digest, 1000, false, &out);
    read_nonce(buf_cstr(&out), nonce);
    write_proof(proof, sizeof proof, nonce, "secret", "00000001");
    struct slice value = slice_trim(slice_from(slice_str(proof), strlen("Authorization: ")));
    struct slice method = slice_str("MESSAGE");
    int64_t late_ms = 1000 + DIGEST_LIFE_MS + 1;
    assert_int_equal(sip_digest_check(&digest, value, method, print, late_ms, &is_stale), ERR_AUTH);
    assert_true(is_stale);
    assert_int_equal(sip_digest_check(&digest, value, method, print, 999, &is_stale), ERR_AUTH);
    assert_int_equal(sip_digest_check(&digest, value, method, print, 2000, &is_stale), ERR_OK);
    assert_int_equal(sip_digest_check(&digest, value, method, print, 2001, &is_stale), ERR_OK);
    nonce[0] = nonce[0] == '0' ? '1' : '0';
    write_proof(proof, sizeof proof, nonce, "secret", "00000002");
    assert_int_equal(sip_digest_check(&digest, value, method, print, 2000, &is_stale), ERR_AUTH);
    assert_false(is_stale);
    sip_digest_finish(&digest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest_admits_the_right_password_once_per_count),
        cmocka_unit_test(digest_without_qop_is_admitted_once_per_nonce),
        cmocka_unit_test(digest_guards_register_and_refuses_a_foreign_scheme),
        cmocka_unit_test(digest_computes_the_example_of_its_standard),
        cmocka_unit_test(an_old_or_forged_nonce_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
