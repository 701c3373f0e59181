/* espax_client.c - we have dialled an alarm server, a centre's: log in, stay alive, start a process for each
 * case, and hear whether a human has it. Called by espax.c.
 *
 * A refused login ends the connection; the port dials again, at most every five seconds. What the server
 * says of a process it no longer knows after a new login comes with the ledger's next attempt: the
 * reference of a case stays the same, and 450 means that it is there already.
 */
#include "adapters/espax_session.h"

#include <string.h>

enum { ANSWER_MS = 10000, BEAT_ANSWER_MS = 2000 };

static struct slice next_invoke(struct espax_session *s, char *room, size_t len)
{
    struct buf b = buf_of(room, len);
    s->invoke = s->invoke == UINT32_MAX ? 1 : s->invoke + 1;
    buf_put_u64(&b, s->invoke);
    return buf_slice(&b);
}

static void ask(struct espax_session *s, struct espax_message *m, int64_t within_ms, struct now now,
                struct outbox *out)
{
    char room[ESPAX_INVOKE_ROOM];
    espax_send(s, m, next_invoke(s, room, sizeof room), now, out);
    s->until_mono_ms = now.mono_ms + within_ms;
}

static void wake_next(const struct espax_session *s, struct outbox *out)
{
    int64_t next_ms = s->beat_mono_ms;
    if (s->until_mono_ms != 0 && s->until_mono_ms < next_ms) {
        next_ms = s->until_mono_ms;
    }
    for (size_t i = 0; i < ESPAX_PROCESSES_MAX; i++) {
        const struct espax_process *p = &s->processes[i];
        if (p->ref[0] != '\0' && p->until_mono_ms != 0 && p->until_mono_ms < next_ms) {
            next_ms = p->until_mono_ms;
        }
    }
    out_wake(out, next_ms);
}

void espax_client_begin(struct espax_session *s, struct now now, struct outbox *out)
{
    struct espax_message m = {.type = ESPAX_REQ_LOGIN};
    m.values[ESPAX_LI_CLIENT] = slice_str("Samlarm");
    m.values[ESPAX_LI_CLIENTSW] = slice_str("1");
    m.values[ESPAX_LI_USER] = s->user;
    m.values[ESPAX_LI_PASSWORD] = s->password;
    s->beat_mono_ms = now.mono_ms + s->heartbeat_ms;
    ask(s, &m, ANSWER_MS, now, out);
    wake_next(s, out);
}

/* Heartbeats leave early enough that one that is late is not one that is missed. */
static void beat_later(struct espax_session *s, struct now now)
{
    s->beat_mono_ms = now.mono_ms + s->heartbeat_ms * 3 / 4;
}

static void send_start(struct espax_session *s, struct espax_process *p, struct slice text,
                       enum class_ class_, struct now now, struct outbox *out)
{
    char room[ESPAX_INVOKE_ROOM];
    struct espax_message m = {.type = ESPAX_REQ_P_START};
    const char *prio = class_ == CLASS_LIFE     ? "Emergency"
                       : class_ == CLASS_URGENT ? "High"
                                                : "Standard";
    m.values[ESPAX_CP_PR_REF] = slice_str(p->ref);
    m.values[ESPAX_CP_GROUPID] = s->group;
    m.values[ESPAX_CP_TEXTMSG] = text;
    m.values[ESPAX_CP_SIGNAL] = slice_str(class_ == CLASS_LIFE     ? "Emergency"
                                          : class_ == CLASS_URGENT ? "Urgent"
                                                                   : "Standard");
    m.values[ESPAX_CP_PRIO] = slice_str(prio);
    m.values[ESPAX_CP_CALLBACK] = slice_str("No");
    m.values[ESPAX_CP_PR_DETAILS] = slice_str("All");
    espax_send(s, &m, next_invoke(s, room, sizeof room), now, out);
    p->until_mono_ms = now.mono_ms + ANSWER_MS;
}

