/* stub_espa.c - the nurse-call system's side of an ESPA 4.4.4 line: see stub_espa.h. */
#include "stub_espa.h"

#include "io/port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum state {
    IDLE,      /* the control station between two polls; a station that waits to be polled */
    POLLING,   /* we polled the other end */
    SELECTING, /* waiting for ACK to our selection */
    SENDING,   /* waiting for ACK to our block */
    RECEIVING  /* the other end has selected us */
};

struct waiting {
    bool is_used;
    struct stub_espa_call call;
    int64_t made_ms;
    int64_t next_ms;
    int tries;
};

struct stub_espa {
    struct ev_loop *loop;
    struct stub_espa_config config;
    struct port *port;
    struct conn *conn; /* NULL: not connected */
    struct ev_timer timer;
    enum state state;
    char own;
    char peer;
    bool is_after_eot;     /* an ENQ now is a poll */
    bool is_unanswered;    /* the last poll was: say it once */
    bool was_refused;      /* the last attempt to connect was: say it once */
    unsigned attempts;     /* of the block being sent */
    struct waiting *sends; /* the call being sent, or NULL */
    struct waiting calls[STUB_ESPA_CALLS_MAX];
};

static void wait_ms(struct stub_espa *panel, int64_t ms)
{
    ev_timer_stop(panel->loop, &panel->timer);
    ev_timer_set(&panel->timer, (double)ms / 1000.0, 0.0);
    ev_timer_start(panel->loop, &panel->timer);
}

static void send_bytes(struct stub_espa *panel, const struct buf *out)
{
    if (panel->conn != NULL) {
        (void)conn_send(panel->conn, buf_slice(out)); /* a dead line closes by itself */
    }
}

static void put_eot(const struct stub_espa *panel, struct buf *out)
{
    if (panel->config.fault != STUB_ESPA_NO_EOT) {
        espa444_put_eot(out);
    }
}

static struct waiting *due_call(struct stub_espa *panel)
{
    int64_t mono_ms = loop_now().mono_ms;
    struct waiting *first = NULL;
    for (size_t i = 0; i < STUB_ESPA_CALLS_MAX; i++) {
        struct waiting *w = &panel->calls[i];
        if (w->is_used && w->next_ms <= mono_ms && (first == NULL || w->made_ms < first->made_ms)) {
            first = w;
        }
    }
    return first;
}

/* The line is free again; a control station looks after it soon. */
static void rest(struct stub_espa *panel)
{
    panel->state = IDLE;
    panel->sends = NULL;
    if (panel->config.is_station) {
        ev_timer_stop(panel->loop, &panel->timer);
        return;
    }
    wait_ms(panel, due_call(panel) != NULL ? 20 : panel->config.poll_ms);
}

static void end_transaction(struct stub_espa *panel)
{
    uint8_t room[4];
    struct buf out = buf_of(room, sizeof room);
    put_eot(panel, &out);
    send_bytes(panel, &out);
    panel->is_after_eot = true;
    rest(panel);
}

/* ---- sending calls ---- */

static enum err put_call(const struct stub_espa *panel, struct buf *out)
{
    static const enum espa444_id ids[] = {ESPA444_BEEP, ESPA444_CALL_TYPE, ESPA444_TRANSMISSIONS,
                                          ESPA444_PRIORITY};
    const struct stub_espa_call *call = &panel->sends->call;
    struct espa444_field fields[6] = {{ESPA444_CALL_ADDRESS, slice_str(call->address)},
                                      {ESPA444_DISPLAY, slice_str(call->text)}};
    size_t count = 2;
    for (size_t i = 0; i < 4; i++) {
        if (call->others[i][0] != '\0') {
            fields[count++] = (struct espa444_field){ids[i], slice_str(call->others[i])};
        }
    }
    return espa444_put_block(out, &panel->config.line, ESPA444_CALL, fields, count);
}

static void send_block(struct stub_espa *panel)
{
    uint8_t room[2 * ESPA444_BLOCK_MAX];
    struct buf out = buf_of(room, sizeof room);
    struct waiting *w = panel->sends;
    if (put_call(panel, &out) != ERR_OK) {
        stub_complain("The call to %s is too long for a block; it is dropped.", w->call.address);
        w->is_used = false;
        end_transaction(panel);
        return;
    }
    panel->attempts++;
    w->tries++;
    if (panel->attempts == 1 && panel->config.fault == STUB_ESPA_BAD_BCC) {
        out.at[out.len - 1] ^= 0x01;
    } else if (panel->attempts == 1 && panel->config.fault == STUB_ESPA_NEVER_ENDING_BLOCK) {
        out.len -= 2; /* ETX and BCC */
        while (out.len < ESPA444_BLOCK_MAX + 100) {
            buf_put_u8(&out, 'A');
        }
    }
    panel->state = SENDING;
    wait_ms(panel, STUB_ESPA_BLOCK_MS);
    send_bytes(panel, &out);
    stub_say("sent address=%s text=\"%s\" try=%d", w->call.address, w->call.text, w->tries);
}

