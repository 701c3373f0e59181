/* lorawan.c - LoRaWAN devices behind ChirpStack v4 or The Things Stack v3, as their MQTT says it.
 *
 * The turn calls it through `adapter_lorawan` at the end. The envelope is wire/lora_uplink.c's, a
 * maker's bytes are wire/lora_MAKER.c's, what a reading means is lorawan_alarm.c's, which frame was here
 * before is lorawan_memory.c's. Never uses what the network server decoded, and never answers: the
 * network has acknowledged the frame long before we see it.
 *
 *   <- application/A/device/EUI/event/up      { "deviceInfo": ..., "fCnt": N, "data": "..." }
 *      OUT_RAISE for each thing that is new, reference = session address - frame counter - time
 *      OUT_ALIVE when there is none
 *
 *   device       the EUI in upper case; its model in devices.csv ("milesight-ws101", "elsys",
 *                "browan-tbpb100", "sensative-strips") chooses the codec
 *   one frame    may come twice: two gateways, a repeated confirmed uplink, the broker. The same
 *                counter, session and bytes at nearly the same time are told once; after a restart
 *                the same message has the same reference, and the journal knows it. A counter that begins again has
 *                another session address or another time, so that it never hides a new press.
 *   not stored   everything known of the device is forgotten, so that its next frame is told in full
 */
#include "adapters/adapter.h"
#include "adapters/lorawan_alarm.h"

#include <string.h>

enum { CLOCK_OFF_MS = 10 * 60 * 1000, MINUTE_MS = 60 * 1000, KEY_ROOM = LORA_NAME_ROOM };

enum option {
    OPTION_BATTERY_PERCENT,
    OPTION_BATTERY_MV,
    OPTION_AGAIN,
    OPTION_UNKNOWN,
    OPTION_ELSYS_INPUT,
    OPTION_ELSYS_OCCUPANCY,
    OPTION_ELSYS_LEAK,
    OPTION_SENSATIVE_DOOR,
    OPTION_VS373,
    OPTION_WS301
};

static const struct adapter_option options[] = {
    {"battery_low_percent", OPTION_NUMBER, 1, 94, NULL, "15",
     "A battery at or below this many percent is low; it is well again 5 above."},
    {"battery_low_mv", OPTION_NUMBER, 500, 12000, NULL, "3000",
     "The same for devices that tell millivolts (ELSYS, Browan); well again 100 above."},
    {"state_again_min", OPTION_NUMBER, 0, 1440, NULL, "60",
     "A door that stays open, a leak that stays wet is told again after so many minutes; 0: with "
     "every report."},
    {"unknown", OPTION_WORD, 0, 0, "alarm|note", "alarm",
     "A device without a known model, or bytes that nobody understands: an unknown alarm, or only "
     "a remark in the log."},
    {"elsys_input", OPTION_WORD, 0, 0, "alarm|alarm_on_zero|door|door_on_zero|ignore", "alarm",
     "What a digital input of an ELSYS device is: a button pressed when it is 1 (or 0), a door "
     "open "
     "when it is 1 (or 0), or nothing."},
    {"elsys_occupancy", OPTION_WORD, 0, 0, "bed|ignore", "bed",
     "bed: any occupancy but 2 is a bed left, since nobody says for sure what 1 is; ignore: a "
     "room's "
     "occupancy is no alarm."},
    {"elsys_leak_from", OPTION_NUMBER, 1, 255, NULL, "1",
     "From which value (1 to 255) on the water leak of an ELSYS device is one."},
    {"sensative_door", OPTION_WORD, 0, 0, "any|one_open|zero_open", "any",
     "Which value of a Sensative strip is an open door. The maker says both: any takes each report "
     "for an alarm until somebody has tried it."},
    {"vs373_numbering", OPTION_WORD, 0, 0, "either|decoder|readme", "either",
     "Milesight VS373: how alarms are numbered, as in the decoder, as in the older table, or an "
     "alarm wherever one of the two says so."},
    {"ws301_removed", OPTION_WORD, 0, 0, "one|zero|any", "one",
     "Milesight WS301: which value says that it was taken off its door; the maker's table says "
     "one, "
     "its example the opposite."},
    {NULL, OPTION_NUMBER, 0, 0, NULL, NULL, NULL},
};

