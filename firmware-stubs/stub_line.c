/* stub_line.c - see stub_line.h. */
#include "stub_line.h"

#include "io/port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kept {
    uint32_t number; /* 0: free */
    unsigned tries;
    int64_t began_ms;
    int64_t due_ms;
    size_t len;
    uint8_t bytes[STUB_LINE_MESSAGE_MAX];
    char what[24];
};

struct stub_line {
    struct ev_loop *loop;
    struct port *port;
    struct conn *conn;
    struct stub_line_device device;
    struct ev_timer tick;
    int64_t retry_ms;
    bool is_held;
    struct kept kept[STUB_LINE_KEPT];
};

static void say_one(struct stub_line *line, struct kept *k)
{
    if (line->conn == NULL || line->is_held) {
        return;
    }
    if (k->tries > 0 && line->retry_ms == 0) {
        stub_say("gave_up number=%u", (unsigned)k->number);
        k->number = 0;
        return;
    }
    k->tries++;
    k->due_ms = loop_now().mono_ms + line->retry_ms;
    if (conn_send(line->conn, slice_of(k->bytes, k->len)) == ERR_OK) {
        stub_say("sent number=%u try=%u what=%s", (unsigned)k->number, k->tries, k->what);
    }
}

static void on_tick(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct stub_line *line = timer->data;
    int64_t now_ms = loop_now().mono_ms;
    (void)loop;
    (void)events;
    for (size_t i = 0; i < STUB_LINE_KEPT; i++) {
        struct kept *k = &line->kept[i];
        bool has_time = line->retry_ms > 0 || now_ms - k->began_ms > 5000;
        if (k->number != 0 && now_ms >= k->due_ms && (k->tries == 0 || has_time)) {
            say_one(line, k);
        }
    }
}

static void *on_open(void *context, struct conn *conn, const char *peer)
{
    struct stub_line *line = context;
    (void)peer;
    line->conn = conn;
    stub_say("connected");
    if (line->device.on_up != NULL) {
        line->device.on_up(line->device.context);
    }
    for (size_t i = 0; i < STUB_LINE_KEPT; i++) {
        line->kept[i].due_ms = 0; /* what waited is said at once */
    }
    on_tick(line->loop, &line->tick, 0);
    return line;
}

static size_t on_bytes(void *user, struct conn *conn, struct slice bytes, const char *peer)
{
    struct stub_line *line = user;
    (void)conn;
    (void)peer;
    return line->device.on_bytes(line->device.context, bytes);
}

static void on_close(void *user, struct conn *conn, const char *why)
{
    struct stub_line *line = user;
    char plain[120];
    (void)conn;
    line->conn = NULL;
    stub_say("disconnected why=\"%s\"", stub_plain(slice_str(why), plain, sizeof plain));
}

struct stub_line *stub_line_open(struct ev_loop *loop, const char *to, int64_t retry_s,
                                 const struct stub_line_device *device)
{
    static const struct port_handler handler = {
        .on_open = on_open, .on_bytes = on_bytes, .on_close = on_close};
    char peer[STUB_PEER_ROOM];
    char why[200];
    struct stub_line *line = calloc(1, sizeof *line);
    bool is_udp = strstr(to, ";udp") != NULL; /* stub_peer alone would take UDP for granted */
    char whole[STUB_PEER_ROOM];
    int len = snprintf(whole, sizeof whole, "%s%s", to, strchr(to, ';') == NULL ? ";tcp" : "");
    if (line == NULL || len >= (int)sizeof whole || !stub_peer(whole, peer)) {
        free(line);
        return NULL;
    }
    *strchr(peer, ';') = '\0';
    line->loop = loop;
    line->device = *device;
    line->retry_ms = retry_s * 1000;
    ev_timer_init(&line->tick, on_tick, 0.2, 0.2);
    line->tick.data = line;
    struct port_config config = {
        .name = "stub", .address = peer, .is_udp = is_udp, .is_dialling = true};
    if (port_open(loop, &config, &handler, line, &line->port, why, sizeof why) != ERR_OK) {
        stub_complain("%s", why);
        free(line);
        return NULL;
    }
    ev_timer_start(loop, &line->tick);
    return line;
}

void stub_line_close(struct stub_line *line)
{
    if (line != NULL) {
        ev_timer_stop(line->loop, &line->tick);
        port_close(line->port);
        free(line);
    }
}

bool stub_line_is_up(const struct stub_line *line)
{
    return line->conn != NULL;
}

bool stub_line_replace(struct stub_line *line, uint32_t number, struct slice bytes)
{
    for (size_t i = 0; i < STUB_LINE_KEPT; i++) {
        struct kept *k = &line->kept[i];
        if (number != 0 && k->number == number) {
            k->len = bytes.len < sizeof k->bytes ? bytes.len : sizeof k->bytes;
            memcpy(k->bytes, bytes.at, k->len);
            say_one(line, k);
            return true;
        }
    }
    return false;
}

void stub_line_keep(struct stub_line *line, uint32_t number, struct slice bytes, const char *what)
{
    for (size_t i = 0; i < STUB_LINE_KEPT; i++) {
        struct kept *k = &line->kept[i];
        if (k->number != 0) {
            continue;
        }
        *k = (struct kept){.number = number, .began_ms = loop_now().mono_ms};
        k->len = bytes.len < sizeof k->bytes ? bytes.len : sizeof k->bytes;
        memcpy(k->bytes, bytes.at, k->len);
        (void)slice_text(slice_str(what), k->what, sizeof k->what);
        stub_say("pressed number=%u what=%s", (unsigned)number, k->what);
        say_one(line, k);
        return;
    }
    stub_say("not_sent number=%u why=full", (unsigned)number);
}

void stub_line_renew(struct stub_line *line, uint32_t number, struct slice bytes)
{
    for (size_t i = 0; i < STUB_LINE_KEPT; i++) {
        struct kept *k = &line->kept[i];
        if (number != 0 && k->number == number) {
            k->len = bytes.len < sizeof k->bytes ? bytes.len : sizeof k->bytes;
            memcpy(k->bytes, bytes.at, k->len);
        }
    }
}

void stub_line_say(struct stub_line *line, struct slice bytes, const char *what)
{
    if (line->conn != NULL && conn_send(line->conn, bytes) == ERR_OK) {
        stub_say("said what=%s", what);
    }
}

bool stub_line_answered(struct stub_line *line, uint32_t number, const char *by)
{
    for (size_t i = 0; i < STUB_LINE_KEPT; i++) {
        struct kept *k = &line->kept[i];
        if (number != 0 && k->number == number) {
            stub_say("answered number=%u after_ms=%lld by=%s", (unsigned)number,
                     (long long)(loop_now().mono_ms - k->began_ms), by);
            k->number = 0;
            return true;
        }
    }
    return false;
}

size_t stub_line_waiting(const struct stub_line *line)
{
    size_t count = 0;
    for (size_t i = 0; i < STUB_LINE_KEPT; i++) {
        count += line->kept[i].number != 0;
    }
    return count;
}

uint32_t stub_line_oldest(const struct stub_line *line)
{
    const struct kept *oldest = NULL;
    for (size_t i = 0; i < STUB_LINE_KEPT; i++) {
        const struct kept *k = &line->kept[i];
        if (k->number != 0 && (oldest == NULL || k->began_ms < oldest->began_ms)) {
            oldest = k;
        }
    }
    return oldest == NULL ? 0 : oldest->number;
}

void stub_line_hold(struct stub_line *line, bool is_held)
{
    line->is_held = is_held;
    if (!is_held) {
        on_tick(line->loop, &line->tick, 0);
    }
}
