/* espa_panel_stub.c - stub-espa_panel: a nurse-call panel that speaks ESPA 4.4.4 over TCP.
 *
 * Run by the demo, by people and by tests/integration; dials as a serial server would. Commands on
 * stdin, one a line; everything that happens on stdout (stub_espa.h). Faults: README.md.
 *
 *   call ADDRESS "TEXT" [beep type transmissions priority]     `-` leaves one of them out
 *   cancel ADDRESS "TEXT"                                      quit
 */
#include "stub_case.h"
#include "stub_espa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOMS_FILE_MAX = 65536 };

struct panel {
    struct ev_loop *loop;
    struct stub_espa *line;
    struct stub_stdin in;
    struct ev_timer chance;
    struct stub_dice dice;
    int64_t every_s;
    char *rooms; /* the file, its lines cut by NUL */
    size_t rooms_len;
    size_t room_count;
};

struct wishes {
    const char *to;
    const char *role;
    const char *charset;
    const char *fault;
    const char *case_path;
    const char *rooms;
    bool is_seven_bit;
    int64_t poll_ms;
    int64_t every_s;
    int64_t seed;
};

/* Which of the words, -1: none, and that was said. */
static int choose(const char *option, const char *word, const char *const *words, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(words[i], word) == 0) {
            return i;
        }
    }
    stub_complain("--%s does not know \"%s\". Try --help.", option, word);
    return -1;
}

static void make_call(struct panel *panel, const struct stub_espa_call *call)
{
    if (!stub_espa_call(panel->line, call)) {
        stub_say("not_sent address=%s why=full", call->address);
    }
}

/* ---- commands ---- */

static void on_call(struct panel *panel, char *rest, bool is_cancel)
{
    struct stub_espa_call call = {0};
    const char *address = stub_word(&rest);
    const char *text = stub_word(&rest);
    if (address == NULL || text == NULL ||
        slice_text(slice_str(address), call.address, sizeof call.address) != ERR_OK ||
        slice_text(slice_str(text), call.text, sizeof call.text) != ERR_OK) {
        stub_complain("Write: call ADDRESS \"TEXT\" [beep type transmissions priority], with at "
                      "most 16 and 128 characters.");
        return;
    }
    for (size_t i = 0; i < 4; i++) {
        const char *word = stub_word(&rest);
        if (word != NULL && strcmp(word, "-") != 0 &&
            slice_text(slice_str(word), call.others[i], sizeof call.others[i]) != ERR_OK) {
            stub_complain("\"%s\" is no small number; the call was not made.", word);
            return;
        }
    }
    if (is_cancel) {
        (void)slice_text(slice_str("1"), call.others[1], sizeof call.others[1]);
    }
    make_call(panel, &call);
}

static void on_line(void *context, char *line)
{
    struct panel *panel = context;
    const char *command = stub_word(&line);
    if (command == NULL) {
        return;
    }
    if (strcmp(command, "call") == 0 || strcmp(command, "cancel") == 0) {
        on_call(panel, line, strcmp(command, "cancel") == 0);
    } else if (strcmp(command, "quit") == 0) {
        ev_break(panel->loop, EVBREAK_ALL);
    } else {
        stub_complain("I do not know \"%s\". Commands: call, cancel, quit.", command);
    }
}

/* ---- calls by chance ---- */

static bool read_rooms(struct panel *panel, const char *path)
{
    if (path == NULL) {
        stub_complain("--random-every-s needs --rooms FILE with lines like 201/12.");
        return false;
    }
    panel->rooms = stub_file(path, ROOMS_FILE_MAX, &panel->rooms_len);
    if (panel->rooms == NULL) {
        return false;
    }
    char *write = panel->rooms;
    char *rest = panel->rooms;
    for (char *at = rest; *at != '\0'; at++) {
        *at = *at == '\n' ? ' ' : *at;
    }
    for (char *word = stub_word(&rest); word != NULL; word = stub_word(&rest)) {
        if (strchr(word, '/') == NULL) {
            stub_complain("%s: \"%s\" is not of the form 201/12.", path, word);
            return false;
        }
        size_t len = strlen(word) + 1;
        memmove(write, word, len); /* one after the other, each ended by NUL */
        write += len;
        panel->room_count++;
    }
    if (panel->room_count == 0) {
        stub_complain("%s names no room.", path);
    }
    return panel->room_count > 0;
}

static const char *any_room(struct panel *panel)
{
    const char *room = panel->rooms;
    for (uint64_t i = stub_dice_below(&panel->dice, panel->room_count); i > 0; i--) {
        room += strlen(room) + 1;
    }
    return room;
}

