/* test_keys.c - the gateway's secrets: made once, refused when seen by others; names, tokens and PINs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/keys.h"

static char dir[64];
static char why[256];

static int make_folder(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/samlarm-keys-XXXXXX");
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"keys", "keys.new", "pins", "pins.new"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    return rmdir(dir);
}

static struct keys *open_keys(void)
{
    struct keys *keys = NULL;
    assert_int_equal(keys_open(dir, &keys, why, sizeof why), ERR_OK);
    return keys;
}

static void set_mode(const char *name, mode_t mode)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(chmod(path, mode), 0);
}

static void keys_are_made_once_and_found_again(void **state)
{
    (void)state;
    uint8_t first[KEY_SIGN_PUBLIC];
    struct keys *keys = open_keys();
    memcpy(first, keys_sign_public(keys), sizeof first);
    keys_close(keys);

    char path[128];
    struct stat about;
    snprintf(path, sizeof path, "%s/keys", dir);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);

    keys = open_keys();
    assert_memory_equal(first, keys_sign_public(keys), sizeof first);
    uint8_t signature[64];
    crypto_sign_detached(signature, NULL, first, sizeof first, keys_sign_secret(keys));
    assert_int_equal(crypto_sign_verify_detached(signature, first, sizeof first, first), 0);
    keys_close(keys);
}

static void keys_that_others_may_read_are_refused(void **state)
{
    (void)state;
    keys_close(open_keys());
    struct keys *keys = NULL;
    static const mode_t modes[] = {0640, 0604, 0620, 0601};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        set_mode("keys", modes[i]);
        assert_int_equal(keys_open(dir, &keys, why, sizeof why), ERR_AUTH);
        assert_non_null(strstr(why, "chmod 600"));
    }
    set_mode("keys", 0600);
    keys_close(open_keys());
}

static void every_changed_byte_of_the_file_is_noticed(void **state)
{
    (void)state;
    keys_close(open_keys());
    char path[128];
    snprintf(path, sizeof path, "%s/keys", dir);
    int fd = open(path, O_RDWR);
    uint8_t text[512];
    ssize_t len = read(fd, text, sizeof text);
    assert_in_range(len, 200, 400);
    for (ssize_t i = 0; i < len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            uint8_t changed = (uint8_t)(text[i] ^ (1u << bit));
            struct keys *keys = NULL;
            assert_int_equal(pwrite(fd, &changed, 1, i), 1);
            assert_int_not_equal(keys_open(dir, &keys, why, sizeof why), ERR_OK);
            assert_int_not_equal(why[0], '\0');
        }
        assert_int_equal(pwrite(fd, &text[i], 1, i), 1);
    }
    assert_int_equal(ftruncate(fd, len - 1), 0);
    struct keys *keys = NULL;
    assert_int_equal(keys_open(dir, &keys, why, sizeof why), ERR_CHECKSUM);
    close(fd);
}

static void same_name_gives_same_pseudonym_and_other_domain_another(void **state)
{
    (void)state;
    struct keys *keys = open_keys();
    char a[17];
    char b[17];
    char c[17];
    char d[17];
    keys_pseudonym(keys, "place", slice_str("Solgläntan 12"), a, sizeof a);
    keys_pseudonym(keys, "place", slice_str("Solgläntan 12"), b, sizeof b);
    keys_pseudonym(keys, "resident", slice_str("Solgläntan 12"), c, sizeof c);
    keys_pseudonym(keys, "place", slice_str("Solgläntan 13"), d, sizeof d);
    assert_int_equal(strlen(a), 10);
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    assert_string_not_equal(a, d);
    keys_close(keys);
}

static struct slice make_token(const struct keys *keys, uint8_t *room, size_t len)
{
    struct buf out = buf_of(room, len);
    assert_int_equal(keys_token_make(keys, "session", "anna.b", 1000, &out), ERR_OK);
    return buf_slice(&out);
}

static void token_is_good_until_it_expires(void **state)
{
    (void)state;
    struct keys *keys = open_keys();
    uint8_t room[200];
    char staff[32];
    struct slice token = make_token(keys, room, sizeof room);
    assert_int_equal(keys_token_check(keys, "session", token, 999, staff, sizeof staff), ERR_OK);
    assert_string_equal(staff, "anna.b");
    assert_int_equal(keys_token_check(keys, "session", token, 1000, staff, sizeof staff), ERR_AUTH);
    assert_int_equal(keys_token_check(keys, "reset", token, 999, staff, sizeof staff), ERR_AUTH);
    struct buf out = buf_of(room, sizeof room);
    assert_int_equal(keys_token_make(keys, "session", "a;b", 1000, &out), ERR_RANGE);
    assert_int_equal(keys_token_make(keys, "session", "", 1000, &out), ERR_RANGE);
    keys_close(keys);
}

static void forged_or_cut_token_is_refused(void **state)
{
    (void)state;
    struct keys *keys = open_keys();
    uint8_t room[200];
    char staff[32];
    struct slice token = make_token(keys, room, sizeof room);
    for (size_t i = 0; i < token.len; i++) {
        assert_int_equal(
            keys_token_check(keys, "session", slice_of(token.at, i), 0, staff, sizeof staff),
            ERR_AUTH);
        uint8_t kept = room[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            room[i] = (uint8_t)(kept ^ (1u << bit));
            /* The same hex digit in upper case is the same token. */
            if (room[i] == (kept ^ 0x20) && i >= token.len - 64 && kept >= 'a') {
                continue;
            }
            assert_int_equal(keys_token_check(keys, "session", token, 0, staff, sizeof staff),
                             ERR_AUTH);
        }
        room[i] = kept;
    }
    keys_close(keys);
}

