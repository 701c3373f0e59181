/* espa444.c - ESPA 4.4.4 spoken: a paging system for a nurse-call system, or its control station.
 *
 * The turn calls it through `adapter_espa444` at the end. Never blocks, never reads a clock; what a
 * call means is in espa444_call.c, what the bytes are in wire/espa444.c.
 *
 *   role station (we are polled, usually address 2)     role control_station (we poll, usually 1)
 *     <- 2 ENQ    after EOT: a poll                       -> EOT, 2 ENQ         poll
 *     -> EOT      nothing, or                             <- EOT                nothing, or
 *     -> 1 ENQ    select, <- ACK, -> status, ...          <- 1 ENQ  -> ACK      it selects us
 *     <- 1 ENQ 2 ENQ   a select                           <- SOH..  -> ACK      when it is stored
 *     -> ACK      ready, or 2 NAK                         <- EOT                end
 *     <- SOH ... ETX BCC                                  -> 1 ENQ 2 ENQ        we have a status:
 *     -> ACK      only when the alarm is stored              <- ACK -> SOH.. <- ACK -> EOT
 *     <- EOT
 *
 * ESPA has no message numbers. A block repeated within `repeat_s` seconds gets the reference of the
 * first and so becomes a duplicate: the ACK may have been lost. A later one is a repeated press.
 */
#include "adapters/espa444_session.h"
#include "adapters/kind_words.h"

#include <string.h>

enum option {
    OPTION_ROLE,
    OPTION_ADDRESS,
    OPTION_PEERS,
    OPTION_POLL_MS,
    OPTION_ADDRESS_CHECK,
    OPTION_CHARSET,
    OPTION_SEVEN_BIT,
    OPTION_NAK,
    OPTION_REPEAT_S,
    OPTION_PLACE_WORD,
    OPTION_KINDS,
    OPTION_CALL_STATUS,
    OPTION_SUPERVISE
};

static const struct adapter_option options[] = {
    {"role", OPTION_WORD, 0, 0, "station|control_station", "station",
     "station: the nurse-call system polls us; control_station: we poll it."},
    {"address", OPTION_TEXT, 0, 1, NULL, "",
     "Our own address, one digit; 2 as station and 1 as control station when left out."},
    {"peers", OPTION_TEXT, 0, PEERS_MAX, NULL, "",
     "Addresses of the other end, one digit each; 1 as station and 2 as control station when left "
     "out."},
    {"poll_ms", OPTION_NUMBER, 50, 60000, NULL, "500",
     "As control station: milliseconds from the end of one poll to the next."},
    {"address_check", OPTION_WORD, 0, 0, "strict|lenient", "strict",
     "lenient: answer to any address and take blocks without selection (point to point only)."},
    {"charset", OPTION_WORD, 0, 0, "latin1|swedish|ascii", "latin1",
     "Letters of the text; swedish: 7-bit with [ \\ ] { | } standing for the Swedish letters."},
    {"seven_bit", OPTION_BOOL, 0, 0, NULL, "false",
     "true: bit 8 of every character is parity and is ignored."},
    {"nak", OPTION_WORD, 0, 0, "digit|bare", "digit",
     "bare: refusals are sent without the digit that tells the reason."},
    {"repeat_s", OPTION_NUMBER, 1, 600, NULL, "10",
     "Seconds in which the same block again is a retransmission and not a new press."},
    {"place_word", OPTION_TEXT, 0, 24, NULL, "RUM",
     "The word in the message before the number of the room; it becomes part of the device's key."},
    {"kinds", OPTION_TEXT, 0, 512, NULL, KIND_WORDS_PRESET,
     "WORD=kind, ...: the first of the list whose word stands in the message gives the kind of "
     "alarm."},
    {"call_status", OPTION_BOOL, 0, 0, NULL, "true",
     "true: tell the nurse-call system what becomes of its calls (queued, paged, acknowledged, "
     "ended)."},
    {"supervise", OPTION_TEXT, 0, DEVICE_ROOM - 1, NULL, "",
     "Key of the device that stands for the line itself: every valid exchange is a sign of its "
     "life."},
    {NULL, OPTION_NUMBER, 0, 0, NULL, NULL, NULL},
};

/* --- receiving calls --- */

static struct espa444_pending *free_pending(struct espa444_session *s)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (s->pending[i].tag == 0) {
            return &s->pending[i];
        }
    }
    return NULL;
}

