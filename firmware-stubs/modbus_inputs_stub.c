/* modbus_inputs_stub.c - stub-modbus_inputs: a module with relays on its discrete inputs (Modbus TCP).
 *
 * Run by people and by tests; libmodbus is the other side, so that not our reading of the standard alone
 * is tested. Commands on stdin, one a line; everything that happens on stdout. Faults: README.md.
 */
#include "stub.h"

#include "io/port_address.h"

#include <errno.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PEERS_MAX = 4,
    INPUTS = 64,
    BOUNCES = 6,
    BOUNCE_MS = 20, /* from one to the next: shorter than any debounce that is of use */
    QUERY_WITHIN_US = 200000
};

enum fault { FAULT_NONE, FAULT_BOUNCING, FAULT_FROZEN, FAULT_LATE, FAULT_EXCEPTION, FAULT_COUNT };
static const char *const faults[FAULT_COUNT] = {"none", "bouncing", "frozen", "late", "exception"};

struct peer {
    struct module *module;
    struct ev_io io;
    struct ev_timer late;
    int fd; /* -1: free */
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    int query_len;
};

struct module {
    struct ev_loop *loop;
    struct stub_stdin in;
    modbus_t *library;
    modbus_mapping_t *map;
    int listening;
    struct ev_io accept_io;
    struct peer peers[PEERS_MAX];
    struct ev_timer bounce;
    size_t bouncing;
    int bounces_left;
    enum fault fault;
    int64_t late_ms;
    bool is_mute;
};

/* ---- peers ---- */

static void hang_up(struct peer *peer)
{
    ev_io_stop(peer->module->loop, &peer->io);
    ev_timer_stop(peer->module->loop, &peer->late);
    close(peer->fd);
    peer->fd = -1;
    stub_say("disconnected");
}

static void answer(struct peer *peer)
{
    struct module *m = peer->module;
    (void)modbus_set_socket(m->library, peer->fd);
    int sent =
        m->fault == FAULT_EXCEPTION
            ? modbus_reply_exception(m->library, peer->query, MODBUS_EXCEPTION_ILLEGAL_DATA_ADDRESS)
            : modbus_reply(m->library, peer->query, peer->query_len, m->map);
    if (sent < 0) {
        hang_up(peer);
    }
}

static void on_late(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    answer(timer->data);
}

static void on_query(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct peer *peer = io->data;
    struct module *m = peer->module;
    (void)events;
    (void)modbus_set_socket(m->library, peer->fd);
    int len = modbus_receive(m->library, peer->query);
    if (len < 0) {
        hang_up(peer);
    } else if (len > 0 && !m->is_mute) {
        peer->query_len = len;
        if (m->fault == FAULT_LATE) {
            ev_timer_stop(loop, &peer->late);
            ev_timer_set(&peer->late, (double)m->late_ms / 1000.0, 0.0);
            ev_timer_start(loop, &peer->late);
        } else {
            answer(peer);
        }
    }
}

