/* lora_uplink.c - ChirpStack v4 and The Things Stack v3: JSON -> struct, and back for simulations.
 *
 * Called by the lorawan adapter, the simulated network server, the fuzzers and the tests. Never keeps
 * state, logs or reads a clock. jansson parses; its memory lives inside the call.
 *
 *   ChirpStack v4          application/A/device/EUI/event/E      E: up, status, join, ack, ...
 *     {"deduplicationId": "D", "time": "T", "deviceInfo": {"devEui": "EUI", ...}, "devAddr": "S",
 *      "fCnt": N, "fPort": P, "confirmed": C, "data": "base64", "object": {...}, "rxInfo": [...]}
 *     status: {..., "batteryLevel": percent, "batteryLevelUnavailable": b, "externalPowerSource": b}
 *
 *   The Things Stack v3    v3/A@TENANT/devices/ID/E              E: up, join, down/sent, ...
 *     {"end_device_ids": {"device_id": "ID", "dev_eui": "EUI", "dev_addr": "S"}, "simulated": b,
 *      "received_at": "T", "uplink_message": {"f_port": P, "f_cnt": N, "frm_payload": "base64",
 *      "received_at": "T", "confirmed": C, "last_battery_percentage": {"value": percent}, ...}}
 *
 * Numbers are read as doubles, so that a huge one in a part that we do not read cannot make an alarm
 * unreadable; what we read is checked against its own bounds.
 */
#include "wire/lora_uplink.h"

#include <jansson.h>
#include <string.h>

#include "base/clock.h"

enum { LEVELS = 8 };

/* A topic cut at its slashes. */
struct levels {
    struct slice at[LEVELS];
    size_t count; /* LEVELS + 1: more than that */
};

static struct levels cut_topic(struct slice topic)
{
    struct levels l = {.count = 0};
    size_t begin = 0;
    for (size_t i = 0; i <= topic.len; i++) {
        if (i < topic.len && topic.at[i] != '/') {
            continue;
        }
        if (l.count == LEVELS) {
            l.count = LEVELS + 1;
            return l;
        }
        l.at[l.count++] = slice_of(topic.at + begin, i - begin);
        begin = i + 1;
    }
    return l;
}

/* Which network's topic this is; the device's level and the event's into the other two. */
static enum lora_network network_of_topic(struct slice topic, struct slice *ret_device,
                                          enum lora_event *ret_event)
{
    struct levels l = cut_topic(topic);
    struct slice event = slice_of(NULL, 0);
    enum lora_network network = LORA_NO_NETWORK;
    if (l.count == 6 && slice_eq_str(l.at[0], "application") && slice_eq_str(l.at[2], "device") &&
        slice_eq_str(l.at[4], "event")) {
        network = LORA_CHIRPSTACK;
        *ret_device = l.at[3];
        event = l.at[5];
    } else if (l.count >= 5 && slice_eq_str(l.at[0], "v3") && slice_eq_str(l.at[2], "devices")) {
        network = LORA_THINGS_STACK;
        *ret_device = l.at[3];
        event = l.count == 5 ? l.at[4] : event;
    }
    *ret_event = slice_eq_str(event, "up")       ? LORA_UP
                 : slice_eq_str(event, "join")   ? LORA_JOIN
                 : slice_eq_str(event, "status") ? LORA_STATUS
                                                 : LORA_OTHER;
    return network;
}

