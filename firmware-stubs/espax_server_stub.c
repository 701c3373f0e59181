/* espax_server_stub.c - stub-espax_server: a stand-in alarm server of a centre that speaks ESPA-X.
 *
 * Run by people and by tests for the gateway as client. Prints each process and answers as told; keeps
 * nothing but the references that it has seen, so that a second P-START of one is 450.
 *
 *   login code=200 user=samlarm
 *   process ref=R text="Fall Rum 12" prio=High code=200 tan=1
 *   answered ref=R by=accept
 */
#include "stub.h"

#include "io/port.h"
#include "wire/espax.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEN_MAX = 256, LATER_MAX = 64, MESSAGE_MAX = 2048 };

/* What becomes of a process, --delay-ms after its start. */
struct later {
    struct ev_timer timer;
    struct server *server;
    bool is_used;
    char ref[33];
    unsigned tan;
};

struct server {
    struct ev_loop *loop;
    struct port *port;
    struct conn *conn; /* one client is enough for a stand-in */
    const char *user;
    const char *password;
    const char *answer;
    int64_t delay_ms;
    unsigned sessions;
    unsigned tan;
    bool is_logged_in;
    char seen[SEEN_MAX][33];
    bool is_taken[SEEN_MAX]; /* a person has it: told again when asked */
    struct later later[LATER_MAX];
    uint8_t memory[ESPAX_ARENA];
};

static bool answers(const struct server *s, const char *word)
{
    return strcmp(s->answer, word) == 0;
}

static void say(struct server *s, struct espax_message *m, struct slice invoke)
{
    uint8_t bytes[MESSAGE_MAX];
    char time[32];
    char session[24];
    uint64_t number = 0;
    struct buf out = buf_of(bytes, sizeof bytes);
    struct buf t = buf_of(time, sizeof time);
    clock_put_utc(&t, loop_now().wall_ms);
    snprintf(session, sizeof session, "stub-%u", s->sessions);
    m->timestamp = slice_of(time, 19);
    m->invoke = invoke;
    m->session = slice_str(session);
    (void)!slice_u64(invoke, UINT32_MAX, &number);
    if (s->conn == NULL || espax_encode(m, (uint32_t)number, &out) != ERR_OK ||
        conn_send(s->conn, buf_slice(&out)) != ERR_OK) {
        stub_say("not_sent what=%s", espax_type_name(m->type));
    }
}

static void respond(struct server *s, enum espax_type type, const struct espax_message *to,
                    const char *code)
{
    struct espax_message m = {.type = type};
    m.values[ESPAX_RSP_CODE] = slice_str(code);
    m.values[ESPAX_RSP_REASON] = slice_str(strcmp(code, "200") == 0   ? "OK"
                                           : strcmp(code, "401") == 0 ? "Unauthorized"
                                                                      : "Authentication Required");
    if (type == ESPAX_RSP_LOGIN) {
        m.values[ESPAX_LI_SERVER] = slice_str("stub-espax_server");
        m.values[ESPAX_LI_SERVERSW] = slice_str("1");
        m.values[ESPAX_RSP_INFO] = slice_str("-");
    } else if (type == ESPAX_RSP_S_CONDITION) {
        m.values[ESPAX_S_HEALTH] = slice_str("OK");
    }
    say(s, &m, to->invoke);
}

/* --- processes ------------------------------------------------------------------------------------ */

static void put_tan(struct espax_message *m, const char *ref, unsigned tan, char room[12])
{
    snprintf(room, 12, "%u", tan);
    m->values[ESPAX_CP_PR_REF] = slice_str(ref);
    m->values[ESPAX_SP_PR_TAN] = slice_str(room);
}

