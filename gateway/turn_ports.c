/* turn_ports.c - devices and centres: bytes to adapters, receipts and case changes back.
 *
 * A session is one conversation with an adapter. Sessions are named by number, never by pointer, since
 * an answer may come after the connection has gone. Sub-file of the door; called by turn.c and the hands.
 */
#include "turn_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NULL: too many conversations at once, or the adapter refuses its options. */
static struct session *session_begin(struct port_room *port, struct conn *conn, bool is_udp,
                                     const char *peer)
{
    struct turn *turn = port->turn;
    struct session *session = NULL;
    for (size_t i = 0; i < SESSIONS_MAX && session == NULL; i++) {
        turn->last_session += turn->last_session == UINT32_MAX ? 2 : 1;
        session = &turn->sessions[turn->last_session % SESSIONS_MAX];
        session = session->id == 0 ? session : NULL;
    }
    if (session == NULL) {
        log_event(LOG_WARN, "port.too_many", "port", port->conf->name, NULL);
        return NULL;
    }
    *session =
        (struct session){.id = turn->last_session, .port = port, .conn = conn, .is_udp = is_udp};
    slice_text(slice_str(peer), session->peer, sizeof session->peer);
    session->state = calloc(1, session_dialect(session)->session_size + 1);
    outbox_clear(&turn->outbox);
    if (session->state == NULL || session_dialect(session)->open(
                                      session->state, &port->conf->options, port->conf->is_dialling,
                                      loop_now(), &turn->outbox) != ERR_OK) {
        log_event(LOG_ERROR, "port.session_refused", "port", port->conf->name, NULL);
        free(session->state);
        *session = (struct session){0};
        return NULL;
    }
    outbox_deal(turn, session);
    return session;
}

static void session_end(struct turn *turn, uint32_t id)
{
    struct session *session = session_find(turn, id);
    if (session != NULL) {
        free(session->state);
        *session = (struct session){0};
        turn->port_wake_mono_ms = 0;
    }
}

/* --- bytes in ------------------------------------------------------------------------------------- */

static void note_verdict(const struct session *session, struct verdict verdict)
{
    char at[24];
    if (verdict.err == ERR_OK || verdict.err == ERR_MORE) {
        return;
    }
    snprintf(at, sizeof at, "%zu", verdict.at);
    count("bad_input", err_name(verdict.err));
    log_event(LOG_WARN, "port.bad_input", "port", session->port->conf->name, "peer", session->peer,
              "why", err_name(verdict.err), "at_byte", at, NULL);
}

/* What the lists say of a device, for a dialect that asks by its own address. */
static bool find_device(const void *context, const char *dialect, const char *key,
                        struct adapter_device *ret_device)
{
    const struct turn *turn = context;
    const struct device *device = directory_key(turn->directory, dialect, key);
    if (device == NULL) {
        return false;
    }
    *ret_device = (struct adapter_device){.id = device->id,
                                          .model = device->model,
                                          .secret = device->secret,
                                          .sequence = ledger_sequence(turn->ledger, device->id)};
    return true;
}

static struct verdict feed(struct turn *turn, struct session *session, struct adapter_input *in)
{
    const struct adapter_devices devices = {find_device, turn};
    in->port = session->port->conf->name;
    in->devices = &devices;
    outbox_clear(&turn->outbox);
    struct verdict verdict =
        session_dialect(session)->input(session->state, in, loop_now(), &turn->outbox);
    note_verdict(session, verdict);
    return verdict;
}

struct verdict ports_feed(struct session *session, struct adapter_input *in)
{
    struct turn *turn = session->port->turn;
    struct verdict verdict = feed(turn, session, in);
    outbox_deal(turn, session);
    return verdict;
}

bool ports_begin_only_session(struct port_room *port)
{
    struct session *session = session_begin(port, NULL, false, "");
    port->session = session == NULL ? 0 : session->id;
    return session != NULL;
}

static size_t on_bytes(void *user, struct conn *conn, struct slice bytes, const char *peer)
{
    struct port_room *port = NULL;
    struct session *session = user;
    size_t consumed = 0;
    (void)conn;
    if (session == NULL) {
        return bytes.len;
    }
    port = session->port;
    uint32_t id = session->id;
    if (session->is_udp) {
        slice_text(slice_str(peer), session->peer, sizeof session->peer);
    }
    while (consumed < bytes.len) {
        struct adapter_input in = {.bytes = slice_from(bytes, consumed),
                                   .peer = slice_str(session->peer)};
        struct verdict verdict = feed(port->turn, session, &in);
        size_t step = port->turn->outbox.consumed;
        outbox_deal(port->turn, session);
        consumed += step > in.bytes.len ? in.bytes.len : step;
        if (verdict.err == ERR_MORE || step == 0 || session_find(port->turn, id) == NULL) {
            break;
        }
    }
    return consumed;
}

