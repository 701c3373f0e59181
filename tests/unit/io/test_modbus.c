/* test_modbus.c - a module on loopback that libmodbus plays: read, silent, late, gone, back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <modbus/modbus.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>

#include "io/modbus.h"

enum { INPUTS = 8 };

/* The module, on a thread of its own: one connection at a time. */
struct module {
    pthread_t thread;
    modbus_t *library;
    modbus_mapping_t *map;
    int listening;
    int port;
    atomic_bool is_mute;
    atomic_bool hangs_up;
    atomic_int late_ms;
    atomic_int queries;
};

struct witness {
    struct ev_loop *loop;
    struct module module;
    struct modbus *modbus;
    int readings;
    int silences;
    uint8_t inputs[MODBUS_INPUTS_MAX];
    size_t len;
    bool is_timeout;
};

static void serve(struct module *m, modbus_t *library)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    for (;;) {
        int len = modbus_receive(library, query);
        if (len < 0 || m->hangs_up) {
            return;
        }
        m->queries++;
        usleep((useconds_t)m->late_ms * 1000);
        if (len > 0 && !m->is_mute && modbus_reply(library, query, len, m->map) < 0) {
            return;
        }
    }
}

static void *run(void *at)
{
    struct module *m = at;
    for (;;) {
        int fd = accept(m->listening, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        (void)modbus_set_socket(m->library, fd);
        serve(m, m->library);
        (void)close(fd);
    }
}

static void module_open(struct module *m)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    m->library = modbus_new_tcp("127.0.0.1", 502);
    m->map = modbus_mapping_new(0, INPUTS, 0, 0);
    m->listening = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(m->listening, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(m->listening, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(listen(m->listening, 4), 0);
    m->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&m->thread, NULL, run, m), 0);
}

static void module_close(struct module *m)
{
    (void)shutdown(m->listening, SHUT_RDWR);
    (void)shutdown(modbus_get_socket(m->library), SHUT_RDWR);
    pthread_join(m->thread, NULL);
    (void)close(m->listening);
    modbus_mapping_free(m->map);
    modbus_free(m->library);
}

static void on_reading(void *context, struct slice inputs)
{
    struct witness *w = context;
    w->readings += inputs.len > 0;
    w->silences += inputs.len == 0;
    w->len = inputs.len;
    if (inputs.len > 0) {
        memcpy(w->inputs, inputs.at, inputs.len);
    }
}

static void on_timeout(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    *(bool *)timer->data = true;
}

static bool run_until(struct witness *w, const int *count, int goal, double seconds)
{
    struct ev_timer timer;
    w->is_timeout = false;
    ev_timer_init(&timer, on_timeout, seconds, 0.0);
    timer.data = &w->is_timeout;
    ev_timer_start(w->loop, &timer);
    while (*count < goal && !w->is_timeout) {
        (void)ev_run(w->loop, EVRUN_ONCE);
    }
    ev_timer_stop(w->loop, &timer);
    return *count >= goal;
}

static enum err begin(struct witness *w, int count)
{
    char address[32];
    char why[160] = "";
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", w->module.port);
    struct modbus_config config = {.name = "relays",
                                   .address = address,
                                   .unit = 1,
                                   .count = count,
                                   .poll_ms = 20,
                                   .answer_within_ms = 200};
    return modbus_open(w->loop, &config, on_reading, w, &w->modbus, why, sizeof why);
}

static int setup(void **state)
{
    static struct witness w;
    memset(&w, 0, sizeof w);
    w.loop = ev_loop_new(0);
    module_open(&w.module);
    *state = &w;
    return begin(&w, INPUTS) == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct witness *w = *state;
    modbus_close_port(w->modbus);
    module_close(&w->module);
    ev_loop_destroy(w->loop);
    return 0;
}

static void each_input_is_one_byte_in_the_order_of_the_module(void **state)
{
    struct witness *w = *state;
    assert_true(run_until(w, &w->readings, 1, 5));
    assert_int_equal(w->len, INPUTS);
    assert_int_equal(w->inputs[2], 0);
    w->module.map->tab_input_bits[2] = 1;
    assert_true(run_until(w, &w->readings, w->readings + 3, 5));
    static const uint8_t wanted[INPUTS] = {0, 0, 1, 0, 0, 0, 0, 0};
    assert_memory_equal(w->inputs, wanted, INPUTS);
    assert_int_equal(w->silences, 0);
}

static void a_silent_module_is_told_and_its_way_back_too(void **state)
{
    struct witness *w = *state;
    assert_true(run_until(w, &w->readings, 1, 5));
    w->module.is_mute = true;
    assert_true(run_until(w, &w->silences, 2, 8));
    w->module.is_mute = false;
    assert_true(run_until(w, &w->readings, w->readings + 2, 8));
}

/* An answer to an earlier question must not be taken for that to the present one. */
static void an_answer_that_is_late_is_none(void **state)
{
    struct witness *w = *state;
    assert_true(run_until(w, &w->readings, 1, 5));
    w->module.late_ms = 400;
    assert_true(run_until(w, &w->silences, 1, 8));
    int readings = w->readings;
    assert_true(run_until(w, &w->silences, 3, 12));
    assert_int_equal(w->readings, readings);
}

static void a_lost_connection_is_made_anew(void **state)
{
    struct witness *w = *state;
    assert_true(run_until(w, &w->readings, 1, 5));
    w->module.hangs_up = true;
    assert_true(run_until(w, &w->silences, 1, 8));
    w->module.hangs_up = false;
    assert_true(run_until(w, &w->readings, w->readings + 2, 8));
}

static void a_module_with_fewer_inputs_is_no_answer(void **state)
{
    struct witness *w = *state;
    modbus_close_port(w->modbus);
    w->modbus = NULL;
    w->readings = 0;
    w->silences = 0;
    assert_int_equal(begin(w, INPUTS + 1), ERR_OK);
    assert_true(run_until(w, &w->silences, 1, 8));
    assert_int_equal(w->readings, 0);
}

static void closing_waits_for_one_answer_at_most_and_a_bad_address_is_told(void **state)
{
    struct witness *w = *state;
    struct modbus_config config = {.name = "relays", .address = "no-port", .unit = 1, .count = 1};
    struct modbus *none = NULL;
    char why[160] = "";
    w->module.is_mute = true;
    assert_true(run_until(w, &w->silences, 1, 8));
    double began = ev_time();
    modbus_close_port(w->modbus);
    w->modbus = NULL;
    assert_true(ev_time() - began < 1.0);
    assert_int_equal(modbus_open(w->loop, &config, on_reading, w, &none, why, sizeof why),
                     ERR_RANGE);
    assert_non_null(strstr(why, "no-port"));
    assert_null(none);
    modbus_close_port(NULL);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(each_input_is_one_byte_in_the_order_of_the_module),
        CASE(a_silent_module_is_told_and_its_way_back_too),
        CASE(an_answer_that_is_late_is_none),
        CASE(a_lost_connection_is_made_anew),
        CASE(a_module_with_fewer_inputs_is_no_answer),
        CASE(closing_waits_for_one_answer_at_most_and_a_bad_address_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
