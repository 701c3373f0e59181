/* lora_browan.c - Browan / Tabs: one fixed frame per product, little-endian.
 *
 * Called through lora_makers.def. Never keeps state. Facts: lorawan-devices: vendor/browan.
 *
 *   byte 0    S        bit 0 status; leak: bit 5 temperature changed, bit 6 humidity changed
 *   byte 1    . . . . n n n n     battery (25 + n) / 10 V
 *   byte 2    . t t t t t t t     board temperature, t - 32
 *   TBPB100 panic button, port 147     status 1 pressed
 *   TBDW100 door, port 100             status 1 open       bytes 3-4 minutes since, 5-7 count
 *   TBMS100 motion, port 102           status 1 occupied   the same
 *   TBWL100 leak, port 106             status 1 leak       byte 3 humidity, byte 4 temperature
 *
 * The port tells the product; where the network server did not say the port, the model does. A frame
 * that is too short still has its status: it is read, and marked.
 */
#include "wire/lora.h"

enum { BATTERY_BASE_MV = 2500, BATTERY_STEP_MV = 100 };

struct product {
    const char *name;
    unsigned port;
    size_t len;
    enum lora_what what; /* LORA_NOTHING: the status is telemetry */
    bool is_event;       /* only a status of 1 is said, and each counts */
    const char *on;
    const char *off;
};

static const struct product products[] = {
    {"tbpb100", 147, 3, LORA_BUTTON, true, "button pressed", ""},
    {"tbdw100", 100, 8, LORA_DOOR, false, "door open", "door closed"},
    {"tbms100", 102, 8, LORA_NOTHING, false, "", ""},
    {"tbwl100", 106, 5, LORA_LEAK, false, "water leak", "dry"},
};

static const struct product *product_of(const struct lora_frame *frame)
{
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++) {
        const struct product *p = &products[i];
        if (frame->port == 0 ? slice_eq_nocase(frame->product, p->name) : frame->port == p->port) {
            return p;
        }
    }
    return NULL;
}

/* The maker calls a frame of zeros empty. */
static bool is_empty(struct slice payload)
{
    for (size_t i = 0; i < payload.len; i++) {
        if (payload.at[i] != 0) {
            return false;
        }
    }
    return true;
}

void lora_browan_parse(const struct lora_frame *frame, const struct lora_choices *choices,
                       struct lora_readings *ret_readings)
{
    struct slice p = frame->payload;
    const struct product *product = product_of(frame);
    (void)choices;
    *ret_readings = (struct lora_readings){.count = 0};
    if (product == NULL) {
        return;
    }
    ret_readings->understood = p.len;
    ret_readings->is_other_product =
        frame->product.len > 0 && !slice_eq_nocase(frame->product, product->name);
    if (is_empty(p)) {
        return;
    }
    ret_readings->is_damaged = p.len < product->len;
    bool is_on = (p.at[0] & 1) != 0;
    if (product->what != LORA_NOTHING && (is_on || !product->is_event)) {
        struct lora_reading *r =
            lora_add(ret_readings, product->what, is_on, is_on ? product->on : product->off);
        r->is_event = product->is_event;
        lora_code(r, slice_str(product->name), "", is_on);
    }
    if (p.len > 1) {
        struct lora_reading *r =
            lora_add(ret_readings, LORA_BATTERY_MV,
                     BATTERY_BASE_MV + BATTERY_STEP_MV * (p.at[1] & 0x0f), "battery");
        lora_code(r, slice_str(product->name), "V", 25u + (p.at[1] & 0x0f));
    }
}
