/* espax_server.c - a nurse-call system has logged in: its processes become alarms, and it hears what
 * becomes of them. Called by espax.c.
 */
#include "adapters/espax_session.h"
#include "adapters/kind_words.h"

#include "base/crypt.h"

#include <string.h>

/* --- indications ---------------------------------------------------------------------------------- */

static void indicate(struct espax_session *s, const struct espax_process *p,
                     struct espax_message *m, struct now now, struct outbox *out)
{
    m->values[ESPAX_CP_PR_REF] = slice_str(p->ref);
    m->values[ESPAX_SP_PR_TAN] = slice_str(p->tan);
    espax_send(s, m, slice_of(NULL, 0), now, out);
}

static bool wants_process(const struct espax_process *p)
{
    return p->details == ESPAX_DETAILS_ALL || p->details == ESPAX_DETAILS_PROCESS;
}

static bool wants_results(const struct espax_process *p)
{
    return p->details == ESPAX_DETAILS_ALL || p->details == ESPAX_DETAILS_RESULTS;
}

static void tell_event(struct espax_session *s, const struct espax_process *p, const char *result,
                       struct now now, struct outbox *out)
{
    struct espax_message m = {.type = ESPAX_IND_P_EVENT};
    m.values[ESPAX_SS_DIRECTION] = slice_str("Outbound");
    m.values[ESPAX_SS_STATUS] = slice_str("Completed");
    m.values[ESPAX_SS_RESULT] = slice_str(result);
    if (wants_results(p)) {
        indicate(s, p, &m, now, out);
    }
}

static void tell_status(struct espax_session *s, const struct espax_process *p, const char *status,
                        struct now now, struct outbox *out)
{
    struct espax_message m = {.type = ESPAX_IND_P_STATUS};
    m.values[ESPAX_SP_STATUS] = slice_str(status);
    if (wants_process(p)) {
        indicate(s, p, &m, now, out);
    }
}

static void tell_end(struct espax_session *s, struct espax_process *p, const char *reason,
                     const char *result, struct now now, struct outbox *out)
{
    struct espax_message m = {.type = ESPAX_IND_P_ENDED};
    m.values[ESPAX_SP_ENDREASON] = slice_str(reason);
    m.values[ESPAX_SP_RESULT] = slice_str(result);
    if (p->details != ESPAX_DETAILS_NO) {
        indicate(s, p, &m, now, out);
    }
    p->ref[0] = '\0';
}

void espax_server_status(struct espax_session *s, const struct adapter_status *status,
                         struct now now, struct outbox *out)
{
    const struct case_value *c = status->case_;
    struct espax_process *p = espax_process_of(s, slice_str(c->reference), slice_of(NULL, 0));
    if (p == NULL) {
        return;
    }
    switch ((int)status->change) {
    case CHANGE_OFFERED:
        tell_status(s, p, "Active", now, out);
        break;
    case CHANGE_ACCEPTED:
        tell_event(s, p, "Accepted", now, out);
        break;
    case CHANGE_DECLINED:
        tell_event(s, p, "Rejected", now, out);
        break;
    case CHANGE_ON_SITE:
        tell_status(s, p, "Postprocessing", now, out);
        break;
    case CHANGE_CENTRE_ACCEPTED:
        tell_event(s, p, "Reached", now, out);
        break;
    case CHANGE_CLOSED:
        tell_end(s, p, c->is_restored ? "Client" : "Finished", "Positive confirmed", now, out);
        break;
    default:
        break;
    }
}

/* --- the journal has spoken ----------------------------------------------------------------------- */

void espax_server_stored(struct espax_session *s, const struct adapter_receipt *receipt,
                         struct now now, struct outbox *out)
{
    for (size_t i = 0; i < ESPAX_PENDING_MAX; i++) {
        struct espax_pending *w = &s->pending[i];
        if (w->tag == 0 || w->tag != receipt->tag) {
            continue;
        }
        struct espax_process *p = &s->processes[w->process];
        bool is_safe = receipt->result == ERR_OK;
        int code = !is_safe                                                ? 503
                   : receipt->is_duplicate && w->type == ESPAX_RSP_P_START ? 450
                                                                           : 200;
        espax_respond(s, w->type, slice_str(w->invoke), code, is_safe ? p->tan : "0", now, out);
        if (is_safe && w->type == ESPAX_RSP_P_START && code == 200 && wants_process(p)) {
            struct espax_message m = {.type = ESPAX_IND_P_STARTED};
            indicate(s, p, &m, now, out);
        } else if (is_safe && w->type == ESPAX_RSP_P_STOP) {
            tell_end(s, p, "Client", "None", now, out);
        }
        w->tag = 0;
        return;
    }
}

