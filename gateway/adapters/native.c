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
 *
 * A signed message may have been recorded and be played again. The journal tells the highest sequence of an
 * alarm, the port's memory that of all messages. What is not above it is taken all the same when its own
 * clock says that it was made just now, for that no recording can say: a device whose counter was set back
 * is heard. Otherwise
 *
 *   an alarm, 64 or more behind, or a day old    TOO_OLD with the highest sequence: who is no recording says
 *                                                it again above that. Nearer ones may have been overtaken;
 *                                                whether they are known, their stable id tells
 *   a heartbeat                                  TOO_OLD, and no sign of life; the last one again: its receipt
 *
 * reference: boot/sequence/mark, where the mark is made of the body. A device that wrongly uses a number twice
 * is noted, and both its alarms are raised. Without a key sequences prove nothing and are not kept: nobody
 * can shut out the real device by saying a higher one.
 */
#include "adapters/adapter.h"
#include "adapters/native_memory.h"
#include "wire/device.h"

#include <string.h>

enum {
    PENDING_MAX = 256,
    REPLAY_WINDOW = 64,
    CLOCK_OFF_MS = 10 * 60 * 1000,
    REPLAY_AGE_MS = 24 * 60 * 60 * 1000,
    TOPIC_ROOM = 160
};

/* Above it is no count of anything: such a number is not kept, or it would shut out all that follow. */
#define SEQUENCE_MAX ((uint64_t)1 << 62)

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
    struct native_memory devices;
};