/* The memory of this content: the running one when it came within the window, else a new one. */
static struct espa444_recent *remember(struct espa444_session *s, const struct espa444_block *block,
                                       uint64_t hash, struct now now)
{
    for (size_t i = 0; i < RECENT_MAX; i++) {
        struct espa444_recent *r = &s->recent[i];
        if (r->hash == hash && now.mono_ms - r->since_mono_ms < s->repeat_ms) {
            return r;
        }
    }
    struct espa444_recent *r = &s->recent[s->recent_next];
    s->recent_next = (s->recent_next + 1) % RECENT_MAX;
    memset(r, 0, sizeof *r);
    r->hash = hash;
    r->since_mono_ms = now.mono_ms;
    r->window = now.wall_ms / s->repeat_ms;
    r->status = ESPA444_QUEUED;
    espa444_put_address(s, block, r->address, sizeof r->address);
    return r;
}

static void raise_call(struct espa444_session *s, const struct adapter_input *in, struct slice raw,
                       const struct espa444_block *block, struct now now, struct outbox *out)
{
    uint64_t hash = espa444_content_hash(block, &s->rules.line);
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (s->pending[i].tag != 0 && s->pending[i].hash == hash) {
            s->pending[i].is_answered_by_nobody = false; /* sent again while we write: one answer */
            return;
        }
    }
    struct espa444_pending *pending = free_pending(s);
    if (pending == NULL) {
        espa444_send_nak(s, out, ESPA444_NAK_BUSY);
        return;
    }
    const struct espa444_recent *recent = remember(s, block, hash, now);
    s->tag = s->tag == UINT32_MAX ? 1 : s->tag + 1;
    struct alarm *alarm = out_raise(out, now, s->tag);
    if (alarm == NULL) {
        espa444_send_nak(s, out, ESPA444_NAK_BUSY);
        return;
    }
    *pending = (struct espa444_pending){.tag = s->tag, .hash = hash};
    if (espa444_fill_alarm(block, &s->rules, alarm) != ERR_OK) {
        out_note(out, "address_missing", "a call without a call address (record 1)");
    }
    uint8_t reference[REFERENCE_ROOM * 2];
    struct buf b = buf_of(reference, sizeof reference);
    espa444_put_reference(block, &s->rules.line, recent->window, &b);
    (void)slice_text(buf_slice(&b), alarm->reference, sizeof alarm->reference);
    (void)slice_text(slice_str("espa444"), alarm->dialect, sizeof alarm->dialect);
    (void)slice_text(slice_str(in->port), alarm->port, sizeof alarm->port);
    out_keep_raw(out, alarm, raw, "espa444");
}

static void take_block(struct espa444_session *s, const struct adapter_input *in, struct slice raw,
                       const struct espa444_block *block, struct now now, struct outbox *out)
{
    if (s->state != STATE_RECEIVING) {
        if (!s->is_lenient) {
            out_note(
                out, "block_without_selection",
                "a block came without selection and was not taken; if this line has only two ends, "
                "set address_check: lenient");
            return;
        }
        s->state = STATE_RECEIVING;
        s->phase_ms = now.mono_ms + PHASE_MS;
    }
    s->is_after_eot = false;
    s->step_ms = now.mono_ms + BLOCK_MS;
    if (block->had_blanks) {
        out_note(out, "blanks", "blanks round an identifier of a block");
    }
    if (block->had_bit_eight) {
        out_note(out, "bit_eight",
                 "bit 8 is set on a 7-bit line: let the serial server check parity");
    }
    switch (block->header) {
    case ESPA444_CALL:
        raise_call(s, in, raw, block, now, out);
        break;
    case ESPA444_STATUS_REQUEST:
        espa444_answer_request(s, block);
        espa444_send_byte(out, ESPA444_ACK);
        break;
    default:
        espa444_send_byte(
            out, ESPA444_ACK); /* receivers in service take all types and drop the others */
        break;
    }
}

/* --- the line --- */

static void become_selected(struct espa444_session *s, struct now now, struct outbox *out)
{
    s->is_after_eot = false;
    s->poll_at_ms = 0;
    if (free_pending(s) == NULL) {
        espa444_send_nak(s, out, ESPA444_NAK_BUSY);
        s->state = STATE_NEUTRAL;
        return;
    }
    espa444_send_byte(out, ESPA444_ACK);
    s->state = STATE_RECEIVING;
    s->step_ms = now.mono_ms + BLOCK_MS;
    s->phase_ms = now.mono_ms + PHASE_MS;
}

