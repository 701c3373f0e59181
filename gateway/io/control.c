/* control.c - the gateway's own counter for the command line. Called by the door and by cli*.c. */
#include "io/control.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ASKERS_MAX = 8, SILENCE_S = 10 };

struct asker {
    struct control *control; /* NULL: free */
    int fd;
    bool is_asked;
    struct ev_io io;
    struct ev_timer silence;
    char line[CONTROL_LINE_MAX];
    size_t len;
};

struct control {
    struct ev_loop *loop;
    struct ev_io io;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    void (*on_line)(void *context, struct asker *asker, struct slice line);
    void *context;
    struct asker askers[ASKERS_MAX];
};

static enum err address_of(const char *path, struct sockaddr_un *ret_address)
{
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    return slice_text(slice_str(path), ret_address->sun_path, sizeof ret_address->sun_path);
}

static void asker_end(struct asker *asker)
{
    if (asker->control != NULL) {
        ev_io_stop(asker->control->loop, &asker->io);
        ev_timer_stop(asker->control->loop, &asker->silence);
        close(asker->fd);
        asker->control = NULL;
    }
}

void control_reply(struct asker *asker, const char *line)
{
    struct slice text = slice_str(line);
    if (asker->control == NULL) {
        return;
    }
    /* a line fits the socket's buffer; an asker that has gone is no loss */
    (void)!send(asker->fd, text.at, text.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)!send(asker->fd, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    asker_end(asker);
}

static void on_read(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct asker *asker = io->data;
    (void)events;
    ssize_t got = read(asker->fd, asker->line + asker->len, sizeof asker->line - asker->len);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        asker_end(asker);
        return;
    }
    asker->len += (size_t)got;
    char *end = memchr(asker->line, '\n', asker->len);
    if (end == NULL && asker->len == sizeof asker->line) {
        control_reply(asker, "error the line is too long");
    } else if (end != NULL) {
        ev_io_stop(loop, &asker->io);
        ev_timer_stop(loop, &asker->silence); /* a copy may take its time */
        asker->control->on_line(asker->control->context, asker,
                                slice_of(asker->line, (size_t)(end - asker->line)));
    }
}

static void on_silence(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    asker_end(timer->data);
}

static void on_accept(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct control *control = io->data;
    (void)events;
    int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    for (size_t i = 0; i < ASKERS_MAX; i++) {
        struct asker *asker = &control->askers[i];
        if (asker->control == NULL) {
            *asker = (struct asker){.control = control, .fd = fd};
            ev_io_init(&asker->io, on_read, fd, EV_READ);
            asker->io.data = asker;
            ev_io_start(loop, &asker->io);
            ev_timer_init(&asker->silence, on_silence, SILENCE_S, 0.);
            asker->silence.data = asker;
            ev_timer_start(loop, &asker->silence);
            return;
        }
    }
    close(fd);
}

enum err control_open(struct ev_loop *loop, const char *path,
                      void (*on_line)(void *context, struct asker *asker, struct slice line),
                      void *context, struct control **ret_control)
{
    struct sockaddr_un address;
    if (address_of(path, &address) != ERR_OK) {
        return ERR_RANGE;
    }
    struct control *control = calloc(1, sizeof *control);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unlink(
        path); /* of a life that ended without its close; the state's lock says that we are alone */
    mode_t mask = umask(077);
    bool is_open = control != NULL && fd >= 0 &&
                   bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                   listen(fd, ASKERS_MAX) == 0;
    umask(mask);
    if (!is_open) {
        free(control);
        if (fd >= 0) {
            close(fd);
        }
        return ERR_IO;
    }
    control->loop = loop;
    control->on_line = on_line;
    control->context = context;
    slice_text(slice_str(path), control->path, sizeof control->path);
    ev_io_init(&control->io, on_accept, fd, EV_READ);
    control->io.data = control;
    ev_io_start(loop, &control->io);
    *ret_control = control;
    return ERR_OK;
}

void control_close(struct control *control)
{
    if (control == NULL) {
        return;
    }
    for (size_t i = 0; i < ASKERS_MAX; i++) {
        asker_end(&control->askers[i]);
    }
    ev_io_stop(control->loop, &control->io);
    close(control->io.fd);
    unlink(control->path);
    free(control);
}

/* Reads until the line ends, the other side closes, or the time is over. */
static enum err read_line(int fd, int wait_ms, char *ret_answer, size_t room)
{
    size_t len = 0;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    while (len < room - 1) {
        if (poll(&wait, 1, wait_ms) != 1) {
            return ERR_TIMEOUT;
        }
        ssize_t got = read(fd, ret_answer + len, room - 1 - len);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
        if (ret_answer[len - 1] == '\n') {
            len--;
            break;
        }
    }
    ret_answer[len] = '\0';
    return len > 0 ? ERR_OK : ERR_IO;
}

enum err control_ask(const char *path, const char *line, int wait_ms, char *ret_answer, size_t room)
{
    struct sockaddr_un address;
    if (address_of(path, &address) != ERR_OK) {
        return ERR_RANGE;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return ERR_IO;
    }
    enum err err = ERR_NOT_FOUND;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        struct slice text = slice_str(line);
        bool is_sent = send(fd, text.at, text.len, MSG_NOSIGNAL) == (ssize_t)text.len &&
                       send(fd, "\n", 1, MSG_NOSIGNAL) == 1;
        err = is_sent ? read_line(fd, wait_ms, ret_answer, room) : ERR_IO;
    }
    close(fd);
    return err;
}
