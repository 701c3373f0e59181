/* stub.h - what the simulated devices share: options, commands on stdin, lines on stdout, a loop.
 *
 * Called by every program of this folder. Never looks at a message of a dialect. The programs see
 * io/, wire/ and base/ only: they share the grammar with the gateway, never its opinion.
 */
#pragma once

#include "io/loop.h"

enum {
    STUB_LINE_MAX = 512, /* bytes of a command on stdin */
    STUB_PEER_ROOM = 96  /* "192.0.2.1:5060;udp" */
};

/* One option of a program; exactly one of text, number and flag is set. */
struct stub_option {
    const char *name; /* "heartbeat-s"; NULL ends the table */
    const char *help;
    const char **text;
    int64_t *number;
    int64_t min;
    int64_t max;
    bool *flag;
};

/* False: the program ends with *ret_status, and whatever was to be said has been said. */
bool stub_options(int argc, char **argv, const char *about, const struct stub_option *options,
                  int *ret_status);

/* One line on stdout, at once. */
void stub_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One sentence on stderr. */
void stub_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Everything of a message that goes into one of our lines: no control characters, no quotes. */
const char *stub_plain(struct slice text, char *ret_text, size_t room);

/* Commands from stdin, one a line. */
struct stub_stdin {
    struct ev_io io;
    struct ev_loop *loop;
    char text[STUB_LINE_MAX];
    size_t len;
    bool is_too_long;
    bool is_over; /* stdin has ended */
    void *context;
    void (*on_line)(void *context, char *line);
    void (*on_end)(void *context); /* may be NULL */
};
void stub_stdin_open(struct stub_stdin *in, struct ev_loop *loop, void *context,
                     void (*on_line)(void *context, char *line), void (*on_end)(void *context));
void stub_stdin_close(struct stub_stdin *in);
/* Numbers by chance, the same for the same seed. */
struct stub_dice {
    uint64_t state;
};
uint64_t stub_dice_below(struct stub_dice *dice, uint64_t limit); /* limit > 0 */

/* Commands by chance, as if they came from stdin: for the demo. The two options are the same everywhere. */
struct stub_chance {
    struct ev_timer timer;
    struct stub_dice dice;
    const char *commands; /* "press|fall"; NULL: none */
    int64_t every_s;      /* on average */
    void *context;
    void (*on_line)(void *context, char *line);
};
#define STUB_CHANCE_OPTIONS(chance)                                                                \
    {"chance", "commands that come by chance: \"press|fall\"", .text = &(chance).commands},        \
    {                                                                                              \
        "chance-every-s", "and how often on average", NULL, &(chance).every_s, 1, 86400, NULL      \
    }
/* After the options; without commands it does nothing. */
void stub_chance_open(struct stub_chance *chance, struct ev_loop *loop, void *context,
                      void (*on_line)(void *context, char *line));

/* The next word of *rest, or the text between two quotes; NULL when there is none. Changes *rest.
 */
char *stub_word(char **rest);

/* Runs until SIGINT, SIGTERM or ev_break. */
void stub_run(struct ev_loop *loop);

/* "host:port", "host:port;udp" or ";tcp": resolved into numbers, with transport. False: said on
 * stderr. */
bool stub_peer(const char *text, char ret_peer[STUB_PEER_ROOM]);
/* Where to bind so that this peer can answer: loopback for loopback, else all addresses. */
const char *stub_listen_for(const char *peer);

/* A whole file, at most `max` bytes; NULL: said on stderr. The caller frees it. */
char *stub_file(const char *path, size_t max, size_t *ret_len);
