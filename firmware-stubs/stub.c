/* stub.c - what the simulated devices share: see stub.h. */
#include "stub.h"

#include "io/port_address.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTIONS_MAX = 32 };

void stub_say(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
    fflush(stdout);
}

void stub_complain(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
}

const char *stub_plain(struct slice text, char *ret_text, size_t room)
{
    (void)slice_text(text, ret_text, room);
    for (char *at = ret_text; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f || *at == '"') {
            *at = ' ';
        }
    }
    return ret_text;
}

static void usage(FILE *out, const char *program, const char *about,
                  const struct stub_option *options)
{
    const char *slash = strrchr(program, '/');
    fprintf(out, "%s: %s\n\n", slash != NULL ? slash + 1 : program, about);
    for (const struct stub_option *o = options; o->name != NULL; o++) {
        const char *value = o->flag != NULL ? "" : o->number != NULL ? " N" : " WORD";
        fprintf(out, "  --%s%s\n        %s", o->name, value, o->help);
        if (o->number != NULL) {
            fprintf(out, " (%lld)", (long long)*o->number);
        } else if (o->text != NULL && *o->text != NULL) {
            fprintf(out, " (%s)", *o->text);
        }
        fputc('\n', out);
    }
}

static bool take(const struct stub_option *option, const char *value)
{
    if (option->flag != NULL) {
        *option->flag = true;
        return true;
    }
    if (option->text != NULL) {
        *option->text = value;
        return true;
    }
    uint64_t number = 0;
    if (slice_u64(slice_str(value), (uint64_t)option->max, &number) != ERR_OK ||
        (int64_t)number < option->min) {
        stub_complain("--%s takes a whole number from %lld to %lld, not \"%s\".", option->name,
                      (long long)option->min, (long long)option->max, value);
        return false;
    }
    *option->number = (int64_t)number;
    return true;
}

bool stub_options(int argc, char **argv, const char *about, const struct stub_option *options,
                  int *ret_status)
{
    struct option table[OPTIONS_MAX + 2] = {{.name = "help", .val = 'h'}};
    for (size_t i = 0; i < OPTIONS_MAX && options[i].name != NULL; i++) {
        table[i + 1] = (struct option){
            .name = options[i].name,
            .has_arg = options[i].flag != NULL ? no_argument : required_argument,
        };
    }
    for (;;) {
        int index = 0;
        int got = getopt_long(argc, argv, "h", table, &index);
        if (got == -1) {
            break;
        }
        if (got == 'h') {
            usage(stdout, argv[0], about, options);
            *ret_status = 0;
            return false;
        }
        if (got != 0 || !take(&options[index - 1], optarg)) {
            stub_complain("Try --help.");
            *ret_status = 2;
            return false;
        }
    }
    if (optind < argc) {
        stub_complain("I do not know \"%s\". Try --help.", argv[optind]);
        *ret_status = 2;
        return false;
    }
    return true;
}

/* ---- stdin ---- */

static void end_line(struct stub_stdin *in)
{
    in->text[in->len] = '\0';
    bool is_too_long = in->is_too_long;
    in->len = 0;
    in->is_too_long = false;
    if (is_too_long) {
        stub_complain("A command has at most %d characters; this one was not done.",
                      STUB_LINE_MAX - 1);
        return;
    }
    in->on_line(in->context, in->text);
}

static void on_stdin(struct ev_loop *loop, struct ev_io *io, int events)
{
    (void)events;
    struct stub_stdin *in = io->data;
    char bytes[STUB_LINE_MAX];
    ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    for (ssize_t i = 0; i < got; i++) {
        if (bytes[i] == '\n') {
            end_line(in);
        } else if (in->len + 1 < sizeof in->text) {
            in->text[in->len++] = bytes[i];
        } else {
            in->is_too_long = true;
        }
    }
    if (got > 0) {
        return;
    }
    ev_io_stop(loop, io);
    in->is_over = true;
    if (in->len > 0) {
        end_line(in);
    }
    if (in->on_end != NULL) {
        in->on_end(in->context);
    }
}

void stub_stdin_open(struct stub_stdin *in, struct ev_loop *loop, void *context,
                     void (*on_line)(void *context, char *line), void (*on_end)(void *context))
{
    memset(in, 0, sizeof *in);
    in->loop = loop;
    in->context = context;
    in->on_line = on_line;
    in->on_end = on_end;
    ev_io_init(&in->io, on_stdin, STDIN_FILENO, EV_READ);
    in->io.data = in;
    ev_io_start(loop, &in->io);
}

void stub_stdin_close(struct stub_stdin *in)
{
    ev_io_stop(in->loop, &in->io);
}

