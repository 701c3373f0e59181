/* minifinder.c - GPS alarms of MiniFinder (Eview) spoken: a person on the move presses, or falls.
 *
 * The turn calls it through `adapter_minifinder` at the end. The packet is in wire/eview.h.
 *
 *     alarm                                     gateway
 *     -> AB 10 ... data, alarm bit 12           OUT_RAISE help; stored <- AB 00 ... 7F, the same index
 *     -> AB 10 ... data, no alarm               OUT_ALIVE;      stored <- the same
 *     not stored, or the sum is wrong           silence: it sends again
 *
 *   bit 12 SOS, 13 and 14 side buttons   help        4 to 7 fences      door: out of the area
 *   2 fall                               fall        0 battery          battery_low
 *   8 power off                          device_fault: unreachable from now on
 *   1 speed, 9 power on, 10 motion       a sign of life
 *
 * Where a person is, is sensitive. It stands in the text of help, fall and door, because who is sent must
 * find them, and nowhere else; `position: no` keeps it out there too.
 */
#include "adapters/adapter.h"
#include "wire/eview.h"

#include <string.h>

enum { PENDING_MAX = 8, CLOCK_OFF_MS = 10 * 60 * 1000 };

enum option { OPTION_POSITION, OPTION_INTERVAL_S };

static const struct adapter_option options[] = {
    {"position", OPTION_BOOL, 0, 0, NULL, "yes",
     "yes: coordinates stand in the text of a person's alarm, so that they can be found."},
    {"interval_s", OPTION_NUMBER, 0, 604800, NULL, "0",
     "The devices are set to report so often; silence beyond it is an alarm. 0: no promise."},
    {NULL, OPTION_NUMBER, 0, 0, NULL, NULL, NULL},
};

/* A packet that waits for the journal: one answer for all its alarms. */
struct pending {
    uint32_t tag; /* 0: free */
    size_t left;
    bool is_refused;
    bool wants_answer;
    uint16_t index;
};

struct session {
    bool tells_position;
    int64_t interval_ms;
    uint32_t tag;
    char imei[EVIEW_IMEI_ROOM]; /* told once by some firmware, then left out */
    bool has_position;
    int32_t latitude_e7;
    int32_t longitude_e7;
    struct pending pending[PENDING_MAX];
};

static enum err minifinder_open(void *session, const struct adapter_options *o, bool is_dialling,
                                struct now now, struct outbox *out)
{
    struct session *s = session;
    (void)now;
    if (is_dialling) {
        out_note(out, "bad_option", "the alarms call us: this dialect only listens");
        return ERR_RANGE;
    }
    s->tells_position = option_bool(o, OPTION_POSITION);
    s->interval_ms = option_number(o, OPTION_INTERVAL_S) * 1000;
    return ERR_OK;
}

static void minifinder_stored(void *session, const struct adapter_receipt *receipt, struct now now,
                              struct outbox *out)
{
    struct session *s = session;
    (void)now;
    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct pending *p = &s->pending[i];
        if (p->tag == 0 || p->tag != receipt->tag) {
            continue;
        }
        p->is_refused = p->is_refused || receipt->result != ERR_OK;
        if (--p->left == 0) {
            uint8_t bytes[16];
            struct buf b = buf_of(bytes, sizeof bytes);
            eview_put_answer(&b, p->index);
            if (!p->is_refused && p->wants_answer) {
                out_send(out, buf_slice(&b));
            }
            p->tag = 0;
        }
        return;
    }
}

/* --- the alarm ------------------------------------------------------------------------------------ */

static void put_degrees(struct buf *b, int32_t e7)
{
    int64_t e5 = ((int64_t)e7 + (e7 < 0 ? -50 : 50)) / 100; /* a metre is enough */
    if (e5 < 0) {
        buf_put_u8(b, '-');
        e5 = -e5;
    }
    buf_put_i64(b, e5 / 100000);
    buf_put_u8(b, '.');
    buf_put_padded(b, (uint64_t)(e5 % 100000), 5);
}

static void put_position(const struct session *s, struct alarm *alarm)
{
    bool is_about_a_person =
        alarm->kind == KIND_HELP || alarm->kind == KIND_FALL || alarm->kind == KIND_DOOR;
    if (!s->tells_position || !s->has_position || !is_about_a_person) {
        return;
    }
    struct buf b = buf_of(alarm->text, sizeof alarm->text);
    put_degrees(&b, s->latitude_e7);
    buf_put_str(&b, ", ");
    put_degrees(&b, s->longitude_e7);
    (void)buf_cstr(&b);
}

static void fill(const struct session *s, const struct adapter_input *in,
                 const struct eview_packet *p, struct alarm *alarm)
{
    const char *imei = s->imei[0] == '\0' ? "unknown" : s->imei;
    (void)slice_text(slice_str(imei), alarm->device, sizeof alarm->device);
    (void)slice_text(slice_str("minifinder"), alarm->dialect, sizeof alarm->dialect);
    (void)slice_text(slice_str(in->port), alarm->port, sizeof alarm->port);
    alarm->interval_ms = s->interval_ms;
    alarm->device_ms = p->time_ms;
    int64_t off_ms = alarm->device_ms - alarm->gateway_ms;
    alarm->is_clock_suspect =
        alarm->device_ms != 0 && (off_ms > CLOCK_OFF_MS || off_ms < -CLOCK_OFF_MS);
}