static void *open_session(struct port_room *port, struct conn *conn, bool is_udp, const char *peer)
{
    struct session *session = session_begin(port, conn, is_udp, peer);
    log_event(LOG_INFO, "port.connected", "port", port->conf->name, "peer", peer, NULL);
    if (session == NULL) {
        conn_close(conn);
    } else if (is_udp || port->conf->is_dialling) {
        port->session = session->id; /* the one that deliveries go through */
    }
    return session;
}

static void *on_open_tcp(void *context, struct conn *conn, const char *peer)
{
    return open_session(context, conn, false, peer);
}

static void *on_open_udp(void *context, struct conn *conn, const char *peer)
{
    return open_session(context, conn, true, peer);
}

static void on_close(void *user, struct conn *conn, const char *why)
{
    struct session *session = user;
    (void)conn;
    if (session == NULL) {
        return;
    }
    log_event(LOG_INFO, "port.disconnected", "port", session->port->conf->name, "peer",
              session->peer, "why", why, NULL);
    session_end(session->port->turn, session->id);
}

static void on_message(void *context, const struct sip_message *message)
{
    struct port_room *port = context;
    struct session *session = session_find(port->turn, port->session);
    if (session == NULL) {
        (void)sip_answer(port->sip, message->exchange, 503, NULL, (struct slice){0});
        return;
    }
    slice_text(slice_str(message->peer), session->peer, sizeof session->peer);
    struct adapter_input in = {.bytes = message->body,
                               .type = message->type,
                               .identity = message->from_user,
                               .peer = slice_str(message->peer),
                               .exchange = message->exchange};
    ports_feed(session, &in);
}

static void on_answer(void *context, uint32_t tag, int status, struct slice type, struct slice body)
{
    struct port_room *port = context;
    struct turn *turn = port->turn;
    struct request *request = &turn->requests[tag % REQUESTS_MAX];
    if (request->tag != tag) {
        return;
    }
    struct session *session = session_find(turn, request->session);
    struct adapter_answer answer = {request->adapter_tag, status, type, body};
    request->tag = 0;
    if (session != NULL && session_dialect(session)->answered != NULL) {
        outbox_clear(&turn->outbox);
        session_dialect(session)->answered(session->state, &answer, loop_now(), &turn->outbox);
        outbox_deal(turn, session);
    }
}

/* --- from the door back to devices and centres ---------------------------------------------------- */

static void note_answered(struct turn *turn, const struct act *act, bool is_positive)
{
    const struct alarm *alarm = &act->receipt.alarm;
    const struct device *device = directory_device(turn->directory, alarm->device);
    if (!act->receipt.has_alarm || device == NULL || !device->record_all) {
        return;
    }
    struct input input = {.type = INPUT_ANSWERED, .is_on = is_positive};
    struct alarm copy = *alarm;
    input.alarm = &copy;
    turn_input(turn, &input, loop_now());
}

void ports_receipt(struct turn *turn, const struct act *act, bool is_recorded)
{
    struct session *session = session_find(turn, act->receipt.session);
    if (session == NULL || session_dialect(session)->stored == NULL) {
        return;
    }
    struct adapter_receipt receipt = act->receipt.receipt;
    receipt.alarm = act->receipt.has_alarm ? &act->receipt.alarm : NULL;
    if (!is_recorded && receipt.result == ERR_OK) {
        receipt.result = ERR_IO;
    }
    outbox_clear(&turn->outbox);
    session_dialect(session)->stored(session->state, &receipt, loop_now(), &turn->outbox);
    outbox_deal(turn, session);
    note_answered(turn, act, receipt.result == ERR_OK);
}

static struct port_room *port_named(struct turn *turn, const char *name)
{
    for (size_t i = 0; i < turn->conf->port_count; i++) {
        if (strcmp(turn->ports[i].conf->name, name) == 0) {
            return &turn->ports[i];
        }
    }
    return NULL;
}

