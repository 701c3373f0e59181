/* stub_scaip.c - the sending half of a SCAIP device: see stub_scaip.h. */
#include "stub_scaip.h"

#include "io/sip.h"
#include "wire/scaip.h"

#include <stdlib.h>
#include <string.h>

enum { REF_ROOM = 17, BODY_MAX = 1024 };

/* A message from its making until it is answered. */
struct kept {
    bool is_used;
    bool is_heartbeat;
    uint32_t serial; /* the tag of its SIP requests */
    char ref[REF_ROOM];
    struct stub_scaip_source source;
    const struct stub_scaip_word *word;
    int64_t made_ms;
    int64_t next_ms; /* when to send it (again) */
    int tries;
};

struct stub_scaip {
    struct ev_loop *loop;
    struct stub_scaip_config config;
    struct sip *sip;
    struct ev_timer timer;
    uint64_t started_ms; /* wall clock: what makes references differ from those of an earlier run */
    uint64_t refs;
    uint32_t serials;
    struct kept kept[STUB_SCAIP_KEPT_MAX];
    uint8_t memory[SCAIP_ARENA];
};

// clang-format off
static const struct stub_scaip_word words[] = {
    /* name         mty   dty     stc */
    {"press",      "ME", NULL,   "0010"},
    {"fall",       "ME", "0005", "0009"},
    {"fixed",      "ME", "0004", "0010"},
    {"reset",      "RE", NULL,   "0093"},
    {"cancel",     "ME", NULL,   "0019"},
    {"battery",    "ME", NULL,   "0016"},
    {"mains_lost", "ME", "0002", "0085"},
    {"mains_back", "ME", "0002", "0086"},
    {"test",       "ME", NULL,   "0102"},
};
// clang-format on
static const struct stub_scaip_word heartbeat = {"heartbeat", "PI", "0002", NULL};

const struct stub_scaip_word *stub_scaip_word(const char *name)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].name, name) == 0) {
            return &words[i];
        }
    }
    return NULL;
}

const struct stub_scaip_word *stub_scaip_heartbeat(void)
{
    return &heartbeat;
}

/* ---- sending ---- */

static void put_base36(char *at, size_t digits, uint64_t value)
{
    for (size_t i = digits; i > 0; i--) {
        at[i - 1] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[value % 36];
        value /= 36;
    }
}

void stub_scaip_new_ref(struct stub_scaip *device, char *ret_ref)
{
    if ((device->config.faults & STUB_REUSED_REF) == 0 || device->refs == 0) {
        device->refs++;
    }
    put_base36(ret_ref, 9, device->started_ms);
    put_base36(ret_ref + 9, 4, device->config.refs_from + device->refs);
    ret_ref[13] = '\0';
}

static void set(struct scaip_message *message, enum scaip_tag tag, const char *value)
{
    if (value != NULL) {
        scaip_set(message, tag, slice_str(value));
    }
}

static enum err put_body(const struct kept *kept, unsigned faults, struct buf *out)
{
    struct scaip_message message = {.root = SCAIP_MRQ};
    const struct stub_scaip_word *word = kept->word;
    set(&message, SCAIP_ref, kept->ref);
    set(&message, SCAIP_mty, word->mty);
    set(&message, SCAIP_cid, kept->source.cid);
    set(&message, SCAIP_dty, word->dty != NULL ? word->dty : kept->source.dty);
    set(&message, SCAIP_did, kept->source.did);
    set(&message, SCAIP_stc, word->stc);
    message.callers[0] = slice_str("no-voice:");
    message.caller_count = 1;
    scaip_set(&message, SCAIP_crd, message.callers[0]);
    enum err err = scaip_encode(&message, out);
    if (err == ERR_OK && (faults & STUB_BAD_XML) != 0) {
        out->len -= strlen("</mrq>");
    }
    return err;
}