enum err espax_client_deliver(struct espax_session *s, const struct adapter_delivery *delivery,
                              struct now now, struct outbox *out)
{
    const struct case_value *c = delivery->case_;
    char ref[ESPAX_REF_ROOM];
    struct buf b = buf_of(ref, sizeof ref);
    buf_put_hex(&b, slice_of(c->id.at, CASE_REF_LEN));
    (void)buf_cstr(&b);
    struct espax_process *p = espax_process_of(s, slice_str(ref), slice_of(NULL, 0));
    p = p == NULL ? espax_new_process(s) : p;
    memcpy(p->ref, ref, sizeof p->ref);
    memcpy(p->case_ref, c->id.at, CASE_REF_LEN);
    if (!s->is_logged_in) {
        out_refused(out, p->case_ref, "the centre's alarm server has not let us in (yet)");
        p->ref[0] = '\0';
        return ERR_OK;
    }
    uint8_t bytes[160]; /* CP-TEXTMSG holds 160 */
    struct buf text = buf_of(bytes, sizeof bytes);
    buf_put_str(&text, kind_label(c->kind, true));
    buf_put_str(&text, " ");
    buf_put_str(&text, delivery->place);
    struct slice said = buf_slice(&text);
    while (said.len > 0 && !slice_is_utf8(said)) {
        said.len--; /* cut within a character */
    }
    send_start(s, p, said, c->class_, now, out);
    wake_next(s, out);
    return ERR_OK;
}

/* --- what the server says ------------------------------------------------------------------------- */

static bool is_yes(const struct espax_message *m)
{
    return slice_eq_nocase(m->values[ESPAX_SS_RESULT], "Accepted") ||
           slice_eq_nocase(m->values[ESPAX_SS_RESULT], "Conversation") ||
           slice_eq_nocase(m->values[ESPAX_SP_RESULT], "Positive confirmed");
}

static bool is_no(const struct espax_message *m)
{
    struct slice result = m->values[ESPAX_SS_RESULT];
    bool has_ended = m->type == ESPAX_IND_P_ENDED;
    return slice_eq_nocase(result, "Rejected") || slice_eq_nocase(result, "No answer") ||
           slice_eq_nocase(result, "Not reached") || slice_eq_nocase(result, "Off duty") ||
           slice_eq_nocase(result, "Busy") || has_ended;
}

static void refuse(struct espax_process *p, const char *why, struct slice word, struct outbox *out)
{
    uint8_t bytes[120];
    struct buf b = buf_of(bytes, sizeof bytes);
    buf_put_str(&b, why);
    buf_put(&b, word.at, word.len < 60 ? word.len : 60);
    out_refused(out, p->case_ref, buf_cstr(&b));
    p->ref[0] = '\0';
}

static void take_indication(struct espax_session *s, const struct espax_message *m,
                            struct outbox *out)
{
    struct espax_process *p =
        espax_process_of(s, m->values[ESPAX_CP_PR_REF], m->values[ESPAX_SP_PR_TAN]);
    if (p == NULL) {
        return;
    }
    if (is_yes(m)) {
        out_delivered(out, p->case_ref);
        p->until_mono_ms = 0;
    } else if (is_no(m)) {
        struct slice word = m->values[ESPAX_SS_RESULT];
        refuse(p,
               "the centre's alarm server says: ", word.len > 0 ? word : m->values[ESPAX_SP_RESULT],
               out);
    }
    if (m->type == ESPAX_IND_P_ENDED) {
        p->ref[0] = '\0';
    }
}

/* Which process a response belongs to: by our number of the request is not enough after a repetition, so
 * the oldest that waits is meant; servers answer in order. */
static struct espax_process *oldest_waiting(struct espax_session *s)
{
    struct espax_process *found = NULL;
    for (size_t i = 0; i < ESPAX_PROCESSES_MAX; i++) {
        struct espax_process *p = &s->processes[i];
        bool waits = p->ref[0] != '\0' && p->until_mono_ms != 0 && !p->is_started;
        if (waits && (found == NULL || p->until_mono_ms < found->until_mono_ms)) {
            found = p;
        }
    }
    return found;
}

