/* lora_sensative.c - Sensative Strips: history number, then type and value, big-endian.
 *
 * Called through lora_makers.def. Never keeps state. Facts: lorawan-devices: vendor/sensative/strips.js.
 *
 *   port 1     N N  T V.. T V.. ...             N history number
 *   port 2     N N  A A A A T V..  ...          history, A age in seconds: never an alarm
 *     T  bit 7: belongs to an earlier history number (several moments in one frame, all new to us)
 *     0  nothing 0        1  battery % 1       2  temperature 2     3  temperature alarm 1 (1 high, 2 low)
 *     4  average 2        5  its alarm 1       6  humidity 1        7 8 lux 2
 *     9  door 1           10 door alarm 1      11 tamper 1          12 tamper alarm 1
 *     13 flood % 1        14 flood alarm 1     15 oil alarm 1       16 user switch alarm 1
 *     17 door count 2     18 presence 1        19 20 proximity 2    21 close proximity alarm 1
 *     22 disinfection 1   80 81 humidity and temperature 3          82 door and temperature 3
 *     110 internal 8      112 113 114 capacitance 2
 *
 * The maker's decoder says of type 9 that 0 is open and of type 82 that 1 is: chosen in the
 * configuration.
 */
#include "wire/lora.h"

enum { EARLIER = 0x80, PORT_HISTORY = 2 };

struct row {
    uint8_t type;
    uint8_t len;
    enum lora_what what; /* of the first byte; LORA_NOTHING: telemetry */
    bool is_event;       /* only what is not 0 is said: the report beside it tells the end */
    const char *on;
    const char *off;
};

static const struct row rows[] = {
    {0, 0, LORA_NOTHING, false, "", ""},
    {1, 1, LORA_BATTERY, false, "battery", "battery"},
    {2, 2, LORA_NOTHING, false, "", ""},
    {3, 1, LORA_TEMPERATURE, false, "temperature alarm", "temperature in its limits"},
    {4, 2, LORA_NOTHING, false, "", ""},
    {5, 1, LORA_TEMPERATURE, true, "average temperature alarm", ""},
    {6, 1, LORA_NOTHING, false, "", ""},
    {7, 2, LORA_NOTHING, false, "", ""},
    {8, 2, LORA_NOTHING, false, "", ""},
    {9, 1, LORA_DOOR, false, "door open", "door closed"},
    {10, 1, LORA_DOOR, true, "door alarm", ""},
    {11, 1, LORA_TAMPER, false, "tampered with", "tamper over"},
    {12, 1, LORA_TAMPER, true, "tamper alarm", ""},
    {13, 1, LORA_NOTHING, false, "", ""},
    {14, 1, LORA_LEAK, false, "flood alarm", "dry"},
    {15, 1, LORA_LEAK, true, "oil alarm", ""},
    {16, 1, LORA_INPUT, true, "user switch alarm", ""},
    {17, 2, LORA_NOTHING, false, "", ""},
    {18, 1, LORA_NOTHING, false, "", ""},
    {19, 2, LORA_NOTHING, false, "", ""},
    {20, 2, LORA_NOTHING, false, "", ""},
    {21, 1, LORA_INPUT, true, "close proximity alarm", ""},
    {22, 1, LORA_NOTHING, false, "", ""},
    {80, 3, LORA_NOTHING, false, "", ""},
    {81, 3, LORA_NOTHING, false, "", ""},
    {82, 3, LORA_DOOR, false, "door open", "door closed"},
    {110, 8, LORA_NOTHING, false, "", ""},
    {112, 2, LORA_NOTHING, false, "", ""},
    {113, 2, LORA_NOTHING, false, "", ""},
    {114, 2, LORA_NOTHING, false, "", ""},
};

enum { TYPE_BATTERY = 1, TYPE_DOOR = 9, TYPE_DOOR_TEMPERATURE = 82 };

static const struct row *row_of(uint8_t type)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].type == (type & (EARLIER - 1))) {
            return &rows[i];
        }
    }
    return NULL;
}

static void add_value(const struct row *row, uint8_t value, const struct lora_choices *choices,
                      struct lora_readings *ret)
{
    bool is_on = value != 0;
    bool is_door = row->type == TYPE_DOOR || row->type == TYPE_DOOR_TEMPERATURE;
    if (is_door) {
        is_on = lora_means(choices->sensative_door, value);
    }
    if (row->what == LORA_NOTHING || (row->is_event && !is_on)) {
        return;
    }
    struct lora_reading *r = lora_add(ret, row->what, row->type == TYPE_BATTERY ? value : is_on,
                                      is_on ? row->on : row->off);
    r->is_event = row->is_event || (is_door && choices->sensative_door == LORA_ANY);
    lora_code(r, slice_str("strips"), "", row->type);
}

void lora_sensative_parse(const struct lora_frame *frame, const struct lora_choices *choices,
                          struct lora_readings *ret_readings)
{
    struct slice p = frame->payload;
    *ret_readings = (struct lora_readings){.count = 0};
    if (frame->port == PORT_HISTORY) {
        ret_readings->understood = p.len;
        ret_readings->has_history = true;
        return;
    }
    if (frame->port > PORT_HISTORY || p.len < 2) {
        ret_readings->is_damaged = p.len < 2;
        return;
    }
    size_t at = 2;
    while (at < p.len) {
        const struct row *row = row_of(p.at[at]);
        if (row == NULL || row->len > p.len - at - 1) {
            ret_readings->is_damaged = row != NULL;
            break;
        }
        if (row->len > 0) {
            add_value(row, p.at[at + 1], choices, ret_readings);
        }
        at += 1u + row->len;
    }
    ret_readings->understood = at;
}