static struct espax_pending *new_pending(struct espax_session *s)
{
    for (size_t i = 0; i < ESPAX_PENDING_MAX; i++) {
        if (s->pending[i].tag == 0) {
            return &s->pending[i];
        }
    }
    return NULL;
}

static void wait_for(struct espax_session *s, struct espax_pending *w, enum espax_type type,
                     const struct espax_message *m, const struct espax_process *p)
{
    *w = (struct espax_pending){.tag = s->tag, .type = type, .process = (size_t)(p - s->processes)};
    (void)slice_text(m->invoke, w->invoke, sizeof w->invoke);
}

/* --- processes ------------------------------------------------------------------------------------ */

static void put_plain(char *ret_text, size_t room, struct slice text)
{
    (void)slice_text(text, ret_text, room);
    for (char *c = ret_text; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c;
    }
}

/* Lower case, and nothing that would look like another part of an address. */
static void put_part(struct buf *b, struct slice part)
{
    for (size_t i = 0; i < part.len; i++) {
        uint8_t c = part.at[i];
        c = c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
        buf_put_u8(b, c == '/' || c == ' ' ? '-' : c);
    }
}

/* user/ward/bed, else user/number that calls. */
static void put_device(const struct espax_session *s, const struct espax_message *m,
                       struct alarm *alarm)
{
    struct slice ward = m->values[ESPAX_CP_WARD];
    struct slice bed = m->values[ESPAX_CP_BED];
    struct slice number = m->values[ESPAX_CP_CALLINGNO];
    struct buf b = buf_of(alarm->device, sizeof alarm->device);
    put_part(&b, slice_str(s->client));
    if (ward.len + bed.len > 0) {
        buf_put_u8(&b, '/');
        put_part(&b, ward.len > 0 ? ward : slice_str("-"));
        if (bed.len > 0) {
            buf_put_u8(&b, '/');
            put_part(&b, bed);
        }
    } else if (number.len > 0) {
        buf_put_u8(&b, '/');
        put_part(&b, number);
    }
    (void)buf_cstr(&b);
    if (b.is_full || !slice_is_utf8(slice_str(alarm->device))) {
        put_plain(alarm->device, sizeof alarm->device, slice_str(s->client));
    }
}

/* Both the signal and the priority may say that it is grave. */
static enum class_ class_of(const struct espax_message *m, enum kind kind)
{
    struct slice prio = m->values[ESPAX_CP_PRIO];
    bool is_emergency = slice_eq_nocase(prio, "Emergency") ||
                        slice_eq_nocase(m->values[ESPAX_CP_SIGNAL], "Emergency");
    enum class_ usual = kind_class(kind);
    if (is_emergency && usual != CLASS_TECHNICAL) {
        return CLASS_LIFE;
    }
    if (slice_eq_nocase(prio, "Low") && kind == KIND_HELP) {
        return CLASS_SERVICE;
    }
    return usual;
}

static enum espax_details details_of(struct slice text)
{
    return slice_eq_nocase(text, "No")        ? ESPAX_DETAILS_NO
           : slice_eq_nocase(text, "Process") ? ESPAX_DETAILS_PROCESS
           : slice_eq_nocase(text, "Results") ? ESPAX_DETAILS_RESULTS
                                              : ESPAX_DETAILS_ALL;
}

static void put_code(struct alarm *alarm, struct slice event)
{
    struct slice code = event;
    code.len = code.len < sizeof alarm->code ? code.len : sizeof alarm->code - 1;
    put_plain(alarm->code, sizeof alarm->code, code);
    if (!slice_is_utf8(slice_str(alarm->code))) {
        alarm->code[0] = '\0';
    }
}

static void name_source(const struct adapter_input *in, struct alarm *alarm, struct outbox *out)
{
    (void)slice_text(slice_str("espax"), alarm->dialect, sizeof alarm->dialect);
    (void)slice_text(slice_str(in->port), alarm->port, sizeof alarm->port);
    out_keep_raw(out, alarm, in->bytes, "espax");
}