/* Depth is looked at before jansson recurses. Braces in strings do not count. */
static bool is_too_deep(struct slice body)
{
    unsigned depth = 0;
    bool is_text = false;
    for (size_t i = 0; i < body.len; i++) {
        uint8_t c = body.at[i];
        if (is_text) {
            i += c == '\\' ? 1 : 0;
            is_text = c != '"';
        } else if (c == '"') {
            is_text = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
        if (depth > LORA_DEPTH_MAX) {
            return true;
        }
    }
    return false;
}

/* --- fields: absent (or null) is the default; one of a wrong type too, and it is said so ------------ */

struct reading {
    struct lora_uplink *up;
    enum err err; /* without this the message is no use; the first one sticks */
    const char *why;
};

static void complain(struct reading *r, enum err err, const char *why)
{
    if (r->err == ERR_OK) {
        r->err = err;
        r->why = why;
    }
}

static const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static struct slice get_text(struct reading *r, const json_t *object, const char *key)
{
    const json_t *value = member(object, key);
    if (value == NULL) {
        return slice_of(NULL, 0);
    }
    if (!json_is_string(value)) {
        r->up->has_bad_field = true;
        return slice_of(NULL, 0);
    }
    return slice_of(json_string_value(value), json_string_length(value));
}

/* Numbers come as numbers, 64-bit ones as texts; both are taken for both. */
static uint32_t get_number(struct reading *r, const json_t *object, const char *key, uint32_t max)
{
    const json_t *value = member(object, key);
    uint64_t number = 0;
    if (value == NULL) {
        return 0;
    }
    if (json_is_string(value)) {
        struct slice digits = slice_of(json_string_value(value), json_string_length(value));
        r->up->has_bad_field |= slice_u64(digits, max, &number) != ERR_OK;
        return (uint32_t)number;
    }
    double real = json_is_number(value) ? json_number_value(value) : -1.0;
    if (!(real >= 0 && real <= (double)max) || real != (double)(uint32_t)real) {
        r->up->has_bad_field = true;
        return 0;
    }
    return (uint32_t)real;
}

static bool get_bool(struct reading *r, const json_t *object, const char *key)
{
    const json_t *value = member(object, key);
    r->up->has_bad_field |= value != NULL && !json_is_boolean(value);
    return json_is_true(value);
}

/* 0 .. 100, rounded down; -1: absent or beyond, which is no reason to drop an alarm. */
static int get_percent(const json_t *object, const char *key)
{
    const json_t *value = member(object, key);
    double percent = json_is_number(value) ? json_number_value(value) : -1.0;
    return percent >= 0 && percent <= 100 ? (int)percent : -1;
}

static int64_t get_time(const json_t *object, const char *key)
{
    struct slice text = slice_of(NULL, 0);
    const json_t *value = member(object, key);
    int64_t wall_ms = 0;
    if (json_is_string(value)) {
        text = slice_of(json_string_value(value), json_string_length(value));
    }
    return clock_parse(text, &wall_ms) == ERR_OK && wall_ms > 0 ? wall_ms : 0;
}

static void get_payload(struct reading *r, const json_t *object, const char *key)
{
    struct lora_uplink *up = r->up;
    struct slice text = get_text(r, object, key);
    size_t len = 0;
    enum err err = base64_decode(text, up->payload, sizeof up->payload, &len);
    if (err != ERR_OK) {
        complain(r, err, "the payload is no base64, or longer than LoRaWAN allows");
        return;
    }
    up->payload_len = len;
}

/* Hex digits in upper case; anything else leaves it empty. */
static bool put_hex_upper(struct slice text, char *ret_text, size_t len)
{
    ret_text[0] = '\0';
    for (size_t i = 0; text.len == len && i < len; i++) {
        uint8_t c = text.at[i];
        bool is_small = c >= 'a' && c <= 'f';
        if (!is_small && !(c >= 'A' && c <= 'F') && !(c >= '0' && c <= '9')) {
            ret_text[0] = '\0';
            return false;
        }
        ret_text[i] = (char)(is_small ? c - 'a' + 'A' : c);
        ret_text[i + 1] = '\0';
    }
    return ret_text[0] != '\0';
}

/* FNV-1a: equal texts, equal numbers; 0 for none. */
static uint64_t number_of(struct slice text)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ text.at[i]) * 1099511628211u;
    }
    return text.len == 0 ? 0 : hash;
}

static void read_eui(struct reading *r, struct slice text, bool is_needed)
{
    if (!put_hex_upper(text, r->up->dev_eui, LORA_EUI_ROOM - 1) && (is_needed || text.len > 0)) {
        complain(r, ERR_SYNTAX, "the device has no EUI of 16 hex digits");
    }
}

