/* cloud_stub.c - stub-cloud: a maker's cloud that sends the alarms of one device as webhooks.
 *
 * Run by people and by tests; speaks HTTP/1.1 in clear, since the TLS of a real one ends in front of the
 * gateway or in it. Commands on stdin, one a line; everything that happens on stdout. Faults: README.md.
 *
 *   POST /hook/PORT   X-Signature: sha256=HEX   Idempotency-Key: ID
 *   {"device":"867440069","event":"sos","id":"ID","time":"2026-11-25T10:00:00Z"}
 */
#include "stub.h"

#include "base/crypt.h"
#include "io/port.h"

#include <stdio.h>
#include <string.h>

enum {
    QUEUE_MAX = 64,
    ID_ROOM = 40,
    BODY_ROOM = 256,
    REQUEST_ROOM = 1024,
    ANSWER_S = 15, /* longer than the gateway takes to say that it is not stored */
    HOUR_MS = 3600000,
    LATE_TIMES = 3
};

enum fault {
    FAULT_NONE,
    FAULT_BAD_SIGNATURE,
    FAULT_NO_SIGNATURE,
    FAULT_NO_RETRY,
    FAULT_REUSED_ID,
    FAULT_ECHO_STALE,
    FAULT_OLD_TIME,
    FAULT_BROKEN_JSON,
    FAULT_LATE_HEARTBEAT,
    FAULT_COUNT
};

static const char *const faults[FAULT_COUNT] = {"none",     "bad_signature", "no_signature",
                                                "no_retry", "reused_id",     "echo_stale",
                                                "old_time", "broken_json",   "late_heartbeat"};

enum auth { AUTH_HMAC, AUTH_BEARER, AUTH_NONE, AUTH_COUNT };
static const char *const auths[AUTH_COUNT] = {"hmac", "bearer", "none"};

struct message {
    char what[16];
    char id[ID_ROOM];
    char body[BODY_ROOM];
    int64_t made_mono_ms;
    int tries;
};

struct cloud {
    struct ev_loop *loop;
    struct stub_stdin in;
    struct port *line; /* while a message is under way; NULL: none is */
    struct ev_timer next;
    struct ev_timer answer;
    struct ev_timer heart;
    const char *to;
    const char *hook;
    const char *device;
    const char *secret;
    enum auth auth;
    enum fault fault;
    int64_t retry_s;
    bool quits_at_eof;
    uint64_t count;
    char first_id[ID_ROOM];
    struct message last_alarm;
    struct message queue[QUEUE_MAX];
    size_t first;
    size_t waiting;
};

static void go_on(struct cloud *cloud, double in_s);

/* ---- messages ---- */

static void put_id(struct cloud *cloud, char ret_id[ID_ROOM])
{
    snprintf(ret_id, ID_ROOM, "%llx-%llu", (unsigned long long)loop_now().wall_ms,
             (unsigned long long)++cloud->count);
    if (cloud->first_id[0] == '\0') {
        memcpy(cloud->first_id, ret_id, sizeof cloud->first_id);
    }
    if (cloud->fault == FAULT_REUSED_ID) {
        memcpy(ret_id, cloud->first_id, ID_ROOM);
    }
}

static void enqueue(struct cloud *cloud, const struct message *message)
{
    if (cloud->waiting == QUEUE_MAX) {
        stub_say("not_sent id=%s what=%s why=full", message->id, message->what);
        return;
    }
    cloud->queue[(cloud->first + cloud->waiting++) % QUEUE_MAX] = *message;
    if (cloud->waiting == 1) {
        go_on(cloud, 0.0);
    }
}

static void make(struct cloud *cloud, const char *what)
{
    struct now now = loop_now();
    struct message message = {.made_mono_ms = now.mono_ms};
    char time[40];
    struct buf at = buf_of(time, sizeof time);
    (void)slice_text(slice_str(what), message.what, sizeof message.what);
    put_id(cloud, message.id);
    clock_put_utc(&at, now.wall_ms - (cloud->fault == FAULT_OLD_TIME ? HOUR_MS : 0));
    snprintf(message.body, sizeof message.body,
             "{\"device\":\"%s\",\"event\":\"%s\",\"id\":\"%s\",\"time\":\"%s\"%s", cloud->device,
             what, message.id, buf_cstr(&at), cloud->fault == FAULT_BROKEN_JSON ? "" : "}");
    if (strcmp(what, "heartbeat") != 0) {
        stub_say("pressed id=%s what=%s", message.id, what);
        cloud->last_alarm = message;
    }
    enqueue(cloud, &message);
}

/* ---- one message under way ---- */

static struct message *head(struct cloud *cloud)
{
    return &cloud->queue[cloud->first];
}

static void hang_up(struct cloud *cloud)
{
    struct port *line = cloud->line;
    ev_timer_stop(cloud->loop, &cloud->answer);
    cloud->line = NULL; /* before on_close is told */
    port_close(line);
}