static void on_accept(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct module *m = io->data;
    int fd = accept4(m->listening, NULL, NULL, SOCK_CLOEXEC);
    (void)events;
    for (size_t i = 0; fd >= 0 && i < PEERS_MAX; i++) {
        struct peer *peer = &m->peers[i];
        if (peer->fd < 0) {
            peer->fd = fd;
            ev_io_init(&peer->io, on_query, fd, EV_READ);
            ev_init(&peer->late, on_late);
            peer->io.data = peer;
            peer->late.data = peer;
            ev_io_start(loop, &peer->io);
            stub_say("connected");
            return;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* ---- inputs ---- */

static void set(struct module *m, size_t number, bool is_on)
{
    uint8_t *input = &m->map->tab_input_bits[number - 1];
    stub_say("input=%zu is=%s", number, is_on ? "on" : "off");
    if (m->fault == FAULT_FROZEN) {
        return;
    }
    bool changes = *input != (is_on ? 1 : 0);
    *input = is_on ? 1 : 0;
    if (changes && m->fault == FAULT_BOUNCING) {
        m->bouncing = number;
        m->bounces_left = BOUNCES;
        ev_timer_again(m->loop, &m->bounce);
    }
}

static void on_bounce(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct module *m = timer->data;
    (void)events;
    m->map->tab_input_bits[m->bouncing - 1] ^= 1;
    if (--m->bounces_left == 0) {
        ev_timer_stop(loop, timer);
        stub_say("settled input=%zu", m->bouncing);
    }
}

/* ---- commands ---- */

static void on_input(struct module *m, const char *word, bool is_on)
{
    uint64_t number = 0;
    if (word == NULL || slice_u64(slice_str(word), INPUTS, &number) != ERR_OK || number == 0) {
        stub_complain("Write on N or off N, with an input from 1 to %d.", INPUTS);
        return;
    }
    set(m, (size_t)number, is_on);
}

static void on_line(void *context, char *line)
{
    struct module *m = context;
    const char *command = stub_word(&line);
    if (command == NULL) {
        return;
    }
    if (strcmp(command, "on") == 0 || strcmp(command, "off") == 0) {
        on_input(m, stub_word(&line), command[1] == 'n');
    } else if (strcmp(command, "freeze") == 0 || strcmp(command, "thaw") == 0) {
        m->is_mute = command[0] == 'f';
        stub_say(m->is_mute ? "mute" : "answering");
    } else if (strcmp(command, "quit") == 0) {
        ev_break(m->loop, EVBREAK_ALL);
    } else {
        stub_complain("I do not know \"%s\". Commands: on N, off N, freeze, thaw, quit.", command);
    }
}

/* ---- beginning and end ---- */

static bool open_module(struct module *m, const char *listen)
{
    char host[PORT_HOST_ROOM];
    char service[8];
    int port = 0;
    if (port_address_split(listen, host, &port) != ERR_OK) {
        stub_complain("--listen is host:port, not \"%s\".", listen);
        return false;
    }
    snprintf(service, sizeof service, "%d", port);
    m->library = modbus_new_tcp_pi(host, service);
    m->map = modbus_mapping_new(0, INPUTS, 0, 0);
    if (m->library == NULL || m->map == NULL) {
        stub_complain("The module cannot be set up: %s.", modbus_strerror(errno));
        return false;
    }
    (void)modbus_set_indication_timeout(m->library, 0, QUERY_WITHIN_US);
    m->listening = modbus_tcp_pi_listen(m->library, PEERS_MAX);
    if (m->listening < 0) {
        stub_complain("%s: %s.", listen, modbus_strerror(errno));
        return false;
    }
    stub_say("listening port=%d", port);
    return true;
}

static void run(struct module *m)
{
    ev_io_init(&m->accept_io, on_accept, m->listening, EV_READ);
    ev_timer_init(&m->bounce, on_bounce, BOUNCE_MS / 1000.0, BOUNCE_MS / 1000.0);
    m->accept_io.data = m;
    m->bounce.data = m;
    ev_io_start(m->loop, &m->accept_io);
    stub_stdin_open(&m->in, m->loop, m, on_line, NULL);
    stub_run(m->loop);
    stub_stdin_close(&m->in);
    ev_io_stop(m->loop, &m->accept_io);
    ev_timer_stop(m->loop, &m->bounce);
    for (size_t i = 0; i < PEERS_MAX; i++) {
        if (m->peers[i].fd >= 0) {
            hang_up(&m->peers[i]);
        }
    }
}

static void close_module(struct module *m)
{
    if (m->listening >= 0) {
        close(m->listening);
    }
    if (m->map != NULL) {
        modbus_mapping_free(m->map);
    }
    if (m->library != NULL) {
        (void)modbus_set_socket(m->library, -1);
        modbus_free(m->library);
    }
}

int main(int argc, char **argv)
{
    static struct module module = {.listening = -1, .late_ms = 3000};
    const char *listen = "127.0.0.1:1502";
    const char *fault = "none";
    const struct stub_option options[] = {
        {"listen", "host:port", .text = &listen},
        {"late-ms", "for the fault late", NULL, &module.late_ms, 1, 600000, NULL},
        {"fault", "none, bouncing, frozen, late or exception", .text = &fault},
        {0},
    };
    int status = 0;
    if (!stub_options(argc, argv, "a Modbus module with relays on its inputs; commands on stdin",
                      options, &status)) {
        return status;
    }
    for (int i = 0; i <= FAULT_COUNT; i++) {
        if (i == FAULT_COUNT) {
            stub_complain("--fault does not know \"%s\". Try --help.", fault);
            return 2;
        }
        if (strcmp(faults[i], fault) == 0) {
            module.fault = (enum fault)i;
            break;
        }
    }
    for (size_t i = 0; i < PEERS_MAX; i++) {
        module.peers[i] = (struct peer){.module = &module, .fd = -1};
    }
    module.loop = ev_default_loop(0);
    status = open_module(&module, listen) ? 0 : 1;
    if (status == 0) {
        run(&module);
    }
    close_module(&module);
    ev_loop_destroy(module.loop);
    return status;
}
