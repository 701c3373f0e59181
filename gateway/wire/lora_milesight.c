/* lora_milesight.c - Milesight: channel, type and value, little-endian, again and again.
 *
 * Called through lora_makers.def. Never keeps state. Facts: the maker's published tables and decoders
 * (SensorDecoders). A channel that is not in the table ends the reading: its length is not known.
 *
 *   C T V.. C T V.. ...          C channel, T type, V value
 *     any        01 75 battery %         FF 01 09 0A 0B 0F 16 FE FF about the device
 *                20 CE history: never an alarm      FE F8 F9 answers to settings: to the end
 *     WS101      FF 2E 1 short, 2 long, 3 double press
 *     WS301      03 00 1 open            04 00 1 taken off (the example beside the table says
 *                installed: chosen in the configuration)
 *     EM300-MCS  06 00 1 open            EM300: 03 67 temperature 2, 04 68 humidity 1
 *     WS303      03 00 1 leak            EM300-ZLD 05 00 1 leak
 *     WS202      03 00 motion, 04 00 light          VS370 03 00 presence, 04 00 light
 *     VS373      03 F8 D S use 4         07 B0 D S use 6
 *                  D 0 normal, 1 nobody, 2 in bed, 3 out of bed, 4 fall
 *                  S 0 normal, 1 motionless, 2 abnormal, 3 lying
 *                04 F9 regions 4         0A B3 regions 5        05 FA 0B B4 0C B4 time out of bed 8, 9
 *                06 FB I I Y A R         I alarm id, Y type, A status, R region
 *                  Y 0 fall, 1 motionless, 2 dwell, 3 out of bed, 4 occupied, 5 vacant, 6 slow breathing,
 *                    7 fast breathing, 8 lying; A 1 triggered, 2 over, 3 ignored, 4 report
 *                    (decoder and newest table; an older table: Y 0 normal, A 0 triggered, 1 over, 2 ignored)
 *                08 B1 breathing 3
 *     GS524N     6 bytes without channels:  V M B D T X    V versions, M high nibble 1 smoke, low nibble:
 *                  1 alarm, 2 silenced, 4 low battery, 5 fault, 7 normal, 10 taken off, 11 mounted,
 *                  14 test, 15 test with low battery;  B battery %, D density, T temperature, X makes the
 *                  sum 0
 *
 * Where the product is not known, only what one product alone can have said is read.
 */
#include "wire/lora.h"

enum { GS524N_LEN = 6 };

enum special { PLAIN, DETECTION, ALARM, REMOVED, PRESS };

struct row {
    const char *product; /* NULL: any */
    uint8_t channel;
    uint8_t type;
    uint8_t len;
    enum lora_what what;
    const char *letters; /* in front of the value in the code */
    const char *on;
    const char *off;
    enum special special;
};