static void drop_head(struct cloud *cloud)
{
    cloud->first = (cloud->first + 1) % QUEUE_MAX;
    cloud->waiting--;
    if (cloud->waiting > 0) {
        go_on(cloud, 0.0);
    } else if (cloud->quits_at_eof && cloud->in.is_over) {
        ev_break(cloud->loop, EVBREAK_ALL);
    }
}

static void failed(struct cloud *cloud, int status)
{
    const struct message *m = head(cloud);
    stub_say("refused id=%s status=%d", m->id, status);
    hang_up(cloud);
    if (cloud->fault == FAULT_NO_RETRY) {
        stub_say("gave_up id=%s tries=%d", m->id, m->tries);
        drop_head(cloud);
    } else {
        go_on(cloud, (double)cloud->retry_s);
    }
}

static void put_proof(const struct cloud *cloud, struct slice body, struct buf *out)
{
    uint8_t mac[HMAC_SHA256_LEN];
    if (cloud->auth == AUTH_BEARER && cloud->fault != FAULT_NO_SIGNATURE) {
        buf_put_str(out, "Authorization: Bearer ");
        buf_put_str(out, cloud->secret);
        buf_put_str(out, cloud->fault == FAULT_BAD_SIGNATURE ? "x\r\n" : "\r\n");
    }
    if (cloud->auth == AUTH_HMAC && cloud->fault != FAULT_NO_SIGNATURE) {
        hmac_sha256(slice_str(cloud->secret), body, mac);
        mac[0] ^= cloud->fault == FAULT_BAD_SIGNATURE ? 1 : 0;
        buf_put_str(out, "X-Signature: sha256=");
        buf_put_hex(out, slice_of(mac, sizeof mac));
        buf_put_str(out, "\r\n");
    }
}

static void *on_open(void *context, struct conn *conn, const char *peer)
{
    struct cloud *cloud = context;
    struct message *m = head(cloud);
    char text[REQUEST_ROOM];
    struct buf request = buf_of(text, sizeof text);
    buf_put_str(&request, "POST /hook/");
    buf_put_str(&request, cloud->hook);
    buf_put_str(&request, " HTTP/1.1\r\nHost: ");
    buf_put_str(&request, peer);
    buf_put_str(&request, "\r\nContent-Type: application/json\r\nIdempotency-Key: ");
    buf_put_str(&request, m->id);
    buf_put_str(&request, "\r\nContent-Length: ");
    buf_put_u64(&request, strlen(m->body));
    buf_put_str(&request, "\r\n");
    put_proof(cloud, slice_str(m->body), &request);
    buf_put_str(&request, "\r\n");
    buf_put_str(&request, m->body);
    stub_say("sent id=%s try=%d what=%s", m->id, ++m->tries, m->what);
    (void)conn_send(conn, buf_slice(&request));
    ev_timer_stop(cloud->loop, &cloud->answer);
    ev_timer_set(&cloud->answer, ANSWER_S, 0.0);
    ev_timer_start(cloud->loop, &cloud->answer);
    return cloud;
}

/* The status is all that is looked at; the connection is used once. */
static size_t on_bytes(void *user, struct conn *conn, struct slice bytes, const char *peer)
{
    struct cloud *cloud = user;
    struct slice rest = bytes;
    uint64_t status = 0;
    (void)conn;
    (void)peer;
    if (cloud->line == NULL || memchr(bytes.at, '\n', bytes.len) == NULL) {
        return cloud->line == NULL ? bytes.len : 0;
    }
    (void)slice_cut(&rest, ' ');
    if (slice_u64(slice_cut(&rest, ' '), 999, &status) != ERR_OK || status < 200 || status > 299) {
        failed(cloud, (int)status);
        return bytes.len;
    }
    const struct message *m = head(cloud);
    stub_say("answered id=%s status=%d after_ms=%lld what=%s", m->id, (int)status,
             (long long)(loop_now().mono_ms - m->made_mono_ms), m->what);
    hang_up(cloud);
    drop_head(cloud);
    return bytes.len;
}

static void on_close(void *user, struct conn *conn, const char *why)
{
    struct cloud *cloud = user;
    (void)conn;
    (void)why;
    if (cloud->line != NULL) {
        failed(cloud, 0);
    }
}

static void on_silence(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    failed(timer->data, 0);
}

static void on_next(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    static const struct port_handler handler = {on_open, on_bytes, on_close, NULL};
    struct cloud *cloud = timer->data;
    const struct port_config config = {
        .name = "cloud", .address = cloud->to, .is_dialling = true, .conns_max = 1};
    char why[160];
    (void)events;
    if (cloud->line != NULL || cloud->waiting == 0) {
        return;
    }
    if (port_open(loop, &config, &handler, cloud, &cloud->line, why, sizeof why) != ERR_OK) {
        stub_complain("%s: %s", cloud->to, why);
        ev_break(loop, EVBREAK_ALL);
    }
}