static struct verdict start(struct espax_session *s, const struct adapter_input *in,
                            const struct espax_message *m, struct now now, struct outbox *out)
{
    struct slice ref = m->values[ESPAX_CP_PR_REF];
    struct slice text = m->values[ESPAX_CP_TEXTMSG];
    struct espax_pending *w = new_pending(s);
    if (ref.len == 0 || ref.len >= ESPAX_REF_ROOM) {
        out_note(out, "no_reference", "P-START without CP-PR-REF of 1 to 32 characters");
        espax_respond(s, ESPAX_RSP_P_START, m->invoke, 602, "0", now, out);
        return verdict_at(ERR_SYNTAX, 0);
    }
    struct alarm *alarm = w == NULL ? NULL : out_raise(out, now, s->tag + 1);
    if (alarm == NULL) {
        espax_respond(s, ESPAX_RSP_P_START, m->invoke, 503, "0", now, out);
        return verdict_at(ERR_FULL, 0);
    }
    s->tag++;
    struct espax_process *p = espax_process_of(s, ref, slice_of(NULL, 0));
    if (p == NULL) {
        p = espax_new_process(s);
        struct buf tan = buf_of(p->tan, sizeof p->tan);
        buf_put_u64(&tan, ++s->tan);
        (void)buf_cstr(&tan);
    }
    put_plain(alarm->text, sizeof alarm->text, text);
    alarm->kind = kind_words_kind(s->kinds, text);
    alarm->class_ = class_of(m, alarm->kind);
    alarm->phase = PHASE_RAISED;
    put_device(s, m, alarm);
    put_code(alarm, m->values[ESPAX_CP_EVENT]);
    put_plain(alarm->reference, sizeof alarm->reference, ref);
    name_source(in, alarm, out);
    put_plain(p->ref, sizeof p->ref, ref);
    memcpy(p->device, alarm->device, sizeof p->device);
    p->kind = alarm->kind;
    p->details = details_of(m->values[ESPAX_CP_PR_DETAILS]);
    wait_for(s, w, ESPAX_RSP_P_START, m, p);
    return verdict_at(ERR_OK, 0);
}

static struct verdict stop(struct espax_session *s, const struct adapter_input *in,
                           const struct espax_message *m, struct now now, struct outbox *out)
{
    struct espax_process *p =
        espax_process_of(s, m->values[ESPAX_CP_PR_REF], m->values[ESPAX_SP_PR_TAN]);
    struct espax_pending *w = new_pending(s);
    if (p == NULL) {
        espax_respond(s, ESPAX_RSP_P_STOP, m->invoke, 410, NULL, now, out);
        return verdict_at(ERR_OK, 0);
    }
    struct alarm *alarm = w == NULL ? NULL : out_raise(out, now, s->tag + 1);
    if (alarm == NULL) {
        espax_respond(s, ESPAX_RSP_P_STOP, m->invoke, 503, NULL, now, out);
        return verdict_at(ERR_FULL, 0);
    }
    s->tag++;
    alarm->kind = p->kind;
    alarm->class_ = kind_class(p->kind);
    alarm->phase = PHASE_CANCELLED;
    memcpy(alarm->device, p->device, sizeof alarm->device);
    put_plain(alarm->reference, sizeof alarm->reference, slice_str(p->ref));
    name_source(in, alarm, out);
    wait_for(s, w, ESPAX_RSP_P_STOP, m, p);
    return verdict_at(ERR_OK, 0);
}

static void get_state(struct espax_session *s, const struct espax_message *m, struct now now,
                      struct outbox *out)
{
    struct espax_process *p =
        espax_process_of(s, m->values[ESPAX_CP_PR_REF], m->values[ESPAX_SP_PR_TAN]);
    espax_respond(s, ESPAX_RSP_P_GETSTAT, m->invoke, p == NULL ? 410 : 200, NULL, now, out);
    if (p != NULL) {
        struct espax_message state = {.type = ESPAX_IND_P_STATUS};
        state.values[ESPAX_SP_STATUS] = slice_str("Active");
        indicate(s, p, &state, now, out);
    }
}

/* --- the session ---------------------------------------------------------------------------------- */

static void heard(struct espax_session *s, struct now now, struct outbox *out)
{
    s->until_mono_ms = now.mono_ms + s->heartbeat_ms + s->heartbeat_ms / 10;
    out_wake(out, s->until_mono_ms);
}

static void tell_alive(struct espax_session *s, const struct adapter_input *in, struct now now,
                       struct outbox *out)
{
    struct alarm *alive = out_alive(out, now, 0);
    if (alive != NULL) {
        struct buf device = buf_of(alive->device, sizeof alive->device);
        put_part(&device, slice_str(s->client));
        (void)buf_cstr(&device);
        alive->interval_ms = s->heartbeat_ms;
        (void)slice_text(slice_str("espax"), alive->dialect, sizeof alive->dialect);
        (void)slice_text(slice_str(in->port), alive->port, sizeof alive->port);
    }
}

