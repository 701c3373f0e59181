/* espax_client.c - we have dialled an alarm server, a centre's: log in, stay alive, start a process for each
 * case, and hear whether a human has it. Called by espax.c.
 *
 * A refused login is not repeated on this connection; five minutes later the port dials anew. The reference
 * of a case stays the same for every attempt, so that 450 means that it is there already; only when the
 * server has told the end of the process the next attempt adds its number, since 450 would call nobody.
 * What the server says of a process that an earlier connection has started still finds its case.
 */
#include "adapters/espax_session.h"

#include <string.h>

enum { ANSWER_MS = 10000, BEAT_ANSWER_MS = 2000, REFUSED_MS = 300000 };
static const uint32_t INVOKE_MAX = 4294967285; /* where other clients begin anew */

static struct slice next_invoke(struct espax_session *s, char *room, size_t len)
{
    struct buf b = buf_of(room, len);
    s->invoke = s->invoke >= INVOKE_MAX ? 1 : s->invoke + 1;
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
    int64_t next_ms = s->hold_mono_ms != 0 ? s->hold_mono_ms : s->beat_mono_ms;
    if (s->until_mono_ms != 0 && s->until_mono_ms < next_ms) {
        next_ms = s->until_mono_ms;
    }
    for (size_t i = 0; i < ESPAX_PROCESSES_MAX; i++) {
        const struct espax_process *p = &s->processes[i];
        if (p->is_used && p->until_mono_ms != 0 && p->until_mono_ms < next_ms) {
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
    p->invoke = s->invoke;
    p->until_mono_ms = now.mono_ms + ANSWER_MS;
}

/* As much as fits, whole characters. */
static void put_text(struct buf *b, struct slice text)
{
    size_t room = b->room - b->len;
    size_t fits = text.len < room ? text.len : room;
    while (fits > 0 && fits < text.len && (text.at[fits] & 0xc0) == 0x80) {
        fits--;
    }
    buf_put(b, text.at, fits);
}

/* The newest process of this case; NULL: none on this connection. */
static struct espax_process *process_of_case(struct espax_session *s, const uint8_t *case_ref)
{
    struct espax_process *found = NULL;
    for (size_t i = 0; i < ESPAX_PROCESSES_MAX; i++) {
        struct espax_process *p = &s->processes[i];
        if (p->is_used && memcmp(p->case_ref, case_ref, CASE_REF_LEN) == 0 &&
            (found == NULL || p->order > found->order)) {
            found = p;
        }
    }
    return found;
}

/* The one that runs already, else a new one with its reference. */
static struct espax_process *
process_for(struct espax_session *s, const struct adapter_delivery *delivery, struct outbox *out)
{
    struct espax_process *p = process_of_case(s, delivery->case_->id.at);
    if (p != NULL && !p->is_ended) {
        return p;
    }
    bool is_anew = p != NULL;
    p = espax_new_process(s, out);
    struct buf ref = buf_of(p->ref, sizeof p->ref);
    buf_put_hex(&ref, slice_of(delivery->case_->id.at, CASE_REF_LEN));
    if (is_anew) {
        buf_put_u8(&ref, '-');
        buf_put_u64(&ref, delivery->attempt);
    }
    (void)buf_cstr(&ref);
    return p;
}

enum err espax_client_deliver(struct espax_session *s, const struct adapter_delivery *delivery,
                              struct now now, struct outbox *out)
{
    const struct case_value *c = delivery->case_;
    if (!s->is_logged_in) {
        out_refused(out, c->id.at, "the centre's alarm server has not let us in (yet)");
        return ERR_OK;
    }
    struct espax_process *p = process_for(s, delivery, out);
    memcpy(p->case_ref, c->id.at, CASE_REF_LEN);
    p->is_refused = false; /* what is said from now on is said of this attempt */
    p->was_delivered = p->was_delivered || p->is_delivered;
    p->is_delivered = false;
    uint8_t bytes[160]; /* CP-TEXTMSG holds 160 */
    struct buf text = buf_of(bytes, sizeof bytes);
    put_text(&text, slice_str(kind_label(c->kind, true)));
    put_text(&text, slice_str(" "));
    put_text(&text, slice_str(delivery->place));
    send_start(s, p, buf_slice(&text), c->class_, now, out);
    wake_next(s, out);
    return ERR_OK;
}

/* --- what the server says ------------------------------------------------------------------------- */

static bool is_yes(const struct espax_session *s, const struct espax_message *m)
{
    struct slice one = m->values[ESPAX_SS_RESULT];   /* of one person */
    struct slice whole = m->values[ESPAX_SP_RESULT]; /* of the process */
    bool is_reached = slice_eq_nocase(one, "Reached") || slice_eq_nocase(whole, "Positive");
    return slice_eq_nocase(one, "Accepted") || slice_eq_nocase(one, "Conversation") ||
           slice_eq_nocase(whole, "Positive confirmed") || (s->accepts_reached && is_reached);
}

static bool is_one_of(struct slice word, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (slice_eq_nocase(word, *words)) {
            return true;
        }
    }
    return false;
}

static bool is_no(const struct espax_message *m, bool is_theirs)
{
    static const char *const nobody[] = {"Rejected", "No answer", "Not reached",
                                         "Off duty", "Busy",      NULL};
    static const char *const failed[] = {"Aborted", "Failure", NULL};
    if (m->type != ESPAX_IND_P_ENDED) {
        return !is_theirs && is_one_of(m->values[ESPAX_SS_RESULT], nobody);
    }
    /* An end without a yes is a no; after one, only an end that takes it back. */
    return !is_theirs || slice_eq_nocase(m->values[ESPAX_SP_RESULT], "Negative") ||
           is_one_of(m->values[ESPAX_SP_ENDREASON], failed);
}

static void refuse(const uint8_t case_ref[CASE_REF_LEN], const char *why, struct slice word,
                   struct outbox *out)
{
    uint8_t bytes[120];
    struct buf b = buf_of(bytes, sizeof bytes);
    buf_put_str(&b, why);
    put_text(&b, word);
    out_refused(out, case_ref, buf_cstr(&b));
}

/* A process that an earlier connection has started: its reference is its case. */
static void take_older(const struct espax_session *s, const struct espax_message *m,
                       struct outbox *out)
{
    struct slice rest = m->values[ESPAX_CP_PR_REF];
    struct slice ref = slice_cut(&rest, '-');
    uint8_t case_ref[CASE_REF_LEN];
    size_t len = 0;
    if (ref.len != 2 * CASE_REF_LEN || hex_decode(ref, case_ref, sizeof case_ref, &len) != ERR_OK) {
        return; /* another client's */
    }
    if (is_yes(s, m)) {
        out_delivered(out, case_ref);
    } else if (is_no(m, true)) {
        refuse(case_ref, "the centre's alarm server has ended it", slice_of(NULL, 0), out);
    }
}

static void take_indication(struct espax_session *s, const struct espax_message *m,
                            struct outbox *out)
{
    struct espax_process *p =
        espax_process_of(s, m->values[ESPAX_CP_PR_REF], m->values[ESPAX_SP_PR_TAN]);
    if (p == NULL || p->is_ended) {
        take_older(s, m, out);
        return;
    }
    if (is_yes(s, m)) {
        out_delivered(out, p->case_ref);
        p->until_mono_ms = 0;
        p->is_delivered = true;
    } else if (is_no(m, p->is_delivered) && !p->is_refused) {
        struct slice word = m->values[ESPAX_SS_RESULT];
        refuse(p->case_ref,
               "the centre's alarm server says: ", word.len > 0 ? word : m->values[ESPAX_SP_RESULT],
               out);
        p->until_mono_ms = 0;
        p->is_refused = true; /* others of the group may still take it */
    }
    p->is_ended = m->type == ESPAX_IND_P_ENDED;
}

/* By the reference; a server that leaves it out has our number. */
static struct espax_process *answered(struct espax_session *s, const struct espax_message *m)
{
    uint64_t invoke = 0;
    struct slice ref = m->values[ESPAX_CP_PR_REF];
    if (ref.len > 0) {
        return espax_process_of(s, ref, slice_of(NULL, 0));
    }
    for (size_t i = 0; i < ESPAX_PROCESSES_MAX; i++) {
        struct espax_process *p = &s->processes[i];
        if (p->is_used && !p->is_ended && slice_u64(m->invoke, UINT64_MAX, &invoke) == ERR_OK &&
            p->invoke == invoke) {
            return p;
        }
    }
    return NULL;
}

/* It is there already. Whether somebody took it while we were not connected is not told by itself. */
static void ask_state(struct espax_session *s, const struct espax_process *p, struct now now,
                      struct outbox *out)
{
    struct espax_message m = {.type = ESPAX_REQ_P_GETSTAT};
    m.values[ESPAX_CP_PR_REF] = slice_str(p->ref);
    m.values[ESPAX_CP_PR_MASK] = slice_str("All");
    ask(s, &m, ANSWER_MS, now, out);
}

static void take_started(struct espax_session *s, const struct espax_message *m, struct now now,
                         struct outbox *out)
{
    struct slice code = m->values[ESPAX_RSP_CODE];
    struct espax_process *p = answered(s, m);
    if (p == NULL || p->is_ended) {
        return;
    }
    p->until_mono_ms = 0; /* now a human has to; the ledger counts that time */
    if (!slice_eq_str(code, "200") && !slice_eq_str(code, "450")) {
        refuse(p->case_ref, "the centre's alarm server answered ", code, out);
        p->is_used = false;
        return;
    }
    (void)slice_text(m->values[ESPAX_SP_PR_TAN], p->tan, sizeof p->tan);
    if (s->accepts_on_start) {
        out_delivered(out, p->case_ref);
        p->is_delivered = true;
    } else if (slice_eq_str(code, "450") && !p->was_delivered) {
        ask_state(s, p, now, out);
    }
}

static void take_condition(const struct espax_message *m, struct outbox *out)
{
    struct slice health = m->values[ESPAX_S_HEALTH];
    if (health.len > 0 && !slice_eq_nocase(health, "OK")) {
        out_note(out, "server_condition", "the alarm server says that not all is well with it");
    }
}

static struct verdict take_login(struct espax_session *s, const struct espax_message *m,
                                 struct now now, struct outbox *out)
{
    if (!slice_eq_str(m->values[ESPAX_RSP_CODE], "200")) {
        out_note(out, "login_refused",
                 "the alarm server does not let us in; check user and password");
        s->hold_mono_ms = now.mono_ms + REFUSED_MS;
        return verdict_at(ERR_AUTH, 0);
    }
    s->hold_mono_ms = 0;
    (void)slice_text(m->session, s->session, sizeof s->session);
    s->is_logged_in = true;
    struct espax_message condition = {.type = ESPAX_REQ_S_CONDITION};
    ask(s, &condition, ANSWER_MS, now, out);
    beat_later(s, now);
    return verdict_at(ERR_OK, 0);
}

/* The server has forgotten our login; nothing that is asked now is done. */
static bool is_forgotten(const struct espax_session *s, const struct espax_message *m)
{
    struct slice code = m->values[ESPAX_RSP_CODE];
    return s->is_logged_in && (slice_eq_str(code, "407") || slice_eq_str(code, "401"));
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
        take_started(s, m, now, out);
        break;
    case ESPAX_RSP_S_CONDITION:
    case ESPAX_IND_S_SYSTEM:
        take_condition(m, out);
        break;
    case ESPAX_IND_P_STATUS:
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
    if (m->type != ESPAX_RSP_LOGIN && is_forgotten(s, m)) {
        out_note(out, "session_lost",
                 "the alarm server has forgotten our login; it is dialled again");
        out_hang_up(out);
    }
    wake_next(s, out);
    return v;
}

/* False: the connection is given up. */
static bool is_worth_it(const struct espax_session *s, struct now now, struct outbox *out)
{
    if (s->until_mono_ms != 0 && now.mono_ms >= s->until_mono_ms) {
        out_note(out, "silent", "the alarm server does not answer; it is dialled again");
        out_hang_up(out);
        return false;
    }
    if (s->hold_mono_ms != 0 && now.mono_ms >= s->hold_mono_ms) {
        out_hang_up(out);
        return false;
    }
    return true;
}

void espax_client_tick(struct espax_session *s, struct now now, struct outbox *out)
{
    if (!is_worth_it(s, now, out)) {
        return;
    }
    for (size_t i = 0; i < ESPAX_PROCESSES_MAX; i++) {
        struct espax_process *p = &s->processes[i];
        if (p->is_used && p->until_mono_ms != 0 && now.mono_ms >= p->until_mono_ms) {
            refuse(p->case_ref, "the centre's alarm server did not answer", slice_of(NULL, 0), out);
            p->until_mono_ms = 0; /* its yes may still come */
            p->is_refused = true;
        }
    }
    if (now.mono_ms >= s->beat_mono_ms) {
        struct espax_message m = {.type = ESPAX_REQ_HEARTBEAT};
        beat_later(s, now);
        if (s->is_logged_in) {
            ask(s, &m, BEAT_ANSWER_MS, now, out);
        }
    }
    wake_next(s, out);
}
