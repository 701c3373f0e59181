/* turn_outbox.c - what an adapter wants done: bytes to sockets, alarms to the ledger, answers of centres.
 *
 * Sub-file of the door; called by turn_ports.c after every call of an adapter.
 */
#include "turn_parts.h"

#include <string.h>

struct session *session_find(struct turn *turn, uint32_t id)
{
    struct session *session = &turn->sessions[id % SESSIONS_MAX];
    return id != 0 && session->id == id ? session : NULL;
}

const struct adapter *session_dialect(const struct session *session)
{
    return session->port->conf->dialect;
}

static void receipt_later(struct turn *turn, const struct session *session, uint32_t tag,
                          enum err result, const struct alarm *alarm)
{
    struct act *act = turn_act(turn, ACT_RECEIPT);
    if (act == NULL) {
        return; /* no answer: the device repeats */
    }
    bool is_duplicate = result == ERR_DUPLICATE;
    act->receipt.session = session->id;
    act->receipt.receipt = (struct adapter_receipt){
        .tag = tag, .result = is_duplicate ? ERR_OK : result, .is_duplicate = is_duplicate};
    act->receipt.has_alarm = alarm != NULL;
    if (alarm != NULL) {
        act->receipt.alarm = *alarm;
        act->receipt.alarm.raw = (struct slice){0};
    }
}

static void name_source(const struct session *session, struct alarm *alarm)
{
    slice_text(slice_str(session_dialect(session)->name), alarm->dialect, sizeof alarm->dialect);
    slice_text(slice_str(session->port->conf->name), alarm->port, sizeof alarm->port);
}

/* Tests that came too fast are answered, and counted here instead of being journalled. */
static void note_flood(const struct session *session, const struct alarm *alarm)
{
    count("tests_not_recorded", session_dialect(session)->name);
    log_event(LOG_WARN, "device.test_flood", "dialect", session_dialect(session)->name, "device",
              alarm->device, "advice",
              "more than 12 test alarms a minute; they are answered and not recorded", NULL);
}

static void deal_raise(struct turn *turn, struct session *session, const struct out *out)
{
    struct input input = {.type = INPUT_ALARM, .alarm = out->alarm};
    name_source(session, out->alarm);
    enum err err = alarm_check(out->alarm);
    if (err != ERR_OK) {
        log_event(LOG_ERROR, "adapter.bad_alarm", "dialect", session_dialect(session)->name, "why",
                  err_name(err), NULL);
        receipt_later(turn, session, out->tag, ERR_BUG, out->alarm);
        return;
    }
    directory_resolve(turn->directory, out->alarm);
    if (out->alarm->is_device_unknown) {
        count("unknown_devices", session_dialect(session)->name);
        log_event(LOG_WARN, "device.unknown", "dialect", session_dialect(session)->name, "address",
                  out->alarm->device, "advice",
                  "add it to devices.csv; the alarm is shown all the same", NULL);
    }
    struct reply reply = turn_input(turn, &input, loop_now());
    if (reply.err == ERR_DUPLICATE && strcmp(reply.word, "test_flood") == 0) {
        note_flood(session, out->alarm);
        ledger_heard(turn->ledger, out->alarm->device,
                     loop_now()); /* there is no row that says so */
    } else if (reply.err == ERR_DUPLICATE) {
        count("duplicates", session_dialect(session)->name);
    }
    receipt_later(turn, session, out->tag, reply.err, out->alarm);
}

static void deal_alive(struct turn *turn, struct session *session, const struct out *out)
{
    struct input input = {.type = INPUT_ALIVE, .alarm = out->alarm};
    struct now now = loop_now();
    name_source(session, out->alarm);
    directory_resolve(turn->directory, out->alarm);
    count("heartbeats", session_dialect(session)->name);
    turn_input(turn, &input, now);
    ledger_heard(turn->ledger, out->alarm->device, now);
    if (out->tag != 0) {
        receipt_later(turn, session, out->tag, ERR_OK, NULL);
    }
}

static void deal_request(struct turn *turn, struct session *session, const struct out *out)
{
    struct request *request = NULL;
    for (size_t i = 0; i < REQUESTS_MAX && request == NULL; i++) {
        turn->last_request += turn->last_request == UINT32_MAX ? 2 : 1;
        request = &turn->requests[turn->last_request % REQUESTS_MAX];
        request = request->tag == 0 ? request : NULL;
    }
    enum err err = request == NULL ? ERR_FULL : ERR_OK;
    if (err == ERR_OK) {
        *request = (struct request){turn->last_request, session->id, out->tag};
        err = sip_request(session->port->sip, out->peer, out->to, out->from, out->body_type,
                          out->bytes, request->tag);
    }
    if (err != ERR_OK) {
        log_event(LOG_WARN, "sip.request_refused", "port", session->port->conf->name, "why",
                  err_name(err), NULL);
        if (request != NULL) {
            request->tag = 0;
        }
    }
}