/* A message that is taken to be whose it says. */
struct heard {
    struct device_message message;
    struct slice body;
    bool is_unverified;
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

static void answer(const struct pending *p, enum device_result result, uint64_t known,
                   struct now now, struct outbox *out)
{
    uint8_t bytes[160];
    struct buf b = buf_of(bytes, sizeof bytes);
    struct device_receipt receipt = {.device = slice_str(p->device),
                                     .boot = p->boot,
                                     .sequence = p->sequence,
                                     .result = result,
                                     .time_ms = now.wall_ms,
                                     .known = known};
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
            answer(p, is_safe ? DEVICE_RESULT_STORED : DEVICE_RESULT_NOT_STORED, 0, now, out);
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

/* --- recordings ----------------------------------------------------------------------------------- */

static int64_t age_ms(const struct device_message *m, struct now now)
{
    return m->time_ms > 0 ? now.wall_ms - m->time_ms : 0;
}

static bool is_made_now(const struct device_message *m, struct now now)
{
    int64_t age = age_ms(m, now);
    return m->time_ms > 0 && age <= CLOCK_OFF_MS && age >= -CLOCK_OFF_MS;
}

/* May it be a recording? `journalled` is the highest sequence of an alarm, *ret_known of all. */
static bool may_be_recorded(const struct heard *h, uint64_t journalled,
                            const struct native_device *device, struct now now, uint64_t *ret_known)
{
    const struct device_message *m = &h->message;
    *ret_known = journalled > device->sequence ? journalled : device->sequence;
    uint64_t known = m->is_heartbeat ? *ret_known : journalled;
    if (h->is_unverified || m->sequence > known || is_made_now(m, now)) {
        return false;
    }
    bool is_far = known - m->sequence >= REPLAY_WINDOW;
    return m->is_heartbeat || is_far || age_ms(m, now) > REPLAY_AGE_MS;
}

/* The one that we have just heard, once more: the broker delivers twice, or its receipt was lost. It is
 * answered, and says nothing new about the device's life. */
static bool is_last_heartbeat(const struct heard *h, const struct native_device *device)
{
    return h->message.is_heartbeat && h->message.sequence == device->sequence &&
           native_number(h->body) == device->content;
}

static void remember(const struct heard *h, uint64_t journalled, struct native_device *device,
                     struct outbox *out)
{
    const struct device_message *m = &h->message;
    uint64_t content = native_number(h->body);
    if (h->is_unverified || m->sequence > SEQUENCE_MAX) {
        return;
    }
    if (!m->is_heartbeat && m->sequence == device->alarm_sequence &&
        content != device->alarm_content) {
        out_note(out, "reused_sequence",
                 "a device uses a sequence number twice; both its alarms are raised");
    } else if (m->sequence < journalled && journalled - m->sequence >= REPLAY_WINDOW) {
        out_note(out, "sequence_back", "a device counts from below again; it is taken as new");
    }
    if (m->sequence >= device->sequence) {
        device->sequence = m->sequence;
        device->content = content;
    }
    if (!m->is_heartbeat) {
        device->alarm_sequence = m->sequence;
        device->alarm_content = content;
    }
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

/* The mark is last: of numbers that are no count it is what is cut off. */
static void put_reference(const struct heard *h, struct alarm *alarm)
{
    static const char hex[] = "0123456789abcdef";
    struct buf reference = buf_of(alarm->reference, sizeof alarm->reference);
    uint64_t mark = native_number(h->body);
    buf_put_u64(&reference, h->message.boot);
    buf_put_u8(&reference, '/');
    buf_put_u64(&reference, h->message.sequence);
    buf_put_u8(&reference, '/');
    for (unsigned i = 0; i < 4; i++) {
        buf_put_u8(&reference, (uint8_t)hex[mark >> (60 - 4 * i) & 15]);
    }
    (void)buf_cstr(&reference);
}

static void fill(const struct adapter_input *in, const struct heard *h, struct alarm *alarm,
                 struct now now, struct outbox *out)
{
    const struct device_message *m = &h->message;
    bool is_known = kind_is_known(m->kind);
    bool is_count = !h->is_unverified && m->sequence <= SEQUENCE_MAX;
    alarm->kind = is_known ? (enum kind)m->kind : KIND_UNKNOWN;
    alarm->class_ =
        m->class_ > 0 && m->class_ < CLASS_COUNT ? (enum class_)m->class_ : kind_class(alarm->kind);
    alarm->phase = m->phase > 0 && m->phase < PHASE_COUNT ? (enum phase)m->phase : PHASE_RAISED;
    alarm->is_test = m->is_test;
    alarm->is_unverified = h->is_unverified;
    alarm->sequence = is_count ? m->sequence : 0;
    alarm->interval_ms = (int64_t)m->interval_s * 1000;
    alarm->device_ms = m->time_ms > 0 ? m->time_ms : 0;
    alarm->is_clock_suspect = m->time_ms > 0 && !is_made_now(m, now);
    put_text(alarm->device, sizeof alarm->device, m->device, out);
    put_text(alarm->code, sizeof alarm->code, m->code, out);
    put_text(alarm->text, sizeof alarm->text, m->text, out);
    put_reference(h, alarm);
    (void)slice_text(slice_str("native"), alarm->dialect, sizeof alarm->dialect);
    (void)slice_text(slice_str(in->port), alarm->port, sizeof alarm->port);
    if (!is_known) {
        out_note(out, "unknown_kind", "a kind that this gateway does not know; shown as unknown");
    }
}

static struct verdict take(struct session *s, const struct adapter_input *in, const struct heard *h,
                           const struct pending *to, struct now now, struct outbox *out)
{
    struct pending *p = new_pending(s);
    uint32_t tag = s->tag == UINT32_MAX ? 1 : s->tag + 1;
    struct alarm *alarm = p == NULL                 ? NULL
                          : h->message.is_heartbeat ? out_alive(out, now, tag)
                                                    : out_raise(out, now, tag);
    if (alarm == NULL) {
        out_note(out, "too_many",
                 "256 messages wait for the journal; this one gets no receipt yet");
        return verdict_at(ERR_FULL, 0);
    }
    s->tag = tag;
    fill(in, h, alarm, now, out);
    out_keep_raw(out, alarm, in->bytes, "samlarm.v1.Envelope");
    *p = *to;
    p->tag = tag;
    return verdict_at(ERR_OK, in->bytes.len);
}

/* The bytes as a message of the topic's own device; the reason, when they are none. */
static enum err read_message(struct session *s, const struct adapter_input *in, struct slice name,
                             struct device_envelope *ret_envelope, struct heard *ret_heard,
                             struct outbox *out)
{
    struct arena arena = arena_of(s->memory, sizeof s->memory);
    enum err err = device_envelope_parse(in->bytes, &arena, ret_envelope);
    if (err == ERR_OK) {
        err = device_message_parse(ret_envelope->body, &arena, &ret_heard->message);
    }
    if (err != ERR_OK) {
        out_note(out, "broken_message",
                 "not a message of device.proto, or longer than 1,024 bytes");
    } else if (!slice_eq(ret_heard->message.device, name) || !slice_is_utf8(name)) {
        out_note(out, "other_device", "the device in the message is not that of its topic");
        err = ERR_AUTH;
    }
    ret_heard->body = ret_envelope->body;
    return err;
}

static struct verdict native_input(void *session, const struct adapter_input *in, struct now now,
                                   struct outbox *out)
{
    struct session *s = session;
    struct device_envelope envelope = {.body = {NULL, 0}};
    struct heard h = {.is_unverified = true};
    struct adapter_device listed;
    struct pending to = {.tag = 0};
    struct slice name;
    uint64_t known = 0;
    out->consumed = in->bytes.len;
    if (!split_topic(in->topic, &name, to.topic, sizeof to.topic)) {
        return verdict_at(ERR_NOT_MINE, 0);
    }
    enum err err = read_message(s, in, name, &envelope, &h, out);
    err = err == ERR_OK ? check_sender(s, in, &envelope, &h.message, &listed, &h.is_unverified, out)
                        : err;
    if (err != ERR_OK) {
        return verdict_at(err, 0);
    }
    to.boot = h.message.boot;
    to.sequence = h.message.sequence;
    (void)slice_text(h.message.device, to.device, sizeof to.device);
    struct native_device nobody = {.key = 0}; /* who proves nothing takes no place */
    struct native_device *device =
        h.is_unverified ? &nobody : native_device(&s->devices, name, now);
    if (is_last_heartbeat(&h, device)) {
        answer(&to, DEVICE_RESULT_STORED, 0, now, out);
        return verdict_at(ERR_OK, in->bytes.len);
    }
    if (may_be_recorded(&h, listed.sequence, device, now, &known)) {
        out_note(out, h.message.is_heartbeat ? "stale_heartbeat" : "too_old",
                 "a sequence behind what is known: a recording, or a device set back");
        answer(&to, DEVICE_RESULT_TOO_OLD, known, now, out);
        return verdict_at(ERR_STATE, 0);
    }
    struct verdict v = take(s, in, &h, &to, now, out);
    if (v.err == ERR_OK) {
        remember(&h, listed.sequence, device, out);
    }
    return v;
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