static void take_enq_as_control(struct espa444_session *s, char address, struct now now,
                                struct outbox *out)
{
    if (address != s->own && !s->is_lenient) {
        s->step_ms = 0; /* one station selects another: theirs until EOT */
        s->state = STATE_NEUTRAL;
        s->poll_at_ms = 0;
        return;
    }
    s->selected_by = s->peers[s->peer];
    become_selected(s, now, out);
}

static void take_enq_as_station(struct espa444_session *s, char address, struct now now,
                                struct outbox *out)
{
    bool is_poll = s->is_after_eot;
    s->is_after_eot = false;
    bool is_self_poll = strchr(s->peers, address) != NULL;
    if (address != s->own && (is_self_poll || !s->is_lenient)) {
        espa444_fall_back(s, now, false);
        if (!is_self_poll) {
            out_note(out, "other_address", "another address than ours was polled or selected");
        }
    } else if (!is_poll) {
        become_selected(s, now, out);
    } else if (s->queue_count > 0) {
        espa444_begin_sending(s, now, out);
    } else {
        espa444_release(s, now, out);
    }
}

static void take_frame(struct espa444_session *s, const struct adapter_input *in, struct slice raw,
                       const struct espa444_frame *frame, struct now now, struct outbox *out)
{
    switch (frame->type) {
    case ESPA444_IS_EOT:
        espa444_fall_back(s, now, true);
        break;
    case ESPA444_IS_ENQ:
        if (s->is_control) {
            take_enq_as_control(s, frame->digit, now, out);
        } else {
            take_enq_as_station(s, frame->digit, now, out);
        }
        break;
    case ESPA444_IS_ACK:
        s->is_after_eot = false;
        if (s->state == STATE_SELECTING || s->state == STATE_SENDING) {
            espa444_continue_sending(s, now, out);
        }
        break;
    case ESPA444_IS_NAK:
        s->is_after_eot = false;
        espa444_take_nak(s, now, out);
        break;
    case ESPA444_IS_BLOCK:
        take_block(s, in, raw, &frame->block, now, out);
        break;
    }
}

/* A sign that the line works. */
static void line_lives(struct espa444_session *s, const struct adapter_input *in, struct now now,
                       struct outbox *out)
{
    s->dead_at_ms = now.mono_ms + DEAD_MS;
    s->idle_at_ms = s->is_control ? now.mono_ms + IDLE_MS : 0;
    s->is_offline[s->peer] = false;
    if (s->is_dead) {
        s->is_dead = false;
        out_note(out, "line_back", "the nurse-call system is heard again");
    }
    if (s->supervise.len == 0 || now.mono_ms < s->alive_at_ms) {
        return;
    }
    s->alive_at_ms = now.mono_ms + ALIVE_MS;
    struct alarm *alarm = out_alive(out, now, 0);
    if (alarm != NULL) {
        (void)slice_text(s->supervise, alarm->device, sizeof alarm->device);
        (void)slice_text(slice_str("espa444"), alarm->dialect, sizeof alarm->dialect);
        (void)slice_text(slice_str(in->port), alarm->port, sizeof alarm->port);
    }
}

/* A whole block that is no use: the sender hears why, if it is us it speaks to. */
static void refuse_block(struct espa444_session *s, enum err err, struct now now,
                         struct outbox *out)
{
    bool is_for_us = s->state == STATE_RECEIVING || s->is_lenient;
    if (is_for_us && (err == ERR_CHECKSUM || err == ERR_FULL)) {
        espa444_send_nak(s, out, ESPA444_NAK_DAMAGED);
        s->step_ms = now.mono_ms + BLOCK_MS;
    } else if (is_for_us && err == ERR_UNSUPPORTED) {
        espa444_send_nak(s, out, ESPA444_NAK_NOT_UNDERSTOOD);
        s->step_ms = now.mono_ms + BLOCK_MS;
    }
    if (err == ERR_CHECKSUM) {
        out_note(out, "bad_check", "a block came damaged: its check character (BCC) is wrong");
    } else if (err == ERR_FULL) {
        out_note(out, "endless_block", "a block passed 512 bytes without an end and was cut off");
    } else if (err == ERR_UNSUPPORTED) {
        out_note(out, "block_not_understood", "a block came whole and is not ESPA 4.4.4");
    } else if (err == ERR_SYNTAX) {
        out_note(out, "block_broken_off", "a block broke off before its end");
    }
}