char *stub_word(char **rest)
{
    char *at = *rest + strspn(*rest, " \t\r");
    if (*at == '\0') {
        *rest = at;
        return NULL;
    }
    const char *ends = " \t\r";
    if (*at == '"') {
        at++;
        ends = "\"";
    }
    size_t len = strcspn(at, ends);
    *rest = at + len;
    if (**rest != '\0') {
        **rest = '\0';
        (*rest)++;
    }
    return at;
}

/* ---- the loop ---- */

static void on_signal(struct ev_loop *loop, struct ev_signal *signal, int events)
{
    (void)signal;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

void stub_run(struct ev_loop *loop)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    struct ev_signal signals[2];
    for (size_t i = 0; i < 2; i++) {
        ev_signal_init(&signals[i], on_signal, numbers[i]);
        ev_signal_start(loop, &signals[i]);
    }
    signal(SIGPIPE, SIG_IGN);
    ev_run(loop, 0);
    for (size_t i = 0; i < 2; i++) {
        ev_signal_stop(loop, &signals[i]);
    }
}

/* ---- addresses, chance, files ---- */

bool stub_peer(const char *text, char ret_peer[STUB_PEER_ROOM])
{
    struct slice transport = slice_str(text);
    struct slice address = slice_cut(&transport, ';');
    bool is_tcp = slice_eq_nocase(transport, "tcp");
    char host[PORT_HOST_ROOM + 8];
    if (slice_text(address, host, sizeof host) != ERR_OK ||
        (transport.len > 0 && !is_tcp && !slice_eq_nocase(transport, "udp"))) {
        stub_complain("\"%s\" is no address; write for example \"127.0.0.1:5060;udp\".", text);
        return false;
    }
    struct port_address resolved;
    char why[160];
    if (port_address_resolve(host, !is_tcp, &resolved, why, sizeof why) != ERR_OK) {
        stub_complain("\"%s\": %s", text, why);
        return false;
    }
    char numbers[PORT_PEER_ROOM];
    port_address_text((const struct sockaddr *)&resolved.storage, numbers);
    snprintf(ret_peer, STUB_PEER_ROOM, "%s;%s", numbers, is_tcp ? "tcp" : "udp");
    return true;
}

const char *stub_listen_for(const char *peer)
{
    struct slice text = slice_str(peer);
    if (slice_starts(text, "127.")) {
        return "127.0.0.1:0";
    }
    if (slice_starts(text, "[::1]")) {
        return "[::1]:0";
    }
    return slice_starts(text, "[") ? "[::]:0" : "0.0.0.0:0";
}

/* splitmix64: no secrets here, only variety. */
uint64_t stub_dice_below(struct stub_dice *dice, uint64_t limit)
{
    dice->state += 0x9e3779b97f4a7c15U;
    uint64_t z = dice->state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (z ^ (z >> 31)) % limit;
}

char *stub_file(const char *path, size_t max, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        stub_complain("%s cannot be read: %s.", path, strerror(errno));
        return NULL;
    }
    char *text = malloc(max + 1);
    size_t len = text != NULL ? fread(text, 1, max + 1, file) : 0;
    fclose(file);
    if (text == NULL || len > max) {
        stub_complain("%s is larger than %zu bytes.", path, max);
        free(text);
        return NULL;
    }
    text[len] = '\0';
    *ret_len = len;
    return text;
}

/* The command with this number out of "a|b|c". */
static void choose_command(const char *commands, uint64_t number, char *ret, size_t room)
{
    struct slice rest = slice_str(commands);
    struct slice one = slice_of(NULL, 0);
    for (uint64_t i = 0; i <= number; i++) {
        one = slice_cut(&rest, '|');
    }
    (void)slice_text(one, ret, room);
}

static void on_chance(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct stub_chance *chance = timer->data;
    char line[STUB_LINE_MAX];
    uint64_t count = 1;
    (void)loop;
    (void)events;
    for (const char *c = chance->commands; *c != '\0'; c++) {
        count += *c == '|';
    }
    choose_command(chance->commands, stub_dice_below(&chance->dice, count), line, sizeof line);
    chance->on_line(chance->context, line);
    uint64_t wait_s = 1 + stub_dice_below(&chance->dice, 2 * (uint64_t)chance->every_s);
    timer->repeat = (double)wait_s;
    ev_timer_again(loop, timer);
}

void stub_chance_open(struct stub_chance *chance, struct ev_loop *loop, void *context,
                      void (*on_line)(void *context, char *line))
{
    if (chance->commands == NULL || chance->every_s <= 0) {
        return;
    }
    chance->context = context;
    chance->on_line = on_line;
    chance->dice.state = (uint64_t)loop_now().wall_ms;
    ev_timer_init(&chance->timer, on_chance, (double)chance->every_s / 4, 1);
    chance->timer.data = chance;
    ev_timer_start(loop, &chance->timer);
}
