/* native.c - native devices spoken: signed messages over MQTT, and the receipt they wait for.
 *
 * The turn calls it through `adapter_native` at the end. The message is in wire/device.h.
 *
 *     device                                             gateway
 *     -> samlarm/1/{m}/up/{device}    Envelope{body, signature}
 *                                                        OUT_RAISE or OUT_ALIVE
 *                                                        stored <- .../down/{device}  DeviceReceipt
 *     (no receipt: the device says it again, with the same boot and sequence)
 *
 *   key in keys.csv, signature right       taken
 *   key in keys.csv, signature wrong       not taken and not answered: somebody else has written it
 *   listed, and no key for it              taken, marked as unverified
 *   not listed                             taken, marked as unverified and unknown (option unknown)
 *   sequence 64 or more behind             told that it is too old: a replay, or a device that must say
 *                                          it under a new sequence. Nearer ones may have been overtaken;
 *                                          whether they are known, their stable id tells.
 */
#include "adapters/adapter.h"
#include "wire/device.h"

#include <string.h>

enum { PENDING_MAX = 256, REPLAY_WINDOW = 64, CLOCK_OFF_MS = 10 * 60 * 1000, TOPIC_ROOM = 160 };

enum option { OPTION_UNKNOWN };

static const struct adapter_option options[] = {
    {"unknown", OPTION_WORD, 0, 0, "show|drop", "show",
     "A device that is not in devices.csv: show its alarms, marked, or drop them."},
    {NULL, OPTION_NUMBER, 0, 0, NULL, NULL, NULL},
};

/* A message that waits for the journal. */
struct pending {
    uint32_t tag; /* 0: free */
    uint64_t boot;
    uint64_t sequence;
    char device[DEVICE_ROOM];
    char topic[TOPIC_ROOM]; /* where the receipt goes */
};

struct session {
    bool drops_unknown;
    uint32_t tag;
    struct pending pending[PENDING_MAX];
    uint8_t memory[DEVICE_ARENA]; /* one message at a time */
};

static enum err native_open(void *session, const struct adapter_options *o, bool is_dialling,
                            struct now now, struct outbox *out)
{
    struct session *s = session;
    (void)is_dialling;
    (void)now;
    (void)out;
    s->drops_unknown = slice_eq_str(option_text(o, OPTION_UNKNOWN), "drop");
    return ERR_OK;
}

/* --- receipts ------------------------------------------------------------------------------------- */

static void answer(const struct pending *p, enum device_result result, struct now now,
                   struct outbox *out)
{
    uint8_t bytes[160];
    struct buf b = buf_of(bytes, sizeof bytes);
    struct device_receipt receipt = {.device = slice_str(p->device),
                                     .boot = p->boot,
                                     .sequence = p->sequence,
                                     .result = result,
                                     .time_ms = now.wall_ms};
    device_receipt_encode(&receipt, &b);
    if (!b.is_full) {
        out_publish(out, slice_str(p->topic), buf_slice(&b));
    }
}

static void native_stored(void *session, const struct adapter_receipt *receipt, struct now now,
                          struct outbox *out)
{
    struct session *s = session;
    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct pending *p = &s->pending[i];
        if (p->tag != 0 && p->tag == receipt->tag) {
            bool is_safe = receipt->result == ERR_OK;
            answer(p, is_safe ? DEVICE_RESULT_STORED : DEVICE_RESULT_NOT_STORED, now, out);
            p->tag = 0;
            return;
        }
    }
}

static struct pending *new_pending(struct session *s)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (s->pending[i].tag == 0) {
            return &s->pending[i];
        }
    }
    return NULL;
}

/* --- who says it ---------------------------------------------------------------------------------- */

/* samlarm/1/{m}/up/{device}: the device, and the topic that answers. False: another topic. */
static bool split_topic(struct slice topic, struct slice *ret_device, char *ret_down, size_t room)
{
    size_t at = topic.len;
    while (at > 0 && topic.at[at - 1] != '/') {
        at--;
    }
    struct slice front = slice_of(topic.at, at);
    static const char up[] = "/up/";
    size_t up_len = sizeof up - 1;
    struct slice tail = front.len > up_len ? slice_from(front, front.len - up_len) : front;
    if (!slice_eq_str(tail, up) || at == topic.len || topic.len - at >= DEVICE_ROOM) {
        return false;
    }
    *ret_device = slice_from(topic, at);
    struct buf down = buf_of(ret_down, room);
    buf_put(&down, topic.at, front.len - up_len);
    buf_put_str(&down, "/down/");
    buf_put_slice(&down, *ret_device);
    (void)buf_cstr(&down);
    return !down.is_full;
}

/* OK, or why the message is not taken. */
static enum err check_sender(const struct session *s, const struct adapter_input *in,
                             const struct device_envelope *envelope, const struct device_message *m,
                             struct adapter_device *ret_device, bool *ret_is_unverified,
                             struct outbox *out)
{
    char key[DEVICE_ROOM];
    (void)slice_text(m->device, key, sizeof key);
    bool is_listed = input_device(in, "native", key, ret_device);
    *ret_is_unverified = !is_listed || ret_device->secret.len == 0;
    if (!is_listed && s->drops_unknown) {
        out_note(out, "unknown_device",
                 "a device that is not in devices.csv; dropped as configured");
        return ERR_AUTH;
    }
    if (ret_device->secret.len > 0 && !device_is_signed(envelope, ret_device->secret)) {
        out_note(out, "bad_signature",
                 "a message that the device's key has not signed; not taken and not answered");
        return ERR_AUTH;
    }
    if (*ret_is_unverified) {
        out_note(out, "no_key", "there is no key for this device in keys.csv: anybody could be it");
    }
    return ERR_OK;
}

