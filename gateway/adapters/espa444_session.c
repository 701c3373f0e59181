/* espa444_session.c - an ESPA 4.4.4 line from our side: who has it, and our own call status on its
 * way.
 *
 * Called by adapters/espa444.c. Never takes a call, never reads a clock.
 *
 *   we have the line (polled as station; at any time as control station, after polling ourselves):
 *     -> 1 ENQ    select          <- ACK        or [E] NAK, or 2.5 s of silence: EOT, later again
 *     -> SOH 2 STX 1 US address RS 7 US status RS 2 US text ETX BCC
 *                                 <- ACK        or [E] NAK, or 3 s of silence: once more, then EOT
 *     -> EOT
 */
#include "adapters/espa444_session.h"

#include <string.h>

/* --- what goes out --- */

void espa444_send_enq(struct outbox *out, char address)
{
    uint8_t bytes[2];
    struct buf b = buf_of(bytes, sizeof bytes);
    espa444_put_enq(&b, address);
    out_send(out, buf_slice(&b));
}

void espa444_send_byte(struct outbox *out, uint8_t byte)
{
    out_send(out, slice_of(&byte, 1));
}

void espa444_send_nak(const struct espa444_session *s, struct outbox *out, enum espa444_nak reason)
{
    uint8_t bytes[2];
    struct buf b = buf_of(bytes, sizeof bytes);
    espa444_put_nak(&b, s->is_bare_nak ? ESPA444_NAK_BARE : reason);
    out_send(out, buf_slice(&b));
}

/* The line is nobody's: EOT from us. */
void espa444_release(struct espa444_session *s, struct now now, struct outbox *out)
{
    espa444_send_byte(out, ESPA444_EOT);
    s->state = STATE_NEUTRAL;
    s->is_after_eot = true;
    s->step_ms = 0;
    s->phase_ms = 0;
    s->poll_at_ms = s->is_control ? now.mono_ms + s->poll_ms : 0;
}