static void on_later(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct later *later = timer->data;
    struct server *s = later->server;
    char tan[12];
    (void)loop;
    (void)events;
    later->is_used = false;
    struct espax_message m = {.type = ESPAX_IND_P_EVENT};
    put_tan(&m, later->ref, later->tan, tan);
    m.values[ESPAX_SS_STATUS] = slice_str("Completed");
    m.values[ESPAX_SS_RESULT] = slice_str(answers(s, "accept")   ? "Accepted"
                                          : answers(s, "reject") ? "Rejected"
                                          : answers(s, "reach")  ? "Reached"
                                                                 : "Busy");
    if (!answers(s, "end")) {
        say(s, &m, slice_of(NULL, 0));
    }
    s->is_taken[later->tan - 1] = answers(s, "accept");
    if (!answers(s, "accept") && !answers(s, "reach")) {
        struct espax_message end = {.type = ESPAX_IND_P_ENDED};
        put_tan(&end, later->ref, later->tan, tan);
        end.values[ESPAX_SP_ENDREASON] = slice_str("Finished");
        end.values[ESPAX_SP_RESULT] = slice_str("Negative");
        say(s, &end, slice_of(NULL, 0));
    }
    stub_say("answered ref=%s by=%s", later->ref, s->answer);
}

static void answer_later(struct server *s, const char *ref, unsigned tan)
{
    for (size_t i = 0; i < LATER_MAX; i++) {
        struct later *later = &s->later[i];
        if (later->is_used) {
            continue;
        }
        later->is_used = true;
        later->server = s;
        later->tan = tan;
        snprintf(later->ref, sizeof later->ref, "%s", ref);
        ev_timer_init(&later->timer, on_later, (double)s->delay_ms / 1000.0, 0.0);
        later->timer.data = later;
        ev_timer_start(s->loop, &later->timer);
        return;
    }
}

/* The number under which it is known; *ret_is_new: it was not before. */
static unsigned remember(struct server *s, const char *ref, bool *ret_is_new)
{
    for (unsigned i = 0; i < SEEN_MAX; i++) {
        if (strcmp(s->seen[i], ref) == 0) {
            *ret_is_new = false;
            return i + 1;
        }
    }
    unsigned at = s->tan++ % SEEN_MAX;
    snprintf(s->seen[at], sizeof s->seen[at], "%s", ref);
    s->is_taken[at] = false;
    *ret_is_new = true;
    return at + 1;
}

static void take_start(struct server *s, const struct espax_message *m)
{
    char ref[33];
    char text[168];
    char prio[12];
    char tan_text[12];
    bool is_new = true;
    stub_plain(m->values[ESPAX_CP_PR_REF], ref, sizeof ref);
    unsigned tan = answers(s, "full") ? 0 : remember(s, ref, &is_new);
    const char *code = answers(s, "full") ? "503" : is_new ? "200" : "450";
    stub_say("process ref=%s text=\"%s\" prio=%s code=%s tan=%u", ref,
             stub_plain(m->values[ESPAX_CP_TEXTMSG], text, sizeof text),
             stub_plain(m->values[ESPAX_CP_PRIO], prio, sizeof prio),
             answers(s, "silent") ? "none" : code, tan);
    if (answers(s, "silent")) {
        return;
    }
    struct espax_message response = {.type = ESPAX_RSP_P_START};
    response.values[ESPAX_RSP_CODE] = slice_str(code);
    response.values[ESPAX_RSP_REASON] = slice_str(is_new ? "OK" : "Duplicate");
    if (tan == 0) {
        response.values[ESPAX_RSP_REASON] = slice_str("Service Unavailable");
    }
    put_tan(&response, ref, tan, tan_text);
    say(s, &response, m->invoke);
    if (is_new && tan != 0 && !answers(s, "start_only")) {
        answer_later(s, ref, tan);
    }
}

static void take_question(struct server *s, const struct espax_message *m)
{
    char ref[33];
    char tan[12];
    bool is_new = false;
    stub_plain(m->values[ESPAX_CP_PR_REF], ref, sizeof ref);
    unsigned number = remember(s, ref, &is_new);
    stub_say("asked ref=%s taken=%d", ref, s->is_taken[number - 1]);
    respond(s, ESPAX_RSP_P_GETSTAT, m, "200");
    if (s->is_taken[number - 1]) {
        struct espax_message state = {.type = ESPAX_IND_P_EVENT};
        put_tan(&state, ref, number, tan);
        state.values[ESPAX_SP_GETSTAT] = slice_str("true");
        state.values[ESPAX_SS_STATUS] = slice_str("Completed");
        state.values[ESPAX_SS_RESULT] = slice_str("Accepted");
        say(s, &state, slice_of(NULL, 0));
    }
}

/* --- the session ---------------------------------------------------------------------------------- */