/* --- the alarm ------------------------------------------------------------------------------------ */

static void put_text(char *ret_text, size_t room, struct slice text, struct outbox *out)
{
    if (slice_text(text, ret_text, room) != ERR_OK) {
        out_note(out, "text_cut", "a text of the device was too long and was cut");
    }
    for (char *c = ret_text; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c;
    }
    if (!slice_is_utf8(slice_str(ret_text))) {
        ret_text[0] = '\0';
    }
}

static void fill(const struct adapter_input *in, const struct device_message *m,
                 struct alarm *alarm, struct outbox *out)
{
    bool is_known = kind_is_known(m->kind);
    alarm->kind = is_known ? (enum kind)m->kind : KIND_UNKNOWN;
    alarm->class_ =
        m->class_ > 0 && m->class_ < CLASS_COUNT ? (enum class_)m->class_ : kind_class(alarm->kind);
    alarm->phase = m->phase > 0 && m->phase < PHASE_COUNT ? (enum phase)m->phase : PHASE_RAISED;
    alarm->is_test = m->is_test;
    alarm->sequence = m->sequence;
    alarm->interval_ms = (int64_t)m->interval_s * 1000;
    alarm->device_ms = m->time_ms > 0 ? m->time_ms : 0;
    int64_t off_ms = alarm->device_ms - alarm->gateway_ms;
    alarm->is_clock_suspect =
        alarm->device_ms != 0 && (off_ms > CLOCK_OFF_MS || off_ms < -CLOCK_OFF_MS);
    put_text(alarm->device, sizeof alarm->device, m->device, out);
    put_text(alarm->code, sizeof alarm->code, m->code, out);
    put_text(alarm->text, sizeof alarm->text, m->text, out);
    struct buf reference = buf_of(alarm->reference, sizeof alarm->reference);
    buf_put_u64(&reference, m->boot);
    buf_put_u8(&reference, '/');
    buf_put_u64(&reference, m->sequence);
    (void)buf_cstr(&reference);
    (void)slice_text(slice_str("native"), alarm->dialect, sizeof alarm->dialect);
    (void)slice_text(slice_str(in->port), alarm->port, sizeof alarm->port);
    if (!is_known) {
        out_note(out, "unknown_kind", "a kind that this gateway does not know; shown as unknown");
    }
}

static struct verdict take(struct session *s, const struct adapter_input *in,
                           const struct device_message *m, const struct pending *to,
                           bool is_unverified, struct now now, struct outbox *out)
{
    struct pending *p = new_pending(s);
    uint32_t tag = s->tag == UINT32_MAX ? 1 : s->tag + 1;
    struct alarm *alarm = p == NULL         ? NULL
                          : m->is_heartbeat ? out_alive(out, now, tag)
                                            : out_raise(out, now, tag);
    if (alarm == NULL) {
        out_note(out, "too_many",
                 "256 messages wait for the journal; this one gets no receipt yet");
        return verdict_at(ERR_FULL, 0);
    }
    s->tag = tag;
    fill(in, m, alarm, out);
    alarm->is_unverified = is_unverified;
    out_keep_raw(out, alarm, in->bytes, "samlarm.v1.Envelope");
    *p = *to;
    p->tag = tag;
    return verdict_at(ERR_OK, in->bytes.len);
}

static struct verdict native_input(void *session, const struct adapter_input *in, struct now now,
                                   struct outbox *out)
{
    struct session *s = session;
    struct arena arena = arena_of(s->memory, sizeof s->memory);
    struct device_envelope envelope;
    struct device_message m;
    struct adapter_device device;
    struct pending to = {.tag = 0};
    struct slice name;
    bool is_unverified = true;
    out->consumed = in->bytes.len;
    if (!split_topic(in->topic, &name, to.topic, sizeof to.topic)) {
        return verdict_at(ERR_NOT_MINE, 0);
    }
    enum err err = device_envelope_parse(in->bytes, &arena, &envelope);
    err = err == ERR_OK ? device_message_parse(envelope.body, &arena, &m) : err;
    if (err != ERR_OK) {
        out_note(out, "broken_message",
                 "not a message of device.proto, or longer than 1,024 bytes");
        return verdict_at(err, 0);
    }
    if (!slice_eq(m.device, name) || !slice_is_utf8(name)) {
        out_note(out, "other_device", "the device in the message is not that of its topic");
        return verdict_at(ERR_AUTH, 0);
    }
    err = check_sender(s, in, &envelope, &m, &device, &is_unverified, out);
    if (err != ERR_OK) {
        return verdict_at(err, 0);
    }
    to.boot = m.boot;
    to.sequence = m.sequence;
    (void)slice_text(m.device, to.device, sizeof to.device);
    if (device.sequence >= REPLAY_WINDOW && m.sequence <= device.sequence - REPLAY_WINDOW) {
        out_note(out, "too_old",
                 "a sequence far behind what is known: a replay, or a device set back");
        answer(&to, DEVICE_RESULT_TOO_OLD, now, out);
        return verdict_at(ERR_STATE, 0);
    }
    return take(s, in, &m, &to, is_unverified, now, out);
}

const struct adapter adapter_native = {
    .name = "native",
    .title = "Native devices: signed messages over MQTT",
    .transports = TRANSPORT_MQTT,
    .session_size = sizeof(struct session),
    .input_max = DEVICE_MESSAGE_MAX,
    .options = options,
    .topics = "samlarm/1/{municipality}/up/+",
    .key_sizes = 1 << 4, /* Ed25519, public */
    .open = native_open,
    .input = native_input,
    .stored = native_stored,
};
