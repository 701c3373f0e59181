/* adapter.c - the outbox and the options: what every adapter uses to say what it wants.
 *
 * Called by the adapters, emptied by the turn. Never looks at a dialect. All texts are copied into
 * the outbox's own memory, so that nothing an adapter was given must outlive the call.
 */
#include "adapters/adapter.h"

#include <string.h>

int64_t option_number(const struct adapter_options *options, size_t index)
{
    struct slice text = option_text(options, index);
    bool is_negative = slice_starts(text, "-");
    uint64_t value = 0;
    if (slice_u64(slice_from(text, is_negative ? 1 : 0), INT64_MAX, &value) != ERR_OK) {
        return 0; /* the configuration has checked it: only an adapter's own preset can be wrong */
    }
    return is_negative ? -(int64_t)value : (int64_t)value;
}

bool option_bool(const struct adapter_options *options, size_t index)
{
    struct slice text = option_text(options, index);
    return slice_eq_nocase(text, "true") || slice_eq_nocase(text, "yes") ||
           slice_eq_nocase(text, "on");
}

struct slice option_text(const struct adapter_options *options, size_t index)
{
    return slice_str(index < ADAPTER_OPTIONS_MAX ? options->values[index] : NULL);
}

bool input_device(const struct adapter_input *in, const char *dialect, const char *key,
                  struct adapter_device *ret_device)
{
    *ret_device = (struct adapter_device){.id = "", .model = ""};
    return in->devices != NULL && in->devices->find(in->devices->context, dialect, key, ret_device);
}

void outbox_clear(struct outbox *out)
{
    out->count = 0;
    out->alarm_count = 0;
    out->consumed = 0;
    out->is_full = false;
    out->bytes = buf_of(out->memory, sizeof out->memory);
}

/* A new item, or NULL when the list or the memory is full. */
static struct out *add(struct outbox *out, enum out_type type)
{
    if (out->count == OUTBOX_ITEMS_MAX) {
        out->is_full = true;
        return NULL;
    }
    struct out *item = &out->items[out->count];
    memset(item, 0, sizeof *item);
    item->type = type;
    return item;
}

static struct slice keep(struct outbox *out, struct slice text)
{
    size_t from = out->bytes.len;
    buf_put_slice(&out->bytes, text);
    return slice_of(out->memory + from, out->bytes.len - from);
}

/* Counts the item when all its texts found room. */
static void commit(struct outbox *out)
{
    if (out->bytes.is_full) {
        out->is_full = true;
        return;
    }
    out->count++;
}

static void add_bytes(struct outbox *out, enum out_type type, struct slice peer, struct slice bytes)
{
    struct out *item = add(out, type);
    if (item != NULL) {
        item->peer = keep(out, peer);
        item->bytes = keep(out, bytes);
        commit(out);
    }
}

void out_send(struct outbox *out, struct slice bytes)
{
    add_bytes(out, OUT_SEND, slice_of(NULL, 0), bytes);
}

void out_send_to(struct outbox *out, struct slice peer, struct slice bytes)
{
    add_bytes(out, OUT_SEND, peer, bytes);
}

void out_publish(struct outbox *out, struct slice topic, struct slice bytes)
{
    add_bytes(out, OUT_PUBLISH, topic, bytes);
}

void out_answer(struct outbox *out, uint64_t exchange, int status, const char *type,
                struct slice body)
{
    struct out *item = add(out, OUT_ANSWER);
    if (item != NULL) {
        item->exchange = exchange;
        item->status = status;
        item->body_type = type;
        item->bytes = keep(out, body);
        commit(out);
    }
}

void out_request(struct outbox *out, struct slice peer, struct slice to, struct slice from,
                 const char *type, struct slice body, uint32_t tag)
{
    struct out *item = add(out, OUT_REQUEST);
    if (item != NULL) {
        item->peer = keep(out, peer);
        item->to = keep(out, to);
        item->from = keep(out, from);
        item->body_type = type;
        item->bytes = keep(out, body);
        item->tag = tag;
        commit(out);
    }
}

static struct alarm *add_alarm(struct outbox *out, enum out_type type, struct now now, uint32_t tag)
{
    if (out->alarm_count == OUTBOX_ALARMS_MAX) {
        out->is_full = true;
        return NULL;
    }
    struct out *item = add(out, type);
    if (item == NULL) {
        return NULL;
    }
    struct alarm *alarm = &out->alarms[out->alarm_count];
    memset(alarm, 0, sizeof *alarm);
    alarm->gateway_ms = now.wall_ms;
    item->alarm = alarm;
    item->tag = tag;
    out->alarm_count++;
    commit(out);
    return alarm;
}

struct alarm *out_raise(struct outbox *out, struct now now, uint32_t tag)
{
    return add_alarm(out, OUT_RAISE, now, tag);
}

struct alarm *out_alive(struct outbox *out, struct now now, uint32_t tag)
{
    return add_alarm(out, OUT_ALIVE, now, tag);
}

void out_keep_raw(struct outbox *out, struct alarm *alarm, struct slice raw, const char *type)
{
    if (raw.len > RAW_MAX) {
        raw.len = RAW_MAX;
    }
    alarm->raw = keep(out, raw);
    out->is_full = out->is_full || out->bytes.is_full;
    (void)slice_text(slice_str(type), alarm->raw_type, sizeof alarm->raw_type);
}

void out_wake(struct outbox *out, int64_t wake_mono_ms)
{
    struct out *item = add(out, OUT_WAKE);
    if (item != NULL) {
        item->wake_mono_ms = wake_mono_ms;
        commit(out);
    }
}

void out_hang_up(struct outbox *out)
{
    if (add(out, OUT_HANG_UP) != NULL) {
        commit(out);
    }
}

void out_delivered(struct outbox *out, const uint8_t case_ref[CASE_REF_LEN])
{
    struct out *item = add(out, OUT_DELIVERED);
    if (item != NULL) {
        memcpy(item->case_ref, case_ref, CASE_REF_LEN);
        commit(out);
    }
}

void out_refused(struct outbox *out, const uint8_t case_ref[CASE_REF_LEN], const char *why)
{
    struct out *item = add(out, OUT_REFUSED);
    if (item != NULL) {
        memcpy(item->case_ref, case_ref, CASE_REF_LEN);
        item->bytes = keep(out, slice_str(why));
        commit(out);
    }
}

void out_note(struct outbox *out, const char *word, const char *text)
{
    struct out *item = add(out, OUT_NOTE);
    if (item == NULL) {
        return;
    }
    size_t from = out->bytes.len;
    buf_put_str(&out->bytes, word);
    buf_put_u8(&out->bytes, ' ');
    buf_put_str(&out->bytes, text);
    item->bytes = slice_of(out->memory + from, out->bytes.len - from);
    commit(out);
}
