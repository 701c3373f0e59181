/* lorawan_alarm.c - what a reading means: a table, and the two limits of a battery.
 *
 * Called by adapters/lorawan.c. Never drops: what has no row here is not a reading.
 */
#include "adapters/lorawan_alarm.h"

#include <string.h>

enum { TECHNICAL_AGAIN_MS = 24 * 3600 * 1000, PERCENT_MAX = 100, SHOWN_BYTES = 24 };
/* A battery is well again so far above the limit, so that one at the limit does not ring twice a day. */
enum { ABOVE_PERCENT = 5, ABOVE_MV = 100 };

/* A button that is let go and a person who moves again are no end of a need: HELP has none. An end
 * is told without a known beginning where a thing says it, not of a person, nor of a battery, which says
 * it all the time. */
struct meaning {
    enum lora_what what;
    enum kind kind;
    bool has_end;
    bool tells_back;
};

static const struct meaning meanings[] = {
    {LORA_BATTERY, KIND_BATTERY_LOW, true, false},
    {LORA_BATTERY_MV, KIND_BATTERY_LOW, true, false},
    {LORA_NET_BATTERY, KIND_BATTERY_LOW, true, false},
    {LORA_BUTTON, KIND_HELP, false, false},
    {LORA_INPUT, KIND_HELP, false, false},
    {LORA_DOOR, KIND_DOOR, true, true},
    {LORA_LEAK, KIND_HAZARD, true, true},
    {LORA_SMOKE, KIND_FIRE, true, true},
    {LORA_TEMPERATURE, KIND_HAZARD, true, true},
    {LORA_FALL, KIND_FALL, true, false},
    {LORA_BED, KIND_BED_EXIT, true, false},
    {LORA_STILL, KIND_INACTIVITY, true, false},
    {LORA_UNWELL, KIND_HELP, false, false},
    {LORA_TAMPER, KIND_TAMPER, true, true},
    {LORA_FAULT, KIND_DEVICE_FAULT, true, true},
};

static const struct meaning *meaning_of(enum lora_what what)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].what == what) {
            return &meanings[i];
        }
    }
    return NULL;
}

/* Low, well, or in between, where nothing changes. */
enum level { LEVEL_WELL, LEVEL_BETWEEN, LEVEL_LOW };

static enum level level_of(const struct lora_reading *r, const struct lorawan_limits *limits)
{
    bool is_percent = r->what != LORA_BATTERY_MV;
    int64_t low = is_percent ? limits->battery_low_percent : limits->battery_low_mv;
    if (is_percent && r->value > PERCENT_MAX) {
        return LEVEL_BETWEEN; /* 255 and the like: mains, or not measured */
    }
    return r->value <= low                                             ? LEVEL_LOW
           : r->value >= low + (is_percent ? ABOVE_PERCENT : ABOVE_MV) ? LEVEL_WELL
                                                                       : LEVEL_BETWEEN;
}

static struct lorawan_news *news_of(struct lorawan_telling *telling, enum kind kind,
                                    enum phase phase, bool is_test)
{
    for (size_t i = 0; i < telling->count; i++) {
        struct lorawan_news *n = &telling->news[i];
        if (n->kind == kind && n->phase == phase && n->is_test == is_test) {
            return n;
        }
    }
    if (telling->count == LORAWAN_NEWS_MAX) {
        return NULL;
    }
    struct lorawan_news *n = &telling->news[telling->count++];
    *n = (struct lorawan_news){.kind = kind, .phase = phase, .is_test = is_test};
    return n;
}

static void put_text(struct lorawan_news *news, const char *text)
{
    uint8_t bytes[TEXT_ROOM * 2];
    struct buf b = buf_of(bytes, sizeof bytes);
    if (strstr(news->text, text) != NULL) {
        return;
    }
    buf_put_str(&b, news->text);
    buf_put_str(&b, news->text[0] == '\0' ? "" : ", ");
    buf_put_str(&b, text);
    (void)slice_text(buf_slice(&b), news->text, sizeof news->text);
}

static void tell(struct lorawan_telling *telling, const struct meaning *m, bool is_raised,
                 const struct lora_reading *r)
{
    struct lorawan_news *news =
        news_of(telling, m->kind, is_raised ? PHASE_RAISED : PHASE_RESTORED, r->is_test);
    if (news == NULL) {
        return;
    }
    if (news->code[0] == '\0') {
        (void)slice_text(slice_str(r->code), news->code, sizeof news->code);
    }
    bool is_battery = m->kind == KIND_BATTERY_LOW;
    uint8_t bytes[TEXT_ROOM];
    struct buf b = buf_of(bytes, sizeof bytes);
    buf_put_str(&b, r->text);
    if (is_battery && r->value > 0) {
        buf_put_str(&b, " ");
        buf_put_i64(&b, r->value);
        buf_put_str(&b, r->what == LORA_BATTERY_MV ? " mV" : " %");
    }
    put_text(news, buf_cstr(&b));
}

static void judge(struct lorawan_device *device, const struct lora_reading *r,
                  const struct lorawan_limits *limits, struct now now,
                  struct lorawan_telling *telling)
{
    const struct meaning *m = meaning_of(r->what);
    if (m == NULL) {
        return;
    }
    struct lora_reading state = *r; /* as it is remembered */
    bool is_raised = r->value != 0;
    int64_t again_ms = kind_is_technical(m->kind) ? TECHNICAL_AGAIN_MS : limits->again_ms;
    if (m->kind == KIND_BATTERY_LOW) {
        enum level level = level_of(r, limits);
        if (r->what == LORA_NET_BATTERY && device->tells_battery) {
            return;
        }
        device->tells_battery = device->tells_battery || r->what != LORA_NET_BATTERY;
        if (level == LEVEL_BETWEEN) {
            return;
        }
        is_raised = level == LEVEL_LOW;
        state.what = LORA_BATTERY; /* one battery, whoever speaks of it */
    }
    if (r->is_test) {
        tell(telling, m, is_raised, r); /* a test changes nothing that is known */
        return;
    }
    bool is_news = lorawan_is_news(device, &state, is_raised, m->tells_back, again_ms, now);
    if (is_news && (is_raised || m->has_end)) {
        tell(telling, m, is_raised, r);
    }
}

void lorawan_judge(struct lorawan_device *device, const struct lora_readings *readings,
                   const struct lorawan_limits *limits, struct now now,
                   struct lorawan_telling *telling)
{
    for (size_t i = 0; i < readings->count; i++) {
        judge(device, &readings->items[i], limits, now, telling);
    }
}

void lorawan_tell_unknown(struct lorawan_telling *telling, const char *why,
                          const struct lora_uplink *uplink)
{
    struct lorawan_news *news = news_of(telling, KIND_UNKNOWN, PHASE_RAISED, false);
    uint8_t bytes[TEXT_ROOM];
    struct buf b = buf_of(bytes, sizeof bytes);
    if (news == NULL) {
        return;
    }
    size_t len = uplink->payload_len < SHOWN_BYTES ? uplink->payload_len : SHOWN_BYTES;
    buf_put_str(&b, why);
    buf_put_str(&b, ": port ");
    buf_put_u64(&b, uplink->f_port);
    buf_put_str(&b, ", ");
    buf_put_hex(&b, slice_of(uplink->payload, len));
    buf_put_str(&b, len < uplink->payload_len ? "..." : "");
    (void)slice_text(buf_slice(&b), news->text, sizeof news->text);
}