/* --- the two envelopes ----------------------------------------------------------------------------- */

static void read_chirpstack(struct reading *r, const json_t *root, struct slice topic_device)
{
    struct lora_uplink *up = r->up;
    const json_t *info = member(root, "deviceInfo");
    struct slice eui = get_text(r, info, "devEui");
    read_eui(r, eui.len == 0 ? topic_device : eui, true);
    up->received_ms = get_time(root, "time");
    up->delivery = number_of(get_text(r, root, "deduplicationId"));
    (void)put_hex_upper(get_text(r, root, "devAddr"), up->dev_addr, LORA_ADDR_ROOM - 1);
    if (up->event == LORA_UP) {
        up->f_port = get_number(r, root, "fPort", 255);
        up->f_cnt = get_number(r, root, "fCnt", UINT32_MAX);
        up->is_confirmed = get_bool(r, root, "confirmed");
        get_payload(r, root, "data");
    } else if (up->event == LORA_STATUS && !json_is_true(member(root, "externalPowerSource")) &&
               !json_is_true(member(root, "batteryLevelUnavailable"))) {
        up->battery_percent = get_percent(root, "batteryLevel");
    }
    char named[LORA_EUI_ROOM];
    up->has_other_device =
        put_hex_upper(topic_device, named, LORA_EUI_ROOM - 1) && strcmp(named, up->dev_eui) != 0;
}

