/* device.c - see device.h: protobuf-c with the caller's memory, the signature from base/crypt. */
#include "wire/device.h"

#include "base/crypt.h"
#include "samlarm/v1/device.pb-c.h"

#include <string.h>

static void *arena_get(void *arena, size_t size)
{
    return arena_alloc(arena, 1, size);
}

/* Dropped with the arena. */
static void arena_forget(void *arena, void *at)
{
    (void)arena;
    (void)at;
}

static struct slice bytes_of(ProtobufCBinaryData data)
{
    return slice_of(data.data, data.len);
}

enum err device_envelope_parse(struct slice bytes, struct arena *arena,
                               struct device_envelope *ret_envelope)
{
    ProtobufCAllocator allocator = {arena_get, arena_forget, arena};
    if (bytes.len > DEVICE_MESSAGE_MAX) {
        return ERR_FULL;
    }
    Samlarm__V1__Envelope *m = samlarm__v1__envelope__unpack(&allocator, bytes.len, bytes.at);
    if (m == NULL || m->body.len == 0) {
        return ERR_NOT_MINE;
    }
    *ret_envelope = (struct device_envelope){bytes_of(m->body), bytes_of(m->signature)};
    return ERR_OK;
}

enum err device_message_parse(struct slice body, struct arena *arena,
                              struct device_message *ret_message)
{
    ProtobufCAllocator allocator = {arena_get, arena_forget, arena};
    Samlarm__V1__DeviceMessage *m =
        samlarm__v1__device_message__unpack(&allocator, body.len, body.at);
    if (m == NULL || m->device[0] == '\0' || m->sequence == 0 || m->boot == 0) {
        return ERR_SYNTAX;
    }
    *ret_message = (struct device_message){.device = slice_str(m->device),
                                           .boot = m->boot,
                                           .sequence = m->sequence,
                                           .time_ms = m->time_ms,
                                           .is_heartbeat = m->heartbeat,
                                           .kind = (int)m->kind,
                                           .class_ = (int)m->class_,
                                           .phase = (int)m->phase,
                                           .code = slice_str(m->code),
                                           .text = slice_str(m->text),
                                           .is_test = m->test,
                                           .interval_s = m->interval_s};
    return ERR_OK;
}

bool device_is_signed(const struct device_envelope *envelope, struct slice key)
{
    uint8_t memory[sizeof DEVICE_SIGNED + DEVICE_MESSAGE_MAX];
    struct buf text = buf_of(memory, sizeof memory);
    buf_put_str(&text, DEVICE_SIGNED);
    buf_put_slice(&text, envelope->body);
    return !text.is_full && ed25519_verify(key, buf_slice(&text), envelope->signature);
}

void device_receipt_encode(const struct device_receipt *receipt, struct buf *out)
{
    char device[64];
    Samlarm__V1__DeviceReceipt m = SAMLARM__V1__DEVICE_RECEIPT__INIT;
    (void)slice_text(receipt->device, device, sizeof device);
    m.device = device;
    m.boot = receipt->boot;
    m.sequence = receipt->sequence;
    m.result = (Samlarm__V1__DeviceResult)receipt->result;
    m.time_ms = receipt->time_ms;
    m.known = receipt->known;
    uint8_t memory[128];
    size_t len = samlarm__v1__device_receipt__get_packed_size(&m);
    if (len <= sizeof memory) {
        buf_put(out, memory, samlarm__v1__device_receipt__pack(&m, memory));
    } else {
        out->is_full = true;
    }
}
