/* test_lora_uplink.c - the envelopes of the two networks: fields, defaults, ways to be hostile. */
#include "unit/sentences.h"

#include <stdlib.h>

#include "wire/lora_uplink.h"

static const char *const cs_topic = "application/a/device/24e124535b000001/event/up";

/* Parses copies that are exactly as long as they say. */
static struct verdict parse(const char *topic, struct slice body, struct lora_uplink *ret)
{
    const char *why = NULL;
    uint8_t *copy = malloc(body.len == 0 ? 1 : body.len);
    assert_non_null(copy);
    memcpy(copy, body.len == 0 ? (const uint8_t *)"" : body.at, body.len);
    struct verdict v = lora_uplink_parse(slice_str(topic), slice_of(copy, body.len), ret, &why);
    assert_non_null(why);
    assert_true((v.err == ERR_OK) == (why[0] == '\0'));
    assert_true(v.at <= body.len);
    free(copy);
    return v;
}

static enum err parse_text(const char *topic, const char *body, struct lora_uplink *ret)
{
    return parse(topic, slice_str(body), ret).err;
}

static struct lora_uplink example(enum lora_network network)
{
    struct lora_uplink up = {.network = network,
                             .event = LORA_UP,
                             .f_port = 85,
                             .f_cnt = 70000,
                             .payload = {0xff, 0x2e, 0x01},
                             .payload_len = 3,
                             .received_ms = 1767355200123,
                             .delivery = 7,
                             .battery_percent = -1,
                             .is_confirmed = true};
    (void)slice_text(slice_str("24E124535B000001"), up.dev_eui, sizeof up.dev_eui);
    (void)slice_text(slice_str("00189440"), up.dev_addr, sizeof up.dev_addr);
    (void)slice_text(slice_str("larmknapp-12"), up.device_id, sizeof up.device_id);
    return up;
}

static void encode(const struct lora_uplink *up, char topic[LORA_TOPIC_ROOM], char body[1024])
{
    struct buf t = buf_of(topic, LORA_TOPIC_ROOM);
    struct buf b = buf_of(body, 1024);
    assert_int_equal(lora_uplink_encode(up, "gateway-1", &t, &b), ERR_OK);
    (void)buf_cstr(&t);
    (void)buf_cstr(&b);
}

static void every_field_comes_back_as_it_was_encoded(void **state)
{
    (void)state;
    for (int network = LORA_CHIRPSTACK; network <= LORA_THINGS_STACK; network++) {
        struct lora_uplink out = example((enum lora_network)network);
        char topic[LORA_TOPIC_ROOM];
        char body[1024];
        struct lora_uplink in;
        out.is_simulated = network == LORA_THINGS_STACK;
        out.battery_percent = network == LORA_THINGS_STACK ? 42 : -1;
        encode(&out, topic, body);
        assert_int_equal(parse_text(topic, body, &in), ERR_OK);
        assert_int_equal(in.network, network);
        assert_int_equal(in.event, LORA_UP);
        assert_text(in.dev_eui, out.dev_eui);
        assert_text(in.dev_addr, out.dev_addr);
        assert_text(in.device_id, network == LORA_THINGS_STACK ? out.device_id : "");
        assert_int_equal(in.f_port, 85);
        assert_int_equal(in.f_cnt, 70000);
        assert_int_equal(in.payload_len, 3);
        assert_memory_equal(in.payload, out.payload, 3);
        assert_int_equal(in.received_ms, out.received_ms);
        assert_int_equal(in.battery_percent, out.battery_percent);
        assert_true(in.is_confirmed);
        assert_true(in.is_simulated == out.is_simulated);
        assert_true(in.delivery != 0);
        assert_false(in.has_other_device || in.has_bad_field);
    }
}

static void joins_and_status_come_back(void **state)
{
    (void)state;
    struct lora_uplink out = example(LORA_CHIRPSTACK);
    struct lora_uplink in;
    char topic[LORA_TOPIC_ROOM];
    char body[1024];
    out.event = LORA_STATUS;
    out.battery_percent = 88;
    encode(&out, topic, body);
    assert_int_equal(parse_text(topic, body, &in), ERR_OK);
    assert_int_equal(in.event, LORA_STATUS);
    assert_int_equal(in.battery_percent, 88);
    for (int network = LORA_CHIRPSTACK; network <= LORA_THINGS_STACK; network++) {
        out = example((enum lora_network)network);
        out.event = LORA_JOIN;
        encode(&out, topic, body);
        assert_int_equal(parse_text(topic, body, &in), ERR_OK);
        assert_int_equal(in.event, LORA_JOIN);
        assert_text(in.dev_addr, "00189440");
    }
}

