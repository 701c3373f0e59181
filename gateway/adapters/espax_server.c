/* espax_server.c - a nurse-call system has logged in: its processes become alarms, and it hears what
 * becomes of them. Called by espax.c.
 */
#include "adapters/espax_session.h"
#include "adapters/kind_words.h"

#include "base/crypt.h"

#include <string.h>

/* --- the journal has spoken ----------------------------------------------------------------------- */

static void started(struct espax_session *s, const struct espax_pending *w, struct espax_process *p,
                    const struct adapter_receipt *receipt, struct now now, struct outbox *out)
{
    if (receipt->result != ERR_OK) { /* it is started again, with the same reference */
        espax_respond(s, w->type, slice_str(w->invoke), 503, NULL, now, out);
        return;
    }
    espax_respond(s, w->type, slice_str(w->invoke), receipt->is_duplicate ? 450 : 200, p, now, out);
    if (p != NULL && receipt->alarm != NULL) { /* as the lists know it */
        memcpy(p->device, receipt->alarm->device, sizeof p->device);
        p->line_kind = receipt->alarm->kind;
    }
    if (p != NULL && !receipt->is_duplicate) {
        espax_tell_started(s, p, now, out);
    }
}

static void stopped(struct espax_session *s, const struct espax_pending *w, struct espax_process *p,
                    const struct adapter_receipt *receipt, struct now now, struct outbox *out)
{
    bool is_safe = receipt->result == ERR_OK;
    espax_respond(s, w->type, slice_str(w->invoke), is_safe ? 200 : 503, NULL, now, out);
    if (p == NULL || p->is_ended) {
        return;
    }
    p->is_stopping = false;
    if (is_safe) {
        espax_tell_end(s, p, "Client", "None", now, out);
    } else if (p->has_closed) { /* by somebody else */
        espax_tell_end(s, p, "Finished", "Positive confirmed", now, out);
    }
}

