/* test_device.c - envelopes of native devices: cut off anywhere, changed anywhere, too long, and receipts. */
#include "unit/sentences.h"

#include <stdlib.h>

#include "base/crypt.h"
#include "wire/device.h"

static const uint8_t seed[ED25519_SEED_LEN] = {1, 2, 3};

struct world {
    uint8_t memory[DEVICE_ARENA];
    struct arena arena;
    uint8_t key[ED25519_KEY_LEN];
    uint8_t bytes[2048];
    struct slice envelope;
    struct device_envelope parsed;
    struct device_message message;
};

/* Written by hand, so that a mistake of the generated code shows. */
static void put_varint(struct buf *b, uint64_t value)
{
    for (; value > 127; value >>= 7) {
        buf_put_u8(b, (uint8_t)(value | 128));
    }
    buf_put_u8(b, (uint8_t)value);
}

static void put_number(struct buf *b, unsigned field, uint64_t value)
{
    if (value != 0) {
        put_varint(b, field << 3);
        put_varint(b, value);
    }
}

static void put_bytes(struct buf *b, unsigned field, struct slice bytes)
{
    put_varint(b, field << 3 | 2);
    put_varint(b, bytes.len);
    buf_put_slice(b, bytes);
}

/* The envelope of a fall, signed over `prefix` and the body. */
static void seal(struct world *w, const char *device, uint64_t boot, uint64_t sequence,
                 const char *prefix)
{
    uint8_t memory[512];
    uint8_t text[600];
    uint8_t signature[ED25519_SIGNATURE_LEN];
    struct buf body = buf_of(memory, sizeof memory);
    struct buf said = buf_of(text, sizeof text);
    struct buf envelope = buf_of(w->bytes, sizeof w->bytes);
    put_bytes(&body, 1, slice_str(device));
    put_number(&body, 2, boot);
    put_number(&body, 3, sequence);
    put_number(&body, 4, 1795600800000);
    put_number(&body, 6, 2);
    put_bytes(&body, 9, slice_str("F1"));
    put_bytes(&body, 10, slice_str("Fall i köket"));
    put_number(&body, 12, 60);
    buf_put_str(&said, prefix);
    buf_put_slice(&said, buf_slice(&body));
    ed25519_sign(seed, buf_slice(&said), w->key, signature);
    put_bytes(&envelope, 1, buf_slice(&body));
    put_bytes(&envelope, 2, slice_of(signature, sizeof signature));
    w->envelope = buf_slice(&envelope);
}

static enum err parse(struct world *w, struct slice bytes)
{
    w->arena = arena_of(w->memory, sizeof w->memory);
    enum err err = device_envelope_parse(bytes, &w->arena, &w->parsed);
    return err == ERR_OK ? device_message_parse(w->parsed.body, &w->arena, &w->message) : err;
}

static void every_field_is_found_and_the_signature_holds(void **state)
{
    static struct world w;
    (void)state;
    seal(&w, "knapp-1", 7, 41, DEVICE_SIGNED);
    assert_int_equal(parse(&w, w.envelope), ERR_OK);
    assert_slice(w.message.device, "knapp-1");
    assert_slice(w.message.code, "F1");
    assert_slice(w.message.text, "Fall i köket");
    assert_true(w.message.boot == 7 && w.message.sequence == 41);
    assert_true(w.message.time_ms == 1795600800000 && w.message.interval_s == 60);
    assert_int_equal(w.message.kind, 2);
    assert_false(w.message.is_heartbeat || w.message.is_test);
    assert_true(device_is_signed(&w.parsed, slice_of(w.key, sizeof w.key)));
}

static void another_key_or_prefix_is_no_signature(void **state)
{
    static struct world w;
    (void)state;
    uint8_t other[ED25519_KEY_LEN];
    seal(&w, "knapp-1", 7, 41, DEVICE_SIGNED);
    assert_int_equal(parse(&w, w.envelope), ERR_OK);
    memcpy(other, w.key, sizeof other);
    other[5] ^= 1;
    assert_false(device_is_signed(&w.parsed, slice_of(other, sizeof other)));
    assert_false(device_is_signed(&w.parsed, slice_of(w.key, 31)));
    assert_false(device_is_signed(&w.parsed, slice_of(NULL, 0)));
    seal(&w, "knapp-1", 7, 41, "");
    assert_int_equal(parse(&w, w.envelope), ERR_OK);
    assert_false(device_is_signed(&w.parsed, slice_of(w.key, sizeof w.key)));
    seal(&w, "knapp-1", 7, 41, "samlarm.device.2");
    assert_int_equal(parse(&w, w.envelope), ERR_OK);
    assert_false(device_is_signed(&w.parsed, slice_of(w.key, sizeof w.key)));
}

