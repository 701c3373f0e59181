/* espax_system_stub.c - stub-espax_system: a nurse-call system that speaks ESPA-X, as a client.
 *
 * Commands on stdin: call WARD BED "TEXT" [prio], cancel REFERENCE, quit. A process is started again until
 * 200 or 450 answers it, also over a new login; so is its stop, until 200 or 410. Faults: README.md.
 */
#include "stub_line.h"
#include "wire/espax.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEPT_BASE = 100000, /* their invoke ids lie above those of heartbeats */
    LOGINS_MAX = 3      /* refused so often, it is not tried again */
};

/* What is kept until it is answered; written anew for each session. */
struct call {
    uint32_t number; /* 0: free */
    bool is_stop;
    char ref[33];
    char ward[16];
    char bed[16];
    char text[161];
    char prio[12];
};

struct nurse_call {
    struct ev_loop *loop;
    struct stub_line *line;
    struct stub_stdin in;
    struct ev_timer beat;
    const char *user;
    const char *password;
    const char *fault;
    char session[40];
    uint32_t number;
    uint32_t invoke;
    unsigned refused_logins;
    struct call calls[STUB_LINE_KEPT];
    struct call last; /* for the fault `stale` */
    uint8_t memory[ESPAX_ARENA];
};

static bool has_fault(const struct nurse_call *n, const char *fault)
{
    return strcmp(n->fault, fault) == 0;
}

static void encode(struct nurse_call *n, struct espax_message *m, uint32_t invoke, struct buf *out)
{
    char time[32];
    char number[12];
    struct buf t = buf_of(time, sizeof time);
    clock_put_utc(&t, loop_now().wall_ms - (has_fault(n, "clock_off") ? 3600000 : 0));
    snprintf(number, sizeof number, "%u", (unsigned)invoke);
    m->timestamp = slice_of(time, 19);
    m->invoke = slice_str(number);
    if (m->type != ESPAX_REQ_LOGIN) {
        m->session = slice_str(n->session);
    }
    if (espax_encode(m, invoke, out) != ERR_OK) {
        stub_complain("The message is too long, or no XML can hold it.");
    }
    if (has_fault(n, "wrong_length") && m->type == ESPAX_REQ_P_START) {
        out->at[5]++;
    }
    if (has_fault(n, "foreign_version")) {
        char *version = memmem(out->at, out->len, "1.00", 4);
        if (version != NULL) {
            version[0] = '2';
        }
    }
}

static void say(struct nurse_call *n, struct espax_message *m, const char *what)
{
    uint8_t bytes[STUB_LINE_MESSAGE_MAX];
    struct buf out = buf_of(bytes, sizeof bytes);
    encode(n, m, ++n->invoke, &out);
    stub_line_say(n->line, buf_slice(&out), what);
}

static void on_up(void *context)
{
    struct nurse_call *n = context;
    struct espax_message m = {.type = ESPAX_REQ_LOGIN};
    n->session[0] = '\0';
    m.values[ESPAX_LI_CLIENT] = slice_str("Kallelse");
    m.values[ESPAX_LI_CLIENTSW] = slice_str("1");
    m.values[ESPAX_LI_USER] = slice_str(n->user);
    m.values[ESPAX_LI_PASSWORD] = slice_str(n->password);
    if (has_fault(n, "no_login")) {
        (void)slice_text(slice_str("none"), n->session, sizeof n->session);
        return;
    }
    stub_line_hold(n->line, true);
    if (n->refused_logins < LOGINS_MAX) {
        say(n, &m, "REQ.LOGIN");
    }
}

static void encode_call(struct nurse_call *n, const struct call *c, struct buf *out)
{
    struct espax_message m = {.type = c->is_stop ? ESPAX_REQ_P_STOP : ESPAX_REQ_P_START};
    m.values[ESPAX_CP_PR_REF] = slice_str(c->ref);
    if (c->is_stop) {
        m.values[ESPAX_CP_PR_MASK] = slice_str("All");
    } else {
        m.values[ESPAX_CP_GROUPID] = slice_str("1");
        m.values[ESPAX_CP_TEXTMSG] = slice_str(c->text);
        m.values[ESPAX_CP_WARD] = slice_str(c->ward);
        m.values[ESPAX_CP_BED] = slice_str(c->bed);
        m.values[ESPAX_CP_PRIO] = slice_str(c->prio);
        m.values[ESPAX_CP_PR_DETAILS] = slice_str("All");
    }
    encode(n, &m, KEPT_BASE + c->number, out);
}

