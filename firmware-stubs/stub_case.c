/* stub_case.c - plays a .case file over a real socket: see stub_case.h. */
#include "stub_case.h"

#include "io/port.h"
#include "io/sip.h"
#include "wire/scaip.h"
#include "wire/transcript.h"

#include <stdlib.h>
#include <string.h>

enum { HELD_MAX = 8, BODY_ROOM = 4096, INPUT_ROOM = 8192 };

/* What the gateway said and no step has asked for yet. */
struct held {
    uint64_t exchange; /* a request of the gateway; 0: an answer to ours */
    int status;
    uint8_t body[BODY_ROOM];
    size_t len;
};

struct player {
    struct ev_loop *loop;
    struct transcript play;
    size_t step;
    int status;
    struct ev_timer timer;
    bool is_waiting; /* the timer runs for what is expected */
    bool is_sleeping;
    /* SIP */
    struct sip *sip;
    const char *to;
    uint32_t tags;
    struct held held[HELD_MAX];
    size_t held_count;
    /* bytes */
    struct port *port;
    struct conn *conn;
    bool was_hung_up;
    uint8_t input[INPUT_ROOM];
    size_t input_len;
    /* one of the two ways */
    bool (*can_say)(struct player *p);
    bool (*say)(struct player *p, const struct transcript_step *step);
    enum err (*hear)(struct player *p, const struct transcript_step *step); /* OK, MORE, else no */
};

/* ---- the play ---- */

static void report(const struct player *p, bool is_ok, const char *why)
{
    const struct transcript_step *step = &p->play.steps[p->step];
    static const char *const verbs[] = {
        [TRANSCRIPT_BYTES] = "bytes",
        [TRANSCRIPT_ANSWER] = "answer",
        [TRANSCRIPT_REQUEST] = "request",
        [TRANSCRIPT_HANG_UP] = "hang_up",
    };
    stub_say("%s %d %s %s%s%s", is_ok ? "ok" : "not ok", step->line,
             step->type == TRANSCRIPT_IN ? "<" : ">", verbs[step->verb], why != NULL ? ": " : "",
             why != NULL ? why : "");
}

static void finish(struct player *p, int status)
{
    p->status = status;
    ev_timer_stop(p->loop, &p->timer);
    p->is_waiting = false;
    p->step = p->play.step_count;
    ev_break(p->loop, EVBREAK_ALL);
}

static void wait_ms(struct player *p, int64_t ms)
{
    ev_timer_stop(p->loop, &p->timer);
    ev_timer_set(&p->timer, (double)ms / 1000.0, 0.0);
    ev_timer_start(p->loop, &p->timer);
}

/* True: the step is done. */
static bool do_step(struct player *p)
{
    const struct transcript_step *step = &p->play.steps[p->step];
    switch (step->type) {
    case TRANSCRIPT_IN:
        if (!p->can_say(p)) {
            return false;
        }
        if (!p->say(p, step)) {
            report(p, false, "it could not be sent");
            finish(p, 1);
            return false;
        }
        report(p, true, NULL);
        return true;
    case TRANSCRIPT_OUT: {
        enum err err = p->hear(p, step);
        if (err == ERR_OK) {
            report(p, true, NULL);
        } else if (err != ERR_MORE) {
            report(p, false, "the gateway said something else");
            finish(p, 1);
        }
        return err == ERR_OK;
    }
    case TRANSCRIPT_TIME:
        if (!p->is_sleeping) {
            p->is_sleeping = true;
            wait_ms(p, step->ms);
        }
        return false;
    case TRANSCRIPT_ALARM:
    case TRANSCRIPT_JOURNAL:
    case TRANSCRIPT_VERDICT:
    case TRANSCRIPT_STATUS:
        break;
    }
    return true;
}

static void go_on(struct player *p)
{
    while (!p->is_sleeping && p->step < p->play.step_count) {
        if (do_step(p)) {
            p->step++;
            p->is_waiting = false;
            ev_timer_stop(p->loop, &p->timer);
            if (p->step == p->play.step_count) {
                finish(p, 0);
            }
            continue;
        }
        if (p->step < p->play.step_count && !p->is_waiting && !p->is_sleeping) {
            p->is_waiting = true;
            wait_ms(p, STUB_CASE_WAIT_MS);
        }
        return;
    }
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct player *p = timer->data;
    if (p->is_sleeping) {
        p->is_sleeping = false;
        p->step++;
        if (p->step == p->play.step_count) {
            finish(p, 0);
        }
        go_on(p);
        return;
    }
    bool is_in = p->play.steps[p->step].type == TRANSCRIPT_IN;
    report(p, false, is_in ? "nobody to say it to within 5 s" : "nothing heard within 5 s");
    finish(p, 1);
}

/* ---- SIP ---- */