static void go_on(struct cloud *cloud, double in_s)
{
    ev_timer_stop(cloud->loop, &cloud->next);
    ev_timer_set(&cloud->next, in_s, 0.0);
    ev_timer_start(cloud->loop, &cloud->next);
}

/* ---- commands and heartbeats ---- */

static void on_heart(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct cloud *cloud = timer->data;
    (void)loop;
    (void)events;
    if (cloud->fault == FAULT_ECHO_STALE && cloud->last_alarm.id[0] != '\0') {
        stub_say("echo id=%s", cloud->last_alarm.id);
        enqueue(cloud, &cloud->last_alarm);
    }
    make(cloud, "heartbeat");
}

static void on_line(void *context, char *line)
{
    static const char *const pairs[][2] = {{"sos", "sos"},
                                           {"fall", "fall"},
                                           {"battery", "low_battery"},
                                           {"test", "test"},
                                           {"heartbeat", "heartbeat"}};
    struct cloud *cloud = context;
    const char *command = stub_word(&line);
    for (size_t i = 0; command != NULL && i < sizeof pairs / sizeof pairs[0]; i++) {
        if (strcmp(command, pairs[i][0]) == 0) {
            make(cloud, pairs[i][1]);
            return;
        }
    }
    if (command != NULL && strcmp(command, "quit") == 0) {
        ev_break(cloud->loop, EVBREAK_ALL);
    } else if (command != NULL) {
        stub_complain("I do not know \"%s\". Commands: sos, fall, battery, test, heartbeat, quit.",
                      command);
    }
}

static void on_end(void *context)
{
    struct cloud *cloud = context;
    if (cloud->quits_at_eof && cloud->waiting == 0) {
        ev_break(cloud->loop, EVBREAK_ALL);
    }
}

/* ---- beginning and end ---- */

static int choose(const char *option, const char *word, const char *const *words, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(words[i], word) == 0) {
            return i;
        }
    }
    stub_complain("--%s does not know \"%s\". Try --help.", option, word);
    return -1;
}

static void run(struct cloud *cloud, int64_t heartbeat_s)
{
    ev_init(&cloud->next, on_next);
    ev_init(&cloud->answer, on_silence);
    double every_s =
        (double)(cloud->fault == FAULT_LATE_HEARTBEAT ? heartbeat_s * LATE_TIMES : heartbeat_s);
    ev_timer_init(&cloud->heart, on_heart, every_s, every_s);
    cloud->next.data = cloud;
    cloud->answer.data = cloud;
    cloud->heart.data = cloud;
    if (heartbeat_s > 0) {
        ev_timer_start(cloud->loop, &cloud->heart);
    }
    stub_stdin_open(&cloud->in, cloud->loop, cloud, on_line, on_end);
    stub_run(cloud->loop);
    stub_stdin_close(&cloud->in);
    ev_timer_stop(cloud->loop, &cloud->heart);
    ev_timer_stop(cloud->loop, &cloud->next);
    hang_up(cloud);
}

int main(int argc, char **argv)
{
    static struct cloud cloud = {
        .to = "127.0.0.1:8080", .hook = "gps", .device = "867440069", .secret = "", .retry_s = 5};
    const char *auth = "hmac";
    const char *fault = "none";
    int64_t heartbeat_s = 0;
    const struct stub_option options[] = {
        {"to", "the gateway's web address: host:port", .text = &cloud.to},
        {"hook", "the port of the gateway, as in /hook/NAME", .text = &cloud.hook},
        {"device", "the device's id", .text = &cloud.device},
        {"secret", "shared with the gateway", .text = &cloud.secret},
        {"auth", "hmac, bearer or none", .text = &auth},
        {"heartbeat-s", "seconds from sign of life to sign of life; 0: none", NULL, &heartbeat_s, 0,
         86400, NULL},
        {"retry-s", "seconds until a refused message is sent again", NULL, &cloud.retry_s, 1, 3600,
         NULL},
        {"quit-at-eof", "ends when stdin has ended and all is answered", NULL, NULL, 0, 0,
         &cloud.quits_at_eof},
        {"fault",
         "none, bad_signature, no_signature, no_retry, reused_id, echo_stale, old_time, "
         "broken_json "
         "or late_heartbeat",
         .text = &fault},
        {0},
    };
    int status = 0;
    if (!stub_options(argc, argv, "a maker's cloud that sends webhooks; commands on stdin", options,
                      &status)) {
        return status;
    }
    int auth_number = choose("auth", auth, auths, AUTH_COUNT);
    int fault_number = choose("fault", fault, faults, FAULT_COUNT);
    if (auth_number < 0 || fault_number < 0) {
        return 2;
    }
    cloud.auth = (enum auth)auth_number;
    cloud.fault = (enum fault)fault_number;
    cloud.loop = ev_default_loop(0);
    run(&cloud, heartbeat_s);
    ev_loop_destroy(cloud.loop);
    return 0;
}