/* In a copy that ends where it says, so that the address sanitizer sees one byte too far. */
static void every_cut_is_refused_or_unsigned(void **state)
{
    static struct world w;
    (void)state;
    seal(&w, "knapp-1", 7, 41, DEVICE_SIGNED);
    for (size_t len = 0; len < w.envelope.len; len++) {
        uint8_t *copy = malloc(len == 0 ? 1 : len);
        assert_non_null(copy);
        memcpy(copy, w.bytes, len);
        bool is_taken = parse(&w, slice_of(copy, len)) == ERR_OK &&
                        device_is_signed(&w.parsed, slice_of(w.key, sizeof w.key));
        free(copy);
        assert_false(is_taken);
    }
}

static void every_changed_bit_is_noticed(void **state)
{
    static struct world w;
    (void)state;
    seal(&w, "knapp-1", 7, 41, DEVICE_SIGNED);
    for (size_t i = 0; i < w.envelope.len * 8; i++) {
        w.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_false(parse(&w, w.envelope) == ERR_OK &&
                     device_is_signed(&w.parsed, slice_of(w.key, sizeof w.key)));
        w.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

static void message_without_name_boot_or_number_is_broken(void **state)
{
    static struct world w;
    (void)state;
    for (int i = 0; i < 3; i++) {
        seal(&w, i == 0 ? "" : "knapp-1", i == 1 ? 0 : 7, i == 2 ? 0 : 41, DEVICE_SIGNED);
        assert_int_equal(parse(&w, w.envelope), ERR_SYNTAX);
    }
}

static void message_over_the_ceiling_is_refused(void **state)
{
    static struct world w;
    static uint8_t bytes[DEVICE_MESSAGE_MAX + 1] = {0x0a, 0x01, 'x'};
    (void)state;
    assert_int_equal(parse(&w, slice_of(bytes, sizeof bytes)), ERR_FULL);
}

/* The most that 1,024 bytes can ask of the arena: a thousand unknown fields. */
static void message_of_nothing_but_unknown_fields_stays_in_its_arena(void **state)
{
    static struct world w;
    static uint8_t bytes[DEVICE_MESSAGE_MAX];
    (void)state;
    for (size_t i = 0; i + 1 < sizeof bytes; i += 2) {
        bytes[i] = 0x78; /* field 15, a number */
        bytes[i + 1] = 1;
    }
    assert_int_not_equal(parse(&w, slice_of(bytes, sizeof bytes)), ERR_OK);
}

static void receipt_is_the_bytes_of_the_schema(void **state)
{
    static const uint8_t expected[] = {0x0a, 2, 'k',  '1',  0x10, 7,    0x18, 41,
                                       0x20, 3, 0x28, 0xe8, 0x07, 0x30, 0xac, 0x02};
    uint8_t bytes[160];
    struct buf b = buf_of(bytes, sizeof bytes);
    (void)state;
    struct device_receipt r = {slice_str("k1"), 7, 41, DEVICE_RESULT_TOO_OLD, 1000, 300};
    device_receipt_encode(&r, &b);
    assert_int_equal(b.len, sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
    b = buf_of(bytes, 10);
    device_receipt_encode(&r, &b);
    assert_true(b.is_full);
}

/* The longest name and the greatest numbers: a receipt that did not fit would be an alarm without one. */
static void longest_receipt_has_room(void **state)
{
    uint8_t bytes[160];
    char name[48];
    struct buf b = buf_of(bytes, sizeof bytes);
    (void)state;
    memset(name, 'x', sizeof name);
    struct device_receipt r = {slice_of(name, sizeof name - 1), UINT64_MAX, UINT64_MAX,
                               DEVICE_RESULT_TOO_OLD,           INT64_MAX,  UINT64_MAX};
    device_receipt_encode(&r, &b);
    assert_false(b.is_full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_found_and_the_signature_holds),
        cmocka_unit_test(another_key_or_prefix_is_no_signature),
        cmocka_unit_test(every_cut_is_refused_or_unsigned),
        cmocka_unit_test(every_changed_bit_is_noticed),
        cmocka_unit_test(message_without_name_boot_or_number_is_broken),
        cmocka_unit_test(message_over_the_ceiling_is_refused),
        cmocka_unit_test(message_of_nothing_but_unknown_fields_stays_in_its_arena),
        cmocka_unit_test(receipt_is_the_bytes_of_the_schema),
        cmocka_unit_test(longest_receipt_has_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