static const struct row rows[] = {
    {NULL, 0x01, 0x75, 1, LORA_BATTERY, "B", "battery", "battery", PLAIN},
    {NULL, 0xff, 0x01, 1, LORA_NOTHING, "", "", "", PLAIN},
    {NULL, 0xff, 0x09, 2, LORA_NOTHING, "", "", "", PLAIN},
    {NULL, 0xff, 0x0a, 2, LORA_NOTHING, "", "", "", PLAIN},
    {NULL, 0xff, 0x0b, 1, LORA_NOTHING, "", "", "", PLAIN},
    {NULL, 0xff, 0x0f, 1, LORA_NOTHING, "", "", "", PLAIN},
    {NULL, 0xff, 0x16, 8, LORA_NOTHING, "", "", "", PLAIN},
    {NULL, 0xff, 0xfe, 1, LORA_NOTHING, "", "", "", PLAIN},
    {NULL, 0xff, 0xff, 2, LORA_NOTHING, "", "", "", PLAIN},
    {"ws101", 0xff, 0x2e, 1, LORA_BUTTON, "", "button pressed", "button pressed", PRESS},
    {"ws301", 0x03, 0x00, 1, LORA_DOOR, "", "door open", "door closed", PLAIN},
    {"ws301", 0x04, 0x00, 1, LORA_TAMPER, "T", "taken off", "mounted", REMOVED},
    {"em300-mcs", 0x06, 0x00, 1, LORA_DOOR, "", "door open", "door closed", PLAIN},
    {"em300-mcs", 0x03, 0x67, 2, LORA_NOTHING, "", "", "", PLAIN},
    {"em300-mcs", 0x04, 0x68, 1, LORA_NOTHING, "", "", "", PLAIN},
    {"em300-zld", 0x05, 0x00, 1, LORA_LEAK, "", "water leak", "dry", PLAIN},
    {"em300-zld", 0x03, 0x67, 2, LORA_NOTHING, "", "", "", PLAIN},
    {"em300-zld", 0x04, 0x68, 1, LORA_NOTHING, "", "", "", PLAIN},
    {"ws303", 0x03, 0x00, 1, LORA_LEAK, "", "water leak", "dry", PLAIN},
    {"ws202", 0x03, 0x00, 1, LORA_NOTHING, "", "", "", PLAIN},
    {"ws202", 0x04, 0x00, 1, LORA_NOTHING, "", "", "", PLAIN},
    {"vs370", 0x03, 0x00, 1, LORA_NOTHING, "", "", "", PLAIN},
    {"vs370", 0x04, 0x00, 1, LORA_NOTHING, "", "", "", PLAIN},
    {"vs373", 0x03, 0xf8, 6, LORA_NOTHING, "", "", "", DETECTION},
    {"vs373", 0x07, 0xb0, 8, LORA_NOTHING, "", "", "", DETECTION},
    {"vs373", 0x04, 0xf9, 4, LORA_NOTHING, "", "", "", PLAIN},
    {"vs373", 0x0a, 0xb3, 5, LORA_NOTHING, "", "", "", PLAIN},
    {"vs373", 0x05, 0xfa, 8, LORA_NOTHING, "", "", "", PLAIN},
    {"vs373", 0x0b, 0xb4, 9, LORA_NOTHING, "", "", "", PLAIN},
    {"vs373", 0x0c, 0xb4, 9, LORA_NOTHING, "", "", "", PLAIN},
    {"vs373", 0x06, 0xfb, 5, LORA_NOTHING, "", "", "", ALARM},
    {"vs373", 0x08, 0xb1, 3, LORA_NOTHING, "", "", "", PLAIN},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

/* Lengths of one history entry, time stamp included. */
static const struct {
    const char *product;
    size_t len;
} histories[] = {{"em300-mcs", 8}, {"em300-zld", 8}, {"vs373", 9}};

/* The product as its rows spell it; empty when it is none of them. */
static struct slice known_product(struct slice product)
{
    if (slice_eq_nocase(product, "gs524n")) {
        return product;
    }
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].product != NULL && slice_eq_nocase(product, rows[i].product)) {
            return slice_str(rows[i].product);
        }
    }
    return slice_of(NULL, 0);
}

static bool means_the_same(const struct row *a, const struct row *b)
{
    return a->len == b->len && a->what == b->what && a->special == b->special;
}

/* NULL: not known, or without a product not to be told from another's. */
static const struct row *row_of(struct slice product, uint8_t channel, uint8_t type)
{
    const struct row *found = NULL;
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *r = &rows[i];
        bool is_its = r->product == NULL || product.len == 0 || slice_eq_str(product, r->product);
        if (r->channel != channel || r->type != type || !is_its) {
            continue;
        }
        if (found != NULL && !means_the_same(found, r)) {
            return NULL;
        }
        found = r;
    }
    return found;
}

