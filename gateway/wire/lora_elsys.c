/* lora_elsys.c - ELSYS sensors (ERS, EMS, ELT ...): type byte and value, big-endian, again and again.
 *
 * Called through lora_makers.def. Never keeps state. The table is that of the maker's own decoder
 * (lorawan-devices: vendor/elsys/elsys.js). A type that is not in it ends the reading, because its
 * length is not known.
 *
 *   T V.. T V.. ...     T type, V value of the length that the type has
 *     01 temperature 2      02 humidity 1      03 acceleration 3     04 light 2      05 motion count 1
 *     06 CO2 2              07 battery mV 2    08 18 analogue mV 2   09 position 6   0A 16 pulses 2
 *     0B 17 pulses 4        0C 19 temperature 2                      0D 1A digital input 1
 *     0E distance 2         0F knocks 1        10 infrared 4         11 occupancy 1  12 water leak 1
 *     13 grid eye 65        14 pressure 4      15 sound 2            1B microvolt 4  1C TVOC 2
 *     3D debug 4
 *
 * Chosen in the configuration: what a digital input means, which occupancy is a bed left (commonly 0 is
 * free, 1 leaving, 2 occupied; not confirmed by the maker), from which value on a leak is one.
 */
#include "wire/lora.h"

enum {
    TYPE_BATTERY = 0x07,
    TYPE_INPUT = 0x0d,
    TYPE_OCCUPANCY = 0x11,
    TYPE_LEAK = 0x12,
    TYPE_INPUT_2 = 0x1a,
    OCCUPIED = 2
};

/* Lengths of the values; 0: no such type. */
static const uint8_t lengths[] = {
    [0x01] = 2, [0x02] = 1, [0x03] = 3,  [0x04] = 2, [0x05] = 1, [0x06] = 2, [0x07] = 2, [0x08] = 2,
    [0x09] = 6, [0x0a] = 2, [0x0b] = 4,  [0x0c] = 2, [0x0d] = 1, [0x0e] = 2, [0x0f] = 1, [0x10] = 4,
    [0x11] = 1, [0x12] = 1, [0x13] = 65, [0x14] = 4, [0x15] = 2, [0x16] = 2, [0x17] = 4, [0x18] = 2,
    [0x19] = 2, [0x1a] = 1, [0x1b] = 4,  [0x1c] = 2, [0x3d] = 4,
};

static struct lora_reading *add_input(const struct lora_choices *choices, uint8_t value,
                                      struct lora_readings *ret)
{
    switch (choices->elsys_input) {
    case LORA_INPUT_ALARM:
        return lora_add(ret, LORA_INPUT, value != 0, "digital input on");
    case LORA_INPUT_ALARM_ON_ZERO:
        return lora_add(ret, LORA_INPUT, value == 0, "digital input off");
    case LORA_INPUT_DOOR:
        return lora_add(ret, LORA_DOOR, value != 0, value != 0 ? "door open" : "door closed");
    case LORA_INPUT_DOOR_ON_ZERO:
        return lora_add(ret, LORA_DOOR, value == 0, value == 0 ? "door open" : "door closed");
    case LORA_INPUT_IGNORE:
        break;
    }
    return &ret->spare;
}

static void add_value(uint8_t type, const uint8_t *value, const struct lora_choices *choices,
                      struct lora_readings *ret)
{
    struct lora_reading *r = &ret->spare;
    unsigned leak_from = choices->elsys_leak_from == 0 ? 1 : choices->elsys_leak_from;
    switch (type) {
    case TYPE_BATTERY:
        r = lora_add(ret, LORA_BATTERY_MV, value[0] << 8 | value[1], "battery");
        break;
    case TYPE_INPUT:
    case TYPE_INPUT_2:
        r = add_input(choices, value[0], ret);
        r->is_event = r->what == LORA_INPUT;
        break;
    case TYPE_OCCUPANCY:
        if (choices->elsys_occupancy == LORA_OCCUPANCY_BED) {
            bool is_out = value[0] != OCCUPIED;
            r = lora_add(ret, LORA_BED, is_out, is_out ? "bed left" : "in bed");
        }
        break;
    case TYPE_LEAK:
        r = lora_add(ret, LORA_LEAK, value[0] >= leak_from,
                     value[0] >= leak_from ? "water leak" : "dry");
        break;
    default:
        return;
    }
    lora_code(r, slice_str("elsys"), "", type); /* decimal, as the maker's type is one byte */
}

void lora_elsys_parse(const struct lora_frame *frame, const struct lora_choices *choices,
                      struct lora_readings *ret_readings)
{
    struct slice p = frame->payload;
    *ret_readings = (struct lora_readings){.count = 0};
    size_t at = 0;
    while (at < p.len) {
        size_t len = p.at[at] < sizeof lengths ? lengths[p.at[at]] : 0;
        if (len == 0 || len > p.len - at - 1) {
            ret_readings->is_damaged = len != 0;
            break;
        }
        add_value(p.at[at], p.at + at + 1, choices, ret_readings);
        at += 1 + len;
    }
    ret_readings->understood = at;
}