static void select_peer(struct stub_espa *panel, struct waiting *w)
{
    uint8_t room[8];
    struct buf out = buf_of(room, sizeof room);
    if (!panel->config.is_station) {
        espa444_put_enq(&out, panel->own); /* it polls itself, so that it may send */
    }
    espa444_put_enq(&out, panel->peer);
    panel->sends = w;
    panel->attempts = 0;
    panel->state = SELECTING;
    wait_ms(panel, STUB_ESPA_SELECTION_MS);
    send_bytes(panel, &out);
}

/* Nobody took it: the whole call again, later. */
static void postpone(struct stub_espa *panel)
{
    panel->sends->next_ms = loop_now().mono_ms + STUB_ESPA_AGAIN_MS;
    end_transaction(panel);
}

static void taken(struct stub_espa *panel, const char *word)
{
    struct waiting *w = panel->sends;
    stub_say("%s address=%s text=\"%s\" after_ms=%lld", word, w->call.address, w->call.text,
             (long long)(loop_now().mono_ms - w->made_ms));
    w->is_used = false;
    end_transaction(panel);
}

static void refused(struct stub_espa *panel, char digit)
{
    stub_say("nak digit=%c address=%s", digit != 0 ? digit : '-', panel->sends->call.address);
    if (panel->config.fault == STUB_ESPA_IGNORE_NAK && panel->state == SENDING) {
        taken(panel, "ignored_nak");
    } else if (panel->state == SENDING && panel->attempts < STUB_ESPA_ATTEMPTS) {
        send_block(panel);
    } else {
        postpone(panel);
    }
}

/* ---- hearing ---- */

static void reply(struct stub_espa *panel, bool is_good)
{
    uint8_t room[4];
    struct buf out = buf_of(room, sizeof room);
    if (is_good) {
        espa444_put_ack(&out);
    } else {
        espa444_put_nak(&out, ESPA444_NAK_DAMAGED);
    }
    wait_ms(panel, STUB_ESPA_BLOCK_MS);
    send_bytes(panel, &out);
}

static void say_block(const struct stub_espa *panel, const struct espa444_block *block)
{
    const struct espa444_line *line = &panel->config.line;
    char address[2 * ESPA444_ADDRESS_MAX + 4];
    char text[2 * ESPA444_DISPLAY_MAX + 4];
    struct buf a = buf_of(address, sizeof address);
    struct buf t = buf_of(text, sizeof text);
    espa444_text(espa444_find(block, ESPA444_CALL_ADDRESS), line, &a);
    espa444_text(espa444_find(block, ESPA444_DISPLAY), line, &t);
    const char *word = block->header == ESPA444_STATUS ? "status" : "other";
    stub_say("%s address=%s text=\"%s\" call_status=%d", word, buf_cstr(&a), buf_cstr(&t),
             espa444_number(block, line, ESPA444_CALL_STATUS));
}

static void on_enq(struct stub_espa *panel, char address)
{
    bool is_poll = panel->is_after_eot && panel->config.is_station;
    panel->is_after_eot = false;
    if (address != panel->own) {
        return;
    }
    if (!is_poll) {
        panel->state = RECEIVING;
        reply(panel, true);
        return;
    }
    struct waiting *w = due_call(panel);
    if (w != NULL) {
        select_peer(panel, w);
    } else {
        end_transaction(panel);
    }
}

static void on_frame(struct stub_espa *panel, const struct espa444_frame *frame)
{
    panel->is_unanswered = false;
    switch (frame->type) {
    case ESPA444_IS_ENQ:
        on_enq(panel, frame->digit);
        break;
    case ESPA444_IS_ACK:
        if (panel->state == SELECTING) {
            send_block(panel);
        } else if (panel->state == SENDING) {
            taken(panel, "ack");
        }
        break;
    case ESPA444_IS_NAK:
        if (panel->state == SELECTING || panel->state == SENDING) {
            refused(panel, frame->digit);
        }
        break;
    case ESPA444_IS_EOT:
        panel->is_after_eot = true;
        if (panel->state == SENDING || panel->state == SELECTING) {
            panel->sends->next_ms = loop_now().mono_ms + STUB_ESPA_AGAIN_MS;
        }
        rest(panel);
        break;
    case ESPA444_IS_BLOCK:
        if (panel->state == RECEIVING) {
            say_block(panel, &frame->block);
            reply(panel, true);
        }
        break;
    }
}