static void add(struct lora_readings *ret, enum lora_what what, int32_t value, const char *text,
                const char *letters, unsigned number)
{
    lora_code(lora_add(ret, what, value, text), slice_str("vs373"), letters, number);
}

/* VS373: what the room looks like now. Of an unknown number nobody knows that it is harmless. */
static void add_detection(uint8_t detection, uint8_t target, struct lora_readings *ret)
{
    bool is_down = detection == 4 || target == 3;
    add(ret, LORA_FALL, is_down,
        !is_down         ? "no fall"
        : detection == 4 ? "fall"
                         : "lying",
        detection == 4 || !is_down ? "D" : "S", detection == 4 || !is_down ? detection : target);
    if (detection == 3 || detection == 2) {
        add(ret, LORA_BED, detection == 3, detection == 3 ? "out of bed" : "in bed", "D",
            detection);
    }
    add(ret, LORA_STILL, target == 1, target == 1 ? "motionless" : "moving", "S", target);
    if (target == 2 || target > 3 || detection > 4) {
        add(ret, LORA_UNWELL, 1, "abnormal", "S", target);
    }
}

static bool is_triggered(enum lora_vs373 numbering, uint8_t status)
{
    switch (numbering) {
    case LORA_VS373_DECODER:
        return status == 1 || status > 4;
    case LORA_VS373_README:
        return status == 0 || status > 2;
    case LORA_VS373_EITHER:
        break;
    }
    return status == 0 || status == 1 || status > 4;
}

static bool is_over(enum lora_vs373 numbering, uint8_t status)
{
    return status == (numbering == LORA_VS373_README ? 1 : 2);
}

/* VS373: an alarm of its own, or its end. */
static void add_alarm(uint8_t type, uint8_t status, enum lora_vs373 numbering,
                      struct lora_readings *ret)
{
    static const struct {
        enum lora_what what;
        const char *text;
    } types[] = {
        {LORA_FALL, "fall"},
        {LORA_STILL, "motionless"},
        {LORA_STILL, "dwells"},
        {LORA_BED, "out of bed"},
        {LORA_NOTHING, "occupied"},
        {LORA_NOTHING, "vacant"},
        {LORA_UNWELL, "slow breathing"},
        {LORA_UNWELL, "fast breathing"},
        {LORA_FALL, "lying"},
    };
    enum { TYPES = sizeof types / sizeof types[0] };
    enum lora_what what = type < TYPES ? types[type].what : LORA_UNWELL;
    bool is_alarm = is_triggered(numbering, status);
    if (what == LORA_NOTHING || (!is_alarm && !is_over(numbering, status)) ||
        (type == 0 && numbering == LORA_VS373_README)) {
        return;
    }
    struct lora_reading *r =
        lora_add(ret, what, is_alarm, type < TYPES ? types[type].text : "alarm of an unknown type");
    r->is_event = true;
    lora_code(r, slice_str("vs373"), "A", type);
}

static void add_value(const struct row *row, const uint8_t *value,
                      const struct lora_choices *choices, struct slice product,
                      struct lora_readings *ret)
{
    static const char *const presses[] = {"button pressed", "short press", "long press",
                                          "double press"};
    bool is_on = value[0] != 0;
    struct lora_reading *r = &ret->spare;
    switch (row->special) {
    case DETECTION:
        add_detection(value[0], value[1], ret);
        return;
    case ALARM:
        add_alarm(value[2], value[3], choices->vs373, ret);
        return;
    case PRESS:
        r = lora_add(ret, LORA_BUTTON, 1, presses[value[0] < 4 ? value[0] : 0]);
        r->is_event = true;
        break;
    case REMOVED:
        is_on = lora_means(choices->ws301_removed, value[0]);
        r = lora_add(ret, row->what, is_on, is_on ? row->on : row->off);
        break;
    case PLAIN:
        if (row->what != LORA_NOTHING) {
            r = lora_add(ret, row->what, row->what == LORA_BATTERY ? value[0] : is_on,
                         is_on ? row->on : row->off);
        }
        break;
    }
    struct slice name = row->product != NULL ? slice_str(row->product)
                        : product.len > 0    ? product
                                             : slice_str("milesight");
    lora_code(r, name, row->letters, value[0]);
}

