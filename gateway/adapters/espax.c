/* espax.c - ESPA-X spoken: as the server that nurse-call systems log in with, and as a client of a centre.
 *
 * The turn calls it through `adapter_espax` at the end. The message is in wire/espax.h. Never says 200 to a
 * process before the journal has it.
 *
 *   listening                                          dialling (a way to a centre)
 *     <- REQ.LOGIN                                       -> REQ.LOGIN, REQ.S-CONDITION
 *     -> RSP.LOGIN 200                                   <- RSP.LOGIN 200
 *     <- REQ.P-START    OUT_RAISE                        -> REQ.P-START   ref = 16 hex digits of the case
 *        stored -> RSP.P-START 200, IND.P-STARTED        <- RSP.P-START 200, or 450: it has it already
 *        accepted -> IND.P-EVENT Accepted                <- IND.P-EVENT Accepted: OUT_DELIVERED
 *        closed -> IND.P-ENDED                           <- IND.P-EVENT Rejected, ...: OUT_REFUSED
 *     <- REQ.HEARTBEAT  OUT_ALIVE                        -> REQ.HEARTBEAT
 */
#include "adapters/espax_session.h"
#include "adapters/kind_words.h"

#include <string.h>

enum option {
    OPTION_USER,
    OPTION_PASSWORD,
    OPTION_HEARTBEAT_S,
    OPTION_KINDS,
    OPTION_GROUP,
    OPTION_ACCEPT
};

static const struct adapter_option options[] = {
    {"user", OPTION_TEXT, 0, 12, NULL, "",
     "Listening: who may log in, empty: everybody, as USER. Dialling: as whom we log in."},
    {"password", OPTION_HIDDEN, 0, 12, NULL, "", "The password of that user."},
    {"heartbeat_s", OPTION_NUMBER, 1, 299, NULL, "55",
     "The other side says something at least so often; silence ends the session."},
    {"kinds", OPTION_TEXT, 0, 512, NULL, KIND_WORDS_PRESET,
     "WORD=kind, ...: the first of the list whose word stands in CP-TEXTMSG or CP-EVENT gives the "
     "kind."},
    {"group", OPTION_TEXT, 1, 12, NULL, "1",
     "Dialling: the group that the centre alerts (CP-GROUPID)."},
    {"accept", OPTION_WORD, 0, 0, "on_event|on_reached|on_start", "on_event",
     "Dialling: a case is at the centre when somebody there accepts it, is reached, or when the "
     "process starts."},
    {NULL, OPTION_NUMBER, 0, 0, NULL, NULL, NULL},
};

/* --- what both roles use -------------------------------------------------------------------------- */

void espax_send(struct espax_session *s, struct espax_message *m, struct slice invoke,
                struct now now, struct outbox *out)
{
    uint8_t bytes[3072];
    char time[32];
    uint64_t number = 0;
    struct buf b = buf_of(bytes, sizeof bytes);
    struct buf text = buf_of(time, sizeof time);
    clock_put_utc(&text, now.wall_ms);
    m->timestamp = slice_of(time, 19); /* without fractions */
    m->invoke = invoke;
    if (m->type != ESPAX_REQ_LOGIN && m->type != ESPAX_IND_ERROR) {
        m->session = slice_str(s->session[0] == '\0' ? "-" : s->session);
    }
    (void)!slice_u64(invoke, UINT32_MAX, &number);
    if (espax_encode(m, (uint32_t)number, &b) == ERR_OK) {
        out_send(out, buf_slice(&b));
    } else {
        out_note(out, "not_sent", "a message has a text that no XML document can hold");
    }
}

/* The words are the schema's. */
static const char *reason_of(int code)
{
    static const struct {
        int code;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {407, "Authentication Required"},
                   {409, "Conflict"},
                   {410, "Gone"},
                   {450, "Duplicate"},
                   {501, "Not Implemented"},
                   {503, "Service Unavailable"},
                   {600, "Invalid header"},
                   {601, "Not wellformed"},
                   {602, "Invalid message"}};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].code == code) {
            return reasons[i].reason;
        }
    }
    return "Internal Server Error";
}

void espax_respond(struct espax_session *s, enum espax_type type, struct slice invoke, int code,
                   const struct espax_process *p, struct now now, struct outbox *out)
{
    char number[8];
    struct buf b = buf_of(number, sizeof number);
    struct espax_message m = {.type = type};
    buf_put_i64(&b, code);
    m.values[ESPAX_RSP_CODE] = buf_slice(&b);
    m.values[ESPAX_RSP_REASON] = slice_str(reason_of(code));
    if (type == ESPAX_RSP_LOGIN || type == ESPAX_IND_ERROR) {
        m.values[ESPAX_LI_SERVER] = slice_str("Samlarm");
    }
    if (type == ESPAX_RSP_LOGIN || type == ESPAX_RSP_LOGOUT) {
        m.values[ESPAX_RSP_INFO] = slice_str("-"); /* the schema wants one */
    }
    if (type == ESPAX_RSP_LOGIN) {
        m.values[ESPAX_LI_SERVERSW] = slice_str("1");
    } else if (type == ESPAX_RSP_S_CONDITION) {
        m.values[ESPAX_S_HEALTH] = slice_str(code == 200 ? "OK" : "No data");
        m.values[ESPAX_S_HOTSTBY] = slice_str("false");
        m.values[ESPAX_S_LOAD] = slice_str("Normal");
    } else if (type == ESPAX_RSP_P_START) {
        m.values[ESPAX_CP_PR_REF] = slice_str(p == NULL ? "" : p->ref);
        m.values[ESPAX_SP_PR_TAN] = slice_str(p == NULL ? "0" : p->tan);
    }
    espax_send(s, &m, invoke, now, out);
}