static struct verdict espa444_input(void *session, const struct adapter_input *in, struct now now,
                                    struct outbox *out)
{
    struct espa444_session *s = session;
    struct espa444_frame frame;
    if (s->to_drop > 0) {
        out->consumed = s->to_drop < in->bytes.len ? s->to_drop : in->bytes.len;
        s->to_drop = 0;
        s->unconsumed = 0;
        out_note(out, "block_broken_off",
                 "a block was left unfinished for 3 seconds and was dropped");
        return verdict_at(ERR_SYNTAX, out->consumed);
    }
    struct verdict v = espa444_parse(in->bytes, &s->rules.line, &frame);
    if (v.err == ERR_MORE) {
        bool is_growing = in->bytes.len > s->unconsumed;
        if (is_growing && in->bytes.len > 0) {
            s->step_ms = now.mono_ms + BLOCK_MS;
        }
        s->unconsumed = in->bytes.len;
        out->consumed = 0;
        espa444_ask_for_wake(s, out);
        return v;
    }
    s->unconsumed = 0;
    if (v.err == ERR_OK) {
        out->consumed = v.at;
        line_lives(s, in, now, out);
        take_frame(s, in, slice_of(in->bytes.at, v.at), &frame, now, out);
    } else {
        out->consumed = espa444_skip(in->bytes, &s->rules.line, v);
        refuse_block(s, v.err, now, out);
    }
    espa444_ask_for_wake(s, out);
    return v;
}

/* --- time --- */

static void poll_next(struct espa444_session *s, struct now now, struct outbox *out)
{
    if (s->queue_count > 0) {
        espa444_begin_sending(s, now, out);
        return;
    }
    size_t count = strlen(s->peers);
    for (size_t i = 1; i <= count; i++) {
        size_t next = (s->peer + i) % count;
        if (!s->is_offline[next] || now.mono_ms >= s->offline_until_ms[next]) {
            s->peer = next;
            espa444_send_enq(out, s->peers[next]);
            s->is_after_eot = false;
            s->state = STATE_POLLING;
            s->poll_at_ms = 0;
            s->step_ms = now.mono_ms + SELECTION_MS;
            return;
        }
    }
    s->poll_at_ms = now.mono_ms + s->poll_ms; /* all are offline */
}

/* The answer to a poll, a selection or a block did not come, or a sender fell silent. */
static void step_over(struct espa444_session *s, struct now now, struct outbox *out)
{
    s->step_ms = 0;
    s->to_drop = s->unconsumed;
    switch (s->state) {
    case STATE_POLLING:
        if (!s->is_offline[s->peer]) {
            out_note(out, "station_silent",
                     "a station does not answer its poll; left alone for 60 s");
        }
        s->is_offline[s->peer] = true;
        s->offline_until_ms[s->peer] = now.mono_ms + OFFLINE_MS;
        espa444_release(s, now, out);
        break;
    case STATE_SENDING:
        espa444_take_nak(s, now,
                         out); /* no answer is treated like a refusal: once more, then EOT */
        break;
    case STATE_SELECTING:
        espa444_give_up(s, now, out);
        break;
    case STATE_RECEIVING:
    case STATE_NEUTRAL:
        espa444_fall_back(s, now, s->is_after_eot);
        break;
    }
}

static bool is_due(int64_t deadline_ms, struct now now)
{
    return deadline_ms != 0 && now.mono_ms >= deadline_ms;
}

static void espa444_tick(void *session, struct now now, struct outbox *out)
{
    struct espa444_session *s = session;
    if (is_due(s->step_ms, now)) {
        step_over(s, now, out);
    }
    if (is_due(s->phase_ms, now)) {
        s->phase_ms = 0;
        s->to_drop = s->unconsumed;
        out_note(out, "phase_too_long", "a transaction took more than 15 seconds and was ended");
        if (s->state == STATE_RECEIVING && !s->is_control) {
            espa444_fall_back(s, now, false);
        } else {
            espa444_release(s, now, out);
        }
    }
    if (is_due(s->idle_at_ms, now)) {
        s->idle_at_ms = now.mono_ms + IDLE_MS;
        if (s->state != STATE_SENDING && s->state != STATE_SELECTING) {
            espa444_release(s, now, out); /* "the control station regains the line" */
        }
    }
    if (is_due(s->dead_at_ms, now)) {
        s->dead_at_ms = now.mono_ms + DEAD_MS;
        if (!s->is_dead) {
            s->is_dead = true;
            out_note(out, "line_dead", "the nurse-call system was not heard for 120 seconds");
        }
    }
    if (is_due(s->poll_at_ms, now)) {
        poll_next(s, now, out);
    }
    espa444_ask_for_wake(s, out);
}