struct session {
    struct lora_choices choices;
    struct lorawan_limits limits;
    bool is_unknown_silent;
    uint32_t tag;
    struct lorawan_memory memory;
};

/* The place of the chosen word in the option's list, which is the order of the enumeration. */
static unsigned chosen(const struct adapter_options *o, enum option option)
{
    struct slice words = slice_str(options[option].words);
    struct slice value = option_text(o, option);
    for (unsigned i = 0; words.len > 0; i++) {
        if (slice_eq(slice_cut(&words, '|'), value)) {
            return i;
        }
    }
    return 0;
}

static enum err lorawan_open(void *session, const struct adapter_options *o, bool is_dialling,
                             struct now now, struct outbox *out)
{
    static const enum lora_polarity removed[] = {LORA_ONE, LORA_ZERO, LORA_ANY};
    struct session *s = session;
    (void)is_dialling;
    (void)now;
    (void)out;
    s->limits = (struct lorawan_limits){
        .battery_low_percent = option_number(o, OPTION_BATTERY_PERCENT),
        .battery_low_mv = option_number(o, OPTION_BATTERY_MV),
        .again_ms = option_number(o, OPTION_AGAIN) * MINUTE_MS,
    };
    s->choices = (struct lora_choices){
        .vs373 = (enum lora_vs373)chosen(o, OPTION_VS373),
        .ws301_removed = removed[chosen(o, OPTION_WS301)],
        .sensative_door = (enum lora_polarity)chosen(o, OPTION_SENSATIVE_DOOR),
        .elsys_input = (enum lora_input)chosen(o, OPTION_ELSYS_INPUT),
        .elsys_occupancy = (enum lora_occupancy)chosen(o, OPTION_ELSYS_OCCUPANCY),
        .elsys_leak_from = (unsigned)option_number(o, OPTION_ELSYS_LEAK),
    };
    s->is_unknown_silent = slice_eq_str(option_text(o, OPTION_UNKNOWN), "note");
    return ERR_OK;
}

/* --- telling --- */

/* One message on its way: who, and what the network said of it. */
struct message {
    const struct adapter_input *in;
    const struct lora_uplink *up;
    const char *key;
    bool is_unverified;
};

/* Session address, counter and the network's time: the same for the same frame, however often it is
 * delivered, and another for every other. */
static void put_reference(const struct lora_uplink *up, struct now now,
                          char ret_reference[REFERENCE_ROOM])
{
    uint8_t bytes[REFERENCE_ROOM];
    struct buf b = buf_of(bytes, sizeof bytes);
    buf_put_str(&b, up->event == LORA_STATUS ? "status" : up->dev_addr);
    buf_put_str(&b, "-");
    buf_put_u64(&b, up->f_cnt);
    if (up->received_ms > 0) {
        buf_put_str(&b, "-");
        buf_put_i64(&b, up->received_ms);
    } else if (up->delivery != 0) {
        buf_put_str(&b, "-d");
        buf_put_u64(&b, up->delivery);
    } else {
        buf_put_str(&b, "-w");
        buf_put_i64(&b, now.wall_ms / LORAWAN_CLOSE_MS);
    }
    (void)slice_text(buf_slice(&b), ret_reference, REFERENCE_ROOM);
}

static void fill_common(const struct message *m, struct alarm *alarm)
{
    (void)slice_text(slice_str(m->key), alarm->device, sizeof alarm->device);
    (void)slice_text(slice_str("lorawan"), alarm->dialect, sizeof alarm->dialect);
    (void)slice_text(slice_str(m->in->port), alarm->port, sizeof alarm->port);
    int64_t off_ms = m->up->received_ms - alarm->gateway_ms;
    alarm->device_ms = m->up->received_ms;
    alarm->is_clock_suspect =
        m->up->received_ms != 0 && (off_ms > CLOCK_OFF_MS || off_ms < -CLOCK_OFF_MS);
    alarm->is_unverified = m->is_unverified;
}

