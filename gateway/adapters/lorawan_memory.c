/* lorawan_memory.c - the last frames of each device, and the states that were told.
 *
 * Called by adapters/lorawan*.c. Never says what a frame means.
 */
#include "adapters/lorawan_memory.h"

#include <string.h>

/* What a lost frame cannot make unknown: a battery does not become better in between. */
static const uint32_t lasting = 1u << LORA_BATTERY | 1u << LORA_BATTERY_MV |
                                1u << LORA_NET_BATTERY | 1u << LORA_TAMPER | 1u << LORA_FAULT;

/* FNV-1a, going on from `hash`. */
static uint64_t number_of(uint64_t hash, const void *at, size_t len)
{
    const uint8_t *bytes = at;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ bytes[i]) * 1099511628211u;
    }
    return hash;
}

static const uint64_t begin = 14695981039346656037u;

static uint64_t key_of(struct slice key)
{
    uint64_t number = number_of(begin, key.at, key.len);
    return number == 0 ? 1 : number;
}

static struct lorawan_device *row_of(struct lorawan_memory *memory, uint64_t number)
{
    return memory->rows[(number ^ number >> 32) % LORAWAN_ROWS];
}

struct lorawan_device *lorawan_device(struct lorawan_memory *memory, struct slice key,
                                      struct now now)
{
    uint64_t number = key_of(key);
    struct lorawan_device *row = row_of(memory, number);
    struct lorawan_device *oldest = &row[0];
    for (size_t i = 0; i < LORAWAN_PLACES; i++) {
        struct lorawan_device *d = &row[i];
        if (d->key == number) {
            d->heard_ms = now.mono_ms;
            return d;
        }
        bool is_better = d->key == 0 ? oldest->key != 0 : d->heard_ms < oldest->heard_ms;
        if (oldest->key != 0 && is_better) {
            oldest = d;
        }
    }
    *oldest = (struct lorawan_device){.key = number, .heard_ms = now.mono_ms};
    return oldest;
}

void lorawan_forget(struct lorawan_memory *memory, struct slice key)
{
    uint64_t number = key_of(key);
    struct lorawan_device *row = row_of(memory, number);
    for (size_t i = 0; i < LORAWAN_PLACES; i++) {
        if (row[i].key == number) {
            row[i] = (struct lorawan_device){.key = number};
        }
    }
}

void lorawan_new_session(struct lorawan_device *device)
{
    device->has_f_cnt = false;
    device->is_known &= lasting;
    memset(device->frames, 0, sizeof device->frames);
}

static bool is_close(const struct lorawan_frame *a, const struct lorawan_frame *b)
{
    if (a->received_ms == 0 || b->received_ms == 0) {
        return b->mono_ms - a->mono_ms <= LORAWAN_CLOSE_MS;
    }
    int64_t apart_ms = b->received_ms - a->received_ms;
    return apart_ms <= LORAWAN_CLOSE_MS && apart_ms >= -LORAWAN_CLOSE_MS;
}

static bool was_here(const struct lorawan_device *device, const struct lorawan_frame *frame)
{
    for (size_t i = 0; i < LORAWAN_FRAMES_MAX; i++) {
        const struct lorawan_frame *f = &device->frames[i];
        if (!f->is_used || f->f_cnt != frame->f_cnt || f->content != frame->content) {
            continue;
        }
        bool is_newest = device->has_f_cnt && device->f_cnt == frame->f_cnt;
        if (is_close(f, frame) || (is_newest && frame->mono_ms - f->mono_ms <= LORAWAN_SAME_MS)) {
            return true;
        }
    }
    return false;
}

enum lorawan_frame_is lorawan_follow(struct lorawan_device *device,
                                     const struct lora_uplink *uplink, struct now now)
{
    uint64_t session = number_of(begin, uplink->dev_addr, strlen(uplink->dev_addr));
    uint8_t port = (uint8_t)uplink->f_port;
    struct lorawan_frame frame = {.is_used = true,
                                  .f_cnt = uplink->f_cnt,
                                  .received_ms = uplink->received_ms,
                                  .mono_ms = now.mono_ms};
    frame.content = number_of(number_of(session, &port, 1), uplink->payload, uplink->payload_len);
    if (was_here(device, &frame)) {
        return LORAWAN_SAME;
    }
    bool is_new = !device->has_f_cnt || device->session != session;
    enum lorawan_frame_is is = is_new                             ? LORAWAN_GAP
                               : frame.f_cnt == device->f_cnt + 1 ? LORAWAN_NEXT
                               : frame.f_cnt == device->f_cnt     ? LORAWAN_REPEATED
                               : frame.f_cnt < device->f_cnt      ? LORAWAN_BACK
                                                                  : LORAWAN_GAP;
    if (is != LORAWAN_NEXT) {
        device->is_known &= lasting;
    }
    device->session = session;
    device->has_f_cnt = true;
    device->f_cnt = frame.f_cnt;
    device->frames[device->next_frame] = frame;
    device->next_frame = (device->next_frame + 1) % LORAWAN_FRAMES_MAX;
    return is;
}

static void set(uint32_t *bits, uint32_t bit, bool is_set)
{
    *bits = is_set ? *bits | bit : *bits & ~bit;
}

bool lorawan_is_news(struct lorawan_device *device, const struct lora_reading *reading,
                     bool is_raised, bool tells_back, int64_t again_ms, struct now now)
{
    uint32_t bit = 1u << reading->what;
    bool was_known = (device->is_known & bit) != 0;
    bool was_raised = (device->is_raised & bit) != 0;
    bool is_news = false;
    if (reading->is_event) {
        is_news = true;
    } else if (is_raised) {
        is_news =
            !was_known || !was_raised || now.mono_ms - device->raised_ms[reading->what] >= again_ms;
    } else if (was_known) {
        if (was_raised && !tells_back && (device->is_by_event & bit) != 0) {
            return false; /* with persons a state does not end what an event began */
        }
        is_news = was_raised;
    } else {
        is_news = tells_back;
    }
    if (is_raised && is_news) {
        device->raised_ms[reading->what] = now.mono_ms;
        set(&device->is_by_event, bit, reading->is_event);
    }
    set(&device->is_known, bit, true);
    set(&device->is_raised, bit, is_raised);
    return is_news;
}