static void on_chance(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)events;
    struct panel *panel = timer->data;
    struct slice room = slice_str(any_room(panel));
    struct slice address = slice_cut(&room, '/');
    /* One in four rings for the bathroom, the others for help. */
    const char *what = stub_dice_below(&panel->dice, 4) == 0 ? "WC" : "LARM";
    struct stub_espa_call call = {.others = {"1", "3", "", "3"}};
    if (slice_text(address, call.address, sizeof call.address) == ERR_OK) {
        snprintf(call.text, sizeof call.text, "RUM %.*s %s", (int)(room.len < 40 ? room.len : 40),
                 (const char *)room.at, what);
        make_call(panel, &call);
    }
    uint64_t jitter = stub_dice_below(&panel->dice, 1001); /* half to one and a half times */
    ev_timer_stop(loop, timer);
    ev_timer_set(timer, (double)panel->every_s * (0.5 + (double)jitter / 1000.0), 0.0);
    ev_timer_start(loop, timer);
}

/* ---- beginning and end ---- */

static int run(struct panel *panel, const struct wishes *w, const struct stub_espa_config *config)
{
    panel->every_s = w->every_s;
    panel->dice.state = w->seed != 0 ? (uint64_t)w->seed : (uint64_t)loop_now().wall_ms;
    if (w->every_s > 0 && !read_rooms(panel, w->rooms)) {
        return 2;
    }
    panel->line = stub_espa_open(panel->loop, config);
    if (panel->line == NULL) {
        return 1;
    }
    ev_timer_init(&panel->chance, on_chance, 5.0, 0.0);
    panel->chance.data = panel;
    if (w->every_s > 0) {
        ev_timer_start(panel->loop, &panel->chance);
    }
    stub_stdin_open(&panel->in, panel->loop, panel, on_line, NULL);
    stub_run(panel->loop);
    stub_stdin_close(&panel->in);
    ev_timer_stop(panel->loop, &panel->chance);
    stub_espa_close(panel->line);
    return 0;
}

static int begin(struct panel *panel, const struct wishes *w)
{
    static const char *const roles[] = {"control", "station"};
    static const char *const charsets[] = {"latin1", "swedish", "ascii"};
    static const char *const faults[] = {"none", "bad_bcc", "never_ending_block", "no_eot",
                                         "ignore_nak"};
    int role = choose("role", w->role, roles, 2);
    int charset = choose("charset", w->charset, charsets, 3);
    int fault = choose("fault", w->fault, faults, 5);
    if (role < 0 || charset < 0 || fault < 0) {
        return 2;
    }
    if (w->case_path != NULL) {
        return stub_case_bytes(panel->loop, w->case_path, w->to);
    }
    struct stub_espa_config config = {
        .to = w->to,
        .is_station = role == 1,
        .line = {(enum espa444_charset)charset, w->is_seven_bit},
        .poll_ms = w->poll_ms,
        .fault = (enum stub_espa_fault)fault,
    };
    return run(panel, w, &config);
}

int main(int argc, char **argv)
{
    struct wishes w = {.to = "127.0.0.1:4001",
                       .role = "control",
                       .charset = "latin1",
                       .fault = "none",
                       .poll_ms = 1000};
    const struct stub_option options[] = {
        {"to", "the gateway: host:port", .text = &w.to},
        {"role", "control (address 1, polls) or station (address 2, is polled)", .text = &w.role},
        {"poll-ms", "milliseconds from poll to poll", NULL, &w.poll_ms, 50, 600000, NULL},
        {"charset", "latin1, swedish or ascii", .text = &w.charset},
        {"seven-bit", "bit 8 is parity", NULL, NULL, 0, 0, &w.is_seven_bit},
        {"fault", "none, bad_bcc, never_ending_block, no_eot or ignore_nak", .text = &w.fault},
        {"random-every-s", "a call from any room about so often; 0: none", NULL, &w.every_s, 0,
         86400, NULL},
        {"rooms", "the rooms for that: a file with lines like 201/12", .text = &w.rooms},
        {"seed", "for the same calls each time; 0: other ones", NULL, &w.seed, 0, INT32_MAX, NULL},
        {"case", "plays this .case file instead, exit status 0 or 1", .text = &w.case_path},
        {0},
    };
    int status = 0;
    if (!stub_options(argc, argv, "a nurse-call panel that speaks ESPA 4.4.4; commands on stdin",
                      options, &status)) {
        return status;
    }
    struct panel panel = {.loop = ev_default_loop(0)};
    status = begin(&panel, &w);
    free(panel.rooms);
    ev_loop_destroy(panel.loop);
    return status;
}