/* --- what became of a call --- */

static void espa444_stored(void *session, const struct adapter_receipt *receipt, struct now now,
                           struct outbox *out)
{
    struct espa444_session *s = session;
    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct espa444_pending *p = &s->pending[i];
        if (p->tag != receipt->tag || p->tag == 0) {
            continue;
        }
        bool is_silent = p->is_answered_by_nobody;
        *p = (struct espa444_pending){.tag = 0};
        if (is_silent) {
            return;
        }
        if (receipt->result == ERR_OK) {
            espa444_send_byte(out, ESPA444_ACK);
        } else {
            espa444_send_nak(s, out, ESPA444_NAK_BUSY);
        }
        s->step_ms = now.mono_ms + BLOCK_MS;
        espa444_ask_for_wake(s, out);
        return;
    }
}

/* --- the beginning --- */

static bool are_digits(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return false;
        }
    }
    return true;
}

static void read_options(struct espa444_session *s, const struct adapter_options *o)
{
    struct slice charset = option_text(o, OPTION_CHARSET);
    s->is_control = slice_eq_str(option_text(o, OPTION_ROLE), "control_station");
    s->is_lenient = slice_eq_str(option_text(o, OPTION_ADDRESS_CHECK), "lenient");
    s->is_bare_nak = slice_eq_str(option_text(o, OPTION_NAK), "bare");
    s->has_call_status = option_bool(o, OPTION_CALL_STATUS);
    s->poll_ms = option_number(o, OPTION_POLL_MS);
    s->repeat_ms = option_number(o, OPTION_REPEAT_S) * 1000;
    s->supervise = option_text(o, OPTION_SUPERVISE);
    s->rules = (struct espa444_call_rules){
        .line = {.charset = slice_eq_str(charset, "swedish") ? ESPA444_SWEDISH
                            : slice_eq_str(charset, "ascii") ? ESPA444_ASCII
                                                             : ESPA444_LATIN1,
                 .is_seven_bit = option_bool(o, OPTION_SEVEN_BIT)},
        .place_word = option_text(o, OPTION_PLACE_WORD),
        .kinds = option_text(o, OPTION_KINDS)};
}

static enum err espa444_open(void *session, const struct adapter_options *o, bool is_dialling,
                             struct now now, struct outbox *out)
{
    struct espa444_session *s = session;
    (void)is_dialling; /* who dials and who polls are two questions */
    read_options(s, o);
    struct slice own = option_text(o, OPTION_ADDRESS);
    struct slice peers = option_text(o, OPTION_PEERS);
    if (!are_digits(own) || own.len > 1 || !are_digits(peers) || peers.len > PEERS_MAX) {
        out_note(out, "bad_option", "address is one digit, peers are at most ten digits");
        return ERR_RANGE;
    }
    s->own = own.len == 1 ? (char)own.at[0] : s->is_control ? '1' : '2';
    (void)slice_text(peers.len > 0 ? peers : slice_str(s->is_control ? "2" : "1"), s->peers,
                     sizeof s->peers);
    if (strchr(s->peers, s->own) != NULL) {
        out_note(out, "bad_option", "our own address must not stand among the peers");
        return ERR_RANGE;
    }
    if (!kind_words_are_good(s->rules.kinds) || s->repeat_ms <= 0) {
        out_note(out, "bad_option", "kinds is WORD=kind, WORD=kind with kinds that exist");
        return ERR_RANGE;
    }
    s->dead_at_ms = now.mono_ms + DEAD_MS;
    s->is_after_eot = !s->is_lenient; /* a lenient port takes a first ENQ as a selection */
    if (s->is_control) {
        s->idle_at_ms = now.mono_ms + IDLE_MS;
        espa444_release(s, now, out);
    }
    espa444_ask_for_wake(s, out);
    return ERR_OK;
}

const struct adapter adapter_espa444 = {
    .name = "espa444",
    .title = "ESPA 4.4.4: nurse-call systems over a serial server",
    .transports = TRANSPORT_TCP,
    .session_size = sizeof(struct espa444_session),
    .input_max = ESPA444_BLOCK_MAX * 8,
    .options = options,
    .open = espa444_open,
    .input = espa444_input,
    .tick = espa444_tick,
    .stored = espa444_stored,
    .status = espa444_status,
};
