/* fuzz_lora_uplink.c - the envelopes: in bounds, and what was understood is understood again after
 * encoding. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "wire/lora_uplink.h"

static void must(bool is_kept)
{
    if (!is_kept) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t topic_bytes[LORA_TOPIC_ROOM];
    static uint8_t body_bytes[2048];
    static struct lora_uplink up;
    static struct lora_uplink again;
    const char *why = NULL;
    if (size < 2) {
        return 0;
    }
    struct slice body = slice_of(data + 2, size - 2); /* two bytes of the adapter's target */
    struct slice topic = slice_cut(&body, '\n');
    struct verdict v = lora_uplink_parse(topic, body, &up, &why);
    must(v.at <= body.len && why != NULL && (v.err == ERR_OK) == (why[0] == '\0'));
    if (v.err != ERR_OK || up.event == LORA_OTHER) {
        return 0;
    }
    must(up.payload_len <= LORA_PAYLOAD_MAX && up.battery_percent <= 100);
    must(up.dev_eui[0] != '\0' || up.device_id[0] != '\0');
    if (up.dev_eui[0] == '\0' || up.received_ms <= 0 || up.received_ms > 4102444800000) {
        return 0;
    }
    struct buf t = buf_of(topic_bytes, sizeof topic_bytes);
    struct buf b = buf_of(body_bytes, sizeof body_bytes);
    must(lora_uplink_encode(&up, "gw", &t, &b) == ERR_OK);
    must(lora_uplink_parse(buf_slice(&t), buf_slice(&b), &again, &why).err == ERR_OK);
    must(strcmp(up.dev_eui, again.dev_eui) == 0 && up.event == again.event &&
         up.f_cnt == again.f_cnt && up.f_port == again.f_port &&
         up.received_ms == again.received_ms && up.payload_len == again.payload_len &&
         memcmp(up.payload, again.payload, up.payload_len) == 0);
    return 0;
}