/* KIND_UNKNOWN for a bit that calls for nobody. */
static enum kind kind_of(unsigned bit)
{
    if (bit == EVIEW_SOS || bit == EVIEW_SIDE_1 || bit == EVIEW_SIDE_2) {
        return KIND_HELP;
    }
    if (bit >= EVIEW_FENCE_1 && bit <= EVIEW_FENCE_4) {
        return KIND_DOOR;
    }
    return bit == EVIEW_FALL          ? KIND_FALL
           : bit == EVIEW_BATTERY_LOW ? KIND_BATTERY_LOW
           : bit == EVIEW_POWER_OFF   ? KIND_DEVICE_FAULT
                                      : KIND_UNKNOWN;
}

/* The gravest bit first: what does not fit into one outbox any more is the least grave. */
static const unsigned char bits_by_gravity[] = {12, 2, 13, 14, 4, 5, 6, 7, 8, 0};

static void raise_bit(const struct session *s, const struct adapter_input *in,
                      const struct eview_packet *p, unsigned bit, struct alarm *alarm)
{
    struct buf reference = buf_of(alarm->reference, sizeof alarm->reference);
    struct buf code = buf_of(alarm->code, sizeof alarm->code);
    alarm->kind = kind_of(bit);
    alarm->class_ = kind_class(alarm->kind);
    alarm->phase = PHASE_RAISED;
    fill(s, in, p, alarm);
    put_position(s, alarm);
    buf_put_u64(&reference, p->index);
    buf_put_u8(&reference, '/');
    buf_put_i64(&reference, p->time_ms / 1000);
    buf_put_u8(&reference, '/');
    buf_put_u64(&reference, bit);
    (void)buf_cstr(&reference);
    buf_put_str(&code, "bit ");
    buf_put_u64(&code, bit);
    (void)buf_cstr(&code);
}

static void take(struct session *s, const struct adapter_input *in, const struct eview_packet *p,
                 struct now now, struct outbox *out)
{
    struct pending *w = NULL;
    for (size_t i = 0; i < PENDING_MAX && w == NULL; i++) {
        w = s->pending[i].tag == 0 ? &s->pending[i] : NULL;
    }
    if (w == NULL) {
        out_note(out, "too_many", "8 packets wait for the journal; this one gets no answer");
        return;
    }
    s->tag = s->tag == UINT32_MAX ? 1 : s->tag + 1;
    *w = (struct pending){.wants_answer = p->wants_answer, .index = p->index};
    for (size_t i = 0; i < sizeof bits_by_gravity; i++) {
        unsigned bit = bits_by_gravity[i];
        struct alarm *alarm = (p->alarms >> bit & 1) != 0 ? out_raise(out, now, s->tag) : NULL;
        if (alarm != NULL) {
            raise_bit(s, in, p, bit, alarm);
            if (w->left++ == 0) {
                out_keep_raw(out, alarm, in->bytes, "eview");
            }
        }
    }
    if (w->left == 0) {
        struct alarm *alive = out_alive(out, now, s->tag);
        if (alive != NULL) {
            fill(s, in, p, alive);
            w->left = 1;
        }
    }
    w->tag = w->left > 0 ? s->tag : 0;
}

static struct verdict minifinder_input(void *session, const struct adapter_input *in,
                                       struct now now, struct outbox *out)
{
    struct session *s = session;
    struct eview_packet p;
    struct verdict v = eview_parse(in->bytes, &p);
    if (v.err == ERR_MORE) {
        return v;
    }
    out->consumed = v.at;
    if (v.err != ERR_OK) {
        return v; /* no answer: it sends again */
    }
    if (p.imei[0] != '\0') {
        memcpy(s->imei, p.imei, sizeof s->imei);
    }
    if (p.has_position) {
        s->has_position = true;
        s->latitude_e7 = p.latitude_e7;
        s->longitude_e7 = p.longitude_e7;
    }
    if (s->imei[0] == '\0' && p.alarms != 0) {
        out_note(out, "no_imei",
                 "an alarm of somebody who has not said who they are; shown as unknown");
    }
    struct adapter_input one = *in;
    one.bytes = slice_of(in->bytes.at, v.at);
    if (p.type == 0x01 || (p.is_text && (p.alarms != 0 || s->imei[0] != '\0'))) {
        take(s, &one, &p, now, out);
    }
    return v;
}

const struct adapter adapter_minifinder = {
    .name = "minifinder",
    .title = "GPS alarms of MiniFinder (Eview)",
    .transports = TRANSPORT_TCP,
    .session_size = sizeof(struct session),
    .input_max = EVIEW_HEADER_LEN + EVIEW_BODY_MAX,
    .options = options,
    .open = minifinder_open,
    .input = minifinder_input,
    .stored = minifinder_stored,
};
