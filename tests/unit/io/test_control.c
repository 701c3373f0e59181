/* test_control.c - one line, one answer, and nothing that a rude asker can break. */
#include "io/control.h"
#include "unit/sentences.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct room {
    struct ev_loop *loop;
    char dir[64];
    char path[96];
    char answer[128];
    enum err err;
    const char *line;
};

static void on_line(void *context, struct asker *asker, struct slice line)
{
    (void)context;
    control_reply(asker, slice_eq_str(line, "ping") ? "pong" : "error what?");
}

static void *ask(void *context)
{
    struct room *room = context;
    room->err = control_ask(room->path, room->line, 5000, room->answer, sizeof room->answer);
    return NULL;
}

static void run_while_asking(struct room *room, const char *line)
{
    pthread_t thread;
    room->line = line;
    assert_int_equal(pthread_create(&thread, NULL, ask, room), 0);
    while (pthread_tryjoin_np(thread, NULL) != 0) {
        ev_run(room->loop, EVRUN_NOWAIT);
    }
}

static void asker_gets_its_answer_and_only_the_owner_may_ask(void **state)
{
    (void)state;
    struct room room = {.loop = ev_loop_new(EVFLAG_AUTO)};
    struct control *control = NULL;
    struct stat info;
    memcpy(room.dir, "/tmp/control-XXXXXX", 20);
    assert_non_null(mkdtemp(room.dir));
    struct buf path = buf_of(room.path, sizeof room.path);
    buf_put_str(&path, room.dir);
    buf_put_str(&path, "/control");
    buf_cstr(&path);
    assert_int_equal(control_ask(room.path, "ping", 100, room.answer, sizeof room.answer),
                     ERR_NOT_FOUND);
    assert_int_equal(control_open(room.loop, room.path, on_line, NULL, &control), ERR_OK);
    assert_int_equal(stat(room.path, &info), 0);
    assert_int_equal(info.st_mode & 077, 0);
    run_while_asking(&room, "ping");
    assert_int_equal(room.err, ERR_OK);
    assert_text(room.answer, "pong");
    run_while_asking(&room, "nonsense");
    assert_text(room.answer, "error what?");
    char long_line[2 * CONTROL_LINE_MAX];
    memset(long_line, 'x', sizeof long_line - 1);
    long_line[sizeof long_line - 1] = '\0';
    run_while_asking(&room, long_line);
    assert_true(room.err != ERR_OK || strncmp(room.answer, "error", 5) == 0);
    run_while_asking(&room, "ping");
    assert_text(room.answer, "pong");
    control_close(control);
    assert_int_not_equal(access(room.path, F_OK), 0);
    rmdir(room.dir);
    ev_loop_destroy(room.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asker_gets_its_answer_and_only_the_owner_may_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