struct answers {
    int count;
    int right;
    struct ev_loop *loop;
    int wanted;
};

static void on_done(void *context, bool is_right)
{
    struct answers *answers = context;
    answers->count++;
    answers->right += is_right ? 1 : 0;
    if (answers->count == answers->wanted) {
        ev_break(answers->loop, EVBREAK_ALL);
    }
}

static void on_late(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
    (void)timer;
    (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

static void wait_for(struct answers *answers, int count)
{
    struct ev_timer late;
    answers->wanted = count;
    ev_timer_init(&late, on_late, 20, 0);
    ev_timer_start(answers->loop, &late);
    if (answers->count < count) {
        ev_run(answers->loop, 0);
    }
    ev_timer_stop(answers->loop, &late);
    assert_int_equal(answers->count, count);
}

static void only_the_right_pin_of_a_known_person_is_right(void **state)
{
    (void)state;
    assert_int_equal(pins_set(dir, "1042", "7351"), ERR_OK);
    assert_int_equal(pins_set(dir, "1043", "2222"), ERR_OK);
    assert_int_equal(pins_set(dir, "1043", "8264"), ERR_OK);
    assert_int_equal(pins_set(dir, "1044", "123"), ERR_RANGE);
    assert_int_equal(pins_set(dir, "10:44", "1234"), ERR_RANGE);
    struct pins *pins = NULL;
    assert_int_equal(pins_open(dir, &pins, why, sizeof why), ERR_OK);
    assert_true(pins_has(pins, "1042"));
    assert_false(pins_has(pins, "1044"));

    static const struct {
        const char *staff;
        const char *pin;
        int right;
    } cases[] = {{"1042", "7351", 1}, {"1043", "8264", 1}, {"1043", "2222", 0},
                 {"1042", "735", 0},  {"1044", "7351", 0}, {"", "", 0}};
    struct answers answers = {.loop = ev_loop_new(0)};
    struct pin_worker *worker = NULL;
    assert_int_equal(pin_worker_open(answers.loop, &worker), ERR_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        answers.count = 0;
        answers.right = 0;
        assert_int_equal(pin_check(worker, pins, cases[i].staff, cases[i].pin, on_done, &answers),
                         ERR_OK);
        wait_for(&answers, 1);
        assert_int_equal(answers.right, cases[i].right);
    }
    pin_worker_close(worker);
    pins_close(pins);
    ev_loop_destroy(answers.loop);
}

static void sixty_fifth_waiting_pin_is_refused_and_closing_forgets_the_rest(void **state)
{
    (void)state;
    struct pins *pins = NULL;
    assert_int_equal(pins_open(dir, &pins, why, sizeof why), ERR_OK);
    struct answers answers = {.loop = ev_loop_new(0)};
    struct pin_worker *worker = NULL;
    assert_int_equal(pin_worker_open(answers.loop, &worker), ERR_OK);
    for (int i = 0; i < 64; i++) {
        assert_int_equal(pin_check(worker, pins, "1042", "0000", on_done, &answers), ERR_OK);
    }
    assert_int_equal(pin_check(worker, pins, "1042", "0000", on_done, &answers), ERR_FULL);
    wait_for(&answers, 2);
    pin_worker_close(worker);
    assert_int_equal(answers.right, 0);
    pins_close(pins);
    ev_loop_destroy(answers.loop);
}

static void removed_person_is_gone_and_open_pins_are_refused(void **state)
{
    (void)state;
    assert_int_equal(pins_set(dir, "1042", "7351"), ERR_OK);
    assert_int_equal(pins_set(dir, "1043", "7351"), ERR_OK);
    assert_int_equal(pins_remove(dir, "1042"), ERR_OK);
    assert_int_equal(pins_remove(dir, "1042"), ERR_NOT_FOUND);
    struct pins *pins = NULL;
    assert_int_equal(pins_open(dir, &pins, why, sizeof why), ERR_OK);
    assert_false(pins_has(pins, "1042"));
    assert_true(pins_has(pins, "1043"));
    pins_close(pins);
    set_mode("pins", 0644);
    assert_int_equal(pins_open(dir, &pins, why, sizeof why), ERR_AUTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_made_once_and_found_again, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(keys_that_others_may_read_are_refused, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(every_changed_byte_of_the_file_is_noticed, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(same_name_gives_same_pseudonym_and_other_domain_another,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(token_is_good_until_it_expires, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(forged_or_cut_token_is_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(only_the_right_pin_of_a_known_person_is_right, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(
            sixty_fifth_waiting_pin_is_refused_and_closing_forgets_the_rest, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(removed_person_is_gone_and_open_pins_are_refused,
                                        make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