static size_t on_bytes(void *user, struct conn *conn, struct slice bytes, const char *peer)
{
    (void)conn;
    (void)peer;
    struct stub_espa *panel = user;
    const struct espa444_line *line = &panel->config.line;
    size_t used = 0;
    while (used < bytes.len) {
        struct slice left = slice_from(bytes, used);
        struct espa444_frame frame;
        struct verdict verdict = espa444_parse(left, line, &frame);
        if (verdict.err == ERR_MORE) {
            break;
        }
        if (verdict.err == ERR_OK) {
            on_frame(panel, &frame);
        } else if (verdict.err != ERR_NOT_MINE && panel->state == RECEIVING) {
            reply(panel, false);
        }
        used += espa444_skip(left, line, verdict);
    }
    return used;
}

/* ---- time ---- */

static void poll_peer(struct stub_espa *panel)
{
    uint8_t room[8];
    struct buf out = buf_of(room, sizeof room);
    put_eot(panel, &out);
    espa444_put_enq(&out, panel->peer);
    panel->state = POLLING;
    wait_ms(panel, STUB_ESPA_SELECTION_MS);
    send_bytes(panel, &out);
}

static void unanswered(struct stub_espa *panel, const char *what)
{
    if (!panel->is_unanswered) {
        panel->is_unanswered = true;
        stub_say("no_answer while=%s", what);
    }
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct stub_espa *panel = timer->data;
    struct waiting *w = NULL;
    switch (panel->state) {
    case IDLE:
        w = panel->config.is_station ? NULL : due_call(panel);
        if (w != NULL) {
            select_peer(panel, w);
        } else if (!panel->config.is_station) {
            poll_peer(panel);
        }
        break;
    case POLLING:
        unanswered(panel, "polling");
        end_transaction(panel);
        break;
    case SELECTING:
        unanswered(panel, "selecting");
        postpone(panel);
        break;
    case SENDING:
        stub_say("no_answer while=sending");
        if (panel->attempts < STUB_ESPA_ATTEMPTS) {
            send_block(panel);
        } else {
            postpone(panel);
        }
        break;
    case RECEIVING:
        if (panel->config.is_station) {
            rest(panel); /* the line is the control station's to take back */
        } else {
            end_transaction(panel);
        }
        break;
    }
}

/* ---- the line ---- */

static void *on_open(void *context, struct conn *conn, const char *peer)
{
    (void)peer;
    struct stub_espa *panel = context;
    panel->conn = conn;
    panel->is_after_eot = true;
    panel->is_unanswered = false;
    panel->was_refused = false;
    stub_say("connected");
    rest(panel);
    return panel;
}

static void on_close(void *user, struct conn *conn, const char *why)
{
    (void)conn;
    struct stub_espa *panel = user;
    panel->conn = NULL;
    if (panel->sends != NULL) {
        panel->sends->next_ms = loop_now().mono_ms + STUB_ESPA_AGAIN_MS;
    }
    panel->sends = NULL;
    panel->state = IDLE;
    ev_timer_stop(panel->loop, &panel->timer);
    stub_say("disconnected why=\"%s\"", why);
}

static void on_refused(void *context, const char *why)
{
    struct stub_espa *panel = context;
    if (!panel->was_refused) {
        panel->was_refused = true;
        stub_say("disconnected why=\"%s\"", why);
    }
}

bool stub_espa_call(struct stub_espa *panel, const struct stub_espa_call *call)
{
    for (size_t i = 0; i < STUB_ESPA_CALLS_MAX; i++) {
        struct waiting *w = &panel->calls[i];
        if (!w->is_used) {
            int64_t mono_ms = loop_now().mono_ms;
            *w = (struct waiting){
                .is_used = true, .call = *call, .made_ms = mono_ms, .next_ms = mono_ms};
            if (panel->state == IDLE && panel->conn != NULL && !panel->config.is_station) {
                wait_ms(panel, 1);
            }
            return true;
        }
    }
    return false;
}

struct stub_espa *stub_espa_open(struct ev_loop *loop, const struct stub_espa_config *config)
{
    static const struct port_handler handler = {on_open, on_bytes, on_close, on_refused};
    struct stub_espa *panel = calloc(1, sizeof *panel);
    if (panel == NULL) {
        stub_complain("There is no memory for the panel.");
        return NULL;
    }
    panel->loop = loop;
    panel->config = *config;
    panel->own = config->is_station ? '2' : '1';
    panel->peer = config->is_station ? '1' : '2';
    ev_timer_init(&panel->timer, on_timer, 0.0, 0.0);
    panel->timer.data = panel;
    struct port_config port = {.name = "panel", .address = config->to, .is_dialling = true};
    char why[160];
    if (port_open(loop, &port, &handler, panel, &panel->port, why, sizeof why) != ERR_OK) {
        stub_complain("%s: %s", config->to, why);
        free(panel);
        return NULL;
    }
    return panel;
}

void stub_espa_close(struct stub_espa *panel)
{
    if (panel != NULL) {
        port_close(panel->port);
        ev_timer_stop(panel->loop, &panel->timer);
        free(panel);
    }
}