static void raise_one(struct session *s, const struct message *m, const struct lorawan_news *news,
                      struct now now, struct outbox *out)
{
    s->tag = s->tag == UINT32_MAX ? 1 : s->tag + 1;
    struct alarm *alarm = out_raise(out, now, s->tag);
    if (alarm == NULL) {
        return;
    }
    fill_common(m, alarm);
    alarm->kind = news->kind;
    alarm->class_ = kind_class(news->kind);
    alarm->phase = news->phase;
    alarm->is_test = news->is_test;
    memcpy(alarm->code, news->code, sizeof alarm->code);
    memcpy(alarm->text, news->text, sizeof alarm->text);
    put_reference(m->up, now, alarm->reference);
    if (alarm->is_clock_suspect) {
        out_note(out, "late", "the network's time of this frame is more than ten minutes off ours");
    }
    /* The device's own bytes: the envelope may hold what people typed into the network server. */
    out_keep_raw(out, alarm, slice_of(m->up->payload, m->up->payload_len),
                 "application/octet-stream");
}

/* All that is new; nothing: a sign of life. */
static void tell(struct session *s, const struct message *m, const struct lorawan_telling *telling,
                 struct now now, struct outbox *out)
{
    for (size_t i = 0; i < telling->count; i++) {
        raise_one(s, m, &telling->news[i], now, out);
    }
    if (telling->count > 0) {
        return;
    }
    struct alarm *alarm = out_alive(out, now, 0);
    if (alarm != NULL) {
        fill_common(m, alarm);
    }
}

/* --- the events --- */

static void note_counter(enum lorawan_frame_is is, struct outbox *out)
{
    if (is == LORAWAN_REPEATED) {
        out_note(out, "repeated_fcnt", "another frame has the counter of the one before");
    } else if (is == LORAWAN_BACK) {
        out_note(out, "counter_reset", "the frame counter went back without a join");
    }
}

static void note_readings(const struct lora_readings *readings, struct outbox *out)
{
    if (readings->has_history) {
        out_note(out, "history", "old readings were sent again; they raise nothing");
    }
    if (readings->is_other_product) {
        out_note(out, "other_product", "the frame is not one of the product in devices.csv");
    }
    if (readings->is_damaged) {
        out_note(out, "bad_payload", "the device's bytes are cut, or their own check sum is wrong");
    }
    if (readings->has_more) {
        out_note(out, "many_readings", "a frame says the same more often than 32 times");
    }
}

/* The frame's bytes by the codec of the device's model. */
static void read_payload(struct session *s, struct message *m, struct lorawan_device *device,
                         struct now now, struct lorawan_telling *telling, struct outbox *out)
{
    struct adapter_device listed;
    struct lora_readings readings = {.count = 0};
    struct lora_frame frame = {.payload = slice_of(m->up->payload, m->up->payload_len),
                               .port = m->up->f_port};
    (void)input_device(m->in, "lorawan", m->key, &listed);
    const struct lora_maker *maker = lora_maker_of(listed.model, &frame.product);
    if (maker == NULL) {
        out_note(out, "unknown_model",
                 listed.model[0] == '\0' ? "devices.csv has no model for this device"
                                         : "no codec knows the model in devices.csv");
        if (!s->is_unknown_silent) {
            lorawan_tell_unknown(telling, "device without a known model", m->up);
        }
        return;
    }
    maker->parse(&frame, &s->choices, &readings);
    note_readings(&readings, out);
    m->is_unverified = m->is_unverified || readings.is_damaged;
    lorawan_judge(device, &readings, &s->limits, now, telling);
    if (readings.understood < frame.payload.len) {
        out_note(out, "not_understood", "the codec does not know all of the device's bytes");
        if (!s->is_unknown_silent) {
            lorawan_tell_unknown(telling, "not understood", m->up);
        }
    }
}