void espax_server_stored(struct espax_session *s, const struct adapter_receipt *receipt,
                         struct now now, struct outbox *out)
{
    for (size_t i = 0; i < ESPAX_PENDING_MAX; i++) {
        struct espax_pending *w = &s->pending[i];
        if (w->tag == 0 || w->tag != receipt->tag) {
            continue;
        }
        struct espax_process *p = espax_process_at(s, w->order);
        if (w->type == ESPAX_RSP_P_START) {
            started(s, w, p, receipt, now, out);
        } else {
            stopped(s, w, p, receipt, now, out);
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
    *w = (struct espax_pending){.tag = s->tag, .type = type, .order = p->order};
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
        buf_put_u8(b, c == '/' || c <= ' ' || c == 0x7f ? '-' : c);
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

static bool says(const struct espax_message *m, const char *prio, const char *signal)
{
    return slice_eq_nocase(m->values[ESPAX_CP_PRIO], prio) ||
           slice_eq_nocase(m->values[ESPAX_CP_SIGNAL], signal);
}

/* Both the signal and the priority may say that it is grave; only a call without another word is made
 * lighter by them. */
static enum class_ class_of(const struct espax_message *m, enum kind kind)
{
    enum class_ usual = kind_class(kind);
    if (usual == CLASS_TECHNICAL) {
        return usual;
    }
    if (says(m, "Emergency", "Emergency")) {
        return CLASS_LIFE;
    }
    if (says(m, "High", "Urgent")) {
        return usual == CLASS_SERVICE ? CLASS_URGENT : usual;
    }
    return slice_eq_nocase(m->values[ESPAX_CP_PRIO], "Low") && kind == KIND_HELP ? CLASS_SERVICE
                                                                                 : usual;
}

/* The words of the call and those of its event. */
static enum kind kind_of(const struct espax_session *s, const struct espax_message *m)
{
    uint8_t bytes[2 * ESPAX_TEXT_MAX + 1];
    struct buf b = buf_of(bytes, sizeof bytes);
    buf_put_slice(&b, m->values[ESPAX_CP_TEXTMSG]);
    buf_put_u8(&b, ' ');
    buf_put_slice(&b, m->values[ESPAX_CP_EVENT]);
    return kind_words_kind(s->kinds, buf_slice(&b));
}

static enum espax_details details_of(struct slice text)
{
    return slice_eq_nocase(text, "No")        ? ESPAX_DETAILS_NO
           : slice_eq_nocase(text, "Process") ? ESPAX_DETAILS_PROCESS
           : slice_eq_nocase(text, "Results") ? ESPAX_DETAILS_RESULTS
                                              : ESPAX_DETAILS_ALL;
}

static void name_source(const struct adapter_input *in, struct alarm *alarm, struct outbox *out)
{
    (void)slice_text(slice_str("espax"), alarm->dialect, sizeof alarm->dialect);
    (void)slice_text(slice_str(in->port), alarm->port, sizeof alarm->port);
    out_keep_raw(out, alarm, in->bytes, "espax");
}

/* FNV-1a: tells contents apart, protects nothing. */
static uint64_t add_hash(uint64_t hash, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        hash = (hash ^ bytes.at[i]) * 0x100000001b3u;
    }
    return (hash ^ 0xff) * 0x100000001b3u;
}

enum { REPEAT_MS = 60000 }; /* the same content without a reference within this is a repetition */

/* The client's reference. The schema lets it be missing: then content and a window of time. One that is
 * too long is not cut, since two may begin alike. */
static void put_reference(const struct espax_message *m, struct now now, struct buf *b)
{
    static const enum espax_field content[] = {
        ESPAX_CP_TEXTMSG, ESPAX_CP_EVENT,     ESPAX_CP_WARD,       ESPAX_CP_BED,
        ESPAX_CP_GROUPID, ESPAX_CP_CALLINGNO, ESPAX_CP_CALLINGNAME};
    struct slice ref = m->values[ESPAX_CP_PR_REF];
    uint64_t hash = add_hash(0xcbf29ce484222325u, ref);
    if (ref.len > 0 && ref.len <= ESPAX_REF_MAX) {
        buf_put_slice(b, ref);
        return;
    }
    for (size_t i = 0; ref.len == 0 && i < sizeof content / sizeof content[0]; i++) {
        hash = add_hash(hash, m->values[content[i]]);
    }
    buf_put_u8(b, '~');
    buf_put_u64(b, hash);
    if (ref.len == 0) {
        buf_put_u8(b, '@');
        buf_put_i64(b, now.wall_ms / REPEAT_MS);
    }
}

static struct espax_process *process_with(struct espax_session *s, const char *key)
{
    for (size_t i = 0; i < ESPAX_PROCESSES_MAX; i++) {
        if (s->processes[i].is_used && strcmp(s->processes[i].key, key) == 0) {
            return &s->processes[i];
        }
    }
    return NULL;
}

/* The one that runs already, else a new one. A reference that this session has seen the end of is used
 * anew: its alarm gets a name of its own, so that it is not taken for a repetition. */
static struct espax_process *process_for(struct espax_session *s, const struct espax_message *m,
                                         struct now now, struct outbox *out)
{
    char text[REFERENCE_ROOM];
    char key[REFERENCE_ROOM];
    struct buf b = buf_of(text, sizeof text);
    put_reference(m, now, &b);
    put_plain(key, sizeof key, buf_slice(&b));
    struct espax_process *old = process_with(s, key);
    if (old != NULL && !old->is_ended && !old->is_stopping) {
        return old;
    }
    if (old != NULL) {
        out_note(out, "reused_reference",
                 "CP-PR-REF of a process that has ended; taken as a new one");
        buf_put_u8(&b, '#');
        buf_put_i64(&b, now.wall_ms);
        old->is_used = false;
    }
    struct espax_process *p = espax_new_process(s, out);
    memcpy(p->key, key, sizeof p->key);
    put_plain(p->reference, sizeof p->reference, buf_slice(&b));
    put_plain(p->ref, sizeof p->ref, m->values[ESPAX_CP_PR_REF]);
    struct buf tan = buf_of(p->tan, sizeof p->tan);
    buf_put_u64(&tan, ++s->tan);
    (void)buf_cstr(&tan);
    return p;
}

static void fill_alarm(const struct espax_session *s, const struct espax_message *m,
                       struct alarm *alarm)
{
    struct slice text = m->values[ESPAX_CP_TEXTMSG];
    text = text.len > 0 ? text : m->values[ESPAX_CP_CALLINGNAME];
    text = text.len > 0 ? text : m->values[ESPAX_CP_EVENT];
    put_plain(alarm->text, sizeof alarm->text, text);
    put_plain(alarm->code, sizeof alarm->code, m->values[ESPAX_CP_EVENT]);
    alarm->kind = kind_of(s, m);
    alarm->class_ = class_of(m, alarm->kind);
    alarm->phase = PHASE_RAISED;
    put_device(s, m, alarm);
}

static void note_reference(struct slice ref, struct outbox *out)
{
    if (ref.len == 0) {
        out_note(out, "no_reference", "P-START without CP-PR-REF; repetitions are told by content");
    } else if (ref.len > ESPAX_REF_MAX) {
        out_note(out, "long_reference", "CP-PR-REF is longer than 32 characters");
    }
}

static struct verdict start(struct espax_session *s, const struct adapter_input *in,
                            const struct espax_message *m, struct now now, struct outbox *out)
{
    struct espax_pending *w = new_pending(s);
    struct alarm *alarm = w == NULL ? NULL : out_raise(out, now, s->tag + 1);
    if (alarm == NULL) {
        espax_respond(s, ESPAX_RSP_P_START, m->invoke, 503, NULL, now, out);
        return verdict_at(ERR_FULL, 0);
    }
    s->tag++;
    note_reference(m->values[ESPAX_CP_PR_REF], out);
    struct espax_process *p = process_for(s, m, now, out);
    fill_alarm(s, m, alarm);
    memcpy(alarm->reference, p->reference, sizeof alarm->reference);
    name_source(in, alarm, out);
    memcpy(p->address, alarm->device, sizeof p->address);
    memcpy(p->code, alarm->code, sizeof p->code);
    p->kind = alarm->kind;
    p->details = details_of(m->values[ESPAX_CP_PR_DETAILS]);
    wait_for(s, w, ESPAX_RSP_P_START, m, p);
    return verdict_at(ERR_OK, 0);
}

/* --- stopping and asking -------------------------------------------------------------------------- */

/* Is the process in one of the states of CP-PR-MASK, a list of words? Nothing said means all. */
static bool is_meant(const struct espax_process *p, struct slice mask)
{
    const char *state = p->is_on_site ? "Postprocessing" : "Active";
    bool is_any = mask.len == 0;
    for (size_t from = 0; from < mask.len && !is_any;) {
        size_t to = from;
        while (to < mask.len && mask.at[to] > ' ') {
            to++;
        }
        struct slice word = slice_of(mask.at + from, to - from);
        is_any = slice_eq_nocase(word, "All") || slice_eq_nocase(word, state);
        from = to + 1;
    }
    return is_any;
}

/* Does another process call for people at the same place? Then the need is not over with this one. */
static bool is_still_called(const struct espax_session *s, const struct espax_process *stopped)
{
    for (size_t i = 0; i < ESPAX_PROCESSES_MAX; i++) {
        const struct espax_process *p = &s->processes[i];
        if (p != stopped && p->is_used && !p->is_ended && !p->is_stopping &&
            strcmp(p->address, stopped->address) == 0 &&
            kind_is_technical(p->kind) == kind_is_technical(stopped->kind)) {
            return true;
        }
    }
    return false;
}

static struct verdict cancel(struct espax_session *s, const struct adapter_input *in,
                             const struct espax_message *m, struct espax_process *p, struct now now,
                             struct outbox *out)
{
    struct espax_pending *w = new_pending(s);
    struct alarm *alarm = w == NULL ? NULL : out_raise(out, now, s->tag + 1);
    if (alarm == NULL) {
        espax_respond(s, ESPAX_RSP_P_STOP, m->invoke, 503, NULL, now, out);
        return verdict_at(ERR_FULL, 0);
    }
    s->tag++;
    alarm->kind = p->kind;
    alarm->class_ = kind_class(p->kind);
    alarm->phase = PHASE_CANCELLED;
    memcpy(alarm->device, p->address, sizeof alarm->device);
    memcpy(alarm->code, p->code, sizeof alarm->code);
    memcpy(alarm->reference, p->reference, sizeof alarm->reference);
    name_source(in, alarm, out);
    wait_for(s, w, ESPAX_RSP_P_STOP, m, p);
    p->is_stopping = true;
    return verdict_at(ERR_OK, 0);
}

static struct verdict stop(struct espax_session *s, const struct adapter_input *in,
                           const struct espax_message *m, struct now now, struct outbox *out)
{
    struct slice ref = m->values[ESPAX_CP_PR_REF];
    struct slice tan = m->values[ESPAX_SP_PR_TAN];
    struct espax_process *p = espax_process_of(s, ref, tan);
    if (ref.len + tan.len == 0) {
        out_note(out, "stop_all", "P-STOP that names no process; nothing is stopped");
        espax_respond(s, ESPAX_RSP_P_STOP, m->invoke, 400, NULL, now, out);
        return verdict_at(ERR_SYNTAX, 0);
    }
    if (p == NULL || p->is_ended) {
        espax_respond(s, ESPAX_RSP_P_STOP, m->invoke, 410, NULL, now, out);
        return verdict_at(ERR_OK, 0);
    }
    if (!is_meant(p, m->values[ESPAX_CP_PR_MASK])) {
        espax_respond(s, ESPAX_RSP_P_STOP, m->invoke, 409, NULL, now, out);
        return verdict_at(ERR_OK, 0);
    }
    if (is_still_called(s, p)) {
        out_note(out, "still_called", "P-STOP while another process calls at the same place");
        espax_respond(s, ESPAX_RSP_P_STOP, m->invoke, 200, NULL, now, out);
        espax_tell_end(s, p, "Client", "None", now, out);
        return verdict_at(ERR_OK, 0);
    }
    return cancel(s, in, m, p, now, out);
}

enum { STATES_MAX = 8 }; /* told at once, within the outbox */

static void get_state(struct espax_session *s, const struct espax_message *m, struct now now,
                      struct outbox *out)
{
    struct slice ref = m->values[ESPAX_CP_PR_REF];
    struct slice tan = m->values[ESPAX_SP_PR_TAN];
    bool is_one = ref.len + tan.len > 0;
    const struct espax_process *one = espax_process_of(s, ref, tan);
    bool is_gone = is_one && (one == NULL || one->is_ended);
    espax_respond(s, ESPAX_RSP_P_GETSTAT, m->invoke, is_gone ? 410 : 200, NULL, now, out);
    size_t told = 0;
    for (size_t i = 0; i < ESPAX_PROCESSES_MAX && told < STATES_MAX; i++) {
        const struct espax_process *p = &s->processes[i];
        if (p->is_used && !p->is_ended && (!is_one || p == one) &&
            is_meant(p, m->values[ESPAX_CP_PR_MASK])) {
            espax_tell_state(s, p, now, out);
            told++;
        }
    }
}

enum { CLIENT_ROOM = 16 }; /* LI-USER has at most 12 characters */

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
    put_plain(s->client, CLIENT_ROOM, user);
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
        out_note(out, "value_too_long", "a value is longer than 640 bytes and was cut");
    }
    if (m->type == ESPAX_REQ_LOGIN) {
        return login(s, in, m, now, out);
    }
    if (!s->is_logged_in) {
        out_note(out, "login_first", "a message before the login");
        espax_respond(s, response_to(m->type), m->invoke, 407, NULL, now, out);
        return verdict_at(ERR_STATE, 0);
    }
    heard(s, now, out);
    tell_alive(s, in, now, out);
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