static void keep(struct nurse_call *n, const struct call *call)
{
    uint8_t bytes[STUB_LINE_MESSAGE_MAX];
    struct buf out = buf_of(bytes, sizeof bytes);
    for (size_t i = 0; i < STUB_LINE_KEPT; i++) {
        if (n->calls[i].number == 0) {
            n->calls[i] = *call;
            break;
        }
    }
    encode_call(n, call, &out);
    stub_line_keep(n->line, call->number, buf_slice(&out), call->is_stop ? "P-STOP" : "P-START");
}

/* All that waits belongs to the session that has just begun. */
static void renew_all(struct nurse_call *n)
{
    for (size_t i = 0; i < STUB_LINE_KEPT; i++) {
        uint8_t bytes[STUB_LINE_MESSAGE_MAX];
        struct buf out = buf_of(bytes, sizeof bytes);
        if (n->calls[i].number != 0) {
            encode_call(n, &n->calls[i], &out);
            stub_line_renew(n->line, n->calls[i].number, buf_slice(&out));
        }
    }
}

static void on_call(struct nurse_call *n, char *rest)
{
    struct call c = {.number = ++n->number};
    const char *ward = stub_word(&rest);
    const char *bed = stub_word(&rest);
    const char *text = stub_word(&rest);
    const char *prio = stub_word(&rest);
    if (ward == NULL || bed == NULL || text == NULL) {
        stub_complain("Write: call WARD BED \"TEXT\" [Emergency|High|Standard|Low].");
        return;
    }
    (void)slice_text(slice_str(ward), c.ward, sizeof c.ward);
    (void)slice_text(slice_str(bed), c.bed, sizeof c.bed);
    (void)slice_text(slice_str(text), c.text, sizeof c.text);
    (void)slice_text(slice_str(prio == NULL ? "High" : prio), c.prio, sizeof c.prio);
    snprintf(c.ref, sizeof c.ref, "k%lld-%u", (long long)(loop_now().wall_ms / 1000),
             (unsigned)c.number);
    if (has_fault(n, "reused_ref")) {
        snprintf(c.ref, sizeof c.ref, "k-1");
    }
    stub_say("process number=%u ref=%s", (unsigned)c.number, c.ref);
    n->last = c;
    keep(n, &c);
}

static void on_cancel(struct nurse_call *n, char *rest)
{
    struct call c = {.number = ++n->number, .is_stop = true};
    const char *ref = stub_word(&rest);
    if (ref == NULL) {
        stub_complain("Write: cancel REFERENCE, as the line `process` has told it.");
        return;
    }
    (void)slice_text(slice_str(ref), c.ref, sizeof c.ref);
    keep(n, &c);
}

static void on_line(void *context, char *line)
{
    struct nurse_call *n = context;
    const char *command = stub_word(&line);
    if (command == NULL) {
        return;
    }
    if (strcmp(command, "call") == 0) {
        on_call(n, line);
    } else if (strcmp(command, "cancel") == 0) {
        on_cancel(n, line);
    } else if (strcmp(command, "quit") == 0) {
        ev_break(n->loop, EVBREAK_ALL);
    } else {
        stub_complain("I do not know \"%s\". Commands: call, cancel, quit.", command);
    }
}

static void on_beat(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct nurse_call *n = timer->data;
    struct espax_message m = {.type = ESPAX_REQ_HEARTBEAT};
    (void)loop;
    (void)events;
    if (n->session[0] == '\0') {
        return;
    }
    say(n, &m, "REQ.HEARTBEAT");
    if (has_fault(n, "stale") && n->last.number != 0) {
        uint8_t bytes[STUB_LINE_MESSAGE_MAX];
        struct buf out = buf_of(bytes, sizeof bytes);
        encode_call(n, &n->last, &out);
        stub_line_say(n->line, buf_slice(&out), "P-START");
    }
}

static void take_login(struct nurse_call *n, const struct espax_message *m, const char *code)
{
    stub_say("login code=%s", code);
    if (strcmp(code, "200") != 0) {
        n->refused_logins++;
        if (n->refused_logins == LOGINS_MAX) {
            stub_say("gave_up login");
        }
        return;
    }
    n->refused_logins = 0;
    (void)slice_text(m->session, n->session, sizeof n->session);
    renew_all(n);
    stub_line_hold(n->line, false);
}

/* A start is done with 200 and 450, a stop with 200 and 410; all else is tried again. */
static void take_response(struct nurse_call *n, const struct espax_message *m, const char *code)
{
    bool is_start = m->type == ESPAX_RSP_P_START;
    bool is_done = strcmp(code, "200") == 0 || strcmp(code, is_start ? "450" : "410") == 0;
    uint64_t number = 0;
    (void)!slice_u64(m->invoke, UINT32_MAX, &number);
    number = number > KEPT_BASE ? number - KEPT_BASE : 0;
    if (!is_done) {
        stub_say("refused number=%u code=%s", (unsigned)number, code);
        return;
    }
    (void)stub_line_answered(n->line, (uint32_t)number, code);
    for (size_t i = 0; i < STUB_LINE_KEPT; i++) {
        if (n->calls[i].number == number) {
            n->calls[i].number = 0;
        }
    }
}

