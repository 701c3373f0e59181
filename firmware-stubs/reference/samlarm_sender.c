/* samlarm_sender.c - see samlarm_sender.h. C99, no heap, no recursion, no floating point.
 *
 *   slot 0       version (1)  boot (8)  ceiling (8)
 *   slots 1-8    sequence (8)  boot (8)  wall_ms (8)  kind (1)  phase (1)  is_test (1)  code  text
 *
 * All numbers in the store are little-endian. A slot whose sequence is 0 is free.
 */
#include "samlarm_sender.h"

#include <string.h>

enum { STORE_VERSION = 1, COUNTER_BYTES = 17, DELAY_FIRST_MS = 1000, DELAY_MAX_MS = 60000 };
enum { RESULT_STORED = 1, RESULT_NOT_STORED = 2, RESULT_TOO_OLD = 3 };

/* A gateway that names a higher one is mistaken: it is not followed there. */
#define SEQUENCE_MAX ((uint64_t)1 << 62)

/* --- numbers -------------------------------------------------------------------------------------- */

static void put_le64(uint8_t *at, uint64_t value)
{
    unsigned i;
    for (i = 0; i < 8; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t le64(const uint8_t *at)
{
    uint64_t value = 0;
    unsigned i;
    for (i = 0; i < 8; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

/* --- protobuf, as much as is needed --------------------------------------------------------------- */

/* Room was counted beforehand: SAMLARM_MESSAGE_MAX holds the longest message. */
struct writer {
    uint8_t *at;
    size_t len;
};

static void put_varint(struct writer *w, uint64_t value)
{
    while (value > 127) {
        w->at[w->len++] = (uint8_t)(value | 128);
        value >>= 7;
    }
    w->at[w->len++] = (uint8_t)value;
}

/* Zero is left out, as proto3 does. */
static void put_number(struct writer *w, unsigned field, uint64_t value)
{
    if (value != 0) {
        put_varint(w, (uint64_t)field << 3);
        put_varint(w, value);
    }
}

static void put_bytes(struct writer *w, unsigned field, const void *bytes, size_t len)
{
    if (len > 0) {
        put_varint(w, (uint64_t)field << 3 | 2);
        put_varint(w, len);
        memcpy(w->at + w->len, bytes, len);
        w->len += len;
    }
}

static void put_text(struct writer *w, unsigned field, const char *text)
{
    put_bytes(w, field, text, strlen(text));
}

/* 1 and the value; 0 at the end of the bytes or when they are no number. */
static int take_varint(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    unsigned shift = 0;
    *value = 0;
    while (*at < end && shift < 64) {
        uint8_t byte = *(*at)++;
        *value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            return 1;
        }
        shift += 7;
    }
    return 0;
}

/* --- the store ------------------------------------------------------------------------------------ */

static int save_counters(struct samlarm_sender *s, uint64_t ceiling)
{
    uint8_t bytes[SAMLARM_SLOT_BYTES] = {STORE_VERSION};
    put_le64(bytes + 1, s->boot);
    put_le64(bytes + 9, ceiling);
    if (s->port.save(s->port.context, 0, bytes, sizeof bytes) != 0) {
        return -1;
    }
    s->ceiling = ceiling;
    return 0;
}

static int save_pending(struct samlarm_sender *s, unsigned index)
{
    const struct samlarm_pending *p = &s->pending[index];
    uint8_t bytes[SAMLARM_SLOT_BYTES] = {0};
    put_le64(bytes, p->sequence);
    put_le64(bytes + 8, p->boot);
    put_le64(bytes + 16, (uint64_t)p->wall_ms);
    bytes[24] = (uint8_t)p->alarm.kind;
    bytes[25] = (uint8_t)p->alarm.phase;
    bytes[26] = (uint8_t)p->alarm.is_test;
    memcpy(bytes + 27, p->alarm.code, SAMLARM_CODE_ROOM);
    memcpy(bytes + 27 + SAMLARM_CODE_ROOM, p->alarm.text, SAMLARM_TEXT_ROOM);
    return s->port.save(s->port.context, index + 1, bytes, sizeof bytes);
}

static void load_pending(struct samlarm_sender *s, unsigned index)
{
    struct samlarm_pending *p = &s->pending[index];
    uint8_t bytes[SAMLARM_SLOT_BYTES];
    if (s->port.load(s->port.context, index + 1, bytes, sizeof bytes) != 0 || le64(bytes) == 0) {
        return;
    }
    p->sequence = le64(bytes);
    p->boot = le64(bytes + 8);
    p->wall_ms = (int64_t)le64(bytes + 16);
    p->alarm.kind = bytes[24];
    p->alarm.phase = bytes[25];
    p->alarm.is_test = bytes[26];
    memcpy(p->alarm.code, bytes + 27, SAMLARM_CODE_ROOM);
    memcpy(p->alarm.text, bytes + 27 + SAMLARM_CODE_ROOM, SAMLARM_TEXT_ROOM);
    p->alarm.code[SAMLARM_CODE_ROOM - 1] = '\0';
    p->alarm.text[SAMLARM_TEXT_ROOM - 1] = '\0';
    p->delay_ms = DELAY_FIRST_MS;
    p->due_ms = s->port.now_ms(s->port.context);
}

/* The store is told before the first number of a block is used. */
static uint64_t next_sequence(struct samlarm_sender *s)
{
    if (s->sequence >= s->ceiling && save_counters(s, s->sequence + SAMLARM_BLOCK) != 0) {
        s->ceiling = s->sequence + 1; /* it goes on without; see samlarm_begin */
    }
    return ++s->sequence;
}

/* --- sending -------------------------------------------------------------------------------------- */

static int send_body(struct samlarm_sender *s, const uint8_t *body, size_t len)
{
    static const char domain[] = "samlarm.device.1";
    uint8_t text[sizeof domain + SAMLARM_MESSAGE_MAX];
    uint8_t signature[SAMLARM_SIGNATURE_BYTES];
    uint8_t bytes[SAMLARM_MESSAGE_MAX];
    struct writer w = {bytes, 0};
    memcpy(text, domain, sizeof domain - 1);
    memcpy(text + sizeof domain - 1, body, len);
    s->port.sign(s->port.context, text, sizeof domain - 1 + len, signature);
    put_bytes(&w, 1, body, len);
    put_bytes(&w, 2, signature, sizeof signature);
    return s->port.send(s->port.context, bytes, w.len);
}

static void put_head(struct writer *w, const struct samlarm_sender *s, uint64_t boot,
                     uint64_t sequence, int64_t wall_ms)
{
    put_text(w, 1, s->device);
    put_number(w, 2, boot);
    put_number(w, 3, sequence);
    put_number(w, 4, (uint64_t)(wall_ms > 0 ? wall_ms : 0));
}

static void send_heartbeat(struct samlarm_sender *s)
{
    uint8_t body[SAMLARM_MESSAGE_MAX];
    struct writer w = {body, 0};
    s->beat_sequence = next_sequence(s);
    put_head(&w, s, s->boot, s->beat_sequence, s->port.wall_ms(s->port.context));
    put_number(&w, 5, 1);
    put_number(&w, 12, s->interval_s);
    (void)send_body(s, body, w.len);
    s->beat_due_ms = s->port.now_ms(s->port.context) + (uint64_t)s->interval_s * 1000;
}

static void send_pending(struct samlarm_sender *s, struct samlarm_pending *p)
{
    uint8_t body[SAMLARM_MESSAGE_MAX];
    struct writer w = {body, 0};
    uint32_t quarter = p->delay_ms / 4;
    put_head(&w, s, p->boot, p->sequence, p->wall_ms);
    put_number(&w, 6, p->alarm.kind);
    put_number(&w, 8, p->alarm.phase);
    put_text(&w, 9, p->alarm.code);
    put_text(&w, 10, p->alarm.text);
    put_number(&w, 11, p->alarm.is_test != 0);
    put_number(&w, 12, s->interval_s);
    (void)send_body(s, body, w.len);
    /* Not all devices of a house at the same moment after a power cut. */
    p->due_ms = s->port.now_ms(s->port.context) + p->delay_ms - quarter +
                s->port.random(s->port.context) % (2 * quarter + 1);
    p->delay_ms = p->delay_ms * 2 > DELAY_MAX_MS ? DELAY_MAX_MS : p->delay_ms * 2;
}

/* --- what others call ----------------------------------------------------------------------------- */

int samlarm_begin(struct samlarm_sender *s, const struct samlarm_port *port, const char *device,
                  uint32_t interval_s)
{
    uint8_t bytes[SAMLARM_SLOT_BYTES];
    unsigned i;
    int status;
    memset(s, 0, sizeof *s);
    s->port = *port;
    s->interval_s = interval_s;
    strncpy(s->device, device, sizeof s->device - 1);
    if (port->load(port->context, 0, bytes, sizeof bytes) == 0 && bytes[0] == STORE_VERSION) {
        s->boot = le64(bytes + 1);
        s->sequence = le64(bytes + 9);
    }
    s->boot++;
    status = save_counters(s, s->sequence + SAMLARM_BLOCK);
    if (status != 0) {
        /* Numbers that nobody has used: from the clock, or from chance when it is not set. */
        uint64_t wall_ms = (uint64_t)port->wall_ms(port->context);
        s->boot = wall_ms != 0 ? wall_ms : (uint64_t)port->random(port->context) << 20 | 1;
        s->sequence = s->boot;
        s->ceiling = UINT64_MAX;
    }
    for (i = 0; i < SAMLARM_PENDING_MAX; i++) {
        load_pending(s, i);
    }
    s->beat_due_ms = port->now_ms(port->context);
    return status;
}

static int is_fault(const struct samlarm_pending *p)
{
    return p->alarm.kind >= 32;
}

/* A free place; else that of the oldest fault; else that of the oldest alarm. */
static unsigned place_for_one(const struct samlarm_sender *s)
{
    unsigned chosen = 0;
    unsigned i;
    for (i = 0; i < SAMLARM_PENDING_MAX; i++) {
        const struct samlarm_pending *p = &s->pending[i];
        const struct samlarm_pending *best = &s->pending[chosen];
        if (p->sequence == 0) {
            return i;
        }
        if (is_fault(p) != is_fault(best) ? is_fault(p) : p->sequence < best->sequence) {
            chosen = i;
        }
    }
    return chosen;
}

uint64_t samlarm_raise(struct samlarm_sender *s, const struct samlarm_alarm *alarm)
{
    unsigned index = place_for_one(s);
    struct samlarm_pending *p = &s->pending[index];
    memset(p, 0, sizeof *p);
    p->sequence = next_sequence(s);
    p->boot = s->boot;
    p->wall_ms = s->port.wall_ms(s->port.context);
    p->alarm = *alarm;
    p->alarm.code[SAMLARM_CODE_ROOM - 1] = '\0';
    p->alarm.text[SAMLARM_TEXT_ROOM - 1] = '\0';
    p->delay_ms = DELAY_FIRST_MS;
    (void)save_pending(s, index); /* what cannot be stored is sent all the same */
    send_pending(s, p);
    return p->sequence;
}

/* The gateway knows a higher number than we do: the store was lost. The next ones lie above it. */
static void go_on_above(struct samlarm_sender *s, uint64_t known)
{
    if (known > s->sequence && known < SEQUENCE_MAX) {
        s->sequence = known;
    }
}

static void take_receipt(struct samlarm_sender *s, unsigned index, uint64_t result, uint64_t known)
{
    struct samlarm_pending *p = &s->pending[index];
    if (result == RESULT_STORED) {
        memset(p, 0, sizeof *p);
        (void)save_pending(s, index);
    } else if (result == RESULT_TOO_OLD) {
        if (known >= p->sequence) { /* else it does not say why: again in its time */
            p->due_ms = s->port.now_ms(s->port.context);
        }
        go_on_above(s, known);
        p->sequence = next_sequence(s);
        p->boot = s->boot;
        (void)save_pending(s, index);
    }
    /* RESULT_NOT_STORED, and what a later gateway may say: it is sent again in its time */
}

/* Field 1 is the device, 2 the boot, 3 the sequence, 4 the result, 6 the highest sequence known. */
int samlarm_heard(struct samlarm_sender *s, const uint8_t *bytes, size_t len)
{
    const uint8_t *at = bytes;
    const uint8_t *end = bytes + len;
    uint64_t fields[8] = {0};
    unsigned i;
    int is_ours = 0;
    while (at < end) {
        uint64_t tag;
        uint64_t value;
        if (!take_varint(&at, end, &tag) || !take_varint(&at, end, &value)) {
            return 0;
        }
        if ((tag & 7) == 2) {
            if (value > (uint64_t)(end - at)) {
                return 0;
            }
            is_ours = is_ours || (tag >> 3 == 1 && value == strlen(s->device) &&
                                  memcmp(at, s->device, (size_t)value) == 0);
            at += value;
        } else if ((tag & 7) != 0) {
            return 0;
        } else if (tag >> 3 < 8) {
            fields[tag >> 3] = value;
        }
    }
    for (i = 0; is_ours && i < SAMLARM_PENDING_MAX; i++) {
        if (s->pending[i].sequence != 0 && s->pending[i].sequence == fields[3] &&
            s->pending[i].boot == fields[2]) {
            take_receipt(s, i, fields[4], fields[6]);
        }
    }
    if (is_ours && fields[4] == RESULT_TOO_OLD && fields[2] == s->boot &&
        fields[3] == s->beat_sequence) {
        go_on_above(s, fields[6]);
    }
    return is_ours;
}

uint32_t samlarm_tick(struct samlarm_sender *s)
{
    uint64_t now_ms = s->port.now_ms(s->port.context);
    uint64_t next_ms;
    unsigned i;
    if (s->interval_s > 0 && now_ms >= s->beat_due_ms) {
        send_heartbeat(s);
    }
    next_ms = s->interval_s > 0 ? s->beat_due_ms : now_ms + DELAY_MAX_MS;
    for (i = 0; i < SAMLARM_PENDING_MAX; i++) {
        struct samlarm_pending *p = &s->pending[i];
        if (p->sequence != 0 && now_ms >= p->due_ms) {
            send_pending(s, p);
        }
        if (p->sequence != 0 && p->due_ms < next_ms) {
            next_ms = p->due_ms;
        }
    }
    now_ms = s->port.now_ms(s->port.context);
    return next_ms > now_ms ? (uint32_t)(next_ms - now_ms) : 0;
}

unsigned samlarm_waiting(const struct samlarm_sender *s)
{
    unsigned count = 0;
    unsigned i;
    for (i = 0; i < SAMLARM_PENDING_MAX; i++) {
        count += s->pending[i].sequence != 0;
    }
    return count;
}