/* Whose answer is it? The centre's that has the case; when it went on, any behind this port. */
struct whose {
    const struct session *session;
    const uint8_t *case_ref;
    char centre[CENTRE_ROOM];
};

static bool is_way_to(const struct session *session, const struct centre *centre)
{
    return centre != NULL && strcmp(centre->port, session->port->conf->name) == 0;
}

static bool find_whose(void *context, const struct case_value *c)
{
    struct whose *whose = context;
    const struct directory *directory = whose->session->port->turn->directory;
    if (memcmp(c->id.at, whose->case_ref, CASE_REF_LEN) != 0) {
        return true;
    }
    if (is_way_to(whose->session, directory_centre(directory, c->centre))) {
        slice_text(slice_str(c->centre), whose->centre, sizeof whose->centre);
    }
    return false;
}

static void deal_centre(struct turn *turn, const struct session *session, const struct out *out,
                        enum err result)
{
    struct input input = {.type = INPUT_CENTRE, .result = result};
    struct whose whose = {.session = session, .case_ref = out->case_ref};
    ledger_each_open(turn->ledger, find_whose, &whose);
    for (size_t i = 0; whose.centre[0] == '\0' && i < turn->directory->centre_count; i++) {
        if (is_way_to(session, &turn->directory->centres[i])) {
            slice_text(slice_str(turn->directory->centres[i].name), whose.centre,
                       sizeof whose.centre);
        }
    }
    memcpy(input.centre, whose.centre, sizeof input.centre);
    memcpy(input.case_ref, out->case_ref, CASE_REF_LEN);
    slice_text(out->bytes, input.reason, sizeof input.reason);
    struct reply reply = turn_input(turn, &input, loop_now());
    count("centre_answers", result == ERR_OK ? "yes" : "no");
    if (reply.err != ERR_OK && reply.err != ERR_DUPLICATE) {
        log_event(LOG_WARN, "centre.answer_unused", "why", reply.word, NULL);
    }
}

static void deal_note(const struct session *session, const struct out *out)
{
    char word[32];
    char text[160];
    struct slice rest = out->bytes;
    slice_text(slice_cut(&rest, ' '), word, sizeof word);
    slice_text(rest, text, sizeof text);
    count("notes", word);
    log_event(LOG_WARN, "device.note", "port", session->port->conf->name, "peer", session->peer,
              "what", word, "text", text, NULL);
}

static void deal_datagram(const struct session *session, const struct out *out)
{
    char peer[PEER_ROOM];
    slice_text(out->peer.len > 0 ? out->peer : slice_str(session->peer), peer, sizeof peer);
    (void)conn_send_to(session->conn, peer, out->bytes);
}

static void deal(struct turn *turn, struct session *session, const struct out *out)
{
    switch (out->type) {
    case OUT_SEND:
        if (session->conn != NULL && session->is_udp) {
            deal_datagram(session, out);
        } else if (session->conn != NULL) {
            (void)conn_send(session->conn, out->bytes); /* a full peer is closed by the port */
        }
        break;
    case OUT_ANSWER:
        if (session->port->conf->is_http) {
            hooks_answer(turn, out);
        } else {
            (void)sip_answer(session->port->sip, out->exchange, out->status, out->body_type,
                             out->bytes);
        }
        break;
    case OUT_REQUEST:
        deal_request(turn, session, out);
        break;
    case OUT_PUBLISH:
        topics_publish(turn, session, out);
        break;
    case OUT_RAISE:
        deal_raise(turn, session, out);
        break;
    case OUT_ALIVE:
        deal_alive(turn, session, out);
        break;
    case OUT_WAKE:
        session->wake_mono_ms = out->wake_mono_ms;
        turn->port_wake_mono_ms = 0;
        break;
    case OUT_HANG_UP:
        if (session->conn != NULL && !session->is_udp) {
            conn_close(session->conn);
        }
        break;
    case OUT_DELIVERED:
        deal_centre(turn, session, out, ERR_OK);
        break;
    case OUT_REFUSED:
        deal_centre(turn, session, out, ERR_STATE);
        break;
    case OUT_NOTE:
        deal_note(session, out);
        break;
    }
}

/* None of these calls an adapter back, so one outbox serves the whole door. A hang-up may end the
 * session: it is looked up anew before each item. */
void outbox_deal(struct turn *turn, struct session *session)
{
    uint32_t id = session->id;
    struct outbox *out = &turn->outbox;
    if (out->is_full) {
        log_event(LOG_ERROR, "adapter.outbox_full", "dialect", session_dialect(session)->name,
                  NULL);
        count("outbox_full", session_dialect(session)->name);
    }
    for (size_t i = 0; i < out->count; i++) {
        session = session_find(turn, id);
        if (session == NULL) {
            return;
        }
        deal(turn, session, &out->items[i]);
    }
}