/* The other end has gone or taken the line. */
void espa444_fall_back(struct espa444_session *s, struct now now, bool is_after_eot)
{
    s->state = STATE_NEUTRAL;
    s->is_after_eot = is_after_eot;
    s->step_ms = 0;
    s->phase_ms = 0;
    s->poll_at_ms = s->is_control ? now.mono_ms + s->poll_ms : 0;
    for (size_t i = 0; i < PENDING_MAX; i++) {
        s->pending[i].is_answered_by_nobody = true;
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    if (a == 0) {
        return b;
    }
    return b == 0 || a < b ? a : b;
}

void espa444_ask_for_wake(const struct espa444_session *s, struct outbox *out)
{
    int64_t wake = earlier(earlier(s->step_ms, s->phase_ms), earlier(s->poll_at_ms, s->dead_at_ms));
    wake = earlier(wake, s->idle_at_ms);
    if (wake != 0) {
        out_wake(out, wake);
    }
}

/* --- sending our own status --- */

static void drop_first_status(struct espa444_session *s)
{
    if (s->queue_count > 0) {
        s->queue_count--;
        memmove(s->queue, s->queue + 1, s->queue_count * sizeof s->queue[0]);
    }
}

static char other_end(const struct espa444_session *s)
{
    return s->is_control && s->selected_by != 0 ? s->selected_by : s->peers[0];
}

/* We have the line: select the other end for the first status of the queue. */
void espa444_begin_sending(struct espa444_session *s, struct now now, struct outbox *out)
{
    if (s->is_control) {
        espa444_send_enq(out, s->own); /* a control station polls itself before it sends */
    }
    espa444_send_enq(out, other_end(s));
    s->state = STATE_SELECTING;
    s->is_after_eot = false;
    s->poll_at_ms = 0;
    s->step_ms = now.mono_ms + SELECTION_MS;
    s->phase_ms = now.mono_ms + PHASE_MS;
}

static void send_status_block(struct espa444_session *s, struct now now, struct outbox *out)
{
    const struct espa444_queued *q = &s->queue[0];
    char digits[2] = {(char)('0' + q->status % 10), '\0'};
    const struct espa444_field fields[] = {
        {ESPA444_CALL_ADDRESS, slice_str(q->address)},
        {ESPA444_CALL_STATUS, slice_str(digits)},
        {ESPA444_DISPLAY, slice_str(q->text)},
    };
    size_t count = q->text[0] == '\0' ? 2 : 3;
    uint8_t bytes[ESPA444_BLOCK_MAX];
    struct buf b = buf_of(bytes, sizeof bytes);
    if (espa444_put_block(&b, &s->rules.line, ESPA444_STATUS, fields, count) != ERR_OK) {
        drop_first_status(s);
        espa444_release(s, now, out);
        return;
    }
    out_send(out, buf_slice(&b));
    s->state = STATE_SENDING;
    s->attempts++;
    s->step_ms = now.mono_ms + BLOCK_MS;
}

/* The block went wrong twice, or the selection once: EOT, and another transaction later. */
void espa444_give_up(struct espa444_session *s, struct now now, struct outbox *out)
{
    s->attempts = 0;
    if (s->queue_count > 0) {
        s->queue[0].transactions++;
        if (s->queue[0].transactions >= TRANSACTIONS) {
            out_note(
                out, "status_refused",
                "the nurse-call system did not take a call status in three transactions; given up");
            drop_first_status(s);
        }
    }
    espa444_release(s, now, out);
}

/* ACK came for what we sent. */
void espa444_continue_sending(struct espa444_session *s, struct now now, struct outbox *out)
{
    if (s->state == STATE_SENDING) {
        drop_first_status(s);
        s->attempts = 0;
    }
    if (s->queue_count > 0) {
        send_status_block(s, now, out);
    } else {
        espa444_release(s, now, out);
    }
}

static void queue_status(struct espa444_session *s, struct slice address, struct slice text,
                         int status)
{
    struct espa444_queued *q = NULL;
    bool is_first_on_its_way = s->state == STATE_SENDING;
    for (size_t i = is_first_on_its_way ? 1 : 0; i < s->queue_count; i++) {
        if (slice_eq_str(address, s->queue[i].address)) {
            q = &s->queue[i]; /* nobody needs to hear an older state any more */
        }
    }
    if (q == NULL) {
        if (s->queue_count == QUEUE_MAX) {
            drop_first_status(s);
        }
        q = &s->queue[s->queue_count++];
    }
    memset(q, 0, sizeof *q);
    (void)slice_text(address, q->address, sizeof q->address);
    (void)slice_text(text, q->text, sizeof q->text);
    q->status = status;
}

void espa444_put_address(const struct espa444_session *s, const struct espa444_block *block,
                         char *ret_address, size_t room)
{
    uint8_t bytes[ESPA444_BLOCK_MAX * 2];
    struct buf b = buf_of(bytes, sizeof bytes);
    espa444_text(espa444_find(block, ESPA444_CALL_ADDRESS), &s->rules.line, &b);
    (void)slice_text(buf_slice(&b), ret_address, room);
}

/* A status request repeats the call's records: the answer goes the next time that we have the line.
 */
void espa444_answer_request(struct espa444_session *s, const struct espa444_block *block)
{
    char address[ESPA444_ADDRESS_MAX * 2 + 1];
    espa444_put_address(s, block, address, sizeof address);
    int status = ESPA444_TERMINATED; /* of a call that is not running, nothing else can be said */
    for (size_t i = 1; i <= RECENT_MAX; i++) {
        const struct espa444_recent *r = &s->recent[(s->recent_next + RECENT_MAX - i) % RECENT_MAX];
        if (r->hash != 0 && strcmp(r->address, address) == 0) {
            status = r->status;
            break;
        }
    }
    queue_status(s, slice_str(address), slice_of(NULL, 0), status);
}

void espa444_take_nak(struct espa444_session *s, struct now now, struct outbox *out)
{
    if (s->state == STATE_SENDING && s->attempts < ATTEMPTS) {
        send_status_block(s, now, out);
    } else if (s->state == STATE_SENDING || s->state == STATE_SELECTING) {
        espa444_give_up(s, now, out);
    }
}

/* Record 7 for a change of the case; 0: nothing to tell. */
static int status_of(enum change change)
{
    switch (change) {
    case CHANGE_RAISED:
        return ESPA444_QUEUED;
    case CHANGE_OFFERED:
    case CHANGE_CENTRE_OFFERED:
        return ESPA444_PAGED;
    case CHANGE_ACCEPTED:
    case CHANGE_CENTRE_ACCEPTED:
        return ESPA444_ACKNOWLEDGED;
    case CHANGE_RESTORED:
    case CHANGE_CLOSED:
        return ESPA444_TERMINATED;
    case CHANGE_CENTRE_FAILED:
        return ESPA444_FAULT;
    case CHANGE_UNKNOWN:
    case CHANGE_REPEATED:
    case CHANGE_UPDATED:
    case CHANGE_DECLINED:
    case CHANGE_ESCALATED:
    case CHANGE_ON_SITE:
    case CHANGE_HANDED_OVER:
    case CHANGE_REOPENED:
    case CHANGE_COUNT:
        break;
    }
    return 0;
}

void espa444_status(void *session, const struct adapter_status *status, struct now now,
                    struct outbox *out)
{
    struct espa444_session *s = session;
    (void)now;
    int number = status_of(status->change);
    struct slice address = espa444_reference_address(slice_str(status->case_->reference));
    if (number == 0 || address.len == 0) {
        return;
    }
    for (size_t i = 0; i < RECENT_MAX; i++) {
        if (slice_eq_str(address, s->recent[i].address)) {
            s->recent[i].status = number;
        }
    }
    if (s->has_call_status) {
        queue_status(s, address, slice_str(status->case_->text), number);
    }
    espa444_ask_for_wake(s, out);
}