static void hold(struct player *p, uint64_t exchange, int status, struct slice body)
{
    if (p->held_count == HELD_MAX) {
        stub_complain("The gateway says more than the case asks for; the rest is dropped.");
        return;
    }
    struct held *held = &p->held[p->held_count++];
    held->exchange = exchange;
    held->status = status;
    held->len = body.len < BODY_ROOM ? body.len : BODY_ROOM;
    if (held->len > 0) {
        memcpy(held->body, body.at, held->len);
    }
}

static void on_message(void *context, const struct sip_message *message)
{
    struct player *p = context;
    hold(p, message->exchange, 0, message->body);
    go_on(p);
}

static void on_answer(void *context, uint32_t tag, int status, struct slice type, struct slice body)
{
    (void)tag;
    (void)type;
    struct player *p = context;
    hold(p, 0, status, body);
    go_on(p);
}

static bool sip_can_say(struct player *p)
{
    (void)p;
    return true;
}

static bool sip_say(struct player *p, const struct transcript_step *step)
{
    if (step->verb == TRANSCRIPT_ANSWER) {
        return true; /* said in sip_hear, together with the request that it answers */
    }
    struct slice type = slice_str(SCAIP_TYPE);
    struct slice identity = slice_str("device");
    transcript_pair(step, "type", &type);
    transcript_pair(step, "identity", &identity);
    char type_text[64];
    return step->verb == TRANSCRIPT_BYTES &&
           slice_text(type, type_text, sizeof type_text) == ERR_OK &&
           sip_request(p->sip, slice_str(p->to), slice_str("alarm"), identity, type_text,
                       step->bytes, ++p->tags) == ERR_OK;
}

/* The device's answer to a request of the gateway: as the next step says, else 200. */
static void answer_request(struct player *p, const struct held *held)
{
    int status = 200;
    struct slice body = slice_of(NULL, 0);
    if (p->step + 1 < p->play.step_count) {
        const struct transcript_step *next = &p->play.steps[p->step + 1];
        if (next->type == TRANSCRIPT_IN && next->verb == TRANSCRIPT_ANSWER) {
            status = next->status;
            body = next->has_bytes ? next->bytes : body;
        }
    }
    if (status != 0) {
        (void)sip_answer(p->sip, held->exchange, status, body.len > 0 ? SCAIP_TYPE : NULL, body);
    }
}

/* Requests and answers may overtake each other, so each kind is looked for by itself. */
static enum err sip_hear(struct player *p, const struct transcript_step *step)
{
    for (size_t i = 0; i < p->held_count; i++) {
        const struct held *held = &p->held[i];
        if ((held->exchange != 0) != (step->verb == TRANSCRIPT_REQUEST)) {
            continue;
        }
        bool is_right = held->exchange != 0 || held->status == step->status;
        if (is_right && step->has_bytes) {
            is_right = transcript_matches(step, slice_of(held->body, held->len));
        }
        if (held->exchange != 0) {
            answer_request(p, held);
        }
        if (!is_right) {
            char text[512];
            stub_say("# heard %d %s", held->status,
                     stub_plain(slice_of(held->body, held->len), text, sizeof text));
            return ERR_SYNTAX;
        }
        p->held_count--;
        memmove(&p->held[i], &p->held[i + 1], (p->held_count - i) * sizeof p->held[0]);
        return ERR_OK;
    }
    return ERR_MORE;
}

/* ---- bytes ---- */

static void *on_open(void *context, struct conn *conn, const char *peer)
{
    (void)peer;
    struct player *p = context;
    p->conn = conn;
    go_on(p);
    return p;
}

static size_t on_bytes(void *user, struct conn *conn, struct slice bytes, const char *peer)
{
    (void)conn;
    (void)peer;
    struct player *p = user;
    size_t take = bytes.len < INPUT_ROOM - p->input_len ? bytes.len : INPUT_ROOM - p->input_len;
    memcpy(p->input + p->input_len, bytes.at, take);
    p->input_len += take;
    go_on(p);
    return bytes.len;
}

static void on_close(void *user, struct conn *conn, const char *why)
{
    (void)conn;
    (void)why;
    struct player *p = user;
    p->conn = NULL;
    p->was_hung_up = true;
    go_on(p);
}

static bool bytes_can_say(struct player *p)
{
    return p->conn != NULL;
}

static bool bytes_say(struct player *p, const struct transcript_step *step)
{
    if (step->verb == TRANSCRIPT_HANG_UP) {
        conn_close(p->conn);
        p->conn = NULL;
        return true;
    }
    return conn_send(p->conn, step->bytes) == ERR_OK;
}