static void take_indication(const struct espax_message *m)
{
    char ref[40];
    char word[40];
    struct slice what = m->values[ESPAX_SS_RESULT].len > 0   ? m->values[ESPAX_SS_RESULT]
                        : m->values[ESPAX_SP_STATUS].len > 0 ? m->values[ESPAX_SP_STATUS]
                                                             : m->values[ESPAX_SP_ENDREASON];
    stub_say("indication %s ref=%s result=\"%s\"", espax_type_name(m->type),
             stub_plain(m->values[ESPAX_CP_PR_REF], ref, sizeof ref),
             stub_plain(what, word, sizeof word));
}

static void take(struct nurse_call *n, const struct espax_message *m)
{
    char code[8] = "";
    (void)slice_text(m->values[ESPAX_RSP_CODE], code, sizeof code);
    switch ((int)m->type) {
    case ESPAX_RSP_LOGIN:
        take_login(n, m, code);
        break;
    case ESPAX_RSP_P_START:
    case ESPAX_RSP_P_STOP:
        take_response(n, m, code);
        break;
    case ESPAX_IND_P_STARTED:
    case ESPAX_IND_P_STATUS:
    case ESPAX_IND_P_EVENT:
    case ESPAX_IND_P_ENDED:
        take_indication(m);
        break;
    case ESPAX_IND_ERROR:
        stub_say("error code=%s", code);
        break;
    default:
        break;
    }
}

static size_t on_bytes(void *context, struct slice bytes)
{
    struct nurse_call *n = context;
    size_t taken = 0;
    while (taken < bytes.len) {
        struct slice document;
        uint32_t number = 0;
        struct verdict v = espax_frame(slice_from(bytes, taken), &document, &number);
        if (v.err == ERR_MORE) {
            break;
        }
        if (v.err != ERR_OK) {
            stub_say("not_understood");
            return bytes.len;
        }
        taken += v.at;
        struct espax_message m;
        const char *why = "";
        struct arena arena = arena_of(n->memory, sizeof n->memory);
        if (espax_parse(document, &arena, &m, &why).err == ERR_OK) {
            take(n, &m);
        } else {
            stub_say("not_understood why=\"%s\"", why);
        }
    }
    return taken;
}

int main(int argc, char **argv)
{
    const char *to = "127.0.0.1:2023";
    int64_t heartbeat_s = 50;
    int64_t retry_s = 5;
    static struct nurse_call n = {.user = "kallelse", .password = "hemligt1", .fault = "none"};
    struct stub_chance chance = {.every_s = 300};
    const struct stub_option options[] = {
        {"to", "the server: host:port", .text = &to},
        {"user", "as whom it logs in", .text = &n.user},
        {"password", "and its password", .text = &n.password},
        {"heartbeat-s", "seconds from heartbeat to heartbeat", NULL, &heartbeat_s, 1, 3600, NULL},
        {"retry-s", "seconds until a process is started again", NULL, &retry_s, 1, 600, NULL},
        {"fault",
         "none, late_heartbeat, reused_ref, no_retry, no_login, wrong_length, stale, clock_off or "
         "foreign_version",
         .text = &n.fault},
        STUB_CHANCE_OPTIONS(chance),
        {0},
    };
    int status = 0;
    if (!stub_options(argc, argv, "a nurse-call system that speaks ESPA-X; commands on stdin",
                      options, &status)) {
        return status;
    }
    n.loop = ev_default_loop(0);
    const struct stub_line_device device = {on_up, on_bytes, &n};
    n.line = stub_line_open(n.loop, to, has_fault(&n, "no_retry") ? 0 : retry_s, &device);
    if (n.line == NULL) {
        return 2;
    }
    stub_line_hold(n.line, !has_fault(&n, "no_login"));
    double every_s = (double)heartbeat_s * (has_fault(&n, "late_heartbeat") ? 3 : 1);
    ev_timer_init(&n.beat, on_beat, every_s, every_s);
    n.beat.data = &n;
    ev_timer_start(n.loop, &n.beat);
    stub_stdin_open(&n.in, n.loop, &n, on_line, NULL);
    stub_chance_open(&chance, n.loop, &n, on_line);
    stub_run(n.loop);
    stub_stdin_close(&n.in);
    stub_line_close(n.line);
    ev_loop_destroy(n.loop);
    return 0;
}