static struct verdict login(struct espax_session *s, const struct adapter_input *in,
                            const struct espax_message *m, struct now now, struct outbox *out)
{
    struct slice user = m->values[ESPAX_LI_USER];
    bool is_right = s->user.len == 0 || (secret_eq(user, s->user) &&
                                         secret_eq(m->values[ESPAX_LI_PASSWORD], s->password));
    if (!is_right || user.len == 0) {
        out_note(out, "login_refused", "a login with a wrong user or password");
        espax_respond(s, ESPAX_RSP_LOGIN, m->invoke, 401, NULL, now, out);
        out_hang_up(out);
        return verdict_at(ERR_AUTH, 0);
    }
    struct buf id = buf_of(s->session, sizeof s->session);
    buf_put_i64(&id, now.wall_ms);
    buf_put_u8(&id, '-');
    buf_put_u64(&id, ++s->invoke);
    (void)buf_cstr(&id);
    put_plain(s->client, 16, user);
    s->is_logged_in = true;
    heard(s, now, out);
    tell_alive(s, in, now, out);
    espax_respond(s, ESPAX_RSP_LOGIN, m->invoke, 200, NULL, now, out);
    return verdict_at(ERR_OK, 0);
}

/* The response that belongs to a request; IND.ERROR for what is none. */
static enum espax_type response_to(enum espax_type request)
{
    switch ((int)request) {
    case ESPAX_REQ_LOGOUT:
        return ESPAX_RSP_LOGOUT;
    case ESPAX_REQ_HEARTBEAT:
        return ESPAX_RSP_HEARTBEAT;
    case ESPAX_REQ_S_CONDITION:
        return ESPAX_RSP_S_CONDITION;
    case ESPAX_REQ_S_PARAMETERS:
        return ESPAX_RSP_S_PARAMETERS;
    case ESPAX_REQ_P_START:
        return ESPAX_RSP_P_START;
    case ESPAX_REQ_P_STOP:
        return ESPAX_RSP_P_STOP;
    case ESPAX_REQ_P_GETSTAT:
        return ESPAX_RSP_P_GETSTAT;
    default:
        return ESPAX_IND_ERROR;
    }
}

static struct verdict take(struct espax_session *s, const struct adapter_input *in,
                           const struct espax_message *m, struct now now, struct outbox *out)
{
    switch ((int)m->type) {
    case ESPAX_REQ_P_START:
        return start(s, in, m, now, out);
    case ESPAX_REQ_P_STOP:
        return stop(s, in, m, now, out);
    case ESPAX_REQ_P_GETSTAT:
        get_state(s, m, now, out);
        break;
    case ESPAX_REQ_HEARTBEAT:
    case ESPAX_REQ_S_CONDITION:
        tell_alive(s, in, now, out);
        espax_respond(s, response_to(m->type), m->invoke, 200, NULL, now, out);
        break;
    case ESPAX_REQ_LOGOUT:
        espax_respond(s, ESPAX_RSP_LOGOUT, m->invoke, 200, NULL, now, out);
        out_hang_up(out);
        break;
    case ESPAX_PROPRIETARY:
        out_note(out, "proprietary", "a proprietary message was passed over");
        break;
    default:
        espax_respond(s, response_to(m->type), m->invoke, 501, NULL, now, out);
        break;
    }
    return verdict_at(ERR_OK, 0);
}

struct verdict espax_server_input(struct espax_session *s, const struct adapter_input *in,
                                  const struct espax_message *m, struct now now, struct outbox *out)
{
    if (m->was_cut) {
        out_note(out, "value_too_long", "a value is longer than 256 bytes and was cut");
    }
    if (m->type == ESPAX_REQ_LOGIN) {
        return login(s, in, m, now, out);
    }
    if (!s->is_logged_in) {
        out_note(out, "login_first", "a message before the login");
        espax_respond(s, response_to(m->type), m->invoke, 407,
                      m->type == ESPAX_REQ_P_START ? "0" : NULL, now, out);
        return verdict_at(ERR_STATE, 0);
    }
    heard(s, now, out);
    if (!slice_eq_str(m->session, s->session)) {
        out_note(out, "other_session", "the session in the message is not the one of this login");
    }
    return take(s, in, m, now, out);
}

void espax_server_tick(struct espax_session *s, struct now now, struct outbox *out)
{
    if (now.mono_ms < s->until_mono_ms) {
        out_wake(out, s->until_mono_ms);
        return;
    }
    out_note(out, "silent",
             s->is_logged_in ? "no heartbeat within the interval; the session ends"
                             : "no login within the interval; the connection ends");
    out_hang_up(out);
}