static enum err bytes_hear(struct player *p, const struct transcript_step *step)
{
    if (step->verb == TRANSCRIPT_HANG_UP) {
        bool was_hung_up = p->was_hung_up;
        p->was_hung_up = false;
        return was_hung_up ? ERR_OK : ERR_MORE;
    }
    struct slice heard = slice_of(p->input, p->input_len);
    struct verdict verdict = transcript_take(step, heard);
    if (verdict.err == ERR_OK) {
        p->input_len -= verdict.at;
        memmove(p->input, p->input + verdict.at, p->input_len);
    } else if (verdict.err != ERR_MORE) {
        char text[256];
        struct buf hex = buf_of(text, sizeof text);
        buf_put_hex(&hex, slice_of(heard.at, heard.len < 100 ? heard.len : 100));
        stub_say("# heard hex %s", buf_cstr(&hex));
    }
    return verdict.err;
}

/* ---- beginning and end ---- */

/* What no device can bring about. */
static bool can_be_played(const struct transcript *play)
{
    if (play->is_dialling) {
        stub_complain("This case is of a port that dials; play it with an alarm centre.");
        return false;
    }
    for (size_t i = 0; i < play->step_count; i++) {
        const struct transcript_step *step = &play->steps[i];
        if (step->type == TRANSCRIPT_STATUS) {
            stub_complain("Line %d needs a carer; a device cannot bring that about.", step->line);
            return false;
        }
        if (step->type == TRANSCRIPT_JOURNAL && slice_eq_str(step->word, "refused")) {
            stub_complain("Line %d needs a journal that refuses; a device cannot bring that about.",
                          step->line);
            return false;
        }
    }
    for (size_t i = 0; i < play->option_count; i++) {
        stub_say("# the gateway must have the option %.*s: %.*s", (int)play->options[i].key.len,
                 (const char *)play->options[i].key.at, (int)play->options[i].value.len,
                 (const char *)play->options[i].value.at);
    }
    return true;
}

static void play_it(struct player *p)
{
    ev_timer_init(&p->timer, on_timer, 0.0, 0.0);
    p->timer.data = p;
    p->status = 1;
    if (p->sip != NULL) {
        go_on(p);
    } else {
        wait_ms(p, STUB_CASE_WAIT_MS);
        p->is_waiting = true;
    }
    if (p->step < p->play.step_count) {
        stub_run(p->loop);
    }
    ev_timer_stop(p->loop, &p->timer);
}

static bool open_sip(struct player *p, const char *listen, char *why, size_t room)
{
    static const struct sip_handler handler = {on_message, on_answer};
    bool is_tcp = strstr(p->to, ";tcp") != NULL;
    struct sip_config config = {
        .name = "device",
        .listen = listen != NULL ? listen : stub_listen_for(p->to),
        .is_udp = !is_tcp,
        .is_tcp = is_tcp,
        .own_user = "device",
    };
    p->can_say = sip_can_say;
    p->say = sip_say;
    p->hear = sip_hear;
    return sip_open(p->loop, &config, &handler, p, &p->sip, why, room) == ERR_OK;
}

static bool open_port(struct player *p, char *why, size_t room)
{
    static const struct port_handler handler = {on_open, on_bytes, on_close, NULL};
    struct port_config config = {.name = "device", .address = p->to, .is_dialling = true};
    p->can_say = bytes_can_say;
    p->say = bytes_say;
    p->hear = bytes_hear;
    return port_open(p->loop, &config, &handler, p, &p->port, why, room) == ERR_OK;
}

static int play(struct player *p, const char *path, bool is_sip, const char *listen)
{
    size_t len = 0;
    char *text = stub_file(path, TRANSCRIPT_MAX, &len);
    size_t room = transcript_arena(len);
    void *memory = text != NULL ? malloc(room) : NULL;
    struct arena arena = arena_of(memory, room);
    char why[TRANSCRIPT_WHY_ROOM] = "";
    int line = 0;
    p->status = 2;
    if (memory == NULL) {
        free(text);
        return p->status;
    }
    if (transcript_parse(slice_of(text, len), &arena, &p->play, &line, why) != ERR_OK) {
        stub_complain("%s:%d: %s", path, line, why);
    } else if (can_be_played(&p->play)) {
        if (is_sip ? open_sip(p, listen, why, sizeof why) : open_port(p, why, sizeof why)) {
            play_it(p);
        } else {
            stub_complain("%s", why);
        }
        sip_close(p->sip);
        struct port *port = p->port;
        p->step = p->play.step_count;
        port_close(port);
    }
    free(memory);
    free(text);
    return p->status;
}

static int play_in_new_player(struct ev_loop *loop, const char *path, const char *to, bool is_sip,
                              const char *listen)
{
    struct player *p = calloc(1, sizeof *p);
    if (p == NULL) {
        stub_complain("There is no memory to play a case.");
        return 2;
    }
    p->loop = loop;
    p->to = to;
    int status = play(p, path, is_sip, listen);
    free(p);
    return status;
}

int stub_case_scaip(struct ev_loop *loop, const char *path, const char *to, const char *listen)
{
    return play_in_new_player(loop, path, to, true, listen);
}

int stub_case_bytes(struct ev_loop *loop, const char *path, const char *to)
{
    return play_in_new_player(loop, path, to, false, NULL);
}