static void absent_fields_are_zero(void **state)
{
    (void)state;
    struct lora_uplink in;
    assert_int_equal(
        parse_text(cs_topic, "{\"deviceInfo\":{\"devEui\":\"24e124535b000001\"}}", &in), ERR_OK);
    assert_int_equal(in.f_cnt, 0);
    assert_int_equal(in.f_port, 0);
    assert_int_equal(in.payload_len, 0);
    assert_int_equal(in.received_ms, 0);
    assert_int_equal(in.battery_percent, -1);
    assert_int_equal(parse_text("v3/a/devices/knapp-1/up", "{\"end_device_ids\":{}}", &in), ERR_OK);
    assert_text(in.device_id, "knapp-1");
    assert_text(in.dev_eui, "");
}

static void wrong_types_do_not_lose_the_payload(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "\"fCnt\":-1",    "\"fCnt\":1.5",          "\"fCnt\":4294967296",
        "\"fCnt\":\"x\"", "\"fPort\":256",         "\"fPort\":true",
        "\"devAddr\":7",  "\"confirmed\":\"yes\"", "\"fCnt\":1e300"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char body[256];
        struct lora_uplink in;
        struct buf b = buf_of(body, sizeof body);
        buf_put_str(&b, "{\"deviceInfo\":{\"devEui\":\"24e124535b000001\"},\"data\":\"/y4B\",");
        buf_put_str(&b, fields[i]);
        buf_put_str(&b, "}");
        assert_int_equal(parse_text(cs_topic, buf_cstr(&b), &in), ERR_OK);
        assert_true(in.has_bad_field);
        assert_int_equal(in.payload_len, 3);
    }
}

static void every_prefix_is_no_uplink(void **state)
{
    (void)state;
    for (int network = LORA_CHIRPSTACK; network <= LORA_THINGS_STACK; network++) {
        struct lora_uplink up = example((enum lora_network)network);
        struct lora_uplink in;
        char topic[LORA_TOPIC_ROOM];
        char body[1024];
        encode(&up, topic, body);
        for (size_t len = 0; len < strlen(body); len++) {
            assert_int_equal(parse(topic, slice_of(body, len), &in).err, ERR_SYNTAX);
            assert_int_equal(parse("other/topic", slice_of(body, len), &in).err, ERR_NOT_MINE);
        }
    }
}

/* The two structures of the JSON suite that are too long to be written down. */
static void endless_structures_are_refused(void **state)
{
    (void)state;
    static const char *const pieces[] = {"[", "[{\"\":"};
    struct lora_uplink in;
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(pieces[i]);
        for (size_t times = 33; times <= 100000; times += 99967 / 3) {
            char *body = malloc(len * times);
            assert_non_null(body);
            for (size_t k = 0; k < times; k++) {
                memcpy(body + k * len, pieces[i], len);
            }
            assert_int_equal(parse(cs_topic, slice_of(body, len * times), &in).err, ERR_RANGE);
            free(body);
        }
    }
}

static void topics_are_read_whole(void **state)
{
    (void)state;
    static const char body[] =
        "{\"deviceInfo\":{\"devEui\":\"24e124535b000001\"},\"data\":\"/y4B\"}";
    struct lora_uplink in;
    assert_int_equal(parse_text("application/a/device/24e124535b000001/event/ack", body, &in), 0);
    assert_int_equal(in.event, LORA_OTHER);
    assert_int_equal(parse_text("application/a/device/24e124535b0000ff/event/up", body, &in), 0);
    assert_true(in.has_other_device);
    assert_int_equal(parse_text("a/b/c/d/e/f/g/h/i/j", body, &in), ERR_OK); /* the body says it */
    assert_int_equal(in.event, LORA_UP);
    assert_int_equal(parse_text("v3/a/devices/b/down/sent", "{}", &in), ERR_OK);
    assert_int_equal(in.event, LORA_OTHER);
    assert_int_equal(parse_text("v3/a/devices/b/up", body, &in), ERR_SYNTAX);
}

static void a_full_buffer_is_told(void **state)
{
    (void)state;
    struct lora_uplink up = example(LORA_CHIRPSTACK);
    uint8_t bytes[64];
    struct buf topic = buf_of(bytes, 32);
    struct buf body = buf_of(bytes + 32, 32);
    assert_int_equal(lora_uplink_encode(&up, "g", &topic, &body), ERR_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_comes_back_as_it_was_encoded),
        cmocka_unit_test(joins_and_status_come_back),
        cmocka_unit_test(absent_fields_are_zero),
        cmocka_unit_test(wrong_types_do_not_lose_the_payload),
        cmocka_unit_test(every_prefix_is_no_uplink),
        cmocka_unit_test(endless_structures_are_refused),
        cmocka_unit_test(topics_are_read_whole),
        cmocka_unit_test(a_full_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