static void take_login(struct server *s, const struct espax_message *m)
{
    char user[16];
    s->is_logged_in = slice_eq_str(m->values[ESPAX_LI_USER], s->user) &&
                      slice_eq_str(m->values[ESPAX_LI_PASSWORD], s->password);
    s->sessions++;
    stub_say("login code=%s user=%s", s->is_logged_in ? "200" : "401",
             stub_plain(m->values[ESPAX_LI_USER], user, sizeof user));
    respond(s, ESPAX_RSP_LOGIN, m, s->is_logged_in ? "200" : "401");
}

static void take(struct server *s, const struct espax_message *m)
{
    bool forgets = answers(s, "forget") && m->type == ESPAX_REQ_HEARTBEAT;
    const char *code = s->is_logged_in && !forgets ? "200" : "407";
    switch ((int)m->type) {
    case ESPAX_REQ_LOGIN:
        take_login(s, m);
        break;
    case ESPAX_REQ_HEARTBEAT:
        stub_say("heartbeat code=%s", code);
        respond(s, ESPAX_RSP_HEARTBEAT, m, code);
        break;
    case ESPAX_REQ_S_CONDITION:
        respond(s, ESPAX_RSP_S_CONDITION, m, code);
        break;
    case ESPAX_REQ_P_START:
        if (s->is_logged_in) {
            take_start(s, m);
        } else {
            respond(s, ESPAX_RSP_P_START, m, code);
        }
        break;
    case ESPAX_REQ_P_GETSTAT:
        if (s->is_logged_in) {
            take_question(s, m);
        }
        break;
    default:
        stub_say("passed_over what=%s", espax_type_name(m->type));
        break;
    }
}

static void *on_open(void *context, struct conn *conn, const char *peer)
{
    struct server *s = context;
    s->conn = conn;
    s->is_logged_in = false;
    stub_say("connected peer=%s", peer);
    return s;
}

static size_t on_bytes(void *user, struct conn *conn, struct slice bytes, const char *peer)
{
    struct server *s = user;
    size_t taken = 0;
    (void)peer;
    while (taken < bytes.len) {
        struct slice document;
        uint32_t number = 0;
        struct espax_message m;
        const char *why = "";
        struct arena arena = arena_of(s->memory, sizeof s->memory);
        struct verdict v = espax_frame(slice_from(bytes, taken), &document, &number);
        if (v.err == ERR_MORE) {
            break;
        }
        if (v.err != ERR_OK) {
            stub_say("not_understood");
            conn_close(conn);
            return bytes.len;
        }
        taken += v.at;
        if (espax_parse(document, &arena, &m, &why).err == ERR_OK) {
            take(s, &m);
        } else {
            stub_say("not_understood why=\"%s\"", why);
        }
    }
    return taken;
}

static void on_close(void *user, struct conn *conn, const char *why)
{
    struct server *s = user;
    char plain[120];
    if (s->conn == conn) {
        s->conn = NULL;
    }
    stub_say("disconnected why=\"%s\"", stub_plain(slice_str(why), plain, sizeof plain));
}

int main(int argc, char **argv)
{
    static const struct port_handler handler = {
        .on_open = on_open, .on_bytes = on_bytes, .on_close = on_close};
    static struct server s = {.user = "samlarm", .password = "hemligt1", .answer = "accept"};
    const char *listen = "127.0.0.1:2024";
    char why[200];
    s.delay_ms = 1000;
    const struct stub_option options[] = {
        {"listen", "where it is dialled: host:port", .text = &listen},
        {"user", "who may log in", .text = &s.user},
        {"password", "and the password", .text = &s.password},
        {"answer",
         "accept, reach, reject, busy, end, start_only, full (503), silent or forget (407 to "
         "heartbeats)",
         .text = &s.answer},
        {"delay-ms", "how long a person takes", NULL, &s.delay_ms, 0, 3600000, NULL},
        {0},
    };
    int status = 0;
    if (!stub_options(argc, argv, "a stand-in alarm server that speaks ESPA-X", options, &status)) {
        return status;
    }
    s.loop = ev_default_loop(0);
    struct port_config config = {.name = "stub", .address = listen};
    if (port_open(s.loop, &config, &handler, &s, &s.port, why, sizeof why) != ERR_OK) {
        stub_complain("%s", why);
        return 2;
    }
    stub_run(s.loop);
    port_close(s.port);
    ev_loop_destroy(s.loop);
    return 0;
}