static void say_sent(const struct kept *kept)
{
    if (kept->is_heartbeat) {
        stub_say("heartbeat ref=%s cid=%s", kept->ref, kept->source.cid);
        return;
    }
    stub_say("sent ref=%s try=%d cid=%s what=%s", kept->ref, kept->tries, kept->source.cid,
             kept->word->name);
}

static void settle(struct stub_scaip *device, struct kept *kept)
{
    bool is_heartbeat = kept->is_heartbeat;
    kept->is_used = false;
    if (!is_heartbeat && device->config.on_settled != NULL) {
        device->config.on_settled(device->config.context);
    }
}

static void send_kept(struct stub_scaip *device, struct kept *kept, int64_t mono_ms)
{
    unsigned faults = device->config.faults;
    kept->next_ms = mono_ms + device->config.retry_ms;
    kept->tries++;
    if (kept->tries > 1 && (faults & STUB_NEW_REF_ON_RETRY) != 0) {
        stub_scaip_new_ref(device, kept->ref);
    }
    uint8_t room[BODY_MAX];
    struct buf body = buf_of(room, sizeof room);
    char from[64];
    struct buf name = buf_of(from, sizeof from);
    buf_put_str(&name, (faults & STUB_WRONG_IDENTITY) != 0 ? "not-" : "");
    buf_put_str(&name, kept->source.cid);
    enum err err = put_body(kept, faults, &body);
    if (err == ERR_OK) {
        err = sip_request(device->sip, slice_str(device->config.to), slice_str("alarm"),
                          buf_slice(&name),
                          (faults & STUB_WRONG_TYPE) != 0 ? "text/plain" : SCAIP_TYPE,
                          buf_slice(&body), kept->serial);
    }
    if (err != ERR_OK) {
        stub_say("not_sent ref=%s why=%s", kept->ref, err_name(err));
        return;
    }
    say_sent(kept);
}

/* Sends what is due, gives up what is too old, and returns when to look again. */
static int64_t send_due(struct stub_scaip *device, int64_t mono_ms)
{
    int64_t next_ms = mono_ms + 60000;
    for (size_t i = 0; i < STUB_SCAIP_KEPT_MAX; i++) {
        struct kept *kept = &device->kept[i];
        if (kept->is_used && kept->next_ms <= mono_ms) {
            bool is_once = kept->is_heartbeat || (device->config.faults & STUB_NO_RETRY) != 0;
            if (kept->tries > 0 && (is_once || mono_ms - kept->made_ms >= device->config.keep_ms)) {
                stub_say("gave_up ref=%s tries=%d", kept->ref, kept->tries);
                settle(device, kept);
                continue;
            }
            send_kept(device, kept, mono_ms);
        }
        if (kept->is_used && kept->next_ms < next_ms) {
            next_ms = kept->next_ms;
        }
    }
    return next_ms;
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)events;
    struct stub_scaip *device = timer->data;
    int64_t mono_ms = loop_now().mono_ms;
    int64_t wait_ms = send_due(device, mono_ms) - mono_ms;
    timer->repeat = (double)(wait_ms > 0 ? wait_ms : 1) / 1000.0;
    ev_timer_again(loop, timer);
}

static void look_again(struct stub_scaip *device)
{
    device->timer.repeat = 0.0001;
    ev_timer_again(device->loop, &device->timer);
}

const char *stub_scaip_send(struct stub_scaip *device, const struct stub_scaip_source *source,
                            const struct stub_scaip_word *word, int64_t delay_ms)
{
    for (size_t i = 0; i < STUB_SCAIP_KEPT_MAX; i++) {
        struct kept *kept = &device->kept[i];
        if (kept->is_used) {
            continue;
        }
        int64_t mono_ms = loop_now().mono_ms;
        *kept = (struct kept){
            .is_used = true,
            .is_heartbeat = word == &heartbeat,
            .serial = ++device->serials,
            .source = *source,
            .word = word,
            .made_ms = mono_ms,
            .next_ms = mono_ms + delay_ms,
        };
        stub_scaip_new_ref(device, kept->ref);
        look_again(device);
        return kept->ref;
    }
    return NULL;
}