/* a-z, 0-9 and -, at most 36 of them; anything else leaves it empty. */
static void read_id(struct slice id, char ret_id[LORA_NAME_ROOM])
{
    bool is_good = id.len < LORA_NAME_ROOM;
    for (size_t i = 0; is_good && i < id.len; i++) {
        uint8_t c = id.at[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    }
    (void)slice_text(is_good ? id : slice_of(NULL, 0), ret_id, LORA_NAME_ROOM);
}

static void read_things_stack(struct reading *r, const json_t *root, struct slice topic_device)
{
    struct lora_uplink *up = r->up;
    const json_t *ids = member(root, "end_device_ids");
    const json_t *message = member(root, "uplink_message");
    struct slice id = get_text(r, ids, "device_id");
    read_id(id.len == 0 ? topic_device : id, up->device_id);
    read_eui(r, get_text(r, ids, "dev_eui"), up->device_id[0] == '\0');
    (void)put_hex_upper(get_text(r, ids, "dev_addr"), up->dev_addr, LORA_ADDR_ROOM - 1);
    up->is_simulated = get_bool(r, root, "simulated");
    up->received_ms = get_time(root, "received_at");
    if (up->received_ms == 0) {
        up->received_ms = get_time(message, "received_at");
    }
    if (up->event == LORA_UP) {
        up->f_port = get_number(r, message, "f_port", 255);
        up->f_cnt = get_number(r, message, "f_cnt", UINT32_MAX);
        up->is_confirmed = get_bool(r, message, "confirmed");
        up->delivery = number_of(get_text(r, message, "session_key_id"));
        up->battery_percent = get_percent(member(message, "last_battery_percentage"), "value");
        get_payload(r, message, "frm_payload");
    }
    up->has_other_device = topic_device.len > 0 && id.len > 0 && !slice_eq(topic_device, id);
}

/* What the body itself shows, for topics that somebody chose otherwise. */
static enum lora_network network_of_body(const json_t *root, enum lora_event *ret_event)
{
    if (json_is_object(member(root, "end_device_ids"))) {
        *ret_event = member(root, "uplink_message") != NULL ? LORA_UP
                     : member(root, "join_accept") != NULL  ? LORA_JOIN
                                                            : LORA_OTHER;
        return LORA_THINGS_STACK;
    }
    if (json_is_object(member(root, "deviceInfo"))) {
        *ret_event = member(root, "data") != NULL || member(root, "fPort") != NULL ? LORA_UP
                     : member(root, "batteryLevel") != NULL                        ? LORA_STATUS
                                                                                   : LORA_OTHER;
        return LORA_CHIRPSTACK;
    }
    return LORA_NO_NETWORK;
}

static struct verdict parse_root(const json_t *root, struct slice topic, size_t len,
                                 struct lora_uplink *up, const char **ret_why)
{
    struct slice device = slice_of(NULL, 0);
    struct reading r = {.up = up, .why = ""};
    enum lora_event body_event = LORA_OTHER;
    up->network = network_of_topic(topic, &device, &up->event);
    enum lora_network by_body = network_of_body(root, &body_event);
    if (up->network == LORA_NO_NETWORK) {
        up->network = by_body;
        up->event = body_event;
    }
    if (up->network == LORA_NO_NETWORK) {
        *ret_why = "this is neither ChirpStack v4 nor The Things Stack v3";
        return verdict_at(ERR_NOT_MINE, 0);
    }
    if (up->event != LORA_OTHER && by_body != up->network) {
        *ret_why = "the body has no device of the network that the topic names";
        return verdict_at(ERR_SYNTAX, 0);
    }
    if (up->event != LORA_OTHER && up->network == LORA_CHIRPSTACK) {
        read_chirpstack(&r, root, device);
    } else if (up->event != LORA_OTHER) {
        read_things_stack(&r, root, device);
    }
    *ret_why = r.why;
    return verdict_at(r.err, r.err == ERR_OK ? len : 0);
}

struct verdict lora_uplink_parse(struct slice topic, struct slice body,
                                 struct lora_uplink *ret_uplink, const char **ret_why)
{
    struct lora_uplink up = {.battery_percent = -1};
    struct slice device;
    enum lora_event event = LORA_OTHER;
    bool is_topic_ours = network_of_topic(topic, &device, &event) != LORA_NO_NETWORK;
    *ret_why = "";
    if (body.len > LORA_BODY_MAX || is_too_deep(body)) {
        *ret_why = "the message is longer than 64 KiB, or deeper than 32 levels";
        return verdict_at(is_topic_ours ? ERR_RANGE : ERR_NOT_MINE, 0);
    }
    json_error_t error;
    json_t *root = json_loadb(body.len == 0 ? "" : (const char *)body.at, body.len,
                              JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
    if (!json_is_object(root)) {
        *ret_why = root == NULL ? "the message is no JSON" : "the message is no JSON object";
        size_t at = root == NULL && error.position > 0 ? (size_t)error.position : 0;
        json_decref(root);
        return verdict_at(is_topic_ours ? ERR_SYNTAX : ERR_NOT_MINE, at < body.len ? at : body.len);
    }
    struct verdict v = parse_root(root, topic, body.len, &up, ret_why);
    json_decref(root);
    if (v.err == ERR_OK) {
        *ret_uplink = up;
    }
    return v;
}

/* --- the way back ---------------------------------------------------------------------------------- */

static void put_pair(struct buf *b, const char *key, const char *value)
{
    buf_put_str(b, "\"");
    buf_put_str(b, key);
    buf_put_str(b, "\":\"");
    buf_put_str(b, value);
    buf_put_str(b, "\"");
}

static void put_number(struct buf *b, const char *key, uint64_t value)
{
    if (value == 0) {
        return; /* as protobuf does: a default is left out */
    }
    buf_put_str(b, ",\"");
    buf_put_str(b, key);
    buf_put_str(b, "\":");
    buf_put_u64(b, value);
}

static void put_time(struct buf *b, const char *key, int64_t wall_ms)
{
    buf_put_str(b, ",\"");
    buf_put_str(b, key);
    buf_put_str(b, "\":\"");
    clock_put_utc(b, wall_ms);
    buf_put_str(b, "\"");
}

static void put_base64(struct buf *b, const char *key, const struct lora_uplink *up)
{
    buf_put_str(b, ",\"");
    buf_put_str(b, key);
    buf_put_str(b, "\":\"");
    buf_put_base64(b, slice_of(up->payload, up->payload_len));
    buf_put_str(b, "\"");
}

static void put_chirpstack(const struct lora_uplink *up, const char *gateway, struct buf *b)
{
    buf_put_str(b, "{\"deduplicationId\":\"00000000-0000-4000-8000-");
    buf_put_padded(b, up->delivery % 1000000000000u, 12);
    buf_put_str(b, "\"");
    put_time(b, "time", up->received_ms);
    buf_put_str(b, ",\"deviceInfo\":{\"applicationName\":\"test\",");
    put_pair(b, "devEui", up->dev_eui);
    buf_put_str(b, "},");
    put_pair(b, "devAddr", up->dev_addr);
    if (up->event == LORA_STATUS) {
        buf_put_str(b, ",\"margin\":10");
        put_number(b, "batteryLevel", up->battery_percent > 0 ? (uint64_t)up->battery_percent : 0);
    } else if (up->event == LORA_UP) {
        put_number(b, "fCnt", up->f_cnt);
        put_number(b, "fPort", up->f_port);
        buf_put_str(b, up->is_confirmed ? ",\"confirmed\":true" : "");
        put_base64(b, "data", up);
        buf_put_str(b, ",\"rxInfo\":[{");
        put_pair(b, "gatewayId", gateway);
        buf_put_str(b, ",\"rssi\":-87,\"snr\":7.5}]");
    }
    buf_put_str(b, "}");
}

static void put_things_stack(const struct lora_uplink *up, const char *gateway, struct buf *b)
{
    buf_put_str(b, "{\"end_device_ids\":{");
    put_pair(b, "device_id", up->device_id);
    buf_put_str(b, ",");
    put_pair(b, "dev_eui", up->dev_eui);
    buf_put_str(b, ",");
    put_pair(b, "dev_addr", up->dev_addr);
    buf_put_str(b, "}");
    put_time(b, "received_at", up->received_ms);
    if (up->event == LORA_JOIN) {
        buf_put_str(b, ",\"join_accept\":{\"session_key_id\":\"AXBSH1Pk6Z0G166RlH16CQ==\"}");
    } else {
        buf_put_str(b, ",\"uplink_message\":{\"session_key_id\":\"AXBSH1Pk6Z0G166RlH16CQ==\"");
        put_number(b, "f_port", up->f_port);
        put_number(b, "f_cnt", up->f_cnt);
        put_base64(b, "frm_payload", up);
        buf_put_str(b, up->is_confirmed ? ",\"confirmed\":true" : "");
        buf_put_str(b, ",\"rx_metadata\":[{\"gateway_ids\":{");
        put_pair(b, "gateway_id", gateway);
        buf_put_str(b, "},\"rssi\":-87}]");
        if (up->battery_percent >= 0) {
            buf_put_str(b, ",\"last_battery_percentage\":{\"f_cnt\":1,\"value\":");
            buf_put_i64(b, up->battery_percent);
            buf_put_str(b, "}");
        }
        put_time(b, "received_at", up->received_ms);
        buf_put_str(b, "}");
    }
    buf_put_str(b, up->is_simulated ? ",\"simulated\":true}" : "}");
}

enum err lora_uplink_encode(const struct lora_uplink *uplink, const char *gateway,
                            struct buf *topic, struct buf *body)
{
    static const char *const events[] = {"log", "up", "status", "join"};
    if (uplink->network == LORA_CHIRPSTACK) {
        buf_put_str(topic, "application/17c82e96-be03-4f38-aef3-f83d48582d97/device/");
        for (const char *c = uplink->dev_eui; *c != '\0'; c++) {
            buf_put_u8(topic, (uint8_t)(*c >= 'A' && *c <= 'F' ? *c - 'A' + 'a' : *c));
        }
        buf_put_str(topic, "/event/");
        put_chirpstack(uplink, gateway, body);
    } else {
        buf_put_str(topic, "v3/app1@tenant1/devices/");
        buf_put_str(topic, uplink->device_id);
        buf_put_str(topic, "/");
        put_things_stack(uplink, gateway, body);
    }
    buf_put_str(topic, events[uplink->event]);
    return topic->is_full || body->is_full ? ERR_FULL : ERR_OK;
}