/* --- the contract --------------------------------------------------------------------------------- */

static enum err espax_open(void *session, const struct adapter_options *o, bool is_dialling,
                           struct now now, struct outbox *out)
{
    struct espax_session *s = session;
    s->is_client = is_dialling;
    s->user = option_text(o, OPTION_USER);
    s->password = option_text(o, OPTION_PASSWORD);
    s->heartbeat_ms = option_number(o, OPTION_HEARTBEAT_S) * 1000;
    s->kinds = option_text(o, OPTION_KINDS);
    s->group = option_text(o, OPTION_GROUP);
    s->accepts_on_start = slice_eq_str(option_text(o, OPTION_ACCEPT), "on_start");
    s->accepts_reached = slice_eq_str(option_text(o, OPTION_ACCEPT), "on_reached");
    if (!kind_words_are_good(s->kinds)) {
        out_note(out, "bad_option", "kinds is WORD=kind, WORD=kind with kinds that exist");
        return ERR_RANGE;
    }
    if (is_dialling && (s->user.len == 0 || s->password.len == 0)) {
        out_note(out, "bad_option", "to log in with a centre, user and password are needed");
        return ERR_RANGE;
    }
    if (is_dialling) {
        espax_client_begin(s, now, out);
    } else {
        s->until_mono_ms = now.mono_ms + s->heartbeat_ms; /* to log in */
        out_wake(out, s->until_mono_ms);
    }
    return ERR_OK;
}

/* What cannot be read is said in the protocol's own code, and the next message is read. */
static struct verdict broken(struct espax_session *s, struct verdict v, const char *why,
                             struct now now, struct outbox *out)
{
    out_note(out, v.err == ERR_NOT_MINE ? "foreign_message" : "broken_message", why);
    if (!s->is_client) {
        espax_respond(s, ESPAX_IND_ERROR, slice_of(NULL, 0), v.err == ERR_SYNTAX ? 601 : 602, NULL,
                      now, out);
    }
    return v;
}

static struct verdict espax_input(void *session, const struct adapter_input *in, struct now now,
                                  struct outbox *out)
{
    struct espax_session *s = session;
    struct arena arena = arena_of(s->memory, sizeof s->memory);
    struct espax_message m;
    struct slice document = slice_of(NULL, 0);
    uint32_t number = 0;
    const char *why = "";
    if (s->is_over) {
        out->consumed = in->bytes.len;
        return verdict_at(ERR_OK, 0);
    }
    struct verdict v = espax_frame(in->bytes, &document, &number);
    if (v.err == ERR_MORE) {
        return v;
    }
    if (v.err != ERR_OK) { /* there is no way to find the next message in this stream */
        out->consumed = in->bytes.len;
        s->is_over = true;
        out_note(out, "bad_header", "no ESPA-X header, or a length that no message has");
        if (!s->is_client) {
            espax_respond(s, ESPAX_IND_ERROR, slice_of(NULL, 0), 600, NULL, now, out);
        }
        out_hang_up(out);
        return v;
    }
    out->consumed = v.at;
    struct verdict read = espax_parse(document, &arena, &m, &why);
    if (read.err != ERR_OK) {
        return broken(s, verdict_at(read.err, ESPAX_HEADER_LEN + read.at), why, now, out);
    }
    struct adapter_input one = *in;
    one.bytes = slice_of(in->bytes.at, v.at);
    struct verdict taken = s->is_client ? espax_client_input(s, &m, now, out)
                                        : espax_server_input(s, &one, &m, now, out);
    return taken.err == ERR_OK ? v : taken;
}

static void espax_tick(void *session, struct now now, struct outbox *out)
{
    struct espax_session *s = session;
    if (s->is_client) {
        espax_client_tick(s, now, out);
    } else {
        espax_server_tick(s, now, out);
    }
}

static void espax_stored(void *session, const struct adapter_receipt *receipt, struct now now,
                         struct outbox *out)
{
    espax_server_stored(session, receipt, now, out);
}

static void espax_status(void *session, const struct adapter_status *status, struct now now,
                         struct outbox *out)
{
    struct espax_session *s = session;
    if (!s->is_client && s->is_logged_in) {
        espax_server_status(s, status, now, out);
    }
}

static enum err espax_deliver(void *session, const struct adapter_delivery *delivery,
                              struct now now, struct outbox *out)
{
    return espax_client_deliver(session, delivery, now, out);
}

const struct adapter adapter_espax = {
    .name = "espax",
    .title = "ESPA-X: alarm processes of nurse-call systems and alarm servers",
    .transports = TRANSPORT_TCP,
    .session_size = sizeof(struct espax_session),
    .input_max = ESPAX_MESSAGE_MAX,
    .options = options,
    .key_letters = KEY_LOWER,
    .open = espax_open,
    .input = espax_input,
    .tick = espax_tick,
    .stored = espax_stored,
    .status = espax_status,
    .deliver = espax_deliver,
};