/* What the network server knows of the battery. */
static void read_network(const struct session *s, const struct message *m,
                         struct lorawan_device *device, struct now now,
                         struct lorawan_telling *telling)
{
    struct lora_readings readings = {.count = 0};
    if (m->up->battery_percent < 0) {
        return;
    }
    struct lora_reading *r =
        lora_add(&readings, LORA_NET_BATTERY, m->up->battery_percent, "battery");
    (void)slice_text(slice_str("network/battery"), r->code, sizeof r->code);
    lorawan_judge(device, &readings, &s->limits, now, telling);
}

static void take_uplink(struct session *s, struct message *m, struct lorawan_device *device,
                        struct now now, struct outbox *out)
{
    struct lorawan_telling telling = {.count = 0};
    enum lorawan_frame_is is = lorawan_follow(device, m->up, now);
    if (is == LORAWAN_SAME) {
        out_note(out, "duplicate", "this frame was here already; an echo is no sign of life");
        return;
    }
    note_counter(is, out);
    if (m->up->payload_len > 0) {
        read_payload(s, m, device, now, &telling, out);
    }
    read_network(s, m, device, now, &telling);
    tell(s, m, &telling, now, out);
}

static void take_event(struct session *s, const struct adapter_input *in,
                       const struct lora_uplink *up, struct now now, struct outbox *out)
{
    struct message m = {.in = in,
                        .up = up,
                        .key = up->dev_eui[0] != '\0' ? up->dev_eui : up->device_id,
                        .is_unverified = up->has_other_device};
    struct lorawan_device *device = lorawan_device(&s->memory, slice_str(m.key), now);
    struct lorawan_telling telling = {.count = 0};
    if (up->has_other_device) {
        out_note(out, "wrong_eui", "the topic names another device than the message");
    }
    if (up->has_bad_field) {
        out_note(out, "bad_field", "a field of the envelope has another type than documented");
    }
    switch (up->event) {
    case LORA_UP:
        take_uplink(s, &m, device, now, out);
        break;
    case LORA_STATUS:
        read_network(s, &m, device, now, &telling);
        tell(s, &m, &telling, now, out);
        break;
    case LORA_JOIN:
        lorawan_new_session(device);
        tell(s, &m, &telling, now, out);
        break;
    case LORA_OTHER:
        break;
    }
}

static struct verdict lorawan_input(void *session, const struct adapter_input *in, struct now now,
                                    struct outbox *out)
{
    struct lora_uplink up;
    const char *why = "";
    struct verdict v = lora_uplink_parse(in->topic, in->bytes, &up, &why);
    out->consumed = in->bytes.len;
    if (v.err != ERR_OK) {
        if (v.err != ERR_NOT_MINE) {
            out_note(out, "broken_message", why);
        }
        return v;
    }
    if (up.event == LORA_OTHER) {
        return v;
    }
    if (up.is_simulated) {
        out_note(out, "simulated", "somebody tried this in the network server's console");
        return v;
    }
    take_event(session, in, &up, now, out);
    return v;
}

static void lorawan_stored(void *session, const struct adapter_receipt *receipt, struct now now,
                           struct outbox *out)
{
    struct session *s = session;
    (void)now;
    if (receipt->result == ERR_OK || receipt->alarm == NULL) {
        return;
    }
    out_note(out, "not_stored", "an alarm is not in the journal; its next frame is told in full");
    lorawan_forget(&s->memory, slice_str(receipt->alarm->device));
}

extern const struct adapter adapter_lorawan;

const struct adapter adapter_lorawan = {
    .name = "lorawan",
    .title = "LoRaWAN through ChirpStack v4 or The Things Stack v3",
    .transports = TRANSPORT_MQTT,
    .session_size = sizeof(struct session),
    .input_max = LORA_BODY_MAX,
    .options = options,
    .topics = "application/+/device/+/event/up application/+/device/+/event/status "
              "application/+/device/+/event/join v3/+/devices/+/up v3/+/devices/+/join",
    .key_letters = KEY_UPPER,
    .open = lorawan_open,
    .input = lorawan_input,
    .stored = lorawan_stored,
};