/* A centre that cannot even be asked has failed: the ledger goes on to the next address by itself. */
static void deliver(struct turn *turn, const struct case_value *c)
{
    const struct centre *centre = directory_centre(turn->directory, c->centre);
    if (centre == NULL || centre->address_count == 0) {
        return; /* a centre on the bus: the case change itself is the offer */
    }
    struct port_room *port = port_named(turn, centre->port);
    struct session *session = port == NULL ? NULL : session_find(turn, port->session);
    if (session == NULL || session_dialect(session)->deliver == NULL) {
        return;
    }
    const struct place *place = directory_place(turn->directory, c->place);
    const struct unit *unit = directory_unit(turn->directory, c->unit);
    size_t address = (c->attempt == 0 ? 0 : c->attempt - 1) % centre->address_count;
    struct adapter_delivery delivery = {.case_ = c,
                                        .address = slice_str(centre->addresses[address]),
                                        .attempt = c->attempt,
                                        .place = place != NULL  ? place->label
                                                 : unit != NULL ? unit->name
                                                                : c->unit};
    outbox_clear(&turn->outbox);
    enum err err =
        session_dialect(session)->deliver(session->state, &delivery, loop_now(), &turn->outbox);
    if (err != ERR_OK) {
        log_event(LOG_ERROR, "centre.not_asked", "centre", centre->name, "why", err_name(err),
                  NULL);
    }
    outbox_deal(turn, session);
}

void ports_case(struct turn *turn, const struct case_change *change)
{
    struct adapter_status status = {change->change, &change->case_};
    if (change->change == CHANGE_CENTRE_OFFERED) {
        deliver(turn, &change->case_);
    }
    struct port_room *port = port_named(turn, change->case_.port);
    if (port == NULL || port->conf->dialect->status == NULL) {
        return;
    }
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *session = &turn->sessions[i];
        if (session->id != 0 && session->port == port) {
            outbox_clear(&turn->outbox);
            port->conf->dialect->status(session->state, &status, loop_now(), &turn->outbox);
            outbox_deal(turn, session);
        }
    }
}

/* --- time ----------------------------------------------------------------------------------------- */

/* Asked in every turn: the sessions are looked through only when one of them has changed its mind. */
int64_t ports_next_wake(struct turn *turn)
{
    int64_t next_ms = INT64_MAX / 2;
    if (turn->port_wake_mono_ms != 0) {
        return turn->port_wake_mono_ms;
    }
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        const struct session *session = &turn->sessions[i];
        if (session->id != 0 && session->wake_mono_ms != 0 && session->wake_mono_ms < next_ms) {
            next_ms = session->wake_mono_ms;
        }
    }
    turn->port_wake_mono_ms = next_ms;
    return next_ms;
}

void ports_tick(struct turn *turn, struct now now)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *session = &turn->sessions[i];
        if (session->id == 0 || session->wake_mono_ms == 0 || session->wake_mono_ms > now.mono_ms) {
            continue;
        }
        session->wake_mono_ms = 0;
        turn->port_wake_mono_ms = 0;
        if (session_dialect(session)->tick != NULL) {
            outbox_clear(&turn->outbox);
            session_dialect(session)->tick(session->state, now, &turn->outbox);
            outbox_deal(turn, session);
        }
    }
}

/* --- opening -------------------------------------------------------------------------------------- */

/* NULL: in clear. A port that dials centres has TLS as soon as one of their addresses asks for it. */
static const struct port_tls *tls_of(const struct port_room *port, struct port_tls *room)
{
    const struct conf_tls *conf = &port->conf->tls;
    const struct directory *directory = port->turn->directory;
    bool is_on = conf->is_on;
    for (size_t i = 0; i < directory->centre_count && !is_on; i++) {
        const struct centre *centre = &directory->centres[i];
        for (size_t a = 0; a < centre->address_count && port->conf->is_dialling; a++) {
            is_on = is_on || (strcmp(centre->port, port->conf->name) == 0 &&
                              strstr(centre->addresses[a], ";tls") != NULL);
        }
    }
    *room = (struct port_tls){.certificate = conf->certificate,
                              .key = conf->key,
                              .ca = conf->ca,
                              .client = conf->peers == PEERS_REQUIRED   ? PORT_TLS_REQUIRED
                                        : conf->peers == PEERS_OPTIONAL ? PORT_TLS_OPTIONAL
                                                                        : PORT_TLS_NONE};
    return is_on ? room : NULL;
}