static void take_started(struct espax_session *s, const struct espax_message *m, struct outbox *out)
{
    struct slice code = m->values[ESPAX_RSP_CODE];
    struct espax_process *p = espax_process_of(s, m->values[ESPAX_CP_PR_REF], slice_of(NULL, 0));
    p = p == NULL ? oldest_waiting(s) : p;
    if (p == NULL) {
        return;
    }
    bool is_there = slice_eq_str(code, "200") || slice_eq_str(code, "450");
    if (!is_there) {
        refuse(p, "the centre's alarm server answered ", code, out);
        return;
    }
    (void)slice_text(m->values[ESPAX_SP_PR_TAN], p->tan, sizeof p->tan);
    p->is_started = true;
    p->until_mono_ms = 0; /* now a human has to; the ledger counts that time */
    if (s->accepts_on_start) {
        out_delivered(out, p->case_ref);
    }
}

static struct verdict take_login(struct espax_session *s, const struct espax_message *m,
                                 struct now now, struct outbox *out)
{
    if (!slice_eq_str(m->values[ESPAX_RSP_CODE], "200")) {
        out_note(out, "login_refused",
                 "the alarm server does not let us in; check user and password");
        out_hang_up(out);
        return verdict_at(ERR_AUTH, 0);
    }
    (void)slice_text(m->session, s->session, sizeof s->session);
    s->is_logged_in = true;
    struct espax_message condition = {.type = ESPAX_REQ_S_CONDITION};
    ask(s, &condition, ANSWER_MS, now, out);
    beat_later(s, now);
    return verdict_at(ERR_OK, 0);
}

struct verdict espax_client_input(struct espax_session *s, const struct espax_message *m,
                                  struct now now, struct outbox *out)
{
    struct verdict v = verdict_at(ERR_OK, 0);
    s->until_mono_ms = 0; /* it lives */
    switch ((int)m->type) {
    case ESPAX_RSP_LOGIN:
        v = take_login(s, m, now, out);
        break;
    case ESPAX_RSP_P_START:
        take_started(s, m, out);
        break;
    case ESPAX_IND_P_EVENT:
    case ESPAX_IND_P_ENDED:
        take_indication(s, m, out);
        break;
    case ESPAX_CMD_SHUTDOWN:
        out_note(out, "shutdown", "the alarm server shuts down; it is dialled again");
        out_hang_up(out);
        break;
    case ESPAX_IND_ERROR:
        out_note(out, "server_error", "the alarm server did not understand a message of ours");
        break;
    default:
        break; /* responses to heartbeats, and progress that decides nothing */
    }
    wake_next(s, out);
    return v;
}

void espax_client_tick(struct espax_session *s, struct now now, struct outbox *out)
{
    if (s->until_mono_ms != 0 && now.mono_ms >= s->until_mono_ms) {
        out_note(out, "silent", "the alarm server does not answer; it is dialled again");
        out_hang_up(out);
        return;
    }
    for (size_t i = 0; i < ESPAX_PROCESSES_MAX; i++) {
        struct espax_process *p = &s->processes[i];
        if (p->ref[0] != '\0' && p->until_mono_ms != 0 && now.mono_ms >= p->until_mono_ms) {
            refuse(p, "the centre's alarm server did not answer", slice_of(NULL, 0), out);
        }
    }
    if (s->is_logged_in && now.mono_ms >= s->beat_mono_ms) {
        struct espax_message m = {.type = ESPAX_REQ_HEARTBEAT};
        ask(s, &m, BEAT_ANSWER_MS, now, out);
        beat_later(s, now);
    } else if (now.mono_ms >= s->beat_mono_ms) {
        beat_later(s, now);
    }
    wake_next(s, out);
}