/* ---- hearing ---- */

static void hear_mrs(struct stub_scaip *device, struct slice body, const char *by)
{
    struct arena arena = arena_of(device->memory, sizeof device->memory);
    struct scaip_message message;
    const char *why = NULL;
    struct verdict verdict = scaip_parse(body, &arena, &message, &why);
    if (verdict.err != ERR_OK || message.root != SCAIP_MRS) {
        stub_say("strange by=%s why=\"%s\"", by, verdict.err != ERR_OK ? why : "no mrs");
        return;
    }
    struct slice ref = scaip_value(&message, SCAIP_ref);
    int snu = scaip_code(&message, SCAIP_snu);
    for (size_t i = 0; i < STUB_SCAIP_KEPT_MAX; i++) {
        struct kept *kept = &device->kept[i];
        if (!kept->is_used || kept->tries == 0 || !slice_eq_nocase(ref, kept->ref)) {
            continue;
        }
        stub_say("answered ref=%s snu=%d after_ms=%lld by=%s", kept->ref, snu,
                 (long long)(loop_now().mono_ms - kept->made_ms), by);
        if (snu == SCAIP_ACCEPTED || kept->is_heartbeat) {
            settle(device, kept);
        }
        return;
    }
    char text[32];
    stub_say("answered_again ref=%s snu=%d by=%s", stub_plain(ref, text, sizeof text), snu, by);
}

static void on_message(void *context, const struct sip_message *message)
{
    struct stub_scaip *device = context;
    (void)sip_answer(device->sip, message->exchange, 200, NULL, slice_of(NULL, 0));
    hear_mrs(device, message->body, "message");
}

static void on_answer(void *context, uint32_t tag, int status, struct slice type, struct slice body)
{
    (void)type;
    struct stub_scaip *device = context;
    if (status >= 200 && status < 300) {
        if (body.len > 0) {
            hear_mrs(device, body, "body");
        }
        return;
    }
    for (size_t i = 0; i < STUB_SCAIP_KEPT_MAX; i++) {
        if (device->kept[i].is_used && device->kept[i].serial == tag) {
            stub_say("refused ref=%s status=%d", device->kept[i].ref, status);
            return;
        }
    }
}

struct stub_scaip *stub_scaip_open(struct ev_loop *loop, const struct stub_scaip_config *config)
{
    static const struct sip_handler handler = {on_message, on_answer};
    struct stub_scaip *device = calloc(1, sizeof *device);
    if (device == NULL) {
        stub_complain("There is no memory for the device.");
        return NULL;
    }
    device->loop = loop;
    device->config = *config;
    device->started_ms = (uint64_t)loop_now().wall_ms;
    bool is_tcp = strstr(config->to, ";tcp") != NULL;
    struct sip_config own = {
        .name = "device",
        .listen = config->listen != NULL ? config->listen : stub_listen_for(config->to),
        .is_udp = !is_tcp,
        .is_tcp = is_tcp,
        .own_user = "device",
        /* Not longer than until the next try, so that tries do not pile up on a dead way. */
        .request_timeout_ms = config->retry_ms < 32000 ? config->retry_ms : 32000,
    };
    char why[160];
    if (sip_open(loop, &own, &handler, device, &device->sip, why, sizeof why) != ERR_OK) {
        stub_complain("%s: %s", own.listen, why);
        free(device);
        return NULL;
    }
    ev_timer_init(&device->timer, on_timer, 0.0, 60.0);
    device->timer.data = device;
    return device;
}

void stub_scaip_close(struct stub_scaip *device)
{
    if (device != NULL) {
        ev_timer_stop(device->loop, &device->timer);
        sip_close(device->sip);
        free(device);
    }
}

size_t stub_scaip_waiting(const struct stub_scaip *device)
{
    size_t count = 0;
    for (size_t i = 0; i < STUB_SCAIP_KEPT_MAX; i++) {
        count += device->kept[i].is_used && !device->kept[i].is_heartbeat ? 1 : 0;
    }
    return count;
}