static enum err open_sip(struct port_room *port, char *ret_why, size_t why_room)
{
    static const struct sip_handler handler = {on_message, on_answer};
    const struct conf_port *conf = port->conf;
    struct sip_digest_user *users = calloc(conf->user_count + 1, sizeof *users);
    if (users == NULL) {
        return ERR_FULL;
    }
    port->users = users; /* borrowed by sip.c until the port closes */
    for (size_t i = 0; i < conf->user_count; i++) {
        users[i] = (struct sip_digest_user){conf->users[i].user, conf->users[i].password};
    }
    struct port_tls tls;
    struct sip_config config = {.name = conf->name,
                                .tls = tls_of(port, &tls),
                                .listen = conf->is_dialling ? NULL : conf->address,
                                .is_udp = conf->is_udp,
                                .is_tcp = conf->is_tcp,
                                .own_user = conf->own_user,
                                .realm = conf->realm,
                                .users = conf->user_count > 0 ? users : NULL};
    enum err err =
        sip_open(port->turn->loop, &config, &handler, port, &port->sip, ret_why, why_room);
    return err == ERR_OK && !ports_begin_only_session(port) ? ERR_RANGE : err;
}

static enum err open_plain(struct port_room *port, bool is_udp, char *ret_why, size_t why_room)
{
    static const struct port_handler tcp = {
        .on_open = on_open_tcp, .on_bytes = on_bytes, .on_close = on_close};
    static const struct port_handler udp = {
        .on_open = on_open_udp, .on_bytes = on_bytes, .on_close = on_close};
    struct port_tls tls;
    struct port_config config = {.name = port->conf->name,
                                 .tls =
                                     is_udp || !port->conf->tls.is_on ? NULL : tls_of(port, &tls),
                                 .address = port->conf->address,
                                 .is_udp = is_udp,
                                 .is_dialling = port->conf->is_dialling,
                                 .input_max = port->conf->dialect->input_max,
                                 .conns_max = SESSIONS_PER_PORT};
    return port_open(port->turn->loop, &config, is_udp ? &udp : &tcp, port,
                     is_udp ? &port->udp : &port->tcp, ret_why, why_room);
}

static void on_reading(void *context, struct slice inputs)
{
    struct port_room *port = context;
    struct session *session = session_find(port->turn, port->session);
    if (session != NULL) {
        struct adapter_input in = {.bytes = inputs, .peer = slice_str(port->conf->address)};
        ports_feed(session, &in);
    }
}

static enum err open_modbus(struct port_room *port, char *ret_why, size_t why_room)
{
    const struct conf_port *conf = port->conf;
    struct modbus_config config = {.name = conf->name,
                                   .address = conf->address,
                                   .unit = conf->modbus.unit,
                                   .first = conf->modbus.first,
                                   .count = conf->modbus.count,
                                   .poll_ms = conf->modbus.poll_ms,
                                   .answer_within_ms = conf->modbus.answer_within_ms};
    if (!ports_begin_only_session(port)) {
        return ERR_RANGE;
    }
    return modbus_open(port->turn->loop, &config, on_reading, port, &port->modbus, ret_why,
                       why_room);
}

enum err ports_open(struct turn *turn, char *ret_why, size_t why_room)
{
    turn->ports = calloc(turn->conf->port_count + 1, sizeof *turn->ports);
    if (turn->ports == NULL) {
        return ERR_FULL;
    }
    for (size_t i = 0; i < turn->conf->port_count; i++) {
        turn->ports[i] = (struct port_room){.turn = turn, .conf = &turn->conf->ports[i]};
    }
    for (size_t i = 0; i < turn->conf->port_count; i++) {
        struct port_room *port = &turn->ports[i];
        enum err err = ERR_OK;
        if (!port->conf->is_on) {
            continue;
        }
        if (port->conf->is_mqtt) {
            err = topics_open(port, ret_why, why_room);
        } else if (port->conf->is_modbus) {
            err = open_modbus(port, ret_why, why_room);
        } else if (port->conf->is_http) {
            err = ports_begin_only_session(port) ? ERR_OK : ERR_RANGE;
        } else if (port->conf->is_sip) {
            err = open_sip(port, ret_why, why_room);
        } else {
            err = port->conf->is_tcp ? open_plain(port, false, ret_why, why_room) : ERR_OK;
            err = err == ERR_OK && port->conf->is_udp ? open_plain(port, true, ret_why, why_room)
                                                      : err;
        }
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

void ports_close(struct turn *turn)
{
    for (size_t i = 0; turn->ports != NULL && i < turn->conf->port_count; i++) {
        port_close(turn->ports[i].tcp);
        port_close(turn->ports[i].udp);
        sip_close(turn->ports[i].sip);
        bus_close(turn->ports[i].broker);
        modbus_close_port(turn->ports[i].modbus);
        free(turn->ports[i].users);
    }
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        session_end(turn, turn->sessions[i].id);
    }
    free(turn->ports);
    turn->ports = NULL;
}