/* How many bytes of history stand behind 20 CE: all, where the product's entry is not known. */
static size_t history_len(struct slice product, size_t left)
{
    for (size_t i = 0; i < sizeof histories / sizeof histories[0]; i++) {
        if (slice_eq_str(product, histories[i].product) && histories[i].len < left) {
            return histories[i].len;
        }
    }
    return left;
}

/* GS524N: the whole frame is one message. */
static void parse_smoke(struct slice p, struct lora_readings *ret)
{
    unsigned sum = 0;
    for (size_t i = 0; i < p.len; i++) {
        sum += p.at[i];
    }
    if (p.len < 2 || p.at[1] >> 4 != 1) {
        return;
    }
    unsigned message = p.at[1] & 0x0f;
    struct lora_reading *r = NULL;
    switch (message) {
    case 1:
        r = lora_add(ret, LORA_SMOKE, 1, "smoke");
        r->is_event = true;
        break;
    case 2:
        r = lora_add(ret, LORA_SMOKE, 1, "smoke, silenced");
        break;
    case 4:
        r = lora_add(ret, LORA_BATTERY, 0, "battery low");
        break;
    case 5:
        r = lora_add(ret, LORA_FAULT, 1, "fault");
        break;
    case 7:
        r = lora_add(ret, LORA_SMOKE, 0, "normal");
        r->is_event = true;
        lora_code(r, slice_str("gs524n"), "", message);
        r = lora_add(ret, LORA_FAULT, 0, "normal");
        break;
    case 10:
    case 11:
        r = lora_add(ret, LORA_TAMPER, message == 10, message == 10 ? "taken off" : "mounted");
        break;
    case 14:
    case 15:
        r = lora_add(ret, LORA_SMOKE, 1, "test");
        r->is_event = true;
        r->is_test = true;
        break;
    default:
        return; /* nobody knows what it says */
    }
    lora_code(r, slice_str("gs524n"), "", message);
    if (message == 15) {
        lora_code(lora_add(ret, LORA_BATTERY, 0, "battery low"), slice_str("gs524n"), "", message);
    } else if (message != 4 && p.len > 2) {
        lora_code(lora_add(ret, LORA_BATTERY, p.at[2], "battery"), slice_str("gs524n"), "B",
                  p.at[2]);
    }
    ret->understood = p.len;
    ret->is_damaged = p.len != GS524N_LEN || (sum & 0xff) != 0;
}

void lora_milesight_parse(const struct lora_frame *frame, const struct lora_choices *choices,
                          struct lora_readings *ret_readings)
{
    struct slice p = frame->payload;
    struct slice product = known_product(frame->product);
    *ret_readings =
        (struct lora_readings){.is_other_product = frame->product.len > 0 && product.len == 0};
    if (slice_eq_nocase(product, "gs524n")) {
        parse_smoke(p, ret_readings);
        return;
    }
    size_t at = 0;
    while (p.len - at >= 2) {
        const uint8_t channel = p.at[at];
        if (channel == 0x20 && p.at[at + 1] == 0xce) {
            ret_readings->has_history = true;
            at += 2 + history_len(product, p.len - at - 2);
            continue;
        }
        if (channel == 0xfe || channel == 0xf8 || channel == 0xf9) {
            at = p.len;
            break;
        }
        const struct row *row = row_of(product, channel, p.at[at + 1]);
        if (row == NULL || row->len > p.len - at - 2) {
            ret_readings->is_damaged = row != NULL;
            break;
        }
        add_value(row, p.at + at + 2, choices, product, ret_readings);
        at += 2u + row->len;
    }
    ret_readings->understood = at;
}
