/* modbus.c - see modbus.h. Called by the doors; the thread touches nothing but its own fields and the ring. */
#include "io/modbus.h"

#include "io/log.h"
#include "io/port_address.h"

#include <errno.h>
#include <modbus/modbus.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { READINGS_MAX = 16, RECONNECT_MS = 1000 };

struct reading {
    uint8_t inputs[MODBUS_INPUTS_MAX];
    size_t len; /* 0: no answer */
};

struct modbus {
    struct loop_post post;
    modbus_on_reading *on_reading;
    void *context;
    struct modbus_config config;
    char name[32];
    modbus_t *library; /* the thread's */
    bool is_connected; /* the thread's */
    bool was_told;     /* the thread's: that it is away */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool is_closing;
    struct reading ring[READINGS_MAX];
    size_t first;
    size_t count;
};

/* --- on the thread -------------------------------------------------------------------------------- */

static void put_reading(struct modbus *m, const uint8_t *inputs, size_t len)
{
    pthread_mutex_lock(&m->mutex);
    if (m->count == READINGS_MAX) {
        m->first = (m->first + 1) % READINGS_MAX;
        m->count--;
    }
    struct reading *reading = &m->ring[(m->first + m->count) % READINGS_MAX];
    memcpy(reading->inputs, inputs, len);
    reading->len = len;
    m->count++;
    pthread_mutex_unlock(&m->mutex);
    loop_post_wake(&m->post);
}

static void away(struct modbus *m, const char *what)
{
    if (!m->was_told) {
        m->was_told = true;
        log_event(LOG_WARN, "modbus.away", "port", m->name, "what", what, "why",
                  modbus_strerror(errno), "advice", "check power and network of the module", NULL);
    }
    modbus_close(m->library);
    m->is_connected = false;
    put_reading(m, (const uint8_t *)"", 0);
}

static void poll_once(struct modbus *m)
{
    uint8_t inputs[MODBUS_INPUTS_MAX];
    if (!m->is_connected && modbus_connect(m->library) != 0) {
        away(m, "it cannot be reached");
        return;
    }
    m->is_connected = true;
    if (modbus_read_input_bits(m->library, m->config.first, m->config.count, inputs) !=
        m->config.count) {
        away(m, "it does not answer as a module with these inputs would");
        return;
    }
    if (m->was_told) {
        m->was_told = false;
        log_event(LOG_INFO, "modbus.back", "port", m->name, NULL);
    }
    put_reading(m, inputs, (size_t)m->config.count);
}

/* False: it is time to end. */
static bool wait_for_next(struct modbus *m)
{
    int wait_ms =
        m->is_connected || m->config.poll_ms > RECONNECT_MS ? m->config.poll_ms : RECONNECT_MS;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&m->mutex);
    int code = 0;
    while (!m->is_closing && code == 0) {
        code = pthread_cond_timedwait(&m->wake, &m->mutex, &until);
    }
    bool goes_on = !m->is_closing;
    pthread_mutex_unlock(&m->mutex);
    return goes_on;
}

static void *run(void *modbus)
{
    struct modbus *m = modbus;
    do {
        poll_once(m);
    } while (wait_for_next(m));
    modbus_close(m->library);
    return NULL;
}

/* --- on the loop ---------------------------------------------------------------------------------- */

static bool take_reading(struct modbus *m, struct reading *ret)
{
    pthread_mutex_lock(&m->mutex);
    bool is_there = m->count > 0;
    if (is_there) {
        *ret = m->ring[m->first];
        m->first = (m->first + 1) % READINGS_MAX;
        m->count--;
    }
    pthread_mutex_unlock(&m->mutex);
    return is_there;
}

static void on_wake(void *context)
{
    struct modbus *m = context;
    struct reading reading;
    while (take_reading(m, &reading)) {
        m->on_reading(m->context, slice_of(reading.inputs, reading.len));
    }
}

static modbus_t *new_library(const struct modbus_config *config, char *ret_why, size_t why_room)
{
    char host[PORT_HOST_ROOM];
    char service[8];
    int port = 0;
    if (port_address_split(config->address, host, &port) != ERR_OK) {
        (void)snprintf(ret_why, why_room,
                       "\"%s\" is no address of a Modbus module; write host:502.", config->address);
        return NULL;
    }
    (void)snprintf(service, sizeof service, "%d", port);
    modbus_t *library = modbus_new_tcp_pi(host, service);
    uint32_t ms = (uint32_t)config->answer_within_ms;
    if (library != NULL &&
        (modbus_set_slave(library, config->unit) != 0 ||
         modbus_set_response_timeout(library, ms / 1000, ms % 1000 * 1000) != 0)) {
        modbus_free(library);
        library = NULL;
    }
    if (library == NULL) {
        (void)snprintf(ret_why, why_room, "The Modbus port %s cannot be set up: %s.", config->name,
                       modbus_strerror(errno));
    }
    return library;
}

enum err modbus_open(struct ev_loop *loop, const struct modbus_config *config,
                     modbus_on_reading *on_reading, void *context, struct modbus **ret_modbus,
                     char *ret_why, size_t why_room)
{
    pthread_condattr_t monotonic;
    struct modbus *m = calloc(1, sizeof *m);
    modbus_t *library = m == NULL ? NULL : new_library(config, ret_why, why_room);
    if (library == NULL) {
        free(m);
        return m == NULL ? ERR_FULL : ERR_RANGE;
    }
    m->library = library;
    m->config = *config;
    m->on_reading = on_reading;
    m->context = context;
    (void)snprintf(m->name, sizeof m->name, "%s", config->name);
    pthread_mutex_init(&m->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&m->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    loop_post_open(&m->post, loop, on_wake, m);
    if (pthread_create(&m->thread, NULL, run, m) != 0) {
        (void)snprintf(ret_why, why_room, "There is no thread left for the Modbus port %s.",
                       config->name);
        loop_post_close(&m->post, loop);
        modbus_free(library);
        free(m);
        return ERR_FULL;
    }
    *ret_modbus = m;
    return ERR_OK;
}

void modbus_close_port(struct modbus *m)
{
    if (m == NULL) {
        return;
    }
    pthread_mutex_lock(&m->mutex);
    m->is_closing = true;
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->mutex);
    pthread_join(m->thread, NULL);
    loop_post_close(&m->post, m->post.loop);
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->mutex);
    modbus_free(m->library);
    free(m);
}
