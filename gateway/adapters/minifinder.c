/* minifinder.c - GPS alarms of MiniFinder (Eview) spoken: a person on the move presses, or falls.
 *
 * The turn calls it through `adapter_minifinder` at the end. The packet is in wire/eview.h.
 *
 *     alarm                                     gateway
 *     -> AB 10 ... data, alarm bit 12           OUT_RAISE help; stored <- AB 00 ... 7F, the same index
 *     -> AB 10 ... data, no alarm               OUT_ALIVE;      stored <- the same
 *     -> AB 10 ... configuration, firmware      OUT_ALIVE;      stored <- the same: it may wait for it
 *     -> AB 10 ... services: the time?          OUT_ALIVE;      stored <- AB 00 ... 03, the time
 *     not stored, or the sum is wrong           silence: it sends again
 *
 *   bit 12 SOS, 13 and 14 side buttons   help            4 to 7 fences   door: out of the area
 *   2 fall                               fall            0 battery       battery_low
 *   8 power off                          device_fault: unreachable from now on; 9 power on ends it
 *   1 speed, 10 motion                   a sign of life
 *   any other                            unknown, with a note; codes.csv may say what "bit N" is
 *
 * Where a person is, is sensitive. It stands in the text of alarms about a person, because who is sent must
 * find them, and nowhere else; `position: no` keeps it out there too. One that is not of now says its age.
 */
#include "adapters/adapter.h"
#include "wire/eview.h"

#include <string.h>

enum {
    PENDING_MAX = 8,
    CLOCK_OFF_MS = 10 * 60 * 1000,
    POSITION_NOW_MS = 2 * 60 * 1000,
    POSITION_MAX_MS = 24 * 60 * 60 * 1000,
    UNKNOWN_MAX = 4 /* bits of one packet that are raised as unknown */
};

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
    bool wants_time;
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
    int64_t position_ms; /* mono: when it came */
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
    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct pending *p = &s->pending[i];
        if (p->tag == 0 || p->tag != receipt->tag) {
            continue;
        }
        p->is_refused = p->is_refused || receipt->result != ERR_OK;
        if (--p->left == 0) {
            uint8_t bytes[24];
            struct buf b = buf_of(bytes, sizeof bytes);
            if (p->wants_time) {
                eview_put_time(&b, p->index, now.wall_ms);
            } else {
                eview_put_answer(&b, p->index);
            }
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

static void put_position(const struct session *s, struct alarm *alarm, struct now now)
{
    bool is_about_a_person = !kind_is_technical(alarm->kind);
    int64_t age_ms = now.mono_ms - s->position_ms;
    if (!s->tells_position || !s->has_position || !is_about_a_person || age_ms > POSITION_MAX_MS) {
        return;
    }
    struct buf b = buf_of(alarm->text, sizeof alarm->text);
    put_degrees(&b, s->latitude_e7);
    buf_put_str(&b, ", ");
    put_degrees(&b, s->longitude_e7);
    if (age_ms > POSITION_NOW_MS) {
        buf_put_str(&b, " (-");
        buf_put_i64(&b, age_ms / 60000);
        buf_put_str(&b, " min)");
    }
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

/* The gravest first. */
static const struct meaning {
    unsigned char bit;
    enum kind kind;
    enum phase phase;
} meanings[] = {
    {EVIEW_SOS, KIND_HELP, PHASE_RAISED},
    {EVIEW_FALL, KIND_FALL, PHASE_RAISED},
    {EVIEW_SIDE_1, KIND_HELP, PHASE_RAISED},
    {EVIEW_SIDE_2, KIND_HELP, PHASE_RAISED},
    {EVIEW_FENCE_1, KIND_DOOR, PHASE_RAISED},
    {EVIEW_FENCE_1 + 1, KIND_DOOR, PHASE_RAISED},
    {EVIEW_FENCE_1 + 2, KIND_DOOR, PHASE_RAISED},
    {EVIEW_FENCE_4, KIND_DOOR, PHASE_RAISED},
    {EVIEW_POWER_OFF, KIND_DEVICE_FAULT, PHASE_RAISED},
    {EVIEW_POWER_ON, KIND_DEVICE_FAULT, PHASE_RESTORED},
    {EVIEW_BATTERY_LOW, KIND_BATTERY_LOW, PHASE_RAISED},
};

enum { MEANINGS = sizeof meanings / sizeof meanings[0] };

static const uint32_t signs_of_life = 1u << EVIEW_SPEED | 1u << EVIEW_MOTION;

static void fill_bit(const struct session *s, const struct adapter_input *in,
                     const struct eview_packet *p, const struct meaning *meaning,
                     struct alarm *alarm, struct now now)
{
    struct buf reference = buf_of(alarm->reference, sizeof alarm->reference);
    struct buf code = buf_of(alarm->code, sizeof alarm->code);
    alarm->kind = meaning->kind;
    alarm->class_ = kind_class(alarm->kind);
    alarm->phase = meaning->phase;
    fill(s, in, p, alarm);
    put_position(s, alarm, now);
    buf_put_u64(&reference, p->index);
    buf_put_u8(&reference, '/');
    buf_put_i64(&reference, p->time_ms / 1000);
    buf_put_u8(&reference, '/');
    buf_put_u64(&reference, meaning->bit);
    (void)buf_cstr(&reference);
    buf_put_str(&code, "bit ");
    buf_put_u64(&code, meaning->bit);
    (void)buf_cstr(&code);
}

static void raise_bit(struct session *s, const struct adapter_input *in,
                      const struct eview_packet *p, const struct meaning *meaning,
                      struct pending *w, struct now now, struct outbox *out)
{
    struct alarm *alarm = out_raise(out, now, s->tag);
    if (alarm == NULL) {
        return;
    }
    fill_bit(s, in, p, meaning, alarm, now);
    if (w->left++ == 0) {
        out_keep_raw(out, alarm, in->bytes, "eview");
    }
}

static void raise_all(struct session *s, const struct adapter_input *in,
                      const struct eview_packet *p, struct pending *w, struct now now,
                      struct outbox *out)
{
    uint32_t left = p->alarms & ~signs_of_life;
    for (size_t i = 0; i < MEANINGS; i++) {
        if ((left >> meanings[i].bit & 1) != 0) {
            raise_bit(s, in, p, &meanings[i], w, now, out);
            left &= ~(1u << meanings[i].bit);
        }
    }
    if (left != 0) {
        out_note(out, "unknown_bit",
                 "an alarm bit that we do not know; shown as unknown, codes.csv may name it");
    }
    size_t unknown = 0;
    for (unsigned char bit = 0; bit < 32 && unknown < UNKNOWN_MAX; bit++) {
        struct meaning meaning = {bit, KIND_UNKNOWN, PHASE_RAISED};
        if ((left >> bit & 1) != 0) {
            raise_bit(s, in, p, &meaning, w, now, out);
            unknown++;
        }
    }
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
    *w = (struct pending){
        .wants_answer = p->wants_answer, .wants_time = p->wants_time, .index = p->index};
    raise_all(s, in, p, w, now, out);
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
        s->position_ms = now.mono_ms;
    }
    if (s->imei[0] == '\0' && p.alarms != 0) {
        out_note(out, "no_imei",
                 "an alarm of somebody who has not said who they are; shown as unknown");
    }
    struct adapter_input one = *in;
    one.bytes = slice_of(in->bytes.at, v.at);
    bool is_binary_word = !p.is_text && p.type != EVIEW_ANSWER;
    if (is_binary_word || (p.is_text && (p.alarms != 0 || s->imei[0] != '\0'))) {
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
